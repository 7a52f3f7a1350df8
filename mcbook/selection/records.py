"""What a selection file says, as frozen records. `mcbook.selection.file` reads it."""

import glob
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mcbook.errors import InputError, did_you_mean
from mcbook.grid.axes import Axis
from mcbook.registry.derive import Deriver
from mcbook.registry.expressions import Expression
from mcbook.registry.yamlfile import Document
from mcbook.selection.columntypes import Column
from mcbook.selection.histogramfile import Histogram
from mcbook.selection.lifetimefile import Lifetime
from mcbook.selection.values import MapNodes, TableNodes, Value

READ, KEPT, SPLIT, WHERE, WINDOW = "read", "kept", "split", "where", "window"
"""Steps of a cutflow that are no cuts, and so no names of cuts.

`READ` are the rows of the file, `KEPT` those that ``training`` leaves (where it is there), `SPLIT`
one part of them, `WHERE` the condition of a region, `WINDOW` the window.
"""

TRAINING = "training"

WEIGHT, EVENT = "weight", "event"
"""Columns that `selected` gives beside those it is asked for."""


@dataclass(frozen=True, slots=True)
class Event:
    """Which column numbers the events of a job, from `first` on."""

    column: str
    first: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A named condition."""

    name: str
    where: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class Window:
    """An interval of an observable: `centre` +- `width` * `sigma`, in its unit.

    `correction` is what data have of the width over what simulation has, `correction_error` its
    relative error; None where nothing is said. A window of as many resolutions holds as much of
    the signal in either: that of data is wider by the correction, and so is that of backgrounds.
    """

    where: str
    observable: str
    centre: Value
    resolution: Value
    width: float
    correction: Value | None = None
    correction_error: Value | None = None

    def sigma(self, point: Mapping[str, ArrayLike], *, is_signal: bool = False) -> Any:
        """Return the resolution at a hypothesis: that of data, or of the simulated signal.

        Raises
        ------
        InputError
            If it is not above 0, or cannot be told.
        """
        found = self.resolution.at(point)
        if self.correction is not None and not is_signal:
            found = found * self.correction.at(point)
        if not np.all(np.asarray(found) > 0):
            raise InputError(f"{self.where}: the resolution is not above 0 at a hypothesis")
        return found

    def limits(
        self,
        point: Mapping[str, ArrayLike],
        width: float | None = None,
        *,
        is_signal: bool = False,
    ) -> Any:
        """Return both ends at a hypothesis; of another *width* [sigma] if that is given."""
        centre = self.centre.at(point)
        half = (self.width if width is None else width) * self.sigma(point, is_signal=is_signal)
        return centre - half, centre + half


@dataclass(frozen=True, slots=True)
class Region:
    """Events that pass `cuts`, the condition `condition`, and the window of `window` sigma.

    None stands for no condition and no window.
    """

    name: str
    where: str
    cuts: tuple[str, ...]
    condition: Expression | None = None
    window: float | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """Files by name or pattern (``*``, ``?``, ``**``), relative to a folder."""

    folder: Path
    patterns: tuple[str, ...]
    where: str

    def paths(self) -> list[Path]:
        """Return the files that are there now: each once, those of a pattern sorted.

        Raises
        ------
        InputError
            If there is none for one of the patterns.
        """
        found: dict[Path, None] = {}
        for pattern in self.patterns:
            files = self._matching(pattern)
            if not files:
                raise InputError(f"{self.where}: there is no file {pattern} in {self.folder}")
            found |= dict.fromkeys(files)
        return list(found)

    def existing(self) -> list[Path]:
        """Return the files that are there now, if there are any."""
        return [path for pattern in self.patterns for path in self._matching(pattern)]

    def _matching(self, pattern: str) -> list[Path]:
        if (self.folder / pattern).is_file():
            return [self.folder / pattern]
        names = sorted(glob.glob(pattern, root_dir=self.folder, recursive=True))  # noqa: PTH207
        return [self.folder / name for name in names if (self.folder / name).is_file()]


@dataclass(frozen=True, slots=True)
class Background:
    """Files with their equivalent `luminosity` [fb^-1], or `samples` of the books by query.

    `factor` is on top of what follows from either: a skim before the ntuples, higher orders.
    """

    name: str
    where: str
    factor: float
    files: Files | None = None
    luminosity: float | None = None
    samples: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A factor on the efficiency from one `source`, as a map in a quantity.

    Either between `edges` (the last one included, one number for each interval), or with `factor`
    and `relative_error` as values of the hypothesis.
    """

    source: str
    where: str
    of: Expression
    edges: tuple[float, ...]
    factors: tuple[float, ...]
    relative_errors: tuple[float, ...]
    factor: Value | None = None
    relative_error: Value | None = None

    def at(self, point: Mapping[str, Any]) -> tuple[float, float]:
        """Return factor and relative error at one hypothesis.

        Raises
        ------
        InputError
            If it lies beyond the edges or nodes.
        """
        if self.factor is not None and self.relative_error is not None:
            return float(self.factor.at(point)), float(self.relative_error.at(point))
        position = Value(self.where, self.of).at(point)
        last = len(self.edges) - 2
        i = min(int(np.searchsorted(self.edges, position, side="right")) - 1, last)
        if not self.edges[0] <= position <= self.edges[-1]:
            raise InputError(
                f"{self.where}: {self.of.text} = {position:.9g} lies outside the edges, which"
                f" reach from {self.edges[0]:.9g} to {self.edges[-1]:.9g}"
            )
        return self.factors[i], self.relative_errors[i]


