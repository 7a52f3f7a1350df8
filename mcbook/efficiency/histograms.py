"""Efficiencies from a histogram of what passed and one of all, as UHI describes them.

Objects of hist and boost-histogram and those that uproot reads share this protocol (the
Unified Histogram Interface): ``axes`` with edges, ``values()`` and ``variances()``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.nodes import Nodes, check, make_nodes
from mcbook.errors import InputError

Array = NDArray[np.float64]

_CLOSE = 1e-9
_EVEN = 1e-6


def nodes_of(
    passed: Any, total: Any, *, axes: Sequence[str] | None = None, name: str = "histograms"
) -> Nodes:
    """Return one node for each bin in which something was generated, at its centre.

    Bins that are evenly spaced in the logarithm only have their centre there. Overflows are left
    out. Where the variances are not the contents, events have weights, and counts are effective.

    Parameters
    ----------
    passed, total
        Histograms with the same bins.
    axes
        What the axes are called; by default as the histogram says.
    name
        What messages call the histograms.

    Raises
    ------
    InputError
        If the bins differ, an axis has no name, or contents cannot be.
    """
    names = list(axes) if axes is not None else [_axis_name(axis, name) for axis in total.axes]
    edges = [_edges(axis) for axis in total.axes]
    others = [_edges(axis) for axis in passed.axes]
    if len(edges) != len(others) or not all(map(np.array_equal, edges, others)):
        raise InputError(f"{name}: the two histograms have different bins")
    if len(names) != len(edges):
        raise InputError(f"{name}: {len(edges)} axes, and {len(names)} names for them")
    contents = [np.asarray(entry.values(), dtype=np.float64) for entry in (passed, total)]
    variances = [_variances(passed, contents[0]), _variances(total, contents[1])]
    _check_contents(name, *contents)
    filled = np.flatnonzero(contents[1].ravel() != 0)
    grid = np.meshgrid(*(_centres(edge) for edge in edges), indexing="ij")
    points = np.stack([axis.ravel()[filled] for axis in grid], axis=-1)
    k, n, k2, n2 = (entry.ravel()[filled] for entry in (*contents, *variances))
    if np.allclose(k, k2, rtol=_CLOSE) and np.allclose(n, n2, rtol=_CLOSE):
        _check_whole(name, k, n)
        nodes = make_nodes(names, points, (k, n))
    else:
        counts = np.where(k2 > 0, k * k / np.where(k2 > 0, k2, 1), 0.0)
        all_counts = np.maximum(n * n / np.where(n2 > 0, n2, 1), counts)
        nodes = make_nodes(names, points, (counts, all_counts), (n, k, k2))
    shape = contents[1].shape

    def place(row: int) -> str:
        bins = np.unravel_index(filled[row], shape)
        return f"{name}, bin {tuple(int(i) + 1 for i in bins)}" if row >= 0 else name

    check(nodes, place)
    return nodes


def _edges(axis: Any) -> Array:
    found = axis.edges
    return np.asarray(found() if callable(found) else found, dtype=np.float64)


def _centres(edges: Array) -> Array:
    if edges[0] > 0 and len(edges) > 2:  # noqa: PLR2004 - one bin has no spacing
        steps, ratios = np.diff(edges), np.diff(np.log(edges))
        if np.ptp(ratios) <= _EVEN * ratios.mean() < np.ptp(steps) / steps.mean():
            return np.asarray(np.sqrt(edges[1:] * edges[:-1]))
    return np.asarray((edges[1:] + edges[:-1]) / 2)


def _axis_name(axis: Any, name: str) -> str:
    members = getattr(axis, "all_members", {})
    for found in (getattr(axis, "name", ""), getattr(axis, "label", ""), members.get("fTitle", "")):
        text = str(found or "").partition("[")[0].strip()
        if text.isidentifier() and text not in {"xaxis", "yaxis", "zaxis"}:
            return text
    raise InputError(
        f"{name}: the axes of the histograms have no names of parameters",
        hint='give them in order, as axes=["m_zp", "ctau_chi2"]',
    )


def _variances(histogram: Any, values: Array) -> Array:
    found = histogram.variances()
    return values if found is None else np.asarray(found, dtype=np.float64)


def _check_contents(name: str, passed: Array, total: Array) -> None:
    if ((total == 0) & (passed != 0)).any():
        bins = np.argwhere((total == 0) & (passed != 0))[0] + 1
        raise InputError(
            f"{name}, bin {tuple(map(int, bins))}: something passed though nothing was generated"
        )
    if not total.any():
        raise InputError(f"{name}: the histogram of all events is empty")


def _check_whole(name: str, *contents: Array) -> None:
    for values in contents:
        if not np.allclose(values, np.round(values), rtol=_CLOSE):
            raise InputError(
                f"{name}: contents are not whole numbers, though their variances are the contents",
                hint="scaled histograms need their squared weights (Sumw2, or storage Weight)",
            )
