"""What of an analysis is frozen before its box is opened, as one number."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcbook.analysis.records import Analysis
from mcbook.errors import InputError


def frozen_digest(analysis: Analysis) -> str:
    """Return the SHA-256 of an analysis without its data, in hex.

    It covers what the file says except ``observed`` of the channels, and the contents of every file
    that it names except those with data. Comments and layout do not count.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
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
    text = json.dumps({"analysis": content, "files": files}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def referenced(analysis: Analysis) -> Iterator[Path]:
    """Yield the files that an analysis names, without those with data."""
    points = analysis.document.data.get("points")
    if points is not None:
        yield analysis.folder / points
    for channel in analysis.channels:
        yield channel.efficiency.path
        path = getattr(channel.background, "path", None)
        if path is not None:
            yield path


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
