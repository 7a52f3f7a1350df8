"""Numbers of events at hypotheses: backgrounds, and data once the box is open."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import Constant, Events, Histogram, Source, Table, Window
from mcbook.analysis.tables import Lattice, check_columns, read_table
from mcbook.errors import InputError
from mcbook.limits.likelihoods import MOST_EVENTS
from mcbook.limits.table import SIDEBAND_INSTEAD, UNCERTAIN_ZERO
from mcbook.registry.derive import Deriver

Array = NDArray[np.float64]
Reasons = NDArray[np.object_]

SNAP = 0.05
"""Largest share by which whole bins may miss the width of a window."""

_RELATIVE, _PREFIX = "_rel", "background_"


@dataclass(frozen=True, slots=True)
class Counts:
    """Expected background at n hypotheses.

    Attributes
    ----------
    value, stat
        Events and their absolute error from simulation or sidebands, shape (n,).
    relative
        Relative uncertainties by source, shape (n,) each.
    sideband
        Counts in a sideband and its ratio to the signal region, shape (n,) each; None without.
    reasons
        Why a hypothesis has no background, empty texts where it has, shape (n,).
    """

    value: Array
    stat: Array
    relative: Mapping[str, Array] = field(default_factory=dict)
    sideband: tuple[Array, Array] | None = None
    reasons: Reasons = field(default_factory=lambda: np.zeros(0, dtype=object))


def background(source: Source, deriver: Deriver, columns: Mapping[str, Array]) -> Counts:
    """Return the background at hypotheses.

    Parameters
    ----------
    source
        Where it comes from.
    deriver
        Of the signal model.
    columns
        Parameters, and lifetimes that are free, shape (n,) each.

    Raises
    ------
    InputError
        If a file is not right.
    """
    size = len(next(iter(columns.values())))
    if isinstance(source, Constant):
        full = np.full(size, source.value)
        sideband = None
        if source.sideband is not None:
            sideband = (np.full(size, source.sideband[0]), np.full(size, source.sideband[1]))
        return Counts(full, np.full(size, source.stat), {}, sideband, _no_reasons(size))
    if isinstance(source, Table):
        return _from_table(source, quantities(deriver, columns, source.axes), size)
    if isinstance(source, Histogram):
        return _from_histogram(source, deriver, columns)
    raise InputError(f"{source.where}: single events are no background")


def observed(source: Source, deriver: Deriver, columns: Mapping[str, Array]) -> Array:
    """Return the observed counts at hypotheses; NaN where there is none, shape (n,).

    Call it only once the box is open.

    Raises
    ------
    InputError
        If a file is not right, or a count is no whole number.
    """
    size = len(next(iter(columns.values())))
    if isinstance(source, Constant):
        return np.full(size, source.value)
    if isinstance(source, Table):
        table = read_table(source.path, source.where)
        check_columns(table, [*source.axes, "observed"], [], str(source.path))
        _check_whole(table["observed"], str(source.path))
        lattice = _lattice(table, source)
        return lattice.exactly("observed", quantities(deriver, columns, source.axes), size)
    if isinstance(source, Events):
        table = read_table(source.path, source.where, may_be_empty=True)
        check_columns(table, [source.column], list(table), str(source.path))
        low, high = limits_of(source.window, deriver, columns)
        values = np.sort(table[source.column])
        inside = np.searchsorted(values, high, "right") - np.searchsorted(values, low, "left")
        return np.where(low < high, inside, np.nan)  # a window that is not defined has no count
    if not isinstance(source, Histogram):
        raise InputError(f"{source.where}: these data go with a fit")
    edges, counts, _ = _read_histogram(source, "observed")
    _check_whole(counts, str(source.path))
    low, high = limits_of(source.window, deriver, columns)
    shares, reasons = _shares(edges, low, high, snap=True)
    return np.where(reasons == "", shares @ counts, np.nan)


def quantities(
    deriver: Deriver, columns: Mapping[str, Array], names: tuple[str, ...]
) -> dict[str, Array]:
    """Return parameters and derived quantities by name; a free lifetime stands for itself."""
    missing = [name for name in names if name not in columns]
    return {**columns, **deriver.compute(_parameters(deriver, columns), missing)}


def limits_of(
    window: Window, deriver: Deriver, columns: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Return the ends of a window at hypotheses, shape (n,) each."""
    parameters = _parameters(deriver, columns)
    free = {name: values for name, values in columns.items() if name not in parameters}
    centre, resolution = deriver.evaluate([window.centre, window.resolution], parameters, free)
    resolution = np.where(resolution > 0, resolution, np.nan)
    return centre - window.width * resolution, centre + window.width * resolution


def _parameters(deriver: Deriver, columns: Mapping[str, Array]) -> dict[str, Array]:
    return {name: v for name, v in columns.items() if name in deriver.model.parameters}


def _no_reasons(size: int) -> Reasons:
    return np.full(size, "", dtype=object)


def _lattice(table: dict[str, Array], source: Table) -> Lattice:
    axes = {name: table[name] for name in source.axes}
    rest = {name: values for name, values in table.items() if name not in axes}
    return Lattice(axes, rest, str(source.path))


