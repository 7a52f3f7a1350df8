"""Global significances against closed formulas and scans of toys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from mcbook.errors import InputError
from mcbook.limits import Likelihoods, best_fits
from mcbook.limits.significance import (
    global_p,
    global_p_of_toys,
    p_of_z,
    upcrossings,
    z_of_p,
)
from mcbook.limits.toydata import toy_counts, with_counts


@given(st.floats(-5, 37))
def test_p_and_z(z):
    """There and back, also where p is tiny; the values are scipy's."""
    assert p_of_z(z) == pytest.approx(norm.sf(z), rel=1e-12)
    assert z_of_p(p_of_z(z)) == pytest.approx(z, rel=1e-9, abs=1e-9)


def test_upcrossings():
    """Up is counted and down is not; a start above is none; NaN is passed over."""
    scans = [[0, 1, 0, 1, 2], [1, 0, 0, 0, 0], [0, 0.5, 0.2, 0.4, 0.5], [0, np.nan, 1, np.nan, 0]]
    assert upcrossings(scans, 0.5).tolist() == [2, 0, 2, 1]
    assert upcrossings([np.nan, 1.0, 0.0, 1.0], 0.5) == 1
    assert upcrossings(np.zeros((3, 2, 4)), 0.5).shape == (3, 2)


def test_formula():
    """Eq. 3 of Gross and Vitells, its limits and its error."""
    crossings = np.array([3, 5, 4, 4])
    found = global_p([4.0, 0.0, -2.0], crossings, 1.0)
    assert found.p[0] == pytest.approx(norm.sf(4) + 4 * np.exp(-7.5))
    assert found.p[1:].tolist() == [1, 1]
    step = np.sqrt(2 / 3 / 4) * np.exp(-7.5)  # standard deviation of 3, 5, 4, 4, over sqrt(4)
    assert found.high[0] - found.p[0] == pytest.approx(step)
    assert found.p[0] - found.low[0] == pytest.approx(step)
    assert found.z[0] == pytest.approx(norm.isf(found.p[0]))
    single = global_p(5.0, [9], 0.0)
    assert single.high - single.p == pytest.approx(3 * np.exp(-12.5))
    none = global_p(3.0, np.zeros(100), 0.0)
    assert none.p == pytest.approx(norm.sf(3))
    assert none.high - none.p == pytest.approx(0.01 * np.exp(-4.5))
    with pytest.raises(InputError, match="no scan"):
        global_p(3.0, [], 0.0)


def test_share_of_toys():
    """Maxima at or above count, with Clopper and Pearson's interval."""
    found = global_p_of_toys([2.0, 9.0], [1.0, 2.0, 3.0, 0.5])
    assert found.p.tolist() == [0.5, 0]
    tail = norm.sf(1)
    assert found.low[0] == pytest.approx(beta.ppf(tail, 2, 3))
    assert found.high[0] == pytest.approx(beta.ppf(1 - tail, 3, 2))
    assert found.high[1] == pytest.approx(1 - tail**0.25)
    for maxima in ([], [np.nan]):
        with pytest.raises(InputError, match="maxima"):
            global_p_of_toys(1.0, maxima)


def test_gaussian_process(length):
    """A stationary Gaussian process: S. O. Rice says how often it crosses, its toys how high it is.

    White noise smoothed by a Gaussian of width w has the correlation exp(-t^2/(4 w^2)), and
    crosses the level u upwards L/(2 pi sqrt(2) w) exp(-u^2/2) times in a length L.
    """
    n, size, w = length(4000, 20_000), 800, 8.0
    random = np.random.default_rng(4)
    kernel = np.exp(-((np.arange(-40, 41) / w) ** 2) / 2)
    noise = np.fft.rfft(random.normal(size=(n, size + 200)))
    z = np.fft.irfft(noise * np.fft.rfft(kernel, size + 200), size + 200)[:, 100 : 100 + size]
    z /= np.sqrt((kernel**2).sum())
    crossings = upcrossings(z, 0.5)
    rice = size / (2 * np.pi * np.sqrt(2) * w) * np.exp(-(0.5**2) / 2)
    assert crossings.mean() == pytest.approx(rice, rel=0.02)
    compare(z, [2.75, 3.0, 3.5], n)


def compare(z, levels, n):
    """Hold the prediction from upcrossings against the maxima of all toys."""
    highest = z.max(axis=-1)
    told, seen = global_p(levels, upcrossings(z[:200], 0.5), 0.5), global_p_of_toys(levels, highest)
    error = np.hypot((told.high - told.low) / 2, np.sqrt(seen.p / n))
    # the formula is an upper bound, which two crossings in one toy make p^2/2 too high
    assert (np.abs(told.p - seen.p) < 3.5 * error + told.p**2 / 2).all()


def scan(n_bins=60, per_bin=150.0, width=2.0):
    """Return a scan of peaks over a flat spectrum with a free height, four steps a bin."""
    centres = np.arange(6, n_bins - 6, width / 8)
    x = np.arange(n_bins) + 0.5
    peaks = 30 * np.exp(-(((x - centres[:, None]) / width) ** 2) / 2)
    flat = np.full_like(peaks, per_bin)
    from mcbook.limits import Modifier

    yields = np.stack([peaks, flat], axis=1)
    return Likelihoods(yields, np.array([True, False]), (Modifier("normfactor", "k", 1),))


def test_flat_spectrum(length):
    """Fits of a peak over a free flat background, at each of many masses, in each of many toys."""
    n, points = length(600, 4000), scan()
    random = np.random.default_rng(8)
    z = []
    for _ in range(n // 100):
        counts = toy_counts(points.take([0]), random, 100)
        found = best_fits(with_counts(points, counts))
        assert found.is_ok.all()
        z.append(found.z.reshape(100, len(points)))
    compare(np.concatenate(z), [2.5, 2.75, 3.0], n)
