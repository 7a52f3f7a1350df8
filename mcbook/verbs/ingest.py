"""``mcbook ingest``: files with events come into the books."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mcbook.catalog import files
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import InputError, McbookError
from mcbook.ingest.bind import Binder, Bound, read
from mcbook.ingest.records import file_row
from mcbook.production.making import Made
from mcbook.production.publish import TEMPORARY, Progress, file_sha256
from mcbook.verbs.lookup import one_sample

Row = dict[str, Any]

KINDS = (".lhe", ".lhe.gz", ".jsonl")
"""What is looked for in folders."""


def ingest(
    paths: Sequence[str | Path],
    *,
    sample: str | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Check files with events, bind each to its sample and part, and enter it in the books.

    Files stay where they are. The same file again is nothing new, so that an ingest can be run
    again after it was stopped.

    Parameters
    ----------
    paths
        Files, and folders that are looked through for LHE files and event lines of EvtGen.
    sample
        Id of the sample that files without an id are of, or a prefix that only it has.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would be entered.
    progress
        Called with the number of files done and their total.

    Returns
    -------
    dict
        ``catalog``; ``files``, counts: ``new``, ``known``, ``refused``; ``events`` that are new;
        ``entered``, each with ``path``, ``sample``, ``part``, ``events``; ``refused``, each with
        ``path``, ``reason``, ``hint``.

    Raises
    ------
    InputError
        If a path is not there, or there is no catalog or no such sample.
    """
    listed = list(_files(paths))
    found: Row = {"entered": [], "refused": []}
    counts = {"new": 0, "known": 0, "refused": 0}
    with open_catalog(catalog, mode="read") as opened:
        with opened.reading() as books:
            row = one_sample(books, sample) if sample is not None else None
        for number, path in enumerate(listed, 1):
            try:
                told = _one(opened, path, (models_dir, row), dry_run=dry_run)
                counts["new" if told else "known"] += 1
                found["entered"] += [told] if told else []
            except McbookError as error:
                counts["refused"] += 1
                name = str(path).encode("utf-8", "backslashreplace").decode()
                told = {"path": name, "reason": error.message, "hint": error.hint}
                found["refused"].append(told)
            if progress is not None:
                progress(number, len(listed))
        location = opened.location
    events = sum(entry["events"] for entry in found["entered"])
    return {"catalog": location, "files": counts, "events": events, **found}


def _files(paths: Sequence[str | Path]) -> Iterator[Path]:
    """Yield files, those in folders as well; what is still being made lies in hidden folders."""
    for given in paths:
        path = Path(given).absolute()
        if path.is_file():
            yield path
        elif path.is_dir():
            for entry in sorted(path.rglob("*")):
                is_hidden = any(name.startswith(TEMPORARY) for name in entry.parts)
                if entry.name.endswith(KINDS) and entry.is_file() and not is_hidden:
                    yield entry
        else:
            raise InputError(f"there is no file or folder {given}")


def _one(
    opened: Catalog, path: Path, how: tuple[str | Path | None, Row | None], *, dry_run: bool
) -> Row | None:
    """Enter one file; return what it is, None where the books have it already."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError("its name is not in UTF-8") from error
    digest = file_sha256(path)
    models_dir, sample = how
    with opened.reading() as books:
        is_known = bool(files.of_digests(books, [digest]))
    if is_known:
        with opened.writing(keep=not dry_run) as books:
            _find_again(books, digest, path)
        return None
    said, generator = read(path)
    with opened.writing(keep=not dry_run) as books:  # the part must not change in between
        if files.of_digests(books, [digest]):
            return None
        bound = Binder(books, models_dir, sample).bind(said, generator)
        _check_free(books, bound)
        root, name = _place(books, path)
        made = Made(name, said, digest, path.stat().st_size)
        if bound.is_new:
            books.add_parts([bound.part])
        tier = generator.tier
        row = file_row(bound.part.sample_id, bound.part.number, tier, made, books.add_root(root))
        files.enter(books, [row])
    part = bound.part
    return {"path": str(path), "sample": part.sample_id, "part": part.number, "events": said.events}


def _find_again(books: Writer, digest: str, path: Path) -> None:
    """Record where a known file is now, if it is no longer where it was."""
    (row,) = files.of_digests(books, [digest])
    if not (books.root_path(row["storage"]) / row["path"]).is_file():
        root, name = _place(books, path)
        storage = books.add_root(root)
        books.change(
            "UPDATE files SET storage = ?, path = ? WHERE sha256 = ?", [(storage, name, digest)]
        )


def _check_free(books: Reader, bound: Bound) -> None:
    """Refuse a second file for a part."""
    for row in files.of_sample(books, bound.part.sample_id):
        if row["part"] == bound.part.number and row["tier"] == bound.generator.tier:
            path = books.root_path(row["storage"]) / row["path"]
            raise InputError(
                f"part {bound.part.number} of {bound.part.sample_id} has another file: {path}",
                hint="the same seed gives the same events; they must not count twice",
            )


def _place(books: Reader, path: Path) -> tuple[Path, str]:
    """Return the storage root that a file is in, its own folder if none, and the path below."""
    real = path.resolve()
    for root in sorted(books.roots().values(), key=lambda entry: -len(entry.parts)):
        if real.is_relative_to(root.resolve()):
            return root, real.relative_to(root.resolve()).as_posix()
    return real.parent, real.name
