"""What a UFO package of a signal model holds: particles, parameters, vertices as plain records.

A package covers the whole model or the slice that some processes use. Names of parameters are
those of the registry; particles have the names that a MadGraph user types.
"""

import keyword
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mcbook.errors import InputError
from mcbook.registry.derive import Deriver
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Interaction, Parameter, Particle, SignalModel
from mcbook.registry.physics.constants import CONSTANTS

WRITER = 1
"""Version of the physics that packages carry; raised when the same entry means other events."""

STRUCTURES: dict[str, tuple[tuple[int, int, int], str, int]] = {
    "FFV": ((2, 2, 3), "Gamma(3,2,1)", 0),
    "FFVL": ((2, 2, 3), "Gamma(3,2,-1)*ProjM(-1,1)", 0),
    "FFS": ((2, 2, 1), "Identity(2,1)", 0),
    "FFP": ((2, 2, 1), "Gamma5(2,1)", 1),
    "VVS": ((3, 3, 1), "Metric(1,2)", 0),
    "VVSdual": ((3, 3, 1), "Epsilon(1,2,-1,-2)*P(-1,1)*P(-2,2)", 0),
    "SSS": ((1, 1, 1), "1", 0),
}
"""Lorentz structures: spins as 2s+1, the UFO form, and how many factors i go into the coupling.

UFO format: C. Degrande et al., Comput. Phys. Commun. 183, 1201 (2012), arXiv:1108.2040.
"""

_WORDS = {"+": "__plus__", "-": "__minus__", "~": "__tilde__", "*": "__star__"}
_RESERVED = frozenset({"zero", "as", "g", "aewm1", "mu_r", "complexi"})

Kind = Literal["setting", "parameter", "constant", "computed"]


@dataclass(frozen=True, slots=True)
class External:
    """A parameter that a card sets; `source` is its name in the registry."""

    name: str
    block: str
    code: list[int]
    kind: Kind
    source: str
    default: float
    latex: str
    comment: str


@dataclass(frozen=True, slots=True)
class Internal:
    """A parameter that follows from others; `value` is UFO Python, `canonical` the registry's."""

    name: str
    value: str
    canonical: str
    latex: str
    comment: str


@dataclass(frozen=True, slots=True)
class UfoParticle:
    """A particle as the package writes it; `spin` is 2s+1."""

    identifier: str
    anti_identifier: str
    name: str
    antiname: str
    pdg_id: int
    spin: int
    charge: int
    mass: str
    width: str
    latex: str
    anti_latex: str


@dataclass(frozen=True, slots=True)
class UfoVertex:
    """A vertex with its coupling; `value` is UFO Python.

    `canonical` is c as the registry writes it; the vertex has i^`phase` c (structure).
    """

    name: str
    particles: tuple[str, ...]
    lorentz: str
    coupling: str
    value: str
    canonical: str
    phase: int


