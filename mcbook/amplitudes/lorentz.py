"""Lorentz structures in the form of UFO, as constant tensors.

UFO: C. Degrande et al., Comput. Phys. Commun. 183, 1201 (2012), arXiv:1108.2040. Spinors are in
the chiral basis, gamma5 = diag(-1, -1, 1, 1). All indices of a tensor are lower ones: it is
contracted with vectors (and momenta) that have upper ones.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean

Complex = NDArray[np.complex128]

SCALAR, SPINOR, VECTOR = "scalar", "spinor", "vector"
_KINDS = {1: SCALAR, 2: SPINOR, 3: VECTOR}
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
SIGNS = np.array([1.0, -1.0, -1.0, -1.0])
_TINY = 1e-12
_ROW = 2
"""The leg whose spinor index is the row of a structure in UFO; that of the column is 1."""


def _gammas() -> Complex:
    """Return gamma^mu, shape (4, 4, 4)."""
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    found = np.zeros((4, 4, 4), dtype=complex)
    found[0, :2, 2:] = found[0, 2:, :2] = np.eye(2)
    found[1:, :2, 2:], found[1:, 2:, :2] = sigma, -sigma
    return found


def _epsilon() -> Complex:
    """Return the totally antisymmetric tensor with epsilon_0123 = -1."""
    found = np.zeros((4, 4, 4, 4), dtype=complex)
    for order in np.ndindex(4, 4, 4, 4):
        if len(set(order)) == 4:  # noqa: PLR2004
            found[order] = -np.linalg.det(np.eye(4)[list(order)])
    return found.round()


GAMMA = _gammas()
"""gamma^mu, index above."""
GAMMA5 = np.diag([-1.0, -1.0, 1.0, 1.0]).astype(complex)
CONJUGATION = 1j * GAMMA[2] @ GAMMA[0]
"""C, with C gamma^T C^-1 = -gamma."""

_TENSORS: Mapping[str, tuple[Complex, str]] = {
    "Gamma": (SIGNS[:, None, None] * GAMMA, "vss"),
    "Gamma5": (GAMMA5, "ss"),
    "Identity": (np.eye(4, dtype=complex), "ss"),
    "ProjM": ((np.eye(4) - GAMMA5) / 2, "ss"),
    "ProjP": ((np.eye(4) + GAMMA5) / 2, "ss"),
    "Metric": (METRIC.astype(complex), "vv"),
    "Epsilon": (_epsilon(), "vvvv"),
}
"""Tensors by their name in UFO, with the kinds of their indices."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One component that is not zero: its value, the index in each slot, and in each momentum."""

    value: complex
    slots: tuple[int, ...]
    momenta: tuple[tuple[int, int], ...]
    """Slot whose momentum, and its component."""


@dataclass(frozen=True)
class Structure:
    """A Lorentz structure of a vertex; `flipped` runs its fermion line the other way."""

    text: str
    kinds: tuple[str, ...]
    entries: tuple[Entry, ...]
    flipped: "Structure | None" = field(default=None, compare=False)

    def for_one_majorana(self) -> "Structure":
        """Return what a Majorana fermion has with itself: the mean of both ways of its line.

        Nothing is left of a vector current.
        """
        if self.flipped is None:
            return self
        totals: dict[tuple[Any, ...], complex] = {}
        for entry in self.entries:
            key = (entry.slots, entry.momenta)
            totals[key] = totals.get(key, 0) + entry.value / 2
        for entry in self.flipped.entries:
            first, second, *rest = entry.slots
            key = ((second, first, *rest), entry.momenta)
            totals[key] = totals.get(key, 0) + entry.value / 2
        kept = tuple(Entry(value, *key) for key, value in totals.items() if abs(value) > _TINY)
        return Structure(self.text, self.kinds, kept, self.flipped)


