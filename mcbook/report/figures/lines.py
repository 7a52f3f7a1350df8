"""Upper limits along one quantity: bands, and lines that end where there is no limit."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.analysis.records import STRENGTH
from mcbook.report.figures import scales
from mcbook.report.figures.published import draw_overlays, heights, overlays_on
from mcbook.report.figures.scans import MEDIAN, Islands, Scan
from mcbook.report.figures.sheet import Sheet, finish

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ONE_SIGMA, TWO_SIGMA = "#4c8c3f", "#f5c242"
"""Green and yellow of such different lightness that they differ without colour as well."""

DECADE = 10.0
_BANDS = ((0, 4, TWO_SIGMA, r"expected $\pm2\sigma$"), (1, 3, ONE_SIGMA, r"expected $\pm1\sigma$"))


def band_figure(scan: Scan, sheet: Sheet) -> Figure:
    """Return upper limits against the quantity that is scanned."""
    figure, axes = sheet.new()
    overlays = overlays_on(sheet, scan.x_name, scan.what, scan.x)
    values = [scan.expected.ravel(), scan.observed, scan.postfit, heights(overlays, scan.x)]
    titles = sheet.title(scan.x_name), sheet.title(scan.what)
    set_axes(axes, scan.x, np.concatenate(values), titles)
    mark_gaps(axes, scan)
    draw_overlays(axes, overlays)
    for low, high, colour, label in _BANDS:
        _band(axes, scan.x, scan.expected[:, low], scan.expected[:, high], colour, label)
    line(axes, scan.x, scan.expected[:, MEDIAN], "expected median", color="k", linestyle="--")
    is_fitted = ~np.isclose(scan.postfit, scan.expected[:, MEDIAN], equal_nan=True)
    if (is_fitted & ~np.isnan(scan.postfit)).any():  # else no method fits anything
        line(axes, scan.x, scan.postfit, "expected, post-fit", color="#7a21dd", linestyle=":",
             linewidth=1.2)  # fmt: skip
    if not np.isnan(scan.observed).all():
        line(axes, scan.x, scan.observed, "observed", color="k", marker=".", markersize=4)
    if scan.what == STRENGTH:
        axes.axhline(1.0, color="0.4", linewidth=0.9, linestyle="-.", label="predicted signal")
    mark_samples(axes, scan.x_name, sheet)
    finish(figure, axes, f"Upper limits at {sheet.level}", [sheet], overlays)
    return figure


def set_axes(axes: Axes, x: Array, values: Array, titles: tuple[str, str]) -> None:
    """Set scales, ranges and titles for points of a scan and the limits that are drawn."""
    set_x(axes, x, titles[0])
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    if low > 0 and (high / low > DECADE or high < scales.SMALL):
        scales.set_log(axes, "y", low / 1.6, high * 1.6)
    else:
        axes.set_ylim(min(0.0, 1.1 * low), 1.1 * high if high > 0 else 1.0)
    axes.set_ylabel(titles[1])


def set_x(axes: Axes, x: Array, title: str) -> None:
    """Set scale, range and title of the x axis."""
    if scales.is_log(x):
        scales.set_log(axes, "x", float(x[0]), float(x[-1]))
    else:
        axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_xlabel(title)


def mark_gaps(axes: Axes, scan: Scan | Islands) -> None:
    """Hatch the ranges that are vetoed, and those in which there is no answer."""
    edges = scales.cell_edges(scan.x, log=axes.get_xscale() == "log")
    for mask, look, label in (
        (scan.refused, scales.REFUSED_HATCH, "no limit"),
        (scan.vetoed, scales.VETOED_HATCH, "vetoed"),
    ):
        label_once: str | None = label
        for first, last in scales.runs(mask):
            axes.axvspan(edges[first], edges[last], label=label_once, **look)
            label_once = None


def line(axes: Axes, x: Array, y: Array, label: str, **look: Any) -> None:
    """Draw a line that is broken where there is no number; lonely points are marked."""
    (drawn,) = axes.plot(x, y, label=label, **{"linewidth": 1.5, **look})
    alone = _alone(np.isfinite(y))
    if alone.any():
        axes.plot(x[alone], y[alone], linestyle="none", marker="_", markersize=9,
                  color=drawn.get_color())  # fmt: skip


def _band(axes: Axes, x: Array, low: Array, high: Array, colour: str, label: str) -> None:
    known = np.isfinite(low) & np.isfinite(high)
    has_width = bool(np.any(high[known] > low[known]))
    shown = label if has_width else None  # without background an expectation has no spread
    axes.fill_between(x, low, high, where=known, color=colour, linewidth=0, label=shown)
    alone = _alone(known)
    if alone.any():
        axes.vlines(x[alone], low[alone], high[alone], color=colour, linewidth=7)


def _alone(known: Mask) -> Mask:
    """Return which points have a number and no neighbour with one."""
    padded = np.concatenate([[False], known, [False]])
    return np.asarray(known & ~padded[:-2] & ~padded[2:])


def mark_samples(axes: Axes, x_name: str, sheet: Sheet) -> None:
    """Mark where there are generated samples, along the x axis."""
    if sheet.samples is None or x_name not in sheet.samples:
        return
    x = np.unique(sheet.samples[x_name])
    axes.plot(x, np.full(x.shape, 0.015), linestyle="none", marker="^", markersize=5, color="0.25",
              transform=axes.get_xaxis_transform(), label="generated samples")  # fmt: skip
