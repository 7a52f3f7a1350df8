"""Puts planned samples into folders and books, some hundred in one transaction."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from mcbook import generators
from mcbook.catalog.files import PLANNED, settle
from mcbook.catalog.json_text import JsonText, as_json
from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.rows import (
    CardRow,
    DefinitionRow,
    HistoryRow,
    PartRow,
    SampleRow,
    SharedFileRow,
)
from mcbook.catalog.store import Catalog
from mcbook.catalog.writer import Writer
from mcbook.generators.base import PartInput, SampleInput
from mcbook.production.canonical import canonical
from mcbook.production.constants import of_samples
from mcbook.production.parts import EXTENDED, free_seeds, split_events
from mcbook.production.plan import Batch, Definition, PlannedPoint, PlannedSample
from mcbook.production.publish import Folder, Progress, grouped, sha256
from mcbook.production.records import (
    HOLE,
    encoded,
    facts,
    formula_versions,
    point_row,
    pretty,
    sample_row,
    user_settings,
)
from mcbook.registry.model import SignalModel

CHUNK = 500
"""Samples in one transaction: long enough to be fast, short enough to let others write."""


@dataclass(slots=True)
class Counts:
    """What a run did."""

    new: int = 0
    existing: int = 0
    parts: int = 0
    files: int = 0
    done: int = 0


@dataclass(slots=True)
class Folders:
    """The samples folders that a run writes to: the one asked for, and those of older samples."""

    stack: ExitStack
    found: dict[Path, Folder] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    """Definitions whose shared files this run has put into the folder asked for."""

    def at(self, path: Path) -> Folder:
        """Return the folder at *path*, opened for this run."""
        if path not in self.found:
            self.found[path] = self.stack.enter_context(Folder(path).open())
        return self.found[path]


class Booker:
    """Writes the batches of one model into a samples folder and a catalog.

    Parameters
    ----------
    catalog
        The books, open for writing.
    output
        The samples folder.
    salt
        Of the seeds; a whole number.
    progress
        Called with the number of samples done and their total.
    """

    def __init__(
        self, catalog: Catalog, output: Path, *, salt: int = 0, progress: Progress | None = None
    ) -> None:
        self.catalog = catalog
        self.output = output
        self.salt = salt
        self.progress = progress

    def book(self, model: SignalModel, batches: Iterable[Batch]) -> Counts:
        """Write what is not there yet, and return the counts.

        Raises
        ------
        WorkError
            If a folder is there with other contents, or the books refuse.
        """
        listed = list(batches)
        counts = Counts()
        total = sum(len(batch.samples) for batch in listed)
        with ExitStack() as stack:
            folders = Folders(stack)
            for batch in listed:
                by_sample: dict[str, list[PlannedPoint]] = {}
                for point in batch.points:
                    by_sample.setdefault(point.sample_id, []).append(point)
                for start in range(0, len(batch.samples), CHUNK):
                    chunk = batch.samples[start : start + CHUNK]
                    with self.catalog.writing() as books:
                        work = _Chunk(self, model, batch.definition, books, folders, counts)
                        work.write(chunk, by_sample)
                    counts.done += len(chunk)
                    if self.progress is not None:
                        self.progress(counts.done, total)
            counts.files = sum(entry.written.files for entry in folders.found.values())
        return counts


class _Chunk:
    """One transaction: seeds, folders, rows."""

    def __init__(
        self,
        booker: Booker,
        model: SignalModel,
        definition: Definition,
        books: Writer,
        folders: Folders,
        counts: Counts,
    ) -> None:
        self.booker = booker
        self.model = model
        self.definition = definition
        self.campaign = definition.campaign
        self.generator = generators.get(definition.process.generator)
        self.books = books
        self.folders = folders
        self.folder = folders.at(booker.output)
        self.counts = counts
        self.storage = books.add_root(booker.output)

    def write(
        self, samples: tuple[PlannedSample, ...], points: Mapping[str, list[PlannedPoint]]
    ) -> None:
        known = self.books.existing(sample.digest for sample in samples)
        self._retired = retirements(self.books, list(known.values()))
        fresh = [sample for sample in samples if sample.digest not in known]
        parts = self._new_parts(samples)
        described = of_samples(self.model, self.definition.document)
        formulas = self.books.add_formulas(formula_versions(described))
        lives_here = fresh or any(
            listed[0].storage == self.storage for listed in self.there.values()
        )
        if lives_here and self.definition.digest not in self.folders.defined:
            self._define()
            self.folders.defined.add(self.definition.digest)
        rows = [sample_row(sample, self.definition, self.storage, formulas) for sample in samples]
        superseded = self._superseded(fresh)
        new_ids = {sample.id for sample in fresh}
        self._lost = self._lost_cards(known.values())
        cards = list(self._put(samples, new_ids, parts))
        self.books.add_samples(
            row._replace(supersedes=superseded.get(row.id)) for row in rows if row.id in new_ids
        )
        older = [row for row in rows if row.id not in new_ids]
        self.books.refresh_samples(older)
        self.books.raise_events(
            (row.id, row.events_target, 0) for row in older if row.id not in self._retired
        )
        self.books.add_parts(part for listed in parts.values() for part in listed)
        settle(self.books, {row.id for row in older if row.id in parts})
        self.books.add_cards(cards)
        formulas = self.books.add_formulas(formula_versions(self.model))
        self._points(rows, new_ids, points, formulas)
        self.books.add_history(self._history(samples, new_ids, parts))
        self.counts.new += len(fresh)
        self.counts.existing += len(samples) - len(fresh)
        self.counts.parts += sum(map(len, parts.values()))

    def _points(
        self,
        samples: list[SampleRow],
        new_ids: set[str],
        points: Mapping[str, list[PlannedPoint]],
        formulas: str,
    ) -> None:
        rows = [point_row(point, formulas) for sample in samples for point in points[sample.id]]
        self.books.add_points(rows)
        self.books.refresh_points(row for row in rows if row.sample_id not in new_ids)

    def _define(self) -> None:
        """Write what the samples of this definition share, once."""
        document = self.definition.document
        digest = self.definition.digest
        files = dict(self.campaign.shared_files())
        files[f"definitions/{digest[:12]}.json"] = pretty({"schema": 1, **document})
        for directory, inside in grouped(files).items():
            if inside.keys() == {""}:
                self.folder.put_file(directory, inside[""])
            else:
                self.folder.put(directory, inside)
        self.books.add_definitions(
            [
                DefinitionRow(
                    digest, as_json(document), as_json(facts(self.model, self.definition.process))
                )
            ]
        )
        self.books.add_shared_files(
            SharedFileRow(digest, self.storage, name, sha256(content))
            for name, content in files.items()
        )

    def _new_parts(self, samples: tuple[PlannedSample, ...]) -> dict[str, list[PartRow]]:
        """Return the parts that are missing to the target of each sample, with seeds."""
        self.there = there = self.books.parts_of(sample.id for sample in samples)
        wanted: list[tuple[PlannedSample, int, int, str]] = []
        for sample in samples:
            have = there.get(sample.id, [])
            missing = sample.events - sum(part.events for part in have)
            if sample.id in self._retired:
                missing = 0
            number = max((part.number for part in have), default=0)
            storage = have[0].storage if have else self.storage
            for events in split_events(max(missing, 0)):
                number += 1
                wanted.append((sample, number, events, storage))
        keys = [(sample.id, number) for sample, number, _, _ in wanted]
        seeds = free_seeds(self.books, self.generator.seed_range, keys, self.booker.salt)
        parts: dict[str, list[PartRow]] = {}
        for (sample, number, events, storage), seed in zip(wanted, seeds, strict=True):
            directory = f"{sample.id}/parts/{number:04d}"
            row = PartRow(sample.id, number, events, seed, PLANNED, storage, directory)
            parts.setdefault(sample.id, []).append(row)
        return parts

    def _put(
        self,
        samples: tuple[PlannedSample, ...],
        new_ids: set[str],
        parts: Mapping[str, list[PartRow]],
    ) -> Iterator[CardRow]:
        """Write the folders, and yield a row for each card."""
        for sample in samples:
            planned = parts.get(sample.id, [])
            is_new = sample.id in new_ids
            if not is_new:
                self._keep(sample, has_more=bool(planned))
                if not planned:
                    continue
            files, owned = self._files(sample, planned, is_new=is_new)
            if is_new:
                self.folder.put(sample.id, files)
            else:
                root = self.books.root_path(planned[0].storage)
                for directory, inside in grouped(files).items():
                    self.folders.at(root).put(f"{sample.id}/{directory}", inside)
            for name, content in files.items():
                yield CardRow(sample.id, owned[name], f"{sample.id}/{name}", sha256(content))

    def _keep(self, sample: PlannedSample, *, has_more: bool) -> None:
        """Write again what was lost; more parts want the cards that are there."""
        there = self.there.get(sample.id, [])
        for storage, lost in self._lost.get(sample.id, {}).items():
            here = [part for part in there if part.storage == storage]
            files = self._files(sample, here, is_new=True)[0]
            missing = {name: content for name, content in files.items() if name in lost}
            self.folders.at(self.books.root_path(storage)).put(sample.id, missing)
        if there and has_more:
            folder = self.folders.at(self.books.root_path(there[0].storage))
            folder.check_meaning(sample.id, self._files(sample, [], is_new=True)[0])

    def _lost_cards(self, sample_ids: Iterable[str]) -> dict[str, dict[str, set[str]]]:
        """Return the cards that are no longer on disk, by sample and storage root."""
        roots = self.books.roots()
        lost: dict[str, dict[str, set[str]]] = {}
        for sample_id, storage, path, *_ in self.books.cards_of(sample_ids):
            if not os.path.lexists(f"{roots[storage]}/{path}"):
                name = path.removeprefix(f"{sample_id}/")
                lost.setdefault(sample_id, {}).setdefault(storage, set()).add(name)
        return lost

    def _files(
        self, sample: PlannedSample, parts: list[PartRow], *, is_new: bool
    ) -> tuple[dict[str, bytes], dict[str, int]]:
        """Return the files of a sample, and for each the number of the part that it belongs to."""
        given = SampleInput(sample.id, sample.parameters, sample.derived)
        files: dict[str, bytes] = {}
        if is_new:
            files |= self.campaign.sample_files(given)
            files["sample.json"] = self._identity(sample)
        owned = dict.fromkeys(files, 0)
        for part in parts:
            folder = part.directory.removeprefix(f"{sample.id}/")
            on_disk = int(folder.rpartition("/")[2])  # a merge gives another number in the books
            job = PartInput(on_disk, part.events, part.seed)
            for name, content in self.campaign.part_files(given, job).items():
                path = f"{folder}/{name}"
                files[path] = content
                owned[path] = part.number
        return files, owned

    def _identity(self, sample: PlannedSample) -> bytes:
        """Return ``sample.json``; only three of its lines differ between the samples of a run."""
        return self._frame % (
            encoded(sample.digest),
            encoded(sample.id),
            encoded(sample.parameters),
        )

    @cached_property
    def _frame(self) -> bytes:
        process = self.definition.process
        frame = pretty(
            {
                "schema": 1,
                "id": HOLE,
                "digest": HOLE,
                "model": self.model.name,
                "process": process.name,
                "generator": process.generator,
                "definition": f"definitions/{self.definition.digest[:12]}.json",
                "parameters": HOLE,
            }
        )
        return frame.replace(b"%", b"%%").replace(encoded(HOLE), b"%s")

    def _superseded(self, fresh: list[PlannedSample]) -> dict[str, str]:
        """Return for new samples the older ones with the same parameters and user settings."""
        if not fresh:
            return {}
        process = self.definition.process
        older = self.books.samples_like(
            self.model.name,
            process.name,
            process.generator,
            other_than=self.definition.digest,
        )
        mine = user_settings(self.definition.document["settings"])
        found = {
            canonical(parameters): sample_id
            for sample_id, settings, parameters in older
            if user_settings(settings) == mine
        }
        return {
            sample.id: found[key]
            for sample in fresh
            if (key := canonical(sample.parameters)) in found
        }

    def _history(
        self,
        samples: tuple[PlannedSample, ...],
        new_ids: set[str],
        parts: Mapping[str, list[PartRow]],
    ) -> Iterator[HistoryRow]:
        for sample in samples:
            added = parts.get(sample.id, [])
            if sample.id in new_ids or added:
                event = PLANNED if sample.id in new_ids else EXTENDED
                events = sum(part.events for part in added)
                yield HistoryRow(sample.id, event, _added(len(added), events))


@cache
def _added(parts: int, events: int) -> JsonText:
    """Return what the history says of new parts; nearly always the same in a run."""
    return as_json({"parts": parts, "events": events})
