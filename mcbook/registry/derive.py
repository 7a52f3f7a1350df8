"""Derived quantities of a signal model, computed for all points at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.expressions import Expression
from mcbook.registry.model import Derived, SignalModel
from mcbook.registry.physics import FORMULAS, LABELS
from mcbook.registry.physics.constants import CONSTANTS

Array = NDArray[np.float64]

ALPHA = 1 / 137.035999
"""alpha(0), the default of every cross section; CODATA 2018 to nine digits."""

SQRT_S = 10.58
"""Default centre-of-mass energy [GeV], at the Upsilon(4S)."""


class Deriver:
    """Computes what follows from the parameters of one signal model.

    Parameters
    ----------
    model
        The signal model, with the values of its constants.
    alpha
        Fine-structure constant that cross sections and widths use.
    sqrt_s
        Centre-of-mass energy [GeV].
    """

    def __init__(self, model: SignalModel, *, alpha: float = ALPHA, sqrt_s: float = SQRT_S) -> None:
        self.model = model
        self.fixed: dict[str, float] = {name: entry.value for name, entry in CONSTANTS.items()}
        self.fixed |= {name: entry.value for name, entry in model.constants.items()}
        self.fixed |= {"alpha": alpha, "sqrt_s": sqrt_s}
        self._held: dict[tuple[object, ...], bool] = {}

    def namespace(self, columns: Mapping[str, Array]) -> dict[str, float | Array]:
        """Return constants and parameters by name; a parameter that has no column is NaN."""
        absent = dict.fromkeys(self.model.parameters, np.nan)
        return {**self.fixed, **absent, **columns}

    def compute(
        self, columns: Mapping[str, Array], names: Iterable[str] | None = None
    ) -> dict[str, Array]:
        """Compute derived quantities.

        Parameters
        ----------
        columns
            Parameters, each of shape (n_points,); NaN where an optional one is absent.
        names
            The quantities that are wanted; all by default.

        Returns
        -------
        dict
            Arrays of shape (n_points,) in the units of the model. A quantity is infinite or NaN
            where it is not defined (the decay length of a stable particle, a rate that needs an
            absent coupling), NaN where it is not known.
        """
        wanted = list(self.model.derived if names is None else names)
        size = max((np.size(column) for column in columns.values()), default=1)
        values = self.namespace(columns)
        with np.errstate(all="ignore"):
            for name in self._ordered(wanted):
                values[name] = self._one(self.model.derived[name], values, size)
        return {name: self._where_known(name, values) for name in wanted}

    def evaluate(
        self,
        expressions: Iterable[Expression],
        columns: Mapping[str, Array],
        derived: Mapping[str, Array] | None = None,
    ) -> list[Array]:
        """Evaluate expressions over points, computing the derived quantities that they name.

        Parameters
        ----------
        expressions
            Expressions over parameters, constants and derived quantities.
        columns
            As in `compute`.
        derived
            Derived quantities that are already there, of the same shape.
        """
        listed = list(expressions)
        size = max((np.size(column) for column in columns.values()), default=1)
        known = dict(derived or {})
        missing = {n for e in listed for n in e.names if n in self.model.derived} - set(known)
        known |= self.compute(columns, sorted(missing))
        values = {**self.namespace(columns), **known}
        with np.errstate(all="ignore"):
            return [np.broadcast_to(e.evaluate(values), (size,)) for e in listed]

    def labels(self, columns: Mapping[str, Array]) -> dict[str, list[str]]:
        """Return for each width which approximation it uses at each point."""
        models = self.model.width_models
        arguments = self.evaluate([model.argument for model in models], columns)
        return {
            model.quantity: [str(label) for label in LABELS[model.labels](argument)]
            for model, argument in zip(models, arguments, strict=True)
        }

    def remarks(
        self,
        columns: Mapping[str, Array],
        derived: Mapping[str, Array],
        parameters: Sequence[Mapping[str, float]],
    ) -> list[dict[str, str]]:
        """Return for each point what is to be known of its derived quantities.

        Of one without a finite value, why; of a width that `labels` knows, which approximation.

        Parameters
        ----------
        columns, derived
            Parameters and derived quantities, shape (n_points,) each.
        parameters
            The parameters that are set at each point.
        """
        found: list[dict[str, str]] = [{} for _ in parameters]
        for name, labels in self.labels(columns).items():
            for i in np.flatnonzero(np.isfinite(derived[name])).tolist():
                found[i][name] = labels[i]
        for name, values in derived.items():
            for i in np.flatnonzero(~np.isfinite(values)).tolist():
                found[i][name] = self.undefined(name, parameters[i], derived, i)
        return found

    def undefined(
        self, name: str, parameters: Mapping[str, float], derived: Mapping[str, Array], row: int = 0
    ) -> str:
        """Say why a derived quantity has no finite value.

        Parameters
        ----------
        name
            The quantity.
        parameters
            The parameters that are set there; others are absent.
        derived
            What came out for all derived quantities, shape (n_points,) each.
        row
            The point in question.
        """
        if np.isinf(derived[name][row]):
            return "infinite: nothing decays it here"
        known = self.model.derived[name].known
        if known is not None and not self._holds(known, parameters):
            return f"known only where {known.text}"
        total = self.model.derived[name].arguments.get("total")
        if total is not None and total.text in derived and derived[total.text][row] == 0:
            return f"{total.text} is zero"
        needed = self.depends_on(name) & set(self.model.parameters)
        absent = sorted(needed - set(parameters))
        return f"{' and '.join(absent)} not set" if absent else "not defined here"

    def _where_known(self, name: str, values: Mapping[str, float | Array]) -> Array:
        known = self.model.derived[name].known
        array = np.asarray(values[name], dtype=np.float64)
        return array if known is None else np.where(known.evaluate(values), array, np.nan)

    def _holds(self, known: Expression, parameters: Mapping[str, float]) -> bool:
        """Return whether a condition holds at a point; many points ask the same."""
        key = (known, *(parameters.get(name) for name in sorted(known.names)))
        if key not in self._held:
            absent = dict.fromkeys(self.model.parameters, np.nan)
            self._held[key] = bool(known.evaluate({**self.fixed, **absent, **parameters}))
        return self._held[key]

    def depends_on(self, name: str) -> frozenset[str]:
        """Return every name that a derived quantity uses, directly or through others."""
        return self._closure[name]

    def names_in(self, expressions: Iterable[Expression]) -> frozenset[str]:
        """Return every name that expressions use, directly or through derived quantities."""
        direct = frozenset(name for entry in expressions for name in entry.names)
        return direct.union(*(self._closure[n] for n in direct if n in self._closure))

    @cached_property
    def _closure(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for name in self._ordered(self.model.derived):
            direct = _direct(self.model.derived[name])
            found[name] = direct.union(*(found[other] for other in direct if other in found))
        return found

    def _ordered(self, names: Iterable[str]) -> list[str]:
        """Sort derived quantities so that each comes behind those that it needs."""
        ordered: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in ordered or name not in self.model.derived:
                return
            for other in sorted(_direct(self.model.derived[name])):
                visit(other)
            ordered[name] = None

        for name in names:
            visit(name)
        return list(ordered)

    def _one(self, entry: Derived, values: Mapping[str, float | Array], size: int) -> Array:
        if entry.expression is not None:
            return np.broadcast_to(np.asarray(entry.expression.evaluate(values), float), (size,))
        arguments = {
            name: np.asarray(expression.evaluate(values), dtype=np.float64)
            for name, expression in entry.arguments.items()
        }
        formula = FORMULAS[str(entry.formula).partition("@")[0]]
        return np.broadcast_to(_distinct(formula.function, arguments, size), (size,))


def _direct(entry: Derived) -> frozenset[str]:
    expressions = [*entry.arguments.values()]
    if entry.expression is not None:
        expressions.append(entry.expression)
    return frozenset(name for expression in expressions for name in expression.names)


def _distinct(function: Callable[..., Array], arguments: dict[str, Array], size: int) -> Array:
    """Call a formula once for each distinct set of arguments: grids repeat their axes."""
    varying = {name: array for name, array in arguments.items() if array.ndim and array.size > 1}
    if size < 64 or not varying:  # noqa: PLR2004
        return np.asarray(function(**arguments), dtype=np.float64)
    index = np.zeros(size, dtype=np.int64)
    for array in varying.values():
        _, codes = np.unique(array, return_inverse=True)
        index = index * (int(codes.max()) + 1) + codes
        _, first, index = np.unique(index, return_index=True, return_inverse=True)
    reduced = {name: array[first] for name, array in varying.items()}
    return np.asarray(function(**{**arguments, **reduced}), dtype=np.float64)[index]
