"""What a document scans: along one quantity, over a plane, or neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

VETOED = "vetoed"


@dataclass(frozen=True, slots=True)
class Scan:
    """The rows of a document by where they are.

    Attributes
    ----------
    names
        One quantity that tells all hypotheses apart, or two whose grid they fill; none otherwise.
    columns
        Values of these at the rows, shape (n,) each.
    """

    names: tuple[str, ...]
    columns: Mapping[str, Array]

    def order(self) -> NDArray[np.intp]:
        """Return rows in the order of the first quantity."""
        return np.argsort(self.columns[self.names[0]], kind="stable")


def scan_of(document: Mapping[str, Any]) -> Scan:
    """Return how the hypotheses of a document are laid out."""
    rows = document["limits"]
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    columns = {}
    for name in names:
        values = [row["parameters"].get(name) for row in rows]
        if all(isinstance(value, int | float) for value in values):
            columns[name] = np.array(values, dtype=float)
    moved = [name for name, values in columns.items() if len(np.unique(values)) > 1]
    first = [name for name in document.get("scanned", ()) if name in moved]
    moved = first + [name for name in moved if name not in first]
    for name in moved:
        if len(np.unique(columns[name])) == len(rows):
            return Scan((name,), columns)
    for i, one in enumerate(moved):
        for other in moved[i + 1 :]:
            if _is_grid(columns[one], columns[other]):
                return Scan((one, other), columns)
    return Scan((), columns)


def _is_grid(x: Array, y: Array) -> bool:
    pairs = np.unique(np.column_stack([x, y]), axis=0)
    return len(pairs) == len(x) == len(np.unique(x)) * len(np.unique(y))


def numbers(rows: Any, *keys: str) -> Array:
    """Return a number of each row, NaN where there is none, shape (n,)."""
    return np.array([_number(_at(row, keys)) for row in rows])


def bands(rows: Any, *keys: str) -> Array:
    """Return five expected limits of each row, NaN where there are none, shape (n, 5)."""
    return np.array([[_number(value) for value in _at(row, keys)] for row in rows])


def _at(row: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        row = row[key]
    return row


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
