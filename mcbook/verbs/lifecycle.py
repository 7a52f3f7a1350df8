"""``mcbook tag``, ``note``, ``own`` and ``retire``: what people say of samples."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mcbook.catalog import lifecycle
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import InputError
from mcbook.verbs.lookup import sample_ids

Row = dict[str, Any]
Change = Callable[[Writer, list[str]], list[str]]
Books = TypeVar("Books", bound=Reader)


def tag(
    expression: str,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Put tags on samples and take others off; without any, count those that they have.

    Parameters
    ----------
    expression
        Which samples: an expression, or the beginning of an id.
    add
        Tags to put on: letters, digits and ``_ . + -``.
    remove
        Tags to take off.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would change.

    Returns
    -------
    dict
        ``catalog``; ``samples`` that match, ``changed``, as counts; ``ids`` of the changed ones;
        ``tags``, on how many of the samples each one is.

    Raises
    ------
    InputError
        If a tag or the expression is not right, or there is no catalog.
    """
    counts: Counter[str] = Counter()

    def counted(books: Reader, ids: list[str]) -> list[str]:
        for names in lifecycle.tags_of(books, ids).values():
            counts.update(names)
        return []

    def change(books: Writer, ids: list[str]) -> list[str]:
        changed = lifecycle.tag(books, ids, add, remove)
        counted(books, ids)
        return changed

    if add or remove:
        found = _changed(expression, change, catalog, models_dir, dry_run=dry_run)
    else:
        with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
            found = _done(opened.location, books, named(expression), models_dir, counted)
    return {**found, "tags": dict(sorted(counts.items()))}


def note(
    expression: str,
    text: str,
    *,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Add a note to samples, with who and when.

    Parameters
    ----------
    expression
        Which samples: an expression, or the beginning of an id.
    text
        What is to be said.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say which samples would get it.

    Returns
    -------
    dict
        ``catalog``; ``samples`` that match, ``changed``, as counts; ``ids`` of the changed ones.

    Raises
    ------
    InputError
        If the text is empty, the expression is not right, or there is no catalog.
    """

    def change(books: Writer, ids: list[str]) -> list[str]:
        lifecycle.note(books, ids, text)
        return ids

    return _changed(expression, change, catalog, models_dir, dry_run=dry_run)


def own(
    expression: str,
    *,
    owner: str,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Name who looks after samples; until then it is who planned them.

    Parameters
    ----------
    expression
        Which samples: an expression, or the beginning of an id.
    owner
        Who.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would change.

    Returns
    -------
    dict
        ``catalog``; ``samples`` that match, ``changed``, as counts; ``ids`` of the changed ones.

    Raises
    ------
    InputError
        If the owner is empty, the expression is not right, or there is no catalog.
    """

    def change(books: Writer, ids: list[str]) -> list[str]:
        return lifecycle.own(books, ids, owner)

    return _changed(expression, change, catalog, models_dir, dry_run=dry_run)


def retire(
    expression: str,
    *,
    reason: str,
    undo: bool = False,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Retire samples: they stay in the books, and are not made, exported or given out any more.

    Parameters
    ----------
    expression
        Which samples: an expression, or the beginning of an id.
    reason
        Why.
    undo
        Bring them back to what their parts and files say.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would change.

    Returns
    -------
    dict
        ``catalog``; ``samples`` that match, ``changed``, as counts; ``ids`` of the changed ones. A
        sample that is retired already keeps its reason.

    Raises
    ------
    InputError
        If there is no reason, the expression is not right, or there is no catalog.
    """

    def change(books: Writer, ids: list[str]) -> list[str]:
        return lifecycle.retire(books, ids, reason, undo=undo)

    return _changed(expression, change, catalog, models_dir, dry_run=dry_run)


def _changed(
    expression: str,
    change: Change,
    catalog: str | None,
    models_dir: str | Path | None,
    *,
    dry_run: bool,
) -> Row:
    """Change the samples that match, all in one transaction."""
    with open_catalog(catalog, mode="read") as opened, opened.writing(keep=not dry_run) as books:
        return _done(opened.location, books, named(expression), models_dir, change)


def _done(
    location: str,
    books: Books,
    expression: str,
    models_dir: str | Path | None,
    change: Callable[[Books, list[str]], list[str]],
) -> Row:
    """Do something with the samples that match, and return the counts."""
    ids = sample_ids(books, expression, models_dir)
    changed = change(books, ids)
    return {"catalog": location, "samples": len(ids), "changed": len(changed), "ids": changed}


def named(expression: str) -> str:
    """Return an expression, which must say something.

    Raises
    ------
    InputError
        If it is empty, which elsewhere means all samples.
    """
    if not expression.strip():
        raise InputError(
            "the expression is empty", hint="say which samples; `id is not None` means all of them"
        )
    return expression
