"""MadGraph5_aMC@NLO 3.5.7: process definitions, launch cards, and what its LHE files say.

Every sample of a process uses one compiled folder: ``output`` runs once, each part is one launch.
MadGraph writes into the UFO package that it loads, so it works on a copy beside that folder, and it
exits with 0 whatever happens: whether a part went well is read from its LHE file.
"""

import hashlib
import shlex
from collections.abc import Mapping
from typing import Any

from mcbook.cards import engine
from mcbook.cards.madgraph import process_line
from mcbook.errors import WorkError
from mcbook.generators import _collision as collision
from mcbook.generators import _lhe_detector, _madgraph_program
from mcbook.generators import _madgraph_settings as card_settings
from mcbook.generators._card_parameters import card_parameters
from mcbook.generators._madgraph_lhe import read_lhe
from mcbook.generators.base import (
    Build,
    Campaign,
    Columns,
    PartInput,
    Program,
    ReadBack,
    Rejection,
    SampleInput,
    Settings,
    Stated,
)
from mcbook.generators.detector import ForDetector
from mcbook.lhe.reader import OWN_MARK, start
from mcbook.registry.model import Process, SignalModel
from mcbook.ufo import writer
from mcbook.ufo.foreign import ForeignUfo

TEMPLATES = ("launch.mg5", "output.mg5", "parameters.mg5", "run.mg5", "settings.mg5")

DIGITS = 7
"""Significant digits of the numbers in cards and banners that MadGraph writes."""

SMALL_WIDTH = 1e-6
"""Width over mass below which MadGraph samples a resonance wider and scales the result back."""


class MadGraph:
    """The generator of production processes; see `mcbook.generators.base.Generator`."""

    name = "madgraph"
    tier = "lhe"
    optimism = 2.0
    seed_range = (1, 900_000_000)
    """MadGraph takes seeds up to 30081^2 and counts upwards from the given one within a run."""

    def __init__(self) -> None:
        self._foreign: dict[str, ForeignUfo] = {}

    def setting_names(self) -> frozenset[str]:
        """Return the keys that it understands in ``generator:`` of a grid."""
        return card_settings.NAMES

    def settings(self, model: SignalModel, process: Process, given: Mapping[str, Any]) -> Settings:
        """Return the complete settings; those of a user's UFO package hold its parameters."""
        ufo = collision.given_ufo(given)
        settings = card_settings.complete(model, process, given, ufo)
        if ufo is not None:
            self._foreign[settings["ufo"]["digest"]] = ufo
        return settings

    def reached(self, model: SignalModel, process: Process, settings: Settings) -> frozenset[str]:
        """Return the widths and effective couplings that launch cards set."""
        return frozenset(card_parameters(model, process, settings).sources("computed"))

    def campaign(self, model: SignalModel, process: Process, settings: Settings) -> Campaign:
        """Return the campaign that renders samples of *process*."""
        ufo = self._foreign.get(settings["ufo"]["digest"])
        return MadGraphCampaign(model, process, settings, ufo)

    def recognises(self, head: bytes) -> bool:
        """Return whether a file begins as an LHE file does, and is not mcbook's own."""
        begins = start(head)
        return bool(begins) and OWN_MARK not in begins

    def read_back(self, path: str) -> ReadBack:
        """Read an LHE file, plain or gzipped, to its end."""
        return read_lhe(path)

    def programs(self) -> list[Program]:
        """Return ``mg5_aMC``."""
        return [_madgraph_program.program()]

    def explain(self, log: str) -> str:
        """Return the line of a log that says best why no events came."""
        return _madgraph_program.explain(log)


