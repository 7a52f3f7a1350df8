"""One bin and its count: what `exact`, `hybrid` and `bayesian` have in common."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.limits import poisson
from mcbook.limits.averaged import LARGEST_SUM, Count, Summed, solve
from mcbook.limits.likelihoods import Likelihoods, Modifier
from mcbook.limits.nodes import MOST_SHARED, Bends, Nodes, build
from mcbook.limits.nuisances import active, nuisances
from mcbook.limits.options import check_level
from mcbook.limits.quadrature import normal_rule
from mcbook.limits.result import Limits, empty
from mcbook.limits.tabled import Tabled

Array = NDArray[np.float64]
Name = Literal["exact", "hybrid", "bayesian"]

WIDEST_FLAT = 0.2
"""Relative width from which a normal factor of the signal reaches 0 often enough to matter."""

CHUNK = 2_000_000
"""Numbers in the tables of one chunk."""

NODES = 500
"""Nodes of products for each unit of a large bend, about."""

ROWS = 2000
THREADS = 4
FEW_CHUNKS = 4
"""Fewer chunks than this are done one after the other."""

COUNTED = 1e-9
"""How far from a whole number a count may be."""


def limits(batch: Likelihoods, *, cl: float, method: Name) -> Limits:
    """Return upper limits on mu from one count, see the modules of the methods.

    Raises
    ------
    InputError
        If there are several bins, or cl is not between 0 and 1.
    """
    check_level(cl)
    if batch.n_bins != 1:
        raise InputError(
            f"method {method} counts in one bin, and there are {batch.n_bins}",
            hint="use asymptotic or toys, which fit several bins",
        )
    found = empty(len(batch), method)
    on = active(batch)
    refuse(batch, on, found, method)
    good = found.is_ok
    known = good & ~on.any(axis=1)
    _without(batch, np.flatnonzero(known), found, cl)
    averaged = np.flatnonzero(good & ~known)
    if len(averaged):
        patterns, which = np.unique(on[averaged], axis=0, return_inverse=True)
        work = []
        for number, pattern in enumerate(patterns):
            rows = averaged[which.ravel() == number]
            for some in _alike(batch.take(rows), pattern):
                how = (cl, some, method == "bayesian")
                work.append(partial(_averaged, batch, rows[some.rows], pattern, found, how))
        _side_by_side(work)
    return found


def _side_by_side(work: Sequence[Callable[[], None]]) -> None:
    """Do chunks of work that fill rows of their own, in threads where there are several.

    Threads share what numpy does without holding the interpreter, which is nearly all of it.
    """
    if len(work) < FEW_CHUNKS:
        for chunk in work:
            chunk()
        return
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for done in [pool.submit(chunk) for chunk in work]:
            done.result()


def refuse(batch: Likelihoods, on: NDArray[np.bool_], found: Limits, method: Name) -> None:
    """Write into the status why a limit cannot be given."""
    for number, modifier in enumerate(batch.modifiers):
        reason = _unfit(batch, modifier, method)
        found.status[on[:, number] & reason[0]] = reason[1]
    if batch.observed is not None:
        count = np.nan_to_num(batch.observed[:, 0])
        part = np.abs(count - np.round(count)) > COUNTED * np.maximum(count, 1)
        found.status[part] = f"{method} needs a whole number of observed events"
    found.status[batch.signal[:, 0] <= 0] = "the signal is zero: there is no limit"


def _unfit(batch: Likelihoods, modifier: Modifier, method: Name) -> tuple[NDArray[np.bool_], str]:
    """Return in which rows a modifier cannot be had, and why."""
    what = f"{modifier.kind} {modifier.name!r}"
    everywhere = np.ones(len(batch), dtype=bool)
    if method == "exact":
        return everywhere, f"exact takes no systematics ({what}): use hybrid"
    if modifier.kind == "normfactor":
        return everywhere, f"{method} cannot average over {what}: it is free; use asymptotic"
    if modifier.kind == "normsys":
        bad = (modifier.data["hi"] <= 0) | (modifier.data["lo"] <= 0)
        return bad, f"{what}: hi and lo must be above 0"
    if modifier.kind == "histosys":
        aside = any(m.kind == "sideband" and m.sample == modifier.sample for m in batch.modifiers)
        return everywhere & aside, f"{what} shifts a yield that a sideband leaves free"
    if modifier.kind == "sideband":
        bad = (modifier.data["ratio"] <= 0) | batch.is_signal[modifier.sample]
        return bad, f"{what} needs a background and a ratio above 0"
    return _unfit_flat(batch, modifier, method, what)


def _unfit_flat(
    batch: Likelihoods, modifier: Modifier, method: Name, what: str
) -> tuple[NDArray[np.bool_], str]:
    """Return where a flat prior in the signal has no limit: with a signal factor that reaches 0."""
    if method != "bayesian" or modifier.kind == "shapesys" or not batch.is_signal[modifier.sample]:
        return np.zeros(len(batch), dtype=bool), ""
    sigma = modifier.data["sigma"]
    if modifier.kind == "staterror":
        sigma = sigma[:, 0] / np.maximum(batch.signal[:, 0], 1e-300)
    return sigma > WIDEST_FLAT, f"{what} lets the signal vanish: a flat prior gives no limit"


def observed_counts(batch: Likelihoods) -> Array:
    """Return observed counts as whole numbers, NaN where there are none, shape (H,)."""
    if batch.observed is None:
        return np.full(len(batch), np.nan)
    return np.asarray(np.round(batch.observed[:, 0]))


def _without(batch: Likelihoods, rows: NDArray[np.intp], found: Limits, cl: float) -> None:
    """Fill rows without systematics, by Poisson sums; the flat prior gives the same numbers."""
    if not len(rows):
        return
    signal, background = batch.signal[rows, 0], batch.background[rows, 0]
    counts = np.column_stack([poisson.quantile_counts(background), observed_counts(batch)[rows]])
    there = np.isfinite(counts)
    events = np.full(counts.shape, np.nan)
    wide = np.broadcast_to(background[:, None], counts.shape)
    events[there] = poisson.upper_limits(counts[there], wide[there], cl=cl)
    found.expected[rows] = events[:, :-1] / signal[:, None]
    found.observed[rows] = events[:, -1] / signal


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows that are averaged with the same nodes."""

    rows: NDArray[np.intp]
    mean: Array
    spread: Array
    bends: Bends
    summed: bool


