"""Interrupted and concurrent runs of generate: the books and the folders always agree."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
import traceback
from contextlib import closing

import pytest

from mcbook.production.publish import TEMPORARY, sha256
from mcbook.verbs.generate import generate

KILLS = 200
GRID = """\
model: zprime
scan:
  m_zp: {linspace: [0.3, 4, 8]}
  g_prime: {values: [1e-4, 1e-3]}
events: 150k
"""


def run(folder, models, grid="grid.yaml"):
    """Generate inside *folder*."""
    return generate(
        None,
        folder / grid,
        output=folder / "samples",
        catalog=str(folder / "mcbook.db"),
        models_dir=models,
    )


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


def books(path):
    """Return what the books say, without times and people."""
    wanted = {
        "samples": "id, digest, definition, status, directory, parameters, derived, events_target",
        "points": "sample_id, digest, factor, parameters, derived",
        "parts": "sample_id, number, events, seed, status, directory",
        "cards": "sample_id, part, path, sha256",
        "shared_files": "definition, path, sha256",
        "definitions": "digest, document",
    }
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall())
            for table, columns in wanted.items()
        }


def check_books(folder):
    """Every row has its file, with the digest of the row."""
    if not (folder / "mcbook.db").exists():
        return
    with closing(sqlite3.connect(folder / "mcbook.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "cards" not in tables:
            return
        rows = connection.execute(
            "SELECT path, sha256 FROM cards UNION ALL SELECT path, sha256 FROM shared_files"
        ).fetchall()
    for path, digest in rows:
        assert sha256((folder / "samples" / path).read_bytes()) == digest


@pytest.fixture
def small_chunks(monkeypatch):
    """Make transactions small, so that kills fall between them as well."""
    monkeypatch.setattr("mcbook.production.booking.CHUNK", 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.usefixtures("small_chunks")
def test_killed_at_any_moment_it_ends_in_the_same_bytes(toy, tmp_path):
    """Two hundred SIGKILLs over all phases: running again ends as if nothing had happened."""
    for name in ("warm-up", "reference"):  # the first run pays for imports, children do not
        reference = tmp_path / name
        reference.mkdir()
        (reference / "grid.yaml").write_text(GRID)
        start = time.perf_counter()
        run(reference, toy)
        length = time.perf_counter() - start
    wanted, booked = tree(reference / "samples"), books(reference / "mcbook.db")
    dice = random.Random(20)
    killed = 0
    rounds = 0
    while killed < KILLS:
        rounds += 1
        folder = tmp_path / f"round{rounds}"
        folder.mkdir()
        (folder / "grid.yaml").write_text(GRID)
        for _ in range(5):
            child = in_child(lambda folder=folder: run(folder, toy))
            time.sleep(dice.uniform(0, length))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            # The moments spread over a run as long as runs are now: disks and neighbours change.
            was_killed = os.WIFSIGNALED(status)
            killed += was_killed
            length *= 1.05 if was_killed else 0.8
            check_books(folder)
            for path, content in tree(folder / "samples").items():
                if not path.startswith(TEMPORARY):
                    assert wanted[path] == content
        run(folder, toy)
        assert tree(folder / "samples") == wanted
        assert books(folder / "mcbook.db") == booked


@pytest.mark.usefixtures("small_chunks")
def test_two_at_once_on_one_catalog_both_succeed(toy, tmp_path, monkeypatch):
    """Two runs of overlapping grids at the same time give what one after the other gives.

    Seeds that collide go to whoever comes first, so the range is as wide as that of MadGraph.
    """
    monkeypatch.setattr("toy_generator.Toy.seed_range", (1, 900_000_000))
    for name in ("together", "apart"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "first.yaml").write_text(GRID)
        (folder / "second.yaml").write_text(GRID.replace("[0.3, 4, 8]", "[0.3, 6, 12]"))
    context = multiprocessing.get_context("fork")
    started = [
        context.Process(target=run, args=(tmp_path / "together", toy, f"{name}.yaml"))
        for name in ("first", "second")
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
        assert process.exitcode == 0
    run(tmp_path / "apart", toy, "first.yaml")
    run(tmp_path / "apart", toy, "second.yaml")
    assert tree(tmp_path / "together" / "samples") == tree(tmp_path / "apart" / "samples")
    assert books(tmp_path / "together" / "mcbook.db") == books(tmp_path / "apart" / "mcbook.db")
    check_books(tmp_path / "together")
