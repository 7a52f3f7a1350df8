"""Widths of samples from their quantiles, without any shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

INSIDE = 0.6826894921370859
"""Part of a Gaussian within one standard deviation."""

_LOW, _HIGH = (1 - INSIDE) / 2, (1 + INSIDE) / 2


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Median and sigma_68 of a sample with weights, in the unit of the values.

    Attributes
    ----------
    median
        Half of the weights are below.
    sigma_68
        Half of the central interval with 68.27 % of the weights: between the quantiles of 15.87 %
        and 84.13 %. It is the standard deviation of a Gaussian.
    sigma_68_error
        Its statistical error, see `quantiles`.
    """

    median: float
    sigma_68: float
    sigma_68_error: float


def quantiles(values: Array, weights: Array) -> Quantiles:
    """Return median and sigma_68 of a sample.

    The error is that of order statistics: the variance of the weights below each quantile, and
    their covariance, are carried over with the slope of the quantile function (R. S. Woodruff, J.
    Amer. Stat. Assoc. 47 (1952) 635, doi:10.2307/2280781). The slope is taken over two standard
    errors on both sides, so that no density has to be assumed.

    Parameters
    ----------
    values
        Shape (n,), n > 0, finite.
    weights
        Shape (n,), not negative, with a sum above 0.
    """
    order = np.argsort(values)
    x, w = values[order], weights[order]
    total = w.sum()
    below = (np.cumsum(w) - w / 2) / total
    low, median, high = np.interp([_LOW, 0.5, _HIGH], below, x)
    deviations = [((x < at) - p) * w / total for at, p in ((low, _LOW), (high, _HIGH))]
    covariance = np.array([[one @ two for two in deviations] for one in deviations])
    slopes = []
    for p, variance in zip((_LOW, _HIGH), np.diag(covariance), strict=True):
        step = 2 * np.sqrt(variance)
        ends = np.clip([p - step, p + step], below[0], below[-1])
        x_ends = np.interp(ends, below, x)
        slopes.append((x_ends[1] - x_ends[0]) / max(ends[1] - ends[0], 1e-300))
    along = np.array([-slopes[0], slopes[1]]) / 2
    error = np.sqrt(max(float(along @ covariance @ along), 0.0))
    return Quantiles(float(median), float(high - low) / 2, float(error))


def corrected(
    width: ArrayLike, error: ArrayLike, factor: ArrayLike, relative_error: ArrayLike
) -> tuple[Array, Array]:
    """Return a width as it is in data, and its error.

    Parameters
    ----------
    width, error
        Of simulation, any shape.
    factor
        What data have of the width over what simulation has.
    relative_error
        Its relative error, independent of that of the width.

    Returns
    -------
    tuple
        width x factor, and its error, of the shape that the arguments broadcast to.

    Examples
    --------
    >>> [round(float(x), 4) for x in corrected(0.2, 0.003, 1.05, 0.1)]
    [0.21, 0.0212]
    """
    w, e, f, r = (np.asarray(each, dtype=np.float64) for each in (width, error, factor,
                                                                  relative_error))  # fmt: skip
    found = w * f
    return np.asarray(found), np.hypot(e * f, found * r)
