"""Best fits of an analysis at all hypotheses, what toys make of them, and what is found in toys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.analysis.build import layout
from mcbook.analysis.result import AnalysisResult
from mcbook.analysis.toyscans import toy_scans
from mcbook.errors import InputError
from mcbook.limits.bestfit import BestFits, best_fits
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import plain
from mcbook.limits.significance import GlobalP, global_p, global_p_of_toys, upcrossings
from mcbook.limits.toydata import toy_counts, with_counts

Array = NDArray[np.float64]
Index = NDArray[np.intp]

LEVEL = 0.5
"""Significance whose upcrossings are counted: low, so that few toys tell their number."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Best fits at the H hypotheses that have any, and n scans of toys without a signal.

    Attributes
    ----------
    rows
        Hypotheses of the analysis, shape (H,).
    events
        Predicted signal events at mu = 1, shape (H,).
    fits
        Fits to the observed counts; None while the box is closed.
    toys
        Local significances of toys, shape (n, H).
    largest
        Which of the H has the largest excess; None without observed counts.
    by_crossings, by_toys
        Its global p-value by upcrossings of toys, and by their maxima; None without toys, the
        former also where the hypotheses are no line.
    """

    rows: Index
    events: Array
    fits: BestFits | None
    toys: Array
    largest: int | None
    by_crossings: GlobalP | None
    by_toys: GlobalP | None


@dataclass(frozen=True, slots=True)
class Injection:
    """Fits to toys at one hypothesis, with signals of k strengths, in events.

    `injected`, and mean, width and their errors of what was fitted and of pulls, shape (k,).
    `spurious` is the signal in the expected background itself, `error` that of a fit.
    """

    row: int
    injected: Array
    recovered: Array
    recovered_error: Array
    pull: Array
    pull_error: Array
    width: Array
    width_error: Array
    spurious: float
    error: float


def fit_rows(result: AnalysisResult) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the best fit of each hypothesis of an open box that has one, with its place."""
    rows, batch, events = _batch(result)
    if batch is None or not batch.has_observed.any():
        return
    fits = best_fits(batch)
    for i, row in enumerate(rows.tolist()):
        yield int(row), fit_row(fits, i, float(events[i]))


def fit_row(fits: BestFits, i: int, events: float) -> dict[str, Any]:
    """Return a best fit as JSON values: in mu, and in signal events."""
    return {
        "mu": plain(fits.mu[i]),
        "mu_error": plain(fits.mu_error[i]),
        "events": plain(fits.mu[i] * events),
        "events_error": plain(fits.mu_error[i] * events),
        "significance": plain(fits.z[i]),
        "p_value": plain(fits.p0[i]),
        "status": str(fits.status[i]),
    }


def scan(result: AnalysisResult, *, n_toys: int = 0, seed: int = 0) -> Scan:
    """Return the scan over all hypotheses, with toys of the expected background.

    Each toy is one data set of a background that is another one in each, see `toy_scans`.

    Parameters
    ----------
    result
        The analysis; best fits need an open box.
    n_toys, seed
        How many toys, and what they are drawn from.

    Raises
    ------
    InputError
        If nothing is fitted, or no hypothesis has a signal.
    """
    rows, batch, events = _with_signal(result)
    fits = best_fits(batch) if batch.has_observed.any() else None
    toys = toy_scans(result, rows, batch, n_toys, np.random.default_rng(seed))
    largest, by_crossings, by_toys = None, None, None
    if fits is not None and np.isfinite(fits.z).any():
        largest = int(np.nanargmax(fits.z))
    if fits is not None and largest is not None and n_toys:
        highest = fits.z[largest]
        by_toys = global_p_of_toys(highest, np.nanmax(toys, axis=1))
        varied = result.varying()
        if len(varied) == 1 and highest >= LEVEL:
            along = np.argsort(result.hypotheses.columns[varied[0]][rows])
            by_crossings = global_p(highest, upcrossings(toys[:, along], LEVEL), LEVEL)
    return Scan(rows, events, fits, toys, largest, by_crossings, by_toys)


def spurious(result: AnalysisResult) -> tuple[Array, Array]:
    """Return the signal that fits see in the expected background itself, and its error, in events.

    Shape (H,) each, of the hypotheses that have a signal; it is 0 where a fit can describe the
    background as it is expected.
    """
    rows, batch, events = _batch(result)
    if batch is None:
        return np.zeros(0), np.zeros(0)
    fits = best_fits(with_counts(batch, _expected(result, rows)[None]))
    return fits.mu * events, fits.mu_error * events


