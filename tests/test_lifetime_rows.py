"""From a selection's lifetimes and the books' displacement to rows that limits are made of."""

import csv
from pathlib import Path

import numpy as np
import pytest
from analysis_world import IDM, changed
from lifetime_toys import FAR, simulate, truth

from mcbook.analysis import read_analysis, run
from mcbook.efficiency import EfficiencyMap, Exponential, Flat, read_map
from mcbook.errors import InputError
from mcbook.registry.entries import Entries
from mcbook.registry.yamlfile import parse_text
from mcbook.selection.lifetime_rows import SelectedEvents, lifetime_rows
from mcbook.selection.lifetimefile import read_lifetimes

BLOCK = """\
lifetimes:
  chi2:
    proper: chi2_ct
    beta_gamma: chi2_bg
    unit: cm
    ctaus: {logspace: [10, 90, 3]}
    reach_mm: 300
  hp:
    axis: ctau_hp
    flight: hp_flight
    beta_gamma: hp_bg
    unit: mm
    ctaus: [5, 20, 60]
"""


def lifetimes(text=BLOCK):
    """Return what a selection says of lifetimes."""
    document = parse_text(text, "selection.yaml")
    return read_lifetimes(Entries(document, Path(), ()), document.data["lifetimes"])


def displacement(**ways):
    """Return what the books keep of a simulation."""
    return [
        {"name": name, "pdg_ids": [9000001], "mechanism": "GeneratedVertexDisplacer",
         "decay": None if way is None else {"kind": way[0], "length_mm": way[1]}}
        for name, way in ways.items()
    ]  # fmt: skip


def events(label, *, seed=0, size=20_000, **ways):
    """Return selected events of a simulation as ntuples have them."""
    kinds = {"exponential": Exponential, "flat": Flat}
    proposals = {name: kinds[kind](length) for name, (kind, length) in ways.items()}
    made = simulate(np.random.default_rng(seed), size, **proposals)
    columns = {}
    for name, decays in made.decays.items():
        columns |= {f"{name}_ct": decays.lengths / 10, f"{name}_bg": decays.boosts,
                    f"{name}_flight": decays.lengths * decays.boosts}  # fmt: skip
    return SelectedEvents(label, size, displacement(**ways), columns)


SAMPLE = "idm-0123456789ab"
THREE = [
    events(f"{SAMPLE}-s0000000a", seed=1, chi2=("exponential", 10), hp=("exponential", 60)),
    events(f"{SAMPLE}-s0000000b", seed=2, chi2=("exponential", 90), hp=("exponential", 20)),
    events(f"{SAMPLE}-s0000000c", seed=3, chi2=("flat", FAR), hp=("flat", FAR)),
]


def test_block():
    """Columns, units, lifetimes and reach are read."""
    chi2, hp = lifetimes()
    assert (chi2.axis, chi2.unit_mm, chi2.reach_mm) == ("ctau_chi2", 10, (0, 300))
    assert chi2.ctaus == pytest.approx((10, 30, 90))
    assert chi2.columns == ("chi2_ct", "chi2_bg")
    assert (hp.ctaus, hp.columns, hp.reach_mm) == ((5, 20, 60), ("hp_flight", "hp_bg"), None)
    lengths, boosts = hp.decays({"hp_flight": [3.0, 8.0], "hp_bg": [1.5, 2.0]})
    assert (lengths.tolist(), boosts.tolist()) == ([2.0, 4.0], [1.5, 2.0])
    lengths, _ = chi2.decays({"chi2_ct": [0.2], "chi2_bg": [1.0]})
    assert lengths.tolist() == [2.0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("proper: chi2_ct", "propper: chi2_ct", r"line 3 .*unknown key 'propper'"),
        ("    proper: chi2_ct\n", "", "either 'proper' or 'flight' is wanted"),
        ("proper: chi2_ct", "proper: chi2_ct\n    flight: a", "either 'proper' or 'flight'"),
        ("    beta_gamma: hp_bg\n", "", r"hp.flight\): 'beta_gamma' is needed with it"),
        ("unit: cm", "unit: m", "'m' is not one of mm, cm"),
        ("    unit: cm\n", "", "the key 'unit' is missing"),
        ("[5, 20, 60]", "[5, -20, 60]", "lifetimes are above 0"),
        ("[5, 20, 60]", "[5, 20, 5]", "entries 1 and 3 are the same"),
        ("reach_mm: 300", "reach_mm: [300, 100]", "shortest and the longest"),
        ("axis: ctau_hp", "axis: ctau_chi2", "is the axis of two particles"),
    ],
)
def test_bad_blocks(old, new, said):
    """What cannot be is an error with its line."""
    with pytest.raises(InputError, match=said):
        lifetimes(BLOCK.replace(old, new))
    with pytest.raises(InputError, match="a mapping of particles"):
        lifetimes("lifetimes: []")


