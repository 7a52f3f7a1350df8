"""The likelihood of many rows at once with its derivatives, bin gammas eliminated.

A row is one data set of one hypothesis. Its parameters are the nuisances that act on whole samples
and, last, the signal strength mu. Each bin has at most one gamma, which is profiled in closed form:
the root of a quadratic equation. What is left has few parameters, for Newton's method.

Arrays have the rows on their last axis: sums over few bins or parameters are then long loops.
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

    `value` is -log L without constants, shape (R,), 0 for data that are as expected; `gradient`
    (P + 1, R), `hessian` (P + 1, P + 1, R), of which the lower triangle is filled; `expected` and
    `gamma` (B, R).
    """

    value: Array
    gradient: Array
    hessian: Array
    expected: Array
    gamma: Array


def evaluate(rows: Rows, x: Array) -> Value:
    """Return the profiled -log L at parameters *x*, shape (P + 1, R), and its derivatives."""
    with np.errstate(all="ignore"):
        parts = [_Part(sample, x) for sample in rows.samples]
        free, fixed = _sums(parts, rows.counts.shape)
        gamma = _solve(rows.gammas, rows.counts, free, fixed)
        bins = _Bins(rows, free, gamma, gamma * free + fixed)
        return _derive(rows, x, parts, bins)


def replaced_data(rows: Rows, x: Array) -> Rows:
    """Return Asimov data sets: counts and auxiliary data are what is expected at *x*."""
    at = evaluate(rows, x)
    gammas = rows.gammas
    if gammas is not None:
        count = np.where(gammas.is_poisson, gammas.rate * at.gamma, gammas.count)
        centre = np.where(gammas.is_poisson, gammas.centre, at.gamma)
        gammas = replace(gammas, count=count, centre=centre)
    return replace(rows, counts=at.expected, centres=x[:-1].copy(), gammas=gammas)


def sample_yields(rows: Rows, x: Array, gamma: Array) -> Array:
    """Return the expected counts of each sample, shape (K, B, R), at *x* and *gamma* (B, R)."""
    with np.errstate(all="ignore"):
        return np.stack([
            part.value if (on := part.sample.gamma) is None
            else part.value * np.where(on > 0, gamma, 1.0)
            for part in (_Part(sample, x) for sample in rows.samples)
        ])  # fmt: skip


class _Part:
    """One sample at one place: its yields and their derivatives."""

    def __init__(self, sample: Sample, x: Array) -> None:
        self.sample = sample
        factor: Array | None = None
        self.log: dict[int, Array] = {}
        self.curve: dict[int, Array | None] = {}
        for number, named in sample.factors:
            k, self.log[number], self.curve[number] = _factor(named, x[number])
            factor = k if factor is None else factor * k
        base = sample.nominal
        self.shift: dict[int, tuple[Array, Array]] = {}
        for number, entry in sample.shifts:
            moved, first, second = entry.at(x[number])
            base = base + moved
            if factor is not None:
                first, second = first * factor, second * factor
            self.shift[number] = (first, second)
        self.strength = x[-1] if sample.is_signal else None
        self.unit = base if factor is None else base * factor
        self.value = self.unit if self.strength is None else self.unit * self.strength

    def vectors(self, last: int) -> "list[tuple[Array, dict[int, Array | None]]]":
        """Return vectors over bins that span the first derivatives of the yields.

        Each comes with its coefficient in the derivative by each parameter (None for 1).
        """
        scale = self.strength
        by = {p: log if scale is None else log * scale for p, log in self.log.items()}
        coefficients: dict[int, Array | None] = dict(by)
        if scale is not None:
            coefficients[last] = None
        found = [(self.unit, coefficients)] if coefficients else []
        return found + [(first, {p: scale}) for p, (first, _) in self.shift.items()]

    def curvature(self, weight: Array, hessian: Array) -> None:
        """Add the second derivatives, summed over bins with *weight* (B, R), to *hessian*."""
        last = len(hessian) - 1
        total = _over_bins(weight, self.unit)
        first = {p: _over_bins(weight, s[0]) for p, s in self.shift.items()}
        numbers = sorted(self.log.keys() | self.shift.keys(), reverse=True)
        scale = self.strength
        for i, p in enumerate(numbers):
            mixed = _plus(_times(total, self.log.get(p)), first.get(p))
            if scale is not None and mixed is not None:
                hessian[last, p] += mixed
            for q in numbers[i:]:
                if q == p:
                    second = _times(total, self.curve.get(p))
                    if p in self.shift:
                        second = _plus(second, _over_bins(weight, self.shift[p][1]))
                        second = _plus(second, _times(2 * first[p], self.log.get(p)))
                else:
                    second = _times(mixed, self.log.get(q))
                    second = _plus(second, _times(first.get(q), self.log.get(p)))
                if second is not None:
                    hessian[p, q] += second if scale is None else second * scale


