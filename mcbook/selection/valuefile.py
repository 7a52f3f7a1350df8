"""Reads the parts of a selection file that depend on the mass hypothesis."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from mcbook.registry.entries import Entries
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.yamlfile import Keys
from mcbook.selection.records import Correction, Window
from mcbook.selection.values import MapNodes, Nodes, TableNodes, Value

NODE_KEYS = ("of", "at", "is", "outside")
TABLE_KEYS = ("of", "table", "column", "outside")
ERROR = "relative_error"
_FEWEST = 2


def read_value(entries: Entries, keys: Keys, entry: Any, extra: Iterable[str] = ()) -> Value:
    """Return a number that may depend on the hypothesis.

    Parameters
    ----------
    entries
        The file; its known names are those of hypotheses.
    keys, entry
        Where it stands, and what stands there.
    extra
        Further keys that the mapping may have.
    """
    where = entries.document.where(keys)
    if not isinstance(entry, dict):
        return Value(where, entries.expression(keys, entry))
    form = TABLE_KEYS if "table" in entry else NODE_KEYS
    entries.mapping(keys, entry, (*form, *extra), form[:3])
    if isinstance(entry["of"], list):
        return _map_value(entries, keys, entry)
    of = entries.expression((*keys, "of"), entry["of"])
    outside = entries.choice((*keys, "outside"), entry.get("outside", "error"), ("error", "hold"))
    if "table" in entry:
        nodes: Nodes | TableNodes = TableNodes(
            entries.path((*keys, "table"), entry["table"]),
            str(entry["of"]).strip(),
            entries.text((*keys, "column"), entry["column"]),
            entries.document.where((*keys, "table")),
        )
    else:
        at = _rising(entries, (*keys, "at"), entry["at"])
        numbers = _listed(entries, (*keys, "is"), entry["is"], len(at))
        nodes = Nodes(at, numbers)
    return Value(where, of, nodes, outside == "hold")


def _map_value(entries: Entries, keys: Keys, entry: Any) -> Value:
    """Return a number that is interpolated between nodes in several dimensions."""
    where, given = entries.document.where(keys), entry["of"]
    if "table" not in entry:
        raise entries.fail((*keys, "of"), "several axes go with a table", "table: FILE.csv")
    if "outside" in entry:
        raise entries.fail((*keys, "outside"), "nothing is held beyond nodes over several axes")
    if not given:
        raise entries.fail((*keys, "of"), "one axis or more is wanted here")
    formulas = tuple(entries.expression((*keys, "of", i), one) for i, one in enumerate(given))
    axes = tuple(str(one).strip() for one in given)
    if len(set(axes)) < len(axes):
        raise entries.fail((*keys, "of"), "an axis is there twice")
    nodes = MapNodes(
        entries.path((*keys, "table"), entry["table"]),
        axes,
        formulas,
        entries.text((*keys, "column"), entry["column"]),
        entries.document.where((*keys, "table")),
    )
    return Value(where, formulas[0], nodes)


def read_window(entries: Entries, entry: Any) -> Window:
    """Return the signal window."""
    keys: Keys = ("window",)
    allowed = ("observable", "centre", "resolution", "correction", "width")
    entries.mapping(keys, entry, allowed, ("observable", "centre", "resolution", "width"))
    correction, error = _read_factor(entries, (*keys, "correction"), entry.get("correction"))
    return Window(
        where=entries.document.where(keys),
        observable=entries.word((*keys, "observable"), entry["observable"]),
        centre=read_value(entries, (*keys, "centre"), entry["centre"]),
        resolution=read_value(entries, (*keys, "resolution"), entry["resolution"]),
        width=entries.number((*keys, "width"), entry["width"], above=0),
        correction=correction,
        correction_error=error,
    )


def _read_factor(entries: Entries, keys: Keys, entry: Any) -> tuple[Value | None, Value | None]:
    """Return a factor and its relative error, each None where nothing is said."""
    if entry is None:
        return None, None
    if not isinstance(entry, dict):
        entries.number(keys, entry, above=0)
        return read_value(entries, keys, entry), None
    if "value" in entry:
        entries.mapping(keys, entry, ("value", ERROR))
        if not isinstance(entry["value"], dict | str):
            entries.number((*keys, "value"), entry["value"], above=0)
        factor = read_value(entries, (*keys, "value"), entry["value"])
    else:
        factor = read_value(entries, keys, entry, (ERROR,))
    if ERROR not in entry:
        return factor, None
    return factor, _error_of(entries, keys, entry, factor)


def _error_of(entries: Entries, keys: Keys, entry: Any, factor: Value) -> Value:
    """Return the relative error of a factor: a number, or one for each of its nodes."""
    keys, given = (*keys, ERROR), entry[ERROR]
    where = entries.document.where(keys)
    if isinstance(given, dict):
        return read_value(entries, keys, given)
    if not isinstance(given, list):
        entries.number(keys, given, least=0)
        return Value(where, parse(str(given)))
    if not isinstance(factor.nodes, Nodes):
        raise entries.fail(keys, "a number is wanted here", "a list goes with at: and is:")
    numbers = _listed(entries, keys, given, len(factor.nodes.at), least=0)
    return Value(where, factor.formula, Nodes(factor.nodes.at, numbers), factor.holds)


def read_corrections(entries: Entries, given: Any) -> tuple[Correction, ...]:
    """Return the factors on the efficiency."""
    if not isinstance(given, list):
        raise entries.fail(("corrections",), "a list of corrections is wanted here")
    found = tuple(_correction(entries, ("corrections", i), one) for i, one in enumerate(given))
    for i, one in enumerate(found):
        if one.source in [other.source for other in found[:i]]:
            raise entries.fail(
                ("corrections", i, "source"), f"the source {one.source} is there twice"
            )
    return found


def _correction(entries: Entries, keys: Keys, entry: Any) -> Correction:
    edged = ("source", "of", "edges", "factor", ERROR)
    if isinstance(entry, dict) and "edges" not in entry:
        allowed = ("source", "value", *dict.fromkeys((*NODE_KEYS, *TABLE_KEYS)), ERROR)
        entries.mapping(keys, entry, allowed, ("source", ERROR))
        inner = {key: value for key, value in entry.items() if key != "source"}
        factor, error = _read_factor(entries, keys, inner)
        of: Expression = parse("0") if factor is None else factor.formula
        source = entries.word((*keys, "source"), entry["source"])
        return Correction(source, entries.document.where(keys), of, (), (), (), factor, error)
    entries.mapping(keys, entry, edged, ("source", "of", "edges", ERROR))
    edges = _rising(entries, (*keys, "edges"), entry["edges"])
    count = len(edges) - 1
    return Correction(
        source=entries.word((*keys, "source"), entry["source"]),
        where=entries.document.where(keys),
        of=entries.expression((*keys, "of"), entry["of"]),
        edges=edges,
        factors=_spread(entries, (*keys, "factor"), entry.get("factor", 1), count, above=0),
        relative_errors=_spread(entries, (*keys, ERROR), entry[ERROR], count, least=0),
    )


def _rising(entries: Entries, keys: Keys, given: Any) -> tuple[float, ...]:
    found = entries.numbers(keys, given)
    if len(found) < _FEWEST:
        raise entries.fail(keys, "two or more numbers are wanted here")
    for i, (low, high) in enumerate(pairwise(found)):
        if high <= low:
            raise entries.fail((*keys, i + 1), "the numbers do not rise")
    return found


def _listed(
    entries: Entries, keys: Keys, given: Any, count: int, **bounds: float
) -> tuple[float, ...]:
    found = entries.numbers(keys, given, **bounds)
    if len(found) != count:
        raise entries.fail(keys, f"{len(found)} numbers are here, and {count} are wanted")
    return found


def _spread(
    entries: Entries, keys: Keys, given: Any, count: int, **bounds: float
) -> tuple[float, ...]:
    """Return a list of numbers; one that is no list stands for all of them."""
    if isinstance(given, list):
        return _listed(entries, keys, given, count, **bounds)
    return (entries.number(keys, given, **bounds),) * count
