"""How yields move with a nuisance parameter: HistFactory's interpolation codes 4 and 4p.

Source: K. Cranmer et al., CERN-OPEN-2012-016; pyhf (doi:10.21105/joss.02823) for the polynomials.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_POWERS = 6


@cache
def _solver() -> Array:
    """Return the matrix from values and two derivatives at +1 and -1 to the coefficients."""
    rows = []
    for x in (1.0, -1.0):
        powers = np.arange(1, _POWERS + 1)
        rows.append(x**powers)
        rows.append(powers * x ** (powers - 1))
        rows.append(powers * (powers - 1) * x ** np.maximum(powers - 2, 0))
    return np.asarray(np.linalg.inv(np.array(rows)))


class Exponential:
    """Code 4: hi^a above +1, lo^-a below -1, between them a polynomial of sixth order.

    Its value and two derivatives are those of the powers at +1 and -1.

    Parameters
    ----------
    hi, lo
        Factors at +1 and -1, shape (R,) or any that broadcasts with alpha, > 0.
    """

    def __init__(self, hi: Array, lo: Array) -> None:
        self.log_hi, self.log_lo = np.log(hi), np.log(lo)
        values = np.stack(
            [
                hi - 1,
                hi * self.log_hi,
                hi * self.log_hi**2,
                lo - 1,
                -lo * self.log_lo,
                lo * self.log_lo**2,
            ]
        )
        self.powers = np.tensordot(_solver(), values, 1)  # shape (6, R)

    def take(self, rows: NDArray[np.integer]) -> "Exponential":
        """Return the factors of some rows."""
        new = object.__new__(Exponential)
        new.log_hi, new.log_lo = self.log_hi[rows], self.log_lo[rows]
        new.powers = self.powers.take(rows, axis=-1)
        return new

    def factor(self, alpha: Array) -> tuple[Array, Array, Array]:
        """Return the factor k, k'/k and k''/k at *alpha*, each of shape (R,)."""
        inner = np.clip(alpha, -1.0, 1.0)
        value = first = second = np.zeros(())
        for coefficient in self.powers[::-1]:
            second = second * inner + 2 * first
            first = first * inner + value
            value = value * inner + coefficient
        # value is p(x)/x of the polynomial without its constant: multiply by x once more.
        second = second * inner + 2 * first
        first = first * inner + value
        value = value * inner + 1.0
        slope = np.where(alpha >= 0, self.log_hi, -self.log_lo)
        outside = np.abs(alpha) > 1
        factor = np.where(outside, np.exp(slope * alpha), value)
        return (
            factor,
            np.where(outside, slope, first / value),
            np.where(outside, slope * slope, second / value),
        )


class Shift:
    """Code 4p: straight lines outside -1 to +1, a polynomial of sixth order between.

    Parameters
    ----------
    up, down
        Yields at +1 and -1 less the nominal yield, shape (B, R) or any that broadcasts with alpha.
    """

    def __init__(self, up: Array, down: Array) -> None:
        self.up, self.down = up, down
        self.odd = (up - down) / 2
        self.even = (up + down) / 16

    def take(self, rows: NDArray[np.integer]) -> "Shift":
        """Return the shifts of some rows."""
        new = object.__new__(Shift)
        for name in ("up", "down", "odd", "even"):
            setattr(new, name, getattr(self, name).take(rows, axis=-1))
        return new

    def at(self, x: Array) -> tuple[Array, Array, Array]:
        """Return the shift and its two derivatives at *x*, which broadcasts with the yields."""
        square = x * x
        inside = x * self.odd + self.even * square * (15 + square * (3 * square - 10))
        first = self.odd + self.even * x * (30 + square * (18 * square - 40))
        second = self.even * (30 + square * (90 * square - 120))
        above, below = x > 1, x < -1
        return (
            np.where(above, x * self.up, np.where(below, -x * self.down, inside)),
            np.where(above, self.up, np.where(below, -self.down, first)),
            np.where(above | below, 0.0, second),
        )