def _over_bins(a: Array, b: Array) -> Array:
    """Return the sum of products over bins, shape (R,)."""
    if len(a) == 1:
        return np.asarray(a[0] * b[0])
    return np.asarray(np.einsum("br,br->r", a, b))


def _times(a: Array | None, b: Array | None) -> Array | None:
    return None if a is None or b is None else a * b


def _plus(a: Array | None, b: Array | None) -> Array | None:
    return b if a is None else a if b is None else a + b


def _factor(entry: Exponential | str | Array, x: Array) -> tuple[Array, Array, Array | None]:
    """Return a factor k, k'/k and k''/k (None for 0)."""
    if isinstance(entry, Exponential):
        return entry.factor(x)
    if isinstance(entry, str):  # a free factor: k = x
        inverse = 1 / np.maximum(x, TINY**0.25)
        return np.maximum(x, TINY**0.25), inverse, None
    value = 1 + entry * x  # luminosity
    return value, entry / value, None


def _sums(parts: Sequence[_Part], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the expected counts that gammas scale, and those that they do not."""
    free, fixed = np.zeros(shape), np.zeros(shape)
    for part in parts:
        on = part.sample.gamma
        if on is None:
            fixed += part.value
        elif part.sample.everywhere:
            free += part.value
        else:
            free += part.value * on
            fixed += part.value * (1 - on)
    return free, fixed


def _solve(gammas: Gammas | None, counts: Array, free: Array, fixed: Array) -> Array:
    """Return the gamma of each bin that maximises the likelihood.

    Of the two roots it is the one where counts are positive, also where *free* or *fixed* is not.
    """
    if gammas is None:
        return np.ones_like(counts)
    gaussian = poisson = None
    if gammas.some_gaussian:
        square = gammas.width**2
        gaussian = (
            free,
            free * free * square + fixed - gammas.centre * free,
            free * (fixed - counts) * square - gammas.centre * fixed,
            gammas.centre,
        )
    if gammas.some_poisson:
        poisson = (
            free * (free + gammas.rate),
            (free + gammas.rate) * fixed - (counts + gammas.count) * free,
            -gammas.count * fixed,
            gammas.count / gammas.rate,
        )
    if gaussian is not None and poisson is not None:
        pairs = zip(poisson, gaussian, strict=True)
        a, b, c, alone = (np.where(gammas.is_poisson, one, other) for one, other in pairs)
    else:
        a, b, c, alone = gaussian or poisson or (free, free, free, free)
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
    gamma = np.where(b >= 0, -2 * c / (b + root), (root - b) / (2 * a))
    if gammas.some_poisson:
        without = gammas.is_poisson & (fixed == 0)
        gamma = np.where(without, (counts + gammas.count) / (free + gammas.rate), gamma)
    gamma = np.where((free != 0) & np.isfinite(gamma), gamma, alone)
    return np.where(gammas.on, np.maximum(gamma, 0.0), 1.0)


class _Bins:
    """Derivatives of the profiled terms of each bin in what gammas scale and what they do not."""

    def __init__(self, rows: Rows, free: Array, gamma: Array, expected: Array) -> None:
        n, gammas = rows.counts, rows.gammas
        safe = np.maximum(expected, TINY)
        self.gamma, self.expected = gamma, expected
        ratio = n / safe
        # n = 0 has no logarithm; TINY / TINY is 1 where nothing is expected either.
        terms = expected - n - n * np.log(safe / np.maximum(n, TINY))
        terms = np.where((expected < 0) | ((expected <= 0) & (n > 0)), np.inf, terms)
        self.slope = 1 - ratio
        curve = ratio / safe
        self.fixed_fixed = curve
        self.free_free, self.free_fixed = curve, curve
        if gammas is not None:
            terms += np.where(gammas.on, _constraint(gammas, gamma), 0.0)
            self._profile(gammas, free, curve)
        self.value = terms.sum(axis=0)

    def _profile(self, gammas: Gammas, free: Array, curve: Array) -> None:
        gamma = self.gamma
        own = gammas.width**-2
        if gammas.some_poisson:
            own = np.where(gammas.is_poisson, gammas.count / np.maximum(gamma, TINY) ** 2, own)
        by_fixed = free * curve
        stiff = free * by_fixed + own
        moves = gammas.on & (gamma > 0) & np.isfinite(stiff) & (stiff > 0)
        inverse = np.where(moves, 1 / stiff, 0.0)
        scaled = gamma * curve
        by_free = self.slope + free * scaled
        pulled = by_free * inverse
        self.free_free = gamma * scaled - by_free * pulled
        self.free_fixed = scaled - pulled * by_fixed
        self.fixed_fixed = curve - by_fixed * by_fixed * inverse


def _constraint(gammas: Gammas, gamma: Array) -> Array:
    gaussian = ((gamma - gammas.centre) / gammas.width) ** 2 / 2
    if not gammas.some_poisson:
        return gaussian
    count, mean = gammas.count, gammas.rate * gamma
    ratio = np.maximum(count, TINY) / np.maximum(mean, TINY)
    poisson = mean - count + np.where(count > 0, count * np.log(ratio), 0.0)
    return np.where(gammas.is_poisson, poisson, gaussian)


def _derive(rows: Rows, x: Array, parts: Sequence[_Part], bins: _Bins) -> Value:
    n_parameters, size = x.shape
    gradient = np.zeros((n_parameters, size))
    hessian = np.zeros((n_parameters, n_parameters, size))
    free_slope = bins.gamma * bins.slope
    spans: list[_Span] = []
    for part in parts:
        on = part.sample.gamma
        weight = bins.slope if on is None else free_slope
        if on is not None and not part.sample.everywhere:
            weight = on * free_slope + (1 - on) * bins.slope
        part.curvature(weight, hessian)
        for vector, by in part.vectors(n_parameters - 1):
            slope = _over_bins(weight, vector)
            for p, coefficient in by.items():
                gradient[p] += slope if coefficient is None else slope * coefficient
            if on is None or part.sample.everywhere:
                spans.append(_Span(vector, by, is_free=on is not None))
            else:
                spans.append(_Span(vector * on, by, is_free=True))
                spans.append(_Span(vector * (1 - on), by, is_free=False))
    _add_products(bins, spans, hessian)
    pull = np.where(rows.constrained[:, None], x[:-1] - rows.centres, 0.0)
    value = bins.value + (pull * pull).sum(axis=0) / 2
    gradient[:-1] += pull
    diagonal = np.arange(n_parameters - 1)
    hessian[diagonal, diagonal] += rows.constrained[:, None]
    value = np.where(np.isfinite(value), value, np.inf)
    return Value(value, gradient, hessian, bins.expected, bins.gamma)


@dataclass(frozen=True)
class _Span:
    """A vector over bins, and its coefficients in the derivatives by parameters."""

    vector: Array
    by: dict[int, Array | None]
    is_free: bool


def _add_products(bins: _Bins, spans: Sequence[_Span], hessian: Array) -> None:
    """Add the products of first derivatives to the Hessian, bin by bin only once per vector."""
    for i, span in enumerate(spans):
        weighted: dict[bool, Array] = {}
        for other in spans[i:]:
            if other.is_free not in weighted:
                both = bins.free_free if span.is_free else bins.fixed_fixed
                weight = both if span.is_free == other.is_free else bins.free_fixed
                weighted[other.is_free] = weight * span.vector
            product = _over_bins(weighted[other.is_free], other.vector)
            for p, of_p in span.by.items():
                part = product if of_p is None else product * of_p
                for q, of_q in other.by.items():
                    if span is other and q > p:
                        continue  # the lower triangle has it already
                    entry = part if of_q is None else part * of_q
                    row, column = max(p, q), min(p, q)
                    twice = span is not other and p == q
                    hessian[row, column] += 2 * entry if twice else entry
