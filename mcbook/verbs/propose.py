"""``mcbook propose``: the samples that would shrink the error of an expected limit most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import AnalysisResult, read_analysis, run
from mcbook.analysis.counts import quantities
from mcbook.analysis.hypotheses import split
from mcbook.analysis.records import Analysis, Channel
from mcbook.analysis.sensitivity import Contour, contour
from mcbook.catalog.result import SIMULATION
from mcbook.efficiency import EfficiencyMap
from mcbook.efficiency.nodes import TOGETHER
from mcbook.efficiency.refine import Design, Step, Surrogate, Target
from mcbook.errors import InputError
from mcbook.verbs.candidates import (
    Columns,
    Known,
    Space,
    columns_at,
    even_points,
    known_samples,
    nodes_at,
    of_one_kind,
    space_of,
)
from mcbook.verbs.efficiencies import maps_of
from mcbook.verbs.proposed import (
    check_grids,
    check_output,
    check_package,
    grids_of,
    named,
    write,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Row = dict[str, Any]

CANDIDATES = 200
LEVEL = 0.90
"""Confidence level where the analysis leaves it open: it moves the limit, and no weight."""

MOST_POINTS = 1200
"""Points of a contour that are looked at, spread evenly over it."""


@dataclass(frozen=True, slots=True)
class _Pool:
    """Candidates: parameters, positions, which repeat a node, which are planned in the books.

    `events` are those that each would add, `there` those that the samples of the maps have, and
    `of` the samples of the books at the same point.
    """

    columns: Columns
    points: Array
    repeats: Mask
    planned: Mask
    events: Array
    there: Array
    of: list[Known | None]


def propose(
    analysis: str | Path,
    *,
    samples: int = 10,
    output: str | Path | None = None,
    candidates: int = CANDIDATES,
    events: int | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Propose the samples that would shrink the error of the expected limit most.

    Parameters
    ----------
    analysis
        The analysis file.
    samples
        How many samples.
    output
        The grid file to be written; ``<output>-more-<events>.yaml`` beside it asks for more events
        of samples that are there. None writes nothing.
    candidates
        Among how many points of the scan's region to choose, the samples of the maps besides.
    events
        Events of each; by default the median of the samples of the maps.
    catalog
        Path or URL of the books, where there are any: samples there that are not in the maps are
        taken for made, and their points are not proposed again.
    models_dir
        A folder with signal models that is looked into first.
    dry_run
        Write nothing.

    Returns
    -------
    dict
        ``analysis``, ``limit`` (what is limited), ``contour`` (number of its points), ``refused``
        (those that a map refuses), ``before`` and ``after`` (relative error of the expected limit
        from efficiencies, root of the weighted mean square over the contour), ``proposals``:
        ``number``, ``point``, ``what`` (``new sample`` or ``more events``), ``sample``,
        ``events``, ``target``, ``before``, ``after``; ``grids``, ``files``, ``commands``, and
        ``notes``.

    Raises
    ------
    InputError
        If the analysis is not right, a map has too few samples, or nothing can be gained.
    WorkError
        If the file cannot be written.
    """
    if samples < 1 or candidates < 2:  # noqa: PLR2004 - nothing to choose from
        raise InputError("one sample at least, and two candidates")
    check_output(None if dry_run else output)
    read = read_analysis(analysis, models_dir=models_dir)
    found = maps_of(read, catalog)
    quick = None if read.method in {"asymptotic", "exact", "hybrid"} else "asymptotic"
    result = _with_maps(run(read, cl=None if read.cl else LEVEL, method=quick, maps=found.maps))
    known, told = of_one_kind(known_samples(read, catalog), _ids(result))
    if output is not None and not dry_run:
        check_package(known)
    space = space_of(result)
    part = _counted_part(result, known)
    each = events or max(1, round(_usual_events(result) / part))
    pool = _pool(result, space, known, candidates, each)
    design, norm, edge = _design(result, space, pool, part)
    planned: list[int] = np.flatnonzero(pool.planned).tolist()
    for i in planned:
        design.take(i)
    before = design.objective
    steps = design.run(samples)
    if not steps:
        raise InputError(f"{read.path}: no sample in the region of its scan would help")
    rows = [_proposal(n, step, pool, space, each, norm) for n, step in enumerate(steps, 1)]
    grids = grids_of(read, space, rows, known)
    check_grids(read, grids)
    files, commands = named(output, grids, catalog)
    if output is not None and not dry_run:
        write(files, read)
    return {
        "analysis": read.name,
        "limit": _limit(read),
        "contour": len(edge),
        "refused": int(edge.refused.sum()),
        "before": float(np.sqrt(before / norm)),
        "after": float(np.sqrt(design.objective / norm)),
        "proposals": rows,
        "grids": list(grids.values()),
        "files": [] if output is None or dry_run else list(files),
        "commands": commands,
        "notes": [*_notes(edge, planned, steps, samples), *told],
    }


