"""How the results of production are laid out for people."""

from collections import Counter
from collections.abc import Sequence

import typer

from mcbook.cli import output
from mcbook.cli.output import Row

_PULLS = ["model", "process", "generator", "samples", "mean", "width"]
_STATUS = ["model", "process", "generator", "samples", "planned", "running", "failed",
           "generated", "retired", "events", "events_left", "size", "size_left",
           "cpu", "cpu_left"]  # fmt: skip
_THOUSAND = 1000


def made(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print what was made, and why some parts were not."""
    for text in found["notes"]:
        output.note(text)
    if format_ == "json":
        output.json_document(found)
        return
    parts = found["parts"]
    if dry_run:
        new = found["planned"]["parts"]
        typer.echo(f"{parts['asked']} parts to make" + (f", {new} of them new" if new else ""))
        return
    told = [f"{parts['made']} of {parts['asked']} parts made, {found['events']} events"]
    told += [f"{parts[name]} {name}" for name in ("adopted", "failed", "held", "left")
             if parts[name]]  # fmt: skip
    typer.echo(", ".join(told))
    if not parts["asked"]:
        output.note("nothing is left to be made there: `mcbook status` says what there is")
    for failure in found["failures"]:
        typer.echo(f"{failure['sample']} part {failure['part']}: {failure['reason']}")
        if failure["log"]:
            typer.echo(f"  log: {output.from_here(failure['log'])}")


def failed(found: Row) -> str:
    """Return how many parts failed, and why the rest was left."""
    number = len(found["failures"])
    stopped = f"; the rest is left: {found['stopped']}" if found["stopped"] else ""
    return f"{number} part{'s' * (number > 1)} failed{stopped}"


def entered(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print what came into the books, and what was refused."""
    if dry_run:
        output.note("dry run, nothing was written")
    if format_ == "json":
        output.json_document(found)
        return
    files = found["files"]
    behind = [row for row in found["entered"] if "simulation" in row]
    generated = sum(row["events_generated"] for row in behind)
    told = f"{files['new']} new file{'s' * (files['new'] != 1)}, {found['events']} events"
    if behind:
        told += f", {len(behind)} behind simulations for {generated} generated events"
    typer.echo(f"{told}; {files['known']} known, {files['refused']} refused")
    for entry in found["refused"]:
        typer.echo(f"{output.from_here(entry['path'])}: {entry['reason']}")
        if entry["hint"]:
            typer.echo(f"  {entry['hint']}")


def checked(found: Row, format_: str) -> None:
    """Print pulls by process, and what is wrong."""
    if format_ == "json":
        output.json_document(found)
        return
    output.table(found["processes"], _PULLS)
    for row in found["outliers"]:
        typer.echo(
            f"{row['id']}: {row['cross_section_fb']:.5g} fb, {row['expected_fb']:.5g} expected,"
            f" pull {row['pull']:.1f}"
        )
    for row in found["seeds"]:
        typer.echo(f"seed {row['seed']}: {', '.join(row['samples'])}")
    for row in found["missing"]:
        typer.echo(f"{row['id']}: {output.from_here(row['path'])} is not there as it was")
    flying = Counter((row["particle"], row["reason"]) for row in found["lifetimes"])
    for (name, reason), number in flying.items():
        what = f"{name} flies, and {reason}" if name else reason
        output.note(f"{number} sample{'s' * (number > 1)}: {what}")
    for reason, number in Counter(row["reason"] for row in found["left_out"]).items():
        output.note(f"{number} sample{'s' * (number > 1)} without a pull: {reason}")


def smeared(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print how many ntuples were made."""
    if format_ == "json":
        output.result(found, format_, dry_run=dry_run)
        return
    counts, of = found["files"], found["simulations"]
    told = f"simulations: {of['new']} new, {of['existing']} there before"
    if dry_run:
        output.note("dry run, nothing was written")
        told += f"; ntuples to be made: {counts['asked']}"
    else:
        told += f"; ntuples: {counts['made']} made, {counts['adopted']} adopted"
        told += f", {counts['known']} known; {found['events']} events"
    typer.echo(told)
    if counts["held"]:
        output.note(f"{counts['held']} left: another mcbook is at them")
    for text in found["notes"]:
        output.note(text)


def simulations(rows: Sequence[Row], format_: str) -> None:
    """Print simulations, and how much of each there is."""
    if format_ == "json":
        output.json_document(rows)
        return
    output.table(
        [
            {
                **row,
                "lifetimes": "; ".join(map(_lifetime, row["displacement"])),
                "files": "; ".join(
                    f"{tier} {of['jobs']} of {row['jobs']}" for tier, of in row["files"].items()
                ),
            }
            for row in rows
        ],
        ["id", "release", "campaign", "experiment", "background", "lifetimes", "jobs", "events",
         "files"],
    )  # fmt: skip


def _lifetime(one: Row) -> str:
    decay = one["decay"]
    if decay is None:
        return f"{one['name']} {one['mechanism']}"
    return f"{one['name']} {decay['kind']} {decay['length_mm']:.6g} mm"


def states(rows: Sequence[Row], format_: str) -> None:
    """Print how far production is."""
    if format_ == "json":
        output.json_document(rows)
        return
    output.table(
        [
            {
                **row,
                "size": _bytes(row["bytes"]),
                "cpu": _hours(row["cpu_s"]),
                "size_left": _bytes(row["bytes_left"]),
                "cpu_left": _hours(row["cpu_s_left"]),
            }
            for row in rows
        ],
        _STATUS,
    )


def programs(rows: Sequence[Row], format_: str) -> None:
    """Print which programs there are."""
    if format_ == "json":
        output.json_document(rows)
        return
    output.table(rows, ["generator", "program", "path", "version"])
    for row in rows:
        if row["path"] is None:
            output.note(f"{row['program']} was not found: {row['wanted']}")


def _bytes(value: float | None) -> str | None:
    if value is None:
        return None
    for unit in ("B", "kB", "MB", "GB"):
        if value < _THOUSAND:
            return f"{value:.3g} {unit}"
        value /= _THOUSAND
    return f"{value:.3g} TB"


def _hours(value: float | None) -> str | None:
    return None if value is None else f"{value / 3600:.3g} h"
