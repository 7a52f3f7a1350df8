"""What a decay file of EvtGen says, worked out once for a process: blocks, aliases, models.

A plan holds no numbers of a sample. Everything that can be checked without them is checked here:
the parent, spins, charges, names, conjugates.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mcbook.cards.evtgen_models import Daughter, DecayModel, choose
from mcbook.cards.evtgen_names import DEFAULT_ALIASES, check_name, check_new_particles, known_name
from mcbook.errors import InputError
from mcbook.registry.chain import Node
from mcbook.registry.model import Particle, Process, SignalModel

PARENT = "Upsilon(4S)"

DELTA_M_D = 0.5069e12
"""Frequency of B0 mixing [1/s]: (0.5069 +- 0.0019)/ps, PDG 2024, Phys. Rev. D 110, 030001."""

SIGNAL_ALIASES: Mapping[str, str] = {
    "B+": "B+sig",
    "B-": "B-sig",
    "B0": "B0sig",
    "anti-B0": "anti-B0sig",
}
"""Aliases for signal decays; Belle II's default decay table declares these."""

Number = TypeVar("Number")


@dataclass(frozen=True, slots=True)
class Line:
    """One decay: names as in the file and as in the registry, in the order of the decay model.

    `channel` is the channel whose fraction it takes; None if every event decays so.
    """

    daughters: tuple[str, ...]
    particles: tuple[str, ...]
    decay_model: DecayModel
    channel: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """One Decay block with the alias that it belongs to.

    `conjugate` is the alias of the antiparticle, the same for a particle that is its own. `channel`
    names the channel that the block is for, None if it is for all.
    """

    alias: str
    conjugate: str
    particle: str
    lines: tuple[Line, ...]
    channel: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A decay file without its numbers; `blocks` start with the signal B, mothers first."""

    blocks: tuple[Block, ...]
    new_particles: tuple[Particle, ...]
    channels: tuple[str, ...]
    signal: tuple[str, str]

    def gaps(
        self, low: Mapping[str, Number], high: Mapping[str, Number]
    ) -> Iterator[tuple[Block, Line, Number]]:
        """Yield each decay with mother mass minus daughter masses [GeV].

        Parameters
        ----------
        low, high
            Smallest and largest mass of each particle that is generated, numbers or arrays, keyed
            by registry name.
        """
        for block in self.blocks:
            for line in block.lines:
                gap = low[block.particle]
                for name in line.particles:
                    gap = gap - high[name]  # type: ignore[operator]
                yield block, line, gap

    def only(self, channels: Iterable[str]) -> "Plan":
        """Return the plan with the open *channels* only."""
        kept = {None, *channels}
        blocks = [
            replace(block, lines=tuple(line for line in block.lines if line.channel in kept))
            for block in self.blocks
            if block.channel in kept
        ]
        return replace(self, blocks=tuple(blocks))

    def particles(self) -> frozenset[str]:
        """Return the registry names of all particles."""
        names = {block.particle for block in self.blocks}
        return frozenset(names.union(*(line.particles for b in self.blocks for line in b.lines)))

    def decaying(self) -> frozenset[str]:
        """Return the registry names of the particles that have a block."""
        return frozenset(block.particle for block in self.blocks)


def make_plan(model: SignalModel, process: Process) -> Plan:
    """Work out the decay file of a process.

    Raises
    ------
    InputError
        If the process is not one that EvtGen can make: the message names the process and says why.
    """
    try:
        return _Planner(model, process).plan()
    except InputError as error:
        raise InputError(
            f"{model.name}, process {process.name}: {error.message}", hint=error.hint
        ) from None


class _Planner:
    def __init__(self, model: SignalModel, process: Process) -> None:
        self.model = model
        self.process = process
        self.interactions = [model.interactions[name] for name in process.interactions]
        self.blocks: list[Block] = []
        self.splits = 0

    def plan(self) -> Plan:
        roots = {channel.name: self._root(channel.name) for channel in self.process.channels}
        if len({node.particle for node in roots.values()}) != 1:
            raise InputError("the channels begin with different B mesons")
        self._block(roots, channel=None)
        blocks = tuple(reversed(self.blocks))
        signal = blocks[0].alias, blocks[0].conjugate
        plan = Plan(blocks, self._new_particles(), tuple(roots), signal)
        check_new_particles(plan.new_particles)
        self._check_aliases(plan)
        return plan

    def _root(self, channel: str) -> Node:
        """Return the decay of the signal B of one channel as a node."""
        (entry,) = [c for c in self.process.channels if c.name == channel]
        if len(entry.chains) != 1:
            raise InputError(
                f"the channel {channel!r} has {len(entry.chains)} chains",
                hint="EvtGen needs the share of each: make them channels with their fractions",
            )
        (chain,) = entry.chains
        if len(chain.initial) != 1 or chain.initial[0] not in SIGNAL_ALIASES:
            raise InputError(
                f"EvtGen starts from {' or '.join(sorted(SIGNAL_ALIASES))}, "
                f"not from {' '.join(chain.initial)}",
                hint="e+e- collisions are the work of MadGraph: generator: madgraph",
            )
        return Node(chain.initial[0], chain.final)

    def _block(self, nodes: Mapping[str, Node], channel: str | None) -> str:
        """Plan the decay at one place of the chain; return what the file calls the particle.

        Parameters
        ----------
        nodes
            What stands at this place, by channel: always the same particle.
        channel
            The only channel that comes here, None for all.
        """
        name = next(iter(nodes.values())).particle
        ways = {key: tuple(d.particle for d in node.daughters) for key, node in nodes.items()}
        if not any(ways.values()):
            return self._particle(name).called(name, "evtgen")
        if not all(ways.values()):
            raise InputError(f"{name} decays in one channel and leaves undecayed in another")
        if len(set(ways.values())) == 1:
            lines = [self._line(name, nodes, channel)]
        else:
            lines = [self._line(name, {key: node}, key) for key, node in nodes.items()]
            self._count_split(ways)
        return self._add(name, tuple(lines), channel)

    def _count_split(self, ways: Mapping[str, tuple[str, ...]]) -> None:
        self.splits += 1
        if self.splits > 1 or len({tuple(sorted(way)) for way in ways.values()}) != len(ways):
            raise InputError(
                "the channels differ in more than one decay",
                hint="EvtGen decays each particle by itself: generate one channel at a time",
            )

    def _line(self, mother: str, nodes: Mapping[str, Node], channel: str | None) -> Line:
        first = next(iter(nodes.values()))
        daughters = [
            Daughter(entry.particle, self._particle(entry.particle), bool(entry.daughters))
            for entry in first.daughters
        ]
        self._check_charge(mother, [daughter.name for daughter in daughters])
        decay_model = choose(self._particle(mother), daughters, self.interactions)
        names = [
            self._block({key: node.daughters[i] for key, node in nodes.items()}, channel)
            for i in range(len(daughters))
        ]
        return Line(
            tuple(names[i] for i in decay_model.order),
            tuple(daughters[i].name for i in decay_model.order),
            decay_model,
            channel,
        )

    def _add(self, name: str, lines: tuple[Line, ...], channel: str | None) -> str:
        """Add a block, or find the one that says the same; return its alias."""
        for block in self.blocks:
            if (block.particle, block.lines, block.channel) == (name, lines, channel):
                return block.alias
        particle = self._particle(name)
        self._check_conjugates(name, lines)
        if name in SIGNAL_ALIASES:
            alias, conjugate = SIGNAL_ALIASES[name], SIGNAL_ALIASES[self._conjugate(name)]
        else:
            same = sum(self._particle(block.particle) is particle for block in self.blocks)
            mark = f"_{same + 1}" if same else ""
            alias = f"My{particle.called(name, 'evtgen')}{mark}"
            conjugate = f"My{particle.called(self._conjugate(name), 'evtgen')}{mark}"
        self.blocks.append(Block(alias, conjugate, name, lines, channel))
        return alias

    def _particle(self, name: str) -> Particle:
        return self.model.particles[name]

    def _conjugate(self, name: str) -> str:
        particle = self._particle(name)
        if particle.anti is None:
            return name
        return particle.anti if name == particle.name else particle.name

    def _check_charge(self, mother: str, daughters: Sequence[str]) -> None:
        charge = sum(self._particle(name).charge_of(name) for name in daughters)
        if charge != self._particle(mother).charge_of(mother):
            raise InputError(f"{mother} -> {' '.join(daughters)} does not conserve charge")

    def _check_conjugates(self, name: str, lines: Sequence[Line]) -> None:
        """Check that a particle that is its own antiparticle decays to conjugate states alike."""
        if self._particle(name).anti is not None:
            return
        ways = {tuple(sorted(line.particles)) for line in lines}
        for way in ways:
            if tuple(sorted(map(self._conjugate, way))) not in ways:
                raise InputError(
                    f"{name} is its own antiparticle and decays to {' '.join(way)}, "
                    "but not to the conjugate state",
                    hint="give both as channels",
                )

    def _new_particles(self) -> tuple[Particle, ...]:
        found = {
            particle.name: particle
            for particle in map(self._particle, sorted(self.process.particle_names()))
            if not particle.is_standard_model
        }
        return tuple(found.values())

    def _check_aliases(self, plan: Plan) -> None:
        own = {particle.called(name, "evtgen") for particle in plan.new_particles
               for name in (particle.name, particle.anti) if name is not None}  # fmt: skip
        names = self.process.particle_names()
        for name in sorted(names):
            called = self._particle(name).called(name, "evtgen")
            if called not in own and not known_name(called):
                raise InputError(
                    f"EvtGen has no particle {called!r} (for {name})",
                    hint=f"say what EvtGen calls it: names: {{evtgen: ...}} for {name}",
                )
        for block in plan.blocks[1:]:
            for alias in (block.alias, block.conjugate):
                check_name(alias, owner=block.particle)
                if alias in own or alias in DEFAULT_ALIASES or known_name(alias):
                    raise InputError(f"the alias {alias!r} is the name of another particle")
