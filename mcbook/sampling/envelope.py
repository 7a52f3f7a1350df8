"""Adaptive proposals in the unit cube, and unweighting under them.

Variables come in groups of one or two. A group has a grid of cells, each with a height that the
weight in it stays below, so that a point is drawn by cell and uniformly inside. Heights are found
on lattices through the highest point, then raised where random points say so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CELLS = {1: 48, 2: 32}
_LEAST = 1e-3
"""Least height of a cell over the highest: what a lattice calls empty may not be."""
_START, _PROBES, _ROUNDS, _STEPS = 1024, 4096, 4, 5
_GOOD = 0.5
"""Part of the points that is kept, above which heights are left alone."""
MARGIN = 1.05


@dataclass(slots=True)
class _Grid:
    """Cells of one group, all of one size; `heights` has one axis for each variable."""

    heights: Array
    total: Array
    density: Array

    @classmethod
    def of(cls, heights: Array) -> "_Grid":
        floored = np.maximum(heights, _LEAST * heights.max())
        total = np.cumsum(floored)
        return cls(floored, total / total[-1], (floored / floored.mean()).ravel())

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array, NDArray[np.int64]]:
        """Return points, shape (variables, n), their density, and their cells."""
        size = self.heights.ndim
        cell = np.searchsorted(self.total, rng.random(count), side="right")
        cell = np.minimum(cell, self.heights.size - 1)
        corner = np.stack(np.unravel_index(cell, self.heights.shape))
        return (
            (corner + rng.random((size, count))) / self.heights.shape[0],
            self.density[cell],
            cell,
        )


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
        weigh: Callable[[Array], Array],
        groups: Sequence[int],
        rng: np.random.Generator,
        *,
        is_smooth: bool = False,
    ) -> None:
        self.weigh = weigh
        self.groups = tuple(groups)
        self.highest = 0.0
        self.grids = [_Grid.of(np.ones((_CELLS[size],) * size)) for size in groups]
        if is_smooth:
            self._follow(rng)
            return
        best = self._best(rng)
        if best is not None:
            self._look_along(best)
            self._refine(rng)

    @property
    def is_empty(self) -> bool:
        """Whether no point with a weight was found."""
        return not self.highest > 0

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Return points and their density, shape (variables, n) and (n,)."""
        drawn = [grid.draw(rng, count) for grid in self.grids]
        density = np.ones(count)
        for _, own, _ in drawn:
            density *= own
        points = [entry[0] for entry in drawn]
        return (np.concatenate(points) if points else np.zeros((0, count))), density

    def _best(self, rng: np.random.Generator) -> Array | None:
        """Return the highest of some random points."""
        points, _ = self.draw(rng, _START)
        weight = self.weigh(points)
        return points[:, int(weight.argmax())] if weight.max() > 0 else None

    def _look_along(self, best: Array) -> None:
        """Set heights on a lattice of cell corners and middles through a point."""
        first = 0
        for i, size in enumerate(self.groups):
            cells = _CELLS[size]
            ticks = np.linspace(0.0, 1.0, 2 * cells + 1)
            mesh = np.meshgrid(*[ticks] * size, indexing="ij")
            points = np.repeat(best[:, None], mesh[0].size, axis=1)
            for k in range(size):
                points[first + k] = mesh[k].ravel()
            found = self.weigh(points).reshape(mesh[0].shape)
            for axis in range(size):
                parts = [np.take(found, np.arange(k, 2 * cells + k, 2), axis) for k in (0, 1)]
                parts.append(np.take(found, np.arange(2, 2 * cells + 2, 2), axis))
                found = np.maximum(np.maximum(*parts[:2]), parts[2])
            self.grids[i] = _Grid.of(found)
            first += size

    def _follow(self, rng: np.random.Generator) -> None:
        """Give cells the mean of the weight in them, step by step; then look for the bound."""
        for number in range(_STEPS + 1):
            count = _PROBES * (1 if number < _STEPS else 4)
            drawn = [grid.draw(rng, count) for grid in self.grids]
            density = np.prod([entry[1] for entry in drawn], axis=0) * np.ones(count)
            ratio = self.weigh(np.concatenate([entry[0] for entry in drawn])) / density
            if number == _STEPS:
                self.highest = MARGIN * float(ratio.max())
            if number == _STEPS or not ratio.max() > 0:
                return
            for i, (_, _, cell) in enumerate(drawn):
                cells = self.grids[i].heights.size
                total = np.bincount(cell, ratio, cells) + 0.01 * ratio.sum() / cells
                smooth = np.convolve(np.pad(total, 1, mode="edge"), [0.2, 0.6, 0.2], "valid")
                self.grids[i] = _Grid.of(smooth)

    def _refine(self, rng: np.random.Generator) -> None:
        """Raise cells until the weight is nearly as the density, or for some rounds."""
        for number in range(_ROUNDS):
            drawn = [grid.draw(rng, _PROBES) for grid in self.grids]
            points = [entry[0] for entry in drawn]
            density = np.prod([entry[1] for entry in drawn], axis=0) * np.ones(_PROBES)
            ratio = (
                self.weigh(np.concatenate(points) if points else np.zeros((0, _PROBES))) / density
            )
            self.highest = MARGIN * float(ratio.max())
            if ratio.mean() > _GOOD * self.highest or number == _ROUNDS - 1:
                return
            for i, (_, _, cell) in enumerate(drawn):
                grid = self.grids[i]
                top = np.zeros(grid.heights.size)
                np.maximum.at(top, cell, ratio / ratio.max())
                seen = top > 0
                factor = np.where(seen, np.sqrt(np.maximum(top, _LEAST)), 1.0)
                self.grids[i] = _Grid.of(grid.heights * factor.reshape(grid.heights.shape))
