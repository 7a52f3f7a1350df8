"""A Gaussian process through scattered nodes whose noise is known.

Matern 5/2 kernel for the logit, with a length for each axis and a constant mean; lengths, amplitude
and mean have the largest marginal likelihood. The noise is binomial: where few events are selected
its width must not come from the fluctuated count itself, or every average over nodes is biased
(nodes that fluctuate up seem the more precise). So the process is brought to the mode of the
binomial likelihood (Laplace's approximation), where the noise is that of the fitted efficiency.

Source: C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (MIT Press
2006), equations 2.25-2.26 (prediction), 3.18 (mode), 4.17 (kernel), 5.8-5.9 (likelihood and its
gradient), 5.12 (leave-one-out).
"""

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.intervals import logit
from mcbook.errors import WorkError

Array = NDArray[np.float64]
Index = NDArray[np.intp]

CHUNK = 1024
MOST_FITTED = 400
"""Nodes from which lengths and amplitude are found; prediction uses all."""

FEW_FITTED = 150
"""Nodes on which the starting points are tried."""

STARTS = (0.15, 0.5, 1.5)
"""Lengths to start from, the range of each axis being 1."""

BOUNDS_LENGTH = (0.02, 20.0)
BOUNDS_AMPLITUDE = (0.03, 30.0)
"""Of the logit."""

JITTER = 1e-9
"""Added to the diagonal, in units of the amplitude squared."""

AROUND = 16
"""Nodes around a point whose leave-one-out pulls widen its interpolation error."""

TRUST = 8
"""Pulls of 1 that are put beside them: few pulls say little."""

UNSURE = 1.1
"""By which errors are wider than for known lengths and amplitude: so that 68 % of what the
benchmark asks is covered."""

MOST_STEPS = 60
LONGEST_STEP = 2.0
CLOSE = 1e-4
"""Steps of the logit towards the mode."""

