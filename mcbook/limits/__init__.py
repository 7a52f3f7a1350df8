"""Limits, best fits and significances on plain arrays: many hypotheses at once, no catalog."""

from mcbook.limits.bestfit import BestFits, best_fits, impacts
from mcbook.limits.choose import upper_limits
from mcbook.limits.likelihoods import Likelihoods, Modifier, one_bin
from mcbook.limits.result import Limits

__all__ = [
    "BestFits",
    "Likelihoods",
    "Limits",
    "Modifier",
    "best_fits",
    "impacts",
    "one_bin",
    "upper_limits",
]
