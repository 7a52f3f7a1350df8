"""Connections to the database behind a catalog, set up the same way everywhere."""

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from mcbook.errors import InputError

BUSY_TIMEOUT_S = 120.0
"""How long a writer waits for the one before it."""


def parse_location(location: str) -> URL:
    """Return the URL of a catalog that is given as a URL or as a path.

    Raises
    ------
    InputError
        If it is no URL of SQLite or PostgreSQL, or the path cannot hold a catalog.
    """
    if "://" not in location:
        return _file(Path(location))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise InputError(
            "the URL of the catalog cannot be read",
            hint="write sqlite:///mcbook.db or postgresql://user@host/database",
        ) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise InputError(
            f"a catalog cannot be kept in {url.get_backend_name()}",
            hint="use SQLite (a path) or PostgreSQL (postgresql://user@host/database)",
        )
    if url.database in {None, "", ":memory:"}:
        raise InputError("a catalog cannot be kept in memory", hint="name a file")
    return _file(Path(str(url.database)))


def _file(path: Path) -> URL:
    path = path.expanduser().absolute()
    if path.is_dir():
        raise InputError(
            f"the catalog {path} is a folder", hint=f"name a file, as {path / 'mcbook.db'}"
        )
    if not path.parent.is_dir():
        raise InputError(
            f"the folder of the catalog does not exist: {path.parent}", hint="make it first"
        )
    return URL.create("sqlite", database=str(path))


def make_engine(url: URL, *, create: bool) -> Engine:
    """Return an engine for *url*; with *create*, a SQLite file that is missing is made.

    Raises
    ------
    InputError
        If the driver for PostgreSQL is not installed.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(Path(str(url.database)), create=create)
    try:
        # A run holds its books for hours, and servers hang up on who says nothing for long.
        return create_engine(url, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError) as error:
        raise InputError(
            "a catalog on PostgreSQL needs the package psycopg",
            hint="pip install 'mcbook[postgres]'",
        ) from error


def _sqlite_engine(path: Path, *, create: bool) -> Engine:
    # Not `mode=ro`: a reader must be able to roll back what a killed writer left behind.
    uri = f"file:{quote(str(path))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Begin what the driver does not begin by itself: a writer takes the write lock at once."""
    options: dict[str, Any] = dict(connection.get_execution_options())
    if options.get("mcbook_upgrade"):  # only outside of a transaction can this be switched
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    if options.get("mcbook_write"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN")  # which waits for nobody and cannot fail
