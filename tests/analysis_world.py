"""Small analyses for tests: exact counting limits and analytic efficiencies, all by hand."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import poisson

from mcbook.analysis import read_analysis, run
from mcbook.analysis.digest import frozen_digest
from mcbook.catalog.unblindings import identity_of
from mcbook.efficiency.evaluated import Efficiencies
from mcbook.limits.result import empty

ZPRIME = """\
schema: 1
name: zprime_test
model: zprime
cl: 0.90
luminosity: {value: 79.7, relative_error: 0}
samples: {alpha: 1/137.035999, isr: none}
channels:
  recoil:
    process: mumu_inv
    efficiency: {map: map.csv, axes: [m_zp]}
    background: 0
    observed: 0
rate: g_prime
scan: {m_zp: [0.1, 1, 3, 5]}
"""

IDM = """\
schema: 1
name: idm_test
model: idm
cl: 0.95
luminosity: {value: 365, relative_error: 0}
samples: {alpha: 1/137.035999, isr: none}
channels:
  mumu:
    process: hp_mumu_chi2_ee
    efficiency: {map: a.csv, axes: [m_chi1, ctau_chi2]}
    background: 0
rate: {limit: epsilon, range: [1e-6, 0.1]}
scan: {m_chi1: [0.8, 1.0]}
fixed: {alpha_D: 0.1, theta: 1e-4, m_hp: 0.6}
derived: {m_ap: 3*m_chi1, delta_m: 0.4*m_chi1}
"""


def changed(text, *changes):
    """Return a text in which each *old* of (old, new) is there and is replaced."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def analysis_in(folder, text, *changes):
    """Write an analysis with changes into a folder, and read it."""
    path = folder / "analysis.yaml"
    path.write_text(changed(text, *changes), encoding="utf-8")
    return read_analysis(path)


def settle(analysis, *, unblinded=False, maps=None, **options):
    """Run an analysis; open its box with such a record of a look as `mcbook.set_limits` makes."""
    if unblinded:
        digests = dict.fromkeys(maps or (), "0" * 64)
        how = {name: options.get(name) for name in ("cl", "method")}
        look = {"analysis": analysis.name, "frozen": frozen_digest(analysis, digests, **how)}
        look |= {"at": "2026-01-01T00:00:00Z", "who": "me", "why": "a test", "files": []}
        options |= {"digests": digests, "look": look | {"id": identity_of(look)}}
    return run(analysis, maps=maps, **options)


def cls_limit(n, b, cl):
    """Return the signal events at which the exact Poisson CLs is 1 - cl."""

    def excess(s):
        return poisson.cdf(n, s + b) / poisson.cdf(n, b) - (1 - cl)

    return brentq(excess, 0, 50 + 5 * (n + b), xtol=1e-12, rtol=1e-13)


def counting(likelihoods, *, cl, method):  # noqa: ARG001
    """Stand in for `mcbook.limits.upper_limits`: all bins summed up, no systematics."""
    found = empty(len(likelihoods), "exact")
    signal = likelihoods.signal.sum(axis=1)
    background = likelihoods.background.sum(axis=1)
    memory = {}
    for i, (s, b) in enumerate(zip(signal, background, strict=True)):
        for k, quantile in enumerate((0.02275, 0.15866, 0.5, 0.84134, 0.97725)):
            n = int(poisson.ppf(quantile, b)) if b else 0
            key = (n, b, cl)
            memory[key] = memory.get(key) or cls_limit(*key)
            found.expected[i, k] = memory[key] / s
        if likelihoods.has_observed[i]:
            found.observed[i] = cls_limit(int(likelihoods.observed[i].sum()), b, cl) / s
    return found


class Toy:
    """An efficiency map that is a function of its axes, without errors."""

    def __init__(self, function, refuse=None):
        self.function, self.refuse = function, refuse
        self.asked = 0

    def evaluate(self, columns):
        """Return efficiencies; where `refuse` holds, none."""
        value = np.array(np.broadcast_to(self.function(**columns), self.size(columns)), float)
        self.asked += len(value)
        bad = np.zeros(len(value), dtype=bool)
        if self.refuse is not None:
            bad = np.broadcast_to(self.refuse(**columns), value.shape)
        value[bad] = np.nan
        return Efficiencies(
            value,
            np.zeros(len(value)),
            np.zeros(len(value)),
            np.where(bad, "refused", "interpolated").astype(object),
            np.where(bad, "outside the map", "").astype(object),
            ((),) * len(value),
        )

    @staticmethod
    def size(columns):
        """Return the number of points."""
        return max(np.size(values) for values in columns.values())
