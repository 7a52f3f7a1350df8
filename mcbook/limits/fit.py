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
    """Minima of -log L: parameters `x` (R, P + 1), the likelihood there, and which are good."""

    x: Array
    at: Value
    good: Mask


def fit(rows: Rows, x: Array, *, free_mu: bool) -> Fit:
    """Minimise -log L over the nuisances, and over mu >= 0 with *free_mu*.

    Parameters
    ----------
    rows
        The data sets.
    x
        Where to start, shape (R, P + 1).
    """
    x = x.copy()
    at = evaluate(rows, x)
    if x.shape[1] == 1 and not free_mu:
        return Fit(x, at, np.isfinite(at.value))
    good = np.zeros(len(rows), dtype=bool)
    damping = np.zeros(len(rows))
    todo = np.arange(len(rows))
    inner, current = rows, at
    for _ in range(STEPS):
        step, gain = _step(rows, current, x[todo], damping[todo], free_mu=free_mu)
        done = (gain <= DECREMENT * (1 + np.abs(current.value))) & (damping[todo] < 1)
        done &= np.isfinite(current.value)
        good[todo[done]] = True
        _put(at, todo[done], current, done)
        if done.all():
            return Fit(x, at, good)
        left = np.flatnonzero(~done)
        if done.any():
            todo, step, gain = todo[left], step[left], gain[left]
            inner, current = inner.take(left), _pick(current, left)
        new = _inside(rows, x[todo] + step)
        trial = evaluate(inner, new)
        slack = 1e-13 * (1 + np.abs(current.value))
        better = trial.value <= current.value + slack
        stalled = ~better & (gain <= 1e-9 * (1 + np.abs(current.value)))
        good[todo[stalled & (damping[todo] > _STIFF)]] = True
        x[todo[better]] = new[better]
        damping[todo] = np.where(
            better, np.where(damping[todo] < _LOOSE, 0.0, damping[todo] / 8),
            np.maximum(damping[todo] * 8, 1e-2),
        )  # fmt: skip
        current = _merged(current, trial, better)
    _put(at, todo, current, np.ones(len(todo), dtype=bool))
    return Fit(x, at, good)


def _inside(rows: Rows, x: Array) -> Array:
    """Return parameters with mu and free factors not below zero."""
    x[:, -1] = np.maximum(x[:, -1], 0.0)
    if not rows.constrained.all():
        x[:, :-1] = np.where(rows.constrained, x[:, :-1], np.maximum(x[:, :-1], 0.0))
    return x


def _step(rows: Rows, at: Value, x: Array, damping: Array, *, free_mu: bool) -> tuple[Array, Array]:
    """Return Newton's step and what it would gain; parameters at a bound stay there."""
    gradient, hessian = at.gradient, at.hessian
    n = gradient.shape[1]
    bounded = np.append(~rows.constrained, True)
    held = bounded & (x <= 0) & (gradient > 0)
    if not free_mu:
        held = held.copy()
        held[:, -1] = True
    gradient = np.where(held, 0.0, gradient)
    matrix = [[hessian[:, i, j] for j in range(n)] for i in range(n)]
    for i in range(n):
        for j in range(n):
            if i == j:
                scale = np.abs(matrix[i][i]) + 1e-12
                matrix[i][i] = np.where(held[:, i], 1.0, matrix[i][i] + damping * scale)
            else:
                matrix[i][j] = np.where(held[:, i] | held[:, j], 0.0, matrix[i][j])
    step = _solved(matrix, -gradient)
    limit = np.full(n, _LONGEST)
    limit[:-1][~rows.constrained] = np.inf
    limit[-1] = np.inf
    ratio = np.max(np.abs(step) / limit, axis=1, initial=0.0)
    step /= np.maximum(ratio, 1.0)[:, None]
    gain = np.abs((gradient * step).sum(axis=1))
    return step, gain


def _solved(matrix: list[list[Array]], right: Array) -> Array:
    """Solve symmetric systems by LDL^T; a pivot that is not positive is turned round."""
    n = len(matrix)
    lower, pivots = _factored(matrix)
    y = [right[:, i] for i in range(n)]
    for i in range(n):
        for k in range(i):
            y[i] = y[i] - lower[i][k] * y[k]
    y = [y[i] / pivots[i] for i in range(n)]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            y[i] = y[i] - lower[k][i] * y[k]
    return np.stack(y, axis=1)


def _factored(matrix: list[list[Array]]) -> tuple[list[list[Array]], list[Array]]:
    """Return L and the pivots D, all of them positive."""
    n = len(matrix)
    lower: list[list[Array]] = [[matrix[0][0]] * n for _ in range(n)]
    pivots: list[Array] = []
    for j in range(n):
        pivot = matrix[j][j]
        for k in range(j):
            pivot = pivot - lower[j][k] ** 2 * pivots[k]
        floor = 1e-10 * (np.abs(matrix[j][j]) + 1e-10)
        pivot = np.where(pivot > floor, pivot, np.maximum(np.abs(pivot), floor))
        pivots.append(pivot)
        for i in range(j + 1, n):
            entry = matrix[i][j]
            for k in range(j):
                entry = entry - lower[i][k] * lower[j][k] * pivots[k]
            lower[i][j] = entry / pivot
    return lower, pivots


def _pick(value: Value, rows: NDArray[np.integer]) -> Value:
    return Value(*(getattr(value, name)[rows] for name in Value.__dataclass_fields__))


def _put(target: Value, rows: NDArray[np.integer], value: Value, mask: Mask) -> None:
    for name in Value.__dataclass_fields__:
        getattr(target, name)[rows] = getattr(value, name)[mask]


def _merged(old: Value, new: Value, better: Mask) -> Value:
    if better.all():
        return new
    return Value(
        *(
            np.where(better.reshape(-1, *[1] * (getattr(new, name).ndim - 1)),
                     getattr(new, name), getattr(old, name))
            for name in Value.__dataclass_fields__
        )
    )  # fmt: skip


def response(at: Value) -> Array:
    """Return how fitted nuisances move with mu: dx/dmu, shape (R, P + 1), 1 for mu itself."""
    n = at.gradient.shape[1]
    if n == 1:
        return np.ones_like(at.gradient)
    matrix = [[at.hessian[:, i, j] for j in range(n - 1)] for i in range(n - 1)]
    inner = _solved(matrix, -at.hessian[:, :-1, -1])
    return np.concatenate([inner, np.ones((len(inner), 1))], axis=1)
