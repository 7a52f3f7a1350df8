"""The rows of a search: samples, points, or what is nearest to some values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, repeat
from math import isfinite
from operator import itemgetter
from typing import Any

from mcbook.catalog.names import FIELDS, LISTS, OF_POINTS, check_name, list_sql
from mcbook.catalog.query import Clause, Search
from mcbook.catalog.writer import as_object
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import parse

_CHUNK = 2000

NEAREST = 5
"""How many of the nearest samples are shown unless more are asked for."""

SAMPLE_COLUMNS = (
    "id",
    "model",
    "process",
    "generator",
    "parameters",
    "derived",
    "points",
    "n_events",
    "status",
    "directory",
    "created",
)
POINT_COLUMNS = (
    "id",
    "model",
    "process",
    "generator",
    "parameters",
    "derived",
    "factor",
    "cross_section_fb",
    "branching_fraction",
    "wide",
    "n_events",
    "status",
    "directory",
    "created",
)

Row = dict[str, Any]
Cells = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Output:
    """One entry of a row: the SQL that it is made from, and how; None takes the value as it is.

    `make` takes the cells of many rows, and gives an entry for each.
    """

    name: str
    sql: Sequence[str]
    make: Callable[[list[Cells]], Iterable[Any]] | None = None

    def taken(self, rows: Sequence[Cells], start: int) -> Iterable[Any]:
        """Return the entry for each row of the database, its values beginning at *start*."""
        if self.make is None:
            return map(itemgetter(start), rows)
        return self.make(list(map(itemgetter(slice(start, start + len(self.sql))), rows)))


@dataclass(frozen=True, slots=True)
class _Source:
    """Where rows come from, and in which order."""

    tables: str
    where: Clause
    order: Sequence[str]
    limit: int | None


def find(
    search: Search,
    *,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    limit: int | None = None,
    points: bool = False,
) -> Iterator[Row]:
    """Return the samples that match, or the points, one after the other as they are read.

    Parameters
    ----------
    search
        What is looked for.
    columns
        Entries of the rows: any of `SAMPLE_COLUMNS` (`POINT_COLUMNS` with *points*), columns of the
        sample, parameters, derived quantities, constants, ``tags``, ``collections``. The ``id`` is
        always there.
    sort
        Names, separated by commas; ``-`` before one for falling order. Rows that do not have it
        come last. Samples of one model follow their parameters otherwise, several models their
        names and processes; equals follow their ids.
    limit
        At most so many rows.
    points
        One row per point, with its own parameters and derived quantities.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    outputs = _Rows(search, points=points).outputs(columns)
    order = [*_order(search, sort, points=points), *(["p.id"] if points else [])]
    where = search.matching(points=points)
    tables = search.tables()
    if points:
        tables += " JOIN points AS p ON p.sample_id = s.id"
    return _rows(search, outputs, _Source(tables, where, order, limit))


def find_near(
    search: Search,
    target: Mapping[str, float],
    *,
    columns: Sequence[str] | None = None,
    limit: int = NEAREST,
    points: bool = False,
) -> Iterator[Row]:
    """Return the samples or the points that are nearest to some values, the nearest first.

    The distance is the root of the sum of squares of relative differences: of logarithms where a
    value is positive, else of (x - t) / (abs(x) + abs(t)). It is taken at points, the nearest of a
    sample standing for it, or at the sample itself where all names shape the events; ``distance``
    is in the rows.

    Parameters
    ----------
    search
        Where to look.
    target
        Parameters or derived quantities, at least one.
    columns
        Entries of the rows besides the ``id`` and the ``distance``.
    limit
        At most so many rows.
    points
        One row per point.

    Raises
    ------
    InputError
        If a name is unknown or no number.
    """
    for name, value in target.items():
        check_name(name, search.known)
        if name in FIELDS:
            raise InputError(f"{name} has no distance", hint="name parameters, as in m_zp=2.1")
        if not isfinite(value):
            raise InputError(f"nothing is near to {name} = {value}")
    at_samples = search.is_of_samples(target) and not points
    place = search.at_sample if at_samples else search.at_point
    distance = parse(" + ".join(_square(name, value) for name, value in target.items()))
    squared = distance.to_sql(place, search.dialect, prefix="d")
    where = search.matching(points=not at_samples)
    values = {**where.values, **squared.parameters}
    joined = "" if at_samples else " JOIN points AS p ON p.sample_id = s.id"
    inner = (
        f"SELECT {'p' if points else 's'}.id AS id, {squared.text} AS d"  # noqa: S608
        f" FROM {search.tables()}{joined} WHERE {where.sql}"
    )
    others = None if columns is None else ["id", *(name for name in columns if name != "distance")]
    outputs = [
        *_Rows(search, points=points).outputs(others),
        _Output("distance", ["near.d"], partial(map, lambda cells: float(cells[0]) ** 0.5)),
    ]
    order = ["near.d", *_usual_order(search), *(["p.id"] if points else [])]
    tables = _NEAR_POINTS if points else _NEAR_SAMPLES
    source = _Source(tables.format(inner), Clause("d IS NOT NULL", values), order, limit)
    return _rows(search, outputs, source)


_NEAR_SAMPLES = (
    "(SELECT id, MIN(d) AS d FROM ({}) AS found WHERE d IS NOT NULL GROUP BY id) AS near"
    " JOIN samples AS s ON s.id = near.id"
)
_NEAR_POINTS = (
    "({}) AS near JOIN points AS p ON p.id = near.id JOIN samples AS s ON s.id = p.sample_id"
)


