"""A fast simulation: what a detector with stated resolutions and efficiencies sees of events.

Generated events are taken to the laboratory, particles that leave the acceptance are dropped, found
or lost with stated efficiencies, and their momenta smeared. There is no trigger, no magnetic field,
no interaction with matter. What it gives is only as good as the numbers that it is given; these are
in a file of the user, see `mcbook.selection.smearingfile`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from mcbook.lhe.momenta import Momenta
from mcbook.registry.physics.constants import value
from mcbook.selection.acceptance import CHARGED, PHOTONS_DEG, TRACKS_DEG
from mcbook.selection.flights import flown

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

VERSION = 1
"""Of this code: another one gives other events, and so other simulations."""

KINDS: Mapping[str, tuple[int, float]] = {
    "e": (11, value("m_e")),
    "mu": (13, value("m_mu")),
    "pi": (211, value("m_pi")),
    "K": (321, value("m_K")),
}
"""PDG id and mass [GeV] of what tracks are identified as."""
LEPTONS = (11, 13)
"""Particles whose PDG id is positive where their charge is negative."""

LEAST_FACTOR = 0.05
"""A measured curvature or energy is at least this part of the true one."""

_FINAL, _PHOTON = 1, 22


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """How tracks are measured.

    Attributes
    ----------
    min_pt
        Least true transverse momentum [GeV].
    slope, multiple_scattering
        a [1/GeV] and b of sigma(pT)/pT = a pT (+) b/beta, added in quadrature.
    angle_mrad, angle_per_p_mrad
        sigma of the polar angle and, times sin(theta), of the azimuth: constant [mrad] (+) a number
        [mrad GeV] over p.
    efficiency
        Probability that a track inside the acceptance is found.
    identification
        Probability, for each of `KINDS`, that a found track is recognised as what it is.
    identified_from
        Least true momentum [GeV] for that, for each of `KINDS`.
    reach_mm
        Radius and half length [mm] of the cylinder in which a track must begin to be found.
    """

    min_pt: float
    slope: float
    multiple_scattering: float
    angle_mrad: float
    angle_per_p_mrad: float
    efficiency: float
    identification: Mapping[str, float]
    identified_from: Mapping[str, float]
    reach_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PhotonSettings:
    """How photons are measured.

    Attributes
    ----------
    min_energy
        Least measured energy [GeV].
    noise, stochastic, fourth_root, constant
        sigma(E)/E = noise/E (+) stochastic/sqrt(E) (+) fourth_root/E^(1/4) (+) constant, in
        quadrature, with E in GeV.
    angle_mrad, angle_per_root_mrad
        sigma of the angles as for tracks: constant (+) a number [mrad GeV^(1/2)] over sqrt(E).
    efficiency
        Probability that a photon inside the acceptance is found.
    gaps_deg
        Polar angles from where to where none is found [deg].
    reach_mm
        Radius and half length [mm] of the cylinder in which a photon must begin to be found.
    """

    min_energy: float
    noise: float
    stochastic: float
    fourth_root: float
    constant: float
    angle_mrad: float
    angle_per_root_mrad: float
    efficiency: float
    gaps_deg: tuple[tuple[float, float], ...]
    reach_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ExtraSettings:
    """Photons that no particle of the event made.

    Attributes
    ----------
    mean
        Mean number in an event; the number follows a Poisson distribution.
    mean_energy
        Their energies above the least one are exponential with this mean [GeV]; directions are
        uniform in cos(theta) and phi, inside the acceptance.
    """

    mean: float
    mean_energy: float


@dataclass(frozen=True, slots=True)
class Smearing:
    """All settings; `name` is what the user calls them."""

    name: str
    tracks: TrackSettings
    photons: PhotonSettings
    extra: ExtraSettings


def momentum_resolution(settings: TrackSettings, pt: Array, beta: Array) -> Array:
    """Return sigma(pT)/pT of tracks.

    Parameters
    ----------
    settings
        Of tracks.
    pt, beta
        True transverse momentum [GeV] and velocity.
    """
    return np.hypot(settings.slope * pt, settings.multiple_scattering / beta)


def track_angle_resolution(settings: TrackSettings, momentum: Array) -> Array:
    """Return sigma [rad] of the angles of tracks with a momentum [GeV]."""
    return 1e-3 * np.hypot(settings.angle_mrad, settings.angle_per_p_mrad / momentum)


def energy_resolution(settings: PhotonSettings, energy: Array) -> Array:
    """Return sigma(E)/E of photons with an energy [GeV]."""
    terms = (
        settings.noise / energy,
        settings.stochastic / np.sqrt(energy),
        settings.fourth_root / energy**0.25,
        np.full_like(energy, settings.constant),
    )
    return np.sqrt(sum(term**2 for term in terms))


def photon_angle_resolution(settings: PhotonSettings, energy: Array) -> Array:
    """Return sigma [rad] of the angles of photons with an energy [GeV]."""
    return 1e-3 * np.hypot(settings.angle_mrad, settings.angle_per_root_mrad / np.sqrt(energy))


@dataclass(frozen=True, slots=True)
class Found:
    """Tracks or photons that were found, one after the other; arrays have shape (found,).

    Attributes
    ----------
    event
        The event that each is in.
    index
        Its place among the generated particles; -1 where it is none of them.
    size, theta, phi
        As measured: pT [GeV] of a track, energy [GeV] of a photon; angles in the laboratory.
    charge
        Of a track; 0 of a photon.
    kind
        What a track is recognised as, a place in `KINDS`, or -1.
    """

    event: Integers
    index: Integers
    size: Array
    theta: Array
    phi: Array
    charge: Array = field(default_factory=lambda: np.empty(0))
    kind: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def find_tracks(
    particles: Momenta, momenta: Array, settings: TrackSettings, rng: np.random.Generator
) -> Found:
    """Return the tracks that are found, as they are measured; `size` is pT.

    The curvature is Gaussian: 1/pT is 1/pT (1 + sigma g), with the sigma of
    `momentum_resolution`.

    Parameters
    ----------
    particles
        Generated events.
    momenta
        px, py, pz, E in the laboratory, shape (4, particles).
    settings
        Of tracks.
    rng
        Random numbers: so many for each charged final particle, found or not.
    """
    at = np.flatnonzero((particles.status == _FINAL) & np.isin(np.abs(particles.pdg), CHARGED))
    chances, draws = rng.random((2, at.size)), rng.standard_normal((3, at.size))
    px, py, pz, energy = momenta[:, at]
    pt, total = np.hypot(px, py), np.sqrt(px**2 + py**2 + pz**2)
    theta, phi = np.arctan2(pt, pz), np.arctan2(py, px)
    is_found = _within(np.degrees(theta), TRACKS_DEG) & (pt > settings.min_pt)
    is_found &= _begins_inside(particles, momenta, at, settings.reach_mm)
    is_found &= chances[0] < settings.efficiency
    with np.errstate(divide="ignore", invalid="ignore"):  # of particles at rest: never found
        curvature = 1 + draws[0] * momentum_resolution(settings, pt, total / energy)
        theta, phi = _turned(theta, phi, track_angle_resolution(settings, total), draws[1:])
    code = particles.pdg[at]
    charge = np.sign(code) * np.where(np.isin(np.abs(code), LEPTONS), -1.0, 1.0)
    kind = _recognised(np.abs(code), total, settings, chances[1])
    size = pt / np.maximum(curvature, LEAST_FACTOR)
    return those(Found(particles.event[at], at, size, theta, phi, charge, kind), is_found)


def _recognised(
    code: Integers, momentum: Array, settings: TrackSettings, chances: Array
) -> Integers:
    """Return what tracks are recognised as, places in `KINDS`; -1 where they are not."""
    found = np.full(code.size, -1)
    for place, (name, (own, _)) in enumerate(KINDS.items()):
        is_known = (code == own) & (chances < settings.identification[name])
        found[is_known & (momentum >= settings.identified_from[name])] = place
    return found


def find_photons(
    particles: Momenta, momenta: Array, smearing: Smearing, rng: np.random.Generator
) -> Found:
    """Return the photons that are found, those that no particle made among them; `size` is E.

    Parameters
    ----------
    particles, momenta
        As of `find_tracks`.
    smearing
        All settings.
    rng
        Random numbers.
    """
    settings = smearing.photons
    at = np.flatnonzero((particles.status == _FINAL) & (particles.pdg == _PHOTON))
    draws = rng.random(at.size), rng.standard_normal((3, at.size))
    px, py, pz, energy = momenta[:, at]
    theta, phi = np.arctan2(np.hypot(px, py), pz), np.arctan2(py, px)
    is_found = _seen(np.degrees(theta), settings) & (draws[0] < settings.efficiency)
    factor = 1 + draws[1][0] * energy_resolution(settings, energy)
    sigma = photon_angle_resolution(settings, energy)
    theta, phi = _turned(theta, phi, sigma, draws[1][1:])
    measured = energy * np.maximum(factor, LEAST_FACTOR)
    is_found &= measured > settings.min_energy
    is_found &= _begins_inside(particles, momenta, at, settings.reach_mm)
    made = those(Found(particles.event[at], at, measured, theta, phi), is_found)
    more = _extra(particles.n_events, smearing, rng)
    return Found(*(np.concatenate([getattr(made, name), getattr(more, name)])
                   for name in ("event", "index", "size", "theta", "phi")))  # fmt: skip


def _extra(events: int, smearing: Smearing, rng: np.random.Generator) -> Found:
    """Return photons that no particle made."""
    count = rng.poisson(smearing.extra.mean, events)
    number = int(count.sum())
    low, high = np.cos(np.radians(PHOTONS_DEG))[::-1]
    theta = np.arccos(rng.uniform(low, high, number))
    phi = rng.uniform(-np.pi, np.pi, number)
    energy = smearing.photons.min_energy + rng.exponential(smearing.extra.mean_energy, number)
    found = Found(np.repeat(np.arange(events), count), np.full(number, -1), energy, theta, phi)
    return those(found, _seen(np.degrees(theta), smearing.photons))


def those(found: Found, mask: Mask) -> Found:
    """Return some of them."""
    arrays = (getattr(found, one.name) for one in fields(Found))
    return Found(*(array[mask] if array.size else array for array in arrays))


def _seen(theta_deg: Array, settings: PhotonSettings) -> Mask:
    """Return which photons fly where the calorimeter is."""
    seen = _within(theta_deg, PHOTONS_DEG)
    for gap in settings.gaps_deg:
        seen &= ~_within(theta_deg, gap)
    return seen


def _within(values: Array, limits: tuple[float, float]) -> Mask:
    return (values >= limits[0]) & (values <= limits[1])


def _turned(theta: Array, phi: Array, sigma: Array, draws: Array) -> tuple[Array, Array]:
    """Return directions that were turned by sigma times `draws`, shape (2, particles)."""
    new = np.arccos(np.clip(np.cos(theta + sigma * draws[0]), -1, 1))  # between 0 and pi
    around = phi + sigma * draws[1] / np.sin(theta)
    return new, np.arctan2(np.sin(around), np.cos(around))


def _begins_inside(
    particles: Momenta, momenta: Array, at: Integers, reach_mm: tuple[float, float]
) -> Mask:
    """Return which particles begin inside the cylinder where they are found."""
    if not particles.lifetime.any():
        return np.ones(at.size, dtype=bool)
    x, y, z = flown(particles, momenta)[:, at]
    return np.asarray((np.hypot(x, y) < reach_mm[0]) & (np.abs(z) < reach_mm[1]))