@dataclass(frozen=True, slots=True)
class UfoLorentz:
    """A Lorentz structure; spins as 2s+1."""

    name: str
    spins: list[int]
    structure: str


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that a package of `model` holds."""

    model: SignalModel
    is_whole: bool
    externals: tuple[External, ...]
    internals: tuple[Internal, ...]
    particles: tuple[UfoParticle, ...]
    vertices: tuple[UfoVertex, ...]
    lorentz: tuple[UfoLorentz, ...]

    def computed(self) -> frozenset[str]:
        """Return the derived quantities whose values a card must set."""
        return frozenset(entry.source for entry in self.externals if entry.kind == "computed")

    def physics(self) -> dict[str, Any]:
        """Return what of the package can change events, as JSON values: no prose, no codes."""
        return {
            "writer": WRITER,
            "externals": sorted(
                [e.name, e.kind, e.source, f"{e.default:.12g}" if e.kind == "constant" else None]
                for e in self.externals
            ),
            "internals": sorted([e.name, e.canonical] for e in self.internals),
            "particles": sorted(
                [p.pdg_id, p.name, p.antiname, p.spin, p.charge, p.mass, p.width]
                for p in self.particles
            ),
            "vertices": sorted(
                [list(v.particles), v.lorentz, v.canonical, v.phase] for v in self.vertices
            ),
            "lorentz": sorted([e.name, e.spins, e.structure] for e in self.lorentz),
        }


def content(
    model: SignalModel,
    interactions: Iterable[str] | None = None,
    particles: Iterable[str] | None = None,
) -> Content:
    """Collect the records of a UFO package.

    Parameters
    ----------
    model
        The registry entry, with the values of its constants.
    interactions
        Names of the vertices; all of the model by default.
    particles
        Particles to hold besides those of the vertices; by default all that the model adds to the
        Standard Model.

    Raises
    ------
    InputError
        If a coupling or a mass cannot be written in UFO.
    """
    vertices = [
        model.interactions[name]
        for name in model.interactions
        if interactions is None or name in set(interactions)
    ]
    names = {name for vertex in vertices for name in vertex.particles}
    if particles is None:
        names |= {name for name, entry in model.particles.items() if not entry.is_standard_model}
    else:
        names |= set(particles)
    held = {model.particles[name].name: model.particles[name] for name in sorted(names)}
    return _Collector(model, vertices, list(held.values())).content(
        is_whole=interactions is None and particles is None
    )


class _Collector:
    def __init__(
        self, model: SignalModel, vertices: list[Interaction], particles: list[Particle]
    ) -> None:
        self.model = model
        self.interactions = vertices
        self.held = sorted(particles, key=lambda entry: entry.pdg_id)
        self.defaults = _Defaults(model)
        self.externals: dict[str, External] = {}
        self.internals: dict[str, Internal] = {}

    def content(self, *, is_whole: bool) -> Content:
        particles = tuple(map(self.particle, self.held))
        self.other_names()
        vertices = tuple(map(self.vertex, self.interactions))
        used = {entry.lorentz for entry in self.interactions}
        self.check_names()
        return Content(
            model=self.model,
            is_whole=is_whole,
            externals=tuple(self.externals.values()),
            internals=tuple(self.internals.values()),
            particles=particles,
            vertices=vertices,
            lorentz=tuple(
                UfoLorentz(name, list(spins), structure)
                for name, (spins, structure, _) in STRUCTURES.items()
                if name in used
            ),
        )

    def particle(self, entry: Particle) -> UfoParticle:
        name = entry.called(entry.name, "madgraph")
        antiname = name if entry.anti is None else entry.called(entry.anti, "madgraph")
        return UfoParticle(
            identifier=identifier(name),
            anti_identifier=identifier(antiname),
            name=name,
            antiname=antiname,
            pdg_id=entry.pdg_id,
            spin=round(2 * entry.spin) + 1,
            charge=entry.charge,
            mass=self.mass(entry),
            width=self.width(entry),
            latex=entry.latex,
            anti_latex=entry.anti_latex,
        )

    def mass(self, entry: Particle) -> str:
        text = entry.mass.text.strip()
        if entry.mass.names == frozenset({text}):
            if text not in self.externals:
                self.add_external(text, "MASS", entry.pdg_id)
            return text
        if not entry.mass.names and float(text) == 0:
            return "ZERO"
        name = f"mass_{identifier(entry.name)}"
        latex = f"m_{{{entry.latex}}}"
        self.internals[name] = Internal(
            name,
            self.python(entry.mass),
            entry.mass.canonical,
            latex,
            f"mass of {entry.name}",
        )
        return name

    def width(self, entry: Particle) -> str:
        if entry.width is None:
            return "ZERO"
        if entry.width not in self.externals:
            self.add_external(entry.width, "DECAY", entry.pdg_id)
        return entry.width

    def other_names(self) -> None:
        """Enter what masses and couplings name besides the masses, in the order of the model."""
        expressions = [entry.mass for entry in self.held]
        expressions += [entry.coupling for entry in self.interactions]
        wanted = {name for entry in expressions for name in entry.names} - set(self.externals)
        if "sqrt_s" in wanted:
            raise InputError(
                f"{self.model.path}: a coupling or a mass uses sqrt_s, which UFO does not know",
                hint="couplings may use parameters, constants, alpha and derived quantities",
            )
        if "alpha" in wanted:
            self.alpha()
        groups = (
            ("MCBOOK", self.model.parameters),
            ("MCBOOKCONSTANTS", {**self.model.constants, **CONSTANTS}),
            ("MCBOOKCOMPUTED", self.model.derived),
        )
        for block, known in groups:
            listed = [name for name in known if name in wanted and name != "pi"]
            for number, name in enumerate(listed, start=1):
                self.add_external(name, block, number)

    def alpha(self) -> None:
        comment = "setting: inverse of the fine-structure constant"
        self.externals["aEWM1"] = External(
            "aEWM1", "SMINPUTS", [1], "setting", "alpha", 137.035999, r"\alpha^{-1}", comment
        )
        self.internals["alpha"] = Internal(
            "alpha", "1/aEWM1", "alpha", r"\alpha", "fine-structure constant"
        )

    def add_external(self, name: str, block: str, code: int) -> None:
        model = self.model
        latex = name.replace("_", r"\_")
        kind: Kind
        if name in model.parameters:
            parameter = model.parameters[name]
            kind, latex = "parameter", parameter.latex
            comment = f"parameter [{parameter.unit}]: {parameter.description}"
        elif name in model.constants:
            kind = "constant"
            comment = f"constant of the model: {model.constants[name].description}"
        elif name in CONSTANTS:
            kind = "constant"
            comment = f"constant [{CONSTANTS[name].unit}]: {CONSTANTS[name].source}"
        else:
            kind, comment = "computed", f"computed by mcbook [{model.derived[name].unit}]"
        self.externals[name] = External(
            name, block, [code], kind, name, self.defaults.value(name), latex, comment
        )

    def vertex(self, entry: Interaction) -> UfoVertex:
        particles = tuple(
            identifier(self.model.particles[name].called(name, "madgraph"))
            for name in entry.particles
        )
        phase = phase_of(entry)
        factor = {1: "complex(0,1)*", 2: "-", 3: "-complex(0,1)*"}[phase]
        return UfoVertex(
            name=f"V_{entry.name}",
            particles=particles,
            lorentz=entry.lorentz,
            coupling=f"GC_{entry.name}",
            value=f"{factor}({self.python(entry.coupling)})",
            canonical=entry.coupling.canonical,
            phase=phase,
        )

    def python(self, expression: Expression) -> str:
        """Return an expression as UFO Python."""
        names = {name: name for name in expression.names} | {"pi": "cmath.pi"}
        return expression.to_python(names)

    def check_names(self) -> None:
        """Refuse names that differ by case only, which generators ignore, or that Python takes."""
        seen: dict[str, str] = {}
        for name in [*self.externals, *self.internals]:
            other = seen.setdefault(name.lower(), name)
            reserved = name.lower() in _RESERVED and name != "aEWM1"
            if other != name or reserved or keyword.iskeyword(name):
                raise InputError(
                    f"{self.model.path}: {name!r} cannot name a UFO parameter"
                    + (f" beside {other!r}" if other != name else ""),
                    hint="names must differ by more than case and be no words of Python or UFO",
                )


class _Defaults:
    """Values that stand in a package until a card sets them.

    A parameter has its default; an optional one its reference value, else the (geometric) middle of
    its range of interest. Computed quantities follow from those.
    """

    def __init__(self, model: SignalModel) -> None:
        self.model = model
        self.deriver = Deriver(model)
        self.parameters = {name: _default(entry) for name, entry in model.parameters.items()}

    def value(self, name: str) -> float:
        if name in self.parameters:
            return self.parameters[name]
        if name in self.deriver.fixed:
            return self.deriver.fixed[name]
        columns: Mapping[str, Any] = {k: np.array([v]) for k, v in self.parameters.items()}
        value = float(self.deriver.compute(columns, [name])[name][0])
        return value if math.isfinite(value) else 0.0


def _default(parameter: Parameter) -> float:
    if parameter.default is not None:
        return parameter.default
    if parameter.reference is not None:
        return parameter.reference
    if parameter.interest is None:
        return 1.0
    low, high = parameter.interest
    return math.sqrt(low * high) if low > 0 else (low + high) / 2


def phase_of(entry: Interaction) -> int:
    """Return the power of i before the coupling and the structure of a vertex."""
    return 1 + STRUCTURES[entry.lorentz][2] + int(entry.is_imaginary)


def identifier(name: str) -> str:
    """Return the Python name of a particle: ``mu__minus__`` for ``mu-``."""
    text = "".join(_WORDS.get(letter, letter) for letter in name)
    return re.sub(r"\W", "_", text)
