"""B mesons decaying to a kaon and a light scalar that mixes with the Higgs boson."""

import numpy as np
import pytest

from mcbook.registry.physics import bmeson
from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formfactors import b_to_k_f0, b_to_kstar_a0

FULL = np.float64(np.pi / 2)  # sin(theta) = 1
V = value("v_higgs")


def at_reference_inputs(fraction):
    """Rescale to m_t = 165 GeV and |V_ts V_tb| = 0.0405."""
    return fraction * (165 / value("m_t")) ** 4 * (0.0405 / value("V_ts_V_tb")) ** 2


@pytest.mark.parametrize(("m_s", "fraction"), [(1e-3, 0.380), (0.3, 0.381), (1, 0.387), (3, 0.439)])
def test_kaon_fraction_reproduces_a_separate_calculation(m_s, fraction):
    """BR(B+ -> K+ S) / sin^2(theta) at m_t = 165 GeV, |V_ts V_tb| = 0.0405."""
    got = at_reference_inputs(bmeson.br_bu_k_scalar(np.float64(m_s), FULL))
    assert got == pytest.approx(fraction, rel=2e-3)


@pytest.mark.parametrize(("m_s", "fraction"), [(1e-3, 0.426), (1, 0.426), (3, 0.390), (4, 0.194)])
def test_kstar_fraction_reproduces_a_separate_calculation(m_s, fraction):
    """BR(B0 -> K*0 S) / sin^2(theta) at m_t = 165 GeV, |V_ts V_tb| = 0.0405."""
    got = at_reference_inputs(bmeson.br_b0_kstar_scalar(np.float64(m_s), FULL))
    assert got == pytest.approx(fraction, rel=3e-3)


def test_form_factors_at_zero_momentum_transfer():
    """Ball and Zwicky: f0(0) = 0.331 +- 0.041 and A0(0) = 0.374 +- 0.033."""
    zero = np.float64(0.0)
    assert b_to_k_f0(zero) == pytest.approx(0.331, abs=0.002)
    assert b_to_kstar_a0(zero, value("m_B")) == pytest.approx(0.374, abs=0.001)


def test_quark_level_rate_is_the_known_ratio_to_the_semileptonic_rate():
    """Gamma(b->sS)/Gamma(b->c e nu) = 27 sqrt2 G_F m_t^4 |V_ts V_tb/V_cb|^2 / (64 pi^2 m_b^2 f).

    Grinstein, Hall and Randall, Phys. Lett. B 211, 363 (1988), for a massless scalar; f is the
    phase space of the semileptonic decay and drops out here, as does V_cb.
    """
    m_b, m_t, ckm, g_f = 4.8, value("m_t"), value("V_ts_V_tb"), value("G_F")
    scalar = bmeson.flavour_change(m_t, ckm, V) ** 2 * m_b**3 / (32 * np.pi)
    semileptonic = g_f**2 * m_b**5 / (192 * np.pi**3)
    expected = 27 * np.sqrt(2) * g_f * m_t**4 * ckm**2 / (64 * np.pi**2 * m_b**2)
    assert scalar / semileptonic == pytest.approx(expected, rel=1e-3)


def test_kaon_to_pion_analogue_has_its_literature_size():
    """BR(K+ -> pi+ S) = 1.3e-3 sin^2(theta) for m_S -> 0 (Bezrukov and Gorbunov, 0912.0390).

    With |V_ts| = 0.0415, |V_td| = 0.0086 (PDG 2024) and f0(0) = 0.97 (lattice).
    """
    coupling = bmeson.flavour_change(165.0, 0.0415 * 0.0086, V)
    zero = np.float64(1e-3)
    width = bmeson.pseudoscalar_width(zero, coupling, 0.97, value("m_K"), value("m_pi"))
    lifetime_ps = 1.238e4
    assert width * lifetime_ps / 6.582119569e-13 == pytest.approx(1.3e-3, rel=0.1)


def test_two_exclusive_modes_stay_below_the_inclusive_rate():
    """B -> K S and K* S together are less than b -> s S, about 5.4 sin^2(theta)."""
    m_s = np.linspace(0.01, 4, 50)
    total = bmeson.br_bu_k_scalar(m_s, FULL) + bmeson.br_b0_kstar_scalar(m_s, FULL)
    assert np.all(total < 5.4 / 4)


def test_fractions_end_at_the_kinematic_limit():
    """Zero beyond m_B - m_K(*), also where a form factor has its pole, and never NaN."""
    end_k = value("m_B") - value("m_K")
    end_kst = value("m_B0") - value("m_Kst0")
    pole = np.sqrt(37.46)
    m_s = np.array([end_k - 1e-3, end_k + 1e-6, value("m_B0"), pole, 7.0])
    assert list(bmeson.br_bu_k_scalar(m_s, FULL) > 0) == [True, False, False, False, False]
    m_s[:2] = end_kst - 1e-3, end_kst + 1e-6
    assert list(bmeson.br_b0_kstar_scalar(m_s, FULL) > 0) == [True, False, False, False, False]


def test_kstar_mode_closes_with_the_third_power_of_momentum():
    """Near the end point the rate falls as (end - m)^(3/2), the kaon mode as the square root."""
    steps = np.array([1e-4, 4e-4])
    kstar = bmeson.br_b0_kstar_scalar(value("m_B0") - value("m_Kst0") - steps, FULL)
    kaon = bmeson.br_bu_k_scalar(value("m_B") - value("m_K") - steps, FULL)
    assert kstar[1] / kstar[0] == pytest.approx(8, rel=0.01)
    assert kaon[1] / kaon[0] == pytest.approx(2, rel=0.01)


def test_fractions_follow_the_sine_of_the_angle():
    """Theta is the angle: pi/6 gives a quarter."""
    m_s = np.array([0.5, 2.0])
    quarter = bmeson.br_bu_k_scalar(m_s, np.float64(np.pi / 6))
    assert quarter == pytest.approx(bmeson.br_bu_k_scalar(m_s, FULL) / 4)
