"""Tests rows of files as planned, and counts those that pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.selection.columntypes import ExpressionColumn
from mcbook.selection.plan import Node, Plan, Test
from mcbook.selection.rows import Mask, Rows, Verdict

Array = NDArray[np.float64]
OnLeaf = Callable[[int, Rows, Mask], None]
"""Called with the number of the last test of a cutflow, the rows before it, which of them pass."""


@dataclass(slots=True)
class _Unknown:
    """How many rows a test could not be told for, and why."""

    rows: int = 0
    column: str | None = None


class Tally:
    """Counts of the rows that pass each test of a plan.

    Attributes
    ----------
    n, sumw, sumw2
        Numbers of rows, sums of weights and of their squares, by number of the node.
    repeated
        Rows at the end of a cutflow that are of the same event as the row before them.
    """

    def __init__(self, plan: Plan, path: str, on_leaf: OnLeaf | None = None) -> None:
        size = len(plan.nodes)
        self.plan = plan
        self.path = path
        self.on_leaf = on_leaf
        self.n = np.zeros(size, dtype=np.int64)
        self.sumw, self.sumw2 = np.zeros(size), np.zeros(size)
        self.repeated = np.zeros(size, dtype=np.int64)
        self._last = np.full(size, np.nan)
        self._unknown = [_Unknown() for _ in plan.nodes]
        self._unweighted = _Unknown()

    def add(self, rows: Rows) -> None:
        """Count rows of a chunk."""
        if not self.plan.nodes:
            return
        weights = None
        if self.plan.weight is not None:
            weights = rows.number(self.plan.weight, {})
            absent = np.isnan(weights)
            if absent.any():
                self._note(self._unweighted, rows, absent, (self.plan.weight.names, {}))
                weights = np.where(absent, 0.0, weights)
        self._walk(self.plan.root, rows, weights)

    def check(self) -> None:
        """Refuse a file in which a test or a weight could not be told.

        Raises
        ------
        InputError
            If there is one: with the first test, the column, the number of rows and the remedy.
        """
        if self._unweighted.rows:
            raise self._error(self._unweighted, "the weight")
        for node, unknown in zip(self.plan.nodes, self._unknown, strict=True):
            if unknown.rows:
                test = node.test
                what = f"the step {test.name}"
                if test.condition is not None:
                    what = f"the step {test.name} ({test.condition.text})"
                raise self._error(unknown, what)

    def _walk(self, node: Node, rows: Rows, weights: Array | None) -> None:
        mask = self._passed(node, rows)
        kept = None if weights is None else weights[mask]
        count = int(np.count_nonzero(mask))
        self.n[node.number] += count
        self.sumw[node.number] += count if kept is None else kept.sum()
        self.sumw2[node.number] += count if kept is None else (kept * kept).sum()
        if node.number in self.plan.ends:
            self._end(node.number, rows, mask)
        if count and node.children:
            below = rows if count == rows.size else rows.kept(mask, is_shared=node.is_shared)
            for child in node.children:
                self._walk(child, below, kept)

    def _end(self, number: int, rows: Rows, mask: Mask) -> None:
        if self.on_leaf is not None:
            self.on_leaf(number, rows, mask)
        event = self.plan.event
        if event is None or event.column not in rows.branches or not mask.any():
            return
        numbers = rows.values(event.column, {})[mask]
        before = np.concatenate([self._last[number : number + 1], numbers[:-1]])
        self.repeated[number] += int(np.count_nonzero(numbers == before))
        self._last[number] = numbers[-1]

    def _passed(self, node: Node, rows: Rows) -> Mask:
        test = node.test
        if test.condition is None and test.observable is None:
            return np.ones(rows.size, dtype=bool)
        if test.is_of_event:
            self._check_events(test, rows)
        verdict = _told(test, rows, node.bound)
        holds = ~verdict.holds if test.is_negated else verdict.holds
        if verdict.unknown is not None and verdict.unknown.any():
            unknown = self._unknown[node.number]
            self._note(unknown, rows, verdict.unknown, (test.names, node.bound))
            holds = holds & ~verdict.unknown
        return holds

    def _check_events(self, test: Test, rows: Rows) -> None:
        event = self.plan.event
        if event is None or not rows.size:
            return
        numbers = rows.values(event.column, {})
        wrong = (numbers < event.first) | (numbers != np.floor(numbers))
        wrong &= ~np.isnan(numbers)
        most = self.plan.most.get(self.path)
        if most is not None and (beyond := numbers >= event.first + most).any():
            raise InputError(
                f"{self.path}: {event.column} is {numbers[beyond][0]:.9g}, and numbers events from"
                f" {event.first} on in jobs of {most} events (step {test.name})",
                hint="numbers begin again in each job: event: {column: ..., first: ...} says which"
                " column has them",
            )
        if wrong.any():
            raise InputError(
                f"{self.path}: {event.column} is {numbers[wrong][0]:.9g}, and numbers events from"
                f" {event.first} on (step {test.name})",
                hint="event: {column: ..., first: ...} says which column, and from where on",
            )

    def _note(
        self, unknown: _Unknown, rows: Rows, absent: Mask, of: tuple[Any, Mapping[str, float]]
    ) -> None:
        if not unknown.rows:
            row = int(np.flatnonzero(absent)[0])
            unknown.column = _culprit(rows, of[0], of[1], row)
        unknown.rows += int(np.count_nonzero(absent))

    def _error(self, unknown: _Unknown, what: str) -> InputError:
        column, count = unknown.column, unknown.rows
        rows = f"{count} row" + "s" * (count != 1)
        if column is None:
            return InputError(
                f"{self.path}: {what} is not defined in {rows}",
                hint="no division by zero, no root of a negative number: keep such rows out before",
            )
        hint = f"'{column} is None or ...' keeps such rows, '{column} is not None and ...' does not"
        if what == "the weight":
            hint = f"where({column} is None, 1, {column}) gives such rows a weight of 1"
        return InputError(
            f"{self.path}: {what} cannot be told in {rows}: {column} is absent (NaN)", hint=hint
        )


def _told(test: Test, rows: Rows, bound: Mapping[str, float]) -> Verdict:
    if test.condition is not None:
        return rows.verdict(test.condition, bound)
    values = rows.values(str(test.observable), bound)
    low, high = test.ends
    absent = np.isnan(values) if values.dtype.kind == "f" else None
    return Verdict((values >= low) & (values <= high), absent)


def _culprit(rows: Rows, names: Any, bound: Mapping[str, float], row: int) -> str | None:
    """Return the branch or column that is absent in a row, the deepest there is."""
    for name in sorted(names):
        if name in bound and name not in rows.columns:
            continue
        if np.isnan(float(rows.values(name, bound)[row])):
            column = rows.columns.get(name)
            deeper = column.names if isinstance(column, ExpressionColumn) else ()
            return _culprit(rows, deeper, bound, row) or name
    return None
