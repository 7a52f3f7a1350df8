"""Looking up and adding many rows in one transaction, at nearly the speed of the bare driver.

Rows are handed to the driver as they are, without an object for each.
"""

import getpass
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.exc import IntegrityError

from mcbook.catalog.json_text import as_json, hash_of
from mcbook.catalog.rows import (
    ROWS,
    CardRow,
    DefinitionRow,
    FormulaSetRow,
    HistoryRow,
    PartRow,
    PointRow,
    RootRow,
    Row,
    SampleRow,
    SharedFileRow,
)
from mcbook.errors import InputError, WorkError

_LITERAL = re.compile(r"'(?:[^']|'')*'")


def now() -> str:
    """Return this moment in UTC, in ISO format with seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Reader:
    """Looks things up in one state of the books; `connection` is open for anything else."""

    def __init__(
        self, connection: Connection, folder: Path | None, roots: Mapping[str, Path]
    ) -> None:
        self.connection = connection
        self._folder = folder
        self._roots = roots

    @contextmanager
    def selecting(self, statement: str, values: Mapping[str, Any]) -> Iterator[Any]:
        """Give the driver's own cursor over the rows of a SELECT: its plain tuples are quick.

        *statement* has its parameters as ``:name``, except within its literals.
        """
        if self.connection.dialect.name == "sqlite":
            driver: Any = self.connection.connection.driver_connection
            yield driver.execute(statement, values)
            return
        escaped = _LITERAL.sub(lambda found: found[0].replace(":", r"\:"), statement)
        with self.connection.execute(text(escaped), values) as result:
            yield result.cursor

    def existing(self, digests: Iterable[str]) -> dict[str, str]:
        """Return the ids of those samples that are in the books already, by digest."""
        rows = self._among("SELECT digest, id FROM samples WHERE digest", list(digests))
        return {row[0]: row[1] for row in rows}

    def parts_of(self, sample_ids: Iterable[str]) -> dict[str, list[PartRow]]:
        """Return the parts of samples, in order; samples without parts are not in the result."""
        rows = self._among(
            "SELECT sample_id, number, events, seed, status, storage, directory"
            " FROM parts WHERE sample_id",
            list(sample_ids),
        )
        parts: defaultdict[str, list[PartRow]] = defaultdict(list)
        for row in sorted(rows):
            parts[row[0]].append(PartRow(*row))
        return dict(parts)

    def points_of(self, sample_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Return sample id and digest of every point that these samples serve."""
        rows = self._among("SELECT sample_id, digest FROM points WHERE sample_id", list(sample_ids))
        return {(row[0], row[1]) for row in rows}

    def cards_of(self, sample_ids: Iterable[str]) -> Sequence[tuple[str, str, str, str, str]]:
        """Return sample id, storage root, path and SHA-256 of each card of samples.

        At the end stands the moment at which cards of the sample were last recorded.
        """
        return self._among(
            "SELECT s.id, COALESCE(p.storage, s.storage), c.path, c.sha256,"
            " COALESCE((SELECT MAX(at) FROM history WHERE sample_id = s.id"
            " AND event IN ('planned', 'extended')), s.created)"
            " FROM samples AS s JOIN cards AS c ON c.sample_id = s.id"
            " LEFT JOIN parts AS p ON p.sample_id = s.id AND p.number = c.part WHERE s.id",
            list(sample_ids),
        )

    def used_seeds(self, candidates: Iterable[int]) -> set[int]:
        """Return those seeds that a part in the books has already."""
        rows = self._among("SELECT DISTINCT seed FROM parts WHERE seed", list(candidates))
        return {seed for (seed,) in rows}

    def named(
        self, table: str, column: str, wanted: Iterable[str], *, key: str = "id"
    ) -> list[tuple[str, str]]:
        """Return *key* and *column* of those rows of a table whose *key* is among *wanted*."""
        statement = f"SELECT {key}, {column} FROM {table} WHERE {key}"  # noqa: S608
        return [(row[0], row[1]) for row in self._among(statement, list(wanted))]

    def samples_like(
        self, model: str, process: str, generator: str, *, other_than: str
    ) -> list[tuple[str, dict[str, Any], dict[str, float]]]:
        """Return id, settings and parameters of samples of a process with another definition."""
        wanted = {"model": model, "process": process, "generator": generator}
        documents = {
            digest: as_object(document)
            for digest, document in self._execute(
                "SELECT digest, document FROM definitions WHERE digest <> ?", (other_than,)
            )
        }
        settings = {
            digest: document["settings"]
            for digest, document in documents.items()
            if wanted.items() <= document.items()
        }
        rows = self._among(
            "SELECT id, definition, parameters FROM samples WHERE definition", list(settings)
        )
        return [(row[0], settings[row[1]], as_object(row[2])) for row in rows]

    def root_path(self, name: str) -> Path:
        """Return where a storage root is.

        Raises
        ------
        InputError
            If neither the books nor the configuration know it.
        """
        if name in self._roots:
            return Path(self._roots[name])
        path = self._execute("SELECT path FROM roots WHERE name = ?", (name,)).scalar()
        if path is None:
            raise InputError(f"the books name no storage root {name!r}")
        return (self._folder or Path("/")) / str(path)

    def roots(self) -> dict[str, Path]:
        """Return where all storage roots are."""
        names = [name for (name,) in self._execute("SELECT name FROM roots ORDER BY name", ())]
        return {name: self.root_path(name) for name in names}

    def _among(self, select: str, wanted: Sequence[Any]) -> Sequence[Any]:
        """Run *select*, which ends in a column, for the rows in which that is among *wanted*."""
        if not wanted:
            return []
        if self.connection.dialect.name == "postgresql":
            return self._execute(f"{select} = ANY(?)", (list(wanted),)).all()
        among = "IN (SELECT value FROM json_each(?))"
        return self._execute(f"{select} {among}", (json.dumps(wanted),)).all()

    def _execute(self, statement: str, values: Any) -> CursorResult[*tuple[Any, ...]]:
        if self.connection.dialect.name == "postgresql":
            statement = statement.replace("?", "%s")
        return self.connection.exec_driver_sql(statement, values)


