"""Whether decay lengths of selected events can be what they are said to be.

Of the events that were not selected nothing is known, but there cannot be more selected ones in any
range of lengths than were generated there. Lengths in cm for mm, or those in the laboratory for
proper ones, are often found out by that.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.proposals import ROUNDING, Exponential, Flat, Proposal
from mcbook.errors import InputError

Array = NDArray[np.float64]

_LATEST = 100.0  # lifetimes, beyond which a decay has a chance of less than 1e-43
_CHANCE = 1e-9  # of a false alarm
_RANKS = 64  # at which counts are looked at

_HINT = "proper decay lengths in mm: the length of the flight over beta gamma, before smearing"


def check_decays(
    proposal: Proposal, n_generated: int, lengths: Array, boosts: Array | None, where: str
) -> None:
    """Check the decay lengths of selected events.

    Parameters
    ----------
    proposal
        How lengths were drawn.
    n_generated
        How many.
    lengths, boosts
        Proper decay lengths [mm] and beta gamma of the selected events, shape (n,).
    where
        What messages begin with.

    Raises
    ------
    InputError
        If a length or a boost cannot be, or more events are selected somewhere than were generated
        there (by a chance of 1e-9).
    """
    if not (np.isfinite(lengths) & (lengths >= 0)).all():
        raise InputError(f"{where}: proper decay lengths must be finite and not negative")
    if boosts is not None and not (np.isfinite(boosts) & (boosts > 0)).all():
        raise InputError(f"{where}: beta gamma must be finite and above 0")
    if not len(lengths):
        return
    flights = lengths * boosts if boosts is not None else None
    _check_range(proposal, lengths, flights, where)
    _check_counts(proposal, n_generated, lengths, flights, where)


def _check_range(proposal: Proposal, lengths: Array, flights: Array | None, where: str) -> None:
    if isinstance(proposal, Exponential):
        if lengths.max() > _LATEST * proposal.ctau:
            raise InputError(
                f"{where}: a decay after {lengths.max():.4g} mm is impossible with {proposal}",
                hint=_HINT,
            )
    elif flights is not None and (
        flights.max() > proposal.high * (1 + ROUNDING)
        or flights.min() < proposal.low * (1 - ROUNDING)
    ):
        raise InputError(
            f"{where}: flights of {flights.min():.4g} to {flights.max():.4g} mm in the laboratory,"
            f" and {proposal} were simulated",
            hint="is beta gamma that of this particle, and are lengths in the unit that is stated?",
        )


def _check_counts(
    proposal: Proposal, n_generated: int, lengths: Array, flights: Array | None, where: str
) -> None:
    from scipy.special import gammainc

    order = np.argsort(flights if isinstance(proposal, Flat) and flights is not None else lengths)
    ranks = np.unique(np.geomspace(1, len(order), _RANKS).round().astype(np.intp))
    for is_late in (True, False):
        rows = order[len(order) - ranks] if is_late else order[ranks - 1]
        later = proposal.later(lengths[rows], flights[rows] if flights is not None else None)
        expected = n_generated * (later if is_late else 1 - later)
        chance = gammainc(ranks, expected)  # of so many or more, by Poisson's law
        worst = int(chance.argmin())
        if chance[worst] * 2 * len(ranks) < _CHANCE:
            raise InputError(
                f"{where}: {ranks[worst]} selected events decay"
                f" {'after' if is_late else 'before'} {lengths[rows[worst]]:.4g} mm, where"
                f" {n_generated} generated with {proposal} leave {expected[worst]:.3g}",
                hint=_HINT,
            )
