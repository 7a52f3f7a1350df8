"""Dark Higgsstrahlung and the decays of a dark Higgs boson through the dark photon."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from mcbook.registry.physics import higgsstrahlung
from mcbook.registry.physics.constants import value
from mcbook.registry.physics.rratio import r_ratio
from mcbook.registry.physics.vectors import pair_factor
from mcbook.units import GEV2_FB

ALPHA = np.float64(1 / 137.035999)
SQRT_S = np.float64(10.58)
EPSILON = np.float64(1e-3)
ALPHA_D = np.float64(0.1)
HBARC_GEV_M = 1.973269804e-16


def xsec(m_v, m_h, q_phi=1.0, **more):
    """Cross section [fb] at epsilon = 1e-3, alpha_D = 0.1."""
    m_v, m_h = np.asarray(m_v, dtype=float), np.asarray(m_h, dtype=float)
    return higgsstrahlung.xsec_vector_higgs(
        m_v, m_h, EPSILON, ALPHA_D, np.float64(q_phi), ALPHA, SQRT_S, **more
    )


@pytest.mark.parametrize(
    ("m_v", "m_h", "sigma"),
    [(1, 0.5, 2.9033), (4, 1, 7.4301), (6, 2, 14.790), (3, 4, 3.5715), (9, 0.5, 79.829)],
)
def test_cross_section_reproduces_a_separate_derivation(m_v, m_h, sigma):
    """Values from an independent derivation of the formula of Batell, Pospelov and Ritz."""
    assert xsec(m_v, m_h) == pytest.approx(sigma, rel=1e-4)


def test_cross_section_agrees_with_madgraph():
    """MadGraph 3.5.7 at (3, 1.5) GeV: 4.9770(16) fb for charge 1 and 19.905(7) fb for charge 2."""
    assert xsec(3, 1.5) == pytest.approx(4.9770, abs=3 * 0.0016)
    assert xsec(3, 1.5, q_phi=2) == pytest.approx(19.905, abs=3 * 0.007)


def test_light_vector_limit_is_scalar_pair_production():
    """For m_v -> 0 the longitudinal A' is the Goldstone boson of scalar QED: lambda^(3/2)."""
    s, x_h = SQRT_S**2, (2.0 / SQRT_S) ** 2
    scalar_pair = np.pi * ALPHA * ALPHA_D * EPSILON**2 / (3 * s) * (1 - x_h) ** 3 * GEV2_FB
    assert xsec(1e-5, 2.0) == pytest.approx(scalar_pair, rel=1e-6)


def test_cross_section_vanishes_beyond_the_beam_energy():
    """Closed points give 0, also on the pole of the virtual dark photon."""
    assert list(xsec([6.0, 10.58, 12.0], [5.0, 0.1, 0.1])) == [0, 0, 0]


def test_width_of_the_vector_lowers_the_cross_section():
    """The propagator |s - m^2 + i m Gamma|^2 in units of (s - m^2)^2; NaN means no width."""
    m, width = 9.0, 0.5
    s = SQRT_S**2
    factor = (s - m**2) ** 2 / ((s - m**2) ** 2 + m**2 * width**2)
    assert xsec(m, 0.5, width_v=np.float64(width)) == pytest.approx(xsec(m, 0.5) * factor)
    assert xsec(m, 0.5, width_v=np.float64(np.nan)) == xsec(m, 0.5)


def test_two_vectors_like_the_standard_model_higgs_to_zz():
    """With w = m_v / (q g_D) for v it is G_F m^3 / (16 sqrt2 pi) of H -> ZZ."""
    m_h, m_v, q_phi = np.float64(3.0), np.float64(1.0), np.float64(2.0)
    w2 = m_v**2 / (q_phi**2 * 4 * np.pi * ALPHA_D)
    x = (m_v / m_h) ** 2
    fermi = 1 / (np.sqrt(2) * w2)
    zz = fermi * m_h**3 / (16 * np.sqrt(2) * np.pi) * np.sqrt(1 - 4 * x) * (1 - 4 * x + 12 * x**2)
    assert higgsstrahlung.higgs_vv_width(m_h, m_v, ALPHA_D, q_phi) == pytest.approx(zz)
    assert higgsstrahlung.higgs_vv_width(m_h, m_v, ALPHA_D, 1.0) == pytest.approx(0.17702, rel=1e-4)
    assert higgsstrahlung.higgs_vv_width(np.float64(1.9), m_v, ALPHA_D, q_phi) == 0


@pytest.mark.parametrize(("m_h", "m_v", "ctau_m"), [(1.0, 4.0, 5.0e5), (0.5, 1.0, 8.2e4)])
def test_loop_decay_length_to_muons(m_h, m_v, ctau_m):
    """Values calculated separately for epsilon = 1e-3, alpha_D = 0.1."""
    width = higgsstrahlung.higgs_loop_lepton_width(
        np.float64(m_h), np.float64(m_v), value("m_mu"), EPSILON, ALPHA, ALPHA_D, np.float64(1.0)
    )
    assert HBARC_GEV_M / width == pytest.approx(ctau_m, rel=0.01)


