"""The tables of what selections kept, cut by cut; see `mcbook.catalog.tables`."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from mcbook.catalog.tables import JSON_TYPE


class Cutflow(SQLModel, table=True):
    """What the cuts of a selection left of samples, named by a hash of name, selection and rows.

    `selection` is the digest of the selection as it stood. `document` says what was read: ``files``
    with ``path`` and ``sha256``, ``warnings``, and the settings that the rows do not tell.
    """

    __tablename__: ClassVar[str] = "cutflows"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    name: str = Field(index=True)
    selection: str = Field(index=True)
    created: str
    who: str
    document: dict[str, Any] = Field(sa_type=JSON_TYPE)


class CutflowEntry(SQLModel, table=True):
    """What was left of one sample in one region behind one cut; `number` counts from 1.

    `position` counts the cuts of a region from 0, where ``read`` stands for all events of the
    ntuples. `n_generated` is what an efficiency is divided by.
    """

    __tablename__: ClassVar[str] = "cutflow_rows"

    cutflow_id: str = Field(foreign_key="cutflows.id", primary_key=True)
    number: int = Field(primary_key=True)
    sample_id: str = Field(foreign_key="samples.id", index=True)
    simulation_id: str | None
    region: str
    position: int
    cut: str
    n_generated: int = Field(sa_type=BigInteger)
    sumw_generated: float
    n: int = Field(sa_type=BigInteger)
    sumw: float
    sumw2: float
