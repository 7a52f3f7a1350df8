"""Nodes and weights: averages over normal numbers, and fewer nodes for what was put together."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FAR = 8.0
"""Half the range of normal numbers (1e-15 lies beyond)."""

MOST_PIECES = 32
"""Gauss-Legendre in three pieces up to this order, equidistant nodes where more would be needed."""

LEAST = 9
"""Nodes in each piece at the least: the tails of the outer ones need them."""


def order(bend: float) -> int:
    """Return how many nodes an integrand needs.

    *bend* is the number of Poisson widths that one standard deviation moves the mean, or the
    shift of the peak where that is larger. The Gauss-Hermite error for a Gaussian edge falls as
    (e bend^2 / 4N)^N, which is below 1e-6 with this N.
    """
    return int(np.ceil(6 + 6 * bend))


@lru_cache(maxsize=256)
def _pieces(n: int) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes below -1, between and above +1, where code 4 changes its form.

    The interpolation has kinks of its third derivative there, which would cost Gauss-Hermite nodes
    three digits.
    """
    x, weight = np.polynomial.legendre.leggauss(n)
    edges = (-FAR, -1.0, 1.0, FAR)
    nodes, weights = [], []
    for low, high in pairwise(edges):
        z = (low + high) / 2 + (high - low) / 2 * x
        nodes.append(z)
        weights.append((high - low) / 2 * weight * np.exp(-z * z / 2))
    mass = np.concatenate(weights)
    return np.concatenate(nodes), mass / mass.sum()


def normal_rule(bend: float, shift: float = 0.0) -> tuple[Array, Array]:
    """Return nodes and weights for the average over a standard normal number.

    Parameters
    ----------
    bend
        See `order`.
    shift
        How far below 0 the integrand may have its peak.
    """
    wanted = order(max(bend, shift))
    if wanted <= MOST_PIECES:
        return _pieces(LEAST + wanted // 2)
    spacing = min(0.5, 0.8 / max(bend, 1e-9))
    low, high = -FAR - min(shift, 30.0), FAR
    z = np.linspace(low, high, int(np.ceil((high - low) / spacing)) + 1)
    weight = np.exp(-z * z / 2)
    return z, weight / weight.sum()


def gauss_rule(values: Array, weights: Array, n: int) -> tuple[Array, Array]:
    """Return the n nodes and weights with the first 2n moments of many weighted values.

    Stieltjes' recursion gives the Jacobi matrix, whose eigenvalues are the nodes: W. Gautschi,
    Orthogonal Polynomials (2004), section 2.2. Smooth functions are averaged as by all the values.

    Parameters
    ----------
    values, weights
        Shape (..., I); weights >= 0 with the sum 1.
    n
        Number of nodes, < I.
    """
    weights = np.broadcast_to(weights, values.shape)
    mean = (weights * values).sum(axis=-1, keepdims=True)
    spread = np.sqrt((weights * (values - mean) ** 2).sum(axis=-1, keepdims=True))
    x = (values - mean) / np.where(spread > 0, spread, 1.0)
    jacobi = np.zeros((*values.shape[:-1], n, n))
    before, now = np.zeros_like(x), np.ones_like(x)
    beta = np.zeros_like(mean)
    for i in range(n):
        alpha = (weights * x * now * now).sum(axis=-1, keepdims=True)
        jacobi[..., i, i] = alpha[..., 0]
        if i == n - 1:
            break
        after = (x - alpha) * now - beta * before
        beta = np.sqrt((weights * after * after).sum(axis=-1, keepdims=True))
        # Where the values are fewer than the nodes, the rest of the nodes get no weight.
        beta = np.where(beta > 1e-12, beta, 0.0)  # noqa: PLR2004
        before, now = now, np.where(beta > 0, after / np.where(beta > 0, beta, 1.0), 0.0)
        jacobi[..., i + 1, i] = jacobi[..., i, i + 1] = beta[..., 0]
    nodes, vectors = np.linalg.eigh(jacobi)
    return mean + np.where(spread > 0, spread, 0.0) * nodes, vectors[..., 0, :] ** 2


def outer(
    values: Array, weights: Array, more: Array, more_weights: Array, *, add: bool
) -> tuple[Array, Array]:
    """Return the sums or products of two independent sets of nodes, on the last axis."""
    a, b = values[..., :, None], more[..., None, :]
    together = a + b if add else a * b
    weight = weights[..., :, None] * more_weights[..., None, :]
    flat = (*together.shape[:-2], together.shape[-2] * together.shape[-1])
    return together.reshape(flat), weight.reshape((*weight.shape[:-2], flat[-1]))
