"""Spinors and polarisation vectors of external legs.

Spin states are canonical: a state in the rest frame, taken along by the boost without rotation
that leads to the momentum. Those of a fermion at rest are spin up and down along z, those of a
massive vector are linear polarisations along x, y, z, those of a massless one two linear
polarisations across its momentum.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes.lorentz import CONJUGATION

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def spinors(momentum: Array, mass: Array | float) -> Complex:
    """Return u of both spins, shape (4, 2, n): component, spin.

    Parameters
    ----------
    momentum
        Shape (4, n).
    mass
        A number or shape (n,) [GeV].
    """
    energy, x, y, z = momentum
    scale = 1 / np.sqrt(2 * (energy + mass))
    diagonal = (energy + mass) * scale
    found = np.empty((4, 2, len(energy)), dtype=complex)
    x, y, z = x * scale, y * scale, z * scale
    found[0, 0], found[1, 1] = diagonal - z, diagonal + z
    found[2, 0], found[3, 1] = diagonal + z, diagonal - z
    found[1, 0] = -x - 1j * y
    found[0, 1] = -x + 1j * y
    found[3, 0], found[2, 1] = -found[1, 0], -found[0, 1]
    return found


def barred(column: Complex) -> Complex:
    """Return psi-bar of psi, as an array of the same shape: its upper and lower halves change."""
    return column[[2, 3, 0, 1]].conj()


def conjugate(row: Complex) -> Complex:
    """Return C psi-bar^T: v where psi-bar is that of u, with the same spin."""
    return np.asarray(np.tensordot(CONJUGATION, row, 1))


def fermion(momentum: Array, mass: Array | float, *, is_row: bool, is_incoming: bool) -> Complex:
    """Return the spinor of an external fermion, shape (4, 2, n).

    Rows are u-bar (outgoing particle) and v-bar (incoming antiparticle), columns u (incoming
    particle) and v (outgoing antiparticle).
    """
    column = spinors(momentum, mass)
    if is_row != is_incoming:  # u or u-bar
        return barred(column) if is_row else column
    other = conjugate(barred(column))
    return barred(other) if is_row else other


def massive_vectors(momentum: Array, mass: Array | float) -> Array:
    """Return polarisations along x, y, z, shape (4, 3, n)."""
    energy, space = momentum[0], momentum[1:]
    found = np.empty((4, 3, momentum.shape[1]))
    found[0] = space / mass
    found[1:] = space[:, None] * (space / (mass * (energy + mass)))[None]
    for k in range(3):
        found[k + 1, k] += 1
    return found


def massless_vectors(momentum: Array) -> Array:
    """Return two polarisations across the momentum, shape (4, 2, n)."""
    size = np.sqrt(np.einsum("in,in->n", momentum[1:], momentum[1:]))
    direction = momentum[1:] / np.where(size > 0, size, 1.0)  # at rest there is none
    sign = np.where(direction[2] >= 0, 1.0, -1.0)  # far from where the rotation is singular
    shifted = direction.copy()
    shifted[2] += sign
    found = np.zeros((4, 2, momentum.shape[1]))
    for k in range(2):
        found[1:, k] = -direction[k] / (1 + sign * direction[2]) * shifted
        found[k + 1, k] += 1
        found[3, k] = -direction[k] * sign
    return found
