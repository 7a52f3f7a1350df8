"""Reads JSON strictly: numbers are finite, a key is there once."""

import json
import re
from pathlib import Path
from typing import Any

from mcbook.errors import InputError

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')


def read(path: str | Path) -> dict[str, Any]:
    """Read a JSON file whose root is an object.

    Raises
    ------
    InputError
        If it cannot be read, is no JSON, holds NaN or infinity, or has a key twice.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text", hint="save the file as UTF-8") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> dict[str, Any]:
    """Read JSON from *text*; *name* stands for the file in messages. See `read`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{name}: the key {twice!r} is there twice in one object")
        return found

    def not_finite(token: str) -> Any:
        raise InputError(f"{name}, line {_line_of_token(text)}: {token} is no number of JSON")

    try:
        root = json.loads(text, object_pairs_hook=once, parse_constant=not_finite)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise InputError(f"{name}: nested too deeply") from None
    except ValueError as error:  # more digits than Python reads
        raise InputError(f"{name}: not JSON: {error}") from None
    if not isinstance(root, dict):
        raise InputError(f"{name}: a JSON object is wanted at the root, such as {{...}}")
    return root


def _line_of_token(text: str) -> int:
    for match in _TOKENS.finditer(text):
        if match.group(1):
            return text.count("\n", 0, match.start()) + 1
    return 1
