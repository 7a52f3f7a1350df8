"""A channel that is fitted, in the terms of likelihoods: yields of samples, what shifts them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.fitcells import Cells
from mcbook.limits.likelihoods import Modifier

Array = NDArray[np.float64]


class Place(NamedTuple):
    """Where the samples and the bins of a channel are in a likelihood."""

    samples: slice
    bins: slice


def cell_yields(cells: Cells, events: Array) -> Array:
    """Return the yields of signal and backgrounds, shape (n, samples, B), for signal events."""
    signal = cells.signal * events[:, None]
    return np.stack([signal, *cells.backgrounds.values()], axis=1)


def cell_modifiers(
    channel: str, cells: Cells, events: Array, where: tuple[tuple[int, int], Place]
) -> list[Modifier]:
    """Return what shifts shapes, errors of simulated backgrounds, and free factors.

    Parameters
    ----------
    channel
        Its name.
    cells
        Its bins.
    events
        Signal events, shape (n,).
    where
        Hypotheses and bins of the likelihoods, and where the channel is among them.
    """
    shape, place = where
    first = place.samples.start

    def spread(values: Array) -> Array:
        found = np.zeros(shape)
        found[:, place.bins] = values
        return found

    found = [
        Modifier("histosys", f"{source}_{channel}", first,
                 {"hi": spread(up * events[:, None]), "lo": spread(down * events[:, None])})
        for source, (up, down) in cells.signal_shifts.items()
    ]  # fmt: skip
    samples = list(cells.backgrounds)
    for (sample, source), (up, down) in cells.background_shifts.items():
        data = {"hi": spread(up), "lo": spread(down)}
        found.append(Modifier("histosys", source, first + 1 + samples.index(sample), data))
    if cells.is_free:
        return found + [
            Modifier("normfactor", f"{name}_{channel}", first + 1 + k)
            for k, name in enumerate(samples)
        ]
    if (cells.stat > 0).any():
        data = {"sigma": spread(cells.stat)}
        name = f"background_statistics_{channel}"
        found += [Modifier("staterror", name, first + 1 + k, data) for k in range(len(samples))]
    return found
