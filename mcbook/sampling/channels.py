"""Phase space of a chain along its diagrams: one channel for each set of inner lines.

A channel splits everything two by two, with squared masses and exchanges drawn where the
propagators of its diagram are large.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mcbook.sampling.body import FLAT
from mcbook.sampling.kinematics import boosted, breakup, invariant, to_rest
from mcbook.sampling.maps import Pole, Resonance
from mcbook.sampling.tree import Block, Tree

Array = NDArray[np.float64]
Members = frozenset[int]


@dataclass(frozen=True, slots=True)
class Line:
    """An inner line: what is behind it (with a beam, for an exchange), and its propagator."""

    members: Members
    pole: Pole
    is_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Something that comes apart in two; a leaf has no parts. `pole` maps its squared mass."""

    members: Members
    pole: Pole = FLAT
    parts: tuple["Split", ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How one block is drawn: a ladder of exchanges for the production, else splits only.

    Attributes
    ----------
    steps
        What comes off the ladder, in order from the second beam, with the exchange behind it; the
        last has none.
    lines
        All inner lines, for the share of this channel.
    """

    steps: tuple[tuple[Split, Pole | None], ...]
    lines: tuple[Line, ...]

    @property
    def variables(self) -> int:
        """How many random numbers it takes."""
        ladder = len(self.steps) - 1
        inner = sum(_inner(split) for split, _ in self.steps)
        masses = sum(1 for split, _ in self.steps if split.parts) if ladder else 0
        return (
            2 * inner
            + sum(_masses(split) for split, _ in self.steps)
            + masses
            + (2 * ladder + max(ladder - 1, 0))
        )


def _inner(split: Split) -> int:
    """Return how many splits there are."""
    return (1 if split.parts else 0) + sum(map(_inner, split.parts))


def _masses(split: Split) -> int:
    """Return how many masses are to be drawn inside."""
    return sum((1 if part.parts else 0) + _masses(part) for part in split.parts)


def plans(tree: Tree, block: Block) -> list[Plan]:
    """Return the channels of a block, one for each different set of inner lines."""
    found: dict[tuple[Line, ...], Plan] = {}
    for diagram in block.amplitude.diagrams.lines:
        lines = sorted(
            {_line(tree, block, legs, name) for legs, name in diagram} - {None},
            key=lambda line: (line.is_exchange, len(line.members), sorted(line.members)),  # type: ignore[union-attr]
        )
        key = tuple(line for line in lines if line is not None)
        if key not in found:
            found[key] = _plan(key, len(block.particles))
    return list(found.values())


def _line(tree: Tree, block: Block, legs: int, name: str) -> Line | None:
    """Return an inner line by what is behind it; None for one with everything behind it."""
    field = tree.field(name)
    pole = Pole(field.mass, field.width)
    members = frozenset(i for i in range(len(block.particles)) if legs >> (i + block.first) & 1)
    is_exchange = block.mother is None and bool(legs & 2)
    if not is_exchange and len(members) == len(block.particles):
        return None
    return Line(members, pole, is_exchange)


def _plan(lines: tuple[Line, ...], count: int) -> Plan:
    everything = frozenset(range(count))
    ladder = sorted(
        (line for line in lines if line.is_exchange), key=lambda line: len(line.members)
    )
    nested = {line.members: line.pole for line in lines if not line.is_exchange}
    steps: list[tuple[Split, Pole | None]] = []
    before: Members = frozenset()
    for line in ladder:
        steps.append((_split(line.members - before, nested), line.pole))
        before = line.members
    steps.append((_split(everything - before, nested), None))
    return Plan(tuple(steps), lines)


def _split(members: Members, nested: dict[Members, Pole]) -> Split:
    """Return how some particles come apart, along the lines inside them."""
    pole = nested.get(members, FLAT)
    if len(members) == 1:
        return Split(members)
    inside = [entry for entry in nested if entry < members]
    largest = [e for e in inside if not any(e < other for other in inside)]
    parts = [_split(entry, nested) for entry in largest]
    alone = members - frozenset[int]().union(*largest)
    parts += [Split(frozenset([i])) for i in sorted(alone)]
    while len(parts) > 2:  # noqa: PLR2004
        first, second = parts.pop(), parts.pop()
        parts.append(Split(first.members | second.members, FLAT, (first, second)))
    return Split(members, pole, tuple(parts))


class Channel:
    """One way to draw the momenta of a chain.

    Parameters
    ----------
    tree
        The chain.
    chosen
        A plan for each block.
    resonances
        Mass ranges of those that decay, by block.
    sqrt_s
        Energy of the collision [GeV].
    """

    def __init__(
        self, tree: Tree, chosen: Sequence[Plan], resonances: dict[int, Resonance], sqrt_s: float
    ) -> None:
        self.tree = tree
        self.plans = tuple(chosen)
        self.resonances = resonances
        self.sqrt_s = sqrt_s
        self.variables = len(resonances) + sum(plan.variables for plan in chosen)
        self.beams = tree.beam_momenta(sqrt_s)

    def draw(self, u: Array) -> tuple[list[list[Array]], Array]:
        """Return the momenta of what comes out of each block, and their phase space.

        That is the measure of all final momenta with its factors of 2 pi, over the density with
        which points are drawn.

        Parameters
        ----------
        u
            In the unit cube, shape (variables, n).
        """
        rows = iter(u)
        count = u.shape[1]
        weight = np.ones(count)
        masses: dict[int, Array] = {}
        for number, resonance in self.resonances.items():
            mass = masses[number] = resonance.masses(next(rows))
            size = resonance.mass * resonance.width
            curve = (mass**2 - resonance.mass**2) ** 2 + size**2
            weight *= resonance.share * curve
        momenta: list[list[Array]] = [[] for _ in self.tree.blocks]
        above = {self.tree.root.number: np.broadcast_to(sum(self.beams), (4, count))}
        for block in self.tree.blocks:
            daughters = [
                np.full(count, self.tree.field(name).mass)
                if child is None
                else masses[child.number]
                for name, child in zip(block.particles, block.children, strict=True)
            ]
            own, space = _Drawer(rows, daughters).block(
                self.plans[block.number], np.asarray(above[block.number]),
                None if block.mother else self.beams[1],
            )  # fmt: skip
            weight = weight * space
            momenta[block.number] = own
            for child, momentum in zip(block.children, own, strict=True):
                if child is not None:
                    above[child.number] = momentum
        return momenta, weight

    def share(self, momenta: Sequence[Sequence[Array]]) -> Array:
        """Return the product of the squared propagators of the channel, shape (n,)."""
        found: Array = np.ones(momenta[0][0].shape[1])
        for own, plan in zip(momenta, self.plans, strict=True):
            for line in plan.lines:
                total = sum(own[i] for i in line.members)
                if line.is_exchange:
                    total = self.beams[1] - total
                distance = invariant(np.asarray(total)) - line.pole.mass**2
                found = found / (distance**2 + (line.pole.mass * line.pole.width) ** 2)
        return found


class _Drawer:
    """Draws the momenta of one block."""

    def __init__(self, rows: Iterator[Array], masses: Sequence[Array]) -> None:
        self.rows = rows
        self.masses = masses
        self.found: list[Array] = [np.zeros((4, len(masses[0])))] * len(masses)
        self.weight: Array = np.ones(len(masses[0]))

    def block(self, plan: Plan, total: Array, beam: Array | None) -> tuple[list[Array], Array]:
        """Return the momenta of what comes out, in order, and the phase space."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if len(plan.steps) == 1 or beam is None:
                self._apart(plan.steps[0][0], total)
            else:
                self._ladder(plan, total, beam)
        weight = np.where(np.isfinite(self.weight), self.weight, 0.0)
        return [np.nan_to_num(p, nan=1.0) for p in self.found], weight

    def _least(self, split: Split) -> Array:
        return np.asarray(sum(self.masses[i] for i in split.members))

    def _mass(self, split: Split, highest: Array) -> Array:
        """Return the mass of a part; drawn, where it comes apart itself."""
        if not split.parts:
            (only,) = split.members
            return self.masses[only]
        low = self._least(split)
        square, step = split.pole(next(self.rows), low**2, np.maximum(highest, low) ** 2)
        self.weight = np.where(highest > low, self.weight * step / (2 * np.pi), 0.0)
        return np.sqrt(square)

    def _apart(self, split: Split, total: Array) -> None:
        """Enter the momenta of all behind a split whose momentum is known."""
        if not split.parts:
            (only,) = split.members
            self.found[only] = total
            return
        mass = np.sqrt(np.maximum(invariant(total), 0.0))
        first, second = split.parts
        one = self._mass(first, mass - self._least(second))
        two = self._mass(second, mass - one)
        size = breakup(mass, one, two)
        self.weight = np.where(mass > one + two, self.weight * size / (4 * np.pi * mass), 0.0)
        cosine = 2 * next(self.rows) - 1
        momentum = _towards(size, one, cosine, next(self.rows))
        momentum = boosted(momentum, total, mass)
        self._apart(first, momentum)
        self._apart(second, total - momentum)

    def _ladder(self, plan: Plan, total: Array, coming: Array) -> None:
        """Enter the momenta of all that comes off a ladder of exchanges, from one beam on."""
        rest = total
        coming = np.broadcast_to(coming, total.shape)
        steps = list(plan.steps)
        for number, (split, pole) in enumerate(steps[:-1]):
            behind = [entry for entry, _ in steps[number + 1 :]]
            least = np.asarray(sum(self._least(entry) for entry in behind))
            mass = np.sqrt(np.maximum(invariant(rest), 0.0))
            one = self._mass(split, mass - least)
            two = self._rest_mass(behind, least, mass - one)
            size = breakup(mass, one, two)
            axis = to_rest(coming, rest, mass)
            momentum = self._exchanged(axis, (mass, one, size), pole or FLAT)
            momentum = boosted(momentum, rest, mass)
            self._apart(split, momentum)
            coming, rest = coming - momentum, rest - momentum
        self._apart(steps[-1][0], rest)

    def _rest_mass(self, behind: list[Split], least: Array, highest: Array) -> Array:
        if len(behind) == 1:
            return self._mass(behind[0], highest)
        square, step = FLAT(next(self.rows), least**2, np.maximum(highest, least) ** 2)
        self.weight = np.where(highest > least, self.weight * step / (2 * np.pi), 0.0)
        return np.sqrt(square)

    def _exchanged(self, axis: Array, sizes: tuple[Array, Array, Array], pole: Pole) -> Array:
        """Return a momentum at rest of both, with the exchanged square drawn by its propagator."""
        mass, one, size = sizes
        energy = np.sqrt(size**2 + one**2)
        length = np.sqrt((axis[1:] ** 2).sum(axis=0))
        middle = invariant(axis) + one**2 - 2 * axis[0] * energy
        square, step = pole(next(self.rows), middle - 2 * length * size, middle + 2 * length * size)
        cosine = np.clip((square - middle) / (2 * length * size), -1.0, 1.0)
        self.weight = self.weight * step / (4 * length * size) * size / (4 * np.pi * mass)
        local = _towards(size, one, cosine, next(self.rows))
        return _turned_to(axis[1:] / length, local)


def _towards(size: Array, mass: Array, cosine: Array, u: Array) -> Array:
    """Return a momentum by its size, the cosine of its angle to z, and u = phi / 2 pi."""
    sine = np.sqrt(np.maximum(1 - cosine**2, 0.0))
    phi = 2 * np.pi * u
    energy = np.sqrt(size**2 + mass**2)
    return np.stack([energy, size * sine * np.cos(phi), size * sine * np.sin(phi), size * cosine])


def _turned_to(direction: Array, momentum: Array) -> Array:
    """Return a momentum after a rotation that takes z to a direction.

    T. Duff et al., J. Comput. Graph. Tech. 6, 1 (2017).
    """
    x, y, z = direction
    sign = np.where(z >= 0, 1.0, -1.0)
    a = -1 / (sign + z)
    b = x * y * a
    first, second, third = momentum[1:]
    return np.stack(
        [
            momentum[0],
            (1 + sign * x * x * a) * first + b * second + x * third,
            sign * b * first + (sign + y * y * a) * second + y * third,
            -sign * x * first - y * second + z * third,
        ]
    )


def channels(tree: Tree, resonances: dict[int, Resonance], sqrt_s: float) -> list[Channel]:
    """Return every channel of a chain: a plan for each block, in all combinations."""
    listed = [plans(tree, block) for block in tree.blocks]
    return [Channel(tree, chosen, resonances, sqrt_s) for chosen in product(*listed)]
