"""The cards of an EvtGen sample: what the templates of the decay file and the table are given.

Numbers come in through `Values`; the structure of the file is a `Plan`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, isnan, nan
from typing import Any

from mcbook import units
from mcbook.cards.engine import number
from mcbook.cards.evtgen_check import NARROW, displaced
from mcbook.cards.evtgen_models import higgs_pair_arguments
from mcbook.cards.evtgen_plan import DELTA_M_D, PARENT, SIGNAL_ALIASES, Block, Line, Plan
from mcbook.registry.model import Particle, Process, SignalModel

MM_PER_CM = 10.0

_WINDOW_IN_WIDTHS = 15.0
_BROAD: Mapping[str, float] = {"K*0": 0.0473}
"""Widths [GeV] of resonances whose line shape a heavy partner cuts; PDG 2024."""


@dataclass(frozen=True, slots=True)
class Header:
    """What all samples of a process say at the top of their decay file."""

    event_type: str
    descriptor: str
    nickname: str
    documentation: str


@dataclass(frozen=True, slots=True)
class Values:
    """The numbers of one sample: masses by registry name [GeV], fractions of the open channels.

    `derived` and `parameters` are the sample's; `fractions` add up to one.
    """

    id: str
    masses: Mapping[str, float]
    fractions: Mapping[str, float]
    parameters: Mapping[str, float]
    derived: Mapping[str, float]


def decay_file(
    model: SignalModel, process: Process, plan: Plan, settings: Mapping[str, Any], values: Values
) -> dict[str, Any]:
    """Return what the template of the decay file needs, but for its header.

    Parameters
    ----------
    model, process
        The registry entry.
    plan
        The decay file with the open channels only.
    settings
        Settings of the generator: ``aliases``, ``lifetime``, ``signal_b``.
    values
        The numbers of the sample.
    """
    declared = plan.blocks[1:] if settings["aliases"] == "belle2" else plan.blocks
    return {
        "notes": list(notes(model, process, plan, settings, values)),
        "aliases": [pair for block in declared for pair in _aliases(model, block)],
        "conjugates": [(block.alias, block.conjugate) for block in declared],
        "parent": PARENT,
        "production": _production(plan, settings["signal_b"]),
        "blocks": [
            {
                "name": block.alias,
                "conjugate": block.conjugate if block.conjugate != block.alias else None,
                "lines": [_decay_line(block, line, values) for line in block.lines],
            }
            for block in plan.blocks
        ],
    }


def table(
    plan: Plan, lifetime: str, masses: Mapping[str, float], derived: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return the new particles as the particle table and basf2 need them.

    Masses and widths in GeV, ``ctau`` in mm: zero unless *lifetime* is ``generator``. A state that
    EvtGen does not smear gets no width.
    """
    decaying = {particle.name for particle in displaced(plan)}
    rows = []
    for particle in plan.new_particles:
        width = derived[particle.width] if particle.width else 0.0
        width = width if width >= NARROW else 0.0
        ctau = 0.0
        if lifetime == "generator" and particle.ctau is not None and particle.name in decaying:
            ctau = derived[particle.ctau]
        rows += [
            {
                "name": particle.called(name, "evtgen"),
                "pdg_id": particle.id_of(name),
                "mass": number(masses[particle.name]),
                "width": number(width),
                "max_dm": number(_WINDOW_IN_WIDTHS * width),
                "charge": particle.charge_of(name),
                "spin": particle.spin,
                "ctau": number(ctau),
            }
            for name in (particle.name, particle.anti)
            if name is not None
        ]
    return rows


def _aliases(model: SignalModel, block: Block) -> list[tuple[str, str]]:
    """Return alias and name of a block's particle, and of its antiparticle if there is one."""
    particle = model.particles[block.particle]
    pairs = [(block.alias, particle.called(block.particle, "evtgen"))]
    if block.conjugate != block.alias:
        anti = particle.anti if block.particle == particle.name else particle.name
        pairs.append((block.conjugate, particle.called(str(anti), "evtgen")))
    return pairs


def _production(plan: Plan, signal_b: str) -> list[str]:
    """Return the lines below ``Decay Upsilon(4S)``.

    B0 mesons mix coherently (VSS_BMIX); with four names exactly one of the two decays as signal.
    """
    plain = {alias: name for name, alias in SIGNAL_ALIASES.items()}
    first, second = plan.signal
    if plain[first] in {"B0", "anti-B0"}:
        generic = f" {plain[first]} {plain[second]}" if signal_b == "one" else ""
        return [f"1.0  {first} {second}{generic}  VSS_BMIX {number(DELTA_M_D)};"]
    if signal_b == "both":
        return [f"1.0  {first} {second}  VSS;"]
    return [f"0.5  {first} {plain[second]}  VSS;", f"0.5  {second} {plain[first]}  VSS;"]


