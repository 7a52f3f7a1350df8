"""Efficiencies from counts, with intervals that are right at none and at all.

The textbook error sqrt(e (1 - e) / N) is 0 where nothing or everything is selected, and is never
used here. Two intervals are offered: Clopper and Pearson's (C. J. Clopper and E. S. Pearson,
Biometrika 26 (1934) 404, doi:10.1093/biomet/26.4.404), which never covers less than it says, and
that of Jeffreys' prior Beta(1/2, 1/2), which covers what it says on average (L. D. Brown, T. T. Cai
and A. DasGupta, Statist. Sci. 16 (2001) 101, doi:10.1214/ss/1009213286). See also "Statistics" in
the Review of Particle Physics, section "Binomial proportions" of interval estimation.

Counts may be effective ones, see `effective_counts`; they need not be whole.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]
Interval = tuple[Array, Array]

PRIOR = 0.5
"""Added to the passed and to the failed: Jeffreys' prior."""


def clopper_pearson(n_selected: ArrayLike, n_generated: ArrayLike, *, cl: float) -> Interval:
    """Return the central Clopper-Pearson interval of an efficiency.

    Parameters
    ----------
    n_selected, n_generated
        Counts, 0 <= selected <= generated, any shapes that broadcast.
    cl
        Confidence level in (0, 1), such as 0.683.

    Returns
    -------
    tuple of numpy.ndarray
        Lower and upper ends; 0 below where none is selected, 1 above where all are.

    Raises
    ------
    InputError
        If the counts are not such, or *cl* is not in (0, 1).

    Examples
    --------
    >>> low, high = clopper_pearson(0, 10, cl=0.95)
    >>> float(low), round(float(high), 4)
    (0.0, 0.3085)
    """
    from scipy.special import betaincinv

    k, n, tail = _checked(n_selected, n_generated, cl)
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, betaincinv(np.maximum(k, 1e-300), n - k + 1, tail), 0.0)
        high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1e-300), 1 - tail), 1.0)
    return low, high


def jeffreys(n_selected: ArrayLike, n_generated: ArrayLike, *, cl: float) -> Interval:
    """Return the central credible interval of an efficiency for Jeffreys' prior.

    The lower end is 0 where none is selected and the upper one 1 where all are, as Brown, Cai and
    DasGupta modify it, so that the interval covers there. See `clopper_pearson`.

    Examples
    --------
    >>> low, high = jeffreys(3, 10, cl=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0927, 0.6058)
    """
    from scipy.special import betaincinv

    k, n, tail = _checked(n_selected, n_generated, cl)
    a, b = k + PRIOR, n - k + PRIOR
    low = np.where(k > 0, betaincinv(a, b, tail), 0.0)
    high = np.where(k < n, betaincinv(a, b, 1 - tail), 1.0)
    return low, high


def mc_error(n_selected: ArrayLike, n_generated: ArrayLike) -> Array:
    """Return the error of an efficiency from the number of events, to be used as a nuisance.

    It is the standard deviation of the posterior Beta(k + 1/2, N - k + 1/2), never 0: about
    0.7 / N where none or all are selected, and sqrt(e (1 - e) / N) far from there.

    Parameters
    ----------
    n_selected, n_generated
        As in `clopper_pearson`.
    """
    k, n, _ = _checked(n_selected, n_generated, 0.5)
    a, b = k + PRIOR, n - k + PRIOR
    return np.asarray(np.sqrt(a * b / (a + b + 1)) / (a + b))


def logit(n_selected: ArrayLike, n_generated: ArrayLike) -> tuple[Array, Array]:
    """Return ln(e / (1 - e)) with half an event added to each side, and its variance.

    Source: J. J. Gart and J. R. Zweifel, Biometrika 54 (1967) 181, doi:10.1093/biomet/54.1-2.181:
    the half removes the bias to first order; the variance is 1/(k + 1/2) + 1/(N - k + 1/2).
    """
    k, n, _ = _checked(n_selected, n_generated, 0.5)
    a, b = k + PRIOR, n - k + PRIOR
    return np.log(a) - np.log(b), 1 / a + 1 / b


