"""Fits of signal shapes: closure on toys whose shape is known, weights, and what fails."""

import math

import numpy as np
import pytest

from mcbook.errors import InputError
from mcbook.selection.likelihoods import Binned, Unbinned
from mcbook.selection.minima import Minimum
from mcbook.selection.resolution import fit_all, fit_shape
from mcbook.selection.shapeparameters import FitOptions, Parameters, numbers
from mcbook.selection.shapes import CrystalBall, DoubleCrystalBall
from mcbook.selection.widths import corrected

WINDOW = (-3.0, 5.0)
TRUTH = DoubleCrystalBall(
    CrystalBall(1.0, 0.2, 1.5, 4.0, "low", WINDOW),
    CrystalBall(1.0, 0.45, 1.3, 5.0, "high", WINDOW),
    0.6,
)
FAST = FitOptions(binned_above=0)
GRID = np.linspace(*WINDOW, 20001)
CUMULATIVE = TRUTH.cdf(GRID)


def toy(count, seed):
    """Return events of the truth."""
    return np.interp(np.random.default_rng(seed).uniform(size=count), CUMULATIVE, GRID)


def pull(fit, name):
    """Return how far a number is from the truth in the range of the fit, in errors."""
    wanted = numbers(TRUTH.within(fit.window))[name]
    return (fit.values[name] - wanted) / fit.errors[name]


@pytest.mark.parametrize("mean", ["common", "separate"])
@pytest.mark.parametrize("tails", ["opposite", "low", "high"])
def test_slopes(tails, mean):
    """Derivatives of both likelihoods are what small steps give."""
    rng = np.random.default_rng(15)
    parameters = Parameters(FitOptions(tails=tails, mean=mean), (-10.0, 10.0))
    z = np.clip(rng.standard_t(4, 500), -9.9, 9.9)
    w = rng.uniform(0.5, 1.5, 500)
    for cost in (Binned.of(parameters, z, w), Unbinned(parameters, z, w)):
        for start in parameters.starts():
            vector = start + rng.normal(0, 0.2, len(start))
            steps = 1e-5 * np.eye(len(vector))
            wanted = [(cost(vector + step) - cost(vector - step)) / 2e-5 for step in steps]
            assert cost.gradient(vector) == pytest.approx(wanted, rel=1e-5, abs=1e-4)


def test_sigma_w_is_a_parameter():
    """The shape of a vector has the mean and sigma_W that stand in it."""
    parameters = Parameters(FitOptions(mean="separate"), (-10.0, 10.0))
    for start in parameters.starts():
        vector = start + np.random.default_rng(16).normal(0, 0.2, len(start))
        given, shape = dict(zip(parameters.names, vector, strict=True)), parameters.shape(vector)
        assert shape.width == pytest.approx(math.exp(given["sigma_w"]))
        assert shape.centre == pytest.approx(given["mean"])


def test_closure(length):
    """Means and widths of toys have pulls of unit Gaussians, p-values are uniform."""
    fits = [fit_shape(toy(4000, seed), None, FAST) for seed in range(length(24, 60))]
    good = [fit for fit in fits if fit.status != "failed"]
    assert len(good) >= len(fits) - 2
    for name in ("mean", "sigma_w"):
        pulls = np.array([pull(fit, name) for fit in good])
        n = len(pulls)
        assert abs(pulls.mean()) < 4 * pulls.std() / math.sqrt(n)
        assert abs(pulls.std() - 1) < 3.5 / math.sqrt(2 * n)
    p = np.array([fit.goodness.p for fit in good])
    assert 0.3 < p.mean() < 0.65
    assert sum(fit.status == "poor" for fit in good) <= 1


def test_of_events_as_of_bins():
    """Both likelihoods find the same, with the same errors."""
    x = toy(5000, 7)
    events, bins = fit_shape(x), fit_shape(x, None, FAST)
    assert (events.is_binned, bins.is_binned) == (False, True)
    for name in ("mean", "sigma_w", "f", "sigma_1"):
        assert abs(events.values[name] - bins.values[name]) < 0.15 * events.errors[name]
        assert events.errors[name] == pytest.approx(bins.errors[name], rel=0.1)


def test_units_do_not_matter():
    """What is shifted and scaled has a shape that is shifted and scaled."""
    x = toy(3000, 8)
    one, other = fit_shape(x, None, FAST), fit_shape(1e4 + 50 * x, None, FAST)
    assert other.values["sigma_w"] == pytest.approx(50 * one.values["sigma_w"], rel=1e-3)
    assert other.errors["sigma_w"] == pytest.approx(50 * one.errors["sigma_w"], rel=1e-2)
    assert other.values["mean"] == pytest.approx(1e4 + 50 * one.values["mean"], abs=0.05)


def test_one_weight_for_all():
    """It changes nothing."""
    x = toy(3000, 9)
    one, other = (fit_shape(x, w, FAST) for w in (None, np.full(3000, 0.01)))
    assert other.values == pytest.approx(one.values, rel=1e-3)
    assert other.errors["sigma_w"] == pytest.approx(one.errors["sigma_w"], rel=1e-2)
    assert other.n_effective == pytest.approx(one.n_effective)


