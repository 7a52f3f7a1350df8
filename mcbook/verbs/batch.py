"""Production elsewhere: exports, the worker that sees no catalog, and the receipts it leaves."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook.cards import engine
from mcbook.catalog import files
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, WorkError, did_you_mean
from mcbook.generators import get
from mcbook.generators.base import ReadBack
from mcbook.ingest.records import file_row
from mcbook.production import manifest
from mcbook.production.making import Job, Made, PartError, Worker, held, in_place
from mcbook.production.processes import Setup
from mcbook.production.publish import file_sha256, temporary
from mcbook.production.queue import Planned
from mcbook.verbs.lookup import samples_to_make

Row = dict[str, Any]

RECEIPTS, DONE, FAILED = "out", "done.json", "failed.json"
SETTINGS = {"workers": 4, "batch_system": "auto", "batch_status_cache_ttl": 10}
"""Settings of b2luigi to begin with; its default of two minutes between looks is long."""


def export(
    folder: str | Path,
    expression: str | None = None,
    *,
    limit: int | None = None,
    retry: bool = False,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
) -> Row:
    """Write planned parts into a folder of its own, to be made with b2luigi elsewhere.

    Parameters
    ----------
    folder
        A folder that is not there yet.
    expression
        Which samples; None means all.
    limit
        At most so many parts.
    retry
        Take failed parts as well.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say how many parts there are.

    Returns
    -------
    dict
        ``catalog``, ``directory``, ``parts``, ``events``, ``notes``.

    Raises
    ------
    InputError
        If the folder is there, the expression is not right or the id of a retired sample, or
        nothing is planned.
    """
    target = Path(folder)
    if target.exists():
        raise InputError(f"{folder} is there already", hint="name a folder that is not")
    notes: list[str] = []
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        ids = samples_to_make(books, expression, models_dir, notes)
        wanted = [files.PLANNED, files.FAILED] if retry else [files.PLANNED]
        jobs = list(Planned(books, models_dir, wanted, notes).jobs(ids))[:limit]
    if not jobs:
        raise InputError("nothing is planned there", hint="; ".join(notes) or None)
    if not dry_run:
        _write(target, jobs)
    return {
        "catalog": opened.location,
        "directory": str(folder),
        "parts": len(jobs),
        "events": sum(job.part.events for job in jobs),
        "notes": notes,
    }


def _write(target: Path, jobs: list[Job]) -> None:
    """Write the folder aside, and put it into place."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for source, name in dict.fromkeys(entry for job in jobs for entry in manifest.copied(job)):
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, aside / name)
        lines = [manifest.line_of(job) for job in jobs]
        (aside / manifest.MANIFEST).write_text(manifest.text_of(lines), encoding="utf-8")
        script = engine.render("batch/b2luigi.py.j2", count=len(jobs))
        (aside / "production.py").write_bytes(script)
        (aside / "settings.json").write_text(json.dumps(SETTINGS, indent=1) + "\n")
        aside.rename(target)
    except OSError as error:
        where = error.filename or target
        raise WorkError(f"{where} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def execute(
    manifest_file: str | Path,
    key: str,
    *,
    workdir: str | Path | None = None,
    timeout_s: float | None = None,
) -> Row:
    """Make one part of a manifest, and write its receipt last. The catalog is not opened.

    Parameters
    ----------
    manifest_file
        What `export` wrote.
    key
        The part.
    workdir
        A folder for what comes and goes, such as a local disk; the samples folder by default.
    timeout_s
        Longest time [s].

    Returns
    -------
    dict
        The receipt.

    Raises
    ------
    InputError
        If there is no such part, or its program is not found.
    WorkError
        If it cannot be made, or another worker is at it.
    """
    lines = manifest.read(manifest_file)
    if key not in lines:
        raise InputError(f"{manifest_file} has no part {key!r}", hint=did_you_mean(key, lines))
    folder = Path(manifest_file).absolute().parent
    receipts = folder / RECEIPTS / key
    if (receipts / DONE).is_file():
        return dict(json.loads((receipts / DONE).read_bytes()))
    job = manifest.job_of(lines[key], folder)
    program = job.campaign.program()
    if program.path is None:
        raise InputError(f"{program.name} was not found", hint=program.wanted)
    environment = {program.variable: str(program.path.absolute())} if program.variable else {}
    with held(job.root, key) as is_mine:
        if not is_mine:
            raise WorkError(f"another worker is at {key}")
        receipts.mkdir(parents=True, exist_ok=True)
        try:
            made = in_place(job) or _made(job, Path(workdir or job.root), environment, timeout_s)
        except PartError as error:
            log = job.log.relative_to(folder).as_posix() if job.log.is_file() else None
            told = {"key": key, "reason": error.message, "log": log, "host": socket.gethostname()}
            _put(receipts / FAILED, told)
            raise WorkError(f"{key}: {error.message}") from error
        receipt = _receipt(lines[key], job, made)
        _put(receipts / DONE, receipt)
        (receipts / FAILED).unlink(missing_ok=True)
    return receipt


def _made(job: Job, workdir: Path, environment: dict[str, str], timeout_s: float | None) -> Made:
    with temporary(workdir) as aside:
        setup = Setup(aside, environment, timeout_s, threading.Event())
        return Worker(setup, aside / "worker").make(job)


