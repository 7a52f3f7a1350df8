"""Smooth backgrounds: polynomials in a window, as sums of histograms that are all above 0.

Bernstein's polynomials b_k(t) = C(n, k) t^k (1 - t)^(n - k) of order n in t from 0 to 1 are never
negative, and their sum with factors >= 0 never is: each of them is a sample of HistFactory with a
free factor. Source: S. N. Bernstein, Commun. Soc. Math. Kharkow 13 (1912) 1.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.datasets import rows_of
from mcbook.limits.fit import fit
from mcbook.limits.likelihoods import Likelihoods, Modifier

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST = 1e-3
"""Part of its share that a polynomial has at least before data are fitted: nothing that is exactly
0 can grow by a factor."""


def basis(edges: Array, order: int) -> Array:
    """Return Bernstein's polynomials integrated over bins, each with a sum of 1.

    Parameters
    ----------
    edges
        Rising along the last axis, shape (n, b + 1).
    order
        Of the polynomials, >= 0.

    Returns
    -------
    numpy.ndarray
        Shape (n, order + 1, b).

    Examples
    --------
    >>> basis(np.array([[0.0, 1.0, 2.0]]), 1)[0].tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    from scipy.special import betainc

    t = (edges - edges[:, :1]) / (edges[:, -1:] - edges[:, :1])
    parts = [np.diff(betainc(k + 1, order - k + 1, t), axis=1) for k in range(order + 1)]
    return np.stack(parts, axis=1)


def fitted(parts: Array, counts: Array) -> tuple[Array, Array, Mask]:
    """Fit factors >= 0 of samples to counts, by the likelihood of Poisson.

    Parameters
    ----------
    parts
        Samples with a sum of 1 each, shape (n, k, b).
    counts
        Events, which need not be whole, shape (n, b).

    Returns
    -------
    tuple of numpy.ndarray
        Events of each sample, shape (n, k); -log L less that of counts that are met exactly, shape
        (n,); which fits converged.
    """
    total = np.maximum(counts.sum(axis=1), LEAST)
    size, n_parts, n_bins = parts.shape
    share = total / n_parts
    yields = np.concatenate([np.zeros((size, 1, n_bins)), parts * share[:, None, None]], axis=1)
    batch = Likelihoods(
        yields,
        np.arange(n_parts + 1) == 0,
        tuple(Modifier("normfactor", f"part_{k}", k + 1) for k in range(n_parts)),
    )
    rows = rows_of(batch, counts, np.ones(size))
    with np.errstate(all="ignore"):
        found = fit(rows, rows.start(), free_mu=False)
    events = np.maximum(found.x[:-1], 0.0).T * share[:, None]
    return events, found.at.value, found.good


def chosen_order(edges: Array, counts: Array, most: int) -> tuple[int, list[float]]:
    """Return the order whose Akaike criterion is least on the expected background, and all of them.

    An expectation has no noise, and a parameter gains 1/2 of -log L from noise alone: what counts
    is -log L + (order + 1) / 2, on average over windows (H. Akaike, IEEE Trans. Autom. Control 19
    (1974) 716, has 1 per parameter on data).

    Parameters
    ----------
    edges, counts
        Of the bins of windows, shapes (n, b + 1) and (n, b).
    most
        The largest order that is tried.
    """
    criteria = []
    for order in range(most + 1):
        _, value, good = fitted(basis(edges, order), counts)
        penalty = (order + 1) / 2
        criteria.append(float(np.mean(value[good]) + penalty) if good.any() else float("inf"))
    return int(np.argmin(criteria)), criteria
