"""Inelastic dark matter: A' -> chi1 chi2 and chi2 -> chi1 f fbar through a virtual A'.

The coupling is L = i g_D chi1bar gamma^mu chi2 A'_mu between two Majorana fermions,
alpha_D = g_D^2/(4 pi). The mass difference is an argument of its own, never a difference of masses.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.quadrature import on_open_points, unit_nodes
from mcbook.registry.physics.rratio import (
    OPEN_BOTTOM,
    OPEN_CHARM,
    R_RATIO_RANGE,
    r_ratio,
)
from mcbook.registry.physics.vectors import pair_factor

_THREE_BODY = (
    "epsilon^2 alpha alpha_D/(12 pi m_2^3) int dq^2 {spectrum} (delta^2 - q^2)^(3/2) "
    "(S^2 - q^2)^(1/2) (S^2 + 2 q^2)/[(q^2 - m_v^2)^2 + m_v^2 width_v^2], S = m_1 + m_2: exact "
    "at tree level, own calculation, checked with the three-body trace and MadGraph 3.5.7"
)

#: From this delta/m_v on an integral allows for the pole of the propagator: leptons, hadrons.
_NEAR_POLE = (0.7, 1.0)


@formula(
    version=1,
    unit="GeV",
    source="alpha_D m/3 (1 - d^2)^(3/2) (1 + S^2/2) (1 - S^2)^(1/2), d = (m_2 - m_1)/m, "
    "S = (m_1 + m_2)/m: own calculation; the width of a Dirac pair for m_1 = m_2",
)
def width_vector_chi1chi2(m_v: Array, m_1: Array, m_2: Array, alpha_D: Array) -> Array:
    """Return the width of a vector to the off-diagonal Majorana pair chi1 chi2 [GeV].

    Parameters
    ----------
    m_v, m_1, m_2
        Masses of the vector and of the two fermions [GeV].
    alpha_D
        Dark coupling g_D^2/(4 pi).
    """
    total = np.asarray(m_1 + np.asarray(m_2))
    is_open = total < m_v
    zero = np.zeros(np.broadcast_shapes(total.shape, np.shape(m_v)))
    s2 = np.divide(total, m_v, out=zero.copy(), where=is_open) ** 2
    d2 = np.divide(m_2 - np.asarray(m_1), m_v, out=zero.copy(), where=is_open) ** 2
    phase_space = np.where(is_open, np.sqrt(1.0 - s2) * (1.0 - d2) ** 1.5, 0.0)
    return alpha_D * m_v / 3.0 * (1.0 + 0.5 * s2) * phase_space


def _transition(gap: Array, t: Array, m_1: Array, delta: Array) -> Array:
    """Return (delta^2 - t)^(3/2) (S^2 - t)^(1/2) (S^2 + 2 t)/m_2^3 for gap = delta^2 - t >= 0."""
    sum2 = (2.0 * m_1 + delta) ** 2
    # S^2 - delta^2 = 4 m_1 m_2
    rest = gap + 4.0 * m_1 * (m_1 + delta)
    return gap * np.sqrt(gap * rest) * (sum2 + 2.0 * t) / (m_1 + delta) ** 3


def _propagator(t: Array, m_v: Array, width_v: Array) -> Array:
    return 1.0 / ((t - m_v**2) ** 2 + (m_v * width_v) ** 2)


def _lepton_integral(m_1: Array, delta: Array, m_v: Array, width_v: Array, m_l: Array) -> Array:
    """Integrate over q^2 = t for one lepton flavour, away from the pole of the propagator.

    With t = 4 m_l^2 cosh(eta)^2 the velocity of the leptons is tanh(eta), smooth however light they
    are; eta = eta_max (1 - w^2) makes (delta^2 - t)^(3/2) smooth at the upper end.
    """
    w, weight = unit_nodes(32)
    eta_max = np.arccosh(delta / (2.0 * m_l))
    eta = eta_max * (1.0 - w * w)
    scale = 4.0 * m_l * m_l
    t = scale * np.cosh(eta) ** 2
    gap = scale * np.sinh(eta_max * w * w) * np.sinh(eta_max + eta)
    velocity = np.tanh(eta)
    spectrum = (1.0 + 0.5 * scale / t) * velocity
    integrand = spectrum * _transition(gap, t, m_1, delta) * _propagator(t, m_v, width_v)
    # dt = 2 t tanh(eta) d eta
    integral: Array = (integrand * t * velocity * w) @ weight * (4.0 * eta_max[:, 0])
    return integral


@cache
def _hadron_nodes() -> tuple[Array, Array, Array, Array]:
    """Return the panels in q, and for three nodes in each q^2, weight times R and the panel's end.

    The panels follow the steps and peaks of R: the rows of its table, omega, phi and the
    thresholds of charm and bottom.
    """
    first, last = R_RATIO_RANGE
    edges = np.concatenate(
        [
            [2.0 * value("m_pi"), OPEN_CHARM, OPEN_BOTTOM],
            np.arange(first, 1.1, 0.01),
            np.arange(1.1, last, 0.02),
            np.arange(0.765, 0.8, 0.0025),
            np.arange(1.01, 1.03, 0.00125),
            np.geomspace(last, 12.0, 25),
        ]
    )
    edges = np.unique(np.round(edges, 9))
    node, weight = unit_nodes(3)
    size = np.diff(edges)[:, None]
    q = (edges[:-1, None] + size * node).ravel()
    strength = 2.0 * q * (size * weight).ravel() * r_ratio(q)
    return edges, q * q, strength, np.repeat(edges[1:], len(node))


def _hadron_integral(m_1: Array, delta: Array, m_v: Array, width_v: Array) -> Array:
    """Integrate over q^2 = t for all hadrons, away from the pole of the propagator.

    Whole panels use common nodes, so that R is looked up once; the one that holds delta has nodes
    of its own with its end points smoothed.
    """
    edges, t, strength, ends = _hadron_nodes()
    used = int(np.searchsorted(ends, delta.max(), side="right"))
    t, strength, ends = t[:used], strength[:used], ends[:used]
    gap = np.where(ends <= delta, delta**2 - t, 0.0)
    whole = (_transition(gap, t, m_1, delta) * _propagator(t, m_v, width_v)) @ strength
    start = edges[np.searchsorted(edges, delta, side="right") - 1]
    angle, weight = unit_nodes(10)
    size = delta - start
    q = start + size * np.sin(0.5 * np.pi * angle) ** 2
    below = size * np.cos(0.5 * np.pi * angle) ** 2
    jacobian = 0.5 * np.pi * np.sin(np.pi * angle) * size * weight
    rest = _transition(below * (delta + q), q * q, m_1, delta) * _propagator(q * q, m_v, width_v)
    integral: Array = whole + (rest * 2.0 * q * r_ratio(q) * jacobian).sum(axis=1)
    return integral


def _pole_integral(
    m_1: Array,
    delta: Array,
    m_v: Array,
    width_v: Array,
    q_min: Array,
    *,
    spectrum: Callable[[Array], Array],
) -> Array:
    """Integrate over q^2 = t from q_min^2 to delta^2 when the pole of the vector is near or inside.

    With t = m_v^2 + m_v width_v sinh(psi) the propagator times dt is d psi/cosh(psi). The range is
    cut at the pole (else in the middle) and each part made smooth at its outer end.
    """
    breadth = m_v * width_v
    psi_low = np.arcsinh((q_min - m_v) * (q_min + m_v) / breadth)
    psi_high = np.arcsinh((delta - m_v) * (delta + m_v) / breadth)
    inside = (psi_low < 0.0) & (psi_high > 0.0)
    middle = np.where(inside, 0.0, 0.5 * (psi_low + psi_high))
    node, weight = unit_nodes(96)
    total = np.zeros(len(m_v))
    for end in (psi_low, psi_high):
        psi = end + (middle - end) * node**2
        t = np.clip(m_v**2 + breadth * np.sinh(psi), q_min**2, delta**2)
        value_at = spectrum(np.sqrt(t)) * _transition(delta**2 - t, t, m_1, delta) / np.cosh(psi)
        length = np.abs(middle - end)[:, 0]
        total += (value_at * 2.0 * node) @ weight * length / breadth[:, 0]
    return total


def _three_body(
    smooth: Callable[..., Array],
    near_pole: Callable[..., Array],
    switch: float,
    q_min: Array,
    *arguments: Array,
) -> Array:
    """Integrate with the method that fits delta/m_v; arguments are m_1, delta, m_v, width_v.

    From delta/m_v = `switch` on it is `near_pole`.
    """
    q_min, m_1, delta, m_v, width_v = np.broadcast_arrays(q_min, *arguments)
    is_open = (delta > q_min) & (m_1 > 0.0)
    at_pole = is_open & (delta >= switch * m_v) & (width_v > 0.0)
    # without a width there is nothing to integrate across
    on_shell = is_open & (delta >= m_v) & ~at_pole
    plain = is_open & ~at_pole & ~on_shell
    result = on_open_points(smooth, plain, m_1, delta, m_v, width_v, q_min)
    result += on_open_points(near_pole, at_pole, m_1, delta, m_v, width_v, q_min)
    return np.where(on_shell, np.inf, result)


@formula(
    version=1,
    unit="GeV",
    source=_THREE_BODY.format(spectrum="(1 + 2r) sqrt(1 - 4r)") + ", r = (m_l/q)^2",
)
def width_chi2_leptons(
    m_1: Array,
    delta_m: Array,
    m_v: Array,
    width_v: Array,
    alpha_D: Array,
    epsilon: Array,
    alpha: Array,
    m_l: Array,
) -> Array:
    """Return the width of chi2 -> chi1 l+ l- through a vector with kinetic mixing [GeV].

    Numerical precision 1e-7 relative. With the pole of the vector inside the range, delta_m >= m_v,
    and width_v = 0 the result is inf.

    Parameters
    ----------
    m_1, delta_m, m_v, m_l
        Mass of chi1, mass of chi2 minus that of chi1, masses of the vector and lepton [GeV].
    width_v
        Total width of the vector [GeV]; enters the propagator.
    alpha_D, epsilon, alpha
        Dark coupling, kinetic mixing, electromagnetic coupling.
    """
    q_min = 2.0 * np.asarray(m_l)

    def near_pole(*arguments: Array) -> Array:
        return _pole_integral(*arguments, spectrum=lambda q: pair_factor(q, 0.5 * arguments[-1]))

    def smooth(m_1: Array, delta: Array, m_v: Array, width_v: Array, q_min: Array) -> Array:
        return _lepton_integral(m_1, delta, m_v, width_v, 0.5 * q_min)

    integral = _three_body(smooth, near_pole, _NEAR_POLE[0], q_min, m_1, delta_m, m_v, width_v)
    return epsilon**2 * alpha * alpha_D / (12.0 * np.pi) * integral


@formula(version=1, unit="GeV", source=_THREE_BODY.format(spectrum="R(q^2)"))
def width_chi2_hadrons(
    m_1: Array,
    delta_m: Array,
    m_v: Array,
    width_v: Array,
    alpha_D: Array,
    epsilon: Array,
    alpha: Array,
    m_mu: Array,
) -> Array:
    """Return the width of chi2 -> chi1 hadrons through a vector with kinetic mixing [GeV].

    As `width_chi2_leptons`, with R(q^2) in place of the lepton factor. Narrow quarkonia are not
    in R; what is used at q = delta_m, `r_ratio_model` tells. Numerical precision 1e-4 relative
    for delta_m below 0.7 m_v, 1e-2 above; R itself is known to 5%. R counts in cross sections of
    massless muons, so that `m_mu` enters nowhere.
    """
    del m_mu
    q_min = np.asarray(2.0 * value("m_pi"))

    def smooth(m_1: Array, delta: Array, m_v: Array, width_v: Array, _: Array) -> Array:
        return _hadron_integral(m_1, delta, m_v, width_v)

    near_pole = partial(_pole_integral, spectrum=r_ratio)
    integral = _three_body(smooth, near_pole, _NEAR_POLE[1], q_min, m_1, delta_m, m_v, width_v)
    return epsilon**2 * alpha * alpha_D / (12.0 * np.pi) * integral
