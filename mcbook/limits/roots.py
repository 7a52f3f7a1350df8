"""Solves for mu together with the conditional fits there, for many data sets at once.

Newton's method in mu and nuisances at the same time takes one evaluation of the likelihood a step:
the profile after a step of the nuisances is predicted to second order, and so is its slope in mu.
Where that does not settle, a bracket closes around the root, with a full fit at every mu.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.datasets import Rows
from mcbook.limits.fit import fit, move, response
from mcbook.limits.profile import evaluate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.integer]

TOLERANCE = 1e-8
"""Relative change of mu at which a limit is found by the bracket."""

CHECK = 1e-6
"""How far log CLs may be from its target at a limit that is given out."""

LAST = 1e-5
"""Relative change of mu that is the last of the joint steps, which converge quadratically."""

GAIN = 1e-9
"""What the last step of the nuisances may take off -log L."""

_STEPS = 60
_TOGETHER = 12
_FARTHEST = 2.0  # a prediction that moves a nuisance by more is not used
_FACTOR = 4.0  # a joint step changes mu by no more
_SHRINK = 0.8  # and takes no more than this share off a free factor


@dataclass(frozen=True)
class Profile:
    """-log L profiled at some mu, and its slope in mu, both of shape (R,)."""

    value: Array
    slope: Array


Function = Callable[..., tuple[Array, Array]]
"""From an index of rows and the profile of each data set to a residual and its slope in mu."""


class Root:
    """Finds mu where a rising function of conditional fits is zero."""

    def __init__(
        self,
        function: Function,
        data: Sequence[Rows],
        starts: Sequence[Array],
        guess: Array,
        lowest: Array,
    ) -> None:
        """Take the data sets that are fitted, and where.

        Parameters
        ----------
        function
            The residual.
        data, starts
            Data sets of all rows with the parameters to start from at *guess*, shape (P + 1, R).
        guess, lowest
            Shape (R,); the root is above *lowest*.
        """
        self.function = function
        self.data = data
        self.starts = starts
        self.guess = np.maximum(guess, lowest + 1e-6)
        self.lowest = lowest

    def solve(self) -> tuple[Array, Mask]:
        """Return mu and which rows are good, shape (R,)."""
        mu, good = self._together()
        left = np.flatnonzero(~good)
        if len(left):
            nested = _Bracket(
                lambda index, *found: self.function(left[index], *found),
                [data.take(left) for data in self.data],
                [start[:, left] for start in self.starts],
                self.guess[left], self.lowest[left],
            )  # fmt: skip
            mu[left], good[left] = nested.solve()
        return mu, good

    def _together(self) -> tuple[Array, Mask]:
        """Step in mu and nuisances at once; return what settles."""
        found, good = self.guess.copy(), np.zeros(len(self.guess), dtype=bool)
        rows, x = list(self.data), [start.copy() for start in self.starts]
        todo, mu = np.arange(len(found)), self.guess.copy()
        for _ in range(_TOGETHER):
            moves = []
            for data, at in zip(rows, x, strict=True):
                at[-1] = mu
                moves.append(move(evaluate(data, at)))
            value, slope = self.function(todo, *(Profile(m.value, m.slope) for m in moves))
            lowest = self.lowest[todo]
            change = np.clip(-value / slope, (lowest - mu) * (1 - 1 / _FACTOR), (_FACTOR - 1) * mu)
            sure = np.isfinite(change) & (slope > 0)
            sure &= np.logical_and.reduce([m.convex for m in moves])
            change = np.where(sure, change, 0.0)  # mu waits while the nuisances travel
            ended = sure & (np.abs(change) <= LAST * mu)
            fine = np.isfinite(value)
            for m, at, data in zip(moves, x, rows, strict=True):
                step = m.step + change * m.response
                longest = np.abs(step[data.constrained]).max(axis=0, initial=0.0)
                step /= np.maximum(longest / _FARTHEST, 1.0)
                free = np.flatnonzero(~data.constrained)
                step[free] = np.maximum(step[free], -_SHRINK * at[free])
                at[:-1] += step
                ended &= np.abs(m.gain) <= GAIN
                fine &= np.isfinite(step).all(axis=0)
            mu = mu + change
            ended &= fine
            found[todo[ended]], good[todo[ended]] = mu[ended], True
            left = np.flatnonzero(fine & ~ended)
            if not len(left):
                break
            if len(left) < len(todo):
                todo, mu = todo[left], mu[left]
                rows, x = [data.take(left) for data in rows], [at[:, left] for at in x]
        return found, good


class _Bracket:
    """Newton's steps inside a bracket, with a fit of the nuisances at every mu."""

    def __init__(
        self,
        function: Function,
        data: Sequence[Rows],
        starts: Sequence[Array],
        guess: Array,
        lowest: Array,
    ) -> None:
        self.function = function
        self.data = data
        self.x = [start.copy() for start in starts]
        self.mu = np.maximum(guess, lowest + 1e-6)
        self.low, self.high = lowest.copy(), np.full(len(guess), np.inf)
        self.good = np.zeros(len(guess), dtype=bool)

    def solve(self) -> tuple[Array, Mask]:
        """Return mu and which rows are good."""
        todo = np.arange(len(self.mu))
        rows = list(self.data)
        for _ in range(_STEPS):
            fits = []
            for k, data in enumerate(rows):
                self.x[k][-1, todo] = self.mu[todo]
                found = fit(data, self.x[k][:, todo], free_mu=False)
                self.x[k][:, todo] = found.x
                fits.append(found)
            value, slope = self.function(
                todo, *(Profile(f.at.value, f.at.gradient[-1]) for f in fits)
            )
            fine = np.logical_and.reduce([f.good for f in fits])
            new = self._next(todo, value, slope)
            change = np.abs(new - self.mu[todo])
            done = (np.abs(value) < CHECK) & (change <= TOLERANCE * self.mu[todo])
            self.good[todo[done]] = fine[done]
            for k, f in enumerate(fits):
                moved = (new - self.mu[todo]) * response(f.at)
                start = f.x + moved
                usable = np.isfinite(start).all(axis=0) & (np.abs(moved).max(axis=0) < _FARTHEST)
                start = np.where(usable, start, f.x)
                start[:-1][~data.constrained] = np.maximum(start[:-1][~data.constrained], 0.0)
                self.x[k][:, todo] = start
            self.mu[todo] = new
            if done.all():
                return self.mu, self.good
            if done.any():
                left = np.flatnonzero(~done)
                todo = todo[left]
                rows = [data.take(left) for data in rows]
        return self.mu, self.good

    def _next(self, todo: Index, value: Array, slope: Array) -> Array:
        """Return the next mu of each row; the bracket closes around the root."""
        mu = self.mu[todo]
        below = value < 0
        low = np.where(below, np.maximum(mu, self.low[todo]), self.low[todo])
        high = np.where(below, self.high[todo], np.minimum(mu, self.high[todo]))
        self.low[todo], self.high[todo] = low, high
        new = mu - value / slope
        middle = np.where(np.isinf(high), 2 * mu + 1e-3, (low + high) / 2)
        outside = ~np.isfinite(new) | (new <= low) | (new >= high) | (new > 10 * mu + 1)
        # A root at the end of a closed bracket is no reason for halving.
        settled = np.isfinite(new) & (np.abs(new - mu) <= TOLERANCE * mu)
        return np.asarray(np.where(outside & ~settled, middle, new))
