"""Reads a selection file: strictly, and against its signal model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.grid.axes import Axis, scan_axis
from mcbook.registry import yamlfile
from mcbook.registry.derive import Deriver
from mcbook.registry.entries import Entries
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.loader import find_process, load_model
from mcbook.registry.yamlfile import Document, Keys
from mcbook.selection.columnfile import (
    free_expression,
    names_among,
    read_columns,
    read_cuts,
    read_regions,
)
from mcbook.selection.columns import dependent
from mcbook.selection.columntypes import Column
from mcbook.selection.histogramfile import HISTOGRAMS, read_histograms
from mcbook.selection.lifetimefile import read_lifetimes
from mcbook.selection.records import (
    EVENT,
    TRAINING,
    Background,
    Event,
    Files,
    Filter,
    Optimise,
    Region,
    Selection,
    ValueScan,
)
from mcbook.selection.valuefile import read_corrections, read_value, read_window
from mcbook.selection.values import Value

SCHEMA = 1
NEEDED = ("schema", "name", "model", "process", "cuts")
KEYS = (
    *NEEDED, "tier", "tree", "weight", "event", "training", "columns", "values", "window",
    "regions", "blind", "hypotheses", "campaigns", "filter", "luminosity", "backgrounds", "data",
    "corrections", "optimise", "resolution", "sqrt_s", "lifetimes", "histograms",
)  # fmt: skip
TIER, REGION, A = "ntuple", "signal", 1.64
OPTIMISE_KEYS = ("region", "a", "values", "split", "smooth", "min_background")
OPTIMISE_OPTIONS = ("smooth", "min_background")
"""Keys of ``optimise`` that are not read here."""


def read_selection(path: str | Path, *, models_dir: str | Path | None = None) -> Selection:
    """Read a selection file.

    Ntuples and tables that it names are not opened here: tables are read when a value from them is
    asked for, and names of branches are looked up when a file is opened.

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
    document.check_schema(SCHEMA)
    document.check_keys((), KEYS)
    for key in NEEDED:
        if key not in document.data:
            raise document.error((), f"the key {key!r} is missing")
    return _Reader(document, Path(path).parent, models_dir).selection()


