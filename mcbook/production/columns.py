"""Points as columns: picking rows, turning them into records, telling them apart."""

import math
from collections.abc import Iterator, Mapping
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


def records(columns: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Turn columns into one dict a row, without what is not finite."""
    names = list(columns)
    rows = [
        dict(zip(names, row, strict=True))
        for row in zip(*(columns[name].tolist() for name in names), strict=True)
    ]
    for name in names:
        for i in np.flatnonzero(~np.isfinite(columns[name])).tolist():
            del rows[i][name]
    return rows


def finite_rows(columns: Columns) -> Iterator[dict[str, float]]:
    """Yield one dict a row, with NaN for whatever is not finite."""
    names = list(columns)
    clean = [np.where(np.isfinite(column), column, np.nan).tolist() for column in columns.values()]
    for row in zip(*clean, strict=True):
        yield dict(zip(names, row, strict=True))


def finite_or_none(values: Array) -> list[float | None]:
    """Return the values as a list, with None for whatever is not finite."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def json_rows(
    columns: Mapping[str, NDArray[Any]],
    *,
    null: bool = False,
    separators: tuple[str, str] = (",", ":"),
) -> list[str]:
    """Return each row as the text of a JSON object, in the order of *columns*.

    What is not finite is left out, or null with *null*. Values repeat over a grid, so each is
    written once and looked up after that: a tenth of the time of an encoder.
    """
    comma, colon = separators
    cells = [_json_cells(f'"{name}"{colon}', column, null=null) for name, column in columns.items()]
    if null or all(np.isfinite(column).all() for column in columns.values()):
        return [f"{{{comma.join(row)}}}" for row in zip(*cells, strict=True)]
    return [f"{{{comma.join(filter(None, row))}}}" for row in zip(*cells, strict=True)]


def _json_cells(key: str, column: NDArray[Any], *, null: bool) -> list[str]:
    """Return one entry of each row, an empty text or null where it is not finite."""
    finite = np.isfinite(column)
    values = column.tolist()
    texts = {value: f"{key}{value!r}" for value in set(column[finite].tolist())}
    if finite.all():
        return [texts[value] for value in values]
    other = f"{key}null" if null else ""
    return [
        texts[value] if is_finite else other
        for value, is_finite in zip(values, finite.tolist(), strict=True)
    ]


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
