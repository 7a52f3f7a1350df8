"""Exclusion in a plane: contours, islands, and colours of a limit."""

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from mcbook.analysis.contour import contours
from mcbook.analysis.result import Plane
from mcbook.report.figures.frame import INNER, LINE, Frame, edges_of, scale_of_grid

Array = NDArray[np.float64]

_CAP = 3.0
_DECADES = 1e4
"""Limits that are weaker than the strongest one by more share a colour."""


def draw_plane(frame: Frame, plane: Plane, x_title: str, y_title: str) -> None:
    """Draw what is excluded in a plane: where the limit on the strength is below 1."""
    axes = frame.axes
    is_open = "observed" in plane.log10_mu
    axes.set_xscale(scale_of_grid(plane.x))
    axes.set_yscale(scale_of_grid(plane.y))
    _fill(frame, plane, "observed" if is_open else "expected")
    for name, style, width, label in (
        ("expected-1", ":", 1.1, None), ("expected+1", ":", 1.1, r"expected $\pm 1\sigma$"),
        ("expected", "--", 1.6, "expected"), ("observed", "-", 1.8, "observed"),
    ):  # fmt: skip
        if name in plane.log10_mu:
            colour = "black" if name == "observed" else LINE
            _lines(frame, plane, name, {"ls": style, "lw": width, "color": colour}, label)
    hatch(frame, plane.x, plane.y, plane.mask)
    axes.set_xlabel(x_title)
    axes.set_ylabel(y_title)
    axes.set_xlim(plane.x[0], plane.x[-1])
    axes.set_ylim(plane.y[0], plane.y[-1])


def draw_colours(
    frame: Frame, x: Array, y: Array, values: Array, titles: tuple[str, str, str]
) -> None:
    """Draw a positive limit on a grid as colours, shape (nx, ny), on a logarithmic scale."""
    axes = frame.axes
    axes.set_xscale(scale_of_grid(x))
    axes.set_yscale(scale_of_grid(y))
    known = values[np.isfinite(values) & (values > 0)]
    if known.size:
        low = known.min()
        norm = LogNorm(low, np.clip(known.max(), low * 1.01, low * _DECADES))
        shown = np.ma.masked_invalid(values.T)
        mesh = axes.pcolormesh(edges_of(x), edges_of(y), shown, norm=norm, cmap="viridis")
        mesh.set_rasterized(True)
        frame.axes.set_position((0.135, 0.125, 0.68, 0.8))
        place = frame.figure.add_axes((0.835, 0.125, 0.025, 0.8))
        extend = "max" if known.max() > low * _DECADES else "neither"
        bar = frame.figure.colorbar(mesh, cax=place, extend=extend)
        bar.set_label(titles[2])
    axes.set_xlabel(titles[0])
    axes.set_ylabel(titles[1])


def mark_samples(frame: Frame, samples: Mapping[str, Array], x: str, y: str) -> None:
    """Mark where samples were generated, if they have both quantities."""
    if x in samples and y in samples:
        frame.axes.plot(
            samples[x], samples[y], "o", ms=3, mfc="none", mec="#444444", mew=0.7, ls="none",
            label="samples", zorder=4, clip_on=True,
        )  # fmt: skip


def hatch(frame: Frame, x: Array, y: Array, mask: NDArray[np.bool_]) -> None:
    """Hatch where there is no limit."""
    if not mask.any():
        return
    ex, ey = edges_of(x), edges_of(y)
    for i in range(mask.shape[0]):
        for start, stop in _runs(mask[i]):
            frame.axes.fill_between(
                ex[i : i + 2], ey[start], ey[stop], facecolor="none", edgecolor="#9a9a9a",
                hatch="///", lw=0, zorder=0.5,
            )  # fmt: skip
    frame.axes.fill_between([], [], [], facecolor="none", edgecolor="#9a9a9a", hatch="///", lw=0,
                            label="no limit")  # fmt: skip


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    steps = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
    return list(zip(np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist(),
                    strict=True))  # fmt: skip


def _fill(frame: Frame, plane: Plane, name: str) -> None:
    height = np.clip(np.where(plane.mask, np.nan, plane.log10_mu[name]), -_CAP, _CAP)
    shown = np.ma.masked_invalid(height.T)
    if np.ma.count(shown) and shown.min() < 0 and min(shown.shape) > 1:
        frame.axes.contourf(
            plane.x, plane.y, shown, levels=[-_CAP - 1, 0], colors=[INNER], alpha=0.55, zorder=1
        )
        frame.axes.fill_between([], [], [], color=INNER, alpha=0.55, lw=0,
                                label=f"excluded ({name})")  # fmt: skip


def _lines(
    frame: Frame, plane: Plane, name: str, style: Mapping[str, object], label: str | None
) -> None:
    """Draw contours of log10 mu = 0; they are traced as the axes are drawn."""
    axes = frame.axes
    is_log = (axes.get_xscale() == "log", axes.get_yscale() == "log")
    x, y = (np.log(v) if log else v for v, log in zip((plane.x, plane.y), is_log, strict=True))
    for line in contours(x, y, plane.log10_mu[name], mask=plane.mask):
        points = (np.exp(v) if log else v for v, log in zip(line.T, is_log, strict=True))
        axes.plot(*points, label=label, zorder=4, **style)  # type: ignore[arg-type]
        label = None
