"""``mcbook query``: find samples, points, what is near, and what is missing."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcbook.catalog.find import NEAREST, find, find_near
from mcbook.catalog.query import Search
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.verbs.lookup import registry_names

if TYPE_CHECKING:
    from mcbook.production.plan import Plan

Row = dict[str, Any]


def query(
    expression: str | None = None,
    *,
    catalog: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    columns: Sequence[str] | None = None,
    points: bool = False,
    missing: bool = False,
    grid: str | Path | None = None,
    near: Mapping[str, float] | None = None,
    models_dir: str | Path | None = None,
) -> list[Row]:
    """Find samples.

    Parameters
    ----------
    expression
        A condition on columns, parameters and derived quantities; None finds everything. One on a
        quantity that does not shape the events holds for a sample that has such a point.
    catalog
        Path or URL of the catalog.
    sort
        Names, separated by commas; ``-`` before one for falling order.
    limit
        At most so many rows; five with *near* when it is not given.
    columns
        What the rows hold, besides the id; the keys of the contract by default.
    points
        One row per point.
    missing
        The points of *grid* that have no sample yet.
    grid
        A grid file, for *missing*.
    near
        Values by name: the samples nearest to them, with their relative ``distance``.
    models_dir
        A folder of models that is looked into first.

    Raises
    ------
    InputError
        If the expression, a name or a combination of options is not right, or there is no catalog.
    """
    _check_options(expression, near, points=points, missing=missing, grid=grid)
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        if missing and grid is not None:
            return _missing(books, Path(grid), limit, models_dir)
        search = Search(books, expression, registry_names(models_dir))
        if near:
            return list(find_near(search, near, columns=columns, limit=limit or NEAREST))
        return list(find(search, columns=columns, sort=sort, limit=limit, points=points))


def _check_options(
    expression: str | None,
    near: Mapping[str, float] | None,
    *,
    points: bool,
    missing: bool,
    grid: str | Path | None,
) -> None:
    """Refuse options that do not go together."""
    if missing != (grid is not None):
        raise InputError(
            "--missing and --grid go together", hint="as in `mcbook query --missing --grid g.yaml`"
        )
    if missing and (expression or near or points):
        raise InputError("--missing takes no expression, --near or --points")
    if near and points:
        raise InputError("--near finds samples and takes no --points")


def _missing(
    books: Reader, path: Path, limit: int | None, models_dir: str | Path | None
) -> list[Row]:
    """Return the points of a grid that the books do not have."""
    from mcbook.grid import read_grid
    from mcbook.production.grids import plan_grid
    from mcbook.registry.loader import load_model, with_constants

    grid = read_grid(path)
    if grid.model is None:
        raise InputError(
            f"{path} names no signal model", hint="write 'model: zprime' on a line of the grid"
        )
    model = with_constants(load_model(grid.model, models_dir), grid.constants)
    planned = plan_grid(model, grid)
    rows = (
        {"id": identity, "model": model.name, "process": process, **rest}
        for process, plan in planned.plans.items()
        for identity, rest in _without_sample(books, plan)
    )
    return list(islice(rows, limit))


def _without_sample(books: Reader, plan: "Plan") -> list[tuple[str, Row]]:
    """Return sample id, parameters and reason of the points that are not in the books."""
    known = books.existing(sample.digest for batch in plan.batches for sample in batch.samples)
    there = set(known.values())
    served = books.points_of(there)
    found = []
    for point in (point for batch in plan.batches for point in batch.points):
        if point.sample_id not in there:
            reason = "no sample"
        elif (point.sample_id, point.digest) not in served:
            reason = "the sample is there, the point is not"
        else:
            continue
        found.append((point.sample_id, {"parameters": point.parameters, "reason": reason}))
    return found
