"""Shape-preserving cubic interpolation on a full rectangular grid of up to seven dimensions.

In one dimension it is the pchip of F. N. Fritsch and J. Butland (SIAM J. Sci. Stat. Comput. 5
(1984) 300, doi:10.1137/0905021), as in scipy: monotone where the data are. In more, the tensor
product of cubic Hermite polynomials with those slopes along each axis; the mixed derivatives are
slopes of slopes, averaged over the orders in which the axes can be taken, so that the order of the
axes does not matter.
"""

from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

CHUNK = 4096
"""Points that are evaluated at once, so that memory does not grow with their number."""

SHRINK = 0.25
"""Error between nodes over the one where every other node of evenly spaced ones is left out: the
gap is half as wide, and the error of pchip falls at least with its square."""

LEAST = 0.1
"""Interpolation variance of a cell is at least this part of what the noise of its nodes gives to
the residuals, before `SHRINK`: what hides in the noise cannot be excluded."""

BESIDE = 2
"""Nodes on either side that tell how well a node left out can be predicted: near enough to bend as
it does. With 3 or 4 pulls are no closer to Gaussians (tests/test_efficiency_closure.py)."""


def slopes(x: Array, y: Array) -> Array:
    """Return the slopes of pchip at the nodes.

    Parameters
    ----------
    x
        Positions, shape (n,), rising, n >= 2.
    y
        Values, shape (n, ...).
    """
    h = np.diff(x).reshape(-1, *(1,) * (y.ndim - 1))
    secant = np.diff(y, axis=0) / h
    if len(x) == 2:  # noqa: PLR2004
        return np.concatenate([secant, secant])
    found = np.zeros_like(y)
    left, right = secant[:-1], secant[1:]
    inside = left * right > 0
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        harmonic = (w1 + w2) / (w1 / left + w2 / right)
    found[1:-1] = np.where(inside, harmonic, 0.0)
    found[0] = _end_slope(h[0], h[1], secant[0], secant[1])
    found[-1] = _end_slope(h[-1], h[-2], secant[-1], secant[-2])
    return found


def _end_slope(h0: Array, h1: Array, first: Array, second: Array) -> Array:
    """Return the slope of the parabola at an end, kept to the sign of the data there."""
    slope = ((2 * h0 + h1) * first - h0 * second) / (h0 + h1)
    slope = np.where(np.sign(slope) != np.sign(first), 0.0, slope)
    turns = (np.sign(first) != np.sign(second)) & (np.abs(slope) > 3 * np.abs(first))
    return np.where(turns, 3 * first, slope)