def _decay_line(block: Block, line: Line, values: Values) -> str:
    fraction = 1.0 if line.channel is None else values.fractions[line.channel]
    model = line.decay_model
    arguments = model.arguments
    if model.higgs_pair:
        masses = values.masses
        arguments = higgs_pair_arguments(masses[block.particle], masses[line.particles[0]])
    text = " ".join([model.name, *map(number, arguments)])
    return f"{_plain(fraction)}  {' '.join(line.daughters)}  {text};"


def _plain(fraction: float) -> str:
    """Return a number without an exponent: EvtGen stops at a letter in a branching fraction."""
    return format(Decimal(number(fraction)), "f")


def notes(
    model: SignalModel, process: Process, plan: Plan, settings: Mapping[str, Any], values: Values
) -> Iterator[str]:
    """Yield the comment lines of a decay file."""
    yield f"mcbook sample {values.id}"
    yield f"model {model.name}, process {process.name}"
    yield from _parameters(model, process, values.parameters)
    rate = values.derived.get(process.production, nan)
    if isfinite(rate):
        yield f"{process.production} = {number(rate)}, before any decay"
    for particle in plan.new_particles:
        yield from _particle(particle, plan, settings["lifetime"], values)
    if settings["signal_b"] == "one":
        yield "exactly one B of each event decays as signal; in data either may: a factor of two"
    else:
        yield "both B mesons of each event decay as signal"
    yield from _channels(process, plan, values)
    yield from _line_shapes(plan, values.masses)


def _parameters(
    model: SignalModel, process: Process, parameters: Mapping[str, float]
) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for name, value in parameters.items():
        if isnan(value):  # an optional parameter that is absent
            continue
        role = process.roles.get(name, frozenset())
        label = " and ".join(sorted(role, reverse=True)) or "no effect here"
        unit = model.parameters[name].unit
        text = f"{name} = {number(value)}" + ("" if unit == "1" else f" {unit}")
        groups.setdefault(label, []).append(text)
    for label in sorted(groups, reverse=True):
        yield f"{label}: {', '.join(groups[label])}"


def _channels(process: Process, plan: Plan, values: Values) -> Iterator[str]:
    if "/" in process.name or not process.channel_names:
        return
    shares = values.fractions or dict.fromkeys(plan.channels, 1.0)
    listed = ", ".join(f"{name} {number(share)}" for name, share in shares.items())
    yield f"channels, as shares of the open ones at the parameters above: {listed}"
    closed = [name for name in process.channel_names if name not in shares]
    if closed:
        yield f"channels left out, closed or without a known fraction: {', '.join(closed)}"


def _particle(particle: Particle, plan: Plan, lifetime: str, values: Values) -> Iterator[str]:
    called = particle.called(particle.name, "evtgen")
    mass = number(values.masses[particle.name])
    yield f"{called}: PDG id {particle.pdg_id}, mass {mass} GeV (see the .pdl)"
    if particle not in displaced(plan):
        yield f"{called} leaves undecayed"
        return
    if particle.ctau is None:
        return
    ctau = values.derived[particle.ctau]
    if ctau > 0 and isfinite(ctau):
        yield (
            f"{called}: at the parameters above ctau = {number(ctau)} mm = "
            f"{number(ctau / MM_PER_CM)} cm, width {number(units.HBARC_GEV_MM / ctau)} GeV"
        )
    if lifetime == "generator":
        yield f"{called} is displaced by: the particle table alone"
    else:
        yield (
            f"{called} is displaced by: GeneratedVertexDisplacer in the simulation alone, "
            "exponential; ctau 0 in the table"
        )
        yield f"{called}: points that share this sample have their own ctau, in the catalog"


def _line_shapes(plan: Plan, masses: Mapping[str, float]) -> Iterator[str]:
    for block in plan.blocks:
        for line in block.lines:
            for name in line.particles:
                pole, width = masses[name], _BROAD.get(name.removeprefix("anti-"), 0.0)
                left = masses[block.particle] - sum(masses[p] for p in line.particles) + pole
                if width and left < pole + _WINDOW_IN_WIDTHS * width:
                    yield f"the line shape of {name} ends at {number(left)} GeV, for want of energy"
