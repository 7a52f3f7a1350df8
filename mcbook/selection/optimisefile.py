"""What a selection says of its optimisation, as cuts in which a value is looked for.

A value is looked for in a cut ``variable operator value``, alone or joined to other conditions by
``and``: the variable is an expression without such values, the operator one of ``< <= > >=``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcbook.errors import InputError
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.expressions.nodes import (
    CANONICAL,
    Comparison,
    Logic,
    Name,
    Node,
    children,
    shown,
)
from mcbook.registry.yamlfile import Keys
from mcbook.selection.columntypes import ExpressionColumn
from mcbook.selection.combinations import SIGNS, Axis
from mcbook.selection.optimise import Rules
from mcbook.selection.records import Cut, Optimise, Selection
from mcbook.selection.values import Value

FORM = "write it as: column < {0}, expression >= {0}, or such a condition and others"

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Tuned:
    """A cut value that is looked for.

    Attributes
    ----------
    axis
        Its name, the operator of its cut, and what is tried.
    cut
        Name of the cut.
    variable
        What is compared with it.
    """

    axis: Axis
    cut: str
    variable: Expression

    @property
    def name(self) -> str:
        """Name of the value."""
        return self.axis.name

    @property
    def column(self) -> str:
        """Name of a column that holds the variable, in `loosened`."""
        return f"tuned__{self.name}"


def block(selection: Selection) -> Optimise:
    """Return what a selection says of its optimisation.

    Raises
    ------
    InputError
        If it says nothing.
    """
    if selection.optimise is None:
        raise InputError(
            f"{selection.path}: the key 'optimise' is missing",
            hint="add, for example: optimise: {values: {pt_min: {range: [0, 2], steps: 40}}}",
        )
    return selection.optimise


def tuned_values(selection: Selection) -> list[Tuned]:
    """Return the values that are looked for, in the order of the file.

    Raises
    ------
    InputError
        If a value is used elsewhere than in one cut of the region, or that cut has another form.
    """
    wanted = block(selection)
    found = []
    for name, scan in wanted.values.items():
        cut = _cut_of(selection, name)
        if cut.name not in selection.region(wanted.region).cuts:
            raise _error(
                selection, name, f"the region {wanted.region} is without the cut {cut.name}"
            )
        operator, variable = _compared(cut, name, set(wanted.values))
        tried = np.linspace(scan.low, scan.high, scan.steps + 1)
        axis = Axis.over(name, operator, [float(f"{value:.12g}") for value in tried])
        found.append(Tuned(axis, cut.name, variable))
    return found


def rules_of(selection: Selection) -> Rules:
    """Return how values are chosen.

    Raises
    ------
    InputError
        If an option is not right.
    """
    wanted = block(selection)
    smooth = wanted.options.get("smooth", True)
    least = wanted.options.get("min_background", 0)
    keys: Keys = ("optimise", "smooth")
    loss = None
    if not isinstance(smooth, bool):
        loss = _number(smooth)
        if loss is None or not 0 < loss < 1:
            raise selection.document.error(
                keys,
                f"{smooth!r} is neither true, false nor a number between 0 and 1",
                "smooth: 0.02 allows to lose 2% of the figure of merit, on the average",
            )
    number = _number(least)
    if number is None or number < 0:
        keys = ("optimise", "min_background")
        raise selection.document.error(keys, f"{least!r} is no number of events")
    return Rules(wanted.a, smooth is not False, loss, number)


def loosened(selection: Selection, tuned: Sequence[Tuned]) -> Selection:
    """Return the selection at the loosest of all values, with the variables as columns.

    Tables of the values that are looked for are not read, and need not be there.
    """
    values = dict(selection.values)
    columns = dict(selection.columns)
    for each in tuned:
        where = values[each.name].where
        values[each.name] = Value(where, parse(repr(each.axis.loosest)))
        columns[each.column] = ExpressionColumn(each.column, where, each.variable)
    return replace(selection, values=values, columns=columns)


def _cut_of(selection: Selection, name: str) -> Cut:
    """Return the one cut that uses a value; it is used nowhere else."""
    elsewhere = [f"the column {c}" for c, column in selection.columns.items()
                 if name in column.names]  # fmt: skip
    elsewhere += [
        f"the region {region.name}"
        for region in selection.regions.values()
        if region.condition is not None and name in region.condition.names
    ]
    cuts = [cut for cut in selection.cuts.values() if name in cut.condition.names]
    if elsewhere:
        raise _error(selection, name, f"{elsewhere[0]} uses it, and only one cut may")
    if len(cuts) != 1:
        told = "no cut uses it" if not cuts else (
            f"the cuts {' and '.join(cut.name for cut in cuts)} use it, and only one may"
        )  # fmt: skip
        raise _error(selection, name, told)
    return cuts[0]


def _compared(cut: Cut, name: str, wanted: set[str]) -> tuple[str, Expression]:
    """Return operator and variable of the comparison that a value is in."""
    pairs = [pair for pair in _pairs(cut.condition.node) if name in _names(pair)]
    uses = sum(node == Name(name) for node in _nodes(cut.condition.node))
    if len(pairs) != 1 or uses != 1:
        raise _form(cut, name)
    operator, left, right = pairs[0]
    if left == Name(name):
        operator, left, right = _TURNED.get(operator, operator), right, left
    if right != Name(name) or operator not in SIGNS:
        raise _form(cut, name)
    variable = parse(CANONICAL.text(left))
    if both := sorted(variable.names & wanted):
        raise _form(cut, name, f", and {both[0]} is looked for as well")
    return operator, variable


Pair = tuple[str, Node, Node]


def _pairs(node: Node) -> Iterator[Pair]:
    """Yield the comparisons that must all hold."""
    match node:
        case Comparison(operators, operands):
            yield from zip(operators, operands, operands[1:], strict=False)
        case Logic("and", operands):
            for operand in operands:
                yield from _pairs(operand)


def _names(pair: Pair) -> set[str]:
    return {node.name for side in pair[1:] for node in _nodes(side) if isinstance(node, Name)}


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _nodes(child)


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _form(cut: Cut, name: str, more: str = "") -> InputError:
    return InputError(
        f"{cut.where}: {name} is looked for, and {shown(cut.condition.text)} does not compare one"
        f" expression with it alone{more}",
        hint=FORM.format(name),
    )


def _error(selection: Selection, name: str, message: str) -> InputError:
    return selection.document.error(("optimise", "values", name), message)
