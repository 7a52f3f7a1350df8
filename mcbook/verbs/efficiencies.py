"""``mcbook efficiency``: efficiency maps in the books, and those of an analysis from there."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.hypotheses import hypotheses
from mcbook.analysis.records import Analysis, Channel
from mcbook.catalog import efficiencies, simulations
from mcbook.catalog.dump import ids_beginning, rows_among, stored_rows, table_of
from mcbook.catalog.result import SIMULATION
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.efficiency import EfficiencyMap
from mcbook.efficiency.table import Table, measured, read_table
from mcbook.errors import InputError
from mcbook.verbs.unblind import file_digest

Row = dict[str, Any]

_SAME = 1e-6
"""By which part a number in a table may differ from that in the books."""
_CHUNK = 1000


def add_efficiency_map(
    file: str | Path, *, name: str, catalog: str | None = None, dry_run: bool = False
) -> Row:
    """Put an efficiency map into the books; the same again changes nothing.

    Parameters
    ----------
    file
        A table (.csv, .parquet, .yaml; `mcbook.efficiency.table`) with ``sample_id``, and
        ``region``, counts and sums of weights. Parameters that shape the events must be those of
        the sample; other columns, such as a lifetime that events were reweighted to, are stored.
    name
        What the map is called: letters, digits and ``_ . + -``.
    catalog
        Path or URL of the catalog.
    dry_run
        Check everything, and keep nothing.

    Returns
    -------
    dict
        ``catalog``, ``id``, ``name``, ``new``, ``rows``, ``samples``, ``regions``, ``axes``: the
        columns that are stored, and ``warnings``: where a row is divided by another number of
        events than went into the files of its simulation.

    Raises
    ------
    InputError
        If the file is not right, a sample is not in the books, or the name is that of another map.
    """
    efficiencies.check_name(name)
    if Path(file).suffix.lower() == ".root":
        raise InputError(
            f"{file}: a histogram does not say of which samples it is",
            hint="the books take tables with sample_id: .csv, .parquet or .yaml",
        )
    table = read_table(file)
    if table.thresholds:
        raise InputError(
            f"{file}: the books keep what was counted, and no thresholds",
            hint="give them in the analysis, under efficiency",
        )
    rows = _counted(table)
    with open_catalog(catalog, mode="read") as opened, opened.writing(keep=not dry_run) as books:
        samples = known_samples(books, {row["sample_id"] for row in rows})
        _check_known(books, table, rows, samples)
        _take_known_axes(table, rows, samples)
        _check_distinct(table, rows)
        found = efficiencies.add(books, name=name, sha256=file_digest(file), rows=rows)
        return {
            "catalog": opened.location,
            "id": found["id"],
            "name": name,
            "new": found["new"],
            "rows": len(rows),
            "samples": len(samples),
            "regions": sorted({row["region"] for row in rows}),
            "axes": sorted(rows[0]["axes"]),
            "warnings": list(_uncounted(books, rows)),
        }


def list_efficiency_maps(*, catalog: str | None = None) -> list[Row]:
    """List the efficiency maps in the books.

    Parameters
    ----------
    catalog
        Path or URL of the catalog.

    Returns
    -------
    list of dict
        Oldest first: ``id``, ``name``, ``created``, ``who``, ``sha256`` of the file, ``rows``,
        ``samples``, ``regions``, and ``axes``, the columns that are stored.

    Raises
    ------
    InputError
        If there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        return [
            {key: row[key] for key in efficiencies.HEADER}
            | {"rows": row["n_rows"], "samples": row["n_samples"]}
            | {key: row[key] for key in ("regions", "axes")}
            for row in efficiencies.listed(books)
        ]


def _counted(table: Table) -> list[Row]:
    """Return the rows of a table as the books keep them, with all other columns as axes."""
    if "sample_id" not in table.columns:
        raise InputError(
            f"{table.name}: the column sample_id is missing",
            hint="in the books each row belongs to a sample",
        )
    nodes, regions = measured(table)
    rows = []
    for i, (label, region) in enumerate(zip(nodes.sample_ids, regions, strict=True)):
        if not label:
            raise InputError(f"{table.place(i)} (column sample_id): the cell is empty")
        sample = SIMULATION.sub("", label)
        rows.append({
            "sample_id": sample,
            "simulation_id": label if label != sample else None,
            "region": region,
            **{key: int(getattr(nodes, key)[i]) for key in ("n_generated", "n_selected")},
            **{key: float(getattr(nodes, key)[i]) for key in ("sumw_generated", "sumw", "sumw2")},
            "axes": dict(zip(nodes.axes, nodes.points[i].tolist(), strict=True)),
        })  # fmt: skip
    return rows


