"""Figures of limits as PNG and PDF. Only here matplotlib is imported."""

from mcbook.report.figures.comparison import draw_comparison
from mcbook.report.figures.drawing import draw

__all__ = ["draw", "draw_comparison"]
