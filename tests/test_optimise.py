"""``mcbook optimise``: from ntuples in the books to cut values that a selection reads again."""

import copy
import csv
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import uproot
import yaml
from ntuple_books import make_books, write
from typer.testing import CliRunner

import mcbook as mb
from mcbook.cli.app import app
from mcbook.errors import InputError
from mcbook.selection.file import read_selection
from mcbook.selection.optimisefile import loosened, rules_of, tuned_values
from mcbook.verbs.optimising import Reader
from mcbook.verbs.selecting.backgrounds import Piece

SELECTION = """\
schema: 1
name: recoil
model: zprime
process: mumu_inv
weight: weight
event: {column: __event__}
values:
  pt_min: {of: m_zp, table: best/optimum.csv, column: pt_min}
  extra_max: 0.9
cuts:
  quality: "good > 0.5"
  pt: "2 * pt / 2 > pt_min and side < 0.8"
  extra: "extra < extra_max"
window: {observable: m2, centre: "m_zp**2", resolution: 0.1, width: 2}
regions:
  signal: {}
  loose: {without: [pt], window: null}
luminosity: 100
backgrounds:
  flat: {files: ["flat_*.root"], luminosity: 200}
  few: {files: ["few.root"], luminosity: 400}
data: {files: ["data.root"]}
optimise:
  values: {pt_min: {range: [0, 1], steps: 20}}
  split: "event % 2 == 0"
"""
MASSES = (1.0, 2.0, 3.0, 4.0)
EVENTS = 600
A = 1.64


def columns(point, numbers, rng):
    """Give signal whose p_T grows with the mass, a part of it in the window."""
    n = len(numbers)
    return {
        "pt": rng.random(n) ** (1 / (1.5 + 0.3 * point["m_zp"])),
        "side": rng.random(n),
        "extra": rng.random(n),
        "good": np.where(numbers % 5 == 0, 0.0, 1.0),
        "m2": point["m_zp"] ** 2 + rng.normal(0, 0.1, n),
        "weight": np.where(numbers % 4 < 2, 1.2, 0.8),
    }


