"""Commands on the catalog as a whole."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.boundary import Group
from mcbook.cli.options import Catalog, DryRun, Format

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look after the books themselves.")


@app.command()
def dump(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON lines to write; - for stdout.")
    ],
    catalog: Catalog = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Write the books as sorted JSON lines, for review and backup."""
    from mcbook.verbs import books as verb

    found = verb.dump(file, catalog=catalog, dry_run=dry_run)
    if str(file) != "-":
        output.result(found, format_)


@app.command()
def load(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON lines that `catalog dump` wrote.")
    ],
    catalog: Catalog = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Read dumped books into a catalog."""
    from mcbook.verbs import books as verb

    output.result(verb.load(file, catalog=catalog, dry_run=dry_run), format_)


@app.command()
def merge(
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="Another catalog, a path or a SQLAlchemy URL.")
    ],
    catalog: Catalog = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Take the samples, points and parts of another catalog into this one."""
    from mcbook.verbs import books as verb

    output.result(verb.merge(other, catalog=catalog, dry_run=dry_run), format_)


@app.command()
def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A catalog, a path or a SQLAlchemy URL.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The new one, such as postgresql://me@host/books.")
    ],
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Copy a whole catalog into a new one, such as one on a server."""
    from mcbook.verbs import books as verb

    output.result(verb.copy(source, target, dry_run=dry_run), format_)


@app.command()
def info(catalog: Catalog = None, format_: Format = "table") -> None:
    """Say which catalog is meant, its schema and how much it holds."""
    from mcbook.verbs import books as verb

    output.result(verb.info(catalog=catalog), format_)


@app.command()
def results(catalog: Catalog = None, format_: Format = "table") -> None:
    """List the results, and who opened which closed box, when and why."""
    from mcbook.cli import tables
    from mcbook.verbs import results as verb

    tables.results(verb.list_results(catalog=catalog), format_)
