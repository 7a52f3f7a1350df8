"""Simulations in the books: under which conditions samples were simulated, and what came of it."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from mcbook.catalog.dump import ids_beginning, rows_among, stored_rows, table_of
from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows import HistoryRow
from mcbook.catalog.rows_simulation import (
    SimulatedFileJobRow,
    SimulatedFileRow,
    SimulationJobRow,
    SimulationRow,
)
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import InputError, WorkError

Row = dict[str, Any]
_MAX_LISTED = 5


def enter(
    books: Writer, simulations: Sequence[SimulationRow], jobs: Sequence[SimulationJobRow]
) -> list[str]:
    """Record simulations and their jobs; those that are there already are nothing new.

    Returns
    -------
    list
        Ids of the new ones.

    Raises
    ------
    WorkError
        If an id stands for two simulations.
    """
    there = dict(books.named("simulations", "digest", [row.id for row in simulations]))
    at, who = now(), user()
    fresh = []
    for row in simulations:
        if there.get(row.id, row.digest) != row.digest:
            raise WorkError(f"the id {row.id} stands for two different simulations")
        if row.id not in there:
            fresh.append(row._replace(created=row.created or at, who=row.who or who))
    books.insert("simulations", fresh)
    known = rows_among(books, "simulation_jobs", "key", [job.key for job in jobs])
    recorded = {row["key"]: SimulationJobRow(**row) for row in known}
    for job in jobs:
        if recorded.get(job.key, job) != job:
            raise WorkError(
                f"{job.key} was split otherwise by somebody else in between",
                hint="the same command again takes the jobs as they are now",
            )
    books.insert("simulation_jobs", [job for job in jobs if job.key not in recorded])
    books.add_history(
        HistoryRow(row.sample_id, "simulation planned", as_json({"simulation": row.id}))
        for row in fresh
    )
    return [row.id for row in fresh]


def find(books: Reader, prefix: str) -> Row:
    """Return the only simulation whose id begins so.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    found = ids_beginning(books, "simulations", prefix, _MAX_LISTED + 1)
    if not found:
        raise InputError(
            f"no simulation in the books has an id that begins with {prefix!r}",
            hint="`mcbook simulations` lists them",
        )
    if len(found) > 1:
        more = " and more" * (len(found) > _MAX_LISTED)
        raise InputError(
            f"several simulations have an id that begins with {prefix!r}",
            hint=", ".join(found[:_MAX_LISTED]) + more,
        )
    return next(iter(stored_rows(books, "simulations", table_of("simulations").c.id == found[0])))


def by_digits(books: Reader, sample: str, own: str) -> Row | None:
    """Return the simulation whose id ends with these digits of sample and simulation."""
    column = table_of("simulations").c.id
    rows = list(stored_rows(books, "simulations", column.like(f"%-{sample}-s{own}")))
    return rows[0] if len(rows) == 1 else None


def of_samples(books: Reader, ids: Iterable[str]) -> list[Row]:
    """Return the simulations of samples, oldest first for each."""
    rows = rows_among(books, "simulations", "sample_id", ids)
    return sorted(rows, key=lambda row: (row["sample_id"], row["created"], row["id"]))


def jobs_of(books: Reader, ids: Iterable[str]) -> dict[str, list[Row]]:
    """Return the jobs of simulations, in order."""
    found: dict[str, list[Row]] = {}
    for row in rows_among(books, "simulation_jobs", "simulation_id", ids):
        found.setdefault(row["simulation_id"], []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["part"], row["number"]))
    return found


def files_of(books: Reader, ids: Iterable[str]) -> dict[str, list[Row]]:
    """Return the files of simulations, each with the keys of its ``jobs``."""
    found: dict[str, list[Row]] = {}
    for row in _with_their_jobs(books, rows_among(books, "simulated_files", "simulation_id", ids)):
        found.setdefault(row["simulation_id"], []).append(row)
    return found


def _with_jobs(books: Reader, jobs: Sequence[str]) -> list[Row]:
    """Return the files that hold some of these jobs, each with all of its ``jobs``."""
    keys = {row["file"] for row in rows_among(books, "simulated_file_jobs", "job", jobs)}
    return _with_their_jobs(books, rows_among(books, "simulated_files", "key", sorted(keys)))


def _with_their_jobs(books: Reader, rows: Iterable[Row]) -> list[Row]:
    files = list(rows)
    jobs: dict[str, list[str]] = {}
    for row in rows_among(books, "simulated_file_jobs", "file", [row["key"] for row in files]):
        jobs.setdefault(row["file"], []).append(row["job"])
    return [{**row, "jobs": sorted(jobs.get(row["key"], []))} for row in files]


