"""Decays of a dark Higgs boson h' that mixes with the Standard Model Higgs boson.

The coupling to fermions is ``L = -sin(theta) (m_f / v) h' fbar f`` and every width here that
takes `theta` is proportional to ``sin(theta)^2``. Masses, widths and `v` are in GeV.

Three regions, which `higgs_width_model` names, make up the hadronic width:

up to 2 GeV
    pi pi and K K from the dispersive form factors of Winkler, arXiv:1809.01876;
from 4 m_pi to 2 GeV
    in addition one term for all other hadrons (4 pi, eta eta, rho rho, ...), whose size is fixed
    by the total width being continuous at 2 GeV;
above 2 GeV
    quarks and gluons in perturbation theory. The table has ended: the *exclusive* pi pi and K K
    widths are unknown there and returned as 0, which is not a prediction (a hadronisation model
    finds them larger than mu mu just above 2 GeV, arXiv:2510.17961).
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formfactors import (
    HIGGS_TABLE_RANGE,
    higgs_kaon_form_factor,
    higgs_pion_form_factor,
)
from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.kinematics import velocity
from mcbook.registry.physics.qcd import (
    M_B_LOOP,
    M_C_LOOP,
    M_C_MSBAR,
    M_S_2GEV,
    M_T_LOOP,
    fermion_loop,
    quark_pair_correction,
    running_mass,
    strong_coupling,
)

_WINKLER = "Winkler, Phys. Rev. D 99, 015018 (2019), arXiv:1809.01876"
_MATCHING_MASS = HIGGS_TABLE_RANGE[1]

#: Size of the term for hadrons other than pi pi and K K [GeV^-2], C in C m^3 beta(4 m_pi).
#: C has no other meaning than a continuous total width at 2 GeV; this value gives it for the
#: quark and gluon widths below, as in arXiv:1904.10447. With 5.1e-9, which public codes take from
#: Winkler, the total is smaller by 6% at 1.5 GeV and by 16% at 2 GeV, where it then jumps.
MULTIMESON_COEFFICIENT = 7.4e-9

#: Lightest charmed meson [GeV], D0; PDG 2024. h' -> c cbar opens at twice this.
_M_D = 1.86484


@formula(version=1, unit="GeV", source="L = -sin(theta)(m_l/v) h' lbar l at tree level")
def higgs_lepton_width(m: Array, theta: Array, m_l: Array, v: Array) -> Array:
    """Return the width of ``h' -> l+ l-`` [GeV]."""
    coupling = np.sin(theta) * m_l / v
    return coupling**2 * m * velocity(m, m_l) ** 3 / (8 * np.pi)


def _two_meson_width(m: Array, theta: Array, form_factor: Array, m_p: Array, v: Array) -> Array:
    """Width to one pair of distinct mesons, ``sin^2 |G|^2 beta / (16 pi v^2 m)``."""
    amplitude = np.sin(theta) * form_factor / v
    return amplitude**2 * velocity(m, m_p) / (16 * np.pi * m)


@formula(version=1, unit="GeV", source=_WINKLER)
def higgs_pipi_charged_width(m: Array, theta: Array, m_pi: Array, v: Array) -> Array:
    """Return the width of ``h' -> pi+ pi-`` [GeV]; 0 (unknown) above 2 GeV."""
    return _two_meson_width(m, theta, higgs_pion_form_factor(m), m_pi, v)


@formula(version=1, unit="GeV", source=_WINKLER)
def higgs_pipi_width(m: Array, theta: Array, m_pi: Array, v: Array) -> Array:
    """Return the width of ``h' -> pi+ pi-`` and ``pi0 pi0`` (2 : 1 by isospin) [GeV]."""
    return 1.5 * higgs_pipi_charged_width(m, theta, m_pi, v)


@formula(version=1, unit="GeV", source=_WINKLER)
def higgs_kk_charged_width(m: Array, theta: Array, m_K: Array, v: Array) -> Array:
    """Return the width of ``h' -> K+ K-`` [GeV]; 0 (unknown) above 2 GeV."""
    return _two_meson_width(m, theta, higgs_kaon_form_factor(m), m_K, v)


@formula(version=1, unit="GeV", source=_WINKLER)
def higgs_kk_width(m: Array, theta: Array, m_K: Array, v: Array) -> Array:
    """Return the width of ``h' -> K+ K-`` and ``K0 K0bar`` (1 : 1 by isospin) [GeV]."""
    return 2.0 * higgs_kk_charged_width(m, theta, m_K, v)


