"""Prints results: one JSON document, tables, records; notes and progress on stderr."""

import json
import math
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

Row = Mapping[str, Any]

#: Work that takes less than this is done before a bar could be read [s].
PATIENCE_S = 1.0

#: Columns between two columns of a plain table.
GAP = "  "


def json_document(value: Any) -> None:
    """Print one JSON document, a list with one element on each line; paths as tables have them."""
    is_list = isinstance(value, list)
    text = "[" + ",\n ".join(map(_json, value)) + "]" if is_list else _json(value, indent=2)
    # Where a text begins with this folder: one look through the document, not one for each value.
    typer.echo(text.replace(_json(_here())[:-1], '"'))


def table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print rows: ruled on a terminal, aligned by spaces elsewhere."""
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        _rich_table(cells, columns)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = []
    for line in (columns, *cells):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append(GAP.join(padded).rstrip())
    typer.echo("\n".join(lines))


def csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Print rows as comma-separated values with full precision and a line of names."""
    from csv import writer

    out = writer(sys.stdout, lineterminator="\n")
    out.writerow(columns)
    out.writerows([_plain(row.get(column)) for column in columns] for row in rows)


def record(value: Row, indent: str = "") -> None:
    """Print a record: a line for each value, tables for lists of records."""
    for name, entry in value.items():
        if isinstance(entry, Mapping) and entry:
            typer.echo(f"{indent}{name}:")
            record(entry, indent + GAP)
        elif isinstance(entry, list) and entry and isinstance(entry[0], Mapping):
            typer.echo(f"{indent}{name}:")
            table(entry, list(dict.fromkeys(key for row in entry for key in row)))
        else:
            typer.echo(f"{indent}{name}: {cell(entry)}")


def result(value: Row, format_: str, *, dry_run: bool = False) -> None:
    """Print a record, or one JSON document."""
    if dry_run:
        note("dry run, nothing was written")
    if format_ == "json":
        json_document(value)
    else:
        record(value)


def note(text: str) -> None:
    """Print a remark on stderr."""
    typer.echo(f"note: {text}", err=True)


def from_here(text: str) -> str:
    """Return a text with its paths below this folder as seen from here."""
    return re.sub(rf"(?<![\w./-]){re.escape(os.getcwd())}/", "", text)  # noqa: PTH109


def note_own(models_dir: str | Path | None, model: str | None = None) -> None:
    """Say aloud which files of the user stand in for shipped ones, and which do nothing."""
    from mcbook import resources

    for text in resources.remarks(models_dir, model):
        note(text)


class Progress:
    """A progress bar that appears on a terminal when the work takes longer than a second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show that *done* of *total* are done."""
        if self._bar is None:
            if time.monotonic() - self._started < PATIENCE_S or not sys.stderr.isatty():
                return
            self._open()
        self._bar.update(self._task, completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _open(self) -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            *progress.Progress.get_default_columns(),
            progress.MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._label, total=None)
        self._bar.start()


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Yield what a verb calls with how much of its work is done."""
    bar = Progress(label)
    try:
        yield bar
    finally:
        bar.close()


def _rich_table(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    ruled = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        ruled.add_column(Text(column), overflow="fold")
    for line in cells:
        ruled.add_row(*map(Text, line))
    Console().print(ruled)


def cell(value: Any) -> str:
    """Return a value as a person reads it; a path below this folder without the folder."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={cell(entry)}" for key, entry in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(cell, value)) or "-"
    return str(value).removeprefix(_here())


def _here() -> str:
    """Return this folder as paths below it begin."""
    return f"{os.getcwd()}/"  # noqa: PTH109  a call for each cell, and Path is slow


def _plain(value: Any) -> str:
    """Return a value as a program reads it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return value.removeprefix(_here()) if isinstance(value, str) else _json(value)


def _json(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except (TypeError, ValueError):
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    """Return what JSON can hold: null in place of a number that is not finite."""
    if isinstance(value, Mapping):
        clean = {str(key): _finite(entry) for key, entry in value.items()}
        number = value.get("value")
        if isinstance(number, float) and not math.isfinite(number):
            clean.setdefault("reason", "undefined" if math.isnan(number) else "infinite")
        return clean
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_finite(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else _foreign(value)


def _foreign(value: Any) -> Any:
    """Return numbers of numpy as numbers, everything else as its text."""
    return _finite(value.item()) if hasattr(value, "item") else str(value)
