"""Signal shapes: the Crystal Ball, the sum of two, and what part of them lies in a window.

A Crystal Ball (M. Oreglia, SLAC-R-236 (1980), appendix D; J. Gaiser, SLAC-R-255 (1982), appendix
F) is a Gaussian that goes over, smoothly to the first derivative, into a power on one side. With
t = (x - mean) / sigma, and the tail at low t:

    exp(-t^2 / 2)                                             for t > -alpha
    exp(-alpha^2 / 2) (1 + alpha (-alpha - t) / n)^(-n)        for t <= -alpha

All shapes are normalised within a window, which may be the whole line. Logarithms are computed as
such: the density is never 0.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]
Side = Literal["low", "high"]
Window = tuple[float, float]

EVERYWHERE: Window = (-np.inf, np.inf)

_ROOT_2PI = float(np.sqrt(2 * np.pi))


class Shape(Protocol):
    """What has a cumulative distribution, a mean and a width."""

    @property
    def centre(self) -> float:
        """Where the peak is."""
        ...

    @property
    def width(self) -> float:
        """The width that windows are counted in."""
        ...

    def cdf(self, x: ArrayLike) -> Array:
        """Return the cumulative distribution."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian on the whole line.

    Attributes
    ----------
    centre, width
        Mean and standard deviation, in the unit of the observable.
    """

    centre: float
    width: float

    def cdf(self, x: ArrayLike) -> Array:
        """Return the cumulative distribution at x."""
        from scipy.special import ndtr

        return np.asarray(ndtr((np.asarray(x, dtype=np.float64) - self.centre) / self.width))


@dataclass(frozen=True)
class CrystalBall:
    """A Crystal Ball, normalised within a window.

    Attributes
    ----------
    mean, sigma
        Of its Gaussian, in the unit of the observable; sigma > 0.
    alpha
        Where the tail begins, in units of sigma; > 0.
    n
        Power of the tail; > 1.
    side
        On which side the tail is.
    window
        Within which the integral is 1.
    """

    mean: float
    sigma: float
    alpha: float
    n: float
    side: Side = "low"
    window: Window = EVERYWHERE

    def __post_init__(self) -> None:
        least = {"sigma": 0.0, "alpha": 0.0, "n": 1.0}
        for name, low in least.items():
            value = getattr(self, name)
            if not low < value < np.inf:
                raise InputError(f"{name} of a Crystal Ball is {value:g} and must be above {low:g}")
        if not self.window[0] < self.window[1]:
            raise InputError(f"the window from {self.window[0]:g} to {self.window[1]:g} is empty")

    @property
    def centre(self) -> float:
        """The mean."""
        return self.mean

    @property
    def width(self) -> float:
        """The sigma."""
        return self.sigma

    @cached_property
    def norm(self) -> float:
        """Integral over the window where the peak is 1, in the unit of the observable."""
        return float(self._integral(*self.window)) * self.sigma

    def log_pdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at x, -inf outside the window."""
        values = np.asarray(x, dtype=np.float64)
        found = log_crystal_ball(self._turned(values), self.alpha, self.n) - np.log(self.norm)
        inside = (values >= self.window[0]) & (values <= self.window[1])
        return np.asarray(np.where(inside, found, -np.inf))

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at x, in one over the unit of the observable."""
        return np.asarray(np.exp(self.log_pdf(x)))

    def cdf(self, x: ArrayLike) -> Array:
        """Return the part below x of what is in the window."""
        values = np.clip(np.asarray(x, dtype=np.float64), *self.window)
        return self.between(self.window[0], values)

    def between(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Return the parts between edges that lie within the window."""
        return np.asarray(self._integral(low, high) * (self.sigma / self.norm))

    def _turned(self, x: ArrayLike) -> Array:
        """Return t, with the tail at low values."""
        t = (np.asarray(x, dtype=np.float64) - self.mean) / self.sigma
        return np.asarray(t if self.side == "low" else -t)

    def _integral(self, low: ArrayLike, high: ArrayLike) -> Array:
        one, two = self._turned(low), self._turned(high)
        if self.side == "high":
            one, two = two, one
        return crystal_ball_integral(one, two, self.alpha, self.n)


