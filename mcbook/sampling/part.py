"""Makes the events of one part: from its cards to a file of events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import WorkError
from mcbook.lhe.file import Init, LheWriter, Process
from mcbook.lhe.writer import EventText, Row
from mcbook.registry.chain import Node
from mcbook.sampling.card import Part, Sample
from mcbook.sampling.kinematics import invariant
from mcbook.sampling.sampler import BLOCK, MOST_OVERFLOW, Events, Sampler
from mcbook.sampling.sources import Source, sources
from mcbook.sampling.tree import Tree
from mcbook.units import HBARC_GEV_MM

Array = NDArray[np.float64]

VERSION = "native 1"
"""What the header says; raised when the same card and seed give other events."""

_ATTEMPTS = 6
_RAISED = 1.5
_MOST_EMPTY = 250
_LOOK, _HOPELESS = 16, 10 * MOST_OVERFLOW
"""After so many blocks one looks whether going on is of use."""
_FINAL, _DECAYED, _BEAM = 1, 2, -1


@dataclass(frozen=True, slots=True)
class Made:
    """How a part came out; cross sections in pb."""

    cross_section: float
    error: float
    overflow: float
    efficiency: float


class Maker:
    """Makes parts of one sample; what they have in common is worked out once.

    Parameters
    ----------
    sample
        What its card says.
    method
        ``cascade`` or ``channels``; None takes the first where it applies.

    Raises
    ------
    InputError
        If the process cannot be made here.
    """

    def __init__(self, sample: Sample, method: str | None = None) -> None:
        self.sample = sample
        self.method = method
        self.trees = [Tree(sample.theory, chain) for chain in sample.chains]

    def sampler(self, seed: int) -> Sampler:
        """Return what makes the events of a seed."""
        streams = np.random.SeedSequence(seed).spawn(2)
        search, events = (np.random.Generator(np.random.PCG64(stream)) for stream in streams)
        found: list[Source] = []
        for number, tree in enumerate(self.trees):
            found += sources(number, tree, self.sample.collision, search, self.method)
        return Sampler(found, events)

    def events(self, part: Part) -> tuple[list[list[Events]], Sampler]:
        """Return the events of a part, block by block, and the sampler that made them.

        Where too much of the cross section is above the bounds of weights, everything is made
        again with higher ones.

        Raises
        ------
        WorkError
            If no bound is found.
        """
        factor = 1.0
        for _ in range(_ATTEMPTS):
            sampler = self.sampler(part.seed)
            for source in sampler.sources:
                source.envelope.highest *= factor
            blocks = []
            for block in _first(sampler, part.events):
                blocks.append(block)
                if not len(blocks) % _LOOK and sampler.overflow > _HOPELESS:
                    break
            if sampler.overflow <= MOST_OVERFLOW:
                return blocks, sampler
            factor *= _RAISED
        raise WorkError(
            f"{sampler.overflow:.2g} of the cross section is above the bounds of weights",
            hint="it has a peak that is not found here: look at widths and masses",
        )

    def write(self, part: Part, path: Path) -> Made:
        """Make the events of a part and write them into a file.

        Raises
        ------
        InputError, WorkError
            If they cannot be made; there is no file then.
        """
        blocks, sampler = self.events(part)
        value, error = sampler.cross_section
        made = Made(value, error, sampler.overflow, sampler.efficiency)
        header = "\n".join(self._header(part, made))
        with LheWriter(path, header, self._init(sampler)) as out:
            texts = [_Text(self.sample, number, tree, value) for number, tree in
                     enumerate(self.trees)]  # fmt: skip
            lives = np.random.default_rng([part.seed, 1])
            for block in blocks:
                _put(out, block, texts, lives)
        return made

    def _header(self, part: Part, made: Made) -> Iterator[str]:
        sample = self.sample
        yield "<mcbook>"
        yield f"# events of mcbook's native generator: tree level, {VERSION}"
        said = {
            "id": sample.id, "part": part.number, "seed": part.seed, "events": part.events,
            "process": sample.process, "generator": VERSION,
            "cross_section_pb": f"{made.cross_section:.6e}", "error_pb": f"{made.error:.1e}",
            "efficiency": f"{made.efficiency:.3g}", "overflow": f"{made.overflow:.1e}",
        }  # fmt: skip
        for name, value in said.items():
            yield f"{name} = {value}"
        for chain in sample.chains:
            yield f"chain = {str(chain).replace('>', '&gt;')}"
        yield "</mcbook>"
        yield "<mcbook_settings>"
        for name, value in sample.settings.items():
            yield f"{name} = {value}"
        yield "</mcbook_settings>"
        yield "<mcbook_parameters>"
        for name, value in sample.parameters.items():
            yield f"{name} = {value:.12g}"
        yield "</mcbook_parameters>"

    def _init(self, sampler: Sampler) -> Init:
        tree = self.trees[0]
        beams = tree.beam_momenta(self.sample.collision.sqrt_s)
        names = tree.chain.initial
        first, second = (
            (tree.field(name).id_of(name), float(beam[0, 0]))
            for name, beam in zip(names, beams, strict=True)
        )
        listed = [
            Process(*sampler.cross_section_of(number), number + 1)
            for number in range(len(self.trees))
        ]
        return Init((first, second), listed, strategy=-4)


class _Text:
    """The text of the events of one chain."""

    def __init__(self, sample: Sample, number: int, tree: Tree, weight: float) -> None:
        self.tree = tree
        self.is_alive = sample.lifetime == "generator"
        self.nodes = list(tree.chain.walk())
        self.fields = [tree.field(node.particle) for node in self.nodes]
        self.flying = [
            i for i, field in enumerate(self.fields) if self.is_alive and field.width > 0
        ]
        self.virtual = [i for i, node in enumerate(self.nodes) if node.daughters]
        self.writer = EventText(
            [*self._beams(sample.collision.sqrt_s), *self._rows()],
            process=number + 1,
            weight=weight,
            scale=sample.collision.sqrt_s,
            alpha_qed=sample.alpha,
        )

    def _beams(self, sqrt_s: float) -> Iterator[Row]:
        for name, beam in zip(self.tree.chain.initial, self.tree.beam_momenta(sqrt_s), strict=True):
            field = self.tree.field(name)
            energy, x, y, z = (float(value) for value in beam[:, 0])
            yield Row(field.id_of(name), _BEAM, (0, 0), (x, y, z, energy), field.mass)

    def _rows(self) -> Iterator[Row]:
        above = _mothers(self.tree.chain.final)
        for i, (node, field) in enumerate(zip(self.nodes, self.fields, strict=True)):
            yield Row(
                field.id_of(node.particle),
                _DECAYED if node.daughters else _FINAL,
                above[i],
                mass=None if node.daughters else field.mass,
                flies=i in self.flying,
            )

    def arrays(self, events: Events, lives: np.random.Generator) -> tuple[Array, Array, Array]:
        """Return momenta, masses and lifetimes that vary, as the writer takes them."""
        count = events.momenta[0].shape[1]
        momenta = np.stack(events.momenta)[:, [1, 2, 3, 0]]
        masses = np.sqrt(
            [np.maximum(invariant(events.momenta[i]), 0.0) for i in self.virtual]
        ).reshape(-1, count)
        lengths = np.array([HBARC_GEV_MM / self.fields[i].width for i in self.flying])
        ages = lives.standard_exponential((len(self.flying), count)) * lengths[:, None]
        return momenta, masses, ages


def _mothers(nodes: Sequence[Node]) -> list[tuple[int, int]]:
    """Return the lines of the mothers of each node, in the order of the walk."""
    found: list[tuple[int, int]] = []

    def enter(listed: Sequence[Node], mothers: tuple[int, int]) -> None:
        for node in listed:
            found.append(mothers)
            own = len(found) + 2
            enter(node.daughters, (own, own))

    enter(nodes, (1, 2))
    return found


def _first(sampler: Sampler, count: int) -> Iterator[list[Events]]:
    """Yield blocks until there are so many events; of the last one as many as are missing.

    Raises
    ------
    WorkError
        If none come.
    """
    missing = count
    for number, block in enumerate(sampler.blocks(), start=1):
        there = sum(len(events.places) for events in block)
        if missing == count and not there and number == _MOST_EMPTY:
            raise WorkError(
                f"no event came of {number * BLOCK:,} trials",
                hint="next to nothing is left of the phase space: look at cuts and masses",
            )
        yield block if there <= missing else _cut(block, missing)
        missing -= there
        if missing <= 0:
            return


def _cut(block: list[Events], count: int) -> list[Events]:
    """Return the events at the first places of a block, in their order; sources without any go."""
    found = []
    for events in block:
        order = np.argsort(events.places)
        kept = order[events.places[order] < count]
        if len(kept):
            momenta = [momentum[:, kept] for momentum in events.momenta]
            found.append(Events(events.chain, momenta, events.places[kept]))
    return found


def _put(
    out: LheWriter, block: list[Events], texts: Sequence[_Text], lives: np.random.Generator
) -> None:
    """Write a block of events in their places."""
    if len(block) == 1:
        events = block[0]
        out.add(texts[events.chain].writer, *texts[events.chain].arrays(events, lives))
        return
    rows: list[bytes] = [b""] * sum(len(events.places) for events in block)
    for events in block:
        text = texts[events.chain]
        matrix = text.writer.matrix(*text.arrays(events, lives))
        for place, row in zip(events.places.tolist(), matrix, strict=True):
            rows[place] = row.tobytes()
    out.write(np.frombuffer(b"".join(rows), dtype=np.uint8))
