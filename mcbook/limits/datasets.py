"""Data sets with their likelihoods, one in a row, in the form that fits want.

A row is one data set of one hypothesis; Asimov data sets and toys are rows as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.interpolation import Exponential, Shift
from mcbook.limits.likelihoods import Likelihoods, Modifier

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FACTORS = ("normsys", "lumi", "normfactor")
GAMMAS = ("staterror", "shapesys", "sideband")

LEAST = 1e-12
"""Background [events] that stands for none in a bin with signal: an event there lets the likelihood
of mu = 0 vanish, while limits tend to a value as b falls to 0, and are 1e-11 from it here."""


def supports(likelihoods: Likelihoods) -> str:
    """Return why the batch cannot be treated here; an empty text where it can."""
    on_bins: list[tuple[str, NDArray[np.bool_]]] = []
    for modifier in likelihoods.modifiers:
        if modifier.kind == "normsys":
            if not (modifier.data["hi"] > 0).all() or not (modifier.data["lo"] > 0).all():
                return f"normsys {modifier.name!r} has a factor of zero"
        elif modifier.kind in GAMMAS:
            active = _gamma_bins(likelihoods, modifier)
            for name, there in on_bins:
                if name != modifier.name and (there & active).any():
                    return f"{name!r} and {modifier.name!r} both move single bins of one channel"
            on_bins.append((modifier.name, np.asarray(active)))
    return ""


def _gamma_bins(likelihoods: Likelihoods, modifier: Modifier) -> Mask:
    """Return in which bins of which hypotheses a modifier has a gamma, shape (H, B)."""
    nominal = likelihoods.yields[:, modifier.sample]
    if modifier.kind == "sideband":
        return np.broadcast_to(sideband_bin(likelihoods, modifier), nominal.shape)
    if modifier.kind == "staterror":
        nominal = _staterror_total(likelihoods, modifier.name)
    active: Mask = np.greater(modifier.data["sigma"], 0) & np.greater(nominal, 0)
    return active


def sideband_bin(likelihoods: Likelihoods, modifier: Modifier) -> Mask:
    """Return the bin that a sideband measures: the only one in which its sample may be."""
    used = np.asarray((likelihoods.yields[:, modifier.sample] > 0).any(axis=0))
    if likelihoods.n_bins == 1 or not used.any():
        used = np.arange(likelihoods.n_bins) == 0
    return np.asarray(used[None, :])


def _staterror_total(likelihoods: Likelihoods, name: str) -> Array:
    samples = [m.sample for m in likelihoods.modifiers if m.kind == "staterror" and m.name == name]
    return np.asarray(likelihoods.yields[:, sorted(set(samples))].sum(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class Sample:
    """One sample of all rows: `factors` and `shifts` by number of the parameter.

    `nominal` has the shape (B, R); `gamma` is 1 where a gamma scales it, and `everywhere` says
    whether that is so in all bins of all rows.
    """

    nominal: Array
    is_signal: bool
    factors: tuple[tuple[int, Exponential | str | Array], ...]
    shifts: tuple[tuple[int, Shift], ...]
    gamma: Array | None
    everywhere: bool = False


@dataclass(frozen=True)
class Gammas:
    """The gamma of each bin: where it is, and its constraint, each of shape (B, R).

    Gaussian ones have a `width`, and the auxiliary value is `centre`; Poisson ones have `rate` and
    the auxiliary `count`: gamma * rate is its expectation. `some_gaussian` and `some_poisson` say
    whether there may be any.
    """

    on: Mask
    is_poisson: Mask
    width: Array
    centre: Array
    rate: Array
    count: Array
    some_gaussian: bool
    some_poisson: bool

    def take(self, rows: NDArray[np.integer]) -> "Gammas":
        """Return some rows."""
        return replace(
            self,
            on=self.on.take(rows, axis=-1),
            is_poisson=self.is_poisson.take(rows, axis=-1),
            width=self.width.take(rows, axis=-1),
            centre=self.centre.take(rows, axis=-1),
            rate=self.rate.take(rows, axis=-1),
            count=self.count.take(rows, axis=-1),
        )


@dataclass(frozen=True)
class Rows:
    """Data sets with their likelihoods.

    `counts` has the shape (B, R), `centres` (P, R) holds auxiliary values of the nuisances,
    `constrained` (P,) says which have a Gaussian of width 1 around them.
    """

    samples: tuple[Sample, ...]
    gammas: Gammas | None
    counts: Array
    centres: Array
    constrained: Mask
    names: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.counts.shape[-1])

    @property
    def n_parameters(self) -> int:
        """Number of nuisances and mu."""
        return len(self.names) + 1

    def start(self) -> Array:
        """Return parameters at their nominal values and mu = 0, shape (P + 1, R)."""
        x = np.zeros((self.n_parameters, len(self)))
        x[:-1] = np.where(self.constrained, 0.0, 1.0)[:, None]
        return x

    def take(self, rows: NDArray[np.integer]) -> "Rows":
        """Return some rows, repeats allowed."""
        samples = tuple(
            replace(
                s,
                nominal=s.nominal.take(rows, axis=-1),
                factors=tuple((p, _taken(f, rows)) for p, f in s.factors),
                shifts=tuple((p, shift.take(rows)) for p, shift in s.shifts),
                gamma=None if s.gamma is None else s.gamma.take(rows, axis=-1),
            )
            for s in self.samples
        )
        return replace(
            self,
            samples=samples,
            gammas=self.gammas and self.gammas.take(rows),
            counts=self.counts.take(rows, axis=-1),
            centres=self.centres.take(rows, axis=-1),
        )


def _taken(
    factor: Exponential | str | Array, rows: NDArray[np.integer]
) -> Exponential | str | Array:
    if isinstance(factor, str):
        return factor
    return factor.take(rows) if isinstance(factor, Exponential) else factor[rows]


def rows_of(likelihoods: Likelihoods, counts: Array, scale: Array) -> Rows:
    """Return rows for one data set of each hypothesis.

    Parameters
    ----------
    likelihoods
        A batch that `supports` takes.
    counts
        The data, shape (H, B).
    scale
        Factor on the signal, shape (H,), so that limits come out of order 1.
    """
    parameters = _parameters(likelihoods)
    names = nuisance_names(likelihoods)
    constrained = np.array(
        [all(m.kind != "normfactor" for m in parameters if m.name == name) for name in names],
        dtype=bool,
    )
    samples = tuple(
        _sample(likelihoods, k, names, scale) for k in range(likelihoods.yields.shape[1])
    )
    if (alone := bare(likelihoods)).any():
        samples += (Sample(_by_bin(np.where(alone, LEAST, 0.0)), False, (), (), None),)
    return Rows(
        samples,
        _gammas(likelihoods),
        _by_bin(counts),
        np.zeros((len(names), len(likelihoods))),
        constrained,
        names,
    )


def nuisance_names(likelihoods: Likelihoods) -> tuple[str, ...]:
    """Return the names of the P nuisances that act on whole samples, in the order of rows."""
    return tuple(dict.fromkeys(m.name for m in _parameters(likelihoods)))


def _parameters(likelihoods: Likelihoods) -> list[Modifier]:
    return [m for m in likelihoods.modifiers if m.kind in FACTORS or m.kind == "histosys"]


def signal_scale(likelihoods: Likelihoods) -> Array:
    """Return a factor on the signal that makes limits of order 1: by a crude estimate."""
    signal, background = likelihoods.signal, likelihoods.background
    observed = likelihoods.observed
    n = background if observed is None else np.where(np.isnan(observed), background, observed)
    level = np.maximum(np.maximum(background, n), 1.0)
    weight = signal / level
    information = (signal * weight).sum(axis=1)
    return np.asarray(2 / np.sqrt(np.maximum(information, 1e-300)))


def is_impossible(likelihoods: Likelihoods) -> Mask:
    """Return which hypotheses have events where they expect nothing, shape (H,)."""
    if likelihoods.observed is None:
        return np.zeros(len(likelihoods), dtype=bool)
    nothing = nominal_counts(likelihoods) + likelihoods.signal <= 0
    return np.asarray((nothing & (likelihoods.observed > 0)).any(axis=1))


def bare(likelihoods: Likelihoods) -> Mask:
    """Return which bins have a signal and no background, shape (H, B)."""
    return np.asarray((likelihoods.background <= 0) & (likelihoods.signal > 0))


def nominal_counts(likelihoods: Likelihoods) -> Array:
    """Return expected counts without signal, shape (H, B); sidebands say what they measured."""
    counts = likelihoods.background.copy()
    for modifier in likelihoods.modifiers:
        if modifier.kind == "sideband":
            ratio = np.maximum(modifier.data["ratio"], np.finfo(float).tiny)
            measured = (modifier.data["observed"] / ratio)[:, None]
            here = sideband_bin(likelihoods, modifier)
            nominal = likelihoods.yields[:, modifier.sample]
            counts = np.where(here, counts - nominal + measured, counts)
    return np.asarray(np.maximum(counts, 0.0))


def _sample(likelihoods: Likelihoods, k: int, names: Sequence[str], scale: Array) -> Sample:
    is_signal = bool(likelihoods.is_signal[k])
    nominal = likelihoods.yields[:, k]
    factors: list[tuple[int, Exponential | str | Array]] = []
    shifts: list[tuple[int, Shift]] = []
    gamma: Array | None = None
    unit = scale[:, None] if is_signal else np.ones((len(likelihoods), 1))
    for modifier in likelihoods.modifiers:
        if modifier.sample != k:
            continue
        if modifier.kind in GAMMAS:
            on = _gamma_bins(likelihoods, modifier).astype(float)
            gamma = on if gamma is None else np.maximum(gamma, on)
            if modifier.kind == "sideband":
                nominal = np.where(on > 0, 1.0, nominal)  # gamma itself is the yield
            continue
        number = names.index(modifier.name)
        if modifier.kind == "histosys":
            up, down = (_by_bin((modifier.data[key] - nominal) * unit) for key in ("hi", "lo"))
            shifts.append((number, Shift(up, down)))
        elif modifier.kind == "normsys":
            factors.append((number, Exponential(modifier.data["hi"], modifier.data["lo"])))
        else:
            factors.append((number, modifier.data["sigma"] if modifier.data else "free"))
    if gamma is not None and not gamma.any():
        gamma = None
    everywhere = gamma is not None and bool(gamma.all())
    gamma = None if gamma is None else _by_bin(gamma)
    nominal = _by_bin(nominal * unit)
    return Sample(nominal, is_signal, tuple(factors), tuple(shifts), gamma, everywhere)


def _by_bin(values: Array) -> Array:
    """Return (H, B) as (B, H), whose rows are close together in memory."""
    return np.ascontiguousarray(values.T)


def _gammas(likelihoods: Likelihoods) -> Gammas | None:
    shape = (len(likelihoods), likelihoods.n_bins)
    on, is_poisson = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    width, centre, rate, count = np.ones(shape), np.ones(shape), np.ones(shape), np.ones(shape)
    for modifier in likelihoods.modifiers:
        if modifier.kind not in GAMMAS:
            continue
        here = np.broadcast_to(_gamma_bins(likelihoods, modifier), shape)
        on |= here
        nominal = likelihoods.yields[:, modifier.sample]
        with np.errstate(all="ignore"):
            if modifier.kind == "staterror":
                relative = modifier.data["sigma"] / _staterror_total(likelihoods, modifier.name)
                width = np.where(here, relative, width)
                continue
            is_poisson |= here
            if modifier.kind == "shapesys":
                tau = (nominal / modifier.data["sigma"]) ** 2
                rate, count = np.where(here, tau, rate), np.where(here, tau, count)
            else:
                rate = np.where(here, modifier.data["ratio"][:, None], rate)
                count = np.where(here, modifier.data["observed"][:, None], count)
    if not on.any():
        return None
    return Gammas(
        on=np.ascontiguousarray(on.T),
        is_poisson=np.ascontiguousarray(is_poisson.T),
        width=_by_bin(width),
        centre=_by_bin(centre),
        rate=_by_bin(rate),
        count=_by_bin(count),
        some_gaussian=bool((on & ~is_poisson).any()),
        some_poisson=bool(is_poisson.any()),
    )
