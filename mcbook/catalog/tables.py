"""The tables of the books. Their schema is migrated by `mcbook.catalog.migrations`, never by this.

A table class does not check what it is given; rows come from the records in `mcbook.catalog.rows`.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import JSON
from sqlmodel import Field, SQLModel, UniqueConstraint

JSON_TYPE = JSON().with_variant(JSONB(), "postgresql")


class Definition(SQLModel, table=True):
    """Everything that samples of one process and one generator configuration share.

    `document` enters the identity of the samples. `facts` do not, they say how to read the books:
    ``shape`` (the parameters that shape the events whatever else is asked for), ``production`` (the
    derived quantity that is produced before any decay) with its ``unit``, and ``fraction`` (the
    expression for the branching fractions in the generator's own cross section, or null).
    """

    __tablename__: ClassVar[str] = "definitions"

    digest: str = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_type=JSON_TYPE)
    facts: dict[str, Any] = Field(sa_type=JSON_TYPE)


class FormulaSet(SQLModel, table=True):
    """What derived quantities were computed with, by name.

    A text is a formula with its version, a number the value of a constant of the model.
    """

    __tablename__: ClassVar[str] = "formula_sets"

    digest: str = Field(primary_key=True)
    versions: dict[str, Any] = Field(sa_type=JSON_TYPE)


class Root(SQLModel, table=True):
    """A storage root: relative to the folder of the catalog where it lies below that."""

    __tablename__: ClassVar[str] = "roots"

    name: str = Field(primary_key=True)
    path: str


class Sample(SQLModel, table=True):
    """The events of one process at one event-shaping point with one generator configuration.

    `expected_rate` is what the generator should report: production times branching fractions.
    `reasons` says why a derived quantity is null, and of a width that is not, which approximation
    it is.
    """

    __tablename__: ClassVar[str] = "samples"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    definition: str = Field(foreign_key="definitions.digest", index=True)
    model: str
    process: str
    generator: str
    status: str
    created: str
    n_events: int = Field(sa_type=BigInteger)
    events_target: int = Field(sa_type=BigInteger)
    storage: str = Field(foreign_key="roots.name")
    directory: str
    supersedes: str | None
    formulas: str = Field(foreign_key="formula_sets.digest")
    expected_rate: float | None
    parameters: dict[str, float] = Field(sa_type=JSON_TYPE)
    derived: dict[str, float | None] = Field(sa_type=JSON_TYPE)
    reasons: dict[str, str] | None = Field(sa_type=JSON_TYPE, nullable=True)


class Point(SQLModel, table=True):
    """One assignment of every parameter, and the sample that serves it.

    `factor` is the rate at the point over the rate at the sample's own parameters, null where the
    latter is zero. `reasons` are as in a sample. `wide` names the particles whose width shapes the
    events at the point.
    """

    __tablename__: ClassVar[str] = "points"
    __table_args__ = (UniqueConstraint("sample_id", "digest"),)

    id: int | None = Field(default=None, primary_key=True)
    sample_id: str = Field(foreign_key="samples.id")
    digest: str
    factor: float | None
    formulas: str = Field(foreign_key="formula_sets.digest")
    parameters: dict[str, float] = Field(sa_type=JSON_TYPE)
    derived: dict[str, float | None] = Field(sa_type=JSON_TYPE)
    reasons: dict[str, str] | None = Field(sa_type=JSON_TYPE, nullable=True)
    wide: list[str] | None = Field(sa_type=JSON_TYPE, nullable=True)


class Part(SQLModel, table=True):
    """One job of a sample: a number of events and a seed."""

    __tablename__: ClassVar[str] = "parts"

    sample_id: str = Field(foreign_key="samples.id", primary_key=True)
    number: int = Field(primary_key=True)
    events: int = Field(sa_type=BigInteger)
    seed: int = Field(sa_type=BigInteger, index=True)
    status: str
    storage: str = Field(foreign_key="roots.name")
    directory: str


class Card(SQLModel, table=True):
    """One generator input file of a sample, or of a part of it.

    `part` is 0 for a card of the sample itself. `path` is relative to the storage root.
    """

    __tablename__: ClassVar[str] = "cards"

    sample_id: str = Field(foreign_key="samples.id", primary_key=True)
    part: int = Field(primary_key=True)
    path: str = Field(primary_key=True)
    sha256: str
    template: str | None
    template_version: int | None


class SharedFile(SQLModel, table=True):
    """A file that all samples of a definition share: of a UFO model, of a process definition."""

    __tablename__: ClassVar[str] = "shared_files"

    definition: str = Field(foreign_key="definitions.digest", primary_key=True)
    storage: str = Field(foreign_key="roots.name", primary_key=True)
    path: str = Field(primary_key=True)
    sha256: str


class File(SQLModel, table=True):
    """A file with the events of a part of a sample, as it was checked when it came in.

    `path` is relative to the storage root. The cross section is that of the process as written,
    null where the generator has none. `facts` holds what else the file says of itself, and what it
    took to make it (``cpu_s``, ``wall_s``) where that is known.
    """

    __tablename__: ClassVar[str] = "files"
    __table_args__ = (
        UniqueConstraint("sample_id", "part", "tier"),
        UniqueConstraint("storage", "path"),
    )

    sha256: str = Field(primary_key=True)
    sample_id: str = Field(foreign_key="samples.id", index=True)
    part: int
    tier: str
    storage: str = Field(foreign_key="roots.name")
    path: str
    size: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)
    cross_section_fb: float | None
    cross_section_error_fb: float | None
    version: str
    facts: dict[str, Any] = Field(sa_type=JSON_TYPE)
    at: str
    who: str


class History(SQLModel, table=True):
    """What happened to a sample, when, and by whom."""

    __tablename__: ClassVar[str] = "history"

    id: int | None = Field(default=None, primary_key=True)
    sample_id: str = Field(foreign_key="samples.id", index=True)
    at: str
    who: str
    event: str
    detail: dict[str, Any] = Field(sa_type=JSON_TYPE)


class Unblinding(SQLModel, table=True):
    """One look into the closed box of an analysis: who, when, why, and at which files.

    `frozen` is the digest of the analysis as it stood; `files` have ``path`` and ``sha256``. The
    row is there before any observed count is read, and stays whatever comes of it.
    """

    __tablename__: ClassVar[str] = "unblindings"

    id: str = Field(primary_key=True)
    analysis: str = Field(index=True)
    frozen: str = Field(index=True)
    at: str
    who: str
    why: str
    files: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)


class Result(SQLModel, table=True):
    """One calculation of limits, named by a hash of all that it is.

    `frozen` is the digest of what was fixed before any number came out: the analysis, or the file
    with the counts. `document` holds the settings and what all points share; `inputs` are files
    with ``path`` and ``sha256``. `unblinding` is null where no closed box was opened.
    """

    __tablename__: ClassVar[str] = "results"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    name: str
    kind: str
    model: str | None
    frozen: str = Field(index=True)
    cl: float
    method: str
    created: str
    who: str
    inputs: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    document: dict[str, Any] = Field(sa_type=JSON_TYPE)
    unblinding: str | None = Field(foreign_key="unblindings.id")


class LimitPoint(SQLModel, table=True):
    """The limits on one hypothesis; `number` counts from 1, as the rows of the result do.

    `samples` are the ids under its efficiency, `simulations` those of the samples taken through
    detector simulation.
    """

    __tablename__: ClassVar[str] = "limit_points"

    result_id: str = Field(foreign_key="results.id", primary_key=True)
    number: int = Field(primary_key=True)
    hypothesis: str
    parameters: dict[str, float] = Field(sa_type=JSON_TYPE)
    limits: dict[str, Any] = Field(sa_type=JSON_TYPE)
    samples: list[str] = Field(sa_type=JSON_TYPE)
    simulations: list[str] | None = Field(sa_type=JSON_TYPE, nullable=True)


class ResultSample(SQLModel, table=True):
    """A result rests on a sample; the sample may be in the books of somebody else."""

    __tablename__: ClassVar[str] = "result_samples"

    result_id: str = Field(foreign_key="results.id", primary_key=True)
    sample_id: str = Field(primary_key=True, index=True)


class EfficiencyMap(SQLModel, table=True):
    """What a selection keeps of samples, named by a hash of its name and rows.

    `sha256` is that of the file from which it came first.
    """

    __tablename__: ClassVar[str] = "efficiency_maps"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    name: str = Field(index=True)
    created: str
    who: str
    sha256: str = Field(index=True)


class EfficiencyRow(SQLModel, table=True):
    """What is kept of one sample in one region; `number` counts from 1.

    Parameters and derived quantities are those of the sample; `axes` holds what the sample does not
    know, such as a lifetime to which its events were reweighted.
    """

    __tablename__: ClassVar[str] = "efficiency_rows"

    map_id: str = Field(foreign_key="efficiency_maps.id", primary_key=True)
    number: int = Field(primary_key=True)
    sample_id: str = Field(foreign_key="samples.id", index=True)
    simulation_id: str | None
    region: str
    n_generated: int = Field(sa_type=BigInteger)
    n_selected: int = Field(sa_type=BigInteger)
    sumw_generated: float
    sumw: float
    sumw2: float
    axes: dict[str, float] = Field(sa_type=JSON_TYPE)


class Tag(SQLModel, table=True):
    """A word that somebody put on a sample."""

    __tablename__: ClassVar[str] = "tags"

    sample_id: str = Field(foreign_key="samples.id", primary_key=True)
    name: str = Field(primary_key=True, index=True)
    at: str
    who: str


class Owner(SQLModel, table=True):
    """Who looks after a sample, where that is not who planned it."""

    __tablename__: ClassVar[str] = "owners"

    sample_id: str = Field(foreign_key="samples.id", primary_key=True)
    owner: str
    at: str
    who: str


class Retirement(SQLModel, table=True):
    """The last word on whether a sample is used: `state` is ``retired`` or ``restored``."""

    __tablename__: ClassVar[str] = "retirements"

    sample_id: str = Field(foreign_key="samples.id", primary_key=True)
    state: str
    at: str
    who: str
    why: str


class Collection(SQLModel, table=True):
    """A list of samples that never changes, named by a hash of name and contents."""

    __tablename__: ClassVar[str] = "collections"

    id: str = Field(primary_key=True)
    digest: str = Field(index=True)
    name: str = Field(index=True)
    created: str
    who: str
    note: str | None


class CollectionSample(SQLModel, table=True):
    """A sample of a collection as it was then; `files` are the SHA-256 of its files, sorted."""

    __tablename__: ClassVar[str] = "collection_samples"

    collection_id: str = Field(foreign_key="collections.id", primary_key=True)
    sample_id: str = Field(foreign_key="samples.id", primary_key=True, index=True)
    status: str
    events: int = Field(sa_type=BigInteger)
    files: list[str] = Field(sa_type=JSON_TYPE)
