"""Limits as a submission to HEPData: submission.yaml, and a file for each table.

The format is HEPData's schema 1.1.1 (https://hepdata-submission.readthedocs.io). Numbers have nine
significant digits, and files are plain ASCII: other letters are escaped.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from mcbook.errors import InputError, WorkError
from mcbook.report.document import check_document
from mcbook.report.tables import Table, level, tables
from mcbook.report.validation import complaints

Files = dict[str, str | bytes]

SUBMISSION = "submission.yaml"
NO_FIGURES: Mapping[str, Path] = MappingProxyType({})

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SAFE_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_MOST_SHOWN = 5


class _Dumper(_SAFE_DUMPER):  # type: ignore[misc]
    """Writes what occurs twice twice: HEPData's readers are people as well."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def submission(document: Mapping[str, Any], *, figures: Mapping[str, Path] = NO_FIGURES) -> Files:
    """Return the files of a HEPData submission.

    Parameters
    ----------
    document
        A limits document, as `mcbook.report.document.read_document` gives it.
    figures
        Files that go along, by what they show.

    Returns
    -------
    dict
        Contents by file name: text of YAML files, bytes of figures.

    Raises
    ------
    InputError
        If the document is not right, no hypothesis in it has a limit (there would be no table), or
        a figure cannot be read.
    """
    check_document(document)
    found = tables(document)
    if not any(table.file.startswith("limits") for table in found):
        reasons = sorted({row["status"] for row in document["limits"]})[:_MOST_SHOWN]
        raise InputError(
            "no hypothesis of the limits document has a limit: there is nothing to submit",
            hint=f"what they say: {'; '.join(reasons)}",
        )
    pictures = _pictures(figures, {SUBMISSION, *(table.file for table in found)})
    head: dict[str, Any] = {"comment": _comment(document)}
    if pictures:
        head["additional_resources"] = [
            {"location": name, "description": about} for name, (about, _) in pictures.items()
        ]
    files: Files = {SUBMISSION: _dump(head, *(_entry(table) for table in found))}
    for table in found:
        files[table.file] = _dump(
            {"independent_variables": table.independent, "dependent_variables": table.dependent}
        )
    return files | {name: content for name, (_, content) in pictures.items()}


def write_submission(
    document: Mapping[str, Any],
    folder: str | Path,
    *,
    figures: Mapping[str, Path] = NO_FIGURES,
) -> list[str]:
    """Write a HEPData submission, whole or not at all.

    Where hepdata-validator is installed, it has to find nothing before the folder is put into
    place. An earlier submission there is replaced.

    Parameters
    ----------
    document, figures
        See `submission`.
    folder
        The folder of the submission, usually called ``hepdata``; folders above it are made.

    Returns
    -------
    list of str
        The files that were written.

    Raises
    ------
    InputError
        As `submission`, or if the folder holds anything but an earlier submission.
    WorkError
        If the validator finds something, or the folder cannot be written.
    """
    target = Path(folder)
    files = submission(document, figures=figures)
    _check_target(target)
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".mcbook-tmp-", dir=target.absolute().parent))
        try:
            _place(target, aside, files)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise WorkError(f"{target} cannot be written: {error.strerror or error}") from error
    return [str(target / name) for name in files]


def _place(target: Path, aside: Path, files: Files) -> None:
    """Write a folder aside, have it checked, and exchange it with what is there."""
    inner, old = aside / "new", aside / "old"
    inner.mkdir()
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode("ascii")
        (inner / name).write_bytes(raw)
    wrong = complaints(inner)
    if wrong:
        raise WorkError(
            f"hepdata-validator does not take the submission: {'; '.join(wrong[:_MOST_SHOWN])}",
            hint="nothing was written",
        )
    if target.exists():
        target.replace(old)
    try:
        inner.replace(target)
    except OSError:
        if old.exists():
            old.replace(target)
        raise


def _check_target(target: Path) -> None:
    """Refuse a folder in which something else would be lost."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"the folder {target} cannot be made: a file is there")
    there = set(os.listdir(target))  # noqa: PTH208 - names, as they stand in the submission
    others = sorted(there - _named(target / SUBMISSION))
    if others:
        raise InputError(
            f"{target} holds {others[0]}, which is of no submission there",
            hint="it would be lost: move it away, or name another folder",
        )


def _named(file: Path) -> set[str]:
    """Return the files of an earlier submission."""
    if not file.is_file():
        return set()
    try:
        found = [part for part in yaml.load_all(file.read_bytes(), Loader=_LOADER) if part]
        names = [part["data_file"] for part in found if "data_file" in part]
        for part in found:
            names += [entry["location"] for entry in part.get("additional_resources", [])]
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        return set()
    return {SUBMISSION, *map(str, names)}


def _pictures(figures: Mapping[str, Path], taken: set[str]) -> dict[str, tuple[str, bytes]]:
    """Return what figures show and their contents, by file name."""
    found: dict[str, tuple[str, bytes]] = {}
    for about, path in figures.items():
        name = Path(path).name
        if name in found or name in taken:
            raise InputError(f"{path}: a file {name} is in the submission already")
        try:
            found[name] = (about, Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"the figure {path} cannot be read: {error.strerror}") from None
    return found


def _comment(document: Mapping[str, Any]) -> str:
    """Return what holds for all tables."""
    result, name = document.get("result"), document.get("name")
    short = level(document)[1]
    parts = [
        f"Limits of {name}." if name else "Limits.",
        *(f"{document[key].rstrip('.')}." for key in ("title", "citation") if document.get(key)),
        f"{short.capitalize()}: {100 * document['cl']:.9g}%.",
        f"Result {result} of mcbook." if result else "",
        "Numbers have nine significant digits.",
    ]
    return " ".join(filter(None, parts))


def _entry(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "description": table.description,
        "keywords": table.keywords,
        "data_file": table.file,
    }


def _dump(*documents: dict[str, Any]) -> str:
    """Return YAML, in the order given."""
    text: str = yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=False, default_flow_style=None,
        explicit_start=len(documents) > 1, width=100,
    )  # fmt: skip
    return text
