"""Minima of likelihoods of signal shapes, and how far they reach. Door to iminuit."""

from typing import Any, NamedTuple

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray

from mcbook.selection.likelihoods import Unbinned
from mcbook.selection.shapeparameters import NO_TAIL

Array = NDArray[np.float64]

LOOSE = 1.5
"""A tail's parameter whose logarithm has a larger error than this is not known from the events."""

NEAR = 1e-3
"""Part of the range of a parameter within which of an end it is at its limit."""

_MOST_CALLS = 5000
_MOST_STEPS, _CLOSE = 10, 0.02
"""An end is looked for in so many steps at most, to this part of itself."""

_FOUND = 0.2
"""Part of the root of the rise by which an end may miss it before its error counts as a guess."""

_SAME = 0.01
"""Minima that differ less, in likelihood and in units of sigma_68, are one."""

_TAIL = ("n_1", "n_2", "alpha_1", "alpha_2")


_TAILLESS = {"alpha_1": NO_TAIL, "alpha_2": NO_TAIL, "n_1": 1.0, "n_2": 1.0}
_ALIKE = {"f": 0.0, "ratio": 0.0}
SIMPLER = {
    "two cores without tails": _TAILLESS,
    "one core with its tails": _ALIKE,
    "one core without tails": {**_TAILLESS, **_ALIKE},
}
"""Shapes with fewer parameters, and what these are held at: where all of them are too many."""


class End(NamedTuple):
    """An end of an interval: where it is, and whether the likelihood was followed to it.

    `widening` is how much larger weights make errors there than effective events do.
    """

    at: float
    widening: float
    is_found: bool


