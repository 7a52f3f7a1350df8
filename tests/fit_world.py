"""An analysis that fits a bump over an exponential background, with all of its files."""

from pathlib import Path

import numpy as np
from analysis_world import changed

ANALYSIS = """\
schema: 1
name: bump
model: zprime
cl: 0.90
method: asymptotic
luminosity: {value: 79.7, relative_error: 0}
samples: {alpha: 1/137.035999, isr: none}
channels:
  mumu:
    process: mumu_inv
    efficiency: {map: eff.csv, axes: [m_zp]}
    fit:
      window: {centre: m_zp, resolution: 0.05, width: 10, bins: 40}
      signal: gaussian
    background: {histogram: mc.csv}
    observed: {events: data.csv, column: m}
rate: mu
scan: {m_zp: [2, 4, 6]}
"""
EDGES = np.linspace(0.0, 10.0, 2001)
FALL = 3.0
TOTAL = 200_000.0
SMOOTH = ("signal: gaussian", "signal: gaussian\n      smooth: 3")
WIDER = ("signal: gaussian", "signal: gaussian\n      resolution_error: 0.1")


def expected(edges):
    """Return the events of an exponential background in bins."""
    return TOTAL * -np.diff(np.exp(-np.asarray(edges) / FALL))


def table(path, edges, **columns):
    """Write a histogram."""
    names = ["low", "high", *columns]
    rows = np.column_stack([edges[:-1], edges[1:], *columns.values()])
    lines = [",".join(f"{value:.10g}" for value in row) for row in rows]
    Path(path).write_text("\n".join([",".join(names), *lines]) + "\n")


def data(seed, signal=0, mass=4.0, width=0.05):
    """Return events of the background and of a bump."""
    rng = np.random.default_rng(seed)
    size = rng.poisson(expected(EDGES).sum())
    x = -FALL * np.log(1 - rng.random(size) * (1 - np.exp(-10 / FALL)))
    return np.concatenate([x, rng.normal(mass, width, rng.poisson(signal))])


def events(values):
    """Write data."""
    Path("data.csv").write_text("\n".join(["m", *(f"{x:.9g}" for x in values)]) + "\n")


def settle(monkeypatch, folder, signal=0):
    """Write all files that the analysis names into a folder, and go there."""
    monkeypatch.chdir(folder)
    table("mc.csv", EDGES, background=expected(EDGES))
    masses = "\n".join(f"{m},100000000,20000000" for m in range(1, 10))
    Path("eff.csv").write_text(f"m_zp,n_generated,n_selected\n{masses}\n")
    events(data(1, signal=signal))


def written(*changes):
    """Write the analysis with changes; return its name."""
    Path("a.yaml").write_text(changed(ANALYSIS, *changes))
    return "a.yaml"
