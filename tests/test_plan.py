"""Which points share a sample, and what an id is made of."""

import json
import math

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st
from scipy.integrate import dblquad

from mcbook.production.columns import json_rows
from mcbook.production.plan import Planner
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model, with_constants
from mcbook.registry.physics.constants import value
from mcbook.registry.physics.scalars import higgs_pipi_charged_width


def plan_points(folder, name, process=None, *, reuse=True, constants=None, given=None, **axes):
    """Plan points that are given column by column; what is not given takes its default."""
    model = with_constants(load_model(name, folder), constants or {})
    size = max(np.size(axis) for axis in axes.values())
    columns = {
        key: np.broadcast_to(
            np.array(
                axes.get(key, np.nan if entry.default is None else entry.default), dtype=float
            ),
            (size,),
        )
        for key, entry in model.parameters.items()
    }
    planner = Planner(model, find_process(model, process), given or {}, reuse=reuse)
    return planner.plan(columns, np.full(size, 1000))


def samples_of(plan):
    """Return the samples of all batches."""
    return [sample for batch in plan.batches for sample in batch.samples]


def points_of(plan):
    """Return the points of all batches."""
    return [point for batch in plan.batches for point in batch.points]


def test_points_that_differ_in_rate_share_a_sample(toy):
    """Two couplings of a narrow Z' give one sample, at the reference, and rates as g'^2."""
    plan = plan_points(toy, "zprime", g_prime=[1e-4, 5e-3])
    (sample,) = samples_of(plan)
    assert sample.parameters["g_prime"] == 1e-3
    factors = [point.factor for point in points_of(plan)]
    assert factors == pytest.approx([1e-2, 25.0], rel=1e-12)


def test_the_reference_does_not_depend_on_which_point_came_first(toy):
    """A shared sample is the same whatever coupling asked for it."""
    first, second = (samples_of(plan_points(toy, "zprime", g_prime=[g])) for g in (1e-4, 5e-3))
    assert first == second


def test_without_reuse_every_point_is_a_sample(toy):
    """--no-reuse gives each coupling its own sample, and the reference the shared one's id."""
    own = samples_of(plan_points(toy, "zprime", g_prime=[1e-4, 1e-3], reuse=False))
    shared = samples_of(plan_points(toy, "zprime", g_prime=[1e-4]))
    assert len({sample.id for sample in own}) == 2
    assert own[1].id == shared[0].id


def test_a_wide_resonance_does_not_share(toy):
    """Gamma/m of the A' is 2.6% at alpha_D = 0.1 (physics of the doublet): alpha_D counts there."""
    plan = plan_points(toy, "idm", alpha_D=[0.1, 0.01, 0.005], epsilon=[1e-3, 1e-3, 1e-4])
    by_alpha = {point.parameters["alpha_D"]: point for point in points_of(plan)}
    assert by_alpha[0.1].wide == ("ap",)
    assert by_alpha[0.01].wide == by_alpha[0.005].wide == ()
    assert by_alpha[0.01].sample_id == by_alpha[0.005].sample_id != by_alpha[0.1].sample_id
    wide = next(s for s in samples_of(plan) if s.id == by_alpha[0.1].sample_id)
    assert wide.parameters["alpha_D"] == 0.1
    assert wide.parameters["epsilon"] == 1e-3


def test_couplings_that_do_not_make_the_width_still_share_where_it_is_wide(toy):
    """The A' width moves by 1e-7 with epsilon and theta: they share even at alpha_D = 0.1."""
    plan = plan_points(toy, "idm", alpha_D=[0.1] * 4, epsilon=[1e-4, 1e-3] * 2,
                       theta=[1e-5, 1e-5, 1e-4, 1e-4])  # fmt: skip
    assert len(samples_of(plan)) == 1


