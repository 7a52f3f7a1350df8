"""Histograms for fits: of backgrounds and data, and templates of the signal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.bintables import STAT, ends_of
from mcbook.errors import InputError
from mcbook.selection.columns import closure, dependent
from mcbook.selection.count import kept_of, selected, selected_data
from mcbook.selection.histogramfile import Histogram
from mcbook.selection.records import WEIGHT, Selection
from mcbook.verbs.ntuples import Found
from mcbook.verbs.selecting.backgrounds import Planned
from mcbook.verbs.selecting.counted import fractions

Array = NDArray[np.float64]
Row = Mapping[str, Any]
Columns = dict[str, Array]


def check(selection: Selection) -> None:
    """Refuse histograms whose events depend on the hypothesis: one is for all of them.

    Raises
    ------
    InputError
        If a cut of a region, or an observable, does; or the templates have no window to go by.
    """
    moving = dependent(selection)
    for one in selection.histograms.values():
        region = selection.regions[one.region]
        names = {n for cut in region.cuts for n in selection.cuts[cut].condition.names}
        names |= region.condition.names if region.condition is not None else set()
        if wrong := sorted(closure(selection.columns, {*names, *one.of}) & moving):
            raise InputError(
                f"{one.where}: {wrong[0]} depends on the hypothesis, and one histogram is for all",
                hint=f"leave its cut out of the region {one.region}: without: [...]",
            )
        if selection.window is None or selection.window.observable != one.of[0]:
            raise InputError(
                f"{one.where}: {one.of[0]} is not the observable of the window, which the templates"
                " of the signal go by"
            )


def of_backgrounds(
    selection: Selection, one: Histogram, planned: Planned, point: Mapping[str, float], jobs: int
) -> Columns:
    """Return columns of the table of the backgrounds: bins, events and errors of each and of all.

    Parameters
    ----------
    selection
        The selection.
    one
        The histogram.
    planned
        Ntuples of the backgrounds.
    point
        Any hypothesis: nothing depends on it.
    jobs
        How many files are read side by side.
    """
    found = ends_of(one.edges)
    shape = tuple(len(edges) - 1 for edges in one.edges)
    total, total_variance = np.zeros(shape), np.zeros(shape)
    for name, pieces in planned.pieces.items():
        events, variance = np.zeros(shape), np.zeros(shape)
        for piece in pieces:
            most = None if piece.source is None else piece.source.most
            arrays = selected(
                selection, piece.paths, point, one.of, region=selection.regions[one.region],
                most=most, jobs=jobs,
            )  # fmt: skip
            weights = piece.weight * arrays[WEIGHT]
            events += _filled(one, arrays, weights)
            variance += _filled(one, arrays, weights**2)
        found |= {name: events.ravel(), f"{name}{STAT}": np.sqrt(variance).ravel()}
        total, total_variance = total + events, total_variance + variance
    return found | {
        "background": total.ravel(), f"background{STAT}": np.sqrt(total_variance).ravel(),
    }  # fmt: skip


def of_data(selection: Selection, one: Histogram, opened: Sequence[str], jobs: int) -> Columns:
    """Return columns of the table of data in a region that is opened."""
    files = selection.data
    paths = [] if files is None else files.paths()
    arrays = selected_data(selection, paths, one.of, one.region, opened, jobs=jobs)
    counts = _filled(one, arrays, np.ones(len(arrays[one.of[0]])))
    return ends_of(one.edges) | {"observed": counts.ravel()}


def of_signal(
    selection: Selection, one: Histogram, found: Found, axes: Sequence[str], jobs: int
) -> Columns:
    """Return columns of the table of templates: the axes, bins in resolutions from the centre.

    ``part`` is of the events of the region; what lies beyond the templates belongs to these, too.
    """
    window = selection.window
    if window is None:
        raise InputError(f"{one.where}: the selection has no window")
    u = np.linspace(-one.width, one.width, one.bins + 1)
    reduced = Histogram(one.name, one.where, one.of, (u, *one.edges[1:]), one.region, 0.0, 0)
    blocks = []
    parameters_of = {name: found.samples[name]["parameters"] for name in found.sources}
    for identity in sorted(parameters_of, key=lambda n: [parameters_of[n][a] for a in axes]):
        sources = found.sources[identity]
        point = parameters_of[identity]
        at = selection.point(point)
        centre, resolution = window.centre.at(at), window.sigma(at, is_signal=True)
        events = np.zeros((one.bins, *(len(edges) - 1 for edges in one.edges[1:])))
        total = 0.0
        for source, share in zip(sources, fractions(selection, sources), strict=True):
            arrays = selected(
                selection, source.paths, point, one.of, region=selection.regions[one.region],
                is_signal=True, most=source.most, jobs=jobs,
            )  # fmt: skip
            generated = sum(kept_of(selection, some) for some in source.job_events)
            weights = arrays[WEIGHT] * share / max(generated, 1)
            total += float(weights.sum())
            first = (arrays[one.of[0]] - centre) / resolution
            events += _filled(reduced, {**arrays, one.of[0]: first}, weights)
        if not total > 0:
            raise InputError(f"{identity}: no event is in the region {one.region}")
        bins = ends_of(reduced.edges)
        size = len(bins["low"])
        parameters = {name: np.full(size, float(point[name])) for name in axes}
        blocks.append({**parameters, **bins, "part": events.ravel() / total})
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _filled(one: Histogram, arrays: Mapping[str, Array], weights: Array) -> Array:
    """Return sums of weights in bins; NaN and what lies beyond is in none."""
    values = [arrays[name] for name in one.of]
    for name, array in zip(one.of, values, strict=True):
        if n_bad := int(np.isnan(array).sum()):
            raise InputError(f"{one.where}: {name} is not a number in {n_bad} events that pass")
    found, _ = np.histogramdd(values, bins=[np.asarray(e) for e in one.edges], weights=weights)
    return np.asarray(found)
