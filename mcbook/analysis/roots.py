"""Where curves over a logarithmic scan are below zero: intervals with exact edges.

Statistics and physics come in as one function, so that this is plain numerics.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Curves = Callable[[Index, Array], Array]
"""Values at (row, x): takes two arrays of shape (m,), returns (m, n_curves); NaN is unknown."""

SCAN = "scan"
UNKNOWN = "unknown"
TOLERANCE = 1e-7
"""Of the logarithm of an edge."""

_CAP = 30.0
_ROUNDS = 4
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of x in which a curve is below zero.

    `open_low` and `open_high` say why an end is no edge: ``scan`` where the scan ends, ``unknown``
    where the curve is not known beyond; empty at an edge.
    """

    low: float
    high: float
    open_low: str = ""
    open_high: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """One row's points in rising x, shape (J,), with all curves there, shape (J, n_curves)."""

    x: Array
    values: Array


@dataclass(frozen=True, slots=True)
class Bracket:
    """Two neighbours, one on either side of zero."""

    row: int
    curve: int
    place: int


def intervals(curves: Curves, x: Array, values: Array) -> list[list[list[Interval]]]:
    """Return for each row and curve the intervals in which it is below zero.

    Parameters
    ----------
    curves
        Gives further values.
    x
        Scan, above zero and rising, shape (J,).
    values
        Values at the scan, shape (n_rows, J, n_curves); NaN is unknown, plus infinity is far above.

    Notes
    -----
    Extrema near zero are looked at more closely first, so that an island between two points of the
    scan, or a gap, is found. Edges are then found by Chandrupatla's method (Adv. Eng. Softw. 28
    (1997) 145), for all of them at once.
    """
    rows = [Curve(np.log(x), np.minimum(value, _CAP)) for value in values]
    _densify(curves, rows)
    brackets = list(_brackets(rows))
    edges = _solve(curves, rows, brackets)
    at = {(b.row, b.curve, b.place): edge for b, edge in zip(brackets, edges, strict=True)}
    return [
        [list(_assemble(row, i, k, at)) for k in range(values.shape[2])]
        for i, row in enumerate(rows)
    ]


def _densify(curves: Curves, rows: list[Curve]) -> None:
    """Add points beside extrema that may reach beyond zero."""
    looking = list(range(len(rows)))
    for _ in range(_ROUNDS):
        wanted = [(i, point) for i in looking for point in _doubtful(rows[i])]
        if not wanted:
            return
        index = np.array([i for i, _ in wanted], dtype=np.intp)
        points = np.array([point for _, point in wanted])
        found = np.minimum(curves(index, np.exp(points)), _CAP)
        looking = sorted({i for i, _ in wanted})
        for i in looking:
            mine = index == i
            x = np.concatenate([rows[i].x, points[mine]])
            order = np.argsort(x)
            values = np.concatenate([rows[i].values, found[mine]])
            rows[i] = Curve(x[order], values[order])


def _doubtful(row: Curve) -> list[float]:
    """Return where to look beside extrema on one side of zero that may reach to the other."""
    with np.errstate(invalid="ignore"):
        before, here, after = row.values[:-2], row.values[1:-1], row.values[2:]
        reach = 0.5 * np.minimum(np.maximum(np.abs(before - here), np.abs(after - here)), 8.0)
        low = (here <= before) & (here <= after) & (here > 0) & (here < reach)
        high = (here >= before) & (here >= after) & (here < 0) & (-here < reach)
    wanted: set[float] = set()
    for j, k in (np.argwhere(low | high) + np.array([1, 0])).tolist():
        x, f = row.x[j - 1 : j + 2], row.values[j - 1 : j + 2, k]
        wanted |= {0.5 * float(x[1] + x[2 * side]) for side in (0, 1)}
        wanted |= _vertex(x, f)
    gap = TOLERANCE * 10
    return [point for point in sorted(wanted) if np.abs(row.x - point).min() > gap]


