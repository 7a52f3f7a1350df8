"""Draw the figure of ``docs/explanation/significance.md`` on four kinds of fits.

``python docs/make_fit_figures.py`` throws 20,000 toys of each kind and strength, which takes one or
two minutes, and prints their table.
"""

import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from fit_kinds import CL, KINDS, STRENGTHS, Closure, closure
from make_limit_figures import STYLE
from scipy.stats import kstest

PATH = Path(__file__).parent / "explanation" / "figures" / "fit-closure.png"
COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:orange")
TOYS = 20_000
BINS = 20


def main() -> None:
    """Throw, print and draw."""
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: closure(kind, Path(folder) / str(i), TOYS) for i, kind in enumerate(KINDS)}
    print(
        "| fit | p-values off by | mean of fitted - true | mean of pulls | width | covered at 90% |"
    )
    print("|---|---|---|---|---|---|")
    for kind, one in found.items():
        off = kstest(one.p_values, "uniform").statistic
        print(
            f"| {kind} | {off:.3f} | {_range(one.bias)} | {_range(one.pull)} | {_range(one.width)}"
            f" | {_range(one.covered)} |"
        )
    draw(found)


def draw(found: dict[str, Closure]) -> None:
    """Draw p-values without a signal, fitted signals and pulls, and coverage."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
        for (kind, one), colour in zip(found.items(), COLOURS, strict=True):
            counts, edges = np.histogram(one.p_values, BINS, (0, 1))
            axes[0].stairs(counts * BINS / one.n, edges, color=colour, label=kind)
            few = 1 / np.sqrt(one.n)
            _points(axes[1], one.pull, few, colour)
            _points(axes[2], one.width, few / np.sqrt(2), colour)
            errors = np.sqrt(one.covered * (1 - one.covered)) * few
            _points(axes[3], one.covered, errors, colour)
        for axis, level in zip(axes, (1, 0, 1, CL), strict=True):
            axis.axhline(level, color="gray", ls="--", lw=0.8)
        axes[0].set(ylim=(0.5, 1.5), xlabel="local p-value, no signal", ylabel="density")
        for axis, name, span in zip(
            axes[1:], ("mean of pulls", "width of pulls", "covered by 90% limits"),
            ((-0.3, 0.3), (0.8, 1.2), (0.8, 1.01)), strict=True,
        ):  # fmt: skip
            axis.set(xlabel="true signal [sigma]", ylabel=name, ylim=span)
        figure.legend(loc="outside upper center", ncols=4)
        figure.savefig(PATH, metadata={"Software": None})
        plt.close(figure)


def _points(axis: Any, values: Any, errors: Any, colour: str) -> None:
    axis.errorbar(STRENGTHS, values, errors, fmt="o-", ms=3, lw=1, color=colour)


def _range(values: Any) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.2f} to {high:.2f}"


if __name__ == "__main__":
    main()
