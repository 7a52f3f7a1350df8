"""Takes mappings that were handed over in place of YAML files, with the same limits."""

from collections.abc import Mapping
from math import isfinite
from os import PathLike
from typing import Any

from mcbook.errors import InputError
from mcbook.registry import yamlfile
from mcbook.registry.yamlfile import DEEPEST, MOST_DIGITS, MOST_NODES, Document, Keys, shown


def from_mapping(given: Mapping[str, Any], name: str) -> Document:
    """Take a mapping in place of a file.

    Parameters
    ----------
    given
        What a file can say; tuples and arrays of numpy stand for lists, paths for text.
    name
        What stands for the file in messages.

    Raises
    ------
    InputError
        If it holds anything else, or more than a file may hold.
    """
    taken = _Taker(name).value(given, (), 0)
    if not isinstance(taken, dict) or not taken:
        raise InputError(f"{name}: a mapping with keys in it is wanted, not {shown(given)}")
    return yamlfile.unread(name, taken)


class _Taker:
    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0

    def fail(self, keys: Keys, message: str) -> InputError:
        place = f" ({'.'.join(map(str, keys))})" if keys else ""
        return InputError(f"{self.name}{place}: {message}")

    def value(self, given: Any, keys: Keys, depth: int) -> Any:
        """Return plain dicts, lists, text and numbers."""
        self.size += 1
        if self.size > MOST_NODES:
            raise self.fail((), f"more than {MOST_NODES:,} keys and values")
        if type(given) in {int, float, str}:
            return self.scalar(given, keys)
        if depth > DEEPEST:
            raise self.fail(keys[:3], f"nested deeper than {DEEPEST} levels")
        if hasattr(given, "tolist"):
            given = given.tolist()
        if isinstance(given, Mapping):
            return self.mapping(given, keys, depth)
        if isinstance(given, list | tuple):
            return [self.value(v, (*keys, i), depth + 1) for i, v in enumerate(given)]
        return self.scalar(given, keys)

    def mapping(self, given: Mapping[Any, Any], keys: Keys, depth: int) -> dict[str, Any]:
        for key in given:
            if not isinstance(key, str) or not key:
                raise self.fail(keys, f"a key is text, not {shown(key)}")
        return {key: self.value(v, (*keys, key), depth + 1) for key, v in given.items()}

    def scalar(self, given: Any, keys: Keys) -> Any:
        if isinstance(given, PathLike):
            return str(given)
        if given is not None and not isinstance(given, str | int | float):
            raise self.fail(keys, f"{shown(given)} is neither text nor a number")
        if isinstance(given, float) and not isfinite(given):
            raise self.fail(keys, f"{given} is not a finite number")
        if isinstance(given, int) and abs(given) >= 10**MOST_DIGITS:
            raise self.fail(keys, "a whole number with too many digits")
        return given
