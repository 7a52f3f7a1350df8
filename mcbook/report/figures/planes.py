"""Limits in a plane: excluded regions, and maps of limits."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from mcbook.analysis.records import WORDS
from mcbook.report.figures import scales
from mcbook.report.figures.lines import mark_gaps, mark_samples, set_x
from mcbook.report.figures.published import draw_overlays, heights, overlays_on
from mcbook.report.figures.regions import excluded_area, excluded_lines, outlines
from mcbook.report.figures.scans import EXPECTED, MEDIAN, OBSERVED, Field, Islands, limited
from mcbook.report.figures.sheet import Sheet, finish, safe

Array = NDArray[np.float64]

EXPECTED_COLOUR, OBSERVED_COLOUR = "#2c6e49", "#1f4e8c"
EXPECTED_AREA, OBSERVED_AREA = "#cfe3d3", "#b9d0ea"
ONE_SIGMA = (EXPECTED[MEDIAN - 1], EXPECTED[MEDIAN + 1])
MEDIAN_CURVE = EXPECTED[MEDIAN]
MAP_DECADES = 1e4
"""Colours reach from the best limit to this many times it."""
MARGIN = 2.5
"""By how much an axis of couplings reaches beyond what is excluded."""


def coupling_figure(field: Field, islands: Islands, sheet: Sheet) -> Figure:
    """Return the excluded islands in the plane of a scanned quantity and the limited coupling."""
    figure, axes = sheet.new()
    overlays = overlays_on(sheet, field.x_name, islands.what, field.x)
    set_x(axes, field.x, sheet.title(field.x_name))
    low, high = island_span(islands, heights(overlays, field.x), (field.y[0], field.y[-1]))
    scales.set_log(axes, "y", low, high)
    axes.set_ylabel(sheet.title(field.y_name))
    draw_overlays(axes, overlays)
    _hatch_field(axes, field, within=(low, high))
    _draw_excluded(axes, field)
    mark_samples(axes, field.x_name, sheet)
    finish(figure, axes, f"Excluded at {sheet.level}", [sheet], overlays)
    return figure


def edges_figure(islands: Islands, sheet: Sheet) -> Figure:
    """Return the edges of excluded islands, where only these are known."""
    figure, axes = sheet.new()
    overlays = overlays_on(sheet, islands.x_name, islands.what, islands.x)
    set_x(axes, islands.x, sheet.title(islands.x_name))
    low, high = island_span(islands, heights(overlays, islands.x))
    scales.set_log(axes, "y", low, high)
    axes.set_ylabel(sheet.title(islands.what))
    draw_overlays(axes, overlays)
    mark_gaps(axes, islands)
    for curve, colour, style, label in (
        (MEDIAN_CURVE, EXPECTED_COLOUR, "--", "expected median"),
        (ONE_SIGMA[0], EXPECTED_COLOUR, ":", r"expected $\pm1\sigma$"),
        (ONE_SIGMA[1], EXPECTED_COLOUR, ":", None),
        (OBSERVED, OBSERVED_COLOUR, "-", "observed"),
    ):
        draw_outlines(axes, islands, curve, color=colour, linestyle=style, label=label)
    mark_samples(axes, islands.x_name, sheet)
    finish(figure, axes, f"Excluded at {sheet.level}", [sheet], overlays)
    return figure


def draw_outlines(axes: Axes, islands: Islands, curve: str, *, color: str, linestyle: str,
                  label: str | None) -> None:  # fmt: skip
    """Draw the edges of excluded ranges."""
    for edge in outlines(islands, curve):
        alone = len(edge) == 1
        axes.plot(edge[:, 0], edge[:, 1], color=color, linestyle=linestyle, linewidth=1.5,
                  marker="_" if alone else "", label=label)  # fmt: skip
        label = None


def plane_figure(field: Field, sheet: Sheet) -> Figure:
    """Return where the predicted signal is excluded, or a map of limits where these are numbers."""
    figure, axes = sheet.new(has_bar=bool(field.rate))
    set_x(axes, field.x, sheet.title(field.x_name))
    if scales.is_log(field.y):
        scales.set_log(axes, "y", float(field.y[0]), float(field.y[-1]))
    else:
        axes.set_ylim(float(field.y[0]), float(field.y[-1]))
    axes.set_ylabel(sheet.title(field.y_name))
    overlays = overlays_on(sheet, field.x_name, field.y_name, field.x)
    draw_overlays(axes, overlays)
    _hatch_field(axes, field, within=(-np.inf, np.inf))
    if field.rate:
        _draw_map(figure, axes, field, sheet)
    else:
        _draw_excluded(axes, field)
    _mark_points(axes, field, sheet)
    finish(figure, axes, _plane_title(field, sheet), [sheet], overlays)
    return figure


def _plane_title(field: Field, sheet: Sheet) -> str:
    if field.rate:
        lines = r"; lines where $\mu = 1$" if limited(sheet.document) in WORDS else ""
        return f"Limits at {sheet.level}{lines}"
    vary = sheet.document["rate"]["vary"]
    if vary is None:
        return f"Excluded at {sheet.level}"
    at = sheet.symbols.number(sheet.document["limits"][0]["parameters"][vary])
    return safe(rf"Excluded at {sheet.level} for ${sheet.symbols.symbol(vary)} = {at}$")


def _draw_excluded(axes: Axes, field: Field) -> None:
    """Draw excluded regions: observed filled where the box is open, else expected."""
    has_observed = not np.isnan(field.log10_mu[OBSERVED]).all()
    area, colour = (OBSERVED, OBSERVED_AREA) if has_observed else (MEDIAN_CURVE, EXPECTED_AREA)
    label = f"excluded, {'observed' if has_observed else 'expected'}"
    if not excluded_area(axes, field, area, facecolor=colour, zorder=0.8, label=label):
        said = "nothing is excluded" if has_observed else "no exclusion is expected"
        axes.text(0.5, 0.4, said, transform=axes.transAxes, ha="center", color="0.4", zorder=3,
                  bbox={"facecolor": "w", "linewidth": 0})  # fmt: skip
    _draw_lines(axes, field, (EXPECTED_COLOUR, OBSERVED_COLOUR))


def _draw_lines(axes: Axes, field: Field, colours: tuple[str, str], **look: Any) -> None:
    """Draw where the limit on the strength is one."""
    excluded_lines(axes, field, MEDIAN_CURVE, color=colours[0], linestyle="--", linewidth=1.6,
                   label="expected median", **look)  # fmt: skip
    label: str | None = r"expected $\pm1\sigma$"
    for curve in ONE_SIGMA:
        if excluded_lines(axes, field, curve, color=colours[0], linestyle=":", linewidth=1.3,
                          label=label, **look):  # fmt: skip
            label = None
    excluded_lines(axes, field, OBSERVED, color=colours[1], linewidth=1.8, label="observed", **look)


def _draw_map(figure: Figure, axes: Axes, field: Field, sheet: Sheet) -> None:
    """Draw limits as colours: observed ones where the box is open, else the expected median.

    Where the strength follows from what is limited, lines show where the predicted signal is
    excluded.
    """
    curve = OBSERVED if not np.isnan(field.rate[OBSERVED]).all() else MEDIAN_CURVE
    values = field.rate[curve]
    known = values[np.isfinite(values) & (values > 0)]
    if not known.size:
        return
    x = scales.cell_edges(field.x, log=axes.get_xscale() == "log")
    y = scales.cell_edges(field.y, log=axes.get_yscale() == "log")
    low, high = float(known.min()), float(known.max())
    norm = LogNorm(low, np.clip(high, 1.5 * low, MAP_DECADES * low))
    mesh = axes.pcolormesh(x, y, np.ma.masked_invalid(values).T, norm=norm, cmap="viridis",
                           zorder=0.6, rasterized=True)  # fmt: skip
    left, bottom, width, height = axes.get_position().bounds
    place = figure.add_axes((left + width + 0.015, bottom, 0.025, height))
    is_cut = high > MAP_DECADES * low
    bar = figure.colorbar(mesh, cax=place, extend="max" if is_cut else "neither")
    name = limited(sheet.document)
    which = "Observed" if curve == OBSERVED else "Expected"
    bar.set_label(f"{which} upper limit on {sheet.title(name)}", fontsize=12)
    if name in WORDS:
        halo = [withStroke(linewidth=3, foreground="w", alpha=0.6)]
        _draw_lines(axes, field, ("k", "k"), path_effects=halo)


def _hatch_field(axes: Axes, field: Field, *, within: tuple[float, float]) -> None:
    """Hatch the cells around points without a limit."""
    x = scales.cell_edges(field.x, log=axes.get_xscale() == "log")
    y = np.clip(scales.cell_edges(field.y, log=axes.get_yscale() == "log"), *within)
    for mask, look, label in (
        (field.refused, scales.REFUSED_HATCH, "no limit"),
        (field.vetoed, scales.VETOED_HATCH, "vetoed"),
    ):
        boxes = [
            (x[i], x[i + 1], y[first], y[last])
            for i, column in enumerate(mask)
            for first, last in scales.runs(column)
            if y[last] > y[first]
        ]
        scales.hatch(axes, boxes, label=label, zorder=0.9, **look)


def island_span(
    islands: Islands, others: Array | None = None, scan: tuple[float, float] = (1e-12, 1.0)
) -> tuple[float, float]:
    """Return the range of couplings that shows all islands, or the whole scan without any."""
    shown = [MEDIAN_CURVE, *ONE_SIGMA, OBSERVED]
    ends = [e for c in shown for ranges in islands.curves[c] for r in ranges for e in r[:2]]
    found = np.array(ends) if others is None else np.concatenate([ends, others[others > 0]])
    if not found.size:
        return scan
    low, high = float(found.min()), float(found.max())
    return min(max(low / MARGIN, scan[0]), low), max(min(high * MARGIN, scan[1]), high)


def _mark_points(axes: Axes, field: Field, sheet: Sheet) -> None:
    """Mark the points of generated samples."""
    samples = sheet.samples or {}
    if field.x_name in samples and field.y_name in samples:
        x, y = np.unique([samples[field.x_name], samples[field.y_name]], axis=1)
        axes.plot(x, y, linestyle="none", marker="o", markersize=4, markerfacecolor="w",
                  markeredgecolor="0.2", label="generated samples")  # fmt: skip
