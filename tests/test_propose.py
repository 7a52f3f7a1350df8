"""Where to produce next: proposals are grids, help, and know what is there."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import yaml
from analysis_world import IDM, ZPRIME, changed
from typer.testing import CliRunner

import mcbook as mb
from mcbook.analysis import read_analysis, run
from mcbook.analysis.sensitivity import contour
from mcbook.cli.app import app
from mcbook.efficiency import EfficiencyMap
from mcbook.efficiency.refine import Design, Surrogate, Target
from mcbook.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
MASSES = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)
COUNTS = (100, 640, 2400, 2500, 1500, 1400)
ANALYSIS = changed(
    ZPRIME,
    ("cl: 0.90", "cl: 0.90\nmethod: asymptotic"),
    ("background: 0", "background: 10"),
    ("scan: {m_zp: [0.1, 1, 3, 5]}", "scan: {m_zp: {linspace: [0.5, 5.5, 26]}}"),
)


pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(scope="module")
def benchmark():
    """Return the benchmark as a module."""
    spec = spec_from_file_location("propose_benchmark", ROOT / "benchmarks" / "propose.py")
    module = module_from_spec(spec)
    sys.modules["propose_benchmark"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["propose_benchmark"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Write an analysis with its map into the current folder."""
    monkeypatch.chdir(tmp_path)
    write_map()
    Path("analysis.yaml").write_text(ANALYSIS)
    return tmp_path


def write_map(n=10_000):
    """Write the map of the analysis."""
    rows = [f"{m},{n},{k * n // 10_000}" for m, k in zip(MASSES, COUNTS, strict=True)]
    Path("map.csv").write_text("\n".join(["m_zp,n_generated,n_selected", *rows]) + "\n")


def test_proposals_are_a_grid_that_generate_takes():
    """The file is planned and booked as it is: so many samples, of so many events."""
    found = mb.propose("analysis.yaml", samples=3, output="next.yaml", catalog="mcbook.db")
    new = [row for row in found["proposals"] if row["what"] == "new sample"]
    assert len(found["proposals"]) == 3
    assert found["files"][0] == "next.yaml"
    grid = yaml.safe_load(Path("next.yaml").read_text())
    assert sorted(grid["zip"][0]["m_zp"]) == sorted(row["point"]["m_zp"] for row in new)
    told = mb.generate(None, "next.yaml", dry_run=True)
    assert told["samples"]["new"] == len(new)
    assert not Path("mcbook.db").exists()
    mb.generate(None, "next.yaml")
    made = mb.query("model == 'zprime'")
    assert sorted(row["parameters"]["m_zp"] for row in made) == sorted(grid["zip"][0]["m_zp"])
    assert mb.status()[0]["events_left"] == 10_000 * len(new)


def test_errors_shrink_step_by_step():
    """Each proposal leaves less, the first ones take most; half of d ln(sigma) is d ln(g')."""
    found = mb.propose("analysis.yaml", samples=4)
    errors = [found["before"], *(row["after"] for row in found["proposals"])]
    assert errors == sorted(errors, reverse=True)
    assert found["after"] == errors[-1]
    mean = np.sqrt(np.mean([1 / k for k in COUNTS])) / 2
    assert 0.3 * mean < found["before"] < 5 * mean
    assert found["files"] == []


@pytest.mark.thorough
def test_planned_samples_are_not_proposed_again():
    """What is in the books counts as made: another proposal goes elsewhere."""
    write_map(1_000_000)  # so many that gaps are what costs
    mb.propose("analysis.yaml", samples=2, output="next.yaml")
    mb.generate(None, "next.yaml")
    planned = {row["parameters"]["m_zp"] for row in mb.query()}
    again = mb.propose("analysis.yaml", samples=2)
    assert f"{len(planned)} samples in the books are not in the maps" in again["notes"][0]
    assert not planned & {row["point"]["m_zp"] for row in again["proposals"]}
    first = mb.propose("analysis.yaml", samples=2, catalog="none.db")
    assert again["before"] < first["before"]
    assert again["before"] == pytest.approx(first["after"], rel=0.02)


