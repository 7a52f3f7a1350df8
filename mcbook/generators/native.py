"""mcbook's own generator: leading-order events of collisions, with nothing to install.

Cards hold particles, vertices and chains as numbers; `mcbook.sampling` makes events of them alone.
It makes what MadGraph makes of the same interactions: squared amplitudes of all diagrams, all spin
correlations, the same windows around resonances.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook import __version__
from mcbook.amplitudes.theory import Field, Theory
from mcbook.cards import engine
from mcbook.errors import InputError, did_you_mean
from mcbook.generators import _collision as collision
from mcbook.generators import _lhe_detector, _native_lhe, _native_ufo
from mcbook.generators._card_parameters import card_parameters, foreign_settings
from mcbook.generators.base import (
    Columns,
    PartInput,
    Program,
    ReadBack,
    Rejection,
    SampleInput,
    Settings,
    Stated,
)
from mcbook.generators.detector import ForDetector, number
from mcbook.registry.derive import Deriver
from mcbook.registry.model import Interaction, Particle, Process, SignalModel
from mcbook.sampling.tree import Tree
from mcbook.ufo import writer
from mcbook.ufo.content import STRUCTURES, phase_of

NAME = "native"
NAMES = frozenset({"alpha", "isr", "lifetime", "names", "sqrt_s", "ufo"})
CUTS = ("gamma_cos_theta_max", "gamma_e_min")
ISR = ("none",)
TEMPLATES = ("sample.yaml", "part.yaml")
DIGITS = 9
"""Significant digits to which parameters of an output agree with those of its sample."""

_COLOURED = frozenset({*range(1, 7), 21})
_OUTPUT = "events.lhe.gz"


class Native:
    """The generator that comes with mcbook; see `mcbook.generators.base.Generator`."""

    name = NAME
    tier = "lhe"
    optimism = 1.0
    seed_range = (1, 2_147_483_647)

    def setting_names(self) -> frozenset[str]:
        """Return the keys that it understands in ``generator:`` of a grid."""
        return NAMES

    def settings(self, model: SignalModel, process: Process, given: Mapping[str, Any]) -> Settings:
        """Return the complete settings.

        Raises
        ------
        InputError
            If a value is not one, or the process cannot be made: it has ISR, colour, no diagram,
            several Majorana lines, or is the decay of a single particle.
        """
        for name in given:
            if name not in NAMES:
                raise InputError(
                    f"generator.{name} is no setting of {NAME}", hint=did_you_mean(name, NAMES)
                )
        if given.get("isr", ISR[0]) not in ISR:
            raise InputError(
                f"generator.isr is {given['isr']!r}, and {NAME} has no initial-state radiation",
                hint="isr: none, or MadGraph",
            )
        ufo = collision.given_ufo(given)
        if ufo is None:
            collision.check_names(given)
            _check(model, process)
            content = collision.slice_content(model, process)
            own: Settings = {"ufo": {"digest": writer.physics_digest(content)}}
        else:
            names = foreign_settings(model, process, ufo, given.get("names") or {})
            physics = _native_ufo.physics(model, process, ufo, names)
            own = {"names": names, "ufo": {**collision.package_settings(ufo), "physics": physics}}
        return {**collision.common(model, process, given, CUTS), "isr": ISR[0], **own}

    def reached(self, model: SignalModel, process: Process, settings: Settings) -> frozenset[str]:
        """Return the widths and effective couplings in the cards."""
        return frozenset(card_parameters(model, process, settings).sources("computed"))

    def campaign(
        self, model: SignalModel, process: Process, settings: Settings
    ) -> "NativeCampaign":
        """Return the campaign that renders samples of *process*."""
        return NativeCampaign(model, process, settings)

    def recognises(self, head: bytes) -> bool:
        """Return whether a file begins as its LHE files do, plain or gzipped."""
        return _native_lhe.is_native(head)

    def read_back(self, path: str) -> ReadBack:
        """Read an LHE file, plain or gzipped, to its end."""
        return _native_lhe.read_lhe(path)

    def programs(self) -> list[Program]:
        """Return Python, which runs mcbook."""
        return [_program()]

    def explain(self, log: str) -> str:
        """Return the line of a log that says best why no events came."""
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error: ")]
        return (errors or lines or [""])[-1].removeprefix("error: ")


class NativeCampaign:
    """One process with one set of settings; see `mcbook.generators.base.Campaign`."""

    def __init__(self, model: SignalModel, process: Process, settings: Settings) -> None:
        self.model = model
        self.process = process
        self.settings = settings
        self._cards = {name: engine.template(f"{NAME}/{name}.j2") for name in TEMPLATES}
        self.templates: Mapping[str, int] = {
            f"{NAME}/{name}": card.version for name, card in self._cards.items()
        }
        self.parameters = card_parameters(model, process, settings)
        self.deriver = Deriver(model, alpha=settings["alpha"], sqrt_s=settings["sqrt_s"])
        self.particles = _particles(model, process)
        self.interactions = [model.interactions[name] for name in process.interactions]

    def shared_files(self) -> dict[str, bytes]:
        """Return nothing: the card of a sample says everything."""
        return {}

    def check(self, parameters: Columns, derived: Columns) -> list[Rejection]:
        """Return points without a usable width or coupling."""
        return collision.rejections(
            self.model,
            self.process,
            self.settings,
            (self.parameters.sources("parameter"), self.parameters.sources("computed")),
            (parameters, derived),
        )

    def sample_files(self, sample: SampleInput) -> dict[str, bytes]:
        """Return the card of a sample: parameters, particles, vertices as numbers."""
        card = self._cards["sample.yaml"].render(
            id=sample.id,
            process=f"{self.model.name} {self.process.name}",
            remarks=[self.process.title, *collision.tau_remark(self.settings)],
            chains=[str(chain) for chain in self.process.chains()],
            settings=list(self._settings().items()),
            parameters=list(self.parameters.values(sample).items()),
            **self._physics(sample),
        )
        return {"sample.yaml": card}

    def part_files(self, sample: SampleInput, part: PartInput) -> dict[str, bytes]:
        """Return the card of a part: events and seed."""
        card = self._cards["part.yaml"].render(
            id=sample.id, number=part.number, events=part.events, seed=part.seed
        )
        return {"part.yaml": card}

    def program(self) -> Program:
        """Return Python, which runs mcbook."""
        return _program()

    def build(self) -> None:
        """Return nothing: there is nothing to compile."""

    def server(self) -> str:
        """Return what makes one part after the other."""
        return f"{_python()} --serve"

    def stated(self, sample: SampleInput) -> Stated:
        """Return the parameters, beams, settings and particles of an output."""
        particles = self.model.particles
        is_ours = "names" not in self.settings  # else the package has ids of its own
        ids = [particles[name].id_of(name) for name in particles] if is_ours else []
        return Stated(
            parameters=self.parameters.values(sample),
            digits=DIGITS,
            beams=self._beams(sample),
            particles=frozenset(ids),
            settings={name: str(value) for name, value in self._settings().items()},
            finals=collision.particle_ids(self.model, self.process) if is_ours else (),
            has_rate=True,
        )

    def for_detector(self, sample: SampleInput) -> ForDetector:
        """Return how a sample gets into the detector simulation: by its LHE files."""
        return _lhe_detector.for_detector(self.model, self.process, self.settings, sample)

    def command(self, sample_id: str, part: int) -> str:
        """Return the one shell command that runs a part by hand, from the samples folder."""
        return f"{_python()} {sample_id} {part}"

    def outputs(self, sample_id: str, part: int) -> tuple[str, ...]:
        """Return the LHE file of a part, relative to the samples folder."""
        return (f"{sample_id}/parts/{part:04d}/{_OUTPUT}",)

    def _settings(self) -> dict[str, Any]:
        """Return the settings as cards and headers have them."""
        found = {
            name: engine.number(self.settings[name]) for name in ("sqrt_s", "alpha", "bwcutoff")
        }
        found["lifetime"] = self.settings["lifetime"]
        cuts = sorted(self.settings["cuts"].items())
        return found | {f"cut_{name}": engine.number(value) for name, value in cuts}

    def _beams(self, sample: SampleInput) -> tuple[tuple[int, float], ...]:
        """Return PDG id and energy [GeV] of both beams, which may differ in mass."""
        names = next(self.process.chains()).initial
        particles = [self.model.particles[name] for name in names]
        first, second = (self._number(particle.mass, sample) for particle in particles)
        sqrt_s = self.settings["sqrt_s"]
        shift = (first**2 - second**2) / (2 * sqrt_s)
        return tuple(
            (particle.id_of(name), sqrt_s / 2 + sign * shift)
            for name, particle, sign in zip(names, particles, (1, -1), strict=True)
        )

    def _physics(self, sample: SampleInput) -> dict[str, Any]:
        """Return particles and interactions of a sample as numbers."""
        if "names" not in self.settings:
            return {
                "particles": [self._particle(particle, sample) for particle in self.particles],
                "interactions": [self._interaction(entry, sample) for entry in self.interactions],
            }
        said = self.parameters.values(sample)
        externals = {name: said[name.lower()] for name, *_ in self.settings["ufo"]["externals"]}
        fields, vertices = _native_ufo.numbers(self.settings["ufo"]["physics"], externals)
        return {
            "particles": [
                {"name": f.name, "anti": f.anti, "id": f.pdg_id, "spin": f.spin, "mass": f.mass,
                 "width": f.width}
                for f in fields
            ],
            "interactions": [
                {"name": name, "particles": particles, "structure": structure, "real": value.real,
                 "imaginary": value.imag}
                for name, particles, structure, value in vertices
            ],
        }  # fmt: skip

    def _number(self, entry: Any, sample: SampleInput) -> float:
        return number(entry, sample.parameters, {**self.deriver.fixed, **sample.derived})

    def _particle(self, particle: Particle, sample: SampleInput) -> dict[str, Any]:
        return {
            "name": particle.name,
            "anti": particle.anti or particle.name,
            "id": particle.pdg_id,
            "spin": round(2 * particle.spin) + 1,
            "mass": self._number(particle.mass, sample),
            "width": sample.derived[particle.width] if particle.width else 0.0,
        }

    def _interaction(self, entry: Interaction, sample: SampleInput) -> dict[str, Any]:
        phase = {1: 1j, 2: -1.0, 3: -1j}[phase_of(entry)]
        value = phase * self._number(entry.coupling, sample) + 0.0  # no -0
        return {
            "name": entry.name,
            "particles": entry.particles,
            "structure": STRUCTURES[entry.lorentz][1],
            "real": value.real,
            "imaginary": value.imag,
        }


def _python() -> str:
    return '"${MCBOOK_PYTHON:-python3}" -m mcbook.sampling'


def _program() -> Program:
    return Program(
        name="mcbook",
        variable="",
        path=Path(sys.executable),
        version=__version__,
        wanted="it comes with mcbook",
    )


def _particles(model: SignalModel, process: Process) -> list[Particle]:
    """Return the particles of chains and vertices, each once."""
    names = set(process.particle_names())
    names.update(n for key in process.interactions for n in model.interactions[key].particles)
    found = {model.particles[name].name: model.particles[name] for name in names}
    return sorted(found.values(), key=lambda particle: particle.pdg_id)


def _check(model: SignalModel, process: Process) -> None:
    """Refuse a process that has no amplitude here, or a resonance without a width."""
    particles = _particles(model, process)
    for particle in particles:
        if abs(particle.pdg_id) in _COLOURED:
            raise InputError(
                f"{process.name} has {particle.name}, which has colour",
                hint="particles without colour can be made here; use MadGraph",
            )
    theory = Theory(
        [
            Field(
                p.name, p.anti or p.name, p.pdg_id, round(2 * p.spin) + 1,
                0.0 if _is_massless(p) else 1.0, 1.0,
            )
            for p in particles
        ],
        [
            (name, entry.particles, STRUCTURES[entry.lorentz][1], 1j)
            for name in process.interactions
            for entry in [model.interactions[name]]
        ],
    )  # fmt: skip
    for chain in process.chains():
        Tree(theory, chain)
    for node in dict.fromkeys(node for chain in process.chains() for node in chain.decays()):
        if model.particles[node.particle].width is None:
            raise InputError(
                f"{model.path}: {node.particle} decays in {process.name}, and has no width",
                hint="give the particle a width: the name of a derived quantity in GeV",
            )


def _is_massless(particle: Particle) -> bool:
    return not particle.mass.names and float(particle.mass.evaluate({})) == 0
