"""Production elsewhere: exports, and the receipts of workers that see no catalog."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook.cards import engine
from mcbook.catalog import files
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, McbookError, WorkError
from mcbook.generators import get
from mcbook.generators.base import ReadBack
from mcbook.intake.records import file_row
from mcbook.production import manifest
from mcbook.production.making import Job, Made
from mcbook.production.manifest import DONE, FAILED, MANIFEST, RECEIPTS
from mcbook.production.publish import file_sha256
from mcbook.production.queue import Planned
from mcbook.verbs.lookup import new_folder, samples_to_make

Row = dict[str, Any]

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
    target = new_folder(folder)
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
        (aside / MANIFEST).write_text(manifest.text_of(lines), encoding="utf-8")
        script = engine.render("batch/b2luigi.py.j2", count=len(jobs))
        (aside / "production.py").write_bytes(script)
        (aside / "settings.json").write_text(json.dumps(SETTINGS, indent=1) + "\n")
        aside.rename(target)
    except OSError as error:
        where = error.filename or target
        raise WorkError(f"{where} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


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
    lines = manifest.read(home / MANIFEST)
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
            except (McbookError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
        for known in files.of_sample(books, receipt["sample"]):
            if (known["part"], known["tier"]) == (number, tier) and (
                known["sha256"] != receipt["sha256"]
            ):
                there = books.root_path(known["storage"]) / known["path"]
                raise InputError(f"part {number} was made elsewhere in between: {there} counts")
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
