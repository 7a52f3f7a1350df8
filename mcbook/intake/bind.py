"""Finds the sample and the part that a file with events is of.

By the id inside the file; a file without one by what it says of its parameters, if they are those
of one sample only, or because somebody says so. The part follows from the seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcbook import generators
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.files import PLANNED
from mcbook.catalog.rows import PartRow
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, McbookError
from mcbook.generators.base import Campaign, Generator, PartInput, ReadBack, SampleInput
from mcbook.generators.rootfile import MAGIC, RootFile, read_root
from mcbook.production.output import wrong
from mcbook.production.rerender import Rerenderer

Row = dict[str, Any]

HEAD_BYTES = 4096
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Bound:
    """A file and the part that it is of; `is_new` says that the books have no such part yet."""

    sample: Row
    part: PartRow
    generator: Generator
    is_new: bool


class Binder:
    """Binds files to samples of one catalog.

    Parameters
    ----------
    books
        The books, open for reading.
    models_dir
        A folder of models that is looked into first.
    sample
        The sample that files without an id are of, where somebody says so.
    """

    def __init__(
        self, books: Reader, models_dir: str | Path | None = None, sample: Row | None = None
    ) -> None:
        self.books = books
        self.models_dir = models_dir
        self.sample = sample
        self.again: dict[str, Rerenderer] = {}

    def bind(self, found: ReadBack, generator: Generator) -> Bound:
        """Return the part that an output is of, once it is what the part asks for.

        Raises
        ------
        InputError
            If there is no such sample or part, several come into question, or something in the file
            is not as the sample has it.
        """
        sample = self._sample(found, generator)
        if sample["generator"] != generator.name:
            raise InputError(
                f"it was made by {generator.name}, and {sample['id']} is to be made by"
                f" {sample['generator']}"
            )
        part, is_new = self._part(sample, found)
        job = PartInput(part.number, part.events, part.seed)
        complaints = self._wrong(found, sample, job)
        if complaints:
            raise InputError(f"it is not part {part.number} of {sample['id']}: {complaints[0]}")
        return Bound(sample, part, generator, is_new)

    def _sample(self, found: ReadBack, generator: Generator) -> Row:
        if found.sample_id is not None:
            column = table_of("samples").c.id
            rows = list(stored_rows(self.books, "samples", column == found.sample_id))
            if rows:
                if self.sample is not None and self.sample["id"] != rows[0]["id"]:
                    raise InputError(f"it says that it is of {rows[0]['id']}")
                return rows[0]
        if self.sample is not None:
            return self.sample
        alike = list(self._alike(found, generator)) if found.parameters else []
        if len(alike) == 1:
            return alike[0]
        said = "it has no id"
        if found.sample_id:
            said = f"its id {found.sample_id!r} is not in these books"
        if alike:
            names = ", ".join(row["id"] for row in alike[:_SHOWN])
            raise InputError(f"{said}, and {len(alike)} samples have its parameters", hint=names)
        raise InputError(
            f"{said}, and no sample has its parameters",
            hint="--sample says which one it is of; `mcbook catalog merge` takes in other books",
        )

    def _alike(self, found: ReadBack, generator: Generator) -> Iterator[Row]:
        """Yield the samples with the parameters and beams that an output speaks of."""
        samples = table_of("samples")
        anonymous = replace(found, sample_id=None, seed=None)
        nobody = PartInput(0, found.events, 0)
        for sample in stored_rows(self.books, "samples", samples.c.generator == generator.name):
            if not self._wrong(anonymous, sample, nobody):
                yield sample

    def _part(self, sample: Row, found: ReadBack) -> tuple[PartRow, bool]:
        """Return the part with the seed of a file, a new one if the books have none."""
        if found.seed is None:
            raise InputError("it does not say its seed, so nobody knows which part it is")
        low, high = generators.get(sample["generator"]).seed_range
        if not low <= found.seed <= high:
            raise InputError(f"its seed {found.seed} is none that {sample['generator']} takes")
        parts = self.books.parts_of([sample["id"]]).get(sample["id"], [])
        for part in parts:
            if part.seed == found.seed:
                return part, False
        if self.books.used_seeds([found.seed]):
            raise InputError(
                f"its seed {found.seed} belongs to a part of another sample",
                hint="equal seeds make equal fluctuations: take another one",
            )
        number = max((part.number for part in parts), default=0) + 1
        directory = f"{sample['directory']}/parts/{number:04d}"
        row = PartRow(
            sample["id"], number, found.events, found.seed, PLANNED, sample["storage"], directory
        )
        return row, True

    def _wrong(self, found: ReadBack, sample: Row, part: PartInput) -> list[str]:
        again = self._again(sample["definition"])
        (derived,) = again.derived([sample["parameters"]])
        given = SampleInput(sample["id"], sample["parameters"], derived)
        campaign: Campaign = again.campaign
        return wrong(found, campaign.stated(given), sample["id"], part)

    def _again(self, digest: str) -> Rerenderer:
        if digest not in self.again:
            column = table_of("definitions").c.digest
            (definition,) = stored_rows(self.books, "definitions", column == digest)
            found = Rerenderer(definition["document"], self.models_dir)
            if found.changed is not None:
                raise InputError(f"what its sample stands for has changed: {found.changed}")
            self.again[digest] = found
        return self.again[digest]


def is_root(path: Path) -> bool:
    """Return whether a file begins as ROOT files do."""
    with path.open("rb") as handle:
        return handle.read(len(MAGIC)) == MAGIC


def read_root_of(path: Path) -> RootFile:
    """Return what a ROOT file says of itself; see `mcbook.generators.rootfile.read_root`."""
    try:
        return read_root(path)
    except McbookError as error:
        raise type(error)(error.message.replace(str(path), "it"), hint=error.hint) from error


def read(path: Path) -> tuple[ReadBack, Generator]:
    """Return what a file with events says of itself, and the generator that made it.

    Raises
    ------
    McbookError
        If no generator knows it, or it is not whole.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from error
    for name in generators.names():
        generator = generators.get(name)
        if generator.recognises(head):
            try:
                return generator.read_back(str(path)), generator
            except McbookError as error:
                message = error.message.replace(str(path), "it")
                raise type(error)(message, hint=error.hint) from error
            except (ValueError, TypeError, ArithmeticError, LookupError) as error:
                raise InputError(f"it is damaged: {error}") from error
    raise InputError(
        "it is no output of a generator", hint="LHE files are, plain or gzipped (.lhe, .lhe.gz)"
    )
