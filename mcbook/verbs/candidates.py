"""Where `mcbook propose` may put samples: the region of a scan, the samples that are there."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook import config
from mcbook.analysis.counts import quantities
from mcbook.analysis.hypotheses import closed, evaluate, split
from mcbook.analysis.records import Analysis, Channel
from mcbook.analysis.result import AnalysisResult
from mcbook.catalog.dump import rows_among, stored_rows, table_of
from mcbook.catalog.store import catalog_exists, open_catalog
from mcbook.efficiency import EfficiencyMap
from mcbook.errors import InputError
from mcbook.grid import expand, grid_in
from mcbook.grid.design import sample
from mcbook.registry.handed import from_mapping

Array = NDArray[np.float64]
Columns = dict[str, Array]
Row = dict[str, Any]

DIGITS = 4
"""Digits of the values that are proposed."""

MOST_HELD = 8
"""Values of a lifetime of a map that a new sample is taken to give nodes at."""

WIDE = 10.0
"""A range over a larger factor is filled evenly in the logarithm."""

_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Space:
    """What new samples are chosen in.

    Attributes
    ----------
    free
        Parameters that shape the events and that the scan moves by itself.
    shape
        All parameters that shape the events of a channel.
    low, high
        Range of the former in the scan.
    """

    free: tuple[str, ...]
    shape: tuple[str, ...]
    low: Array
    high: Array


def space_of(result: AnalysisResult) -> Space:
    """Return the space of an analysis.

    Raises
    ------
    InputError
        If its scan moves nothing that shapes events.
    """
    analysis = result.analysis
    shape = tuple(dict.fromkeys(
        name
        for channel in analysis.channels
        for name, role in channel.process.roles.items()
        if "shape" in role
    ))  # fmt: skip
    points = result.hypotheses
    alive = points.reasons == ""
    free = tuple(
        name for name in result.varying()
        if name in shape and name not in analysis.grid.derived and name != analysis.rate.vary
    )  # fmt: skip
    if not free or not alive.any():
        raise InputError(
            f"{analysis.path}: its scan moves no parameter that shapes events",
            hint=f"these do: {', '.join(shape)}",
        )
    values = np.stack([points.columns[name][alive] for name in free])
    return Space(free, shape, values.min(axis=1), values.max(axis=1))


def even_points(space: Space, number: int) -> Array:
    """Return points that fill a space evenly, its corners among them, shape (about number, d)."""
    d = len(space.free)
    if d == 1:
        unit = np.linspace(0, 1, number)[:, None]
    else:
        corners = np.array(list(product((0.0, 1.0), repeat=d))) if 2**d <= number // 4 else None
        filled = sample("sobol", number, d, 0)
        unit = filled if corners is None else np.concatenate([corners, filled])
    is_log = (space.low > 0) & (space.high > WIDE * space.low)
    found = np.empty_like(unit)
    for j in range(d):
        low, high = space.low[j], space.high[j]
        straight = low + (high - low) * unit[:, j]
        found[:, j] = low * (high / low) ** unit[:, j] if is_log[j] else straight
    rounded = np.array([[float(f"{value:.{DIGITS}g}") for value in row] for row in found.tolist()])
    return np.unique(np.clip(rounded, space.low, space.high), axis=0)


def grid_mapping(analysis: Analysis, free: Sequence[str], points: Array) -> Row:
    """Return the part of a grid that says where points are, as the analysis says it."""
    given = analysis.document.data
    placed: Row = {
        "zip": [{name: points[:, j].tolist() for j, name in enumerate(free)}],
    }
    for key in ("fixed", "derived", "require", "set"):
        if key in given:
            placed[key] = given[key]
    fixed = {**placed.get("fixed", {})}
    for axis in analysis.grid.axes:
        for name, values in axis.build().items():
            if name not in free and len(np.unique(values)) == 1:
                fixed[name] = float(values[0])
    placed["fixed"] = {n: v for n, v in fixed.items() if n in analysis.model.parameters}
    if not placed["fixed"]:
        del placed["fixed"]
    return placed


def columns_at(analysis: Analysis, free: Sequence[str], points: Array) -> tuple[Columns, Array]:
    """Return all parameters at points that may be made, and these points.

    Points that a requirement of the grid, a constraint of the model or of a process rejects are
    left out.
    """
    grid = grid_in(from_mapping(grid_mapping(analysis, free, points), "grid"), analysis.folder)
    made = expand(
        grid, analysis.model.parameters, analysis.deriver.fixed, default_events=1,
        max_points=len(points),
    )  # fmt: skip
    columns, kept = dict(made.columns), points[made.accepted]
    vary = analysis.rate.vary
    if vary is not None and vary not in grid.fixed:
        parameter = analysis.model.parameters[vary]
        middle = float(np.sqrt(analysis.rate.span[0] * analysis.rate.span[1]))
        columns[vary] = np.full(len(kept), parameter.reference or parameter.default or middle)
    good = np.ones(len(kept), dtype=bool)
    for holds in evaluate(analysis, analysis.model.constraints, columns):
        good &= holds.astype(bool)
    for channel in analysis.channels:
        good &= closed(analysis, channel.process, columns) == ""
    return {name: values[good] for name, values in columns.items()}, kept[good]


def held_axes(analysis: Analysis, channel: Channel, space: Space) -> tuple[str, ...]:
    """Return the axes of a map that a sample does not decide: lifetimes, couplings."""
    deriver, found = analysis.deriver, []
    for axis in channel.efficiency.axes:
        if axis in analysis.model.parameters:
            decided = axis in space.shape and axis != analysis.rate.vary
        elif axis in analysis.free or axis not in deriver.model.derived:
            decided = False
        else:
            used = deriver.depends_on(axis) & set(analysis.model.parameters)
            decided = used <= set(space.shape) - {str(analysis.rate.vary)}
        if not decided:
            found.append(axis)
    return tuple(found)


def nodes_at(
    analysis: Analysis, channel: Channel, made: EfficiencyMap, columns: Columns, space: Space
) -> Array:
    """Return where samples would put nodes into the map of a channel, shape (c, g, d)."""
    held = held_axes(analysis, channel, space)
    size = len(next(iter(columns.values())))
    own = [axis for axis in made.axes if axis not in held]
    parameters, derived = split(analysis, columns)
    known = quantities(analysis.deriver, {**parameters, **derived}, tuple(own))
    places = [made.axes.index(axis) for axis in held]
    rows = np.unique(made.domain.kept.points[:, places], axis=0) if held else np.zeros((1, 0))
    if len(rows) > MOST_HELD:
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_HELD).round().astype(int))]
    found = np.empty((size, len(rows), len(made.axes)))
    for j, axis in enumerate(made.axes):
        if axis in held:
            found[:, :, j] = rows[None, :, held.index(axis)]
        else:
            found[:, :, j] = np.asarray(known[axis])[:, None]
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """A sample of the books: where it is, how many events it is to have, and how it was made."""

    id: str
    parameters: Mapping[str, float]
    target: int
    generator: str
    settings: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Generator and settings as one text, the same for all samples of one kind."""
        return f"{self.generator} {json.dumps(self.settings, sort_keys=True, default=str)}"

    def lies_at(self, columns: Mapping[str, Array], shape: Sequence[str]) -> NDArray[np.bool_]:
        """Return at which points it lies, shape (n,)."""
        size = len(next(iter(columns.values())))
        same = np.ones(size, dtype=bool)
        for name in shape:
            own = self.parameters.get(name, np.nan)
            same &= np.isclose(columns[name], own, rtol=_SAME, atol=0, equal_nan=True)
        return same


