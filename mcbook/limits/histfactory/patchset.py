"""pyhf patchsets: a grid of signals as patches of one background-only workspace."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.limits.histfactory import jsonfile
from mcbook.limits.histfactory.content import VERSION

WORD = re.compile(r"[a-zA-Z0-9_]+")
"""What pyhf's schema allows as the name of a patch or a label."""

RESERVED = frozenset({"name", "values"})
"""Names under which pyhf keeps its own tables of patches."""

_DIGESTS = {"md5": hashlib.md5, "sha256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Patch:
    """One signal of the grid."""

    name: str
    parameters: Mapping[str, float | str]
    operations: list[Any]


def digest(document: Any, algorithm: str = "sha256") -> str:
    """Return the digest of a document as `pyhf.utils.digest` has it."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return _DIGESTS[algorithm](text.encode("utf-8")).hexdigest()


def read(path: str | Path, workspace: Any, workspace_path: str | Path) -> tuple[Patch, ...]:
    """Read a patchset made for a workspace.

    Parameters
    ----------
    path
        JSON file of schema 1.0.0.
    workspace
        The document that the patches change.
    workspace_path
        Its file, for messages.

    Raises
    ------
    InputError
        If the file is no patchset, or was made for another workspace.
    """
    document = jsonfile.read(path)
    _require(document, str(path), ("metadata", "patches", "version"))
    if document["version"] != VERSION:
        raise InputError(f"{path}: version {document['version']!r} is not read, {VERSION!r} is")
    metadata, where = document["metadata"], f"{path}, metadata"
    _require(metadata, where, ("references", "digests", "labels", "description"), is_open=True)
    labels = _words(metadata["labels"], f"{where}, labels")
    _verify(metadata["digests"], workspace, path, workspace_path)
    if not isinstance(document["patches"], list) or not document["patches"]:
        raise InputError(f"{path}, patches: a list that is not empty is wanted")
    patches = tuple(
        _patch(item, f"{path}, patches[{index}]", labels)
        for index, item in enumerate(document["patches"])
    )
    _check_unique(patches, str(path))
    return patches


def _verify(digests: Any, workspace: Any, path: str | Path, workspace_path: str | Path) -> None:
    where = f"{path}, metadata, digests"
    if not isinstance(digests, dict) or not digests:
        raise InputError(f"{where}: md5 or sha256 of the workspace is wanted")
    for algorithm, expected in digests.items():
        if algorithm not in _DIGESTS:
            raise InputError(
                f"{where}: unknown algorithm {algorithm!r}", hint=did_you_mean(algorithm, _DIGESTS)
            )
        if digest(workspace, algorithm) != expected:
            raise InputError(
                f"{path}: made for another workspace than {workspace_path}: "
                f"its {algorithm} is {digest(workspace, algorithm)}, not {expected}",
                hint="was the workspace edited?",
            )


def _patch(item: Any, where: str, labels: list[str]) -> Patch:
    _require(item, where, ("metadata", "patch"))
    metadata = item["metadata"]
    _require(metadata, f"{where}, metadata", ("name", "values"), is_open=True)
    name = metadata["name"]
    if not isinstance(name, str) or not WORD.fullmatch(name):
        raise InputError(f"{where}: a name of letters, digits and _ is wanted, not {name!r}")
    where = f"{where} ({name})"
    values = metadata["values"]
    if not isinstance(values, list) or len(values) != len(labels):
        raise InputError(f"{where}: {len(labels)} values are wanted, one for each label")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InputError(f"{where}: {value!r} is no number or text")
    if not isinstance(item["patch"], list):
        raise InputError(f"{where}: patch must be a list of operations")
    shown = metadata.get("hypothesis", name)  # what mcbook called it, in any letters
    parameters = dict(zip(labels, values, strict=True))
    if parameters.get("hypothesis") == shown:  # a label that only tells the patches apart
        del parameters["hypothesis"]
    return Patch(shown if isinstance(shown, str) else name, parameters, item["patch"])


def _words(items: Any, where: str) -> list[str]:
    if not isinstance(items, list) or not items:
        raise InputError(f"{where}: a list of names is wanted")
    for item in items:
        if not isinstance(item, str) or not WORD.fullmatch(item):
            raise InputError(f"{where}: {item!r} is no name of letters, digits and _")
        if items.count(item) > 1:
            raise InputError(f"{where}: {item!r} is there twice")
    return items


def _check_unique(patches: tuple[Patch, ...], path: str) -> None:
    names: set[str] = set()
    points: set[tuple[float | str, ...]] = set()
    for patch in patches:
        point = tuple(patch.parameters.values())
        if patch.name in names or (point and point in points):
            raise InputError(f"{path}: two patches are called {patch.name!r}, or share its values")
        names.add(patch.name)
        points.add(point)


def _require(item: Any, where: str, keys: tuple[str, ...], *, is_open: bool = False) -> None:
    if not isinstance(item, dict):
        raise InputError(f"{where}: an object with {', '.join(map(repr, keys))} is wanted")
    for key in keys:
        if key not in item:
            raise InputError(f"{where}: the key {key!r} is missing", hint=_near(key, item))
    for key in item:
        if key not in keys and not is_open:
            raise InputError(f"{where}: unknown key {key!r}", hint=did_you_mean(key, keys))


def _near(key: str, item: dict[str, Any]) -> str | None:
    hint = did_you_mean(key, item)
    return hint.replace("did you mean", "is it") if hint and hint.startswith("did") else None
