"""From a grid to its points, column by column."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.grid.file import Grid
from mcbook.registry.bounds import Bounded, outside
from mcbook.registry.expressions import Expression
from mcbook.registry.numbers import MOST_EVENTS, round9, round9_array

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Columns = dict[str, Array]

MOST_POINTS = 1_000_000


class ParameterLike(Bounded, Protocol):
    """What a grid needs to know of a parameter; `default` None: it may be absent."""

    @property
    def default(self) -> float | None: ...  # noqa: D102


class Rejected(NamedTuple):
    """A point that does not hold: its parameters without the absent ones, and why."""

    parameters: dict[str, float]
    reason: str


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a grid, in its order.

    Attributes
    ----------
    columns
        Values of every parameter at the accepted points, each of shape (n,), rounded to nine
        digits; NaN where an optional parameter is absent.
    events
        Target of events at the accepted points, shape (n,).
    accepted
        Which points of the whole product were accepted, shape (size of the grid,).
    rejected_columns
        As `columns`, for the other points.
    reasons, reason_of
        Why: the reason of rejected point *i* is ``reasons[reason_of[i]]``.
    """

    columns: Columns
    events: NDArray[np.int64]
    accepted: Mask
    rejected_columns: Columns
    reasons: tuple[str, ...]
    reason_of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.events)

    def rejected(self) -> list[Rejected]:
        """Return every rejected point, in the order of the grid."""
        lists = {name: column.tolist() for name, column in self.rejected_columns.items()}
        return [
            Rejected(
                {name: values[i] for name, values in lists.items() if not math.isnan(values[i])},
                self.reasons[reason],
            )
            for i, reason in enumerate(self.reason_of.tolist())
        ]


def expand(
    grid: Grid,
    parameters: Mapping[str, ParameterLike],
    constants: Mapping[str, float],
    *,
    default_events: int,
    events: int | None = None,
    max_points: int | None = None,
) -> Points:
    """Return the points of a grid.

    Parameters
    ----------
    grid
        What the grid file says.
    parameters
        The parameters of the signal model, in the order that the columns shall have.
    constants
        Numbers that expressions may name besides parameters, with the changes of ``set:``.
    default_events
        Target of events where neither *events* nor the grid says one.
    events
        Target of events in place of the grid's.
    max_points
        Largest number of points; `MOST_POINTS` by default.

    Raises
    ------
    InputError
        If a name is not known, there are too many points, a value that is written lies outside its
        hard bounds, or an expression is not defined at a point that is not rejected otherwise.
    """
    most = MOST_POINTS if max_points is None else max_points
    if grid.size > most:
        raise InputError(
            f"{grid.path}: the grid has {grid.size:,} points, more than {most:,}",
            hint=f"a smaller grid, or --max-points {grid.size}",
        )
    given = events if events is not None else grid.events
    return _Expansion(grid, parameters, constants).points(
        default_events if given is None else given
    )


