"""Z' of L_mu - L_tau: widths, production off a muon pair, magnetic moment."""

import dirac
import numpy as np
import pytest
from scipy.integrate import quad

from mcbook.registry.physics import vectors, zprime
from mcbook.registry.physics.constants import value
from mcbook.units import GEV2_FB, HBARC_GEV_MM

M_MU, M_TAU = value("m_mu"), value("m_tau")
ALPHA = 1 / 137.035999
SQRT_S = 10.58


def widths(m, g=0.01):
    """Widths to muons, taus and neutrinos."""
    return (
        vectors.vector_lepton_width(m, g, M_MU),
        vectors.vector_lepton_width(m, g, M_TAU),
        2 * vectors.vector_neutrino_width(m, g),
    )


def test_partial_widths_have_their_known_values():
    """Widths of a separate calculation at g = 0.01, m = 1 GeV, and of a dark fermion pair."""
    muons, taus, neutrinos = widths(1.0)
    assert muons == pytest.approx(2.6506e-6, rel=2e-5)
    assert taus == 0.0
    assert neutrinos / 2 == pytest.approx(1.3263e-6, rel=2e-5)
    assert vectors.dark_vector_fermion_width(3.0, 1.0, 1.0) == pytest.approx(0.9110, rel=2e-5)


@pytest.mark.parametrize(
    ("m", "mumu", "tautau", "inv"),
    [
        (0.1, 0, 0, 1),
        (0.25, 0.4204, 0, 0.5796),
        (0.5, 0.4968, 0, 0.5032),
        (1, 0.4998, 0, 0.5002),
        (3.6, 0.4470, 0.1061, 0.4470),
        (5, 0.3471, 0.3058, 0.3471),
        (10, 0.3340, 0.3319, 0.3340),
    ],
)
def test_branching_fractions_reproduce_the_table(m, mumu, tautau, inv):
    """Three lepton flavours share the Z' as a separate calculation says, in four digits."""
    parts = widths(m)
    fractions = [float(vectors.ratio(part, sum(parts))) for part in parts]
    assert fractions == pytest.approx([mumu, tautau, inv], abs=6e-5)


def test_width_is_the_integral_of_the_trace():
    """The two-body width equals sum |M|^2 from Dirac matrices times phase space."""
    m, g = 1.0, 0.3
    p = np.sqrt(0.25 * m * m - M_MU**2)
    p1, p2 = np.array([m / 2, 0, 0, p]), np.array([m / 2, 0, 0, -p])
    squared = -sum(
        dirac.METRIC[i, i]
        * dirac.trace(
            dirac.slash(p1) + M_MU * dirac.ONE,
            dirac.GAMMA[i],
            dirac.slash(p2) - M_MU * dirac.ONE,
            dirac.GAMMA[i],
        )
        for i in range(4)
    )
    expected = g * g * squared / 3 * p / (8 * np.pi * m * m)
    assert vectors.vector_lepton_width(m, g, M_MU) == pytest.approx(expected, rel=1e-12)


def test_absent_dark_fermion_gives_no_width():
    """NaN stands for an absent optional parameter; the others are not touched by it."""
    m = np.array([3.0, 3.0, 3.0, 1.0])
    alpha_d = np.array([1.0, np.nan, 1.0, 1.0])
    m_f = np.array([1.0, 1.0, np.nan, 1.0])
    got = vectors.dark_vector_fermion_width(m, alpha_d, m_f)
    assert got[0] > 0.9
    assert list(got[1:]) == [0.0, 0.0, 0.0]


def test_ratio_and_decay_length_of_nothing():
    """A vanishing total has no fractions and an infinite decay length, without a warning."""
    assert np.isnan(vectors.ratio(0.0, 0.0))
    assert vectors.ratio(0.0, 1.0) == 0.0
    assert vectors.decay_length(0.0) == np.inf
    assert vectors.decay_length(np.array([2.0]))[0] == HBARC_GEV_MM / 2


@pytest.mark.parametrize(
    ("m", "fb"),
    [
        (0.1, 56.78),
        (0.25, 34.06),
        (0.5, 20.24),
        (1, 9.956),
        (2, 3.466),
        (3, 1.371),
        (4, 0.5439),
        (5, 0.2025),
        (6, 0.06632),
        (7, 0.01741),
        (8, 3.081e-3),
        (9, 2.380e-4),
    ],
)
def test_cross_section_reproduces_the_table(m, fb):
    """A separate calculation at g = 0.01, alpha(0), 10.58 GeV, quoted in four digits."""
    got = zprime.xsec_mumu_vector(float(m), 0.01, M_MU, SQRT_S, ALPHA)
    assert got == pytest.approx(fb, rel=3e-4)


def test_cross_section_agrees_with_madgraph():
    """MadGraph 3.5.7, 20,000 events, g = 0.01, alpha = 1/127.9, m = 1 GeV: 11.428 +- 0.017 fb."""
    got = zprime.xsec_mumu_vector(1.0, 0.01, M_MU, SQRT_S, 1 / 127.9)
    assert got == pytest.approx(11.428, abs=2 * 0.017)


@pytest.mark.parametrize(
    ("m", "m_l"), [(0.5, M_MU), (1.0, M_MU), (4.0, M_MU), (9.0, M_MU), (2.0, M_TAU)]
)
def test_cross_section_is_the_integral_of_the_trace(m, m_l):
    """Dirac traces summed over the Dalitz plot, contracted with the electron tensor."""
    p1, p2, k, weight = dirac.dalitz(SQRT_S, m_l, m_l, m, 150)
    squared = dirac.pair_emission(p1, p2, k, m_l)
    s = SQRT_S**2
    e2 = 4 * np.pi * ALPHA
    # averaged over orientations the electron tensor is (4 s/3)(-g) and sigma has 1/(2 s) 1/4 1/s^2
    expected = GEV2_FB * e2**2 * 0.01**2 / (6 * s**2) * (squared * weight).sum()
    got = zprime.xsec_mumu_vector(m, 0.01, m_l, SQRT_S, ALPHA)
    assert got == pytest.approx(expected, rel=1e-6)


