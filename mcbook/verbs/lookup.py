"""What several commands look up: a sample by the beginning of its id, the names of the registry."""

import re
from pathlib import Path
from typing import Any

from mcbook.catalog import lifecycle
from mcbook.catalog.names import ModelNames
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.registry.loader import load_model, model_names

_MAX_LISTED = 5
_ID = re.compile(r"[A-Za-z_]\w*(-[0-9a-f]*)?")
"""An id, or the beginning of one; no expression that is a condition looks so."""


def new_folder(folder: str | Path) -> Path:
    """Return a folder that can be made.

    Raises
    ------
    InputError
        If it is there, or something else is where a folder above it should be.
    """
    target = Path(folder)
    if target.exists():
        raise InputError(f"{folder} is there already", hint="name a folder that is not")
    there = next(place for place in target.absolute().parents if place.exists())
    if not there.is_dir():
        raise InputError(f"{folder} cannot be made: {there} is a file")
    return target


def one_sample(books: Reader, prefix: str) -> dict[str, Any]:
    """Return the row of the only sample whose id begins with *prefix*.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    from mcbook.catalog.dump import ids_beginning, stored_rows, table_of  # slow to import

    found = ids_beginning(books, "samples", prefix, _MAX_LISTED + 1)
    if not found:
        is_result = prefix and ids_beginning(books, "results", prefix.partition(":")[0], 1)
        if not is_result and re.fullmatch(r"r-[0-9a-f]+(:[0-9]+)?", prefix):
            raise InputError(
                f"no result in the books has an id that begins with {prefix.partition(':')[0]!r}",
                hint="`mcbook catalog results` lists them",
            )
        raise InputError(
            f"no sample in the books has an id that begins with {prefix!r}",
            hint=f"it is a result: `mcbook trace {prefix}` shows it"
            if is_result
            else "`mcbook query --format ids` lists the ids",
        )
    if len(found) > 1:
        more = " and more" * (len(found) > _MAX_LISTED)
        raise InputError(
            f"several samples have an id that begins with {prefix!r}",
            hint=", ".join(found[:_MAX_LISTED]) + more,
        )
    return next(iter(stored_rows(books, "samples", table_of("samples").c.id == found[0])))


def registry_names(models_dir: str | Path | None = None) -> dict[str, ModelNames]:
    """Return the names of every model of the registry; one that cannot be read is left out."""
    found = {}
    for name in model_names(models_dir):
        try:
            model = load_model(name, models_dir)
        except InputError:
            continue  # its samples are found by the names that they carry
        found[name] = ModelNames(
            tuple(model.parameters),
            frozenset(model.derived),
            constants=frozenset(model.constants),
        )
    return found


def sample_ids(
    books: Reader, expression: str | None, models_dir: str | Path | None = None
) -> list[str]:
    """Return the ids of the samples that match an expression or an id, of all where it is None.

    Raises
    ------
    InputError
        If the expression is not right.
    """
    from mcbook.catalog.find import find
    from mcbook.catalog.query import Search

    search = Search(books, meant(books, expression), registry_names(models_dir))
    return [row["id"] for row in find(search, columns=["id"])]


def meant(books: Reader, expression: str | None) -> str | None:
    """Return an expression as it is, and for the beginning of an id the condition on that sample.

    Raises
    ------
    InputError
        If it looks like an id, and is that of no sample or of several.
    """
    from mcbook.catalog.dump import ids_beginning  # slow to import

    text = (expression or "").strip()
    if not _ID.fullmatch(text) or (
        "-" not in text and not ids_beginning(books, "samples", text, 1)
    ):
        return expression
    return f"id == '{one_sample(books, text)['id']}'"


def samples_to_make(
    books: Reader,
    expression: str | None,
    models_dir: str | Path | None,
    notes: list[str],
) -> list[str]:
    """Return the ids of matching samples without those that are retired, which *notes* get.

    Raises
    ------
    InputError
        If the expression is not right, or is the id of a retired sample.
    """
    ids = sample_ids(books, expression, models_dir)
    retired = lifecycle.retirements(books, ids)
    if retired and meant(books, expression) != expression:
        (identity,) = retired
        raise InputError(
            lifecycle.said_of(identity, retired[identity]), hint=lifecycle.back(identity)
        )
    if len(retired) == 1:
        notes += [f"left: {lifecycle.said_of(*one)}" for one in retired.items()]
    elif retired:
        notes.append(f"{len(retired)} samples left: they are retired")
    return [identity for identity in ids if identity not in retired]
