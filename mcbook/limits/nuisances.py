"""Nuisance parameters of one bin, each as a function of a standard normal number z.

Averaging takes a prior where a fit takes a constraint. They are those of Cousins and Highland
(NIM A320 (1992) 331), for counts of a control region the Gamma density that a flat prior gives
(R. Cousins, J. Linnemann, J. Tucker, NIM A595 (2008) 480, whose Z_Bi follows from it):

- normsys, histosys: a normal alpha, interpolated as in HistFactory (codes 4 and 4p);
- lumi, staterror: a normal factor around 1, cut off at 0;
- shapesys of absolute width d at a yield v: tau = (v/d)^2 counts elsewhere, so that the factor is
  Gamma(tau + 1) / tau;
- sideband: the yield is Gamma(observed + 1) / ratio, also right at observed = 0.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcbook.limits.interpolation import Exponential, Shift
from mcbook.limits.likelihoods import Likelihoods, Modifier

Array = NDArray[np.float64]
Prior = Literal["normal", "positive", "gamma"]

PRIORS: dict[str, Prior] = {
    "normsys": "normal",
    "histosys": "normal",
    "lumi": "positive",
    "staterror": "positive",
    "shapesys": "gamma",
    "sideband": "gamma",
}

FAR = 8.0
"""A normal number does not go beyond so many standard deviations (1e-15)."""


@dataclass(frozen=True, slots=True)
class Gamma:
    """A yield factor ~ Gamma(shape) / rate, arrays of shape (H,)."""

    shape: Array
    rate: Array

    def at(self, z: Array) -> Array:
        """Return the values at the quantiles of z, shapes (N,) or (H, N) to (H, N)."""
        a = self.shape[:, None]
        below = special.gammaincinv(a, special.ndtr(np.minimum(z, 0)))
        above = special.gammainccinv(a, special.ndtr(-np.maximum(z, 0)))
        return np.asarray(np.where(z < 0, below, above) / self.rate[:, None])


@dataclass(frozen=True, slots=True)
class Effect:
    """What a nuisance does to a sample of nominal yield: adds events, or multiplies."""

    modifier: Modifier
    nominal: Array

    @property
    def adds(self) -> bool:
        """Whether it adds events."""
        return self.modifier.kind == "histosys"

    @property
    def width(self) -> Array:
        """Relative standard deviation of the yield, about, shape (H,)."""
        data = self.modifier.data
        if self.modifier.kind == "normsys":
            return np.asarray(np.maximum(np.abs(data["hi"] - 1), np.abs(1 - data["lo"])))
        if self.adds:
            half = np.maximum(
                np.abs(data["hi"][:, 0] - self.nominal), np.abs(data["lo"][:, 0] - self.nominal)
            )
            return np.asarray(half / np.maximum(self.nominal, half + 1e-300))
        if self.modifier.kind == "sideband":
            return np.asarray(1 / np.sqrt(data["observed"] + 1))
        return relative(self.modifier, self.nominal)

    def gamma(self) -> Gamma:
        """Return the Gamma density of a shapesys or sideband."""
        if self.modifier.kind == "sideband":
            return Gamma(self.modifier.data["observed"] + 1, self.modifier.data["ratio"])
        counts = relative(self.modifier, self.nominal) ** -2.0
        return Gamma(counts + 1, counts)

    def at(self, z: Array) -> Array:
        """Return events to add or a factor, from z of shape (N,) or (H, N) to (H, N)."""
        data = self.modifier.data
        if self.modifier.kind == "normsys":
            return Exponential(data["hi"][:, None], data["lo"][:, None]).factor(z)[0]
        if self.adds:
            nominal = self.nominal[:, None]
            return Shift(data["hi"] - nominal, data["lo"] - nominal).at(z)[0]
        if PRIORS[self.modifier.kind] == "gamma":
            return self.gamma().at(z)
        return positive(relative(self.modifier, self.nominal), z)


def relative(modifier: Modifier, nominal: Array) -> Array:
    """Return the relative width of a lumi, staterror or shapesys, shape (H,)."""
    sigma = modifier.data["sigma"]
    return sigma if modifier.kind == "lumi" else np.asarray(sigma[:, 0] / nominal)


def positive(width: Array, z: Array) -> Array:
    """Return quantiles of a normal density of mean 1, cut off at 0.

    Parameters
    ----------
    width
        Standard deviation before the cut, > 0, shape (H,).
    z
        Standard normal numbers whose probabilities are kept, shape (N,) or (H, N).
    """
    cut = -1 / width[:, None]
    if (cut < -FAR).all():
        return np.asarray(np.maximum(1 + width[:, None] * z, 0))
    kept = special.ndtr(-cut)
    below = special.ndtri(special.ndtr(np.minimum(z, 0)) * kept + special.ndtr(cut))
    above = -special.ndtri(special.ndtr(-np.maximum(z, 0)) * kept)
    cut_z = np.where(z < 0, below, above)
    return np.asarray(np.maximum(1 + width[:, None] * np.where(cut < -FAR, z, cut_z), 0))


@dataclass(frozen=True, slots=True)
class Nuisance:
    """One nuisance parameter and what it does to samples."""

    name: str
    prior: Prior
    effects: dict[int, tuple[Effect, ...]]


def active(batch: Likelihoods) -> NDArray[np.bool_]:
    """Return where each modifier changes anything, shape (H, modifiers)."""
    found = np.zeros((len(batch), len(batch.modifiers)), dtype=bool)
    for number, modifier in enumerate(batch.modifiers):
        found[:, number] = _is_active(modifier, batch.yields[:, modifier.sample])
    return found


def _is_active(modifier: Modifier, nominal: Array) -> NDArray[np.bool_]:
    data = modifier.data
    there = (nominal > 0).any(axis=1)
    if modifier.kind in {"normfactor", "sideband"}:
        return np.asarray(there | (modifier.kind == "sideband"))
    if modifier.kind == "normsys":
        return np.asarray(there & ((data["hi"] != 1) | (data["lo"] != 1)))
    if modifier.kind == "histosys":
        return np.asarray(((data["hi"] != nominal) | (data["lo"] != nominal)).any(axis=1))
    sigma = data["sigma"]
    if sigma.ndim == 1:
        return np.asarray(there & (sigma > 0))
    return np.asarray(((sigma > 0) & (nominal > 0)).any(axis=1))


def nuisances(batch: Likelihoods, which: NDArray[np.bool_]) -> list[Nuisance]:
    """Return the nuisance parameters of one-bin likelihoods.

    Parameters
    ----------
    batch
        Likelihoods of one bin, in all of which the same modifiers are active.
    which
        The active modifiers; none is a normfactor.
    """
    grouped: dict[tuple[str, Prior], dict[int, tuple[Effect, ...]]] = {}
    for modifier in (m for m, is_on in zip(batch.modifiers, which, strict=True) if is_on):
        effects = grouped.setdefault((modifier.name, PRIORS[modifier.kind]), {})
        effect = Effect(modifier, _nominal(batch, modifier))
        effects[modifier.sample] = (*effects.get(modifier.sample, ()), effect)
    return [Nuisance(name, prior, found) for (name, prior), found in grouped.items()]


def _nominal(batch: Likelihoods, modifier: Modifier) -> Array:
    """Return the yield to which the width of a modifier refers, shape (H,)."""
    if modifier.kind != "staterror":
        return np.asarray(batch.yields[:, modifier.sample, 0])
    same = (modifier.kind, modifier.name)
    together = sorted({m.sample for m in batch.modifiers if (m.kind, m.name) == same})
    return np.asarray(batch.yields[:, together, 0].sum(axis=1))


def base_yields(batch: Likelihoods, which: NDArray[np.bool_]) -> Array:
    """Return what the factors multiply, shape (H, K): 1 where a sideband measures the yield."""
    base = batch.yields[:, :, 0].copy()
    for modifier, is_on in zip(batch.modifiers, which, strict=True):
        if is_on and modifier.kind == "sideband":
            base[:, modifier.sample] = 1.0
    return base
