"""Commands on efficiency maps in the books."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.boundary import Group
from mcbook.cli.options import Catalog, DryRun, Format

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look after efficiency maps in the books.")


@app.command()
def add(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A table (.csv, .parquet, .yaml) with sample_id and counts."
        ),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the map is called in the books.")],
    catalog: Catalog = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Put an efficiency map into the books; the same again changes nothing."""
    from mcbook.verbs import efficiencies as verb

    output.result(
        verb.add_efficiency_map(file, name=name, catalog=catalog, dry_run=dry_run), format_
    )
    if dry_run:
        output.note("dry run, nothing was written")


@app.command("list")
def list_(catalog: Catalog = None, format_: Format = "table") -> None:
    """List the efficiency maps in the books."""
    from mcbook.cli import tables
    from mcbook.verbs import efficiencies as verb

    tables.efficiency_maps(verb.list_efficiency_maps(catalog=catalog), format_)
