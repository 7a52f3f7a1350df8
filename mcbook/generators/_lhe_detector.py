"""How events in LHE files get into the detector simulation."""

from typing import Any

from mcbook.cards.evtgen_names import known_id, known_name
from mcbook.errors import InputError
from mcbook.generators.base import SampleInput
from mcbook.generators.detector import (
    ForDetector,
    NewParticle,
    decaying,
    new_particles,
    number,
    states,
)
from mcbook.registry.derive import Deriver
from mcbook.registry.model import Particle, Process, SignalModel

DECAYERS = ("evtgen",)
"""What can decay taus after the generator."""


def for_detector(
    model: SignalModel, process: Process, settings: dict[str, Any], sample: SampleInput
) -> ForDetector:
    """Return what the simulation has to know of a sample.

    Raises
    ------
    InputError
        If its events cannot be simulated as they are.
    """
    if "names" in settings:
        raise InputError("it was made with a UFO package of the user, whose particles are unknown")
    deriver = Deriver(model, alpha=settings["alpha"], sqrt_s=settings["sqrt_s"])
    names = set(process.particle_names())
    names.update(name for key in process.interactions for name in model.interactions[key].particles)
    moving = decaying(model, process)
    return ForDetector(
        source="lhe",
        particles=tuple(
            entry
            for particle in new_particles(model, names)
            for entry in _entries(particle, deriver, sample, is_moved=particle.name in
                                  {one.name for one in moving})
        ),
        decaying=moving,
        lives=settings["lifetime"] == "generator",
        decayer=_decayer(process, settings),
    )  # fmt: skip


def _entries(
    particle: Particle, deriver: Deriver, sample: SampleInput, *, is_moved: bool
) -> list[NewParticle]:
    """Return a particle and its antiparticle.

    One that the simulation displaces gets no width: it would stand for a lifetime of its own.
    """
    if known_id(particle.pdg_id):
        raise InputError(
            f"the PDG id {particle.pdg_id} of {particle.name} belongs to another particle in basf2",
            hint="ids between 9900020 and 9900099 are mostly free",
        )
    others = {**deriver.fixed, **sample.derived}
    mass = number(particle.mass, sample.parameters, others)
    width = 0.0 if is_moved or particle.width is None else sample.derived[particle.width]
    return [
        NewParticle(
            _name(particle, name), identity, mass, width, particle.charge_of(name), particle.spin
        )
        for name, identity in states(particle)
    ]


def _name(particle: Particle, name: str) -> str:
    """Return a name without blanks that the table of EvtGen's particles has not."""
    called = particle.called(name, "evtgen")
    return f"{called}_{abs(particle.pdg_id)}" if known_name(called) else called


def _decayer(process: Process, settings: dict[str, Any]) -> str | None:
    """Return what decays the taus that are left in the final state, None if there are none."""
    if not any({"tau-", "tau+"} & chain.leaves() for chain in process.chains()):
        return None
    taus = settings["taus"] or {}
    decayer = taus.get("decayer")
    if decayer not in DECAYERS:
        raise InputError(
            f"its taus are undecayed, and {decayer or 'nobody'} is to decay them",
            hint="the process has to say taus: {decayer: evtgen, spin_correlations: false}",
        )
    return str(decayer)
