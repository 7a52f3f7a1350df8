"""Time of a point with one compiled process for all of a grid, against one for each point.

With the path of MadGraph 3.5.7 in MCBOOK_MG5::

    MCBOOK_MG5=/path/to/mg5_aMC python benchmarks/production.py [POINTS]

Both make the same parts with ``mcbook run`` and one worker, in one run. CPU time of MadGraph and
all that it starts is the figure to quote on a shared machine. The first point of a grid pays for
the process folder, which the line shows apart.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from mcbook.verbs.generate import generate
from mcbook.verbs.run import run

EVENTS = 2000
MASSES = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)


def made(folder: Path, masses: tuple[float, ...]) -> tuple[float, float]:
    """Make a sample for each mass in a folder of its own; return wall and CPU time [s]."""
    folder.mkdir()
    os.chdir(folder)
    generate("zprime", {"scan": {"m_zp": list(masses)}}, events=EVENTS, catalog="mcbook.db")
    before = os.times()
    start = time.perf_counter()
    found = run(catalog="mcbook.db")
    wall = time.perf_counter() - start
    after = os.times()
    if found["failures"]:
        raise SystemExit(found["failures"])
    own, theirs = after.user - before.user, after.children_user - before.children_user
    system = after.children_system - before.children_system
    return wall, own + theirs + system


def main(points: int) -> int:
    """Print the table."""
    masses = MASSES[:points]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        alone = [made(root / f"alone-{i}", (mass,)) for i, mass in enumerate(masses)]
        together = made(root / "together", masses)
    per_point = [sum(times) / points for times in zip(*alone, strict=True)]
    shared = [value / points for value in together]
    rest = [(value - one) / (points - 1) for value, one in zip(together, alone[0], strict=True)]
    for kind, index in (("wall", 0), ("CPU", 1)):
        print(
            f"{kind}: one output for each point {per_point[index]:.1f} s, shared"
            f" {shared[index]:.1f} s a point (ratio {per_point[index] / shared[index]:.2f}), each"
            f" further point {rest[index]:.1f} s (ratio {per_point[index] / rest[index]:.2f});"
            f" {points} points of {EVENTS} events"
        )
    os.chdir("/")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