def nested_quadrature(m, m_l):
    """Integrate the two-dimensional distribution with adaptive quadrature, both in turn."""
    s, m2, ml2 = SQRT_S**2, m * m, m_l * m_l

    def inner(total, w):
        lam = np.sqrt((s - w - m2) ** 2 - 4 * w * m2)
        half = 0.5 * np.sqrt(1 - 4 * ml2 / w) * lam

        def distribution(log_d1):
            d1 = np.exp(log_d1)
            d2 = total - d1
            n = w * w + (s + m2) ** 2 - 4 * ml2 * total - 8 * ml2 * ml2
            poles = (s + 2 * ml2) * (m2 + 2 * ml2) * (1 / d1**2 + 1 / d2**2)
            return 8 * (n / (d1 * d2) - 2 - poles) * d1

        # symmetric under the exchange of the leptons
        upper = np.log(0.5 * total)
        lower = upper + np.log1p(-2 * half / total)
        return 2 * quad(distribution, lower, upper, epsabs=0, epsrel=1e-8)[0]

    def outer(log_energy):
        total = 2 * SQRT_S * np.exp(log_energy)
        w = s + m2 - total
        return inner(total, w) * total

    low, high = np.log(m), np.log((s + m2 - 4 * ml2) / (2 * SQRT_S))
    integral = quad(outer, low, high, epsabs=0, epsrel=1e-7, limit=200)[0]
    e2 = 4 * np.pi * ALPHA
    return GEV2_FB * e2**2 / (6 * s * s) * integral / (128 * np.pi**3 * s)


@pytest.mark.parametrize(
    ("m", "m_l"), [(1e-3, M_MU), (0.02, M_MU), (0.3, M_MU), (6.0, M_MU), (10.3, M_MU), (0.1, M_TAU)]
)
def test_cross_section_agrees_with_nested_adaptive_quadrature(m, m_l):
    """The distribution in both invariants, integrated by scipy, down to soft and light vectors."""
    got = zprime.xsec_mumu_vector(m, 1.0, m_l, SQRT_S, ALPHA)
    assert got == pytest.approx(nested_quadrature(m, m_l), rel=1e-6)


def test_cross_section_falls_with_mass_to_zero_at_the_kinematic_limit():
    """Strictly falling, zero from sqrt(s) - 2 m_mu = 10.369 GeV on, proportional to g^2 alpha^2."""
    limit = SQRT_S - 2 * M_MU
    m = np.append(np.geomspace(1e-3, limit - 1e-6, 3000), [limit, limit + 1e-9, 12.0])
    got = zprime.xsec_mumu_vector(m, 0.01, M_MU, SQRT_S, ALPHA)
    assert (np.diff(got[:-3]) < 0).all()
    assert (got[:-3] > 0).all()
    assert list(got[-3:]) == [0, 0, 0]
    doubled = zprime.xsec_mumu_vector(m, 0.02, M_MU, SQRT_S, 2 * ALPHA)
    assert doubled == pytest.approx(16 * got)


def test_cross_section_broadcasts():
    """Arrays of different shapes combine as numpy does; each value is that of a single call."""
    m, g = np.array([[0.5], [1.0], [11.0]]), np.array([0.01, 0.02])
    got = zprime.xsec_mumu_vector(m, g, M_MU, SQRT_S, ALPHA)
    assert got.shape == (3, 2)
    assert got[1, 1] == pytest.approx(zprime.xsec_mumu_vector(1.0, 0.02, M_MU, SQRT_S, ALPHA))


@pytest.mark.parametrize(
    ("m", "g"), [(0.1, 9.46e-4), (0.8, 4.394e-3), (1, 5.402e-3), (5, 2.590e-2)]
)
def test_magnetic_moment_at_the_2021_discrepancy(m, g):
    """The couplings that give 251e-11, of a separate calculation."""
    assert zprime.delta_a_mu(float(m), g, M_MU) == pytest.approx(251e-11, rel=1e-3)


def test_magnetic_moment_has_its_limits():
    """g^2/(8 pi^2) for a massless vector, g^2 m_mu^2/(12 pi^2 m^2) for a heavy one."""
    g = 0.5
    assert zprime.delta_a_mu(0.0, g, M_MU) == pytest.approx(g**2 / (8 * np.pi**2), rel=1e-9)
    heavy = g**2 * M_MU**2 / (12 * np.pi**2 * 1e4**2)
    assert zprime.delta_a_mu(1e4, g, M_MU) == pytest.approx(heavy, rel=1e-6)


@pytest.mark.parametrize("m", [1e-3, 0.03, M_MU, 0.4, 3.0, 50.0])
def test_magnetic_moment_agrees_with_adaptive_quadrature(m):
    """The Feynman-parameter integral as it is written, by scipy."""

    def integrand(y):
        x = 1 - y
        return 2 * M_MU**2 * x**2 * y / (x**2 * M_MU**2 + y * m * m)

    corners = [1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 0.9, 0.99, 0.999]
    expected = quad(integrand, 0, 1, points=corners, epsabs=0, epsrel=1e-11, limit=500)[0]
    got = zprime.delta_a_mu(m, 1.0, M_MU)
    assert got == pytest.approx(expected / (8 * np.pi**2), rel=1e-9)
