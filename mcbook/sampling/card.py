"""Reads the cards of the native generator: all that the events of a sample are made from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.amplitudes.theory import Field, Theory
from mcbook.errors import InputError
from mcbook.registry.chain import Chain, parse_chain
from mcbook.registry.yamlfile import Document, read
from mcbook.sampling.tree import Collision

SAMPLE, PART = "sample.yaml", "part.yaml"
LIFETIMES = ("displacer", "generator")
_LEAST, _MOST = 1e-9, 1e6


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample card says.

    Attributes
    ----------
    settings, parameters
        By name, as they go into the header of the events.
    lifetime
        ``generator`` where particles with a width get a lifetime here.
    """

    id: str
    process: str
    chains: tuple[Chain, ...]
    theory: Theory
    collision: Collision
    alpha: float
    lifetime: str
    settings: Mapping[str, Any]
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Part:
    """What the card of a part says."""

    id: str
    number: int
    events: int
    seed: int


def read_sample(path: Path) -> Sample:
    """Read the card of a sample.

    Raises
    ------
    InputError
        If it is not one, with the file and what is wrong.
    """
    document = read(path)
    data = document.data
    try:
        settings = data["settings"]
        cuts = {name[4:]: float(settings[name]) for name in settings if name.startswith("cut_")}
        return Sample(
            id=str(data["id"]),
            process=str(data["process"]),
            chains=tuple(parse_chain(text) for text in data["chains"]),
            theory=_theory(data),
            collision=Collision(
                _within("sqrt_s", float(settings["sqrt_s"]), _LEAST, _MOST),
                _within("bwcutoff", float(settings["bwcutoff"]), 1.0, math.inf),
                cuts,
            ),
            alpha=_within("alpha", float(settings["alpha"]), _LEAST, 1.0),
            lifetime=_one_of("lifetime", settings["lifetime"], LIFETIMES),
            settings=dict(settings),
            parameters={name: float(value) for name, value in data["parameters"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise _not_a_card(document, error) from None


def read_part(path: Path) -> Part:
    """Read the card of a part.

    Raises
    ------
    InputError
        If it is not one, with the file and what is wrong.
    """
    document = read(path)
    data = document.data
    try:
        found = Part(str(data["id"]), *(_whole(data, key) for key in ("part", "events", "seed")))
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise _not_a_card(document, error) from None
    return found


def _whole(data: Mapping[str, Any], key: str) -> int:
    """Return a whole number above zero."""
    value = data[key]
    if type(value) is not int or value < 1:
        raise InputError(f"{key} is {value!r}, and a whole number above 0 is wanted")
    return value


def _within(name: str, value: float, low: float, high: float) -> float:
    """Return a number inside its range."""
    if not low <= value <= high:
        raise InputError(f"{name} is {value!r}, and a number from {low:g} to {high:g} is wanted")
    return value


def _theory(data: Mapping[str, Any]) -> Theory:
    fields = [
        Field(
            str(p["name"]), str(p["anti"]), int(p["id"]), int(p["spin"]),
            _within(f"the mass of {p['name']}", float(p["mass"]), 0.0, _MOST),
            _within(f"the width of {p['name']}", float(p["width"]), 0.0, _MOST),
        )
        for p in data["particles"]
    ]  # fmt: skip
    vertices = []
    for entry in data["interactions"]:
        real, imaginary = (float(value) for value in entry["coupling"])
        particles = tuple(map(str, entry["particles"]))
        structure = entry["structure"]
        if not isinstance(structure, str):
            raise InputError(f"the structure of {entry['name']} is {structure!r}, and no text")
        vertices.append((entry["name"], particles, structure, complex(real, imaginary)))
    return Theory(fields, vertices)


def _one_of(name: str, value: object, known: Sequence[str]) -> str:
    """Return a word that is one of some."""
    if value not in known:
        raise InputError(f"{name} is {value!r}, and one of {', '.join(known)} is wanted")
    return str(value)


def _not_a_card(document: Document, error: Exception) -> InputError:
    said = error.message if isinstance(error, InputError) else ""
    if isinstance(error, KeyError):
        said = f"it does not say {error.args[0]}"
    return InputError(
        f"{document.path}: {said or error}",
        hint="`mcbook generate` writes cards again; `mcbook verify` says which were changed",
    )
