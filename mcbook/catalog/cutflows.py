"""Cutflows in the books: what the cuts of a selection left of samples, region by region.

A cutflow is its name, the digest of its selection and its rows: its id is a hash of them, so that
the same counts again are the same cutflow.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256 as hash_function
from typing import Any

from mcbook.catalog.json_text import as_json
from mcbook.catalog.result import canonical, check_digest
from mcbook.catalog.rows import make_row
from mcbook.catalog.rows_selection import CutflowRow
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import InputError, WorkError, did_you_mean

Row = dict[str, Any]

REFERENCE = re.compile(r"k-[0-9a-f]*")
"""A cutflow by the beginning of its id."""

HEADER = ("id", "name", "selection", "created", "who", "document")
"""What a cutflow is told by wherever one is named."""

COLUMNS = (
    "sample_id", "simulation_id", "region", "position", "cut",
    "n_generated", "sumw_generated", "n", "sumw", "sumw2",
)  # fmt: skip
"""What a row says."""

_COUNTS = ("position", "n_generated", "n")
_ID_DIGITS = 12
_MAX_LISTED = 5


def digest_of(name: str, selection: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a cutflow, 64 hex digits.

    The order of the rows does not count, sums of weights count to nine digits.
    """
    cells = [
        [str(row[key]) if key in _COUNTS else row[key] for key in COLUMNS] for row in in_order(rows)
    ]
    text = canonical({"schema": 1, "name": name, "selection": selection, "rows": cells})
    return hash_function(text.encode("ascii")).hexdigest()


def identity_of(digest: str) -> str:
    """Return the id of a cutflow with this digest."""
    return f"k-{digest[:_ID_DIGITS]}"


def in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rows sorted by sample, simulation, region and position."""
    return sorted(rows, key=_place)


def _place(row: Mapping[str, Any]) -> tuple[str, str, str, int]:
    return row["sample_id"], row["simulation_id"] or "", row["region"], row["position"]


def add(
    books: Writer,
    *,
    name: str,
    selection: str,
    rows: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any],
) -> Row:
    """Add a cutflow; the same counts of the same selection again change nothing.

    Parameters
    ----------
    books
        The books, in one transaction.
    name
        Name of the selection.
    selection
        SHA-256 of the selection as it stood, 64 hex digits.
    rows
        Each with `COLUMNS`.
    document
        What was read, as JSON: ``files`` with ``path`` and ``sha256``, ``warnings``, settings. It
        does not enter the id.

    Returns
    -------
    dict
        ``id``, ``name``, ``digest``, and whether it is ``new``.

    Raises
    ------
    WorkError
        If another cutflow has the same id, or a sample is not in the books.
    """
    check_digest(selection)
    digest = digest_of(name, selection, rows)
    identity = identity_of(digest)
    found = {"id": identity, "name": name, "digest": digest}
    there = dict(books.named("cutflows", "digest", [identity]))
    if there:
        if there[identity] != digest:
            raise WorkError(f"the id {identity} stands for two different cutflows")
        return {**found, "new": False}
    text = as_json(dict(document))
    books.insert("cutflows", [CutflowRow(identity, digest, name, selection, now(), user(), text)])
    stored = [
        make_row("cutflow_rows", {"cutflow_id": identity, "number": number, **row})
        for number, row in enumerate(in_order(rows), 1)
    ]
    books.insert("cutflow_rows", stored)
    return {**found, "new": True}


def find(books: Reader, prefix: str) -> Row:
    """Return the only cutflow whose id begins so, without its rows.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    from mcbook.catalog.dump import ids_beginning, stored_rows, table_of  # slow to import

    ids = ids_beginning(books, "cutflows", prefix, _MAX_LISTED + 1)
    if not ids:
        known = [row["id"] for row in stored_rows(books, "cutflows")]
        raise InputError(
            f"no cutflow in the books has an id that begins with {prefix!r}",
            hint=did_you_mean(prefix, known) or "`mcbook select` makes them",
        )
    if len(ids) > 1:
        raise InputError(
            f"several cutflows have an id that begins with {prefix!r}",
            hint=", ".join(ids[:_MAX_LISTED]) + " and more" * (len(ids) > _MAX_LISTED),
        )
    return next(iter(stored_rows(books, "cutflows", table_of("cutflows").c.id == ids[0])))


def rows_of(books: Reader, row: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a cutflow, each with `COLUMNS`, in order.

    Raises
    ------
    WorkError
        If they are not those that its id is a hash of.
    """
    from mcbook.catalog.dump import stored_rows, table_of

    mine = table_of("cutflow_rows").c.cutflow_id == row["id"]
    found = [
        {key: entry[key] for key in COLUMNS} for entry in stored_rows(books, "cutflow_rows", mine)
    ]
    if digest_of(row["name"], row["selection"], found) != row["digest"]:
        raise WorkError(f"the cutflow {row['id']} is not as it was recorded: somebody edited it")
    return found


def reading_file(books: Reader, digest: str) -> list[Row]:
    """Return the cutflows that a file with this SHA-256 went into, oldest first."""
    return [
        row
        for row in _listed(books)
        if any(file["sha256"] == digest for file in row["document"].get("files", ()))
    ]


def giving(books: Reader, digest: str) -> list[Row]:
    """Return the cutflows whose efficiencies are in a table with this SHA-256, oldest first."""
    return [row for row in _listed(books) if row["document"].get("efficiency") == digest]


def _listed(books: Reader) -> list[Row]:
    from mcbook.catalog.dump import stored_rows

    rows = list(stored_rows(books, "cutflows"))
    return sorted(rows, key=lambda row: (row["created"], row["id"]))
