"""Best fits of the signal strength, with local significances, for many hypotheses at once.

Source: G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71 (2011) 1554,
arXiv:1007.1727: q0 and its distribution, from which p0 = 1 - Phi(Z) with Z = sqrt(q0). Where mu may
be negative, Z has the sign of mu, and p0 goes on beyond 1/2.

Where a bin has no events the best signal may be so negative that nothing is expected there. That
edge is found as the limit of fits to fewer and fewer events in that bin: a logarithmic barrier
(S. Boyd, L. Vandenberghe, Convex Optimization, Cambridge 2004, section 11.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.limits.asymptotic import CHUNK
from mcbook.limits.datasets import (
    Rows,
    bare,
    is_impossible,
    nuisance_names,
    rows_of,
    signal_scale,
    supports,
)
from mcbook.limits.fit import Fit, fit, lower, merged, put
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.profile import evaluate, sample_yields
from mcbook.limits.result import FAILED, IMPOSSIBLE, NO_SIGNAL, OK, are_ok

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOT_OBSERVED = "nothing was observed"
AT_EDGE = f"{OK}: mu is as low as a bin without events lets it be, and has no error"
NO_ERRORS = f"{OK}: the likelihood is flat somewhere, and there are no errors"
INFINITE = f"{OK}: events were observed where no background is expected: q0 is infinite"

_BARRIER = (1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Events put into empty bins, one fit after the other: the last is what mu is off, in events."""

_ENOUGH = 1e-5
"""Events in an empty bin that are as good as none, where rounding lets fits to fewer fail."""

_EMPTY = 1e-4
"""Expected events below which a bin without any is taken to be at the edge."""

_KINK = 1e-3
"""Signal, in units in which limits are of order 1, below which it is next to none."""

_FLAT = 1e-10
"""Least eigenvalue of the Hessian, its diagonal being 1, of which there is an inverse."""


@dataclass(frozen=True, slots=True)
class BestFits:
    """Best fits, one row per hypothesis; NaN where the status does not begin with ``ok``.

    The P nuisances act on whole samples; those of single bins (staterror, shapesys, sideband) are
    `gammas`, and errors include them. A nuisance that is constrained is given in standard
    deviations, a free factor as it is.

    Attributes
    ----------
    names
        Names of the nuisances.
    mu, mu_error
        Best signal strength and its standard deviation, from the inverse Hessian with all
        nuisances, in units of the given signal, shape (H,). The error is NaN where mu or the
        likelihood has an edge, and so are its correlations.
    nll, nll_background
        -log L at the best fit and at the best one with mu = 0, less that of expected counts and
        nuisances that are just what was measured, shape (H,).
    q0
        2 (nll_background - nll), shape (H,), also where mu is negative.
    nuisances, nuisance_errors
        Shape (H, P). The error is NaN where a free factor is at its bound of 0 or has no effect.
    correlation
        Correlations of nuisances and, last, mu, shape (H, P + 1, P + 1).
    gammas
        What multiplies the bins of samples with a gamma, shape (H, B): 1 where there is none. For a
        sideband it is the yield itself.
    expected, expected_background
        Expected counts of each sample at the best fit, and at the best one with mu = 0, shape
        (H, K, B).
    status
        ``ok``, or a sentence that says what is wrong or special, shape (H,).
    """

    names: tuple[str, ...]
    mu: Array
    mu_error: Array
    nll: Array
    nll_background: Array
    q0: Array
    nuisances: Array
    nuisance_errors: Array
    correlation: Array
    gammas: Array
    expected: Array
    expected_background: Array
    status: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.mu)

    @property
    def z(self) -> Array:
        """Local significance sqrt(q0) with the sign of mu, shape (H,)."""
        return np.asarray(np.sign(self.mu) * np.sqrt(self.q0))

    @property
    def p0(self) -> Array:
        """Local p-value 1 - Phi(z), shape (H,): one-sided; above 1/2 where mu is negative."""
        from mcbook.limits.significance import p_of_z

        return p_of_z(self.z)

    @property
    def is_ok(self) -> Mask:
        """Which rows are good, shape (H,)."""
        return are_ok(self.status)


