"""Axion-like particle: photon coupling, e+e- -> gamma a, and B -> K a through the W."""

import dirac
import numpy as np
import pytest

from mcbook.registry.physics import alp, bmeson, vectors
from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formfactors import b_to_k_f0
from mcbook.units import GEV2_FB, HBAR_GEV_PS

ALPHA = 1 / 137.035999
SQRT_S = 10.58
M_B, M_K = value("m_B"), value("m_K")


def test_photon_width_has_its_published_value():
    """G = 1e-4, m = 1 GeV: 4.974e-11 GeV in a public Belle II tutorial of MadGraph."""
    assert alp.alp_photon_width(1.0, 1e-4) == pytest.approx(4.97359e-11, rel=1e-5)


def test_light_alp_flies_half_a_millimetre():
    """C tau = 0.496 mm at m = 0.2 GeV, g = 1e-4; proportional to g^-2 m^-3."""
    ctau = vectors.decay_length(alp.alp_photon_width(np.array([0.2, 0.4]), np.array([1e-4, 2e-4])))
    assert ctau[0] == pytest.approx(0.496, rel=1e-3)
    assert ctau[0] / ctau[1] == pytest.approx(32)


@pytest.mark.parametrize(("m", "fb"), [(0.2, 118.27), (1, 115.25), (5, 55.46), (9, 2.499)])
def test_cross_section_has_its_known_values(m, fb):
    """A separate calculation at g = 1e-3, alpha(0), 10.58 GeV."""
    assert alp.xsec_gamma_alp(float(m), 1e-3, ALPHA, SQRT_S) == pytest.approx(fb, rel=2e-4)


def test_cross_section_is_the_integral_of_the_trace():
    """The vertex -g epsilon(mu, nu, q, k) with the electron tensor, integrated over the angle."""
    m, g = 3.0, 1e-3
    s = SQRT_S**2
    k0 = (s - m * m) / (2 * SQRT_S)
    cos, weight = np.polynomial.legendre.leggauss(4)
    levi = np.zeros((4, 4, 4, 4))
    for order in np.array(np.meshgrid(*[range(4)] * 4)).T.reshape(-1, 4):
        if len(set(order)) == 4:
            levi[tuple(order)] = np.linalg.det(np.eye(4)[order])
    zero = np.zeros(4)
    k = np.stack([k0 + zero, k0 * np.sqrt(1 - cos**2), zero, k0 * cos], axis=-1)
    q, beam = np.array([SQRT_S, 0, 0, 0]), 0.5 * SQRT_S * np.array([1, 0, 0, 1])
    other = q - beam
    lower = dirac.METRIC
    vertex = np.einsum("mnab,a,zb->zmn", levi, lower @ q, k @ lower)
    hadron = np.einsum("zmn,zab,nb->zma", vertex, vertex, lower)
    lepton = 4 * (np.outer(beam, other) + np.outer(other, beam) - lower * dirac.dot(beam, other))
    lepton = lower @ lepton @ lower
    # photon polarisations summed with -g; spins averaged; propagator 1/s
    squared = -np.einsum("ma,zma->z", lepton, hadron) * 4 * np.pi * ALPHA * g**2 / (4 * s * s)
    expected = GEV2_FB / (2 * s) * (squared * weight).sum() * k0 / (8 * np.pi * SQRT_S)
    assert alp.xsec_gamma_alp(m, g, ALPHA, SQRT_S) == pytest.approx(abs(expected), rel=1e-12)
    shape = squared / (1 + cos**2)
    assert shape == pytest.approx(np.full(4, shape[0]), rel=1e-12)


def test_cross_section_ends_at_the_beam_energy():
    """Zero from m = sqrt(s) on, alpha g^2/24 for a massless a."""
    got = alp.xsec_gamma_alp(np.array([0.0, 10.0, SQRT_S, 11.0]), 1e-3, ALPHA, SQRT_S)
    assert got[0] == pytest.approx(ALPHA * 1e-6 / 24 * GEV2_FB)
    assert got[1] > 0
    assert list(got[2:]) == [0, 0]


def test_width_of_b_to_k_a_is_the_published_expression():
    """m_B^3 |g|^2/(64 pi) (1 - m_K^2/m_B^2)^2 f_0^2 lambda^(1/2), arXiv:1611.09355."""
    m, g_aww = 1.3, 1e-5
    g = g_aww * alp.flavour_coupling(*(value(n) for n in ("m_t", "M_W", "V_ts_V_tb", "G_F")))
    y, z = (M_K / M_B) ** 2, (m / M_B) ** 2
    lam = 1 + y * y + z * z - 2 * (y + z + y * z)
    width = M_B**3 * g**2 / (64 * np.pi) * (1 - y) ** 2 * b_to_k_f0(m * m) ** 2 * np.sqrt(lam)
    expected = width * value("tau_Bu_ps") / HBAR_GEV_PS
    assert alp.br_bu_k_alp(m, g_aww) == pytest.approx(expected, rel=1e-12)