def test_a_kinematic_edge_within_five_widths_does_not_share(toy):
    """At m_A' + m_h' a few widths below sqrt(s) the line shape is cut, and alpha_D counts."""
    far = plan_points(toy, "idm", m_ap=[9.0], m_chi1=3.0, m_hp=0.5, alpha_D=0.002)
    near = plan_points(toy, "idm", m_ap=[10.04], m_chi1=3.0, m_hp=0.5, alpha_D=0.03)
    assert points_of(far)[0].wide == ()
    assert "ap" in points_of(near)[0].wide


def test_a_narrow_particle_at_a_smeared_edge_still_shares(toy):
    """Where the A' smears A' -> chi1 chi2, the 1e-15 GeV of the chi2 do not count."""
    plan = plan_points(toy, "idm", m_ap=[1.5, 1.5], m_chi1=0.5, delta_m=0.3, alpha_D=0.1,
                       epsilon=[1e-4, 1e-3])  # fmt: skip
    assert points_of(plan)[0].wide == ("ap",)
    assert len(samples_of(plan)) == 1


def test_rejections_say_why(toy):
    """A closed point, a broken constraint and a missing coupling each name their reason."""
    closed = plan_points(toy, "zprime", m_zp=[10.4])
    assert "kinematically closed" in closed.rejected[0].reason
    assert "10.58" in closed.rejected[0].reason
    constraint = plan_points(toy, "idm", m_ap=[1.5])
    assert "m_ap > 2*m_chi1 + delta_m" in constraint.rejected[0].reason
    coupling = plan_points(toy, "dark_higgs", "bu_k_hp", theta=[0.0])
    assert "theta" in coupling.rejected[0].reason
    generator = plan_points(toy, "zprime", m_zp=[6.66, 2.0])
    assert len(samples_of(generator)) == 1
    together = plan_points(toy, "zprime", m_chi=[0.1])
    assert "go together" in together.rejected[0].reason


def test_only_open_channels_are_made(toy):
    """Below the muon threshold six_leptons holds electrons only; above it all four channels."""
    plan = plan_points(toy, "dark_higgs", "six_leptons", m_ap=[0.15, 1.0], m_hp=[0.4, 3.0])
    channels = [[c.name for c in batch.definition.process.channels] for batch in plan.batches]
    assert sorted(map(len, channels)) == [1, 4]
    assert ["6e"] in channels


def test_sqrt_s_moves_the_kinematic_bounds(toy):
    """At the Upsilon(5S) a heavier Z' is open."""
    assert plan_points(toy, "zprime", m_zp=[10.5]).rejected
    assert not plan_points(toy, "zprime", m_zp=[10.5], given={"sqrt_s": 10.86}).rejected


def test_lifetime_in_the_generator_makes_couplings_shape_events(toy):
    """With lifetime: generator the coupling is in the events, so samples differ."""
    plan = plan_points(toy, "zprime", g_prime=[1e-4, 1e-3], given={"lifetime": "generator"})
    assert len(samples_of(plan)) == 2


def test_prose_does_not_enter_an_id(toy):
    """Descriptions, bounds and other processes can change; couplings cannot."""
    before = samples_of(plan_points(toy, "zprime", m_zp=[2.0]))[0].id
    path = toy / "zprime.yaml"
    text = path.read_text()
    other = toy.parent / "other"
    other.mkdir()
    prose = text.replace("mass of the Z'", "its mass").replace("maximum: 3.5449077", "maximum: 3")
    (other / "zprime.yaml").write_text(prose)
    assert samples_of(plan_points(other, "zprime", m_zp=[2.0]))[0].id == before
    physics = toy.parent / "physics"
    physics.mkdir()
    (physics / "zprime.yaml").write_text(
        text.replace(
            "mumu_zp: {particles: [mu+, mu-, zp], lorentz: FFV, coupling: g_prime}",
            "mumu_zp: {particles: [mu+, mu-, zp], lorentz: FFV, coupling: 2*g_prime}",
        )
    )
    assert samples_of(plan_points(physics, "zprime", m_zp=[2.0]))[0].id != before


