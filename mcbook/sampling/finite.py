"""Looks for cross sections that are not finite at tree level, before anything is drawn."""

import numpy as np

from mcbook.amplitudes.theory import VECTOR_SPIN
from mcbook.sampling.body import clusters
from mcbook.sampling.tree import Block, Collision, Tree

_PAIR = 2
_TOUCHES = 1e-12
"""Distance to a pole, over s, below which an exchange reaches it."""


def why_infinite(tree: Tree, collision: Collision) -> str:
    """Return why the cross section of a chain is not finite, "" where it is.

    Looked for are exchanges that can be without momentum, and soft photons (or other vectors
    without mass) off lines that stay on their mass.
    """
    if name := _forward(tree, collision):
        return f"the exchange of {name} has no end in the forward direction"
    for block in tree.blocks:
        is_cut = block.mother is None and collision.cuts.get("gamma_e_min", 0.0) > 0
        if len(block.particles) > _PAIR and not is_cut and (name := _soft(tree, block)):
            return f"there is no end of soft {name} beside {_others(block, name)}"
    return ""


def _others(block: Block, name: str) -> str:
    listed = list(block.particles)
    listed.remove(name)
    return " ".join(listed)


def _forward(tree: Tree, collision: Collision) -> str:
    """Return what is exchanged between two bodies with a momentum that may vanish."""
    block = tree.root
    if len(block.particles) != _PAIR or collision.cuts.get("gamma_cos_theta_max", 1.0) < 1:
        return ""
    s = collision.sqrt_s**2
    beams = [tree.field(name).mass ** 2 for name in tree.chain.initial]
    daughters = [tree.field(name).mass ** 2 for name in block.particles]
    for inside, name in clusters(block, exchanges=True):
        (number,) = inside
        own = daughters[number], daughters[1 - number]
        energies = (s + beams[1] - beams[0]) * (s + own[0] - own[1]) / (2 * s)
        sizes = [_kallen(s, *pair) for pair in (beams, own)]
        highest = beams[1] + own[0] - energies + np.sqrt(sizes[0] * sizes[1]) / (2 * s)
        if highest - tree.field(name).mass ** 2 > -_TOUCHES * s:
            return name
    return ""


def _kallen(s: float, first: float, second: float) -> float:
    return max((s - first - second) ** 2 - 4 * first * second, 0.0)


def _soft(tree: Tree, block: Block) -> str:
    """Return a vector without mass that a line on its mass sends out."""
    for number, name in enumerate(block.particles):
        field = tree.field(name)
        is_massless_vector = field.spin == VECTOR_SPIN and field.is_massless
        if is_massless_vector and (_off_one(tree, block, number) or _before(tree, block, number)):
            return name
    return ""


def _off_one(tree: Tree, block: Block, number: int) -> bool:
    """Return whether another particle that comes out may have sent it."""
    for inside, line in clusters(block):
        others = inside - {number}
        if number in inside and len(others) == 1:
            (other,) = others
            if tree.field(line) is tree.field(block.particles[other]):
                return True
    return False


def _before(tree: Tree, block: Block, number: int) -> bool:
    """Return whether the mother, or a beam, may have sent it before anything else happens."""
    everything = frozenset(range(len(block.particles)))
    rest = everything - {number}
    if block.mother is not None:
        return (rest, block.mother) in [
            (inside, tree.field(line).name) for inside, line in clusters(block)
        ]
    beams = {tree.field(beam).name for beam in tree.chain.initial}
    return any(
        inside in ({number}, rest) and tree.field(line).name in beams
        for inside, line in clusters(block, exchanges=True)
    )
