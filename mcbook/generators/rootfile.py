"""What ROOT files with events say of themselves: one of two doors to uproot.

basf2 keeps words about a file in the object ``FileMetaData`` of the tree ``persistent``. They are
looked for in its bytes: that needs no dictionary of its classes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.errors import WorkError

MAGIC = b"root"
EVENTS, PERSISTENT = "tree", "persistent"
"""Trees of basf2: one entry for each event, and what belongs to the file."""

_TREES = frozenset({"TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple"})
_SMALL = 1_000_000


@dataclass(frozen=True, slots=True)
class RootFile:
    """A ROOT file: `words` is what it holds about itself, `entries` are those of its trees."""

    words: str
    entries: dict[str, int]

    @property
    def is_from_basf2(self) -> bool:
        """Whether basf2 wrote its events, one to an entry of ``tree``."""
        return {EVENTS, PERSISTENT} <= self.entries.keys()

    @property
    def rows(self) -> int:
        """Events of a file of basf2, rows of all trees of an ntuple."""
        if self.is_from_basf2:
            return self.entries[EVENTS]
        return sum(count for name, count in self.entries.items() if name != PERSISTENT)


def read_root(path: str | Path) -> RootFile:
    """Read what a ROOT file says of itself.

    Raises
    ------
    WorkError
        If it is not whole, or has no tree.
    """
    check_end(Path(path))
    import uproot

    try:
        with uproot.open(path) as file:
            classes = {key.partition(";")[0]: kind for key, kind in file.classnames().items()}
            trees = {key: file[key] for key, kind in classes.items() if kind in _TREES}
            entries = {key: int(tree.num_entries) for key, tree in trees.items()}
            words = [str(file[key]) for key, kind in classes.items() if kind == "TObjString"]
            if PERSISTENT in trees:
                words += _words(trees[PERSISTENT])
    except Exception as error:  # noqa: BLE001 - uproot has no base class of its errors
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WorkError(f"{path} is no whole ROOT file: {said}") from None
    if not entries:
        raise WorkError(f"{path} has no tree")
    return RootFile("\n".join(words), entries)


def check_end(path: Path) -> None:
    """Refuse a file that ends before its header says so.

    Raises
    ------
    WorkError
        If it does, or is no ROOT file.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as handle:
        head = handle.read(20)
    size = path.stat().st_size
    is_large = int.from_bytes(head[4:8]) >= _SMALL
    end = int.from_bytes(head[12:20] if is_large else head[12:16])
    if head[:4] != MAGIC:
        raise WorkError(f"{path} is no ROOT file")
    if len(head) < 20 or end > size:  # noqa: PLR2004
        raise WorkError(f"{path} is truncated: it has {size} of {end} bytes")


def _words(tree: Any) -> Iterator[str]:
    """Yield the text in all branches; a merged file has an entry for each that went into it."""
    for branch in tree.itervalues(recursive=True):
        for number in range(branch.num_baskets):
            content = bytes(branch.basket(number).data)
            yield from (found.decode("ascii") for found in re.findall(rb"[ -~]{8,}", content))
