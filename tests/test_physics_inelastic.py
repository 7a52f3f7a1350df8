"""Inelastic dark matter: A' -> chi1 chi2 and chi2 -> chi1 l+ l- or hadrons."""

from itertools import pairwise

import dirac
import numpy as np
import pytest
from scipy.integrate import quad

from mcbook.registry.physics import inelastic, rratio, vectors
from mcbook.registry.physics.constants import value
from mcbook.units import HBARC_GEV_MM

ALPHA = 1 / 137.035999
M_E, M_MU, M_TAU, M_PI = (value(name) for name in ("m_e", "m_mu", "m_tau", "m_pi"))


@pytest.mark.parametrize(
    ("m_v", "m_2", "alpha_d", "width"), [(3, 1.4, 0.1, 0.077097), (3, 1.1, 0.5, 0.44381)]
)
def test_width_of_the_vector_has_its_known_value(m_v, m_2, alpha_d, width):
    """Two points of a separate calculation, m_1 = 1 GeV; MadGraph gives the same five digits."""
    got = inelastic.width_vector_chi1chi2(float(m_v), 1.0, m_2, alpha_d)
    assert got == pytest.approx(width, rel=2e-5)


def test_equal_masses_give_the_width_of_a_dirac_pair():
    """Without a splitting chi1 and chi2 are the two halves of one Dirac fermion."""
    m_v = np.array([1.9, 2.0, 2.001, 3.0, 10.0])
    got = inelastic.width_vector_chi1chi2(m_v, 1.0, 1.0, 0.1)
    assert got == pytest.approx(vectors.dark_vector_fermion_width(m_v, 0.1, 1.0), rel=1e-12)


@pytest.mark.parametrize(
    ("inputs", "widths", "ctau"),
    [
        ((1, 0.1, 3, 0.1, 1e-3), (6.659e-18, 0, 0), 29.63),
        ((1, 0.4, 3, 0.1, 1e-3), (5.041e-15, 1.691e-15, 4.66e-17), 0.02911),
        ((1, 0.4, 3, 0.5, 1e-3), (2.520e-14, 8.453e-15, 2.33e-16), 5.822e-3),
        ((2.5, 1.0, 7.5, 0.1, 1e-3), (1.260e-14, 1.072e-14, 2.23e-14), 4.32e-3),
        ((1, 0.2, 4, 0.1, 1e-4), (5.993e-19, 0, 0), 329.3),
        ((0.1, 0.01, 0.3, 0.1, 1e-3), (6.408e-19, 0, 0), 307.9),
    ],
)
def test_widths_of_chi2_reproduce_the_table(inputs, widths, ctau):
    """A separate integration with a propagator of zero width; hadrons with another table of R."""
    m_1, delta, m_v, alpha_d, epsilon = map(float, inputs)
    arguments = (m_1, delta, m_v, 0.0, alpha_d, epsilon, ALPHA)
    electrons = inelastic.width_chi2_leptons(*arguments, M_E)
    muons = inelastic.width_chi2_leptons(*arguments, M_MU)
    hadrons = inelastic.width_chi2_hadrons(*arguments, M_MU)
    assert electrons == pytest.approx(widths[0], rel=2e-4)
    assert muons == pytest.approx(widths[1], rel=2e-4)
    assert hadrons == pytest.approx(widths[2], rel=0.02)
    assert HBARC_GEV_MM / (electrons + muons + hadrons) / 1000 == pytest.approx(ctau, rel=6e-3)


def traced_width(m_1, delta, m_v, width_v, m_l):
    """Integrate the three-body trace for couplings g_D = e epsilon = 1."""
    m_2 = m_1 + delta
    p1, p2, k, weight = dirac.dalitz(m_2, m_l, m_l, m_1, 80)
    p = p1 + p2 + k
    squared = np.zeros(weight.shape)
    for mu in range(4):
        for nu in range(4):
            dark = dirac.trace(
                dirac.slash(k) + m_1 * dirac.ONE,
                dirac.GAMMA[mu],
                dirac.slash(p) + m_2 * dirac.ONE,
                dirac.GAMMA[nu],
            )
            light = dirac.trace(
                dirac.slash(p1) + m_l * dirac.ONE,
                dirac.GAMMA[mu],
                dirac.slash(p2) - m_l * dirac.ONE,
                dirac.GAMMA[nu],
            )
            squared += dirac.METRIC[mu, mu] * dirac.METRIC[nu, nu] * dark * light
    q2 = dirac.dot(p1 + p2, p1 + p2)
    propagator = 1 / ((q2 - m_v**2) ** 2 + (m_v * width_v) ** 2)
    return (squared * propagator * weight).sum() / 2 / (2 * m_2)


