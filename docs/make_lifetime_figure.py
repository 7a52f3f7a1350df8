"""Draw the figure of ``docs/explanation/lifetimes.md``.

``python docs/make_lifetime_figure.py`` takes a few seconds; ``--pulls`` adds half a minute and
prints how far reweighted efficiencies are off those that were simulated there.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from make_limit_figures import STYLE, in_decades
from numpy.typing import NDArray

from mcbook.efficiency import Decays, Exponential, Flat, Simulated, at_lifetimes, mc_error
from mcbook.efficiency.lifetime_points import AtLifetime

PATH = Path(__file__).parent / "explanation" / "figures" / "lifetimes.png"
AXIS = "ctau_x"
NEAR, FAR = 5.0, 600.0
SIZE = 20_000
CTAUS = np.geomspace(1, 10_000, 41)
DIRECT = np.geomspace(1, 10_000, 13)
WAYS: dict[str, tuple[str, list[Exponential | Flat]]] = {
    "ctau 10 mm": ("tab:blue", [Exponential(10)]),
    "ctau 100 mm": ("tab:orange", [Exponential(100)]),
    "both as one": ("tab:green", [Exponential(10), Exponential(100)]),
    "flat up to 600 mm": ("tab:red", [Flat(FAR)]),
}

Array = NDArray[np.float64]


def simulate(rng: np.random.Generator, way: Exponential | Flat, size: int = SIZE) -> Simulated:
    """Return a simulation: beta gamma from 0.5 to 3, a tenth of decays from 5 to 600 mm is seen."""
    boosts = rng.uniform(0.5, 3, size)
    if isinstance(way, Exponential):
        lengths = rng.exponential(way.ctau, size)
    else:
        lengths = rng.uniform(way.low, way.high, size) / boosts
    flights = lengths * boosts
    chance = np.where((flights > NEAR) & (flights < FAR), 0.1 * (1 - flights / (2 * FAR)), 0)
    kept = rng.random(size) < chance
    return Simulated(size, {AXIS: Decays(way, lengths[kept], boosts[kept])})


def reweighted(ways: Sequence[Exponential | Flat], seed: int) -> list[AtLifetime]:
    """Return the efficiency over the lifetime, from as many events in all cases."""
    rng = np.random.default_rng(seed)
    made = [simulate(rng, way, SIZE // len(ways)) for way in ways]
    return at_lifetimes(made, {AXIS: CTAUS.tolist()}, reach={AXIS: (NEAR, FAR)})


def direct() -> tuple[Array, Array]:
    """Return efficiencies and errors of simulations of the lifetimes themselves."""
    rng = np.random.default_rng(99)
    made = [simulate(rng, Exponential(ctau)) for ctau in DIRECT]
    counts = np.array([len(np.asarray(one.decays[AXIS].lengths)) for one in made], dtype=float)
    return counts / SIZE, mc_error(counts, np.full(len(counts), float(SIZE)))


def draw(axes: Any) -> None:
    """Draw efficiencies, and what the events are worth."""
    first, second = axes
    value, error = direct()
    first.errorbar(DIRECT, value, error, fmt="k.", ms=4, lw=1, label="simulated there", zorder=5)
    for seed, (label, (colour, ways)) in enumerate(WAYS.items()):
        rows = reweighted(ways, seed)
        good = [row for row in rows if not row.reason]
        x = np.array([row.ctaus[AXIS] for row in good])
        y, err = (np.array([getattr(row, name) for row in good])
                  for name in ("efficiency", "mc_error"))  # fmt: skip
        first.fill_between(x, y - err, y + err, color=colour, alpha=0.4, lw=0, label=label)
        every = np.array([row.n_eff for row in rows])
        second.plot(CTAUS, np.where(every > 0, every, np.nan), ":", color=colour, lw=1)
        second.plot(x, [row.n_eff for row in good], color=colour, label=label)
        print(f"{label}: from {x.min():.3g} to {x.max():.4g} mm")
    for axis in axes:
        in_decades(axis)
        axis.set_xlabel("c tau [mm]")
    first.set(ylabel="efficiency", yscale="log", ylim=(3e-4, 0.12))
    first.legend(fontsize=8, loc="lower center")
    second.axhline(20, color="gray", ls="--", lw=0.8)
    second.text(6000, 22, "20", color="gray", fontsize=8)
    second.set(ylabel="effective number of selected events", yscale="log", ylim=(3, 3000))


def pulls(ways: Sequence[Exponential | Flat]) -> str:
    """Return how far reweighted efficiencies are off those simulated there, over seeds."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        made = [simulate(rng, way, SIZE // len(ways)) for way in ways]
        ctaus = [float(ctau) for ctau in DIRECT]
        for row in at_lifetimes(made, {AXIS: ctaus}, reach={AXIS: (NEAR, FAR)}):
            if row.reason or not row.is_reweighted:
                continue
            there = simulate(rng, Exponential(row.ctaus[AXIS]))
            k = float(len(np.asarray(there.decays[AXIS].lengths)))
            both = np.hypot(row.mc_error, mc_error(k, float(SIZE)))
            found.append((row.efficiency - k / SIZE) / both)
    return f"{len(found)} pulls: mean {np.mean(found):.2f}, spread {np.std(found):.2f}"


def main() -> int:
    """Draw the figure."""
    if "--pulls" in sys.argv:
        for label, (_, ways) in WAYS.items():
            print(f"{label}: {pulls(ways)}")
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), layout="constrained")
        draw(axes)
        figure.savefig(PATH, metadata={"Software": None})
    print(f"{PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
