"""Expressions in real databases, against the same expressions over arrays."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from expression_trees import (
    NAMES,
    arithmetic,
    exact_conditions,
    exact_numbers,
    leaves,
    parsed,
)
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, text

from mcbook.errors import InputError
from mcbook.registry.expressions import SqlColumn, parse, register_functions
from mcbook.registry.expressions.nodes import Arithmetic, Call, Name

COLUMNS = {
    "a": SqlColumn("t.a", "number"),
    "b": SqlColumn("t.b", "number"),
    "c": SqlColumn("t.c", "number"),
    "n": SqlColumn("t.n", "number"),
    "k": SqlColumn("t.k", "number"),
    "model": SqlColumn("t.model", "text"),
    "process": SqlColumn("t.process", "text"),
    "is_wide": SqlColumn("t.is_wide", "boolean"),
    "created": SqlColumn("t.created", "time"),
}


@dataclass
class Table:
    """A table of rows in a real database."""

    engine: Any
    dialect: str

    def fill(self, rows):
        """Replace the rows by others."""
        columns = ("a", "b", "c", "n", "k", "model", "process", "is_wide", "created")
        listed = [dict.fromkeys(columns) | row | {"id": i} for i, row in enumerate(rows)]
        names = ", ".join(f":{name}" for name in ("id", *columns))
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM t"))
            connection.execute(text(f"INSERT INTO t VALUES ({names})"), listed)

    def ask(self, expression):
        """Return the value of an expression in every row."""
        sql = expression.to_sql(COLUMNS.__getitem__, self.dialect)
        with self.engine.begin() as connection:
            query = text(f"SELECT {sql.text} FROM t ORDER BY t.id")
            return [row[0] for row in connection.execute(query, sql.parameters)]

    def matching(self, given_text):
        """Return which rows match a condition."""
        sql = parse(given_text).to_sql(COLUMNS.__getitem__, self.dialect, prefix="q")
        with self.engine.begin() as connection:
            query = text(f"SELECT t.id FROM t WHERE {sql.text} ORDER BY t.id")
            return [row[0] for row in connection.execute(query, sql.parameters)]


@pytest.fixture(scope="module")
def table(new_schema):
    """Give a table on SQLite, and on PostgreSQL where there is a server."""
    engine = create_engine(new_schema() if new_schema else "sqlite://")
    if not new_schema:
        event.listen(engine, "connect", lambda connection, _: register_functions(connection))
    temporary = "UNLOGGED TABLE" if new_schema else "TABLE"
    real = "double precision"
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS t"))
        connection.execute(
            text(
                f"CREATE {temporary} t (id integer, a {real}, b {real}, c {real}, n bigint,"
                " k bigint,"
                " model text, process text, is_wide boolean, created text)"
            )
        )
    yield Table(engine, engine.dialect.name)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE t"))
    engine.dispose()


def answer(table, expression):
    """Return what the database says; some expressions are too deep for it."""
    try:
        return table.ask(expression)
    except InputError as error:
        if "for a database" not in error.message:
            raise
        return assume(condition=False)


cells = (
    st.none()
    | st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e-3, 0.3, 1e70, -1e-70])
    | st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-70)
)
rows = st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, cells)), min_size=1, max_size=6)


def namespace_of(rows_):
    """Return the columns of rows, with NaN for what is absent."""
    return {
        name: np.array([np.nan if row[name] is None else row[name] for row in rows_])
        for name in NAMES
    }


@settings(max_examples=200)
@given(node=exact_conditions, rows_=rows)
def test_conditions_agree_with_sql(table, node, rows_):
    """A condition holds, fails and is unknown in the same rows as over arrays."""
    expression = parsed(node)
    table.fill(rows_)
    holds, fails = expression.verdict(namespace_of(rows_))
    shape = (len(rows_),)
    expected = [
        True if yes else False if no else None
        for yes, no in zip(
            np.broadcast_to(holds, shape), np.broadcast_to(fails, shape), strict=True
        )
    ]
    found = answer(table, expression)
    assert [None if value is None else bool(value) for value in found] == expected


@pytest.mark.thorough
@settings(max_examples=200)
@given(node=exact_numbers, rows_=rows)
def test_numbers_agree_with_sql(table, node, rows_):
    """A number is the same to the last bit, and absent in the same rows."""
    expression = parsed(node)
    table.fill(rows_)
    expected = np.broadcast_to(expression.evaluate(namespace_of(rows_)), (len(rows_),))
    found = answer(table, expression)
    values = np.array([np.nan if value is None else value for value in found], float)
    assert np.array_equal(values, expected, equal_nan=True)


@pytest.mark.thorough
@settings(max_examples=200)
@given(
    function=st.sampled_from(
        ["exp", "log", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "**"]
    ),
    first=leaves | arithmetic(leaves),
    second=leaves,
    rows_=rows,
)
@example(
    "**", Name("a"), Name("b"), [{"a": 0.0, "b": 0.0, "c": None}, {"a": None, "b": 0.0, "c": 1.0}]
)
@example(
    "**", Name("a"), Name("b"), [{"a": -2.0, "b": 3.0, "c": None}, {"a": -2.0, "b": 0.5, "c": 1.0}]
)
@example(
    "**",
    Name("a"),
    Name("b"),
    [{"a": 1e70, "b": 1e70, "c": None}, {"a": 1e70, "b": -5.0, "c": 1.0}],
)
@example(
    "exp", Name("a"), Name("b"), [{"a": 1e5, "b": 0.0, "c": None}, {"a": -1e5, "b": 0.0, "c": 1.0}]
)
@example(
    "atan2", Arithmetic("-", Name("c"), Name("a")), Name("b"),
    [{"a": 0.0, "b": -1.0, "c": -0.0}, {"a": 0.0, "b": -1.0, "c": 0.0}],
)  # fmt: skip
def test_functions_agree_with_sql(table, function, first, second, rows_):
    """Functions agree to rounding, and are defined in the same rows."""
    node = Call(function, (first,))
    if function in {"atan2", "**"}:
        node = (
            Call(function, (first, second))
            if function == "atan2"
            else Arithmetic("**", first, second)
        )
    expression = parsed(node)
    table.fill(rows_)
    expected = np.broadcast_to(expression.evaluate(namespace_of(rows_)), (len(rows_),))
    values = np.array([np.nan if v is None else v for v in table.ask(expression)], float)
    np.testing.assert_allclose(values, expected, rtol=1e-10, equal_nan=True)


@pytest.mark.parametrize(
    ("given_text", "values"),
    [
        ("a*a*a*a*a*a", [None, 0.0, 1.0]),
        ("1/a/a/a/a/a", [0.0, None, 1.0]),
        ("(a*a*a*a) / (a*a*a*a)", [None, None, 1.0]),
        ("(a*a*a*a*a) - (a*a*a*a*a)", [None, 0.0, 0.0]),
        ("a**4*a**4", [None, 0.0, 1.0]),
        ("a**64", [None, 0.0, 1.0]),
        ("sqrt(a*a*a*a*a)", [None, 0.0, 1.0]),
        ("exp(a)", [None, 1.0, np.e]),
        ("atan2(a, 1/a) * a * a * a", [None, 0.0, np.pi / 4]),
    ],
)
def test_nothing_overflows(table, given_text, values):
    """What is far too large is absent, and what is far too small is zero, in every back end."""
    table.fill([{"a": 1e70}, {"a": 1e-70}, {"a": 1.0}])
    a = np.array([1e70, 1e-70, 1.0])
    over_arrays = parse(given_text).evaluate({"a": a})
    expected = np.array([np.nan if value is None else value for value in values])
    np.testing.assert_allclose(over_arrays, expected, rtol=1e-12, atol=1e-60)
    found = np.array([np.nan if v is None else v for v in table.ask(parse(given_text))])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-60)


SOME = [
    {"a": 0.3, "n": 3, "k": 2, "model": "idm", "process": "x", "is_wide": True,
     "created": "2026-11-23T08:00:00Z"},
    {"a": 1 / 3, "n": 2, "model": "zprime", "process": "zprime", "is_wide": False,
     "created": "2026-11-24T00:00:00Z"},
    {"a": 0.333333333, "model": "alp", "process": "it's"},
    {"b": 1.0, "model": "idm"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("given_text", "matching"),
    [
        ("a == 0.1 + 0.2", [0]), ("a == 1/3", [2]), ("a in [0.30000000001, 5]", [0]),
        ("a <= 0.1 + 0.2", [0]), ("not (a > 0.31)", [0]), ("a != 0.3", [1, 2]), ("a is None", [3]),
        ("a is not None", [0, 1, 2]), ("n / 2 == 1.5", [0]),
        ("n % 2 == 1", [0]), ("n / k == 1.5", [0]),
        ("7 / n > 2.4", [1]),
        ("model == 'idm'", [0, 3]), ("'idm' != model", [1, 2]),
        ("model in ['alp', 'zprime']", [1, 2]),
        ("model not in ['alp']", [0, 1, 3]), ("process == \"it's\"", [2]),
        ("model == process", [1]),
        ("is_wide == True", [0]), ("is_wide != True", [1]), ("False == is_wide", [1]),
        ("not (is_wide == True)", [1]), ("created < '2026-11-24'", [0]),
        ("'2026-11-23T09:00+01:00' <= created <= '2026-11-24T00:00:00'", [0, 1]),
        ("model == 'idm' and a < 1 or model == 'alp' and b is None", [0, 2]),
        ("a < 1 or b == 1", [0, 1, 2, 3]), ("where(a is None, 1, 0) == 1", [3]),
        ("1 < 2", [0, 1, 2, 3]),
        ("min(a, n) < 1", [0, 1]), ("is_wide is None and model == 'alp'", [2]),
    ],
)  # fmt: skip
def test_queries(table, given_text, matching):
    """Conditions on numbers, text, truth values and times match the rows that they should."""
    table.fill(SOME)
    assert table.matching(given_text) == matching


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "given_text",
    ["model == 1", "1 < model", "a == 'x'", "model < 'x'", "model + 1 > 2", "a in ['x']",
     "model in [1]", "is_wide == 1", "is_wide == 'x'", "a == True", "created == '2026-11-23'",
     "created > 'yesterday'", "created > 5", "model == a", "is_wide < a", "sqrt(model) > 1",
     "created in ['2026-11-23']", "a * 2 in ['x']"],
)  # fmt: skip
def test_kinds_of_columns_are_checked(given_text, dialect):
    """A column compared with what it is not is an error, before the database sees it."""
    with pytest.raises(InputError, match="column "):
        parse(given_text).to_sql(COLUMNS.__getitem__, dialect)


def test_values_are_bound():
    """Text from an expression never becomes part of the SQL."""
    sql = parse('model == "x\'; DROP TABLE t; --" and a < 12345.5').to_sql(COLUMNS.get, "sqlite")
    assert "DROP" not in sql.text
    assert "12345" not in sql.text
    assert sorted(sql.parameters.values(), key=str) == [12345.5, "x'; DROP TABLE t; --"]


def test_bare_columns_stay_bare():
    """A column in a comparison is not wrapped, so that the database can use its index."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a REAL, b REAL, c REAL)")
    connection.execute("CREATE INDEX by_a ON t (a)")
    for given_text in ("0.5 < a <= 2 and b < 1", "a == 0.3", "a in [1, 2]"):
        sql = parse(given_text).to_sql(COLUMNS.get, "sqlite")
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM t WHERE {sql.text}",
            dict(sql.parameters),
        ).fetchall()
        assert "USING INDEX by_a" in plan[0][3], given_text
    connection.close()


