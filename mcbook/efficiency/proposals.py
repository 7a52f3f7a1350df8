"""How decay lengths were drawn in a simulation, and where its selected events decayed.

Lengths are proper decay lengths c t [mm]: the length of the flight over beta gamma. A simulation
draws them with a density q(t), which is known:

- `Exponential`: exp(-t / c0) / c0, with c0 = c tau;
- `Flat`: flat in the length of the flight l = beta gamma t in the laboratory, between two lengths,
  as ``flat`` of basf2's ``GeneratedVertexDisplacer`` from 0 on: q(t) = beta gamma / (high - low).

A fixed length has no density, and cannot stand for others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROUNDING = 1e-4
"""Part by which a length in single precision may lie outside of where it was drawn."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Drawn as a particle with the mean proper decay length `ctau` [mm] decays."""

    ctau: float

    def density(self, lengths: Array, _boosts: Array | None) -> Array:
        """Return q(t) at proper lengths [mm], shape (n,)."""
        return np.asarray(np.exp(-lengths / self.ctau) / self.ctau)

    def later(self, lengths: Array, _flights: Array | None) -> Array:
        """Return which part of all decays is later, shape (n,)."""
        return np.asarray(np.exp(-lengths / self.ctau))

    def __str__(self) -> str:
        return f"ctau {self.ctau:.4g} mm"


@dataclass(frozen=True, slots=True)
class Flat:
    """Drawn flat in the length of the flight in the laboratory, from `low` to `high` [mm]."""

    high: float
    low: float = 0.0

    def density(self, lengths: Array, boosts: Array | None) -> Array:
        """Return q(t) at proper lengths [mm] of particles with beta gamma *boosts*, shape (n,)."""
        speeds = needed(boosts)
        flights = lengths * speeds
        there = (flights <= self.high * (1 + ROUNDING)) & (flights >= self.low * (1 - ROUNDING))
        return np.asarray(np.where(there, speeds / (self.high - self.low), 0.0))

    def later(self, _lengths: Array, flights: Array | None) -> Array:
        """Return which part of all decays is later, shape (n,)."""
        part = (self.high - needed(flights)) / (self.high - self.low)
        return np.asarray(np.clip(part, 0.0, 1.0))

    def __str__(self) -> str:
        start = f" from {self.low:.4g}" if self.low else ""
        return f"flights{start} up to {self.high:.4g} mm"


Proposal = Exponential | Flat


@dataclass(frozen=True, slots=True)
class Decays:
    """Where a particle decayed in the selected events of a simulation.

    Attributes
    ----------
    proposal
        How its decay lengths were drawn.
    lengths
        Proper decay lengths c t [mm] of the selected events, shape (n,).
    boosts
        Its beta gamma in the laboratory, shape (n,). Needed in all simulations that are combined
        with one that is flat, and for a reach.
    """

    proposal: Proposal
    lengths: ArrayLike
    boosts: ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulation of events in which particles decay late, and which of them were selected.

    Attributes
    ----------
    n_generated
        Number of events before any selection, late decays included.
    decays
        For each particle, by the name of its lifetime, such as ``ctau_chi2``.
    parameters
        Values of the other axes.
    weights
        Weights of the selected events, shape (n,), 1 on average over all generated ones; all 1 by
        default.
    sample_id
        Where they are from.
    """

    n_generated: int
    decays: Mapping[str, Decays]
    parameters: Mapping[str, float] = field(default_factory=dict)
    weights: ArrayLike | None = None
    sample_id: str = ""


def proposal_of(kind: str, length: float, name: str) -> Proposal:
    """Return how lengths were drawn, as the books say it.

    Parameters
    ----------
    kind
        ``exponential``, ``flat`` or ``fixed``; see `mcbook.simulation.displacement`.
    length
        c tau, or the largest length of a flight in the laboratory [mm].
    name
        What messages call it.

    Raises
    ------
    InputError
        If nothing else can be made of it.
    """
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"{name}: a length of {length} mm is not above 0")
    if kind == "exponential":
        return Exponential(length)
    if kind == "flat":
        return Flat(length)
    if kind == "fixed":
        raise InputError(
            f"{name}: all decay after the fixed length of {length:.9g} mm, which says nothing of"
            " others",
            hint="simulate it with exponential_mm or flat_mm",
        )
    raise InputError(f"{name}: decay lengths cannot be drawn {kind!r}")


def check_proposal(proposal: Proposal, where: str) -> None:
    """Check the lengths of a proposal.

    Raises
    ------
    InputError
        If they are not above 0, or not in their order.
    """
    if isinstance(proposal, Exponential):
        check_lifetime(proposal.ctau, where)
    elif not 0 <= proposal.low < proposal.high < np.inf:
        raise InputError(f"{where}: no length lies between {proposal.low} and {proposal.high} mm")


def check_lifetime(ctau: float, where: str = "") -> None:
    """Check that a lifetime is above 0.

    Raises
    ------
    InputError
        If it is not.
    """
    if not (np.isfinite(ctau) and ctau > 0):
        raise InputError(f"{where}{': ' if where else ''}a lifetime of {ctau} mm is not above 0")


def as_array(values: Any, what: str) -> Array:
    """Return values as one array of numbers.

    Raises
    ------
    InputError
        If they are no numbers.
    """
    try:
        return np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise InputError(f"{what} are not numbers") from None


def needed(values: Array | None) -> Array:
    """Return what is there.

    Raises
    ------
    InputError
        If it is not.
    """
    if values is None:
        raise InputError(
            "beta gamma of each event is needed where flights are flat in the laboratory"
        )
    return values
