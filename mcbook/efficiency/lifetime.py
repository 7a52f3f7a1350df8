"""Other lifetimes from the same events: reweighting in the proper decay length.

A particle with the mean proper decay length c0 = c tau decays at the proper length t [mm] with the
density exp(-t / c0) / c0, so that an event generated with c0 stands for

    w = (c0 / c) exp(-t (1 / c - 1 / c0))

events at c. Generated events then add up to their number on average, and the efficiency is
sum(w of selected) / N: it needs no weights of events that were not selected. See
`mcbook.efficiency.mixture` for several particles and simulations, and
`mcbook.efficiency.coverage` on what it cannot know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.efficiency.coverage import Reach
from mcbook.efficiency.domain import How
from mcbook.efficiency.lifetime_points import AtLifetime, Combine, at_lifetimes
from mcbook.efficiency.maps import EfficiencyMap
from mcbook.efficiency.mixture import pool, weights_at
from mcbook.efficiency.nodes import TOGETHER, Nodes, check
from mcbook.efficiency.proposals import Decays, Exponential, Simulated, as_array, check_lifetime
from mcbook.errors import InputError

Array = NDArray[np.float64]
_LATEST = 100.0  # exponent of a weight, beyond which a decay has a chance of less than 1e-43
_OFF = 5.0  # standard deviations by which the mean of the generated times may miss


class Weights(NamedTuple):
    """Weights of events at another lifetime, and how many unweighted ones they are worth."""

    weights: Array
    n_eff: float


@dataclass(frozen=True, slots=True)
class LifetimeSample:
    """Proper decay lengths of one particle in the events of a sample.

    Attributes
    ----------
    ctau
        c tau with which they were generated [mm].
    generated, selected
        Proper decay lengths c t [mm] of all generated and of the selected events.
    parameters
        Values of the other axes.
    sample_id
        Where they are from.
    """

    ctau: float
    generated: ArrayLike
    selected: ArrayLike
    parameters: Mapping[str, float]
    sample_id: str = ""


class Refused(NamedTuple):
    """Lifetimes at which the efficiency is not known, by axis, and why."""

    parameters: Mapping[str, float]
    ctaus: Mapping[str, float]
    reason: str


class Reweighted(NamedTuple):
    """A map over lifetimes, and what is missing from it."""

    map: EfficiencyMap
    refused: tuple[Refused, ...]


def reweight(lengths: ArrayLike, *, from_ctau: float, to_ctau: float) -> Weights:
    """Return what events stand for at another lifetime.

    Parameters
    ----------
    lengths
        Proper decay lengths c t [mm], shape (n,): the flight length over beta gamma.
    from_ctau, to_ctau
        c tau of generation, and the one that is asked for [mm].

    Returns
    -------
    Weights
        Weights, shape (n,), 1 on average over all generated events, and (sum w)^2 / sum w^2.

    Raises
    ------
    InputError
        If a length is negative or impossibly long, or a lifetime not above 0.

    Examples
    --------
    >>> reweight([0.0, 10.0], from_ctau=10.0, to_ctau=20.0).weights.round(4).tolist()
    [0.5, 0.8244]
    """
    t = as_array(lengths, "proper decay lengths")
    for ctau in (from_ctau, to_ctau):
        check_lifetime(ctau)
    if not (np.isfinite(t) & (t >= 0)).all():
        raise InputError("proper decay lengths must be finite and not negative")
    exponents = -t * (1 / to_ctau - 1 / from_ctau)
    if exponents.max(initial=0.0) > _LATEST:
        raise InputError(
            f"a decay after {t[exponents.argmax()]:.4g} mm is impossible"
            f" with ctau {from_ctau:.4g} mm",
            hint="proper decay lengths and lifetimes are both in mm",
        )
    weights = from_ctau / to_ctau * np.exp(exponents)
    squares = float((weights**2).sum())
    return Weights(weights, float(weights.sum()) ** 2 / squares if squares else 0.0)


def reweight_simulations(
    simulations: Sequence[Simulated], ctaus: Mapping[str, float], *, name: str = "lifetimes"
) -> Weights:
    """Return what the events of several simulations stand for at lifetimes.

    Parameters
    ----------
    simulations
        Simulations with the same parameters and particles; see `mcbook.efficiency.mixture`.
    ctaus
        A lifetime [mm] for each particle.

    Returns
    -------
    Weights
        Weights of the selected events in their order, shape (n,): their sum over the sum of all
        `n_generated` is the efficiency. No guard refuses anything here.

    Raises
    ------
    InputError
        If lengths cannot be those of their simulation, or a lifetime is not above 0.
    """
    weights = weights_at(pool(simulations, name), ctaus)
    squares = float((weights**2).sum())
    return Weights(weights, float(weights.sum()) ** 2 / squares if squares else 0.0)


def from_simulations(
    simulations: Sequence[Simulated],
    *,
    ctaus: Mapping[str, Sequence[float]],
    reach: Reach | None = None,
    combine: Combine = "mixture",
    region: str = "",
    name: str = "lifetimes",
    **how: Unpack[How],
) -> Reweighted:
    """Return the map over lifetimes that simulations at few lifetimes give.

    Nodes off the lifetimes of generation are flagged ``reweighted``, as are those that several
    simulations share. See `at_lifetimes` for what is refused.

    Parameters
    ----------
    simulations
        Selected events; those with the same parameters are taken together.
    ctaus
        Lifetimes of the nodes [mm] for each particle, by the names of their axes.
    reach, combine
        See `at_lifetimes`.
    region, name
        What the events are selected by, and what messages call the map.

    Raises
    ------
    InputError
        If parameters or particles are not the same in all, decay lengths cannot be those of their
        simulation, or no lifetime can be reached.
    """
    if not simulations:
        raise InputError(f"{name}: there are no samples")
    names = list(simulations[0].parameters)
    groups: dict[tuple[float, ...], list[Simulated]] = {}
    for one in simulations:
        if set(one.parameters) != set(names):
            where = f"{name}: sample {one.sample_id}" if one.sample_id else name
            raise InputError(f"{where}: its parameters are not {', '.join(names) or 'none'}")
        groups.setdefault(tuple(float(one.parameters[n]) for n in names), []).append(one)
    found = [
        replace(row, parameters=group[0].parameters)
        for group in groups.values()
        for row in at_lifetimes(group, ctaus, reach=reach, combine=combine, name=name)
    ]
    good = [row for row in found if not row.reason]
    refused = tuple(Refused(r.parameters, r.ctaus, r.reason) for r in found if r.reason)
    if not good:
        raise InputError(f"{name}: no lifetime can be reached: {refused[0].reason}")
    nodes = _nodes(names, list(ctaus), good)
    check(nodes, lambda i: f"{name}, node {i + 1}" if i >= 0 else name)
    return Reweighted(EfficiencyMap.from_nodes(nodes, region=region, name=name, **how), refused)


def from_lifetimes(
    samples: Sequence[LifetimeSample],
    *,
    axis: str,
    ctaus: Sequence[float],
    combine: Combine = "mixture",
    region: str = "",
    name: str = "lifetimes",
    **how: Unpack[How],
) -> Reweighted:
    """Return the map over the lifetime of one particle, of which all generated lengths are known.

    See `from_simulations`.

    Parameters
    ----------
    samples
        Decay lengths; all samples have the same parameters.
    axis
        What the lifetime is called, such as ``ctau_chi2``.
    ctaus
        Lifetimes of the nodes [mm].

    Raises
    ------
    InputError
        If generated decay lengths do not follow their lifetime (a length in the laboratory, or in
        cm, would not), or no lifetime can be reached.
    """
    made = [_simulated(sample, axis, name) for sample in samples]
    return from_simulations(
        made, ctaus={axis: ctaus}, combine=combine, region=region, name=name, **how
    )


def _nodes(names: Sequence[str], axes: Sequence[str], good: Sequence[AtLifetime]) -> Nodes:
    generated = np.array([row.n_generated for row in good], dtype=np.float64)
    return Nodes(
        (*names, *axes),
        np.array([[*(row.parameters[n] for n in names), *(row.ctaus[a] for a in axes)]
                  for row in good], dtype=np.float64),
        generated,
        np.array([row.n_selected for row in good], dtype=np.float64),
        generated,
        np.array([min(row.sumw, row.n_generated) for row in good]),
        np.array([row.sumw2 for row in good]),
        tuple(TOGETHER.join(filter(None, row.sample_ids)) for row in good),
        np.array([row.is_reweighted for row in good]),
    )  # fmt: skip


def _simulated(sample: LifetimeSample, axis: str, name: str) -> Simulated:
    where = f"{name}: sample {sample.sample_id or sample.ctau}"
    check_lifetime(sample.ctau, where)
    generated = as_array(sample.generated, f"{where}: decay lengths")
    _check_generated(generated, sample.ctau, where)
    decays = Decays(Exponential(sample.ctau), sample.selected)
    return Simulated(len(generated), {axis: decays}, sample.parameters, sample_id=sample.sample_id)


def _check_generated(generated: Array, ctau: float, where: str) -> None:
    if not (np.isfinite(generated) & (generated >= 0)).all():
        raise InputError(f"{where}: proper decay lengths must be finite and not negative")
    if not len(generated):
        raise InputError(f"{where}: nothing was generated")
    # The mean of N exponential times is ctau with a standard deviation of ctau / sqrt(N).
    if abs(generated.mean() / ctau - 1) * np.sqrt(len(generated)) > _OFF:
        raise InputError(
            f"{where}: its generated decay lengths have the mean {generated.mean():.4g} mm,"
            f" and ctau is {ctau:.4g} mm",
            hint="proper lengths in mm of all generated events are wanted, before any cut",
        )
