"""Efficiency maps: what an efficiency is between the samples, and where nobody can say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.efficiency import table
from mcbook.efficiency.domain import Domain, How, Options
from mcbook.efficiency.evaluated import Efficiencies
from mcbook.efficiency.grid import Grid
from mcbook.efficiency.intervals import logit
from mcbook.efficiency.nodes import TOGETHER, Nodes, check, coincide, make_nodes
from mcbook.efficiency.scattered import Process
from mcbook.errors import InputError, did_you_mean

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Texts = NDArray[np.object_]
Weights = tuple[ArrayLike, ArrayLike, ArrayLike]

MOST_NODES_GP = 5000
"""More nodes than this are too many for a Gaussian process: its matrices grow with the square."""


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """How well a map predicts each node from all others; NaN where it cannot.

    Attributes
    ----------
    points
        Positions of the nodes, shape (n, d); nodes beyond a threshold are left out.
    sample_ids
        Their samples.
    measured, predicted
        Efficiencies, shape (n,).
    pull
        Difference of the logits over its error, the node's own statistics included.
    """

    points: Array
    sample_ids: tuple[str, ...]
    measured: Array
    predicted: Array
    pull: Array

    @property
    def residual(self) -> Array:
        """Measured minus predicted efficiency, shape (n,)."""
        return np.asarray(self.measured - self.predicted)

    @property
    def rms(self) -> float:
        """Root mean square of the residuals; NaN where no node can be predicted."""
        known = self.residual[np.isfinite(self.residual)]
        return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")

    @property
    def pull_rms(self) -> float:
        """Root mean square of the pulls: near 1 where the errors are right."""
        known = self.pull[np.isfinite(self.pull)]
        return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")


class EfficiencyMap:
    """Efficiencies at nodes in 1 to 7 dimensions, and what follows between them.

    Parameters
    ----------
    axes
        Names of the axes.
    nodes
        Positions, shape (n, d), or (n,) with one axis. Every point once.
    n_selected, n_generated
        Counts, shape (n,).
    weights
        sumw_generated, sumw and sumw2 (of the selected events), shape (n,), where events have
        weights.
    sample_ids
        Where the events are from.
    region
        What they are selected by.
    name
        What messages call the map.
    **how
        How to interpolate: thresholds, log_axes, linear_axes, method; see `Options`.

    Raises
    ------
    InputError
        If counts, weights, nodes or options cannot be.

    Examples
    --------
    >>> m = EfficiencyMap(["m_zp"], [1.0, 2.0, 3.0], [500, 600, 650], [10000] * 3)
    >>> float(m.evaluate({"m_zp": 2.0}).value[0])
    0.06
    """

    def __init__(  # noqa: PLR0913 - as many arguments as a map has facts
        self,
        axes: Sequence[str],
        nodes: ArrayLike,
        n_selected: ArrayLike,
        n_generated: ArrayLike,
        *,
        weights: Weights | None = None,
        sample_ids: Sequence[str] | None = None,
        region: str = "",
        name: str = "map",
        **how: Unpack[How],
    ) -> None:
        arrays = [np.atleast_1d(np.asarray(x, float)) for x in (n_selected, n_generated)]
        sums = None if weights is None else [np.atleast_1d(np.asarray(x, float)) for x in weights]
        made = make_nodes(
            axes,
            np.asarray(nodes, dtype=np.float64),
            (arrays[0], arrays[1]),
            None if sums is None else (sums[0], sums[1], sums[2]),
            sample_ids,
        )
        check(made, lambda i: f"{name}, node {i + 1}" if i >= 0 else name)
        self._set(made, region, name, Options(**how))

    @classmethod
    def from_nodes(
        cls, nodes: Nodes, *, region: str = "", name: str = "map", **how: Unpack[How]
    ) -> "EfficiencyMap":
        """Return the map of nodes that are checked already."""
        made = cls.__new__(cls)
        made._set(nodes, region, name, Options(**how))  # noqa: SLF001 - it is of this class
        return made

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        *,
        region: str | None = None,
        axes: Sequence[str] | None = None,
        name: str = "records",
        **how: Unpack[How],
    ) -> "EfficiencyMap":
        """Return the map of rows given as mappings, see `mcbook.efficiency.table`."""
        nodes, found = table.nodes_of(table.from_records(records, name), region, axes)
        return cls.from_nodes(nodes, region=found, name=name, **how)

    def _set(self, nodes: Nodes, region: str, name: str, options: Options) -> None:
        self.nodes, self.region, self.name, self.options = nodes, region, name, options
        self.axes = nodes.axes
        self.domain = Domain(nodes, options, name)
        self.method = self._method()

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def thresholds(self) -> tuple[str, ...]:
        """The declared thresholds."""
        return tuple(condition.text for condition in self.domain.thresholds)

    def evaluate(self, columns: Mapping[str, ArrayLike]) -> Efficiencies:
        """Return efficiencies at points.

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
        out = Efficiencies(
            np.full(size, np.nan),
            np.full(size, np.nan),
            np.full(size, np.nan),
            np.full(size, "refused", dtype=object),
            np.full(size, "", dtype=object),
            ((),) * size,
        )
        forbidden = self.domain.refuse(points, out.reason)
        for values in (out.value, out.mc_error, out.interpolation_error):
            values[forbidden] = 0.0
        out.flag[forbidden] = "interpolated"
        rows = np.flatnonzero(~forbidden & (out.reason == ""))
        if not rows.size:
            return out
        samples = np.fromiter((() for _ in range(size)), dtype=object, count=size)
        self._fill(out, rows, points[rows], samples)
        return replace(out, samples=tuple(samples))

    def leave_one_out(self) -> LeaveOneOut:
        """Return how well each node is predicted by all others."""
        from scipy.special import expit

        kept = self.domain.kept
        measured, _ = logit(*kept.effective)
        if self._interpolator is None:
            predicted = spread = np.full(len(kept), np.nan)
        else:
            predicted, spread = self._interpolator.leave_one_out()
        return LeaveOneOut(
            kept.points, kept.sample_ids, kept.efficiency, expit(predicted),
            (measured - predicted) / spread,
        )  # fmt: skip

    def records(self) -> list[dict[str, Any]]:
        """Return the rows of the table that gives this map again."""
        nodes = self.nodes
        rows = []
        for i in range(len(nodes)):
            row: dict[str, Any] = {"sample_id": nodes.sample_ids[i], "region": self.region}
            row |= {
                name: float(getattr(nodes, name)[i]) for name in (*table.COUNTS, *table.WEIGHTS)
            }
            rows.append(row | dict(zip(self.axes, nodes.points[i].tolist(), strict=True)))
        return rows

    def __repr__(self) -> str:
        region = f" in {self.region}" if self.region else ""
        return f"<EfficiencyMap of {len(self)} nodes{region}: {self.method} over {self._ranges()}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{low:.6g}</td><td>{high:.6g}</td><td>{scale}</td></tr>"
            for name, low, high, scale in self._axis_rows()
        )
        title = f"{len(self)} nodes, {self.method}" + f", region {escape(self.region)}" * bool(
            self.region
        )
        head = "<tr><th>axis</th><th>from</th><th>to</th><th>scale</th></tr>"
        return f"<table><caption>{title}</caption>{head}{rows}</table>"

    def _ranges(self) -> str:
        return ", ".join(f"{name} {low:.6g} to {high:.6g} ({scale})"
                         for name, low, high, scale in self._axis_rows())  # fmt: skip

    def _axis_rows(self) -> list[tuple[str, float, float, str]]:
        is_log = dict(zip(self.domain.scales.names, self.domain.scales.is_log, strict=True))
        words = {True: "log", False: "linear", None: "one value"}
        return [
            (name, float(values.min()), float(values.max()), words[is_log.get(name)])
            for name, values in zip(self.axes, self.nodes.points.T, strict=True)
        ]

    def _method(self) -> Literal["pchip", "gp"]:
        wanted, is_grid = self.options.method, self.domain.is_grid
        if wanted == "pchip" and not is_grid:
            raise InputError(
                f"{self.name}: the nodes do not fill a grid, which pchip needs",
                hint="leave the method to mcbook, or take gp",
            )
        if wanted != "gp" and is_grid:
            return "pchip"
        if len(self.domain.kept) > MOST_NODES_GP:
            raise InputError(
                f"{self.name}: {len(self.domain.kept)} scattered nodes;"
                f" a Gaussian process takes at most {MOST_NODES_GP}",
                hint="a full grid may have more",
            )
        return "gp"

    @cached_property
    def _interpolator(self) -> Grid | Process | None:
        kept = self.domain.kept
        if not self.domain.varying.size:
            return None
        scaled = self.domain.scaled(kept.points)
        k, n = kept.effective
        return Grid(scaled, *logit(k, n)) if self.method == "pchip" else Process(scaled, k, n)

    def _points(self, columns: Mapping[str, ArrayLike]) -> Array:
        for name in self.axes:
            if name not in columns:
                raise InputError(
                    f"{self.name}: there is no value for the axis {name}",
                    hint=did_you_mean(name, columns),
                )
        try:
            arrays = [np.asarray(columns[name], dtype=np.float64) for name in self.axes]
            return np.stack([np.atleast_1d(a) for a in np.broadcast_arrays(*arrays)], axis=-1)
        except (TypeError, ValueError):
            raise InputError(
                f"{self.name}: the values of {', '.join(self.axes)} are not numbers, equally many"
            ) from None

    def _fill(self, out: Efficiencies, rows: Index, points: Array, samples: Texts) -> None:
        """Write the values of points that are not refused."""
        from scipy.special import expit

        kept, scaled = self.domain.kept, self.domain.scaled(points)
        nearest = self._nearest(scaled)
        exact = coincide(points, kept.points[nearest])
        at, between = rows[exact], rows[~exact]
        node = nearest[exact]
        out.value[at], out.mc_error[at] = kept.efficiency[node], kept.mc_error[node]
        out.interpolation_error[at] = 0.0
        out.flag[at] = np.where(kept.is_reweighted[node], "reweighted", "generated")
        self._name_samples(samples, at, node[:, None])
        if not between.size or self._interpolator is None:
            return
        scaled = scaled[~exact]
        centre, noise, gap = self._interpolator.evaluate(scaled)
        around = self._interpolator.neighbours(scaled)
        out.value[between] = expit(centre)
        out.mc_error[between] = (expit(centre + noise) - expit(centre - noise)) / 2
        out.interpolation_error[between] = (expit(centre + gap) - expit(centre - gap)) / 2
        self._towards_threshold(out, between, points[~exact], nearest[~exact])
        moved = kept.is_reweighted[around].any(axis=1)
        out.flag[between] = np.where(moved, "reweighted", "interpolated")
        # Nodes made of the same events do not average their errors away.
        least = kept.mc_error[around].mean(axis=1)
        out.mc_error[between] = np.where(
            moved, np.maximum(out.mc_error[between], least), out.mc_error[between]
        )
        self._name_samples(samples, between, around)

    def _towards_threshold(
        self, out: Efficiencies, rows: Index, points: Array, nearest: Index
    ) -> None:
        """Hedge the values of points between the last nodes and a threshold.

        Whether an efficiency falls to 0 at a threshold or stops there is not known. With t the part
        of the way to it that a point has gone, the value is half-way between what continues the
        nodes and 1 - t times that; half of the difference is an error.
        """
        beyond = self.domain.beyond(points)
        if not beyond.any():
            return
        kept, rows, points = self.domain.kept.points, rows[beyond], points[beyond]
        anchors = kept[nearest[beyond]]
        if self.method == "pchip":
            anchors = np.clip(points, kept.min(axis=0), kept.max(axis=0))
        half = self.domain.way(anchors, points) / 2
        apart = out.value[rows] * half
        out.interpolation_error[rows] = np.hypot(out.interpolation_error[rows], apart)
        out.value[rows] *= 1 - half

    def _nearest(self, scaled: Array) -> Index:
        if not self.domain.varying.size:
            return np.zeros(len(scaled), dtype=np.intp)
        return np.asarray(self._tree.query(scaled)[1], dtype=np.intp)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.domain.scaled(self.domain.kept.points))

    def _name_samples(self, samples: Texts, rows: Index, nodes: Index) -> None:
        if not any(self.domain.kept.sample_ids):
            return
        ids = np.array(self.domain.kept.sample_ids, dtype=object)[nodes]
        for row, line in zip(rows, ids.tolist(), strict=True):
            labels = (label for joined in line for label in joined.split(TOGETHER))
            samples[row] = tuple(dict.fromkeys(filter(None, labels)))
