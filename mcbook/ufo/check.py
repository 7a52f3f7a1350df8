"""Checks a written UFO package against the registry, without a generator.

The package is imported and its numbers are worked out as a generator does it. Couplings come to it
as text; here they meet the registry's own evaluation of the same expressions.
"""

import cmath
import importlib.util
import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcbook.errors import WorkError
from mcbook.registry.derive import Deriver
from mcbook.ufo.content import Content

_TOLERANCE = 1e-12
_COUNTER = itertools.count()


@dataclass(frozen=True, slots=True)
class UfoNumbers:
    """A package at one point.

    Attributes
    ----------
    parameters
        All parameters by name.
    couplings
        Couplings by the name of the vertex that has them.
    vertices
        Particle names, Lorentz structure in UFO form, and coupling of each vertex, by its name.
    masses, charges
        By particle name, antiparticles included; masses in GeV.
    """

    parameters: Mapping[str, complex]
    couplings: Mapping[str, complex]
    vertices: Mapping[str, tuple[tuple[str, ...], str, complex]]
    masses: Mapping[str, float]
    charges: Mapping[str, float]


def evaluate(folder: Path, values: Mapping[str, float] | None = None) -> UfoNumbers:
    """Import a UFO package and work out its numbers.

    This runs the Python code of the package: meant for packages that mcbook wrote.

    Parameters
    ----------
    folder
        The package; it must use relative imports, as mcbook's do.
    values
        External parameters by name; the others keep their defaults.
    """
    with _imported(folder) as package:
        names: dict[str, Any] = {"cmath": cmath, "complex": complex}
        parameters: dict[str, complex] = {}
        for entry in package.all_parameters:
            value = entry.value
            if entry.nature == "external":
                value = (values or {}).get(entry.name, value)
            else:
                value = eval(value, names)  # noqa: S307 - the package itself is Python
            names[entry.name] = parameters[entry.name] = value
        vertices = {
            entry.name: (
                tuple(particle.name for particle in entry.particles),
                entry.lorentz[0].structure,
                complex(eval(entry.couplings[0, 0].value, names)),  # noqa: S307
            )
            for entry in package.all_vertices
        }
        return UfoNumbers(
            parameters=parameters,
            couplings={name: coupling for name, (_, _, coupling) in vertices.items()},
            vertices=vertices,
            masses={
                entry.name: complex(parameters[entry.mass.name]).real
                for entry in package.all_particles
            },
            charges={entry.name: entry.charge for entry in package.all_particles},
        )


def check_package(folder: Path, collected: Content) -> int:
    """Compare a written package with the registry, at a point where no coupling vanishes.

    Returns
    -------
    int
        How many couplings and masses agree.

    Raises
    ------
    WorkError
        If a coupling, a mass or the charges of a vertex are not those of the registry.
    """
    moved = {
        entry.name: 1.1 * entry.default + 0.01
        for entry in collected.externals
        if entry.kind in ("parameter", "computed")
    }
    found = evaluate(folder, moved)
    model = collected.model
    columns = {
        name: np.array([found.parameters[name]], dtype=np.float64)
        for name in model.parameters
        if name in found.parameters
    }
    known = {
        name: np.array([found.parameters[name]], dtype=np.float64)
        for name in model.derived
        if name in found.parameters
    }
    deriver = Deriver(model)
    for vertex in collected.vertices:
        interaction = model.interactions[vertex.name.removeprefix("V_")]
        (value,) = deriver.evaluate([interaction.coupling], columns, known)
        wanted = 1j**vertex.phase * float(value[0])
        _compare(folder, f"coupling of {interaction.name}", found.couplings[vertex.name], wanted)
        names, _, _ = found.vertices[vertex.name]
        if sum(found.charges[name] for name in names) != 0:
            raise WorkError(f"{folder}: the vertex {vertex.name} does not conserve charge")
    for particle in collected.particles:
        entry = next(p for p in model.particles.values() if p.pdg_id == particle.pdg_id)
        (value,) = deriver.evaluate([entry.mass], columns, known)
        _compare(folder, f"mass of {entry.name}", found.masses[particle.name], float(value[0]))
    return len(collected.vertices) + len(collected.particles)


def _compare(folder: Path, what: str, found: complex, wanted: complex) -> None:
    if not abs(found - wanted) <= _TOLERANCE * abs(wanted):
        raise WorkError(
            f"{folder}: the {what} is {found}, the registry says {wanted}",
            hint="a template in templates/ufo may be wrong",
        )


@contextmanager
def _imported(folder: Path) -> Iterator[Any]:
    """Import a package under a name of its own, and forget it afterwards."""
    name = f"_mcbook_ufo_{next(_COUNTER)}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise WorkError(f"{folder} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.dont_write_bytecode = writes
        for entry in [key for key in sys.modules if key.partition(".")[0] == name]:
            del sys.modules[entry]
