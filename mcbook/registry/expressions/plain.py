"""Expressions over arrays in which every number is there: two truth values, and no guards.

What `mcbook.registry.expressions.arrays` finds, found faster.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.expressions.arrays import COMPARISONS, Array, Mask, Values, Verdict
from mcbook.registry.expressions.functions import VARIADIC
from mcbook.registry.expressions.nodes import (
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
from mcbook.registry.numbers import LARGEST

_ALWAYS_DEFINED = frozenset({"abs", "floor", "ceil", "sin", "cos", "tan", "atan", "atan2"})
_DOUBLE = 8


def is_plain(array: NDArray[Any]) -> bool:
    """Return whether all numbers of an array are such that expressions compute with them as is.

    They are finite, not beyond `LARGEST`, and none that is not zero is below its inverse.
    """
    if array.dtype.kind != "f" or not array.size:
        return array.dtype.kind in "fiub"
    low, high = float(array.min()), float(array.max())
    if not (low >= -LARGEST and high <= LARGEST):
        return False
    least = 1 / LARGEST
    if low >= least or high <= -least or array.dtype.itemsize < _DOUBLE:
        return True  # floats of four bytes are never as near to zero
    size = np.abs(array)
    return bool(np.count_nonzero(size < least) == np.count_nonzero(size == 0))


def plain(node: Node, namespace: Mapping[str, Any], *, is_condition: bool) -> NDArray[Any] | None:
    """Return what a lowered expression is over plain arrays, or None where two values do not do.

    Parameters
    ----------
    node
        The expression.
    namespace
        Arrays and numbers for which `is_plain` holds.
    is_condition
        Whether it is a condition.
    """
    values = _Plain(namespace)
    with np.errstate(all="ignore"):
        try:
            if is_condition:
                return np.asarray(values.holds(node))
            return np.asarray(values.number(node), dtype=np.float64)
        except _UnsureError:
            return None


class _UnsureError(Exception):
    """A number in a comparison is not defined somewhere."""


class _Plain(Values):
    def value(self, name: str) -> Array:
        if name not in self.read:
            array = self.quantity(name)
            if array.dtype.kind == "b":
                return super().value(name)
            self.read[name] = array.astype(np.float64, copy=False)
        return self.read[name]

    def condition(self, node: Node) -> Verdict:
        holds = self.holds(node)
        return holds, ~holds

    def holds(self, node: Node) -> Mask:
        match node:
            case Logic(operator, operands):
                join = np.logical_and if operator == "and" else np.logical_or
                return reduce(join, [self.holds(operand) for operand in operands])
            case Negation(operand):
                return np.logical_not(self.holds(operand))
            case Comparison(operators, operands):
                pairs = zip(operators, operands, operands[1:], strict=False)
                return reduce(np.logical_and, [self.pair(*pair) for pair in pairs])
            case Membership(operand, members) if not any(isinstance(m, Text) for m in members):
                self.sure(operand, self.number(operand))
        return super().condition(node)[0]

    def pair(self, operator: str, left: Node, right: Node) -> Mask:
        if isinstance(left, Truth) or isinstance(right, Truth):
            return self.compared(operator, left, right)[0]
        a = self.sure(left, self.number(left))
        b = self.sure(right, self.number(right))
        found: Mask = COMPARISONS[operator](a, b)
        return found

    def sure(self, node: Node, values: Any) -> Any:
        """Return values that are all defined."""
        if not _is_defined(node) and np.isnan(values).any():
            raise _UnsureError
        return values


def _is_defined(node: Node) -> bool:
    """Return whether a number is defined whatever plain numbers its names stand for.

    An expression is lowered so that no product leaves the range of doubles.
    """
    match node:
        case Number() | Name():
            return True
        case Negative(operand):
            return _is_defined(operand)
        case Arithmetic("/", left, Number(value)):
            return value != 0 and _is_defined(left)
        case Arithmetic("+" | "-" | "*", left, right):
            return _is_defined(left) and _is_defined(right)
        case Call(function, arguments) if function in _ALWAYS_DEFINED or function in VARIADIC:
            return all(_is_defined(argument) for argument in arguments)
        case _:
            return False
