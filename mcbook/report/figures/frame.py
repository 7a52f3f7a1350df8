"""One pair of axes with what every figure of limits has around it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import mplhep
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mcbook.errors import WorkError
from mcbook.report.figures import titles
from mcbook.report.figures.titles import Document
from mcbook.report.overlays import Overlay

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[np.float64]

EXPERIMENT = "Belle II"
INNER, OUTER, LINE = "#85c7a3", "#f7e08c", "#1b3a57"
"""Green and yellow of the bands, which differ in lightness too, and of lines."""

OVERLAYS = ("#b0413e", "#7a4fa3", "#2f7fb5", "#8c6d31", "#5b5b5b")
DOTS_PER_INCH = 150

_WIDE = 20.0  # from this ratio on an axis is logarithmic
_STYLE: dict[Any, Any] = {
    "font.size": 12, "axes.titlesize": 12, "legend.fontsize": 9.5, "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "xtick.direction": "in", "ytick.direction": "in", "xtick.top": True, "ytick.right": True,
    "xtick.minor.visible": True, "ytick.minor.visible": True, "hatch.linewidth": 0.6,
    "hatch.color": "#9a9a9a", "mathtext.fontset": "dejavusans", "svg.hashsalt": "mcbook",
}  # fmt: skip


class Frame:
    """A figure in the making.

    Parameters
    ----------
    document
        Limits with their settings.
    label
        What stands behind the name of the experiment.
    """

    def __init__(self, document: Document, label: str) -> None:
        self.document = document
        self.label = label
        with mpl.rc_context(_STYLE):
            self.figure = Figure(figsize=(6.8, 5.1))
            FigureCanvasAgg(self.figure)
            self.axes = self.figure.add_axes((0.135, 0.125, 0.835, 0.8))
        self.told = ""
        self.heading: str | None = titles.level(document)
        self.notes: list[str] = []

    def overlay(self, overlays: "Sequence[Overlay]", x: str, y: str) -> None:
        """Draw published limits that have these axes; others leave a note."""
        for number, entry in enumerate(overlays):
            if (entry.x, entry.y) != (x, y):
                self.notes.append(
                    f"{entry.name} is not drawn on {x}, {y}: it has {entry.x}, {entry.y}"
                )
                continue
            colour = OVERLAYS[number % len(OVERLAYS)]
            points = np.array(entry.points)
            if entry.kind == "points":
                self.axes.plot(*points.T, "v", color=colour, label=entry.label, zorder=6)
                continue
            if entry.kind == "region":
                points = np.concatenate([points, points[:1]])
                self.axes.fill(*points.T, color=colour, alpha=0.15, zorder=1.5)
            self.axes.plot(*points.T, color=colour, lw=1.4, label=entry.label, zorder=4)

    def save(self, folder: Path, name: str) -> list[Path]:
        """Put label, legend and the id of the result to it, and write PNG and PDF into place.

        Raises
        ------
        WorkError
            If the folder cannot be written.
        """
        with mpl.rc_context(_STYLE):
            if self.axes.get_legend_handles_labels()[0]:
                told = ", ".join(filter(None, (self.heading, self.told)))
                self.axes.legend(title=told or None, alignment="left")
            mplhep.label.exp_label(
                exp=EXPERIMENT, text=self.label, data=True, loc=0, ax=self.axes,
                rlabel=titles.data(self.document), fontsize=12,
            )  # fmt: skip
            result = self.document.get("result") or ""
            self.figure.text(
                0.995, 0.008, result, ha="right", va="bottom", fontsize=7, color="#777777"
            )
            return [self._write(folder, f"{name}.{kind}", result) for kind in ("png", "pdf")]

    def _write(self, folder: Path, name: str, result: str) -> Path:
        kind = name.rpartition(".")[2]
        metadata: dict[str, str | None]
        if kind == "png":
            metadata = {"Description": result, "Software": "mcbook"}
        else:
            metadata = {"Keywords": result, "Creator": "mcbook", "Producer": None,
                        "CreationDate": None}  # fmt: skip
        aside = folder / f".figure-{os.getpid()}.{kind}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.figure.savefig(aside, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
            aside.replace(folder / name)
        except OSError as error:
            raise WorkError(f"{folder / name} cannot be written: {error.strerror}") from error
        finally:
            aside.unlink(missing_ok=True)
        return folder / name


def scale_of(values: Array) -> str:
    """Return how an axis with these values is drawn: log where they are spread that way."""
    known = values[np.isfinite(values)]
    if not known.size or (known <= 0).any():
        return "linear"
    return "log" if known.max() > _WIDE * known.min() else "linear"


def scale_of_grid(values: Array) -> str:
    """Return how an axis with these grid points is drawn: log where they are spaced that way."""
    if len(values) < 3 or (values <= 0).any():  # noqa: PLR2004
        return "linear"
    steps, ratios = np.diff(values), np.diff(np.log(values))
    even = ratios.std() / ratios.mean() < steps.std() / steps.mean()
    return "log" if even and values[-1] > 2 * values[0] else "linear"


def edges_of(values: Array) -> Array:
    """Return the borders between positions, half way in the sense of their spacing."""
    if len(values) == 1:
        return np.array([0.95, 1.05]) * values
    is_log = scale_of_grid(values) == "log"
    at = np.log(values) if is_log else values
    middle = (at[1:] + at[:-1]) / 2
    found = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return np.asarray(np.exp(found) if is_log else found)
