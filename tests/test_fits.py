"""``mcbook fit``: excesses and tests of fits on known truths, and a box that stays closed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from fit_world import (
    ANALYSIS,
    EDGES,
    SMOOTH,
    WIDER,
    data,
    events,
    expected,
    settle,
    table,
    written,
)
from scipy.stats import kstest, norm
from typer.testing import CliRunner

import mcbook as mb
from mcbook.analysis import read_analysis, run
from mcbook.analysis.scan import injections, scan, spurious
from mcbook.cli.app import app
from mcbook.errors import InputError
from mcbook.limits import upper_limits
from mcbook.limits.bestfit import best_fits
from mcbook.limits.toydata import with_counts

SCAN = ("scan: {m_zp: [2, 4, 6]}", "scan: {m_zp: {step: [2, 6, 0.05]}}")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Write an analysis with all of its files into the current folder."""
    settle(monkeypatch, tmp_path)


def test_the_largest_excess_is_the_bump():
    """It is where it was put, as large, and the look-elsewhere effect costs what toys say."""
    events(data(2, signal=600))
    found = mb.fit(written(SMOOTH, SCAN), output="out", unblind="a test", catalog="b.db", toys=60)
    largest = found["largest"]
    assert largest["parameters"]["m_zp"] == pytest.approx(4.0, abs=0.051)
    assert abs(largest["events"] - 600) < 3 * largest["events_error"]
    assert largest["p_value"] == pytest.approx(norm.sf(largest["significance"]))
    edges = 4 + 0.05 * np.linspace(-10, 10, 41)
    s, b = np.diff(norm.cdf(edges, 4, 0.05)), expected(edges)
    assert largest["events_error"] == pytest.approx(1.2 / np.sqrt((s**2 / b).sum()), rel=0.25)
    formula = largest["by_upcrossings"]
    assert largest["p_value"] < formula["p_value"] < 1000 * largest["p_value"]
    assert largest["by_toys"]["low"] <= formula["p_value"] <= largest["by_toys"]["high"]
    names = {path.name for path in Path("out").iterdir()}
    assert {"fits.html", "fits.csv", "scan.png", "fit.pdf", "nuisances.png"} <= names
    page = Path("out/fits.html").read_text()
    assert "://" not in page
    assert "largest excess" in page


def test_limits_carry_the_best_fit():
    """The table of limits has best fit, error, significance and p-value of an open box only."""
    file = written(SMOOTH)
    closed = mb.set_limits(file, output="closed", write=["none"])
    assert all("fit" not in row for row in closed["limits"])
    opened = mb.set_limits(file, output="open", write=["none"], unblind="a test", catalog="b.db")
    for row in opened["limits"]:
        assert row["fit"]["p_value"] == pytest.approx(norm.sf(row["fit"]["significance"]))
    head = Path("open/limits.csv").read_text().splitlines()[0].split(",")
    assert {"fit_events", "fit_events_error", "fit_significance", "fit_p_value"} <= set(head)


def test_a_closed_box_is_closed():
    """Whatever stands in the file with data, no number and no figure of a closed box moves."""
    told = []
    for number, text in enumerate(("m\n1\n", "rubbish")):
        Path("data.csv").write_text(text)
        found = mb.fit(written(SMOOTH, SCAN), output=f"out{number}", toys=5)
        pages = {
            path.name: path.read_bytes()
            for path in Path(f"out{number}").iterdir()
            if path.suffix in {".csv", ".html", ".png"}
        }
        told.append(({k: v for k, v in found.items() if k != "files"}, pages))
    assert told[0] == told[1]
    assert told[0][0]["largest"] is None
    assert "The box is closed" in Path("out0/fits.html").read_text()


@pytest.mark.parametrize("changes", [(), (SMOOTH,), (WIDER,)], ids=["known", "smooth", "width"])
def test_toys(changes, length):
    """Of toys without signal p-values are uniform; with signal it comes back, limits cover."""
    result = run(read_analysis(written(*changes, ("[2, 4, 6]", "[4]"))))
    _, batch = result.likelihoods()
    n = length(1000, 6000)
    random = np.random.default_rng(8)
    background = result.ingredients.cells["mumu"].expected[0]
    sigma = best_fits(with_counts(batch, background[None, None])).mu_error[0]
    for strength in (0.0, 2 * sigma):
        mean = background + strength * batch.signal[0]
        toys = with_counts(batch, random.poisson(mean, (n, 1, len(mean))).astype(float))
        fits = best_fits(toys)
        pulls = (fits.mu - strength) / fits.mu_error
        assert abs(pulls.mean()) < 4 / np.sqrt(n)
        assert 0.93 < pulls.std() < 1.05
        if not strength:
            assert kstest(fits.p0, "uniform").pvalue > 1e-3
            continue
        limits = upper_limits(toys, cl=0.9, method="asymptotic").observed
        covered = np.mean(limits >= strength)
        assert covered > 0.9 - 3 * np.sqrt(0.09 / n)


