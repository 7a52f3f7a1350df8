"""Reads the systematics of an analysis, in its file and in files that it includes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import Systematic
from mcbook.errors import did_you_mean
from mcbook.registry import yamlfile
from mcbook.registry.entries import Entries
from mcbook.registry.yamlfile import Document, Keys

Array = NDArray[np.float64]

KEY = "systematics"
INCLUDE = "file"
INCLUDE_KEYS = (INCLUDE, "channels")
SCHEMA = 1
_KEYS = ("source", "affects", "channels", "relative", "of", "edges")


def read_systematics(entries: Entries, channels: Sequence[str] | None) -> tuple[Systematic, ...]:
    """Return the systematics of all channels.

    An entry ``{file: NAME}`` stands for the entries of that file, which has ``schema`` and
    ``systematics``; with ``channels`` they are of these.

    Parameters
    ----------
    entries
        The file.
    channels
        Its channels; None takes any name for one.

    Raises
    ------
    InputError
        If an entry is not right, or a source affects a channel twice.
    """
    given = entries.document.data.get(KEY, [])
    if not isinstance(given, list):
        raise entries.fail((KEY,), "a list is wanted here")
    found: list[Systematic] = []
    for i, entry in enumerate(given):
        keys: Keys = (KEY, i)
        if isinstance(entry, dict) and INCLUDE in entry:
            found += _included(entries, keys, entry, channels)
        else:
            found.append(_one(entries, keys, entry, channels, keys))
    seen: set[tuple[str, str, str]] = set()
    for one in found:
        for channel in one.channels or ("all channels",):
            key = (one.source, one.affects, channel)
            if key in seen:
                raise entries.fail(
                    one.keys,
                    f"{one.source} affects the {one.affects} of {channel} twice",
                    "one entry for each source, or another name",
                )
            seen.add(key)
    return tuple(found)


def included(document: Document, folder: Path) -> Iterator[Path]:
    """Yield the files with systematics that an analysis, which was read before, includes."""
    for entry in document.data.get(KEY, []):
        if INCLUDE in entry:
            yield folder / entry[INCLUDE].strip()


def read_sources(path: str | Path, known: Iterable[str]) -> tuple[Systematic, ...]:
    """Return the uncertainties of the signal in a file: an analysis, or ``systematics`` alone.

    Parameters
    ----------
    path
        The YAML file; of its keys only ``systematics`` is read.
    known
        Names that ``of`` may use.

    Raises
    ------
    InputError
        If the file or an entry is not right, or it has none for the signal.
    """
    document = yamlfile.read(path)
    document.check_schema(SCHEMA, required=False)
    entries = Entries(document, Path(path).parent, known)
    found = [s for s in read_systematics(entries, None) if s.affects == "signal"]
    if not found:
        raise document.error(
            (),
            "there are no systematics of the signal",
            "systematics: [{source: tracking, affects: signal, relative: 0.01}]",
        )
    return tuple(found)


def relative_at(entry: Systematic, columns: Mapping[str, Array], size: int) -> Array:
    """Return the relative uncertainty of a source at points, shape (size,); NaN outside its bins.

    Parameters
    ----------
    entry
        The source.
    columns
        What its expression names, shape (size,) each.
    size
        Number of points.
    """
    if entry.of is None:
        return np.full(size, entry.relative[0])
    at = np.broadcast_to(entry.of.evaluate(dict(columns)), (size,))
    edges = np.array(entry.edges)
    index = np.clip(np.searchsorted(edges, at, "right") - 1, 0, len(entry.relative) - 1)
    inside = (at >= edges[0]) & (at <= edges[-1])
    return np.where(inside, np.array(entry.relative)[index], np.nan)


def _included(
    entries: Entries, keys: Keys, entry: dict[str, Any], channels: Sequence[str] | None
) -> list[Systematic]:
    entries.mapping(keys, entry, INCLUDE_KEYS, (INCLUDE,))
    path = entries.path((*keys, INCLUDE), entry[INCLUDE])
    if not path.is_file():
        raise entries.fail((*keys, INCLUDE), f"there is no file {path}")
    names = _affected(entries, keys, entry, channels)
    document = yamlfile.read(path)
    document.check_schema(SCHEMA)
    document.check_keys((), ("schema", KEY))
    given = document.data.get(KEY)
    if not isinstance(given, list):
        raise document.error((KEY,), "a list is wanted here")
    inner = Entries(document, path.parent, entries.known)
    return [_one(inner, (KEY, j), one, names, keys) for j, one in enumerate(given)]


def _one(
    entries: Entries, keys: Keys, entry: Any, names: Sequence[str] | None, outer: Keys
) -> Systematic:
    entries.mapping(keys, entry, _KEYS, ("source", "affects", "relative"))
    source = entries.word((*keys, "source"), entry["source"])
    affects = entries.choice((*keys, "affects"), entry["affects"], ("signal", "background"))
    if source in {"luminosity", "n_bb"} and affects == "signal":
        raise entries.fail((*keys, "source"), f"give it as relative_error of {source}")
    relative = entries.numbers((*keys, "relative"), entry["relative"], least=0, below=1)
    if ("of" in entry) != ("edges" in entry):
        raise entries.fail(keys, "'of' and 'edges' go together")
    edges: tuple[float, ...] = ()
    if "edges" in entry:
        edges = entries.numbers((*keys, "edges"), entry["edges"])
        if len(edges) != len(relative) + 1 or any(high <= low for low, high in pairwise(edges)):
            raise entries.fail(
                (*keys, "edges"), "rising edges are wanted, one more than numbers in 'relative'"
            )
    elif len(relative) != 1:
        raise entries.fail(keys, "several numbers need 'of' and 'edges'")
    of = entries.expression((*keys, "of"), entry["of"]) if "of" in entry else None
    return Systematic(
        source,
        cast("Literal['signal', 'background']", affects),
        _affected(entries, keys, entry, names),
        relative,
        of,
        edges,
        entries.document.where(keys),
        outer,
    )


def _affected(
    entries: Entries, keys: Keys, entry: dict[str, Any], names: Sequence[str] | None
) -> tuple[str, ...]:
    if "channels" not in entry:
        return tuple(names or ())
    given = entry["channels"]
    if not isinstance(given, list) or not given:
        raise entries.fail((*keys, "channels"), "a list of channels is wanted here")
    for i, name in enumerate(given):
        if names is not None and name not in names:
            hint = did_you_mean(str(name), names)
            raise entries.fail((*keys, "channels", i), f"there is no channel {name!r}", hint)
    return tuple(dict.fromkeys(map(str, given)))
