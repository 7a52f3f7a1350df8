"""Commands that make events."""

from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.options import Catalog, DryRun, Format, Models
from mcbook.cli.samples import Expression
from mcbook.errors import WorkError


def run(
    expression: Expression = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Parts made side by side.")
    ] = 1,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many parts.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Take failed parts as well.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="MINUTES", help="Longest time for one part."),
    ] = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Make the events of planned samples on this machine, and enter them in the books."""
    from mcbook.verbs.run import run as verb

    with output.progress("run") as report:
        found = verb(
            expression,
            jobs=jobs,
            limit=limit,
            retry=retry,
            timeout_s=None if timeout is None else 60 * timeout,
            catalog=catalog,
            models_dir=models_dir,
            dry_run=dry_run,
            progress=report,
        )
    for text in found["notes"]:
        output.note(text)
    if format_ == "json":
        output.json_document(found)
    else:
        _print(found, dry_run=dry_run)
    if found["failures"]:
        count = len(found["failures"])
        stopped = f"; the rest is left: {found['stopped']}" if found["stopped"] else ""
        raise WorkError(
            f"{count} part{'s' * (count > 1)} failed{stopped}", hint="--retry takes them again"
        )


def _print(found: output.Row, *, dry_run: bool) -> None:
    """Print what was made, and why some parts were not."""
    parts = found["parts"]
    if dry_run:
        typer.echo(f"{parts['asked']} parts to make")
        return
    told = [f"{parts['made']} of {parts['asked']} parts made, {found['events']} events"]
    told += [f"{parts[name]} {name}" for name in ("adopted", "failed", "held", "left")
             if parts[name]]  # fmt: skip
    typer.echo(", ".join(told))
    for failure in found["failures"]:
        typer.echo(f"{failure['sample']} part {failure['part']}: {failure['reason']}")
        if failure["log"]:
            typer.echo(f"  log: {output.from_here(failure['log'])}")


def doctor(format_: Format = "table") -> None:
    """List the programs that generators run, and which are found here."""
    from mcbook.verbs.doctor import doctor as verb

    rows = verb()
    if format_ == "json":
        output.json_document(rows)
        return
    output.table(rows, ["generator", "program", "path", "version"])
    for row in rows:
        if row["path"] is None:
            output.note(f"{row['program']} was not found: {row['wanted']}")
