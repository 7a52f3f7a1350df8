"""Integrals for many parameter points at once: fixed Gauss-Legendre nodes and bounded memory."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.registry.physics.formula import Array

#: Points worked on together: with some hundred nodes the temporaries stay in the processor's cache.
_CHUNK = 512


@cache
def unit_nodes(n: int) -> tuple[Array, Array]:
    """Return the nodes and weights of Gauss-Legendre quadrature on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def on_open_points(
    kernel: Callable[..., Array], is_open: NDArray[np.bool_], *arguments: ArrayLike
) -> Array:
    """Evaluate a kernel at the points where a channel is open; it is zero elsewhere.

    Parameters
    ----------
    kernel
        Takes the arguments as arrays of shape (n, 1), so that quadrature nodes go along the second
        axis, and returns shape (n,).
    is_open
        Where to evaluate; its shape is that of the result.
    arguments
        Broadcast to the shape of `is_open`.
    """
    result = np.zeros(is_open.shape)
    chosen = [np.broadcast_to(a, is_open.shape)[is_open][:, None] for a in arguments]
    n_open = int(np.count_nonzero(is_open))
    values = np.empty(n_open)
    for start in range(0, n_open, _CHUNK):
        part = slice(start, start + _CHUNK)
        values[part] = kernel(*(a[part] for a in chosen))
    result[is_open] = values
    return result
