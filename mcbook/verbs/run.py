"""``mcbook run``: makes the events of planned samples on this machine."""

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook import generators
from mcbook.catalog import files
from mcbook.catalog.dump import rows_among, stored_rows
from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.errors import InputError, WorkError
from mcbook.generators.base import Program, Runnable
from mcbook.intake.records import file_row
from mcbook.production.extending import extend
from mcbook.production.holding import held, let_go
from mcbook.production.making import Interrupted, Job, PartError, Worker, in_place
from mcbook.production.parts import split_events
from mcbook.production.processes import Setup
from mcbook.production.publish import Folder, Progress, sweep, temporary
from mcbook.production.queue import Planned, why_not
from mcbook.production.rerender import Rerenderer
from mcbook.verbs.lookup import samples_to_make

Row = dict[str, Any]
Note = Callable[[str], None]

_POLL_S = 0.2


def run(
    expression: str | None = None,
    *,
    jobs: int = 1,
    events: int | None = None,
    limit: int | None = None,
    retry: bool = False,
    timeout_s: float | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Make the parts of samples that are planned, check them, and enter them in the books.

    What is made stays made: the same again goes on where it was stopped.

    Parameters
    ----------
    expression
        Which samples; None means all.
    jobs
        How many parts are made side by side.
    events
        Target of each sample: parts with seeds of their own are added up to it.
    limit
        At most so many parts.
    retry
        Take those that failed as well.
    timeout_s
        Longest time for one part [s].
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
        ``catalog``; ``parts``, counts: ``asked``, ``made``, ``adopted`` (their events were in place
        already), ``failed``, ``held`` (another mcbook is at them), ``left``; ``events``; ``cpu_s``
        and ``wall_s`` of the programs; ``failures``, each with ``sample``, ``part``, ``reason``,
        ``log``; ``stopped``, why the rest was left, or null; ``notes``.

    Raises
    ------
    InputError
        If an option or the expression is not right, it is the id of a retired sample, there is no
        catalog, or a program is missing.
    """
    given = {"jobs": jobs, "events": events, "limit": limit, "timeout": timeout_s}
    for name, value in given.items():
        if value is not None and not value > 0:
            raise InputError(f"{name} is {value:g} and must be above 0")
    with open_catalog(catalog, mode="read") as opened:
        notes: list[str] = []
        with opened.reading() as books:
            ids = samples_to_make(books, expression, models_dir, notes)
        if events is not None and not dry_run:
            _extend(opened, ids, events, models_dir)
        with opened.reading() as books:
            roots = books.roots()
            wanted = [files.PLANNED, files.FAILED] if retry else [files.PLANNED]
            listed = list(Planned(books, models_dir, wanted, notes).jobs(ids))[:limit]
        if not dry_run:
            listed = _with_programs(listed, notes)
            _check_roots(listed)
        programs = {} if dry_run else _programs(job.campaign for job in listed)
        more = _missing(opened, ids, events) if dry_run and events is not None else 0
        work = _Work(opened, deque(listed), len(listed), progress, wanted)
        if not dry_run:
            work.all(jobs, programs, timeout_s)
            for root in roots.values():
                if root.is_dir():
                    sweep(root)
                    let_go(root)
        work.total += more
        return {"catalog": opened.location, **work.report(), "notes": notes}


def _missing(opened: Catalog, ids: Sequence[str], events: int) -> int:
    """Return how many parts samples lack to a target of events."""
    with opened.reading() as books:
        there = books.parts_of(ids)
    have = {name: sum(part.events for part in there.get(name, ())) for name in ids}
    return sum(len(split_events(max(events - count, 0))) for count in have.values())


def _with_programs(jobs: list[Job], notes: list[str]) -> list[Job]:
    """Return the jobs whose programs are here, if any are; the others are told."""
    there, missing = [], Counter[str]()
    for job in jobs:
        program = job.campaign.program()
        if program.path is None:
            missing[f"{program.name} was not found: {program.wanted}"] += 1
        else:
            there.append(job)
    if not there:
        return jobs
    notes += [f"{count} parts left: {why}" for why, count in missing.items()]
    return there


def _check_roots(jobs: Sequence[Job]) -> None:
    """Refuse to make anything where a samples folder is gone: it was moved, or is not mounted."""
    for root in dict.fromkeys(job.root for job in jobs):
        if not root.is_dir():
            raise InputError(
                f"the samples folder {root} is not there",
                hint="if it was moved, [roots] in mcbook.toml says where it is now:"
                " `mcbook catalog info` has the names",
            )


def _extend(
    opened: Catalog, ids: Sequence[str], events: int, models_dir: str | Path | None
) -> None:
    """Add the parts that samples lack to a target; those that cannot be made are left alone."""
    with opened.reading() as books:
        roots = books.roots()
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows_among(books, "samples", "id", ids):
            groups.setdefault((row["definition"], row["storage"]), []).append(row)
        definitions = {row["digest"]: row for row in stored_rows(books, "definitions")}
    again_of = {
        digest: Rerenderer(definitions[digest]["document"], models_dir) for digest, _ in groups
    }
    _programs(again.campaign for again in again_of.values() if not why_not(again))
    for (digest, storage), samples in groups.items():
        again = again_of[digest]
        if not why_not(again):
            generator = generators.get(samples[0]["generator"])
            with Folder(roots[storage]).open() as folder, opened.writing() as books:
                extend(books, folder, again, generator, samples, events)


def _programs(campaigns: Iterable[Runnable]) -> dict[str, str]:
    """Return the variables that name the programs which campaigns need.

    Raises
    ------
    InputError
        If one was not found.
    """
    found: dict[str, str] = {}
    needed: dict[str, Program] = {}
    for campaign in {id(campaign): campaign for campaign in campaigns}.values():
        program = campaign.program()
        needed[program.name] = program
    for program in needed.values():
        if program.path is None:
            raise InputError(
                f"{program.name} was not found, and makes what is asked for",
                hint=f"{program.wanted}; `mcbook doctor` says what is found",
            )
        if program.variable:
            found[program.variable] = os.path.abspath(program.path)  # noqa: PTH100 - no link read
    return found


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Let a closed terminal or a batch system that ends this process do what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {kind: signal.signal(kind, interrupt) for kind in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@dataclass(slots=True)
class _Work:
    """Makes jobs in threads; every part is recorded when it is done."""

    catalog: Catalog
    queue: deque[Job]
    total: int
    progress: Progress | None
    wanted: Sequence[str]
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("made", "adopted", "failed", "held"), 0)
    )
    events: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    failures: list[Row] = field(default_factory=list)
    stopped: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self, jobs: int, environment: dict[str, str], timeout_s: float | None) -> None:
        """Make all jobs, some side by side."""
        with ExitStack() as stack:
            setups = {
                root: Setup(stack.enter_context(temporary(root)), environment, timeout_s, self.stop)
                for root in {job.root for job in self.queue}
            }
            with ThreadPoolExecutor(jobs) as pool, _ended_as_by_ctrl_c():
                try:
                    running = [pool.submit(self._some, setups, k) for k in range(jobs)]
                    self._wait(running)
                finally:
                    self.stop.set()

    def _wait(self, running: list[Future[None]]) -> None:
        """Wait for all threads; an error in one ends the others."""
        waiting = set(running)
        while waiting:  # by short waits, in which Ctrl-C comes through
            done, waiting = wait(waiting, _POLL_S, FIRST_EXCEPTION)
            for future in done:
                future.result()
            if self.progress is not None:
                self.progress(sum(self.counts.values()), self.total)

    def _some(self, setups: dict[Path, Setup], number: int) -> None:
        """Make one job after the other, as one of several threads."""
        workers = {
            root: Worker(setup, setup.aside / f"worker-{number}") for root, setup in setups.items()
        }
        with ExitStack() as stack:
            for worker in workers.values():
                stack.callback(worker.close)
            while (job := self._next()) is not None:
                try:
                    self._one(job, workers[job.root])
                except Interrupted:
                    with self.lock:
                        self.queue.appendleft(job)
                    return

    def _next(self) -> Job | None:
        """Return the next job, None where there is none or work was stopped."""
        with self.lock:
            return self.queue.popleft() if self.queue and not self.stop.is_set() else None

    def _one(self, job: Job, worker: Worker) -> None:
        with held(job.root, f"{job.sample.id}-{job.part.number:04d}") as is_mine:
            if not is_mine or not self._is_wanted(job):
                with self.lock:
                    self.counts["held"] += 1
                return
            try:
                there = in_place(job)
                made = there or worker.make(job)
            except PartError as error:
                self._failed(job, error)
                return
            try:
                with self.lock, self.catalog.writing() as books:
                    storage = books.add_root(job.root)
                    row = file_row(job.sample.id, job.number, job.generator.tier, made, storage)
                    files.enter(books, [row])
            except WorkError as error:
                if self._is_wanted(job):
                    self._failed(job, PartError(f"it cannot be entered: {error.message}"))
                else:  # somebody entered another file in between, or retired the sample
                    (job.root / job.path).unlink(missing_ok=True)
                    with self.lock:
                        self.counts["held"] += 1
                return
            with self.lock:
                self.counts["adopted" if there else "made"] += 1
                self.events += made.found.events
                self.cpu_s += made.cpu_s or 0.0
                self.wall_s += made.wall_s or 0.0

    def _is_wanted(self, job: Job) -> bool:
        """Return whether the part is still to be made; another run may have been faster."""
        with self.catalog.reading() as books:
            if retirements(books, [job.sample.id]):
                return False
            for part in books.parts_of([job.sample.id]).get(job.sample.id, []):
                if part.number == job.number:
                    return part.status in self.wanted
        return False

    def _failed(self, job: Job, error: PartError) -> None:
        log = str(job.log) if job.log.is_file() else None
        kept = job.log.relative_to(job.root).as_posix() if log else None
        with self.lock:
            with self.catalog.writing() as books:
                detail = {"reason": error.message, "log": kept}
                files.fail(books, job.sample.id, job.number, detail)
            self.counts["failed"] += 1
            self.failures.append(
                {"sample": job.sample.id, "part": job.number, "reason": error.message, "log": log}
            )
            if error.is_fatal and self.stopped is None:
                self.stopped = error.message
                self.stop.set()

    def report(self) -> Row:
        """Return what was done."""
        return {
            "parts": {"asked": self.total, **self.counts, "left": len(self.queue)},
            "events": self.events,
            "cpu_s": round(self.cpu_s, 3),
            "wall_s": round(self.wall_s, 3),
            "failures": self.failures,
            "stopped": self.stopped,
        }
