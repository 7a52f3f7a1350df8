"""Puts two limits documents side by side, and refuses what cannot be compared."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mcbook.errors import InputError
from mcbook.registry.numbers import round9
from mcbook.report.columns import MEDIAN
from mcbook.report.document import check_document, is_intervals, key_of, varying

Json = dict[str, Any]
Key = tuple[Any, ...]
Values = Callable[[Json], tuple[Any, Any]]
"""Takes a row, gives observed limit and expected median."""

NAMES = ("first", "second")
COUNTED = frozenset({"counts", "workspace"})


def compare(first: Mapping[str, Any], second: Mapping[str, Any], *, mixed: bool = False) -> Json:
    """Compare two limits documents at the hypotheses that both have.

    Hypotheses are the same where the parameters agree to nine digits that both documents have and
    that vary in one of them; where none does, single hypotheses, or those of equal name.

    Parameters
    ----------
    first, second
        Limits documents, as `mcbook.report.document.read_document` gives them.
    mixed
        Compare limits of different level, method, alpha or ISR all the same.

    Returns
    -------
    dict
        ``first`` and ``second``: what they are. ``matched_by``: names of parameters, or
        ``hypothesis``. ``quantities``: what is compared; ``rate`` only where both limit the same,
        of intervals the outer edges. ``rows``: for each hypothesis of both ``hypothesis``,
        ``parameters`` and by quantity ``observed`` and ``expected`` (the median), each with
        ``first``, ``second`` and ``ratio``, the second over the first; null where there is none.
        ``only_first`` and ``only_second``: how many hypotheses only one has. ``warnings``: a
        sentence for each difference.

    Raises
    ------
    InputError
        If a document is not right, nothing is common to both, hypotheses cannot be told apart, or
        level, method, alpha or ISR differ and *mixed* is not set.
    """
    documents = (first, second)
    for name, document in zip(NAMES, documents, strict=True):
        check_document(document, f"the {name} limits document")
    common = _common(*documents)
    if not common:
        raise _nothing(*documents)
    names = _axes(*documents)
    keyed = [_keyed(name, entry, names) for name, entry in zip(NAMES, documents, strict=True)]
    shared = [key for key in keyed[0] if key in keyed[1]]
    if not shared:
        raise _nothing(*documents)
    pairs = [(keyed[0][key], keyed[1][key]) for key in shared]
    differences = list(_differences(*documents, pairs))
    if differences and not mixed:
        raise InputError(
            f"these limits are not alike: {'; '.join(differences)}",
            hint="mixed=True compares them all the same",
        )
    return {
        **{name: _summary(entry) for name, entry in zip(NAMES, documents, strict=True)},
        "matched_by": names or ["hypothesis"],
        "quantities": list(common),
        "rows": [_row(pair, names, common) for pair in pairs],
        "only_first": len(keyed[0]) - len(shared),
        "only_second": len(keyed[1]) - len(shared),
        "warnings": differences + list(_settings(*documents)),
    }


def _common(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Values, ...]]:
    """Return the quantities that both documents have, with how to read them from either."""
    has = [_readers(document) for document in (first, second)]
    if all("rate" in found for found in has) and first["rate"]["name"] != second["rate"]["name"]:
        del has[0]["rate"]
    if is_intervals(first) or is_intervals(second):
        has = [_with_edges(found) for found in has]
    return {name: (has[0][name], has[1][name]) for name in has[0] if name in has[1]}


def _readers(document: Mapping[str, Any]) -> dict[str, Values]:
    """Return how to read the quantities of which a document has a number."""
    if document["kind"] in COUNTED:
        found: dict[str, Values] = {"strength": _plain}
    else:
        found = {name: _of(name) for name in ("rate", "sigma_fb", "sigma_br_fb")}
    rows = document["limits"]
    return {n: f for n, f in found.items() if any(x not in (None, []) for r in rows for x in f(r))}


def _plain(bands: Mapping[str, Any]) -> tuple[Any, Any]:
    return bands["observed"], bands["expected"][MEDIAN]


def _of(name: str) -> Values:
    return lambda row: _plain(row[name])


def _with_edges(found: dict[str, Values]) -> dict[str, Values]:
    """Put the outer edges of what is excluded in place of a rate."""
    if "rate" not in found:
        return found
    read = found["rate"]

    def edge(side: int) -> Values:
        return lambda row: (_edge(read(row)[0], side), _edge(read(row)[1], side))

    edges = {"rate_lower_edge": edge(0), "rate_upper_edge": edge(1)}
    return edges | {name: values for name, values in found.items() if name != "rate"}


def _edge(limit: Any, side: int) -> float | None:
    """Return the outer edge of intervals; an upper limit is where the exclusion begins."""
    if not isinstance(limit, list | tuple):
        return limit if side == 0 else None
    ends = [end for interval in limit for end in interval]
    if not ends or None in ends:
        return None
    return float(max(ends) if side else min(ends))


def _axes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return the parameters by which hypotheses are matched.

    A parameter that either document limits stands at a reference value and matches nothing.
    """
    limited = {document.get("rate", {}).get("vary") for document in (first, second)}
    has = [{n for row in d["limits"] for n in row["parameters"]} for d in (first, second)]
    moved = dict.fromkeys([*varying(first), *varying(second)])
    return [name for name in moved if name in has[0] & has[1] and name not in limited]


