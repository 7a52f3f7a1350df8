"""``mcbook smear``: events become ntuples that are in the books, once, whatever happens."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import uproot
from bookshelf import booked
from lhe_book import fill

import mcbook as mb
import mcbook.verbs.smear as verb
from mcbook.errors import InputError, WorkError
from mcbook.verbs.books import dump, load, merge
from mcbook.verbs.check import check
from mcbook.verbs.generate import generate
from mcbook.verbs.ingest import ingest
from mcbook.verbs.lifecycle import retire
from mcbook.verbs.show import show
from mcbook.verbs.simulations import list_simulations
from mcbook.verbs.smear import smear
from mcbook.verbs.trace import trace
from mcbook.verbs.verify import verify

GRID = """\
model: zprime
scan: {m_zp: {values: [1, 2, 3]}}
events: 12
"""


@pytest.fixture
def settings(root):
    """Return the settings that are shipped."""
    return root / "models" / "examples" / "selection" / "smearing.yaml"


@pytest.fixture
def here(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Have a folder with three samples that have events; return their ids."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("grid.yaml").write_text(GRID)
    generate(None, "grid.yaml")
    return fill()


def ntuples():
    """Return the files with ntuples below this folder."""
    return sorted(Path("samples").rglob("*.root"))


def arrays(path):
    """Return the columns of an ntuple."""
    with uproot.open(path) as file:
        return file["events"].arrays(library="np")


def test_what_is_made_is_in_the_books(here, settings):
    """Each sample has one simulation with one job and one ntuple; the same again is nothing new."""
    found = smear(settings)
    assert found["files"] == {"asked": 3, "made": 3, "adopted": 0, "held": 0, "known": 0}
    assert found["simulations"] == {"new": 3, "existing": 0}
    assert found["events"] == 36
    rows = list_simulations()
    assert sorted(row["sample"] for row in rows) == here
    for row in rows:
        assert (row["release"], row["campaign"]) == ("smearing-1", "belle2_as_designed")
        assert row["global_tags"] == sorted(row["global_tags"])
        assert row["displacement"] == []
        assert row["files"] == {"ntuple": {"files": 1, "jobs": 1, "events_generated": 12}}
    again = smear(settings)
    assert again["files"] == {"asked": 0, "made": 0, "adopted": 0, "held": 0, "known": 3}
    assert again["simulations"] == {"new": 0, "existing": 3}
    assert len(ntuples()) == 3


def test_an_ntuple_says_what_it_is(here, settings):
    """Its name and its words have simulation and job; numbers of events are those in the part."""
    (identity,) = smear(settings, here[0])["ids"]
    (path,) = ntuples()
    assert path.parent == Path("samples") / here[0] / "ntuples"
    assert path.name.startswith(f"{identity}-p")
    with uproot.open(path) as file:
        assert str(file["mcbook"]).startswith(path.stem)
    assert np.array_equal(arrays(path)["__event__"], np.arange(12))


def test_other_commands_know_it(here, settings, tmp_path):
    """show, trace, verify and check speak of it; it goes into a dump, and to other books."""
    smear(settings)
    (path, *_) = ntuples()
    told = trace(str(path))
    assert told["kind"] == "simulated file"
    assert told["simulation"]["id"] in path.name
    assert show(here[0])["simulations"][0]["files"]["ntuple"]["events_generated"] == 12
    assert not verify()["failed"]
    assert not check()["missing"]
    dump("books.jsonl")
    other = str(tmp_path / "other.db")
    load("books.jsonl", catalog=other)
    assert len(list_simulations(catalog=other)) == 3
    third = str(tmp_path / "third.db")
    shutil.copy("grid.yaml", tmp_path / "grid.yaml")
    generate(None, tmp_path / "grid.yaml", output=tmp_path / "elsewhere", catalog=third)
    merge(other, catalog=third)
    assert [row["files"] for row in list_simulations(catalog=third)] == [
        row["files"] for row in list_simulations()
    ]
    path.write_bytes(path.read_bytes()[:-9])
    assert [row["path"] for row in verify()["changed"]] == [str(path.resolve())]


def test_threads_change_nothing(here, settings, tmp_path, monkeypatch):  # noqa: ARG001
    """One after the other or side by side, in other books as well: the same events."""
    smear(settings)
    alone = [arrays(path) for path in ntuples()]
    names = ntuples()
    shutil.copytree("events", tmp_path / "again" / "events")
    monkeypatch.chdir(tmp_path / "again")
    monkeypatch.setenv("MCBOOK_CATALOG", str(tmp_path / "again" / "mcbook.db"))
    Path("grid.yaml").write_text(GRID)
    generate(None, "grid.yaml")
    ingest(["events"])
    smear(settings, jobs=3)
    assert ntuples() == names
    for before, after in zip(alone, [arrays(path) for path in ntuples()], strict=True):
        assert before.keys() == after.keys()
        for name, column in before.items():
            assert np.array_equal(column, after[name], equal_nan=True), name
    assert not np.array_equal(alone[0]["gamma1_E"], alone[1]["gamma1_E"], equal_nan=True)


def test_a_stopped_one_goes_on(here, settings, monkeypatch):  # noqa: ARG001
    """What was in place and not yet recorded is adopted, the rest is made."""
    real = verb.simulations.enter_file

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(verb.simulations, "enter_file", stopped)
    with pytest.raises(KeyboardInterrupt):
        smear(settings, jobs=1)
    (path, *_) = ntuples()
    before = path.read_bytes()
    monkeypatch.setattr(verb.simulations, "enter_file", real)
    found = smear(settings)
    assert found["files"]["adopted"] >= 1
    assert found["files"]["adopted"] + found["files"]["made"] == 3
    assert path.read_bytes() == before
    assert not list(Path("samples").glob(".mcbook-tmp-*"))
    assert not verify()["failed"]


def test_ingest_knows_one(here, settings, monkeypatch):
    """An ntuple that was not recorded comes in by `mcbook ingest`, too."""
    with monkeypatch.context() as patch:
        patch.setattr(verb.simulations, "enter_file", lambda *_: False)
        smear(settings, here[0])
    (path,) = ntuples()
    (entered,) = ingest([path])["entered"]
    assert entered["tier"] == "ntuple"
    assert entered["events_generated"] == 12
    assert smear(settings, here[0])["files"]["known"] == 1


def test_one_that_was_deleted_is_told(here, settings):
    """The books know the file by its digest: another one of the same events is not made quietly."""
    smear(settings)
    first, second, _ = (path.resolve() for path in ntuples())
    first.unlink()
    found = smear(settings, here[0])
    assert found["files"] == {"asked": 0, "made": 0, "adopted": 0, "held": 0, "known": 1}
    second.unlink()
    (note,) = smear(settings)["notes"]
    assert note.startswith(f"in the books and gone: {first} and 1 more; ")
    assert "another `name` than " in note
    assert not first.exists()


def test_other_settings_are_another_simulation(here, settings):
    """Both are kept side by side."""
    smear(settings, here[0])
    other = Path("other.yaml")
    other.write_text(settings.read_text().replace("slope: 0.0011", "slope: 0.0022"))
    smear(other, here[0])
    assert len(list_simulations()) == 2
    assert len(ntuples()) == 2


def test_a_dry_run_writes_nothing(here, settings):  # noqa: ARG001
    """Neither files nor rows."""
    found = smear(settings, dry_run=True)
    assert found["files"]["asked"] == 3
    assert found["simulations"]["new"] == 3
    assert not ntuples()
    assert not list_simulations()


def test_bad_settings_write_nothing(here, settings):  # noqa: ARG001
    """A mistake is told before anything is done."""
    Path("bad.yaml").write_text(settings.read_text().replace("slope:", "slop:"))
    with pytest.raises(InputError, match=r"bad.yaml, line \d+ \(tracks.momentum.slop\)"):
        smear("bad.yaml")
    with pytest.raises(InputError, match="jobs is 0"):
        smear(settings, jobs=0)
    assert not list_simulations()


def test_nothing_to_smear(here, settings):
    """Samples without events are left, and told."""
    Path("more.yaml").write_text(GRID.replace("[1, 2, 3]", "[4]"))
    generate(None, "more.yaml")
    with pytest.raises(InputError, match="no sample has events") as raised:
        smear(settings, "m_zp == 4")
    assert "without events of tier lhe" in raised.value.hint
    assert "without events" in smear(settings)["notes"][0]
    retire(here[0], reason="wrong")
    assert "retired" in " ".join(smear(settings)["notes"])
    with pytest.raises(InputError, match="retired"):
        smear(settings, here[0])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "is gone"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "not the file that the books"),
    ],
)
def test_events_that_are_not_there(here, settings, spoil, said):
    """Files that are gone or changed are named."""
    (row,) = booked(f"SELECT path FROM files WHERE sample_id = '{here[0]}'")
    (path,) = Path().rglob(Path(row[0]).name)
    spoil(path)
    with pytest.raises(WorkError, match=said):
        smear(settings, here[0])
    assert not ntuples()


def test_something_else_is_in_its_place(here, settings):
    """What mcbook did not write there is never overwritten."""
    smear(settings, here[0])
    (path,) = ntuples()
    name = path.name.replace(here[0], here[1])
    with pytest.raises(StopIteration):
        next(Path(f"samples/{here[1]}").rglob("*.root"))
    (identity,) = smear(settings, here[1], dry_run=True)["ids"]
    (seed,) = booked(f"SELECT seed FROM parts WHERE sample_id = '{here[1]}'")
    from mcbook.simulation.record import job_key, short

    name = f"{job_key(identity, short(seed[0]), 1)}.root"
    target = Path(f"samples/{here[1]}/ntuples") / name
    target.parent.mkdir()
    target.write_text("mine")
    with pytest.raises(WorkError, match="cannot be used"):
        smear(settings, here[1])
    shutil.copy(path, target)
    with pytest.raises(WorkError, match="is not what is to be written"):
        smear(settings, here[1])
    assert target.read_bytes() == path.read_bytes()


def test_a_long_lived_particle_that_stays_is_told(settings, tmp_path, monkeypatch):
    """One that decays where it is made though it should fly is named with its lifetime."""
    monkeypatch.chdir(tmp_path)
    grid = (
        "model: alp\nscan: {m_a: [0.3]}\nfixed: {g_agg: 1.0e-5}\nevents: 20\n"
        "generator: {name: native%s}\n"
    )
    Path("grid.yaml").write_text(grid % "")
    generate(None, "grid.yaml")
    mb.run()
    (note,) = smear(settings)["notes"]
    (sample,) = mb.query()
    (point,) = mb.query(points=True)
    assert note.startswith("alp decays where it is made in 1 sample, though c tau is ")
    ctau = float(point["derived"]["ctau_a"])
    assert f"c tau is {ctau:.3g} mm" in note
    Path("grid.yaml").write_text(grid % ", lifetime: generator")
    generate(None, "grid.yaml")
    mb.run()
    flying = next(row["id"] for row in mb.query() if row["id"] != sample["id"])
    assert smear(settings, flying)["notes"] == []
    (path,) = Path("samples", flying).rglob("*.root")
    columns = arrays(path)
    assert columns["alp_ct"].min() > 0
    assert columns["alp_ct"].mean() == pytest.approx(ctau, rel=0.8)