def best_fits(likelihoods: Likelihoods, *, negative: bool = True) -> BestFits:
    """Return the best signal strength of each hypothesis, its significance and the nuisances.

    Parameters
    ----------
    likelihoods
        The hypotheses, with observed counts; see `datasets.supports` for what cannot be treated.
    negative
        Whether mu may be negative, as far as every expected count stays positive. Without a
        background in some bin of the signal it may not.

    Raises
    ------
    InputError
        If the batch is not supported.
    """
    if reason := supports(likelihoods):
        raise InputError(f"not in a batch: {reason}")
    size = max(1, int(CHUNK / likelihoods.n_bins**0.75))
    parts = [_chunk(part, negative=negative) for _, part in likelihoods.chunks(size)]
    return _joined(parts) if parts else _empty(likelihoods)


def _chunk(likelihoods: Likelihoods, *, negative: bool) -> BestFits:
    found = _empty(likelihoods)
    has_signal = (likelihoods.signal > 0).any(axis=1)
    found.status[~likelihoods.has_observed] = NOT_OBSERVED
    found.status[~has_signal] = NO_SIGNAL
    rows = np.flatnonzero(has_signal & likelihoods.has_observed)
    if len(rows):
        with np.errstate(all="ignore"):
            _fill(found, rows, likelihoods.take(rows), negative=negative)
    found.status[is_impossible(likelihoods) & (found.status == FAILED)] = IMPOSSIBLE
    return found


def _fill(
    found: BestFits, index: NDArray[np.integer], likelihoods: Likelihoods, *, negative: bool
) -> None:
    """Fit hypotheses with signal and counts, and put what comes out into rows of *found*."""
    assert likelihoods.observed is not None  # noqa: S101
    scale = signal_scale(likelihoods)
    rows = rows_of(likelihoods, likelihoods.observed, scale)
    background = fit(rows, rows.start(), free_mu=False)
    lowest = _lowest(likelihoods, negative=negative)
    best = _minimum(rows, background.x, lowest)
    good = best.good & background.good
    covariance, curved = _covariance(rows, best, good, lowest)
    at_edge = _is_at_edge(rows, best)
    covariance[at_edge, -1], covariance[at_edge, :, -1] = np.nan, np.nan
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    infinite = (bare(likelihoods) & (likelihoods.observed > 0)).any(axis=1)
    nll_background = np.where(infinite, np.inf, background.at.value)
    status = np.full(len(rows), OK, dtype=object)
    for which, text in ((~curved, NO_ERRORS), (at_edge, AT_EDGE), (infinite, INFINITE)):
        status[which] = text
    status[~good] = FAILED
    n_samples = likelihoods.yields.shape[1]
    results = {
        "mu": best.x[-1] * scale,
        "mu_error": errors[:, -1] * scale,
        "nll": best.at.value,
        "nll_background": nll_background,
        "q0": np.maximum(2 * (nll_background - best.at.value), 0.0),
        "nuisances": best.x[:-1].T,
        "nuisance_errors": errors[:, :-1],
        "correlation": covariance / errors[:, :, None] / errors[:, None, :],
        "gammas": best.at.gamma.T,
        "expected": _by_sample(rows, best)[:, :n_samples],
        "expected_background": _by_sample(rows, background)[:, :n_samples],
    }
    for name, values in results.items():
        getattr(found, name)[index[good]] = values[good]
    found.status[index] = status


def _lowest(likelihoods: Likelihoods, *, negative: bool) -> Array:
    """Return the least mu, shape (H,): 0 where a negative signal would have nothing to eat."""
    bounded = bare(likelihoods).any(axis=1) | (not negative)
    return np.where(bounded, 0.0, -np.inf)


def _by_sample(rows: Rows, found: Fit) -> Array:
    return np.moveaxis(sample_yields(rows, found.x, found.at.gamma), -1, 0)


