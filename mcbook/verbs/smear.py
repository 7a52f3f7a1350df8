"""``mcbook smear``: a fast simulation of samples, from events to ntuples in the books."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook.catalog import files, simulations
from mcbook.catalog.dump import rows_among, stored_rows, table_of
from mcbook.catalog.rows_simulation import SimulatedFileRow
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, McbookError
from mcbook.generators.base import SampleInput
from mcbook.production.holding import held
from mcbook.production.publish import Progress, temporary
from mcbook.production.rerender import Rerenderer
from mcbook.selection.smearing import VERSION, Smearing
from mcbook.selection.smearingfile import read_smearing, settings_of
from mcbook.simulation.fast import fast_simulation
from mcbook.simulation.record import Simulation, SimulationJob
from mcbook.verbs.lifetimes import left_prompt
from mcbook.verbs.lookup import samples_to_make
from mcbook.verbs.run import check_roots
from mcbook.verbs.simulate import job_row, row_of
from mcbook.verbs.smeared import NTUPLES, Made, Task, make

Row = dict[str, Any]
Flying = dict[str, tuple[int, ...]]

TIER = "ntuple"
_EVENTS = "lhe"


def smear(
    settings: str | Path,
    expression: str | None = None,
    *,
    jobs: int = 1,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Take the events of samples through a fast simulation, and enter the ntuples in the books.

    Each part becomes a file of tier ``ntuple`` in the folder of its sample. Events depend on
    the settings, the sample and the seed of the part alone. What is made stays made: the same again
    goes on where it was stopped.

    Parameters
    ----------
    settings
        Resolutions and efficiencies, a YAML file; `mcbook.selection.smearingfile`.
    expression
        Which samples; None means all.
    jobs
        How many parts are smeared side by side.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would be made.
    progress
        Called with the number of parts done and their total.

    Returns
    -------
    dict
        ``catalog``; ``simulations`` (``new``, ``existing``); ``ids`` of all of them; ``files``,
        counts: ``asked``, ``made``, ``adopted`` (in place already), ``held`` (another mcbook is at
        them), ``known`` (in the books already); ``events`` that are new; ``notes``, why samples
        were left out, and which ntuples of the books are gone.

    Raises
    ------
    InputError
        If the settings or the expression are not right, it is the id of a retired sample, or no
        sample has events.
    WorkError
        If a file with events is gone, is not what the books say, or holds what cannot be smeared.
    """
    if jobs < 1:
        raise InputError(f"jobs is {jobs} and must be above 0")
    smearing = read_smearing(settings)
    with open_catalog(catalog, mode="read") as opened:
        with opened.reading() as books:
            notes: list[str] = []
            found = _Found(books, smearing, models_dir)
            for sample in found.samples(samples_to_make(books, expression, models_dir, notes)):
                found.add(sample)
        notes += found.notes()
        if not found.all:
            raise InputError(
                "no sample has events that can be smeared",
                hint="; ".join(notes) or "`mcbook run` makes them",
            )
        check_roots(task.root for task in found.tasks)
        with opened.writing(keep=not dry_run) as writer:
            rows = [row_of(simulation) for simulation in found.all]
            new = simulations.enter(writer, rows, [job_row(job) for job in found.jobs])
        work = _Work(opened, progress, len(found.tasks))
        if not dry_run:
            work.run(found.tasks, jobs)
    return {
        "catalog": opened.location,
        "simulations": {"new": len(new), "existing": len(rows) - len(new)},
        "ids": sorted(simulation.id for simulation in found.all),
        "files": {"asked": len(found.tasks), **work.counts, "known": found.known},
        "events": work.events,
        "notes": notes,
    }


