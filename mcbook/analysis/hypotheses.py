"""The points at which limits are set: the scan of an analysis, and which of them do not hold."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import Analysis
from mcbook.errors import InputError
from mcbook.grid import expand
from mcbook.grid.points import ParameterLike
from mcbook.registry.bounds import apart
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Process

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Reasons = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class _Lifetime:
    """A lifetime as an axis of a grid."""

    default: float | None = None
    minimum: float | None = None
    above: float | None = 0.0
    maximum: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Points at which limits are set, n of them.

    Attributes
    ----------
    columns
        Every parameter, and lifetimes that are free [mm], shape (n,) each; NaN where absent. What
        the limit is on has its reference value.
    reasons
        Why a hypothesis is refused, empty texts where it is not, shape (n,).
    vetoes
        Why a hypothesis is vetoed, likewise.
    """

    columns: Mapping[str, Array]
    reasons: Reasons
    vetoes: Reasons

    def __len__(self) -> int:
        return len(self.reasons)


def hypotheses(analysis: Analysis) -> Hypotheses:
    """Return the hypotheses of an analysis, refused and vetoed ones as well.

    Raises
    ------
    InputError
        If the scan does not fit the model.
    """
    model, deriver = analysis.model, analysis.deriver
    parameters: dict[str, ParameterLike] = {**model.parameters}
    parameters |= dict.fromkeys(analysis.free, _Lifetime())
    points = expand(analysis.grid, parameters, deriver.fixed, default_events=1)
    rejected = len(points.reason_of)
    total = len(points) + rejected
    columns = {name: np.empty(total) for name in parameters}
    for name, values in columns.items():
        values[points.accepted] = points.columns[name]
        values[~points.accepted] = points.rejected_columns[name]
    reasons = np.full(total, "", dtype=object)
    reasons[~points.accepted] = [points.reasons[i] for i in points.reason_of.tolist()]
    _refer(analysis, columns)
    for some, reason in apart(model.together, columns):
        reasons[some & (reasons == "")] = reason
    for constraint, holds in zip(
        model.constraints, evaluate(analysis, model.constraints, columns), strict=True
    ):
        fails = ~holds.astype(bool) & (reasons == "")
        reasons[fails] = f"the constraint {constraint.text} does not hold"
    return Hypotheses(columns, reasons, _vetoes(analysis, columns))


def closed(analysis: Analysis, process: Process, columns: Mapping[str, Array]) -> Reasons:
    """Return why a process does not exist at points, empty texts where it does, shape (n,)."""
    size = len(next(iter(columns.values())))
    reasons = np.full(size, "", dtype=object)
    for name in process.requires:
        if name == analysis.rate.vary:
            continue
        zero = ~(np.abs(columns[name]) > 0) & (reasons == "")
        reasons[zero] = f"{process.name} needs a {name} that is not zero or absent"
    held = evaluate(analysis, process.constraints, columns)
    for constraint, holds in zip(process.constraints, held, strict=True):
        fails = ~holds.astype(bool) & (reasons == "")
        reasons[fails] = f"the constraint {constraint.text} of {process.name} does not hold"
    return reasons


def evaluate(
    analysis: Analysis, expressions: tuple[Expression, ...], columns: Mapping[str, Array]
) -> list[Array]:
    """Evaluate expressions at points; free lifetimes and overrides stand in for the model's."""
    parameters, derived = split(analysis, columns)
    return analysis.deriver.evaluate(expressions, parameters, derived)


def split(
    analysis: Analysis, columns: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return parameters, and derived quantities that are given in place of the model's."""
    parameters = {n: v for n, v in columns.items() if n in analysis.model.parameters}
    derived = {n: v for n, v in columns.items() if n not in analysis.model.parameters}
    if analysis.overrides:
        values = analysis.deriver.evaluate(analysis.overrides.values(), parameters, derived)
        derived |= dict(zip(analysis.overrides, values, strict=True))
    return parameters, derived


def _refer(analysis: Analysis, columns: dict[str, Array]) -> None:
    """Give what the limit is on its reference value where the file gives none."""
    rate = analysis.rate
    if rate.vary is None:
        return
    parameter = analysis.model.parameters[rate.vary]
    if rate.vary not in analysis.grid.fixed:
        middle = float(np.sqrt(rate.span[0] * rate.span[1]))
        value = parameter.reference or parameter.default or middle
        columns[rate.vary] = np.full(len(columns[rate.vary]), value)
    elif not analysis.grid.fixed[rate.vary] > 0:
        raise InputError(
            f"{analysis.grid.places[rate.vary]}: the reference of {rate.vary} is above zero"
        )


def _vetoes(analysis: Analysis, columns: Mapping[str, Array]) -> Reasons:
    reasons = np.full(len(next(iter(columns.values()))), "", dtype=object)
    held = evaluate(analysis, tuple(veto.when for veto in analysis.vetoes), columns)
    for veto, holds in zip(analysis.vetoes, held, strict=True):
        reasons[holds.astype(bool) & (reasons == "")] = veto.reason
    return reasons
