"""Squared amplitudes at tree level, from particles and vertices given as plain data.

Knows nothing of the registry, of cards or of cross sections. Units are powers of GeV; a momentum
is an array of shape (4, n_events): E, px, py, pz.
"""
