"""Where particles decay: what a file of conditions asks for, and what it means for a sample."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcbook.errors import InputError, did_you_mean
from mcbook.generators.detector import Decaying, ForDetector
from mcbook.registry.numbers import round9

EXPONENTIAL, FLAT, FIXED = "exponential", "flat", "fixed"
KINDS = (EXPONENTIAL, FLAT, FIXED)
"""How decay lengths are distributed.

``exponential`` takes the proper lifetime c tau. The other two set the length of the flight in the
laboratory itself, whatever the momentum: ``flat`` up to a largest one, ``fixed`` to one.
"""

GENERATOR = "generator"
"""Stands for lifetimes that the generator gave."""

POINTS, PROMPT = "points", "prompt"


@dataclass(frozen=True, slots=True)
class Decay:
    """How one particle decays: `length_mm` is c tau, or a length in the laboratory; see `KINDS`."""

    kind: str
    length_mm: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file of conditions asks for.

    `particles` has the choices for each particle, None for a prompt one; None stands for the
    lifetimes of the points of each sample, those below `prompt_below_mm` prompt.
    """

    particles: Mapping[str, tuple[Decay | None, ...]] | None
    prompt_below_mm: float


@dataclass(frozen=True, slots=True)
class Displaced:
    """A particle with its PDG ids and how it decays; no decay where the generator did it."""

    name: str
    pdg_ids: tuple[int, ...]
    mechanism: str
    decay: Decay | None


Displacement = tuple[Displaced, ...]


def displacements(
    wanted: Wanted, given: ForDetector, points: Sequence[Mapping[str, float | None]]
) -> Iterator[Displacement]:
    """Yield the displacements that a sample is to be simulated with, each once.

    Parameters
    ----------
    wanted
        What is asked for.
    given
        The particles of the sample that decay.
    points
        Derived quantities of its points.

    Raises
    ------
    InputError
        If a particle is named that does not decay in the sample, or one that does is not; if its
        lifetime comes from elsewhere; if lifetimes of the points are not known.
    """
    if given.lives:
        if wanted.particles:
            raise InputError(
                "the generator gave its particles their lifetimes: nothing else may displace them",
                hint="displacement: points",
            )
        yield tuple(Displaced(one.name, one.pdg_ids, GENERATOR, None) for one in given.decaying)
        return
    choices = _of_points(wanted, given, points) if wanted.particles is None else _named(
        wanted.particles, given
    )  # fmt: skip
    for chosen in choices:
        _check_one_kind(chosen)
        yield tuple(
            Displaced(one.name, one.pdg_ids, "GeneratedVertexDisplacer" if way else PROMPT, way)
            for one, way in zip(given.decaying, chosen, strict=True)
        )


def _check_one_kind(chosen: Sequence[Decay | None]) -> None:
    """Refuse what no single module of basf2 does; two would leave inner vertices behind."""
    kinds = {(way.kind, way.length_mm if way.kind == FLAT else 0.0) for way in chosen if way}
    if len(kinds) > 1:
        raise InputError(
            "displacement: all particles of a simulation need the same distribution, for 'flat'"
            " with the same largest length",
            hint="basf2 displaces them with one module, which has one distribution",
        )


def _named(
    particles: Mapping[str, tuple[Decay | None, ...]], given: ForDetector
) -> Iterator[tuple[Decay | None, ...]]:
    names = [one.name for one in given.decaying]
    for name in particles:
        if name not in names:
            raise InputError(
                f"displacement: {name!r} is no particle that decays in it",
                hint=did_you_mean(name, names) or f"these do: {', '.join(names) or 'none'}",
            )
    if missing := [name for name in names if name not in particles]:
        raise InputError(
            f"displacement: nothing is said of {', '.join(missing)}",
            hint=f"write {missing[0]}: prompt where that is meant",
        )
    yield from itertools.product(*(particles[name] for name in names))


def _of_points(
    wanted: Wanted, given: ForDetector, points: Sequence[Mapping[str, float | None]]
) -> Iterator[tuple[Decay | None, ...]]:
    rows = (tuple(_lifetime(one, point, wanted) for one in given.decaying) for point in points)
    yield from dict.fromkeys(rows)


def _lifetime(one: Decaying, point: Mapping[str, float | None], wanted: Wanted) -> Decay | None:
    if one.ctau is None:
        raise InputError(
            f"the model does not say how long {one.name} lives",
            hint=f"displacement: {{{one.name}: {{exponential_mm: 10}}}}, or prompt",
        )
    value = point.get(one.ctau)
    if value is None or not math.isfinite(value):
        raise InputError(
            f"{one.ctau} is not a finite number at one of its points",
            hint=f"displacement: {{{one.name}: {{exponential_mm: 10}}}} sets one",
        )
    return Decay(EXPONENTIAL, round9(value)) if value >= wanted.prompt_below_mm else None
