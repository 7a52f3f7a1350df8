"""Where the catalog, the storage roots and the generators of this site are.

A flag comes first, then ``MCBOOK_*`` of the environment, then the nearest ``mcbook.toml`` in this
folder or above, then the user's own, ``mcbook/mcbook.toml`` in ``$XDG_CONFIG_HOME`` or
``~/.config``. The search upward ends at the home folder or at the root of a repository, whichever
comes first. Nothing that enters an id is read here. A file looks like this::

    catalog = "mcbook.db"              # a path or a SQLAlchemy URL
    mg5 = "MG5_aMC_v3_5_7/bin/mg5_aMC" # relative to this file
    [roots]
    scratch = "/data/samples"          # where files lie on this site
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mcbook.errors import InputError, did_you_mean

FILE_NAME = "mcbook.toml"
CATALOG_NAME = "mcbook.db"
KEYS = ("catalog", "mg5", "roots")

Roots = Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Config:
    """What the files of the configuration say; None and nothing where they are silent."""

    catalog: str | None = None
    mg5: Path | None = None
    roots: Roots = field(default_factory=lambda: MappingProxyType({}))


def catalog(flag: str | Path | None = None) -> str:
    """Return where the catalog is, a SQLAlchemy URL or an absolute path; it need not exist yet.

    Parameters
    ----------
    flag
        What the user gave with the command, which wins. After it come ``MCBOOK_CATALOG``, the
        configuration, the nearest ``mcbook.db`` in this folder or above, ``mcbook.db`` here.
    """
    given = str(flag or os.environ.get("MCBOOK_CATALOG") or "")
    if given:
        return _located(given, Path.cwd())
    configured = load().catalog
    if configured:
        return configured
    found = (folder / CATALOG_NAME for folder in _upward() if (folder / CATALOG_NAME).is_file())
    return str(next(found, Path.cwd() / CATALOG_NAME))


def mg5(flag: str | Path | None = None) -> Path | None:
    """Return the path of MadGraph's ``mg5_aMC``: flag, ``MCBOOK_MG5``, the configuration, or None.

    Parameters
    ----------
    flag
        What the user gave with the command.
    """
    given = flag or os.environ.get("MCBOOK_MG5")
    return Path.cwd() / Path(given).expanduser() if given else load().mg5


def load() -> Config:
    """Read the files of the configuration; what a nearer file says wins, key by key.

    Raises
    ------
    InputError
        If a file is no TOML, or a key or a value is not one that it may hold.
    """
    values: dict[str, Any] = {}
    roots: dict[str, Path] = {}
    for path in _files():
        text, document = _read(path)
        for key, value in document.items():
            _check(path, text, key, value)
        roots = {
            name: _path(value, path) for name, value in document.pop("roots", {}).items()
        } | roots
        if "catalog" in document:
            document["catalog"] = _located(document["catalog"], path.parent)
        if "mg5" in document:
            document["mg5"] = _path(document["mg5"], path)
        values = document | values
    return Config(**values, roots=MappingProxyType(roots))


def _files() -> Iterator[Path]:
    """Yield the files of the configuration, the nearest first."""
    near = (folder / FILE_NAME for folder in _upward())
    yield from [path for path in near if path.is_file()][:1]
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    own = Path(base).expanduser() / "mcbook" / FILE_NAME
    if own.is_file():
        yield own


def _upward() -> Iterator[Path]:
    """Yield this folder and those above, up to the home folder or the root of a repository."""
    home = Path.home().resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        yield folder
        if folder == home or (folder / ".git").exists():
            return


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"{path}: {error}", hint='the file is TOML: catalog = "mcbook.db"'
        ) from None


def _check(path: Path, text: str, key: str, value: Any) -> None:
    """Refuse a key or a value that the configuration does not know."""
    place = f"{path}, line {_line_of(key, text)}"
    if key not in KEYS:
        raise InputError(f"{place}: unknown key {key!r}", hint=did_you_mean(key, KEYS))
    if key != "roots":
        if not isinstance(value, str) or not value:
            raise InputError(f"{place}: {key} must be text", hint=f'for example: {key} = "..."')
    elif not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InputError(
            f"{place}: roots must be a table of names and folders",
            hint='write [roots] on a line and below it: name = "/a/folder"',
        )


def _line_of(key: str, text: str) -> int:
    """Return the number of the first line that begins with *key* or its table."""
    starts = (
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.lstrip(" [\"'").startswith(key)
    )
    return next(starts, 1)


def _located(value: str, base: Path) -> str:
    """Return a SQLAlchemy URL as it is and a path as an absolute one."""
    return value if "://" in value else str(base / Path(value).expanduser())


def _path(value: str, file: Path) -> Path:
    """Return a path that a file names, relative to the folder of the file."""
    return file.parent / Path(value).expanduser()
