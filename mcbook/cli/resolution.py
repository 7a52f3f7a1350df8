"""The command that fits signal shapes."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.options import (
    Catalog,
    DryRun,
    FileJobs,
    Format,
    Models,
    SelectionFile,
    Simulation,
    output_folder,
)
from mcbook.cli.samples import Expression


def resolution(
    file: SelectionFile,
    expression: Expression = None,
    output_: Annotated[
        Path,
        typer.Option(
            "--output", metavar="DIR", parser=output_folder, help="Folder for table and figures."
        ),
    ] = Path("resolution"),
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw the shapes and their pulls.")
    ] = True,
    jobs: FileJobs = 1,
    simulation: Simulation = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Fit the signal shape of each sample: mean and widths, with pulls in a report."""
    from mcbook.cli import resolution_tables
    from mcbook.verbs.resolution import measure_resolution as verb

    with output.progress("resolution") as report:
        found = verb(
            file, expression, output=output_, figures=figures, jobs=jobs,
            simulations=simulation or (), catalog=catalog, models_dir=models_dir, dry_run=dry_run,
            progress=report,
        )  # fmt: skip
    resolution_tables.resolutions(found, format_, dry_run=dry_run)
