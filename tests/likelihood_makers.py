"""Batches of likelihoods that several tests use, and their pyhf twins."""

import numpy as np

from mcbook.limits import Likelihoods, Modifier, one_bin


def modifier(kind, name, sample, **data):
    """Return a modifier with its numbers as arrays."""
    return Modifier(kind, name, sample, {key: np.asarray(v, float) for key, v in data.items()})


def relative(name, sample, r):
    """Return a normsys of relative size *r*, shape (H,)."""
    r = np.asarray(r, float)
    return modifier("normsys", name, sample, hi=1 + r, lo=1 - r)


def wild(size, seed=7, *, shift=0, scale=1.0):
    """Return hypotheses with one bin and large systematics, some shared with opposite signs."""
    random = np.random.default_rng(seed)
    background = 10 ** random.uniform(-2, 2, size)
    observed = random.poisson(background) + shift
    signal = random.uniform(0.5, 5, size) * scale
    on_signal, on_background = random.uniform(0.2, 0.6, size), random.uniform(0, 0.4, size)
    stat = random.uniform(0, 0.4, size) * background
    modifiers = [
        relative("efficiency", 0, on_signal),
        relative("shape", 1, on_background),
        modifier("normsys", "both", 0, hi=1 + on_background / 2, lo=1 - on_background / 3),
        modifier("normsys", "both", 1, hi=1 - on_background / 2, lo=1 + on_background / 3),
        modifier("staterror", "stat", 1, sigma=stat[:, None]),
    ]
    return one_bin(signal, background, observed, modifiers)


def shapes(size, n_bins, seed=3):
    """Return hypotheses with several bins and every kind of modifier that fits there."""
    random = np.random.default_rng(seed)
    signal = np.tile(np.linspace(1, 2, n_bins), (size, 1))
    background = 10 ** random.uniform(-0.5, 1.5, (size, n_bins))
    yields = np.stack([signal, background], axis=1)
    tilt = np.linspace(0.9, 1.1, n_bins)
    one = np.ones(size)
    modifiers = (
        modifier("lumi", "lumi", 0, sigma=0.02 * one),
        relative("efficiency", 0, 0.1 * one),
        modifier("normsys", "efficiency", 1, hi=1.03 * one, lo=0.98 * one),
        modifier("histosys", "tilt", 0, hi=signal * tilt, lo=signal * (2.02 - tilt)),
        modifier("histosys", "tilt", 1, hi=background * tilt[::-1], lo=background * tilt),
        modifier("shapesys", "bins", 1, sigma=0.2 * background),
    )
    observed = random.poisson(background).astype(float)
    return Likelihoods(yields, np.array([True, False]), modifiers, observed)
