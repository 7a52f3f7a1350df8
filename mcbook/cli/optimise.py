"""The command that chooses cut values."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import optimise_tables, output
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


def optimise(
    file: SelectionFile,
    expression: Expression = None,
    output_: Annotated[
        Path,
        typer.Option(
            "--output", metavar="DIR", parser=output_folder, help="Folder for table and figures."
        ),
    ] = Path("optimum"),
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw the values and their merit.")
    ] = True,
    jobs: FileJobs = 1,
    simulation: Simulation = None,
    label: Annotated[str, typer.Option(help="Label of the figures.")] = "own work",
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Choose the cut values of a selection by Punzi's figure of merit, smooth over the mass."""
    from mcbook.verbs.optimise import optimise as verb

    with output.progress("optimise") as report:
        found = verb(
            file, expression, output=output_, figures=figures, jobs=jobs,
            simulations=simulation or (), label=label, catalog=catalog, models_dir=models_dir,
            dry_run=dry_run, progress=report,
        )  # fmt: skip
    optimise_tables.optimised(found, format_, dry_run=dry_run)