@pytest.mark.parametrize(("x_l", "x_h"), [(0.01, 0.1), (0.2, 3.5), (0.01, 3.9), (0.5, 3.999)])
def test_loop_integral_equals_adaptive_integration(x_l, x_h):
    """The one-dimensional form against the two-dimensional definition."""

    def integrand(z, y):
        return (2 - y - z) / ((1 - y - z) ** 2 * x_l + y + z - y * z * x_h)

    expected = dblquad(integrand, 0, 1, 0, lambda y: 1 - y, epsabs=1e-9, epsrel=1e-9)[0]
    got = higgsstrahlung._loop_integral(np.array([[x_l]]), np.array([[x_h]]))
    assert got[0] == pytest.approx(expected, rel=1e-6)


def test_loop_integral_of_light_particles():
    """Three halves when lepton and h' are light against A'."""
    got = higgsstrahlung._loop_integral(np.array([[1e-12]]), np.array([[1e-12]]))
    assert got[0] == pytest.approx(1.5, rel=1e-6)


def keung_marciano(x):
    """R(x) of H -> W W*, x = (m_W/m_H)^2, with massless fermions (Phys. Rev. D 30, 248)."""
    angle = np.arccos((3 * x - 1) / (2 * x**1.5))
    return (
        3 * (1 - 8 * x + 20 * x**2) / np.sqrt(4 * x - 1) * angle
        - (1 - x) / (2 * x) * (2 - 13 * x + 47 * x**2)
        - 1.5 * (1 - 6 * x + 4 * x**2) * np.log(x)
    )


@pytest.mark.parametrize("ratio", [1.1, 1.5, 1.9, 1.999])
def test_one_virtual_vector_follows_keung_and_marciano(ratio):
    """Massless leptons: q^2 alpha_D (Gamma_V/m_V) m_h R(x) / (4 pi), Gamma_V = alpha eps^2 m/3."""
    q_phi, m_v = np.float64(2.0), np.float64(1.5)
    got = higgsstrahlung.higgs_v_vstar_lepton_width(
        ratio * m_v, m_v, np.float64(1e-8), EPSILON, ALPHA, ALPHA_D, q_phi
    )
    relative_width = EPSILON**2 * ALPHA / 3
    expected = q_phi**2 * ALPHA_D * relative_width * ratio * m_v / (4 * np.pi)
    assert got == pytest.approx(expected * keung_marciano(1 / ratio**2), rel=1e-6)


def test_one_virtual_vector_with_hadrons_equals_brute_force():
    """All channels together against a plain sum over 400,000 masses of the virtual A'."""
    m_h, m_v = 3.1, 1.9
    q = np.linspace(1e-6, m_h - m_v, 400_001)[1:-1]
    charges = r_ratio(q) + sum(pair_factor(q, value(n)) for n in ("m_e", "m_mu", "m_tau"))
    root = np.sqrt((m_h**2 - (m_v + q) ** 2) * (m_h**2 - (m_v - q) ** 2))
    momenta = ((m_h**2 - m_v**2 - q**2) / (2 * m_v * q)) ** 2
    # |2 g m_v eps eps'|^2 summed over spins, times two-body phase space
    to_pair = 16 * np.pi * ALPHA_D * m_v**2 * (2 + momenta) * root / (16 * np.pi * m_h**3)
    vector_width = EPSILON**2 * ALPHA * q / 3 * charges
    integrand = 2 * q / np.pi * q * vector_width * to_pair / (q**2 - m_v**2) ** 2
    expected = np.sum(integrand) * (q[1] - q[0])
    got = higgsstrahlung.higgs_v_vstar_width(
        np.float64(m_h), np.float64(m_v), EPSILON, ALPHA, ALPHA_D, np.float64(1.0)
    )
    assert got == pytest.approx(expected, rel=2e-3)


def test_one_virtual_vector_only_between_one_and_two_vector_masses():
    """Zero below m_v + 2 m_l, where nothing is open, and above 2 m_v, where A'A' is; not at it."""
    m_h = np.array([1.2, 1.3, 1.99, 2.0, 2.001, 3.0])
    got = higgsstrahlung.higgs_v_vstar_lepton_width(
        m_h, np.float64(1.0), value("m_mu"), EPSILON, ALPHA, ALPHA_D, np.float64(1.0)
    )
    assert list(got > 0) == [False, True, True, True, False, False]


def visible_width(m_v, epsilon):
    """Width of the A' [GeV]: alpha epsilon^2 m/3 for each unit of squared charge."""
    charges = r_ratio(m_v) + sum(pair_factor(m_v, value(n)) for n in ("m_e", "m_mu", "m_tau"))
    return ALPHA * epsilon**2 * m_v / 3 * charges


