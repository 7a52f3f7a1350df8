"""Efficiency maps: exact at the samples, within [0, 1] between them, silent beyond them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from scipy.linalg import solve
from scipy.special import expit, logit
from scipy.stats import qmc

from mcbook.efficiency import EfficiencyMap
from mcbook.efficiency.grid import Grid
from mcbook.efficiency.nodes import make_nodes
from mcbook.efficiency.scattered import UNSURE, Process, _Likelihood, matern, spread
from mcbook.errors import InputError

N = 10_000


def line(counts, positions=None, **how):
    """Return a map over one mass."""
    masses = np.arange(1.0, len(counts) + 1) if positions is None else positions
    return EfficiencyMap(["m_zp"], masses, counts, np.full(len(counts), N), **how)


def plane(seed=1, size=60, **how):
    """Return a map of scattered nodes over two axes, with its nodes and counts."""
    nodes = qmc.Sobol(2, seed=seed).random(64)[:size] * [8, 3] + [0.5, -1]
    nodes[:, 1] = 10 ** nodes[:, 1]
    truth = 0.4 * np.exp(-nodes[:, 0] / 5) * expit(np.log(nodes[:, 1]))
    counts = np.random.default_rng(seed).binomial(N, truth)
    ids = [f"zprime-{i:012x}" for i in range(size)]
    made = EfficiencyMap(
        ["m_zp", "ctau_zp"], nodes, counts, np.full(size, N), sample_ids=ids, **how
    )
    return made, nodes, counts


def test_errors_of_weights_over_a_number():
    """Weighted events over their number, which does not fluctuate: the spread of toys."""
    rng = np.random.default_rng(4)
    toys, n = 2000, 1000
    for efficiency in (0.1, 0.5, 0.9):
        weights = rng.choice([0.2, 1.8], (toys, n))
        weights *= rng.random((toys, n)) < efficiency
        sums = np.full(toys, float(n)), weights.sum(axis=1), (weights**2).sum(axis=1)
        counts = np.count_nonzero(weights, axis=1), np.full(toys, n)
        found = make_nodes((), np.empty((toys, 0)), counts, sums)
        # of 2000 toys the spread is known to 1.6%
        assert np.median(found.mc_error) == pytest.approx(sums[1].std() / n, rel=0.06)


counts_lists = st.lists(st.integers(0, N), min_size=2, max_size=8)


@given(counts_lists, st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_values_are_efficiencies_or_refused(counts, masses):
    """A value is within [0, 1] with errors that are positive, or NaN with a reason."""
    found = line(counts).evaluate({"m_zp": masses})
    for i, mass in enumerate(masses):
        if 1 <= mass <= len(counts):
            assert 0 <= found.value[i] <= 1
            assert found.mc_error[i] > 0
            assert found.interpolation_error[i] >= 0
            assert not found.reason[i]
        else:
            assert np.isnan([found.value[i], found.mc_error[i], found.interpolation_error[i]]).all()
            assert found.flag[i] == "refused"
            assert found.reason[i].startswith("m_zp = ")
            assert f"outside 1 to {len(counts)}" in found.reason[i]


@given(counts_lists)
def test_exact_at_nodes(counts):
    """At a sample the value is what was counted, however the number was written."""
    masses = np.arange(1.0, len(counts) + 1) * (1 + 1e-12)
    found = line(counts).evaluate({"m_zp": masses})
    assert found.value.tolist() == [count / N for count in counts]
    assert set(found.flag) == {"generated"}
    assert not found.interpolation_error.any()


@given(counts_lists)
def test_one_dimension_is_scipys_pchip(counts):
    """Between nodes it is scipy's pchip through the logits with half an event."""
    x = np.linspace(1, len(counts), 41)[1:-1] + 1e-5
    logits = logit((np.array(counts) + 0.5) / (N + 1))
    expected = expit(PchipInterpolator(np.arange(1, len(counts) + 1), logits)(x))
    assert line(counts).evaluate({"m_zp": x}).value == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.integers(0, 1200), min_size=2, max_size=8))
