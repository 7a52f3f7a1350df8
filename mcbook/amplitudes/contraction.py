"""Contracts a Lorentz structure with currents, without the products that vanish."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mcbook.amplitudes.lorentz import SIGNS, VECTOR, Structure

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
_COMPONENTS = {"scalar": 1, "spinor": 4, "vector": 4}


class Contraction:
    """A structure with all slots filled, or all but one.

    Parameters
    ----------
    structure
        What to contract.
    open_slot
        The slot whose index stays, None for none.

    Attributes
    ----------
    moving
        Slots whose momenta are in the structure.
    """

    def __init__(self, structure: Structure, open_slot: int | None) -> None:
        self.open_slot = open_slot
        self.filled = tuple(i for i in range(len(structure.kinds)) if i != open_slot)
        kind = "scalar" if open_slot is None else structure.kinds[open_slot]
        self.components = _COMPONENTS[kind]
        self.is_vector = kind == VECTOR
        self.moving = frozenset(slot for e in structure.entries for slot, _ in e.momenta)
        self._plan: dict[tuple[int, ...], list[tuple[int, complex, tuple[tuple[int, int], ...]]]]
        self._plan = {}
        for entry in structure.entries:
            target = 0 if open_slot is None else entry.slots[open_slot]
            value = entry.value * (SIGNS[target] if self.is_vector else 1.0)
            inner = tuple(entry.slots[i] for i in self.filled)
            self._plan.setdefault(inner, []).append((target, complex(value), entry.momenta))

    def __call__(self, arrays: Sequence[Complex | None], momenta: Mapping[int, Array]) -> Complex:
        """Return the contraction, index of the open slot first (upper, for a vector)."""
        filled = [arrays[i] for i in self.filled]
        found: list[Complex | None] = [None] * self.components
        for inner, targets in self._plan.items():
            product = _product(filled, inner)
            for target, value, moving in targets:
                term = _scaled(product, value)
                for slot, component in moving:
                    term = term * momenta[slot][component]
                before = found[target]
                found[target] = term if before is None else before + term
        shapes = [entry.shape for entry in found if entry is not None]
        result = np.zeros((self.components, *np.broadcast_shapes(*shapes)), dtype=complex)
        for component, entry in enumerate(found):
            if entry is not None:
                result[component] = entry
        return result


def _product(arrays: Sequence[Complex | None], components: tuple[int, ...]) -> Complex:
    found: Complex | None = None
    for array, component in zip(arrays, components, strict=True):
        if array is not None:
            found = array[component] if found is None else found * array[component]
    if found is None:
        raise AssertionError
    return found


def _scaled(array: Complex, factor: complex) -> Complex:
    if factor == 1:
        return array
    return -array if factor == -1 else array * factor