def _minimum(rows: Rows, start: Array, lowest: Array, fixed: Mask | None = None) -> Fit:
    """Return the fit with mu free, from the better of two starts; edges are found as limits."""
    one = fit(rows, start, free_mu=True, lowest=lowest, fixed=fixed)
    again = rows.start()
    again[-1] = np.maximum(0.0, one.x[-1])
    if fixed is not None:
        again = np.where(fixed, start, again)
    best = lower(one, fit(rows, again, free_mu=True, lowest=lowest, fixed=fixed))
    edge = np.flatnonzero((lowest < 0) & (_is_at_edge(rows, best) | ~best.good))
    if len(edge):
        again[-1] = 0.0
        held = None if fixed is None else fixed[:, edge]
        limit = _with_barrier(rows.take(edge), again[:, edge], lowest[edge], held)
        limit = lower(limit, best.take(edge))
        best.x[:, edge], best.good[edge] = limit.x, limit.good
        put(best.at, edge, limit.at, np.ones(len(edge), dtype=bool))
    return best


def _with_barrier(rows: Rows, start: Array, lowest: Array, fixed: Mask | None) -> Fit:
    """Return fits with fewer and fewer events in bins without any, each from the one before."""
    empty = rows.counts <= 0
    x, at, good = start, evaluate(rows, start), np.zeros(len(rows), dtype=bool)
    for few in _BARRIER:
        counted = replace(rows, counts=np.where(empty, few, rows.counts))
        found = fit(counted, x, free_mu=True, lowest=lowest, fixed=fixed)
        x, at = np.where(found.good, found.x, x), merged(at, found.at, found.good)
        good = found.good if few > _ENOUGH else good | found.good
    return Fit(x, at, good)


def _is_at_edge(rows: Rows, found: Fit) -> Mask:
    """Return where a signal that is negative, or next to none, leaves nothing in an empty bin."""
    signal = np.sum([s.nominal for s in rows.samples if s.is_signal], axis=0)
    empty = (signal > 0) & (rows.counts <= 0) & (found.at.expected < _EMPTY)
    return np.asarray(empty.any(axis=0) & (found.x[-1] < _KINK))


