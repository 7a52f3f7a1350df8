"""Meson form factors: h' -> pi pi and K K, and B -> K and B -> K* transitions."""

from functools import cache
from importlib.resources import files

import numpy as np

from mcbook.registry.physics.formula import Array

#: Masses [GeV] between which the dispersive h' -> pi pi and K K form factors are known.
HIGGS_TABLE_RANGE = (0.27, 2.0)


@cache
def _higgs_table() -> tuple[Array, Array, Array]:
    path = files(__package__) / "tables" / "higgs_form_factors.csv"
    with path.open(encoding="utf-8") as lines:
        mass, pion, kaon = np.loadtxt(lines, delimiter=",", unpack=True)
    return mass, pion, kaon


def higgs_pion_form_factor(m: Array) -> Array:
    """Return ``|G_pi|`` [GeV^2] of a Higgs-like scalar of mass `m`, zero outside the table.

    Winkler, Phys. Rev. D 99, 015018 (2019), arXiv:1809.01876; the table's header tells the way
    from there to here. Two digitisations of that paper (ALPINIST's, used here, and FORESEE's)
    differ in the widths by up to 9% below 0.8 GeV, a factor 2 around the f0(980), 16% from 1.1 to
    1.9 GeV and 30% (kaons) at 2 GeV.
    """
    mass, pion, _ = _higgs_table()
    return np.interp(m, mass, pion, left=0.0, right=0.0)


def higgs_kaon_form_factor(m: Array) -> Array:
    """Return ``|G_K|`` [GeV^2]; see `higgs_pion_form_factor`."""
    mass, _, kaon = _higgs_table()
    return np.interp(m, mass, kaon, left=0.0, right=0.0)


def b_to_k_f0(q2: Array) -> Array:
    """Return the scalar B -> K form factor at momentum transfer `q2` [GeV^2].

    P. Ball and R. Zwicky, Phys. Rev. D 71, 014015 (2005), hep-ph/0406232.
    """
    return 0.330 / (1 - q2 / 37.46)


def b_to_kstar_a0(q2: Array, m_b: float) -> Array:
    """Return A0 of B -> K*(892) at `q2` [GeV^2]; the first pole is at the B mass `m_b` [GeV].

    P. Ball and R. Zwicky, Phys. Rev. D 71, 014029 (2005), hep-ph/0412079.
    """
    return 1.364 / (1 - q2 / m_b**2) - 0.990 / (1 - q2 / 36.78)
