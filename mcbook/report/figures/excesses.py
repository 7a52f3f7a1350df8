"""The figure of a scan of fits: local p values, and the fitted signal below."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mcbook.report.figures import scales
from mcbook.report.figures.frame import SIGNAL, Frame
from mcbook.report.figures.lines import ONE_SIGMA, line, set_x
from mcbook.report.figures.optima import TRAINING
from mcbook.report.figures.sheet import new_figure, put_legend, safe, styled
from mcbook.report.fitviews import ScanView, significance, significance_text, value_text

Array = NDArray[np.float64]

SIGMAS = (1, 2, 3, 4, 5)
"""Where there are lines, in standard deviations."""
HIGHEST = 2.0
ROOM = 0.17
"""Part of the axes below all p values, for a text."""
LEAST = 1e-16
"""Smallest p value that is drawn as it is."""

_RING: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 9, "markerfacecolor": "none",
    "markeredgecolor": SIGNAL, "markeredgewidth": 1.6, "clip_on": False,
}  # fmt: skip


def draw_scan(view: ScanView, frame: Frame, folder: Path, stem: str = "scan") -> list[Path]:
    """Draw local p values along a quantity and the fitted signal below, as PNG and PDF.

    Hypotheses without a p value break the lines, and are hatched.

    Parameters
    ----------
    view
        The scan.
    frame
        What stands around.
    folder, stem
        Where files are written, and how they are called.

    Returns
    -------
    list
        The files that were written.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    with styled():
        figure = new_figure(7.2, 7.2)
        upper = figure.add_axes((0.135, 0.455, 0.785, 0.49))
        lower = figure.add_axes((0.135, 0.105, 0.785, 0.335), sharex=upper)
        if len(view.x) > 1:
            set_x(lower, view.x, safe(view.axis))
        lower.set_xlabel(safe(view.axis))
        _p_values(upper, view)
        _strengths(lower, view)
        for axes in (upper, lower):
            _hatch(axes, view)
        upper.tick_params(labelbottom=False)
        put_legend(lower, "")
        frame.put(figure, upper)
        return frame.save(figure, folder, stem)


def _p_values(axes: Axes, view: ScanView) -> None:
    from scipy.special import ndtr

    shown = np.maximum(view.p_value, LEAST)
    lowest = float(np.nanmin(shown, initial=1.0))
    levels = [float(ndtr(-sigma)) for sigma in SIGMAS]
    beyond = [level for level in levels if level < lowest]
    low = (beyond[0] if beyond else lowest) / 4  # the next line is seen
    if view.largest is not None:  # room for the text
        low *= (low / HIGHEST) ** (ROOM / (1 - ROOM))
    scales.set_log(axes, "y", low, HIGHEST)
    for sigma, level in zip(SIGMAS, levels, strict=True):
        if level > low:
            axes.axhline(level, color="0.45", linewidth=0.8, linestyle="--", zorder=1)
            axes.text(1.012, level, rf"${sigma}\sigma$", transform=axes.get_yaxis_transform(),
                      va="center", fontsize=11, color="0.25")  # fmt: skip
    line(axes, view.x, shown, "local", color=TRAINING, linewidth=1.2)
    axes.set_ylabel("local p value")
    if view.largest is not None:
        axes.plot(view.x[view.largest], shown[view.largest], **_RING)
        axes.text(0.02, 0.025, "\n".join(_told(view, view.largest)), transform=axes.transAxes,
                  va="bottom", fontsize=10.5, linespacing=1.5,
                  bbox={"facecolor": "w", "linewidth": 0, "pad": 1.5})  # fmt: skip


def _told(view: ScanView, largest: int) -> list[str]:
    """Return the lines on the largest excess."""
    local = float(view.p_value[largest])
    told = [safe(f"largest excess at {value_text(view.axis, float(view.x[largest]))}")]
    if view.global_p is None:
        return [*told, f"local: {_sigmas(local)}"]
    value, error = view.global_p
    whole = f"$p = {value:.2g} \\pm {error:.1g}$"
    if value > 0:
        whole = f"{_sigmas(value)} ({whole})"
    return [*told, f"local: {_sigmas(local)},  global: {whole}"]


def _sigmas(p_value: float) -> str:
    found = significance(p_value)
    return rf"${found:.2f}\,\sigma$" if np.isfinite(found) else significance_text(p_value)


def _strengths(axes: Axes, view: ScanView) -> None:
    low, high = view.mu - view.error, view.mu + view.error
    if view.expected is not None:
        axes.fill_between(view.x, *view.expected.T, color=ONE_SIGMA, alpha=0.35, linewidth=0,
                          label=r"without signal, $\pm1\sigma$")  # fmt: skip
    axes.fill_between(view.x, low, high, color=TRAINING, alpha=0.25, linewidth=0,
                      label=r"best fit $\pm1\sigma$")  # fmt: skip
    line(axes, view.x, view.mu, "best fit", color=TRAINING, linewidth=1.2)
    axes.axhline(0, color="0.4", linewidth=0.8)
    if view.largest is not None:
        axes.plot(view.x[view.largest], view.mu[view.largest], **_RING)
    reach = [values[np.isfinite(values)] for values in (low, high)]
    bottom, top = float(reach[0].min(initial=0.0)), float(reach[1].max(initial=0.0))
    span = (top - bottom) or 1.0
    axes.set_ylim(bottom - 0.06 * span, top + 0.06 * span)
    axes.set_ylabel(safe(view.rate_title))


def _hatch(axes: Axes, view: ScanView) -> None:
    edges = scales.cell_edges(view.x, log=axes.get_xscale() == "log")
    label: str | None = "no fit"
    for first, last in scales.runs(np.isnan(view.p_value)):
        axes.axvspan(edges[first], edges[last], label=label, **scales.REFUSED_HATCH)
        label = None
