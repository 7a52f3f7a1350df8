"""Dark Higgsstrahlung e+e- -> A' h' and the decays of h' through the dark photon.

The dark Higgs field has charge `q_phi` under the dark U(1), so that m_A' = q_phi g_D w and
``L = q_phi g_D m_A' h' A'_mu A'^mu``; `alpha_D` is g_D^2 / (4 pi) for unit charge. Arguments
called `m_v` are the mass of the vector A'. Masses and widths are in GeV.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.dark_photon import dark_photon_hadron_width, dark_photon_lepton_width
from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.kinematics import kallen, velocity
from mcbook.registry.physics.quadrature import on_open_points, unit_nodes
from mcbook.registry.physics.rratio import r_ratio
from mcbook.registry.physics.vectors import pair_factor
from mcbook.units import GEV2_FB

_BATELL = "Batell, Pospelov, Ritz, Phys. Rev. D 79, 115008 (2009), arXiv:0903.0363"


def _soft_nodes(n: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on (0, 1), pulled to both ends by t^2 (3 - 2t).

    Square roots at the end points of an integral then cost no accuracy.
    """
    t, weights = unit_nodes(n)
    return t**2 * (3 - 2 * t), weights * 6 * t * (1 - t)


@formula(version=1, unit="fb", source=_BATELL + "; times q_phi^2")
def xsec_vector_higgs(
    m_v: Array,
    m_h: Array,
    epsilon: Array,
    alpha_D: Array,
    q_phi: Array,
    alpha: Array,
    sqrt_s: Array,
    width_v: Array | float = np.nan,
) -> Array:
    """Return the Born cross section of ``e+e- -> A' h'`` [fb], massless electrons, no ISR.

    Without `width_v` [GeV] the virtual dark photon has zero width, which changes the result by
    (width_v m_v / (s - m_v^2))^2.
    """
    s = sqrt_s**2
    x_v, x_h = (m_v / sqrt_s) ** 2, (m_h / sqrt_s) ** 2
    is_open = m_v + m_h < sqrt_s
    ell = np.where(is_open, np.clip(kallen(x_v, x_h, 1.0), 0.0, None), 0.0)
    gamma = np.where(np.isnan(width_v), 0.0, width_v)
    # A closed point may sit on the pole; its numerator is zero.
    propagator = np.where(is_open, (1 - x_v) ** 2 + x_v * gamma**2 / s, 1.0)
    couplings = np.pi * alpha * alpha_D * (q_phi * epsilon) ** 2 / (3 * s)
    return GEV2_FB * couplings * np.sqrt(ell) * (ell + 12 * x_v) / propagator


@formula(version=1, unit="GeV", source=_BATELL + "; times q_phi^2")
def higgs_vv_width(
    m_h: Array,
    m_v: Array,
    alpha_D: Array,
    q_phi: Array,
) -> Array:
    """Return the width of ``h' -> A' A'``, both on shell [GeV]."""
    r = (m_v / m_h) ** 2
    polarisations = 1 - 4 * r + 12 * r**2
    return alpha_D * q_phi**2 * m_h**3 / (8 * m_v**2) * velocity(m_h, m_v) * polarisations


def _loop_integral(x_l: Array, x_h: Array) -> Array:
    """Two-vector triangle for ``h' -> l+ l-``; 3/2 for light leptons and a light h'.

    ``Int dy dz (2 - y - z) / [(1 - y - z)^2 x_l + (y + z) - y z x_h]`` over the triangle
    y, z > 0, y + z < 1, with masses in units of the vector's: ``x = (m / m_v)^2``, x_h <= 4. At
    fixed s = y + z the inner integral is an arctangent; the outer one is done numerically.
    """
    s, weights = _soft_nodes(64)
    a = (1 - s) ** 2 * x_l + s
    b = s**2 * x_h
    root = np.sqrt(b * (4 * a - b))
    inner = 4 * np.arctan2(b, root) / root
    total: Array = np.sum(weights * s * (2 - s) * inner, axis=-1)
    return total