def jobs_in(books: Reader, file: str) -> list[Row]:
    """Return the jobs whose events went into a file, by its key."""
    column = table_of("simulated_file_jobs").c.file
    keys = [row["job"] for row in stored_rows(books, "simulated_file_jobs", column == file)]
    return list(rows_among(books, "simulation_jobs", "key", keys))


def enter_file(books: Writer, file: SimulatedFileRow, jobs: Sequence[str]) -> bool:
    """Record a file and the jobs that it holds; return whether it is new.

    A file of the same jobs that is known on the grid only, or on a disk only, is the same one.

    Raises
    ------
    InputError
        If another file of the same tier has one of the jobs: its events would count twice.
    """
    for row in _with_jobs(books, jobs):
        both = sorted(set(row["jobs"]) & set(jobs))
        if row["tier"] != file.tier:
            continue
        if set(row["jobs"]) == set(jobs) and _complete(books, row, file):
            return False
        raise InputError(
            f"{row['path'] or row['lpn']} holds {both[0]} already: its events would count twice",
            hint="another kind of file of the same jobs needs a --tier of its own",
        )
    if list(rows_among(books, "simulated_files", "key", [file.key])):
        raise InputError("it is in the books already, with other jobs or another tier")
    books.insert("simulated_files", [file._replace(at=file.at or now(), who=file.who or user())])
    books.insert("simulated_file_jobs", [SimulatedFileJobRow(file.key, job) for job in jobs])
    return True


def _complete(books: Writer, row: Row, file: SimulatedFileRow) -> bool:
    """Add to a known file what is new of it; return whether it can be the same one."""
    if file.lpn is not None:
        if row["lpn"] not in {None, file.lpn}:
            return False
        books.change("UPDATE simulated_files SET lpn = ? WHERE key = ?", [(file.lpn, row["key"])])
        return True
    if row["sha256"] not in {None, file.sha256}:
        return False
    books.change(
        "UPDATE simulated_files SET sha256 = ?, storage = ?, path = ?, size = ?, events = ?"
        " WHERE key = ?",
        [(file.sha256, file.storage, file.path, file.size, file.events, row["key"])],
    )
    return True


def correct(books: Writer, file: Row, jobs: Sequence[str], tier: str) -> None:
    """Record that a file holds other jobs, or is of another tier, than was said when it came in.

    Raises
    ------
    InputError
        If another file of that tier has one of the jobs.
    """
    for row in _with_jobs(books, jobs):
        if row["tier"] == tier and row["key"] != file["key"]:
            raise InputError(f"{row['path'] or row['lpn']} holds one of these jobs already")
    (before,) = _with_their_jobs(books, [file])
    if set(before["jobs"]) == set(jobs) and file["tier"] == tier:
        return
    books.change("UPDATE simulated_files SET tier = ? WHERE key = ?", [(tier, file["key"])])
    books.change("DELETE FROM simulated_file_jobs WHERE file = ?", [(file["key"],)])
    books.insert("simulated_file_jobs", [SimulatedFileJobRow(file["key"], job) for job in jobs])
    (its,) = rows_among(books, "simulations", "id", [file["simulation_id"]])
    was = {"tier": file["tier"], "jobs": before["jobs"]}
    detail = {"file": file["key"], "before": was, "now": {"tier": tier, "jobs": sorted(jobs)}}
    books.add_history([HistoryRow(its["sample_id"], "file corrected", as_json(detail))])


def of_digests(books: Reader, digests: Sequence[str]) -> list[Row]:
    """Return the rows of files with these SHA-256."""
    return list(rows_among(books, "simulated_files", "sha256", digests))


_TIER = re.compile(r"[a-z][a-z0-9_.+-]*")


def check_tier(tier: str) -> None:
    """Refuse what is no name of a tier."""
    if not _TIER.fullmatch(tier):
        raise InputError(
            f"{tier!r} is no name of a tier", hint="such as mdst, ntuple, ntuple.control"
        )


def covered(jobs: Sequence[Row], files: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Return how many jobs and generated events the files of each tier hold.

    The events are those that went into the jobs behind the files, whatever became of them: what an
    efficiency is to be divided by.
    """
    events = {job["key"]: int(job["events"]) for job in jobs}
    found: dict[str, dict[str, int]] = {}
    for file in files:
        entry = found.setdefault(file["tier"], {"files": 0, "jobs": 0, "events_generated": 0})
        entry["files"] += 1
        entry["jobs"] += len(file["jobs"])
        entry["events_generated"] += sum(events[key] for key in file["jobs"])
    return found
