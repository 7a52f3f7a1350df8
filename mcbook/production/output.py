"""Holds what an output of a generator says of itself against what its sample and part ask for."""

import math
from collections.abc import Iterator

from mcbook.generators.base import OFF, PartInput, ReadBack, Stated
from mcbook.registry.numbers import round9

_SLACK = 1.01
"""In units of half a last digit: a number is rounded when it is set, and again when it is said."""

_TINY = 1e-99
_ROUNDING = 1e-6
_NOTHING = {"", "{}", "false"}
_SHOWN = 4


def wrong(found: ReadBack, stated: Stated, sample_id: str, part: PartInput) -> list[str]:
    """Return what is wrong with an output, a sentence each.

    Parameters
    ----------
    found
        What it says.
    stated
        What outputs of the sample have to say.
    sample_id
        Id of the sample.
    part
        The part that it should be.
    """
    return [*_identity(found, sample_id, part), *_physics(found, stated)]


def _identity(found: ReadBack, sample_id: str, part: PartInput) -> Iterator[str]:
    if found.sample_id is not None and found.sample_id != sample_id:
        yield f"it says that it is of {found.sample_id}"
    if found.seed is not None and found.seed != part.seed:
        yield f"its seed is {found.seed}, and {part.seed} was asked for"
    if found.events != part.events:
        yield f"it has {found.events} events, and {part.events} were asked for"


def _physics(found: ReadBack, stated: Stated) -> Iterator[str]:
    rate, error = found.cross_section_fb, found.cross_section_error_fb
    if stated.has_rate and not (0 < rate < math.inf and 0 <= error < math.inf):
        yield f"its cross section is {rate:g} +- {error:g} fb"
    if stated.beams and not _same_beams(found, stated):
        said = _beams(found.beams) or "not said"
        yield f"its beams are {said}, and {_beams(stated.beams)} were asked for"
    yield from _unsaid("parameters", set(stated.parameters), set(found.parameters))
    settings = {name for name, value in stated.settings.items() if value != OFF}
    yield from _unsaid("settings", settings, set(found.settings))
    yield from _other_values(found, stated)
    yield from _other_particles(found, stated)


def _unsaid(what: str, wanted: set[str], said: set[str]) -> Iterator[str]:
    if silent := sorted(wanted - said):
        yield f"it does not say its {what} {_some(silent)}"


def _other_values(found: ReadBack, stated: Stated) -> Iterator[str]:
    off = [
        f"{name} = {value:.9g} where {stated.parameters[name]:.9g} was asked for"
        for name, value in found.parameters.items()
        if name in stated.parameters and not _same(value, stated.parameters[name], stated.digits)
    ]
    if off:
        yield f"it was made with {_some(off)}"
    for name, value in stated.settings.items():
        if name in found.settings and not _does_the_same(found.settings[name], value):
            asked = "nothing" if value == OFF else value
            yield f"it was made with {name} = {found.settings[name]}, and {asked} was asked for"


def _other_particles(found: ReadBack, stated: Stated) -> Iterator[str]:
    if stated.finals and not any(ids <= found.particles for ids in stated.finals):
        wanted = " or ".join(", ".join(map(str, sorted(ids))) for ids in stated.finals[:_SHOWN])
        yield f"its events do not have the particles of the process: {wanted}"
    unknown = sorted(found.particles - stated.particles) if stated.particles else []
    if unknown:
        yield f"it has particles that the model does not know: {', '.join(map(str, unknown))}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _same(value: float, other: float, digits: int) -> bool:
    """Return whether two numbers agree to some significant digits."""
    if not math.isfinite(value):
        return False
    size = max(abs(value), abs(other), _TINY)
    unit = 10.0 ** (math.floor(math.log10(size)) + 1 - digits)
    return abs(value - other) <= _SLACK * unit


def _does_the_same(said: str, wanted: str) -> bool:
    """Return whether two values of a setting are the same; limits at 0 and below are none."""
    try:
        value = float(said)
    except ValueError:
        return said.lower() == wanted.lower() or (wanted == OFF and said.lower() in _NOTHING)
    if wanted == OFF:
        return value <= 0
    try:
        return math.isclose(value, float(wanted), rel_tol=_ROUNDING)
    except ValueError:
        return False


def _same_beams(found: ReadBack, stated: Stated) -> bool:
    return [(i, round9(e)) for i, e in found.beams] == [(i, round9(e)) for i, e in stated.beams]


def _beams(beams: tuple[tuple[int, float], ...]) -> str:
    return " and ".join(f"{identity} with {energy:g} GeV" for identity, energy in beams)
