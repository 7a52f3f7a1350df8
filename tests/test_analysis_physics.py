"""Analyses: limits against numbers worked out by hand."""

import numpy as np
import pytest
from analysis_world import IDM as IDM_WORLD
from analysis_world import ZPRIME, Toy, analysis_in, changed, cls_limit, counting, settle
from scipy.optimize import brentq

from mcbook.analysis import run
from mcbook.analysis.digest import referenced
from mcbook.analysis.generated import GeneratedRates
from mcbook.errors import InputError
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import load_model

L, EFFICIENCY = 79.7, 0.06

PIPI = """\
  pipi:
    process: hp_pipi_chi2_ee
    efficiency: {map: b.csv, axes: [ctau_chi2]}
    background: 0
rate:"""
IDM = changed(IDM_WORLD, ("rate:", PIPI))


@pytest.fixture
def read(tmp_path):
    """Return a function that reads an analysis from text, with replacements."""

    def read_text(text, *changes):
        return analysis_in(tmp_path, text, *changes)

    return read_text


def flat(value):
    """Return a map with the same efficiency everywhere."""
    return {"recoil": Toy(lambda **axes: np.full(Toy.size(axes), value))}


def solve(analysis, maps, **options):
    """Return the limits of an analysis."""
    return settle(analysis, maps=maps, upper_limits=counting, **options).document()["limits"]


def sigma_br(mass, coupling, **others):
    """Return cross section [fb] and invisible fraction of the Z'."""
    found = Deriver(load_model("zprime")).compute(
        {"m_zp": np.array([mass]), "g_prime": np.array([coupling]),
         **{name: np.array([value]) for name, value in others.items()}},
        ["xsec_mumu_zp", "br_zp_inv"],
    )  # fmt: skip
    return float(found["xsec_mumu_zp"][0]), float(found["br_zp_inv"][0])


@pytest.mark.parametrize("luminosity", [365, 1e-3])
def test_lifetimes_that_no_map_knows(read, luminosity):
    """A limit on epsilon where the chi2 flies says so, unless the map has its lifetime."""
    axes = "axes: [m_chi1, ctau_chi2]"
    some = ("365", f"{luminosity:g}"), ("[1e-6, 0.1]", "[1e-6, 1]")
    known = {"mumu": Toy(lambda m_chi1, ctau_chi2: 0.1 + 0 * m_chi1 * ctau_chi2)}
    rows = solve(read(IDM_WORLD, *some), known)
    assert not any("lifetime:chi2" in row["flags"] for row in rows)
    rows = solve(
        read(IDM_WORLD, (axes, "axes: [m_chi1]"), *some), {"mumu": Toy(lambda m_chi1: 0.1 * m_chi1)}
    )
    for row in rows:
        point = row["parameters"] | {"epsilon": row["rate"]["expected"][2]}
        columns = {name: np.array([value]) for name, value in point.items()}
        flies = Deriver(load_model("idm")).compute(columns, ["ctau_chi2"])["ctau_chi2"][0]
        assert ("lifetime:chi2" in row["flags"]) == (flies > 0.1) == (luminosity > 1)


def test_scanned_lifetimes_that_no_map_knows(read):
    """A scan of epsilon moves the lifetime of the chi2 away from that of the samples."""
    scan = ("scan: {m_chi1: [0.8, 1.0]}", "scan: {epsilon: [1e-4, 1e-3, 1e-1]}"), (
        "alpha_D: 0.1,", "alpha_D: 0.1, m_chi1: 1,"
    )  # fmt: skip
    strength = ("rate: {limit: epsilon, range: [1e-6, 0.1]}", "rate: mu")
    blind = ("axes: [m_chi1, ctau_chi2]", "axes: [m_chi1]")
    rows = solve(
        read(IDM_WORLD, *scan, strength, blind), {"mumu": Toy(lambda m_chi1: 0.1 * m_chi1)}
    )
    flagged = ["lifetime:chi2" in row["flags"] for row in rows]
    assert flagged == [True, False, False]  # 1e-3 is the reference, and at 0.1 it is prompt
    known = {"mumu": Toy(lambda m_chi1, ctau_chi2: 0.1 * m_chi1 + 0 * ctau_chi2)}
    rows = solve(read(IDM_WORLD, *scan, strength), known)
    assert not any("lifetime:chi2" in row["flags"] for row in rows)
    with_axis = ("axes: [m_chi1, ctau_chi2]", "axes: [epsilon]")
    rows = solve(
        read(IDM_WORLD, *scan, strength, with_axis), {"mumu": Toy(lambda epsilon: 0.1 + epsilon)}
    )
    assert not any("lifetime:chi2" in row["flags"] for row in rows)


