"""Figures of nuisance parameters: pulls and impacts by rank, and correlations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.report.figures.frame import SHADE, SIGNAL, Frame
from mcbook.report.figures.optima import TRAINING
from mcbook.report.figures.sheet import new_figure, safe, styled
from mcbook.report.fitviews import NuisanceView

Array = NDArray[np.float64]

MOST = 30
"""Parameters of one figure."""
FEWEST = 9
"""Rows for which a matrix has place at least."""
NUMBERED = 12
"""Up to so many rows a matrix has its numbers written in."""
LONGEST = 28
NAMES = 2.7
"""Inches for names beside a figure."""
STRENGTH = r"$\mu$"

_DARK = 0.6
"""Correlation from which on the number in a cell is white."""


def draw_nuisances(
    view: NuisanceView, frame: Frame, folder: Path, stem: str = "nuisances"
) -> list[Path]:
    """Draw pulls of nuisance parameters and their impacts on mu beside them, the largest on top.

    Parameters
    ----------
    view
        The parameters; without impacts there are pulls alone.
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
        return frame.save(_ranked(view, frame), folder, stem)


def draw_correlation(
    view: NuisanceView, frame: Frame, folder: Path, stem: str = "correlation"
) -> list[Path]:
    """Draw the correlation of mu and the nuisance parameters; nothing where it is not known.

    Where there are many parameters, those are drawn that go with mu most.

    Returns
    -------
    list
        The files that were written.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    if view.correlation is None:
        return []
    with styled():
        return frame.save(_matrix(view, view.correlation, frame), folder, stem)


def _ranked(view: NuisanceView, frame: Frame) -> Figure:
    shown = view.order[:MOST]
    height, width = 1.9 + 0.3 * len(shown), 9.6 if view.impacts is not None else 8.2
    figure = new_figure(width, height)
    bottom, top = 0.85 / height, 1 - 0.45 / height
    part = 3.3 if view.impacts is not None else width - NAMES - 0.2
    left = figure.add_axes((NAMES / width, bottom, part / width, top - bottom))
    _pulls(left, view, shown)
    if view.impacts is not None:
        right = figure.add_axes((0.645, bottom, 0.335, top - bottom), sharey=left)
        _impacts(right, view.impacts[shown])
        right.tick_params(labelleft=False)
    left.set_yticks(range(len(shown)), [_short(view.names[i]) for i in shown], fontsize=11)
    left.set_ylim(len(shown) + 0.5, -0.6)  # a row for the legend
    for axes in figure.axes:
        axes.tick_params(axis="y", which="both", length=0)
    footer = f"{len(shown)} of {len(view.names)} parameters" * (len(shown) < len(view.names))
    figure.align_xlabels()
    frame.put(figure, left, figure.axes[-1])
    if footer:
        figure.text(0.99, 0.012, footer, fontsize=8, color="0.35", ha="right", va="bottom")
    return figure


def _pulls(axes: Axes, view: NuisanceView, shown: Sequence[int]) -> None:
    values, errors = view.values[shown], view.errors[shown]
    axes.axvspan(-1, 1, color=SHADE, linewidth=0)
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.errorbar(values, range(len(shown)), xerr=np.nan_to_num(errors), fmt="o", color="k",
                  markersize=4, capsize=2, linewidth=1.1)  # fmt: skip
    reach = max(2.2, 1.15 * float(np.nanmax(np.abs(values) + np.nan_to_num(errors), initial=0.0)))
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(r"pull $(\hat\theta - \theta_0) / \sigma$", fontsize=13)


def _impacts(axes: Axes, impacts: Array) -> None:
    places = np.arange(len(impacts))
    for column, colour, label in ((0, TRAINING, r"$+1\sigma$"), (1, SIGNAL, r"$-1\sigma$")):
        axes.barh(places, impacts[:, column], height=0.62, color=colour, alpha=0.85, label=label)
    reach = 1.2 * float(np.nanmax(np.abs(impacts), initial=0.0)) or 1.0
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(rf"impact on {STRENGTH} / its error", fontsize=13)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    axes.legend(loc="lower right", ncols=2, borderaxespad=0.2)


def _matrix(view: NuisanceView, correlation: Array, frame: Frame) -> Figure:
    last = len(view.names)
    ranked = np.argsort(-np.abs(np.nan_to_num(correlation[last, :last])), kind="stable")
    shown = [last, *sorted(int(i) for i in ranked[:MOST])]
    matrix = correlation[np.ix_(shown, shown)]
    n = len(shown)
    side = 3.4 + 0.42 * max(n, FEWEST) if n <= NUMBERED else 3.6 + 0.26 * n
    width = side + 1.1
    figure = new_figure(width, side)
    axes = figure.add_axes((2.3 / width, 2.2 / side, 1 - 3.5 / width, 1 - 2.7 / side))
    mesh = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    names = [STRENGTH, *(_short(view.names[i]) for i in shown[1:])]
    axes.set_xticks(range(n), names, rotation=90, fontsize=10)
    axes.set_yticks(range(n), names, fontsize=10)
    axes.tick_params(which="both", length=0)
    axes.minorticks_off()
    if n <= NUMBERED:
        _numbers(axes, matrix)
    bar = figure.add_axes((1 - 1.1 / width, 2.2 / side, 0.2 / width, 1 - 2.7 / side))
    figure.colorbar(mesh, cax=bar).set_label("correlation", fontsize=12)
    frame.put(figure, axes)
    return figure


def _numbers(axes: Axes, matrix: Array) -> None:
    for (i, j), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            axes.text(j, i, f"{value:.2f}".replace("-0.00", "0.00"), ha="center", va="center",
                      fontsize=9, color="w" if abs(value) > _DARK else "k")  # fmt: skip


def _short(name: str) -> str:
    return safe(name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}...")
