"""Reads what an LHE file of MadGraph says about itself."""

import gzip
import re
import zlib
from pathlib import Path

from mcbook.errors import WorkError
from mcbook.generators.base import ReadBack
from mcbook.units import FB_PER_PB

_RUN_CARD = re.compile(r"<MGRunCard>(.*?)</MGRunCard>", re.DOTALL)
_RUN_SETTING = re.compile(r"^[ \t]*([^#\n=]*?)[ \t]*=[ \t]*(\w+)", re.MULTILINE)
_VERSION = re.compile(r"<MGVersion>\s*(\S+)\s*</MGVersion>")
_GENERATED = re.compile(r"#\s*Number of Events\s*:\s*(\d+)")
_SLHA = re.compile(r"<slha>(.*?)</slha>", re.DOTALL)
_ENTRY = re.compile(r"^\s*(?:DECAY\s+)?(?:\d+\s+)+(\S+)\s*#\s*(\w+)\s*$", re.IGNORECASE)
_PARTICLE = re.compile(
    rb"^[ \t]*(-?\d+)[ \t]+-?\d[ \t]+\d+[ \t]+\d+[ \t]+\d+[ \t]+\d+", re.MULTILINE
)
_WEIGHT = re.compile(rb"<event>\s*\d+[ \t]+-?\d+[ \t]+([-+.\deE]+)")
_INIT_FIELDS = 4
_BEAMS = 10
_ID = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{12}")  # any other tag is somebody's own, or MadGraph's
_TOP = 1000


def read_lhe(path: str) -> ReadBack:
    """Read an LHE file, plain or gzipped, to its end.

    For the decay of a single particle, where MadGraph puts a width [GeV] in the place of the cross
    section [pb], the numbers are that width times `FB_PER_PB`.

    Raises
    ------
    WorkError
        If the file is not there, is truncated, or was not made by MadGraph.
    """
    content = _content(path)
    head, found, events = content.partition(b"<init>")
    if not found or b"<MGVersion>" not in head:
        raise WorkError(f"{path} is no LHE file of MadGraph", hint="give the unweighted events")
    counted = events.count(b"<event>")
    if not content.rstrip().endswith(b"</LesHouchesEvents>"):
        raise WorkError(
            f"{path} is truncated: it ends in event {counted}", hint="run that part again"
        )
    text = head.decode("utf-8", "replace")
    value, error = _cross_section(path, events)
    card = _RUN_CARD.search(text)
    settings = {name: said for said, name in _RUN_SETTING.findall(card[1] if card else "")}
    generated = _GENERATED.search(text)
    if generated is None or int(generated[1]) != counted:
        raise WorkError(
            f"{path} holds {counted} events, its header says "
            f"{generated[1] if generated else 'nothing'}",
            hint="it was cut, or MadGraph found too few events: run that part again, then with "
            "another seed or fewer events",
        )
    if len(weights := set(_WEIGHT.findall(events))) > 1 or any(float(w) <= 0 for w in weights):
        raise WorkError(
            f"{path} has events of different weights, or of weights that are not above 0",
            hint="nothing behind it looks at weights: give the unweighted events",
        )
    version = _VERSION.search(text)
    seed = settings.get("iseed", "")
    return ReadBack(
        sample_id=tag if _ID.fullmatch(tag := settings.get("run_tag", "")) else None,
        events=counted,
        cross_section_fb=value * FB_PER_PB,
        cross_section_error_fb=error * FB_PER_PB,
        seed=int(seed) if seed.isdigit() else None,
        version=version[1] if version else "",
        parameters=_parameters(text),
        beams=_beams(events),
        settings=settings,
        particles=frozenset(int(found) for found in set(_PARTICLE.findall(events))),
    )


def is_lhe(head: bytes) -> bool:
    """Return whether a file begins as an LHE file does, plain or gzipped."""
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head)
        except zlib.error:
            return False
    return b"<LesHouchesEvents" in head[:_TOP]


def _content(path: str) -> bytes:
    try:
        content = Path(path).read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except FileNotFoundError:
        raise WorkError(
            f"{path} is not there",
            hint="MadGraph exits with 0 when it fails: its log says what went wrong",
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise WorkError(f"{path} cannot be read: {error}", hint="run that part again") from None


def _cross_section(path: str, after_init: bytes) -> tuple[float, float]:
    """Return the summed cross section and its error [pb] of the processes in ``<init>``."""
    lines = after_init.split(b"</init>")[0].split(b"\n")
    rows = [fields for entry in lines[2:] if len(fields := entry.split()) == _INIT_FIELDS]
    try:
        values = [(float(row[0]), float(row[1])) for row in rows]
    except ValueError:
        values = []
    if not values:
        raise WorkError(f"{path} states no cross section", hint="run that part again")
    return sum(value for value, _ in values), sum(error**2 for _, error in values) ** 0.5


def _beams(after_init: bytes) -> tuple[tuple[int, float], ...]:
    """Return PDG id and energy [GeV] of each beam; none for the decay of a single particle."""
    fields = after_init.split(b"\n", 2)[1].split()
    if len(fields) != _BEAMS or fields[1] == b"0":
        return ()
    return tuple((int(fields[i]), float(fields[i + 2])) for i in (0, 1))


def _parameters(text: str) -> dict[str, float]:
    """Return the parameters of the ``<slha>`` block by name, in lower case as MadGraph writes them.

    Numbers have seven significant digits there.
    """
    block = _SLHA.search(text)
    found: dict[str, float] = {}
    for line in block[1].splitlines() if block else ():
        entry = _ENTRY.match(line)
        if entry is not None:
            found[entry[2].lower()] = float(entry[1])
    return found
