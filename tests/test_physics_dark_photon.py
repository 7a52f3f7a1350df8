"""Dark photon: widths to leptons and hadrons, R(q), and e+e- -> gamma A'."""

import dirac
import numpy as np
import pytest

from mcbook.registry.physics import dark_photon, qcd, rratio, vectors
from mcbook.registry.physics.constants import value
from mcbook.units import GEV2_FB

ALPHA = 1 / 137.035999
SQRT_S = 10.58
M_E, M_MU, M_PI = value("m_e"), value("m_mu"), value("m_pi")


@pytest.mark.parametrize(
    ("m", "m_l", "width"),
    [(0.5, M_MU, 1.2007e-9), (1, M_MU, 2.4306e-9), (5, M_MU, 1.2162e-8), (1, M_E, 2.4325e-9)],
)
def test_lepton_widths_have_their_known_values(m, m_l, width):
    """Widths at epsilon = 1e-3 of a separate calculation and of the basf2 model."""
    got = dark_photon.dark_photon_lepton_width(float(m), 1e-3, ALPHA, m_l)
    assert got == pytest.approx(width, rel=5e-5)


def test_decay_length_of_a_light_dark_photon():
    """C tau = 0.16224 mm x 1000 at m = 0.05 GeV, epsilon = 1e-4: electrons only."""
    width = dark_photon.dark_photon_lepton_width(0.05, 1e-4, ALPHA, M_E)
    assert vectors.decay_length(width) == pytest.approx(0.16224, rel=1e-4)


def test_hadron_width_is_r_times_the_width_to_massless_muons():
    """At 1.2 GeV the width to hadrons is R times the width to electrons."""
    hadrons = dark_photon.dark_photon_hadron_width(1.2, 1e-3, ALPHA, M_MU)
    electrons = dark_photon.dark_photon_lepton_width(1.2, 1e-3, ALPHA, M_E)
    assert hadrons / electrons == pytest.approx(rratio.r_ratio(1.2), rel=1e-9)


@pytest.mark.parametrize(
    ("q", "r", "precision"),
    [
        (0.425, 0.261, 0.07),
        (0.515, 0.558, 0.07),
        (0.6, 1.313, 0.07),
        (0.7, 4.79, 0.07),
        (0.75, 8.50, 0.07),
        (0.778, 14.45, 0.1),
        (0.783, 18.70, 0.07),
        (0.79, 9.07, 0.1),
        (0.85, 3.162, 0.07),
        (0.95, 1.139, 0.07),
        (1.03, 3.42, 0.2),
        (1.06, 1.068, 0.07),
        (1.2, 0.928, 0.07),
        (1.4, 1.566, 0.07),
        (1.6, 2.366, 0.07),
        (1.8, 2.20, 0.1),
        (1.95, 2.116, 0.07),
        (3.67, 2.23, 0.07),
    ],
)
def test_r_ratio_agrees_with_the_compilation_of_the_pdg(q, r, precision):
    """Averages of neighbouring measured points, PDG compilation of 2020 (error 2 to 5% each)."""
    assert rratio.r_ratio(q) == pytest.approx(r, rel=precision)


def test_phi_has_the_area_of_its_electron_width():
    """A narrow phi integrates to 9 pi Gamma B_ee/(2 alpha^2) in q, of which 92% lie in +-35 MeV."""
    q = np.linspace(0.985, 1.055, 20001)
    continuum = np.interp(q, [0.985, 1.055], rratio.r_ratio(np.array([0.985, 1.055])))
    area = np.trapezoid(rratio.r_ratio(q) - continuum, q)
    expected = 0.92 * 4.5 * np.pi * 4.249e-3 * 2.979e-4 / ALPHA**2
    assert area == pytest.approx(expected, rel=0.02)


