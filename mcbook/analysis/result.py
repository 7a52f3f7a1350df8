"""What an analysis gives: limits at hypotheses, and the plane that contours are drawn in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import rows
from mcbook.analysis.build import Ingredients, likelihoods
from mcbook.analysis.couplings import CouplingLimits
from mcbook.analysis.hypotheses import Hypotheses
from mcbook.analysis.limiter import OBSERVED, PointLimits, take_yields
from mcbook.analysis.records import Analysis
from mcbook.analysis.yields import EfficiencyLike
from mcbook.errors import InputError, did_you_mean
from mcbook.limits.likelihoods import Likelihoods

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Plane:
    """Limits on the strength of the predicted signal in a plane: excluded is where they are < 1.

    Attributes
    ----------
    x_name, y_name
        Parameters, lifetimes, or what is limited.
    x, y
        Rising values, shapes (nx,) and (ny,).
    log10_mu
        By curve: ``observed`` (where the box is open) and ``expected-2`` to ``expected+2``, shape
        (nx, ny); plus infinity where there is no signal.
    reasons
        Why a point has no limit (refused or vetoed), empty texts where it has one, (nx, ny). No
        contour passes there.
    """

    x_name: str
    y_name: str
    x: Array
    y: Array
    log10_mu: Mapping[str, Array]
    reasons: NDArray[np.object_]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where there is no limit, shape (nx, ny)."""
        return np.asarray(self.reasons != "")


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """Limits of an analysis.

    Attributes
    ----------
    analysis
        What the file says.
    header
        What holds for all limits, as JSON values.
    hypotheses
        All of them, refused and vetoed ones as well, n.
    good
        Rows of those with limits, shape (m,).
    reasons
        Why the others have none, shape (n,).
    limits
        Limits at the rows *good*.
    couplings
        What is limited at them; None where that is no parameter.
    ingredients
        Backgrounds, systematics and data at the rows *good*.
    maps
        Efficiency maps by channel.
    """

    analysis: Analysis = field(repr=False)
    header: Mapping[str, Any]
    hypotheses: Hypotheses = field(repr=False)
    good: Index = field(repr=False)
    reasons: NDArray[np.object_] = field(repr=False)
    limits: PointLimits | None = field(repr=False)
    couplings: CouplingLimits | None = field(repr=False)
    ingredients: Ingredients = field(repr=False)
    maps: Mapping[str, EfficiencyLike] = field(default_factory=dict, repr=False)

    @property
    def is_unblinded(self) -> bool:
        """Whether observed counts were read."""
        return bool(self.header["unblinded"])

    def document(self) -> dict[str, Any]:
        """Return header and limits as JSON values; what is not defined is null."""
        found = list(rows.limit_rows(self))
        if self.is_unblinded and self.ingredients.cells:
            from mcbook.analysis.scan import fit_rows

            for place, told in fit_rows(self):
                found[place]["fit"] = told
        return {**self.header, "limits": found}

    def likelihoods(self) -> tuple[Index, Likelihoods | None]:
        """Return the likelihoods of the predicted signal, and which hypotheses they are of.

        Channels are side by side, each with its signal and its backgrounds. Hypotheses without
        limits or signal have none.
        """
        if self.limits is None:
            return self.good[:0], None
        some = np.flatnonzero((self.limits.reasons == "") & (self.limits.events > 0))
        if not some.size:
            return self.good[:0], None
        yields = {name: take_yields(entry, some) for name, entry in self.limits.yields.items()}
        batch, _ = likelihoods(self.analysis, yields, self.ingredients.take(some), is_scaled=False)
        return self.good[some], batch

    def varying(self) -> list[str]:
        """Return the parameters and lifetimes that the scan moves, in the order of the file."""
        columns = self.hypotheses.columns
        placed = [*self.analysis.grid.places]
        names = [name for name in placed if name in columns] + [
            name for name in columns if name not in placed
        ]
        return [name for name in names if len(np.unique(columns[name])) > 1]

    def plane(self, x: str | None = None, y: str | None = None) -> Plane:
        """Return limits on the strength in a plane of two quantities.

        Parameters
        ----------
        x, y
            Quantities that the scan moves; *y* may be the parameter that is limited. By default the
            first two, or the first and what is limited.

        Raises
        ------
        InputError
            If the scan does not fill that plane.
        """
        names = self._plane_names(x, y)
        vary = self.analysis.rate.vary
        if names[1] == vary:
            return self._coupling_plane(names[0], names[1])
        columns = self.hypotheses.columns
        (xs, i), (ys, j) = (np.unique(columns[name], return_inverse=True) for name in names)
        if len(xs) * len(ys) != len(self.hypotheses) or len(set(zip(i, j, strict=True))) != len(i):
            raise InputError(
                f"{self.analysis.path}: the scan is no full grid of {names[0]} and {names[1]}",
                hint="a plane needs a scan over these two and nothing else",
            )
        shape = (len(xs), len(ys))
        reasons = np.empty(shape, dtype=object)
        reasons[i, j] = self.reasons
        mu = np.full((len(self.hypotheses), self.n_curves), np.nan)
        if self.limits is not None:
            mu[self.good] = self.limits.mu
        return Plane(
            *names, xs, ys, _curves(np.log10(np.where(mu > 0, mu, np.nan)), (i, j), shape), reasons
        )

    @property
    def n_curves(self) -> int:
        """Number of limits at each hypothesis."""
        return 2 * OBSERVED + 1 if self.is_unblinded else OBSERVED

    def _plane_names(self, x: str | None, y: str | None) -> tuple[str, str]:
        vary = self.analysis.rate.vary
        moved = self.varying() + ([vary] if vary else [])
        for name in (x, y):
            if name is not None and name not in moved:
                raise InputError(
                    f"{self.analysis.path}: the scan does not move {name}",
                    hint=did_you_mean(name, moved),
                )
        first = x or next((name for name in moved if name != y), None)
        if vary and y is None and len(moved) > 1:
            second: str | None = vary
        else:
            second = y or next((name for name in moved if name != first), None)
        if first is None or second is None or first in {second, vary}:
            raise InputError(f"{self.analysis.path}: the scan has no such plane")
        return first, second

    def _coupling_plane(self, x: str, y: str) -> Plane:
        couplings, columns = self.couplings, self.hypotheses.columns
        xs, i = np.unique(columns[x], return_inverse=True)
        if couplings is None or len(xs) != len(self.hypotheses):
            raise InputError(
                f"{self.analysis.path}: several hypotheses have the same {x}",
                hint=f"a plane with {y} needs a scan over {x} and nothing else",
            )
        shape = (len(xs), len(couplings.x))
        reasons = np.empty(shape, dtype=object)
        reasons[i] = self.reasons[:, None]
        log_mu = np.full((*shape, self.n_curves), np.nan)
        log_mu[i[self.good]] = couplings.log_mu / np.log(10)
        unknown = np.isnan(log_mu[:, :, :OBSERVED]).all(axis=2) & (reasons == "")
        reasons[unknown] = "refused here"
        place = np.indices(shape)
        flat = log_mu.reshape(-1, self.n_curves)
        curves = _curves(flat, (place[0].ravel(), place[1].ravel()), shape)
        return Plane(x, y, xs, couplings.x, curves, reasons)


def _curves(values: Array, place: tuple[Any, Any], shape: tuple[int, int]) -> dict[str, Array]:
    """Return curves by name on the grid of a plane."""
    names = [f"expected{sigma:+d}" if sigma else "expected" for sigma in range(-2, 3)]
    if values.shape[1] > OBSERVED:
        names += ["observed"] + [f"postfit{n.removeprefix('expected')}" for n in names[:OBSERVED]]
    found = {}
    for k, name in enumerate(names):
        found[name] = np.full(shape, np.nan)
        found[name][place] = values[:, k]
    return found
