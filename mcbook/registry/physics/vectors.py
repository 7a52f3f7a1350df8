"""Two-body widths of a vector boson, and what follows from widths alone."""

import numpy as np
from numpy.typing import ArrayLike

from mcbook.registry.physics.formula import Array, formula
from mcbook.units import HBARC_GEV_MM


def pair_factor(m: ArrayLike, m_f: ArrayLike) -> Array:
    """Return the factor (1 + 2 r) sqrt(1 - 4 r), r = (m_f/m)^2, of a vector and two Dirac fermions.

    Parameters
    ----------
    m
        Mass of the vector [GeV], above zero.
    m_f
        Mass of one fermion [GeV].

    Returns
    -------
    Array
        1 for massless fermions, 0 below threshold and where an argument is NaN.
    """
    m, m_f = np.asarray(m, dtype=float), np.asarray(m_f, dtype=float)
    is_open = m > 2.0 * m_f
    safe = np.where(is_open, m, 1.0)
    # the product form keeps its precision at threshold
    beta_squared = np.clip((safe - 2.0 * m_f) * (safe + 2.0 * m_f) / safe**2, 0.0, None)
    factor = (1.0 + 2.0 * (m_f / safe) ** 2) * np.sqrt(beta_squared)
    return np.where(is_open, factor, 0.0)


@formula(
    version=1,
    unit="GeV",
    source="g^2 m/(12 pi) (1 + 2r) sqrt(1 - 4r), r = (m_l/m)^2: vector coupling g to one charged "
    "lepton, as in the Z' model of D. Curtin et al., JHEP 02 (2015) 157, arXiv:1412.0018",
)
def vector_lepton_width(m: Array, g: Array, m_l: Array) -> Array:
    """Return the width of a vector of mass m and coupling g to a pair of Dirac fermions [GeV]."""
    return g**2 * m / (12.0 * np.pi) * pair_factor(m, m_l)


@formula(
    version=1,
    unit="GeV",
    source="g^2 m/(24 pi): one left-handed massless flavour, half of a Dirac pair",
)
def vector_neutrino_width(m: Array, g: Array) -> Array:
    """Return the width of a vector of mass m and coupling g to one flavour of neutrinos [GeV]."""
    return g**2 * m / (24.0 * np.pi)


@formula(
    version=1,
    unit="GeV",
    source="alpha_D m/3 (1 + 2r) sqrt(1 - 4r), r = (m_f/m)^2, alpha_D = g_D^2/(4 pi): Dirac pair",
)
def dark_vector_fermion_width(m: Array, alpha_D: Array, m_f: Array) -> Array:
    """Return the width of a vector to dark Dirac fermions [GeV]; 0 where m_f or alpha_D is NaN."""
    coupling = np.where(np.isnan(alpha_D), 0.0, alpha_D)
    return coupling * m / 3.0 * pair_factor(m, m_f)


@formula(version=1, unit="mm", source="c tau = hbar c / width, hbar c of CODATA 2018")
def decay_length(width: Array) -> Array:
    """Return the proper decay length c tau [mm] of a total width [GeV]; inf for width zero."""
    width = np.asarray(width, dtype=float)
    never: Array = np.full(width.shape, np.inf)
    return np.divide(HBARC_GEV_MM, width, out=never, where=width != 0.0)


@formula(version=1, unit="1", source="partial width over total width")
def ratio(part: Array, total: Array) -> Array:
    """Return part/total; NaN where the total is zero, for then nothing decays."""
    part, total = np.broadcast_arrays(np.asarray(part, dtype=float), np.asarray(total, dtype=float))
    undefined: Array = np.full(part.shape, np.nan)
    return np.divide(part, total, out=undefined, where=total != 0.0)
