"""What must hold in an expression before anything computes it: kinds, arguments, sizes."""

from typing import Literal

import numpy as np

from mcbook.registry.expressions.functions import FUNCTIONS, INTERNAL, VARIADIC
from mcbook.registry.expressions.nodes import (
    Absence,
    Absent,
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
    children,
    wrong,
)
from mcbook.registry.numbers import LARGEST

Kind = Literal["number", "name", "text", "truth", "none", "condition"]

HIGHEST = 100
"""Largest height of the tree, which back ends climb by recursion."""

LARGEST_EXPONENT = 64

_ORDERED = frozenset({"<", "<=", ">", ">="})


def check(text: str, node: Node) -> Kind:
    """Check an expression; return what it is.

    A bare name is a ``name``: only who resolves it knows what it stands for.

    Raises
    ------
    InputError
        With the column.
    """
    checker = _Checker(text)
    checker.height(node)
    kind = checker.kind(node)
    if kind not in {"number", "name", "condition"}:
        raise wrong(text, node.column, "this is neither a number nor a condition")
    return kind


def constant(node: Node) -> float | None:  # noqa: PLR0911 - one case per kind of node
    """Return the value of a number that holds no name; NaN where it is not defined, else None."""
    match node:
        case Number(value):
            return value
        case Negative(operand):
            inner = constant(operand)
            return None if inner is None else -inner
        case Arithmetic(operator, left, right):
            first, second = constant(left), constant(right)
            if first is None or second is None:
                return None
            with np.errstate(all="ignore"):
                return float(_arithmetic(operator, np.float64(first), np.float64(second)))
        case Call("where", _):
            return None
        case Call(function, arguments):
            values = [constant(argument) for argument in arguments]
            given = [np.float64(value) for value in values if value is not None]
            if len(given) < len(values):
                return None
            with np.errstate(all="ignore"):
                return float(_call(function, given))
        case _:
            return None


def _call(function: str, arguments: list[np.float64]) -> np.float64:
    if function in VARIADIC:
        return np.float64(VARIADIC[function].reduce(arguments))
    return FUNCTIONS[function].arrays(*arguments)  # type: ignore[no-any-return]


def _arithmetic(operator: str, left: np.float64, right: np.float64) -> np.float64:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "%":
            return INTERNAL["modulo"].arrays(left, right)  # type: ignore[no-any-return]
        case _:
            return INTERNAL["power"].arrays(left, right)  # type: ignore[no-any-return]


class _Checker:
    def __init__(self, text: str) -> None:
        self.text = text

    def height(self, node: Node) -> int:
        """Return how high the tree is, by a walk that cannot run out of stack."""
        level, highest = [node], 0
        while level:
            highest += 1
            if highest > HIGHEST:
                raise wrong(
                    self.text, level[0].column, f"more than {HIGHEST} operations hang together"
                )
            level = [child for entry in level for child in children(entry)]
        return highest

    def kind(self, node: Node) -> Kind:  # noqa: PLR0911 - one case per kind of node
        match node:
            case Number():
                self.defined(node)
                return "number"
            case Text():
                return "text"
            case Truth():
                return "truth"
            case Absent():
                return "none"
            case Name():
                return "name"
            case Negative() | Arithmetic() | Call():
                return self.number(node)
            case _:
                return self.condition(node)

    def number(self, node: Negative | Arithmetic | Call) -> Kind:
        match node:
            case Negative(operand):
                self.numeric(operand)
            case Arithmetic(operator, left, right):
                self.numeric(left)
                self.numeric(right)
                exponent = constant(right) if operator == "**" else None
                if exponent is not None and abs(exponent) > LARGEST_EXPONENT:
                    raise wrong(
                        self.text, right.column, f"the exponent is beyond {LARGEST_EXPONENT}"
                    )
            case Call(function, arguments):
                self.arguments(node.column, function, len(arguments))
                first = 1 if function == "where" else 0
                if first:
                    self.logical(arguments[0])
                for argument in arguments[first:]:
                    self.numeric(argument)
        self.defined(node)
        return "number"

    def defined(self, node: Node) -> None:
        value = constant(node)
        if value is not None and not abs(value) <= LARGEST:
            raise wrong(self.text, node.column, "this is not defined, or far too large")

    def arguments(self, column: int, function: str, given: int) -> None:
        if function in VARIADIC:
            if given < 2:  # noqa: PLR2004
                raise wrong(self.text, column, f"{function} takes two or more arguments")
            return
        wanted = 3 if function == "where" else FUNCTIONS[function].arity
        if given != wanted:
            words = {1: "one argument", 2: "two arguments", 3: "three arguments"}[wanted]
            hint = "write where(condition, a, b)" if function == "where" else None
            raise wrong(self.text, column, f"{function} takes {words}, not {given}", hint)

    def numeric(self, node: Node) -> None:
        kind = self.kind(node)
        if kind not in {"number", "name"}:
            said = {"text": "text", "none": "None"}.get(kind, "a condition")
            raise wrong(self.text, node.column, f"a number is wanted here, not {said}")

    def logical(self, node: Node) -> None:
        kind = self.kind(node)
        if kind == "name" and isinstance(node, Name):
            raise wrong(
                self.text, node.column, f"{node.name} alone is no condition",
                f"write {node.name} == True, or compare it with a number",
            )  # fmt: skip
        if kind != "condition":
            raise wrong(self.text, node.column, "a condition is wanted here")

    def condition(self, node: Node) -> Kind:  # noqa: C901 - one case per kind of node
        match node:
            case Logic(_, operands):
                for operand in operands:
                    self.logical(operand)
            case Negation(operand):
                self.logical(operand)
            case Absence(operand):
                if not isinstance(operand, Name):
                    raise wrong(self.text, operand.column, "a name is wanted before 'is'")
            case Membership(operand, members):
                self.numeric(operand)
                self.members(members)
            case Comparison(operators, operands):
                kinds = [self.kind(operand) for operand in operands]
                for i, operator in enumerate(operators):
                    self.pair(operands[i + 1].column, operator, kinds[i], kinds[i + 1])
        return "condition"

    def members(self, members: tuple[Node, ...]) -> None:
        kinds = {self.kind(member) for member in members}
        for member in members:
            if not isinstance(member, Text) and constant(member) is None:
                hint = "put text in quotes, as in ['a', 'b']"
                raise wrong(self.text, member.column, "a list holds numbers or text only", hint)
        if len(kinds) > 1:
            raise wrong(self.text, members[0].column, "a list holds numbers or text, not both")

    def pair(self, column: int, operator: str, left: Kind, right: Kind) -> None:
        kinds = {left, right}
        if "none" in kinds:
            raise wrong(
                self.text, column, "None is not compared", "write 'x is None' or 'x is not None'"
            )
        if "condition" in kinds:
            raise wrong(self.text, column, "a condition is not compared", "join conditions by and")
        if "truth" in kinds and (operator in _ORDERED or kinds != {"truth", "name"}):
            raise wrong(self.text, column, "True and False are compared by == with a name only")
        if "text" in kinds and "name" not in kinds:
            raise wrong(self.text, column, "text is compared with a name only")
