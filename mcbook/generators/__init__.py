"""Event generators, found by the name that a process gives."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from mcbook.errors import InputError, did_you_mean
from mcbook.generators.base import Generator

_SHIPPED = {
    "evtgen": "mcbook.generators.evtgen:EvtGen",
    "madgraph": "mcbook.generators.madgraph:MadGraph",
    "native": "mcbook.generators.native:Native",
}


def names() -> list[str]:
    """Return the names of all generators, shipped ones and those of entry points."""
    return sorted({*_SHIPPED, *(entry.name for entry in entry_points(group="mcbook.generators"))})


@cache
def get(name: str) -> Generator:
    """Return a generator by name.

    Raises
    ------
    InputError
        If no generator is called so.
    """
    found: type[Generator]
    if name in _SHIPPED:
        module, _, attribute = _SHIPPED[name].partition(":")
        found = getattr(import_module(module), attribute)
        return found()
    for entry in entry_points(group="mcbook.generators"):
        if entry.name == name:
            found = entry.load()
            return found()
    raise InputError(f"there is no generator {name!r}", hint=did_you_mean(name, names()))
