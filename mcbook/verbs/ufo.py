"""``mcbook ufo``: write the UFO package of a signal model."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook.errors import InputError
from mcbook.registry.closure import process_particles
from mcbook.registry.loader import find_process, load_model, with_constants
from mcbook.ufo import writer
from mcbook.ufo.check import check_package
from mcbook.ufo.content import Content, content


def write(
    model: str,
    directory: str | Path,
    *,
    process: str | None = None,
    constants: Mapping[str, float] | None = None,
    dry_run: bool = False,
    models_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Write the UFO package of a signal model, whole or the slice that one process uses.

    Nothing is overwritten: a folder that is there already must hold the same files, as it does
    after the same command.

    Parameters
    ----------
    model
        Name of the model.
    directory
        Folder of the package; its parent must exist.
    process
        Only what this process needs.
    constants
        Other values for the model's constants.
    dry_run
        Say what would be written, write nothing.
    models_dir
        A folder that is looked into first for the model.

    Returns
    -------
    dict
        ``model``, ``process``, ``directory``, ``files``, the SHA-256 ``digest`` of the files, and
        the number ``files_written``.

    Raises
    ------
    InputError
        If a name is not known, or the folder is there with other contents.
    WorkError
        If the package does not hold the numbers of the registry.
    """
    entry = with_constants(load_model(model, models_dir), constants or {})
    if process is None:
        collected = content(entry)
    else:
        found = find_process(entry, process)
        collected = content(entry, found.interactions, process_particles(entry, found))
    files = writer.package(collected)
    target = Path(directory)
    is_new = _check(target, files)
    if is_new and not dry_run:
        _place(target, files, collected)
    return {
        "model": entry.name,
        "process": process,
        "directory": str(target),
        "files": sorted(files),
        "digest": writer.digest(files),
        "files_written": len(files) if is_new and not dry_run else 0,
    }


def _check(target: Path, files: Mapping[str, bytes]) -> bool:
    """Return whether the folder has to be written."""
    if not target.exists():
        if not target.absolute().parent.is_dir():
            raise InputError(
                f"{target.parent} is not a folder", hint="make it first, or give another folder"
            )
        return True
    for name, text in files.items():
        path = target / name
        if not path.is_file() or path.read_bytes() != text:
            raise InputError(
                f"{target} is there, and {name} in it is not what would be written",
                hint="mcbook never overwrites: give the name of a new folder",
            )
    return False


def _place(target: Path, files: Mapping[str, bytes], collected: Content) -> None:
    """Write the files aside, check them against the registry and rename the folder into place."""
    aside = Path(tempfile.mkdtemp(prefix=".mcbook-tmp-", dir=target.absolute().parent))
    try:
        inner = aside / "ufo"
        inner.mkdir()
        for name, text in files.items():
            (inner / name).write_bytes(text)
        check_package(inner, collected)
        inner.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
