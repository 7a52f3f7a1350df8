"""Many likelihoods of one structure as arrays, in the terms of HistFactory.

H hypotheses share the samples K, the bins B and the list of modifiers; every number has an axis of
hypotheses. Channels are bins side by side. The expected count of a bin is the sum over samples of

    yield * mu (signal samples) * norm factors * normsys factors, shifted by histosys, times gamma

Source of the terms and of the interpolation codes: K. Cranmer et al., CERN-OPEN-2012-016; pyhf
(doi:10.21105/joss.02823), whose defaults are followed: normsys code 4, histosys code 4p.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]

Kind = Literal["normfactor", "lumi", "normsys", "histosys", "shapesys", "staterror", "sideband"]

DATA: Mapping[Kind, tuple[tuple[str, int], ...]] = MappingProxyType({
    "normfactor": (),
    "lumi": (("sigma", 1),),
    "normsys": (("hi", 1), ("lo", 1)),
    "histosys": (("hi", 2), ("lo", 2)),
    "shapesys": (("sigma", 2),),
    "staterror": (("sigma", 2),),
    "sideband": (("observed", 1), ("ratio", 1)),
})  # fmt: skip
"""What each kind of modifier brings, with the number of axes: (H,) or (H, B)."""


MOST_EVENTS = 1e12
"""Events in a bin beyond which limits drown in the rounding of their likelihood: fits no longer
converge there, and Poisson sums are wrong from 1e16."""


@dataclass(frozen=True, slots=True)
class Modifier:
    """What changes one sample.

    Modifiers of the same name share one nuisance parameter. Kinds and their `data`:

    - ``normfactor``: nothing; a free factor >= 0, starting at 1 (the POI is not among these);
    - ``lumi``: ``sigma`` (H,), a factor around 1 with a Gaussian of this relative width;
    - ``normsys``: ``hi``, ``lo`` (H,), factors at +1 and -1 standard deviations; both 1 is absent;
    - ``histosys``: ``hi``, ``lo`` (H, B), yields of the sample at +1 and -1;
    - ``shapesys``: ``sigma`` (H, B), absolute; one gamma per bin with a Poisson constraint;
    - ``staterror``: ``sigma`` (H, B), absolute, of the sum of all samples that carry the name; one
      gamma per bin with a Gaussian constraint of width sigma / sum of nominal yields. Give the
      same array in every sample that carries it;
    - ``sideband``: ``observed`` (H,), ``ratio`` (H,); the sample is in one bin, and its yield is a
      free number b >= 0, measured by a count ``observed`` ~ Poisson(ratio * b): on/off. The nominal
      yield plays no part in the fit.

    A sigma of 0 is absent.
    """

    kind: Kind
    name: str
    sample: int
    data: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """A batch of H likelihoods.

    Parameters
    ----------
    yields
        Nominal yields, shape (H, K, B), >= 0.
    is_signal
        Which samples the POI mu >= 0 scales, shape (K,).
    modifiers
        What changes the samples.
    observed
        Observed counts, shape (H, B), >= 0; NaN in every bin of a hypothesis without any. None
        where no hypothesis has any.
    """

    yields: Array
    is_signal: NDArray[np.bool_]
    modifiers: tuple[Modifier, ...] = ()
    observed: Array | None = None

    def __post_init__(self) -> None:
        check(self)

    def __len__(self) -> int:
        return int(self.yields.shape[0])

    @property
    def n_bins(self) -> int:
        """Number of bins B."""
        return int(self.yields.shape[2])

    @property
    def signal(self) -> Array:
        """Nominal signal at mu = 1, shape (H, B)."""
        return np.asarray(self.yields[:, self.is_signal].sum(axis=1))

    @property
    def background(self) -> Array:
        """Nominal background, shape (H, B)."""
        return np.asarray(self.yields[:, ~self.is_signal].sum(axis=1))

    @property
    def has_observed(self) -> NDArray[np.bool_]:
        """Which hypotheses have an observed count, shape (H,)."""
        if self.observed is None:
            return np.zeros(len(self), dtype=bool)
        return np.asarray(~np.isnan(self.observed).any(axis=1))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "Likelihoods":
        """Return the likelihoods of some hypotheses."""
        modifiers = tuple(
            Modifier(m.kind, m.name, m.sample, {k: v[rows] for k, v in m.data.items()})
            for m in self.modifiers
        )
        observed = None if self.observed is None else self.observed[rows]
        return Likelihoods(self.yields[rows], self.is_signal, modifiers, observed)

    def chunks(self, size: int) -> Iterator[tuple[slice, "Likelihoods"]]:
        """Yield slices of at most *size* hypotheses with their likelihoods."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield rows, self.take(rows)


