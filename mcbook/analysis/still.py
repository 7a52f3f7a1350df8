"""Refuses what would move along the scan of a limit, and is taken once for each hypothesis.

Backgrounds, data, systematics of a stated dependence, vetoes and conditions belong to a hypothesis.
Where one of them depends on the parameter that is limited, it would be taken at the reference value
all along the scan, and the limit would be wrong without a word.
"""

from collections.abc import Iterable, Iterator

from mcbook.analysis.records import Analysis, Channel
from mcbook.errors import InputError
from mcbook.registry.yamlfile import Keys

Used = tuple[Keys, Iterable[str]]
"""Where something stands, and the names that it uses."""


def check_still(analysis: Analysis) -> None:
    """Check that nothing but signal and efficiency moves with what is limited.

    Raises
    ------
    InputError
        If something does, or a lifetime is scanned that no map knows.
    """
    known = {axis for channel in analysis.channels for axis in channel.efficiency.axes}
    for name in analysis.free:
        if name not in known:
            raise InputError(
                f"{analysis.grid.places[name]}: no efficiency map has {name} as an axis, so that it"
                " would change nothing",
                hint="reweight the map to lifetimes, or leave it out",
            )
    vary = analysis.rate.vary
    if vary is None:
        return
    for keys, names in _used(analysis):
        if moved := sorted(name for name in names if _moves(analysis, name, vary)):
            by = f"{moved[0]} depends on {vary}" if moved[0] != vary else f"this depends on {vary}"
            raise analysis.document.error(
                keys,
                f"{by}, which is what the limit is on: it would stand at its reference all along"
                " the scan",
                f"scan {vary} and write rate: mu",
            )


def _moves(analysis: Analysis, name: str, vary: str) -> bool:
    """Return whether a quantity follows a parameter; a lifetime that is scanned does not."""
    if name == vary:
        return True
    deriver = analysis.deriver
    is_derived = name in deriver.model.derived and name not in analysis.free
    return is_derived and vary in deriver.depends_on(name)


def _used(analysis: Analysis) -> Iterator[Used]:
    for entry in analysis.systematics:
        if entry.of is not None:
            yield (*entry.keys, "of"), entry.of.names
    for i, veto in enumerate(analysis.vetoes):
        yield ("vetoes", i), veto.when.names
    for i, condition in enumerate(analysis.grid.require):
        yield ("require", i), condition.names
    for channel in analysis.channels:
        yield from _of_channel(channel)


def _of_channel(channel: Channel) -> Iterator[Used]:
    for key, source in (("background", channel.background), ("observed", channel.observed)):
        keys = ("channels", channel.name, key)
        yield keys, getattr(source, "axes", ())
        if (window := getattr(source, "window", None)) is not None:
            yield (*keys, "window", "centre"), window.centre.names
            yield (*keys, "window", "resolution"), window.resolution.names
    if channel.fit is not None:
        keys = ("channels", channel.name, "fit")
        yield (*keys, "window", "centre"), channel.fit.window.centre.names
        yield (*keys, "window", "resolution"), channel.fit.window.resolution.names
        yield (*keys, "signal"), (channel.fit.signal.axis,)