def known_samples(books: Reader, ids: set[str]) -> dict[str, Row]:
    """Return those samples that are in the books, each with ``settings`` and ``shape``."""
    found: dict[str, Row] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _CHUNK):
        among = table_of("samples").c.id.in_(wanted[start : start + _CHUNK])
        found |= {row["id"]: row for row in stored_rows(books, "samples", among)}
    among = table_of("definitions").c.digest.in_({row["definition"] for row in found.values()})
    definitions = {row["digest"]: row for row in stored_rows(books, "definitions", among)}
    for row in found.values():
        definition = definitions[row["definition"]]
        row["settings"] = definition["document"]["settings"]
        row["shape"] = definition["facts"]["shape"]
    return found


def _check_known(
    books: Reader, table: Table, rows: Sequence[Row], samples: Mapping[str, Row]
) -> None:
    unknown = dict.fromkeys(row["sample_id"] for row in rows if row["sample_id"] not in samples)
    if not unknown:
        return
    first, *others = unknown
    line = next(i for i, row in enumerate(rows) if row["sample_id"] == first)
    more = f", nor are {len(others)} more" if others else ""
    raise InputError(
        f"{table.place(line)} (column sample_id): the sample {first} is not in the books{more}",
        hint=_like(books, first) or "`mcbook query --format ids` lists the ids",
    )