def test_events_are_added_where_they_are_missing():
    """A sample with few events among many is asked to have more; its target is raised."""
    events = [100 if mass == 5.5 else 1_000_000 for mass in MASSES]
    rows = [f"{mass},{n},{n // 5}" for mass, n in zip(MASSES, events, strict=True)]
    Path("map.csv").write_text("\n".join(["m_zp,n_generated,n_selected", *rows]) + "\n")
    found = mb.propose("analysis.yaml", samples=1, events=50_000, output="next.yaml")
    (row,) = found["proposals"]
    assert (row["point"]["m_zp"], row["what"], row["target"]) == (5.5, "more events", 50_100)
    assert yaml.safe_load(Path("next.yaml").read_text())["events"] == 50_100


def test_refused_hypotheses_draw_samples():
    """A scan that leaves the map is covered first: a sample at its end."""
    text = ANALYSIS.replace("[0.5, 5.5, 26]", "[0.5, 7.0, 27]")
    Path("analysis.yaml").write_text(text)
    found = mb.propose("analysis.yaml", samples=2)
    assert found["refused"] > 0
    assert found["proposals"][0]["point"]["m_zp"] == 7.0
    assert found["after"] < 0.3 * found["before"]


def test_islands_and_two_parameters(tmp_path, monkeypatch):
    """Lifetimes of a map are no parameter of a sample: one sample gives nodes at all of them."""
    monkeypatch.chdir(tmp_path)
    ctaus = np.geomspace(0.1, 1e4, 11)
    rows = []
    for mass in (0.6, 0.8, 1.0, 1.3):
        for ctau in ctaus:
            kept = int(2000 * mass * (np.exp(-10 / ctau) - np.exp(-600 / ctau)))
            rows.append(f"{mass},{ctau:.6g},20000,{kept}")
    Path("a.csv").write_text("\n".join(["m_chi1,ctau_chi2,n_generated,n_selected", *rows]) + "\n")
    text = changed(
        IDM, ("range: [1e-6, 0.1]", "range: [1e-6, 0.1], points: 25"),
        ("scan: {m_chi1: [0.8, 1.0]}", "scan: {m_chi1: [0.6, 0.7, 0.9, 1.1, 1.3]}"),
        ("cl: 0.95", "cl: 0.95\nmethod: asymptotic"), ("background: 0", "background: 1"),
    )  # fmt: skip
    Path("analysis.yaml").write_text(text)
    found = mb.propose("analysis.yaml", samples=2, output="next.yaml", candidates=20)
    assert all(set(row["point"]) == {"m_chi1"} for row in found["proposals"])
    assert found["after"] < found["before"]
    grid = yaml.safe_load(Path("next.yaml").read_text())
    assert grid["derived"] == {"m_ap": "3*m_chi1", "delta_m": "0.4*m_chi1"}
    assert mb.generate(None, "next.yaml", dry_run=True)["samples"]["new"] >= 1


def test_a_power_of_the_coupling_is_its_weight():
    """The rate is the square of g': an error of the efficiency is half of one of the limit."""
    analysis = read_analysis("analysis.yaml")
    edge = contour(run(analysis))
    assert len(edge) == 26
    assert edge.power == pytest.approx(0.5, rel=1e-3)
    assert not edge.refused.any()
    assert edge.shares["recoil"] == pytest.approx(1.0)


def test_the_covariance_is_what_a_new_sample_leaves():
    """Adding a node to the covariance is the process through all nodes, of the same kernel."""
    x = np.linspace(0, 1, 8)
    made = EfficiencyMap(["m"], x, np.round(1e4 * (0.1 + 0.2 * x**2)), [1e4] * 8)
    surrogate = Surrogate(made)
    ask, new = np.linspace(0, 1, 15)[:, None], np.array([[0.43]])
    noise = surrogate.noise(new, 5000.0)
    target = Target(surrogate, ask, np.ones(15), np.zeros(15, bool), new[:, None], noise[:, None])
    design = Design([target], np.array([False]))
    step = design.take(0)

    def kernel(first, second):
        scale = np.outer(surrogate._factor(first), surrogate._factor(second))
        return surrogate._kernel(first, second) * scale

    nodes = np.concatenate([x[:, None], new])
    total = kernel(nodes, nodes) + np.diag([*surrogate.process.variances, noise[0]])
    inverse = np.linalg.inv(total + 1e-9 * np.eye(9))
    cross = kernel(ask, nodes)
    short = 1 - cross @ inverse.sum(axis=1)
    left = np.diag(kernel(ask, ask) - cross @ inverse @ cross.T) + short**2 / inverse.sum()
    assert step.after == pytest.approx(left.sum(), rel=1e-3)


