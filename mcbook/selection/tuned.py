"""A selection at cut values that are looked for: its figure of merit at all of them.

Everything here knows arrays only. What is handed over are the events that pass all that is not
optimised, with the loosest of all values; `mcbook.selection.optimise` chooses among the values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.selection.combinations import Axis, passing, sums
from mcbook.selection.punzi import background_error, figure_of_merit, figure_of_merit_error

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Events:
    """Events of signal and background in one signal window.

    Attributes
    ----------
    signal, background
        What is cut on, shape (events, values).
    efficiency
        Weights of the signal: all generated events together weigh 1. Shape (events,).
    expected
        Weights of the background: they add up to the events expected. Shape (events,).
    one
        What one event of each sample of the background weighs, shape (samples,); also of those
        samples of which no event is here.
    """

    signal: Array
    efficiency: Array
    background: Array
    expected: Array
    one: Array

    def check(self, axes: Sequence[Axis]) -> None:
        """Check that everything that is cut on is a number.

        Raises
        ------
        InputError
            If something is not.
        """
        for what, values in (("signal", self.signal), ("background", self.background)):
            for i, axis in enumerate(axes):
                n_bad = int(np.isnan(values[:, i]).sum())
                if n_bad:
                    raise InputError(
                        f"the variable that {axis.name} cuts on is not a number in {n_bad} of"
                        f" {len(values)} events of {what}"
                    )

    def halves(self) -> tuple["Events", "Events"]:
        """Return every other event, and the rest, each weighted as if it were all of them."""
        first, second = (
            Events(
                self.signal[i::2],
                2 * self.efficiency[i::2],
                self.background[i::2],
                2 * self.expected[i::2],
                2 * self.one,
            )
            for i in (0, 1)
        )
        return first, second


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A point with the events to choose on, and those that judge the choice, if any."""

    point: Mapping[str, float]
    training: Events
    validation: Events | None = None


@dataclass(frozen=True, slots=True)
class Merit:
    """Efficiency, background and figure of merit, each with its error from simulated events.

    Numbers, or arrays over combinations of values. `cautious` is the figure of merit with one
    standard deviation more background: what is made as large as possible. `n_background` is the
    effective number of simulated background events, (sum of w)^2 / sum of w^2.
    """

    efficiency: Array
    efficiency_error: Array
    background: Array
    background_error: Array
    n_background: Array
    value: Array
    error: Array
    cautious: Array


def merit(
    efficiency: tuple[Array, Array], background: tuple[Array, Array], one: Array, *, a: float
) -> Merit:
    """Return the figure of merit from sums of weights and of their squares.

    Parameters
    ----------
    efficiency, background
        Sum of weights, and of squared weights, of what passes; of any shape.
    one
        What one event of each sample of the background weighs.
    a
        Standard deviations of the test, see `mcbook.selection.punzi`.
    """
    eps, eps_variance = efficiency
    expected, variance = background
    # of the events that fail as well: a binomial's eps (1 - eps) / N where weights are equal
    eps_error = np.sqrt(eps_variance * np.clip(1 - eps, 0, 1))
    sigma = background_error(variance, one)
    known = np.maximum(expected, 0.0)
    return Merit(
        eps,
        eps_error,
        expected,
        sigma,
        np.divide(known**2, variance, out=np.zeros_like(known), where=variance > 0),
        figure_of_merit(eps, known, a=a),
        figure_of_merit_error((eps, eps_error), (known, sigma), a=a),
        figure_of_merit(eps, known + sigma, a=a),
    )


@dataclass(frozen=True, slots=True)
class Scan:
    """What passes each combination of values: sums of weights and of squares, the loosest first."""

    efficiency: tuple[Array, Array]
    background: tuple[Array, Array]
    one: Array

    def merit(self, a: float) -> Merit:
        """Return the figure of merit of all combinations."""
        return merit(self.efficiency, self.background, self.one, a=a)


def scan(axes: Sequence[Axis], events: Events) -> Scan:
    """Count what passes each combination of values, exactly."""
    eps, eps2 = sums(axes, events.signal, (events.efficiency, events.efficiency**2))
    expected, expected2 = sums(axes, events.background, (events.expected, events.expected**2))
    return Scan((eps, eps2), (expected, expected2), events.one)


def merit_at(axes: Sequence[Axis], events: Events, values: Sequence[float], *, a: float) -> Merit:
    """Return the figure of merit at one combination, which need not be among those of the axes."""
    eps = events.efficiency[passing(axes, events.signal, values)]
    expected = events.expected[passing(axes, events.background, values)]
    return merit(
        (np.asarray(eps.sum()), np.asarray((eps**2).sum())),
        (np.asarray(expected.sum()), np.asarray((expected**2).sum())),
        events.one,
        a=a,
    )


def curve(
    axes: Sequence[Axis], events: Events, values: Sequence[float], which: int, *, a: float
) -> Merit:
    """Return the figure of merit along one value, with the others at *values*.

    Parameters
    ----------
    axes, events
        As in `scan`.
    values
        One for each axis; that of *which* is not used.
    which
        Place of the value that moves.
    a
        Standard deviations of the test.

    Returns
    -------
    Merit
        Of arrays over the values of that axis, the loosest first.
    """
    others = [i for i in range(len(axes)) if i != which]
    rest, fixed = [axes[i] for i in others], [values[i] for i in others]
    kept = passing(rest, events.signal[:, others], fixed)
    left = passing(rest, events.background[:, others], fixed)
    along = Events(
        events.signal[kept][:, [which]],
        events.efficiency[kept],
        events.background[left][:, [which]],
        events.expected[left],
        events.one,
    )
    return scan([axes[which]], along).merit(a)


def plateau(found: Array, place: int, share: float) -> tuple[int, int]:
    """Return the ends of the run around a place in which values reach a share of the largest one.

    Where the value at *place* does not reach it, both ends are the place.

    Parameters
    ----------
    found
        Shape (n,).
    place
        Where to begin.
    share
        Of the largest value, in (0, 1).
    """
    reached = found >= share * found.max()
    low = high = place
    if reached[place]:
        while low > 0 and reached[low - 1]:
            low -= 1
        while high < len(found) - 1 and reached[high + 1]:
            high += 1
    return low, high
