"""CLs with the count as statistic, probabilities averaged over the nuisances.

CLs = <P(N <= n | mu s + b)> / <P(N <= n | b)>, the averages over the distributions that the
constraints give (`mcbook.limits.nuisances`). Sources: R. D. Cousins and V. L. Highland, Nucl.
Instrum. Meth. A 320 (1992) 331; for sidebands R. D. Cousins, J. T. Linnemann, J. Tucker, Nucl.
Instrum. Meth. A 595 (2008) 480.
"""

from mcbook.limits import counting
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import Limits


def limits(likelihoods: Likelihoods, *, cl: float) -> Limits:
    """Return limits on mu in one bin; without systematics they are those of `exact`.

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
    """
    return counting.limits(likelihoods, cl=cl, method="hybrid")
