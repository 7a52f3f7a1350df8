"""Toy data of many hypotheses: counts as they would be observed."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError
from mcbook.limits.datasets import Gammas, nominal_counts, rows_of, supports
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.profile import sample_yields

Array = NDArray[np.float64]


def toy_counts(
    likelihoods: Likelihoods,
    random: np.random.Generator,
    n: int,
    *,
    mu: ArrayLike = 0.0,
    nuisances: Literal["nominal", "drawn"] = "nominal",
) -> Array:
    """Return Poisson counts of *n* toys of each hypothesis, shape (n, H, B).

    Parameters
    ----------
    likelihoods
        The hypotheses; their observed counts play no part, sidebands say what they measured.
    random
        Draws.
    n
        Number of toys.
    mu
        Signal strength, a number or shape (H,).
    nuisances
        ``nominal``, or ``drawn``: each toy has nuisances of its own, from the density that its
        auxiliary measurements give. These measurements stay as they are, so that toys can be fitted
        as the data are; to first order that is as if they fluctuated instead. A gamma with a
        Poisson constraint has the Gamma density whose mean is nominal. Free factors stay nominal.

    Raises
    ------
    InputError
        If nuisances are to be drawn and the batch is not supported.
    """
    strength = np.broadcast_to(np.asarray(mu, dtype=float), (len(likelihoods),))
    if nuisances == "nominal":
        mean = nominal_counts(likelihoods) + strength[:, None] * likelihoods.signal
        return np.asarray(random.poisson(np.maximum(mean, 0.0), (n, *mean.shape)), dtype=np.float64)
    if reason := supports(likelihoods):
        raise InputError(f"not in a batch: {reason}")
    ones = np.ones(len(likelihoods))
    rows = rows_of(likelihoods, nominal_counts(likelihoods), ones)
    rows = rows.take(np.tile(np.arange(len(likelihoods)), n))
    x = rows.start()
    x[:-1][rows.constrained] = random.normal(size=(int(rows.constrained.sum()), len(rows)))
    x[-1] = np.tile(strength, n)
    gamma = np.ones_like(rows.counts) if rows.gammas is None else _gammas(rows.gammas, random)
    mean = sample_yields(rows, x, gamma).sum(axis=0).T
    counts = np.asarray(random.poisson(np.maximum(mean, 0.0)), dtype=np.float64)
    return counts.reshape(n, len(likelihoods), -1)


def _gammas(gammas: Gammas, random: np.random.Generator) -> Array:
    """Return gammas drawn from their constraints, shape (B, R)."""
    count = np.where(gammas.is_poisson, gammas.count, 1.0)
    poisson = random.gamma(count) / np.where(gammas.is_poisson, gammas.rate, 1.0)
    gaussian = np.maximum(random.normal(gammas.centre, gammas.width), 0.0)
    return np.where(gammas.on, np.where(gammas.is_poisson, poisson, gaussian), 1.0)


def with_counts(likelihoods: Likelihoods, counts: Array) -> Likelihoods:
    """Return the hypotheses once for each toy, toy after toy, with its counts as observed.

    Parameters
    ----------
    likelihoods
        H hypotheses.
    counts
        Shape (n, H, B), or (n, 1, B) where all hypotheses see the same data, as in a scan.

    Returns
    -------
    Likelihoods
        Of n * H hypotheses.
    """
    n, size = len(counts), len(likelihoods)
    repeated = likelihoods.take(np.tile(np.arange(size), n))
    shape = (n, size, likelihoods.n_bins)
    observed = np.broadcast_to(counts, shape).reshape(n * size, -1)
    return Likelihoods(repeated.yields, repeated.is_signal, repeated.modifiers, observed)