_ROOT5 = 5**0.5


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Lengths along the axes, shape (d,), in units of their ranges; amplitude of the logit."""

    lengths: Array
    amplitude: float


class Process:
    """The process, conditioned on nodes.

    Parameters
    ----------
    points
        Positions, shape (n, d), scaled so that each axis has the range 1.
    n_selected, n_generated
        Counts, effective ones where events have weights, shape (n,).

    Raises
    ------
    WorkError
        If the mode is not found.
    """

    def __init__(self, points: Array, n_selected: Array, n_generated: Array) -> None:
        self.points = points
        # Half an event over the whole map keeps the mode finite where nothing is selected at all.
        half = 0.5 / len(points)
        self.passed, self.failed = n_selected + half, n_generated - n_selected + half
        self.logits, self.variances = logit(n_selected, n_generated)
        self.fitted = fit(points, self.logits, self.variances)
        self._find_mode()  # the noise that the second search needs
        self.fitted = fit(points, self.logits, self.variances, self.fitted)
        self._find_mode()
        self.widening = self._widening()

    def _widening(self) -> Array:
        """Return by what the interpolation error around each node is to be widened, >= 1.

        One set of lengths describes the whole plane. Where the efficiency is steeper than that, as
        near thresholds, the leave-one-out pulls are wide, and say by how much.
        """
        predicted, spread = self.leave_one_out()
        pulls = ((self.logits - predicted) / spread) ** 2
        n = len(pulls)
        nearest = np.asarray(self._tree.query(self._stretched(self.points), min(AROUND, n))[1])
        around = pulls[nearest.reshape(n, -1)]
        mean = (around.sum(axis=1) + TRUST) / (around.shape[1] + TRUST)
        return np.asarray(np.sqrt(np.maximum(mean, 1.0)))

    def _stretched(self, points: Array) -> Array:
        return np.asarray(points / self.fitted.lengths)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self._stretched(self.points))

    def _find_mode(self) -> None:
        """Bring working logits and their noise to the mode, and condition on them."""
        from scipy.special import expit

        prior = self._kernel(self.points)
        prior[np.diag_indices(len(prior))] += JITTER * self.fitted.amplitude**2
        self.prior = prior
        self._condition()
        at = self.logits - self.variances * self.pulled
        for _ in range(MOST_STEPS):
            p, total = expit(at), self.passed + self.failed
            self.variances = 1 / (total * p * expit(-at))
            self.logits = at + (self.passed - total * p) * self.variances
            self._condition()
            step = self.logits - self.variances * self.pulled - at
            if np.abs(step).max() < CLOSE:
                return
            at = at + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        raise WorkError("the Gaussian process through the efficiencies does not converge")

    def _condition(self) -> None:
        from scipy.linalg import cho_factor, cho_solve

        covariance = self.prior + np.diag(self.variances)
        factor = cho_factor(covariance, lower=True, overwrite_a=True)
        self.inverse: Array = cho_solve(factor, np.eye(len(covariance)), overwrite_b=True)
        self.row_sums = self.inverse.sum(axis=1)
        mean = self.row_sums @ self.logits / self.row_sums.sum()
        self.pulled = self.inverse @ (self.logits - mean)

    def evaluate(self, points: Array) -> tuple[Array, Array, Array]:
        """Return logits, and their errors from the noise and from the interpolation.

        The variance of the posterior is the sum of the two squares: with the weights w of the
        nodes, w' N w comes from the noise N and the rest from what lies between the nodes,
        the uncertainty of the constant mean included; the latter is widened by the leave-one-out
        pulls around, where those are wide.
        """
        found = [np.empty(len(points)) for _ in range(3)]
        for start in range(0, len(points), CHUNK):
            rows = slice(start, start + CHUNK)
            cross = self._kernel(points[rows])
            solved = cross @ self.inverse
            short = 1 - solved.sum(axis=1)
            weights = solved + np.outer(short / self.row_sums.sum(), self.row_sums)
            noise = weights**2 @ self.variances
            total = self.fitted.amplitude**2 - (solved * cross).sum(axis=1)
            total += short**2 / self.row_sums.sum()
            found[0][rows] = weights @ self.logits
            found[1][rows] = np.sqrt(noise)
            found[2][rows] = np.sqrt(np.maximum(total - noise, 0.0))
        widening = self.widening[self.neighbours(points)].mean(axis=1)
        return found[0], found[1] * UNSURE, found[2] * widening * UNSURE

    def neighbours(self, points: Array) -> Index:
        """Return the d + 1 nodes nearest to points in units of the lengths, shape (m, d + 1)."""
        n, d = self.points.shape
        nearest = list(range(1, min(d + 1, n) + 1))
        return np.asarray(self._tree.query(self._stretched(points), nearest)[1], dtype=np.intp)

    def leave_one_out(self) -> tuple[Array, Array]:
        """Return the logit of each node as all others predict it, and the error of that.

        The error includes the noise of the node itself.
        """
        variance = 1 / np.diag(self.inverse)
        return self.logits - self.pulled * variance, np.sqrt(variance)

    def _kernel(self, points: Array) -> Array:
        lengths = self.fitted.lengths
        from scipy.spatial.distance import cdist

        distance = cdist(points / lengths, self.points / lengths)
        return matern(distance) * self.fitted.amplitude**2


def matern(distance: Array) -> Array:
    """Return the Matern 5/2 correlation at distances in units of the length."""
    r = _ROOT5 * distance
    return np.asarray((1 + r + r * r / 3) * np.exp(-r))


def fit(
    points: Array, logits: Array, variances: Array, near: Hyperparameters | None = None
) -> Hyperparameters:
    """Return lengths and amplitude of the largest marginal likelihood.

    Deterministic. Some starting points are tried on few nodes, which are spread evenly, see
    `spread`. With *near* the search begins there, with more nodes.
    """
    from scipy.optimize import minimize

    d = points.shape[1]
    few, many = (spread(points, most) for most in (FEW_FITTED, MOST_FITTED))
    bounds = [(log(low), log(high)) for low, high in [BOUNDS_LENGTH] * d + [BOUNDS_AMPLITUDE]]
    width = float(np.clip(np.std(logits), 0.1, 10.0))

    def search(rows: Index, start: Array) -> tuple[float, Array]:
        likelihood = _Likelihood(points[rows], logits[rows], variances[rows])
        done = minimize(likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds,
                        options={"maxiter": 60, "ftol": 1e-7})  # fmt: skip
        return float(done.fun), np.asarray(done.x)

    if near is None:
        tried = [search(few, np.log([*[length] * d, width])) for length in STARTS]
        best = min(tried, key=lambda found: found[0])[1]
    else:
        best = search(many, np.log([*near.lengths, near.amplitude]))[1]
    return Hyperparameters(np.exp(best[:-1]), float(np.exp(best[-1])))


def spread(points: Array, most: int) -> Index:
    """Return at most *most* nodes that cover all, each the farthest from those before it."""
    n = len(points)
    if n <= most:
        return np.arange(n)
    chosen = [int(np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1)))]
    distance = np.full(n, np.inf)
    while len(chosen) < most:
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(distance)))
    return np.sort(chosen)


class _Likelihood:
    """Minus the logarithm of the marginal likelihood, with its gradient.

    Parameters are the logarithms of lengths and amplitude; the mean is at its best.
    """

    def __init__(self, points: Array, logits: Array, variances: Array) -> None:
        self.logits, self.variances = logits, variances
        self.squares = (points[:, None, :] - points[None, :, :]) ** 2

    def __call__(self, parameters: Any) -> tuple[float, Array]:
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        scaled = self.squares * np.exp(-2 * parameters[:-1])
        power = np.exp(2 * parameters[-1])
        r = _ROOT5 * np.sqrt(scaled.sum(axis=2))
        decay = power * np.exp(-r)
        kernel = (1 + r + r * r / 3) * decay
        n = len(self.logits)
        total = kernel.copy()
        total[np.diag_indices(n)] += self.variances + JITTER * power
        try:
            factor = cho_factor(total, lower=True)
        except LinAlgError:
            return 1e10, np.zeros_like(parameters)
        inverse = cho_solve(factor, np.eye(n))
        rows = inverse.sum(axis=1)
        centred = self.logits - rows @ self.logits / rows.sum()
        pulled = inverse @ centred
        value = 0.5 * centred @ pulled + np.log(np.diag(factor[0])).sum()
        outer = inverse - np.outer(pulled, pulled)
        bend = outer * (5 / 3) * (1 + r) * decay
        gradient = [0.5 * (bend * scaled[:, :, j]).sum() for j in range(len(parameters) - 1)]
        gradient.append(float((outer * kernel).sum()))
        return float(value), np.array(gradient)
