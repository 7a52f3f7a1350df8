"""The measured points of a map, checked once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.intervals import effective_counts, mc_error, reweighted_counts
from mcbook.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Place = Callable[[int], str]
"""Says where a row is, for messages."""

SAME = 1e-9
"""Positions that differ by less than this part are the same."""

TOGETHER = "+"
"""Stands between the ids of samples that one node is from."""

_HALF_AN_EVENT = 0.5  # a number of events behind a filter is rounded in the table
_ROUNDING = 1e-6  # by which sums of weights in single precision may miss what must hold


@dataclass(frozen=True)
class Nodes:
    """Points at which an efficiency was measured.

    Attributes
    ----------
    axes
        Names of the axes.
    points
        Positions, shape (n, d).
    n_generated, n_selected
        Counts, shape (n,); effective ones where only weights are known.
    sumw_generated, sumw, sumw2
        Sums of weights of the generated and of the selected events, and of the squares of the
        latter, shape (n,).
    sample_ids
        Where the events are from; empty texts where it was not said.
    is_reweighted
        Whether the events were generated at another lifetime, shape (n,). Such nodes share events,
        and `sumw_generated` is no sum of weights but the number of events that they stand for.
    """

    axes: tuple[str, ...]
    points: Array
    n_generated: Array
    n_selected: Array
    sumw_generated: Array
    sumw: Array
    sumw2: Array
    sample_ids: tuple[str, ...]
    is_reweighted: Mask

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def efficiency(self) -> Array:
        """Measured efficiency, shape (n,)."""
        return np.minimum(self.sumw / self.sumw_generated, 1.0)

    @cached_property
    def effective(self) -> tuple[Array, Array]:
        """Effective numbers of selected and of generated events, see `effective_counts`.

        Weighted events that are divided by their number, which does not fluctuate as a sum of
        weights does, are those of `reweighted_counts`.
        """
        sums = (self.sumw, self.sumw2, self.sumw_generated, self.n_generated)
        k, n = effective_counts(*sums)
        by_number = np.abs(self.sumw_generated - self.n_generated) <= _HALF_AN_EVENT
        is_moved = self.is_reweighted | (by_number & (self.sumw2 != self.sumw))
        if not is_moved.any():
            return k, n
        k_moved, n_moved = reweighted_counts(*sums)
        return np.where(is_moved, k_moved, k), np.where(is_moved, n_moved, n)

    @cached_property
    def mc_error(self) -> Array:
        """Error of the efficiency from the number of events, shape (n,)."""
        return mc_error(*self.effective)

    def take(self, rows: Mask) -> "Nodes":
        """Return some of the nodes."""
        return Nodes(
            self.axes,
            self.points[rows],
            self.n_generated[rows],
            self.n_selected[rows],
            self.sumw_generated[rows],
            self.sumw[rows],
            self.sumw2[rows],
            tuple(np.array(self.sample_ids, dtype=object)[rows]),
            self.is_reweighted[rows],
        )


def check(nodes: Nodes, place: Place) -> None:
    """Check counts, weights and positions.

    Parameters
    ----------
    nodes
        What was read.
    place
        Says where row i of them is, such as ``map.csv, line 3``.

    Raises
    ------
    InputError
        For the first row that cannot be.
    """
    check_counts(nodes, place)
    _check_distinct(nodes, place)


def check_counts(nodes: Nodes, place: Place) -> None:
    """Check counts and weights as `check` does; positions need only be finite.

    Raises
    ------
    InputError
        For the first row that cannot be.
    """
    if not len(nodes):
        raise InputError(f"{place(-1)}: there are no rows")
    _check_finite(nodes, place)
    k, n = nodes.n_selected, nodes.n_generated
    w, w2, total = nodes.sumw, nodes.sumw2, nodes.sumw_generated
    rules: tuple[tuple[Mask, str, str], ...] = (
        (n > 0, "n_generated", "nothing was generated"),
        (k >= 0, "n_selected", "a negative count"),
        (k <= n, "n_selected", "more events selected than generated, an efficiency above 1"),
        (total > 0, "sumw_generated", "the sum of weights is not above 0"),
        (w >= 0, "sumw", "a negative sum of weights"),
        (w <= total * (1 + _ROUNDING), "sumw",
         "a larger sum of weights selected than generated, an efficiency above 1"),
        ((k > 0) | ((w == 0) & (w2 == 0)), "sumw", "weights of events, though none is selected"),
        ((k == 0) | (w2 > 0), "sumw2", "the squares of weights do not add up to more than 0"),
        (w * w <= k * w2 * (1 + _ROUNDING), "sumw2",
         "less than sumw^2 / n_selected, which no weights give"),
    )  # fmt: skip
    for holds, column, wrong in rules:
        if not holds.all():
            row = int(np.flatnonzero(~holds)[0])
            found = _shown(nodes, column, row)
            raise InputError(f"{place(row)} (column {column}): {found}: {wrong}")


def _shown(nodes: Nodes, column: str, row: int) -> str:
    value = float(getattr(nodes, column)[row])
    beside = {"n_selected": "n_generated", "sumw": "sumw_generated"}.get(column)
    shown = f"{column} = {value:.9g}"
    if beside is not None:
        shown += f" of {beside} = {float(getattr(nodes, beside)[row]):.9g}"
    return shown


def _check_finite(nodes: Nodes, place: Place) -> None:
    columns = {name: getattr(nodes, name) for name in (
        "n_generated", "n_selected", "sumw_generated", "sumw", "sumw2",
    )}  # fmt: skip
    columns |= {name: nodes.points[:, j] for j, name in enumerate(nodes.axes)}
    for name, values in columns.items():
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(f"{place(row)} (column {name}): {values[row]} is not a finite number")


def _check_distinct(nodes: Nodes, place: Place) -> None:
    order = np.lexsort(nodes.points.T) if nodes.axes else np.arange(len(nodes))
    first, second = nodes.points[order[:-1]], nodes.points[order[1:]]
    same = np.flatnonzero(coincide(first, second))
    if same.size:
        one, two = sorted(int(order[same[0] + i]) for i in (0, 1))
        point = ", ".join(
            f"{name} = {nodes.points[one, j]:.9g}" for j, name in enumerate(nodes.axes)
        )
        raise InputError(
            f"{place(two)}: the same point as {place(one).rpartition(', ')[2]}: {point}",
            hint="add the counts of samples at one point up, or name the axes that tell them apart",
        )


def coincide(first: Array, second: Array) -> Mask:
    """Return which points, shape (n, d), agree to `SAME` in every axis."""
    scale = np.maximum(np.abs(first), np.abs(second))
    return np.asarray((np.abs(first - second) <= SAME * scale).all(axis=1))


def make_nodes(
    axes: Sequence[str],
    points: Array,
    counts: tuple[Array, Array],
    weights: tuple[Array, Array, Array] | None = None,
    sample_ids: Sequence[str] | None = None,
) -> Nodes:
    """Return nodes, not yet checked.

    Parameters
    ----------
    axes, points
        Names, and positions of shape (n, d), or (n,) with one axis.
    counts
        n_selected and n_generated, shape (n,).
    weights
        sumw_generated, sumw and sumw2, shape (n,); the counts by default.
    sample_ids
        Empty texts by default. A sample with weights at several points was reweighted.

    Raises
    ------
    InputError
        If lengths do not agree.
    """
    selected, generated = (np.atleast_1d(np.asarray(entry, dtype=np.float64)) for entry in counts)
    given = weights if weights is not None else (generated, selected, selected)
    total, w, w2 = (np.atleast_1d(np.asarray(entry, dtype=np.float64)) for entry in given)
    places = np.asarray(points, dtype=np.float64)
    places = places.reshape(-1, 1) if places.ndim <= 1 else places
    ids = tuple(sample_ids) if sample_ids is not None else ("",) * len(selected)
    lengths = {len(entry) for entry in (places, selected, generated, total, w, w2, ids)}
    if len(lengths) > 1:
        raise InputError("nodes, counts, weights and sample ids must be equally many")
    if places.ndim != 2 or places.shape[1] != len(axes):  # noqa: PLR2004
        raise InputError(f"nodes must have one position for each of the axes {', '.join(axes)}")
    if len(set(axes)) < len(axes):
        raise InputError("an axis is named twice")
    moved = _share_events(ids) & ((w != selected) | (w2 != selected))
    return Nodes(tuple(axes), places, generated, selected, total, w, w2, ids, moved)


def _share_events(ids: Sequence[str]) -> Mask:
    """Return which nodes are of a sample that is at several points: its events were reweighted."""
    counts = Counter(ids)
    return np.array([bool(label) and counts[label] > 1 for label in ids], dtype=bool)
