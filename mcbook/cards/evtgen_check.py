"""What EvtGen lets pass in silence: closed decays, thresholds, spin types, lifetimes.

EvtGen exits with 0 when a decay is closed and violates energy conservation by up to a GeV; where
another mode is open it drops the closed one without a word.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from mcbook.cards.evtgen_plan import Block, Line, Plan
from mcbook.registry.model import Particle

Array = NDArray[np.float64]
Found = tuple[NDArray[np.bool_], str]

MARGIN = 1e-3
"""Distance [GeV] that every mother keeps from the sum of its daughters.

Masses in EvtGen's table differ from the registry's by up to 0.1 MeV (B mesons, PDG 2020 to 2024).
"""

NARROW = 1e-4
"""Width [GeV] below which EvtGen gives every particle of a kind the same mass."""

EDGE_IN_WIDTHS = 5.0
"""A broad state keeps this many widths from every threshold."""

LIGHTEST = 1e-4
"""EvtGen takes a vector below this mass [GeV] for a photon, a fermion for a neutrino."""


def describe(block: Block, line: Line) -> str:
    """Return a decay in the registry's names."""
    return f"{block.particle} -> {' '.join(line.particles)}"


def displaced(plan: Plan) -> list[Particle]:
    """Return the new particles that decay, and so have a place where they do."""
    decaying = plan.decaying()
    return [p for p in plan.new_particles if {p.name, p.anti} & decaying]


def kinematics(
    plan: Plan,
    masses: Mapping[str, Array],
    widths: Mapping[str, Array],
    weights: Mapping[str, Array],
) -> Iterator[Found]:
    """Yield the points at which a decay is closed or too near its threshold.

    Parameters
    ----------
    plan
        The decay file.
    masses
        Masses [GeV] by registry name, of shape (n_points,).
    widths
        Widths [GeV] of new particles; a name may be missing.
    weights
        Branching fractions of the channels; empty where a process has only one.
    """
    low, high = _range(masses, widths)
    opened = {channel: np.asarray(weight) == weight for channel, weight in weights.items()}
    near = {channel: np.zeros_like(mask) for channel, mask in opened.items()}
    for block, line, gap in plan.gaps(low, high):
        channel = block.channel or line.channel
        if channel is None:
            yield ~(gap > MARGIN), f"{describe(block, line)} is not open by {MARGIN} GeV"
        else:
            opened[channel] = opened[channel] & (gap > 0)
            near[channel] = near[channel] | ~(gap > MARGIN)
    if not weights:
        return
    for channel, weight in weights.items():
        bad = ~(np.isfinite(weight) & (weight >= 0))
        yield bad, f"the branching fraction of channel {channel} is not a number from 0 to 1"
        yield (
            opened[channel] & near[channel] & (weight > 0),
            f"channel {channel} is within {MARGIN} GeV of its threshold",
        )
    alive = [opened[channel] & (weights[channel] > 0) for channel in weights]
    yield ~np.logical_or.reduce(alive), f"no channel is open: {', '.join(weights)}"


def spin_types(plan: Plan, masses: Mapping[str, Array]) -> Iterator[Found]:
    """Yield the points at which EvtGen takes a new particle for a photon or a neutrino."""
    for particle in plan.new_particles:
        if particle.spin > 0:
            mask = ~(masses[particle.name] > LIGHTEST)
            yield mask, f"{particle.name} is not heavier than {LIGHTEST} GeV"
        else:
            yield ~(masses[particle.name] > 0), f"{particle.name} has no mass"


def lifetimes(plan: Plan, derived: Mapping[str, Array]) -> Iterator[Found]:
    """Yield the points at which a particle that decays has no lifetime for the table."""
    for particle in displaced(plan):
        if particle.ctau is not None:
            ctau = derived[particle.ctau]
            yield ~(np.isfinite(ctau) & (ctau >= 0)), f"{particle.ctau} is not finite"


def _range(
    masses: Mapping[str, Array], widths: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the lowest and highest masses that count: broad states reach out by their widths."""
    low, high = dict(masses), dict(masses)
    for name, width in widths.items():
        reach = EDGE_IN_WIDTHS * np.where(width >= NARROW, width, 0.0)
        low[name], high[name] = masses[name] - reach, masses[name] + reach
    return low, high
