"""Leptons of the Standard Model: pairs, pairs with a photon, decays, and the model made of them."""

import dirac
import numpy as np
import pytest

from mcbook.registry.loader import load_model
from mcbook.registry.physics import dark_photon, leptons
from mcbook.registry.physics.constants import value

M_E, M_MU, M_TAU = value("m_e"), value("m_mu"), value("m_tau")
ALPHA = 1 / 137.035999
SQRT_S = 10.58
S = SQRT_S**2


def array(x):
    """Return an array with one number."""
    return np.array([x], dtype=float)


def with_photon(e_min, cos_max, m_l=M_MU):
    """Return the cross section [fb] with a photon."""
    given = (m_l, e_min, cos_max, SQRT_S, ALPHA)
    return float(leptons.xsec_pair_gamma(*map(array, given))[0])


def test_pairs():
    """Far above threshold sigma is 86.85 nb GeV^2/s (PDG 2024); taus have their velocity on top."""
    muons, taus = (float(leptons.xsec_pair(m, SQRT_S, ALPHA)) for m in (M_MU, M_TAU))
    assert muons == pytest.approx(86.85e6 / S, rel=2e-4)
    beta = np.sqrt(1 - (2 * M_TAU / SQRT_S) ** 2)
    assert taus / muons == pytest.approx(beta * (3 - beta**2) / 2, rel=1e-4)
    assert leptons.xsec_pair(M_TAU, 3.5, ALPHA) == 0


def test_taus_decay_to_muons():
    """BR(tau -> mu nu nu) = (17.39 +- 0.04)% (PDG 2024); what is left out is below 0.5%."""
    width = float(leptons.width_of_lifetime(290.3))
    assert width == pytest.approx(2.2674e-12, rel=1e-4)
    share = float(leptons.lepton_width(M_TAU, M_MU)) / width
    assert share == pytest.approx(0.1739, rel=5e-3)
    ratio = leptons.lepton_width(M_TAU, M_MU) / leptons.lepton_width(M_TAU, M_E)
    assert float(ratio) == pytest.approx(0.9726, abs=1e-4)  # known ratio of phase spaces


def test_width_of_the_muon():
    """The muon lives 2.1969811 us (PDG 2024); radiative corrections are -0.42%."""
    width = float(leptons.lepton_width(M_MU, M_E))
    lifetime_us = 6.582119569e-25 / width * 1e6
    assert lifetime_us == pytest.approx(2.1969811, rel=5e-3)


@pytest.mark.parametrize("cos_max", [0.5, 0.9, 0.99])
def test_radiation_off_electrons_is_that_of_a_dark_photon(cos_max):
    """A pair of mass m stands for a dark photon of that mass, wherever the photon may go."""
    m = 4.0
    x = 1 - m * m / S
    vector = dark_photon.xsec_gamma_vector_cut(m, 1.0, ALPHA, SQRT_S, cos_max)
    pairs = leptons._off_electrons(x, cos_max, S) * x
    # (1 + z^2) Lambda - x^2 c in both: the dark photon has 4 pi alpha^2/(s x) in front of it
    wanted = vector / (3.893794e11 * 4 * np.pi * ALPHA**2 / S) * x
    assert pairs == pytest.approx(float(wanted), rel=1e-5)


def test_radiation_over_all_angles():
    """Over all angles it is (1 + z^2)/x (ln(s/m_e^2) - 1), of G. Bonneau and F. Martin (1971)."""
    x = np.array([0.01, 0.5, 0.95])
    wanted = (1 + (1 - x) ** 2) / x * (np.log(S / M_E**2) - 1)
    assert leptons._off_electrons(x, 1.0, S) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("m_l", [M_MU, 2.0])
@pytest.mark.parametrize("x", [0.05, 0.4, 0.8])
def test_radiation_off_leptons_is_the_trace(m_l, x):
    """Spectrum and angle follow from traces of Dirac matrices, integrated over the pair."""
    rest = S * (1 - x)
    if rest <= 4 * m_l**2:
        assert m_l > 1
        return
    beta, root = np.sqrt(1 - 4 * m_l**2 / rest), np.sqrt(rest)
    node, weight = np.polynomial.legendre.leggauss(80)
    y = np.arctanh(beta)  # rapidities, in which the collinear peaks are flat
    cos, weight = np.tanh(y * node) / beta, weight * y / np.cosh(y * node) ** 2 / beta
    k0 = SQRT_S * x / 2
    gamma, boost = (SQRT_S - k0) / root, -k0 / root  # the pair flies along -z
    e, p = root / 2, root / 2 * beta
    sin = np.sqrt(1 - cos**2)
    zero = np.zeros_like(cos)
    p1, p2 = (
        np.stack([gamma * e + side * boost * p * cos, side * p * sin, zero,
                  boost * e + side * gamma * p * cos], axis=-1)
        for side in (1, -1)
    )  # fmt: skip
    k = np.stack([zero + k0, zero, zero, zero + k0], axis=-1)
    d1, d2 = 2 * dirac.dot(p1, k), 2 * dirac.dot(p2, k)
    one = (dirac.slash(p1 + k) + m_l * dirac.ONE) / d1[:, None, None]
    two = (-dirac.slash(p2 + k) + m_l * dirac.ONE) / d2[:, None, None]
    out1, out2 = dirac.slash(p1) + m_l * dirac.ONE, dirac.slash(p2) - m_l * dirac.ONE
    found = []
    for i in (1, 2, 3):
        total = 0.0
        for nu in range(4):
            first = dirac.GAMMA[nu] @ one @ dirac.GAMMA[i] + dirac.GAMMA[i] @ two @ dirac.GAMMA[nu]
            back = dirac.GAMMA[i] @ one @ dirac.GAMMA[nu] + dirac.GAMMA[nu] @ two @ dirac.GAMMA[i]
            total = total - dirac.METRIC[nu, nu] * dirac.trace(out1, first, out2, back)
        found.append(float(total @ weight) * x * beta / 2)
    r = m_l**2 / S
    size = 16 * (1 + 2 * r) * np.sqrt(1 - 4 * r)
    total, along = sum(found), found[2]
    for c in (1.0, 0.3):
        wanted = 0.75 * (total * (c + c**3 / 3) + along * (c - c**3)) / size
        assert leptons._off_leptons(x, c, r) == pytest.approx(wanted, rel=1e-8)


def test_soft_photons():
    """Soft ones follow the currents: 2 alpha/pi (ln(s/m_e^2) - 1 + the same of muons) dE/E."""
    low, high = 1e-5, 2e-5
    rate = (with_photon(low, 1) - with_photon(high, 1)) / np.log(2)
    beta = np.sqrt(1 - 4 * M_MU**2 / S)
    muons = (1 + beta**2) / (2 * beta) * np.log((1 + beta) / (1 - beta)) - 1
    factor = 2 * ALPHA / np.pi * (np.log(S / M_E**2) - 1 + muons)
    assert rate / float(leptons.xsec_pair(M_MU, SQRT_S, ALPHA)) == pytest.approx(factor, rel=1e-4)


def test_no_room_for_the_photon():
    """Above the end of its spectrum there is none."""
    assert with_photon(5.3, 1) == 0
    assert with_photon(5.2, 1) > 0


def test_model_of_backgrounds():
    """Cross sections follow the factor; taus are those of the Standard Model, with a width."""
    model = load_model("sm")
    assert model.particles["tau-"].is_standard_model
    assert not model.particles["W+"].is_standard_model
    assert set(model.processes) == {"mumugamma", "tautau"}
    for name in ("xsec_mumugamma", "xsec_tautau"):
        assert "k_factor" in model.derived[name].expression.names
