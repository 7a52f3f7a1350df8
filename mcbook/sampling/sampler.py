"""Unweighted events of all chains of a sample, and their cross section.

Each source gets as many trials in a block of events as its bound asks for, so that events of all
sources stand side by side; never is a source chosen for a whole block.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.sampling.sources import Source

Array = NDArray[np.float64]

BLOCK = 4096
"""Trials in one block; fixed, as the events of a seed depend on it."""

_FIRST = 256
"""Trials of each of several sources that only count for the cross section."""

MOST_OVERFLOW = 1e-3
"""Largest part of the cross section that may be above the bounds of weights."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one chain: its number, a momentum (4, n) for each node, places in the block."""

    chain: int
    momenta: list[Array]
    places: NDArray[np.int64]


@dataclass(slots=True)
class _Tally:
    """Weights that one source had [pb]."""

    trials: int = 0
    total: float = 0.0
    squares: float = 0.0
    over: float = 0.0

    def add(self, weights: Array, bound: float) -> None:
        self.trials += len(weights)
        self.total += float(weights.sum())
        self.squares += float((weights * weights).sum())
        self.over += float(np.maximum(weights - bound, 0.0).sum())

    @property
    def mean(self) -> float:
        return self.total / self.trials if self.trials else 0.0

    @property
    def variance(self) -> float:
        """Of the mean."""
        if self.trials < 2:  # noqa: PLR2004
            return 0.0
        spread = max(self.squares / self.trials - self.mean**2, 0.0)
        return spread / (self.trials - 1)


class Sampler:
    """Makes events with weights that are all the same.

    Parameters
    ----------
    sources
        Of all chains.
    rng
        Random numbers of the events.

    Raises
    ------
    InputError
        If nothing can be made.
    """

    def __init__(self, sources: Sequence[Source], rng: np.random.Generator) -> None:
        self.sources = list(sources)
        self.rng = rng
        if not self.sources or all(source.envelope.is_empty for source in self.sources):
            raise InputError(
                "no events can be made: the process is closed, or all its weights are 0"
            )
        self.tallies = [_Tally() for _ in self.sources]
        if len(self.sources) > 1:  # a rare one may wait long for its first trial
            for source, tally in zip(self.sources, self.tallies, strict=True):
                tally.add(source.trials(rng, _FIRST).weights, source.envelope.highest)

    def blocks(self) -> Iterator[list[Events]]:
        """Yield events, block after block, without end."""
        carried = np.zeros(len(self.sources))
        while True:
            bounds = np.array([source.envelope.highest for source in self.sources])
            carried += bounds / bounds.sum() * BLOCK
            counts = np.floor(carried + self.rng.random()).astype(int)
            carried -= counts
            found = [self._some(i, count) for i, count in enumerate(counts.tolist()) if count > 0]
            yield self._mixed([entry for entry in found if entry is not None])

    def _some(self, number: int, count: int) -> tuple[int, list[Array]] | None:
        source = self.sources[number]
        trials = source.trials(self.rng, count)
        bound = source.envelope.highest
        self.tallies[number].add(trials.weights, bound)
        kept = np.flatnonzero(self.rng.random(count) * bound < trials.weights)
        return (source.chain, trials.finish(kept)) if len(kept) else None

    def _mixed(self, found: list[tuple[int, list[Array]]]) -> list[Events]:
        """Return events with the places that they get in the block."""
        total = sum(momenta[0].shape[1] for _, momenta in found)
        places = np.arange(total) if len(found) == 1 else self.rng.permutation(total)
        events, first = [], 0
        for chain, momenta in found:
            size = momenta[0].shape[1]
            events.append(Events(chain, momenta, places[first : first + size]))
            first += size
        return events

    @property
    def cross_section(self) -> tuple[float, float]:
        """The cross section and its statistical error [pb]."""
        value = sum(tally.mean for tally in self.tallies)
        return value, math.sqrt(sum(tally.variance for tally in self.tallies))

    def cross_section_of(self, chain: int) -> tuple[float, float]:
        """Return the cross section of one chain and its error [pb]."""
        own = [
            tally for source, tally in zip(self.sources, self.tallies, strict=True)
            if source.chain == chain
        ]  # fmt: skip
        return sum(t.mean for t in own), math.sqrt(sum(t.variance for t in own))

    @property
    def overflow(self) -> float:
        """The part of the cross section above the bounds, which is missing in the events."""
        value = sum(tally.mean for tally in self.tallies)
        over = sum(tally.over / tally.trials for tally in self.tallies if tally.trials)
        return over / value if value else 0.0

    @property
    def efficiency(self) -> float:
        """The part of the trials that is kept, about."""
        bounds = sum(source.envelope.highest for source in self.sources)
        return sum(tally.mean for tally in self.tallies) / bounds
