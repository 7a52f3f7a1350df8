"""Reads what stands before the events of a Les Houches file."""

import math
from dataclasses import dataclass
from typing import cast
from xml.etree import ElementTree as ET  # expat limits what entities may grow to

_ORDERS = (["init"], ["header", "init"], ["!", "init"], ["!", "header", "init"])
"""A comment may come first."""
_BEAM_COLUMNS, _PROCESS_COLUMNS = 10, 4
_ID = 3


class HeadError(Exception):
    """What is wrong with the head, to be said behind the name of the file."""


class NoCrossSectionError(HeadError):
    """The processes have no cross sections that are numbers."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the head holds.

    Attributes
    ----------
    header
        The text before ``<init>``.
    beams
        PDG id and energy [GeV] of each beam; none for the decay of a single particle.
    cross_section_pb, error_pb
        Summed over the processes.
    n_weights
        How many weights the header announces for each event.
    """

    header: str
    beams: tuple[tuple[int, float], ...]
    cross_section_pb: float
    error_pb: float
    n_weights: int


def read_head(text: bytes) -> Head:
    """Read the head, to the end of ``</init>``.

    Raises
    ------
    HeadError
        If it is not well-formed, or has other things in ``<init>`` than numbers.
    """
    before = text.partition(b"<init>")[0]
    init, n_weights = _parse(text)
    lines = (init.text or "").split("\n")[1:-1]
    if not lines:
        raise HeadError("says nothing of its beams")
    beams = _beams(lines[0].split())
    rows = [line.split() for line in lines[1:]]
    try:
        values = [(float(row[0]), float(row[1]), float(row[2]), int(row[_ID])) for row in rows]
    except (ValueError, IndexError):
        values = []
    if not values or not all(math.isfinite(number) for row in values for number in row):
        raise NoCrossSectionError("states no cross section")
    return Head(
        before.decode("utf-8", "replace"),
        beams,
        sum(row[0] for row in values),
        sum(row[1] ** 2 for row in values) ** 0.5,
        n_weights,
    )


def _parse(text: bytes) -> tuple[ET.Element, int]:
    """Return ``<init>`` and the number of weights that are announced."""
    parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(("start", "end", "comment"))
    try:
        parser.feed(text + b"</LesHouchesEvents>")
        parser.close()
        events = [cast("tuple[str, ET.Element]", event) for event in parser.read_events()]
    except ET.ParseError as error:
        raise HeadError(f"is not well-formed before its events: {error}") from None
    order, depth = [], 0
    for kind, element in events:
        if kind != "end" and depth <= 1:
            order.append("!" if kind == "comment" else str(element.tag))
        depth += {"start": 1, "end": -1}.get(kind, 0)
    if order[:1] != ["LesHouchesEvents"] or order[1:] not in _ORDERS:
        raise HeadError("is no LHE file: it does not begin with a header and <init>")
    root = events[0][1]
    weights = [one for one in root.iterfind("header/initrwgt//weight") if "id" in one.attrib]
    return root[-1], len(weights)


def _beams(fields: list[str]) -> tuple[tuple[int, float], ...]:
    """Return PDG id and energy [GeV] of each beam; none for the decay of a single particle."""
    try:
        numbers = [float(field) for field in fields[:_BEAM_COLUMNS]]
        integers = [int(number) for number in (*numbers[:2], *numbers[4:])]
    except (ValueError, OverflowError):
        integers = []
    if len(integers) != _BEAM_COLUMNS - 2:
        raise HeadError("says something else of its beams than ten numbers")
    if len(fields) != _BEAM_COLUMNS or integers[1] == 0:
        return ()
    return (integers[0], numbers[2]), (integers[1], numbers[3])