def one_bin(
    signal: Sequence[float] | Array,
    background: Sequence[float] | Array,
    observed: Sequence[float] | Array | None = None,
    modifiers: Sequence[Modifier] = (),
) -> Likelihoods:
    """Return likelihoods with one bin, a signal (sample 0) and a background (sample 1).

    Parameters
    ----------
    signal, background
        Expected events, shape (H,).
    observed
        Observed counts, shape (H,); NaN where there is none.
    modifiers
        What changes sample 0 or 1.
    """
    yields = np.stack(
        np.broadcast_arrays(np.asarray(signal, float), np.asarray(background, float)), axis=-1
    )
    yields = np.atleast_2d(yields)[:, :, None]
    counts = None
    if observed is not None:
        counts = np.broadcast_to(np.asarray(observed, float), yields.shape[:1])[:, None]
    return Likelihoods(yields, np.array([True, False]), tuple(modifiers), counts)


def check(batch: Likelihoods) -> None:
    """Check shapes and signs.

    Raises
    ------
    InputError
        If a shape is not as documented, or a number is negative, infinite or not a number.
    """
    if batch.yields.ndim != 3:  # noqa: PLR2004
        raise InputError("yields must have the shape (hypotheses, samples, bins)")
    n_hypotheses, n_samples, n_bins = batch.yields.shape
    _check_numbers("yields", batch.yields)
    _check_size("yields", batch.yields)
    if batch.is_signal.shape != (n_samples,) or not batch.is_signal.any():
        raise InputError("is_signal must name at least one of the samples")
    if batch.observed is not None:
        if batch.observed.shape != (n_hypotheses, n_bins):
            raise InputError("observed must have the shape (hypotheses, bins)")
        _check_numbers("observed", batch.observed[batch.has_observed])
        _check_size("observed", batch.observed[batch.has_observed])
    seen: set[tuple[str, str, int]] = set()
    for modifier in batch.modifiers:
        _check_modifier(modifier, batch.yields.shape)
        key = (modifier.kind, modifier.name, modifier.sample)
        if key in seen:
            raise InputError(f"{modifier.kind} {modifier.name!r} acts twice on one sample")
        seen.add(key)


def _check_modifier(modifier: Modifier, shape: tuple[int, ...]) -> None:
    n_hypotheses, n_samples, n_bins = shape
    what = f"{modifier.kind} {modifier.name!r}"
    if not 0 <= modifier.sample < n_samples:
        raise InputError(f"{what}: there is no sample {modifier.sample}")
    wanted = dict(DATA[modifier.kind])
    if set(modifier.data) != set(wanted):
        raise InputError(f"{what} needs {', '.join(wanted) or 'no data'}")
    for name, axes in wanted.items():
        if modifier.data[name].shape != (n_hypotheses, n_bins)[:axes]:
            raise InputError(f"{what}: {name} must have one number for each hypothesis"
                             + " and bin" * (axes - 1))  # fmt: skip
        _check_numbers(f"{what}: {name}", modifier.data[name])


def _check_size(what: str, values: Array) -> None:
    if values.size and values.max() > MOST_EVENTS:
        raise InputError(f"{what} must be {MOST_EVENTS:g} events or less in a bin")


def _check_numbers(what: str, values: Array) -> None:
    if not (np.isfinite(values) & (values >= 0)).all():
        raise InputError(f"{what} must be finite and not negative")
