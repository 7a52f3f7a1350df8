"""Opens an efficiency map for `efficiency show|plot|check`: a file, or a map in the books."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcbook.catalog import efficiencies
from mcbook.catalog.result import SIMULATION
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.efficiency import EfficiencyMap, read_map
from mcbook.efficiency.nodes import Nodes, check
from mcbook.efficiency.table import COLUMNS, Table, from_records, measured, read_table
from mcbook.errors import InputError, did_you_mean
from mcbook.verbs.efficiencies import known_samples

Row = dict[str, Any]

FILES = (".csv", ".parquet", ".pq", ".yaml", ".yml", ".root")
"""How files with maps end; anything else is the name or the id of a map in the books."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The measured points of a map, region by region.

    Attributes
    ----------
    name
        What messages call it: the file, or the name in the books.
    id
        Its id in the books; None for a file.
    axes
        Names of the axes; none where nothing tells the rows apart.
    regions
        Nodes by region, not yet checked for points that are there twice.
    thresholds
        What the file declares, and what was asked for.
    """

    name: str
    id: str | None
    axes: tuple[str, ...]
    regions: Mapping[str, Nodes]
    thresholds: tuple[str, ...] = ()

    def map(self, region: str) -> EfficiencyMap:
        """Return the map of one region.

        Raises
        ------
        InputError
            If it has no axis, a point is there twice, or nothing is between the nodes.
        """
        if not self.axes:
            raise InputError(
                f"{self.name}: nothing tells its samples apart, so that there is no axis",
                hint="--axes names parameters, derived quantities or columns of the table",
            )
        nodes = self.regions[region]
        told = f"{self.name}, region {region}" if len(self.regions) > 1 else self.name
        check(nodes, lambda i: f"{told}, {_point(nodes, i)}" if i >= 0 else told)
        return EfficiencyMap.from_nodes(nodes, region=region, name=told, thresholds=self.thresholds)


def open_map(
    source: str | Path,
    *,
    region: str | None = None,
    axes: Sequence[str] | None = None,
    thresholds: Sequence[str] = (),
    catalog: str | None = None,
) -> Opened:
    """Open a map.

    Parameters
    ----------
    source
        A table or ROOT file (`mcbook.efficiency.reading`), else the name or the beginning of the
        id of a map in the books.
    region
        One region; all of them by default.
    axes
        Columns, parameters or derived quantities. By default what a table has besides counts, and
        of a map in the books the stored columns and the parameters that shape the events, as far
        as they tell its rows apart.
    thresholds
        Conditions that add to those that the file declares.
    catalog
        Path or URL of the books.

    Raises
    ------
    InputError
        If there is no such map, region or axis, or the file is not right.
    """
    suffix = Path(source).suffix.lower()
    if suffix == ".root":
        found = read_map(source, region=region, axes=axes).nodes
        opened = Opened(str(source), None, found.axes, {region or "": found})
    elif suffix in FILES or Path(source).exists():
        opened = _of_file(source, axes, catalog)
    else:
        opened = _of_books(str(source), axes, catalog)
    opened = replace(opened, thresholds=(*opened.thresholds, *thresholds))
    return opened if region is None or suffix == ".root" else _one_region(opened, region)


def point_of(nodes: Nodes, row: int) -> dict[str, float]:
    """Return where a node is, by axis."""
    return dict(zip(nodes.axes, nodes.points[row].tolist(), strict=True))


def _one_region(opened: Opened, region: str) -> Opened:
    if region not in opened.regions:
        raise InputError(
            f"{opened.name}: there is no region {region!r}",
            hint=did_you_mean(region, opened.regions) or f"it has {', '.join(opened.regions)}",
        )
    return replace(opened, regions={region: opened.regions[region]})


def _of_file(source: str | Path, axes: Sequence[str] | None, catalog: str | None) -> Opened:
    table = read_table(source)
    own = [name for name in table.columns if name not in COLUMNS]
    wanted = [name for name in axes or () if name not in own]
    if (axes is None and not own) or wanted:
        table = _with_samples(table, wanted or None, own, catalog)
        own = [name for name in table.columns if name not in COLUMNS]
    return _opened(table, None, own if axes is None else axes)


def _with_samples(
    table: Table, wanted: Sequence[str] | None, own: Sequence[str], catalog: str | None
) -> Table:
    """Return a table with columns that the books know from its samples."""
    ids = [str(cell or "").strip() for cell in table.columns.get("sample_id", ())]
    if not all(ids) or not ids:
        what = f"no column {wanted[0]}" if wanted else "no column for an axis"
        hint = did_you_mean(wanted[0], own) if wanted else None
        raise InputError(
            f"{table.name}: there is {what}",
            hint=hint or "with sample_id in each row the books know the parameters",
        )
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        labels = [SIMULATION.sub("", label) for label in ids]
        samples = known_samples(books, set(labels))
    for i, label in enumerate(labels):
        if label not in samples:
            raise InputError(
                f"{table.place(i)} (column sample_id): the sample {label} is not in the books"
            )
    rows: list[Row] = [{"sample_id": label, "axes": {}} for label in labels]
    names = wanted or told_apart(rows, samples)
    columns = {name: [value_of(name, row, samples) for row in rows] for name in names}
    return replace(table, columns={**table.columns, **columns})


def _of_books(name: str, axes: Sequence[str] | None, catalog: str | None) -> Opened:
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        header = _found(books, name)
        rows = efficiencies.rows_of(books, header)
        samples = known_samples(books, {row["sample_id"] for row in rows})
    names = told_apart(rows, samples) if axes is None else axes
    records = [
        {
            **{key: row[key] for key in efficiencies.COLUMNS if key in COLUMNS},
            "sample_id": row["simulation_id"] or row["sample_id"],
            **{axis: value_of(axis, row, samples) for axis in names},
        }
        for row in rows
    ]
    table = from_records(records, f"efficiency map {header['name']}")
    return _opened(table, header["id"], names)


def _found(books: Reader, name: str) -> Row:
    try:
        return efficiencies.find(books, name)
    except InputError as error:
        hint = error.hint or ""
        raise InputError(
            error.message, hint=f"{hint}; a file ends in {', '.join(FILES)}".removeprefix("; ")
        ) from None


def _opened(table: Table, identity: str | None, axes: Sequence[str]) -> Opened:
    nodes, labels = measured(table)
    for axis in axes:
        if axis not in nodes.axes:
            raise InputError(
                f"{table.name}: there is no column {axis}", hint=did_you_mean(axis, nodes.axes)
            )
    places = [nodes.axes.index(axis) for axis in axes]
    nodes = replace(nodes, axes=tuple(axes), points=nodes.points[:, places])
    cells = np.array(labels, dtype=object)
    regions = {name: nodes.take(cells == name) for name in dict.fromkeys(labels)}
    return Opened(table.name, identity, tuple(axes), regions, table.thresholds)


def told_apart(rows: Sequence[Row], samples: Mapping[str, Row]) -> list[str]:
    """Return the stored columns and the parameters of samples that tell rows apart.

    Parameters
    ----------
    rows
        Each with ``sample_id`` and the stored ``axes``.
    samples
        As `mcbook.verbs.efficiencies.known_samples` returns them.
    """
    values: dict[str, set[float]] = {}
    for row in rows:
        sample = samples[row["sample_id"]]
        known = {name: sample["parameters"].get(name) for name in sample["shape"]}
        for name, value in {**known, **row["axes"]}.items():
            if value is not None:
                values.setdefault(name, set()).add(float(value))
    complete = [name for name in values if all(_has(name, row, samples) for row in rows)]
    return [name for name in complete if len(values[name]) > 1] or complete[:1]


def _has(name: str, row: Row, samples: Mapping[str, Row]) -> bool:
    sample = samples[row["sample_id"]]
    return name in row["axes"] or (
        name in sample["shape"] and sample["parameters"].get(name) is not None
    )


def value_of(axis: str, row: Row, samples: Mapping[str, Row]) -> float:
    """Return where a row lies along an axis: what it says itself, or what its sample has.

    Raises
    ------
    InputError
        If neither has a value, or the sample has one that says nothing of its events.
    """
    if axis in row["axes"]:
        return float(row["axes"][axis])
    sample = samples[row["sample_id"]]
    value = sample["parameters"].get(axis)
    if value is not None and axis in sample["shape"]:
        return float(value)
    known = {*sample["shape"], *row["axes"], *sample["derived"]}
    derived = sample["derived"].get(axis)
    is_prompt = sample["settings"].get("lifetime", "displacer") == "displacer"
    if derived is not None and not (axis.startswith("ctau_") and is_prompt):
        return float(derived)
    raise InputError(
        f"the sample {sample['id']} has no {axis} of its own",
        hint=did_you_mean(axis, known - {axis}) or f"a column {axis} in the table gives it",
    )


def _point(nodes: Nodes, row: int) -> str:
    where = ", ".join(f"{name} = {value:.6g}" for name, value in point_of(nodes, row).items())
    label = nodes.sample_ids[row]
    return f"{label} at {where}" if label else f"node at {where}"
