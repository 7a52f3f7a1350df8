"""Adds parts to samples that are in the books already, to a new target of events."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcbook.catalog.files import PLANNED, settle
from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows import CardRow, HistoryRow, PartRow
from mcbook.catalog.writer import Writer
from mcbook.generators.base import Generator, PartInput, SampleInput
from mcbook.production.parts import EXTENDED, free_seeds, split_events
from mcbook.production.publish import Folder, sha256
from mcbook.production.rerender import Rerenderer

Row = Mapping[str, Any]


def extend(
    books: Writer,
    folder: Folder,
    again: Rerenderer,
    generator: Generator,
    samples: Sequence[Row],
    events: int,
) -> int:
    """Add the parts that samples lack to a number of events; return how many.

    Parameters
    ----------
    books
        The books, open for writing.
    folder
        The samples folder of all of them, open.
    again
        Renders samples of their definition.
    generator
        Its generator.
    samples
        Rows of samples of one definition.
    events
        The target of each.

    Raises
    ------
    WorkError
        If the cards of a sample would come out differently now.
    """
    there = books.parts_of(sample["id"] for sample in samples)
    values = again.derived([sample["parameters"] for sample in samples])
    added = 0
    for sample, derived in zip(samples, values, strict=True):
        parts = there.get(sample["id"], [])
        missing = max(events - sum(part.events for part in parts), 0)
        number = max((part.number for part in parts), default=0)
        sizes = split_events(missing)
        keys = [(sample["id"], number + i) for i in range(1, len(sizes) + 1)]
        given = SampleInput(sample["id"], sample["parameters"], derived)
        if sizes:
            folder.check_meaning(sample["id"], again.campaign.sample_files(given))
        for key, size, seed in zip(
            keys, sizes, free_seeds(books, generator.seed_range, keys), strict=True
        ):
            _add(books, folder, again, given, (sample["storage"], *key, size, seed))
        books.raise_events([(sample["id"], events, 0)])
        if sizes:
            detail = as_json({"parts": len(sizes), "events": sum(sizes)})
            books.add_history([HistoryRow(sample["id"], EXTENDED, detail)])
        added += len(sizes)
    settle(books, {sample["id"] for sample in samples})
    return added


def _add(
    books: Writer,
    folder: Folder,
    again: Rerenderer,
    given: SampleInput,
    part: tuple[str, str, int, int, int],
) -> None:
    """Write the cards of a part, and then its rows."""
    storage, sample_id, number, events, seed = part
    directory = f"{sample_id}/parts/{number:04d}"
    cards = again.campaign.part_files(given, PartInput(number, events, seed))
    folder.put(directory, cards)
    books.add_parts([PartRow(sample_id, number, events, seed, PLANNED, storage, directory)])
    books.add_cards(
        CardRow(sample_id, number, f"{directory}/{name}", sha256(content))
        for name, content in cards.items()
    )
