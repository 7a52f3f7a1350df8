"""``mcbook ingest``: files with events come into the books."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from mcbook.catalog import files, simulations
from mcbook.catalog.lifecycle import back, retirements, said_of
from mcbook.catalog.rows_simulation import SimulatedFileRow
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import InputError, McbookError
from mcbook.generators.rootfile import RootFile
from mcbook.intake.bind import Binder, Bound, is_root, read, read_root_of
from mcbook.intake.records import file_row
from mcbook.intake.simulated import GRID, BoundFile, Told, bind, check_count, tier_on_grid
from mcbook.production.making import Made
from mcbook.production.manifest import MANIFEST
from mcbook.production.publish import TEMPORARY, Progress, file_sha256
from mcbook.verbs.lookup import one_sample

Row = dict[str, Any]

MDST, NTUPLE = "mdst", "ntuple"
KINDS = (".lhe", ".lhe.gz", ".jsonl", ".root")
"""What is looked for in folders."""


def ingest(
    paths: Sequence[str | Path],
    *,
    sample: str | None = None,
    simulation: str | None = None,
    parts: str | None = None,
    tier: str | None = None,
    filtered: bool = False,
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
        Files, and folders that are looked through for LHE files, event lines of EvtGen and ROOT
        files; paths on the grid, which begin with ``/belle/``, are entered as they are.
    sample
        Id of the sample that files without an id are of, or a prefix that only it has.
    simulation
        Id of the simulation that ROOT files are of, where neither they nor their names say so.
    parts
        Parts of it that are in them: ``all``, or such as ``1-3,5,7j2`` (job 2 of part 7).
    tier
        What files behind the simulation are called; ``mdst`` or ``ntuple`` by what is in them.
    filtered
        They may have fewer events than went into their jobs.
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
        ``entered``, each with ``path``, ``sample``, ``part``, ``events``, those behind the
        simulation also with ``simulation``, ``tier``, ``jobs`` and ``events_generated``;
        ``refused``, each with ``path``, ``reason``, ``hint``.

    Raises
    ------
    InputError
        If a path is not there, or there is no catalog or no such sample.
    """
    listed = list(_files(paths))
    if tier is not None:
        simulations.check_tier(tier)
    found: Row = {"entered": [], "refused": []}
    counts = {"new": 0, "known": 0, "refused": 0}
    with open_catalog(catalog, mode="read") as opened:
        with opened.reading() as books:
            row = one_sample(books, sample) if sample is not None else None
            its = simulations.find(books, simulation) if simulation is not None else None
        how = _How(models_dir, row, Told(its, parts, tier, filtered))
        for number, (path, folder) in enumerate(listed, 1):
            try:
                told = _one(opened, path, replace(how, folder=folder), dry_run=dry_run)
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
    events = sum(row["events"] for row in found["entered"] if "simulation" not in row)
    return {"catalog": location, "files": counts, "events": events, **found}


@dataclass(frozen=True, slots=True)
class _How:
    """What somebody says of the files; `folder` is the one that was named, with a file in it."""

    models_dir: str | Path | None
    sample: Row | None
    told: Told
    folder: Path | None = None


def _files(paths: Sequence[str | Path]) -> Iterator[tuple[PurePath, Path | None]]:
    """Yield files, and the folder that was named where they are in one.

    What is still being made lies in hidden folders.
    """
    for given in paths:
        path = Path(given).absolute()
        if path.is_file():
            yield path, None
        elif path.is_dir():
            for entry in sorted(path.rglob("*")):
                is_hidden = any(name.startswith(TEMPORARY) for name in entry.parts)
                is_wanted = entry.name.endswith(KINDS) and entry.name != MANIFEST
                if is_wanted and entry.is_file() and not is_hidden:
                    yield entry, path
        elif str(given).startswith(GRID):
            yield PurePosixPath(given), None
        else:
            raise InputError(f"there is no file or folder {given}")


def _one(opened: Catalog, path: PurePath, how: _How, *, dry_run: bool) -> Row | None:
    """Enter one file; return what it is, None where the books have it already."""
    if not isinstance(path, Path):
        with opened.writing(keep=not dry_run) as books:
            return _simulated(books, path, None, None, how)
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError("its name is not in UTF-8") from error
    digest = file_sha256(path)
    with opened.reading() as books:
        is_known = bool(files.of_digests(books, [digest]))
        is_known = is_known or bool(simulations.of_digests(books, [digest]))
    if is_known:
        with opened.writing(keep=not dry_run) as books:
            _find_again(books, digest, path, how.folder)
            if (how.told.parts or how.told.tier) and is_root(path):
                _count_again(books, digest, path, how.told)
        return None
    if is_root(path):
        root = read_root_of(path)
        with opened.writing(keep=not dry_run) as books:
            bound = bind(books, root.words, path, how.told)
            if bound is not None:
                return _simulated(books, path, digest, root, how, bound)
    elif path.suffix == ".root":
        raise InputError(
            f"it is no ROOT file, though its name says so ({path.stat().st_size} bytes)",
            hint="the job that wrote it did not come to its end",
        )
    return _generated(opened, path, digest, how, dry_run=dry_run)


