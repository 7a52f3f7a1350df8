"""Figures of optimised cut values: the figure of merit at each hypothesis, and what was chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mcbook.report.figures import scales
from mcbook.report.figures.sheet import (
    EXPERIMENT,
    new_figure,
    put_footer,
    put_label,
    safe,
    save,
    styled,
)
from mcbook.report.figures.symbols import Symbols
from mcbook.selection.optimise import Curve, Optimum

Array = NDArray[np.float64]

TRAINING, VALIDATION, CHOSEN = "#1f4e8c", "#c1440e", "k"
PANELS, COLUMNS = 12, 4
"""Panels of one figure, and how many stand side by side."""

_SHADE = "0.90"
_ROOM = 1.12
_FLAT = 0.8
"""Part of the largest figure of merit from which on the colour of a figure changes."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the figures of one optimisation share.

    Attributes
    ----------
    name
        Of the selection.
    axis
        The parameter along which hypotheses differ; an empty text where there is one only.
    a
        Standard deviations of the test.
    label
        Behind the name of the experiment.
    symbols
        Of the signal model.
    operators
        Operator of each value's cut, with its variable, by name.
    """

    name: str
    axis: str
    a: float
    label: str
    symbols: Symbols
    operators: Mapping[str, tuple[str, str]]

    def cut(self, name: str) -> str:
        """Return the title of an axis of cut values."""
        operator, variable = self.operators[name]
        shown = variable if len(variable) <= 40 else f"{variable[:37]}..."  # noqa: PLR2004
        return _plain(f"{name}   ({shown} {operator} {name})")

    def point(self, optimum: Optimum) -> str:
        """Return the hypothesis of a panel."""
        if not self.axis:
            return ""
        unit = self.symbols.unit(self.axis)
        number = f"{optimum.point[self.axis]:.6g}" + f" {unit}" * (unit not in {"", "1"})
        return safe(f"${self.symbols.symbol(self.axis)}$ = {number}")


def draw(optima: Sequence[Optimum], masses: Array, look: Look, folder: Path) -> list[Path]:
    """Draw the figures of an optimisation, as PNG and PDF each.

    For each value ``NAME_curves``, the figure of merit against the value at each hypothesis (and
    ``NAME_curves_2`` and so on where there are many), and with several hypotheses ``NAME``, the
    chosen value against the mass.

    Parameters
    ----------
    optima
        What was chosen, in the order of *masses*.
    masses
        Positions of the hypotheses, rising.
    look
        Names and titles.
    folder
        Where files are written; it is made when it is not there.

    Returns
    -------
    list
        The files that were written.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    written: list[Path] = []
    document = {"name": look.name}
    with styled():
        for name in optima[0].curves:
            figures = {}
            for page, start in enumerate(range(0, len(optima), PANELS), 1):
                stem = f"{name}_curves" + f"_{page}" * (page > 1)
                figures[stem] = _curves(optima[start : start + PANELS], name, look)
            if len(optima) > 1:
                figures[name] = _along(optima, masses, name, look)
            for stem, figure in figures.items():
                written += save(figure, folder, stem, document, command="mcbook optimise")
    return written


