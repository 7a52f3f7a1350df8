"""Where more samples would shrink the errors of a map most: a sequential design.

The errors between samples are those of a Gaussian process through the nodes (see `scattered`),
whose amplitude follows the leave-one-out pulls around each point: where the efficiency is steeper
than elsewhere, as at a turn-on, a gap costs more. Of the process the covariance C is known
everywhere without a new fit, and so is what a node at c with the noise n takes away from the
variance at h: C(h, c)^2 / (C(c, c) + n), whatever will be counted there. The best candidate is
added as if it were made, and the search goes on from there.

Source of the update: C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning
(MIT Press 2006), equations 2.24 and 2.42.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.maps import EfficiencyMap
from mcbook.efficiency.scales import TOLERANCE, Hull
from mcbook.efficiency.scattered import JITTER, Process, matern
from mcbook.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FEWEST_NODES = 4
"""Nodes that a map needs for its errors to say anything."""

AROUND = 3
"""Nodes around a point, for each axis, whose leave-one-out pulls set the amplitude there."""

TRUST = 3.0
"""Pulls of 1 that are put beside them."""

SPREAD = (0.2, 5.0)
"""Least and largest local factor on the amplitude."""

APART = 0.3
"""A new node is at least this part of the distance between nodes around it away from the next:
interpolation goes through nodes and does not average them, so that two noisy ones side by side
bend it. More events at a node do better there."""

REFUSED = 1.0
"""Variance of the logarithm of an efficiency that the map refuses to say."""


class Surrogate:
    """The covariance of the logit of an efficiency map, in closed form.

    Parameters
    ----------
    efficiency
        A map with at least `FEWEST_NODES` nodes within its thresholds.

    Raises
    ------
    InputError
        If the map has fewer nodes.
    """

    def __init__(self, efficiency: EfficiencyMap) -> None:
        kept = efficiency.domain.kept
        if len(kept) < FEWEST_NODES or not efficiency.domain.varying.size:
            raise InputError(
                f"{efficiency.name}: {len(kept)} nodes say too little about its errors",
                hint=f"{FEWEST_NODES} nodes at least; space them evenly to begin with",
            )
        self.map = efficiency
        self.process = Process(efficiency.domain.scaled(kept.points), *kept.effective)
        self.pulls = self._pulls()
        self.inverse = self._inverse()

    def scaled(self, points: Array) -> Array:
        """Return positions along the axes that vary, with ranges of 1."""
        return self.map.domain.scaled(points)

    def mean(self, points: Array) -> Array:
        """Return the efficiency that the process expects at points, shape (m,)."""
        from scipy.special import expit

        return np.asarray(expit(self.process.evaluate(self.scaled(points))[0]))

    def noise(self, points: Array, events: Array | float) -> Array:
        """Return the variance of the logit that events at points would leave, shape (m,)."""
        expected = self.mean(points)
        return np.asarray(1 / (events * expected * (1 - expected) + 0.5))

    def covariance(self, points: Array) -> Array:
        """Return the covariance of the logits at points as the nodes leave it, shape (m, m)."""
        scaled = self.scaled(points)
        factor = self._factor(scaled)
        cross = self._kernel(scaled, self.process.points)
        cross *= np.outer(factor, self._factor(self.process.points))
        found = self._kernel(scaled, scaled) * np.outer(factor, factor)
        rows = self.inverse.sum(axis=1)
        short = 1 - cross @ rows
        found -= cross @ self.inverse @ cross.T
        return np.asarray(found + np.outer(short, short) / rows.sum())

    def _kernel(self, first: Array, second: Array) -> Array:
        from scipy.spatial.distance import cdist

        lengths, amplitude = self.process.fitted.lengths, self.process.fitted.amplitude
        return matern(cdist(first / lengths, second / lengths)) * amplitude**2

    def _pulls(self) -> Array:
        predicted, spread = self.process.leave_one_out()
        return np.asarray(((self.process.logits - predicted) / spread) ** 2)

    def _factor(self, scaled: Array) -> Array:
        """Return the local factor on the amplitude."""
        from scipy.spatial import cKDTree

        n, d = self.process.points.shape
        most = min(AROUND * d, n)
        nearest = np.asarray(cKDTree(self.process.points).query(scaled, most)[1])
        around = self.pulls[nearest.reshape(len(scaled), -1)]
        mean = (around.sum(axis=1) + TRUST) / (around.shape[1] + TRUST)
        return np.asarray(np.clip(np.sqrt(mean), *SPREAD))

    def _inverse(self) -> Array:
        points = self.process.points
        factor = self._factor(points)
        total = self._kernel(points, points) * np.outer(factor, factor)
        total[np.diag_indices(len(points))] += self.process.variances
        total[np.diag_indices(len(points))] += JITTER * self.process.fitted.amplitude**2
        return np.asarray(np.linalg.inv(total))


@dataclass(slots=True)
class Target:
    """One map, the points at which it is asked, and what each candidate would add to it.

    Attributes
    ----------
    surrogate
        The covariance of the map.
    points
        Where the map is asked, shape (h, d), in its own units.
    weights
        What the variance of the logit at each of them counts for, shape (h,).
    refused
        Which of them the map refuses, shape (h,).
    candidates
        Nodes that each candidate would add, shape (c, g, d): one, or several at other lifetimes.
    noise
        Variances of their logits, shape (c, g).
    """

    surrogate: Surrogate
    points: Array
    weights: Array
    refused: Mask
    candidates: Array
    noise: Array


@dataclass(frozen=True, slots=True)
class Step:
    """A candidate that was chosen, and the objective before and after it."""

    candidate: int
    before: float
    after: float


class Design:
    """Chooses candidates one after the other.

    Parameters
    ----------
    targets
        One for each map; a candidate adds to all of them.
    repeats
        Which candidates are more events at a node that is there, shape (c,).
    closed
        Which candidates are never chosen, shape (c,).
    """

    def __init__(
        self, targets: Sequence[Target], repeats: Mask, closed: Mask | None = None
    ) -> None:
        self.repeats = repeats
        self.closed = np.zeros_like(repeats) if closed is None else closed
        self.parts = [_Part(target) for target in targets]

    @property
    def objective(self) -> float:
        """Sum over maps and points of weight times variance."""
        return float(sum(part.objective for part in self.parts))

    def take(self, candidate: int) -> Step:
        """Add a candidate as if it were made."""
        before = self.objective
        for part in self.parts:
            part.add(candidate)
        return Step(candidate, before, self.objective)

    def best(self) -> int | None:
        """Return the candidate that takes most away; None where none takes anything."""
        gains = np.sum([part.gains() for part in self.parts], axis=0)
        near = np.logical_or.reduce([part.near() for part in self.parts])
        gains = np.where((near & ~self.repeats) | self.closed, 0.0, gains)
        found = int(np.argmax(gains))
        return found if gains[found] > 0 else None

    def run(self, number: int) -> list[Step]:
        """Choose so many candidates, fewer where nothing is left to gain."""
        steps = []
        for _ in range(number):
            found = self.best()
            if found is None:
                break
            steps.append(self.take(found))
        return steps


class _Part:
    """A target with what was added so far."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.h = len(target.points)
        c, g, d = target.candidates.shape
        flat = target.candidates.reshape(c * g, d)
        self.members = self.h + np.arange(c * g).reshape(c, g)
        self.covariance = target.surrogate.covariance(np.concatenate([target.points, flat]))
        self.scaled = target.surrogate.scaled(flat).reshape(c, g, -1)
        self.nodes = target.surrogate.process.points
        self.refused = target.refused.copy()
        self.at = target.surrogate.scaled(target.points)

    def _variances(self) -> Array:
        own = np.diag(self.covariance)[: self.h]
        return np.where(self.refused, np.maximum(own, REFUSED), own)

    @property
    def objective(self) -> float:
        return float(self.target.weights @ self._variances())

    def gains(self) -> Array:
        """Return what each candidate takes away from the objective, shape (c,)."""
        taken = self._taken()
        weights = self.target.weights
        if not self.refused.any():
            return np.asarray(weights @ taken)
        own = np.diag(self.covariance)[: self.h]
        answered = weights[~self.refused] @ taken[~self.refused]
        covered = self._covered()
        left = np.maximum(own, REFUSED)[:, None] - (own[:, None] - taken)
        gained = np.where(covered, left[self.refused], 0.0)
        return np.asarray(answered + weights[self.refused] @ gained)

    def _taken(self) -> Array:
        """Return by what each candidate lowers the variance of each point, shape (h, c)."""
        members, noise = self.members, self.target.noise
        if members.shape[1] == 1:
            rows = members[:, 0]
            total = np.diag(self.covariance)[rows] + noise[:, 0]
            return np.asarray(self.covariance[: self.h, rows] ** 2 / total)
        found = np.empty((self.h, len(members)))
        for i, rows in enumerate(members):
            cross = self.covariance[: self.h, rows]
            inner = self.covariance[np.ix_(rows, rows)] + np.diag(noise[i])
            found[:, i] = (cross * np.linalg.solve(inner, cross.T).T).sum(axis=1)
        return found

    def _covered(self) -> Mask:
        """Return which refused points each candidate would bring into the hull, shape (r, c)."""
        points = self.at[self.refused]
        found = np.zeros((len(points), len(self.scaled)), dtype=bool)
        names = [str(j) for j in range(points.shape[1])]
        for i, added in enumerate(self.scaled):
            hull = Hull(np.concatenate([self.nodes, added]), names, is_box=points.shape[1] == 1)
            found[:, i] = hull.contains(points)
        return found

    def add(self, candidate: int) -> None:
        """Condition on a candidate."""
        rows, noise = self.members[candidate], self.target.noise[candidate]
        for row, variance in zip(rows.tolist(), noise.tolist(), strict=True):
            column = self.covariance[:, row].copy()
            self.covariance -= np.outer(column, column) / (column[row] + variance)
        self.nodes = np.concatenate([self.nodes, self.scaled[candidate]])
        if self.refused.any():
            names = [str(j) for j in range(self.at.shape[1])]
            hull = Hull(self.nodes, names, is_box=self.at.shape[1] == 1)
            self.refused &= ~hull.contains(self.at)

    def near(self) -> Mask:
        """Return which candidates are too near to a node."""
        from scipy.spatial import cKDTree

        nodes = np.unique(self.nodes, axis=0)
        tree = cKDTree(nodes)
        spacing = np.asarray(tree.query(nodes, 2)[0])[:, 1]
        distance, node = tree.query(self.scaled.reshape(-1, self.scaled.shape[-1]))
        too_near = distance < np.maximum(APART * spacing[node], TOLERANCE)
        return np.asarray(too_near.reshape(self.scaled.shape[:2]).any(axis=1))
