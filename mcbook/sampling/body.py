"""Momenta that come out of a block, where its mother is at rest, up to a rotation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.sampling.kinematics import TINY, boosted, breakup
from mcbook.sampling.maps import Pole
from mcbook.sampling.tree import Block, Tree

Array = NDArray[np.float64]
FLAT = Pole(is_flat=True)


def two_bodies(mass: Array, first: Array, second: Array) -> tuple[list[Array], Array]:
    """Return momenta along the z axis, and the phase space over all directions.

    It is 0 where the mother is too light. Everything has shape (n,), momenta (4, n).
    """
    size = breakup(mass, first, second)
    is_open = mass > first + second
    momenta = []
    for own, sign in ((first, 1.0), (second, -1.0)):
        momentum = np.zeros((4, len(size)))
        momentum[0] = np.sqrt(size * size + own * own)
        momentum[3] = sign * size
        momenta.append(momentum)
    return momenta, np.where(is_open, size / (4 * np.pi * np.maximum(mass, TINY)), 0.0)


@dataclass(frozen=True, slots=True)
class ThreeBodies:
    """Three-body phase space by the squared masses of two pairs, each mapped by its propagator.

    `order` says which daughters are a, b and c; the pairs are a b and b c.
    """

    order: tuple[int, int, int]
    poles: tuple[Pole, Pole]

    def __call__(
        self, u: Array, mass: Array, daughters: Sequence[Array]
    ) -> tuple[list[Array], Array]:
        """Return momenta in the plane of x and z, and the phase space over all orientations.

        Parameters
        ----------
        u
            Shape (2, n).
        mass
            Of the mother, shape (n,).
        daughters
            Masses, shape (n,).
        """
        a, b, c = (daughters[i] for i in self.order)
        is_open = mass > a + b + c
        with np.errstate(invalid="ignore", divide="ignore"):
            pair, step = self.poles[0](u[0], (a + b) ** 2, (mass - c) ** 2)
            root = np.sqrt(pair)
            size, inner = breakup(mass, root, c), breakup(root, a, b)
            energy_b = np.sqrt(inner**2 + b**2)
            energy_c = (mass**2 - pair - c**2) / (2 * root)
            outer = size * mass / root
            middle = b**2 + c**2 + 2 * energy_b * energy_c
            other, width = self.poles[1](
                u[1], middle - 2 * inner * outer, middle + 2 * inner * outer
            )
            cosine = np.clip((middle - other) / (2 * inner * outer), -1.0, 1.0)
            found = self._momenta((root, size, inner), cosine, (a, b, c))
            space = step * width / ((2 * np.pi) ** 3 * 16 * mass**2)
        listed = [found[self.order.index(i)] for i in range(3)]
        return listed, np.where(is_open & np.isfinite(space), space, 0.0)

    @staticmethod
    def _momenta(
        sizes: tuple[Array, Array, Array], cosine: Array, masses: tuple[Array, Array, Array]
    ) -> list[Array]:
        root, size, inner = sizes
        a, b, c = masses
        sine = np.sqrt(1 - cosine**2)
        zero = np.zeros_like(size)
        frame = np.stack([np.sqrt(size**2 + root**2), zero, zero, size])
        x, z = inner * sine, inner * cosine
        first = boosted(np.stack([np.sqrt(inner**2 + a**2), x, zero, z]), frame, root)
        second = boosted(np.stack([np.sqrt(inner**2 + b**2), -x, zero, -z]), frame, root)
        third = np.stack([np.sqrt(size**2 + c**2), zero, zero, -size])
        return [first, second, third]


def clusters(block: Block, *, exchanges: bool = False) -> list[tuple[frozenset[int], str]]:
    """Return the inner lines of all diagrams that lead to some of what comes out, each once.

    With *exchanges*, those between the beams instead, and what comes out on one side of them.
    """
    found: dict[tuple[frozenset[int], str], None] = {}
    for diagram in block.amplitude.diagrams.lines:
        for line in diagram:
            legs = line.legs
            if (block.mother is None and bool(legs & 2)) is not exchanges:
                continue
            inside = frozenset(
                i for i in range(len(block.particles)) if legs >> (i + block.first) & 1
            )
            found[inside, line.particle] = None
    return list(found)


def three_bodies(tree: Tree, block: Block) -> ThreeBodies:
    """Return the map that fits the propagators of a block with three daughters."""
    pairs: dict[frozenset[int], Pole] = {}
    for inside, name in clusters(block):
        if len(inside) == 2:  # noqa: PLR2004
            field = tree.field(name)
            pairs.setdefault(inside, Pole(field.mass, field.width))
    listed = list(pairs)
    if not listed:
        return ThreeBodies((0, 1, 2), (FLAT, FLAT))
    first = listed[0]
    (lonely,) = {0, 1, 2} - first
    if len(listed) == 1:
        a, b = sorted(first)
        return ThreeBodies((a, b, lonely), (pairs[first], FLAT))
    second = listed[1]
    (shared,) = first & second
    (a,) = first - {shared}
    return ThreeBodies((a, shared, lonely), (pairs[first], pairs[second]))
