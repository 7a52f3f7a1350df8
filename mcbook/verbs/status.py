"""``mcbook status``: how far production is, at a glance."""

from pathlib import Path
from typing import Any

from mcbook.catalog import files
from mcbook.catalog.dump import rows_among
from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.store import open_catalog
from mcbook.intake.closure import predicted
from mcbook.verbs.lookup import sample_ids

Row = dict[str, Any]

_STATES = (files.PLANNED, files.RUNNING, files.FAILED, files.GENERATED, files.RETIRED)


def status(
    expression: str | None = None,
    *,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
) -> list[Row]:
    """Return how many samples of each process are in which state, and what the rest will take.

    Parameters
    ----------
    expression
        Which samples; None means all.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.

    Returns
    -------
    list
        For each ``model``, ``process``, ``generator``: ``samples``, and how many of them are
        ``planned``, ``running`` (some of their parts are made), ``failed``, ``generated``,
        ``retired``, which count nowhere else; ``events`` that there are and ``events_left``,
        ``bytes`` and ``cpu_s`` that they took, and ``bytes_left``, ``cpu_s_left`` by what others of
        the process took, null where none is made.

    Raises
    ------
    InputError
        If the expression is not right, or there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        ids = sample_ids(books, expression, models_dir)
        groups: dict[tuple[str, str, str], Row] = {}
        of: dict[str, Row] = {}
        for sample in rows_among(books, "samples", "id", ids):
            key = (sample["model"], sample["process"], sample["generator"])
            of[sample["id"]] = group = groups.setdefault(key, _nothing())
            group["samples"] += 1
            group[sample["status"]] += 1
        retired = retirements(books, ids)
        used = [identity for identity in ids if identity not in retired]
        for part in rows_among(books, "parts", "sample_id", used):
            if part["status"] != files.GENERATED:
                of[part["sample_id"]]["events_left"] += part["events"]
        for file in rows_among(books, "files", "sample_id", used):
            _add(of[file["sample_id"]], file)
    return [_told(key, group) for key, group in sorted(groups.items())]


def _nothing() -> Row:
    return {"samples": 0, **dict.fromkeys(_STATES, 0),
            "events": 0, "events_left": 0, "size": 0, "cpu_s": 0.0, "timed": 0}  # fmt: skip


def _add(group: Row, file: Row) -> None:
    group["events"] += file["events"]
    group["size"] += file["size"]
    if file["facts"].get("cpu_s") is not None:
        group["cpu_s"] += file["facts"]["cpu_s"]
        group["timed"] += file["events"]


def _told(key: tuple[str, str, str], group: Row) -> Row:
    left = predicted(group, group["events_left"])
    names = zip(("model", "process", "generator"), key, strict=True)
    kept = ("samples", *_STATES, "events", "events_left")
    return {
        **dict(names),
        **{name: group[name] for name in kept},
        "bytes": group["size"],
        "cpu_s": group["cpu_s"],
        "bytes_left": left["bytes"],
        "cpu_s_left": left["cpu_s"],
    }
