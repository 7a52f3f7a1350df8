"""Simulations and their jobs, and what they are called.

A simulation is a sample under conditions; its id is the sample's and 8 digits of a hash of these. A
job is what one run of basf2 makes of it: some events of one part.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mcbook.production.canonical import canonical, digest
from mcbook.simulation.conditions import Conditions
from mcbook.simulation.displacement import Displacement

DIGITS = 8
LONGEST_PROJECT = 32
"""Characters in the name of a gbasf2 project."""

_SAMPLE = r"[a-z][a-z0-9_]*-[0-9a-f]{12}"
ID = re.compile(rf"{_SAMPLE}-s[0-9a-f]{{{DIGITS}}}(?![0-9a-f])")
"""The id of a simulation."""

_JOB = re.compile(rf"(?P<simulation>{ID.pattern})-p(?P<part>\d{{4,}})-j(?P<job>\d{{4,}})")
_PROJECT = re.compile(
    r"(?<![0-9a-z])(?:mc-)?(?P<sample>[0-9a-f]{12})-(?P<own>[0-9a-f]{8})"
    r"-p(?P<part>\d+)j(?P<job>\d+)(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A sample under conditions; `version` is that of the template of its scripts."""

    sample_id: str
    conditions: Conditions
    displacement: Displacement
    decayer: str | None
    version: int

    def document(self) -> dict[str, Any]:
        """Return what the id is a hash of."""
        conditions = self.conditions
        return {
            "sample": self.sample_id,
            "release": conditions.release.name,
            "campaign": conditions.campaign,
            "global_tags": list(conditions.global_tags),
            "experiment": conditions.experiment,
            "runs": list(conditions.runs),
            "background": conditions.background,
            "displacement": [asdict(one) for one in self.displacement],
            "decayer": self.decayer,
            "template": self.version,
        }

    @property
    def digest(self) -> str:
        """The hash."""
        return digest(canonical(self.document()))

    @property
    def id(self) -> str:
        """The id."""
        return f"{self.sample_id}-s{self.digest[:DIGITS]}"


@dataclass(frozen=True, slots=True)
class SimulationJob:
    """Some events of a part: `events` of them behind the first `skipped`."""

    simulation_id: str
    part: int
    number: int
    skipped: int
    events: int
    seed: str

    @property
    def key(self) -> str:
        """What its files are called."""
        return job_key(self.simulation_id, self.part, self.number)

    @property
    def project(self) -> str:
        """The name of its gbasf2 project."""
        sample, _, own = self.simulation_id.rpartition("-s")
        name = f"{sample.rpartition('-')[2]}-{own}-p{self.part}j{self.number}"
        return name if len(name) > LONGEST_PROJECT - 3 else f"mc-{name}"


def job_key(simulation_id: str, part: int, number: int) -> str:
    """Return what the files of a job are called."""
    return f"{simulation_id}-p{part:04d}-j{number:04d}"


def split(
    simulation_id: str, part: int, events: int, seed: int, most: int
) -> Iterator[SimulationJob]:
    """Yield the jobs of a part, each of at most so many events.

    Each has a seed of its own, also among simulations: equal seeds make equal noise.
    """
    count = -(-events // most)
    size = -(-events // count)
    for number in range(1, count + 1):
        skipped = (number - 1) * size
        own = f"{seed}-{simulation_id[-DIGITS:]}-{number}"
        yield SimulationJob(simulation_id, part, number, skipped, min(size, events - skipped), own)


@dataclass(frozen=True, slots=True)
class Said:
    """What words say of the simulation that a file is of.

    `ids` are of simulations; `projects` have digits of a sample and of a simulation; `jobs` are
    parts and numbers of jobs.
    """

    ids: frozenset[str]
    projects: frozenset[tuple[str, str]]
    jobs: frozenset[tuple[int, int]]

    def __bool__(self) -> bool:
        """Whether they say anything."""
        return bool(self.ids or self.projects)


def said_by(text: str) -> Said:
    """Return what a name of a file, a folder or a project says, or what a file says of itself."""
    projects = list(_PROJECT.finditer(text))
    jobs = [*_JOB.finditer(text), *projects]
    return Said(
        frozenset(found[0] for found in ID.finditer(text)),
        frozenset((found["sample"], found["own"]) for found in projects),
        frozenset((int(found["part"]), int(found["job"])) for found in jobs),
    )
