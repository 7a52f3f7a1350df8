"""How fast limits are, against pyhf in the same run: ``python benchmarks/limits.py [--quick]``.

One pyhf hypothesis is `toms748_scan` with its default tolerances: the observed and the expected
limits of one model, from a bracket of 0.02 to 10 about a limit that was scaled to 1. Its time is
the median of a few; ours is that of all hypotheses, handed over as arrays, divided by their number.
CPU seconds of this process, but wall time for the command. 40 bins run against pyhf with jax where
it is installed. Without it they run against numpy, and the goal is 4 times higher: that is how much
faster jax was when both were measured.

Toys: N with signal and N without, thrown and fitted at one mu. The command reads a counts table and
writes ``limits.csv`` and ``limits.json``, Python's start included; methods are ``auto`` (hybrid in
one bin) and ``asymptotic``, and only what a user gets without asking has a goal.

What bounds it: an asymptotic hypothesis takes some 40 evaluations of the likelihood with all its
derivatives, each some 0.2 us in one bin and 3 us in 40, which is 8 us and 120 us of what is
measured; fewer than four steps for each of its six limits do not converge. A hybrid hypothesis has
five or six counts, each with a table of some 100 incomplete gamma functions where counts are large.
Chunks of hybrid limits run in threads, which gains a third of the command on two cores; a second
process would have to import numpy and scipy, longer than 10,000 asymptotic hypotheses take.

The memory of 10 times more hypotheses must not grow by more than their results take.
"""

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from limit_cases import SHAPES, one, pyhf_limits, pyhf_model

from mcbook.limits import Likelihoods, toys, upper_limits

CL = 0.95
BRACKET = (0.02, 10.0)
BATCHES = {"1 bin": 10_000, "3 bins": 10_000, "40 bins": 1000}
GOALS = {"1 bin": 20_000, "3 bins": 20_000, "40 bins": 10_000}
PEERS = {"1 bin": 5, "3 bins": 3, "40 bins": 1}
JAX_FASTER = 4
TOYS = 1000
PEER_TOYS = 100
TOY_GOAL = 1000
COMMAND_GOAL = 2.0
BYTES_GOAL = 500
"""Bytes for each further hypothesis: its results are 12 numbers and two references, twice while
they are put together."""


class Line(NamedTuple):
    """What is printed of one case: seconds of ours and of the peer, and the ratio wanted."""

    name: str
    mine: float
    theirs: float
    goal: float | None


def cpu(work: Callable[[], Any]) -> float:
    """Return the CPU time of *work* [s]."""
    start = time.process_time()
    work()
    return time.process_time() - start


def peer(batch: Likelihoods, number: int, backend: str = "numpy") -> float:
    """Return the CPU time of one pyhf hypothesis: the median of some [s]."""
    import pyhf

    some = batch.take(np.arange(number))
    found = upper_limits(some, cl=CL, method="asymptotic")
    pyhf.set_backend(backend, pyhf.optimize.scipy_optimizer())
    spent = []
    for row in range(number):
        problem = pyhf_model(some, row, found.expected[row, 2])
        spent.append(cpu(lambda problem=problem: pyhf_limits(problem, CL, BRACKET)))
    return statistics.median(spent)


def batches(*, quick: bool) -> Iterator[Line]:
    """Yield limits of many hypotheses."""
    for name, make in SHAPES.items():
        if quick and name == "40 bins":
            continue
        size = BATCHES[name]
        batch = make(size)
        goal, backend = GOALS[name], "numpy"
        if name == "40 bins":
            backend = "jax" if find_spec("jax") else "numpy"
            goal *= 1 if backend == "jax" else JAX_FASTER
        upper_limits(batch.take(np.arange(100)), cl=CL, method="asymptotic")
        tries = [cpu(lambda b=batch: upper_limits(b, cl=CL, method="asymptotic")) for _ in range(3)]
        theirs = peer(batch, PEERS[name], backend)
        yield Line(f"{name}, {size:,}, pyhf {backend}", min(tries) / size, theirs, goal)
        if name == "1 bin":
            spent = cpu(lambda b=batch: upper_limits(b, cl=CL, method="hybrid"))
            yield Line(f"{name}, {size:,}, hybrid", spent / size, theirs, None)


