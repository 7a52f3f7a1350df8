"""Production elsewhere: exports, workers that see no catalog, receipts."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bookshelf import on_files

from mcbook.errors import InputError, WorkError
from mcbook.production import manifest
from mcbook.verbs.batch import collect, export
from mcbook.verbs.generate import generate
from mcbook.verbs.query import query
from mcbook.verbs.run import run
from mcbook.verbs.show import show
from mcbook.verbs.worker import execute

GRID = "model: zprime\nscan: {m_zp: [1, 2, 3]}\nevents: 20\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Make an empty folder the current one, and return it."""
    monkeypatch.chdir(tmp_path)
    for name in ("TOY_MISCHIEF", "TOY_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    return tmp_path


@pytest.fixture
def exported(toy, here, either_books):  # noqa: ARG001
    """Return the folder of an export of three parts; the books are in the current folder."""
    (here / "grid.yaml").write_text(GRID)
    generate(None, "grid.yaml", models_dir=toy)
    assert export("away", models_dir=toy, dry_run=True)["parts"] == 3
    assert not (here / "away").exists()
    found = export("away", models_dir=toy)
    assert (found["parts"], found["events"]) == (3, 60)
    return here / "away"


def keys(folder):
    """Return the keys of a manifest."""
    return list(manifest.read(folder / "manifest.jsonl"))


def test_from_export_to_books(exported, toy, monkeypatch):
    """A worker makes parts without the books; receipts bring them in, once."""
    moved = exported.with_name("moved")
    exported.rename(moved)  # a folder of its own
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MCBOOK_CATALOG", "/nowhere/at/all.db")
        for key in keys(moved):
            receipt = execute(moved / "manifest.jsonl", key)
            assert receipt["events"] == 20
            assert execute(moved / "manifest.jsonl", key) == receipt
    log = Path("log").read_text().splitlines()
    assert len([line for line in log if line.startswith("build")]) == 1
    assert len([line for line in log if line.startswith("run")]) == 3
    assert [row["status"] for row in query()] == ["planned"] * 3
    assert collect(moved, dry_run=True)["parts"]["new"] == 3
    assert [row["status"] for row in query()] == ["planned"] * 3
    found = collect(moved)
    assert found["parts"] | {"new": 3, "failed": 0, "waiting": 0} == found["parts"]
    assert found["events"] == 60
    for row in query():
        assert (row["status"], row["n_events"]) == ("generated", 20)
        (file,) = show(row["id"])["parts"][0]["files"]
        assert Path(file["path"]).is_relative_to(moved)
    assert collect(moved)["parts"] | {"new": 0, "known": 3} == collect(moved)["parts"]
    assert run(models_dir=toy)["parts"]["asked"] == 0


@pytest.mark.thorough
def test_a_work_folder(exported, tmp_path):
    """A worker may work elsewhere; nothing is left there."""
    (tmp_path / "scratch").mkdir()
    execute(exported / "manifest.jsonl", keys(exported)[0], workdir=tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []
    assert collect(exported)["parts"] | {"new": 1, "waiting": 2} == collect(exported, dry_run=True)[
        "parts"
    ] | {"new": 1, "known": 0}


@pytest.mark.thorough
def test_what_fails_is_told(exported, monkeypatch):
    """A part that fails leaves a note, is marked, and can be made later."""
    first, *_ = keys(exported)
    monkeypatch.setenv("TOY_MISCHIEF", json.dumps({"all": "crash", "build": ""}))
    with pytest.raises(WorkError, match="the toy fell down"):
        execute(exported / "manifest.jsonl", first)
    found = collect(exported)
    assert found["parts"] | {"failed": 1, "waiting": 2} == found["parts"]
    assert "the toy fell down" in found["failures"][0]["reason"]
    assert (exported / found["failures"][0]["log"]).is_file()
    assert sorted(row["status"] for row in query()) == ["failed", "planned", "planned"]
    monkeypatch.delenv("TOY_MISCHIEF")
    execute(exported / "manifest.jsonl", first)
    assert collect(exported)["parts"]["new"] == 1
    assert sorted(row["status"] for row in query()) == ["generated", "planned", "planned"]


def test_what_is_wrong_is_refused(exported, toy, monkeypatch):
    """A folder that is there, a part that is not, a file that was changed, a missing program."""
    with pytest.raises(InputError, match="is there already"):
        export(exported, models_dir=toy)
    with pytest.raises(InputError, match="nothing is planned"):
        export("other", "m_zp > 5", models_dir=toy)
    first, *_ = keys(exported)
    with pytest.raises(InputError, match="has no part") as caught:
        execute(exported / "manifest.jsonl", first[:-1] + "9")
    assert first in caught.value.hint
    with pytest.raises(InputError, match="cannot be read"):
        collect("nowhere")
    Path("text").write_text("{}")
    with pytest.raises(InputError, match="no manifest"):
        execute("text", first)
    monkeypatch.setenv("TOY_PROGRAM", "/nowhere")
    with pytest.raises(InputError, match="toy was not found"):
        execute(exported / "manifest.jsonl", first)
    monkeypatch.delenv("TOY_PROGRAM")
    receipt = execute(exported / "manifest.jsonl", first)
    (exported / "samples" / receipt["path"]).write_text("other")
    (refused,) = collect(exported)["refused"]
    assert "not the file of its receipt" in refused["reason"]
    assert [row["status"] for row in query()] == ["planned"] * 3


@pytest.mark.thorough
@on_files
def test_killed_workers(exported, monkeypatch):
    """Kills at any moment: in the end each part is made once, and counted once."""
    monkeypatch.setenv("TOY_MISCHIEF", json.dumps({"all": "slow 0.05"}))
    dice = random.Random(1)
    for _ in range(30):
        key = dice.choice(keys(exported))
        child = os.fork()
        if child == 0:
            os.setsid()
            try:
                execute(exported / "manifest.jsonl", key)
            finally:
                os._exit(0)
        time.sleep(dice.uniform(0, 0.5))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for receipt in exported.glob("out/*/done.json"):
            told = json.loads(receipt.read_bytes())
            assert (exported / "samples" / told["path"]).stat().st_size == told["size"]
    for key in keys(exported):
        execute(exported / "manifest.jsonl", key)
    found = collect(exported)
    assert found["parts"] | {"new": 3, "refused": 0} == found["parts"]
    assert len(list(exported.glob("samples/*/events/*"))) == 3


def test_a_worker_does_not_know_the_books():
    """It starts once for each part: what it has no use for would be imported as often."""
    code = "import sys, mcbook.verbs.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "mcbook.production.making" in loaded
    heavy = ("mcbook.catalog", "sqlalchemy", "sqlmodel", "jinja2", "yaml", "pandas", "scipy")
    assert not [name for name in loaded if name.startswith(heavy)]


WORKERS = 4


def started():
    """Return the parts that the program was started for, in order."""
    lines = Path("log").read_text().splitlines()
    return [line for line in lines if line.startswith("run")]


@pytest.mark.thorough
def test_b2luigi_for_real(toy, here, length):
    """Its local back end makes many parts, is killed in between, and makes each of them once."""
    pytest.importorskip("b2luigi")
    parts, killed_at = length(30, 200), length(8, 80)
    (here / "grid.yaml").write_text(GRID.replace("[1, 2, 3]", f"{{linspace: [1, 5, {parts}]}}"))
    generate(None, "grid.yaml", models_dir=toy)
    assert export("away", models_dir=toy)["parts"] == parts
    settings = json.loads(Path("away/settings.json").read_text())
    settings |= {"batch_system": "local", "workers": WORKERS}
    Path("away/settings.json").write_text(json.dumps(settings))
    environment = {
        **os.environ,
        "MCBOOK_CATALOG": "/nowhere/at/all.db",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
    }

    def produce():
        with Path("said").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "production.py"], cwd="away", env=environment,
                stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip

    def receipts():
        return {path.parent.name for path in Path("away/out").glob("*/done.json")}

    first = produce()
    try:
        while len(receipts()) < killed_at and first.poll() is None:
            time.sleep(0.02)
    finally:  # also where the tests are stopped: it would go on for ever
        os.killpg(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL, Path("said").read_text()
    before, done = started(), receipts()
    assert killed_at <= len(done) < killed_at + 2 * WORKERS
    assert produce().wait() == 0, Path("said").read_text()
    assert len(receipts()) == parts
    after = started()[len(before) :]
    assert len({*before, *after}) == parts
    # Only what the kill tore out of the hands of a worker was begun twice. A program that a killed
    # worker had just started may say so after the kill.
    assert len(before) + len(after) - parts <= WORKERS
    assert not done & {f"{sample}-p0001" for _, sample, _ in map(str.split, after)}
    assert produce().wait() == 0
    assert started() == [*before, *after]
    found = collect("away")
    assert found["parts"] | {"new": parts, "refused": 0, "waiting": 0} == found["parts"]
    assert found["events"] == 20 * parts
    assert {row["status"] for row in query()} == {"generated"}
    assert len(list(Path("away/samples").glob("*/events/*"))) == parts