def _alike(batch: Likelihoods, pattern: NDArray[np.bool_]) -> Iterator[Alike]:
    """Sort rows into chunks that need about as many nodes, and the same way."""
    widths, means = _moves(batch, pattern)
    signals = np.where(batch.is_signal, means, 0)
    backgrounds = np.where(batch.is_signal, 0, means)
    background = backgrounds.sum(axis=1)
    signal = signals.sum(axis=1)
    from_background = np.einsum("jhk,hk->jh", widths, backgrounds)
    variance = (from_background**2).sum(axis=0)
    deviation = np.sqrt(background + variance)
    spread = 1 + variance / np.maximum(background, 1e-300)
    largest = np.nanmax([background + 4 * deviation, observed_counts(batch)], axis=0)
    from_signal = np.einsum("jhk,hk->jh", widths, signals) / signal
    bend, shift = _needs(batch, background, deviation, (from_signal, from_background))
    together = np.sqrt((bend**2).sum(axis=0))
    summed = largest <= LARGEST_SUM
    key = np.round(2 * np.log2(together + 0.5)) + 100 * np.round(np.log2(largest + 1))
    key = np.where(summed, key, key + 1e6)
    order = np.argsort(key, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        bends = Bends(
            tuple(bend[:, some].max(axis=1)), tuple(shift[:, some].max(axis=1)),
            float(together[some].max()),
        )  # fmt: skip
        nodes = [len(normal_rule(*rule)[0]) for rule in zip(bends.bend, bends.shift, strict=True)]
        shared = min(
            MOST_SHARED,
            int(
                np.prod(
                    [n for n, w in zip(nodes, widths, strict=True) if (w > 0).any(axis=0).sum() > 1]
                )
            ),
        )
        table = 50 + int(min(largest[some].max(), 3 * LARGEST_SUM))
        size = CHUNK // (shared * max(table, int(NODES * bends.together)))
        size = min(max(size, 1), ROWS)
        for first in range(0, len(some), size):
            rows = some[first : first + size]
            yield Alike(rows, background[rows], spread[rows], bends, bool(summed[rows[0]]))


def _moves(batch: Likelihoods, pattern: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return relative widths (J, H, K) of the nuisances on the samples, and mean yields (H, K)."""
    means = batch.yields[:, :, 0].copy()
    found = nuisances(batch, pattern)
    widths = np.zeros((len(found), *means.shape))
    for number, nuisance in enumerate(found):
        for sample, effects in nuisance.effects.items():
            for effect in effects:
                widths[number, :, sample] += effect.width
                if effect.modifier.kind == "sideband":
                    data = effect.modifier.data
                    means[:, sample] = (data["observed"] + 1) / data["ratio"]
    return widths, means


def _needs(
    batch: Likelihoods, background: Array, deviation: Array, moved: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return bend and shift of each nuisance, shapes (J, H): see `normal_rule`.

    The integrand is P(N <= n | mean) at the counts of the outer expected limits and the observed
    one, and at the limits that they give.
    """
    from_signal, from_background = moved
    bend, shift = np.zeros_like(from_signal), np.zeros_like(from_signal)
    low = np.maximum(np.floor(background - 2 * deviation), 0)
    for count in (low, np.ceil(background + 2 * deviation), observed_counts(batch)):
        n = np.where(np.isnan(count), low, count)
        events = poisson.upper_limits(n, background, cl=0.9)
        moves = from_signal * events + from_background
        mean = events + background
        bend = np.maximum(bend, moves / np.sqrt(np.maximum(mean, n + 1)))
        above = np.maximum(mean - n, 0)
        down = np.minimum(moves * above / mean, above / np.maximum(moves, 1e-300))
        shift = np.maximum(shift, down)
    steep = np.maximum(from_signal, from_background / np.maximum(background, 1e-300))
    return bend * (1 + steep), shift + steep


def _averaged(
    batch: Likelihoods, rows: NDArray[np.intp], pattern: NDArray[np.bool_], found: Limits,
    how: tuple[float, Alike, bool],
) -> None:  # fmt: skip
    """Fill rows whose nuisances are averaged."""
    cl, some, flat = how
    part = batch.take(rows)
    observed = observed_counts(part)
    nodes, count = _model(part, pattern, some, observed)
    counts = np.column_stack([count.quantile_counts().astype(float), observed])
    there = np.isfinite(counts)
    most = int(counts[there].max()) + 1
    keys, back = np.unique(
        np.nonzero(there)[0] * most + counts[there].astype(int), return_inverse=True
    )
    where, n = np.divmod(keys, most)
    mu = solve(nodes, count, where, n, _start(part, some, where, n, cl), cl=cl, flat=flat)
    limit = np.full(counts.shape, np.nan)
    limit[there] = mu[back]
    found.expected[rows] = limit[:, :-1]
    found.observed[rows] = limit[:, -1]
    _tell(rows, found, limit, there, is_random=nodes.is_random)


def _start(part: Likelihoods, some: Alike, where: Array, n: Array, cl: float) -> Array:
    """Return about which limits: counts in units that make the background's width a Poisson one."""
    unit = some.spread[where]
    events = unit * poisson.upper_limits(n / unit, some.mean[where] / unit, cl=cl)
    return np.asarray(events / part.signal[where, 0])


def _model(
    part: Likelihoods, pattern: NDArray[np.bool_], some: Alike, observed: Array
) -> tuple[Nodes, Count]:
    """Return nodes, and the way in which counts over them are summed."""
    if some.summed:
        nodes = build(part, pattern, some.bends, closed=True)
        most = np.nanmax(observed, initial=0)
        summed = Summed(nodes, int(most))
        if summed.reached:
            return nodes, summed
    nodes = build(part, pattern, some.bends, closed=False)
    return nodes, Tabled(nodes)


def _tell(
    rows: NDArray[np.intp],
    found: Limits,
    limit: Array,
    there: NDArray[np.bool_],
    *,
    is_random: bool,
) -> None:
    """Say what is special, and blank the rows that have no limit."""
    if is_random:
        found.status[rows] = (
            f"ok: shared nuisances averaged over {MOST_SHARED} points, to about 1e-3"
        )
    infinite = (np.isinf(limit) & there).any(axis=1)
    lost = (np.isnan(limit) & there).any(axis=1)
    found.status[rows[infinite]] = "no limit: the signal may vanish within its systematics"
    found.status[rows[lost]] = "the observed count is impossibly far below the background"
    bad = rows[infinite | lost]
    found.expected[bad], found.observed[bad] = np.nan, np.nan
