"""Crystal Balls against integrals done otherwise, and widths by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import crystalball, norm

from mcbook.errors import InputError
from mcbook.selection.shapes import (
    CrystalBall,
    DoubleCrystalBall,
    Gaussian,
    part_within,
    sigma_w,
    window_change,
)
from mcbook.selection.widths import quantiles


def double(window=(-np.inf, np.inf), f=0.6):
    """Return a sum with tails on opposite sides."""
    return DoubleCrystalBall(
        CrystalBall(1.0, 0.2, 1.5, 4.0, "low", window),
        CrystalBall(1.1, 0.4, 1.3, 5.0, "high", window), f,
    )  # fmt: skip


def integral(shape, low, high):
    """Integrate a density over finite ends, split at its kinks."""
    kinks = [shape.mean, shape.mean - shape.alpha * shape.sigma, shape.mean + shape.alpha
             * shape.sigma]  # fmt: skip
    inside = sorted({low, high, *(x for x in kinks if low < x < high)})
    parts = [quad(lambda x: float(shape.pdf(x)), a, b, epsabs=1e-12)[0]
             for a, b in pairwise(inside)]  # fmt: skip
    return sum(parts)


@settings(max_examples=25)
@given(
    st.tuples(st.floats(-2, 2), st.floats(0.05, 3), st.floats(0.2, 4), st.floats(1.05, 40)),
    st.sampled_from(["low", "high"]), st.floats(-6, -0.5), st.floats(0.5, 6),
)  # fmt: skip
def test_normalised_in_any_window(parameters, side, low, high):
    """The density integrates to 1, and the cumulative distribution is its integral."""
    shape = CrystalBall(*parameters, side, (low, high))
    assert integral(shape, low, high) == pytest.approx(1, abs=1e-6)
    middle = 0.3 * low + 0.7 * high
    assert float(shape.cdf(middle)) == pytest.approx(integral(shape, low, middle), abs=1e-6)
    assert shape.cdf([low - 1, low, high, high + 1]) == pytest.approx([0, 0, 1, 1], abs=1e-12)
    assert np.isneginf(shape.log_pdf([low - 1, high + 1])).all()


def test_as_in_scipy():
    """On the whole line it is scipy's, also far out in the tail; the other side is its mirror."""
    x = np.array([-1e6, -40.0, -3.0, -1.2, 0.0, 2.0, 8.0])
    wanted = crystalball(1.2, 2.5, loc=0.3, scale=0.7)
    shape = CrystalBall(0.3, 0.7, 1.2, 2.5)
    assert shape.pdf(x) == pytest.approx(wanted.pdf(x), rel=1e-9)
    assert shape.cdf(x) == pytest.approx(wanted.cdf(x), rel=1e-9)
    mirrored = CrystalBall(-0.3, 0.7, 1.2, 2.5, "high")
    assert mirrored.pdf(-x) == pytest.approx(shape.pdf(x), rel=1e-12)
    assert shape.log_pdf(1e3) == pytest.approx(-0.5 * (999.7 / 0.7) ** 2, rel=1e-3)  # exp is 0


def test_smooth_where_the_tail_begins():
    """Value and slope go over."""
    shape = CrystalBall(0.0, 1.0, 1.4, 3.0)
    x = np.array([-1.4 - 2e-5, -1.4 - 1e-5, -1.4, -1.4 + 1e-5, -1.4 + 2e-5])
    slopes = np.diff(shape.log_pdf(x)) / 1e-5
    assert slopes == pytest.approx(np.full(4, 1.4), abs=1e-4)


@pytest.mark.parametrize("limit", [{"alpha": 12.0, "n": 3.0}, {"alpha": 8.0, "n": 500.0}])
def test_without_a_tail_it_is_a_gaussian(limit):
    """A tail that begins far out is none."""
    shape = CrystalBall(0.5, 2.0, limit["alpha"], limit["n"])
    x = np.linspace(-9, 9, 37)
    assert shape.pdf(x) == pytest.approx(norm.pdf(x, 0.5, 2.0), rel=1e-9)
    assert shape.cdf(x) == pytest.approx(norm.cdf(x, 0.5, 2.0), rel=1e-9)


