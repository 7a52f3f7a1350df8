"""From limits on a signal strength to limits on a coupling.

Where the rate is a power of the coupling and the efficiency does not depend on it, the limit
follows in closed form. Elsewhere the limit on the strength is computed along a scan of the
coupling, and excluded is where it is below one: with lifetimes that is an island, or several.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.limiter import Limiter
from mcbook.analysis.records import Analysis, Rate
from mcbook.analysis.roots import SCAN, UNKNOWN, Interval, intervals
from mcbook.analysis.yields import SignalModelOf
from mcbook.errors import InputError
from mcbook.production.sharing import wide_particles

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Columns = Mapping[str, Array]

CONSTANT = 1e-5
"""How far a power may move over the scan and still be one."""

ALONE = 1e-3
"""How far a rate may move at a fixed value of the expression that is limited."""

FLIES = 0.1
"""Mean proper decay length [mm] below which a decay counts as prompt. A convention of mcbook, which
decides on a flag and on no number."""

SAME_LIFETIME = 0.01
"""How far a lifetime may move without the efficiency being that of another one."""

_OTHER_POINTS = 5


@dataclass(frozen=True, slots=True)
class CouplingLimits:
    """Limits on a coupling at n hypotheses.

    Attributes
    ----------
    is_number
        Whether limits are single upper limits: the rate only grows with the coupling, and the
        efficiency does not depend on it.
    found
        For each hypothesis and curve the intervals of the varied parameter that are excluded; in
        closed form an interval that the scan's end leaves open.
    is_closed_form
        Where the limit is in closed form, shape (n,).
    x
        Values of the varied parameter along the scan, shape (J,).
    log_mu
        Logarithm of the limit on the strength there, shape (n, J, n_curves).
    """

    is_number: bool
    found: list[list[list[Interval]]]
    is_closed_form: NDArray[np.bool_]
    x: Array
    log_mu: Array


def invert(
    analysis: Analysis, signal: SignalModelOf, limiter: Limiter, columns: Columns, mu: Array
) -> CouplingLimits:
    """Return limits on what the analysis varies.

    Parameters
    ----------
    analysis, signal, limiter
        The analysis.
    columns
        Parameters and free lifetimes of the hypotheses, shape (n,) each.
    mu
        Limits on the strength at them, shape (n, n_curves).

    Raises
    ------
    InputError
        If an expression is limited on which the rate does not depend alone, or that does not grow
        with what is varied.
    """
    rate = analysis.rate
    name = str(rate.vary)
    x = np.geomspace(*rate.span, rate.points)
    size, n_curves = mu.shape
    is_prompt = not signal.depends_on(name)
    power, grows = _powers(analysis, signal, columns, x)
    closed = is_prompt & (power > 0)
    _check_grows(analysis, columns, x)
    if not rate.is_free:
        _check_alone(analysis, signal, columns, is_closed=bool(closed.all()))
    log_mu = np.full((size, len(x), n_curves), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = power[:, None] * (np.log(x)[None, :] - np.log(columns[name])[:, None])
        log_mu[closed] = np.log(mu[closed])[:, None, :] - steps[closed][:, :, None]
    open_rows = np.flatnonzero(~closed)
    found: list[list[list[Interval]]] = [[] for _ in range(size)]
    for i in np.flatnonzero(closed).tolist():
        values = columns[name][i] * mu[i] ** (1 / power[i])
        found[i] = [_single(value, rate) for value in values.tolist()]
    if open_rows.size:

        def curves(index: Index, points: Array) -> Array:
            rows = open_rows[index]
            here = {n: v[rows] for n, v in columns.items()} | {name: points}
            with np.errstate(divide="ignore"):
                return np.log(limiter.mu(rows, here))

        index = np.repeat(np.arange(len(open_rows)), len(x))
        values = curves(index, np.tile(x, len(open_rows)))
        log_mu[open_rows] = values.reshape(len(open_rows), len(x), n_curves)
        solved = intervals(curves, x, log_mu[open_rows])
        for i, entry in zip(open_rows.tolist(), solved, strict=True):
            found[i] = entry
    return CouplingLimits(is_prompt and bool(grows.all()), found, closed, x, log_mu)


def upper_limit(found: list[Interval]) -> tuple[float | None, str]:
    """Return the single upper limit that intervals stand for, and why there is none."""
    if not found:
        return None, "nothing is excluded within the scan"
    first = found[0]
    if first.open_low == SCAN:
        return None, "the limit is below the scan"
    if len(found) > 1 or first.open_low or first.open_high == UNKNOWN:
        return None, "the limit is no single number"
    return first.low, ""


def in_expression(analysis: Analysis, columns: Columns, row: int, ends: Array) -> Array:
    """Return the limited expression at values of the varied parameter, shape of *ends*."""
    rate = analysis.rate
    if rate.expression is None:
        return ends
    values: dict[str, float | Array] = {n: float(v[row]) for n, v in columns.items()}
    values |= analysis.deriver.fixed | {str(rate.vary): ends}
    return np.broadcast_to(rate.expression.evaluate(values), ends.shape)


def wide(analysis: Analysis, columns: Columns) -> list[tuple[str, ...]]:
    """Return the particles that are too wide for their samples at points, in any channel."""
    size = len(next(iter(columns.values())))
    parameters = {n: v for n, v in columns.items() if n in analysis.model.parameters}
    found: dict[str, NDArray[np.bool_]] = {}
    sqrt_s = analysis.deriver.fixed["sqrt_s"]
    for channel in analysis.channels:
        with np.errstate(invalid="ignore"):
            masks = wide_particles(analysis.deriver, channel.process, parameters, sqrt_s)
        for particle, mask in masks.items():
            found[particle] = found.get(particle, np.zeros(size, dtype=bool)) | mask
    return [tuple(sorted(n for n, mask in found.items() if mask[i])) for i in range(size)]


def unseen_lifetimes(
    analysis: Analysis, columns: Columns, references: Columns
) -> list[tuple[str, ...]]:
    """Return the particles that fly at points although no map knows of their lifetime.

    These decay in a channel and live for `FLIES` or more, and not as long as at the references; but
    neither their lifetime nor what moves it is an axis of the channel's map.

    Parameters
    ----------
    analysis
        The analysis.
    columns
        Parameters and free lifetimes of the points, shape (n,) each.
    references
        Values that stand for those of the samples, of the parameters that are not theirs.
    """
    deriver = analysis.deriver
    size = len(next(iter(columns.values())))
    parameters = {n: v for n, v in columns.items() if n in analysis.model.parameters}
    found: dict[str, NDArray[np.bool_]] = {}
    for channel in analysis.channels:
        chains = channel.process.chains()
        for name in sorted({node.particle for chain in chains for node in chain.decays()}):
            ctau = analysis.model.particles[name].ctau
            axes = channel.efficiency.axes
            if ctau is None or ctau in {*axes, *analysis.free}:
                continue
            others = {n: v for n, v in references.items() if n not in axes}
            here = deriver.compute(parameters, [ctau])[ctau]
            there = deriver.compute({**parameters, **others}, [ctau])[ctau]
            flies = (here >= FLIES) & ~np.isclose(here, there, rtol=SAME_LIFETIME, atol=0.0)
            found[name] = found.get(name, np.zeros(size, dtype=bool)) | flies
    return [tuple(n for n, mask in found.items() if mask[i]) for i in range(size)]


def _single(value: float, rate: Rate) -> list[Interval]:
    """Return the excluded interval above a limit in closed form."""
    low, high = rate.span
    if not value < high:
        return []
    return [Interval(max(value, low), high, "" if value > low else SCAN, SCAN)]


def _powers(
    analysis: Analysis, signal: SignalModelOf, columns: Columns, x: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Return d ln(rate) / d ln(coupling), and where the rate only grows, shape (n,) each.

    The power is NaN where it moves over the scan, or differs between channels.
    """
    size = len(next(iter(columns.values())))
    repeated = {n: np.repeat(v, len(x)) for n, v in columns.items()}
    repeated |= {str(analysis.rate.vary): np.tile(x, size)}
    power = np.full(size, np.nan)
    has_power, grows = np.ones(size, dtype=bool), np.ones(size, dtype=bool)
    for channel in analysis.channels:
        production, fraction, shut = signal.rates(channel, repeated)
        rate = np.where(shut == "", production * fraction, 0.0).reshape(size, len(x))
        silent = (rate == 0).all(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.diff(np.log(rate), axis=1) / np.diff(np.log(x))
            middle = slope.mean(axis=1)
            is_power = (np.abs(slope - middle[:, None]) < CONSTANT).all(axis=1)
            same = np.isnan(power) | (np.abs(power - middle) < CONSTANT)
        has_power &= silent | (is_power & same)
        grows &= silent | (slope >= 0).all(axis=1)
        power = np.where(silent | ~np.isnan(power), power, middle)
    return np.where(has_power, power, np.nan), grows


def _check_grows(analysis: Analysis, columns: Columns, x: Array) -> None:
    """Check that the limited expression grows with what is varied: an upper limit is one then.

    Raises
    ------
    InputError
        If it does not at some hypothesis.
    """
    rate = analysis.rate
    for row in range(len(columns[str(rate.vary)]) if rate.expression is not None else 0):
        if not (np.diff(in_expression(analysis, columns, row, x)) > 0).all():
            raise InputError(
                f"{rate.where}: {rate.name} does not grow with {rate.vary}, so that an upper limit"
                " on one is none on the other",
                hint="limit an expression that grows with it",
            )


def _check_alone(
    analysis: Analysis, signal: SignalModelOf, columns: Columns, *, is_closed: bool
) -> None:
    """Check that the rate follows from the limited expression alone.

    Raises
    ------
    InputError
        If another parameter of the expression changes the rate at a fixed value of it.
    """
    rate = analysis.rate
    if rate.expression is None:
        return
    others = sorted((rate.expression.names & set(analysis.model.parameters)) - {str(rate.vary)})
    for name in others:
        if not is_closed or signal.depends_on(name):
            raise _not_alone(analysis, name)
        moved = _moved(analysis, signal, columns, name)
        if not moved <= ALONE:
            raise _not_alone(analysis, name, moved)


def _moved(analysis: Analysis, signal: SignalModelOf, columns: Columns, name: str) -> float:
    """Return by how much a parameter moves the rate where the expression stays what it is."""
    rate, parameter = analysis.rate, analysis.model.parameters[name]
    if parameter.interest is None or rate.expression is None:
        return np.inf
    x = np.geomspace(*parameter.interest, _OTHER_POINTS)
    size = len(next(iter(columns.values())))
    repeated = {n: np.repeat(v, len(x)) for n, v in columns.items()} | {name: np.tile(x, size)}
    vary = str(rate.vary)
    shift = 1.1
    shifted = repeated | {vary: shift * repeated[vary]}

    def expression(points: Columns) -> Array:
        values: dict[str, float | Array] = {**analysis.deriver.fixed, **points}
        return np.asarray(rate.expression.evaluate(values)) if rate.expression else np.zeros(0)

    worst = 0.0
    for channel in analysis.channels:
        here, there = (np.prod(signal.rates(channel, p)[:2], axis=0) for p in (repeated, shifted))
        with np.errstate(divide="ignore", invalid="ignore"):
            power = np.log(there / here) / np.log(expression(shifted) / expression(repeated))
            power = np.nanmean(power) if np.isfinite(power).any() else 1.0
            ratio = (here / expression(repeated) ** power).reshape(size, len(x))
            spread = np.abs(ratio / ratio[:, :1] - 1)
        worst = max(worst, float(np.nanmax(spread, initial=0.0)))
    return worst


def _not_alone(analysis: Analysis, name: str, moved: float | None = None) -> InputError:
    rate = analysis.rate
    by = f" by {moved:.2g}" if moved is not None and np.isfinite(moved) else ""
    return InputError(
        f"{rate.where}: the signal does not follow from {rate.name} alone: {name} changes it{by}"
        f" while {rate.name} stays the same",
        hint=f"rate: {{limit: {rate.name!r}, vary: {rate.vary}}} limits it at the {name} of each"
        " hypothesis",
    )
