"""The command that says where to produce next."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.options import Catalog, DryRun, Format, Models, count


def propose(
    analysis: Annotated[Path, typer.Option("--for", metavar="FILE", help="The analysis (YAML).")],
    samples: Annotated[int, typer.Option(min=1, metavar="N", help="How many samples.")] = 10,
    output_: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="The grid file to be written.", show_default=False
        ),
    ] = None,
    candidates: Annotated[
        int, typer.Option(min=2, metavar="N", help="Points among which they are chosen.")
    ] = 200,
    events: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Events of each, such as 50k; by default the median of the maps' samples.",
            show_default=False,
        ),
    ] = None,
    catalog: Catalog = None,
    models: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Propose the samples that would shrink the error of an expected limit most."""
    from mcbook.cli import efficiency_tables
    from mcbook.verbs.propose import propose as verb

    with output.progress("propose"):
        found = verb(
            analysis, samples=samples, output=output_, candidates=candidates,
            events=count(events), catalog=catalog, models_dir=models, dry_run=dry_run,
        )  # fmt: skip
    efficiency_tables.proposed(found, format_, dry_run=dry_run)
