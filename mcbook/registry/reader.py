"""Turns the YAML of a signal model into records, key by key.

What is wrong is said with the file and the line; names that must agree with each other are checked
afterwards, in `mcbook.registry.checks`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.registry import checks, yamlfile
from mcbook.registry.bounds import complaint
from mcbook.registry.chain import parse_chain
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.model import (
    SHAPE,
    UNUSED,
    Channel,
    Derived,
    Interaction,
    ModelConstant,
    Parameter,
    Particle,
    Process,
    Role,
    SignalModel,
    Warn,
    WidthModel,
)

NARROW = 0.01
"""Largest width/mass at which points with different couplings share a sample."""

_MODEL_KEYS = (
    "schema", "name", "title", "description", "references", "constants", "parameters", "together",
    "particles", "interactions", "derived", "width_models", "constraints", "warnings",
    "default_process", "processes",
)  # fmt: skip
_PARAMETER_KEYS = (
    "latex", "unit", "description", "default", "introduced", "optional", "reference", "minimum",
    "above", "maximum", "below", "interest",
)  # fmt: skip
_BOUNDS = ("minimum", "above", "maximum", "below")
_CONSTANT_KEYS = ("value", "description", *_BOUNDS)
_PARTICLE_KEYS = (
    "anti", "pdg_id", "spin", "charge", "mass", "width", "ctau", "latex", "anti_latex", "names",
    "anti_names",
)  # fmt: skip
_INTERACTION_KEYS = ("particles", "lorentz", "coupling", "phase")
_DERIVED_KEYS = ("formula", "arguments", "expression", "unit", "source", "description", "known")
_PROCESS_KEYS = (
    "title", "generator", "chain", "channels", "fraction", "interactions", "roles", "requires",
    "constraints", "production", "signal_fraction", "cuts", "taus", "width_limit",
)  # fmt: skip
_TAUS_KEYS = ("decayer", "spin_correlations")
_ROLES: Mapping[str, Role] = {
    "shape": SHAPE,
    "unused": UNUSED,
    "rate": frozenset({"rate"}),
    "lifetime": frozenset({"lifetime"}),
}
_SPINS: Mapping[Any, float] = {0: 0.0, "1/2": 0.5, 0.5: 0.5, 1: 1.0}


class Reader:
    """One YAML file on its way to a `SignalModel`."""

    def __init__(self, path: Path) -> None:
        self.document = yamlfile.read(path)
        self.path = path

    def fail(self, keys: tuple[str | int, ...], what: str, hint: str | None = None) -> InputError:
        """Return an error that names the place."""
        return InputError(f"{self.document.where(keys)}: {what}", hint=hint)

    def section(
        self, keys: tuple[str | int, ...], allowed: tuple[str, ...] | None = None
    ) -> dict[str, Any]:
        """Return a mapping of the file; an absent one is empty."""
        value: Any = self.document.data
        for key in keys:
            value = value.get(key, {}) if isinstance(value, dict) else value[key]
        if not isinstance(value, dict):
            raise self.fail(keys, "a mapping is wanted here")
        if allowed is not None:
            self.document.check_keys(keys, allowed)
        return value

    def expression(self, keys: tuple[str | int, ...], value: Any) -> Expression:
        """Parse an expression, and say where it stands when it is not one."""
        try:
            return parse(str(value))
        except InputError as error:
            raise self.fail(keys, error.message, error.hint) from None

    def model(self, shared: "StandardModel") -> SignalModel:
        """Return the whole model, its names not yet checked against each other."""
        self.document.check_schema(1)
        top = self.section((), _MODEL_KEYS)
        for key in ("name", "title", "parameters", "particles", "derived", "processes"):
            if key not in top:
                raise self.fail((), f"the key {key!r} is missing")
        if top["name"] != self.path.stem:
            raise self.fail(("name",), f"the file is called {self.path.stem!r}")
        processes = dict(self.processes())
        return SignalModel(
            name=top["name"],
            title=top["title"],
            description=top.get("description", ""),
            references=tuple(top.get("references", ())),
            path=str(self.path),
            parameters=MappingProxyType(dict(self.parameters())),
            together=tuple(map(tuple, top.get("together", ()))),
            constants=MappingProxyType(dict(self.constants())),
            particles=MappingProxyType(shared.with_own(dict(self.particles()))),
            interactions=MappingProxyType(shared.interactions | dict(self.interactions())),
            derived=MappingProxyType(dict(self.derived())),
            width_models=tuple(self.width_models()),
            constraints=self.expressions(("constraints",), top.get("constraints", ())),
            warnings=tuple(self.warnings(top.get("warnings", ()))),
            processes=MappingProxyType(processes),
            default_process=top.get("default_process", next(iter(processes), "")),
        )

    def expressions(self, keys: tuple[str | int, ...], texts: Any) -> tuple[Expression, ...]:
        """Parse a list of expressions."""
        if not isinstance(texts, list | tuple):
            raise self.fail(keys, "a list of expressions is wanted here")
        return tuple(self.expression((*keys, i), text) for i, text in enumerate(texts))

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the free parameters by name."""
        for name in self.section(("parameters",)):
            keys = ("parameters", name)
            entry = self.section(keys, _PARAMETER_KEYS)
            if "default" not in entry and not entry.get("optional", False):
                raise self.fail(keys, "a default is wanted, or 'optional: true'")
            default = self.number(keys, entry, "default")
            interest = entry.get("interest")
            yield (
                name,
                Parameter(
                    name=name,
                    latex=entry.get("latex", name),
                    unit=entry.get("unit", "1"),
                    description=entry.get("description", ""),
                    default=default,
                    introduced=self.number(keys, entry, "introduced", default),
                    reference=self.number(keys, entry, "reference", default),
                    minimum=self.number(keys, entry, "minimum"),
                    above=self.number(keys, entry, "above"),
                    maximum=self.number(keys, entry, "maximum"),
                    below=self.number(keys, entry, "below"),
                    interest=(float(interest[0]), float(interest[1])) if interest else None,
                ),
            )

    def number(
        self,
        keys: tuple[str | int, ...],
        entry: Mapping[str, Any],
        name: str,
        absent: float | None = None,
    ) -> float | None:
        """Return a number of an entry; None where it is absent."""
        value = entry.get(name, absent)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail((*keys, name), f"a number is wanted, not {value!r}")
        return float(value)

    def constants(self) -> Iterator[tuple[str, ModelConstant]]:
        """Yield the constants of the model by name."""
        for name in self.section(("constants",)):
            keys = ("constants", name)
            entry = self.section(keys, _CONSTANT_KEYS)
            value = self.number(keys, entry, "value")
            if value is None:
                raise self.fail(keys, "a value is wanted")
            bounds = {bound: self.number(keys, entry, bound) for bound in _BOUNDS}
            constant = ModelConstant(name, value, entry.get("description", ""), **bounds)
            wanted = complaint(constant, value)
            if wanted is not None:
                raise self.fail((*keys, "value"), f"{value:.9g} is out of bounds, {wanted}")
            yield name, constant

    def particles(self, *, is_standard_model: bool = False) -> Iterator[tuple[str, Particle]]:
        """Yield particles by every name, those of antiparticles included."""
        for name in self.section(("particles",)):
            keys = ("particles", name)
            entry = self.section(keys, _PARTICLE_KEYS)
            if entry.get("spin") not in _SPINS:
                raise self.fail((*keys, "spin"), "the spin is 0, 1/2 or 1")
            for key in ("pdg_id", "charge"):
                if not isinstance(entry.get(key), int):
                    raise self.fail(keys, f"{key!r} is wanted, as a whole number")
            particle = Particle(
                name=name,
                anti=entry.get("anti"),
                pdg_id=entry["pdg_id"],
                spin=_SPINS[entry["spin"]],
                charge=entry["charge"],
                mass=self.expression((*keys, "mass"), entry.get("mass", 0)),
                width=entry.get("width"),
                ctau=entry.get("ctau"),
                latex=entry.get("latex", name),
                anti_latex=entry.get("anti_latex", entry.get("latex", name)),
                names=MappingProxyType(entry.get("names", {})),
                anti_names=MappingProxyType(entry.get("anti_names", {})),
                is_standard_model=is_standard_model,
            )
            yield name, particle
            if particle.anti is not None:
                yield particle.anti, particle

    def interactions(self, *, is_standard_model: bool = False) -> Iterator[tuple[str, Interaction]]:
        """Yield interactions by name."""
        for name in self.section(("interactions",)):
            keys = ("interactions", name)
            entry = self.section(keys, _INTERACTION_KEYS)
            if "coupling" not in entry or "particles" not in entry:
                raise self.fail(keys, "'particles', 'lorentz' and 'coupling' are wanted")
            yield (
                name,
                Interaction(
                    name=name,
                    particles=tuple(entry["particles"]),
                    lorentz=str(entry.get("lorentz")),
                    coupling=self.expression((*keys, "coupling"), entry["coupling"]),
                    is_imaginary=entry.get("phase", "real") == "imaginary",
                    is_standard_model=is_standard_model,
                ),
            )

    def derived(self) -> Iterator[tuple[str, Derived]]:
        """Yield derived quantities by name."""
        for name in self.section(("derived",)):
            keys = ("derived", name)
            entry = self.section(keys, _DERIVED_KEYS)
            if ("formula" in entry) == ("expression" in entry):
                raise self.fail(keys, "either a formula or an expression is wanted")
            known = None
            if "known" in entry:
                known = self.expression((*keys, "known"), entry["known"])
            if "expression" in entry:
                if "unit" not in entry or "source" not in entry:
                    raise self.fail(keys, "an expression needs its unit and its source")
                yield (
                    name,
                    Derived(
                        name,
                        entry["unit"],
                        entry.get("description", ""),
                        entry["source"],
                        None,
                        MappingProxyType({}),
                        self.expression((*keys, "expression"), entry["expression"]),
                        known,
                    ),
                )
                continue
            formula = checks.find_formula(str(entry["formula"]), self.document.where(keys))
            arguments = {
                argument: self.expression((*keys, "arguments", argument), text)
                for argument, text in self.section((*keys, "arguments")).items()
            }
            yield (
                name,
                Derived(
                    name,
                    formula.unit,
                    entry.get("description", ""),
                    formula.source,
                    formula.reference,
                    MappingProxyType(arguments),
                    None,
                    known,
                ),
            )

    def width_models(self) -> Iterator[WidthModel]:
        """Yield which approximation each width uses where."""
        for name in self.section(("width_models",)):
            keys = ("width_models", name)
            entry = self.section(keys, ("labels", "argument"))
            yield WidthModel(
                name,
                str(entry.get("labels")),
                self.expression((*keys, "argument"), entry.get("argument", "")),
            )

    def warnings(self, entries: Any) -> Iterator[Warn]:
        """Yield the warnings."""
        for i, entry in enumerate(entries):
            self.document.check_keys(("warnings", i), ("when", "text"))
            yield Warn(self.expression(("warnings", i, "when"), entry["when"]), entry["text"])

    def processes(self) -> Iterator[tuple[str, Process]]:
        """Yield processes by name, with all their channels."""
        for name in self.section(("processes",)):
            keys = ("processes", name)
            entry = self.section(keys, _PROCESS_KEYS)
            for key in ("title", "generator", "roles", "production"):
                if key not in entry:
                    raise self.fail(keys, f"the key {key!r} is missing")
            if not isinstance(entry["production"], str):
                raise self.fail((*keys, "production"), "the name of a derived quantity is wanted")
            channels = tuple(self.channels(keys, entry))
            signal = entry.get("signal_fraction")
            yield (
                name,
                Process(
                    name=name,
                    title=entry["title"],
                    generator=entry["generator"],
                    channels=channels,
                    interactions=tuple(entry.get("interactions", ())),
                    roles=MappingProxyType(dict(self.roles(keys))),
                    requires=tuple(entry.get("requires", ())),
                    constraints=self.expressions(
                        (*keys, "constraints"), entry.get("constraints", ())
                    ),
                    production=entry["production"],
                    signal_fraction=signal and self.expression((*keys, "signal_fraction"), signal),
                    cuts=MappingProxyType(
                        {
                            cut: self.expression((*keys, "cuts", cut), text)
                            for cut, text in self.section((*keys, "cuts")).items()
                        }
                    ),
                    taus=MappingProxyType(self.section((*keys, "taus"), _TAUS_KEYS))
                    if "taus" in entry
                    else None,
                    width_limit=self.number(keys, entry, "width_limit", NARROW) or NARROW,
                    channel_names=tuple(channel.name for channel in channels if channel.name),
                ),
            )

    def channels(self, keys: tuple[str | int, ...], entry: Mapping[str, Any]) -> Iterator[Channel]:
        """Yield the channels of a process; a process without any has one without a name."""
        if ("chain" in entry) == ("channels" in entry):
            raise self.fail(keys, "either a chain or channels are wanted")
        if "chain" in entry:
            yield self.channel("", keys, entry)
            return
        for name in self.section((*keys, "channels")):
            inner = (*keys, "channels", name)
            yield self.channel(str(name), inner, self.section(inner, ("chain", "fraction")))

    def channel(self, name: str, keys: tuple[str | int, ...], entry: Mapping[str, Any]) -> Channel:
        """Return one channel."""
        texts = entry.get("chain", [])
        try:
            chains = tuple(map(parse_chain, [texts] if isinstance(texts, str) else texts))
        except InputError as error:
            raise self.fail((*keys, "chain"), error.message, error.hint) from None
        fraction = entry.get("fraction")
        return Channel(
            name,
            chains,
            None if fraction is None else self.expression((*keys, "fraction"), fraction),
        )

    def roles(self, keys: tuple[str | int, ...]) -> Iterator[tuple[str, Role]]:
        """Yield the role of every parameter that a process names."""
        for name, words in self.section((*keys, "roles")).items():
            listed = [words] if isinstance(words, str) else words
            for word in listed:
                if word not in _ROLES:
                    raise self.fail((*keys, "roles", name), f"{word!r} is no role",
                                    did_you_mean(str(word), _ROLES))  # fmt: skip
            role = frozenset[str]().union(*(_ROLES[word] for word in listed))
            if "shape" in role and len(role) > 1:
                raise self.fail((*keys, "roles", name), "a shape parameter has no other role")
            yield name, role


class StandardModel:
    """Particles and interactions that every signal model can use."""

    def __init__(self, path: Path) -> None:
        reader = Reader(path)
        reader.section((), ("schema", "particles", "interactions"))
        self.particles = dict(reader.particles(is_standard_model=True))
        self.interactions = dict(reader.interactions(is_standard_model=True))

    def with_own(self, own: Mapping[str, Particle]) -> dict[str, Particle]:
        """Return all particles; one of the same name and PDG id stays one of the Standard Model."""
        found = dict(self.particles)
        for name, particle in own.items():
            there = self.particles.get(name)
            is_the_same = there is not None and there.pdg_id == particle.pdg_id
            found[name] = replace(particle, is_standard_model=True) if is_the_same else particle
        return found
