"""``mcbook efficiency show`` and ``check``: what a map says, and how well it predicts itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency import EfficiencyMap, clopper_pearson, jeffreys
from mcbook.efficiency.maps import LeaveOneOut
from mcbook.efficiency.nodes import Nodes
from mcbook.errors import InputError, did_you_mean
from mcbook.verbs.maps import Opened, open_map, point_of

Array = NDArray[np.float64]
Row = dict[str, Any]

INTERVALS = {"clopper-pearson": clopper_pearson, "jeffreys": jeffreys}

LEVEL = 0.683
"""Confidence level of intervals unless another is asked for: one standard deviation."""

OUTLYING = 3.0
"""Pulls beyond this are named."""

IMPROBABLE = 1e-3
"""Chance below which pulls are too wide for the errors to be right."""

_OUTSIDE = 0.0027
"""Part of a Gaussian beyond `OUTLYING` standard deviations."""

_WIDEST = 1.25
"""Width that pulls of a good map may have: their errors are estimates themselves."""


def show_efficiency_map(
    source: str | Path,
    *,
    region: str | None = None,
    at: Mapping[str, float] | None = None,
    axes: Sequence[str] | None = None,
    thresholds: Sequence[str] = (),
    interval: Literal["clopper-pearson", "jeffreys"] = "clopper-pearson",
    cl: float = LEVEL,
    catalog: str | None = None,
) -> Row:
    """Show what a map was measured from, and what it says at a point.

    Parameters
    ----------
    source
        A file (.csv, .parquet, .yaml, .root), or the name or id of a map in the books.
    region
        One region; all of them by default.
    at
        A value for each axis: what the map says there.
    axes
        The axes, in place of what the table has or the books know.
    thresholds
        Kinematic conditions such as ``m_zp < 8.6``, beyond which the efficiency is 0.
    interval, cl
        Which interval of the efficiencies, and its confidence level.
    catalog
        Path or URL of the books.

    Returns
    -------
    dict
        ``map``, ``id`` (null for a file), ``axes``, ``interval``, ``cl``, ``regions``; ``rows``:
        ``sample``, ``region``, ``point``, ``n_generated``, ``n_selected``, ``efficiency``,
        ``mc_error``, ``low``, ``high``; and ``at``, with *at*: for each region ``point``,
        ``efficiency``, ``mc_error``, ``interpolation_error``, ``error`` (their quadratic sum),
        ``flag``, ``samples``, and the ``reason`` of a refusal.

    Raises
    ------
    InputError
        If the map, a region, an axis or the level is not right.
    """
    if interval not in INTERVALS:
        raise InputError(
            f"there is no interval {interval!r}", hint=did_you_mean(interval, INTERVALS)
        )
    opened = open_map(source, region=region, axes=axes, thresholds=thresholds, catalog=catalog)
    rows = [
        row for name, nodes in opened.regions.items() for row in _rows(nodes, name, interval, cl)
    ]
    found = {**_header(opened), "interval": interval, "cl": cl, "rows": rows}
    if at is not None:
        _check_point(opened, at)
        found["at"] = [_at(opened.map(name), at) for name in opened.regions]
    return found


def check_efficiency_map(
    source: str | Path,
    *,
    region: str | None = None,
    axes: Sequence[str] | None = None,
    thresholds: Sequence[str] = (),
    catalog: str | None = None,
) -> Row:
    """Predict every node of a map from all others, and compare.

    Parameters
    ----------
    source, region, axes, thresholds, catalog
        As in `show_efficiency_map`.

    Returns
    -------
    dict
        ``map``, ``id``, ``axes``, ``regions``: for each ``region``, ``method``, ``nodes``,
        ``predicted`` (how many can be), ``pull_rms``, ``residual_rms``, ``within_1``, ``within_2``
        (parts of the pulls), ``outliers`` (the samples, or points, of pulls beyond 3),
        ``probability`` and ``good``; ``rows``: ``sample``, ``region``, ``point``, ``measured``,
        ``predicted``, ``residual``, ``pull``; and ``failed``, the regions that are not good.

        ``probability`` is the smallest of three chances: that so many pulls are beyond 3, that the
        sum of their squares is so large, neighbours being taken to share half of what is
        independent, and that the largest one is so large, were all 1.25 wide. A region is good
        where it is above 0.001.

    Raises
    ------
    InputError
        If the map is not right.
    """
    opened = open_map(source, region=region, axes=axes, thresholds=thresholds, catalog=catalog)
    regions, rows = [], []
    for name in opened.regions:
        made = opened.map(name)
        left = made.leave_one_out()
        rows += _pull_rows(made, left, name)
        regions.append({"region": name, "method": made.method, **_summary(made, left)})
    failed = [entry["region"] for entry in regions if not entry["good"]]
    return {**_header(opened), "regions": regions, "rows": rows, "failed": failed}


def improbable(pulls: Array) -> float:
    """Return the chance of pulls as wide as these, see `check_efficiency_map`; 1 without any.

    >>> improbable(np.array([0.5, -1.2, 0.3, 0.9])) > 0.1
    True
    >>> improbable(np.array([0.5, -8.0, 0.3, 0.9])) < 0.001
    True
    """
    from scipy.stats import binom, chi2, norm

    known = pulls[np.isfinite(pulls)]
    if not known.size:
        return 1.0
    beyond = int((np.abs(known) > OUTLYING).sum())
    by_number = float(binom.sf(beyond - 1, known.size, _OUTSIDE))
    by_sum = float(chi2.sf((known**2).sum() / 2, known.size / 2))
    alone = 2 * float(norm.sf(np.abs(known).max() / _WIDEST))
    by_largest = -np.expm1(known.size * np.log1p(-alone))
    return min(by_number, by_sum, float(by_largest))


def _header(opened: Opened) -> Row:
    return {
        "map": opened.name.removeprefix("efficiency map "),
        "id": opened.id,
        "axes": list(opened.axes),
        "thresholds": list(opened.thresholds),
        "regions": list(opened.regions),
    }


def _rows(nodes: Nodes, region: str, interval: str, cl: float) -> list[Row]:
    low, high = INTERVALS[interval](*nodes.effective, cl=cl)
    return [
        {
            "sample": nodes.sample_ids[i] or None,
            "region": region,
            "point": point_of(nodes, i),
            "n_generated": int(nodes.n_generated[i]),
            "n_selected": int(nodes.n_selected[i]),
            "efficiency": float(nodes.efficiency[i]),
            "mc_error": float(nodes.mc_error[i]),
            "low": float(low[i]),
            "high": float(high[i]),
        }
        for i in range(len(nodes))
    ]


def _check_point(opened: Opened, at: Mapping[str, float]) -> None:
    for name in at:
        if name not in opened.axes:
            raise InputError(
                f"--at: {opened.name} has no axis {name!r}",
                hint=did_you_mean(name, opened.axes) or f"its axes: {', '.join(opened.axes)}",
            )
    for name in opened.axes:
        if name not in at:
            raise InputError(
                f"--at: there is no value for the axis {name}",
                hint=f"--at {','.join(f'{axis}=...' for axis in opened.axes)}",
            )


def _at(made: EfficiencyMap, at: Mapping[str, float]) -> Row:
    found = made.evaluate({name: [at[name]] for name in made.axes})
    value, mc, gap = (
        _number(entry[0]) for entry in (found.value, found.mc_error, found.interpolation_error)
    )
    return {
        "region": made.region,
        "point": {name: float(at[name]) for name in made.axes},
        "efficiency": value,
        "mc_error": mc,
        "interpolation_error": gap,
        "error": _number(np.hypot(found.mc_error[0], found.interpolation_error[0])),
        "flag": str(found.flag[0]),
        "samples": list(found.samples[0]),
        "reason": str(found.reason[0]) or None,
    }


def _pull_rows(made: EfficiencyMap, left: LeaveOneOut, region: str) -> list[Row]:
    return [
        {
            "sample": left.sample_ids[i] or None,
            "region": region,
            "point": dict(zip(made.axes, left.points[i].tolist(), strict=True)),
            "measured": float(left.measured[i]),
            "predicted": _number(left.predicted[i]),
            "residual": _number(left.residual[i]),
            "pull": _number(left.pull[i]),
        }
        for i in range(len(left.points))
    ]


def _summary(made: EfficiencyMap, left: LeaveOneOut) -> Row:
    known = left.pull[np.isfinite(left.pull)]
    chance = improbable(left.pull)
    wide = np.flatnonzero(np.nan_to_num(np.abs(left.pull)) > OUTLYING).tolist()
    return {
        "nodes": len(left.points),
        "predicted": int(known.size),
        "pull_rms": _number(left.pull_rms),
        "residual_rms": _number(left.rms),
        "within_1": float((np.abs(known) < 1).mean()) if known.size else None,
        "within_2": float((np.abs(known) < 2).mean()) if known.size else None,  # noqa: PLR2004
        "outliers": [_name(made, left, i) for i in wide],
        "probability": chance,
        "good": chance > IMPROBABLE,
    }


def _name(made: EfficiencyMap, left: LeaveOneOut, row: int) -> str:
    where = zip(made.axes, left.points[row].tolist(), strict=True)
    return left.sample_ids[row] or ", ".join(f"{name} = {value:.6g}" for name, value in where)


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