def _multimeson_width(m: Array) -> Array:
    """Width at sin(theta) = 1 to hadrons other than pi pi and K K, below 2 GeV [GeV]."""
    return MULTIMESON_COEFFICIENT * m**3 * velocity(m, 2 * value("m_pi"))


def _gluon_width(m: Array, v: Array) -> Array:
    """Width of ``h' -> g g`` at sin(theta) = 1 [GeV], leading order with running alpha_s.

    The next order would multiply it by 2 to 3, so this term is good to a factor of about 2.
    """
    loops = sum(fermion_loop(m, m_q) for m_q in (M_C_LOOP, M_B_LOOP, M_T_LOOP))
    colour = strong_coupling(m) ** 2 / (72 * np.pi**3 * v**2)
    width: Array = colour * m**3 * np.abs(0.75 * loops) ** 2
    return width


def _quark_width(m: Array, m_q: Array, m_meson: float, v: Array) -> Array:
    """Width of ``h' -> q qbar`` at sin(theta) = 1 [GeV]; opens at twice the meson mass."""
    return (
        3 * m_q**2 * m * velocity(m, m_meson) ** 3 * quark_pair_correction(m) / (8 * np.pi * v**2)
    )


def _perturbative_width(m: Array, v: Array) -> Array:
    """Width to s sbar, c cbar and g g at sin(theta) = 1 [GeV], for m of 2 GeV and more."""
    strange = _quark_width(m, running_mass(M_S_2GEV, 2.0, m), value("m_K"), v)
    charm = _quark_width(m, running_mass(M_C_MSBAR, M_C_MSBAR, m), _M_D, v)
    return strange + charm + _gluon_width(m, v)


@formula(
    version=1,
    unit="GeV",
    source=f"matching as arXiv:1904.10447; {_WINKLER}; Djouadi, Phys. Rept. 457 (2008) 1",
)
def higgs_other_width(m: Array, theta: Array, v: Array) -> Array:
    """Return the hadronic width of h' apart from pi pi and K K [GeV].

    Up to 2 GeV one term ``C m^3 beta(4 m_pi)`` stands for 4 pi, eta eta, rho rho and the rest;
    below about 1.3 GeV it is an extrapolation. Above 2 GeV it is the *whole* hadronic width,
    s sbar + c cbar + g g, good to a factor of about 2 below the charm threshold and without
    charmonium and bottomonium resonances; b bbar (above 10.56 GeV) is left out.
    """
    pert_mass = np.maximum(m, _MATCHING_MASS)
    below = _multimeson_width(m)
    above = _perturbative_width(pert_mass, v)
    return np.sin(theta) ** 2 * np.where(m <= _MATCHING_MASS, below, above)


@formula(
    version=1,
    unit="GeV",
    source="Djouadi, Phys. Rept. 457 (2008) 1; light hadrons: LO chiral theory",
)
def higgs_photon_width(m: Array, theta: Array, alpha: Array, v: Array) -> Array:
    """Return the width of ``h' -> gamma gamma`` [GeV].

    Loops of W, e, mu, tau, c, b and t, plus pi+ and K+ at leading chiral order, where the scalar
    couples as ``(11/9) m_P^2 / v``; that last part holds for m well below 2 m_pi. Fermions and W
    nearly cancel, so trust the order of magnitude. It matters below 2 m_e, where no other channel
    is open; below 2 m_mu it is at most 1.6% of the electron width, above 2 m_pi 1.5e-4 of all.
    """
    leptons = sum(fermion_loop(m, value(name)) for name in ("m_e", "m_mu", "m_tau"))
    up_type = fermion_loop(m, M_C_LOOP) + fermion_loop(m, M_T_LOOP)
    quarks = 3 * (4 / 9 * up_type + 1 / 9 * fermion_loop(m, M_B_LOOP))
    mesons = 2 * (11 / 18) * (1 / 3)
    amplitude = leptons + quarks + mesons - 7.0
    width: Array = (
        (alpha * np.sin(theta) / v) ** 2 * m**3 * np.abs(amplitude) ** 2 / (256 * np.pi**3)
    )
    return width


