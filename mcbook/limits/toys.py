"""CLs with toys of qtilde: no asymptotic formula, at the price of a Monte Carlo error.

Toys are drawn at the nuisances that fit the data best at mu and at mu = 0, and auxiliary data
fluctuate with them, as pyhf (doi:10.21105/joss.02823) does. Every toy is fitted with all others at
once. With few events and systematics qtilde breaks the ties of a discrete count, so that limits can
lie below those of the count alone: see `docs/explanation/limit-methods.md`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.limits import asymptotic
from mcbook.limits.datasets import Rows, nominal_counts, rows_of, supports
from mcbook.limits.fit import fit
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.options import N_TOYS, Asimov, check_level
from mcbook.limits.profile import evaluate, replaced_data
from mcbook.limits.result import NO_SIGNAL, OK, SIGMAS, Limits, empty

Array = NDArray[np.float64]

_SCAN = np.array([0.35, 0.6, 0.8, 0.95, 1.1, 1.3, 1.6, 2.1])
"""Where CLs is taken, in units of the asymptotic limits."""

_WINDOWS = (0.2, 0.4, 0.8)
"""How far from a limit, in its logarithm, a line through log CLs goes: the least that will do."""

_CLEAR = 2.0
"""Standard deviations by which the slope of such a line must differ from 0."""

_STRAIGHT = 0.1
"""Largest relative error of a limit from a line."""

_SURE = 1e-6
"""Least variance of a log CLs that is taken from toys."""

_EQUAL = 1e-6
"""Relative difference below which two values of the statistic count as equal."""

_AGAIN = 25
"""How often toys are drawn again among themselves: a standard deviation is known to 15% then."""

_UNFITTED = 1e-3
"""Share of toys without a fit, which count as incompatible, that is told."""

_WIDEN = 6
_LEAST = 100


def limits(
    likelihoods: Likelihoods,
    *,
    cl: float,
    seed: int = 0,
    n_toys: int = N_TOYS,
    asimov: Asimov = "observed",
) -> Limits:
    """Return upper limits on mu with Monte Carlo errors.

    Parameters
    ----------
    likelihoods
        The hypotheses, of a structure that batches.
    cl
        Confidence level in (0, 1).
    seed
        The same seed gives the same limits, in whatever company a hypothesis stands.
    n_toys
        Toys of signal and background, and as many of background, at each of some ten mu.
    asimov
        Where expected limits come from: background as fitted to the observed data, or nominal.

    Raises
    ------
    InputError
        If the level is none, the batch is not supported, or there are too few toys.
    """
    check_level(cl)
    if n_toys < _LEAST:
        raise InputError(f"{n_toys} toys say nothing", hint="take 1000 or more")
    if reason := supports(likelihoods):
        raise InputError(f"no toys: {reason}", hint="method pyhf treats any model")
    found = empty(len(likelihoods), "toys")
    for row in range(len(likelihoods)):
        one = likelihoods.take(np.array([row]))
        if not (one.signal > 0).any():
            found.status[row] = NO_SIGNAL
            continue
        with np.errstate(all="ignore"):
            _One(one, 1 - cl, seed, n_toys, asimov).fill(found, row)
    return found


class _One:
    """The toys of one hypothesis."""

    def __init__(
        self, likelihoods: Likelihoods, alpha: float, seed: int, n_toys: int, asimov: Asimov
    ) -> None:
        self.alpha, self.seed, self.n_toys = alpha, seed, n_toys
        guess = asymptotic.limits(likelihoods, cl=1 - alpha, asimov=asimov)
        self.guess = np.append(guess.expected[0], guess.observed[0])
        self.reason = str(guess.status[0])
        self.scale = float(np.nanmedian(self.guess)) if np.isfinite(self.guess).any() else 1.0
        nominal = rows_of(likelihoods, nominal_counts(likelihoods), np.array([self.scale]))
        self.nominal = replaced_data(nominal, nominal.start())
        self.data: Rows | None = None
        if likelihoods.has_observed[0] and likelihoods.observed is not None:
            self.data = rows_of(likelihoods, likelihoods.observed, np.array([self.scale]))
        is_fitted = self.data is not None and asimov == "observed"
        self.centre = self.data if is_fitted and self.data is not None else self.nominal
        self.stream = 0
        self.thrown, self.unfitted = 0, 0

    def fill(self, found: Limits, row: int) -> None:
        """Put the limits of this hypothesis into a row of *found*."""
        if not np.isfinite(self.guess[:-1]).all():
            found.status[row] = f"no asymptotic limits to begin with: {self.reason}"
            return
        wanted = [k for k in range(len(SIGMAS) + 1) if k < len(SIGMAS) or self.data is not None]
        rough = self._rough(wanted)
        values, errors = self._fine(wanted, rough)
        found.status[row] = self._status(wanted, values)
        if not found.status[row].startswith(OK):
            return
        there = np.flatnonzero(np.isfinite(values[: len(SIGMAS)]))
        order = there[np.argsort(values[there])]  # noise may swap close ones
        values[there], errors[there] = values[order], errors[order]
        for k, value, error in zip(wanted, values * self.scale, errors * self.scale, strict=True):
            if k < len(SIGMAS):
                found.expected[row, k], found.expected_error[row, k] = value, error
            else:
                found.observed[row], found.observed_error[row] = value, error

    def _status(self, wanted: list[int], values: Array) -> str:
        """Return ``ok``, or what these toys are too few for."""
        lost = [k for k, value in zip(wanted, values, strict=True) if not np.isfinite(value)]
        if not lost and self.unfitted > _UNFITTED * self.thrown:
            return f"{OK}: {self.unfitted / self.thrown:.1%} of the toys could not be fitted"
        if not lost:
            return OK
        if len(SIGMAS) in lost or SIGMAS.index(0) in lost:
            return f"{self.n_toys} toys do not reach the level: take more"
        which = ", ".join(f"{SIGMAS[k]:+d}" for k in lost)
        return f"{OK}: {self.n_toys} toys are too few for the expected limit at {which} sigma"

    def _rough(self, wanted: list[int]) -> Array:
        """Return limits to some per cent, from few toys on a grid that is widened as needed."""
        known = self.guess[wanted] / self.scale
        low, high = float(np.nanmin(known)) * _SCAN[0], float(np.nanmax(known)) * _SCAN[-1]
        grid = list(np.geomspace(low, high, 14))
        n_toys = max(self.n_toys // 4, _LEAST)
        table = [self._log_cls(mu, n_toys) for mu in grid]
        for _ in range(_WIDEN):
            if (table[-1][0][wanted] < np.log(self.alpha)).all():
                break
            grid.append(grid[-1] * 1.5)
            table.append(self._log_cls(grid[-1], n_toys))
        logs, variances = (np.array([entry[i] for entry in table]) for i in range(2))
        found = []
        for k in wanted:
            falling = _falling(logs[:, k], 1 / np.maximum(variances[:, k], _SURE))
            found.append(np.interp(-np.log(self.alpha), -falling, grid))
        return np.array(found)

    def _fine(self, wanted: list[int], rough: Array) -> tuple[Array, Array]:
        """Return limits and errors, from a straight line through log CLs near each."""
        places: list[float] = []
        for mu in np.sort(np.outer(rough, [0.9, 1.0, 1.1]).ravel()).tolist():
            if not places or mu > 1.02 * places[-1]:
                places.append(mu)
        table = [self._log_cls(mu, self.n_toys) for mu in places]
        level = float(np.log(self.alpha))
        values, errors = [], []
        for k, guess in zip(wanted, rough, strict=True):
            value, error = np.nan, 0.0
            for window in _WINDOWS:
                at, logs, variances = _columns(places, table, k)
                near = np.abs(np.log(at / guess)) < window
                value, error = _crossing(at[near], logs[near], variances[near], level)
                if abs(np.log(value / guess)) < window and error < _STRAIGHT * value:
                    break
            else:  # CLs of a discrete count falls in steps, and is no line
                self._bracket(places, table, k, level)
                value, error = _step(*_columns(places, table, k), level)
            values.append(value)
            errors.append(error)
        return np.array(values), np.array(errors)

    def _bracket(
        self, places: list[float], table: list[tuple[Array, Array]], k: int, level: float
    ) -> None:
        """Add places below and above until log CLs of one curve crosses the level between them."""
        for _ in range(_WIDEN):
            _, logs, variances = _columns(places, table, k)
            falling = _falling(logs, 1 / np.maximum(variances, _SURE))
            if falling[0] <= level:
                places.insert(0, places[0] * 0.85)
                table.insert(0, self._log_cls(places[0], self.n_toys))
            elif falling[-1] >= level:
                places.append(places[-1] * 1.15)
                table.append(self._log_cls(places[-1], self.n_toys))
            else:
                return

    def _log_cls(self, mu: float, n_toys: int) -> tuple[Array, Array]:
        """Return log CLs, expected ones and the observed, and variances, shape (6,)."""
        from scipy.special import ndtr

        signal = self._statistic(mu, mu, n_toys)
        background = np.sort(self._statistic(0.0, mu, n_toys))
        signal.sort()
        levels = 1 - ndtr(np.array(SIGMAS, dtype=float))
        cuts = list(np.quantile(background, levels, method="lower"))
        if self.data is not None:
            cuts.append(self._observed(mu))
        else:
            cuts.append(np.nan)
        cut = np.array(cuts)
        cut = cut - _EQUAL * (1 + np.abs(cut))
        above = [
            (len(toys) - np.searchsorted(toys, cut)) / len(toys) for toys in (signal, background)
        ]
        p = [np.maximum(share, 0.5 / n_toys) for share in above]
        random = np.random.default_rng([self.seed, self.stream, _AGAIN])
        return np.log(p[0] / p[1]), _variance(signal, background, cut, levels, random)

    def _observed(self, mu: float) -> float:
        assert self.data is not None  # noqa: S101
        return float(_qtilde(self.data, self.data.start(), mu)[0])

    def _statistic(self, true: float, mu: float, n_toys: int) -> Array:
        """Return qtilde(mu) of toys that are drawn at the strength *true*, shape (n_toys,)."""
        x = self.centre.start()
        x[-1] = true
        at = fit(self.centre, x, free_mu=False)
        self.stream += 1
        random = np.random.default_rng([self.seed, self.stream])
        index = np.zeros(n_toys, dtype=np.int64)
        toys = _drawn(self.centre.take(index), at.x[:, index], random)
        found = _qtilde(toys, at.x[:, index], mu)
        self.thrown += n_toys
        self.unfitted += int(np.isinf(found).sum())
        return found


def _variance(
    signal: Array, background: Array, cut: Array, levels: Array, random: np.random.Generator
) -> Array:
    """Return the variance of log CLs, expected ones and the observed, by drawing toys again.

    An expected limit has its cut from the toys without signal, which moves when they do: in steps
    where counts are few.

    Parameters
    ----------
    signal, background
        The statistic of toys with and without signal, sorted.
    cut
        Where it was cut, shape (6,).
    levels
        Shares of toys below the cuts of the expected ones.
    random
        Draws.
    """
    found = np.empty((_AGAIN, len(cut)))
    least = 0.5 / len(background)
    for i in range(_AGAIN):
        sums = [np.cumsum(random.poisson(1.0, len(toys))) for toys in (signal, background)]
        moved = cut.copy()
        place = np.searchsorted(sums[1], levels * (sums[1][-1] - 1), side="right")
        value = background[np.minimum(place, len(background) - 1)]
        moved[: len(levels)] = value - _EQUAL * (1 + np.abs(value))
        logs = []
        for toys, total in zip((signal, background), sums, strict=True):
            below = np.searchsorted(toys, moved)
            share = 1 - np.where(below > 0, total[np.maximum(below - 1, 0)], 0) / total[-1]
            logs.append(np.log(np.maximum(share, least)))
        found[i] = logs[0] - logs[1]
    return np.asarray(np.maximum(found.var(axis=0, ddof=1), _SURE))


def _drawn(rows: Rows, x: Array, random: np.random.Generator) -> Rows:
    """Return rows with data and auxiliary data drawn at *x*, one row after the other."""
    at = evaluate(rows, x)
    centres = random.normal(x[:-1].T, 1.0).T
    centres = np.where(rows.constrained[:, None], centres, rows.centres)
    gammas = rows.gammas
    if gammas is not None:
        mean = np.where(gammas.on & gammas.is_poisson, gammas.rate * at.gamma, 0.0)
        width = np.where(gammas.is_poisson, 0.0, gammas.width)
        count = random.poisson(mean.T).T
        centre = random.normal(at.gamma.T, width.T).T
        gammas = replace(
            gammas,
            count=np.where(gammas.is_poisson, count, gammas.count),
            centre=np.where(gammas.is_poisson, gammas.centre, centre),
        )
    counts = random.poisson(np.maximum(at.expected, 0.0).T).T.astype(np.float64)
    return replace(rows, counts=np.ascontiguousarray(counts), centres=centres, gammas=gammas)


def _qtilde(rows: Rows, start: Array, mu: float) -> Array:
    """Return qtilde(mu) of every row, shape (R,); infinite where a fit failed."""
    fixed = start.copy()
    fixed[-1] = mu
    conditional = fit(rows, fixed, free_mu=False)
    best = fit(rows, conditional.x, free_mu=True)
    q = 2 * (conditional.at.value - best.at.value)
    q = np.where(best.x[-1] > mu, 0.0, np.maximum(q, 0.0))
    return np.where(np.isfinite(q), q, np.inf)


def _falling(values: Array, weights: Array) -> Array:
    """Return the falling values that are nearest: neighbours that rise are averaged."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, total, size = value, weight, 1
        while blocks and blocks[-1][0] <= mean:
            before, more, count = blocks.pop()
            mean = (mean * total + before * more) / (total + more)
            total, size = total + more, size + count
        blocks.append((mean, total, size))
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])


