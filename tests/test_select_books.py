"""Selections over ntuples in the books: counts, denominators, campaigns, and their files."""

import copy
import csv
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from ntuple_books import enter, fill, make_books, simulate
from typer.testing import CliRunner

import mcbook as mb
from mcbook.catalog.store import open_catalog
from mcbook.cli.app import app
from mcbook.efficiency import read_map
from mcbook.errors import InputError, WorkError
from mcbook.registry.expressions import parse
from mcbook.selection.file import read_selection
from mcbook.selection.records import Correction
from mcbook.verbs.selecting import texts
from mcbook.verbs.selecting.counted import Kept, corrected

SELECTION = """\
schema: 1
name: recoil
model: zprime
process: mumu_inv
cuts:
  first: "x < 0.5"
  second: "y < 0.5"
window: {observable: m2, centre: "m_zp**2", resolution: 0.1, width: 2}
regions:
  signal: {}
  all: {window: null}
"""
MASSES = (1.0, 2.0)
EVENTS = 60


def columns(point, numbers, _rng):
    """Give x and y that run through 0 to 0.9, and a recoil mass within 2 sigma of every third."""
    off = np.where(numbers % 3 == 0, 0.1, 0.5)
    return {
        "x": (numbers % 10) / 10,
        "y": (numbers // 10 % 10) / 10,
        "m2": point["m_zp"] ** 2 + off,
        "weight": np.where(numbers % 2 == 0, 1.5, 0.5),
    }


def kept(numbers, *, window):
    """Return which events the selection keeps."""
    passed = (numbers % 10 < 5) & (numbers // 10 % 10 < 5)
    return passed & (numbers % 3 == 0) if window else passed


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Make books with two samples, of two jobs each, once for all tests."""
    folder = tmp_path_factory.mktemp("shelf")
    before = Path.cwd()
    os.chdir(folder)
    try:
        made = make_books([{"m_zp": m} for m in MASSES], columns, events=EVENTS, jobs=2)
    finally:
        os.chdir(before)
    return folder, made


@pytest.fixture
def made(shelf, tmp_path, monkeypatch):
    """Give those samples, in a folder of their own with a copy of the books."""
    folder, samples = shelf
    for name in ("mcbook.db", "ntuples"):
        source = folder / name
        (tmp_path / name).symlink_to(source) if source.is_dir() else (tmp_path / name).write_bytes(
            source.read_bytes()
        )
    monkeypatch.chdir(tmp_path)
    select_file()
    return copy.deepcopy(samples)


def select_file(*changes, text=SELECTION):
    """Write the selection, with changes."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path("selection.yaml").write_text(text)
    return "selection.yaml"


def added(more):
    """Write the selection with more keys."""
    return select_file(text=SELECTION + more)


def mcbook(*arguments):
    """Run the program."""
    return CliRunner().invoke(app, list(arguments), prog_name="mcbook")


def table(name):
    """Return the rows of a table that was written."""
    lines = [line for line in Path(name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def of(found, one, region="signal"):
    """Return what was kept of a sample."""
    (row,) = [row for row in found["samples"] if row["sample_id"] == one.sample]
    return row["regions"][region]


def expected(*, window=True, keep=lambda _: True):
    """Return how many events of a sample pass, counted here."""
    numbers = np.arange(EVENTS // 2)
    return 2 * int(np.count_nonzero(kept(numbers, window=window) & keep(numbers)))


def test_from_ntuples_to_a_map_in_the_books(made):
    """Counts are those of the events, the tables say the same, and the map is in the books."""
    done = mcbook(
        "select", "selection.yaml", "--output", "selected", "--name", "recoil-v1", "--format",
        "json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["name"], found["new"], found["regions"]) == ("recoil", True, ["signal", "all"])
    assert found["files"] == {"read": 4, "events": 2 * EVENTS}
    assert found["axes"] == ["m_zp"]
    assert (found["warnings"], found["data"], found["backgrounds"]) == ([], None, [])
    for one, row in zip(made, found["samples"], strict=True):
        assert (row["sample_id"], row["simulation_id"]) == (one.sample, one.simulation)
        assert row["n_generated"] == EVENTS
        for region, has_window in (("signal", True), ("all", False)):
            n = expected(window=has_window)
            got = row["regions"][region]
            assert (got["n"], got["sumw"], got["sumw2"]) == (n, n, n)
            assert got["efficiency"] == pytest.approx(n / EVENTS)
            error = np.sqrt(n / EVENTS * (1 - n / EVENTS) / EVENTS)
            assert got["error"] == pytest.approx(error, rel=0.2)
    names = {Path(name).name for name in found["written"]}
    assert names == {"cutflow.csv", "efficiency.csv", "systematics.yaml"}
    first = [row for row in table("selected/cutflow.csv") if row["region"] == "all"][:3]
    assert [(row["cut"], int(row["n"])) for row in first] == [
        ("read", EVENTS), ("first", EVENTS // 2), ("second", expected(window=False)),
    ]  # fmt: skip
    read = read_map("selected/efficiency.csv", region="signal")
    got = read.evaluate({"m_zp": [1.0]})
    assert got.value[0] == pytest.approx(expected() / EVENTS, rel=1e-6)
    assert got.samples[0] == (made[0].simulation,)

    (listed,) = mb.list_efficiency_maps()
    assert listed["id"] == found["map"]["id"]
    back = mb.trace(found["id"])
    assert back["kind"] == "cutflow"
    assert len(back["cutflow"]["rows"]) == 2 * (4 + 3)
    assert [row["id"] for row in back["maps"]] == [listed["id"]]
    assert [row["id"] for row in mb.trace(listed["id"])["cutflows"]] == [found["id"]]
    assert [row["id"] for row in mb.trace(made[0].ntuples[0])["cutflows"]] == [found["id"]]
    assert mb.trace("selected/cutflow.csv")["cutflow"]["id"] == found["id"]
    assert mcbook("trace", found["id"]).exit_code == 0


def test_the_same_again_is_nothing_new(made):  # noqa: ARG001
    """The same selection again changes neither books nor files; another cut is another cutflow."""
    first = mb.select("selection.yaml", output="selected", name="recoil-v1")
    again = mb.select("selection.yaml", output="selected", name="recoil-v1")
    assert (again["id"], again["new"], again["map"]["new"]) == (first["id"], False, False)
    assert again["written"] == []
    assert mb.catalog_info()["rows"]["cutflows"] == 1
    select_file(("x < 0.5", "x < 0.4"))
    before = Path("selected/efficiency.csv").read_bytes()
    with pytest.raises(InputError, match="the name recoil-v1 is that of the map"):
        mb.select("selection.yaml", output="selected", name="recoil-v1")
    assert Path("selected/efficiency.csv").read_bytes() == before
    assert mb.catalog_info()["rows"]["cutflows"] == 1
    other = mb.select("selection.yaml", output="selected")
    assert other["new"]
    assert other["id"] != first["id"]
    assert other["selection"] != first["selection"]


def test_books_with_cutflows_travel(made):  # noqa: ARG001
    """Dump and load, and merge, carry cutflows; an edited one is told."""
    found = mb.select("selection.yaml", output="selected", name="recoil-v1")
    mb.dump_catalog("books.jsonl")
    mb.load_catalog("books.jsonl", catalog="loaded.db")
    mb.dump_catalog("again.jsonl", catalog="loaded.db")
    assert Path("again.jsonl").read_text() == Path("books.jsonl").read_text()
    new = mb.merge_catalogs("mcbook.db", catalog="merged.db")["new"]
    assert (new["cutflows"], new["cutflow_rows"]) == (1, 14)
    assert "cutflows" not in mb.merge_catalogs("mcbook.db", catalog="merged.db")["new"]
    assert mb.trace(found["id"], catalog="merged.db")["maps"]
    text = Path("books.jsonl").read_text().replace('"table":"cutflow_rows"', '"table":"cutflows"')
    Path("books.jsonl").write_text(text)
    with pytest.raises(InputError, match="a row of cutflows has other columns"):
        mb.load_catalog("books.jsonl", catalog="third.db")
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        books.change("UPDATE cutflow_rows SET n = n + ? WHERE number = 2", [(1,)])
    with pytest.raises(WorkError, match="is not as it was recorded"):
        mb.trace(found["id"])


def test_the_table_of_one_sample_is_its_cutflow(made):
    """On a terminal one sample shows its cuts, several show a line each."""
    one = mcbook("select", "selection.yaml", made[0].sample, "--output", "one")
    assert one.exit_code == 0, one.output
    assert f"{made[0].simulation}, signal:" in one.stdout
    assert "second" in one.stdout
    both = mcbook("select", "selection.yaml", "--output", "both")
    assert "second" not in both.stdout
    assert all(sample.simulation in both.stdout for sample in made)
    dry = mcbook("select", "selection.yaml", "--output", "dry", "--dry-run")
    assert dry.exit_code == 0
    assert not Path("dry").exists()


def test_jobs_without_ntuple_are_missed(made):
    """The denominator is of the jobs behind the files that are read, and the others are told."""
    one = made[0]
    simulate(one, "MC16", jobs=3)
    enter(fill(one, "MC16", columns, missing=(2,)))
    found = mb.select("selection.yaml", one.sample, output="out", simulations=["campaign=MC16"])
    assert found["samples"][0]["n_generated"] == 40
    (warning,) = found["warnings"]
    assert warning == (
        f"1 of 3 jobs, 20 of 60 events, of {one.simulations['MC16']} have no ntuple: its"
        " efficiency rests on the others"
    )
    done = mcbook("select", "selection.yaml", one.simulations["MC16"], "--output", "out")
    assert "1 of 3 jobs, 20 of 60 events" in done.stderr


def test_a_skim_stands_for_all_events_of_its_jobs(made):
    """Ntuples without the events that fail the first cut give the same efficiency."""

    def skim(point, numbers, rng):
        some = numbers[numbers % 10 < 5]
        return columns(point, some, rng)

    one = made[0]
    simulate(one, "MC16", jobs=2)
    enter(fill(one, "MC16", skim), filtered=True)
    full = mb.select("selection.yaml", one.simulations["MC15ri"], output="a")
    skimmed = mb.select("selection.yaml", one.simulations["MC16"], output="b")
    assert of(full, one) == of(skimmed, one)
    assert skimmed["files"]["events"] == EVENTS // 2


def test_events_of_a_training_count_nowhere(made):
    """Numerator and denominator have the other events only, counted job by job."""
    added('event: {column: __event__}\ntraining: "event % 4 == 0"\n')
    found = mb.select("selection.yaml", output="out")
    left = 2 * sum(number % 4 != 0 for number in range(EVENTS // 2))
    assert found["samples"][0]["n_generated"] == left != 3 * EVENTS // 4
    assert of(found, made[0])["n"] == expected(keep=lambda numbers: numbers % 4 != 0)
    added('event: {column: __event__}\ntraining: "event >= 0"\n')
    with pytest.raises(InputError, match="no generated event is left"):
        mb.select("selection.yaml", output="out")


def test_weights(made):
    """Sums of weights are those of the events that pass, over the number of generated ones."""
    added("weight: weight\n")
    got = of(mb.select("selection.yaml", output="out"), made[0])
    numbers = np.arange(EVENTS // 2)
    weights = np.where(numbers % 2 == 0, 1.5, 0.5)[kept(numbers, window=True)]
    assert got["sumw"] == pytest.approx(2 * weights.sum())
    assert got["sumw2"] == pytest.approx(2 * (weights**2).sum())
    assert got["efficiency"] == pytest.approx(2 * weights.sum() / EVENTS)


def test_filter_and_corrections(made):
    """They multiply efficiencies, not cutflows, and their errors go to an analysis."""
    added(
        "filter: {value: 0.5, relative_error: 0.02, source: skim}\n"
        "corrections:\n"
        "- {source: trigger, of: m_zp, edges: [0, 1.5, 3], factor: [0.9, 0.8],"
        " relative_error: [0.1, 0.3]}\n"
        "- {source: tracking, of: m_zp, edges: [0, 3], factor: 0.5, relative_error: 0.05}\n"
    )
    found = mb.select("selection.yaml", output="out")
    for one, factor in zip(made, (0.45, 0.4), strict=True):
        got = of(found, one)
        n = expected()
        assert got["n"] == n
        assert got["sumw"] == pytest.approx(factor * n)
        assert got["sumw2"] == pytest.approx(factor**2 * n)
        assert got["efficiency"] == pytest.approx(factor * n / (2 * EVENTS))
    assert {row["n_generated"] for row in found["samples"]} == {2 * EVENTS}
    assert {row["sumw"] for row in found["cutflows"] if row["cut"] == "window"} == {expected()}
    entries = yaml.safe_load(Path("out/systematics.yaml").read_text())
    assert entries["systematics"] == [
        {"source": "trigger", "affects": "signal", "of": "m_zp", "edges": [0, 1.5, 3],
         "relative": [0.1, 0.3]},
        {"source": "tracking", "affects": "signal", "relative": 0.05},
        {"source": "filter", "affects": "signal", "relative": 0.02},
    ]  # fmt: skip
    added("corrections: [{source: trigger, of: m_zp, edges: [0, 3], factor: 9,"
          " relative_error: 0}]\n")  # fmt: skip
    with pytest.raises(InputError, match=r"is .*, above 1") as error:
        mb.select("selection.yaml", output="other")
    assert "corrections" in error.value.hint
    assert not Path("other").exists()


def test_the_width_of_data(made):
    """The window of data is wider, and holds as much of the signal as that of simulation."""
    before = mb.select("selection.yaml", output="a")
    wider = SELECTION.replace("width: 2}", "width: 2, correction: {value: 3, relative_error: 0.7}}")
    select_file(text=wider)
    found = mb.select("selection.yaml", output="b")
    assert of(found, made[0]) == of(before, made[0])
    window = read_selection("selection.yaml").window
    assert window.limits({"m_zp": 1.0}) == pytest.approx((0.4, 1.6))
    assert window.limits({"m_zp": 1.0}, is_signal=True) == pytest.approx((0.8, 1.2))
    # 0.2 / 1.7 has events at 0.1 in it, 0.2 / 0.3 also those at 0.5
    few, all_of_them = expected(), expected(window=False)
    (entry,) = yaml.safe_load(Path("b/systematics.yaml").read_text())["systematics"]
    assert (entry["source"], entry["affects"]) == ("window_width", "signal")
    assert entry["relative"] == pytest.approx((all_of_them - few) / (2 * few))
    assert yaml.safe_load(Path("a/systematics.yaml").read_text())["systematics"] == []


def test_errors_of_the_width_in_bins():
    """Samples on one axis have a bin each, half way to the next; in a plane it is the largest."""
    selection = SimpleNamespace(corrections=(), filter=None)

    def read(axes, of_width):
        text = texts.systematics("", selection, [], axes, of_width)
        return yaml.safe_load(text)["systematics"]

    line = [({"m": 1.0}, 0.1), ({"m": 2.0}, 0.2), ({"m": 4.0}, 0.3), ({"m": 2.0}, 0.25)]
    (entry,) = read(["m"], line)
    assert (entry["of"], entry["edges"]) == ("m", [1, 1.5, 3, 4])
    assert entry["relative"] == [0.1, 0.25, 0.3]
    (entry,) = read(["m", "n"], [({**point, "n": 1.0}, error) for point, error in line])
    assert entry == {"source": "window_width", "affects": "signal", "relative": 0.3}
    assert read(["m"], [(point, 0.0) for point, _ in line]) == []


def test_corrections_at_a_lifetime():
    """Rows of one sample at several lifetimes have the factors of these."""
    factor = Correction(
        "vertex", "s.yaml", parse("ctau_x"), (0.1, 5.0, 1000.0), (1.0, 0.5), (0.0, 0.1)
    )
    selection = SimpleNamespace(corrections=(factor,), point=lambda given: {**given, "ctau_x": 1.0})
    rows = [
        Kept("s", None, "signal", 100, 50, 100.0, 50.0, 50.0, {"ctau_x": ctau}) for ctau in (1, 50)
    ]
    found = corrected(selection, rows, {"s": {"parameters": {"m": 1.0}}})
    assert [one.sumw for one in found] == [50, 25]


def test_campaigns_are_combined_by_luminosity(made):
    """Several campaigns are never mixed silently, and the mean is the exact one."""

    def worse(point, numbers, rng):
        found = columns(point, numbers, rng)
        return found | {"x": np.where(numbers % 2 == 0, found["x"], 0.9)}

    both, lone = made
    simulate(both, "MC16", jobs=3)
    enter(fill(both, "MC16", worse, missing=(3,)))
    with pytest.raises(InputError, match=r"several campaigns: MC15ri, MC16") as error:
        mb.select("selection.yaml", output="out")
    assert "campaigns: {NAME: fb^-1}" in error.value.hint
    assert not Path("out").exists()
    first = mb.select("selection.yaml", both.sample, output="a", simulations=["campaign=MC15ri"])
    second = mb.select("selection.yaml", both.sample, output="b", simulations=["campaign=MC16"])
    added("campaigns: {MC15ri: 100, MC16: 300}\n")
    found = mb.select("selection.yaml", output="out", name="both")
    assert [row["sample_id"] for row in found["samples"]] == [both.sample]
    assert f"{lone.sample} left: it has no ntuple of the campaign MC16" in found["warnings"]
    a, b, got = (of(one, both) for one in (first, second, found))
    assert got["efficiency"] == pytest.approx(0.25 * a["efficiency"] + 0.75 * b["efficiency"])
    assert (found["samples"][0]["n_generated"], got["n"]) == (EVENTS + 40, a["n"] + b["n"])
    variance = (0.25 / 60) ** 2 * a["sumw2"] + (0.75 / 40) ** 2 * b["sumw2"]
    assert got["sumw2"] == pytest.approx(100**2 * variance)
    assert found["samples"][0]["simulation_id"] is None
    assert {row["simulation_id"] for row in found["cutflows"]} == set(both.simulations.values())


def test_two_simulations_of_a_campaign(made):
    """Which one is meant has to be said."""
    one = made[0]
    other = simulate(one, "MC15ri", label="b", jobs=2)
    enter(fill(one, "MC15rib", columns))
    with pytest.raises(InputError, match="several simulations of the campaign MC15ri") as error:
        mb.select("selection.yaml", output="out")
    assert one.simulations["MC15ri"] in error.value.message
    assert other in error.value.message
    found = mb.select("selection.yaml", output="out", simulations=[other])
    assert [row["simulation_id"] for row in found["samples"]] == [other, made[1].simulation]
    with pytest.raises(InputError, match="'campain' is none of") as error:
        mb.select("selection.yaml", output="out", simulations=["campain=MC15ri"])
    assert "did you mean 'campaign'?" in error.value.hint


def test_interrupted(made, monkeypatch):  # noqa: ARG001
    """What fails on the way leaves neither a cutflow nor files, and can be run again."""

    def full(*_):
        raise WorkError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("mcbook.verbs.selecting.place.write", full)
        with pytest.raises(WorkError, match="no space left"):
            mb.select("selection.yaml", output="out", name="recoil-v1")
    assert mb.catalog_info()["rows"]["cutflows"] == 0
    assert mb.list_efficiency_maps() == []
    Path("out").mkdir()
    Path("out/notes.txt").write_text("mine")
    Path("out/background_old.csv").write_text("# Expected background: selection old\n")
    Path("out/background_own.csv").write_text("m_zp,background\n")
    found = mb.select("selection.yaml", output="out", name="recoil-v1")
    assert found["new"]
    assert found["notes"] == ["removed, of an earlier run: background_old.csv"]
    assert {path.name for path in Path("out").iterdir()} == {
        "cutflow.csv", "efficiency.csv", "systematics.yaml", "notes.txt", "background_own.csv",
    }  # fmt: skip


def test_ntuples_are_those_of_the_books(made):
    """A file that changed or is gone is one message; one that is in no books is ingested first."""
    shutil.copytree("ntuples", "own")
    Path("ntuples").unlink()
    Path("own").rename("ntuples")
    path = made[0].ntuples[0]
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(WorkError, match="is not the file that the books know"):
        mb.select("selection.yaml", output="out")
    path.unlink()
    with pytest.raises(WorkError, match=f"{path.name} is gone"):
        mb.select("selection.yaml", output="out")
    assert not Path("out").exists()
    path.write_bytes(content)
    with pytest.raises(InputError, match="it is a file, and the ntuples") as error:
        mb.select("selection.yaml", str(path), output="out")
    assert f"`mcbook ingest {path}` enters it" in error.value.hint


@pytest.mark.parametrize(
    ("change", "expression", "message", "hint"),
    [
        (("x < 0.5", "xx < 0.5"), None, "no branch 'xx'", "did you mean"),
        (("process: mumu_inv", "process: mumu_in"), None, "mumu_in", "did you mean 'mumu_inv'?"),
        (("name: recoil", "tier: mdst\nname: recoil"), None, "an ntuple of tier mdst", "ingest"),
        (("x < 0.5", "x < 0.5"), "m_zp > 77", "no sample of zprime mumu_inv", "ingest"),
        (("x < 0.5", "x < 0.5"), "zprime-000000000000", "no sample in the books", "query"),
        (("x < 0.5", "log(x - 1) < 0"), None, "not defined in", "division by zero"),
    ],
)
@pytest.mark.usefixtures("made")
def test_bad_input_is_one_line_and_writes_nothing(change, expression, message, hint):
    """Each says what is wrong; neither books nor folder are touched."""
    select_file(change)
    with pytest.raises(InputError, match=message) as error:
        mb.select("selection.yaml", expression, output="out")
    assert hint in error.value.hint
    assert not Path("out").exists()
    assert mb.catalog_info()["rows"]["cutflows"] == 0


def test_bad_options(made):  # noqa: ARG001
    """Names, folders and options on data are checked before anything is read."""
    Path("file").write_text("")
    for message, how in (
        (r"cannot be made: .*file is a file", {"output": "file/out"}),
        ("is no name of an efficiency map", {"output": "out", "name": "a/b"}),
        ("--open goes with --unblind", {"output": "out", "open_regions": ["signal"]}),
        ("it names no data", {"output": "out", "unblind": "approved"}),
        ("--jobs is 0", {"output": "out", "jobs": 0}),
    ):
        with pytest.raises(InputError, match=message):
            mb.select("selection.yaml", **how)
    assert not Path("out").exists()
    Path("mine").mkdir()
    Path("mine/efficiency.csv").write_text("sample_id\n")
    with pytest.raises(InputError, match=r"efficiency\.csv is there, and no file of this command"):
        mb.select("selection.yaml", output="mine")


def test_files_side_by_side(made):  # noqa: ARG001
    """Several processes give the same cutflow."""
    one = mb.select("selection.yaml", output="one")
    two = mb.select("selection.yaml", output="two", jobs=2)
    assert two["id"] == one["id"]
    assert Path("one/cutflow.csv").read_bytes() == Path("two/cutflow.csv").read_bytes()
