"""``mcbook verify``: whether files and cards are still what the books say."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mcbook.catalog import simulations
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import McbookError, WorkError
from mcbook.generators.base import PartInput, SampleInput
from mcbook.production.publish import file_sha256, meaning, sha256
from mcbook.production.rerender import Rerenderer
from mcbook.verbs.lookup import sample_ids

Row = dict[str, Any]
Progress = Callable[[int, int], None]

_Place = tuple[str, str]
"""A storage root and a path below it."""

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
    unchecked: list[Row] = field(default_factory=list)


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
        as they were because the registry entry or the version of a template has changed;
        ``unchecked`` samples, whose cards could not be rendered at all, and why. ``failed`` says
        that something is missing, changed or unchecked.

    Raises
    ------
    InputError
        If the expression is not right, or there is no catalog.
    """
    report = _Report()
    with open_catalog(catalog, mode="read") as opened:
        with opened.reading() as books:
            ids = sample_ids(books, expression, models_dir)
            check = _Check(books, report, models_dir)
        for start in range(0, len(ids), _CHUNK):
            with opened.reading() as check.books:  # by chunks: others may want to write
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
        "unchecked": report.unchecked,
        "failed": bool(report.missing or report.changed or report.unchecked),
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
        self.again: dict[str, Rerenderer | str | McbookError] = {}
        self.compared: set[_Place] = set()

    def samples(self, ids: Sequence[str]) -> None:
        """Check some samples."""
        column = table_of("samples").c.id
        parts, cards = self._of(ids, "parts"), self._of(ids, "cards")
        made = self._of(ids, "files")
        self._simulated(ids)
        by_definition: dict[str, list[Row]] = {}
        for sample in stored_rows(self.books, "samples", column.in_(ids)):
            by_definition.setdefault(sample["definition"], []).append(sample)
        for digest, samples in by_definition.items():
            again = self._again(digest, samples)
            values = again.derived([s["parameters"] for s in samples]) if again else []
            for sample, derived in zip_longest(samples, values):
                rows = parts.get(sample["id"], [])
                written = self._written(sample, rows, cards.get(sample["id"], []))
                for file in made.get(sample["id"], []):
                    path = self.roots[file["storage"]] / file["path"]
                    self._file(path, file["sha256"], sample["id"])
                if again and not self._values(sample, derived):
                    self._bytes(sample, rows, again, derived, written)

    def _simulated(self, ids: Sequence[str]) -> None:
        """Check the files behind simulations that are on a disk."""
        rows = {row["id"]: row["sample_id"] for row in simulations.of_samples(self.books, ids)}
        for identity, listed in simulations.files_of(self.books, rows).items():
            for file in listed:
                if file["path"] is not None:
                    path = self.roots[file["storage"]] / file["path"]
                    self._file(path, file["sha256"], rows[identity])

    def _of(self, ids: Sequence[str], table: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in stored_rows(self.books, table, table_of(table).c.sample_id.in_(ids)):
            found.setdefault(row["sample_id"], []).append(row)
        return found

    def _written(self, sample: Row, parts: list[Row], cards: list[Row]) -> dict[_Place, str]:
        """Check the files of a sample, and return the digests of the good ones."""
        storages = {0: sample["storage"]} | {row["number"]: row["storage"] for row in parts}
        good: dict[_Place, str] = {}
        for storage in dict.fromkeys(storages.values()):
            for path, recorded in self._shared_files(sample["definition"], storage).items():
                good[storage, path] = recorded
        for card in cards:
            storage = storages[card["part"]]
            path = self.roots[storage] / card["path"]
            if self._file(path, card["sha256"], sample["id"]):
                good[storage, card["path"]] = card["sha256"]
        return good

    def _shared_files(self, definition: str, storage: str) -> dict[str, str]:
        """Check the files that samples share, and return the digests of the good ones."""
        if (definition, storage) not in self.shared:
            columns = table_of("shared_files").c
            conditions = (columns.definition == definition, columns.storage == storage)
            good = {
                row["path"]: row["sha256"]
                for row in list(stored_rows(self.books, "shared_files", *conditions))
                if self._shared_file(self.roots[storage] / row["path"], row["sha256"])
            }
            self.shared[definition, storage] = good
            for path, content in self._shared_again(definition).items():
                if (storage, path) not in self.compared:
                    self.compared.add((storage, path))
                    self._drift(None, storage, path, content, good.get(path))
        return self.shared[definition, storage]

    def _shared_again(self, definition: str) -> dict[str, bytes]:
        """Return shared files as they would be written now; none where the user gave them."""
        again = self.again.get(definition)
        try:
            return again.shared_files() if isinstance(again, Rerenderer) else {}
        except WorkError:
            return {}

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
            present = file_sha256(path)
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

    def _again(self, digest: str, samples: Sequence[Row]) -> Rerenderer | None:
        """Return what renders samples again; None where they cannot be as they were."""
        if digest not in self.again:
            document = self.definitions[digest]["document"]
            try:
                again = Rerenderer(document, self.models_dir)
                self.again[digest] = again.changed or again
            except McbookError as error:
                self.again[digest] = error
        found = self.again[digest]
        if isinstance(found, Rerenderer):
            return found
        if isinstance(found, McbookError):
            self.report.unchecked += [_unchecked(sample, found) for sample in samples]
        else:
            self.report.outdated += [{"id": sample["id"], "reason": found} for sample in samples]
        return None

    def _values(self, sample: Row, derived: Mapping[str, float]) -> bool:
        """Return whether a quantity in the cards comes out differently, and report it."""
        document = self.definitions[sample["definition"]]["document"]
        moved = list(_moved(sample, document, derived))
        for quantity, before, now in moved:
            reason = f"{quantity} was {before}, and would be {now}"
            self.report.changed.append({"id": sample["id"], "path": None, "reason": reason})
        return bool(moved)

    def _bytes(
        self,
        sample: Row,
        parts: list[Row],
        again: Rerenderer,
        derived: Mapping[str, float],
        written: Mapping[_Place, str],
    ) -> None:
        """Compare the bytes of files that are as they were recorded with what is rendered now."""
        given = SampleInput(sample["id"], sample["parameters"], derived)
        jobs: dict[str, list[PartInput]] = {sample["storage"]: []}
        for row in parts:
            job = PartInput(_number(row), row["events"], row["seed"])
            jobs.setdefault(row["storage"], []).append(job)
        for storage, listed in jobs.items():
            try:
                files = again.files(given, listed)
            except McbookError as error:
                self.report.unchecked.append(_unchecked(sample, error))
                return
            for path, content in files.items():
                self._drift(sample["id"], storage, path, content, written.get((storage, path)))

    def _drift(
        self,
        sample_id: str | None,
        storage: str,
        path: str,
        content: bytes,
        recorded: str | None,
    ) -> None:
        """Report a file that would be rendered to something else: comments drift, values change."""
        if not recorded or sha256(content) == recorded:
            return
        there = self.roots[storage] / path
        if meaning(there.read_bytes()) == meaning(content):
            self.report.drift.append({"id": sample_id, "path": str(there)})
            return
        reason = "would be rendered with other values by the same version of its template"
        self.report.changed.append({"id": sample_id, "path": str(there), "reason": reason})


def _unchecked(sample: Row, error: McbookError) -> Row:
    return {"id": sample["id"], "reason": error.message}


def _number(part: Row) -> int:
    """Return the number that a part has on disk: a merge gives it another in the books."""
    return int(str(part["directory"]).rpartition("/")[2])


def _moved(
    sample: Row, document: Mapping[str, Any], derived: Mapping[str, float]
) -> Iterator[tuple[str, float | None, float | None]]:
    """Yield the quantities in the cards that come out differently now."""
    for name in document["closure"]["quantities"]:
        if name in sample["derived"] and name in derived:
            before: float | None = sample["derived"][name]
            now = derived[name] if math.isfinite(derived[name]) else None
            if not _agree(before, now):
                yield name, before, now


def _agree(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return math.isclose(before, now, rel_tol=_TOLERANCE)