class Grid:
    """Nodes on a full grid, in scaled coordinates, with their logits.

    Parameters
    ----------
    points
        Positions, shape (n, d), which fill a grid with at least two nodes along each axis.
    logits, variances
        Logits and the variances of their noise, shape (n,).
    """

    def __init__(self, points: Array, logits: Array, variances: Array) -> None:
        self.edges = axis_values(points)
        self.shape = tuple(len(edge) for edge in self.edges)
        self.strides = [prod(self.shape[j + 1 :]) for j in range(len(self.shape))]
        self.order = np.lexsort(points.T[::-1])
        self.values = logits[self.order].reshape(self.shape)
        self.variances = variances[self.order].reshape(self.shape)
        self.coefficients = _derivatives(self.edges, self.values)
        self.residuals = [self._left_out(axis) for axis in range(len(self.edges))]
        self.reaches = [self._reach(axis) for axis in range(len(self.edges))]
        self.curvatures = [self._curvature(axis) for axis in range(len(self.edges))]

    def evaluate(self, points: Array) -> tuple[Array, Array, Array]:
        """Return logits, and their errors from the noise and from the interpolation.

        Beyond the grid, which happens only between the last nodes and a declared threshold, the
        values are continued as they came, and all of the step is taken for an error.

        Parameters
        ----------
        points
            Shape (m, d).
        """
        parts = [self._evaluate(points[i : i + CHUNK]) for i in range(0, len(points), CHUNK)]
        if not parts:
            return np.empty(0), np.empty(0), np.empty(0)
        first, second, third = (np.concatenate(part) for part in zip(*parts, strict=True))
        return first, second, third

    def neighbours(self, points: Array) -> Index:
        """Return the nodes at the corners of the cells of points, shape (m, 2^d)."""
        base, _, _ = self._cells(self._inside(points))
        return np.asarray(self.order[base[:, None] + self._corners()[None, :]])

    def leave_one_out(self) -> tuple[Array, Array]:
        """Return the logit of each node as its grid lines predict it, and the error of that.

        Shape (n,) each; NaN at the corners, which no line passes. The error includes the noise of
        the node itself, but nothing of what the node measured: one odd node must not hide in the
        error that it causes.
        """
        residuals = np.stack([residual for residual, _ in self.residuals])
        known = np.isfinite(residuals)
        count = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        predicted = self.values - np.where(known, residuals, 0.0).sum(axis=0) / count
        spread = np.stack([self._spread_without(axis) for axis in range(len(self.edges))])
        variance = np.where(known, spread, 0.0).sum(axis=0) / count
        back = np.argsort(self.order)
        return predicted.ravel()[back], np.sqrt(variance).ravel()[back]

    def _evaluate(self, points: Array) -> tuple[Array, Array, Array]:
        inside = self._inside(points)
        value = self._values(inside)
        variance, curvature = self._variances(inside)
        beyond = (inside != points).any(axis=1)
        if beyond.any():
            mirrored = self._inside(2 * inside[beyond] - points[beyond])
            step = value[beyond] - self._values(mirrored)
            value[beyond] += step
            curvature[beyond] += step**2
        return value, np.sqrt(variance), np.sqrt(curvature)

    def _inside(self, points: Array) -> Array:
        low, high = [edge[0] for edge in self.edges], [edge[-1] for edge in self.edges]
        return np.clip(points, low, high)

    def _corners(self) -> Index:
        d = len(self.edges)
        return np.array([
            sum(self.strides[j] for j in range(d) if corner >> j & 1) for corner in range(1 << d)
        ])  # fmt: skip

    def _cells(self, points: Array) -> tuple[Index, Array, Array]:
        """Return the lowest node of each cell, where in it a point is, and its widths."""
        base = np.zeros(len(points), dtype=np.intp)
        t, widths = np.empty_like(points), np.empty_like(points)
        for j, edge in enumerate(self.edges):
            i = np.clip(np.searchsorted(edge, points[:, j], side="right") - 1, 0, len(edge) - 2)
            base += i * self.strides[j]
            widths[:, j] = edge[i + 1] - edge[i]
            t[:, j] = (points[:, j] - edge[i]) / widths[:, j]
        return base, t, widths

    def _values(self, points: Array) -> Array:
        base, t, widths = self._cells(points)
        weights = [_hermite(t[:, j], widths[:, j]) for j in range(t.shape[1])]
        found = np.zeros(len(points))
        for corner, offset in enumerate(self._corners()):
            product = np.ones((len(points), 1))
            for j, weight in enumerate(weights):
                product = (weight[:, corner >> j & 1, :, None] * product[:, None]).reshape(
                    len(points), -1
                )
            found += np.einsum("ij,ij->i", self.coefficients[base + offset], product)
        return found

    def _variances(self, points: Array) -> tuple[Array, Array]:
        """Return the variances from noise and from interpolation."""
        base, t, widths = self._cells(points)
        logs = np.log(self.variances).ravel()
        curvatures = [entry.ravel() for entry in self.curvatures]
        noise, bends = np.zeros(len(points)), np.zeros(t.shape)
        for corner, offset in enumerate(self._corners()):
            weight = np.ones(len(points))
            for j in range(t.shape[1]):
                weight = weight * (t[:, j] if corner >> j & 1 else 1 - t[:, j])
            noise += weight * logs[base + offset]
            for j, entry in enumerate(curvatures):
                bends[:, j] += weight * entry[base + offset]
        profile = _profile(t)
        return np.exp(noise) * _noise_left(t).prod(axis=1), (bends * widths**4 * profile).sum(
            axis=1
        )

    def _left_out(self, axis: int) -> tuple[Array, Array]:
        """Return residuals of nodes left out of the lines along an axis, and their noise.

        The shape is that of the grid; NaN at the ends of the lines.
        """
        y, v = (np.moveaxis(entry, axis, 0) for entry in (self.values, self.variances))
        residual, noise = _left_out(self.edges[axis], y, v)
        return np.moveaxis(residual, 0, axis), np.moveaxis(noise, 0, axis)

    def _spread_without(self, axis: int) -> Array:
        """Return the variances of the residuals along an axis as lines without the node give them.

        What the interpolation adds is the excess of the residuals of the `BESIDE` nodes on either
        side, each from the line that has lost the node. NaN at the ends of the lines.
        """
        x = self.edges[axis]
        y, v = (np.moveaxis(entry, axis, 0) for entry in (self.values, self.variances))
        found = np.full_like(y, np.nan)
        own, reach = np.moveaxis(self.residuals[axis][1], axis, 0), _reaches(x)
        for i in range(1, len(x) - 1):
            near = [k for k in range(i - BESIDE - 1, i + BESIDE + 2) if 0 <= k < len(x) and k != i]
            rest = x[near]
            if len(rest) == 2:  # noqa: PLR2004 - a line through two nodes leaves nothing out
                curvature = _curvature_of_line(rest, y[near], 0)[0]
            else:
                residual, noise = _left_out(rest, y[near], v[near])
                r, n = residual[1:-1], noise[1:-1]
                excess = np.maximum((r**2 - n).mean(axis=0), LEAST * n.mean(axis=0))
                curvature = excess / _reaches(rest)[1:-1].mean()
            found[i] = own[i] + curvature * reach[i]
        return np.moveaxis(found, 0, axis)

    def _reach(self, axis: int) -> Array:
        """Return what a unit of curvature adds to the squared residuals along an axis."""
        shape = [1] * len(self.edges)
        shape[axis] = -1
        return np.asarray(np.broadcast_to(_reaches(self.edges[axis]).reshape(shape), self.shape))

    def _curvature(self, axis: int) -> Array:
        """Return the interpolation variance half-way between nodes over their distance^4.

        It is what the residuals have beyond their noise over what a unit of it gives them, both
        averaged over the nodes around.
        """
        from scipy.ndimage import uniform_filter

        if len(self.edges[axis]) == 2:  # noqa: PLR2004 - a line through two nodes leaves nothing out
            return np.repeat(_curvature_of_line(self.edges[axis], self.values, axis), 2, axis=axis)
        residual, noise = (np.moveaxis(entry, axis, 0) for entry in self.residuals[axis])
        excess, floor = residual**2 - noise, LEAST * noise
        for entry in (excess, floor):
            entry[0], entry[-1] = entry[1], entry[-2]
        reach = uniform_filter(np.moveaxis(self.reaches[axis], axis, 0), 3, mode="nearest")
        mean = uniform_filter(excess, 3, mode="nearest")
        return np.moveaxis(np.maximum(mean, floor) / reach, 0, axis)


