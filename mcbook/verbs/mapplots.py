"""``mcbook efficiency plot``: a map as figures, with the numbers beside."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import Systematic
from mcbook.analysis.systematicfile import read_sources, relative_at
from mcbook.efficiency import EfficiencyMap, clopper_pearson
from mcbook.errors import InputError
from mcbook.report import files
from mcbook.verbs.maps import Opened, open_map
from mcbook.verbs.mapviews import LEVEL

if TYPE_CHECKING:
    from mcbook.report.figures.efficiencies import Curve, Look, Plane

Array = NDArray[np.float64]
Row = dict[str, Any]

FINE = 400
"""Points of a curve between the first and the last node."""

FINE_PLANE = 121
"""Points along each axis of a plane."""

MOST_SLICES = 5
"""Slices that one figure of more than two axes has."""

_PLAIN = re.compile(r"[^A-Za-z0-9_.+-]+")


def plot_efficiency_map(
    source: str | Path,
    *,
    output: str | Path,
    region: str | None = None,
    axes: Sequence[str] | None = None,
    thresholds: Sequence[str] = (),
    systematics: str | Path | None = None,
    label: str = "own work",
    catalog: str | None = None,
    models_dir: str | Path | None = None,
) -> Row:
    """Draw a map: curves along one axis, planes over two, slices over more.

    Parameters
    ----------
    source, region, axes, thresholds, catalog
        As in `mcbook.show_efficiency_map`.
    output
        The folder for the figures (PNG and PDF) and the numbers in them (CSV).
    systematics
        A YAML file with ``systematics`` as an analysis has them (an analysis is one): relative
        uncertainties of the efficiency by source, whose quadratic sum is a band.
    label
        Label of the figures.
    models_dir
        A folder with signal models that is looked into first, for the symbols of the axes.

    Returns
    -------
    dict
        ``map``, ``id``, ``axes``, ``regions``, ``sources``, and ``files`` that were written.

    Raises
    ------
    InputError
        If the map or the systematics are not right.
    WorkError
        If the folder cannot be written.
    """
    opened = open_map(source, region=region, axes=axes, thresholds=thresholds, catalog=catalog)
    maps = {name: opened.map(name) for name in opened.regions}
    known = read_sources(systematics, opened.axes) if systematics is not None else ()
    look = _look(opened, label, models_dir)
    folder = Path(output)
    varying = {name: [made.axes[j] for j in made.domain.varying] for name, made in maps.items()}
    written: list[str] = []
    if (
        all(len(names) == 1 for names in varying.values())
        and len({names[0] for names in varying.values()}) == 1
    ):
        axis = next(iter(varying.values()))[0]
        stem = _stem(opened.name)
        written += _write_curves(maps, axis, known, look, folder, stem)
    else:
        for name, made in maps.items():
            stem = _stem(opened.name, name if len(maps) > 1 else "")
            written += _write_region(made, varying[name], known, look, folder, stem)
    return {
        "map": opened.name.removeprefix("efficiency map "),
        "id": opened.id,
        "axes": list(opened.axes),
        "regions": list(opened.regions),
        "sources": [entry.source for entry in known],
        "files": written,
    }


def _write_region(
    made: EfficiencyMap,
    varying: Sequence[str],
    known: Sequence[Systematic],
    look: "Look",
    folder: Path,
    stem: str,
) -> list[str]:
    if not varying:
        raise InputError(
            f"{made.name}: there is one node, and nothing to draw",
            hint="`mcbook efficiency show` has its numbers",
        )
    if len(varying) == 2:  # noqa: PLR2004 - a plane
        return _write_plane(made, varying, known, look, folder, stem)
    return _write_curves(*_slices(made, varying), known, look, folder, stem)


def _slices(made: EfficiencyMap, varying: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Return slices of a map along the axis with most values, at values that the others have."""
    points = made.domain.kept.points
    places = {name: made.axes.index(name) for name in varying}
    axis = max(varying, key=lambda name: len(np.unique(points[:, places[name]])))
    others = [name for name in varying if name != axis]
    if not others:
        return {made.region: made}, axis
    columns = points[:, [places[name] for name in others]]
    values, counts = np.unique(columns, axis=0, return_counts=True)
    most = np.sort(np.argsort(-counts, kind="stable")[: 4 * MOST_SLICES])
    chosen = most[np.unique(np.linspace(0, len(most) - 1, MOST_SLICES).round().astype(int))]
    found = {}
    for row in values[chosen]:
        held = dict(zip(others, row.tolist(), strict=True))
        found[", ".join(f"{name} = {value:.4g}" for name, value in held.items())] = (made, held)
    return found, axis


def _write_curves(
    maps: Mapping[str, Any],
    axis: str,
    known: Sequence[Systematic],
    look: "Look",
    folder: Path,
    stem: str,
) -> list[str]:
    from mcbook.report.figures.efficiencies import draw_curves

    curves, rows = [], []
    for name, entry in maps.items():
        made, held = entry if isinstance(entry, tuple) else (entry, {})
        curve, more = _curve(made, axis, held, known, name or "efficiency")
        curves.append(curve)
        rows += more
    numbers = files.write(folder, {f"{stem}.csv": _csv(rows)})
    drawn = draw_curves(curves, axis, look, folder, stem)
    return [*map(str, drawn), *numbers]


