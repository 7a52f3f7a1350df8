"""What a pyhf workspace says, checked: channels, samples, modifiers, observations, a measurement.

The checks are those of pyhf's schema 1.0.0 and of its own builders (doi:10.5281/zenodo.1169739),
made here so that reading needs no pyhf, and so that an error names the place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean

Array = NDArray[np.float64]

VERSION = "1.0.0"

DATA_KEYS: Mapping[str, tuple[str, ...] | None] = {
    "histosys": ("lo_data", "hi_data"),
    "lumi": None,
    "normfactor": None,
    "normsys": ("lo", "hi"),
    "shapefactor": None,
    "shapesys": (),
    "staterror": (),
}
"""Types of modifiers: the keys of their data, () for a list of numbers, None for null."""

ALPHA = frozenset({"normsys", "histosys"})
"""Types that may share a name, and then a nuisance parameter."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A modifier: its type, its name and its numbers by key (``""`` for a plain list)."""

    kind: str
    name: str
    data: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a channel: nominal yields, shape (bins of the channel,), and modifiers.

    `has_negative` tells whether any of its numbers, those of modifiers included, is below 0.
    """

    name: str
    data: Array
    modifiers: tuple[Entry, ...]
    has_negative: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel with its observed counts, shape (bins,)."""

    name: str
    samples: tuple[Sample, ...]
    observed: Array


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a measurement says about a parameter; None where it says nothing."""

    inits: tuple[float, ...] | None = None
    bounds: tuple[tuple[float, float], ...] | None = None
    auxdata: tuple[float, ...] | None = None
    factors: tuple[float, ...] | None = None
    sigmas: tuple[float, ...] | None = None
    fixed: bool | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A checked workspace under one of its measurements."""

    channels: tuple[Channel, ...]
    measurement: str
    poi: str
    parameters: Mapping[str, Parameter]

    def entries(self) -> Iterator[tuple[Channel, Sample, Entry]]:
        """Yield every modifier with its sample and channel."""
        for channel in self.channels:
            for sample in channel.samples:
                for entry in sample.modifiers:
                    yield channel, sample, entry

    @property
    def has_poi(self) -> bool:
        """Whether a modifier carries the name of the POI."""
        return any(entry.name == self.poi for _, _, entry in self.entries())


class Reader:
    """Reads workspaces that share most of their samples, each of which is read once.

    Parameters
    ----------
    measurement
        Name of the measurement; None for the first.
    """

    def __init__(self, measurement: str | None = None) -> None:
        self.measurement = measurement
        self._samples: dict[int, tuple[Any, Sample]] = {}

    def read(self, document: Any, where: str) -> Content:
        """Return what *document* says; *where* names it in messages.

        Raises
        ------
        InputError
            If it is no workspace that pyhf would read, or says something twice.
        """
        _keys(document, where, ("channels", "measurements", "observations", "version"))
        if document["version"] != VERSION:
            raise InputError(
                f"{where}: version {document['version']!r} is not read, {VERSION!r} is"
            )
        observations = _observations(document["observations"], where)
        channels = []
        for index, item in enumerate(_items(document["channels"], f"{where}, channels")):
            channels.append(self._channel(item, f"{where}, channels[{index}]", observations))
        _unique((channel.name for channel in channels), f"{where}: channel")
        name, poi, parameters = _measurement(document["measurements"], where, self.measurement)
        content = Content(tuple(channels), name, poi, parameters)
        _check_names(content, where)
        return content

    def _channel(self, item: Any, where: str, observations: Mapping[str, Array]) -> Channel:
        _keys(item, where, ("name", "samples"))
        name = _name(item["name"], where)
        where = f"{where} ({name})"
        samples = tuple(
            self._sample(sample, f"{where}, samples[{index}]")
            for index, sample in enumerate(_items(item["samples"], f"{where}, samples"))
        )
        _unique((sample.name for sample in samples), f"{where}: sample")
        if name not in observations:
            raise InputError(
                f"{where}: there is no observation of this channel",
                hint=did_you_mean(name, observations),
            )
        size = len(samples[0].data)
        for sample in samples:
            if len(sample.data) != size:
                raise InputError(
                    f"{where}: sample {sample.name!r} has {len(sample.data)} bins, "
                    f"{samples[0].name!r} has {size}"
                )
        if len(observations[name]) != size:
            raise InputError(
                f"{where}: the observation has {len(observations[name])} bins, "
                f"the samples have {size}"
            )
        return Channel(name, samples, observations[name])

    def _sample(self, item: Any, where: str) -> Sample:
        known = self._samples.get(id(item))
        if known is not None:
            return known[1]
        _keys(item, where, ("name", "data", "modifiers"))
        name = _name(item["name"], where)
        where = f"{where} ({name})"
        data = _numbers(item["data"], f"{where}: data")
        entries = tuple(
            _entry(modifier, f"{where}, modifiers[{index}]", len(data))
            for index, modifier in enumerate(_items(item["modifiers"], f"{where}, modifiers", 0))
        )
        _unique((f"{entry.kind} {entry.name}" for entry in entries), f"{where}: modifier")
        arrays = [data, *(values for entry in entries for values in entry.data.values())]
        sample = Sample(name, data, entries, bool((np.concatenate(arrays) < 0).any()))
        self._samples[id(item)] = (item, sample)  # holding the item keeps its id its own
        return sample


