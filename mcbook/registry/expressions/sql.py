"""Expressions as SQL that means the same on SQLite and on PostgreSQL.

A comparison with an absent quantity neither holds nor fails, and so does its ``not``: a row in
which a quantity that decides is absent does not match. ``x is None`` asks for that.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Literal

from mcbook.registry.expressions.functions import FUNCTIONS, INTERNAL, VARIADIC, null_on_error
from mcbook.registry.expressions.nodes import (
    Absence,
    Arithmetic,
    Call,
    Comparison,
    Logic,
    Membership,
    Name,
    Negation,
    Negative,
    Node,
    Number,
    Text,
    Truth,
    wrong,
)

Dialect = Literal["sqlite", "postgresql"]
Value = float | str

LONGEST_SQL = 100_000
DEEPEST_SQL = 18
"""Brackets within brackets that every SQLite reads: older ones have a stack of 100 symbols."""

_PREFIX = "mcbook_"
_RANK = {"+": 0, "-": 0, "*": 1, "/": 1}
_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_SQL_OPERATORS = {"==": "=", "!=": "<>"}
_SAMPLE = {
    "text": "== 'text'", "texts": "== 'text'", "boolean": "== True", "time": "> '2026-11-23'",
    "number": "> 1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """What a name stands for in a database.

    `sql` is an expression of SQL without parameters, NULL where the quantity is absent. A
    ``number`` is finite and no larger than `mcbook.registry.numbers.LARGEST`; a ``time`` is text
    such as ``2026-11-23T08:00:00Z``, in UTC. Of ``texts`` there may be several or none: `sql` is a
    condition that one of them fulfils what stands for ``{}``, and names a text equals one of them.
    """

    sql: str
    kind: Literal["number", "text", "texts", "boolean", "time"]


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL with its bound parameters, written ``:p0`` in the text."""

    text: str
    parameters: Mapping[str, Value]


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection to SQLite the functions that compiled expressions call."""
    for name, function in {**FUNCTIONS, **INTERNAL}.items():
        connection.create_function(
            _PREFIX + name, function.arity, null_on_error(function.scalar), deterministic=True
        )


def to_sql(
    text: str, node: Node, resolve: Callable[[str], SqlColumn], dialect: Dialect, prefix: str
) -> Sql:
    """Return a lowered expression as SQL; *text* is shown in messages."""
    return _Compiler(text, resolve, dialect, prefix).whole(node)


class _Compiler:
    def __init__(
        self, text: str, resolve: Callable[[str], SqlColumn], dialect: Dialect, prefix: str
    ) -> None:
        self.text = text
        self.resolve = resolve
        self.is_sqlite = dialect == "sqlite"
        self.prefix = prefix
        self.names: dict[Value, str] = {}
        self.columns: dict[str, SqlColumn] = {}
        self.length = 0

    def whole(self, node: Node) -> Sql:
        is_number = isinstance(node, Number | Name | Negative | Arithmetic | Call)
        text = self.number(node) if is_number else self.condition(node)
        if self.is_sqlite and _depth(text) > DEEPEST_SQL:
            raise wrong(self.text, 1, "nested too deeply for a database")
        return Sql(text, {name: value for value, name in self.names.items()})

    def kept(self, text: str) -> str:
        """Return *text*, refusing what grows without end."""
        if len(text) > LONGEST_SQL:
            raise wrong(self.text, 1, "too long for a database")
        return text

    def bound(self, value: Value) -> str:
        name = self.names.setdefault(value, f"{self.prefix}{len(self.names)}")
        return f":{name}"

    def literal(self, value: float) -> str:
        name = self.bound(value)
        return name if self.is_sqlite else f"CAST({name} AS double precision)"

    def column(self, node: Name) -> SqlColumn:
        if node.name not in self.columns:
            self.columns[node.name] = self.resolve(node.name)
        return self.columns[node.name]

    def numeric_column(self, node: Name) -> str:
        column = self.column(node)
        if column.kind != "number":
            raise wrong(self.text, node.column, f"{node.name} is not a number but {_a(column)}")
        return column.sql

    def number(self, node: Node) -> str:
        match node:
            case Number(value):
                return self.literal(value)
            case Name():
                kind = "REAL" if self.is_sqlite else "double precision"
                return f"CAST({self.numeric_column(node)} AS {kind})"
            case Negative(operand):
                return self.kept(f"(-{self.number(operand)})")
            case Arithmetic():
                return f"({self.chained(node)})"
            case Call("where", (mask, first_node, second_node)):
                first, second = self.number(first_node), self.number(second_node)
                holds, fails = ("1", "0") if self.is_sqlite else ("TRUE", "FALSE")
                return self.kept(
                    f"(CASE {self.condition(mask)} WHEN {holds} THEN {first}"
                    f" WHEN {fails} THEN {second} END)"
                )
            case Call(function, arguments):
                return self.kept(self.call(function, [self.number(a) for a in arguments]))
            case _:
                raise wrong(self.text, node.column, "a number is wanted here")

    def chained(self, node: Arithmetic) -> str:
        """Return arithmetic without brackets around it or around what comes first in it.

        A long sum would else be nested as deep as it is long.
        """
        left = node.left
        is_open = isinstance(left, Arithmetic) and _RANK[left.operator] == _RANK[node.operator]
        first = self.chained(left) if is_open else self.number(left)  # type: ignore[arg-type]
        second = self.number(node.right)
        if node.operator == "/":
            second = f"NULLIF({second}, 0)"
        return self.kept(f"{first} {node.operator} {second}")

    def call(self, function: str, arguments: list[str]) -> str:
        if function in VARIADIC:
            return self.extreme(function, arguments)
        if self.is_sqlite:
            return f"{_PREFIX}{function}({', '.join(arguments)})"
        template = (FUNCTIONS.get(function) or INTERNAL[function]).postgresql
        return _once(template, arguments)

    def extreme(self, function: str, arguments: list[str]) -> str:
        if self.is_sqlite:
            return f"{function}({', '.join(arguments)})"
        # LEAST and GREATEST pass over NULL, which must not happen.
        sign = "<=" if function == "min" else ">="
        template = f"CASE WHEN {{a}} {sign} {{b}} THEN {{a}} WHEN {{b}} IS NULL THEN NULL"
        template += " WHEN {a} IS NULL THEN NULL ELSE {b} END"
        return reduce(lambda a, b: self.kept(_once(template, [a, b])), arguments)

    def condition(self, node: Node) -> str:
        match node:
            case Logic(operator, operands):
                inner = [self.condition(operand) for operand in operands]
                return self.kept("(" + f" {operator.upper()} ".join(inner) + ")")
            case Negation(operand):
                return self.kept(f"(NOT {self.condition(operand)})")
            case Comparison(operators, operands):
                pairs = zip(operators, operands, operands[1:], strict=False)
                inner = [self.compared(*pair) for pair in pairs]
                return self.kept(inner[0] if len(inner) == 1 else "(" + " AND ".join(inner) + ")")
            case Membership(operand, members, is_negated):
                return self.kept(self.member(operand, members, is_negated=is_negated))
            case Absence(Name() as name, is_negated):
                if self.column(name).kind == "texts":
                    return self.held(name, "IS NOT NULL", is_negated=not is_negated)
                return f"({self.column(name).sql} IS {'NOT ' * is_negated}NULL)"
            case _:
                raise wrong(self.text, node.column, "a condition is wanted here")

    def compared(self, operator: str, left: Node, right: Node) -> str:
        if isinstance(left, Text | Truth):
            operator, left, right = _SWAPPED[operator], right, left
        sign = _SQL_OPERATORS.get(operator, operator)
        if isinstance(left, Name) and self.column(left).kind != "number":
            return self.other(left, operator, right)
        if isinstance(right, Name) and self.column(right).kind != "number":
            return self.other(right, _SWAPPED[operator], left)
        if isinstance(right, Text | Truth) and isinstance(left, Name):
            said = repr(right.value)
            raise wrong(
                self.text, right.column, f"{left.name} is a number and is not compared with {said}"
            )
        return f"({self.side(left)} {sign} {self.side(right)})"

    def side(self, node: Node) -> str:
        """Return one side of a comparison; a column alone stays bare, for its index."""
        return self.numeric_column(node) if isinstance(node, Name) else self.number(node)

    def other(self, name: Name, operator: str, right: Node) -> str:
        """Compare a column that is no number."""
        column = self.column(name)
        sign = _SQL_OPERATORS.get(operator, operator)
        if isinstance(right, Name) and self.column(right).kind == column.kind != "texts":
            value = self.column(right).sql
        elif column.kind == "boolean" and isinstance(right, Truth):
            return f"({column.sql} {sign} {'TRUE' if right.value else 'FALSE'})"
        elif column.kind == "time" and isinstance(right, Text):
            value = self.bound(self.moment(right))
        elif column.kind in {"text", "texts"} and isinstance(right, Text):
            value = self.bound(right.value)
        else:
            message = f"{name.name} is {_a(column)} and is not compared with this"
            raise wrong(
                self.text, right.column, message, f"write {name.name} {_SAMPLE[column.kind]}"
            )
        is_ordered = operator not in _SQL_OPERATORS
        if is_ordered != (column.kind == "time"):
            raise wrong(self.text, name.column, *_order(name.name, column))
        if column.kind == "texts":
            return self.held(name, f"= {value}", is_negated=operator == "!=")
        # Fixed-length times sort by their bytes, whatever the language of the database.
        collation = ' COLLATE "C"' if is_ordered and not self.is_sqlite else ""
        return f"({column.sql} {sign} {value}{collation})"

    def held(self, name: Name, said: str, *, is_negated: bool) -> str:
        """Return the condition that one of several texts is as *said*, or that none is."""
        found = self.column(name).sql.format(said)
        return self.kept(f"(NOT {found})" if is_negated else f"({found})")

    def moment(self, node: Text) -> str:
        try:
            found = datetime.fromisoformat(node.value)
        except ValueError:
            raise wrong(
                self.text, node.column, f"{node.value!r} is no time",
                "write '2026-11-23' or '2026-11-23T08:00', in UTC",
            ) from None  # fmt: skip
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def member(self, operand: Node, members: tuple[Node, ...], *, is_negated: bool) -> str:
        word = "NOT IN" if is_negated else "IN"
        is_text = isinstance(members[0], Text)
        if isinstance(operand, Name):
            column = self.column(operand)
            if column.kind not in ({"text", "texts"} if is_text else {"number"}):
                raise wrong(
                    self.text, operand.column, f"{operand.name} is {_a(column)}, the list is not"
                )
        elif is_text:
            raise wrong(self.text, members[0].column, "a number is not compared with text")
        values = [self.listed(entry) for entry in members]
        if isinstance(operand, Name) and self.column(operand).kind == "texts":
            return self.held(operand, f"IN ({', '.join(values)})", is_negated=is_negated)
        side = self.column(operand).sql if isinstance(operand, Name) else self.number(operand)
        return f"({side} {word} ({', '.join(values)}))"

    def listed(self, node: Node) -> str:
        if isinstance(node, Text):
            return self.bound(node.value)
        assert isinstance(node, Number)  # noqa: S101 - what lowering leaves of a constant
        return self.literal(node.value)


def _depth(text: str) -> int:
    """Return how deep brackets and cases are nested."""
    depth = deepest = 0
    for sign in re.findall(r"[()]|\bCASE\b|\bEND\b", text):
        depth += 1 if sign in {"(", "CASE"} else -1
        deepest = max(deepest, depth)
    return deepest


def _once(template: str, arguments: list[str]) -> str:
    """Fill a template that may use an argument twice, so that its text is there once."""
    names = "ab"[: len(arguments)]
    if all(template.count(f"{{{name}}}") == 1 for name in names):
        return template.format(**dict(zip(names, arguments, strict=True)))
    given = ", ".join(f"{text} AS {name}" for name, text in zip(names, arguments, strict=True))
    body = template.format(**{name: f"mcbook_v.{name}" for name in names})
    return f"(SELECT {body} FROM (SELECT {given}) AS mcbook_v)"  # noqa: S608 - values are bound


def _a(column: SqlColumn) -> str:
    words = {"number": "a number", "boolean": "true or false", "texts": "a list of texts"}
    return words.get(column.kind, f"a {column.kind}")


def _order(name: str, column: SqlColumn) -> tuple[str, str | None]:
    if column.kind == "time":
        return f"{name} is a time and is not compared by ==", f"write '2026-11-23' <= {name}"
    return f"{name} is {_a(column)} and has no order", "use == or in"
