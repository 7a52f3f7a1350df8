"""Finds the simulation that a file behind it is of, and the jobs whose events went into it.

By what the file says of itself, else by its name or those of its folders, or because somebody says
so. A file whose jobs are not known is refused: nobody could say what its events are to be divided
by.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from mcbook.catalog import simulations
from mcbook.catalog.dump import rows_among
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.simulation.record import Said, job_key, said_by

Row = dict[str, Any]

GRID = "/belle/"
"""How paths on the grid begin."""

ALL = "all"
_FOLDERS = 3
_PARTS = re.compile(r"(\d+)(?:-(\d+)|j(\d+))?")


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says of files: the simulation, the parts (``all``, ``1-3,5,7j2``), the tier."""

    simulation: Row | None = None
    parts: str | None = None
    tier: str | None = None
    is_filtered: bool = False


@dataclass(frozen=True, slots=True)
class BoundFile:
    """The simulation of a file, and its jobs in it."""

    simulation: Row
    jobs: tuple[Row, ...]

    @property
    def events(self) -> int:
        """How many events went into the jobs."""
        return sum(int(job["events"]) for job in self.jobs)

    @property
    def keys(self) -> list[str]:
        """The keys of the jobs."""
        return [job["key"] for job in self.jobs]


def bind(books: Reader, words: str, path: PurePath, told: Told) -> BoundFile | None:
    """Return what a file is of, None where nothing says that it is behind a simulation.

    Parameters
    ----------
    books
        The books, open for reading.
    words
        What it says of itself.
    path
        Where it is, on a disk or on the grid.
    told
        What somebody says.

    Raises
    ------
    InputError
        If what is said does not agree, is not in the books, or does not say which jobs.
    """
    inside = said_by(words)
    outside = said_by("/".join(path.parts[-1 - _FOLDERS :]))
    simulation = told.simulation
    for said in (inside, outside):
        row = _simulation(books, said)
        if row is not None and simulation is not None and row["id"] != simulation["id"]:
            raise InputError(f"it says that it is of {row['id']}, not of {simulation['id']}")
        simulation = simulation or row
    if simulation is None:
        return None
    return BoundFile(
        simulation, tuple(_jobs(books, simulation["id"], (inside, outside), told.parts))
    )


def _simulation(books: Reader, said: Said) -> Row | None:
    """Return the simulation that is named, None where none is."""
    found = [simulations.find(books, name) for name in sorted(said.ids)]
    for digits in sorted(said.projects):
        row = simulations.by_digits(books, *digits)
        if row is None:
            raise InputError(f"no simulation in the books has the digits {'-'.join(digits)}")
        found.append(row)
    if len({row["id"] for row in found}) > 1:
        raise InputError(
            f"it holds several simulations: {', '.join(sorted(row['id'] for row in found))}",
            hint="an efficiency belongs to one: keep their files apart",
        )
    return found[0] if found else None


def _jobs(books: Reader, simulation: str, said: Sequence[Said], parts: str | None) -> list[Row]:
    """Return the jobs in a file."""
    named = next((one.jobs for one in said if one.jobs), frozenset())
    if parts is None and not named:
        raise InputError(
            f"it is of {simulation}, and nothing says which of its jobs it holds",
            hint="--parts says so: all, or such as 1-3,5,7j2 (job 2 of part 7). Jobs that were lost"
            " must not be counted",
        )
    keys = [job_key(simulation, *one) for one in sorted(named)]
    rows = list(rows_among(books, "simulation_jobs", "key", keys))
    if missing := sorted(set(keys) - {row["key"] for row in rows}):
        raise InputError(f"{simulation} has no job {missing[0]}")
    if parts is None:
        return rows
    there = simulations.jobs_of(books, [simulation]).get(simulation, [])
    wanted = _listed(there, parts)
    if rows and {row["key"] for row in wanted} != {row["key"] for row in rows}:
        raise InputError("what it says of its jobs is not what --parts says")
    return wanted


def _listed(there: Sequence[Row], text: str) -> list[Row]:
    """Return the jobs that somebody names, in order."""
    if text.strip() == ALL:
        return list(there)
    wanted: set[str] = set()
    known = {row["part"] for row in there}
    for word in text.replace(" ", "").split(","):
        found = _PARTS.fullmatch(word)
        if found is None:
            raise InputError(f"--parts: {word!r} is no part", hint="all, or such as 1-3,5,7j2")
        first, last = int(found[1]), int(found[2] or found[1])
        inside = {part for part in known if first <= part <= last}
        if not first <= last or len(inside) != last - first + 1:
            raise InputError(f"--parts: {word}: that simulation has no such part")
        chosen = [row for row in there if row["part"] in inside]
        if found[3]:
            chosen = [row for row in chosen if row["number"] == int(found[3])]
        if not chosen:
            raise InputError(f"--parts: {word}: that part has no such job")
        wanted |= {row["key"] for row in chosen}
    return [row for row in there if row["key"] in wanted]


def tier_on_grid(path: PurePath) -> str:
    """Return the tier of a file on the grid by its path, which says so where it is an mdst.

    Raises
    ------
    InputError
        If it does not.
    """
    if "mdst" in path.parts or path.name.endswith(".mdst.root"):
        return "mdst"
    raise InputError("its path does not say what it is", hint="--tier says so: mdst, ntuple")


def check_count(bound: BoundFile, rows: int, *, is_filtered: bool) -> None:
    """Refuse a file of basf2 that has not the events of its jobs.

    Raises
    ------
    InputError
        If it has more, or fewer and nobody says that some were filtered out.
    """
    wanted = bound.events
    if rows > wanted:
        raise InputError(f"it has {rows} events, and {wanted} went into its jobs")
    if rows < wanted and not is_filtered:
        raise InputError(
            f"it has {rows} events, and {wanted} went into its jobs: one was cut short",
            hint="--filtered, where a filter or a skim took the others out: it then stands for"
            f" {wanted} all the same",
        )
