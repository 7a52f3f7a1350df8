"""Reads tables of numbers from CSV files, and interpolates in them."""

import csv
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.numbers import parse_number

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_BYTES = 200_000_000
_SAME = 2e-9  # nine digits


def read_table(path: Path, where: str, *, may_be_empty: bool = False) -> dict[str, Array]:
    """Return the columns of a CSV file whose cells are numbers.

    Lines that begin with ``#`` are comments.

    Parameters
    ----------
    path
        The file.
    where
        Where it is named, for messages.
    may_be_empty
        Whether there may be no rows below the names.

    Raises
    ------
    InputError
        If it cannot be read, a name comes twice, or a cell is no finite number.
    """
    rows, lines = _rows(path, where, least=1 if may_be_empty else 2)
    names = [name.strip() for name in rows[0]]
    for name in names:
        if not name or names.count(name) > 1:
            said = f"the column {name!r} is there twice" if name else "a column has no name"
            raise InputError(f"{path}, line {lines[0]}: {said}")
    columns: dict[str, list[float]] = {name: [] for name in names}
    for line, row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(names):
            raise InputError(f"{path}, line {line}: {len(row)} values for {len(names)} columns")
        for name, cell in zip(names, row, strict=True):
            columns[name].append(_cell(cell, f"{path}, line {line} (column {name})"))
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def _rows(path: Path, where: str, *, least: int) -> tuple[list[list[str]], list[int]]:
    """Return the cells of a CSV file and the lines on which they stand."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{where}: {path} is larger than {MOST_BYTES // 1_000_000} MB")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
        rows = list(csv.reader((line for _, line in numbered), strict=True))
    except OSError as error:
        raise InputError(f"{where}: {path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{where}: {path}: not a CSV file in UTF-8: {error}") from None
    if len(rows) < least or len(rows) != len(numbered):
        raise InputError(f"{where}: {path}: a line with names and rows of numbers are wanted")
    return rows, [i for i, _ in numbered]


def _cell(text: str, where: str) -> float:
    try:
        return parse_number(text)
    except InputError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from None


def check_columns(
    table: Mapping[str, Any], needed: Sequence[str], optional: Sequence[str], what: str
) -> None:
    """Check that a table has the columns that it needs and no others.

    Raises
    ------
    InputError
        If it has not.
    """
    for name in needed:
        if name not in table:
            hint = did_you_mean(name, table)
            raise InputError(f"{what}: the column {name!r} is missing", hint=hint)
    for name in table:
        if name not in needed and name not in optional:
            hint = did_you_mean(name, [*needed, *optional])
            raise InputError(f"{what}: unknown column {name!r}", hint=hint)


class Lattice:
    """Rows of a table on a full grid of its axes.

    Parameters
    ----------
    axes
        Columns that are axes; none for a table of one row.
    columns
        The other columns.
    what
        The table, for messages.

    Raises
    ------
    InputError
        If the rows are not a full grid, each point once.
    """

    def __init__(self, axes: Mapping[str, Array], columns: Mapping[str, Array], what: str) -> None:
        self.names = tuple(axes)
        size = len(next(iter(columns.values())))
        found = [np.unique(values, return_inverse=True) for values in axes.values()]
        self.nodes = [nodes for nodes, _ in found]
        shape = tuple(len(nodes) for nodes in self.nodes)
        flat = np.zeros(size, dtype=np.int64)
        for nodes, index in found:
            flat = flat * len(nodes) + index
        if size != math.prod(shape) or len(np.unique(flat)) != size:
            grid = " x ".join(self.names) or "axes"
            raise InputError(
                f"{what}: the {size} rows are no full grid of {grid}, each point once",
                hint="without axes a table has one row" if not axes else None,
            )
        order = np.argsort(flat)
        self.columns = {name: values[order].reshape(shape) for name, values in columns.items()}

    def outside(self, points: Mapping[str, Array], size: int) -> NDArray[np.object_]:
        """Return why points cannot be answered, empty texts where they can, shape (size,)."""
        reasons = np.full(size, "", dtype=object)
        for name, nodes in zip(self.names, self.nodes, strict=True):
            value = points[name]
            low, high = nodes[0], nodes[-1]
            slack = _SAME * max(abs(low), abs(high))
            bad = ~((value >= low - slack) & (value <= high + slack)) & (reasons == "")
            for i in np.flatnonzero(bad).tolist():
                reasons[i] = f"{name} = {value[i]:.6g} is outside {low:g} to {high:g}"
        return reasons

    def interpolate(self, name: str, points: Mapping[str, Array], size: int) -> Array:
        """Return a column between its nodes, shape (size,).

        Linear in the axes, for the logarithm where all corners are above zero and for the number
        where they are not.
        """
        values = self.columns[name]
        if not self.names:
            return np.full(size, float(values))
        lower, weight = zip(*(self._cell(i, points[n]) for i, n in enumerate(self.names)),
                            strict=True)  # fmt: skip
        corners, shares = [], []
        for corner in itertools.product((0, 1), repeat=len(self.names)):
            index = tuple(
                np.minimum(low + step, len(nodes) - 1)
                for low, step, nodes in zip(lower, corner, self.nodes, strict=True)
            )
            corners.append(values[index])
            shares.append(
                np.prod(
                    [w if step else 1 - w for w, step in zip(weight, corner, strict=True)], axis=0
                )
            )
        corner_values, corner_shares = np.array(corners), np.array(shares)
        linear = (corner_shares * corner_values).sum(axis=0)
        positive = (corner_values > 0).all(axis=0)
        logs = np.log(np.where(corner_values > 0, corner_values, 1.0))
        return np.asarray(np.where(positive, np.exp((corner_shares * logs).sum(axis=0)), linear))

    def exactly(self, name: str, points: Mapping[str, Array], size: int) -> Array:
        """Return a column at its nodes, NaN between them, shape (size,)."""
        values = self.columns[name]
        if not self.names:
            return np.full(size, float(values))
        index, hit = [], np.ones(size, dtype=bool)
        for axis, nodes in zip(self.names, self.nodes, strict=True):
            value = points[axis]
            near = np.abs(nodes[None, :] - value[:, None]).argmin(axis=1)
            hit &= np.abs(nodes[near] - value) <= _SAME * np.maximum(np.abs(value), 1e-300)
            index.append(near)
        return np.asarray(np.where(hit, values[tuple(index)], np.nan))

    def _cell(self, axis: int, value: Array) -> tuple[NDArray[np.int64], Array]:
        """Return the node below each value, and how far it lies towards the next."""
        nodes = self.nodes[axis]
        if len(nodes) == 1:
            return np.zeros(len(value), dtype=np.int64), np.zeros(len(value))
        low = np.clip(np.searchsorted(nodes, value, side="right") - 1, 0, len(nodes) - 2)
        weight = (value - nodes[low]) / (nodes[low + 1] - nodes[low])
        return low.astype(np.int64), np.asarray(np.clip(np.nan_to_num(weight), 0.0, 1.0))
