"""``mcbook tour``: the files and the commands that lead from a grid to a limit."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcbook import config
from mcbook.errors import InputError, WorkError
from mcbook.resources import shipped
from mcbook.verbs.lookup import new_folder

Row = dict[str, Any]

MOST_JOBS = 4
FIGURE = "limits/limits.png"

_EXAMPLE = "tour"
_FILES = ("grid.yaml", "analysis.yaml")
_EVENTS = re.compile(r"^events: \w+ *", re.MULTILINE)


def plan_tour(
    folder: str | Path = "tour", *, events: int | None = None, dry_run: bool = False
) -> Row:
    """Write grid and analysis of a tour into a new folder, and say which commands are the tour.

    Where the folder has the same files already, it is a tour that goes on: each command does what
    is not done yet.

    Parameters
    ----------
    folder
        Where to; it is made.
    events
        Events of each sample, in place of those of the example.
    dry_run
        Write nothing.

    Returns
    -------
    dict
        ``directory``; ``new``, whether it was made; ``files`` written; ``steps``, in order, each
        with ``says``, what it does, and ``command``, the words behind ``mcbook``, to be run in the
        folder; ``figure``, where the main figure is in the end.

    Raises
    ------
    InputError
        If the folder is there and is no such tour, or the number of events is none.
    WorkError
        If it cannot be written.
    """
    if events is not None and events < 1:
        raise InputError(f"events is {events} and must be above 0")
    target = Path(folder)
    contents = _contents(events)
    is_new = not target.exists()
    if is_new:
        _lay_out(new_folder(target), contents, dry_run=dry_run)
    elif not _has(target, contents):
        raise InputError(
            f"{folder} is there already, and is no tour like this one",
            hint="name another folder, as in `mcbook tour mine`",
        )
    return {
        "directory": str(folder),
        "new": is_new,
        "files": [str(target / name) for name in contents] if is_new else [],
        "steps": _steps(_own_books(target)),
        "figure": str(target / FIGURE),
    }


def _contents(events: int | None) -> dict[str, str]:
    """Return the files of a tour by name."""
    source = shipped("models") / "examples" / _EXAMPLE
    found = {name: (source / name).read_text(encoding="utf-8") for name in _FILES}
    if events is not None:
        found["grid.yaml"] = _EVENTS.sub(f"events: {events} ", found["grid.yaml"])
    return found


def _has(target: Path, contents: Mapping[str, str]) -> bool:
    """Return whether a folder has just these files, whatever else is in it."""
    return all(
        (target / name).is_file() and (target / name).read_bytes() == text.encode()
        for name, text in contents.items()
    )


def _lay_out(target: Path, contents: Mapping[str, str], *, dry_run: bool) -> None:
    """Make the folder with its files, whole or not at all."""
    if dry_run:
        return
    aside = target.with_name(f".{target.name}-aside")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for name, text in contents.items():
            (aside / name).write_text(text, encoding="utf-8")
        aside.replace(target)
    except OSError as error:
        raise WorkError(f"{target} cannot be written: {error.strerror or error}") from error


def _own_books(target: Path) -> list[str]:
    """Return the words by which commands in a folder take books of its own."""
    is_nearest = (target / config.CATALOG_NAME).is_file()
    others = os.environ.get("MCBOOK_CATALOG") or config.load().catalog
    above = Path(config.catalog())
    if others or (not is_nearest and above.is_file()):
        return ["--catalog", config.CATALOG_NAME]
    return []


def _steps(books: list[str]) -> list[Row]:
    """Return what is done, one command after the other."""
    jobs = str(min(_cores(), MOST_JOBS))
    listed = {
        "plan a sample for each mass: cards, and books that know them": [
            "generate", "zprime", "--grid", "grid.yaml"
        ],
        "make the events; each file is checked and entered in the books": ["run", "--jobs", jobs],
        "hold the cross sections that were found against the formulas": ["check"],
        "boost the events to the laboratory: which have both muons in the detector?": [
            "efficiency", "acceptance", "acceptance.csv"
        ],
        "keep that as an efficiency map": [
            "efficiency", "add", "acceptance.csv", "--name", "acceptance"
        ],
        "set limits on the coupling, with figures, HEPData tables and a workspace": [
            "limits", "analysis.yaml", "--output", "limits"
        ],
    }  # fmt: skip
    return [{"says": says, "command": [*words, *books]} for says, words in listed.items()]


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
