"""Maps from the unit interval to squared masses, dense where a propagator is large."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Pole:
    """A propagator 1 / (s - mass^2 + i mass width); `is_flat` stands for none."""

    mass: float = 0.0
    width: float = 0.0
    is_flat: bool = False

    def __call__(self, u: Array, low: Array | float, high: Array | float) -> tuple[Array, Array]:
        """Return s and ds/du, shape (n,) each; 0 where the interval is empty.

        Parameters
        ----------
        u
            In [0, 1].
        low, high
            Ends of the interval of s.
        """
        length = np.maximum(np.asarray(high - low), 0.0)
        if self.is_flat:
            return low + u * length, length * np.ones_like(u)
        square = self.mass**2
        scale = _NEAR * length + self.mass * self.width
        first, last = np.asarray(low - square), np.asarray(low - square + length)
        is_above, is_below = first > -scale, last < scale
        is_closed = np.isnan(first) | np.isnan(last)
        near, far = first + 2 * scale, 2 * scale - last
        if np.all(is_above | is_closed):
            return self._beside(u, near, length, 1.0, low)
        if np.all(is_below | is_closed):
            return self._beside(u, far, length, -1.0, low)
        found, step = self._across(u, first, last)
        for mask, distance, sign in ((is_above, near, 1.0), (is_below, far, -1.0)):
            if np.any(mask):  # of each point its own, never that of those beside it
                other = self._beside(u, np.where(mask, distance, 1.0), length, sign, low)
                found, step = np.where(mask, other[0], found), np.where(mask, other[1], step)
        return found, step

    def _beside(
        self, u: Array, distance: Array, length: Array, sign: float, low: Array | float
    ) -> tuple[Array, Array]:
        """Return s that is uniform in the logarithm of its distance to the pole."""
        ratio = np.log1p(length / distance)
        away = distance * np.exp((u if sign > 0 else 1 - u) * ratio)
        step = away - distance
        found = low + (step if sign > 0 else length - step)
        return found, away * ratio

    def _across(self, u: Array, first: Array, last: Array) -> tuple[Array, Array]:
        """Return s on a Breit-Wigner curve."""
        size = self.mass * max(self.width, 1e-6 * self.mass) or _NEAR * (last - first)
        start, end = np.arctan(first / size), np.arctan(last / size)
        tangent = np.tan(start + u * (end - start))
        return self.mass**2 + size * tangent, size * (1 + tangent * tangent) * (end - start)


@dataclass(frozen=True, slots=True)
class Resonance:
    """The Breit-Wigner curve of a resonance between two masses.

    `share` is the integral of 1 / ((s - mass^2)^2 + mass^2 width^2) over 2 pi.
    """

    mass: float
    width: float
    low: float
    high: float

    @property
    def angles(self) -> tuple[float, float]:
        """Arc tangents of the ends."""
        size = self.mass * self.width
        return tuple(  # type: ignore[return-value]
            math.atan((end - self.mass) * (end + self.mass) / size) for end in (self.low, self.high)
        )

    @property
    def spread(self) -> float:
        """The interval over its middle."""
        return 2 * (self.high - self.low) / (self.high + self.low)

    @property
    def share(self) -> float:
        """Weight of the interval."""
        start, end = self.angles
        return (end - start) / (self.mass * self.width) / (2 * math.pi)

    def masses(self, u: Array) -> Array:
        """Return masses that follow the curve [GeV], for u in [0, 1]."""
        start, end = self.angles
        tangent = np.tan(start + u * (end - start))
        return np.asarray(np.sqrt(self.mass * (self.mass + self.width * tangent)))
