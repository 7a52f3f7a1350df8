"""Commands on efficiency maps, in files and in the books."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mcbook.cli import output
from mcbook.cli.boundary import Group
from mcbook.cli.options import Catalog, DryRun, Format, Models, numbers, output_folder, words
from mcbook.cli.samples import Expression
from mcbook.errors import WorkError

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Make efficiency maps, look at them, and keep them."
)

Map = Annotated[
    str,
    typer.Argument(
        metavar="MAP", help="A table or ROOT file, or the name or id of a map in the books."
    ),
]
Region = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="One region; all by default.", show_default=False),
]
Axes = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Axes of the map; by default the columns of a table, or what tells samples apart.",
        show_default=False,
    ),
]
Threshold = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help="Beyond it the efficiency is 0, such as 'm_zp < 8.6'; may be given several times.",
        show_default=False,
    ),
]


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


@app.command()
def show(
    map_: Map,
    region: Region = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="AXIS=VALUE,...", help="What the map says at a point.", show_default=False
        ),
    ] = None,
    axes: Axes = None,
    threshold: Threshold = None,
    interval: Annotated[
        Literal["clopper-pearson", "jeffreys"], typer.Option(help="Interval of the efficiencies.")
    ] = "clopper-pearson",
    cl: Annotated[float, typer.Option(metavar="LEVEL", help="Its confidence level.")] = 0.683,
    catalog: Catalog = None,
    format_: Format = "table",
) -> None:
    """Show the counts of a map with efficiencies, and what it says at a point."""
    from mcbook.cli import efficiency_tables
    from mcbook.verbs.mapviews import show_efficiency_map as verb

    found = verb(
        map_, region=region, at=numbers(at, "--at") if at else None, axes=words(axes),
        thresholds=threshold or (), interval=interval, cl=cl, catalog=catalog,
    )  # fmt: skip
    efficiency_tables.shown(found, format_)


@app.command()
def plot(
    map_: Map,
    output_: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="DIR",
            parser=output_folder,
            help="Folder for the figures (PNG, PDF) and their numbers (CSV).",
        ),
    ],
    region: Region = None,
    axes: Axes = None,
    threshold: Threshold = None,
    systematics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Uncertainties by source (YAML): systematics as an analysis has them.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[str, typer.Option(help="Label of the figures.")] = "own work",
    catalog: Catalog = None,
    models: Models = None,
    format_: Format = "table",
) -> None:
    """Draw a map with its errors: curves, planes, or slices."""
    from mcbook.cli import efficiency_tables
    from mcbook.verbs.mapplots import plot_efficiency_map as verb

    found = verb(
        map_, output=output_, region=region, axes=words(axes), thresholds=threshold or (),
        systematics=systematics, label=label, catalog=catalog, models_dir=models,
    )  # fmt: skip
    efficiency_tables.plotted(found, format_)


@app.command()
def check(
    map_: Map,
    region: Region = None,
    axes: Axes = None,
    threshold: Threshold = None,
    catalog: Catalog = None,
    format_: Format = "table",
) -> None:
    """Predict each node of a map from all others; fail where the errors cannot be right."""
    from mcbook.cli import efficiency_tables
    from mcbook.verbs.mapviews import check_efficiency_map as verb

    found = verb(map_, region=region, axes=words(axes), thresholds=threshold or (), catalog=catalog)
    efficiency_tables.checked(found, format_)
    if found["failed"]:
        raise WorkError(
            efficiency_tables.failed(found),
            hint="look at the samples that are named, or make some between them",
        )
