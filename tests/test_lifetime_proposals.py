"""Events of simulations stand for other lifetimes: closure against direct generation."""

import numpy as np
import pytest
from lifetime_toys import FAR, FASTEST, SLOWEST, seen, simulate, truth

from mcbook.efficiency import (
    Decays,
    Exponential,
    Flat,
    Simulated,
    at_lifetimes,
    from_simulations,
    reweight_simulations,
)
from mcbook.efficiency.intervals import mc_error, reweighted_counts
from mcbook.efficiency.proposals import proposal_of
from mcbook.errors import InputError

SIZE, SEEDS = 3000, 64
CASES = {
    "longer, up to 1.5 times": ([Exponential(20)], 30),
    "shorter": ([Exponential(20)], 4),
    "between two": ([Exponential(5), Exponential(200)], 40),
    "flat": ([Flat(FAR)], 30),
    "flat, most decay out of reach": ([Flat(1.2 * FAR)], 3000),
    "flat and exponential": ([Flat(FAR), Exponential(10)], 25),
    "flat twice": ([Flat(50), Flat(400)], 60),
}
REACH = {"ctau_x": (0.0, FAR)}


def pulls(make, direct, seeds=SEEDS):
    """Return pulls of reweighted efficiencies against direct simulation, and both."""
    found = [(make(np.random.default_rng(seed)), direct(np.random.default_rng(10_000 + seed)))
             for seed in range(seeds)]  # fmt: skip
    values = np.array([[row.efficiency, row.mc_error, k / n] for row, (k, n) in found])
    errors = np.hypot(values[:, 1], [mc_error(k, n) for _, (k, n) in found])
    return (values[:, 0] - values[:, 2]) / errors, values


def counted(rng, **ctaus):
    """Return how many are selected and generated in a simulation of lifetimes themselves."""
    made = simulate(rng, SIZE, **{axis: Exponential(ctau) for axis, ctau in ctaus.items()})
    return len(next(iter(made.decays.values())).lengths), SIZE


@pytest.mark.parametrize("case", CASES)
def test_closure_of_one_particle(case):
    """Pulls against direct simulation are unit Gaussians, and the mean is the integral."""
    proposals, ctau = CASES[case]

    def make(rng):
        made = [simulate(rng, SIZE, ctau_x=way) for way in proposals]
        (row,) = at_lifetimes(made, {"ctau_x": [ctau]}, reach=REACH)
        assert not row.reason
        assert row.is_reweighted
        return row

    found, values = pulls(make, lambda rng: counted(rng, ctau_x=ctau))
    assert abs(found.mean()) < 4 / 8
    assert 0.7 < found.std() < 1.35  # 64 pulls: 1 +- 0.09
    error = values[:, 0].std() / 8
    assert abs(values[:, 0].mean() - truth(ctau)) < 4 * error
    assert values[:, 1].mean() == pytest.approx(values[:, 0].std(), rel=0.3)


def test_closure_of_two_particles():
    """Two particles that both have to be seen, from three simulations of both."""
    ways = [
        {"ctau_a": Exponential(5), "ctau_b": Exponential(100)},
        {"ctau_a": Exponential(100), "ctau_b": Exponential(20)},
        {"ctau_a": Flat(FAR), "ctau_b": Flat(FAR)},
    ]
    reach = {"ctau_a": (0.0, FAR), "ctau_b": (0.0, FAR)}
    target = {"ctau_a": [40], "ctau_b": [15]}

    def make(rng):
        made = [simulate(rng, 2 * SIZE, **way) for way in ways]
        (row,) = at_lifetimes(made, target, reach=reach)
        assert not row.reason
        return row

    found, values = pulls(make, lambda rng: counted(rng, ctau_a=40, ctau_b=15))
    assert abs(found.mean()) < 4 / 8
    assert 0.7 < found.std() < 1.35
    wanted = truth(40) * truth(15)
    assert abs(values[:, 0].mean() - wanted) < 4 / 8 * values[:, 0].std()


def test_errors_at_large_efficiencies():
    """Where most events pass and weights differ much, the error is still the spread."""
    rows = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        made = simulate(rng, 2000, lambda far: np.where(far < 2000, 0.95, 0), ctau_x=Flat(2000))
        rows += at_lifetimes([made], {"ctau_x": [40, 200]})
    for ctau in (40, 200):
        of = [row for row in rows if row.ctaus["ctau_x"] == ctau]
        values = np.array([row.sumw / row.n_generated for row in of])
        assert np.mean([row.mc_error for row in of]) == pytest.approx(values.std(), rel=0.2)
        assert abs(values.mean() - 0.95) < 4 * values.std() / 10


