"""Histograms and events of the observables of a fit, in the bins of windows that move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.bintables import DOWN, ENDS, STAT, UP, binned_table, in_order, shift_pairs
from mcbook.analysis.records import Spectrum, Values
from mcbook.analysis.tables import read_table
from mcbook.errors import InputError, did_you_mean
from mcbook.limits.interpolation import Shift
from mcbook.limits.likelihoods import MOST_EVENTS

Array = NDArray[np.float64]
Reasons = NDArray[np.object_]

BACKGROUND, OBSERVED = "background", "observed"
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Binned:
    """Histograms over one or two observables.

    Attributes
    ----------
    edges
        Of the first observable, shape (m + 1,).
    second
        Edges of the second one, shape (k + 1,); one bin where there is none.
    values
        Events by sample, shape (m, k) each.
    stat
        Absolute error of the sum of all samples, shape (m, k).
    shifts
        What a sample is at +1 and at -1 standard deviation, by sample and source.
    """

    edges: Array
    second: Array
    values: Mapping[str, Array]
    stat: Array
    shifts: Mapping[tuple[str, str], tuple[Array, Array]] = field(default_factory=dict)

    def within(self, edges: Array, values: Array) -> Array:
        """Return events between other edges of the first observable.

        A bin that an edge cuts gives its part.

        Parameters
        ----------
        edges
            Rising along the last axis, shape (n, b + 1).
        values
            Events of this histogram, shape (m, k).

        Returns
        -------
        numpy.ndarray
            Shape (n, b k), the bins of the second observable fastest.
        """
        below = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        flat = edges.ravel()
        columns = [np.interp(flat, self.edges, below[:, j]) for j in range(values.shape[1])]
        found = np.stack(columns, axis=-1).reshape(*edges.shape, -1)
        return np.maximum(np.diff(found, axis=1), 0.0).reshape(len(edges), -1)

    def snapped(self, edges: Array) -> tuple[Array, Reasons]:
        """Return the nearest edges of this histogram, and why these are no bins."""
        right = np.clip(np.searchsorted(self.edges, edges), 1, len(self.edges) - 1)
        low, high = self.edges[right - 1], self.edges[right]
        found = np.where(edges - low < high - edges, low, high)
        reasons = np.full(len(edges), "", dtype=object)
        reasons[(np.diff(found, axis=1) <= 0).any(axis=1)] = (
            "the bins of the histogram are too coarse for those of the fit"
        )
        return found, reasons

    def refuse(self, edges: Array, reasons: Reasons) -> None:
        """Write why windows are not within the histogram."""
        slack = _SAME * (self.edges[-1] - self.edges[0])
        inside = (edges[:, 0] >= self.edges[0] - slack) & (edges[:, -1] <= self.edges[-1] + slack)
        for i in np.flatnonzero(~inside & (reasons == "")).tolist():
            reasons[i] = (
                f"the window {edges[i, 0]:.6g} to {edges[i, -1]:.6g} is not within the histogram,"
                f" {self.edges[0]:g} to {self.edges[-1]:g}"
            )


def read_background(source: Spectrum) -> Binned:
    """Return the histograms of the background, one for each sample.

    Raises
    ------
    InputError
        If a file is not right.
    """
    samples = source.samples or (BACKGROUND,)
    if source.path.suffix == ".root":
        names = source.samples or ((source.name,) if source.name is not None else ())
        return _from_root(source, names, samples)
    table, edges, second, order = binned_table(source.path, source.where)
    shape = (len(edges) - 1, len(second) - 1)
    placed = {
        name: in_order(table[name], order, shape)
        for name in table
        if name not in {end for pair in ENDS for end in pair}
    }
    for name in samples:
        if name not in placed:
            raise InputError(
                f"{source.path}: the column {name} is missing", hint=did_you_mean(name, placed)
            )
    square = np.zeros(shape)
    for name in samples:
        square = square + placed.get(f"{name}{STAT}", square * 0) ** 2
    shifts = {
        of: (placed[stem + UP], placed[stem + DOWN])
        for stem, of in shift_pairs(list(placed), samples, str(source.path))
    }
    values = {name: placed[name] for name in samples}
    found = Binned(edges, second, values, np.sqrt(square), shifts)
    _check(found, str(source.path))
    return found


def read_observed(source: Spectrum | Values, like: Binned, edges: Array) -> Array:
    """Return observed counts in the bins of windows, shape (n, b k). Only once the box is open.

    Parameters
    ----------
    source
        Histogram or events.
    like
        The background: bins of binned data, and of the second observable, are those of it.
    edges
        Of the first observable, shape (n, b + 1).

    Raises
    ------
    InputError
        If a file is not right, or a count is no whole number.
    """
    if isinstance(source, Values):
        return _counted(source, like, edges)
    if source.path.suffix == ".root":
        names = (source.name,) if source.name is not None else ()
        found = _from_root(source, names, (OBSERVED,))
    else:
        table, own, second, order = binned_table(source.path, source.where)
        if OBSERVED not in table:
            raise InputError(
                f"{source.path}: the column {OBSERVED} is missing",
                hint=did_you_mean(OBSERVED, table),
            )
        shape = (len(own) - 1, len(second) - 1)
        found = Binned(own, second, {OBSERVED: in_order(table[OBSERVED], order, shape)},
                       np.zeros(shape))  # fmt: skip
    for mine, theirs in ((found.edges, like.edges), (found.second, like.second)):
        if mine.shape != theirs.shape or not np.allclose(mine, theirs, rtol=_SAME, atol=1e-12):
            raise InputError(
                f"{source.path}: binned data need the bins of the background",
                hint="or give events: and column: in place of the histogram",
            )
    counts = found.values[OBSERVED]
    if not ((counts >= 0) & (counts == np.rint(counts)) & (counts <= MOST_EVENTS)).all():
        raise InputError(f"{source.path}: observed counts are whole numbers from 0 on")
    return np.rint(found.within(edges, counts))


def _counted(source: Values, like: Binned, edges: Array) -> Array:
    """Count events in bins; those on the upper end of the last one belong to it."""
    table = read_table(source.path, source.where, may_be_empty=True)
    for name in source.columns:
        if name not in table:
            raise InputError(
                f"{source.path}: the column {name!r} is missing", hint=did_you_mean(name, table)
            )
    n_second = len(like.second) - 1
    if (len(source.columns) == 2) != (n_second > 1):  # noqa: PLR2004
        raise InputError(
            f"{source.where}: {len(source.columns)} columns for a background over"
            f" {1 + (n_second > 1)} observables"
        )
    first = table[source.columns[0]]
    place = np.zeros(len(first), dtype=np.intp)
    if n_second > 1:
        place = np.searchsorted(like.second, table[source.columns[1]], side="right") - 1
        place[table[source.columns[1]] == like.second[-1]] = n_second - 1
    return counted(first, place, n_second, edges)


def drawn(
    binned: Binned, random: np.random.Generator, normals: Mapping[str, float], factor: float = 1.0
) -> tuple[Array, NDArray[np.intp]]:
    """Return events of a toy of all backgrounds: the first observable, and the bin of the second.

    What is true in a toy follows from what is uncertain: from the error of each bin, the shifts of
    the samples by *normals*, standard normal numbers by source, and *factor*. The number in each
    bin is a Poisson number around it; within a bin they lie evenly.
    """
    truth = factor * np.sum(list(binned.values.values()), axis=0)
    truth = truth + binned.stat * random.standard_normal(truth.shape)
    for (name, source), (up, down) in binned.shifts.items():
        shift = Shift(up - binned.values[name], down - binned.values[name])
        truth = truth + shift.at(np.array(normals[source]))[0]
    counts = random.poisson(np.maximum(truth, 0.0))
    rows, columns = (np.repeat(entry.ravel(), counts.ravel()) for entry in np.indices(counts.shape))
    low, width = binned.edges[:-1], np.diff(binned.edges)
    return low[rows] + width[rows] * random.random(len(rows)), columns


def counted(first: Array, place: NDArray[np.intp], n_second: int, edges: Array) -> Array:
    """Return numbers of events in bins of windows, shape (n, b k).

    Parameters
    ----------
    first
        First observable of each event.
    place
        Its bin of the second one.
    n_second
        Number of these bins.
    edges
        Edges of the windows, shape (n, b + 1).
    """
    columns = []
    for j in range(n_second):
        values = np.sort(first[place == j])
        below = np.searchsorted(values, edges, side="left")
        below[:, -1] = np.searchsorted(values, edges[:, -1], side="right")
        columns.append(np.diff(below, axis=1))
    return np.stack(columns, axis=-1).reshape(len(edges), -1).astype(np.float64)


def _from_root(source: Spectrum, names: Sequence[str], samples: Sequence[str]) -> Binned:
    from mcbook.efficiency import rootfile

    if not names:
        raise InputError(f"{source.where}: a ROOT file needs the 'name' of the histogram")
    there = [name for name in rootfile.histogram_names(source.path) if name not in names]
    shifts = dict(shift_pairs([*names, *there], names, str(source.path)))
    edges, first = _read_root(source, names[0])
    shape = len(edges[0]) - 1, len(edges[1]) - 1
    read = {names[0]: first}
    for name in (*names[1:], *(f"{stem}{end}" for stem in shifts for end in (UP, DOWN))):
        own, found = _read_root(source, name)
        if any(not np.array_equal(a, b) for a, b in zip(edges, own, strict=True)):
            raise InputError(f"{source.path}: {name} has other bins than {names[0]}")
        read[name] = found
    sample_of = dict(zip(names, samples, strict=True))
    result = Binned(
        *edges,
        {sample_of[name]: read[name][0].reshape(shape) for name in names},
        np.sqrt(np.sum([read[name][1] for name in names], axis=0)).reshape(shape),
        {
            (sample_of[name], source_): (read[f"{stem}{UP}"][0], read[f"{stem}{DOWN}"][0])
            for stem, (name, source_) in shifts.items()
        },
    )
    _check(result, str(source.path))
    return result


def _read_root(source: Spectrum, name: str) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return edges along both observables, and values and variances, shape (m, k) each."""
    from mcbook.efficiency import rootfile

    found, _ = rootfile.read_histograms(source.path, (name, name), None)
    if len(found.axes) > 2:  # noqa: PLR2004
        raise InputError(f"{source.path}: {name} has {len(found.axes)} axes")
    own = [np.asarray(axis.edges(), dtype=np.float64) for axis in found.axes]
    second = own[1] if len(own) > 1 else np.array([0.0, 1.0])
    values = np.asarray(found.values(), dtype=np.float64).reshape(len(own[0]) - 1, -1)
    variances = found.variances()
    variances = np.asarray(values if variances is None else variances, dtype=np.float64)
    variances = variances.reshape(values.shape)
    if not (variances >= 0).all():
        raise InputError(f"{source.path}: {name} has a bin whose variance is negative, or none")
    return (own[0], second), (values, variances)


def _check(found: Binned, path: str) -> None:
    every = [*found.values.values(), *(one for pair in found.shifts.values() for one in pair)]
    for one in every:
        if not ((one >= 0) & (one <= MOST_EVENTS)).all():
            raise InputError(f"{path}: a bin has a negative number of events, a huge one or none")
    if not np.isfinite(found.stat).all():
        raise InputError(f"{path}: the error of a bin is no number")
