"""``mcbook limits``: from counts or a workspace to upper limits."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, WorkError
from mcbook.limits.choose import N_TOYS, check_level, upper_limits
from mcbook.limits.result import Method
from mcbook.limits.table import read_counts, rows_of

Row = dict[str, Any]

SIGMA_COLUMNS = (
    "expected_minus2", "expected_minus1", "expected_median", "expected_plus1", "expected_plus2",
)  # fmt: skip


def set_limits(
    file: str | Path,
    *,
    cl: float,
    method: Method | str = "auto",
    patchset: str | Path | None = None,
    measurement: str | None = None,
    output: str | Path | None = None,
    seed: int = 0,
    n_toys: int = N_TOYS,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Set upper limits for every hypothesis of a file.

    Parameters
    ----------
    file
        A counts table (CSV; `mcbook.limits.table.read_counts` says what is in it), or a pyhf
        workspace (JSON).
    cl
        Confidence level in (0, 1); for ``bayesian`` the credibility level.
    method
        ``auto`` or one of `mcbook.limits.result.METHODS`.
    patchset
        A pyhf patchset with a grid of signals, for a workspace.
    measurement
        Measurement of the workspace; the first where none is named.
    output
        A folder for ``limits.csv`` and ``limits.json``; it is made when it is not there.
    seed, n_toys
        Of the toys.
    dry_run
        Read and check everything; compute and write nothing.

    Returns
    -------
    dict
        ``cl``, ``method``, ``kind`` (counts or workspace), ``notes``, ``files`` written, and
        ``limits``: for each hypothesis ``hypothesis``, ``parameters``, ``observed`` and
        ``expected`` (at -2 to 2 standard deviations) as factors on the signal, ``observed_events``
        (the observed limit in signal events), ``method``, ``status``. What is undefined is None.

    Raises
    ------
    InputError
        If the file, the level or an option is not right.
    """
    check_level(cl)
    folder = None if output is None else _folder(output)
    options = {"cl": cl, "method": method, "seed": seed, "n_toys": n_toys}
    kind = _kind_of(file)
    if kind == "counts":
        if patchset is not None or measurement is not None:
            raise InputError("--patchset and --measurement go with a pyhf workspace")
        rows, notes = _from_counts(file, options, dry_run=dry_run)
    else:
        rows, notes = _from_workspace(file, patchset, measurement, options, dry_run=dry_run)
    found: dict[str, Any] = {
        "cl": cl, "method": method, "kind": kind, "notes": notes, "files": [], "limits": rows,
    }  # fmt: skip
    if folder is not None and not dry_run:
        found["files"] = _write(folder, found)
    return found


def _kind_of(file: str | Path) -> str:
    """Return what a file is, from how it begins."""
    path = Path(file)
    if not path.exists():
        raise InputError(f"there is no file {file}")
    if not path.is_file():
        raise InputError(f"{file} is no file")
    try:
        with path.open("rb") as handle:
            begin = handle.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    return "workspace" if begin.startswith((b"{", b"[")) else "counts"


def _from_counts(
    file: str | Path, options: Mapping[str, Any], *, dry_run: bool
) -> tuple[list[Row], list[str]]:
    table = read_counts(file)
    if dry_run:
        return [], [*table.notes, f"{len(table.names)} hypotheses"]
    return rows_of(table, upper_limits(table.likelihoods, **options)), list(table.notes)


def _from_workspace(
    file: str | Path,
    patchset: str | Path | None,
    measurement: str | None,
    options: Mapping[str, Any],
    *,
    dry_run: bool,
) -> tuple[list[Row], list[str]]:
    from mcbook.limits.histfactory.workspace import read

    workspace = read(file, patchset, measurement)
    if dry_run:
        return [], [f"{len(workspace.entries)} hypotheses"]
    return workspace.limits(**options), []


def _folder(output: str | Path) -> Path:
    """Return the folder of results, refused before anything is computed where it cannot be."""
    folder = Path(output)
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"the folder {output} cannot be made: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"the folder {output} cannot be written: no permission in {there}")
    return folder


def _write(folder: Path, found: Mapping[str, Any]) -> list[str]:
    """Write both files aside and put them into place."""
    document = {"schema": 1, **{k: found[k] for k in ("kind", "cl", "method", "limits")}}
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".limits-{os.getpid()}"
        for name in ("limits.csv", "limits.json"):
            with aside.open("w", encoding="utf-8", newline="") as out:
                if name.endswith("csv"):
                    _write_csv(out, found["limits"], found["cl"])
                else:
                    _write_json(out, document)
            aside.replace(folder / name)
            written.append(str(folder / name))
    except OSError as error:
        raise WorkError(f"{folder} cannot be written: {error.strerror}") from error
    return written


def _write_json(out: Any, document: Mapping[str, Any]) -> None:
    """Write a line for each hypothesis: the encoder that indents takes three times as long."""
    head = {key: value for key, value in document.items() if key != "limits"}
    lines = ",\n".join(json.dumps(row, allow_nan=False) for row in document["limits"])
    out.write(f'{json.dumps(head, allow_nan=False)[:-1]}, "limits": [\n{lines}\n]}}\n')


def _write_csv(out: Any, rows: Sequence[Row], cl: float) -> None:
    parameters = list(dict.fromkeys(name for row in rows for name in row["parameters"]))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["hypothesis", *parameters, "observed", *SIGMA_COLUMNS, "observed_events", "cl", "method",
         "status"]
    )  # fmt: skip
    for row in rows:
        values = [row["parameters"].get(name) for name in parameters]
        numbers = [*values, row["observed"], *row["expected"], row["observed_events"]]
        writer.writerow(
            [row["hypothesis"], *("" if n is None else n for n in numbers), cl, row["method"],
             row["status"]]
        )  # fmt: skip
