"""Points as columns: picking rows, turning them into records, telling them apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Columns = Mapping[str, Array]


def take(columns: Columns, index: NDArray[Any]) -> dict[str, Array]:
    """Return the rows of *columns* that an index or a mask picks."""
    return {name: column[index] for name, column in columns.items()}


def record(columns: Columns, i: int) -> dict[str, float]:
    """Return row *i*, without what is NaN."""
    return {name: float(column[i]) for name, column in columns.items() if not np.isnan(column[i])}


def records(columns: Mapping[str, NDArray[Any]], *, null: bool = False) -> list[dict[str, Any]]:
    """Turn columns into one dict a row; what is not finite is left out, or None with *null*."""
    names = list(columns)
    lists = [columns[name].tolist() for name in names]
    finite = [bool(np.isfinite(columns[name]).all()) for name in names]
    if all(finite):
        return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
    rows = []
    for row in zip(*lists, strict=True):
        record = dict(zip(names, row, strict=True))
        for name, is_finite in zip(names, finite, strict=True):
            if not is_finite and not np.isfinite(record[name]):
                if null:
                    record[name] = None
                else:
                    del record[name]
        rows.append(record)
    return rows


def distinct_rows(columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first index of each distinct row, in order, and each row's distinct number."""
    size = len(next(iter(columns.values())))
    codes = np.zeros(size, dtype=np.int64)
    for column in columns.values():
        _, inner = np.unique(column, return_inverse=True)
        codes = codes * (int(inner.max()) + 1) + inner
        _, codes = np.unique(codes, return_inverse=True)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]
