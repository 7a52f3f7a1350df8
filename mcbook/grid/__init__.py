"""Grids: sets of parameter points, written in a file.

`read_grid` reads the file, `expand` makes its points for a signal model.
"""

from mcbook.grid.assignments import parse_assignments
from mcbook.grid.file import Grid, grid_in, read_grid
from mcbook.grid.points import Points, expand

__all__ = ["Grid", "Points", "expand", "grid_in", "parse_assignments", "read_grid"]
