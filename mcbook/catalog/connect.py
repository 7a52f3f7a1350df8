"""Connections to the database behind a catalog, set up the same way everywhere."""

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import NoSuchModuleError

from mcbook.errors import InputError

BUSY_TIMEOUT_S = 120.0
"""How long a writer waits for the one before it."""


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
        return create_engine(url, poolclass=NullPool)
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

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Begin what the driver does not begin by itself: a writer takes the write lock at once."""
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("mcbook_write") else "BEGIN")
