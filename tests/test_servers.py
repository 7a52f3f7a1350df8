"""``mcbook run`` with a generator whose program makes one part after the other."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from bookshelf import booked

from mcbook.verbs.batch import export
from mcbook.verbs.generate import generate
from mcbook.verbs.run import run
from mcbook.verbs.worker import execute

GRID = "model: zprime\nscan: {m_zp: [1, 2, 3, 4, 5, 6]}\nevents: 20\n"


@pytest.fixture
def campaign(toy, tmp_path, monkeypatch):
    """Return a folder with six planned samples of one part each, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TOY_PROGRAM", raising=False)
    monkeypatch.setenv("TOY_MISCHIEF", "{}")
    monkeypatch.setenv("TOY_LOG", str(folder / "log"))
    monkeypatch.setenv("TOY_SERVES", "yes")
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


def told(word):
    """Return the lines with which the program told of what it was asked for."""
    return [line for line in Path("log").read_text().splitlines() if line.startswith(word)]


def seeds():
    """Return the seeds of the parts, as they are made."""
    return [seed for _, seed in sorted(booked("SELECT sample_id, seed FROM parts"))]


def servers():
    """Return which of the servers that were started are alive."""
    return [pid for line in told("serve") if is_alive(pid := line.split()[1])]


def is_alive(pid):
    """Return whether a process is there; one that is only waited for is not."""
    try:
        return bool(Path("/proc", pid, "cmdline").read_bytes())
    except OSError:
        return False


def statuses():
    """Return the states of the parts."""
    return [status for (status,) in booked("SELECT status FROM parts")]


@pytest.mark.parametrize("serves", ["", "yes"])
def test_a_program_knows_the_python_of_mcbook(campaign, make, monkeypatch, tmp_path, serves):  # noqa: ARG001
    """What comes with mcbook runs with its Python, whatever is on the path."""
    through = tmp_path / "through"
    real = Path(__file__).with_name("toy_program.py")
    through.write_text(f'#!/bin/sh\nexec "$MCBOOK_PYTHON" "{real}" "$@"\n')
    through.chmod(0o755)
    monkeypatch.setenv("TOY_PROGRAM", str(through))
    monkeypatch.setenv("TOY_SERVES", serves)
    assert make(limit=2)["parts"]["made"] == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_parts_go_through_one_process(campaign, make, jobs):  # noqa: ARG001
    """Each worker starts one server, which ends with the run."""
    found = make(jobs=jobs)
    assert (found["parts"]["made"], found["events"], found["failures"]) == (6, 120, [])
    assert 0 < found["cpu_s"] < 10
    assert len(told("run")) == 6
    assert 1 <= len(told("serve")) <= jobs
    assert servers() == []
    assert not list(Path("samples").glob(".mcbook-tmp*"))


@pytest.mark.parametrize(
    ("mischief", "reason", "started"),
    [
        ("crash", "the toy fell down (exit status 1)", 1),
        ("status", "exit status 3", 1),
        ("nothing", "no events came", 1),
        ("few", "it has 19 events, and 20 were asked for", 1),
        ("other seed", "its seed is 999", 1),
        ("truncate", "truncated: it ends in event", 1),
        ("die", "the toy is gone (exit status 7)", 2),
        ("babble", "the answer was: babble (exit status", 2),
        ("hang", "not done after 5 s", 2),
    ],
)
def test_failures(campaign, make, misbehave, mischief, reason, started):
    """A part that fails says why and keeps its log; one that died takes only itself along."""
    misbehave(**{str(seeds()[2]): mischief})
    found = make(timeout_s=5 if mischief == "hang" else None)  # the others must be done by then
    assert (found["parts"]["made"], found["parts"]["failed"]) == (5, 1)
    (failure,) = found["failures"]
    assert reason in failure["reason"]
    assert Path(failure["log"]) == campaign / "samples" / failure["sample"] / "logs" / "0001.log"
    assert len(told("serve")) == started
    wait_for(lambda: servers() == [])
    misbehave()
    assert make(retry=True)["parts"]["made"] == 1
    assert statuses() == ["generated"] * 6


def test_a_server_that_ends_by_itself_is_started_again(campaign, make, misbehave):  # noqa: ARG001
    """No part is lost by it."""
    misbehave(all="last")
    found = make()
    assert found["parts"]["made"] + found["parts"]["failed"] == 6
    assert len(told("serve")) > 1
    misbehave()
    make(retry=True)
    assert statuses() == ["generated"] * 6


