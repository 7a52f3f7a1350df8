"""Fits signal shapes: the sum of two Crystal Balls to the events of a sample.

The likelihood is that of the shape alone, of each event or, where there are many, of bins with
integrals of the shape in them. Weighted events have the covariance H^-1 V H^-1 (the "sandwich"),
with V the sum of w^2 times products of the derivatives of log p: C. Langenbruch, Eur. Phys. J. C 82
(2022) 393, arXiv:1911.01303. Errors of mean and width cover all minima that are about as deep, as
in the profile over discrete choices of P. Dauncey et al., JINST 10 (2015) P04015, arXiv:1408.6865.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError
from mcbook.selection.fitted import FAILED, OK, POOR, ShapeFit, goodness_of
from mcbook.selection.likelihoods import Binned, Unbinned
from mcbook.selection.minima import SIMPLER, End, Minimum
from mcbook.selection.shapeparameters import FitOptions, Parameters, numbers, rescaled
from mcbook.selection.widths import Quantiles, quantiles

Array = NDArray[np.float64]
Point = TypeVar("Point", bound=Hashable)
Sample = tuple[ArrayLike, ArrayLike | None]

LEAST_P = 1e-3
"""A fit with a lower p-value than this is poor."""

TRIED = 4
"""How many of the starting points, the best ones, are followed."""


def fit_all(
    samples: Mapping[Point, Sample],
    options: FitOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Point, ShapeFit]:
    """Fit the shape of each sample; none of them stops the others.

    Parameters
    ----------
    samples
        Values and weights (None for 1), shape (n,) each, by point.
    options
        How they are fitted.
    progress
        Called with the number of samples done and their total.
    """
    found = {}
    for done, (point, (values, weights)) in enumerate(samples.items(), 1):
        found[point] = fit_shape(values, weights, options)
        if progress is not None:
            progress(done, len(samples))
    return found


def fit_shape(
    values: ArrayLike, weights: ArrayLike | None = None, options: FitOptions | None = None
) -> ShapeFit:
    """Fit the sum of two Crystal Balls to the events of a sample.

    A fit that does not work is an answer, too, with its reason.

    Parameters
    ----------
    values
        The observable of each event, shape (n,).
    weights
        Their weights, shape (n,); 1 by default.
    options
        How they are fitted.

    Raises
    ------
    InputError
        If there are not as many weights as values.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    if x.shape != w.shape:
        raise InputError(f"there are {len(x)} values and {len(w)} weights")
    asked = options or FitOptions()
    if reason := _unusable(x, w):
        return ShapeFit(FAILED, reason, n_events=len(x))
    known = quantiles(x, w)
    found = ShapeFit(FAILED, n_events=len(x), quantiles=known)
    if not known.sigma_68 > 0:
        return replace(found, reason="two thirds of the values are the same")
    half = asked.range * known.sigma_68
    window = known.median - half, known.median + half
    inside = (x >= window[0]) & (x <= window[1])
    x, w = x[inside], w[inside]
    n_effective = w.sum() ** 2 / (w**2).sum()
    found = replace(
        found, window=window, n_outside=int((~inside).sum()), n_effective=float(n_effective)
    )
    if n_effective < asked.least:
        return replace(
            found,
            reason=f"{n_effective:.0f} effective events in the range of the fit, fewer than"
            f" {asked.least}",
        )
    return _fitted(found, x, w, asked)


def _unusable(x: Array, w: Array) -> str:
    """Return why events cannot be fitted, an empty text if they can."""
    if not len(x):
        return "there are no events"
    for name, array in (("values", x), ("weights", w)):
        if wrong := int((~np.isfinite(array)).sum()):
            return f"{wrong} of {len(array)} {name} are no finite numbers"
    if negative := int((w < 0).sum()):
        return f"{negative} of {len(w)} weights are below 0"
    return "" if w.sum() > 0 else "all weights are 0"


def _fitted(found: ShapeFit, x: Array, w: Array, options: FitOptions) -> ShapeFit:
    """Return the fit to the events within its range."""
    known = found.quantiles
    assert known is not None  # noqa: S101 - for mypy
    z = (x - known.median) / known.sigma_68
    parameters = Parameters(options, (-options.range, options.range))
    binned = Binned.of(parameters, z, w)
    minima = _minima(binned)
    is_binned = len(z) > options.binned_above
    if not minima:
        return replace(found, reason="not converged", is_binned=is_binned)
    minimum = minima[0]
    if not is_binned:
        minimum = _of_events(Unbinned(parameters, z, w), minimum)
        is_binned = minimum is minima[0]
    found = replace(found, is_binned=is_binned, notes=minimum.notes())
    if reason := minimum.wrong() or minima[0].wrong():  # errors come from both
        return replace(found, reason=reason)
    values, errors = _numbers(minimum, known)
    if not np.isfinite([errors["mean"], errors["sigma_w"]]).all():
        return replace(found, reason="the errors are no finite numbers")
    errors, guessed = _widened(errors, minima, known)
    found = replace(found, notes=(*found.notes, *guessed))
    shape = rescaled(parameters.shape(minimum.vector), known.median, known.sigma_68)
    goodness = goodness_of(shape, x, w, len(minimum.free))
    is_poor = goodness.p < LEAST_P
    reason = f"p = {goodness.p:.2g}, the shape does not describe the events" * is_poor
    return replace(
        found, status=POOR if is_poor else OK, reason=reason, values=values, errors=errors,
        shape=shape, goodness=goodness,
    )  # fmt: skip


