"""Columns of HEPData tables, made from rows of a limits document. Numbers have nine digits."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from mcbook.limits.result import SIGMAS
from mcbook.registry.numbers import round9

Json = dict[str, Any]
Row = tuple[int, Json]
"""A row of the document with its number, counted from 1."""

Bands = Callable[[Json], Mapping[str, Any]]
"""Takes a row, gives ``observed`` and ``expected`` (five values), and maybe post-fit ones."""

NOTHING = "-"
EXPECTED: Mapping[str, str] = {"expected": "", "expected_postfit": " (post-fit)"}
"""Bands by key, with what their columns add to their names."""

MEDIAN = SIGMAS.index(0)

Interval = tuple[Any, Any, str, str]
"""Lower and upper end, and how both are open."""


class Band(NamedTuple):
    """A curve of excluded intervals: its key, its place among five, the words for its columns."""

    key: str
    place: int | None
    word: str
    suffix: str


def _bands() -> Iterator[Band]:
    """Yield all bands, each median before its band: HEPData draws the first column first."""
    yield Band("observed", None, "Observed", "")
    for key in EXPECTED:
        for sigma in sorted(SIGMAS, key=lambda sigma: (sigma != 0, sigma)):
            said = ["post-fit"] * (key != "expected") + [f"{sigma:+d} sigma"] * (sigma != 0)
            suffix = f" ({', '.join(said)})" if said else ""
            yield Band(key, SIGMAS.index(sigma), "Expected", suffix)


BANDS = tuple(_bands())


def cell(value: float | str | None) -> Json:
    """Return a cell; a dash where there is nothing."""
    if value is None or value == "":
        return {"value": NOTHING}
    return {"value": value if isinstance(value, str) else round9(value)}


def column(
    name: str,
    cells: Iterable[Json],
    units: str | None = None,
    qualifiers: Sequence[Json] | None = None,
) -> Json:
    """Return a variable of a table; independent ones have no qualifiers."""
    header = {"name": name} | ({"units": units} if units else {})
    found: Json = {"header": header}
    if qualifiers:
        found["qualifiers"] = list(qualifiers)
    return found | {"values": list(cells)}


def has_numbers(bands: Mapping[str, Any]) -> bool:
    """Return whether any limit of a row is one."""
    return any(
        value is not None
        for key in ("observed", *EXPECTED)
        for value in (_five(bands, key) if key in EXPECTED else [bands.get(key)])
    )


def limit_columns(
    rows: Sequence[Row], bands: Bands, name: str, units: str | None, qualifiers: Sequence[Json]
) -> list[Json]:
    """Return columns of numbers: observed where there is one, expected with its band as errors.

    Where a row has an edge of the band and no median, the edges stand in columns of their own.
    """
    found = []
    observed = [bands(row).get("observed") for _, row in rows]
    if any(value is not None for value in observed):
        found.append(column(f"Observed {name}", map(cell, observed), units, qualifiers))
    for key, more in EXPECTED.items():
        fives = [_five(bands(row), key) for _, row in rows]
        if not any(value is not None for five in fives for value in five):
            continue
        title = f"Expected {name}{more}"
        found.append(column(title, map(_with_errors, fives), units, qualifiers))
        if any(five[MEDIAN] is None and set(five) != {None} for five in fives):
            found += [
                column(f"{title}, {sigma:+d} sigma", (cell(five[k]) for five in fives), units,
                       qualifiers)
                for k, sigma in enumerate(SIGMAS)
                if sigma
            ]  # fmt: skip
    return found


def _five(bands: Mapping[str, Any], key: str) -> Sequence[Any]:
    return bands.get(key) or [None] * len(SIGMAS)


def _with_errors(five: Sequence[float | None]) -> Json:
    """Return a median with the distances to its band; an edge that is unknown is an empty text.

    HEPData wants no errors that are all zero: a band without width has none.
    """
    median = five[MEDIAN]
    found = cell(median)
    if median is None:
        return found
    sides = [
        [_distance(five[MEDIAN + side * width], median) for side in (-1, 1)]
        for width in range(1, MEDIAN + 1)
    ]
    errors = [
        {"asymerror": {"minus": minus, "plus": plus}, "label": f"{width} sigma"}
        for width, (minus, plus) in enumerate(sides, 1)
        if (minus, plus) != ("", "")
    ]
    if any(value for minus, plus in sides for value in (minus, plus)):
        found["errors"] = errors
    return found


def _distance(edge: float | None, median: float) -> float | str:
    """Return the exact distance between both as they are written, so that their sum is the edge."""
    return "" if edge is None else float(Decimal(f"{edge:.9g}") - Decimal(f"{median:.9g}"))


def interval_rows(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """Return a line for each excluded interval: its row, and which of the row's it is, from 0.

    Bands differ in how many they have; a row has as many lines as the band with most, and one
    where nothing is excluded.
    """
    counts = [max((len(found) for _, found in _found(row)), default=0) for _, row in rows]
    return [(entry, k) for entry, n in zip(rows, counts, strict=True) for k in range(max(1, n))]


def interval_columns(
    lines: Sequence[tuple[Row, int]], name: str, units: str | None, qualifiers: Sequence[Json]
) -> list[Json]:
    """Return columns with lower and upper edges of excluded intervals, band by band."""
    read = [(dict(_found(row)), k) for (_, row), k in lines]
    present = {band for found, _ in read for band in found}
    return [
        column(
            f"{band.word} {side} edge of excluded {name}{band.suffix}",
            (cell(f[band][k][end] if k < len(f.get(band, ())) else None) for f, k in read),
            units,
            qualifiers,
        )
        for band in BANDS
        if band in present
        for end, side in enumerate(("lower", "upper"))
    ]


def open_edges(row: Json, k: int) -> list[tuple[str, str]]:
    """Return the open edges among the k-th intervals of a row, each with why it is open."""
    return [
        (f"{band.word.lower()} {side} edge{band.suffix}", found[k][2 + end])
        for band, found in _found(row)
        if k < len(found)
        for end, side in enumerate(("lower", "upper"))
        if found[k][2 + end]
    ]


def _found(row: Json) -> list[tuple[Band, list[Interval]]]:
    """Return the intervals of a row by band, those that are known."""
    rate = row["rate"]
    opened = rate.get("open") or {}
    found = []
    for band in BANDS:
        ends, how = rate.get(band.key), opened.get(band.key) or []
        if ends is not None and band.place is not None:
            ends, how = ends[band.place], how[band.place]
        if ends is not None:
            found.append((band, [_ordered(*entry) for entry in zip(ends, how, strict=True)]))
    return found


def _ordered(ends: Sequence[Any], how: Sequence[str]) -> Interval:
    """Return an interval, the smaller end first: an expression may fall with its parameter."""
    low, high = ends
    if None not in (low, high) and low > high:
        return high, low, how[1], how[0]
    return low, high, how[0], how[1]
