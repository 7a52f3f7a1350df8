"""What stands around a figure of fits, and the panels of events and pulls that they share."""

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.report.figures import scales
from mcbook.report.figures.optima import VALIDATION
from mcbook.report.figures.shapes import draw_pulls
from mcbook.report.figures.sheet import put_footer, put_label, put_legend, safe, save
from mcbook.report.fitviews import FitView, unit_of

Array = NDArray[np.float64]

BACKGROUNDS = (
    "#9ecae1",
    "#fdd49e",
    "#c7e2bd",
    "#d4cbe5",
    "#f4c6c6",
    "#d9d9d9",
    "#e8dcb5",
    "#a8d5d5",
    "#e6b8a2",
    "#c9c9a0",
)
"""Light colours, on which points and lines are seen."""
SIGNAL = VALIDATION
SHADE = "0.92"
ERRORS: dict[str, Any] = {
    "hatch": "/////", "facecolor": "none", "edgecolor": "0.4", "linewidth": 0.0,
}  # fmt: skip

_LEAST = 0.02
"""Part of one event in a bin below which nothing on a logarithmic scale is worth to be seen."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the figures of one report share.

    Attributes
    ----------
    label
        Behind the name of the experiment.
    conditions
        Above the axes on the right: luminosity, energy.
    footer
        Small lines below.
    result
        Id of the result, which the files name in their metadata.
    command
        What made the figures.
    """

    label: str
    conditions: str = ""
    footer: str = ""
    result: str | None = None
    command: str = "mcbook fit"

    def put(self, figure: Figure, axes: Axes, last: Axes | None = None) -> None:
        """Write labels above axes, conditions above the last ones of a row, and the footer."""
        if last is None:
            put_label(axes, self.label, self.conditions)
        else:
            put_label(axes, self.label)
            last.set_title(safe(self.conditions), loc="right", fontsize=12)
        put_footer(figure, "  ".join(filter(None, (self.result, self.footer))))

    def save(self, figure: Figure, folder: Path, stem: str) -> list[Path]:
        """Write PNG and PDF.

        Raises
        ------
        WorkError
            If the folder cannot be written.
        """
        return save(figure, folder, stem, {"result": self.result}, command=self.command)


def draw_events(axes: Axes, view: FitView) -> None:
    """Draw stacked backgrounds, their error, the signal above them and data, in one observable.

    Bins of unequal widths show events per unit of the observable.
    """
    size, title = _per_bin(view)
    edges, total = view.edges, view.total / size
    both = total + view.signal / size
    axes.stairs(both, edges, baseline=None, color=SIGNAL, linewidth=1.6, zorder=1.1,
                label=safe(view.signal_label))  # fmt: skip
    _stack(axes, view, size)
    error = view.error / size
    axes.stairs(total + error, edges, baseline=np.maximum(total - error, 0), fill=True,
                label="uncertainty", **ERRORS)  # fmt: skip
    if view.observed is not None:
        _points(axes, view, size)
    _shade(axes, view)
    _heights(axes, view, both, size)
    set_range(axes, edges)
    axes.set_ylabel(title)
    put_legend(axes, safe(view.title))


def draw_differences(axes: Axes, view: FitView) -> None:
    """Draw the pulls of data, with those that the signal would have as a line."""
    _shade(axes, view)
    draw_pulls(axes, view.edges, view.pulls)
    if view.observed is not None:
        axes.stairs(np.nan_to_num(view.signal / view.spread), view.edges, baseline=None,
                    color=SIGNAL, linewidth=1.2)  # fmt: skip
    else:
        axes.set_ylim(bottom=min(0.0, float(np.nanmin(view.pulls, initial=0.0))))
    axes.set_ylabel("pull" if view.observed is not None else r"signal / $\sigma$")
    axes.set_xlabel(safe(view.words))


def set_range(axes: Axes, edges: Array) -> None:
    """Set the x axis to the range of bins, on a logarithmic scale where they ask for one."""
    if scales.is_log(edges):
        scales.set_log(axes, "x", float(edges[0]), float(edges[-1]))
    else:
        axes.set_xlim(float(edges[0]), float(edges[-1]))


def poisson_errors(events: Array) -> Array:
    """Return how far the central 68.3% intervals of Poisson means reach below and above.

    Parameters
    ----------
    events
        Observed, shape (n,), >= 0.

    Returns
    -------
    ndarray
        Shape (2, n).

    References
    ----------
    F. Garwood, Biometrika 28 (1936) 437, doi:10.1093/biomet/28.3-4.437.
    """
    from scipy.special import gammainccinv, gammaincinv, ndtr

    tail = float(ndtr(-1))
    low = np.where(events > 0, gammaincinv(np.maximum(events, 1e-9), tail), 0.0)
    return np.stack([events - low, gammainccinv(events + 1, tail) - events])


def _stack(axes: Axes, view: FitView, size: Array) -> None:
    """Draw backgrounds, the smallest at the bottom: a logarithmic scale would hide it above."""
    top = view.total / size
    colours = dict(zip(view.backgrounds, cycle(BACKGROUNDS), strict=False))
    ranked = sorted(view.backgrounds.items(), key=lambda pair: -float(pair[1].sum()))
    for name, values in ranked:
        below = np.maximum(top - values / size, 0)  # what rounding leaves is nothing
        axes.stairs(top, view.edges, baseline=below, fill=True, color=colours[name],
                    label=safe(name))  # fmt: skip
        top = below


def _points(axes: Axes, view: FitView, size: Array) -> None:
    assert view.observed is not None  # noqa: S101 - for mypy
    edges = view.edges
    is_even = scales.is_even(edges)
    axes.errorbar(
        (edges[1:] + edges[:-1]) / 2, view.observed / size,
        yerr=poisson_errors(view.observed) / size, xerr=None if is_even else np.diff(edges) / 2,
        fmt="o", color="k", markersize=3, linewidth=0.9, label="observed", zorder=3,
    )  # fmt: skip


def _per_bin(view: FitView) -> tuple[Array, str]:
    """Return what events of each bin are divided by, and the title of the axis."""
    widths = np.diff(view.edges)
    unit = unit_of(view.words)
    if not scales.is_even(view.edges):
        return widths, safe(f"events / {unit}" if unit else "events per unit")
    width = f"{float(widths.mean()):.4g}"
    return np.ones(widths.shape), safe(f"events / ({width} {unit})" if unit else "events")


def _shade(axes: Axes, view: FitView) -> None:
    if view.window is not None:
        axes.axvspan(*view.window, color=SHADE, linewidth=0, zorder=0,
                     label=safe(view.window_label))  # fmt: skip


def _heights(axes: Axes, view: FitView, both: Array, size: Array) -> None:
    """Set the range of the y axis to what is drawn."""
    tops = [both, (view.total + view.error) / size]
    if view.observed is not None:
        tops.append((view.observed + poisson_errors(view.observed)[1]) / size)
    high = float(np.max(tops))
    high = high if high > 0 else 1.0
    if view.log:
        known = (view.total / size)[view.total > 0]
        least = _LEAST / float(size.max())
        low = max(0.3 * float(known.min()), least) if known.size else least
        scales.set_log(axes, "y", min(low, high / 10), high * 1.5)
    else:
        axes.set_ylim(0, 1.08 * high)
