"""Reads the histograms of a selection, which a fit takes: the key ``histograms``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.grid.axes import scan_axis
from mcbook.registry.entries import Entries
from mcbook.registry.yamlfile import Keys

Array = NDArray[np.float64]

HISTOGRAMS = "histograms"
KEYS = ("of", "edges", "region", "width", "bins")
MOST_BINS = 1_000_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """Histograms of one or two observables in a region.

    Attributes
    ----------
    name
        What its files are called after.
    where
        Where it stands, for messages.
    of
        The observables; the first one is that of the window.
    edges
        Edges of the bins of each, rising.
    region
        Name of the region, which has no window.
    width, bins
        Of the templates of the signal: how many resolutions they reach to both sides of the centre
        of the window, and in how many bins.
    """

    name: str
    where: str
    of: tuple[str, ...]
    edges: tuple[Array, ...]
    region: str
    width: float
    bins: int


def read_histograms(
    entries: Entries, given: Any, regions: Mapping[str, Any]
) -> dict[str, Histogram]:
    """Return the histograms by name.

    Raises
    ------
    InputError
        If an entry is not right: with its line.
    """
    keys: Keys = (HISTOGRAMS,)
    if not isinstance(given, dict) or not given:
        raise entries.fail(keys, "a mapping of names to histograms is wanted here")
    return {entries.word((*keys, name), name): _histogram(entries, (*keys, name), name, entry,
                                                          regions)
            for name, entry in given.items()}  # fmt: skip


def _histogram(
    entries: Entries, keys: Keys, name: str, given: Any, regions: Mapping[str, Any]
) -> Histogram:
    entry = entries.mapping(keys, given, KEYS, ("of", "edges", "region"))
    is_plane = isinstance(entry["of"], list)
    of = entry["of"] if is_plane else [entry["of"]]
    listed = entry["edges"] if is_plane else [entry["edges"]]
    if not 1 <= len(of) <= 2 or not isinstance(listed, list) or len(listed) != len(of):  # noqa: PLR2004
        raise entries.fail(keys, "one observable with its edges, or lists of two, are wanted here")
    edges = tuple(
        _edges(entries, (*keys, "edges", i) if is_plane else (*keys, "edges"), one)
        for i, one in enumerate(listed)
    )
    region = entries.choice((*keys, "region"), entry["region"], tuple(regions))
    if regions[region].window is not None:
        raise entries.fail(
            (*keys, "region"),
            f"the region {region} has a window, and a fit has its own",
            f"a region without: {{{region}_all: {{window: null}}}}",
        )
    bins = entries.number((*keys, "bins"), entry.get("bins", 120), least=4, most=10_000)
    return Histogram(
        name,
        entries.document.where(keys),
        tuple(entries.word((*keys, "of"), one) for one in of),
        edges,
        region,
        entries.number((*keys, "width"), entry.get("width", 12), above=0),
        int(bins),
    )


def _edges(entries: Entries, keys: Keys, given: Any) -> Array:
    try:
        axis = scan_axis(entries.document, keys, "edges", given)
        found = np.asarray(axis.build()["edges"], dtype=np.float64)
    except InputError as error:
        raise InputError(error.message, hint=error.hint) from None
    if not 2 <= len(found) <= MOST_BINS or not (np.diff(found) > 0).all():  # noqa: PLR2004
        raise entries.fail(keys, "rising edges of one bin or more are wanted here")
    return found
