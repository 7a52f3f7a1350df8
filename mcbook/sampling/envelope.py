"""Adaptive proposals in the unit cube, and unweighting under them.

Variables come in groups of one or two. A group has a grid of cells, each with a height that the
weight in it stays below, so that a point is drawn by cell and uniformly inside. Heights are found
along lines and planes through the highest point, cells are halved where the weight changes most,
and heights are raised where random points say so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Weigh = Callable[[Array], Array]

_CELLS = {1: 48, 2: 32}
_MOST_CELLS, _HALVINGS, _WASTE = 160, 24, 3e-3
_LEAST = 1e-3
"""Least density of a cell: what a lattice calls empty may not be."""
_UNIFORM = 0.1
"""Part of the points that is spread evenly over each variable, for what a search has not seen."""
_START, _PROBES, _ROUNDS, _STEPS = 1024, 4096, 4, 6
_GOOD = 0.75
"""Part of the points that is kept, above which heights are left alone."""
MARGIN = 1.05
_EAGER = 0.7


@dataclass(frozen=True, slots=True)
class _Grid:
    """Cells of one group, between `edges` in each variable, with a height of each."""

    edges: Array
    heights: Array
    total: Array
    density: Array

    @classmethod
    def of(cls, edges: Array, heights: Array) -> "_Grid":
        """Return a grid from the edges of one variable and heights with one axis or two."""
        widths = np.diff(edges)
        size = widths if heights.ndim == 1 else widths[:, None] * widths[None]
        floored = np.maximum(heights, _LEAST * (heights * size).sum())
        share = (floored * size).ravel()
        total = np.cumsum(share)
        return cls(edges, heights, total / total[-1], (floored / share.sum()).ravel())

    @classmethod
    def flat(cls, variables: int) -> "_Grid":
        """Return a grid with cells of one size and height."""
        cells = _CELLS[variables]
        return cls.of(np.linspace(0.0, 1.0, cells + 1), np.ones((cells,) * variables))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array, Index]:
        """Return points, shape (variables, n), their density, and their cells."""
        cell = np.searchsorted(self.total, rng.random(count), side="right")
        cell = np.minimum(cell, self.heights.size - 1)
        corner = np.stack(np.unravel_index(cell, self.heights.shape))
        low = self.edges[corner]
        width = self.edges[corner + 1] - low
        return low + width * rng.random(corner.shape), self.density[cell], cell


class Envelope:
    """Draws points, with weights that are as equal as may be.

    Parameters
    ----------
    weigh
        Returns the weight of points of shape (variables, n).
    groups
        How many variables each group has, 1 or 2.
    rng
        Random numbers of the search.
    is_smooth
        Whether cells follow the mean of the weight in them, as in VEGAS (G. P. Lepage, J. Comput.
        Phys. 27, 192 (1978)), and not its largest value: for many variables.

    Attributes
    ----------
    highest
        Bound of the weight over the density.
    """

    def __init__(
        self,
        weigh: Weigh,
        groups: Sequence[int],
        rng: np.random.Generator,
        *,
        is_smooth: bool = False,
    ) -> None:
        self.weigh = weigh
        self.groups = tuple(groups)
        self.highest = 0.0
        self.grids = [_Grid.flat(size) for size in groups]
        if is_smooth:
            self._follow(rng)
            self._refine(rng, 4 * _PROBES)
            return
        for _ in range(2):  # what is highest shows better with the first grids
            best = self._best(rng)
            if best is None:
                return
            self._look_along(best)
        self._refine(rng, _PROBES)

    @property
    def is_empty(self) -> bool:
        """Whether no point with a weight was found."""
        return not self.highest > 0

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Return points and their density, shape (variables, n) and (n,)."""
        points, density, _ = self._drawn(rng, count)
        return points, density

    def _drawn(self, rng: np.random.Generator, count: int) -> tuple[Array, Array, list[Index]]:
        drawn = [grid.draw(rng, count) for grid in self.grids]
        density = np.ones(count)
        for _, own, _ in drawn:
            density *= own
        points = np.concatenate([entry[0] for entry in drawn]) if drawn else np.zeros((0, count))
        return points, density, [cell for _, _, cell in drawn]

    def _best(self, rng: np.random.Generator) -> Array | None:
        """Return the highest of some random points."""
        points, _ = self.draw(rng, _START)
        weight = self.weigh(points)
        return points[:, int(weight.argmax())] if weight.max() > 0 else None

    def _look_along(self, best: Array) -> None:
        """Set the heights of each group on a line or a plane through a point."""
        first = 0
        for i, size in enumerate(self.groups):
            rows = slice(first, first + size)

            def along(points: Array, rows: slice = rows) -> Array:
                moved = np.repeat(best[:, None], points.shape[1], axis=1)
                moved[rows] = points
                return self.weigh(moved)

            self.grids[i] = _along_line(along) if size == 1 else _along_plane(along)
            first += size

    def _follow(self, rng: np.random.Generator) -> None:
        """Give cells equal parts of the weight, step by step."""
        for _ in range(_STEPS):
            points, density, cells = self._drawn(rng, _PROBES)
            ratio = self.weigh(points) / density
            if not ratio.max() > 0:
                return
            for i, cell in enumerate(cells):
                weights = np.bincount(cell, ratio, _CELLS[1]).astype(float)
                self.grids[i] = _evened(self.grids[i], weights)

    def _refine(self, rng: np.random.Generator, last: int) -> None:
        """Raise cells until the weight is nearly as the density, or for some rounds.

        The bound comes from *last* points.
        """
        for number in range(_ROUNDS):
            is_last = number == _ROUNDS - 1
            points, density, cells = self._drawn(rng, last if is_last else _PROBES)
            ratio = self.weigh(points) / density
            self.highest = MARGIN * float(ratio.max())
            if is_last or (last == _PROBES and ratio.mean() > _GOOD * self.highest):
                return
            if not ratio.max() > 0:
                return
            for i, cell in enumerate(cells):
                self.grids[i] = _raised(self.grids[i], cell, ratio)


