"""Scales of axes, the cells around points, and the hatching of what has no limit."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

REFUSED_HATCH: dict[str, Any] = {
    "hatch": "///", "facecolor": "none", "edgecolor": "0.62", "linewidth": 0.0,
}  # fmt: skip
VETOED_HATCH: dict[str, Any] = REFUSED_HATCH | {"hatch": "xxx", "edgecolor": "0.45"}

FEW_DECADES = 1.6
WIDE_RANGE = 30.0
PLAIN = (0.005, 2000.0)
"""Numbers within are written out, and as powers of ten beyond."""
EVEN = 0.3
ROUNDING = 1e-6
SMALL = 1e-2
"""Where no value is larger, a linear axis has numbers that are hard to read."""


def is_log(values: Array) -> bool:
    """Return whether an axis wants a logarithmic scale.

    It does for positive values that are small, that are spaced evenly in their logarithm, or over a
    wide range and not evenly.
    """
    known = np.unique(values[np.isfinite(values)])
    if known.size < 2 or known[0] <= 0:  # noqa: PLR2004
        return False
    if known[-1] < SMALL:
        return True
    steps, ratios = np.diff(known), np.diff(np.log(known))
    if _unevenness(steps) < EVEN:
        return False
    return _unevenness(ratios) < EVEN or bool(known[-1] / known[0] > WIDE_RANGE)


def is_even(edges: Array) -> bool:
    """Return whether bins are of one width, up to rounding."""
    return _unevenness(np.diff(edges)) < ROUNDING


def _unevenness(steps: Array) -> float:
    return float(np.ptp(steps) / steps.mean())


def set_log(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """Make an axis logarithmic between two values, with numbers over few decades as well."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    if which == "x":
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
    is_narrow = np.log10(high / low) < FEW_DECADES
    axis.set_major_locator(LogLocator(numticks=12))
    is_plain = low > PLAIN[0] and high < PLAIN[1]
    axis.set_major_formatter(FuncFormatter(_plain if is_plain else _power))
    axis.set_minor_locator(LogLocator(subs=np.arange(2.0, 10.0).tolist(), numticks=12))
    axis.set_minor_formatter(
        FuncFormatter(_between if is_plain else _between_powers) if is_narrow else NullFormatter()
    )


def cell_edges(values: Array, *, log: bool) -> Array:
    """Return the edges of the cells around rising points, shape (n + 1,); points at the ends.

    The first and the last cell end at their points.
    """
    if values.size < 2:  # noqa: PLR2004
        return np.array([values[0], values[0]])
    middle = np.sqrt(values[1:] * values[:-1]) if log else 0.5 * (values[1:] + values[:-1])
    return np.concatenate([values[:1], middle, values[-1:]])


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Return where runs of true values begin and end, the end not included."""
    padded = np.concatenate([[False], mask, [False]])
    change = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(change[::2], change[1::2], strict=True))


def hatch(axes: Axes, boxes: Sequence[tuple[float, float, float, float]], **look: Any) -> None:
    """Hatch boxes (x low, x high, y low, y high) as one patch, with one entry in the legend."""
    if not boxes:
        return
    paths = [Outline([(a, c), (b, c), (b, d), (a, d), (a, c)], closed=True) for a, b, c, d in boxes]
    label = look.pop("label", None)
    axes.add_patch(PathPatch(Outline.make_compound_path(*paths), **look))
    axes.add_patch(Rectangle((np.nan, np.nan), 0, 0, label=label, **look))


def _plain(value: float, _: Any) -> str:
    return f"{value:g}"


def _power(value: float, _: Any) -> str:
    exponent = round(np.log10(value))
    return {0: "1", 1: "10"}.get(exponent, rf"$10^{{{exponent}}}$")


def _between(value: float, _: Any) -> str:
    return f"{value:g}" if _digits(value)[0] in {2, 5} else ""


def _between_powers(value: float, _: Any) -> str:
    digit, exponent = _digits(value)
    return rf"${digit}\times 10^{{{exponent}}}$" if digit in {2, 5} else ""


def _digits(value: float) -> tuple[int, int]:
    exponent = int(np.floor(np.log10(value) + 1e-9))
    return round(value / 10.0**exponent), exponent
