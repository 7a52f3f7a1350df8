"""``mcbook collection``: lists of samples under a name that never change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook.catalog import collection, files, lifecycle
from mcbook.catalog.dump import rows_among
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.verbs.lifecycle import named
from mcbook.verbs.lookup import sample_ids

Row = dict[str, Any]

_HEADER = ("id", "name", "created", "who", "note", "digest")
_COUNTS = ("samples", "files", "events")


def create_collection(
    name: str,
    expression: str,
    *,
    note: str | None = None,
    with_retired: bool = False,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Keep the list of samples that match, with their files, under a name; it never changes.

    Parameters
    ----------
    name
        Letters, digits and ``_ . + -``.
    expression
        Which samples: an expression, or the beginning of an id.
    note
        What it is for.
    with_retired
        Take retired samples as well.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what it would be.

    Returns
    -------
    dict
        ``catalog``, ``id``, ``name``, ``digest`` over ids and files, ``new``, and the counts
        ``samples``, ``files``, ``events``. ``id`` and ``digest`` are null where nothing matches.

    Raises
    ------
    InputError
        If the name is none or that of other contents, a sample is retired, the expression is not
        right, or there is no catalog.
    """
    collection.check_name(name)
    said = note if note is None else lifecycle.checked_text(note, "the note", "or leave it out")
    with open_catalog(catalog, mode="read") as opened:
        with opened.writing(keep=not dry_run) as books:
            ids = sample_ids(books, named(expression), models_dir)
            if not with_retired:
                _refuse_retired(lifecycle.retirements(books, ids))
            found: Row = {"id": None, "digest": None, "new": False}
            counts = dict.fromkeys(_COUNTS, 0)
            if ids:
                found = collection.add(books, name, ids, said)
                members = collection.members(books, {**found, "name": name})
                counts = collection.counted(members)
        keys = {key: found[key] for key in ("digest", "new")}
        return {"catalog": opened.location, "id": found["id"], "name": name, **keys, **counts}


def _refuse_retired(retired: Mapping[str, Row]) -> None:
    if not retired:
        return
    first = next(iter(retired.items()))
    more = f", and {len(retired) - 1} more are" if len(retired) > 1 else ""
    raise InputError(
        f"{lifecycle.said_of(*first)}{more}",
        hint="`status != 'retired'` leaves them out, --with-retired takes them as they are",
    )


def list_collections(*, catalog: str | None = None) -> list[Row]:
    """List the collections in the books.

    Parameters
    ----------
    catalog
        Path or URL of the catalog.

    Returns
    -------
    list of dict
        Oldest first: ``id``, ``name``, ``created``, ``who``, ``note``, ``digest``, and the counts
        ``samples``, ``files``, ``events``.

    Raises
    ------
    InputError
        If there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        rows = collection.listed(books)
    return [{key: row[key] for key in (*_HEADER, *_COUNTS)} for row in rows]


def show_collection(name: str, *, catalog: str | None = None) -> Row:
    """Return a collection, and what has changed since.

    Parameters
    ----------
    name
        Its name, or the beginning of its id.
    catalog
        Path or URL of the catalog.

    Returns
    -------
    dict
        ``id``, ``name``, ``created``, ``who``, ``note``, ``digest``; ``events``; ``samples``, each
        with ``id``, ``status``, ``n_events``, ``files`` (a count) as they were; ``intact``, whether
        nothing has changed since; ``added`` files, with ``sample``, ``sha256``, ``path``; ``lost``
        ones, with a ``reason``: no longer in the books, or not where they are to be; ``retired``
        samples, with ``id``, ``at``, ``who``, ``why`` and whether that was ``since``; ``gone``, ids
        that the books do not have.

    Raises
    ------
    InputError
        If there is no such collection, several have that name, or there is no catalog.
    WorkError
        If somebody edited it.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        row = collection.find(books, name)
        members = collection.members(books, row)
        since = _since(books, {entry["sample_id"]: entry for entry in members})
    changed = any((since["added"], since["lost"], since["gone"]))
    return {
        **{key: row[key] for key in _HEADER},
        "events": collection.counted(members)["events"],
        "intact": not changed and not any(entry["since"] for entry in since["retired"]),
        "samples": [
            {
                "id": entry["sample_id"],
                "status": entry["status"],
                "n_events": entry["events"],
                "files": len(entry["files"]),
            }
            for entry in members
        ],
        **since,
    }


def _since(books: Reader, members: Mapping[str, Row]) -> Row:
    """Return what has changed since a collection was made."""
    there = {row["id"] for row in rows_among(books, "samples", "id", members)}
    retired = lifecycle.retirements(books, list(members))
    added: list[Row] = []
    lost: list[Row] = []
    for identity, rows in collection.files_of(books, list(members)).items():
        before = set(members[identity]["files"])
        for row in rows:
            path = books.root_path(row["storage"]) / row["path"] if row["path"] else None
            told = {"sample": identity, "sha256": row["sha256"], "path": str(path or row["lpn"])}
            if row["sha256"] not in before:
                added.append(told)
            elif path is not None and not files.is_in_place(path, row["size"]):
                lost.append({**told, "reason": "it is not there as it was"})
        for digest in sorted(before - {row["sha256"] for row in rows}):
            told = {"sample": identity, "sha256": digest, "path": None}
            lost.append({**told, "reason": "it is no longer in the books"})
    return {
        "added": added,
        "lost": lost,
        "retired": [
            {"id": identity, **retired[identity],
             "since": members[identity]["status"] != files.RETIRED}
            for identity in members if identity in retired
        ],
        "gone": [identity for identity in members if identity not in there],
    }  # fmt: skip
