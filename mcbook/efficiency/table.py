"""Reads the tables of efficiencies: CSV, parquet, YAML, or records in Python.

One row is one sample in one region. Columns: ``sample_id`` (optional), ``region`` (optional),
``n_generated``, ``n_selected``, and, for events with weights, ``sumw_generated``, ``sumw``,
``sumw2``. Every other column is an axis.
"""

import csv
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.nodes import Nodes, check, check_counts, make_nodes
from mcbook.errors import InputError, did_you_mean
from mcbook.registry import yamlfile
from mcbook.registry.numbers import LARGEST, MOST_EVENTS, parse_number

Array = NDArray[np.float64]

COUNTS = ("n_generated", "n_selected")
WEIGHTS = ("sumw_generated", "sumw", "sumw2")
TEXTS = ("sample_id", "region")
COLUMNS = (*TEXTS, *COUNTS, *WEIGHTS)

MOST_BYTES = 200_000_000

_NEAR = 0.8
"""Likeness from which a column's name is a slip of the pen and no axis."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns as they stand in a file.

    `lines` says where each row is, in units of `unit` (``line`` or ``row``); `thresholds` is what
    the file itself declares.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int]
    unit: str = "line"
    thresholds: tuple[str, ...] = ()

    def place(self, row: int) -> str:
        """Return where a row is; of the table as a whole for -1."""
        return f"{self.name}, {self.unit} {self.lines[row]}" if row >= 0 else self.name

    def take(self, rows: Sequence[int]) -> "Table":
        """Return some of the rows."""
        columns = {name: [cells[i] for i in rows] for name, cells in self.columns.items()}
        lines = [self.lines[i] for i in rows]
        return Table(self.name, columns, lines, self.unit, self.thresholds)


def read_table(path: str | Path) -> Table:
    """Read a file as its ending says: .csv, .parquet, .yaml.

    Raises
    ------
    InputError
        If it cannot be read, or has another ending.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".pq": _read_parquet,
               ".yaml": _read_yaml, ".yml": _read_yaml}  # fmt: skip
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise InputError(
            f"{path}: an efficiency map ends in .csv, .parquet, .yaml or .root, not {suffix!r}"
        )
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    return readers[suffix](Path(path))


def from_records(records: Iterable[Mapping[str, Any]], name: str = "records") -> Table:
    """Return the table of rows given as mappings, which all have the same keys.

    Raises
    ------
    InputError
        If a row has not the keys of the first.
    """
    rows = list(records)
    names = list(rows[0]) if rows else []
    for i, row in enumerate(rows, 1):
        _check_keys(names, row, f"{name}, row {i}")
    columns = {column: [row[column] for row in rows] for column in names}
    return Table(name, columns, range(1, len(rows) + 1), "row")


def nodes_of(table: Table, region: str | None, axes: Sequence[str] | None) -> tuple[Nodes, str]:
    """Return the checked nodes of one region of a table, and the name of the region.

    Parameters
    ----------
    table
        What was read.
    region
        Which region; may be left out where there is only one.
    axes
        Which columns are axes; by default all that are not in `COLUMNS`.

    Raises
    ------
    InputError
        If a column is missing or misspelt, a cell is not what it should be, or the region is
        unknown or not named where there are several.
    """
    _check_columns(table, axes)
    chosen, found = _choose_region(table, region)
    names = [n for n in chosen.columns if n not in COLUMNS] if axes is None else list(axes)
    if not names:
        raise InputError(
            f"{table.name}: there is no column for an axis",
            hint="add the parameters or lifetimes, such as m_zp or ctau_chi2",
        )
    nodes = _nodes(chosen, names)
    check(nodes, chosen.place)
    return nodes, found


def measured(table: Table) -> tuple[Nodes, list[str]]:
    """Return the checked counts of all rows of a table, and the region of each.

    Columns that are not in `COLUMNS` are axes; there may be none, and positions may repeat.

    Raises
    ------
    InputError
        If a column is missing or misspelt, or a cell is not what it should be.
    """
    _check_columns(table, None)
    nodes = _nodes(table, [name for name in table.columns if name not in COLUMNS])
    check_counts(nodes, table.place)
    return nodes, _texts(table, "region")


def _nodes(table: Table, axes: Sequence[str]) -> Nodes:
    counts = {name: _counts(table, name) for name in COUNTS}
    points = np.empty((len(table.lines), len(axes)))
    for j, name in enumerate(axes):
        points[:, j] = _numbers(table, name)
    return make_nodes(
        axes,
        points,
        (counts["n_selected"], counts["n_generated"]),
        _weights(table) if WEIGHTS[0] in table.columns else None,
        _texts(table, "sample_id"),
    )


def _weights(table: Table) -> tuple[Array, Array, Array]:
    first, second, third = (_numbers(table, name) for name in WEIGHTS)
    return first, second, third


def _check_columns(table: Table, axes: Sequence[str] | None) -> None:
    unknown = [name for name in table.columns if name not in COLUMNS]
    wanted = [*COUNTS, *(axes or ())]
    if any(name in table.columns for name in WEIGHTS):
        wanted += WEIGHTS
    for name in wanted:
        if name not in table.columns:
            known = unknown or list(table.columns)
            raise InputError(
                f"{table.name}: the column {name} is missing", hint=did_you_mean(name, known)
            )
    for name in axes or ():
        if name in COLUMNS:
            raise InputError(f"{table.name}: the column {name} is no axis")
    for name in unknown:
        near = difflib.get_close_matches(name.lower(), COLUMNS, n=1, cutoff=_NEAR)
        if near and name not in (axes or ()):
            raise InputError(
                f"{table.name}: unknown column {name!r}",
                hint=f"did you mean {near[0]!r}? If it is an axis, name the axes",
            )


