"""A vector boson of L_mu - L_tau: production off a muon pair and the muon's magnetic moment."""

import numpy as np

from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.quadrature import on_open_points, unit_nodes
from mcbook.units import GEV2_FB

_N_NODES = 40


def _area_excess(y: Array, log: Array) -> Array:
    """Return artanh(y) - y for 0 <= y < 1, given log = artanh(y), without cancellation."""
    y2 = y * y
    series = np.zeros_like(y)
    for power in range(21, 1, -2):
        series = (series + 1.0 / power) * y2
    return np.where(y < 0.25, y * series, log - y)


def _radiation_integral(m: Array, m_l: Array, s: Array) -> Array:
    """Integrate -g^{mu nu} H_{mu nu} of gamma* -> l l V over phase space; see `xsec_mumu_vector`.

    With D_i = 2 p_i k + m^2, w = (p_1 + p_2)^2, M = m_l, D_1 + D_2 = S = s + m^2 - w the trace is

        8 {N/(D_1 D_2) - 2 - (s + 2 M^2)(m^2 + 2 M^2)(1/D_1^2 + 1/D_2^2)},
        N = w^2 + (s + m^2)^2 - 4 M^2 S - 8 M^4.

    At fixed w, D_1 - D_2 runs between -yS and yS and the integral is, up to a constant,
    (N/S) artanh(y) - yS/2 - 2 yS (s + 2 M^2)(m^2 + 2 M^2)/[S^2 (1 - y^2)]; written as
    (N/S)(artanh(y) - y) and a rest it is a sum of positive terms. The energy of V in the CMS is
    m cosh(eta): in eta the soft end is flat down to any m, and eta = eta_max (1 - t^2) removes the
    square root at the lepton threshold.
    """
    t, weight = unit_nodes(_N_NODES)
    root_s, m2, ml2 = np.sqrt(s), m * m, m_l * m_l
    scale = 2.0 * root_s * m
    above = (root_s - m - 2.0 * m_l) * (root_s - m + 2.0 * m_l) / scale
    eta_max = 2.0 * np.arcsinh(np.sqrt(0.5 * above))
    eta = eta_max * (1.0 - t * t)
    sum_d = scale * np.cosh(eta)
    root_lambda = scale * np.sinh(eta)
    # w - 4 M^2 as a product: no cancellation at the lepton threshold
    w_above = 2.0 * scale * np.sinh(0.5 * eta_max * t * t) * np.sinh(0.5 * (eta_max + eta))
    w = w_above + 4.0 * ml2
    y = np.sqrt(w_above / w) * root_lambda / sum_d
    massive = 4.0 * ml2 * root_lambda**2 / w
    gap = scale**2 + massive  # S squared times 1 - y^2
    a = s + m2
    n = w * w + a * a - 4.0 * ml2 * (sum_d + 2.0 * ml2)
    rest = 4.0 * scale**2 * (a + 2.0 * ml2) * w_above
    rest = rest + massive * (a * a + w * w - 4.0 * ml2 * (w + 2.0 * sum_d + 4.0 * ml2))
    log = np.log((1.0 + y) * sum_d / np.sqrt(gap))
    integrand = 2.0 * n * _area_excess(y, log) / sum_d + y * rest / (sum_d * gap)
    integral: Array = (integrand * root_lambda * t) @ weight * (2.0 * eta_max[:, 0])
    return integral


@formula(
    version=1,
    unit="fb",
    source="Born cross section of e+e- -> gamma* -> l+ l- V with full lepton mass and massless "
    "electrons, from the trace of the two diagrams (own calculation; agrees with MadGraph 3.5.7)",
)
def xsec_mumu_vector(m: Array, g: Array, m_l: Array, sqrt_s: Array, alpha: Array) -> Array:
    """Return the Born cross section of e+e- -> l+ l- V, V radiated off the lepton pair [fb].

    Photon exchange only, V couples as a vector with strength g to the lepton of mass m_l and not
    to electrons; no radiation from the initial state. With a massless electron the lepton tensor
    reduces to -g_{mu nu}, and sigma = alpha^2 g^2/(3 pi s^3) times a one-dimensional integral.
    Numerical precision: 1e-8 relative for m from 1e-3 GeV to the kinematic limit.

    Parameters
    ----------
    m, m_l, sqrt_s
        Masses of V and of the lepton and the CMS energy [GeV]; m above zero.
    g, alpha
        Coupling of V and the electromagnetic coupling.
    """
    is_open = np.asarray((m > 0.0) & (m + 2.0 * np.asarray(m_l) < sqrt_s))
    is_open, m, m_l, sqrt_s = np.broadcast_arrays(is_open, m, m_l, sqrt_s)
    integral = on_open_points(_radiation_integral, is_open, m, m_l, sqrt_s**2)
    return GEV2_FB * alpha**2 * g**2 / (3.0 * np.pi * sqrt_s**6) * integral


def _moment_integral(z: Array) -> Array:
    """Integrate 2 x^2 (1 - x)/(x^2 + (1 - x) z) over x from 0 to 1, z = (m/m_l)^2.

    In u = ln(x/(1 - x)) the integrand is smooth on the scale 1 whatever z is, and falls
    exponentially, so that the trapezium rule converges like exp(-pi^2/step).
    """
    step = 0.4
    u = np.arange(-36.0, 36.0 + step, step)
    x, y = 1.0 / (1.0 + np.exp(-u)), 1.0 / (1.0 + np.exp(u))
    integral: Array = (2.0 * step) * (x**3 * y**2 / (x**2 + y * z)).sum(axis=1)
    return integral


@formula(
    version=1,
    unit="1",
    source="one-loop vector exchange, g^2/(8 pi^2) int_0^1 2 m_l^2 x^2 (1-x)/(x^2 m_l^2 + "
    "(1-x) m^2) dx; S. Baek et al., Phys. Rev. D 64, 055006 (2001), hep-ph/0104141",
)
def delta_a_mu(m: Array, g: Array, m_l: Array) -> Array:
    """Return what a vector of mass m adds to the magnetic moment (g-2)/2 of the lepton.

    Precise to 1e-9 for m/m_l between 1e-6 and 1e6. Limits: g^2/(8 pi^2) for a light vector,
    g^2 m_l^2/(12 pi^2 m^2) for a heavy one.
    """
    z = (m / np.asarray(m_l)) ** 2
    return g**2 / (8.0 * np.pi**2) * on_open_points(_moment_integral, np.isfinite(z), z)
