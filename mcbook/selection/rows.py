"""Rows of one chunk of an ntuple, and columns over them: computed when asked for, and once.

Cuts keep fewer and fewer rows. What does not depend on the hypothesis is computed at the last rows
that all hypotheses share; hypotheses whose rows differ take their part of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.expressions import Expression, is_plain
from mcbook.selection.columns import closure, kinematics, python
from mcbook.selection.columntypes import Column, ExpressionColumn, KinematicsColumn

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Bound = Mapping[str, float]
"""Values and parameters of one hypothesis."""

_MOST_DEPENDENT = 8
"""Columns of single hypotheses that are kept; hypotheses come one after the other."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which rows pass; `unknown` those for which it cannot be told, None where there are none."""

    holds: Mask
    unknown: Mask | None


@dataclass(frozen=True, slots=True)
class _Held:
    values: NDArray[Any]
    is_plain: bool


class Rows:
    """Some rows of a chunk.

    Parameters
    ----------
    branches
        Branches of the chunk, of shape (rows of the chunk,) each.
    columns
        Columns by name.
    size
        Number of rows.
    varying
        Names that differ from one hypothesis to another.
    """

    def __init__(
        self,
        branches: Mapping[str, NDArray[Any]],
        columns: Mapping[str, Column],
        size: int,
        varying: frozenset[str] = frozenset(),
    ) -> None:
        self.branches = branches
        self.columns = columns
        self.size = size
        self.varying = varying
        self.is_shared = True
        self.index: NDArray[np.intp] | None = None
        self._parent: Rows | None = None
        self._keep: Mask | None = None
        self._held: dict[Any, _Held] = {}
        self._of_one: dict[Any, _Held] = {}
        self._verdicts: dict[Any, Verdict] = {}

    def kept(self, keep: Mask, *, is_shared: bool = True) -> "Rows":
        """Return some of the rows.

        Parameters
        ----------
        keep
            Which, shape (size,).
        is_shared
            Whether all hypotheses that have these rows keep the same of them.
        """
        found = Rows(self.branches, self.columns, int(np.count_nonzero(keep)), self.varying)
        found.is_shared = self.is_shared and is_shared
        found._parent, found._keep = self, keep
        found.index = np.flatnonzero(keep) if self.index is None else self.index[keep]
        return found

    def values(self, name: str, bound: Bound) -> NDArray[Any]:
        """Return a branch or a column over the rows, shape (size,): doubles, or truth values."""
        return self._get(name, bound).values

    def number(self, expression: Expression, bound: Bound) -> Array:
        """Return a number over the rows, shape (size,); NaN where it is not defined."""
        namespace, is_simple = self._namespace(expression, bound)
        found = expression.evaluate_plain(namespace) if is_simple else None
        if found is None:
            found = expression.evaluate(namespace)
        return np.broadcast_to(found, (self.size,))

    def verdict(self, condition: Expression, bound: Bound) -> Verdict:
        """Return which of the rows pass a condition."""
        key = self._key(condition.names, bound, condition)
        if key[1] or self.is_shared or self._parent is None:
            return self._told(condition, bound)
        if key not in self._verdicts:  # what all hypotheses share is told once for all of them
            above = self._parent.verdict(condition, bound)
            unknown = None if above.unknown is None else above.unknown[self._keep]
            self._verdicts[key] = Verdict(above.holds[self._keep], unknown)
        return self._verdicts[key]

    def _told(self, condition: Expression, bound: Bound) -> Verdict:
        key = self._key(condition.names, bound, condition)
        if not key[1] and key in self._verdicts:
            return self._verdicts[key]
        namespace, is_simple = self._namespace(condition, bound)
        holds = condition.evaluate_plain(namespace) if is_simple else None
        unknown = None
        if holds is None:
            holds, fails = condition.verdict(namespace)
            unknown = np.broadcast_to(~(holds | fails), (self.size,))
        found = Verdict(np.broadcast_to(holds, (self.size,)), unknown)
        if not key[1]:
            self._verdicts[key] = found
        return found

    def _namespace(self, expression: Expression, bound: Bound) -> tuple[dict[str, Any], bool]:
        """Return what an expression is over, and whether all of it is plain."""
        namespace: dict[str, Any] = {}
        is_simple = True
        for name in expression.names:
            if name in bound and name not in self.columns:
                namespace[name] = bound[name]
                is_simple = is_simple and is_plain(np.asarray(bound[name], dtype=np.float64))
            else:
                held = self._get(name, bound)
                namespace[name] = held.values
                is_simple = is_simple and held.is_plain
        return namespace, is_simple

    def _key(self, names: Any, bound: Bound, what: Any) -> tuple[Any, tuple[float, ...]]:
        used = closure(self.columns, names) & self.varying
        return what, tuple(bound[name] for name in sorted(used))

    def _get(self, name: str, bound: Bound) -> _Held:
        key = self._key((name,), bound, name)
        store = self._of_one if key[1] else self._held
        if key not in store:
            if key[1] and len(store) >= _MOST_DEPENDENT:
                del store[next(iter(store))]
            store[key] = self._found(name, key, bound)
        return store[key]

    def _found(self, name: str, key: tuple[Any, tuple[float, ...]], bound: Bound) -> _Held:
        if name not in self.columns and name not in bound:
            return self._branch(name)
        parent = self._parent
        is_above = parent is not None and (parent.holds(key) or (not key[1] and not self.is_shared))
        if parent is not None and is_above:
            above = parent._get(name, bound)  # noqa: SLF001 - of the same class
            return _Held(above.values[self._keep], above.is_plain)
        values = self._computed(name, bound)
        return _Held(values, is_plain(values))

    def holds(self, key: tuple[Any, tuple[float, ...]]) -> bool:
        """Return whether a column is there already, for these or for more rows."""
        store = self._of_one if key[1] else self._held
        return key in store or (self._parent is not None and self._parent.holds(key))

    def _branch(self, name: str) -> _Held:
        array = self.branches[name]
        if self.index is not None:
            array = array[self.index]
        is_fine = is_plain(array)
        if array.dtype.kind != "b":
            array = array.astype(np.float64, copy=False)
        return _Held(array, is_fine)

    def _computed(self, name: str, bound: Bound) -> Array:
        column = self.columns.get(name)
        if column is None:
            return np.full(self.size, bound[name])
        if not self.size:
            return np.empty(0)
        if isinstance(column, ExpressionColumn):
            return self.number(column.expression, bound)
        arrays = [self._number_of(need, bound) for need in column.needs]
        if isinstance(column, KinematicsColumn):
            return kinematics(column, arrays)
        return python(column, arrays)

    def _number_of(self, name: str, bound: Bound) -> Array:
        return self.values(name, bound).astype(np.float64, copy=False)
