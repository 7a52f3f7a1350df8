"""Samples go into the detector simulation: scripts for basf2, here or on the grid."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook import __version__
from mcbook.catalog import files, simulations
from mcbook.catalog.dump import rows_among, stored_rows, table_of
from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows_simulation import SimulationJobRow, SimulationRow
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, McbookError, WorkError
from mcbook.generators.base import SampleInput
from mcbook.production.publish import Progress, temporary
from mcbook.production.rerender import Rerenderer
from mcbook.simulation.conditions import ENVIRONMENT, NO_BACKGROUND, Conditions, read_conditions
from mcbook.simulation.displacement import displacements
from mcbook.simulation.folder import Entry
from mcbook.simulation.folder import write as write_folder
from mcbook.simulation.record import Simulation, SimulationJob, split
from mcbook.simulation.steering import Source, template_version
from mcbook.verbs.lookup import new_folder, samples_to_make

Row = dict[str, Any]

MDST = "mdst"


def simulate(
    folder: str | Path,
    conditions_file: str | Path,
    expression: str | None = None,
    *,
    for_grid: bool = False,
    background: str | None = None,
    limit: int | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Write scripts that take samples through the detector simulation, and record what they are.

    Jobs whose mdst is in the books are left out, so that the same again asks for what is missing.

    Parameters
    ----------
    folder
        A folder that is not there yet.
    conditions_file
        Release, campaign, global tags and so on; `mcbook.simulation.conditions`.
    expression
        Which samples; None means all.
    for_grid
        Write what submits the jobs with gbasf2, too.
    background
        Data set on the grid with files of background; needed there if the conditions ask for some.
    limit
        At most so many jobs.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would be written.
    progress
        Called with the number of jobs done and their total.

    Returns
    -------
    dict
        ``catalog``, ``directory``, ``simulations`` (``new``, ``existing``), ``ids``, ``jobs``,
        ``events``, ``notes``.

    Raises
    ------
    InputError
        If the folder is there, the conditions or the expression are not right, it is the id of a
        retired sample, or nothing is there to be simulated.
    """
    target = new_folder(folder)
    conditions = read_conditions(conditions_file)
    if for_grid:
        _check_grid(conditions, background)
    with open_catalog(catalog, mode="read") as opened:
        with opened.reading() as books:
            notes: list[str] = []
            ids = samples_to_make(books, expression, models_dir, notes)
            found = _Found(books, conditions, models_dir)
            for sample in found.samples(ids):
                found.add(sample)
            work = found.work[:limit]
            chosen = {entry.simulation.id: entry.simulation for entry in work}
            parts = {(entry.job.simulation_id, entry.job.part_seed) for entry in work}
            jobs = [job_row(job) for job in found.jobs
                    if (job.simulation_id, job.part_seed) in parts]  # fmt: skip
        notes += found.notes()
        if not work:
            raise InputError("nothing is there to be simulated", hint="; ".join(notes) or None)
        rows = [row_of(simulation) for simulation in chosen.values()]
        with ExitStack() as stack:
            if not dry_run:
                aside = stack.enter_context(_beside(target)) / "new"
                write_folder(aside, work, conditions, background if for_grid else None, progress,
                             for_grid=for_grid)  # fmt: skip
            books = stack.enter_context(opened.writing(keep=not dry_run))
            new = simulations.enter(books, rows, jobs)
            if not dry_run:  # last of all: nothing is recorded where it fails
                _put(aside, target)
    return {
        "catalog": opened.location,
        "directory": str(folder),
        "simulations": {"new": len(new), "existing": len(rows) - len(new)},
        "ids": sorted(chosen),
        "jobs": len(work),
        "events": sum(entry.job.events for entry in work),
        "notes": notes,
    }


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Make a temporary folder where a rename puts what is in it into place."""
    try:
        with temporary(target.absolute().parent) as aside:
            yield aside
    except OSError as error:
        where = error.filename or target
        raise WorkError(f"{where} cannot be written: {error.strerror}") from error


def _put(aside: Path, target: Path) -> None:
    if target.exists():  # a rename would replace an empty folder
        raise InputError(f"{target} is there by now", hint="name a folder that is not")
    aside.rename(target)


def _check_grid(conditions: Conditions, background: str | None) -> None:
    if conditions.background == ENVIRONMENT:
        raise InputError(
            "BELLE2_BACKGROUND_DIR is not there on the grid",
            hint='background: "*.root", and --background names the data set with the files',
        )
    if (conditions.background == NO_BACKGROUND) != (background is None):
        raise InputError(
            "the conditions and --background do not agree",
            hint="--background names the data set on the grid, where the conditions have a pattern",
        )
    if background is not None and not background.startswith("/belle/"):
        raise InputError(f"{background} is no data set on the grid: they begin with /belle/")


@dataclass(slots=True)
class _Found:
    """What there is to be simulated."""

    books: Reader
    conditions: Conditions
    models_dir: str | Path | None
    work: list[Entry] = field(default_factory=list)
    jobs: list[SimulationJob] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    again: dict[str, Rerenderer] = field(default_factory=dict)

    def samples(self, ids: Sequence[str]) -> Iterator[Row]:
        yield from rows_among(self.books, "samples", "id", ids)

    def notes(self) -> list[str]:
        return [f"{count} left: {why}" for why, count in self.left.items()]

    def add(self, sample: Row) -> None:
        """Add the jobs of a sample, or say why there are none."""
        try:
            self._add(sample)
        except McbookError as error:
            hint = f" ({error.hint})" if error.hint else ""
            kind = f"sample of {sample['model']} {sample['process']}"
            self.left[f"{kind}: {error.message}{hint}"] += 1

    def _add(self, sample: Row) -> None:
        again = self._again(sample["definition"])
        (derived,) = again.derived([sample["parameters"]])
        described = SampleInput(sample["id"], sample["parameters"], derived)
        given = again.campaign.for_detector(described)
        given.check_read()
        points = table_of("points").c.sample_id == sample["id"]
        lifetimes = [row["derived"] for row in stored_rows(self.books, "points", points)]
        ways = list(displacements(self.conditions.displacement, given, lifetimes))
        source = Source(given, None, again.files(described, ()) if given.card else {})
        parts = list(self._parts(sample, needs_events=given.source == "lhe"))
        for way in ways:
            simulation = Simulation(
                sample["id"], self.conditions, way, given.decayer, template_version()
            )
            self._jobs(simulation, sample, parts, source)

    def _again(self, digest: str) -> Rerenderer:
        if digest not in self.again:
            column = table_of("definitions").c.digest
            (definition,) = stored_rows(self.books, "definitions", column == digest)
            self.again[digest] = Rerenderer(definition["document"], self.models_dir)
        found = self.again[digest]
        if found.changed is not None:
            raise InputError(f"{found.changed}; `mcbook generate` makes new ones")
        return found

    def _parts(self, sample: Row, *, needs_events: bool) -> Iterator[tuple[Any, Row | None]]:
        """Yield the parts that can be simulated, with the file of their events if there is one."""
        made = {row["part"]: row for row in files.of_sample(self.books, sample["id"])}
        for part in self.books.parts_of([sample["id"]]).get(sample["id"], []):
            file = made.get(part.number)
            if needs_events and file is None:
                self.left["part without events: `mcbook run` makes them"] += 1
                continue
            yield part, file if needs_events else None

    def _jobs(
        self, simulation: Simulation, sample: Row, parts: list[tuple[Any, Row | None]],
        source: Source,
    ) -> None:  # fmt: skip
        recorded = simulations.jobs_of(self.books, [simulation.id]).get(simulation.id, [])
        held = simulations.files_of(self.books, [simulation.id]).get(simulation.id, [])
        done = {key for row in held if row["tier"] == MDST for key in row["jobs"]}
        for part, file in parts:
            jobs = [_job(row, part.seed) for row in recorded if row["part"] == part.number] or list(
                split(simulation.id, part.number, part.events, part.seed,
                      self.conditions.events_per_job)
            )  # fmt: skip
            self.jobs += jobs  # all of a part, so that none is forgotten
            path = self.books.root_path(file["storage"]) / file["path"] if file else None
            digest = file["sha256"] if file else None
            facts = _facts(sample, part, file)
            for job in jobs:
                if job.key in done:
                    self.left["job whose mdst is in the books"] += 1
                else:
                    self.work.append(Entry(simulation, job, source, path, digest, facts))


def _job(row: Row, part_seed: int) -> SimulationJob:
    return SimulationJob(
        row["simulation_id"], row["part"], part_seed, row["number"], row["skipped"], row["events"]
    )


def _facts(sample: Row, part: Any, file: Row | None) -> dict[str, str]:
    """Return what the head of a script says of its sample."""
    values = ", ".join(f"{name} = {value:.9g}" for name, value in sample["parameters"].items())
    facts = {
        "sample": sample["id"],
        "process": f"{sample['model']} {sample['process']}",
        "parameters": values,
        "generator": sample["generator"] + (f" {file['version']}" if file else ""),
        "part": f"{part.number}, seed {part.seed}",
    }
    if file is not None:
        facts["events from"] = f"{file['path']}, SHA-256 {file['sha256']}"
    return facts | {"written by": f"mcbook {__version__}"}


def row_of(simulation: Simulation) -> SimulationRow:
    """Return what the books keep of a simulation."""
    document = simulation.document()
    first, last = document["runs"]
    return SimulationRow(
        id=simulation.id,
        digest=simulation.digest,
        sample_id=simulation.sample_id,
        release=document["release"],
        campaign=document["campaign"],
        experiment=document["experiment"],
        run_first=first,
        run_last=last,
        background=document["background"],
        global_tags=as_json(document["global_tags"]),
        displacement=as_json(document["displacement"]),
        decayer=simulation.decayer,
        template_version=simulation.version,
        created="",
        who="",
    )


def job_row(job: SimulationJob) -> SimulationJobRow:
    """Return what the books keep of a job."""
    return SimulationJobRow(
        job.key, job.simulation_id, job.part, job.number, job.skipped, job.events, job.seed
    )