class Minimum:
    """A minimum of a likelihood, and the tails' parameters that had to be held fixed."""

    def __init__(self, cost: Unbinned, start: Array) -> None:
        self.cost, self.parameters = cost, cost.parameters
        # Minuit's steps for second derivatives grow with the value: it has to be near 0.
        self.offset = cost(start)
        self.minuit = self._start(start)
        self.held: dict[str, str] = {}

    def _start(self, vector: Array) -> Any:
        """Return what minimises from a vector, with nothing held that is not asked for."""
        names, cost = self.parameters.names, self.cost

        def shifted(vector: Array) -> float:
            return cost(vector) - self.offset if np.isfinite(vector).all() else np.inf

        def slopes(vector: Array) -> Array:
            # Minuit goes to NaN where a step of its own has overflown: there is no way on from it.
            return cost.gradient(vector) if np.isfinite(vector).all() else np.zeros(len(vector))

        found: Any = Minuit(shifted, vector, grad=slopes, name=names)
        found.errordef = Minuit.LIKELIHOOD
        found.limits = self.parameters.limits
        for name in self.parameters.fixed:
            found.fixed[name] = True
        return found

    def descend(self) -> "Minimum":
        """Go down quickly, to see where that leads."""
        self.minuit.strategy = 0
        self.minuit.migrad(ncall=_MOST_CALLS)
        self.minuit.strategy = 1
        return self

    def simpler(self, kind: str) -> "Minimum":
        """Hold what a simpler shape does not have: one of `SIMPLER`."""
        for name, value in SIMPLER[kind].items():
            if name in self.parameters.names:
                self.minuit.values[name] = value
                self.minuit.fixed[name] = True
                self.held[name] = kind
        return self

    def settle(self) -> "Minimum":
        """Minimise; hold what the events do not tell about tails, and minimise again."""
        for _ in range(len(_TAIL) + 1):
            self.minuit.migrad(ncall=_MOST_CALLS)
            self.minuit.hesse()
            loose = self._loose()
            if not loose:
                break
            for name, reason in loose.items():
                self.held[name] = reason
                self.minuit.fixed[name] = True
        return self

    @property
    def vector(self) -> Array:
        """The parameters."""
        return np.array(self.minuit.values)

    def at(self, name: str) -> float:
        """Return a parameter."""
        return float(self.minuit.values[name])

    @property
    def value(self) -> float:
        """Minus the logarithm of the likelihood."""
        return float(self.minuit.fval) + self.offset

    def is_as(self, other: "Minimum") -> bool:
        """Return whether this minimum is another one, as far as mean and width tell."""
        near = [abs(self.at(name) - other.at(name)) < _SAME for name in ("mean", "sigma_w")]
        return abs(self.value - other.value) < _SAME and all(near)

    @property
    def free(self) -> list[str]:
        """Names of the parameters that were fitted."""
        return [name for name in self.parameters.names if not self.minuit.fixed[name]]

    def notes(self) -> tuple[str, ...]:
        """Return what was held fixed, and why."""
        return tuple(f"{name} held fixed: {reason}" for name, reason in sorted(self.held.items()))

    def wrong(self) -> str:
        """Return why this is no minimum, an empty text if it is one."""
        limits = dict(zip(self.parameters.names, self.parameters.limits, strict=True))
        at_limit = [name for name in self.free if self._is_at(name, limits[name])]
        if at_limit:
            return f"at a limit: {', '.join(at_limit)}"
        if not self.minuit.valid:
            return "not converged"
        return "" if self.minuit.accurate else "no covariance"

    def covariance(self) -> Array:
        """Return the covariance of the free parameters, with squared weights where they differ."""
        rows = [self.parameters.names.index(name) for name in self.free]
        found = np.array(self.minuit.covariance)[np.ix_(rows, rows)]
        cost = self.cost
        if np.allclose(cost.squares * cost.scale, cost.w):
            return np.asarray(found)
        slopes = cost.slopes(self.vector)[rows]
        middle = (slopes * cost.squares) @ slopes.T * cost.scale**2
        return np.asarray(found @ middle @ found)

    def interval(self, name: str, rise: float) -> list["End"]:
        """Return between which values of a parameter the likelihood is at most *rise* worse.

        All other parameters follow, with those of tails that are held fixed here.
        """
        found = []
        for direction in (-1, 1):
            worse, vector = self._end(name, rise, direction)
            at = float(vector[self.parameters.names.index(name)])
            is_found = abs(worse / np.sqrt(rise) - 1) < _FOUND
            found.append(End(at, self._widening(name, vector), is_found))
        return found

    def _widening(self, name: str, vector: Array) -> float:
        """Return how much larger weights make the error of a parameter than effective events do.

        What was held counts as known to `LOOSE`: where a tail has the large weights, it is they
        that leave it open.
        """
        cost = self.cost
        if np.allclose(cost.squares * cost.scale, cost.w):
            return 1.0
        names = [entry for entry in self.parameters.names if entry not in self.parameters.fixed]
        slopes = cost.slopes(vector)[[self.parameters.names.index(entry) for entry in names]]
        known = np.diag([(entry in self.held) / LOOSE**2 for entry in names])
        # Where a tail has no event left its parameters move nothing: they take no part.
        plain = np.linalg.pinv((slopes * cost.w) @ slopes.T * cost.scale + known, hermitian=True)
        middle = (slopes * cost.squares) @ slopes.T * cost.scale**2 + known
        k = names.index(name)
        if not plain[k, k] > 0:
            return 1.0
        return float(np.sqrt((plain @ middle @ plain)[k, k] / plain[k, k]))

    def _end(self, name: str, rise: float, direction: int) -> tuple[float, Array]:
        """Return the point where the likelihood is *rise* worse, in steps of a parabola.

        With it the root of what it is worse by, as near to that of *rise* as any of the steps.
        """
        centre, step = self.at(name), float(self.minuit.errors[name]) * np.sqrt(2 * rise)
        follower = self._start(self.vector)
        follower.strategy = 0
        follower.fixed[name] = True
        near, far = (0.0, 0.0), (np.inf, np.inf)  # distances, and roots of what they are worse by
        best = (0.0, self.vector)
        for _ in range(_MOST_STEPS):
            follower.values[name] = centre + direction * step
            follower.migrad(ncall=_MOST_CALLS)
            worse = np.sqrt(max(follower.fval - self.minuit.fval, 0.0))
            if not (np.isfinite(worse) and np.isfinite(follower.values).all()):
                worse = far[1] if np.isfinite(far[1]) else 2 * np.sqrt(rise)
                follower.values = best[1]
            elif abs(worse - np.sqrt(rise)) < abs(best[0] - np.sqrt(rise)):
                best = worse, np.array(follower.values)
            if worse < np.sqrt(rise):
                near = step, worse
            else:
                far = step, worse
            if abs(worse / np.sqrt(rise) - 1) < _CLOSE:
                break
            if np.isfinite(far[0]):
                part = (np.sqrt(rise) - near[1]) / (far[1] - near[1])
                step = near[0] + np.clip(part, 0.05, 0.95) * (far[0] - near[0])
            else:
                step *= np.clip(np.sqrt(rise) / max(worse, 1e-9), 1.1, 2.0)
        return best

    def _loose(self) -> dict[str, str]:
        """Return tails' parameters that are to be held, with the reason; of powers first."""
        limits = dict(zip(self.parameters.names, self.parameters.limits, strict=True))
        free = [name for name in _TAIL if name in self.free]
        for name in free:
            if name.startswith("alpha") and self._is_at(name, limits[name], ends=(1,)):
                power = name.replace("alpha", "n")
                both = [entry for entry in (name, power) if entry in free]
                return dict.fromkeys(both, f"no tail up to {np.exp(limits[name][1]):.3g} sigma")
        for name in free:
            if name.startswith("n") and self._is_at(name, limits[name]):
                return {name: "at its limit"}
        errors = {name: self.minuit.errors[name] for name in free}
        unknown = [name for name in free if not errors[name] < LOOSE]
        if unknown:
            return {unknown[0]: "the events do not tell it"}
        return {}

    def _is_at(
        self, name: str, limits: tuple[float, float], ends: tuple[int, ...] = (0, 1)
    ) -> bool:
        near = NEAR * (limits[1] - limits[0])
        return any(abs(self.minuit.values[name] - limits[end]) < near for end in ends)
