"""Makes parts of samples: in a temporary folder, checked there, then put into place by a rename.

The program of a generator sees a folder that looks like the samples folder, with copies of the
cards and of what was compiled, so that several can work side by side and nothing half-written ever
lies where a finished file would. A part is held while it is worked on: whoever comes second leaves
it alone, and a killed run lets go of it.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mcbook.errors import McbookError, WorkError
from mcbook.generators.base import Build, Generator, PartInput, ReadBack, Runnable, SampleInput
from mcbook.production.holding import held
from mcbook.production.output import wrong
from mcbook.production.processes import Done, Setup, run
from mcbook.production.publish import file_sha256, sha256, temporary
from mcbook.production.servers import Server

EVENTS, LOGS = "events", "logs"
_WAIT_S = 0.2
_MOST_SAID = 200
LEAST_FREE = 1_000_000
"""Bytes below which a disk is full, whatever a program said when it failed."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """A part to be made.

    Attributes
    ----------
    sample
        What its cards were made from.
    part
        Its number in the folder, events and seed.
    number
        Its number in the books.
    root
        The storage root.
    cards
        Cards of the sample and of the part, relative to the root, with their SHA-256.
    shared
        Files that all samples of the definition share, the same.
    campaign, generator
        What made the cards.
    """

    sample: SampleInput
    part: PartInput
    number: int
    root: Path
    cards: Mapping[str, str]
    shared: Mapping[str, str]
    campaign: Runnable
    generator: Generator

    @property
    def name(self) -> str:
        """The part in words."""
        return f"part {self.number} of {self.sample.id}"

    @property
    def path(self) -> str:
        """Where its events go, relative to the root."""
        output = PurePosixPath(self.campaign.outputs(self.sample.id, self.part.number)[0])
        kind = output.name.partition(".")[2]
        return f"{self.sample.id}/{EVENTS}/{self.part.number:04d}.{kind}"

    @property
    def log(self) -> Path:
        """Where the log is kept of a part that failed."""
        return self.root / self.sample.id / LOGS / f"{self.part.number:04d}.log"


@dataclass(frozen=True, slots=True)
class Made:
    """A part that is in place, as it was checked; times are None where somebody else made it."""

    path: str
    found: ReadBack
    sha256: str
    size: int
    cpu_s: float | None = None
    wall_s: float | None = None


class PartError(WorkError):
    """A part could not be made; `is_fatal` says that the next one cannot either."""

    def __init__(self, message: str, *, is_fatal: bool = False) -> None:
        super().__init__(message)
        self.is_fatal = is_fatal


class Interrupted(Exception):  # noqa: N818 - it is none
    """Work was stopped."""


def in_place(job: Job) -> Made | None:
    """Return a part whose events are in place already, from a run that could not record them.

    Raises
    ------
    PartError
        If what is there is not the part.
    """
    path = job.root / job.path
    if not path.is_file():
        return None
    try:
        return _checked(job, path)
    except PartError as error:
        raise PartError(f"{path} is there and cannot be used: {error.message}") from None


class Worker:
    """Makes one part after the other in a temporary folder of its own.

    Parameters
    ----------
    setup
        How commands run.
    folder
        Below the temporary folder; it looks like a samples folder.
    """

    def __init__(self, setup: Setup, folder: Path) -> None:
        self.setup = setup
        self.folder = folder
        self._ready: tuple[Path, Runnable] | None = None
        self._server: Server | None = None

    def make(self, job: Job) -> Made:
        """Make a part and put it into place.

        Raises
        ------
        PartError
            If it cannot be made; the log is kept then.
        Interrupted
            If work was stopped.
        """
        log = self.folder / "log"
        try:
            self._prepare(job)
            self._copy(job.root, job.cards)
            done = self._run(job, log)
            output = self.folder / job.campaign.outputs(job.sample.id, job.part.number)[0]
            self._check_done(job, done, log, output)
            made = _checked(job, output)
            _publish(output, job.root / job.path)
        except PartError as error:
            is_full = _is_full(job.root)
            self._spoilt(log, job)
            if is_full and not error.is_fatal:
                raise PartError(f"the disk is full ({error.message})", is_fatal=True) from error
            raise
        except OSError as error:  # of several files at once it has no number
            is_full = error.errno in {errno.ENOSPC, errno.EDQUOT} or _is_full(job.root)
            self._spoilt(log, job)
            said = error.strerror or str(error)[:_MOST_SAID]
            raise PartError(
                said if not is_full else "the disk is full", is_fatal=is_full
            ) from error
        job.log.unlink(missing_ok=True)
        self._tidy(job)
        return Made(made.path, made.found, made.sha256, made.size, done.cpu_s, done.wall_s)

    def close(self) -> None:
        """End what was kept running for the next part."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _run(self, job: Job, log: Path) -> Done:
        """Run the program for a part: by its server, which is kept, or by a command."""
        serve = job.campaign.server()
        if serve is None:
            command = job.campaign.command(job.sample.id, job.part.number)
            return run(command, self.setup, folder=self.folder, log=log)
        if self._server is None or self._server.command != serve:
            self.close()
            self._server = Server(serve, self.setup, self.folder)
        return self._server.make(job.sample.id, job.part.number, log)

    def _prepare(self, job: Job) -> None:
        """Put what all parts of a campaign share into the folder, unless it is there."""
        if self._ready == (job.root, job.campaign):
            return
        self._ready = None
        _emptied(self.folder)
        build = job.campaign.build()
        if build is not None:
            _built(job, build, self.setup)
            source = job.root / build.folder
            shutil.copytree(
                source, self.folder / build.folder, symlinks=True, dirs_exist_ok=True,
                ignore=_leaving_out(build, source),
            )  # fmt: skip
        self._copy(job.root, job.shared)
        self._ready = (job.root, job.campaign)

    def _copy(self, root: Path, names: Mapping[str, str]) -> None:
        for name, recorded in names.items():
            _copy(root / name, self.folder / name, recorded)

    def _check_done(self, job: Job, done: Done, log: Path, output: Path) -> None:
        if done.stopped and self.setup.stop.is_set():
            raise Interrupted
        if done.stopped:
            raise PartError(done.stopped)
        text = log.read_text(encoding="utf-8", errors="replace")
        if done.status != 0 or not output.is_file():
            said = job.generator.explain(text)
            ended = f"exit status {done.status}" if done.status else "no events came"
            is_full = os.strerror(errno.ENOSPC) in text
            raise PartError(f"{said} ({ended})" if said else ended, is_fatal=is_full)

    def _spoilt(self, log: Path, job: Job) -> None:
        """Keep the log of a part that failed; a program that was ended leaves its locks behind."""
        _keep(log, job.log)
        self._ready = None

    def _tidy(self, job: Job) -> None:
        """Remove what a part left, and keep what was compiled."""
        shutil.rmtree(self.folder / job.sample.id, ignore_errors=True)
        output = self.folder / job.campaign.outputs(job.sample.id, job.part.number)[0]
        shutil.rmtree(output.parent, ignore_errors=True)


