"""Commands that make samples and find them again."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mcbook.cli import output, tables
from mcbook.cli.options import (
    Catalog,
    Constants,
    DryRun,
    Format,
    Generator,
    Models,
    count,
    filled,
    numbers,
    output_folder,
    words,
)
from mcbook.errors import WorkError

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of a sample, or a prefix that only it has.")
]
Expression = Annotated[
    str | None,
    typer.Argument(
        metavar="EXPRESSION",
        help="For example: \"model == 'idm' and 0.5 < m_chi1 <= 2\", or an id. None means all.",
    ),
]


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A signal model.")],
    grid: Annotated[Path, typer.Option(metavar="FILE", help="The grid of points, a YAML file.")],
    output_: Annotated[
        Path,
        typer.Option(
            "--output", metavar="DIR", parser=output_folder, help="Folder of the samples."
        ),
    ] = Path("samples"),
    process: Annotated[
        str | None,
        typer.Option(metavar="PROCESS", callback=filled, help="Process, in place of the grid's."),
    ] = None,
    generator: Generator = None,
    events: Annotated[
        str | None,
        typer.Option(help="Target for each sample, such as 50k; in place of the grid's."),
    ] = None,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="One sample for each point, none shared.")
    ] = False,
    max_points: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Largest grid that is accepted.", show_default=False),
    ] = None,
    set_: Constants = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write the cards of every point of a grid and enter the samples in the books."""
    from mcbook.verbs import generate as verb

    with output.progress(f"generate {model}") as report:
        found = verb.generate(
            model,
            grid,
            output=output_,
            process=process,
            generator=generator,
            events=count(events),
            reuse=not no_reuse,
            max_points=max_points,
            constants=numbers(set_, "--set"),
            catalog=catalog,
            models_dir=models_dir,
            dry_run=dry_run,
            progress=report,
        )
    tables.generated(found, format_, dry_run=dry_run)


def query(
    expression: Expression = None,
    format_: Annotated[
        Literal["table", "json", "csv", "ids"],
        typer.Option("--format", help="Print a table, json, csv or ids."),
    ] = "table",
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", callback=filled, help="Columns of a table or csv."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="NAME", help="Order by a column; -NAME for falling order.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many rows.")
    ] = None,
    points: Annotated[bool, typer.Option("--points", help="One row for each point.")] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Points of --grid that have no sample.")
    ] = False,
    grid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The grid for --missing.")
    ] = None,
    near: Annotated[
        str | None, typer.Option(metavar="NAME=VALUE,...", help="What is nearest to some values.")
    ] = None,
    catalog: Catalog = None,
    models_dir: Models = None,
) -> None:
    """Find samples by an expression over parameters, derived quantities and columns."""
    from mcbook.verbs import query as verb

    rows = verb.query(
        expression,
        catalog=catalog,
        sort=sort,
        limit=limit,
        columns=words(columns),
        points=points,
        missing=missing,
        grid=grid,
        near=numbers(near, "--near") or None,
        models_dir=models_dir,
        note=output.note if format_ == "table" else None,
    )
    tables.found(rows, words(columns), format_)


def show(id_: Id, catalog: Catalog = None, format_: Format = "table") -> None:
    """Show all that the books know about a sample."""
    from mcbook.verbs import show as verb

    tables.sample(verb.show(id_, catalog=catalog), format_)


def trace(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_ID",
            help="A file, the id of a sample, a cutflow, an efficiency map or a result, a seed, or "
            "r-...:12, the twelfth hypothesis of a result.",
        ),
    ],
    catalog: Catalog = None,
    format_: Format = "table",
) -> None:
    """Follow a file or an id back to its point and on to every result."""
    from mcbook.verbs import trace as verb

    tables.traced(verb.trace(what, catalog=catalog), format_)


def diff(a: Id, b: Id, catalog: Catalog = None, format_: Format = "table") -> None:
    """Say in what two samples differ."""
    from mcbook.verbs import diff as verb

    output.result(verb.diff(a, b, catalog=catalog), format_)


def verify(
    expression: Expression = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    format_: Format = "table",
) -> None:
    """Compare files with their recorded digests, and cards with what would be rendered now."""
    from mcbook.verbs import verify as verb

    output.note_own(models_dir)
    with output.progress("verify") as report:
        found = verb.verify(expression, catalog=catalog, models_dir=models_dir, progress=report)
    output.result(found, format_)
    if found["missing"] or found["changed"]:
        raise WorkError(
            "files or samples are not what the books say",
            hint="`generate` writes missing cards again; it never overwrites what was changed",
        )
    if found["failed"]:
        raise WorkError(
            "cards could not be rendered again, so that their values are unchecked",
            hint="models and templates are looked for in --models, MCBOOK_PATH and this folder",
        )