@pytest.mark.parametrize(
    ("m_1", "delta", "m_v", "width_v", "m_l"),
    [
        (1.0, 0.1, 3.0, 0.01, M_E),
        (1.0, 0.4, 3.0, 0.5, M_MU),
        (0.3, 1.0, 2.0, 0.1, M_MU),
        (2.5, 4.0, 10.0, 1.0, M_TAU),
    ],
)
def test_three_body_width_is_the_integral_of_the_trace(m_1, delta, m_v, width_v, m_l):
    """Dirac traces summed over the Dalitz plot, for the vector coupling of both currents."""
    alpha_1 = 1 / (4 * np.pi)
    got = inelastic.width_chi2_leptons(m_1, delta, m_v, width_v, alpha_1, 1.0, alpha_1, m_l)
    assert got == pytest.approx(traced_width(m_1, delta, m_v, width_v, m_l), rel=1e-5)


def contact_limit(delta, m_v):
    """4 epsilon^2 alpha alpha_D delta^5/(15 pi m_v^4) for unit couplings."""
    return 4 * delta**5 / (15 * np.pi * m_v**4)


@pytest.mark.parametrize(
    ("fraction", "ratio"), [(0.05, 0.929), (0.1, 0.871), (0.2, 0.775), (0.4, 0.644)]
)
def test_exact_width_over_the_small_splitting_limit(fraction, ratio):
    """The delta^5 formula overestimates the width to electrons, as a separate calculation says."""
    got = inelastic.width_chi2_leptons(1.0, fraction, 3.0, 0.0, 1.0, 1.0, 1.0, M_E)
    assert got / contact_limit(fraction, 3.0) == pytest.approx(ratio, abs=6e-4)


def test_tiny_splittings_keep_their_precision():
    """Down to delta/m_1 = 1e-12 the width follows the limit: masses are never subtracted."""
    delta = np.geomspace(1e-12, 1e-5, 30)
    got = inelastic.width_chi2_leptons(1.0, delta, 3.0, 0.0, 1.0, 1.0, 1.0, 1e-5 * delta)
    assert got / contact_limit(delta, 3.0) == pytest.approx(1 - 1.5 * delta, rel=1e-8)


def test_the_width_of_the_vector_damps_the_propagator():
    """For a small splitting a width of 1 GeV costs 1/(1 + (width/m)^2): 0.90 at 3, 0.265 at 0.6."""
    m_v = np.array([3.0, 0.6])
    wide = inelastic.width_chi2_leptons(1.0, 1e-2, m_v, 1.0, 0.1, 1e-3, ALPHA, M_E)
    narrow = inelastic.width_chi2_leptons(1.0, 1e-2, m_v, 0.0, 0.1, 1e-3, ALPHA, M_E)
    assert wide / narrow == pytest.approx([0.9, 0.2647], rel=1e-3)


def adaptive_integral(masses, width_v, q_min, spectrum, points):
    """Integrate over q with scipy what the formula is a factor 1/(12 pi) away from."""
    m_1, delta, m_v = masses
    total = 2 * m_1 + delta

    def integrand(q):
        phase_space = ((delta - q) * (delta + q)) ** 1.5 * np.sqrt(total**2 - q * q)
        propagator = 1 / ((q * q - m_v**2) ** 2 + (m_v * width_v) ** 2)
        return 2 * q * spectrum(q) * phase_space * (total**2 + 2 * q * q) * propagator

    edges = [q_min, *sorted(p for p in set(points) if q_min < p < delta), delta]
    parts = [quad(integrand, a, b, epsabs=0, epsrel=1e-8, limit=300)[0] for a, b in pairwise(edges)]
    return sum(parts) / (m_1 + delta) ** 3 / (12 * np.pi)


