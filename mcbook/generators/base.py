"""What a generator is: one module behind the `Generator` Protocol.

Nothing above this package names a generator. `mcbook.generators.get` finds one by the name that a
process gives; others come through the entry point group ``mcbook.generators``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.generators.detector import ForDetector
from mcbook.registry.expressions import parse
from mcbook.registry.model import Process, SignalModel

Settings = dict[str, Any]
Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class SampleInput:
    """Everything that the cards of one sample are made from.

    `parameters` are the values that the sample is generated with (reference couplings where points
    share it); `derived` has the model's derived quantities at those values.
    """

    id: str
    parameters: Mapping[str, float]
    derived: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PartInput:
    """One job of a sample."""

    number: int
    events: int
    seed: int


class Rejection(NamedTuple):
    """Points that a generator cannot make: a mask over the points, and the reason."""

    mask: NDArray[np.bool_]
    reason: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What an output of a generator says about itself.

    `parameters` are named as the generator names them. `beams` are PDG ids and energies [GeV];
    none for the decay of a single particle, or where the file does not say. `particles` are the PDG
    ids in the events. `settings` are those of the run, as text.
    """

    sample_id: str | None
    events: int
    cross_section_fb: float
    cross_section_error_fb: float
    seed: int | None
    version: str
    parameters: Mapping[str, float]
    beams: tuple[tuple[int, float], ...] = ()
    particles: frozenset[int] = frozenset()
    settings: Mapping[str, str] = field(default_factory=dict)


OFF = "off"
"""Stands for every value of a setting that does nothing."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What an output of a sample has to say about itself, as far as the generator says it.

    `parameters` agree where they do to the digits that the generator writes, `digits`. `beams` and
    `particles` are as in `ReadBack`; an output may have fewer particles, but must have those of at
    least one of `finals`. `settings` are those that shape the events. `has_rate` says that there is
    a cross section.
    """

    parameters: Mapping[str, float]
    digits: int
    beams: tuple[tuple[int, float], ...]
    particles: frozenset[int]
    settings: Mapping[str, str] = field(default_factory=dict)
    finals: tuple[frozenset[int], ...] = ()
    has_rate: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A program that makes events; `path` is None where it was not found.

    `variable` of the environment names it, for mcbook as for the scripts that run a part; it is
    empty where nobody has to, as for a program that comes with its generator; Python is
    ``MCBOOK_PYTHON`` to all of them. `wanted` says how to get it.
    """

    name: str
    variable: str
    path: Path | None
    version: str | None
    wanted: str


@dataclass(frozen=True, slots=True)
class Build:
    """What is made once for all samples of a campaign: a folder inside one that they share.

    `command` runs in the samples folder and makes `product` inside `folder`; where `marker` is
    there, all of it is. A copy of `folder` elsewhere does the same, without what in `product` the
    patterns `left_out` match: traces of earlier runs.
    """

    folder: str
    product: str
    marker: str
    command: str
    left_out: tuple[str, ...] = ()


def setting_number(given: object) -> float:
    """Return a number of the settings, given as one or as text such as ``1/137.036``; NaN if none.

    >>> round(1 / setting_number("1/137.036"), 3)
    137.036
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return math.nan
    try:
        expression = parse(str(given))
        return math.nan if expression.names else float(expression.evaluate({}))
    except (InputError, TypeError, ValueError):
        return math.nan


class Runnable(Protocol):
    """What makes the parts of samples, once their cards are there.

    All paths are relative to the samples folder, in POSIX form.
    """

    def program(self) -> Program:
        """Return the program that makes these samples."""
        ...

    def build(self) -> Build | None:
        """Return what the parts of all samples share and only the program can make."""
        ...

    def command(self, sample_id: str, part: int) -> str:
        """Return the one shell command that runs a part by hand, from the samples folder."""
        ...

    def server(self) -> str | None:
        """Return a shell command that makes one part after the other, None where there is none.

        For programs that take longer to start than to make a part. It starts in the samples folder
        and reads lines of JSON from its standard input, ``{"sample": id, "part": number, "log":
        path}``. For each it does what `command` does, writes what that would print to the file
        ``log``, and answers with a line of JSON on its standard output, ``{"status": exit status,
        "cpu_s": CPU time in seconds}``. It ends when its standard input does.
        """
        ...

    def outputs(self, sample_id: str, part: int) -> tuple[str, ...]:
        """Return what that command leaves behind, relative to the samples folder."""
        ...

    def stated(self, sample: SampleInput) -> Stated:
        """Return what an output of a sample has to say about itself."""
        ...


class Campaign(Runnable, Protocol):
    """One process with one set of settings: what its samples have in common.

    All paths are relative to the samples folder, in POSIX form; contents are bytes.
    """

    templates: Mapping[str, int]
    """Templates that shape the events, with the version that each declares."""

    def shared_files(self) -> dict[str, bytes]:
        """Return files that all samples share (a UFO model, a process definition)."""
        ...

    def check(self, parameters: Columns, derived: Columns) -> list[Rejection]:
        """Return what this generator cannot make, one reason for each group of points."""
        ...

    def sample_files(self, sample: SampleInput) -> dict[str, bytes]:
        """Return the cards of a sample, relative to its own folder; no seed, no event number."""
        ...

    def part_files(self, sample: SampleInput, part: PartInput) -> dict[str, bytes]:
        """Return the cards of a part, relative to the folder of the part."""
        ...

    def for_detector(self, sample: SampleInput) -> ForDetector:
        """Return how a sample gets into the detector simulation.

        Raises
        ------
        InputError
            If it cannot, with the reason.
        """
        ...


class Generator(Protocol):
    """One event generator."""

    name: str
    seed_range: tuple[int, int]
    """Smallest and largest seed that it takes, both included."""
    tier: str
    """What its outputs are called in the books."""
    optimism: float
    """By how much the error that it quotes for three bodies or more is too small, about; 1 for not
    at all."""

    def settings(self, model: SignalModel, process: Process, given: Mapping[str, Any]) -> Settings:
        """Return the complete settings (JSON values) that shape the events and enter the id.

        Raises
        ------
        InputError
            If a value is not one that this generator or this process understands.
        """
        ...

    def setting_names(self) -> frozenset[str]:
        """Return the keys that it understands in ``generator:`` of a grid."""
        ...

    def reached(self, model: SignalModel, process: Process, settings: Settings) -> frozenset[str]:
        """Return the derived quantities whose values reach the cards and shape the events."""
        ...

    def campaign(self, model: SignalModel, process: Process, settings: Settings) -> Campaign:
        """Return the campaign that renders samples of *process*."""
        ...

    def recognises(self, head: bytes) -> bool:
        """Return whether a file that begins like this is one of its outputs."""
        ...

    def read_back(self, path: str) -> ReadBack:
        """Read what an output file says about itself.

        Raises
        ------
        WorkError
            If the file is truncated or is not one of this generator's.
        """
        ...

    def programs(self) -> list[Program]:
        """Return the programs that it runs, found here or not."""
        ...

    def explain(self, log: str) -> str:
        """Return the line of a log that says best why no events came, "" where none does."""
        ...
