"""Intervals of efficiencies are right at none and at all, and cover what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mcbook.efficiency import clopper_pearson, effective_counts, jeffreys, mc_error
from mcbook.errors import InputError


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # C. J. Clopper, E. S. Pearson 1934 intervals at 95 % for n = 10 as tabulated since,
        # and the closed forms 1 - 0.025^(1/n) at none and all.
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 100, 0.0, 1 - 0.025**0.01),
    ],
)
def test_clopper_pearson_as_tabulated(k, n, low, high):
    """The interval is the published one."""
    found = clopper_pearson(k, n, cl=0.95)
    assert found[0] == pytest.approx(low, abs=6e-5)
    assert found[1] == pytest.approx(high, abs=6e-5)


@given(st.integers(1, 60), st.floats(0.001, 0.999), st.sampled_from([0.683, 0.9, 0.95]))
def test_clopper_pearson_never_undercovers(n, truth, cl):
    """Summed over all counts, the interval holds the truth at least as often as it says."""
    k = np.arange(n + 1)
    low, high = clopper_pearson(k, n, cl=cl)
    covered = binom.pmf(k, n, truth)[(low <= truth) & (truth <= high)].sum()
    assert covered >= cl - 1e-9


@given(st.integers(1, 10**6), st.data())
def test_intervals_hold_the_estimate(n, data):
    """Both intervals are within 0 and 1, hold k/N, and Jeffreys' lies in the other."""
    k = data.draw(st.integers(0, n))
    (a, b), (c, d) = clopper_pearson(k, n, cl=0.9), jeffreys(k, n, cl=0.9)
    assert 0 <= a <= c <= k / n <= d <= b <= 1


def test_error_is_never_zero():
    """At none and all the error is that of Beta(1/2, N + 1/2); far from there the textbook's."""
    n = 10_000
    exact = np.sqrt(0.5 * (n + 0.5) / ((n + 1) ** 2 * (n + 2)))
    assert mc_error([0, n], n) == pytest.approx([exact, exact])
    assert mc_error(3000, n) == pytest.approx(np.sqrt(0.3 * 0.7 / n), rel=1e-3)


def test_weights_cost_events():
    """Equal weights change nothing; unequal ones leave fewer effective events."""
    k, n = effective_counts(
        [50 * 2.5, 50.0, 0.0], [50 * 6.25, 100.0, 0.0], [250.0, 100, 9], [100] * 3
    )
    assert k.tolist() == [50, 25, 0]
    assert n.tolist() == [100, 50, 100]


def test_effective_counts_give_the_spread_of_weighted_efficiencies():
    """The error of a weighted efficiency is the spread that toys have."""
    rng = np.random.default_rng(1)
    found, errors = [], []
    for _ in range(400):
        w = rng.exponential(size=1000)
        passed = rng.random(1000) < 0.2
        found.append(w[passed].sum() / w.sum())
        counts = effective_counts(w[passed].sum(), (w[passed] ** 2).sum(), w.sum(), 1000)
        errors.append(mc_error(*counts))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.12)


@pytest.mark.parametrize(
    ("k", "n", "cl"), [(3, 2, 0.9), (-1, 2, 0.9), (1, np.inf, 0.9), (1, 2, 90), (np.nan, 2, 0.9)]
)
def test_what_cannot_be_is_refused(k, n, cl):
    """Counts that cannot be, and 90 for 0.90, are errors."""
    with pytest.raises(InputError):
        clopper_pearson(k, n, cl=cl)