def test_mixture_is_as_good_as_the_best_single():
    """The mixture spreads no more than the best simulation alone, and both have the right mean."""
    found = {"mixture": [], "single": []}
    for seed in range(64):
        rng = np.random.default_rng(seed)
        made = [simulate(rng, 2000, ctau_x=Exponential(ctau)) for ctau in (8, 60)]
        for combine in found:
            found[combine] += at_lifetimes(made, {"ctau_x": [6, 20, 80]}, combine=combine)
    for ctau in (6, 20, 80):
        of = {name: [row for row in rows if row.ctaus["ctau_x"] == ctau]
              for name, rows in found.items()}  # fmt: skip
        values = {name: np.array([row.efficiency for row in rows]) for name, rows in of.items()}
        for spread in values.values():
            assert abs(spread.mean() - truth(ctau)) < 4 * spread.std() / 8
        # E. Veach's bound: (1 / min N_i - 1 / N) efficiency^2 above the best.
        more = (1 / 2000 - 1 / 4000) * truth(ctau) ** 2
        assert values["mixture"].var() < 1.3 * (values["single"].var() + more)
        worth = {name: np.mean([row.n_eff for row in rows]) for name, rows in of.items()}
        assert worth["mixture"] > worth["single"]
    assert worth["mixture"] > 1.02 * worth["single"]


def test_a_bad_simulation_spoils_nothing():
    """One with a lifetime far off, which alone has weights without variance, does no harm."""
    rng = np.random.default_rng(1)
    good, bad = (simulate(rng, 20_000, ctau_x=Exponential(ctau)) for ctau in (40, 4))
    (both,) = at_lifetimes([bad, good], {"ctau_x": [40.5]})
    (alone,) = at_lifetimes([good], {"ctau_x": [40.5]})
    assert both.n_eff > alone.n_eff
    assert both.efficiency == pytest.approx(truth(40.5), abs=4 * both.mc_error)


def test_decays_out_of_reach_stay_in_the_denominator():
    """Dividing by the sum of weights would forget those that decay beyond what was generated."""
    rng = np.random.default_rng(4)
    ctau, size = 3000.0, 50_000
    boosts = rng.uniform(SLOWEST, FASTEST, size)
    flights = rng.uniform(0, FAR, size)
    every = Simulated(size, {"ctau_x": Decays(Flat(FAR), flights / boosts, boosts)})
    weights = reweight_simulations([every], {"ctau_x": ctau}).weights
    # The sum of weights is what decays within the range, not all: 1 - exp(-L / (b c)) on average.
    inside = np.mean(-np.expm1(-FAR / (boosts * ctau)))
    assert weights.sum() / size == pytest.approx(inside, rel=0.02)
    assert inside < 0.15
    kept = rng.random(size) < seen(flights)
    made = Simulated(size, {"ctau_x": Decays(Flat(FAR), (flights / boosts)[kept], boosts[kept])})
    (row,) = at_lifetimes([made], {"ctau_x": [ctau]}, reach=REACH)
    assert row.n_generated == size
    assert row.efficiency == pytest.approx(truth(ctau), abs=4 * row.mc_error)
    assert row.efficiency < 0.2 * (weights[kept].sum() / weights.sum())


def test_reach():
    """What flies beyond a flat range is refused, unless nothing there can be selected."""
    rng = np.random.default_rng(5)
    short = simulate(rng, 20_000, ctau_x=Flat(FAR / 2))
    found = at_lifetimes([short], {"ctau_x": [3, 500]})
    assert not found[0].reason
    assert "after the last generated one" in found[1].reason
    (row,) = at_lifetimes([short], {"ctau_x": [500]}, reach=REACH)
    assert "after the last generated one" in row.reason  # the reach is longer than the range
    # A range that goes on behind the last selected decay shows that nothing is selected there.
    longer = simulate(rng, 20_000, ctau_x=Flat(2 * FAR))
    (row,) = at_lifetimes([longer], {"ctau_x": [500]})
    assert not row.reason
    assert row.efficiency == pytest.approx(truth(500), abs=4 * row.mc_error)
    with pytest.raises(InputError, match="out of the reach of 0 to 100 mm"):
        at_lifetimes([short], {"ctau_x": [3]}, reach={"ctau_x": (0.0, 100.0)})
    # With an exponential simulation beside it the rest is generated as well.
    rows = at_lifetimes([short, simulate(rng, 20_000, ctau_x=Exponential(400))], {"ctau_x": [500]})
    assert not rows[0].reason
    assert rows[0].efficiency == pytest.approx(truth(500), abs=4 * rows[0].mc_error)