def test_a_model_can_grow_without_orphaning_samples(toy):
    """A new shape parameter at the default with which it comes leaves ids as they were."""
    before = samples_of(plan_points(toy, "zprime", m_zp=[2.0]))[0].id
    grown = toy.parent / "grown"
    grown.mkdir()
    text = (toy / "zprime.yaml").read_text()
    text = text.replace("  m_chi:\n", "  twist: {default: 0.5, description: new}\n  m_chi:\n", 1)
    text = text.replace("{m_zp: shape,", "{m_zp: shape, twist: shape,")
    (grown / "zprime.yaml").write_text(text)
    assert samples_of(plan_points(grown, "zprime", m_zp=[2.0]))[0].id == before
    assert samples_of(plan_points(grown, "zprime", m_zp=[2.0], twist=0.6))[0].id != before


def test_model_constants_give_other_ids(toy):
    """q_phi = 1 in place of 2 is another h' A' A' coupling, and another sample."""
    two, one = (
        samples_of(plan_points(toy, "idm", m_hp=[0.5], constants=constants))[0].id
        for constants in ({}, {"q_phi": 1.0})
    )
    assert two != one


@pytest.mark.parametrize(
    ("before", "after", "axes"),
    [
        ("default: 1.0\n", "default: 1.5\n", {"m_zp": [1.0]}),
        ("reference: 1.0e-3\n", "reference: 2.0e-3\n", {"g_prime": [1e-3]}),
    ],
)
def test_what_leaving_a_parameter_out_means_is_in_the_id(toy, before, after, axes):
    """Another default or another reference makes other ids: what they leave out is not the same."""
    path = toy / "zprime.yaml"
    old = samples_of(plan_points(toy, "zprime", **axes))
    other = toy.parent / "other"
    other.mkdir()
    (other / "zprime.yaml").write_text(path.read_text().replace(before, after, 1))
    new = samples_of(plan_points(other, "zprime", **axes))
    assert old[0].id != new[0].id


def test_an_open_heavy_channel_does_not_share(toy):
    """Where h' -> A'A' opens, the h' is wide: m_ap and alpha_D count in B -> K h' as well."""
    plan = plan_points(toy, "dark_higgs", "bu_k_hp/mumu", m_ap=[0.3, 3.0], m_hp=1.0, theta=1e-4)
    first, second = points_of(plan)
    assert first.wide == ("hp",)
    assert first.sample_id != second.sample_id


def shares_of(folder, process, parameters):
    """Return what the channels that are open have of their sum, at the parameters of a sample."""
    model = load_model("dark_higgs", folder)
    columns = {name: np.array([value]) for name, value in parameters.items()}
    fractions = [channel.fraction for channel in find_process(model, process).channels]
    values = np.nan_to_num(np.ravel(Deriver(model).evaluate(fractions, columns)))
    return values / values.sum()


def test_another_mixture_of_channels_does_not_share(toy):
    """B -> K h' at 0.3 GeV: with little mixing the loops make muons, and no factor makes pions.

    The shares from the widths by hand: the mixing at tree level, the pions from the form factor,
    and the loop from its definition as a double integral.
    """
    m, m_v, alpha, alpha_d, v = 0.3, 0.35, 1 / 137.035999, 0.5, value("v_higgs")

    def width(m_l, theta, epsilon):
        x_l, x_h = (m_l / m_v) ** 2, (m / m_v) ** 2
        loop = dblquad(
            lambda z, y: (2 - y - z) / ((1 - y - z) ** 2 * x_l + y + z - y * z * x_h),
            *(0, 1, 0, lambda y: 1 - y),
        )[0]
        beta3 = (1 - (2 * m_l / m) ** 2) ** 1.5
        induced = alpha_d * (alpha * epsilon**2 * m_l * loop / (np.pi * m_v)) ** 2 * m * beta3 / 2
        return induced + (np.sin(theta) * m_l / v) ** 2 * m * beta3 / (8 * np.pi)

    axes = {"theta": [1e-4, 1e-4, 1e-8, 1e-8], "epsilon": [1e-3, 3e-2] * 2}
    plan = plan_points(toy, "dark_higgs", "bu_k_hp", m_hp=m, m_ap=m_v, alpha_D=alpha_d, **axes)
    found = {sample.id: sample for sample in samples_of(plan)}
    assert len(found) == 4
    muons = []
    for point in points_of(plan):
        theta, epsilon = point.parameters["theta"], point.parameters["epsilon"]
        pions = higgs_pipi_charged_width(m, theta, value("m_pi"), v)
        electron, muon = (width(value(name), theta, epsilon) for name in ("m_e", "m_mu"))
        expected = np.array([muon, electron, pions, 0.0]) / (muon + electron + pions)
        got = shares_of(toy, "bu_k_hp", found[point.sample_id].parameters)
        assert got == pytest.approx(expected, abs=1e-3)
        muons.append(got[0])
    assert muons[0] < 0.3
    assert min(muons[1:]) > 0.998