def _curve(
    made: EfficiencyMap,
    axis: str,
    held: Mapping[str, float],
    known: Sequence[Systematic],
    label: str,
) -> tuple["Curve", list[Row]]:
    from mcbook.report.figures.efficiencies import Curve
    from mcbook.report.figures.scales import is_log

    kept, j = made.domain.kept, made.axes.index(axis)
    values = np.unique(kept.points[:, j])
    space = np.geomspace if is_log(values) else np.linspace
    x = np.unique(np.concatenate([space(values[0], values[-1], FINE), values]))
    columns = {name: np.full(x.size, kept.points[0, i]) for i, name in enumerate(made.axes)}
    columns |= {name: np.full(x.size, value) for name, value in held.items()} | {axis: x}
    found = made.evaluate(columns)
    sources = _sources(known, columns, x.size)
    near = [kept.points[:, made.axes.index(n)] == value for n, value in held.items()]
    on = np.logical_and.reduce(near) if near else np.ones(len(kept), dtype=bool)
    low, high = clopper_pearson(*(entry[on] for entry in kept.effective), cl=LEVEL)
    at = kept.efficiency[on]
    curve = Curve(
        label, x, found.value, found.mc_error, found.interpolation_error, kept.points[on, j], at,
        np.maximum(at - low, 0), np.maximum(high - at, 0), sources,
    )  # fmt: skip
    return curve, _numbers(made.region, columns, found, sources)


def _write_plane(
    made: EfficiencyMap,
    names: Sequence[str],
    known: Sequence[Systematic],
    look: "Look",
    folder: Path,
    stem: str,
) -> list[str]:
    from mcbook.report.figures.efficiencies import draw_plane

    plane, rows = _plane(made, names, known)
    numbers = files.write(folder, {f"{stem}.csv": _csv(rows)})
    drawn = draw_plane(plane, (names[0], names[1]), look, folder, stem)
    return [*map(str, drawn), *numbers]


def _plane(
    made: EfficiencyMap, names: Sequence[str], known: Sequence[Systematic]
) -> tuple["Plane", list[Row]]:
    from mcbook.report.figures.efficiencies import Plane
    from mcbook.report.figures.scales import is_log

    kept = made.domain.kept
    places = [made.axes.index(name) for name in names]
    along = []
    for j in places:
        values = np.unique(kept.points[:, j])
        space = np.geomspace if is_log(values) else np.linspace
        along.append(space(values[0], values[-1], FINE_PLANE))
    x, y = (grid.ravel() for grid in np.meshgrid(*along, indexing="ij"))
    columns = {name: np.full(x.size, kept.points[0, i]) for i, name in enumerate(made.axes)}
    columns |= dict(zip(names, (x, y), strict=True))
    found = made.evaluate(columns)
    sources = _sources(known, columns, x.size)
    shape = (len(along[0]), len(along[1]))
    error = np.hypot(found.mc_error, found.interpolation_error)
    extra = sum((values**2 for values in sources.values()), start=np.zeros(x.size))
    error = np.hypot(error, found.value * np.sqrt(extra))
    plane = Plane(along[0], along[1], found.value.reshape(shape), error.reshape(shape),
                  kept.points[:, places])  # fmt: skip
    return plane, _numbers(made.region, columns, found, sources)


def _sources(
    known: Sequence[Systematic], columns: Mapping[str, Array], size: int
) -> dict[str, Array]:
    """Return relative errors by source; entries of one source for several channels add up."""
    found: dict[str, Array] = {}
    for entry in known:
        values = relative_at(entry, columns, size)
        found[entry.source] = (
            np.hypot(found[entry.source], values) if (entry.source in found) else values
        )
    return found


def _numbers(
    region: str, columns: Mapping[str, Array], found: Any, sources: Mapping[str, Array]
) -> list[Row]:
    return list(_number_rows(region, columns, found, sources))


def _number_rows(
    region: str, columns: Mapping[str, Array], found: Any, sources: Mapping[str, Array]
) -> Iterator[Row]:
    for i in range(len(found)):
        row: Row = {"region": region}
        row |= {name: values[i] for name, values in columns.items()}
        row |= {"efficiency": found.value[i], "mc_error": found.mc_error[i],
                "interpolation_error": found.interpolation_error[i]}  # fmt: skip
        row |= {f"relative_{name}": values[i] for name, values in sources.items()}
        yield row | {"flag": found.flag[i]}


def _csv(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{float(value):.9g}" if np.isfinite(value) else ""


def _stem(name: str, region: str = "") -> str:
    """Return the name of the files of a map, in letters that every file system has."""
    plain = name.removeprefix("efficiency map ")
    base = Path(plain).stem if Path(plain).suffix else plain
    words = ["efficiency" if base == "efficiency" else f"efficiency_{base}", region]
    return "_".join(_PLAIN.sub("-", word) for word in words if word)


def _look(opened: Opened, label: str, models_dir: str | Path | None) -> "Look":
    from mcbook.registry.loader import load_model, model_names
    from mcbook.report.figures.efficiencies import Look
    from mcbook.report.figures.symbols import Symbols

    ids = [name for nodes in opened.regions.values() for name in nodes.sample_ids if name]
    names = {name.partition("-")[0] for name in ids}
    known = names & set(model_names(models_dir))
    model = load_model(known.pop(), models_dir) if len(names) == len(known) == 1 else None
    told = opened.name.removeprefix("efficiency map ")
    title = Path(told).name
    footer = "  ".join(filter(None, (opened.id, title)))
    return Look(title, label, footer, Symbols(model), opened.id)
