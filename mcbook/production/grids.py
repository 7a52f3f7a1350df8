"""From a grid file to plans, one for each process that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcbook import generators
from mcbook.errors import InputError, did_you_mean
from mcbook.generators.base import setting_number
from mcbook.grid import Grid, expand
from mcbook.production.plan import Plan, Planner
from mcbook.registry.checks import SETTINGS
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.loader import find_process
from mcbook.registry.model import SignalModel
from mcbook.registry.settings import checked_setting

DEFAULT_EVENTS = 10_000
"""Target per sample where nobody says otherwise."""


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
        If the grid does not fit the model, or a setting is not understood.
    """
    wanted = (process,) if process else grid.processes or (model.default_process,)
    processes = [find_process(model, name) for name in wanted]
    takers = {entry.name: _given(entry.generator, grid) for entry in processes}
    _check_settings(grid, [entry.generator for entry in processes])
    planners = [Planner(model, p, takers[p.name], reuse=reuse) for p in processes]
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
    plans = {p.process.name: p.plan(points.columns, points.events) for p in planners}
    rejected = [{"parameters": values, "reason": reason} for values, reason in points.rejected()]
    several = len(plans) > 1
    for name, plan in plans.items():
        extra = {"process": name} if several else {}
        rejected += [
            {"parameters": r.parameters, "reason": r.reason, **extra} for r in plan.rejected
        ]
    warnings = [warning for plan in plans.values() for warning in plan.warnings]
    return GridPlan(plans, rejected, list(dict.fromkeys(warnings)))


def _given(generator: str, grid: Grid) -> dict[str, Any]:
    """Return the settings of the grid that a generator understands."""
    names = generators.get(generator).setting_names()
    return {name: value for name, value in grid.generator.items() if name in names}


def _check_settings(grid: Grid, wanted: list[str]) -> None:
    """Refuse a setting that no generator of this grid understands, and numbers that are none."""
    known = frozenset[str]().union(*(generators.get(name).setting_names() for name in wanted))
    for name in grid.generator:
        if name not in known:
            raise InputError(
                f"{grid.document.where(('generator', name))}: no generator of this grid"
                f" ({', '.join(dict.fromkeys(wanted))}) has a setting {name!r}",
                hint=did_you_mean(name, known),
            )
    for name in SETTINGS:
        if name in grid.generator:
            value = grid.generator[name]
            try:
                checked_setting(name, setting_number(value), value)
            except InputError as error:
                raise grid.document.error(("generator", name), error.message, error.hint) from None
