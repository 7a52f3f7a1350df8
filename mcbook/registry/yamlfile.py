"""Reads YAML strictly: what is meant is read, and what could mean two things is refused.

Plain scalars follow YAML 1.2, read narrowly: ``true`` and ``false`` are booleans and ``yes``,
``no``, ``on`` and ``off`` are text; ``1e-3`` is a number; ``1_000``, ``0o10``, ``010``, ``12:30``
and dates are text, which a reader of numbers then refuses. Keys are always text. Duplicate keys,
tags, merge keys, NaN and infinity are errors, and aliases cannot blow a file up.
"""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.numbers import NUMBER, underflows

Keys = tuple[str | int, ...]

MOST_BYTES = 4_000_000
MOST_NODES = 1_000_000
"""Largest number of keys and values, each alias counted with all that it stands for."""

DEEPEST = 50

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
MOST_DIGITS = 18  # whole numbers with more do not fit 64 bits
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class _Node:
    """A value with the line it stands on; `size` counts what it holds, aliases expanded.

    Line 0 stands for a value that was handed over and not read.
    """

    value: Any
    line: int
    size: int = 1
    children: Mapping[str, "_Node"] | Sequence["_Node"] = ()
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file whose root is a mapping, or a mapping in its place.

    `path` is the file as the user named it, `data` what it says: dicts with text keys, lists, text,
    numbers, booleans and None.
    """

    path: str
    data: dict[str, Any]
    _root: _Node = field(repr=False, compare=False)

    def line(self, keys: Keys = ()) -> int:
        """Return the line of a key or of an entry of a list.

        Where *keys* lead to nothing, the line of the last thing on the way.
        """
        node, line = self._root, self._root.line
        for key in keys:
            if isinstance(node.children, Mapping) and key in node.children:
                line, node = node.lines[str(key)], node.children[str(key)]
            elif isinstance(key, int) and _has_entry(node.children, key):
                node = node.children[key]  # type: ignore[index]
                line = node.line
            else:
                break
        return line

    def where(self, keys: Keys = ()) -> str:
        """Return file, line and key for a message: ``grid.yaml, line 4 (scan.m_chi1)``."""
        if not keys:
            return self.path
        if not self._root.line:
            return f"{self.path} ({'.'.join(map(str, keys))})"
        return f"{self.path}, line {self.line(keys)} ({'.'.join(map(str, keys))})"

    def error(self, keys: Keys, message: str, hint: str | None = None) -> InputError:
        """Return an error about what stands at *keys*, to be raised."""
        return InputError(f"{self.where(keys)}: {message}", hint=hint)

    def check_schema(self, version: int, *, required: bool = True) -> None:
        """Check the key ``schema``, which says what the other keys mean.

        Raises
        ------
        InputError
            If it is not *version*, or is absent though *required*.
        """
        found = self.data.get("schema")
        if "schema" not in self.data:
            if required:
                raise self.error((), "the key 'schema' is missing", f"add: schema: {version}")
        elif isinstance(found, bool) or not isinstance(found, int) or found < 1:
            raise self.error(("schema",), f"{found!r} is no version", f"write schema: {version}")
        elif found > version:
            raise self.error(
                ("schema",),
                f"the file has schema {found}, and this mcbook reads up to {version}",
                "update mcbook",
            )
        elif found < version:
            raise self.error(("schema",), f"schema {found} is no longer read, {version} is")

    def check_keys(self, keys: Keys, allowed: Iterable[str]) -> None:
        """Check that the mapping at *keys* has no other keys than *allowed*.

        Raises
        ------
        InputError
            If it has, or if it is not a mapping.
        """
        words = list(allowed)
        value: Any = self.data
        for key in keys:
            value = value[key]
        if not isinstance(value, dict):
            raise self.error(keys, f"a mapping is wanted here, not {value!r}")
        for key in value:
            if key not in words:
                raise self.error((*keys, key), f"unknown key {key!r}", did_you_mean(key, words))


def _has_entry(children: object, index: int) -> bool:
    return isinstance(children, tuple) and 0 <= index < len(children)


def read(path: str | Path) -> Document:
    """Read a YAML file.

    Raises
    ------
    InputError
        If it cannot be read, is not UTF-8, is empty or larger than `MOST_BYTES`, or is not strict
        YAML with a mapping at its root.
    """
    try:
        refuse_special(path)
        with Path(path).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(raw) > MOST_BYTES:
        raise InputError(
            f"{path}: larger than {MOST_BYTES // 1_000_000} MB", hint="is this the right file?"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: not UTF-8 text", hint="save the file as UTF-8"
        ) from None
    return parse_text(text, str(path))


def refuse_special(path: str | Path) -> None:
    """Refuse pipes and devices: a pipe that nobody writes to is waited for without end.

    Raises
    ------
    InputError
        If *path* is one.
    OSError
        If nothing is there.
    """
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(
            f"{path}: a pipe or a device, not a file",
            hint="write it to a file, which can be read again",
        )


def unread(name: str, data: dict[str, Any]) -> Document:
    """Return a document that was handed over: without lines, *name* stands for it in messages."""
    return Document(name, data, _Node(data, 0))


def parse_text(text: str, name: str = "<text>") -> Document:
    """Read YAML from *text*; *name* stands for the file in messages. See `read`."""
    root = _Builder(text, name).build()
    if not isinstance(root.value, dict):
        raise InputError(
            f"{name}, line {root.line}: a mapping is wanted, not {shown(root.value)}",
            hint="write lines such as 'key: value'",
        )
    return Document(name, root.value, root)


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004


class _Builder:
    """Builds values from the events of the parser, so that every limit holds from the start."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.anchors: dict[str, _Node | None] = {}
        self.size = 0

    def fail(self, line: int, message: str, hint: str | None = None) -> InputError:
        return InputError(f"{self.name}, line {line}: {message}", hint=hint)

    def events(self) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self.text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            line = getattr(mark, "line", 0) + 1
            said = ", ".join(filter(None, (error.context, error.problem)))
            if "nesting depth" in said:
                raise self.fail(line, f"nested deeper than {DEEPEST} levels") from None
            hint = "indent with spaces" if "tab" in said or "\\t" in said else None
            raise self.fail(line, f"not YAML: {said}", hint) from None
        except yaml.YAMLError as error:
            raise InputError(f"{self.name}: not YAML: {str(error).splitlines()[0]}") from None

    def build(self) -> _Node:
        stream = self.events()
        root = None
        for event in stream:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self.fail(_line(event), "a second document begins here")
                root = self.node(next(stream), stream, 0)
        if root is None or root.value is None:
            raise InputError(f"{self.name}: the file is empty")
        return root

    def node(self, event: Any, stream: Iterator[Any], depth: int) -> _Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, line)
        if event.tag is not None:
            raise self.fail(line, f"tags such as {event.tag!r} are not read", "remove it")
        if depth > DEEPEST:
            raise self.fail(line, f"nested deeper than {DEEPEST} levels")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.count(1, line)
        if isinstance(event, yaml.MappingStartEvent):
            node = self.mapping(stream, line, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self.sequence(stream, line, depth)
        else:
            node = _Node(self.scalar(event, line), line)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: Any, line: int) -> _Node:
        if event.anchor not in self.anchors:
            raise self.fail(line, f"there is no anchor '&{event.anchor}' before this alias")
        node = self.anchors[event.anchor]
        if node is None:
            raise self.fail(line, f"the alias '*{event.anchor}' holds itself")
        self.count(node.size, line)
        return node

    def count(self, more: int, line: int) -> None:
        self.size += more
        if self.size > MOST_NODES:
            raise self.fail(line, f"more than {MOST_NODES:,} keys and values, aliases expanded")

    def mapping(self, stream: Iterator[Any], line: int, depth: int) -> _Node:
        children: dict[str, _Node] = {}
        lines: dict[str, int] = {}
        size = 1
        while not isinstance(event := next(stream), yaml.MappingEndEvent):
            here = _line(event)
            key = self.key(event, here)
            if key in children:
                raise self.fail(here, f"the key {key!r} is there twice, first on line {lines[key]}")
            lines[key] = here
            children[key] = self.node(next(stream), stream, depth + 1)
            size += 1 + children[key].size
        value = {key: child.value for key, child in children.items()}
        return _Node(value, line, size, children, lines)

    def key(self, event: Any, line: int) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or event.anchor:
            raise self.fail(line, "a key is plain text", "quote it if it begins with { [ & * or !")
        if not event.style and event.value == "<<":
            raise self.fail(line, "merge keys '<<' are not read", "write the keys out")
        if not event.value:
            raise self.fail(line, "the key before ':' is empty")
        self.count(1, line)
        return str(event.value)

    def sequence(self, stream: Iterator[Any], line: int, depth: int) -> _Node:
        children: list[_Node] = []
        while not isinstance(event := next(stream), yaml.SequenceEndEvent):
            children.append(self.node(event, stream, depth + 1))
        size = 1 + sum(child.size for child in children)
        return _Node([child.value for child in children], line, size, tuple(children))

    def scalar(self, event: Any, line: int) -> Any:
        text = str(event.value)
        if event.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text.lstrip("+-.").lower() in _NOT_FINITE:
            raise self.fail(line, f"{text} is not a finite number", "quote it if it is text")
        if not NUMBER.fullmatch(text) or _has_leading_zero(text):
            return text
        if text.lstrip("+-").isdigit():
            if len(text.lstrip("+-")) > MOST_DIGITS:
                raise self.fail(
                    line, f"{shown(text)} has too many digits", "quote it if it is text"
                )
            return int(text)
        return self.real(text, line)

    def real(self, text: str, line: int) -> float:
        number = float(text)
        if abs(number) == float("inf"):
            raise self.fail(line, f"{text} is not a finite number")
        if underflows(text, number):
            raise self.fail(line, f"{text} underflows to 0", "write 0 where zero is meant")
        return number


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _has_leading_zero(text: str) -> bool:
    """``010`` is eight in YAML 1.1 and ten in 1.2, so it is neither here."""
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