def test_dispersion_integral_gives_the_hadronic_part_of_the_muon_moment():
    """693.1 +- 4.0 (arXiv:2006.04822), less J/psi and psi(2S): 7.8, to 3%, all in 1e-10."""
    q = np.geomspace(2 * M_PI, 1000.0, 60001)
    x, weight = np.polynomial.legendre.leggauss(40)
    x, weight = 0.5 * (x + 1), 0.5 * weight
    kernel = (x**2 * (1 - x) / (x**2 + (1 - x) * (q[:, None] / M_MU) ** 2)) @ weight
    r = np.where(q < 11, rratio.r_ratio(q), 11 / 3 * 1.05)
    moment = ALPHA**2 / (3 * np.pi**2) * np.trapezoid(2 * kernel * r / q, q)
    assert moment == pytest.approx((693.1 - 7.8) * 1e-10, rel=0.03)


def test_r_ratio_at_threshold_is_that_of_pions():
    """Zero below 2 m_pi, then beta^3 |F|^2/4 with |F|^2 = 1.3 to 1.6 between 0.28 and 0.31 GeV."""
    assert (rratio.r_ratio(np.array([0.01, 0.2, 2 * M_PI])) == 0).all()
    q = np.linspace(0.28, 0.31, 50)
    beta = np.sqrt(1 - (2 * M_PI / q) ** 2)
    form_factor = rratio.r_ratio(q) / (beta**3 / 4)
    assert (form_factor > 1.3).all()
    assert (form_factor < 1.65).all()


def test_r_ratio_is_continuous_where_its_sources_meet():
    """No step at the first row of the table; at its end less than 7%, the spread of the data."""
    first, last = rratio.R_RATIO_RANGE
    below, above = rratio.r_ratio(np.array([first - 1e-9, first + 1e-9]))
    assert below == pytest.approx(above, rel=1e-6)
    below, above = rratio.r_ratio(np.array([last, last + 1e-9]))
    assert below == pytest.approx(above, rel=0.07)


def test_perturbative_r_counts_the_charges_of_open_quarks():
    """2, 10/3 and 11/3 times 1 + alpha_s/pi with alpha_s(3) = 0.25, (5) = 0.21, (10.7) = 0.18."""
    got = rratio.r_ratio(np.array([3.0, 5.0, 10.7]))
    alpha_s = np.array([0.25, 0.213, 0.177])
    assert got == pytest.approx(np.array([2, 10 / 3, 11 / 3]) * (1 + alpha_s / np.pi), rel=5e-3)


def test_strong_coupling_agrees_with_the_world_average_at_the_tau_mass():
    """PDG 2024: alpha_s(m_tau) = 0.31 within 5%."""
    assert qcd.strong_coupling(np.float64(1.777)) == pytest.approx(0.312, rel=0.05)


def test_labels_tell_where_r_comes_from():
    """Each region has its label, and a veto is one around every narrow quarkonium."""
    q = np.array([0.2, 0.29, 1.0, 2.0, 2.5, 3.1, 3.68, 9.45, 10.0, 10.35, 10.58, 20.0])
    assert list(rratio.r_ratio_model(q)) == [
        "none",
        "threshold",
        "table",
        "table",
        "perturbative",
        "perturbative, J/psi veto",
        "perturbative, psi(2S) veto",
        "perturbative, Upsilon(1S) veto",
        "perturbative, Upsilon(2S) veto",
        "perturbative, Upsilon(3S) veto",
        "perturbative, Upsilon(4S) veto",
        "perturbative",
    ]
    assert list(rratio.in_veto(q)) == ["veto" in label for label in rratio.r_ratio_model(q)]
    assert rratio.in_veto(3.1)
    assert str(rratio.r_ratio_model(3.1)) == "perturbative, J/psi veto"


@pytest.mark.parametrize(("m", "fb"), [(1e-3, 43.94), (1, 44.34), (5, 59.40), (9, 242.2)])
def test_cross_section_over_all_angles(m, fb):
    """A separate calculation at epsilon = 1e-3, alpha(0), 10.58 GeV."""
    got = dark_photon.xsec_gamma_vector(float(m), 1e-3, ALPHA, SQRT_S, M_E)
    assert got == pytest.approx(fb, rel=2e-4)


