"""The batched asymptotic limits, against formulas that are solved another way and against pyhf."""

import numpy as np
import pyhf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from likelihood_makers import modifier, relative, shapes, wild
from scipy.optimize import brentq
from scipy.special import xlogy
from scipy.stats import norm

from mcbook.errors import InputError
from mcbook.limits import Likelihoods, Modifier, asymptotic, datasets, one_bin, toys
from mcbook.limits.histfactory import run, spec
from mcbook.limits.interpolation import Exponential, Shift


def cls_of(mu, n, b):
    """CLs of one bin without systematics, as the paper (arXiv:1007.1727) writes it."""
    best = max(n - b, 0.0)

    def q(strength, data, at):
        if at > strength:
            return 0.0
        nll = (x := strength + b) - xlogy(data, x)
        least = (y := at + b) - xlogy(data, y)
        return max(2 * (nll - least), 0.0)

    root, asimov = np.sqrt(q(mu, n, best)), np.sqrt(q(mu, b, 0.0))
    if root <= asimov:
        return norm.sf(root) / norm.sf(root - asimov)
    a, c = (root**2 + asimov**2) / (2 * asimov), (root**2 - asimov**2) / (2 * asimov)
    return norm.sf(a) / norm.sf(c)


@pytest.mark.parametrize("cl", [0.9, 0.95])
@pytest.mark.parametrize(
    ("n", "b"),
    [(0, 0.1), (0, 3.0), (1, 0.0), (20, 0.0), (1, 0.01), (3, 3.0), (12, 5.0), (90, 100.0),
     (1020, 1000.0)],
)  # fmt: skip
def test_one_bin_without_systematics(n, b, cl):
    """The limit solves CLs = 1 - cl as a root finder on the explicit formula does."""
    found = asymptotic.limits(one_bin([1.0], [b], [n]), cl=cl)
    expected = brentq(
        lambda mu: cls_of(mu, n, b) - (1 - cl),
        max(n - b, 0) + 1e-3 * (b + 1) ** 0.5,
        1e4,
        rtol=1e-12,
    )
    assert found.observed[0] == pytest.approx(expected, rel=1e-7)
    median = brentq(lambda mu: cls_of(mu, b, b) - (1 - cl), 1e-3 * (b + 1) ** 0.5, 1e4, rtol=1e-12)
    assert found.expected[0, 2] == pytest.approx(median, rel=1e-6)


@pytest.mark.parametrize(("cl", "events"), [(0.9, 1.353), (0.95, 1.921)])
def test_without_background(cl, events):
    """Without background the formulas give z^2/2 events, z the quantile of (1 + cl)/2."""
    found = asymptotic.limits(one_bin([4.0], [0.0], [0]), cl=cl)
    assert 4 * found.observed[0] == pytest.approx(norm.ppf((1 + cl) / 2) ** 2 / 2, rel=1e-7)
    assert 4 * found.observed[0] == pytest.approx(events, abs=1e-3)
    assert found.status[0] == "ok"


def test_events_without_background():
    """Several bins, one of them with events and without background: the limits of pyhf."""
    yields = np.array([[[1.0, 2.0], [0.0, 5.0]]] * 2)
    counts = np.array([[1.0, 5.0], [2.0, 4.0]])
    found = asymptotic.limits(Likelihoods(yields, np.array([True, False]), (), counts), cl=0.9)
    with_pyhf = run.limits(Likelihoods(yields, np.array([True, False]), (), counts), cl=0.9)
    np.testing.assert_allclose(found.observed, with_pyhf.observed, rtol=1e-5)
    np.testing.assert_allclose(found.expected, with_pyhf.expected, rtol=1e-5)


def test_impossible_events():
    """Events where nothing is expected are told, also by toys; there is no limit."""
    yields = np.array([[[1.0, 0.0], [3.0, 0.0]]])
    batch = Likelihoods(yields, np.array([True, False]), (), np.array([[2.0, 1.0]]))
    for method in (asymptotic, toys):
        found = method.limits(batch, cl=0.9)
        assert np.isnan(found.observed[0])
        assert "where nothing is expected" in found.status[0]


def test_gaussian_limit():
    """With many events the expected limits are those of a Gaussian, with all of its widths."""
    b, r = 1e8, 1e-4
    found = asymptotic.limits(one_bin([1.0], [b], [b], [relative("b", 1, [r])]), cl=0.95)
    sigma = np.sqrt(b + (r * b) ** 2)
    for n, limit in zip(range(-2, 3), found.expected[0], strict=True):
        assert limit == pytest.approx(sigma * (n + norm.ppf(1 - 0.05 * norm.cdf(n))), rel=2e-3)


