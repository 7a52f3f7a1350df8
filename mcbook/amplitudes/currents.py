"""Amplitudes of all helicities and diagrams, by recursion over off-shell currents.

F. A. Berends, W. T. Giele, Nucl. Phys. B 306, 759 (1988), for any particles and three-leg vertices.
A current is an array with its components first, then an axis for the spin states of each leg
(length 1 where the leg is not in it), then events.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes import states
from mcbook.amplitudes.contraction import Contraction
from mcbook.amplitudes.diagrams import ROW, Diagrams, Key, Leg, Step
from mcbook.amplitudes.lorentz import SIGNS
from mcbook.amplitudes.theory import FERMION_SPIN, VECTOR_SPIN, Field, Theory

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Amplitude:
    """The sum of all tree diagrams between some external legs.

    Parameters
    ----------
    theory
        Particles and vertices.
    legs
        External legs.

    Raises
    ------
    InputError
        If there is no diagram, or more than one Majorana line.
    """

    def __init__(self, theory: Theory, legs: Sequence[Leg]) -> None:
        self.theory = theory
        self.legs = tuple(legs)
        self.diagrams = Diagrams(theory, legs)
        self.kinds = self.diagrams.kinds
        steps = self.diagrams.steps.items()
        self._steps = sorted(steps, key=lambda entry: (entry[0].legs.bit_count(), entry[0]))
        self._contractions: dict[tuple[int, bool, int], Contraction] = {}

    def waves(self, momenta: Sequence[Array], masses: Sequence[Array | float]) -> list[Complex]:
        """Return the wave function of each leg, shape (components, states, n); see `states`.

        Parameters
        ----------
        momenta
            Of each leg, shape (4, n) or (4, 1), physical: energies above zero.
        masses
            Of each leg [GeV]; for a vector without mass 0.
        """
        return [
            self.wave(i, momentum, mass)
            for i, (momentum, mass) in enumerate(zip(momenta, masses, strict=True))
        ]

    def wave(self, number: int, momentum: Array, mass: Array | float) -> Complex:
        """Return the wave function of one leg; see `waves`."""
        field = self.theory.fields[self.diagrams.labels[number]]
        if field.spin == FERMION_SPIN:
            return states.fermion(
                momentum, mass, is_row=self.kinds[number] == ROW,
                is_incoming=self.legs[number].is_incoming,
            )  # fmt: skip
        if field.spin == VECTOR_SPIN:
            if field.is_massless:
                return states.massless_vectors(momentum).astype(complex)
            return states.massive_vectors(momentum, mass).astype(complex)
        return np.ones((1, 1, momentum.shape[1]), dtype=complex)

    def evaluate(self, momenta: Sequence[Array], waves: Sequence[Complex]) -> Complex:
        """Return the amplitude, shape (states of leg 0, of leg 1, ..., n).

        Parameters
        ----------
        momenta
            Of each leg, shape (4, n) or (4, 1), physical.
        waves
            Of each leg, shape (components, states, n); see `waves`.
        """
        count = len(self.legs)
        outgoing = [
            -momentum if leg.is_incoming else momentum
            for leg, momentum in zip(self.legs, momenta, strict=True)
        ]
        total: dict[int, Array] = {1 << i: momentum for i, momentum in enumerate(outgoing)}
        currents: dict[Key, Complex] = {}
        for i, (key, wave) in enumerate(zip(self.diagrams.externals, waves, strict=True)):
            shape = [1] * count
            shape[i] = wave.shape[1]
            currents[key] = wave.reshape(wave.shape[0], *shape, wave.shape[2])
        for key, steps in self._steps:
            self._add_momentum(key.legs, total)
            sums = self._summed(steps, currents, total)
            currents[key] = self._propagated(key, sums, total[key.legs])
        for step in self.diagrams.closing:
            for entry in step.slots:
                if entry is not None:
                    self._add_momentum(entry.legs, total)
        found: Complex = self._summed(self.diagrams.closing, currents, total)[0]
        return found

    def squared(self, momenta: Sequence[Array], masses: Sequence[Array | float]) -> Array:
        """Return the squared amplitude summed over all spins, shape (n,)."""
        found = self.evaluate(momenta, self.waves(momenta, masses))
        axes = tuple(range(found.ndim - 1))
        return np.asarray((found.real**2 + found.imag**2).sum(axis=axes))

    def _add_momentum(self, legs: int, total: dict[int, Array]) -> None:
        if legs not in total:
            low = legs & -legs
            self._add_momentum(legs ^ low, total)
            total[legs] = total[low] + total[legs ^ low]

    def _summed(
        self, steps: Sequence[Step], currents: Mapping[Key, Complex], total: dict[int, Array]
    ) -> Complex:
        """Return what steps add up to; those that close have no open slot."""
        found: Complex | None = None
        for step in steps:
            closes = all(slot is not None for slot in step.slots)
            contraction = self._contraction(step, closes=closes)
            arrays = [None if slot is None else currents[slot] for slot in step.slots]
            momenta = {slot: self._momentum_of(step, slot, total) for slot in contraction.moving}
            value = contraction(arrays, momenta)
            coupling = step.sign * self.theory.vertices[step.vertex].coupling
            value *= coupling
            found = value if found is None else found + value
        if found is None:
            raise AssertionError
        return found

    def _momentum_of(self, step: Step, slot: int, total: dict[int, Array]) -> Array:
        """Return the outgoing momentum of a slot; the open one balances the others."""
        key = step.slots[slot]
        if key is not None:
            self._add_momentum(key.legs, total)
            return total[key.legs]
        others = [entry for entry in step.slots if entry is not None]
        for entry in others:
            self._add_momentum(entry.legs, total)
        return -(total[others[0].legs] + total[others[1].legs])

    def _contraction(self, step: Step, *, closes: bool) -> Contraction:
        open_slot = -1 if closes else step.open_slot
        key = (step.vertex, step.is_flipped, open_slot)
        if key not in self._contractions:
            found = self.theory.vertices[step.vertex].structure
            if found is None:
                raise ValueError("a vertex without a structure has no value")
            if step.is_flipped and found.flipped is not None:
                found = found.flipped
            self._contractions[key] = Contraction(found, None if closes else open_slot)
        return self._contractions[key]

    def _propagated(self, key: Key, current: Complex, momentum: Array) -> Complex:
        field = self.theory.fields[key.particle]
        square = momentum[0] ** 2 - (momentum[1:] ** 2).sum(axis=0)
        width = field.width
        with np.errstate(invalid="ignore", divide="ignore"):  # at the edge of phase space
            factor = 1j / (square - field.mass**2 + 1j * field.mass * width)
        if field.spin == FERMION_SPIN:
            current = _numerator(current, momentum, field, key.kind)
        elif field.spin == VECTOR_SPIN:
            current = -current
            if not field.is_massless:
                signs = SIGNS.reshape(4, *[1] * (current.ndim - 1))
                shaped = momentum.reshape(4, *[1] * (current.ndim - 2), -1)
                along = (signs * shaped * current).sum(axis=0)
                current -= along * shaped / field.mass**2
        result: Complex = current * factor
        return result


def _numerator(current: Complex, momentum: Array, field: Field, kind: str) -> Complex:
    """Return row (p-slash + m), or (-p-slash + m) column, with p outgoing."""
    energy, x, y, z = momentum if kind == ROW else -momentum
    minus, plus, down, up = energy - z, energy + z, -x + 1j * y, -x - 1j * y
    a, b, c, d = current
    found = np.empty(
        (4, *np.broadcast_shapes(current.shape[1:], momentum.shape[1:])), dtype=complex
    )
    # p-slash has p.sigma above right and p.sigma-bar below left, in the chiral basis
    if kind == ROW:
        found[0], found[1] = c * plus - d * up, d * minus - c * down
        found[2], found[3] = a * minus + b * up, b * plus + a * down
    else:
        found[0], found[1] = c * minus + d * down, d * plus + c * up
        found[2], found[3] = a * plus - b * down, b * minus - a * up
    if field.mass:
        found += field.mass * current
    return found