def _with_maps(result: AnalysisResult) -> AnalysisResult:
    """Check that there is something to start from."""
    if result.good.size and all(isinstance(m, EfficiencyMap) for m in result.maps.values()):
        return result
    reasons = [reason for reason in result.reasons.tolist() if reason]
    raise InputError(
        f"{result.analysis.name}: no hypothesis has a limit"
        + (f": {reasons[0]}" if reasons else ""),
        hint="begin with samples at the corners of the scan and some between them",
    )


def _maps(result: AnalysisResult) -> Mapping[str, EfficiencyMap]:
    return {name: made for name, made in result.maps.items() if isinstance(made, EfficiencyMap)}


def _ids(result: AnalysisResult) -> set[str]:
    """Return the samples behind the maps, as far as these say so."""
    joined = (text for made in _maps(result).values() for text in made.domain.nodes.sample_ids)
    return {_sample_of(one) for text in joined for one in text.split(TOGETHER) if one}


def _counted_part(result: AnalysisResult, known: Sequence[Known]) -> float:
    """Return what the maps count as one generated event over what the generator has to make.

    Events that trained a classifier are in neither count of a map, those behind a filter stand for
    more: the median over samples that the books know, 1 where they know none.
    """
    targets = {sample.id: sample.target for sample in known}
    found = []
    for made in _maps(result).values():
        nodes = made.domain.nodes
        for ids, counted in zip(nodes.sample_ids, nodes.n_generated.tolist(), strict=True):
            made_events = sum(targets.get(_sample_of(one), 0) for one in ids.split(TOGETHER))
            if made_events:
                found.append(counted / made_events)
    return float(np.median(found)) if found else 1.0


def _sample_of(label: str) -> str:
    """Return the id of the sample in that of a simulation."""
    return SIMULATION.sub("", label)


def _usual_events(result: AnalysisResult) -> int:
    counts = [made.domain.kept.n_generated for made in _maps(result).values()]
    return max(1, int(np.median(np.concatenate(counts))))


def _limit(analysis: Analysis) -> str:
    return f"limit on {analysis.rate.name}"


def _pool(
    result: AnalysisResult, space: Space, known: Sequence[Known], number: int, each: int
) -> _Pool:
    """Return all candidates: samples of the maps, samples of the books, and new points."""
    analysis = result.analysis
    own, counts = _own_points(result, space)
    theirs = np.array([[k.parameters.get(n, np.nan) for n in space.free] for k in known])
    theirs = theirs.reshape(-1, len(space.free))
    theirs = theirs[np.isfinite(theirs).all(axis=1)]
    stacked = np.concatenate([own, theirs, even_points(space, number)])
    _, first = np.unique(np.round(stacked, 9), axis=0, return_index=True)
    columns, points = columns_at(analysis, space.free, stacked[np.sort(first)])
    size = len(points)
    of: list[Known | None] = [None] * size
    for entry in known:
        for i in np.flatnonzero(entry.lies_at(columns, space.shape)).tolist():
            of[i] = of[i] or entry
    near = [np.flatnonzero(np.isclose(own, p, rtol=1e-6, atol=0).all(axis=1)) for p in points]
    repeats = np.array([found.size > 0 for found in near], dtype=bool)
    there = np.array([counts[found[0]] if found.size else 0 for found in near])
    planned = np.array([of[i] is not None for i in range(size)], dtype=bool) & ~repeats
    targets = np.array([float(k.target if k is not None else each) for k in of])
    return _Pool(columns, points, repeats, planned, np.where(planned, targets, each), there, of)


def _own_points(result: AnalysisResult, space: Space) -> tuple[Array, Array]:
    """Return the samples of the maps whose axes say where they are, and their events."""
    points, counts = [np.empty((0, len(space.free)))], [np.empty(0)]
    for made in _maps(result).values():
        if set(space.free) <= set(made.axes):
            places = [made.axes.index(name) for name in space.free]
            points.append(made.domain.kept.points[:, places])
            counts.append(made.domain.kept.n_generated)
    found, first = np.unique(np.concatenate(points), axis=0, return_index=True)
    return found, np.concatenate(counts)[first]


