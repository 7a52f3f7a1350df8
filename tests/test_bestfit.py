"""Best fits in batches, against closed formulas, pyhf, iminuit and toys."""

import numpy as np
import pyhf
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from likelihood_makers import modifier, relative, shapes, wild
from scipy.optimize import minimize
from scipy.special import xlogy
from scipy.stats import binom, kstest, norm

from mcbook.errors import InputError
from mcbook.limits import BestFits, Likelihoods, Modifier, best_fits, impacts, one_bin
from mcbook.limits.histfactory import spec
from mcbook.limits.toydata import toy_counts, with_counts


@settings(max_examples=60)
@example(135.0, 151, 1.0)
@given(st.floats(0.01, 1e4), st.integers(0, 3000), st.floats(1e-3, 1e3))
def test_one_bin(b, n, s):
    """The strength (n - b)/s has the error sqrt(n)/s, and q0 = 2 (n ln(n/b) - n + b)."""
    found = best_fits(one_bin([s], [b], [n]))
    assert found.status[0].startswith("ok")
    # Steps end when what they gain, z**2/2, is below 1e-13: z = 4.5e-7 standard deviations.
    near = 1e-6 * max(1, np.sqrt(n))
    assert found.mu[0] * s == pytest.approx(n - b, rel=1e-7, abs=near)
    q0 = 2 * (xlogy(n, n / b) - n + b)
    assert found.q0[0] == pytest.approx(q0, rel=1e-8, abs=1e-5 if n == 0 else 1e-9)
    assert found.z[0] == pytest.approx(np.sign(n - b) * np.sqrt(max(q0, 0)), rel=1e-6, abs=4e-5)
    assert found.p0[0] == pytest.approx(norm.sf(found.z[0]), rel=1e-9)
    if n:
        assert found.mu_error[0] * s == pytest.approx(np.sqrt(n), rel=1e-6)
        assert found.nll[0] == pytest.approx(0, abs=1e-9)
    else:
        assert np.isnan(found.mu_error[0])
        assert "as low as a bin without events" in found.status[0]
    zero = best_fits(one_bin([s], [b], [n]), negative=False)
    assert zero.mu[0] * s == pytest.approx(max(n - b, 0), rel=1e-7, abs=near)
    assert zero.p0[0] == pytest.approx(min(found.p0[0], 0.5), rel=1e-6)


def li_ma(on, off, ratio):
    """Eq. 17 of T.-P. Li, Y.-Q. Ma, Astrophys. J. 272 (1983) 317; alpha = 1/ratio."""
    alpha, total = 1 / ratio, on + off
    first = xlogy(on, (1 + alpha) / alpha * on / total)
    return np.sqrt(2 * (first + xlogy(off, (1 + alpha) * off / total)))


@given(st.integers(0, 200), st.integers(1, 500), st.floats(0.2, 20))
def test_on_off(on, off, ratio):
    """With a sideband the significance is that of Li and Ma; errors add in quadrature."""
    side = modifier("sideband", "off", 1, observed=[off], ratio=[ratio])
    found = best_fits(one_bin([2.0], [1.0], [on], [side]))
    excess = on - off / ratio
    assert found.mu[0] == pytest.approx(excess / 2, rel=1e-6, abs=1e-5)
    assert found.z[0] == pytest.approx(np.sign(excess) * li_ma(on, off, ratio), rel=1e-4, abs=1e-5)
    if on:
        assert found.mu_error[0] == pytest.approx(np.sqrt(on + off / ratio**2) / 2, rel=1e-5)
        assert found.gammas[0, 0] == pytest.approx(off / ratio, rel=1e-5)
        np.testing.assert_allclose(found.expected[0].sum(), on, rtol=1e-6)
    both = (on + off) / (1 + ratio)
    np.testing.assert_allclose(found.expected_background[0, :, 0], [0, both], rtol=1e-6)


