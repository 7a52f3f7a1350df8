"""From fits of an analysis to what a report shows of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import AnalysisResult
from mcbook.analysis.build import layout
from mcbook.analysis.scan import Injection, Scan
from mcbook.errors import InputError, did_you_mean
from mcbook.limits.bestfit import BestFits, background_errors, best_fits, impacts
from mcbook.limits.datasets import nominal_counts
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.toydata import with_counts
from mcbook.registry.numbers import parse_number
from mcbook.report.figures.symbols import Symbols
from mcbook.report.fitviews import (
    FitReport,
    FitView,
    InjectionView,
    NuisanceView,
    ScanView,
    SecondAxis,
    ToyView,
)

if TYPE_CHECKING:
    from mcbook.report.figures.frame import Frame

Array = NDArray[np.float64]
Row = Mapping[str, Any]

DRAWN = 3
"""Hypotheses that are drawn where nobody names some."""


def view_of(
    document: Row,
    result: AnalysisResult,
    found: Scan,
    injected: Sequence[Injection],
    at: Sequence[str],
    label: str,
    *,
    notes: Sequence[str] = (),
) -> "tuple[FitReport, Frame]":
    """Return what is shown, and what stands around its figures.

    Raises
    ------
    InputError
        If a hypothesis of *at* is none of the scan.
    """
    from mcbook.report.figures.frame import Frame

    symbols = Symbols(result.analysis.model, [c.process.name for c in result.analysis.channels])
    rows, batch = result.likelihoods()
    if batch is None:
        raise InputError(f"{document['name']}: no hypothesis has a signal to be fitted")
    places = _places(result, found, at)
    shown = _Shown(result, symbols, batch.take(places), rows[places])
    report = FitReport(
        title=document["title"] or document["name"],
        about=_about(document, result),
        scan=_scan(result, found, symbols),
        fits=list(shown.fits()),
        nuisances=shown.nuisances(),
        toys=list(_toys(found)),
        injections=[_injection(result, one, symbols) for one in injected],
        notes=[
            *["The box is closed: no observed count was read."] * (not document["unblinded"]),
            *notes,
        ],
    )
    luminosity = document.get("luminosity")
    shown_at = "" if luminosity is None else rf"$L = {luminosity['value']:g}$ fb$^{{-1}}$"
    return report, Frame(label, shown_at, document["title"], document["result"])


def _about(document: Row, result: AnalysisResult) -> dict[str, str]:
    told = {"analysis": document["name"], "model": document["model"]}
    for name, entry in document["fits"].items():
        words = [f"{entry['bins']} bins"]
        if "order" in entry:
            words.append(f"polynomial of order {entry['order']}")
        if "aic" in entry:
            listed = ", ".join(f"{value:.2f}" for value in entry["aic"])
            words.append(f"chosen by AIC: {listed} for order 0 and on")
        told[f"channel {name}"] = "; ".join(words)
    told["hypotheses"] = f"{len(result.hypotheses)}"
    return told


def _places(result: AnalysisResult, found: Scan, at: Sequence[str]) -> NDArray[np.intp]:
    """Return which of the hypotheses with a signal are drawn."""
    size = len(found.rows)
    if not at:
        spread = np.unique(np.linspace(0, size - 1, min(DRAWN, size)).round().astype(np.intp))
        return spread if found.largest is None else np.array([found.largest], dtype=np.intp)
    columns = {name: result.hypotheses.columns[name][found.rows] for name in result.varying()}
    places = []
    for wanted in wanted_at(at, columns):
        off = np.zeros(size)
        for name, value in wanted.items():
            off += np.abs(columns[name] - value) / max(float(np.ptp(columns[name])), 1e-300)
        places.append(int(off.argmin()))
    return np.array(list(dict.fromkeys(places)), dtype=np.intp)


def wanted_at(at: Sequence[str], columns: Mapping[str, Array]) -> list[dict[str, float]]:
    """Return the hypotheses that are to be drawn; the nearest ones of the scan are taken.

    Parameters
    ----------
    at
        Texts of the form NAME=VALUE, with commas between several.
    columns
        What the scan moves, at its hypotheses.

    Raises
    ------
    InputError
        If one has another form, names nothing that the scan moves, or lies beyond it.
    """
    found = []
    for text in at:
        one = {}
        for part in text.split(","):
            name, sign, value = (word.strip() for word in part.partition("="))
            if name not in columns:
                raise InputError(
                    f"--at {text}: {name!r} is nothing that the scan moves",
                    hint=did_you_mean(name, columns) or f"as in --at {next(iter(columns))}=VALUE",
                )
            if not sign:
                raise InputError(f"--at {text}: a value is missing", hint=f"as in --at {name}=4")
            one[name] = float(parse_number(value))
            low, high = float(columns[name].min()), float(columns[name].max())
            slack = 1e-6 * max(abs(low), abs(high))
            if not low - slack <= one[name] <= high + slack:
                raise InputError(f"--at {text}: the scan has {name} from {low:.9g} to {high:.9g}")
        found.append(one)
    return found


class _Shown:
    """The hypotheses that are drawn, with their fits."""

    def __init__(
        self, result: AnalysisResult, symbols: Symbols, batch: Likelihoods, rows: NDArray[np.intp]
    ) -> None:
        self.result, self.symbols, self.rows = result, symbols, rows
        self.is_open = bool(batch.has_observed.all())
        self.batch = batch if self.is_open else with_counts(batch, nominal_counts(batch)[None])
        self.found: BestFits = best_fits(self.batch)
        self.errors = background_errors(self.batch, self.found)
        self.some = result.ingredients.take(np.searchsorted(result.good, rows))

    def title(self, i: int) -> str:
        """Return a hypothesis in words."""
        columns = self.result.hypotheses.columns
        return ", ".join(
            f"${self.symbols.symbol(name)} = {columns[name][self.rows[i]]:.5g}$"
            f" {self.symbols.unit(name)}".rstrip(" 1")
            for name in self.result.varying()
        )

    def fits(self) -> Any:
        """Yield a view of each hypothesis and channel that is fitted."""
        names = [channel.name for channel in self.result.analysis.channels]
        for i in range(len(self.rows)):
            for name, place in zip(names, layout(names, self.some), strict=True):
                if name in self.some.cells:
                    yield self._fit(i, name, place.samples, place.bins)

    def _fit(self, i: int, name: str, samples: slice, bins: slice) -> FitView:
        cells = self.some.cells[name]
        own = self.found.expected[i, samples, bins]
        if cells.is_free:
            backgrounds = {"polynomial": own[1:].sum(axis=0)}
        else:
            backgrounds = dict(zip(cells.backgrounds, own[1:], strict=True))
        signal, words = own[0], "signal, best fit"
        if not self.is_open:
            limits = self.result.limits
            assert limits is not None  # noqa: S101 - there are hypotheses with limits
            mu = limits.mu[np.searchsorted(self.result.good, self.rows[i]), 2]
            signal = mu * self.batch.yields[i, samples, bins][0]
            words = "signal at the expected limit"
        stat = cells.stat[i]
        second = None
        if len(cells.second) > 2:  # noqa: PLR2004
            second = SecondAxis(self._words(name, 1), cells.second)
        observed = self.batch.observed
        assert observed is not None  # noqa: S101 - they were put in
        return FitView(
            title=self.title(i),
            words=self._words(name, 0),
            edges=cells.edges[i],
            observed=observed[i, bins] if self.is_open else None,
            backgrounds=backgrounds,
            signal=signal,
            error=np.hypot(self.errors[i, bins], stat),
            signal_label=words,
            second=second,
        )

    def _words(self, name: str, number: int) -> str:
        """Return the title of an observable of a channel."""
        plan = next(c.fit for c in self.result.analysis.channels if c.name == name)
        given = () if plan is None else plan.observables
        return given[number] if number < len(given) else ("observable", "second observable")[number]

    def nuisances(self) -> dict[str, NuisanceView]:
        """Return nuisances of the first hypothesis."""
        if not self.found.names:
            return {}
        fits = self.found
        first = self.batch.take(np.array([0]))
        best = best_fits(first)
        moved = impacts(first, best)[0, :, ::-1] / best.mu_error[0]  # up is first here
        is_free = np.array(["smooth_" in name for name in fits.names])
        values = np.where(is_free, np.nan, fits.nuisances[0])
        errors = np.where(is_free, np.nan, fits.nuisance_errors[0])
        known = bool(np.isfinite(fits.correlation[0]).all())
        correlation = fits.correlation[0] if known else None
        return {self.title(0): NuisanceView(fits.names, values, errors, moved, correlation)}


def _scan(result: AnalysisResult, found: Scan, symbols: Symbols) -> ScanView | None:
    """Return the scan along one quantity of an open box; None where there is no such."""
    names = result.varying()
    if found.fits is None or len(names) != 1:
        return None
    x = result.hypotheses.columns[names[0]][found.rows]
    order = np.argsort(x)
    fits, events = found.fits, found.events
    best = found.by_crossings if found.by_crossings is not None else found.by_toys
    told = None
    if best is not None:
        told = float(best.p), float((best.high - best.low) / 2)
    largest = None if found.largest is None else int(np.flatnonzero(order == found.largest)[0])
    return ScanView(
        axis=symbols.title(names[0]),
        x=x[order],
        p_value=fits.p0[order],
        mu=(fits.mu * events)[order],
        error=(fits.mu_error * events)[order],
        rate_title="signal events",
        largest=largest,
        global_p=told,
    )


def _toys(found: Scan) -> Any:
    if not len(found.toys):
        return
    highest = None
    if found.fits is not None and found.largest is not None:
        highest = float(found.fits.z[found.largest])
    local = found.toys[np.isfinite(found.toys)]
    yield ToyView("local significances of toys without signal", "local significance", local)
    yield ToyView(
        "largest local significance of each scan of a toy", "largest local significance",
        np.nanmax(found.toys, axis=1), "maximum", highest,
    )  # fmt: skip


def _injection(result: AnalysisResult, one: Injection, symbols: Symbols) -> InjectionView:
    columns = result.hypotheses.columns
    where = ", ".join(
        f"${symbols.symbol(name)} = {columns[name][one.row]:.5g}$" for name in result.varying()
    )
    return InjectionView(
        f"{where}: spurious signal {one.spurious:.3g} of {one.error:.3g} events",
        "signal events", one.injected, one.recovered, one.recovered_error, one.pull,
        one.pull_error, one.width, one.width_error,
    )  # fmt: skip
