"""Interrupted and concurrent runs of generate: the books and the folders always agree."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from bookshelf import booked, new_books

from mcbook.catalog.store import catalog_exists
from mcbook.production.publish import TEMPORARY, sha256
from mcbook.verbs.generate import generate
from mcbook.verbs.verify import verify

__all__ = ["new_books"]

#: In short and in full. Files can be left half written, servers look after it.
KILLS = {"sqlite": (15, 200), "postgresql": (5, 20)}
GRID = """\
model: zprime
scan:
  m_zp: {linspace: [0.3, 4, 8]}
  g_prime: {values: [1e-4, 1e-3]}
events: 150k
"""


def run(folder, models, where, grid="grid.yaml"):
    """Generate inside *folder*, with books elsewhere."""
    output = folder / "samples"
    return generate(None, folder / grid, output=output, catalog=where, models_dir=models)


def in_child(work):
    """Run *work* in a child process; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001, a child must not fall through into pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def tree(folder):
    """Return every file below *folder* with its bytes, temporary folders included."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def books(where):
    """Return what the books say, without times and people."""
    wanted = {
        "samples": "id, digest, definition, status, directory, parameters, derived, events_target",
        "points": "sample_id, digest, factor, parameters, derived",
        "parts": "sample_id, number, events, seed, status, directory",
        "cards": "sample_id, part, path, sha256",
        "shared_files": "definition, path, sha256",
        "definitions": "digest, document",
    }
    return {
        table: booked(f"SELECT {columns} FROM {table}", where) for table, columns in wanted.items()
    }


def check_books(folder, where):
    """Every row has its file, with the digest of the row."""
    if not catalog_exists(where):
        return
    statement = "SELECT path, sha256 FROM cards UNION ALL SELECT path, sha256 FROM shared_files"
    rows = booked(statement, where)
    for path, digest in rows:
        assert sha256((folder / "samples" / path).read_bytes()) == digest


@pytest.fixture
def small_chunks(monkeypatch):
    """Make transactions small, so that kills fall between them as well."""
    monkeypatch.setattr("mcbook.production.booking.CHUNK", 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.usefixtures("small_chunks")
def test_killed_at_any_moment_it_ends_in_the_same_bytes(toy, tmp_path, new_books, length):
    """Many SIGKILLs over all phases: running again ends as if nothing had happened."""
    for name in ("warm-up", "reference"):  # the first run pays for imports, children do not
        reference, where = tmp_path / name, new_books()
        reference.mkdir()
        (reference / "grid.yaml").write_text(GRID)
        start = time.perf_counter()
        run(reference, toy, where)
        lasts = time.perf_counter() - start
    wanted, recorded = tree(reference / "samples"), books(where)
    kills = length(*KILLS["postgresql" if "://" in where else "sqlite"])
    dice = random.Random(20)
    killed = 0
    rounds = 0
    while killed < kills:
        rounds += 1
        folder, where = tmp_path / f"round{rounds}", new_books()
        folder.mkdir()
        (folder / "grid.yaml").write_text(GRID)
        for _ in range(5):
            child = in_child(lambda folder=folder, where=where: run(folder, toy, where))
            time.sleep(dice.uniform(0, lasts))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            # The moments spread over a run as long as runs are now: disks and neighbours change.
            was_killed = os.WIFSIGNALED(status)
            killed += was_killed
            lasts *= 1.05 if was_killed else 0.8
            check_books(folder, where)
            for path, content in tree(folder / "samples").items():
                if not path.startswith(TEMPORARY):
                    assert wanted[path] == content
        run(folder, toy, where)
        assert tree(folder / "samples") == wanted
        assert books(where) == recorded


@pytest.mark.usefixtures("small_chunks")
def test_two_at_once_on_one_catalog_both_succeed(toy, tmp_path, monkeypatch, new_books):
    """Two runs of overlapping grids at the same time give what one after the other gives.

    Seeds that collide go to whoever comes first, so the range is as wide as that of MadGraph.
    """
    monkeypatch.setattr("toy_generator.Toy.seed_range", (1, 900_000_000))
    together, apart = new_books(), new_books()
    for name in ("together", "apart"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "first.yaml").write_text(GRID)
        (folder / "second.yaml").write_text(GRID.replace("[0.3, 4, 8]", "[0.3, 6, 12]"))
    context = multiprocessing.get_context("fork")
    started = [
        context.Process(target=run, args=(tmp_path / "together", toy, together, f"{name}.yaml"))
        for name in ("first", "second")
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
        assert process.exitcode == 0
    run(tmp_path / "apart", toy, apart, "first.yaml")
    run(tmp_path / "apart", toy, apart, "second.yaml")
    assert tree(tmp_path / "together" / "samples") == tree(tmp_path / "apart" / "samples")
    assert books(together) == books(apart)
    check_books(tmp_path / "together", together)


@pytest.mark.parametrize("folders", [("shared", "shared"), ("mine", "theirs")])
def test_two_users_with_the_same_grid_get_one_set_of_samples(toy, tmp_path, new_books, folders):
    """Both start at the same moment with the real program, on books that are not even there yet."""
    (tmp_path / "grid.yaml").write_text(GRID)
    for name in folders:
        (tmp_path / name).mkdir(exist_ok=True)
    where = new_books()
    words = (Path(sys.executable).with_name("mcbook"), "generate", "zprime", "--format", "json")
    words += ("--grid", tmp_path / "grid.yaml", "--catalog", where, "--models", toy)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = [
        subprocess.Popen(words, cwd=tmp_path / name, env=environment, stdout=subprocess.PIPE)
        for name in folders
    ]
    told = [json.loads(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert told[0]["ids"] == told[1]["ids"]
    assert sum(found["samples"]["new"] for found in told) == len(told[0]["ids"]) == 8
    assert sum(found["parts"]["new"] for found in told) == 16
    assert [row[0] for row in booked("SELECT id FROM samples", where)] == sorted(told[0]["ids"])
    assert len(booked("SELECT DISTINCT seed FROM parts", where)) == 16
    assert not verify(catalog=where, models_dir=toy)["failed"]
    cards = [path.parent.name for path in tmp_path.glob("*/samples/zprime-*/sample.json")]
    assert sorted(cards) == sorted(told[0]["ids"])
