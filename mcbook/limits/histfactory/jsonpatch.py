"""Applies JSON patches (RFC 6902) without copying what they leave alone.

A grid of signals is hundreds of small patches of one large workspace. Only what lies on the way to
a change is copied, so that the rest stays the same object, and its arrays are built once.
"""

from collections.abc import Sequence
from typing import Any

from mcbook.errors import InputError, did_you_mean

OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")

_NEEDS = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}


class _PatchError(Exception):
    """What is wrong with one operation."""


def applied(document: Any, operations: Sequence[Any], where: str) -> Any:
    """Return the patched document; *document* stays as it is.

    Parameters
    ----------
    document
        Parsed JSON.
    operations
        Objects with ``op``, ``path`` and, depending on ``op``, ``value`` or ``from``.
    where
        File and patch, for messages.

    Raises
    ------
    InputError
        If an operation is malformed, or leads to a place that is not there.
    """
    for number, operation in enumerate(operations):
        try:
            document = _applied(document, operation)
        except _PatchError as error:
            raise InputError(f"{where}, operation {number}: {error}") from None
    return document


def _applied(document: Any, operation: Any) -> Any:
    op = _checked(operation)
    path = _tokens(operation.get("path"))
    if op == "remove":
        return _changed(document, path, "remove", None)
    if op == "test":
        if not _equal(_get(document, path), operation["value"]):
            raise _PatchError(f"the test of {operation['path']!r} does not hold")
        return document
    if op in ("add", "replace"):
        return _changed(document, path, op, operation["value"])
    source = _tokens(operation["from"])
    value = _get(document, source)
    if op == "move":
        if path[: len(source)] == source and path != source:
            raise _PatchError("a value cannot be moved into itself")
        document = _changed(document, source, "remove", None)
    return _changed(document, path, "add", value)


def _checked(operation: Any) -> str:
    """Return the ``op`` of an operation that has what it needs."""
    if not isinstance(operation, dict):
        raise _PatchError("an object with 'op' and 'path' is wanted")
    op = operation.get("op")
    if not isinstance(op, str) or op not in OPERATIONS:
        raise _PatchError(f"unknown op {op!r}; {did_you_mean(str(op), OPERATIONS)}")
    needed = _NEEDS.get(op)
    if needed is not None and needed not in operation:
        raise _PatchError(f"{op!r} needs the key {needed!r}")
    return op


def _tokens(pointer: Any) -> tuple[str, ...]:
    """Split a JSON pointer (RFC 6901)."""
    if not isinstance(pointer, str):
        raise _PatchError(f"{pointer!r} is no path; a path is text such as '/channels/0'")
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise _PatchError(f"the path {pointer!r} must begin with '/'")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def _index(items: list[Any], token: str, most: int) -> int:
    is_index = token.isdecimal() and token.isascii() and (token == "0" or token[0] != "0")
    if not is_index or int(token) > most:
        raise _PatchError(f"there is no entry {token!r} in a list of {len(items)}")
    return int(token)


def _get(document: Any, path: tuple[str, ...]) -> Any:
    for token in path:
        if isinstance(document, list):
            document = document[_index(document, token, len(document) - 1)]
        elif isinstance(document, dict) and token in document:
            document = document[token]
        else:
            raise _PatchError(f"there is no {token!r} at '/{'/'.join(path)}'")
    return document


def _changed(document: Any, path: tuple[str, ...], op: str, value: Any) -> Any:
    """Return the document with one change; only containers on the path are copied."""
    if not path:
        if op == "remove":
            raise _PatchError("the whole document cannot be removed")
        return value
    token, rest = path[0], path[1:]
    if isinstance(document, dict):
        return _changed_object(document, token, rest, op, value)
    if isinstance(document, list):
        return _changed_list(document, token, rest, op, value)
    raise _PatchError(f"{token!r} leads into a value that is no list or object")


def _changed_object(
    document: dict[str, Any], token: str, rest: tuple[str, ...], op: str, value: Any
) -> dict[str, Any]:
    if token not in document and (rest or op != "add"):
        raise _PatchError(f"there is no key {token!r}")
    copied = dict(document)
    if rest:
        copied[token] = _changed(document[token], rest, op, value)
    elif op == "remove":
        del copied[token]
    else:
        copied[token] = value
    return copied


def _changed_list(
    document: list[Any], token: str, rest: tuple[str, ...], op: str, value: Any
) -> list[Any]:
    copied = list(document)
    if not rest and op == "add":
        last = len(document)
        copied.insert(last if token == "-" else _index(document, token, last), value)
        return copied
    index = _index(document, token, len(document) - 1)
    if rest:
        copied[index] = _changed(document[index], rest, op, value)
    elif op == "remove":
        del copied[index]
    else:
        copied[index] = value
    return copied


def _equal(left: Any, right: Any) -> bool:
    """Compare as JSON does: 1 and 1.0 are one number, true is none."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[k], right[k]) for k in left)
    return bool(left == right)
