"""Physics of a user's UFO package, as the native generator takes it: read, never run.

What a process needs of a package stands in the settings of its samples: particles, vertices and
formulas as text. Numbers come when the values of its parameters are known.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mcbook.amplitudes.diagrams import Diagrams, Leg
from mcbook.amplitudes.lorentz import structure
from mcbook.amplitudes.theory import Field, Theory
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.chain import Chain, Node
from mcbook.registry.model import Process, SignalModel
from mcbook.ufo.foreign import ForeignUfo
from mcbook.ufo.package import (
    ZERO,
    Package,
    PackageParticle,
    PackageVertex,
    evaluated,
    names_in,
    read_package,
)

Physics = dict[str, Any]
Entry = tuple[str, tuple[str, ...], str | None, complex]
_LEGS, _COLOURLESS, _FERMION, _LARGEST_SPIN = 3, 1, 2, 3


def physics(
    model: SignalModel, process: Process, ufo: ForeignUfo, names: Mapping[str, Any]
) -> Physics:
    """Return what a process needs of a package, as JSON values.

    Parameters
    ----------
    model, process
        What is made.
    ufo
        The package.
    names
        The complete ``generator.names``.

    Raises
    ------
    InputError
        If the package is not understood, or needs what cannot be computed.
    """
    package = read_package(ufo)
    called = _called(model, process, package, names)
    used = _used_vertices(package, process, called)
    names_used = {n for vertex in used for n in vertex.particles} | set(called.values())
    held = [package.particles[n] for n in sorted({package.particles[n].name for n in names_used})]
    formulas = [term[1] for vertex in used for term in vertex.terms]
    formulas += [name for p in held for name in (p.mass, p.width)]
    for vertex in used:
        for text, _ in vertex.terms:
            structure(text, tuple(package.particles[name].spin for name in vertex.particles))
    return {
        "called": called,
        "particles": [[p.name, p.anti, p.pdg_id, p.spin, p.mass, p.width] for p in held],
        "vertices": [
            [vertex.name, list(vertex.particles), structure, formula]
            for vertex in used
            for structure, formula in vertex.terms
        ],
        "internals": _needed(package, ufo, formulas),
    }


def _called(
    model: SignalModel, process: Process, package: Package, names: Mapping[str, Any]
) -> dict[str, str]:
    """Return what the package calls each particle of a process."""
    spelled = {name.lower(): name for name in package.particles}
    found = {}
    for name in sorted(process.particle_names()):
        default = model.particles[name].called(name, "madgraph")
        wanted = str(names["particles"].get(name, default))
        found[name] = spelled[wanted.lower()]
    return found


def _used_vertices(
    package: Package, process: Process, called: Mapping[str, str]
) -> list[PackageVertex]:
    """Return the vertices in the diagrams of a process."""
    usable = [vertex for vertex in package.vertices if _is_usable(package, vertex)]
    three = [vertex for vertex in usable if _is_computed(package, vertex)]
    others = [vertex for vertex in usable if vertex not in three]
    fields = {p.name: _unit_field(p) for p in package.particles.values()}
    listed: list[Entry] = [(v.name, v.particles, None, 1j) for v in three]
    for vertex in others:
        listed += _split(package, vertex, fields)
    theory = Theory(fields.values(), listed)
    used: set[int] = set()
    for chain in process.chains():
        for legs in _blocks(chain, called):
            diagrams = Diagrams(theory, legs)
            steps = [step for group in diagrams.steps.values() for step in group]
            used |= {step.vertex for step in [*steps, *diagrams.closing]}
    for i in sorted(used):
        if i >= len(three):
            name = listed[i][0]
            legs_of = next(v.particles for v in others if v.name == name)
            raise InputError(
                f"{package.path}: the vertex {name} of {' '.join(legs_of)} is in diagrams of"
                f" {process.name}, and cannot be computed here",
                hint="three legs, fermions first and all of one kind are; use MadGraph",
            )
    return [three[i] for i in sorted(used)]


def _split(package: Package, vertex: PackageVertex, fields: dict[str, Field]) -> Iterator[Entry]:
    """Yield vertices of three legs that join the same particles, to see whether it is needed.

    Between them run scalars that are nowhere else. Fermions are put together where they can be.
    """
    fermions = [n for n in vertex.particles if package.particles[n].spin == _FERMION]
    rest = [n for n in vertex.particles if n not in fermions]
    kinds = {package.particles[n].name == package.particles[n].anti for n in fermions}
    if len(fermions) % 2 or len(kinds) > 1:
        return  # one that breaks a fermion line is of no use to the others
    pairs = [tuple(fermions[i : i + 2]) for i in range(0, len(fermions), 2)]
    groups: list[tuple[str, ...]] = [*pairs, *((name,) for name in rest)]
    number = 0
    while sum(map(len, groups)) > _LEGS:
        if len(groups[0]) == 1:
            groups[:2] = [groups[0] + groups[1]]
        name = f"{vertex.name}/{number}"
        fields[name] = Field(name, name, 0, 1, 1.0, 1.0)
        yield (vertex.name, (*groups[0], name), None, 1j)
        groups = [*groups[1:], (name,)] if len(groups[1:]) > 1 else [(*groups[1], name)]
        number += 1
    yield (vertex.name, tuple(n for group in groups for n in group), None, 1j)


def _is_computed(package: Package, vertex: PackageVertex) -> bool:
    """Return whether a vertex is of the kind that amplitudes are made of here."""
    legs = [package.particles[name] for name in vertex.particles]
    fermions = [i for i, p in enumerate(legs) if p.spin == _FERMION]
    is_line = not fermions or (
        fermions == [0, 1] and len({p.name == p.anti for p in legs[:2]}) == 1
    )
    return len(legs) == _LEGS and is_line


def _is_usable(package: Package, vertex: PackageVertex) -> bool:
    """Return whether a vertex may be in a diagram: no colour, ghost or Goldstone boson in it."""
    return all(
        p.colour == _COLOURLESS and 1 <= p.spin <= _LARGEST_SPIN and not p.is_goldstone
        for p in (package.particles[name] for name in vertex.particles)
    )


def _unit_field(particle: PackageParticle) -> Field:
    mass = 0.0 if particle.mass == ZERO else 1.0
    return Field(particle.name, particle.anti, particle.pdg_id, particle.spin, mass, 1.0)


def _blocks(chain: Chain, called: Mapping[str, str]) -> Iterator[list[Leg]]:
    """Yield the legs of the production and of each decay."""

    def out(nodes: Iterable[Node]) -> list[Leg]:
        return [Leg(called[node.particle]) for node in nodes]

    yield [*(Leg(called[n], is_incoming=True) for n in chain.initial), *out(chain.final)]
    for node in chain.decays():
        yield [Leg(called[node.particle], is_incoming=True), *out(node.daughters)]


def _needed(package: Package, ufo: ForeignUfo, formulas: Iterable[str]) -> list[list[str]]:
    """Return the internal parameters behind some formulas, in the order of their use."""
    wanted: set[str] = set()
    waiting = [(formula, name) for formula in formulas for name in names_in(formula)]
    while waiting:
        formula, name = waiting.pop()
        if name in package.internals and name not in wanted:
            wanted.add(name)
            inner = package.internals[name]
            waiting += [(inner, other) for other in names_in(inner)]
        elif name not in {*package.internals, *ufo.parameters, ZERO}:
            raise InputError(
                f"{package.path}: {name} in the formula {formula!r} is not known",
                hint=did_you_mean(name, {*package.internals, *ufo.parameters}),
            )
    return [[name, formula] for name, formula in package.internals.items() if name in wanted]


def numbers(given: Physics, externals: Mapping[str, float]) -> tuple[list[Field], list[Any]]:
    """Return fields and vertices with their numbers; both call particles as mcbook does.

    Parameters
    ----------
    given
        By `physics`.
    externals
        Values of the external parameters of the package, by name.

    Raises
    ------
    InputError
        If a formula has no value, or a mass is none.
    """
    values: dict[str, complex] = {ZERO: 0.0, **externals}
    for name, formula in given["internals"]:
        values[name] = evaluated(formula, values)
    ours = {their: our for our, their in given["called"].items()}
    fields = []
    for name, anti, pdg_id, spin, mass, width in given["particles"]:
        own = [abs(evaluated(entry, values)) for entry in (mass, width)]
        fields.append(Field(ours.get(name, name), ours.get(anti, anti), pdg_id, spin, *own))
    vertices = [
        (name, tuple(ours.get(p, p) for p in particles), structure, evaluated(formula, values))
        for name, particles, structure, formula in given["vertices"]
    ]
    return fields, vertices
