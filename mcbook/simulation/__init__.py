"""Samples taken through the detector simulation: under which conditions, and by which scripts."""
