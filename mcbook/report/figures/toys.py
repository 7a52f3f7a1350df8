"""Figures of toys: their distribution against what it should be, and injected signals."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.report.figures.frame import SHADE, SIGNAL, Frame
from mcbook.report.figures.optima import TRAINING
from mcbook.report.figures.shapes import FILL
from mcbook.report.figures.sheet import ABOVE_AREAS, new_figure, put_legend, safe, styled
from mcbook.report.fitviews import InjectionView, ToyView

Array = NDArray[np.float64]

BINS = 40
_POINTS: dict[str, Any] = {
    "fmt": "o",
    "color": "k",
    "markersize": 4.5,
    "capsize": 2,
    "linewidth": 1.1,
}


def draw_toys(view: ToyView, frame: Frame, folder: Path, stem: str = "toys") -> list[Path]:
    """Draw how toys are distributed, with the curve that they should follow, as PNG and PDF.

    Parameters
    ----------
    view
        The toys.
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
        return frame.save(_distribution(view, frame), folder, stem)


def draw_injection(
    view: InjectionView, frame: Frame, folder: Path, stem: str = "injection"
) -> list[Path]:
    """Draw recovered against injected strengths, with mean and width of the pulls below.

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
        return frame.save(_injected(view, frame), folder, stem)


def _distribution(view: ToyView, frame: Frame) -> Figure:
    figure = new_figure(7.2, 5.6)
    axes = figure.add_axes((0.135, 0.145, 0.835, 0.775))
    edges = _edges(view)
    counts, _ = np.histogram(view.values, edges)
    axes.stairs(counts, edges, fill=True, color=FILL, label=f"{len(view.values)} toys")
    expected = _expected(view, edges)
    if expected is not None:
        label = "unit Gaussian" if view.kind == "significance" else r"$\frac{1}{2}\,\chi^2_1$"
        axes.stairs(expected, edges, baseline=None, color=TRAINING, linewidth=1.5, label=label)
    if view.observed is not None:
        axes.axvline(view.observed, color=SIGNAL, linewidth=1.8, zorder=ABOVE_AREAS - 0.1,
                     label=f"observed: {view.observed:.2f}")  # fmt: skip
    top = max(float(counts.max(initial=1)), 1.0 if expected is None else float(expected.max()))
    axes.set_ylim(0.5, 2 * top)
    axes.set_yscale("log")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(safe(view.words))
    axes.set_ylabel(f"toys / {edges[1] - edges[0]:.3g}")
    put_legend(axes, safe(view.title))
    frame.put(figure, axes)
    return figure


def _edges(view: ToyView) -> Array:
    """Return the edges of bins that hold all toys and the data."""
    known = np.append(view.values, [] if view.observed is None else [view.observed])
    if view.kind == "significance":
        reach = 1.05 * max(4.0, float(np.abs(known).max(initial=0.0)))
        return np.linspace(-reach, reach, BINS + 1)
    low, high = float(known.min(initial=np.inf)), float(known.max(initial=1.0))
    if view.kind == "statistic" or not low < high:
        return np.linspace(0, 1.05 * high, BINS + 1)
    space = 0.05 * (high - low)
    return np.linspace(low - space, high + space, BINS + 1)


def _expected(view: ToyView, edges: Array) -> Array | None:
    """Return the toys that are expected in each bin, shape (B,); None where no curve is known."""
    from scipy.special import ndtr

    if view.kind == "maximum":
        return None
    if view.kind == "statistic":  # P(q < x) = Phi(sqrt(x)), half of it at zero
        below = ndtr(np.sqrt(np.maximum(edges, 0)))
        below[0] = 0.0
    else:
        below = ndtr(edges)
    return np.asarray(len(view.values) * np.diff(below))


def _injected(view: InjectionView, frame: Frame) -> Figure:
    figure = new_figure(7.2, 7.6)
    upper = figure.add_axes((0.135, 0.5, 0.835, 0.445))
    middle = figure.add_axes((0.135, 0.3, 0.835, 0.185), sharex=upper)
    lower = figure.add_axes((0.135, 0.1, 0.835, 0.185), sharex=upper)
    x = view.injected
    span = float(np.ptp(x)) or 1.0
    ends = np.array([x.min() - 0.06 * span, x.max() + 0.06 * span])
    upper.plot(ends, ends, color=TRAINING, linewidth=1.2, label="what was injected")
    upper.errorbar(x, view.recovered, view.recovered_error, label="mean of fits", **_POINTS)
    upper.set_xlim(*ends)
    upper.set_ylabel(safe(f"fitted {view.words}"))
    upper.legend(loc="upper left", title=safe(view.title), alignment="left")
    _around(middle, x, view.pull, view.pull_error, 0.0)
    middle.set_ylabel("mean pull", fontsize=12)
    _around(lower, x, view.width, view.width_error, 1.0)
    lower.set_ylabel("width of pulls", fontsize=12)
    lower.set_xlabel(safe(f"injected {view.words}"))
    for axes in (upper, middle):
        axes.tick_params(labelbottom=False)
    for axes in figure.axes:
        axes.yaxis.set_label_coords(-0.1, 1.0)
    frame.put(figure, upper)
    return figure


def _around(axes: Axes, x: Array, values: Array, errors: Array, wanted: float) -> None:
    """Draw values around what they should be, with a band of a tenth of a standard deviation."""
    axes.axhspan(wanted - 0.1, wanted + 0.1, color=SHADE, linewidth=0)
    axes.axhline(wanted, color=TRAINING, linewidth=1.2)
    axes.errorbar(x, values, errors, **_POINTS)
    known = (np.abs(values - wanted) + errors)[np.isfinite(values + errors)]
    reach = max(0.25, 1.2 * float(known.max(initial=0.0)))
    axes.set_ylim(wanted - reach, wanted + reach)
