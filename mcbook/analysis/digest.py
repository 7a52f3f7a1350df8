"""What of an analysis is frozen before its box is opened, as one number."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcbook.analysis.records import Analysis, Channel
from mcbook.errors import InputError


def frozen_digest(analysis: Analysis, maps: Mapping[str, str] | None = None) -> str:
    """Return the SHA-256 of an analysis without its data, in hex.

    It covers what the file says except ``observed`` of the channels, and the contents of every file
    that it names except those with data, and of efficiency maps in the books. Comments and layout
    do not count.

    Parameters
    ----------
    analysis
        What the file says.
    maps
        SHA-256 of those efficiency maps that are in the books, by channel.

    Raises
    ------
    InputError
        If a file cannot be read, or the digest of a map in the books is missing.
    """
    for channel in analysis.channels:
        if channel.efficiency.path is None and channel.name not in (maps or {}):
            raise not_here(channel)
    content: dict[str, Any] = dict(analysis.document.data)
    content["channels"] = {
        name: {key: value for key, value in entry.items() if key != "observed"}
        for name, entry in content["channels"].items()
    }
    files = {}
    for path in sorted(set(referenced(analysis))):
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


def referenced(analysis: Analysis) -> Iterator[Path]:
    """Yield the files that an analysis names, without those with data."""
    points = analysis.document.data.get("points")
    if points is not None:
        yield analysis.folder / points
    for channel in analysis.channels:
        for source in (channel.efficiency, channel.background):
            path = getattr(source, "path", None)
            if path is not None:
                yield path
        if channel.generated is not None:
            yield channel.generated


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
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
