"""Reads the conditions of a detector simulation: a YAML file that the user writes.

Global tags and campaign come from the user alone: nothing here guesses them.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.registry import yamlfile
from mcbook.registry.numbers import round9
from mcbook.registry.yamlfile import Document, Keys
from mcbook.simulation.displacement import KINDS, POINTS, PROMPT, Decay, Wanted
from mcbook.simulation.release import Release, parse_release

SCHEMA = 1
KEYS = (
    "schema", "release", "campaign", "global_tags", "experiment", "run", "runs", "background",
    "displacement", "prompt_below_mm", "events_per_job", "seconds_per_event",
)  # fmt: skip

NO_BACKGROUND, ENVIRONMENT = "none", "environment"
PROMPT_BELOW_MM = 1e-3
"""A micrometre: far below what a vertex detector resolves."""

EVENTS_PER_JOB = 10_000
MOST_RUNS = 1000
_LARGEST_NUMBER = 99_999
_TAG = re.compile(r"[A-Za-z0-9_.\-]+")
_PATTERN = re.compile(r"[A-Za-z0-9_.\-*?/\[\]]+")


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which conditions samples are simulated.

    `global_tags` are put before those of the release, in this order. `background` is ``none``,
    ``environment`` (the files that ``BELLE2_BACKGROUND_DIR`` names) or a pattern of files.
    """

    release: Release
    campaign: str
    global_tags: tuple[str, ...]
    experiment: int
    runs: tuple[int, int]
    background: str
    displacement: Wanted
    events_per_job: int
    seconds_per_event: float | None


def read_conditions(path: str | Path) -> Conditions:
    """Read a file of conditions.

    Raises
    ------
    InputError
        If it is not right, with file, line and key.
    """
    document = yamlfile.read(path)
    document.check_schema(SCHEMA)
    document.check_keys((), KEYS)
    return _Reader(document).conditions()


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.data = document.data

    def conditions(self) -> Conditions:
        return Conditions(
            release=self.release(),
            campaign=self.word("campaign", "such as MC16ri_a: it is kept with every file"),
            global_tags=self.tags(),
            experiment=self.whole("experiment", 0),
            runs=self.runs(),
            background=self.background(),
            displacement=self.displacement(),
            events_per_job=self.whole("events_per_job", 1, EVENTS_PER_JOB, most=10_000_000),
            seconds_per_event=self.seconds(),
        )

    def fail(self, keys: Keys, message: str, hint: str | None = None) -> InputError:
        return self.document.error(keys, message, hint)

    def needed(self, key: str, hint: str) -> Any:
        if key not in self.data:
            raise self.fail((), f"the key {key!r} is missing", hint)
        return self.data[key]

    def release(self) -> Release:
        text = self.needed("release", "such as release: release-08-02-04")
        try:
            return parse_release(str(text))
        except InputError as error:
            raise self.fail(("release",), error.message, error.hint) from None

    def word(self, key: str, hint: str) -> str:
        text = self.needed(key, hint)
        if not isinstance(text, str) or not _TAG.fullmatch(text):
            raise self.fail((key,), f"{text!r} is no name", hint)
        return text

    def tags(self) -> tuple[str, ...]:
        given = self.needed(
            "global_tags", "list them, the first wins; [] where the release brings all"
        )
        if not isinstance(given, list):
            raise self.fail(("global_tags",), "a list is wanted", "such as [a_tag, another]")
        for index, tag in enumerate(given):
            if not isinstance(tag, str) or not _TAG.fullmatch(tag):
                raise self.fail(("global_tags", index), f"{tag!r} is no name of a global tag")
        if len(set(given)) != len(given):
            raise self.fail(("global_tags",), "a tag is there twice")
        return tuple(given)

    def whole(
        self, key: str, least: int, default: int | None = None, *, most: int = _LARGEST_NUMBER
    ) -> int:
        if default is not None and key not in self.data:
            return default
        value = self.needed(key, f"a whole number, {least} or more")
        return self.checked((key,), value, least, most)

    def checked(self, keys: Keys, value: Any, least: int, most: int = _LARGEST_NUMBER) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.fail(keys, f"{value!r} is no whole number from {least} to {most}")
        return value

    def runs(self) -> tuple[int, int]:
        if ("run" in self.data) == ("runs" in self.data):
            raise self.fail((), "either 'run' or 'runs' is needed", "run: 0, or runs: [3, 12]")
        if "run" in self.data:
            run = self.whole("run", 0)
            return run, run
        given = self.data["runs"]
        if not isinstance(given, list) or len(given) != 2:  # noqa: PLR2004
            raise self.fail(("runs",), "the first and the last run are wanted", "runs: [3, 12]")
        first, last = (self.checked(("runs", i), value, 0) for i, value in enumerate(given))
        if not 0 <= last - first < MOST_RUNS:
            raise self.fail(("runs",), f"from {first} to {last} are none, or over {MOST_RUNS} runs")
        return first, last

    def background(self) -> str:
        text = self.needed(
            "background", "none, environment (BELLE2_BACKGROUND_DIR), or a pattern of files"
        )
        if (
            not isinstance(text, str)
            or not _PATTERN.fullmatch(text)
            or text.startswith("/")
            or ".." in text
        ):
            raise self.fail(
                ("background",),
                f"{text!r} is no pattern of files below the folder of the job",
                "such as bg/*.root; a folder elsewhere is named by BELLE2_BACKGROUND_DIR, and here"
                " background: environment",
            )
        return str(text)

    def seconds(self) -> float | None:
        if "seconds_per_event" not in self.data:
            return None
        return self.positive(("seconds_per_event",), self.data["seconds_per_event"])

    def positive(self, keys: Keys, value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise self.fail(keys, f"{value!r} is no number above 0")
        return round9(float(value))

    def displacement(self) -> Wanted:
        given = self.needed(
            "displacement",
            "points (the lifetimes of each sample's points), or what is to be done with each"
            " particle that decays, such as {hp: {exponential_mm: [1, 10]}, chi2: prompt}",
        )
        below = PROMPT_BELOW_MM
        if "prompt_below_mm" in self.data:
            below = self.positive(("prompt_below_mm",), self.data["prompt_below_mm"])
        if given == POINTS:
            return Wanted(None, below)
        if not isinstance(given, dict):
            raise self.fail(
                ("displacement",), f"{given!r} is neither 'points' nor a mapping",
                "such as {hp: {exponential_mm: 10}}",
            )  # fmt: skip
        return Wanted({name: self.decays(name, way) for name, way in given.items()}, below)

    def decays(self, name: str, way: Any) -> tuple[Decay | None, ...]:
        keys: Keys = ("displacement", name)
        if way == PROMPT:
            return (None,)
        words = [f"{kind}_mm" for kind in KINDS]
        if not isinstance(way, dict) or len(way) != 1:
            raise self.fail(keys, "'prompt' or one way is wanted", f"one of {', '.join(words)}")
        ((word, lengths),) = way.items()
        if word not in words:
            raise self.fail((*keys, word), f"unknown key {word!r}", did_you_mean(word, words))
        listed = lengths if isinstance(lengths, list) else [lengths]
        if not listed:
            raise self.fail((*keys, word), "the list is empty")
        kind = word.removesuffix("_mm")
        return tuple(Decay(kind, self.positive((*keys, word), value)) for value in listed)
