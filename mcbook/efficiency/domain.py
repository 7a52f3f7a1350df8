"""Where a map may be asked: between its samples, and within declared thresholds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.grid import is_full
from mcbook.efficiency.nodes import SAME, Nodes, coincide
from mcbook.efficiency.scales import Hull, check_names, choose_scales
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import Expression, parse

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Texts = NDArray[np.object_]

Method = Literal["auto", "pchip", "gp"]
METHODS: tuple[Method, ...] = ("auto", "pchip", "gp")

MOST_AXES = 7

_HALVINGS = 40


class How(TypedDict, total=False):
    """How a map interpolates, as keywords; see `Options`."""

    thresholds: Sequence[str]
    log_axes: Collection[str]
    linear_axes: Collection[str]
    method: Method


@dataclass(frozen=True, slots=True)
class Options:
    """How a map interpolates.

    Attributes
    ----------
    thresholds
        Kinematic conditions over the axes, such as ``m_zp < 8.6``. Where one fails the efficiency
        is 0; nodes there are no part of the interpolation.
    log_axes, linear_axes
        Axes whose scale is not to be chosen by mcbook, see `choose_scales`.
    method
        ``pchip`` on full grids, ``gp`` anywhere; ``auto`` takes pchip where it can.
    """

    thresholds: Sequence[str] = ()
    log_axes: Collection[str] = ()
    linear_axes: Collection[str] = ()
    method: Method = "auto"

    def check(self, axes: Sequence[str]) -> None:
        """Check names and method.

        Raises
        ------
        InputError
            If they are none.
        """
        for named in (self.log_axes, self.linear_axes):
            if isinstance(named, str):
                raise InputError(f"a list of axes is wanted, not {named!r}", hint=f"[{named!r}]")
            check_names(axes, named)
        if isinstance(self.thresholds, str):
            raise InputError("a list of thresholds is wanted", hint=f"[{self.thresholds!r}]")
        if self.method not in METHODS:
            raise InputError(
                f"{self.method!r} is no method", hint=did_you_mean(str(self.method), METHODS)
            )


class Domain:
    """The nodes within the thresholds, how their axes are scaled, and their hull.

    Attributes
    ----------
    kept
        Nodes within all thresholds.
    varying, constant
        Which axes they vary along, and along which they do not.
    scales
        Scales of the former.
    is_grid
        Whether they fill a grid.
    """

    def __init__(self, nodes: Nodes, options: Options, name: str) -> None:
        self.nodes, self.axes, self.name = nodes, nodes.axes, name
        if not 1 <= len(self.axes) <= MOST_AXES:
            raise InputError(f"{name}: {len(self.axes)} axes; a map has 1 to {MOST_AXES}")
        options.check(self.axes)
        self.thresholds = tuple(self._threshold(text) for text in options.thresholds)
        self.kept = nodes.take(self._allowed_nodes())
        points = self.kept.points
        varies = np.ptp(points, axis=0) > SAME * np.abs(points).max(axis=0)
        self.varying, self.constant = np.flatnonzero(varies), np.flatnonzero(~varies)
        names = [self.axes[j] for j in self.varying]
        self.scales = choose_scales(
            names,
            points[:, self.varying],
            [axis for axis in options.log_axes if axis in names],
            [axis for axis in options.linear_axes if axis in names],
        )
        self.is_grid = not names or is_full(points[:, self.varying])
        self._plane = self._on_plane()
        self._hull = self._made_hull(names) if names else None

    def scaled(self, points: Array) -> Array:
        """Return positions along the axes that vary, with ranges of 1."""
        return self.scales.scaled(points[:, self.varying])

    def refuse(self, points: Array, reason: Texts) -> Mask:
        """Write why points are refused; return those that are beyond a threshold.

        Parameters
        ----------
        points
            Shape (m, d).
        reason
            Empty texts, shape (m,), filled in place.
        """
        forbidden = np.zeros(len(points), dtype=bool)
        finite = np.isfinite(points)
        for condition in self.thresholds:
            holds, fails = self._verdict(condition, points)
            forbidden |= fails
            reason[~holds & ~fails] = f"it cannot be told whether {condition.text} holds"
        for j, name in enumerate(self.axes):
            reason[~finite[:, j]] = f"{name} is not a finite number"
        forbidden &= finite.all(axis=1)
        reason[forbidden] = ""
        self._refuse_off_plane(points, reason, forbidden)
        rows = np.flatnonzero(~forbidden & (reason == ""))
        if self._hull is not None and rows.size:
            for row in rows[~self._hull.contains(self.scaled(points[rows]))]:
                reason[row] = self._outside(points[row])
        return forbidden

    def beyond(self, points: Array) -> Mask:
        """Return which points, not refused, are outside the nodes within the thresholds."""
        if len(self.kept) == len(self.nodes) or not self.varying.size:
            return np.zeros(len(points), dtype=bool)
        return ~self._kept_hull.contains(self.scaled(points))

    def way(self, anchors: Array, points: Array) -> Array:
        """Return which part of the way from anchors to the next threshold points have gone.

        Parameters
        ----------
        anchors, points
            Shape (m, d); the thresholds hold at both.

        Returns
        -------
        numpy.ndarray
            In [0, 1], shape (m,); 0 where no threshold is met within the range of the map.
        """
        step = points - anchors
        low, high = self.nodes.points.min(axis=0), self.nodes.points.max(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.where(step > 0, (high - anchors) / step, (low - anchors) / step)
        far = np.where(step != 0, ends, np.inf).min(axis=1)
        far = np.where(np.isfinite(far), np.maximum(far, 1.0), 1.0)
        is_met = ~self._allowed(anchors + far[:, None] * step)
        reach = np.ones(len(points))
        for _ in range(_HALVINGS):
            middle = (reach + far) / 2
            inside = self._allowed(anchors + middle[:, None] * step)
            reach, far = np.where(inside, middle, reach), np.where(inside, far, middle)
        return np.where(is_met, 1 / far, 0.0)

    def _allowed(self, points: Array) -> Mask:
        allowed = np.ones(len(points), dtype=bool)
        for condition in self.thresholds:
            allowed &= self._verdict(condition, points)[0]
        return allowed

    @cached_property
    def _kept_hull(self) -> Hull:
        names = [self.axes[j] for j in self.varying]
        return Hull(self.scaled(self.kept.points), names, is_box=self.is_grid)

    def _refuse_off_plane(self, points: Array, reason: Texts, forbidden: Mask) -> None:
        for j in self.constant:
            held = self.kept.points[:1, j : j + 1]
            off = ~coincide(points[:, j : j + 1], held) & ~forbidden & (reason == "")
            name = self.axes[j]
            for row in np.flatnonzero(off):
                reason[row] = (
                    f"{name} = {points[row, j]:.6g}: the map has {name} = {held[0, 0]:.6g} only"
                )

    def _outside(self, point: Array) -> str:
        ranges = []
        for j in self.varying:
            low, high = self._plane[:, j].min(), self._plane[:, j].max()
            slack = SAME * (high - low)
            if not low - slack <= point[j] <= high + slack:
                return (
                    f"{self.axes[j]} = {point[j]:.6g} is outside {low:.6g} to {high:.6g},"
                    " the range of the map"
                )
            ranges.append(f"{self.axes[j]} = {point[j]:.6g} of {low:.6g} to {high:.6g}")
        return f"no samples around it, outside their hull: {', '.join(ranges)}"

    def _threshold(self, text: str) -> Expression:
        condition = parse(text)
        if not condition.is_boolean:
            raise InputError(f"the threshold {text!r} is no condition", hint='such as "m_zp < 8.6"')
        for name in sorted(condition.names - set(self.axes)):
            raise InputError(
                f"{self.name}: the threshold {text!r} names {name!r}, which is no axis",
                hint=did_you_mean(name, self.axes),
            )
        return condition

    def _verdict(self, condition: Expression, points: Array) -> tuple[Mask, Mask]:
        namespace: Mapping[str, Array] = {n: points[:, j] for j, n in enumerate(self.axes)}
        holds, fails = condition.verdict(namespace)
        size = (len(points),)
        return np.broadcast_to(holds, size), np.broadcast_to(fails, size)

    def _allowed_nodes(self) -> Mask:
        """Return the nodes at which every threshold holds."""
        allowed = np.ones(len(self.nodes), dtype=bool)
        for condition in self.thresholds:
            holds, fails = self._verdict(condition, self.nodes.points)
            wrong = np.flatnonzero(~holds & ~(fails & (self.nodes.sumw == 0)))
            if wrong.size:
                point = zip(self.axes, self.nodes.points[wrong[0]], strict=True)
                where = ", ".join(f"{name} = {value:.6g}" for name, value in point)
                raise InputError(
                    f"{self.name}: the threshold {condition.text} does not hold at {where},"
                    f" where {self.nodes.n_selected[wrong[0]]:.9g} events are selected"
                )
            allowed &= holds
        if not allowed.any():
            raise InputError(f"{self.name}: no node is within the thresholds")
        return allowed

    def _on_plane(self) -> Array:
        """Return all nodes at the values of the axes along which the kept ones do not vary."""
        points = self.nodes.points
        held = self.kept.points[:1, self.constant]
        return points[coincide(points[:, self.constant], held)]

    def _made_hull(self, names: Sequence[str]) -> Hull:
        """Return the hull of all nodes, also of those beyond thresholds: they too are known."""
        everything = self.scaled(self._plane)
        try:
            return Hull(everything[np.isfinite(everything).all(axis=1)], names, is_box=self.is_grid)
        except InputError as error:
            raise InputError(f"{self.name}: {error.message}", hint=error.hint) from None
