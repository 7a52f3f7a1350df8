"""Draw the figures of ``docs/explanation/limit-methods.md``, and bring its tables up to date.

``python docs/make_limit_figures.py`` takes about a minute and prints the tables; ``--check`` draws
nothing and exits with 1 when the tables of the page are not current.
"""

import sys
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from limit_tables import (
    PAGE,
    SHAPES,
    TABLES,
    bins_error,
    covered,
    expected,
    filled,
    observed,
    table,
)
from scipy import stats

from mcbook.limits import Likelihoods, upper_limits

FOLDER = PAGE.parent / "figures"
COLOURS = {"exact": "black", "hybrid": "tab:blue", "asymptotic": "tab:red", "bayesian": "tab:green"}
STYLE = {
    "font.size": 9, "axes.grid": True, "grid.alpha": 0.25, "legend.frameon": False,
    "figure.dpi": 110, "savefig.dpi": 110, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def main() -> int:
    """Write or check the page and its figures."""
    text = PAGE.read_text(encoding="utf-8")
    fresh = filled(text)
    if "--check" in sys.argv:
        if fresh != text:
            print("the tables are not current: run python docs/make_limit_figures.py")
        return int(fresh != text)
    PAGE.write_text(fresh, encoding="utf-8")
    for name in TABLES:
        print(f"{name}\n{table(name)}")
    draw()
    return 0


def in_decades(axis: Any) -> None:
    """Give the x axis a logarithm and plain numbers."""
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")


def draw() -> None:
    """Draw every figure."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    FOLDER.mkdir(exist_ok=True)
    with plt.rc_context(STYLE):
        for name, (make, panels, size) in FIGURES.items():
            figure, axes = plt.subplots(1, panels, figsize=size, layout="constrained")
            make(axes)
            path = FOLDER / f"{name}.png"
            figure.savefig(path, metadata={"Software": None})
            plt.close(figure)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def asymptotic_error(axes: Any) -> None:
    """Draw how far the asymptotic limit is off in one bin."""
    smooth = np.geomspace(0.01, 300, 120)
    whole = np.unique(np.geomspace(1, 300, 40).round())
    for axis, cl in zip(axes, (0.90, 0.95), strict=True):
        for b, n, style, label in (
            (smooth, np.zeros(len(smooth)), "-", "n = 0"), (whole, whole, "o", "n = b"),
        ):  # fmt: skip
            error = observed("asymptotic", b, n, cl=cl) / observed("exact", b, n, cl=cl) - 1
            axis.plot(b, 100 * error, style, color="tab:red", ms=3, label=label)
        axis.axvline(30, color="gray", ls=":")
        axis.text(32, -41, "30", color="gray")
        in_decades(axis)
        axis.set(ylim=(-45, 2), xlabel="background b [events]")
        axis.set_title(f"one bin, {100 * cl:g}% CL", fontsize=9)
        axis.legend(loc="upper left")
    axes[0].set_ylabel("asymptotic / exact limit - 1 [%]")


def bands(axis: Any) -> None:
    """Draw expected limits: steps of the exact distribution, and the asymptotic band."""
    b = np.geomspace(0.01, 30, 1500)
    exact, formula = expected("exact", b), expected("asymptotic", b)
    axis.fill_between(b, exact[:, 0], exact[:, 4], color="#ffe27a", label="exact, 2 sigma", lw=0)
    axis.fill_between(b, exact[:, 1], exact[:, 3], color="#8fd694", label="exact, 1 sigma", lw=0)
    axis.plot(b, exact[:, 2], color="black", label="exact, median")
    for k, style in ((0, ":"), (1, "--"), (2, "-"), (3, "--"), (4, ":")):
        names = {0: "asymptotic, 2 sigma", 1: "asymptotic, 1 sigma", 2: "asymptotic, median"}
        axis.plot(b, formula[:, k], style, color="tab:red", label=names.get(k), lw=1.2)
    in_decades(axis)
    axis.set(yscale="log", xlabel="background b [events]", ylim=(0.3, 30))
    axis.set(ylabel="expected limit, 90% CL [events]", xlim=(0.01, 30))
    axis.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    axis.yaxis.set_minor_locator(mpl.ticker.NullLocator())
    axis.legend(loc="upper left", fontsize=8, ncols=2)


def systematics(axes: Any) -> None:
    """Draw what a signal systematic does to limits."""
    widths = np.linspace(0, 0.5, 26)
    for axis, (b, n) in zip(axes, ((0.5, 0), (5.0, 5), (100.0, 100)), strict=True):
        for method in ("bayesian", "hybrid", "asymptotic"):
            limit = np.array([observed(method, [b], [n], width=width)[0] for width in widths])
            axis.plot(100 * widths, limit / limit[0], color=COLOURS[method], label=method)
        axis.set(xlabel="signal systematic r [%]", ylim=(0.95, 2.3))
        axis.set_title(f"b = {b:g}, n = {n}", fontsize=9)
    axes[0].set_ylabel("limit / limit without systematic")
    axes[0].legend(loc="upper left")


def coverage(axes: Any) -> None:
    """Draw how often limits lie above the true signal."""
    for axis, b in zip(axes, (0.0, 1.0, 10.0), strict=True):
        s = np.linspace(0.05, 15, 1200)
        for method in ("exact", "asymptotic"):
            axis.plot(s, 100 * covered(method, s, b), color=COLOURS[method], label=method, lw=1)
        axis.axhline(90, color="gray", ls=":")
        axis.set(xlabel="true signal s [events]", ylim=(72, 101), xlim=(0, 15))
        axis.set_title(f"b = {b:g}", fontsize=9)
    axes[0].set_ylabel("limits at 90% above s [%]")
    axes[2].legend(loc="lower right")


def several_bins(axis: Any) -> None:
    """Draw how far the asymptotic limit is off in several bins."""
    b = np.array([1.0, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100])
    alone = 100 * (observed("asymptotic", b, b) / observed("exact", b, b) - 1)
    axis.plot(b, alone, color="black", label="one bin")
    for name in SHAPES:
        error = [100 * bins_error(name, value) for value in b]
        axis.plot(b, error, ".-", ms=5, lw=1, label=name)
    few = np.array([1.0, 3, 10, 30, 100])
    value, spread = np.array([histogram(b) for b in few]).T
    axis.errorbar(few, 100 * value, 100 * spread, fmt="ks", ms=4, label="peak in 20 bins, toys")
    axis.axvline(30, color="gray", ls=":")
    axis.axhline(0, color="gray", lw=0.8)
    in_decades(axis)
    axis.set(xlabel="smallest background of a deciding bin [events]", ylim=(-21, 4))
    axis.set_ylabel("asymptotic / exact limit - 1 [%]")
    axis.legend(fontsize=8, loc="lower right", frameon=True, edgecolor="none", framealpha=1)


def histogram(b: float) -> tuple[float, float]:
    """Return the error against toys of a Gaussian peak of 1.5 bins in 20 flat ones, and its own."""
    signal = np.diff(stats.norm.cdf(np.arange(-10, 11) / 1.5))
    yields = np.array([[signal, np.full(20, b)]])
    batch = Likelihoods(yields, np.array([True, False]), (), yields[:, 1].round())
    found = upper_limits(batch, cl=0.90, method="toys", n_toys=20_000)
    formula = upper_limits(batch, cl=0.90, method="asymptotic").observed[0]
    error = found.observed_error[0] / found.observed[0]
    return float(formula / found.observed[0] - 1), float(error)


FIGURES: dict[str, tuple[Callable[[Any], None], int, tuple[float, float]]] = {
    "asymptotic-error": (asymptotic_error, 2, (7.2, 3.0)),
    "bands": (bands, 1, (6.0, 3.8)),
    "systematics": (systematics, 3, (7.6, 2.9)),
    "coverage": (coverage, 3, (7.6, 2.7)),
    "several-bins": (several_bins, 1, (6.0, 3.8)),
}


if __name__ == "__main__":
    sys.exit(main())
