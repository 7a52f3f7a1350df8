"""``mcbook run`` with a generator that misbehaves on demand."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from bookshelf import booked

from mcbook.catalog import files
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError
from mcbook.production.publish import sha256
from mcbook.verbs.generate import generate
from mcbook.verbs.ingest import ingest
from mcbook.verbs.query import query
from mcbook.verbs.run import run
from mcbook.verbs.show import show
from mcbook.verbs.status import status
from mcbook.verbs.verify import verify

GRID = "model: zprime\nscan: {m_zp: [1, 2, 3, 4]}\nevents: 20\n"


@pytest.fixture
def campaign(toy, tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Return a folder with four planned samples of one part each, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("TOY_MISCHIEF", "TOY_LOG", "TOY_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOY_LOG", str(folder / "log"))
    (folder / "grid.yaml").write_text(GRID)
    generate(None, "grid.yaml", models_dir=toy)
    return folder


@pytest.fixture
def make(toy):
    """Return a function that runs what is planned."""

    def made(expression=None, **options):
        return run(expression, models_dir=toy, **options)

    return made


@pytest.fixture
def misbehave(monkeypatch):
    """Return a function that says how the toy misbehaves."""

    def say(**how):
        monkeypatch.setenv("TOY_MISCHIEF", json.dumps(how))

    return say


def seeds():
    """Return the seed of each sample."""
    return dict(booked("SELECT sample_id, seed FROM parts"))


def statuses():
    """Return the states of the parts."""
    return [status for (status,) in booked("SELECT status FROM parts")]


def runs():
    """Return what the program was asked for."""
    path = Path("log")
    return path.read_text().splitlines() if path.exists() else []


def left():
    """Return what lies about in the samples folder besides samples."""
    found = [p for p in Path("samples").iterdir() if p.name.startswith(".")]
    return [path for path in found if path.name != ".mcbook-held" or any(path.iterdir())]


@pytest.mark.parametrize("jobs", [1, 3])
def test_everything_is_made_once(campaign, make, jobs):
    """One build, one run for each part; events in place, counted and bound to their samples."""
    found = make(jobs=jobs)
    assert found["parts"] == {
        "asked": 4,
        "made": 4,
        "adopted": 0,
        "failed": 0,
        "held": 0,
        "left": 0,
    }
    assert (found["events"], found["failures"], found["stopped"]) == (80, [], None)
    assert 0 < found["cpu_s"] < 60
    assert sorted(runs()) == sorted(
        ["build processes/toy", *(f"run {sample} {seed}" for sample, seed in seeds().items())]
    )
    for row in query():
        assert (row["status"], row["n_events"]) == ("generated", 20)
        sample = show(row["id"])
        assert sample["cross_section_fb"]["value"] == 1.5
        assert sample["cross_section_fb"]["error"] == pytest.approx(0.015)
        assert sample["cross_section_fb"]["expected"] > 0
        ((part,),) = [sample["parts"]]
        (file,) = part["files"]
        assert Path(file["path"]) == campaign / "samples" / row["id"] / "events" / "0001.txt"
        assert Path(file["path"]).stat().st_size == file["size"]
        assert [entry["event"] for entry in sample["history"]][-1] == "part generated"
    assert left() == []
    again = make()
    assert again["parts"]["asked"] == 0
    assert len(runs()) == 5
    assert not verify()["failed"]
    Path(file["path"]).write_text("other")
    assert [entry["path"] for entry in verify()["changed"]] == [file["path"]]


@pytest.mark.thorough
def test_some_only(campaign, make):  # noqa: ARG001
    """An expression and a limit choose; a dry run makes nothing."""
    assert make("m_zp > 2.5", dry_run=True)["parts"]["asked"] == 2
    assert runs() == []
    assert make("m_zp > 1.5", limit=2)["parts"]["made"] == 2
    assert [row["status"] for row in query("m_zp < 1.5")] == ["planned"]
    assert make(limit=5)["parts"]["made"] == 2


@pytest.mark.parametrize(
    ("mischief", "reason"),
    [
        ("crash", "the toy fell down (exit status 1)"),
        ("status", "exit status 3"),
        ("nothing", "no events came"),
        ("truncate", "truncated: it ends in event"),
        ("few", "it has 19 events, and 20 were asked for"),
        ("zero", "its cross section is 0 +-"),
        ("other seed", "its seed is 999"),
        ("other id", "it says that it is of toy-000000000000"),
        ("other parameters", "m_zp = 77 where"),
    ],
)
def test_failures(campaign, make, misbehave, mischief, reason):
    """A part that fails says why and keeps its log; the others are made; --retry takes it again."""
    sample, seed = next(iter(seeds().items()))
    misbehave(**{str(seed): mischief})
    found = make(jobs=2)
    assert (found["parts"]["made"], found["parts"]["failed"]) == (3, 1)
    (failure,) = found["failures"]
    assert failure["sample"] == sample
    assert reason in failure["reason"]
    assert Path(failure["log"]) == campaign / "samples" / sample / "logs" / "0001.log"
    assert statuses() == ["failed"] + ["generated"] * 3
    shown = show(sample)
    assert (shown["status"], shown["n_events"]) == ("failed", 0)
    assert reason in shown["history"][-1]["detail"]["reason"]
    assert not (campaign / "samples" / sample / "events").exists()
    assert left() == []
    assert make()["parts"]["asked"] == 0
    misbehave()
    assert make(retry=True)["parts"]["made"] == 1
    assert statuses() == ["generated"] * 4
    assert not Path(failure["log"]).exists()


@pytest.mark.thorough
def test_a_part_may_take_so_long(campaign, make, misbehave):
    """What hangs is ended and has failed; others are as quick as the machine is."""
    sample, seed = next(iter(seeds().items()))
    misbehave(**{str(seed): "hang"})
    (failure,) = make(sample, timeout_s=1)["failures"]
    assert failure["sample"] == sample
    assert "not done after 1 s" in failure["reason"]
    assert Path(failure["log"]) == campaign / "samples" / sample / "logs" / "0001.log"
    assert statuses() == ["failed"] + ["planned"] * 3
    assert not (campaign / "samples" / sample / "events").exists()
    assert left() == []
    assert make(jobs=2)["parts"]["made"] == 3
    misbehave()
    assert make(retry=True)["parts"]["made"] == 1
    assert statuses() == ["generated"] * 4
    assert not Path(failure["log"]).exists()


def test_a_full_disk_stops_the_run(campaign, make, misbehave):  # noqa: ARG001
    """What would fail as well is left as it is."""
    misbehave(all="full")
    found = make()
    assert found["parts"]["failed"] == 1
    assert found["parts"]["left"] == 3
    assert "No space left" in found["stopped"]
    assert statuses() == ["failed"] + ["planned"] * 3


def test_no_room_left_is_seen(campaign, make, misbehave, monkeypatch):  # noqa: ARG001
    """A program that fails on a disk without room has nothing to say for itself."""
    misbehave(all="crash", build="")
    monkeypatch.setattr("mcbook.production.making.LEAST_FREE", 10**18)
    found = make()
    assert (found["parts"]["failed"], found["parts"]["left"]) == (1, 3)
    assert found["stopped"].startswith("the disk is full")


@pytest.mark.thorough
def test_what_cannot_be_built_stops_the_run(campaign, make, misbehave):
    """The log of the build is kept."""
    misbehave(build="crash")
    found = make(jobs=3)
    assert found["parts"]["made"] == 0
    assert "the toy cannot be compiled" in found["stopped"]
    assert (campaign / "samples" / "logs" / "toy.log").read_text().strip()
    misbehave()
    make(retry=True, jobs=3)
    assert statuses() == ["generated"] * 4


def test_a_program_that_is_not_there(campaign, make, monkeypatch):  # noqa: ARG001
    """One line says which, and how to get it; nothing is marked."""
    monkeypatch.setenv("TOY_PROGRAM", "/nowhere")
    with pytest.raises(InputError, match="toy was not found") as caught:
        make()
    assert "install the toy" in caught.value.hint
    assert statuses() == ["planned"] * 4


@pytest.mark.parametrize("option", [{"jobs": 0}, {"limit": 0}, {"timeout_s": -1.0}])
def test_options(campaign, make, option):  # noqa: ARG001
    """Numbers are above 0."""
    with pytest.raises(InputError, match="above 0"):
        make(**option)


def test_nothing_is_left_running(campaign, make, misbehave):  # noqa: ARG001
    """What a program leaves in the background ends with it."""
    misbehave(all="orphan")
    make(limit=1)
    assert asleep() == []


def asleep():
    """Return the processes of the toy that sleep."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if "time.sleep(600)" in line]


