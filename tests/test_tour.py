"""The whole way from a grid to a limit, with nothing but mcbook: CI runs it on real events."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pylhe
import pytest
import yaml
from typer.testing import CliRunner

import mcbook as mb
from mcbook.cli.app import app
from mcbook.errors import InputError

LUMINOSITY = 79.7
MASSES = (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8)
COUNT = 2000


def program(folder, *words):
    """Run the real program in a folder; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mcbook", *words], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder in which the tour was taken, and what was printed."""
    folder = tmp_path_factory.mktemp("place")
    return folder, program(folder, "tour", "--events", "2k")


@pytest.fixture
def tour(place, monkeypatch):
    """Return the folder of the tour, the current one."""
    monkeypatch.chdir(place[0] / "tour")
    return place[0] / "tour"


def rows_of(file):
    """Return the rows of a table as numbers, where they are some."""
    lines = [line for line in Path(file).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_commands_are_shown(place):
    """Each command stands there as one would type it, with what it prints."""
    folder, printed = place
    typed = [line[2:] for line in printed.splitlines() if line.startswith("$ ")]
    assert typed[0] == "cd tour"
    assert [line.split()[:3] for line in typed[1:]] == [
        ["mcbook", *words.split()]
        for words in (
            "generate zprime", "run --jobs", "check", "efficiency acceptance", "efficiency add",
            "limits analysis.yaml",
        )
    ]  # fmt: skip
    assert "12 of 12 parts made, 24000 events" in printed
    assert "The figure to look at: tour/limits/limits.png" in printed
    assert (folder / "tour" / "limits" / "limits.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "tour" / "mcbook.db").is_file()
    assert sorted(path.name for path in folder.iterdir()) == ["tour"]


@pytest.mark.usefixtures("tour")
def test_limits_are_those_of_a_closed_formula():
    """No background: the signal s of which exp(-s) = 1 - CL, at CLs and for all quantiles.

    The efficiency is known to d = sqrt((1 - A) / (A n)); with a Gaussian of it integrated out,
    exp(-s + s^2 d^2 / 2) = 0.1, so that s = ln 10 (1 + d^2 ln(10) / 2) up to d^4.
    """
    accepted = {float(row["m_zp"]): row for row in rows_of("acceptance.csv")}
    assert tuple(accepted) == MASSES
    checked = 0
    for row in rows_of("limits/limits.csv"):
        if (mass := float(row["m_zp"])) not in accepted:
            continue
        checked += 1
        share = int(accepted[mass]["n_selected"]) / COUNT
        error = math.sqrt((1 - share) / (share * COUNT))
        events = math.log(10) * (1 + error**2 * math.log(10) / 2)
        derived = mb.describe_model("zprime", at={"m_zp": mass, "g_prime": 1e-3})["derived"]
        sigma, fraction = (derived[name]["value"] for name in ("xsec_mumu_zp", "br_zp_inv"))
        assert float(row["sigma_br_fb_expected"]) == pytest.approx(
            events / (share * LUMINOSITY), rel=1e-4
        )
        assert float(row["sigma_fb_expected"]) == pytest.approx(
            events / (share * LUMINOSITY * fraction), rel=1e-4
        )
        coupling = 1e-3 * math.sqrt(events / (share * LUMINOSITY * sigma * fraction))
        for name in ("rate_expected_minus2", "rate_expected_median", "rate_expected_plus2"):
            assert float(row[name]) == pytest.approx(coupling, rel=1e-4)
        assert row["rate_observed"] == ""  # the box is closed
    assert checked == len(MASSES)


def test_acceptance_is_counted_right(tour):
    """One sample with pylhe: both muons boosted by beta gamma of two beams, one by one."""
    row = next(row for row in rows_of("acceptance.csv") if float(row["m_zp"]) == 4)
    (file,) = (tour / "samples" / row["sample_id"] / "events").glob("*.lhe.gz")
    events = pylhe.LHEFile.fromfile(str(file)).events
    inside = sum(all(map(is_inside, muons(event))) for event in events)
    assert inside == int(row["n_selected"])
    assert {row["n_generated"] for row in rows_of("acceptance.csv")} == {str(COUNT)}


def muons(event):
    """Yield px, py, pz, E of the muons of an event."""
    for one in event.particles:
        if abs(one.id) == 13:
            yield np.array([one.px, one.py, one.pz]), one.e


def is_inside(momentum):
    """Return whether a muon is in the drift chamber; rotation and boost are written out here."""
    (x, y, z), energy = momentum
    half = 0.083 / 2
    velocity = np.array([11.007 * math.sin(half), 0, 3.007 * math.cos(half)]) / 11.007
    beta = math.sqrt(velocity @ velocity)
    gamma = 1 / math.sqrt(1 - beta**2)
    # the electron (massless) in the centre-of-mass system, along and across the boost
    electron = 7.007 * np.array([math.sin(half), 0, math.cos(half)])
    along = velocity / beta
    electron = electron + ((gamma - 1) * (electron @ along) - gamma * beta * 7.007) * along
    tilt = math.atan2(electron[0], electron[2])
    turned = np.array([x * math.cos(tilt) + z * math.sin(tilt), y,
                       z * math.cos(tilt) - x * math.sin(tilt)])  # fmt: skip
    lab = turned + ((gamma - 1) * (turned @ along) + gamma * beta * energy) * along
    transverse = math.hypot(lab[0], lab[1])
    return transverse > 0.1 and 17 < math.degrees(math.atan2(transverse, lab[2])) < 150


def test_everything_leads_back(tour):
    """From the table of limits to the result, the map, the samples and their files, and on."""
    found = mb.trace("limits/limits.csv")
    assert found["kind"] == "result"
    result = found["result"]
    ids = [row["sample_id"] for row in rows_of("acceptance.csv")]
    assert sorted(row["id"] for row in result["samples"]) == sorted(ids)
    (named,) = [row["id"] for row in mb.list_efficiency_maps()]
    assert named in str(result["inputs"])
    traced = mb.trace(tour / "acceptance.csv")
    assert (traced["kind"], traced["map"]["id"]) == ("efficiency map", named)
    (file,) = (tour / "samples" / ids[0] / "events").glob("*.lhe.gz")
    assert result["id"] in str(mb.trace(file)["results"])
    assert mb.verify()["failed"] is False
    assert json.loads(Path("limits/limits.json").read_text())["result"] == result["id"]


@pytest.mark.thorough
def test_again(place):
    """A tour that is there goes on: nothing is made twice."""
    folder, first = place
    before = {path: path.read_bytes() for path in (folder / "tour" / "samples").rglob("*.gz")}
    again = program(folder, "tour", "--events", "2k")
    assert "12 points, 0 new samples, 12 existing, 0 new parts" in again
    assert "0 of 0 parts made" in again
    assert {path: path.read_bytes() for path in before} == before
    books = str(folder / "tour" / "mcbook.db")
    assert len(mb.list_results(catalog=books)["results"]) == 1
    assert len(mb.list_efficiency_maps(catalog=books)) == 1
    assert first.splitlines()[-1] == again.splitlines()[-1]


@pytest.mark.thorough
def test_interrupted(tmp_path, monkeypatch):
    """A tour of which only some parts were made makes the others."""
    monkeypatch.chdir(tmp_path)
    mb.plan_tour("half", events=50)
    monkeypatch.chdir("half")
    mb.generate("zprime", "grid.yaml")
    mb.run(limit=5)
    monkeypatch.chdir("..")
    done = CliRunner().invoke(app, ["tour", "half", "--events", "50"])
    assert done.exit_code == 0, done.output
    assert "7 of 7 parts made, 350 events" in done.output
    assert Path("half/limits/limits.png").is_file()
    assert Path.cwd() == tmp_path


def test_a_folder_that_is_no_tour(tmp_path, monkeypatch):
    """It is left alone, also one with other events; so is a place that cannot be."""
    monkeypatch.chdir(tmp_path)
    Path("tour").mkdir()
    Path("tour/thesis.tex").write_text("mine")
    Path("file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for name in ("tour", "file", "."):
        with pytest.raises(InputError, match="is there already, and is no tour"):
            mb.plan_tour(name)
    with pytest.raises(InputError, match="cannot be made: "):
        mb.plan_tour("file/tour")
    assert sorted(tmp_path.rglob("*")) == before
    mb.plan_tour("other", events=10)
    with pytest.raises(InputError, match="no tour like this one"):
        mb.plan_tour("other")
    with pytest.raises(InputError, match="must be above 0"):
        mb.plan_tour("none", events=0)


def test_dry_run(tmp_path, monkeypatch):
    """Commands are shown, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["tour", "a b", "--dry-run"])
    assert done.exit_code == 0
    assert "$ cd 'a b'" in done.stdout
    assert "$ mcbook limits analysis.yaml --output limits" in done.stdout
    assert "dry run, nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_books_of_its_own(tmp_path, monkeypatch):
    """Books that are named or lie above are not those of the tour; the commands say which are."""
    monkeypatch.chdir(tmp_path)
    words = mb.plan_tour("tour", dry_run=True)["steps"][0]["command"]
    assert "--catalog" not in words
    monkeypatch.setenv("MCBOOK_CATALOG", str(tmp_path / "shared.db"))
    for step in mb.plan_tour("tour", dry_run=True)["steps"]:
        assert step["command"][-2:] == ["--catalog", "mcbook.db"]
    monkeypatch.delenv("MCBOOK_CATALOG")
    mb.generate("zprime", {"scan": {"m_zp": {"values": [1]}}})  # makes mcbook.db here
    done = CliRunner().invoke(app, ["tour", "--events", "50"])
    assert done.exit_code == 0, done.output
    assert "$ mcbook check --catalog mcbook.db" in done.output
    assert len(mb.query()) == 1
    assert len(mb.query(catalog="tour/mcbook.db")) == 12


def test_a_step_that_fails_ends_the_tour(tmp_path, monkeypatch):
    """The error of the command is that of the tour, and its exit code."""
    monkeypatch.chdir(tmp_path)
    mb.plan_tour("tour", events=50)
    Path("tour/acceptance.csv").write_text("mine")
    done = CliRunner().invoke(app, ["tour", "--events", "50"])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-2] == (
        "error: acceptance.csv is there, and no table of this command"
    )
    assert "$ mcbook efficiency add" not in done.stdout
    assert Path("tour/acceptance.csv").read_text() == "mine"


@pytest.fixture
def samples(tmp_path, monkeypatch):
    """Return a folder, the current one, with events of two samples and a third that is planned."""
    monkeypatch.chdir(tmp_path)
    grid = {"process": "mumu_inv", "scan": {"m_zp": {"values": [1, 3, 5]}},
            "events": 200, "generator": {"name": "native"}}  # fmt: skip
    mb.generate("zprime", grid)
    mb.run("m_zp < 4")
    return tmp_path


def measured(*words):
    """Run the command, and return what it says as JSON."""
    done = CliRunner().invoke(app, ["efficiency", "acceptance", *words, "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_acceptance(samples):
    """Samples with events are in the table, which is written once and replaced by its own kind."""
    found = measured("a.csv", "--dry-run")
    assert not Path("a.csv").exists()
    assert measured("a.csv") == found
    assert [row["m_zp"] for row in found["rows"]] == [1, 3]
    assert found["notes"] == ["1 sample left: without events of tier lhe"]
    assert (found["axes"], found["region"], found["new"]) == (["m_zp"], "acceptance", True)
    text = Path("a.csv").read_text()
    assert "no trigger, no reconstruction" in text.splitlines()[0]
    assert str(samples) not in text
    assert measured("a.csv")["new"] is False
    harder = measured("a.csv", "--min-pt", "2", "m_zp == 3")
    assert "p_T > 2 GeV" in Path("a.csv").read_text()
    (row,) = harder["rows"]
    assert 0 < row["n_selected"] < found["rows"][1]["n_selected"]
    assert harder["axes"] == ["m_zp"]  # a map needs an axis
    mb.add_efficiency_map("a.csv", name="hard")
    for name in ("mine.csv", "a.txt"):
        Path(name).write_text("m_zp\n1\n")
        with pytest.raises(InputError):
            mb.measure_acceptance(name)
        assert Path(name).read_text() == "m_zp\n1\n"
    for wrong in ({"min_pt": -1}, {"min_energy": math.nan}):
        with pytest.raises(InputError, match="must be 0 or more"):
            mb.measure_acceptance("b.csv", **wrong)
    with pytest.raises(InputError, match="no sample has events"):
        mb.measure_acceptance("b.csv", "m_zp == 5")
    with pytest.raises(InputError, match="its folder is not there"):
        mb.measure_acceptance("nowhere/b.csv")


def test_files_that_are_not_what_they_were(samples):
    """A file that is gone or was changed is an error that names the sample; nothing is written."""
    (identity,) = [row["id"] for row in mb.query("m_zp == 3")]
    (file,) = (samples / "samples" / identity / "events").iterdir()
    content = file.read_bytes()
    for change, says in (
        (content + b"\0", "is not the file that the books know"),
        (None, "is gone"),
    ):
        file.unlink()
        if change is not None:
            file.write_bytes(change)
        done = CliRunner().invoke(app, ["efficiency", "acceptance", "a.csv"])
        assert done.exit_code == 1
        assert done.stderr.startswith(f"error: {identity}: samples/{identity}/events/0001.lhe.gz")
        assert says in done.stderr
        assert not Path("a.csv").exists()
    assert len(measured("a.csv", "m_zp == 1")["rows"]) == 1


@pytest.mark.usefixtures("samples")
def test_tables_of_one_kind():
    """One process, and one sample at each point; undecayed taus are no tracks."""
    grid = {"scan": {"m_zp": {"values": [3, 4]}}, "events": 20, "generator": {"name": "native"}}
    other = grid | {"generator": {"name": "native", "alpha": "1/130"}, "process": "mumu_inv"}
    mb.generate("zprime", other)
    mb.run()
    with pytest.raises(InputError, match="are of the same point"):
        mb.measure_acceptance("a.csv")
    for process in ("mumu_mumu", "mumu_tautau"):
        mb.generate("zprime", grid | {"process": process})
    mb.run()
    with pytest.raises(InputError, match="several processes: zprime mumu_inv, zprime mumu_mumu"):
        mb.measure_acceptance("a.csv")
    found = measured("a.csv", "process == 'mumu_mumu'")
    assert [row["n_generated"] for row in found["rows"]] == [20, 20]
    with pytest.raises(InputError, match="no sample has events") as refused:
        mb.measure_acceptance("a.csv", "process == 'mumu_tautau'")
    assert "not decayed, PDG 15" in refused.value.hint


@pytest.mark.thorough
def test_shipped_files_are_what_the_tour_writes(tmp_path, root):
    """Without --events they are written as they are; the analysis names what it is."""
    mb.plan_tour(tmp_path / "tour")
    source = root / "models" / "examples" / "tour"
    for name in ("grid.yaml", "analysis.yaml"):
        assert (tmp_path / "tour" / name).read_bytes() == (source / name).read_bytes()
    analysis = yaml.safe_load((source / "analysis.yaml").read_text())
    assert "acceptance alone, no background: no real search does better" in analysis["title"]
    assert analysis["luminosity"]["value"] == LUMINOSITY
    assert "branching" not in analysis  # the fraction is that of the model
