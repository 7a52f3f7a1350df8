"""Which method is taken, what toys give, and that nothing fails in silence."""

import numpy as np
import pytest
from likelihood_makers import modifier, relative, shapes
from scipy.stats import poisson

from mcbook.errors import InputError
from mcbook.limits import Likelihoods, Modifier, exact, one_bin, toys, upper_limits
from mcbook.limits.choose import deciding


def test_one_bin_is_hybrid():
    """Also with many events; without systematics that is the exact limit."""
    batch = one_bin([1.0, 1.0], [0.0, 1000.0], [0, 1000])
    found = upper_limits(batch, cl=0.9)
    assert found.method.tolist() == ["hybrid", "hybrid"]
    assert found.observed[0] == pytest.approx(np.log(10))
    exact = upper_limits(batch, cl=0.9, method="exact")
    np.testing.assert_allclose(found.observed, exact.observed, rtol=1e-9)


def test_several_bins_go_by_the_deciding_ones():
    """Many events in the bins that decide are asymptotic; few are toys, per hypothesis."""
    yields = np.array([
        [[9.0, 0.1], [200.0, 1.0]],  # the second bin has little signal: it decides nothing
        [[3.0, 3.0], [200.0, 1.0]],
    ])  # fmt: skip
    batch = Likelihoods(yields, np.array([True, False]))
    assert deciding(batch).tolist() == [[True, False], [False, True]]
    found = upper_limits(batch, cl=0.9, n_toys=1000)
    assert found.method.tolist() == ["asymptotic", "toys"]
    assert found.is_ok.all()


@pytest.mark.parametrize(
    ("b", "n", "r", "limit", "error"),
    [(0.2, 0, 0.05, 2.21, 0.03), (0.5, 0, 0.3, 2.09, 0.04), (5.0, 5, 0.05, 4.81, 0.06)],
)
def test_toys_in_one_bin(b, n, r, limit, error):
    """Limits of qtilde toys as found with another program, within both errors."""
    batch = one_bin([1.0], [b], [n], [relative("s", 0, [r])])
    found = toys.limits(batch, cl=0.9, n_toys=4000)
    assert found.status[0] == "ok"
    assert found.observed[0] == pytest.approx(
        limit, abs=3 * np.hypot(found.observed_error[0], error)
    )


def test_toys_of_many_events_are_asymptotic():
    """In several bins with many events, within the Monte Carlo error."""
    yields = np.array([[[20.0, 10.0], [300.0, 150.0]]])
    batch = Likelihoods(
        yields, np.array([True, False]), (relative("b", 1, [0.02]),), np.array([[305.0, 141.0]])
    )
    found = toys.limits(batch, cl=0.9, n_toys=4000)
    formula = upper_limits(batch, cl=0.9, method="asymptotic")
    error = np.hypot(found.expected_error, 0.02 * formula.expected)
    assert (np.abs(found.expected - formula.expected) < 4 * error).all()
    assert found.observed[0] == pytest.approx(formula.observed[0], rel=0.06)


@pytest.mark.parametrize("kind", ["shapesys", "staterror"])
def test_toys_fluctuate_what_measured_a_yield(kind):
    """A background known to 10% by its own count or error: with many events as the formulas."""
    sigma = {"sigma": np.array([[20.0, 10.0]])}
    yields = np.array([[[20.0, 10.0], [200.0, 100.0]]])
    plain = Likelihoods(yields, np.array([True, False]), (), np.array([[205.0, 96.0]]))
    batch = Likelihoods(
        yields, np.array([True, False]), (Modifier(kind, "b", 1, sigma),), plain.observed
    )
    found = toys.limits(batch, cl=0.9, n_toys=4000)
    formula, known = (upper_limits(b, cl=0.9, method="asymptotic") for b in (batch, plain))
    assert formula.observed[0] > 1.3 * known.observed[0]  # it matters
    error = np.hypot(found.expected_error, 0.02 * formula.expected)
    assert (np.abs(found.expected - formula.expected) < 4 * error).all()
    assert found.observed[0] == pytest.approx(formula.observed[0], rel=0.06)


def test_toys_of_few_events_are_no_line():
    """Where CLs falls in steps, limits stay near those of the exact distribution, and in order."""
    b = np.array([0.1, 0.5, 0.5, 1.0, 2.0, 4.0])
    batch = one_bin(np.full(6, 3.0), b, np.array([0.0, 0, 2, 1, 4, 3]))
    found = toys.limits(batch, cl=0.9, n_toys=2000)
    wanted = exact.limits(batch, cl=0.9)
    assert (np.diff(found.expected, axis=1) >= 0).all()
    assert found.observed == pytest.approx(wanted.observed, rel=0.1)
    assert found.expected == pytest.approx(wanted.expected, rel=0.25)


@pytest.mark.parametrize("seed", range(4))
def test_too_few_toys_leave_a_gap(seed):
    """A limit that toys cannot give is missing by itself: none of the others takes its place."""
    yields = np.array([[[10.0, 0.0], [30.0, 100.0]]])
    batch = Likelihoods(
        yields, np.array([True, False]), (relative("b", 1, [0.2]),), np.array([[40.0, 100.0]])
    )
    formula = upper_limits(batch, cl=0.9, method="asymptotic")
    found = toys.limits(batch, cl=0.9, n_toys=1000, seed=seed)
    there = np.isfinite(found.expected[0])
    assert there[1:].all()
    assert there[0] or found.status[0].endswith("too few for the expected limit at -2 sigma")
    assert found.is_ok[0]
    error = np.hypot(found.expected_error, 0.05 * formula.expected)
    assert (np.abs(found.expected - formula.expected) < 4 * error)[0, there].all()
    assert found.observed[0] == pytest.approx(formula.observed[0], rel=0.06)