def pyhf_agrees(likelihoods, cl, tolerance=1e-5):
    """Put the limits into pyhf: its CLs must be 1 - cl there, to a relative step in mu."""
    found = asymptotic.limits(likelihoods, cl=cl)
    assert found.is_ok.all()
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-10))
    for row in range(len(likelihoods)):
        model, data, bounds = pyhf_model(likelihoods.take([row]), found.observed[row])

        def cls(mu, model=model, data=data, bounds=bounds):
            value, band = pyhf.infer.hypotest(
                mu, data, model, test_stat="qtilde", return_expected_set=True, par_bounds=bounds
            )
            return np.log(np.array([float(value), *map(float, band)]))

        here, beside = cls(1.0), cls(1.02)
        step = (np.log(1 - cl) - here[0]) / ((beside[0] - here[0]) / 0.02)
        assert abs(step) < tolerance
        median = found.expected[row, 2] / found.observed[row]
        here, beside = cls(median), cls(1.02 * median)
        step = (np.log(1 - cl) - here[3]) / ((beside[3] - here[3]) / 0.02)
        assert abs(step) < tolerance


def pyhf_model(one, scale):
    """Return pyhf's model and data with the signal scaled, and bounds that are far away."""
    yields = one.yields.copy()
    yields[:, one.is_signal] *= scale
    absolute = {"histosys", "shapesys", "staterror"}
    modifiers = tuple(
        Modifier(
            m.kind, m.name, m.sample,
            {k: v * scale if one.is_signal[m.sample] and m.kind in absolute else v
             for k, v in m.data.items()},
        )
        for m in one.modifiers
    )  # fmt: skip
    document = spec.workspace(Likelihoods(yields, one.is_signal, modifiers, one.observed), 0)
    workspace = pyhf.Workspace(document)
    model = workspace.model()
    bounds = model.config.suggested_bounds()
    bounds[model.config.poi_index] = (0, 20)
    return model, workspace.data(model), bounds


@pytest.mark.filterwarnings("ignore")
def test_against_pyhf_in_one_bin():
    """Large and small systematics, no events and many."""
    one = np.ones(4)
    modifiers = [
        modifier("lumi", "lumi", 0, sigma=0.01 * one),
        relative("efficiency", 0, [0.5, 0.05, 0.3, 0.2]),
        relative("background", 1, [0.1, 0.4, 0.2, 0.3]),
        modifier("staterror", "stat", 1, sigma=[[0.05], [0.002], [1.0], [5.0]]),
    ]
    batch = one_bin(3 * one, [0.5, 0.01, 4.0, 80.0], [0, 1, 7, 60], modifiers)
    pyhf_agrees(batch, 0.9)


@pytest.mark.filterwarnings("ignore")
def test_against_pyhf_with_shapes():
    """Three bins with lumi, normsys, histosys and shapesys, correlated."""
    pyhf_agrees(shapes(2, 3), 0.95)


@pytest.mark.filterwarnings("ignore")
def test_against_pyhf_with_a_free_background():
    """A sideband is a second channel with a free factor; a free factor in two bins is itself."""
    on_off = [modifier("sideband", "off", 1, observed=[7.0], ratio=[2.0])]
    pyhf_agrees(one_bin([1.0], [3.5], [5], on_off), 0.9)
    yields = np.array([[[3.0, 0.1], [5.0, 50.0]]])
    free = Likelihoods(
        yields, np.array([True, False]), (Modifier("normfactor", "k", 1),), np.array([[6.0, 48.0]])
    )
    pyhf_agrees(free, 0.9)


