"""Opens the closed box of an analysis: first the record, then the counts.

`open_box` returns once the look is in the books for good. Only then may an observed count be read,
so that no number is ever seen that nobody answers for, whatever fails afterwards.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mcbook.catalog import unblindings
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError, McbookError, WorkError
from mcbook.production.publish import file_sha256

_MOST_TOLD = 2
_SHOWN = 12
"""Digits of a digest that people compare."""


def open_box(
    catalog: str | None,
    *,
    digest: str,
    name: str,
    reason: str,
    files: Iterable[str | Path] = (),
    counts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Record who opens the box of an analysis, when and why, before a count in it is read.

    The box can be opened again, also after the analysis was changed; every look is recorded, and
    what was changed since the first one is told.

    Parameters
    ----------
    catalog
        Path or URL of the catalog; it is made where there is none.
    digest
        SHA-256 of the frozen analysis, 64 hex digits: of everything but the observed counts.
    name
        Name of the analysis.
    reason
        Why, in words.
    files
        The files with observed counts. They must be there; their SHA-256 is recorded, and their
        contents are not looked at.
    counts
        SHA-256 of counts that stand in the analysis itself, by where they stand.

    Returns
    -------
    dict
        ``id``, ``analysis``, ``frozen``, ``at``, ``who``, ``why``, ``files``; ``catalog``;
        ``before``, the earlier looks into this box, each with ``changed``: whether the frozen
        analysis was another one then; and ``warnings``, a sentence for each analysis that was.

    Raises
    ------
    InputError
        If there is no reason, a file is not there, or the catalog cannot be opened.
    WorkError
        If the books cannot be written. Nothing may be read then.
    """
    try:
        digests = {str(path): file_digest(path) for path in files} | dict(counts or {})
        return _record(catalog, digest, name, reason, digests)
    except McbookError as error:
        raise type(error)(
            f"the box of {name} stays closed: {error.message}", hint=error.hint
        ) from error


def _record(
    catalog: str | None, digest: str, name: str, reason: str, digests: Mapping[str, str]
) -> dict[str, Any]:
    if not reason.strip():
        raise InputError("no reason was given", hint='as in --unblind "approved by the review"')
    with open_catalog(catalog, mode="write") as opened:
        with opened.writing() as books:
            row = unblindings.add(books, analysis=name, frozen=digest, why=reason, files=digests)
        opened.engine.dispose()  # what is read back now comes from the file, not from a connection
        with opened.reading() as reader:
            if row not in unblindings.listed(reader, frozen=digest):
                raise WorkError(f"the catalog {opened.location} did not keep the record")
            before = [look for look in unblindings.related(reader, row) if look["at"] <= row["at"]]
        return {**row, "catalog": opened.location, "before": before, "warnings": _changes(before)}


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if not Path(path).is_file():
        raise InputError(f"{path} is no file")
    try:
        return file_sha256(Path(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _changes(before: list[dict[str, Any]]) -> list[str]:
    """Return a sentence for each frozen analysis, other than this one, with which it was opened."""
    first = {look["frozen"]: look for look in reversed(before) if look["changed"]}
    more = len(first) - _MOST_TOLD
    first = dict(list(first.items())[-_MOST_TOLD:])
    left_out = [f"and with {more} more: `mcbook catalog results` lists them"] if more > 0 else []
    return left_out + [
        f"the box was opened before with another analysis: {look['analysis']}"
        f" ({frozen[:_SHOWN]}), on {look['at'][:10]} by {look['who']} ({look['why']});"
        " what was changed since was changed knowing the data"
        for frozen, look in first.items()
    ]
