"""Draws published limits behind ours."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
from numpy.typing import NDArray

from mcbook.report.figures.sheet import Sheet, safe
from mcbook.report.overlays import Overlay, canonical

Array = NDArray[np.float64]

COLOURS = ("#b5467e", "#8a6d3b", "#3f8f8c", "#6b6b6b", "#7a21dd")
BEHIND = 0.5
ABOVE_ALL = 1e150


def overlays_on(sheet: Sheet, x_name: str, y_name: str, x: Array) -> list[Overlay]:
    """Return the published limits on these axes that lie beside the values x; note that they do."""
    wanted = canonical(y_name) if sheet.overlays else y_name
    processes = set(sheet.document.get("processes", {}).values())
    found = [
        entry
        for entry in sheet.overlays
        if (entry.x, entry.y) == (x_name, wanted)
        and (not entry.process or processes == {entry.process})
        and entry.points[:, 0].min() <= x.max()
        and entry.points[:, 0].max() >= x.min()
    ]
    sheet.drawn.extend(entry for entry in found if entry not in sheet.drawn)
    return found


def heights(overlays: Sequence[Overlay], x: Array) -> Array:
    """Return the y values of published limits that are to be seen beside the values x."""
    seen = [np.zeros(0)]
    for entry in overlays:
        inside = (entry.points[:, 0] >= x.min()) & (entry.points[:, 0] <= x.max())
        seen.append(entry.points[inside if entry.kind == "curve" else slice(None), 1])
    return np.concatenate(seen)


def draw_overlays(axes: Axes, overlays: Sequence[Overlay]) -> None:
    """Draw published limits, each with its level in the legend."""
    for i, entry in enumerate(overlays):
        _draw(axes, entry, COLOURS[i % len(COLOURS)])


def _draw(axes: Axes, overlay: Overlay, colour: str) -> None:
    x, y = overlay.points.T
    if overlay.kind == "curve":
        axes.plot(x, y, color=colour, linewidth=1.3, label=safe(overlay.legend), zorder=BEHIND + 1,
                  scalex=False, scaley=False)  # fmt: skip
        corners = np.concatenate([overlay.points, [[x[-1], ABOVE_ALL], [x[0], ABOVE_ALL]]])
        axes.add_patch(Polygon(corners, facecolor=colour, alpha=0.12, linewidth=0, zorder=BEHIND))
    elif overlay.kind == "region":
        axes.add_patch(
            Polygon(overlay.points, closed=True, facecolor=colour, edgecolor=colour, alpha=0.25,
                    label=safe(overlay.legend), zorder=BEHIND)
        )  # fmt: skip
    else:
        axes.add_patch(
            Rectangle((x.min(), y.min()), np.ptp(x), np.ptp(y), facecolor="none", edgecolor=colour,
                      linestyle=(0, (6, 2)), linewidth=1.2, label=safe(overlay.legend),
                      zorder=BEHIND + 1)
        )  # fmt: skip
