"""Commands on what people say of samples."""

from typing import Annotated

import typer

from mcbook.cli import lifecycle_tables
from mcbook.cli.options import Catalog, DryRun, Format, Models

Which = Annotated[
    str,
    typer.Argument(
        metavar="EXPRESSION",
        help="Which samples: an expression such as \"model == 'idm' and m_chi1 > 1\", or an id.",
    ),
]


def tag(
    expression: Which,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A tag to put on; may be given several times."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A tag to take off; may be given several times."),
    ] = None,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Put tags on samples and take others off; without any, count the tags that they have."""
    from mcbook.verbs.lifecycle import tag as verb

    found = verb(
        expression, add=add or (), remove=remove or (), catalog=catalog, models_dir=models_dir,
        dry_run=dry_run,
    )  # fmt: skip
    lifecycle_tables.changed(found, format_, dry_run=dry_run)


def note(
    expression: Which,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be said.")],
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Add a note to samples, with who and when."""
    from mcbook.verbs.lifecycle import note as verb

    found = verb(expression, text, catalog=catalog, models_dir=models_dir, dry_run=dry_run)
    lifecycle_tables.changed(found, format_, dry_run=dry_run)


def own(
    expression: Which,
    owner: Annotated[str, typer.Option(metavar="NAME", help="Who.")],
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Name who looks after samples; until then it is who planned them."""
    from mcbook.verbs.lifecycle import own as verb

    found = verb(expression, owner=owner, catalog=catalog, models_dir=models_dir, dry_run=dry_run)
    lifecycle_tables.changed(found, format_, dry_run=dry_run)


def retire(
    expression: Which,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    undo: Annotated[bool, typer.Option("--undo", help="Bring them back.")] = False,
    catalog: Catalog = None,
    models_dir: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Retire samples: they stay in the books, and are not made, exported or taken any more."""
    from mcbook.verbs.lifecycle import retire as verb

    found = verb(
        expression, reason=reason, undo=undo, catalog=catalog, models_dir=models_dir,
        dry_run=dry_run,
    )  # fmt: skip
    lifecycle_tables.changed(found, format_, dry_run=dry_run)
