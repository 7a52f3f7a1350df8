"""What is kept of samples at other lifetimes: efficiencies over c tau from reweighted events."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcbook.errors import InputError
from mcbook.selection.count import selected
from mcbook.selection.lifetime_rows import SelectedEvents, lifetime_rows
from mcbook.selection.records import Selection
from mcbook.verbs.ntuples import Found, Told
from mcbook.verbs.selecting.counted import Counted, Kept

Row = dict[str, Any]


def reweighted(
    selection: Selection, found: Found, counted: Sequence[Counted], told: Told, *, jobs: int
) -> list[Kept]:
    """Return what is kept of each sample and region at each lifetime that can be reached.

    Simulations of one campaign go together as one mixture; campaigns are weighted by their
    luminosities, as in `mcbook.verbs.selecting.counted.combined`.

    Parameters
    ----------
    selection
        A selection with ``lifetimes``.
    found
        The samples.
    counted
        The generated events of each simulation.
    told
        Gets the lifetimes that are left out.
    jobs
        How many files are read side by side.

    Raises
    ------
    InputError
        If lengths cannot be those of the simulations, or no lifetime can be reached.
    """
    by_sample: dict[str, dict[str, list[Counted]]] = {}
    for one in counted:
        campaigns = by_sample.setdefault(one.source.sample_id, {})
        campaigns.setdefault(one.source.campaign, []).append(one)
    kept = [
        row
        for identity, campaigns in by_sample.items()
        for region in selection.regions
        for row in _of_region(selection, found.samples[identity], campaigns, region, told, jobs)
    ]
    if not kept:
        raise InputError(
            f"{selection.path}: no lifetime can be reached", hint="; ".join(told.warnings[-2:])
        )
    return kept


def _of_region(
    selection: Selection,
    sample: Row,
    campaigns: Mapping[str, Sequence[Counted]],
    region: str,
    told: Told,
    jobs: int,
) -> Iterator[Kept]:
    """Yield the rows of one sample in one region."""
    tables: list[dict[tuple[tuple[str, float], ...], Row]] = []
    names = [one.axis for one in selection.lifetimes]
    for some in campaigns.values():
        events = [_events(selection, sample, one, region, jobs) for one in some]
        found = lifetime_rows(selection.lifetimes, events, sample_id=sample["id"], region=region)
        if text := found.told(f"{sample['id']}, region {region}"):
            told.warnings.append(text)
        tables.append({tuple((name, row[name]) for name in names): row for row in found.rows})
    shares = [selection.campaigns.get(name, 1.0) for name in campaigns]
    for point in tables[0]:
        rows = [table.get(point) for table in tables]
        known = [row for row in rows if row is not None]
        if len(known) == len(rows):
            yield _kept(sample["id"], region, known, shares, selection.filtered, dict(point))


def _kept(
    identity: str,
    region: str,
    rows: Sequence[Row],
    shares: Sequence[float],
    scale: float,
    point: Mapping[str, float],
) -> Kept:
    """Return one row: the campaigns by their luminosities, over the efficiency of a filter."""
    label = str(rows[0]["sample_id"])
    alone = label if len(rows) == 1 and label != identity else None
    generated = [row["n_generated"] / scale for row in rows]
    total = sum(generated)
    factors = [
        total * share / sum(shares) / events
        for share, events in zip(shares, generated, strict=True)
    ]
    return Kept(
        identity,
        alone,
        region,
        round(total),
        sum(int(row["n_selected"]) for row in rows),
        total,
        sum(f * row["sumw"] for f, row in zip(factors, rows, strict=True)),
        sum(f**2 * row["sumw2"] for f, row in zip(factors, rows, strict=True)),
        point,
    )


def _events(
    selection: Selection, sample: Row, one: Counted, region: str, jobs: int
) -> SelectedEvents:
    """Return the selected events of a simulation with what is known of their decays."""
    names = [name for lifetime in selection.lifetimes for name in lifetime.columns]
    columns = selected(
        selection, one.source.paths, sample["parameters"], names, region=region,
        is_signal=True, most=one.source.most, jobs=jobs,
    )  # fmt: skip
    return SelectedEvents(
        one.source.simulation_id,
        round(one.generated * selection.filtered),
        one.source.displacement,
        columns,
        _drawn(selection, sample),
    )


def _drawn(selection: Selection, sample: Row) -> dict[str, float]:
    """Return c tau [mm] of the particles whose lifetime the generator drew."""
    if sample["settings"].get("lifetime") != "generator":
        return {}
    particles = selection.deriver.model.particles.items()
    values = {name: sample["derived"].get(one.ctau) for name, one in particles if one.ctau}
    return {name: float(value) for name, value in values.items() if value is not None}