def _crossing(mu: Array, log: Array, variance: Array, level: float) -> tuple[float, float]:
    """Return where a weighted line through log CLs crosses the level, and the error."""
    if len(mu) < 2:  # noqa: PLR2004
        return np.nan, 0.0
    weight = 1 / variance
    centre = (weight * mu).sum() / weight.sum()
    mean = (weight * log).sum() / weight.sum()
    spread = (weight * (mu - centre) ** 2).sum()
    slope = (weight * (mu - centre) * (log - mean)).sum() / spread
    if not slope < -_CLEAR / np.sqrt(spread):
        return np.nan, 0.0
    value = centre + (level - mean) / slope
    error = np.sqrt(1 / weight.sum() + (value - centre) ** 2 / spread) / -slope
    free = len(mu) - 2
    chi2 = (weight * (log - mean - slope * (mu - centre)) ** 2).sum()
    worse = np.sqrt(max(chi2 / free, 1.0)) if free > 0 else 1.0  # a line through steps
    return float(value), float(error * worse)


def _columns(
    places: list[float], table: list[tuple[Array, Array]], k: int
) -> tuple[Array, Array, Array]:
    """Return mu, log CLs and its variance of one curve."""
    logs, variances = (np.array([entry[i][k] for entry in table]) for i in range(2))
    return np.array(places), logs, variances


def _step(mu: Array, log: Array, variance: Array, level: float) -> tuple[float, float]:
    """Return where log CLs, made to fall, crosses the level; the error is where it may cross."""
    falling = _falling(log, 1 / np.maximum(variance, _SURE))
    if not falling[-1] < level < falling[0]:
        return np.nan, 0.0
    sigma = float(np.sqrt(np.interp(-level, -falling, variance)))
    low, value, high = np.interp([-level - sigma, -level, -level + sigma], -falling, mu)
    return float(value), float(high - low) / 2
