"""A reader of Les Houches events as strict as the one of basf2."""

import gzip
import math
from pathlib import Path

from _session import fatal

COLUMNS = 13


class Record:
    """One line of a particle."""

    def __init__(self, words):
        self.pdg, self.status, self.mother = (int(word) for word in words[:3])
        self.pz, self.energy = float(words[8]), float(words[9])


def read(names):
    """Return the events of files one after the other: for each its weight and its records."""
    if not names:
        fatal("LHEInput: inputFileList is empty")
    return [event for name in names for event in read_file(Path(name))]


def read_file(path):
    """Return the events of one file."""
    if not path.is_file():
        fatal(f"LHEInput: there is no file {path}")
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        fatal(f"LHEInput: {path} is compressed ({len(gzip.decompress(content))} bytes plain)")
    lines = [line.partition("#")[0].strip() for line in content.decode().splitlines()]
    events, position = [], 0
    while position < len(lines):
        if lines[position].startswith(("<event>", "<event ")):
            if lines[position] != "<event>":
                fatal(f"{path}: <event> is not alone on its line: {lines[position]}")
            event, position = read_event(path, lines, position + 1)
            events.append(event)
        elif "<event>" in lines[position]:
            fatal(f"{path}: <event> is not alone on its line: {lines[position]}")
        else:
            position += 1
    return events


def read_event(path, lines, position):
    """Return the event that begins after ``<event>``, and where it ends."""
    try:
        end = lines.index("</event>", position)
    except ValueError:
        fatal(f"{path}: the last event has no end")
    if "<event>" in lines[position:end]:
        fatal(f"{path}: an event has no end")
    head = lines[position].split()
    if len(head) != 6 or not head[0].isdigit():
        fatal(f"{path}: not the head of an event: {lines[position]}")
    first, last = position + 1, position + 1 + int(head[0])
    if last > end:
        fatal(f"{path}: an event has fewer particles than its head says")
    records = [read_particle(path, line) for line in lines[first:last]]
    if last < end and lines[last] and not lines[last].startswith("<"):
        fatal(f"{path}: an event has more particles than its head says")
    return (float(head[2]), records), end + 1


def read_particle(path, line):
    """Return the record of one line."""
    words = line.split()
    if len(words) != COLUMNS:
        fatal(f"{path}: a particle has {len(words)} columns, not {COLUMNS}: {line}")
    try:
        numbers = [float(word) for word in words]
        record = Record(words)
    except ValueError:
        fatal(f"{path}: a particle is not made of numbers: {line}")
    if not all(map(math.isfinite, numbers)):
        fatal(f"{path}: a particle is not made of finite numbers: {line}")
    return record
