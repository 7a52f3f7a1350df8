"""Fits meet other programs: cabinetry, objects of hist and ROOT; steps of scans in resolutions."""

import json
from pathlib import Path

import hist
import numpy as np
import pyhf
import pytest
import uproot
from test_fit_channels import ANALYSIS, EDGES, SMOOTH, WIDER, changed, data, events, expected, table

import mcbook as mb
from mcbook.analysis.file import read_analysis
from mcbook.analysis.hypotheses import hypotheses
from mcbook.errors import InputError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Write an analysis with all of its files into the current folder."""
    monkeypatch.chdir(tmp_path)
    table("mc.csv", EDGES, background=expected(EDGES))
    masses = "\n".join(f"{m},100000000,20000000" for m in range(1, 10))
    Path("eff.csv").write_text(f"m_zp,n_generated,n_selected\n{masses}\n")
    events(data(1, signal=300))


def written(*changes):
    """Write the analysis with changes; return its name."""
    Path("a.yaml").write_text(changed(ANALYSIS, *changes))
    return "a.yaml"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that cabinetry uses
@pytest.mark.parametrize(
    "changes", [(), (SMOOTH,), (SMOOTH, WIDER)], ids=["known", "smooth", "width"]
)
def test_cabinetry_finds_the_same(changes, request):
    """It reads the workspace; best fit, error and significance are the same, and the limit."""
    import cabinetry

    done = mb.set_limits(
        written(*changes), output="out", write=["workspace"], unblind="a test", catalog="b.db"
    )
    (row,) = [row for row in done["limits"] if row["parameters"]["m_zp"] == 4]
    patches = pyhf.PatchSet(json.loads(Path("out/patchset.json").read_text()))
    (name,) = [patch.name for patch in patches if patch.values == (4.0,)]
    space = pyhf.Workspace(json.loads(Path("out/workspace.json").read_text()))
    model, counts = cabinetry.model_utils.model_and_data(dict(patches.apply(space, name)))
    fitted = cabinetry.fit.fit(model, counts)
    place = model.config.poi_index
    assert row["fit"]["mu"] == pytest.approx(fitted.bestfit[place], rel=2e-3)
    assert row["fit"]["mu_error"] == pytest.approx(fitted.uncertainty[place], rel=2e-3)
    found = cabinetry.fit.significance(model, counts)
    assert row["fit"]["significance"] == pytest.approx(found.observed_significance, rel=1e-3)
    if request.config.getoption("--thorough"):
        limit = cabinetry.fit.limit(model, counts, confidence_level=0.9)
        assert row["observed"] == pytest.approx(limit.observed_limit, rel=5e-3)
        assert row["expected_postfit"][2] == pytest.approx(limit.expected_limit[2], rel=5e-3)


def filled(values, weights, edges=EDGES):
    """Return a weighted histogram of hist."""
    one = hist.Hist(hist.axis.Variable(edges), storage=hist.storage.Weight())
    return one.fill(values, weight=weights)


def test_histograms_of_hist_become_backgrounds_and_data():
    """Values, errors, shifts and counts stand in the tables, and limits are set with them."""
    values = data(3)
    weights = np.full(len(values), 0.5)
    shifted = filled(values, 1.1 * weights)
    mb.write_histograms(
        "mc.csv",
        {"one": filled(values, weights), "one_tilt_hi": shifted, "one_tilt_lo": filled([], [])},
    )
    counts, _ = np.histogram(values, EDGES)
    mb.write_histograms("data.csv", {"observed": hist.Hist(hist.axis.Variable(EDGES)).fill(values)})
    back = mb.read_histograms("mc.csv")
    assert set(back) == {"one", "one_tilt_hi", "one_tilt_lo"}
    np.testing.assert_allclose(back["one"].values(), counts * 0.5)
    np.testing.assert_allclose(back["one"].variances(), counts * 0.25)
    np.testing.assert_allclose(back["one_tilt_hi"].values(), counts * 0.55)
    np.testing.assert_allclose(back["one"].axes[0].edges, EDGES)
    observed = mb.read_histograms("data.csv")["observed"]
    np.testing.assert_allclose(observed.values(), counts)
    np.testing.assert_allclose(observed.variances(), counts)
    file = written(
        ("{histogram: mc.csv}", "{histogram: mc.csv, samples: [one]}"),
        ("{events: data.csv, column: m}", "{histogram: data.csv}"),
    )
    found = mb.set_limits(file, output="out", write=["none"], unblind="a test", catalog="b.db")
    assert all(row["observed"] > 0 for row in found["limits"])


def test_two_observables_come_back_from_root(tmp_path):
    """An object of two axes keeps its bins; uproot writes what is read, and the table has it."""
    x, y = np.random.default_rng(2).random((2, 500))
    two = hist.Hist(hist.axis.Regular(4, 0, 1), hist.axis.Regular(3, 0, 1))
    mb.write_histograms(tmp_path / "two.csv", {"b": two.fill(x, y)})
    back = mb.read_histograms(tmp_path / "two.csv")["b"]
    np.testing.assert_allclose(back.values(), np.histogram2d(x, y, [4, 3], [[0, 1], [0, 1]])[0])
    with uproot.recreate(tmp_path / "two.root") as file:
        file["b"] = back
    with uproot.open(tmp_path / "two.root") as file:
        mb.write_histograms(tmp_path / "again.csv", {"b": file["b"]})
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "two.csv").read_text()


def test_templates_are_picked_by_sample():
    """Rows of one sample are a histogram."""
    Path("t.csv").write_text("m_zp,low,high,part\n1,-1,0,0.4\n1,0,1,0.6\n2,0,1,0.7\n2,-1,0,0.3\n")
    assert mb.read_histograms("t.csv", at={"m_zp": 2})["part"].values().tolist() == [0.3, 0.7]
    with pytest.raises(InputError, match="no row has m_zp = 3"):
        mb.read_histograms("t.csv", at={"m_zp": 3})
    with pytest.raises(InputError, match="each once"):
        mb.read_histograms("t.csv")
    with pytest.raises(InputError, match="'m_zq' is missing"):
        mb.read_histograms("t.csv", at={"m_zq": 3})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no histogram"),
        ({"a b": filled([1.0], [1.0])}, "no name of a sample"),
        ({"a_stat": filled([1.0], [1.0])}, "no name of a sample"),
        ({"a": filled([1.0], [-1.0])}, "negative"),
        ({"a": filled([1.0], [1.0]), "b": filled([1.0], [1.0], EDGES[:-1])}, "b has other bins"),
        ({"a": np.histogram([1.0])}, "no histogram of hist"),
        ({"a": hist.Hist.new.StrCat(["x", "y"]).Weight()}, "categories"),
        ({"a": hist.Hist.new.Reg(2, 0, 1).Reg(2, 0, 1).Reg(2, 0, 1).Double()}, "not 3"),
    ],
)
def test_bad_histograms(given, said):
    """What is wrong is told, and no file is written."""
    with pytest.raises(InputError, match=said):
        mb.write_histograms("new.csv", given)
    assert not Path("new.csv").exists()


def steps(entry, *changes):
    """Return the hypotheses of a scan."""
    analysis = read_analysis(written(("{m_zp: [2, 4, 6]}", f"{{m_zp: {entry}}}"), *changes))
    return hypotheses(analysis).columns["m_zp"]


def test_steps_follow_the_resolution():
    """The resolution is m_zp/80: as many steps as the integral of its inverse says, evenly."""
    relative = ("resolution: 0.05", "resolution: m_zp/80")
    found = steps("{resolutions: [2, 6, 0.5]}", relative)
    assert (found[0], found[-1]) == (2, 6)
    assert len(found) == 1 + np.ceil(80 * np.log(3) / 0.5)
    even = np.diff(np.log(found)) * 80
    np.testing.assert_allclose(even, 80 * np.log(3) / (len(found) - 1), rtol=1e-5)
    assert len(steps("{resolutions: [2, 6, 0.5]}")) == 4 / 0.05 / 0.5 + 1


def test_steps_of_a_window_in_another_quantity():
    """The centre is a mass squared: its resolution is divided by 2 m."""
    square = ("centre: m_zp", "centre: m_zp**2"), ("resolution: 0.05", "resolution: 0.1*m_zp")
    found = steps("{resolutions: [2, 4, 1]}", *square)
    np.testing.assert_allclose(found, np.linspace(2, 4, 41), rtol=1e-8)


def test_steps_follow_a_table():
    """A resolution that doubles along the scan, linearly."""
    Path("r.csv").write_text("m_zp,s\n2,0.05\n6,0.1\n")
    found = steps(
        "{resolutions: [2, 6, 1]}",
        ("resolution: 0.05", "resolution: {of: m_zp, table: r.csv, column: s}"),
    )
    assert len(found) == 1 + np.ceil(np.log(2) / 0.0125)
    width = 0.05 + 0.0125 * (found - 2)
    np.testing.assert_allclose(np.diff(np.log(width)), np.log(2) / (len(found) - 1), rtol=1e-5)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{resolutions: [2, 6]}", "step in resolutions"),
        ("{resolutions: 5}", "step in resolutions"),
        ("{resolutions: [2, 6, 0]}", "step above zero"),
        ("{resolutions: [6, 2, 1]}", "hi is above lo"),
        ("{resolutions: [2, 6, 1], step: [2, 6, 1]}", "write only resolutions"),
        ("{resolutions: [2, 6, 1.0e-6]}", "100000 at most"),
        ("{resolutions: [-2, 6, 1]}", "outside its hard bounds"),
    ],
)
def test_bad_steps(entry, said):
    """The message names the line of the scan."""
    with pytest.raises(InputError, match=said) as caught:
        steps(entry)
    assert "a.yaml, line" in str(caught.value)
    with pytest.raises(InputError, match="the resolution at m_zp = 2 is 0"):
        steps("{resolutions: [2, 6, 1]}", ("resolution: 0.05", "resolution: m_zp-2"))