@dataclass(frozen=True, slots=True)
class Filter:
    """Efficiency of a cut before the jobs of the ntuples, with its relative error."""

    value: float
    relative_error: float
    source: str


@dataclass(frozen=True, slots=True)
class ValueScan:
    """A cut value that is optimised: `steps` equal steps from `low` to `high`."""

    low: float
    high: float
    steps: int


@dataclass(frozen=True, slots=True)
class Optimise:
    """What `mcbook optimise` does; `options` are the keys that only it reads."""

    region: str
    a: float
    values: Mapping[str, ValueScan]
    split: Expression | None
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection, as its file says it; see the tutorial for the keys.

    `model` and `process` are names; `deriver` knows the signal model. `weight` is None for weights
    of 1. `values`, `columns`, `cuts`, `regions` and `backgrounds` are in the order of the file.
    `blind` names the regions that stay closed in data. `hypotheses` are axes, empty where the file
    names none. `resolution` is what stands there, unread.
    """

    document: Document = field(repr=False)
    folder: Path
    name: str
    model: str
    process: str
    deriver: Deriver = field(repr=False)
    tier: str
    tree: str | None
    weight: Expression | None
    event: Event | None
    training: Expression | None
    columns: Mapping[str, Column]
    values: Mapping[str, Value]
    cuts: Mapping[str, Cut]
    window: Window | None
    regions: Mapping[str, Region]
    blind: tuple[str, ...]
    hypotheses: tuple[Axis, ...]
    campaigns: Mapping[str, float]
    filter: Filter | None
    luminosity: float | None
    backgrounds: Mapping[str, Background]
    data: Files | None
    corrections: tuple[Correction, ...]
    optimise: Optimise | None
    resolution: Mapping[str, Any]
    sqrt_s: float | None
    lifetimes: tuple[Lifetime, ...] = ()
    histograms: Mapping[str, Histogram] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The file, as the user named it."""
        return self.document.path

    @property
    def known(self) -> frozenset[str]:
        """Parameters, constants and derived quantities of the model."""
        model = self.deriver.model
        return frozenset({*self.deriver.fixed, *model.parameters, *model.derived})

    @property
    def filtered(self) -> float:
        """Which part of the generated events passed the filter before the ntuples."""
        return 1.0 if self.filter is None else self.filter.value

    def region(self, name: str) -> Region:
        """Return a region by name.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        if name not in self.regions:
            raise InputError(
                f"{self.path}: there is no region {name!r}", hint=did_you_mean(name, self.regions)
            )
        return self.regions[name]

    def point(self, hypothesis: Mapping[str, float]) -> dict[str, Any]:
        """Return what values and windows may depend on at a hypothesis.

        Parameters
        ----------
        hypothesis
            Some parameters of the model; the others have their defaults, optional ones are absent.

        Returns
        -------
        dict
            Constants, parameters, and derived quantities that are finite there.

        Raises
        ------
        InputError
            If a name is no parameter of the model.
        """
        model = self.deriver.model
        for name in hypothesis:
            if name not in model.parameters:
                raise InputError(
                    f"{self.path}: {name} is no parameter of {self.model}",
                    hint=did_you_mean(name, model.parameters),
                )
        values = {n: p.default for n, p in model.parameters.items() if p.default is not None}
        values |= {name: float(value) for name, value in hypothesis.items()}
        found: dict[str, Any] = {**self.deriver.fixed, **values}
        wanted = sorted(self._used() & model.derived.keys())
        if wanted:
            columns = {name: np.array([value]) for name, value in values.items()}
            derived = self.deriver.compute(columns, wanted)
            found |= {n: float(v.ravel()[0]) for n, v in derived.items() if np.isfinite(v).all()}
        return found

    def hypothesis_points(self) -> list[dict[str, float]]:
        """Return the hypotheses of the file, the last axis fastest; none where it has none."""
        if not self.hypotheses:
            return []
        columns = [axis.build()[axis.names[0]].tolist() for axis in self.hypotheses]
        names = [axis.names[0] for axis in self.hypotheses]
        return [dict(zip(names, values, strict=True)) for values in product(*columns)]

    def tables(self) -> list[TableNodes | MapNodes]:
        """Return the tables that values are read from."""
        return [value.table for value in self._all_values() if value.table is not None]

    def _all_values(self) -> list[Value]:
        found = list(self.values.values())
        if self.window is not None:
            window = self.window
            found += [window.centre, window.resolution]
            found += [v for v in (window.correction, window.correction_error) if v is not None]
        for one in self.corrections:
            found += [v for v in (one.factor, one.relative_error) if v is not None]
        return found

    def _used(self) -> set[str]:
        """Return all names in the file that may be of the hypothesis."""
        found = {name for value in self._all_values() for name in value.names}
        found |= {name for one in self.corrections for name in one.of.names}
        found |= {name for column in self.columns.values() for name in column.names}
        found |= {name for cut in self.cuts.values() for name in cut.condition.names}
        for region in self.regions.values():
            found |= region.condition.names if region.condition is not None else set()
        return found