@dataclass(frozen=True)
class DoubleCrystalBall:
    """f times one Crystal Ball plus 1 - f times another, all normalised within a window.

    As f counts what is in the window it depends on it where tails reach beyond.

    Attributes
    ----------
    first, second
        The two, with the same window.
    f
        Part of the first, 0 to 1.
    """

    first: CrystalBall
    second: CrystalBall
    f: float

    def __post_init__(self) -> None:
        if not 0 <= self.f <= 1:
            raise InputError(f"the part of the first Crystal Ball is {self.f:g}, not from 0 to 1")
        if self.first.window != self.second.window:
            raise InputError("the two Crystal Balls have different windows")

    @property
    def centre(self) -> float:
        """The mean of the two means, f mean_1 + (1 - f) mean_2."""
        return self.f * self.first.mean + (1 - self.f) * self.second.mean

    @property
    def width(self) -> float:
        """The width sigma_W, see `sigma_w`."""
        return sigma_w(self.f, self.first.sigma, self.second.sigma)

    @property
    def window(self) -> Window:
        """Within which the integral is 1."""
        return self.first.window

    def log_pdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at x, -inf outside the window."""
        with np.errstate(divide="ignore"):
            one, two = np.log(self.f), np.log1p(-self.f)
        found = np.logaddexp(one + self.first.log_pdf(x), two + self.second.log_pdf(x))
        return np.asarray(found)

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at x, in one over the unit of the observable."""
        return np.asarray(np.exp(self.log_pdf(x)))

    def cdf(self, x: ArrayLike) -> Array:
        """Return the part below x of what is in the window."""
        return np.asarray(self.f * self.first.cdf(x) + (1 - self.f) * self.second.cdf(x))

    def between(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Return the parts between edges that lie within the window."""
        one, two = self.first.between(low, high), self.second.between(low, high)
        return np.asarray(self.f * one + (1 - self.f) * two)

    def within(self, window: Window) -> "DoubleCrystalBall":
        """Return the same density (up to its norm) in another window."""
        one, two = replace(self.first, window=window), replace(self.second, window=window)
        parts = self.f * one.norm / self.first.norm, (1 - self.f) * two.norm / self.second.norm
        return DoubleCrystalBall(one, two, parts[0] / (parts[0] + parts[1]))


def sigma_w(f: float, sigma_1: float, sigma_2: float) -> float:
    """Return sqrt(f sigma_1^2 + (1 - f) sigma_2^2), in the unit of the sigmas.

    The width of the sum of two Crystal Balls without their tails and without an offset of their
    means. Source: L. Corona, Belle II Physics Week 2024.

    Examples
    --------
    >>> round(sigma_w(0.7, 10, 20), 3)
    13.784
    """
    return float(np.sqrt(f * sigma_1**2 + (1 - f) * sigma_2**2))


def part_within(shape: Shape, k: float, *, off_by: float = 0.0) -> float:
    """Return which part of a shape is within +- k widths of its centre.

    Parameters
    ----------
    shape
        As it is expected: its centre and width make the window.
    k
        Half of the window in units of the width.
    off_by
        By which part the true shape is wider than expected, about its centre: 0.1 for 10 %.

    Raises
    ------
    InputError
        If a shape of that width would have none.

    Examples
    --------
    >>> wrong, right = (part_within(Gaussian(0, 1), 2, off_by=x) for x in (0.1, 0))
    >>> round(1 - wrong / right, 3)
    0.025
    """
    if not off_by > -1:
        raise InputError(f"a width cannot be off by {off_by:g}")
    half = k * shape.width / (1 + off_by)
    low, high = shape.cdf([shape.centre - half, shape.centre + half])
    return float(high - low)


def window_change(shape: Shape, k: float, off_by: float) -> float:
    """Return by which part the content of a window of +- k widths changes, see `part_within`.

    It is negative where the true shape is wider: a systematic error of the signal efficiency.
    """
    return part_within(shape, k, off_by=off_by) / part_within(shape, k) - 1


def log_crystal_ball(t: Array, alpha: float, n: float) -> Array:
    """Return the logarithm of a Crystal Ball, 0 at the peak, with its tail at low t.

    Parameters
    ----------
    t
        Distance from the mean in units of sigma, any shape.
    alpha, n
        Where the tail begins, and its power; both > 0.
    """
    found = np.array(-0.5 * t * t)
    tail = t < -alpha
    if tail.any():
        found[tail] = -0.5 * alpha**2 - n * np.log1p((-alpha - t[tail]) * (alpha / n))
    return np.asarray(found)


def crystal_ball_integral(low: Array, high: Array, alpha: float, n: float) -> Array:
    """Return integrals over t of a Crystal Ball whose peak is 1, with its tail at low t.

    Parameters
    ----------
    low, high
        Ends, which may be infinite, in units of sigma, of one shape; low <= high.
    alpha, n
        Where the tail begins, > 0, and its power, > 1.
    """
    from scipy.special import ndtr

    one, two = np.maximum(low, -alpha), np.maximum(high, -alpha)
    mirrored = one > 0  # differences of small numbers instead of ones near 1
    core = ndtr(np.where(mirrored, -one, two)) - ndtr(np.where(mirrored, -two, one))
    outer, inner = (_log_base(np.minimum(end, -alpha), alpha, n) for end in (low, high))
    with np.errstate(invalid="ignore"):  # of two ends at infinity nothing is in between
        apart = np.where(outer > inner, outer - inner, 0.0)
        tail = np.where(apart > 0, -np.expm1((1 - n) * apart) * np.exp((1 - n) * inner), 0.0)
    tail *= n / (alpha * (n - 1)) * np.exp(-0.5 * alpha**2)
    return np.asarray(_ROOT_2PI * core + tail)


def _log_base(t: Array, alpha: float, n: float) -> Array:
    """Return the logarithm of what the tail is a power of, 0 where the tail begins."""
    return np.asarray(np.log1p((-alpha - t) * (alpha / n)))
