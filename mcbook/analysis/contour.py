"""Contours on a grid that do not pass where there is no answer: marching squares.

Source of the method: W. E. Lorensen, H. E. Cline, Comput. Graph. 21 (1987) 163, in two dimensions;
in a cell with two crossings of each kind the mean of its corners decides.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Edge = tuple[int, int, int]
"""An edge of the grid: its lower node, and 0 along x or 1 along y."""

CAP = 3.0
"""Values further than this from the level count as this far: an edge beside a point without signal
then lies near the point that has some."""

# Pairs of cell edges that a contour joins, by which corners are below the level: bits 1 (0, 0),
# 2 (1, 0), 4 (1, 1), 8 (0, 1). Cell edges: 0 bottom, 1 right, 2 top, 3 left.
_JOINS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 6: ((0, 2),), 7: ((3, 2),),
    8: ((2, 3),), 9: ((0, 2),), 11: ((1, 2),), 12: ((1, 3),), 13: ((0, 1),), 14: ((3, 0),),
}  # fmt: skip
_SADDLES = {(5, True): ((0, 1), (2, 3)), (5, False): ((3, 0), (1, 2)),
            (10, True): ((3, 0), (1, 2)), (10, False): ((0, 1), (2, 3))}  # fmt: skip


def contours(
    x: Array, y: Array, z: Array, *, level: float = 0.0, mask: NDArray[np.bool_] | None = None
) -> list[Array]:
    """Return the lines on which z has a level.

    Parameters
    ----------
    x, y
        Rising positions, shapes (nx,) and (ny,); take their logarithms first where an axis is
        drawn so, since edges are interpolated linearly.
    z
        Values, shape (nx, ny), such as the logarithm of a limit; infinite is allowed.
    level
        The level.
    mask
        Where there is no answer, shape (nx, ny); NaN is none either. Cells that touch such a node
        are left out, so that lines end there.

    Returns
    -------
    list
        Lines of shape (n, 2); a closed one ends where it begins.
    """
    unknown = np.isnan(z) if mask is None else np.isnan(z) | mask
    height = np.clip(np.where(unknown, 0.0, z) - level, -CAP, CAP)
    known = ~(unknown[1:, 1:] | unknown[:-1, 1:] | unknown[1:, :-1] | unknown[:-1, :-1])
    points = {}
    links: dict[Edge, list[Edge]] = {}
    for i, j in np.argwhere(known).tolist():
        edges: tuple[Edge, ...] = ((i, j, 0), (i + 1, j, 1), (i, j + 1, 0), (i, j, 1))
        for first, second in _joined(height[i : i + 2, j : j + 2]):
            links.setdefault(edges[first], []).append(edges[second])
            links.setdefault(edges[second], []).append(edges[first])
    for edge in links:
        points[edge] = _crossing(x, y, height, edge)
    return [np.array([points[edge] for edge in line]) for line in _lines(links)]


def _joined(cell: Array) -> tuple[tuple[int, int], ...]:
    below = cell < 0
    case = int(below[0, 0]) + 2 * int(below[1, 0]) + 4 * int(below[1, 1]) + 8 * int(below[0, 1])
    if case in {5, 10}:
        return _SADDLES[case, bool(cell.mean() < 0)]
    return _JOINS.get(case, ())


def _crossing(x: Array, y: Array, height: Array, edge: Edge) -> tuple[float, float]:
    i, j, along = edge
    k, m = (i, j + 1) if along else (i + 1, j)
    share = height[i, j] / (height[i, j] - height[k, m])
    return float(x[i] + share * (x[k] - x[i])), float(y[j] + share * (y[m] - y[j]))


def _lines(links: dict[Edge, list[Edge]]) -> Iterator[list[Edge]]:
    """Yield chains of linked edges: open ones from an end first, then closed ones."""
    left = dict(links)
    ends = [edge for edge, others in links.items() if len(others) == 1]
    for start in [*ends, *links]:
        if start not in left:
            continue
        line = [start]
        before: Edge | None = None
        while line[-1] in left:
            here = line[-1]
            others = left.pop(here)
            ahead = [edge for edge in others if edge != before and edge in left]
            before = here
            if ahead:
                line.append(ahead[0])
        if start not in ends and len(line) > 2:  # noqa: PLR2004
            line.append(start)
        yield line
