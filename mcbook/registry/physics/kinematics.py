"""Phase-space factors that several formulas share."""

import numpy as np
from numpy.typing import ArrayLike

from mcbook.registry.physics.formula import Array


def velocity(m: ArrayLike, m_daughter: ArrayLike) -> Array:
    """Return ``sqrt(1 - 4 m_daughter^2 / m^2)``, zero at and below the threshold.

    Parameters
    ----------
    m, m_daughter
        Mass of the decaying particle and of each of its two equal daughters [GeV].
    """
    x = 2.0 * np.asarray(m_daughter, dtype=float) / np.asarray(m, dtype=float)
    # The product form keeps its precision at the threshold.
    beta: Array = np.sqrt(np.clip((1.0 - x) * (1.0 + x), 0.0, None))
    return beta


def kallen(a: Array, b: Array | float, c: Array | float) -> Array:
    """Return ``a^2 + b^2 + c^2 - 2ab - 2bc - 2ca``; the arguments are squared masses."""
    return (a - b - c) ** 2 - 4.0 * b * c