def test_a_range_that_begins_late():
    """Decays before the range are missed, unless none of them can be selected."""
    rng = np.random.default_rng(6)
    late = simulate(rng, 20_000, ctau_x=Flat(FAR, low=20.0))
    (row,) = at_lifetimes([late], {"ctau_x": [30]})
    assert "before the first generated one" in row.reason

    def far(flights):
        return np.where(flights > 30, seen(flights), 0)

    only = simulate(rng, 20_000, far, ctau_x=Flat(FAR, low=20.0))
    (row,) = at_lifetimes([only], {"ctau_x": [30]}, reach={"ctau_x": (30.0, FAR)})
    assert not row.reason
    assert row.efficiency == pytest.approx(truth(30, far), abs=4 * row.mc_error)


def test_at_most_one_and_a_half_times():
    """Longer lifetimes need a simulation that covers all particles at once."""
    rng = np.random.default_rng(2)
    one = simulate(rng, 20_000, ctau_x=Exponential(10))
    found = at_lifetimes([one], {"ctau_x": [1, 10, 15, 15.1, 40]})
    assert [bool(row.reason) for row in found] == [False, False, False, True, True]
    assert "more than 1.5 times what was simulated (ctau 10 mm)" in found[-1].reason
    assert [row.is_reweighted for row in found[:3]] == [True, False, True]
    covered = [one, simulate(rng, 5000, ctau_x=Exponential(30))]
    assert not any(row.reason for row in at_lifetimes(covered, {"ctau_x": [10, 15.1, 40]}))
    ways = [{"ctau_a": Exponential(10), "ctau_b": Exponential(50)},
            {"ctau_a": Exponential(50), "ctau_b": Exponential(10)}]  # fmt: skip
    both = [simulate(rng, 40_000, **way) for way in ways]
    found = at_lifetimes(both, {"ctau_a": [10, 50], "ctau_b": [10, 50]})
    reasons = {tuple(row.ctaus.values()): row.reason for row in found}
    assert [pair for pair, reason in reasons.items() if reason] == [(50, 50)]
    assert "ctau_a = 50 mm and ctau_b = 50 mm" in reasons[50, 50]


def test_few_effective_events():
    """Lifetimes at which the events are worth few are refused; what was counted never is."""
    rng = np.random.default_rng(3)
    made = simulate(rng, 3000, ctau_x=Exponential(30))
    found = at_lifetimes([made], {"ctau_x": [0.3, 3]})
    assert "fewer than 20" in found[0].reason
    assert not found[1].reason
    few = [simulate(rng, 25, ctau_x=Exponential(ctau), sample_id=f"s{ctau}") for ctau in (3, 3.5)]
    rows = at_lifetimes(few, {"ctau_x": [3, 3.5, 3.2]})
    assert [row.sample_ids for row in rows] == [("s3",), ("s3.5",), ("s3", "s3.5")]
    assert [bool(row.reason) for row in rows] == [False, False, True]
    assert [row.is_reweighted for row in rows] == [False, False, True]
    assert rows[0].n_selected == rows[0].sumw == len(few[0].decays["ctau_x"].lengths)


def test_map_over_two_lifetimes_and_a_mass():
    """A map has the lifetimes as axes beside the parameters, and names its samples."""
    rng = np.random.default_rng(7)
    made = [
        simulate(
            rng, 20_000, sample_id=f"s{i}{m:g}", parameters={"m": m},
            ctau_a=Exponential(a), ctau_b=Exponential(b),
        )
        for i, (a, b) in enumerate([(10.0, 60.0), (80.0, 30.0)]) for m in (1.0, 2.0)
    ]  # fmt: skip
    ctaus = {"ctau_a": [10, 20, 60], "ctau_b": [15, 30, 45]}
    found, refused = from_simulations(made, ctaus=ctaus)
    assert not refused
    assert found.axes == ("m", "ctau_a", "ctau_b")
    assert len(found) == 18
    at = found.evaluate({"m": [1.5], "ctau_a": [30], "ctau_b": [22]})
    assert at.flag[0] == "reweighted"
    assert set(at.samples[0]) == {"s01", "s02", "s11", "s12"}
    wanted = truth(30) * truth(22)
    assert abs(at.value[0] - wanted) < 4 * np.hypot(at.mc_error[0], at.interpolation_error[0])


