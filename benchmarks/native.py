"""The native generator against MadGraph, with the path of MadGraph 3.5.7 in MCBOOK_MG5.

CPU time per event of files of events (.lhe.gz) of 100,000 events, and of 2,000 events as one part
of a grid. Both generators make the same samples by ``mcbook run``, one after the other on the same
machine; counted is what their programs take, from a card to a file, without the time in which
MadGraph makes and compiles a process. The goals are a sixtieth of MadGraph's time for the large
samples and a fortieth for the small ones. Without MadGraph only the native times are printed.

    python benchmarks/native.py --events 20000 --process mumu_inv     # quicker
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from mcbook.verbs.generate import generate
from mcbook.verbs.run import run

GOALS = {"large": 60.0, "small": 40.0}
SMALL = 2000
CASES: dict[tuple[str, str], dict[str, Any]] = {
    ("alp", "gamma_gg"): {"m_a": 2.0},
    ("dark_higgs", "mumu_inv"): {"m_ap": 3.0, "m_hp": 1.5, "alpha_D": 0.1},
    ("idm", "hp_mumu_chi2_ee"): {
        "m_ap": 3.0, "m_hp": 0.6, "m_chi1": 1.0, "delta_m": 0.2, "alpha_D": 1e-3,
    },
    ("zprime", "mumu_inv"): {"m_zp": 1.0, "g_prime": 1e-2},
}  # fmt: skip
"""The processes with a goal, each at one point."""


def cpu_us(model: str, process: str, fixed: dict[str, Any], generator: str, events: int) -> float:
    """Return the CPU time of one part [us per event]; a first part of 100 events goes before it."""
    grid = {"process": process, "fixed": fixed, "generator": {"name": generator}}
    with tempfile.TemporaryDirectory() as folder:
        places = {"catalog": str(Path(folder, "books.db"))}
        samples = Path(folder, "samples")
        generate(model, grid | {"events": 100}, output=samples, **places)
        run(**places)
        made = run(events=events + 100, **places)
        if made["failures"] or not made["events"]:
            raise SystemExit(f"{generator}: {made}")
        return 1e6 * float(made["cpu_s"]) / int(made["events"])


def main() -> int:
    """Return how many goals were missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--process", help="only those with this name")
    asked = parser.parse_args()
    has_madgraph = "MCBOOK_MG5" in os.environ
    missed = 0
    for (model, process), fixed in CASES.items():
        if asked.process not in {None, process, f"{model}/{process}"}:
            continue
        for size, events in (("large", asked.events), ("small", SMALL)):
            own = cpu_us(model, process, fixed, "native", events)
            said = f"  {model} {process}, {events} events: native {own:.1f} us per event"
            if has_madgraph:
                other = cpu_us(model, process, fixed, "madgraph", events)
                missed += other / own < GOALS[size]
                said += f", MadGraph {other:.0f} us: {other / own:.0f} times (goal {GOALS[size]:g})"
            print(said, flush=True)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
