"""Reads what EvtGen leaves: lines of JSON from a stand-alone program, ROOT files from basf2."""

import json
import math
import re
from pathlib import Path
from typing import Any

from mcbook.errors import WorkError
from mcbook.generators.base import ReadBack
from mcbook.generators.rootfile import MAGIC, read_root

_PART = re.compile(r"(?P<sample>[a-z][a-z0-9_]*-[0-9a-f]{12}) seed (?P<seed>\d{1,18})(?!\d)")
"""How a steering file for basf2 calls the part that it makes."""


def is_evtgen(head: bytes) -> bool:
    """Return whether a file begins as one of EvtGen may."""
    if head.startswith(b'{"mcbook": {"sample"'):
        return True
    return head.startswith(MAGIC) or (head.startswith(b"{") and b'"particles"' in head)


def read_events(path: str) -> ReadBack:
    """Read a file with events to its end.

    Raises
    ------
    WorkError
        If it is not whole, or not of EvtGen.
    """
    with Path(path).open("rb") as handle:
        is_root = handle.read(len(MAGIC)) == MAGIC
    return _of_basf2(path) if is_root else _of_lines(path)


def _of_basf2(path: str) -> ReadBack:
    file = read_root(path)
    said = _PART.search(file.words)
    if said is None or not file.is_from_basf2:
        raise WorkError(
            f"{path} does not say of which sample or simulation it is",
            hint="its name may: the id of a simulation and its job, or --simulation and --parts",
        )
    return _read_back(said["sample"], file.rows, int(said["seed"]))


def _of_lines(path: str) -> ReadBack:
    """Count the events of a stand-alone EvtGen; a first line may say what they are."""
    head: dict[str, Any] = {}
    events = 0
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if number == 1 and record is not None and isinstance(record.get("mcbook"), dict):
                head = record["mcbook"]
            elif record is None or "particles" not in record:
                raise WorkError(
                    f"{path}: line {number} is cut off or no event of a stand-alone EvtGen",
                    hint="one JSON document per line, with the key 'particles'",
                )
            else:
                events += 1
    if head and head.get("events") != events:
        raise WorkError(
            f"{path} holds {events} events, its first line says {head.get('events')}",
            hint="it was cut: run that part again",
        )
    sample, seed = head.get("sample"), head.get("seed")
    return _read_back(
        sample if isinstance(sample, str) else None, events, seed if isinstance(seed, int) else None
    )


def _read_back(sample: str | None, events: int, seed: int | None) -> ReadBack:
    return ReadBack(sample, events, math.nan, math.nan, seed, "", {})


def _record(line: bytes) -> dict[str, Any] | None:
    """Return a complete line of JSON, None where it is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if line.endswith(b"\n") and isinstance(record, dict) else None
