"""``mcbook catalog``: the books as a whole."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from mcbook import config
from mcbook.catalog.dump import dump_lines, load_lines, table_of
from mcbook.catalog.merge import merge as merge_books
from mcbook.catalog.migrations import REVISIONS
from mcbook.catalog.rows import ROWS
from mcbook.catalog.store import Catalog, catalog_exists, open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, McbookError, WorkError, is_wrong_path
from mcbook.registry.yamlfile import refuse_special
from mcbook.verbs.lookup import registry_names


def dump(file: str | Path, *, catalog: str | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Write the books as sorted JSON lines.

    Parameters
    ----------
    file
        Where to; ``-`` is standard output. An existing file is replaced once the dump is whole.
    catalog
        Path or URL of the catalog.
    dry_run
        Count the lines, and write none.

    Returns
    -------
    dict
        ``catalog``, ``file``, ``lines``.

    Raises
    ------
    InputError
        If there is no catalog, or the folder of the file does not exist.
    """
    target = Path(file)
    if str(file) != "-" and not target.absolute().parent.is_dir():
        raise InputError(f"the folder of {file} does not exist", hint="make it first")
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        lines = 0
        if dry_run:
            lines = sum(1 for _ in dump_lines(books))
        elif str(file) == "-":
            for line in dump_lines(books):
                sys.stdout.write(line + "\n")
                lines += 1
        else:
            lines = _write(target, dump_lines(books))
        return {"catalog": opened.location, "file": str(file), "lines": lines}


