"""Limits as JSON values, one mapping for each hypothesis."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.couplings import in_expression, unseen_lifetimes, upper_limit, wide
from mcbook.analysis.limiter import EXPECTED, MEDIAN, OBSERVED, POSTFIT, PointLimits
from mcbook.analysis.records import BR, SIGMA, SIGMA_BR, STRENGTH
from mcbook.analysis.roots import Interval
from mcbook.limits.result import plain
from mcbook.registry.numbers import round9

if TYPE_CHECKING:
    from mcbook.analysis.result import AnalysisResult

Array = NDArray[np.float64]
Json = dict[str, Any]

VETOED, REFUSED, WIDE, PARTLY = "vetoed", "refused", "wide", "partly refused"
LIFETIME = "lifetime:"
"""Begins the flag of a particle that flies, without its lifetime in the map."""


def limit_rows(result: "AnalysisResult") -> Iterator[Json]:
    """Yield one mapping for each hypothesis, in the order of the scan."""
    place = {row: i for i, row in enumerate(result.good.tolist())}
    names = result.varying()
    columns = result.hypotheses.columns
    special = _AtLimits(result)
    for row in range(len(result.hypotheses)):
        parameters = {n: float(v[row]) for n, v in columns.items() if not np.isnan(v[row])}
        label = ",".join(f"{n}={parameters[n]:.9g}" for n in names if n in parameters)
        head: Json = {"hypothesis": label or result.analysis.name, "parameters": parameters}
        if row in place:
            yield head | _limit_row(result, place[row], special)
        else:
            vetoed = result.hypotheses.vetoes[row] != ""
            yield head | _empty_row(result, str(result.reasons[row]), is_vetoed=vetoed)


class _AtLimits:
    """What is special at hypotheses, and at the couplings that came out as limits.

    `wide` particles shape the events with their width; `unseen` ones have a lifetime of which the
    map does not know.
    """

    def __init__(self, result: "AnalysisResult") -> None:
        columns = {n: v[result.good] for n, v in result.hypotheses.columns.items()}
        self.nominal = wide(result.analysis, columns) if result.good.size else []
        self.flying = _flying(result, columns) if result.good.size else []
        self.wide: dict[tuple[int, float], tuple[str, ...]] = {}
        self.unseen: dict[tuple[int, float], tuple[str, ...]] = {}
        if result.couplings is None:
            return
        wanted = [
            (i, end)
            for i, curves in enumerate(result.couplings.found)
            for curve in curves
            for interval in curve
            for end, open_ in ((interval.low, interval.open_low),
                               (interval.high, interval.open_high))
            if not open_
        ]  # fmt: skip
        if not wanted:
            return
        rows = np.array([i for i, _ in wanted])
        points = {n: v[rows] for n, v in columns.items()}
        vary = str(result.analysis.rate.vary)
        references = {vary: points[vary]}
        points[vary] = np.array([end for _, end in wanted])
        self.wide = dict(zip(wanted, wide(result.analysis, points), strict=True))
        unseen = unseen_lifetimes(result.analysis, points, references)
        self.unseen = dict(zip(wanted, unseen, strict=True))


def _flying(result: "AnalysisResult", columns: Mapping[str, Array]) -> list[tuple[str, ...]]:
    """Return the particles whose lifetime the scan moves by a coupling that samples do not have."""
    parameters, channels = result.analysis.model.parameters, result.analysis.channels
    references = {
        name: np.full(result.good.size, parameters[name].reference, dtype=float)
        for name in result.varying()
        if name in parameters
        and parameters[name].reference is not None
        and not any("shape" in channel.process.roles.get(name, ()) for channel in channels)
    }
    return unseen_lifetimes(result.analysis, columns, references)


def _lifetimes(names: Iterable[str]) -> list[str]:
    """Return the flags of particles of whose lifetime the map does not know."""
    return [f"{LIFETIME}{name}" for name in names]


def _at_ends(
    row: int, found: list[Interval], special: Mapping[tuple[int, float], tuple[str, ...]]
) -> list[str]:
    """Return the particles that are special at an edge of intervals."""
    ends = [end for interval in found for end in (interval.low, interval.high)]
    return sorted({n for end in ends for n in special.get((row, end), ())})


def _empty_row(result: "AnalysisResult", reason: str, *, is_vetoed: bool) -> Json:
    nothing: list[None] = [None] * OBSERVED
    empty = {"observed": None, "expected": nothing}
    if result.is_unblinded:
        empty |= {"expected_postfit": nothing}
    return {
        **empty,
        "observed_events": None,
        "expected_events": nothing,
        "sigma_fb": dict(empty),
        "sigma_br_fb": dict(empty),
        "rate": {"name": result.analysis.rate.name, **empty},
        "method": None,
        "status": reason,
        "flags": [VETOED if is_vetoed else REFUSED],
        "efficiency": {channel.name: None for channel in result.analysis.channels},
        "samples": [],
    }


def _limit_row(result: "AnalysisResult", i: int, special: _AtLimits) -> Json:
    limits = result.limits
    if limits is None:  # there are no good rows then
        return {}
    mu = limits.mu[i]
    production, fraction = _predicted(limits, i)
    is_open = result.is_unblinded
    has_sigma = result.analysis.normalisation.kind == "luminosity"
    strength = _bands(mu, is_open=is_open)
    rate, more = _rate(result, i, special)
    nothing = _bands(np.full_like(mu, np.nan), is_open=is_open)
    with np.errstate(invalid="ignore"):  # without signal no number of events is a limit
        events = _bands(mu * limits.events[i], is_open=is_open)
    return {
        **strength,
        **_errors(limits, i, is_open=is_open),
        "observed_events": events["observed"],
        "expected_events": events["expected"],
        "sigma_fb": _bands(mu * production, is_open=is_open) if has_sigma else nothing,
        "sigma_br_fb": _bands(mu * fraction, is_open=is_open) if has_sigma else nothing,
        "rate": rate,
        "method": str(limits.method[i]) or None,
        "status": _status(result, limits, i),
        "flags": [*dict.fromkeys((*_flags(limits, i), *more, *_lifetimes(special.flying[i])))],
        "efficiency": {n: plain(y.efficiency[i]) for n, y in limits.yields.items()},
        "samples": sorted({s for y in limits.yields.values() for s in y.samples[i]}),
    }


def _errors(limits: PointLimits, i: int, *, is_open: bool) -> Json:
    """Return the errors of the limits on the strength from toys; nothing without toys."""
    errors = np.where(np.isfinite(limits.mu[i]), limits.errors[i], np.nan)
    if not (errors > 0).any():
        return {}
    return {f"{name}_error": values for name, values in _bands(errors, is_open=is_open).items()}


def _status(result: "AnalysisResult", limits: PointLimits, i: int) -> str:
    """Return the status; where only the strength is refused it says at which coupling."""
    status, vary = str(limits.status[i]), result.analysis.rate.vary
    if limits.reasons[i] == "" or vary is None:
        return status
    at = result.hypotheses.columns[vary][int(result.good[i])]
    return f"ok: no limit on the strength at {vary} = {at:.6g}, the reference: {status}"


def _predicted(limits: PointLimits, i: int) -> tuple[float, float]:
    """Return the production cross section, and times the fractions of all channels.

    Channels with different productions have no common cross section.
    """
    productions = {round9(float(y.production[i])) for y in limits.yields.values()}
    production = float(next(iter(limits.yields.values())).production[i])
    if len(productions) > 1:
        return float("nan"), float("nan")
    fractions = [float(y.fraction[i]) for y in limits.yields.values()]
    return production, production * sum(fractions)


def _rate(result: "AnalysisResult", i: int, special: _AtLimits) -> tuple[Json, list[str]]:
    """Return the limits on what is limited, and flags."""
    rate = result.analysis.rate
    if rate.vary is not None:
        return _coupling(result, i, special)
    limits = result.limits
    if limits is None:
        return {}, []
    production, fraction = _predicted(limits, i)
    factor = {STRENGTH: 1.0, SIGMA: production, SIGMA_BR: fraction, BR: fraction}[rate.name]
    with np.errstate(invalid="ignore"):  # no signal is no limit
        bands = _bands(limits.mu[i] * factor, is_open=result.is_unblinded)
    here = special.nominal[i]
    return {"name": rate.name, **bands, "wide": list(here)}, [WIDE] if here else []


def _coupling(result: "AnalysisResult", i: int, special: _AtLimits) -> tuple[Json, list[str]]:
    """Return limits on a coupling, an entry for each band with how its ends are open."""
    couplings, rate = result.couplings, result.analysis.rate
    if couplings is None:
        return {}, []
    log_mu = couplings.log_mu[i, :, 0]
    known = ~np.isnan(log_mu)
    read = [_band(result, special, (i, k), found) for k, found in enumerate(couplings.found[i])]
    bands: Json = {"observed": None, "expected": read[EXPECTED]}
    if result.is_unblinded:
        bands |= {"observed": read[OBSERVED], "expected_postfit": read[POSTFIT]}

    def of(key: str) -> Json:
        return {
            name: [b[key] for b in band] if isinstance(band, list) else band and band[key]
            for name, band in bands.items()
        }

    out: Json = {"name": rate.name, "vary": rate.vary, **of("limit")}
    out["kind"] = "upper limit" if couplings.is_number else "intervals"
    out |= {key: of(key) for key in ("open", "note", "wide")}
    out["closed_form"] = bool(couplings.is_closed_form[i])
    answered = couplings.x[known]
    out["answered"] = [float(answered.min()), float(answered.max())] if known.any() else None
    flags = [PARTLY] if known.any() and not known.all() else []
    shown = [OBSERVED] * result.is_unblinded + [MEDIAN]
    flags += [WIDE] * any(read[k]["wide"] for k in shown)
    intervals = [entry for k in shown for entry in couplings.found[i][k]]
    return out, flags + _lifetimes(_at_ends(i, intervals, special.unseen))


def _band(
    result: "AnalysisResult", special: _AtLimits, place: tuple[int, int], found: list[Interval]
) -> Json:
    """Return the limit of one band: a number, or a list of excluded intervals."""
    couplings = result.couplings
    i, curve = place
    out: Json = {"limit": None, "open": [], "note": "", "wide": _at_ends(i, found, special.wide)}
    if couplings is None or np.isnan(couplings.log_mu[i, :, curve]).all():
        return out | {"note": "no limit all over the scan"}
    if couplings.is_number:
        value, note = upper_limit(found)
        limit = None if value is None else _expressed(result, i, [value])[0]
        return out | {"limit": limit, "note": note}
    out["limit"] = [_expressed(result, i, [entry.low, entry.high]) for entry in found]
    out["open"] = [[entry.open_low, entry.open_high] for entry in found]
    return out if found else out | {"note": "nothing is excluded within the scan"}


def _expressed(result: "AnalysisResult", i: int, ends: list[float]) -> list[float | None]:
    row = int(result.good[i])
    columns = result.hypotheses.columns
    values = in_expression(result.analysis, columns, row, np.array(ends))
    return [plain(value) for value in values]


def _flags(limits: PointLimits, i: int) -> list[str]:
    found: dict[str, None] = {}
    for name, entry in limits.yields.items():
        flag = str(entry.flag[i])
        found[f"closed:{name}" if flag == "closed" else flag] = None
    return list(found)


def _bands(values: Array, *, is_open: bool) -> Json:
    """Return limits of all bands by name."""
    found: Json = {
        "observed": plain(values[OBSERVED]) if is_open else None,
        "expected": [plain(value) for value in values[EXPECTED]],
    }
    if is_open:
        found["expected_postfit"] = [plain(value) for value in values[POSTFIT]]
    return found
