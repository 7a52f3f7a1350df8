"""Axes of a grid: values that run together, counted before they are built."""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.numbers import NUMBER, parse_number, round9, round9_array
from mcbook.registry.yamlfile import Document, Keys, refuse_special

Array = NDArray[np.float64]
Build = Callable[[], Array]

RANGES = ("values", "linspace", "logspace", "step")
DESIGNS = ("sobol", "lhs")

MOST_CSV_BYTES = 200_000_000
_TOLERANCE = 1e-6  # of a step, by which its upper end may be missed


@dataclass(frozen=True, slots=True)
class Axis:
    """Parameters whose values run together; axes are multiplied with each other.

    `build` returns one array of shape (length,) per name, rounded to nine digits; NaN where an
    optional parameter is absent. `places` says where in the file each name is.
    """

    names: tuple[str, ...]
    length: int
    places: Mapping[str, str]
    build: Callable[[], dict[str, Array]] = field(repr=False, compare=False)


def scan_axis(document: Document, keys: Keys, name: str, entry: Any) -> Axis:
    """Return the axis of one parameter under ``scan``."""
    length, build = _range(document, keys, entry)
    where = document.where(keys)
    return _checked((name,), length, {name: where}, lambda: {name: build()})


def zip_axis(document: Document, keys: Keys, entry: Any) -> Axis:
    """Return the axis of parameters whose lists run together, an entry of ``zip``."""
    if not isinstance(entry, dict) or not entry:
        raise document.error(keys, "a mapping of parameters to lists is wanted here")
    columns = {name: _range(document, (*keys, name), entry[name]) for name in entry}
    first = next(iter(columns))
    for name, (length, _) in columns.items():
        if length != columns[first][0]:
            raise document.error(
                (*keys, name),
                f"{name} has {length} values and {first} has {columns[first][0]}",
                "lists that run together are equally long",
            )
    places = {name: document.where((*keys, name)) for name in columns}
    length = columns[first][0]
    return _checked(
        tuple(columns), length, places, lambda: {n: build() for n, (_, build) in columns.items()}
    )


def design_axis(document: Document, entry: Any) -> Axis:
    """Return the axis of points that fill a space evenly, from ``design``."""
    keys: Keys = ("design",)
    document.check_keys(keys, (*DESIGNS, "seed", "over"))
    kinds = [kind for kind in DESIGNS if kind in entry]
    if len(kinds) != 1:
        raise document.error(keys, "either sobol or lhs is wanted, with the number of points")
    kind = kinds[0]
    length = _whole(document, (*keys, kind), entry[kind], least=1)
    seed = _whole(document, (*keys, "seed"), entry.get("seed", 0), least=0, most=2**32 - 1)
    over = entry.get("over")
    if not isinstance(over, dict) or not over:
        raise document.error(keys, "'over' is wanted, a mapping of parameters to ranges")
    scales = {name: _scale(document, (*keys, "over", name), over[name]) for name in over}

    def build() -> dict[str, Array]:
        from mcbook.grid.design import sample

        unit = sample(kind, length, len(scales), seed)
        filled = zip(scales.items(), unit.T, strict=True)
        return {name: round9_array(scale(column)) for (name, scale), column in filled}

    places = {name: document.where((*keys, "over", name)) for name in scales}
    return _checked(tuple(scales), length, places, build)