def test_no_events_no_background(read):
    """The g' limit is sqrt(2.303 / (L sigma(g'=1) BR efficiency)); sigma from the literature."""
    # Born cross sections at g' = 0.01 [fb] and invisible fractions, worked out elsewhere.
    known = {0.1: (56.78, 1.0), 1.0: (9.956, 0.5002), 3.0: (1.371, None), 5.0: (0.2025, 0.3471)}
    for row in solve(read(ZPRIME), flat(EFFICIENCY), unblinded=True):
        mass = row["parameters"]["m_zp"]
        sigma, fraction = known[mass]
        fraction = fraction or sigma_br(mass, 0.01)[1]
        wanted = np.sqrt(-np.log(0.1) / (L * sigma * 1e4 * fraction * EFFICIENCY))
        assert row["rate"]["observed"] == pytest.approx(wanted, rel=1e-3)
        assert row["rate"]["expected"] == pytest.approx([wanted] * 5, rel=1e-3)
        assert row["observed_events"] == pytest.approx(2.302585, rel=1e-6)
        assert row["sigma_fb"]["observed"] == pytest.approx(
            2.302585 / (L * EFFICIENCY * fraction), rel=1e-3
        )
        assert row["sigma_br_fb"]["observed"] == pytest.approx(
            2.302585 / (L * EFFICIENCY), rel=1e-6
        )
        assert row["rate"]["kind"] == "upper limit"
        assert row["rate"]["closed_form"]
        assert row["flags"] == ["interpolated"]


@pytest.mark.parametrize(("background", "power"), [(1e4, 0.25), (0, 0.5)])
def test_scaling_with_luminosity(read, background, power):
    """Couplings improve as L^-1/4 on background and as L^-1/2 without, cross sections twice so."""
    more = 362 / 79.7
    limits = []
    for factor in (1, more):
        changes = [
            ("value: 79.7", f"value: {79.7 * factor}"),
            ("background: 0", f"background: {background * factor}"),
        ]
        row = solve(read(ZPRIME, *changes), flat(EFFICIENCY))[1]
        limits.append((row["rate"]["expected"][2], row["sigma_fb"]["expected"][2]))
    coupling, sigma = (after / before for before, after in zip(*limits, strict=True))
    assert coupling == pytest.approx(more**-power, rel=5e-3)
    assert sigma == pytest.approx(coupling**2, rel=1e-6)
    assert more**-0.5 == pytest.approx(0.469, abs=1e-3)
    assert more**-0.25 == pytest.approx(0.685, abs=1e-3)


def test_branching_fraction_that_moves_with_the_coupling(read):
    """With a chi open BR(inv) depends on g': the limit is the root of N(g') = 2.303."""
    analysis = read(
        ZPRIME,
        ("scan: {m_zp: [0.1, 1, 3, 5]}", "scan: {m_zp: [1, 3]}"),
        ("rate: g_prime", "fixed: {m_chi: 0.2, alpha_D: 1e-7}\nrate: g_prime"),
    )
    for row in solve(analysis, flat(EFFICIENCY)):
        mass = row["parameters"]["m_zp"]

        def excess(log_g, mass=mass):
            sigma, fraction = sigma_br(mass, np.exp(log_g), m_chi=0.2, alpha_D=1e-7)
            return L * sigma * fraction * EFFICIENCY + np.log(0.1)

        wanted = np.exp(brentq(excess, np.log(1e-5), 0))
        found = row["rate"]["expected"][2]
        assert not row["rate"]["closed_form"]
        assert row["rate"]["kind"] == "upper limit"
        assert found == pytest.approx(wanted, rel=1e-6)
        # and it is not what a fixed fraction would give
        _, at_reference = sigma_br(mass, 1e-3, m_chi=0.2, alpha_D=1e-7)
        assert sigma_br(mass, found, m_chi=0.2, alpha_D=1e-7)[1] != pytest.approx(
            at_reference, rel=1e-2
        )


