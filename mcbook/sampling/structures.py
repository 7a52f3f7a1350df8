"""Spin density matrices of three-body blocks as polynomials in invariants.

Where nothing that comes out decays, the matrix is made of structure functions: for a mother of spin
0 or 1/2 its trace, for a vector the coefficients of delta, a a, b b and a b + b a, with a and b
the momenta of two daughters. Times the squares of the propagators each is a polynomial in the
mother's mass and the squared masses of two pairs, so that a fit through some points is exact.
Matrices with more in them (violated parity, phases of widths) are left to the amplitude.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from mcbook.sampling.kinematics import invariant

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Draw = Callable[[Array], tuple[Array, list[Array]]]
Matrix = Callable[[Array, list[Array]], Complex]

_DEGREES = (2, 4, 6, 8, 10)
_EXACT = 1e-10
_MORE = 3
"""Points for each unknown of a fit."""
_VECTOR = 3


@dataclass(frozen=True, slots=True)
class Propagator:
    """An inner line: the places of the two daughters behind it, mass and width [GeV]."""

    pair: tuple[int, int]
    mass: float
    width: float


@dataclass(frozen=True, slots=True)
class Structures:
    """Structure functions of one block.

    Attributes
    ----------
    states
        Spin states of the mother.
    propagators
        Inner lines.
    middle, half
        Centre and half-width of mass, and of the two squared masses, in the fit.
    powers
        Degrees of the Chebyshev polynomials of each term, shape (terms, 3).
    coefficients
        Shape (functions, terms).
    """

    states: int
    propagators: tuple[Propagator, ...]
    middle: Array
    half: Array
    powers: NDArray[np.int64]
    coefficients: Array

    def functions(self, mass: Array, momenta: Sequence[Array]) -> Array:
        """Return the structure functions, shape (functions, n)."""
        basis = _basis(_variables(mass, momenta), (self.middle, self.half), self.powers)
        return (self.coefficients @ basis) / _denominator(self.propagators, momenta)

    def matrix(self, mass: Array, momenta: Sequence[Array]) -> Complex:
        """Return the spin density matrix, shape (states, states, n)."""
        found = self.functions(mass, momenta)
        if self.states != _VECTOR:
            return np.asarray(np.eye(self.states)[..., None] * found[0], dtype=complex)
        return _assembled(found, momenta).astype(complex)


def fitted(
    states: int,
    draw: Draw,
    matrix: Matrix,
    propagators: tuple[Propagator, ...],
) -> Structures | None:
    """Return the structure functions of a block, None where it is not made of these.

    Parameters
    ----------
    states
        Spin states of the mother: 1, 2, or 3 for what the beams meet in.
    draw
        Makes mass of the mother and momenta of the daughters, from (3, n) numbers in [0, 1].
    matrix
        Computes the spin density matrix of these from the amplitude.
    propagators
        Inner lines of all diagrams.
    """
    rng = np.random.default_rng(0)
    most = _MORE * len(_powers(_DEGREES[-1]))
    mass, momenta = draw(0.02 + 0.96 * rng.random((3, most)))
    with np.errstate(all="ignore"):
        exact = matrix(mass, momenta)
        functions = _functions(states, exact, momenta)
    if functions is None or not np.isfinite(functions).all():
        return None
    variables = _variables(mass, momenta)
    low, high = variables.min(axis=1), variables.max(axis=1)
    scale = (low + high) / 2, np.maximum((high - low) / 2, 1e-9 * high)
    numerators = functions * _denominator(propagators, momenta)
    for degree in _DEGREES:
        powers = _powers(degree)
        used = slice(0, _MORE * len(powers))
        basis = _basis(variables, scale, powers)
        found, *_ = np.linalg.lstsq(basis[:, used].T, numerators[:, used].T, rcond=None)
        table = Structures(states, propagators, *scale, powers, np.ascontiguousarray(found.T))
        size = np.abs(exact).max(axis=(0, 1))
        if np.abs(table.matrix(mass, momenta) - exact).max(axis=(0, 1)).max() < _EXACT * size.max():
            close = np.abs(table.matrix(mass, momenta) - exact).max(axis=(0, 1)) < 1e-6 * size
            return table if close.all() else None
    return None


def _powers(degree: int) -> NDArray[np.int64]:
    """Return the degrees of all terms up to a total one; that in the mass stays small."""
    listed = [p for p in product(range(degree + 1), repeat=3) if sum(p) <= degree and p[0] <= 4]  # noqa: PLR2004
    return np.array(listed)


def _variables(mass: Array, momenta: Sequence[Array]) -> Array:
    """Return mass, squared mass of the first two daughters and of the last two, (3, n)."""
    return np.stack([mass, invariant(momenta[0] + momenta[1]), invariant(momenta[1] + momenta[2])])


def _basis(variables: Array, scale: tuple[Array, Array], powers: NDArray[np.int64]) -> Array:
    """Return products of Chebyshev polynomials, shape (terms, n)."""
    middle, half = scale
    scaled = (variables - middle[:, None]) / half[:, None]
    rows = [chebyshev.chebvander(line, int(powers[:, i].max())).T for i, line in enumerate(scaled)]
    found = rows[0][powers[:, 0]]
    found *= rows[1][powers[:, 1]]
    found *= rows[2][powers[:, 2]]
    return np.asarray(found)


def _denominator(propagators: Sequence[Propagator], momenta: Sequence[Array]) -> Array:
    found: Array = np.ones(momenta[0].shape[1])
    for line in propagators:
        first, second = line.pair
        distance = invariant(momenta[first] + momenta[second]) - line.mass**2
        found *= distance**2 + (line.mass * line.width) ** 2
    return found


def _functions(states: int, exact: Complex, momenta: Sequence[Array]) -> Array | None:
    """Return the structure functions of matrices, None where they have other parts."""
    size = np.abs(exact).max()
    if states != _VECTOR:
        trace = np.einsum("ssn->n", exact).real / states
        rest = exact - np.eye(states)[..., None] * trace
        return trace[None] if np.abs(rest).max() < _EXACT * size else None
    (ax, ay, az), (bx, by, bz) = momenta[0][1:], momenta[1][1:]
    if max(np.abs(ay).max(), np.abs(by).max()) > 0:
        return None
    others = max(np.abs(exact.imag).max(), np.abs(exact[1, [0, 2]]).max())
    if others > _EXACT * size:
        return None
    delta = exact[1, 1].real
    system = np.stack(
        [
            np.stack([ax * ax, bx * bx, 2 * ax * bx]),
            np.stack([az * az, bz * bz, 2 * az * bz]),
            np.stack([ax * az, bx * bz, ax * bz + az * bx]),
        ]
    )
    wanted = np.stack([exact[0, 0].real - delta, exact[2, 2].real - delta, exact[0, 2].real])
    solved = np.linalg.solve(system.transpose(2, 0, 1), wanted.T[..., None])[..., 0]
    return np.concatenate([delta[None], solved.T])


def _assembled(found: Array, momenta: Sequence[Array]) -> Array:
    """Return the matrix of a vector from its structure functions, (3, 3, n)."""
    delta, first, second, mixed = found
    a, b = momenta[0][1:], momenta[1][1:]
    left = first * a + mixed * b
    right = second * b + mixed * a
    matrix = np.empty((3, 3, len(delta)))
    for i in range(3):
        for j in range(i, 3):
            matrix[i, j] = matrix[j, i] = left[i] * a[j] + right[i] * b[j]
        matrix[i, i] += delta
    return matrix
