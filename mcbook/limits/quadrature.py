"""Nodes and weights: averages over normal numbers, and fewer nodes for what was put together."""

from functools import lru_cache
from itertools import pairwise
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FAR = 8.0
"""Half the range of normal numbers (1e-15 lies beyond)."""

MOST_PIECES = 32
"""Gauss-Legendre in three pieces up to this order, equidistant nodes where more would be needed."""

SPACING = 0.2
"""Spacing of equidistant nodes in Poisson widths."""

NOTHING = 1e-17
"""Weight of a node that does not matter where it lies."""

POINTS = 10
"""Points of a grid that share a node, or make a polynomial."""

LEAST = 9
"""Nodes in each piece at the least: the tails of the outer ones need them."""


def order(bend: float, shift: float = 0.0) -> int:
    """Return how many nodes an integrand needs.

    *bend* is the number of Poisson widths that one standard deviation moves the mean, *shift* by
    how many standard deviations the peak is shifted. The Gauss-Hermite error for a Gaussian edge
    falls as (e bend^2 / 4N)^N, which is below 1e-6 with this N up to a bend of 1; beyond, nodes
    that are pi / sqrt(N) apart leave exp(-2N / bend^2).
    """
    return int(np.ceil(6 + 6 * max(bend, bend**2, shift)))


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
    wanted = int(np.ceil(6 + 6 * max(bend, shift)))
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


def deposited(place: Array, weights: Array, size: int) -> Array:
    """Return weights on the points 0, 1, ... of a grid that integrate as the nodes do.

    Each node is shared out to the `POINTS` points around it by Lagrange's polynomials.

    Parameters
    ----------
    place
        Nodes in units of the grid, shape (..., I); those outside go to an end.
    weights
        Shape (..., I).
    size
        Number of points.
    """
    first = np.clip(np.floor(place).astype(np.intp) - POINTS // 2 + 1, 0, size - POINTS)
    t = np.clip(place, 0, size - 1.0) - first
    n_rows = int(np.prod(place.shape[:-1]))
    row = size * np.arange(n_rows).reshape(*place.shape[:-1], 1)
    found = np.zeros(n_rows * size)
    above = [weights]  # products of the factors of all points above one
    for k in range(POINTS - 1, 0, -1):
        above.append(above[-1] * (t - k))
    below, index = np.ones_like(t), row + first
    for k in range(POINTS):
        norm = factorial(k) * factorial(POINTS - 1 - k) * (-1) ** (POINTS - 1 - k)
        share = below * above[POINTS - 1 - k] / norm
        found += np.bincount((index + k).ravel(), share.ravel(), minlength=len(found))
        below = below * (t - k)
    return found.reshape(*place.shape[:-1], size)


def grid_rule(values: Array, weights: Array, bend: float) -> tuple[Array, Array]:
    """Return nodes that stand for many, where a Gauss rule would need too many.

    They are equidistant in the square root of the values, in which Poisson widths are all alike.

    Parameters
    ----------
    values, weights
        Shape (..., I); values >= 0.
    bend
        How many Poisson widths the standard deviation of the values is.
    """
    weights = np.broadcast_to(weights, values.shape)
    mean = (weights * values).sum(axis=-1)
    spread = np.sqrt((weights * (values - mean[..., None]) ** 2).sum(axis=-1))
    there = weights > NOTHING
    root = np.sqrt(values)
    low = np.where(there, root, np.inf).min(axis=-1)
    high = np.where(there, root, 0.0).max(axis=-1)
    width = spread / bend / (2 * np.sqrt(np.where(mean > 0, mean, 1.0)))
    step = np.where(width > 0, SPACING * width, 1.0)
    size = POINTS + 1 + int(((high - low) / step).max())
    low = low - (POINTS // 2 - 1) * step
    place = (root - low[..., None]) / step[..., None]
    nodes = low[..., None] + step[..., None] * np.arange(size)
    return nodes**2, deposited(place, weights, size)
