"""Which samples have files that are not what the books say; at a glance, not as `verify` looks."""

import calendar
import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from mcbook.catalog.writer import Reader
from mcbook.production.publish import sha256

_SLACK_S = 1.0
"""The books round the moment at which a card was recorded down to whole seconds [s]."""


def edited_samples(books: Reader, ids: Sequence[str], *, surely: Collection[str] = ()) -> set[str]:
    """Return the samples with a card that is gone, or is another one than was recorded.

    The contents are read of those cards only that were written to after they were recorded, as
    their folder says.

    Parameters
    ----------
    books
        The books.
    ids
        The samples in question.
    surely
        Those whose cards are read whatever their folder says.
    """
    roots = {name: str(path) for name, path in books.roots().items()}
    moments: dict[str, float] = {}
    found = set()
    for sample_id, storage, path, recorded, at in books.cards_of(ids):
        if at not in moments:
            moments[at] = calendar.timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) + _SLACK_S
        place = f"{roots[storage]}/{path}"
        try:
            changed = os.stat(place).st_mtime  # noqa: PTH116  many files: a Path doubles the time
        except OSError:
            found.add(sample_id)
            continue
        is_suspect = changed > moments[at] or sample_id in surely
        if is_suspect and sha256(Path(place).read_bytes()) != recorded:
            found.add(sample_id)
    return found
