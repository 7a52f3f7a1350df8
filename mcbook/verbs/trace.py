"""``mcbook trace``: from a file, an id or a seed back to the sample and its points."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.verbs.lookup import one_sample
from mcbook.verbs.show import describe

HEADER_BYTES = 1_000_000
"""How much of a file is searched for the id of a sample; generators print it near the top."""

_ID = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*-[0-9a-f]{12}(?![0-9a-f])")
_GZIP = b"\x1f\x8b"


def trace(what: str | Path, *, catalog: str | None = None) -> dict[str, Any]:
    """Follow a file or a number back to the sample and its points.

    Parameters
    ----------
    what
        A file below a samples folder; any other file that names a sample near its top, such as an
        LHE file; an id, or a prefix that only one sample has; the seed of a part.
    catalog
        Path or URL of the catalog.

    Returns
    -------
    dict
        ``what``; ``kind`` (card, shared file, file, sample, part); ``file`` with the recorded and
        the present SHA-256, where it is one; ``part``, where it is of one; and ``samples`` as
        `mcbook.show` gives them: one, or all that share the file, of which only the ids are given.

    Raises
    ------
    InputError
        If the file or number leads to no sample in the books.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        path = Path(what)
        if path.is_file() or (path.is_dir() and len(path.parts) > 1):
            return _trace_path(books, path)
        text = str(what)
        if text.isdigit() and (part := _part_of_seed(books, int(text))):
            return _found(books, text, "part", part["sample_id"], part=part["number"])
        sample = one_sample(books, text)
        return {"what": text, "kind": "sample", "sample": describe(books, sample)}


def _trace_path(books: Reader, path: Path) -> dict[str, Any]:
    real = path.resolve()
    for storage, root in books.roots().items():
        resolved = root.resolve()
        if real.is_relative_to(resolved):
            found = _in_root(books, storage, real.relative_to(resolved).as_posix(), real)
            if found:
                return {"what": str(path), **found}
    if real.is_file():
        for identity in _named_in(real):
            if _exists(books, identity):
                return _found(books, str(path), "file", identity)
    raise InputError(
        f"{path} leads to no sample in the books",
        hint="a file below a samples folder does, or one that names a sample near its top",
    )


def _in_root(books: Reader, storage: str, name: str, real: Path) -> dict[str, Any] | None:
    """Return what the books know about a path below a storage root."""
    shared = table_of("shared_files")
    rows = list(
        stored_rows(books, "shared_files", shared.c.storage == storage, shared.c.path == name)
    )
    if rows:
        samples = table_of("samples")
        definitions = [row["definition"] for row in rows]
        ids = select(samples.c.id).where(samples.c.definition.in_(definitions))
        return {
            "kind": "shared file",
            "file": _file(real, rows[0]["sha256"]),
            "definitions": definitions,
            "samples": list(books.connection.execute(ids.order_by(samples.c.id)).scalars()),
        }
    for part in _owners(books, "parts", storage, name):
        return _of_sample(books, part["sample_id"], part["number"], name, real)
    for sample in _owners(books, "samples", storage, name):
        return _of_sample(books, sample["id"], 0, name, real)
    return None


def _owners(books: Reader, table: str, storage: str, name: str) -> list[dict[str, Any]]:
    """Return the rows whose folder is at a path or above it."""
    columns = table_of(table).c
    parts = name.split("/")
    folders = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return list(
        stored_rows(books, table, columns.storage == storage, columns.directory.in_(folders))
    )


def _of_sample(books: Reader, identity: str, part: int, name: str, real: Path) -> dict[str, Any]:
    columns = table_of("cards").c
    rows = stored_rows(books, "cards", columns.sample_id == identity, columns.path == name)
    card: Mapping[str, Any] | None = next(iter(list(rows)), None)
    kind = "card" if card else "folder" if real.is_dir() else "file"
    found = _found(books, name, kind, identity, part=part or None)
    if real.is_file():
        found["file"] = _file(real, card["sha256"] if card else None)
    return {key: value for key, value in found.items() if key != "what"}


def _found(
    books: Reader, what: str, kind: str, identity: str, *, part: int | None = None
) -> dict[str, Any]:
    sample = describe(books, one_sample(books, identity))
    found: dict[str, Any] = {"what": what, "kind": kind, "sample": sample}
    if part is not None:
        found["part"] = next(row for row in sample["parts"] if row["number"] == part)
    return found


def _file(real: Path, recorded: str | None) -> dict[str, Any]:
    with real.open("rb") as handle:
        present = hashlib.file_digest(handle, "sha256").hexdigest()
    return {"path": str(real), "recorded_sha256": recorded, "sha256": present}


def _part_of_seed(books: Reader, seed: int) -> dict[str, Any] | None:
    return next(iter(list(stored_rows(books, "parts", table_of("parts").c.seed == seed))), None)


def _exists(books: Reader, identity: str) -> bool:
    column = table_of("samples").c.id
    return books.connection.execute(select(column).where(column == identity)).first() is not None


def _named_in(path: Path) -> list[str]:
    """Return what looks like the id of a sample near the top of a file, without repeats."""
    with path.open("rb") as handle:
        is_packed = handle.read(2) == _GZIP
    try:
        with gzip.open(path) if is_packed else path.open("rb") as handle:
            head = handle.read(HEADER_BYTES)
    except (OSError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return list(dict.fromkeys(found.decode() for found in _ID.findall(head)))
