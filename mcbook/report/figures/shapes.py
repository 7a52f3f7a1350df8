"""Signal shapes with their pulls, and widths against the quantity that samples differ in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.efficiency.resolutions import ResolutionMap
from mcbook.report.figures.sheet import new_figure, put_label, safe, styled
from mcbook.selection.fitted import POOR, ShapeFit
from mcbook.selection.shapes import DoubleCrystalBall

Array = NDArray[np.float64]

LABEL = "simulation, own work"
DPI = 80
FINE = 600
FILL, LINE, POOR_LINE = "#9ecae1", "#08519c", "#b5467e"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A fit to be drawn: its title in words, and the title of the observable."""

    title: str
    observable: str
    fit: ShapeFit


def draw_shapes(drawn: Sequence[Drawn], name: str) -> bytes:
    """Return a PDF with a page for each fit that did not fail: events, shape, pulls."""
    out = BytesIO()
    told = {"Title": name, "CreationDate": None}
    with styled(), PdfPages(out, metadata=told) as pages:
        for one in drawn:
            if one.fit.shape is not None:
                pages.savefig(_page(one))
    return out.getvalue()


def draw_shape(one: Drawn) -> bytes:
    """Return a PNG of a fit that did not fail."""
    with styled():
        return _png(_page(one), DPI)


def draw_widths(
    axis: str, title: str, points: Array, fits: Sequence[ShapeFit], unit: str
) -> Mapping[str, bytes]:
    """Return a PNG and a PDF of sigma_W and sigma_68 against an axis.

    Parameters
    ----------
    axis, title
        Its name, and how it is written.
    points
        Positions of the samples, shape (n,).
    fits
        Their fits; those that failed are marked below.
    unit
        Of the observable, an empty text where there is none.
    """
    with styled():
        figure = _widths(axis, title, points, fits, unit)
        out = BytesIO()
        figure.savefig(out, format="pdf", metadata={"CreationDate": None})
        return {"resolution.png": _png(figure, 2 * DPI), "resolution.pdf": out.getvalue()}


def _png(figure: Figure, dpi: int) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=dpi)
    return out.getvalue()


def _widths(axis: str, title: str, points: Array, fits: Sequence[ShapeFit], unit: str) -> Figure:
    figure = new_figure(7.2, 5.2)
    axes = figure.add_axes((0.135, 0.14, 0.835, 0.78))
    for key, label, colour, marker in (
        ("sigma_w", r"$\sigma_W$", LINE, "o"), ("sigma_68", r"$\sigma_{68}$", "#d95f02", "s"),
    ):  # fmt: skip
        known = [i for i, one in enumerate(fits) if one.shape is not None]
        pairs = [_width_of(fits[i], key) for i in known]
        if not known:
            continue
        values, errors = np.array(pairs).T
        at = points[known]
        axes.errorbar(at, values, errors, fmt=marker, color=colour, markersize=4, capsize=2,
                      label=label)  # fmt: skip
        _interpolated(axes, axis, at, (values, errors), colour)
    for i, one in enumerate(fits):
        if one.status == POOR:
            axes.plot(points[i], one.values["sigma_w"], "o", markersize=11, markerfacecolor="none",
                      color=POOR_LINE)  # fmt: skip
        elif one.shape is None:
            axes.plot(points[i], 0.02, "x", color=POOR_LINE, markersize=8,
                      transform=axes.get_xaxis_transform())  # fmt: skip
    if any(one.status == POOR for one in fits):
        axes.plot([], [], "o", markersize=11, markerfacecolor="none", color=POOR_LINE,
                  label="poor fit")  # fmt: skip
    if any(one.shape is None for one in fits):
        axes.plot([], [], "x", color=POOR_LINE, label="failed fit")
    axes.set_xlabel(safe(title))
    axes.set_ylabel("width" + f" [{unit}]" * bool(unit))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right")
    put_label(axes, LABEL, size=12)
    return figure


def _width_of(fit: ShapeFit, key: str) -> tuple[float, float]:
    if key == "sigma_w" or fit.quantiles is None:
        return fit.values["sigma_w"], fit.errors["sigma_w"]
    return fit.quantiles.sigma_68, fit.quantiles.sigma_68_error


def _interpolated(
    axes: Axes, axis: str, at: Array, widths: tuple[Array, Array], colour: str
) -> None:
    """Draw what is between the samples with its errors, where there is something."""
    if len(np.unique(at)) < 2 or len(np.unique(at)) < len(at):  # noqa: PLR2004
        return
    fine = np.linspace(at.min(), at.max(), FINE)
    found = ResolutionMap([axis], at, *widths, name="widths").evaluate({axis: fine})
    axes.plot(fine, found.value, color=colour, linewidth=1.2)
    axes.fill_between(fine, found.value - found.error, found.value + found.error, color=colour,
                      alpha=0.2, linewidth=0)  # fmt: skip


