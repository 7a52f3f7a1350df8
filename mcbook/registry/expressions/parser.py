"""From text to nodes: the grammar of expressions, which is that of Python cut short."""

import re
from collections.abc import Callable
from typing import NamedTuple

from mcbook.errors import did_you_mean
from mcbook.registry.expressions.functions import CALLABLE
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
    wrong,
)

LONGEST = 2000
"""Largest number of characters in an expression."""

MOST_TOKENS = 500
DEEPEST_BRACKETS = 40

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![\w.])
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)(?!\w)
    | (?P<text>'[^'\r\n]*'|"[^"\r\n]*")
    | (?P<sign>\*\*|//|<>|&&|\|\||<=|>=|==|!=|[-+*/%<>()\[\],=&|^!])
    )""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "not", "in", "is", "None", "True", "False"})
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_INSTEAD = {
    "=": "write == to compare",
    "//": "write floor(a / b)",
    "<>": "write !=",
    "&": "write and",
    "&&": "write and",
    "|": "write or",
    "||": "write or",
    "^": "write ** for a power",
    "!": "write not",
    "true": "write True",
    "false": "write False",
    "none": "write None, or 'none' for the text",
    "null": "write None",
    "AND": "write and",
    "OR": "write or",
    "NOT": "write not",
    "IN": "write in",
}
_FUNCTIONS_ELSEWHERE = {
    "ln": "log(x) is the natural logarithm",
    "pow": "write x**y",
    "fabs": "write abs(x)",
    "arcsin": "write asin(x)",
    "arccos": "write acos(x)",
    "arctan": "write atan(x)",
    "arctan2": "write atan2(y, x)",
}


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def read(text: str) -> Node:
    """Read an expression, checking its form only.

    Raises
    ------
    InputError
        If it is too long, too deep or not an expression; with the column.
    """
    if len(text) > LONGEST:
        raise wrong(text, LONGEST, f"longer than {LONGEST} characters")
    return _Parser(text, _tokens(text)).whole()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place, end = 0, len(text.rstrip(" \t\r\n"))
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            blank = len(text[place:]) - len(text[place:].lstrip(" \t\r\n"))
            raise _no_token(text, place + blank)
        kind = str(match.lastgroup)
        word, column = match[kind], match.start(kind) + 1
        if word in _INSTEAD:
            raise wrong(text, column, f"{word!r} is not used here", _INSTEAD[word])
        found.append(_Token(word if kind == "sign" or word in _WORDS else kind, word, column))
        place = match.end()
    if len(found) > MOST_TOKENS:
        raise wrong(text, found[MOST_TOKENS].column, f"longer than {MOST_TOKENS} words and signs")
    return [*found, _Token("end", "", len(text) + 1)]


def _no_token(text: str, place: int) -> Exception:
    sign, column = text[place], place + 1
    if sign in "'\"":
        return wrong(text, column, "the text has no closing quote")
    if sign == "." and text[place + 1 : place + 2] not in set("0123456789"):
        return wrong(text, column, "a dot is part of numbers only")
    if sign in "0123456789.":
        word = re.match(r"[\w.]+", text[place:])
        hint = "write products with *, and digits without underscores"
        return wrong(text, column, f"{word and word[0]!r} is not a number", hint)
    if sign.isidentifier():
        return wrong(text, column, "names are made of the letters a to z, digits and _")
    if sign in "{}@:;?~$`\\#":
        return wrong(text, column, f"{sign!r} is not used in expressions")
    return wrong(text, column, f"the character {sign!r} is not understood")


