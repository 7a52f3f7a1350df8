"""Runs an analysis: from its file to limits at all hypotheses."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import counts, fitcells
from mcbook.analysis.build import Affected, Ingredients, systematics
from mcbook.analysis.couplings import CouplingLimits, invert
from mcbook.analysis.digest import check_openable, frozen_digest, level
from mcbook.analysis.generated import GeneratedRates, read_generated
from mcbook.analysis.hypotheses import Hypotheses, hypotheses
from mcbook.analysis.limiter import Limiter, PointLimits, UpperLimits, take_yields
from mcbook.analysis.records import Analysis, Channel
from mcbook.analysis.result import AnalysisResult
from mcbook.analysis.yields import EfficiencyLike, SignalModelOf
from mcbook.errors import InputError
from mcbook.limits.choose import upper_limits as shipped

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Columns = dict[str, Array]


def run(  # noqa: PLR0913 - one argument per thing that may stand in for the file
    analysis: Analysis,
    *,
    look: Mapping[str, Any] | None = None,
    cl: float | None = None,
    method: str | None = None,
    upper_limits: UpperLimits | None = None,
    generated: GeneratedRates | None = None,
    maps: Mapping[str, EfficiencyLike] | None = None,
    digests: Mapping[str, str] | None = None,
) -> AnalysisResult:
    """Compute the limits of an analysis.

    Parameters
    ----------
    analysis
        What the file says.
    look
        The record of a look into the box, as `mcbook.verbs.unblind.open_box` returns it. Observed
        counts are read only with one, of just this analysis; expected limits are before the fit
        then (from nominal Asimov data, as while the box was closed), and after it as well.
    cl
        Confidence level, where the file gives none.
    method
        Method in place of the file's.
    upper_limits
        Computes limits; `mcbook.limits.upper_limits` by default.
    generated
        Cross sections from samples, for ``cross_section: generator``.
    maps
        Efficiency maps by channel, in place of what the analysis names. Maps that it names in the
        books have to be given.
    digests
        SHA-256 of the given maps, by channel. Without that of every given map there is no digest of
        the frozen analysis, and the box cannot be opened.

    Raises
    ------
    InputError
        If a file is not right, a map in the books is not given, the confidence levels of file and
        argument differ, or the look is into another analysis.
    """
    confidence = level(analysis, cl)
    method = method or analysis.method
    frozen = None
    if set(maps or ()) <= set(digests or ()):
        frozen = frozen_digest(analysis, digests, cl=cl, method=method)
    if upper_limits is None:
        upper_limits = shipped
    if look is not None:
        _check_look(analysis, look, frozen)
    if generated is None and analysis.cross_section == "generator":
        generated = read_generated(analysis)
    signal = SignalModelOf(analysis, generated, maps)
    points = hypotheses(analysis)
    good, ingredients, reasons, fits = _alive(analysis, points)
    columns = _taken(points.columns, good)
    if look is not None and good.size:
        ingredients = replace(ingredients, observed=_observed(analysis, ingredients, columns))
    found, couplings = None, None
    all_good = good
    if good.size:
        how = (upper_limits, confidence, method)
        limiter = _limiter(analysis, signal, ingredients, columns, how)
        good, found, couplings = _limits(analysis, signal, limiter, columns, good, reasons)
    header = _header(analysis, points, confidence, str(method), unblinded=look is not None)
    header |= {"frozen": frozen, **({"fits": fits} if fits else {})}
    if found is not None and set(found.method.tolist()) <= _FIT_NOTHING:
        header |= _without_fit(is_open=look is not None)
    ingredients = ingredients.take(np.searchsorted(all_good, good))
    return AnalysisResult(
        analysis,
        header,
        points,
        good,
        reasons,
        found,
        couplings,
        ingredients,
        signal.maps if good.size else {},
    )


def _alive(
    analysis: Analysis, points: Hypotheses
) -> tuple[Index, Ingredients, NDArray[np.object_], dict[str, Any]]:
    """Return the hypotheses that can have limits with what they need, and why others have none."""
    reasons = np.where(points.vetoes != "", points.vetoes, points.reasons)
    alive = np.flatnonzero(reasons == "")
    ingredients, why, fits = _ingredients(analysis, _taken(points.columns, alive))
    reasons[alive] = why
    kept = np.flatnonzero(why == "")
    return alive[kept], ingredients.take(kept), reasons, fits


def _check_look(analysis: Analysis, look: Mapping[str, Any], frozen: str | None) -> None:
    """Refuse a look of which the books do not know, or know another analysis."""
    from mcbook.catalog.unblindings import FIELDS, identity_of  # slow to import

    check_openable(analysis)
    row = {name: look.get(name) for name in FIELDS}
    is_known = bool(row["why"]) and row["id"] == identity_of(row)
    if frozen is None or row["frozen"] != frozen or not is_known:
        raise InputError(
            f"the box of {analysis.name} stays closed: this is no record of a look into it",
            hint="mcbook.set_limits(..., unblind=...) makes the record and reads the counts",
        )


_FIT_NOTHING = {"exact", "hybrid", "bayesian", ""}
"""Methods whose expected limits follow from counts at the background as it is given."""


def _without_fit(*, is_open: bool) -> dict[str, str]:
    """Return what expected limits are where nothing is fitted."""
    told = {"expected": "pre-fit: at counts that the background gives, without observed ones"}
    if is_open:
        told["expected_postfit"] = "post-fit: the same numbers, for these methods fit nothing"
    return told


def _limits(
    analysis: Analysis,
    signal: SignalModelOf,
    limiter: Limiter,
    columns: Columns,
    good: Index,
    reasons: NDArray[np.object_],
) -> tuple[Index, PointLimits | None, CouplingLimits | None]:
    """Return the rows that have limits, and these; write why others have none."""
    rows = np.arange(len(good))
    found = limiter.at(rows, columns)
    couplings = None
    answered = found.reasons == ""
    if analysis.rate.vary is not None:
        couplings = invert(analysis, signal, limiter, columns, found.mu)
        answered = answered | ~np.isnan(couplings.log_mu).all(axis=(1, 2))
    reasons[good[~answered]] = found.reasons[~answered]
    keep = np.flatnonzero(answered)
    return good[keep], _kept(found, keep), _kept_couplings(couplings, keep)


def _limiter(
    analysis: Analysis,
    signal: SignalModelOf,
    ingredients: Ingredients,
    columns: Columns,
    how: tuple[UpperLimits, float, str],
) -> Limiter:
    """Return what computes limits; efficiencies that nothing moves are computed once."""
    known = None
    vary = analysis.rate.vary
    if vary is None or not signal.depends_on(vary):
        known = {c.name: signal.efficiency(c, columns) for c in analysis.channels}
    return Limiter(analysis, signal, ingredients, *how, known)


def _observed(analysis: Analysis, ingredients: Ingredients, columns: Columns) -> Array:
    """Return the observed counts of all bins, shape (n, bins); of open boxes only."""
    data = []
    for channel in analysis.channels:
        if channel.name in ingredients.cells:
            data.append(fitcells.observed(channel, ingredients.cells[channel.name]))
        elif channel.observed is not None:
            data.append(counts.observed(channel.observed, analysis.deriver, columns)[:, None])
    return _complete(np.concatenate(data, axis=1))


def _ingredients(
    analysis: Analysis, columns: Columns
) -> tuple[Ingredients, NDArray[np.object_], dict[str, Any]]:
    """Return backgrounds and systematics, why a hypothesis has none, and what fits are like."""
    relative, reasons = systematics(analysis, columns)
    backgrounds, cells, fits = {}, {}, {}
    for channel in analysis.channels:
        if channel.fit is not None:
            made = fitcells.compile_fit(analysis, channel, columns)
            backgrounds[channel.name], cells[channel.name] = made.counts, made.cells
            fits[channel.name] = {"bins": made.cells.n_bins, **made.told}
            reasons = np.where(reasons == "", made.counts.reasons, reasons)
            _check_free(channel, relative)
            continue
        found = counts.background(channel.background, analysis.deriver, columns)
        for source in found.relative:
            if (source, "background", channel.name) in relative:
                raise InputError(
                    f"{channel.where}: {source} is in the table of the background and under"
                    " systematics",
                    hint="give it once",
                )
        backgrounds[channel.name] = found
        reasons = np.where(reasons == "", found.reasons, reasons)
    return Ingredients(backgrounds, relative, None, cells), reasons, fits


def _check_free(channel: Channel, relative: Mapping[Affected, Array]) -> None:
    """Refuse uncertainties of a background that data alone fix."""
    if channel.fit is None or channel.fit.smooth is None:
        return
    for source, affects, name in relative:
        if affects == "background" and name == channel.name:
            raise InputError(
                f"{channel.where}: {source} affects a background whose size data fix",
                hint=f"leave {name} out of it with channels:, or leave smooth out",
            )


def _complete(observed: Array) -> Array:
    """Take all counts of a hypothesis away that lacks one."""
    observed[np.isnan(observed).any(axis=1)] = np.nan
    return observed


def _taken(columns: Mapping[str, Array], rows: Index) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _kept(found: PointLimits, rows: Index) -> PointLimits:
    return PointLimits(
        found.mu[rows],
        found.errors[rows],
        found.events[rows],
        found.reasons[rows],
        found.method[rows],
        found.status[rows],
        {name: take_yields(entry, rows) for name, entry in found.yields.items()},
    )


def _kept_couplings(found: CouplingLimits | None, rows: Index) -> CouplingLimits | None:
    if found is None:
        return None
    return CouplingLimits(
        found.is_number,
        [found.found[i] for i in rows.tolist()],
        found.is_closed_form[rows],
        found.x,
        found.log_mu[rows],
    )


def _header(
    analysis: Analysis, points: Hypotheses, level: float, method: str, *, unblinded: bool
) -> dict[str, Any]:
    norm, fixed = analysis.normalisation, analysis.deriver.fixed
    header: dict[str, Any] = {
        "name": analysis.name,
        "title": analysis.title,
        "citation": analysis.citation,
        "model": analysis.model.name,
        "processes": {channel.name: channel.process.name for channel in analysis.channels},
        "cl": level,
        "method": method,
        norm.kind: {"value": norm.value, "relative_error": norm.relative_error},
        "cross_section": analysis.cross_section,
        "alpha": fixed["alpha"],
        "sqrt_s": fixed["sqrt_s"],
        "isr": analysis.isr,
        "constants": {name: entry.value for name, entry in analysis.model.constants.items()},
        "branching": {name: entry.text for name, entry in analysis.overrides.items()},
        "rate": {"name": analysis.rate.name, "vary": analysis.rate.vary},
        "scanned": [name for name in analysis.grid.places if name in points.columns
                    and len(np.unique(points.columns[name])) > 1],
        "unblinded": unblinded,
        "expected": "pre-fit: from nominal Asimov data, without observed counts",
    }  # fmt: skip
    if norm.kind == "n_bb":
        header["n_bb"]["charged_fraction"] = norm.charged_fraction
    if unblinded:
        header["expected_postfit"] = "post-fit: from Asimov data at the fit to the observed counts"
    return header
