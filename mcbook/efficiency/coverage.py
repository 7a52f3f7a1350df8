"""At which lifetimes the events of simulations say something, and why not at others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.mixture import Pool, Sums
from mcbook.efficiency.nodes import SAME
from mcbook.efficiency.proposals import ROUNDING, Exponential, Flat, Proposal
from mcbook.errors import InputError

Array = NDArray[np.float64]
Reach = Mapping[str, tuple[float, float]]
"""Lengths of flights in the laboratory [mm] outside of which nothing is selected, by axis."""

LEAST_EVENTS = 20.0
"""Effective number of selected events below which a lifetime is refused."""

MOST_MISSED = 0.1
"""Part of the efficiency that decays where none was generated may add at most."""

MOST_STRETCHED = 1.5
"""Lifetimes are at most that many times the generated one.

Weights of exponential decays at r times their lifetime have the mean square 1 / (r (2 - r)): 4/3
here, and none at r = 2, from where on the sum of weights has no variance.
"""

_RULE_OF_THREE = 3.0  # none seen among M: below 3 / M at 95 %


@dataclass(frozen=True, slots=True)
class _Ends:
    """The ends of what is known of an axis: where selected events decay, and how they fly."""

    lengths: tuple[float, float]
    flights: tuple[float, float] | None
    boosts: tuple[float, float] | None


class Coverage:
    """What the events of simulations cover.

    Parameters
    ----------
    events
        Selected events.
    reach
        For axes where it is known, between which lengths of flights in the laboratory [mm] events
        can be selected at all.
    name
        What messages begin with.

    Raises
    ------
    InputError
        If an event is selected out of reach, or flights are not known.
    """

    def __init__(self, events: Pool, reach: Reach, name: str) -> None:
        self.events, self.reach, self.name = events, reach, name
        self.ends = [self._ends(j) for j in range(len(events.axes))]

    def _ends(self, j: int) -> _Ends | None:
        events, axis = self.events, self.events.axes[j]
        flights, boosts = events.flights(j), events.boosts[j]
        low, high = self.reach.get(axis, (0.0, np.inf))
        if axis in self.reach and flights is None:
            raise InputError(f"{self.name}: {axis}: beta gamma of all events is needed for a reach")
        if not len(events.weights):
            return None
        if flights is None or boosts is None:
            return _Ends(_range(events.lengths[j]), None, None)
        out = (flights > high * (1 + ROUNDING)) | (flights < low * (1 - ROUNDING))
        if out.any():
            raise InputError(
                f"{self.name}: {axis}: {out.sum()} selected events fly {flights[out].min():.4g} to"
                f" {flights[out].max():.4g} mm, out of the reach of {low:.4g} to {high:.4g} mm"
            )
        return _Ends(_range(events.lengths[j]), _range(flights), _range(boosts))

    def refusal(self, found: Sums) -> str:
        """Return why the efficiency at lifetimes is not known, else an empty text."""
        events = self.events
        if not any(all(map(_covers, proposals, found.ctaus)) for proposals in events.proposals):
            return self._too_long(found.ctaus)
        if found.n_eff < LEAST_EVENTS:
            return f"the selected events are worth {found.n_eff:.3g}, fewer than {LEAST_EVENTS:g}"
        efficiency = found.sumw / events.n
        missed = [self._missed(j, ctau) for j, ctau in enumerate(found.ctaus)]
        if sum(part for part, _ in missed) <= MOST_MISSED * efficiency:
            return ""
        worst = max(range(len(missed)), key=lambda j: missed[j][0])
        part, where = missed[worst]
        return (
            f"decays of {events.axes[worst]} {where} may add {part:.2g} to the efficiency of"
            f" {efficiency:.2g}"
        )

    def same(self, ctaus: Sequence[float]) -> int | None:
        """Return which simulation was made with these lifetimes, the largest one if several."""
        events = self.events
        found = [
            i for i, proposals in enumerate(events.proposals)
            if all(map(_is_same, proposals, ctaus))
        ]  # fmt: skip
        return max(found, key=lambda i: events.n_generated[i]) if found else None

    def _too_long(self, ctaus: Sequence[float]) -> str:
        wanted = " and ".join(
            f"{axis} = {ctau:.4g} mm" for axis, ctau in zip(self.events.axes, ctaus, strict=True)
        )
        made = "; ".join(dict.fromkeys(", ".join(map(str, one)) for one in self.events.proposals))
        return f"{wanted}: more than {MOST_STRETCHED:g} times what was simulated ({made})"

    def _missed(self, j: int, ctau: float) -> tuple[float, str]:
        """Return which part of decays, that were not generated, may be selected, and which."""
        ends = self.ends[j]
        if ends is None:
            return 1.0, "anywhere"
        late, early = self._late(j, ctau, ends), self._early(j, ctau, ends)
        return max(late, early)

    def _late(self, j: int, ctau: float, ends: _Ends) -> tuple[float, str]:
        proposals = [proposals[j] for proposals in self.events.proposals]
        numbers = self.events.n_generated
        _, high = self.reach.get(self.events.axes[j], (0.0, np.inf))
        last = max(map(_last, proposals, numbers, [ends.boosts] * len(numbers)))
        if ends.boosts is not None and high <= last * ends.boosts[0] * (1 + ROUNDING):
            return 0.0, ""
        if any(isinstance(p, Flat) and high <= p.high * (1 + ROUNDING) for p in proposals):
            return 0.0, ""
        later = sum(
            n * float(p.later(np.array(ends.lengths[1]), _at(ends.flights, 1)))
            for p, n in zip(proposals, numbers, strict=True)
        )
        part = float(np.exp(-last / ctau)) * min(1.0, _RULE_OF_THREE / max(later, 1.0))
        return part, f"after the last generated one, at {last:.4g} mm,"

    def _early(self, j: int, ctau: float, ends: _Ends) -> tuple[float, str]:
        proposals = [proposals[j] for proposals in self.events.proposals]
        starts = [p.low if isinstance(p, Flat) else 0.0 for p in proposals]
        low, _ = self.reach.get(self.events.axes[j], (0.0, np.inf))
        start = min(starts)
        if start <= low or ends.boosts is None:
            return 0.0, ""
        earlier = sum(
            n * float(1 - p.later(np.array(ends.lengths[0]), _at(ends.flights, 0)))
            for p, n in zip(proposals, self.events.n_generated, strict=True)
        )
        part = float(-np.expm1(-start / ends.boosts[0] / ctau))
        return part * min(1.0, _RULE_OF_THREE / max(earlier, 1.0)), "before the first generated one"


def _range(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _at(flights: tuple[float, float] | None, end: int) -> Array | None:
    return np.array(flights[end]) if flights is not None else None


def _covers(proposal: Proposal, ctau: float) -> bool:
    return isinstance(proposal, Flat) or ctau <= MOST_STRETCHED * proposal.ctau * (1 + SAME)


def _is_same(proposal: Proposal, ctau: float) -> bool:
    return isinstance(proposal, Exponential) and abs(ctau - proposal.ctau) <= SAME * proposal.ctau


def _last(proposal: Proposal, number: int, boosts: tuple[float, float] | None) -> float:
    """Return the proper length [mm] after which about one event is generated, or none."""
    if isinstance(proposal, Exponential):
        return float(proposal.ctau * np.log(number))
    return proposal.high / boosts[1] if boosts is not None else 0.0