class _Parser:
    """Recursive descent; each method reads one level of the grammar."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.next
        self.place += 1
        return token

    def takes(self, kind: str) -> bool:
        if self.next.kind != kind:
            return False
        self.place += 1
        return True

    def expect(self, kind: str) -> None:
        if not self.takes(kind):
            raise self.unexpected(f"{kind!r} is missing")

    def unexpected(self, wanted: str, hint: str | None = None) -> Exception:
        token = self.next
        if token.kind == "end":
            return wrong(self.text, token.column, f"{wanted} at the end", hint)
        return wrong(self.text, token.column, f"{wanted} before {token.text!r}", hint)

    def whole(self) -> Node:
        if self.next.kind == "end":
            raise wrong(self.text, 1, "the expression is empty")
        node = self.either()
        if self.next.kind != "end":
            raise self.unexpected("an operator is missing")
        return node

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST_BRACKETS:
            raise wrong(
                self.text, self.next.column, f"nested deeper than {DEEPEST_BRACKETS} levels"
            )

    def either(self) -> Node:
        self.deeper()
        node = self.joined("or", self.both)
        self.depth -= 1
        return node

    def both(self) -> Node:
        return self.joined("and", self.negation)

    def joined(self, word: str, inner: Callable[[], Node]) -> Node:
        column = self.next.column
        operands = [inner()]
        while self.takes(word):
            operands.append(inner())
        return operands[0] if len(operands) == 1 else Logic(word, tuple(operands), column=column)

    def negation(self) -> Node:
        column = self.next.column
        if not self.takes("not"):
            return self.comparison()
        self.deeper()
        node = Negation(self.negation(), column=column)
        self.depth -= 1
        return node

    def comparison(self) -> Node:
        column = self.next.column
        operands, operators = [self.sum()], []
        while self.next.kind in _COMPARISONS:
            operators.append(self.take().kind)
            operands.append(self.sum())
        if self.next.kind not in {"in", "not", "is"}:
            if not operators:
                return operands[0]
            return Comparison(tuple(operators), tuple(operands), column=column)
        if operators:
            raise self.unexpected("'and' is missing")
        if self.takes("is"):
            return self.absence(operands[0], column)
        is_negated = self.takes("not")
        self.expect("in")
        return Membership(operands[0], self.members(), is_negated, column=column)

    def absence(self, operand: Node, column: int) -> Node:
        is_negated = self.takes("not")
        if not self.takes("None"):
            raise self.unexpected("'is' is used with None only: None is missing")
        return Absence(operand, is_negated, column=column)

    def members(self) -> tuple[Node, ...]:
        if not self.takes("["):
            hint = "a list is written with [ ], as in process in ['a', 'b']"
            raise self.unexpected("a list such as [1, 2] is missing", hint)
        found = [self.sum()]
        while self.takes(",") and self.next.kind != "]":
            found.append(self.sum())
        self.expect("]")
        return tuple(found)

    def sum(self) -> Node:
        return self.chained({"+", "-"}, self.product)

    def product(self) -> Node:
        return self.chained({"*", "/", "%"}, self.signed)

    def chained(self, operators: set[str], inner: Callable[[], Node]) -> Node:
        column = self.next.column
        node = inner()
        while self.next.kind in operators:
            operator = self.take().kind
            node = Arithmetic(operator, node, inner(), column=column)
        return node

    def signed(self) -> Node:
        column = self.next.column
        if self.next.kind not in {"+", "-"}:
            return self.power()
        self.deeper()
        sign = self.take().kind
        operand = self.signed()
        self.depth -= 1
        if sign == "-":
            return Negative(operand, column=column)
        if not isinstance(operand, Number | Name | Negative | Arithmetic | Call):
            raise wrong(self.text, column, "'+' stands before a number only")
        return operand

    def power(self) -> Node:
        column = self.next.column
        base = self.atom()
        if not self.takes("**"):
            return base
        self.deeper()
        exponent = self.signed()
        self.depth -= 1
        return Arithmetic("**", base, exponent, column=column)

    def atom(self) -> Node:
        token = self.next
        match token.kind:
            case "number":
                self.take()
                return Number(float(token.text), column=token.column)
            case "text":
                self.take()
                return Text(token.text[1:-1], column=token.column)
            case "True" | "False":
                self.take()
                return Truth(token.kind == "True", column=token.column)
            case "None":
                self.take()
                return Absent(column=token.column)
            case "(":
                self.take()
                node = self.either()
                self.expect(")")
                return node
            case "name":
                self.take()
                return self.call(token) if self.next.kind == "(" else self.name(token)
            case _:
                raise self.unexpected("a number, a name or a bracket is missing")

    def name(self, token: _Token) -> Node:
        if token.text in CALLABLE:
            raise wrong(
                self.text, token.column, f"{token.text} is a function", f"write {token.text}(...)"
            )
        return Name(token.text, column=token.column)

    def call(self, token: _Token) -> Node:
        if token.text not in CALLABLE:
            hint = _FUNCTIONS_ELSEWHERE.get(token.text) or did_you_mean(token.text, CALLABLE)
            raise wrong(self.text, token.column, f"there is no function {token.text!r}", hint)
        self.take()
        arguments: list[Node] = []
        while self.next.kind != ")":
            arguments.append(self.either())
            if not self.takes(","):
                break
        self.expect(")")
        return Call(token.text, tuple(arguments), column=token.column)