def to_vectors(m_h, m_v, epsilon):
    """Width of h' -> A' A' and A' A'* together [GeV]."""
    one, epsilon = np.float64(1.0), np.float64(epsilon)
    virtual = higgsstrahlung.higgs_v_vstar_width(m_h, m_v, epsilon, ALPHA, ALPHA_D, one)
    return higgsstrahlung.higgs_vv_width(m_h, m_v, ALPHA_D, one) + virtual


def both_off_shell(distance, m_v, width):
    """Width at 2 m_v + distance with a Breit-Wigner line for each A', by a plain double sum."""
    m_h = 2 * m_v + distance
    u = np.linspace(-np.arcsinh(0.9 * m_v / width), np.arcsinh(0.9 * m_v / width), 2001)
    shift = width * np.sinh(u)
    lines = width / (2 * np.pi) / (shift**2 + width**2 / 4) * width * np.cosh(u) * (u[1] - u[0])
    q_1, q_2 = (m_v + shift)[:, None], m_v + shift
    room = distance - shift[:, None] - shift  # m_h - q_1 - q_2 without rounding
    root = np.sqrt(np.clip(room, 0, None) * (m_h + q_1 + q_2) * (m_h**2 - (q_1 - q_2) ** 2))
    spins = 2 + ((m_h**2 - q_1**2 - q_2**2) / (2 * q_1 * q_2)) ** 2
    # |2 g m_v eps eps'|^2 over two-body phase space, halved for identical particles
    pair = 16 * np.pi * ALPHA_D * m_v**2 * spins * root / (16 * np.pi * m_h**3) / 2
    return np.sum(lines[:, None] * lines * pair)


@pytest.mark.parametrize("epsilon", [1e-3, 3e-2])
def test_threshold_of_two_vectors_is_smeared_by_their_width(epsilon):
    """At m_h = 2 m_v as two Breit-Wigner lines give it, and near it to 30%."""
    m_v = np.float64(1.5)
    width = visible_width(m_v, epsilon)
    at = to_vectors(2 * m_v, m_v, epsilon)
    assert at == pytest.approx(both_off_shell(0.0, m_v, width), rel=0.01)
    for steps in (-20, -2, -0.5, -0.25, 0.25, 0.5, 2, 20):
        got = to_vectors(2 * m_v + steps * width, m_v, epsilon)
        assert got == pytest.approx(both_off_shell(steps * width, m_v, width), rel=0.3)


@pytest.mark.parametrize("m_v", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-3, 3e-2, 0.1])
def test_no_hole_at_the_threshold_of_two_vectors(m_v, epsilon):
    """The width only grows through m_h = 2 m_v, by less than 10% where the distance does by 2%."""
    m_v = np.float64(m_v)
    distance = np.geomspace(1e-2, 1e-14, 1201) * m_v
    m_h = np.concatenate([2 * m_v - distance, [2 * m_v], 2 * m_v + distance[::-1]])
    got = to_vectors(m_h, m_v, epsilon)
    assert np.all(got[1:] > 0.998 * got[:-1])
    assert np.all(got[1:] < 1.1 * got[:-1])


def test_loops_at_the_threshold_of_two_vectors_are_the_limit_from_below():
    """The triangle at x_h = 4, by adaptive integration of its definition."""

    def integrand(z, y):
        return (2 - y - z) / ((1 - y - z) ** 2 * 0.01 + y + z - 4 * y * z)

    # two triangles: the integrand is infinite at y = z = 1/2
    expected = 2 * dblquad(integrand, 0, 0.5, lambda z: z, lambda z: 1 - z, epsabs=1e-6)[0]
    m_l, m_v, one = np.float64(0.1), np.float64(1.0), np.float64(1.0)
    got = higgsstrahlung.higgs_loop_lepton_width(2 * m_v, m_v, m_l, EPSILON, ALPHA, ALPHA_D, one)
    yukawa = ALPHA * EPSILON**2 * 0.1 * expected / np.pi
    assert got == pytest.approx(ALPHA_D * yukawa**2 * 0.99**1.5, rel=1e-4)


def test_many_points_at_once_are_finite():
    """10,000 pairs of masses, closed ones included, without a NaN or a warning."""
    rng = np.random.default_rng(7)
    m_h, m_v = rng.uniform(0.01, 12, (2, 10_000))
    couplings = (EPSILON, ALPHA, ALPHA_D, np.float64(1.0))
    loop = higgsstrahlung.higgs_loop_lepton_width(m_h, m_v, value("m_tau"), *couplings)
    virtual = higgsstrahlung.higgs_v_vstar_width(m_h, m_v, *couplings)
    for values in (loop, virtual, xsec(m_v, m_h)):
        assert values.shape == (10_000,)
        assert np.all(np.isfinite(values))
        assert np.all(values >= 0)
