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


def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files with events, or folders of them.")
    ],
    sample: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The sample that files without an id are of."),
    ] = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Check files with events, and bind each to its sample in the books."""
    from mcbook.verbs.ingest import ingest as verb

    with output.progress("ingest") as report:
        found = verb(
            paths, sample=sample, catalog=catalog, models_dir=models_dir, dry_run=dry_run,
            progress=report,
        )  # fmt: skip
    if format_ == "json":
        output.json_document(found)
    else:
        files = found["files"]
        typer.echo(
            f"{files['new']} new files, {found['events']} events; {files['known']} known,"
            f" {files['refused']} refused"
        )
        for entry in found["refused"]:
            typer.echo(f"{output.from_here(entry['path'])}: {entry['reason']}")
            if entry["hint"]:
                typer.echo(f"  {entry['hint']}")
    if dry_run:
        output.note("dry run, nothing was written")
    if found["refused"]:
        count = len(found["refused"])
        raise WorkError(f"{count} file{'s' * (count > 1)} refused")


def check(
    expression: Expression = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    format_: Format = "table",
) -> None:
    """Hold what generators found against what the registry expects."""
    from mcbook.verbs.check import check as verb

    found = verb(expression, catalog=catalog, models_dir=models_dir)
    if format_ == "json":
        output.json_document(found)
    else:
        output.table(found["processes"], ["model", "process", "samples", "mean", "width"])
        for row in found["outliers"]:
            typer.echo(
                f"{row['id']}: {row['cross_section_fb']:.5g} fb, {row['expected_fb']:.5g} expected,"
                f" pull {row['pull']:.1f}"
            )
        for row in found["seeds"]:
            typer.echo(f"seed {row['seed']}: {', '.join(row['samples'])}")
        for row in found["missing"]:
            typer.echo(f"{row['id']}: {output.from_here(row['path'])} is not there as it was")
        if found["wide"]:
            output.note(f"{len(found['wide'])} samples are wide: no formula to hold them against")
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

    rows = verb(expression, catalog=catalog, models_dir=models_dir)
    if format_ == "json":
        output.json_document(rows)
        return
    shown = [
        {
            **row,
            "size": _bytes(row["bytes"]),
            "cpu": _hours(row["cpu_s"]),
            "size_left": _bytes(row["bytes_left"]),
            "cpu_left": _hours(row["cpu_s_left"]),
        }
        for row in rows
    ]
    output.table(shown, _STATUS)


_STATUS = ["model", "process", "samples", "planned", "running", "failed", "generated", "events",
           "events_left", "size", "size_left", "cpu", "cpu_left"]  # fmt: skip


def _bytes(value: float | None) -> str | None:
    if value is None:
        return None
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _hours(value: float | None) -> str | None:
    return None if value is None else f"{value / 3600:.3g} h"


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
