"""Upper limits on plain arrays: many hypotheses at once, no catalog needed."""

from mcbook.limits.choose import upper_limits
from mcbook.limits.likelihoods import Likelihoods, Modifier, one_bin
from mcbook.limits.result import Limits

__all__ = ["Likelihoods", "Limits", "Modifier", "one_bin", "upper_limits"]