def test_rows_of_two_particles(tmp_path):
    """Rows have the known efficiencies, and a table of them is a map of shared events."""
    made = lifetime_rows(lifetimes(), THREE, sample_id=SAMPLE, region="mumu")
    assert not made.refused
    assert made.told(SAMPLE) == ""
    assert len(made.rows) == 9
    path = tmp_path / "efficiency.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(made.rows[0]))
        writer.writeheader()
        writer.writerows(made.rows)
    found = read_map(path, region="mumu", axes=["ctau_chi2", "ctau_hp"])
    nodes = found.nodes
    wanted = np.array([truth(a) * truth(b) for a, b in nodes.points])
    assert np.abs((nodes.efficiency - wanted) / nodes.mc_error).max() < 3.5
    assert (nodes.sumw_generated == 60_000).all()
    assert nodes.is_reweighted.all()
    at = found.evaluate({"ctau_chi2": [30, 50], "ctau_hp": [20, 30]})
    assert list(at.flag) == ["reweighted", "reweighted"]
    assert at.mc_error[1] >= nodes.mc_error.min()  # the same events: no averaging


def test_what_is_left_out_is_told():
    """Lifetimes that no simulation covers are left out with a reason; what was counted stays."""
    (chi2, _) = lifetimes()
    one = SelectedEvents("s1", 20_000, displacement(chi2=("exponential", 10), hp=None),
                         THREE[0].columns)  # fmt: skip
    made = lifetime_rows([chi2], [one], sample_id=SAMPLE, region="all", parameters={"m_chi1": 1.0})
    assert [row["ctau_chi2"] for row in made.rows] == [10]
    assert made.rows[0]["n_selected"] == made.rows[0]["sumw"] == len(one.columns["chi2_ct"])
    assert (made.rows[0]["sample_id"], made.rows[0]["m_chi1"]) == ("s1", 1.0)
    assert made.told("s1").startswith("s1: 2 of 3 lifetimes are left out: ctau_chi2 = 30 mm: more")
    (node,) = EfficiencyMap.from_records(made.rows, axes=["ctau_chi2"]).nodes.efficiency
    assert node == len(one.columns["chi2_ct"]) / 20_000


def test_lifetimes_of_the_generator():
    """Where the generator drew lifetimes the books know them from the sample."""
    (chi2, _) = lifetimes(BLOCK.replace("[10, 90, 3]", "[7, 14, 2]"))
    by_generator = [{"name": "chi2", "pdg_ids": [1], "mechanism": "generator", "decay": None}]
    one = events("s1", chi2=("exponential", 10))
    same = SelectedEvents("s1", one.n_generated, by_generator, one.columns, {"chi2": 10.0})
    first, second = (lifetime_rows([chi2], [made], sample_id=SAMPLE, region="all")
                     for made in (one, same))  # fmt: skip
    assert first == second
    assert len(first.rows) == 2


def test_bad_simulations():
    """What the books say and what the events are has to agree."""
    (chi2, hp) = lifetimes()
    first = THREE[0]

    def said(match, *displacements, wanted=(chi2,), columns=first.columns):
        made = [SelectedEvents(f"s{i}", 20_000, displacement(**ways), columns)
                for i, ways in enumerate(displacements)]  # fmt: skip
        with pytest.raises(InputError, match=match):
            lifetime_rows(wanted, made, sample_id=SAMPLE, region="all")

    ten = {"chi2": ("exponential", 10)}
    said("says nothing of others", {"chi2": ("fixed", 10)})
    said("decays at once", {"chi2": None})
    said("no particle chi2 decays in it", {"chi1": ("exponential", 10)})
    said("s0 and s1 displace hp differently", ten | {"hp": ("exponential", 2)}, ten | {"hp": None})
    said("no simulation to reweight")
    said("were simulated", {"chi2": ("flat", 30)})
    broken = dict(first.columns) | {"chi2_ct": np.full(len(first.columns["chi2_ct"]), np.nan)}
    said(r"lifetimes.chi2\): chi2_ct is nan in .* selected events", ten, columns=broken)
    broken = dict(first.columns) | {"hp_bg": np.zeros(len(first.columns["hp_bg"]))}
    said("beta gamma above 0", {"hp": ("exponential", 60)}, wanted=(hp,), columns=broken)


LIMIT = (
    ("rate: {limit: epsilon, range: [1e-6, 0.1]}", "rate: sigma"),
    ("[0.8, 1.0]", "[1.0], epsilon: [1.0e-3]"),
)


def test_limits_read_the_rows(tmp_path, monkeypatch):
    """A limit takes its efficiency from rows over mass and lifetime."""
    monkeypatch.chdir(tmp_path)
    block = BLOCK[: BLOCK.index("  hp:")].replace("[10, 90, 3]", "[0.5, 400, 12]")
    (chi2,) = lifetimes(block)
    made = [events(f"s{i}", seed=i, size=50_000, chi2=way)
            for i, way in enumerate([("exponential", 2), ("flat", FAR)])]  # fmt: skip
    rows = []
    for mass in (0.8, 1.2):
        of = {"sample_id": f"m{mass}", "region": "all", "parameters": {"m_chi1": mass}}
        rows += lifetime_rows([chi2], made, **of).rows
    assert len(rows) == 24
    with Path("a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    Path("idm.yaml").write_text(changed(IDM, *LIMIT))
    found = run(read_analysis("idm.yaml"))
    of = found.limits.yields["mumu"]
    ctau = 29.11  # [mm] of chi2, see the tests of its width
    error = np.hypot(of.mc_error[0], of.interpolation_error[0])  # relative
    assert abs(of.efficiency[0] / truth(ctau) - 1) < 4 * error < 0.3
    assert of.flag[0] == "reweighted"
    assert np.isfinite(found.limits.mu[0]).any()
