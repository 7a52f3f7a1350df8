"""The command that counts what a selection keeps of ntuples."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output, select_tables
from mcbook.cli.options import (
    Catalog,
    DryRun,
    FileJobs,
    Format,
    Models,
    SelectionFile,
    Simulation,
    filled,
    output_folder,
)
from mcbook.cli.samples import Expression


def select(
    file: SelectionFile,
    expression: Expression = None,
    output_: Annotated[
        Path,
        typer.Option(
            "--output", metavar="DIR", parser=output_folder, help="Folder for the tables."
        ),
    ] = Path("selected"),
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", callback=filled, help="Keep the efficiency map in the books, as NAME."
        ),
    ] = None,
    jobs: FileJobs = 1,
    simulation: Simulation = None,
    unblind: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Read the data outside of closed regions, and record who, when and why in the "
            "catalog.",
            show_default=False,
        ),
    ] = None,
    open_: Annotated[
        list[str] | None,
        typer.Option(
            "--open",
            metavar="REGION",
            help="A closed region of the data that is opened as well. May be repeated.",
            show_default=False,
        ),
    ] = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Count what a selection keeps of samples: cutflows, efficiencies, backgrounds, and data."""
    from mcbook.verbs.select import select as verb

    with output.progress("select") as report:
        found = verb(
            file, expression, output=output_, name=name, jobs=jobs, unblind=unblind,
            open_regions=open_ or (), simulations=simulation or (), catalog=catalog,
            models_dir=models_dir, dry_run=dry_run, progress=report,
        )  # fmt: skip
    select_tables.selected(found, format_, dry_run=dry_run)