def test_fraction_by_hand(read):
    """``branching`` stands in for the model: BR(inv) = 1 gains the square root of the fraction."""
    pure = solve(read(ZPRIME), flat(EFFICIENCY))
    all_unseen = solve(
        read(ZPRIME, ("cl: 0.90", "cl: 0.90\nbranching: {br_zp_inv: 1}")), flat(EFFICIENCY)
    )
    for with_fraction, without in zip(pure, all_unseen, strict=True):
        fraction = sigma_br(with_fraction["parameters"]["m_zp"], 0.01)[1]
        ratio = without["rate"]["expected"][2] / with_fraction["rate"]["expected"][2]
        assert ratio == pytest.approx(np.sqrt(fraction), rel=1e-9)


def window(ctau, first=10.0, last=600.0, boost=1.2):
    """Return the probability to decay between two lengths [mm]."""
    return np.exp(-first / (boost * ctau)) - np.exp(-last / (boost * ctau))


def idm_events(mass, epsilon, pipi):
    """Return the expected events of the toy, from the registry's quantities one by one."""
    names = ["xsec_ap_hp", "br_ap_chi1chi2", "br_chi2_ee", "br_hp_mumu", "br_hp_pipi", "ctau_chi2"]
    columns = {
        "m_chi1": mass, "epsilon": epsilon, "m_ap": 3 * mass, "delta_m": 0.4 * mass,
        "alpha_D": 0.1, "theta": 1e-4, "m_hp": 0.6,
    }  # fmt: skip
    found = Deriver(load_model("idm")).compute(
        {name: np.array([value]) for name, value in columns.items()}, names
    )
    xsec, br_chi, br_ee, mumu, pions, ctau = (float(found[name][0]) for name in names)
    both = mumu * 0.02 * mass + pions * pipi
    return 365 * xsec * br_chi * br_ee * both * window(ctau) + 1e-30


def test_island(read):
    """A long-lived chi2 is excluded between two couplings, which are the roots of N = 2.996."""
    maps = {
        "mumu": Toy(lambda m_chi1, ctau_chi2: 0.02 * m_chi1 * window(ctau_chi2)),
        "pipi": Toy(lambda ctau_chi2: 0.01 * window(ctau_chi2)),
    }
    for row in solve(read(IDM), maps):
        mass = row["parameters"]["m_chi1"]

        def excess(log_epsilon, mass=mass):
            return np.log(idm_events(mass, np.exp(log_epsilon), 0.01) / -np.log(0.05))

        scan = np.log(np.geomspace(1e-6, 0.1, 60))
        signs = np.sign([excess(x) for x in scan])
        edges = [
            np.exp(brentq(excess, scan[i], scan[i + 1])) for i in np.flatnonzero(np.diff(signs))
        ]
        assert len(edges) == 2
        (island,) = row["rate"]["expected"][2]
        assert island == pytest.approx(edges, rel=1e-6)
        assert row["rate"]["open"]["expected"][2] == [["", ""]]
        assert row["rate"]["kind"] == "intervals"
        assert edges[1] > 3 * edges[0]


def test_map_that_ends_within_the_island(read):
    """Where the map refuses nothing is excluded, and the end says that it is none."""
    maps = {
        "mumu": Toy(lambda m_chi1, ctau_chi2: 0.02 * m_chi1 * window(ctau_chi2),
                    refuse=lambda ctau_chi2, **_: ctau_chi2 > 30),
        "pipi": Toy(lambda ctau_chi2: 0.0 * ctau_chi2),
    }  # fmt: skip
    row = solve(read(IDM), maps)[1]
    (island,) = row["rate"]["expected"][2]
    model = Deriver(load_model("idm"))
    columns = {n: np.array([v]) for n, v in row["parameters"].items()}
    ctau = model.compute(columns | {"epsilon": np.array([island[0]])}, ["ctau_chi2"])["ctau_chi2"]
    assert ctau[0] <= 30
    assert row["rate"]["open"]["expected"][2] == [["unknown", ""]]
    assert "partly refused" in row["flags"]