def _entry(item: Any, where: str, n_bins: int) -> Entry:
    _keys(item, where, ("name", "type", "data"))
    kind = item["type"]
    if not isinstance(kind, str) or kind not in DATA_KEYS:
        hint = did_you_mean(kind, DATA_KEYS) if isinstance(kind, str) else None
        raise InputError(f"{where}: unknown type of modifier {kind!r}", hint=hint)
    name = _name(item["name"], where)
    where = f"{where} ({kind} {name})"
    if kind == "lumi" and name != "lumi":
        raise InputError(f"{where}: a modifier of type lumi is named 'lumi'")
    keys = DATA_KEYS[kind]
    if keys is None:
        if item["data"] is not None:
            raise InputError(f"{where}: data must be null")
        return Entry(kind, name)
    if not keys:
        data = {"": _numbers(item["data"], f"{where}: data")}
    else:
        _keys(item["data"], f"{where}, data", keys)
        values = item["data"]
        data = {
            key: _numbers([values[key]] if kind == "normsys" else values[key], f"{where}: {key}")
            for key in keys
        }
    _check_data(kind, data, where, n_bins)
    return Entry(kind, name, data)


def _check_data(kind: str, data: Mapping[str, Array], where: str, n_bins: int) -> None:
    for key, values in data.items():
        if kind == "normsys":
            if values[0] <= 0:
                raise InputError(
                    f"{where}: {key} is {values[0]:g}, and a factor is positive",
                    hint="pyhf interpolates its logarithm",
                )
            continue
        if len(values) != n_bins:
            raise InputError(
                f"{where}: {key or 'data'} has {len(values)} bins, the sample has {n_bins}"
            )
        if kind in ("shapesys", "staterror") and (values < 0).any():
            raise InputError(f"{where}: an uncertainty is negative")


def _observations(items: Any, where: str) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for index, item in enumerate(_items(items, f"{where}, observations")):
        here = f"{where}, observations[{index}]"
        _keys(item, here, ("name", "data"))
        name = _name(item["name"], here)
        if name in found:
            raise InputError(f"{here}: {name!r} is there twice")
        found[name] = _numbers(item["data"], f"{here} ({name}): data")
        if (found[name] < 0).any():
            raise InputError(f"{here} ({name}): an observed count is negative")
    return found


