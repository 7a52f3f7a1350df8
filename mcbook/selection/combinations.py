"""All combinations of cut values at once: histograms of events, and cumulative sums in each value.

An event passes a cut of one value up to some value and fails it beyond. So a histogram over the
values of all cuts, summed up from its far end along each, holds for every combination the sum of
the weights of exactly those events that pass all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_COMBINATIONS = 3_000_000
MOST_CELLS = 30_000_000
MOST_VALUES = 4
"""Cuts that are optimised together."""

SIGNS = {">": 1.0, ">=": 1.0, "<": -1.0, "<=": -1.0}


@dataclass(frozen=True, slots=True)
class Axis:
    """A cut ``variable operator value`` with the values that are tried.

    Attributes
    ----------
    name
        Of the value.
    operator
        One of ``> >= < <=``.
    values
        What is tried, the loosest first, shape (n,).
    """

    name: str
    operator: str
    values: Array

    @classmethod
    def over(cls, name: str, operator: str, values: Sequence[float] | Array) -> "Axis":
        """Return the axis of values in any order.

        Raises
        ------
        InputError
            If there are fewer than two, one is there twice or not finite, or the operator is none
            of an order.
        """
        if operator not in SIGNS:
            raise InputError(f"{name}: {operator} has no direction", hint="one of > >= < <=")
        given = np.sort(np.asarray(values, dtype=np.float64))
        if given.size < 2 or not np.isfinite(given).all() or (np.diff(given) == 0).any():  # noqa: PLR2004
            raise InputError(f"{name}: two or more different values are wanted")
        return cls(name, operator, given if SIGNS[operator] > 0 else given[::-1].copy())

    @property
    def loosest(self) -> float:
        """The value that lets most events pass."""
        return float(self.values[0])

    def passed(self, variable: Array) -> NDArray[np.int64]:
        """Return how many of the values each event passes, the loosest ones, shape (events,)."""
        sign = SIGNS[self.operator]
        side: Literal["left", "right"] = "right" if self.operator in {">=", "<="} else "left"
        return np.asarray(
            np.searchsorted(sign * self.values, sign * variable, side=side), dtype=np.int64
        )

    def passes(self, variable: Array, value: float) -> Mask:
        """Return which events pass the cut at any value, shape (events,)."""
        sign = SIGNS[self.operator]
        left, right = sign * variable, sign * value
        return np.asarray(left >= right if self.operator in {">=", "<="} else left > right)

    def at(self, place: Array) -> Array:
        """Return the values at places counted in steps from the loosest, interpolated."""
        return np.interp(place, np.arange(len(self.values)), self.values)

    def place(self, value: float) -> float:
        """Return where a value is, in steps from the loosest."""
        sign = SIGNS[self.operator]
        return float(np.interp(sign * value, sign * self.values, np.arange(len(self.values))))


def check_axes(axes: Sequence[Axis], n_hypotheses: int = 1) -> None:
    """Check that there are not too many combinations.

    Raises
    ------
    InputError
        If there are.
    """
    if not 1 <= len(axes) <= MOST_VALUES:
        raise InputError(f"{len(axes)} values to optimise: 1 to {MOST_VALUES} are taken at a time")
    found = prod(len(axis.values) for axis in axes)
    if found > MOST_COMBINATIONS or found * n_hypotheses > MOST_CELLS:
        raise InputError(
            f"{' x '.join(str(len(axis.values)) for axis in axes)} values are {found:,}"
            f" combinations at {n_hypotheses} hypotheses, and at most {MOST_COMBINATIONS:,}, and"
            f" {MOST_CELLS:,} at all hypotheses, are looked at",
            hint="fewer steps, fewer values at a time, or fewer samples",
        )


def sums(axes: Sequence[Axis], variables: Array, weights: Sequence[Array]) -> list[Array]:
    """Return the sum of weights that passes each combination of values.

    Parameters
    ----------
    axes
        The cuts.
    variables
        What is cut on, shape (events, cuts).
    weights
        Sets of weights, shape (events,) each.

    Returns
    -------
    list
        For each set, shape (values of the first cut, of the second, ...), the loosest first.
    """
    shape = tuple(len(axis.values) + 1 for axis in axes)
    places = [axis.passed(variables[:, i]) for i, axis in enumerate(axes)]
    flat = np.ravel_multi_index(tuple(places), shape)
    found: list[Array] = []
    for each in weights:
        counted = np.bincount(flat, weights=each, minlength=prod(shape)).reshape(shape)
        total: Array = np.asarray(counted, dtype=np.float64)
        for i in range(len(axes)):
            total = np.flip(np.cumsum(np.flip(total, i), i), i)
        found.append(np.ascontiguousarray(total[(slice(1, None),) * len(axes)]))
    return found


def passing(axes: Sequence[Axis], variables: Array, values: Sequence[float]) -> Mask:
    """Return which events pass all cuts at one combination of any values, shape (events,)."""
    found = np.ones(len(variables), dtype=bool)
    for i, (axis, value) in enumerate(zip(axes, values, strict=True)):
        found &= axis.passes(variables[:, i], value)
    return found