def _choose_region(table: Table, region: str | None) -> tuple[Table, str]:
    cells = _texts(table, "region")
    found = list(dict.fromkeys(cells))
    if region is None:
        if len(found) > 1:
            raise InputError(
                f"{table.name}: there are {len(found)} regions: {', '.join(map(repr, found[:9]))}",
                hint="name the one that is meant, as region",
            )
        return table, found[0] if found else ""
    if region not in found:
        hint = did_you_mean(region, [name for name in found if name])
        raise InputError(
            f"{table.name}: there is no region {region!r}", hint=hint or "it has no column region"
        )
    return table.take([i for i, cell in enumerate(cells) if cell == region]), region


def _texts(table: Table, name: str) -> list[str]:
    cells = table.columns.get(name, [""] * len(table.lines))
    return ["" if cell is None or cell != cell else str(cell).strip() for cell in cells]  # noqa: PLR0124 - NaN


def _counts(table: Table, name: str) -> Array:
    values = _numbers(table, name)
    wrong = np.flatnonzero((values != np.floor(values)) | (values > MOST_EVENTS))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(
            f"{table.place(row)} (column {name}): {values[row]:.12g} is not a number of events",
            hint="a whole number; sums of weights go into sumw_generated, sumw and sumw2",
        )
    return values


def _numbers(table: Table, name: str) -> Array:
    """Return a column of finite numbers."""
    cells = table.columns[name]
    try:
        values = np.array([float(cell) for cell in cells], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        values = None
    is_plain = values is not None and bool((np.abs(values) <= LARGEST).all())
    if values is not None and is_plain and not any(_is_odd(cell) for cell in cells):
        return values
    return np.array([_number(cell, f"{table.place(i)} (column {name})")
                     for i, cell in enumerate(cells)], dtype=np.float64)  # fmt: skip


def _is_odd(cell: Any) -> bool:
    """Return whether Python takes for a number what people do not write for one."""
    return isinstance(cell, bool | np.bool_) or (isinstance(cell, str) and "_" in cell)


def _number(cell: Any, where: str) -> float:
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise InputError(f"{where}: the cell is empty")
    if isinstance(cell, str) and cell.strip().lstrip("+-").lower() in {"nan", "inf", "infinity"}:
        cell = float(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        raise InputError(f"{where}: {cell} is not a finite number")
    try:
        return parse_number(cell)
    except InputError as error:
        hint = "text goes into sample_id or region only; every other column is an axis"
        raise InputError(f"{where}: {error.message}", hint=hint) from None


def _check_keys(names: Sequence[str], row: Mapping[str, Any], where: str) -> None:
    for name in row:
        if name not in names:
            raise InputError(
                f"{where}: the rows before have no {name!r}", hint=did_you_mean(str(name), names)
            )
    for name in names:
        if name not in row:
            raise InputError(f"{where}: {name} is missing")


def _read_csv(path: Path) -> Table:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: larger than {MOST_BYTES // 1_000_000} MB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if row and not row[0].startswith("#")]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from None
    if not rows:
        raise InputError(f"{path}: the file is empty")
    names = _header(path, *rows[0])
    for line, row in rows[1:]:
        if len(row) != len(names):
            raise InputError(f"{path}, line {line}: {len(row)} values for {len(names)} columns")
    columns = {name: [row[j] for _, row in rows[1:]] for j, name in enumerate(names)}
    return Table(str(path), columns, [line for line, _ in rows[1:]])


def _header(path: Path, line: int, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    for name in names:
        if not name or names.count(name) > 1:
            wrong = f"the column {name!r} is there twice" if name else "a column has no name"
            raise InputError(f"{path}, line {line}: {wrong}")
    return names


def _read_parquet(path: Path) -> Table:
    import pandas as pd

    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except ImportError:
        raise InputError(
            f"{path}: parquet needs pyarrow", hint="pip install 'mcbook[parquet]'"
        ) from None
    except (OSError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: not a parquet file: {said}") from None
    columns = {str(name): frame[name].tolist() for name in frame.columns}
    return Table(str(path), columns, range(1, len(frame) + 1), "row")


def _read_yaml(path: Path) -> Table:
    document = yamlfile.read(path)
    document.check_schema(1)
    document.check_keys((), ("schema", "region", "thresholds", "rows"))
    rows, region = document.data.get("rows"), document.data.get("region")
    if not isinstance(rows, list) or not rows:
        raise document.error(
            ("rows",), "a list of rows is wanted here", "such as - {m_zp: 1.0, n_generated: 10000}"
        )
    thresholds = document.data.get("thresholds", [])
    if not isinstance(thresholds, list) or not all(isinstance(t, str) for t in thresholds):
        raise document.error(
            ("thresholds",), "a list of conditions is wanted here", 'such as ["m_zp < 8.6"]'
        )
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise document.error(("rows", i), "a mapping of columns to values is wanted here")
        _check_keys(list(rows[0]), row, document.where(("rows", i)))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    if region is not None:
        columns.setdefault("region", [region] * len(rows))
    lines = [document.line(("rows", i)) for i in range(len(rows))]
    return Table(str(path), columns, lines, "line", tuple(thresholds))
