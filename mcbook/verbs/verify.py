"""``mcbook verify``: whether files and cards are still what the books say."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.find import find
from mcbook.catalog.query import Search
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, WorkError
from mcbook.generators.base import PartInput
from mcbook.production.rerender import Rerendered, rerender
from mcbook.verbs.lookup import registry_names

Row = dict[str, Any]
Progress = Callable[[int, int], None]

_CHUNK = 200
_TOLERANCE = 1e-9
"""Relative difference of a value that shows nowhere in a card of nine digits."""


@dataclass(slots=True)
class _Report:
    checked: int = 0
    missing: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    drift: list[Row] = field(default_factory=list)
    outdated: list[Row] = field(default_factory=list)


def verify(
    expression: str | None = None,
    *,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare files with their recorded digests, and cards with what would be rendered now.

    Parameters
    ----------
    expression
        Which samples; None means all.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    progress
        Called with the number of samples done and their total.

    Returns
    -------
    dict
        ``samples`` and ``checked`` (files) as counts; ``missing`` files; ``changed`` files, and
        samples whose values come out differently; ``drift``, files that would be rendered to other
        bytes by the same version of their template; ``outdated`` samples, which cannot be rendered
        as they were because the registry entry or the version of a template has changed. ``failed``
        says that something is missing or changed.

    Raises
    ------
    InputError
        If the expression is not right, or there is no catalog.
    """
    report = _Report()
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        search = Search(books, expression, registry_names(models_dir))
        ids = [row["id"] for row in find(search, columns=["id"])]
        check = _Check(books, report, models_dir)
        for start in range(0, len(ids), _CHUNK):
            check.samples(ids[start : start + _CHUNK])
            if progress is not None:
                progress(min(start + _CHUNK, len(ids)), len(ids))
    return {
        "samples": len(ids),
        "checked": report.checked,
        "missing": report.missing,
        "changed": report.changed,
        "drift": report.drift,
        "outdated": report.outdated,
        "failed": bool(report.missing or report.changed),
    }


class _Check:
    """Goes through samples, each shared file once."""

    def __init__(self, books: Reader, report: _Report, models_dir: str | Path | None) -> None:
        self.books = books
        self.report = report
        self.models_dir = models_dir
        self.roots = books.roots()
        self.definitions = {row["digest"]: row for row in stored_rows(books, "definitions")}
        self.shared: dict[tuple[str, str], dict[str, str]] = {}
        self.seen: dict[Path, bool] = {}

    def samples(self, ids: Sequence[str]) -> None:
        """Check some samples."""
        column = table_of("samples").c.id
        parts, cards = self._of(ids, "parts"), self._of(ids, "cards")
        for sample in stored_rows(self.books, "samples", column.in_(ids)):
            self._sample(sample, parts.get(sample["id"], []), cards.get(sample["id"], []))

    def _of(self, ids: Sequence[str], table: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in stored_rows(self.books, table, table_of(table).c.sample_id.in_(ids)):
            found.setdefault(row["sample_id"], []).append(row)
        return found

    def _sample(self, sample: Row, parts: list[Row], cards: list[Row]) -> None:
        storages = {0: sample["storage"]} | {row["number"]: row["storage"] for row in parts}
        for storage in dict.fromkeys(storages.values()):
            numbers = {number for number, place in storages.items() if place == storage}
            recorded = dict(self._shared_files(sample["definition"], storage))
            for card in cards:
                path = self.roots[storage] / card["path"]
                if card["part"] in numbers and self._file(path, card["sha256"], sample["id"]):
                    recorded[card["path"]] = card["sha256"]
            again = self._again(sample, [row for row in parts if row["number"] in numbers])
            if again is not None:
                is_own = storage == sample["storage"]
                if not (is_own and self._values(sample, again)):
                    self._bytes(sample["id"], again, recorded)

    def _shared_files(self, definition: str, storage: str) -> dict[str, str]:
        """Check the files that samples share, and return the digests of the good ones."""
        if (definition, storage) not in self.shared:
            columns = table_of("shared_files").c
            conditions = (columns.definition == definition, columns.storage == storage)
            self.shared[definition, storage] = {
                row["path"]: row["sha256"]
                for row in list(stored_rows(self.books, "shared_files", *conditions))
                if self._shared_file(self.roots[storage] / row["path"], row["sha256"])
            }
        return self.shared[definition, storage]

    def _shared_file(self, path: Path, recorded: str) -> bool:
        """Check a file that several definitions may share, once."""
        if path not in self.seen:
            self.seen[path] = self._file(path, recorded, None)
        return self.seen[path]

    def _file(self, path: Path, recorded: str, sample_id: str | None) -> bool:
        """Return whether a file is there as it was recorded."""
        self.report.checked += 1
        entry = {"id": sample_id, "path": str(path)}
        try:
            present = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            self.report.missing.append(entry)
            return False
        except OSError as error:
            self.report.missing.append(entry | {"reason": error.strerror})
            return False
        if present != recorded:
            reason = "the file differs from its recorded digest"
            self.report.changed.append(entry | {"reason": reason})
        return present == recorded

    def _again(self, sample: Row, parts: list[Row]) -> Rerendered | None:
        """Render a sample again; None where it cannot be as it was."""
        document = self.definitions[sample["definition"]]["document"]
        jobs = [PartInput(_number(row), row["events"], row["seed"]) for row in parts]
        try:
            again = rerender(sample["id"], document, sample["parameters"], jobs, self.models_dir)
            reason = again.changed
        except (InputError, WorkError) as error:
            reason = error.message
        if reason:
            self.report.outdated.append({"id": sample["id"], "reason": reason})
            return None
        return again

    def _values(self, sample: Row, again: Rerendered) -> bool:
        """Return whether a quantity in the cards comes out differently, and report it."""
        document = self.definitions[sample["definition"]]["document"]
        moved = list(_moved(sample, document, again))
        for quantity, before, now in moved:
            reason = f"{quantity} was {before}, and would be {now}"
            self.report.changed.append({"id": sample["id"], "path": None, "reason": reason})
        return bool(moved)

    def _bytes(self, sample_id: str, again: Rerendered, recorded: Mapping[str, str]) -> None:
        for path, content in again.files.items():
            if path in recorded and hashlib.sha256(content).hexdigest() != recorded[path]:
                self.report.drift.append({"id": sample_id, "path": path})


def _number(part: Row) -> int:
    """Return the number that a part has on disk: a merge gives it another in the books."""
    return int(str(part["directory"]).rpartition("/")[2])


def _moved(
    sample: Row, document: Mapping[str, Any], again: Rerendered
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the quantities in the cards that come out differently now."""
    for name in document["closure"]["quantities"]:
        if name in sample["derived"] and name in again.derived:
            before, now = sample["derived"][name], again.derived[name]
            if not _agree(before, now):
                yield name, before, now


def _agree(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return math.isclose(before, now, rel_tol=_TOLERANCE)
