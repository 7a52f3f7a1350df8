"""Where the catalog is: a flag, the environment, the nearest ``mcbook.db``, or a new one here."""

import os
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from mcbook.errors import InputError

FILE_NAME = "mcbook.db"
VARIABLE = "MCBOOK_CATALOG"


def resolve_catalog(given: str | None) -> str:
    """Return the location of the catalog: a SQLAlchemy URL, or a path.

    Parameters
    ----------
    given
        What the command line says. Without it ``MCBOOK_CATALOG``, then the nearest ``mcbook.db`` in
        this folder or above, up to the home folder or the root of the repository; where there is
        none, the one that would be made here.
    """
    if given:
        return given
    named = os.environ.get(VARIABLE)
    if named:
        return named
    here = Path.cwd()
    for folder in (here, *here.parents):
        candidate = folder / FILE_NAME
        if candidate.is_file():
            return str(candidate)
        if folder == Path.home() or (folder / ".git").exists():
            break
    return str(here / FILE_NAME)


def parse_location(location: str) -> URL:
    """Return the URL of a catalog that is given as a URL or as a path.

    Raises
    ------
    InputError
        If it is no URL of SQLite or PostgreSQL, or the path cannot hold a catalog.
    """
    if "://" not in location:
        return _sqlite(Path(location))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise InputError(
            "the catalog is not given by a URL that can be read",
            hint="write e.g. sqlite:///mcbook.db",
        ) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise InputError(
            f"a catalog cannot be kept in {url.get_backend_name()}",
            hint="use SQLite (a path) or PostgreSQL (postgresql://user@host/database)",
        )
    if url.database in (None, "", ":memory:"):
        raise InputError("a catalog cannot be kept in memory", hint="name a file")
    return _sqlite(Path(str(url.database)))


def _sqlite(path: Path) -> URL:
    path = path.expanduser().absolute()
    if path.is_dir():
        raise InputError(
            f"the catalog {path} is a folder", hint=f"name the file, e.g. {path / FILE_NAME}"
        )
    if not path.parent.is_dir():
        raise InputError(
            f"the folder of the catalog does not exist: {path.parent}", hint="make it first"
        )
    return URL.create("sqlite", database=str(path))
