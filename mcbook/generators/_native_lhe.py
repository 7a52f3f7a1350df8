"""Reads what an LHE file of the native generator says about itself."""

import re
from collections.abc import Iterator

from mcbook.errors import WorkError
from mcbook.generators.base import ReadBack
from mcbook.lhe.reader import OWN_MARK, read, start
from mcbook.units import FB_PER_PB


def is_native(head: bytes) -> bool:
    """Return whether an LHE file begins as those of this generator do, plain or gzipped."""
    return OWN_MARK in start(head)


def read_lhe(path: str) -> ReadBack:
    """Read an LHE file, plain or gzipped, to its end.

    Raises
    ------
    WorkError
        If the file is not there, is truncated, has an event that is not one, or was not made by
        this generator.
    """
    found = read(path)
    said = dict(_entries(found.header, "mcbook"))
    if not said:
        raise WorkError(f"{path} is no LHE file of mcbook's native generator")
    if said.get("events") != str(found.events):
        raise WorkError(
            f"{path} holds {found.events} events, its header says {said.get('events', 'nothing')}",
            hint="it was cut: run that part again",
        )
    found.check_unweighted(path)
    seed = said.get("seed", "")
    return ReadBack(
        sample_id=said.get("id"),
        events=found.events,
        cross_section_fb=found.cross_section_pb * FB_PER_PB,
        cross_section_error_fb=found.error_pb * FB_PER_PB,
        seed=int(seed) if seed.isdigit() else None,
        version=said.get("generator", ""),
        parameters=dict(_numbers(path, found.header)),
        beams=found.beams,
        settings=dict(_entries(found.header, "mcbook_settings")),
        particles=found.particles,
    )


def _entries(header: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each line of a block."""
    block = re.search(rf"<{name}>\n(.*?)</{name}>", header, re.DOTALL)
    for line in block[1].splitlines() if block else ():
        key, separator, value = line.partition(" = ")
        if separator and not line.startswith("#"):
            yield key.strip(), value.strip()


def _numbers(path: str, header: str) -> Iterator[tuple[str, float]]:
    for name, value in _entries(header, "mcbook_parameters"):
        try:
            yield name, float(value)
        except ValueError:
            raise WorkError(f"{path}: its header says {name} = {value!r}") from None
