"""How long ``generate`` takes against a plain floor: ``python benchmarks/generate.py [SAMPLES]``.

The floor renders the same templates, writes the same files one after the other into their final
folders and inserts the same rows by executemany; it computes no derived quantity, no id and no
seed, and is safe against nothing. The goal is at most 1.5 times its time. Both run in one process
and take turns; CPU time is the figure to quote on a shared machine.
"""

import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mcbook.generators.base import PartInput, SampleInput
from mcbook.grid import read_grid
from mcbook.production.grids import plan_grid
from mcbook.registry.loader import load_model
from mcbook.verbs.generate import generate

GOAL = 1.5
ROUNDS = 5
GRID = """\
model: idm
scan:
  m_chi1: {{linspace: [0.5, 1.5, {n}]}}
  delta_m: {{linspace: [0.05, 0.35, 20]}}
  m_hp: {{linspace: [0.3, 0.9, 10]}}
derived: {{m_ap: 3 * m_chi1}}
fixed: {{alpha_D: 0.1}}
events: 10k
"""


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the wall and the CPU time of *work* [s]."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


class Floor:
    """What must be done in any case: render, write, insert."""

    def __init__(self, folder: Path) -> None:
        """Take the samples, the rows and the schema from a run of generate in *folder*."""
        grid = read_grid(folder / "grid.yaml")
        plan = plan_grid(load_model("idm"), grid)
        (self.batch,) = next(iter(plan.plans.values())).batches
        with closing(sqlite3.connect(folder / "mcbook.db")) as books:
            self.schema = "\n".join(
                f"{sql};"
                for (sql,) in books.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
                if "sqlite_sequence" not in sql
            )
            names = [
                n for (n,) in books.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            self.rows = {
                name: books.execute(
                    f"SELECT {', '.join(stored(books, name))} FROM {name}"
                ).fetchall()
                for name in names
                if not name.startswith("sqlite_")
            }
            self.columns = {name: stored(books, name) for name in self.rows}
        self.parts = {row[0]: (row[1], row[2], row[3]) for row in self.rows["parts"]}

    def run(self, folder: Path) -> None:
        """Render, write and insert into *folder*."""
        campaign = self.batch.definition.campaign
        for sample in self.batch.samples:
            given = SampleInput(sample.id, sample.parameters, sample.derived)
            target = folder / "samples" / sample.id
            target.mkdir(parents=True)
            for name, content in campaign.sample_files(given).items():
                (target / name).write_bytes(content)
            (target / "sample.json").write_bytes(b"{}")
            number, events, seed = self.parts[sample.id]
            inner = target / "parts" / f"{number:04d}"
            inner.mkdir(parents=True)
            for name, content in campaign.part_files(
                given, PartInput(number, events, seed)
            ).items():
                (inner / name).write_bytes(content)
        with closing(sqlite3.connect(folder / "mcbook.db")) as books, books:
            books.executescript(self.schema)
            for name, rows in self.rows.items():
                columns = self.columns[name]
                holes = ", ".join("?" * len(columns))
                books.executemany(
                    f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({holes})",
                    rows,
                )


def stored(books: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table that are stored, not computed."""
    return [row[1] for row in books.execute(f"PRAGMA table_xinfo({table})") if row[6] == 0]


def main(samples: int) -> bool:
    """Print the ratios; return whether the goal is met."""
    text = GRID.format(n=max(samples // 200, 2))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)

        def prepare(name: str) -> Path:
            folder = root / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / "grid.yaml").write_text(text)
            return folder

        def ours() -> None:
            folder = root / "ours"
            generate(None, folder / "grid.yaml", output=folder / "samples",
                     catalog=str(folder / "mcbook.db"))  # fmt: skip

        prepare("ours")
        ours()
        floor = Floor(root / "ours")
        pairs = []
        for _ in range(ROUNDS):
            prepare("ours")
            mine = timed(ours)
            target = prepare("floor")
            pairs.append((mine, timed(lambda target=target: floor.run(target))))
    count = len(floor.batch.samples)
    for index, kind in enumerate(("wall", "CPU")):
        mine = statistics.median(pair[0][index] for pair in pairs) / count * 1e6
        theirs = statistics.median(pair[1][index] for pair in pairs) / count * 1e6
        ratios = sorted(pair[0][index] / pair[1][index] for pair in pairs)
        ratio = statistics.median(ratios)
        print(
            f"{kind}: generate {mine:.0f} us a sample, floor {theirs:.0f} us, ratio {ratio:.2f}"
            f" ({ratios[0]:.2f} to {ratios[-1]:.2f}), {count} samples"
        )
    return ratio <= GOAL


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
