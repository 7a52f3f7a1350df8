"""The command that sets upper limits."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import limit_tables, output
from mcbook.cli.options import Catalog, DryRun, Format, Models, output_folder, words
from mcbook.errors import InputError


def limits(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A counts table (CSV), a pyhf workspace (JSON) or an analysis (YAML).",
            show_default=False,
        ),
    ] = None,
    cl: Annotated[
        float | None,
        typer.Option(
            metavar="LEVEL",
            help="Confidence level, such as 0.90; an analysis may have it in its file.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="auto, asymptotic, exact, hybrid, toys, bayesian or pyhf; auto chooses for each. "
            "By default what an analysis says, else auto.",
            show_default=False,
        ),
    ] = None,
    patchset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A pyhf patchset with a grid of signals.")
    ] = None,
    measurement: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measurement of the workspace.")
    ] = None,
    output_: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            parser=output_folder,
            help="Folder for limits.csv and limits.json.",
        ),
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="What else goes there: figures,hepdata,workspace, or none; by default all of it "
            "for an analysis.",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="OTHER", help="Another limits.json, or its folder, to compare with."),
    ] = None,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Compare even where levels or methods differ.")
    ] = False,
    overlay: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Published limits (YAML) to draw into the figures."),
    ] = None,
    label: Annotated[str, typer.Option(help="Label of the figures.")] = "own work",
    unblind: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Open the box of an analysis: read its observed counts, and record who, when and "
            "why in the catalog.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of toys.")] = 0,
    toys: Annotated[int, typer.Option(min=1000, help="Toys at each signal strength.")] = 10_000,
    example: Annotated[
        bool, typer.Option("--example", help="Write analyses that run, with their tables.")
    ] = False,
    catalog: Catalog = None,
    models: Models = None,
    dry_run: DryRun = False,
    format_: Format = "table",
) -> None:
    """Set upper limits on the signal of every hypothesis, observed and expected."""
    if example:
        _example(file, output_)
        return
    if file is None:
        raise InputError("no file was given", hint="`mcbook limits --example` writes an analysis")
    from mcbook.verbs import limits as verb

    found = verb.set_limits(
        file, cl=cl, method=method, patchset=patchset, measurement=measurement, output=output_,
        write=words(write), compare=compare, mixed=mixed, overlay=overlay, label=label,
        unblind=unblind, catalog=catalog, models_dir=models, seed=seed, n_toys=toys,
        dry_run=dry_run,
    )  # fmt: skip
    for text in found["notes"]:
        output.note(text)
    limit_tables.limits(found, format_, dry_run=dry_run)


def _example(file: Path | None, folder: Path | None) -> None:
    if file is not None:
        raise InputError("--example takes no file", hint="--output names the folder")
    from mcbook.verbs.analyses import write_example

    written = write_example(folder)
    for name in written:
        typer.echo(f"written: {name}")
    main = next(name for name in written if name.endswith("zprime_inv.yaml"))
    typer.echo(f"now: mcbook limits {main} --output zprime")
