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
    """Zero below m_v + 2 m_l, where nothing is open, and above 2 m_v, where A'A' is."""
    m_h = np.array([1.2, 1.3, 1.99, 2.0, 3.0])
    got = higgsstrahlung.higgs_v_vstar_lepton_width(
        m_h, np.float64(1.0), value("m_mu"), EPSILON, ALPHA, ALPHA_D, np.float64(1.0)
    )
    assert list(got > 0) == [False, True, True, False, False]


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
