"""What of a plan goes into rows and into ``sample.json``."""

import json
from collections.abc import Mapping
from typing import Any

from mcbook.catalog.files import PLANNED
from mcbook.catalog.json_text import JsonText, as_json
from mcbook.catalog.rows import PointRow, SampleRow
from mcbook.production.plan import Definition, PlannedPoint, PlannedSample
from mcbook.registry.model import Process, SignalModel

HOLE = "\x00"
"""Stands in a frame of JSON for what is filled in later."""

_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False)


def facts(model: SignalModel, process: Process) -> dict[str, Any]:
    """Return what the books keep of a process beside what enters an id: how to read its rows."""
    fractions = [c.fraction.text for c in process.channels if c.fraction is not None]
    return {
        "shape": sorted(name for name, role in process.roles.items() if "shape" in role),
        "production": process.production,
        "unit": model.derived[process.production].unit,
        "fraction": " + ".join(fractions) or "1",
    }


def sample_row(
    sample: PlannedSample, definition: Definition, storage: str, formulas: str
) -> SampleRow:
    """Return the row of a planned sample."""
    process = definition.process
    return SampleRow(
        id=sample.id,
        digest=sample.digest,
        definition=definition.digest,
        model=str(definition.document["model"]),
        process=process.name,
        generator=process.generator,
        status=PLANNED,
        events_target=sample.events,
        storage=storage,
        directory=sample.id,
        formulas=formulas,
        parameters=JsonText(sample.parameters_text),
        derived=JsonText(sample.derived_text),
        expected_rate=sample.expected_rate,
        reasons=as_json(sample.reasons) if sample.reasons else None,
    )


def formula_versions(model: SignalModel) -> dict[str, str | float]:
    """Return what derived quantities are computed with: formulas with versions, and constants."""
    formulas = {name: entry.version for name, entry in model.derived.items() if entry.version}
    return {**formulas, **{name: entry.value for name, entry in model.constants.items()}}


def point_row(point: PlannedPoint, formulas: str) -> PointRow:
    """Return the row of a point."""
    return PointRow(
        point.sample_id,
        point.digest,
        point.factor,
        formulas,
        JsonText(point.parameters_text),
        JsonText(point.derived_text),
        reasons=as_json(point.reasons) if point.reasons else None,
        wide=as_json(list(point.wide)) if point.wide else None,
    )


def user_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without the digest of a model that mcbook itself writes."""
    return {name: value for name, value in settings.items() if name != "ufo"}


def encoded(value: object) -> bytes:
    """Return JSON on one line."""
    return _ENCODER.encode(value).encode("ascii")


def pretty(value: Mapping[str, Any]) -> bytes:
    """Return JSON with a line for each key: for people, and still by the fast encoder."""
    lines = (b" %s: %s" % (encoded(key), encoded(value[key])) for key in sorted(value))
    return b"{\n" + b",\n".join(lines) + b"\n}\n"