@pytest.mark.parametrize("process", ["bu_k_hp", "b0_kstar_hp"])
def test_the_mixture_at_a_point_is_that_of_its_sample(toy, process):
    """Over masses and couplings at random no share of a channel is off by more than 1e-3."""
    rng = np.random.default_rng(5)
    axes = {
        "m_hp": rng.uniform(0.25, 1.9, 300),
        "m_ap": rng.uniform(0.2, 4.0, 300),
        **{
            name: 10 ** rng.uniform(*span, 300)
            for name, span in {"theta": (-9, -2), "epsilon": (-4, -1), "alpha_D": (-3, 0)}.items()
        },
    }
    plan = plan_points(toy, "dark_higgs", process, **axes)
    found = {sample.id: sample.parameters for sample in samples_of(plan)}
    points = points_of(plan)
    assert len(points) > 200
    for point in points:
        here = shares_of(toy, process, point.parameters)
        assert here == pytest.approx(shares_of(toy, process, found[point.sample_id]), abs=1e-3)


def test_couplings_that_leave_the_mixture_alone_still_share(toy):
    """With a heavy A' the mixing makes the h' alone: theta and epsilon only scale the rate."""
    axes = {"theta": [1e-4, 1e-5, 1e-3, 1e-4], "epsilon": [1e-3, 1e-3, 1e-3, 1e-4]}
    (sample,) = samples_of(plan_points(toy, "dark_higgs", "bu_k_hp", m_hp=0.6, **axes))
    assert sample.parameters["theta"] == 1e-4
    assert sample.parameters["epsilon"] == 1e-3
    # a single channel has no mixture
    axes = {"theta": [1e-4, 1e-8], "m_ap": 0.35, "alpha_D": 0.5}
    assert len(samples_of(plan_points(toy, "dark_higgs", "bu_k_hp/mumu", m_hp=0.3, **axes))) == 1


@given_by(
    st.lists(
        st.tuples(*[st.one_of(st.floats(allow_subnormal=True), st.sampled_from([1.0, 0.3]))] * 3),
        min_size=1,
    )
)
def test_json_of_rows(rows):
    """The quick writer of JSON objects says what the encoder of the library says."""
    columns = {
        name: np.array(column) for name, column in zip("zaM", zip(*rows, strict=True), strict=True)
    }
    plain = [dict(zip("zaM", row, strict=True)) for row in rows]
    finite = [{k: v for k, v in row.items() if math.isfinite(v)} for row in plain]
    assert [json.loads(text) for text in json_rows(columns)] == finite
    null = [{k: v if math.isfinite(v) else None for k, v in row.items()} for row in plain]
    compact = [json.dumps(row, separators=(",", ":")) for row in null]
    assert [json.loads(text) for text in json_rows(columns, null=True)] == null
    if not any(math.copysign(1, v) < 0 and v == 0 for row in rows for v in row):
        assert json_rows(columns, null=True) == compact
