"""Reads what EvtGen leaves: lines of JSON from a stand-alone program, ROOT files from basf2."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcbook.cards.evtgen_names import known_ids
from mcbook.errors import WorkError
from mcbook.generators.base import ReadBack, Stated
from mcbook.generators.detector import states
from mcbook.generators.rootfile import MAGIC, read_root
from mcbook.registry.model import Particle

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
    ids: set[int] = set()
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if number == 1 and record is not None and isinstance(record.get("mcbook"), dict):
                head = record["mcbook"]
            elif record is None or not (found := _ids(record)):
                raise WorkError(
                    f"{path}: line {number} is cut off or no event of a stand-alone EvtGen",
                    hint="one JSON document per line; 'particles' is a list, each with its 'pdg'",
                )
            else:
                events += 1
                ids |= found
    if head and head.get("events") != events:
        raise WorkError(
            f"{path} holds {events} events, its first line says {head.get('events')}",
            hint="it was cut: run that part again",
        )
    sample, seed = head.get("sample"), head.get("seed")
    return _read_back(
        sample if isinstance(sample, str) else None, events,
        seed if isinstance(seed, int) else None, frozenset(ids),
    )  # fmt: skip


def _ids(record: Mapping[str, Any]) -> set[int]:
    """Return the PDG ids of an event, none where it is none."""
    particles = record.get("particles")
    if not isinstance(particles, list) or not all(isinstance(one, dict) for one in particles):
        return set()
    ids = [one.get("pdg") for one in particles]
    return {one for one in ids if isinstance(one, int)} if None not in ids else set()


def _read_back(
    sample: str | None, events: int, seed: int | None, ids: frozenset[int] = frozenset()
) -> ReadBack:
    return ReadBack(sample, events, math.nan, math.nan, seed, "", {}, particles=ids)


def _record(line: bytes) -> dict[str, Any] | None:
    """Return a complete line of JSON, None where it is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if line.endswith(b"\n") and isinstance(record, dict) else None


def stated(is_basf2: bool, new: Sequence[Particle]) -> Stated:
    """Return what outputs have to say.

    Parameters
    ----------
    is_basf2
        Whether basf2 makes them: what its files hold is not looked into.
    new
        The particles that the Standard Model has not.
    """
    if is_basf2:
        return Stated({}, 0, (), frozenset())
    own = frozenset(identity for particle in new for _, identity in states(particle))
    must = frozenset(particle.pdg_id for particle in new if particle.anti is None)
    return Stated({}, 0, (), known_ids() | own, finals=(must,) if must else ())
