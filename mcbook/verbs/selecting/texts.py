"""The files of ``mcbook select``, as texts."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mcbook.efficiency.table import COLUMNS
from mcbook.selection.records import Correction, Selection
from mcbook.verbs.selecting.backgrounds import totals
from mcbook.verbs.selecting.counted import Counted, Kept

Row = Mapping[str, Any]

CUTFLOW, EFFICIENCY, BACKGROUNDS = "cutflow.csv", "efficiency.csv", "backgrounds.csv"
SYSTEMATICS, DATA = "systematics.yaml", "data.csv"
BACKGROUND_OF, DATA_OF = "background_", "data_"
HISTOGRAM_OF, TEMPLATE_OF, DATA_HISTOGRAM_OF = "histogram_", "template_", "data_histogram_"
BEGINNINGS = (BACKGROUND_OF, DATA_OF)
OF_HISTOGRAMS = (HISTOGRAM_OF, TEMPLATE_OF, DATA_HISTOGRAM_OF)
"""How the names of the files of one histogram begin."""
"""How the names of the files of one region begin."""

TITLES = {
    CUTFLOW: "What is left behind each cut",
    EFFICIENCY: "Efficiencies",
    BACKGROUNDS: "Expected background",
    SYSTEMATICS: "Relative errors of the efficiency",
    DATA: "Observed events",
}
"""What the first line of a file says that it is."""

HISTOGRAM_TITLES = {
    HISTOGRAM_OF: "Expected background in bins",
    TEMPLATE_OF: "Signal in bins of resolutions",
    DATA_HISTOGRAM_OF: "Observed events in bins",
}

_DIGITS = 15


def head(selection: Selection, frozen: str, what: str, *more: str) -> str:
    """Return the lines of comments that say of which selection a table is."""
    lines = (f"{what}: selection {selection.name}", f"frozen {frozen}", *more)
    return "".join(f"# {line}\n" for line in lines)


def table(top: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a CSV file below its comments."""
    out = io.StringIO()
    out.write(top)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else value


def histogram(top: str, columns: Mapping[str, Any]) -> str:
    """Return a table of bins."""
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return table(top, list(columns), rows)


def cutflow(
    top: str, counted: Sequence[Counted], samples: Mapping[str, Row], axes: Sequence[str]
) -> str:
    """Return the table of all cuts, a row for each cut in each region of each simulation."""
    names = ("sample_id", "region", "position", "cut", "n_generated", "sumw_generated",
             "n", "sumw", "sumw2", *axes)  # fmt: skip
    rows = [
        (one.source.simulation_id, flow.region, position, step.name, round(one.generated),
         float(one.generated), int(step.n), float(step.sumw), float(step.sumw2),
         *_point(samples[one.source.sample_id], axes))
        for one in counted
        for flow in one.flows
        for position, step in enumerate(flow.steps)
    ]  # fmt: skip
    return table(top, names, rows)


def efficiency(
    top: str, kept: Sequence[Kept], samples: Mapping[str, Row], axes: Sequence[str]
) -> str:
    """Return the table of efficiencies that `mcbook.efficiency.table` reads."""
    rows = [
        (one.label, one.region, one.n_generated, one.n, one.sumw_generated, one.sumw, one.sumw2,
         *_point(samples[one.sample_id], axes), *one.axes.values())
        for one in kept
    ]  # fmt: skip
    return table(top, (*COLUMNS, *axes, *(kept[0].axes if kept else ())), rows)


def _point(sample: Row, axes: Sequence[str]) -> list[float]:
    return [float(sample["parameters"][name]) for name in axes]


def backgrounds(
    top: str, rows: Sequence[Row], points: Sequence[Row], axes: Sequence[str]
) -> dict[str, str]:
    """Return files with expected events: one by background, and one with the sums for each region.

    The latter is what an analysis reads as ``background: {table: FILE, axes: [...]}``.
    """
    names = (*axes, "region", "background", "expected", "stat", "n")
    found = {
        BACKGROUNDS: table(top, names, [
            (*_of(points[row["point"]], axes), row["region"], row["background"],
             row["expected"], row["stat"], row["n"])
            for row in rows
        ])
    }  # fmt: skip
    for region in dict.fromkeys(row["region"] for row in rows):
        sums = totals(rows, region, len(points))
        found[f"{BACKGROUND_OF}{region}.csv"] = table(
            top, (*axes, "background", "background_stat"),
            [(*_of(point, axes), one["background"], one["stat"])
             for point, one in zip(points, sums, strict=True)],
        )  # fmt: skip
    return found


