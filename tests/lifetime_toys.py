"""A toy detector that sees decays by how far they are, and simulations of particles that decay."""

import numpy as np

from mcbook.efficiency import Decays, Exponential, Simulated

SLOWEST, FASTEST = 0.4, 3.0
NEAR, FAR, MOST = 5.0, 300.0, 0.8  # [mm], [mm]: between them decays are seen


def seen(flights):
    """Return the probability to see a decay after flights in the laboratory [mm]."""
    inside = (flights > NEAR) & (flights < FAR)
    return np.where(inside, MOST * (1 - flights / (2 * FAR)), 0.0)


def lengths(rng, proposal, boosts):
    """Return proper decay lengths [mm] that a generator draws."""
    if isinstance(proposal, Exponential):
        return rng.exponential(proposal.ctau, len(boosts))
    return rng.uniform(proposal.low, proposal.high, len(boosts)) / boosts


def simulate(rng, size, detector=seen, sample_id="", parameters=None, **proposals):
    """Return a simulation whose particles fly with a flat spectrum of beta gamma.

    An event is selected with the product of what the detector sees of its particles.
    """
    boosts = {axis: rng.uniform(SLOWEST, FASTEST, size) for axis in proposals}
    drawn = {axis: lengths(rng, way, boosts[axis]) for axis, way in proposals.items()}
    chance = np.prod([detector(drawn[axis] * boosts[axis]) for axis in proposals], axis=0)
    kept = rng.random(size) < chance
    decays = {
        axis: Decays(way, drawn[axis][kept], boosts[axis][kept]) for axis, way in proposals.items()
    }
    return Simulated(size, decays, parameters or {}, sample_id=sample_id)


def truth(ctau, detector=seen):
    """Return the efficiency of one particle by quadrature over its flight and its speed.

    Nothing of it is sampled or weighted: the integral over flights is a sum over bins of their
    probability exp(-l1 / (b c)) - exp(-l2 / (b c)).
    """
    edges = np.concatenate([[0.0], np.linspace(NEAR, FAR, 600), [1e9]])
    speeds = np.linspace(SLOWEST, FASTEST, 501)[:-1] + (FASTEST - SLOWEST) / 1000
    later = np.exp(-edges[None] / (speeds[:, None] * ctau))
    return float(((later[:, :-1] - later[:, 1:]) @ detector((edges[:-1] + edges[1:]) / 2)).mean())
