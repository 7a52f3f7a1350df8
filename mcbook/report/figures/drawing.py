"""Chooses the figures of a result and draws them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import Channel
from mcbook.analysis.result import AnalysisResult
from mcbook.errors import InputError
from mcbook.report.figures import bandplot, planes, scan, titles
from mcbook.report.figures.frame import Frame
from mcbook.report.figures.scan import Scan, scan_of
from mcbook.report.overlays import Overlay

Array = NDArray[np.float64]
Document = titles.Document


def draw(
    document: Document,
    folder: Path,
    *,
    result: AnalysisResult | None = None,
    overlays: Sequence[Overlay] = (),
    label: str = "own work",
) -> tuple[list[Path], list[str]]:
    """Draw what a document holds, each figure as PNG and PDF.

    Along one quantity: bands of the limits, and of those on the cross section times branching
    fractions; what is excluded in the plane with a coupling. Over two: what is excluded there.

    Parameters
    ----------
    document
        Limits with their settings, as in ``limits.json``.
    folder
        Where figures go to.
    result
        The limits of an analysis, with planes.
    overlays
        Published limits.
    label
        What stands behind the name of the experiment.

    Returns
    -------
    tuple
        The files, and notes on what was not drawn.

    Raises
    ------
    WorkError
        If a file cannot be written.
    """
    return _Drawing(document, folder, result, overlays, label).draw()


class _Drawing:
    def __init__(
        self,
        document: Document,
        folder: Path,
        result: AnalysisResult | None,
        overlays: Sequence[Overlay],
        label: str,
    ) -> None:
        self.document, self.folder, self.result = document, folder, result
        self.overlays, self.label = overlays, label
        self.model = result.analysis.model if result else titles.model_of(document)
        self.files: list[Path] = []
        self.notes: list[str] = []

    def draw(self) -> tuple[list[Path], list[str]]:
        if not self.document["limits"]:
            return [], ["no figure: there are no hypotheses"]
        place = scan_of(self.document)
        if not place.names:
            return [], ["no figure: the hypotheses lie neither along a line nor on a grid"]
        if len(place.names) == 1:
            self.along(place)
        else:
            self.over(place)
        return self.files, list(dict.fromkeys(self.notes))

    def along(self, place: Scan) -> None:
        """Draw limits along one quantity."""
        x = place.names[0]
        rate = self.document.get("rate", {"name": "mu", "vary": None})
        rows = self.document["limits"]
        is_interval = any(row.get("rate", {}).get("kind") == "intervals" for row in rows)
        if not is_interval:
            keys = ("rate",) if "rate" in self.document else ()
            self.bands(place, keys, rate["name"], "limits")
        if is_interval and self.result is not None:
            self.plane(x, rate["vary"], "islands")
        if rate["name"] != "sigma_br" and "rate" in self.document:
            known = bandplot.curves_of(self.document, place, "sigma_br_fb").expected
            if np.isfinite(known).any():
                self.bands(place, ("sigma_br_fb",), "sigma_br", "cross_section")

    def bands(self, place: Scan, keys: tuple[str, ...], what: str, name: str) -> None:
        curves = bandplot.curves_of(self.document, place, *keys)
        if not np.isfinite(curves.expected).any():
            self.notes.append(f"no figure of {what}: no hypothesis has a limit on it")
            return
        frame = Frame(self.document, self.label)
        x = place.names[0]
        if keys == ("sigma_br_fb",):
            frame.told = self.at_coupling()
        bandplot.draw_bands(frame, curves, titles.title(x, self.model), self.titled(what))
        bandplot.hatch_gaps(frame, place)
        self.finish(frame, x, what, name)

    def plane(self, x: str, y: str, name: str) -> None:
        assert self.result is not None  # noqa: S101
        try:
            plane = self.result.plane(x, y)
        except InputError as error:
            self.notes.append(f"no figure of {x} and {y}: {error.message}")
            return
        frame = Frame(self.document, self.label)
        planes.draw_plane(frame, plane, self.titled(x), self.titled(y))
        planes.mark_samples(frame, samples_of(self.result), x, y)
        self.finish(frame, x, y, name)

    def over(self, place: Scan) -> None:
        """Draw limits over two quantities."""
        x, y = place.names
        if self.result is not None:
            self.plane(x, y, "excluded")
        rate = self.document.get("rate", {"name": "mu"})
        keys = ("rate",) if "rate" in self.document else ()
        rows = self.document["limits"]
        values = scan.numbers(rows, *keys, "observed")
        shown = "observed"
        if not np.isfinite(values).any():
            values, shown = scan.bands(rows, *keys, "expected")[:, 2], "expected"
        if not np.isfinite(values).any():
            return
        (xs, i), (ys, j) = (np.unique(place.columns[n], return_inverse=True) for n in (x, y))
        grid = np.full((len(xs), len(ys)), np.nan)
        grid[i, j] = values
        frame = Frame(self.document, self.label)
        bar = f"{shown} limit on {self.titled(rate['name'])}, {titles.level(self.document)}"
        planes.draw_colours(frame, xs, ys, grid, (self.titled(x), self.titled(y), bar))
        planes.hatch(frame, xs, ys, np.isnan(grid))
        self.finish(frame, x, y, "limits")

    def at_coupling(self) -> str:
        """Return at which coupling an efficiency is taken that moves with it."""
        row = next(row for row in self.document["limits"] if row["method"])
        if row["rate"].get("kind") != "intervals":
            return ""
        vary = row["rate"]["vary"]
        return f"at {titles.symbol_of(vary, self.model)} = {row['parameters'][vary]:g}"

    def titled(self, name: str) -> str:
        return titles.title(name, self.model)

    def finish(self, frame: Frame, x: str, y: str, name: str) -> None:
        frame.overlay(self.overlays, x, y)
        self.files += frame.save(self.folder, name)
        self.notes += frame.notes


def samples_of(result: AnalysisResult) -> Mapping[str, Array]:
    """Return where the maps of an analysis have samples, by quantity, shape (n,) each.

    Maps with different axes have no common points, and those in ROOT files and those that are given
    as other objects than `mcbook.efficiency.EfficiencyMap` none at all.
    """
    found: dict[str, list[Array]] = {}
    for channel in result.analysis.channels:
        for name, values in _nodes_of(result, channel).items():
            found.setdefault(name, []).append(values)
    return {
        name: np.concatenate(parts)
        for name, parts in found.items()
        if len(parts) == len(result.analysis.channels)
    }


def _nodes_of(result: AnalysisResult, channel: Channel) -> Mapping[str, Array]:
    """Return where the map of a channel has samples, by axis; nothing where nobody knows."""
    from mcbook.efficiency.maps import EfficiencyMap
    from mcbook.efficiency.table import read_table

    source, given = channel.efficiency, result.maps.get(channel.name)
    if isinstance(given, EfficiencyMap):
        return dict(zip(given.axes, given.nodes.points.T, strict=True))
    if given is not None or source.path is None:
        return {}
    try:
        table = read_table(source.path)
    except InputError:
        return {}
    return {name: np.asarray(table.columns[name], dtype=float) for name in source.axes}
