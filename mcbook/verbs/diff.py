"""``mcbook diff``: in what two samples differ."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.verbs.lookup import one_sample


def diff(a: str, b: str, *, catalog: str | None = None) -> dict[str, Any]:
    """Say in what two samples differ.

    Parameters
    ----------
    a, b
        Ids, or prefixes that only these samples have.
    catalog
        Path or URL of the catalog.

    Returns
    -------
    dict
        Ids ``a`` and ``b``, and ``differences``: ``key`` (``parameters.m_zp``, ``settings.isr``,
        ``closure.interactions.ee_zp.coupling`` ...) with the values ``a`` and ``b``, None where one
        has no such key.

    Raises
    ------
    InputError
        If no sample or several samples have a prefix.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        first, second = one_sample(books, a), one_sample(books, b)
        found = _differences(_contents(books, first), _contents(books, second))
        return {"a": first["id"], "b": second["id"], "differences": list(found)}


def _contents(books: Reader, sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a sample, most telling first."""
    table = table_of("definitions")
    (definition,) = stored_rows(books, "definitions", table.c.digest == sample["definition"])
    document = definition["document"]
    names = ("settings", "templates", "closure")
    return {
        **{name: sample[name] for name in ("model", "process", "generator", "parameters")},
        **{name: document[name] for name in names},
        "derived": sample["derived"],
    }


def _differences(a: Any, b: Any, key: str = "") -> Iterator[dict[str, Any]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys([*a, *b]):
            inner = f"{key}.{name}" if key else name
            yield from _differences(a.get(name), b.get(name), inner)
    elif a != b:
        yield {"key": key, "a": a, "b": b}