def test_monotone_stays_monotone(steps):
    """Efficiencies that rise from sample to sample rise between them."""
    made = line(np.cumsum(steps))
    x = np.linspace(1, len(steps), 200)
    inner = x[made.evaluate({"m_zp": x}).flag == "interpolated"]
    value = made.evaluate({"m_zp": inner}).value
    assert (np.diff(value) >= -1e-12).all()


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_order_of_axes_does_not_matter(seed, order):
    """The same nodes under axes in another order give the same values and errors."""
    rng = np.random.default_rng(seed)
    edges = [np.sort(rng.random(size)) for size in (3, 4, 2)]
    nodes = np.stack([a.ravel() for a in np.meshgrid(*edges, indexing="ij")], axis=-1)
    counts, names = rng.integers(0, N, len(nodes)), ["m_a", "m_b", "m_c"]
    points = {n: rng.uniform(e[0], e[-1], 9) for n, e in zip(names, edges, strict=True)}
    shuffled = rng.permutation(len(nodes))
    one = EfficiencyMap(names, nodes, counts, np.full(len(nodes), N)).evaluate(points)
    two = EfficiencyMap(
        [names[j] for j in order], nodes[shuffled][:, list(order)], counts[shuffled],
        np.full(len(nodes), N),
    ).evaluate(points)  # fmt: skip
    assert two.value == pytest.approx(one.value, rel=1e-9)
    assert two.interpolation_error == pytest.approx(one.interpolation_error, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 7])
def test_planes_are_exact_in_any_dimension(d):
    """Logits that are linear in every axis come back everywhere on the grid."""
    edges = [np.array([0.0, 0.3, 1.0])] * min(d, 5) + [np.array([0.0, 1.0])] * max(d - 5, 0)
    nodes = np.stack([a.ravel() for a in np.meshgrid(*edges, indexing="ij")], axis=-1)
    slope = np.linspace(-1, 2, d)
    points = np.random.default_rng(0).random((50, d))
    value, noise, gap = Grid(nodes, nodes @ slope, np.full(len(nodes), 0.01)).evaluate(points)
    assert value == pytest.approx(points @ slope, abs=1e-9)
    assert (noise > 0).all()
    assert (noise <= 0.1 + 1e-12).all()
    assert np.isfinite(gap).all()


def test_scattered_points_lie_in_the_hull():
    """Between samples values come with samples and both errors; in a corner nobody answers."""
    made, nodes, counts = plane()
    assert made.method == "gp"
    low, high = nodes[:, 0].min(), nodes[:, 1].max()
    found = made.evaluate(
        {
            "m_zp": [nodes[5, 0], 4.0, low * 1.001, 9.0, np.nan, 4.0],
            "ctau_zp": [nodes[5, 1], 3.0, high * 0.999, 1.0, 1.0, -1.0],
        }
    )
    assert list(found.flag) == ["generated", "interpolated", *["refused"] * 4]
    assert found.value[0] == counts[5] / N
    assert found.samples[0] == ("zprime-000000000005",)
    assert found.value[1] == pytest.approx(0.4 * np.exp(-0.8) * 0.75, rel=0.05)
    assert found.interpolation_error[1] > 0
    assert len(found.samples[1]) == 3
    assert "hull" in found.reason[2]
    assert "m_zp = 9 is outside" in found.reason[3]
    assert found.reason[4] == "m_zp is not a finite number"
    assert "ctau_zp = -1 is outside" in found.reason[5]
    assert found.samples[2] == ()


def test_hull_agrees_in_low_and_high_dimensions(monkeypatch):
    """Faces and mixtures of nodes draw the same line."""
    rng = np.random.default_rng(0)
    nodes, points = rng.random((30, 3)), rng.random((200, 3))
    from mcbook.efficiency import scales

    by_faces = scales.Hull(nodes, "abc", is_box=False).contains(points)
    monkeypatch.setattr(scales, "MOST_FACED", 2)
    by_mixture = scales.Hull(nodes, "abc", is_box=False).contains(points)
    assert (by_faces == by_mixture).all()
    assert 20 < by_faces.sum() < 180


