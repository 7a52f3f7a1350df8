"""Finds the root folders ``models``, ``templates`` and ``catalog``, in a checkout and in a wheel.

A user's own models and templates are looked into first: the folder of ``--models``, then the
folders of ``MCBOOK_PATH``, then ``./models`` and ``./templates``, then what mcbook ships.
"""

import os
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

from mcbook.errors import InputError, did_you_mean

Kind = Literal["models", "templates", "catalog"]

PATH_VARIABLE = "MCBOOK_PATH"


class Shadow(NamedTuple):
    """A user's file that stands in for a shipped one with other contents."""

    kind: Kind
    name: str
    path: Path


@cache
def shipped(kind: Kind) -> Path:
    """Return the folder that mcbook ships.

    Raises
    ------
    FileNotFoundError
        If the installation is broken.
    """
    package = Path(str(files("mcbook")))
    checkout = package.parent
    installed = package / "_data" / kind
    if installed.is_dir():
        return installed
    if (checkout / "pyproject.toml").is_file() and (checkout / kind).is_dir():
        return checkout / kind
    msg = f"mcbook was installed without its folder {kind!r}"
    raise FileNotFoundError(msg)


def search_path(kind: Kind, first: str | Path | None = None) -> tuple[Path, ...]:
    """Return the folders to look into, first one first, the shipped one last.

    Parameters
    ----------
    kind
        What is looked for.
    first
        A folder that comes before all others (``--models``).

    Raises
    ------
    InputError
        If *first* or a folder of ``MCBOOK_PATH`` does not exist.
    """
    return _search_path(kind, first, os.environ.get(PATH_VARIABLE, ""), Path.cwd())


def shadows(kind: Kind, first: str | Path | None = None) -> list[Shadow]:
    """Return the user's files that are found in place of a shipped one and differ from it."""
    *own, last = search_path(kind, first)
    return [
        Shadow(kind, name, path)
        for name, path in _files(kind, own).items()
        if (last / name).is_file() and (last / name).read_bytes() != path.read_bytes()
    ]


def remarks(
    models_dir: str | Path | None = None,
    model: str | None = None,
    beside: Path | None = None,
) -> list[str]:
    """Return what a user should know of their own models and templates.

    Parameters
    ----------
    models_dir
        The folder of ``--models``.
    model
        The signal model in question; None means all.
    beside
        The folder of a grid, where somebody may expect them to be looked for.

    Returns
    -------
    list of str
        Files that stand in for shipped ones, templates of a name that mcbook never asks for, and
        folders beside the grid that are not looked into.
    """
    own = [
        shadow
        for shadow in shadows("models", models_dir)
        if model is None or shadow.name == f"{model}.yaml"
    ]
    said = [
        f"{shadow.path} is used in place of the shipped {shadow.kind}/{shadow.name}"
        for shadow in (*own, *shadows("templates"))
    ]
    *folders, last = search_path("templates")
    known = list(_files("templates", [last]))
    for name, path in _files("templates", folders).items():
        if name not in known:
            hint = did_you_mean(name, known)
            said.append(f"{path} is no template of mcbook{f': {hint}' if hint else ''}")
    for kind in ("models", "templates"):
        folder = (beside / kind).resolve() if beside else None
        if folder and folder.is_dir() and folder not in search_path(kind, models_dir):
            said.append(
                f"{folder} is not looked into: run mcbook in the folder above it, or name that in"
                f" {PATH_VARIABLE}"
            )
    return said


def _files(kind: Kind, folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files of folders by their name below them, the first one found for each."""
    pattern = "*/*.j2" if kind == "templates" else "*.yaml"
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob(pattern)):
            found.setdefault(path.relative_to(folder).as_posix(), path)
    return dict(sorted(found.items()))


@cache
def _search_path(
    kind: Kind, first: str | Path | None, variable: str, here: Path
) -> tuple[Path, ...]:
    folders = [_existing(here / first, "--models")] if first is not None else []
    for entry in filter(None, variable.split(os.pathsep)):
        folder = _existing(here / Path(entry).expanduser(), PATH_VARIABLE)
        inside = folder / kind
        folders.append(inside if inside.is_dir() else folder)
    if (here / kind).is_dir():
        folders.append(here / kind)
    own = dict.fromkeys(folder.resolve() for folder in folders)
    last = shipped(kind).resolve()
    own.pop(last, None)
    return (*own, last)


def _existing(folder: Path, named_by: str) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"{named_by}: {folder} is not a folder",
            hint="name a folder that holds models, as <model>.yaml",
        )
    return folder
