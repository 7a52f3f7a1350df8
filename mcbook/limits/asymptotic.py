"""Upper limits by CLs with the asymptotic distributions of qtilde, for many hypotheses at once.

Source: G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71 (2011) 1554,
arXiv:1007.1727 (its eqs. 16, 62 to 66); CLs: A. L. Read, J. Phys. G 28 (2002) 2693. The conventions
are those of pyhf (doi:10.21105/joss.02823).

With few events the formulas are wrong, and observed limits too strong: without background they give
z^2/2 = 1.35 events at 90%, where the exact limit is 2.30. `mcbook.limits.upper_limits` knows when.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.limits.datasets import (
    Rows,
    is_impossible,
    nominal_counts,
    rows_of,
    signal_scale,
    supports,
)
from mcbook.limits.fit import Fit, fit, lower
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.options import Asimov, check_level
from mcbook.limits.profile import replaced_data
from mcbook.limits.result import FAILED, IMPOSSIBLE, NO_SIGNAL, SIGMAS, Limits, empty, joined
from mcbook.limits.roots import Profile, Root

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CHUNK = 48_000
"""Rows of one bin in a chunk: few enough for a cache, enough to hide what a call of numpy takes."""


def limits(likelihoods: Likelihoods, *, cl: float, asimov: Asimov = "observed") -> Limits:
    """Return observed and expected upper limits on mu.

    Parameters
    ----------
    likelihoods
        The hypotheses; see `supports` for what cannot be treated.
    cl
        Confidence level in (0, 1).
    asimov
        Data set of the expected limits: background and nuisances as fitted to the observed data
        with mu = 0 (as pyhf does), or nominal. Where nothing was observed it is nominal.

    Returns
    -------
    Limits
        A limit that could not be found is NaN, and its status says why.

    Raises
    ------
    InputError
        If *cl* is no level, or the batch is not supported.
    """
    check_level(cl)
    reason = supports(likelihoods)
    if reason:
        raise InputError(f"not in a batch: {reason}", hint="method pyhf treats any model")
    size = max(1, int(CHUNK / (6 * likelihoods.n_bins**0.75)))
    parts = [_chunk(part, 1 - cl, asimov) for _, part in likelihoods.chunks(size)]
    return joined(parts) if parts else empty(0, "asymptotic")


def _chunk(likelihoods: Likelihoods, alpha: float, asimov: Asimov) -> Limits:
    found = empty(len(likelihoods), "asymptotic")
    has_signal = (likelihoods.signal > 0).any(axis=1)
    found.status[~has_signal] = NO_SIGNAL
    for is_observed in (True, False):
        rows = np.flatnonzero(has_signal & (likelihoods.has_observed == is_observed))
        if len(rows):
            with np.errstate(all="ignore"):
                _Solver(likelihoods.take(rows), alpha, asimov, is_observed=is_observed).fill(
                    found, rows
                )
    found.status[is_impossible(likelihoods) & (found.status == FAILED)] = IMPOSSIBLE
    return found


class _Solver:
    """Limits of hypotheses that all have observed counts, or all have none."""

    def __init__(
        self, likelihoods: Likelihoods, alpha: float, asimov: Asimov, *, is_observed: bool
    ) -> None:
        self.alpha = alpha
        self.scale = signal_scale(likelihoods)
        self.observed: Rows | None = None
        nominal = rows_of(likelihoods, nominal_counts(likelihoods), self.scale)
        start = nominal.start()
        self.asimov, self.start = replaced_data(nominal, start), start
        self.good = np.ones(len(likelihoods), dtype=bool)
        self.own = None
        if is_observed and likelihoods.observed is not None:
            self.observed = rows_of(likelihoods, likelihoods.observed, self.scale)
            background = fit(self.observed, start, free_mu=False)
            self.own = (replaced_data(self.observed, background.x), background)
            if asimov == "observed":
                self.asimov, self.start = self.own[0], background.x
                self.good &= background.good

    def fill(self, found: Limits, rows: NDArray[np.integer]) -> None:
        """Put the limits into *found*."""
        expected, good = self._expected()
        found.expected[rows] = np.where(good[:, None], expected * self.scale[:, None], np.nan)
        found.status[rows[~good]] = FAILED
        if self.observed is not None:
            observed, fine = self._observed(expected[:, 2])
            found.observed[rows] = np.where(fine, observed * self.scale, np.nan)
            found.status[rows[~fine]] = FAILED

    def _expected(self) -> tuple[Array, Mask]:
        """Return expected limits in units of the scale, shape (H, 5), and which are good."""
        size = len(self.asimov)
        targets = np.array([_significance(self.alpha, n) for n in SIGMAS])
        repeated = np.repeat(np.arange(size), len(SIGMAS))
        rows = self.asimov.take(repeated)
        target = np.tile(targets, size)
        guess = target * 0.6 + target**2 / 2 * 0.2
        solver = Root(
            lambda index, at: _root_of_q(at, target[index]),
            (rows,), (self.start[:, repeated],), guess, np.zeros(len(guess)),
        )  # fmt: skip
        mu, good = solver.solve()
        return mu.reshape(size, -1), good.reshape(size, -1).all(axis=1) & self.good

    def _observed(self, expected: Array) -> tuple[Array, Mask]:
        assert self.observed is not None and self.own is not None  # noqa: PT018, S101
        own, background = self.own
        best = self._best(background, expected)
        least = np.minimum(best.at.value, background.at.value)
        mu_hat = np.where(best.at.value <= background.at.value, best.x[-1], 0.0)
        sigma = np.where(np.isfinite(expected) & (expected > 0), expected, 1.0) / 1.5
        log_alpha = np.log(self.alpha)

        def residual(
            index: NDArray[np.integer], data: Profile, asimov: Profile
        ) -> tuple[Array, Array]:
            return _log_cls(data, least[index], asimov, log_alpha)

        solver = Root(
            residual, (self.observed, own), (best.x, background.x), mu_hat + 1.5 * sigma, mu_hat,
        )  # fmt: skip
        mu, good = solver.solve()
        return mu, good & best.good & background.good

    def _best(self, background: Fit, expected: Array) -> Fit:
        """Return the fit with mu free, from the better of two starts."""
        assert self.observed is not None  # noqa: S101
        first = background.x.copy()
        first[-1] = 0.1 * np.where(np.isfinite(expected), expected, 1.0)
        one = fit(self.observed, first, free_mu=True)
        second = one.x.copy()
        second[:-1] = self.observed.start()[:-1]
        return lower(one, fit(self.observed, second, free_mu=True))


def _significance(alpha: float, n_sigma: int) -> float:
    """Return sqrt(qA) at the expected limit *n_sigma* above the median: eq. 89 of the paper."""
    from scipy.special import ndtr, ndtri

    return float(n_sigma - ndtri(alpha * ndtr(n_sigma)))


def _root_of_q(at: Profile, target: Array) -> tuple[Array, Array]:
    """Return sqrt(q) - target and its derivative in mu, for Asimov data.

    Their likelihood at mu = 0 needs no fit: it is 0, as data are what is expected there.
    """
    root = np.sqrt(np.maximum(2 * at.value, 1e-24))
    return root - target, np.asarray(at.slope / root)


def _log_cls(data: Profile, least: Array, asimov: Profile, log_alpha: float) -> tuple[Array, Array]:
    """Return log alpha - log CLs and its derivative in mu, which are rising and positive."""
    from scipy.special import log_ndtr

    a = np.sqrt(np.maximum(2 * (data.value - least), 1e-24))
    s = np.sqrt(np.maximum(2 * asimov.value, 1e-24))
    da, ds = data.slope / a, asimov.slope / s
    low = a <= s
    x = np.where(low, a, (a * a + s * s) / (2 * s))
    y = np.where(low, a - s, (a * a - s * s) / (2 * s))
    dx = np.where(low, da, a / s * da + (s * s - a * a) / (2 * s * s) * ds)
    dy = np.where(low, da - ds, a / s * da - (s * s + a * a) / (2 * s * s) * ds)
    sb, b = log_ndtr(-x), log_ndtr(-y)
    norm = 0.5 * np.log(2 * np.pi)
    slope = -np.exp(-x * x / 2 - norm - sb) * dx + np.exp(-y * y / 2 - norm - b) * dy
    return log_alpha - (sb - b), -slope
