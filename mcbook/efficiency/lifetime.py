"""Other lifetimes from the same events: reweighting in the proper decay time.

A particle with the mean proper decay length c0 = c tau decays at the proper length t [mm] with the
density exp(-t / c0) / c0, so that an event generated with c0 stands for

    w = (c0 / c) exp(-t (1 / c - 1 / c0))

events at c. Generated events then add up to their number on average, and the efficiency is
sum(w of selected) / N: it needs no weights of events that were not selected. What it cannot
know are decays later than any that was generated: see `from_lifetimes` on when it refuses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.efficiency.domain import How
from mcbook.efficiency.maps import EfficiencyMap
from mcbook.efficiency.nodes import SAME, Nodes, check
from mcbook.errors import InputError

Array = NDArray[np.float64]

LEAST_EVENTS = 20.0
"""Effective number of selected events below which a lifetime is refused."""

MOST_MISSED = 0.1
"""Part of the efficiency that decays later than all generated ones may add at most."""

_RULE_OF_THREE = 3.0  # none seen among M: below 3 / M at 95 %
_LATEST = 100.0  # exponent of a weight, beyond which a decay has a chance of less than 1e-43
_OFF = 5.0  # standard deviations by which the mean of the generated times may miss


class Weights(NamedTuple):
    """Weights of events at another lifetime, and how many unweighted ones they are worth."""

    weights: Array
    n_eff: float


@dataclass(frozen=True, slots=True)
class LifetimeSample:
    """Proper decay lengths of the events of a sample.

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


class Reweighted(NamedTuple):
    """A map over lifetimes, and why lifetimes are missing from it: (parameters, ctau, reason)."""

    map: EfficiencyMap
    refused: tuple[tuple[Mapping[str, float], float, str], ...]


class _Node(NamedTuple):
    key: tuple[float, ...]
    sample: LifetimeSample
    ctau: float
    counts: tuple[int, int]
    sumw: float
    sumw2: float
    reason: str

    @property
    def n_eff(self) -> float:
        return self.sumw**2 / self.sumw2 if self.sumw2 else 0.0


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
    t = np.atleast_1d(np.asarray(lengths, dtype=np.float64))
    for ctau in (from_ctau, to_ctau):
        if not (np.isfinite(ctau) and ctau > 0):
            raise InputError(f"a lifetime of {ctau} mm is not above 0")
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


def from_lifetimes(
    samples: Sequence[LifetimeSample],
    *,
    axis: str,
    ctaus: Sequence[float],
    region: str = "",
    name: str = "lifetimes",
    **how: Unpack[How],
) -> Reweighted:
    """Return the map over lifetimes that samples at few lifetimes give.

    Where several samples reach a lifetime, the one with the largest effective number is taken;
    nodes off the lifetime of generation are flagged ``reweighted``. A lifetime is refused where

    - the selected events are worth fewer than `LEAST_EVENTS`, or
    - decays later than the latest one generated, a part exp(-t_max / c) of all, may add more than
      `MOST_MISSED` of the efficiency. If M generated events decay later than the last selected one,
      less than 3 / M of those may be selected (95 %), provided that later decays are not selected
      more often.

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
    if not samples:
        raise InputError(f"{name}: there are no samples")
    names = list(samples[0].parameters)
    made = [_node(sample, names, ctau, name) for sample in samples for ctau in ctaus]
    best: dict[tuple[float, ...], _Node] = {}
    for node in made:
        key = (*node.key, node.ctau)
        known = best.get(key)
        if known is None or (not node.reason, node.n_eff) > (not known.reason, known.n_eff):
            best[key] = node
    good = [node for node in best.values() if not node.reason]
    refused = tuple((n.sample.parameters, n.ctau, n.reason) for n in best.values() if n.reason)
    if not good:
        raise InputError(f"{name}: no lifetime can be reached: {refused[0][2]}")
    nodes = _nodes([*names, axis], good)
    check(nodes, lambda i: f"{name}, node {i + 1}" if i >= 0 else name)
    return Reweighted(EfficiencyMap.from_nodes(nodes, region=region, name=name, **how), refused)


def _nodes(axes: Sequence[str], good: Sequence[_Node]) -> Nodes:
    generated = np.array([node.counts[1] for node in good], dtype=np.float64)
    return Nodes(
        tuple(axes),
        np.array([(*node.key, node.ctau) for node in good]),
        generated,
        np.array([node.counts[0] for node in good], dtype=np.float64),
        generated,
        np.array([min(node.sumw, node.counts[1]) for node in good]),
        np.array([node.sumw2 for node in good]),
        tuple(node.sample.sample_id for node in good),
        np.array([not _is_same(node.ctau, node.sample.ctau) for node in good]),
    )


def _is_same(first: float, second: float) -> bool:
    return abs(first - second) <= SAME * second


def _node(sample: LifetimeSample, names: Sequence[str], ctau: float, name: str) -> _Node:
    where = f"{name}: sample {sample.sample_id or sample.ctau}"
    if set(sample.parameters) != set(names):
        raise InputError(f"{where}: its parameters are not {', '.join(names) or 'none'}")
    generated, selected = (np.sort(np.asarray(t, dtype=np.float64).ravel())
                           for t in (sample.generated, sample.selected))  # fmt: skip
    _check_generated(generated, sample.ctau, where)
    if len(selected) > len(generated):
        raise InputError(f"{where}: more events selected than generated, an efficiency above 1")
    weights, n_eff = reweight(selected, from_ctau=sample.ctau, to_ctau=ctau)
    sumw, sumw2 = float(weights.sum()), float((weights**2).sum())
    reason = ""
    if not _is_same(ctau, sample.ctau):
        reason = _refusal(generated, selected, ctau, sumw, n_eff)
    key = tuple(float(sample.parameters[n]) for n in names)
    return _Node(key, sample, ctau, (len(selected), len(generated)), sumw, sumw2, reason)


def _check_generated(generated: Array, ctau: float, where: str) -> None:
    reweight(generated, from_ctau=ctau, to_ctau=ctau)
    if not len(generated):
        raise InputError(f"{where}: nothing was generated")
    # The mean of N exponential times is ctau with a standard deviation of ctau / sqrt(N).
    if abs(generated.mean() / ctau - 1) * np.sqrt(len(generated)) > _OFF:
        raise InputError(
            f"{where}: its generated decay lengths have the mean {generated.mean():.4g} mm,"
            f" and ctau is {ctau:.4g} mm",
            hint="proper lengths in mm of all generated events are wanted, before any cut",
        )


def _refusal(generated: Array, selected: Array, ctau: float, sumw: float, n_eff: float) -> str:
    """Return why the efficiency at a lifetime is not known, else an empty text."""
    if n_eff < LEAST_EVENTS:
        return f"the selected events are worth {n_eff:.3g}, fewer than {LEAST_EVENTS:g}"
    later = len(generated) - int(np.searchsorted(generated, selected[-1], side="right"))
    missed = float(np.exp(-generated[-1] / ctau)) * min(1.0, _RULE_OF_THREE / max(later, 1))
    if missed > MOST_MISSED * sumw / len(generated):
        return (
            f"decays after the last generated one, at {generated[-1]:.4g} mm, may add {missed:.2g}"
            f" to the efficiency of {sumw / len(generated):.2g}"
        )
    return ""
