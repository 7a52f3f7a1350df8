"""How the results of single commands are laid out for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from mcbook.cli import output
from mcbook.cli.output import Row

#: What a row of samples or points shows unless columns are asked for; parameters come after.
SAMPLE_COLUMNS = ("id", "process", "generator", "status", "n_events", "points")

#: What rows of points, of missing points and of near samples have on top.
POINT_COLUMNS = ("factor", "cross_section_fb", "branching_fraction", "reason", "distance")

#: A sample has one of them: the process decides which.
RATE_COLUMNS = frozenset({"cross_section_fb", "branching_fraction"})


def model_list(rows: Sequence[Row]) -> None:
    """Print the signal models of the registry."""
    output.table(rows, ["model", "title", "parameters", "default_process"])


def model(found: Row) -> None:
    """Print a signal model at one point."""
    typer.echo(f"{found['model']}: {found['title']}")
    typer.echo(f"{found['description']}\n")
    output.table([_parameter(row) for row in _named(found["parameters"], "parameter")], _PARAMETER)
    for name, value in found["constants"].items():
        typer.echo(f"constant {name} = {value:g}")
    typer.echo("")
    output.table([_derived(row) for row in _named(found["derived"], "derived")], _DERIVED)
    typer.echo("")
    output.table([_process(row) for row in _named(found["processes"], "process")], _PROCESS)
    for constraint in found["constraints"]:
        if not constraint["holds"]:
            output.note(f"does not hold here: {constraint['constraint']}")
    for warning in found["warnings"]:
        output.note(warning)


_PARAMETER = ["parameter", "value", "unit", "default", "allowed", "of interest", "description"]
_DERIVED = ["derived", "value", "unit", "with", "source"]
_PROCESS = ["process", "generator", "shape", "rate or lifetime", "expected", "unit"]
_SIGNS = {"minimum": ">=", "above": ">", "maximum": "<=", "below": "<"}


def _parameter(row: Row) -> Row:
    """Return what a line says about a parameter."""
    interest = row["interest"]
    return {
        **row,
        "allowed": [f"{_SIGNS[name]} {bound:g}" for name, bound in row["bounds"].items()],
        "of interest": f"{interest[0]:g} to {interest[1]:g}" if interest else None,
    }


def _derived(row: Row) -> Row:
    """Return what a line says about a derived quantity: its constants, and its width model."""
    value = row["reason"] if row["value"] is None else row["value"]
    model = row.get("width_model", {}).get(row["derived"])
    return {**row, "value": value, "with": _joined(row.get("constants", {}), model)}


def _joined(constants: Mapping[str, float], model: str | None) -> list[str]:
    """Return constants as assignments, followed by a width model where there is one."""
    return [*(f"{name} = {value:g}" for name, value in constants.items()), *filter(None, [model])]


def _process(row: Row) -> Row:
    """Return what a line says about a process."""
    roles = row["roles"].items()
    expected = row.get("expected") or {"value": row["reason"], "unit": None}
    return {
        **row,
        "shape": [name for name, role in roles if role == "shape"],
        "rate or lifetime": [name for name, role in roles if role not in ("shape", "unused")],
        "expected": expected["value"],
        "unit": expected["unit"],
    }


def _named(entries: Mapping[str, Row], name: str) -> list[dict[str, Any]]:
    """Return the entries of a mapping as rows that carry their key."""
    return [{name: key, **entry} for key, entry in entries.items()]


def generated(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print what ``generate`` did or would do, and what it rejected on stderr."""
    if format_ == "json":
        output.json_document(found)
        return
    samples = found["samples"]
    typer.echo(
        f"{found['model']}: {_many(found['points'], 'point')}, "
        f"{_many(samples['new'], 'new sample')}, {samples['existing']:,} existing, "
        f"{_many(found['parts']['new'], 'new part')}"
    )
    if found["shared_over"]:
        names = " and ".join(found["shared_over"])
        scale = "only scale" if len(found["shared_over"]) > 1 else "only scales"
        typer.echo(f"{names} {scale} rate and lifetime: such points share a sample")
    for text in found.get("warnings", ()):
        output.note(text)
    for text, count in _counted(found["rejected"]).items():
        output.note(f"{_many(count, 'point')} rejected: {text}")
    if dry_run:
        output.note("dry run, nothing was written")
        return
    if found["edited"]:
        have = "has" if found["edited"] == 1 else "have"
        output.note(
            f"{_many(found['edited'], 'sample')} {have} files that differ from the books:"
            " `mcbook verify` lists them"
        )
    books = output.cell(found["catalog"])
    typer.echo(f"{_many(found['files_written'], 'file')} in {found['directory']}, books in {books}")
    if found.get("command") and found["parts"]["new"]:
        typer.echo(f"run a part by hand:\n{output.GAP}{found['command']}")