@pytest.mark.parametrize(("m", "fb"), [(1e-3, 4.759), (1, 4.840), (5, 7.638), (9, 37.21)])
def test_cross_section_with_an_angular_cut(m, fb):
    """A separate calculation for |cos theta*| < 0.9 at epsilon = 1e-3, alpha(0)."""
    got = dark_photon.xsec_gamma_vector_cut(float(m), 1e-3, ALPHA, SQRT_S, 0.9)
    assert got == pytest.approx(fb, rel=2e-4)


def traced_cross_section(m, m_e, cos_max=1.0, n=400):
    """Integrate the Dirac trace of e+e- -> gamma V over the photon's angle, massive electrons."""
    node, weight = np.polynomial.legendre.leggauss(n)
    p = np.sqrt(0.25 * SQRT_S**2 - m_e**2)
    velocity = 2 * p / SQRT_S
    # cos = tanh(u)/velocity is flat in the collinear peaks
    end = np.arctanh(velocity * cos_max)
    u = end * node
    cos = np.tanh(u) / velocity
    weight = weight * end * (1 - (velocity * cos) ** 2) / velocity
    sin = np.sqrt(np.clip(1 - cos**2, 0, None))
    energy = (SQRT_S**2 - m * m) / (2 * SQRT_S)
    zero = np.zeros(n)

    def beam(sign):
        return np.stack([0.5 * SQRT_S + zero, zero, zero, sign * p + zero], axis=-1)

    k = np.stack([energy + zero, energy * sin, zero, energy * cos], axis=-1)
    # incoming momenta with the opposite sign: e- e+ -> gamma V is crossed from V* -> e e gamma
    squared = -dirac.pair_emission(-beam(1), -beam(-1), k, m_e) / 4
    flux = 2 * SQRT_S**2 * velocity
    phase_space = energy / (8 * np.pi * SQRT_S) * weight
    # e^2 (epsilon e)^2
    return GEV2_FB * (4 * np.pi * ALPHA) ** 2 / flux * np.abs((squared * phase_space).sum())


@pytest.mark.parametrize("m", [0.01, 1.0, 5.0, 9.0])
def test_all_angles_is_the_integral_of_the_trace_with_massive_electrons(m):
    """Dirac traces with m_e: what the formula neglects falls like 8 m_e^2/(s - m^2)."""
    for m_e in (0.05, 0.005, M_E):
        got = dark_photon.xsec_gamma_vector(m, 1.0, ALPHA, SQRT_S, m_e)
        neglected = 8.1 * m_e**2 / (SQRT_S**2 - m * m)
        assert got == pytest.approx(traced_cross_section(m, m_e), rel=neglected)


@pytest.mark.parametrize("m", [0.01, 1.0, 5.0, 9.0])
def test_angular_cut_is_the_integral_of_the_trace(m):
    """Dirac traces with massless electrons between the cuts."""
    got = dark_photon.xsec_gamma_vector_cut(m, 1.0, ALPHA, SQRT_S, 0.97)
    assert got == pytest.approx(traced_cross_section(m, 1e-5, 0.97), rel=1e-7)


def test_massless_vector_gives_the_cross_section_of_two_photons():
    """sigma(e+e- -> gamma gamma) = 2 pi alpha^2/s (L - 1) counts identical photons once."""
    got = dark_photon.xsec_gamma_vector(1e-6, 1.0, ALPHA, SQRT_S, M_E)
    log = np.log(SQRT_S**2 / M_E**2)
    photons = 2 * np.pi * ALPHA**2 / SQRT_S**2 * (log - 1) * GEV2_FB
    assert got == pytest.approx(2 * photons, rel=1e-9)


def test_cross_sections_are_zero_where_no_photon_is_left():
    """From m = sqrt(s) on both are zero, whatever the shape of the arguments."""
    m = np.array([10.579999, SQRT_S, 11.0])[:, None]
    epsilon = np.array([1e-3, 2e-3])
    for got in (
        dark_photon.xsec_gamma_vector(m, epsilon, ALPHA, SQRT_S, M_E),
        dark_photon.xsec_gamma_vector_cut(m, epsilon, ALPHA, SQRT_S, 0.97),
    ):
        assert got.shape == (3, 2)
        assert (got[0] > 0).all()
        assert (got[1:] == 0).all()
        assert got[0, 1] == pytest.approx(4 * got[0, 0])
