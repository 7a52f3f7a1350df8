"""Reads the channels of an analysis file."""

from collections.abc import Callable, Mapping
from typing import Any

from mcbook.analysis.fitfile import read_fit, read_spectrum
from mcbook.analysis.records import (
    Channel,
    Constant,
    EfficiencySource,
    Events,
    Histogram,
    Source,
    Table,
    Window,
)
from mcbook.errors import InputError
from mcbook.limits.likelihoods import MOST_EVENTS
from mcbook.limits.table import UNCERTAIN_ZERO
from mcbook.registry.entries import Entries
from mcbook.registry.loader import find_process
from mcbook.registry.model import SignalModel
from mcbook.registry.yamlfile import Keys

KEYS = ("process", "efficiency", "background", "observed", "generated", "fit")
HOW_KEYS = ("thresholds", "log_axes", "linear_axes", "method")
MAP_KEYS = ("map", "catalog")
"""Where a map is: in a file, or in the books."""
EFFICIENCY_KEYS = (*MAP_KEYS, "region", "axes", *HOW_KEYS)
WINDOW_KEYS = ("centre", "resolution", "width")
FORMS: Mapping[str, tuple[str, ...]] = {
    "value": ("value", "stat"),
    "sideband": ("sideband",),
    "table": ("table", "axes"),
    "histogram": ("histogram", "name", "window"),
    "events": ("events", "column", "window"),
}
"""Forms of a background or of data: the key that tells them apart, and all their keys."""


def read_channels(
    entries: Entries, model: SignalModel, axes: Callable[[str], bool]
) -> tuple[Channel, ...]:
    """Return the channels.

    Parameters
    ----------
    entries
        The file.
    model
        The signal model.
    axes
        Says whether the map of a channel may have a quantity as axis.
    """
    given = entries.document.data.get("channels")
    if not isinstance(given, dict) or not given:
        raise entries.fail(("channels",), "a mapping of names to channels is wanted here")
    return tuple(_channel(entries, model, name, entry, axes) for name, entry in given.items())


def _channel(
    entries: Entries, model: SignalModel, name: str, entry: Any, axes: Callable[[str], bool]
) -> Channel:
    keys: Keys = ("channels", name)
    entries.word(keys, name)
    entries.mapping(keys, entry, KEYS, ("process", "efficiency", "background"))
    try:
        process = find_process(model, entries.text((*keys, "process"), entry["process"]))
    except InputError as error:
        raise entries.fail((*keys, "process"), error.message, error.hint) from None
    fit = read_fit(entries, (*keys, "fit"), entry["fit"]) if "fit" in entry else None
    background, observed = _sources(entries, keys, entry, is_fitted=fit is not None)
    efficiency = _efficiency(entries, (*keys, "efficiency"), entry["efficiency"], axes)
    where = entries.document.where(keys)
    generated = None
    if "generated" in entry:
        generated = entries.path((*keys, "generated"), entry["generated"])
        if entries.document.data.get("cross_section", "born") == "born":
            raise entries.fail(
                (*keys, "generated"),
                "cross sections of a generator, and the analysis takes Born ones",
                "write cross_section: generator, or leave the table out",
            )
    return Channel(name, process, efficiency, background, observed, where, generated, fit)


def _sources(
    entries: Entries, keys: Keys, entry: dict[str, Any], *, is_fitted: bool
) -> tuple[Source, Source | None]:
    """Return background and data of a channel."""
    if is_fitted:
        data = None
        if "observed" in entry:
            data = read_spectrum(entries, (*keys, "observed"), entry["observed"], is_data=True)
        expected = read_spectrum(entries, (*keys, "background"), entry["background"], is_data=False)
        return expected, data
    observed = None
    if "observed" in entry:
        observed = _source(entries, (*keys, "observed"), entry["observed"], is_data=True)
    snap = isinstance(observed, Histogram)
    background = _source(entries, (*keys, "background"), entry["background"], snap=snap)
    if snap and not isinstance(background, Histogram):
        raise entries.fail(
            (*keys, "observed"),
            "binned data go with a binned background",
            "give observed as a table or as events",
        )
    return background, observed


