"""Writes the folder of an export: a folder for each job, and what runs or submits them all."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.cards import engine
from mcbook.errors import InputError
from mcbook.production.manifest import MANIFEST
from mcbook.production.publish import Progress, sha256
from mcbook.simulation.conditions import Conditions
from mcbook.simulation.events import read_events
from mcbook.simulation.record import Simulation, SimulationJob
from mcbook.simulation.steering import (
    MOST_SANDBOX_BYTES,
    Source,
    checked,
    job_files,
    output_name,
)

Row = dict[str, Any]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One job that is to be written, with where its events come from."""

    simulation: Simulation
    job: SimulationJob
    source: Source
    events: Path | None
    sha256: str | None
    facts: Mapping[str, str]


def write(
    folder: Path,
    work: Sequence[Entry],
    conditions: Conditions,
    background: str | None,
    progress: Progress | None,
    *,
    for_grid: bool,
) -> None:
    """Write all of an export into a new folder.

    Raises
    ------
    InputError
        If a job is too large for the grid.
    McbookError
        If the events of a part cannot be simulated; see `mcbook.simulation.steering.checked`.
    """
    folder.mkdir()
    lines = []
    for number, (entry, written) in enumerate(_rendered(work), 1):
        if for_grid and sum(map(len, written.values())) > MOST_SANDBOX_BYTES:
            raise InputError(
                f"{entry.job.key} is larger than the 10 MB that gbasf2 sends with a job",
                hint="lower events_per_job in the conditions",
            )
        (folder / entry.job.project).mkdir()
        for name, content in written.items():
            (folder / entry.job.project / name).write_bytes(content)
        lines.append(_line(entry, written))
        if progress is not None:
            progress(number, len(work))
    _write_rest(folder, lines, conditions, background, for_grid=for_grid)


def _rendered(work: Sequence[Entry]) -> Iterator[tuple[Entry, dict[str, bytes]]]:
    """Yield each job with its files; a file with events is read once for all of its jobs."""
    order = sorted(work, key=lambda entry: (str(entry.events), entry.job.key))
    path, source = None, None
    for entry in order:
        if entry.events is None:
            source = entry.source
        elif entry.events != path or source is None:
            path = entry.events
            source = Source(entry.source.given, read_events(path, entry.sha256), entry.source.cards)
        checked(entry.simulation, source)
        yield entry, job_files(entry.simulation, entry.job, source, entry.facts)


def _line(entry: Entry, written: Mapping[str, bytes]) -> Row:
    job = entry.job
    script, *inputs = written
    return {
        "key": job.key,
        "simulation": entry.simulation.id,
        "sample": entry.simulation.sample_id,
        "part": job.part,
        "part_seed": job.part_seed,
        "job": job.number,
        "events": job.events,
        "seed": job.seed,
        "project": job.project,
        "script": script,
        "inputs": inputs,
        "output": output_name(job),
        "sha256": {name: sha256(content) for name, content in written.items()},
    }


def _write_rest(
    folder: Path,
    lines: list[Row],
    conditions: Conditions,
    background: str | None,
    *,
    for_grid: bool,
) -> None:
    """Write the manifest, what runs or submits all, and what to do with it."""
    head = {"mcbook": "simulations", "schema": SCHEMA}
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in (head, *lines))
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    seconds = conditions.seconds_per_event
    context = {
        "jobs": lines,
        "release": conditions.release.name,
        "background": background,
        "events": sum(line["events"] for line in lines),
        "events_per_second": f"{1 / seconds:.3g}" if seconds else None,
        "hours": math.ceil(sum(line["events"] for line in lines) * seconds / 360) / 10
        if seconds
        else None,
        "for_grid": for_grid,
    }
    script = "submit_gbasf2.sh" if for_grid else "run.sh"
    (folder / script).write_bytes(engine.render(f"basf2/{script}.j2", **context))
    (folder / script).chmod(0o755)
    (folder / "README.md").write_bytes(engine.render("basf2/README.md.j2", **context))
