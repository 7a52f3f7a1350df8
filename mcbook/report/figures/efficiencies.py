"""Figures of efficiency maps: curves with bands, planes with their nodes, errors by source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.report.figures import scales
from mcbook.report.figures.sheet import new_figure, put_footer, put_label, safe, save, styled
from mcbook.report.figures.symbols import Symbols

Array = NDArray[np.float64]

COLOURS = ("#1f4e8c", "#b5482e", "#2c6e49", "#7a21dd", "#8a6d0b", "0.3")
MARKERS = ("o", "s", "^", "D", "v", "P")
SOURCES = ("#b5482e", "#2c6e49", "#8a6d0b", "#7a21dd", "#1f9e9e", "0.35")
STYLES = ("--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

DECADE = 30.0
"""Over a larger factor efficiencies are shown on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Curve:
    """An efficiency along one axis, with the nodes that it goes through.

    Attributes
    ----------
    label
        In the legend.
    x, value, mc, gap
        The curve: efficiency and its absolute errors from the number of events and from the
        interpolation, shape (n,); NaN where it is refused.
    nodes, measured, below, above
        Positions and efficiencies of the nodes, and how far the interval reaches, shape (m,).
    sources
        Relative errors by source, shape (n,) each.
    """

    label: str
    x: Array
    value: Array
    mc: Array
    gap: Array
    nodes: Array
    measured: Array
    below: Array
    above: Array
    sources: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plane:
    """An efficiency over two axes, shape (nx, ny), with its nodes, shape (m, 2)."""

    x: Array
    y: Array
    value: Array
    error: Array
    nodes: Array


@dataclass(frozen=True, slots=True)
class Look:
    """What a figure says around its numbers: title, label of the figure, line below, symbols."""

    title: str
    label: str
    footer: str
    symbols: Symbols
    identity: str | None = None

    def axis(self, name: str) -> str:
        """Return the title of an axis."""
        return safe(self.symbols.title(name))


def draw_curves(
    curves: Sequence[Curve], axis: str, look: Look, folder: Path, stem: str
) -> list[Path]:
    """Draw efficiencies along one axis, with their relative errors below, and write the files."""
    with styled():
        figure = new_figure(7.2, 6.8)
        upper = figure.add_axes((0.135, 0.385, 0.835, 0.545))
        lower = figure.add_axes((0.135, 0.125, 0.835, 0.245), sharex=upper)
        for curve, colour, marker in zip(curves, cycle(COLOURS), cycle(MARKERS), strict=False):
            _curve(upper, curve, colour, marker)
        _errors(lower, curves)
        every = np.unique(np.concatenate([curve.nodes for curve in curves]))
        if scales.is_log(every):
            scales.set_log(upper, "x", float(every[0]), float(every[-1]))
        else:
            upper.margins(x=0.02)
        _heights(upper, curves)
        upper.tick_params(labelbottom=False)
        upper.set_ylabel("efficiency")
        lower.set_ylabel("relative error")
        lower.set_xlabel(look.axis(axis))
        upper.legend(title=safe(look.title), alignment="left", fontsize=9, loc="upper left")
        _around(figure, upper, look)
        return save(figure, folder, stem, {"result": look.identity, "name": look.title},
                    command="mcbook efficiency")  # fmt: skip


def draw_plane(
    plane: Plane, axes: tuple[str, str], look: Look, folder: Path, stem: str
) -> list[Path]:
    """Draw an efficiency in a plane and its relative error beside it, and write the files."""
    with styled():
        figure = new_figure(12.6, 5.6)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(plane.value > 0, plane.error / plane.value, np.nan)
        panels = ((0.07, plane.value, "efficiency"), (0.565, relative, "relative error"))
        for left, values, word in panels:
            panel = figure.add_axes((left, 0.145, 0.36, 0.775))
            _mesh(figure, panel, plane, values, word)
            panel.set_xlabel(look.axis(axes[0]))
            panel.set_ylabel(look.axis(axes[1]))
        _around(figure, figure.axes[0], look)
        return save(figure, folder, stem, {"result": look.identity, "name": look.title},
                    command="mcbook efficiency")  # fmt: skip


