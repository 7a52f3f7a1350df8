"""The worker side of production elsewhere, which sees no catalog.

It starts once for each part, so it imports nothing of the books.
"""

import json
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, WorkError, did_you_mean
from mcbook.production import manifest
from mcbook.production.holding import held
from mcbook.production.making import Job, Made, PartError, Worker, in_place
from mcbook.production.manifest import DONE, FAILED, RECEIPTS
from mcbook.production.processes import Setup
from mcbook.production.publish import temporary

Row = dict[str, Any]


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