def _from_table(source: Table, points: Mapping[str, Array], size: int) -> Counts:
    what = str(source.path)
    table = read_table(source.path, source.where)
    relative = [n for n in table if n.startswith(_PREFIX) and n.endswith(_RELATIVE)]
    sideband = ["sideband_observed", "sideband_ratio"]
    if sideband[0] in table:
        check_columns(table, [*source.axes, *sideband], [], what)
        return _from_sideband(table, source, points, size)
    check_columns(table, [*source.axes, "background"], ["background_stat", *relative], what)
    _check_numbers({n: v for n, v in table.items() if n not in source.axes}, relative, what)
    lattice = _lattice(table, source)
    reasons = lattice.outside(points, size)

    def column(name: str) -> Array:
        if name not in table:
            return np.zeros(size)
        return np.where(reasons == "", lattice.interpolate(name, points, size), np.nan)

    named = {name[len(_PREFIX) : -len(_RELATIVE)]: column(name) for name in relative}
    return Counts(column("background"), column("background_stat"), named, None, reasons)


def _check_numbers(table: Mapping[str, Array], relative: list[str], what: str) -> None:
    for name, values in table.items():
        if (values < 0).any():
            raise InputError(f"{what}: {name} is negative in a row")
        if (values > MOST_EVENTS).any():
            raise InputError(f"{what}: {name} is more than {MOST_EVENTS:g} in a row")
    for name in relative:
        if (table[name] >= 1).any():
            raise InputError(f"{what}: {name} is relative and must be below 1")
    stat = table.get("background_stat", np.zeros(1))
    if ((stat > 0) & (table["background"] == 0)).any():
        where = f"{what} (background_stat)"
        raise InputError(f"{where}: {UNCERTAIN_ZERO} in a row", hint=SIDEBAND_INSTEAD)


def _from_sideband(
    table: dict[str, Array], source: Table, points: Mapping[str, Array], size: int
) -> Counts:
    """Sideband counts belong to their hypothesis: between rows there is none."""
    what = str(source.path)
    _check_whole(table["sideband_observed"], what)
    if (table["sideband_ratio"] <= 0).any():
        raise InputError(f"{what}: sideband_ratio must be above zero")
    lattice = _lattice(table, source)
    count = lattice.exactly("sideband_observed", points, size)
    ratio = lattice.exactly("sideband_ratio", points, size)
    reasons = _no_reasons(size)
    reasons[np.isnan(count)] = f"{source.path.name} has no row for this hypothesis"
    return Counts(count / ratio, np.zeros(size), {}, (count, ratio), reasons)


def _from_histogram(source: Histogram, deriver: Deriver, columns: Mapping[str, Array]) -> Counts:
    edges, counts, stat = _read_histogram(source, "background")
    if (counts < 0).any() or (counts > MOST_EVENTS).any():
        raise InputError(f"{source.path}: a bin has a negative background, or a huge one")
    low, high = limits_of(source.window, deriver, columns)
    shares, reasons = _shares(edges, low, high, snap=source.snap)
    value, error = shares @ counts, np.sqrt(shares**2 @ stat**2)
    reasons[(reasons == "") & (value == 0) & (error > 0)] = f"the window has {UNCERTAIN_ZERO}"
    return Counts(np.where(reasons == "", value, np.nan), error, {}, None, reasons)


def _read_histogram(source: Histogram, column: str) -> tuple[Array, Array, Array]:
    """Return edges, contents and their errors."""
    if source.path.suffix == ".root":
        return _read_root(source)
    what = str(source.path)
    table = read_table(source.path, source.where)
    check_columns(table, ["low", "high", column], [f"{column}_stat"], what)
    low, high = table["low"], table["high"]
    if (high <= low).any() or not np.allclose(low[1:], high[:-1], rtol=1e-9, atol=1e-12):
        raise InputError(f"{what}: bins must follow each other, each from 'low' to 'high'")
    stat = table.get(f"{column}_stat", np.zeros(len(low)))
    return np.append(low, high[-1]), table[column], stat


def _read_root(source: Histogram) -> tuple[Array, Array, Array]:
    from mcbook.efficiency import rootfile

    if source.name is None:
        raise InputError(f"{source.where}: a ROOT file needs the 'name' of the histogram")
    found, _ = rootfile.read_histograms(source.path, (source.name, source.name), None)
    if len(found.axes) != 1:
        raise InputError(f"{source.path}: {source.name} has {len(found.axes)} axes, one is wanted")
    values = np.asarray(found.values(), dtype=np.float64)
    variances = found.variances()
    stat = np.sqrt(values if variances is None else np.asarray(variances, dtype=np.float64))
    return np.asarray(found.axes[0].edges(), dtype=np.float64), values, stat


def _shares(edges: Array, low: Array, high: Array, *, snap: bool) -> tuple[Array, Reasons]:
    """Return which share of each bin lies in each window, shape (n, bins), and why one has none."""
    reasons = _no_reasons(len(low))
    outside = ~((low >= edges[0]) & (high <= edges[-1]))
    for i in np.flatnonzero(outside).tolist():
        reasons[i] = (
            f"the window {low[i]:.6g} to {high[i]:.6g} is not within the histogram, "
            f"{edges[0]:g} to {edges[-1]:g}"
        )
    widths = np.diff(edges)
    covered = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    shares = np.nan_to_num(np.clip(covered, 0.0, None) / widths)
    if snap:
        shares = (shares >= 0.5).astype(float)  # noqa: PLR2004
        missed = np.abs(shares @ widths / (high - low) - 1)
        reasons[(missed > SNAP) & (reasons == "")] = "the bins are too coarse for the window"
    return shares, reasons


def _check_whole(values: Array, what: str) -> None:
    is_count = (values >= 0) & (values <= MOST_EVENTS) & (values == np.rint(values))
    if not is_count.all():
        hint = f"up to {MOST_EVENTS:g}"
        raise InputError(f"{what}: observed counts are whole numbers from 0 on", hint=hint)
