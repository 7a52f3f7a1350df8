"""Bayesian upper limits with a flat prior in mu >= 0, in one bin.

The likelihood is averaged over the nuisances. Without systematics the limit is that of exact CLs
(O. Helene, Nucl. Instrum. Meth. 212 (1983) 319). The level is a credibility level.
"""

from mcbook.limits import counting
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import Limits


def limits(likelihoods: Likelihoods, *, cl: float) -> Limits:
    """Return upper limits on mu in one bin.

    Parameters
    ----------
    likelihoods
        Hypotheses with one bin.
    cl
        Credibility level in (0, 1).

    Raises
    ------
    InputError
        If there are several bins, or *cl* is no level.
    """
    return counting.limits(likelihoods, cl=cl, method="bayesian")
