"""Efficiency maps on plain arrays: intervals, interpolation, and where a map may be asked."""
