"""Which external parameters of a UFO package cards set, and where each value comes from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcbook.cards.engine import number
from mcbook.errors import InputError, did_you_mean
from mcbook.generators._collision import slice_content
from mcbook.generators.base import SampleInput, Settings
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.numbers import round9
from mcbook.registry.physics.constants import CONSTANTS
from mcbook.ufo.content import Content
from mcbook.ufo.foreign import ForeignUfo

INVERSE_ALPHA = "aEWM1"
"""Name that UFO packages give the inverse fine-structure constant."""


@dataclass(frozen=True, slots=True)
class CardParameter:
    """One ``set param_card`` line; a fixed one has the same `value` in all samples."""

    head: str
    kind: Literal["parameter", "computed", "fixed"]
    source: str
    comment: str
    value: float = 0.0


class CardParameters:
    """The parameter lines of one campaign."""

    def __init__(self, parameters: Iterable[CardParameter]) -> None:
        self.listed = tuple(parameters)
        self._lines = [_line(entry, entry.value) for entry in self.listed]
        self._moving = [(i, e) for i, e in enumerate(self.listed) if e.kind != "fixed"]

    def lines(self, sample: SampleInput) -> list[str]:
        """Return what stands behind ``set param_card`` in each line of one sample."""
        lines = self._lines.copy()
        for i, entry in self._moving:
            values = sample.parameters if entry.kind == "parameter" else sample.derived
            lines[i] = _line(entry, values[entry.source])
        return lines

    def values(self, sample: SampleInput) -> dict[str, float]:
        """Return the values of one sample by the name in the package, in lower case."""
        found = {}
        for entry in self.listed:
            values = sample.parameters if entry.kind == "parameter" else sample.derived
            value = entry.value if entry.kind == "fixed" else values[entry.source]
            found[entry.comment.split()[0].lower()] = value
        return found

    def sources(self, kind: Literal["parameter", "computed"]) -> tuple[str, ...]:
        """Return the parameters or the derived quantities of the model among them."""
        return tuple(entry.source for entry in self.listed if entry.kind == kind)


def _line(entry: CardParameter, value: float) -> str:
    return f"{entry.head} {number(value)} # {entry.comment}"


def card_parameters(model: SignalModel, process: Process, settings: Settings) -> CardParameters:
    """Return the parameters of a process, for mcbook's own package or for a user's."""
    if "names" in settings:
        return CardParameters(_foreign(model, settings))
    return CardParameters(_own(slice_content(model, process), settings["alpha"]))


def _own(content: Content, alpha: float) -> Iterator[CardParameter]:
    for entry in content.externals:
        head = f"{entry.block} {' '.join(map(str, entry.code))}"
        if entry.kind == "setting":
            yield CardParameter(head, "fixed", entry.source, entry.name, 1 / alpha)
        elif entry.kind == "constant":
            yield CardParameter(head, "fixed", entry.source, entry.name, entry.default)
        else:
            yield CardParameter(head, entry.kind, entry.source, entry.name)


def _foreign(model: SignalModel, settings: Settings) -> Iterator[CardParameter]:
    ours = {their: our for our, their in settings["names"]["parameters"].items()}
    constants = {name: entry.value for name, entry in CONSTANTS.items()}
    constants |= {name: entry.value for name, entry in model.constants.items()}
    for name, block, code, default in settings["ufo"]["externals"]:
        head = f"{block} {' '.join(map(str, code))}"
        source = ours.get(name)
        if name == INVERSE_ALPHA:
            yield CardParameter(head, "fixed", name, f"{name} = 1/alpha", 1 / settings["alpha"])
        elif source is None:
            value = settings["names"]["fixed"].get(name, default)
            yield CardParameter(head, "fixed", name, name, value)
        elif source in constants:
            comment = f"{name} = {source}"
            yield CardParameter(head, "fixed", source, comment, constants[source])
        elif source in model.parameters:
            yield CardParameter(head, "parameter", source, f"{name} = {source}")
        else:
            yield CardParameter(head, "computed", source, f"{name} = {source}")


def foreign_settings(
    model: SignalModel, process: Process, ufo: ForeignUfo, names: Mapping[str, Any]
) -> dict[str, Any]:
    """Check ``generator.names`` against a user's package and return it complete.

    Its entries say what the package calls a particle or a quantity of ours, or give a number to a
    parameter of the package that nothing of ours sets; they may stand in the sections
    ``particles``, ``parameters`` and ``fixed``.

    Raises
    ------
    InputError
        If a name is not one of the model or of the package, or one that is needed has none.
    """
    sections = _sections(model, names)
    for need, _ in _needs(model, process):  # what is called the same needs no translation
        if need in ufo.parameters and need not in sections["parameters"].values():
            sections["parameters"].setdefault(need, need)
    _check_parameters(model, process, ufo, sections["parameters"])
    _check_particles(model, process, ufo, sections["particles"])
    return {**sections, "fixed": _fixed(ufo, sections["fixed"])}


def _sections(model: SignalModel, names: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {"particles": {}, "parameters": {}, "fixed": {}}
    for key, value in names.items():
        if key in sections:
            if not isinstance(value, Mapping):
                raise InputError(f"generator.names.{key} is {value!r}", hint="a mapping is wanted")
            sections[key] |= value
        elif not isinstance(value, str):
            sections["fixed"][key] = value
        else:
            sections["particles" if key in model.particles else "parameters"][key] = value
    return sections


def _check_parameters(
    model: SignalModel, process: Process, ufo: ForeignUfo, names: Mapping[str, str]
) -> None:
    known = {*model.parameters, *model.derived, *model.constants, *CONSTANTS}
    for our, their in names.items():
        if our not in known:
            raise InputError(
                f"generator.names: the model {model.name} has no quantity {our!r}",
                hint=did_you_mean(our, known),
            )
        _check_external(ufo, their)
    if len(set(names.values())) < len(names):
        raise InputError(
            "generator.names gives two quantities the same name",
            hint="a parameter of the UFO package has one value",
        )
    for need, why in _needs(model, process):
        if need not in names:
            raise InputError(
                f"generator.names does not say what {ufo.path} calls {need} ({why})",
                hint="it has " + ", ".join(sorted(ufo.parameters)),
            )


def _needs(model: SignalModel, process: Process) -> Iterator[tuple[str, str]]:
    for name, role in process.roles.items():
        if "shape" in role:
            yield name, "it shapes the events"
    for name in process.requires:
        yield name, "the process needs it"
    for chain in process.chains():
        for node in chain.decays():
            width = model.particles[node.particle].width
            if width is not None:
                yield width, f"width of {node.particle}, which decays"


def _check_external(ufo: ForeignUfo, name: Any) -> None:
    if name not in ufo.parameters:
        raise InputError(
            f"generator.names: {ufo.path} has no external parameter {name!r}",
            hint=did_you_mean(str(name), ufo.parameters),
        )
    if name == INVERSE_ALPHA:
        raise InputError(
            f"generator.names: {INVERSE_ALPHA} follows from generator.alpha",
            hint="set generator.alpha",
        )


def _check_particles(
    model: SignalModel, process: Process, ufo: ForeignUfo, names: Mapping[str, str]
) -> None:
    for our in names:
        if our not in model.particles:
            raise InputError(
                f"generator.names: the model {model.name} has no particle {our!r}",
                hint=did_you_mean(our, model.particles),
            )
    known = {name.lower() for name in ufo.particles}
    for our in sorted(process.particle_names()):
        their = str(names.get(our, model.particles[our].called(our, "madgraph")))
        if their.lower() not in known:
            raise InputError(
                f"{ufo.path} has no particle {their!r}, which is to stand for {our}",
                hint=did_you_mean(their, ufo.particles),
            )


def _fixed(ufo: ForeignUfo, fixed: Mapping[str, Any]) -> dict[str, float]:
    values = {}
    for name, value in fixed.items():
        _check_external(ufo, name)
        try:
            values[name] = round9(float(value))
        except (TypeError, ValueError):
            raise InputError(
                f"generator.names: {name} is {value!r}", hint="a number is wanted"
            ) from None
    return values
