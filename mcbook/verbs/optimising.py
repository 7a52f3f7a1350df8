"""The events that cut values are chosen on: of signal samples and of backgrounds, in two parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.selection.columns import closure, dependent
from mcbook.selection.count import kept_of, selected
from mcbook.selection.optimisefile import Tuned, block, loosened
from mcbook.selection.records import WEIGHT, Region, Selection
from mcbook.selection.tuned import Events, Hypothesis
from mcbook.verbs.ntuples import Found, Source
from mcbook.verbs.selecting.backgrounds import Piece, Planned, even_share
from mcbook.verbs.selecting.counted import fractions

Array = NDArray[np.float64]
_ROUNDING = 1e-9
Row = Mapping[str, Any]
Point = Mapping[str, float]
Part = bool | None
"""Events for which the split holds, those for which it does not, or all of them."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """What is cut on, shape (events, values), with weights of shape (events,)."""

    variables: Array
    weights: Array

    @classmethod
    def joined(cls, some: Sequence["Weighted"], n_values: int) -> "Weighted":
        """Return all of them as one."""
        return cls(
            np.concatenate([np.empty((0, n_values)), *(one.variables for one in some)]),
            np.concatenate([np.empty(0), *(one.weights for one in some)]),
        )


@dataclass(slots=True)
class Reader:
    """Reads the events that pass everything with the loosest of the values that are looked for.

    Files of a background are read once where nothing but the window depends on the hypothesis.
    """

    selection: Selection
    tuned: Sequence[Tuned]
    jobs: int
    _loose: Selection = field(init=False)
    _region: Region = field(init=False)
    _is_alike: bool = field(init=False)
    _pools: dict[tuple[tuple[Path, ...], Part], dict[str, Array]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loose = loosened(self.selection, self.tuned)
        self._region = self._loose.region(block(self.selection).region)
        self._is_alike = self._without_hypothesis()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the events: those that are chosen on, and those that judge."""
        return (None,) if block(self.selection).split is None else (True, False)

    def signal(
        self, sample: Row, sources: Sequence[Source], part: Part, step: Callable[[], None]
    ) -> Weighted:
        """Return the events of a sample: all generated ones of the part together weigh 1.

        Raises
        ------
        InputError
            If a file is not right, or no generated event is in the part.
        """
        point = sample["parameters"]
        factor = prod(one.at(self._loose.point(point))[0] for one in self.selection.corrections)
        if self.selection.filter is not None:
            factor *= self.selection.filter.value
        found = []
        for source, share in zip(sources, fractions(self.selection, sources), strict=True):
            generated = self._kept(source.job_events, part)
            if not generated:
                raise InputError(
                    f"{source.simulation_id}: of {source.n_generated:,} generated events none is"
                    f" {'in' if part else 'beyond'} the split",
                    hint="has `training` taken them? leave it out while values are chosen"
                    if self.selection.training is not None
                    else "a split is as in split: 'event % 2 == 0'",
                )
            try:
                arrays = self._selected(
                    source.paths, point, part, self._region, is_signal=True, most=source.most
                )
            except InputError as error:
                raise InputError(
                    f"{source.simulation_id}: {error.message}", hint=error.hint
                ) from error
            if arrays[WEIGHT].sum() > generated * (1 + _ROUNDING):
                raise InputError(
                    f"{source.simulation_id}: events of weight {arrays[WEIGHT].sum():.6g} pass, and"
                    f" {generated:,} were generated: an efficiency above 1",
                    hint="an event must be one row of the ntuple: cut on the best candidate; and"
                    " weights must have a mean of 1 over generated events",
                )
            found.append(self._weighted(arrays, factor * share / generated))
            step()
        return Weighted.joined(found, len(self.tuned))

    def background(
        self, name: str, pieces: Sequence[Piece], point: Point, part: Part
    ) -> tuple[Weighted, list[float]]:
        """Return the events of a background, scaled to the luminosity, and what one weighs.

        The latter is told for each sample of it: where one has no event left, one more of another
        says nothing of it.

        Raises
        ------
        InputError
            If a file is not right, or the split of events in files has no even share.
        """
        found, scales = [], []
        for piece in pieces:
            try:
                scale = piece.weight * self._scale(piece, part)
                arrays = self._in_window(piece, point, part)
            except InputError as error:
                raise InputError(f"background {name}: {error.message}", hint=error.hint) from error
            found.append(self._weighted(arrays, scale))
            squares = found[-1].weights ** 2
            scales.append(float(np.sqrt(squares.mean())) if squares.size else scale)
        return Weighted.joined(found, len(self.tuned)), scales

    def _weighted(self, arrays: Mapping[str, Array], scale: float) -> Weighted:
        variables = [arrays[each.column] for each in self.tuned]
        return Weighted(np.stack(variables, axis=1), scale * arrays[WEIGHT])

    def _kept(self, job_events: Iterable[int], part: Part) -> int:
        return sum(kept_of(self.selection, events, split=part) for events in job_events)

    def _scale(self, piece: Piece, part: Part) -> float:
        """Return how many events there are for each one in a part."""
        if part is None:
            return 1.0
        if piece.source is not None:
            events = piece.source.job_events
            return self._kept(events, None) / max(self._kept(events, part), 1)
        return 1 / even_share(self.selection, "split", part)

    def _selected(
        self,
        paths: Sequence[Path],
        point: Point,
        part: Part,
        region: Region,
        *more: str,
        **how: Any,
    ) -> dict[str, Array]:
        columns = [*(each.column for each in self.tuned), *more]
        return selected(
            self._loose, paths, point, columns, region=region, split=part, jobs=self.jobs, **how
        )

    def _in_window(self, piece: Piece, point: Point, part: Part) -> Mapping[str, Array]:
        window, width = self._loose.window, self._region.window
        most = None if piece.source is None else piece.source.most
        if not self._is_alike or window is None or width is None:
            return self._selected(piece.paths, point, part, self._region, most=most)
        key = (piece.paths, part)
        if key not in self._pools:
            anywhere = replace(self._region, window=None)
            found = self._selected(piece.paths, point, part, anywhere, window.observable, most=most)
            if n_bad := int(np.isnan(found[window.observable]).sum()):
                raise InputError(
                    f"{window.observable} is not a number in {n_bad} events, and the window cannot"
                    " be told"
                )
            self._pools[key] = found
        pool = self._pools[key]
        low, high = window.limits(self._loose.point(point), width)
        inside = (pool[window.observable] >= low) & (pool[window.observable] <= high)
        return {name: values[inside] for name, values in pool.items()}

    def _without_hypothesis(self) -> bool:
        """Return whether nothing but the window depends on the hypothesis."""
        region, window = self._region, self._loose.window
        names = {name for cut in region.cuts for name in self._loose.cuts[cut].condition.names}
        names |= region.condition.names if region.condition is not None else set()
        names |= {each.column for each in self.tuned}
        if window is not None:
            names.add(window.observable)
        return not closure(self._loose.columns, names) & dependent(self._loose)


def hypotheses(
    reader: Reader, found: Found, planned: Planned, order: Sequence[str], step: Callable[[], None]
) -> list[Hypothesis]:
    """Return the events of each sample, with the backgrounds in the window of its hypothesis.

    Parameters
    ----------
    reader
        Of the selection.
    found
        The samples and their ntuples.
    planned
        The backgrounds.
    order
        Ids of the samples, in the order that is wanted.
    step
        Called after each simulation, and after the backgrounds of each hypothesis, for each part.
    """
    made = []
    for identity in order:
        sample = found.samples[identity]
        parts = []
        for part in reader.parts:
            signal = reader.signal(sample, found.sources[identity], part, step)
            others = [
                reader.background(name, pieces, sample["parameters"], part)
                for name, pieces in planned.pieces.items()
            ]
            background = Weighted.joined([one for one, _ in others], len(reader.tuned))
            parts.append(
                Events(
                    signal.variables,
                    signal.weights,
                    background.variables,
                    background.weights,
                    np.array([weight for _, weights in others for weight in weights]),
                )
            )
            step()
        made.append(
            Hypothesis(sample["parameters"], parts[0], parts[1] if len(parts) > 1 else None)
        )
    return made
