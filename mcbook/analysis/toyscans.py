"""Scans of toys without a signal: each is one data set, which all hypotheses see."""

from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import spectra
from mcbook.analysis.build import Ingredients
from mcbook.analysis.records import Spectrum
from mcbook.analysis.result import AnalysisResult
from mcbook.limits.bestfit import best_fits
from mcbook.limits.interpolation import Exponential
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.toydata import with_counts

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Normals = Mapping[str, float]
"""A standard normal number for each source of uncertainty, the same in all channels."""

ROWS = 20_000
"""Fits that are made at once."""


def toy_scans(
    result: AnalysisResult, rows: Index, batch: Likelihoods, n: int, random: np.random.Generator
) -> Array:
    """Return local significances of n toys at H hypotheses, shape (n, H).

    In each toy the background is another one, as uncertain as it is; a source that several
    channels share is one number. Events of channels that are fitted are drawn over the whole
    histogram. A count is drawn once for all hypotheses that expect the same.

    Parameters
    ----------
    result
        The analysis; its observed counts play no part.
    rows
        Hypotheses with a signal, shape (H,).
    batch
        Their likelihoods.
    n, random
        How many toys, and draws.
    """
    some = result.ingredients.take(np.searchsorted(result.good, rows))
    draws = [_draw(result, some, i) for i in range(len(result.analysis.channels))]
    found = np.full((n, len(rows)), np.nan)
    size = max(1, ROWS // max(len(rows), 1))
    for first in range(0, n, size):
        counts = []
        for _ in range(first, min(first + size, n)):
            normals: Normals = defaultdict(random.standard_normal)
            counts.append(np.concatenate([draw(random, normals) for draw in draws], axis=1))
        fits = best_fits(with_counts(batch, np.stack(counts)))
        found[first : first + size] = fits.z.reshape(len(counts), len(rows))
    return found


Draw = Callable[[np.random.Generator, Normals], Array]


def _draw(result: AnalysisResult, some: Ingredients, place: int) -> Draw:
    """Return what draws the counts of a channel in a toy, shape (H, bins)."""
    channel = result.analysis.channels[place]
    relative = {
        source: values for (source, affects, at), values in some.systematics.items()
        if affects == "background" and at == channel.name
    }  # fmt: skip
    if channel.name not in some.cells or not isinstance(channel.background, Spectrum):
        return _count(channel.name, some, relative)
    binned, cells = spectra.read_background(channel.background), some.cells[channel.name]
    factors = _factors({k: np.atleast_1d(np.median(values)) for k, values in relative.items()})

    def draw(random: np.random.Generator, normals: Normals) -> Array:
        scale = float(_factor(factors, normals)[0])
        events = spectra.drawn(binned, random, normals, scale)
        return spectra.counted(*events, len(binned.second) - 1, cells.edges)

    return draw


def _count(name: str, some: Ingredients, relative: Mapping[str, Array]) -> Draw:
    from scipy import stats

    counts = some.backgrounds[name]
    _, alike = np.unique(counts.value, return_inverse=True)
    factors = [_factors(given) for given in (counts.relative, relative)]

    def draw(random: np.random.Generator, normals: Normals) -> Array:
        mean = counts.value
        if counts.sideband is not None:
            observed = counts.sideband[0]
            share = random.random()
            known = np.where(observed > 0, observed, 1.0)
            mean = mean * np.where(observed > 0, stats.gamma.ppf(share, known) / known, 1.0)
        else:
            mean = mean + counts.stat * random.standard_normal()
        for each in factors:
            mean = mean * _factor(each, normals)
        mean = np.maximum(mean, 0.0)
        share = random.random(alike.max() + 1)[alike]
        return np.asarray(stats.poisson.ppf(share, mean), dtype=np.float64)[:, None]

    return draw


def _factors(relative: Mapping[str, Array]) -> dict[str, Exponential]:
    return {source: Exponential(1 + r, 1 - r) for source, r in relative.items()}


def _factor(factors: Mapping[str, Exponential], normals: Normals) -> Array:
    """Return what relative uncertainties multiply a background with, shape (1,) or (H,)."""
    found = np.ones(1)
    for source, factor in factors.items():
        found = found * factor.factor(np.array(normals[source]))[0]
    return found