def _many(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _counted(rejected: Sequence[Row]) -> dict[str, int]:
    """Return how many points each reason rejects."""
    counts: dict[str, int] = {}
    for point in rejected:
        counts[point["reason"]] = counts.get(point["reason"], 0) + 1
    return counts


def sample(shown: Row, format_: str) -> None:
    """Print all that the books know about a sample."""
    output.result(_with_short_points(shown) if format_ == "table" else shown, format_)


def traced(followed: Row, format_: str) -> None:
    """Print where a file or a number leads."""
    if format_ == "json":
        output.json_document(followed)
        return
    shown = dict(followed)
    if "points" in shown.get("sample", ()):
        shown["sample"] = _with_short_points(shown["sample"])
    if "results" in shown:
        shown["results"] = [_short_result(row) for row in shown["results"]]
    if shown["kind"] == "result":
        shown["result"] = _with_rows(shown["result"])
    if "point" in shown:
        shown["point"] = {**shown["point"], "limits": _short_limits(shown["point"]["limits"])}
        shown["result"] = _without_digests(shown["result"])
        shown["samples"] = [_without_cards(row) for row in shown["samples"]]
        shown["cards"] = [
            {"sample": row["id"], **card}
            for row in followed["samples"]
            for card in row.get("cards", ())
        ]
    output.record(shown)


def _short_result(row: Row) -> Row:
    """Return a result on one line, its points as ranges of their numbers."""
    keys = ("id", "name", "kind", "cl", "method", "created")
    points = {"points": _ranges([p["number"] for p in row["points"]])} if "points" in row else {}
    return {**{key: row[key] for key in keys}, **points, "unblinded": bool(row["unblinding"])}


def _ranges(numbers: Sequence[int]) -> str:
    """Return sorted numbers in short: ``1-3, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _with_rows(row: Row) -> Row:
    """Return a result whose points are rows of a table, parameters and limits as columns."""
    points = [
        {
            "point": point["number"],
            "hypothesis": point["hypothesis"],
            **point["parameters"],
            **_short_limits(point["limits"]),
            "samples": len(point["samples"]),
        }
        for point in row["points"]
    ]
    return {**_without_digests(row), "points": points}


def _short_limits(limits: Row) -> Row:
    """Return observed limit and expected median on what is limited, and how they came about."""
    rate = limits.get("rate", limits)
    expected = rate.get("expected") or [None]
    return {
        **({"limit on": rate["name"]} if "name" in rate else {}),
        "observed": rate.get("observed"),
        "expected": expected[len(expected) // 2],
        **{key: limits[key] for key in ("method", "status", "flags") if key in limits},
    }


def _without_digests(row: Row) -> Row:
    """Return a result without what only programs read."""
    looks = [{key: look[key] for key in ("at", "who", "why")} for look in row["unblindings"]]
    return {**row, "unblindings": looks}


def _without_cards(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "cards"}


def results(found: Row, format_: str) -> None:
    """Print the results in the books, and who opened which closed box."""
    if format_ == "json":
        output.json_document(found)
        return
    if not found["results"] and not found["unblindings"]:
        output.note("no results are in the books")
    if found["results"]:
        output.table(found["results"], _RESULT)
    if found["unblindings"]:
        typer.echo("unblindings:")
        output.table([_look(row) for row in found["unblindings"]], _LOOK)
    for row in found["unblindings"]:
        if not row["intact"]:
            output.note(f"{row['id']} is not as it was recorded: somebody edited it")


def efficiency_maps(rows: Sequence[Row], format_: str) -> None:
    """Print the efficiency maps in the books."""
    if format_ == "json":
        output.json_document(rows)
    elif rows:
        output.table(rows, ["id", "name", "rows", "samples", "regions", "axes", "created", "who"])
    else:
        output.note("no efficiency maps are in the books")


def acceptances(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print which part of the events of each sample is inside the detector."""
    for text in found["notes"]:
        output.note(text)
    if dry_run:
        output.note("dry run, nothing was written")
    if format_ == "json":
        output.json_document(found)
        return
    rows = [
        {
            **row,
            "acceptance": row["n_selected"] / max(row["n_generated"], 1),
        }
        for row in found["rows"]
    ]
    counts = ["n_generated", "n_selected", "acceptance"]
    output.table(rows, ["sample_id", *found["axes"], *counts])
    if not dry_run:
        same = "" if found["new"] else ", the same as before"
        typer.echo(f"written: {output.cell(found['file'])}{same}")


_RESULT = [
    "id",
    "name",
    "kind",
    "model",
    "cl",
    "method",
    "n_points",
    "created",
    "who",
    "unblinding",
]
_LOOK = ["id", "analysis", "frozen", "at", "who", "why", "changed"]


def _look(row: Row) -> Row:
    """Return a look into a box on one line."""
    return {**row, "frozen": row["frozen"][:12], "at": row["at"][:19] + "Z"}


def _with_short_points(shown: Row) -> Row:
    """Return a sample whose points are rows of a table, without derived quantities.

    Constants are there where a point has others than the sample, and where the model has any.
    """
    moved = {
        name
        for point in shown["points"]
        for name, value in point["constants"].items()
        if value != shown["constants"].get(name)
    }
    points = [
        {
            **point["parameters"],
            **{name: point["constants"].get(name) for name in sorted(moved)},
            "factor": point["factor"],
            "wide": point["wide"],
        }
        for point in shown["points"]
    ]
    left_out = () if shown["constants"] else ("constants",)
    rest = {name: value for name, value in shown.items() if name not in left_out}
    return {**rest, "points": points}


def found(rows: Sequence[Row], columns: Sequence[str] | None, format_: str) -> None:
    """Print the rows of a query."""
    if format_ == "json":
        output.json_document(rows)
    elif format_ == "ids":
        for identity in dict.fromkeys(row["id"] for row in rows if row.get("id")):
            typer.echo(identity)
    elif format_ == "csv":
        output.csv(_flat(rows), columns or _columns(rows))
    elif rows:
        output.table(_flat(rows), columns or _columns(rows))
    else:
        output.note("nothing matches")


def _flat(rows: Sequence[Row]) -> list[Row]:
    """Return rows with parameters and derived quantities as columns."""
    return [{**row.get("derived", {}), **row.get("parameters", {}), **row} for row in rows]


def _columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns to show: plain ones of the rows, then the parameters."""
    names = dict.fromkeys(key for row in rows for key in row)
    usual = [name for name in SAMPLE_COLUMNS if name in names]
    parameters = dict.fromkeys(name for row in rows for name in row.get("parameters", {}))
    empty = {n for n in RATE_COLUMNS if all(row.get(n) is None for row in rows)}
    shown = (name for name in POINT_COLUMNS if name in names.keys() - empty)
    return [*usual, *parameters, *shown]
