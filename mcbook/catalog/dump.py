"""The books as sorted JSON lines: for review, for backup, and to move them between databases.

The first line says what the file is; each further line is one row of one table. The same books give
the same bytes, whatever the order in which they were filled and whatever the database.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, String, Table, collate, select
from sqlmodel import SQLModel

from mcbook.catalog import collection, tables, tables_selection, tables_simulation
from mcbook.catalog.migrations import REVISIONS
from mcbook.catalog.rows import ROWS, make_row
from mcbook.catalog.unblindings import identity_of
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import InputError

SCHEMA = 1
_CHUNK = 5000
_AMONG = 500
"""Values in one statement: databases take some ten thousand at most."""

_CLASSES: dict[str, type[SQLModel]] = {
    "definitions": tables.Definition,
    "formula_sets": tables.FormulaSet,
    "roots": tables.Root,
    "samples": tables.Sample,
    "points": tables.Point,
    "parts": tables.Part,
    "cards": tables.Card,
    "shared_files": tables.SharedFile,
    "files": tables.File,
    "history": tables.History,
    "unblindings": tables.Unblinding,
    "results": tables.Result,
    "limit_points": tables.LimitPoint,
    "result_samples": tables.ResultSample,
    "efficiency_maps": tables.EfficiencyMap,
    "efficiency_rows": tables.EfficiencyRow,
    "tags": tables.Tag,
    "owners": tables.Owner,
    "retirements": tables.Retirement,
    "collections": tables.Collection,
    "collection_samples": tables.CollectionSample,
    "simulations": tables_simulation.Simulation,
    "simulation_jobs": tables_simulation.SimulationJob,
    "simulated_files": tables_simulation.SimulatedFile,
    "simulated_file_jobs": tables_simulation.SimulatedFileJob,
    "cutflows": tables_selection.Cutflow,
    "cutflow_rows": tables_selection.CutflowEntry,
}

_KEYS = {
    "samples": ("id",),
    "points": ("sample_id", "digest"),
    "history": ("sample_id",),
}
"""What rows are sorted by, where that is not the primary key."""


def table_of(name: str) -> Table:
    """Return a table for statements of SQLAlchemy."""
    return SQLModel.metadata.tables[name]


def stored_rows(
    books: Reader, name: str, *conditions: ColumnElement[bool]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, sorted, without numbers that the database gave them."""
    table = table_of(name)
    columns = [table.c[field] for field in ROWS[name]._fields]
    keys = [table.c[key] for key in _KEYS.get(name, table.primary_key.columns.keys())]
    order = [plain_order(books, key) for key in keys]
    statement = select(*columns).where(*conditions).order_by(*order)
    with books.connection.execute(statement.execution_options(yield_per=_CHUNK)) as result:
        for row in result.mappings():
            yield _with_floats(dict(row))


