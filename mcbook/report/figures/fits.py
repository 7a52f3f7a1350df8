"""Figures of single fits: events, backgrounds and signal with pulls, in one or two observables."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mcbook.report.figures.frame import Frame, draw_differences, draw_events
from mcbook.report.figures.sheet import new_figure, safe, styled
from mcbook.report.fitviews import FitView, SecondAxis, projection

REACH = 4.0
"""Least range of the colours of pulls, in standard deviations."""


def draw_fit(view: FitView, frame: Frame, folder: Path, stem: str = "fit") -> list[Path]:
    """Draw a fit and write it as PNG and PDF.

    In one observable: events above their pulls. In two: both projections, and a map of pulls.

    Parameters
    ----------
    view
        The fit.
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
        figure = _one(view, frame) if view.second is None else _two(view, view.second, frame)
        return frame.save(figure, folder, stem)


def _one(view: FitView, frame: Frame) -> Figure:
    figure = new_figure(7.2, 6.4)
    upper = figure.add_axes((0.135, 0.345, 0.835, 0.585))
    lower = figure.add_axes((0.135, 0.115, 0.835, 0.21), sharex=upper)
    _pair(upper, lower, view)
    figure.align_ylabels([upper, lower])
    frame.put(figure, upper)
    return figure


def _two(view: FitView, second: SecondAxis, frame: Frame) -> Figure:
    figure = new_figure(12.6, 10.4)
    for axis, left in ((0, 0.08), (1, 0.58)):
        upper = figure.add_axes((left, 0.565, 0.405, 0.39))
        lower = figure.add_axes((left, 0.43, 0.405, 0.12), sharex=upper)
        _pair(upper, lower, projection(view, 0 if axis == 0 else 1))
        figure.align_ylabels([upper, lower])
    _map(figure, figure.add_axes((0.08, 0.075, 0.82, 0.275)), view, second)
    frame.put(figure, figure.axes[0])
    return figure


def _pair(upper: Axes, lower: Axes, view: FitView) -> None:
    draw_events(upper, view)
    draw_differences(lower, view)
    upper.tick_params(labelbottom=False)


def _map(figure: Figure, axes: Axes, view: FitView, second: SecondAxis) -> None:
    """Draw the pulls of all bins as colours, white where there are none."""
    pulls = view.pulls.reshape(view.shape)
    reach = max(REACH, float(np.nanmax(np.abs(pulls), initial=0.0)))
    is_open = view.observed is not None
    low, colours = (-reach, "RdBu_r") if is_open else (0.0, "Blues")
    high = reach if is_open else float(np.nanmax(pulls, initial=0.0)) or 1.0
    mesh = axes.pcolormesh(view.edges, second.edges, np.ma.masked_invalid(pulls).T, cmap=colours,
                           vmin=low, vmax=high, rasterized=True)  # fmt: skip
    axes.set_xlabel(safe(view.words))
    axes.set_ylabel(safe(second.words))
    left, bottom, width, height = axes.get_position().bounds
    bar = figure.add_axes((left + width + 0.012, bottom, 0.016, height))
    figure.colorbar(mesh, cax=bar).set_label("pull" if is_open else r"signal / $\sigma$")
