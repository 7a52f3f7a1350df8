"""What several commands look up: a sample by the beginning of its id, the names of the registry."""

import re
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
    """Return the ids of the samples that match an expression, of all where it is None.

    Raises
    ------
    InputError
        If the expression is not right.
    """
    from mcbook.catalog.find import find
    from mcbook.catalog.query import Search

    search = Search(books, expression, registry_names(models_dir))
    return [row["id"] for row in find(search, columns=["id"])]
