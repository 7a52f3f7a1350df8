"""An expression with its back ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.registry.expressions import arrays, parser, plain, sql
from mcbook.registry.expressions.check import check
from mcbook.registry.expressions.lower import lower
from mcbook.registry.expressions.nodes import (
    CANONICAL,
    Arithmetic,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Printer,
    children,
    plain_number,
    shown,
    wrong,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PYTHON_FUNCTIONS = frozenset({"sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"})
_LN10 = 2.302585092994046


@dataclass(frozen=True, eq=False)
class Expression:
    """A number or a condition over named quantities, made by `parse`.

    `text` is what was given. Two expressions are equal when their `canonical` texts are.
    """

    text: str
    node: Node = field(repr=False)
    is_boolean: bool

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.node == self.node

    def __hash__(self) -> int:
        return hash(self.canonical)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the quantities that it uses."""
        found: set[str] = set()
        rest = [self.node]
        while rest:
            node = rest.pop()
            rest.extend(children(node))
            if isinstance(node, Name):
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def canonical(self) -> str:
        """The text that does not depend on spaces, needless brackets or how numbers are written."""
        return CANONICAL.text(self.node)

    @cached_property
    def _lowered(self) -> Node:
        return lower(self.node)

    def evaluate(self, namespace: Mapping[str, float | NDArray[Any]]) -> NDArray[Any]:
        """Return values over arrays.

        Parameters
        ----------
        namespace
            Numbers, or arrays that broadcast against each other, by name; NaN where a quantity is
            absent. Arrays of booleans stand for truth values.

        Returns
        -------
        numpy.ndarray
            Of the broadcast shape of what the expression uses. A number gives floats, NaN where it
            is absent or not defined (division by zero, root of a negative number, beyond 1e75). A
            condition gives booleans, False where it cannot be told.

        Raises
        ------
        InputError
            If a name is not in *namespace*, or is not what the expression takes it for.
        """
        try:
            if self.is_boolean:
                return arrays.condition(self._lowered, namespace)[0]
            return arrays.number(self._lowered, namespace)
        except InputError as error:
            raise self._named(error) from None

    def verdict(self, namespace: Mapping[str, float | NDArray[Any]]) -> tuple[Mask, Mask]:
        """Return where a condition holds and where it fails.

        Where it does neither, a quantity that decides is absent or not defined. See `evaluate`.
        """
        try:
            return arrays.condition(self._lowered, namespace)
        except InputError as error:
            raise self._named(error) from None

    def evaluate_plain(self, namespace: Mapping[str, float | NDArray[Any]]) -> NDArray[Any] | None:
        """Return what `evaluate` does, faster, where all numbers are known to be plain.

        Parameters
        ----------
        namespace
            As in `evaluate`, with arrays and numbers for which `is_plain` holds.

        Returns
        -------
        numpy.ndarray or None
            None for a condition that cannot be told somewhere; `verdict` says where.
        """
        try:
            return plain.plain(self._lowered, namespace, is_condition=self.is_boolean)
        except InputError as error:
            raise self._named(error) from None

    def evaluate_checked(self, namespace: Mapping[str, float | NDArray[Any]]) -> NDArray[Any]:
        """Return what `evaluate` does, and refuse values that are absent or not defined.

        Raises
        ------
        InputError
            Also if there is such a value; with the quantities at its first place.
        """
        if self.is_boolean:
            holds, fails = self.verdict(namespace)
            bad = ~(holds | fails)
        else:
            holds = self.evaluate(namespace)
            bad = np.isnan(holds)
        if bad.any():
            raise self.undefined(namespace, bad)
        return holds

    def undefined(
        self, namespace: Mapping[str, float | NDArray[Any]], bad: NDArray[np.bool_]
    ) -> InputError:
        """Return the error that says where a value is not defined.

        Parameters
        ----------
        namespace
            As in `evaluate`.
        bad
            Where it is not defined; of the shape that `evaluate` gives.
        """
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        values = {
            name: float(np.broadcast_to(np.asarray(namespace[name], float), bad.shape)[place])
            for name in sorted(self.names)
        }
        absent = [name for name, value in values.items() if np.isnan(value)]
        where = ", ".join(f"{name} = {value:.9g}" for name, value in values.items())
        if absent:
            verb = "is" if len(absent) == 1 else "are"
            return InputError(
                f"expression {shown(self.text)}: {' and '.join(absent)} {verb} absent",
                hint=f"set {absent[0]}, or ask '{absent[0]} is None' first",
            )
        return InputError(
            f"expression {shown(self.text)} is not defined" + f" for {where}" * bool(where)
        )

    def to_python(self, names: Mapping[str, str]) -> str:
        """Return a number as Python that computes with ``cmath``, for UFO models.

        Parameters
        ----------
        names
            What each name is called there.

        Raises
        ------
        InputError
            If a name is not among them, or the expression holds what UFO models cannot: a
            condition, a remainder, a function without a counterpart in ``cmath``.
        """
        self._check_python(self.node)
        missing = sorted(self.names - set(names))
        if missing:
            raise InputError(f"expression {shown(self.text)}: {missing[0]!r} has no name there")
        return Printer(repr, names.__getitem__, _python_call, plain_number).text(self.node)

    def _check_python(self, node: Node) -> None:
        allowed = isinstance(node, Number | Name | Negative)
        if isinstance(node, Arithmetic):
            allowed = node.operator != "%"
        elif isinstance(node, Call):
            allowed = node.function in _PYTHON_FUNCTIONS | {"abs", "log10"}
        if not allowed:
            raise wrong(self.text, node.column, "UFO models cannot compute this")
        for child in children(node):
            self._check_python(child)

    def to_sql(
        self,
        resolve: Callable[[str], sql.SqlColumn],
        dialect: sql.Dialect,
        *,
        prefix: str = "p",
    ) -> sql.Sql:
        """Return the expression as SQL with bound parameters.

        A number compares as it is stored: constants in comparisons are rounded to nine digits. On
        SQLite the connection needs `register_functions`.

        Parameters
        ----------
        resolve
            Returns the column that a name stands for; raises InputError where there is none.
        dialect
            ``"sqlite"`` or ``"postgresql"``.
        prefix
            Parameters are called ``<prefix>0``, ``<prefix>1``, ...

        Raises
        ------
        InputError
            If a column is compared with what it is not, or the expression is too deep.
        """
        return sql.to_sql(self.text, self._lowered, resolve, dialect, prefix)

    def _named(self, error: InputError) -> InputError:
        return InputError(f"expression {shown(self.text)}: {error.message}", hint=error.hint)


def _python_call(function: str, arguments: list[str]) -> str:
    if function == "abs":
        return f"abs({arguments[0]})"
    if function == "log10":  # which generators do not know
        return f"(cmath.log({arguments[0]})/{_LN10!r})"
    return f"cmath.{function}({arguments[0]})"


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read an expression.

    Numbers with ``+ - * / % **`` and functions, comparisons that may be chained, ``and``, ``or``,
    ``not``, ``in [...]``, ``is None``; as in Python, with decimal numbers throughout.

    Raises
    ------
    InputError
        If it is too long, not an expression, mixes kinds, or holds a constant that is not defined;
        with the column.

    Examples
    --------
    >>> parse("0.5<m_chi1 <= 2").canonical
    '0.5 < m_chi1 <= 2'
    """
    node = parser.read(text)
    return Expression(text, node, check(text, node) == "condition")