def _of_events(cost: Unbinned, binned: Minimum) -> Minimum:
    """Return the minimum for single events that is next to one for bins, or else the latter."""
    kinds = [kind for kind in SIMPLER if kind in binned.held.values()]
    found = Minimum(cost, binned.vector)
    for kind in kinds:
        found.simpler(kind)
    return binned if found.settle().wrong() else found


def _minima(cost: Binned) -> list[Minimum]:
    """Return the minima that several starts lead to, each once, the deepest first.

    Those that are usable only; where none is, those of simpler shapes, or all of them.
    """
    starts = sorted(cost.parameters.starts(), key=cost)[:TRIED]
    reached = _each_once([Minimum(cost, start).descend() for start in starts])
    found = [one.settle() for one in reached]
    usable = _each_once([one for one in found if not one.wrong()])
    return usable or _simpler(cost, starts[0]) or _each_once(found)


def _simpler(cost: Unbinned, start: Array) -> list[Minimum]:
    """Return the usable minima of shapes with fewer parameters, that of the least AIC first."""
    settled = [Minimum(cost, start).simpler(kind).settle() for kind in SIMPLER]
    usable = _each_once([one for one in settled if not one.wrong()])
    return sorted(usable, key=lambda one: one.value + len(one.free))


def _each_once(minima: list[Minimum]) -> list[Minimum]:
    """Return minima without those that are as another one, the deepest first."""
    different: list[Minimum] = []
    for one in sorted(minima, key=lambda one: one.value):
        if np.isfinite(one.value) and not any(one.is_as(other) for other in different):
            different.append(one)
    return different


def _widened(
    errors: dict[str, float], minima: list[Minimum], known: Quantiles
) -> tuple[dict[str, float], list[str]]:
    """Return errors of mean and sigma_W that reach over the interval that the likelihood leaves.

    The interval is where minus twice the logarithm of the likelihood, at its least in all other
    parameters, is less than 1 higher; of all minima that are about as deep. A core with tails and
    two cores often describe the same events, with other widths. The error is the larger of its two
    sides, as the truth is mostly on that one. Weights widen it as they widen the errors. With them
    is said where an end could not be followed to.
    """
    deepest = minima[0]
    found, notes = dict(errors), []
    for name in ("mean", "sigma_w"):
        ends: list[End] = []
        for one in minima:
            left = 0.5 - (one.value - deepest.value)
            if left > 0:
                ends += one.interval(name, left)
        away = np.array([end.at for end in ends]) - deepest.at(name)
        if name == "sigma_w":
            away = np.exp(deepest.at(name)) * np.expm1(away)
        if not all(end.is_found for end in ends):
            notes.append(f"the error of {name} is a guess: its interval was not followed to an end")
        widening = max(end.widening for end in ends)
        found[name] = max(found[name], float(np.abs(away).max() * widening * known.sigma_68))
    return found, notes


def _numbers(minimum: Minimum, known: Quantiles) -> tuple[dict[str, float], dict[str, float]]:
    """Return the numbers of a shape with their errors, carried over to first order."""
    parameters, vector = minimum.parameters, minimum.vector
    covariance = minimum.covariance()

    def at(theta: Array) -> Array:
        shape = rescaled(parameters.shape(theta), known.median, known.sigma_68)
        return np.array(list(numbers(shape).values()))

    names = list(numbers(parameters.shape(vector)))
    rows = [parameters.names.index(name) for name in minimum.free]
    columns = []
    for row, error in zip(rows, np.sqrt(np.diag(covariance)), strict=True):
        step = np.zeros(len(vector))
        step[row] = 1e-3 * error
        columns.append((at(vector + step) - at(vector - step)) / (2 * step[row]))
    jacobian = np.array(columns).T
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian), 0.0))
    values = dict(zip(names, at(vector).tolist(), strict=True))
    is_known = np.abs(jacobian).max(axis=1) > 0
    told = np.where(is_known, errors, np.nan).tolist()
    return values, dict(zip(names, told, strict=True))
