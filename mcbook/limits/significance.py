"""Local and global significance of the largest excess in a scan.

In a scan over many signals some excess is found by chance. The chance that noise alone is as high
anywhere follows from how often it crosses a low level upwards, which few toys tell: E. Gross,
O. Vitells, Eur. Phys. J. C 70 (2010) 525, arXiv:1005.1891. It holds for many events and a scan in
steps much finer than the resolution; otherwise the maxima of toys say it without any formula.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.efficiency.intervals import clopper_pearson
from mcbook.errors import InputError

Array = NDArray[np.float64]

_ONE_SIGMA = 0.6826894921370859


def p_of_z(z: ArrayLike) -> Array:
    """Return the one-sided p-value 1 - Phi(z) of a significance, any shape.

    Examples
    --------
    >>> float(p_of_z(5)).__format__(".3e")
    '2.867e-07'
    """
    from scipy.special import ndtr

    return np.asarray(ndtr(-np.asarray(z, dtype=float)))


def z_of_p(p: ArrayLike) -> Array:
    """Return the significance of a one-sided p-value in [0, 1], any shape.

    Examples
    --------
    >>> round(float(z_of_p(2.8665157e-7)), 5)
    5.0
    """
    from scipy.special import ndtri

    return np.asarray(-ndtri(np.asarray(p, dtype=float)))


def upcrossings(z: ArrayLike, level: float) -> NDArray[np.int64]:
    """Count how often scans go from below a level to it or above.

    Parameters
    ----------
    z
        Significances, the scan along the last axis, shape (..., M). NaN is passed over.
    level
        The level, as a significance.

    Returns
    -------
    numpy.ndarray
        Counts, shape (...).

    Examples
    --------
    >>> int(upcrossings([0.9, 0.2, 0.7, 0.1, 1.3], 0.5))
    2
    """
    scans = np.asarray(z, dtype=float)
    known = np.where(np.isnan(scans), 0, np.arange(scans.shape[-1]))
    filled = np.take_along_axis(scans, np.maximum.accumulate(known, axis=-1), axis=-1)
    return np.asarray(((filled[..., :-1] < level) & (filled[..., 1:] >= level)).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class GlobalP:
    """A global p-value and an interval of one standard deviation, from a finite number of toys.

    Attributes
    ----------
    p, low, high
        Of the shape of the local significance that was asked about.
    """

    p: Array
    low: Array
    high: Array

    @property
    def z(self) -> Array:
        """The global significance: negative where p is above 1/2."""
        return z_of_p(self.p)


def global_p(z_max: ArrayLike, crossings: ArrayLike, level: float) -> GlobalP:
    """Return the chance of an excess of *z_max* or more anywhere in a scan, without signal.

    p = p0(z_max) + N exp(-(z_max^2 - level^2) / 2), N the mean number of upcrossings: the bound of
    Gross and Vitells with q0, which is chi2 with one degree of freedom in one half of cases. It is
    an upper bound that is close where p is small. The error of N is that of the mean of the toys,
    or sqrt(N) of a single scan.

    Parameters
    ----------
    z_max
        Largest local significance, any shape.
    crossings
        Upcrossings of each toy scan, as `upcrossings` counts them, shape (T,).
    level
        The level of the crossings, as a significance: low, so that there are many, 0.5 to 1.

    Raises
    ------
    InputError
        If there is no scan.
    """
    counts = np.asarray(crossings, dtype=float).ravel()
    if not len(counts):
        raise InputError("no scan whose upcrossings could be counted")
    mean = counts.mean()
    variance = counts.var(ddof=1) if len(counts) > 1 else mean
    error = np.sqrt(max(variance, 1 / len(counts)) / len(counts))
    z = np.asarray(z_max, dtype=float)
    falls = np.exp(-(np.maximum(z, 0.0) ** 2 - level**2) / 2)
    local = p_of_z(z)
    p, low, high = (
        np.minimum(local + max(n, 0.0) * falls, 1.0) for n in (mean, mean - error, mean + error)
    )
    return GlobalP(p, low, high)


def global_p_of_toys(z_max: ArrayLike, maxima: ArrayLike) -> GlobalP:
    """Return the share of toy scans with a maximum of *z_max* or more.

    Parameters
    ----------
    z_max
        Largest local significance, any shape.
    maxima
        Largest local significance of each toy scan, shape (T,).

    Returns
    -------
    GlobalP
        With Clopper and Pearson's interval of 68.3%.

    Raises
    ------
    InputError
        If there is no toy, or one is no number.
    """
    toys = np.sort(np.asarray(maxima, dtype=float).ravel())
    if not len(toys) or np.isnan(toys).any():
        raise InputError("the maxima of toy scans must be numbers, one or more")
    above = len(toys) - np.searchsorted(toys, np.asarray(z_max, dtype=float))
    low, high = clopper_pearson(above, len(toys), cl=_ONE_SIGMA)
    return GlobalP(np.asarray(above / len(toys)), low, high)
