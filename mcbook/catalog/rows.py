"""What is written into the books: one record per row, its numbers checked before they get there."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mcbook.catalog.json_text import JsonText, as_json
from mcbook.catalog.rows_selection import CutflowEntryRow, CutflowRow
from mcbook.catalog.rows_simulation import (
    SimulatedFileJobRow,
    SimulatedFileRow,
    SimulationJobRow,
    SimulationRow,
)


class DefinitionRow(NamedTuple):
    """What samples share; see `mcbook.catalog.tables.Definition`."""

    digest: str
    document: JsonText
    facts: JsonText


class FormulaSetRow(NamedTuple):
    """The formulas, with versions, and the constants that derived quantities are computed with."""

    digest: str
    versions: JsonText


class RootRow(NamedTuple):
    """A storage root, relative to the folder of the catalog where it lies below that."""

    name: str
    path: str


class SampleRow(NamedTuple):
    """One sample; `derived` holds null where a value is infinite or undefined, `reasons` says why.

    Of a width with a value, `reasons` says which approximation it is, where there are several.
    `directory` is relative to the storage root, in POSIX form. `expected_rate` is what the
    generator should report: production times branching fractions at the sample's own parameters,
    in the unit of the production.
    """

    id: str
    digest: str
    definition: str
    model: str
    process: str
    generator: str
    status: str
    events_target: int
    storage: str
    directory: str
    formulas: str
    parameters: JsonText
    derived: JsonText
    reasons: JsonText | None = None
    supersedes: str | None = None
    n_events: int = 0
    expected_rate: float | None = None
    created: str | None = None


class PointRow(NamedTuple):
    """One point that a sample serves; `digest` is over all of its parameters."""

    sample_id: str
    digest: str
    factor: float | None
    formulas: str
    parameters: JsonText
    derived: JsonText
    reasons: JsonText | None = None
    wide: JsonText | None = None


class PartRow(NamedTuple):
    """One job of a sample; `directory` is relative to the storage root."""

    sample_id: str
    number: int
    events: int
    seed: int
    status: str
    storage: str
    directory: str


class CardRow(NamedTuple):
    """One card; `part` is 0 for one of the sample itself, `path` relative to the storage root."""

    sample_id: str
    part: int
    path: str
    sha256: str
    template: str | None = None
    template_version: int | None = None


class SharedFileRow(NamedTuple):
    """A file that all samples of a definition share, relative to the storage root."""

    definition: str
    storage: str
    path: str
    sha256: str


class FileRow(NamedTuple):
    """A file with the events of a part; see `mcbook.catalog.files`."""

    sha256: str
    sample_id: str
    part: int
    tier: str
    storage: str
    path: str
    size: int
    events: int
    cross_section_fb: float | None
    cross_section_error_fb: float | None
    version: str
    facts: JsonText
    at: str
    who: str


class HistoryRow(NamedTuple):
    """What happened to a sample; `at` and `who` are filled in where they are None."""

    sample_id: str
    event: str
    detail: JsonText
    at: str | None = None
    who: str | None = None


class UnblindingRow(NamedTuple):
    """One look into a closed box; see `mcbook.catalog.unblindings`."""

    id: str
    analysis: str
    frozen: str
    at: str
    who: str
    why: str
    files: JsonText


class ResultRow(NamedTuple):
    """One calculation of limits; see `mcbook.catalog.results`."""

    id: str
    digest: str
    name: str
    kind: str
    model: str | None
    frozen: str
    cl: float
    method: str
    created: str
    who: str
    inputs: JsonText
    document: JsonText
    unblinding: str | None = None


class LimitPointRow(NamedTuple):
    """The limits on one hypothesis; infinite or undefined ones are null, the status says why."""

    result_id: str
    number: int
    hypothesis: str
    parameters: JsonText
    limits: JsonText
    samples: JsonText
    simulations: JsonText | None = None


class ResultSampleRow(NamedTuple):
    """A sample under a result."""

    result_id: str
    sample_id: str


class EfficiencyMapRow(NamedTuple):
    """What a selection keeps of samples; see `mcbook.catalog.efficiencies`."""

    id: str
    digest: str
    name: str
    created: str
    who: str
    sha256: str


class EfficiencyRow(NamedTuple):
    """What is kept of one sample in one region; sums of weights are counts where there are none."""

    map_id: str
    number: int
    sample_id: str
    simulation_id: str | None
    region: str
    n_generated: int
    n_selected: int
    sumw_generated: float
    sumw: float
    sumw2: float
    axes: JsonText


class TagRow(NamedTuple):
    """A word on a sample; see `mcbook.catalog.lifecycle`."""

    sample_id: str
    name: str
    at: str
    who: str


class OwnerRow(NamedTuple):
    """Who looks after a sample, where somebody said so."""

    sample_id: str
    owner: str
    at: str
    who: str


class RetirementRow(NamedTuple):
    """The last word on whether a sample is used."""

    sample_id: str
    state: str
    at: str
    who: str
    why: str


class CollectionRow(NamedTuple):
    """A list of samples that never changes; see `mcbook.catalog.collection`."""

    id: str
    digest: str
    name: str
    created: str
    who: str
    note: str | None = None


class CollectionSampleRow(NamedTuple):
    """A sample of a collection, as it was when that was made."""

    collection_id: str
    sample_id: str
    status: str
    events: int
    files: JsonText


Row = (
    DefinitionRow
    | FormulaSetRow
    | RootRow
    | SampleRow
    | PointRow
    | PartRow
    | CardRow
    | SharedFileRow
    | FileRow
    | HistoryRow
    | UnblindingRow
    | ResultRow
    | LimitPointRow
    | ResultSampleRow
    | EfficiencyMapRow
    | EfficiencyRow
    | TagRow
    | OwnerRow
    | RetirementRow
    | CollectionRow
    | CollectionSampleRow
    | SimulationRow
    | SimulationJobRow
    | SimulatedFileRow
    | SimulatedFileJobRow
    | CutflowRow
    | CutflowEntryRow
)

ROWS: dict[str, type[Row]] = {
    "definitions": DefinitionRow,
    "formula_sets": FormulaSetRow,
    "roots": RootRow,
    "samples": SampleRow,
    "points": PointRow,
    "parts": PartRow,
    "cards": CardRow,
    "shared_files": SharedFileRow,
    "files": FileRow,
    "history": HistoryRow,
    "unblindings": UnblindingRow,
    "results": ResultRow,
    "limit_points": LimitPointRow,
    "result_samples": ResultSampleRow,
    "efficiency_maps": EfficiencyMapRow,
    "efficiency_rows": EfficiencyRow,
    "tags": TagRow,
    "owners": OwnerRow,
    "retirements": RetirementRow,
    "collections": CollectionRow,
    "collection_samples": CollectionSampleRow,
    "simulations": SimulationRow,
    "simulation_jobs": SimulationJobRow,
    "simulated_files": SimulatedFileRow,
    "simulated_file_jobs": SimulatedFileJobRow,
    "cutflows": CutflowRow,
    "cutflow_rows": CutflowEntryRow,
}
"""The records by table, in an order in which each refers only to those before it."""


def make_row(table: str, values: Mapping[str, Any]) -> Any:
    """Return the record of one row of *table*; objects and lists become JSON text."""
    checked: dict[str, Any] = {
        name: as_json(value) if isinstance(value, (dict, list)) else value
        for name, value in values.items()
    }
    return ROWS[table](**checked)