@formula(version=1, unit="GeV", source="one-loop triangle, derived; compare " + _BATELL)
def higgs_loop_lepton_width(
    m_h: Array,
    m_v: Array,
    m_l: Array,
    epsilon: Array,
    alpha: Array,
    alpha_D: Array,
    q_phi: Array,
) -> Array:
    """Return the width of ``h' -> l+ l-`` through two virtual dark photons [GeV], theta = 0.

    Proportional to epsilon^4. Holds for 2 m_l < m_h <= 2 m_v and is 0 elsewhere: above 2 m_v the
    tree-level ``h' -> A' A'`` is larger by 1 / epsilon^4. Not included, and of the same order in
    epsilon: loops that end in hadrons, and four fermions from two virtual dark photons.
    """
    x_l, x_h = (m_l / m_v) ** 2, (m_h / m_v) ** 2
    integral = on_open_points(_loop_integral, (m_h > 2 * m_l) & (m_h <= 2 * m_v), x_l, x_h)
    yukawa = alpha * epsilon**2 * q_phi * (m_l / m_v) * integral / np.pi
    return alpha_D * yukawa**2 * m_h * velocity(m_h, m_l) ** 3 / 2


def _virtual_vector_density(q: Array, gap: Array, m_h: Array, m_v: Array) -> Array:
    """Width of ``h' -> A' A'*`` per unit of the mass q of A'*, without couplings and charges.

    ``2 q^3/pi sqrt(lambda) [2 + (m_h^2 - m_v^2 - q^2)^2 / (4 m_v^2 q^2)] m_v^2 / m_h^3`` over
    ``(q^2 - m_v^2)^2``, where `gap` is m_v - q, free of rounding.
    """
    root = np.sqrt(np.clip(kallen(m_h**2, m_v**2, q**2), 0.0, None))
    spins = 2 + (m_h**2 - m_v**2 - q**2) ** 2 / (2 * m_v * q) ** 2
    density: Array = 2 * q**3 / np.pi * root * spins * m_v**2 / (m_h**3 * (gap * (m_v + q)) ** 2)
    return density


def _virtual_lepton_integral(m_h: Array, m_v: Array, m_l: Array) -> Array:
    """Integrate over the mass of A'* -> l+ l-; arguments of shape (n, 1), result (n,) [GeV]."""
    x, weights = _soft_nodes(64)
    # ln(m_v - q) as the variable: the propagator is steep when m_h is close to 2 m_v.
    first, last = np.log(m_v - 2 * m_l), np.log(2 * m_v - m_h)
    gap = np.exp(first + (last - first) * x)
    q = m_v - gap
    density = _virtual_vector_density(q, gap, m_h, m_v) * pair_factor(q, m_l)
    total: Array = np.sum(weights * (first - last) * gap * density, axis=-1)
    return total


@cache
def _cumulative_r() -> tuple[Array, Array]:
    """Mass q and the integral of R(q) from the pion threshold to there [GeV]."""
    first = 2 * value("m_pi")
    q = np.concatenate([np.arange(first, 2.0, 2e-4), np.arange(2.0, 25.0, 5e-3)])
    r = r_ratio(q)
    area = np.concatenate([[0.0], np.cumsum(0.5 * (r[1:] + r[:-1]) * np.diff(q))])
    return q, area


def _virtual_hadron_integral(m_h: Array, m_v: Array) -> Array:
    """Integrate over the mass of A'* -> hadrons; arguments of shape (n, 1), result (n,) [GeV].

    The variable is the integral of R, in which omega and phi are as smooth as the continuum.
    """
    x, weights = _soft_nodes(64)
    mass, area = _cumulative_r()
    end = np.interp(m_h - m_v, mass, area)
    q = np.interp(end * x, area, mass)
    total: Array = np.sum(weights * end * _virtual_vector_density(q, m_v - q, m_h, m_v), axis=-1)
    return total


_LEPTONS = ("m_e", "m_mu", "m_tau")

#: Distance from m_h = 2 m_v over m_v from which the integrals above lose the pole of A'*.
_NEAR_THRESHOLD = 1e-6


def _visible_width(m_v: Array, epsilon: Array, alpha: Array) -> Array:
    """Width of the A' to charged leptons and hadrons [GeV]."""
    leptons = [dark_photon_lepton_width(m_v, epsilon, alpha, value(name)) for name in _LEPTONS]
    hadrons = dark_photon_hadron_width(m_v, epsilon, alpha, value("m_mu"))
    return sum(leptons, start=hadrons)


def _near_threshold(m_h: Array, m_v: Array, width_v: Array) -> NDArray[np.bool_]:
    """Return where `_threshold_width` is used; above 2 m_v it soon is 0."""
    return m_h > 2 * m_v - np.maximum(width_v / 2, _NEAR_THRESHOLD * m_v)


