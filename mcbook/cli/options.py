"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mcbook.errors import InputError


def filled(param: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an option that was given and says nothing, which must be a slip of a script."""
    if value is not None and not value.strip(" ,"):
        raise InputError(f"{param.opts[0]} is empty", hint="leave it out, or give a value")
    return value


def output_folder(text: str | Path) -> Path:
    """Read the value of ``--output``; an empty path would mean this folder."""
    if not str(text).strip():
        raise InputError("--output is empty", hint="leave it out, or name a folder")
    return Path(text)


Catalog = Annotated[
    str | None,
    typer.Option(
        callback=filled,
        metavar="PATH_OR_URL",
        help="Path or SQLAlchemy URL of the catalog; without it MCBOOK_CATALOG, mcbook.toml, "
        "the nearest mcbook.db.",
        show_default=False,
    ),
]
Models = Annotated[
    Path | None,
    typer.Option(
        "--models", metavar="DIR", help="Folder with models of your own, looked into first."
    ),
]
Format = Annotated[
    Literal["table", "json"], typer.Option("--format", help="Print a table or json.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")]
SelectionFile = Annotated[Path, typer.Argument(metavar="FILE", help="The selection, a YAML file.")]
FileJobs = Annotated[
    int, typer.Option("--jobs", min=1, metavar="N", help="Files that are read side by side.")
]
Simulation = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ID",
        help="The simulation that is meant where a sample has several; or as in release=NAME. "
        "May be repeated.",
        show_default=False,
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many parts.")]
Retry = Annotated[bool, typer.Option("--retry", help="Take failed parts as well.")]
Minutes = Annotated[
    float | None,
    typer.Option("--timeout", min=0.001, metavar="MINUTES", help="Longest time for one part."),
]
Generator = Annotated[
    str | None,
    typer.Option(
        callback=filled,
        metavar="NAME",
        help="Another generator than the one that the registry names.",
    ),
]
Constants = Annotated[
    str | None,
    typer.Option("--set", metavar="NAME=VALUE,...", help="Other values of the model's constants."),
]


def numbers(text: str | None, option: str) -> dict[str, float]:
    """Read the ``name=value,name=value`` of an option, nothing where there is none."""
    from mcbook.grid import parse_assignments

    try:
        return {} if text is None else parse_assignments(text)
    except InputError as error:
        raise InputError(f"{option}: {error.message}", hint=error.hint) from None


def count(text: str | None) -> int | None:
    """Read a number of events such as ``50k``, None where there is none."""
    from mcbook.registry.numbers import parse_count

    return None if text is None else parse_count(text)


def words(text: str | None) -> list[str] | None:
    """Return the words of a list with commas, None where there is no list."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def seconds(minutes: float | None) -> float | None:
    """Return a time in seconds, None where there is none."""
    return None if minutes is None else 60 * minutes
