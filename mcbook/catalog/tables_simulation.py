"""The tables of what was taken through detector simulation; see `mcbook.catalog.tables`."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from mcbook.catalog.tables import JSON_TYPE


class Simulation(SQLModel, table=True):
    """A sample under the conditions of a detector simulation; the id has a hash of all of them.

    `displacement` says of each particle that decays ``name``, ``pdg_ids``, ``mechanism`` and
    ``decay`` (``kind`` and ``length_mm``, or null).
    """

    __tablename__: ClassVar[str] = "simulations"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    sample_id: str = Field(foreign_key="samples.id", index=True)
    release: str
    campaign: str
    experiment: int
    run_first: int
    run_last: int
    background: str
    global_tags: list[str] = Field(sa_type=JSON_TYPE)
    displacement: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    decayer: str | None
    template_version: int
    created: str
    who: str


class SimulationJob(SQLModel, table=True):
    """Some events of a part, for one run of basf2; its files carry `key`."""

    __tablename__: ClassVar[str] = "simulation_jobs"

    key: str = Field(primary_key=True)
    simulation_id: str = Field(foreign_key="simulations.id", index=True)
    part: int
    number: int
    skipped: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)
    seed: str


class SimulatedFile(SQLModel, table=True):
    """A file behind the simulation, on a disk, on the grid (`lpn`), or on both.

    `key` is its SHA-256, or the `lpn` where it was entered by that.

    `events` counts the rows of its tree (candidates, in an ntuple), null where nobody could look.
    """

    __tablename__: ClassVar[str] = "simulated_files"

    key: str = Field(primary_key=True)
    sha256: str | None = Field(index=True)
    simulation_id: str = Field(foreign_key="simulations.id", index=True)
    tier: str
    storage: str | None = Field(foreign_key="roots.name")
    path: str | None
    lpn: str | None
    size: int | None = Field(sa_type=BigInteger)
    events: int | None = Field(sa_type=BigInteger)
    at: str
    who: str


class SimulatedFileJob(SQLModel, table=True):
    """A file holds what a job made."""

    __tablename__: ClassVar[str] = "simulated_file_jobs"

    file: str = Field(foreign_key="simulated_files.key", primary_key=True)
    job: str = Field(foreign_key="simulation_jobs.key", primary_key=True, index=True)
