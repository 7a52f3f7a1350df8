"""The program ``mcbook`` and its commands."""

from typing import Annotated

import typer

from mcbook import __version__
from mcbook.cli import (
    batch,
    books,
    collection,
    efficiency,
    fit,
    lifecycle,
    limits,
    optimise,
    production,
    propose,
    registry,
    resolution,
    samples,
    select,
    tour,
)
from mcbook.cli.boundary import DEBUG, Group

app = typer.Typer(
    name="mcbook",
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("tour")(tour.tour)
app.command("models")(registry.models)
app.command("ufo")(registry.ufo)
app.command("generate")(samples.generate)
app.command("run")(production.run)
app.command("smear")(production.smear)
app.command("ingest")(production.ingest)
app.command("simulations")(production.simulations)
app.command("check")(production.check)
app.command("status")(production.status)
app.command("query")(samples.query)
app.command("show")(samples.show)
app.command("trace")(samples.trace)
app.command("tag")(lifecycle.tag)
app.command("note")(lifecycle.note)
app.command("own")(lifecycle.own)
app.command("retire")(lifecycle.retire)
app.command("diff")(samples.diff)
app.command("verify")(samples.verify)
app.command("resolution")(resolution.resolution)
app.command("optimise")(optimise.optimise)
app.command("select")(select.select)
app.command("limits")(limits.limits)
app.command("fit")(fit.fit)
app.command("propose")(propose.propose)
app.command("exec")(batch.execute)
app.command("collect")(batch.collect)
app.command("doctor")(production.doctor)
app.add_typer(batch.export, name="export")
app.add_typer(collection.app, name="collection")
app.add_typer(efficiency.app, name="efficiency")
app.add_typer(books.app, name="catalog")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[  # noqa: ARG001  the boundary reads it, wherever it stands
        bool, typer.Option(DEBUG, help="Show the traceback of an error.")
    ] = False,
) -> None:
    """From dark-sector signal models to Monte Carlo samples that can be found again.

    Options follow the command. Results go to stdout, everything else to stderr.
    Exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted.
    """
    if version:
        typer.echo(f"mcbook {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
