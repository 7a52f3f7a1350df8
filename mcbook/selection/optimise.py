"""Chooses cut values by Punzi's figure of merit, at each hypothesis and smooth over all of them.

What is made as large as possible is the figure of merit with one standard deviation more
background, where the standard deviation holds one event more of each sample of the background
(`mcbook.selection.punzi.background_error`). Counted as it is, the background of an optimum is
where simulated events happen to end; see `docs/explanation/optimisation.md` for toys of both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.selection.combinations import Axis, check_axes
from mcbook.selection.smoothing import PLATEAU, field_of, smooth
from mcbook.selection.tuned import Hypothesis, Merit, Scan, curve, merit_at, plateau, scan

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

_DIGITS_IN_A_STEP = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """How values are chosen.

    Attributes
    ----------
    a
        Standard deviations of the test.
    smooth
        Whether values are smooth over masses.
    loss
        Which part of the figure of merit they may lose for that, on the average; None leaves it
        to cross-validation.
    min_background
        Least effective number of simulated background events that a combination must leave.
    """

    a: float
    smooth: bool = True
    loss: float | None = None
    min_background: float = 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Figure of merit along one value, with the others as they were chosen.

    `cuts` begins with the loosest; `validation` is None without such events. `plateau` are the ends
    of the range around the largest cautious figure of merit in which it reaches 0.99 of that.
    """

    cuts: Array
    training: Merit
    validation: Merit | None
    plateau: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Optimum:
    """What was chosen at one hypothesis.

    Attributes
    ----------
    point
        Parameters of the hypothesis.
    values
        Chosen value of each cut, by name.
    raw
        The best of the combinations at this hypothesis alone, without smoothing.
    training, validation
        Figure of merit of the chosen values; `validation` on events that were not used to choose.
    loss
        Part of the cautious figure of merit that the chosen values lose against the raw ones, on
        the events that the raw ones were chosen on.
    loss_validation
        The same on the other events, where the raw ones are not favoured.
    curves
        By name.
    """

    point: Mapping[str, float]
    values: Mapping[str, float]
    raw: Mapping[str, float]
    training: Merit
    validation: Merit | None
    loss: float
    loss_validation: float | None
    curves: Mapping[str, Curve]


def optimise(
    hypotheses: Sequence[Hypothesis],
    masses: Array,
    axes: Sequence[Axis],
    rules: Rules,
    progress: Progress | None = None,
) -> list[Optimum]:
    """Choose cut values at each hypothesis.

    Parameters
    ----------
    hypotheses
        With their events, in the order of *masses*.
    masses
        Position of each hypothesis, rising.
    axes
        The cuts with the values that are tried.
    rules
        How to choose.
    progress
        Called with the number of hypotheses that are scanned, and their total.

    Returns
    -------
    list
        One for each hypothesis.

    Raises
    ------
    InputError
        If there are too many combinations, masses do not rise, a variable is not a number, or no
        combination at a hypothesis leaves signal, or background enough.
    """
    check_axes(axes, len(hypotheses))
    if not hypotheses or (np.diff(masses) <= 0).any():
        raise InputError("hypotheses must be of different masses, and rise")
    merits: tuple[list[Array], ...] = ([], [], [])
    for done, each in enumerate(hypotheses, 1):
        for events in filter(None, (each.training, each.validation)):
            events.check(axes)
        merits[0].append(_eligible(each, scan(axes, each.training), rules))
        if rules.smooth and rules.loss is None:
            for found, half in zip(merits[1:], each.training.halves(), strict=True):
                found.append(scan(axes, half).merit(rules.a).cautious)
        if progress is not None:
            progress(done, len(hypotheses))
    field, *halves = [field_of(found or merits[0]) for found in merits]
    places = field.best.astype(np.float64)
    if rules.smooth:
        places = smooth(field, (halves[0], halves[1]), masses, rules.loss)
    return [
        _optimum(each, axes, places[i], field.best[i], rules) for i, each in enumerate(hypotheses)
    ]


def _eligible(each: Hypothesis, counted: Scan, rules: Rules) -> Array:
    """Return the cautious figure of merit, 0 where too little background is left to judge."""
    found = counted.merit(rules.a)
    usable = np.where(found.n_background >= rules.min_background, found.cautious, 0.0)
    if not (usable > 0).any():
        told = ", ".join(f"{name} = {value:.9g}" for name, value in each.point.items())
        if not (found.cautious > 0).any():
            raise InputError(
                f"{told}: no signal event passes the loosest values",
                hint="look at the cutflow: `mcbook select`",
            )
        raise InputError(
            f"{told}: no combination of values leaves {rules.min_background:g} background events,"
            f" at most {found.n_background.max():.3g}",
            hint="make min_background smaller, or more background events",
        )
    return usable


def _optimum(
    each: Hypothesis, axes: Sequence[Axis], place: Array, best: NDArray[np.intp], rules: Rules
) -> Optimum:
    chosen = [_rounded(axis, float(axis.at(place[i]))) for i, axis in enumerate(axes)]
    raw = [float(axis.values[best[i]]) for i, axis in enumerate(axes)]
    training, at_raw = (
        merit_at(axes, each.training, values, a=rules.a) for values in (chosen, raw)
    )
    validation, loss_validation = None, None
    if each.validation is not None:
        validation, other = (
            merit_at(axes, each.validation, values, a=rules.a) for values in (chosen, raw)
        )
        loss_validation = _lost(float(validation.cautious), float(other.cautious))
    names = [axis.name for axis in axes]
    return Optimum(
        each.point,
        dict(zip(names, chosen, strict=True)),
        dict(zip(names, raw, strict=True)),
        training,
        validation,
        _lost(float(training.cautious), float(at_raw.cautious)) or 0.0,
        loss_validation,
        {name: _curve(each, axes, chosen, i, rules) for i, name in enumerate(names)},
    )


def _lost(found: float, reference: float) -> float | None:
    """Return which part is lost; None of nothing."""
    return 1 - found / reference if reference > 0 else None


def _curve(
    each: Hypothesis, axes: Sequence[Axis], chosen: Sequence[float], which: int, rules: Rules
) -> Curve:
    axis = axes[which]
    training = curve(axes, each.training, chosen, which, a=rules.a)
    start = int(np.argmax(training.cautious))
    ends = sorted(float(axis.values[i]) for i in plateau(training.cautious, start, PLATEAU))
    validation = None
    if each.validation is not None:
        validation = curve(axes, each.validation, chosen, which, a=rules.a)
    return Curve(axis.values, training, validation, (ends[0], ends[1]))


def _rounded(axis: Axis, value: float) -> float:
    """Return a value to as many digits as tell a twentieth of a step."""
    step = float(np.abs(np.diff(axis.values)).min()) / _DIGITS_IN_A_STEP
    return round(value, max(0, -int(np.floor(np.log10(step)))))
