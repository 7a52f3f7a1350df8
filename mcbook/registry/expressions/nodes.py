"""What an expression is made of, and its canonical text."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mcbook.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """`column` is where the text of a node begins, counted from 1; it does not tell nodes apart."""

    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Number(_Placed):
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text(_Placed):
    """Text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Truth(_Placed):
    """``True`` or ``False``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Absent(_Placed):
    """``None``, which stands only behind ``is`` and ``is not``."""


@dataclass(frozen=True, slots=True)
class Name(_Placed):
    """A quantity by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative(_Placed):
    """A number with its sign changed."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Arithmetic(_Placed):
    """``+``, ``-``, ``*``, ``/``, ``%`` or ``**`` between two numbers."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call(_Placed):
    """A function with its arguments."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Comparison(_Placed):
    """A chain of comparisons, all of which must hold: one more operand than operators."""

    operators: tuple[str, ...]
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Membership(_Placed):
    """``in`` or ``not in`` a list."""

    operand: "Node"
    members: tuple["Node", ...]
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Absence(_Placed):
    """``is None`` or ``is not None`` behind a name."""

    operand: "Node"
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Negation(_Placed):
    """``not``."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Logic(_Placed):
    """``and`` or ``or`` between two or more conditions."""

    operator: str
    operands: tuple["Node", ...]


Node = (
    Number | Text | Truth | Absent | Name | Negative | Arithmetic | Call | Comparison | Membership
    | Absence | Negation | Logic
)  # fmt: skip


def children(node: Node) -> tuple[Node, ...]:
    """Return what a node is made of."""
    match node:
        case Negative(operand) | Negation(operand) | Absence(operand):
            return (operand,)
        case Arithmetic(_, left, right):
            return (left, right)
        case Call(_, operands) | Comparison(_, operands) | Logic(_, operands):
            return operands
        case Membership(operand, members):
            return (operand, *members)
        case _:
            return ()


_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(1, 10)
_LEVELS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}


@dataclass(frozen=True, slots=True)
class Printer:
    """Writes a node as text, with the brackets that its meaning needs.

    `number` and `name` write what they are called after, `call` a function with the texts of its
    arguments; `exponent` writes a number behind ``**``.
    """

    number: Callable[[float], str]
    name: Callable[[str], str]
    call: Callable[[str, list[str]], str]
    exponent: Callable[[float], str]

    def text(self, node: Node) -> str:
        """Return the text of a node."""
        return self._write(node)[0]

    def _inner(self, node: Node, level: int) -> str:
        text, found = self._write(node)
        return text if found >= level else f"({text})"

    def _write(self, node: Node) -> tuple[str, int]:  # noqa: PLR0911 - one case per kind of node
        match node:
            case Number(value):
                return self.number(value), _ATOM
            case Name(name):
                return self.name(name), _ATOM
            case Negative(operand):
                return "-" + self._inner(operand, _POWER), _SIGN
            case Arithmetic("**", left, right):
                if isinstance(right, Number):
                    return f"{self._inner(left, _ATOM)}**{self.exponent(right.value)}", _POWER
                return f"{self._inner(left, _ATOM)}**{self._inner(right, _ATOM)}", _POWER
            case Arithmetic(operator, left, right):
                level = _LEVELS[operator]
                return (
                    f"{self._inner(left, level)} {operator} {self._inner(right, level + 1)}",
                    level,
                )
            case Call(function, arguments):
                return self.call(function, [self.text(entry) for entry in arguments]), _ATOM
            case _:
                return self._write_condition(node)

    def _write_condition(self, node: Node) -> tuple[str, int]:  # noqa: PLR0911 - one case per kind of node
        match node:
            case Text(value):
                return (f'"{value}"' if "'" in value else f"'{value}'"), _ATOM
            case Truth(value):
                return str(value), _ATOM
            case Negation(operand):
                return "not " + self._inner(operand, _NOT), _NOT
            case Logic(operator, operands):
                level = _AND if operator == "and" else _OR
                words = [self._inner(operand, level + 1) for operand in operands]
                return f" {operator} ".join(words), level
            case Comparison(operators, operands):
                first, *rest = [self._inner(operand, _SUM) for operand in operands]
                pairs = zip(operators, rest, strict=True)
                return first + "".join(f" {op} {text}" for op, text in pairs), _COMPARE
            case Membership(operand, members, is_negated):
                listed = ", ".join(self.text(member) for member in members)
                word = "not in" if is_negated else "in"
                return f"{self._inner(operand, _SUM)} {word} [{listed}]", _COMPARE
            case Absence(operand, is_negated):
                return f"{self.text(operand)} is {'not ' * is_negated}None", _COMPARE
            case _:
                return "None", _ATOM


def plain_number(value: float) -> str:
    """Return the shortest text of a number, without a fraction where it is whole."""
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)  # noqa: PLR2004


CANONICAL = Printer(
    number=plain_number,
    name=lambda name: name,
    call=lambda function, arguments: f"{function}({', '.join(arguments)})",
    exponent=plain_number,
)


def wrong(text: str, column: int, message: str, hint: str | None = None) -> InputError:
    """Return an error about an expression, with the place in it."""
    return InputError(f"expression {shown(text)}, column {column}: {message}", hint=hint)


def shown(text: str) -> str:
    """Return an expression in quotes for a message, cut where it is long."""
    short = " ".join(text.split())
    return repr(short if len(short) <= 80 else short[:77] + "...")  # noqa: PLR2004
