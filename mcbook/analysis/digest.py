"""What of an analysis is frozen before its box is opened, as one number."""

import hashlib
import json
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from mcbook.analysis.records import (
    Analysis,
    Channel,
    Constant,
    Events,
    Histogram,
    Spectrum,
    Values,
)
from mcbook.analysis.systematicfile import included
from mcbook.errors import InputError
from mcbook.limits.options import check_level
from mcbook.production.publish import file_sha256
from mcbook.registry.yamlfile import read


def frozen_digest(
    analysis: Analysis,
    maps: Mapping[str, str] | None = None,
    *,
    cl: float | None = None,
    method: str | None = None,
) -> str:
    """Return the SHA-256 of an analysis without its data, in hex.

    It covers what the file says except the counts and the names of files with data (but the window
    or the column that picks the data), the level and the method, also where they are not from the
    file, the entry of the signal model, and the contents of every file that the analysis names
    except those with data, and of efficiency maps in the books. Comments and layout do not count.

    Parameters
    ----------
    analysis
        What the file says.
    maps
        SHA-256 of efficiency maps that are not from the file that the analysis names, by channel.
    cl, method
        As in `mcbook.analysis.run`.

    Raises
    ------
    InputError
        If a file cannot be read, the digest of a map in the books is missing, or there is no level.
    """
    for channel in analysis.channels:
        if channel.efficiency.path is None and channel.name not in (maps or {}):
            raise not_here(channel)
    content: dict[str, Any] = dict(analysis.document.data)
    content["channels"] = {
        channel.name: {
            **{k: v for k, v in content["channels"][channel.name].items() if k != "observed"},
            **_selection(channel, content["channels"][channel.name].get("observed")),
        }
        for channel in analysis.channels
    }
    content |= {"cl": level(analysis, cl), "method": method or analysis.method}
    content["model_entry"] = _model_digest(analysis)
    files = {}
    for path in sorted(set(referenced(analysis, maps or {}))):
        try:
            name = path.relative_to(analysis.folder).as_posix()
        except ValueError:
            name = path.name
        files[name] = _sha256(path)
    frozen: dict[str, Any] = {"analysis": content, "files": files}
    if maps:
        frozen["maps"] = dict(maps)
    text = json.dumps(frozen, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _selection(channel: Channel, entry: Any) -> dict[str, Any]:
    """Return what of ``observed`` picks the data, and says nothing of them."""
    if isinstance(channel.observed, Histogram | Events | Spectrum | Values):
        is_binned = isinstance(channel.observed, Histogram | Spectrum)
        kind = "histogram" if is_binned else "events"
        return {"observed": {"kind": kind, **{k: v for k, v in entry.items() if k != kind}}}
    return {}


def _model_digest(analysis: Analysis) -> str:
    """Return the SHA-256 of what the entry of the signal model says, comments left out."""
    data = read(analysis.model.path).data
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def counts_in(analysis: Analysis) -> dict[str, str]:
    """Return a SHA-256 for each observed count that stands in the analysis file, by its place.

    It is that of model, process, channel and count, so that looks at the same data are known as
    such under another name of the analysis.
    """
    found = {}
    for channel in analysis.channels:
        if isinstance(channel.observed, Constant):
            what = [analysis.model.name, channel.process.name, channel.name, channel.observed.value]
            digest = hashlib.sha256(json.dumps(what).encode("ascii")).hexdigest()
            found[f"{analysis.path}, observed of {channel.name}"] = digest
    return found


def level(analysis: Analysis, cl: float | None) -> float:
    """Return the level of the file, or the one that is given where the file has none.

    Raises
    ------
    InputError
        If there is none, the two differ, or it is not in (0, 1).
    """
    if cl is None and analysis.cl is None:
        raise InputError(f"{analysis.path}: no confidence level", hint="add cl: 0.90, or give it")
    if cl is not None and analysis.cl is not None and abs(cl - analysis.cl) > 1e-12:  # noqa: PLR2004
        raise InputError(
            f"{analysis.document.where(('cl',))}: the file has cl: {analysis.cl:g}, and {cl:g} is"
            " asked for",
            hint="leave one of them out",
        )
    found = analysis.cl if analysis.cl is not None else float(cl or 0)
    check_level(found)
    return found


def referenced(analysis: Analysis, maps: Container[str] = ()) -> Iterator[Path]:
    """Yield the files that an analysis names, without those with data.

    Parameters
    ----------
    analysis
        What the file says.
    maps
        Channels whose efficiency map is from elsewhere.
    """
    points = analysis.document.data.get("points")
    if points is not None:
        yield analysis.folder / points
    yield from included(analysis.document, analysis.folder)
    for channel in analysis.channels:
        if channel.efficiency.path is not None and channel.name not in maps:
            yield channel.efficiency.path
        path = getattr(channel.background, "path", None)
        if path is not None:
            yield path
        if channel.generated is not None:
            yield channel.generated
        yield from _of_fit(channel)


def _of_fit(channel: Channel) -> Iterator[Path]:
    """Yield the tables that a fit names beside its background."""
    if channel.fit is None:
        return
    window = channel.fit.window
    for value in (window.centre, window.resolution, channel.fit.resolution_error):
        if value is not None and value.table is not None:
            yield value.table.path
    if channel.fit.signal.path is not None:
        yield channel.fit.signal.path


def observed_files(analysis: Analysis) -> Iterator[Path]:
    """Yield the files with observed counts."""
    for channel in analysis.channels:
        path = getattr(channel.observed, "path", None)
        if path is not None:
            yield path


def check_openable(analysis: Analysis) -> None:
    """Refuse a box in which a channel has no counts.

    Raises
    ------
    InputError
        If an entry ``observed`` is missing.
    """
    missing = [channel.name for channel in analysis.channels if channel.observed is None]
    if missing:
        raise InputError(
            f"{analysis.path}: no observed counts in channel {', '.join(missing)}",
            hint="add observed: to it; no count was read",
        )


def not_here(channel: Channel) -> InputError:
    """Return the error that says that the map of a channel is in the books, and was not given."""
    source = channel.efficiency
    return InputError(
        f"{source.where}: the efficiency map {source.catalog!r} is in the books, and nobody looked"
        " it up",
        hint="`mcbook limits` and mcbook.set_limits do; in a notebook give it in maps=, or name a"
        " file with map:",
    )


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
