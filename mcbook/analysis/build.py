"""From yields to likelihoods: one bin per channel, one nuisance per source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.cellmodifiers import Place, cell_modifiers, cell_yields
from mcbook.analysis.counts import Counts
from mcbook.analysis.fitcells import Cells
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
    """What does not move with a coupling, at the hypotheses of an analysis, shape (n,) each.

    `cells` are the channels that are fitted, in bins; `observed` has the bins of all channels.
    """

    backgrounds: Mapping[str, Counts]
    systematics: Mapping[Affected, Array]
    observed: Array | None
    cells: Mapping[str, Cells] = field(default_factory=dict)

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
        cells = {name: entry.take(rows) for name, entry in self.cells.items()}
        return Ingredients(backgrounds, systematics, observed, cells)

    def n_bins(self, channel: str) -> int:
        """Return the number of bins of a channel."""
        return self.cells[channel].n_bins if channel in self.cells else 1


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

    Every channel has a sample of signal and one of background, in its own bin; one that is fitted
    has several bins and backgrounds. The signal is scaled so that limits are of order one, where
    every method is at its best, unless *is_scaled* is false.

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
    scale = np.ones(len(signal))
    if is_scaled:
        scale = (3.0 + 2.0 * np.sqrt(background.sum(axis=1))) / signal.sum(axis=1)
    places = layout(names, ingredients)
    cells = np.zeros((len(signal), places[-1].samples.stop, places[-1].bins.stop))
    modifiers: list[Modifier] = []
    for i, (name, place) in enumerate(zip(names, places, strict=True)):
        first = place.samples.start
        events = signal[:, i] * scale
        shape = cells.shape[0], cells.shape[2]
        if name in ingredients.cells:
            own = ingredients.cells[name]
            cells[:, place.samples, place.bins] = cell_yields(own, events)
            modifiers += cell_modifiers(name, own, events, (shape, place))
        else:
            cells[:, first, place.bins.start] = events
            cells[:, first + 1, place.bins.start] = background[:, i]
            size, bins = shape
            modifiers += _background_modifiers(
                name, first + 1, (size, bins, place.bins.start), ingredients
            )
        modifiers += _signal_modifiers(analysis, name, first, yields[name], ingredients)
        if name in ingredients.cells:
            modifiers += _cell_systematics(name, place, ingredients)
    is_signal = np.zeros(cells.shape[1], dtype=bool)
    is_signal[[place.samples.start for place in places]] = True
    return Likelihoods(cells, is_signal, tuple(modifiers), ingredients.observed), scale


def sample_names(names: Sequence[str], ingredients: Ingredients) -> list[str]:
    """Return what the samples of all channels are called, in the order of the likelihoods."""
    found = []
    for name in names:
        own = ingredients.cells[name].backgrounds if name in ingredients.cells else ("background",)
        found += [f"{name}_{what}" for what in ("signal", *own)]
    return found


def layout(names: Sequence[str], ingredients: Ingredients) -> list[Place]:
    """Return where the samples and bins of each channel are."""
    found: list[Place] = []
    sample = cell = 0
    for name in names:
        own = ingredients.cells.get(name)
        samples = 2 if own is None else 1 + len(own.backgrounds)
        bins = ingredients.n_bins(name)
        found.append(Place(slice(sample, sample + samples), slice(cell, cell + bins)))
        sample, cell = sample + samples, cell + bins
    return found


def _cell_systematics(channel: str, place: Place, ingredients: Ingredients) -> list[Modifier]:
    """Return the uncertainties of stated size on all backgrounds of a channel that is fitted."""
    found: list[Modifier] = []
    for (source, affects, name), values in ingredients.systematics.items():
        if affects == "background" and name == channel:
            for sample in range(place.samples.start + 1, place.samples.stop):
                found += _normsys(source, sample, values)
    return found


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
