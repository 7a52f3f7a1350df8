"""Decays of a dark Higgs boson and of what it couples to."""

import numpy as np
import pytest

from mcbook.registry.physics import qcd, scalars
from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formfactors import higgs_kaon_form_factor, higgs_pion_form_factor

V = value("v_higgs")
M_PI, M_K = value("m_pi"), value("m_K")
FULL = np.float64(np.pi / 2)  # sin(theta) = 1
HBARC_GEV_M = 1.973269804e-16


def total_width(m):
    """Sum of all widths at sin(theta) = 1 [GeV]."""
    leptons = sum(
        scalars.higgs_lepton_width(m, FULL, value(n), V) for n in ("m_e", "m_mu", "m_tau")
    )
    return (
        leptons
        + scalars.higgs_photon_width(m, FULL, 1 / 137.035999, V)
        + scalars.higgs_pipi_width(m, FULL, M_PI, V)
        + scalars.higgs_kk_width(m, FULL, M_K, V)
        + scalars.higgs_other_width(m, FULL, V)
    )


@pytest.mark.parametrize(
    ("m", "m_l", "width"),
    [
        (0.25, "m_mu", 2.795e-10),
        (0.5, "m_mu", 2.727e-9),
        (2.0, "m_mu", 1.441e-8),
        (4.0, "m_tau", 8.013e-7),
    ],
)
def test_lepton_width_reproduces_hand_calculated_values(m, m_l, width):
    """Widths worked out separately from m_l^2 m beta^3 / (8 pi v^2)."""
    got = scalars.higgs_lepton_width(np.float64(m), FULL, value(m_l), V)
    assert got == pytest.approx(width, rel=5e-4)


def test_lepton_width_gives_the_standard_model_higgs_to_taus():
    """At 125.09 GeV and sin(theta) = 1 it is 0.0627 of 4.07 MeV (LHCHXSWG, CERN-2017-002)."""
    got = scalars.higgs_lepton_width(np.float64(125.09), FULL, value("m_tau"), V)
    assert got == pytest.approx(0.0627 * 4.07e-3, rel=0.03)


@pytest.mark.parametrize(
    ("m", "ctau_m"),
    [(0.5, 8.09e-9), (1.5, 1.61e-9), (2.0, 1.71e-9), (3.0, 7.38e-10), (4.0, 1.09e-10)],
)
def test_decay_length_agrees_with_foresee(m, ctau_m):
    """The tables of FORESEE rest on the same paper, digitised and continued by other people."""
    assert HBARC_GEV_M / total_width(np.float64(m)) == pytest.approx(ctau_m, rel=0.09)


@pytest.mark.parametrize(("m", "fraction"), [(0.5, 0.110), (1.5, 0.086), (2.0, 0.123)])
def test_muon_fraction_agrees_with_foresee(m, fraction):
    """The muon width is exact, so its fraction tests the total width."""
    mass = np.float64(m)
    muons = scalars.higgs_lepton_width(mass, FULL, value("m_mu"), V)
    assert muons / total_width(mass) == pytest.approx(fraction, rel=0.07)


def test_rescattering_enhances_pions_over_leading_order_chiral_theory():
    """G = 2 m^2/9 + 11 m_pi^2/9 gives 1.154e-9 GeV at 0.3 GeV, 2.4 times less than dispersion."""
    m = np.float64(0.3)
    g = 2 * m**2 / 9 + 11 * M_PI**2 / 9
    chiral = 3 * g**2 * np.sqrt(1 - 4 * M_PI**2 / m**2) / (32 * np.pi * V**2 * m)
    assert chiral == pytest.approx(1.154e-9, rel=0.01)
    assert scalars.higgs_pipi_width(m, FULL, M_PI, V) / chiral == pytest.approx(2.5, abs=0.25)


def test_pion_width_peaks_at_the_f0_980():
    """The peak lies at the f0(980) (0.99 +- 0.02 GeV) and has fallen fourfold 70 MeV above it."""
    m = np.linspace(0.6, 1.4, 801)
    width = scalars.higgs_pipi_width(m, FULL, M_PI, V)
    peak = m[np.argmax(width)]
    assert abs(peak - 0.99) < 0.02
    assert np.interp(peak + 0.07, m, width) < width.max() / 4


