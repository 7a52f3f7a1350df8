"""LHE files as basf2 reads them: some of their events, and what their beams say.

The reader of basf2 takes plain text, exactly 13 columns for each particle, and ``<event>`` alone on
its line (read in its public source).
"""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from mcbook.errors import WorkError
from mcbook.production.publish import sha256

COLUMNS = 13
_START = b"<event>\n"
_ELECTRON, _INCOMING = 11, -1
_PZ = 8


@dataclass(frozen=True, slots=True)
class Events:
    """What a file with events holds: all before the first one, the events, the PDG ids in them."""

    path: str
    head: bytes
    events: tuple[bytes, ...]
    pdg_ids: frozenset[int]

    def wrong_sign(self) -> bool:
        """Return whether the electron flies along -z, against Belle II, where it flies along +z.

        Raises
        ------
        WorkError
            If the first event has no electron that comes in.
        """
        for line in _lines(self.events[0].removeprefix(_START)) if self.events else ():
            words = line.split()
            if (int(words[0]), int(words[1])) == (_ELECTRON, _INCOMING):
                return float(words[_PZ]) < 0
        raise WorkError(f"{self.path}: no electron comes in", hint="basf2 simulates collisions")

    def packed(self, skipped: int, count: int) -> bytes:
        """Return a gzipped file with *count* of its events, those behind the first *skipped*."""
        chosen = self.events[skipped : skipped + count]
        text = self.head + b"".join(chosen) + b"</LesHouchesEvents>\n"
        return gzip.compress(text, mtime=0)  # no date: the same events give the same bytes


def read_events(path: Path, recorded: str | None = None) -> Events:
    """Read an LHE file, plain or gzipped.

    Parameters
    ----------
    path
        The file.
    recorded
        Its SHA-256, where it must be as it was.

    Raises
    ------
    WorkError
        If it cannot be read, is not as it was, or basf2 would not read it.
    """
    try:
        content = path.read_bytes()
        if recorded not in {None, sha256(content)}:
            raise WorkError(
                f"{path} is not what was recorded", hint="`mcbook verify` says what else changed"
            )
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise WorkError(f"{path} cannot be read: {error}") from error
    content = content.replace(b"\r\n", b"\n")
    head, *events = content.partition(b"</LesHouchesEvents>")[0].split(_START)
    if b"<event>" in head or any(b"<event>" in event for event in events):
        raise WorkError(f"{path}: <event> is not alone on its line, and basf2 passes over it")
    ids: set[int] = set()
    for number, event in enumerate(events, 1):
        try:
            particles = [line.split() for line in _lines(event)]
            ids.update({int(words[0]) for words in particles})
        except (ValueError, IndexError):
            raise WorkError(f"{path}: event {number} cannot be read") from None
        if any(len(words) != COLUMNS for words in particles):
            raise WorkError(f"{path}: event {number} has a particle without {COLUMNS} columns")
    return Events(str(path), head, tuple(_START + event for event in events), frozenset(ids))


def _lines(event: bytes) -> list[bytes]:
    """Return the lines of the particles of an event; comments and empty lines are passed over."""
    lines = [line.partition(b"#")[0].strip() for line in event.split(b"\n")]
    first, *rest = [line for line in lines if line]
    count = int(first.split()[0])
    if len(rest) < count:
        raise ValueError(count)
    return rest[:count]