def of_one_kind(known: Sequence[Known], ids: Collection[str]) -> tuple[list[Known], list[str]]:
    """Return the samples that were made as those of the maps are, and what is to be told.

    Parameters
    ----------
    known
        Samples of the books.
    ids
        Those of the maps. Where none is among *known*, the kind that most samples have is meant.
    """
    if not known:
        return [], []
    counted = Counter(k.kind for k in known if k.id in ids) or Counter(k.kind for k in known)
    (usual, _), *others = counted.most_common()
    kept = [k for k in known if k.kind == usual]
    notes = []
    if others:
        notes.append(
            f"samples of the maps have {len(counted)} kinds of generator settings: those of most"
            f" are proposed, {usual}"
        )
    if left := len(known) - len(kept):
        notes.append(f"{left} samples in the books do not count: made with other settings")
    return kept, notes


def known_samples(analysis: Analysis, catalog: str | None) -> list[Known]:
    """Return the samples of the processes of an analysis that are in the books, if there are any.

    Retired ones are left out.
    """
    location = config.catalog(catalog)
    if not catalog_exists(location):
        return []
    names = {n for c in analysis.channels for n in (c.process.name, c.process.plain_name)}
    columns = table_of("samples").c
    wanted = (columns.model == analysis.model.name) & columns.process.in_(sorted(names))
    with open_catalog(location, mode="read") as opened, opened.reading() as books:
        rows = list(stored_rows(books, "samples", wanted))
        digests = sorted({row["definition"] for row in rows})
        documents = {
            row["digest"]: row["document"]
            for row in rows_among(books, "definitions", "digest", digests)
        }
    return list(_known(rows, documents))


def _known(rows: Sequence[Row], documents: Mapping[str, Any]) -> Iterator[Known]:
    for row in rows:
        if row["status"] != "retired":
            yield Known(
                row["id"], row["parameters"], int(row["events_target"]), row["generator"],
                documents[row["definition"]].get("settings", {}),
            )  # fmt: skip
