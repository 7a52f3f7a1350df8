"""Opening the books, reading them, and writing many rows at once.

Commands that read never make a catalog. One writer at a time: on SQLite the write lock is taken
before anything is looked up, on PostgreSQL an advisory lock stands for it.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from mcbook import config
from mcbook.catalog import accelerator
from mcbook.catalog.connect import make_engine, parse_location
from mcbook.catalog.migrations import REVISIONS, VERSION_TABLE, upgrade
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import InputError, WorkError

Mode = Literal["read", "write"]

_ADVISORY_LOCK = 0x6D63626F6F6B  # "mcbook"
_NOT_PERMITTED = "42501"


class Catalog:
    """An open catalog; made by `open_catalog`.

    Attributes
    ----------
    location
        Its path or URL, without a password.
    folder
        The folder of the file; None for a database on a server.
    """

    def __init__(
        self, engine: Engine, *, location: str, folder: Path | None, roots: Mapping[str, Path]
    ) -> None:
        self.engine = engine
        self.location = location
        self.folder = folder
        self._roots = dict(roots)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Look things up in one consistent state of the books."""
        with _speaking(self.location), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield Reader(connection, self.folder, self._roots)

    @contextmanager
    def writing(self, *, keep: bool = True) -> Iterator[Writer]:
        """Hold the write lock; what was written is kept when the block ends without an error.

        Without *keep* it is taken back in any case, for a dry run.
        """
        with _speaking(self.location), locked(self.engine) as connection:
            yield Writer(connection, self.folder, self._roots)
            if not keep:
                connection.rollback()

    def accelerate(self, model: str, parameters: Sequence[str]) -> None:
        """Make queries on the parameters of a model fast, where that has not been done.

        Parameters
        ----------
        model
            Name of the signal model.
        parameters
            All of its parameters, those that are asked for most often first.
        """
        with self.reading() as books:
            if accelerator.is_accelerated(books.connection, model, parameters):
                return
        with self.writing() as books:
            accelerator.accelerate(books.connection, model, parameters)


def open_catalog(
    location: str | None, *, mode: Mode, roots: Mapping[str, Path] | None = None
) -> Catalog:
    """Open a catalog, and upgrade it first where it is older than this version.

    Parameters
    ----------
    location
        A path or a SQLAlchemy URL; None for the one that the configuration finds.
    mode
        ``write`` makes the catalog where there is none.
    roots
        Where storage roots are, by name; None for what the configuration of the site says. Where
        that is silent, the books know.

    Raises
    ------
    InputError
        If there is no catalog to read, or it is unreadable, newer, or no catalog of mcbook.
    """
    url = parse_location(config.catalog(location))
    on_disk = url.get_backend_name() == "sqlite"
    path = Path(str(url.database)) if on_disk else None
    where = str(path) if path else url.render_as_string()
    if path and mode == "read" and not path.exists():
        raise no_catalog(where)
    engine = make_engine(url, create=mode == "write")
    roots = config.load().roots if roots is None else roots
    catalog = Catalog(engine, location=where, folder=path.parent if path else None, roots=roots)
    try:
        _prepare(catalog, mode)
    except BaseException:
        catalog.close()
        raise
    return catalog


def catalog_exists(location: str | None) -> bool:
    """Return whether there is a catalog to read; for a dry run, which makes none.

    Raises
    ------
    InputError
        If something else is there.
    """
    url = parse_location(config.catalog(location))
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return False
    engine = make_engine(url, create=False)
    try:
        return _revision(engine, url.render_as_string()) is not None
    finally:
        engine.dispose()


def no_catalog(where: str) -> InputError:
    """Return the error that says that nothing is there to read."""
    return InputError(
        f"there is no catalog at {where}",
        hint="`mcbook generate` makes one; --catalog or MCBOOK_CATALOG name another",
    )


def _prepare(catalog: Catalog, mode: Mode) -> None:
    revision = _revision(catalog.engine, catalog.location)
    if revision == REVISIONS[-1]:
        return
    if revision is None and mode == "read":
        raise no_catalog(catalog.location)
    with _opening(catalog.location), locked(catalog.engine, upgrading=True) as connection:
        upgrade(connection)
    catalog.engine.dispose()  # its connection does not check references


def _revision(engine: Engine, where: str) -> str | None:
    """Return the revision of the catalog; None where the database is empty."""
    with _opening(where), engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        found = (
            connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()  # noqa: S608
            if VERSION_TABLE in tables
            else None
        )
    if found is None and (tables & {"samples", "definitions"} or _is_foreign(engine, tables)):
        raise InputError(f"{where} is a database, but no catalog of mcbook")
    if found is not None and found not in REVISIONS:
        raise InputError(
            f"the catalog {where} was written by a newer mcbook (schema {found})",
            hint="upgrade mcbook; this one knows schemas up to " + REVISIONS[-1],
        )
    return found


def _is_foreign(engine: Engine, tables: set[str]) -> bool:
    """Return whether a file belongs to another program; a server's database may be shared."""
    return engine.dialect.name == "sqlite" and bool(tables - {VERSION_TABLE})


@contextmanager
def locked(engine: Engine, *, upgrading: bool = False) -> Iterator[Connection]:
    """Open a transaction that holds the write lock from its first statement on.

    With *upgrading*, references are not checked, so that a step can make a table anew.
    """
    connecting = engine.connect().execution_options(mcbook_write=True, mcbook_upgrade=upgrading)
    with connecting as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        yield connection


@contextmanager
def _opening(where: str) -> Iterator[None]:
    """Say what is wrong with a catalog that cannot be opened."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = _reason(error)
        hint = None
        if os.path.exists(where) and not os.access(where, os.R_OK):  # noqa: PTH110
            hint = "its permissions do not let you read it"
        raise InputError(f"the catalog {where} cannot be opened: {reason}", hint=hint) from error


@contextmanager
def _speaking(where: str) -> Iterator[None]:
    """Say what went wrong with a catalog that was opened."""
    try:
        yield
    except (OperationalError, sqlite3.OperationalError) as error:
        hint = None
        if "locked" in _reason(error):
            hint = "another mcbook has been writing for minutes; try again when it is done"
        raise WorkError(f"the catalog {where} failed: {_reason(error)}", hint=hint) from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) == _NOT_PERMITTED:
            raise WorkError(
                f"the catalog {where} failed: {_reason(error)}",
                hint="whoever owns these books can grant it to you",
            ) from error
        if type(error) not in {
            DatabaseError,
            sqlite3.DatabaseError,
        }:  # the others are no fault of the file
            raise
        raise InputError(f"the catalog {where} is damaged: {_reason(error)}") from error


def _reason(error: SQLAlchemyError | sqlite3.Error) -> str:
    """Return the first line of what the database said."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