def test_toys_are_seeded():
    """The same seed gives the same numbers, in whatever company; another seed others."""
    batch = one_bin([1.0, 2.0], [3.0, 1.0], [2, 1], [relative("s", 0, [0.1, 0.1])])
    both = toys.limits(batch, cl=0.9, n_toys=500, seed=3)
    one = toys.limits(batch.take([1]), cl=0.9, n_toys=500, seed=3)
    assert one.observed[0] == both.observed[1]
    assert toys.limits(batch.take([1]), cl=0.9, n_toys=500, seed=4).observed[0] != one.observed[0]


def test_what_does_not_batch_goes_to_pyhf():
    """And the status says why."""
    two = [
        modifier("staterror", "a", 1, sigma=[[0.1]]),
        modifier("shapesys", "b", 1, sigma=[[0.1]]),
    ]
    found = upper_limits(one_bin([1.0], [4.0], [4], two), cl=0.9, method="asymptotic")
    assert found.method[0] == "pyhf"
    assert found.status[0].startswith("ok: with pyhf, since")


@pytest.mark.parametrize(("cl", "hint"), [(90, "0.9"), (0, "0.90"), (1, "0.90"), (-1, "0.90")])
def test_levels(cl, hint):
    """A level lies between 0 and 1; a percentage is recognised."""
    with pytest.raises(InputError) as error:
        upper_limits(one_bin([1.0], [1.0], [1]), cl=cl)
    assert hint in error.value.hint


def test_a_misspelt_method():
    """The nearest one is named."""
    with pytest.raises(InputError) as error:
        upper_limits(shapes(1, 3), cl=0.9, method="asymtotic")
    assert "asymptotic" in error.value.hint


def test_nothing_and_too_much():
    """No hypothesis gives no limit; more events than floating point can count are refused."""
    for method in ("auto", "hybrid", "asymptotic", "toys"):
        found = upper_limits(one_bin([], [], []), cl=0.9, method=method)
        assert len(found) == 0
        assert found.expected.shape == (0, 5)
    for signal, background, observed in ((1.0, 1e13, 1.0), (1.0, 1.0, 1e30)):
        with pytest.raises(InputError, match=r"1e\+12 events"):
            one_bin([signal], [background], [observed])
    fine = upper_limits(one_bin([1.0], [1e12], [1e12]), cl=0.9)
    # for many events CLs is that of a Gaussian: 2 (1 - Phi(x)) = 0.1
    assert fine.observed[0] == pytest.approx(1.6448536 * 1e6, rel=1e-5)


def test_the_same_modifier_twice_is_refused():
    """Two factors of one name on one sample would be one parameter for some methods only."""
    twice = [relative("s", 0, [0.1]), relative("s", 0, [0.2])]
    with pytest.raises(InputError, match="acts twice"):
        one_bin([1.0], [1.0], [1], twice)


@pytest.mark.parametrize("cl", ["0.9", None, True])
def test_a_level_is_a_number(cl):
    """Anything else is said to be none."""
    with pytest.raises(InputError, match="no number"):
        upper_limits(one_bin([1.0], [1.0], [1]), cl=cl)


def summed(signal, background, observed, cl):
    """Observed and median limits of qtilde in two bins, all pairs of counts summed."""
    s, b = np.array(signal), np.array(background)
    n = np.stack(np.meshgrid(np.arange(40), np.arange(70), indexing="ij"), -1).reshape(-1, 2)

    def likelihood(mu):
        mean = np.atleast_1d(mu)[:, None] * s + b
        return (n * np.log(mean) - mean).sum(axis=1)

    low, high = np.zeros(len(n)), np.full(len(n), 60.0)
    for _ in range(60):
        middle = (low + high) / 2
        rises = (n * s / (middle[:, None] * s + b)).sum(axis=1) > s.sum()
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    best, nothing = likelihood(low), poisson.pmf(n, b).prod(axis=1)
    seen = np.flatnonzero((n == observed).all(axis=1))[0]

    def log_cls(mu, which):
        q = np.where(low > mu, 0.0, np.maximum(2 * (best - likelihood(mu)), 0))
        order = np.argsort(q, kind="stable")
        median = q[order][np.searchsorted(np.cumsum(nothing[order]), 0.5)]
        cut = (q[seen] if which == "observed" else median) - 1e-9
        both = poisson.pmf(n, mu * s + b).prod(axis=1)
        return both[q >= cut].sum() / nothing[q >= cut].sum()

    grid = np.linspace(0.3, 3.0, 1351)
    found = [[log_cls(mu, which) for mu in grid] for which in ("observed", "median")]
    return [grid[np.flatnonzero(np.array(values) >= 1 - cl)[-1]] for values in found]


def test_errors_of_toys_hold():
    """With few events CLs falls in steps; limits scatter by what their errors say."""
    signal, background, observed = (3.0, 2.0), (1.5, 8.0), (2, 7)
    yields = np.array([[signal, background]])
    batch = Likelihoods(yields, np.array([True, False]), (), np.array([observed], dtype=float))
    wanted = summed(signal, background, observed, 0.9)
    assert wanted == pytest.approx([1.0415, 0.9335], abs=0.005)  # by another program
    pulls = []
    for seed in range(10):
        found = toys.limits(batch, cl=0.9, n_toys=1500, seed=seed)
        values = np.array([found.observed[0], found.expected[0, 2]])
        errors = np.array([found.observed_error[0], found.expected_error[0, 2]])
        pulls.append((values - wanted) / errors)
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.7
