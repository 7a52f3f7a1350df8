"""Reads the columns, the cuts and the regions of a selection file."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.entries import WORD, Entries
from mcbook.registry.yamlfile import Keys
from mcbook.selection.columntypes import (
    Column,
    ExpressionColumn,
    KinematicsColumn,
    PythonColumn,
)
from mcbook.selection.records import (
    KEPT,
    READ,
    SPLIT,
    WHERE,
    WINDOW,
    Cut,
    Region,
    Window,
)

RESERVED = (READ, KEPT, SPLIT, WHERE, WINDOW)
TABLES = ("recoil", "pair")


def read_columns(entries: Entries, given: Any, sqrt_s: float | None) -> dict[str, Column]:
    """Return the columns; none needs itself, also not through others."""
    found = {
        _name(entries, ("columns", name), name): _column(entries, name, entry, sqrt_s)
        for name, entry in _mapping(entries, ("columns",), given).items()
    }
    _check_circles(entries, found)
    return found


def _column(entries: Entries, name: str, entry: Any, sqrt_s: float | None) -> Column:
    keys: Keys = ("columns", name)
    where = entries.document.where(keys)
    if not isinstance(entry, dict):
        return ExpressionColumn(name, where, free_expression(entries, keys, entry))
    if "python" in entry:
        return _python(entries, keys, entry)
    table = next((one for one in TABLES if one in entry), None)
    if table is None:
        raise entries.fail(
            keys,
            "an expression is wanted here, or a mapping with recoil, pair or python",
            did_you_mean(next(iter(entry), ""), (*TABLES, "python")),
        )
    return _kinematics(entries, keys, entry, (table, sqrt_s))


def _kinematics(
    entries: Entries, keys: Keys, entry: Any, how: tuple[str, float | None]
) -> KinematicsColumn:
    from mcbook.selection import kinematics

    table, sqrt_s = how
    known: Mapping[str, Any] = getattr(kinematics, table.upper())
    entries.mapping(keys, entry, (table, "of", "frame", "sqrt_s"), (table, "of"))
    kind = entries.choice((*keys, table), entry[table], tuple(known))
    allowed = kinematics.options(known[kind])
    options: dict[str, Any] = {}
    for option in ("frame", "sqrt_s"):
        if option in entry and option not in allowed:
            raise entries.fail((*keys, option), f"{kind} has no {option}")
    if "frame" in entry:
        options["frame"] = entries.choice((*keys, "frame"), entry["frame"], kinematics.FRAMES)
    if "sqrt_s" in entry:
        options["sqrt_s"] = entries.number((*keys, "sqrt_s"), entry["sqrt_s"], above=0)
    elif sqrt_s is not None and "sqrt_s" in allowed:
        options["sqrt_s"] = sqrt_s
    of = tuple(_words(entries, (*keys, "of"), entry["of"]))
    return KinematicsColumn(str(keys[-1]), entries.document.where(keys), table, kind, of, options)


def _python(entries: Entries, keys: Keys, entry: Any) -> PythonColumn:
    entries.mapping(keys, entry, ("python", "needs", "files"), ("python", "needs"))
    text = entries.text((*keys, "python"), entry["python"])
    name, _, function = text.rpartition(":")
    if not name.endswith(".py") or not WORD.fullmatch(function):
        raise entries.fail(
            (*keys, "python"), f"{text!r} names no function", "write classifier.py:score"
        )
    path = entries.folder / name
    if not path.is_file():
        raise entries.fail((*keys, "python"), f"there is no file {path}")
    files = entry.get("files", [])
    if not isinstance(files, list):
        raise entries.fail((*keys, "files"), "a list of files is wanted here")
    return PythonColumn(
        str(keys[-1]),
        entries.document.where(keys),
        path,
        function,
        tuple(_words(entries, (*keys, "needs"), entry["needs"])),
        tuple(entries.path((*keys, "files", i), one) for i, one in enumerate(files)),
    )


def read_cuts(entries: Entries, given: Any) -> dict[str, Cut]:
    """Return the cuts, in the order of the file."""
    found = {}
    for name, entry in _mapping(entries, ("cuts",), given).items():
        keys: Keys = ("cuts", name)
        if not WORD.fullmatch(name) or name in RESERVED:
            why = "is what another step of the cutflow is called" if name in RESERVED else (
                "is no name"
            )  # fmt: skip
            raise entries.fail(keys, f"{name!r} {why}", "names are made of letters, digits and _")
        condition = free_expression(entries, keys, entry, boolean=True)
        found[name] = Cut(name, entries.document.where(keys), condition)
    return found


def read_regions(
    entries: Entries, given: Any, cuts: Mapping[str, Cut], window: Window | None
) -> dict[str, Region]:
    """Return the regions."""
    found = {}
    for name, entry in _mapping(entries, ("regions",), given).items():
        keys: Keys = ("regions", name)
        entries.word(keys, name)
        body = entry if entry is not None else {}
        if not isinstance(body, dict):
            raise entries.fail(keys, "a mapping with without, where, window is wanted here")
        if body:
            entries.mapping(keys, body, ("without", "where", "window"))
        found[name] = _region(entries, keys, body, cuts, window)
    return found


def _region(
    entries: Entries, keys: Keys, body: Any, cuts: Mapping[str, Cut], window: Window | None
) -> Region:
    without = names_among(entries, (*keys, "without"), body.get("without", []), cuts, "cut")
    condition = None
    if "where" in body:
        condition = free_expression(entries, (*keys, "where"), body["where"], boolean=True)
    width = None if window is None else window.width
    if "window" in body:
        given = body["window"]
        if given is not None and window is None:
            raise entries.fail((*keys, "window"), "the selection has no window", "add window:")
        width = None if given is None else entries.number((*keys, "window"), given, above=0)
    return Region(
        str(keys[-1]),
        entries.document.where(keys),
        tuple(name for name in cuts if name not in without),
        condition,
        width,
    )


def names_among(
    entries: Entries, keys: Keys, given: Any, known: Mapping[str, Any], what: str
) -> tuple[str, ...]:
    """Return a list of names that there are, each once; a single one stands for a list of one."""
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list):
        raise entries.fail(keys, f"a list of names is wanted here, not {given!r}")
    for i, name in enumerate(listed):
        if not isinstance(name, str) or name not in known:
            hint = did_you_mean(str(name), known)
            raise entries.fail(keys, f"there is no {what} {name!r}", hint)
        if name in listed[:i]:
            raise entries.fail(keys, f"{name} is there twice")
    return tuple(listed)


def free_expression(entries: Entries, keys: Keys, given: Any, *, boolean: bool = False) -> Any:
    """Return an expression whose names are looked up when a file is opened."""
    from mcbook.registry.expressions import parse

    names: frozenset[str] = frozenset()
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        try:
            names = parse(str(given)).names
        except InputError as error:
            raise entries.fail(keys, error.message, error.hint) from None
    return entries.expression(keys, given, boolean=boolean, known=names)


def _mapping(entries: Entries, keys: Keys, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict) or not given:
        raise entries.fail(keys, "a mapping is wanted here", "or leave the key out")
    return MappingProxyType(given)


def _name(entries: Entries, keys: Keys, name: str) -> str:
    entries.word(keys, name)
    if name in entries.known:
        raise entries.fail(keys, f"{name} is a parameter or constant of the model already")
    return name


def _words(entries: Entries, keys: Keys, given: Any) -> list[str]:
    if not isinstance(given, list) or not given:
        raise entries.fail(keys, f"a list of names is wanted here, not {given!r}")
    return [entries.word((*keys, i), name) for i, name in enumerate(given)]


def _check_circles(entries: Entries, columns: Mapping[str, Column]) -> None:
    """Refuse columns that need each other, naming them in their circle."""
    waiting = {name: set(column.names) & set(columns) for name, column in columns.items()}
    done: set[str] = set()
    while ready := [name for name, needs in waiting.items() if needs <= done]:
        done.update(ready)
        for name in ready:
            del waiting[name]
    if waiting:
        path = [next(iter(waiting))]
        while path[-1] not in path[:-1]:
            path.append(min(need for need in waiting[path[-1]] if need in waiting))
        circle = path[path.index(path[-1]) :]
        raise entries.fail(("columns", circle[0]), f"columns in a circle: {' needs '.join(circle)}")
