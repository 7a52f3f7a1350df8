"""How well efficiency maps interpolate, against the best that scipy has.

    python benchmarks/efficiency.py [--repeat 3]

600 samples with 10,000 events each over a mass and a lifetime, on a grid of 30 x 20 and scattered
(Sobol). The truth has a window of decay lengths, a turn-on, a threshold at 8.6 GeV and a low
plateau. Both sides get the same counts. scipy's interpolators get efficiencies, and the logits
too; the threshold is declared to mcbook. "edge" is within 0.35 GeV of the threshold. Test points
are within the range of the samples and below the threshold.

Goals: a root mean square error at most that of the best scipy method in either space, no value
below 0, and a 68 % band that covers 0.65 to 0.75. Exit code 1 if one is missed.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import (
    CloughTocher2DInterpolator,
    LinearNDInterpolator,
    RBFInterpolator,
    RegularGridInterpolator,
)
from scipy.special import expit, logit
from scipy.stats import qmc

from mcbook.efficiency import EfficiencyMap

Array = NDArray[np.float64]

EVENTS = 10_000
SHAPE = (30, 20)
LOW, HIGH = np.array([0.2, -1.0]), np.array([9.0, 3.0])
THRESHOLD = 8.6
EDGE = 0.35
COVERAGE = (0.65, 0.75)
TESTS = 6000
SLOW = 1000
"""Test points of scipy's pchip, which takes 0.2 ms for each."""


def truth(points: Array) -> Array:
    """Return the efficiency at mass [GeV] and log10 of ctau [mm]."""
    mass, ctau = points[:, 0], 10 ** points[:, 1]
    momentum = np.sqrt(np.maximum((THRESHOLD / 2) ** 2 - (mass / 2) ** 2, 1e-12))
    length = np.maximum(momentum / mass, 1e-3) * ctau
    window = np.exp(-2 / length) - np.exp(-300 / length)
    turn_on = 1 / (1 + np.exp(-(mass - 0.6) / 0.15))
    opening = np.sqrt(np.clip(1 - mass / THRESHOLD, 0, None))
    return np.where(mass < THRESHOLD, 0.75 * window * turn_on * opening + 2e-4, 0.0)


def grid_points() -> Array:
    """Return the nodes of the grid."""
    axes = [np.linspace(*ends) for ends in zip(LOW, HIGH, SHAPE, strict=True)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)


def scattered_points(seed: int) -> Array:
    """Return nodes that fill the plane evenly, and its corners, so that the hull is the box."""
    inner = qmc.Sobol(2, seed=seed).random(1024)[: int(np.prod(SHAPE)) - 4]
    corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    return LOW + np.vstack([inner, corners]) * (HIGH - LOW)


def on_grid(nodes: Array, values: Array, method: str) -> Callable[[Array], Array]:
    """Return scipy's interpolator on a grid."""
    axes = [np.unique(nodes[:, j]) for j in range(2)]
    return RegularGridInterpolator(axes, values.reshape(SHAPE), method=method)


def scattered(nodes: Array, values: Array, method: str) -> Callable[[Array], Array]:
    """Return one of scipy's interpolators of scattered points, the box having sides of 1."""
    kinds: dict[str, Any] = {
        "thin plate": RBFInterpolator,
        "Clough-Tocher": CloughTocher2DInterpolator,
        "LinearND": LinearNDInterpolator,
    }
    made = kinds[method]((nodes - LOW) / (HIGH - LOW), values)
    return lambda points: made((points - LOW) / (HIGH - LOW))


