"""How much more proposed samples help than random ones and than an even refinement.

    python benchmarks/propose.py [--seeds 24] [--first 0]

Truths with a turn-on and a dip, drawn anew for each seed, over a mass and over a mass and a second
parameter. A map of samples on a grid is refined with k more of as many events: those that
`mcbook propose` chooses (`mcbook.efficiency.refine`), k random points, and k points of an even
refinement, each the farthest from all samples before it (of equally far ones a random one).
Measured is the true root mean square of the relative error of the expected limit over the
hypotheses, which is that of the efficiency: the limit on a cross section goes with its inverse.

Goals: a median ratio below 1 and more than half of the seeds won, against both. Exit code 1 if one
is missed.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mcbook.efficiency import EfficiencyMap
from mcbook.efficiency.refine import Design, Surrogate, Target

Array = NDArray[np.float64]

EVENTS = 20_000
HALF = 0.5
SEEDS = 24


@dataclass(frozen=True)
class Case:
    """A study: nodes along each axis, and samples that are added."""

    name: str
    shape: tuple[int, ...]
    added: int
    events: int = EVENTS


CASES = (
    Case("1-d, 9 samples + 4", (9,), 4),
    Case("1-d, 9 samples + 4, 100k events", (9,), 4, 100_000),
    Case("1-d, 12 samples + 5", (12,), 5),
    Case("2-d, 7 x 5 samples + 10", (7, 5), 10),
)

LOW, HIGH = np.array([0.5, 0.0]), np.array([8.0, 1.0])


def truth(random: np.random.Generator, dimensions: int) -> Callable[[Array], Array]:
    """Return an efficiency: a turn-on in the mass, and a dip."""
    if dimensions == 1:
        edge, width = random.uniform(1.2, 3.0), random.uniform(0.12, 0.3)
        dip, breadth = random.uniform(4, 6.8), random.uniform(0.25, 0.5)
        depth = random.uniform(0.5, 0.8)

        def line(points: Array) -> Array:
            x = points[:, 0]
            hole = 1 - depth * np.exp(-0.5 * ((x - dip) / breadth) ** 2)
            return 0.002 + 0.25 * expit((x - edge) / width) * hole * (1 - 0.03 * x)

        return line
    edge, width = random.uniform(1.5, 3.0), random.uniform(0.2, 0.5)
    dip, other = random.uniform(4, 6.5), random.uniform(0.3, 0.7)
    depth, breadth = random.uniform(0.5, 0.8), random.uniform(0.6, 1.0)

    def plane(points: Array) -> Array:
        x, y = points.T
        away = ((x - dip) / breadth) ** 2 + ((y - other) / 0.2) ** 2
        hole = 1 - depth * np.exp(-0.5 * away)
        return 0.004 + 0.25 * expit((x - edge - (y - 0.5)) / width) * hole

    return plane


def lattice(shape: tuple[int, ...]) -> Array:
    """Return the points of a grid over the whole region."""
    d = len(shape)
    lines = [np.linspace(LOW[j], HIGH[j], shape[j]) for j in range(d)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*lines, indexing="ij")], axis=-1)


@dataclass
class World:
    """Samples of one truth; counts of more samples are drawn as they are asked for."""

    truth: Callable[[Array], Array]
    points: Array
    passed: Array
    total: Array

    def map(self) -> EfficiencyMap:
        """Return the map."""
        axes = ["m", "y"][: self.points.shape[1]]
        return EfficiencyMap(axes, self.points, self.passed, self.total)

    def error(self, hypotheses: Array) -> float:
        """Return the true rms of the relative error of the limit."""
        found = self.map().evaluate(dict(zip(["m", "y"], hypotheses.T, strict=False)))
        return float(np.sqrt(np.mean(np.log(found.value / self.truth(hypotheses)) ** 2)))

    def with_more(self, added: Array, events: int, seed: int) -> "World":
        """Return the world with more samples; at a sample that is there events add up."""
        random = np.random.default_rng(seed)
        points, passed, total = self.points, self.passed.copy(), self.total.copy()
        for point in added:
            count = random.binomial(events, self.truth(point[None])[0])
            same = np.isclose(points, point).all(axis=1)
            if same.any():
                passed[same] += count
                total[same] += events
            else:
                points = np.vstack([points, point])
                passed, total = np.append(passed, count), np.append(total, events)
        return World(self.truth, points, passed, total)


def proposed(world: World, hypotheses: Array, candidates: Array, case: Case) -> Array:
    """Return the points that are proposed."""
    made = world.map()
    surrogate = Surrogate(made)
    every = np.vstack([world.points, candidates])
    repeats = np.arange(len(every)) < len(world.points)
    axes = made.axes
    at = made.evaluate({axis: hypotheses[:, j] for j, axis in enumerate(axes)}).value
    target = Target(
        surrogate,
        hypotheses,
        (1 - at) ** 2,
        np.zeros(len(hypotheses), dtype=bool),
        every[:, None, :],
        surrogate.noise(every, case.events)[:, None],
    )
    steps = Design([target], repeats).run(case.added)
    return every[[step.candidate for step in steps]]


def even(world: World, candidates: Array, number: int, random: np.random.Generator) -> Array:
    """Return an even refinement: each point the farthest from all before it."""
    d = candidates.shape[1]
    width = (HIGH - LOW)[:d]
    there, chosen = world.points / width, []
    scaled = candidates / width + 1e-3 * random.random(candidates.shape)
    for _ in range(number):
        distance = ((scaled[:, None] - there[None]) ** 2).sum(axis=2).min(axis=1)
        chosen.append(int(np.argmax(distance)))
        there = np.vstack([there, scaled[chosen[-1]]])
    return candidates[chosen]


def errors(case: Case, seed: int) -> dict[str, float]:
    """Return the true errors before and after, by who chose the samples."""
    random = np.random.default_rng(seed)
    d = len(case.shape)
    rule = truth(random, d)
    nodes = lattice(case.shape)
    total = np.full(len(nodes), float(case.events))
    world = World(rule, nodes, random.binomial(case.events, rule(nodes)).astype(float), total)
    hypotheses = lattice((121,) if d == 1 else (26, 11))
    candidates = lattice((152,) if d == 1 else (29, 13))
    chosen = {
        "proposed": proposed(world, hypotheses, candidates, case),
        "even": even(world, candidates, case.added, random),
        "random": candidates[random.choice(len(candidates), case.added, replace=False)],
    }
    found = {"before": world.error(hypotheses)}
    for name, points in chosen.items():
        more = world.with_more(points, case.events, seed + 1000)
        found[name] = more.error(hypotheses)
    return found


def judge(case: Case, seeds: int, first: int) -> bool:
    """Print what is measured of a case; return whether the goals are met."""
    rows = [errors(case, seed) for seed in range(first, first + seeds)]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    mine, before = columns["proposed"], columns["before"]
    print(f"{case.name}: {seeds} seeds, before {np.median(before):.3f}")
    met = True
    for name in ("proposed", "even", "random"):
        error = columns[name]
        line = f"  {name:9} rms {np.median(error):.3f}, of before {np.median(error / before):.2f}"
        if name != "proposed":
            ratio, wins = float(np.median(mine / error)), float(np.mean(mine < error))
            line += f"; proposed over it {ratio:.2f}, wins {wins:.0%}"
            met = met and ratio < 1 and wins > HALF
        print(line)
    return met


def main() -> None:
    """Print the table; fail where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    met = [judge(case, options.seeds, options.first) for case in CASES]
    raise SystemExit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
