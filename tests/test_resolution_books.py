"""``mcbook resolution`` over ntuples in the books: table, figures, report, and what fails."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from ntuple_books import make_books
from typer.testing import CliRunner

import mcbook as mb
from mcbook.cli.app import app
from mcbook.efficiency.resolutions import ResolutionMap
from mcbook.errors import InputError

SELECTION = """\
schema: 1
name: recoil
model: zprime
process: mumu_inv
weight: w
cuts:
  first: "x < 0.5"
window:
  observable: m2
  centre: "m_zp**2"
  resolution: {of: m_zp, table: resolution.csv, column: sigma_w}
  correction: {of: m_zp, at: [0.5, 8], is: [1.1, 1.1], relative_error: 0.1}
  width: 2
"""
MASSES = (1.0, 2.0, 3.0, 4.0)
EVENTS = 2000


def width(mass):
    """Width of the core at a mass."""
    return 0.4 / mass


def columns(point, numbers, rng):
    """Give a recoil mass with a core and wider tails; cut events are elsewhere; one point fails."""
    mass, count = point["m_zp"], len(numbers)
    wide = rng.uniform(size=count) < 0.3
    spread = np.where(wide, 2.0, 1.0) * width(mass)
    x = np.where(numbers % 5 == 0, 0.9, 0.1)
    m2 = mass**2 + spread * rng.standard_normal(count)
    if mass == MASSES[-1]:
        m2 = np.full(count, mass**2)
    return {"x": x, "m2": np.where(x > 0.5, 1e3, m2), "w": np.full(count, 2.0)}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Make books with samples once for all tests, and the resolutions."""
    folder = tmp_path_factory.mktemp("shelf")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = make_books([{"m_zp": m} for m in MASSES], columns, events=EVENTS)
        (folder / "selection.yaml").write_text(SELECTION)
        found = mb.measure_resolution("selection.yaml", output="out")
    return folder, made, found


