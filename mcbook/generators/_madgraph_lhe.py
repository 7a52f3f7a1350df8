"""Reads what an LHE file of MadGraph says about itself."""

import re
from pathlib import Path

from mcbook.errors import WorkError
from mcbook.generators.base import ReadBack
from mcbook.lhe.reader import read
from mcbook.units import FB_PER_PB

_RUN_CARD = re.compile(r"<MGRunCard>(.*?)</MGRunCard>", re.DOTALL)
_RUN_SETTING = re.compile(r"^[ \t]*([^#\n=]*?)[ \t]*=[ \t]*(\w+)", re.MULTILINE)
_VERSION = re.compile(r"<MGVersion>\s*(\S+)\s*</MGVersion>")
_GENERATED = re.compile(r"#\s*Number of Events\s*:\s*(\d+)")
_SLHA = re.compile(r"<slha>(.*?)</slha>", re.DOTALL)
_ENTRY = re.compile(r"^\s*(?:DECAY\s+)?(?:\d+\s+)+(\S+)\s*#\s*(\w+)\s*$", re.IGNORECASE)
_ID = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{12}")  # any other tag is somebody's own, or MadGraph's


def read_lhe(path: str) -> ReadBack:
    """Read an LHE file, plain or gzipped, to its end, and check every event.

    For the decay of a single particle, where MadGraph puts a width [GeV] in the place of the cross
    section [pb], the numbers are that width times `FB_PER_PB`.

    Raises
    ------
    WorkError
        If the file is not there, is truncated, has an event that is not well-formed, or was not
        made by MadGraph.
    """
    if not Path(path).exists():
        raise WorkError(
            f"{path} is not there",
            hint="MadGraph exits with 0 when it fails: its log says what went wrong",
        )
    found = read(path)
    text = found.header
    if "<MGVersion>" not in text:
        raise WorkError(f"{path} is no LHE file of MadGraph", hint="give the unweighted events")
    card = _RUN_CARD.search(text)
    settings = {name: said for said, name in _RUN_SETTING.findall(card[1] if card else "")}
    generated = _GENERATED.search(text)
    if generated is None or int(generated[1]) != found.events:
        raise WorkError(
            f"{path} holds {found.events} events, its header says "
            f"{generated[1] if generated else 'nothing'}",
            hint="it was cut, or MadGraph found too few events: run that part again, then with "
            "another seed or fewer events",
        )
    found.check_unweighted(path)
    version = _VERSION.search(text)
    seed = settings.get("iseed", "")
    return ReadBack(
        sample_id=tag if _ID.fullmatch(tag := settings.get("run_tag", "")) else None,
        events=found.events,
        cross_section_fb=found.cross_section_pb * FB_PER_PB,
        cross_section_error_fb=found.error_pb * FB_PER_PB,
        seed=int(seed) if seed.isdigit() else None,
        version=version[1] if version else "",
        parameters=_parameters(text),
        beams=found.beams,
        settings=settings,
        particles=found.particles,
    )


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
