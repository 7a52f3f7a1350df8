"""Reweighting in the lifetime agrees with the closed form, and stops where events run out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcbook.efficiency import LifetimeSample, from_lifetimes, reweight
from mcbook.errors import InputError

START, END, PASS = 2.0, 60.0, 0.5


def window(ctau):
    """Return the efficiency of decays in a window, half of which are selected."""
    return PASS * (np.exp(-START / ctau) - np.exp(-END / ctau))


def sample(ctau=10.0, size=20_000, seed=0, end=END, **parameters):
    """Return a sample with that window."""
    rng = np.random.default_rng(seed)
    t = rng.exponential(ctau, size)
    selected = t[(t > START) & (t < end) & (rng.random(size) < PASS)]
    return LifetimeSample(ctau, t, selected, parameters, f"s{seed}")


def test_closed_form():
    """Nodes at other lifetimes have the known efficiency, within errors that are not large."""
    ctaus = [1, 2, 5, 10, 15]
    made, refused = from_lifetimes([sample(size=100_000)], axis="ctau_x", ctaus=ctaus)
    assert not refused
    nodes = made.nodes
    truth = window(nodes.points[:, 0])
    assert np.abs((nodes.efficiency - truth) / nodes.mc_error).max() < 3.5
    assert (nodes.mc_error < 0.03 * truth).all()
    assert nodes.is_reweighted.tolist() == [ctau != 10 for ctau in ctaus]
    found = made.evaluate({"ctau_x": [10, 15, 12.0, 500]})
    assert list(found.flag) == ["generated", "reweighted", "reweighted", "refused"]
    assert found.value[2] == pytest.approx(window(12.0), rel=0.02)
    assert found.mc_error[2] >= nodes.mc_error[4] * 0.9  # the same events: no averaging
    assert found.samples[2] == ("s0",)


def test_errors_are_the_spread():
    """The error of a reweighted efficiency is the spread over independent samples."""
    found = [
        from_lifetimes([sample(size=4000, seed=seed)], axis="ctau_x", ctaus=[5, 15]).map.nodes
        for seed in range(60)
    ]
    spread = np.std([nodes.efficiency for nodes in found], axis=0)
    assert np.mean([nodes.mc_error for nodes in found], axis=0) == pytest.approx(spread, rel=0.25)


def test_truncation_is_refused():
    """Lifetimes far above the generated one are refused, as are those with few events."""
    ctaus = [10, 15, 15.1]
    made, refused = from_lifetimes([sample(end=1e9)], axis="ctau_x", ctaus=ctaus)
    assert made.nodes.points[:, 0].tolist() == [10, 15]
    ((parameters, ctau, reason),) = refused
    assert (dict(parameters), ctau) == ({}, {"ctau_x": 15.1})
    assert "more than 1.5 times" in reason
    _, refused = from_lifetimes([sample()], axis="ctau_x", ctaus=[10, 0.01])
    assert "fewer than 20" in refused[0].reason
    with pytest.raises(InputError, match="no lifetime can be reached"):
        from_lifetimes([sample()], axis="ctau_x", ctaus=[0.01])


def test_late_decays_that_nobody_generated():
    """A selection of late decays may miss what is later than the few that were generated."""
    t = np.sort(np.random.default_rng(0).exponential(10.0, 60))
    reasons = {}
    for kept in (40, 28):
        sample_ = LifetimeSample(10.0, t, t[-kept:], {})
        _, refused = from_lifetimes([sample_], axis="ctau_x", ctaus=[10, 15])
        reasons[kept] = [one.reason for one in refused]
    assert not reasons[40]
    assert "after the last generated one" in reasons[28][0]


def test_samples_are_taken_together():
    """Samples at two lifetimes serve one node, or the best of them; parameters are axes."""
    samples = [sample(c, seed=i, m=m) for i, (c, m) in enumerate([(5, 1.0), (50, 1.0), (5, 2.0)])]
    ctaus = [4.0, 60.0]
    made, refused = from_lifetimes(samples, axis="ctau_x", ctaus=ctaus)
    assert made.axes == ("m", "ctau_x")
    ids = dict(zip(map(tuple, made.nodes.points), made.nodes.sample_ids, strict=True))
    assert ids == {(1.0, 4.0): "s0+s1", (1.0, 60.0): "s0+s1", (2.0, 4.0): "s2"}
    assert [(one.parameters["m"], one.ctaus["ctau_x"]) for one in refused] == [(2.0, 60.0)]
    assert made.evaluate({"m": 1.0, "ctau_x": 4.0}).samples == (("s0", "s1"),)
    best, _ = from_lifetimes(samples, axis="ctau_x", ctaus=ctaus, combine="single")
    ids = dict(zip(map(tuple, best.nodes.points), best.nodes.sample_ids, strict=True))
    assert ids == {(1.0, 4.0): "s0", (1.0, 60.0): "s1", (2.0, 4.0): "s2"}
    truth = window(best.nodes.points[:, 1])
    for nodes in (made.nodes, best.nodes):
        assert np.abs((nodes.efficiency - truth) / nodes.mc_error).max() < 3.5


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(3, 100), st.floats(3, 100))
def test_there_and_back(lengths, first, second):
    """Weights of the way back undo those of the way there; the same lifetime changes nothing."""
    there = reweight(lengths, from_ctau=first, to_ctau=second).weights
    back = reweight(lengths, from_ctau=second, to_ctau=first).weights
    assert there * back == pytest.approx(1)
    assert reweight(lengths, from_ctau=first, to_ctau=first).n_eff == pytest.approx(len(lengths))


def test_impossible_decays():
    """A decay a thousand lifetimes late is a mistake of units."""
    with pytest.raises(InputError, match=r"100 mm is impossible with ctau 0\.1 mm"):
        reweight([100.0], from_ctau=0.1, to_ctau=10.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"generated": np.full(100, 10.0) / 0.1}, "have the mean 100 mm, and ctau is 10 mm"),
        ({"generated": []}, "nothing was generated"),
        ({"generated": [10.0], "selected": [1.0, 2.0]}, "above 1"),
        ({"selected": [-1.0]}, "not negative"),
        ({"selected": [np.nan]}, "finite"),
        ({"ctau": 0.0}, "not above 0"),
        ({"parameters": {"m": 1.0}}, "its parameters are not none"),
    ],
)
def test_bad_samples(change, said):
    """Lengths that cannot be those of the lifetime are one clear error."""
    good = sample(size=100)
    given_ = {"ctau": 10.0, "generated": good.generated, "selected": good.selected}
    bad = LifetimeSample(**(given_ | {"parameters": {}} | change))
    with pytest.raises(InputError, match=said):
        from_lifetimes([good, bad], axis="ctau_x", ctaus=[10.0])
    with pytest.raises(InputError, match="no samples"):
        from_lifetimes([], axis="ctau_x", ctaus=[10.0])