@pytest.mark.parametrize(
    ("m_1", "delta", "m_v", "width_v"),
    [
        (1.0, 0.0011, 3.0, 0.01),
        (0.01, 2.6, 4.5, 1e-5),
        (0.3, 2.4, 3.02, 1e-5),
        (0.001, 2.4, 2.4025, 1e-7),
        (1.0, 2.0, 1.0, 0.1),
        (1.0, 2.0, 1.0, 1e-4),
        (1.0, 2.0, 1.99, 1e-3),
    ],
)
def test_lepton_integral_agrees_with_adaptive_quadrature(m_1, delta, m_v, width_v):
    """Far from the pole of the vector, just below it and across it; light and heavy leptons."""
    steps = np.concatenate([m_v + width_v * np.array([-1e3, -100, -10, -1, 0, 1, 10, 100, 1e3])])
    for m_l in (M_E, M_MU):
        if delta <= 2 * m_l:
            continue
        points = [*steps, 3 * m_l, 10 * m_l, 100 * m_l, 0.9 * delta]
        expected = adaptive_integral(
            (m_1, delta, m_v), width_v, 2 * m_l, lambda q, m=m_l: vectors.pair_factor(q, m), points
        )
        got = inelastic.width_chi2_leptons(m_1, delta, m_v, width_v, 1.0, 1.0, 1.0, m_l)
        assert got == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("m_1", "delta", "m_v", "width_v", "precision"),
    [
        (1.0, 0.283, 3.0, 0.01, 1e-3),
        (1.0, 0.3314, 3.0, 0.01, 1e-3),
        (1.0, 0.7822, 3.0, 0.01, 1e-4),
        (1.0, 1.0195, 4.0, 0.01, 1e-4),
        (0.05, 1.3, 1.4, 1e-3, 1e-3),
        (0.5, 4.5, 9.0, 0.1, 1e-4),
        (1.0, 1.5, 1.2, 1e-5, 1e-2),
    ],
)
def test_hadron_integral_agrees_with_adaptive_quadrature(m_1, delta, m_v, width_v, precision):
    """At the threshold, on omega and phi, beyond the table and across the pole of the vector."""
    peaks = [0.78266, 1.019461]
    near = [m + x for m in peaks for x in (-0.02, -0.005, 0, 0.005, 0.02)]
    pole = list(m_v + width_v * np.array([-1e3, -100, -10, -1, 0, 1, 10, 100, 1e3]))
    table = [np.arange(0.3, 1.06, 0.01), np.arange(1.06, 2.001, 0.02), np.arange(0.74, 0.8, 0.0025)]
    rows = [float(f"{q:.4f}") for q in np.concatenate(table)]  # where the interpolation has kinks
    expected = adaptive_integral(
        (m_1, delta, m_v),
        width_v,
        2 * M_PI,
        rratio.r_ratio,
        [*near, *pole, *rows, rratio.OPEN_CHARM],
    )
    got = inelastic.width_chi2_hadrons(m_1, delta, m_v, width_v, 1.0, 1.0, 1.0, M_MU)
    assert got == pytest.approx(expected, rel=precision)


def test_closed_channels_have_no_width():
    """Zero at and below every threshold, without a warning; arrays broadcast."""
    delta = np.array([1e-3, 2 * M_E, 0.05, 2 * M_MU, 0.25, 2 * M_PI, 0.4])[:, None]
    m_v = np.array([3.0, 5.0])
    rest = (m_v, 0.01, 0.1, 1e-3, ALPHA)
    electrons = inelastic.width_chi2_leptons(1.0, delta, *rest, M_E)
    muons = inelastic.width_chi2_leptons(1.0, delta, *rest, M_MU)
    hadrons = inelastic.width_chi2_hadrons(1.0, delta, *rest, M_MU)
    assert electrons.shape == muons.shape == hadrons.shape == (7, 2)
    assert ((electrons > 0) == (delta > 2 * M_E)).all()
    assert ((muons > 0) == (delta > 2 * M_MU)).all()
    assert ((hadrons > 0) == (delta > 2 * M_PI)).all()
    closed = inelastic.width_vector_chi1chi2(np.array([2.0, 2.3, 2.4]), 1.0, 1.4, 0.1)
    assert list(closed) == [0, 0, 0]


def test_a_pole_inside_the_range_needs_a_width():
    """A vector of no width that chi2 can emit on its shell gives inf, not a wrong number."""
    got = inelastic.width_chi2_leptons(1.0, 2.0, 1.0, 0.0, 0.1, 1e-3, ALPHA, M_E)
    assert got == np.inf
