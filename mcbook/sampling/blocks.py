"""Amplitudes of blocks up to orientation: computed, or from tables where they are smooth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes.currents import Amplitude
from mcbook.amplitudes.diagrams import Leg
from mcbook.amplitudes.lorentz import structure
from mcbook.amplitudes.theory import FERMION_SPIN, VECTOR_SPIN
from mcbook.errors import InputError
from mcbook.sampling.body import ThreeBodies, clusters, three_bodies, two_bodies
from mcbook.sampling.density import density
from mcbook.sampling.kinematics import breakup
from mcbook.sampling.maps import Resonance
from mcbook.sampling.structures import Propagator, Structures, fitted
from mcbook.sampling.tables import Table, tabled
from mcbook.sampling.tree import Block, Tree, waves

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

VECTOR_STATES = 4
"""Spin states that are followed of a vector that decays: three, and the one along its momentum."""

PAIR, TRIPLE = 2, 3


@dataclass(frozen=True, slots=True)
class _Tabled:
    """A table in the momentum of the daughters and the masses of other blocks.

    The momentum stands for the mass that varies most: at a threshold nothing is smooth in a mass.
    """

    table: Table
    others: list[int]


class Blocks:
    """Amplitudes of the blocks of a chain, each where its mother is at rest.

    Parameters
    ----------
    tree
        The chain.
    sqrt_s
        Energy of the collision [GeV].
    resonances
        Between which masses each decays, by block.
    vectors
        What the beams meet in, by `beam_vectors`; empty where the production is no such decay.
    """

    def __init__(
        self,
        tree: Tree,
        sqrt_s: float,
        resonances: Mapping[int, Resonance],
        vectors: Sequence[tuple[complex, Amplitude]],
    ) -> None:
        self.tree = tree
        self.sqrt_s = sqrt_s
        self.resonances = resonances
        self.vectors = vectors
        moving = [block for block in tree.blocks if block.mother is not None or vectors]
        self.bodies: dict[int, ThreeBodies] = {
            block.number: three_bodies(tree, block)
            for block in moving
            if len(block.particles) == TRIPLE
        }
        self.tables = {
            block.number: self._tabled(block) for block in moving if len(block.particles) == PAIR
        }
        self.structures = {
            number: self._fitted(tree.blocks[number])
            for number in self.bodies
            if self.ends(tree.blocks[number])
        }

    def momenta(
        self, block: Block, mass: Array, daughters: list[Array], inside: Array | None
    ) -> tuple[list[Array], Array]:
        """Return momenta of what comes out, and phase space over all orientations.

        Parameters
        ----------
        block
            A decay.
        mass, daughters
            Masses, (n,).
        inside
            Two variables in [0, 1] of a block with three daughters.
        """
        if inside is None:
            return two_bodies(mass, daughters[0], daughters[1])
        return self.bodies[block.number](inside, mass, daughters)

    def value(
        self, block: Block, masses: Sequence[Array], momenta: list[Array], daughters: list[Array]
    ) -> Complex:
        """Return what `mcbook.sampling.shapes.Shape.amplitudes` has of a block.

        Parameters
        ----------
        block
            A decay.
        masses
            Of the mothers of all blocks.
        momenta, daughters
            Momenta and masses of what comes out.
        """
        if (table := self.tables.get(block.number)) is not None:
            momentum = momenta[0][3]  # along z
            return table.table([momentum, *(masses[i] for i in table.others)])
        if (structures := self.structures.get(block.number)) is not None:
            return structures.matrix(masses[block.number], momenta)
        return self.computed(block, masses[block.number], momenta, daughters)

    def states(self, block: Block) -> int:
        """Return how many spin states of a mother are followed."""
        if block.mother is None:
            return 3 if self.vectors else 4
        spin = self.tree.field(block.mother).spin
        return VECTOR_STATES if spin == VECTOR_SPIN else spin

    def ends(self, block: Block) -> bool:
        """Return whether `Shape.amplitudes` has a spin density matrix: nothing behind it decays."""
        is_decay = block.mother is not None or bool(self.vectors)
        return is_decay and not any(block.children)

    def computed(
        self, block: Block, mass: Array, momenta: list[Array], daughters: list[Array]
    ) -> Complex:
        """Return the same from the amplitude."""
        rest = np.zeros((4, len(mass)))
        rest[0] = mass
        given = [rest, *momenta], [mass, *daughters]
        if block.mother is None:
            values = [c * self.amplitude(one, block, *given) for c, one in self.vectors]
            found = np.asarray(sum(values[1:], start=values[0]))
        else:
            found = self.amplitude(block.amplitude, block, *given)
        return density(found, found, 1) if self.ends(block) else found

    def amplitude(
        self, amplitude: Amplitude, block: Block, momenta: list[Array], masses: list[Array]
    ) -> Complex:
        """Return an amplitude with the states that are followed of mother and daughters."""
        before = len(momenta) - len(block.particles)
        is_one = before == 1  # a mother, or what the beams meet in
        inner = [is_one] * before + [child is not None for child in block.children]
        found = waves(self.tree, amplitude, (momenta, masses), inner)
        for i, leg in enumerate(amplitude.legs):
            if inner[i] and self.tree.field(leg.particle).spin == FERMION_SPIN:
                found[i] = found[i][:, :2]
        if block.mother is None and is_one:  # massless or not, it is at rest
            found[0] = found[0][:, :3, :1]
        return amplitude.evaluate(momenta, found)

    def _tabled(self, block: Block) -> "_Tabled | None":
        """Return the amplitude of a block with two daughters as a table."""
        numbers = [] if block.mother is None else [block.number]
        numbers += [child.number for child in block.children if child is not None]
        if not numbers:
            return None
        widest = max(numbers, key=lambda i: self.resonances[i].spread)
        others = [i for i in numbers if i != widest]

        def masses(momentum: Array, known: Sequence[Array]) -> tuple[Array, list[Array]]:
            given = dict(zip(others, known, strict=True))
            mother = given.get(block.number, np.full_like(momentum, self.sqrt_s))
            daughters = [
                np.full_like(momentum, self.tree.field(name).mass)
                if child is None
                else given.get(child.number, momentum)
                for name, child in zip(block.particles, block.children, strict=True)
            ]
            energies = [np.sqrt(momentum**2 + own**2) for own in daughters]
            if widest == block.number:
                return energies[0] + energies[1], daughters
            moved = [child is not None and child.number == widest for child in block.children]
            place = moved.index(True)
            energy = mother - energies[1 - place]
            daughters[place] = np.sqrt(energy**2 - momentum**2)
            return mother, daughters

        def value(given: list[Array]) -> Complex:
            mother, daughters = masses(given[0], given[1:])
            momenta, _ = two_bodies(mother, daughters[0], daughters[1])
            return self.computed(block, mother, momenta, daughters)

        ranges = [(self.resonances[i].low, self.resonances[i].high) for i in others]
        table = tabled(value, [self._momentum_range(block, numbers), *ranges])
        return None if table is None else _Tabled(table, others)

    def _momentum_range(self, block: Block, numbers: Sequence[int]) -> tuple[float, float]:
        """Return between which momenta the daughters of a block are."""
        ends = [
            (self.resonances[i].low, self.resonances[i].high) if i in numbers else (own, own)
            for i, own in self._ends_of(block)
        ]
        (low, high), *daughters = ends
        found = [
            float(breakup(mother, first, second))
            for mother in (low, high)
            for first in daughters[0]
            for second in daughters[1]
        ]
        return min(found), max(found)

    def _ends_of(self, block: Block) -> list[tuple[int, float]]:
        """Return mother and daughters of a block, by number and fixed mass."""
        listed = [(block.number, self.sqrt_s)]
        return listed + [
            (-1 if child is None else child.number, self.tree.field(name).mass)
            for name, child in zip(block.particles, block.children, strict=True)
        ]

    def _fitted(self, block: Block) -> Structures | None:
        """Return the matrix of a block with three daughters, none of which decays, as a fit."""
        states = self.states(block)
        if states > 3:  # noqa: PLR2004
            return None
        own = self.resonances.get(block.number)

        def draw(u: Array) -> tuple[Array, list[Array]]:
            size = u.shape[1]
            low, high = (own.low, own.high) if own else (self.sqrt_s,) * 2
            mass = low + u[0] * (high - low)
            daughters = [np.full(size, self.tree.field(name).mass) for name in block.particles]
            momenta, _ = self.bodies[block.number](u[1:], mass, daughters)
            return mass, momenta

        def matrix(mass: Array, momenta: list[Array]) -> Complex:
            daughters = [np.full(len(mass), self.tree.field(n).mass) for n in block.particles]
            return self.computed(block, mass, momenta, daughters)

        lines = [
            Propagator((min(inside), max(inside)), field.mass, field.width)
            for inside, name in clusters(block)
            if len(inside) == PAIR
            for field in [self.tree.field(name)]
        ]
        return fitted(states, draw, matrix, tuple(lines))


def beam_vectors(tree: Tree, sqrt_s: float) -> list[tuple[complex, Amplitude]]:
    """Return the vectors that the beams meet in, each with what comes out of it.

    Before the amplitude stands what is left out of it: coupling of the beams and propagator.
    None where some diagram is of another kind, or the coupling is not to the vector current.
    """
    beams = tree.chain.initial
    first, second = (tree.field(name) for name in beams)
    if first is not second or first.is_majorana:
        return []
    found: list[tuple[complex, Amplitude]] = []
    for vertex in tree.theory.vertices:
        if set(vertex.particles[:2]) != {first.name, first.anti}:
            continue
        name = vertex.particles[2]
        field = tree.field(name)
        try:
            amplitude = Amplitude(
                tree.theory, [Leg(name, is_incoming=True), *tree.root.amplitude.legs[2:]]
            )
        except InputError:  # nothing comes of it
            continue
        if vertex.structure != structure("Gamma(3,2,1)", (2, 2, 3)):
            return []
        line = sqrt_s**2 - field.mass**2 + 1j * field.mass * field.width
        found.append((vertex.coupling / line, amplitude))
    if sum(len(a.diagrams.lines) for _, a in found) != len(tree.root.amplitude.diagrams.lines):
        return []
    return found
