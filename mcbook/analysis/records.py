"""What an analysis file says, as frozen records. `file` makes them; everything else reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcbook.grid.file import Grid
from mcbook.limits.result import Method
from mcbook.registry.derive import Deriver
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.yamlfile import Document, Keys
from mcbook.selection.values import Value

SIGMA = "sigma"
SIGMA_BR = "sigma_br"
BR = "br"
STRENGTH = "mu"
WORDS = (STRENGTH, SIGMA, SIGMA_BR, BR)
"""What can be limited besides parameters and expressions."""

CHARGED_FRACTION = 0.540 / (0.540 + 0.510)
"""Share of B+ B- among B meson pairs: 0.540 nb of B+ B- and 0.510 nb of B0 anti-B0 at the
Upsilon(4S), the cross sections that Belle II normalises its simulation to."""

IsrMode = Literal["none", "leading-log"]


@dataclass(frozen=True, slots=True)
class EfficiencySource:
    """An efficiency map: where it is, region in it, its axes (parameters or derived quantities).

    It is in a file at `path`, or in the books, by name or id in `catalog`; the other one is None.
    `how` says how it interpolates: thresholds, log_axes, linear_axes, method.
    """

    path: Path | None
    catalog: str | None
    region: str | None
    axes: tuple[str, ...]
    how: Mapping[str, Any]
    where: str


@dataclass(frozen=True, slots=True)
class Window:
    """An interval of an observable: `centre` +- `width` * `resolution`, in its unit."""

    centre: Expression
    resolution: Expression
    width: float


@dataclass(frozen=True, slots=True)
class Constant:
    """A number of events at every hypothesis; `sideband` is (observed, ratio)."""

    value: float
    stat: float = 0.0
    sideband: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file with columns for `axes` and for numbers of events."""

    path: Path
    axes: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """A binned observable, of which a `window` is counted; `name` picks one in a ROOT file.

    `snap` counts whole bins (where data are binned); otherwise a bin that the window cuts counts in
    part.
    """

    path: Path
    name: str | None
    window: Window
    snap: bool
    where: str


@dataclass(frozen=True, slots=True)
class Events:
    """Values of an observable, one per row of a CSV file, of which a `window` is counted."""

    path: Path
    column: str
    window: Window
    where: str


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Histograms of the observables of a fit, in a CSV or ROOT file; `name` picks one in ROOT.

    Where it is the background, each of `samples` is a column or a histogram of its own.
    """

    path: Path
    name: str | None
    samples: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Values:
    """Values of the observables of a fit, one row per event of a CSV file, by `columns`."""

    path: Path
    columns: tuple[str, ...]
    where: str


Source = Constant | Table | Histogram | Events | Spectrum | Values


@dataclass(frozen=True, slots=True)
class FitWindow:
    """Where a fit looks: `centre` +- `width` * `resolution`, in `bins` equal bins.

    Centre and resolution are values of the hypothesis.
    """

    centre: Value
    resolution: Value
    width: float
    bins: int
    where: str


@dataclass(frozen=True, slots=True)
class SignalShape:
    """What the signal looks like in the window.

    `kind` is ``gaussian`` (of the resolution of the window), ``shapes`` (a table of `mcbook
    resolution`, at `path`) or ``templates`` (a table of `mcbook select`); the tables have a row
    for each sample at positions of `axis`.
    """

    kind: Literal["gaussian", "shapes", "templates"]
    path: Path | None
    axis: str
    where: str


@dataclass(frozen=True, slots=True)
class Smooth:
    """A background that is a polynomial of `order` in the window, which data fix.

    None stands for the order with the least AIC of the expected background, `most` at most.
    """

    order: int | None
    most: int


@dataclass(frozen=True, slots=True)
class ChannelFit:
    """How a channel is fitted: in bins of a window that moves with the hypothesis.

    `resolution_error` is relative, a shift of the signal's shape; `smooth` is None where the
    background has the shapes of its histograms. `observables` are titles of axes.
    """

    window: FitWindow
    signal: SignalShape
    resolution_error: Value | None
    smooth: Smooth | None
    where: str
    observables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """One bin of the likelihood, or several that are fitted: process, efficiency, background, data.

    `observed` is None where the file names none; it is not opened before the box is. `generated` is
    a table of cross sections that a generator reported, where one is named.
    """

    name: str
    process: Process
    efficiency: EfficiencySource
    background: Source
    observed: Source | None
    where: str
    generated: Path | None = None
    fit: ChannelFit | None = None


@dataclass(frozen=True, slots=True)
class Systematic:
    """A relative uncertainty from one source, the same nuisance wherever the source is named.

    `relative` has one number, or one per bin of `of` between `edges`. `keys` lead to its entry in
    the analysis file, which may stand for a file of them.
    """

    source: str
    affects: Literal["signal", "background"]
    channels: tuple[str, ...]
    relative: tuple[float, ...]
    of: Expression | None
    edges: tuple[float, ...]
    where: str
    keys: Keys = ()


@dataclass(frozen=True, slots=True)
class Veto:
    """Hypotheses that are left out where `when` holds."""

    when: Expression
    reason: str


@dataclass(frozen=True, slots=True)
class Rate:
    """What is limited.

    `name` is one of `WORDS`, a parameter or an expression. `vary` is the parameter that is scanned
    over `points` values of `span` to find its limits; None for `WORDS`. `is_free` says that the
    file asked for `vary`, so that the expression may depend on it in any way.
    """

    name: str
    expression: Expression | None = None
    vary: str | None = None
    span: tuple[float, float] = (0.0, 0.0)
    points: int = 0
    is_free: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """What the samples behind the efficiency maps were made with."""

    alpha: float
    isr: IsrMode
    sqrt_s: float


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What signal events are counted from: fb^-1, or pairs of B mesons with the charged share."""

    kind: Literal["luminosity", "n_bb"]
    value: float
    relative_error: float
    charged_fraction: float = CHARGED_FRACTION


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that an analysis file says, checked against the signal model.

    `deriver` has the model with the constants of ``set:``, alpha and sqrt(s) of the cross sections.
    `free` names the lifetimes that are axes of the scan. `overrides` stand in for quantities of the
    model (``branching:``).
    """

    document: Document = field(repr=False)
    folder: Path
    name: str
    title: str
    citation: str
    model: SignalModel = field(repr=False)
    deriver: Deriver = field(repr=False)
    isr: IsrMode
    samples: Samples | None
    cross_section: Literal["born", "generator"]
    normalisation: Normalisation
    channels: tuple[Channel, ...]
    grid: Grid = field(repr=False)
    free: tuple[str, ...]
    rate: Rate
    systematics: tuple[Systematic, ...]
    vetoes: tuple[Veto, ...]
    overrides: Mapping[str, Expression]
    cl: float | None
    method: Method

    @property
    def path(self) -> str:
        """The file, as it was named."""
        return self.document.path
