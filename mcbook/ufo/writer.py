"""Writes UFO packages from the registry.

The bytes depend on the registry entry, the templates and `content.WRITER` alone: no date, host or
version of mcbook stands in them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from mcbook.cards import engine
from mcbook.registry.model import SignalModel
from mcbook.ufo.content import WRITER, Content, content

_FILES = (
    "__init__.py",
    "coupling_orders.py",
    "couplings.py",
    "function_library.py",
    "lorentz.py",
    "object_library.py",
    "parameters.py",
    "particles.py",
    "vertices.py",
    "write_param_card.py",
)


def write_ufo(
    model: SignalModel,
    interactions: Iterable[str] | None = None,
    particles: Iterable[str] | None = None,
) -> dict[str, bytes]:
    """Return the files of a UFO package: the whole model, or the slice of some processes.

    Parameters
    ----------
    model
        The registry entry, with the values of its constants.
    interactions
        Names of the vertices; all by default.
    particles
        Particles to hold besides those of the vertices.

    Returns
    -------
    dict
        Contents by relative path.

    Raises
    ------
    InputError
        If a coupling or a mass cannot be written in UFO.
    """
    return package(content(model, interactions, particles))


def package(collected: Content) -> dict[str, bytes]:
    """Return the files of a UFO package; see `write_ufo`."""
    context = {
        "model": {
            "name": collected.model.name,
            "title": collected.model.title.replace("\\", ""),
            "writer": WRITER,
            "extent": (
                "It holds the whole model."
                if collected.is_whole
                else "This is the slice of the model that a process needs."
            ),
        },
        "externals": collected.externals,
        "internals": collected.internals,
        "particles": collected.particles,
        "vertices": collected.vertices,
        "lorentz": collected.lorentz,
    }
    return {name: engine.render(f"ufo/{name}.j2", **context) for name in _FILES}


def digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of a folder's files: their sorted paths and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path}\0{len(files[path])}\0".encode())
        total.update(files[path])
    return total.hexdigest()


def physics_digest(collected: Content) -> str:
    """Return the SHA-256 of what in a package can change events."""
    text = json.dumps(collected.physics(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