def test_seven_scattered_axes_answer_within_the_hull():
    """A seven-parameter scan works, and its corner is refused."""
    names = [f"m_{i}" for i in range(7)]
    nodes = qmc.Sobol(7, seed=0).random(64)
    counts = np.round(N * expit(nodes.sum(axis=1) - 5)).astype(int)
    made = EfficiencyMap(names, nodes, counts, np.full(64, N))
    found = made.evaluate({name: [nodes[:, j].mean(), 0.999] for j, name in enumerate(names)})
    assert list(found.flag) == ["interpolated", "refused"]
    assert found.value[0] == pytest.approx(expit(nodes.mean(axis=0).sum() - 5), rel=0.05)


def test_process_agrees_with_the_formula_by_hand():
    """Prediction and variance are Rasmussen and Williams 2.25 and 2.26 with 2.42 for the mean."""
    rng = np.random.default_rng(4)
    x, n = rng.random((25, 2)), np.full(25, 5000.0)
    made = Process(x, rng.binomial(5000, expit(x[:, 0] - 2)).astype(float), n)
    new = rng.random((5, 2))
    lengths, power = made.fitted.lengths, made.fitted.amplitude**2

    def kernel(a, b):
        gap = np.sqrt((((a[:, None] - b[None]) / lengths) ** 2).sum(axis=2))
        root = np.sqrt(5) * gap
        return power * (1 + root + root**2 / 3) * np.exp(-root)

    total = kernel(x, x) + np.diag(made.variances) + 1e-9 * power * np.eye(25)
    one, cross = np.ones(25), kernel(x, new)
    mean = one @ solve(total, made.logits) / (one @ solve(total, one))
    expected = mean + cross.T @ solve(total, made.logits - mean)
    short = 1 - one @ solve(total, cross)
    variance = power - (cross * solve(total, cross)).sum(axis=0)
    variance += short**2 / (one @ solve(total, one))
    value, noise, gap = made.evaluate(new)
    widening = made.widening[made.neighbours(new)].mean(axis=1)
    assert value == pytest.approx(expected, abs=1e-6)
    both = (noise / UNSURE) ** 2 + (gap / UNSURE / widening) ** 2
    assert both == pytest.approx(variance, rel=1e-4)
    # The mode: the gradient of the binomial likelihood is that of the prior.
    at = made.logits - made.variances * made.pulled
    score = made.passed - (made.passed + made.failed) * expit(at)
    assert score == pytest.approx(made.pulled, abs=1e-2)


def test_gradient_of_the_likelihood():
    """The gradient is that of finite differences."""
    rng = np.random.default_rng(3)
    x = rng.random((20, 2))
    likelihood = _Likelihood(x, np.sin(3 * x[:, 0]), np.full(20, 0.01))
    at = np.log([0.4, 0.8, 1.2])
    steps = [(likelihood(at + s)[0] - likelihood(at - s)[0]) / 2e-5 for s in 1e-5 * np.eye(3)]
    assert likelihood(at)[1] == pytest.approx(steps, rel=1e-4)


def test_leave_one_out_of_the_process_is_what_it_says():
    """The closed formula is what conditioning without the node gives."""
    made = plane(size=40)[0]
    process = made._interpolator
    predicted, spread_ = process.leave_one_out()
    keep = np.arange(40) != 7
    scaled = process.points
    cov = matern(np.sqrt((((scaled[:, None] - scaled) / process.fitted.lengths) ** 2).sum(axis=2)))
    cov = cov * process.fitted.amplitude**2 + np.diag(process.variances)
    mean = process.row_sums @ process.logits / process.row_sums.sum()
    centred = process.logits - mean
    weights = solve(cov[np.ix_(keep, keep)], cov[keep, 7])
    assert predicted[7] == pytest.approx(mean + weights @ centred[keep], abs=1e-4)
    assert spread_[7] ** 2 == pytest.approx(cov[7, 7] - weights @ cov[keep, 7], rel=1e-3)