def csv_axis(document: Document, name: Any, folder: Path) -> Axis:
    """Return the axis whose values are the rows of a CSV file, from ``points``."""
    if not isinstance(name, str) or not name:
        raise document.error(("points",), "the path of a CSV file is wanted here")
    path = folder / name
    shown = f"{document.where(('points',))}: {name}"
    try:
        refuse_special(path)
        if path.stat().st_size > MOST_CSV_BYTES:
            raise InputError(f"{shown}: larger than {MOST_CSV_BYTES // 1_000_000} MB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = _read_csv(csv.reader(file, strict=True), shown)
    except OSError as error:
        raise InputError(f"{shown}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{shown}: not a CSV file in UTF-8: {error}") from None
    length = len(next(iter(columns.values())))
    if not length:
        raise InputError(f"{shown}: there are no rows below the header")
    places = {column: f"{shown} (column {column})" for column in columns}
    return _checked(
        tuple(columns),
        length,
        places,
        lambda: {column: round9_array(np.array(values)) for column, values in columns.items()},
    )


def _read_csv(rows: Any, shown: str) -> dict[str, list[float]]:
    names = [name.strip() for name in next(rows, [])]
    if not names or not all(names):
        raise InputError(f"{shown}: the first line names the parameters, separated by commas")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{shown}, line 1: the column {name} is there twice")
    columns: list[list[float]] = [[] for _ in names]
    for row in filter(None, rows):
        if len(row) != len(names):
            raise InputError(
                f"{shown}, line {rows.line_num}: {len(row)} values for {len(names)} columns"
            )
        for values, cell, name in zip(columns, row, names, strict=True):
            values.append(_cell(cell, f"{shown}, line {rows.line_num} (column {name})"))
    return dict(zip(names, columns, strict=True))


def _cell(text: str, where: str) -> float:
    if not text.strip():
        return math.nan
    try:
        return parse_number(text)
    except InputError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from None


def _range(document: Document, keys: Keys, entry: Any) -> tuple[int, Build]:
    """Return the number of values of a list or range, and what builds them."""
    if isinstance(entry, list):
        return _values(document, keys, entry)
    if not isinstance(entry, dict):
        raise document.error(
            keys,
            f"values are wanted here, not {entry!r}",
            "write {values: [...]} or {linspace: [first, last, n]}; one value goes under 'fixed'",
        )
    if len(entry) != 1 or next(iter(entry)) not in RANGES:
        unknown = [key for key in entry if key not in RANGES]
        hint = did_you_mean(unknown[0], RANGES) if unknown else "write only one of them"
        raise document.error(keys, f"one of {', '.join(RANGES)} is wanted here", hint)
    kind = next(iter(entry))
    if kind == "values":
        return _values(document, (*keys, kind), entry[kind])
    if kind == "step":
        return _step(document, (*keys, kind), entry[kind])
    return _spaced(document, (*keys, kind), entry[kind], is_log=kind == "logspace")


def _values(document: Document, keys: Keys, entry: Any) -> tuple[int, Build]:
    if not isinstance(entry, list) or not entry:
        raise document.error(keys, "a list of numbers is wanted here")
    numbers = [round9(number(document, (*keys, i), value)) for i, value in enumerate(entry)]
    return len(numbers), lambda: np.array(numbers)


def _spaced(document: Document, keys: Keys, entry: Any, *, is_log: bool) -> tuple[int, Build]:
    first, last, n = _three(document, keys, entry, "[first, last, n]")
    n = _whole(document, (*keys, 2), n, least=2)
    if is_log and not (first > 0 and last > 0):
        raise document.error(
            keys, "both ends of logspace are above zero", "ends are values, not exponents"
        )
    space: Callable[..., Array] = np.geomspace if is_log else np.linspace
    return n, lambda: round9_array(space(first, last, n))


def _step(document: Document, keys: Keys, entry: Any) -> tuple[int, Build]:
    low, high, step = _three(document, keys, entry, "[lo, hi, step]")
    step = number(document, (*keys, 2), step)
    if step <= 0 or high <= low:
        raise document.error(keys, "hi is above lo, and the step above zero")
    # Seldom whole in doubles: (0.3 - 0.1) / 0.1 is less than two.
    steps = (high - low) / step
    whole = round(steps)
    if not whole or abs(steps - whole) > _TOLERANCE:
        reached = low + math.floor(steps) * step
        raise document.error(
            keys,
            f"steps of {step:.9g} from {low:.9g} do not reach {high:.9g}",
            f"hi is included: write {reached:.9g}, or another step",
        )

    def build() -> Array:
        values = np.asarray(low + step * np.arange(whole + 1), dtype=np.float64)
        values[-1] = high
        values[np.abs(values) < _TOLERANCE * step] = 0.0  # what rounding leaves of a zero
        return round9_array(values)

    return whole + 1, build


def _three(document: Document, keys: Keys, entry: Any, form: str) -> tuple[float, float, Any]:
    if not isinstance(entry, list) or len(entry) != 3:  # noqa: PLR2004
        raise document.error(keys, f"{form} is wanted here")
    return (
        number(document, (*keys, 0), entry[0]),
        number(document, (*keys, 1), entry[1]),
        entry[2],
    )


def _scale(document: Document, keys: Keys, entry: Any) -> Callable[[Array], Array]:
    """Return what takes numbers between 0 and 1 to a range."""
    kinds = ("log", "linear")
    if not isinstance(entry, dict) or len(entry) != 1 or next(iter(entry)) not in kinds:
        raise document.error(keys, "{log: [lo, hi]} or {linear: [lo, hi]} is wanted here")
    kind = next(iter(entry))
    ends = entry[kind]
    if not isinstance(ends, list) or len(ends) != 2:  # noqa: PLR2004
        raise document.error((*keys, kind), "[lo, hi] is wanted here")
    low, high = (number(document, (*keys, kind, i), end) for i, end in enumerate(ends))
    if high <= low or (kind == "log" and low <= 0):
        above = ", both above zero" if kind == "log" else ""
        raise document.error((*keys, kind), f"lo is below hi{above}")
    if kind == "linear":
        return lambda unit: low + (high - low) * unit
    return lambda unit: np.exp(math.log(low) + (math.log(high) - math.log(low)) * unit)


def number(document: Document, keys: Keys, value: Any) -> float:
    """Return a number of the file, or raise an error that says where it is."""
    try:
        return parse_number(value)
    except InputError as error:
        raise document.error(keys, error.message, error.hint) from None


def _whole(document: Document, keys: Keys, value: Any, *, least: int, most: int = 10**12) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value, is_number = float(value), True
    if not is_number or value != int(value) or not least <= value <= most:
        raise document.error(keys, f"a whole number from {least} on is wanted, not {value!r}")
    return int(value)


def _checked(
    names: Sequence[str],
    length: int,
    places: Mapping[str, str],
    build: Callable[[], dict[str, Array]],
) -> Axis:
    """Return an axis that refuses to be built with the same values twice."""

    def checked() -> dict[str, Array]:
        columns = build()
        # Absent values (NaN) are the same as each other here.
        rows = np.nan_to_num(np.array([columns[name] for name in names]), nan=np.inf)
        order = np.lexsort(rows)
        same = np.flatnonzero((rows[:, order[1:]] == rows[:, order[:-1]]).all(axis=0))
        if same.size:
            first, second = sorted(int(order[same[0] + i]) for i in (0, 1))
            point = ", ".join(f"{name} = {columns[name][first]:.9g}" for name in names)
            raise InputError(
                f"{places[names[0]]}: entries {first + 1} and {second + 1} are the same"
                f" to nine digits: {point}"
            )
        return columns

    return Axis(tuple(names), length, places, checked)
