"""Compares a selection of ten cuts with a bare script of uproot and numpy that does the same.

An ntuple of 15 branches, of doubles and floats of four bytes by turns, is made and compressed as
uproot does. Both sides read it in chunks and give, after each cut and in the window, the number of
events, the sum of weights and that of their squares; they must agree. They run in turns in one
process; events per CPU second, medians. Memory is the largest of a process of its own, at as many
events and at ten times as many.

Goals: at least 0.8 of the bare script's events per CPU second, and the same memory within 10%.

    python benchmarks/selection.py [--events 2000000] [--repeat 5]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import uproot
from numpy.typing import NDArray

from mcbook.selection.count import count
from mcbook.selection.file import read_selection

Array = NDArray[Any]

SPEED, MEMORY = 0.8, 1.1
BLOCK = 200_000
ANGLES = ("opening_angle", "theta_recoil", "phi_recoil")
OTHERS = ("m2_recoil", "p_1", "p_2", "pt_1", "pt_2", "e_extra", "e_gamma", "d0", "z0", "pid_1",
          "pid_2")  # fmt: skip
CUTS = {
    "opening": "opening_angle < 3.1",
    "barrel": "abs(theta_recoil - 1.57) < 1.2",
    "gap": "abs(phi_recoil - 1.57) > 0.05",
    "momenta": "p_1 > 0.1 and p_2 > 0.1",
    "pt": "max(pt_1, pt_2) > 0.5",
    "extra": "e_extra < 2.5",
    "photon": "not (e_gamma > 3 and e_extra > 0.1)",
    "vertex": "abs(d0) < 2.5 and abs(z0) < 2.5",
    "muons": "pid_1 > 0.05 and pid_2 > 0.05",
    "sum": "p_1 + p_2 < 10",
}
MASS, SIGMA, WIDTH = 3.0, 0.4, 2
SELECTION = """\
schema: 1
name: benchmark
model: zprime
process: mumu_inv
weight: weight
cuts:
{cuts}
window: {{observable: m2_recoil, centre: "m_zp**2", resolution: {sigma}, width: {width}}}
"""


def events(rng: np.random.Generator, size: int) -> dict[str, Array]:
    """Return the branches of some events."""
    found: dict[str, Array] = {name: rng.uniform(0, np.pi, size) for name in ANGLES}
    found |= {name: rng.exponential(1.0, size) for name in OTHERS}
    found["m2_recoil"] = rng.uniform(-1, 81, size)
    found["d0"], found["z0"] = rng.normal(size=size), rng.normal(size=size)
    found["weight"] = rng.uniform(0.5, 1.5, size)
    return {
        name: array.astype(np.float32) if i % 2 else array
        for i, (name, array) in enumerate(found.items())
    }


def make(path: Path, size: int) -> None:
    """Write the ntuple."""
    rng = np.random.default_rng(1)
    with uproot.recreate(path) as file:
        first = events(rng, 1)
        tree = file.mktree("events", {name: array.dtype for name, array in first.items()})
        for start in range(0, size, BLOCK):
            tree.extend(events(rng, min(BLOCK, size - start)))


def bare(path: Path) -> list[tuple[int, float, float]]:
    """Return the cutflow by uproot and numpy alone."""
    names = [*ANGLES, *OTHERS, "weight"]
    totals = np.zeros((len(CUTS) + 2, 3))
    for chunk in uproot.iterate(f"{path}:events", names, step_size="16 MB", library="np"):
        a = chunk
        weight = a["weight"]
        mask = np.ones(len(weight), dtype=bool)
        steps = (
            mask,
            a["opening_angle"] < 3.1,  # noqa: PLR2004
            np.abs(a["theta_recoil"] - 1.57) < 1.2,  # noqa: PLR2004
            np.abs(a["phi_recoil"] - 1.57) > 0.05,  # noqa: PLR2004
            (a["p_1"] > 0.1) & (a["p_2"] > 0.1),  # noqa: PLR2004
            np.maximum(a["pt_1"], a["pt_2"]) > 0.5,  # noqa: PLR2004
            a["e_extra"] < 2.5,  # noqa: PLR2004
            ~((a["e_gamma"] > 3) & (a["e_extra"] > 0.1)),  # noqa: PLR2004
            (np.abs(a["d0"]) < 2.5) & (np.abs(a["z0"]) < 2.5),  # noqa: PLR2004
            (a["pid_1"] > 0.05) & (a["pid_2"] > 0.05),  # noqa: PLR2004
            a["p_1"] + a["p_2"] < 10,  # noqa: PLR2004
            np.abs(a["m2_recoil"] - MASS**2) <= WIDTH * SIGMA,
        )
        for i, step in enumerate(steps):
            mask &= step
            kept = weight[mask]
            totals[i] += len(kept), kept.sum(), (kept**2).sum()
    return [(int(n), w, w2) for n, w, w2 in totals.tolist()]


def ours(path: Path) -> list[tuple[int, float, float]]:
    """Return the cutflow by mcbook."""
    selection = read_selection(path.with_name("selection.yaml"))
    (cutflow,) = count(selection, [path], [{"m_zp": MASS}])
    return [(step.n, step.sumw, step.sumw2) for step in cutflow.steps]


def agree(first: list[Any], second: list[Any]) -> bool:
    """Return whether two cutflows are the same but for floats of four bytes being rounded."""
    a, b = np.array(first), np.array(second)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=3))


def speeds(path: Path, size: int, repeat: int) -> tuple[float, float, list[float]]:
    """Return the medians of events per CPU second of both, and the ratio of each pair."""
    spent: dict[Callable[..., Any], list[float]] = {ours: [], bare: []}
    for turn in range(repeat + 1):
        found = []
        for side in (ours, bare) if turn % 2 else (bare, ours):
            start = time.process_time()
            found.append(side(path))
            spent[side].append(time.process_time() - start)
        if not agree(*found):
            raise SystemExit(f"the two differ: {found}")
    for measured in spent.values():
        del measured[0]  # libraries are imported in the first turn
    ratios = [b / o for o, b in zip(spent[ours], spent[bare], strict=True)]
    return size / median(spent[ours]), size / median(spent[bare]), ratios


def peak_mb(path: Path) -> float:
    """Return the largest memory [MB] of a process that makes the selection."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print what is measured; fail where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peak", type=Path)
    options = parser.parse_args()
    if options.peak:
        ours(options.peak)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.root"), Path(folder, "large.root")
        cuts = "\n".join(f'  {name}: "{cut}"' for name, cut in CUTS.items())
        text = SELECTION.format(cuts=cuts, sigma=SIGMA, width=WIDTH)
        Path(folder, "selection.yaml").write_text(text, encoding="utf-8")
        make(small, options.events // 10)
        make(large, options.events)
        mine, theirs, ratios = speeds(large, options.events, options.repeat)
        ratio = median(ratios)
        print(f"mcbook {mine / 1e6:.2f}, bare {theirs / 1e6:.2f} million events per CPU second")
        print(f"ratio {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), goal {SPEED}")
        few, many = peak_mb(small), peak_mb(large)
        print(
            f"{few:.0f} MB at {options.events // 10:,} events, {many:.0f} MB at ten times as many"
        )
    is_met = ratio >= SPEED and many <= MEMORY * few
    print("met" if is_met else "missed")
    raise SystemExit(0 if is_met else 1)


if __name__ == "__main__":
    main()
