"""Figures of limits, in the style of the field.

`draw` chooses and writes the figures of a limits document, `draw_comparison` those of two.
"""

from mcbook.report.figures.choose import draw, draw_comparison

__all__ = ["draw", "draw_comparison"]