def _curves(optima: Sequence[Optimum], name: str, look: Look) -> Figure:
    """Return the figure of merit against one value, a panel for each hypothesis."""
    columns = min(COLUMNS, len(optima))
    rows = -(-len(optima) // columns)
    width, height = max(7.2, 3.4 * columns), 1.9 + 2.6 * rows
    figure = new_figure(width, height)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    figure.subplots_adjust(
        left=0.95 / width, right=1 - 0.15 / width, bottom=0.75 / height, top=1 - 1.15 / height,
        wspace=0.26, hspace=0.08,
    )  # fmt: skip
    for panel, optimum in zip(panels, optima, strict=False):
        _panel(panel, optimum, name, look.point(optimum))
    for panel in panels[len(optima) :]:
        panel.set_visible(False)
    for panel in panels[max(0, len(optima) - columns) : len(optima)]:
        panel.tick_params(labelbottom=True)
    figure.supxlabel(look.cut(name), x=0.99, ha="right", y=0.12 / height, fontsize=14)
    figure.supylabel(
        rf"$\varepsilon\,/\,({look.a:g}/2+\sqrt{{B}})$", x=0.12 / width, y=0.55, fontsize=14
    )
    entries = dict(zip(*panels[0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        entries.values(), entries.keys(), loc="upper right", ncols=3, fontsize=9.5,
        bbox_to_anchor=(1 - 0.1 / width, 1 - 0.42 / height), borderaxespad=0,
    )  # fmt: skip
    _around(figure, panels[0], look, 1 - 0.36 / height, 0.95 / width)
    return figure


def _panel(panel: Axes, optimum: Optimum, name: str, title: str) -> None:
    found = optimum.curves[name]
    panel.axvspan(*_wide(found), color=_SHADE, linewidth=0, label="within 1% of the maximum")
    _line(panel, found.cuts, found.training.value, found.training.error, TRAINING, "training")
    if found.validation is not None:
        valid = found.validation
        _line(panel, found.cuts, valid.value, valid.error, VALIDATION, "validation")
    panel.plot(found.cuts, found.training.cautious, color=TRAINING, linestyle="--", linewidth=1.1,
               label=r"training with $B+\sigma_B$, maximised")  # fmt: skip
    panel.axvline(optimum.raw[name], color="0.35", linestyle=":", linewidth=1.3,
                  label="best at this hypothesis alone")  # fmt: skip
    panel.axvline(optimum.values[name], color=CHOSEN, linewidth=1.3, label="chosen")
    low, high = float(found.cuts.min()), float(found.cuts.max())
    panel.set_xlim(low, high)
    panel.set_ylim(0, _top(found) * _ROOM)
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.yaxis.set_major_locator(MaxNLocator(4))
    panel.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    panel.yaxis.get_offset_text().set_fontsize(9)
    panel.tick_params(labelsize=10)
    if title:
        panel.text(0.97, 0.05, title, transform=panel.transAxes, ha="right", fontsize=10.5,
                   bbox={"facecolor": "w", "alpha": 0.75, "linewidth": 0, "pad": 1.5})  # fmt: skip


def _line(panel: Axes, x: Array, y: Array, error: Array, colour: str, label: str) -> None:
    panel.fill_between(x, np.maximum(y - error, 0), y + error, color=colour, alpha=0.2, linewidth=0)
    panel.plot(x, y, color=colour, linewidth=1.5, label=label)


def _top(found: Curve) -> float:
    """Return the largest height that is worth to be seen: a spike of no background is not."""
    heights = [float(found.training.cautious.max())]
    for merit in filter(None, (found.training, found.validation)):
        is_known = merit.n_background >= 1
        known = (merit.value + merit.error)[is_known] if is_known.any() else merit.value
        heights.append(float(known.max()))
    return min(max(heights), 3 * heights[0])


def _wide(found: Curve) -> tuple[float, float]:
    """Return the ends of a plateau, half a step wide where it is one value only."""
    low, high = found.plateau
    if low == high:
        half = float(np.abs(np.diff(found.cuts)).min()) / 4
        return low - half, high + half
    return low, high


def _along(optima: Sequence[Optimum], masses: Array, name: str, look: Look) -> Figure:
    """Return the chosen value against the mass, and what is lost for its smoothness."""
    figure = new_figure(7.2, 6.4)
    upper = figure.add_axes((0.135, 0.36, 0.72, 0.57))
    lower = figure.add_axes((0.135, 0.115, 0.72, 0.225), sharex=upper)
    cuts = np.sort(optima[0].curves[name].cuts)
    _field(figure, upper, optima, masses, name, cuts)
    ends = np.array([one.curves[name].plateau for one in optima])
    upper.vlines(masses, ends[:, 0], ends[:, 1], color="0.45", linewidth=2.2, alpha=0.8,
                 label="within 1% of the maximum")  # fmt: skip
    upper.plot(masses, [one.raw[name] for one in optima], linestyle="none", marker="o",
               markersize=4.5, markerfacecolor="w", color="0.2", clip_on=False, zorder=3,
               label="best at each hypothesis alone")  # fmt: skip
    upper.plot(masses, [one.values[name] for one in optima], color=VALIDATION, linewidth=2,
               marker=".", clip_on=False, zorder=4, label="chosen")  # fmt: skip
    upper.set_ylim(cuts[0], cuts[-1] + 0.24 * (cuts[-1] - cuts[0]))
    upper.set_ylabel(_plain(name))
    upper.tick_params(labelbottom=False)
    upper.legend(loc="upper right", ncols=2)
    _losses(lower, optima, masses)
    lower.set_xlabel(safe(look.symbols.title(look.axis)))
    if scales.is_log(masses):
        scales.set_log(upper, "x", float(masses[0]), float(masses[-1]))
    else:
        upper.set_xlim(float(masses[0]), float(masses[-1]))
    _around(figure, upper, look, None, 0.0)
    return figure


def _field(
    figure: Figure, axes: Axes, optima: Sequence[Optimum], masses: Array, name: str, cuts: Array
) -> None:
    """Colour how close the figure of merit comes to its maximum at each mass."""
    rows = []
    for one in optima:
        found = one.curves[name]
        merit = found.training.cautious
        rows.append((merit / merit.max())[np.argsort(found.cuts)])
    is_log = scales.is_log(masses)
    edges = scales.cell_edges(masses, log=is_log)
    step = scales.cell_edges(cuts, log=False)
    drawn = axes.pcolormesh(edges, step, np.array(rows).T, cmap="Blues", vmin=_FLAT, vmax=1,
                            rasterized=True, alpha=0.75, linewidth=0)  # fmt: skip
    bar = figure.add_axes((0.875, 0.36, 0.025, 0.57))
    figure.colorbar(drawn, cax=bar, extend="min")
    bar.set_ylabel("part of the largest figure of merit", fontsize=10)
    bar.tick_params(labelsize=9)


def _losses(axes: Axes, optima: Sequence[Optimum], masses: Array) -> None:
    losses = 100 * np.array([one.loss for one in optima])
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.plot(masses, losses, color=TRAINING, marker=".", label="training")
    other = [one.loss_validation for one in optima]
    if any(value is not None for value in other):
        shown = 100 * np.array([np.nan if value is None else value for value in other])
        axes.plot(masses, shown, color=VALIDATION, marker=".", label="validation")
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.45 * (high - low))  # room for the legend above all curves
        axes.legend(loc="upper right", ncols=2, fontsize=9)
    axes.set_ylabel("loss [%]")
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _around(figure: Figure, axes: Axes, look: Look, top: float | None, left: float) -> None:
    """Write the name of the experiment, the label and the selection."""
    if top is None:
        put_label(axes, look.label)
    else:
        figure.text(left, top, EXPERIMENT, fontsize=14, fontweight="bold", va="bottom")
        figure.text(left + 0.85 / figure.get_figwidth(), top, safe(look.label), fontsize=12,
                    style="italic", va="bottom")  # fmt: skip
    put_footer(figure, look.name)


def _plain(text: str) -> str:
    """Return text in which nothing is mathematics."""
    return text.replace("$", r"\$")
