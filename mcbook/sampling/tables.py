"""Amplitudes of two-body blocks as polynomials in the masses that vary.

Up to a rotation such a block depends on nothing but masses, smoothly inside their windows: a
Chebyshev series gives it to rounding, and a matrix product evaluates all its components at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Function = Callable[[list[Array]], Complex]

_LARGEST_DEGREE = 24
_ENOUGH, _EXACT = 1e-13, 1e-10
_TESTS = 64
_MOST_NODES = 2000


@dataclass(frozen=True, slots=True)
class Table:
    """A function of some masses.

    Attributes
    ----------
    ranges
        Lowest and highest value of each mass.
    shape
        Of all components.
    terms
        Degrees of the polynomials in each term, shape (terms, masses).
    real, imaginary
        Components whose real or imaginary part is not zero.
    coefficients
        Of these parts, shape (parts, terms).
    """

    ranges: tuple[tuple[float, float], ...]
    shape: tuple[int, ...]
    terms: NDArray[np.int64]
    real: NDArray[np.int64]
    imaginary: NDArray[np.int64]
    coefficients: Array

    def __call__(self, masses: Sequence[Array]) -> Complex:
        """Return all components, shape (*shape, n)."""
        basis: Array | None = None
        for i, (values, (low, high)) in enumerate(zip(masses, self.ranges, strict=True)):
            degrees = self.terms[:, i]
            scaled = (2 * values - (low + high)) / (high - low)
            powers = np.asarray(chebyshev.chebvander(scaled, int(degrees.max())), dtype=float)
            own: Array = np.ascontiguousarray(powers.T)[degrees]
            basis = own if basis is None else basis * own
        if basis is None:
            raise AssertionError
        parts = self.coefficients @ basis
        found = np.zeros((int(np.prod(self.shape)), basis.shape[1]), dtype=complex)
        half = len(self.real)
        found.real[self.real] = parts[:half]
        found.imag[self.imaginary] = parts[half:]
        return found.reshape(*self.shape, -1)


def tabled(function: Function, ranges: Sequence[tuple[float, float]]) -> Table | None:
    """Return a function of masses as a table, None where it is not smooth enough.

    Parameters
    ----------
    function
        Takes an array of shape (n,) for each mass, returns components of shape (..., n).
    ranges
        Lowest and highest value of each mass [GeV].
    """
    if not ranges:
        return None
    with np.errstate(all="ignore"):
        degrees = [_degree(function, ranges, i) for i in range(len(ranges))]
        if any(degree is None for degree in degrees):
            return None
        known = tuple(degree for degree in degrees if degree is not None)
        if np.prod([degree + 1 for degree in known]) > _MOST_NODES:
            return None
        table = _table(function, ranges, known)
        rng = np.random.default_rng(0)
        points = [low + (high - low) * rng.random(_TESTS) for low, high in ranges]
        exact = function(points)
        size = np.abs(exact).max()
        if not np.isfinite(size) or np.abs(table(points) - exact).max() > _EXACT * size:
            return None
    return table


def _nodes(low: float, high: float, degree: int) -> Array:
    return low + (high - low) * (1 + chebyshev.chebpts1(degree + 1)) / 2


def _series(values: Complex, degree: int) -> Complex:
    """Return Chebyshev coefficients of values at the nodes, last axis."""
    inverse = np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(degree + 1), degree))
    return np.asarray(values @ inverse.T)


def _degree(function: Function, ranges: Sequence[tuple[float, float]], number: int) -> int | None:
    """Return the degree in one mass that gives a function, the others in the middle."""
    line = _nodes(*ranges[number], _LARGEST_DEGREE)
    points = [np.full_like(line, (low + high) / 2) for low, high in ranges]
    points[number] = line
    values = function(points)
    sizes = np.abs(_series(values, _LARGEST_DEGREE)).reshape(-1, _LARGEST_DEGREE + 1).max(axis=0)
    if not np.isfinite(sizes).all():
        return None
    needed = np.flatnonzero(sizes > _ENOUGH * sizes.max())
    degree = int(needed[-1]) + 1 if len(needed) else 0
    return degree if degree < _LARGEST_DEGREE else None


def _table(
    function: Function, ranges: Sequence[tuple[float, float]], degrees: tuple[int, ...]
) -> Table:
    lines = [_nodes(*limits, degree) for limits, degree in zip(ranges, degrees, strict=True)]
    grid = np.array(list(product(*lines))).T
    values = function(list(grid))
    shape = values.shape[:-1]
    found = values.reshape(-1, *[degree + 1 for degree in degrees])
    for axis, degree in enumerate(degrees):
        moved = _series(np.moveaxis(found, axis + 1, -1), degree)
        found = np.moveaxis(moved, -1, axis + 1)
    flat = found.reshape(found.shape[0], -1)
    least = _ENOUGH * np.abs(flat).max()
    terms = np.array(list(np.ndindex(*[degree + 1 for degree in degrees])))
    used = np.flatnonzero(np.abs(flat).max(axis=0) > least)
    real, imaginary = (
        np.flatnonzero(np.abs(part).max(axis=1) > least) for part in (flat.real, flat.imag)
    )
    both = np.concatenate([flat.real[real], flat.imag[imaginary]])[:, used]
    return Table(tuple(ranges), shape, terms[used], real, imaginary, np.ascontiguousarray(both))
