"""Commands on efficiency maps in the books."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.boundary import Group
from mcbook.cli.options import Catalog, DryRun, Format, Models
from mcbook.cli.samples import Expression

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Make efficiency maps, and look after them in the books."
)


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


@app.command()
def acceptance(
    file: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="The table to be written, a .csv file.")
    ],
    expression: Expression = None,
    min_pt: Annotated[
        float, typer.Option("--min-pt", metavar="GEV", help="Least p_T of a track, in the lab.")
    ] = 0.1,
    min_energy: Annotated[
        float, typer.Option("--min-energy", metavar="GEV", help="Least energy of a photon.")
    ] = 0.1,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write which part of generated events is in the detector: no trigger, no reconstruction."""
    from mcbook.cli import tables
    from mcbook.verbs.acceptance import measure_acceptance as verb

    with output.progress("acceptance") as report:
        found = verb(
            file, expression, min_pt=min_pt, min_energy=min_energy, catalog=catalog,
            models_dir=models_dir, dry_run=dry_run, progress=report,
        )  # fmt: skip
    tables.acceptances(found, format_, dry_run=dry_run)
