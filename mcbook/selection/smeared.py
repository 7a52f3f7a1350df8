"""The rows that a fast simulation makes of generated events, one for each.

Momenta are in the laboratory [GeV], angles in rad, lengths in mm. What an event has not is NaN.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import WorkError
from mcbook.lhe.momenta import Momenta
from mcbook.selection.acceptance import undecayed
from mcbook.selection.flights import proper_flights
from mcbook.selection.frames import beams, in_laboratory
from mcbook.selection.smearing import KINDS, Found, Smearing, find_photons, find_tracks, those

Array = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
Integers = NDArray[np.int64]

LEADING = 2
"""So many tracks of each kind have columns."""
MOST_PHOTONS = 3
"""So many photons have columns."""

EVENT, WEIGHT = "__event__", "weight"
_COMPONENTS = ("px", "py", "pz", "E")


def smear(
    particles: Momenta,
    smearing: Smearing,
    rng: np.random.Generator,
    flying: Mapping[str, Sequence[int]] | None = None,
) -> Columns:
    """Return the columns of an ntuple, one row for each event.

    Parameters
    ----------
    particles
        Events as they were generated, in the centre-of-mass system.
    smearing
        The settings.
    rng
        Random numbers.
    flying
        Names and PDG ids of particles whose true flight is kept: ``<name>_ct`` [mm] is its proper
        length, ``<name>_bg`` its momentum over its mass in the laboratory.

    Raises
    ------
    WorkError
        If a final particle is not decayed, or the beams are not those of a collider.
    """
    if codes := undecayed(particles):
        raise WorkError(f"final particles are not decayed: PDG {', '.join(map(str, codes))}")
    momenta = in_laboratory(particles)
    tracks = find_tracks(particles, momenta, smearing.tracks, rng)
    photons = find_photons(particles, momenta, smearing, rng)
    n = particles.n_events
    columns: Columns = {
        EVENT: np.arange(n),
        WEIGHT: np.ones(n),
        "n_tracks": np.bincount(tracks.event, minlength=n),
        "n_photons": np.bincount(photons.event, minlength=n),
        "extra_energy": np.bincount(photons.event, photons.size, minlength=n),
    }
    for place, name in enumerate(KINDS):
        columns |= _leading_tracks(tracks, place, name, n)
    columns |= _leading_photons(photons, n)
    columns["photon_recoil_angle"] = _closest(photons, columns, n)
    for name, codes_of in (flying or {}).items():
        proper, boost = proper_flights(particles, momenta, codes_of)
        columns |= {f"{name}_ct": proper, f"{name}_bg": boost}
    return columns


def _first(event: Integers, size: Array, n: int) -> Integers:
    """Return where the largest of each event is, -1 where there is none."""
    order = np.lexsort((-size, event))
    events, start = np.unique(event[order], return_index=True)
    found = np.full(n, -1)
    found[events] = order[start]
    return found


def _filled(values: Array, at: Integers) -> Array:
    """Return values at places, NaN where the place is -1."""
    return np.where(at >= 0, np.append(values, np.nan)[at], np.nan)


def _leading_tracks(tracks: Found, place: int, name: str, n: int) -> Columns:
    """Return columns of the leading track of a kind, and of the next one of the other charge."""
    own = those(tracks, tracks.kind == place)
    first = _first(own.event, own.size, n)
    charge = _filled(own.charge, first)
    is_other = own.charge * charge[own.event] < 0
    second = _first(own.event, np.where(is_other, own.size, -1.0), n)
    is_there = np.append(is_other, False)[second]
    columns: Columns = {}
    mass = KINDS[name][1]
    for number, at in ((1, first), (2, np.where(is_there, second, -1))):
        columns |= _momentum(f"{name}{number}", own, at, mass)
        columns[f"{name}{number}_charge"] = _filled(own.charge, at)
        columns[f"{name}{number}_is_found"] = (at >= 0).astype(np.int64)
    return columns


def _leading_photons(photons: Found, n: int) -> dict[str, Array]:
    """Return columns of the photons of highest energy, in falling order."""
    size = photons.size.copy()
    columns: dict[str, Array] = {}
    for number in range(1, MOST_PHOTONS + 1):
        at = _first(photons.event, size, n)
        at = np.where((at >= 0) & (np.append(size, 0.0)[at] > 0), at, -1)
        columns |= _momentum(f"gamma{number}", photons, at, None)
        size[at[at >= 0]] = -1.0
    return columns


def _momentum(name: str, found: Found, at: Integers, mass: float | None) -> dict[str, Array]:
    """Return the four-momenta of tracks of a mass [GeV], of photons where it is None."""
    theta, phi = _filled(found.theta, at), _filled(found.phi, at)
    size = _filled(found.size, at)
    total = size if mass is None else size / np.sin(theta)
    energy = total if mass is None else np.hypot(total, mass)
    across = total * np.sin(theta)
    values = (across * np.cos(phi), across * np.sin(phi), total * np.cos(theta), energy)
    return {f"{name}_{part}": value for part, value in zip(_COMPONENTS, values, strict=True)}


def _closest(photons: Found, columns: Columns, n: int) -> Array:
    """Return the angle [rad] of the photon that is closest to what recoils against the muons."""
    total = np.add(*beams())[:3, None]
    recoil = total - sum(
        np.stack([columns[f"mu{number}_{part}"] for part in _COMPONENTS[:3]])
        for number in range(1, LEADING + 1)
    )
    sine = np.sin(photons.theta)
    along = np.stack(
        [sine * np.cos(photons.phi), sine * np.sin(photons.phi), np.cos(photons.theta)]
    )
    its = recoil[:, photons.event]
    angle = np.arctan2(np.linalg.norm(np.cross(along.T, its.T), axis=1), (along * its).sum(axis=0))
    found = np.full(n, np.inf)
    np.fmin.at(found, photons.event, angle)
    return np.where(np.isfinite(found) & np.isfinite(recoil[0]), found, np.nan)
