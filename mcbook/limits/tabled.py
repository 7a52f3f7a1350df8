"""Large counts over a background that is spread: tables on equidistant grids.

With G(x) = <P(N <= n | x + b)> over the background b of a node, all that a limit needs is G at many
x. The densities of b are put on a grid, b_j = b_0 + j h, by weights that integrate polynomials of
degree 9 as the nodes do. Then G on a grid of x is a sum of products with P(N <= n | m) on one grid
of m, and G between its nodes is a polynomial of degree 9. The edge of P(N <= n | m) has the width
sqrt(n), of which h is a small part.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.averaged import Curve, Direct, Rows
from mcbook.limits.nodes import Nodes
from mcbook.limits.poisson import Counts, cdf, lowest_counts
from mcbook.limits.quadrature import NOTHING, POINTS, SPACING, deposited
from mcbook.limits.result import SIGMAS

Array = NDArray[np.float64]

LEAST = 4.0
"""Count whose Poisson width is the smallest that quantiles need."""

ENOUGH = 0.8
"""Share of the lowest quantile above which a count is fine with the grid for quantiles."""

LONGEST = 4000
"""Most points of a grid."""

LIKELY = 1e-5
"""P(N <= n) without signal below which the tail of the edge counts, that a grid is too coarse for.
"""

FAR, BEYOND = 7.5, 40.0
"""P(N <= n | m) is 0 or 1 to 1e-12 where m is so many Poisson widths away, and a number above."""

ROUND = 64
"""Lengths of Fourier transforms are multiples of this: they have small factors."""

_BEFORE = POINTS // 2 - 1  # points of a polynomial below the place where it is evaluated


class Tabled:
    """A count over a spread background, with `Direct` for what does not fit a grid."""

    def __init__(self, nodes: Nodes) -> None:
        """Put the background of all rows on grids."""
        self._direct = Direct(nodes)
        background = nodes.background
        weight = np.broadcast_to(nodes.background_weight, background.shape)
        self._shared, self._n_signal = nodes.shared_weight, nodes.signal.shape[-1]
        mean = (background * weight).sum(axis=-1) @ nodes.shared_weight
        there = weight > NOTHING
        self._low = np.where(there, background, np.inf).min(axis=(1, 2))
        self._high = np.where(there, background, 0.0).max(axis=(1, 2))
        self._background, self._weight = background, weight
        self._guess = _quantiles(background, weight * nodes.shared_weight[:, None])
        self._step = SPACING * np.sqrt(self._guess[:, 0])
        self._fits = self._size(self._step) <= LONGEST
        if self._fits:
            self._own = self._grid(np.arange(len(mean)), self._step)

    def _size(self, step: Array) -> float:
        """Return how many points a grid has."""
        return float(((self._high - self._low) / step).max()) + POINTS + 1

    def _grid(self, rows: Rows, step: Array) -> tuple[Array, Array]:
        """Return where grids begin, shape (m,), and weights on them, shape (m, C, J)."""
        low = np.maximum(self._low[rows] - _BEFORE * step, 0.0)
        size = int(((self._high[rows] - low) / step).max()) + POINTS + 1
        place = (self._background[rows] - low[:, None, None]) / step[:, None, None]
        return low, deposited(place, self._weight[rows], size)

    def cost(self, count: int) -> int:
        """Return how many numbers a node of the signal takes."""
        if not self._fits:
            return self._direct.cost(count)
        step = float(SPACING * np.sqrt(min(count + 1.0, self._guess[:, 0].max())))
        size = POINTS + int((float(self._high.max()) + count) / step + FAR / SPACING)
        return 2 + size // (8 * int(self._n_signal))

    def quantile_counts(self) -> Counts:
        """Return the counts at the expected quantiles, shape (H, 5)."""
        if not self._fits:
            return self._direct.quantile_counts()
        low, weight = self._own
        marginal = np.einsum("c,hcm->hm", self._shared, weight)
        grid = low[:, None] + self._step[:, None] * np.arange(marginal.shape[-1])

        def below(rows: Rows, counts: Counts) -> Array:
            return np.asarray((_edge(counts, grid[rows]) * marginal[rows]).sum(axis=-1))

        return lowest_counts(below, self._guess)

    def curve(self, rows: Rows, counts: Counts) -> tuple[Array, Curve]:
        """Return H(0) and H."""
        if not self._fits:
            return self._direct.curve(rows, counts)
        if (counts >= ENOUGH * self._guess[rows, 0]).all():
            step, (low, weight) = self._step[rows], (entry[rows] for entry in self._own)
        else:  # a sharper edge
            step = SPACING * np.sqrt(counts + 1.0)
            if self._size(step.min()) > LONGEST:
                return self._direct.curve(rows, counts)
            low, weight = self._grid(rows, step)
        top = counts + BEYOND + FAR * np.sqrt(counts + 1.0)
        size = POINTS + 1 + max(int(((top - low) / step).max()), 0)
        if size > 2 * LONGEST:
            return self._direct.curve(rows, counts)
        n_grid = weight.shape[-1]
        edge = _edge(counts, low[:, None] + step[:, None] * np.arange(size + n_grid - 1))
        length = -(-edge.shape[-1] // ROUND) * ROUND
        product = np.fft.rfft(edge, length)[:, None] * np.conj(np.fft.rfft(weight, length))
        table = np.ascontiguousarray(np.fft.irfft(product, length)[..., :size])

        def curve(x: Array, of: NDArray[np.intp]) -> tuple[Array, Array]:
            own = step[of][:, None, None]
            value, slope = _interpolated(table[of], np.minimum(x / own, size - 1.0))
            return value, slope / own

        at_zero = np.ascontiguousarray(table[:, :, 0])
        if (at_zero @ self._shared).min() < LIKELY:
            return self._direct.curve(rows, counts)
        return at_zero, curve


def _quantiles(background: Array, weight: Array) -> Array:
    """Return about which counts have the quantiles, shape (H, 5): the Cornish-Fisher expansion."""
    mean = (background * weight).sum(axis=(1, 2))
    off = background - mean[:, None, None]
    b2, b3, b4 = ((off**k * weight).sum(axis=(1, 2)) for k in (2, 3, 4))
    variance = mean + b2  # cumulants of a Poisson number whose mean has cumulants
    skew = (mean + 3 * b2 + b3) / variance**1.5
    tail = (mean + 7 * b2 + 6 * b3 + b4 - 3 * b2**2) / variance**2
    z = np.array(SIGMAS, dtype=float)
    skew, tail = skew[:, None], tail[:, None]
    w = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * tail / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    # Where the expansion is none, a count is as small as one may be.
    return np.asarray(np.maximum(mean[:, None] + np.sqrt(variance)[:, None] * w + 0.5, LEAST))


def _edge(counts: Counts, mean: Array) -> Array:
    """Return P(N <= count | mean), shape (m, J), with counts of shape (m,)."""
    n = counts[:, None].astype(float)
    found = (mean < n).astype(float)
    width = FAR * np.sqrt(n + 1)
    near = (mean > n - width) & (mean < n + width + BEYOND)
    found[near] = cdf(np.broadcast_to(n, mean.shape)[near], np.maximum(mean[near], 0.0))
    return found


def _interpolated(table: Array, place: Array) -> tuple[Array, Array]:
    """Return the polynomial through the nearest points of a table, and its slope.

    Parameters
    ----------
    table
        Shape (m, C, I).
    place
        Where, in units of the index, shape (m, C, S).
    """
    size = table.shape[-1]
    first = np.clip(np.floor(place).astype(np.intp) - _BEFORE, 0, size - POINTS)
    start = first + size * np.arange(table[..., 0].size).reshape(*table.shape[:2], 1)
    flat = table.ravel()
    values = [flat[start + k] for k in range(POINTS)]
    for level in range(1, POINTS):  # forward differences
        for k in range(POINTS - 1, level - 1, -1):
            values[k] = values[k] - values[k - 1]
    t = place - first
    value, slope = values[-1], np.zeros_like(t)
    for k in range(POINTS - 2, -1, -1):
        u = (t - k) / (k + 1)
        slope = slope * u + value / (k + 1)
        value = value * u + values[k]
    return value, slope
