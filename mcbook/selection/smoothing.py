"""Cut values that change smoothly with the mass, and lose next to nothing.

The optimum of each mass alone is noisy, for the figure of merit is flat at its top. Chosen instead
are values that maximise, with sums over masses,

    sum of ln FOM(values at the mass) - stiffness / 2 * sum of squared second differences

Second differences are divided ones, in the mass or, where masses are spaced more evenly in it, its
logarithm; values are measured in parts of their range, so that a straight line costs nothing.

How stiff is found by cross-validation among the events that are chosen on: values chosen on one
half of them are judged on the other half. The stiffest values are taken that are no worse there
than the best ones by more than the standard error of that difference (the rule of one standard
error: L. Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).

Between combinations ln FOM is interpolated linearly in each value. Its maximum is approached by
steps in which its curvature is that of the plateau, where FOM is 0.99 of the largest one, and its
slope is taken over half of that plateau: both are larger than the noise, which a local derivative
would follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.selection.tuned import plateau

Array = NDArray[np.float64]
Places = NDArray[np.intp]

PLATEAU = 0.99
"""Part of the largest figure of merit that its plateau reaches."""
FEWEST = 3
"""Masses below which there is nothing to smooth."""

_STIFF, _SOFT, _TRIALS = 2.0, -7.0, 28  # powers of ten of the stiffness
_ROUNDS, _HALVINGS, _SETTLED = 12, 4, 1e-3
_LOWEST = -8.0  # ln FOM below the largest one, where nothing passes
_EVEN = 1.02  # ratio by which a scale must be more even than the other


@dataclass(frozen=True, slots=True)
class Field:
    """ln FOM of each mass over all combinations of values, 0 at its largest.

    Attributes
    ----------
    logs
        Shape (masses, values of the first cut, ...).
    best
        Place of the largest one at each mass, shape (masses, cuts).
    """

    logs: NDArray[np.float32]
    best: Places

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of values of each cut."""
        return self.logs.shape[1:]

    def at(self, places: Array) -> Array:
        """Return ln FOM at places in steps from the loosest values, shape (masses,)."""
        from scipy.ndimage import map_coordinates

        mass = np.arange(len(self.logs), dtype=np.float64)
        where = np.concatenate([mass[:, None], places], axis=1).T
        return np.asarray(map_coordinates(self.logs, where, order=1, mode="nearest"))


def field_of(merits: Sequence[Array]) -> Field:
    """Return the field of figures of merit, one array over all combinations for each mass.

    A mass at which none has one above 0, as in half of few events, prefers nothing: it is 0 there.
    """
    logs, best = [], []
    for found in merits:
        largest = found.max()
        share = found / largest if largest > 0 else np.ones_like(found)
        with np.errstate(divide="ignore"):
            logs.append(np.maximum(np.log(share), _LOWEST).astype(np.float32))
        best.append(np.unravel_index(int(np.argmax(found)), found.shape))
    return Field(np.stack(logs), np.array(best, dtype=np.intp))


def smooth(field: Field, halves: tuple[Field, Field], masses: Array, loss: float | None) -> Array:
    """Return smooth places of the cut values.

    Parameters
    ----------
    field
        ln FOM at each mass.
    halves
        The same from each half of the events.
    masses
        Rising, shape (masses,).
    loss
        The stiffest values are taken that lose no more than this part of the figure of merit, on
        the average over masses, against the best ones of each mass; None for the stiffness that
        the halves tell.

    Returns
    -------
    NDArray[np.float64]
        Steps from the loosest value, shape (masses, cuts); the best ones themselves where there is
        nothing to smooth, or nothing smoother loses so little.
    """
    best = field.best.astype(np.float64)
    if len(masses) < FEWEST:
        return best
    bending = _bending(masses)
    if loss is None:
        return _path(field, bending)[_told(halves, bending)]
    for places in _path(field, bending):
        if 1 - np.exp(field.at(places)).mean() <= loss:
            return places
    return best


def _told(halves: tuple[Field, Field], bending: Array) -> int:
    """Return the place of the stiffness that two halves of the events tell, the stiffest first."""
    one, other = halves
    scores = np.array([
        (other.at(first) + one.at(second)) / 2
        for first, second in zip(_path(one, bending), _path(other, bending), strict=True)
    ])  # fmt: skip
    worse = scores[np.argmax(scores.mean(axis=1))] - scores
    error = worse.std(axis=1, ddof=1) / np.sqrt(worse.shape[1])
    return int(np.flatnonzero(worse.mean(axis=1) <= error)[0])


