"""Events of several simulations as one: what they stand for at other lifetimes.

All events of simulations i, N_i generated each with the density q_i of decay lengths, are taken as
drawn from the mixture of these. An event then stands for

    w = prod_p exp(-t_p / c_p) / c_p  /  sum_i (N_i / N) q_i(t)        (N = sum_i N_i)

events with lifetimes c_p, whichever simulation it is from, and the efficiency is
sum(w of selected) / N. No choice of weights has a variance that is smaller by more than
(1 / min N_i - 1 / N) times the square of the efficiency: E. Veach and L. J. Guibas, "Optimally
combining sampling techniques for Monte Carlo rendering", SIGGRAPH 95, 419,
doi:10.1145/218380.218498 (the balance heuristic, theorem 1); A. Owen and Y. Zhou, J. Am. Stat.
Assoc. 95 (2000) 135, doi:10.1080/01621459.2000.10473909 (deterministic mixtures).

The sum is divided by the number of events that were generated, never by the sum of their weights:
decays later than any that could be drawn have no event that stands for them, and are events all the
same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcbook.efficiency.plausible import check_decays
from mcbook.efficiency.proposals import (
    Decays,
    Flat,
    Proposal,
    Simulated,
    as_array,
    check_lifetime,
    check_proposal,
)
from mcbook.errors import InputError

Array = NDArray[np.float64]

_CHUNK = 10_000  # events at a time, so that many lifetimes need little memory


class Sums(NamedTuple):
    """Sums of weights of the selected events, and of their squares, at lifetimes."""

    ctaus: tuple[float, ...]
    sumw: float
    sumw2: float

    @property
    def n_eff(self) -> float:
        """How many unweighted events they are worth."""
        return self.sumw**2 / self.sumw2 if self.sumw2 else 0.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Selected events of simulations with the same parameters, checked.

    Attributes
    ----------
    axes
        Names of the lifetimes.
    n_generated
        Of each simulation.
    proposals
        Of each simulation, one for each axis.
    lengths, boosts
        Proper decay lengths [mm], and beta gamma where it is known, for each axis, shape (n,).
    weights
        Weights that the events have otherwise, shape (n,).
    origins
        Which simulation each event is from, shape (n,).
    sample_ids
        Of the simulations.
    """

    axes: tuple[str, ...]
    n_generated: tuple[int, ...]
    proposals: tuple[tuple[Proposal, ...], ...]
    lengths: tuple[Array, ...]
    boosts: tuple[Array | None, ...]
    weights: Array
    origins: NDArray[np.intp]
    sample_ids: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of generated events of all simulations."""
        return sum(self.n_generated)

    def flights(self, axis: int) -> Array | None:
        """Return lengths of the flights in the laboratory [mm], where they are known."""
        boosts = self.boosts[axis]
        return self.lengths[axis] * boosts if boosts is not None else None


def pool(simulations: Sequence[Simulated], name: str) -> Pool:
    """Return the events of simulations as one.

    Parameters
    ----------
    simulations
        With the same parameters and the same particles.
    name
        What messages begin with.

    Raises
    ------
    InputError
        If lengths cannot be those of their simulation, particles are not the same, or boosts are
        missing that are needed.
    """
    axes = tuple(simulations[0].decays)
    parts = [_checked(one, axes, name) for one in simulations]
    boosts = [_together([part.boosts[j] for part in parts]) for j in range(len(axes))]
    for j, axis in enumerate(axes):
        kinds = {type(one.decays[axis].proposal) for one in simulations}
        if Flat in kinds and boosts[j] is None:
            raise InputError(
                f"{name}: {axis}: beta gamma of all events is needed, as some simulations draw"
                " lengths flat in the laboratory"
            )
    return Pool(
        axes,
        tuple(int(one.n_generated) for one in simulations),
        tuple(tuple(one.decays[axis].proposal for axis in axes) for one in simulations),
        tuple(np.concatenate([part.lengths[j] for part in parts]) for j in range(len(axes))),
        tuple(boosts),
        np.concatenate([part.weights for part in parts]),
        np.repeat(np.arange(len(parts)), [len(part.weights) for part in parts]),
        tuple(one.sample_id for one in simulations),
    )


def _together(arrays: Sequence[Array | None]) -> Array | None:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if len(known) == len(arrays) else None


class _Part(NamedTuple):
    lengths: list[Array]
    boosts: list[Array | None]
    weights: Array


def _checked(one: Simulated, axes: Sequence[str], name: str) -> _Part:
    where = f"{name}: {one.sample_id}" if one.sample_id else name
    if set(one.decays) != set(axes):
        raise InputError(f"{where}: its lifetimes are not {', '.join(axes)}")
    if one.n_generated < 1:
        raise InputError(f"{where}: nothing was generated")
    made = [_arrays(one.decays[axis], one.n_generated, f"{where}: {axis}") for axis in axes]
    size = len(made[0][0])
    weights = np.ones(size) if one.weights is None else as_array(one.weights, f"{where}: weights")
    if {len(lengths) for lengths, _ in made} | {len(weights)} != {size}:
        raise InputError(f"{where}: lengths and weights are not equally many")
    if not np.isfinite(weights).all():
        raise InputError(f"{where}: weights must be finite")
    return _Part([lengths for lengths, _ in made], [boosts for _, boosts in made], weights)


def _arrays(decays: Decays, n_generated: int, where: str) -> tuple[Array, Array | None]:
    check_proposal(decays.proposal, where)
    lengths = as_array(decays.lengths, f"{where}: lengths")
    boosts = None if decays.boosts is None else as_array(decays.boosts, f"{where}: boosts")
    if boosts is not None and len(boosts) != len(lengths):
        raise InputError(f"{where}: lengths and boosts are not equally many")
    if len(lengths) > n_generated:
        raise InputError(f"{where}: more events selected than generated, an efficiency above 1")
    check_decays(decays.proposal, n_generated, lengths, boosts, where)
    return lengths, boosts


def mixture_density(events: Pool) -> Array:
    """Return the density of the mixture at the lengths of the events [1/mm each], shape (n,)."""
    total = np.zeros(len(events.weights))
    for number, proposals in zip(events.n_generated, events.proposals, strict=True):
        density = np.full(len(total), number / events.n)
        for proposal, lengths, boosts in zip(proposals, events.lengths, events.boosts, strict=True):
            density *= proposal.density(lengths, boosts)
        total += density
    return total


def weights_at(events: Pool, ctaus: Mapping[str, float]) -> Array:
    """Return what the events stand for at lifetimes.

    Parameters
    ----------
    events
        The events.
    ctaus
        A lifetime [mm] for each axis.

    Returns
    -------
    numpy.ndarray
        Weights, shape (n,), those that the events have otherwise included.
    """
    weights = events.weights / mixture_density(events)
    for axis, lengths in zip(events.axes, events.lengths, strict=True):
        check_lifetime(ctaus[axis], axis)
        weights *= np.exp(-lengths / ctaus[axis]) / ctaus[axis]
    return weights


def sums(events: Pool, ctaus: Mapping[str, Sequence[float]]) -> Iterator[Sums]:
    """Yield the sums of weights at all combinations of lifetimes.

    Parameters
    ----------
    events
        The events.
    ctaus
        Lifetimes [mm] for each axis; the last axis of the events runs fastest.
    """
    values = [np.asarray(ctaus[axis], dtype=np.float64) for axis in events.axes]
    for axis, of in zip(events.axes, values, strict=True):
        for ctau in of:
            check_lifetime(float(ctau), axis)
    base = events.weights / mixture_density(events)
    shape = (int(np.prod([len(of) for of in values[:-1]])), len(values[-1]))
    first, second = np.zeros(shape), np.zeros(shape)
    for start in range(0, len(base), _CHUNK):
        rows = slice(start, start + _CHUNK)
        left = base[None, rows]
        for of, lengths in zip(values[:-1], events.lengths, strict=False):
            left = (left[:, None] * _targets(of, lengths[rows])[None]).reshape(-1, left.shape[1])
        right = _targets(values[-1], events.lengths[-1][rows])
        first += left @ right.T
        second += left**2 @ (right**2).T
    flat = zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)
    for point, (one, two) in zip(product(*(of.tolist() for of in values)), flat, strict=True):
        yield Sums(point, one, two)


def _targets(ctaus: Array, lengths: Array) -> Array:
    """Return the densities at lifetimes, shape (m, n)."""
    return np.asarray(np.exp(-lengths[None] / ctaus[:, None]) / ctaus[:, None])
