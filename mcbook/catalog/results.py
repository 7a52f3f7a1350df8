"""Results in the books: limits, the hypotheses that they are for, and the samples under them.

A result is its inputs, its settings and its numbers: its id is a hash of them, so that the same
calculation again is the same result, and a number in a file can be followed back by the id beside
it. ``r-0123456789ab:7`` is its seventh hypothesis, in the order of the rows of ``limits.csv``.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mcbook.catalog.json_text import JsonText, as_json
from mcbook.catalog.result import (
    KINDS,
    LimitPoint,
    Result,
    check_digest,
    file_list,
    samples_under,
)
from mcbook.catalog.rows import LimitPointRow, ResultRow, ResultSampleRow
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import InputError, WorkError

Row = dict[str, Any]

REFERENCE = re.compile(r"(r-[0-9a-f]*)(?:[:/]([0-9]+))?")
"""A result by the beginning of its id, with the number of a hypothesis behind it or without."""

_MAX_LISTED = 5


def add(books: Writer, result: Result, *, unblinding: str | None = None) -> bool:
    """Add a result with all of its points; the same result again changes nothing.

    Parameters
    ----------
    books
        The books, in one transaction.
    result
        What came out.
    unblinding
        Id of the look into the closed box that it took; None where none was needed.

    Returns
    -------
    bool
        Whether it is new.

    Raises
    ------
    InputError
        If a parameter is not finite, or the level or the digest is none.
    WorkError
        If another result has the same id; if an analysis has observed limits without a look; if
        *unblinding* is not in the books, or was a look into another analysis.
    """
    _check(result)
    _check_box(books, result, unblinding)
    there = dict(books.named("results", "digest", [result.id]))
    if there:
        if there[result.id] != result.digest:
            raise WorkError(f"the id {result.id} stands for two different results")
        return False
    books.insert("results", [_result_row(result, unblinding)])
    books.insert("limit_points", _point_rows(result))
    samples = sorted({name for point in result.points for name in samples_under(point)})
    books.insert("result_samples", [ResultSampleRow(result.id, name) for name in samples])
    return True


def _check(result: Result) -> None:
    if not 0 < result.cl < 1:
        raise InputError(f"the level of a result lies between 0 and 1, not at {result.cl!r}")
    if result.kind not in KINDS:
        raise InputError(f"a result is of {', '.join(KINDS)}, not of {result.kind!r}")
    for digest in (result.frozen, *result.inputs.values()):
        check_digest(digest)


def _check_box(books: Reader, result: Result, unblinding: str | None) -> None:
    """Refuse observed limits of an analysis without a look into its box that is recorded."""
    if unblinding is not None:
        frozen = dict(books.named("unblindings", "frozen", [unblinding])).get(unblinding)
        if frozen != result.frozen:
            raise WorkError(f"the look {unblinding} is none into this analysis")
    elif result.kind == "analysis" and any(_is_observed(p.limits) for p in result.points):
        raise WorkError("the books take no observed limits of an analysis whose box is closed")


def _is_observed(value: Any) -> bool:
    """Return whether JSON holds, however deep, an ``observed`` that is a number."""
    if isinstance(value, Mapping):
        return any(
            (name == "observed" and entry is not None and not _is_nan(entry)) or _is_observed(entry)
            for name, entry in value.items()
        )
    return isinstance(value, list | tuple) and any(map(_is_observed, value))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _result_row(result: Result, unblinding: str | None) -> ResultRow:
    return ResultRow(
        id=result.id,
        digest=result.digest,
        name=result.name,
        kind=result.kind,
        model=result.model,
        frozen=result.frozen,
        cl=result.cl,
        method=result.method,
        created=now(),
        who=user(),
        inputs=as_json(file_list(result.inputs)),
        document=_json(result.document),
        unblinding=unblinding,
    )


def _point_rows(result: Result) -> Iterable[LimitPointRow]:
    for number, point in enumerate(result.points, 1):
        yield LimitPointRow(
            result.id,
            number,
            point.hypothesis,
            _parameters(point),
            _json(point.limits),
            as_json(list(samples_under(point))),
            as_json(list(point.simulations)) if point.simulations else None,
        )


def _parameters(point: LimitPoint) -> JsonText:
    try:
        return as_json({name: float(value) for name, value in point.parameters.items()})
    except InputError as error:
        raise InputError(f"hypothesis {point.hypothesis}: {error.message}") from error


def _json(value: Any) -> JsonText:
    """Return JSON text with null for numbers that are not finite."""
    try:
        return as_json(value)
    except (InputError, TypeError):
        return as_json(_finite(value))


def _finite(value: Any) -> Any:
    """Return JSON with null for numbers that are not finite, and without numpy's own types."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def split(text: str) -> tuple[str, int | None] | None:
    """Return the beginning of an id and the number of a hypothesis; None where it is neither.

    Examples
    --------
    >>> split("r-0123456789ab:7")
    ('r-0123456789ab', 7)
    >>> split("zprime-0123456789ab")
    """
    found = REFERENCE.fullmatch(text)
    return (found[1], int(found[2]) if found[2] else None) if found else None


