"""The command that fits an analysis, and tests its fits."""

from pathlib import Path
from typing import Annotated

import typer

from mcbook.cli import output
from mcbook.cli.options import Catalog, Format, Models, output_folder
from mcbook.errors import InputError


def fit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An analysis (YAML) with fits.")],
    output_: Annotated[
        Path,
        typer.Option(
            "--output", metavar="DIR", parser=output_folder, help="Folder for page and figures."
        ),
    ] = Path("fits"),
    cl: Annotated[
        float | None,
        typer.Option(metavar="LEVEL", help="Confidence level, if the file has none.",
                     show_default=False),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="Method of the limits; by default what the analysis says.",
                     show_default=False),
    ] = None,
    toys: Annotated[int, typer.Option(min=0, help="Scans of toys without signal.")] = 100,
    inject: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Signals that are put into toys, in standard deviations of a fit."
        ),
    ] = "0,2,5",
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A hypothesis to be drawn; may be repeated.",
                     show_default=False),
    ] = None,
    label: Annotated[str, typer.Option(help="Label of the figures.")] = "own work",
    unblind: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Open the box: read observed counts, and record it."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of toys.")] = 0,
    catalog: Catalog = None,
    models: Models = None,
    format_: Format = "table",
) -> None:  # fmt: skip
    """Fit an analysis at all hypotheses: excesses, p-values, and tests with toys, in one page."""
    from mcbook.cli import fit_tables
    from mcbook.verbs.fits import fit as verb

    with output.progress("fit"):
        found = verb(
            file, output=output_, cl=cl, method=method, unblind=unblind, toys=toys,
            strengths=_strengths(inject), at=at or (), label=label, seed=seed, catalog=catalog,
            models_dir=models,
        )  # fmt: skip
    fit_tables.fits(found, format_)


def _strengths(text: str) -> list[float]:
    from mcbook.registry.numbers import parse_number

    try:
        return [float(parse_number(word.strip())) for word in text.split(",") if word.strip()]
    except InputError as error:
        raise InputError(f"--inject: {error.message}", hint="as in --inject 0,2,5") from None
