"""Axes of a map: how they are scaled, and the hull of its nodes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

COUPLINGS = frozenset({
    "epsilon", "theta", "g_prime", "g_agg", "g_aww", "g_s", "g_a", "xi", "alpha_D", "c_ll", "u_mu",
})  # fmt: skip
"""Couplings of the shipped models, logarithmic wherever all values are above 0."""

WIDE = 10.0
"""An axis that is not known by name is logarithmic only when it spans this factor."""

MOST_FACED = 4
"""Up to this dimension the faces of the convex hull are made; beyond, there are too many."""

TOLERANCE = 1e-9
"""By which a point may be outside the hull, the range of each axis being 1."""

_NNLS_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Scales:
    """How positions are scaled to ranges of 1.

    Attributes
    ----------
    names
        The axes along which the nodes vary.
    is_log
        Which of them are logarithmic.
    low, high
        Their ranges, in their own units.
    """

    names: tuple[str, ...]
    is_log: tuple[bool, ...]
    low: Array
    high: Array

    def scaled(self, points: Array) -> Array:
        """Return positions of shape (m, d) with ranges of 1; NaN where a logarithm has no value."""
        found = np.array(points, dtype=np.float64)
        for j, is_log in enumerate(self.is_log):
            low, high = self.low[j], self.high[j]
            if is_log:
                with np.errstate(invalid="ignore", divide="ignore"):
                    found[:, j] = np.log(found[:, j])
                low, high = np.log(low), np.log(high)
            found[:, j] = (found[:, j] - low) / (high - low)
        return found


def choose_scales(
    names: Sequence[str], points: Array, log_axes: Collection[str], linear_axes: Collection[str]
) -> Scales:
    """Return the scales of axes along which nodes vary.

    Lifetimes (``ctau_*``) and couplings are logarithmic where all values are above 0, and other
    axes where they span more than `WIDE` and are more evenly spaced so.

    Raises
    ------
    InputError
        If an axis that is to be logarithmic has a value that is not above 0, or is named twice.
    """
    both = sorted(set(log_axes) & set(linear_axes))
    if both:
        raise InputError(f"the axis {both[0]} cannot be both logarithmic and linear")
    is_log = []
    for j, name in enumerate(names):
        values = np.unique(points[:, j])
        if name in log_axes:
            if values[0] <= 0:
                raise InputError(
                    f"the axis {name} has the value {values[0]:.9g} and cannot be logarithmic",
                    hint="logarithmic axes are above 0",
                )
            is_log.append(True)
        else:
            is_log.append(name not in linear_axes and _looks_log(name, values))
    return Scales(tuple(names), tuple(is_log), points.min(axis=0), points.max(axis=0))


def check_names(axes: Sequence[str], wanted: Collection[str]) -> None:
    """Check that names are those of axes.

    Raises
    ------
    InputError
        If one is not.
    """
    for name in wanted:
        if name not in axes:
            raise InputError(f"the map has no axis {name!r}", hint=did_you_mean(name, axes))


def _looks_log(name: str, values: Array) -> bool:
    if values[0] <= 0:
        return False
    if name.startswith("ctau_") or name in COUPLINGS:
        return True
    if values[-1] < WIDE * values[0] or len(values) < 3:  # noqa: PLR2004 - two have no spacing
        return False
    linear, logarithmic = np.diff(values), np.diff(np.log(values))
    return bool(logarithmic.std() / logarithmic.mean() < linear.std() / linear.mean())


class Hull:
    """The convex hull of nodes in scaled coordinates, or their box where they fill a grid.

    Raises
    ------
    InputError
        If the nodes lie in a plane, so that nothing is between them.
    """

    def __init__(self, nodes: Array, names: Sequence[str], *, is_box: bool) -> None:
        self.nodes = nodes
        self.is_box = is_box or nodes.shape[1] == 1
        if self.is_box:
            return
        spread = np.linalg.svd(nodes - nodes.mean(axis=0), compute_uv=False)
        if len(nodes) <= len(names) or spread[-1] < 1e-6 * spread[0]:
            raise InputError(
                f"the samples lie on a line or plane in {', '.join(names)}:"
                " there is nothing between them to interpolate in",
                hint="name fewer axes, such as those that were scanned independently: --axes, or"
                " axes in an analysis",
            )

    @cached_property
    def faces(self) -> Array:
        """Normals and offsets of the faces, shape (faces, d + 1)."""
        from scipy.spatial import ConvexHull

        return np.asarray(ConvexHull(self.nodes).equations)

    def contains(self, points: Array) -> Mask:
        """Return which of the points, shape (m, d), are inside."""
        low, high = self.nodes.min(axis=0) - TOLERANCE, self.nodes.max(axis=0) + TOLERANCE
        inside = np.asarray(((points >= low) & (points <= high)).all(axis=1))
        if self.is_box or not inside.any():
            return inside
        rows = np.flatnonzero(inside)
        if points.shape[1] > MOST_FACED:
            inside[rows] = [self._is_mixture(points[row]) for row in rows]
            return inside
        for start in range(0, len(rows), 4096):
            some = rows[start : start + 4096]
            height = points[some] @ self.faces[:, :-1].T + self.faces[:, -1]
            inside[some] = height.max(axis=1) <= TOLERANCE
        return inside

    def _is_mixture(self, point: Array) -> bool:
        """Return whether a point is a mean of nodes with weights that are not negative."""
        from scipy.optimize import nnls

        matrix = np.vstack([(self.nodes - point).T, np.ones(len(self.nodes))])
        target = np.zeros(len(point) + 1)
        target[-1] = 1.0
        _, distance = nnls(matrix, target, maxiter=20 * len(self.nodes))
        return bool(distance < _NNLS_TOLERANCE)
