"""Resolution maps: widths of a signal between the samples, interpolated like efficiencies.

What is interpolated is the logarithm of the width, so that it stays above 0: with pchip on full
grids, with a Gaussian process elsewhere, inside the samples only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.efficiency import table
from mcbook.efficiency.domain import Domain, How, Options
from mcbook.efficiency.grid import Grid
from mcbook.efficiency.nodes import Nodes, check, coincide, make_nodes
from mcbook.efficiency.scattered import Process, fit
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.numbers import parse_number

Array = NDArray[np.float64]
Texts = NDArray[np.object_]

STATUS, FAILED = "status", "failed"


@dataclass(frozen=True, slots=True)
class Widths:
    """Widths at n points.

    Attributes
    ----------
    value
        Width, in the unit of the observable, shape (n,); NaN where the map refuses to answer.
    stat_error, interpolation_error
        Absolute errors from the fits of the samples and from the interpolation, shape (n,).
    reason
        Why a point is refused, else an empty text, shape (n,).
    """

    value: Array
    stat_error: Array
    interpolation_error: Array
    reason: Texts

    @property
    def error(self) -> Array:
        """Both errors in quadrature, shape (n,)."""
        return np.hypot(self.stat_error, self.interpolation_error)


@dataclass(frozen=True, slots=True)
class WidthsLeftOut:
    """How well a map predicts each node from all others; NaN where it cannot.

    Attributes
    ----------
    points
        Positions of the nodes, shape (n, d).
    measured, predicted
        Widths, shape (n,).
    pull
        Difference of the logarithms over its error, the node's own included.
    """

    points: Array
    measured: Array
    predicted: Array
    pull: Array

    @property
    def pull_rms(self) -> float:
        """Root mean square of the pulls: near 1 where the errors are right."""
        known = self.pull[np.isfinite(self.pull)]
        return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")


class _WidthProcess(Process):
    """A Gaussian process through logarithms of widths, whose noise is Gaussian."""

    def __init__(self, points: Array, logs: Array, variances: Array) -> None:
        self.points, self.logits, self.variances = points, logs, variances
        self.fitted = fit(points, logs, variances)
        self._find_mode()
        self.widening = self._widening()

    def _find_mode(self) -> None:
        """Condition on the nodes: what is measured is the mode."""
        from mcbook.efficiency.scattered import JITTER

        self.prior = self._kernel(self.points)
        self.prior[np.diag_indices(len(self.prior))] += JITTER * self.fitted.amplitude**2
        self._condition()


class ResolutionMap:
    """Widths at nodes in 1 to 7 dimensions, and what follows between them.

    Parameters
    ----------
    axes
        Names of the axes.
    points
        Positions, shape (n, d), or (n,) with one axis. Every point once.
    widths, errors
        Widths and their statistical errors, both above 0, shape (n,).
    name
        What messages call the map.
    **how
        How to interpolate: log_axes, linear_axes, method; see `mcbook.efficiency.domain.Options`.

    Raises
    ------
    InputError
        If widths, errors or positions cannot be.

    Examples
    --------
    >>> m = ResolutionMap(["m_zp"], [1.0, 2.0, 4.0], [0.4, 0.2, 0.1], [0.004, 0.002, 0.001])
    >>> round(float(m.evaluate({"m_zp": 2.0}).value[0]), 3)
    0.2
    """

    def __init__(
        self,
        axes: Sequence[str],
        points: ArrayLike,
        widths: ArrayLike,
        errors: ArrayLike,
        *,
        name: str = "map",
        **how: Unpack[How],
    ) -> None:
        self.axes, self.name = tuple(axes), name
        self.widths, self.errors = (
            np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in (widths, errors)
        )
        ones = np.ones_like(self.widths)
        nodes = make_nodes(axes, np.asarray(points, dtype=np.float64), (ones, ones))
        check(nodes, self._place)
        self._check()
        self.points = nodes.points
        self.left_out: tuple[str, ...] = ()
        self._set(nodes, Options(**how))

    def _set(self, nodes: Nodes, options: Options) -> None:
        if options.thresholds:
            raise InputError(f"{self.name}: a map of widths has no thresholds")
        self.domain = Domain(nodes, options, self.name)
        is_grid = self.domain.is_grid
        if options.method == "pchip" and not is_grid:
            raise InputError(f"{self.name}: the nodes do not fill a grid, which pchip needs")
        self.method = "pchip" if is_grid and options.method != "gp" else "gp"

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        column: str = "sigma_w",
        axes: Sequence[str],
        **how: Unpack[How],
    ) -> "ResolutionMap":
        """Read the map from a table of `mcbook resolution`.

        Samples whose fit failed are no nodes; `left_out` says where they are.

        Parameters
        ----------
        path
            A .csv, .parquet or .yaml file.
        column
            Which width; its error is in ``<column>_error``.
        axes
            Columns with the positions.
        **how
            See the class.

        Raises
        ------
        InputError
            If the file cannot be read, or has no such column.
        """
        read = table.read_table(path)
        names = (*axes, column, f"{column}_error")
        for name in names:
            if name not in read.columns:
                raise InputError(
                    f"{path}: the column {name} is missing", hint=did_you_mean(name, read.columns)
                )
        status = read.columns.get(STATUS, [""] * len(read.lines))
        kept = read.take([i for i, word in enumerate(status) if word != FAILED])
        left = [read.place(i) for i, word in enumerate(status) if word == FAILED]
        if not kept.lines:
            raise InputError(f"{path}: there is no row whose fit did not fail")
        numbers = {name: _numbers(kept, name) for name in names}
        points = np.stack([numbers[name] for name in axes], axis=-1)
        widths, errors = numbers[column], numbers[f"{column}_error"]
        found = cls(axes, points, widths, errors, name=str(path), **how)
        found.left_out = tuple(left)
        return found

    def evaluate(self, columns: Mapping[str, ArrayLike]) -> Widths:
        """Return widths at points.

        Parameters
        ----------
        columns
            One array for each axis, of shapes that broadcast to (n,). Others are not looked at.

        Raises
        ------
        InputError
            If the column of an axis is missing.
        """
        points = self._points(columns)
        size = len(points)
        value, stat, gap = (np.full(size, np.nan) for _ in range(3))
        reason = np.full(size, "", dtype=object)
        self.domain.refuse(points, reason)
        rows = np.flatnonzero(reason == "")
        if rows.size:
            logs, noise, between = self._evaluate(points[rows])
            value[rows] = np.exp(logs)
            stat[rows], gap[rows] = value[rows] * noise, value[rows] * between
        return Widths(value, stat, gap, reason)

    def leave_one_out(self) -> WidthsLeftOut:
        """Return how well each node is predicted by all others."""
        measured = np.log(self.widths)
        if self._interpolator is None:
            predicted = spread = np.full(len(measured), np.nan)
        else:
            predicted, spread = self._interpolator.leave_one_out()
        pull = (measured - predicted) / spread
        return WidthsLeftOut(self.points, self.widths, np.exp(predicted), pull)

    def _evaluate(self, points: Array) -> tuple[Array, Array, Array]:
        """Return logarithms of widths, and their two errors."""
        logs, noise, gap = np.empty((3, len(points)))
        nearest = self._nearest(points)
        exact = coincide(points, self.points[nearest])
        at = nearest[exact]
        logs[exact], noise[exact] = np.log(self.widths[at]), self.errors[at] / self.widths[at]
        gap[exact] = 0.0
        if not exact.all() and self._interpolator is not None:
            found = self._interpolator.evaluate(self.domain.scaled(points[~exact]))
            logs[~exact], noise[~exact], gap[~exact] = found
        return logs, noise, gap

    @cached_property
    def _interpolator(self) -> Grid | Process | None:
        if not self.domain.varying.size:
            return None
        made = Grid if self.method == "pchip" else _WidthProcess
        variances = (self.errors / self.widths) ** 2
        return made(self.domain.scaled(self.points), np.log(self.widths), variances)

    def _nearest(self, points: Array) -> NDArray[np.intp]:
        if not self.domain.varying.size:
            return np.zeros(len(points), dtype=np.intp)
        return np.asarray(self._tree.query(self.domain.scaled(points))[1], dtype=np.intp)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.domain.scaled(self.points))

    def _points(self, columns: Mapping[str, ArrayLike]) -> Array:
        for name in self.axes:
            if name not in columns:
                raise InputError(
                    f"{self.name}: there is no value for the axis {name}",
                    hint=did_you_mean(name, columns),
                )
        arrays = [np.asarray(columns[name], dtype=np.float64) for name in self.axes]
        return np.stack([np.atleast_1d(a) for a in np.broadcast_arrays(*arrays)], axis=-1)

    def _place(self, row: int) -> str:
        return f"{self.name}, node {row + 1}" if row >= 0 else self.name

    def _check(self) -> None:
        for what, values in (("width", self.widths), ("error", self.errors)):
            if values.shape != self.widths.shape:
                raise InputError(f"{self.name}: widths and errors must be equally many")
            wrong = np.flatnonzero(~((values > 0) & (values < np.inf)))
            if wrong.size:
                row = int(wrong[0])
                raise InputError(f"{self._place(row)}: the {what} {values[row]:g} is not above 0")


def _numbers(read: table.Table, name: str) -> Array:
    return np.array(list(_parsed(read, name)), dtype=np.float64)


def _parsed(read: table.Table, name: str) -> Iterable[float]:
    for row, cell in enumerate(read.columns[name]):
        try:
            yield parse_number(cell)
        except InputError as error:
            raise InputError(
                f"{read.place(row)} (column {name}): {error.message}", hint=error.hint
            ) from None
