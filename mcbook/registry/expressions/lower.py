"""Makes an expression ready for its back ends, so that they compute the same.

Numbers without names are worked out, and rounded to nine digits where a quantity is compared with
them, as stored parameters are. Powers and remainders become functions with a domain. And wherever
a product could leave the range of a double, its operands are bounded first: databases disagree on
overflow (infinity here, an error there), so none may happen.
"""

from dataclasses import dataclass
from math import isfinite, log10

from mcbook.registry.expressions.check import constant
from mcbook.registry.expressions.functions import DECADES, FUNCTIONS, INTERNAL
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
)
from mcbook.registry.numbers import round9

_MOST_DECADES = 300  # within the normal doubles, 2.2e-308 to 1.8e308
_SUM_DECADES = 17  # what is left of a difference is at least an ulp; a sum hardly grows
_TRIGONOMETRIC_DECADES = 33  # a double is never nearer than this to a zero of sin or cos
_PRODUCT_POWERS = (2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True)
class _Sized:
    """A node with the powers of ten by which its value, if not zero, can be away from one."""

    node: Node
    decades: float


def lower(node: Node) -> Node:
    """Return *node* as back ends take it."""
    return _lower(node).node


def _lower(node: Node) -> _Sized:  # noqa: C901, PLR0911 - one case per kind of node
    value = constant(node)
    if value is not None:
        return _number(value)
    match node:
        case Negative(operand):
            inner = _lower(operand)
            return _Sized(Negative(inner.node), inner.decades)
        case Arithmetic("**", Name() as base, Number(exponent)) if exponent in _PRODUCT_POWERS:
            product: Node = base
            for _ in range(int(exponent) - 1):
                product = Arithmetic("*", product, base)
            return _Sized(product, exponent * DECADES)
        case Arithmetic("**", left, right):
            return _internal("power", left, right)
        case Arithmetic("%", left, right):
            return _internal("modulo", left, right)
        case Arithmetic(operator, left, right):
            return _arithmetic(operator, _lower(left), _lower(right))
        case Call(function, arguments):
            return _call(function, arguments)
        case Name():
            return _Sized(node, DECADES)
        case _:
            return _Sized(_condition(node), 0)


def _number(value: float) -> _Sized:
    return _Sized(Number(value), abs(log10(abs(value))) if value else 0)


def _internal(function: str, *operands: Node) -> _Sized:
    arguments = tuple(_bounded(_lower(operand)).node for operand in operands)
    return _Sized(Call(function, arguments), INTERNAL[function].decades or 0)


def _bounded(inner: _Sized) -> _Sized:
    if inner.decades <= DECADES:
        return inner
    return _Sized(Call("bounded", (inner.node,)), DECADES)


def _arithmetic(operator: str, left: _Sized, right: _Sized) -> _Sized:
    decades = _grown(operator, left, right)
    if decades > _MOST_DECADES:
        left, right = _bounded(left), _bounded(right)
        decades = _grown(operator, left, right)
    return _Sized(Arithmetic(operator, left.node, right.node), decades)


def _grown(operator: str, left: _Sized, right: _Sized) -> float:
    if operator in "+-":
        return max(left.decades, right.decades) + _SUM_DECADES
    return left.decades + right.decades


def _call(function: str, arguments: tuple[Node, ...]) -> _Sized:
    lowered = [_lower(argument) for argument in arguments]
    if function in FUNCTIONS:
        lowered = [_bounded(argument) for argument in lowered]
    node = Call(function, tuple(argument.node for argument in lowered))
    known = FUNCTIONS[function].decades if function in FUNCTIONS else None
    largest = max(argument.decades for argument in lowered)
    return _Sized(node, max(largest, _TRIGONOMETRIC_DECADES) if known is None else known)


def _condition(node: Node) -> Node:
    match node:
        case Negation(operand):
            return Negation(_condition(operand))
        case Logic(operator, operands):
            return Logic(operator, tuple(_condition(operand) for operand in operands))
        case Comparison(operators, operands):
            return Comparison(operators, tuple(_compared(operand) for operand in operands))
        case Membership(operand, members, is_negated):
            return Membership(
                _compared(operand), tuple(_compared(member) for member in members), is_negated
            )
        case _:
            return node


def _compared(node: Node) -> Node:
    value = constant(node)
    if value is not None and isfinite(value):
        return Number(round9(value))
    return _lower(node).node
