"""From a grid file to plans, one for each process that it asks for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from mcbook import generators
from mcbook.errors import InputError, did_you_mean
from mcbook.generators.base import setting_number
from mcbook.grid import Grid, expand
from mcbook.production.plan import Plan, Planner
from mcbook.registry.checks import SETTINGS
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.loader import find_process
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.settings import checked_setting

DEFAULT_EVENTS = 10_000
"""Target per sample where nobody says otherwise."""

GENERATOR, CHOSEN = "generator", "name"
"""Section of a grid with settings, and the key in it that names another generator."""


@dataclass(frozen=True, slots=True)
class GridPlan:
    """What a grid asks for: a plan for each process, and what was rejected on the way."""

    plans: Mapping[str, Plan]
    rejected: list[dict[str, Any]]
    warnings: list[str]


def plan_grid(
    model: SignalModel,
    grid: Grid,
    *,
    process: str | None = None,
    events: int | None = None,
    reuse: bool = True,
    max_points: int | None = None,
) -> GridPlan:
    """Plan the samples of a grid.

    Parameters
    ----------
    model
        The signal model, with the constants that the grid sets.
    grid
        The grid, as read.
    process
        A process, in place of what the grid says.
    events
        Target of events per sample, in place of what the grid says.
    reuse
        Whether points that differ only in rate or lifetime share a sample.
    max_points
        Largest number of points; a million by default.

    Raises
    ------
    InputError
        If the grid does not fit the model, a setting is not understood, or the generator that the
        grid names cannot make a process.
    """
    wanted = (process,) if process else grid.processes or (model.default_process,)
    processes = [_made_by(find_process(model, name), grid) for name in wanted]
    takers = {entry.name: _given(entry.generator, grid) for entry in processes}
    _check_settings(grid, [entry.generator for entry in processes])
    planners = []
    for entry in processes:
        with _telling(entry, grid):
            planners.append(Planner(model, entry, takers[entry.name], reuse=reuse))
    fixed = Deriver(
        model,
        alpha=float(planners[0].settings.get("alpha", ALPHA)),
        sqrt_s=float(planners[0].settings.get("sqrt_s", SQRT_S)),
    ).fixed
    points = expand(
        grid,
        model.parameters,
        fixed,
        default_events=DEFAULT_EVENTS,
        events=events,
        max_points=max_points,
    )
    plans = {}
    for planner in planners:
        with _telling(planner.process, grid):
            found = planner.plan(points.columns, points.events)
        plans[planner.process.name] = found
    rejected = [{"parameters": values, "reason": reason} for values, reason in points.rejected()]
    several = len(plans) > 1
    for name, plan in plans.items():
        extra = {"process": name} if several else {}
        rejected += [
            {"parameters": r.parameters, "reason": r.reason, **extra} for r in plan.rejected
        ]
    warnings = [warning for plan in plans.values() for warning in plan.warnings]
    return GridPlan(plans, rejected, list(dict.fromkeys(warnings)))


def with_generator(grid: Grid, name: str | None) -> Grid:
    """Return the grid with another generator in place of what it says, or as it is for None.

    Raises
    ------
    InputError
        If no generator is called so.
    """
    if name is None:
        return grid
    generators.get(name)
    return replace(grid, generator=MappingProxyType({**grid.generator, CHOSEN: name}))


def _made_by(process: Process, grid: Grid) -> Process:
    """Return the process with the generator that the grid names, if it names one."""
    if CHOSEN not in grid.generator:
        return process
    name = grid.generator[CHOSEN]
    if not isinstance(name, str) or name not in generators.names():
        raise grid.document.error(
            (GENERATOR, CHOSEN),
            f"there is no generator {name!r}",
            did_you_mean(str(name), generators.names()),
        )
    return replace(process, generator=name)


@contextmanager
def _telling(process: Process, grid: Grid) -> Iterator[None]:
    """Say which process the generator that was chosen refuses."""
    try:
        yield
    except InputError as error:
        if CHOSEN not in grid.generator:
            raise
        raise InputError(
            f"{process.name} cannot be planned for {process.generator}: {error.message}",
            hint=error.hint,
        ) from error


def _given(generator: str, grid: Grid) -> dict[str, Any]:
    """Return the settings of the grid that a generator understands."""
    names = generators.get(generator).setting_names()
    return {name: value for name, value in grid.generator.items() if name in names}


def _check_settings(grid: Grid, wanted: list[str]) -> None:
    """Refuse a setting that no generator of this grid understands, and numbers that are none."""
    known = frozenset({CHOSEN}).union(*(generators.get(name).setting_names() for name in wanted))
    for name in grid.generator:
        if name not in known:
            raise InputError(
                f"{grid.document.where((GENERATOR, name))}: no generator of this grid"
                f" ({', '.join(dict.fromkeys(wanted))}) has a setting {name!r}",
                hint=did_you_mean(name, known),
            )
    for name in SETTINGS:
        if name in grid.generator:
            value = grid.generator[name]
            try:
                checked_setting(name, setting_number(value), value)
            except InputError as error:
                raise grid.document.error((GENERATOR, name), error.message, error.hint) from None
