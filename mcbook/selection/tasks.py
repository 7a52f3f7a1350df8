"""What is done with each file: counting, with boxes closed or not, and picking events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.expressions import Expression
from mcbook.selection.ntuple import Ntuple, open_ntuple
from mcbook.selection.plan import Plan
from mcbook.selection.records import WEIGHT
from mcbook.selection.rows import Mask, Rows
from mcbook.selection.tally import Tally

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """What is left after a step: events, the sum of their weights, and of the squares of these."""

    name: str
    n: int
    sumw: float
    sumw2: float


@dataclass(frozen=True, slots=True)
class Cutflow:
    """Steps of one region at one hypothesis.

    The first step is ``read``, all rows; ``kept`` follows where a selection names events that
    trained a classifier; then come the cuts, ``where`` and ``window`` as the region has them. Of
    data with closed boxes there is the last step alone. `repeated` are rows of the last step that
    are of the same event as the row before them, where events are numbered: further candidates.
    """

    hypothesis: Mapping[str, float]
    region: str
    steps: tuple[Step, ...]
    repeated: int = 0

    @property
    def selected(self) -> Step:
        """The last step."""
        return self.steps[-1]

    def __add__(self, other: "Cutflow") -> "Cutflow":
        """Return the cutflow of both; they are of one region and hypothesis."""
        pairs = zip(self.steps, other.steps, strict=True)
        steps = tuple(Step(a.name, a.n + b.n, a.sumw + b.sumw, a.sumw2 + b.sumw2) for a, b in pairs)
        return replace(self, steps=steps, repeated=self.repeated + other.repeated)


@dataclass(frozen=True, slots=True)
class FileCount:
    """What was counted in one file of `rows` rows."""

    path: str
    rows: int
    cutflows: tuple[Cutflow, ...]


class Count:
    """Counts the rows of files, each file by itself.

    Parameters
    ----------
    plan
        What is counted.
    closed
        Rows that pass one of its cutflows are dropped before anything else sees them.
    opened
        Rows that pass one of its cutflows are not dropped.
    """

    def __init__(self, plan: Plan, closed: Plan | None = None, opened: Plan | None = None) -> None:
        self.plan = plan
        self.closed = closed
        self.opened = opened
        self.chunk: int | None = None

    def run(self, path: str) -> FileCount:
        """Count the rows of a file."""
        masks = [plan for plan in (self.closed, self.opened) if plan is not None]
        with open_ntuple(path, self.plan.tree) as ntuple:
            tally = Tally(self.plan, path)
            marks = [_Marks(plan, path) for plan in masks]
            for chunk, size in _chunks(ntuple, [self.plan, *masks], self.chunk):
                rows = Rows(chunk, self.plan.columns, size, self.plan.varying)
                if marks:
                    drop = marks[0].of(chunk, size)
                    drop &= ~marks[1].of(chunk, size) if len(marks) > 1 else True
                    rows = rows.kept(~drop)
                tally.add(rows)
            for mark in marks:
                mark.tally.check()
            tally.check()
            return FileCount(path, ntuple.rows, tuple(self._cutflows(tally)))

    def _cutflows(self, tally: Tally) -> Iterator[Cutflow]:
        for leaf in self.plan.leaves:
            numbers = leaf.numbers if self.closed is None else leaf.numbers[-1:]
            steps = tuple(
                Step(
                    self.plan.nodes[i].test.name,
                    int(tally.n[i]),
                    float(tally.sumw[i]),
                    float(tally.sumw2[i]),
                )
                for i in numbers
            )
            repeated = int(tally.repeated[leaf.numbers[-1]])
            yield Cutflow(leaf.hypothesis, leaf.region, steps, repeated)


class _Marks:
    """Which rows of a chunk pass any cutflow of a plan."""

    def __init__(self, plan: Plan, path: str) -> None:
        self.plan = plan
        self.tally = Tally(plan, path, self._mark)
        self.marks: Mask = np.zeros(0, dtype=bool)

    def of(self, chunk: Mapping[str, NDArray[Any]], size: int) -> Mask:
        self.marks = np.zeros(size, dtype=bool)
        self.tally.add(Rows(chunk, self.plan.columns, size, self.plan.varying))
        return self.marks

    def _mark(self, _: int, rows: Rows, mask: Mask) -> None:
        self.marks[mask if rows.index is None else rows.index[mask]] = True


class Select:
    """Picks events of files.

    Parameters
    ----------
    plan
        A plan with one cutflow: what an event has to pass.
    expressions
        What is wanted of an event, by name.
    """

    def __init__(self, plan: Plan, expressions: Mapping[str, Expression]) -> None:
        self.plan = plan
        self.expressions = dict(expressions)
        self.chunk: int | None = None

    def run(self, path: str) -> dict[str, Array]:
        """Return columns of the events of a file that pass, and their weights."""
        parts: dict[str, list[Array]] = {name: [] for name in (*self.expressions, WEIGHT)}
        bound = self.plan.bounds[0]

        def pick(_: int, rows: Rows, mask: Mask) -> None:
            passed = rows.kept(mask)
            for name, expression in self.expressions.items():
                parts[name].append(np.array(passed.number(expression, bound)))
            weight = self.plan.weight
            ones = np.ones(passed.size)
            parts[WEIGHT].append(ones if weight is None else np.array(passed.number(weight, {})))

        with open_ntuple(path, self.plan.tree) as ntuple:
            tally = Tally(self.plan, path, pick)
            for chunk, size in _chunks(ntuple, [self.plan], self.chunk):
                tally.add(Rows(chunk, self.plan.columns, size, self.plan.varying))
            tally.check()
        empty = np.empty(0)
        return {name: np.concatenate([empty, *found]) for name, found in parts.items()}


def _chunks(
    ntuple: Ntuple, plans: list[Plan], rows: int | None
) -> Iterator[tuple[Mapping[str, NDArray[Any]], int]]:
    """Yield the branches of each chunk that the plans need, and its number of rows."""
    needed = frozenset[str]().union(*(plan.branches(ntuple) for plan in plans))
    for size, chunk in ntuple.chunks(needed, rows):
        yield chunk, size
