"""The likelihood of many rows at once with its derivatives, bin gammas eliminated.

A row is one data set of one hypothesis. Its parameters are the nuisances that act on whole samples
and, last, the signal strength mu. Each bin has at most one gamma, which is profiled in closed form:
the root of a quadratic equation. What is left has few parameters, for Newton's method.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.datasets import Gammas, Rows, Sample
from mcbook.limits.interpolation import Exponential

Array = NDArray[np.float64]

TINY = 1e-300


@dataclass(frozen=True)
class Value:
    """The likelihood at one place.

    `value` is -log L without constants, shape (R,); `gradient` (R, P + 1), `hessian`
    (R, P + 1, P + 1); `expected` and `gamma` (R, B).
    """

    value: Array
    gradient: Array
    hessian: Array
    expected: Array
    gamma: Array


def evaluate(rows: Rows, x: Array) -> Value:
    """Return the profiled -log L at parameters *x*, shape (R, P + 1), and its derivatives."""
    with np.errstate(all="ignore"):
        parts = [_Part(sample, x, rows.n_parameters) for sample in rows.samples]
        free, fixed = _sums(parts, rows.counts.shape)
        gamma = _solve(rows.gammas, rows.counts, free, fixed)
        expected = gamma * free + fixed
        return _derive(rows, x, parts, _Bins(rows, free, gamma, expected))


def replaced_data(rows: Rows, x: Array) -> Rows:
    """Return Asimov data sets: counts and auxiliary data are what is expected at *x*."""
    at = evaluate(rows, x)
    gammas = rows.gammas
    if gammas is not None:
        count = np.where(gammas.is_poisson, gammas.rate * at.gamma, gammas.count)
        centre = np.where(gammas.is_poisson, gammas.centre, at.gamma)
        gammas = replace(gammas, count=count, centre=centre)
    return replace(rows, counts=at.expected, centres=x[:, :-1].copy(), gammas=gammas)


class _Part:
    """One sample at one place: its yields and their derivatives."""

    def __init__(self, sample: Sample, x: Array, n_parameters: int) -> None:
        self.sample = sample
        size = x.shape[0]
        factor = np.ones(size)
        self.log: dict[int, Array] = {}
        self.curve: dict[int, Array] = {}
        for number, named in sample.factors:
            k, first, second = _factor(named, x[:, number])
            factor = factor * k
            self.log[number], self.curve[number] = first, second
        base = sample.nominal
        self.shift: dict[int, tuple[Array, Array]] = {}
        for number, entry in sample.shifts:
            moved, first, second = entry.shift(x[:, number])
            base = base + moved
            self.shift[number] = (first, second)
        self.factor = factor[:, None]
        self.strength = x[:, -1] if sample.is_signal else None
        self.unit = base * self.factor
        self.value = self.unit if self.strength is None else self.unit * self.strength[:, None]
        self.n_parameters = n_parameters

    def moved_by(self) -> dict[int, Array]:
        """Return the first derivatives by number of the parameter, each of shape (R, B)."""
        found: dict[int, Array] = {}
        numbers = self.log.keys() | self.shift.keys()
        scale = None if self.strength is None else self.strength[:, None]
        for number in numbers:
            slope = self.unit * self.log[number][:, None] if number in self.log else 0.0
            if number in self.shift:
                slope = slope + self.factor * self.shift[number][0]
            found[number] = np.asarray(slope if scale is None else slope * scale)
        if self.strength is not None:
            found[self.n_parameters - 1] = self.unit
        return found

    def curvature(self, weight: Array, hessian: Array) -> None:
        """Add the second derivatives, summed over bins with *weight* (R, B), to *hessian*."""
        scale = np.ones(len(weight)) if self.strength is None else self.strength
        total = (weight * self.unit).sum(axis=1)
        first = {n: (weight * self.factor * s[0]).sum(axis=1) for n, s in self.shift.items()}
        numbers = sorted(self.log.keys() | self.shift.keys())
        last = self.n_parameters - 1
        zero = np.zeros_like(total)
        for i, p in enumerate(numbers):
            log_p, first_p = self.log.get(p, zero), first.get(p, zero)
            diagonal = total * self.curve.get(p, zero) + 2 * first_p * log_p
            if p in self.shift:
                diagonal = diagonal + (weight * self.factor * self.shift[p][1]).sum(axis=1)
            hessian[:, p, p] += scale * diagonal
            for q in numbers[i + 1 :]:
                log_q, first_q = self.log.get(q, zero), first.get(q, zero)
                mixed = scale * (total * log_p * log_q + first_p * log_q + first_q * log_p)
                hessian[:, p, q] += mixed
                hessian[:, q, p] += mixed
            if self.strength is not None:
                mixed = total * log_p + first_p
                hessian[:, p, last] += mixed
                hessian[:, last, p] += mixed


def _factor(entry: Exponential | str | Array, x: Array) -> tuple[Array, Array, Array]:
    if isinstance(entry, Exponential):
        return entry.factor(x)
    if isinstance(entry, str):  # a free factor: k = x
        inverse = 1 / np.maximum(x, TINY**0.25)
        return np.maximum(x, TINY**0.25), inverse, np.zeros_like(x)
    value = 1 + entry * x  # luminosity
    return value, entry / value, np.zeros_like(x)


def _sums(parts: Sequence[_Part], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the expected counts that gammas scale, and those that they do not."""
    free, fixed = np.zeros(shape), np.zeros(shape)
    for part in parts:
        on = part.sample.gamma
        if on is None:
            fixed = fixed + part.value
        else:
            free = free + part.value * on
            fixed = fixed + part.value * (1 - on)
    return free, fixed


