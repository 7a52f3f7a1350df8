"""Hypotheses that the limit benchmarks share, and what pyhf makes of them.

The three shapes are those that other tools were measured on: one bin (signal with luminosity 1 %
and efficiency 3 to 8 %, background with 5 to 15 % and the error of its sample), three bins
(shapesys, two histosys, two normsys), 40 bins (three backgrounds, five normsys, a histosys, 40
staterror gammas).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.limits import Likelihoods, Modifier, one_bin
from mcbook.limits.histfactory import spec

Array = NDArray[np.float64]

POI_BOUND = 100.0
"""Upper bound of mu in pyhf, whose signal is scaled so that the median expected limit is 1."""

ABSOLUTE = {"histosys", "shapesys", "staterror"}


def modifier(kind: Any, name: str, sample: int, **data: Any) -> Modifier:
    """Return a modifier with its numbers as arrays."""
    arrays = {key: np.asarray(value, dtype=float) for key, value in data.items()}
    return Modifier(kind, name, sample, arrays)


def normsys(name: str, sample: int, size: Any) -> Modifier:
    """Return factors 1 + size and 1 - size."""
    return modifier("normsys", name, sample, hi=1 + np.asarray(size), lo=1 - np.asarray(size))


def one(size: int, seed: int = 1, background: tuple[float, float] = (0.5, 1000.0)) -> Likelihoods:
    """Return one-bin hypotheses, their background between two ends."""
    random = np.random.default_rng(seed)
    b = 10 ** random.uniform(*np.log10(background), size)
    signal, observed = random.uniform(0.5, 5, size), random.poisson(b)
    each = systematics(
        b, random.uniform(0.03, 0.08, size), random.uniform(0.05, 0.15, size),
        random.uniform(0.02, 0.08, size),
    )  # fmt: skip
    return one_bin(signal, b, observed, each)


def systematics(
    b: Array,
    on_signal: float | Array = 0.05,
    on_background: float | Array = 0.1,
    stat: float | Array = 0.05,
) -> list[Modifier]:
    """Return what changes signal and background of one bin: four nuisances, relative sizes."""
    every = np.ones_like(b)
    return [
        modifier("lumi", "lumi", 0, sigma=0.01 * every),
        normsys("efficiency", 0, on_signal * every),
        normsys("background", 1, on_background * every),
        modifier("staterror", "stat", 1, sigma=(stat * b)[:, None]),
    ]


def three(size: int, seed: int = 2) -> Likelihoods:
    """Return hypotheses with three bins."""
    random = np.random.default_rng(seed)
    s, b = random.uniform(0.5, 5, (size, 3)), 10 ** random.uniform(0, 2, (size, 3))
    tilt, every = np.linspace(0.95, 1.05, 3), np.ones(size)
    modifiers = (
        normsys("efficiency", 0, 0.05 * every),
        normsys("background", 1, 0.1 * every),
        modifier("histosys", "resolution", 0, hi=s * tilt, lo=s * (2 - tilt)),
        modifier("histosys", "scale", 1, hi=b * tilt, lo=b * (2 - tilt)),
        modifier("shapesys", "bins", 1, sigma=0.1 * b),
    )
    observed = random.poisson(b).astype(float)
    return Likelihoods(np.stack([s, b], axis=1), np.array([True, False]), modifiers, observed)


def forty(size: int, seed: int = 3) -> Likelihoods:
    """Return hypotheses with 40 bins: a peak over three backgrounds."""
    random = np.random.default_rng(seed)
    yields = spectrum(np.full(1, 0.5)) * random.uniform(0.7, 1.3, (size, 4, 1))
    observed = random.poisson(yields[:, 1:].sum(axis=1)).astype(float)
    return over_three(yields, observed)


def scan(size: int, seed: int = 4) -> Likelihoods:
    """Return a scan of one spectrum of 40 bins: peaks side by side, the same data for all."""
    yields = spectrum(np.linspace(0.1, 0.9, size))
    observed = np.random.default_rng(seed).poisson(yields[0, 1:].sum(axis=0)).astype(float)
    return over_three(yields, np.tile(observed, (size, 1)))


def spectrum(peaks: Array) -> Array:
    """Return the yields of a signal and three backgrounds, shape (H, 4, 40)."""
    x = np.linspace(0, 1, 40)
    signal = 3 * np.exp(-(((x - peaks[:, None]) / 0.08) ** 2) / 2)
    backgrounds = np.stack([60 * np.exp(-2 * x), 20 * np.ones(40), 10 * x + 2])
    repeated = np.broadcast_to(backgrounds, (len(peaks), *backgrounds.shape))
    return np.concatenate([signal[:, None], repeated], axis=1)


def over_three(yields: Array, observed: Array) -> Likelihoods:
    """Return a signal over three backgrounds with six systematics and a staterror."""
    total, every = yields[:, 1:].sum(axis=1), np.ones(len(yields))
    tilt = np.linspace(0.95, 1.05, 40)
    modifiers = [normsys("efficiency", 0, 0.05 * every)]
    for k, own in ((1, 0.1), (2, 0.1), (3, 0.2)):
        modifiers += [
            normsys(f"rate_{k}", k, own * every),
            normsys("luminosity", k, 0.03 * every),
            modifier("staterror", "stat", k, sigma=0.03 * total),
        ]
    hi, lo = yields[:, 1] * tilt, yields[:, 1] * (2 - tilt)
    modifiers.append(modifier("histosys", "scale", 1, hi=hi, lo=lo))
    return Likelihoods(yields, np.array([True, False, False, False]), tuple(modifiers), observed)


SHAPES: dict[str, Callable[[int], Likelihoods]] = {"1 bin": one, "3 bins": three, "40 bins": forty}


def pyhf_model(batch: Likelihoods, row: int, scale: float) -> tuple[Any, Any]:
    """Return pyhf's model and data of one hypothesis, its signal times *scale*."""
    import pyhf

    single = batch.take(np.array([row]))
    yields = single.yields.copy()
    yields[:, single.is_signal] *= scale
    scaled = tuple(
        Modifier(
            m.kind, m.name, m.sample,
            {
                key: value * scale if single.is_signal[m.sample] and m.kind in ABSOLUTE else value
                for key, value in m.data.items()
            },
        )
        for m in single.modifiers
    )  # fmt: skip
    document = spec.workspace(Likelihoods(yields, single.is_signal, scaled, single.observed), 0)
    for parameter in document["measurements"][0]["config"]["parameters"]:
        if parameter["name"] == spec.POI:
            parameter["bounds"] = [[0.0, POI_BOUND]]
    workspace = pyhf.Workspace(document)
    model = workspace.model()
    return model, workspace.data(model)


def pyhf_limits(
    problem: tuple[Any, Any], cl: float, bracket: tuple[float, float], **options: Any
) -> Array:
    """Return pyhf's observed and five expected limits.

    `upper_limit` ignores the level without a scan (pyhf's issue 2563), and at mu = 0 CLs is 0/0:
    so this is `toms748_scan` with a bracket above 0.
    """
    from pyhf.infer.intervals.upper_limits import toms748_scan

    model, data = problem
    observed, expected = toms748_scan(data, model, *bracket, level=1 - cl, **options)
    return np.array([float(observed), *map(float, expected)])
