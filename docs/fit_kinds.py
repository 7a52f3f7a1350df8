"""Four kinds of fits, and what toys of known truth say about them; see ``make_fit_figures.py``.

The backgrounds are formulas; what stands in the files of each analysis is written here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mcbook.analysis import read_analysis, run
from mcbook.analysis.scan import injections, toys_with
from mcbook.limits import best_fits, upper_limits

Array = NDArray[np.float64]

CL = 0.90
SEED = 11
STRENGTHS = (0.0, 1.0, 2.0, 3.0, 5.0)
"""True signals, in standard deviations of a fit without any."""

HEAD = """\
schema: 1
name: {name}
model: zprime
cl: 0.90
method: asymptotic
luminosity: {{value: 100, relative_error: 0.01}}
samples: {{alpha: 1/137.035999, isr: none}}
channels:
  only:
    process: {process}
    efficiency: {{map: efficiency.csv, axes: [m_zp]}}
    fit:
      window: {window}
      signal: {signal}
      resolution_error: {width}
{more}    background: {background}
    observed: {{histogram: never_opened.csv}}
systematics:
  - {{source: efficiency, affects: signal, relative: {error}}}
rate: mu
scan: {{m_zp: [4]}}
"""


@dataclass(frozen=True, slots=True)
class Closure:
    """What toys of one kind of fit found.

    Attributes
    ----------
    p_values
        Local p-values of toys without a signal, shape (n,).
    bias
        Mean of fitted - true, in standard deviations of a fit without a signal, shape (k,).
    pull, width
        Mean and standard deviation of (fitted - true) / error at each strength, shape (k,).
    covered
        Part of the toys whose upper limit at 90% is not below the true signal, shape (k,).
    spurious
        Signal in the expected background, in standard deviations of a fit.
    n
        Toys at each strength.
    """

    p_values: Array
    bias: Array
    pull: Array
    width: Array
    covered: Array
    spurious: float
    n: int


def closure(kind: str, folder: Path, n: int, seed: int = SEED) -> Closure:
    """Return what n toys at each strength say about one of `KINDS`, written into a folder."""
    result = run(read_analysis(write(kind, folder)))
    (quiet,) = injections(result, [0], [0.0], n_toys=2, seed=seed)
    assert result.limits is not None  # noqa: S101
    sigma = quiet.error / float(result.limits.events[0])
    true = np.repeat(sigma * np.asarray(STRENGTHS), n)
    toys = toys_with(result, 0, sigma * np.asarray(STRENGTHS), np.random.default_rng(seed), n)
    fits = best_fits(toys)
    limits = upper_limits(toys, cl=CL, method="asymptotic").observed
    off = (fits.mu - true).reshape(len(STRENGTHS), n)
    pulls = off / fits.mu_error.reshape(off.shape)
    return Closure(
        fits.p0[:n], np.nanmean(off, axis=1) / sigma, np.nanmean(pulls, axis=1),
        np.nanstd(pulls, axis=1), (limits >= true).reshape(off.shape).mean(axis=1),
        quiet.spurious / quiet.error, n,
    )  # fmt: skip


def write(kind: str, folder: Path) -> Path:
    """Write the analysis of one of `KINDS` with its files; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    masses = "\n".join(f"{m},100000000,20000000" for m in range(1, 10))
    (folder / "efficiency.csv").write_text(f"m_zp,n_generated,n_selected\n{masses}\n")
    text = KINDS[kind](folder)
    path = folder / "analysis.yaml"
    path.write_text(text)
    return path


def _invisible(folder: Path) -> str:
    """Return templates in recoil mass squared and angle, over two backgrounds of simulation."""
    u, angle = np.linspace(-12, 12, 61), np.linspace(0.2, 2.6, 4)
    rows = []
    for mass in (2.0, 3.5, 4.5, 6.0):
        parts = np.diff(norm.cdf(u))[:, None] * _shares(angle, 1.2 + 0.05 * mass)
        rows += _rows((u, angle), {"m_zp": mass}, {"part": parts})
    _table(folder / "templates.csv", rows)
    edges = np.linspace(4, 28, 241)
    falling = 3e4 * -np.diff(np.exp(-edges / 12))[:, None] * _shares(angle, 0.8)
    flat = 10.0 * np.diff(edges)[:, None] * _shares(angle, 1.6)
    tilt = (1 + 0.05 * (edges[:-1] - 16) / 12)[:, None]
    columns = {
        "taus": falling, "taus_stat": 0.1 * falling, "taus_model_hi": falling * tilt,
        "taus_model_lo": falling / tilt, "photons": flat, "photons_stat": 0.1 * flat,
    }  # fmt: skip
    _table(folder / "background.csv", _rows((edges, angle), {}, columns))
    return HEAD.format(
        name="invisible", process="mumu_inv", signal="{templates: templates.csv, axis: m_zp}",
        window="{centre: m_zp**2, resolution: 0.4, width: 10, bins: 20}", width=0.05, more="",
        background="{histogram: background.csv, samples: [taus, photons]}", error=0.05,
    )  # fmt: skip


