"""Rotates spin density matrices, and finds orientations of decays with the right probability.

A matrix of a vector has its three polarisations and perhaps, as a fourth state, the one along the
momentum, which no rotation changes. Of a fermion it is (t + P.sigma) / 2 in the states up and
down. P. Richardson, JHEP 11, 029 (2001), arXiv:hep-ph/0110108.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.sampling.kinematics import rotations

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
_FERMION, _VECTOR = 2, 3


def turned(matrix: Complex, rotation: Array) -> Complex:
    """Return a matrix after a rotation of what it describes, shape (s, s, n)."""
    states = matrix.shape[0]
    if states == 1:
        return matrix
    if states == _FERMION:
        trace, x, y, z = bloch(matrix)
        vector = [rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2] * z for i in range(3)]
        return from_bloch(trace, vector[0], vector[1], vector[2])
    half = np.empty_like(matrix)
    for i in range(3):
        half[i] = sum(
            (rotation[i, k] * matrix[k] for k in (1, 2)), start=rotation[i, 0] * matrix[0]
        )
    half[3:] = matrix[3:]
    found = np.empty_like(matrix)
    for j in range(3):
        found[:, j] = sum(
            (rotation[j, k] * half[:, k] for k in (1, 2)), start=rotation[j, 0] * half[:, 0]
        )
    found[:, 3:] = half[:, 3:]
    return found


def bloch(matrix: Complex) -> tuple[Array, Array, Array, Array]:
    """Return t and P of (t + P.sigma) / 2, shape (n,) each."""
    trace = (matrix[0, 0] + matrix[1, 1]).real
    z = (matrix[0, 0] - matrix[1, 1]).real
    x = (matrix[0, 1] + matrix[1, 0]).real
    y = (matrix[1, 0] - matrix[0, 1]).imag
    return trace, x, y, z


def from_bloch(trace: Array, x: Array, y: Array, z: Array) -> Complex:
    """Return (t + P.sigma) / 2, shape (2, 2, n)."""
    found = np.empty((2, 2, len(trace)), dtype=complex)
    found[0, 0], found[1, 1] = (trace + z) / 2, (trace - z) / 2
    found[0, 1] = (x - 1j * y) / 2
    found[1, 0] = found[0, 1].conj()
    return found


def overlap(production: Complex, decay: Complex) -> Array:
    """Return the sum of the products of the elements of both, shape (n,)."""
    product = production.real * decay.real - production.imag * decay.imag
    return np.asarray(product.sum(axis=(0, 1)))


def oriented(
    production: Complex, decay: Complex, rng: np.random.Generator
) -> tuple[Array, Complex]:
    """Return rotations of decays as probable as spins say, and the production along their axes.

    Parameters
    ----------
    production
        Spin density matrix of what decays, shape (s, s, n).
    decay
        That of the decay, before any rotation.
    rng
        Where rotations come from.
    """
    rotation = rotations(rng, decay.shape[-1])
    states = decay.shape[0]
    if states == 1:
        return rotation, production
    bound = _fermion_bound if states == _FERMION else _vector_bound
    body = turned(production, rotation.transpose(1, 0, 2))
    return _until_accepted(production, decay, bound(production, decay), (rotation, body), rng)


def _fermion_bound(production: Complex, decay: Complex) -> Array:
    trace, *vector = bloch(production)
    other, *analyser = bloch(decay)
    zero = np.zeros_like(trace)
    length = np.sqrt(sum((v * v for v in vector), start=zero))
    power = np.sqrt(sum((v * v for v in analyser), start=zero))
    return np.asarray((trace * other + length * power) / 2)


def _vector_bound(production: Complex, decay: Complex) -> Array:
    return np.minimum(_radius(production) * _trace(decay), _trace(production) * _radius(decay))


def _until_accepted(
    production: Complex,
    decay: Complex,
    bound: Array,
    start: tuple[Array, Complex],
    rng: np.random.Generator,
) -> tuple[Array, Complex]:
    """Draw rotations again, of those events only that failed."""
    rotation, body = start
    waiting = np.flatnonzero(rng.random(len(bound)) * bound > overlap(body, decay))
    while len(waiting):
        fresh = rotations(rng, len(waiting))
        bodies = turned(production[..., waiting], fresh.transpose(1, 0, 2))
        weight = overlap(bodies, decay[..., waiting])
        kept = rng.random(len(waiting)) * bound[waiting] <= weight
        there = waiting[kept]
        rotation[..., there] = fresh[..., kept]
        body[..., there] = bodies[..., kept]
        waiting = waiting[~kept]
    return rotation, body


def _trace(matrix: Complex) -> Array:
    return np.asarray(np.einsum("ssn->n", matrix).real)


def _radius(matrix: Complex) -> Array:
    """Return a bound of the largest eigenvalue: exact where the matrix is diagonal (Gershgorin)."""
    return np.asarray(np.abs(matrix).sum(axis=1).max(axis=0))
