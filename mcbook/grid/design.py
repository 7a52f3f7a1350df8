"""Points that fill a space evenly, the same ones on every machine."""

import numpy as np
from numpy.typing import NDArray

_BITS = 30


def sample(kind: str, n: int, dimensions: int, seed: int) -> NDArray[np.float64]:
    """Return *n* points in the unit cube.

    Parameters
    ----------
    kind
        ``sobol``: the Sobol sequence with a random digital shift (A. B. Owen, Randomly permuted
        (t,m,s)-nets, 1995; the shift keeps the net). ``lhs``: Latin hypercube, one value in each of
        *n* strata of every parameter.
    n, dimensions
        Numbers of points and of parameters.
    seed
        Another seed gives other points; the same gives the same, whatever the version of numpy or
        scipy: only streams and sequences that are fixed for good are used.

    Returns
    -------
    numpy.ndarray
        Shape (n, dimensions), within [0, 1).
    """
    # The stream of RandomState is frozen by numpy's policy (NEP 19); that of Generator is not.
    random = np.random.RandomState(seed)
    if kind == "lhs":
        strata = np.array([random.permutation(n) for _ in range(dimensions)]).T
        return np.asarray((strata + random.random_sample((n, dimensions))) / n)
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=False, bits=_BITS)
    points = sequence.random_base2(max(n - 1, 1).bit_length())[:n]
    whole = np.rint(points * 2**_BITS).astype(np.int64)
    shift = random.randint(0, 2**_BITS, dimensions)
    return np.asarray((whole ^ shift) / 2**_BITS)