def _raised(grid: _Grid, cell: Index, ratio: Array) -> _Grid:
    """Return a grid with higher cells where points had more weight than is usual."""
    top = np.zeros(grid.heights.size)
    np.maximum.at(top, cell, ratio)
    usual = np.median(top[top > 0])
    factor = np.maximum(top / usual, 1.0) ** _EAGER
    return _Grid.of(grid.edges, grid.heights * factor.reshape(grid.heights.shape))


def _along_line(weigh: Weigh) -> _Grid:
    """Return a grid of one variable, with small cells where the weight changes fast."""
    edges = np.linspace(0.0, 1.0, _CELLS[1] + 1)
    ends = weigh(edges[None])
    for _ in range(_HALVINGS):
        middles = (edges[1:] + edges[:-1]) / 2
        inner = weigh(middles[None])
        three = np.stack([ends[:-1], inner, ends[1:]])
        widths = np.diff(edges)
        waste = (three.max(axis=0) - three.mean(axis=0)) * widths
        split = waste > _WASTE * (three.mean(axis=0) * widths).sum()
        if not split.any() or len(edges) > _MOST_CELLS:
            break
        where = np.flatnonzero(split)
        edges = np.insert(edges, where + 1, middles[where])
        ends = np.insert(ends, where + 1, inner[where])
    middles = (edges[1:] + edges[:-1]) / 2
    heights = np.maximum(np.maximum(ends[:-1], ends[1:]), weigh(middles[None]))
    return _Grid.of(edges, heights) if heights.max() > 0 else _Grid.flat(1)


def _along_plane(weigh: Weigh) -> _Grid:
    """Return a grid of two variables: heights of cells from their corners and middles."""
    cells = _CELLS[2]
    ticks = np.linspace(0.0, 1.0, 2 * cells + 1)
    mesh = np.meshgrid(ticks, ticks, indexing="ij")
    found = weigh(np.stack([line.ravel() for line in mesh])).reshape(mesh[0].shape)
    for axis in range(2):
        low, middle, high = (np.take(found, np.arange(k, k + 2 * cells, 2), axis) for k in range(3))
        found = np.maximum(np.maximum(low, middle), high)
    return _Grid.of(ticks[::2], found) if found.max() > 0 else _Grid.flat(2)


def _evened(grid: _Grid, weights: Array) -> _Grid:
    """Return cells of one variable that have equal parts of the weight; they change slowly."""
    smooth = np.convolve(np.pad(weights, 1, mode="edge"), [0.15, 0.7, 0.15], "valid")
    damped = (smooth / smooth.sum() + 1e-6) ** 0.75
    mixed = (1 - _UNIFORM) * damped / damped.sum() + _UNIFORM * np.diff(grid.edges)
    total = np.concatenate([[0.0], np.cumsum(mixed)])
    edges = np.interp(np.linspace(0.0, total[-1], len(weights) + 1), total, grid.edges)
    edges[0], edges[-1] = 0.0, 1.0
    widths = np.maximum(np.diff(edges), 1e-12)
    return _Grid.of(edges, 1 / widths)
