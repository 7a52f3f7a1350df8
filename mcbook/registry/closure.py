"""What of a signal model shapes the events of a process: the part that enters an id."""

from typing import Any

from mcbook.registry.checks import SETTINGS
from mcbook.registry.derive import Deriver
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Interaction, Parameter, Particle, Process, SignalModel
from mcbook.registry.physics.constants import CONSTANTS


def process_particles(model: SignalModel, process: Process) -> dict[str, Particle]:
    """Return the particles of a process: in its chains and in the interactions that it names."""
    names = set(process.particle_names())
    for interaction in process_interactions(model, process).values():
        names |= set(interaction.particles)
    found = {model.particles[name].name: model.particles[name] for name in names}
    return dict(sorted(found.items()))


def process_interactions(model: SignalModel, process: Process) -> dict[str, Interaction]:
    """Return the interactions that a process names, by name."""
    return {name: model.interactions[name] for name in sorted(process.interactions)}


def process_closure(
    model: SignalModel, process: Process, reached: frozenset[str]
) -> dict[str, Any]:
    """Return what shapes the events of *process*, as JSON values.

    Labels, prose, bounds, other processes and quantities that no card uses are left out, so that
    they can change without touching an id.

    Parameters
    ----------
    model, process
        The registry entry, with the values of its constants.
    reached
        Derived quantities whose values reach the cards, by the generator's word.
    """
    particles = process_particles(model, process)
    interactions = process_interactions(model, process)
    expressions: list[Expression] = [particle.mass for particle in particles.values()]
    expressions += [interaction.coupling for interaction in interactions.values()]
    expressions += process.cuts.values()
    deriver = Deriver(model)
    names = deriver.names_in(expressions) | reached
    names = names.union(*(deriver.depends_on(name) for name in names if name in model.derived))
    return {
        "process": {
            "chains": {c.name: [str(chain) for chain in c.chains] for c in process.channels},
            "fractions": _fractions(process),
            "cuts": {name: entry.canonical for name, entry in sorted(process.cuts.items())},
            "taus": dict(process.taus) if process.taus is not None else None,
        },
        "particles": {name: _particle(entry) for name, entry in particles.items()},
        "interactions": {
            name: {
                "particles": list(entry.particles),
                "lorentz": entry.lorentz,
                "coupling": entry.coupling.canonical,
                "imaginary": entry.is_imaginary,
            }
            for name, entry in interactions.items()
        },
        "quantities": {
            name: _quantity(model, process, name) for name in sorted(names) if name not in SETTINGS
        },
    }


def reference_value(parameter: Parameter, process: Process) -> float | None:
    """Return the value at which a shared sample has *parameter*; None is absent."""
    if parameter.is_optional and parameter.name not in process.requires:
        return None
    return parameter.reference


def neutral_value(parameter: Parameter, process: Process) -> float | None:
    """Return the value of a parameter that does not enter an id; None where it is absent then.

    For a shape parameter that is the default with which it was introduced, so that models can grow
    without orphaning samples. A coupling that scales is left out of an id where the sample has its
    reference value, so that is what leaving it out must mean everywhere. The value itself is part
    of the closure: where it changes, ids do.
    """
    if "shape" in process.roles[parameter.name]:
        return parameter.introduced
    return reference_value(parameter, process)


def _fractions(process: Process) -> dict[str, str] | None:
    """Return what sets the mixture of several channels; a single one is a mixture of nothing."""
    if len(process.channels) == 1:
        return None
    return {c.name: c.fraction.canonical for c in process.channels if c.fraction is not None}


def _particle(particle: Particle) -> dict[str, Any]:
    return {
        "pdg_id": particle.pdg_id,
        "spin": particle.spin,
        "charge": particle.charge,
        "self_conjugate": particle.anti is None,
        "mass": particle.mass.canonical,
    }


def _quantity(model: SignalModel, process: Process, name: str) -> Any:
    """Return what a name stands for, as it enters an id."""
    if name in model.derived:
        entry = model.derived[name]
        if entry.expression is not None:
            return entry.expression.canonical
        arguments = {key: value.canonical for key, value in sorted(entry.arguments.items())}
        return [entry.formula, arguments]
    if name in model.constants:
        return model.constants[name].value
    if name in CONSTANTS:
        return CONSTANTS[name].value
    return {"left_out_at": neutral_value(model.parameters[name], process)}
