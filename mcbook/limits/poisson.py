"""Poisson sums of one bin: the limit over a known background, and counts at quantiles.

P(N <= n | m) is the regularised incomplete gamma function Q(n + 1, m).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcbook.limits.result import SIGMAS

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

QUANTILES: Array = np.asarray(special.ndtr(np.array(SIGMAS, dtype=float)))
"""Probabilities at -2, -1, 0, 1, 2 standard deviations of a normal distribution."""

TINY = 1e-280
"""Below this a sum is taken from a continued fraction, before it underflows."""

LONGEST = 100_000
"""Most terms of the continued fraction; it needs about ten times the square root of the count."""

STEPS = 60
"""Most Newton steps; four are usual."""

FLATTEST = 0.05
"""Slope from which a limit is guessed where all else underflows."""

ROUNDING = 1e-15


def cdf(count: Array, mean: Array) -> Array:
    """Return P(N <= count | mean)."""
    return np.asarray(special.gammaincc(np.asarray(count, dtype=float) + 1, mean))


def log_cdf(count: Array, mean: Array) -> Array:
    """Return ln P(N <= count | mean), also where the probability is below all floats."""
    probability = cdf(count, mean)
    small = probability < TINY
    found = np.log(np.where(small, 1.0, probability))
    if small.any():
        found[small] = _log_tail(count[small] + 1.0, mean[small])
    return np.asarray(found)


def _log_tail(a: Array, x: Array) -> Array:
    """Return ln Q(a, x) for x above a: Lentz on the continued fraction, DLMF 8.9.2."""
    b = x + 1 - a
    c = np.full_like(x, 1 / TINY)
    d = 1 / b
    fraction = d.copy()
    for i in range(1, LONGEST):
        term = -i * (i - a)
        b += 2
        d = 1 / (term * d + b)
        c = b + term / c
        fraction *= d * c
        if np.all(np.abs(d * c - 1) < ROUNDING):
            break
    return np.asarray(np.log(fraction) - x + a * np.log(x) - special.gammaln(a))


def upper_limits(count: Array, background: Array, *, cl: float) -> Array:
    """Return CLs upper limits on a Poisson signal over a known background [events].

    CLs = P(N <= n | s + b) / P(N <= n | b) = 1 - CL is solved by the inverse of the incomplete
    gamma function; Newton steps take off what the subtraction of b rounds.

    Parameters
    ----------
    count, background
        Observed counts and expected background, of one shape, >= 0.
    cl
        Confidence level in (0, 1).

    References
    ----------
    A. L. Read, J. Phys. G 28 (2002) 2693, doi:10.1088/0954-3899/28/10/313.
    """
    log_alpha = np.log1p(-cl)
    wanted = log_cdf(count, background) + log_alpha
    signal = _first(count, background, wanted, log_alpha)
    for _ in range(STEPS):
        mean = signal + background
        value = log_cdf(count, mean)
        slope = np.exp(count * np.log(mean) - mean - special.gammaln(count + 1.0) - value)
        step = (value - wanted) / slope
        # ln Q is concave: a step from below goes too far, and those from above come back.
        signal = np.maximum(signal + step, signal / 10)
        if np.all(np.abs(step) < 1e-11 * signal + 10 * ROUNDING * background):
            break
    return np.asarray(signal)


def _first(count: Array, background: Array, wanted: Array, log_alpha: float) -> Array:
    """Return a limit that Newton steps make exact."""
    signal = special.gammainccinv(count + 1.0, np.exp(wanted)) - background
    # Where sums underflow, ln Q falls with the slope 1 - n/b.
    flat = np.maximum(1 - count / np.maximum(background, TINY), FLATTEST)
    lost = (wanted < np.log(TINY)) | ~np.isfinite(signal) | (signal <= 0)
    return np.asarray(np.where(lost | (count == 0), -log_alpha / flat, signal))


def quantile_counts(background: Array) -> Counts:
    """Return the smallest n with P(N <= n | b) >= Phi(k) for k = -2, -1, 0, 1, 2; shape (H, 5)."""
    b = background[:, None]
    return lowest_counts(
        lambda rows, counts: cdf(counts.astype(float), background[rows]),
        b + np.array(SIGMAS) * np.sqrt(b),
    )


def lowest_counts(cdf_of: Callable[[NDArray[np.intp], Counts], Array], guess: Array) -> Counts:
    """Return the smallest counts at which a cumulative distribution reaches the quantiles.

    Parameters
    ----------
    cdf_of
        Takes rows and counts, both of shape (m,), and returns P(N <= count) in each of these rows.
    guess
        Where to begin, shape (H, 5).

    Returns
    -------
    array
        Whole numbers, shape (H, 5).
    """
    rows = np.repeat(np.arange(len(guess)), len(QUANTILES))
    wanted = np.tile(QUANTILES, len(guess))

    def reached(counts: Counts, of: NDArray[np.bool_]) -> NDArray[np.bool_]:
        there = counts[of] >= 0
        found = np.zeros(len(there), dtype=bool)
        found[there] = cdf_of(rows[of][there], counts[of][there]) >= wanted[of][there]
        return found

    high = np.maximum(np.floor(guess).astype(np.int64).ravel(), 0)
    everywhere = np.ones(len(high), dtype=bool)
    is_high = reached(high, everywhere)
    low = np.where(is_high, high - 1, high)
    step = 1
    while (open_ := ~is_high).any():  # upwards until it is reached
        low[open_] = high[open_]
        high[open_] += step
        is_high[open_] = reached(high, open_)
        step *= 2
    step = 1
    open_ = low == high - 1
    open_[open_] = reached(low, open_)
    while open_.any():  # downwards until it is not
        high[open_] = low[open_]
        low[open_] = np.maximum(low[open_] - step, -1)
        open_[open_] = reached(low, open_)
        step *= 2
    while (open_ := high - low > 1).any():
        middle = (low + high) // 2
        up = np.zeros_like(open_)
        up[open_] = reached(middle, open_)
        high = np.where(open_ & up, middle, high)
        low = np.where(open_ & ~up, middle, low)
    return np.asarray(high.reshape(guess.shape))
