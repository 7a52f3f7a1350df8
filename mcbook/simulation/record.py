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

_JOB = re.compile(rf"(?P<simulation>{ID.pattern})-p(?P<part>[0-9a-z]+)-j(?P<job>\d{{4,}})")
_PROJECT = re.compile(
    r"(?<![0-9a-z-])(?P<sample>[0-9a-f]{12})-(?P<own>[0-9a-f]{8})"
    r"-(?P<part>[0-9a-z]+)-(?P<job>[0-9a-z]+)(?![0-9a-z])"
)
_BASE = "0123456789abcdefghijklmnopqrstuvwxyz"


def short(number: int) -> str:
    """Return a whole number in base 36.

    >>> int(short(331874462), 36)
    331874462
    """
    digits = ""
    while number:
        number, digit = divmod(number, len(_BASE))
        digits = _BASE[digit] + digits
    return digits or "0"


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
    """Some events of a part: `events` of them behind the first `skipped`.

    `part` is what the books call the part; its seed names it in all books, and is in the key.
    """

    simulation_id: str
    part: int
    part_seed: int
    number: int
    skipped: int
    events: int

    @property
    def key(self) -> str:
        """What its files are called."""
        return job_key(self.simulation_id, short(self.part_seed), self.number)

    @property
    def seed(self) -> str:
        """The seed of its own, also among simulations: equal seeds make equal noise."""
        return f"{self.part_seed}-{self.simulation_id[-DIGITS:]}-{self.number}"

    @property
    def project(self) -> str:
        """The name of its gbasf2 project."""
        sample, _, own = self.simulation_id.rpartition("-s")
        start = f"{sample.rpartition('-')[2]}-{own}"
        name = f"{start}-{short(self.part_seed)}-{short(self.number)}"
        return name if len(name) <= LONGEST_PROJECT else f"{start}-{digest(name)[:DIGITS]}"


def job_key(simulation_id: str, part: str, number: int) -> str:
    """Return what the files of a job are called; *part* is its seed in base 36."""
    return f"{simulation_id}-p{part}-j{number:04d}"


def split(
    simulation_id: str, part: int, events: int, seed: int, most: int
) -> Iterator[SimulationJob]:
    """Yield the jobs of a part, each of at most so many events.

    Parameters
    ----------
    simulation_id
        The simulation.
    part, events, seed
        The part.
    most
        Largest number of events in a job.
    """
    count = -(-events // most)
    size = -(-events // count)
    for number in range(1, -(-events // size) + 1):
        skipped = (number - 1) * size
        yield SimulationJob(simulation_id, part, seed, number, skipped, min(size, events - skipped))


@dataclass(frozen=True, slots=True)
class Said:
    """What words say of the simulation that a file is of.

    `ids` are of simulations; `projects` have digits of a sample and of a simulation; `jobs` are
    seeds of parts, in base 36, and numbers of jobs.
    """

    ids: frozenset[str]
    projects: frozenset[tuple[str, str]]
    jobs: frozenset[tuple[str, int]]

    def __bool__(self) -> bool:
        """Whether they say anything."""
        return bool(self.ids or self.projects)


def said_by(text: str) -> Said:
    """Return what a name of a file, a folder or a project says, or what a file says of itself."""
    projects = list(_PROJECT.finditer(text))
    jobs = {(found["part"], int(found["job"])) for found in _JOB.finditer(text)}
    jobs |= {(found["part"], int(found["job"], 36)) for found in projects}
    return Said(
        frozenset(found[0] for found in ID.finditer(text)),
        frozenset((found["sample"], found["own"]) for found in projects),
        frozenset(jobs),
    )
