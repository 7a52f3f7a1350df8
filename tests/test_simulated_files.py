"""Files behind the simulation come back: bound to it and to the jobs in them, counted once."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import uproot
from bookshelf import on_files
from lhe_book import fill

from mcbook.catalog import simulations
from mcbook.catalog.rows_simulation import SimulationJobRow
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError, WorkError
from mcbook.verbs.books import copy, dump, load, merge
from mcbook.verbs.check import check
from mcbook.verbs.collection import create_collection, show_collection
from mcbook.verbs.efficiencies import add_efficiency_map
from mcbook.verbs.generate import generate
from mcbook.verbs.ingest import ingest
from mcbook.verbs.lifecycle import retire
from mcbook.verbs.show import show
from mcbook.verbs.simulate import simulate
from mcbook.verbs.simulations import list_simulations
from mcbook.verbs.trace import trace
from mcbook.verbs.verify import verify

GRID = """\
model: idm
scan: {m_chi1: {values: [0.5]}, m_hp: {values: [0.4]}}
fixed: {delta_m: 0.2, epsilon: 1e-3, alpha_D: 0.1, theta: 1e-4}
derived: {m_ap: "3*m_chi1"}
events: 25
"""
CONDITIONS = """\
schema: 1
release: release-08-02-04
campaign: MC16ri_a
global_tags: []
experiment: 1003
run: 0
background: none
displacement: points
events_per_job: 10
"""


@pytest.fixture
def simulation(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Return the id of a simulation with three jobs, of 9, 9 and 7 events."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("grid.yaml").write_text(GRID)
    Path("c.yaml").write_text(CONDITIONS)
    generate(None, "grid.yaml")
    fill()
    (identity,) = simulate("out", "c.yaml")["ids"]
    return identity


def lines():
    """Return the jobs as the manifest has them."""
    first, *rest = Path("out/manifest.jsonl").read_text().splitlines()
    assert json.loads(first)["mcbook"] == "simulations"
    return [json.loads(line) for line in rest]


def mdst(path, events, words):
    """Write a file as basf2 would: events, and words among other bytes of the file's metadata."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"\x00\x07" + b"\x00\x05".join(word.encode() for word in words) + b"\x00"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"x": np.float64}).extend({"x": np.zeros(events)})
        data = np.frombuffer(content, dtype=np.uint8)
        file.mktree("persistent", {"FileMetaData": np.uint8}).extend({"FileMetaData": data})
    return path