def effective_counts(
    sumw: ArrayLike, sumw2: ArrayLike, sumw_generated: ArrayLike, n_generated: ArrayLike
) -> tuple[Array, Array]:
    """Return the unweighted counts that know an efficiency as well as the weighted ones.

    The selected count is sumw^2 / sumw2, and the generated one that over the efficiency
    sumw / sumw_generated: the events that fail are taken to have weights like those that pass.
    Where nothing is selected no weight is known, and *n_generated* is the answer.

    Parameters
    ----------
    sumw, sumw2
        Sums of the weights, and of their squares, of the selected events.
    sumw_generated
        Sum of the weights of all generated events, > 0.
    n_generated
        Number of generated events.

    Returns
    -------
    tuple of numpy.ndarray
        Effective numbers of selected and of generated events.

    Examples
    --------
    >>> selected, generated = effective_counts(20.0, 40.0, 100.0, 50)
    >>> float(selected), float(generated)
    (10.0, 50.0)
    """
    w, w2, total, n = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (sumw, sumw2, sumw_generated)),
        np.asarray(n_generated, dtype=np.float64),
    )
    some = w > 0
    safe = np.where(some, w2, 1.0)
    selected = np.where(some, w * w / safe, 0.0)
    return selected, np.where(some, np.maximum(w * total / safe, selected), n)


def reweighted_counts(
    sumw: ArrayLike, sumw2: ArrayLike, sumw_generated: ArrayLike, n_generated: ArrayLike
) -> tuple[Array, Array]:
    """Return the unweighted counts that know an efficiency as well as reweighted events do.

    Events that were generated at another lifetime are divided by a number that does not fluctuate,
    so that the variance of the efficiency e is sumw2 / sumw_generated^2 - e^2 / n_generated. The
    counts are those of a binomial with that variance. They are those of `effective_counts` where e
    is small; where it is not, events that fail need not have weights like those that pass.

    Parameters
    ----------
    sumw, sumw2, sumw_generated, n_generated
        As in `effective_counts`; *sumw_generated* is what *sumw* is divided by.

    Returns
    -------
    tuple of numpy.ndarray
        Effective numbers of selected and of generated events.

    Examples
    --------
    >>> selected, generated = reweighted_counts(20.0, 20.0, 100.0, 100)
    >>> round(float(selected), 9), round(float(generated), 9)
    (20.0, 100.0)
    """
    w, w2, total, n = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (sumw, sumw2, sumw_generated)),
        np.asarray(n_generated, dtype=np.float64),
    )
    plain_k, plain_n = effective_counts(w, w2, total, n)
    e = np.minimum(w / total, 1.0)
    variance = w2 / total**2 - e**2 / n
    is_known = (w > 0) & (variance > 0)
    safe = np.where(is_known, variance, 1.0)
    # An efficiency within its error of 1 is no better known than one that far away.
    below = np.maximum(1 - e, np.minimum(np.sqrt(safe), 1.0))
    effective = e * below / safe
    return (
        np.where(is_known, e * effective, plain_k),
        np.where(is_known, effective, plain_n),
    )


def _checked(
    n_selected: ArrayLike, n_generated: ArrayLike, cl: float
) -> tuple[Array, Array, float]:
    k, n = np.broadcast_arrays(
        np.asarray(n_selected, dtype=np.float64), np.asarray(n_generated, dtype=np.float64)
    )
    if not 0 < cl < 1:
        raise InputError(f"cl = {cl:g} is not between 0 and 1", hint="90% is written 0.90")
    if not (np.isfinite(n) & (k >= 0) & (k <= n)).all():
        raise InputError("counts must have 0 <= n_selected <= n_generated, and be finite")
    return k, n, (1 - cl) / 2