def test_one_refused_channel_refuses_the_hypothesis(read):
    """No channel is dropped silently where its map does not answer."""
    maps = {"recoil": Toy(lambda m_zp: 0 * m_zp + 0.06, refuse=lambda m_zp: m_zp > 2)}
    rows = solve(read(ZPRIME), maps)
    assert [row["rate"]["expected"][2] is None for row in rows] == [False, False, True, True]
    assert rows[2]["status"] == "outside the map"
    assert rows[2]["flags"] == ["refused"]
    assert rows[2]["efficiency"] == {"recoil": None}


def test_free_lifetime(read):
    """A lifetime as an axis: cross-section limits follow the map, whatever the couplings."""
    analysis = read(
        IDM,
        ("rate: {limit: epsilon, range: [1e-6, 0.1]}", "rate: sigma_br"),
        ("scan: {m_chi1: [0.8, 1.0]}", "scan: {m_chi1: [0.8, 1.0], ctau_chi2: [5, 50, 500]}"),
        (("  pipi:\n    process: hp_pipi_chi2_ee\n    efficiency: {map: b.csv, axes: [ctau_chi2]}\n"
          "    background: 0\n"), ""),
    )  # fmt: skip
    maps = {"mumu": Toy(lambda m_chi1, ctau_chi2: 0.02 * m_chi1 * window(ctau_chi2))}
    result = run(analysis, maps=maps, upper_limits=counting)
    for row in result.document()["limits"]:
        mass, ctau = row["parameters"]["m_chi1"], row["parameters"]["ctau_chi2"]
        wanted = -np.log(0.05) / (365 * 0.02 * mass * window(ctau))
        assert row["rate"]["expected"][2] == pytest.approx(wanted, rel=1e-9)
    plane = result.plane()
    assert (plane.x_name, plane.y_name) == ("m_chi1", "ctau_chi2")
    assert plane.log10_mu["expected"].shape == (2, 3)
    assert not plane.mask.any()


B_DECAY = """
schema: 1
name: bkh
model: dark_higgs
cl: 0.95
n_bb: {value: 198e6, relative_error: 0}
channels:
  mumu:
    process: bu_k_hp/mumu
    efficiency: {map: map.csv, axes: [m_hp]}
    background: 0
rate: br
scan: {m_hp: [0.5]}
fixed: {theta: 1e-4}
"""


@pytest.mark.parametrize(
    ("process", "share"), [("bu_k_hp", 0.540 / 1.050), ("b0_kstar_hp", 0.510 / 1.050)]
)
def test_b_decays(read, process, share):
    """Events are N_BB x (charged or neutral share) x 2 x BR x efficiency."""
    analysis = read(B_DECAY, ("bu_k_hp/mumu", f"{process}/mumu"))
    maps = {"mumu": Toy(lambda m_hp: 0 * m_hp + 0.1)}
    (row,) = solve(analysis, maps)
    product = -np.log(0.05) / (198e6 * share * 2 * 0.1)
    assert row["rate"]["expected"][2] == pytest.approx(product, rel=1e-9)
    assert row["sigma_fb"]["expected"] == [None] * 5


def test_b_decays_to_theta(read):
    """The limit on theta follows from BR(B+ -> K+ h') = 0.38 theta^2 at 0.3 GeV."""
    analysis = read(
        B_DECAY, ("rate: br", "rate: {limit: theta, range: [1e-7, 1e-2]}"), ("[0.5]", "[0.3]"),
        ("fixed: {theta: 1e-4}", "fixed: {m_ap: 3, epsilon: 0}"),
    )  # fmt: skip
    (row,) = solve(analysis, {"mumu": Toy(lambda m_hp: 0 * m_hp + 0.1)})
    model = Deriver(load_model("dark_higgs"))
    columns = {"m_hp": np.array([0.3]), "theta": np.array([1e-4]), "m_ap": np.array([3.0]),
               "epsilon": np.array([0.0]), "alpha_D": np.array([0.1])}  # fmt: skip
    mumu = float(model.compute(columns, ["br_hp_mumu"])["br_hp_mumu"][0])
    parent = float(model.compute(columns, ["br_bu_k_hp"])["br_bu_k_hp"][0]) / 1e-8
    assert parent == pytest.approx(0.38, rel=0.15)  # the formula, within its inputs
    wanted = np.sqrt(-np.log(0.05) / (198e6 * 0.54 / 1.05 * 2 * 0.1 * parent * mumu))
    assert row["rate"]["expected"][2] == pytest.approx(wanted, rel=1e-4)


