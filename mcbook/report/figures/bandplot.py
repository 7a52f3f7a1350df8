"""Upper limits along one quantity, with their bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.report.figures import scan, titles
from mcbook.report.figures.frame import INNER, LINE, OUTER, Frame, edges_of, scale_of, scale_of_grid
from mcbook.report.figures.scan import VETOED, Scan

Array = NDArray[np.float64]

_FEW = 12
"""Up to so many points are marked one by one."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Limits along x: observed (n,), expected and after the fit (n, 5), where there are any."""

    x: Array
    observed: Array
    expected: Array
    postfit: Array | None


def curves_of(document: titles.Document, place: Scan, *keys: str) -> Curves:
    """Return limits of all rows in the order of the scanned quantity.

    Parameters
    ----------
    document
        Limits with their settings.
    place
        Where its rows are.
    keys
        Where in a row the limits are, such as ``rate`` or ``sigma_br_fb``; none for the strength.
    """
    order = place.order()
    rows = [document["limits"][i] for i in order.tolist()]
    postfit = None
    if document.get("unblinded"):
        postfit = scan.bands(rows, *keys, "expected_postfit")
    return Curves(
        place.columns[place.names[0]][order],
        scan.numbers(rows, *keys, "observed"),
        scan.bands(rows, *keys, "expected"),
        postfit,
    )


def draw_bands(frame: Frame, curves: Curves, x_title: str, y_title: str) -> None:
    """Draw bands, lines and axes."""
    axes, x, expected = frame.axes, curves.x, curves.expected
    mark: dict[str, Any] = {"marker": ".", "ms": 4} if len(x) <= _FEW else {}
    for low, high, colour, label in (
        (0, 4, OUTER, r"expected $\pm 2\sigma$"), (1, 3, INNER, r"expected $\pm 1\sigma$"),
    ):  # fmt: skip
        axes.fill_between(
            x, expected[:, low], expected[:, high], color=colour, lw=0, label=label, zorder=1
        )
    is_open = np.isfinite(curves.observed).any()
    name = "expected, before the fit" if curves.postfit is not None else "expected"
    axes.plot(x, expected[:, 2], "--", color=LINE, lw=1.5, label=name, zorder=3, **mark)
    if curves.postfit is not None:
        axes.plot(
            x,
            curves.postfit[:, 2],
            ":",
            color=LINE,
            lw=1,
            label="expected, after the fit",
            zorder=3,
        )
    if is_open:
        axes.plot(
            x, curves.observed, "-", color="black", lw=1.5, label="observed", zorder=5, **mark
        )
    axes.set_xlabel(x_title)
    axes.set_ylabel(f"upper limit on {y_title}")
    axes.set_xscale(scale_of_grid(x))
    axes.set_xlim(x[0], x[-1])
    values = np.concatenate([expected.ravel(), curves.observed])
    scale = scale_of(values)
    axes.set_yscale(scale)
    known = values[np.isfinite(values)]
    if scale == "linear" and known.size:
        axes.set_ylim(0, known.max() * 1.35)
    elif known.size:
        axes.set_ylim(known.min() / 2, known.max() * 8)


def hatch_gaps(frame: Frame, place: Scan) -> None:
    """Hatch where hypotheses are vetoed or refused."""
    order = place.order().tolist()
    rows: Sequence[Any] = [frame.document["limits"][i] for i in order]
    borders = edges_of(place.columns[place.names[0]][order])
    borders[0], borders[-1] = np.maximum(borders[0], 0), borders[-1]
    labelled = set()
    start = 0
    why = [_gap(row) for row in rows]
    for i in range(1, len(rows) + 1):
        if i < len(rows) and why[i] == why[start]:
            continue
        if why[start]:
            label = why[start] if why[start] not in labelled else None
            labelled.add(why[start])
            frame.axes.axvspan(
                borders[start], borders[i], facecolor="none", edgecolor="#9a9a9a",
                hatch="///" if why[start] == VETOED else "...", lw=0, label=label, zorder=0,
            )  # fmt: skip
        start = i


def _gap(row: Any) -> str:
    flags = row.get("flags", ())
    if VETOED in flags:
        return VETOED
    return "" if any(value is not None for value in row["expected"]) else "no limit"
