"""Rows of the books for files that were checked."""

import math
from typing import Any

from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows import FileRow
from mcbook.production.making import Made


def file_row(sample_id: str, part: int, tier: str, made: Made, storage: str) -> FileRow:
    """Return what the books keep of a file.

    Parameters
    ----------
    sample_id, part
        The part that it is, as the books number it.
    tier
        Of the generator.
    made
        The file as it was checked.
    storage
        The storage root that its path is relative to.
    """
    found = made.found
    facts: dict[str, Any] = {
        "seed": found.seed,
        "parameters": dict(found.parameters),
        "beams": [list(beam) for beam in found.beams],
        "cpu_s": made.cpu_s,
        "wall_s": made.wall_s,
    }
    return FileRow(
        sha256=made.sha256,
        sample_id=sample_id,
        part=part,
        tier=tier,
        storage=storage,
        path=made.path,
        size=made.size,
        events=found.events,
        cross_section_fb=_number(found.cross_section_fb),
        cross_section_error_fb=_number(found.cross_section_error_fb),
        version=found.version,
        facts=as_json(facts),
        at="",
        who="",
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
