"""From the centre-of-mass system of the generators to the laboratory of Belle II.

Electrons of 7.007 GeV and positrons of 4.000 GeV cross at an angle of 83 mrad (Belle II TDR,
arXiv:1011.0352; SuperKEKB, arXiv:1809.01958). The axis of the solenoid, z, halves that angle; x is
the direction in which both beams drift. As in basf2 the boost is (p_HER + p_LER) / (E_HER + E_LER)
and the z axis of generated events is the direction of the electrons in the centre-of-mass system.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import WorkError
from mcbook.lhe.momenta import Momenta
from mcbook.registry.physics.constants import value

Array = NDArray[np.float64]

HER_GEV, LER_GEV = 7.007, 4.000
"""Energies of electrons and positrons in the laboratory."""
CROSSING_RAD = 0.083

_ELECTRON, _BEAM = 11, -1


def beams() -> tuple[Array, Array]:
    """Return px, py, pz, E [GeV] of electrons and positrons in the laboratory, shape (4,) each."""
    found = []
    for energy, side in ((HER_GEV, 1.0), (LER_GEV, -1.0)):
        momentum = np.sqrt(energy**2 - value("m_e") ** 2)
        along = np.array([np.sin(CROSSING_RAD / 2), 0.0, side * np.cos(CROSSING_RAD / 2)])
        found.append(np.append(momentum * along, energy))
    return found[0], found[1]


def sqrt_s() -> float:
    """Return the energy [GeV] of the nominal beams in their centre-of-mass system."""
    total = np.add(*beams())
    return float(np.sqrt(total[3] ** 2 - total[:3] @ total[:3]))


def boost(velocity: Array) -> Array:
    """Return the matrix that takes px, py, pz, E of what is at rest to a velocity.

    Parameters
    ----------
    velocity
        In units of c, shape (3,).

    Returns
    -------
    NDArray[np.float64]
        Shape (4, 4).
    """
    square = velocity @ velocity
    gamma = 1.0 / np.sqrt(1.0 - square)
    found = np.eye(4)
    found[:3, :3] += (gamma - 1.0) * np.outer(velocity, velocity) / square
    found[:3, 3] = found[3, :3] = gamma * velocity
    found[3, 3] = gamma
    return found


def to_laboratory(*, is_electron_along_z: bool = True) -> Array:
    """Return the matrix from px, py, pz, E of generated events to those in the laboratory.

    Parameters
    ----------
    is_electron_along_z
        Whether the electron flies along +z in the events; if not, they are turned about y by pi.

    Returns
    -------
    NDArray[np.float64]
        Shape (4, 4).
    """
    electron, positron = beams()
    total = electron + positron
    velocity = total[:3] / total[3]
    axis = (boost(-velocity) @ electron)[:3]
    axis *= (1.0 if is_electron_along_z else -1.0) / np.sqrt(axis @ axis)
    turn = np.eye(4)  # about y, from z to the axis, which lies in the plane of x and z
    turn[0, 0] = turn[2, 2] = axis[2]
    turn[0, 2], turn[2, 0] = axis[0], -axis[0]
    return np.asarray(boost(velocity) @ turn)


def in_laboratory(particles: Momenta) -> Array:
    """Return px, py, pz, E [GeV] of all particles in the laboratory, shape (4, particles).

    Raises
    ------
    WorkError
        If the events do not begin with beams along z, of which one is of electrons.
    """
    is_electron = (particles.status == _BEAM) & (particles.pdg == _ELECTRON)
    along = particles.pz[is_electron]
    is_along = bool(along.size) and bool(along[0] > 0)
    across = np.hypot(particles.px[is_electron], particles.py[is_electron])
    same_side = (along > 0) if is_along else (along < 0)
    if len(along) != particles.n_events or not (same_side & (across < np.abs(along) * 1e-6)).all():
        raise WorkError(
            "the events have no beam of electrons along z, on one side for all of them",
            hint="collisions of electrons and positrons can be taken to the laboratory",
        )
    matrix = to_laboratory(is_electron_along_z=is_along)
    momenta = (particles.px, particles.py, particles.pz, particles.energy)
    return np.asarray(matrix @ np.stack(momenta))
