"""EvtGen: decay files and particle tables for B mesons from the Upsilon(4S).

A sample has two cards, ``<id>.dec`` and the additions to the particle table ``<id>.pdl``; a part
has what runs them once. Whatever EvtGen does not police (thresholds, fractions, spins, names) is
checked before a card is written.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from mcbook.cards import engine, evtgen_check
from mcbook.cards.evtgen import Header, Values, decay_file, table
from mcbook.cards.evtgen_plan import PARENT, Plan, make_plan
from mcbook.cards.evtgen_type import descriptor, event_type, nickname
from mcbook.errors import InputError, did_you_mean
from mcbook.generators import _evtgen_detector, _evtgen_events
from mcbook.generators.base import (
    Columns,
    PartInput,
    Program,
    ReadBack,
    Rejection,
    SampleInput,
    Settings,
    Stated,
    setting_number,
)
from mcbook.generators.detector import ForDetector
from mcbook.registry.derive import ALPHA, Deriver
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.settings import checked_setting

NAME = "evtgen"

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "lifetime": ("displacer", "generator"),
    "aliases": ("belle2", "standalone"),
    "signal_b": ("one", "both"),
}
_DEFAULTS: Settings = {
    "lifetime": "displacer",
    "aliases": "belle2",
    "signal_b": "one",
    "event_type": None,
    "alpha": ALPHA,
}


class EvtGen:
    """The generator of B meson decays."""

    name = NAME
    tier = "evtgen"
    optimism = 1.0
    seed_range = (1, 2_147_483_647)

    def settings(self, model: SignalModel, process: Process, given: Mapping[str, Any]) -> Settings:
        """Return the complete settings; see `mcbook.generators.base.Generator`.

        ``lifetime``: ``displacer`` (prompt here) or ``generator`` (in the particle table).
        ``aliases``: ``belle2`` where Belle II's default table declares the signal aliases,
        ``standalone`` where the card must. ``signal_b``: ``one`` signal B per event, or ``both``.
        ``event_type``: ten characters, derived where None. ``alpha``: for widths and fractions.

        Raises
        ------
        InputError
            If a key or a value is unknown, or the event type does not fit the decays.
        """
        for key in given:
            if key not in _DEFAULTS:
                raise InputError(
                    f"generator: evtgen has no setting {key!r}", hint=did_you_mean(key, _DEFAULTS)
                )
        settings = {**_DEFAULTS, **{k: v for k, v in given.items() if v is not None}}
        for key, choices in _CHOICES.items():
            if settings[key] not in choices:
                raise InputError(
                    f"generator: {key}: {settings[key]!r} is not one of {', '.join(choices)}",
                    hint=did_you_mean(str(settings[key]), choices),
                )
        settings["alpha"] = _alpha(settings["alpha"])
        if settings["event_type"] is not None:
            settings["event_type"] = event_type(model, process, str(settings["event_type"]))
        return settings

    def setting_names(self) -> frozenset[str]:
        """Return the keys of `settings`."""
        return frozenset(_DEFAULTS)

    def reached(self, model: SignalModel, process: Process, settings: Settings) -> frozenset[str]:
        """Return the derived quantities that shape the events.

        The fractions where a process has several channels, and the lifetimes if the table has them.
        A width counts only above 1e-4 GeV, where the couplings in it are in the id already.
        """
        plan = make_plan(model, process)
        expressions = [channel.fraction for channel in process.channels if channel.fraction]
        names = {name for entry in expressions for name in entry.names if len(plan.channels) > 1}
        if settings["lifetime"] == "generator":
            names |= {p.ctau for p in evtgen_check.displaced(plan) if p.ctau is not None}
        return frozenset(names & set(model.derived))

    def campaign(
        self, model: SignalModel, process: Process, settings: Settings
    ) -> "EvtGenCampaign":
        """Return what renders samples of *process*.

        Raises
        ------
        InputError
            If EvtGen cannot make the process: a parent that it has not, a decay without a decay
            model, a name or a PDG id that is taken, charge that is not conserved.
        """
        return EvtGenCampaign(model, process, settings)

    def recognises(self, head: bytes) -> bool:
        """Return whether a file begins as the events of EvtGen do: lines of JSON, or ROOT."""
        return _evtgen_events.is_evtgen(head)

    def read_back(self, path: str) -> ReadBack:
        """Read the events of a stand-alone EvtGen, or what basf2 left of a part, to their end."""
        return _evtgen_events.read_events(path)

    def programs(self) -> list[Program]:
        """Return basf2 and the stand-alone program."""
        return [_basf2(), _standalone()]

    def explain(self, log: str) -> str:
        """Return the last line that speaks of an error, else the last one."""
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        telling = [line for line in lines if "ERROR" in line.upper()]
        return (telling or lines or [""])[-1]


def _basf2() -> Program:
    found = shutil.which("basf2")
    return Program(
        name="basf2",
        variable="",
        path=Path(found) if found else None,
        version=os.environ.get("BELLE2_RELEASE"),
        wanted="set up a release of basf2",
    )


def _standalone() -> Program:
    """Return the first word of what ``MCBOOK_EVTGEN`` says."""
    words = shlex.split(os.environ.get("MCBOOK_EVTGEN", ""))
    found = shutil.which(words[0]) if words else None
    return Program(
        name="EvtGen",
        variable="MCBOOK_EVTGEN",
        path=Path(found) if found else None,
        version=None,
        wanted="name a program that runs EvtGen with MCBOOK_EVTGEN",
    )


def _alpha(given: object) -> float:
    """Return the fine-structure constant, given as a number or as text such as ``1/137.036``."""
    try:
        return checked_setting("alpha", setting_number(given), given)
    except InputError as error:
        raise InputError(f"generator: alpha: {error.message}", hint=error.hint) from None


class EvtGenCampaign:
    """One process with one set of settings."""

    def __init__(self, model: SignalModel, process: Process, settings: Settings) -> None:
        self.model = model
        self.process = process
        self.settings = settings
        self.plan: Plan = make_plan(model, process)
        self.deriver = Deriver(model, alpha=settings["alpha"])
        self.header = Header(
            event_type=settings["event_type"] or event_type(model, process, None),
            descriptor=descriptor(model, process),
            nickname=nickname(model, process),
            documentation=" ".join(process.title.split()),
        )
        names = ["sample.dec", "sample.pdl", "part.yaml", self._run_name]
        self._engine = {name: engine.template(f"evtgen/{name}.j2") for name in names}

    @cached_property
    def templates(self) -> dict[str, int]:
        """Templates that shape the events, with their versions."""
        return {f"evtgen/{name}.j2": template.version for name, template in self._engine.items()
                if name != "part.yaml"}  # fmt: skip

    @property
    def _run_name(self) -> str:
        return "evtgen.py" if self.settings["aliases"] == "belle2" else "run.sh"

    def shared_files(self) -> dict[str, bytes]:
        """Return nothing: samples share no files."""
        return {}

    def check(self, parameters: Columns, derived: Columns) -> list[Rejection]:
        """Return what EvtGen cannot make: closed decays, thresholds too near, no lifetime."""
        names = sorted(self.plan.particles())
        expressions = [self.model.particles[name].mass for name in names]
        masses = dict(zip(names, self.deriver.evaluate(expressions, parameters), strict=True))
        widths = {p.name: derived[p.width] for p in self.plan.new_particles if p.width}
        weights = self.deriver.evaluate(self._fractions.values(), parameters, derived)
        found = list(
            evtgen_check.kinematics(
                self.plan, masses, widths, dict(zip(self._fractions, weights, strict=True))
            )
        )
        found += evtgen_check.spin_types(self.plan, masses)
        if self.settings["lifetime"] == "generator":
            found += evtgen_check.lifetimes(self.plan, derived)
        return [Rejection(mask, reason) for mask, reason in found if mask.any()]

    def sample_files(self, sample: SampleInput) -> dict[str, bytes]:
        """Return ``<id>.dec`` and ``<id>.pdl``.

        Raises
        ------
        InputError
            If a decay of the sample is closed, which `check` would have said.
        """
        values = self._values(sample)
        plan = self.plan
        if self._fractions:
            plan = self.plan.only(frozenset(values.fractions))
        return {
            f"{sample.id}.dec": self._engine["sample.dec"].render(
                header=self.header,
                **decay_file(self.model, self.process, plan, self.settings, values),
            ),
            f"{sample.id}.pdl": self._engine["sample.pdl"].render(
                id=sample.id, rows=self._table(sample, values.masses)
            ),
        }

    def part_files(self, sample: SampleInput, part: PartInput) -> dict[str, bytes]:
        """Return ``part.yaml`` and what runs it: ``evtgen.py`` for basf2, or ``run.sh``."""
        common = {
            "id": sample.id,
            "number": part.number,
            "events": part.events,
            "seed": part.seed,
            "parent": PARENT,
            "dec": f"{sample.id}/{sample.id}.dec",
            "pdl": f"{sample.id}/{sample.id}.pdl",
            "output": self.outputs(sample.id, part.number)[0],
        }
        files = {"part.yaml": self._engine["part.yaml"].render(**common)}
        if self._run_name == "evtgen.py":
            common |= {
                "rows": self._table(sample, self._masses(sample)),
                "in_table": self.settings["lifetime"] == "generator",
            }
        files[self._run_name] = self._engine[self._run_name].render(**common)
        return files

    def program(self) -> Program:
        """Return the program that runs EvtGen.

        Raises
        ------
        InputError
            If that is basf2, whose ROOT files are not read back.
        """
        if self._run_name == "evtgen.py":
            raise InputError(
                f"{self.process.name} is made by basf2, and its ROOT files cannot be checked here",
                hint="run parts/0001/evtgen.py of a sample with basf2",
            )
        return _standalone()

    def build(self) -> None:
        """Return nothing: there is nothing to compile."""

    def stated(self, sample: SampleInput) -> Stated:  # noqa: ARG002
        """Return the particles that events may have, and the new ones that they must have."""
        return _evtgen_events.stated(self._run_name == "evtgen.py", self.plan.new_particles)

    def command(self, sample_id: str, part: int) -> str:
        """Return the command that runs a part, from the samples folder."""
        program = "basf2" if self._run_name == "evtgen.py" else "sh"
        return f"{program} {sample_id}/parts/{part:04d}/{self._run_name}"

    def server(self) -> None:
        """Return that each part is a command of its own."""

    def outputs(self, sample_id: str, part: int) -> tuple[str, ...]:
        """Return the event file that the command leaves."""
        name = "mcparticles.root" if self._run_name == "evtgen.py" else "events.jsonl"
        return (f"{sample_id}/parts/{part:04d}/{name}",)

    def for_detector(self, sample: SampleInput) -> ForDetector:
        """Return how a sample gets into the detector simulation, which makes its events itself.

        Raises
        ------
        InputError
            If its decay file is not for the EvtGen in basf2.
        """
        rows = table(self.plan, "displacer", self._masses(sample), sample.derived)
        return _evtgen_detector.for_detector(
            self.model, self.process, self.settings, sample.id, rows
        )

    @cached_property
    def _fractions(self) -> dict[str, Expression]:
        """Fractions of the channels; empty where a process has only one."""
        if len(self.process.channels) == 1:
            return {}
        found: dict[str, Expression] = {}
        for channel in self.process.channels:
            if channel.fraction is None:
                raise InputError(
                    f"{self.model.name}, process {self.process.name}: "
                    f"the channel {channel.name!r} has no fraction"
                )
            found[channel.name] = channel.fraction
        return found

    @cached_property
    def _known_masses(self) -> dict[str, float]:
        """Masses [GeV] that are the same for all samples."""
        return {
            name: float(self.model.particles[name].mass.evaluate(self.deriver.fixed))
            for name in self.plan.particles()
            if self.model.particles[name].is_standard_model
        }

    def _masses(self, sample: SampleInput) -> dict[str, float]:
        """Return the masses [GeV] of all particles of one sample."""
        masses = dict(self._known_masses)
        for particle in self.plan.new_particles:
            mass = self._number(particle.mass, sample)
            masses |= {name: mass for name in (particle.name, particle.anti) if name}
        return masses

    def _values(self, sample: SampleInput) -> Values:
        """Return the numbers of one sample."""
        masses = self._masses(sample)
        weights = {name: self._number(entry, sample) for name, entry in self._fractions.items()}
        for block, line, gap in self.plan.gaps(masses, masses):
            channel = block.channel or line.channel
            if channel is None and not gap > evtgen_check.MARGIN:
                raise self._closed(sample, evtgen_check.describe(block, line))
            if not gap > evtgen_check.MARGIN:
                weights.pop(str(channel), None)
        weights = {name: weight for name, weight in weights.items() if weight != 0}
        total = sum(weights.values())
        if self._fractions and not (total > 0 and min(weights.values()) > 0):
            raise self._closed(sample, "every channel")
        shares = {name: weight / total for name, weight in weights.items()}
        return Values(sample.id, masses, shares, sample.parameters, sample.derived)

    def _table(self, sample: SampleInput, masses: Mapping[str, float]) -> list[dict[str, Any]]:
        return table(self.plan, self.settings["lifetime"], masses, sample.derived)

    def _number(self, expression: Expression, sample: SampleInput) -> float:
        """Evaluate an expression for one sample; most are a name, which is looked up."""
        for values in (sample.parameters, sample.derived):
            if expression.text in values:
                return values[expression.text]
        namespace = {**self.deriver.fixed, **sample.parameters, **sample.derived}
        return float(expression.evaluate(namespace))

    def _closed(self, sample: SampleInput, what: str) -> InputError:
        return InputError(f"sample {sample.id}: {what} is closed", hint="`check` names such points")