class _Expansion:
    def __init__(
        self,
        grid: Grid,
        parameters: Mapping[str, ParameterLike],
        constants: Mapping[str, float],
    ) -> None:
        self.grid = grid
        self.parameters = parameters
        self.order = _ordered(grid)
        self.check_names(constants)
        self.values: dict[str, float | Array] = {**constants}

    def check_names(self, constants: Mapping[str, float]) -> None:
        """Names that are set are parameters; expressions use what there is."""
        grid = self.grid
        for name, where in grid.places.items():
            if name in grid.derived and name not in constants:
                continue
            if name not in self.parameters:
                what = "is a constant" if name in constants else "is no parameter of the model"
                raise InputError(
                    f"{where}: {name} {what}", hint=did_you_mean(name, self.parameters)
                )
        known = {*self.parameters, *constants, *grid.derived}
        for where, expression in _expressions(grid):
            for name in sorted(expression.names - known):
                raise InputError(
                    f"{where}: there is no quantity {name!r}", hint=did_you_mean(name, known)
                )

    def points(self, events: int | Expression) -> Points:
        size = self.grid.size
        self.values |= self.product(size)
        self.derive(size)
        columns = {
            name: np.asarray(np.broadcast_to(self.values[name], (size,)))
            for name in self.parameters
        }
        reasons, reason_of = self.rejections(columns, size)
        accepted = reason_of < 0
        self.check_defined(accepted)
        kept = {name: column[accepted] for name, column in columns.items()}
        return Points(
            columns=kept,
            events=self.events(events, accepted),
            accepted=accepted,
            rejected_columns={name: column[~accepted] for name, column in columns.items()},
            reasons=tuple(reasons),
            reason_of=reason_of[~accepted],
        )

    def product(self, size: int) -> dict[str, float | Array]:
        """Return every parameter that is not derived; what does not vary stays a number."""
        found: dict[str, float | Array] = {}
        for name, parameter in self.parameters.items():
            if name in self.grid.places:
                continue
            found[name] = np.nan if parameter.default is None else round9(parameter.default)
        for name, value in self.grid.fixed.items():
            self.check_written(name, np.array([value]))
            found[name] = value
        inner = size
        for axis in self.grid.axes:
            inner //= axis.length
            for name, values in axis.build().items():
                self.check_written(name, values)
                repeated = np.repeat(values, inner)
                found[name] = np.tile(repeated, size // len(repeated))
        return found

    def check_written(self, name: str, values: Array) -> None:
        parameter, where = self.parameters[name], self.grid.places[name]
        if parameter.default is not None and np.isnan(values).any():
            row = int(np.flatnonzero(np.isnan(values))[0])
            raise InputError(f"{where}: entry {row + 1} is empty, and {name} is not optional")
        for broken, bound in outside(parameter, values):
            if broken.any():
                raise InputError(
                    f"{where}: {name} = {values[broken][0]:.9g} is outside its hard bounds",
                    hint=f"it must be {bound}",
                )

    def derive(self, size: int) -> None:
        for name in self.order:
            where = self.grid.places[name]
            try:
                values = self.grid.derived[name].evaluate(self.values)
            except InputError as error:
                raise InputError(f"{where}: {error.message}", hint=error.hint) from None
            if name in self.parameters:
                values = round9_array(values)
            self.values[name] = np.broadcast_to(values, (size,)) if values.ndim else values

    def rejections(self, columns: Columns, size: int) -> tuple[list[str], NDArray[np.int64]]:
        """Return reasons, and for each point which one holds first; -1 for none."""
        reasons: list[str] = []
        reason_of = np.full(size, -1, dtype=np.int64)

        def reject(mask: Mask, reason: str) -> None:
            first = np.broadcast_to(mask, (size,)) & (reason_of < 0)
            if first.any():
                reason_of[first] = len(reasons)
                reasons.append(reason)

        for name in self.order:
            if name in self.parameters:
                text = self.grid.derived[name].text
                for broken, bound in outside(self.parameters[name], columns[name]):
                    reject(broken, f"{name} = {text} is outside its hard bounds: not {bound}")
        for expression in self.grid.require:
            _, fails = expression.verdict(self.values)
            reject(fails, f"the requirement {expression.text} does not hold")
        return reasons, reason_of

    def check_defined(self, accepted: Mask) -> None:
        """Refuse an expression that is not defined at a point that is not rejected otherwise."""
        for name in self.order:
            self.refuse(
                self.grid.places[name],
                self.grid.derived[name],
                np.isnan(self.values[name]),
                accepted,
            )
        for i, expression in enumerate(self.grid.require):
            holds, fails = expression.verdict(self.values)
            where = self.grid.document.where(("require", i))
            self.refuse(where, expression, ~(holds | fails), accepted)

    def refuse(self, where: str, expression: Expression, bad: Mask, accepted: Mask) -> None:
        bad = np.broadcast_to(bad, accepted.shape) & accepted
        if bad.any():
            error = expression.undefined(self.values, bad)
            raise InputError(f"{where}: {error.message}", hint=error.hint)

    def events(self, events: int | Expression, accepted: Mask) -> NDArray[np.int64]:
        """Return the target at every accepted point; a fraction of an event is one more."""
        if isinstance(events, int):
            return np.full(int(accepted.sum()), events, dtype=np.int64)
        where = self.grid.document.where(("events",))
        values = np.broadcast_to(events.evaluate(self.values), accepted.shape)
        self.refuse(where, events, np.isnan(values), accepted)
        # To nine digits first, so that 0.1 * 30 is three events.
        targets = np.ceil(round9_array(values[accepted]))
        if targets.size and not (targets.min() >= 1 and targets.max() <= MOST_EVENTS):
            worst = targets.min() if targets.min() < 1 else targets.max()
            raise InputError(
                f"{where}: {events.text} gives {worst:.9g} events at a point",
                hint="a positive number is wanted; max(1, ...) keeps one event",
            )
        return np.asarray(targets, dtype=np.int64)


def _expressions(grid: Grid) -> Iterable[tuple[str, Expression]]:
    for name, expression in grid.derived.items():
        yield grid.places[name], expression
    for i, expression in enumerate(grid.require):
        yield grid.document.where(("require", i)), expression
    if isinstance(grid.events, Expression):
        yield grid.document.where(("events",)), grid.events


def _ordered(grid: Grid) -> list[str]:
    """Return the derived names, each behind those that it needs.

    Raises
    ------
    InputError
        If some need each other, naming them in their circle.
    """
    ordered: dict[str, None] = {}
    waiting = {
        name: set(expression.names) & set(grid.derived) for name, expression in grid.derived.items()
    }
    while waiting:
        ready = [name for name, needs in waiting.items() if needs <= set(ordered)]
        if not ready:
            break
        for name in ready:
            ordered[name] = None
            del waiting[name]
    if waiting:
        # Every name left needs another one left: following them ends in a circle.
        path = [next(iter(waiting))]
        while path[-1] not in path[:-1]:
            path.append(min(need for need in waiting[path[-1]] if need in waiting))
        circle = path[path.index(path[-1]) :]
        raise InputError(f"{grid.places[circle[0]]}: derived in a circle: {' needs '.join(circle)}")
    return list(ordered)
