"""Expressions over numpy arrays.

Conditions know three values, as SQL does: where a quantity is absent or not defined (NaN), a
comparison neither holds nor fails.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions.functions import FUNCTIONS, INTERNAL, VARIADIC, WHERE, bounded
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
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Verdict = tuple[Mask, Mask]
"""Where a condition holds, and where it fails; neither where it cannot be told."""

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip


def number(node: Node, namespace: Mapping[str, Any]) -> Array:
    """Return the values of a lowered number; NaN where it is absent or not defined."""
    with np.errstate(all="ignore"):
        return np.asarray(Values(namespace).number(node), dtype=np.float64)


def condition(node: Node, namespace: Mapping[str, Any]) -> Verdict:
    """Return where a lowered condition holds and where it fails."""
    with np.errstate(all="ignore"):
        holds, fails = Values(namespace).condition(node)
    return np.asarray(holds), np.asarray(fails)


class Values:
    """Numbers and conditions over a namespace of arrays; methods take lowered nodes."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.namespace = namespace
        self.read: dict[str, Array] = {}

    def quantity(self, name: str) -> NDArray[Any]:
        """Return what a name stands for: floats, or truth values."""
        if name not in self.namespace:
            raise InputError(
                f"there is no quantity {name!r} here", hint=did_you_mean(name, self.namespace)
            )
        array = np.asarray(self.namespace[name])
        if array.dtype.kind not in "fiub":
            raise InputError(f"{name} is neither a number nor a truth value")
        return array

    def value(self, name: str) -> Array:
        """Return the numbers that a name stands for."""
        if name not in self.read:
            array = self.quantity(name)
            if array.dtype.kind == "b":
                raise InputError(f"{name} is a truth value", hint=f"write {name} == True")
            self.read[name] = bounded(array.astype(np.float64))
        return self.read[name]

    def number(self, node: Node) -> Any:  # noqa: PLR0911 - one case per kind of node
        """Return a number."""
        match node:
            case Number(value):
                return np.float64(value)
            case Name(name):
                return self.value(name)
            case Negative(operand):
                return -self.number(operand)
            case Arithmetic(operator, left, right):
                return _arithmetic(operator, self.number(left), self.number(right))
            case Call("where", (mask, first, second)):
                return WHERE(self.condition(mask), self.number(first), self.number(second))
            case Call(function, arguments):
                given = [self.number(argument) for argument in arguments]
                if function in VARIADIC:
                    return reduce(VARIADIC[function], given)
                return (FUNCTIONS.get(function) or INTERNAL[function]).arrays(*given)
            case _:
                raise InputError("a number is wanted here, not text")

    def condition(self, node: Node) -> Verdict:
        """Return where a condition holds and where it fails."""
        match node:
            case Logic(operator, operands):
                verdicts = [self.condition(operand) for operand in operands]
                return _joined(operator, verdicts)
            case Negation(operand):
                holds, fails = self.condition(operand)
                return fails, holds
            case Comparison(operators, operands):
                pairs = zip(operators, operands, operands[1:], strict=False)
                return _joined("and", [self.compared(*pair) for pair in pairs])
            case Membership(operand, members, is_negated):
                verdict = self.member(operand, members)
                return verdict[::-1] if is_negated else verdict
            case Absence(Name(name), is_negated):
                array = self.quantity(name)
                absent = (
                    ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros_like(array, bool)
                )
                return (~absent, absent) if is_negated else (absent, ~absent)
            case _:
                raise InputError("a condition is wanted here")

    def compared(self, operator: str, left: Node, right: Node) -> Verdict:
        """Return the verdict of one comparison."""
        if isinstance(left, Truth):
            left, right = right, left
        if isinstance(right, Truth) and isinstance(left, Name):
            return self.truth(left.name, operator, value=right.value)
        a, b = self.number(left), self.number(right)
        found = COMPARISONS[operator](a, b)
        known = ~(np.isnan(a) | np.isnan(b))
        return found & known, ~found & known

    def truth(self, name: str, operator: str, *, value: bool) -> Verdict:
        """Return where a truth value is what it is compared with."""
        array = self.quantity(name)
        if array.dtype.kind != "b":
            raise InputError(f"{name} is a number and is not compared with {value}")
        holds = array == (value == (operator == "=="))
        return holds, ~holds

    def member(self, operand: Node, members: tuple[Node, ...]) -> Verdict:
        """Return where a number is in a list."""
        if any(isinstance(entry, Text) for entry in members):
            raise InputError("text is compared in queries only")
        values = self.number(operand)
        listed = [float(self.number(entry)) for entry in members]
        found = np.isin(values, listed)
        known = ~np.isnan(values)
        return found & known, ~found & known


def _arithmetic(operator: str, left: Any, right: Any) -> Any:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return np.where(right == 0, np.nan, np.divide(left, right))


def _joined(operator: str, verdicts: list[Verdict]) -> Verdict:
    holds, fails = zip(*verdicts, strict=True)
    if operator == "and":
        return reduce(np.logical_and, holds), reduce(np.logical_or, fails)
    return reduce(np.logical_or, holds), reduce(np.logical_and, fails)