def test_charged_mesons_take_their_isospin_share():
    """Pions come 2 : 1 and kaons 1 : 1 in charged and neutral pairs."""
    m = np.array([0.5, 1.2, 1.9])
    assert scalars.higgs_pipi_charged_width(m, FULL, M_PI, V) == pytest.approx(
        scalars.higgs_pipi_width(m, FULL, M_PI, V) * 2 / 3
    )
    assert scalars.higgs_kk_charged_width(m, FULL, M_K, V) == pytest.approx(
        scalars.higgs_kk_width(m, FULL, M_K, V) / 2
    )


def test_hadronic_width_is_continuous_where_the_table_ends():
    """The term for other hadrons makes the two descriptions meet at 2 GeV."""
    below, above = total_width(np.array([2.0, 2.0 + 1e-9]))
    assert above == pytest.approx(below, rel=0.01)


def test_exclusive_mesons_end_with_the_table():
    """Above 2 GeV only the label and the inclusive width speak."""
    m = np.float64(2.001)
    assert scalars.higgs_pipi_width(m, FULL, M_PI, V) == 0
    assert scalars.higgs_kk_width(m, FULL, M_K, V) == 0
    assert scalars.higgs_other_width(m, FULL, V) > 0
    assert scalars.higgs_width_model(m) == "perturbative"


def test_charm_opens_at_the_d_mesons():
    """Between 3.6 and 5 GeV the inclusive hadronic width grows tenfold: charm."""
    low, high = scalars.higgs_other_width(np.array([3.6, 5.0]), FULL, V)
    assert high > 10 * low


def test_every_width_vanishes_below_threshold_and_stays_finite():
    """No NaN anywhere on 10,000 masses, and zero where a channel is closed."""
    m = np.geomspace(1e-4, 10.5, 10_000)
    theta = np.float64(1e-4)
    closed = {
        2 * M_PI: scalars.higgs_pipi_width(m, theta, M_PI, V),
        2 * M_K: scalars.higgs_kk_width(m, theta, M_K, V),
        4 * M_PI: scalars.higgs_other_width(m, theta, V),
        2 * value("m_mu"): scalars.higgs_lepton_width(m, theta, value("m_mu"), V),
    }
    for threshold, width in closed.items():
        assert np.all(np.isfinite(width))
        assert np.all(width[m <= threshold] == 0)
        assert np.all(width >= 0)
    assert np.all(scalars.higgs_photon_width(m, theta, 1 / 137.036, V) > 0)


def test_widths_scale_with_the_sine_of_the_angle():
    """Theta is the angle itself: pi/6 gives a quarter of the full width."""
    m = np.array([0.5, 1.3, 3.0])
    for width in (
        lambda angle: scalars.higgs_pipi_width(m, angle, M_PI, V),
        lambda angle: scalars.higgs_other_width(m, angle, V),
        lambda angle: scalars.higgs_lepton_width(m, angle, value("m_mu"), V),
        lambda angle: scalars.higgs_photon_width(m, angle, 1 / 137.0, V),
    ):
        assert width(np.float64(np.pi / 6)) == pytest.approx(width(FULL) / 4)


def test_light_scalar_to_photons_follows_the_low_energy_theorem():
    """For m -> 0 every charged particle counts with its beta-function coefficient."""
    leptons, quarks, w, mesons = 3 * 4 / 3, 3 * 4 / 3 * (4 / 9 + 4 / 9 + 1 / 9), -7, 2 * 11 / 54
    m, alpha = 1e-6, 1 / 137.035999
    expected = alpha**2 * m**3 * (leptons + quarks + w + mesons) ** 2 / (256 * np.pi**3 * V**2)
    got = scalars.higgs_photon_width(np.float64(m), FULL, alpha, V)
    assert got == pytest.approx(expected, rel=1e-4)


