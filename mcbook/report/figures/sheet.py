"""The sheet that figures are drawn on: style, labels, legend, and files.

Figures are made without pyplot, so that a notebook's figures and settings stay as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any

import mplhep
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.mathtext import MathTextParser
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mcbook.report import files
from mcbook.report.figures.symbols import Symbols
from mcbook.report.overlays import Overlay, level_text

Array = NDArray[np.float64]
Document = Mapping[str, Any]

EXPERIMENT = "Belle II"
DPI = 150
LEFT, BOTTOM = 0.135, 0.145
LINES = 3
"""Lines of a footer that fit below the axes."""
ABOVE_AREAS = 1.2
FOOTER = 130

ORDER = (
    "observed", "expected median", "expected, post-fit", r"expected $\pm1", r"expected $\pm2",
    "excluded", "predicted", "", "generated", "vetoed", "no limit",
)  # fmt: skip
"""How entries of a legend begin, in their order; what is empty stands for all others."""

_STYLE = {
    "axes.formatter.use_mathtext": True,
    "axes.labelpad": 2,
    "axes.labelsize": 15,
    "axes.linewidth": 1.2,
    "font.size": 12,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.title_fontsize": 10.5,
    "path.simplify": False,
    "xaxis.labellocation": "right",
    "xtick.direction": "in",
    "xtick.major.pad": 7,
    "xtick.major.size": 7,
    "xtick.minor.size": 3.5,
    "xtick.minor.visible": True,
    "xtick.top": True,
    "yaxis.labellocation": "top",
    "ytick.direction": "in",
    "ytick.major.pad": 6,
    "ytick.major.size": 7,
    "ytick.minor.size": 3.5,
    "ytick.minor.visible": True,
    "ytick.right": True,
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all figures of a limits document share.

    `drawn` collects the published limits that came into a figure.
    """

    document: Document
    symbols: Symbols
    label: str
    overlays: tuple[Overlay, ...] = ()
    samples: Mapping[str, Array] | None = None
    drawn: list[Overlay] = field(default_factory=list)

    @property
    def level(self) -> str:
        """The confidence or credibility level, as text."""
        is_credibility = self.document.get("method") == "bayesian"
        return level_text(self.document["cl"], is_credibility=is_credibility)

    def title(self, name: str) -> str:
        """Return the title of an axis."""
        return safe(self.symbols.title(name))

    def new(self, *, has_bar: bool = False) -> tuple[Figure, Axes]:
        """Return an empty figure; `has_bar` leaves place for a scale of colours."""
        figure = new_figure(7.2, 5.6)
        right = 0.85 if has_bar else 0.97
        return figure, figure.add_axes((LEFT, BOTTOM, right - LEFT, 0.92 - BOTTOM))


@contextmanager
def styled() -> Iterator[None]:
    """Draw with mcbook's settings, whatever those of the caller are."""
    with style.context(["default", _STYLE]):
        yield


def safe(text: str) -> str:
    """Return text that can be drawn: LaTeX that is not understood is shown as it is written."""
    if text.startswith("_"):  # which would keep it out of a legend
        text = f" {text}"
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return text.replace("$", r"\$")
    return text


def finish(
    figure: Figure,
    axes: Axes,
    title: str,
    sheets: Sequence[Sheet],
    drawn: Sequence[Overlay] = (),
) -> None:
    """Add what stands around the limits: legend, labels of the experiment, footer.

    Parameters
    ----------
    figure, axes
        With everything drawn.
    title
        Of the legend.
    sheets
        Those that are drawn: luminosity and energy are shown where they share them, ids and titles
        of their results below.
    drawn
        Published limits, which are cited below.
    """
    put_legend(axes, title)
    told = [
        "  ".join(filter(None, (sheet.document.get("result"), sheet.document.get("title"))))
        for sheet in sheets
    ]
    told += wrap("; ".join(f"{entry.name}: {entry.citation}" for entry in drawn), FOOTER)
    _fit(figure, axes, len(told))
    put_label(axes, sheets[0].label, _conditions([sheet.document for sheet in sheets]))
    put_footer(figure, "\n".join(filter(None, told)))


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure; sizes are in inches."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def put_label(axes: Axes, text: str, right: str = "", *, size: float = 13) -> None:
    """Write the name of the experiment and a label above axes, and conditions to the right."""
    mplhep.label.exp_label(
        exp=EXPERIMENT,
        text=safe(text),
        rlabel=safe(right),
        data=True,  # else it says "Simulation"
        ax=axes,
        fontsize=size,
    )