def everything(seed):
    """Return one hypothesis with several bins and every kind of modifier that pyhf has."""
    random = np.random.default_rng(seed)
    n_bins = int(random.integers(3, 7))
    signal = random.uniform(0.5, 12, n_bins)
    first, second = random.uniform(10, 60, n_bins), random.uniform(5, 30, n_bins)
    tilt = random.uniform(0.85, 1.1, n_bins)
    sigma = random.uniform(0.02, 0.15) * (first + second)
    modifiers = (
        modifier("lumi", "lumi", 0, sigma=[0.03]),
        modifier("lumi", "lumi", 2, sigma=[0.03]),
        modifier("normsys", "efficiency", 0, hi=[1.12], lo=[0.91]),
        modifier("normsys", "rate", 2, hi=[random.uniform(1.05, 1.4)], lo=[0.8]),
        modifier("normsys", "efficiency", 2, hi=[1.04], lo=[0.97]),
        modifier("histosys", "tilt", 1, hi=[first * tilt], lo=[first * (1.97 - tilt)]),
        modifier("histosys", "tilt", 0, hi=[signal * tilt], lo=[signal * (2 - tilt)]),
        Modifier("normfactor", "k", 1),
        modifier("staterror", "stat", 1, sigma=[sigma]),
        modifier("staterror", "stat", 2, sigma=[sigma]),
    )
    true = random.choice([0.0, 2.0]) * signal + first * random.uniform(0.8, 1.2) + second
    observed = random.poisson(true).astype(float)[None, :]
    yields = np.stack([signal, first, second])[None]
    return Likelihoods(yields, np.array([True, False, False]), modifiers, observed)


class Pyhf:
    """The same likelihood in pyhf, mu free to be negative.

    Scipy finds the minimum; errors are from differences of pyhf's likelihood there.
    """

    def __init__(self, batch):
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-11))
        workspace = pyhf.Workspace(spec.workspace(batch, 0))
        self.model = workspace.model()
        self.data = workspace.data(self.model)
        self.bounds = self.model.config.suggested_bounds()
        for name in ("efficiency", "rate", "tilt", "mu"):
            self.bounds[self.place(name).start] = (-200.0, 200.0)

    def fit(self):
        """Return best values, errors and correlations."""
        best = np.asarray(pyhf.infer.mle.fit(self.data, self.model, par_bounds=self.bounds))
        steps = np.full(len(best), 0.01)
        steps[self.place("stat")], steps[self.place("lumi")] = 1e-3, 3e-4

        def nll(*moves):
            pars = best.copy()
            for place, sign in moves:
                pars[place] += sign * steps[place]
            return float(pyhf.infer.mle.twice_nll(pars, self.data, self.model)[0]) / 2

        hessian = np.array([
            [sum(s * t * nll((i, s), (j, t)) for s in (-1, 1) for t in (-1, 1)) / 4
             / steps[i] / steps[j] for j in range(len(best))]
            for i in range(len(best))
        ])  # fmt: skip
        covariance = np.linalg.inv(hessian)
        errors = np.sqrt(np.diag(covariance))
        return best, errors, covariance / np.outer(errors, errors)

    def q0(self):
        """Return pyhf's q0: 0 where mu is negative."""
        config = self.model.config
        return float(pyhf.infer.test_statistics.q0(
            0.0, self.data, self.model, config.suggested_init(), self.bounds,
            config.suggested_fixed(),
        ))  # fmt: skip

    def place(self, name):
        """Return where a parameter is."""
        return self.model.config.par_slice(name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(12))
def test_against_pyhf(seed):
    """Best values, errors, correlations, q0 and yields are those of pyhf."""
    batch = everything(seed)
    found, other = best_fits(batch), Pyhf(batch)
    values, errors, correlations = other.fit()
    assert found.status[0] == "ok"
    at = other.place("mu").start
    error = errors[at]
    assert found.mu[0] == pytest.approx(values[at], abs=2e-4 * error)
    assert found.mu_error[0] == pytest.approx(error, rel=5e-4)
    assert found.q0[0] * (found.mu[0] > 0) == pytest.approx(other.q0(), rel=1e-4, abs=1e-4)
    names = found.names
    places = [other.place(name).start for name in names]
    scale = np.array([0.03 if name == "lumi" else 1.0 for name in names])
    shift = np.array([1.0 if name == "lumi" else 0.0 for name in names])
    np.testing.assert_allclose(
        found.nuisances[0] * scale + shift, values[places], atol=2e-4, rtol=2e-4
    )
    np.testing.assert_allclose(found.nuisance_errors[0] * scale, errors[places], rtol=5e-4)
    both = [*places, at]
    np.testing.assert_allclose(found.correlation[0], correlations[np.ix_(both, both)], atol=1e-3)
    np.testing.assert_allclose(found.gammas[0], values[other.place("stat")], atol=1e-4)
    expected = other.model.main_model.expected_data(pyhf.tensorlib.astensor(values))
    np.testing.assert_allclose(found.expected[0].sum(axis=0), expected, rtol=2e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(6))
