"""What of a selection is frozen before data are opened, as one number."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mcbook.registry.yamlfile import read
from mcbook.selection.columntypes import PythonColumn
from mcbook.selection.records import Selection


def digest(selection: Selection) -> str:
    """Return the SHA-256 of a selection without its data, in hex.

    It covers what the file says except the files with data, the entry of the signal model, and the
    contents of the tables and of the files in Python that it names; a table that is not there
    counts as such. Comments and layout do not count.
    """
    content: dict[str, Any] = {k: v for k, v in selection.document.data.items() if k != "data"}
    named = [table.path for table in selection.tables()]
    for column in selection.columns.values():
        if isinstance(column, PythonColumn):
            named += [column.path, *column.files]
    files = {_name(selection.folder, path): _sha256(path) for path in named}
    frozen = {
        "selection": content,
        "model_entry": read(selection.deriver.model.path).data,
        "files": files,
    }
    text = json.dumps(frozen, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
