"""What the detector simulation needs to know of samples that a generator made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mcbook.cards.evtgen_names import is_in_table
from mcbook.errors import InputError
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Particle, Process, SignalModel


@dataclass(frozen=True, slots=True)
class NewParticle:
    """A particle that the simulation has to be told of; masses and widths in GeV, charge in e."""

    name: str
    pdg_id: int
    mass: float
    width: float
    charge: int
    spin: float


@dataclass(frozen=True, slots=True)
class Decaying:
    """A new particle that decays somewhere.

    `name` is that of the registry, `pdg_ids` are its own and its antiparticle's, `ctau` names the
    derived quantity with its proper lifetime [mm], None where there is none.
    """

    name: str
    pdg_ids: tuple[int, ...]
    ctau: str | None


@dataclass(frozen=True, slots=True)
class ForDetector:
    """How samples of a campaign get into the detector simulation.

    Attributes
    ----------
    source
        ``lhe``: files with events. ``decays``: a decay file, and the simulation's own EvtGen makes
        the events.
    particles
        All that it does not know.
    decaying
        Those that decay, and whose lifetime the simulation has to give them.
    lives
        Whether the generator gave them their lifetimes: then nothing else may.
    decayer
        What decays the taus that are undecayed in the events, None where there are none.
    card
        The decay file, relative to the samples folder.
    table
        Additions to the particle table, the same, where `lives`.
    """

    source: Literal["lhe", "decays"]
    particles: tuple[NewParticle, ...]
    decaying: tuple[Decaying, ...]
    lives: bool = False
    decayer: str | None = None
    card: str | None = None
    table: str | None = None

    def check_read(self) -> None:
        """Refuse events that basf2 reads without all of what is in them.

        Raises
        ------
        InputError
            If lifetimes are in files with events.
        """
        if self.source == "lhe" and self.lives:
            raise InputError(
                "its lifetimes are in the LHE file, where basf2 does not read them: everything"
                " would decay at the interaction point",
                hint="generate it with lifetime: displacer",
            )


def new_particles(model: SignalModel, names: Iterable[str]) -> list[Particle]:
    """Return the particles among *names* that EvtGen does not know by that name, each once."""
    found = {model.particles[name].name: model.particles[name] for name in sorted(names)}
    return [
        particle
        for particle in found.values()
        if not particle.is_standard_model
        and not is_in_table(particle.called(particle.name, "evtgen"), particle.pdg_id)
    ]


def decaying(model: SignalModel, process: Process) -> tuple[Decaying, ...]:
    """Return the new particles that decay in a process."""
    names = {node.particle for chain in process.chains() for node in chain.decays()}
    return tuple(
        Decaying(particle.name, tuple(identity for _, identity in states(particle)), particle.ctau)
        for particle in new_particles(model, names)
    )


def states(particle: Particle) -> Iterator[tuple[str, int]]:
    """Yield name and PDG id of a particle, and of its antiparticle if there is one."""
    for name in (particle.name, particle.anti):
        if name is not None:
            yield name, particle.id_of(name)


def number(
    expression: Expression, parameters: Mapping[str, float], others: Mapping[str, float]
) -> float:
    """Return the value of an expression of parameters and other names."""
    return float(expression.evaluate({**others, **parameters}))