@pytest.mark.thorough
def test_few_selected_events_do_not_bias_the_process():
    """A flat efficiency of 0.2 % with 500 events each is found without the bias of logits."""
    nodes = qmc.Sobol(2, seed=2).random(128)
    counts = np.random.default_rng(0).binomial(500, 0.002, 128)
    made = EfficiencyMap(["m_a", "m_b"], nodes, counts, np.full(128, 500))
    inner = np.linspace(0.1, 0.9, 9)
    found = made.evaluate({"m_a": np.repeat(inner, 9), "m_b": np.tile(inner, 9)})
    assert found.value.mean() == pytest.approx(counts.sum() / (128 * 500), rel=0.05)
    assert (
        np.abs(found.value - 0.002) < 4 * np.hypot(found.mc_error, found.interpolation_error)
    ).all()


def test_nothing_selected_anywhere():
    """A map of zeros says about half an event over all that were generated, and an error."""
    nodes = qmc.Sobol(2, seed=2).random(32)
    made = EfficiencyMap(["m_a", "m_b"], nodes, np.zeros(32), np.full(32, 1000))
    found = made.evaluate({"m_a": 0.5, "m_b": 0.5})
    assert 0 < found.value[0] < 1 / 1000
    assert found.mc_error[0] > 0


def test_threshold():
    """Beyond a threshold the efficiency is 0, also where the map ends; up to it nothing rings."""
    made = line([500, 600, 650, 0], thresholds=["m_zp < 3.6"])
    found = made.evaluate({"m_zp": [3.0, 3.3, 3.5999, 3.6, 4.0, 7.0, 0.9]})
    assert found.value[0] == 0.065
    assert found.value[3:6].tolist() == [0, 0, 0]
    assert list(found.flag[3:]) == [*["interpolated"] * 3, "refused"]
    assert not found.reason[5]
    for i in (1, 2):  # a step and a straight fall to 0 are both within the errors
        band = found.interpolation_error[i] * 1.05
        straight = 0.065 * (3.6 - [0, 3.3, 3.5999][i]) / 0.6
        assert found.value[i] - band <= straight
        assert found.value[i] + band >= 0.065
    undeclared = line([500, 600, 650, 0]).evaluate({"m_zp": 3.3})
    assert undeclared.value[0] < found.value[1]


def test_threshold_over_two_axes_leaves_a_process():
    """A forbidden corner makes a grid one with a hole."""
    grid = np.array([(a, b) for a in (1.0, 2, 3, 4) for b in (1.0, 2, 3, 4)])
    counts = np.where(grid.sum(axis=1) < 6.5, 1000, 0)
    made = EfficiencyMap(
        ["m_ap", "m_hp"], grid, counts, np.full(16, N), thresholds=["m_ap + m_hp < 6.5"]
    )
    assert made.method == "gp"
    found = made.evaluate({"m_ap": [1.5, 3.2, 3.5], "m_hp": [2.5, 3.2, 3.5]})
    assert found.value[0] == pytest.approx(0.1, rel=0.02)
    assert 0.05 < found.value[1] < 0.1
    assert found.value[2] == 0