def _curve(axes: Axes, curve: Curve, colour: str, marker: str) -> None:
    """Draw a curve with the band of the events, the wider one of both errors, and its nodes."""
    x, value = curve.x, curve.value
    both = np.hypot(curve.mc, curve.gap)
    for error, alpha, word in (
        (both, 0.16, "events and interpolation"),
        (curve.mc, 0.32, "events"),
    ):
        low, high = np.maximum(value - error, 0), np.minimum(value + error, 1)
        axes.fill_between(
            x, low, high, color=colour, alpha=alpha, linewidth=0, label=f"{curve.label}: {word}"
        )
    if curve.sources:
        total = value * _quadratic(curve)
        for edge, text in ((value + total, f"{curve.label}: with systematics"),
                           (np.maximum(value - total, 0), None)):  # fmt: skip
            axes.plot(x, edge, color=colour, linewidth=0.9, linestyle=":", label=text)
    axes.plot(x, value, color=colour, linewidth=1.4)
    axes.errorbar(curve.nodes, curve.measured, yerr=np.stack([curve.below, curve.above]),
                  color=colour, marker=marker, markersize=4, linestyle="none", capsize=2,
                  linewidth=1, label=f"{curve.label}: samples")  # fmt: skip


def _quadratic(curve: Curve) -> Array:
    """Return the quadratic sum of all relative errors."""
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(curve.value > 0, np.hypot(curve.mc, curve.gap) / curve.value, np.nan)
    return np.asarray(np.sqrt(own**2 + sum(s**2 for s in curve.sources.values())))


def _errors(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draw relative errors: of events and interpolation, and of each source with one curve."""
    tops = []
    for curve, colour in zip(curves, cycle(COLOURS), strict=False):
        alone = len(curves) == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            mc, gap = (np.where(curve.value > 0, e / curve.value, np.nan)
                       for e in (curve.mc, curve.gap))  # fmt: skip
        axes.plot(curve.x, mc, color=colour, linewidth=1.2, label="events" if alone else None)
        axes.plot(curve.x, gap, color=colour, linewidth=1.0, linestyle="--",
                  label="interpolation" if alone else None)  # fmt: skip
        for (source, values), look, style in zip(
            curve.sources.items(), cycle(SOURCES), cycle(STYLES), strict=False
        ):
            axes.plot(curve.x, values, color=look if alone else colour, linewidth=1.0,
                      linestyle=style, label=safe(source) if alone else None)  # fmt: skip
        total = _quadratic(curve)
        if curve.sources:
            axes.plot(curve.x, total, color="k" if alone else colour, linewidth=1.6,
                      label="quadratic sum" if alone else None)  # fmt: skip
        tops.append(total[np.isfinite(total)])
    known = np.concatenate(tops) if tops else np.zeros(0)
    top = float(np.quantile(known, 0.98)) if known.size else 1.0
    axes.set_ylim(0, min(1.35 * max(top, 1e-4), 1.5))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, ncols=3, loc="upper right")


def _heights(axes: Axes, curves: Sequence[Curve]) -> None:
    """Set the y axis so that the legend has room above the curves."""
    drawn = np.concatenate([np.concatenate([c.value, c.measured]) for c in curves])
    known = drawn[np.isfinite(drawn) & (drawn > 0)]
    if not known.size:
        return
    low, high = float(known.min()), float(known.max())
    rows = sum(3 + bool(curve.sources) for curve in curves) + 2
    room = min(0.075 * rows, 0.6)
    if high / low > DECADE:
        span = np.log10(high / low) + 0.3
        axes.set_yscale("log")
        axes.set_ylim(low / 2, high * 10 ** (0.15 + span * room / (1 - room)))
    else:
        axes.set_ylim(0, 1.08 * high / (1 - room))


def _mesh(figure: Figure, axes: Axes, plane: Plane, values: Array, word: str) -> None:
    """Draw values as colours, and the nodes above."""
    for which, along in (("x", plane.x), ("y", plane.y)):
        if scales.is_log(along):
            scales.set_log(axes, which, float(along[0]), float(along[-1]))  # type: ignore[arg-type]
    known = values[np.isfinite(values) & (values > 0)]
    is_log = known.size > 0 and float(known.max() / known.min()) > DECADE
    norm = LogNorm(max(known.min(), known.max() / 1e4), known.max()) if is_log else Normalize(0)
    x = scales.cell_edges(plane.x, log=axes.get_xscale() == "log")
    y = scales.cell_edges(plane.y, log=axes.get_yscale() == "log")
    mesh = axes.pcolormesh(x, y, np.ma.masked_invalid(values).T, norm=norm, cmap="viridis",
                           rasterized=True)  # fmt: skip
    axes.plot(*plane.nodes.T, linestyle="none", marker="o", markersize=3.5, clip_on=False,
              markerfacecolor="w", markeredgecolor="0.2", label="samples", zorder=3)  # fmt: skip
    left, bottom, width, height = axes.get_position().bounds
    place = figure.add_axes((left + width + 0.008, bottom, 0.014, height))
    figure.colorbar(mesh, cax=place).set_label(word, fontsize=12)


def _around(figure: Figure, axes: Axes, look: Look) -> None:
    """Add label and footer."""
    put_label(axes, f"simulation, {look.label}")
    put_footer(figure, look.footer)