def _design(
    result: AnalysisResult, space: Space, pool: _Pool, part: float
) -> tuple[Design, float, Contour]:
    """Return the design, the sum of the weights of the contour, and the contour."""
    edge = _thinned(contour(result))
    targets = []
    excluded = np.zeros(len(pool.points), dtype=bool)
    for channel in result.analysis.channels:
        made = _maps(result)[channel.name]
        surrogate = Surrogate(made)
        nodes = nodes_at(result.analysis, channel, made, pool.columns, space)
        targets.append(_target(result, channel, surrogate, edge, (nodes, part * pool.events)))
        flat = nodes.reshape(-1, nodes.shape[-1])
        reason = np.full(len(flat), "", dtype=object)
        excluded |= made.domain.refuse(flat, reason).reshape(nodes.shape[:2]).any(axis=1)
        excluded |= ~np.isfinite(nodes).all(axis=(1, 2))
    for target in targets:  # beyond a threshold nothing is to be learnt
        target.noise[excluded] = np.inf
        target.candidates[excluded] = target.candidates[np.flatnonzero(~excluded)[:1]]
    design = Design(targets, pool.repeats, excluded | pool.planned)
    return design, float(edge.weight.sum()), edge


def _thinned(edge: Contour) -> Contour:
    if len(edge) <= MOST_POINTS:
        return edge
    some = np.unique(np.linspace(0, len(edge) - 1, MOST_POINTS).round().astype(int))
    return Contour(
        {name: values[some] for name, values in edge.columns.items()},
        edge.power[some],
        edge.weight[some],
        edge.refused[some],
        {name: values[some] for name, values in edge.shares.items()},
    )


def _target(
    result: AnalysisResult,
    channel: Channel,
    surrogate: Surrogate,
    edge: Contour,
    added: tuple[Array, Array],
) -> Target:
    analysis, made = result.analysis, surrogate.map
    parameters, derived = split(analysis, edge.columns)
    values = quantities(analysis.deriver, {**parameters, **derived}, made.axes)
    points = np.stack([np.broadcast_to(values[a], (len(edge),)) for a in made.axes], axis=-1)
    found = made.evaluate({axis: points[:, j] for j, axis in enumerate(made.axes)})
    refused: Mask = np.asarray(found.reason != "")
    finite: Mask = np.asarray(np.isfinite(made.domain.scaled(points)).all(axis=1))
    efficiency = np.where(refused, 0.0, found.value)
    # The relative error of an efficiency e is (1 - e) times the error of its logit.
    weights = edge.weight * (edge.power * edge.shares[channel.name] * (1 - efficiency)) ** 2
    weights[~finite | (~refused & (efficiency == 0))] = 0.0
    safe = np.where(finite[:, None], points, made.domain.kept.points[:1])
    nodes, events = added
    flat = nodes.reshape(-1, nodes.shape[-1])
    known: Mask = np.asarray(np.isfinite(made.domain.scaled(flat)).all(axis=1))
    usable = np.where(known[:, None], flat, made.domain.kept.points[:1])
    noise = surrogate.noise(usable, np.repeat(events, nodes.shape[1]))
    noise = np.where(known, noise, np.inf).reshape(nodes.shape[:2])
    return Target(surrogate, safe, weights, refused & finite, usable.reshape(nodes.shape), noise)


def _proposal(number: int, step: Step, pool: _Pool, space: Space, each: int, norm: float) -> Row:
    i = step.candidate
    sample, is_repeat = pool.of[i], bool(pool.repeats[i])
    target = each
    if is_repeat:
        target = each + int(sample.target if sample is not None else pool.there[i])
    return {
        "number": number,
        "point": dict(zip(space.free, pool.points[i].tolist(), strict=True)),
        "what": "more events" if is_repeat else "new sample",
        "sample": sample.id if sample is not None and is_repeat else None,
        "events": each,
        "target": target,
        "before": float(np.sqrt(step.before / norm)),
        "after": float(np.sqrt(step.after / norm)),
    }


def _notes(edge: Contour, planned: list[int], steps: list[Step], samples: int) -> list[str]:
    notes = []
    if edge.refused.any():
        notes.append(
            f"{int(edge.refused.sum())} of {len(edge)} points of the contour have no efficiency:"
            " their error counts as 100%"
        )
    if planned:
        notes.append(f"{len(planned)} samples in the books are not in the maps: taken for made")
    if len(steps) < samples:
        notes.append(f"only {len(steps)} of {samples}: more would not help")
    return notes
