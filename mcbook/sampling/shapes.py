"""Events of a chain up to the orientation of its decays, with their weights.

Summed over all orientations the blocks of a chain are tied together by masses only, and the weight
is a product of unpolarised blocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes.currents import Amplitude, Leg
from mcbook.amplitudes.lorentz import structure
from mcbook.amplitudes.theory import FERMION_SPIN, VECTOR_SPIN
from mcbook.errors import InputError
from mcbook.sampling.body import clusters, three_bodies, two_bodies
from mcbook.sampling.density import along, density
from mcbook.sampling.kinematics import breakup
from mcbook.sampling.maps import Resonance
from mcbook.sampling.structures import Propagator, Structures, fitted
from mcbook.sampling.tables import Table, tabled
from mcbook.sampling.tree import Block, Collision, Tree, inner_factors, inner_states
from mcbook.units import FB_PER_PB, GEV2_FB

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

WIDEST_FERMION = 1e-5
"""Largest width over mass of a fermion that decays: of its line only the states of a free particle
are followed, and the others weigh about so much."""

PHOTON = 22
_VECTOR_STATES = 4
_PAIR, _TRIPLE = 2, 3


@dataclass(slots=True)
class Shape:
    """Events up to orientations; lists have an entry for each block.

    Attributes
    ----------
    masses
        Of the mother, (n,).
    momenta
        Of what comes out, (4, n) each, where the mother is at rest.
    amplitudes
        Axes: spin states of the mother (or of both beams), of each that comes out, events. Where
        nothing that comes out decays, the spin density matrix of the decay stands in its place.
    balance
        What the states of the mother weigh, summed over orientations, with those of a free particle
        at 1; shape (states, n).
    """

    masses: list[Array]
    momenta: list[list[Array]]
    amplitudes: list[Complex]
    balance: list[Array]

    def take(self, index: NDArray[np.int64] | slice) -> "Shape":
        """Return some of the events."""
        return Shape(
            [entry[index] for entry in self.masses],
            [[p[:, index] for p in listed] for listed in self.momenta],
            [np.ascontiguousarray(entry[..., index]) for entry in self.amplitudes],
            [entry[:, index] for entry in self.balance],
        )


@dataclass(frozen=True, slots=True)
class _Tabled:
    """A table in the momentum of the daughters and the masses of other blocks.

    The momentum stands for the mass that varies most: at a threshold nothing is smooth in a mass.
    """

    table: Table
    others: list[int]


class Shapes:
    """Weighs points of the unit cube.

    Parameters
    ----------
    tree
        The chain.
    collision
        Energy, windows and cuts.
    resonances
        Between which masses each decays, by block.

    Attributes
    ----------
    groups
        How many variables belong together: one of each resonance, two of each block with three
        daughters, one of the angle of production.
    is_polarised
        Whether the beams meet in vectors, so that the production is a decay of these.
    """

    def __init__(
        self, tree: Tree, collision: Collision, resonances: Mapping[int, Resonance]
    ) -> None:
        self.tree = tree
        self.collision = collision
        self.vectors = [] if collision.cuts else beam_vectors(tree, collision.sqrt_s)
        self.is_polarised = bool(self.vectors)
        self.resonances = resonances
        self.bodies = {
            block.number: three_bodies(tree, block)
            for block in tree.blocks
            if len(block.particles) == _TRIPLE
        }
        self.beams = tree.beam_momenta(collision.sqrt_s)
        self.tables = {
            block.number: self._tabled(block)
            for block in tree.blocks
            if len(block.particles) == _PAIR and (block.mother or self.is_polarised)
        }
        self.structures = {
            number: self._fitted(tree.blocks[number])
            for number in self.bodies
            if self.ends(tree.blocks[number])
        }
        self.groups = [1] * len(self.resonances) + [2] * len(self.bodies)
        self.groups += [] if self.is_polarised else [1]

    def states(self, block: Block) -> int:
        """Return how many spin states of a mother are followed."""
        if block.mother is None:
            return 3 if self.is_polarised else 4
        spin = self.tree.field(block.mother).spin
        return _VECTOR_STATES if spin == VECTOR_SPIN else spin

    def weigh(self, u: Array) -> tuple[Shape, Array]:
        """Return shapes of events and their weights [pb], shape (n,).

        Parameters
        ----------
        u
            In the unit cube, shape (variables, n), in the order of `groups`.
        """
        count, size = u.shape[1], len(self.tree.blocks)
        rows = iter(u)
        weight = np.full(count, self._constant())
        masses = [np.full(count, self.collision.sqrt_s)] * size
        for number, resonance in self.resonances.items():
            masses[number] = resonance.masses(next(rows))
            weight *= resonance.share
        inside = {number: np.stack([next(rows), next(rows)]) for number in self.bodies}
        none = np.zeros(0)
        shape = Shape(masses, [[]] * size, [none.astype(complex)] * size, [none] * size)
        for block in reversed(self.tree.blocks):
            if block.mother is None and not self.is_polarised:
                weight *= self._production(block, shape, next(rows))
            else:
                weight *= self._decay(block, shape, inside.get(block.number))
        weight[~np.isfinite(weight)] = 0.0
        shape.balance[0] = np.ones((1, count))
        return shape, weight

    def _constant(self) -> float:
        """Return what does not change: flux, spin average, equal particles, units."""
        flux = 4 * float(self.beams[0][3, 0]) * self.collision.sqrt_s
        return GEV2_FB / FB_PER_PB * self.tree.rescaling() / (flux * 4 * self.tree.identical)

    def _daughter_masses(self, block: Block, shape: Shape) -> list[Array]:
        count = len(shape.masses[block.number])
        return [
            np.full(count, self.tree.field(name).mass)
            if child is None
            else shape.masses[child.number]
            for name, child in zip(block.particles, block.children, strict=True)
        ]

    def ends(self, block: Block) -> bool:
        """Return whether `Shape.amplitudes` has a spin density matrix: nothing behind it decays."""
        is_decay = block.mother is not None or self.is_polarised
        return is_decay and not any(block.children)

    def _decay(self, block: Block, shape: Shape, inside: Array | None) -> Array:
        """Enter momenta and amplitude of a block; return its weight."""
        mass = shape.masses[block.number]
        daughters = self._daughter_masses(block, shape)
        if inside is None:
            momenta, space = two_bodies(mass, daughters[0], daughters[1])
        else:
            momenta, space = self.bodies[block.number](inside, mass, daughters)
        shape.momenta[block.number] = momenta
        if (table := self.tables.get(block.number)) is not None:
            momentum = momenta[0][3]  # along z
            found = table.table([momentum, *(shape.masses[i] for i in table.others)])
        elif (structures := self.structures.get(block.number)) is not None:
            found = structures.matrix(mass, momenta)
        else:
            found = self._followed(block, mass, momenta, daughters)
        shape.amplitudes[block.number] = found
        if block.mother is not None:
            return space * self._average(block, shape)
        beam = self.tree.field(self.tree.chain.initial[0]).mass
        s = self.collision.sqrt_s**2
        return space * self._unpolarised(block, shape).sum(axis=0) * (4 * s + 8 * beam**2) / 3

    def _followed(
        self, block: Block, mass: Array, momenta: list[Array], daughters: list[Array]
    ) -> Complex:
        """Return what `Shape.amplitudes` has of a block."""
        rest = np.zeros((4, len(mass)))
        rest[0] = mass
        given = [rest, *momenta], [mass, *daughters]
        if block.mother is None:
            values = [c * self._amplitude(one, block, *given) for c, one in self.vectors]
            found = np.asarray(sum(values[1:], start=values[0]))
        else:
            found = self._amplitude(block.amplitude, block, *given)
        return density(found, found, 1) if self.ends(block) else found

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
            mother = given.get(block.number, np.full_like(momentum, self.collision.sqrt_s))
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
            return self._followed(block, mother, momenta, daughters)

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
        listed = [(block.number, self.collision.sqrt_s)]
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
            low, high = (own.low, own.high) if own else (self.collision.sqrt_s,) * 2
            mass = low + u[0] * (high - low)
            daughters = [np.full(size, self.tree.field(name).mass) for name in block.particles]
            momenta, _ = self.bodies[block.number](u[1:], mass, daughters)
            return mass, momenta

        def matrix(mass: Array, momenta: list[Array]) -> Complex:
            daughters = [np.full(len(mass), self.tree.field(n).mass) for n in block.particles]
            return self._followed(block, mass, momenta, daughters)

        lines = [
            Propagator((min(inside), max(inside)), field.mass, field.width)
            for inside, name in clusters(block)
            if len(inside) == _PAIR
            for field in [self.tree.field(name)]
        ]
        return fitted(states, draw, matrix, tuple(lines))

    def _average(self, block: Block, shape: Shape) -> Array:
        """Enter the balance of the states of a mother; return the mean of the ordinary ones."""
        field = self.tree.field(str(block.mother))
        square = self._unpolarised(block, shape)
        mean: Array = square[:3].mean(axis=0) if field.spin == VECTOR_SPIN else square.mean(axis=0)
        balance = np.ones_like(square)
        if field.spin == VECTOR_SPIN:
            factor = inner_factors(field, shape.masses[block.number])[3]
            with np.errstate(invalid="ignore", divide="ignore"):
                balance[3] = np.where(mean > 0, factor**2 * square[3] / mean, 0.0)
        shape.balance[block.number] = balance
        return mean

    def _unpolarised(self, block: Block, shape: Shape) -> Array:
        """Return the squared amplitude of each state of the mother, summed over all others."""
        found = shape.amplitudes[block.number]
        if self.ends(block):
            return np.asarray(np.einsum("ssn->sn", found).real)
        square = found.real**2 + found.imag**2
        for i, child in enumerate(block.children):
            if child is not None and self.states(child) == _VECTOR_STATES:
                square = along(square, i + 1, shape.balance[child.number])
        return np.asarray(square.reshape(found.shape[0], -1, found.shape[-1]).sum(axis=1))

    def _amplitude(
        self, amplitude: Amplitude, block: Block, momenta: list[Array], masses: list[Array]
    ) -> Complex:
        """Return an amplitude with the states that are followed of mother and daughters."""
        before = len(momenta) - len(block.particles)
        inner = [block.mother is not None] * before + [c is not None for c in block.children]
        waves = []
        for i, (leg, is_inner) in enumerate(zip(amplitude.legs, inner, strict=True)):
            field = self.tree.field(leg.particle)
            if is_inner:
                found = inner_states(
                    field, momenta[i], masses[i], kind=amplitude.kinds[i],
                    is_incoming=leg.is_incoming,
                )  # fmt: skip
                waves.append(found[:, :2] if field.spin == FERMION_SPIN else found)
            elif before == 1 and i == 0:  # what the beams meet in, at rest, massless or not
                wave = np.zeros((4, 3, 1), dtype=complex)
                wave[[1, 2, 3], [0, 1, 2]] = 1
                waves.append(wave)
            else:
                waves.append(amplitude.wave(i, momenta[i], masses[i]))
        return amplitude.evaluate(momenta, waves)

    def _production(self, block: Block, shape: Shape, u: Array) -> Array:
        """Enter a production that depends on its angle; return its weight."""
        first, second = daughters = self._daughter_masses(block, shape)
        root = np.full_like(u, self.collision.sqrt_s)
        size = breakup(root, first, second)
        cosine, step = self._angle(block, u, size, first)
        sine = np.sqrt(np.maximum(1 - cosine**2, 0.0))
        zero = np.zeros_like(u)
        momenta = [
            np.stack([np.sqrt(size**2 + own**2), sign * size * sine, zero, sign * size * cosine])
            for own, sign in ((first, 1.0), (second, -1.0))
        ]
        shape.momenta[block.number] = momenta
        beams = [np.asarray([self.tree.field(name).mass]) for name in self.tree.chain.initial]
        found = self._amplitude(
            block.amplitude, block, [*self.beams, *momenta], [*beams, *daughters]
        )
        shape.amplitudes[block.number] = found.reshape(-1, *found.shape[2:])
        is_open = (root > first + second) & self._passes(block, momenta)
        space = np.where(is_open, size / (4 * np.pi * root) * step / 2, 0.0)
        return space * self._unpolarised(block, shape).sum(axis=0)

    def _angle(self, block: Block, u: Array, size: Array, mass: Array) -> tuple[Array, Array]:
        """Return the cosine of the first that comes out, dense where an exchange is large."""
        limit = 1.0
        if any(self.tree.field(name).pdg_id == PHOTON for name in block.particles):
            limit = self.collision.cuts.get("gamma_cos_theta_max", 1.0)
        exchanged = [name for legs, name in clusters(block, exchanges=True) if len(legs) == 1]
        if not exchanged:
            return (2 * u - 1) * limit, np.full_like(u, 2 * limit)
        beam = self.beams[0]
        inner = min(self.tree.field(name).mass for name in exchanged) ** 2
        own = self.tree.field(self.tree.chain.initial[0]).mass ** 2
        with np.errstate(divide="ignore"):
            energies = 2 * beam[0] * np.sqrt(size**2 + mass**2) - mass**2 - own + inner
            far = np.maximum(energies / (2 * beam[3] * np.maximum(size, 1e-12)), 1 + 1e-12)
        end = np.arctanh(limit / far)
        cosine = far * np.tanh((2 * u - 1) * end)
        return cosine, 2 * end * (far - cosine**2 / far)

    def _passes(self, block: Block, momenta: Sequence[Array]) -> NDArray[np.bool_]:
        """Return which events a cut on photons of the production keeps."""
        kept = np.ones(momenta[0].shape[1], dtype=bool)
        for name, momentum in zip(block.particles, momenta, strict=True):
            if self.tree.field(name).pdg_id == PHOTON:
                kept &= momentum[0] >= self.collision.cuts.get("gamma_e_min", 0.0)
        return kept


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
    if sum(len(a.diagrams) for _, a in found) != len(tree.root.amplitude.diagrams):
        return []
    return found


def no_cascade(tree: Tree, collision: Collision) -> str:
    """Return why a chain cannot be drawn by `Shapes`, "" where it can."""
    for block in tree.blocks:
        if len(block.particles) not in {_PAIR, _TRIPLE}:
            return f"{len(block.particles)} particles come out at once"
        field = tree.field(block.mother) if block.mother else None
        if field and field.spin == FERMION_SPIN and field.width > WIDEST_FERMION * field.mass:
            return f"{block.mother} is a fermion with a large width"
    is_polarised = not collision.cuts and beam_vectors(tree, collision.sqrt_s)
    if not is_polarised and len(tree.root.particles) > _PAIR:
        return "more than two particles come out of a production with an exchange or a cut"
    return ""
