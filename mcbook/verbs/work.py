"""The work of ``mcbook run``: makes parts in threads, and records each when it is done."""

import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook.catalog import files
from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.store import Catalog
from mcbook.errors import WorkError
from mcbook.intake.records import file_row
from mcbook.production.holding import held
from mcbook.production.making import Interrupted, Job, PartError, Worker, in_place
from mcbook.production.processes import Setup
from mcbook.production.publish import Progress, temporary

Row = dict[str, Any]

_POLL_S = 0.2


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
class Work:
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
