"""What is to be tested of each row, for all hypotheses and regions at once.

The tests of a cutflow follow each other. Cutflows that begin with the same tests at the same values
share them: the plan is a tree, in which each is made once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mcbook.errors import InputError
from mcbook.registry.expressions import Expression, parse
from mcbook.selection.columns import closure
from mcbook.selection.columntypes import Column
from mcbook.selection.ntuple import Ntuple
from mcbook.selection.records import (
    EVENT,
    KEPT,
    READ,
    SPLIT,
    WHERE,
    WINDOW,
    Region,
    Selection,
)


@dataclass(frozen=True, slots=True)
class Test:
    """One step: a condition, or an interval of an observable; without both all rows pass.

    `is_negated` is for conditions on what is left out; `is_of_event` if it is one on the numbers of
    events.
    """

    name: str
    where: str = ""
    condition: Expression | None = None
    observable: str | None = None
    ends: tuple[float, float] = (0.0, 0.0)
    is_negated: bool = False
    is_of_event: bool = False

    @property
    def names(self) -> frozenset[str]:
        """What it needs."""
        found: frozenset[str] = frozenset() if self.condition is None else self.condition.names
        return found | {self.observable} if self.observable else found


@dataclass(frozen=True, slots=True)
class Node:
    """A test behind those above it, at the values `bound` of a hypothesis.

    `is_shared` if all hypotheses that come here make it alike.
    """

    number: int
    test: Test
    bound: Mapping[str, float]
    is_shared: bool
    children: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A cutflow: the numbers of its nodes."""

    hypothesis: Mapping[str, float]
    region: str
    numbers: tuple[int, ...]


class Plan:
    """What is tested in files; it can be sent to another process.

    Parameters
    ----------
    selection
        The selection.
    hypotheses
        Parameters of each hypothesis.
    regions
        The regions.
    is_data
        Whether the files are data: these have no weights, and trained no classifier.
    is_signal
        Whether they are simulation of the signal: windows are those of its own resolution.
    most
        By file, the largest number of events of a job behind it, where that is known.
    split
        Which part of the events, of those that ``optimise.split`` separates; None for all.
    extra
        Further names that are wanted of the rows.

    Raises
    ------
    InputError
        If a value cannot be told at a hypothesis.
    """

    def __init__(  # noqa: PLR0913 - what the callers tell apart
        self,
        selection: Selection,
        hypotheses: Sequence[Mapping[str, float]],
        regions: Sequence[Region],
        *,
        is_data: bool = False,
        is_signal: bool = False,
        most: Mapping[str, int] | None = None,
        split: bool | None = None,
        extra: Iterable[str] = (),
    ) -> None:
        self.path = selection.path
        self.is_data = is_data
        self.is_signal = is_signal
        self.most = dict(most or {})
        self.tree = selection.tree
        self.columns: dict[str, Column] = dict(selection.columns)
        self.weight = None if is_data else selection.weight
        self.event = selection.event
        self.values = frozenset(selection.values)
        self.known = selection.known
        first = _first_tests(selection, is_data=is_data, split=split)
        tests = [[*first, *_tests(selection, region)] for region in regions]
        direct = {name for listed in tests for test in listed for name in test.names} | set(extra)
        if self.weight is not None:
            direct |= self.weight.names
        self.names = closure(self.columns, direct)
        points = [selection.point(hypothesis) for hypothesis in hypotheses]
        self.bounds = [self._bound(selection, point) for point in points]
        self.varying = _varying(self.bounds)
        self.nodes: list[Node] = []
        self.leaves: list[Leaf] = []
        made: dict[Any, Node] = {}
        for hypothesis, point, bound in zip(hypotheses, points, self.bounds, strict=True):
            for region, listed in zip(regions, tests, strict=True):
                placed = self._placed(selection, point, region, listed)
                numbers = self._add(made, placed, bound)
                self.leaves.append(Leaf(dict(hypothesis), region.name, numbers))
        self.ends = frozenset(leaf.numbers[-1] for leaf in self.leaves)
        """Nodes at which a cutflow ends; another one may go on from there."""

    @property
    def root(self) -> Node:
        """The first node, at which rows are read."""
        return self.nodes[0]

    def branches(self, ntuple: Ntuple) -> frozenset[str]:
        """Return the branches that are needed of a file.

        Raises
        ------
        InputError
            If one is missing or holds no numbers, or a branch has the name of something else.
        """
        self._check_names(ntuple)
        needed = self.names - self.columns.keys() - self.values - self.known
        try:
            ntuple.check(needed, {*self.columns, *self.values, *self.known})
        except InputError as error:
            missing = next((n for n in sorted(needed) if n not in ntuple.branches), "")
            raise InputError(f"{self._used(missing)}{error.message}", hint=error.hint) from None
        if self.event is None or self.is_data:
            return needed
        if self.event.column in ntuple.branches:
            return needed | {self.event.column}  # candidates of one event are told by it
        if ntuple.path in self.most:  # which events are whose is known, and how they are numbered
            ntuple.check({self.event.column})
        return needed

    def _check_names(self, ntuple: Ntuple) -> None:
        """Refuse a branch that has the name of something else."""
        for name in ntuple.branches:
            taken = None
            if name in self.columns or name in self.values:
                taken = "a column" if name in self.columns else "a value"
            elif name in self.known and name in self.names:
                taken = "a parameter or constant of the model"
            if taken:
                raise InputError(
                    f"{ntuple.path}: there is a branch {name}, and {taken} is called so too",
                    hint=f"rename it in {self.path}",
                )

    def _used(self, name: str) -> str:
        """Return where a name is used first, for messages."""
        for node in self.nodes:
            if node.test.where and name in closure(self.columns, node.test.names):
                return f"{node.test.where}: "
        return ""

    def _bound(self, selection: Selection, point: Mapping[str, Any]) -> dict[str, float]:
        found = {}
        for name in sorted(self.names - self.columns.keys()):
            if name in selection.values:
                found[name] = float(selection.values[name].at(point))
            elif name in self.known:
                if name not in point:
                    raise InputError(f"{self.path}: {name} has no value at a hypothesis")
                found[name] = float(point[name])
        return found

    def _placed(
        self,
        selection: Selection,
        point: Mapping[str, Any],
        region: Region,
        tests: Sequence[Test],
    ) -> list[Test]:
        """Return the tests with the window where it is at a hypothesis."""
        found = list(tests)
        if selection.window is not None and region.window is not None:
            low, high = selection.window.limits(point, region.window, is_signal=self.is_signal)
            found[-1] = replace(found[-1], ends=(float(low), float(high)))
        return found

    def _add(
        self, made: dict[Any, Node], tests: Sequence[Test], bound: Mapping[str, float]
    ) -> tuple[int, ...]:
        """Add a cutflow to the tree, and return the numbers of its nodes."""
        above: Node | None = None
        numbers = []
        for test in tests:
            used = closure(self.columns, test.names) & self.varying
            values = tuple(bound[name] for name in sorted(used))
            key = (-1 if above is None else above.number, test, values)
            if key not in made:
                is_shared = not used and (above is None or above.is_shared)
                made[key] = Node(len(self.nodes), test, bound, is_shared)
                self.nodes.append(made[key])
                if above is not None:
                    above.children.append(made[key])
            above = made[key]
            numbers.append(above.number)
        return tuple(numbers)


