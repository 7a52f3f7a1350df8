"""Parts of samples: how many events each has, and which seed."""

import hashlib
from collections.abc import Iterator

from mcbook.catalog.writer import Writer

EXTENDED = "extended"
"""What the history calls more parts of a sample."""

PART_EVENTS = 100_000
"""Largest number of events in one part."""


def part_seed(sample_id: str, number: int, salt: int, seeds: tuple[int, int]) -> int:
    """Return the seed of a part before any bump: a function of sample, part number and salt."""
    low, high = seeds
    text = f"{sample_id}:{number}:{salt}"
    return low + int(hashlib.sha256(text.encode("ascii")).hexdigest()[:16], 16) % (high - low + 1)


def free_seeds(
    books: Writer, seeds: tuple[int, int], keys: list[tuple[str, int]], salt: int = 0
) -> Iterator[int]:
    """Yield a seed for each part; one that is taken moves up to the next free one.

    Parameters
    ----------
    books
        The books, open for writing.
    seeds
        Smallest and largest seed.
    keys
        Sample and number of each part.
    salt
        As in `part_seed`.
    """
    low, high = seeds
    first = [part_seed(*key, salt, seeds) for key in keys]
    used = books.used_seeds(first)
    for seed in first:
        free = seed
        while free in used or (free != seed and books.used_seeds([free])):
            free = free + 1 if free < high else low
        used.add(free)
        yield free


def split_events(events: int) -> list[int]:
    """Split a number of events into parts, full ones first."""
    full, rest = divmod(events, PART_EVENTS)
    return [PART_EVENTS] * full + ([rest] if rest else [])
