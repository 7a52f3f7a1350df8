"""Exact CLs of a Poisson count with known background.

CLs = P(N <= n | s + b) / P(N <= n | b). Source: A. L. Read, J. Phys. G 28 (2002) 2693,
doi:10.1088/0954-3899/28/10/313.
"""

from mcbook.limits import counting
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import Limits


def limits(likelihoods: Likelihoods, *, cl: float) -> Limits:
    """Return exact limits on mu in one bin without systematics.

    A hypothesis with a systematic is refused by its status, not treated as if it had none.
    Expected limits are quantiles of the exact distribution of the count under background alone.

    Parameters
    ----------
    likelihoods
        Hypotheses with one bin.
    cl
        Confidence level in (0, 1).

    Raises
    ------
    InputError
        If there are several bins, or *cl* is no level.

    Examples
    --------
    >>> from mcbook.limits.likelihoods import one_bin
    >>> float(limits(one_bin([1.0], [0.0], [0]), cl=0.90).observed[0].round(4))
    2.3026
    """
    return counting.limits(likelihoods, cl=cl, method="exact")
