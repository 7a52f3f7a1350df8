"""Limits from a count whose nuisances are averaged, in one bin.

With x = mu * signal at a node, the probability of at most n events is

    H(x) = sum over k <= n of Poisson(k; x) P(background count <= n - k)

and CLs(mu) = <H(x)> / <H(0)>. With a flat prior in mu the probability that mu is larger is the same
with each node weighted by 1 / signal: the integral of Poisson(k; x) over x from x on is
P(count <= k | x). So one solver serves `hybrid` and `bayesian`.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcbook.limits.nodes import Nodes
from mcbook.limits.poisson import QUANTILES, Counts, cdf, lowest_counts

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

Curve = Callable[[Array, NDArray[np.intp]], tuple[Array, Array]]
"""From x (m, C, S) of problems to H(x) and its derivative."""

LARGEST_SUM = 400
"""Sums run to counts of this size; above, each node of the background is evaluated by itself."""

BLOCK = 60_000
"""Numbers that are worked on at once: they fit a processor's cache."""

STEPS = 80
VANISHED = 1e-250
CONVERGED = 1e-9
NOISE = 1e-12
"""Part of H(0) below which H from a table is rounding, and its slope leads nowhere."""

NEAR = 1e-3
"""How far ln H may be from what is wanted where a small step is the last."""

LAST = 1e-5
LONGEST = 8.0
"""Longest step upwards, as a factor."""


class Count(Protocol):
    """What a count over a background does."""

    def quantile_counts(self) -> Counts:
        """Return the counts at the expected quantiles, shape (H, 5)."""
        ...

    def curve(self, rows: Rows, counts: Counts) -> tuple[Array, Curve]:
        """Return H(0), shape (m, C), and H for m problems: rows and counts."""
        ...

    def cost(self, count: int) -> int:
        """Return how many numbers one node of the signal takes."""
        ...


class Summed:
    """Sums over counts, with the background's distribution in a table."""

    def __init__(self, nodes: Nodes, most: int) -> None:
        """Fill the table up to the count *most*, and to the highest quantile at least."""
        columns = []
        total = np.zeros(nodes.background.shape[:2])
        for probability in _counts_of(nodes):
            columns.append(probability)
            total = total + probability
            self.reached = bool((total @ nodes.shared_weight >= QUANTILES[-1]).all())
            if len(columns) > most and (self.reached or len(columns) > 3 * LARGEST_SUM):
                break
        self._weight = nodes.shared_weight
        self._probability = np.stack(columns, axis=-1)
        self._below = np.cumsum(self._probability, axis=-1)

    def quantile_counts(self) -> Counts:
        """Return the counts at the expected quantiles, shape (H, 5)."""
        marginal = np.einsum("c,hcn->hn", self._weight, self._below)
        return np.asarray((marginal[:, None, :] < QUANTILES[:, None]).sum(axis=-1))

    def cost(self, count: int) -> int:  # noqa: ARG002
        """Return 1: the sum is made step by step."""
        return 1

    def curve(self, rows: Rows, counts: Counts) -> tuple[Array, Curve]:
        """Return H(0) and H."""
        k = np.arange(int(counts.max()) + 1)
        index = counts[:, None] - k
        kept = index >= 0
        index = np.maximum(index, 0)[:, None, :]
        # The powers of x / scale, each with its Poisson probability at the scale, stay in range.
        scale = np.maximum(counts, 1).astype(float)
        log_scale = np.log(scale)[:, None]
        poisson = np.exp(k * log_scale - scale[:, None] - special.gammaln(k + 1.0)) * kept
        below = np.take_along_axis(self._below[rows], index, axis=-1) * poisson[:, None]
        equal = np.take_along_axis(self._probability[rows], index, axis=-1) * poisson[:, None]
        below, equal = (np.ascontiguousarray(np.moveaxis(a, -1, 0)) for a in (below, equal))
        at_zero = self._below[rows, :, counts]

        def curve(x: Array, of: NDArray[np.intp]) -> tuple[Array, Array]:
            own = scale[of][:, None, None]
            top = int(counts[of].max()) + 1
            x = np.minimum(x, own + 600)
            y = x / own
            value, slope = np.zeros_like(x), np.zeros_like(x)
            is_all = len(of) == len(counts)
            own_below, own_equal = (a[:top] if is_all else a[:top, of] for a in (below, equal))
            for i in range(top - 1, -1, -1):
                value *= y
                value += own_below[i][:, :, None]
                slope *= y
                slope += own_equal[i][:, :, None]
            factor = np.exp(own - x)
            return value * factor, slope * -factor

        return at_zero, curve


def _counts_of(nodes: Nodes) -> Iterator[Array]:
    """Yield P(background count = m) at the shared nodes, shape (H, C), for m = 0, 1, ..."""
    mean, weight = nodes.background, nodes.background_weight
    if nodes.gamma is None:
        term, ratio, shape = weight * np.exp(-mean), mean, None
    else:  # Poisson over a Gamma density is a negative binomial distribution
        shape, rate = nodes.gamma.shape[:, None, None], nodes.gamma.rate[:, None, None]
        term = weight * np.exp(-shape * np.log1p(mean / rate))
        ratio = mean / (rate + mean)
    m = 0
    while True:
        yield term.sum(axis=-1)
        m += 1
        term = term * (ratio / m if shape is None else ratio * ((m - 1 + shape) / m))


