"""What the cuts leave of samples, and the efficiencies that follow."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.nodes import check_counts, make_nodes
from mcbook.errors import InputError
from mcbook.selection.count import kept_of, refuse_data
from mcbook.selection.plan import Plan
from mcbook.selection.records import Region, Selection
from mcbook.selection.tasks import Count, Cutflow, FileCount
from mcbook.selection.workers import run_each
from mcbook.verbs.ntuples import Found, Source

Row = dict[str, Any]
Step = Callable[[], None]
"""Called when a piece of work is done."""

_BATCHES = 5
_MOST_OF_WIDTH = 0.9  # a width that data may not have at all moves no window to infinity
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Counted:
    """The cutflows of one simulation of a sample, a flow for each region.

    `generated` is what efficiencies are divided by: events behind the ntuples without those of a
    training, over the efficiency of a filter before them. `of_width` is the relative error of the
    efficiency that follows from that of the width in data, the largest of all regions.
    """

    source: Source
    generated: float
    flows: tuple[Cutflow, ...]
    of_width: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one sample in one region, all of its campaigns together.

    `axes` is what the sample itself does not know: lifetimes that it was reweighted to [mm].
    """

    sample_id: str
    simulation_id: str | None
    region: str
    n_generated: int
    n: int
    sumw_generated: float
    sumw: float
    sumw2: float
    axes: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The id that the row of a table carries."""
        return self.simulation_id or self.sample_id


def count_sources(selection: Selection, found: Found, *, jobs: int, step: Step) -> list[Counted]:
    """Return the cutflows of all samples, each at its own hypothesis.

    Parameters
    ----------
    selection
        The selection.
    found
        The samples and their ntuples.
    jobs
        How many files are read side by side.
    step
        Called after each simulation.

    Raises
    ------
    InputError
        If something in the selection or in a file is not right.
    """
    pairs = [
        (source, found.samples[identity]["parameters"])
        for identity, sources in found.sources.items()
        for source in sources
    ]
    size = 1 if jobs == 1 else max(jobs, -(-len(pairs) // _BATCHES))
    counted = []
    for start in range(0, len(pairs), size):
        some = pairs[start : start + size]
        for (source, _), flows in zip(some, _flows(selection, some, jobs), strict=True):
            generated = left_after_training(selection, source) / selection.filtered
            own, moved = flows[: len(selection.regions)], flows[len(selection.regions) :]
            counted.append(Counted(source, generated, own, _of_width(own, moved)))
            step()
    return counted


def _moved(selection: Selection, hypothesis: Mapping[str, float]) -> list[Region]:
    """Return each region with a window in data whose width is wrong by its error, either way.

    Where data are wider than the correction says, a window of as many resolutions is narrower.
    """
    window = selection.window
    if window is None or window.correction_error is None:
        return []
    error = float(window.correction_error.at(selection.point(hypothesis)))
    return [
        replace(region, window=region.window / (1 + sign * min(error, _MOST_OF_WIDTH)))
        for region in selection.regions.values()
        if region.window is not None and error > 0
        for sign in (1, -1)
    ]


def _of_width(flows: Sequence[Cutflow], moved: Sequence[Cutflow]) -> float:
    """Return half of the relative difference of both ways, the largest of all regions."""
    middle = {flow.region: flow.selected.sumw for flow in flows}
    pairs = zip(moved[::2], moved[1::2], strict=True)
    return max(
        (
            abs(other.selected.sumw - one.selected.sumw) / (2 * middle[one.region])
            for one, other in pairs
            if middle[one.region] > 0
        ),
        default=0.0,
    )


class _Each:
    """Counts each file as its own sample says."""

    def __init__(self) -> None:
        self.tasks: dict[str, Count] = {}

    def run(self, path: str) -> FileCount:
        """Count the rows of a file."""
        return self.tasks[path].run(path)


def _flows(
    selection: Selection, pairs: Sequence[tuple[Source, Mapping[str, float]]], jobs: int
) -> Iterator[tuple[Cutflow, ...]]:
    """Yield the cutflows of sources, each at its hypothesis; files are read side by side.

    Those of the regions come first, then those of `_moved`.
    """
    each = _Each()
    for source, hypothesis in pairs:
        refuse_data(selection, source.paths)
        try:
            plan = Plan(
                selection, [hypothesis],
                [*selection.regions.values(), *_moved(selection, hypothesis)],
                is_signal=True, most=source.most,
            )  # fmt: skip
        except InputError as error:
            raise InputError(f"{source.simulation_id}: {error.message}", hint=error.hint) from error
        each.tasks |= {str(path): Count(plan) for path in source.paths}
    counts = dict(zip(each.tasks, run_each(each, list(each.tasks), jobs), strict=True))
    for source, _ in pairs:
        some = [counts[str(path)] for path in source.paths]
        if not any(one.rows for one in some):
            raise InputError(
                f"{source.simulation_id}: there are no events in its ntuples, such as"
                f" {some[0].path}",
                hint="are they of the jobs and of the tree that are meant?",
            )
        yield tuple(
            reduce(add, flows) for flows in zip(*(one.cutflows for one in some), strict=True)
        )


def remarks(counted: Sequence[Counted]) -> list[str]:
    """Return which regions have events that count more than once, with numbers."""
    found = []
    for one in counted:
        worst = max(one.flows, key=lambda flow: flow.repeated)
        if worst.repeated:
            found.append(
                f"{one.source.simulation_id}: {worst.repeated} of {worst.selected.n} rows in the"
                f" region {worst.region} are further candidates of an event that is counted"
                " already: cut on the best one, for efficiencies are of events"
            )
    return found


def left_after_training(selection: Selection, source: Source) -> int:
    """Return how many generated events stand behind the ntuples, those of a training left out.

    Raises
    ------
    InputError
        If the training took all of them.
    """
    left = sum(kept_of(selection, events) for events in source.job_events)
    if not left:
        raise InputError(
            f"{source.simulation_id}: no generated event is left for the efficiency",
            hint=f"{source.n_generated} went into its jobs, and all were used for the training",
        )
    return left


def combined(selection: Selection, counted: Sequence[Counted]) -> list[Kept]:
    """Return what is kept of each sample and region, campaigns weighted by their luminosities.

    The efficiency is the mean of those of the campaigns, eps = sum_c f_c eps_c, with
    f_c = L_c / sum L. Sums of weights stand for N = sum_c N_c generated events: sumw is N times
    sum_c f_c sumw_c / N_c, sumw2 is N^2 times sum_c f_c^2 sumw2_c / N_c^2.
    """
    by_sample: dict[str, list[Counted]] = {}
    for one in counted:
        by_sample.setdefault(one.source.sample_id, []).append(one)
    found = []
    for identity, some in by_sample.items():
        shares = fractions(selection, [one.source for one in some])
        total = sum(one.generated for one in some)
        alone = some[0].source.simulation_id if len(some) == 1 else None
        for flows in zip(*(one.flows for one in some), strict=True):
            ends = [flow.steps[-1] for flow in flows]
            scale = [total * f / one.generated for f, one in zip(shares, some, strict=True)]
            found.append(
                Kept(
                    identity,
                    alone,
                    flows[0].region,
                    round(total),
                    sum(int(end.n) for end in ends),
                    total,
                    sum(s * end.sumw for s, end in zip(scale, ends, strict=True)),
                    sum(s**2 * end.sumw2 for s, end in zip(scale, ends, strict=True)),
                )
            )
    return found


def fractions(selection: Selection, sources: Sequence[Source]) -> list[float]:
    """Return the share of the luminosity that each campaign stands for."""
    if len(sources) == 1:
        return [1.0]
    luminosities = [selection.campaigns[source.campaign] for source in sources]
    return [one / sum(luminosities) for one in luminosities]


def corrected(selection: Selection, kept: Sequence[Kept], samples: Mapping[str, Row]) -> list[Kept]:
    """Return efficiencies times the factors of the corrections at each row.

    Raises
    ------
    InputError
        If a factor is not known there, or an efficiency comes out above 1.
    """
    found = []
    for one, point in zip(kept, points_of(selection, kept, samples), strict=True):
        try:
            factor = math.prod(each.at(point)[0] for each in selection.corrections)
        except InputError as error:
            raise InputError(f"{one.sample_id}: {error.message}", hint=error.hint) from error
        found.append(_corrected(one, factor))
    return found


def points_of(
    selection: Selection, kept: Sequence[Kept], samples: Mapping[str, Row]
) -> list[dict[str, Any]]:
    """Return all quantities of the model at each row, lifetimes as it was reweighted to."""
    points = {
        identity: selection.point(samples[identity]["parameters"])
        for identity in dict.fromkeys(one.sample_id for one in kept)
    }
    return [{**points[one.sample_id], **one.axes} for one in kept]


def _corrected(one: Kept, factor: float) -> Kept:
    sumw, sumw2 = factor * one.sumw, factor**2 * one.sumw2
    if sumw > one.sumw_generated * (1 + _ROUNDING) or one.n > one.n_generated:
        raise InputError(
            f"{one.label}: the efficiency in the region {one.region} is"
            f" {max(sumw / one.sumw_generated, one.n / one.n_generated):.6g}, above 1",
            hint="the corrections multiply it too far"
            if factor > 1
            else "an event must be one row of the ntuple: cut on the best candidate; and weights"
            " must have a mean of 1 over generated events",
        )
    return replace(one, sumw=sumw, sumw2=sumw2)


def efficiencies_of(kept: Sequence[Kept]) -> list[tuple[float, float]]:
    """Return efficiency and its error from the number of events for each row.

    Raises
    ------
    InputError
        If the sums of weights of a row are none that an efficiency can have.
    """

    def column(key: str) -> NDArray[np.float64]:
        return np.array([getattr(one, key) for one in kept], dtype=np.float64)

    nodes = make_nodes(
        (),
        np.empty((len(kept), 0)),
        (column("n"), column("n_generated")),
        (column("sumw_generated"), column("sumw"), column("sumw2")),
    )
    check_counts(nodes, lambda row: f"{kept[row].label}, region {kept[row].region}")
    return list(zip(nodes.efficiency.tolist(), nodes.mc_error.tolist(), strict=True))


def cutflow_rows(counted: Sequence[Counted]) -> Iterator[Row]:
    """Yield the rows of a cutflow as the books keep them (`mcbook.catalog.cutflows`)."""
    for one in counted:
        for flow in one.flows:
            for position, step in enumerate(flow.steps):
                yield {
                    "sample_id": one.source.sample_id,
                    "simulation_id": one.source.simulation_id,
                    "region": flow.region,
                    "position": position,
                    "cut": step.name,
                    "n_generated": round(one.generated),
                    "sumw_generated": float(one.generated),
                    "n": int(step.n),
                    "sumw": float(step.sumw),
                    "sumw2": float(step.sumw2),
                }


def efficiency_rows(kept: Sequence[Kept]) -> list[Row]:
    """Return the rows of a map as the books keep them (`mcbook.catalog.efficiencies`)."""
    return [
        {
            "sample_id": one.sample_id,
            "simulation_id": one.simulation_id,
            "region": one.region,
            "n_generated": one.n_generated,
            "n_selected": one.n,
            "sumw_generated": one.sumw_generated,
            "sumw": one.sumw,
            "sumw2": one.sumw2,
            "axes": dict(one.axes),
        }
        for one in kept
    ]
