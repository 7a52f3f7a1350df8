"""From batched likelihoods to pyhf workspaces, as plain JSON documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.limits.histfactory.content import ALPHA, VERSION
from mcbook.limits.histfactory.rows import EXPECTED_ONLY
from mcbook.limits.likelihoods import Likelihoods, Modifier

Array = NDArray[np.float64]
JSON = dict[str, Any]

MEASUREMENT = "limit"
POI = "mu"

_LARGE = 100.0  # bounds are this many times further than anything expected


@dataclass(frozen=True, slots=True)
class Names:
    """What channels and samples are called.

    Parameters
    ----------
    channels
        Pairs of name and number of bins; they share out the bins in their order.
    samples
        One name per sample.
    """

    channels: tuple[tuple[str, int], ...]
    samples: tuple[str, ...]


def names_of(
    likelihoods: Likelihoods,
    channels: Sequence[tuple[str, int]] | None = None,
    samples: Sequence[str] | None = None,
) -> Names:
    """Return names, by default ``channel``, ``signal`` and ``background``, numbered if several.

    Raises
    ------
    InputError
        If they do not fit the bins or the samples, or one is there twice.
    """
    if channels is None:
        channels = (("channel", likelihoods.n_bins),)
    if samples is None:
        samples = _numbered(likelihoods.is_signal)
    found = Names(tuple((name, int(size)) for name, size in channels), tuple(samples))
    if sum(size for _, size in found.channels) != likelihoods.n_bins:
        raise InputError(f"the channels must share out {likelihoods.n_bins} bins")
    if len(found.samples) != len(likelihoods.is_signal):
        raise InputError(f"{len(likelihoods.is_signal)} samples need as many names")
    for words in ([name for name, _ in found.channels], found.samples):
        if len(set(words)) < len(words) or not all(words):
            raise InputError(f"names must differ: {', '.join(words)}")
    return found


def _numbered(is_signal: NDArray[np.bool_]) -> list[str]:
    words = ["signal" if flag else "background" for flag in is_signal]
    return [
        f"{word}_{words[:index].count(word) + 1}" if words.count(word) > 1 else word
        for index, word in enumerate(words)
    ]


def workspace(likelihoods: Likelihoods, row: int, names: Names | None = None) -> JSON:
    """Return one likelihood as a pyhf workspace.

    Its POI is ``mu``, with an upper bound far beyond any limit. A sideband becomes a channel of its
    own with a free factor in common. Where nothing was observed, the observations are the
    nominal background and the measurement is called ``expected_only``.

    Parameters
    ----------
    likelihoods
        H hypotheses.
    row
        Which of them.
    names
        See `names_of`.

    Raises
    ------
    InputError
        If a modifier has no counterpart in HistFactory.
    """
    names = names or names_of(likelihoods)
    return _Writer(likelihoods, row, names).document()


class _Writer:
    """Writes one row. Modifiers without effect in any row are left out."""

    def __init__(self, likelihoods: Likelihoods, row: int, names: Names) -> None:
        self.batch = likelihoods
        self.row = row
        self.names = names
        self.poi = _free_name(POI, {modifier.name for modifier in likelihoods.modifiers})
        self.sidebands = [m for m in likelihoods.modifiers if m.kind == "sideband"]
        self.yields = likelihoods.yields[row].copy()
        self.ratios = np.ones_like(self.yields)  # of yields written to yields given
        self.parameters: dict[str, JSON] = {}
        self.lumi = self._lumi_name()
        _check_names(likelihoods.modifiers)
        for modifier in self.sidebands:
            self._set_sideband_yield(modifier)

    def document(self) -> JSON:
        channels, observations = [], []
        observed = self._observed()
        start = 0
        for name, size in self.names.channels:
            bins = slice(start, start + size)
            start += size
            channels.append({"name": name, "samples": self._samples(name, bins)})
            observations.append({"name": name, "data": _listed(observed[bins])})
        for modifier in self.sidebands:
            channel, count = self._sideband(modifier)
            channels.append(channel)
            observations.append({"name": channel["name"], "data": [count]})
        self._add_poi()
        name = MEASUREMENT if self.batch.has_observed[self.row] else EXPECTED_ONLY
        parameters = [self.parameters[key] for key in sorted(self.parameters)]
        return {
            "channels": channels,
            "measurements": [{"name": name, "config": {"poi": self.poi, "parameters": parameters}}],
            "observations": observations,
            "version": VERSION,
        }

    def _observed(self) -> Array:
        """Return the observed counts, or the nominal background where there is none."""
        if self.batch.observed is not None and self.batch.has_observed[self.row]:
            return np.asarray(self.batch.observed[self.row])
        nominal = self.yields.copy()
        for modifier in self.sidebands:
            if not modifier.data["observed"][self.row]:
                nominal[modifier.sample] = 0.0
        return np.asarray(nominal[~self.batch.is_signal].sum(axis=0))

    def _samples(self, channel: str, bins: slice) -> list[JSON]:
        kept = [k for k in range(len(self.names.samples)) if self._has_content(k, bins)]
        if not any(not self.batch.is_signal[k] for k in kept):  # a channel needs a background
            kept += list(np.flatnonzero(~self.batch.is_signal))
        kept = sorted(set(kept)) or list(range(len(self.names.samples)))
        samples = []
        for k in kept:
            modifiers: list[JSON] = []
            if self.batch.is_signal[k]:
                modifiers.append({"name": self.poi, "type": "normfactor", "data": None})
            for modifier in self.batch.modifiers:
                if modifier.sample == k:
                    modifiers += self._written(modifier, channel, bins, kept)
            data = _listed(self.yields[k, bins])
            samples.append({"name": self.names.samples[k], "data": data, "modifiers": modifiers})
        return samples

    def _has_content(self, k: int, bins: slice) -> bool:
        """Whether a sample has events in these bins in any row."""
        if self.batch.yields[:, k, bins].any():
            return True
        return any(
            modifier.sample == k
            and (modifier.kind == "sideband" or bool(modifier.data["hi"][:, bins].any()))
            for modifier in self.batch.modifiers
            if modifier.kind in ("histosys", "sideband")
        )

    def _written(
        self, modifier: Modifier, channel: str, bins: slice, kept: Sequence[int]
    ) -> list[JSON]:
        name, data = modifier.name, {key: v[self.row] for key, v in modifier.data.items()}
        k, kind = modifier.sample, modifier.kind
        if kind == "normsys":
            if (modifier.data["hi"] == 1).all() and (modifier.data["lo"] == 1).all():
                return []
            return [_entry(name, kind, {"hi": float(data["hi"]), "lo": float(data["lo"])})]
        if kind == "histosys":
            ratio = self.ratios[k, bins]
            hi, lo = data["hi"][bins] * ratio, data["lo"][bins] * ratio
            return [_entry(name, kind, {"hi_data": _listed(hi), "lo_data": _listed(lo)})]
        if kind == "lumi":
            return self._lumi(modifier, bins)
        if kind in ("shapesys", "staterror"):
            return self._gammas(modifier, channel, bins, kept)
        self._add_factor(name, k)
        return [_entry(name, "normfactor", None)]

    def _lumi(self, modifier: Modifier, bins: slice) -> list[JSON]:
        if not modifier.data["sigma"].any():
            return []
        sigma = float(modifier.data["sigma"][self.row])
        if modifier.name == self.lumi:
            self.parameters["lumi"] = {
                "name": "lumi", "auxdata": [1.0], "inits": [1.0], "sigmas": [sigma or 1.0],
                "bounds": [[0.0, 1 + 10 * sigma]], "fixed": sigma == 0,
            }  # fmt: skip
            return [_entry("lumi", "lumi", None)]
        # pyhf has one luminosity; code 4p of symmetric shifts is the same straight line
        shifts = [
            m for m in self.batch.modifiers
            if m.sample == modifier.sample and m.kind in ("histosys", "lumi")
            and m.name != self.lumi
        ]  # fmt: skip
        if len(shifts) > 1:  # they would add up, and not multiply
            raise InputError(
                f"lumi {modifier.name!r} cannot be written for pyhf: it has one luminosity, and "
                f"{self.names.samples[modifier.sample]!r} is shifted by {shifts[0].name!r} as well"
            )
        if sigma > 1:
            raise InputError(f"lumi {modifier.name!r} cannot be written for pyhf: sigma above 1")
        nominal = self.yields[modifier.sample, bins]
        hi, lo = nominal * (1 + sigma), nominal * (1 - sigma)
        return [_entry(modifier.name, "histosys", {"hi_data": _listed(hi), "lo_data": _listed(lo)})]

    def _lumi_name(self) -> str | None:
        """Return the name of the luminosity: the first that is the same width in all samples."""
        widths: dict[str, list[Array]] = {}
        for modifier in self.batch.modifiers:
            if modifier.kind == "lumi":
                widths.setdefault(modifier.name, []).append(modifier.data["sigma"])
        for name, sigmas in widths.items():
            if all(np.array_equal(sigma, sigmas[0]) for sigma in sigmas):
                return name
        return None

    def _gammas(
        self, modifier: Modifier, channel: str, bins: slice, kept: Sequence[int]
    ) -> list[JSON]:
        sigmas = modifier.data["sigma"]
        if not sigmas[:, bins].any():
            return []
        sigma, k = sigmas[self.row, bins], modifier.sample
        name = modifier.name if len(self.names.channels) == 1 else f"{modifier.name}_{channel}"
        if modifier.kind == "shapesys":
            return [_entry(name, "shapesys", _listed(sigma * self.ratios[k, bins]))]
        carriers = [
            m.sample for m in self.batch.modifiers
            if m.kind == "staterror" and m.name == modifier.name and m.sample in kept
        ]  # fmt: skip
        given = self.batch.yields[self.row, carriers][:, bins].sum(axis=0)
        written = self.yields[carriers][:, bins].sum(axis=0)
        # pyhf adds the samples in quadrature: the first carries all, the others carry 0
        ratio = np.divide(written, given, out=np.zeros_like(given), where=given > 0)
        data = sigma * ratio if k == min(carriers) else np.zeros_like(sigma)
        return [_entry(name, "staterror", _listed(data))]

    def _set_sideband_yield(self, modifier: Modifier) -> None:
        """Let the yield be what the sideband measured, so that its factor is near 1."""
        k, row = modifier.sample, self.row
        bins = np.flatnonzero(self.batch.yields[:, k].any(axis=0))
        if len(bins) > 1 or (len(bins) == 0 and self.batch.n_bins > 1):
            raise InputError(f"sideband {modifier.name!r}: the sample must be in one bin")
        where = int(bins[0]) if len(bins) else 0
        observed, ratio = modifier.data["observed"][row], modifier.data["ratio"][row]
        if ratio <= 0:
            raise InputError(f"sideband {modifier.name!r}: the ratio must be positive")
        given = self.yields[k, where]
        self.yields[k, where] = (observed or 1.0) / ratio
        self.ratios[k, where] = self.yields[k, where] / given if given > 0 else 0.0

    def _sideband(self, modifier: Modifier) -> tuple[JSON, float]:
        k, row = modifier.sample, self.row
        channel = self._channel_of(int(np.argmax(self.yields[k])))
        name = f"{channel}_sideband" if len(self.sidebands) == 1 else f"{modifier.name}_sideband"
        name = _free_name(name, {known for known, _ in self.names.channels})
        expected = float(self.yields[k].max() * modifier.data["ratio"][row])
        entry = _entry(modifier.name, "normfactor", None)
        sample = {"name": self.names.samples[k], "data": [expected], "modifiers": [entry]}
        return {"name": name, "samples": [sample]}, float(modifier.data["observed"][row])

    def _channel_of(self, index: int) -> str:
        for name, size in self.names.channels:
            if index < size:
                return name
            index -= size
        raise AssertionError

    def _add_factor(self, name: str, k: int) -> None:
        """Give a free factor bounds that it will not meet."""
        counts = [float(self._observed().sum()), 1.0]
        counts += [m.data["observed"][self.row] / m.data["ratio"][self.row] for m in self.sidebands]
        nominal = self.yields[k].sum()
        high = _LARGE * max(1.0, max(counts) / nominal if nominal > 0 else 1.0)
        high = max(high, self.parameters.get(name, {"bounds": [[0.0, 0.0]]})["bounds"][0][1])
        bounds = [[0.0, _rounded_up(high)]]
        self.parameters[name] = {"name": name, "inits": [1.0], "bounds": bounds}

    def _add_poi(self) -> None:
        signal = self.yields[self.batch.is_signal].sum(axis=0)
        background = self.yields[~self.batch.is_signal].sum(axis=0)
        events = max(float(background.sum()), float(self._observed().sum()), 1.0)
        high = _LARGE * max(0.1, events / signal.sum() if signal.sum() > 0 else 1.0)
        self.parameters[self.poi] = {
            "name": self.poi, "inits": [1.0], "bounds": [[0.0, _rounded_up(high)]],
        }  # fmt: skip


def _check_names(modifiers: Sequence[Modifier]) -> None:
    """Check that HistFactory lets the modifiers share their names."""
    groups: dict[str, str] = {}
    shapes: set[str] = set()
    for modifier in modifiers:
        group = "alpha" if modifier.kind in ALPHA else modifier.kind
        if groups.setdefault(modifier.name, group) != group:
            raise InputError(
                f"{modifier.name!r} names a {modifier.kind} and something else: "
                "that cannot be written for pyhf"
            )
        if modifier.kind == "shapesys":
            if modifier.name in shapes:
                raise InputError(
                    f"shapesys {modifier.name!r} is on several samples: "
                    "that cannot be written for pyhf"
                )
            shapes.add(modifier.name)


def _entry(name: str, kind: str, data: Any) -> JSON:
    return {"name": name, "type": kind, "data": data}


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _listed(values: Array) -> list[float]:
    return [float(value) for value in values]


def _rounded_up(value: float) -> float:
    """Return the next power of ten, so that bounds do not differ between similar hypotheses."""
    return float(10.0 ** np.ceil(np.log10(value)))