def ntuple(path, rows):
    """Write an ntuple, which says nothing of itself."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path) as file:
        file.mktree("signal", {"m": np.float64}).extend({"m": np.zeros(rows)})
    return path


def run_jobs(numbers=(0, 1, 2)):
    """Leave the mdst files of some jobs where the jobs would."""
    for number in numbers:
        line = lines()[number]
        path = Path("out") / line["project"] / line["output"]
        mdst(path, line["events"], ["campaign", "MC16ri_a", "mcbook", line["key"]])


def files():
    """Return what the books know of files behind the simulation."""
    (found,) = list_simulations()
    return found["files"]


def test_a_folder_of_jobs(simulation):
    """A whole export is taken in by one command, and again is nothing new; a lost job is missed."""
    assert [line["events"] for line in lines()] == [9, 9, 7]
    run_jobs([0, 2])
    found = ingest(["out"])
    assert found["files"] == {"new": 2, "known": 0, "refused": 0}
    assert found["events"] == 0  # none of the generator
    assert {(row["simulation"], row["tier"], row["jobs"]) for row in found["entered"]} == {
        (simulation, "mdst", 1)
    }
    assert ingest(["out"])["files"] == {"new": 0, "known": 2, "refused": 0}
    assert files() == {"mdst": {"files": 2, "jobs": 2, "events_generated": 16}}
    again = simulate("again", "c.yaml")
    assert (again["jobs"], again["events"]) == (1, 9)
    assert show(simulation.rpartition("-s")[0])["simulations"][0]["id"] == simulation


@pytest.mark.usefixtures("simulation")
def test_what_a_file_says_comes_before_its_name():
    """The id inside binds it, wherever it lies and whatever it is called."""
    first, second, third = (line["key"] for line in lines())
    path = mdst(f"elsewhere/{second}.root", 9, [first])
    assert ingest([path])["files"]["new"] == 1
    merged = mdst("elsewhere/merged.root", 16, [second, third])  # such as a file made of two
    assert ingest([merged])["entered"][0]["jobs"] == 2
    assert files()["mdst"] == {"files": 2, "jobs": 3, "events_generated": 25}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("events", "options", "says"),
    [
        (8, {}, "it has 8 events, and 9 went into its jobs"),
        (10, {}, "it has 10 events"),
        (10, {"filtered": True}, "it has 10 events"),
        (8, {"filtered": True}, None),
        (9, {"parts": "1j2"}, "not what --parts says"),
        (9, {"parts": "1j1"}, None),
        (9, {"parts": "all"}, "not what --parts says"),
        (9, {"tier": "My Tuple"}, "is no name of a tier"),
    ],
)
@pytest.mark.usefixtures("simulation")
def test_events_are_counted(events, options, says):
    """A file of basf2 has the events of its job, unless a filter took some."""
    path = mdst("a.root", events, [lines()[0]["key"]])
    if says and "tier" in options:
        with pytest.raises(InputError, match=says):
            ingest([path], **options)
        return
    found = ingest([path], **options)
    reasons = [row["reason"] for row in found["refused"]]
    assert (len(reasons) == 1 and says in reasons[0]) if says else not reasons
    assert bool(files()) == (says is None)


@pytest.mark.thorough
def test_ntuples_stand_for_the_jobs_behind_them(simulation):
    """By name, by folder, or because somebody says so; never for jobs that nobody names."""
    first = lines()[0]["key"]
    assert ingest([ntuple(f"{first}.ntuple.root", 3)])["entered"][0]["events_generated"] == 9
    project = lines()[1]["project"]
    assert ingest([ntuple(f"grid/{project}/sub00/out_0001.root", 2)])["files"]["new"] == 1
    whole = ntuple(f"{simulation}.root", 7)
    (refused,) = ingest([whole])["refused"]
    assert "nothing says which of its jobs" in refused["reason"]
    (refused,) = ingest([whole], parts="all")["refused"]
    assert "would count twice" in refused["reason"]
    found = ingest([whole], parts="all", tier="ntuple.control")
    assert found["entered"][0]["events_generated"] == 25
    plain = ntuple("plain.root", 5)
    (refused,) = ingest([plain])["refused"]
    assert "does not say of which sample or simulation" in refused["reason"]
    found = ingest([plain], simulation=simulation, parts="1j3")
    assert found["entered"][0]["events_generated"] == 7
    assert files()["ntuple"] == {"files": 3, "jobs": 3, "events_generated": 25}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ("2", "2: that simulation has no such part"),
        ("1-3", "1-3: that simulation has no such part"),
        ("1-99999999999", "no such part"),
        ("1-0", "no such part"),
        ("1j4", "1j4: that part has no such job"),
        ("one", "'one' is no part"),
        ("1,", "'' is no part"),
    ],
)
def test_parts_that_are_not_there(simulation, parts, says):
    """What --parts names must be there."""
    (refused,) = ingest([ntuple("a.root", 1)], simulation=simulation, parts=parts)["refused"]
    assert says in refused["reason"]
    assert files() == {}


def test_paths_on_the_grid(simulation):
    """They come in without a file; a copy on disk is the same one, not a second one."""
    line = lines()[0]
    lpn = f"/belle/user/me/{line['project']}/sub00/{line['output']}"
    assert ingest([lpn])["files"] == {"new": 1, "known": 0, "refused": 0}
    assert ingest([lpn])["files"]["known"] == 1
    assert files()["mdst"]["jobs"] == 1
    copy_here = mdst(line["output"], 9, [line["key"]])
    assert ingest([copy_here])["files"]["known"] == 1
    assert ingest([copy_here])["files"]["known"] == 1
    (refused,) = ingest([mdst("other.root", 9, [line["key"], "again"])])["refused"]
    assert "would count twice" in refused["reason"]
    (refused,) = ingest([f"{lpn}.2"], tier="mdst")["refused"]
    assert "would count twice" in refused["reason"]
    (refused,) = ingest([f"/belle/user/me/{lines()[2]['project']}/x.root"])["refused"]
    assert "does not say what it is" in refused["reason"]
    (refused,) = ingest(["/belle/MC/release-08/x.root"])["refused"]
    assert "nothing says of which simulation" in refused["reason"]
    found = ingest(["/belle/MC/x.root"], simulation=simulation, parts="1j2", tier="udst")
    assert found["entered"][0]["tier"] == "udst"
    (refused,) = ingest(["/belle/user/me/0123456789ab-01234567-1z-1/x.root"])["refused"]
    assert "no simulation in the books has the digits" in refused["reason"]


@on_files
@pytest.mark.usefixtures("simulation")
def test_damaged_files():
    """A file that was cut anywhere, or that is no ROOT file, is refused by name."""
    good = mdst("good.root", 9, [lines()[0]["key"]]).read_bytes()
    for number, size in enumerate((5, 30, 400, len(good) // 2, len(good) - 1)):
        path = Path(f"cut{number}.root")
        path.write_bytes(good[:size])
        (refused,) = ingest([path])["refused"]
        assert "truncated" in refused["reason"] or "no whole ROOT file" in refused["reason"]
    Path("broken.root").write_bytes(good[:200] + b"\xff" * (len(good) - 200))
    assert ingest(["broken.root"])["files"]["refused"] == 1
    with uproot.recreate("empty.root"):
        pass
    Path("nothing.root").touch()
    (refused,) = ingest(["nothing.root"])["refused"]
    assert "it is no ROOT file, though its name says so (0 bytes)" in refused["reason"]
    (refused,) = ingest([ntuple(lines()[0]["output"], 3)])["refused"]
    assert "its name says mdst" in refused["reason"]
    (refused,) = ingest(["empty.root"])["refused"]
    assert "has no tree" in refused["reason"]
    with pytest.raises(InputError, match="there is no file or folder"):
        ingest(["none.root"])
    assert files() == {}


@pytest.mark.thorough
@pytest.mark.usefixtures("simulation")
def test_files_that_moved_and_are_lost():
    """`check` names what is gone; a file that was moved is found again."""
    run_jobs()
    ingest(["out"])
    assert check()["missing"] == []
    Path("out").rename("moved")
    assert len(check()["missing"]) == 3
    assert ingest(["moved"])["files"]["known"] == 3
    assert check()["missing"] == []


@pytest.mark.thorough
def test_what_flies_is_displaced_or_told(tmp_path, monkeypatch):
    """A sample whose long-lived particles nothing displaces is flagged until something does."""
    folder = tmp_path / "there"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("grid.yaml").write_text(GRID)
    Path("c.yaml").write_text(CONDITIONS)
    (sample,) = generate(None, "grid.yaml")["ids"]
    assert check()["lifetimes"] == []  # nothing was made yet
    fill()
    found = check()["lifetimes"]
    assert [(row["id"], row["particle"], row["reason"]) for row in found] == [
        (sample, "chi2", "nothing displaces it yet"),
        (sample, "hp", "nothing displaces it yet"),
    ]
    ctau = show(sample)["points"][0]["derived"]["ctau_hp"]
    assert found[1]["ctau_mm"] == [ctau, ctau]
    prompt = CONDITIONS.replace("points", "{ap: prompt, hp: {exponential_mm: 5}, chi2: prompt}")
    Path("c.yaml").write_text(prompt)
    simulate("half", "c.yaml")
    (left,) = check()["lifetimes"]
    assert (left["particle"], left["reason"]) == ("chi2", "all of its simulations leave it prompt")
    Path("c.yaml").write_text(CONDITIONS)
    simulate("whole", "c.yaml")
    assert check()["lifetimes"] == []
    assert check()["failed"] is False


def test_a_retired_sample_is_not_simulated(simulation):
    """Its id is refused, and an expression leaves it out."""
    sample = simulation.rpartition("-s")[0]
    retire(sample, reason="wrong mass")
    with pytest.raises(InputError, match="wrong mass"):
        simulate("more", "c.yaml", sample)
    with pytest.raises(InputError, match="nothing is there to be simulated"):
        simulate("more", "c.yaml")


@pytest.mark.thorough
@pytest.mark.usefixtures("simulation")
def test_simulations_move_with_the_books(tmp_path):
    """Dump and load, copy and merge carry conditions, jobs and files."""
    run_jobs([0, 1])
    ingest(["out"])
    before = list_simulations()
    dump("books.jsonl")
    other = str(tmp_path / "other.db")
    load("books.jsonl", catalog=other)
    assert list_simulations(catalog=other) == before
    copied = str(tmp_path / "copied.db")
    copy(os.environ.get("MCBOOK_CATALOG", "mcbook.db"), copied)
    assert list_simulations(catalog=copied) == before
    assert merge(other)["new"].get("simulations", 0) == 0
    assert list_simulations() == before
    run_jobs([2])
    ingest(["out"], catalog=other)
    assert merge(other)["new"]["simulated_files"] == 1
    assert files()["mdst"]["jobs"] == 3


@pytest.mark.thorough
@on_files
def test_jobs_that_two_people_split_otherwise(simulation, tmp_path, monkeypatch):
    """Their files stand for other events: they are left out, and it is told."""
    there = tmp_path / "theirs"
    shutil.copytree("events", there / "events")
    monkeypatch.chdir(there)
    Path("grid.yaml").write_text(GRID)
    Path("c.yaml").write_text(CONDITIONS.replace("job: 10", "job: 13"))
    generate(None, "grid.yaml")
    assert ingest(["events"])["files"]["new"] == 1
    assert simulate("out", "c.yaml")["ids"] == [simulation]
    run_jobs([0])
    ingest(["out"])
    theirs = str(Path("mcbook.db").absolute())
    monkeypatch.chdir(tmp_path / "here")
    found = merge(theirs)
    assert any("are split otherwise" in text for text in found["warnings"])
    assert files() == {}


@pytest.mark.usefixtures("simulation")
def test_the_same_job_made_by_two(tmp_path):
    """The file that is here stays."""
    other = str(tmp_path / "other.db")
    copy(os.environ.get("MCBOOK_CATALOG", "mcbook.db"), other)
    run_jobs([0])
    ingest(["out"])
    theirs = mdst("theirs.root", 9, [lines()[0]["key"], "another day"])
    ingest([theirs], catalog=other)
    found = merge(other)
    assert any("in both books: the one here is kept" in text for text in found["warnings"])
    assert files()["mdst"] == {"files": 1, "jobs": 1, "events_generated": 9}


@pytest.mark.thorough
@on_files
def test_commands(simulation, program, tmp_path):
    """The commands print what the functions return."""
    here = tmp_path / "here"
    books = {"MCBOOK_CATALOG": str(here / "mcbook.db")}
    done = program("simulations", "--format", "json", check=0, **books)
    assert [row["id"] for row in json.loads(done.stdout)] == [simulation]
    assert "hp exponential" in program("simulations", simulation, check=0, **books).stdout
    for kind in ("basf2", "gbasf2"):
        done = program("export", kind, f"more-{kind}", "--conditions", here / "c.yaml",
                       "--limit", "1", "--format", "json", check=0, **books)  # fmt: skip
        assert json.loads(done.stdout)["jobs"] == 1
    assert (tmp_path / "more-basf2" / "run.sh").is_file()
    assert (tmp_path / "more-gbasf2" / "submit_gbasf2.sh").is_file()
    done = program("export", "basf2", "bad", "--conditions", here / "none.yaml", check=2, **books)
    assert "cannot be read" in done.stderr
    done = program("ingest", "/belle/x.root", "--simulation", simulation, "--parts", "all",
                   "--tier", "mdst", check=0, **books)  # fmt: skip
    assert "1 new file" in done.stdout
    assert "flies" not in program("check", check=0, **books).stderr


def test_trace(simulation):
    """A file behind the simulation, and its id, lead back to the sample."""
    line = lines()[0]
    run_jobs([0])
    ingest(["out"])
    found = trace(Path("out") / line["project"] / line["output"])
    assert (found["kind"], found["tier"]) == ("simulated file", "mdst")
    assert found["file"]["recorded_sha256"] == found["file"]["sha256"]
    assert found["simulation"]["id"] == simulation
    assert (found["jobs"], found["events_generated"]) == ([line["key"]], 9)
    path = Path("out") / line["project"] / line["output"]
    path.write_bytes(path.read_bytes() + b"x")
    altered = trace(path)
    assert altered["kind"] == "simulated file"
    assert altered["file"]["recorded_sha256"] != altered["file"]["sha256"]
    found = trace(simulation)
    assert found["kind"] == "simulation"
    assert found["sample"]["id"] == simulation.rpartition("-s")[0]
    with pytest.raises(InputError, match="no simulation in the books"):
        trace(simulation.rpartition("-s")[0] + "-s01234567")


def test_jobs_that_were_split_in_between(simulation):
    """Who comes second with another split is told, and nothing of it is kept."""
    with open_catalog(None, mode="read") as opened:
        with opened.reading() as books:
            (job, *_) = simulations.jobs_of(books, [simulation])[simulation]
        with pytest.raises(WorkError, match="split otherwise"), opened.writing() as books:
            simulations.enter(books, [], [SimulationJobRow(**{**job, "events": 25})])
        with opened.writing() as books:
            assert simulations.enter(books, [], [SimulationJobRow(**job)]) == []


@pytest.mark.thorough
@on_files
def test_parts_of_two_books_are_two(simulation, tmp_path, monkeypatch):
    """Parts that a merge renumbers keep their jobs: each is simulated once, with its own seeds."""
    there = tmp_path / "theirs"
    there.mkdir()
    monkeypatch.chdir(there)
    Path("grid.yaml").write_text(GRID + "salt: 7\n")
    Path("c.yaml").write_text(CONDITIONS)
    generate(None, "grid.yaml")
    fill()
    assert simulate("out", "c.yaml")["ids"] == [simulation]
    monkeypatch.chdir(tmp_path / "here")
    merge(str(there / "mcbook.db"))
    (found,) = list_simulations()
    assert (found["jobs"], found["events"]) == (6, 50)
    again = simulate("all", "c.yaml")
    assert (again["jobs"], again["events"]) == (6, 50)
    manifest = Path("all/manifest.jsonl").read_text().splitlines()
    seeds = {json.loads(line).get("seed") for line in manifest}
    assert len(seeds - {None}) == 6
    monkeypatch.chdir(there)
    run_jobs([0])
    monkeypatch.chdir(tmp_path / "here")
    entered = ingest([there / "out"])["entered"]
    assert [(row["part"], row["events_generated"]) for row in entered] == [(2, 9)]


@pytest.mark.thorough
def test_a_file_that_many_went_into(simulation):
    """What a merged file says stands in many places; all of them count."""
    Path("c.yaml").write_text(CONDITIONS.replace("job: 10", "job: 1").replace("ri_a", "ri_b"))
    (other,) = simulate("many", "c.yaml")["ids"]
    rows = [json.loads(line) for line in Path("many/manifest.jsonl").read_text().splitlines()[1:]]
    assert len(rows) == 25
    with uproot.recreate("nt.root") as file:
        file.mktree("signal", {"m": np.float64}).extend({"m": np.zeros(3)})
        tree = file.mktree("persistent", {"FileMetaData": np.uint8})
        for row in rows:
            data = np.frombuffer(b"\x00" + row["key"].encode() + b"\x00", dtype=np.uint8)
            tree.extend({"FileMetaData": data})
    (entered,) = ingest(["nt.root"])["entered"]
    assert (entered["simulation"], entered["events_generated"]) == (other, 25)
    assert other != simulation


@pytest.mark.thorough
def test_jobs_are_corrected(simulation):
    """What somebody said of a file can be said again; the history has both."""
    path = ntuple("a.root", 5)
    ingest([path], simulation=simulation, parts="all")
    assert files()["ntuple"]["events_generated"] == 25
    assert ingest([path], simulation=simulation, parts="1j1,1j3")["files"]["known"] == 1
    assert files()["ntuple"] == {"files": 1, "jobs": 2, "events_generated": 16}
    history = show(simulation.rpartition("-s")[0])["history"]
    (entry,) = [row for row in history if row["event"] == "file corrected"]
    assert [len(entry["detail"][key]["jobs"]) for key in ("before", "now")] == [3, 2]
    ingest([ntuple("b.root", 4)], simulation=simulation, parts="1j2")
    (refused,) = ingest([path], simulation=simulation, parts="all")["refused"]
    assert "holds one of these jobs already" in refused["reason"]
    ingest([path], simulation=simulation, parts="all", tier="ntuple.control")
    assert files()["ntuple.control"]["events_generated"] == 25
    assert files()["ntuple"]["events_generated"] == 9


@pytest.mark.thorough
def test_retired_and_altered(simulation):
    """Files of a retired sample do not come in; `verify` sees a file that was altered."""
    run_jobs()
    ingest(["out"])
    assert verify()["failed"] is False
    path = next(Path("out").glob("*/*.mdst.root"))
    path.write_bytes(path.read_bytes() + b"x")
    (changed,) = verify()["changed"]
    assert changed["path"] == str(path.absolute())
    retire(simulation.rpartition("-s")[0], reason="wrong mass")
    (refused,) = ingest([ntuple("a.root", 1)], simulation=simulation, parts="all")["refused"]
    assert "wrong mass" in refused["reason"]


@pytest.mark.thorough
def test_an_efficiency_is_divided_by_what_went_in(simulation):
    """A map whose rows say another number, or name a simulation that is not there, is warned of."""
    run_jobs([0, 2])
    ingest(["out"])

    def warned(label, generated):
        Path("eff.csv").write_text(f"sample_id,n_generated,n_selected\n{label},{generated},4\n")
        return add_efficiency_map("eff.csv", name=f"map-{generated}", dry_run=True)["warnings"]

    assert warned(simulation, 16) == []
    (text,) = warned(simulation, 25)
    assert "25 events generated, and 16 (mdst) went into its files" in text
    (text,) = warned(simulation[:-8] + "01234567", 16)
    assert "is not in the books" in text
    assert warned(simulation.rpartition("-s")[0], 25) == []


@pytest.mark.thorough
def test_collections_have_files_behind_simulations(simulation):
    """What was simulated belongs to a collection, and what comes later is told."""
    run_jobs([0])
    ingest(["out"])
    create_collection("paper", simulation.rpartition("-s")[0])
    assert show_collection("paper")["samples"][0]["files"] == 2
    run_jobs([1])
    ingest(["out"])
    project = lines()[2]["project"]
    ingest([f"/belle/user/me/{project}/x.root"], tier="mdst")
    since = show_collection("paper")
    assert len(since["added"]) == 2
    next(Path("out").glob("*-1/*.mdst.root")).unlink()
    (lost,) = show_collection("paper")["lost"]
    assert lost["reason"] == "it is not there as it was"


@pytest.mark.thorough
def test_a_folder_is_one_storage_root(simulation, tmp_path):
    """Files of a folder that was named are kept by their paths in it, not each in a root."""
    run_jobs()
    elsewhere = tmp_path / "disk"
    Path("out").rename(elsewhere)
    ingest([elsewhere])
    with open_catalog(None, mode="read") as opened, opened.reading() as books:
        assert elsewhere in books.roots().values()
        assert len(books.roots()) == 3  # samples, events, disk
        paths = [row["path"] for row in simulations.files_of(books, [simulation])[simulation]]
    assert all((elsewhere / path).is_file() for path in paths)
