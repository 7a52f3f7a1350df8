"""Makes one ntuple of ``mcbook smear``, checked against what is asked for, and puts it in place."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcbook.errors import McbookError, WorkError
from mcbook.generators.rootfile import read_root
from mcbook.lhe.momenta import read_momenta
from mcbook.production.publish import file_sha256
from mcbook.selection.ntuple import write_ntuple
from mcbook.selection.smeared import smear
from mcbook.selection.smearing import Smearing
from mcbook.simulation.record import SimulationJob

TREE = "events"
NTUPLES = "ntuples"


@dataclass(frozen=True, slots=True)
class Task:
    """A part to be smeared.

    Attributes
    ----------
    job
        What it is in the books.
    sample_id
        Of the sample.
    root
        The storage root; `path` of the ntuple is relative to it.
    path
        Where the ntuple goes.
    source, sha256
        The file with its events.
    smearing
        The settings.
    flying
        Names and PDG ids of particles whose flight is kept.
    """

    job: SimulationJob
    sample_id: str
    root: Path
    path: str
    source: Path
    sha256: str
    smearing: Smearing
    flying: Mapping[str, tuple[int, ...]]

    @property
    def words(self) -> str:
        """What the ntuple says of itself."""
        return (
            f"{self.job.key}\nfast simulation {self.smearing.name} of mcbook\n"
            f"events from {self.source.name}, SHA-256 {self.sha256}"
        )

    def random(self) -> np.random.Generator:
        """Return random numbers that follow from simulation and seed of the part alone."""
        digits = hashlib.sha256(self.job.seed.encode("ascii")).digest()
        its = hashlib.sha256(self.job.simulation_id.encode("ascii")).digest()
        entropy = [int.from_bytes(its), int.from_bytes(digits)]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


@dataclass(frozen=True, slots=True)
class Made:
    """An ntuple that is in place; `is_new` says that it was made now."""

    sha256: str
    size: int
    rows: int
    is_new: bool


def make(task: Task, aside: Path) -> Made:
    """Make an ntuple in a temporary folder, and put it into place; one that is there is adopted.

    Parameters
    ----------
    task
        What is asked for.
    aside
        A temporary folder on the same file system.

    Raises
    ------
    WorkError
        If the events are gone or not what the books say, or something else is in its place.
    """
    target = task.root / task.path
    if target.exists():
        return _adopted(task, target)
    if not task.source.is_file():
        raise WorkError(f"{task.source} is gone", hint="`mcbook check` lists what is missing")
    if file_sha256(task.source) != task.sha256:
        raise WorkError(
            f"{task.source} is not the file that the books know",
            hint="`mcbook verify` compares all of them",
        )
    particles = read_momenta(task.source)
    if particles.n_events != task.job.events:
        raise WorkError(f"{task.source} has {particles.n_events} of {task.job.events} events")
    columns = smear(particles, task.smearing, task.random(), task.flying)
    written = aside / f"{task.job.key}.root"
    try:
        write_ntuple(written, TREE, columns, task.words)
        with written.open("rb") as handle:
            os.fsync(handle.fileno())
        made = Made(file_sha256(written), written.stat().st_size, particles.n_events, is_new=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        written.replace(target)
    except OSError as error:
        raise WorkError(
            f"{target} could not be written: {error.strerror or error}",
            hint="what is complete is recorded; run the same command again to go on",
        ) from error
    return made


def _adopted(task: Task, target: Path) -> Made:
    """Return an ntuple that is in place already, from a run that could not record it."""
    try:
        found = read_root(target)
    except McbookError as error:
        raise WorkError(
            f"{target} is there and cannot be used: {error.message}", hint="move it away"
        ) from error
    if task.words not in found.words or found.rows != task.job.events:
        raise WorkError(
            f"{target} is there, and is not what is to be written",
            hint="mcbook never overwrites: move it away",
        )
    return Made(file_sha256(target), target.stat().st_size, found.rows, is_new=False)