def test_two_at_once_share_the_work(campaign, make, misbehave, toy):  # noqa: ARG001
    """Two runs on one catalog make every part once, and build once."""
    misbehave(all="slow 0.2", build="slow 0.3")
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(run(models_dir=toy, jobs=2)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found["parts"]["made"] for found in results) == 4
    assert len([line for line in runs() if line.startswith("run")]) == 4
    assert statuses() == ["generated"] * 4


@pytest.mark.thorough
def test_two_users_at_once_make_every_part_once(campaign, misbehave, toy):
    """The real program, started twice at the same moment: together they make each part once."""
    misbehave(all="slow 0.2", build="slow 0.3")
    words = (Path(sys.executable).with_name("mcbook"), "run", "--jobs", "2", "--format", "json")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = [
        subprocess.Popen((*words, "--models", toy), env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [json.loads(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sum(found["parts"]["made"] for found in told) == 4
    wanted = ["build processes/toy", *(f"run {sample} {seed}" for sample, seed in seeds().items())]
    assert sorted(runs()) == sorted(wanted)
    assert statuses() == ["generated"] * 4
    assert len(list((campaign / "samples").glob("*/events/*"))) == 4
    assert len(booked("SELECT sha256 FROM files")) == 4


@pytest.mark.thorough
def test_events_in_place_are_adopted(campaign, make):
    """Events that a killed run put into place, and could not record, are not made again."""
    make(limit=1)
    (sample,) = [row["id"] for row in query("status == 'generated'")]
    with open_catalog(None, mode="write") as opened, opened.writing() as books:
        books.change("DELETE FROM files WHERE sample_id = ?", [(sample,)])
        files.mark(books, files.PLANNED, [(sample, 1)])
    found = make(f"id == '{sample}'")
    assert found["parts"] | {"adopted": 1, "made": 0} == found["parts"]
    assert len(runs()) == 2
    path = campaign / "samples" / sample / "events" / "0001.txt"
    with open_catalog(None, mode="write") as opened, opened.writing() as books:
        books.change("DELETE FROM files WHERE sample_id = ?", [(sample,)])
        files.mark(books, files.PLANNED, [(sample, 1)])
    path.write_text(path.read_text().replace("end\n", ""))
    (failure,) = make(f"id == '{sample}'")["failures"]
    assert "cannot be used" in failure["reason"]
    assert path.exists()


def in_child(work):
    """Run *work* in a child process that leads its own session; return its id."""
    child = os.fork()
    if child == 0:
        os.setsid()
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def check_books():
    """Check that what the books call generated is there, whole, and counted once."""
    made = set(booked("SELECT sample_id FROM parts WHERE status = 'generated'"))
    recorded = dict(booked("SELECT path, sha256 FROM files"))
    assert {(path.partition("/")[0],) for path in recorded} == made
    counted = dict(booked("SELECT id, n_events FROM samples"))
    for path, digest in recorded.items():
        assert sha256(Path("samples", path).read_bytes()) == digest
    for sample, events in counted.items():
        assert events == 20 * ((sample,) in made)


#: In short and in full. Files can be left half written, servers look after it.
KILLS = {"sqlite": (12, 200), "postgresql": (5, 20)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_every_part_is_made_once(
    new_schema, toy, tmp_path, misbehave, monkeypatch, length
):
    """Many SIGKILLs over all phases, then one run to the end: as if nothing had happened."""
    kills = length(*KILLS["postgresql" if new_schema else "sqlite"])
    misbehave(all="slow 0.05")
    dice = random.Random(4)
    lasts, killed, rounds = 1.5, 0, 0
    while killed < kills:
        rounds += 1
        folder = tmp_path / f"round{rounds}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MCBOOK_CATALOG", new_schema() if new_schema else "mcbook.db")
        monkeypatch.setenv("TOY_LOG", str(folder / "log"))
        (folder / "grid.yaml").write_text(GRID)
        generate(None, "grid.yaml", models_dir=toy)
        for _ in range(8):
            child = in_child(lambda: run(models_dir=toy, jobs=2, retry=True))
            time.sleep(dice.uniform(0, lasts))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            was_killed = os.WIFSIGNALED(status)
            killed += was_killed
            lasts *= 1.02 if was_killed else 0.85
            check_books()
        found = run(models_dir=toy, jobs=2, retry=True)
        assert found["failures"] == []
        check_books()
        assert statuses() == ["generated"] * 4
        assert left() == []
        assert not verify(models_dir=toy)["failed"]
        events = sorted(Path("samples").glob("*/events/*"))
        assert [path.name for path in events] == ["0001.txt"] * 4


@pytest.mark.thorough
def test_programs_of_a_killed_run_are_ended(campaign, make, misbehave, toy):  # noqa: ARG001
    """The next run ends what a killed one left running, and makes the part anew."""
    misbehave(all="hang")
    child = in_child(lambda: run(models_dir=toy, limit=1))
    until = time.monotonic() + 20
    while not toys() and time.monotonic() < until:
        time.sleep(0.05)
    assert toys()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert toys()
    misbehave()
    assert make()["parts"]["made"] == 4
    assert toys() == []


def toys():
    """Return the runs of the toy that are alive in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            here = str(Path.cwd()).encode() in (entry / "environ").read_bytes()
            if here and b"run" in words and any(w.endswith(b"toy_program.py") for w in words):
                found.append(entry.name)
    return found


@pytest.mark.thorough
def test_interrupted(campaign, misbehave, toy):  # noqa: ARG001
    """Ctrl-C ends the programs and leaves parts as they were."""
    misbehave(all="hang")
    child = in_child(lambda: interruptible(toy))
    until = time.monotonic() + 20
    while not toys() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(child, signal.SIGINT)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1  # by the exception
    assert toys() == []
    assert statuses() == ["planned"] * 4
    assert left() == []


def interruptible(toy):
    """Run with the handler that Python has for Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run(models_dir=toy, jobs=2)


def test_more_events(campaign, make):  # noqa: ARG001
    """A higher target adds parts with seeds of their own; those that are made stay."""
    make("m_zp < 2.5")
    before = {row["id"]: show(row["id"])["parts"] for row in query("m_zp < 1.5")}
    found = make("m_zp < 1.5", events=50)
    assert found["parts"]["made"] == 1
    ((sample, (first,)),) = before.items()
    shown = show(sample)
    assert (shown["n_events"], shown["status"], shown["events_target"]) == (50, "generated", 50)
    assert [part["events"] for part in shown["parts"]] == [20, 30]
    assert shown["parts"][0] == first
    taken = [seed for (seed,) in booked("SELECT seed FROM parts")]
    assert len(taken) == len(set(taken)) == 5
    assert make("m_zp < 1.5", events=50)["parts"]["asked"] == 0
    assert make("m_zp < 1.5", events=30)["parts"]["asked"] == 0
    assert "extended" in [entry["event"] for entry in shown["history"]]
    assert shown["cross_section_fb"]["error"] == pytest.approx(0.015 * (20**2 + 30**2) ** 0.5 / 50)
    assert not verify()["failed"]


@pytest.mark.thorough
def test_status_counts_what_is_made(campaign, make, toy):  # noqa: ARG001
    """What was made in two goes is counted together."""
    assert make(jobs=3)["parts"]["made"] == 4
    assert make(events=30)["parts"]["made"] == 4
    assert not verify(models_dir=toy)["failed"]
    (row,) = status()
    assert (row["generated"], row["events"]) == (4, 120)


@pytest.mark.thorough
def test_a_card_that_was_edited_is_not_run(campaign, make):
    """Events are made from what the books recorded, or not at all."""
    sample = next(iter(seeds()))
    card = campaign / "samples" / sample / "parts" / "0001" / "run.json"
    text = card.read_text()
    card.write_text(text.replace("20", "21"))
    (failure,) = make(f"id == '{sample}'")["failures"]
    assert "is not what was recorded" in failure["reason"]
    card.write_text(text)
    assert make(f"id == '{sample}'", retry=True)["parts"]["made"] == 1


def test_a_samples_folder_that_is_gone(campaign, make):
    """Nothing is written, and nothing is marked."""
    (campaign / "samples").rename(campaign / "elsewhere")
    with pytest.raises(InputError, match=r"samples folder .* is not there"):
        make()
    assert not (campaign / "samples").exists()
    assert statuses() == ["planned"] * 4


def test_traces_of_hand_runs_are_left_out(campaign, make):
    """What a run by hand left in the shared folder does not reach the workers."""
    make(limit=1)
    compiled = campaign / "samples" / "processes" / "toy" / "compiled"
    (compiled / "LOCK").write_text("")
    assert make()["parts"]["failed"] == 0


@pytest.mark.thorough
def test_a_file_entered_in_between_counts(campaign, make, misbehave, toy):  # noqa: ARG001
    """While a part is made somebody ingests it: it counts once, and the run goes on."""
    misbehave(all="slow 5", build="")
    sample, seed = next(iter(seeds().items()))
    results = []
    thread = threading.Thread(target=lambda: results.append(run(models_dir=toy, jobs=4)))
    thread.start()
    head = {"id": sample, "seed": seed, "rate": 1.5, "parameters": show(sample)["parameters"]}
    lines = [json.dumps(head), *(f"other {n}" for n in range(20)), "end"]
    Path("other.jsonl").write_text("\n".join(lines) + "\n")
    until = time.monotonic() + 20
    while f"run {sample} {seed}" not in runs() and time.monotonic() < until:
        time.sleep(0.05)
    assert ingest(["other.jsonl"], models_dir=toy)["files"]["new"] == 1
    thread.join()
    (found,) = results
    assert (found["parts"]["made"], found["parts"]["held"], found["failures"]) == (3, 1, [])
    assert statuses() == ["generated"] * 4
    assert len(list((campaign / "samples").glob("*/events/*"))) == 3


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_ended_from_outside(campaign, misbehave, toy, kind):  # noqa: ARG001
    """A closed terminal ends the programs as Ctrl-C does."""
    misbehave(all="hang")
    child = in_child(lambda: interruptible(toy))
    until = time.monotonic() + 20
    while not toys() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(child, kind)
    os.waitpid(child, 0)
    assert toys() == []
    assert statuses() == ["planned"] * 4


@pytest.mark.thorough
def test_dry_run_of_more_events(campaign, make):  # noqa: ARG001
    """It counts the parts that would be added."""
    assert make("m_zp < 1.5", events=50, dry_run=True)["parts"]["asked"] == 2  # one is planned
    make()
    assert make(events=50, dry_run=True)["parts"]["asked"] == 4
    assert len(seeds()) == 4
