"""Writes limits as ``limits.csv`` and ``limits.json``."""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcbook.errors import WorkError
from mcbook.report.document import is_intervals

Row = Mapping[str, Any]

FIT = ("mu", "mu_error", "events", "events_error", "significance", "p_value")
"""What a row says of its best fit, in columns that begin with ``fit_``."""

SIGMA_COLUMNS = (
    "expected_minus2", "expected_minus1", "expected_median", "expected_plus1", "expected_plus2",
)  # fmt: skip


def limits_json(document: Mapping[str, Any]) -> str:
    """Return the text of ``limits.json``: settings, then limits, a line for each hypothesis."""
    head = {key: value for key, value in document.items() if key != "limits"}
    opening = json.dumps(head, indent=1, allow_nan=False)[:-2]
    rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in document["limits"])
    return f'{opening},\n "limits": [\n  {rows}\n ]\n}}\n'


def limits_csv(document: Mapping[str, Any]) -> str:
    """Return the text of ``limits.csv``: a row for each hypothesis.

    Excluded intervals of a coupling are JSON lists of [low, high] in their cell.
    """
    rows: Sequence[Row] = document["limits"]
    parameters = list(dict.fromkeys(name for row in rows for name in row["parameters"]))
    is_analysis = document["kind"] == "analysis"
    has_errors = any("expected_error" in row for row in rows)
    is_open, has_intervals = bool(document.get("unblinded")), is_intervals(document)
    last = {"cl": document["cl"]}
    if document.get("result"):
        last["result"] = document["result"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header: list[str] = []
    for row in rows:
        cells = dict(_common(row))
        if has_errors:
            cells |= dict(_errors(row, is_open=is_open))
        if is_analysis and any("fit" in one for one in rows):
            cells |= {f"fit_{name}": row.get("fit", {}).get(name) for name in FIT}
        if is_analysis:
            cells |= dict(_of_analysis(row, is_open=is_open, has_intervals=has_intervals))
        cells |= last
        cells |= {"method": row["method"], "status": row["status"]}
        if not header:
            header = ["hypothesis", *parameters, *cells]
            writer.writerow(header)
        values = [row["parameters"].get(name) for name in parameters]
        writer.writerow([row["hypothesis"], *map(_cell, (*values, *cells.values()))])
    return out.getvalue()


def write(folder: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """Write files aside and put each into place; return their paths.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    written = []
    aside = folder / f".limits-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(content if isinstance(content, bytes) else content.encode())
            aside.replace(folder / name)
            written.append(str(folder / name))
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise WorkError(f"{folder} cannot be written: {error.strerror}") from error
    return written


def _common(row: Row) -> Iterator[tuple[str, Any]]:
    yield "observed", row["observed"]
    yield from zip(SIGMA_COLUMNS, row["expected"], strict=True)
    yield "observed_events", row["observed_events"]


def _errors(row: Row, *, is_open: bool) -> Iterator[tuple[str, Any]]:
    """Yield the errors from toys; a row without toys has none."""
    nothing = [None] * len(SIGMA_COLUMNS)
    yield "observed_error", row.get("observed_error")
    yield from _bands("expected_error", row.get("expected_error", nothing))
    if is_open:
        yield from _bands("postfit_error", row.get("expected_postfit_error", nothing))


def _of_analysis(row: Row, *, is_open: bool, has_intervals: bool) -> Iterator[tuple[str, Any]]:
    """Yield what only an analysis knows: limits on cross sections and on what it limits."""
    if is_open:
        yield from _bands("postfit", row["expected_postfit"])
    for name in ("sigma_fb", "sigma_br_fb"):
        yield f"{name}_observed", row[name]["observed"]
        yield f"{name}_expected", row[name]["expected"][2]
    rate = row["rate"]
    yield "rate", rate["name"]
    yield "rate_observed", rate["observed"]
    yield from _bands("rate_expected", rate["expected"])
    if has_intervals:  # why an edge is none, "" where it is one
        ends = rate.get("open")
        yield "open_observed", ends and ends["observed"]
        yield "open_expected", ends and ends["expected"][2]
    if is_open:
        yield from _bands("rate_postfit", rate["expected_postfit"])
    for name, value in row["efficiency"].items():
        yield f"efficiency_{name}", value
    yield "flags", " ".join(row["flags"])
    yield "samples", " ".join(row["samples"])


def _bands(name: str, values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for column, value in zip(SIGMA_COLUMNS, values, strict=True):
        yield f"{name}{column.removeprefix('expected')}", value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list) else value
