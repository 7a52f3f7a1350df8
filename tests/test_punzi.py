"""Punzi's figure of merit: combinations of cuts, the choice among them, smoothing, bias."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.selection.combinations import Axis, check_axes, passing, sums
from mcbook.selection.optimise import Rules, optimise
from mcbook.selection.punzi import background_error, figure_of_merit, figure_of_merit_error
from mcbook.selection.smoothing import field_of, smooth
from mcbook.selection.tuned import Events, Hypothesis, curve, merit_at, plateau, scan

A = 1.64


def test_figure_of_merit():
    """A value of the formula worked out by hand; finite without background, and there 2 eps / a."""
    assert float(figure_of_merit(0.06, 100.0, a=1.64)) == pytest.approx(0.06 / 10.82, rel=1e-12)
    assert float(figure_of_merit(0.06, 100.0, a=1.64)) == pytest.approx(5.5453e-3, rel=1e-5)
    assert float(figure_of_merit(0.41, 0.0, a=1.64)) == pytest.approx(0.5)
    assert float(figure_of_merit(0.41, -1.0, a=1.64)) == pytest.approx(0.5)
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="a = "):
            figure_of_merit(0.1, 1.0, a=wrong)


def test_figure_of_merit_is_smallest_cross_section():
    """It is 2a over the signal that a test of level a excludes with power a (Gaussian limit)."""
    # S = a sqrt(B) + a sqrt(S + B): the mean of S + B lies a sigma above the threshold
    for background in (0.5, 30.0, 400.0):
        root = np.sqrt(background)
        low, high = 0.0, 1e4
        for _ in range(200):
            middle = (low + high) / 2
            found = A * root + A * np.sqrt(middle + background)
            low, high = (middle, high) if middle < found else (low, middle)
        assert 2 * A / low == pytest.approx(float(figure_of_merit(1.0, background, a=A)))


def test_error_is_the_spread_of_toys():
    """The error is the standard deviation over repeated simulations, and never 0 at no events."""
    rng = np.random.default_rng(5)
    n, eps, expected, weight = 20_000, 0.3, 40.0, 0.2
    signal = rng.binomial(n, eps, 20_000) / n
    background = rng.poisson(expected / weight, 20_000) * weight
    spread = figure_of_merit(signal, background, a=A).std()
    error = figure_of_merit_error(
        (eps, np.sqrt(eps * (1 - eps) / n)), (expected, np.sqrt(expected * weight)), a=A
    )
    assert float(error) == pytest.approx(spread, rel=0.06)
    alone = background_error(0.0, np.array([0.3, 0.4]))
    assert float(alone) == pytest.approx(0.5)
    lowest = figure_of_merit(0.1, 0.5, a=A)
    error = figure_of_merit_error((0.1, 0.0), (0.0, alone), a=A)
    assert float(error) == pytest.approx(float(figure_of_merit(0.1, 0.0, a=A) - lowest))


VALUES = st.lists(st.integers(-3, 8), min_size=2, max_size=5, unique=True)


@settings(max_examples=60)
@given(
    axes=st.lists(st.tuples(st.sampled_from(["<", "<=", ">", ">="]), VALUES), min_size=1,
                  max_size=3),
    seed=st.integers(0, 1000),
    n=st.integers(0, 25),
)  # fmt: skip
def test_sums_are_those_of_each_combination(axes, seed, n):
    """Every combination has exactly the events that fulfil its conditions, at the edges as well."""
    rng = np.random.default_rng(seed)
    cuts = [Axis.over(f"v{i}", operator, values) for i, (operator, values) in enumerate(axes)]
    variables = rng.integers(-4, 10, (n, len(cuts))).astype(float)
    weights = rng.integers(1, 9, n).astype(float)
    (found,) = sums(cuts, variables, [weights])
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    for place in product(*(range(len(cut.values)) for cut in cuts)):
        values = [cut.values[i] for cut, i in zip(cuts, place, strict=True)]
        passed = np.ones(n, dtype=bool)
        for j, (cut, value) in enumerate(zip(cuts, values, strict=True)):
            passed &= compare[cut.operator](variables[:, j], value)
        assert found[place] == weights[passed].sum()
        assert (passing(cuts, variables, values) == passed).all()


@pytest.mark.parametrize(("operator", "loosest"), [(">", 0.5), (">=", 0.5), ("<", 2), ("<=", 2)])
def test_axes_begin_with_the_loosest(operator, loosest):
    """The first value is the one that lets most events pass; places and values are inverse."""
    axis = Axis.over("v", operator, [1.0, 2.0, 0.5])
    assert axis.loosest == loosest
    for place in (0.0, 0.25, 1.5, 2.0):
        assert axis.place(float(axis.at(np.array(place)))) == pytest.approx(place)


def test_axes_that_are_none():
    """An operator without direction, one value, a value twice, and too many combinations."""
    for operator, values in (("==", [1, 2]), (">", [1]), (">", [1, 1]), (">", [1, np.nan])):
        with pytest.raises(InputError, match="v: "):
            Axis.over("v", operator, values)
    long = Axis.over("v", ">", np.arange(200.0))
    with pytest.raises(InputError, match="combinations") as caught:
        check_axes([long] * 3)
    assert "fewer steps" in caught.value.hint
    with pytest.raises(InputError, match="1 to 4"):
        check_axes([long] * 5)


def events(rng, n_signal, expected, weight, shape):
    """Return toys with x in (0, 1): signal passes x > c with 1 - c^p, background with (1 - c)^q."""
    p, q = shape
    signal = rng.random(n_signal) ** (1 / p)
    background = 1 - rng.random(rng.poisson(expected / weight)) ** (1 / q)
    return Events(
        signal[:, None], np.full(n_signal, 1 / n_signal), background[:, None],
        np.full(len(background), weight), np.array([weight]),
    )  # fmt: skip


def truth(cut, expected, shape):
    """Return efficiency, background and figure of merit that `events` has on the average."""
    p, q = shape
    eps, left = 1 - cut**p, expected * (1 - cut) ** q
    return eps, left, eps / (A / 2 + np.sqrt(left))


AXIS = Axis.over("x_min", ">", np.linspace(0, 1, 41))


def test_curve_and_merit_agree():
    """A curve, the scan and single combinations count the same; errors know one event more."""
    rng = np.random.default_rng(3)
    x, y = rng.random((2, 400)), rng.random((2, 300))
    both = Events(x.T, np.full(400, 1 / 500), y.T, np.full(300, 0.5), np.array([0.5]))
    axes = [Axis.over("u", ">", [0.1, 0.4, 0.8]), Axis.over("v", "<=", [0.2, 0.6])]
    found = scan(axes, both).merit(A)
    along = curve(axes, both, [np.nan, 0.6], 0, a=A)
    np.testing.assert_allclose(along.value, found.value[:, 0])
    one = merit_at(axes, both, [0.4, 0.2], a=A)
    for name in ("efficiency", "background", "background_error", "value", "error", "cautious"):
        assert float(getattr(one, name)) == pytest.approx(float(getattr(found, name)[1, 1]))
    n = int(((y[0] > 0.4) & (y[1] <= 0.2)).sum())
    assert float(one.background) == pytest.approx(0.5 * n)
    assert float(one.background_error) == pytest.approx(0.5 * np.sqrt(n + 1))
    assert float(one.n_background) == pytest.approx(n)


@pytest.mark.parametrize(
    ("values", "place", "ends"),
    [([1, 5, 5.01, 4.99, 1], 2, (1, 3)), ([5, 5, 5], 0, (0, 2)), ([1, 5, 1, 5], 1, (1, 1)),
     ([5, 1, 1], 2, (2, 2))],
)  # fmt: skip
def test_plateau(values, place, ends):
    """The run around a place that reaches the share; the place alone where it does not."""
    assert plateau(np.array(values, dtype=float), place, 0.99) == ends


def test_no_background_left():
    """Where all background is gone the loosest such cut is taken, not where events happen to end.

    Signal falls with the cut. Of six simulated background events of weight 2 the last is at 0.55,
    and beyond no cut gains anything.
    """
    rng = np.random.default_rng(1)
    signal = rng.random((5000, 1))
    background = np.array([[0.01], [0.12], [0.2], [0.31], [0.4], [0.55]])
    toy = Events(signal, np.full(5000, 1 / 5000), background, np.full(6, 2.0), np.array([2.0]))
    (found,) = optimise([Hypothesis({"m": 1.0}, toy)], np.array([1.0]), [AXIS], Rules(A))
    assert found.raw["x_min"] <= 0.55
    assert float(found.training.background_error) >= 2.0
    none = Events(signal, toy.efficiency, background[:0], toy.expected[:0], np.array([2.0, 1.0]))
    (found,) = optimise([Hypothesis({"m": 1.0}, none)], np.array([1.0]), [AXIS], Rules(A))
    assert found.raw == found.values == {"x_min": 0.0}
    assert float(found.training.background_error) == pytest.approx(np.sqrt(5))


def test_cautious_choice_does_not_run_into_statistics():
    """The figure of merit that is maximised predicts the true one; counted background does not.

    40 simulations with weights of 0.5 and a best background of a fraction of an event.
    """
    rng = np.random.default_rng(11)
    shape, expected = (3.0, 4.0), 30.0
    ratios = {"cautious": [], "counted": []}
    for _ in range(40):
        toy = events(rng, 3000, expected, 0.5, shape)
        found = scan([AXIS], toy).merit(A)
        for name, merits in (("cautious", found.cautious), ("counted", found.value)):
            best = int(np.argmax(merits))
            true = truth(AXIS.values[best], expected, shape)[2]
            ratios[name].append(merits[best] / true)
    assert np.mean(ratios["counted"]) > 1.4
    assert 0.8 < np.mean(ratios["cautious"]) < 1.1


def test_least_background():
    """`min_background` keeps the choice where so many simulated events are left."""
    rng = np.random.default_rng(2)
    toy = Hypothesis({"m": 1.0}, events(rng, 2000, 30.0, 0.5, (3.0, 4.0)))
    for least in (5, 20):
        (found,) = optimise([toy], np.array([1.0]), [AXIS], Rules(A, min_background=least))
        assert float(found.training.n_background) >= least
    with pytest.raises(InputError, match=r"m = 1: no combination .* 500 background"):
        optimise([toy], np.array([1.0]), [AXIS], Rules(A, min_background=500))


def test_events_that_cannot_be_scanned():
    """A variable that is not a number, no signal, and masses that do not rise."""
    rng = np.random.default_rng(2)
    good = events(rng, 100, 30.0, 0.5, (3.0, 4.0))
    bad = Events(np.full((3, 1), np.nan), np.ones(3), good.background, good.expected, good.one)
    with pytest.raises(InputError, match=r"x_min cuts on is not a number in 3 of 3 .*signal"):
        optimise([Hypothesis({"m": 1.0}, bad)], np.array([1.0]), [AXIS], Rules(A))
    empty = Events(good.signal[:0], good.efficiency[:0], good.background, good.expected, good.one)
    with pytest.raises(InputError, match="no signal event"):
        optimise([Hypothesis({"m": 1.0}, empty)], np.array([1.0]), [AXIS], Rules(A))
    with pytest.raises(InputError, match="rise"):
        optimise([Hypothesis({"m": 1.0}, good)] * 2, np.array([1.0, 1.0]), [AXIS], Rules(A))


def test_training_is_biased_and_validation_is_not():
    """Over 40 simulations the chosen cut looks too good where it was chosen, and only there.

    Truth is known in closed form. On the other events pulls of efficiency and background have a
    mean that is 0 within its error, and a width of 1.
    """
    rng = np.random.default_rng(20)
    shape, expected = (0.8, 3.0), 400.0
    pulls = {"training": [], "validation": []}
    excess = {"training": [], "validation": []}
    for _ in range(40):
        halves = [events(rng, 300, expected, 1.0, shape) for _ in range(2)]
        toy = Hypothesis({"m": 1.0}, *halves)
        (found,) = optimise([toy], np.array([1.0]), [AXIS], Rules(A))
        eps, left, merit = truth(found.values["x_min"], expected, shape)
        for name, listed in pulls.items():
            half = getattr(found, name)
            listed.append((
                (float(half.efficiency) - eps) / np.sqrt(eps * (1 - eps) / 300),
                (float(half.background) - left) / np.sqrt(left),
            ))  # fmt: skip
            excess[name].append(float(half.value) / merit - 1)
    error = 1 / np.sqrt(40)
    assert np.mean([p[0] - p[1] for p in pulls["training"]]) > 5 * error
    assert np.mean(excess["training"]) > 0.08
    for i in (0, 1):
        valid = np.array([p[i] for p in pulls["validation"]])
        assert abs(valid.mean()) < 3 * error
        assert 0.7 < valid.std() < 1.3
    spread = np.std(excess["validation"]) / np.sqrt(40)
    assert abs(np.mean(excess["validation"])) < 3 * spread


MASSES = np.linspace(0.5, 8, 16)


def shape_at(mass):
    """Return shapes whose best cut bends with the mass: about 0.6, 0.8, 0.55."""
    return 1.0 + 3.0 * np.exp(-(((mass - 4) / 2) ** 2)), 3.0 + 0.1 * mass


def test_smooth_values_are_better_than_those_of_each_mass():
    """On independent truth smooth cuts lose less than raw ones do, and bend less."""
    rng = np.random.default_rng(4)
    fine = np.linspace(0, 1, 1001)
    lost = {True: [], False: []}
    rough = {True: [], False: []}
    for _ in range(12):
        toys = [Hypothesis({"m": m}, events(rng, 1000, 200.0, 0.2, shape_at(m))) for m in MASSES]
        for is_smooth, listed in lost.items():
            found = optimise(toys, MASSES, [AXIS], Rules(A, smooth=is_smooth))
            cuts = np.array([one.values["x_min"] for one in found])
            best = [truth(fine, 200.0, shape_at(m))[2].max() for m in MASSES]
            true = [truth(c, 200.0, shape_at(m))[2] for c, m in zip(cuts, MASSES, strict=True)]
            listed.append(1 - np.array(true) / best)
            rough[is_smooth].append(np.abs(np.diff(cuts, 2)).mean())
    assert np.mean(lost[True]) < 0.75 * np.mean(lost[False])
    assert np.max(lost[True]) < np.max(lost[False])
    assert np.mean(rough[True]) < 0.25 * np.mean(rough[False])


def test_smooth_values_follow_what_is_certain():
    """Where FOM is sharp and its maximum bends, smooth values lose next to nothing of it."""
    masses = np.array([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4])  # even in their logarithm
    place = np.arange(41.0)
    best = 20 + 12 * np.sin(np.arange(7.0))
    merits = [np.exp(-(((place - b) / 3.0) ** 2)) for b in best]
    field = field_of(merits)
    found = smooth(field, (field, field), masses, None)[:, 0]
    loss = 1 - np.exp(-(((found - best) / 3.0) ** 2))
    assert loss.max() < 0.05
    # with much to lose the line may be straight, with little it has to bend
    straight = smooth(field, (field, field), masses, 0.999)[:, 0]
    assert np.abs(np.diff(straight, 2)).max() < 0.2
    close = smooth(field, (field, field), masses, 0.001)[:, 0]
    nearest = np.mean(1 - np.exp(-(((np.rint(best) - best) / 3.0) ** 2)))  # what the steps cost
    assert np.mean(1 - np.exp(-(((close - best) / 3.0) ** 2))) < nearest + 0.001


def test_few_masses_are_not_smoothed():
    """One or two masses keep the best values."""
    field = field_of([np.array([0.1, 0.5, 0.2]), np.array([0.4, 0.3, 0.1])])
    found = smooth(field, (field, field), np.array([1.0, 2.0]), None)
    assert found.tolist() == [[1.0], [0.0]]


def test_a_mass_at_which_nothing_passes():
    """Half of few events may have a figure of merit of 0 everywhere: it prefers nothing."""
    place = np.arange(21.0)
    merits = [np.exp(-(((place - 10) / 4.0) ** 2))] * 4
    whole = field_of(merits)
    halves = field_of([*merits[:3], np.zeros(21)]), field_of([np.zeros(21), *merits[1:]])
    found = smooth(whole, halves, np.array([1.0, 2.0, 3.0, 4.0]), None)
    assert np.abs(found - 10).max() < 1


def test_two_values_at_once():
    """Two cuts on independent variables: both optima near the truth, in either direction."""
    rng = np.random.default_rng(9)
    n, expected, weight = 8000, 2000.0, 0.1
    fine = np.linspace(0, 1, 201)
    first, second = np.meshgrid(fine, fine, indexing="ij")
    eps = (1 - first**2) * (1 - (1 - second) ** 3)
    left = expected * (1 - first) ** 3 * second**2
    merits = eps / (A / 2 + np.sqrt(left))
    toys = []
    for mass in (1.0, 2.0, 3.0, 4.0):
        signal = np.column_stack([rng.random(n) ** (1 / 2), 1 - rng.random(n) ** (1 / 3)])
        m = rng.poisson(expected / weight)
        background = np.column_stack([1 - rng.random(m) ** (1 / 3), rng.random(m) ** (1 / 2)])
        toys.append(Hypothesis({"m": mass}, Events(
            signal, np.full(n, 1 / n), background, np.full(m, weight), np.array([weight]),
        )))  # fmt: skip
    tried = np.linspace(0, 1, 31)
    axes = [Axis.over("low", ">", tried), Axis.over("high", "<", tried)]
    for found in optimise(toys, np.array([1.0, 2.0, 3.0, 4.0]), axes, Rules(A)):
        u, v = found.values["low"], found.values["high"]
        true = (1 - u**2) * (1 - (1 - v) ** 3) / (A / 2 + np.sqrt(expected * (1 - u) ** 3 * v**2))
        assert true > 0.97 * merits.max()
        along = found.curves["low"]
        low, high = along.plateau
        assert low <= along.cuts[np.argmax(along.training.cautious)] <= high