def _covariance(rows: Rows, found: Fit, good: Mask, lowest: Array) -> tuple[Array, Mask]:
    """Return the inverse Hessian, shape (R, P + 1, P + 1), and where there is one.

    Parameters at a bound or without effect are NaN, and fixed for the others.
    """
    full = np.tril(np.moveaxis(found.at.hessian, -1, 0))
    full = full + np.swapaxes(np.tril(full, -1), 1, 2)
    size = np.sqrt(np.diagonal(full, axis1=1, axis2=2))
    low = np.full(found.x.shape, -np.inf)
    low[:-1][~rows.constrained] = 0.0
    low[-1] = lowest
    held = ((found.x <= low) & (found.at.gradient > 0)).T
    held |= ~(size > 0)
    size = np.where(held, 1.0, size)
    full = full / size[:, :, None] / size[:, None, :]
    off = held[:, :, None] | held[:, None, :] | ~good[:, None, None]
    full = np.where(off, np.eye(len(low)), full)
    values, vectors = np.linalg.eigh(full)
    inverse = (vectors / values[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    inverse = np.where(off, np.nan, inverse / size[:, :, None] / size[:, None, :])
    curved = values.min(axis=1) > _FLAT
    return np.where(curved[:, None, None], inverse, np.nan), curved


def impacts(likelihoods: Likelihoods, fits: BestFits, *, negative: bool = True) -> Array:
    """Return by how much mu moves when a nuisance is fixed one error off, and all else is fitted.

    Parameters
    ----------
    likelihoods
        The hypotheses, few: each is fitted 4 P times.
    fits
        Their best fits.
    negative
        As in `best_fits`.

    Returns
    -------
    numpy.ndarray
        Shifts of mu for nuisances below and above their best values, shape (H, P, 2); NaN where
        there is no error, or a fit failed. A free factor is not moved below 0.
    """
    n_nuisances = len(fits.names)
    shifts = np.full((len(fits), n_nuisances, 2), np.nan)
    index = np.array([
        (h, p, side) for h in np.flatnonzero(fits.is_ok) for p in range(n_nuisances)
        for side in (0, 1) if np.isfinite(fits.nuisance_errors[h, p])
    ], dtype=np.int64).reshape(-1, 3)  # fmt: skip
    size = max(1, int(CHUNK / likelihoods.n_bins**0.75))
    for first in range(0, len(index), size):
        which = index[first : first + size]
        with np.errstate(all="ignore"):
            moved = _moved(likelihoods.take(which[:, 0]), fits, which, negative=negative)
        shifts[tuple(which.T)] = moved - fits.mu[which[:, 0]]
    return shifts


def _moved(
    likelihoods: Likelihoods, fits: BestFits, which: NDArray[np.int64], *, negative: bool
) -> Array:
    """Return mu of fits with one nuisance held, one for each row of *which*."""
    assert likelihoods.observed is not None  # noqa: S101
    scale = signal_scale(likelihoods)
    rows = rows_of(likelihoods, likelihoods.observed, scale)
    hypothesis, parameter, side = which.T
    each = np.arange(len(which))
    start = np.append(fits.nuisances[hypothesis].T, [fits.mu[hypothesis] / scale], axis=0)
    off = fits.nuisance_errors[hypothesis, parameter] * np.where(side == 1, 1.0, -1.0)
    value = start[parameter, each] + off
    start[parameter, each] = np.where(rows.constrained[parameter], value, np.maximum(value, 0.0))
    fixed = np.zeros(start.shape, dtype=bool)
    fixed[parameter, each] = True
    found = _minimum(rows, start, _lowest(likelihoods, negative=negative), fixed)
    return np.where(found.good, found.x[-1] * scale, np.nan)


def _empty(likelihoods: Likelihoods) -> BestFits:
    """Return best fits to be filled in place, all NaN."""
    n, n_samples, n_bins = likelihoods.yields.shape
    names = nuisance_names(likelihoods)
    p = len(names)
    shapes = {
        "mu": (n,), "mu_error": (n,), "nll": (n,), "nll_background": (n,), "q0": (n,),
        "nuisances": (n, p), "nuisance_errors": (n, p), "correlation": (n, p + 1, p + 1),
        "gammas": (n, n_bins),
        "expected": (n, n_samples, n_bins), "expected_background": (n, n_samples, n_bins),
    }  # fmt: skip
    arrays = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    return BestFits(names=names, status=np.full(n, OK, dtype=object), **arrays)


def _joined(parts: Iterable[BestFits]) -> BestFits:
    """Return best fits one below the other."""
    listed = list(parts)
    fields = [name for name in BestFits.__dataclass_fields__ if name != "names"]
    joined = {name: np.concatenate([getattr(part, name) for part in listed]) for name in fields}
    return BestFits(listed[0].names, **joined)


def background_errors(likelihoods: Likelihoods, fits: BestFits) -> Array:
    """Return the standard deviation of all backgrounds together after the fit, shape (H, B).

    Carried over to first order from the covariance of the nuisances on whole samples; gammas stay
    where they are. NaN where a fit failed; a nuisance without error has no part in it.
    """
    assert likelihoods.observed is not None  # noqa: S101 - there are fits
    with np.errstate(all="ignore"):
        rows = rows_of(likelihoods, likelihoods.observed, np.ones(len(likelihoods)))
    x = np.append(fits.nuisances.T, np.zeros((1, len(fits))), axis=0)
    is_background = [k for k, sample in enumerate(rows.samples) if not sample.is_signal]
    errors = np.nan_to_num(fits.nuisance_errors).T

    def yields(point: Array) -> Array:
        by_sample = sample_yields(rows, point, fits.gammas.T)
        return np.asarray(by_sample[is_background].sum(axis=0))

    slopes = np.zeros((len(fits.names), likelihoods.n_bins, len(fits)))
    for p in range(len(fits.names)):
        step = np.zeros_like(x)
        step[p] = errors[p]
        slopes[p] = (yields(x + step) - yields(x - step)) / 2
    size = len(fits.names)
    correlation = np.nan_to_num(fits.correlation[:, :size, :size])
    variance = np.einsum("pbh,hpq,qbh->hb", slopes, correlation, slopes)
    return np.where(fits.is_ok[:, None], np.sqrt(np.maximum(variance, 0.0)), np.nan)
