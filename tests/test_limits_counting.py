"""Limits from one count, against sums and integrals that are done another way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from likelihood_makers import modifier, relative
from scipy.optimize import brentq
from scipy.stats import gamma, norm, poisson

from mcbook.errors import InputError
from mcbook.limits import bayesian, exact, hybrid, one_bin
from mcbook.limits.interpolation import Exponential

A4 = [  # performance table of exact CLs limits: b, n, 90%, 95%, +2 sigma at 90%
    (0.0, 0, 2.303, 2.996, 2.30),
    (0.1, 0, 2.303, 2.996, 3.80),
    (1.0, 0, 2.303, 2.996, 5.71),
    (1.0, 1, 3.272, 4.113, 5.71),
    (3.0, 3, 4.362, 5.395, 8.80),
    (10.0, 10, 6.630, 8.083, 13.6),
    (30.0, 30, 10.39, 12.55, 20.6),
    (100.0, 100, 17.80, 21.37, 35.4),
]


@pytest.mark.parametrize("method", [exact, bayesian])
def test_zero_background(method):
    """Without events and background the limit is -ln(1 - cl); one event gives 3.890 at 90%."""
    found = method.limits(one_bin([1.0, 1.0], [0.0, 0.0], [0, 1]), cl=0.9)
    assert found.observed[0] == pytest.approx(np.log(10), rel=1e-10)
    assert found.observed[1] == pytest.approx(3.890, abs=5e-4)


@pytest.mark.parametrize(("b", "n", "at90", "at95", "up"), A4)
@pytest.mark.parametrize("method", [exact, bayesian])
def test_without_systematics(method, b, n, at90, at95, up):
    """CLs sums; the flat-prior limit is the same number (Helene 1983)."""
    found = method.limits(one_bin([1.0], [b], [n]), cl=0.9)
    assert found.observed[0] == pytest.approx(at90, rel=1e-3)
    assert found.expected[0, 4] == pytest.approx(up, rel=5e-3)
    assert method.limits(one_bin([1.0], [b], [n]), cl=0.95).observed[0] == pytest.approx(
        at95, rel=1e-3
    )
    by_hand = brentq(
        lambda s: poisson.cdf(n, s + b) / poisson.cdf(n, b) - 0.1, 1e-9, 1000, rtol=1e-13
    )
    assert found.observed[0] == pytest.approx(by_hand, rel=1e-8)


def averaged(n, cl, *, b=0.0, on_signal=0.0, on_background=0.0, shared=False):
    """Return the hybrid limit from a plain sum over a fine lattice of normal numbers."""
    z = np.linspace(-8, 8, 321)
    weight = norm.pdf(z)
    weight /= weight.sum()

    def factor(r):
        return Exponential(np.array([1 + r]), np.array([1 - r])).factor(z)[0]

    signal, background = factor(on_signal), b * factor(on_background)
    if shared:
        mean = [(signal[i], background[i], weight[i]) for i in range(len(z))]
    else:
        mean = [
            (signal[i], background[j], weight[i] * weight[j])
            for i in range(len(z)) for j in range(0, len(z), 4)
        ]  # fmt: skip
    sig, bkg, w = (np.array(column) for column in zip(*mean, strict=True))
    w = w / w.sum()

    def below(mu):
        return (w * poisson.cdf(n, mu * sig + bkg)).sum()

    return brentq(lambda mu: below(mu) / below(0.0) - (1 - cl), 1e-6, 1000, rtol=1e-10)


@pytest.mark.parametrize(
    ("n", "b", "on_signal", "on_background"),
    [(0, 0.2, 0.05, 0.0), (0, 0.5, 0.3, 0.0), (5, 5.0, 0.05, 0.0), (3, 8.0, 0.2, 0.3)],
)
def test_hybrid_with_systematics(n, b, on_signal, on_background):
    """Averages over independent nuisances agree with a plain sum."""
    modifiers = [relative("s", 0, [on_signal]), relative("b", 1, [on_background])]
    found = hybrid.limits(one_bin([1.0], [b], [n], modifiers), cl=0.9)
    expected = averaged(n, 0.9, b=b, on_signal=on_signal, on_background=on_background)
    assert found.observed[0] == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize(
    ("b", "n", "wide", "narrow"),
    [(60.0, 45, 0.3, 0.1), (240.0, 260, 0.1, 0.05), (900.0, 700, 0.1, 0.05),
     (900.0, 1000, 0.02, 0.01), (900.0, 700, 0.02, 0.01), (3000.0, 3300, 0.1, 0.02)],
)  # fmt: skip
def test_hybrid_with_wide_backgrounds(b, n, wide, narrow):
    """Two systematics that move the background by several Poisson widths, by a plain sum."""
    modifiers = [
        relative("s", 0, [0.05]), relative("b", 1, [wide]),
        modifier("staterror", "stat", 1, sigma=[[narrow * b]]),
    ]  # fmt: skip
    found = hybrid.limits(one_bin([1.0], [b], [n], modifiers), cl=0.9)
    fine, coarse = np.linspace(-7.5, 7.5, 151), np.linspace(-7.5, 7.5, 31)

    def factor(r, z):
        return Exponential(np.array([1 + r]), np.array([1 - r])).factor(z)[0]

    mean = b * np.outer(factor(wide, fine), 1 + narrow * coarse).ravel()
    weight = np.outer(norm.pdf(fine), norm.pdf(coarse)).ravel()
    weight /= weight.sum()
    signal, share = factor(0.05, coarse), norm.pdf(coarse) / norm.pdf(coarse).sum()

    def excess(mu, count):
        probability = poisson.cdf(count, mu * signal[:, None] + mean) @ weight
        return np.log(share @ probability / (poisson.cdf(count, mean) @ weight)) - np.log(0.1)

    median = 0
    while poisson.cdf(median, mean) @ weight < 0.5:
        median += 1 if median > 0.99 * b - 50 else 10
    for count, limit in ((n, found.observed[0]), (median, found.expected[0, 2])):
        assert brentq(excess, limit / 2, 2 * limit, args=(count,), rtol=1e-10) == pytest.approx(
            limit, rel=2e-6
        )


def test_hybrid_with_a_shared_nuisance():
    """A source that moves signal and background moves them together."""
    modifiers = [relative("lumi", 0, [0.2]), relative("lumi", 1, [0.2])]
    found = hybrid.limits(one_bin([1.0], [4.0], [5], modifiers), cl=0.9)
    expected = averaged(5, 0.9, b=4.0, on_signal=0.2, on_background=0.2, shared=True)
    assert found.observed[0] == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize(("off", "ratio", "n"), [(0, 2.0, 0), (0, 1.0, 2), (7, 3.0, 4)])
def test_sideband(off, ratio, n):
    """On/off: the background has the Gamma density that a flat prior gives, right at zero."""
    batch = one_bin(
        [1.0], [off / ratio], [n], [modifier("sideband", "off", 1, observed=[off], ratio=[ratio])]
    )
    found = hybrid.limits(batch, cl=0.9)
    p = (np.arange(20000) + 0.5) / 20000
    b = gamma.ppf(p, off + 1) / ratio

    def below(mu):
        return poisson.cdf(n, mu + b).mean()

    expected = brentq(lambda mu: below(mu) / below(0.0) - 0.1, 1e-6, 100)
    assert found.observed[0] == pytest.approx(expected, rel=1e-3)


def test_exact_ignores_no_systematic():
    """A hypothesis with a systematic is refused; one without, in the same batch, is not."""
    batch = one_bin([1.0, 1.0], [1.0, 1.0], [1, 1], [relative("s", 0, [0.1, 0.0])])
    found = exact.limits(batch, cl=0.9)
    assert "hybrid" in found.status[0]
    assert np.isnan(found.observed[0])
    assert found.status[1] == "ok"


@pytest.mark.parametrize("method", [exact, bayesian])
def test_several_bins_are_refused(method):
    """A count is one bin; `hybrid` sums bins up."""
    from likelihood_makers import shapes

    with pytest.raises(InputError, match="bin"):
        method.limits(shapes(1, 3), cl=0.9)


@pytest.mark.parametrize("cl", [0.9, 0.95])
def test_a_signal_systematic_never_lowers_a_limit(cl):
    """In one bin, over sizes, counts and backgrounds."""
    sizes = np.array([0.01, 0.05, 0.2, 0.5, 0.8, 0.95])
    n, b, r = (a.ravel() for a in np.meshgrid([0, 1, 3, 10, 30], [0.0, 0.5, 3.0, 30.0], sizes))
    without = hybrid.limits(one_bin(np.ones(len(n)), b, n), cl=cl)
    found = hybrid.limits(one_bin(np.ones(len(n)), b, n, [relative("s", 0, r)]), cl=cl)
    assert found.is_ok.all()
    assert (found.observed >= without.observed * (1 - 1e-6)).all()


@settings(max_examples=40)
@given(
    st.floats(0, 50), st.integers(0, 60), st.floats(0, 0.5), st.floats(0, 0.5),
    st.floats(1e-3, 1e3), st.sampled_from([hybrid, bayesian]),
)  # fmt: skip
def test_properties(b, n, on_signal, on_background, s, method):
    """Limits scale with the signal, rise with level and count; bands are in order."""
    modifiers = [relative("s", 0, [on_signal]), relative("b", 1, [on_background])]
    found = method.limits(one_bin([s], [b], [n], modifiers), cl=0.9)
    assert found.status[0] == "ok"
    unit = method.limits(one_bin([1.0], [b], [n], modifiers), cl=0.9)
    assert found.observed[0] * s == pytest.approx(unit.observed[0], rel=1e-6)
    assert method.limits(one_bin([s], [b], [n], modifiers), cl=0.95).observed > found.observed
    assert method.limits(one_bin([s], [b], [n + 1], modifiers), cl=0.9).observed > found.observed
    assert (np.diff(found.expected[0]) >= -1e-9 * found.expected[0, :-1]).all()


@pytest.mark.parametrize(("n", "b"), [(1, 1.0), (9, 5.0)])
@pytest.mark.parametrize("method", [hybrid, bayesian])
def test_wide_systematics_of_the_signal(n, b, method):
    """Two that change the signal by factors, against a sum over a fine grid of both."""
    z = np.linspace(-9, 9, 1201)
    weight = np.multiply.outer(norm.pdf(z), norm.pdf(z))
    up, down = np.array([0.4, 0.5]), -np.array([0.4, 0.5])
    parts = [Exponential(1 + up[k : k + 1], 1 + down[k : k + 1]).factor(z)[0] for k in range(2)]
    signal = np.multiply.outer(*parts)
    if method is bayesian:
        weight = weight / signal

    def above(mu):
        return (weight * poisson.cdf(n, mu * signal + b)).sum()

    wanted = brentq(lambda mu: above(mu) / above(0.0) - 0.1, 1e-6, 1000)
    both = [relative(name, 0, [r]) for name, r in zip("uv", up, strict=True)]
    found = method.limits(one_bin([1.0], [b], [n], both), cl=0.9)
    assert found.observed[0] == pytest.approx(wanted, rel=1e-3)


def on_a_grid(b, sigma, n, cl):
    """Return the limit on events over a background that is a Gaussian cut off at 0: a fine sum."""
    far = min(b + 9 * sigma, n + 40 * np.sqrt(n + 10) + 40)  # nothing beyond has so few events
    background = np.linspace(0, far, 20001)
    weight = norm.pdf(background, b, sigma)
    weight[0] /= 2
    zero = (poisson.cdf(n, background) * weight).sum()

    def excess(x):
        return (poisson.cdf(n, x + background) * weight).sum() - (1 - cl) * zero

    return brentq(excess, 1e-9, n + 20 * np.sqrt(n + 10) + 20)


@pytest.mark.parametrize("method", [hybrid, bayesian])
def test_backgrounds_that_are_hardly_known(method):
    """Up to an error of its own size, hundreds and thousands of events: all counts, any order."""
    rng = np.random.default_rng(12)
    b = 10 ** rng.uniform(1.5, 3.5, 80)
    sigma = b * rng.uniform(0.3, 1.1, 80)
    n = np.maximum(rng.normal(b, sigma), 3).round()
    errors = [modifier("staterror", "b", 1, sigma=sigma[:, None])]
    found = method.limits(one_bin(np.ones(80), b, n, errors), cl=0.9)
    assert (np.diff(found.expected, axis=1) > 0).all()
    wanted = [on_a_grid(*row, 0.9) for row in zip(b, sigma, n, strict=True)]
    assert found.observed == pytest.approx(np.array(wanted), rel=5e-3)
    alone = method.limits(one_bin([1.0], b[:1], n[:1], [
        modifier("staterror", "b", 1, sigma=sigma[:1, None])]), cl=0.9)  # fmt: skip
    assert alone.expected[0] == pytest.approx(found.expected[0], rel=1e-3)
    very = method.limits(one_bin([1.0], [170.0], None, [
        modifier("staterror", "b", 1, sigma=np.array([[153.0]]))]), cl=0.9)  # fmt: skip
    assert (np.diff(very.expected[0]) > 0).all()
