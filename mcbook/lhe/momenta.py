"""Reads the particles of a Les Houches file into flat arrays.

Generators write numbers with a fixed width, so that the lines of particles are rows of a matrix of
bytes: those that look like the first one, but for digits and signs, are read column by column, and
all others one by one. Numbers come out as Python reads them, to the last bit.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mcbook.lhe.reader import chunks, read

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_BLOCK = 1 << 20
"""So much text is looked at at a time [bytes]."""
_END_OF_INIT, _EVENT, _END_OF_EVENT = b"</init>", b"<event", b"</event>"
_COLUMNS, _INTEGERS, _NUMBERS = 13, 6, 6
_MOST_DIGITS, _MOST_POWER = 15, 22
"""A number of so many digits times or over such a power of ten is rounded once, as it should be."""
_POWERS = 10.0 ** np.arange(_MOST_POWER + 1)
_NUMBER = re.compile(rb"[ ]+[-+]?(\d+)\.?(\d*)(?:[eE][-+]?(\d+))?(?= )")
_START = re.compile(rb"(?:[ ]*[-+]?\d+){6}(?= )")


@dataclass(frozen=True, slots=True)
class Momenta:
    """The particles of all events of a file, one after the other; arrays have shape (particles,).

    Attributes
    ----------
    n_events
        How many events there are.
    event
        Number of the event that a particle is in, from 0.
    pdg, status
        As in the Les Houches accord: status 1 is final, 2 decayed, -1 a beam.
    mothers
        First and last mother, counted from 1 within the event, 0 for none; shape (particles, 2).
    px, py, pz, energy
        Momentum [GeV], in the system of the file.
    mass
        Mass [GeV].
    lifetime
        c tau [mm] of this particle; 0 where it does not fly.
    """

    n_events: int
    event: Integers
    pdg: Integers
    status: Integers
    mothers: Integers
    px: Floats
    py: Floats
    pz: Floats
    energy: Floats
    mass: Floats
    lifetime: Floats

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Return the events of several files as those of one."""
        listed = list(parts)
        starts = np.cumsum([0, *(part.n_events for part in listed)])
        arrays = {
            one.name: np.concatenate([getattr(part, one.name) for part in listed])
            for one in fields(cls)[2:]
        }
        events = [part.event + start for part, start in zip(listed, starts, strict=False)]
        return cls(int(starts[-1]), np.concatenate(events), **arrays)


def read_momenta(path: str | Path) -> Momenta:
    """Read the particles of a file, plain or gzipped, after a check of every event.

    Raises
    ------
    WorkError
        If it is not there, is no LHE file, is truncated, or has an event that is not what it
        should be, as `mcbook.lhe.reader.read`.
    """
    read(path)
    with Path(path).open("rb") as raw:
        return Momenta.joined(list(map(_particles, _blocks(chunks(raw)))) or [_slow(b"")])


def _blocks(text: Iterator[bytes]) -> Iterator[bytes]:
    """Yield complete events, many at a time."""
    rest = b""
    while _END_OF_INIT not in rest:
        rest += next(text)
    waiting = [rest.partition(_END_OF_INIT)[2]]
    for chunk in text:
        waiting.append(chunk)
        if sum(map(len, waiting)) > _BLOCK:
            events, end, rest = b"".join(waiting).rpartition(_END_OF_EVENT)
            yield events + end
            waiting = [rest]
    events, end, _ = b"".join(waiting).rpartition(_END_OF_EVENT)
    if end:
        yield events + end


def _particles(text: bytes) -> Momenta:
    """Return the particles of some events."""
    is_plain = b"\r" not in text and b"#" not in text and b"\t" not in text
    found = _regular(text) if is_plain else None
    return _slow(text) if found is None else found


def _slow(text: bytes) -> Momenta:
    """Return the particles of some events, whatever blanks, comments and tags are between them."""
    counts, rows = [], []
    for piece in text.split(_END_OF_EVENT)[:-1]:
        body = piece[piece.find(b">", piece.find(_EVENT)) + 1 :].partition(b"<")[0]
        lines = [line.split() for line in re.split(rb"[\r\n]+", body)]
        lines = [line for line in lines if line and not line[0].startswith(b"#")]
        rows += lines[1:]
        counts.append(len(lines) - 1)
    return _made(
        np.array(counts, dtype=np.int64),
        np.array([[int(cell) for cell in row[:4]] for row in rows], dtype=np.int64).reshape(-1, 4),
        np.array(
            [[float(cell) for cell in row[_INTEGERS:-1]] for row in rows], dtype=np.float64
        ).reshape(-1, _NUMBERS),
    )


def _made(counts: Integers, codes: Integers, numbers: Floats) -> Momenta:
    """Return particles: how many each event has, their integers, and their numbers."""
    events = np.repeat(np.arange(len(counts)), counts)
    columns = np.ascontiguousarray(numbers.T)
    return Momenta(len(counts), events, codes[:, 0], codes[:, 1], codes[:, 2:], *columns)