@pytest.mark.thorough
def test_weights():
    """Weights that differ have errors that cover."""
    pulls = []
    for seed in range(30):
        # twice the events on one side, half the weight: the same shape
        rng = np.random.default_rng(100 + seed)
        x = toy(6000, 200 + seed)
        x = x[(x > 1) | (rng.uniform(size=6000) < 0.2)]
        fit = fit_shape(x, np.where(x > 1, 0.2, 1.0), FAST)
        if fit.status != "failed":
            pulls.append(pull(fit, "sigma_w"))
    assert len(pulls) >= 28
    assert abs(np.mean(pulls)) < 4 * np.std(pulls) / math.sqrt(len(pulls))
    assert 0.6 < np.std(pulls) < 1.5


def test_tails_and_means_as_asked():
    """Tails on one side, a fixed power, and two means."""
    x = toy(4000, 10)
    low = fit_shape(x, None, FitOptions(binned_above=0, tails="low", power=6))
    assert low.shape.first.side == low.shape.second.side == "low"
    assert (low.values["n_1"], low.values["n_2"]) == (pytest.approx(6), pytest.approx(6))
    assert math.isnan(low.errors["n_1"])
    assert low.shape.first.sigma <= low.shape.second.sigma
    two = fit_shape(x, None, FitOptions(binned_above=0, mean="separate"))
    assert abs(two.values["offset"]) < 5 * two.errors["offset"]
    one = fit_shape(x, None, FAST)
    assert one.values["offset"] == 0
    assert math.isnan(one.errors["offset"])


def test_tails_that_are_not_there():
    """Two Gaussians are fitted with tails held where no event tells of them, which is noted."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal(4000) * np.where(rng.uniform(size=4000) < 0.7, 10, 20)
    fit = fit_shape(x, None, FAST)
    assert fit.status == "ok"
    assert abs(fit.values["sigma_w"] - 13.784) < 4 * fit.errors["sigma_w"]
    assert all("held fixed" in note for note in fit.notes)


def test_what_no_crystal_ball_describes():
    """A shape with two peaks is found to be poor, and says why."""
    rng = np.random.default_rng(12)
    x = np.concatenate([rng.normal(-3, 0.4, 3000), rng.normal(3, 0.4, 3000)])
    fit = fit_shape(x, None, FAST)
    assert fit.status in {"poor", "failed"}
    assert fit.reason


NORMAL = np.random.default_rng(13).standard_normal(1000)


@pytest.mark.parametrize(
    ("values", "weights", "wanted"),
    [
        ([], None, "no events"),
        (NORMAL[:50], None, "effective events in the range of the fit, fewer than 200"),
        (NORMAL, np.r_[1e6, np.ones(999)], "1 effective events"),
        (np.r_[np.nan, np.inf, NORMAL], None, "2 of 1002 values are no finite numbers"),
        (NORMAL, np.r_[np.nan, np.ones(999)], "1 of 1000 weights are no finite numbers"),
        (NORMAL, np.r_[-1, np.ones(999)], "1 of 1000 weights are below 0"),
        (NORMAL, np.zeros(1000), "all weights are 0"),
        (np.ones(1000), None, "two thirds of the values are the same"),
    ],
)
def test_what_cannot_be_fitted(values, weights, wanted):
    """It fails with its reason and has no numbers."""
    fit = fit_shape(values, weights, FAST)
    assert fit.status == "failed"
    assert wanted in fit.reason
    assert not fit.values
    assert fit.shape is None


def test_bins_without_a_usable_minimum(monkeypatch):
    """A fit of each event is no answer where its bins, which errors come from, have none."""
    monkeypatch.setattr(
        Minimum, "wrong", lambda self: "no covariance" * isinstance(self.cost, Binned)
    )
    fit = fit_shape(toy(1000, 17))
    assert (fit.status, fit.reason) == ("failed", "no covariance")


def test_one_failure_stops_no_other():
    """Each sample has its fit."""
    fits = fit_all({1.0: ([], None), 2.0: (toy(1500, 14), None)}, FAST)
    assert [fit.status for fit in fits.values()] == ["failed", "ok"]


def test_wrong_calls():
    """Weights that are not as many as values, and options that are none."""
    with pytest.raises(InputError, match="3 values and 2 weights"):
        fit_shape([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="tails: 'lo' is not known"):
        FitOptions(tails="lo")
    with pytest.raises(InputError, match="range: 1 is not 2 or more"):
        FitOptions(range=1)


def test_correction_of_a_width():
    """Factor and relative error by hand, for arrays."""
    width, error = corrected([0.2, 0.1], [0.003, 0.001], [1.05, 0.9], 0.1)
    assert width == pytest.approx([0.21, 0.09])
    assert error == pytest.approx([math.hypot(0.00315, 0.021), math.hypot(0.0009, 0.009)])


@pytest.mark.parametrize("wider", [None, 0.16, 0.25])
def test_shapes_without_tails(wider, length):
    """One Gaussian, and two of them: no fit fails, widths are covered, and hardly too small."""
    pulls, ratios = [], []
    for seed in range(1000, 1000 + length(12, 40)):
        rng = np.random.default_rng(seed)
        x, truth = rng.normal(0, 0.1, 4000), 0.1
        if wider is not None:
            x = np.where(rng.random(4000) < 0.7, x, rng.normal(0, wider, 4000))
            truth = math.sqrt(0.7 * 0.01 + 0.3 * wider**2)
        fit = fit_shape(x)
        assert fit.status != "failed", fit.reason
        pulls.append((fit.values["sigma_w"] - truth) / fit.errors["sigma_w"])
        ratios.append(fit.values["sigma_w"] / truth)
    assert np.abs(pulls).max() < 4.5
    assert 0.97 < np.mean(ratios) < 1.01
