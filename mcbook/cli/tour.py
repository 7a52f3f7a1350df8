"""The command that shows the whole way from a grid to a limit."""

import contextlib
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mcbook.cli import output
from mcbook.cli.options import DryRun, count

if TYPE_CHECKING:
    from mcbook.cli.boundary import Group

_END = """
The figure to look at: {figure}
Acceptance alone and no background: no real search does better. Where to go on:
  cd {directory} && mcbook trace limits/limits.csv     from the limits back to the samples
  docs/tutorial.md              grids, samples and books, step by step
  docs/how-to/analysis.md       efficiencies, backgrounds and counts of a real search"""


def tour(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder to be made for it.")
    ] = Path("tour"),
    events: Annotated[
        str | None, typer.Option(metavar="N", help="Events of each sample, such as 2k.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Go the whole way from a grid to a limit in a new folder, and show each command."""
    from mcbook.verbs.tour import plan_tour as verb

    found = verb(folder, events=count(events), dry_run=dry_run)
    for name in found["files"]:
        typer.echo(f"written: {name}" if not dry_run else name)
    typer.echo(f"\n$ cd {shlex.quote(found['directory'])}")
    for step in found["steps"]:
        typer.echo(f"\n# {step['says']}\n$ {shlex.join(['mcbook', *step['command']])}")
        if not dry_run:
            _run(step["command"], folder)
    if dry_run:
        output.note("dry run, nothing was written")
    else:
        typer.echo(_END.format(figure=found["figure"], directory=shlex.quote(found["directory"])))
        if shutil.which("mcbook") is None:
            activate = Path(sys.prefix, "bin", "activate")
            typer.echo(f"mcbook is not on the path yet: . {shlex.quote(str(activate))}")


def _run(words: Sequence[str], folder: Path) -> None:
    """Run a command in a folder; where it fails, so does the tour."""
    from mcbook.cli.app import app

    program = cast("Group", typer.main.get_command(app))
    with contextlib.chdir(folder):
        code = program.call(words)
    if code:
        raise typer.Exit(code)
