"""``mcbook query``: find samples, points, what is near, and what is missing."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcbook.catalog.find import NEAREST, find, find_near
from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.names import FIELDS, OF_POINTS, ModelNames
from mcbook.catalog.query import Search
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.verbs.lookup import meant, registry_names

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
    grid: str | Path | Mapping[str, Any] | None = None,
    near: Mapping[str, float] | None = None,
    models_dir: str | Path | None = None,
    note: Callable[[str], None] | None = None,
) -> list[Row]:
    """Find samples.

    Parameters
    ----------
    expression
        A condition on columns, parameters, derived quantities and constants, on the number of
        ``points`` of a sample, and on the ``factor`` and ``cross_section_fb`` (in decays:
        ``branching_fraction``) of its points; None finds everything. One on a quantity that does
        not shape the events holds for a sample that has such a point, one on ``tag`` or
        ``collection`` for a sample that has it or is in it. The beginning of an id stands for its
        sample.
    catalog
        Path or URL of the catalog.
    sort
        Names, separated by commas; ``-`` before one for falling order. Samples are sorted by the
        values that they are generated with.
    limit
        At most so many rows; five with *near* when it is not given.
    columns
        What the rows hold, besides the id; the keys of the contract by default.
    points
        One row per point.
    missing
        The points of *grid* that have no sample yet, or one that is retired.
    grid
        A grid file, or what one says, for *missing*.
    near
        Values by name: the samples or points nearest to them, with their relative ``distance``.
    models_dir
        A folder of models that is looked into first.
    note
        Called with what a reader of the rows should know.

    Raises
    ------
    InputError
        If the expression, a name or a combination of options is not right, or there is no catalog.
    """
    if missing != (grid is not None):
        raise InputError(
            "--missing and --grid go together", hint="as in `mcbook query --missing --grid g.yaml`"
        )
    if missing and (expression or near or points or sort):
        raise InputError("--missing takes no expression, --near, --points or --sort")
    _check_rows(limit, near, sort)
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        if grid is not None:
            return _missing(books, grid, limit, models_dir)
        known = registry_names(models_dir)
        search = Search(books, meant(books, expression), known)
        if near:
            near_ones = find_near(
                search, near, columns=columns, limit=limit or NEAREST, points=points
            )
            rows = list(near_ones)
        else:
            rows = list(find(search, columns=columns, sort=sort, limit=limit, points=points))
        if note and not rows and _only_decays(books, search, known):
            note(_DECAYS)
    if note and rows and not points:
        asked = frozenset(near or ()).union(*(conjunct.names for conjunct in search.conjuncts))
        shown = frozenset(columns or search.parameters)
        if _of_points(search, asked, models_dir) and _of_points(search, shown, models_dir):
            note(_REFERENCE)
    return rows


def _check_rows(limit: int | None, near: Mapping[str, float] | None, sort: str | None) -> None:
    """Refuse options on the number and order of rows that mean nothing."""
    if limit is not None and limit < 1:
        raise InputError(f"a limit of {limit} rows leaves none")
    if near and sort:
        raise InputError("--near sorts by the distance and takes no --sort")


_REFERENCE = (
    "parameters and derived values are those a sample is generated with;"
    " --points shows the points that match"
)


_DECAYS = (
    "what matches otherwise is made in decays, which have no cross_section_fb: a condition on"
    " branching_fraction finds it"
)


def _only_decays(books: Reader, search: Search, known: Mapping[str, ModelNames]) -> bool:
    """Return whether all but the conditions on cross sections hold for something of a decay."""
    others = [c.canonical for c in search.conjuncts if "cross_section_fb" not in c.names]
    if len(others) == len(search.conjuncts):
        return False
    in_decays = " and ".join(f"({text})" for text in [*others, "branching_fraction >= 0"])
    return any(find(Search(books, in_decays, known), limit=1))


def _of_points(search: Search, names: frozenset[str], models_dir: str | Path | None) -> bool:
    """Return whether one of some quantities differs between the points of a sample."""
    return any(
        name in OF_POINTS or _scales(name, model, search.models[model].shape, models_dir)
        for name in names - FIELDS.keys()
        for model in search.candidates
    )


def _scales(name: str, model: str, shape: frozenset[str], models_dir: str | Path | None) -> bool:
    """Return whether a quantity of a model depends on more than what shapes the events."""
    from mcbook.registry.derive import Deriver
    from mcbook.registry.loader import load_model

    if name in shape:
        return False
    try:
        signal = load_model(model, models_dir)
    except InputError:  # it has left the registry
        return True
    needed = Deriver(signal).depends_on(name) if name in signal.derived else {name}
    return bool(needed & signal.parameters.keys() - shape)


def _missing(
    books: Reader,
    given: str | Path | Mapping[str, Any],
    limit: int | None,
    models_dir: str | Path | None,
) -> list[Row]:
    """Return the points of a grid that the books do not have."""
    from mcbook.grid import read_grid
    from mcbook.production.grids import plan_grid
    from mcbook.registry.loader import load_model, with_constants

    grid = read_grid(given)
    if grid.model is None:
        raise InputError(
            f"{grid.path} names no signal model", hint="write 'model: zprime' on a line of the grid"
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
    retired = retirements(books, sorted(there))
    served = books.points_of(there)
    found = []
    for point in (point for batch in plan.batches for point in batch.points):
        if point.sample_id not in there:
            reason = "no sample"
        elif point.sample_id in retired:
            reason = f"the sample is retired: {retired[point.sample_id]['why']}"
        elif (point.sample_id, point.digest) not in served:
            reason = "the sample is there, the point is not"
        else:
            continue
        found.append((point.sample_id, {"parameters": point.parameters, "reason": reason}))
    return found
