"""Four kinds of fits on toys of known truth: p-values, bias, pulls and coverage."""

import importlib

import numpy as np
import pytest
from scipy.stats import crystalball, kstest

from mcbook.analysis import read_analysis, run

NAMES = (
    "templates in two observables", "bump over a polynomial", "broad bump, order chosen",
    "Crystal Balls over simulation",
)  # fmt: skip


@pytest.fixture(scope="module")
def kinds(root):
    """Return the module that makes the fits of the figure in the docs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root / "docs")
        return importlib.import_module("fit_kinds")


def test_all_kinds_are_tested(kinds):
    """The figure has no others."""
    assert tuple(kinds.KINDS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_toys_of_known_truth(kinds, name, tmp_path, length):
    """What the page says: errors of simulation move a mean by 0.04 and cost 1% of coverage."""
    n = length(1500, 10_000)
    found = kinds.closure(name, tmp_path, n, seed=4)
    few = 1 / np.sqrt(n)
    assert kstest(found.p_values, "uniform").statistic < 0.03 + 1.95 * few
    assert np.abs(found.bias).max() < 0.06 + 4 * few
    assert np.abs(found.pull).max() < 0.09 + 4 * few
    assert np.abs(found.width - 1).max() < 0.03 + 4 * few / np.sqrt(2)
    assert found.covered.min() > 0.88 - 4 * np.sqrt(0.09) * few
    assert found.covered[0] > 0.99
    assert abs(found.spurious) < 0.01


def test_crystal_balls_are_those_of_scipy(kinds, tmp_path):
    """At a sample its parts are those of the sum of two; between two, nearly those between them."""
    path = kinds.write("Crystal Balls over simulation", tmp_path)
    path.write_text(path.read_text().replace("[4]", "[3.5, 4]"))
    cells = run(read_analysis(path)).ingredients.cells["only"]
    for i, (mass, near) in enumerate(((3.5, 1e-7), (4.0, 2e-4))):
        row = kinds.shape(mass)
        _, mean, f, one, two, offset, alpha_1, alpha_2, n_1, n_2, _, low, high, _ = row
        edges = mean + 0.5 * np.linspace(-8, 8, 33)
        wanted = np.zeros(32)
        for part, centre, sigma, alpha, n in (
            (f, mean - (1 - f) * offset, one, alpha_1, n_1),
            (1 - f, mean + f * offset, two, alpha_2, n_2),
        ):
            ball = crystalball(alpha, n, loc=centre, scale=sigma)
            whole = ball.cdf(high) - ball.cdf(low)
            wanted += part * np.diff(ball.cdf(edges)) / whole
        assert cells.signal[i] == pytest.approx(wanted, abs=near)
