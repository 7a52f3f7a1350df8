"""Sources of weighted events: a chain as a cascade, or one channel of its phase space.

A source draws trials, knows a bound of their weights, and finishes those that are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.sampling.cascade import Orientation
from mcbook.sampling.channels import Channel, channels
from mcbook.sampling.density import squared
from mcbook.sampling.envelope import Envelope
from mcbook.sampling.finite import why_infinite
from mcbook.sampling.shapes import Shapes, no_cascade
from mcbook.sampling.tree import Block, Collision, Tree, resonances

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trials:
    """Points with their weights [pb]; `finish` makes events of those that are kept.

    Events are a momentum (4, n) for each node of the chain, in the order of its walk.
    """

    weights: Array
    finish: Callable[[Index], list[Array]]


class Source(Protocol):
    """Draws events of one chain."""

    chain: int
    envelope: Envelope

    def trials(self, rng: np.random.Generator, count: int) -> Trials:
        """Draw points."""
        ...


class CascadeSource:
    """A chain whose decays are oriented one by one: see `mcbook.sampling.cascade`."""

    def __init__(
        self, chain: int, shapes: Shapes, rng: np.random.Generator, *, is_correlated: bool = True
    ) -> None:
        self.chain = chain
        self.shapes = shapes
        self.is_correlated = is_correlated
        self.envelope = Envelope(lambda u: shapes.weigh(u)[1], shapes.groups, rng)

    def trials(self, rng: np.random.Generator, count: int) -> Trials:
        """Draw points."""
        points, density = self.envelope.draw(rng, count)
        shape, weight = self.shapes.weigh(points)

        def finish(index: Index) -> list[Array]:
            kept = shape.take(index)
            found = Orientation(self.shapes, kept, rng, is_correlated=self.is_correlated)
            return in_order(self.shapes.tree.root, found.momenta())

        return Trials(weight / density, finish)


class ChannelSource:
    """One channel of a chain, with the full squared amplitude and its share of all channels."""

    def __init__(
        self,
        chain: int,
        tree: Tree,
        collision: Collision,
        listed: tuple[int, list[Channel]],
        rng: np.random.Generator,
    ) -> None:
        number, all_channels = listed
        self.chain = chain
        self.tree = tree
        self.collision = collision
        self.channel = all_channels[number]
        self.all = all_channels
        self.constant = tree.constant(collision.sqrt_s)
        self.envelope = Envelope(
            lambda u: self._weigh(u)[1], [1] * self.channel.variables, rng, is_smooth=True
        )

    def trials(self, rng: np.random.Generator, count: int) -> Trials:
        """Draw points."""
        points, density = self.envelope.draw(rng, count)
        momenta, weight = self._weigh(points)

        def finish(index: Index) -> list[Array]:
            kept = [[p[:, index] for p in listed] for listed in momenta]
            return in_order(self.tree.root, kept)

        return Trials(weight / density, finish)

    def _weigh(self, u: Array) -> tuple[list[list[Array]], Array]:
        momenta, weight = self.channel.draw(u)
        weight = weight * self.constant * self._passes(momenta[0])
        alive = np.flatnonzero(weight > 0)
        kept = [[p[:, alive] for p in listed] for listed in momenta]
        if not len(alive):
            return momenta, weight
        square = squared(self.tree, [*self.channel.beams, *leaves(self.tree.root, kept)])
        if len(self.all) > 1:
            shares = [channel.share(kept) for channel in self.all]
            square = square * self.channel.share(kept) / sum(shares)
        weight[alive] *= square
        weight[~np.isfinite(weight)] = 0.0
        return momenta, weight

    def _passes(self, momenta: Sequence[Array]) -> NDArray[np.bool_]:
        """Return which events the cuts on photons of the production keep."""
        kept = np.ones(momenta[0].shape[1], dtype=bool)
        cuts = self.collision.cuts
        for i in self.tree.photons:
            kept &= momenta[i][0] >= cuts.get("gamma_e_min", 0.0)
            limit = cuts.get("gamma_cos_theta_max", 1.0)
            kept &= np.abs(momenta[i][3]) <= limit * momenta[i][0]
        return kept


def in_order(block: Block, momenta: Sequence[Sequence[Array]]) -> list[Array]:
    """Return the momenta of all nodes behind a block, in the order of the chain's walk."""
    found = []
    for own, child in zip(momenta[block.number], block.children, strict=True):
        found.append(own)
        if child is not None:
            found += in_order(child, momenta)
    return found


def leaves(block: Block, momenta: Sequence[Sequence[Array]]) -> list[Array]:
    """Return the momenta of what is left at the end, in the order of the chain."""
    found = []
    for own, child in zip(momenta[block.number], block.children, strict=True):
        found += [own] if child is None else leaves(child, momenta)
    return found


def sources(
    chain: int,
    tree: Tree,
    collision: Collision,
    rng: np.random.Generator,
    method: str | None = None,
) -> list[Source]:
    """Return what draws the events of a chain.

    Parameters
    ----------
    chain
        Its number.
    tree, collision
        What it is.
    rng
        Random numbers of the search for bounds.
    method
        ``cascade`` or ``channels``; None takes the first where it applies.

    Raises
    ------
    InputError
        If a cascade is asked for and does not apply, the chain is closed, or its cross section is
        not finite.
    """
    ranges = resonances(tree, collision)
    if infinite := why_infinite(tree, collision):
        raise InputError(
            f"{tree.chain} has no finite cross section: {infinite}",
            hint="cuts of the process on photons may mend it; other cuts are MadGraph's",
        )
    why_not = no_cascade(tree, collision)
    if method != "channels" and not why_not:
        return [CascadeSource(chain, Shapes(tree, collision, ranges), rng)]
    if method == "cascade":
        raise InputError(f"{tree.chain} cannot be made as a cascade: {why_not}")
    listed = channels(tree, ranges, collision.sqrt_s)
    while True:
        found = [
            ChannelSource(chain, tree, collision, (i, listed), rng) for i in range(len(listed))
        ]
        alive = [source.channel for source in found if not source.envelope.is_empty]
        if len(alive) in {0, len(listed)}:
            return list(found) if alive else []
        listed = alive  # which share everything among them
