"""Reads the cards of the native generator: all that the events of a sample are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.amplitudes.theory import Field, Theory
from mcbook.errors import InputError
from mcbook.registry.chain import Chain, parse_chain
from mcbook.registry.yamlfile import Document, read
from mcbook.sampling.tree import Collision

SAMPLE, PART = "sample.yaml", "part.yaml"
_PAIR = 2


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
            collision=Collision(float(settings["sqrt_s"]), float(settings["bwcutoff"]), cuts),
            alpha=float(settings["alpha"]),
            lifetime=str(settings["lifetime"]),
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
        return Part(str(data["id"]), int(data["part"]), int(data["events"]), int(data["seed"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a_card(document, error) from None


def _theory(data: Mapping[str, Any]) -> Theory:
    fields = [
        Field(
            str(p["name"]), str(p["anti"]), int(p["id"]), int(p["spin"]), float(p["mass"]),
            float(p["width"]),
        )
        for p in data["particles"]
    ]  # fmt: skip
    vertices = []
    for entry in data["interactions"]:
        real, imaginary = (float(value) for value in entry["coupling"])
        particles = tuple(map(str, entry["particles"]))
        vertices.append((entry["name"], particles, entry["structure"], complex(real, imaginary)))
    return Theory(fields, vertices)


def _not_a_card(document: Document, error: Exception) -> InputError:
    said = error.message if isinstance(error, InputError) else ""
    if isinstance(error, KeyError):
        said = f"it does not say {error.args[0]}"
    return InputError(
        f"{document.path}: {said or error}",
        hint="`mcbook generate` writes cards again; `mcbook verify` says which were changed",
    )
