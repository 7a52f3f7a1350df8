"""Which decay model of EvtGen a decay gets: it follows from the spins, never from a default.

EvtGen takes PHSP for anything and says nothing; on a decay with a vector that is unpolarised and so
wrong (the helicity angle of K*0 in B0 -> K*0 h' has mean cos^2 of 3/5, with PHSP 1/3). What is not
listed here is refused. The models are those of the EvtGen manual (D. J. Lange, NIM A 462, 152).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mcbook.errors import InputError
from mcbook.registry.model import Interaction, Particle


@dataclass(frozen=True, slots=True)
class Daughter:
    """A daughter as the choice of a model sees it: `decays` says that its decay is generated."""

    name: str
    particle: Particle
    decays: bool

    @property
    def kind(self) -> str:
        """S, F, V or G (photon) by spin."""
        if self.particle.pdg_id == _PHOTON:
            return "G"
        return {0.0: "S", 0.5: "F", 1.0: "V"}[self.particle.spin]


class DecayModel(NamedTuple):
    """A decay model, its arguments, and the order of daughters that it wants.

    `higgs_pair` asks for the helicity amplitudes of a scalar that decays to two vectors through
    g^(mu nu); they depend on the masses and take the place of `arguments`.
    """

    name: str
    arguments: tuple[float, ...]
    order: tuple[int, ...]
    higgs_pair: bool = False


_PHOTON = 22
_TAU = 15


def choose(
    mother: Particle, daughters: Sequence[Daughter], interactions: Sequence[Interaction]
) -> DecayModel:
    """Return the decay model for one decay.

    Parameters
    ----------
    mother
        The decaying particle.
    daughters
        In the order of the process's chain.
    interactions
        Vertices that the process names; a decay to two massive vectors needs one.

    Raises
    ------
    InputError
        If no model reproduces the angular distribution of this decay.
    """
    kinds = "".join(daughter.kind for daughter in daughters)
    decay = f"{mother.name} -> {' '.join(daughter.name for daughter in daughters)}"
    match mother.spin, "".join(sorted(kinds)):
        case (0.0, "SS") | (0.0, "GG"):
            return DecayModel("PHSP", (), (0, 1))
        case (0.0, "FF") if not any(_keeps_spin(daughter) for daughter in daughters):
            return DecayModel("PHSP", (), (0, 1))
        case (0.0, "SV"):
            return DecayModel("SVS", (), (0, 1) if kinds == "VS" else (1, 0))
        case (0.0, "VV") if _is_higgs_pair(mother, daughters, interactions):
            return DecayModel("SVV_HELAMP", (), (0, 1), higgs_pair=True)
        case (1.0, "SS"):
            return DecayModel("VSS", (), (0, 1))
        case (1.0, "FF") if _is_pair(daughters):
            return DecayModel("VLL", (), (0, 1))
    raise InputError(
        f"EvtGen: no decay model here reproduces {decay}",
        hint="known: spin 0 to two scalars, two photons, two leptons that do not decay, a vector "
        "and a scalar, two vectors through VVS; spin 1 to two scalars or a lepton pair",
    )


def higgs_pair_arguments(m_scalar: float, m_vector: float) -> tuple[float, ...]:
    """Return the arguments of SVV_HELAMP for a scalar that decays by g^(mu nu) to two vectors.

    With polarisations e1, e2 in the rest frames, eps1.eps2 is -(e1.e2 + 2 (gamma^2 - 1) (n.e1)
    (n.e2)), so that H_0 / H_+- = -(2 gamma^2 - 1) = 1 - m_scalar^2 / (2 m_vector^2); the largest is
    set to one. Magnitudes and phases alternate: H+, H0, H-.

    Parameters
    ----------
    m_scalar, m_vector
        Masses [GeV], with m_scalar above 2 m_vector.
    """
    longitudinal = m_scalar**2 / (2 * m_vector**2) - 1
    transverse = 1 / longitudinal
    pi = 3.141592653589793
    return (transverse, pi, 1.0, 0.0, transverse, pi)


def _keeps_spin(daughter: Daughter) -> bool:
    """Whether the spin of a fermion shows in what it decays to."""
    return daughter.decays or abs(daughter.particle.pdg_id) == _TAU


def _is_pair(daughters: Sequence[Daughter]) -> bool:
    first, second = daughters
    return first.particle.name == second.particle.name and first.name != second.name


def _is_higgs_pair(
    mother: Particle, daughters: Sequence[Daughter], interactions: Sequence[Interaction]
) -> bool:
    wanted = sorted([mother.name, *(daughter.name for daughter in daughters)])
    return daughters[0].name == daughters[1].name and any(
        entry.lorentz == "VVS" and sorted(entry.particles) == wanted for entry in interactions
    )
