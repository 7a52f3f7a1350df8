"""Where particles fly to before they decay, from the lifetimes that a generator wrote."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcbook.lhe.momenta import Momenta

Array = NDArray[np.float64]

_DEEPEST = 8
"""Generations of particles in an event."""


def proper_flights(particles: Momenta, momenta: Array, codes: Sequence[int]) -> tuple[Array, Array]:
    """Return proper length [mm] and beta gamma of the first particle of a kind in each event.

    Parameters
    ----------
    particles
        Generated events.
    momenta
        px, py, pz, E [GeV] in the laboratory, shape (4, particles).
    codes
        PDG ids of the kind.

    Returns
    -------
    tuple
        Each of shape (events,), NaN where an event has none.
    """
    proper, boost = (np.full(particles.n_events, np.nan) for _ in range(2))
    at = np.flatnonzero(np.isin(particles.pdg, codes) & (particles.status > 0))
    events, first = np.unique(particles.event[at], return_index=True)
    chosen = at[first]
    proper[events] = particles.lifetime[chosen]
    boost[events] = np.linalg.norm(_over_mass(particles, momenta)[:, chosen], axis=0)
    return proper, boost


def flown(particles: Momenta, momenta: Array) -> Array:
    """Return where particles begin, x, y, z [mm] from the interaction point, (3, particles).

    Each begins where its first mother ends, which is c tau p/m from where that begins.

    Parameters
    ----------
    particles, momenta
        As of `proper_flights`.
    """
    starts = np.searchsorted(particles.event, np.arange(particles.n_events))
    mother = particles.mothers[:, 0]
    parent = np.where(mother > 0, starts[particles.event] + mother - 1, -1)
    own = np.append(_over_mass(particles, momenta) * particles.lifetime, np.zeros((3, 1)), axis=1)
    begin = np.zeros((3, parent.size + 1))
    for _ in range(_DEEPEST):
        begin[:, :-1] = begin[:, parent] + own[:, parent]
        begin[:, -1] = 0.0
    return begin[:, :-1]


def _over_mass(particles: Momenta, momenta: Array) -> Array:
    """Return momentum over mass, (3, particles); 0 for what has no mass."""
    mass = particles.mass
    return np.divide(momenta[:3], mass, out=np.zeros_like(momenta[:3]), where=mass > 0)