def _vertex(x: Array, f: Array) -> set[float]:
    """Return where a parabola through three points turns."""
    left, right = x[1] - x[0], x[2] - x[1]
    below, above = (f[1] - f[0]) / left, (f[2] - f[1]) / right
    if not np.isfinite(below + above) or below == above:
        return set()
    slope = (below * right + above * left) / (left + right)
    return {float(x[1] - slope * (left + right) / (2 * (above - below)))}


def _brackets(rows: list[Curve]) -> Iterator[Bracket]:
    for i, row in enumerate(rows):
        below = row.values < 0
        known = ~np.isnan(row.values)
        crossing = (below[1:] != below[:-1]) & known[1:] & known[:-1]
        for place, curve in np.argwhere(crossing).tolist():
            yield Bracket(i, curve, place)


def _solve(curves: Curves, rows: list[Curve], brackets: list[Bracket]) -> Array:
    """Return the logarithm of x at which each bracket crosses zero."""
    if not brackets:
        return np.zeros(0)
    row = np.array([b.row for b in brackets], dtype=np.intp)
    curve = np.array([b.curve for b in brackets])
    left, right = (np.array([rows[b.row].x[b.place + s] for b in brackets]) for s in (0, 1))
    f_left, f_right = (
        np.array([rows[b.row].values[b.place + s, b.curve] for b in brackets]) for s in (0, 1)
    )
    best = 0.5 * (left + right)
    active = np.arange(len(brackets))
    a, b, fa, fb = right.copy(), left.copy(), f_right.copy(), f_left.copy()
    c, fc = a.copy(), fa.copy()
    t = np.full(len(brackets), 0.5)
    for _ in range(_STEPS):
        x = a + t * (b - a)
        f = np.minimum(curves(row[active], np.exp(x))[np.arange(len(active)), curve[active]], _CAP)
        # What is not known is not excluded: the edge is then the last that is.
        f = np.where(np.isnan(f), _CAP, f)
        same = np.sign(f) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, f
        near = np.abs(fa) < np.abs(fb)
        best[active] = np.where(near, a, b)
        width = np.abs(b - a)
        going = (width > 2 * TOLERANCE) & (np.minimum(np.abs(fa), np.abs(fb)) > 0)
        if not going.any():
            break
        t = _next_step(a, b, c, fa, fb, fc)
        edge = TOLERANCE / np.maximum(width, TOLERANCE)
        t = np.clip(t, np.minimum(edge, 0.5), 1 - np.minimum(edge, 0.5))
        active, a, b, c = active[going], a[going], b[going], c[going]
        fa, fb, fc, t = fa[going], fb[going], fc[going], t[going]
    return np.asarray(best)


def _next_step(a: Array, b: Array, c: Array, fa: Array, fb: Array, fc: Array) -> Array:
    """Return the step of Chandrupatla: inverse quadratic where that is safe, else the middle."""
    with np.errstate(all="ignore"):
        xi = (a - b) / (c - b)
        phi = (fa - fb) / (fc - fb)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        t = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return np.asarray(np.where(safe & np.isfinite(t), t, 0.5))


def _assemble(
    row: Curve, i: int, k: int, at: dict[tuple[int, int, int], float]
) -> Iterator[Interval]:
    """Yield the intervals of one curve."""
    values = row.values[:, k]
    last = len(values) - 1
    start: tuple[float, str] | None = None
    for j, value in enumerate(values):
        if not value < 0:
            continue
        if start is None:
            edge = at.get((i, k, j - 1))
            first = (float(row.x[j]), UNKNOWN if j else SCAN)
            start = first if edge is None else (edge, "")
        if j < last and values[j + 1] < 0:
            continue
        edge = at.get((i, k, j))
        end = (edge, "") if edge is not None else (float(row.x[j]), SCAN if j == last else UNKNOWN)
        yield Interval(float(np.exp(start[0])), float(np.exp(end[0])), start[1], end[1])
        start = None
