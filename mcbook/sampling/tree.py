"""A chain as blocks: the production and each decay, with its amplitude and what follows it."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes import states
from mcbook.amplitudes.currents import Amplitude
from mcbook.amplitudes.diagrams import ROW, Leg
from mcbook.amplitudes.theory import FERMION_SPIN, VECTOR_SPIN, Field, Theory
from mcbook.errors import InputError
from mcbook.registry.chain import Chain, Node
from mcbook.sampling.maps import Resonance
from mcbook.units import FB_PER_PB, GEV2_FB

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_PHOTON = 22

SMALL_WIDTH = 1e-6
"""Least width over mass of a resonance that is sampled; the rate is scaled to the true width.

As MadGraph does; far below what a Breit-Wigner curve would show, and above rounding.
"""


@dataclass(frozen=True, slots=True)
class Collision:
    """What collides, and what of the phase space is wanted.

    Attributes
    ----------
    sqrt_s
        Energy in the centre-of-mass system [GeV]; the first beam goes along +z.
    window
        So many widths a decaying particle may be off its mass.
    cuts
        ``gamma_cos_theta_max`` and ``gamma_e_min`` [GeV] of photons that no decay makes.
    """

    sqrt_s: float
    window: float
    cuts: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Block:
    """The production (`mother` is None) or one decay.

    Attributes
    ----------
    particles
        What comes out, by name.
    children
        The block of each that decays, None for those that stay.
    amplitude
        Between the beams or the mother, and what comes out.
    """

    mother: str | None
    particles: tuple[str, ...]
    children: tuple["Block | None", ...]
    amplitude: Amplitude
    number: int = 0

    @property
    def first(self) -> int:
        """How many legs come before those that come out."""
        return 2 if self.mother is None else 1


class Tree:
    """The blocks of one chain.

    Parameters
    ----------
    theory
        Particles and vertices.
    chain
        Beams and what comes out.

    Attributes
    ----------
    blocks
        The production first, mothers before their daughters.

    Raises
    ------
    InputError
        If a block has no diagram, or the chain is not one of two beams.
    """

    def __init__(self, theory: Theory, chain: Chain) -> None:
        if len(chain.initial) != 2:  # noqa: PLR2004
            raise InputError(
                f"{chain} is the decay of a single particle",
                hint="collisions of two beams can be made here; B mesons and taus decay by EvtGen",
            )
        for name in (*chain.initial, *chain.names()):
            if name not in theory.fields:
                raise InputError(f"{chain} has a particle {name!r} that is not there")
        self.theory = theory
        self.chain = chain
        self.blocks: list[Block] = []
        self.root = self._block(None, chain.initial, chain.final)
        self.identical = math.prod(map(_orders, [chain.final, *_decays(chain.final)]))

    def _block(self, mother: str | None, coming: Sequence[str], nodes: tuple[Node, ...]) -> Block:
        legs = [Leg(name, is_incoming=True) for name in coming]
        legs += [Leg(node.particle) for node in nodes]
        block = Block(
            mother, tuple(n.particle for n in nodes), (), Amplitude(self.theory, legs),
            len(self.blocks),
        )  # fmt: skip
        self.blocks.append(block)
        block.children = tuple(
            self._block(node.particle, [node.particle], node.daughters) if node.daughters else None
            for node in nodes
        )
        return block

    def field(self, name: str) -> Field:
        """Return the field of a particle."""
        return self.theory.fields[name]

    def width(self, name: str) -> float:
        """Return the width that a resonance is sampled with [GeV]."""
        found = self.field(name)
        return max(found.width, SMALL_WIDTH * found.mass)

    def least_mass(self, block: Block) -> float:
        """Return the sum of the masses of what is left after all decays [GeV]."""
        return sum(
            self.field(name).mass if child is None else self.least_mass(child)
            for name, child in zip(block.particles, block.children, strict=True)
        )

    def rescaling(self) -> float:
        """Return what the sampled rate is to be multiplied by: narrow widths were widened."""
        mothers = [block.mother for block in self.blocks if block.mother is not None]
        return math.prod(self.width(name) / self.field(name).width for name in mothers)

    def constant(self, sqrt_s: float) -> float:
        """Return what turns a squared amplitude times phase space into a cross section [pb].

        That is flux, the average over the spins of the beams, equal particles and widened widths.
        """
        flux = 4 * float(self.beam_momenta(sqrt_s)[0][3, 0]) * sqrt_s
        return GEV2_FB / FB_PER_PB * self.rescaling() / (flux * 4 * self.identical)

    @property
    def photons(self) -> list[int]:
        """Places of the photons among what comes out of the production: those that cuts look at."""
        return [i for i, n in enumerate(self.root.particles) if self.field(n).pdg_id == _PHOTON]

    def beam_momenta(self, sqrt_s: float) -> tuple[Array, Array]:
        """Return both beams, shape (4, 1)."""
        masses = [self.field(name).mass for name in self.chain.initial]
        first, second = masses
        size = math.sqrt(
            (sqrt_s - first - second) * (sqrt_s + first + second)
            * (sqrt_s - first + second) * (sqrt_s + first - second)
        ) / (2 * sqrt_s)  # fmt: skip
        return tuple(  # type: ignore[return-value]
            np.array([[math.hypot(size, mass)], [0.0], [0.0], [sign * size]])
            for mass, sign in ((first, 1.0), (second, -1.0))
        )


def resonances(tree: Tree, collision: Collision) -> dict[int, Resonance]:
    """Return between which masses each resonance may be, by its block.

    Raises
    ------
    InputError
        If there is no room for one.
    """
    found: dict[int, Resonance] = {}
    _bound(tree, tree.root, collision, collision.sqrt_s, found)
    return found


def _bound(
    tree: Tree, block: Block, collision: Collision, available: float, found: dict[int, Resonance]
) -> None:
    least = [
        tree.field(name).mass if child is None else tree.least_mass(child)
        for name, child in zip(block.particles, block.children, strict=True)
    ]
    if not available > sum(least):
        what = " ".join(block.particles)
        raise InputError(
            f"{block.mother or 'the collision'} is too light for {what}: {available:.9g} GeV are"
            f" there, {sum(least):.9g} GeV are needed"
        )
    for name, child, own in zip(block.particles, block.children, least, strict=True):
        if child is None:
            continue
        field, width = tree.field(name), tree.width(name)
        if not (field.width > 0 and field.mass > 0):
            raise InputError(f"{name} decays, and has no width or no mass")
        reach = collision.window * width
        highest = min(available - sum(least) + own, field.mass + reach)
        lowest = max(own, field.mass - reach)
        if not highest > lowest:
            raise InputError(
                f"{name} cannot be made and decay: its mass would be between {lowest:.9g} and"
                f" {highest:.9g} GeV"
            )
        found[child.number] = Resonance(field.mass, width, lowest, highest)
        _bound(tree, child, collision, highest, found)


def _decays(nodes: Sequence[Node]) -> Iterator[tuple[Node, ...]]:
    for node in nodes:
        if node.daughters:
            yield node.daughters
            yield from _decays(node.daughters)


def _orders(nodes: Sequence[Node]) -> int:
    """Return in how many ways equal nodes can be put in order."""
    return math.prod(math.factorial(count) for count in Counter(map(str, nodes)).values())


def inner_states(
    found: Field, momentum: Array, mass: Array, *, kind: str, is_incoming: bool
) -> Complex:
    """Return the states that stand for the inner line of a resonance off its mass.

    Summed over them, with the factors of `inner_factors`, they make the numerator of the
    propagator: three polarisations and one along the momentum for a vector, u and v for a fermion.

    Parameters
    ----------
    found
        The resonance.
    momentum, mass
        Its momentum, shape (4, n), and the mass that it has there, shape (n,).
    kind
        Row or column, of a fermion.
    is_incoming
        Whether it decays here; else it comes out.
    """
    if found.spin == VECTOR_SPIN:
        along = (momentum / mass)[:, None]
        return np.concatenate([states.massive_vectors(momentum, mass), along], axis=1).astype(
            complex
        )
    if found.spin == FERMION_SPIN:
        u = states.spinors(momentum, mass)
        bars = states.barred(u)
        rows = np.concatenate([bars, states.barred(states.conjugate(bars))], axis=1)
        if is_incoming:
            return states.barred(states.conjugate(rows)) if kind == ROW else states.barred(rows)
        return rows if kind == ROW else states.conjugate(rows)
    return np.ones((1, 1, momentum.shape[1]), dtype=complex)


def waves(
    tree: Tree,
    amplitude: Amplitude,
    given: tuple[Sequence[Array], Sequence[Array | float]],
    inner: Sequence[bool],
) -> list[Complex]:
    """Return the wave function of each leg: of one that is inner, its states off its mass.

    Parameters
    ----------
    tree, amplitude
        What is computed.
    given
        Momenta and masses of the legs.
    inner
        Which legs are lines between blocks.
    """
    return [
        inner_states(
            tree.field(leg.particle), momentum, np.asarray(mass), kind=amplitude.kinds[i],
            is_incoming=leg.is_incoming,
        )
        if is_inner
        else amplitude.wave(i, momentum, mass)
        for i, (leg, momentum, mass, is_inner) in enumerate(
            zip(amplitude.legs, *given, inner, strict=True)
        )
    ]  # fmt: skip


def inner_factors(found: Field, mass: Array) -> Array:
    """Return the factor of each of `inner_states`, shape (states, n)."""
    ones = np.ones_like(mass)
    if found.spin == VECTOR_SPIN:
        return np.stack([ones, ones, ones, (mass / found.mass) ** 2 - 1])
    if found.spin == FERMION_SPIN:
        plain, other = (mass + found.mass) / (2 * mass), (mass - found.mass) / (2 * mass)
        return np.stack([plain, plain, other, other])
    return ones[None]
