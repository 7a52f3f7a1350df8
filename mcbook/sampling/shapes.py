"""Events of a chain up to the orientation of its decays, with their weights.

Summed over all orientations the blocks of a chain are tied together by masses only, and the weight
is a product of unpolarised blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes.theory import FERMION_SPIN, VECTOR_SPIN
from mcbook.sampling.blocks import PAIR, TRIPLE, VECTOR_STATES, Blocks, beam_vectors
from mcbook.sampling.body import clusters
from mcbook.sampling.density import along
from mcbook.sampling.kinematics import breakup
from mcbook.sampling.maps import Resonance
from mcbook.sampling.tree import Block, Collision, Tree, inner_factors

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

WIDEST_FERMION = 1e-5
"""Largest width over mass of a fermion that decays: of its line only the states of a free particle
are followed, and the others weigh about so much."""


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
        self.blocks = Blocks(tree, collision.sqrt_s, resonances, self.vectors)
        self.beams = tree.beam_momenta(collision.sqrt_s)
        self.groups = [1] * len(self.resonances) + [2] * len(self.blocks.bodies)
        self.groups += [] if self.is_polarised else [1]

    def weigh(self, u: Array) -> tuple[Shape, Array]:
        """Return shapes of events and their weights [pb], shape (n,).

        Parameters
        ----------
        u
            In the unit cube, shape (variables, n), in the order of `groups`.
        """
        count, size = u.shape[1], len(self.tree.blocks)
        rows = iter(u)
        weight = np.full(count, self.tree.constant(self.collision.sqrt_s))
        masses = [np.full(count, self.collision.sqrt_s)] * size
        for number, resonance in self.resonances.items():
            masses[number] = resonance.masses(next(rows))
            weight *= resonance.share
        inside = {number: np.stack([next(rows), next(rows)]) for number in self.blocks.bodies}
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

    def _daughter_masses(self, block: Block, shape: Shape) -> list[Array]:
        count = len(shape.masses[block.number])
        return [
            np.full(count, self.tree.field(name).mass)
            if child is None
            else shape.masses[child.number]
            for name, child in zip(block.particles, block.children, strict=True)
        ]

    def _decay(self, block: Block, shape: Shape, inside: Array | None) -> Array:
        """Enter momenta and amplitude of a block; return its weight."""
        mass = shape.masses[block.number]
        daughters = self._daughter_masses(block, shape)
        momenta, space = self.blocks.momenta(block, mass, daughters, inside)
        shape.momenta[block.number] = momenta
        shape.amplitudes[block.number] = self.blocks.value(block, shape.masses, momenta, daughters)
        if block.mother is not None:
            return space * self._average(block, shape)
        beam = self.tree.field(self.tree.chain.initial[0]).mass
        s = self.collision.sqrt_s**2
        total = self._unpolarised(block, shape).sum(axis=0)
        return np.asarray(space * total * (4 * s + 8 * beam**2) / 3)

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
        if self.blocks.ends(block):
            return np.asarray(np.einsum("ssn->sn", found).real)
        square = found.real**2 + found.imag**2
        for i, child in enumerate(block.children):
            if child is not None and self.blocks.states(child) == VECTOR_STATES:
                square = along(square, i + 1, shape.balance[child.number])
        return np.asarray(square.reshape(found.shape[0], -1, found.shape[-1]).sum(axis=1))

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
        found = self.blocks.amplitude(
            block.amplitude, block, [*self.beams, *momenta], [*beams, *daughters]
        )
        shape.amplitudes[block.number] = found.reshape(-1, *found.shape[2:])
        is_open = root > first + second
        for i in self.tree.photons:
            is_open &= momenta[i][0] >= self.collision.cuts.get("gamma_e_min", 0.0)
        space = np.where(is_open, size / (4 * np.pi * root) * step / 2, 0.0)
        return np.asarray(space * self._unpolarised(block, shape).sum(axis=0))

    def _angle(self, block: Block, u: Array, size: Array, mass: Array) -> tuple[Array, Array]:
        """Return the cosine of the first that comes out, dense where an exchange is large."""
        limit = 1.0
        if self.tree.photons:
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


def no_cascade(tree: Tree, collision: Collision) -> str:
    """Return why a chain cannot be drawn by `Shapes`, "" where it can."""
    for block in tree.blocks:
        if len(block.particles) not in {PAIR, TRIPLE}:
            return f"{len(block.particles)} particles come out at once"
        field = tree.field(block.mother) if block.mother else None
        if field and field.spin == FERMION_SPIN and field.width > WIDEST_FERMION * field.mass:
            return f"{block.mother} is a fermion with a large width"
    is_polarised = not collision.cuts and beam_vectors(tree, collision.sqrt_s)
    if not is_polarised and len(tree.root.particles) > PAIR:
        return "more than two particles come out of a production with an exchange or a cut"
    return ""
