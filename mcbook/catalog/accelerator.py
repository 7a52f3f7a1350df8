"""Indexes that make queries on the parameters of one signal model fast.

They belong to no schema: they can be dropped at any time, and `accelerate` makes them again. JSON
stays the record. On SQLite each parameter gets a virtual generated column, and each model one
partial index over all of them and the id, so that ids and parameters are read from the index alone;
on PostgreSQL an index over expressions does it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, inspect

from mcbook.catalog.json_text import hash_of

PREFIX = "acc_"


@lru_cache(maxsize=4096)
def column_name(parameter: str) -> str:
    """Return the name of the virtual column of a parameter.

    A part of a hash tells apart names that differ in case only, which SQL does not.
    """
    return f"{PREFIX}{parameter}_{hash_of(parameter)[:6]}"


def parameter_sql(table: str, parameter: str, dialect: str) -> str:
    """Return SQL for a parameter out of the JSON column of *table*."""
    return json_sql(f"{table}.parameters", parameter, dialect)


def json_sql(column: str, name: str, dialect: str) -> str:
    """Return SQL for the number *name* in a JSON *column*; NULL where there is none."""
    if dialect == "postgresql":
        return f"CAST({column} ->> {quoted(name)} AS double precision)"
    return f"json_extract({column}, {quoted('$.' + chr(34) + name + chr(34))})"


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def index_name(model: str, parameters: Sequence[str]) -> str:
    """Return the name of the index of a model over these parameters."""
    return f"{_index_prefix(model)}{hash_of(list(parameters))[:8]}"


def _index_prefix(model: str) -> str:
    return f"{PREFIX}{hash_of(model)[:8]}_"


@dataclass(frozen=True, slots=True)
class Index:
    """The index of a model on SQLite, and the virtual columns in it."""

    name: str
    columns: frozenset[str]


def index_of(connection: Connection, model: str) -> Index | None:
    """Return the index of a model; None where it has none that a query must know of.

    PostgreSQL finds its own by the expressions.
    """
    if connection.dialect.name != "sqlite":
        return None
    for name in _indexes(connection):
        if name.startswith(_index_prefix(model)):
            rows = connection.exec_driver_sql(f"PRAGMA index_info({quoted(name)})")
            return Index(name, frozenset(str(row[2]) for row in rows))
    return None


def is_accelerated(connection: Connection, model: str, parameters: Sequence[str]) -> bool:
    """Return whether a model has its index over exactly these parameters."""
    return index_name(model, parameters) in _indexes(connection)


def accelerate(connection: Connection, model: str, parameters: Sequence[str]) -> None:
    """Make the index of a model over its parameters, the ones most often asked for first.

    Must hold the write lock. Nothing happens where it is there already; one over other parameters
    is replaced.
    """
    wanted = index_name(model, parameters)
    for name in _indexes(connection):
        if name == wanted:
            return
        if name.startswith(_index_prefix(model)):
            connection.exec_driver_sql(f'DROP INDEX "{name}"')
    if connection.dialect.name == "postgresql":
        cells = [f"({parameter_sql('samples', name, 'postgresql')})" for name in parameters]
    else:
        _add_columns(connection, parameters)
        cells = [f'"{column_name(name)}"' for name in parameters] + ["id"]
    connection.exec_driver_sql(
        f'CREATE INDEX "{wanted}" ON samples ({", ".join(cells)}) WHERE model = {quoted(model)}'
    )


def drop(connection: Connection) -> None:
    """Remove all indexes and virtual columns that `accelerate` made. Must hold the write lock."""
    for name in _indexes(connection):
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    for name in _columns(connection):
        connection.exec_driver_sql(f'ALTER TABLE samples DROP COLUMN "{name}"')


def _add_columns(connection: Connection, parameters: Sequence[str]) -> None:
    there = _columns(connection)
    for parameter in parameters:
        name = column_name(parameter)
        if name not in there:
            value = json_sql("parameters", parameter, "sqlite")
            connection.exec_driver_sql(
                f'ALTER TABLE samples ADD COLUMN "{name}" REAL'
                f" GENERATED ALWAYS AS ({value}) VIRTUAL"
            )


def _columns(connection: Connection) -> set[str]:
    if connection.dialect.name != "sqlite":
        return set()
    rows = connection.exec_driver_sql("PRAGMA table_xinfo(samples)")
    return {str(row[1]) for row in rows if str(row[1]).startswith(PREFIX)}


def _indexes(connection: Connection) -> list[str]:
    """Return the names of all indexes made here; none where there are no samples yet."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'samples'"
        )
        names = [str(row[0]) for row in rows]
    elif inspect(connection).has_table("samples"):
        names = [str(index["name"]) for index in inspect(connection).get_indexes("samples")]
    else:
        names = []
    return sorted(name for name in names if name.startswith(PREFIX))