def data(
    top: str, rows: Sequence[Row], points: Sequence[Row], axes: Sequence[str]
) -> dict[str, str]:
    """Return files with observed events in regions that are open, one with all and one for each.

    The latter is what an analysis reads as ``observed: {table: FILE, axes: [...]}``.
    """
    found = {
        DATA: table(top, (*axes, "region", "observed"), [
            (*_of(points[row["point"]], axes), row["region"], row["observed"]) for row in rows
        ])
    }  # fmt: skip
    for region in dict.fromkeys(row["region"] for row in rows):
        found[f"{DATA_OF}{region}.csv"] = table(
            top, (*axes, "observed"),
            [(*_of(points[row["point"]], axes), row["observed"])
             for row in rows if row["region"] == region],
        )  # fmt: skip
    return found


def _of(point: Row, axes: Sequence[str]) -> list[float]:
    return [float(point[name]) for name in axes]


def systematics(
    top: str,
    selection: Selection,
    points: Sequence[Mapping[str, Any]],
    axes: Sequence[str],
    of_width: Sequence[tuple[Mapping[str, float], float]],
) -> str:
    """Return the relative errors of corrections, width and filter as an analysis includes them.

    An error that is interpolated becomes one of bins, a bin around each of *points*.

    Parameters
    ----------
    top
        The first lines of the file.
    selection
        The selection.
    points
        All quantities of the model at each row.
    axes
        Parameters that tell samples apart.
    of_width
        Parameters of samples, and what the error of the width in data makes of the efficiency.
    """
    entries = [_systematic(one, points) for one in selection.corrections]
    if any(error for _, error in of_width):
        entries.append(_width(axes, of_width))
    if selection.filter is not None and selection.filter.relative_error > 0:
        error = selection.filter.relative_error
        entries.append({"source": "filter", "affects": "signal", "relative": error})
    lines = "".join(f"- {json.dumps(entry)}\n" for entry in entries)
    return f"{top}schema: 1\nsystematics:{' []' * (not entries)}\n{lines}"


def _systematic(one: Correction, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"source": one.source, "affects": "signal"}
    if one.edges:
        errors = list(one.relative_errors)
        if len(set(errors)) == 1:
            return {**found, "relative": errors[0]}
        return {**found, "of": one.of.text, "edges": list(one.edges), "relative": errors}
    error = one.relative_error
    if error is None or error.nodes is None:
        return {**found, "relative": one.at(points[0])[1]}
    at = {
        float(error.formula.evaluate_checked({n: point[n] for n in error.names})): one.at(point)[1]
        for point in points
    }
    return {**found, **_bins(error.formula.text, at)}


def _width(
    axes: Sequence[str], of_width: Sequence[tuple[Mapping[str, float], float]]
) -> dict[str, Any]:
    """Return what is in bins where samples lie on one axis, and the largest of all elsewhere."""
    found = {"source": "window_width", "affects": "signal"}
    if len(axes) != 1:
        return {**found, "relative": max(error for _, error in of_width)}
    at: dict[float, float] = {}
    for point, error in of_width:
        place = float(point[axes[0]])
        at[place] = max(error, at.get(place, 0.0))
    return {**found, **_bins(axes[0], at)}


def _bins(of: str, at: Mapping[float, float]) -> dict[str, Any]:
    """Return a bin around each position of an error, one number where all are the same."""
    positions = sorted(at)
    middles = [(low + high) / 2 for low, high in pairwise(positions)]
    if not middles or len(set(at.values())) == 1:
        return {"relative": at[positions[0]]}
    edges = [positions[0], *middles, positions[-1]]
    return {"of": of, "edges": edges, "relative": [at[p] for p in positions]}
