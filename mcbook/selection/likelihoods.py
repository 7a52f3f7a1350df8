"""Likelihoods of the sum of two Crystal Balls: of each event, and of bins; with derivatives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.selection.shapeparameters import Parameters
from mcbook.selection.slopes import log_slopes, part_slopes

Array = NDArray[np.float64]

BINS = 250
"""Bins of a binned fit: near the peak a fortieth of sigma_68, in the tails wider."""

LEAST = 1e-300
"""Smaller parts than this in a bin are taken as this."""


@dataclass(frozen=True)
class Unbinned:
    """Minus the logarithm of the likelihood of events, in units of effective events.

    Attributes
    ----------
    parameters
        Between their vector and shapes.
    z, w
        Values, in sigma_68 from the median, and weights of the events, shape (n,).
    """

    parameters: Parameters
    z: Array
    w: Array

    @property
    def scale(self) -> float:
        """What brings weights to 1 on average, where errors are looked at."""
        return float(self.w.sum() / (self.w**2).sum())

    @property
    def squares(self) -> Array:
        """Sums of squared weights, of each event or bin."""
        return np.asarray(self.w**2)

    def logs(self, vector: Array) -> Array:
        """Return log p of each event or bin."""
        return self.parameters.shape(vector).log_pdf(self.z)

    def slopes(self, vector: Array) -> Array:
        """Return derivatives of log p, shape (parameters, events or bins)."""
        by_f, by_balls = log_slopes(self.parameters.shape(vector), self.z)
        return self.parameters.carried(vector, by_f, by_balls)

    def gradient(self, vector: Array) -> Array:
        """Return derivatives of the value, shape (parameters,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(-(self.slopes(np.asarray(vector)) @ self.w) * self.scale)

    def __call__(self, vector: Array) -> float:
        """Return the value for a vector of parameters."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = -float(self.w @ self.logs(np.asarray(vector))) * self.scale
        return value if np.isfinite(value) else 1e12


@dataclass(frozen=True)
class Binned(Unbinned):
    """The same of bins: `z` are edges, `w` sums of weights, `w2` those of their squares."""

    w2: Array

    @classmethod
    def of(cls, parameters: Parameters, z: Array, w: Array) -> "Binned":
        """Return the likelihood of events, shape (n,), in bins."""
        low, high = np.arcsinh(parameters.window)
        edges = np.sinh(np.linspace(low, high, BINS + 1))
        edges[0], edges[-1] = parameters.window
        sums = [np.histogram(z, edges, weights=each)[0] for each in (w, w**2)]
        return cls(parameters, edges, sums[0], sums[1])

    @property
    def scale(self) -> float:
        """What brings weights to 1 on average, where errors are looked at."""
        return float(self.w.sum() / self.w2.sum())

    @property
    def squares(self) -> Array:
        """Sums of squared weights of each bin."""
        return self.w2

    def logs(self, vector: Array) -> Array:
        """Return the logarithm of the part in each bin."""
        shape = self.parameters.shape(vector)
        return np.asarray(np.log(np.maximum(shape.between(self.z[:-1], self.z[1:]), LEAST)))

    def slopes(self, vector: Array) -> Array:
        """Return its derivatives, shape (parameters, bins)."""
        parts, by_f, by_balls = part_slopes(self.parameters.shape(vector), self.z)
        found = self.parameters.carried(vector, by_f, by_balls)
        return np.asarray(np.where(parts > LEAST, found / np.maximum(parts, LEAST), 0.0))
