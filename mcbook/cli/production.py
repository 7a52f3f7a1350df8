"""Commands that make events."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output, production_tables
from mcbook.cli.options import (
    Catalog,
    DryRun,
    Format,
    Limit,
    Minutes,
    Models,
    Retry,
    count,
    filled,
    seconds,
)
from mcbook.cli.samples import Expression
from mcbook.errors import WorkError


def run(
    expression: Expression = None,
    generator: Annotated[
        str | None,
        typer.Option(
            callback=filled,
            metavar="NAME",
            help="Make them with this generator: what another was to make is planned for it, too.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Parts made side by side.")
    ] = 1,
    events: Annotated[
        str | None,
        typer.Option(metavar="N", help="Target for each sample, such as 50k: parts are added."),
    ] = None,
    limit: Limit = None,
    retry: Retry = False,
    timeout: Minutes = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Make the events of planned samples on this machine, and enter them in the books."""
    from mcbook.verbs.run import run as verb

    with output.progress("run") as report:
        found = verb(
            expression, generator=generator, jobs=jobs, events=count(events), limit=limit,
            retry=retry, timeout_s=seconds(timeout), catalog=catalog,
            models_dir=models_dir, dry_run=dry_run, progress=report,
        )  # fmt: skip
    production_tables.made(found, format_, dry_run=dry_run)
    if found["failures"]:
        raise WorkError(production_tables.failed(found), hint="--retry takes them again")


def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files with events, or folders of them.")
    ],
    sample: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The sample that files without an id are of."),
    ] = None,
    simulation: Annotated[
        str | None,
        typer.Option(callback=filled, metavar="ID", help="The simulation that ROOT files are of."),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            callback=filled, metavar="LIST", help="Its parts in them: all, or such as 1-3,5,7j2."
        ),
    ] = None,
    tier: Annotated[
        str | None,
        typer.Option(
            callback=filled, metavar="NAME", help="What files behind it are: mdst, ntuple."
        ),
    ] = None,
    filtered: Annotated[
        bool, typer.Option("--filtered", help="They may lack events that a filter took out.")
    ] = False,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Check files with events, and bind each to its sample or simulation in the books."""
    from mcbook.verbs.ingest import ingest as verb

    with output.progress("ingest") as report:
        found = verb(
            paths, sample=sample, simulation=simulation, parts=parts, tier=tier, filtered=filtered,
            catalog=catalog, models_dir=models_dir, dry_run=dry_run, progress=report,
        )  # fmt: skip
    production_tables.entered(found, format_, dry_run=dry_run)
    if refused := found["files"]["refused"]:
        raise WorkError(f"{refused} file{'s' * (refused > 1)} refused")


def smear(
    settings: Annotated[
        Path, typer.Argument(metavar="SETTINGS", help="Resolutions and efficiencies (YAML).")
    ],
    expression: Expression = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Parts smeared side by side.")
    ] = 1,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Take events of samples through a fast simulation: ntuples, bound to the samples."""
    from mcbook.verbs.smear import smear as verb

    with output.progress("smear") as report:
        found = verb(
            settings, expression, jobs=jobs, catalog=catalog, models_dir=models_dir,
            dry_run=dry_run, progress=report,
        )  # fmt: skip
    production_tables.smeared(found, format_, dry_run=dry_run)


def check(
    expression: Expression = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    format_: Format = "table",
) -> None:
    """Hold what generators found against what the registry expects."""
    from mcbook.verbs.check import check as verb

    found = verb(expression, catalog=catalog, models_dir=models_dir)
    production_tables.checked(found, format_)
    if found["failed"]:
        raise WorkError("the check did not hold")


def status(
    expression: Expression = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    format_: Format = "table",
) -> None:
    """Show how far production is, and what the rest will take."""
    from mcbook.verbs.status import status as verb

    production_tables.states(verb(expression, catalog=catalog, models_dir=models_dir), format_)


def doctor(format_: Format = "table") -> None:
    """List the programs that generators run, and which are found here."""
    from mcbook.verbs.doctor import doctor as verb

    production_tables.programs(verb(), format_)


def simulations(
    expression: Expression = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    format_: Format = "table",
) -> None:
    """List what was taken through the detector simulation, and what came of it."""
    from mcbook.verbs.simulations import list_simulations as verb

    found = verb(expression, catalog=catalog, models_dir=models_dir)
    production_tables.simulations(found, format_)
