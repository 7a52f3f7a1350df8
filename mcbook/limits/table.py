"""The counts table: one line a hypothesis, what was observed there and what was expected."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.limits.likelihoods import MOST_EVENTS, Likelihoods, Modifier, one_bin
from mcbook.limits.result import errors_of, plain

Array = NDArray[np.float64]

NEEDED = ("hypothesis", "signal", "background")
SIDEBAND = ("sideband_observed", "sideband_ratio")
UNCERTAIN_ZERO = "an uncertainty on a background of 0"
SIDEBAND_INSTEAD = "a sideband (sideband_observed, sideband_ratio) is right at zero"
KNOWN = (*NEEDED, "observed", "background_stat", *SIDEBAND)

FAR = 3.0
"""Poisson standard deviations beyond which a background and its sideband disagree."""

_SYSTEMATIC = re.compile(r"(signal|background)_([A-Za-z0-9_]+)_rel")
_TAKEN = re.compile(r"(signal|background|sideband|observed|hypothesis)(_|$)")
_MOST_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class CountsTable:
    """A counts table that was read.

    Attributes
    ----------
    names
        Of the hypotheses.
    parameters
        Columns that are neither counts nor systematics, shape (H,) each.
    likelihoods
        One bin: signal is sample 0, background sample 1.
    notes
        What the reader should know.
    """

    names: tuple[str, ...]
    parameters: dict[str, Array]
    likelihoods: Likelihoods
    notes: tuple[str, ...]


def read_counts(path: str | Path) -> CountsTable:
    """Read a counts table.

    Columns are ``hypothesis``, ``signal``, ``background`` and, where there are counts,
    ``observed`` (a cell may be empty); then any of ``signal_<source>_rel`` and
    ``background_<source>_rel`` (factors 1 + r and 1 - r, 0 <= r < 1, the same source is one
    nuisance, 0 is absent), ``background_stat`` (absolute), and ``sideband_observed`` with
    ``sideband_ratio``: then the background is a free number that the sideband measures. Every
    other column is a numeric parameter.

    Raises
    ------
    InputError
        If the file is not such a table; the message names line and column.
    """
    header, lines = _lines(path)
    _check_header(path, header)
    columns = _columns(path, header, lines)
    names = tuple(columns.pop("hypothesis"))
    _check_names(path, names)
    numbers = {name: _numbers(path, name, cells) for name, cells in columns.items()}
    return _table(path, names, numbers)


def _lines(path: str | Path) -> tuple[list[str], list[list[str]]]:
    try:
        file = Path(path)
        if file.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 1_000_000} MB")
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle, strict=True))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text", hint="a counts table is a CSV file") from None
    except csv.Error as error:
        raise InputError(f"{path}: not CSV: {error}") from None
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise InputError(f"{path}: the file is empty", hint=f"it begins with {','.join(NEEDED)}")
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if len(rows) < 2:  # noqa: PLR2004
        raise InputError(f"{path}: there is a header and no hypothesis")
    return [cell.strip() for cell in rows[0]], rows[1:]


def _check_header(path: str | Path, header: Sequence[str]) -> None:
    where = f"{path}, line 1"
    for name in header:
        if not name:
            raise InputError(f"{where}: a column has no name")
        if header.count(name) > 1:
            raise InputError(f"{where}: the column {name!r} is there twice")
        _check_column(where, name)
    for name in NEEDED:
        if name not in header:
            spelt = did_you_mean(name, [h for h in header if h not in KNOWN])
            hint = spelt if spelt and spelt.startswith("did") else f"columns: {', '.join(header)}"
            if len(header) == 1 and ";" in header[0]:
                hint = "columns are separated by commas, not by semicolons"
            raise InputError(f"{where}: the column {name!r} is missing", hint=hint)
    if (SIDEBAND[0] in header) != (SIDEBAND[1] in header):
        raise InputError(f"{where}: {SIDEBAND[0]} and {SIDEBAND[1]} go together")


def _check_column(where: str, name: str) -> None:
    """Refuse a column that looks like a count or a systematic and is none."""
    if name in KNOWN or _SYSTEMATIC.fullmatch(name):
        return
    near = did_you_mean(name, KNOWN)
    is_typo = near is not None and near.startswith("did you mean") and _distance_small(name)
    if _TAKEN.match(name) or is_typo or name.endswith("_rel"):
        forms = "known: " + ", ".join((*KNOWN, "signal_<source>_rel", "background_<source>_rel"))
        hint = f"did you mean '{name}_rel'?" if _could_be_relative(name) else near
        if name.endswith("_rel"):
            hint = _as_systematic(name)
        raise InputError(f"{where}: unknown column {name!r}", hint=hint or forms)


def _could_be_relative(name: str) -> bool:
    return _SYSTEMATIC.fullmatch(f"{name}_rel") is not None


def _as_systematic(name: str) -> str | None:
    """Return which systematic a name may mean, by its first word."""
    import difflib

    first, _, rest = name.partition("_")
    sides = difflib.get_close_matches(first.lower(), ("signal", "background"), n=1)
    return f"did you mean '{sides[0]}_{rest}'?" if sides and rest != "rel" else None


def _distance_small(name: str) -> bool:
    """Return whether a name is one of ours but for a letter or two."""
    import difflib

    return bool(difflib.get_close_matches(name.lower(), KNOWN, n=1, cutoff=0.85))


def _columns(
    path: str | Path, header: Sequence[str], lines: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise InputError(
                f"{path}, line {number}: {len(line)} cells, and the header has {len(header)}"
            )
    return {name: list(cells) for name, cells in zip(header, zip(*lines, strict=True), strict=True)}


def _check_names(path: str | Path, names: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=2):
        if not name.strip():
            raise InputError(f"{path}, line {number} (hypothesis): the name is empty")
        if name in seen:
            raise InputError(
                f"{path}, line {number} (hypothesis): {name!r} is there already, "
                f"on line {seen[name]}"
            )
        seen[name] = number


def _numbers(path: str | Path, name: str, cells: Sequence[str]) -> Array:
    """Return the numbers of a column, checked for what the column means."""
    may_be_empty = name == "observed"
    try:
        values = np.array([math.nan if may_be_empty and not c.strip() else float(c) for c in cells])
        is_plain = not any("_" in cell or not cell.isascii() for cell in cells)
    except ValueError:
        is_plain = False
    if not is_plain:  # float() takes more than a table of numbers should hold
        values = np.array([_number_or_nan(cell) for cell in cells])
    empty = np.array([may_be_empty and not cell.strip() for cell in cells])
    for bad, what, hint in _faults(name, values):
        found = np.flatnonzero(bad & ~empty)
        if len(found):
            line, cell = int(found[0]) + 2, cells[int(found[0])]
            raise InputError(f"{path}, line {line} ({name}): {cell.strip()!r} {what}", hint=hint)
    return values


def _number_or_nan(cell: str) -> float:
    try:
        return float(cell) if cell.isascii() and "_" not in cell else math.nan
    except ValueError:
        return math.nan


def _faults(name: str, values: Array) -> Iterator[tuple[NDArray[np.bool_], str, str | None]]:
    yield ~np.isfinite(values), "is no finite number", None
    if name in ("observed", "sideband_observed"):
        yield values != np.round(values), "is no whole number", "a count is a whole number"
    if name in KNOWN or _SYSTEMATIC.fullmatch(name):
        yield values < 0, "is negative", None
        yield values > MOST_EVENTS, f"is more than {MOST_EVENTS:g}", "a count is one of events"
    if _SYSTEMATIC.fullmatch(name):
        hint = "a relative uncertainty r stands for factors 1 + r and 1 - r"
        yield values >= 1, "is not below 1", hint
    if name == "sideband_ratio":
        yield values <= 0, "is not above 0", "it is the expected events there over those here"


def _table(path: str | Path, names: tuple[str, ...], numbers: dict[str, Array]) -> CountsTable:
    modifiers = [
        modifier
        for name, values in numbers.items()
        if (found := _SYSTEMATIC.fullmatch(name)) and values.any()
        for modifier in [_relative(found[1], found[2], values)]
    ]
    if "background_stat" in numbers and numbers["background_stat"].any():
        sigma = np.where(numbers["background"] > 0, numbers["background_stat"], 0.0)
        modifiers.append(Modifier("staterror", "background_stat", 1, {"sigma": sigma[:, None]}))
        _check_stat(path, numbers)
    if SIDEBAND[0] in numbers:
        data = {"observed": numbers[SIDEBAND[0]], "ratio": numbers[SIDEBAND[1]]}
        modifiers.append(Modifier("sideband", "sideband", 1, data))
    likelihoods = one_bin(
        numbers["signal"], numbers["background"], numbers.get("observed"), modifiers
    )
    parameters = {
        name: values
        for name, values in numbers.items()
        if name not in KNOWN and not _SYSTEMATIC.fullmatch(name)
    }
    return CountsTable(names, parameters, likelihoods, tuple(_notes(names, numbers)))


def _relative(side: str, source: str, values: Array) -> Modifier:
    sample = 0 if side == "signal" else 1
    return Modifier("normsys", source, sample, {"hi": 1 + values, "lo": 1 - values})


def _check_stat(path: str | Path, numbers: dict[str, Array]) -> None:
    lost = np.flatnonzero((numbers["background_stat"] > 0) & (numbers["background"] == 0))
    if len(lost):
        raise InputError(
            f"{path}, line {int(lost[0]) + 2} (background_stat): {UNCERTAIN_ZERO}",
            hint=SIDEBAND_INSTEAD,
        )
    if SIDEBAND[0] in numbers:
        raise InputError(f"{path}, line 1: background_stat and a sideband exclude each other")


def _notes(names: Sequence[str], numbers: dict[str, Array]) -> Iterator[str]:
    if SIDEBAND[0] not in numbers:
        return
    expected = numbers["background"] * numbers[SIDEBAND[1]]
    far = np.abs(numbers[SIDEBAND[0]] - expected) > FAR * np.sqrt(np.maximum(expected, 1.0))
    if far.any():
        first = names[int(np.flatnonzero(far)[0])]
        yield (
            f"{int(far.sum())} of {len(names)} hypotheses, {first!r} the first: the background is "
            f"more than {FAR:g} standard deviations from sideband_observed / sideband_ratio, "
            "which is what counts"
        )


def rows_of(table: CountsTable, limits: Any) -> list[dict[str, Any]]:
    """Return limits as the command gives them, one record a hypothesis.

    ``observed`` and ``expected`` are factors on the signal column; ``observed_events`` is the
    observed limit in signal events. Toys add ``observed_error`` and ``expected_error``.
    """
    signal = table.likelihoods.signal[:, 0]
    has_observed = table.likelihoods.has_observed
    return [
        {
            "hypothesis": name,
            "parameters": {key: float(values[i]) for key, values in table.parameters.items()},
            "observed": plain(limits.observed[i]) if has_observed[i] else None,
            "expected": [plain(value) for value in limits.expected[i]],
            "observed_events": plain(limits.observed[i] * signal[i]),
            "method": str(limits.method[i]),
            "status": str(limits.status[i]),
            **errors_of(limits, i),
        }
        for i, name in enumerate(table.names)
    ]