def test_samples_of_other_settings_do_not_count():
    """Proposed are samples as those of the maps; another generator's at the same point is none."""
    grid = {"model": "zprime", "process": "mumu_inv", "events": 10_000}

    def generate(masses, name):
        told = {**grid, "scan": {"m_zp": list(masses)}, "generator": {"name": name}}
        Path("grid.yaml").write_text(yaml.safe_dump(told))
        mb.generate(None, "grid.yaml")
        return mb.query(f"generator == '{name}'")

    rows = ["sample_id,m_zp,n_generated,n_selected"]
    made = {row["parameters"]["m_zp"]: row["id"] for row in generate(MASSES, "native")}
    rows += [f"{made[m]},{m},1000000,{k * 100}" for m, k in zip(MASSES, COUNTS, strict=True)]
    Path("map.csv").write_text("\n".join(rows) + "\n")
    first = mb.propose("analysis.yaml", samples=2, output="next.yaml")
    assert yaml.safe_load(Path("next.yaml").read_text())["generator"]["name"] == "native"
    points = [row["point"]["m_zp"] for row in first["proposals"]]
    assert len(generate([*points, *MASSES, 1.2], "madgraph")) > len(MASSES)
    again = mb.propose("analysis.yaml", samples=2, output="next.yaml")
    assert [row["point"]["m_zp"] for row in again["proposals"]] == points
    assert yaml.safe_load(Path("next.yaml").read_text())["generator"]["name"] == "native"
    (note,) = again["notes"]
    assert "samples in the books do not count: made with other settings" in note


@pytest.mark.thorough
def test_proposals_beat_chance_and_even_refinement(benchmark):
    """On known truths proposals win most of 20 seeds, against both (more in the benchmark)."""
    rows = [benchmark.errors(benchmark.CASES[0], seed) for seed in range(20)]
    mine, even, chance = (
        np.array([row[name] for row in rows]) for name in ("proposed", "even", "random")
    )
    assert np.mean(mine < chance) >= 0.7
    assert np.mean(mine < even) > 0.5
    assert np.median(mine / chance) < 0.9
    assert np.median(mine / even) < 1.0


def test_what_cannot_be_proposed():
    """Too few samples, a scan that shapes nothing, a map that refuses all: one clear line."""
    Path("map.csv").write_text("m_zp,n_generated,n_selected\n0.5,100,10\n5.5,100,10\n")
    with pytest.raises(InputError, match="2 nodes say too little"):
        mb.propose("analysis.yaml")
    write_map()
    Path("analysis.yaml").write_text(ANALYSIS.replace("{linspace: [0.5, 5.5, 26]}", "[2.5]"))
    with pytest.raises(InputError, match="moves no parameter that shapes events"):
        mb.propose("analysis.yaml")
    Path("analysis.yaml").write_text(ANALYSIS.replace("[0.5, 5.5, 26]", "[7, 8, 5]"))
    with pytest.raises(InputError, match="no hypothesis has a limit"):
        mb.propose("analysis.yaml")


def test_on_the_command_line():
    """The table says what to do; a dry run writes nothing; JSON has all numbers."""
    arguments = ["propose", "--for", "analysis.yaml", "--samples", "2", "--output", "n.yaml"]
    done = CliRunner().invoke(app, [*arguments, "--dry-run"], prog_name="mcbook")
    assert done.exit_code == 0, done.output
    assert "relative error of the expected limit on g_prime" in done.stdout
    assert "mcbook generate zprime --grid n.yaml" in done.stdout
    assert not Path("n.yaml").exists()
    done = CliRunner().invoke(app, [*arguments, "--format", "json"], prog_name="mcbook")
    told = json.loads(done.stdout)
    assert Path("n.yaml").exists()
    assert len(told["proposals"]) == 2
    assert told["after"] < told["before"]


def test_what_is_no_proposal_stays():
    """Neither the analysis nor a grid that somebody wrote is replaced."""
    for name in ("analysis.yaml", "mine.yaml"):
        path = Path(name)
        if not path.exists():
            path.write_text("# by hand\nmodel: zprime\n")
        before = path.read_bytes()
        with pytest.raises(InputError, match=f"{name} is there, and no grid of this command"):
            mb.propose("analysis.yaml", samples=1, output=name)
        assert path.read_bytes() == before