def put_footer(figure: Figure, text: str) -> None:
    """Write small lines in the lower left corner."""
    figure.text(0.012, 0.012, text, fontsize=7, color="0.35", va="bottom", parse_math=False)


def _fit(figure: Figure, axes: Axes, n_lines: int) -> None:
    """Move the edges of axes to where numbers, titles, a scale of colours and footer fit."""
    box = axes.yaxis.get_tightbbox()
    left, bottom, width, height = axes.get_position().bounds
    over = max(0.0, 0.008 - box.x0 / figure.bbox.width) if box else 0.0
    beside = [each for each in figure.axes if each is not axes]
    boxes = [each.yaxis.get_tightbbox() for each in beside]
    ends = [box.x1 / figure.bbox.width for box in boxes if box is not None]
    beyond = max(0.0, *ends, 0.992) - 0.992
    axes.set_position((left + over, bottom, width - over - beyond, height))
    for each in beside:
        left, bottom, width, height = each.get_position().bounds
        each.set_position((left - beyond, bottom, width, height))
    up = max(0, n_lines - LINES) * 0.022
    for each in figure.axes:
        left, bottom, width, height = each.get_position().bounds
        each.set_position((left, bottom + up, width, height - up))


def put_legend(axes: Axes, title: str) -> None:
    """Put the legend above everything that is drawn: the y axis gives way.

    Areas and hatches that fill the axes end below it.
    """
    if not axes.get_legend_handles_labels()[0]:
        return
    for columns in (2, 1):
        found = axes.legend(
            *_ordered(axes), loc="upper right", title=title, ncols=columns, alignment="left"
        )
        width, height = _share(axes, found)
        if width < 0.98:  # noqa: PLR2004 - of the axes
            break
    room = min(height + 0.04, 0.6)
    header = Rectangle((0, 1.01 - room), 1, room, transform=axes.transAxes, facecolor="w",
                       linewidth=0, zorder=ABOVE_AREAS)  # fmt: skip
    axes.add_patch(header)
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        low, high = np.log10([low, high])
        axes.set_ylim(10**low, 10 ** (low + (high - low) / (1 - room)))
    else:
        axes.set_ylim(low, low + (high - low) / (1 - room))


def save(
    figure: Figure, folder: Path, stem: str, *documents: Document, command: str = "mcbook limits"
) -> list[Path]:
    """Write a figure as PNG and PDF.

    Both name the results in their metadata, in plain bytes, so that `mcbook.trace` finds them.
    Nothing in them depends on when they were made.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    words = [document.get(key) for document in documents for key in ("result", "name")]
    title = " ".join([command, *filter(None, words)])
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Description": title},
        "pdf": {"Keywords": title, "Subject": title, "CreationDate": None},
    }
    content = {}
    for suffix, entries in metadata.items():
        drawn = BytesIO()
        figure.savefig(drawn, format=suffix, dpi=DPI, metadata=entries)
        content[f"{stem}.{suffix}"] = drawn.getvalue()
    return [Path(name) for name in files.write(folder, content)]


def _ordered(axes: Axes) -> tuple[list[Any], list[str]]:
    """Return handles and labels: our limits first, then what is published, then the rest."""
    pairs = zip(*axes.get_legend_handles_labels(), strict=True)
    ranked = sorted(pairs, key=lambda pair: _rank(pair[1]))
    return [handle for handle, _ in ranked], [label for _, label in ranked]


def _rank(label: str) -> int:
    known = [i for i, words in enumerate(ORDER) if words and label.startswith(words)]
    return known[0] if known else ORDER.index("")


def _share(axes: Axes, found: Legend) -> tuple[float, float]:
    """Return width and height of a legend as shares of the axes."""
    box, whole = found.get_window_extent(), axes.get_window_extent()
    return box.width / whole.width, box.height / whole.height


def _conditions(documents: Sequence[Document]) -> str:
    """Return what documents share of luminosity, or number of B meson pairs, and energy."""
    first, *others = [list(_words(document)) for document in documents]
    return ", ".join(word for word in first if all(word in other for other in others))


def _words(document: Document) -> Iterator[str]:
    if "luminosity" in document:
        yield rf"$\int\!L\,dt = {document['luminosity']['value']:g}$ fb$^{{-1}}$"
    if "n_bb" in document:
        yield rf"$N_{{B\bar{{B}}}} = {document['n_bb']['value'] / 1e6:g}\times 10^6$"
    if "sqrt_s" in document:
        yield rf"$\sqrt{{s}} = {document['sqrt_s']:g}$ GeV"