def test_a_shape_that_a_polynomial_misses():
    """A kink that a straight line cannot follow is a spurious signal; a higher order has none."""
    b = expected(EDGES) * (1 + 0.3 * np.exp(-0.5 * ((EDGES[:-1] - 4) / 0.25) ** 2))
    table("mc.csv", EDGES, background=b)
    seen = {}
    for order in (1, 6):
        change = (SMOOTH[0], SMOOTH[1].replace("3", str(order)))
        result = run(read_analysis(written(change, ("[2, 4, 6]", "[4]"))))
        signal, error = spurious(result)
        seen[order] = float(signal[0] / error[0])
        (one,) = injections(result, [0], [0.0], n_toys=300)
        assert one.pull[0] == pytest.approx(seen[order], abs=4 / np.sqrt(300))
    assert seen[1] > 3
    assert abs(seen[6]) < 0.3


def test_toy_scans_are_one_data_set():
    """Neighbouring hypotheses see the same events: their significances go together."""
    found = scan(run(read_analysis(written(SCAN))), n_toys=200, seed=3)
    z = found.toys
    assert z.shape == (200, 81)
    near = np.corrcoef(z[:, 40], z[:, 41])[0, 1]
    # two Gaussians that are a standard deviation apart overlap by exp(-1/4)
    assert near == pytest.approx(np.exp(-0.25), abs=0.12)
    assert abs(np.corrcoef(z[:, 10], z[:, 60])[0, 1]) < 0.25
    assert z.std() == pytest.approx(1.0, abs=0.05)


def test_command_line():
    """It prints tests of the fits; JSON has all numbers; what is not fitted is told."""
    file = written(SMOOTH)
    words = ["fit", file, "--output", "out", "--toys", "3", "--inject", "0,3", "--at", "m_zp=4.1"]
    done = CliRunner().invoke(app, words, prog_name="mcbook")
    assert done.exit_code == 0, done.output
    assert "box closed" in done.stdout
    assert "mean pull" in done.stdout
    done = CliRunner().invoke(app, [*words, "--format", "json"], prog_name="mcbook")
    told = json.loads(done.stdout)
    assert [one["injected"][0] for one in told["injections"]] == [0, 0, 0]
    for change, said in (
        (["--at", "m_z=4"], "nothing that the scan moves"),
        (["--inject", "0,x"], "'x' is not a number"),
        (["--inject=-1"], "no strength"),
    ):
        done = CliRunner().invoke(app, [*words[:4], *change], prog_name="mcbook")
        assert done.exit_code == 2, done.output
        assert said in done.stderr
    block = ANALYSIS[ANALYSIS.index("    fit:") : ANALYSIS.index("rate:")]
    text = ANALYSIS.replace(block, "    background: 5\n")
    Path("plain.yaml").write_text(text)
    done = CliRunner().invoke(app, ["fit", "plain.yaml", "--output", "p"], prog_name="mcbook")
    assert done.exit_code == 2
    assert "no channel is fitted" in done.stderr


def test_files_of_others_stay():
    """A page or table that somebody else made is not replaced."""
    Path("out").mkdir()
    for name in ("fits.html", "fits.csv"):
        Path("out", name).write_text("mine")
        with pytest.raises(InputError, match=f"{name} is there, and no file of this command"):
            mb.fit(written(SMOOTH), output="out")
        Path("out", name).unlink()


@pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")
def test_a_workspace_of_a_fit():
    """What is exported is read by pyhf, and gives the same limit."""
    import pyhf

    file = written(SMOOTH, ("[2, 4, 6]", "[4]"), ("width: 10, bins: 40", "width: 10, bins: 12"))
    found = mb.set_limits(file, output="out", write=["workspace"])
    workspace = pyhf.Workspace(json.loads(Path("out/workspace.json").read_text()))
    patches = pyhf.PatchSet(json.loads(Path("out/patchset.json").read_text()))
    assert workspace.channels == ["mumu"]
    assert len(patches) == 1
    again = mb.set_limits("out/workspace.json", patchset="out/patchset.json", cl=0.9)
    (ours,), (theirs,) = found["limits"], again["limits"]
    assert theirs["expected"][2] == pytest.approx(ours["expected"][2], rel=5e-3)