def test_sum_of_two():
    """Density, bins and cumulative distribution agree, in a window and in a part of it."""
    shape = double((-1.0, 4.0))
    edges = np.linspace(-1, 4, 2001)
    middle = (edges[1:] + edges[:-1]) / 2
    assert shape.between(edges[:-1], edges[1:]).sum() == pytest.approx(1, abs=1e-12)
    assert np.diff(shape.cdf(edges)) == pytest.approx(shape.pdf(middle) * 0.0025, rel=2e-3)
    inner = shape.within((0.5, 1.5))
    ratio = inner.pdf(middle[700:900]) / shape.pdf(middle[700:900])
    assert ratio == pytest.approx(np.full(200, ratio[0]), rel=1e-9)
    for one in (0.0, 1.0):
        alone = double((-1.0, 4.0), f=one)
        ball = alone.first if one else alone.second
        assert alone.log_pdf(middle) == pytest.approx(ball.log_pdf(middle), rel=1e-12)


def test_width_of_the_talk():
    """Its number: f = 0.7, 10 and 20 give 13.784."""
    assert sigma_w(0.7, 10, 20) == pytest.approx(13.784, abs=5e-4)
    assert double().width == pytest.approx(math.sqrt(0.6 * 0.04 + 0.4 * 0.16))
    assert double().centre == pytest.approx(1.04)


def test_window_of_a_wrong_width():
    """10 % more width lose 2.5 % of a Gaussian in +-2 sigma, more of narrower windows."""
    gaussian = Gaussian(3.0, 0.4)
    wanted = 1 - erf(2 / 1.1 / math.sqrt(2)) / erf(2 / math.sqrt(2))
    assert wanted == pytest.approx(0.025, abs=5e-4)
    assert window_change(gaussian, 2, 0.1) == pytest.approx(-wanted, rel=1e-9)
    assert part_within(gaussian, 1) == pytest.approx(0.6827, abs=5e-5)
    assert window_change(gaussian, 1, 0.1) < window_change(gaussian, 2, 0.1) < 0
    assert window_change(gaussian, 2, -0.1) > 0
    shape = double()
    half = 2 * shape.width / 1.1
    low, high = shape.centre - half, shape.centre + half
    assert part_within(shape, 2, off_by=0.1) == pytest.approx(
        quad(lambda x: float(shape.pdf(x)), low, high)[0], abs=1e-7
    )


def test_error_of_sigma_68():
    """Half of the central interval; its error is that of samples, also with weights."""
    rng = np.random.default_rng(5)
    found = [quantiles(x, np.ones(len(x))) for x in rng.standard_normal((300, 400)) * 3]
    values = np.array([one.sigma_68 for one in found])
    errors = np.array([one.sigma_68_error for one in found])
    assert values.mean() == pytest.approx(3, abs=4 * values.std() / math.sqrt(300))
    assert values.std() == pytest.approx(errors.mean(), rel=0.15)
    weights = rng.choice([0.2, 3.0], (300, 400))
    weighted = [quantiles(x, w) for x, w in zip(rng.standard_normal((300, 400)), weights,
                                               strict=True)]  # fmt: skip
    values = np.array([one.sigma_68 for one in weighted])
    errors = np.array([one.sigma_68_error for one in weighted])
    assert values.std() == pytest.approx(errors.mean(), rel=0.15)
    doubled = quantiles(np.repeat([1.0, 2.0, 4.0, 7.0], 30), np.ones(120))
    halved = quantiles(np.repeat([1.0, 2.0, 4.0, 7.0], 30), np.full(120, 0.5))
    assert doubled == halved


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: CrystalBall(0, 0, 1, 2), "sigma of a Crystal Ball is 0"),
        (lambda: CrystalBall(0, 1, -1, 2), "alpha of a Crystal Ball is -1"),
        (lambda: CrystalBall(0, 1, 1, 1), "n of a Crystal Ball is 1"),
        (lambda: CrystalBall(0, 1, 1, 2, window=(1, 1)), "is empty"),
        (lambda: double(f=1.1), "is 1.1, not from 0 to 1"),
        (lambda: part_within(Gaussian(0, 1), 2, off_by=-1), "cannot be off by -1"),
    ],
)
def test_what_is_no_shape(make, wanted):
    """Parameters that cannot be are told."""
    with pytest.raises(InputError, match=wanted):
        make()
