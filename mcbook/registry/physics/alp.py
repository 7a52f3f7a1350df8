"""An axion-like particle: photon coupling, and B -> K a through a coupling to W bosons."""

import math

import numpy as np

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formfactors import b_to_k_f0
from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.kinematics import kallen
from mcbook.units import GEV2_FB, HBAR_GEV_PS


@formula(
    version=1,
    unit="GeV",
    source="g^2 m^3/(64 pi) for L = -(g/4) a F Ftilde; M. Dolan et al., JHEP 12 (2017) 094, "
    "arXiv:1709.00009",
)
def alp_photon_width(m: Array, g: Array) -> Array:
    """Return the width of a -> gamma gamma [GeV] for a mass m [GeV] and a coupling g [GeV^-1]."""
    return g**2 * m**3 / (64.0 * np.pi)


@formula(
    version=1,
    unit="fb",
    source="alpha g^2/24 (1 - m^2/s)^3: Born, massless electrons, all angles; M. Dolan et al., "
    "JHEP 12 (2017) 094, arXiv:1709.00009",
)
def xsec_gamma_alp(m: Array, g: Array, alpha: Array, sqrt_s: Array) -> Array:
    """Return the cross section of e+e- -> gamma* -> gamma a over all angles [fb].

    dsigma/dcos(theta*) = 3/8 sigma (1 + cos^2 theta*). No Z exchange and no photon fusion.

    Parameters
    ----------
    m, sqrt_s
        Mass of a and CMS energy [GeV].
    g
        Photon coupling [GeV^-1].
    alpha
        Electromagnetic coupling.
    """
    rest = np.clip(1.0 - (m / np.asarray(sqrt_s)) ** 2, 0.0, None)
    return GEV2_FB * alpha * g**2 / 24.0 * rest**3


def w_loop(x: float) -> float:
    """Return f(x) = x [1 + x (ln x - 1)]/(1 - x)^2 of an up-type quark, x = (m_q/M_W)^2.

    The closed form is 0/0 at x = 1; the top quark is at x = 4.
    """
    return x * (1.0 + x * (math.log(x) - 1.0)) / (1.0 - x) ** 2


def flavour_coupling(m_t: float, m_w: float, ckm: float, g_f: float) -> float:
    """Return |g_abs/g_aW| where L = -g_abs (d_mu a) sbar gamma^mu P_L b, from the W-top loop.

    3 sqrt(2) G_F M_W^2/(16 pi^2) |V_ts* V_tb| f(m_t^2/M_W^2). The charm quark, with f = 2.5e-4,
    changes the sum over quarks by 2e-4 and is left out.

    Parameters
    ----------
    m_t, m_w
        Masses of the top quark (MS-bar) and of the W [GeV].
    ckm
        |V_ts* V_tb|.
    g_f
        Fermi constant [GeV^-2].
    """
    return (
        3.0 * math.sqrt(2.0) * g_f * m_w**2 / (16.0 * math.pi**2) * ckm * w_loop((m_t / m_w) ** 2)
    )


@formula(
    version=1,
    unit="1",
    source="E. Izaguirre, T. Lin and B. Shuve, Phys. Rev. Lett. 118, 111802 (2017), "
    "arXiv:1611.09355; f_0: Ball and Zwicky, hep-ph/0406232",
)
def br_bu_k_alp(m: Array, g_aww: Array) -> Array:
    """Return the branching fraction of B+ -> K+ a from L = -(g_aW/4) a W^i Wtilde^i.

    The W coupling alone, at one loop; 0 where `g_aww` is NaN (absent). Couplings to gluons or
    quarks would add to the amplitude. In a model where a couples to SU(2) alone
    g_agg = g_aW sin^2(theta_W); that is a choice of model and not made here: the photon coupling
    is a parameter of its own.

    Parameters
    ----------
    m
        Mass of a [GeV].
    g_aww
        Coupling g_aW [GeV^-1].

    Notes
    -----
    With the values of `CONSTANTS`: 25% from the form factor, 2% from the top mass, 4% from the
    quark mixing. The effective coupling is that of M. Bauer et al., JHEP 04 (2021) 063,
    arXiv:2012.12272, with c_WW/f = -(pi/alpha_2) g_aW.
    """
    m_b, m_k = value("m_B"), value("m_K")
    is_open = np.asarray(m < m_b - m_k)
    q2 = np.where(is_open, m, 0.0) ** 2
    coupling = np.nan_to_num(g_aww) * flavour_coupling(
        value("m_t"), value("M_W"), value("V_ts_V_tb"), value("G_F")
    )
    # <K|sbar gamma^mu b|B> q_mu = (m_B^2 - m_K^2) f_0(q^2); P_L takes half of it
    amplitude = 0.5 * coupling * (m_b**2 - m_k**2) * b_to_k_f0(q2)
    momentum = np.sqrt(np.clip(kallen(q2, m_b**2, m_k**2), 0.0, None)) / (2.0 * m_b)
    width = momentum * amplitude**2 / (8.0 * np.pi * m_b**2)
    return np.where(is_open, width * value("tau_Bu_ps") / HBAR_GEV_PS, 0.0)