def _uncounted(books: Reader, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what the books know otherwise of how many events rows are divided by."""
    wanted = {row["simulation_id"]: row["n_generated"] for row in rows if row["simulation_id"]}
    known = {row["id"] for row in rows_among(books, "simulations", "id", sorted(wanted))}
    jobs = simulations.jobs_of(books, sorted(known))
    files = simulations.files_of(books, sorted(known))
    for identity, events in wanted.items():
        if identity not in known:
            yield f"the simulation {identity} is not in the books: nobody counted its jobs"
            continue
        tiers = simulations.covered(jobs.get(identity, []), files.get(identity, []))
        counts = {tier: of["events_generated"] for tier, of in tiers.items()}
        if events not in counts.values():
            told = ", ".join(f"{count} ({tier})" for tier, count in counts.items()) or "none"
            yield f"{identity}: {events} events generated, and {told} went into its files"


def _like(books: Reader, wanted: str) -> str | None:
    """Return a hint at the sample whose id has most of its beginning in common."""
    model = len(wanted.rpartition("-")[0]) + 1
    for length in (len(wanted), *range(len(wanted) - 1, model + 3, -1)):
        found = ids_beginning(books, "samples", wanted[:length], 1)
        if found:
            return f"did you mean {found[0]!r}?"
    return None


def _take_known_axes(table: Table, rows: Sequence[Row], samples: Mapping[str, Row]) -> None:
    """Check the parameters that shape the events, and leave them out: the books have them."""
    for i, row in enumerate(rows):
        sample = samples[row["sample_id"]]
        for name in [name for name in row["axes"] if name in sample["shape"]]:
            known, given = sample["parameters"].get(name), row["axes"].pop(name)
            if known is None or not math.isclose(known, given, rel_tol=_SAME):
                raise InputError(
                    f"{table.place(i)} (column {name}): {given:.9g}, and {sample['id']} was made"
                    f" {'without it' if known is None else f'with {known:.9g}'}",
                    hint=f"the column may be left out: the books know {name} of each sample",
                )


def _check_distinct(table: Table, rows: Sequence[Row]) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for i, row in enumerate(rows):
        label = row["simulation_id"] or row["sample_id"]
        first = seen.setdefault((row["region"], label, *sorted(row["axes"].items())), i)
        if first != i:
            raise InputError(
                f"{table.place(i)}: {label} in the same region is there already, in"
                f" {table.unit} {table.lines[first]}"
            )


@dataclass(frozen=True, slots=True)
class BookMaps:
    """Efficiency maps of an analysis that are in the books.

    Attributes
    ----------
    maps
        By channel.
    digests
        Their SHA-256, by channel.
    inputs
        The same by the id of the map, as the inputs of a result.
    """

    maps: Mapping[str, EfficiencyMap] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)


def maps_of(analysis: Analysis, catalog: str | None) -> BookMaps:
    """Look up the efficiency maps that an analysis names in the books; no file is read.

    Raises
    ------
    InputError
        If there are no books or no such map, or a row has no value of an axis.
    WorkError
        If a map was edited since it was recorded.
    """
    channels = [channel for channel in analysis.channels if channel.efficiency.catalog is not None]
    if not channels:
        return BookMaps()
    maps, digests, inputs = {}, {}, {}
    scanned = hypotheses(analysis).columns
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        for channel in channels:
            try:
                header = efficiencies.find(books, str(channel.efficiency.catalog))
                maps[channel.name] = _map(books, analysis, channel, header, scanned)
            except InputError as error:
                where = channel.efficiency.where
                raise InputError(f"{where}: {error.message}", hint=error.hint) from None
            digests[channel.name] = inputs[header["id"]] = header["digest"]
    return BookMaps(maps, digests, inputs)


def _map(
    books: Reader,
    analysis: Analysis,
    channel: Channel,
    header: Mapping[str, Any],
    scanned: Mapping[str, NDArray[np.float64]],
) -> EfficiencyMap:
    source = channel.efficiency
    every = efficiencies.rows_of(books, header)
    rows = [row for row in every if source.region in (None, row["region"])] or every
    samples = known_samples(books, {row["sample_id"] for row in rows})
    for sample in samples.values():
        _check_made(analysis, sample)
        _check_point(analysis, channel, sample, scanned)
    records = [
        {
            **{key: row[key] for key in efficiencies.COLUMNS if key not in _NOT_IN_TABLES},
            "sample_id": row["simulation_id"] or row["sample_id"],
            **{name: _value(channel, analysis, name, row, samples) for name in source.axes},
        }
        for row in rows
    ]
    return EfficiencyMap.from_records(
        records, region=source.region, axes=source.axes, name=f"efficiency map {header['name']}",
        **source.how,
    )  # fmt: skip


_NOT_IN_TABLES = ("simulation_id", "axes")


def _check_made(analysis: Analysis, sample: Mapping[str, Any]) -> None:
    """Refuse a sample that is not of the events whose cross section the analysis takes."""
    if sample["model"] != analysis.model.name:
        raise InputError(
            f"the sample {sample['id']} is one of {sample['model']}, and the analysis of"
            f" {analysis.model.name}"
        )
    for key, ours in _wanted_settings(analysis):
        theirs = sample["settings"].get(key, ours)
        is_same = (
            theirs == ours
            if isinstance(ours, str)
            else math.isclose(float(theirs), ours, rel_tol=_SAME)
        )
        if not is_same:
            raise InputError(
                f"the sample {sample['id']} was made with {key}: {_shown(theirs)}, and the analysis"
                f" says {key}: {_shown(ours)}",
                hint="efficiency and cross section must agree",
            )


def _check_point(
    analysis: Analysis,
    channel: Channel,
    sample: Mapping[str, Any],
    scanned: Mapping[str, NDArray[np.float64]],
) -> None:
    """Refuse a sample of other masses than the hypotheses have, where no axis accounts for them.

    What follows from others in the analysis is left to these.
    """
    for name in sample["shape"]:
        values = scanned.get(name)
        own = sample["parameters"].get(name)
        accounted = {*channel.efficiency.axes, *analysis.grid.derived}
        if name in accounted or values is None or own is None:
            continue
        is_one = len(values) > 0 and bool(np.all(values == values[0]))
        if is_one and not math.isclose(float(values[0]), own, rel_tol=_SAME):
            raise InputError(
                f"the sample {sample['id']} was made with {name} = {own:.9g}, and all hypotheses"
                f" of the analysis have {name} = {float(values[0]):.9g}",
                hint=f"fixed: {{{name}: {own:.9g}}} in the analysis, or {name} among the axes",
            )


def _wanted_settings(analysis: Analysis) -> Iterator[tuple[str, str | float]]:
    """Yield the settings that samples must have, where they have them."""
    yield "signal_b", "one"
    if analysis.samples is not None:
        yield "isr", analysis.samples.isr
        yield "alpha", analysis.samples.alpha
        yield "sqrt_s", analysis.samples.sqrt_s


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.9g}"


def _value(
    channel: Channel,
    analysis: Analysis,
    axis: str,
    row: Mapping[str, Any],
    samples: Mapping[str, Row],
) -> float:
    """Return where a row lies along an axis: what it says itself, or what its sample has."""
    if axis in row["axes"]:
        return float(row["axes"][axis])
    sample = samples[row["sample_id"]]
    what = f"the sample {sample['id']} has no {axis} of its own"
    hint = f"add a column {axis} to the table, and the table under another name"
    lifetimes = {particle.ctau for particle in analysis.model.particles.values()}
    is_lifetime = axis in lifetimes or "lifetime" in channel.process.roles.get(axis, ())
    if is_lifetime and sample["settings"].get("lifetime", "displacer") == "displacer":
        # The coupling stands at its reference, and whoever displaces the events takes any lifetime.
        raise InputError(f"{what}: its events were generated prompt, to be displaced", hint=hint)
    value = sample["parameters"].get(axis, sample["derived"].get(axis))
    if value is None:
        reason = (sample["reasons"] or {}).get(axis)
        raise InputError(what + (f": {reason}" if reason else ""), hint=hint)
    return float(value)
