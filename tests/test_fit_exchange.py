"""Fits meet other programs: cabinetry, objects of hist and ROOT; steps of scans in resolutions."""

import json
from pathlib import Path

import hist
import numpy as np
import pyhf
import pytest
import uproot
from fit_world import (
    ANALYSIS,
    EDGES,
    SMOOTH,
    WIDER,
    changed,
    data,
    expected,
    settle,
    table,
    written,
)

import mcbook as mb
from mcbook.analysis import read_analysis, run, toyscans
from mcbook.analysis.hypotheses import hypotheses
from mcbook.analysis.scan import toys_with
from mcbook.analysis.spectra import read_background
from mcbook.errors import InputError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Write an analysis with all of its files into the current folder."""
    settle(monkeypatch, tmp_path, signal=300)


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
        ({"high": filled([1.0], [1.0])}, "no name of a sample"),
        ({"observed": filled([1.0], [0.5])}, "whole numbers"),
        ({"a": hist.Hist.new.Var([0, 1, np.inf]).Weight()}, "infinite"),
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


def test_root_and_table_give_the_same():
    """Shifts of a sample are read from ROOT files, too; one without its other side is an error."""
    b = expected(EDGES)
    tilt = 1 + 0.1 * (EDGES[:-1] - 5) / 5
    shapes = {"one": b, "one_tilt_hi": b * tilt, "one_tilt_lo": b / tilt}
    histograms = {}
    for name, values in shapes.items():
        histograms[name] = hist.Hist(hist.axis.Variable(EDGES), storage=hist.storage.Weight())
        histograms[name][...] = np.stack([values, values / 4], axis=-1)
    mb.write_histograms("mc.csv", histograms)
    with uproot.recreate("mc.root") as file:
        for name, one in histograms.items():
            file[name] = one
    with uproot.recreate("half.root") as file:
        for name in ("one", "one_tilt_lo"):
            file[name] = histograms[name]
    found = []
    for name in ("mc.csv", "mc.root"):
        change = ("{histogram: mc.csv}", f"{{histogram: {name}, samples: [one]}}")
        found.append(mb.set_limits(written(change), output="out", write=["none"])["limits"])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours["expected"], theirs["expected"], rtol=1e-6)
    with pytest.raises(InputError, match="one_tilt_lo is there without one_tilt_hi"):
        mb.set_limits(
            written(("{histogram: mc.csv}", "{histogram: half.root, samples: [one]}")),
            output="out", write=["none"],
        )  # fmt: skip


def test_shifts_belong_to_the_longest_name():
    """``mumu_gamma_trigger`` is of ``mumu_gamma``, though ``mumu`` is a sample as well."""
    b = expected(EDGES)
    table("mc.csv", EDGES, mumu=b, mumu_gamma=0.02 * b, mumu_gamma_trigger_hi=0.022 * b,
          mumu_gamma_trigger_lo=0.018 * b)  # fmt: skip
    file = written(("{histogram: mc.csv}", "{histogram: mc.csv, samples: [mumu, mumu_gamma]}"))
    binned = read_background(read_analysis(file).channels[0].background)
    assert list(binned.shifts) == [("mumu_gamma", "trigger")]
    with pytest.raises(InputError, match="column low is missing"):
        read_background(
            read_analysis(written(("{histogram: mc.csv}", "{histogram: mc.csv, samples: [low]}")))
            .channels[0].background
        )  # fmt: skip


COUNT = """\
  count:
    process: mumu_inv
    efficiency: {map: eff.csv, axes: [m_zp]}
    background: 100
"""


def test_toy_scans_vary_as_the_fits_believe():
    """A count, and a source that two channels share: z has the width 1, sums go together."""
    b = np.full(len(EDGES) - 1, 50.0)
    table("mc.csv", EDGES, background=b, background_norm_hi=1.4 * b, background_norm_lo=b)
    text = changed(ANALYSIS, ("width: 10, bins: 40", "width: 6, bins: 8"))
    text = text.replace("    observed: {events: data.csv, column: m}\n", "")
    block = text[text.index("  mumu:") : text.index("rate:")]
    text = text.replace("rate: mu\n", block.replace("mumu:", "again:") + COUNT + "rate: mu\n")
    text += (
        "systematics:\n"
        "  - {source: bgnorm, affects: background, relative: 0.3, channels: [count]}\n"
    )
    Path("a.yaml").write_text(text)
    result = run(read_analysis("a.yaml"))
    rows, batch = result.likelihoods()
    kept = []
    fits = toyscans.best_fits

    def look(toys):
        kept.append(toys.observed.reshape(-1, len(rows), batch.n_bins))
        return fits(toys)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toyscans, "best_fits", look)
        z = toyscans.toy_scans(result, rows, batch, 1500, np.random.default_rng(3))
    counts = np.concatenate(kept)
    count = counts[:, :, -1]
    assert count.std(axis=0) == pytest.approx(np.hypot(10, 30), rel=0.08)
    assert (count == count[:, :1]).all()  # all expect the same
    first, second = counts[:, 1, :8].sum(axis=1), counts[:, 1, 8:16].sum(axis=1)
    assert np.corrcoef(first, second)[0, 1] > 0.95
    drawn = toys_with(result, 1, [0.0], np.random.default_rng(4), 1500).observed[:, :8].sum(axis=1)
    assert first.mean() == pytest.approx(drawn.mean(), rel=0.02)
    assert first.std() == pytest.approx(drawn.std(), rel=0.1)
    assert z.std(axis=0) == pytest.approx(1.0, abs=0.08)
    assert np.mean(z > 1.5) == pytest.approx(0.067, abs=0.02)
