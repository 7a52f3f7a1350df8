"""Tables of fits, as they are printed."""

from typing import Any

import typer

from mcbook.cli import output

Row = dict[str, Any]


def fits(found: Row, format_: str) -> None:
    """Print the largest excess, and what toys say of the fits."""
    for text in found["notes"]:
        output.note(text)
    if format_ == "json":
        output.json_document(found)
        return
    if not found["unblinded"]:
        typer.echo(f"{found['name']} (box closed: no observed counts)")
    rows = [
        {
            **one["parameters"],
            "spurious": one["spurious"],
            "error": one["error"],
            "injected [sigma]": ", ".join(f"{x / one['error']:.3g}" for x in one["injected"]),
            "mean pull": ", ".join(f"{x:.2f}" for x in one["pull"]),
            "width": ", ".join(f"{x:.2f}" for x in one["width"]),
        }
        for one in found["injections"]
        if one["error"]
    ]
    if rows:
        typer.echo("signals in toys of the expected background, in events:")
        output.table(rows, list(rows[0]))
    _largest(found["largest"], found["toys"])
    for name in found["files"]:
        typer.echo(f"written: {name}")


def _largest(largest: Row | None, toys: int) -> None:
    if largest is None:
        return
    where = ", ".join(f"{name} = {value:.6g}" for name, value in largest["parameters"].items())
    typer.echo(
        f"largest excess at {where}: {largest['events']:.4g} +- {largest['events_error']:.2g}"
        f" events, {largest['significance']:.2f} sigma local (p = {largest['p_value']:.3g})"
    )
    for name, words in (("by_upcrossings", "upcrossings"), ("by_toys", f"{toys} toys")):
        if found := largest[name]:
            typer.echo(
                f"  global p-value by {words}: {found['p_value']:.3g}"
                f" ({found['low']:.3g} to {found['high']:.3g})"
            )
