"""Spin density matrices of decays, and the squared amplitude of a whole chain made of them.

A decay enters what is above it through D[s, s'], the sum over all spins below of the amplitude of
state s times the conjugate one of s'. Arrays have events last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.sampling.kinematics import invariant
from mcbook.sampling.tree import Block, Tree, inner_factors, waves

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def along(amplitude: NDArray[Any], axis: int, matrix: Array | Complex) -> NDArray[Any]:
    """Return an amplitude with a matrix (s, s', n) or factors (s, n) applied to one spin axis."""
    moved = np.moveaxis(amplitude, axis, 0)
    if matrix.ndim == 2:  # noqa: PLR2004
        shape = (matrix.shape[0], *[1] * (moved.ndim - 2), matrix.shape[1])
        return np.moveaxis(moved * matrix.reshape(shape), 0, axis)
    rows = [
        sum(
            (matrix[i, j] * moved[j] for j in range(1, moved.shape[0])),
            start=matrix[i, 0] * moved[0],
        )
        for i in range(matrix.shape[0])
    ]
    return np.moveaxis(np.stack(rows), 0, axis)


def density(amplitude: Complex, weighted: Complex, spins: int) -> Complex:
    """Return D[s, s', n]: the sum over the other spins of *amplitude* times *weighted* conjugated.

    Parameters
    ----------
    amplitude
        The first *spins* axes are those of what decays, taken together; the last is events.
    weighted
        The same, after `along` for each daughter.
    spins
        How many axes stay.
    """
    shape = amplitude.shape
    states = int(np.prod(shape[:spins]))
    one = amplitude.reshape(states, -1, shape[-1])
    two = weighted.reshape(states, -1, shape[-1]).conj()
    found = np.empty((states, states, shape[-1]), dtype=complex)
    for i in range(states):
        for j in range(states):
            found[i, j] = (one[i] * two[j]).sum(axis=0)
    return found


def squared(tree: Tree, leaves: Sequence[Array]) -> Array:
    """Return the squared amplitude of a chain, summed over the spins of beams and final particles.

    Identical particles of different decays do not interfere, and no factor is applied for equal
    ones: `Tree.identical` is that.

    Parameters
    ----------
    tree
        The chain.
    leaves
        Momenta of the beams, then of what is left at the end in the order of the chain, (4, n).
    """
    beams, rest = list(leaves[:2]), list(leaves[2:])
    momenta: dict[tuple[int, int], Array] = {}
    _gather(tree.root, rest, momenta)
    matrix = _matrix(tree, tree.root, momenta, beams)
    return np.asarray(np.einsum("ssn->n", matrix).real)


def _gather(block: Block, rest: list[Array], momenta: dict[tuple[int, int], Array]) -> Array:
    """Enter the momenta of all behind a block; return their sum."""
    total: Array | None = None
    for i, child in enumerate(block.children):
        found = rest.pop(0) if child is None else _gather(child, rest, momenta)
        momenta[block.number, i] = found
        total = found if total is None else total + found
    if total is None:
        raise AssertionError
    return total


def _matrix(
    tree: Tree,
    block: Block,
    momenta: Mapping[tuple[int, int], Array],
    coming: Sequence[Array],
) -> Complex:
    amplitude = block.amplitude
    listed = [*coming, *(momenta[block.number, i] for i in range(len(block.particles)))]
    names = [leg.particle for leg in amplitude.legs]
    masses = [
        np.sqrt(invariant(p)) if _is_inner(block, i) else tree.field(name).mass
        for i, (name, p) in enumerate(zip(names, listed, strict=True))
    ]
    inner = [_is_inner(block, i) for i in range(len(listed))]
    plain = weighted = amplitude.evaluate(listed, waves(tree, amplitude, (listed, masses), inner))
    for i, child in enumerate(block.children):
        axis = block.first + i
        if child is not None:
            field, mass = tree.field(names[axis]), np.asarray(masses[axis])
            width = tree.width(field.name)
            line = 1 / (invariant(listed[axis]) - field.mass**2 + 1j * field.mass * width)
            plain = along(plain, axis, inner_factors(field, mass) * line)
            weighted = along(weighted, axis, inner_factors(field, mass) * line)
    for i, child in enumerate(block.children):
        if child is not None:
            axis = block.first + i
            below = _matrix(tree, child, momenta, [listed[axis]])
            weighted = along(weighted, axis, below.conj())
    return density(plain, weighted, block.first)


def _is_inner(block: Block, leg: int) -> bool:
    """Return whether a leg of a block is a resonance: its mother, or a daughter that decays."""
    if leg < block.first:
        return block.mother is not None
    return block.children[leg - block.first] is not None