def axis_values(points: Array) -> list[Array]:
    """Return the values that the nodes have along each axis, rising."""
    return [np.unique(points[:, j]) for j in range(points.shape[1])]


def is_full(points: Array) -> bool:
    """Return whether distinct nodes fill a grid."""
    return prod(len(values) for values in axis_values(points)) == len(points)


def _derivatives(edges: list[Array], values: Array) -> Array:
    """Return value and mixed derivatives at the nodes, shape (nodes, 2^d).

    Bit j of the last index says whether it is the derivative along axis j.
    """
    d = len(edges)
    found: dict[int, Array] = {0: values}
    for size in range(1, d + 1):
        for chosen in combinations(range(d), size):
            bits = sum(1 << j for j in chosen)
            parts = [_along(edges[j], found[bits - (1 << j)], j) for j in chosen]
            found[bits] = np.mean(parts, axis=0)
    return np.stack([found[bits].ravel() for bits in range(1 << d)], axis=-1)


def _along(edge: Array, values: Array, axis: int) -> Array:
    return np.moveaxis(slopes(edge, np.moveaxis(values, axis, 0)), 0, axis)


def _left_out(x: Array, y: Array, v: Array) -> tuple[Array, Array]:
    """Return residuals of nodes left out of lines along the first axis, and their noise.

    The shape is that of the values *y* and their variances *v*; NaN at the ends.
    """
    residual, noise = np.full_like(y, np.nan), np.full_like(y, np.nan)
    for i in range(1, len(x) - 1):
        kept = [k for k in (i - 2, i - 1, i + 1, i + 2) if 0 <= k < len(x)]
        bend = slopes(x[kept], y[kept])[kept.index(i - 1) :][:2]
        h = x[i + 1] - x[i - 1]
        t = np.array([(x[i] - x[i - 1]) / h])
        (y0, s0), (y1, s1) = _hermite(t, np.array([h]))[0]
        residual[i] = y[i] - (y0 * y[i - 1] + s0 * bend[0] + y1 * y[i + 1] + s1 * bend[1])
        noise[i] = v[i] + _noise_left(t)[0] * ((1 - t[0]) * v[i - 1] + t[0] * v[i + 1])
    return residual, noise


def _reaches(x: Array) -> Array:
    """Return what a unit of curvature adds to the squared residual of each node of a line.

    It is the width of the gap that a node leaves, to the power of four, times the profile where
    the node was. The ends have what is next to them.
    """
    found = np.ones(len(x))
    if len(x) > 2:  # noqa: PLR2004
        gap, t = x[2:] - x[:-2], (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
        found[1:-1] = gap**4 * _profile(t)
        found[0], found[-1] = found[1], found[-2]
    return found


def _curvature_of_line(x: Array, y: Array, axis: int) -> Array:
    """Return the guess of the curvature between two nodes, where nothing can be left out."""
    return np.asarray((SHRINK * np.diff(y, axis=axis) / np.diff(x) ** 2) ** 2)


def _hermite(t: Array, h: Array) -> Array:
    """Return weights of value and slope at the lower and upper node, shape (m, 2, 2)."""
    u = 1 - t
    lower = np.stack([(1 + 2 * t) * u * u, t * u * u * h], axis=-1)
    upper = np.stack([t * t * (3 - 2 * t), -t * t * u * h], axis=-1)
    return np.stack([lower, upper], axis=1)


def _profile(t: Array) -> Array:
    """Return the squared error of cubic Hermite polynomials in a cell: 1 half-way, 0 at nodes."""
    return np.asarray(16 * t**2 * (1 - t) ** 2)


def _noise_left(t: Array) -> Array:
    """Return the part of the variance of a node that is left between nodes.

    The mean of what cubic convolution leaves (slopes of the data, where pchip follows them) and of
    what flat slopes leave (where it does not).
    """
    u = 1 - t
    steep = (t * u * u / 2) ** 2 + (1 - 2.5 * t * t + 1.5 * t**3) ** 2
    steep += (t / 2 + 2 * t * t - 1.5 * t**3) ** 2 + (t * t * u / 2) ** 2
    flat = t * t * (3 - 2 * t)
    return np.asarray((steep + flat**2 + (1 - flat) ** 2) / 2)