def rows_among(
    books: Reader, name: str, column: str, values: Iterable[Any], *conditions: ColumnElement[bool]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table in which a column is among some values, however many these are."""
    listed = list(values)
    for start in range(0, len(listed), _AMONG):
        some = table_of(name).c[column].in_(listed[start : start + _AMONG])
        yield from stored_rows(books, name, some, *conditions)


def ids_beginning(books: Reader, name: str, prefix: str, most: int) -> list[str]:
    """Return the first ids of a table that begin with *prefix*; only that one where it is one."""
    column = plain_order(books, table_of(name).c.id)
    statement = (
        select(table_of(name).c.id)
        .where(column >= prefix, column < prefix + "\x7f")
        .order_by(column)
        .limit(most)
    )
    found = books.connection.execute(statement).scalars().all() if prefix else []
    return [prefix] if prefix in found else list(found)


def plain_order(books: Reader, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column to sort by, in the order of bytes rather than of a language."""
    if isinstance(column.type, String) and books.connection.dialect.name == "postgresql":
        return collate(column, "C")
    return column


def _with_floats(row: dict[str, Any]) -> dict[str, Any]:
    """Make numbers of parameters floats again: PostgreSQL gives a whole number back as one."""
    for field in ("parameters", "derived", "limits", "axes"):
        if field in row:
            row[field] = _floats(row[field])
    for one in row.get("displacement", ()):
        if one["decay"] is not None:
            one["decay"]["length_mm"] = float(one["decay"]["length_mm"])
    return row


def _floats(value: Any) -> Any:
    """Return JSON with every number a float, however deep it lies."""
    if isinstance(value, dict):
        return {name: _floats(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_floats(entry) for entry in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def dump_lines(books: Reader) -> Iterator[str]:
    """Yield the lines of a dump, without line ends."""
    yield _line({"mcbook": "books", "schema": SCHEMA, "revision": REVISIONS[-1]})
    for name in ROWS:
        rows = ({"table": name, **row} for row in stored_rows(books, name))
        if name == "history":
            for _, group in groupby(rows, key=lambda row: row["sample_id"]):
                yield from sorted(map(_line, group))
        else:
            yield from map(_line, rows)


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load_lines(books: Writer, lines: Iterable[str], source: str) -> dict[str, int]:
    """Put the rows of a dump into empty books.

    Parameters
    ----------
    books
        Must hold no rows yet.
    lines
        The dump.
    source
        Its name, for errors.

    Returns
    -------
    dict
        How many rows each table got.

    Raises
    ------
    InputError
        If the books are not empty, or a line is not one of a dump.
    """
    for name in ROWS:
        if books.connection.execute(select(table_of(name)).limit(1)).first() is not None:
            raise InputError(
                "the catalog is not empty", hint="`mcbook catalog merge` adds books to books"
            )
    counts = dict.fromkeys(ROWS, 0)
    for name, rows in groupby(_records(lines, source), key=lambda record: record[0]):
        while chunk := [row for _, row in islice(rows, _CHUNK)]:
            counts[name] += books.insert(name, chunk)
    return counts


def _records(lines: Iterable[str], source: str) -> Iterator[tuple[str, Any]]:
    """Yield table and record of each line behind the first."""
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, ""))
    _check_header(_object(first, f"{source}:1"), source)
    for number, line in numbered:
        where = f"{source}:{number}"
        values = _object(line, where)
        name = str(values.pop("table", None))
        if name not in ROWS:
            raise InputError(f"{where}: there is no table {name!r}")
        yield name, _record(name, values, where)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not a line of JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: not a JSON object")
    return value


def _refuse(constant: str) -> float:
    msg = f"{constant} is not a finite number"
    raise ValueError(msg)


def _check_header(header: Mapping[str, Any], source: str) -> None:
    if header.get("mcbook") != "books":
        raise InputError(
            f"{source} is no dump of a catalog", hint="`mcbook catalog dump` makes one"
        )
    if header.get("schema") != SCHEMA or header.get("revision") not in REVISIONS:
        raise InputError(
            f"{source} was written by a newer mcbook (schema {header.get('revision')})",
            hint="upgrade mcbook",
        )


def _record(name: str, values: dict[str, Any], where: str) -> Any:
    """Check one row and return its record."""
    expected = set(ROWS[name]._fields)
    if values.keys() != expected:
        wrong = ", ".join(sorted(values.keys() ^ expected))
        raise InputError(f"{where}: a row of {name} has other columns than expected: {wrong}")
    try:
        checked = _CLASSES[name].model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        column = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {column}: {first['msg']}") from error
    _check_keys(name, values, where)
    if name in _HASHED and values["id"] != _HASHED[name](values):
        raise InputError(f"{where}: the id {values['id']} does not belong to its row")
    for field in {"path", "directory"} & values.keys() if name != "roots" else ():
        path = PurePosixPath(values[field] or "")
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{where}: {field} leaves the samples folder: {values[field]}")
    return make_row(name, {field: getattr(checked, field) for field in ROWS[name]._fields})


_HASHED: dict[str, Callable[[dict[str, Any]], str]] = {
    "samples": lambda row: f"{row['model']}-{row['digest'][:12]}",
    "results": lambda row: f"r-{row['digest'][:12]}",
    "efficiency_maps": lambda row: f"e-{row['digest'][:12]}",
    "cutflows": lambda row: f"k-{row['digest'][:12]}",
    "unblindings": identity_of,
    "collections": collection.identity_of,
    "simulations": lambda row: f"{row['sample_id']}-s{row['digest'][:8]}",
}
"""What the id of a row must be."""

_KEYS_IN_JSON = {
    "document": {"closure", "generator", "model", "process", "settings", "templates"},
    "facts": {"fraction", "production", "shape", "unit"},
}


def _check_keys(name: str, values: Mapping[str, Any], where: str) -> None:
    """Refuse a definition without the entries that others read."""
    for field, expected in _KEYS_IN_JSON.items() if name == "definitions" else ():
        if values[field].keys() != expected:
            raise InputError(f"{where}: {field} must have {', '.join(sorted(expected))}")