def _write(target: Path, lines: Iterator[str]) -> int:
    """Write a file aside and put it into place; return the number of lines."""
    count = 0
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with aside.open("x", encoding="utf-8") as out:
            for count, line in enumerate(lines, 1):  # noqa: B007
                out.write(line + "\n")
            out.flush()
            os.fsync(out.fileno())
        aside.replace(target)
    except OSError as error:
        kind = InputError if is_wrong_path(error) else WorkError
        raise kind(f"{target} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # where nothing can be written, nothing is there
            aside.unlink(missing_ok=True)
    return count


def load(file: str | Path, *, catalog: str | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Put the rows of a dump into a catalog that holds none yet.

    Parameters
    ----------
    file
        A dump; ``-`` is standard input.
    catalog
        Path or URL of the catalog; it is made where there is none.
    dry_run
        Read and check everything, and keep nothing.

    Returns
    -------
    dict
        ``catalog``, ``file``, and under ``rows`` how many each table got.

    Raises
    ------
    InputError
        If the file is no dump, or the catalog holds rows.
    """
    with _lines(file) as lines, _target(catalog, dry_run=dry_run) as opened:
        with opened.writing(keep=not dry_run) as books:
            counts = load_lines(books, lines, str(file))
        if not dry_run:
            _accelerate(opened)
    return {"catalog": config.catalog(catalog), "file": str(file), "rows": counts}


def merge(other: str, *, catalog: str | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Take the samples, points and parts of other books into these, in one transaction.

    Parameters
    ----------
    other
        Path or URL of another catalog, or a dump of one.
    catalog
        Path or URL of the catalog that grows; it is made where there is none.
    dry_run
        Do everything, and keep nothing.

    Returns
    -------
    dict
        ``catalog``, ``other``, under ``new`` how many rows each table got, and ``warnings``.

    Raises
    ------
    InputError
        If one of them is no catalog, or both are the same.
    WorkError
        If a part (the same sample and seed) has other cards in the other books.
    """
    if _is_same(other, config.catalog(catalog)):
        raise InputError("a catalog cannot be merged with itself")
    with (
        _opened(other) as theirs,
        theirs.reading() as reader,
        _target(catalog, dry_run=dry_run) as opened,
    ):
        with opened.writing(keep=not dry_run) as books:
            merged = merge_books(books, reader)
        if not dry_run:
            _accelerate(opened)
    new = {name: merged.new[name] for name in ROWS if merged.new[name]}
    location = config.catalog(catalog)
    return {"catalog": location, "other": other, "new": new, "warnings": merged.warnings}


def copy(source: str, target: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Copy a whole catalog into one that holds nothing yet, such as one on a server.

    Samples stay where they are: their storage roots are recorded so that they are found from the
    new catalog as well.

    Parameters
    ----------
    source
        Path or URL of a catalog, or a dump of one.
    target
        Path or URL of the new one; it is made where there is none.
    dry_run
        Do everything, and keep nothing.

    Returns
    -------
    dict
        ``catalog`` (the new one), ``other``, and under ``rows`` how many each table got.

    Raises
    ------
    InputError
        If there is no catalog to copy, both are the same, or the new one holds rows.
    """
    if _is_same(source, config.catalog(target)):
        raise InputError("a catalog cannot be copied onto itself")
    with (
        _opened(source) as theirs,
        theirs.reading() as reader,
        _target(target, dry_run=dry_run) as opened,
    ):
        with opened.writing(keep=not dry_run) as books:
            filled = [name for name in ROWS if _count(books, name)]
            if filled:
                raise InputError(
                    f"{opened.location} holds rows already: {', '.join(filled)}",
                    hint="`mcbook catalog merge` adds books to books",
                )
            merged = merge_books(books, reader)
            rows = {name: _count(books, name) for name in ROWS}
            lost = {name for name in ROWS if rows[name] != _count(reader, name)}
            if lost:
                raise WorkError(f"rows of {', '.join(sorted(lost))} did not come along")
        if not dry_run:
            _accelerate(opened)
    if merged.warnings:
        raise WorkError("; ".join(merged.warnings))
    return {"catalog": config.catalog(target), "other": source, "rows": rows}


def info(*, catalog: str | None = None) -> dict[str, Any]:
    """Say which catalog is meant, its schema, where its samples lie, and how much it holds.

    Raises
    ------
    InputError
        If there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        samples = table_of("samples")
        by_model = select(samples.c.model, func.count()).group_by(samples.c.model)
        return {
            "catalog": opened.location,
            "schema": REVISIONS[-1],
            "roots": {name: str(path) for name, path in books.roots().items()},
            "samples": {
                str(model): int(count)
                for model, count in books.connection.execute(by_model.order_by(samples.c.model))
            },
            "rows": {name: _count(books, name) for name in ROWS},
        }


def _count(books: Reader, name: str) -> int:
    statement = select(func.count()).select_from(table_of(name))
    return int(books.connection.execute(statement).scalar_one())


@contextmanager
def _target(catalog: str | None, *, dry_run: bool) -> Iterator[Catalog]:
    """Open the catalog that is to grow; for a dry run one aside, where there is none.

    One that was made for this goes again when nothing comes of it.
    """
    is_new = not catalog_exists(catalog)
    if not (dry_run and is_new):
        with open_catalog(catalog, mode="write") as opened:
            try:
                yield opened
            except McbookError:
                opened.close()
                path = Path(opened.location)
                if is_new and path.is_file():
                    path.unlink()
                raise
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        open_catalog(f"{folder}/mcbook.db", mode="write") as opened,
    ):
        yield opened


@contextmanager
def _opened(other: str) -> Iterator[Catalog]:
    """Open other books, which may be a dump: their roots are not those of this site."""
    path = Path(other)
    if not path.is_file() or _begins(path) != b"{":
        with open_catalog(other, mode="read", roots={}) as opened:
            yield opened
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        open_catalog(f"{folder}/mcbook.db", mode="write", roots={}) as opened,
    ):
        with _lines(path) as lines, opened.writing() as books:
            load_lines(books, lines, other)
        opened.folder = path.absolute().parent
        yield opened


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def _lines(file: str | Path) -> Iterator[Iterator[str]]:
    """Open a dump for reading; ``-`` is standard input."""
    if str(file) == "-":
        yield iter(sys.stdin)
        return
    try:
        refuse_special(file)
        with Path(file).open(encoding="utf-8") as handle:
            yield iter(handle)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error


def _is_same(a: str, b: str) -> bool:
    if "://" in a or "://" in b:
        return a == b
    return Path(a).resolve() == Path(b).resolve()


def _accelerate(catalog: Catalog) -> None:
    """Make queries on every model of the registry that the books hold fast."""
    with catalog.reading() as books:
        models = set(
            books.connection.execute(select(table_of("samples").c.model).distinct()).scalars()
        )
    for name, names in registry_names().items():
        if name in models:
            catalog.accelerate(name, names.parameters)