def higgs_width_model(m: Array) -> NDArray[np.str_]:
    """Name what the h' width is made of at mass `m` [GeV], for the record of each point.

    Returns
    -------
    array of str
        ``photonic`` (below 2 m_e), ``leptonic`` (below 2 m_pi), ``dispersive`` (below 4 m_pi),
        ``dispersive+4pi`` (up to 2 GeV) or ``perturbative`` (above: pi pi and K K unknown).
    """
    m_e, m_pi = value("m_e"), value("m_pi")
    names: NDArray[np.str_] = np.select(
        [m <= 2 * m_e, m <= 2 * m_pi, m <= 4 * m_pi, m <= _MATCHING_MASS],
        ["photonic", "leptonic", "dispersive", "dispersive+4pi"],
        default="perturbative",
    )
    return names


@formula(version=1, unit="GeV", source="two-body decay at tree level")
def scalar_coupling_from_width(width: Array, m: Array, m_daughter: Array) -> Array:
    """Return c [GeV] of ``L = -c h' P+ P-`` that gives a two-body `width`; 0 below threshold.

    P is a complex scalar field, the vertex is ``-i c`` and the width
    ``c^2 beta / (16 pi m)``.
    """
    beta = velocity(m, m_daughter)
    open_ = beta > 0
    square = 16 * np.pi * m * width / np.where(open_, beta, 1.0)
    coupling: Array = np.where(open_, np.sqrt(square), 0.0)
    return coupling


@formula(version=1, unit="GeV", source=_WINKLER)
def hp_pipi_coupling(m: Array, theta: Array, m_pi: Array, v: Array) -> Array:
    """Return c [GeV] of ``L = -c h' pi+ pi-`` that gives `higgs_pipi_charged_width`."""
    return scalar_coupling_from_width(higgs_pipi_charged_width(m, theta, m_pi, v), m, m_pi)


@formula(version=1, unit="GeV", source=_WINKLER)
def hp_kk_coupling(m: Array, theta: Array, m_K: Array, v: Array) -> Array:
    """Return c [GeV] of ``L = -c h' K+ K-`` that gives `higgs_kk_charged_width`."""
    return scalar_coupling_from_width(higgs_kk_charged_width(m, theta, m_K, v), m, m_K)


@formula(version=1, unit="GeV", source="L = -(y/2) h' chibar chi, Majorana chi, at tree level")
def higgs_majorana_width(m: Array, y: Array, m_chi: Array) -> Array:
    """Return the width of ``h' -> chi chi`` [GeV] for ``L = -(y/2) h' chibar chi``.

    Half of what a Dirac fermion with ``L = -y h' chibar chi`` would give: the two Majorana
    contractions restore the amplitude, the two identical particles halve the phase space.
    """
    return y**2 * m * velocity(m, m_chi) ** 3 / (16 * np.pi)


@formula(
    version=1,
    unit="1",
    source="model of Duerr et al., JHEP 04 (2021) 146, arXiv:2012.08595; derived",
)
def idm_higgs_yukawa(
    delta_m: Array,
    m_ap: Array,
    alpha_D: Array,
    q_phi: Array,
) -> Array:
    """Return the Yukawa coupling y of h' to chi1 chi1 and chi2 chi2 in inelastic dark matter.

    A Dirac fermion psi of unit dark charge has mass m_D, and the dark Higgs field
    ``phi = (w + h') / sqrt(2)`` of charge `q_phi` = 2 adds the same Majorana mass M to its left-
    and right-handed parts: ``L = -m_D psibar psi - (M/2)(1 + h'/w)(psi^c-bar psi + h.c.)``.
    With ``psi = (chi2 + i chi1) / sqrt(2)`` this is, for Majorana chi1 and chi2,

    ``-(m_D - M)/2 chi1bar chi1 - (m_D + M)/2 chi2bar chi2``
    ``-(M/2w) h' (chi2bar chi2 - chi1bar chi1)``

    and ``i g_D chi2bar gamma^mu chi1 A'_mu``. Hence `delta_m` = 2 M, and with
    ``m_ap = q_phi g_D w`` and ``L = -(y/2) h' chibar chi``,

    ``y = M / w = delta_m q_phi sqrt(4 pi alpha_D) / (2 m_ap)``

    for chi2 and the opposite sign for chi1; h' does not couple to chi1 chi2.

    Parameters
    ----------
    delta_m
        Mass difference m(chi2) - m(chi1) [GeV].
    m_ap
        Mass of the dark photon [GeV].
    alpha_D
        g_D^2 / (4 pi), for unit dark charge.
    q_phi
        Charge of the dark Higgs field in units of that of psi; gauge invariance wants 2.
    """
    return delta_m * q_phi * np.sqrt(4 * np.pi * alpha_D) / (2 * m_ap)
