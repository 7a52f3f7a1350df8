"""Commands on collections."""

from typing import Annotated

import typer

from mcbook.cli import lifecycle_tables
from mcbook.cli.boundary import Group
from mcbook.cli.lifecycle import Which
from mcbook.cli.options import Catalog, DryRun, Format, Models, filled

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Keep lists of samples that never change.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    expression: Which,
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", callback=filled, help="What it is for.")
    ] = None,
    with_retired: Annotated[
        bool, typer.Option("--with-retired", help="Take retired samples as well.")
    ] = False,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Keep the samples that match, with their files as they are, under a name."""
    from mcbook.verbs.collection import create_collection as verb

    found = verb(
        name, expression, note=note, with_retired=with_retired, catalog=catalog,
        models_dir=models_dir, dry_run=dry_run,
    )  # fmt: skip
    lifecycle_tables.created(found, format_, dry_run=dry_run)


@app.command("list")
def list_(catalog: Catalog = None, format_: Format = "table") -> None:
    """List the collections in the books."""
    from mcbook.verbs.collection import list_collections as verb

    lifecycle_tables.collections(verb(catalog=catalog), format_)


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name, or the beginning of its id.")
    ],
    catalog: Catalog = None,
    format_: Format = "table",
) -> None:
    """Show the samples of a collection, and what has changed since."""
    from mcbook.cli import output
    from mcbook.verbs.collection import show_collection as verb

    output.result(verb(name, catalog=catalog), format_)
