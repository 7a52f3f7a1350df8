"""Checks one event of a Les Houches file, thoroughly and slowly."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET  # expat limits what entities may grow to

_INT = rb"[-+]?\d+"
_SHORT = rb"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,2})?"
"""Numbers that are finite whatever their digits."""
_NUMBER = rb"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_ROW_COLUMNS, _FIRST_COLUMNS = 13, 6


def _line(integers: int, numbers: int, number: bytes) -> re.Pattern[bytes]:
    """Return what a line looks like, with a group for each column."""
    columns = [b"(%b)" % _INT] * integers + [b"(%b)" % number] * numbers
    return re.compile(rb"[ \t]*%b[ \t]*" % rb"[ \t]+".join(columns))


_FIRST, _LONG_FIRST = (_line(2, 4, number) for number in (_SHORT, _NUMBER))
_ROW, _LONG_ROW = (_line(6, 7, number) for number in (_SHORT, _NUMBER))
_OPEN = re.compile(rb"[ \t\r\n]*<event(?:\s[^<>&]*)?>")
_PLAIN_TAG = re.compile(rb"</?[A-Za-z_]+(?:\s+[A-Za-z_]+\s*=\s*(?:\"[^\"<&]*\"|'[^'<&]*'))?\s*/?>")
"""No digits but in its one attribute: other digits there leave it as well-formed as it is."""
_BLANKS = b" \t\r\n"
_MARKUP = re.compile(rb"[<>&]")
_PRINTED = re.compile(rb"[\t\n\r -~]*")


class EventError(Exception):
    """What is wrong with an event, to be said behind its number."""


@dataclass(frozen=True, slots=True)
class Event:
    """What an event holds.

    Attributes
    ----------
    particles
        PDG ids.
    weight
        Its weight, XWGTUP.
    exact
        Where in the text digits matter: event header up to the weight, and the integers of each
        row. None if digits matter elsewhere too.
    """

    particles: frozenset[int]
    weight: float
    exact: tuple[slice, ...] | None


def check_event(piece: bytes, n_weights: int) -> Event:
    """Check an event.

    Parameters
    ----------
    piece
        The text from the end of the event before up to ``</event>``, without that.
    n_weights
        How many weights the header announces.

    Raises
    ------
    EventError
        If it is not what it should be.
    """
    if (opened := _OPEN.match(piece)) is None:
        raise EventError("does not begin with <event>")
    end = len(piece) if (end := piece.find(b"<", opened.end())) < 0 else end
    lines = _lines(piece, opened.end(), end)
    at, first = next(lines, (end, b""))
    header, is_short = _match(first, _FIRST, _LONG_FIRST, _FIRST_COLUMNS, "its first line")
    exact = [slice(at, at + header.end(3))]
    particles, mothers, count, is_plain = set(), set(), 0, end == len(piece)
    for at, line in lines:
        if line.lstrip().startswith(b"#"):
            is_plain = False
            continue
        count += 1
        row, is_finite = _match(line, _ROW, _LONG_ROW, _ROW_COLUMNS, f"row {count}")
        is_short &= is_finite
        particles.add(int(row[1]))
        mothers |= {int(row[3]), int(row[4])}
        exact.append(slice(at, at + row.end(6)))
    if (stated := int(header[1])) != count:
        raise EventError(f"has {count} particles and says that it has {stated}")
    if mothers and not 0 <= min(mothers) <= max(mothers) <= count:
        raise EventError(f"has a mother that is none of its {count} particles")
    if not is_plain or opened[0].strip() != b"<event>":
        is_short &= _check_rest(piece, piece[opened.end() : end], n_weights)
    return Event(frozenset(particles), float(header[3]), tuple(exact) if is_short else None)


def _lines(piece: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines between two places, and where each begins; XML ends lines by CR as well."""
    text = piece[start:end]
    if b"\r" in text:
        text = text.replace(b"\r\n", b" \n").replace(b"\r", b"\n")
    start += len(text) - len(text.lstrip(_BLANKS))
    for line in text.strip(_BLANKS).split(b"\n"):
        yield start, line
        start += len(line) + 1


def _match(
    line: bytes, short: re.Pattern[bytes], long: re.Pattern[bytes], columns: int, name: str
) -> tuple[re.Match[bytes], bool]:
    """Return a line's columns, and whether its numbers are finite whatever their digits."""
    if found := short.fullmatch(line):
        return found, True
    fields = line.split()
    if len(fields) != columns:
        raise EventError(f"has {len(fields)} columns in {name}, not {columns}")
    found = long.fullmatch(line)
    if found is None or not all(math.isfinite(float(field)) for field in fields):
        raise EventError(f"has something else than finite numbers in {name}")
    return found, False


def _check_rest(piece: bytes, particles: bytes, n_weights: int) -> bool:
    """Check what comes with the particles; return whether digits do not matter there."""
    try:
        event = ET.fromstring(piece.strip() + b"</event>")  # noqa: S314  as above
    except ET.ParseError as error:
        raise EventError(f"is not well-formed: {error}") from None
    if (event.text or "").encode().rstrip() != particles.replace(b"\r\n", b"\n").rstrip():
        raise EventError("has markup among its particles")  # text on its other side belongs to them
    behind = [line for inner in event for line in (inner.tail or "").split("\n")]
    if any(line.strip() and not line.lstrip().startswith("#") for line in behind):
        raise EventError("has lines that are no comments behind its particles")
    try:
        _check_weights(event, n_weights)
    except ValueError as error:
        raise EventError(f"has weights that cannot be read: {error}") from None
    return _MARKUP.search(_PLAIN_TAG.sub(b"", piece + b"</event>")) is None and bool(
        _PRINTED.fullmatch(piece)
    )


def _check_weights(event: ET.Element, n_weights: int) -> None:
    """Raise ValueError unless further weights and scales are numbers, in their places."""
    for inner in event:
        if inner.tag == "scales":
            list(map(float, inner.attrib.values()))
        elif inner.tag == "rwgt":
            for weight in inner.findall("wgt"):
                float(weight.text or "")
                if "id" not in weight.attrib:
                    raise ValueError("one without id")
        elif inner.tag == "weights":
            numbers = list(map(float, (inner.text or "").split()))
            if not 0 < len(numbers) <= n_weights:
                raise ValueError(f"{len(numbers)}, where the header announces {n_weights}")