def _measurement(
    items: Any, where: str, wanted: str | None
) -> tuple[str, str, dict[str, Parameter]]:
    names = []
    for index, item in enumerate(_items(items, f"{where}, measurements")):
        here = f"{where}, measurements[{index}]"
        _keys(item, here, ("name", "config"))
        names.append(_name(item["name"], here))
    _unique(names, f"{where}: measurement")
    if wanted is not None and wanted not in names:
        raise InputError(
            f"{where}: there is no measurement {wanted!r}", hint=did_you_mean(wanted, names)
        )
    index = 0 if wanted is None else names.index(wanted)
    here = f"{where}, measurements[{index}] ({names[index]})"
    config = items[index]["config"]
    _keys(config, f"{here}, config", ("poi", "parameters"))
    if not isinstance(config["poi"], str) or not config["poi"]:
        raise InputError(f"{here}: no POI is named", hint="a limit needs one")
    parameters: dict[str, Parameter] = {}
    for number, item in enumerate(_items(config["parameters"], f"{here}, parameters", 0)):
        place = f"{here}, parameters[{number}]"
        _keys(item, place, ("name",), tuple(Parameter.__dataclass_fields__))
        name = _name(item["name"], place)
        if name in parameters:
            raise InputError(f"{place}: {name!r} is there twice")
        parameters[name] = _parameter(item, f"{place} ({name})")
    return names[index], config["poi"], parameters


def _parameter(item: dict[str, Any], where: str) -> Parameter:
    found: dict[str, Any] = {}
    for key in ("inits", "auxdata", "factors", "sigmas"):
        if key in item:
            found[key] = tuple(_numbers(item[key], f"{where}: {key}").tolist())
    if "bounds" in item:
        bounds = []
        for pair in _items(item["bounds"], f"{where}, bounds"):
            low_high = _numbers(pair, f"{where}: bounds").tolist()
            if len(low_high) != 2 or low_high[0] > low_high[1]:  # noqa: PLR2004
                raise InputError(f"{where}: bounds are pairs [low, high], not {pair!r}")
            bounds.append(tuple(low_high))
        found["bounds"] = tuple(bounds)
    if "fixed" in item:
        if not isinstance(item["fixed"], bool):
            raise InputError(f"{where}: fixed is true or false, not {item['fixed']!r}")
        found["fixed"] = item["fixed"]
    return Parameter(**found)


def _check_names(content: Content, where: str) -> None:
    """Check that one name means one nuisance parameter, as pyhf does."""
    kinds: dict[str, str] = {}
    stat: dict[str, dict[str, set[str]]] = {}
    shapes: set[str] = set()
    for channel, sample, entry in content.entries():
        here = f"{where}, channel {channel.name!r}, sample {sample.name!r}"
        kind = "alpha" if entry.kind in ALPHA else entry.kind
        if kinds.setdefault(entry.name, kind) != kind:
            raise InputError(
                f"{here}: {entry.name!r} is a {entry.kind} here, and something else elsewhere",
                hint="only normsys and histosys may share a name",
            )
        if entry.kind == "shapesys":
            if entry.name in shapes:
                raise InputError(f"{here}: shapesys {entry.name!r} is there twice")
            shapes.add(entry.name)
        elif entry.kind == "staterror":
            stat.setdefault(entry.name, {}).setdefault(sample.name, set()).add(channel.name)
    for name, samples in stat.items():
        if len({frozenset(channels) for channels in samples.values()}) > 1:
            raise InputError(
                f"{where}: the samples of staterror {name!r} carry it in different channels",
                hint="give it one name per channel",
            )


def _keys(item: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    if not isinstance(item, dict):
        raise InputError(f"{where}: an object with {', '.join(map(repr, required))} is wanted")
    for key in item:
        if key not in required and key not in optional:
            hint = did_you_mean(key, [*required, *optional])
            raise InputError(f"{where}: unknown key {key!r}", hint=hint)
    for key in required:
        if key not in item:
            raise InputError(f"{where}: the key {key!r} is missing")


def _items(value: Any, where: str, least: int = 1) -> list[Any]:
    if not isinstance(value, list) or len(value) < least:
        raise InputError(f"{where}: a list{' that is not empty' * least} is wanted")
    return value


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: a name is wanted, not {value!r}")
    return value


def _numbers(values: Any, where: str) -> Array:
    if not isinstance(values, list) or not values:
        raise InputError(f"{where}: a list of numbers is wanted")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{where}: {value!r} is no number")
    try:
        array = np.array(values, dtype=float)
    except OverflowError:
        array = np.array([np.inf])
    if not np.isfinite(array).all():
        raise InputError(f"{where}: a number is not finite")
    return array


def _unique(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{what} {name!r} is there twice")
        seen.add(name)