def background(path, n, *, seed):
    """Write background that falls with p_T, flat in the recoil mass squared."""
    rng = np.random.default_rng(seed)
    content = {
        "pt": 1 - rng.random(n) ** (1 / 4),
        "side": rng.random(n),
        "extra": rng.random(n),
        "good": np.ones(n),
        "m2": rng.uniform(-1, 18, n),
        "weight": np.ones(n),
        "__event__": np.arange(n),
    }
    return write(path, content)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Make books with four samples of two jobs, and files of backgrounds, once for all tests."""
    folder = tmp_path_factory.mktemp("shelf")
    before = Path.cwd()
    os.chdir(folder)
    try:
        made = make_books([{"m_zp": m} for m in MASSES], columns, events=EVENTS, jobs=2)
        for number in (1, 2):
            background(f"flat_{number}.root", 8000, seed=number)
        background("few.root", 2000, seed=7)
    finally:
        os.chdir(before)
    return folder, made


@pytest.fixture
def made(shelf, tmp_path, monkeypatch):
    """Give those samples, in a folder of their own with a copy of the books."""
    folder, samples = shelf
    for path in folder.iterdir():
        if path.name == "mcbook.db":
            (tmp_path / path.name).write_bytes(path.read_bytes())
        else:
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    select_file()
    Path("data.root").write_text("nobody may open this")
    return copy.deepcopy(samples)


def select_file(*changes):
    """Write the selection, with changes."""
    text = SELECTION
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    Path("selection.yaml").write_text(text)
    return "selection.yaml"


def table(name):
    """Return the rows of a table that was written."""
    lines = [line for line in Path(name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def arrays(paths):
    """Return the columns of ntuples, read without mcbook."""
    found = [uproot.open(f"{path}:events").arrays(library="np") for path in paths]
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def counted(paths, mass, cut, part, *, extra_max=0.9):
    """Return sums of weights and of squares that pass, counted here; `part`: even, odd or all."""
    x = arrays(paths)
    kept = (x["good"] > 0.5) & (x["pt"] > cut) & (x["side"] < 0.8) & (x["extra"] < extra_max)
    kept &= np.abs(x["m2"] - mass**2) <= 0.2
    if part is not None:
        kept &= (x["__event__"] % 2 == 0) == part
    return x["weight"][kept].sum(), (x["weight"][kept] ** 2).sum()


def test_values_of_the_largest_figure_of_merit(made):
    """What is reported of each point is what its events say, on both halves, exactly scaled."""
    done = CliRunner().invoke(
        app, ["optimise", "selection.yaml", "--output", "best", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["selection"], found["region"], found["axis"]) == ("recoil", "signal", "m_zp")
    assert (found["a"], found["split"]) == (A, "event % 2 == 0")
    assert found["values"]["pt_min"] == {
        "cut": "pt", "variable": "2 * pt / 2", "operator": ">", "range": [0, 1], "steps": 20,
    }  # fmt: skip
    for one, row in zip(made, found["points"], strict=True):
        mass, cut = row["m_zp"], row["values"]["pt_min"]
        assert (row["sample_id"], mass) == (one.sample, one.parameters["m_zp"])
        for name, part in (("training", True), ("validation", False)):
            got = row[name]
            sumw, _ = counted(one.ntuples, mass, cut, part)
            assert got["efficiency"] == pytest.approx(sumw / (EVENTS / 2))
            flat, flat2 = counted(["flat_1.root", "flat_2.root"], mass, cut, part)
            few, few2 = counted(["few.root"], mass, cut, part)
            expected = 2 * (flat / 2 + few / 4)
            assert got["background"] == pytest.approx(expected)
            one_more = 1.0**2 + 0.5**2
            error = np.sqrt(flat2 + 0.25 * few2 + one_more)
            assert got["background_error"] == pytest.approx(error)
            assert got["fom"] == pytest.approx(got["efficiency"] / (A / 2 + np.sqrt(expected)))
        low, high = row["plateau"]["pt_min"]
        assert 0 <= low <= row["raw"]["pt_min"] <= high <= 1
    cuts = [row["values"]["pt_min"] for row in found["points"]]
    assert np.abs(np.diff(cuts, 2)).max() < 0.2


@pytest.mark.thorough
def test_raw_values_are_the_best_of_all(made):
    """Without smoothing, no value of the grid has more by an independent count."""
    select_file(("steps: 20}}", "steps: 20}}\n  smooth: false"))
    found = mb.optimise("selection.yaml", output="best", dry_run=True)
    assert not Path("best").exists()
    for one, row in zip(made, found["points"], strict=True):
        merits = []
        for cut in np.linspace(0, 1, 21):
            eps = counted(one.ntuples, row["m_zp"], cut, True)[0] / (EVENTS / 2)
            flat, flat2 = counted(["flat_1.root", "flat_2.root"], row["m_zp"], cut, True)
            few, few2 = counted(["few.root"], row["m_zp"], cut, True)
            error = np.sqrt(flat2 + 0.25 * few2 + 1.0**2 + 0.5**2)
            merits.append(eps / (A / 2 + np.sqrt(2 * (flat / 2 + few / 4) + error)))
        assert row["values"] == row["raw"]
        assert row["raw"]["pt_min"] == pytest.approx(0.05 * int(np.argmax(merits)))
        assert row["training"]["fom_cautious"] == pytest.approx(max(merits))
        assert row["loss"] == row["loss_validation"] == 0


def test_the_selection_reads_what_was_written(made):
    """The table stands in the selection as it is, and the snippet is what to write there."""
    selection = read_selection("selection.yaml")
    with pytest.raises(InputError, match=r"there is no table .*optimum.csv"):
        selection.values["pt_min"].at({"m_zp": 1.0})
    found = mb.optimise("selection.yaml", output="best")
    selection = read_selection("selection.yaml")
    for row in found["points"]:
        got = selection.values["pt_min"].at({"m_zp": row["m_zp"]})
        assert got == pytest.approx(row["values"]["pt_min"])
    snippet = yaml.safe_load(Path("best/values.yaml").read_text())
    assert snippet == {
        "values": {"pt_min": {"of": "m_zp", "table": "best/optimum.csv", "column": "pt_min"}}
    }
    rows = table("best/optimum.csv")
    assert [float(row["m_zp"]) for row in rows] == list(MASSES)
    for row, point in zip(rows, found["points"], strict=True):
        assert float(row["fom_validation"]) == pytest.approx(point["validation"]["fom"])
        assert float(row["pt_min_raw"]) == point["raw"]["pt_min"]
    names = {Path(name).name for name in found["written"]}
    figures = {f"{stem}.{kind}" for stem in ("pt_min", "pt_min_curves") for kind in ("png", "pdf")}
    assert names == {"optimum.csv", "values.yaml"} | figures
    for name in found["written"]:
        assert Path(name).stat().st_size > 100
    # the same again, over the table that is read by now
    again = mb.optimise("selection.yaml", output="best", figures=False)
    assert {Path(name).name for name in again["written"]} == {"optimum.csv", "values.yaml"}
    assert again["points"] == found["points"]
    assert {path.name for path in made[0].ntuples} <= {p.name for p in Path("ntuples").iterdir()}


def test_without_a_split_it_says_so(made):
    """All events are used then, and a warning says what that does."""
    select_file(('  split: "event % 2 == 0"\n', ""))
    found = mb.optimise("selection.yaml", f"id == '{made[0].sample}'", output="best", figures=False)
    (row,) = found["points"]
    assert row["validation"] is None
    assert any("the same events" in text for text in found["warnings"])
    sumw, _ = counted(made[0].ntuples, 1.0, row["values"]["pt_min"], None)
    assert row["training"]["efficiency"] == pytest.approx(sumw / EVENTS)
    snippet = yaml.safe_load(Path("best/values.yaml").read_text())
    assert snippet == {"values": row["values"]}  # one point is no table
    assert "fom_validation" not in table("best/optimum.csv")[0]


def test_training_events_and_split_together(made):
    """Events of a training count neither above nor below, in both parts."""
    select_file(
        ("event: {column: __event__}", 'event: {column: __event__}\ntraining: "event < 100"')
    )
    found = mb.optimise("selection.yaml", f"id == '{made[0].sample}'", output="b", dry_run=True)
    (row,) = found["points"]
    x = arrays(made[0].ntuples)
    kept = (x["good"] > 0.5) & (x["pt"] > row["values"]["pt_min"]) & (x["side"] < 0.8)
    kept &= (x["extra"] < 0.9) & (np.abs(x["m2"] - 1) <= 0.2) & (x["__event__"] >= 100)
    for name, part in (("training", 0), ("validation", 1)):
        sumw = x["weight"][kept & (x["__event__"] % 2 == part)].sum()
        assert row[name]["efficiency"] == pytest.approx(sumw / 200)  # of 2 jobs of 300, 200 left


def test_data_are_not_opened(made):
    """A data file that cannot be read disturbs nobody; among the backgrounds it is refused."""
    found = mb.optimise("selection.yaml", output="best", dry_run=True)
    assert len(found["points"]) == len(made)
    assert Path("data.root").read_text() == "nobody may open this"
    select_file(('["few.root"]', '["data.root"]'))
    with pytest.raises(InputError, match=r"data.root is among the data"):
        mb.optimise("selection.yaml", output="best", dry_run=True)


def test_what_depends_on_the_hypothesis(made):
    """Cuts and variables with masses in them count the same as files read for each point."""
    select_file(
        ('"2 * pt / 2 > pt_min and side < 0.8"', '"pt - 0.01 * m_zp > pt_min and side < 0.8"'),
        ('"extra < extra_max"', '"extra < extra_max - 0.01 * m_zp"'),
    )
    found = mb.optimise("selection.yaml", output="best", dry_run=True)
    for one, row in zip(made, found["points"], strict=True):
        mass = row["m_zp"]
        sumw, _ = counted(
            one.ntuples, mass, row["values"]["pt_min"] + 0.01 * mass, False,
            extra_max=0.9 - 0.01 * mass,
        )  # fmt: skip
        assert row["validation"]["efficiency"] == pytest.approx(sumw / (EVENTS / 2))


@pytest.mark.thorough
def test_two_values(made):
    """Two values at once, in both directions; the optimum is no worse than with one of them."""
    alone = mb.optimise("selection.yaml", output="best", dry_run=True)
    select_file(
        ("pt_min: {range: [0, 1], steps: 20}",
         "pt_min: {range: [0, 1], steps: 20}, extra_max: {range: [0.1, 1], steps: 9}"),
        ('"extra < extra_max"', '"extra_max >= extra"'),
    )  # fmt: skip
    found = mb.optimise("selection.yaml", output="best")
    assert found["values"]["extra_max"]["operator"] == "<="
    raw = lambda points: [point["raw"]["pt_min"] for point in points]  # noqa: E731
    assert len(raw(found["points"])) == len(made) == len(raw(alone["points"]))
    assert {Path(name).name for name in found["written"]} >= {"extra_max.png", "pt_min.pdf"}
    assert list(table("best/optimum.csv")[0])[:3] == ["m_zp", "pt_min", "extra_max"]


FORM = r"cuts\.pt\): pt_min is looked for, and .* does not compare"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("2 * pt / 2 > pt_min and", "pt > 2 * pt_min and")], FORM),
        ([("2 * pt / 2 > pt_min and", "pt == pt_min and")], FORM),
        ([("2 * pt / 2 > pt_min and", "pt > pt_min or")], FORM),
        ([("2 * pt / 2 > pt_min and", "not pt < pt_min and")], FORM),
        ([("2 * pt / 2 > pt_min and", "0.1 < pt_min < pt and")], FORM),
        ([("2 * pt / 2 > pt_min and", "pt + pt_min > pt_min and")], FORM),
        ([("2 * pt / 2 > pt_min and", "")], r"optimise.values.pt_min\): no cut uses it"),
        ([("good > 0.5", "pt < pt_min + 1")], "the cuts quality and pt use it"),
        ([("cuts:", 'columns: {c: "pt_min + 1"}\ncuts:')], "the column c uses it"),
        ([("signal: {}", 'signal: {where: "pt < pt_min"}')], "the region signal uses it"),
        ([("  split", "  region: loose\n  split")], "the region loose is without the cut pt"),
        ([("  split", "  smooth: 2\n  split")], r"optimise.smooth\): 2 is neither"),
        ([("  split", "  smooth: maybe\n  split")], r"optimise.smooth\): 'maybe' is neither"),
        ([("  split", "  min_background: -1\n  split")], "no number of events"),
        ([("  split", "  wrong: 1\n  split")], "unknown key 'wrong'"),
        ([("pt_min: {range", "pt_mni: {range")], "pt_mni"),
    ],
)
def test_cuts_of_another_form(made, changes, message):  # noqa: ARG001
    """What is not a comparison of one expression with one value is refused, and where it stands."""
    select_file(*changes)
    with pytest.raises(InputError, match=message):
        mb.optimise("selection.yaml", output="best")
    assert not Path("best").exists()


@pytest.mark.parametrize(
    ("cut", "operator", "variable"),
    [
        ("x < pt_min", "<", "x"),
        ("pt_min > abs(x - 1)", "<", "abs(x - 1)"),
        ("y > 1 and (x >= pt_min and z < 2)", ">=", "x"),
        ("0.2 < x <= pt_min", "<=", "x"),
        ("pt_min < x < 0.9", ">", "x"),
    ],
)
def test_forms_of_a_cut(tmp_path, monkeypatch, cut, operator, variable):
    """Comparisons in either order, chained or and-ed, with the operator as direction."""
    monkeypatch.chdir(tmp_path)
    select_file(("2 * pt / 2 > pt_min and side < 0.8", cut))
    selection = read_selection("selection.yaml")
    (found,) = tuned_values(selection)
    assert (found.axis.operator, found.variable.canonical) == (operator, variable)
    assert (found.name, found.cut, len(found.axis.values)) == ("pt_min", "pt", 21)
    assert found.axis.loosest == (0 if ">" in operator else 1)
    loose = loosened(selection, [found])
    assert loose.values["pt_min"].at({}) == found.axis.loosest
    rules = rules_of(selection)
    assert (rules.smooth, rules.loss, rules.min_background, rules.a) == (True, None, 0, A)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("backgrounds:\n", ""), ('  flat: {files: ["flat_*.root"], luminosity: 200}\n', ""),
          ('  few: {files: ["few.root"], luminosity: 400}\n', "")], "there are no backgrounds"),
        ([("optimise:\n", ""), ("  values: {pt_min: {range: [0, 1], steps: 20}}\n", ""),
          ('  split: "event % 2 == 0"\n', "")], "the key 'optimise' is missing"),
        ([("event % 2 == 0", "event < 0")], "of 600 generated events none is in the split"),
        ([("event % 2 == 0", "event < 200")], "background flat: which share"),
        ([("range: [0, 1]", "range: [2, 3]")], "no signal event passes"),
    ],
)  # fmt: skip
def test_nothing_to_choose_from(made, changes, message):  # noqa: ARG001
    """What cannot be optimised is said in one line, and nothing is written."""
    select_file(*changes)
    done = CliRunner().invoke(app, ["optimise", "selection.yaml", "--output", "best"])
    assert done.exit_code == 2
    assert message in done.stderr.splitlines()[0]
    assert not Path("best").exists()


def test_places_that_are_taken(made):  # noqa: ARG001
    """A file in the way, or a table of somebody else, stays as it is."""
    Path("taken").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        mb.optimise("selection.yaml", output="taken")
    Path("mine").mkdir()
    for name in ("optimum.csv", "values.yaml"):
        Path("mine", name).write_text("m_zp,pt_min\n")
        with pytest.raises(InputError, match=f"{name} is there, and no file of this command"):
            mb.optimise("selection.yaml", output="mine")
        assert Path("mine", name).read_text() == "m_zp,pt_min\n"
        Path("mine", name).unlink()


@pytest.mark.thorough
def test_the_table_for_people(made):
    """A line for each point, notes on stderr, and the files."""
    done = CliRunner().invoke(app, ["optimise", "selection.yaml", "--output", "best"])
    assert done.exit_code == 0, done.output
    first, head, *lines = done.stdout.splitlines()
    assert first.startswith("recoil, region signal, a = 1.64; on events without event % 2 == 0")
    assert head.split()[:2] == ["m_zp", "pt_min"]
    assert [float(line.split()[0]) for line in lines[: len(made)]] == list(MASSES)
    assert "written: best/optimum.csv" in lines


class _Read(Reader):
    """A reader of one event of the file a, and none of the file b."""

    def __post_init__(self):
        """Read no selection."""

    def _in_window(self, piece, *_):
        there = [1.0] * (piece.paths[0].name == "a")
        return {"x": np.array(there), "weight": np.array(there)}

    def _scale(self, *_):
        return 1.0


def test_each_sample_of_a_background_has_an_event_more():
    """One that has no event left in the window counts with what one of its events weighs."""
    pieces = [Piece((Path("a"),), 0.5), Piece((Path("b"),), 20.0)]
    reader = _Read(None, [SimpleNamespace(column="x")], 1)
    events, weights = reader.background("all", pieces, {}, None)
    assert events.weights.tolist() == [0.5]
    assert weights == [0.5, 20.0]