class MadGraphCampaign:
    """One process with one set of settings; see `mcbook.generators.base.Campaign`."""

    def __init__(
        self,
        model: SignalModel,
        process: Process,
        settings: Settings,
        ufo: ForeignUfo | None = None,
    ) -> None:
        self.model = model
        self.process = process
        self.settings = settings
        self._ufo = ufo
        self._cards = {name: engine.template(f"madgraph/{name}.j2") for name in TEMPLATES}
        self.templates: Mapping[str, int] = {
            f"madgraph/{name}": card.version for name, card in self._cards.items()
        }
        self.parameters = card_parameters(model, process, settings)
        self._settings = self._cards["settings.mg5"].text(self._run_settings())
        self._run_card = card_settings.stated(self._settings)
        self._last: tuple[str, str] = ("", "")
        self._define()

    def _define(self) -> None:
        """Work out the UFO package, the process definition and the folders of both."""
        if "names" not in self.settings:
            content = collision.slice_content(self.model, self.process)
            self._ufo_files: Mapping[str, bytes] | None = writer.package(content)
            ufo_digest = writer.digest(self._ufo_files)
        else:
            self._ufo_files = None if self._ufo is None else self._ufo.files
            ufo_digest = self.settings["ufo"]["digest"]
        self.ufo_folder = f"ufo/{self.model.name}-{ufo_digest[:8]}"
        lines = [process_line(chain, self._called) for chain in self.process.chains()]
        context = {
            "model": self.model.name,
            "process": self.process.name,
            "title": self.process.title,
            "ufo": self.ufo_folder,
            "lines": lines,
        }
        unplaced = self._cards["output.mg5"].render(folder="", **context)
        key = hashlib.sha256(ufo_digest.encode() + b"\0" + unplaced).hexdigest()[:8]
        name = self.process.name.replace("/", "_")
        self.folder = f"processes/{self.model.name}-{name}-{key}"
        self._definition = {
            "output.mg5": self._cards["output.mg5"].render(folder=self.folder, **context),
            "run.sh": engine.render("madgraph/run.sh.j2", folder=self.folder, **context),
        }

    def _called(self, name: str) -> str:
        """Return what the UFO package calls a particle."""
        if "names" in self.settings and name in self.settings["names"]["particles"]:
            return str(self.settings["names"]["particles"][name])
        return self.model.particles[name].called(name, "madgraph")

    def shared_files(self) -> dict[str, bytes]:
        """Return the UFO package, the process definition and the script that runs a part.

        Raises
        ------
        WorkError
            If the package is a user's and was not read in this session.
        """
        if self._ufo_files is None:
            raise WorkError(
                "the user's UFO package of these settings is not at hand",
                hint="give the grid with its generator.ufo again",
            )
        files = {f"{self.ufo_folder}/{name}": text for name, text in self._ufo_files.items()}
        files |= {f"{self.folder}/{name}": text for name, text in self._definition.items()}
        return files

    def check(self, parameters: Columns, derived: Columns) -> list[Rejection]:
        """Return points without a usable width or coupling, which MadGraph would choke on."""
        return collision.rejections(
            self.model,
            self.process,
            self.settings,
            (self.parameters.sources("parameter"), self.parameters.sources("computed")),
            (parameters, derived),
        )

    def sample_files(self, sample: SampleInput) -> dict[str, bytes]:
        """Return the run settings and parameters of a sample, without seed and events."""
        card = self._cards["run.mg5"].render(
            id=sample.id,
            process=f"{self.model.name} {self.process.name}",
            remarks=self._remarks(),
            settings=self._settings,
            parameters=self._parameters(sample),
        )
        return {"run.mg5": card}

    def part_files(self, sample: SampleInput, part: PartInput) -> dict[str, bytes]:
        """Return the launch card of a part."""
        card = self._cards["launch.mg5"].render(
            id=sample.id,
            number=part.number,
            process=f"{self.model.name} {self.process.name}",
            folder=self.folder,
            run=_run_name(sample.id, part.number),
            settings=self._settings,
            parameters=self._parameters(sample),
            events=part.events,
            seed=part.seed,
        )
        return {"launch.mg5": card}

    def program(self) -> Program:
        """Return ``mg5_aMC``."""
        return _madgraph_program.program()

    def build(self) -> Build:
        """Return the compiled process."""
        return Build(
            folder=self.folder,
            product="madgraph",
            marker="Cards/me5_configuration.txt",
            command=f"sh {shlex.quote(f'{self.folder}/run.sh')}",
            left_out=("RunWeb", "Events/*"),
        )

    def stated(self, sample: SampleInput) -> Stated:
        """Return the parameters of the ``<slha>`` block, the beams and the model's particles."""
        particles = self.model.particles
        is_ours = "names" not in self.settings  # else the package has ids of its own
        ids = [particles[name].id_of(name) for name in particles] if is_ours else []
        return Stated(
            parameters=self.parameters.values(sample),
            digits=DIGITS,
            beams=self._beams(),
            particles=frozenset(ids),
            settings=self._run_card,
            finals=collision.particle_ids(self.model, self.process) if is_ours else (),
            has_rate=True,
        )

    def _beams(self) -> tuple[tuple[int, float], ...]:
        """Return PDG id and energy [GeV] of both beams as cards set them; none for one particle."""
        names = next(self.process.chains()).initial
        if len(names) == 1:
            return ()
        energy = self.settings["sqrt_s"] / 2
        return tuple((self.model.particles[name].id_of(name), energy) for name in names)

    def for_detector(self, sample: SampleInput) -> ForDetector:
        """Return how a sample gets into the detector simulation: by its LHE files."""
        return _lhe_detector.for_detector(self.model, self.process, self.settings, sample)

    def command(self, sample_id: str, part: int) -> str:
        """Return the one shell command that runs a part by hand, from the samples folder."""
        return f"sh {shlex.quote(f'{self.folder}/run.sh')} {shlex.quote(sample_id)} {part:04d}"

    def server(self) -> None:
        """Return that each part is a command of its own."""

    def outputs(self, sample_id: str, part: int) -> tuple[str, ...]:
        """Return the LHE file of a part, relative to the samples folder."""
        run = _run_name(sample_id, part)
        return (f"{self.folder}/madgraph/Events/{run}/unweighted_events.lhe.gz",)

    def _parameters(self, sample: SampleInput) -> str:
        """Return the parameter lines of a sample; kept for its parts, which come next."""
        if self._last[0] != sample.id:
            lines = self.parameters.lines(sample)
            text = self._cards["parameters.mg5"].text({"parameters": lines})
            self._last = (sample.id, text)
        return self._last[1]

    def _run_settings(self) -> dict[str, Any]:
        settings = self.settings
        with_isr = settings["isr"] == "leading-log"
        signs = {"e-": 3, "e+": -3}
        beams = next(self.process.chains()).initial
        return {
            "cuts": [
                (card_settings.CUTS[name], card_settings.run_card_cut(name, value))
                for name, value in sorted(settings["cuts"].items())
            ],
            "isr": settings["isr"],
            "beams": [
                {"lpp": signs[beam] if with_isr else 0, "energy": settings["sqrt_s"] / 2}
                for beam in beams
            ]
            if len(beams) > 1
            else [],
            "pdlabel": "isronlyll" if with_isr else "none",
            "run_settings": [
                ("bwcutoff", f"{settings['bwcutoff']:g}"),
                ("small_width_treatment", f"{SMALL_WIDTH:g}"),
                ("time_of_flight", "0" if settings["lifetime"] == "generator" else "-1"),
                ("event_norm", "average"),
                ("use_syst", "False"),
                ("gridpack", "False"),
                ("sde_strategy", "1"),
                ("nhel", "0"),
                ("polbeam1", "0"),
                ("polbeam2", "0"),
            ],
        }

    def _remarks(self) -> list[str]:
        settings = self.settings
        remarks = [
            self.process.title,
            f"sqrt(s) {settings['sqrt_s']:.12g} GeV, alpha 1/{1 / settings['alpha']:.9g}",
        ]
        remarks += collision.tau_remark(settings)
        return remarks


def _run_name(sample_id: str, part: int) -> str:
    return f"{sample_id}_p{part:04d}"
