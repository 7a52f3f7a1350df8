"""Punzi's figure of merit: how well a selection would find or exclude a signal of unknown strength.

Source: G. Punzi, "Sensitivity of searches for new signals and its optimization", PHYSTAT 2003,
arXiv:physics/0308063: eps / (a/2 + sqrt(B)), where a is the number of standard deviations of the
test, and of the level at which a signal is excluded where none is seen (1.64 for 95% and 1.28 for
90%, one-sided), and B the expected background. Unlike S/sqrt(B) it is finite without background,
and needs no cross section.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]


def figure_of_merit(efficiency: ArrayLike, background: ArrayLike, *, a: float) -> Array:
    """Return eps / (a/2 + sqrt(B)).

    Parameters
    ----------
    efficiency
        Signal efficiency, any shape that broadcasts.
    background
        Expected background events, >= 0; what negative weights bring below 0 counts as 0.
    a
        Number of standard deviations of the test, > 0.

    Returns
    -------
    numpy.ndarray
        Dimensionless.

    Raises
    ------
    InputError
        If *a* is not above 0.

    Examples
    --------
    >>> float(figure_of_merit(0.06, 100.0, a=1.64).round(7))
    0.0055453
    >>> float(figure_of_merit(0.082, 0.0, a=1.64).round(6))
    0.1
    """
    return np.asarray(np.asarray(efficiency, dtype=np.float64) / _resolved(background, a))


def figure_of_merit_error(
    efficiency: tuple[ArrayLike, ArrayLike], background: tuple[ArrayLike, ArrayLike], *, a: float
) -> Array:
    """Return the error of the figure of merit from simulated events.

    What the background contributes is how far the figure of merit falls with one standard
    deviation more of it: as its derivative tells where the background is well known, and finite
    where it is 0. See `figure_of_merit`.

    Parameters
    ----------
    efficiency, background
        Value and standard deviation of each.
    a
        As there.
    """
    eps, eps_error = (np.asarray(entry, dtype=np.float64) for entry in efficiency)
    known, sigma = (np.asarray(entry, dtype=np.float64) for entry in background)
    resolved = _resolved(known, a)
    return np.hypot(eps_error / resolved, eps / resolved - eps / _resolved(known + sigma, a))


def background_error(variance: ArrayLike, one: ArrayLike) -> Array:
    """Return the standard deviation of a background, with one event more in each of its samples.

    An error from the events that are left is 0 where none is left, and an optimum would run to
    where the simulated events happen to end. One event more, in quadrature, is what keeps it from
    there: sqrt(sum of w^2 + sum over samples of w_1^2).

    Parameters
    ----------
    variance
        Sum of the squares of the weights of the events that are left.
    one
        Weight of one event of each sample of the background, shape (samples,).
    """
    weights = np.asarray(one, dtype=np.float64)
    return np.sqrt(np.asarray(variance, dtype=np.float64) + weights @ weights)


def _resolved(background: ArrayLike, a: float) -> Array:
    """Return a/2 + sqrt(B)."""
    if not 0 < a < np.inf:
        raise InputError(f"a = {a:g} is not above 0", hint="1.64 is a test at 95%, 1.28 at 90%")
    known = np.maximum(np.asarray(background, dtype=np.float64), 0.0)
    return np.asarray(a / 2 + np.sqrt(known))
