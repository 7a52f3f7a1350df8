"""Reads UFO packages that others wrote, without running them.

Only the names, blocks and default values of external parameters and the names of particles are
wanted; they are literals in every package that FeynRules writes.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.errors import InputError

_NEEDED = ("particles.py", "parameters.py", "vertices.py", "couplings.py", "lorentz.py")
_LEFT_OUT = (".pyc", ".pkl", ".log", "~")
_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class ForeignParameter:
    """An external parameter of a package."""

    name: str
    block: str
    code: tuple[int, ...]
    default: float


@dataclass(frozen=True, slots=True)
class ForeignUfo:
    """A UFO package as it was found.

    `files` are its contents by relative path; `particles` are the names of particles and
    antiparticles.
    """

    path: str
    files: Mapping[str, bytes]
    parameters: Mapping[str, ForeignParameter]
    particles: frozenset[str]


def read_ufo(path: str | Path) -> ForeignUfo:
    """Read a UFO package.

    Restriction files (``restrict_*.dat``) are left out, so that every external parameter stays one;
    so is what generators leave behind when they load a package.

    Raises
    ------
    InputError
        If the folder is not a UFO package, or an external parameter is not written as a literal.
    """
    folder = Path(path).expanduser()
    for name in _NEEDED:
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} is not a UFO package: {name} is missing",
                hint="generator.ufo names a folder with particles.py, parameters.py and so on",
            )
    files = dict(_files(folder))
    return ForeignUfo(
        str(folder),
        files,
        dict(_parameters(folder, files["parameters.py"])),
        frozenset(_particles(folder, files["particles.py"])),
    )


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    total = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))
        restricts = path.name.startswith("restrict_") and path.suffix == ".dat"
        if hidden or restricts or name.endswith(_LEFT_OUT) or not path.is_file():
            continue
        content = path.read_bytes()
        total += len(content)
        if total > _LARGEST:
            raise InputError(
                f"{folder} holds more than {_LARGEST / 1e6:.0f} MB",
                hint="generator.ufo names the folder of the UFO package itself",
            )
        yield name, content


def _parameters(folder: Path, source: bytes) -> Iterator[tuple[str, ForeignParameter]]:
    for keywords, line in _calls(folder / "parameters.py", source, "Parameter"):
        nature = _text(keywords.get("nature"))
        if nature != "external":
            continue
        try:
            name, block, code, value = (
                ast.literal_eval(keywords[key]) for key in ("name", "lhablock", "lhacode", "value")
            )
            yield name, ForeignParameter(name, block, tuple(map(int, code)), float(value))
        except (KeyError, ValueError, TypeError):
            raise InputError(
                f"{folder / 'parameters.py'}:{line}: this external parameter is not understood",
                hint="name, value, lhablock and lhacode must be literals",
            ) from None


def _particles(folder: Path, source: bytes) -> Iterator[str]:
    for keywords, _ in _calls(folder / "particles.py", source, "Particle"):
        for key in ("name", "antiname"):
            name = _text(keywords.get(key))
            if name is not None:
                yield name


def _calls(path: Path, source: bytes, name: str) -> Iterator[tuple[dict[str, ast.expr], int]]:
    """Yield the keyword arguments and the line of each call of *name*."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path} is no Python 3: {error}", hint="convert the package to Python 3 first"
        ) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            keywords = {entry.arg: entry.value for entry in node.keywords if entry.arg}
            yield keywords, node.lineno


def _text(node: ast.expr | None) -> str | None:
    value: Any = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None