def _path(field: Field, bending: Array) -> list[Array]:
    """Return places for each stiffness, the stiffest first, shape (masses, cuts) each."""
    centres, widths = _plateaus(field)
    curvature = 2 * (1 - PLATEAU) / widths**2
    found, places = [], centres
    for power in np.linspace(_STIFF, _SOFT, _TRIALS):
        pull = _Pull(bending * 10**power, curvature, widths)
        places = _settled(field, pull, centres, places)
        found.append(places)
    return found


@dataclass(frozen=True, slots=True)
class _Pull:
    """What holds values at their places: each other, and the plateaus.

    `bending` is the matrix of squared second differences over masses, `curvature` that of ln FOM,
    `widths` half of the plateaus.
    """

    bending: Array
    curvature: Array
    widths: Array

    def penalty(self, places: Array, scale: Array) -> float:
        scaled = places / scale
        return 0.5 * float(np.einsum("ic,ij,jc->", scaled, self.bending, scaled))

    def solve(self, target: Array, scale: Array) -> Array:
        """Return the places where both are in balance, if ln FOM were parabolas about *target*."""
        found = np.empty_like(target)
        for c in range(target.shape[1]):
            matrix = np.diag(self.curvature[:, c]) + self.bending / scale[c] ** 2
            found[:, c] = np.linalg.solve(matrix, self.curvature[:, c] * target[:, c])
        return found


def _settled(field: Field, pull: _Pull, centres: Array, start: Array) -> Array:
    """Return the places of the largest ln FOM less the penalty, from a start or the centres."""
    last = np.array(field.shape, dtype=np.float64) - 1
    scale = np.maximum(last, 1.0)

    def objective(places: Array) -> float:
        return float(field.at(places).sum()) - pull.penalty(places, scale)

    first = np.clip(pull.solve(centres, scale), 0, last)
    places = max((first, start), key=objective)
    reached = objective(places)
    for _ in range(_ROUNDS):
        slope = _slope(field, places, pull.widths, last)
        aim = np.clip(pull.solve(places + slope / pull.curvature, scale), 0, last)
        for halving in range(_HALVINGS):
            trial = places + (aim - places) * 0.5**halving
            gained = objective(trial) - reached
            if gained > 0:
                break
        else:
            return places
        places, reached = trial, reached + gained
        if gained < _SETTLED * (1 - PLATEAU):
            return places
    return places


def _slope(field: Field, places: Array, widths: Array, last: Array) -> Array:
    """Return the slope of ln FOM over half a plateau to both sides, shape (masses, cuts)."""
    found = np.empty_like(places)
    for c in range(places.shape[1]):
        ends = []
        for side in (-0.5, 0.5):
            moved = places.copy()
            moved[:, c] = np.clip(moved[:, c] + side * widths[:, c], 0, last[c])
            ends.append((moved[:, c], field.at(moved)))
        (low, below), (high, above) = ends
        found[:, c] = (above - below) / np.maximum(high - low, 1e-9)
    return found


def _plateaus(field: Field) -> tuple[Array, Array]:
    """Return centres and half widths of the plateaus along each value, at least half a step."""
    centres = np.empty(field.best.shape)
    widths = np.empty(field.best.shape)
    for j, best in enumerate(field.best):
        for c in range(len(best)):
            place = [*best]
            place[c] = slice(None)
            along = np.exp(field.logs[j][tuple(place)])
            low, high = plateau(along, int(best[c]), PLATEAU)
            centres[j, c], widths[j, c] = (low + high) / 2, max((high - low) / 2, 0.5)
    return centres, widths


def _bending(masses: Array) -> Array:
    """Return the matrix of the sum of squared second differences, shape (masses, masses).

    Divided differences, and so the integral of the squared second derivative over a range of 1.
    """
    x = _even(masses)
    n = len(x)
    found = np.zeros((n, n))
    for i in range(1, n - 1):
        before, after = x[i] - x[i - 1], x[i + 1] - x[i]
        row = np.zeros(n)
        row[i - 1] = 2 / (before * (before + after))
        row[i + 1] = 2 / (after * (before + after))
        row[i] = -row[i - 1] - row[i + 1]
        found += np.outer(row, row) * (before + after) / 2
    return found


def _even(masses: Array) -> Array:
    """Return masses on a scale from 0 to 1: linear, or logarithmic where that is more even."""
    scales = [masses]
    if masses[0] > 0:
        scales.append(np.log(masses))
    spread = [float(np.diff(x).max() / np.diff(x).min()) for x in scales]
    x = scales[-1] if len(scales) > 1 and spread[1] * _EVEN < spread[0] else scales[0]
    return np.asarray((x - x[0]) / (x[-1] - x[0]))