@dataclass(slots=True)
class _Found:
    """What there is to be smeared; `all` are the simulations, `known` counts files in the books.

    `prompt` has long-lived particles that do not fly: shortest and longest c tau [mm], samples.
    """

    books: Reader
    smearing: Smearing
    models_dir: str | Path | None
    all: list[Simulation] = field(default_factory=list)
    jobs: list[SimulationJob] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    known: int = 0
    gone: list[Path] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    again: dict[str, Rerenderer] = field(default_factory=dict)
    prompt: dict[str, tuple[float, float, int]] = field(default_factory=dict)

    def samples(self, ids: Sequence[str]) -> Iterator[Row]:
        rows = {row["id"]: row for row in rows_among(self.books, "samples", "id", ids)}
        yield from (rows[identity] for identity in ids)

    def notes(self) -> list[str]:
        notes = [f"{count} left: {why}" for why, count in self.left.items()]
        for particle, (low, high, count) in self.prompt.items():
            lengths = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
            notes.append(
                f"{particle} decays where it is made in {count} sample{'s' * (count > 1)}, though c"
                f" tau is {lengths} mm: generator: {{lifetime: generator}} in a grid lets it fly"
            )
        if self.gone:
            more = f" and {len(self.gone) - 1} more" * (len(self.gone) > 1)
            notes.append(
                f"in the books and gone: {self.gone[0]}{more}; they are not made again, "
                f"another `name` than {self.smearing.name} makes new ones"
            )
        return notes

    def add(self, sample: Row) -> None:
        """Add the parts of a sample, or say why there are none."""
        held_files = [
            row for row in files.of_sample(self.books, sample["id"]) if row["tier"] == _EVENTS
        ]
        kind = f"sample of {sample['model']} {sample['process']}"
        if not held_files:
            self.left[f"{kind}: without events of tier {_EVENTS}"] += 1
            return
        try:
            flying = self.flying(sample)
        except McbookError as error:
            self.left[f"{kind}: {error.message}"] += 1
            return
        self._add(sample, held_files, flying)

    def flying(self, sample: Row) -> Flying:
        """Return the particles of a sample whose lifetimes are in its events."""
        again = self._again(sample["definition"])
        (derived,) = again.derived([sample["parameters"]])
        given = again.campaign.for_detector(
            SampleInput(sample["id"], sample["parameters"], derived)
        )
        if not given.lives:
            rows = rows_among(self.books, "points", "sample_id", [sample["id"]])
            points = [row["derived"] for row in rows]
            for one in left_prompt(sample["id"], given, points, ()):
                low, high = one["ctau_mm"]
                least, most, count = self.prompt.get(one["particle"], (low, high, 0))
                self.prompt[one["particle"]] = (min(low, least), max(high, most), count + 1)
            return {}
        return {one.name.replace("-", "_"): one.pdg_ids for one in given.decaying}

    def _again(self, digest: str) -> Rerenderer:
        if digest not in self.again:
            column = table_of("definitions").c.digest
            (definition,) = stored_rows(self.books, "definitions", column == digest)
            self.again[digest] = Rerenderer(definition["document"], self.models_dir)
        found = self.again[digest]
        if found.changed is not None:
            raise InputError(f"{found.changed}; `mcbook generate` makes new ones")
        return found

    def _add(self, sample: Row, held_files: Sequence[Row], flying: Flying) -> None:
        settings = settings_of(self.smearing)
        its = fast_simulation(sample["id"], self.smearing.name, settings, VERSION)
        self.all.append(its)
        seeds = {
            part.number: part.seed
            for part in self.books.parts_of([sample["id"]]).get(sample["id"], [])
        }
        there = simulations.files_of(self.books, [its.id]).get(its.id, [])
        done = {key: row for row in there if row["tier"] == TIER for key in row["jobs"]}
        for row in sorted(held_files, key=lambda one: one["part"]):
            job = SimulationJob(its.id, row["part"], seeds[row["part"]], 1, 0, row["events"])
            self.jobs.append(job)
            if job.key in done:
                self.known += 1
                self._look_for(done[job.key])
                continue
            source = self.books.root_path(row["storage"]) / row["path"]
            root = self.books.root_path(sample["storage"])
            path = f"{sample['directory']}/{NTUPLES}/{job.key}.root"
            self.tasks.append(
                Task(job, sample["id"], root, path, source, row["sha256"], self.smearing, flying)
            )  # fmt: skip

    def _look_for(self, known: Row) -> None:
        if known["path"] is None:  # on the grid
            return
        path = self.books.root_path(known["storage"]) / known["path"]
        if not path.is_file():
            self.gone.append(path)


Waiting = deque[tuple[Task, ExitStack, Future[Made] | None]]
"""Parts that are being made; None for those at which another mcbook is."""


def _close(waiting: Waiting) -> None:
    """Let go of what was not recorded."""
    for _, own, _ in waiting:
        own.close()


@dataclass(slots=True)
class _Work:
    """Makes ntuples in threads, and records each when it is done."""

    catalog: Catalog
    progress: Progress | None
    total: int
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("made", "adopted", "held"), 0)
    )
    events: int = 0

    def run(self, tasks: Sequence[Task], jobs: int) -> None:
        """Make all of them, some side by side; they are recorded in order."""
        with ExitStack() as stack:
            aside = {
                root: stack.enter_context(temporary(root))
                for root in dict.fromkeys(task.root for task in tasks)
            }
            pool = stack.enter_context(ThreadPoolExecutor(jobs))
            stack.callback(pool.shutdown, cancel_futures=True)
            waiting: Waiting = deque()
            stack.callback(_close, waiting)
            for task in tasks:
                own = ExitStack()
                is_mine = own.enter_context(held(task.root, task.job.key))
                future = pool.submit(make, task, aside[task.root]) if is_mine else None
                waiting.append((task, own, future))
                while len(waiting) > jobs:
                    self._next(waiting)
            while waiting:
                self._next(waiting)

    def _next(self, waiting: Waiting) -> None:
        """Record the first of those that are being made."""
        task, own, future = waiting[0]
        if future is None:
            self.counts["held"] += 1
        else:
            self._record(task, future.result())
        own.close()
        waiting.popleft()
        if self.progress is not None:
            self.progress(sum(self.counts.values()), self.total)

    def _record(self, task: Task, made: Made) -> None:
        with self.catalog.writing() as books:
            row = SimulatedFileRow(
                made.sha256, made.sha256, task.job.simulation_id, TIER,
                books.add_root(task.root), task.path, None, made.size, made.rows, "", "",
            )  # fmt: skip
            is_new = simulations.enter_file(books, row, [task.job.key])
        self.counts["made" if made.is_new else "adopted"] += 1
        self.events += made.rows if is_new else 0