@cache
def structure(text: str, spins: tuple[int, ...]) -> Structure:
    """Return a structure from its form in UFO, such as ``Gamma(3,2,-1)*ProjM(-1,1)``.

    Parameters
    ----------
    text
        Products and sums of Gamma, Gamma5, Identity, ProjM, ProjP, Metric, Epsilon, P and numbers.
    spins
        2s+1 of each leg.

    Raises
    ------
    InputError
        If there is something else in it, an index that does not fit, nothing, or a leg of spin 3/2
        or 2.
    """
    for spin in spins:
        if spin not in _KINDS:
            raise InputError(
                f"the Lorentz structure {text!r} has a leg of spin {(spin - 1) / 2:g}",
                hint="spins 0, 1/2 and 1 can be computed here",
            )
    kinds = tuple(_KINDS[spin] for spin in spins)
    terms = list(_terms(_parsed(text), text))
    plain = [_Term(factor, factors, kinds, text) for factor, factors in terms]
    entries = tuple(entry for term in plain for entry in term.entries(is_flipped=False))
    if not entries:
        raise InputError(f"the Lorentz structure {text!r} is zero")
    flipped = None
    if kinds[:2] == (SPINOR, SPINOR):
        turned = tuple(entry for term in plain for entry in term.entries(is_flipped=True))
        flipped = Structure(text, kinds, turned)
    return Structure(text, kinds, entries, flipped)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise InputError(f"the Lorentz structure {text!r} cannot be read") from None


def _terms(node: ast.expr, text: str) -> Iterator[tuple[complex, list[ast.Call]]]:
    """Yield factor and tensors of each term of a sum of products."""
    match node:
        case ast.Constant(value=int() | float() | complex() as value):
            yield complex(value), []
        case ast.Call(func=ast.Name()):
            yield 1, [node]
        case ast.UnaryOp(op=ast.USub()):
            yield from ((-factor, calls) for factor, calls in _terms(node.operand, text))
        case ast.BinOp():
            yield from _joined(node, text)
        case _:
            raise _strange(node, text)


def _joined(node: ast.BinOp, text: str) -> Iterator[tuple[complex, list[ast.Call]]]:
    """Yield the terms of a sum, difference, product or quotient."""
    first, second = (list(_terms(side, text)) for side in (node.left, node.right))
    match node.op:
        case ast.Add():
            yield from first + second
        case ast.Sub():
            yield from first + [(-factor, calls) for factor, calls in second]
        case ast.Mult():
            yield from ((a * b, one + two) for a, one in first for b, two in second)
        case ast.Div() if len(second) == 1 and not second[0][1] and second[0][0]:
            yield from ((factor / second[0][0], calls) for factor, calls in first)
        case _:
            raise _strange(node, text)


def _strange(node: ast.expr, text: str) -> InputError:
    return InputError(f"{ast.unparse(node)!r} in the Lorentz structure {text!r} is not understood")