def _solve(gammas: Gammas | None, counts: Array, free: Array, fixed: Array) -> Array:
    """Return the gamma of each bin that maximises the likelihood."""
    if gammas is None:
        return np.ones_like(counts)
    square = gammas.width**2
    a = np.where(gammas.is_poisson, free * (free + gammas.rate), free)
    b = np.where(
        gammas.is_poisson,
        (free + gammas.rate) * fixed - (counts + gammas.count) * free,
        free * free * square + fixed - gammas.centre * free,
    )
    c = np.where(
        gammas.is_poisson,
        -gammas.count * fixed,
        free * (fixed - counts) * square - gammas.centre * fixed,
    )
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
    gamma = np.where(b >= 0, -2 * c / (b + root), (root - b) / (2 * a))
    alone = np.where(gammas.is_poisson, gammas.count / gammas.rate, gammas.centre)
    without = np.where(gammas.is_poisson & (fixed <= 0),
                       (counts + gammas.count) / (free + gammas.rate), gamma)  # fmt: skip
    gamma = np.where(free > 0, without, alone)
    gamma = np.where(np.isfinite(gamma), gamma, alone)
    return np.where(gammas.on, np.maximum(gamma, 0.0), 1.0)


class _Bins:
    """Derivatives of the profiled terms of each bin in what gammas scale and what they do not."""

    def __init__(self, rows: Rows, free: Array, gamma: Array, expected: Array) -> None:
        n, gammas = rows.counts, rows.gammas
        safe = np.maximum(expected, TINY)
        self.gamma, self.expected = gamma, expected
        ratio = np.where(n > 0, n / safe, 0.0)
        terms = expected - n + np.where(n > 0, n * np.log(np.maximum(n, TINY) / safe), 0.0)
        terms = np.where((expected < 0) | ((expected <= 0) & (n > 0)), np.inf, terms)
        self.slope = 1 - ratio
        curve = ratio / safe
        self.fixed_fixed = curve
        self.free_free, self.free_fixed = curve, curve
        if gammas is not None:
            terms = terms + np.where(gammas.on, _constraint(gammas, gamma), 0.0)
            self._profile(gammas, free, curve)
        self.value = terms.sum(axis=1)

    def _profile(self, gammas: Gammas, free: Array, curve: Array) -> None:
        gamma = self.gamma
        own = np.where(
            gammas.is_poisson, gammas.count / np.maximum(gamma, TINY) ** 2, gammas.width**-2
        )
        stiff = free * free * curve + own
        move = gammas.on & (gamma > 0) & np.isfinite(stiff) & (stiff > 0)
        inverse = np.where(move, 1 / np.where(move, stiff, 1.0), 0.0)
        by_free = self.slope + gamma * free * curve
        by_fixed = free * curve
        self.free_free = gamma * gamma * curve - by_free * by_free * inverse
        self.free_fixed = gamma * curve - by_free * by_fixed * inverse
        self.fixed_fixed = curve - by_fixed * by_fixed * inverse