def find(books: Reader, prefix: str) -> Row:
    """Return the only result whose id begins with *prefix*, without its points.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    from mcbook.catalog.dump import ids_beginning, stored_rows, table_of  # slow to import

    found = ids_beginning(books, "results", prefix, _MAX_LISTED + 1)
    if not found:
        raise InputError(
            f"no result in the books has an id that begins with {prefix!r}",
            hint="`mcbook catalog results` lists them; --catalog names other books",
        )
    if len(found) > 1:
        raise InputError(
            f"several results have an id that begins with {prefix!r}",
            hint=", ".join(found[:_MAX_LISTED]) + " and more" * (len(found) > _MAX_LISTED),
        )
    return next(iter(stored_rows(books, "results", table_of("results").c.id == found[0])))


def listed(books: Reader, *, frozen: str | None = None) -> list[Row]:
    """Return all results, or those of one frozen analysis, oldest first, with ``n_points``."""
    from sqlalchemy import func, select

    from mcbook.catalog.dump import stored_rows, table_of

    results, points = table_of("results"), table_of("limit_points")
    counted = select(points.c.result_id, func.count()).group_by(points.c.result_id)
    counts: dict[str, int] = {row[0]: row[1] for row in books.connection.execute(counted)}
    conditions = [results.c.frozen == frozen] if frozen else []
    rows = [
        {**row, "n_points": counts.get(row["id"], 0)}
        for row in stored_rows(books, "results", *conditions)
    ]
    return sorted(rows, key=lambda row: (row["created"], row["id"]))


def points_of(books: Reader, result_id: str, number: int | None = None) -> list[Row]:
    """Return the points of a result, in order; only the one of a *number* where it is given.

    Raises
    ------
    InputError
        If the result has no point of that number.
    """
    from mcbook.catalog.dump import stored_rows, table_of

    columns = table_of("limit_points").c
    conditions = [columns.result_id == result_id]
    if number is None:
        return list(stored_rows(books, "limit_points", *conditions))
    found = list(stored_rows(books, "limit_points", *conditions, columns.number == number))
    if not found:
        last = len(points_of(books, result_id))
        raise InputError(
            f"the result {result_id} has no hypothesis {number}", hint=f"they go from 1 to {last}"
        )
    return found


def samples_of(books: Reader, result_id: str) -> list[str]:
    """Return the ids of all samples under a result, sorted; some may be in other books."""
    rows = books.named("result_samples", "sample_id", [result_id], key="result_id")
    return sorted(sample for _, sample in rows)


def resting_on(books: Reader, sample_id: str) -> list[Row]:
    """Return the results that rest on a sample, oldest first, each with ``points`` that do."""
    rows = books.named("result_samples", "result_id", [sample_id], key="sample_id")
    ids = {result_id for _, result_id in rows}
    return [
        {**row, "points": [p for p in points_of(books, row["id"]) if sample_id in p["samples"]]}
        for row in (listed(books) if ids else [])
        if row["id"] in ids
    ]


def reading_file(books: Reader, *digests: str) -> list[Row]:
    """Return the results that a file with one of these SHA-256 went into, oldest first."""
    return [
        row
        for row in listed(books)
        if row["frozen"] in digests or any(entry["sha256"] in digests for entry in row["inputs"])
    ]