def test_width_model_names_the_regions():
    """One label per region, changing at the thresholds."""
    m = np.array([0.0005, 0.2, 0.4, 1.0, 3.0])
    assert list(scalars.higgs_width_model(m)) == [
        "photonic",
        "leptonic",
        "dispersive",
        "dispersive+4pi",
        "perturbative",
    ]


def test_strong_coupling_and_masses_run_to_published_values():
    """PDG: alpha_s(m_tau) = 0.314(14); Chetyrkin et al., 0907.2110: m_c(3 GeV) = 0.986(13) GeV."""
    assert qcd.strong_coupling(np.float64(1.777)) == pytest.approx(0.314, abs=0.014)
    charm = qcd.running_mass(qcd.M_C_MSBAR, qcd.M_C_MSBAR, np.float64(3.0))
    assert charm == pytest.approx(0.986, abs=0.013)


def test_loop_function_has_its_known_limits():
    """4/3 for a heavy fermion, 2 at threshold, vanishing for a light one."""
    assert qcd.fermion_loop(np.float64(1e-3), 100.0) == pytest.approx(4 / 3)
    assert qcd.fermion_loop(np.float64(2.0), 1.0) == pytest.approx(2.0)
    assert abs(qcd.fermion_loop(np.float64(10.0), 1e-4)) < 1e-6


def test_scalar_coupling_is_the_form_factor_over_the_vacuum_value():
    """For pi+ pi- and K+ K- the coupling is sin(theta) |G| / v, whatever the phase space."""
    m, theta = np.array([0.3, 0.98, 1.5]), np.float64(1e-3)
    pions = np.sin(theta) * higgs_pion_form_factor(m) / V
    assert scalars.hp_pipi_coupling(m, theta, M_PI, V) == pytest.approx(pions)
    m = np.array([1.1, 1.9])
    kaons = np.sin(theta) * higgs_kaon_form_factor(m) / V
    assert scalars.hp_kk_coupling(m, theta, M_K, V) == pytest.approx(kaons)


def test_scalar_coupling_is_zero_below_threshold():
    """A closed channel has no coupling, and no division by zero."""
    m = np.array([0.1, 2 * M_PI, 0.3])
    coupling = scalars.hp_pipi_coupling(m, FULL, M_PI, V)
    assert list(coupling > 0) == [False, False, True]


def test_dirac_pair_is_two_majorana_pairs():
    """A Dirac fermion of Yukawa coupling y is two Majorana fermions with (y/2) chibar chi each."""
    m, y, m_chi = np.array([0.5, 1.0, 3.0]), np.float64(0.3), np.float64(0.2)
    dirac = y**2 * m * (1 - 4 * m_chi**2 / m**2) ** 1.5 / (8 * np.pi)
    assert 2 * scalars.higgs_majorana_width(m, y, m_chi) == pytest.approx(dirac)
    assert scalars.higgs_majorana_width(np.float64(0.4), y, m_chi) == 0


def test_yukawa_is_the_derivative_of_the_fermion_masses():
    """The coupling of h' is dm/dw of each mass, from diagonalising the Majorana mass matrix."""
    m_ap, alpha_d, q_phi, m_dirac, delta = 3.0, 0.1, 2.0, 1.2, 0.4
    w = m_ap / (q_phi * np.sqrt(4 * np.pi * alpha_d))
    yukawa = (delta / 2) / w  # Majorana mass over w

    def masses(w):
        majorana = yukawa * w
        return np.linalg.eigvalsh([[majorana, m_dirac], [m_dirac, majorana]])

    light, heavy = np.abs(masses(w))
    assert sorted((light, heavy)) == pytest.approx([m_dirac - delta / 2, m_dirac + delta / 2])
    step = 1e-4
    slopes = (np.abs(masses(w + step)) - np.abs(masses(w - step))) / (2 * step)
    got = scalars.idm_higgs_yukawa(delta, m_ap, np.float64(alpha_d), q_phi)
    assert sorted(slopes) == pytest.approx([-got, got])
