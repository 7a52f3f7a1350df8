"""What several commands look up: a sample by the beginning of its id, the names of the registry."""

from pathlib import Path
from typing import Any

from mcbook.catalog.names import ModelNames
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.registry.loader import load_model, model_names

_MAX_LISTED = 5


def one_sample(books: Reader, prefix: str) -> dict[str, Any]:
    """Return the row of the only sample whose id begins with *prefix*.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    from sqlalchemy import select

    from mcbook.catalog.dump import plain_order, stored_rows, table_of  # slow to import

    samples = table_of("samples")
    identity = plain_order(books, samples.c.id)
    statement = (
        select(samples.c.id)
        .where(identity >= prefix, identity < prefix + "\x7f")
        .order_by(identity)
        .limit(_MAX_LISTED + 1)
    )
    found = books.connection.execute(statement).scalars().all() if prefix else []
    if prefix in found:
        found = [prefix]
    if not found:
        raise InputError(
            f"no sample in the books has an id that begins with {prefix!r}",
            hint="`mcbook query --format ids` lists the ids",
        )
    if len(found) > 1:
        more = " and more" * (len(found) > _MAX_LISTED)
        raise InputError(
            f"several samples have an id that begins with {prefix!r}",
            hint=", ".join(found[:_MAX_LISTED]) + more,
        )
    return next(iter(stored_rows(books, "samples", samples.c.id == found[0])))


def registry_names(models_dir: str | Path | None = None) -> dict[str, ModelNames]:
    """Return the names of every model of the registry; one that cannot be read is left out."""
    found = {}
    for name in model_names(models_dir):
        try:
            model = load_model(name, models_dir)
        except InputError:
            continue  # its samples are found by the names that they carry
        found[name] = ModelNames(tuple(model.parameters), frozenset(model.derived))
    return found