def _simulated(
    books: Writer,
    path: PurePath,
    digest: str | None,
    root: RootFile | None,
    how: _How,
    bound: BoundFile | None = None,
) -> Row | None:
    """Enter a file behind the simulation."""
    told = how.told
    bound = bound or bind(books, "", path, told)
    if bound is None:
        raise InputError(
            "nothing says of which simulation it is", hint="--simulation and --parts say so"
        )
    if gone := retirements(books, [bound.simulation["sample_id"]]):
        ((identity, why),) = gone.items()
        raise InputError(said_of(identity, why), hint=back(identity))
    tier = told.tier
    if tier is None and root is not None:
        tier = MDST if root.is_from_basf2 else NTUPLE
        if tier == NTUPLE and path.name.endswith(".mdst.root"):
            raise InputError(
                "its name says mdst, and it has not the trees of basf2: tree and persistent",
                hint="--tier says what it is",
            )
    tier = tier or tier_on_grid(path)
    storage, name, size = None, None, None
    if root is not None:
        if root.is_from_basf2:
            check_count(bound, root.rows, is_filtered=told.is_filtered)
        place, name = _place(books, Path(path), how.folder)
        storage, size = books.add_root(place), Path(path).stat().st_size
    row = SimulatedFileRow(
        digest or str(path), digest, bound.simulation["id"], tier, storage, name,
        None if root else str(path), size, root.rows if root else None, "", "",
    )  # fmt: skip
    if not simulations.enter_file(books, row, bound.keys):
        return None
    numbers = {job["part"] for job in bound.jobs}
    return {
        "path": str(path),
        "sample": bound.simulation["sample_id"],
        "part": numbers.pop() if len(numbers) == 1 else None,
        "events": row.events,
        "simulation": bound.simulation["id"],
        "tier": tier,
        "jobs": len(bound.jobs),
        "events_generated": bound.events,
    }


def _generated(opened: Catalog, path: Path, digest: str, how: _How, *, dry_run: bool) -> Row | None:
    """Enter a file with the events of a generator."""
    said, generator = read(path)
    with opened.writing(keep=not dry_run) as books:  # the part must not change in between
        if files.of_digests(books, [digest]):
            return None
        bound = Binder(books, how.models_dir, how.sample).bind(said, generator)
        _check_free(books, bound)
        root, name = _place(books, path, how.folder)
        made = Made(name, said, digest, path.stat().st_size)
        if bound.is_new:
            books.add_parts([bound.part])
        tier = generator.tier
        row = file_row(bound.part.sample_id, bound.part.number, tier, made, books.add_root(root))
        files.enter(books, [row])
    part = bound.part
    return {"path": str(path), "sample": part.sample_id, "part": part.number, "events": said.events}


def _find_again(books: Writer, digest: str, path: Path, folder: Path | None) -> None:
    """Record where a known file is now, if it is no longer where it was."""
    for table, rows in (
        ("files", files.of_digests(books, [digest])),
        ("simulated_files", simulations.of_digests(books, [digest])),
    ):
        for row in rows:
            if not (books.root_path(row["storage"]) / row["path"]).is_file():
                root, name = _place(books, path, folder)
                storage = books.add_root(root)
                books.change(
                    f"UPDATE {table} SET storage = ?, path = ? WHERE sha256 = ?",  # noqa: S608
                    [(storage, name, digest)],
                )


def _count_again(books: Writer, digest: str, path: Path, told: Told) -> None:
    """Give a known file the jobs and the tier that somebody names now, where they are others."""
    for row in simulations.of_digests(books, [digest]):
        its = told.simulation or simulations.find(books, row["simulation_id"])
        bound = bind(books, read_root_of(path).words, path, replace(told, simulation=its))
        if bound is not None and its["id"] == row["simulation_id"]:
            simulations.correct(books, row, bound.keys, told.tier or row["tier"])


def _check_free(books: Reader, bound: Bound) -> None:
    """Refuse a second file for a part."""
    for row in files.of_sample(books, bound.part.sample_id):
        if row["part"] == bound.part.number and row["tier"] == bound.generator.tier:
            path = books.root_path(row["storage"]) / row["path"]
            raise InputError(
                f"part {bound.part.number} of {bound.part.sample_id} has another file: {path}",
                hint="the same seed gives the same events; they must not count twice",
            )


def _place(books: Reader, path: Path, folder: Path | None) -> tuple[Path, str]:
    """Return the storage root that a file is in, and the path below.

    Where it is in none, that is the folder that was named, or its own.
    """
    real = path.resolve()
    for root in sorted(books.roots().values(), key=lambda entry: -len(entry.parts)):
        if real.is_relative_to(root.resolve()):
            return root, real.relative_to(root.resolve()).as_posix()
    top = (folder or real.parent).resolve()
    if not real.is_relative_to(top):  # a link that leads out
        top = real.parent
    return top, real.relative_to(top).as_posix()
