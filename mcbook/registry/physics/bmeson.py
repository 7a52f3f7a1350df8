"""Branching fractions of B -> K S and B -> K* S for a scalar S that mixes with the Higgs boson.

The top-W loop gives ``L = C m_b sin(theta) S sbar_L b_R + h.c.`` with
``C = 3 m_t^2 V_ts* V_tb / (16 pi^2 v^3)``. The form factors are those of Ball and Zwicky.
"""

import math

import numpy as np

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formfactors import b_to_k_f0, b_to_kstar_a0
from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.kinematics import kallen
from mcbook.units import HBAR_GEV_PS

_SOURCE = (
    "b -> s S: Willey and Yu, Phys. Rev. D 26, 3086 (1982); form factors: Ball and Zwicky, "
    "hep-ph/0406232 and hep-ph/0412079"
)


def flavour_change(m_t: float, ckm: float, v: float) -> float:
    """Return C [GeV^-1], the strength of the loop-induced ``b -> s S`` (or ``s -> d S``).

    Parameters
    ----------
    m_t, v
        Running top mass and Higgs vacuum expectation value [GeV].
    ckm
        ``|V_ts* V_tb|`` (or ``|V_td* V_ts|``).
    """
    return 3 * m_t**2 * ckm / (16 * math.pi**2 * v**3)


def _open_kallen(m_parent: float, m_daughter: float, m_s: Array) -> Array:
    ell: Array = np.clip(kallen(m_s**2, m_parent**2, m_daughter**2), 0.0, None)
    return np.where(m_daughter + m_s < m_parent, ell, 0.0)


def pseudoscalar_width(
    m_s: Array, coupling: Array | float, f0: Array | float, m_parent: float, m_daughter: float
) -> Array:
    """Return the width of ``P -> P' S`` [GeV] for ``L = coupling m_q S q'bar_L q_R``.

    ``coupling^2 (m_P^2 - m_P'^2)^2 f0^2 lambda^(1/2) / (64 pi m_P^3)``, with the light quark mass
    neglected against m_q. Serves K -> pi S as well.
    """
    phase_space = np.sqrt(_open_kallen(m_parent, m_daughter, m_s)) / (64 * np.pi * m_parent**3)
    amplitude = coupling * f0 * (m_parent**2 - m_daughter**2)
    width: Array = amplitude**2 * phase_space
    return width


def _open_q2(m_s: Array, m_parent: float, m_daughter: float) -> Array:
    """Square of `m_s`, and 0 where closed: the form factors have poles beyond the end point."""
    return np.where(m_s < m_parent - m_daughter, m_s, 0.0) ** 2


def _coupling(theta: Array) -> Array:
    return np.sin(theta) * flavour_change(value("m_t"), value("V_ts_V_tb"), value("v_higgs"))


@formula(version=1, unit="1", source=_SOURCE)
def br_bu_k_scalar(m_s: Array, theta: Array) -> Array:
    """Return the branching fraction of ``B+ -> K+ S``.

    Parameters
    ----------
    m_s
        Mass of the scalar [GeV].
    theta
        Mixing angle; the result is proportional to sin(theta)^2.

    Notes
    -----
    Proportional to m_t^4 |V_ts* V_tb|^2 with the values of `CONSTANTS`: 4% from the top mass and
    1.5% from the quark mixing, besides 10 to 20% from the form factor.
    """
    m_b, m_k = value("m_B"), value("m_K")
    f0 = b_to_k_f0(_open_q2(m_s, m_b, m_k))
    width = pseudoscalar_width(m_s, _coupling(theta), f0, m_b, m_k)
    return width * value("tau_Bu_ps") / HBAR_GEV_PS


@formula(version=1, unit="1", source=_SOURCE)
def br_b0_kstar_scalar(m_s: Array, theta: Array) -> Array:
    """Return the branching fraction of ``B0 -> K*(892)0 S`` for a K* of zero width.

    Arguments as in `br_bu_k_scalar`. All decays of the K*0 are included.
    """
    m_b, m_kst = value("m_B0"), value("m_Kst0")
    a0 = b_to_kstar_a0(_open_q2(m_s, m_b, m_kst), m_b)
    amplitude = _coupling(theta) * a0
    width = amplitude**2 * _open_kallen(m_b, m_kst, m_s) ** 1.5 / (64 * np.pi * m_b**3)
    return width * value("tau_Bd_ps") / HBAR_GEV_PS