def test_an_answer_too_many_is_not_that_of_the_next_part(campaign, make, misbehave):  # noqa: ARG001
    """A server that says more than it was asked for is replaced."""
    misbehave(**{str(seeds()[2]): "stray"})
    assert make()["parts"]["made"] == 6
    assert len(told("serve")) == 2


def test_a_server_that_cannot_be_started(campaign, make, monkeypatch, tmp_path):  # noqa: ARG001
    """What it says last is the reason."""
    broken = tmp_path / "broken"
    broken.write_text('#!/bin/sh\n[ "$1" = serve ] || exec "$TOY_REAL" "$@"\necho no such >&2\n')
    broken.chmod(0o755)
    monkeypatch.setenv("TOY_REAL", str(Path(__file__).with_name("toy_program.py")))
    monkeypatch.setenv("TOY_PROGRAM", str(broken))
    found = make()
    assert found["parts"]["failed"] == 6
    assert "no such" in found["failures"][0]["reason"]


def test_a_full_disk_stops_the_run(campaign, make, misbehave):  # noqa: ARG001
    """What would fail as well is left as it is."""
    misbehave(all="full")
    found = make()
    assert (found["parts"]["failed"], found["parts"]["left"]) == (1, 5)


def test_what_a_part_leaves_running_is_ended(campaign, make, misbehave):  # noqa: ARG001
    """It ends with its server."""
    misbehave(all="orphan")
    assert make(limit=2)["parts"]["made"] == 2
    wait_for(lambda: sleepers() == [])


def sleepers():
    """Return the processes of the toy that sleep, and work in this folder."""
    here = str(Path.cwd()).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = ((entry / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if b"time.sleep(600)" in words and here in environment:
            found.append(entry.name)
    return found


def in_child(work):
    """Run *work* in a child process that leads its own session; return its id."""
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            work()
        finally:
            os._exit(1)
    return child


def wait_for(what):
    """Wait until something is so."""
    until = time.monotonic() + 20
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    assert what()


def is_running():
    """Return whether a part was begun."""
    return Path("log").exists() and bool(told("run"))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(campaign, misbehave, toy, kind):  # noqa: ARG001
    """Ctrl-C ends the servers and leaves parts as they were."""
    misbehave(all="hang", build="")
    child = in_child(lambda: run(models_dir=toy, jobs=2))
    wait_for(is_running)
    os.kill(child, kind)
    os.waitpid(child, 0)
    wait_for(lambda: servers() == [])
    assert statuses() == ["planned"] * 6
    assert not list(Path("samples").glob(".mcbook-tmp*"))


@pytest.mark.thorough
def test_servers_of_a_killed_run_are_ended(campaign, make, misbehave, toy):  # noqa: ARG001
    """The next run ends a server that is still at work, and makes the part anew."""
    misbehave(all="hang", build="")
    child = in_child(lambda: run(models_dir=toy))
    wait_for(is_running)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(servers()) == 1
    misbehave()
    assert make()["parts"]["made"] == 6
    assert servers() == []


def test_killed_at_any_moment_every_part_is_made_once(campaign, make, misbehave, toy, length):  # noqa: ARG001
    """After many kills one run goes to the end, as if nothing had happened."""
    misbehave(all="slow 0.1")
    dice = random.Random(5)
    for _ in range(length(5, 12)):
        child = in_child(lambda: run(models_dir=toy, jobs=2))
        time.sleep(dice.uniform(0, 0.8))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert make(jobs=2)["failures"] == []
    assert statuses() == ["generated"] * 6
    assert len(list(Path("samples").glob("*/events/*"))) == 6
    wait_for(lambda: servers() == [])
    assert not list(Path("samples").glob(".mcbook-tmp*"))


@pytest.mark.thorough
def test_an_idle_server_ends_with_its_run(campaign, misbehave, toy):  # noqa: ARG001
    """Its standard input ends where the run is killed, so nobody has to end it."""
    misbehave(all="slow 0.5", build="")
    child = in_child(lambda: run(models_dir=toy))
    wait_for(is_running)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_for(lambda: servers() == [])


def test_a_worker_elsewhere_runs_the_command(campaign, toy, tmp_path):  # noqa: ARG001
    """Each of its tasks makes one part."""
    away = tmp_path / "away"
    export(str(away), models_dir=toy)
    key = json.loads((away / "manifest.jsonl").read_text().splitlines()[1])["key"]
    assert execute(away / "manifest.jsonl", key)["events"] == 20
    assert told("serve") == []
