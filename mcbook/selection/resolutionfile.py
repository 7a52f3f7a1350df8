"""Reads how a selection fits the shapes of its signal: the key ``resolution``."""

from dataclasses import replace
from typing import Any

from mcbook.errors import InputError
from mcbook.registry.entries import Entries
from mcbook.selection.records import Region, Selection, Window
from mcbook.selection.shapeparameters import MEANS, TAILS, FitOptions

REGION = "region"
KEYS = (REGION, "mean", "tails", "power", "range", "binned_above", "least")
"""``region``: whose events, without its window; the others as in `FitOptions`."""

_WORDS = {"mean": MEANS, "tails": tuple(TAILS)}
_COUNTS = ("binned_above", "least")
_NUMBERS = {
    "power": {"above": 1.0}, "range": {"least": 2.0}, "binned_above": {"least": 0.0},
    "least": {"least": 0.0},
}  # fmt: skip


def read_options(selection: Selection) -> FitOptions:
    """Return how shapes are fitted.

    Raises
    ------
    InputError
        If the key ``resolution`` says what cannot be: with its line.
    """
    given = selection.resolution
    if not given:
        return FitOptions()
    entries = Entries(selection.document, selection.folder, ())
    entries.mapping(("resolution",), given, KEYS)
    return FitOptions(**{key: _option(entries, key, given[key]) for key in given if key != REGION})


def _option(entries: Entries, key: str, given: Any) -> Any:
    keys = ("resolution", key)
    if key in _WORDS:
        return entries.choice(keys, given, _WORDS[key])
    number = entries.number(keys, given, **_NUMBERS[key])
    if key not in _COUNTS:
        return number
    if number != int(number):
        raise entries.fail(keys, f"{given!r} is no whole number")
    return int(number)


def fitted_region(selection: Selection) -> Region:
    """Return the events whose shape is fitted: of all cuts, or of a region, without its window.

    Raises
    ------
    InputError
        If there is no region of that name.
    """
    name = selection.resolution.get(REGION)
    if name is None:
        return Region("all cuts", selection.path, tuple(selection.cuts))
    where = selection.document.where(("resolution", REGION))
    try:
        return replace(selection.region(str(name)), window=None)
    except InputError as error:
        raise InputError(f"{where}: there is no region {name!r}", hint=error.hint) from None


def fitted_window(selection: Selection) -> Window:
    """Return the window of a selection.

    Raises
    ------
    InputError
        If it has none, so that nobody knows what is fitted.
    """
    if selection.window is None:
        raise InputError(
            f"{selection.path}: the key 'window' is missing, which says what is fitted",
            hint="window: {observable: NAME, centre: EXPRESSION, resolution: ..., width: 2}",
        )
    return selection.window
