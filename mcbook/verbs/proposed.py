"""The grids of ``mcbook propose``: as `mcbook generate` takes them."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mcbook import generators
from mcbook.analysis.records import Analysis
from mcbook.errors import InputError, WorkError
from mcbook.grid import read_grid
from mcbook.production.grids import plan_grid
from mcbook.production.publish import begins_with
from mcbook.verbs.candidates import Known, Space, grid_mapping

Row = dict[str, Any]

_FIRST = "# mcbook propose"
_OF_PACKAGE = frozenset({"ufo", "names"})
"""Settings that are no words of a grid: what the UFO package is was found out."""


def grids_of(
    analysis: Analysis, space: Space, rows: list[Row], known: Sequence[Known]
) -> dict[int, Row]:
    """Return a grid for each target of events; what is proposed twice at a point adds up."""
    placed: dict[tuple[float, ...], Row] = {}
    for row in rows:
        point = tuple(row["point"].values())
        if point in placed:
            placed[point]["target"] += row["events"]
            row["target"] = placed[point]["target"]
        else:
            placed[point] = dict(row)
    targets: dict[tuple[bool, int], list[tuple[float, ...]]] = {}
    for point, row in placed.items():
        targets.setdefault((row["what"] != "new sample", row["target"]), []).append(point)
    head: Row = {"schema": 1, "model": analysis.model.name}
    head["process"] = list(dict.fromkeys(c.process.name for c in analysis.channels))
    tail: Row = {}
    settings = _settings(analysis, known)
    if settings:
        tail["generator"] = settings
    grids: dict[int, Row] = {}
    for (_, target), points in sorted(targets.items()):
        part = grid_mapping(analysis, space.free, np.array(sorted(points)))
        merged = {**head, **part, "events": int(target), **tail}
        grids[len(grids)] = merged
    return grids


def _settings(analysis: Analysis, known: Sequence[Known]) -> Row:
    """Return the settings of the generator: those of the samples that are there."""
    if known:
        first = known[0]
        names = generators.get(first.generator).setting_names() - _OF_PACKAGE
        return {"name": first.generator} | {
            key: value for key, value in sorted(first.settings.items()) if key in names
        }
    if analysis.samples is None:
        return {}
    names = frozenset.intersection(
        *(generators.get(c.process.generator).setting_names() for c in analysis.channels)
    )
    return {
        key: value
        for key in ("isr", "alpha", "sqrt_s")
        if key in names and (value := getattr(analysis.samples, key)) is not None
    }


def check_package(known: Sequence[Known]) -> None:
    """Refuse samples that were made with a user's UFO package: the books do not say where it is.

    Raises
    ------
    InputError
        If there is one among them.
    """
    for sample in known:
        if "externals" in (sample.settings.get("ufo") or {}):
            raise InputError(
                f"{sample.id} was made with a UFO package of yours (generator.ufo), and the books"
                " do not know its folder",
                hint="--dry-run shows the points: write a grid with them and that folder",
            )


def check_grids(analysis: Analysis, grids: Mapping[int, Row]) -> None:
    """Plan what is proposed, as `mcbook generate` does.

    Raises
    ------
    WorkError
        If it would not be accepted.
    """
    for grid in grids.values():
        try:
            planned = plan_grid(analysis.deriver.model, read_grid(grid))
        except InputError as error:
            raise WorkError(f"the proposed grid cannot be planned: {error.message}") from error
        if planned.rejected:
            raise WorkError(f"a proposed point is rejected: {planned.rejected[0]['reason']}")


def named(
    output: str | Path | None, grids: Mapping[int, Row], catalog: str | None
) -> tuple[dict[str, Row], list[str]]:
    """Return the grids by the name of their file, and the commands that take them."""
    main = Path("next.yaml" if output is None else output)
    named: dict[str, Row] = {}
    for grid in grids.values():
        name = main if not named else main.with_name(f"{main.stem}-{grid['events']}{main.suffix}")
        named[str(name)] = grid
    books = f" --catalog {catalog}" if catalog else ""
    return named, [
        f"mcbook generate {grid['model']} --grid {name}{books}" for name, grid in named.items()
    ]


def check_output(path: str | Path | None) -> None:
    """Refuse a place where something else is than an earlier proposal; None is no place.

    Raises
    ------
    InputError
        If there is.
    """
    if path is None or not Path(path).exists() or begins_with(Path(path), _FIRST.encode("ascii")):
        return
    raise InputError(f"{path} is there, and no grid of this command", hint="give another --output")


def write(files: Mapping[str, Row], analysis: Analysis) -> None:
    """Write grids aside and put them into place; those of an earlier proposal are replaced.

    Raises
    ------
    InputError
        If something else is in a place.
    WorkError
        If one cannot be written.
    """
    for name in files:
        check_output(name)
    for name, grid in files.items():
        path = Path(name)
        aside = path.with_name(f".{path.name}-{os.getpid()}")
        text = yaml.safe_dump(grid, sort_keys=False, default_flow_style=None, width=98)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(f"{_FIRST}, for {analysis.name}\n{text}", encoding="utf-8")
            aside.replace(path)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            raise WorkError(f"{path} cannot be written: {error.strerror}") from error
