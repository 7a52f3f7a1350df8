"""Parameters in which the sum of two Crystal Balls is fitted: all of order 1, few at limits.

Values of the observable are counted from the median in units of sigma_68. Widths, starts of tails
and powers (less 1) are fitted as logarithms, the part of the first Crystal Ball as its logit. The
mean of both and sigma_W are parameters themselves, so that the likelihood can be followed along
them: sigma_1 = sigma_W / sqrt(f + (1 - f) ratio^2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.selection.shapes import CrystalBall, DoubleCrystalBall, Side, Window

Array = NDArray[np.float64]

MEANS = ("common", "separate")
TAILS: Mapping[str, tuple[Side, Side]] = {
    "opposite": ("low", "high"),
    "low": ("low", "low"),
    "high": ("high", "high"),
}

_LIMITS = {
    "mean": (-3.0, 3.0),
    "offset": (-3.0, 3.0),
    "sigma_w": (np.log(0.02), np.log(20.0)),
    "ratio": (-np.log(20.0), np.log(20.0)),
    "f": (np.log(0.01 / 0.99), np.log(0.99 / 0.01)),
    "alpha_1": (np.log(0.15), np.log(6.0)),
    "alpha_2": (np.log(0.15), np.log(6.0)),
    "n_1": (np.log(0.05), np.log(100.0)),
    "n_2": (np.log(0.05), np.log(100.0)),
}

NO_TAIL = float(np.log(5.9))
"""Logarithm of where a tail begins that is none."""

_STARTS = ((0.7, 0.8, 1.6), (0.5, 0.75, 1.25), (0.85, 0.9, 2.5))
"""Part of the narrower Crystal Ball, its sigma, and that of the wider, in sigma_68."""

_ALPHAS, _POWERS = (0.9, 1.8), (4.0,)


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How a shape is fitted.

    Attributes
    ----------
    mean
        Whether the two Crystal Balls have a ``common`` mean or ``separate`` ones.
    tails
        ``opposite``: the first has its tail at low values, the second at high ones. ``low`` or
        ``high``: both there; the first is then the narrower.
    power
        Power n of both tails where it is not to be fitted, > 1.
    range
        The fit is to what is within so many sigma_68 of the median.
    binned_above
        More events than this are fitted in bins.
    least
        Fewer effective events than this are not fitted.
    """

    mean: Literal["common", "separate"] = "common"
    tails: Literal["opposite", "low", "high"] = "opposite"
    power: float | None = None
    range: float = 10.0
    binned_above: int = 10_000
    least: int = 200

    def __post_init__(self) -> None:
        for name, given, known in (("mean", self.mean, MEANS), ("tails", self.tails, TAILS)):
            if given not in known:
                raise InputError(f"{name}: {given!r} is not known", hint=did_you_mean(given, known))
        if self.power is not None and not 1 < self.power < np.inf:
            raise InputError(f"power: {self.power:g} is not above 1")
        if not 2 <= self.range < np.inf:  # noqa: PLR2004
            raise InputError(f"range: {self.range:g} is not 2 or more")


