"""Signal and background of one bin at the nodes of their nuisance parameters.

Nuisances that touch one sample only are averaged sample by sample, however many there are: nodes of
their product are replaced by few with the same moments. Those that touch several samples (shared by
signal and background, say) stay as they are, a grid with an axis for each. The mean count at a node
is mu * signal + background.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.nuisances import Effect, Gamma, Nuisance, base_yields, nuisances
from mcbook.limits.quadrature import gauss_rule, grid_rule, normal_rule, order, outer

Array = NDArray[np.float64]
Rule = tuple[Array, Array]

MOST_SHARED = 4096
"""A grid of shared nuisances has at most so many nodes; a Sobol sequence of that length beyond."""

MANY = 40
"""More nodes than this of one sample are replaced by fewer."""

MOST_GAUSS = 24
"""Nodes of a Gauss rule beyond which a wide distribution is put on a grid: larger eigenvalue
problems start threads, and are slow."""

GRID = 120
"""Nodes of a grid for each unit of the bend, about."""

TINY = 1e-300

POSITIVE = 1e-10
"""Smallest over mean value of nodes from which their logarithms are replaced."""

ALIKE = 1e-13
"""Relative difference of yields that is rounding."""


@dataclass(frozen=True, slots=True)
class Bends:
    """How finely the nuisances of a chunk must be sampled, by name and prior: see `normal_rule`.

    ``together`` is what all of them do, in quadrature.
    """

    bend: tuple[float, ...]
    shift: tuple[float, ...]
    together: float


@dataclass(frozen=True, slots=True)
class Own:
    """A nuisance that touches one sample only."""

    effects: tuple[Effect, ...]
    bend: float
    shift: float

    @property
    def adds(self) -> bool:
        """Whether it shifts the yield, and does not scale it."""
        return all(effect.adds for effect in self.effects)

    def rule(self, reached: float) -> Rule:
        """Return values and weights, shape (H or 1, 1, J).

        *reached* is the bend of what is there already: its average has softened the edge. Where
        the nuisance is alike in all rows, as a luminosity is, one row stands for them.
        """
        z, weight = normal_rule(self.bend, self.shift)
        every = [effect.at(z) for effect in self.effects]
        values = np.sum(every, axis=0) if self.adds else np.prod(every, axis=0)
        if np.allclose(values, values[:1], rtol=ALIKE, atol=0.0):
            values = values[:1]
        found = values[:, None], np.broadcast_to(weight, values.shape)[:, None]
        if not reached:
            return found
        softened = (self.bend / np.hypot(1, reached), self.shift / (1 + reached**2))
        return _fewer(*found, softened, many=order(*softened))


@dataclass(frozen=True, slots=True)
class Nodes:
    """H rows at C nodes of shared nuisances, and at more for signal and background alone.

    Attributes
    ----------
    signal, background
        Expected events, shapes (H, C, S) and (H, C, B).
    signal_weight, background_weight
        Weights, broadcasting to these shapes, each with the sum 1 over the last axis.
    shared_weight
        Weights of the C nodes, with the sum 1.
    gamma
        Where a control region measures the background, its density: the background at a node is
        ``background`` times a number of this density. None otherwise.
    is_random
        Whether the shared nuisances were too many for a grid.
    """

    signal: Array
    signal_weight: Array
    background: Array
    background_weight: Array
    shared_weight: Array
    gamma: Gamma | None
    is_random: bool


def build(batch: Likelihoods, which: NDArray[np.bool_], bends: Bends, *, closed: bool) -> Nodes:
    """Return the nodes of one-bin likelihoods in all of which the same modifiers are active.

    Parameters
    ----------
    batch
        Likelihoods of one bin.
    which
        The active modifiers.
    bends
        How finely to sample, in the order of `nuisances`.
    closed
        Whether to leave one Gamma density of a lone background to be averaged in closed form.
    """
    base = base_yields(batch, which)
    found = nuisances(batch, which)
    lone = _lone_gamma(batch, found) if closed else None
    shared = [(n, b) for n, b in _with(found, bends) if len(n.effects) > 1]
    z, weight, is_random = _grid([(b, s) for _, (b, s) in shared])
    own = [(n, b) for n, b in _with(found, bends) if len(n.effects) == 1 and n is not lone]
    parts = {}
    for sample in range(base.shape[1]):
        parts[sample] = _sample(
            base[:, sample],
            [
                (effect, z[i])
                for i, (n, _) in enumerate(shared)
                for effect in n.effects.get(sample, ())
            ],
            sorted(
                (Own(n.effects[sample], *b) for n, b in own if sample in n.effects),
                key=lambda nuisance: -nuisance.bend,
            ),
            _in_quadrature(b for n, (b, _) in _with(found, bends) if sample in n.effects),
        )
    there = base.any(axis=0)
    signal = _sum([parts[k] for k in np.flatnonzero(batch.is_signal & there).tolist()], bends)
    background = _sum([parts[k] for k in np.flatnonzero(~batch.is_signal & there).tolist()], bends)
    size = (len(batch), len(weight))
    return Nodes(
        _wide(signal[0], size), signal[1], _wide(background[0], size), background[1], weight,
        _gamma_of(lone), is_random,
    )  # fmt: skip


def _with(found: list[Nuisance], bends: Bends) -> Iterator[tuple[Nuisance, tuple[float, float]]]:
    return zip(found, zip(bends.bend, bends.shift, strict=True), strict=True)


def _wide(values: Array, size: tuple[int, int]) -> Array:
    return np.ascontiguousarray(np.broadcast_to(values, (*size, values.shape[-1])))


def _lone_gamma(batch: Likelihoods, found: list[Nuisance]) -> Nuisance | None:
    """Return a Gamma nuisance that acts only on the one background there is."""
    backgrounds = {k for n in found for k in n.effects if not batch.is_signal[k]}
    backgrounds |= set(np.flatnonzero(~batch.is_signal & batch.yields[:, :, 0].any(axis=0)))
    if len(backgrounds) != 1:
        return None
    return next((n for n in found if n.prior == "gamma" and set(n.effects) == backgrounds), None)


def _gamma_of(lone: Nuisance | None) -> Gamma | None:
    if lone is None:
        return None
    ((effect, *_),) = lone.effects.values()
    return effect.gamma()


def _grid(rules: Sequence[tuple[float, float]]) -> tuple[list[Array], Array, bool]:
    """Return z of each shared nuisance at C nodes, and their weights."""
    axes = [normal_rule(*rule) for rule in rules]
    if np.prod([float(len(z)) for z, _ in axes]) > MOST_SHARED:
        return _sobol(len(rules)), np.full(MOST_SHARED, 1 / MOST_SHARED), True
    mesh = np.meshgrid(*(z for z, _ in axes), indexing="ij")
    weight = np.ones(1)
    for _, more in axes:
        weight = np.multiply.outer(weight, more).ravel()
    return [z.ravel() for z in mesh], weight, False


def _sobol(dimensions: int) -> list[Array]:
    from scipy.stats import qmc  # slow to import, and rarely needed

    uniform = qmc.Sobol(dimensions, seed=0).random(MOST_SHARED)
    return list(special.ndtri(uniform).T)


def _sample(
    base: Array,
    shared: Iterable[tuple[Effect, Array]],
    own: Sequence[Own],
    bend: float,
) -> Rule:
    """Return the yield of a sample at its nodes, shape (H, C, J), and weights.

    *own* begins with the widest; *bend* is that of all its nuisances.
    """
    fixed, factor = base[:, None], np.ones((1, 1))
    for effect, z in shared:
        if effect.adds:
            fixed = fixed + effect.at(z)
        else:
            factor = factor * effect.at(z)
    shifts: Rule = np.zeros((1, 1, 1)), np.ones((1, 1, 1))
    factors: Rule = np.ones((1, 1, 1)), np.ones((1, 1, 1))
    reached, shift = 0.0, max((nuisance.shift for nuisance in own), default=0.0)
    for nuisance in own:
        more = nuisance.rule(reached)
        reached = float(np.hypot(reached, nuisance.bend))
        if nuisance.adds:
            shifts = _fewer(*outer(*shifts, *more, add=True), (reached, shift))
        else:
            factors = _fewer(*outer(*factors, *more, add=False), (reached, shift))
    nominal = np.maximum(fixed[:, :, None] + shifts[0], 0) * factor[:, :, None]
    return _fewer(*outer(nominal, shifts[1], *factors, add=False), (bend, shift))


def _in_quadrature(numbers: Iterable[float]) -> float:
    return float(np.sqrt(sum(number**2 for number in numbers)))


def _sum(parts: list[Rule], bends: Bends) -> Rule:
    """Return the sum of independent samples."""
    total: Rule = np.zeros((1, 1, 1)), np.ones((1, 1, 1))
    for part in parts:
        total = _fewer(*outer(*total, *part, add=True), (bends.together, 0.0))
    return total


def _fewer(values: Array, weights: Array, needed: tuple[float, float], *, many: int = MANY) -> Rule:
    """Return as many nodes as are needed, bend and shift, where there are many more."""
    wanted, bend = order(*needed), max(needed[0], 1.0)
    if values.shape[-1] <= max(many, 2 * wanted):
        return values, weights
    if order(needed[0]) <= MOST_GAUSS:
        return _gauss(values, weights, wanted)
    if values.shape[-1] <= GRID * bend or values.min() < 0:
        return values, weights
    return grid_rule(values, weights, bend)


def _gauss(values: Array, weights: Array, wanted: int) -> Rule:
    """Return Gauss nodes of a distribution.

    Powers of the logarithm approximate what is averaged (also over 1 / signal) where a yield varies
    by factors; powers of the yield itself do so only where it varies little.
    """
    mean = (weights * values).sum(axis=-1, keepdims=True)
    is_log = values.min(axis=-1, keepdims=True) > POSITIVE * mean
    found, weight = gauss_rule(
        np.where(is_log, np.log(np.maximum(values, TINY)), values), weights, wanted
    )
    return np.where(is_log, np.exp(np.where(is_log, found, 0.0)), found), weight
