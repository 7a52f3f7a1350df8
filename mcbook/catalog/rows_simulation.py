"""What is written into the tables of simulations; see `mcbook.catalog.tables_simulation`."""

from typing import NamedTuple

from mcbook.catalog.json_text import JsonText


class SimulationRow(NamedTuple):
    """A sample under conditions."""

    id: str
    digest: str
    sample_id: str
    release: str
    campaign: str
    experiment: int
    run_first: int
    run_last: int
    background: str
    global_tags: JsonText
    displacement: JsonText
    decayer: str | None
    template_version: int
    created: str
    who: str


class SimulationJobRow(NamedTuple):
    """Some events of a part."""

    key: str
    simulation_id: str
    part: int
    number: int
    skipped: int
    events: int
    seed: str


class SimulatedFileRow(NamedTuple):
    """A file behind the simulation."""

    key: str
    sha256: str | None
    simulation_id: str
    tier: str
    storage: str | None
    path: str | None
    lpn: str | None
    size: int | None
    events: int | None
    at: str
    who: str


class SimulatedFileJobRow(NamedTuple):
    """A file holds what a job made."""

    file: str
    job: str
