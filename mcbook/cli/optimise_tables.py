"""How chosen cut values are laid out for people."""

from collections.abc import Mapping
from typing import Any

import typer

from mcbook.cli import output
from mcbook.cli.output import Row


def optimised(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print the chosen values, a line for each hypothesis."""
    for text in (*found["warnings"], *found["notes"]):
        output.note(text)
    if dry_run:
        output.note("dry run, nothing was written")
    if format_ == "json":
        output.json_document(found)
        return
    on = "all events" if found["split"] is None else f"events without {found['split']}"
    typer.echo(f"{found['selection']}, region {found['region']}, a = {found['a']:g}; on {on}:")
    rows = [_line(row, found["axis"]) for row in found["points"]]
    output.table(rows, list(rows[0]))
    for name in found["written"]:
        typer.echo(f"written: {output.cell(name)}")


def _line(row: Mapping[str, Any], axis: str) -> Row:
    """Return a hypothesis with its values, and what they give on the events that judge them."""
    judged = row["validation"] or row["training"]
    return {
        axis: row[axis],
        **row["values"],
        "efficiency": f"{judged['efficiency']:.4g} +- {judged['efficiency_error']:.2g}",
        "background": f"{judged['background']:.4g} +- {judged['background_error']:.2g}",
        "figure of merit": f"{judged['fom']:.4g} +- {judged['fom_error']:.2g}",
        "lost by smoothing": f"{100 * row['loss']:.2g}%",
    }