def test_weights_of_events_count():
    """Weights that events have otherwise multiply; their squares are in the error."""
    rng = np.random.default_rng(8)
    made = simulate(rng, 20_000, ctau_x=Exponential(20))
    decays = made.decays["ctau_x"]
    heavy = Simulated(20_000, made.decays, weights=np.full(len(decays.lengths), 0.5))
    (plain,), (half,) = (at_lifetimes([one], {"ctau_x": [12]}) for one in (made, heavy))
    assert half.sumw == pytest.approx(plain.sumw / 2)
    assert half.sumw2 == pytest.approx(plain.sumw2 / 4)


def bad(change, size=2000, ctau=20.0):
    """Return a simulation with changed lengths or boosts."""
    made = simulate(np.random.default_rng(9), size, ctau_x=Exponential(ctau))
    decays = made.decays["ctau_x"]
    lengths, boosts = change(decays.lengths, decays.boosts)
    return Simulated(size, {"ctau_x": Decays(Exponential(ctau), lengths, boosts)})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, b: (t * 10, b), r"selected events decay after .* generated with ctau 20 mm"),
        (lambda t, b: (t / 30, b), r"selected events decay before"),
        (lambda t, b: (t * 299.8, b), "is impossible with ctau 20 mm"),
        (lambda t, b: (t * b * 3, b), "selected events decay after"),
        (lambda t, b: (-t, b), "not negative"),
        (lambda t, b: (t * np.nan, b), "finite"),
        (lambda t, b: (t, b * 0), "beta gamma must be finite and above 0"),
        (lambda t, b: (t, b[1:]), "not equally many"),
    ],
)
def test_impossible_lengths(change, said):
    """Lengths in another unit or frame are found out where more are selected than can be."""
    with pytest.raises(InputError, match=said):
        at_lifetimes([bad(change)], {"ctau_x": [20]})


def test_no_false_alarm():
    """Lengths of a selection of everything, or of late decays only, are possible."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for way in (Exponential(20), Flat(500)):
            for least in (0, 200):
                made = simulate(rng, 500, lambda far, n=least: (far >= n) * 1.0, ctau_x=way)
                at_lifetimes([made], {"ctau_x": [20]})


def test_bad_simulations():
    """What cannot be combined is one clear error."""
    rng = np.random.default_rng(10)
    made, flat = (simulate(rng, 500, ctau_x=way) for way in (Exponential(20), Flat(300)))
    decays = made.decays["ctau_x"]
    blind = Simulated(500, {"ctau_x": Decays(Exponential(20), decays.lengths)})
    long = Simulated(500, {"ctau_x": Decays(Flat(100), *_of(flat))})
    cases = [
        ([blind, flat], {"ctau_x": [20]}, "beta gamma of all events is needed"),
        ([long], {"ctau_x": [20]}, "and flights up to 100 mm were simulated"),
        ([made], {"ctau_y": [20]}, "those of ctau_x were simulated"),
        ([made, simulate(rng, 50, ctau_y=Flat(300))], {"ctau_x": [20]}, "are not ctau_x"),
        ([], {"ctau_x": [20]}, "no simulations"),
        ([made], {"ctau_x": [0]}, "not above 0"),
        ([Simulated(10, made.decays)], {"ctau_x": [20]}, "above 1"),
        ([Simulated(500, {"ctau_x": Decays(Flat(1, low=2), *_of(made))})], {"ctau_x": [20]},
         "no length lies between"),
    ]  # fmt: skip
    for simulations, ctaus, said in cases:
        with pytest.raises(InputError, match=said):
            at_lifetimes(simulations, ctaus)
    with pytest.raises(InputError, match="needed for a reach"):
        at_lifetimes([blind], {"ctau_x": [20]}, reach=REACH)
    with pytest.raises(InputError, match="says nothing of others"):
        proposal_of("fixed", 10.0, "s1")
    assert proposal_of("flat", 10.0, "s1") == Flat(10.0)


def _of(simulation):
    decays = simulation.decays["ctau_x"]
    return decays.lengths, decays.boosts


def test_counts_of_equal_weights_are_the_counts():
    """Events with equal weights are a binomial; an efficiency of 1 has an error too."""
    k, n = reweighted_counts([30.0, 0.0, 99.99], [30.0, 0.0, 400.0], [100.0] * 3, [100.0] * 3)
    assert (k[0], n[0]) == pytest.approx((30, 100))
    assert (k[1], n[1]) == (0, 100)
    assert 0 < mc_error(k[2], n[2]) < 0.3
