"""Takes in what other books know of simulations: conditions, jobs, and files.

A job is the same where its events and its seed are. Two people may have split a part into jobs
differently, or have simulated the same job twice; then what is here stays, and it is told.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mcbook.catalog import simulations
from mcbook.catalog.dump import rows_among
from mcbook.catalog.rows import make_row
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import WorkError

Row = dict[str, Any]

_SAME = ("simulation_id", "part", "number", "skipped", "events", "seed")


def merge_simulations(
    mine: Writer,
    theirs: Reader,
    ids: Sequence[str],
    numbers: Mapping[tuple[str, int], int],
    roots: Mapping[str, str],
    new: Counter[str],
) -> list[str]:
    """Add simulations of samples that are in both books by now.

    Parameters
    ----------
    mine
        The books that grow; they have the samples.
    theirs
        The other ones.
    ids
        The samples.
    numbers
        What a part of theirs is called here, by sample and number there.
    roots
        What storage roots of theirs are called here.
    new
        Counts new rows by table.

    Returns
    -------
    list
        A sentence for each thing that was left out.

    Raises
    ------
    WorkError
        If an id stands for two simulations.
    """
    rows = simulations.of_samples(theirs, ids)
    here = dict(mine.named("simulations", "digest", [row["id"] for row in rows]))
    for row in rows:
        if here.get(row["id"], row["digest"]) != row["digest"]:
            raise WorkError(f"the id {row['id']} stands for two different simulations")
    fresh = [make_row("simulations", row) for row in rows if row["id"] not in here]
    new["simulations"] += mine.insert("simulations", fresh)
    told: list[str] = []
    for row in rows:
        told += _one(mine, theirs, row, numbers, roots, new)
    return told


def _one(
    mine: Writer,
    theirs: Reader,
    simulation: Row,
    numbers: Mapping[tuple[str, int], int],
    roots: Mapping[str, str],
    new: Counter[str],
) -> list[str]:
    """Add jobs and files of one simulation."""
    identity, sample = simulation["id"], simulation["sample_id"]
    told: list[str] = []
    there = [
        {**row, "part": numbers[sample, row["part"]]}
        for row in simulations.jobs_of(theirs, [identity]).get(identity, [])
    ]
    here = {
        row["key"]: row
        for row in rows_among(mine, "simulation_jobs", "key", [row["key"] for row in there])
    }
    differing = {
        row["key"]
        for row in there
        if row["key"] in here and any(row[name] != here[row["key"]][name] for name in _SAME)
    }
    if differing:
        told.append(
            f"{identity}: {len(differing)} jobs are split otherwise in the other books, such as"
            f" {min(differing)}: they and their files are left out"
        )
    fresh = [make_row("simulation_jobs", row) for row in there if row["key"] not in here]
    new["simulation_jobs"] += mine.insert("simulation_jobs", fresh)
    own = simulations.files_of(mine, [identity]).get(identity, [])
    taken = {(row["tier"], job): row["key"] for row in own for job in row["jobs"]}
    for row in simulations.files_of(theirs, [identity]).get(identity, []):
        jobs = row.pop("jobs")
        if any(row["key"] == file["key"] for file in own) or differing & set(jobs):
            continue
        twice = [job for job in jobs if (row["tier"], job) in taken]
        if twice:
            told.append(
                f"{twice[0]} has a file of tier {row['tier']} in both books: the one here is kept"
            )
            continue
        storage = roots[row["storage"]] if row["storage"] is not None else None
        file = make_row("simulated_files", {**row, "storage": storage})
        new["simulated_files"] += mine.insert("simulated_files", [file])
        listed = [make_row("simulated_file_jobs", {"file": row["key"], "job": j}) for j in jobs]
        new["simulated_file_jobs"] += mine.insert("simulated_file_jobs", listed)
    return told
