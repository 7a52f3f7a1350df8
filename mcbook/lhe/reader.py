"""Reads a Les Houches file to its end and checks every event.

Events of a process look the same but for their digits. The text with a 0 for every digit is its
shape: the first event of a shape is checked thoroughly, and so is each one with other integers
(particles, mothers, their number) or another weight. All others differ from a checked one only in
signs and digits of numbers that are finite whatever these are, so that there is nothing left to
check. Events that follow each other and are all of one kind are compared with it in one go.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import WorkError
from mcbook.lhe._event import EventError, check_event
from mcbook.lhe._head import Head, HeadError, NoCrossSectionError, read_head

_CHUNK, _PACKED_CHUNK = 1 << 19, 1 << 16
_GZIP, _GZIP_WINDOW = b"\x1f\x8b", 16 + zlib.MAX_WBITS
_END_OF_EVENT, _END_OF_INIT = b"</event>", b"</init>"
_END_OF_FILE = re.compile(rb"[ \t\r\n]*</LesHouchesEvents[ \t\r\n]*>[ \t\r\n]*")
_SHAPE = bytes.maketrans(b"123456789-", b"000000000+")
_MOST_SHAPES, _MOST_KINDS = 5000, 5000
"""How much is remembered: shapes, and kinds of events in each."""
_LEFT, _RIGHT = b" -1.0000e+00\n", b" 1.0000e+00\n"
"""Helicities as MadGraph writes them; without their sign all events have the same length."""
_FEW = 8
_COMMA = ord(",")
_AGAIN = "run that part again"
_TOP = 1000

OWN_MARK = b"<mcbook>"
"""Begins the header of files that mcbook makes itself."""


@dataclass(frozen=True, slots=True)
class Events:
    """What a file holds.

    Attributes
    ----------
    header
        The text before ``<init>``.
    events
        How many events.
    particles
        PDG ids of all particles in them.
    weights
        Their weights, XWGTUP.
    beams
        PDG id and energy [GeV] of each beam; none for the decay of a single particle.
    cross_section_pb, error_pb
        Summed over the processes of ``<init>``.
    """

    header: str
    events: int
    particles: frozenset[int]
    weights: frozenset[float]
    beams: tuple[tuple[int, float], ...]
    cross_section_pb: float
    error_pb: float

    def check_unweighted(self, path: str) -> None:
        """Refuse events of several weights, or of weights that are not above 0.

        Raises
        ------
        WorkError
            If there are some.
        """
        if len(self.weights) > 1 or min(self.weights, default=1.0) <= 0:
            raise WorkError(
                f"{path} has events of different weights, or of weights that are not above 0",
                hint="nothing behind it looks at weights: give the unweighted events",
            )


def read(path: str | Path) -> Events:
    """Read a file, plain or gzipped, and check every event.

    Raises
    ------
    WorkError
        If it is not there, is no LHE file, is truncated, or has an event that is not what it
        should be; the number of the event is said.
    """
    try:
        with Path(path).open("rb") as raw:
            return _read(str(path), chunks(raw))
    except FileNotFoundError:
        raise WorkError(f"{path} is not there") from None
    except (OSError, EOFError, zlib.error) as error:
        raise WorkError(f"{path} cannot be read: {error}", hint=_AGAIN) from None


def start(head: bytes) -> bytes:
    """Return the text that a file begins with, plain or gzipped; empty where it is no LHE file.

    Parameters
    ----------
    head
        The first bytes of the file.
    """
    if head[:2] == _GZIP:
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head)
        except zlib.error:
            return b""
    return head if b"<LesHouchesEvents" in head[:_TOP] else b""


def chunks(raw: BinaryIO) -> Iterator[bytes]:
    """Yield the text of a file, plain or of gzip members."""
    chunk = raw.read(_PACKED_CHUNK)
    if chunk[:2] != _GZIP:
        while chunk:
            yield chunk
            chunk = raw.read(_CHUNK)
        return
    member, is_open = zlib.decompressobj(_GZIP_WINDOW), False
    while chunk:
        if content := member.decompress(chunk):
            yield content
        is_open, chunk = not member.eof, b""
        if member.eof:  # behind it is another member, or zeros that pad the file
            chunk = member.unused_data
            member = zlib.decompressobj(_GZIP_WINDOW)
        chunk = chunk or raw.read(_PACKED_CHUNK)
        chunk = chunk if is_open else chunk.lstrip(b"\0")
    if is_open:
        raise EOFError("it ends within a gzip member")


def _read(path: str, chunks: Iterator[bytes]) -> Events:
    """Read the text of a file."""
    head, rest = _to_events(path, chunks)
    checker = _Checker(head.n_weights)
    try:
        rest = checker.take(rest)
        for chunk in chunks:
            rest = checker.take(rest + chunk)
    except EventError as error:
        raise WorkError(f"{path}: event {checker.count} {error}", hint=_AGAIN) from None
    if not _END_OF_FILE.fullmatch(rest):
        count = checker.count + (b"<event" in rest)
        raise WorkError(f"{path} is truncated: it ends in event {count}", hint=_AGAIN)
    return Events(
        head.header,
        checker.count,
        frozenset(checker.particles),
        frozenset(checker.weights),
        head.beams,
        head.cross_section_pb,
        head.error_pb,
    )


def _to_events(path: str, chunks: Iterator[bytes]) -> tuple[Head, bytes]:
    """Read up to the events; return the head, and what was read behind it."""
    text = b""
    while (end := text.find(_END_OF_INIT)) < 0:
        if not (chunk := next(chunks, b"")):
            raise WorkError(f"{path} is no LHE file", hint="give the unweighted events")
        text += chunk
    end += len(_END_OF_INIT)
    try:
        return read_head(text[:end]), text[end:]
    except NoCrossSectionError as error:
        raise WorkError(f"{path} {error}", hint=_AGAIN) from None
    except HeadError as error:
        raise WorkError(f"{path} {error}", hint="give the unweighted events") from None


@dataclass(frozen=True, slots=True)
class _Kind:
    """Events with one shape, the same integers and the same weight.

    Attributes
    ----------
    low, width
        What each byte may be: from `low` on, `width` further. A sign may thus be a comma, which
        therefore must not be in the text.
    """

    low: NDArray[np.uint8]
    width: NDArray[np.uint8]

    @classmethod
    def of(cls, piece: bytes, exact: tuple[slice, ...]) -> Self:
        """Return the kind of an event that has been checked."""
        low = np.frombuffer(piece + _END_OF_EVENT, dtype=np.uint8).copy()
        free = np.ones(len(low), dtype=bool)
        for part in exact:
            free[part] = False
        width = np.zeros_like(low)
        for first, last in (b"09", b"+-"):
            is_within = free & (low >= first) & (low <= last) & (low != _COMMA)
            low[is_within], width[is_within] = first, last - first
        return cls(low, width)

    def count(self, text: bytes, at: int, most: int) -> int:
        """Return how many events of this kind stand in a text from a place on, one by one."""
        size = len(self.low)
        count = min((len(text) - at) // size, most)
        rows = np.frombuffer(text, dtype=np.uint8, count=count * size, offset=at)
        differs = (rows.reshape(count, size) - self.low > self.width).any(axis=1)
        return int(differs.argmax()) if differs.any() else count


Integers = tuple[bytes, ...]


@dataclass(slots=True)
class _Checker:
    """Checks events as they come.

    Attributes
    ----------
    n_weights
        How many weights the header announces for each event.
    count
        Number of the event that was looked at last.
    particles, weights
        What was found.
    last
        The event that was checked last, and where its digits matter.
    kind
        Its kind, once it is wanted.
    known
        For each shape, how to take its integers, and which of them have been checked.
    """

    n_weights: int
    count: int = 0
    particles: set[int] = field(default_factory=set)
    weights: set[float] = field(default_factory=set)
    last: tuple[bytes, tuple[slice, ...]] | None = None
    kind: _Kind | None = None
    known: dict[bytes, tuple[Callable[[bytes], Integers], set[Integers]]] = field(
        default_factory=dict
    )

    def take(self, text: bytes) -> bytes:
        """Check the events in a text that are complete; return what is behind them."""
        text = text[self._alike(text) :]
        if _LEFT in text:
            text = text.replace(_LEFT, _RIGHT)
            text = text[self._alike(text) :]
        *pieces, rest = text.split(_END_OF_EVENT)
        known = self.known
        for piece in pieces:
            self.count += 1
            shape = piece.translate(_SHAPE)
            found = known.get(shape)
            if found is None or found[0](piece) not in found[1]:
                self._look(piece, shape)
        return rest

    def _alike(self, text: bytes) -> int:
        """Return where the events end that begin a text and are of the kind that came last."""
        if self.last is None or b"," in text:
            return 0
        kind = self.kind = self.kind or _Kind.of(*self.last)
        at = 0
        for most in (_FEW, len(text)):
            matching = kind.count(text, at, most)
            self.count += matching
            at += matching * len(kind.low)
            if matching < most:
                break
        return at

    def _look(self, piece: bytes, shape: bytes) -> None:
        """Check an event that has a new shape or new integers, and remember it."""
        event = check_event(piece, self.n_weights)
        self.particles |= event.particles
        self.weights.add(event.weight)
        if event.exact is None:
            return
        if len(self.known) > _MOST_SHAPES:
            self.known.clear()
        take, seen = self.known.setdefault(shape, (itemgetter(*event.exact), set()))
        if len(seen) > _MOST_KINDS:
            seen.clear()
        seen.add(take(piece))
        self.last, self.kind = (piece, event.exact), None
