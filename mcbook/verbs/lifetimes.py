"""Particles of samples that fly, and that nothing makes fly."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcbook.catalog import simulations
from mcbook.catalog.dump import rows_among, stored_rows
from mcbook.catalog.writer import Reader
from mcbook.errors import McbookError
from mcbook.generators.base import SampleInput
from mcbook.generators.detector import ForDetector
from mcbook.production.rerender import Rerenderer
from mcbook.simulation.conditions import PROMPT_BELOW_MM

Row = dict[str, Any]


def undefined(
    books: Reader, samples: Sequence[Row], models_dir: str | Path | None = None
) -> list[Row]:
    """Return the long-lived particles of samples whose decay no mechanism places.

    Parameters
    ----------
    books
        The books, open for reading.
    samples
        Rows of samples; those without events and simulations are passed over.
    models_dir
        A folder of models that is looked into first.

    Returns
    -------
    list
        Each with ``id``, ``particle``, ``ctau_mm`` (shortest and longest at the points of the
        sample) and ``reason``.
    """
    ids = [row["id"] for row in samples]
    made: dict[str, list[Row]] = {}
    for row in simulations.of_samples(books, ids):
        made.setdefault(row["sample_id"], []).append(row)
    points: dict[str, list[Row]] = {}
    for row in rows_among(books, "points", "sample_id", ids):
        points.setdefault(row["sample_id"], []).append(row["derived"])
    documents = {row["digest"]: row["document"] for row in stored_rows(books, "definitions")}
    again: dict[str, Rerenderer] = {}
    found: list[Row] = []
    for sample in samples:
        there = made.get(sample["id"], [])
        if not (sample["n_events"] or there):
            continue
        digest = sample["definition"]
        try:
            if digest not in again:
                again[digest] = Rerenderer(documents[digest], models_dir)
            if again[digest].changed is not None:
                continue  # what it stands for now says nothing of what it is
            given = _given(again[digest], sample)
        except McbookError as error:
            found.append(
                {"id": sample["id"], "particle": None, "ctau_mm": None, "reason": error.message}
            )
            continue
        found += left_prompt(sample["id"], given, points.get(sample["id"], []), there)
    return found


def _given(again: Rerenderer, sample: Row) -> ForDetector:
    (derived,) = again.derived([sample["parameters"]])
    given = again.campaign.for_detector(SampleInput(sample["id"], sample["parameters"], derived))
    given.check_read()
    return given


def left_prompt(
    identity: str, given: ForDetector, points: Sequence[Row], made: Sequence[Row]
) -> list[Row]:
    """Return the long-lived particles of one sample that no simulation of *made* displaces.

    Parameters
    ----------
    identity
        Its id.
    given
        How it gets into the detector simulation.
    points
        Derived quantities of its points.
    made
        Rows of simulations.

    Returns
    -------
    list
        As of `undefined`.
    """
    if given.lives:
        return []
    moved = {one["name"] for row in made for one in row["displacement"] if one["decay"] is not None}
    found = []
    for one in given.decaying:
        values = [float(p[one.ctau]) for p in points if one.ctau and p.get(one.ctau) is not None]
        flying = [value for value in values if value >= PROMPT_BELOW_MM and math.isfinite(value)]
        if not flying or one.name in moved:
            continue
        reason = "all of its simulations leave it prompt" if made else "nothing displaces it yet"
        found.append(
            {
                "id": identity,
                "particle": one.name,
                "ctau_mm": [min(flying), max(flying)],
                "reason": reason,
            }
        )
    return found
