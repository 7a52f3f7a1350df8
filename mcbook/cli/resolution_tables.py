"""How signal shapes are laid out for people."""

import typer

from mcbook.cli import output
from mcbook.cli.output import Row


def resolutions(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print the widths of each sample, and which fits are not to be trusted."""
    for text in (*found["warnings"], *found["notes"]):
        output.note(text)
    if dry_run:
        output.note("dry run, nothing was written")
    if format_ == "json":
        output.json_document(found)
        return
    columns = ["sample", *found["axes"], "mean", "sigma_w", "sigma_68", "p", "status"]
    output.table([_line(row) for row in found["samples"]], columns)
    for name in found["written"]:
        typer.echo(f"written: {output.cell(name)}")


def _line(row: Row) -> Row:
    pairs = {name: _pair(row[name], row[f"{name}_error"]) for name in ("mean", "sigma_w",
                                                                       "sigma_68")}  # fmt: skip
    return {**row, "sample": row["simulation_id"] or row["sample_id"], **pairs}


def _pair(value: float | None, error: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.5g} +- {error:.2g}" if error is not None else f"{value:.5g}"
