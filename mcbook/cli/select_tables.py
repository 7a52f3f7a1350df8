"""How cutflows and efficiencies are laid out for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from mcbook.cli import output
from mcbook.cli.output import Row


def selected(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print what ``select`` counted: the cutflow of one sample, a line for each of several."""
    for text in (*found["warnings"], *found["notes"]):
        output.note(text)
    if dry_run:
        output.note("dry run, nothing was written")
    if format_ == "json":
        output.json_document(found)
        return
    samples = found["samples"]
    if len(samples) == 1:
        _cutflow(found["cutflows"])
        typer.echo("")
    output.table([_line(row, found) for row in samples], _columns(found))
    for title, rows in (
        ("backgrounds", found["backgrounds"]),
        ("data", found["data"]["counts"] if found["data"] else []),
    ):
        if rows:
            typer.echo(f"\n{title}:")
            output.table(rows, list(rows[0]))
    if not dry_run:
        _end(found)


def _cutflow(rows: Sequence[Row]) -> None:
    """Print the cuts of one sample, region by region."""
    labels = list(dict.fromkeys((row["simulation_id"], row["region"]) for row in rows))
    for number, (simulation, region) in enumerate(labels):
        typer.echo("\n" * (number > 0) + f"{simulation}, {region}:")
        some = [r for r in rows if (r["simulation_id"], r["region"]) == (simulation, region)]
        output.table(list(_steps(some)), ["cut", "n", "sumw", "of all", "of those before"])


def _steps(rows: Sequence[Row]) -> Sequence[Mapping[str, Any]]:
    before = [row["sumw_generated"] for row in rows[:1]] + [row["sumw"] for row in rows[:-1]]
    return [
        {
            **row,
            "of all": row["sumw"] / row["sumw_generated"],
            "of those before": row["sumw"] / last if last else None,
        }
        for row, last in zip(rows, before, strict=True)
    ]


def _columns(found: Row) -> list[str]:
    return ["sample", *found["axes"], "n_generated", *found["regions"]]


def _line(row: Row, found: Row) -> Row:
    """Return a sample with its efficiency in each region."""
    return {
        "sample": row["simulation_id"] or row["sample_id"],
        **{name: row["parameters"].get(name) for name in found["axes"]},
        "n_generated": row["n_generated"],
        **{name: f"{one['efficiency']:.4g} +- {one['error']:.2g}"
           for name, one in row["regions"].items()},
    }  # fmt: skip


def _end(found: Row) -> None:
    """Say where it all is."""
    again = "" if found["new"] else ", the same as before"
    typer.echo(f"\ncutflow {found['id']}{again}")
    if found["map"]:
        again = "" if found["map"]["new"] else ", the same as before"
        typer.echo(f"efficiency map {found['map']['name']} ({found['map']['id']}){again}")
    for name in found["written"]:
        typer.echo(f"written: {output.cell(name)}")
    if not found["written"]:
        typer.echo(f"{output.cell(found['directory'])} holds the same files already")
