"""Collections: lists of samples under a name that never change.

A collection is named by a hash of its name and its contents, which are the ids of its samples and
the SHA-256 of the files that each had then. The same again is nothing new.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from mcbook.catalog.json_text import as_json
from mcbook.catalog.names import LONGEST_LABEL, is_label
from mcbook.catalog.result import canonical
from mcbook.catalog.rows import CollectionRow, CollectionSampleRow
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import InputError, WorkError, did_you_mean

Row = dict[str, Any]
Files = Mapping[str, Iterable[str]]
"""SHA-256 of files by the sample that they are of."""

REFERENCE = re.compile(r"c-[0-9a-f]*")
"""A collection by the beginning of its id."""

_ID_DIGITS = 12
_MAX_LISTED = 5


def digest_of(files: Files) -> str:
    """Return the SHA-256 of contents, 64 hex digits; in which order they come does not count."""
    contents = [[identity, sorted(files[identity])] for identity in sorted(files)]
    text = canonical({"schema": "1", "samples": contents})
    return sha256(text.encode("ascii")).hexdigest()


def identity_of(row: Mapping[str, Any]) -> str:
    """Return the id that a collection must have: ``c-`` and a hash of its name and contents."""
    text = canonical({"schema": "1", "name": row["name"], "digest": row["digest"]})
    return f"c-{sha256(text.encode('ascii')).hexdigest()[:_ID_DIGITS]}"


def check_name(name: str) -> None:
    """Refuse what is no name of a collection.

    Raises
    ------
    InputError
        If it is empty, too long, has other signs, or looks like an id.
    """
    if not is_label(name) or REFERENCE.fullmatch(name):
        raise InputError(
            f"{name!r} is no name of a collection",
            hint=f"letters, digits and _ . + -, at most {LONGEST_LABEL}, and not like an id:"
            " as in paper-2026",
        )


def files_of(books: Reader, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows of the files of samples and of their simulations, for each sample.

    Of a file that was entered by its path on the grid that stands for the SHA-256.
    """
    from mcbook.catalog.dump import rows_among  # slow to import

    found: dict[str, list[Row]] = {identity: [] for identity in ids}
    for row in rows_among(books, "files", "sample_id", ids):
        found[row["sample_id"]].append(row)
    its = {
        row["id"]: row["sample_id"] for row in rows_among(books, "simulations", "sample_id", ids)
    }
    for row in rows_among(books, "simulated_files", "simulation_id", its):
        found[its[row["simulation_id"]]].append({**row, "sha256": row["key"]})
    return found


def add(books: Writer, name: str, ids: Sequence[str], note: str | None = None) -> Row:
    """Add a collection of samples as they are now; the same again changes nothing.

    Returns
    -------
    dict
        ``id``, ``digest``, and whether it is ``new``.

    Raises
    ------
    InputError
        If the name is none, or that of a collection with other contents.
    """
    from mcbook.catalog.dump import rows_among  # slow to import

    check_name(name)
    files = {
        identity: [row["sha256"] for row in rows] for identity, rows in files_of(books, ids).items()
    }
    found = {"name": name, "digest": digest_of(files)}
    identity = identity_of(found)
    there = [known for _, known in books.named("collections", "id", [name], key="name")]
    if identity in there:
        return {"id": identity, "digest": found["digest"], "new": False}
    if there:
        raise InputError(
            f"the collection {name} ({there[0]}) has other samples or files",
            hint="collections never change: use another name",
        )
    books.insert(
        "collections", [CollectionRow(identity, found["digest"], name, now(), user(), note)]
    )
    books.insert(
        "collection_samples",
        (
            CollectionSampleRow(
                *(identity, row["id"], row["status"], row["n_events"]),
                as_json(sorted(files[row["id"]])),
            )
            for row in rows_among(books, "samples", "id", sorted(files))
        ),
    )
    return {"id": identity, "digest": found["digest"], "new": True}


def find(books: Reader, name_or_id: str) -> Row:
    """Return the row of the only collection of a name, or whose id begins so.

    Raises
    ------
    InputError
        If there is none, or several: merged books may have two of one name.
    """
    from mcbook.catalog.dump import ids_beginning, stored_rows, table_of  # slow to import

    ids = [found for _, found in books.named("collections", "id", [name_or_id], key="name")]
    if not ids and REFERENCE.fullmatch(name_or_id):
        ids = ids_beginning(books, "collections", name_or_id, _MAX_LISTED + 1)
    if not ids:
        names = [row["name"] for row in stored_rows(books, "collections")]
        raise InputError(
            f"there is no collection {name_or_id!r} in the books",
            hint=did_you_mean(name_or_id, names) or "`mcbook collection list` lists them",
        )
    if len(ids) > 1:
        raise _several(name_or_id, ids)
    return next(iter(stored_rows(books, "collections", table_of("collections").c.id == ids[0])))


def check_distinct(books: Reader, names: Iterable[str]) -> None:
    """Refuse a name that several collections have.

    Raises
    ------
    InputError
        With the ids that tell them apart.
    """
    ids: dict[str, list[str]] = {}
    for name, identity in books.named("collections", "id", list(names), key="name"):
        ids.setdefault(name, []).append(identity)
    for name, found in sorted(ids.items()):
        if len(found) > 1:
            raise _several(name, found)


def _several(name: str, ids: Sequence[str]) -> InputError:
    more = " and more" * (len(ids) > _MAX_LISTED)
    return InputError(
        f"several collections in the books are called {name!r}",
        hint=f"name one by its id: {', '.join(sorted(ids)[:_MAX_LISTED])}{more}",
    )


def members(books: Reader, row: Mapping[str, Any]) -> list[Row]:
    """Return the samples of a collection as they were: ``sample_id``, ``status``, and so on.

    Raises
    ------
    WorkError
        If they are not those that its id is a hash of.
    """
    from mcbook.catalog.dump import stored_rows, table_of  # slow to import

    mine = table_of("collection_samples").c.collection_id == row["id"]
    found = list(stored_rows(books, "collection_samples", mine))
    contents = {entry["sample_id"]: entry["files"] for entry in found}
    if digest_of(contents) != row["digest"] or identity_of(row) != row["id"]:
        raise WorkError(f"the collection {row['id']} is not as it was recorded: somebody edited it")
    return found


def names_with(books: Reader, identity: str) -> list[str]:
    """Return the names of the collections that a sample is in, sorted."""
    ids = [found for _, found in books.named(
        "collection_samples", "collection_id", [identity], key="sample_id"
    )]  # fmt: skip
    return sorted({name for _, name in books.named("collections", "name", ids)})


def listed(books: Reader) -> list[Row]:
    """Return all collections, oldest first, with ``samples``, ``files`` and ``events``."""
    from mcbook.catalog.dump import stored_rows  # slow to import

    of: dict[str, list[Row]] = {}
    for entry in stored_rows(books, "collection_samples"):
        of.setdefault(entry["collection_id"], []).append(entry)
    rows = [{**row, **counted(of.get(row["id"], []))} for row in stored_rows(books, "collections")]
    return sorted(rows, key=lambda row: (row["created"], row["id"]))


def counted(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many ``samples``, ``files`` and ``events`` are in a collection."""
    return {
        "samples": len(entries),
        "files": sum(len(entry["files"]) for entry in entries),
        "events": sum(entry["events"] for entry in entries),
    }
