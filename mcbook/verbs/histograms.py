"""Histograms of fits as objects: what UHI describes to the tables of an analysis, and back."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.bintables import DOWN, ENDS, STAT, UP, ends_of, read_bins
from mcbook.analysis.spectra import OBSERVED
from mcbook.errors import InputError, WorkError
from mcbook.report import files

Array = NDArray[np.float64]

_ENDS = {end for pair in ENDS for end in pair}


def write_histograms(path: str | Path, histograms: Mapping[str, Any]) -> str:
    """Write histograms as a table that the ``background`` or ``observed`` of a fit reads.

    Parameters
    ----------
    path
        The CSV file; a file that is there is replaced.
    histograms
        Objects as UHI describes them (of hist, boost-histogram, or uproot), over the same bins of
        one observable or two: samples by name, what a sample is at +1 and -1 standard deviation
        of a source as ``NAME_SOURCE_hi`` and ``NAME_SOURCE_lo``, or data as ``observed``. The
        variances of a sample become its error from simulation. Events beyond the bins are left
        out.

    Returns
    -------
    str
        The file.

    Raises
    ------
    InputError
        If bins differ, there are more than two axes, or a bin is negative or no number.
    WorkError
        If the file cannot be written.
    """
    path = Path(path)
    if not histograms:
        raise InputError(f"{path}: there is no histogram to be written")
    columns: dict[str, Array] = {}
    for name, histogram in histograms.items():
        if not str(name).isidentifier() or str(name).endswith(STAT) or name in _ENDS:
            raise InputError(f"{path}: {name!r} is no name of a sample", hint="as in mumu_gamma")
        own = _bins(histogram, f"{path}, {name}")
        if columns and not all(
            key in columns and np.array_equal(columns[key], values) for key, values in own.items()
        ):
            raise InputError(f"{path}: {name} has other bins than {next(iter(histograms))}")
        columns = {**(columns or own), **_contents(histogram, str(name), path)}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return files.write(path.parent, {path.name: out.getvalue()})[0]


def read_histograms(path: str | Path, *, at: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Return the histograms of a table of bins, as objects of hist with values and variances.

    They go to ROOT files as ``uproot.recreate(file)[name] = histogram``.

    Parameters
    ----------
    path
        A CSV file: of an analysis, or one that ``mcbook select`` wrote for a fit.
    at
        Of templates of a signal, those of which sample: values of its axes.

    Raises
    ------
    InputError
        If the file cannot be read, or has no such rows.
    WorkError
        If hist is not installed.
    """
    try:
        import hist
    except ImportError:
        raise WorkError("hist is not installed", hint="pip install hist") from None
    table, edges, second = read_bins(Path(path), at or {})
    has_two = ENDS[1][0] in table
    axes = [hist.axis.Variable(edges, name="x")]
    axes += [hist.axis.Variable(second, name="y")] * has_two
    found: dict[str, Any] = {}
    for name, values in table.items():
        if name in _ENDS or (name.endswith(STAT) and name.removesuffix(STAT) in table):
            continue
        error = table.get(f"{name}{STAT}")
        if error is None:
            error = np.sqrt(values) if name == OBSERVED else np.zeros_like(values)
        one = hist.Hist(*axes, storage=hist.storage.Weight())
        shape = one.values().shape
        one[...] = np.stack([values.reshape(shape), (error**2).reshape(shape)], axis=-1)
        found[name] = one
    return found


def _contents(histogram: Any, name: str, path: Path) -> dict[str, Array]:
    """Return the column of a histogram, and of its errors if it is a sample."""
    values = np.asarray(histogram.values(), dtype=np.float64).ravel()
    if not (np.isfinite(values) & (values >= 0)).all():
        raise InputError(f"{path}: a bin of {name} is negative, or no number")
    if name == OBSERVED and (values != np.rint(values)).any():
        raise InputError(f"{path}: observed counts are whole numbers")
    if name == OBSERVED or name.endswith((UP, DOWN)):
        return {name: values}
    variances = histogram.variances()
    if variances is None:
        raise InputError(f"{path}: {name} has no variances", hint="fill one with storage Weight()")
    variances = np.asarray(variances, dtype=np.float64).ravel()
    if not (np.isfinite(variances) & (variances >= 0)).all():
        raise InputError(f"{path}: a variance of {name} is negative, or no number")
    return {name: values, f"{name}{STAT}": np.sqrt(variances)}


def _bins(histogram: Any, name: str) -> dict[str, Array]:
    """Return the ends of all bins, those of the second observable fastest."""
    if any(not hasattr(histogram, part) for part in ("axes", "values", "variances")):
        raise InputError(f"{name}: this is no histogram of hist, boost-histogram or uproot")
    if not 1 <= len(histogram.axes) <= 2:  # noqa: PLR2004
        raise InputError(f"{name}: one or two axes are wanted, not {len(histogram.axes)}")
    every = []
    for axis in histogram.axes:
        if "Category" in type(axis).__name__:
            raise InputError(f"{name}: categories are no bins of an observable")
        edges = axis.edges() if callable(axis.edges) else axis.edges
        every.append(np.asarray(edges, dtype=np.float64))
        if not np.isfinite(every[-1]).all():
            raise InputError(f"{name}: an edge is infinite")
    return ends_of(every)