def _threshold_width(m_h: Array, m_v: Array, part: Array, width_v: Array) -> Array:
    """Width of ``h' -> A' A'*`` without couplings where m_h = 2 m_v is so near that E << m_v.

    With E = m_h - 2 m_v `higgs_vv_width` is ``C sqrt(E)``. Two A' of width G, each a Breit-Wigner
    line, turn that into ``C Re sqrt(E + i G)``; without G in the propagator it is ``C sqrt(E)``
    above and ``C G / (2 sqrt(-E))`` below. Both have the smeared value at E = 0, ``C sqrt(G/2)``,
    at a distance of G/2. So that is the value between them, less what `higgs_vv_width` already
    gives above: the sum is continuous and nowhere off by more than 30%.

    Parameters
    ----------
    part, width_v
        Width of the A' to what A'* becomes, and to all that is counted [GeV].
    """
    energy, half = m_h - 2 * m_v, np.where(width_v > 0, width_v / 2, 1.0)
    distance = np.maximum(-energy, half)
    rest = np.clip(1.0 - np.sqrt(np.clip(energy, 0.0, None) / half), 0.0, None)
    width: Array = 0.75 * np.sqrt(m_v) * part / (2 * np.sqrt(distance)) * rest
    return width


_KEUNG = "tree level, one A' on shell; compare Keung and Marciano, Phys. Rev. D 30, 248 (1984)"


@formula(version=1, unit="GeV", source=_KEUNG)
def higgs_v_vstar_lepton_width(
    m_h: Array,
    m_v: Array,
    m_l: Array,
    epsilon: Array,
    alpha: Array,
    alpha_D: Array,
    q_phi: Array,
) -> Array:
    """Return the width of ``h' -> A' A'* -> A' l+ l-`` [GeV] for m_v + 2 m_l < m_h < 2 m_v.

    0 elsewhere: above 2 m_v `higgs_vv_width` takes over. Proportional to epsilon^2. The virtual
    A' has zero width, with which this grows as (2 m_v - m_h)^(-1/2); within half the visible width
    of the A' of m_h = 2 m_v, on either side, it has the smeared threshold's value, proportional to
    epsilon (`_threshold_width`). Interference of equal leptons from both A' is neglected.
    """
    width_v = _visible_width(m_v, epsilon, alpha)
    near = _near_threshold(m_h, m_v, width_v)
    is_open = (m_h > m_v + 2 * m_l) & ~near
    integral = on_open_points(_virtual_lepton_integral, is_open, m_h, m_v, m_l)
    part = dark_photon_lepton_width(m_v, epsilon, alpha, m_l)
    at_threshold = _threshold_width(m_h, m_v, part, width_v)
    return alpha_D * q_phi**2 * np.where(near, at_threshold, epsilon**2 * alpha / 3 * integral)


@formula(version=1, unit="GeV", source=_KEUNG + "; hadrons from R as in rratio.py")
def higgs_v_vstar_width(
    m_h: Array,
    m_v: Array,
    epsilon: Array,
    alpha: Array,
    alpha_D: Array,
    q_phi: Array,
) -> Array:
    """Return the width of ``h' -> A' A'*``, A'* to all charged leptons and hadrons [GeV].

    See `higgs_v_vstar_lepton_width`. A'* to dark fermions is not included: where that is open
    (m_h > m_v + m_chi1 + m_chi2), it is not suppressed by epsilon and larger than this.
    """
    leptons = [
        higgs_v_vstar_lepton_width(m_h, m_v, np.float64(value(n)), epsilon, alpha, alpha_D, q_phi)
        for n in _LEPTONS
    ]
    width_v = _visible_width(m_v, epsilon, alpha)
    near = _near_threshold(m_h, m_v, width_v)
    is_open = (m_h > m_v + 2 * value("m_pi")) & ~near
    integral = on_open_points(_virtual_hadron_integral, is_open, m_h, m_v)
    part = dark_photon_hadron_width(m_v, epsilon, alpha, value("m_mu"))
    at_threshold = _threshold_width(m_h, m_v, part, width_v)
    hadrons = np.where(near, at_threshold, epsilon**2 * alpha / 3 * integral)
    return sum(leptons, start=alpha_D * q_phi**2 * hadrons)