def _constraint(gammas: Gammas, gamma: Array) -> Array:
    count, mean = gammas.count, gammas.rate * gamma
    ratio = np.maximum(count, TINY) / np.maximum(mean, TINY)
    poisson = mean - count + np.where(count > 0, count * np.log(ratio), 0.0)
    return np.where(gammas.is_poisson, poisson, ((gamma - gammas.centre) / gammas.width) ** 2 / 2)


def _derive(rows: Rows, x: Array, parts: Sequence[_Part], bins: _Bins) -> Value:
    size, n_parameters = x.shape
    gradient = np.zeros((size, n_parameters))
    hessian = np.zeros((size, n_parameters, n_parameters))
    free_by: dict[int, Array] = {}
    fixed_by: dict[int, Array] = {}
    free_slope = bins.gamma * bins.slope
    for part in parts:
        on = part.sample.gamma
        weight = bins.slope if on is None else on * free_slope + (1 - on) * bins.slope
        part.curvature(weight, hessian)
        for p, moved in part.moved_by().items():
            gradient[:, p] += (weight * moved).sum(axis=1)
            if on is None:
                fixed_by[p] = fixed_by.get(p, 0.0) + moved
            else:
                free_by[p] = free_by.get(p, 0.0) + moved * on
                fixed_by[p] = fixed_by.get(p, 0.0) + moved * (1 - on)
    _add_products(bins, free_by, fixed_by, hessian)
    pull = np.where(rows.constrained, x[:, :-1] - rows.centres, 0.0)
    value = bins.value + (pull * pull).sum(axis=1) / 2
    gradient[:, :-1] += pull
    diagonal = np.arange(n_parameters - 1)
    hessian[:, diagonal, diagonal] += rows.constrained
    value = np.where(np.isfinite(value), value, np.inf)
    return Value(value, gradient, hessian, bins.expected, bins.gamma)


def _add_products(
    bins: _Bins, free_by: dict[int, Array], fixed_by: dict[int, Array], hessian: Array
) -> None:
    """Add the products of first derivatives to the Hessian."""
    numbers = sorted(free_by.keys() | fixed_by.keys())
    for i, p in enumerate(numbers):
        to_free, to_fixed = _weighted(
            bins, free_by.get(p), fixed_by.get(p), has_gamma=bool(free_by)
        )
        for q in numbers[i:]:
            total: Array | float = 0.0
            if q in fixed_by:
                total = (to_fixed * fixed_by[q]).sum(axis=1)
            if to_free is not None and q in free_by:
                total = total + (to_free * free_by[q]).sum(axis=1)
            hessian[:, p, q] += total
            if q != p:
                hessian[:, q, p] += total


def _weighted(
    bins: _Bins, free: Array | None, fixed: Array | None, *, has_gamma: bool
) -> tuple[Array | None, Array]:
    """Return second derivatives of the bins times a first derivative in one parameter."""
    to_fixed: Array | float = 0.0 if fixed is None else bins.fixed_fixed * fixed
    to_free: Array | None = None
    if free is not None:
        to_fixed = to_fixed + bins.free_fixed * free
        to_free = bins.free_free * free
    if fixed is not None and has_gamma:
        mixed = bins.free_fixed * fixed
        to_free = mixed if to_free is None else to_free + mixed
    return to_free, np.asarray(to_fixed)
