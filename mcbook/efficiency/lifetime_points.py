"""The efficiency at lifetimes from simulations at few of them, and where it is not known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mcbook.efficiency.coverage import Coverage, Reach
from mcbook.efficiency.intervals import mc_error, reweighted_counts
from mcbook.efficiency.mixture import Pool, Sums, pool, sums
from mcbook.efficiency.proposals import Simulated
from mcbook.errors import InputError

Combine = Literal["mixture", "single"]
"""All simulations as one, or for each lifetime the one whose events are worth most."""


@dataclass(frozen=True, slots=True)
class AtLifetime:
    """The efficiency at lifetimes [mm].

    `sumw` and `sumw2` are of the selected events; `sumw / n_generated` is the efficiency.
    `sample_ids` are those of the simulations that it is from, `reason` says why it is not known.
    """

    ctaus: Mapping[str, float]
    n_generated: int
    n_selected: int
    sumw: float
    sumw2: float
    sample_ids: tuple[str, ...] = ()
    is_reweighted: bool = True
    reason: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_eff(self) -> float:
        """How many unweighted events the selected ones are worth."""
        return self.sumw**2 / self.sumw2 if self.sumw2 else 0.0

    @property
    def efficiency(self) -> float:
        """Part of the generated events that is selected."""
        return min(self.sumw / self.n_generated, 1.0)

    @property
    def mc_error(self) -> float:
        """Error of the efficiency from the number of events."""
        sums = self.sumw, self.sumw2, float(self.n_generated), self.n_generated
        return float(mc_error(*reweighted_counts(*sums)))


def at_lifetimes(
    simulations: Sequence[Simulated],
    ctaus: Mapping[str, Sequence[float]],
    *,
    reach: Reach | None = None,
    combine: Combine = "mixture",
    name: str = "lifetimes",
) -> list[AtLifetime]:
    """Return the efficiency at all combinations of lifetimes, with a reason where it is not known.

    It is not known where

    - no simulation covers the lifetimes: it is drawn flat, or with at least 1 / `MOST_STRETCHED`
      of them;
    - the selected events are worth fewer than `LEAST_EVENTS`;
    - decays later than the latest one generated, a part exp(-t_max / c) of all, may add more than
      `MOST_MISSED` of the efficiency. If M generated events decay later than the last selected one,
      less than 3 / M of those may be selected (95 %), provided that later decays are not selected
      more often. Where `reach` says that nothing there is selected, nothing is missed.

    Where a simulation has the lifetimes that are asked for, and all together are not good enough,
    it is counted alone.

    Parameters
    ----------
    simulations
        Simulations with the same parameters and the same particles.
    ctaus
        Lifetimes [mm] for each particle.
    reach
        For particles where it is known, between which lengths of the flight in the laboratory [mm]
        decays can be selected at all.
    combine
        How several simulations are taken together.

    Raises
    ------
    InputError
        If lengths cannot be those of their simulation, or a lifetime is not above 0.
    """
    if not simulations:
        raise InputError(f"{name}: there are no simulations")
    _check_names(simulations[0], ctaus, name)
    if combine == "mixture":
        return list(_at(pool(simulations, name), ctaus, reach or {}, name))
    alone = [list(_at(pool([one], name), ctaus, reach or {}, name)) for one in simulations]
    return [max(rows, key=lambda row: (not row.reason, row.n_eff))
            for rows in zip(*alone, strict=True)]  # fmt: skip


def _check_names(first: Simulated, ctaus: Mapping[str, Sequence[float]], name: str) -> None:
    if not ctaus or set(first.decays) != set(ctaus):
        raise InputError(
            f"{name}: lifetimes of {', '.join(ctaus) or 'nothing'} are asked for, and those of"
            f" {', '.join(first.decays) or 'nothing'} were simulated"
        )


def _at(
    events: Pool, ctaus: Mapping[str, Sequence[float]], reach: Reach, name: str
) -> Iterator[AtLifetime]:
    coverage = Coverage(events, reach, name)
    for found in sums(events, ctaus):
        same, reason = coverage.same(found.ctaus), ""
        if same is None or len(events.n_generated) > 1:
            reason = coverage.refusal(found)
        if same is not None and (reason or len(events.n_generated) == 1):
            yield _counted(events, same, found)
        else:
            yield AtLifetime(
                dict(zip(events.axes, found.ctaus, strict=True)),
                events.n,
                len(events.weights),
                found.sumw,
                found.sumw2,
                events.sample_ids,
                reason=reason,
            )


def _counted(events: Pool, i: int, found: Sums) -> AtLifetime:
    """Return what was counted in a simulation that has these lifetimes."""
    weights = events.weights[events.origins == i]
    return AtLifetime(
        dict(zip(events.axes, found.ctaus, strict=True)),
        events.n_generated[i],
        len(weights),
        float(weights.sum()),
        float((weights**2).sum()),
        (events.sample_ids[i],),
        is_reweighted=False,
    )
