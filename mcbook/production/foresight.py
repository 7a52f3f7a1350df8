"""Counts what booking planned samples would do, for a dry run."""

from collections.abc import Iterable

from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.writer import Reader
from mcbook.production.booking import Counts
from mcbook.production.parts import split_events
from mcbook.production.plan import PlannedSample


def foreseen(books: Reader | None, samples: Iterable[PlannedSample]) -> Counts:
    """Return the counts of samples and parts; *books* is None where there are none yet."""
    wanted: dict[str, PlannedSample] = {}
    for sample in samples:
        if sample.id not in wanted or wanted[sample.id].events < sample.events:
            wanted[sample.id] = sample
    there: dict[str, int] = {}
    retired: Iterable[str] = ()
    if books is not None:
        known = set(books.existing(sample.digest for sample in wanted.values()).values())
        parts = books.parts_of(known)
        retired = retirements(books, sorted(known))
        there = {name: sum(part.events for part in parts.get(name, ())) for name in known}
    counts = Counts()
    for sample in wanted.values():
        target = 0 if sample.id in retired else sample.events
        counts.existing += sample.id in there
        counts.new += sample.id not in there
        counts.parts += len(split_events(max(target - there.get(sample.id, 0), 0)))
    return counts