class Writer(Reader):
    """Adds rows while it holds the write lock; nothing is overwritten but derived values."""

    def add_definitions(self, rows: Iterable[DefinitionRow]) -> int:
        """Add definitions that are not there yet; return how many are new."""
        return self.insert("definitions", rows, skip="digest")

    def add_formulas(self, versions: Mapping[str, str | float]) -> str:
        """Record which formulas and constants were used; return the key for samples and points."""
        key = hash_of(dict(versions))
        self.insert("formula_sets", [FormulaSetRow(key, as_json(dict(versions)))], skip="digest")
        return key

    def add_root(self, path: Path) -> str:
        """Return the name of the storage root at *path*, a new one if need be.

        A folder below that of the catalog is recorded relative to it, so that both can be moved
        together. The first root is called ``samples``.
        """
        path = _real(path)
        known = self.roots()
        for name, root in known.items():
            if _real(root) == path:
                return name
        elsewhere = {name for name, root in self._roots.items() if _real(root) != path}
        name = next(name for name in _root_names() if name not in known.keys() | elsewhere)
        folder = _real(self._folder) if self._folder else None
        is_inside = folder is not None and path.is_relative_to(folder)
        recorded = path.relative_to(folder) if folder and is_inside else path
        self.insert("roots", [RootRow(name, recorded.as_posix())])
        return name

    def add_samples(self, rows: Iterable[SampleRow]) -> int:
        """Add samples that are new; look for `existing` ones before.

        Raises
        ------
        WorkError
            If one of them is there already, or refers to something that is not.
        """
        created = now()
        rows = [row if row.created else row._replace(created=created) for row in rows]
        return self.insert("samples", rows)

    def add_points(self, rows: Iterable[PointRow]) -> int:
        """Add points; those that their samples have already are left alone. Return the new ones."""
        return self.insert("points", rows, skip="sample_id, digest")

    def add_parts(self, rows: Iterable[PartRow]) -> int:
        """Add parts that are new.

        Raises
        ------
        WorkError
            If a sample has a part of that number already.
        """
        return self.insert("parts", rows)

    def add_cards(self, rows: Iterable[CardRow]) -> int:
        """Add cards that are new.

        Raises
        ------
        WorkError
            If a card is recorded already.
        """
        return self.insert("cards", rows)

    def add_shared_files(self, rows: Iterable[SharedFileRow]) -> int:
        """Add files that samples share and that are not there yet; return how many are new."""
        return self.insert("shared_files", rows, skip="definition, storage, path")

    def add_history(self, rows: Iterable[HistoryRow]) -> int:
        """Add what happened."""
        at, who = now(), user()
        rows = [row._replace(at=row.at or at, who=row.who or who) for row in rows]
        return self.insert("history", rows)

    def raise_events(self, rows: Iterable[tuple[str, int, int]]) -> None:
        """Raise, but never lower, how many events samples aim at and have.

        Parameters
        ----------
        rows
            Id of the sample, target, number of events.
        """
        self._execute_many(
            "UPDATE samples SET"
            " events_target = CASE WHEN events_target < ? THEN ? ELSE events_target END,"
            " n_events = CASE WHEN n_events < ? THEN ? ELSE n_events END"
            " WHERE id = ? AND (events_target < ? OR n_events < ?)",
            [
                (target, target, events, events, sample_id, target, events)
                for sample_id, target, events in rows
            ],
        )

    def refresh_samples(self, rows: Iterable[SampleRow]) -> int:
        """Replace derived values that other versions of the formulas gave; return how many."""
        return self._execute_many(
            "UPDATE samples SET derived = ?, reasons = ?, expected_rate = ?, formulas = ?"
            " WHERE digest = ? AND formulas <> ?",
            [
                (
                    *(row.derived, row.reasons, row.expected_rate, row.formulas),
                    *(row.digest, row.formulas),
                )
                for row in rows
            ],
        )

    def refresh_points(self, rows: Iterable[PointRow]) -> int:
        """Replace what other versions of the formulas gave at points; return at how many."""
        return self._execute_many(
            "UPDATE points SET factor = ?, derived = ?, reasons = ?, wide = ?, formulas = ?"
            " WHERE sample_id = ? AND digest = ? AND formulas <> ?",
            [
                (
                    *(row.factor, row.derived, row.reasons, row.wide, row.formulas),
                    *(row.sample_id, row.digest, row.formulas),
                )
                for row in rows
            ],
        )

    def insert(self, table: str, rows: Iterable[Row], *, skip: str | None = None) -> int:
        """Add rows as they are.

        Parameters
        ----------
        table
            One of `mcbook.catalog.rows.ROWS`, with the record that it has there.
        rows
            The records, with nothing left to fill in.
        skip
            The columns that make a row the same as one that is there already; such a row is left
            out.

        Raises
        ------
        WorkError
            If a row is there already, or refers to something that is not.
        """
        columns = ROWS[table]._fields
        holes = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes})"  # noqa: S608
        if skip:
            statement += f" ON CONFLICT ({skip}) DO NOTHING"
        try:
            return self._execute_many(statement, rows)
        except IntegrityError as error:
            raise WorkError(
                f"the books refuse new rows of {table}: {str(error.orig).strip()}"
            ) from error

    def change(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run an UPDATE once for each row of values; return how many rows it changed."""
        return self._execute_many(statement, rows)

    def _execute_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run *statement* once per row; return how many rows it changed."""
        values = list(rows)
        return self._execute(statement, values).rowcount if values else 0


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object that the driver gave as text or decoded already."""
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def user() -> str:
    """Return who is at work; in a container that may be a number without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _root_names() -> Iterable[str]:
    yield "samples"
    number = 2
    while True:
        yield f"samples-{number}"
        number += 1


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
