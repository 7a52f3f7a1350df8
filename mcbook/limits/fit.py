"""Newton's method on many rows at once, damped where the likelihood is not convex."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.datasets import Rows
from mcbook.limits.profile import Value, evaluate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEPS = 80
"""Newton steps after which a row has failed; some ten are usual."""

DECREMENT = 1e-13
"""A row is at its minimum when a step would gain less than this, relative to 1 + the value."""

_STIFF, _LOOSE = 1e6, 1e-3  # damping beyond which a step is no step, and below which there is none
_LONGEST = 3.0
"""Longest step of a nuisance, in standard deviations."""


@dataclass(frozen=True)
class Fit:
    """Minima of -log L: parameters `x` (P + 1, R), the likelihood there, and which are good."""

    x: Array
    at: Value
    good: Mask

    def take(self, rows: NDArray[np.integer]) -> "Fit":
        """Return some rows."""
        return Fit(self.x[:, rows], _pick(self.at, rows), self.good[rows])


def fit(
    rows: Rows,
    x: Array,
    *,
    free_mu: bool,
    lowest: Array | None = None,
    fixed: Mask | None = None,
) -> Fit:
    """Minimise -log L over the nuisances, and over mu with *free_mu*.

    Parameters
    ----------
    rows
        The data sets.
    x
        Where to start, shape (P + 1, R).
    lowest
        The least mu, shape (R,); 0 where it is not given.
    fixed
        Parameters that stay where they start, shape (P + 1, R).
    """
    x = x.copy()
    box = _Box(rows.constrained, _low(rows, lowest), fixed)
    at = evaluate(rows, x)
    if len(x) == 1 and not free_mu:
        return Fit(x, at, np.isfinite(at.value))
    good = np.zeros(len(rows), dtype=bool)
    damping = np.zeros(len(rows))
    todo = np.arange(len(rows))
    inner, current = rows, at
    for _ in range(STEPS):
        step, gain = _step(current, x[:, todo], damping[todo], box, free_mu=free_mu)
        done = (gain <= DECREMENT * (1 + np.abs(current.value))) & (damping[todo] < 1)
        done &= np.isfinite(current.value)
        good[todo[done]] = True
        put(at, todo[done], current, done)
        if done.all():
            return Fit(x, at, good)
        left = np.flatnonzero(~done)
        if done.any():
            todo, step, gain = todo[left], step[:, left], gain[left]
            inner, current = inner.take(left), _pick(current, left)
            box = box.take(left)
        new = np.maximum(x[:, todo] + step, box.low)
        trial = evaluate(inner, new)
        slack = 1e-13 * (1 + np.abs(current.value))
        better = trial.value <= current.value + slack
        stalled = ~better & (gain <= 1e-9 * (1 + np.abs(current.value)))
        good[todo[stalled & (damping[todo] > _STIFF)]] = True
        x[:, todo[better]] = new[:, better]
        damping[todo] = np.where(
            better, np.where(damping[todo] < _LOOSE, 0.0, damping[todo] / 8),
            np.maximum(damping[todo] * 8, 1e-2),
        )  # fmt: skip
        current = merged(current, trial, better)
    put(at, todo, current, np.ones(len(todo), dtype=bool))
    return Fit(x, at, good)


@dataclass(frozen=True)
class _Box:
    """Where parameters may be: not below `low`; those in `fixed` stay. Both are (P + 1, R).

    Nuisances that are `constrained`, shape (P,), have steps of standard deviations.
    """

    constrained: Mask
    low: Array
    fixed: Mask | None

    def take(self, rows: NDArray[np.integer]) -> "_Box":
        """Return some rows."""
        fixed = None if self.fixed is None else self.fixed[:, rows]
        return _Box(self.constrained, self.low[:, rows], fixed)

    def holds(self, i: int, x: Array, gradient: Array) -> Mask:
        """Return in which rows a parameter stays where it is."""
        held: Mask = (x[i] <= self.low[i]) & (gradient[i] > 0)
        return held if self.fixed is None else held | self.fixed[i]


def _low(rows: Rows, lowest: Array | None) -> Array:
    """Return the lower bounds, shape (P + 1, R): free factors are not below zero."""
    low = np.full((rows.n_parameters, len(rows)), -np.inf)
    low[:-1][~rows.constrained] = 0.0
    low[-1] = 0.0 if lowest is None else lowest
    return low


def _step(at: Value, x: Array, damping: Array, box: _Box, *, free_mu: bool) -> tuple[Array, Array]:
    """Return Newton's step and what it would gain; parameters at a bound stay there."""
    n = len(x) if free_mu else len(x) - 1
    gradient = at.gradient[:n].copy()
    matrix = [[at.hessian[i, j] for j in range(i + 1)] for i in range(n)]
    for i in range(n):
        held = box.holds(i, x, gradient)
        if held.any():
            gradient[i] = np.where(held, 0.0, gradient[i])
            for j in range(n):
                row, column = max(i, j), min(i, j)
                held_value = 1.0 if i == j else 0.0
                matrix[row][column] = np.where(held, held_value, matrix[row][column])
    if damping.any():
        for i in range(n):
            matrix[i][i] = matrix[i][i] + damping * (np.abs(matrix[i][i]) + 1e-12)
    step = np.zeros_like(x)
    step[:n] = _solved(matrix, -gradient)
    constrained = np.flatnonzero(box.constrained)
    if len(constrained):
        longest = np.abs(step[constrained]).max(axis=0) / _LONGEST
        step /= np.maximum(longest, 1.0)
    gain = np.abs((gradient * step[:n]).sum(axis=0))
    return step, gain