def test_the_shipped_bump(root):
    """The example opens on the 140 events that were put into its pseudo-data, and nothing else."""
    file = root / "models" / "examples" / "analyses" / "zprime_bump.yaml"
    found = mb.fit(file, output="out", unblind="pseudo-data", catalog="b.db", toys=20)
    largest = found["largest"]
    assert largest["parameters"]["m_zp"] == pytest.approx(4.2, abs=0.021)
    assert abs(largest["events"] - 140) < 2.5 * largest["events_error"]
    assert largest["by_upcrossings"]["significance"] > 4
    away = [row for row in found["rows"] if abs(row["parameters"]["m_zp"] - 4.2) > 0.3]
    assert max(row["significance"] for row in away) < 4
    assert all(abs(row["spurious"]) < 0.1 * row["error"] for row in found["rows"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"at": ["foo=1"]}, "foo"),
        ({"at": ["m_zp"]}, "a value is missing"),
        ({"at": ["m_zp=99"]}, "the scan has m_zp from 2 to 6"),
        ({"at": ["m_zp=x"]}, "'x' is not a number"),
        ({"strengths": []}, "no strength"),
        ({"strengths": [1e9]}, "no strength"),
        ({"toys": -1}, "--toys"),
    ],
)
def test_the_box_stays_closed_where_an_argument_is_wrong(words, said):
    """It is told before anything is opened or recorded."""
    with pytest.raises(InputError, match=said):
        mb.fit(written(SMOOTH, SCAN), output="out", unblind="a test", catalog="b.db", **words)
    assert not Path("b.db").exists()
    assert not Path("out").exists()


def test_what_a_scan_misses_is_told():
    """Hypotheses without a fit, with their reason, and steps that are too coarse."""
    file = written(SMOOTH, ("[2, 4, 6]", "[0.2, 2, 4]"))
    notes = " ".join(mb.fit(file, output="out", toys=2)["notes"])
    assert "1 of 3 hypotheses are not fitted; the first, m_zp = 0.2: the window -0.3 to" in notes
    assert "steps of the scan are up to 40 resolutions" in notes
    assert "1 of 3 hypotheses are not fitted" in Path("out/fits.html").read_text()
    fine = written(SMOOTH, ("[2, 4, 6]", "{resolutions: [2, 3, 0.5]}"))
    assert "resolutions" not in " ".join(mb.fit(fine, output="out", toys=2)["notes"])


def test_the_order_of_a_scan_plays_no_part():
    """Upcrossings are counted along the mass."""
    values = np.round(np.arange(2, 6, 0.05), 2)
    events(data(2, signal=600))
    found = []
    for some in (values, np.random.default_rng(1).permutation(values)):
        file = written(SMOOTH, (SCAN[0], f"scan: {{m_zp: {some.tolist()}}}"))
        told = mb.fit(file, output="out", unblind="a test", catalog="b.db", toys=50)
        found.append(told["largest"]["by_upcrossings"]["p_value"])
    assert found[0] == pytest.approx(found[1], rel=0.2)


def test_impacts_on_the_page():
    """A larger efficiency is a smaller mu: by its relative error times mu, over the error of mu."""
    events(data(2, signal=600))
    file = written(("[2, 4, 6]", "[4]"))
    text = Path(file).read_text() + (
        "systematics:\n  - {source: trigger, affects: signal, relative: 0.05}\n"
    )
    Path(file).write_text(text)
    found = mb.fit(file, output="out", unblind="a test", catalog="b.db", toys=0)
    page = Path("out/fits.html").read_text()
    row = re.search(r"<tr><td>trigger</td>(.*?)</tr>", page, re.DOTALL).group(1)
    numbers = [float(cell) for cell in re.findall(r"<td>([^<]*)</td>", row)]
    best = found["rows"][0]
    assert numbers[2] == pytest.approx(-0.05 / 1.05 * best["mu"] / best["mu_error"], rel=0.03)
    assert numbers[3] == pytest.approx(0.05 / 0.95 * best["mu"] / best["mu_error"], rel=0.03)


def test_no_hypothesis_that_holds():
    """The file and a reason are told, and nothing is written."""
    with pytest.raises(InputError, match=r"a.yaml: no hypothesis .*; the first: the window -0.4"):
        mb.fit(written(SMOOTH, ("[2, 4, 6]", "[0.1, 11]")), output="out")
    assert not Path("out").exists()
