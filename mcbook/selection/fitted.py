"""What a fit of a shape found, and how well it describes the events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.selection.shapes import DoubleCrystalBall, Window
from mcbook.selection.widths import Quantiles

Array = NDArray[np.float64]
Status = Literal["ok", "poor", "failed"]

OK: Status = "ok"
POOR: Status = "poor"
FAILED: Status = "failed"

BINS = 80
"""Bins of the comparison, of one width, before they are merged."""

LEAST_EXPECTED = 10.0
"""Effective events that are expected in a bin, else it is merged with its neighbours."""


@dataclass(frozen=True, slots=True)
class Goodness:
    """Events in bins beside what a shape expects.

    Attributes
    ----------
    edges
        Edges of merged bins, shape (bins + 1,).
    observed, expected
        Sums of weights, shape (bins,).
    errors
        Of the difference, as expected: sqrt(expected) where all weights are 1, shape (bins,).
    chi2, ndf
        Sum of squared pulls; bins less 1 less fitted parameters. The fit is to events and not to
        these bins, so that chi2 may be larger, by less than the number of fitted parameters (H.
        Chernoff, E. L. Lehmann, Ann. Math. Stat. 25 (1954) 579).
    p
        Probability of a larger chi2; NaN without degrees of freedom.
    """

    edges: Array
    observed: Array
    expected: Array
    errors: Array
    chi2: float
    ndf: int
    p: float

    @property
    def pulls(self) -> Array:
        """Observed less expected over the error, shape (bins,)."""
        return np.asarray((self.observed - self.expected) / self.errors)


@dataclass(frozen=True, slots=True)
class ShapeFit:
    """The shape of one sample.

    Attributes
    ----------
    status
        ``ok``; ``poor``, where the p-value is low; ``failed``, where there are no numbers.
    reason
        Why it is not ok, else empty.
    notes
        What was held fixed, and why.
    n_events
        Events of the sample.
    n_effective
        (sum of weights)^2 / (sum of squared weights) in the range of the fit.
    n_outside
        Events outside that range.
    is_binned
        Whether the fit was in bins.
    quantiles
        Median and sigma_68 of all events; None where there are none.
    values, errors
        Numbers of the shape, see `mcbook.selection.shapeparameters.numbers`; an error is NaN where
        a number was held fixed.
    shape
        The shape; None where the fit failed.
    goodness
        Its comparison with the events; None where the fit failed.
    window
        Range of the fit, in the unit of the observable.
    """

    status: Status
    reason: str = ""
    notes: tuple[str, ...] = ()
    n_events: int = 0
    n_effective: float = 0.0
    n_outside: int = 0
    is_binned: bool = False
    quantiles: Quantiles | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    shape: DoubleCrystalBall | None = None
    goodness: Goodness | None = None
    window: Window = (float("nan"), float("nan"))


def goodness_of(shape: DoubleCrystalBall, values: Array, weights: Array, n_fitted: int) -> Goodness:
    """Compare a shape with events.

    Parameters
    ----------
    shape
        Normalised within its window.
    values, weights
        Those events that are within the window, shape (n,).
    n_fitted
        Parameters that were fitted to them.
    """
    from scipy.special import chdtrc

    total, squares = weights.sum(), (weights**2).sum()
    edges = np.linspace(*shape.window, BINS + 1)
    edges = edges[_kept_edges(shape.between(edges[:-1], edges[1:]) * total**2 / squares)]
    observed, _ = np.histogram(values, edges, weights=weights)
    spread, _ = np.histogram(values, edges, weights=weights**2)
    expected = shape.between(edges[:-1], edges[1:]) * total
    with np.errstate(invalid="ignore", divide="ignore"):
        per_weight = np.where(observed > 0, spread / observed, squares / total)
    errors = np.sqrt(expected * per_weight)
    chi2 = float((((observed - expected) / errors) ** 2).sum())
    ndf = len(observed) - 1 - n_fitted
    p = float(chdtrc(ndf, chi2)) if ndf > 0 else float("nan")
    return Goodness(edges, observed, expected, errors, chi2, ndf, p)


def _kept_edges(expected: Array) -> NDArray[np.intp]:
    """Return which edges are kept so that enough is expected in each bin."""
    kept, inside = [0], 0.0
    for i, number in enumerate(expected, 1):
        inside += number
        if inside >= LEAST_EXPECTED:
            kept.append(i)
            inside = 0.0
    if len(kept) > 1:
        kept[-1] = len(expected)
    else:
        kept.append(len(expected))
    return np.array(kept, dtype=np.intp)
