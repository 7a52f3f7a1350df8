"""Reads how a channel is fitted: the key ``fit`` of a channel in an analysis file."""

from typing import Any, Literal, cast

from mcbook.analysis.records import (
    ChannelFit,
    FitWindow,
    SignalShape,
    Smooth,
    Spectrum,
    Values,
)
from mcbook.errors import did_you_mean
from mcbook.registry.entries import Entries
from mcbook.registry.yamlfile import Keys
from mcbook.selection.valuefile import read_value

KEYS = ("window", "signal", "resolution_error", "smooth", "observables")
WINDOW_KEYS = ("centre", "resolution", "width", "bins")
KINDS = ("gaussian", "shapes", "templates")
AUTO = "auto"
MOST_ORDER, MOST_BINS = 8, 400
_LEAST_BINS = 4


def read_fit(entries: Entries, keys: Keys, given: Any) -> ChannelFit:
    """Return how a channel is fitted.

    Raises
    ------
    InputError
        If the entry is not right: with its line.
    """
    entry = entries.mapping(keys, given, KEYS, ("window", "signal"))
    window = _window(entries, (*keys, "window"), entry["window"])
    error = None
    if "resolution_error" in entry:
        error = read_value(entries, (*keys, "resolution_error"), entry["resolution_error"])
    smooth = _smooth(entries, (*keys, "smooth"), entry["smooth"]) if "smooth" in entry else None
    if smooth is not None and window.bins < (smooth.order or smooth.most) + 3:
        raise entries.fail((*keys, "window", "bins"), "too few bins for a polynomial of that order")
    signal = _signal(entries, (*keys, "signal"), entry["signal"])
    titles = _titles(entries, (*keys, "observables"), entry.get("observables", []))
    return ChannelFit(window, signal, error, smooth, entries.document.where(keys), titles)


def _titles(entries: Entries, keys: Keys, given: Any) -> tuple[str, ...]:
    """Return titles of axes: one, or a list of them."""
    if not isinstance(given, list):
        return (entries.text(keys, given),)
    return tuple(entries.text((*keys, i), one) for i, one in enumerate(given))


def _window(entries: Entries, keys: Keys, given: Any) -> FitWindow:
    entry = entries.mapping(keys, given, WINDOW_KEYS, WINDOW_KEYS)
    bins = _whole(entries, (*keys, "bins"), entry["bins"], _LEAST_BINS, MOST_BINS)
    return FitWindow(
        read_value(entries, (*keys, "centre"), entry["centre"]),
        read_value(entries, (*keys, "resolution"), entry["resolution"]),
        entries.number((*keys, "width"), entry["width"], above=0),
        bins,
        entries.document.where(keys),
    )


def _signal(entries: Entries, keys: Keys, given: Any) -> SignalShape:
    """Return the shape of the signal: the word gaussian, or the table that has it."""
    where = entries.document.where(keys)
    if given == KINDS[0]:
        return SignalShape("gaussian", None, "", where)
    if not isinstance(given, dict):
        hint = did_you_mean(str(given), KINDS) or "as in {shapes: FILE.csv, axis: m_zp}"
        raise entries.fail(keys, f"{given!r} is no shape: gaussian, or a mapping is wanted", hint)
    entry = entries.mapping(keys, given, (*KINDS[1:], "axis"), ("axis",))
    named = [kind for kind in KINDS[1:] if kind in entry]
    if len(named) != 1:
        raise entries.fail(
            keys,
            "gaussian, or one of shapes and templates, is wanted here",
            "as in signal: {shapes: shapes/resolution.csv, axis: m_zp}",
        )
    kind = cast("Literal['shapes', 'templates']", named[0])
    (axis,) = entries.quantities((*keys, "axis"), [entry["axis"]])
    return SignalShape(kind, entries.path((*keys, kind), entry[kind]), axis, where)


def _smooth(entries: Entries, keys: Keys, given: Any) -> Smooth:
    """Return the polynomial: its order, or auto, or a mapping with the largest one to be tried."""
    if not isinstance(given, dict):
        given = {"order": given}
    entry = entries.mapping(keys, given, ("order", "most"), ("order",))
    if entry["order"] != AUTO:
        order = _whole(entries, (*keys, "order"), entry["order"], 0, MOST_ORDER)
        if "most" in entry:
            raise entries.fail((*keys, "most"), f"this goes with order: {AUTO}")
        return Smooth(order, order)
    most = _whole(entries, (*keys, "most"), entry.get("most", 5), 0, MOST_ORDER)
    return Smooth(None, most)


def _whole(entries: Entries, keys: Keys, given: Any, least: int, most: int) -> int:
    number = entries.number(keys, given, least=least, most=most)
    if number != int(number):
        raise entries.fail(keys, f"{given!r} is no whole number")
    return int(number)


def read_spectrum(entries: Entries, keys: Keys, given: Any, *, is_data: bool) -> Spectrum | Values:
    """Return the background or the data of a fit: a histogram, or events for data.

    Raises
    ------
    InputError
        If the entry is not right: with its line.
    """
    kinds = ("histogram", "events") if is_data else ("histogram",)
    if not isinstance(given, dict) or sum(kind in given for kind in kinds) != 1:
        raise entries.fail(
            keys,
            f"{' or '.join(kinds)} is wanted here: the channel is fitted",
            "as in {histogram: FILE.csv}" + ", or {events: FILE.csv, column: NAME}" * is_data,
        )
    if "events" in given:
        entry = entries.mapping(keys, given, ("events", "column"), ("events", "column"))
        columns = entry["column"] if isinstance(entry["column"], list) else [entry["column"]]
        if not 1 <= len(columns) <= 2:  # noqa: PLR2004
            raise entries.fail((*keys, "column"), "one column, or a list of two, is wanted here")
        names = tuple(
            entries.text((*keys, "column", i) if len(columns) > 1 else (*keys, "column"), one)
            for i, one in enumerate(columns)
        )
        path = entries.path((*keys, "events"), entry["events"])
        return Values(path, names, entries.document.where((*keys, "events")))
    allowed = ("histogram", "name") + ("samples",) * (not is_data)
    entry = entries.mapping(keys, given, allowed, ("histogram",))
    samples = entry.get("samples", [])
    if not isinstance(samples, list):
        raise entries.fail((*keys, "samples"), "a list of columns is wanted here")
    return Spectrum(
        entries.path((*keys, "histogram"), entry["histogram"]),
        entries.text((*keys, "name"), entry["name"]) if "name" in entry else None,
        tuple(entries.word((*keys, "samples", i), one) for i, one in enumerate(samples)),
        entries.document.where((*keys, "histogram")),
    )