def injections(
    result: AnalysisResult,
    rows: Sequence[int],
    strengths: Sequence[float],
    *,
    n_toys: int = 400,
    seed: int = 0,
) -> list[Injection]:
    """Put signals into toys of the expected background, and fit them.

    The background of the toys is the one of the histograms: where it is fitted by a polynomial,
    what that misses shows up as a bias, and, without a signal, as a spurious one. What is uncertain
    of signal and background is another number in each toy.

    Parameters
    ----------
    result
        The analysis; its observed counts play no part.
    rows
        Which of the hypotheses that have a signal, in their order.
    strengths
        In standard deviations of a fit without signal.
    n_toys, seed
        Toys for each, and what they are drawn from.
    """
    every, batch, events = _with_signal(result)
    chosen = np.asarray(rows, dtype=np.intp)
    part, expected = batch.take(chosen), _expected(result, every)[chosen]
    quiet = best_fits(with_counts(part, expected[None]))
    random = np.random.default_rng(seed)
    found = []
    for i, place in enumerate(chosen.tolist()):
        unit, sigma = float(events[place]), float(quiet.mu_error[i])
        strength = sigma * np.asarray(strengths, dtype=np.float64)
        one = part.take(np.array([i]))
        fits = best_fits(_thrown(result, one, expected[i], strength, random, n_toys))
        mu = fits.mu.reshape(len(strength), n_toys)
        pulls = (mu - strength[:, None]) / fits.mu_error.reshape(mu.shape)
        size = np.isfinite(pulls).sum(axis=1)
        width = np.nanstd(pulls, axis=1)
        found.append(
            Injection(
                int(every[place]), strength * unit, np.nanmean(mu, axis=1) * unit,
                np.nanstd(mu, axis=1) * unit / np.sqrt(size), np.nanmean(pulls, axis=1),
                width / np.sqrt(size), width, width / np.sqrt(2 * size),
                float(quiet.mu[i]) * unit, sigma * unit,
            )
        )  # fmt: skip
    return found


def toys_with(
    result: AnalysisResult, row: int, strengths: ArrayLike, random: np.random.Generator, n: int
) -> Likelihoods:
    """Return n toys with a signal of each strength, as data at one hypothesis.

    The background is the expected one, also where a polynomial is fitted to it. What is uncertain
    is another number in each toy.

    Parameters
    ----------
    result
        The analysis; its observed counts play no part.
    row
        Which of the hypotheses that have a signal.
    strengths
        In mu, shape (k,).
    random
        Draws.
    n
        Toys of each strength.

    Returns
    -------
    Likelihoods
        Of k * n hypotheses, strength by strength.

    Raises
    ------
    InputError
        If there are systematics that cannot be drawn.
    """
    every, batch, _ = _with_signal(result)
    one, expected = batch.take(np.array([row])), _expected(result, every)[row]
    return _thrown(result, one, expected, np.atleast_1d(strengths), random, n)


def _thrown(
    result: AnalysisResult, one: Likelihoods, expected: Array, strengths: Array,
    random: np.random.Generator, n: int,
) -> Likelihoods:  # fmt: skip
    """Return n toys of each strength at *one* hypothesis with its expected background."""
    truth = _as_expected(result, one, expected)
    counts = [toy_counts(truth, random, n, mu=mu, nuisances="drawn") for mu in strengths]
    return with_counts(one, np.concatenate(counts))


def _with_signal(result: AnalysisResult) -> tuple[Index, Likelihoods, Array]:
    """Return hypotheses with a signal, their likelihoods, and predicted events.

    Raises
    ------
    InputError
        If there is none.
    """
    rows, batch, events = _batch(result)
    if batch is None:
        why = next((f"; the first: {text}" for text in result.reasons.tolist() if text), "")
        raise InputError(f"{result.analysis.path}: no hypothesis has a signal to be fitted{why}")
    return rows, batch, events


def _batch(result: AnalysisResult) -> tuple[Index, Likelihoods | None, Array]:
    """Return hypotheses, their likelihoods, and predicted events."""
    rows, batch = result.likelihoods()
    if batch is None or result.limits is None:
        return rows, None, np.zeros(0)
    return rows, batch, batch.signal.sum(axis=1)


def _expected(result: AnalysisResult, rows: Index) -> Array:
    """Return the expected background in all bins, shape (H, B)."""
    some = result.ingredients.take(np.searchsorted(result.good, rows))
    parts = [
        some.cells[channel.name].expected
        if channel.name in some.cells
        else some.backgrounds[channel.name].value[:, None]
        for channel in result.analysis.channels
    ]
    return np.concatenate(parts, axis=1)


def _as_expected(result: AnalysisResult, one: Likelihoods, expected: Array) -> Likelihoods:
    """Return a likelihood whose free backgrounds are together as expected, shape (B,)."""
    yields = one.yields.copy()
    names = [channel.name for channel in result.analysis.channels]
    for name, place in zip(names, layout(names, result.ingredients), strict=True):
        cells = result.ingredients.cells.get(name)
        if cells is not None and cells.is_free:
            first = place.samples.start + 1
            yields[:, first : place.samples.stop] = 0.0
            yields[:, first, place.bins] = expected[place.bins]
    return Likelihoods(yields, one.is_signal, one.modifiers)
