"""How tags, owners and collections are laid out for people."""

from collections.abc import Sequence

import typer

from mcbook.cli import output
from mcbook.cli.output import Row

_COLLECTION = ["id", "name", "samples", "files", "events", "created", "who", "note"]


def changed(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print how many samples changed, and the tags that they have."""
    _dry(dry_run=dry_run)
    if format_ == "json":
        output.json_document(found)
        return
    if not found["samples"]:
        output.note("nothing matches")
        return
    typer.echo(f"{found['changed']} of {found['samples']} samples changed")
    if found.get("tags"):
        output.table(
            [{"tag": name, "samples": count} for name, count in found["tags"].items()],
            ["tag", "samples"],
        )


def created(found: Row, format_: str, *, dry_run: bool) -> None:
    """Print which collection there is now."""
    _dry(dry_run=dry_run)
    if format_ == "json":
        output.json_document(found)
    elif found["id"] is None:
        output.note("nothing matches: no collection was made")
    else:
        output.record({key: value for key, value in found.items() if key != "catalog"})


def collections(rows: Sequence[Row], format_: str) -> None:
    """Print the collections in the books."""
    if format_ == "json":
        output.json_document(rows)
    elif rows:
        output.table(rows, _COLLECTION)
    else:
        output.note("no collections are in the books")


def _dry(*, dry_run: bool) -> None:
    if dry_run:
        output.note("dry run, nothing was written")
