"""How efficiency maps, their checks and proposals are laid out for people."""

import typer

from mcbook.cli import output
from mcbook.cli.output import Row

_COUNTS = ("n_generated", "n_selected", "efficiency", "mc_error", "low", "high")


def shown(found: Row, format_: str) -> None:
    """Print the rows of a map, and what it says at a point."""
    if format_ == "json":
        output.json_document(found)
        return
    several = len(found["regions"]) > 1
    first = ["sample"] if any(row["sample"] for row in found["rows"]) else []
    columns = [*first, *(["region"] if several else []), *found["axes"], *_COUNTS]
    output.table([{**row, **row["point"]} for row in found["rows"]], columns)
    for row in found.get("at", ()):
        typer.echo("")
        _at(row, several=several)


def _at(row: Row, *, several: bool) -> None:
    where = ", ".join(f"{name} = {value:.6g}" for name, value in row["point"].items())
    typer.echo(f"{where}, region {row['region']}:" if several else f"{where}:")
    keys = ("efficiency", "mc_error", "interpolation_error", "error", "flag", "samples", "reason")
    kept = {key: row[key] for key in keys if row[key] not in (None, [])}
    output.record(kept, output.GAP)


def checked(found: Row, format_: str) -> None:
    """Print pulls of the nodes of a map, and what they add up to."""
    if format_ == "json":
        output.json_document(found)
        return
    several = len(found["regions"]) > 1
    first = ["sample"] if any(row["sample"] for row in found["rows"]) else []
    columns = [*first, *(["region"] if several else []), *found["axes"]]
    rows = [{**row, **row["point"]} for row in found["rows"]]
    output.table(rows, [*columns, "measured", "predicted", "residual", "pull"])
    for entry in found["regions"]:
        typer.echo(_summary(entry))
        if entry["outliers"]:
            output.note(f"pulls beyond 3: {', '.join(entry['outliers'])}")


def _summary(entry: Row) -> str:
    name = f"{entry['region']}: " if entry["region"] else ""
    told = f"{name}{entry['predicted']} of {entry['nodes']} nodes predicted ({entry['method']})"
    if not entry["predicted"]:
        return told
    return (
        f"{told}: rms of pulls {entry['pull_rms']:.2f}, of residuals {entry['residual_rms']:.2g}; "
        f"|pull| < 1: {entry['within_1']:.0%}, < 2: {entry['within_2']:.0%}"
    )


def failed(found: Row) -> str:
    """Return which regions have pulls that are too wide."""
    bad = [entry for entry in found["regions"] if not entry["good"]]
    told = "; ".join(
        f"{entry['region'] or found['map']}: rms of pulls {entry['pull_rms']:.2f},"
        f" {len(entry['outliers'])} beyond 3"
        for entry in bad
    )
    return f"pulls as wide as these have a chance below 0.001: {told}"


def plotted(found: Row, format_: str) -> None:
    """Print which figures were written."""
    if format_ == "json":
        output.json_document(found)
        return
    for name in found["files"]:
        typer.echo(f"written: {output.cell(name)}")


def proposed(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print which samples would help most, and by how much."""
    for text in found["notes"]:
        output.note(text)
    if dry_run:
        output.note("dry run, nothing was written")
    if format_ == "json":
        output.json_document(found)
        return
    rows = [
        {**row, **row["point"], "error after": f"{row['after']:.2%}"} for row in found["proposals"]
    ]
    names = list(dict.fromkeys(name for row in found["proposals"] for name in row["point"]))
    output.table(rows, ["number", *names, "what", "events", "target", "error after"])
    typer.echo(
        f"relative error of the expected {found['limit']}, from efficiencies:"
        f" {found['before']:.2%} now, {found['after']:.2%} then"
    )
    for name in found["files"]:
        typer.echo(f"written: {output.cell(name)}")
    for command in found["commands"]:
        typer.echo(f"{output.GAP}{command}")