def rows_of(path):
    """Return the rows of a table below its comments."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_table(shelf):
    """Each sample has a row: widths of what passes the cuts, the correction, and what failed."""
    folder, made, found = shelf
    rows = rows_of(folder / "out" / "resolution.csv")
    assert [row["sample_id"] for row in rows] == [one.sample for one in made]
    assert [float(row["m_zp"]) for row in rows] == list(MASSES)
    for row, mass in zip(rows[:-1], MASSES, strict=False):
        assert row["status"] == "ok"
        wanted = width(mass) * math.sqrt(0.7 + 0.3 * 4)
        value, error = float(row["sigma_w"]), float(row["sigma_w_error"])
        assert abs(value - wanted) < 5 * error
        assert abs(float(row["mean"]) - mass**2) < 5 * float(row["mean_error"])
        assert int(row["n_events"]) == EVENTS * 4 // 5
        assert float(row["sigma_w_data"]) == pytest.approx(1.1 * value, rel=1e-6)
        both = math.hypot(1.1 * error, 0.11 * value)
        assert float(row["sigma_w_data_error"]) == pytest.approx(both, rel=1e-6)
    failed = rows[-1]
    assert (failed["status"], failed["sigma_w"], failed["sigma_68"]) == ("failed", "", "")
    assert found["failed"] == [made[-1].simulation]
    assert any("the fit failed: two thirds of the values" in text for text in found["warnings"])


def test_figures_and_report(shelf):
    """There are the widths, a page for each fit, and one page of HTML that needs nothing else."""
    folder, made, found = shelf
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {
        "resolution.csv", "resolution.png", "resolution.pdf", "shapes.pdf", "resolution.html"
    }  # fmt: skip
    assert len(found["written"]) == len(names)
    assert (folder / "out" / "shapes.pdf").read_bytes().count(b"/Type /Page ") == len(MASSES) - 1
    page = (folder / "out" / "resolution.html").read_text()
    assert page.count("data:image/png;base64,") == 1 + len(MASSES) - 1
    assert made[-1].simulation in page
    assert "://" not in page  # which base64 never has


def test_the_table_is_a_window(shelf, monkeypatch):
    """Widths are read by a window, but not past the failed one; a map leaves it out and says so."""
    folder, _, _ = shelf
    monkeypatch.chdir(folder)
    table = (folder / "out" / "resolution.csv").read_text()
    (folder / "resolution.csv").write_text(table)
    with pytest.raises(InputError, match=r"line 8 \(column sigma_w\): there is no value"):
        mb.select("selection.yaml", output="selected", dry_run=True)
    widths = ResolutionMap.read("resolution.csv", axes=["m_zp"])
    assert widths.left_out == ("resolution.csv, line 8",)
    found = widths.evaluate({"m_zp": [2.0, 2.5, 4.0]})
    assert found.value[1] == pytest.approx(width(2.5) * math.sqrt(1.9), rel=0.1)
    assert math.isnan(found.value[2])
    assert "outside" in found.reason[2]
    (folder / "resolution.csv").write_text("\n".join(table.splitlines()[:-1]) + "\n")
    again = mb.measure_resolution("selection.yaml", "m_zp < 2.5", output="few", figures=False)
    assert again["selection"] == shelf[2]["selection"]  # its own table changes nothing
    text = SELECTION.replace("weight: w", "weight: w / 2")  # 1 on average over what is generated
    (folder / "plain.yaml").write_text(text)
    done = mb.select("plain.yaml", "m_zp < 3.5", output="selected", dry_run=True)
    (row, *_) = done["samples"]
    half = 2 * 1.1 * float(rows_of(folder / "resolution.csv")[0]["sigma_w"]) / width(1.0)
    inside = 0.7 * math.erf(half / math.sqrt(2)) + 0.3 * math.erf(half / math.sqrt(8))
    assert row["regions"]["signal"]["efficiency"] == pytest.approx(0.8 * inside, abs=0.03)


def run(*words):
    """Run the program."""
    return CliRunner().invoke(app, list(words), prog_name="mcbook")


def test_command_line(shelf, monkeypatch, tmp_path):
    """The command prints widths, warns of what failed, and a dry run writes nothing."""
    folder, made, _ = shelf
    monkeypatch.chdir(folder)
    out = tmp_path / "none"
    done = run("resolution", "selection.yaml", "m_zp > 2.5", "--output", str(out), "--dry-run")
    assert done.exit_code == 0
    assert not out.exists()
    assert "the fit failed" in done.stderr
    assert made[2].simulation in done.stdout
    done = run("resolution", "selection.yaml", "m_zp == 3", "--output", str(out), "--no-figures",
               "--format", "json")  # fmt: skip
    told = json.loads(done.stdout)
    assert [path.name for path in out.iterdir()] == ["resolution.csv"]
    assert told["samples"][0]["status"] == "ok"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("window:", "windows:"), "unknown key 'windows'"),
        (("width: 2\n", "width: 2\nresolution: {tail: low}\n"), "line 14 .*unknown key 'tail'"),
        (("width: 2\n", "width: 2\nresolution: {tails: left}\n"), "line 14 .*'left' is not one of"),
        (("width: 2\n", "width: 2\nresolution: {power: 1}\n"), "line 14 .*: 1 is not above 1"),
        (
            ("width: 2\n", "width: 2\nresolution: {least: 2.5}\n"),
            "line 14 .*: 2.5 is no whole",
        ),
        (("width: 2\n", "width: 2\nresolution: {region: wide}\n"), "there is no region 'wide'"),
    ],
)
def test_options_that_cannot_be(shelf, monkeypatch, change, wanted):
    """Wrong options are told with their line, before anything is read."""
    folder, _, _ = shelf
    monkeypatch.chdir(folder)
    (folder / "wrong.yaml").write_text(SELECTION.replace(*change))
    with pytest.raises(InputError, match=wanted):
        mb.measure_resolution("wrong.yaml", output="none")
    assert not (folder / "none").exists()


def test_no_window(shelf, monkeypatch):
    """Without a window nobody knows what is fitted."""
    folder, _, _ = shelf
    monkeypatch.chdir(folder)
    (folder / "wrong.yaml").write_text(SELECTION.partition("window:")[0])
    with pytest.raises(InputError, match="the key 'window' is missing"):
        mb.measure_resolution("wrong.yaml", output="none")


@pytest.mark.parametrize("name", ["resolution.csv", "resolution.html"])
def test_files_of_others_stay(shelf, monkeypatch, tmp_path, name):
    """What this command did not write is not replaced, and nothing is fitted before it is said."""
    monkeypatch.chdir(shelf[0])
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name} is there, and no file of this command"):
        mb.measure_resolution("selection.yaml", output=tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_figures_of_others_stay(shelf, monkeypatch, tmp_path):
    """A figure without a table of this command beside it is somebody's."""
    monkeypatch.chdir(shelf[0])
    (tmp_path / "resolution.png").write_text("mine")
    with pytest.raises(InputError, match=r"resolution.png is there, and no file of this command"):
        mb.measure_resolution("selection.yaml", output=tmp_path)


def test_numbers_that_are_none(tmp_path, monkeypatch):
    """NaN in the observable is told with the simulation, and where all fits fail nothing stands."""
    monkeypatch.chdir(tmp_path)

    def one_bad(point, numbers, rng):
        found = columns(point, numbers, rng)
        found["m2"][1] = np.nan
        return found

    Path("selection.yaml").write_text(SELECTION)
    made = make_books([{"m_zp": 1.0}], one_bad, events=400)
    said = f"{made[0].simulation}: m2 is no finite number in 1 of 320 events that pass"
    with pytest.raises(InputError, match=said):
        mb.measure_resolution("selection.yaml", output="out")
    Path("mcbook.db").unlink()
    make_books([{"m_zp": MASSES[-1]}], columns, events=400)
    with pytest.raises(InputError, match="no shape could be fitted"):
        mb.measure_resolution("selection.yaml", output="out")
    assert not Path("out").exists()
