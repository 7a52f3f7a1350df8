"""The command that sets upper limits."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output, tables
from mcbook.cli.options import DryRun, Format
from mcbook.errors import InputError


def limits(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A counts table (CSV) or a pyhf workspace.")
    ],
    cl: Annotated[
        float | None,
        typer.Option(metavar="LEVEL", help="Confidence level, such as 0.90.", show_default=False),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="auto, asymptotic, exact, hybrid, toys, bayesian or pyhf; auto chooses for each."
        ),
    ] = "auto",
    patchset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A pyhf patchset with a grid of signals.")
    ] = None,
    measurement: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measurement of the workspace.")
    ] = None,
    output_: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Folder for limits.csv and limits.json."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of toys.")] = 0,
    toys: Annotated[int, typer.Option(min=1000, help="Toys at each signal strength.")] = 10_000,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Set upper limits on the signal of every hypothesis, observed and expected."""
    from mcbook.verbs import limits as verb

    if cl is None:
        raise InputError("--cl is not given", hint="Belle II papers use --cl 0.90 or --cl 0.95")
    found = verb.set_limits(
        file,
        cl=cl,
        method=method,
        patchset=patchset,
        measurement=measurement,
        output=output_,
        seed=seed,
        n_toys=toys,
        dry_run=dry_run,
    )
    for text in found["notes"]:
        output.note(text)
    tables.limits(found, format_, dry_run=dry_run)
