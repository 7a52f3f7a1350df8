"""Commands that only need the registry."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output, tables
from mcbook.cli.options import Constants, DryRun, Format, Models, filled, numbers

Process = Annotated[
    str | None,
    typer.Option(
        metavar="PROCESS",
        callback=filled,
        help="One process, with /channel to pick one of its channels.",
    ),
]


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A signal model; none lists them.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="NAME=VALUE,...", help="Parameters; the others take their defaults."),
    ] = None,
    process: Process = None,
    set_: Constants = None,
    models_dir: Models = None,
    format_: Format = "table",
) -> None:
    """List the signal models, or describe one with all that follows from its parameters."""
    from mcbook.verbs import models as verb

    output.note_own(models_dir, name)
    if name is None:
        rows = verb.list_models(models_dir)
        tables.model_list(rows) if format_ == "table" else output.json_document(rows)
        return
    point, constants = numbers(at, "--at"), numbers(set_, "--set")
    found = verb.describe_model(name, point, process, constants, models_dir=models_dir)
    tables.model(found) if format_ == "table" else output.json_document(found)


def ufo(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A signal model.")],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the new UFO package.")
    ],
    process: Process = None,
    set_: Constants = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write the UFO package of a signal model."""
    from mcbook.verbs import ufo as verb

    output.note_own(models_dir, model)
    found = verb.write(
        model,
        directory,
        process=process,
        constants=numbers(set_, "--set"),
        dry_run=dry_run,
        models_dir=models_dir,
    )
    output.result(found, format_)