class Direct:
    """Incomplete gamma functions at each node of the background, for large counts."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._weight = np.broadcast_to(nodes.background_weight, nodes.background.shape)

    def cost(self, count: int) -> int:  # noqa: ARG002
        """Return the number of nodes of the background."""
        return int(self._nodes.background.shape[-1])

    def _below(self, rows: Rows, counts: Counts) -> Array:
        found = cdf(counts[:, None, None].astype(float), self._nodes.background[rows])
        return np.asarray((found * self._weight[rows]).sum(axis=-1))

    def quantile_counts(self) -> Counts:
        """Return the counts at the expected quantiles, shape (H, 5)."""
        shared = self._nodes.shared_weight
        mean = ((self._nodes.background * self._weight).sum(axis=-1) @ shared)[:, None]
        return lowest_counts(
            lambda rows, counts: self._below(rows, counts) @ shared, np.repeat(mean, 5, axis=1)
        )

    def curve(self, rows: Rows, counts: Counts) -> tuple[Array, Curve]:
        """Return H(0) and H."""
        background = self._nodes.background[rows][:, :, None, :]
        weight = self._weight[rows][:, :, None, :]

        def curve(x: Array, of: NDArray[np.intp]) -> tuple[Array, Array]:
            mean = x[..., None] + background[of]
            n = counts[of][:, None, None, None].astype(float)
            value = (cdf(n, mean) * weight[of]).sum(axis=-1)
            log_density = special.xlogy(n, mean) - mean - special.gammaln(n + 1)
            return value, -(np.exp(log_density) * weight[of]).sum(axis=-1)

        return self._below(rows, counts), curve


def solve(  # noqa: PLR0913  a problem has as many parts
    nodes: Nodes, count: Count, rows: Rows, counts: Counts, start: Array, *, cl: float, flat: bool
) -> Array:
    """Return upper limits on mu of problems: rows and their counts.

    Parameters
    ----------
    nodes, count
        Signal and background of the rows.
    rows, counts, start
        Which row, which count and about which limit, shape (m,).
    cl
        Confidence or credibility level.
    flat
        Whether mu has a flat prior; CLs otherwise.

    Returns
    -------
    array
        Limits, shape (m,); infinite where none is found because the signal may vanish, NaN where
        the count is impossible.
    """
    found = np.full(len(rows), np.nan)
    ordered = np.argsort(counts, kind="stable")
    width = int(np.prod(nodes.signal.shape[1:])) * count.cost(int(counts.max()))
    size = max(1, BLOCK // width)
    for first in range(0, len(rows), size):
        these = ordered[first : first + size]
        at_zero, curve = count.curve(rows[these], counts[these])
        found[these] = _solve(
            nodes, rows[these], at_zero, curve, start[these], (float(np.log1p(-cl)), flat)
        )
    return found


def _solve(
    nodes: Nodes, rows: Rows, at_zero: Array, curve: Curve, start: Array, how: tuple[float, bool]
) -> Array:
    """Solve ln <H(mu S)> = ln <H(0)> + ln(1 - CL) by Newton steps inside a bracket."""
    log_alpha, flat = how
    signal = nodes.signal[rows]
    weight = np.broadcast_to(nodes.signal_weight, nodes.signal.shape)[rows]
    weight = weight * nodes.shared_weight[:, None]
    if flat:
        weight = weight / signal
    zero = (weight.sum(axis=-1) * at_zero).sum(axis=-1)
    mu = np.where(zero > VANISHED, start, np.nan)
    wanted = np.log(np.maximum(zero, VANISHED)) + log_alpha
    low, high = np.zeros_like(mu), np.full_like(mu, np.inf)
    of = np.flatnonzero(zero > VANISHED)
    for _ in range(STEPS):
        value, slope = curve(mu[of, None, None] * signal[of], of)
        value = (value * weight[of]).sum(axis=(1, 2))
        is_noise = value <= NOISE * zero[of]
        value = np.maximum(value, VANISHED**1.2)
        slope = (slope * weight[of] * signal[of]).sum(axis=(1, 2))
        excess = np.log(value) - wanted[of]
        low[of] = np.where(excess > 0, mu[of], low[of])
        high[of] = np.where(excess > 0, high[of], mu[of])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            new = np.where(is_noise, np.nan, mu[of] - excess * value / slope)
        inside = _inside(new, low[of], high[of])
        # Newton converges quadratically, so that a small step of it is the last.
        small = np.where(inside == new, LAST, CONVERGED)
        new = inside
        is_open = (np.abs(new - mu[of]) > small * mu[of]) | (np.abs(excess) > NEAR)
        mu[of] = new
        of = of[is_open]
        if not len(of):
            return mu
    mu[of] = np.inf
    return mu


def _inside(new: Array, low: Array, high: Array) -> Array:
    """Return steps that stay in the bracket, and are not too long where it is open."""
    middle = np.where(np.isfinite(high), (low + high) / 2, LONGEST * low)
    farthest = np.where(np.isfinite(high), high, LONGEST * low)
    return np.asarray(np.where((new >= low) & (new <= farthest), new, middle))
