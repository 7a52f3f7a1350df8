"""How limits are laid out for people."""

from collections.abc import Sequence
from typing import Any

import typer

from mcbook.cli import output
from mcbook.cli.output import Row
from mcbook.errors import WorkError

_LIMIT = ("observed", "-2 sigma", "-1 sigma", "expected", "+1 sigma", "+2 sigma")


def limits(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print limits, with the method of each; where there is none at all the work failed."""
    from mcbook.verbs.publication import has_limits

    if format_ == "json":
        output.json_document(found["limits"])
    elif dry_run:
        output.note("dry run, nothing was computed or written")
    else:
        _limits(found)
    if found["limits"] and not has_limits(found):
        raise WorkError(f"no hypothesis has a limit: {found['limits'][0]['status']}")


def _limits(found: Row) -> None:
    is_analysis = found["kind"] == "analysis"
    what = found["rate"]["name"] if is_analysis else "the signal strength"
    closed = " (box closed: expected limits only)" if is_analysis and not found["unblinded"] else ""
    bayesian = any(row["method"] == "bayesian" for row in found["limits"])
    kind = "credibility level" if bayesian else "CLs confidence level"
    is_interval = any(row.get("rate", {}).get("kind") == "intervals" for row in found["limits"])
    word = "limits" if is_interval else "upper limits"
    typer.echo(f"{word} on {what} at {100 * found['cl']:g}% {kind}{closed}")
    if is_analysis:
        _of_analysis(found)
    else:
        _of_counts(found["limits"])
    if "comparison" in found:
        _comparison(found["comparison"])
    for name in found["files"]:
        typer.echo(f"written: {name}")


def _comparison(found: Row) -> None:
    """Print two results side by side; ratios are of the other one over this one."""
    for text in found["warnings"]:
        output.note(text)
    typer.echo("ratios of the other result to this one")
    rows = [
        {
            **row["parameters"],
            "hypothesis": row["hypothesis"],
            **{
                f"{name} {key}": row[name][key]["ratio"]
                for name in found["quantities"]
                for key in ("observed", "expected")
            },
        }
        for row in found["rows"]
    ]
    by = ["hypothesis"] if found["matched_by"] == ["hypothesis"] else found["matched_by"]
    ratios = [f"{name} {key}" for name in found["quantities"] for key in ("observed", "expected")]
    shown = [name for name in ratios if any(row[name] is not None for row in rows)]
    output.table(rows, [*by, *shown])
    alone = [found["only_first"], found["only_second"]]
    if any(alone):
        output.note(f"{alone[0]} hypotheses are only in this result, {alone[1]} only in the other")


def _of_counts(limits: Sequence[Row]) -> None:
    rows = [
        {
            **row["parameters"],
            **row,
            **dict(zip(_LIMIT, [row["observed"], *row["expected"]], strict=True)),
        }
        for row in limits
    ]
    parameters = dict.fromkeys(name for row in limits for name in row["parameters"])
    output.table(rows, ["hypothesis", *parameters, *_LIMIT, "observed_events", "method", "status"])


def _of_analysis(found: Row) -> None:
    """Print the limits on what is limited; the status tells why there is none."""
    rows = []
    for row in found["limits"]:
        rate = row["rate"]
        ends = rate.get("open") or {"observed": None, "expected": [None] * 5}
        shown = [
            _limit(value, how)
            for value, how in zip(
                (rate["observed"], *rate["expected"]),
                (ends["observed"], *ends["expected"]),
                strict=True,
            )
        ]
        flags = [flag for flag in row["flags"] if flag not in {"generated", "interpolated"}]
        note = rate.get("note", {}).get("expected", [""] * 5)[2]
        status = "; ".join(filter(None, (row["status"], note, *flags)))
        rows.append({**row["parameters"], **row, **dict(zip(_LIMIT, shown, strict=True)),
                     "status": status})  # fmt: skip
    names = found["scanned"] or ["hypothesis"]
    limits = _LIMIT if found["unblinded"] else _LIMIT[1:]
    output.table(rows, [*names, *limits, "method", "status"])


def _limit(value: Any, ends: Any) -> Any:
    """Return a limit, or excluded intervals as text; an end that is no edge is in brackets."""
    if not isinstance(value, list):
        return value
    return (
        " ".join(
            "..".join(
                f"({x:.4g})" if how else f"{x:.4g}" for x, how in zip(pair, hows, strict=True)
            )
            for pair, hows in zip(value, ends, strict=True)
        )
        or None
    )
