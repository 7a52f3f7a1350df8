"""CLs with the count as statistic, probabilities averaged over the nuisances.

CLs = <P(N <= n | mu s + b)> / <P(N <= n | b)>, the averages over the distributions that the
constraints give (`mcbook.limits.nuisances`). Sources: R. D. Cousins and V. L. Highland, Nucl.
Instrum. Meth. A 320 (1992) 331; for sidebands R. D. Cousins, J. T. Linnemann, J. Tucker, Nucl.
Instrum. Meth. A 595 (2008) 480.
"""

from mcbook.limits import counting
from mcbook.limits.collapse import collapsed
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import Limits


def limits(likelihoods: Likelihoods, *, cl: float) -> Limits:
    """Return limits on mu from the count; without systematics in one bin those of `exact`.

    Of several bins the total is counted: limits have the right coverage, and are weaker than those
    of a fit where the bins differ in purity.

    Parameters
    ----------
    likelihoods
        Hypotheses with any number of bins.
    cl
        Confidence level in (0, 1).

    Raises
    ------
    InputError
        If *cl* is no level.
    """
    if likelihoods.n_bins > 1:
        likelihoods = collapsed(likelihoods)
    return counting.limits(likelihoods, cl=cl, method="hybrid")
