"""What figures and pages of fits show: plain numbers, computed elsewhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cell = str | float | None

ToyKind = Literal["significance", "statistic", "maximum"]

_UNIT = re.compile(r"\s*\[([^\[\]]+)\]\s*$")


@dataclass(frozen=True, slots=True)
class FitView:
    """A fit in B bins of one observable, or in nx times ny bins of two.

    Attributes
    ----------
    title
        The hypothesis, as text with LaTeX between dollar signs.
    words
        Title of the observable, its unit in square brackets at the end.
    edges
        Rising edges of the bins, shape (B + 1,); of the first observable, shape (nx + 1,), where
        there are two.
    observed
        Events, shape (B,); None while the box is closed. Two observables: B = nx * ny, and the
        second is the fast one.
    backgrounds
        Events by name, shape (B,) each: after the fit, or expected while the box is closed.
    signal
        Events, shape (B,): at the best fit, or where `signal_label` says.
    error
        Uncertainty of the sum of all backgrounds, shape (B,).
    signal_label
        What the legend calls the signal.
    window
        Lower and upper end of a range of the observable to be shaded.
    window_label
        What the legend calls that range.
    log
        Whether events are on a logarithmic scale.
    second
        The second observable.
    """

    title: str
    words: str
    edges: Array
    observed: Array | None
    backgrounds: Mapping[str, Array]
    signal: Array
    error: Array
    signal_label: str = "signal, best fit"
    window: tuple[float, float] | None = None
    window_label: str = "signal window"
    log: bool = False
    second: "SecondAxis | None" = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of bins: (B,), or (nx, ny)."""
        second = () if self.second is None else (len(self.second.edges) - 1,)
        return (len(self.edges) - 1, *second)

    @property
    def total(self) -> Array:
        """Events of all backgrounds, shape (B,)."""
        return np.asarray(sum(self.backgrounds.values(), np.zeros(self.signal.shape)))

    @property
    def spread(self) -> Array:
        """What observed events differ by from the backgrounds, shape (B,); NaN where it is zero.

        The root of the squares of the Poisson spread of the backgrounds and of their uncertainty.
        """
        spread = np.sqrt(self.total + self.error**2)
        return np.where(spread > 0, spread, np.nan)

    @property
    def pulls(self) -> Array:
        """Observed events less backgrounds, over their spread, shape (B,).

        While the box is closed the signal stands for what would be observed more.
        """
        found = self.signal if self.observed is None else self.observed - self.total
        return np.asarray(found / self.spread)


@dataclass(frozen=True, slots=True)
class SecondAxis:
    """The second observable of a fit.

    Attributes
    ----------
    words
        Its title, with the unit in square brackets at the end.
    edges
        Rising edges, shape (ny + 1,).
    errors
        Uncertainties of the sum of all backgrounds in the projections on the first and the second
        observable, shapes (nx,) and (ny,). Without them those of the bins are added up, as if they
        all went together, which is the most that they can be.
    window
        Lower and upper end of a range to be shaded.
    """

    words: str
    edges: Array
    errors: tuple[Array, Array] | None = None
    window: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class NuisanceView:
    """Nuisance parameters after a fit, P of them.

    Attributes
    ----------
    names
        P names.
    values, errors
        In standard deviations of what constrains them, shape (P,); NaN where nothing does.
    impacts
        What mu changes by, over its error, where a parameter is moved up and down by its error,
        shape (P, 2).
    correlation
        Of all parameters with mu as the last one, shape (P + 1, P + 1).
    """

    names: Sequence[str]
    values: Array
    errors: Array
    impacts: Array | None = None
    correlation: Array | None = None

    @property
    def order(self) -> list[int]:
        """Parameters with the largest impact first; without impacts, the largest pull."""
        sizes = np.abs(self.values) if self.impacts is None else np.abs(self.impacts).max(axis=1)
        return [int(i) for i in np.argsort(-np.nan_to_num(sizes), kind="stable")]


@dataclass(frozen=True, slots=True)
class ScanView:
    """Fits along a quantity, H hypotheses.

    Attributes
    ----------
    axis
        Title of the quantity, with its unit.
    x
        Rising values, shape (H,).
    p_value
        Local p values of the backgrounds alone, shape (H,); NaN where a fit failed.
    mu, error
        Fitted signal strength, or rate, and its uncertainty, shape (H,).
    rate_title
        Title of what is fitted.
    largest
        Index of the largest excess; None where there is none.
    global_p
        Global p value of the largest excess, and its error.
    expected
        Range of one standard deviation of what would be fitted without a signal, shape (H, 2).
    """

    axis: str
    x: Array
    p_value: Array
    mu: Array
    error: Array
    rate_title: str
    largest: int | None = None
    global_p: tuple[float, float] | None = None
    expected: Array | None = None

    @property
    def failed(self) -> int:
        """How many hypotheses have no p value."""
        return int(np.isnan(self.p_value).sum())


