"""Two sets of limits in one figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mcbook.errors import InputError
from mcbook.report.figures import scales, scans
from mcbook.report.figures.lines import line, set_axes, set_x
from mcbook.report.figures.planes import MEDIAN_CURVE, draw_outlines, island_span
from mcbook.report.figures.scans import MEDIAN, OBSERVED
from mcbook.report.figures.sheet import Sheet, finish, safe

COLOURS = ("#1f4e8c", "#c1440e")


def comparison_figure(sheets: Sequence[Sheet], x_name: str, labels: Sequence[str]) -> Figure:
    """Return the limits of two sheets in one figure.

    Raises
    ------
    InputError
        If one limits numbers and the other ranges, or hypotheses share points of the scan.
    """
    kinds = {scans.has_intervals(sheet.document) for sheet in sheets}
    if len(kinds) > 1:
        raise InputError("one gives upper limits and the other ranges; they cannot be compared")
    figure, axes = sheets[0].new()
    named = [safe(f"{text} ({sheet.level})") for text, sheet in zip(labels, sheets, strict=True)]
    if kinds.pop():
        _draw_islands(axes, sheets, x_name, named)
    else:
        _draw_scans(axes, sheets, x_name, named)
    finish(figure, axes, "", sheets)
    return figure


def _draw_scans(axes: Axes, sheets: Sequence[Sheet], x_name: str, labels: Sequence[str]) -> None:
    found = []
    for sheet in sheets:
        scan = scans.scan_of(sheet.document, x_name, scans.limited(sheet.document))
        if scan is None or scan.is_empty:
            raise InputError(f"{_name(sheet)}: there is no limit against {x_name} to compare")
        found.append(scan)
    x = np.unique(np.concatenate([scan.x for scan in found]))
    values = [v for scan in found for v in (scan.expected[:, MEDIAN], scan.observed)]
    titles = sheets[0].title(x_name), sheets[0].title(found[0].what)
    set_axes(axes, x, np.concatenate(values), titles)
    for scan, label, colour in zip(found, labels, COLOURS, strict=True):
        has_observed = not np.isnan(scan.observed).all()
        if has_observed:
            line(axes, scan.x, scan.observed, f"{label}, observed", color=colour)
        line(axes, scan.x, scan.expected[:, MEDIAN], f"{label}, expected", color=colour,
             linestyle="--")  # fmt: skip


def _draw_islands(axes: Axes, sheets: Sequence[Sheet], x_name: str, labels: Sequence[str]) -> None:
    found = []
    for sheet in sheets:
        islands = scans.islands_of(sheet.document, x_name)
        if islands is None:
            raise InputError(f"{_name(sheet)}: there is no limit against {x_name} to compare")
        found.append(islands)
    x = np.unique(np.concatenate([islands.x for islands in found]))
    set_x(axes, x, sheets[0].title(x_name))
    spans = [island_span(islands) for islands in found]
    scales.set_log(axes, "y", min(low for low, _ in spans), max(high for _, high in spans))
    axes.set_ylabel(sheets[0].title(found[0].what))
    for islands, label, colour in zip(found, labels, COLOURS, strict=True):
        for curve, style, word in ((OBSERVED, "-", "observed"), (MEDIAN_CURVE, "--", "expected")):
            draw_outlines(axes, islands, curve, color=colour, linestyle=style,
                          label=f"{label}, {word}")  # fmt: skip


def _name(sheet: Sheet) -> str:
    return str(sheet.document.get("name", "the limits"))
