"""Files with events in the books, and the states of parts and samples that follow from them.

A part is ``planned``, ``failed`` or ``generated``. A sample is ``failed`` where a part is,
``generated`` where all parts are, ``running`` where some are, else ``planned``; ``retired`` where
somebody said so, whatever its parts are.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcbook.catalog.dump import rows_among, stored_rows, table_of
from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows import FileRow, HistoryRow
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import WorkError

PLANNED, RUNNING, FAILED, GENERATED = "planned", "running", "failed", "generated"
RETIRED = "retired"

AFTER = ("mdst", "ntuple")
"""Tiers behind the generator: their events are no more events of the sample."""


def enter(books: Writer, rows: Sequence[FileRow]) -> int:
    """Record files of generators, and that their parts are made; return how many are new.

    The same file of the same part again is nothing new.

    Raises
    ------
    WorkError
        If a file belongs to another part already, the part has another file, or the sample is
        retired.
    """
    known = {row["sha256"]: row for row in of_digests(books, [row.sha256 for row in rows])}
    fresh = []
    for row in rows:
        there = known.get(row.sha256)
        if there is None:
            fresh.append(row._replace(at=row.at or now(), who=row.who or user()))
        elif (there["sample_id"], there["part"]) != (row.sample_id, row.part):
            raise WorkError(
                f"{row.path} is in the books already, as part {there['part']} of"
                f" {there['sample_id']}",
                hint="the same events must not count twice",
            )
    _refuse_retired(books, fresh)
    books.insert("files", fresh)
    mark(books, GENERATED, [(row.sample_id, row.part) for row in fresh])
    books.add_history(
        HistoryRow(row.sample_id, "part generated", as_json(_told(row))) for row in fresh
    )
    return len(fresh)


def fail(books: Writer, sample_id: str, part: int, detail: Mapping[str, Any]) -> None:
    """Record that a part could not be made, and why."""
    mark(books, FAILED, [(sample_id, part)])
    books.add_history([HistoryRow(sample_id, "part failed", as_json({"part": part, **detail}))])


def mark(books: Writer, status: str, parts: Iterable[tuple[str, int]]) -> None:
    """Give parts a state, and their samples those that follow."""
    listed = list(parts)
    books.change(
        "UPDATE parts SET status = ? WHERE sample_id = ? AND number = ?",
        [(status, *part) for part in listed],
    )
    settle(books, {sample_id for sample_id, _ in listed})


def settle(books: Writer, sample_ids: Iterable[str]) -> None:
    """Give samples the state and the number of events that their parts and files say."""
    after = ", ".join(f"'{tier}'" for tier in AFTER)
    books.change(
        "UPDATE samples SET n_events = COALESCE((SELECT SUM(f.events) FROM files AS f"  # noqa: S608
        f" WHERE f.sample_id = samples.id AND f.tier NOT IN ({after})), 0), status = CASE"
        " WHEN EXISTS (SELECT 1 FROM retirements AS r WHERE r.sample_id = samples.id"
        f" AND r.state = '{RETIRED}') THEN '{RETIRED}'"
        " WHEN EXISTS (SELECT 1 FROM parts AS p WHERE p.sample_id = samples.id"
        f" AND p.status = '{FAILED}') THEN '{FAILED}'"
        " WHEN NOT EXISTS (SELECT 1 FROM parts AS p WHERE p.sample_id = samples.id"
        f" AND p.status = '{GENERATED}') THEN '{PLANNED}'"
        " WHEN EXISTS (SELECT 1 FROM parts AS p WHERE p.sample_id = samples.id"
        f" AND p.status <> '{GENERATED}') THEN '{RUNNING}' ELSE '{GENERATED}' END WHERE id = ?",
        [(sample_id,) for sample_id in sorted(sample_ids)],
    )


def of_digests(books: Reader, digests: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of files with these SHA-256."""
    return list(rows_among(books, "files", "sha256", digests))


def is_in_place(path: Path, size: int) -> bool:
    """Return whether a file is where the books say, and as long."""
    return path.is_file() and path.stat().st_size == size


def of_sample(books: Reader, sample_id: str) -> list[dict[str, Any]]:
    """Return the rows of the files of a sample, part by part."""
    rows = stored_rows(books, "files", table_of("files").c.sample_id == sample_id)
    return sorted(rows, key=lambda row: (row["part"], row["tier"]))


def cross_section(rows: Iterable[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Return the cross section of files and its error [fb], as their events weigh; None of none.

    Parts have seeds of their own, so their errors are independent.
    """
    known = [row for row in rows if row["cross_section_fb"] is not None and row["events"] > 0]
    total = sum(row["events"] for row in known)
    if not total:
        return None
    value = sum(row["events"] * row["cross_section_fb"] for row in known) / total
    squares = sum((row["events"] * (row["cross_section_error_fb"] or 0.0)) ** 2 for row in known)
    return value, float(squares**0.5) / total


def _refuse_retired(books: Writer, rows: Sequence[FileRow]) -> None:
    """Refuse files of samples that are used no more."""
    from mcbook.catalog.lifecycle import back, retirements, said_of  # it needs this module

    for identity, retired in retirements(books, [row.sample_id for row in rows]).items():
        raise WorkError(said_of(identity, retired), hint=back(identity))


def _told(row: FileRow) -> dict[str, Any]:
    return {"part": row.part, "events": row.events, "sha256": row.sha256}
