"""Strong coupling, running quark masses and the loop function of h' -> gg and h' -> gamma gamma.

Everything here is for four active flavours, 1.3 GeV < scale < 10.6 GeV.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.physics.formula import Array

#: Lambda_MSbar for four flavours [GeV]; PDG 2024 review of QCD, 0.292 +- 0.016.
LAMBDA_4 = 0.292

#: MSbar masses m_s(2 GeV), m_c(m_c) [GeV], PDG 2024.
M_S_2GEV = 0.0935
M_C_MSBAR = 1.273

#: Masses in the loops [GeV]: m_c and m_b from the MSbar masses (1.273, 4.183) by the one-loop
#: relation M = m (1 + 4 alpha_s / 3 pi), top as measured; PDG 2024.
M_C_LOOP = 1.48
M_B_LOOP = 4.58
M_T_LOOP = 172.6

_FLAVOURS = 4


def strong_coupling(scale: Array) -> Array:
    """Return alpha_s for four flavours at three loops.

    The expansion in ``1 / ln(scale^2 / Lambda^2)`` of the PDG review of QCD.

    Parameters
    ----------
    scale
        Renormalisation scale [GeV], above 1 GeV.
    """
    n = _FLAVOURS
    b0 = (33 - 2 * n) / (12 * np.pi)
    b1 = (153 - 19 * n) / (24 * np.pi**2)
    b2 = (2857 - 5033 * n / 9 + 325 * n**2 / 27) / (128 * np.pi**3)
    t = np.log(scale**2 / LAMBDA_4**2)
    ell = np.log(t)
    higher = (b1**2 * (ell**2 - ell - 1) + b0 * b2) / (b0**4 * t**2)
    alpha: Array = (1 - b1 * ell / (b0**2 * t) + higher) / (b0 * t)
    return alpha


def running_mass(mass: float, reference_scale: float, scale: Array) -> Array:
    """Run an MSbar quark mass to `scale` [GeV].

    Four-flavour solution of A. Djouadi, Phys. Rept. 457 (2008) 1.
    """

    def evolution(mu: Array) -> Array:
        x = strong_coupling(mu) / np.pi
        return (25 * x / 6) ** (12 / 25) * (1 + 1.014 * x + 1.389 * x**2 + 1.091 * x**3)

    return mass * evolution(scale) / evolution(np.asarray(reference_scale))


def quark_pair_correction(scale: Array) -> Array:
    """Return the QCD factor of ``h -> q qbar`` for a running mass, to order alpha_s^3.

    Djouadi, Phys. Rept. 457 (2008) 1, without the top-loop term.
    """
    n = _FLAVOURS
    x = strong_coupling(scale) / np.pi
    return 1 + 5.67 * x + (35.94 - 1.36 * n) * x**2 + (164.14 - 25.77 * n + 0.259 * n**2) * x**3


def fermion_loop(m: Array, m_f: float) -> NDArray[np.complex128]:
    """Return the spin-1/2 loop function of a scalar decaying to two massless vectors.

    ``A(tau) = 2 [tau + (tau - 1) f(tau)] / tau^2`` with ``tau = m^2 / 4 m_f^2``; 4/3 for a heavy
    fermion, vanishing for a light one (Djouadi, Phys. Rept. 457 (2008) 1).
    """
    tau = (m / (2 * m_f)) ** 2
    # Below 1e-3 the closed form cancels to nothing; the first two terms are then exact to 1e-7.
    series = 4 / 3 * (1 + 7 * tau / 30)
    safe = np.where(tau < 1e-3, 1.0, tau)
    f = np.arcsin(np.sqrt(safe + 0j)) ** 2
    loop: NDArray[np.complex128] = np.where(
        tau < 1e-3, series, 2 * (safe + (safe - 1) * f) / safe**2
    )
    return loop