STRAHLUNG = """
schema: 1
name: strahlung
model: dark_higgs
cl: 0.90
luminosity: {value: 8.34, relative_error: 0}
samples: {alpha: 1/137.035999, isr: none}
channels:
  mumu:
    process: mumu_inv
    efficiency: {map: map.csv, axes: [m_ap]}
    background: 0
rate: epsilon**2 * alpha_D
scan: {m_ap: [4, 6]}
fixed: {m_hp: 1}
"""


def test_product_of_couplings(read):
    """The limit on epsilon^2 alpha_D scales the cross section 7.4301 fb at (4, 1) GeV."""
    row = solve(read(STRAHLUNG), {"mumu": Toy(lambda m_ap: 0 * m_ap + 0.1)})[0]
    model = Deriver(load_model("dark_higgs"))
    columns = {n: np.array([v]) for n, v in row["parameters"].items()}
    mumu = float(model.compute(columns, ["br_ap_mumu"])["br_ap_mumu"][0])
    wanted = -np.log(0.1) / (8.34 * 0.1 * mumu * 7.4301 / (1e-6 * 0.1))
    assert row["rate"]["expected"][2] == pytest.approx(wanted, rel=1e-3)


def test_expression_that_does_not_decide(read):
    """An expression on which the signal does not depend alone is refused, with what to write."""
    analysis = read(STRAHLUNG, ("rate: epsilon**2 * alpha_D", "rate: epsilon * alpha_D"))
    maps = {"mumu": Toy(lambda m_ap: 0 * m_ap + 0.1)}
    with pytest.raises(InputError, match="does not follow from epsilon") as caught:
        run(analysis, maps=maps, upper_limits=counting)
    assert "vary: epsilon" in caught.value.hint
    free = read(
        STRAHLUNG,
        ("rate: epsilon**2 * alpha_D", "rate: {limit: epsilon * alpha_D, vary: epsilon}"),
    )
    row = solve(free, maps)[0]
    squared = solve(read(STRAHLUNG), maps)[0]
    # epsilon alpha_D at alpha_D = 0.1, from epsilon^2 alpha_D
    wanted = np.sqrt(squared["rate"]["expected"][2] / 0.1) * 0.1
    assert row["rate"]["expected"][2] == pytest.approx(wanted, rel=1e-6)


def test_wide_at_the_limit(read):
    """A limit at a coupling that makes the Z' wide is flagged, one at a narrow one is not."""
    analysis = read(
        ZPRIME,
        ("rate: g_prime", "rate: {limit: g_prime, range: [1e-5, 3.5]}"),
        ("scan: {m_zp: [0.1, 1, 3, 5]}", "scan: {m_zp: [1, 8]}"),
    )
    rows = solve(analysis, flat(0.002))
    assert rows[0]["rate"]["wide"]["expected"][2] == []
    assert rows[1]["rate"]["wide"]["expected"][2] == ["zp"]
    assert ["wide" in row["flags"] for row in rows] == [False, True]
    # Gamma / m = g^2 / 4 pi far above thresholds
    assert rows[1]["rate"]["expected"][2] ** 2 / (4 * np.pi) > 0.01


def test_beyond_the_scan(read):
    """A limit outside the range of couplings is no number, and says why."""
    narrow = read(ZPRIME, ("rate: g_prime", "rate: {limit: g_prime, range: [1e-5, 5e-4]}"))
    row = solve(narrow, flat(EFFICIENCY))[0]
    assert row["rate"]["expected"] == [None] * 5
    assert row["rate"]["note"]["expected"][0] == "nothing is excluded within the scan"
    high = read(ZPRIME, ("rate: g_prime", "rate: {limit: g_prime, range: [0.1, 1]}"))
    row = solve(high, flat(EFFICIENCY))[0]
    assert row["rate"]["note"]["expected"][0] == "the limit is below the scan"