def test_stress():
    """4,000 hypotheses with large systematics: none fails, none is silently wrong."""
    batch = wild(4000)
    at90, at95 = asymptotic.limits(batch, cl=0.9), asymptotic.limits(batch, cl=0.95)
    assert at90.is_ok.all()
    assert at95.is_ok.all()
    ratio = at95.observed / at90.observed
    # The ratio of z^2/2 is 1.42 and of Gaussian tails 1.19; large systematics stretch it.
    assert ratio.min() > 1.12
    assert ratio.max() < 1.8
    assert (np.diff(at95.expected, axis=1) > 0).all()
    more = asymptotic.limits(wild(4000, shift=1), cl=0.95)
    assert (more.observed > at95.observed).all()
    scaled = asymptotic.limits(wild(4000, scale=7.3), cl=0.95)
    np.testing.assert_allclose(7.3 * scaled.observed, at95.observed, rtol=1e-8)
    np.testing.assert_allclose(7.3 * scaled.expected, at95.expected, rtol=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_stress_against_pyhf():
    """The wildest of them, put to pyhf."""
    batch = wild(4000)
    ratio = asymptotic.limits(batch, cl=0.95).observed / asymptotic.limits(batch, cl=0.9).observed
    order = np.argsort(ratio)
    pyhf_agrees(batch.take(order[[0, -1]]), 0.95)


def test_chunks_do_not_matter():
    """A hypothesis has the same limit in whatever company."""
    batch = wild(50)
    whole, alone = asymptotic.limits(batch, cl=0.9), asymptotic.limits(batch.take([17]), cl=0.9)
    assert alone.observed[0] == pytest.approx(whole.observed[17], rel=1e-9)


def test_nominal_expected_limits_know_no_data():
    """With the nominal Asimov data the expected limits are those without observed counts."""
    batch = wild(30)
    blind = Likelihoods(batch.yields, batch.is_signal, batch.modifiers)
    open_box = asymptotic.limits(batch, cl=0.9, asimov="nominal")
    np.testing.assert_allclose(
        open_box.expected, asymptotic.limits(blind, cl=0.9).expected, rtol=1e-7
    )
    assert np.isnan(asymptotic.limits(blind, cl=0.9).observed).all()


def test_what_has_no_limit():
    """No signal has a status; a structure that does not batch is refused with the reason."""
    found = asymptotic.limits(one_bin([0.0, 1.0], [1.0, 1.0], [1, 1]), cl=0.9)
    assert found.status.tolist() == ["there is no signal", "ok"]
    assert np.isnan(found.observed[0])
    two = [
        modifier("staterror", "a", 1, sigma=[[0.1]]),
        modifier("shapesys", "b", 1, sigma=[[0.1]]),
    ]
    assert "both move single bins" in datasets.supports(one_bin([1.0], [1.0], [1], two))
    with pytest.raises(InputError, match="both move"):
        asymptotic.limits(one_bin([1.0], [1.0], [1], two), cl=0.9)
    with pytest.raises(InputError, match="does not lie between 0 and 1"):
        asymptotic.limits(one_bin([1.0], [1.0], [1]), cl=90)


@settings(max_examples=15)
@given(
    st.floats(0.01, 500), st.integers(0, 500), st.floats(0, 0.5), st.floats(0, 0.5),
    st.floats(1e-3, 1e3),
)  # fmt: skip
def test_properties(b, n, on_signal, on_background, s):
    """Limits scale with the signal, rise with the level and the count, and bands are in order."""
    modifiers = [relative("s", 0, [on_signal]), relative("b", 1, [on_background])]
    found = asymptotic.limits(one_bin([s], [b], [n], modifiers), cl=0.9)
    assert found.status[0] == "ok"
    unit = asymptotic.limits(one_bin([1.0], [b], [n], modifiers), cl=0.9)
    assert found.observed[0] * s == pytest.approx(unit.observed[0], rel=1e-7)
    stricter = asymptotic.limits(one_bin([s], [b], [n], modifiers), cl=0.95)
    assert stricter.observed[0] > found.observed[0]
    assert (np.diff(found.expected[0]) > 0).all()
    more = asymptotic.limits(one_bin([s], [b], [n + 1], modifiers), cl=0.9)
    assert more.observed[0] >= found.observed[0] * (1 - 1e-7)


@given(st.floats(1.01, 3), st.floats(0.1, 0.99), st.floats(-4, 4))
def test_code4_is_smooth(hi, lo, alpha):
    """The derivatives that Newton uses are those of the factor; the ends are powers."""
    factors = Exponential(np.array([hi]), np.array([lo]))
    step = 1e-5
    values = [factors.factor(np.array([alpha + k * step]))[0][0] for k in (-1, 0, 1)]
    k, first, second = (entry[0] for entry in factors.factor(np.array([alpha])))
    assert first * k == pytest.approx((values[2] - values[0]) / (2 * step), rel=1e-5, abs=1e-7)
    numeric = (values[2] - 2 * values[1] + values[0]) / step**2
    assert second * k == pytest.approx(numeric, rel=2e-2, abs=2e-3) or abs(abs(alpha) - 1) < step
    assert factors.factor(np.array([2.0]))[0][0] == pytest.approx(hi**2)
    assert factors.factor(np.array([-2.0]))[0][0] == pytest.approx(lo**2)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-3, 3))
def test_code4p(up, down, alpha):
    """The shift goes through both ends and is a straight line beyond."""
    shift = Shift(np.array([[up]]), np.array([[down]]))
    assert shift.at(np.array([[1.0]]))[0][0, 0] == pytest.approx(up, abs=1e-12)
    assert shift.at(np.array([[-1.0]]))[0][0, 0] == pytest.approx(down, abs=1e-12)
    assert shift.at(np.array([[3.0]]))[0][0, 0] == pytest.approx(3 * up, abs=1e-12)
    step = 1e-6
    value = [shift.at(np.array([[alpha + k * step]]))[0][0, 0] for k in (-1, 1)]
    slope = shift.at(np.array([[alpha]]))[1][0, 0]
    assert slope == pytest.approx((value[1] - value[0]) / (2 * step), abs=1e-4)
