"""The parts that are planned, in the order in which they are made."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mcbook import generators
from mcbook.catalog.dump import rows_among, stored_rows, table_of
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.generators.base import PartInput, SampleInput
from mcbook.production.making import Job
from mcbook.production.rerender import Rerenderer

Row = dict[str, Any]


class Planned:
    """Finds the parts that are to be made.

    Parameters
    ----------
    books
        The books, open for reading.
    models_dir
        A folder of models that is looked into first.
    wanted
        States of the parts.
    notes
        A list that gets a sentence for each process that is left out.
    """

    def __init__(
        self,
        books: Reader,
        models_dir: str | Path | None,
        wanted: Sequence[str],
        notes: list[str],
    ) -> None:
        self.books = books
        self.models_dir = models_dir
        self.wanted = wanted
        self.notes = notes
        self.roots = books.roots()

    def jobs(self, ids: Sequence[str]) -> Iterator[Job]:
        """Yield the parts of samples, those of one process together."""
        column = table_of("parts").c.status
        parts: dict[str, list[Row]] = {}
        for row in self._rows("parts", ids, column.in_(self.wanted)):
            parts.setdefault(row["sample_id"], []).append(row)
        by_definition: dict[str, list[Row]] = {}
        for sample in rows_among(self.books, "samples", "id", parts):
            by_definition.setdefault(sample["definition"], []).append(sample)
        for digest, samples in sorted(by_definition.items()):
            yield from self._of(digest, samples, parts)

    def _of(self, digest: str, samples: list[Row], parts: dict[str, list[Row]]) -> Iterator[Job]:
        """Yield the parts of the samples of one definition."""
        first = samples[0]
        (definition,) = self._stored("definitions", "digest", digest)
        again = Rerenderer(definition["document"], self.models_dir)
        if why := why_not(again):
            names = f"{len(samples)} sample{'s' * (len(samples) > 1)} of {first['process']}"
            self.notes.append(f"{names} left: {why}")
            return
        shared = list(self._stored("shared_files", "definition", digest))
        ids = [sample["id"] for sample in samples]
        cards: dict[tuple[str, int], dict[str, str]] = {}
        for row in self._rows("cards", ids):
            cards.setdefault((row["sample_id"], row["part"]), {})[row["path"]] = row["sha256"]
        values = again.derived([sample["parameters"] for sample in samples])
        for sample, derived in zip(samples, values, strict=True):
            for part in parts[sample["id"]]:
                on_disk = int(part["directory"].rpartition("/")[2])  # merged books may renumber
                yield Job(
                    sample=SampleInput(sample["id"], sample["parameters"], derived),
                    part=PartInput(on_disk, part["events"], part["seed"]),
                    number=part["number"],
                    root=self.roots[part["storage"]],
                    cards=cards.get((sample["id"], 0), {})
                    | cards.get((sample["id"], part["number"]), {}),
                    shared={row["path"]: row["sha256"] for row in shared
                            if row["storage"] == part["storage"]},
                    campaign=again.campaign,
                    generator=generators.get(first["generator"]),
                )  # fmt: skip

    def _rows(self, table: str, ids: Sequence[str], *conditions: Any) -> Iterator[Row]:
        return rows_among(self.books, table, "sample_id", ids, *conditions)

    def _stored(self, table: str, column: str, value: str) -> Iterator[Row]:
        return stored_rows(self.books, table, table_of(table).c[column] == value)


def why_not(again: Rerenderer) -> str:
    """Return why samples of a definition cannot be made here, "" where they can."""
    if again.changed is not None:
        return f"{again.changed}; `mcbook generate` makes new ones"
    try:
        again.campaign.program()
    except InputError as error:
        return f"{error.message}; {error.hint}"
    return ""
