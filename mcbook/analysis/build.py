"""From yields to likelihoods: one bin per channel, one nuisance per source."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.counts import Counts
from mcbook.analysis.hypotheses import evaluate
from mcbook.analysis.records import Analysis
from mcbook.analysis.yields import Yields
from mcbook.limits.likelihoods import Likelihoods, Modifier

Array = NDArray[np.float64]
Reasons = NDArray[np.object_]
Affected = tuple[str, str, str]
"""Source, ``signal`` or ``background``, channel."""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What does not move with a coupling, at the hypotheses of an analysis, shape (n,) each."""

    backgrounds: Mapping[str, Counts]
    systematics: Mapping[Affected, Array]
    observed: Array | None

    def take(self, rows: NDArray[np.intp]) -> "Ingredients":
        """Return the ingredients of some hypotheses."""
        backgrounds = {
            name: Counts(
                counts.value[rows],
                counts.stat[rows],
                {source: values[rows] for source, values in counts.relative.items()},
                None if counts.sideband is None
                else (counts.sideband[0][rows], counts.sideband[1][rows]),
                counts.reasons[rows],
            )
            for name, counts in self.backgrounds.items()
        }  # fmt: skip
        systematics = {key: values[rows] for key, values in self.systematics.items()}
        observed = None if self.observed is None else self.observed[rows]
        return Ingredients(backgrounds, systematics, observed)


def systematics(
    analysis: Analysis, columns: Mapping[str, Array]
) -> tuple[dict[Affected, Array], Reasons]:
    """Return relative uncertainties at hypotheses, and why one is not known there.

    Parameters
    ----------
    analysis
        What the file says.
    columns
        Parameters and free lifetimes, shape (n,) each.
    """
    size = len(next(iter(columns.values())))
    reasons = np.full(size, "", dtype=object)
    found: dict[Affected, Array] = {}
    for entry in analysis.systematics:
        values = np.full(size, entry.relative[0])
        if entry.of is not None:
            (at,) = evaluate(analysis, (entry.of,), columns)
            edges = np.array(entry.edges)
            index = np.clip(np.searchsorted(edges, at, "right") - 1, 0, len(entry.relative) - 1)
            values = np.array(entry.relative)[index]
            for i in np.flatnonzero(~((at >= edges[0]) & (at <= edges[-1]))).tolist():
                reasons[i] = (
                    f"{entry.source} is not known at {entry.of.text} = {at[i]:.6g}, outside"
                    f" {edges[0]:g} to {edges[-1]:g}"
                )
        found |= {(entry.source, entry.affects, name): values for name in entry.channels}
    return found, reasons


def likelihoods(
    analysis: Analysis,
    yields: Mapping[str, Yields],
    ingredients: Ingredients,
    *,
    is_scaled: bool = True,
) -> tuple[Likelihoods, Array]:
    """Return likelihoods, and what their signal was multiplied with.

    Every channel has a sample of signal and one of background, in its own bin. The signal is scaled
    so that limits are of order one, where every method is at its best, unless *is_scaled* is false.

    Parameters
    ----------
    analysis
        What the file says.
    yields, ingredients
        At n points, none of which is refused; some signal at each.

    Returns
    -------
    tuple
        The likelihoods, and the scale, shape (n,): limits on them times this are limits on the
        signal of *yields*.
    """
    names = [channel.name for channel in analysis.channels]
    signal = np.stack([yields[name].events for name in names], axis=1)
    background = np.stack([ingredients.backgrounds[name].value for name in names], axis=1)
    size, bins = signal.shape
    scale = np.ones(size)
    if is_scaled:
        scale = (3.0 + 2.0 * np.sqrt(background.sum(axis=1))) / signal.sum(axis=1)
    cells = np.zeros((size, 2 * bins, bins))
    for i in range(bins):
        cells[:, 2 * i, i] = signal[:, i] * scale
        cells[:, 2 * i + 1, i] = background[:, i]
    modifiers: list[Modifier] = []
    for i, name in enumerate(names):
        modifiers += _signal_modifiers(analysis, name, 2 * i, yields[name], ingredients)
        modifiers += _background_modifiers(name, 2 * i + 1, (size, bins, i), ingredients)
    is_signal = np.tile([True, False], bins)
    return Likelihoods(cells, is_signal, tuple(modifiers), ingredients.observed), scale


def _normsys(name: str, sample: int, relative: Array) -> list[Modifier]:
    """Return the modifier 1 + r, 1 - r; none where r is zero everywhere."""
    if not (relative > 0).any():
        return []
    return [Modifier("normsys", name, sample, {"hi": 1 + relative, "lo": 1 - relative})]


def _signal_modifiers(
    analysis: Analysis, channel: str, sample: int, yields: Yields, ingredients: Ingredients
) -> list[Modifier]:
    norm = analysis.normalisation
    size = len(yields.events)
    found = _normsys(norm.kind, sample, np.full(size, norm.relative_error))
    for (source, affects, name), values in ingredients.systematics.items():
        if affects == "signal" and name == channel:
            found += _normsys(source, sample, values)
    found += _normsys(f"efficiency_statistics_{channel}", sample, yields.mc_error)
    found += _normsys(f"efficiency_interpolation_{channel}", sample, yields.interpolation_error)
    return found + _normsys(f"generated_cross_section_{channel}", sample, yields.rate_error)


def _background_modifiers(
    channel: str, sample: int, shape: tuple[int, int, int], ingredients: Ingredients
) -> list[Modifier]:
    size, bins, place = shape
    counts = ingredients.backgrounds[channel]
    if counts.sideband is not None:
        observed, ratio = counts.sideband
        data = {"observed": observed, "ratio": ratio}
        found = [Modifier("sideband", f"background_sideband_{channel}", sample, data)]
    else:
        found = []
        if (counts.stat > 0).any():
            sigma = np.zeros((size, bins))
            sigma[:, place] = counts.stat
            name = f"background_statistics_{channel}"
            found = [Modifier("staterror", name, sample, {"sigma": sigma})]
    for source, values in counts.relative.items():
        found += _normsys(source, sample, values)
    for (source, affects, name), values in ingredients.systematics.items():
        if affects == "background" and name == channel:
            found += _normsys(source, sample, values)
    return found