class _Reader:
    def __init__(self, document: Document, folder: Path, models_dir: str | Path | None) -> None:
        self.document = document
        self.data: dict[str, Any] = document.data
        first = Entries(document, folder, ())
        self.deriver = Deriver(self.model(first, models_dir))
        model = self.deriver.model
        known = {*self.deriver.fixed, *model.parameters, *model.derived}
        self.entries = Entries(document, folder, known)

    def model(self, entries: Entries, models_dir: str | Path | None) -> Any:
        name = entries.word(("model",), self.data["model"])
        try:
            model = load_model(name, models_dir)
        except InputError as error:
            if "there is no signal model" not in error.message:
                raise
            raise entries.fail(("model",), error.message, error.hint) from None
        try:
            find_process(model, entries.text(("process",), self.data["process"]))
        except InputError as error:
            raise entries.fail(("process",), error.message, error.hint) from None
        return model

    def selection(self) -> Selection:
        entries, data = self.entries, self.data
        sqrt_s = self.number("sqrt_s")
        columns = read_columns(entries, data["columns"], sqrt_s) if "columns" in data else {}
        cuts = read_cuts(entries, data["cuts"])
        values = self.values(columns)
        window = read_window(entries, data["window"]) if "window" in data else None
        regions = read_regions(entries, data.get("regions", {REGION: {}}), cuts, window)
        event = self.event()
        found = Selection(
            document=self.document,
            folder=entries.folder,
            name=entries.word(("name",), data["name"]),
            model=self.deriver.model.name,
            process=entries.text(("process",), data["process"]),
            deriver=self.deriver,
            tier=entries.word(("tier",), data.get("tier", TIER)),
            tree=entries.text(("tree",), data["tree"]) if "tree" in data else None,
            weight=free_expression(entries, ("weight",), data["weight"])
            if "weight" in data
            else None,
            event=event,
            training=self.of_event((TRAINING,), data[TRAINING], event)
            if TRAINING in data
            else None,
            columns=columns,
            values=values,
            cuts=cuts,
            window=window,
            regions=regions,
            blind=self.blind(regions),
            hypotheses=self.hypotheses(),
            campaigns=self.campaigns(),
            filter=self.filter(),
            luminosity=self.number("luminosity"),
            backgrounds=self.backgrounds(),
            data=self.files(("data",), data["data"]) if "data" in data else None,
            corrections=read_corrections(entries, data.get("corrections", [])),
            optimise=self.optimise(values, regions, event),
            resolution=self.section("resolution"),
            sqrt_s=sqrt_s,
            lifetimes=read_lifetimes(entries, data["lifetimes"], self.ctaus())
            if "lifetimes" in data
            else (),
            histograms=read_histograms(entries, data[HISTOGRAMS], regions)
            if HISTOGRAMS in data
            else {},
        )
        self.check_weight(found)
        return found

    def ctaus(self) -> dict[str, str]:
        """Return what the model calls lifetimes, by particle."""
        particles = self.deriver.model.particles.values()
        return {one.name: one.ctau for one in particles if one.ctau is not None}

    def check_weight(self, selection: Selection) -> None:
        """Refuse a weight that depends on the hypothesis: it is of an event."""
        if selection.weight is None:
            return
        wrong = sorted(selection.weight.names & dependent(selection))
        if wrong:
            raise self.entries.fail(
                ("weight",), f"{wrong[0]} depends on the hypothesis, and a weight must not"
            )

    def number(self, key: str) -> float | None:
        return self.entries.number((key,), self.data[key], above=0) if key in self.data else None

    def section(self, key: str) -> Mapping[str, Any]:
        found = self.data.get(key, {})
        if not isinstance(found, dict) or (key in self.data and not found):
            raise self.entries.fail((key,), "a mapping is wanted here", "or leave the key out")
        return found

    def values(self, columns: Mapping[str, Column]) -> dict[str, Value]:
        found = {}
        for name, entry in self.section("values").items():
            keys: Keys = ("values", name)
            self.entries.word(keys, name)
            if name in columns or name in self.entries.known:
                what = "a column" if name in columns else "a parameter or constant of the model"
                raise self.entries.fail(keys, f"{name} is {what} already")
            found[name] = read_value(self.entries, keys, entry)
        return found

    def event(self) -> Event | None:
        if "event" not in self.data:
            return None
        entries = self.entries
        entry = entries.mapping((EVENT,), self.data[EVENT], ("column", "first"), ("column",))
        first = entry.get("first", 0)
        if isinstance(first, bool) or not isinstance(first, int) or first < 0:
            raise entries.fail((EVENT, "first"), f"{first!r} is no number of an event")
        return Event(entries.word((EVENT, "column"), entry["column"]), first)

    def of_event(self, keys: Keys, given: Any, event: Event | None) -> Expression:
        if event is None:
            raise self.entries.fail(
                keys, "the key 'event' is missing", "add: event: {column: __event__}"
            )
        return self.entries.expression(keys, given, boolean=True, known=frozenset({EVENT}))

    def blind(self, regions: Mapping[str, Region]) -> tuple[str, ...]:
        """Return the closed regions; where none has a window, all of them."""
        if "blind" in self.data:
            return names_among(self.entries, ("blind",), self.data["blind"], regions, "region")
        found = tuple(name for name, region in regions.items() if region.window is not None)
        return found or tuple(regions)

    def hypotheses(self) -> tuple[Axis, ...]:
        parameters = self.deriver.model.parameters
        found = []
        for name, entry in self.section("hypotheses").items():
            if name not in parameters:
                raise self.entries.fail(
                    ("hypotheses", name),
                    f"{name} is no parameter of {self.deriver.model.name}",
                    did_you_mean(name, parameters),
                )
            found.append(scan_axis(self.document, ("hypotheses", name), name, entry))
        return tuple(found)

    def campaigns(self) -> dict[str, float]:
        return {
            name: self.entries.number(("campaigns", name), value, above=0)
            for name, value in self.section("campaigns").items()
        }

    def filter(self) -> Filter | None:
        if "filter" not in self.data:
            return None
        entries, keys = self.entries, ("filter",)
        names = ("value", "relative_error", "source")
        entry = entries.mapping(keys, self.data["filter"], names, names)
        return Filter(
            entries.number((*keys, "value"), entry["value"], above=0, most=1),
            entries.number((*keys, "relative_error"), entry["relative_error"], least=0),
            entries.text((*keys, "source"), entry["source"]),
        )

    def backgrounds(self) -> dict[str, Background]:
        return {
            self.entries.word(("backgrounds", name), name): self.background(name, entry)
            for name, entry in self.section("backgrounds").items()
        }

    def background(self, name: str, entry: Any) -> Background:
        entries, keys = self.entries, ("backgrounds", name)
        where = self.document.where(keys)
        is_of_books = isinstance(entry, dict) and "samples" in entry
        needed = ("samples",) if is_of_books else ("files", "luminosity")
        known = (*needed, "factor") if is_of_books else (*needed, "factor", "samples")
        entries.mapping(keys, entry, known, needed)
        factor = entries.number((*keys, "factor"), entry.get("factor", 1), above=0)
        if is_of_books:
            query = self.query((*keys, "samples"), entry["samples"])
            return Background(name, where, factor, samples=query)
        files = self.files(keys, {"files": entry["files"]})
        luminosity = entries.number((*keys, "luminosity"), entry["luminosity"], above=0)
        return Background(name, where, factor, files, luminosity)

    def query(self, keys: Keys, given: Any) -> str:
        entries = self.entries
        text = entries.text(keys, given)
        try:
            is_condition = parse(text).is_boolean
        except InputError as error:
            raise entries.fail(keys, error.message, error.hint) from None
        if not is_condition:
            raise entries.fail(keys, "a condition over samples is wanted here")
        return text

    def files(self, keys: Keys, entry: Any) -> Files:
        entries = self.entries
        given = entries.mapping(keys, entry, ("files",), ("files",))["files"]
        listed = [given] if isinstance(given, str) else given
        keys = (*keys, "files")
        if not isinstance(listed, list) or not listed:
            raise entries.fail(keys, "a list of files or patterns is wanted here")
        patterns = tuple(entries.text((*keys, i), one) for i, one in enumerate(listed))
        return Files(entries.folder, patterns, self.document.where(keys))

    def optimise(
        self, values: Mapping[str, Value], regions: Mapping[str, Region], event: Event | None
    ) -> Optimise | None:
        if "optimise" not in self.data:
            return None
        entries, keys = self.entries, ("optimise",)
        entry = entries.mapping(keys, self.data["optimise"], OPTIMISE_KEYS, ("values",))
        scanned = entry["values"]
        if not isinstance(scanned, dict) or not scanned:
            raise entries.fail((*keys, "values"), "a mapping of values to ranges is wanted here")
        names_among(entries, (*keys, "values"), list(scanned), values, "value")
        region = entry.get("region", REGION if REGION in regions else next(iter(regions)))
        names_among(entries, (*keys, "region"), [region], regions, "region")
        split = None
        if "split" in entry:
            split = self.of_event((*keys, "split"), entry["split"], event)
        return Optimise(
            region,
            entries.number((*keys, "a"), entry.get("a", A), above=0),
            {name: self.scan((*keys, "values", name), scan) for name, scan in scanned.items()},
            split,
            {key: entry[key] for key in OPTIMISE_OPTIONS if key in entry},
        )

    def scan(self, keys: Keys, entry: Any) -> ValueScan:
        entries = self.entries
        entries.mapping(keys, entry, ("range", "steps"), ("range", "steps"))
        ends = entries.numbers((*keys, "range"), entry["range"])
        if len(ends) != 2 or ends[0] >= ends[1]:  # noqa: PLR2004
            raise entries.fail((*keys, "range"), "[low, high] is wanted here")
        steps = entry["steps"]
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10_000:  # noqa: PLR2004
            raise entries.fail((*keys, "steps"), f"a whole number from 1 on is wanted, not {steps}")
        return ValueScan(ends[0], ends[1], steps)
