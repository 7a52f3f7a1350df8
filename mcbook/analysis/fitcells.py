"""From the ``fit`` of a channel to its bins at hypotheses: signal, backgrounds, shifts of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import spectra
from mcbook.analysis.counts import Counts, quantities
from mcbook.analysis.records import Analysis, Channel, ChannelFit, Spectrum, Values
from mcbook.analysis.signalshapes import SHRINK, Templates, gaussian, read_templates
from mcbook.analysis.smooth import LEAST, basis, chosen_order, fitted
from mcbook.errors import InputError

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Reasons = NDArray[np.object_]

SOME = 1e-3
"""Part of the signal from which on a bin is one with signal."""

RESOLUTION, INTERPOLATION = "resolution", "template_interpolation"
"""Sources of the shifts of a signal: width in data over that in simulation, and between samples."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A channel in bins, at n hypotheses.

    Attributes
    ----------
    edges
        Of the first observable, shape (n, b + 1).
    second
        Edges of the second one, shape (k + 1,); [0, 1] without one.
    signal
        Parts of the signal, shape (n, B) with B = b k; the bins of the second observable fastest.
    signal_shifts
        Parts at +1 and -1 standard deviation by source, shape (n, B) each.
    backgrounds
        Events by sample, shape (n, B) each.
    background_shifts
        Events at +1 and -1 by sample and source, shape (n, B) each.
    stat
        Absolute error of all backgrounds together, shape (n, B).
    expected
        Expected background as its histograms have it, before anything is fitted, shape (n, B).
    is_free
        Whether each background has a free factor.
    """

    edges: Array
    second: Array
    signal: Array
    signal_shifts: Mapping[str, tuple[Array, Array]]
    backgrounds: Mapping[str, Array]
    background_shifts: Mapping[tuple[str, str], tuple[Array, Array]]
    stat: Array
    expected: Array
    is_free: bool

    @property
    def n_bins(self) -> int:
        """Number of bins B."""
        return int(self.signal.shape[1])

    def take(self, rows: Index) -> "Cells":
        """Return the cells of some hypotheses."""
        return replace(
            self,
            edges=self.edges[rows],
            signal=self.signal[rows],
            signal_shifts={k: (u[rows], d[rows]) for k, (u, d) in self.signal_shifts.items()},
            backgrounds={name: values[rows] for name, values in self.backgrounds.items()},
            background_shifts={
                key: (u[rows], d[rows]) for key, (u, d) in self.background_shifts.items()
            },
            stat=self.stat[rows],
            expected=self.expected[rows],
        )


@dataclass(frozen=True, slots=True)
class Compiled:
    """Cells, the background as a number, and what is to be told of the fit."""

    cells: Cells
    counts: Counts
    told: Mapping[str, object] = field(default_factory=dict)


def compile_fit(analysis: Analysis, channel: Channel, columns: Mapping[str, Array]) -> Compiled:
    """Return the bins of a channel that is fitted, at hypotheses.

    Parameters
    ----------
    analysis
        What the file says.
    channel
        One with a `fit`.
    columns
        Parameters, and lifetimes that are free, shape (n,) each.

    Raises
    ------
    InputError
        If a file is not right.
    """
    plan, source = channel.fit, channel.background
    if plan is None or not isinstance(source, Spectrum):
        raise InputError(f"{channel.where}: the channel is not fitted")
    binned = spectra.read_background(source)
    point = Places(analysis, plan, columns)
    centre, resolution = point.here()
    u = np.linspace(-plan.window.width, plan.window.width, plan.window.bins + 1)
    edges = centre[:, None] + resolution[:, None] * u
    reasons = np.full(len(edges), "", dtype=object)
    reasons[~(np.isfinite(edges).all(axis=1) & (resolution > 0))] = "the window is not defined"
    binned.refuse(edges, reasons)
    if isinstance(channel.observed, Spectrum):
        edges, coarse = binned.snapped(edges)
        reasons = np.where(reasons == "", coarse, reasons)
    safe = np.where((reasons == "")[:, None], edges, binned.edges[0] + np.arange(edges.shape[1]))
    positive = np.where(resolution > 0, resolution, 1.0)
    shape = _Signal(plan, point, binned, (safe - centre[:, None]) / positive[:, None])
    signal, why = shape.nominal()
    reasons = np.where(reasons == "", why, reasons)
    backgrounds = {name: binned.within(safe, values) for name, values in binned.values.items()}
    total = np.sum(list(backgrounds.values()), axis=0)
    stat = np.sqrt(binned.within(safe, binned.stat**2))
    told: dict[str, object] = {}
    shifts = {
        key: (binned.within(safe, up), binned.within(safe, down))
        for key, (up, down) in binned.shifts.items()
    }
    if plan.smooth is not None:
        backgrounds, reasons, told = _smooth(plan, channel, safe, total, reasons)
        shifts, stat = {}, np.zeros_like(stat)
    _refuse_empty(total, signal, reasons, is_free=plan.smooth is not None)
    shifted = shape.shifts(signal)
    if plan.smooth is None:
        _fill_empty(backgrounds, total, stat, (signal, shifted))
    cells = Cells(
        safe, binned.second, signal, shifted, backgrounds, shifts, stat, total,
        plan.smooth is not None,
    )  # fmt: skip
    none = np.zeros(len(edges))
    counts = Counts(total.sum(axis=1), none, {}, None, reasons)
    return Compiled(cells, counts, told)


def _refuse_empty(total: Array, signal: Array, reasons: Reasons, *, is_free: bool) -> None:
    """Write why windows with bins without any background cannot be fitted."""
    empty = (total.sum(axis=1) <= 0) & (reasons == "")
    reasons[empty] = "no background is expected in the window of the fit: nothing can be fitted"
    if is_free:
        return
    bare = ((total <= 0) & (signal > SOME)).sum(axis=1)
    for i in np.flatnonzero((bare > 0) & (reasons == "")).tolist():
        reasons[i] = (
            f"in {bare[i]} of {int((signal[i] > SOME).sum())} bins with signal no background is"
            " expected: a simulation without an event there does not know that, and the limit would"
            " rest on it; fewer bins, more simulation, or smooth"
        )


def _fill_empty(
    backgrounds: dict[str, Array],
    total: Array,
    stat: Array,
    of_signal: tuple[Array, dict[str, tuple[Array, Array]]],
) -> None:
    """Say what bins without background hold, next to no signal being in them; in place.

    One event of the average weight in the window with an error as large, as `mcbook select` counts
    a background without events; where no error says what an event weighs, the bin is left out.
    """
    empty = total <= 0
    sums = total.sum(axis=1)
    weight = (stat**2).sum(axis=1) / np.where(sums > 0, sums, 1.0)
    found = np.where(empty, weight[:, None], 0.0)
    first = next(iter(backgrounds))
    backgrounds[first] = backgrounds[first] + found
    total += found
    stat += found
    bare = total <= 0
    signal, shifts = of_signal
    for values in (signal, *(one for pair in shifts.values() for one in pair)):
        values[bare] = 0.0


def observed(channel: Channel, cells: Cells) -> Array:
    """Return observed counts in the bins of a fit, shape (n, B). Only once the box is open."""
    source = channel.background
    data = channel.observed
    if not isinstance(source, Spectrum) or data is None:
        raise InputError(f"{channel.where}: there are no data")
    if not isinstance(data, Spectrum | Values):
        raise InputError(f"{channel.where}: a fit needs a histogram or events")
    return spectra.read_observed(data, spectra.read_background(source), cells.edges)


def _smooth(
    plan: ChannelFit, channel: Channel, edges: Array, total: Array, reasons: Reasons
) -> tuple[dict[str, Array], Reasons, dict[str, object]]:
    """Return the polynomials at the expected background."""
    if total.shape[1] != edges.shape[1] - 1:
        raise InputError(f"{channel.where}: smooth goes with one observable")
    assert plan.smooth is not None  # noqa: S101 - the caller knows
    good = np.flatnonzero((reasons == "") & (total.sum(axis=1) > 0))
    order, told = plan.smooth.order, {}
    if order is None:
        order, criteria = 0, [0.0]
        if good.size:
            order, criteria = chosen_order(edges[good], total[good], plan.smooth.most)
        told = {"aic": criteria}
    parts = basis(edges, order)
    events = np.zeros(parts.shape[:2])
    if good.size:
        events[good], _, converged = fitted(parts[good], total[good])
        reasons = reasons.copy()
        reasons[good[~converged]] = "the polynomial could not be fitted to the background"
    share = total.sum(axis=1) / (order + 1)
    events = np.maximum(events, LEAST * share[:, None])
    found = {f"smooth_{k}": parts[:, k] * events[:, k, None] for k in range(order + 1)}
    return found, reasons, {"order": order, **told}


class Places:
    """What the window of a fit may depend on, at hypotheses and at samples."""

    def __init__(self, analysis: Analysis, plan: ChannelFit, columns: Mapping[str, Array]) -> None:
        self.analysis, self.plan, self.columns = analysis, plan, columns

    def here(self) -> tuple[Array, Array]:
        """Return centre and resolution at the hypotheses, shape (n,)."""
        size = len(next(iter(self.columns.values())))
        point = self._known(self.columns)
        centre, resolution = (
            np.broadcast_to(np.asarray(value.at(point), dtype=np.float64), (size,))
            for value in (self.plan.window.centre, self.plan.window.resolution)
        )
        return centre, resolution

    def axis(self) -> Array:
        """Return where the hypotheses are along the axis of the samples."""
        name = self.plan.signal.axis
        return quantities(self.analysis.deriver, dict(self.columns), (name,))[name]

    def at(self, positions: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return what the window may depend on at samples.

        Raises
        ------
        InputError
            If it depends on more than the axis of the samples and what all hypotheses share.
        """
        (size,) = {len(values) for values in positions.values()}
        shared = {
            name: np.full(size, values[0])
            for name, values in self.columns.items()
            if name not in positions and len(np.unique(values)) == 1
        }
        return self._known({**shared, **positions})

    def error(self) -> Array | None:
        """Return the relative error of the resolution at hypotheses, shape (n,)."""
        if self.plan.resolution_error is None:
            return None
        size = len(next(iter(self.columns.values())))
        found = np.asarray(self.plan.resolution_error.at(self._known(self.columns)), dtype=float)
        if not ((found >= 0) & (found < 1)).all():
            raise InputError(
                f"{self.plan.where}: the resolution_error is relative, from 0 to below 1, and not"
                f" {found.ravel()[~((found >= 0) & (found < 1)).ravel()][0]:.4g}"
            )
        return np.broadcast_to(found, (size,))

    def _known(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        deriver = self.analysis.deriver
        window = self.plan.window
        names = set(window.centre.names | window.resolution.names)
        if self.plan.resolution_error is not None:
            names |= self.plan.resolution_error.names
        derived = tuple(sorted(names & deriver.model.derived.keys() - columns.keys()))
        fixed: dict[str, Array] = {k: np.asarray(v) for k, v in deriver.fixed.items()}
        return {**fixed, **quantities(deriver, dict(columns), derived)}


class _Signal:
    """The signal of a channel in bins with edges u."""

    def __init__(self, plan: ChannelFit, point: Places, binned: spectra.Binned, u: Array) -> None:
        self.u, self.error = u, point.error()
        self.templates: Templates | None = None
        n_second = len(binned.second) - 1
        if plan.signal.kind != "gaussian":
            self.templates = read_templates(plan.signal, plan, point.at)
            self.where = point.axis()
        found = 1 if self.templates is None else self.templates.n_second
        if found != n_second:
            raise InputError(
                f"{plan.signal.where}: the signal has {found} bins of a second observable, and the"
                f" background {n_second}"
            )
        if self.templates is not None and n_second > 1:
            own = self.templates.second
            if not np.allclose(own, binned.second, rtol=1e-9, atol=1e-12):
                raise InputError(
                    f"{plan.signal.where}: the second observable of the signal has bins from"
                    f" {own[0]:g} to {own[-1]:g}, and that of the background others"
                )

    def nominal(self) -> tuple[Array, Reasons]:
        """Return parts of the signal, shape (n, B), and why they are not known."""
        if self.templates is None:
            return gaussian(self.u), np.full(len(self.u), "", dtype=object)
        return self.templates.parts(self.where, self.u)

    def shifts(self, nominal: Array) -> dict[str, tuple[Array, Array]]:
        """Return the parts at +1 and -1 standard deviation by source."""
        found: dict[str, tuple[Array, Array]] = {}
        if self.error is not None and (self.error > 0).any():
            wider, narrower = (self._scaled(1 + sign * self.error) for sign in (1, -1))
            found[RESOLUTION] = wider, narrower
        if self.templates is not None and len(self.templates.at) > 2:  # noqa: PLR2004
            other = self.templates.without_nearest(self.where, self.u)
            change = SHRINK * (other - nominal)
            up, down = (np.maximum(nominal + sign * change, 0.0) for sign in (1, -1))
            found[INTERPOLATION] = up, down
        return found

    def _scaled(self, factor: Array) -> Array:
        """Return the parts of a signal that is wider by a factor."""
        u = self.u / factor[:, None]
        return gaussian(u) if self.templates is None else self.templates.parts(self.where, u)[0]
