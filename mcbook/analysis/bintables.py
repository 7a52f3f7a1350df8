"""Tables of bins in CSV files: ends of bins along one or two observables, and columns of events."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.tables import read_table
from mcbook.errors import InputError, did_you_mean

Array = NDArray[np.float64]

ENDS = (("low", "high"), ("low_2", "high_2"))
"""Columns with the ends of bins, along one or two observables."""
STAT = "_stat"
"""``<sample>_stat`` is the error of a sample from simulation."""
UP, DOWN = "_hi", "_lo"
"""``<sample>_<source>_hi`` is a sample with a source of uncertainty at +1 standard deviation."""

_SAME = 1e-9


def read_bins(path: Path, at: Mapping[str, float]) -> tuple[dict[str, Array], Array, Array]:
    """Return the columns of a table of bins in their order, and the edges of both observables.

    Parameters
    ----------
    path
        The CSV file.
    at
        Values of columns that pick rows.

    Raises
    ------
    InputError
        If it is no such table, or has no such rows.
    """
    table = read_table(path, str(path))
    chosen = np.ones(len(next(iter(table.values()))), dtype=bool)
    for name, value in at.items():
        if name not in table:
            raise InputError(
                f"{path}: the column {name!r} is missing", hint=did_you_mean(name, table)
            )
        own = np.isclose(table[name], value, rtol=_SAME, atol=0)
        if not (chosen & own).any():
            known = ", ".join(f"{one:.9g}" for one in np.unique(table[name][chosen])[:20])
            raise InputError(f"{path}: no row has {name} = {value:.9g}", hint=f"known: {known}")
        chosen &= own
    rows = {name: values[chosen] for name, values in table.items() if name not in at}
    edges, second, order = _placing(rows, path)
    shape = (len(edges) - 1, len(second) - 1)
    return {name: in_order(v, order, shape).ravel() for name, v in rows.items()}, edges, second


def ends_of(edges: Sequence[Array]) -> dict[str, Array]:
    """Return columns with the ends of all bins, those of the second observable fastest.

    Parameters
    ----------
    edges
        Of one observable or two.
    """
    places = np.indices([len(each) - 1 for each in edges]).reshape(len(edges), -1)
    found: dict[str, Array] = {}
    for (low, high), each, place in zip(ENDS, edges, places, strict=False):
        found |= {low: each[place], high: each[place + 1]}
    return found


def edges_of(low: Array, high: Array, path: str, name: str) -> tuple[Array, NDArray[np.intp]]:
    """Return the edges of bins, and which of these each of them is.

    Parameters
    ----------
    low, high
        Ends of bins in any order, shape (n,), each as often as there are bins beside it.
    path, name
        The table and the column of lower ends, for messages.

    Raises
    ------
    InputError
        If bins do not follow each other.
    """
    starts, place = np.unique(low, return_inverse=True)
    ends = np.unique(high)
    follows = len(starts) == len(ends) and np.allclose(
        starts[1:], ends[:-1], rtol=_SAME, atol=1e-12
    )
    if not follows or not np.allclose(ends[place], high, rtol=_SAME, atol=1e-12):
        raise InputError(f"{path}: bins must follow each other, each from {name!r} on to its end")
    return np.append(starts, ends[-1]), place


def binned_table(path: Path, where: str) -> tuple[dict[str, Array], Array, Array, Any]:
    """Return columns, edges of both observables, and the place of each row."""
    table = read_table(path, where)
    return table, *_placing(table, path)


def _placing(table: Mapping[str, Array], path: Path) -> tuple[Array, Array, NDArray[np.intp]]:
    """Return edges of both observables, and the place of each row."""
    edges, places = [], []
    for low, high in ENDS:
        if low not in table and high not in table and low == ENDS[1][0]:
            edges.append(np.array([0.0, 1.0]))
            places.append(np.zeros(len(table[ENDS[0][0]]), dtype=np.intp))
            continue
        for name in (low, high):
            if name not in table:
                raise InputError(f"{path}: the column {name!r} is missing")
        found, place = edges_of(table[low], table[high], str(path), low)
        edges.append(found)
        places.append(place)
    size = (len(edges[0]) - 1) * (len(edges[1]) - 1)
    flat = places[0] * (len(edges[1]) - 1) + places[1]
    if len(flat) != size or len(np.unique(flat)) != size:
        raise InputError(f"{path}: {size} bins are wanted, each once, and there are {len(flat)}")
    return edges[0], edges[1], flat


def in_order(column: Array, order: NDArray[np.intp], shape: tuple[int, int]) -> Array:
    """Return a column as an array of bins: *order* is the place of each row."""
    found = np.empty(shape[0] * shape[1])
    found[order] = column
    return found.reshape(shape)


def shift_pairs(
    known: Sequence[str], samples: Sequence[str], path: str
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield how the names of both shifts of a sample begin, with sample and source.

    A shift is of the sample with the longest name that it begins with.
    """
    for column in known:
        end = next((end for end in (UP, DOWN) if column.endswith(end)), None)
        owner = max((name for name in known if column.startswith(f"{name}_")), key=len, default="")
        if end is None or owner not in samples:
            continue
        stem = column.removesuffix(end)
        for other in (UP, DOWN):
            if stem + other not in known:
                raise InputError(f"{path}: {column} is there without {stem}{other}")
        if end == UP:
            yield stem, (owner, stem.removeprefix(f"{owner}_"))