def rows_of(nodes: Array, tests: Array, seed: int, *, is_grid: bool) -> Iterator[tuple[Any, ...]]:
    """Yield name, values, test points, band and microseconds per point of each method."""
    counts = np.random.default_rng(seed).binomial(EVENTS, truth(nodes))
    start = time.process_time()
    made = EfficiencyMap(
        ["m", "x"], nodes, counts, np.full(len(nodes), EVENTS), thresholds=[f"m < {THRESHOLD}"]
    )
    made.evaluate({"m": tests[:1, 0], "x": tests[:1, 1]})
    fit_s = time.process_time() - start
    start = time.process_time()
    found = made.evaluate({"m": tests[:, 0], "x": tests[:, 1]})
    spent = (time.process_time() - start) / len(tests) * 1e6
    band = np.hypot(found.mc_error, found.interpolation_error)
    yield f"mcbook ({made.method})", found.value, tests, band, spent, fit_s
    build = on_grid if is_grid else scattered
    methods = (
        ("pchip", "cubic", "linear") if is_grid else ("thin plate", "Clough-Tocher", "LinearND")
    )
    for method in methods:
        some = tests[:SLOW] if method == "pchip" else tests
        for space in ("raw", "logit"):
            values = counts / EVENTS
            if space == "logit":
                values = logit((counts + 0.5) / (EVENTS + 1))
            start = time.process_time()
            interpolator = build(nodes, values, method)
            interpolator(some[:1])
            fit_s = time.process_time() - start
            start = time.process_time()
            answer = interpolator(some)
            spent = (time.process_time() - start) / len(some) * 1e6
            answer = expit(answer) if space == "logit" else answer
            yield f"{method} {space}", answer, some, None, spent, fit_s


def study(repeat: int, *, is_grid: bool) -> dict[str, dict[str, float]]:
    """Return medians over repetitions of what is measured of each method."""
    measured: dict[str, list[dict[str, float]]] = {}
    for seed in range(repeat):
        unit = np.random.default_rng(100 + seed).random((TESTS, 2))
        tests = LOW + unit * (np.array([THRESHOLD, HIGH[1]]) - LOW)
        nodes = grid_points() if is_grid else scattered_points(seed)
        for name, value, points, band, spent, fit_s in rows_of(nodes, tests, seed, is_grid=is_grid):
            off, edge = value - truth(points), points[:, 0] > THRESHOLD - EDGE
            covered = np.nan if band is None else float(np.mean(np.abs(off) <= band))
            measured.setdefault(name, []).append({
                "rms": float(np.sqrt(np.mean(off**2))),
                "smooth": float(np.sqrt(np.mean(off[~edge] ** 2))),
                "edge": float(np.sqrt(np.mean(off[edge] ** 2))),
                "negative": float(np.mean(value < 0)),
                "coverage": covered,
                "us": spent,
                "fit_s": fit_s,
            })  # fmt: skip
    return {
        name: {key: float(np.median([entry[key] for entry in entries])) for key in entries[0]}
        for name, entries in measured.items()
    }


def judge(found: dict[str, dict[str, float]]) -> bool:
    """Print the table; return whether the goals are met."""
    heads = ("rms", "smooth", "edge", "< 0", "covers", "us/point", "build s")
    print(" " * 20 + "".join(f"{head:>9}" for head in heads))
    for name, row in found.items():
        covers = "-" if np.isnan(row["coverage"]) else f"{row['coverage']:.2f}"
        print(f"{name:20}{row['rms']:9.4f}{row['smooth']:9.4f}{row['edge']:9.4f}"
              f"{row['negative']:9.1%}{covers:>9}{row['us']:9.2f}{row['fit_s']:9.2f}")  # fmt: skip
    (own, mine), *others = found.items()
    least, best = min((row["rms"], name) for name, row in others)
    met = mine["rms"] <= least and mine["negative"] == 0
    met = met and COVERAGE[0] <= mine["coverage"] <= COVERAGE[1]
    print(
        f"{own}: {mine['rms'] / least:.2f} times the error of {best}; {'met' if met else 'missed'}"
    )
    return met


def main() -> None:
    """Print the tables; fail where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    is_met = True
    for is_grid in (True, False):
        print("grid 30 x 20" if is_grid else "600 scattered")
        found = study(options.repeat, is_grid=is_grid)
        is_met = judge(found) and is_met
        if is_grid:
            ratio = found["pchip raw"]["us"] / next(iter(found.values()))["us"]
            print(f"{ratio:.0f} times faster than RegularGridInterpolator(method='pchip')")
    raise SystemExit(0 if is_met else 1)


if __name__ == "__main__":
    main()