def _efficiency(
    entries: Entries, keys: Keys, value: Any, axes: Callable[[str], bool]
) -> EfficiencySource:
    entry = entries.mapping(keys, value, EFFICIENCY_KEYS, ("axes",))
    places = [key for key in MAP_KEYS if key in entry]
    if len(places) != 1:
        raise entries.fail(
            keys,
            "either map or catalog is wanted here" + ", not both" * len(places[:1]),
            "map names a file, catalog a map in the books by its name or id",
        )
    names = entries.quantities((*keys, "axes"), entry["axes"])
    if not names:
        raise entries.fail((*keys, "axes"), "a map has at least one axis")
    for i, name in enumerate(names):
        if not axes(name):
            raise entries.fail(
                (*keys, "axes", i),
                f"{name} is a constant",
                "axes are parameters or derived quantities",
            )
    region = entries.text((*keys, "region"), entry["region"]) if "region" in entry else None
    path, catalog = None, None
    if "map" in entry:
        path = entries.path((*keys, "map"), entry["map"])
    else:
        catalog = entries.text((*keys, "catalog"), entry["catalog"])
    where = entries.document.where((*keys, places[0]))
    return EfficiencySource(path, catalog, region, names, _how(entries, keys, entry, names), where)


def _how(
    entries: Entries, keys: Keys, entry: dict[str, Any], axes: tuple[str, ...]
) -> Mapping[str, Any]:
    """Return how the map interpolates, as its keywords."""
    how: dict[str, Any] = {}
    for key in ("log_axes", "linear_axes"):
        if key in entry:
            how[key] = entries.quantities((*keys, key), entry[key])
    if "thresholds" in entry:
        given = entry["thresholds"]
        if not isinstance(given, list):
            raise entries.fail((*keys, "thresholds"), "a list of conditions is wanted here")
        how["thresholds"] = tuple(
            entries.expression(
                (*keys, "thresholds", i), text, boolean=True, known=frozenset(axes)
            ).text
            for i, text in enumerate(given)
        )
    if "method" in entry:
        how["method"] = entries.choice((*keys, "method"), entry["method"], ("auto", "pchip", "gp"))
    return how


def _source(
    entries: Entries, keys: Keys, value: Any, *, is_data: bool = False, snap: bool = False
) -> Source:
    """Return a background, or data, in one of `FORMS`; a plain number is one too."""
    if not isinstance(value, dict):
        return _constant(entries, keys, {"value": value}, is_data=is_data)
    kinds = [kind for kind in FORMS if kind in value]
    usable = [kind for kind in FORMS if (kind != "sideband" if is_data else kind != "events")]
    if len(kinds) != 1 or kinds[0] not in usable:
        raise entries.fail(keys, f"one of {', '.join(usable)} is wanted here")
    kind = kinds[0]
    entry = entries.mapping(keys, value, FORMS[kind])
    if kind == "value":
        return _constant(entries, keys, entry, is_data=is_data)
    if kind == "sideband":
        return _sideband(entries, (*keys, kind), entry[kind])
    path = entries.path((*keys, kind), entry[kind])
    where = entries.document.where((*keys, kind))
    if kind == "table":
        return Table(path, entries.quantities((*keys, "axes"), entry.get("axes", [])), where)
    window = _window(entries, (*keys, "window"), entry.get("window"))
    if kind == "events":
        column = entries.text((*keys, "column"), entry.get("column"))
        return Events(path, column, window, where)
    name = entries.text((*keys, "name"), entry["name"]) if "name" in entry else None
    return Histogram(path, name, window, snap or is_data, where)


def _constant(entries: Entries, keys: Keys, entry: dict[str, Any], *, is_data: bool) -> Constant:
    value = entries.number((*keys, "value"), entry["value"], least=0, most=MOST_EVENTS)
    stat = entries.number((*keys, "stat"), entry.get("stat", 0), least=0)
    if is_data and (value != int(value) or stat):
        raise entries.fail(keys, f"a number of observed events is wanted, not {entry['value']!r}")
    if stat and not value:
        hint = "a sideband, such as {sideband: {observed: 0, ratio: 10}}, is right at zero"
        raise entries.fail((*keys, "stat"), UNCERTAIN_ZERO, hint)
    return Constant(value, stat)


def _sideband(entries: Entries, keys: Keys, value: Any) -> Constant:
    entry = entries.mapping(keys, value, ("observed", "ratio"), ("observed", "ratio"))
    count = entries.number((*keys, "observed"), entry["observed"], least=0, most=MOST_EVENTS)
    ratio = entries.number((*keys, "ratio"), entry["ratio"], above=0)
    if count != int(count):
        raise entries.fail((*keys, "observed"), f"{count:g} is no number of events")
    return Constant(count / ratio, sideband=(count, ratio))


def _window(entries: Entries, keys: Keys, value: Any) -> Window:
    entry = entries.mapping(keys, value, WINDOW_KEYS, WINDOW_KEYS)
    return Window(
        entries.expression((*keys, "centre"), entry["centre"]),
        entries.expression((*keys, "resolution"), entry["resolution"]),
        entries.number((*keys, "width"), entry["width"], above=0),
    )
