"""Results in the books: keep one, list them, and say on what a limit rests."""

from collections.abc import Iterable, Mapping
from typing import Any

from mcbook.catalog import cutflows, efficiencies, results, unblindings
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.result import Result, is_intact
from mcbook.catalog.store import catalog_exists, open_catalog
from mcbook.catalog.writer import Reader
from mcbook.verbs.show import describe

Row = dict[str, Any]

HEADER = ("id", "name", "kind", "model", "frozen", "cl", "method", "created", "who")
"""What a result is told by wherever one is named."""

_OF_SAMPLE = (
    "id", "model", "process", "generator", "parameters", "status", "n_events", "directory", "cards",
)  # fmt: skip


def keep(
    result: Result,
    *,
    catalog: str | None = None,
    unblinding: str | None = None,
    create: bool = True,
) -> dict[str, Any]:
    """Put a result into the books; the same result again changes nothing.

    Parameters
    ----------
    result
        What came out.
    catalog
        Path or URL of the catalog.
    unblinding
        Id of the look into the closed box that it took (`mcbook.verbs.unblind.open_box`).
    create
        Whether a catalog is made where there is none; without it, such a result is not kept.

    Returns
    -------
    dict
        ``id``; ``catalog``, null where it was not kept; ``new``.

    Raises
    ------
    InputError
        If the catalog cannot be opened, or the result is none.
    WorkError
        If the books cannot be written.
    """
    if not create and not catalog_exists(catalog):
        return {"id": result.id, "catalog": None, "new": False}
    with open_catalog(catalog, mode="write") as opened:
        with opened.writing() as books:
            is_new = results.add(books, result, unblinding=unblinding)
        return {"id": result.id, "catalog": opened.location, "new": is_new}


def list_results(*, catalog: str | None = None) -> dict[str, list[Row]]:
    """List the results in the books, and who opened which closed box, when and why.

    Parameters
    ----------
    catalog
        Path or URL of the catalog.

    Returns
    -------
    dict
        ``results``, oldest first: ``id``, ``name``, ``kind``, ``model``, ``frozen``, ``cl``,
        ``method``, ``created``, ``who``, ``n_points``, ``unblinding``; and ``unblindings``: ``id``,
        ``analysis``, ``frozen``, ``at``, ``who``, ``why``, ``files``, ``changed``, whether the box
        was opened before with another analysis, and ``intact``, whether the row is as it was
        written.

    Raises
    ------
    InputError
        If there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        return {
            "results": [
                {key: row[key] for key in (*HEADER, "n_points", "unblinding")}
                for row in results.listed(books)
            ],
            "unblindings": [
                {
                    **look,
                    "changed": _was_changed(books, look),
                    "intact": unblindings.identity_of(look) == look["id"],
                }
                for look in unblindings.listed(books)
            ],
        }


def _was_changed(books: Reader, look: Row) -> bool:
    """Return whether the box had been opened before this look, with another analysis."""
    return any(
        other["changed"] and other["at"] < look["at"] for other in unblindings.related(books, look)
    )


def describe_result(books: Reader, prefix: str) -> Row:
    """Return a result with its points, its samples and the looks that it took.

    Raises
    ------
    InputError
        If no result or several results have that prefix.
    """
    row = results.find(books, prefix)
    points = results.points_of(books, row["id"])
    return {
        **_header(books, row),
        "intact": is_intact(row, points),
        "inputs": row["inputs"],
        "document": row["document"],
        "samples": _in_short(books, results.samples_of(books, row["id"])),
        "points": [_point(point) for point in points],
    }


def describe_point(books: Reader, prefix: str, number: int) -> Row:
    """Return one hypothesis of a result with its limits, and the samples under it with cards.

    Raises
    ------
    InputError
        If there is no such result, or it has no such hypothesis.
    """
    row = results.find(books, prefix)
    (point,) = results.points_of(books, row["id"], number)
    return {
        "result": {**_header(books, row), "inputs": row["inputs"]},
        "point": _point(point),
        "samples": list(_with_cards(books, point["samples"])),
    }


def resting_on(books: Reader, sample_id: str) -> list[Row]:
    """Return the results that rest on a sample, each with those of its points that do."""
    return [
        {**_header(books, row), "points": [_point(point) for point in row["points"]]}
        for row in results.resting_on(books, sample_id)
    ]


def reading_file(books: Reader, digest: str) -> list[Row]:
    """Return the results that a file with this SHA-256 went into, also through the books' maps."""
    digests = (digest, *efficiencies.made_of(books, digest))
    return [_header(books, row) for row in results.reading_file(books, *digests)]


