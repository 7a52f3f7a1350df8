"""R(q): hadronic over muonic cross section of e+e-, from the pion threshold upwards.

What is used where:

``none``
    Below 2 m_pi. (pi0 gamma opens at m_pi0 and is neglected.)
``threshold``
    From 2 m_pi to the first row of the table: proportional to beta^3, as for point-like pions.
``table``
    0.3 to 2 GeV: a smooth table plus Breit-Wigner curves for omega(782) and phi(1020). Against
    the compilation of the PDG (2020), averaged over bins, it is within 6%, except 20 to 25% too
    high from 1.000 to 1.015 GeV and 8 to 16% too low from 1.025 to 1.04 GeV, on either side of
    the phi.
``perturbative``
    Above: 3 sum Q_q^2 (1 + alpha_s/pi) over u, d, s, with c above 2 m_D and b above 2 m_B; a step
    at each threshold, no resonances. The broad charmonium states between 3.77 and 4.5 GeV move the
    measured R by 10 to 30%.
``perturbative, J/psi veto`` and so on
    Within 50 MeV of a narrow quarkonium: R is still the continuum alone. A vector that mixes with
    the photon also mixes with the resonance there and the width means little. At 50 MeV from the
    J/psi the resonance changes the photon propagator by 2%, and less for the others.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formula import Array
from mcbook.registry.physics.qcd import strong_coupling


class _Vector(NamedTuple):
    """A vector resonance: mass and width [GeV], fraction to e+e- and to what the table lacks."""

    mass: float
    width: float
    br_ee: float
    br_hadrons: float


#: PDG 2024. The pi+ pi- of the omega, 1.53%, interferes with the rho and is in the table.
_NARROW = (
    _Vector(0.78266, 8.68e-3, 7.38e-5, 1.0 - 0.0153),
    _Vector(1.019461, 4.249e-3, 2.979e-4, 1.0),
)

#: Ends of the table [GeV].
R_RATIO_RANGE = (0.3, 2.0)

#: Thresholds of open charm and bottom [GeV]: twice the masses of D0 and B+ (PDG 2024).
OPEN_CHARM = 2 * 1.86484
OPEN_BOTTOM = 2 * value("m_B")

#: Masses of narrow quarkonia [GeV], PDG 2024; R is not meant to be used near them.
VETOES = {
    "J/psi": 3.0969,
    "psi(2S)": 3.686097,
    "Upsilon(1S)": 9.4604,
    "Upsilon(2S)": 10.0234,
    "Upsilon(3S)": 10.3551,
    "Upsilon(4S)": 10.5794,
}

#: Half width of a veto [GeV].
VETO_HALF_WIDTH = 0.05

_ALPHA_0 = 1.0 / 137.035999084


@cache
def _table() -> tuple[Array, Array]:
    path = files(__package__) / "tables" / "r_ratio.csv"
    with path.open(encoding="utf-8") as lines:
        mass, smooth = np.loadtxt(lines, delimiter=",", unpack=True)
    return mass, smooth


def _resonances(q: Array) -> Array:
    """Return R of omega and phi.

    sigma = 12 pi B_ee B_had Gamma^2/[(s - M^2)^2 + M^2 Gamma^2] over 4 pi alpha^2/(3 s).
    """
    total = np.zeros(q.shape)
    for v in _NARROW:
        peak = 9.0 * v.br_ee * v.br_hadrons / _ALPHA_0**2
        shape = (v.mass * v.width) ** 2
        total += peak * (q / v.mass) ** 2 * shape / ((q**2 - v.mass**2) ** 2 + shape)
    return total


def _perturbative(q: Array) -> Array:
    charges = 2.0 + 4.0 / 3.0 * (q > OPEN_CHARM) + 1.0 / 3.0 * (q > OPEN_BOTTOM)
    return charges * (1.0 + strong_coupling(np.maximum(q, R_RATIO_RANGE[1])) / np.pi)


def r_ratio(q: Array) -> Array:
    """Return R = sigma(hadrons)/sigma(mu+ mu-) with massless muons.

    Parameters
    ----------
    q
        CMS energy, or mass of the vector that couples to the electromagnetic current [GeV].

    Returns
    -------
    Array
        0 below 2 m_pi. The description of this module says what is used where.
    """
    q = np.asarray(q, dtype=float)
    first, last = R_RATIO_RANGE
    inside = np.clip(q, first, last)
    tabulated = np.interp(inside, *_table()) + _resonances(inside)
    x = (2.0 * value("m_pi") / np.minimum(np.maximum(q, 1e-3), first)) ** 2
    x_first = (2.0 * value("m_pi") / first) ** 2
    rise = (np.clip(1.0 - x, 0.0, None) / (1.0 - x_first)) ** 1.5
    return np.where(q <= last, tabulated * rise, _perturbative(q))


def in_veto(q: Array) -> NDArray[np.bool_]:
    """Return where q [GeV] is so near to a narrow quarkonium that R there is not to be used."""
    q = np.asarray(q, dtype=float)
    distance = np.abs(q[..., None] - np.array(list(VETOES.values())))
    near: NDArray[np.bool_] = (distance < VETO_HALF_WIDTH).any(axis=-1)
    return near


def r_ratio_model(q: Array) -> NDArray[np.str_]:
    """Return what R is taken from at q [GeV], in the words of the description of this module."""
    q = np.asarray(q, dtype=float)
    first, last = R_RATIO_RANGE
    conditions = [q <= 2.0 * value("m_pi"), q < first, q <= last]
    labels = ["none", "threshold", "table"]
    for name, mass in VETOES.items():
        conditions.append(np.abs(q - mass) < VETO_HALF_WIDTH)
        labels.append(f"perturbative, {name} veto")
    return np.select(conditions, labels, default="perturbative")
