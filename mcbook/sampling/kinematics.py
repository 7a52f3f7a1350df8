"""Boosts, rotations and two-body kinematics of arrays of momenta, shape (4, n) each."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TINY = 1e-300
"""Stands for a mass of zero, at rest of which there is nothing."""


def kallen(s: Array | float, first: Array | float, second: Array | float) -> Array:
    """Return lambda(s, first, second) of squared masses, exact near the threshold."""
    root, one, two = np.sqrt(s), np.sqrt(first), np.sqrt(second)
    found = (root - one - two) * (root + one + two) * (root - one + two) * (root + one - two)
    return np.asarray(found)


def breakup(mass: Array | float, first: Array | float, second: Array | float) -> Array:
    """Return the momentum [GeV] of the two daughters at rest of their mother; 0 where closed."""
    square = np.square
    found = kallen(square(mass), square(first), square(second))
    is_open = np.asarray(mass > first + second)  # lambda is positive again far below
    return np.asarray(
        np.sqrt(np.where(is_open, np.maximum(found, 0.0), 0.0)) / (2 * np.maximum(mass, TINY))
    )


def boosted(momentum: Array, frame: Array, mass: Array | float) -> Array:
    """Return a momentum after the boost that takes a particle at rest to *frame*.

    Parameters
    ----------
    momentum
        Where the particle is at rest.
    frame
        The momentum of the particle.
    mass
        Its mass.
    """
    along = frame[1] * momentum[1] + frame[2] * momentum[2] + frame[3] * momentum[3]
    found = np.empty(np.broadcast_shapes(momentum.shape, frame.shape))
    found[0] = (frame[0] * momentum[0] + along) / mass
    factor = (momentum[0] + found[0]) / (frame[0] + mass)
    for i in (1, 2, 3):
        found[i] = momentum[i] + factor * frame[i]
    return found


def to_rest(momentum: Array, frame: Array, mass: Array | float) -> Array:
    """Return a momentum in the rest frame of *frame*: the boost of `boosted` undone."""
    back = frame.copy()
    back[1:] *= -1
    return boosted(momentum, back, mass)


def rotations(rng: np.random.Generator, count: int) -> Array:
    """Return rotations, uniform over all, shape (3, 3, n): by unit quaternions."""
    quaternion = rng.standard_normal((4, count))
    quaternion /= np.sqrt((quaternion * quaternion).sum(axis=0))
    w, x, y, z = quaternion
    found = np.empty((3, 3, count))
    found[0, 0] = 1 - 2 * (y * y + z * z)
    found[1, 1] = 1 - 2 * (x * x + z * z)
    found[2, 2] = 1 - 2 * (x * x + y * y)
    found[0, 1], found[1, 0] = 2 * (x * y - w * z), 2 * (x * y + w * z)
    found[0, 2], found[2, 0] = 2 * (x * z + w * y), 2 * (x * z - w * y)
    found[1, 2], found[2, 1] = 2 * (y * z - w * x), 2 * (y * z + w * x)
    return found


def about_z(rng: np.random.Generator, count: int) -> Array:
    """Return rotations about the z axis, uniform in the angle, shape (3, 3, n)."""
    x, y = rng.standard_normal((2, count))
    size = np.sqrt(x * x + y * y)
    found = np.zeros((3, 3, count))
    found[0, 0] = found[1, 1] = x / size
    found[1, 0] = y / size
    found[0, 1] = -found[1, 0]
    found[2, 2] = 1
    return found


def rotated(rotation: Array, momentum: Array) -> Array:
    """Return a momentum after a rotation of shape (3, 3, n)."""
    found = np.empty(np.broadcast_shapes(momentum.shape, (4, rotation.shape[2])))
    found[0] = momentum[0]
    for i in range(3):
        found[i + 1] = (
            rotation[i, 0] * momentum[1]
            + rotation[i, 1] * momentum[2]
            + rotation[i, 2] * momentum[3]
        )
    return found


def turned_axis(rotation: Array, momentum: Array) -> Array:
    """Return a momentum along z after a rotation of shape (3, 3, n)."""
    found = np.empty_like(momentum)
    found[0] = momentum[0]
    np.multiply(rotation[:, 2], momentum[3], out=found[1:])
    return found


def invariant(momentum: Array) -> Array:
    """Return p^2 [GeV^2], shape (n,)."""
    energy, x, y, z = momentum
    return np.asarray(energy * energy - x * x - y * y - z * z)
