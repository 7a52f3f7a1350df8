"""What a signal looks like in a window that moves with the hypothesis, between samples, too.

Positions are u = (x - centre) / resolution of the window: there the shape changes little from one
sample to the next, so that its cumulative distribution is interpolated linearly in the position of
the samples (A. L. Read, NIM A 425 (1999) 357, and M. Baak et al., NIM A 771 (2015) 39,
arXiv:1410.7388, go the same way: what is moved first need not be morphed).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.bintables import ENDS, edges_of
from mcbook.analysis.records import ChannelFit, SignalShape
from mcbook.analysis.tables import read_table
from mcbook.errors import InputError, did_you_mean

Array = NDArray[np.float64]
Reasons = NDArray[np.object_]
Cumulative = Callable[[Array], Array]
"""From positions u, any shape (...,), to the part of the signal below them, shape (..., k)."""

SHRINK = 0.25
"""The error of an interpolation over the one where the nearer sample of the two is left out, the
gap being twice as wide: it falls with the square."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Cumulative distributions of samples at rising positions `at` of the axis, shape (s,).

    `second` has the edges of the second observable, shape (k + 1,); one bin where there is none.
    """

    axis: str
    at: Array
    below: tuple[Cumulative, ...]
    second: Array = field(default_factory=lambda: np.array([0.0, 1.0]))

    @property
    def n_second(self) -> int:
        """The number of bins of the second observable."""
        return len(self.second) - 1

    def parts(self, where: Array, edges: Array) -> tuple[Array, Reasons]:
        """Return which part of the signal is in bins at hypotheses, and why it is not known.

        Parameters
        ----------
        where
            Positions of the hypotheses along the axis, shape (n,).
        edges
            Edges u of their bins, shape (n, b + 1).

        Returns
        -------
        tuple of numpy.ndarray
            Parts, shape (n, b k), and reasons, shape (n,).
        """
        return self._between(where, edges, self.at, self.below)

    def without_nearest(self, where: Array, edges: Array) -> Array:
        """Return the parts where the sample next to each hypothesis is left out, shape (n, b k).

        Where too few samples are left they are those of all.
        """
        found = self.parts(where, edges)[0]
        nearest = np.abs(where[:, None] - self.at[None]).argmin(axis=1)
        for left in np.unique(nearest):
            if 0 < left < len(self.at) - 1:
                rows = np.flatnonzero(nearest == left)
                kept = [i for i in range(len(self.at)) if i != left]
                below = tuple(self.below[i] for i in kept)
                found[rows] = self._between(where[rows], edges[rows], self.at[kept], below)[0]
        return found

    def _between(
        self, where: Array, edges: Array, at: Array, below: tuple[Cumulative, ...]
    ) -> tuple[Array, Reasons]:
        reasons = np.full(len(where), "", dtype=object)
        slack = 1e-9 * max(abs(at[0]), abs(at[-1]))
        outside = ~((where >= at[0] - slack) & (where <= at[-1] + slack))
        for i in np.flatnonzero(outside).tolist():
            reasons[i] = (
                f"the shape of the signal is known at {self.axis} = {at[0]:g} to {at[-1]:g}, not at"
                f" {where[i]:.6g}"
            )
        parts = np.zeros((len(where), edges.shape[1] - 1, self.n_second))
        right = np.clip(np.searchsorted(at, where), 1, max(len(at) - 1, 1)) if len(at) > 1 else None
        for s, one in enumerate(below):
            if right is None:
                weight = np.ones(len(where))
            else:
                t = np.clip((where - at[right - 1]) / (at[right] - at[right - 1]), 0.0, 1.0)
                weight = np.where(right == s, t, 0.0) + np.where(right - 1 == s, 1 - t, 0.0)
            rows = np.flatnonzero((weight > 0) & ~outside)
            if rows.size:
                content = np.diff(one(edges[rows]), axis=1)
                parts[rows] += weight[rows, None, None] * content
        return np.maximum(parts, 0.0).reshape(len(where), -1), reasons


def gaussian(edges: Array) -> Array:
    """Return the parts of a Gaussian of the resolution in bins with edges u, shape (n, b)."""
    from scipy.special import ndtr

    return np.asarray(np.diff(ndtr(edges), axis=1))


def read_templates(
    shape: SignalShape, fit: ChannelFit, place: Callable[[Mapping[str, Array]], Mapping[str, Any]]
) -> Templates:
    """Return the shapes of the samples.

    Parameters
    ----------
    shape
        Where they are.
    fit
        Its window says what u is at the samples.
    place
        From positions along the axis by name to all that the window may depend on.

    Raises
    ------
    InputError
        If the table is not right.
    """
    if shape.path is None:
        raise InputError(f"{shape.where}: a Gaussian has no table")
    return _templates(shape, fit) if shape.kind == "templates" else _shapes(shape, fit, place)


def _templates(shape: SignalShape, fit: ChannelFit) -> Templates:
    """Read histograms in u: columns of the axis, low, high (low_2, high_2) and part."""
    path = shape.path
    assert path is not None  # noqa: S101 - `read_templates` says so
    table = read_table(path, shape.where)
    for name in (shape.axis, *ENDS[0], "part"):
        if name not in table:
            raise InputError(
                f"{path}: the column {name!r} is missing", hint=did_you_mean(name, table)
            )
    at = np.unique(table[shape.axis])
    below: list[Cumulative] = []
    has_two = ENDS[1][0] in table
    if has_two and ENDS[1][1] not in table:
        raise InputError(f"{path}: the column {ENDS[1][1]!r} is missing")
    every = np.array([0.0, 1.0])
    if has_two:
        every, _ = edges_of(table[ENDS[1][0]], table[ENDS[1][1]], str(path), ENDS[1][0])
    reach = fit.window.width
    for position in at:
        rows = table[shape.axis] == position
        one = {name: values[rows] for name, values in table.items()}
        edges, values = _contents(one, every, f"{path}: {shape.axis} = {position:g}")
        if edges[0] > -reach + 1e-6 or edges[-1] < reach - 1e-6:
            raise InputError(
                f"{path}: the templates reach from {edges[0]:g} to {edges[-1]:g} resolutions, and"
                f" the window of the fit {reach:g} to both sides"
            )
        first = np.zeros((1, values.shape[1]))
        below.append(_Histogram(edges, np.vstack([first, np.cumsum(values, axis=0)])))
    return Templates(shape.axis, at, tuple(below), every)


def _contents(table: Mapping[str, Array], second: Array, where: str) -> tuple[Array, Array]:
    """Return edges and parts of the template of one sample, shape (b + 1,) and (b, k)."""
    edges, first = edges_of(table["low"], table["high"], where, "low")
    place = np.zeros(len(first), dtype=np.intp)
    if ENDS[1][0] in table:
        place = np.searchsorted(second, table[ENDS[1][0]])
    values = np.zeros((len(edges) - 1, len(second) - 1))
    if len(first) != values.size or len(np.unique(first * values.shape[1] + place)) != values.size:
        raise InputError(f"{where} has not each bin once")
    values[first, place] = table["part"]
    if (values < 0).any() or values.sum() > 1 + 1e-6:
        raise InputError(f"{where}: parts are negative, or more than all")
    return edges, values


def _shapes(
    shape: SignalShape, fit: ChannelFit, place: Callable[[Mapping[str, Array]], Mapping[str, Any]]
) -> Templates:
    """Read sums of two Crystal Balls from a table of `mcbook resolution`."""
    from mcbook.selection.shapetable import read_shapes

    assert shape.path is not None  # noqa: S101 - `read_templates` says so
    at, shapes = read_shapes(shape.path, shape.axis, shape.where)
    point = place({shape.axis: at})
    centre = np.broadcast_to(fit.window.centre.at(point), at.shape)
    resolution = np.broadcast_to(fit.window.resolution.at(point), at.shape)
    below = tuple(
        _Ball(one, float(c), float(r)) for one, c, r in zip(shapes, centre, resolution, strict=True)
    )
    return Templates(shape.axis, at, below)


@dataclass(frozen=True, slots=True)
class _Histogram:
    edges: Array
    below: Array

    def __call__(self, u: Array) -> Array:
        columns = [
            np.interp(u.ravel(), self.edges, self.below[:, j]).reshape(u.shape)
            for j in range(self.below.shape[1])
        ]
        return np.stack(columns, axis=-1)


@dataclass(frozen=True, slots=True)
class _Ball:
    shape: Any
    centre: float
    resolution: float

    def __call__(self, u: Array) -> Array:
        return np.asarray(self.shape.cdf(self.centre + u * self.resolution))[..., None]
