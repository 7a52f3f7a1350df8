"""Reads single entries of files in YAML, each error with its line."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.numbers import parse_number
from mcbook.registry.settings import checked_setting
from mcbook.registry.yamlfile import Document, Keys

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Entries:
    """What stands where in a file.

    Parameters
    ----------
    document
        The file.
    folder
        What paths in it are relative to.
    known
        Names that expressions may use.
    """

    def __init__(self, document: Document, folder: Path, known: Iterable[str]) -> None:
        self.document = document
        self.folder = folder
        self.known = frozenset(known)

    def fail(self, keys: Keys, message: str, hint: str | None = None) -> InputError:
        """Return an error about what stands at *keys*."""
        return self.document.error(keys, message, hint)

    def mapping(
        self, keys: Keys, value: Any, allowed: Iterable[str], needed: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return a mapping with no other keys than *allowed* and all that are *needed*."""
        words = list(allowed)
        if not isinstance(value, dict) or not value:
            raise self.fail(keys, f"a mapping with {', '.join(words)} is wanted here")
        for key in value:
            if key not in words:
                raise self.fail((*keys, key), f"unknown key {key!r}", did_you_mean(key, words))
        for key in needed:
            if key not in value:
                raise self.fail(keys, f"the key {key!r} is missing")
        return value

    def number(
        self,
        keys: Keys,
        value: Any,
        *,
        least: float | None = None,
        above: float | None = None,
        below: float | None = None,
        most: float | None = None,
    ) -> float:
        """Return a finite number within its bounds."""
        try:
            found = parse_number(value)
        except InputError as error:
            raise self.fail(keys, error.message, error.hint) from None
        if least is not None and found < least:
            raise self.fail(keys, f"{value!r} is below {least:g}")
        if above is not None and found <= above:
            raise self.fail(keys, f"{value!r} is not above {above:g}")
        if below is not None and found >= below:
            raise self.fail(keys, f"{value!r} is not below {below:g}")
        if most is not None and found > most:
            raise self.fail(keys, f"{value!r} is above {most:g}")
        return found

    def numbers(self, keys: Keys, value: Any, **bounds: float) -> tuple[float, ...]:
        """Return a list of numbers; a single one stands for a list of one."""
        if not isinstance(value, list):
            return (self.number(keys, value, **bounds),)
        if not value:
            raise self.fail(keys, "the list is empty")
        return tuple(self.number((*keys, i), item, **bounds) for i, item in enumerate(value))

    def text(self, keys: Keys, value: Any) -> str:
        """Return a text that is not empty."""
        if not isinstance(value, str) or not value.strip():
            raise self.fail(keys, f"a text is wanted here, not {value!r}")
        return value.strip()

    def word(self, keys: Keys, value: Any) -> str:
        """Return a name made of letters, digits and underscores."""
        if not isinstance(value, str) or not WORD.fullmatch(value):
            raise self.fail(
                keys, f"{value!r} is no name", "names are made of letters, digits and _"
            )
        return value

    def choice(self, keys: Keys, value: Any, words: tuple[str, ...]) -> str:
        """Return one of some words."""
        if value not in words:
            raise self.fail(
                keys,
                f"{value!r} is not one of {', '.join(words)}",
                did_you_mean(str(value), words),
            )
        return str(value)

    def setting(self, keys: Keys, value: Any) -> float:
        """Return ``alpha`` or ``sqrt_s``, a number or a quotient such as ``1/137.035999``."""
        found = value
        if isinstance(value, str):
            expression = self.expression(keys, value, known=frozenset())
            found = float(expression.evaluate_checked({}))
        number = self.number(keys, found, above=0)
        try:
            return checked_setting(str(keys[-1]), number, value)
        except InputError as error:
            raise self.fail(keys, error.message, error.hint) from None

    def expression(
        self, keys: Keys, value: Any, *, boolean: bool = False, known: frozenset[str] | None = None
    ) -> Expression:
        """Return an expression over known names."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.fail(keys, f"an expression is wanted here, not {value!r}")
        try:
            found = parse(str(value))
        except InputError as error:
            raise self.fail(keys, error.message, error.hint) from None
        if found.is_boolean != boolean:
            wanted = "a condition, such as 'a < b'," if boolean else "a number"
            raise self.fail(keys, f"{wanted} is wanted here, not {found.text!r}")
        words = self.known if known is None else known
        for name in sorted(found.names - words):
            raise self.fail(keys, f"there is no quantity {name!r}", did_you_mean(name, words))
        return found

    def quantities(self, keys: Keys, value: Any) -> tuple[str, ...]:
        """Return a list of known names, each once."""
        if not isinstance(value, list):
            raise self.fail(keys, f"a list of names is wanted here, not {value!r}")
        for i, name in enumerate(value):
            if name not in self.known:
                hint = did_you_mean(str(name), self.known)
                raise self.fail((*keys, i), f"there is no quantity {name!r}", hint)
            if value.index(name) < i:
                raise self.fail((*keys, i), f"{name} is there twice")
        return tuple(value)

    def path(self, keys: Keys, value: Any) -> Path:
        """Return the path of a file, relative to the folder of the file."""
        return self.folder / self.text(keys, value)
