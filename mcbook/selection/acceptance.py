"""Which events have all that can be seen of them inside the detector.

Tracks are wanted in the drift chamber, 17 to 150 degrees in the laboratory, photons in the
calorimeter, 12.4 to 155.1 degrees (Belle II TDR, arXiv:1011.0352; Belle II Physics Book,
arXiv:1808.10567). All particles come from the interaction point, along straight lines: where one
flies before it decays, its place of decay is not looked at.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, WorkError
from mcbook.lhe.momenta import Momenta
from mcbook.selection.frames import in_laboratory

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRACKS_DEG, PHOTONS_DEG = (17.0, 150.0), (12.4, 155.1)
CHARGED = (11, 13, 211, 321, 2212)
"""What leaves a track: e, mu, pi, K, p."""
UNDECAYED = (15, 111, 113, 221, 223, 310, 311, 313, 331, 333, 411, 421, 431, 511, 521, 3122)
"""What decays in the detector or before; generated events must have its daughters."""

_FINAL, _PHOTON = 1, 22


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least that is wanted in the laboratory.

    Attributes
    ----------
    min_pt
        Transverse momentum of a track [GeV].
    min_energy
        Energy of a photon [GeV].
    """

    min_pt: float = 0.1
    min_energy: float = 0.1

    def __post_init__(self) -> None:
        for name, value in (("min_pt", self.min_pt), ("min_energy", self.min_energy)):
            if not 0 <= value < np.inf:
                raise InputError(f"{name} is {value:g} GeV and must be 0 or more")


def undecayed(particles: Momenta) -> list[int]:
    """Return the PDG ids of final particles whose decay products would be seen in their place."""
    final = np.unique(np.abs(particles.pdg[particles.status == _FINAL]))
    return [int(code) for code in final if code in UNDECAYED]


def accepted(particles: Momenta, thresholds: Thresholds | None = None) -> Mask:
    """Return which events have all charged final particles and photons in the detector.

    Neutral particles that are no photons are not looked at.

    Parameters
    ----------
    particles
        Events as they were generated, in the centre-of-mass system.
    thresholds
        The least momentum and energy; 0.1 GeV each by default.

    Returns
    -------
    NDArray[np.bool_]
        Shape (events,).

    Raises
    ------
    WorkError
        If a final particle is not decayed, or the beams are not those of a collider.
    """
    if names := undecayed(particles):
        raise WorkError(f"final particles are not decayed: PDG {', '.join(map(str, names))}")
    x, y, z, energy = in_laboratory(particles)
    transverse = np.hypot(x, y)
    angle = np.degrees(np.arctan2(transverse, z))
    wanted = thresholds or Thresholds()
    is_final = particles.status == _FINAL
    is_track = is_final & np.isin(np.abs(particles.pdg), CHARGED)
    is_photon = is_final & (particles.pdg == _PHOTON)
    is_lost = is_track & ~(_within(angle, TRACKS_DEG) & (transverse > wanted.min_pt))
    is_lost |= is_photon & ~(_within(angle, PHOTONS_DEG) & (energy > wanted.min_energy))
    found = np.ones(particles.n_events, dtype=bool)
    found[particles.event[is_lost]] = False
    return found


def _within(values: Array, limits: tuple[float, float]) -> Mask:
    """Return which values lie between two limits."""
    return (values >= limits[0]) & (values <= limits[1])
