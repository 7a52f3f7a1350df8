"""Formulas of the signal models, each with its source and a version."""
