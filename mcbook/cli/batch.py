"""Commands for production elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.boundary import Group
from mcbook.cli.options import Catalog, DryRun, Format, Limit, Minutes, Models, Retry, seconds
from mcbook.cli.samples import Expression
from mcbook.errors import WorkError

export = typer.Typer(cls=Group, rich_markup_mode=None, help="Write planned parts for elsewhere.")


@export.command("b2luigi")
def export_b2luigi(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    expression: Expression = None,
    limit: Limit = None,
    retry: Retry = False,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write planned parts with a script for b2luigi: HTCondor, Slurm, LSF or this machine."""
    from mcbook.verbs.batch import export as verb

    found = verb(
        folder, expression, limit=limit, retry=retry, catalog=catalog, models_dir=models_dir,
        dry_run=dry_run,
    )  # fmt: skip
    output.result(found, format_, dry_run=dry_run)


def execute(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="The manifest.jsonl of an export.")
    ],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The part, as the manifest names it.")],
    workdir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the program works, such as a local disk."),
    ] = None,
    timeout: Minutes = None,
    format_: Format = "table",
) -> None:
    """Make one part of an export; what a batch job runs. It opens no catalog."""
    from mcbook.verbs.worker import execute as verb

    output.result(verb(manifest, key, workdir=workdir, timeout_s=seconds(timeout)), format_)


def collect(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")],
    catalog: Catalog = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Enter what the workers of an export made in the books."""
    from mcbook.verbs.batch import collect as verb

    found = verb(folder, catalog=catalog, dry_run=dry_run)
    output.result(found, format_, dry_run=dry_run)
    if wrong := len(found["failures"]) + len(found["refused"]):
        raise WorkError(f"{wrong} part{'s' * (wrong > 1)} failed or could not be entered")


Conditions = Annotated[
    Path,
    typer.Option(
        metavar="FILE", help="Release, campaign, global tags, background, lifetimes (YAML)."
    ),
]
Jobs = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many jobs.")]


@export.command("basf2")
def export_basf2(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    conditions: Conditions,
    expression: Expression = None,
    limit: Jobs = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write steering files for the detector simulation of samples, and what runs them here."""
    from mcbook.verbs.simulate import simulate as verb

    with output.progress("write") as report:
        found = verb(
            folder, conditions, expression, limit=limit, catalog=catalog, models_dir=models_dir,
            dry_run=dry_run, progress=report,
        )  # fmt: skip
    output.result(found, format_, dry_run=dry_run)


@export.command("gbasf2")
def export_gbasf2(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    conditions: Conditions,
    expression: Expression = None,
    background: Annotated[
        str | None, typer.Option(metavar="LPN", help="Data set with files of background.")
    ] = None,
    limit: Jobs = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write steering files for the detector simulation on the grid, and what submits them."""
    from mcbook.verbs.simulate import simulate as verb

    with output.progress("write") as report:
        found = verb(
            folder, conditions, expression, for_grid=True, background=background, limit=limit,
            catalog=catalog, models_dir=models_dir, dry_run=dry_run, progress=report,
        )  # fmt: skip
    output.result(found, format_, dry_run=dry_run)
