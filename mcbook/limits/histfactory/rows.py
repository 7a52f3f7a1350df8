"""From a checked workspace to one row of batched likelihoods, with pyhf's conventions.

Read in pyhf 0.7.6 (doi:10.5281/zenodo.1169739): ``modifiers/staterror.py`` (relative uncertainty:
absolute ones of all samples that carry the name in quadrature, over the sum of their nominal
yields; fixed where it is 0), ``modifiers/shapesys.py`` (tau = (nominal / sigma)^2; fixed where
either is 0), ``modifiers/lumi.py`` and ``parameters/utils.py`` (settings of a measurement).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.histfactory.content import Channel, Content, Entry, Parameter, Sample
from mcbook.limits.histfactory.settled import NotBatched, Scalars, Settled, gammas_are_free
from mcbook.limits.likelihoods import Kind, Likelihoods, Modifier

Array = NDArray[np.float64]

EXPECTED_ONLY = "expected_only"
"""Name of a measurement whose observations stand for nothing observed."""


@dataclass(frozen=True, slots=True)
class One:
    """A modifier of one likelihood: numbers and arrays over bins, no axis of hypotheses."""

    kind: Kind
    name: str
    sample: int
    data: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Row:
    """One likelihood; rows of one `structure` can be stacked."""

    yields: Array
    is_signal: tuple[bool, ...]
    modifiers: tuple[One, ...]
    observed: Array
    structure: tuple[object, ...]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        data = sum(values.size for one in self.modifiers for values in one.data.values())
        return int(self.yields.size + data + self.observed.size)


@dataclass(slots=True)
class _Part:
    """A sample in one channel, or in several where the same factors scale it."""

    name: str
    is_signal: bool
    data: Array
    factors: dict[str, Settled] = field(default_factory=dict)
    lumi: Settled | None = None
    norms: dict[str, tuple[float, float]] = field(default_factory=dict)
    histos: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    shapes: dict[str, Array] = field(default_factory=dict)
    stats: dict[str, Array] = field(default_factory=dict)
    sideband: tuple[str, float, float] | None = None
    where: tuple[str, ...] = ()

    def key(self) -> tuple[object, ...]:
        """Return what must agree between channels for the parts to be one sample."""
        return (self.name, self.is_signal, self.lumi, tuple(sorted(self.factors)),
                tuple(sorted(self.norms.items())), self.sideband)  # fmt: skip


def row(content: Content) -> Row:
    """Return a workspace as one row.

    Raises
    ------
    NotBatched
        If something in it has no batched counterpart; the reason is for the user.
    """
    _check_kinds(content)
    scalars = Scalars(content)
    channels, sidebands = _without_sidebands(content, scalars)
    starts = np.cumsum([0, *(len(channel.observed) for channel in channels)])
    parts: list[_Part] = []
    for channel, start in zip(channels, starts, strict=False):
        relative = _relative_stat(channel)
        for sample in channel.samples:
            part = _part(content, scalars, channel, sample, relative)
            part.sideband = sidebands.get((channel.name, sample.name))
            if part.sideband:
                del part.factors[part.sideband[0]]
            parts.append(_placed(part, int(start), int(starts[-1])))
    observed = np.concatenate([channel.observed for channel in channels])
    if content.measurement == EXPECTED_ONLY:
        observed = np.full(len(observed), np.nan)
    return _row(_merged(parts), observed)


def stacked(rows: Sequence[Row]) -> Likelihoods:
    """Return rows of one structure as a batch, in their order."""
    first = rows[0]
    modifiers = []
    for index, one in enumerate(first.modifiers):
        data = {key: np.stack([row.modifiers[index].data[key] for row in rows]) for key in one.data}
        modifiers.append(Modifier(one.kind, one.name, one.sample, data))
    observed = np.stack([row.observed for row in rows])
    return Likelihoods(
        np.stack([row.yields for row in rows]),
        np.array(first.is_signal),
        tuple(modifiers),
        None if np.isnan(observed).all() else observed,
    )


def _check_kinds(content: Content) -> None:
    for channel in content.channels:
        for sample in channel.samples:
            if sample.has_negative:
                raise NotBatched(f"{sample.name!r} has negative yields in {channel.name!r}")
    for _, _, entry in content.entries():
        if entry.kind == "shapefactor":
            raise NotBatched(f"shapefactor {entry.name!r} is not batched")


def _without_sidebands(
    content: Content, scalars: Scalars
) -> tuple[list[Channel], dict[tuple[str, str], tuple[str, float, float]]]:
    """Take out channels that only count a background of another bin: on/off measurements.

    Such a channel has one bin and one sample, scaled by nothing but a free factor that scales one
    other bin and nothing else. Returns the other channels, and by channel and sample the name, the
    observed count and the ratio of the yields.
    """
    carriers: dict[str, list[tuple[Channel, Sample]]] = {}
    for channel, sample, entry in content.entries():
        if entry.kind == "normfactor" and entry.name != content.poi:
            carriers.setdefault(entry.name, []).append((channel, sample))
    kept = {channel.name: channel for channel in content.channels}
    found: dict[tuple[str, str], tuple[str, float, float]] = {}
    for name, pairs in carriers.items():
        if len(pairs) != 2 or not scalars.settled("normfactor", name).is_free:  # noqa: PLR2004
            continue
        for (side, counted), (main, sample) in (pairs[::-1], pairs):
            if _is_sideband(side, counted, main, sample) and main.name in kept:
                ratio = float(counted.data[0] / sample.data.max())
                found[main.name, sample.name] = (name, float(side.observed[0]), ratio)
                kept.pop(side.name)
                break
    return list(kept.values()), found


def _is_sideband(side: Channel, counted: Sample, main: Channel, sample: Sample) -> bool:
    return (
        len(side.samples) == 1
        and len(side.observed) == 1
        and len(counted.modifiers) == 1
        and counted.data[0] > 0
        and main.name != side.name
        and np.count_nonzero(sample.data) == 1
        and sum(entry.kind == "normfactor" for entry in sample.modifiers) == 1
    )


def _relative_stat(channel: Channel) -> dict[str, Array]:
    """Return the relative uncertainty of each free staterror of a channel, shape (bins,)."""
    carriers: dict[str, list[tuple[Array, Array]]] = {}
    for sample in channel.samples:
        for entry in sample.modifiers:
            if entry.kind == "staterror":
                carriers.setdefault(entry.name, []).append((sample.data, entry.data[""]))
    return {
        name: np.sqrt(np.sum([sigma**2 for _, sigma in pairs], axis=0))
        / _positive(np.sum([nominal for nominal, _ in pairs], axis=0))
        for name, pairs in carriers.items()
    }


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.inf)


def _part(
    content: Content,
    scalars: Scalars,
    channel: Channel,
    sample: Sample,
    relative: Mapping[str, Array],
) -> _Part:
    part = _Part(sample.name, is_signal=False, data=sample.data, where=(channel.name,))
    scale = 1.0
    for entry in sample.modifiers:
        if entry.name == content.poi:
            part.is_signal = True
        elif entry.kind in ("normfactor", "lumi"):
            scale *= _add_factor(part, scalars, entry)
        elif entry.kind in ("shapesys", "staterror"):
            _add_gammas(part, content, entry, relative)
        elif scalars.settled(entry.kind, entry.name).is_free:
            _add_alpha(part, entry)
    if scale < 0:
        raise NotBatched(f"{sample.name!r} is scaled by a negative factor in {channel.name!r}")
    _scale(part, scale)
    return part


def _add_factor(part: _Part, scalars: Scalars, entry: Entry) -> float:
    """Add a normfactor or lumi where it is free; return the factor that comes with it."""
    settled = scalars.settled(entry.kind, entry.name)
    if settled.is_free and entry.kind == "lumi":
        part.lumi = settled
    elif settled.is_free:
        part.factors[entry.name] = settled
    return settled.scale


def _add_alpha(part: _Part, entry: Entry) -> None:
    if entry.kind == "normsys":
        part.norms[entry.name] = (float(entry.data["hi"][0]), float(entry.data["lo"][0]))
    else:
        part.histos[entry.name] = (entry.data["hi_data"], entry.data["lo_data"])


def _add_gammas(part: _Part, content: Content, entry: Entry, relative: Mapping[str, Array]) -> None:
    given = content.parameters.get(entry.name, Parameter())
    if entry.kind == "shapesys":
        width = np.where(entry.data[""] > 0, entry.data[""] / _positive(part.data), 0.0)
        if gammas_are_free(given, entry.name, width, is_poisson=True):
            part.shapes[entry.name] = width * part.data
        return
    widths = [relative[entry.name]]
    if given != Parameter():  # the settings count the bins of every channel, sorted by name
        widths = [
            _relative_stat(channel)[entry.name]
            for channel in sorted(content.channels, key=lambda channel: channel.name)
            if any(one == (entry.kind, entry.name) for one in _modifiers(channel))
        ]
    if gammas_are_free(given, entry.name, np.concatenate(widths), is_poisson=False):
        part.stats[entry.name] = relative[entry.name]


def _modifiers(channel: Channel) -> set[tuple[str, str]]:
    return {(entry.kind, entry.name) for sample in channel.samples for entry in sample.modifiers}


def _scale(part: _Part, scale: float) -> None:
    """Multiply what is in events by fixed factors."""
    part.data = part.data * scale
    part.histos = {name: (hi * scale, lo * scale) for name, (hi, lo) in part.histos.items()}
    part.shapes = {name: sigma * scale for name, sigma in part.shapes.items()}


def _placed(part: _Part, start: int, size: int) -> _Part:
    """Return a part over all bins, with zeros outside its channel."""

    def wide(values: Array) -> Array:
        placed = np.zeros(size)
        placed[start : start + len(values)] = values
        return placed

    return replace(
        part,
        data=wide(part.data),
        histos={name: (wide(hi), wide(lo)) for name, (hi, lo) in part.histos.items()},
        shapes={name: wide(sigma) for name, sigma in part.shapes.items()},
        stats={name: wide(relative) for name, relative in part.stats.items()},
    )


def _merged(parts: Sequence[_Part]) -> list[_Part]:
    """Make one sample of the parts of a sample that the same factors scale in all channels."""
    groups: dict[tuple[object, ...], list[_Part]] = {}
    for part in parts:
        groups.setdefault(part.key(), []).append(part)
    return [_union(group) for group in groups.values()]


def _union(group: Sequence[_Part]) -> _Part:
    first = group[0]
    if len(group) == 1:
        return first
    names = dict.fromkeys(name for part in group for name in part.histos)
    return replace(
        first,
        data=np.sum([part.data for part in group], axis=0),
        histos={
            name: (
                np.sum([part.histos.get(name, (part.data,))[0] for part in group], axis=0),
                np.sum([part.histos.get(name, (part.data,))[-1] for part in group], axis=0),
            )
            for name in names
        },
        shapes={name: sigma for part in group for name, sigma in part.shapes.items()},
        stats=_summed([part.stats for part in group]),
        where=tuple(channel for part in group for channel in part.where),
    )


def _summed(tables: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for table in tables:
        for name, values in table.items():
            found[name] = found[name] + values if name in found else values
    return found


def _row(parts: Sequence[_Part], observed: Array) -> Row:
    modifiers: list[One] = []
    stats = _stat_sigmas(parts)
    for sample, part in enumerate(parts):
        modifiers += _modifiers_of(part, sample, stats)
    is_signal = tuple(part.is_signal for part in parts)
    structure = (
        len(observed),
        is_signal,
        tuple((part.name, part.where) for part in parts),
        tuple((one.kind, one.name, one.sample) for one in modifiers),
    )
    yields = np.stack([part.data for part in parts])
    return Row(yields, is_signal, tuple(modifiers), observed, structure)


def _stat_sigmas(parts: Sequence[_Part]) -> dict[str, Array]:
    """Return the absolute uncertainty of the sum of all samples of each staterror."""
    sums: dict[str, Array] = {}
    widths: dict[str, Array] = {}
    for part in parts:
        for name, relative in part.stats.items():
            carried = np.where(relative > 0, part.data, 0.0)
            sums[name] = sums.get(name, np.zeros(len(carried))) + carried
            widths[name] = np.maximum(widths.get(name, np.zeros(len(carried))), relative)
    return {name: widths[name] * total for name, total in sums.items()}


def _modifiers_of(part: _Part, sample: int, stats: Mapping[str, Array]) -> list[One]:
    found: list[One] = [One("normfactor", name, sample, {}) for name in part.factors]
    if part.lumi is not None:
        found.append(One("lumi", "lumi", sample, {"sigma": np.array(part.lumi.sigma)}))
    for name, (hi, lo) in part.norms.items():
        found.append(One("normsys", name, sample, {"hi": np.array(hi), "lo": np.array(lo)}))
    for name, (up, down) in part.histos.items():
        found.append(One("histosys", name, sample, {"hi": up, "lo": down}))
    for name, sigma in part.shapes.items():
        found.append(One("shapesys", name, sample, {"sigma": sigma}))
    found += [One("staterror", name, sample, {"sigma": stats[name]}) for name in part.stats]
    if part.sideband is not None:
        name, observed, ratio = part.sideband
        data = {"observed": np.array(observed), "ratio": np.array(ratio)}
        found.append(One("sideband", name, sample, data))
    return found