def _page(one: Drawn) -> Figure:
    figure = new_figure(7.2, 6.2)
    upper = figure.add_axes((0.135, 0.36, 0.835, 0.57))
    lower = figure.add_axes((0.135, 0.11, 0.835, 0.23), sharex=upper)
    fit, goodness, shape = one.fit, one.fit.goodness, one.fit.shape
    assert goodness is not None  # noqa: S101 - for mypy
    assert shape is not None  # noqa: S101
    edges, widths = goodness.edges, np.diff(goodness.edges)
    middle = (edges[1:] + edges[:-1]) / 2
    total = goodness.observed.sum()
    upper.errorbar(middle, goodness.observed / widths, goodness.errors / widths, widths / 2,
                   fmt=".", color="k", markersize=3, linewidth=0.8, label="events")  # fmt: skip
    _lines(upper, shape, total)
    upper.set_yscale("log")
    lowest = (goodness.expected / widths).min()
    upper.set_ylim(lowest * 0.3, (goodness.observed / widths).max() * 6)
    upper.set_ylabel("events per unit")
    upper.tick_params(labelbottom=False)
    upper.legend(loc="upper left", title=safe(one.title))
    upper.text(0.98, 0.96, "\n".join(_told(fit)), transform=upper.transAxes, ha="right", va="top",
               fontsize=9, parse_math=True)  # fmt: skip
    draw_pulls(lower, edges, goodness.pulls)
    lower.set_xlabel(safe(one.observable))
    upper.set_xlim(*shape.window)
    put_label(upper, LABEL, size=12)
    return figure


def _lines(axes: Axes, shape: DoubleCrystalBall, total: float) -> None:
    """Draw the shape and its two parts."""
    x = np.linspace(*shape.window, FINE)
    axes.plot(x, total * shape.pdf(x), color=LINE, linewidth=1.4, label="two Crystal Balls")
    parts = ((shape.first, shape.f, "--"), (shape.second, 1 - shape.f, ":"))
    for number, (ball, part, style) in enumerate(parts, 1):
        axes.plot(x, total * part * ball.pdf(x), color=LINE, linewidth=0.9, linestyle=style,
                  label=f"number {number}, tail {ball.side}")  # fmt: skip


def draw_pulls(axes: Axes, edges: Array, pulls: Array) -> None:
    """Draw pulls in bins, with lines at two standard deviations; NaN is not drawn."""
    axes.stairs(np.nan_to_num(pulls), edges, fill=True, color=FILL)
    axes.axhline(0, color="k", linewidth=0.8)
    for height in (-2, 2):
        axes.axhline(height, color="0.5", linewidth=0.6, linestyle="--")
    known = np.abs(pulls[np.isfinite(pulls)])
    reach = max(4.0, float(known.max(initial=0)) * 1.15)
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("pull")


def _told(fit: ShapeFit) -> list[str]:
    """Return the lines beside a shape."""
    words: list[tuple[str, str]] = [
        (r"\mathrm{mean}", "mean"), (r"\sigma_W", "sigma_w"), ("f", "f"),
        (r"\sigma_1", "sigma_1"), (r"\sigma_2", "sigma_2"), (r"\alpha_1", "alpha_1"),
        ("n_1", "n_1"), (r"\alpha_2", "alpha_2"), ("n_2", "n_2"),
    ]  # fmt: skip
    lines = [rf"${symbol} = {_pair(fit.values[key], fit.errors[key])}$" for symbol, key in words]
    if fit.quantiles is not None:
        both = _pair(fit.quantiles.sigma_68, fit.quantiles.sigma_68_error)
        lines.insert(2, rf"$\sigma_{{68}} = {both}$")
    goodness: Any = fit.goodness
    p = f"{goodness.p:.2g}" if goodness.p == goodness.p else "?"
    lines.append(rf"$\chi^2 / \mathrm{{ndf}} = {goodness.chi2:.1f} / {goodness.ndf}$, $p =$ {p}")
    return lines


def _pair(value: float, error: float) -> str:
    if not error > 0:
        return rf"{value:.4g}\ \mathrm{{(fixed)}}"
    digits = min(max(1 - int(np.floor(np.log10(error))), 0), 9)
    return rf"{value:.{digits}f} \pm {error:.{digits}f}"
