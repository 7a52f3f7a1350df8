"""Who opened which closed box, when and why.

A row is added before any observed count is read, and never changed or removed. Every look is a row
of its own. An analysis that was changed after a look can be opened again, but whoever reads the
books sees it: the digest of the frozen analysis is another one.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from mcbook.catalog.json_text import as_json
from mcbook.catalog.result import check_digest, file_list
from mcbook.catalog.rows import UnblindingRow
from mcbook.catalog.writer import Reader, Writer, user
from mcbook.errors import InputError

Row = dict[str, Any]

FIELDS = UnblindingRow._fields
"""What a look is."""

_ID_DIGITS = 12


def add(
    books: Writer, *, analysis: str, frozen: str, why: str, files: Mapping[str, str] | None = None
) -> Row:
    """Record a look into a closed box.

    Parameters
    ----------
    books
        The books; the look is recorded once their transaction is over.
    analysis
        Name of the analysis.
    frozen
        SHA-256 of the analysis as it stands, 64 hex digits.
    why
        The reason, in words.
    files
        SHA-256 of the files with observed counts that will be read, by path.

    Returns
    -------
    dict
        The row: ``id``, ``analysis``, ``frozen``, ``at``, ``who``, ``why``, ``files``.

    Raises
    ------
    InputError
        If there is no reason, or no digest.
    """
    reason = " ".join(why.split())
    if not reason:
        raise InputError(
            "a closed box is opened for a reason", hint='as in --unblind "approved by the review"'
        )
    if not analysis.strip():
        raise InputError("an analysis whose box is opened needs a name")
    for digest in (frozen, *(files or {}).values()):
        check_digest(digest)
    values: Row = {
        "analysis": analysis,
        "frozen": frozen,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "who": user(),
        "why": reason,
        "files": file_list(files or {}),
    }
    row = {"id": identity_of(values), **values}
    books.insert("unblindings", [UnblindingRow(**row | {"files": as_json(row["files"])})])
    return row


def identity_of(row: Row) -> str:
    """Return the id that a look must have: ``u-`` and a hash of the rest of its row."""
    values = {key: value for key, value in row.items() if key != "id"}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return f"u-{sha256(text.encode()).hexdigest()[:_ID_DIGITS]}"


def listed(books: Reader, *, frozen: str | None = None) -> list[Row]:
    """Return all looks, or those into one frozen analysis, oldest first."""
    from mcbook.catalog.dump import stored_rows, table_of  # slow to import

    conditions = [table_of("unblindings").c.frozen == frozen] if frozen else []
    rows = stored_rows(books, "unblindings", *conditions)
    return sorted(rows, key=lambda row: (row["at"], row["id"]))


def related(books: Reader, look: Row) -> list[Row]:
    """Return the other looks that had to do with the same box, oldest first.

    That is those into an analysis of the same name, those into the same analysis under another
    name, and those at one of the same files: giving an analysis a new name hides nothing. Each has
    ``changed``: whether the frozen analysis was another one.
    """
    files = {entry["sha256"] for entry in look["files"]}
    return [
        {**row, "changed": row["frozen"] != look["frozen"]}
        for row in listed(books)
        if row["id"] != look["id"]
        and (
            row["analysis"] == look["analysis"]
            or row["frozen"] == look["frozen"]
            or not files.isdisjoint(entry["sha256"] for entry in row["files"])
        )
    ]