def test_scales():
    """Lifetimes and couplings are logarithmic, masses are not, others as they are spaced."""

    def scale(name, values, **how):
        made = EfficiencyMap([name], values, [1] * len(values), [9] * len(values), **how)
        return made.domain.scales.is_log[0]

    assert scale("ctau_chi2", [1, 2, 3])
    assert scale("epsilon", [1e-4, 1e-3])
    assert not scale("ctau_chi2", [0, 1, 2])
    assert not scale("m_zp", np.linspace(0.1, 9, 20))
    assert scale("m_zp", np.geomspace(0.1, 9, 20))
    assert not scale("ctau_chi2", [1, 2, 3], linear_axes=["ctau_chi2"])
    assert scale("m_zp", [1, 2, 3], log_axes=["m_zp"])
    with pytest.raises(InputError, match="cannot be logarithmic"):
        scale("m_zp", [0, 2, 3], log_axes=["m_zp"])
    with pytest.raises(InputError, match="no axis 'm_z'") as caught:
        scale("m_zp", [0, 2, 3], log_axes=["m_z"])
    assert "m_zp" in caught.value.hint


def test_an_axis_with_one_value_holds_there_only():
    """A map at one value of an axis refuses every other one."""
    made = EfficiencyMap(["m_ap", "m_hp"], [(3, 1), (3, 2)], [500, 600], [N, N])
    found = made.evaluate({"m_ap": [3.0, 3.1], "m_hp": 1.5})
    assert list(found.flag) == ["interpolated", "refused"]
    assert found.reason[1] == "m_ap = 3.1: the map has m_ap = 3 only"
    single = EfficiencyMap(["m_ap"], [3.0], [500], [N]).evaluate({"m_ap": [3.0, 4.0]})
    assert list(single.flag) == ["generated", "refused"]


def test_leave_one_out():
    """The left-out node of a smooth line is predicted; ends are not; a slip is seen."""
    made = line([500, 540, 580, 980, 660, 700, 740])
    left = made.leave_one_out()
    assert np.isnan(left.residual[[0, -1]]).all()
    assert left.residual[3] == pytest.approx(0.036, abs=0.002)
    assert left.pull_rms > 0.5
    assert left.rms > 0.01
    assert np.isnan(line([1, 2]).leave_one_out().rms)


def test_leave_one_out_of_three():
    """Two nodes predict the one between them: their mean, with a quarter of their difference."""
    grid = Grid(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 9.0, 3.0]), np.full(3, 0.01))
    predicted, error = grid.leave_one_out()
    assert predicted[1] == pytest.approx(2.0)
    # half-way cubic convolution leaves 2 (1/16^2 + (9/16)^2) of a variance, flat slopes 1/2
    noise = 0.01 * (1 + (2 * (1 + 81) / 256 + 0.5) / 2)
    assert error[1] == pytest.approx(np.sqrt(noise + (2.0 / 4) ** 2))
    assert np.isnan(error[[0, 2]]).all()


def test_weights_widen_the_error():
    """Weighted events give their own efficiency and a larger error."""
    sums = ([100.0, 100.0], [5.0, 6.0], [0.5, 0.6])
    made = EfficiencyMap(["m"], [1.0, 2.0], [500, 600], [N, N], weights=sums)
    found = made.evaluate({"m": [1.0, 1.5]})
    assert found.value[0] == 0.05
    assert found.mc_error[0] == pytest.approx(np.sqrt(0.05 * 0.95 / 1000), rel=0.02)
    again = EfficiencyMap.from_records(made.records())
    assert again.evaluate({"m": 1.5}).value == found.value[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_selected": [5, 11]}, "node 2 .*n_selected = 11 of n_generated = 10: .*above 1"),
        ({"n_selected": [5, -1]}, "a negative count"),
        ({"n_selected": [5, np.nan]}, "not a finite number"),
        ({"n_generated": [10, 0], "n_selected": [1, 0]}, "nothing was generated"),
        ({"nodes": [1.0, 1.0]}, "node 2: the same point as .*m_zp = 1"),
        ({"nodes": [1.0, np.inf]}, "not a finite number"),
        ({"nodes": [1.0, 2.0, 3.0]}, "equally many"),
        ({"axes": ["m_zp", "m_zp"]}, "one position"),
        ({"weights": ([9, 9], [5, 10], [5, 20])}, "a larger sum of weights"),
        ({"weights": ([9, 9], [5, 5], [5, 1])}, "which no weights give"),
        ({"weights": ([9, 9], [5, 5], [5, 0])}, "do not add up"),
        ({"weights": ([9, 9], [5, -1], [5, 1])}, "negative sum of weights"),
        ({"weights": ([9, 0], [5, 5], [5, 5])}, "not above 0"),
        ({"method": "spline"}, "no method"),
        ({"thresholds": ["m_zp + 1"]}, "no condition"),
        ({"thresholds": ["m_hp < 1"]}, "which is no axis"),
        ({"thresholds": "m_zp < 3"}, "a list of thresholds"),
        ({"thresholds": ["m_zp < 1.5"]}, "does not hold at m_zp = 2, where 6 events"),
        ({"thresholds": ["m_zp < 0"], "n_selected": [0, 0]}, "no node is within"),
        ({"log_axes": ["m_zp"], "linear_axes": ["m_zp"]}, "both"),
    ],
)
def test_bad_maps(change, said):
    """What cannot be is one clear error."""
    given_ = {"axes": ["m_zp"], "nodes": [1.0, 2.0], "n_selected": [5, 6], "n_generated": [10, 10]}
    with pytest.raises(InputError, match=said):
        EfficiencyMap(**(given_ | change))


