"""All tree diagrams between some external legs, as steps that join currents at vertices.

A current stands for a set of external legs as one outgoing particle. The relative sign of diagrams
is the parity of the order in which their fermions are met; Majorana lines run as their ends say
(A. Denner et al., Nucl. Phys. B 387, 467 (1992)).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import NamedTuple

from mcbook.amplitudes.theory import FERMION_SPIN, Theory, Vertex
from mcbook.errors import InputError

ROW, COLUMN, BOSON = "row", "column", "boson"


@dataclass(frozen=True, slots=True)
class Leg:
    """An external particle."""

    particle: str
    is_incoming: bool = False


class Key(NamedTuple):
    """Names a current: its legs as bits, what it is as an outgoing particle, kind of its index."""

    legs: int
    particle: str
    kind: str


@dataclass(frozen=True, slots=True)
class Step:
    """One vertex that adds to a current: what stands in its slots, and which one is open."""

    vertex: int
    is_flipped: bool
    open_slot: int
    slots: tuple[Key | None, ...]
    sign: int


class Propagator(NamedTuple):
    """An inner line of a diagram: the legs behind it, as bits, and what it is."""

    legs: int
    particle: str


class Diagrams:
    """All tree diagrams between some external legs.

    Parameters
    ----------
    theory
        Particles and vertices.
    legs
        External legs; the first may not be the only one.

    Raises
    ------
    InputError
        If there is no diagram, or more than one Majorana line.

    Attributes
    ----------
    externals
        The external legs as currents.
    steps
        What each current is the sum of.
    closing
        Vertices at which the first leg meets the others.
    """

    def __init__(self, theory: Theory, legs: Sequence[Leg]) -> None:
        self.theory = theory
        self.legs = tuple(legs)
        self.labels = tuple(
            theory.fields[leg.particle].other(leg.particle) if leg.is_incoming else leg.particle
            for leg in legs
        )
        self.kinds = self._kinds()
        self.externals = tuple(
            Key(1 << i, label, kind)
            for i, (label, kind) in enumerate(zip(self.labels, self.kinds, strict=True))
        )
        self.fermions = sum(key.legs for key in self.externals if key.kind != BOSON)
        self.steps: dict[Key, list[Step]] = {}
        self.closing: list[Step] = []
        self._build()

    def _kinds(self) -> tuple[str, ...]:
        """Return row or column for each fermion; of a Majorana line the first end is the row."""
        kinds, majorana = [], 0
        for label in self.labels:
            field = self.theory.fields[label]
            if field.spin != FERMION_SPIN:
                kinds.append(BOSON)
            elif field.is_majorana:
                kinds.append(COLUMN if majorana % 2 else ROW)
                majorana += 1
            else:
                kinds.append(ROW if label == field.name else COLUMN)
        if majorana > 2:  # noqa: PLR2004
            raise InputError(
                f"{majorana} Majorana fermions meet in {self._text()}",
                hint="one Majorana line can be computed here; use MadGraph for more",
            )
        return tuple(kinds)

    def _text(self) -> str:
        coming = " ".join(leg.particle for leg in self.legs if leg.is_incoming)
        going = " ".join(leg.particle for leg in self.legs if not leg.is_incoming)
        return f"{coming} > {going}"

    def _build(self) -> None:
        count = len(self.legs)
        rest = ((1 << count) - 1) ^ 1
        found: dict[int, list[Key]] = {key.legs: [key] for key in self.externals[1:]}
        for size in range(2, count - 1):
            for chosen in combinations(range(1, count), size):
                legs = sum(1 << i for i in chosen)
                for key, step in self._joined(legs, found):
                    if key not in self.steps:
                        found.setdefault(legs, []).append(key)
                    self.steps.setdefault(key, []).append(step)
        self.closing = [step for _, step in self._joined(rest, found, close=self.externals[0])]
        if not self.closing:
            raise InputError(
                f"no diagram leads from {self._text().replace(' > ', ' to ')}",
                hint="the interactions of the process have to join its particles",
            )
        self._forget_unused()

    def _joined(
        self, legs: int, found: Mapping[int, list[Key]], close: Key | None = None
    ) -> Iterator[tuple[Key, Step]]:
        """Yield what two currents make at a vertex; `close` is what has to come out."""
        low = legs & -legs
        for part in _subsets(legs ^ low):
            other = legs ^ low ^ part
            if not other:
                continue
            for first, second in product(found.get(low | part, ()), found.get(other, ())):
                yield from self._at_vertices(first, second, close)

    def _at_vertices(
        self, first: Key, second: Key, close: Key | None
    ) -> Iterator[tuple[Key, Step]]:
        for number, vertex in enumerate(self.theory.vertices):
            for is_flipped, slots in self._placed(vertex, first, second):
                open_slot = slots.index(None)
                label = vertex.particles[open_slot]
                merged = self.theory.fields[label].other(label)
                kind = _kind_of(slots, is_flipped=is_flipped)
                key = Key(first.legs | second.legs, merged, kind)
                full = slots
                if close is not None:
                    wanted = {ROW: COLUMN, COLUMN: ROW, BOSON: BOSON}[kind]
                    if close.particle != label or close.kind != wanted:
                        continue
                    full = tuple(close if slot is None else slot for slot in slots)
                sign = _sign(full, self.fermions, is_flipped=is_flipped)
                yield key, Step(number, is_flipped, open_slot, full, sign)

    def _placed(
        self, vertex: Vertex, first: Key, second: Key
    ) -> Iterator[tuple[bool, tuple[Key | None, ...]]]:
        """Yield the ways to put two currents into the slots of a vertex, each diagram once."""
        particles = vertex.particles
        has_line = self.theory.fields[particles[0]].spin == FERMION_SPIN
        is_majorana = has_line and self.theory.fields[particles[0]].is_majorana
        flips = (False, True) if is_majorana and particles[0] != particles[1] else (False,)
        seen: set[tuple[bool, tuple[str, ...]]] = set()
        for is_flipped in flips:
            for one, two in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
                if particles[one] != first.particle or particles[two] != second.particle:
                    continue
                slots: list[Key | None] = [None, None, None]
                slots[one], slots[two] = first, second
                if has_line and not _fits(slots, is_flipped=is_flipped):
                    continue
                # of identical bosons, which is open or takes what makes no other diagram
                pattern = tuple(
                    particles[i] if slot is None else f"{slot.particle} {slot.kind}"
                    for i, slot in enumerate(slots)
                )
                content = (is_flipped, tuple(sorted(pattern)) if not has_line else pattern)
                if content in seen:
                    continue
                seen.add(content)
                yield is_flipped, tuple(slots)

    def _forget_unused(self) -> None:
        """Keep the currents that reach the end."""
        wanted: set[Key] = set()
        waiting = [key for step in self.closing for key in step.slots if key is not None]
        while waiting:
            key = waiting.pop()
            if key not in wanted:
                wanted.add(key)
                waiting += [k for s in self.steps.get(key, ()) for k in s.slots if k is not None]
        self.steps = {key: steps for key, steps in self.steps.items() if key in wanted}

    @cached_property
    def lines(self) -> list[frozenset[Propagator]]:
        """The inner lines of every diagram."""
        memory: dict[Key, list[frozenset[Propagator]]] = {}

        def of_key(key: Key) -> list[frozenset[Propagator]]:
            if key not in self.steps:
                return [frozenset()]
            if key not in memory:
                own = Propagator(key.legs, key.particle)
                memory[key] = [rest | {own} for step in self.steps[key] for rest in of_step(step)]
            return memory[key]

        def of_step(step: Step) -> list[frozenset[Propagator]]:
            parts = [of_key(key) for key in step.slots if key is not None]
            return [frozenset().union(*chosen) for chosen in product(*parts)]

        return [found for step in self.closing for found in of_step(step)]


def _kind_of(slots: Sequence[Key | None], *, is_flipped: bool) -> str:
    """Return the kind of current that comes out of the open slot."""
    open_slot = slots.index(None)
    others = [slot for slot in slots if slot is not None]
    kinds = {slot.kind for slot in others}
    if ROW in kinds and COLUMN in kinds:
        return BOSON
    if kinds == {BOSON}:
        return BOSON
    column_slot = 1 if is_flipped else 0
    return ROW if open_slot == column_slot else COLUMN


def _fits(slots: Sequence[Key | None], *, is_flipped: bool) -> bool:
    """Return whether rows and columns stand where the structure of a vertex wants them."""
    row_slot = 0 if is_flipped else 1
    for slot, key in enumerate(slots[:2]):
        if key is not None and key.kind != (ROW if slot == row_slot else COLUMN):
            return False
    return slots[2] is None or slots[2].kind == BOSON


def _sign(slots: Sequence[Key | None], fermions: int, *, is_flipped: bool) -> int:
    """Return the parity of the external fermions, in the order row, column, boson."""
    row_slot = 0 if is_flipped else 1
    order = [slots[row_slot], slots[1 - row_slot], slots[2]]
    met = [bit for key in order if key is not None for bit in _bits(key.legs & fermions)]
    return -1 if _inversions(met) % 2 else 1


def _bits(legs: int) -> Iterator[int]:
    while legs:
        low = legs & -legs
        yield low
        legs ^= low


def _inversions(listed: Sequence[int]) -> int:
    return sum(listed[i] > listed[j] for i in range(len(listed)) for j in range(i + 1, len(listed)))


def _subsets(legs: int) -> Iterator[int]:
    """Yield every subset of some legs, the empty one and all included."""
    part = legs
    while True:
        yield part
        if not part:
            return
        part = (part - 1) & legs
