"""Efficiency maps in the books: what a selection keeps of each sample, region by region.

A map is its name and its rows: its id is a hash of them, so that the same rows again are the same
map. Where a row lies follows from its sample, whose parameters and derived quantities are in the
books; only what the sample does not know is stored with the row.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256 as hash_function
from typing import Any

from mcbook.catalog.result import canonical, check_digest
from mcbook.catalog.rows import EfficiencyMapRow, make_row
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import InputError, WorkError, did_you_mean

Row = dict[str, Any]

REFERENCE = re.compile(r"e-[0-9a-f]*")
"""A map by the beginning of its id."""

HEADER = ("id", "name", "created", "who", "sha256")
"""What a map is told by wherever one is named."""

COLUMNS = (
    "sample_id", "simulation_id", "region", "n_generated", "n_selected",
    "sumw_generated", "sumw", "sumw2", "axes",
)  # fmt: skip
"""What a row says."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_COUNTS = ("n_generated", "n_selected")
_ID_DIGITS = 12
_MAX_LISTED = 5


def digest_of(name: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a map, 64 hex digits.

    The order of the rows does not count, sums of weights count to nine digits.
    """
    cells = [
        [str(row[key]) if key in _COUNTS else row[key] for key in COLUMNS] for row in in_order(rows)
    ]
    text = canonical({"schema": 1, "name": name, "rows": cells})
    return hash_function(text.encode("ascii")).hexdigest()


def in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rows sorted by region, sample, simulation and stored axes."""
    return sorted(rows, key=_place)


def _place(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["region"], row["sample_id"], row["simulation_id"] or "", canonical(row["axes"]))


def add(books: Writer, *, name: str, sha256: str, rows: Sequence[Mapping[str, Any]]) -> Row:
    """Add a map; the same rows under the same name again change nothing.

    Parameters
    ----------
    books
        The books, in one transaction.
    name
        What people call the map: letters, digits and ``_ . + -``.
    sha256
        SHA-256 of the file that the rows are from.
    rows
        Each with `COLUMNS`, counts and weights checked; ``axes`` maps names to numbers.

    Returns
    -------
    dict
        ``id``, ``name``, ``digest``, and whether it is ``new``.

    Raises
    ------
    InputError
        If the name is none, or another map has it.
    WorkError
        If another map has the same id, or a sample is not in the books.
    """
    check_digest(sha256)
    check_name(name)
    digest = digest_of(name, rows)
    identity = _identity(digest)
    found = {"id": identity, "name": name, "digest": digest}
    there = dict(books.named("efficiency_maps", "digest", [identity]))
    if there:
        if there[identity] != digest:
            raise WorkError(f"the id {identity} stands for two different efficiency maps")
        return {**found, "new": False}
    check_free(books, name, digest)
    books.insert(
        "efficiency_maps", [EfficiencyMapRow(identity, digest, name, now(), user(), sha256)]
    )
    stored = [
        make_row("efficiency_rows", {"map_id": identity, "number": number, **row})
        for number, row in enumerate(in_order(rows), 1)
    ]
    books.insert("efficiency_rows", stored)
    return {**found, "new": True}


def _identity(digest: str) -> str:
    return f"e-{digest[:_ID_DIGITS]}"


def check_free(books: Reader, name: str, digest: str) -> None:
    """Refuse the name of a map that has other rows than those of a digest.

    Raises
    ------
    InputError
        If there is one.
    """
    others = [one for _, one in books.named("efficiency_maps", "id", [name], key="name")]
    if others and _identity(digest) not in others:
        raise InputError(
            f"the name {name} is that of the map {others[0]}, which has other rows",
            hint="give this one another name: an analysis that names a map must find the same one",
        )


def check_name(name: str) -> None:
    """Refuse what is no name of a map.

    Raises
    ------
    InputError
        If it has other letters, or looks like an id.
    """
    if not _NAME.fullmatch(name) or REFERENCE.fullmatch(name):
        raise InputError(
            f"{name!r} is no name of an efficiency map",
            hint="letters, digits and _ . + -, and not like an id: as in recoil-v1",
        )


def find(books: Reader, name_or_id: str) -> Row:
    """Return the only map of a name, or whose id begins so, without its rows.

    Raises
    ------
    InputError
        If there is none, or several: merged books may have two of one name.
    """
    from mcbook.catalog.dump import ids_beginning, stored_rows, table_of  # slow to import

    ids = [found for _, found in books.named("efficiency_maps", "id", [name_or_id], key="name")]
    if not ids and REFERENCE.fullmatch(name_or_id):
        ids = ids_beginning(books, "efficiency_maps", name_or_id, _MAX_LISTED + 1)
    if not ids:
        names = [row["name"] for row in stored_rows(books, "efficiency_maps")]
        raise InputError(
            f"there is no efficiency map {name_or_id!r} in the books",
            hint=did_you_mean(name_or_id, names) or "`mcbook efficiency list` lists them",
        )
    if len(ids) > 1:
        raise InputError(
            f"several efficiency maps in the books are called {name_or_id!r}",
            hint=", ".join(sorted(ids)[:_MAX_LISTED]) + " and more" * (len(ids) > _MAX_LISTED),
        )
    return next(
        iter(stored_rows(books, "efficiency_maps", table_of("efficiency_maps").c.id == ids[0]))
    )


def rows_of(books: Reader, row: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a map, each with `COLUMNS`, in order.

    Raises
    ------
    WorkError
        If they are not those that its id is a hash of.
    """
    from mcbook.catalog.dump import stored_rows, table_of

    mine = table_of("efficiency_rows").c.map_id == row["id"]
    found = [
        {key: entry[key] for key in COLUMNS}
        for entry in stored_rows(books, "efficiency_rows", mine)
    ]
    if digest_of(row["name"], found) != row["digest"]:
        raise WorkError(
            f"the efficiency map {row['id']} is not as it was recorded: somebody edited it"
        )
    return found


def listed(books: Reader) -> list[Row]:
    """Return all maps, oldest first, with ``n_rows``, ``n_samples``, ``regions`` and ``axes``."""
    from sqlalchemy import func, select

    from mcbook.catalog.dump import stored_rows, table_of

    columns = table_of("efficiency_rows").c
    counted = select(
        columns.map_id, func.count(), func.count(columns.sample_id.distinct())
    ).group_by(columns.map_id)
    counts = {row[0]: row[1:] for row in books.connection.execute(counted)}
    regions: dict[str, list[str]] = {}
    for identity, region in books.connection.execute(
        select(columns.map_id, columns.region).distinct()
    ):
        regions.setdefault(identity, []).append(region)
    axes = {row["map_id"]: list(row["axes"])
            for row in stored_rows(books, "efficiency_rows", columns.number == 1)}  # fmt: skip
    rows = [
        {
            **row,
            "n_rows": int(counts[row["id"]][0]),
            "n_samples": int(counts[row["id"]][1]),
            "regions": sorted(regions[row["id"]]),
            "axes": sorted(axes[row["id"]]),
        }
        for row in stored_rows(books, "efficiency_maps")
    ]
    return sorted(rows, key=lambda row: (row["created"], row["id"]))


def made_of(books: Reader, sha256: str) -> list[str]:
    """Return the digests of the maps that came from a file with this SHA-256."""
    return [found for _, found in books.named("efficiency_maps", "digest", [sha256], key="sha256")]