def _square(name: str, value: float) -> str:
    """Return the squared distance in one quantity as an expression, undefined where it has none."""
    if value > 0:
        return f"log({name} / {value!r})**2"
    if value == 0:
        return f"where({name} == 0, 0, 1)"
    return f"(({name} + {-value!r}) / (abs({name}) + {-value!r}))**2"


def _rows(search: Search, outputs: Sequence[_Output], source: _Source) -> Iterator[Row]:
    cells = [cell for output in outputs for cell in output.sql]
    statement = (
        f"SELECT {', '.join(cells)} FROM {source.tables} WHERE {source.where.sql}"  # noqa: S608
        f" ORDER BY {', '.join(source.order)}"
    )
    if source.limit is not None:
        statement += f" LIMIT {source.limit:d}"
    names = tuple(output.name for output in outputs)
    starts = list(accumulate((len(output.sql) for output in outputs), initial=0))
    with search.books.selecting(statement, source.where.values) as cursor:
        while rows := cursor.fetchmany(_CHUNK):
            entries = (output.taken(rows, i) for output, i in zip(outputs, starts, strict=False))
            yield from map(dict, map(zip, repeat(names), zip(*entries, strict=True)))


def _usual_order(search: Search) -> Iterator[str]:
    """Yield what samples are sorted by in the end; the index of a model has the same order."""
    on_server = search.dialect == "postgresql"
    if len(search.candidates) == 1:
        for name in search.parameters:
            yield search.at_sample(name).sql + " NULLS FIRST" * on_server
    else:
        yield from ("s.model", "s.process")
    yield 's.id COLLATE "C"' if on_server else "s.id"


def _order(search: Search, sort: str | None, *, points: bool) -> Iterator[str]:
    for entry in (sort or "").split(","):
        name = entry.strip().removeprefix("-")
        if not name:
            continue
        check_name(name, search.known)
        found = search.at_point(name) if points else search.at_sample(name)
        if found.kind == "texts":
            raise InputError(f"{name} has no order: a sample may have several, or none")
        column = found.sql
        yield f"({column}) IS NULL"
        if found.kind != "number" and search.dialect == "postgresql":
            column += ' COLLATE "C"'
        yield f"{column} DESC" if entry.strip().startswith("-") else column
    yield from _usual_order(search)


class _Rows:
    """What the entries of a row are made from."""

    def __init__(self, search: Search, *, points: bool) -> None:
        self.search = search
        self.points = points
        self.table = "p" if points else "s"
        self.known = POINT_COLUMNS if points else SAMPLE_COLUMNS

    def outputs(self, columns: Sequence[str] | None) -> list[_Output]:
        """Return the entries of a row that has these columns."""
        return [self.output(name) for name in dict.fromkeys(["id", *(columns or self.known)])]

    def output(self, name: str) -> _Output:
        """Return one entry.

        Raises
        ------
        InputError
            If there is nothing of that name.
        """
        if name in {"parameters", "derived"}:
            return self._object(name)
        if name == "directory":
            roots = {root: str(path) for root, path in self.search.books.roots().items()}
            return _Output(
                name, ["s.storage", "s.directory"], partial(map, partial(_directory, roots))
            )
        if name == "wide" and self.points:
            return _Output(name, ["p.wide"], partial(map, _listed))
        if name in LISTS:
            cell = list_sql(LISTS[name], self.search.dialect)
            return _Output(name, [cell], partial(map, _sorted))
        if name in FIELDS and FIELDS[name].kind != "texts":
            return _Output(name, [FIELDS[name].sql])
        models = self.search.known
        is_none = name not in OF_POINTS and not any(name in model for model in models)
        if is_none or name in FIELDS:
            columns = (n for n, column in FIELDS.items() if column.kind != "texts")
            names = set(self.known).union(columns, LISTS, *(model.all for model in models))
            hint = "it comes with --near" if name == "distance" else did_you_mean(name, names)
            raise InputError(f"there is no column {name!r}", hint=hint)
        column = self.search.at_point(name) if self.points else self.search.at_sample(name)
        return _Output(name, [column.sql], partial(map, _number))

    def _object(self, name: str) -> _Output:
        columns = self.search.columns
        if name == "parameters" and not self.points and self.search.has_all_columns:
            cells = [f's."{column}"' for column in columns.values()]
            return _Output(name, cells, partial(_objects, tuple(columns)))
        return _Output(name, [f"{self.table}.{name}"], partial(map, _numbers))


def _directory(roots: Mapping[str, str], cells: Cells) -> str:
    return f"{roots[cells[0]]}/{cells[1]}"


def _listed(cells: Cells) -> Any:
    return as_object(cells[0] or [])


def _sorted(cells: Cells) -> list[str]:
    return sorted(as_object(cells[0] or []))


def _number(cells: Cells) -> float | None:
    return None if cells[0] is None else float(cells[0])


def _numbers(cells: Cells) -> dict[str, float | None]:
    """Return numbers by name; a database may give whole ones as integers."""
    return {
        name: float(value) if isinstance(value, int) else value
        for name, value in as_object(cells[0]).items()
    }


def _objects(names: tuple[str, ...], cells: list[Cells]) -> Iterable[dict[str, float]]:
    """Return numbers by name for each row, without those that are absent."""
    found = map(dict, map(zip, repeat(names), cells))
    if not any(map(tuple.__contains__, cells, repeat(None))):
        return found
    return ({name: x for name, x in entry.items() if x is not None} for entry in found)