def test_no_better_fit_in_pyhf(seed):
    """At the values found pyhf's likelihood is what pyhf's own minimum is, or lower."""
    batch = everything(seed)
    found, other = best_fits(batch), Pyhf(batch)
    theirs, _, _ = other.fit()
    mine = theirs.copy()
    for p, name in enumerate(found.names):
        value = found.nuisances[0, p]
        mine[other.place(name)] = 1 + 0.03 * value if name == "lumi" else value
    mine[other.place("mu")], mine[other.place("stat")] = found.mu[0], found.gammas[0]
    here, there = (
        float(pyhf.infer.mle.twice_nll(x, other.data, other.model)[0]) for x in (mine, theirs)
    )
    assert here <= there + 1e-8
    assert here == pytest.approx(there, abs=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_impacts_against_pyhf():
    """A nuisance is fixed one error off in pyhf, too."""
    batch = everything(3)
    found, other = best_fits(batch), Pyhf(batch)
    shifts = impacts(batch, found)
    assert shifts.shape == (1, len(found.names), 2)
    at = other.place("mu").start
    for p, name in enumerate(found.names):
        scale, shift = (0.03, 1.0) if name == "lumi" else (1.0, 0.0)
        for side, sign in enumerate((-1, 1)):
            value = found.nuisances[0, p] + sign * found.nuisance_errors[0, p]
            start = other.model.config.suggested_init()
            fixed = other.model.config.suggested_fixed()
            start[other.place(name).start] = shift + scale * value
            fixed[other.place(name).start] = True
            values = pyhf.infer.mle.fit(
                other.data, other.model, start, other.bounds, fixed_params=fixed
            )
            wanted = values[at] - found.mu[0]
            assert shifts[0, p, side] == pytest.approx(wanted, abs=2e-3 * found.mu_error[0])


def test_impacts_are_correlations():
    """In a likelihood close to a Gaussian a shift is the correlation times the error of mu."""
    b = np.array([[4e6, 9e6]])
    yields = np.stack([np.array([[2e4, 1e4]]), b], axis=1)
    sources = (relative("a", 1, [1e-3]), relative("c", 0, [1e-3]))
    batch = Likelihoods(yields, np.array([True, False]), sources, b + np.array([[5e3, 1e3]]))
    found = best_fits(batch)
    wanted = found.correlation[0, :-1, -1] * found.mu_error[0]
    np.testing.assert_allclose(impacts(batch, found)[0], wanted[:, None] * [-1, 1], rtol=5e-3)


def bernstein(n_bins, degree):
    """Return Bernstein's polynomials at the centres of bins, shape (degree + 1, n_bins)."""
    x = (np.arange(n_bins) + 0.5) / n_bins
    return np.array([binom.pmf(k, degree, x) for k in range(degree + 1)])


def test_free_polynomial():
    """A peak over five free Bernstein coefficients: iminuit finds the same on its own -log L."""
    from iminuit import Minuit

    basis = 40 * bernstein(40, 4)
    x = (np.arange(40) + 0.5) / 40
    peak = 10 * np.exp(-(((x - 0.45) / 0.05) ** 2) / 2)
    truth = np.array([2.0, 1.0, 1.5, 0.6, 0.8]) @ basis + 0.7 * peak
    n = np.random.default_rng(5).poisson(truth).astype(float)
    free = tuple(Modifier("normfactor", f"c{k}", k + 1) for k in range(5))
    batch = Likelihoods(np.concatenate([peak[None], basis])[None], np.arange(6) == 0, free, n[None])
    found = best_fits(batch)

    def nll(pars):
        mean = pars[0] * peak + pars[1:] @ basis
        return float((mean - xlogy(n, mean)).sum())

    minuit = Minuit(nll, np.ones(6))
    minuit.errordef, minuit.strategy, minuit.tol = Minuit.LIKELIHOOD, 2, 1e-4
    minuit.migrad()
    minuit.hesse()
    assert found.status[0] == "ok"
    assert found.mu[0] == pytest.approx(minuit.values[0], abs=1e-3 * minuit.errors[0])
    assert found.mu_error[0] == pytest.approx(minuit.errors[0], rel=1e-3)
    np.testing.assert_allclose(found.nuisances[0], minuit.values[1:], rtol=1e-3)
    np.testing.assert_allclose(found.nuisance_errors[0], minuit.errors[1:], rtol=2e-3)
    order = [1, 2, 3, 4, 5, 0]
    theirs = np.array(minuit.covariance.correlation())[np.ix_(order, order)]
    np.testing.assert_allclose(found.correlation[0], theirs, atol=2e-3)
    best = minuit.fval
    minuit.values[0], minuit.fixed[0] = 0.0, True
    minuit.migrad()
    assert found.q0[0] == pytest.approx(2 * (minuit.fval - best), rel=1e-4)


def test_edge_against_scipy():
    """Where a bin is empty the best signal makes it expect nothing; scipy stops there as well."""
    s, b, n = np.array([1.0, 4.0, 2.0]), np.array([4.0, 1.0, 3.0]), np.array([3.0, 0.0, 1.0])
    batch = Likelihoods(
        np.stack([s, b])[None], np.array([True, False]), (relative("b", 1, [0.3]),), n[None]
    )
    found = best_fits(batch)
    assert "as low as a bin without events" in found.status[0]
    assert np.isnan(found.mu_error[0])
    hi, lo = 1.3, 0.7
    from slow_likelihood import code4

    def expected(pars):
        return pars[0] * s + code4(pars[1], hi, lo) * b

    def nll(pars):
        mean = np.maximum(expected(pars), 1e-12)
        return float((mean - xlogy(n, mean)).sum() + pars[1] ** 2 / 2)

    other = minimize(
        nll, [0.0, 0.0], method="SLSQP", options={"ftol": 1e-14, "maxiter": 500},
        constraints={"type": "ineq", "fun": lambda pars: expected(pars)[1]},
    )  # fmt: skip
    assert found.mu[0] == pytest.approx(other.x[0], abs=1e-4)
    assert found.nuisances[0, 0] == pytest.approx(other.x[1], abs=1e-3)
    assert found.expected[0].sum(axis=0)[1] == pytest.approx(0, abs=1e-6)


def test_gamma_of_a_negative_signal():
    """A gamma of the signal alone is profiled also where mu is negative."""
    s, b, n, width = 5.0, 40.0, 25.0, 0.3
    batch = one_bin([s], [b], [n], [
        modifier("staterror", "stat", 0, sigma=[[width * s]]), relative("b", 1, [0.1]),
    ])  # fmt: skip
    found = best_fits(batch)
    assert found.mu[0] == pytest.approx((n - b) / s, rel=1e-6)  # all is fitted, nothing pulled
    assert found.gammas[0, 0] == pytest.approx(1, abs=1e-6)
    variance = n + (width * (n - b)) ** 2 + (0.1 * b) ** 2
    assert found.mu_error[0] == pytest.approx(np.sqrt(variance) / s, rel=2e-2)


def test_many_at_once():
    """Thousands of hypotheses, few events and large systematics: none fails, none has two minds."""
    for batch in (wild(3000), wild(3000, 8, shift=1), shapes(500, 4), shapes(500, 2, 4)):
        found = best_fits(batch)
        assert found.is_ok.all()
        assert (found.q0 >= 0).all()
        one_sided = best_fits(batch, negative=False)
        assert one_sided.is_ok.all()
        up = found.mu > 0
        np.testing.assert_allclose(one_sided.mu[up], found.mu[up], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(one_sided.q0[up], found.q0[up], rtol=1e-6, atol=1e-9)
        assert (found.nll <= one_sided.nll + 1e-9).all()
        assert (one_sided.mu[~up] == 0).all()
        alone = best_fits(batch.take([17]))
        assert alone.mu[0] == pytest.approx(found.mu[17], rel=1e-6)
        whole, few = found.expected.sum(axis=1), batch.observed == 0
        assert (whole[~few] > 0).all()


def test_units_of_the_signal():
    """A signal seven times larger has a strength seven times smaller; all else is the same."""
    one, other = best_fits(wild(300)), best_fits(wild(300, scale=7.0))
    np.testing.assert_allclose(one.mu, 7 * other.mu, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(one.mu_error, 7 * other.mu_error, rtol=1e-5)
    np.testing.assert_allclose(one.q0, other.q0, rtol=1e-6, atol=1e-8)


def test_what_has_no_fit():
    """No signal, no counts, impossible counts, no background: each is said."""
    yields = np.array([
        [[0.0, 0.0], [3.0, 3.0]], [[1.0, 1.0], [3.0, 3.0]], [[1.0, 0.0], [3.0, 0.0]],
        [[1.0, 1.0], [3.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]],
    ])  # fmt: skip
    counts = np.array([[1.0, 1.0], [np.nan, np.nan], [2.0, 1.0], [2.0, 1.0], [2.0, 0.0]])
    batch = Likelihoods(yields, np.array([True, False]), (), counts)
    found = best_fits(batch)
    assert found.is_ok.tolist() == [False, False, False, True, True]
    assert "no signal" in found.status[0]
    assert "nothing was observed" in found.status[1]
    assert "where nothing is expected" in found.status[2]
    assert "no background is expected" in found.status[3]
    assert np.isnan(found.mu[:3]).all()
    assert np.isnan(found.expected[:3]).all()
    # d/dmu of mu + 3 - 2 ln(mu + 3) + mu - ln(mu): 2 mu^2 + 3 mu - 3 = 0
    assert found.mu[3] == pytest.approx((np.sqrt(33) - 3) / 4, rel=1e-6)
    assert found.q0[3] == np.inf
    assert found.p0[3] == 0
    assert found.mu[4] == 0
    assert isinstance(best_fits(batch.take([])), BestFits)
    two = [
        modifier("staterror", "a", 1, sigma=[[0.1]]), modifier("shapesys", "b", 1, sigma=[[0.1]]),
    ]  # fmt: skip
    with pytest.raises(InputError, match="both move"):
        best_fits(one_bin([1.0], [1.0], [1], two))


def test_flat_directions():
    """Two free factors on one shape have no errors; one without effect has none of its own."""
    yields = np.array([[[3.0, 0.1], [5.0, 50.0], [5.0, 50.0], [0.0, 0.0]]])
    free = tuple(Modifier("normfactor", f"k{k}", k) for k in (1, 2, 3))
    observed = np.array([[16.0, 98.0]])
    is_signal = np.array([True, False, False, False])
    both = best_fits(Likelihoods(yields, is_signal, free, observed))
    assert "no errors" in both.status[0]
    assert np.isnan(both.mu_error[0])
    one = best_fits(Likelihoods(yields, is_signal, (free[0], free[2]), observed))
    assert one.status[0] == "ok"
    assert np.isnan(one.nuisance_errors[0, 1])
    assert np.isfinite([one.mu_error[0], one.nuisance_errors[0, 0]]).all()


def test_free_factors_at_their_ends():
    """A background that a fit takes away leaves empty bins empty: no edge of a positive signal."""
    random = np.random.default_rng(1)
    shapes_of = np.exp(-np.array([[0.0], [2.0], [-2.0]]) * np.linspace(0, 1, 12))
    yields = np.tile(np.vstack([np.eye(12)[5] + 0.2, 0.4 * shapes_of]), (300, 1, 1))
    counts = random.poisson(yields[:, 1:].sum(axis=1)).astype(float)
    free = tuple(Modifier("normfactor", f"k{k}", k) for k in (1, 2, 3))
    batch = Likelihoods(yields, np.arange(4) == 0, free, counts)
    found, positive = best_fits(batch), best_fits(batch, negative=False)
    assert found.is_ok.mean() > 0.99
    up = found.is_ok & positive.is_ok & (found.mu > 1e-4)
    assert up.sum() > 50
    assert (found.nuisances[up] < 1e-9).any()
    np.testing.assert_allclose(found.q0[up], positive.q0[up], rtol=1e-7, atol=1e-9)
    # without a penalty, free factors make the sum of expected counts that of the observed ones
    up &= counts.sum(axis=1) > 0
    np.testing.assert_allclose(
        found.expected[up].sum(axis=(1, 2)), counts[up].sum(axis=1), rtol=1e-5
    )


def scan_point(b=400.0):
    """Return a hypothesis with ten bins, many events and systematics, nothing observed."""
    x = np.linspace(-1, 1, 10)
    signal, background = 60 * np.exp(-((x / 0.3) ** 2) / 2), b * (1.2 - 0.3 * x)
    modifiers = (
        relative("efficiency", 0, [0.05]),
        relative("rate", 1, [0.03]),
        modifier("histosys", "slope", 1, hi=[background * (1 + 0.02 * x)],
                 lo=[background * (1 - 0.02 * x)]),
        modifier("staterror", "stat", 1, sigma=[0.02 * background]),
    )  # fmt: skip
    return Likelihoods(np.stack([signal, background])[None], np.array([True, False]), modifiers)


@pytest.mark.parametrize("mu", [0.0, 1.0])
@pytest.mark.parametrize("nuisances", ["nominal", "drawn"])
def test_toys(mu, nuisances, length):
    """Signals come back without bias; pulls and p-values are as wide as they should be.

    Where nuisances are drawn; at nominal ones the error, which has them in it, is too wide.
    """
    n = length(3000, 20_000)
    point, random = scan_point(), np.random.default_rng(11)
    counts = toy_counts(point, random, n, mu=mu, nuisances=nuisances)
    found = best_fits(with_counts(point, counts))
    assert (found.status == "ok").all()
    pulls = (found.mu - mu) / found.mu_error
    # the mean has a bias of the order 1/sqrt(events) of an error
    assert abs(pulls.mean()) < 4 / np.sqrt(n) + 0.03
    assert (found.mu - mu).mean() == pytest.approx(0, abs=4 * found.mu.std() / np.sqrt(n) + 0.005)
    if nuisances == "nominal":
        assert pulls.std() < 1 - 4 / np.sqrt(2 * n)
        return
    assert pulls.std() == pytest.approx(1, abs=4 / np.sqrt(2 * n) + 0.01)
    if mu == 0:
        assert kstest(found.p0, "uniform").pvalue > 1e-3


def test_toys_without_systematics(length):
    """Poisson counts around nominal ones: p-values are uniform, and half of mu are negative."""
    n = length(3000, 20_000)
    point = scan_point()
    bare = Likelihoods(point.yields, point.is_signal)
    counts = toy_counts(bare, np.random.default_rng(2), n)
    assert counts.shape == (n, 1, 10)
    found = best_fits(with_counts(bare, counts))
    assert kstest(found.p0, "uniform").pvalue > 1e-3
    assert (found.mu / found.mu_error).std() == pytest.approx(1, abs=4 / np.sqrt(2 * n))
    share = (found.p0 < norm.sf(2)).mean()
    assert share == pytest.approx(norm.sf(2), abs=4 * np.sqrt(norm.sf(2) / n))


def test_drawn_toys():
    """Drawn nuisances widen counts by their size: variances add up."""
    side = modifier("sideband", "off", 1, observed=[400.0], ratio=[4.0])
    for extra, variance in (
        (relative("rate", 1, [0.1]), 1e4 * 0.01),
        (modifier("staterror", "stat", 1, sigma=[[8.0]]), 64),
        (modifier("shapesys", "bins", 1, sigma=[[8.0]]), 64),
        (modifier("lumi", "lumi", 1, sigma=[0.08]), 64),
        (side, 400 / 16),
    ):
        point = one_bin([5.0], [100.0], None, [extra])
        random = np.random.default_rng(3)
        counts = toy_counts(point, random, 40_000, mu=2.0, nuisances="drawn")[:, 0, 0]
        assert counts.mean() == pytest.approx(110, abs=0.3)
        assert counts.var() == pytest.approx(110 + variance, rel=0.03)
    many = toy_counts(one_bin([1.0, 1.0], [5.0, 9.0]), np.random.default_rng(1), 20_000, mu=[0, 3])
    np.testing.assert_allclose(many.mean(axis=0)[:, 0], [5, 12], atol=0.1)