def _emptied(folder: Path) -> None:
    """Have a folder be there and empty; a server may be working in it, so it stays itself."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()


def _built(job: Job, build: Build, setup: Setup) -> None:
    """Make what parts share, once: whoever comes second waits for the first."""
    product = job.root / build.folder / build.product
    while not (product / build.marker).exists():
        with held(job.root, build.folder) as is_mine:
            if setup.stop.is_set():
                raise Interrupted
            if not is_mine:
                time.sleep(_WAIT_S)
                continue
            if (product / build.marker).exists():
                return
            _build(job, build, setup, product)


def _build(job: Job, build: Build, setup: Setup, product: Path) -> None:
    with temporary(job.root) as aside:  # where a rename puts it into place
        _build_in(aside, job, build, replace(setup, aside=aside), product)


def _build_in(folder: Path, job: Job, build: Build, setup: Setup, product: Path) -> None:
    log = folder / "log"
    for name, recorded in job.shared.items():
        _copy(job.root / name, folder / name, recorded)
    done = run(build.command, setup, folder=folder, log=log)
    if done.stopped and setup.stop.is_set():
        raise Interrupted
    new = folder / build.folder / build.product
    if done.stopped or done.status or not (new / build.marker).exists():
        kept = job.root / LOGS / f"{PurePosixPath(build.folder).name}.log"
        _keep(log, kept)
        text = log.read_text(encoding="utf-8", errors="replace")
        said = done.stopped or job.generator.explain(text)
        raise PartError(f"{build.folder} could not be made: {said}; {kept}", is_fatal=True)
    shutil.rmtree(product, ignore_errors=True)  # what a run by hand left unfinished
    for entry in (folder / build.folder).iterdir():
        target = job.root / build.folder / entry.name
        if entry != new and not target.exists():
            entry.rename(target)
    new.rename(product)


def _checked(job: Job, path: Path) -> Made:
    """Return what an output is, once it is what the part asks for."""
    try:
        found = job.generator.read_back(str(path))
    except McbookError as error:
        raise PartError(error.message.replace(str(path), job.path)) from error
    complaints = wrong(found, job.campaign.stated(job.sample), job.sample.id, job.part)
    if complaints:
        raise PartError("; ".join(complaints))
    return Made(job.path, found, file_sha256(path), path.stat().st_size)


def _publish(output: Path, target: Path) -> None:
    """Put a file into place for good: what is there after a power cut is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with output.open("rb") as handle:
            os.fsync(handle.fileno())
        output.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}-{os.getpid()}")  # from another file system
        try:
            with output.open("rb") as source, beside.open("wb") as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _copy(source: Path, target: Path, recorded: str) -> None:
    """Copy a file that is as it was recorded."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise PartError(
            f"{source} is not there: `mcbook verify` says what else is missing, and"
            " `mcbook generate` with the grid writes it again"
        ) from None
    if sha256(content) != recorded:
        raise PartError(
            f"{source} is not what was recorded: `mcbook verify` says what else was changed"
        )
    target.write_bytes(content)


def _leaving_out(build: Build, folder: Path) -> Callable[[str, list[str]], set[str]]:
    """Return what `shutil.copytree` is to leave out of a folder with what was compiled."""
    product = folder / build.product

    def ignored(directory: str, names: list[str]) -> set[str]:
        return {
            name
            for name in names
            if any((Path(directory) / name).match(str(product / entry)) for entry in build.left_out)
        }

    return ignored


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < LEAST_FREE


def _keep(log: Path, target: Path) -> None:
    """Keep a log beside the sample; a disk that is full may not let it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, target)
    except OSError:
        target.unlink(missing_ok=True)