def _receipt(line: Mapping[str, Any], job: Job, made: Made) -> Row:
    found = made.found
    return {
        "schema": manifest.SCHEMA,
        "key": line["key"],
        **{name: line[name] for name in ("sample", "part", "seed", "generator")},
        "path": made.path,
        "sha256": made.sha256,
        "size": made.size,
        "events": found.events,
        "cross_section_fb": found.cross_section_fb,
        "cross_section_error_fb": found.cross_section_error_fb,
        "version": found.version,
        "parameters": dict(found.parameters),
        "beams": [list(beam) for beam in found.beams],
        "cpu_s": made.cpu_s,
        "wall_s": made.wall_s,
        "host": socket.gethostname(),
        "tier": job.generator.tier,
    }


def _put(path: Path, content: Row) -> None:
    """Write a receipt aside, and put it into place for good."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as out:
        json.dump(content, out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(path)


def collect(folder: str | Path, *, catalog: str | None = None, dry_run: bool = False) -> Row:
    """Enter what workers made in the books, by their receipts; again is nothing new.

    Parameters
    ----------
    folder
        What `export` wrote.
    catalog
        Path or URL of the catalog.
    dry_run
        Only say what would be entered.

    Returns
    -------
    dict
        ``catalog``; ``parts``, counts: ``asked``, ``new``, ``known``, ``failed``, ``refused``,
        ``waiting`` (without a receipt); ``events`` that are new; ``failures`` and ``refused``, each
        with ``key``, ``reason``.

    Raises
    ------
    InputError
        If that is no such folder, or there is no catalog.
    """
    home = Path(folder).absolute()
    lines = manifest.read(home / manifest.MANIFEST)
    counts = {"asked": len(lines), "new": 0, "known": 0, "failed": 0, "refused": 0, "waiting": 0}
    failures: list[Row] = []
    refused: list[Row] = []
    events = 0
    with open_catalog(catalog, mode="read") as opened:
        for key, line in lines.items():
            receipts = home / RECEIPTS / key
            try:
                if (receipts / DONE).is_file():
                    receipt = json.loads((receipts / DONE).read_bytes())
                    is_new = _enter(opened, home, receipt, dry_run=dry_run)
                    counts["new" if is_new else "known"] += 1
                    events += receipt["events"] * is_new
                elif (receipts / FAILED).is_file():
                    told = json.loads((receipts / FAILED).read_bytes())
                    counts["failed"] += 1
                    failures.append({"key": key, "reason": told["reason"], "log": told["log"]})
                    _fail(opened, line, told, dry_run=dry_run)
                else:
                    counts["waiting"] += 1
            except (WorkError, InputError, OSError, ValueError, KeyError) as error:
                counts["refused"] += 1
                refused.append({"key": key, "reason": str(getattr(error, "message", error))})
        location = opened.location
    return {
        "catalog": location, "parts": counts, "events": events, "failures": failures,
        "refused": refused,
    }  # fmt: skip


def _enter(opened: Catalog, home: Path, receipt: Mapping[str, Any], *, dry_run: bool) -> bool:
    """Enter the file of a receipt; return whether it is new."""
    root = home / manifest.SAMPLES
    path = root / receipt["path"]
    if not path.is_file():
        raise InputError(f"{path} is not there")
    if file_sha256(path) != receipt["sha256"]:
        raise InputError(f"{path} is not the file of its receipt")
    found = ReadBack(
        receipt["sample"], receipt["events"], receipt["cross_section_fb"],
        receipt["cross_section_error_fb"], receipt["seed"], receipt["version"],
        receipt["parameters"], tuple((int(i), float(e)) for i, e in receipt["beams"]),
    )  # fmt: skip
    made = Made(
        receipt["path"], found, receipt["sha256"], receipt["size"], receipt["cpu_s"],
        receipt["wall_s"],
    )  # fmt: skip
    with opened.writing(keep=not dry_run) as books:
        number = _number(books, receipt)
        tier = get(receipt["generator"]).tier
        row = file_row(receipt["sample"], number, tier, made, books.add_root(root))
        return bool(files.enter(books, [row]))


def _number(books: Reader, told: Mapping[str, Any]) -> int:
    """Return what the books call a part, by its seed."""
    for part in books.parts_of([told["sample"]]).get(told["sample"], []):
        if part.seed == told["seed"]:
            return int(part.number)
    raise InputError(f"{told['sample']} has no part with the seed {told['seed']} in the books")


def _fail(
    opened: Catalog, line: Mapping[str, Any], told: Mapping[str, Any], *, dry_run: bool
) -> None:
    """Mark a part that a worker could not make, unless it was made since."""
    with opened.writing(keep=not dry_run) as books:
        number = _number(books, line)
        columns = table_of("parts").c
        wanted = (columns.sample_id == line["sample"], columns.number == number)
        (part,) = stored_rows(books, "parts", *wanted)
        if part["status"] == files.PLANNED:
            detail = {"reason": told["reason"], "log": None, "host": told["host"]}
            files.fail(books, line["sample"], number, detail)
