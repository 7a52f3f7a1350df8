"""``mcbook generate``: from a grid to cards and books."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mcbook import config, resources
from mcbook.catalog.lifecycle import retirements, said_of
from mcbook.catalog.store import Catalog, catalog_exists, open_catalog
from mcbook.errors import InputError
from mcbook.grid import Grid, read_grid
from mcbook.production.booking import Booker, Counts
from mcbook.production.edited import edited_samples
from mcbook.production.foresight import foreseen
from mcbook.production.grids import GridPlan, plan_grid, with_generator
from mcbook.production.plan import Batch, PlannedPoint, PlannedSample
from mcbook.production.publish import Folder, Progress
from mcbook.registry.loader import load_model, with_constants

_MAX_LISTED = 20

LOOKED_AT = 2000
"""So many samples of a grid are looked at for edited cards: 40 ms at most; `verify` sees all."""


def generate(
    model: str | None,
    grid: str | Path | Mapping[str, Any],
    *,
    output: str | Path = "samples",
    process: str | None = None,
    generator: str | None = None,
    events: int | None = None,
    reuse: bool = True,
    max_points: int | None = None,
    constants: Mapping[str, float] | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Render the cards of every sample that a grid asks for, and record them.

    What is there already stays as it is: the same grid again gives nothing new.

    Parameters
    ----------
    model
        Name of the signal model; None takes the grid's word.
    grid
        The grid file, or a mapping with the keys that it has.
    output
        The samples folder.
    process
        A process, in place of what the grid says.
    generator
        The generator of all processes, in place of what the grid and the registry say.
    events
        Target of events per sample, in place of what the grid says.
    reuse
        Whether points that differ only in rate or lifetime share a sample.
    max_points
        Largest number of points; a million when it is not given.
    constants
        Other values of the model's constants, in place of what the grid's ``set:`` says.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Plan and count, and write nothing.
    progress
        Called with the number of samples done and their total.

    Returns
    -------
    dict
        The keys of the contract: ``model``, ``grid``, ``points``, ``rejected``, ``samples``,
        ``parts``, ``files_written``, ``catalog``, ``directory``; ``shared_over``, the parameters of
        the grid that only scale rate and lifetime; ``edited``, how many samples have files that
        are not what the books say (of the first `LOOKED_AT`, not in a dry run); and ``processes``;
        ``warnings``, with the user's own files that stand in for shipped ones, and retired samples,
        which get no parts; ``ids`` of the
        samples, new and existing ones in the order of the plan; and ``command``, the shell line
        that runs one part by hand.

    Raises
    ------
    InputError
        If the grid, the model or a setting is not right, or the generator cannot make a process;
        nothing is written.
    WorkError
        If a folder is there with other contents.
    """
    read = with_generator(read_grid(grid), generator)
    signal = with_constants(
        load_model(_model_name(model, read), models_dir), {**read.constants, **(constants or {})}
    )
    planned = plan_grid(
        signal, read, process=process, events=events, reuse=reuse, max_points=max_points
    )
    location = config.catalog(catalog)
    batches = [batch for plan in planned.plans.values() for batch in plan.batches]
    edited = 0
    retired = _retired(location, batches)
    if dry_run:
        counts = _count(batches, location)
    elif batches:
        Folder(Path(output)).check()
        with open_catalog(location, mode="write") as books:
            booker = Booker(books, Path(output), salt=read.salt, progress=progress)
            counts = booker.book(signal, batches)
            books.accelerate(signal.name, list(signal.parameters))
            if counts.existing:
                edited = _edited(books, batches)
    else:
        counts = Counts()
    return {
        "model": signal.name,
        "grid": "<dict>" if isinstance(grid, Mapping) else str(grid),
        "processes": list(planned.plans),
        "points": sum(len(batch.points) for batch in batches),
        "rejected": planned.rejected,
        "warnings": [
            *resources.remarks(models_dir, signal.name, _folder(grid)),
            *planned.warnings,
            *retired,
        ],
        "shared_over": _shared_over(batches),
        "samples": {"new": counts.new, "existing": counts.existing},
        "ids": [sample.id for batch in batches for sample in batch.samples],
        "edited": edited,
        "parts": {"new": counts.parts},
        "files_written": counts.files,
        "catalog": location,
        "directory": str(output),
        "command": _command(planned, output),
    }


def _retired(location: str, batches: list[Batch]) -> list[str]:
    """Return a sentence for each sample of a grid that is retired, and gets no parts."""
    if not batches or not catalog_exists(location):
        return []
    ids = [sample.id for batch in batches for sample in batch.samples]
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        found = retirements(books, ids)
    told = [f"{said_of(*one)}; it gets no parts" for one in islice(found.items(), _MAX_LISTED)]
    more = len(found) - len(told)
    return [*told, *([f"{more} more samples are retired and get no parts"] if more else [])]


def _folder(grid: str | Path | Mapping[str, Any]) -> Path | None:
    """Return the folder of a grid file."""
    return None if isinstance(grid, Mapping) else Path(grid).parent


def _edited(catalog: Catalog, batches: list[Batch]) -> int:
    """Count the samples with files that differ from the books, the one to be run first of all."""
    ids = [sample.id for batch in batches for sample in batch.samples][:LOOKED_AT]
    with catalog.reading() as books:
        return len(edited_samples(books, ids, surely=ids[:1]))


def _shared_over(batches: list[Batch]) -> list[str]:
    """Return the parameters that vary over the points and in no sample."""
    scaling = dict.fromkeys(
        name
        for batch in batches
        for name, role in batch.definition.process.roles.items()
        if role and "shape" not in role
    )
    points = [point for batch in batches for point in batch.points]
    samples = [sample for batch in batches for sample in batch.samples]
    return [name for name in scaling if _varies(name, points) and not _varies(name, samples)]


def _varies(name: str, rows: Sequence[PlannedPoint] | Sequence[PlannedSample]) -> bool:
    """Return whether a parameter has several values; where it is absent it has none."""
    values = (row.parameters[name] for row in rows if name in row.parameters)
    first = next(values, None)
    return any(value != first for value in values)


def _model_name(given: str | None, grid: Grid) -> str:
    if given and grid.model and given != grid.model:
        raise InputError(
            f"{grid.document.where(('model',))}: the grid is for {grid.model!r}, not for {given!r}"
        )
    name = given or grid.model
    if name is None:
        raise InputError(
            f"{grid.document.where(())}: no signal model is named",
            hint="write 'model: zprime' in the grid, or name it on the command line",
        )
    return name


def _count(batches: list[Batch], location: str) -> Counts:
    """Count what a run would do."""
    samples = [sample for batch in batches for sample in batch.samples]
    if not catalog_exists(location):
        return foreseen(None, samples)
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        return foreseen(books, samples)


def _command(planned: GridPlan, output: str | Path) -> str | None:
    """Return the shell line that runs the first part of the first sample."""
    for plan in planned.plans.values():
        for batch in plan.batches:
            command = batch.definition.campaign.command(batch.samples[0].id, 1)
            return f"cd {shlex.quote(str(output))} && {command}"
    return None