class Parameters:
    """Parameters of a fit: between their vector and shapes.

    Parameters
    ----------
    options
        How it is fitted.
    window
        Range of the fit, in sigma_68 from the median.
    """

    def __init__(self, options: FitOptions, window: Window) -> None:
        self.options, self.window = options, window
        self.sides = TAILS[options.tails]
        every = list(_LIMITS)
        if options.mean == "common":
            every.remove("offset")
        self.names = tuple(every)
        self.fixed = ("n_1", "n_2") if options.power is not None else ()

    @property
    def limits(self) -> list[tuple[float, float]]:
        """Limits of the parameters."""
        ordered = {"ratio": (0.0, _LIMITS["ratio"][1])} if self.is_ordered else {}
        return [(_LIMITS | ordered)[name] for name in self.names]

    @property
    def is_ordered(self) -> bool:
        """Whether only their widths tell the two apart."""
        return self.sides[0] == self.sides[1]

    def starts(self) -> list[Array]:
        """Return vectors to start from."""
        found = []
        for (f, one, two), alpha, n in product(_STARTS, _ALPHAS, _POWERS):
            given = [(f, one, two)] if self.is_ordered else [(f, one, two), (1 - f, two, one)]
            for part, first, second in given:
                ratio = second / first
                values = {
                    "mean": 0.0, "offset": 0.0,
                    "sigma_w": np.log(first * np.sqrt(part + (1 - part) * ratio**2)),
                    "ratio": np.log(ratio), "f": np.log(part / (1 - part)),
                    "alpha_1": np.log(alpha), "alpha_2": np.log(alpha),
                    "n_1": self._log_power(n), "n_2": self._log_power(n),
                }  # fmt: skip
                found.append(np.array([values[name] for name in self.names]))
        return found

    def shape(self, vector: Array) -> DoubleCrystalBall:
        """Return the shape, in sigma_68 from the median."""
        given = dict(zip(self.names, vector, strict=True))
        f, ratio = float(1 / (1 + np.exp(-given["f"]))), np.exp(given["ratio"])
        first = np.exp(given["sigma_w"]) / np.sqrt(f + (1 - f) * ratio**2)
        sigmas = first, first * ratio
        offset = given.get("offset", 0.0)
        means = given["mean"] - (1 - f) * offset, given["mean"] + f * offset
        one, two = (
            CrystalBall(
                float(means[i]),
                float(sigmas[i]),
                float(np.exp(given[f"alpha_{i + 1}"])),
                1 + float(np.exp(given[f"n_{i + 1}"])),
                self.sides[i],
                self.window,
            )
            for i in (0, 1)
        )
        return DoubleCrystalBall(one, two, f)

    def carried(self, vector: Array, by_f: Array, by_balls: Array) -> Array:
        """Return derivatives by the parameters, shape (parameters, n).

        Parameters
        ----------
        vector
            Where they are.
        by_f
            Derivatives by the part of the first, shape (n,).
        by_balls
            Derivatives by what both Crystal Balls have, shape (2, 4, n), see `slopes.OWN`.
        """
        given = dict(zip(self.names, vector, strict=True))
        f, square = 1 / (1 + np.exp(-given["f"])), np.exp(2 * given["ratio"])
        mean, sigma, alpha, power = by_balls.transpose(1, 0, 2)
        means, sigmas = mean.sum(axis=0), sigma.sum(axis=0)
        total = f + (1 - f) * square  # (sigma_W / sigma_1)^2
        by_f = by_f + given.get("offset", 0.0) * means - sigmas * (1 - square) / (2 * total)
        found = {
            "mean": means, "offset": f * mean[1] - (1 - f) * mean[0], "sigma_w": sigmas,
            "ratio": sigma[1] - sigmas * (1 - f) * square / total, "f": f * (1 - f) * by_f,
            "alpha_1": alpha[0], "alpha_2": alpha[1], "n_1": power[0], "n_2": power[1],
        }  # fmt: skip
        return np.array([found[name] for name in self.names])

    def _log_power(self, n: float) -> float:
        return float(np.log((n if self.options.power is None else self.options.power) - 1))


def numbers(shape: DoubleCrystalBall) -> dict[str, float]:
    """Return what a table says of a shape, in the unit of the observable.

    The mean is that of both, `DoubleCrystalBall.centre`; ``offset`` is mean_2 - mean_1.
    """
    one, two = shape.first, shape.second
    return {
        "mean": shape.centre, "sigma_w": shape.width, "f": shape.f, "sigma_1": one.sigma,
        "sigma_2": two.sigma, "offset": two.mean - one.mean, "alpha_1": one.alpha,
        "alpha_2": two.alpha, "n_1": one.n, "n_2": two.n,
    }  # fmt: skip


def rescaled(shape: DoubleCrystalBall, origin: float, unit: float) -> DoubleCrystalBall:
    """Return a shape in units of *unit* from *origin* in the unit of the observable."""
    low, high = shape.window
    one, two = (
        CrystalBall(
            origin + unit * ball.mean, unit * ball.sigma, ball.alpha, ball.n, ball.side,
            (origin + unit * low, origin + unit * high),
        )
        for ball in (shape.first, shape.second)
    )  # fmt: skip
    return DoubleCrystalBall(one, two, shape.f)