def test_derivative_coupling_equals_the_scalar_one_by_the_equations_of_motion():
    """G (d a) sbar gamma P_L b is g m_b a sbar P_R b on shell: the width of B -> K S with C = g."""
    m, g_aww = np.array([0.2, 2.0, 4.7]), 1e-5
    g = g_aww * alp.flavour_coupling(*(value(n) for n in ("m_t", "M_W", "V_ts_V_tb", "G_F")))
    scalar = bmeson.pseudoscalar_width(m, g, b_to_k_f0(m * m), M_B, M_K)
    got = alp.br_bu_k_alp(m, g_aww) * HBAR_GEV_PS / value("tau_Bu_ps")
    assert got == pytest.approx(scalar, rel=1e-12)


def test_flavour_coupling_agrees_with_the_effective_theory():
    """y_t^2 and c_WW of arXiv:2012.12272: 3 y_t^2 alpha_2/(32 pi^3) c_WW (1-x+x ln x)/(1-x)^2.

    L = c_WW (alpha_2/4 pi) a/f W Wtilde is -(g_aW/4) a W Wtilde for c_WW/f = -pi g_aW/alpha_2, and
    alpha_2 = sqrt(2) G_F M_W^2/pi.
    """
    m_t, m_w, ckm, g_f = 165.0, 80.37, 0.04, value("G_F")
    alpha_2 = np.sqrt(2) * g_f * m_w**2 / np.pi
    v = (np.sqrt(2) * g_f) ** -0.5
    alpha_t = 2 * m_t**2 / v**2 / (4 * np.pi)
    x = (m_t / m_w) ** 2
    c_ww = np.pi / alpha_2
    loop = (1 - x + x * np.log(x)) / (1 - x) ** 2
    expected = ckm * alpha_t / (4 * np.pi) * 3 * alpha_2 / (2 * np.pi) * c_ww * loop
    assert alp.flavour_coupling(m_t, m_w, ckm, g_f) == pytest.approx(expected, rel=1e-12)


def test_charm_is_negligible_against_top():
    """f(m_c^2/M_W^2) = 2.5e-4 against f = 1.2 of the top quark: 2e-4 of the amplitude."""
    charm, top = alp.w_loop((1.27 / 80.37) ** 2), alp.w_loop((162.5 / 80.37) ** 2)
    assert charm == pytest.approx(2.5e-4, rel=0.01)
    assert charm / top == pytest.approx(2.2e-4, rel=0.05)


def test_inclusive_rate_agrees_with_the_one_in_use_for_forward_experiments():
    """FORESEE (ALP-W): BR(B -> X_s a) = 2.3e4 g_aW^2; here g^2 m_b^3/(32 pi) with m_b = 4.7 GeV."""
    g = alp.flavour_coupling(*(value(n) for n in ("m_t", "M_W", "V_ts_V_tb", "G_F")))
    inclusive = g**2 * 4.7**3 / (32 * np.pi) * value("tau_Bu_ps") / HBAR_GEV_PS
    assert inclusive == pytest.approx(2.3e4, rel=0.1)
    exclusive = alp.br_bu_k_alp(0.5, 1.0)
    assert 0.04 < exclusive / inclusive < 0.15


def test_published_limits_on_the_coupling_are_branching_fractions_within_reach():
    """Belle, 772e6 BB pairs: g_aW < 3e-6 to 3e-5 GeV^-1 (arXiv:2507.01249).

    The strongest limit must leave some signal events before efficiency, and not hundreds.
    """
    n_charged = 772e6
    produced = alp.br_bu_k_alp(1.0, 3e-6) * n_charged
    assert 2.3 < produced < 100


def test_closed_or_absent_gives_no_decay():
    """Zero from m_B - m_K = 4.786 GeV on and without a W coupling; proportional to g_aW^2."""
    edge = M_B - M_K
    m = np.array([0.0, 1.0, edge - 1e-6, edge, 6.0, 7.0])
    got = alp.br_bu_k_alp(m[:, None], np.array([1e-5, -2e-5, np.nan]))
    assert got.shape == (6, 3)
    assert (got[:3, 0] > 0).all()
    assert (got[3:] == 0).all()
    assert (got[:, 2] == 0).all()
    assert got[:, 1] == pytest.approx(4 * got[:, 0])
