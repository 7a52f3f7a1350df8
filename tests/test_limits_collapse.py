"""The total count of several bins."""

import numpy as np
import pytest
from scipy.stats import norm, poisson

from mcbook.limits import Likelihoods, Modifier, one_bin, upper_limits

SIGNAL = np.array([True, False, False])


def rel(r):
    """Return the data of a normsys."""
    return {"hi": np.array([1 + r]), "lo": np.array([1 - r])}


def test_shared_nuisances_are_one():
    """Two bins with one nuisance in common have the limits of one bin with their sums."""
    yields = np.zeros((1, 2, 2))
    yields[0, 0], yields[0, 1] = [2.0, 1.0], [0.5, 0.7]
    common = (Modifier("normsys", "a", 0, rel(0.2)), Modifier("normsys", "a", 1, rel(0.2)))
    split = Likelihoods(yields, SIGNAL[:2], common, np.array([[1.0, 2.0]]))
    summed = one_bin([3.0], [1.2], [3.0], common)
    many, one = (upper_limits(x, cl=0.9, method="hybrid") for x in (split, summed))
    assert many.observed == pytest.approx(one.observed, rel=1e-7)
    assert many.expected == pytest.approx(one.expected, rel=1e-7)


def test_nuisances_of_bins_are_their_own():
    """CLs at the limit is 1 - CL, averaged by hand: a staterror here, a sideband there.

    The background is 0.5 (1 + 0.4 z), cut off at 0, plus Gamma(3) / 20.
    """
    yields = np.zeros((1, 3, 2))
    yields[0, 0], yields[0, 1, 0], yields[0, 2, 1] = [2.0, 1.0], 0.5, 0.1
    sigma = np.array([[0.2, 0.0]])
    modifiers = (
        Modifier("staterror", "stat", 1, {"sigma": sigma}),
        Modifier("sideband", "off", 2, {"observed": np.array([2.0]), "ratio": np.array([20.0])}),
    )
    batch = Likelihoods(yields, SIGNAL, modifiers, np.array([[1.0, 1.0]]))
    limit = upper_limits(batch, cl=0.9, method="hybrid").observed[0]
    z = norm.ppf((np.arange(2000) + 0.5) / 2000)
    z = z[z > -2.5]  # the density is cut off at 0, and normalised
    t = np.linspace(0, 2, 4001)
    weight = t**2 * np.exp(-20 * t)
    background = 0.5 * (1 + 0.4 * z)[:, None] + t[None, :]

    def probability(s):
        return (poisson.cdf(2, s + background) * weight).sum()

    assert probability(3 * limit) / probability(0) == pytest.approx(0.1, rel=2e-3)


def test_a_free_factor_is_refused():
    """What cannot be averaged says so, and gives no limit."""
    batch = Likelihoods(
        np.ones((1, 3, 2)), SIGNAL, (Modifier("normfactor", "free", 1),), np.ones((1, 2))
    )
    found = upper_limits(batch, cl=0.9, method="hybrid")
    assert np.isnan(found.observed).all()
    assert "free" in found.status[0]
