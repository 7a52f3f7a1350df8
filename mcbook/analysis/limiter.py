"""Limits on the signal strength at points of an analysis, of all bands at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.build import Ingredients, likelihoods
from mcbook.analysis.records import Analysis
from mcbook.analysis.yields import SignalModelOf, Yields
from mcbook.efficiency.evaluated import Efficiencies
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import OK, SIGMAS, Limits

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Reasons = NDArray[np.object_]

EXPECTED = slice(0, len(SIGMAS))
OBSERVED = len(SIGMAS)
MEDIAN = SIGMAS.index(0)
POSTFIT = slice(len(SIGMAS) + 1, 2 * len(SIGMAS) + 1)
"""Where the curves are: expected before the fit; observed and expected after the fit, if open."""

CHUNK = 20_000


class UpperLimits(Protocol):
    """`mcbook.limits.upper_limits`, or a stand-in."""

    def __call__(self, likelihoods: Likelihoods, *, cl: float, method: str) -> Limits:
        """Return limits."""


@dataclass(frozen=True, slots=True)
class PointLimits:
    """Limits at m points.

    Attributes
    ----------
    mu
        Limits on the strength of the predicted signal, shape (m, n_curves); infinite where there is
        no signal, NaN where refused.
    errors
        Their standard deviations from a finite number of toys, same shape; 0 without toys.
    events
        Predicted signal events of all channels, shape (m,).
    reasons
        Why a point is refused, empty texts where it is not, shape (m,).
    method, status
        As in `Limits`, shape (m,).
    yields
        Signal of each channel.
    """

    mu: Array
    errors: Array
    events: Array
    reasons: Reasons
    method: Reasons
    status: Reasons
    yields: Mapping[str, Yields]


class Limiter:
    """Computes limits at points that belong to hypotheses.

    Parameters
    ----------
    analysis
        What the file says.
    signal
        Its signal.
    ingredients
        Backgrounds, systematics and, if the box is open, data of the hypotheses.
    upper_limits
        What computes limits.
    cl, method
        For it.
    efficiencies
        Of each channel at the hypotheses, where they do not depend on what is varied.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        analysis: Analysis,
        signal: SignalModelOf,
        ingredients: Ingredients,
        upper_limits: UpperLimits,
        cl: float,
        method: str,
        efficiencies: Mapping[str, Efficiencies] | None = None,
    ) -> None:
        self.analysis = analysis
        self.signal = signal
        self.ingredients = ingredients
        self.upper_limits = upper_limits
        self.cl, self.method = cl, method
        self.efficiencies = efficiencies

    @property
    def n_curves(self) -> int:
        """Number of limits at each point."""
        return len(SIGMAS) if self.ingredients.observed is None else 2 * len(SIGMAS) + 1

    def mu(self, rows: Index, columns: Mapping[str, Array]) -> Array:
        """Return limits at points, shape (m, n_curves), in chunks.

        Parameters
        ----------
        rows
            Hypothesis of each point, shape (m,).
        columns
            Parameters and free lifetimes at the points, shape (m,) each.
        """
        parts = [np.zeros((0, self.n_curves))]
        for start in range(0, len(rows), CHUNK):
            some = slice(start, start + CHUNK)
            here = {name: values[some] for name, values in columns.items()}
            parts.append(self.at(rows[some], here).mu)
        return np.concatenate(parts)

    def at(self, rows: Index, columns: Mapping[str, Array]) -> PointLimits:
        """Return limits at points with everything behind them; see `mu`."""
        size = len(rows)
        known = self.efficiencies
        yields = {
            channel.name: self.signal.yields(
                channel, columns, None if known is None else take(known[channel.name], rows)
            )
            for channel in self.analysis.channels
        }
        reasons = np.full(size, "", dtype=object)
        for entry in yields.values():
            reasons = np.where(reasons == "", entry.reasons, reasons)
        events = np.sum([entry.events for entry in yields.values()], axis=0)
        mu = np.full((size, self.n_curves), np.nan)
        mu[(reasons == "") & (events == 0)] = np.inf
        errors = np.zeros_like(mu)
        method = np.full(size, "", dtype=object)
        status = np.where(reasons == "", self.without_signal(), reasons)
        good = np.flatnonzero((reasons == "") & (events > 0))
        if good.size:
            some = {name: take_yields(entry, good) for name, entry in yields.items()}
            mu[good], errors[good], method[good], status[good] = self._limits(rows[good], some)
            failed = good[np.isnan(mu[good, EXPECTED]).all(axis=1)]
            reasons[failed] = status[failed]
        return PointLimits(mu, errors, events, reasons, method, status, yields)

    def without_signal(self) -> str:
        """Return what to say where no signal is expected: a parameter that is 0 by default."""
        grid, model = self.analysis.grid, self.analysis.model
        zero = [n for n, p in model.parameters.items() if p.default == 0 and n not in grid.places]
        unset = [name for name in zero if name != self.analysis.rate.vary]
        return f"no signal ({', '.join(unset)} = 0 by default)" if unset else "no signal"

    def _limits(
        self, rows: Index, yields: Mapping[str, Yields]
    ) -> tuple[Array, Array, Reasons, Reasons]:
        """Return limits at points that have some signal, with errors, method and status."""
        batch, scale = likelihoods(self.analysis, yields, self.ingredients.take(rows))
        blind = Likelihoods(batch.yields, batch.is_signal, batch.modifiers)
        found = self.upper_limits(blind, cl=self.cl, method=self.method)
        mu = np.full((len(rows), self.n_curves), np.nan)
        errors = np.zeros_like(mu)
        mu[:, EXPECTED] = found.expected * scale[:, None]
        errors[:, EXPECTED] = found.expected_error * scale[:, None]
        method, status = found.method, _told(found)
        if batch.observed is None:
            return mu, errors, method, status
        seen = np.flatnonzero(batch.has_observed)
        if not seen.size:
            return mu, errors, method, status
        after = self.upper_limits(batch.take(seen), cl=self.cl, method=self.method)
        mu[seen, OBSERVED] = after.observed * scale[seen]
        mu[seen, POSTFIT] = after.expected * scale[seen, None]
        errors[seen, OBSERVED] = after.observed_error * scale[seen]
        errors[seen, POSTFIT] = after.expected_error * scale[seen, None]
        method, status = method.copy(), status.copy()
        method[seen], status[seen] = after.method, _told(after)
        return mu, errors, method, status


def _told(found: Limits) -> Reasons:
    """Return the status of limits; where toys were thrown, with their largest relative error."""
    status = found.status.copy()
    for i in np.flatnonzero(found.expected_error.any(axis=1)).tolist():
        errors = [*found.expected_error[i] / found.expected[i]]
        if np.isfinite(found.observed[i]):
            errors.append(found.observed_error[i] / found.observed[i])
        known = f"known to {np.nanmax(errors):.1%} by the number of toys"
        status[i] = f"{OK}: {known}" if status[i] == OK else f"{status[i]}; {known}"
    return status


def take(found: Efficiencies, rows: Index) -> Efficiencies:
    """Return efficiencies of some rows."""
    return Efficiencies(
        found.value[rows],
        found.mc_error[rows],
        found.interpolation_error[rows],
        found.flag[rows],
        found.reason[rows],
        tuple(found.samples[i] for i in rows.tolist()),
    )


def take_yields(entry: Yields, rows: Index) -> Yields:
    """Return yields of some rows."""
    parts: dict[str, Any] = {
        name: getattr(entry, name)[rows]
        for name in Yields.__dataclass_fields__
        if name != "samples"
    }
    return Yields(**parts, samples=tuple(entry.samples[i] for i in rows.tolist()))
