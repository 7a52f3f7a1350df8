"""What an error of an efficiency does to the expected limit, point by point of its contour.

A limit on a cross section or a strength is proportional to one over the efficiency. A limit on a
coupling g lies where the strength mu(g) that is excluded is one, so that

    d ln g / d ln(efficiency) = 1 / |d ln mu / d ln g|

at the edge: 1/2 where the rate is the square of g. Several channels share it, by what a change of
each does to mu.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.limiter import MEDIAN
from mcbook.analysis.records import STRENGTH
from mcbook.analysis.result import AnalysisResult
from mcbook.analysis.roots import UNKNOWN, Interval
from mcbook.analysis.run import run
from mcbook.analysis.yields import EfficiencyLike, SignalModelOf
from mcbook.efficiency.evaluated import Efficiencies

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEP = 1.05
"""By which an efficiency is raised to see what a channel does."""

STEEPEST = 3.0
"""Largest |d ln g / d ln efficiency|: at the tip of an island it has no end."""

NEGLIGIBLE = 1e-3
"""Weight below which a point is left out."""


@dataclass(frozen=True, slots=True)
class Contour:
    """Points of the expected limit, n of them.

    Attributes
    ----------
    columns
        Parameters and free lifetimes, shape (n,) each; what is limited has its limit.
    power
        |d ln(limit) / d ln(efficiency)|, shape (n,).
    weight
        How much a point counts: 1 on the contour, less where it is unlikely to pass.
    refused
        Hypotheses of the scan that have no limit because a map refuses to answer, shape (n,).
    shares
        Part of each channel in the limit, by name, shape (n,).
    """

    columns: Mapping[str, Array]
    power: Array
    weight: Array
    refused: Mask
    shares: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.power)


@dataclass(frozen=True, slots=True)
class _Point:
    """A point of the contour: its place in *good* (-1: refused), and along the scan."""

    row: int
    good: int
    x: float
    power: float
    weight: float
    refused: bool = False


class _Raised:
    """A map whose efficiencies are larger by `STEP`."""

    def __init__(self, known: EfficiencyLike) -> None:
        self.known = known

    def evaluate(self, columns: Mapping[str, Array]) -> Efficiencies:
        """Return efficiencies at points."""
        found = self.known.evaluate(columns)
        return replace(
            found,
            value=found.value * STEP,
            mc_error=found.mc_error * STEP,
            interpolation_error=found.interpolation_error * STEP,
        )


def contour(result: AnalysisResult) -> Contour:
    """Return the points of the expected limit of an analysis.

    Parameters
    ----------
    result
        Its limits, the box closed.
    """
    points = list(_points(result)) if result.good.size else []
    known = [point for point in points if point.weight > NEGLIGIBLE]
    typical = float(np.median([point.power for point in known])) if known else 1.0
    known += [
        _Point(row, -1, _reference(result, row), typical, 1.0, refused=True)
        for row in _refused(result)
    ]
    rows = np.array([point.row for point in known], dtype=np.intp)
    columns = {name: values[rows] for name, values in result.hypotheses.columns.items()}
    vary = result.analysis.rate.vary
    if vary is not None:
        columns[vary] = np.array([point.x for point in known])
    return Contour(
        columns,
        np.array([point.power for point in known]),
        np.array([point.weight for point in known]),
        np.array([point.refused for point in known], dtype=bool),
        _shares(result, known),
    )


def _reference(result: AnalysisResult, row: int) -> float:
    vary = result.analysis.rate.vary
    return float("nan") if vary is None else float(result.hypotheses.columns[vary][row])


def _points(result: AnalysisResult) -> Iterator[_Point]:
    if result.couplings is None:
        yield from _of_strengths(result)
        return
    for i, row in enumerate(result.good.tolist()):
        yield from _of_row(result, i, row)


def _of_strengths(result: AnalysisResult) -> Iterator[_Point]:
    """Yield hypotheses: all of a curve of limits, in planes of mu those near mu = 1."""
    if result.limits is None:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mu = np.log(result.limits.mu)
    is_plane = result.analysis.rate.name == STRENGTH and len(result.varying()) > 1
    for i, row in enumerate(result.good.tolist()):
        if np.isfinite(log_mu[i, MEDIAN]):
            weight = _nearness(log_mu[i]) if is_plane else 1.0
            yield _Point(row, i, float("nan"), 1.0, weight)


def _nearness(log_mu: Array) -> float:
    """Return how likely a contour passes: from the median and the band of one standard deviation.

    The curves are those of -2 to 2 standard deviations.
    """
    spread = (log_mu[MEDIAN + 1] - log_mu[MEDIAN - 1]) / 2
    width = spread if np.isfinite(spread) and spread > 0 else np.log(2)
    return float(np.exp(-0.5 * (log_mu[MEDIAN] / width) ** 2))


def _of_row(result: AnalysisResult, i: int, row: int) -> Iterator[_Point]:
    """Yield the edges of what is excluded at one hypothesis, or where it nearly is."""
    couplings = result.couplings
    if couplings is None:
        return
    x, log_mu = couplings.x, couplings.log_mu[i]
    edges = list(_edges(couplings.found[i][MEDIAN], x))
    for at, is_unknown in edges:
        power = min(1 / max(_slope(x, log_mu[:, MEDIAN], at), 1e-9), STEEPEST)
        yield _Point(row, i, at, power, 1.0, refused=is_unknown)
    known = np.isfinite(log_mu).all(axis=1)
    if not edges and known.any():
        best = int(np.argmin(np.where(known, log_mu[:, MEDIAN], np.inf)))
        yield _Point(row, i, float(x[best]), STEEPEST, _nearness(log_mu[best]))


def _edges(found: list[Interval], x: Array) -> Iterator[tuple[float, bool]]:
    """Yield edges, and whether nobody can say what is beyond; then a step of the scan further."""
    step = float(x[1] / x[0])
    for entry in found:
        for end, why, sign in ((entry.low, entry.open_low, -1), (entry.high, entry.open_high, 1)):
            if not why:
                yield end, False
            elif why == UNKNOWN:
                yield end * step**sign, True


def _slope(x: Array, log_mu: Array, at: float) -> float:
    """Return |d ln mu / d ln x| at a point of the scan."""
    known = np.isfinite(log_mu)
    if known.sum() < 2:  # noqa: PLR2004 - no slope
        return 1.0
    logs = np.log(x[known])
    return float(abs(np.interp(np.log(at), logs, np.gradient(log_mu[known], logs))))


def _refused(result: AnalysisResult) -> list[int]:
    """Return the hypotheses that have no limit because a map refuses to answer."""
    points = result.hypotheses
    rows = np.flatnonzero((points.reasons == "") & (points.vetoes == ""))
    rows = rows[~np.isin(rows, result.good)]
    if not rows.size:
        return []
    signal = SignalModelOf(result.analysis, None, result.maps or None)
    columns = {name: values[rows] for name, values in points.columns.items()}
    silent = np.zeros(len(rows), dtype=bool)
    for channel in result.analysis.channels:
        silent |= signal.efficiency(channel, columns).reason != ""
    return [int(row) for row in rows[silent]]


def _shares(result: AnalysisResult, points: list[_Point]) -> dict[str, Array]:
    """Return the part of each channel in the limits at points."""
    names = [channel.name for channel in result.analysis.channels]
    even = {name: np.full(len(points), 1 / len(names)) for name in names}
    if len(names) == 1 or not points:
        return even
    before = _log_mu(result, points)
    found = {}
    for name in names:
        maps = dict(result.maps) | {name: _Raised(result.maps[name])}
        after = run(result.analysis, maps=maps, cl=result.header["cl"],
                    method=str(result.header["method"]))  # fmt: skip
        if not np.array_equal(after.good, result.good):
            return even
        with np.errstate(invalid="ignore"):
            found[name] = np.clip((before - _log_mu(after, points)) / np.log(STEP), 0.0, 1.0)
    return {name: np.where(np.isfinite(v), v, 1 / len(names)) for name, v in found.items()}


def _log_mu(result: AnalysisResult, points: list[_Point]) -> Array:
    """Return the logarithm of the expected limit on the strength at points; NaN where refused."""
    values = np.full(len(points), np.nan)
    for j, point in enumerate(points):
        if point.refused or result.limits is None:
            continue
        if result.couplings is None:
            values[j] = np.log(result.limits.mu[point.good, MEDIAN])
            continue
        curve = result.couplings.log_mu[point.good, :, MEDIAN]
        known = np.isfinite(curve)
        if known.any():
            values[j] = np.interp(np.log(point.x), np.log(result.couplings.x[known]), curve[known])
    return values
