"""Reads an analysis file: strictly, and against its signal model."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from mcbook.analysis.channelfile import read_channels
from mcbook.analysis.ratefile import read_rate
from mcbook.analysis.records import (
    CHARGED_FRACTION,
    Analysis,
    Channel,
    IsrMode,
    Normalisation,
    Samples,
    Veto,
)
from mcbook.analysis.steps import with_steps
from mcbook.analysis.still import check_still
from mcbook.analysis.systematicfile import read_systematics
from mcbook.errors import InputError, did_you_mean
from mcbook.grid import grid_in
from mcbook.limits.result import METHODS, Method
from mcbook.registry import yamlfile
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.entries import Entries
from mcbook.registry.expressions import Expression
from mcbook.registry.loader import load_model, with_constants
from mcbook.registry.model import SignalModel
from mcbook.registry.yamlfile import Document, Keys

SCHEMA = 1
GRID_KEYS = ("scan", "zip", "points", "design", "fixed", "derived", "require")
KEYS = (
    "schema", "name", "title", "citation", "model", "set", "cl", "method", "luminosity", "n_bb",
    "alpha", "sqrt_s", "isr", "samples", "cross_section", "branching", "channels", "rate",
    "systematics", "vetoes", *GRID_KEYS,
)  # fmt: skip
ISR = ("none", "leading-log")
NEEDED = ("name", "model", "channels", "rate")
_SAMPLE_KEYS = ("alpha", "isr", "sqrt_s", "signal_b")


def read_analysis(path: str | Path, *, models_dir: str | Path | None = None) -> Analysis:
    """Read an analysis file.

    The files that it names are not opened here, but for a table of resolutions that the steps of
    the scan follow, and those with observed counts only by ``run(unblinded=True)``.

    Parameters
    ----------
    path
        The YAML file.
    models_dir
        A folder with signal models that is looked into first.

    Raises
    ------
    InputError
        If the file is not right: with its line.
    """
    document = yamlfile.read(path)
    document.check_schema(SCHEMA, required=False)
    document.check_keys((), KEYS)
    for key in NEEDED:
        if key not in document.data:
            raise document.error((), f"the key {key!r} is missing")

    def read(document: Document) -> Analysis:
        return _Reader(document, Path(path).parent, models_dir).analysis()

    return read(with_steps(document, read))


class _Reader:
    def __init__(self, document: Document, folder: Path, models_dir: str | Path | None) -> None:
        self.document = document
        self.data: dict[str, Any] = document.data
        self.folder = folder
        self.grid = grid_in(document, folder)
        first = Entries(document, folder, ())
        model = self.model(first, models_dir)
        alpha, sqrt_s = (
            first.setting((key,), self.data.get(key, default))
            for key, default in (("alpha", ALPHA), ("sqrt_s", SQRT_S))
        )
        self.deriver = Deriver(model, alpha=alpha, sqrt_s=sqrt_s)
        self.entries = Entries(
            document, folder, {*self.deriver.fixed, *model.parameters, *model.derived}
        )

    def model(self, entries: Entries, models_dir: str | Path | None) -> SignalModel:
        name = entries.word(("model",), self.data["model"])
        try:
            model = load_model(name, models_dir)
        except InputError as error:
            if "there is no signal model" not in error.message:
                raise
            raise entries.fail(("model",), error.message, error.hint) from None
        try:
            return with_constants(model, self.grid.constants)
        except InputError as error:
            raise entries.fail(("set",), error.message, error.hint) from None

    def analysis(self) -> Analysis:
        entries, data = self.entries, self.data
        model = self.deriver.model
        channels = read_channels(
            entries, model, lambda name: name in model.parameters or name in model.derived
        )
        cross_section = entries.choice(
            ("cross_section",), data.get("cross_section", "born"), ("born", "generator")
        )
        analysis = Analysis(
            document=self.document,
            folder=self.folder,
            name=entries.word(("name",), data["name"]),
            title=self.prose("title"),
            citation=self.prose("citation"),
            model=model,
            deriver=self.deriver,
            isr=cast("IsrMode", entries.choice(("isr",), data.get("isr", "none"), ISR)),
            samples=self.samples(channels),
            cross_section=cast("Literal['born', 'generator']", cross_section),
            normalisation=self.normalisation(channels),
            channels=channels,
            grid=self.grid,
            free=self.free(),
            rate=read_rate(entries, self.deriver, self.grid, channels),
            systematics=read_systematics(entries, tuple(channel.name for channel in channels)),
            vetoes=self.vetoes(),
            overrides=self.overrides(channels),
            cl=entries.number(("cl",), data["cl"], above=0, below=1) if "cl" in data else None,
            method=cast("Method", entries.choice(("method",), data.get("method", "auto"), METHODS)),
        )
        _check_agreement(entries, analysis)
        check_still(analysis)
        return analysis

    def prose(self, key: str) -> str:
        return self.entries.text((key,), self.data[key]) if key in self.data else ""

    def free(self) -> tuple[str, ...]:
        """Return the lifetimes that the grid sets, in place of what the model says."""
        model = self.deriver.model
        lifetimes = {p.ctau for p in model.particles.values() if p.ctau is not None}
        found = []
        for name, where in self.grid.places.items():
            if name in model.parameters:
                continue
            if name not in lifetimes:
                known = {*model.parameters, *lifetimes}
                raise InputError(
                    f"{where}: {name} is neither a parameter of {model.name} nor a lifetime",
                    hint=did_you_mean(name, known),
                )
            found.append(name)
        return tuple(found)

    def normalisation(self, channels: tuple[Channel, ...]) -> Normalisation:
        entries = self.entries
        kinds = {"n_bb" if c.process.generator == "evtgen" else "luminosity" for c in channels}
        if len(kinds) > 1:
            raise entries.fail(("channels",), "decays of B mesons do not mix with other processes")
        kind = kinds.pop()
        other = "luminosity" if kind == "n_bb" else "n_bb"
        if kind not in self.data or other in self.data:
            unit = "a number of B meson pairs" if kind == "n_bb" else "fb^-1"
            raise entries.fail(
                (other,) if other in self.data else (),
                f"these channels are counted from {kind!r}",
                f"write {kind}: {{value: ..., relative_error: ...}}, in {unit}",
            )
        allowed = ("value", "relative_error") + ("charged_fraction",) * (kind == "n_bb")
        entry = entries.mapping((kind,), self.data[kind], allowed, ("value", "relative_error"))
        charged = entry.get("charged_fraction", CHARGED_FRACTION)
        return Normalisation(
            cast("Literal['luminosity', 'n_bb']", kind),
            entries.number((kind, "value"), entry["value"], above=0),
            entries.number((kind, "relative_error"), entry["relative_error"], least=0, below=1),
            entries.number((kind, "charged_fraction"), charged, above=0, below=1),
        )

    def samples(self, channels: tuple[Channel, ...]) -> Samples | None:
        """Return what the samples were made with; B decays have neither ISR nor alpha."""
        entries = self.entries
        has_b = all(channel.process.generator == "evtgen" for channel in channels)
        if "samples" not in self.data:
            if has_b:
                return None
            raise entries.fail(
                (),
                "the key 'samples' is missing: what the samples of the maps were made with",
                "add: samples: {alpha: 1/137.035999, isr: none}",
            )
        needed = () if has_b else ("alpha", "isr")
        entry = entries.mapping(("samples",), self.data["samples"], _SAMPLE_KEYS, needed)
        if "signal_b" in entry:
            one = entries.choice(("samples", "signal_b"), entry["signal_b"], ("one", "both"))
            if one == "both":
                raise entries.fail(
                    ("samples", "signal_b"),
                    "an efficiency per event with two signal B mesons is none per signal B",
                    "make samples with signal_b: one",
                )
        if has_b:
            return None
        return Samples(
            entries.setting(("samples", "alpha"), entry["alpha"]),
            cast("IsrMode", entries.choice(("samples", "isr"), entry["isr"], ISR)),
            entries.setting(("samples", "sqrt_s"), entry.get("sqrt_s", SQRT_S)),
        )

    def vetoes(self) -> tuple[Veto, ...]:
        given = self.data.get("vetoes", [])
        if not isinstance(given, list):
            raise self.entries.fail(("vetoes",), "a list is wanted here", "begin entries with '- '")
        return tuple(self.veto(("vetoes", i), entry) for i, entry in enumerate(given))

    def veto(self, keys: Keys, entry: Any) -> Veto:
        entries = self.entries
        entries.mapping(keys, entry, ("when", "reason", *sorted(entries.known)), ("reason",))
        reason = entries.text((*keys, "reason"), entry["reason"])
        conditions = [key for key in entry if key != "reason"]
        if len(conditions) != 1:
            raise entries.fail(keys, "one range, or 'when', is wanted beside the reason")
        key = conditions[0]
        if key == "when":
            return Veto(entries.expression((*keys, key), entry[key], boolean=True), reason)
        ends = entries.numbers((*keys, key), entry[key])
        if len(ends) != 2 or ends[1] <= ends[0]:  # noqa: PLR2004
            raise entries.fail((*keys, key), "[low, high] is wanted here")
        text = f"{ends[0]!r} <= {key} and {key} <= {ends[1]!r}"
        return Veto(entries.expression((*keys, key), text, boolean=True), reason)

    def overrides(self, channels: tuple[Channel, ...]) -> Mapping[str, Expression]:
        """Return what stands in for branching fractions that the channels name."""
        entries = self.entries
        if "branching" not in self.data:
            return MappingProxyType({})
        used = {
            name
            for channel in channels
            for part in (*channel.process.channels, channel.process)
            for expression in (getattr(part, "fraction", None), getattr(part, "signal_fraction", 0))
            if isinstance(expression, Expression)
            for name in expression.names
        }
        given = self.data["branching"]
        entries.mapping(("branching",), given, sorted(used & set(self.deriver.model.derived)))
        return MappingProxyType({
            name: entries.expression(("branching", name), value) for name, value in given.items()
        })  # fmt: skip


def _check_agreement(entries: Entries, analysis: Analysis) -> None:
    """Efficiency and cross section must be of the same events."""
    samples = analysis.samples
    if samples is None:
        return
    for key, ours in (("alpha", analysis.deriver.fixed["alpha"]),
                      ("sqrt_s", analysis.deriver.fixed["sqrt_s"])):  # fmt: skip
        theirs = getattr(samples, key)
        if abs(theirs - ours) > 1e-6 * ours:
            raise entries.fail(
                ("samples", key) if key in analysis.document.data["samples"] else ("samples",),
                f"the samples have {key} = {theirs:.9g} and the cross section {ours:.9g}",
                "efficiency and cross section must agree",
            )
    if samples.isr != analysis.isr:
        raise entries.fail(
            ("samples", "isr"),
            f"the samples have isr: {samples.isr} and the cross section {analysis.isr}",
            "efficiency and cross section must agree",
        )
    if analysis.isr != "none" and analysis.cross_section == "born":
        raise entries.fail(
            ("isr",),
            "a Born cross section has no ISR",
            "write cross_section: generator, whose samples were made with ISR",
        )