def test_bad_questions():
    """A missing axis is an error with a hint; so are texts, and nodes in a line."""
    with pytest.raises(InputError, match="no value for the axis m_zp") as caught:
        line([1, 2]).evaluate({"m_z": 1.0})
    assert "m_z" in caught.value.hint
    with pytest.raises(InputError, match="not numbers"):
        line([1, 2]).evaluate({"m_zp": "heavy"})
    with pytest.raises(InputError, match="line or plane"):
        EfficiencyMap(["a", "b"], [(1, 2), (2, 4), (3, 6)], [1, 2, 3], [9, 9, 9])
    with pytest.raises(InputError, match="do not fill a grid"):
        plane(method="pchip")
    assert len(line([1, 2]).evaluate({"m_zp": []})) == 0


def test_spread_covers():
    """A few nodes are taken from all over."""
    x = np.random.default_rng(0).random((500, 2))
    chosen = spread(x, 20)
    assert len(set(chosen)) == 20
    gaps = np.sqrt(((x[:, None] - x[chosen]) ** 2).sum(axis=2)).min(axis=1)
    assert gaps.max() < 0.25


def test_shown_in_a_notebook():
    """The short forms name axes, ranges and method."""
    made = line([1, 2], region="<SR>")
    assert repr(made) == "<EfficiencyMap of 2 nodes in <SR>: pchip over m_zp 1 to 2 (linear)>"
    assert "&lt;SR&gt;" in made._repr_html_()


@pytest.mark.parametrize("is_grid", [True, False])
def test_band_covers(is_grid):
    """On another truth than the benchmark's, the band covers about 68 % and errors are honest."""
    rng = np.random.default_rng(5)
    nodes = qmc.Sobol(2, seed=5).random(128)
    if is_grid:
        side = np.linspace(0, 1, 12)
        nodes = np.array([(a, b) for a in side for b in side])

    def truth(x):
        return 0.3 * np.exp(-(((x[:, 0] - 0.4) / 0.3) ** 2)) * expit((x[:, 1] - 0.3) * 8) + 1e-3

    counts = rng.binomial(N, truth(nodes))
    made = EfficiencyMap(["a", "b"], nodes, counts, np.full(len(nodes), N))
    points = rng.random((1500, 2)) * 0.9 + 0.05
    found = made.evaluate({"a": points[:, 0], "b": points[:, 1]})
    known = found.flag != "refused"
    off = np.abs(found.value - truth(points))[known]
    band = np.hypot(found.mc_error, found.interpolation_error)[known]
    assert 0.58 < np.mean(off <= band) < 0.85
    assert np.sqrt(np.mean(off**2)) < 0.004