def describe_map(books: Reader, prefix: str) -> Row:
    """Return an efficiency map with its rows, its samples, and the results that rest on it.

    Raises
    ------
    InputError
        If no map or several maps have that prefix.
    """
    row = efficiencies.find(books, prefix)
    rows = efficiencies.rows_of(books, row)
    return {
        "map": {**{key: row[key] for key in efficiencies.HEADER}, "rows": rows},
        "samples": _in_short(books, dict.fromkeys(entry["sample_id"] for entry in rows)),
        "cutflows": [_of_cutflow(one) for one in cutflows.giving(books, row["sha256"])],
        "results": [_header(books, found) for found in results.reading_file(books, row["digest"])],
    }


def describe_cutflow(books: Reader, prefix: str) -> Row:
    """Return a cutflow with its rows, its samples, the maps of its efficiencies, and the results.

    Raises
    ------
    InputError
        If no cutflow or several cutflows have that prefix.
    """
    row = cutflows.find(books, prefix)
    rows = cutflows.rows_of(books, row)
    told = str(row["document"].get("efficiency"))
    ids = [found for _, found in books.named("efficiency_maps", "id", [told], key="sha256")]
    maps = [efficiencies.find(books, identity) for identity in sorted(ids)]
    resting = results.reading_file(books, told, *(found["digest"] for found in maps))
    return {
        "cutflow": {**{key: row[key] for key in cutflows.HEADER}, "rows": rows},
        "samples": _in_short(books, dict.fromkeys(entry["sample_id"] for entry in rows)),
        "maps": [{key: found[key] for key in efficiencies.HEADER} for found in maps],
        "results": [_header(books, found) for found in resting],
    }


def cutflows_of_file(books: Reader, digest: str | None) -> list[Row]:
    """Return the cutflows that an ntuple with this SHA-256 went into."""
    return [_of_cutflow(row) for row in cutflows.reading_file(books, digest)] if digest else []


def _of_cutflow(row: Mapping[str, Any]) -> Row:
    return {key: row[key] for key in cutflows.HEADER if key != "document"}


def _header(books: Reader, row: Mapping[str, Any]) -> Row:
    """Return what a result is told by; ``unblindings`` are all looks into its box."""
    looks = unblindings.listed(books, frozen=row["frozen"])
    return {
        **{key: row[key] for key in HEADER},
        "unblinding": row["unblinding"],
        "unblindings": [
            {key: look[key] for key in ("id", "at", "who", "why", "files")} for look in looks
        ],
    }


def _point(row: Mapping[str, Any]) -> Row:
    return {
        "id": f"{row['result_id']}:{row['number']}",
        **{key: row[key] for key in ("number", "hypothesis", "parameters", "limits", "samples")},
        "simulations": row["simulations"] or [],
    }


def _in_short(books: Reader, ids: Iterable[str]) -> list[Row]:
    """Return samples with process and parameters; one that is in other books says so."""
    wanted = list(ids)
    there = {
        row["id"]: row
        for row in stored_rows(books, "samples", table_of("samples").c.id.in_(wanted))
    }
    keys = ("model", "process", "generator", "parameters", "status")
    return [
        {"id": name, **{key: there[name][key] for key in keys}}
        if name in there
        else {"id": name, "reason": NOT_HERE}
        for name in wanted
    ]


NOT_HERE = "not in these books"


def _with_cards(books: Reader, ids: Iterable[str]) -> Iterable[Row]:
    """Yield samples with where they lie and their cards."""
    for name in ids:
        found = list(stored_rows(books, "samples", table_of("samples").c.id == name))
        if not found:
            yield {"id": name, "reason": NOT_HERE}
            continue
        shown = describe(books, found[0])
        yield {key: shown[key] for key in _OF_SAMPLE}
