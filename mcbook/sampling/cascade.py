"""Exact events of a chain: masses and energies first, then orientations decay by decay.

`Shapes` weighs what is left when all orientations are summed over; each decay is then oriented with
the spin density matrix of what decays, and only orientations that fail are drawn again. No
amplitude is computed twice. P. Richardson, JHEP 11, 029 (2001), arXiv:hep-ph/0110108, with the line
of a vector off its mass kept whole.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.sampling.blocks import PAIR, VECTOR_STATES
from mcbook.sampling.density import along, density
from mcbook.sampling.kinematics import about_z, boosted, rotated, rotations, turned_axis
from mcbook.sampling.shapes import Shape, Shapes
from mcbook.sampling.spins import oriented, turned
from mcbook.sampling.tree import Block, Tree, inner_factors

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Orientation:
    """Orients the decays of some shapes.

    Parameters
    ----------
    shapes
        What made them.
    shape
        The events.
    rng
        Where orientations come from.
    is_correlated
        False leaves every decay isotropic: a study of what spins do.

    Attributes
    ----------
    rotation
        For each block a rotation of what comes out of it, shape (3, 3, n).
    """

    def __init__(
        self, shapes: Shapes, shape: Shape, rng: np.random.Generator, *, is_correlated: bool = True
    ) -> None:
        self.shapes = shapes
        self.tree: Tree = shapes.tree
        self.shape = shape
        self.rng = rng
        self.is_correlated = is_correlated
        self.rotation: dict[int, Array] = {}
        root = self.tree.root
        count = len(shape.masses[0])
        if shapes.is_polarised:
            production = self._about_beams()
        else:
            self.rotation[0] = about_z(rng, count)
            states = shape.amplitudes[0].shape[0]
            production = np.broadcast_to(np.eye(states)[..., None], (states, states, count))
        self._follow(root, production.astype(complex), is_needed=False)

    def _about_beams(self) -> Complex:
        """Orient the production about the beams; return their matrix along the axes of the body.

        Two beams of one mass that meet in a vector current leave, with n along them, the matrix
        1 - (1 - 4 m^2 / s) n n.
        """
        beam = self.tree.field(self.tree.chain.initial[0]).mass
        size = 1 - (2 * beam / self.shapes.collision.sqrt_s) ** 2
        matrix = self._matrix(self.tree.root, {})
        trace = np.einsum("ssn->n", matrix).real
        rotation = rotations(self.rng, len(trace))
        waiting = np.arange(len(trace))
        while len(waiting):
            axis = rotation[2][:, waiting]
            along_beams = np.einsum("in,ijn,jn->n", axis, matrix[..., waiting].real, axis)
            drawn = self.rng.random(len(waiting)) * trace[waiting]
            waiting = waiting[drawn > trace[waiting] - size * along_beams]
            rotation[..., waiting] = rotations(self.rng, len(waiting))
        self.rotation[0] = rotation
        axis = rotation[2]
        found: Complex = (np.eye(3)[..., None] - size * axis[:, None] * axis[None]).astype(complex)
        return found

    def _follow(self, block: Block, production: Complex, *, is_needed: bool) -> dict[int, Complex]:
        """Orient the decays behind a block that is oriented.

        Parameters
        ----------
        block
            The block.
        production
            Matrix of its mother along its axes.
        is_needed
            Whether all their matrices are asked for; else those of the last are not made.
        """
        done: dict[int, Complex] = {}
        moving = [(i, child) for i, child in enumerate(block.children) if child is not None]
        for i, child in moving:
            own = self._production_of(block, i, child, production, done)
            matrix = self._matrix(child, {})
            turn, body = self._oriented(own, matrix)
            self.rotation[child.number] = turn
            is_used = is_needed or i != moving[-1][0]
            behind = self._follow(child, body, is_needed=is_used)
            if is_used:
                done[i] = self._developed(child, behind, turn)
        return done

    def _oriented(self, production: Complex, decay: Complex) -> tuple[Array, Complex]:
        if self.is_correlated:
            return oriented(production, decay, self.rng)
        count = decay.shape[-1]
        states = decay.shape[0]
        free = np.broadcast_to(np.eye(states)[..., None], (states, states, count))
        return rotations(self.rng, count), free.astype(complex)

    def _production_of(
        self, block: Block, number: int, child: Block, production: Complex, done: dict[int, Complex]
    ) -> Complex:
        """Return the matrix of one of those that come out of a block, along its axes."""
        amplitude = self.shape.amplitudes[block.number]
        if self.shapes.blocks.states(child) == 1:
            return np.ones((1, 1, amplitude.shape[-1]), dtype=complex)
        plain = along(amplitude, 0, production.transpose(1, 0, 2))
        weighted = self._weighted(block, amplitude, done, skip=number)
        axis = number + 1
        found = density(np.moveaxis(plain, axis, 0), np.moveaxis(weighted, axis, 0), 1)
        return found * self._factors(child)

    def _factors(self, child: Block) -> Array:
        """Return the factors of the states of a resonance for both indices, shape (s, s, n)."""
        states = self.shapes.blocks.states(child)
        mass = self.shape.masses[child.number]
        if states != VECTOR_STATES:
            return np.ones((states, states, len(mass)))
        factors = inner_factors(self.tree.field(str(child.mother)), mass)
        return factors[:, None] * factors[None]

    def _weighted(
        self, block: Block, amplitude: Complex, done: dict[int, Complex], skip: int | None = None
    ) -> Complex:
        """Return an amplitude with the matrices of oriented decays, and the balance of others."""
        for i, child in enumerate(block.children):
            if child is None or i == skip or self.shapes.blocks.states(child) == 1:
                continue
            weights = done[i].conj() if i in done else self.shape.balance[child.number]
            amplitude = along(amplitude, i + 1, weights)
        return amplitude

    def _matrix(self, block: Block, done: dict[int, Complex]) -> Complex:
        amplitude = self.shape.amplitudes[block.number]
        if self.shapes.blocks.ends(block):
            return amplitude
        return density(amplitude, self._weighted(block, amplitude, done), 1)

    def _developed(self, child: Block, behind: dict[int, Complex], turn: Array) -> Complex:
        """Return the matrix of a decay with all behind it, along the axes of its mother."""
        found = self._matrix(child, behind)
        is_fermion = found.shape[0] == 2  # noqa: PLR2004  its states come conjugated here
        moved = turned(found.conj(), turn).conj() if is_fermion else turned(found, turn)
        return moved * self._factors(child)

    def momenta(self) -> list[list[Array]]:
        """Return the momenta of what comes out of each block in the centre-of-mass system."""
        found: list[list[Array]] = [[] for _ in self.tree.blocks]
        for number, i, momentum in self._collected(self.tree.root):
            listed = found[number]
            listed.extend([momentum] * (i + 1 - len(listed)))
            listed[i] = momentum
        return found

    def _collected(self, block: Block) -> list[tuple[int, int, Array]]:
        """Return block, place and momentum of all behind a block, where its mother is at rest."""
        turn = self.rotation[block.number]
        is_along_z = len(block.particles) == PAIR and block.number in self.shapes.blocks.tables
        listed = []
        for i, child in enumerate(block.children):
            own = self.shape.momenta[block.number][i]
            moved = turned_axis(turn, own) if is_along_z else rotated(turn, own)
            listed.append((block.number, i, moved))
            if child is not None:
                mass = self.shape.masses[child.number]
                listed += [
                    (number, k, rotated(turn, boosted(momentum, own, mass)))
                    for number, k, momentum in self._collected(child)
                ]
        return listed