@pytest.mark.thorough
def test_old_parsers_of_sqlite_take_the_deepest_text():
    """What is not refused as too deep is read by a SQLite with a small stack."""
    connection = sqlite3.connect(":memory:")
    register_functions(connection)
    connection.execute("CREATE TABLE t (a REAL, b REAL, c REAL)")
    deepest = 0
    for i in range(1, 39):
        for start in ("abs(", "(1 + 2 * ", "max(1, 1 - ", "not (a < 1 and ", "where(a < 1, 1, "):
            try:
                sql = parse(
                    f"{start * i}a > 1{')' * i}" if "not" in start else f"{start * i}a{')' * i} > 1"
                ).to_sql(COLUMNS.get, "sqlite")
            except InputError:
                continue
            connection.execute(f"SELECT * FROM t WHERE {sql.text}", dict(sql.parameters))
            deepest = max(deepest, i)
    assert deepest >= 8
    connection.close()


def test_long_sums_are_not_deep():
    """A sum of eighty terms is flat SQL."""
    connection = sqlite3.connect(":memory:")
    register_functions(connection)
    sql = parse(" + ".join(["a"] * 80) + " > 1").to_sql(
        lambda _: SqlColumn("0.5", "number"), "sqlite"
    )
    assert connection.execute(f"SELECT {sql.text}", dict(sql.parameters)).fetchone() == (1,)
    connection.close()