def _keyed(name: str, document: Mapping[str, Any], axes: Sequence[str]) -> dict[Key, Json]:
    """Return rows by what they are matched by."""
    rows = document["limits"]
    found: dict[Key, Json] = {}
    for row in rows:
        key: Key = tuple(key_of(row["parameters"].get(axis)) for axis in axes)
        if not axes and len(rows) > 1:
            key = (row["hypothesis"],)
        if key in found:
            more = [n for n in varying(document) if n not in axes]
            raise InputError(
                f"the {name} limits document has {found[key]['hypothesis']!r} and"
                f" {row['hypothesis']!r}, which the other one cannot tell apart",
                hint=f"they differ in {', '.join(more)}" if more else None,
            )
        found[key] = row
    return found


def _differences(
    first: Mapping[str, Any], second: Mapping[str, Any], pairs: Sequence[tuple[Json, Json]]
) -> Iterator[str]:
    """Yield why limits are not alike, a sentence each."""
    if round9(first["cl"]) != round9(second["cl"]):
        yield f"the level is {first['cl']:.9g} in the first and {second['cl']:.9g} in the second"
    asked = (first["method"], second["method"])
    used = [(_method(a, asked[0]), _method(b, asked[1])) for a, b in pairs]
    methods = Counter(both for both in used if None not in both) or Counter([asked])
    for (one, other), count in methods.items():
        if one != other:
            where = f" at {count} of {len(pairs)} hypotheses" if len(methods) > 1 else ""
            yield f"the method is {one} in the first and {other} in the second{where}"
    keys = [key for key in ("alpha", "isr") if key in first and key in second]
    yield from _unequal({key: first[key] for key in keys}, {key: second[key] for key in keys})


def _method(row: Json, asked: str) -> str | None:
    """Return the method of a limit; None where nobody knows which one ``auto`` took."""
    return row["method"] or (asked if asked != "auto" else None)


def _settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    """Yield what else differs, which may be what the comparison is about."""
    if is_intervals(first) != is_intervals(second):
        yield "one has upper limits and the other intervals: compared is where exclusions begin"
    keys = [key for key in ("model", "sqrt_s", "cross_section") if key in first and key in second]
    yield from _unequal({key: first[key] for key in keys}, {key: second[key] for key in keys})
    for what in ("constants", "branching"):
        yield from _unequal(first.get(what, {}), second.get(what, {}))
    limited = {document.get("rate", {}).get("vary") for document in (first, second)}
    moved = {*varying(first), *varying(second), *limited}
    one, other = (document["limits"][0]["parameters"] for document in (first, second))
    both = [name for name in one if name in other and name not in moved]
    yield from _unequal({n: one[n] for n in both}, {n: other[n] for n in both})


def _unequal(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each value that differs; numbers count to nine digits."""
    for name in dict.fromkeys([*one, *other]):
        mine, theirs = (_shown(entry.get(name, "the model's")) for entry in (one, other))
        if mine != theirs:
            yield f"{name} is {mine} in the first and {theirs} in the second"


def _shown(value: float | str | None) -> str:
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)


def _row(
    pair: tuple[Json, Json], names: Sequence[str], common: Mapping[str, tuple[Values, ...]]
) -> Json:
    """Return the limits of a hypothesis in both documents, and their ratios."""
    row = pair[0]
    found: Json = {
        "hypothesis": row["hypothesis"],
        "parameters": {name: row["parameters"].get(name) for name in names},
    }
    for quantity, readers in common.items():
        both = [read(entry) for read, entry in zip(readers, pair, strict=True)]
        found[quantity] = {
            band: {"first": one, "second": other, "ratio": _ratio(one, other)}
            for band, one, other in zip(("observed", "expected"), *both, strict=True)
        }
    return found


def _ratio(one: float | None, other: float | None) -> float | None:
    """Return the second over the first, where both are numbers above zero."""
    return None if one is None or other is None or one <= 0 or other <= 0 else other / one


def _summary(document: Mapping[str, Any]) -> Json:
    keys = ("name", "kind", "result", "model", "cl", "method", "luminosity", "n_bb", "unblinded")
    return {key: document[key] for key in keys if key in document}


def _nothing(first: Mapping[str, Any], second: Mapping[str, Any]) -> InputError:
    """Return the error for documents that have nothing in common, with what each has."""
    said = [_has(name, entry) for name, entry in zip(NAMES, (first, second), strict=True)]
    return InputError(f"nothing in these limits can be compared: {'; '.join(said)}")


def _has(name: str, document: Mapping[str, Any]) -> str:
    """Return in words on what a document has limits, and where."""
    words = ", ".join(
        document["rate"]["name"] if quantity == "rate" else quantity
        for quantity in _readers(document)
    )
    rows = document["limits"]
    ranges = []
    for axis in varying(document):
        values = [v for row in rows if (v := row["parameters"].get(axis)) is not None]
        ranges.append(f"{axis} from {min(values):.9g} to {max(values):.9g}")
    at = ", ".join(ranges) or f"{rows[0]['hypothesis']!r}"
    return f"the {name} has {words or 'no limit'} at {at} ({len(rows)} hypotheses)"
