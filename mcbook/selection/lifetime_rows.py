"""Rows of an efficiency table over lifetimes, from selected events and the books' displacement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from mcbook.efficiency.lifetime_points import AtLifetime, Combine, at_lifetimes
from mcbook.efficiency.proposals import Decays, Exponential, Proposal, Simulated, proposal_of
from mcbook.errors import InputError, did_you_mean
from mcbook.selection.lifetimefile import Lifetime

WEIGHT = "weight"
"""The column of the weights of events, if there is one."""

_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class SelectedEvents:
    """Events of one simulation that a selection took.

    Attributes
    ----------
    label
        What the rows call them: the id of the simulation, or of the sample.
    n_generated
        Number of events behind the files that were read, before any selection.
    displacement
        How the simulation displaces particles, as the books keep it: of each ``name``,
        ``mechanism`` and ``decay`` (``kind`` and ``length_mm``, or None).
    columns
        Of the selected events: those of the lifetimes, and ``weight`` if there is one, shape (n,).
    ctaus
        c tau [mm] of particles, by name, whose lifetime the generator drew.
    """

    label: str
    n_generated: int
    displacement: Sequence[Mapping[str, Any]]
    columns: Mapping[str, ArrayLike]
    ctaus: Mapping[str, float] = field(default_factory=dict)


class LifetimeRows(NamedTuple):
    """Rows of a table of efficiencies, and what is missing: lifetimes by axis, with a reason."""

    rows: list[dict[str, Any]]
    refused: list[tuple[Mapping[str, float], str]]

    def told(self, label: str) -> str:
        """Return in one line what is missing; an empty text where nothing is."""
        if not self.refused:
            return ""
        reasons = list(dict.fromkeys(reason for _, reason in self.refused))
        more = f"; and {len(reasons) - _MOST_TOLD} more" if len(reasons) > _MOST_TOLD else ""
        total = len(self.rows) + len(self.refused)
        return (
            f"{label}: {len(self.refused)} of {total} lifetimes are left out:"
            f" {'; '.join(reasons[:_MOST_TOLD])}{more}"
        )


def lifetime_rows(
    lifetimes: Sequence[Lifetime],
    events: Sequence[SelectedEvents],
    *,
    sample_id: str,
    region: str,
    combine: Combine = "mixture",
    parameters: Mapping[str, float] | None = None,
) -> LifetimeRows:
    """Return the rows of a sample at all combinations of the lifetimes that are wanted.

    Parameters
    ----------
    lifetimes
        The particles, as the selection has them.
    events
        Selected events of the simulations of the sample; of one campaign, as the detector is
        another in another.
    sample_id, region
        Of the rows. Where a row is from one simulation only, it carries the label of that.
    combine
        How simulations are taken together, see `mcbook.efficiency.lifetime_points`.
    parameters
        Values of other axes.

    Returns
    -------
    LifetimeRows
        Rows with ``sample_id``, ``region``, ``n_generated``, ``n_selected``, ``sumw_generated``
        (the number of generated events: those that decay out of reach are among them), ``sumw``,
        ``sumw2``, parameters and lifetimes [mm].

    Raises
    ------
    InputError
        If a particle is not displaced in a simulation or at a fixed length, another one is
        displaced differently in the simulations, or lengths cannot be those of the simulation.
    """
    if not events:
        raise InputError(f"{sample_id}: there is no simulation to reweight")
    _check_others(lifetimes, events, sample_id)
    made = [_simulated(lifetimes, one) for one in events]
    reach = {one.axis: one.reach_mm for one in lifetimes if one.reach_mm is not None}
    found = at_lifetimes(
        made,
        {one.axis: one.ctaus for one in lifetimes},
        reach=reach,
        combine=combine,
        name=sample_id,
    )
    rows = [
        {**_row(one, sample_id, region), **(parameters or {}), **one.ctaus}
        for one in found
        if not one.reason
    ]
    return LifetimeRows(rows, [(one.ctaus, one.reason) for one in found if one.reason])


def _row(one: AtLifetime, sample_id: str, region: str) -> dict[str, Any]:
    labels = one.sample_ids
    return {
        "sample_id": labels[0] if len(labels) == 1 else sample_id,
        "region": region,
        "n_generated": one.n_generated,
        "n_selected": one.n_selected,
        "sumw_generated": float(one.n_generated),
        "sumw": min(one.sumw, float(one.n_generated)),
        "sumw2": one.sumw2,
    }


def _simulated(lifetimes: Sequence[Lifetime], one: SelectedEvents) -> Simulated:
    decays = {}
    for lifetime in lifetimes:
        lengths, boosts = lifetime.decays(one.columns)
        decays[lifetime.axis] = Decays(_proposal(lifetime, one), lengths, boosts)
    weights = one.columns.get(WEIGHT)
    return Simulated(one.n_generated, decays, weights=weights, sample_id=one.label)


def _proposal(lifetime: Lifetime, one: SelectedEvents) -> Proposal:
    """Return how a simulation drew the lengths of a particle."""
    name = lifetime.particle
    entries = {str(entry["name"]): entry for entry in one.displacement}
    where = f"{lifetime.where}: {one.label}"
    entry = entries.get(name)
    if entry is None and name not in one.ctaus:
        known = [*entries, *one.ctaus]
        raise InputError(
            f"{where}: no particle {name} decays in it",
            hint=did_you_mean(name, known) or f"these do: {', '.join(known) or 'none'}",
        )
    decay = entry["decay"] if entry is not None else None
    if decay is not None:
        return proposal_of(str(decay["kind"]), float(decay["length_mm"]), where)
    if name in one.ctaus:
        return Exponential(float(one.ctaus[name]))
    raise InputError(
        f"{where}: {name} decays at once in it, which says nothing of other lifetimes",
        hint="simulate it with exponential_mm or flat_mm",
    )


def _check_others(
    lifetimes: Sequence[Lifetime], events: Sequence[SelectedEvents], sample_id: str
) -> None:
    """Refuse to mix simulations that differ in what is not reweighted."""
    named = {one.particle for one in lifetimes}
    first = _others(events[0], named)
    for one in events[1:]:
        ways = _others(one, named)
        for name in [*first, *ways]:
            if first.get(name) != ways.get(name):
                raise InputError(
                    f"{sample_id}: its simulations {events[0].label} and {one.label} displace"
                    f" {name} differently",
                    hint=f"name {name} under lifetimes, or choose simulations that agree",
                )


def _others(one: SelectedEvents, named: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        str(entry["name"]): entry["decay"]
        for entry in one.displacement
        if entry["name"] not in named and entry["decay"] is not None
    }
    return found | {name: float(ctau) for name, ctau in one.ctaus.items() if name not in named}