def _dimuon(folder: Path) -> str:
    """Return a narrow bump over a polynomial."""
    _smooth(folder, lambda m: 6e5 * np.exp(-m / 2.5))
    return HEAD.format(
        name="dimuon", process="mumu_mumu", signal="gaussian", more="      smooth: 2\n",
        window="{centre: m_zp, resolution: 0.004*m_zp, width: 25, bins: 50}", width=0.1,
        background="{histogram: background.csv}", error=0.03,
    )  # fmt: skip


def _tau(folder: Path) -> str:
    """Return a broad bump over a polynomial whose order is chosen."""
    _smooth(folder, lambda m: 2e4 * m * np.exp(-m / 1.5))
    return HEAD.format(
        name="tau", process="mumu_tautau", signal="gaussian", more="      smooth: {order: auto}\n",
        window="{centre: m_zp, resolution: 0.05, width: 20, bins: 40}", width=0.2,
        background="{histogram: background.csv}", error=0.1,
    )  # fmt: skip


def _photon(folder: Path) -> str:
    """Return a bump with a tail, the sum of two Crystal Balls, over a simulated background."""
    columns = (
        "m_zp", "mean", "f", "sigma_1", "sigma_2", "offset", "alpha_1", "alpha_2", "n_1", "n_2",
        "sides", "low", "high", "status",
    )  # fmt: skip
    rows = [dict(zip(columns, shape(mass), strict=True)) for mass in (2.0, 3.5, 4.5, 6.0)]
    _table(folder / "resolution.csv", rows)
    edges = np.linspace(4, 28, 481)
    mean = 2000 * np.diff(np.exp(edges / 10))
    tilt = 1 + 0.03 * (edges[:-1] - 16) / 12
    bins = {
        "background": mean, "background_stat": 0.05 * mean, "background_scale_hi": mean * tilt,
        "background_scale_lo": mean / tilt,
    }  # fmt: skip
    _table(folder / "background.csv", _rows((edges,), {}, bins))
    return HEAD.format(
        name="photon", process="mumu_inv", signal="{shapes: resolution.csv, axis: m_zp}", more="",
        window="{centre: m_zp**2, resolution: 0.5, width: 8, bins: 32}", width=0.1,
        background="{histogram: background.csv}", error=0.05,
    )  # fmt: skip


KINDS: Mapping[str, Callable[[Path], str]] = {
    "templates in two observables": _invisible,
    "bump over a polynomial": _dimuon,
    "broad bump, order chosen": _tau,
    "Crystal Balls over simulation": _photon,
}


def shape(mass: float) -> Sequence[float | str]:
    """Return the row of a table of shapes: both Crystal Balls have a tail on the low side."""
    sigma = 0.5
    return (
        mass, mass**2, 0.8, 0.9 * sigma, 1.4 * sigma, 0.1 * sigma, 1.5 - 0.02 * mass, 1.2, 4.0,
        3.0, "low low", mass**2 - 20 * sigma, mass**2 + 20 * sigma, "ok",
    )  # fmt: skip


def _shares(angle: Array, centre: float) -> Array:
    parts = np.diff(norm.cdf(angle, centre, 0.6))
    return np.asarray(parts / parts.sum())


def _smooth(folder: Path, density: Callable[[Array], Array]) -> None:
    """Write a histogram of a density in events per GeV."""
    edges = np.linspace(1, 9, 8001)
    middle = (edges[1:] + edges[:-1]) / 2
    columns = {"background": density(middle) * np.diff(edges)}
    _table(folder / "background.csv", _rows((edges,), {}, columns))


Cells = dict[str, float | str]


def _rows(
    edges: Sequence[Array], same: Mapping[str, float], columns: Mapping[str, Array]
) -> list[Cells]:
    """Return the rows of a table of bins, those of the second observable fastest."""
    found = []
    for index in np.ndindex(*(len(each) - 1 for each in edges)):
        row: Cells = dict(same)
        for each, i, end in zip(edges, index, ("", "_2"), strict=False):
            row |= {f"low{end}": each[i], f"high{end}": each[i + 1]}
        found.append(row | {name: values[index] for name, values in columns.items()})
    return found


def _table(path: Path, rows: Sequence[Cells]) -> None:
    lines = [",".join(rows[0])]
    lines += [
        ",".join(c if isinstance(c, str) else f"{c:.12g}" for c in row.values()) for row in rows
    ]
    path.write_text("\n".join(lines) + "\n")
