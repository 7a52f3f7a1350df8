"""``mcbook simulations``: what was taken through the detector simulation, and what came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcbook.catalog import simulations
from mcbook.catalog.result import SIMULATION
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.verbs.lookup import sample_ids

Row = dict[str, Any]


def list_simulations(
    expression: str | None = None,
    *,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
) -> list[Row]:
    """Return the simulations of samples, with what came of them.

    Parameters
    ----------
    expression
        Which samples, or the id of a simulation; None means all.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.

    Returns
    -------
    list
        Each with ``id``, ``sample``, the conditions, ``jobs``, ``events`` that these take, and
        ``files``: for each tier how many ``files`` there are, how many ``jobs`` are in them, and
        how many ``events_generated`` went into these jobs, which is what an efficiency is to be
        divided by.

    Raises
    ------
    InputError
        If the expression is not right, or there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        if expression is not None and SIMULATION.search(expression.strip()):
            its = simulations.find(books, expression.strip())
            return [row for row in described(books, [its["sample_id"]]) if row["id"] == its["id"]]
        return described(books, sample_ids(books, expression, models_dir))


def described(books: Reader, ids: Sequence[str]) -> list[Row]:
    """Return what the books know about the simulations of samples."""
    rows = simulations.of_samples(books, ids)
    names = [row["id"] for row in rows]
    jobs, held = simulations.jobs_of(books, names), simulations.files_of(books, names)
    keys = ("release", "campaign", "global_tags", "experiment", "background", "displacement",
            "decayer", "created", "who")  # fmt: skip
    return [
        {
            "id": row["id"],
            "sample": row["sample_id"],
            "runs": [row["run_first"], row["run_last"]],
            **{key: row[key] for key in keys},
            "jobs": len(jobs.get(row["id"], [])),
            "events": sum(job["events"] for job in jobs.get(row["id"], [])),
            "files": simulations.covered(jobs.get(row["id"], []), held.get(row["id"], [])),
        }
        for row in rows
    ]