def _varying(bounds: Sequence[Mapping[str, float]]) -> frozenset[str]:
    """Return the names that have more than one value."""
    first = bounds[0] if bounds else {}
    return frozenset(name for name in first if any(b[name] != first[name] for b in bounds))


def _first_tests(selection: Selection, *, is_data: bool, split: bool | None) -> list[Test]:
    """Return the tests before the cuts."""
    found = [Test(READ)]
    if selection.training is not None and not is_data:
        found.append(_of_event(selection, KEPT, selection.training, is_negated=True))
    if split is not None:
        condition = selection.optimise.split if selection.optimise else None
        if condition is None:
            raise no_split(selection)
        found.append(_of_event(selection, SPLIT, condition, is_negated=not split))
    return found


def _of_event(selection: Selection, name: str, condition: Expression, *, is_negated: bool) -> Test:
    """Return a test of the number of an event, over the column that holds it."""
    column = selection.event.column if selection.event else EVENT
    over = parse(re.sub(rf"\b{EVENT}\b", column, condition.canonical))
    return Test(name, selection.path, over, is_negated=is_negated, is_of_event=True)


def _tests(selection: Selection, region: Region) -> list[Test]:
    cuts = [selection.cuts[name] for name in region.cuts]
    found = [Test(cut.name, cut.where, cut.condition) for cut in cuts]
    if region.condition is not None:
        found.append(Test(WHERE, region.where, region.condition))
    if selection.window is not None and region.window is not None:
        found.append(Test(WINDOW, selection.window.where, observable=selection.window.observable))
    return found


def no_split(selection: Selection) -> InputError:
    """Return the error that says that events cannot be split."""
    return InputError(
        f"{selection.path}: nothing says how to split the events",
        hint="add to optimise: split: 'event % 2 == 0'",
    )