class _Term:
    """One product of tensors."""

    def __init__(
        self, factor: complex, calls: Sequence[ast.Call], kinds: tuple[str, ...], text: str
    ) -> None:
        self.kinds = kinds
        self.momenta: list[int] = []
        self.labels: dict[int, str] = {}
        self.uses: dict[int, list[str]] = {}
        self.placed: list[tuple[list[int], str]] = []
        operands = [self._operand(call, text) for call in calls]
        spectators = [
            slot
            for slot, kind in enumerate(kinds)
            if kind != SCALAR and slot + 1 not in self.labels
        ]
        if spectators:
            raise InputError(f"the Lorentz structure {text!r} leaves leg {spectators[0] + 1} out")
        if len(self.momenta) % 2:
            raise InputError(
                f"the Lorentz structure {text!r} has an odd number of momenta in a term",
                hint="that is not computed here; use MadGraph",
            )
        self._check_indices(text)
        for numbers, placed in self.placed:
            self._check_line(numbers, placed, text)
        self.tensor = factor * self._contracted(operands)

    def _operand(self, call: ast.Call, text: str) -> tuple[Complex, list[str], str]:
        """Return a tensor, the labels of its indices, and their kinds."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        numbers = self._numbers(call, text)
        if name == "P" and len(numbers) == 2:  # noqa: PLR2004
            if not 1 <= numbers[1] <= len(self.kinds):
                raise _strange(call, text)
            self.momenta.append(numbers[1] - 1)
            own = f"m{len(self.momenta)}"
            return METRIC.astype(complex), [self._label(numbers[0], "v"), own], "vv"
        if name not in _TENSORS or len(numbers) != len(_TENSORS[name][1]):
            raise InputError(
                f"{ast.unparse(call)!r} in the Lorentz structure {text!r} is not understood",
                hint=did_you_mean(name, [*_TENSORS, "P"]),
            )
        tensor, kinds = _TENSORS[name]
        self.placed.append((numbers, kinds))
        pairs = zip(numbers, kinds, strict=True)
        return tensor, [self._label(number, kind) for number, kind in pairs], kinds

    @staticmethod
    def _check_line(numbers: Sequence[int], kinds: str, text: str) -> None:
        """Refuse a fermion line that runs from leg 1 to leg 2."""
        for place, (number, kind) in enumerate(zip(numbers, kinds, strict=True)):
            is_row = place == len(numbers) - 2  # of the two spinor indices that end such a tensor
            if kind == "s" and number > 0 and is_row != (number == _ROW):
                raise InputError(
                    f"the fermion line of the Lorentz structure {text!r} does not run from leg 2"
                    " to leg 1",
                    hint="that is not computed here; use MadGraph",
                )

    @staticmethod
    def _numbers(call: ast.Call, text: str) -> list[int]:
        """Return the arguments of a tensor, all of which have to be whole numbers."""
        try:
            found = [ast.literal_eval(argument) for argument in call.args]
        except ValueError:
            raise _strange(call, text) from None
        if call.keywords or any(type(number) is not int for number in found):
            raise _strange(call, text)
        return found

    def _label(self, number: int, kind: str) -> str:
        self.labels[number] = f"i{number}"
        self.uses.setdefault(number, []).append(kind)
        return self.labels[number]

    def _check_indices(self, text: str) -> None:
        """Refuse an index that is none of a leg and not summed over, or of the wrong kind.

        Sums over what stands there would not say so.
        """
        own = {SCALAR: "", SPINOR: "s", VECTOR: "v"}
        for number, kinds in self.uses.items():
            if number < 0:
                is_right = kinds in (["s", "s"], ["v", "v"])
            else:
                is_right = 1 <= number <= len(self.kinds) and kinds == [own[self.kinds[number - 1]]]
            if not is_right:
                raise InputError(
                    f"the index {number} in the Lorentz structure {text!r} does not fit",
                    hint="one of a leg stands there once, a negative one twice, of one kind",
                )

    def _contracted(self, operands: list[tuple[Complex, list[str], str]]) -> Complex:
        """Return the tensor over slots and momenta; inner Lorentz indices meet with the metric."""
        letters: dict[str, str] = {}

        def letter(label: str) -> str:
            return letters.setdefault(label, chr(ord("a") + len(letters)))

        arrays: list[Complex] = []
        inputs: list[str] = []
        seen: set[str] = set()
        for tensor, labels, kinds in operands:
            for axis, label in enumerate(labels):
                is_inner = label.startswith("i-")
                if is_inner and label in seen and kinds[axis] == "v":
                    shape = [1] * tensor.ndim
                    shape[axis] = 4
                    tensor = tensor * SIGNS.reshape(shape)  # noqa: PLW2901
                seen.add(label)
            arrays.append(tensor)
            inputs.append("".join(letter(label) for label in labels))
        outer = "".join(
            letter(f"i{slot + 1}") for slot, kind in enumerate(self.kinds) if kind != SCALAR
        )
        outer += "".join(letter(f"m{number + 1}") for number in range(len(self.momenta)))
        found = np.einsum(",".join(inputs) + "->" + outer, *arrays) if arrays else np.array(1 + 0j)
        shape = [1 if kind == SCALAR else 4 for kind in self.kinds] + [4] * len(self.momenta)
        return np.asarray(found).reshape(shape)

    def entries(self, *, is_flipped: bool) -> Iterator[Entry]:
        """Yield what is not zero; flipped, the fermion line is C Gamma^T C^-1."""
        tensor = self.tensor
        if is_flipped:  # axes: column, row, rest
            turned = np.einsum(
                "ab,bc...,cd->ad...", CONJUGATION, tensor, np.linalg.inv(CONJUGATION)
            )
            tensor = turned
        count = len(self.kinds)
        for index in np.argwhere(np.abs(tensor) > _TINY):
            where = tuple(int(i) for i in index)
            moving = tuple(zip(self.momenta, where[count:], strict=True))
            value = complex(tensor[where])
            yield Entry(value, where[:count], moving)
