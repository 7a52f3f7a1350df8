"""Excluded regions: their lines, and their areas as one patch, in the same cells."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from mcbook.analysis.contour import CAP, contours
from mcbook.report.figures.scales import runs
from mcbook.report.figures.scans import Field, Interval, Islands

Array = NDArray[np.float64]
Point = tuple[float, float]


def excluded_lines(axes: Axes, field: Field, curve: str, **look: Any) -> list[Array]:
    """Draw the lines on which the limit on the strength is one; return them, shape (n, 2) each.

    They are found where the axes are drawn: in logarithms where a scale is logarithmic.
    """
    x, y = _positions(axes, field)
    found = contours(x, y, field.log10_mu[curve], mask=field.mask)
    lines = [_values(axes, entry) for entry in found]
    label = look.pop("label", None)
    for entry in lines:
        axes.plot(entry[:, 0], entry[:, 1], label=label, **look)
        label = None
    return lines


def excluded_area(axes: Axes, field: Field, curve: str, **look: Any) -> bool:
    """Fill where the limit on the strength is below one, up to the lines of `excluded_lines`.

    Returns
    -------
    bool
        Whether there is such an area.
    """
    x, y = _positions(axes, field)
    pieces = list(_pieces(x, y, np.where(field.mask, np.nan, field.log10_mu[curve])))
    if pieces:
        paths = [Outline(_values(axes, np.array([*piece, piece[0]]))) for piece in pieces]
        axes.add_patch(PathPatch(Outline.make_compound_path(*paths), linewidth=0, **look))
    return bool(pieces)


def outlines(islands: Islands, curve: str) -> list[Array]:
    """Return the edges of excluded ranges as lines in (x, limit), shape (n, 2) each.

    Ranges of neighbouring hypotheses that overlap are one island: a line along its lower and one
    along its upper edge, NaN where the end of a range is no edge.
    """
    lines: list[Array] = []
    for first, chain in _chains(islands.curves[curve], islands.refused | islands.vetoed):
        x = islands.x[first : first + len(chain)]
        for end in (0, 1):
            edge = [entry[end] if entry[2 + end] else np.nan for entry in chain]
            lines.append(np.column_stack([x, edge]))
    return lines


def _chains(
    curve: Sequence[Sequence[Interval]], gaps: NDArray[np.bool_]
) -> Iterator[tuple[int, list[Interval]]]:
    """Yield chains of overlapping ranges, each with the place of its first hypothesis."""
    going: list[tuple[int, list[Interval]]] = []
    for i, ranges in enumerate(curve):
        rest = [] if gaps[i] else list(ranges)
        kept = []
        for first, chain in going:
            low, high = chain[-1][:2]
            match = next((r for r in rest if r[0] <= high and r[1] >= low), None)
            if match is None:
                yield first, chain
            else:
                rest.remove(match)
                kept.append((first, [*chain, match]))
        going = [*kept, *((i, [entry]) for entry in rest)]
    yield from going


def _positions(axes: Axes, field: Field) -> tuple[Array, Array]:
    x = np.log10(field.x) if axes.get_xscale() == "log" else field.x
    y = np.log10(field.y) if axes.get_yscale() == "log" else field.y
    return x, y


def _values(axes: Axes, line: Array) -> Array:
    """Return the values at positions of axes, shape (n, 2)."""
    x = 10 ** line[:, 0] if axes.get_xscale() == "log" else line[:, 0]
    y = 10 ** line[:, 1] if axes.get_yscale() == "log" else line[:, 1]
    return np.column_stack([x, y])


def _pieces(x: Array, y: Array, z: Array) -> Iterator[list[Point]]:
    """Yield the parts of cells in which z is below zero, all with the same turn."""
    height = np.clip(z, -CAP, CAP)
    corners = np.stack([height[:-1, :-1], height[1:, :-1], height[1:, 1:], height[:-1, 1:]])
    known = ~np.isnan(corners).any(axis=0)
    below = corners < 0
    full: NDArray[np.bool_] = np.logical_and(known, below.all(axis=0))
    for i in range(len(full)):
        for first, last in runs(full[i]):
            yield [(x[i], y[first]), (x[i + 1], y[first]), (x[i + 1], y[last]), (x[i], y[last])]
    for i, j in np.argwhere(known & below.any(axis=0) & ~full).tolist():
        piece = _part(x[i : i + 2], y[j : j + 2], corners[:, i, j])
        if len(piece) == 6 and corners[:, i, j].mean() >= 0:  # noqa: PLR2004 - see `contours`
            yield from (
                ([piece[-1], *piece[:2]], piece[2:5]) if below[0, i, j] else (piece[:3], piece[3:])
            )
        else:
            yield piece


def _part(x: Array, y: Array, height: Array) -> list[Point]:
    """Return the part of a cell that is below zero; heights of its corners as they turn."""
    corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    piece: list[Point] = []
    for k, (here, there) in enumerate(zip(height, np.roll(height, -1), strict=True)):
        (a, b), (c, d) = corners[k], corners[(k + 1) % 4]
        if here < 0:
            piece.append((a, b))
        if (here < 0) != (there < 0):
            share = here / (here - there)
            piece.append((a + share * (c - a), b + share * (d - b)))
    return piece