def test_generated_cross_section(read):
    """A generator's cross section multiplies Born by their ratio, with its fractions once."""
    changes = [("isr: none", "isr: leading-log"),
               ("cl: 0.90", "cl: 0.90\nisr: leading-log\ncross_section: generator")]  # fmt: skip
    analysis = read(ZPRIME, *changes, ("mumu_inv", "mumu_mumu"), ("0.1, 1, 3, 5", "1, 3"))
    masses = np.array([1.0, 3.0])
    couplings = np.full(2, 1e-3)
    model = Deriver(load_model("zprime"))
    found = model.compute({"m_zp": masses, "g_prime": couplings}, ["xsec_mumu_zp", "br_zp_mumu"])
    written = found["xsec_mumu_zp"] * found["br_zp_mumu"]
    ratio = np.array([1.02, 0.96])
    generated = GeneratedRates(
        ("mumu_mumu",) * 2,
        {"m_zp": masses, "g_prime": couplings},
        written * ratio,
        written * 1e-3,
        1 / 137.035999,
        "leading-log",
        10.58,
    )
    rows = solve(analysis, flat(EFFICIENCY), generated=generated)
    for i, row in enumerate(rows):
        wanted = np.sqrt(-np.log(0.1) / (L * written[i] * 1e6 * ratio[i] * EFFICIENCY))
        assert row["rate"]["expected"][2] == pytest.approx(wanted, rel=1e-6)
    with pytest.raises(InputError, match="no cross sections of a generator"):
        run(analysis, maps=flat(EFFICIENCY), upper_limits=counting)


def test_generated_cross_section_from_a_table(read, tmp_path):
    """A table that a channel names gives the same as objects; what is wrong with it is told."""
    changes = [("isr: none", "isr: leading-log"),
               ("cl: 0.90", "cl: 0.90\nisr: leading-log\ncross_section: generator"),
               ("0.1, 1, 3, 5", "1, 2, 3"),
               ("    background: 0\n", "    background: 0\n    generated: xsec.csv\n")]  # fmt: skip
    couplings = {"g_prime": np.full(3, 1e-3)}
    model = Deriver(load_model("zprime"))
    born = model.compute({"m_zp": np.array([1.0, 2, 3]), **couplings}, ["xsec_mumu_zp"])
    born = born["xsec_mumu_zp"]
    table = tmp_path / "xsec.csv"
    head = "m_zp,cross_section_fb,cross_section_error_fb\n"
    table.write_text(
        head + f"1,{float(born[0] * 1.04)!r},0.001\n3,{float(born[2] * 1.0)!r},0.001\n"
    )
    analysis = read(ZPRIME, *changes, ("rate: g_prime", "rate: sigma"))
    assert table in set(referenced(analysis))
    rows = solve(analysis, flat(EFFICIENCY))
    for row, ratio, xsec in zip(rows, (1.04, 1.02, 1.0), born, strict=True):
        sigma = row["sigma_fb"]["expected"][2]
        fraction = row["sigma_br_fb"]["expected"][2] / sigma
        assert sigma == pytest.approx(-np.log(0.1) / (L * EFFICIENCY * fraction), rel=1e-6)
        assert row["expected"][2] == pytest.approx(sigma / (xsec * ratio), rel=1e-9)
    table.write_text(head.replace("m_zp", "m_pz") + "1,1,0\n")
    with pytest.raises(InputError, match="m_pz"):
        solve(read(ZPRIME, *changes), flat(EFFICIENCY))
    table.write_text(head + "1,-1,0\n")
    with pytest.raises(InputError, match="not above 0"):
        solve(read(ZPRIME, *changes), flat(EFFICIENCY))
    with pytest.raises(InputError, match="Born"):
        read(ZPRIME, changes[3])


def test_background_counts(read):
    """With background the limit is the exact one for its median."""
    row = solve(read(ZPRIME, ("background: 0", "background: 3.0")), flat(EFFICIENCY))[1]
    assert row["expected_events"][2] == pytest.approx(cls_limit(3, 3.0, 0.9), rel=1e-9)


def test_veto_and_constraint(read):
    """Vetoed hypotheses and those that the model forbids have no numbers, and say why."""
    analysis = read(
        ZPRIME,
        ("rate: g_prime", "vetoes: [{m_zp: [0.9, 1.1], reason: a resonance}]\nrate: g_prime"),
    )
    rows = solve(analysis, flat(EFFICIENCY))
    assert [row["flags"][0] for row in rows] == ["interpolated", "vetoed", *["interpolated"] * 2]
    assert rows[1]["status"] == "a resonance"
    assert rows[1]["rate"]["expected"] == [None] * 5