def _solved(matrix: list[list[Array]], right: Array) -> Array:
    """Solve symmetric systems by LDL^T from their lower triangles.

    A pivot that is not positive is turned round.
    """
    lower, pivots, _ = _factored(matrix)
    return _substituted(lower, pivots, right)


def _substituted(lower: list[list[Array]], pivots: list[Array], right: Array) -> Array:
    n = len(pivots)
    y = [right[i] for i in range(n)]
    for i in range(n):
        for k in range(i):
            y[i] = y[i] - lower[i][k] * y[k]
    y = [y[i] / pivots[i] for i in range(n)]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            y[i] = y[i] - lower[k][i] * y[k]
    return np.stack(y)


def _factored(matrix: list[list[Array]]) -> tuple[list[list[Array]], list[Array], Mask]:
    """Return L and the pivots D, all of them made positive, and where they were."""
    n = len(matrix)
    lower: list[list[Array]] = [[matrix[0][0]] * n for _ in range(n)]
    pivots: list[Array] = []
    positive = np.ones(matrix[0][0].shape, dtype=bool)
    for j in range(n):
        pivot = matrix[j][j]
        for k in range(j):
            pivot = pivot - lower[j][k] ** 2 * pivots[k]
        floor = 1e-10 * (np.abs(matrix[j][j]) + 1e-10)
        is_large = pivot > floor
        positive &= is_large
        pivot = np.where(is_large, pivot, np.maximum(np.abs(pivot), floor))
        pivots.append(pivot)
        for i in range(j + 1, n):
            entry = matrix[i][j]
            for k in range(j):
                entry = entry - lower[i][k] * lower[j][k] * pivots[k]
            lower[i][j] = entry / pivot
    return lower, pivots, positive


def _pick(value: Value, rows: NDArray[np.integer]) -> Value:
    return Value(*(getattr(value, name).take(rows, axis=-1) for name in Value.__dataclass_fields__))


def put(target: Value, rows: NDArray[np.integer], value: Value, mask: Mask) -> None:
    """Put what *mask* picks of *value* into some rows of *target*."""
    for name in Value.__dataclass_fields__:
        getattr(target, name)[..., rows] = getattr(value, name)[..., mask]


def merged(old: Value, new: Value, better: Mask) -> Value:
    """Return *new* where it is better, else *old*."""
    if better.all():
        return new
    return Value(
        *(
            np.where(better, getattr(new, name), getattr(old, name))
            for name in Value.__dataclass_fields__
        )
    )


def lower(one: Fit, other: Fit) -> Fit:
    """Return the better of two fits of each row."""
    use = other.good & (~one.good | (other.at.value < one.at.value - 1e-12))
    if not use.any():
        return one
    return Fit(np.where(use, other.x, one.x), merged(one.at, other.at, use), one.good | other.good)


def response(at: Value) -> Array:
    """Return how fitted nuisances move with mu: dx/dmu, shape (P + 1, R), 1 for mu itself."""
    n = len(at.gradient) - 1
    one = np.ones_like(at.gradient[-1:])
    if n == 0:
        return one
    matrix = [[at.hessian[i, j] for j in range(i + 1)] for i in range(n)]
    return np.concatenate([_solved(matrix, -at.hessian[-1, :-1]), one])


@dataclass(frozen=True)
class Move:
    """Newton's step of the nuisances at a fixed mu, and what the profile in mu will be after it.

    `step` and `response` (dx/dmu) have the shape (P, R), `value` and `slope` of the profile (R,);
    `gain` is what the step takes off the likelihood, `convex` says where the Hessian is positive.
    """

    step: Array
    response: Array
    value: Array
    slope: Array
    gain: Array
    convex: Mask


def move(at: Value) -> Move:
    """Return where the conditional fit at the same mu will be, and how it moves with mu."""
    n = len(at.gradient) - 1
    slope = at.gradient[-1]
    if n == 0:
        none, zero = np.zeros((0, len(slope))), np.zeros_like(slope)
        return Move(none, none, at.value, slope, zero, np.isfinite(at.value))
    gradient, mixed = at.gradient[:-1], at.hessian[-1, :-1]
    matrix = [[at.hessian[i, j] for j in range(i + 1)] for i in range(n)]
    lower, pivots, convex = _factored(matrix)
    step = _substituted(lower, pivots, -gradient)
    gain = -(gradient * step).sum(axis=0) / 2
    return Move(
        step,
        _substituted(lower, pivots, -mixed),
        at.value - gain,
        slope + (mixed * step).sum(axis=0),
        gain,
        convex,
    )
