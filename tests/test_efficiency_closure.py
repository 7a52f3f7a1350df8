"""Efficiency maps close: on known truths errors are as large as they say."""

import numpy as np
import pytest
from scipy.special import expit

from mcbook.efficiency import EfficiencyMap
from mcbook.verbs.mapviews import improbable

EVENTS = 5000
WORLDS = 24


def curve(x, shift):
    """Return a turn-on over a mass with a shallow dip."""
    dip = 1 - 0.35 * np.exp(-0.5 * ((x - 5 - shift) / 0.8) ** 2)
    return 0.02 + 0.3 * expit((x - 1.2 - 0.3 * shift) / 0.5) * (1 - 0.05 * x) * dip


def surface(points, shift):
    """Return a turn-on that moves with a second parameter, and a hill in that."""
    x, y = points.T
    hill = np.exp(-0.5 * ((y - 0.3 + 0.1 * shift) / 0.6) ** 2)
    return 0.03 + 0.3 * expit((x - 2 - shift - 0.6 * y) / 0.8) * hill


def lines(random, *, even, worlds=WORLDS):
    """Yield maps over one axis with their truth and test points."""
    for _ in range(worlds):
        shift = random.uniform(-0.5, 0.5)
        x = np.linspace(0.5, 8, 20)
        if not even:
            x = np.sort(np.concatenate([[0.5, 8], random.uniform(0.5, 8, 18)]))
        made = EfficiencyMap(["m"], x, random.binomial(EVENTS, curve(x, shift)), [EVENTS] * 20)
        test = random.uniform(0.5, 8, 60)
        yield made, made.evaluate({"m": test}), curve(test, shift)


def planes(random, *, even, worlds=12):
    """Yield maps over two axes."""
    for _ in range(worlds):
        shift = random.uniform(-0.5, 0.5)
        ends = np.array([(0.5, -1), (0.5, 1), (8, -1), (8, 1)])
        points = np.vstack([random.uniform([0.5, -1], [8, 1], (46, 2)), ends])
        if even:
            grid = np.meshgrid(np.linspace(0.5, 8, 10), np.linspace(-1, 1, 8), indexing="ij")
            points = np.stack([axis.ravel() for axis in grid], axis=-1)
        counts = random.binomial(EVENTS, surface(points, shift))
        made = EfficiencyMap(["m", "y"], points, counts, np.full(len(points), EVENTS))
        test = random.uniform([0.5, -1], [8, 1], (120, 2))
        found = made.evaluate({"m": test[:, 0], "y": test[:, 1]})
        yield made, found, surface(test, shift)


def pulls(worlds):
    """Return pulls of values between samples, and of samples left out."""
    between, left = [], []
    for made, found, truth in worlds:
        assert not found.reason.any()
        between.append((found.value - truth) / np.hypot(found.mc_error, found.interpolation_error))
        left.append(made.leave_one_out().pull)
    out = np.concatenate(left)
    return np.concatenate(between), out[np.isfinite(out)]


@pytest.mark.parametrize(
    ("worlds", "covered", "width"),
    [
        (lines(np.random.default_rng(1), even=True), (0.62, 0.75), (0.85, 1.15)),
        # The error of a gap that is much wider than those beside it is a guess, and pulls of one
        # such gap go together: more worlds, so that their mean is known to 0.04.
        (lines(np.random.default_rng(2), even=False, worlds=72), (0.60, 0.75), (0.85, 1.35)),
        (planes(np.random.default_rng(3), even=True), (0.62, 0.78), (0.8, 1.15)),
        # A smooth truth is easier than what the process expects: its errors are too large.
        (planes(np.random.default_rng(4), even=False, worlds=6), (0.65, 0.9), (0.65, 1.15)),
    ],
    ids=["line", "uneven line", "grid", "scattered"],
)
def test_errors_are_as_large_as_they_say(worlds, covered, width):
    """Values between samples and samples left out pull like Gaussians of width one."""
    between, left = pulls(worlds)
    assert abs(between.mean()) < 0.2
    assert width[0] < np.sqrt(np.mean(between**2)) < width[1]
    assert covered[0] < np.mean(np.abs(between) < 1) < covered[1]
    assert np.mean(np.abs(between) < 2) > 0.88
    assert 0.65 < np.mean(np.abs(left) < 1) < 0.8
    assert 0.7 < np.sqrt(np.mean(left**2)) < 1.15


def test_good_maps_pass_the_check():
    """Of maps whose errors are right none in a hundred fails."""
    random = np.random.default_rng(5)
    chances = [improbable(made.leave_one_out().pull) for made, _, _ in lines(random, even=True)]
    assert min(chances) > 1e-3


def test_gaussian_pulls_are_probable_and_wide_ones_are_not():
    """The chance that fails a check is rare for Gaussian pulls, and sure for wide ones."""
    random = np.random.default_rng(6)
    normal = [improbable(random.normal(size=30)) for _ in range(300)]
    assert np.mean(np.array(normal) < 1e-3) < 0.01
    wide = [improbable(2.5 * random.normal(size=30)) for _ in range(50)]
    assert np.mean(np.array(wide) < 1e-3) > 0.9
    assert improbable(np.array([np.nan])) == 1.0


def test_uneven_gaps_are_less_certain():
    """In a gap that is twice as wide the interpolation error is larger by the square."""
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12])
    truth = expit((x - 6) ** 2 / 9 - 2)
    made = EfficiencyMap(["m"], x, np.round(1e7 * truth), [1e7] * len(x))
    found = made.evaluate({"m": [5.5, 7.0]})
    slope = found.value * (1 - found.value)
    narrow, wide = found.interpolation_error / slope
    assert 2.5 < wide / narrow < 6
