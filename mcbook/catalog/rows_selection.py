"""What is written into the tables of selections; see `mcbook.catalog.tables_selection`."""

from typing import NamedTuple

from mcbook.catalog.json_text import JsonText


class CutflowRow(NamedTuple):
    """What the cuts of a selection left of samples; see `mcbook.catalog.cutflows`."""

    id: str
    digest: str
    name: str
    selection: str
    created: str
    who: str
    document: JsonText


class CutflowEntryRow(NamedTuple):
    """What was left of one sample in one region behind one cut."""

    cutflow_id: str
    number: int
    sample_id: str
    simulation_id: str | None
    region: str
    position: int
    cut: str
    n_generated: int
    sumw_generated: float
    n: int
    sumw: float
    sumw2: float
