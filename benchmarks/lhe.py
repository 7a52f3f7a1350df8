"""Les Houches files: ``python benchmarks/lhe.py [EVENTS]``.

The text of events is made once by mcbook and once by one giant ``%`` of Python; both give the same
bytes. The goal is 4 us of CPU time for an event of nine particles. Files are written with the
compression that is made for them, and with zlib's; the goal is 4 us again, now for all of it, and
at most 5% more bytes than zlib's level 1. Then a gzipped file is read and checked by mcbook, and
read by pylhe, which checks less. The goal is a fifth of pylhe's time. Two kinds of files are read:
mcbook's own, and one as MadGraph writes it, with helicities, which make lines of different lengths,
and packed at level 6. All is measured in one process, in turns.
"""

import gzip
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pylhe

from mcbook.lhe.file import Init, LheWriter, Process
from mcbook.lhe.reader import read
from mcbook.lhe.writer import Bytes, EventText, Row

GOAL_US, GOAL_RATIO, GOAL_SIZE = 4.0, 5.0, 1.05
ROUNDS = 3
BLOCK = 4000
BEAM = (0.0, 0.0, 5.29, 5.29)
ROWS = (
    Row(11, -1, (0, 0), BEAM, 0.0),
    Row(-11, -1, (0, 0), (0.0, 0.0, -5.29, 5.29), 0.0),
    Row(9900026, 2, (1, 2), mass=1.5),
    Row(9900032, 2, (1, 2)),
    Row(13, 1, (3, 3), mass=0.1056583755),
    Row(-13, 1, (3, 3), mass=0.1056583755),
    Row(9900024, 1, (4, 4), flies=True),
    Row(11, 1, (4, 4), mass=5.109989e-4),
    Row(-11, 1, (4, 4), mass=5.109989e-4),
)
INIT = Init(((11, 5.29), (-11, 5.29)), [Process(4e-5, 1e-7)])
TEXT = EventText(ROWS, weight=1.0, scale=10.58, alpha_qed=1 / 137.036)
PLACE = " %+.10e %+.10e %+.10e %.10e"


Block = tuple[np.ndarray, np.ndarray, np.ndarray]


def cpu(work: Callable[[], object], events: int) -> float:
    """Return the CPU time of *work* [us per event]."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) / events * 1e6


def giant(block: Bytes) -> str:
    """Return the format of a block for Python: the text of an event, with holes."""
    lines = block[0].tobytes().decode().splitlines(keepends=True)
    for number, row in enumerate(ROWS):
        words = lines[number + 2].split()
        line = lines[number + 2][:32]
        line += PLACE if row.momentum is None else " " + " ".join(words[6:10])
        line += " %.10e" if row.mass is None else f" {words[10]}"
        line += " %.10e" if row.flies else f" {words[11]}"
        lines[number + 2] = f"{line} {words[12]}\n"
    return "".join(lines) * len(block)


def flat(momenta: np.ndarray, masses: np.ndarray, lifetimes: np.ndarray) -> np.ndarray:
    """Return the numbers of each event in the order of its text."""
    columns: list[np.ndarray] = []
    mass, flight = iter(masses), iter(lifetimes)
    for row, momentum in zip(ROWS[2:], momenta, strict=True):
        columns += list(momentum)
        columns += [next(mass)] if row.mass is None else []
        columns += [next(flight)] if row.flies else []
    return np.stack(columns, axis=1)


def like_madgraph(text: str) -> str:
    """Return a file with helicities: one more byte where they are negative."""
    rng = np.random.default_rng(4)
    parts = text.split(" 9.0000e+00\n")
    signs = rng.choice([" 1.0000e+00\n", " -1.0000e+00\n"], len(parts) - 1)
    return "".join(a + b for a, b in zip(parts, [*signs, ""], strict=True))


def by_pylhe(path: Path) -> None:
    """Read every event."""
    for _ in pylhe.LHEFile.fromfile(path, with_attributes=False).events:
        pass


def block() -> Block:
    """Return momenta, masses and lifetimes of a block."""
    rng = np.random.default_rng(3)
    momenta = rng.normal(size=(7, 4, BLOCK))
    momenta[:, 3] = np.abs(momenta[:, 3])
    return momenta, np.abs(rng.normal(size=(2, BLOCK))), rng.exponential(size=(1, BLOCK))


def text() -> bool:
    """Print how long the text takes; return whether the goal is met."""
    given = block()
    made = TEXT.matrix(*given)
    layout = giant(made)

    def python() -> bytes:
        return (layout % tuple(flat(*given).ravel().tolist())).encode()

    same = python() == made.tobytes()
    pairs = [
        (cpu(lambda: TEXT.matrix(*given), BLOCK), cpu(python, BLOCK)) for _ in range(9 * ROUNDS)
    ]
    ours, theirs = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    print(
        f"text: {ours:.2f} us an event of {len(ROWS)} rows, % takes {theirs:.1f} us,"
        f" ratio {theirs / ours:.0f}; the same bytes: {same}"
    )
    return same and ours <= GOAL_US


def reading(path: Path, events: int) -> bool:
    """Print how long a file takes to read; return whether the goal is met."""
    pairs = [
        (cpu(lambda: read(path), events), cpu(lambda: by_pylhe(path), events))
        for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    ratios = sorted(pair[1] / pair[0] for pair in pairs)
    ratio = statistics.median(ratios)
    print(
        f"{path.name}: {ours:.2f} us an event, pylhe {theirs:.1f} us, ratio {ratio:.1f}"
        f" ({ratios[0]:.1f} to {ratios[-1]:.1f}), {events} events"
    )
    return ratio >= GOAL_RATIO


def writing(path: Path, level: int | None, given: Block, events: int) -> None:
    """Write a file."""
    with LheWriter(path, "", INIT, level=level) as file:
        for _ in range(events // BLOCK):
            file.add(TEXT, *given)


def main(events: int) -> bool:
    """Print times and ratios; return whether the goals are met."""
    met, given = text(), block()
    with tempfile.TemporaryDirectory() as folder:
        own, other = Path(folder) / "own.lhe.gz", Path(folder) / "madgraph.lhe.gz"

        costs = {}
        for level in (6, 1, None):  # what is written last is read below
            times = [
                cpu(partial(writing, own, level, given, events), events) for _ in range(ROUNDS)
            ]
            costs[level] = statistics.median(times), own.stat().st_size / events
            name = f"zlib, level {level}" if level else "as it is made"
            print(f"file, {name}: {costs[level][0]:.2f} us an event, {costs[level][1]:.0f} bytes")
        met &= costs[None][0] <= GOAL_US and costs[None][1] <= GOAL_SIZE * costs[1][1]
        plain = gzip.decompress(own.read_bytes()).decode()
        other.write_bytes(gzip.compress(like_madgraph(plain).encode(), 6))
        for path in (own, other):
            met &= reading(path, events)
    return met


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
