"""Reads the shapes of signals from a table of `mcbook resolution`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.table import Table, read_table
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.numbers import parse_number
from mcbook.selection.fitted import FAILED
from mcbook.selection.shapes import CrystalBall, DoubleCrystalBall

Array = NDArray[np.float64]

SIDES, LOW, HIGH = "sides", "low", "high"
"""Columns with the sides of both tails, such as ``low high``, and with the range of the fit."""

_NUMBERS = (
    "mean", "f", "sigma_1", "sigma_2", "offset", "alpha_1", "alpha_2", "n_1", "n_2", LOW, HIGH,
)  # fmt: skip


def read_shapes(path: Path, axis: str, where: str) -> tuple[Array, tuple[DoubleCrystalBall, ...]]:
    """Return the positions of samples along an axis, rising, and their shapes.

    Parameters
    ----------
    path
        The table.
    axis
        Column with the positions.
    where
        Where the table is named, for messages.

    Raises
    ------
    InputError
        If the file cannot be read, has no such column, a fit in it failed, or a position is there
        twice.
    """
    table = read_table(path)
    for name in (axis, SIDES, *_NUMBERS):
        if name not in table.columns:
            raise InputError(
                f"{where}: {path}: the column {name} is missing",
                hint=did_you_mean(name, table.columns) or "`mcbook resolution` writes such tables",
            )
    for row, status in enumerate(table.columns.get("status", [])):
        if status == FAILED:
            raise InputError(
                f"{table.place(row)}: the fit of this sample failed, and its shape is not known",
                hint="remove the row, or repair what failed there",
            )
    at = np.array([_number(table, axis, row) for row in range(len(table.lines))])
    order = np.argsort(at)
    if (np.diff(at[order]) <= 0).any():
        raise InputError(f"{path}: a value of {axis} is there twice")
    return at[order], tuple(_shape(table, int(row)) for row in order)


def _shape(table: Table, row: int) -> DoubleCrystalBall:
    found = {name: _number(table, name, row) for name in _NUMBERS}
    sides = str(table.columns[SIDES][row]).split()
    if len(sides) != 2 or not set(sides) <= {"low", "high"}:  # noqa: PLR2004
        raise InputError(f"{table.place(row)} (column {SIDES}): two of low and high are wanted")
    window = (found[LOW], found[HIGH])
    f, offset = found["f"], found["offset"]
    means = found["mean"] - (1 - f) * offset, found["mean"] + f * offset
    try:
        one, two = (
            CrystalBall(
                means[i], found[f"sigma_{i + 1}"], found[f"alpha_{i + 1}"], found[f"n_{i + 1}"],
                "low" if sides[i] == "low" else "high", window,
            )
            for i in (0, 1)
        )  # fmt: skip
    except InputError as error:
        raise InputError(f"{table.place(row)}: {error.message}") from None
    return DoubleCrystalBall(one, two, f)


def _number(table: Table, name: str, row: int) -> float:
    try:
        return float(parse_number(table.columns[name][row]))
    except InputError as error:
        raise InputError(f"{table.place(row)} (column {name}): {error.message}") from None