def thrown() -> Iterator[Line]:
    """Yield the time of one toy, for three hypotheses."""
    import pyhf
    from pyhf.infer.calculators import ToyCalculator

    batch = one(3, background=(2.0, 50.0))
    found = upper_limits(batch, cl=CL, method="asymptotic")
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
    mine, theirs = [], []
    for row in range(len(batch)):
        model, data = pyhf_model(batch, row, found.expected[row, 2])
        calculator = ToyCalculator(
            data, model, test_stat="qtilde", ntoys=PEER_TOYS, track_progress=False
        )
        # The point that a scan in mu repeats is private: it is no limit yet.
        single = toys._One(batch.take(np.array([row])), 1 - CL, 0, TOYS, "observed")  # noqa: SLF001
        mine.append(cpu(lambda one=single: [one._log_cls(1.0, TOYS) for _ in range(10)]))  # noqa: SLF001
        theirs.append(cpu(lambda c=calculator: c.distributions(1.0)))
    yield Line(
        f"1 bin, {TOYS:,} + {TOYS:,} toys, each",
        statistics.median(mine) / (20 * TOYS),
        statistics.median(theirs) / (2 * PEER_TOYS),
        TOY_GOAL,
    )


def write_table(path: Path, size: int) -> None:
    """Write a counts table."""
    batch = one(size)
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow([
            "hypothesis", "m_zp", "g_p", "signal", "background", "observed",
            "signal_lumi_rel", "signal_efficiency_rel", "background_shape_rel", "background_stat",
        ])  # fmt: skip
        for i, (s, b, n) in enumerate(
            zip(batch.signal[:, 0], batch.background[:, 0], batch.observed[:, 0], strict=True)
        ):
            efficiency, shape = (m.data["hi"][i] - 1 for m in batch.modifiers[1:3])
            stat = batch.modifiers[3].data["sigma"][i, 0]
            table.writerow([f"p{i}", i % 100 / 10, 1e-4 * (1 + i // 100), s, b, int(n),
                            0.01, efficiency, shape, stat])  # fmt: skip


def commands(rounds: int) -> Iterator[Line]:
    """Yield the wall time of a cold command for 10,000 rows, and that of a pyhf hypothesis."""
    import pyhf

    batch = one(rounds)
    found = upper_limits(batch, cl=CL, method="asymptotic")
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.csv"
        write_table(path, 10_000)
        times: dict[str, list[float]] = {"auto": [], "asymptotic": [], "pyhf": []}
        for row in range(rounds):
            for method in ("auto", "asymptotic"):
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "mcbook", "limits", path, "--cl", str(CL),
                     "--method", method, "--output", f"{folder}/{method}"],
                    check=True, stdout=subprocess.DEVNULL,
                )  # fmt: skip
                times[method].append(time.perf_counter() - start)
            problem = pyhf_model(batch, row, found.expected[row, 2])
            start = time.perf_counter()
            pyhf_limits(problem, CL, BRACKET)
            times["pyhf"].append(time.perf_counter() - start)
    theirs = statistics.median(times["pyhf"])
    for method, goal in (("auto", 1 / COMMAND_GOAL), ("asymptotic", None)):
        mine = statistics.median(times[method])
        yield Line(f"command, 10,000 rows, {method}", mine, theirs, goal)


def peak_growth(size: int) -> int:
    """Return by how much the limits of *size* hypotheses raise the peak of memory [bytes]."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        batch = one(size)
        upper_limits(batch.take(np.arange(10)), cl=CL, method="asymptotic")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        upper_limits(batch, cl=CL, method="asymptotic")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        os.write(write, str(grown * 1024).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answer:
        return int(answer.read())


def memory() -> bool:
    """Print how memory grows; return whether it is bounded."""
    few, many = peak_growth(10_000), peak_growth(100_000)
    each = (many - few) / 90_000
    met = each <= BYTES_GOAL
    print(
        f"memory: {few / 1e6:.0f} MB for 10,000 hypotheses, {many / 1e6:.0f} MB for 100,000: "
        f"{each:.0f} bytes for each more; goal {BYTES_GOAL}: {'met' if met else 'missed'}"
    )
    return met


def told(line: Line) -> bool:
    """Print a line of the table; return whether its goal is met."""
    ratio = line.theirs / line.mine
    verdict = "" if line.goal is None else "met" if ratio >= line.goal else "missed"
    goal = "-" if line.goal is None else f"{line.goal:,.10g}"
    shown = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"  # noqa: PLR2004
    print(
        f"{line.name:36}{line.mine * 1e6:14,.1f}{line.theirs * 1e6:16,.0f}{shown:>11}{goal:>9}"
        f"  {verdict}",
        flush=True,
    )
    return verdict != "missed"


def main() -> None:
    """Print the table; fail where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out 40 bins: pyhf takes long")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    bounded = memory()
    print(f"{'':36}{'mcbook us':>14}{'pyhf us':>16}{'ratio':>11}{'goal':>9}")
    missed = [not told(line) for line in batches(quick=options.quick)]
    missed += [not told(line) for line in thrown()]
    missed += [not told(line) for line in commands(options.repeat)]
    raise SystemExit(any(missed) or not bounded)


if __name__ == "__main__":
    main()
