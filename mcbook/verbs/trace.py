"""``mcbook trace``: from a file, an id or a seed back to the point, and on to every result."""

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mcbook.catalog import cutflows, simulations
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.efficiencies import REFERENCE
from mcbook.catalog.result import SIMULATION
from mcbook.catalog.results import split
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.production.publish import file_sha256
from mcbook.verbs import results
from mcbook.verbs.lookup import one_sample
from mcbook.verbs.show import describe

HEADER_BYTES = 1_000_000
"""How much of a file is searched for the id of a sample; generators print it near the top."""

_ID = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*-[0-9a-f]{12}(?![0-9a-f])")
_RESULT = re.compile(rb"(?<![A-Za-z0-9_-])r-[0-9a-f]{12}(?![0-9a-f])")
_CUTFLOW = re.compile(rb"(?<![A-Za-z0-9_-])k-[0-9a-f]{12}(?![0-9a-f])")
_WRITTEN = ("limits.json", "limits.csv", "submission.yaml")
"""What in the folder of a result names it, the surest first."""

_HASHES = (
    (REFERENCE, "efficiency map", results.describe_map),
    (cutflows.REFERENCE, "cutflow", results.describe_cutflow),
)
_GZIP = b"\x1f\x8b"


def trace(what: str | Path, *, catalog: str | None = None) -> dict[str, Any]:
    """Follow a file or a number back to the point and the sample, and on to every result.

    Parameters
    ----------
    what
        A file below a samples folder; any other file that names a sample or a result near its top,
        such as an LHE file or ``limits.csv``, and the folder of a result; a file that a result was
        made from; an id, or a prefix that only one sample has; the seed of a part; ``r-`` and the
        beginning of the id of a result, with ``:12`` behind it for one of its hypotheses; ``e-``
        and the beginning of the id of an efficiency map; ``k-`` and that of a cutflow.
    catalog
        Path or URL of the catalog.

    Returns
    -------
    dict
        ``what``; ``kind`` (card, shared file, file, folder, sample, part, simulation, simulated
        file, result, limit point, input, efficiency map, cutflow); ``file`` with the recorded and
        the present SHA-256, where it is one; ``part`` and ``simulation``, where it is of one;
        ``sample`` as `mcbook.show` gives it, or ``samples`` where there are several; ``result``,
        ``point``, ``map`` or ``cutflow`` with its ``rows``, of a cutflow the ``maps`` with its
        efficiencies, of an ntuple and of a map the ``cutflows``, and under ``results`` those that
        rest on it, with their points.

    Raises
    ------
    InputError
        If the file or number leads to nothing in the books.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        path, text = Path(what), str(what)
        if path.is_file() or (path.is_dir() and (len(path.parts) > 1 or _is_result(path))):
            return _trace_path(books, path)
        if path.exists() and not path.is_dir():
            raise InputError(
                f"{path} is a pipe or a device, no file", hint="give the file behind it"
            )
        return _trace_text(books, text)


def _trace_text(books: Reader, text: str) -> dict[str, Any]:
    """Return what an id or a seed leads to."""
    if text.isdigit() and (part := _part_of_seed(books, int(text))):
        return _found(books, text, "part", part["sample_id"], part=part["number"])
    for pattern, kind, describe_it in _HASHES:
        if pattern.fullmatch(text) and not _is_model(books, text.partition("-")[0]):
            return {"what": text, "kind": kind, **describe_it(books, text)}
    if SIMULATION.search(text):
        return {"what": text, **_simulation(books, simulations.find(books, text))}
    named = split(text)
    if named is not None and not _is_model(books, "r"):
        return _result(books, text, *named)
    try:
        return _found(books, text, "sample", one_sample(books, text)["id"])
    except InputError:
        if rest := results.resting_on(books, text):  # a sample of somebody else
            sample = {"id": text, "reason": results.NOT_HERE}
            return {"what": text, "kind": "sample", "sample": sample, "results": rest}
        raise


def _is_result(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _WRITTEN)


def _is_model(books: Reader, name: str) -> bool:
    """Return whether samples of a model are in the books, whose ids begin with its name."""
    column = table_of("samples").c.model
    return books.connection.execute(select(column).where(column == name)).first() is not None


def _result(books: Reader, what: str, prefix: str, number: int | None) -> dict[str, Any]:
    if number is None:
        found = results.describe_result(books, prefix)
        return {"what": what, "kind": "result", "result": found}
    return {"what": what, "kind": "limit point", **results.describe_point(books, prefix, number)}


def _trace_path(books: Reader, path: Path) -> dict[str, Any]:
    real = path.resolve()
    for storage, root in books.roots().items():
        resolved = root.resolve()
        if real.is_relative_to(resolved):
            found = _in_root(books, storage, real.relative_to(resolved).as_posix(), real)
            if found:
                return {"what": str(path), **found}
    files = [real] if real.is_file() else [real / name for name in _WRITTEN]
    for file in files:
        if file.is_file() and (found := _of_contents(books, file)):
            return {"what": str(path), **found}
    raise InputError(
        f"{path} leads to nothing in the books",
        hint=_hint(file for file in files if file.is_file()),
    )


def _of_contents(books: Reader, file: Path) -> dict[str, Any] | None:
    """Return where what a file says leads to: a result, a sample, or results made from it."""
    told = _file(file, None)
    for row in simulations.of_digests(books, [told["sha256"]]):
        return _simulated(books, row, told)
    head = _head(file)
    for identity in _named(_RESULT, head):
        if _exists(books, "results", identity):
            return {"kind": "result", "file": told,
                    "result": results.describe_result(books, identity)}  # fmt: skip
    made = results.reading_file(books, told["sha256"])
    if counted := _of_selection(books, told, head):
        return {**counted, "results": made or counted["results"]}
    if made:
        named = [name for name in _named(_ID, head) if _exists(books, "samples", name)]
        return {"kind": "input", "file": told, "samples": named, "results": made}
    for identity in _named(_ID, head):
        if _exists(books, "samples", identity):
            return _found(books, str(file), "file", identity) | {"file": told}
    return None


def _of_selection(books: Reader, told: dict[str, Any], head: bytes) -> dict[str, Any] | None:
    """Return the efficiency map that came from a file, or the cutflow that it names."""
    for _, identity in books.named("efficiency_maps", "id", [told["sha256"]], key="sha256"):
        return {"kind": "efficiency map", "file": told, **results.describe_map(books, identity)}
    for identity in _named(_CUTFLOW, head):
        if _exists(books, "cutflows", identity):
            return {"kind": "cutflow", "file": told, **results.describe_cutflow(books, identity)}
    return None


def _simulated(books: Reader, row: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """Return what a file behind a simulation is of, with the jobs in it."""
    its = simulations.find(books, row["simulation_id"])
    jobs = simulations.jobs_in(books, row["key"])
    return {
        **_simulation(books, its),
        "kind": "simulated file",
        "file": {**told, "recorded_sha256": row["sha256"]},
        "tier": row["tier"],
        "jobs": [job["key"] for job in jobs],
        "cutflows": results.cutflows_of_file(books, row["sha256"]),
        "events_generated": sum(job["events"] for job in jobs),
    }


def _simulation(books: Reader, row: dict[str, Any]) -> dict[str, Any]:
    """Return what a simulation is of; results rest on its sample."""
    sample = describe(books, one_sample(books, row["sample_id"]))
    (its,) = [one for one in sample["simulations"] if one["id"] == row["id"]]
    rest = results.resting_on(books, row["sample_id"])
    return {"kind": "simulation", "sample": sample, "simulation": its, "results": rest}


def _hint(files: Iterable[Path]) -> str:
    """Return what would lead somewhere; a result in other books is named."""
    for file in files:
        for identity in _named(_RESULT, _head(file)):
            return f"it names the result {identity}: `mcbook catalog merge` takes in its books"
    return "a file below a samples folder does, or one that names a sample or a result near its top"


def _in_root(books: Reader, storage: str, name: str, real: Path) -> dict[str, Any] | None:
    """Return what the books know about a path below a storage root."""
    shared = table_of("shared_files")
    rows = list(
        stored_rows(books, "shared_files", shared.c.storage == storage, shared.c.path == name)
    )
    if rows:
        samples = table_of("samples")
        definitions = [row["definition"] for row in rows]
        ids = select(samples.c.id).where(samples.c.definition.in_(definitions))
        return {
            "kind": "shared file",
            "file": _file(real, rows[0]["sha256"]),
            "definitions": definitions,
            "samples": list(books.connection.execute(ids.order_by(samples.c.id)).scalars()),
        }
    columns = table_of("simulated_files").c
    place = (columns.storage == storage, columns.path == name)
    for row in list(stored_rows(books, "simulated_files", *place)):
        return _simulated(books, row, _file(real, row["sha256"]))
    for part in _owners(books, "parts", storage, name):
        return _of_sample(books, part["sample_id"], part["number"], name, real)
    for sample in _owners(books, "samples", storage, name):
        return _of_sample(books, sample["id"], 0, name, real)
    return None


def _owners(books: Reader, table: str, storage: str, name: str) -> list[dict[str, Any]]:
    """Return the rows whose folder is at a path or above it."""
    columns = table_of(table).c
    parts = name.split("/")
    folders = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return list(
        stored_rows(books, table, columns.storage == storage, columns.directory.in_(folders))
    )


def _of_sample(books: Reader, identity: str, part: int, name: str, real: Path) -> dict[str, Any]:
    card = _recorded(books, "cards", identity, name)
    made = _recorded(books, "files", identity, name)
    kind = "card" if card else "folder" if real.is_dir() else "file"
    part = made["part"] if made else part
    found = _found(books, name, kind, identity, part=part or None)
    if real.is_file():
        known = card or made
        found["file"] = _file(real, known["sha256"] if known else None)
    return {key: value for key, value in found.items() if key != "what"}


def _recorded(books: Reader, table: str, identity: str, name: str) -> dict[str, Any] | None:
    columns = table_of(table).c
    rows = stored_rows(books, table, columns.sample_id == identity, columns.path == name)
    return next(iter(list(rows)), None)


def _found(
    books: Reader, what: str, kind: str, identity: str, *, part: int | None = None
) -> dict[str, Any]:
    sample = describe(books, one_sample(books, identity))
    found: dict[str, Any] = {"what": what, "kind": kind, "sample": sample}
    if part is not None:
        found["part"] = next(row for row in sample["parts"] if row["number"] == part)
    return found | {"results": results.resting_on(books, identity)}


def _file(real: Path, recorded: str | None) -> dict[str, Any]:
    return {"path": str(real), "recorded_sha256": recorded, "sha256": file_sha256(real)}


def _part_of_seed(books: Reader, seed: int) -> dict[str, Any] | None:
    return next(iter(list(stored_rows(books, "parts", table_of("parts").c.seed == seed))), None)


def _exists(books: Reader, table: str, identity: str) -> bool:
    column = table_of(table).c.id
    return books.connection.execute(select(column).where(column == identity)).first() is not None


def _head(path: Path) -> bytes:
    """Return the top of a file, unpacked where it is packed."""
    with path.open("rb") as handle:
        is_packed = handle.read(2) == _GZIP
    try:
        with gzip.open(path) if is_packed else path.open("rb") as handle:
            return handle.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _named(pattern: re.Pattern[bytes], head: bytes) -> list[str]:
    """Return what in the top of a file looks like an id, without repeats."""
    return list(dict.fromkeys(found.decode() for found in pattern.findall(head)))