def _regular(text: bytes) -> Momenta | None:
    """Return the particles of events that have each line in its place; None where they have not."""
    data = np.frombuffer(text, dtype=np.uint8)
    starts = np.append(0, np.flatnonzero(data == ord("\n")) + 1)
    opening = np.flatnonzero(data[np.minimum(starts + 1, len(data) - 1)] == ord("e"))
    if len(opening) != text.count(_EVENT) or not len(opening):
        return None
    if (data[starts[opening + 1] - 2] != ord(">")).any():
        return None  # something else stands in the line of the tag
    heads = starts[opening + 1].tolist()
    counts = np.array([int(text[at : at + 20].split(None, 1)[0]) for at in heads], dtype=np.int64)
    before = np.cumsum(counts) - counts
    places = np.arange(counts.sum()) - np.repeat(before, counts)
    lines = np.repeat(opening + 2, counts) + places
    layout = _Layout.of(text[starts[lines[0]] : starts[lines[0] + 1]]) if len(lines) else None
    if layout is None:
        return None
    read_ones = layout.read(text, starts[lines])
    return None if read_ones is None else _made(counts, *read_ones)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the numbers of a line stand.

    Attributes
    ----------
    start, width
        Where the integers end and the numbers begin, and where these end.
    low, spread
        What each byte may be, from `start` on: from `low` on, `spread` further. Signs and blanks
        may stand for each other, as they do where no sign means plus.
    digits
        Places of all digits, counted from `start`.
    values
        What a digit is worth, for the six numbers and for their six exponents; (digits, 12).
    decimals
        How many digits stand behind the points, (6,).
    signs
        Places that may have a minus, of the numbers and of the exponents, (12,).
    """

    start: int
    width: int
    low: Bytes
    spread: Bytes
    digits: Integers
    values: Floats
    decimals: Integers
    signs: Integers

    @classmethod
    def of(cls, line: bytes) -> Self | None:
        """Return the layout of a line; None if it has none that can be read by column."""
        integers = _START.match(line)
        if integers is None:
            return None
        start, at, found = integers.end(), integers.end(), []
        for _ in range(_NUMBERS):
            number = _NUMBER.match(line, at)
            if number is None or len(number[1] + number[2]) > _MOST_DIGITS:
                return None
            found.append(number)
            at = number.end()
        digits, values, signs = [], [], np.zeros(2 * _NUMBERS, dtype=np.int64)
        for i, number in enumerate(found):
            places = [*range(*number.span(1)), *range(*number.span(2))]
            for column, group in ((i, places), (i + _NUMBERS, [*range(*number.span(3))])):
                digits += group
                worth = np.zeros((len(group), 2 * _NUMBERS))
                worth[:, column] = _POWERS[: len(group)][::-1]
                values.append(worth)
                signs[column] = group[0] - 1 if group else at
        low = np.frombuffer(line[start : at + 1], dtype=np.uint8).copy()
        spread = np.zeros_like(low)
        for kind in (b"0123456789", b" +-"):
            is_one = np.isin(low, list(kind))
            low[is_one], spread[is_one] = kind[0], kind[-1] - kind[0]
        return cls(
            start,
            at - start + 1,
            low,
            spread,
            np.array(digits) - start,
            np.concatenate(values),
            np.array([len(number[2]) for number in found]),
            signs - start,
        )

    def read(self, text: bytes, starts: Integers) -> tuple[Integers, Floats] | None:
        """Return integers and numbers of the lines that start at some places.

        None is returned where the integers do not end in the same column.
        """
        padded = np.frombuffer(text + b" " * (self.start + self.width), dtype=np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view
        codes = _codes(windows(padded, self.start)[starts])
        if codes is None:
            return None
        cells = windows(padded, self.width)[starts + self.start]
        numbers, is_exact = self._numbers(cells)
        is_alike = (cells - self.low <= self.spread).all(axis=1) & is_exact
        for i in np.flatnonzero(~is_alike):
            line = text[starts[i] : text.index(b"\n", starts[i])].split()
            if len(line) != _COLUMNS:
                return None
            numbers[i] = [float(cell) for cell in line[_INTEGERS:-1]]
        return codes, numbers

    def _numbers(self, cells: Bytes) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the six numbers of each line, and in which lines they are exact."""
        found = (cells[:, self.digits].astype(np.float64) - ord("0")) @ self.values
        found *= np.where(cells[:, self.signs] == ord("-"), -1.0, 1.0)
        powers = found[:, _NUMBERS:] - self.decimals
        sizes = np.abs(powers)
        is_exact = (sizes <= _MOST_POWER) | (found[:, :_NUMBERS] == 0)
        scales = _POWERS[np.minimum(sizes, _MOST_POWER).astype(np.int64)]
        numbers = found[:, :_NUMBERS]
        return np.where(powers < 0, numbers / scales, numbers * scales), is_exact.all(axis=1)


def _codes(rows: Bytes) -> Integers | None:
    """Return PDG id, status and mothers from the beginnings of lines, most of which are alike."""
    texts = rows.view(f"S{rows.shape[1]}")[:, 0].tolist()
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    if not all(map(_is_codes, places)):
        return None
    known = np.array([[int(cell) for cell in text.split()[:4]] for text in places], dtype=np.int64)
    return known[[places[text] for text in texts]]


def _is_codes(text: bytes) -> bool:
    """Return whether a text is the six integers of a line."""
    return len(text.split()) == _INTEGERS and re.fullmatch(rb"[-+ \d]+", text) is not None
