"""Reads a grid file: what it sets, and where. Models are not needed for that."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mcbook.errors import InputError
from mcbook.grid.axes import Axis, csv_axis, design_axis, number, scan_axis, zip_axis
from mcbook.registry import yamlfile
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.handed import from_mapping
from mcbook.registry.numbers import NUMBER, parse_count, round9
from mcbook.registry.yamlfile import Document, Keys

SCHEMA = 1
KEYS = (
    "schema", "model", "process", "scan", "zip", "points", "design", "fixed", "derived", "require",
    "events", "generator", "salt", "set",
)  # fmt: skip

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COUNT = re.compile(NUMBER.pattern + r"\s*[kMG]?")
_MOST_SALT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Grid:
    """What a grid file says.

    `axes` are multiplied in the order scan, zip, points, design, each in the order of the file; the
    last one runs fastest. `processes` is empty where the file names none, `events` None where it
    says nothing. `constants` are other values for the model's constants (``set:``). `places` says
    where in the file each name is set.
    """

    document: Document = field(repr=False)
    model: str | None
    processes: tuple[str, ...]
    axes: tuple[Axis, ...]
    fixed: Mapping[str, float]
    derived: Mapping[str, Expression]
    require: tuple[Expression, ...]
    events: int | Expression | None
    generator: Mapping[str, Any]
    salt: int
    constants: Mapping[str, float]
    places: Mapping[str, str] = field(repr=False)

    @property
    def path(self) -> str:
        """The grid file, as it was named."""
        return self.document.path

    @property
    def size(self) -> int:
        """Number of points, before any is rejected."""
        size = 1
        for axis in self.axes:
            size *= axis.length
        return size


def read_grid(grid: str | Path | Mapping[str, Any]) -> Grid:
    """Read a grid: a file, or a mapping with the same keys.

    The CSV file of ``points:`` lies relative to the grid file, or to this folder for a mapping.

    Raises
    ------
    InputError
        If the grid is not right: with the line. Names of parameters are checked in `expand`.
    """
    if isinstance(grid, Mapping):
        document, folder = from_mapping(grid, "grid"), Path()
    else:
        document, folder = yamlfile.read(grid), Path(grid).parent
    document.check_schema(SCHEMA, required=False)
    document.check_keys((), KEYS)
    return grid_in(document, folder)


def grid_in(document: Document, folder: Path) -> Grid:
    """Return the grid in a file that may have other keys as well.

    Parameters
    ----------
    document
        The file; of its keys those of grids are read.
    folder
        What the path of ``points`` is relative to.

    Raises
    ------
    InputError
        If what they say is not right.
    """
    return _Reader(document, folder).grid()


class _Reader:
    def __init__(self, document: Document, folder: Path) -> None:
        self.document = document
        self.folder = folder
        self.places: dict[str, str] = {}

    def grid(self) -> Grid:
        document, data = self.document, self.document.data
        axes = tuple(self.axes())
        fixed = {name: self.value("fixed", name) for name in self.section("fixed")}
        derived = {
            name: self.expression(("derived", name), text, boolean=False)
            for name, text in self.section("derived").items()
        }
        for section, names in (("fixed", fixed), ("derived", derived)):
            for name in names:
                self.place(name, document.where((section, name)))
        if not self.places:
            raise document.error(
                (), "the grid sets no parameter", "add scan:, zip:, points:, design: or fixed:"
            )
        return Grid(
            document=document,
            model=self.word("model"),
            processes=self.processes(),
            axes=axes,
            fixed=MappingProxyType(fixed),
            derived=MappingProxyType(derived),
            require=self.require(),
            events=self.events(),
            generator=MappingProxyType(self.section("generator")),
            salt=self.salt(data.get("salt", 0)),
            constants=MappingProxyType(
                {name: self.value("set", name) for name in self.section("set")}
            ),
            places=MappingProxyType(self.places),
        )

    def axes(self) -> Iterator[Axis]:
        document, data = self.document, self.document.data
        for name, entry in self.section("scan").items():
            yield self.placed(scan_axis(document, ("scan", name), name, entry))
        zips = data.get("zip", ())
        if isinstance(zips, dict) or ("zip" in data and not zips):
            raise document.error(("zip",), "a list of mappings is wanted", "begin them with '- '")
        if not isinstance(zips, list | tuple):
            raise document.error(("zip",), f"a list of mappings is wanted, not {zips!r}")
        for i, entry in enumerate(zips):
            yield self.placed(zip_axis(document, ("zip", i), entry))
        if "points" in data:
            yield self.placed(csv_axis(document, data["points"], self.folder))
        if self.section("design"):
            yield self.placed(design_axis(document, data["design"]))

    def placed(self, axis: Axis) -> Axis:
        for name in axis.names:
            self.place(name, axis.places[name])
        return axis

    def place(self, name: str, where: str) -> None:
        """Remember where a name is set; it may be set once."""
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{where}: {name!r} is no name", hint="names are made of letters, digits and _"
            )
        if name in self.places:
            raise InputError(f"{where}: {name} is set twice, first at {self.places[name]}")
        self.places[name] = where

    def section(self, key: str) -> dict[str, Any]:
        if key not in self.document.data:
            return {}
        value = self.document.data[key]
        if key == "generator" and isinstance(value, str) and value:
            return {"name": value}  # short for its name alone
        if not isinstance(value, dict) or not value:
            raise self.document.error((key,), "a mapping is wanted here", "or leave the key out")
        return value

    def value(self, section: str, name: str) -> float:
        keys = (section, name)
        given = self.document.data[section][name]
        if isinstance(given, list | dict):
            raise self.document.error(keys, "one number is wanted here", "lists go under 'scan'")
        return round9(number(self.document, keys, given))

    def word(self, key: str) -> str | None:
        value = self.document.data.get(key)
        if key in self.document.data and not (isinstance(value, str) and value):
            raise self.document.error((key,), f"a name is wanted here, not {value!r}")
        return value

    def processes(self) -> tuple[str, ...]:
        value = self.document.data.get("process", [])
        if not isinstance(value, list):
            return (str(self.word("process")),)
        if "process" in self.document.data and not value:
            raise self.document.error(("process",), "the list is empty", "or leave the key out")
        for i, name in enumerate(value):
            if not isinstance(name, str) or not name:
                raise self.document.error(("process", i), f"a name is wanted, not {name!r}")
            if value.index(name) < i:
                raise self.document.error(("process", i), f"{name} is there twice")
        return tuple(value)

    def expression(self, keys: Keys, given: Any, *, boolean: bool) -> Expression:
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise self.document.error(keys, f"an expression is wanted here, not {given!r}")
        try:
            found = parse(str(given))
        except InputError as error:
            raise self.document.error(keys, error.message, error.hint) from None
        if found.is_boolean != boolean:
            wanted = "a condition, such as 'a < b'," if boolean else "a number"
            raise self.document.error(keys, f"{wanted} is wanted here, not {found.text!r}")
        return found

    def require(self) -> tuple[Expression, ...]:
        given = self.document.data.get("require", [])
        if isinstance(given, str):
            return (self.expression(("require",), given, boolean=True),)
        if not isinstance(given, list):
            raise self.document.error(("require",), "a list of conditions is wanted here")
        return tuple(
            self.expression(("require", i), text, boolean=True) for i, text in enumerate(given)
        )

    def events(self) -> int | Expression | None:
        if "events" not in self.document.data:
            return None
        given = self.document.data["events"]
        if isinstance(given, str) and not _COUNT.fullmatch(given.strip()):
            return self.expression(("events",), given, boolean=False)
        try:
            return parse_count(given)
        except InputError as error:
            raise self.document.error(("events",), error.message, error.hint) from None

    def salt(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_SALT:
            raise self.document.error(("salt",), f"a whole number is wanted here, not {value!r}")
        return value