@dataclass(frozen=True, slots=True)
class ToyView:
    """What came out of toys of the backgrounds alone, n of them.

    Attributes
    ----------
    title
        What was thrown, as text.
    words
        Title of the axis.
    values
        Shape (n,).
    kind
        ``significance``: local significances, normal where all is well. ``statistic``: the test
        statistic q0, half of it at zero and half a chi2 of one degree of freedom. ``maximum``:
        largest local significances of whole scans, which follow no known curve.
    observed
        The value in data; None while the box is closed.
    """

    title: str
    words: str
    values: Array
    kind: ToyKind = "significance"
    observed: float | None = None


@dataclass(frozen=True, slots=True)
class InjectionView:
    """Fits to toys with a signal of known strength in them, k strengths.

    Attributes
    ----------
    title
        What was injected, as text.
    words
        What is fitted, in LaTeX between dollar signs or as text.
    injected
        Rising strengths, shape (k,).
    recovered, recovered_error
        Mean of the fitted strengths and its error, shape (k,).
    pull, pull_error
        Mean of (fitted - injected) / uncertainty, and its error, shape (k,).
    width, width_error
        Standard deviation of the same, and its error, shape (k,).
    """

    title: str
    words: str
    injected: Array
    recovered: Array
    recovered_error: Array
    pull: Array
    pull_error: Array
    width: Array
    width_error: Array


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a page: numbers, texts, or None where there is nothing.

    `failed` holds the indices of the rows that are marked.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    failed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class FitReport:
    """All that a report on fits shows; what is empty is left out.

    Attributes
    ----------
    title
        Of the page.
    about
        What was fitted: texts by what they tell.
    scan
        Fits along a quantity.
    fits
        Fits of single hypotheses.
    nuisances
        Nuisance parameters of fits, by the hypothesis.
    toys, injections
        Tests with toys.
    hypotheses
        The table of hypotheses; made of the scan where it is None.
    notes
        Sentences that a reader should know.
    """

    title: str
    about: Mapping[str, str] = field(default_factory=dict)
    scan: ScanView | None = None
    fits: Sequence[FitView] = ()
    nuisances: Mapping[str, NuisanceView] = field(default_factory=dict)
    toys: Sequence[ToyView] = ()
    injections: Sequence[InjectionView] = ()
    hypotheses: Table | None = None
    notes: Sequence[str] = ()


def projection(view: FitView, axis: Literal[0, 1]) -> FitView:
    """Return a fit in two observables as one in the first (0) or the second (1) of them.

    Examples
    --------
    >>> second = SecondAxis("y", np.array([0.0, 1.0, 2.0]))
    >>> events = np.array([1.0, 2.0, 3.0, 4.0])
    >>> view = FitView("", "x", second.edges, events, {}, events, events, second=second)
    >>> [projection(view, axis).observed.tolist() for axis in (0, 1)]
    [[3.0, 7.0], [4.0, 6.0]]
    """
    second = view.second
    if second is None:
        return view

    def added(values: Array) -> Array:
        return np.asarray(values.reshape(view.shape).sum(axis=1 - axis))

    error = added(view.error) if second.errors is None else second.errors[axis]
    return replace(
        view,
        words=(view.words, second.words)[axis],
        edges=(view.edges, second.edges)[axis],
        observed=None if view.observed is None else added(view.observed),
        backgrounds={name: added(values) for name, values in view.backgrounds.items()},
        signal=added(view.signal),
        error=error,
        window=(view.window, second.window)[axis],
        second=None,
    )


def unit_of(title: str) -> str:
    """Return the unit in the square brackets that end a title; an empty text where none do."""
    found = _UNIT.search(title)
    return found[1] if found else ""


def value_text(title: str, value: float) -> str:
    """Return a value of a quantity in words.

    Examples
    --------
    >>> value_text("m_zp [GeV]", 2.5), value_text("mass", 3)
    ('m_zp = 2.5 GeV', 'mass = 3')
    """
    return f"{_UNIT.sub('', title)} = {value:.5g} {unit_of(title)}".rstrip()


def significance(p_value: float) -> float:
    """Return the standard deviations of a one-sided p value in [0, 1]; infinity for zero.

    Examples
    --------
    >>> round(significance(0.02275), 3)
    2.0
    """
    from scipy.special import ndtri

    return 0.0 - float(ndtri(p_value))


def significance_text(p_value: float) -> str:
    """Return the standard deviations of a p value in words.

    Examples
    --------
    >>> [significance_text(p) for p in (0.00135, 0.7, 0.0, 1.0)]
    ['3.00 sigma', '-0.52 sigma', 'above 37 sigma', 'none']
    """
    found = significance(p_value)
    if np.isfinite(found):
        return f"{found:.2f} sigma"
    return "above 37 sigma" if found > 0 else "none"
