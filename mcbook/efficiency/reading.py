"""Reads an efficiency map from a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from mcbook.efficiency import histograms, rootfile, table
from mcbook.efficiency.domain import How
from mcbook.efficiency.maps import EfficiencyMap

HISTOGRAMS = ("passed", "total")


def read_map(
    path: str | Path,
    *,
    region: str | None = None,
    axes: Sequence[str] | None = None,
    histograms_named: tuple[str, str] = HISTOGRAMS,
    **how: Unpack[How],
) -> EfficiencyMap:
    """Read an efficiency map.

    Parameters
    ----------
    path
        A table (.csv, .parquet, .yaml; see `mcbook.efficiency.table`) or a ROOT file with one
        histogram of what passed and one of all (.root).
    region
        Which region; may be left out where there is only one. In a ROOT file it is a folder.
    axes
        Which columns are axes, or what the axes of the histograms are called.
    histograms_named
        What the two histograms are called.
    **how
        thresholds, log_axes, linear_axes, method: see `mcbook.efficiency.domain.Options`.
        Thresholds add to those that a YAML file declares.

    Raises
    ------
    InputError
        If the file cannot be read, or says what cannot be; with file, line and column.
    """
    name = str(path)
    if Path(path).suffix.lower() == ".root":
        passed, total = rootfile.read_histograms(path, histograms_named, region)
        nodes = histograms.nodes_of(passed, total, axes=axes, name=name)
        return EfficiencyMap.from_nodes(nodes, region=region or "", name=name, **how)
    read = table.read_table(path)
    nodes, found = table.nodes_of(read, region, axes)
    how["thresholds"] = (*read.thresholds, *how.get("thresholds", ()))
    return EfficiencyMap.from_nodes(nodes, region=found, name=name, **how)
