"""Numbers that may depend on the mass hypothesis.

Constants, formulas over its parameters, and nodes between which they are interpolated.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import Expression
from mcbook.registry.numbers import parse_number
from mcbook.registry.yamlfile import refuse_special

if TYPE_CHECKING:
    from mcbook.efficiency.resolutions import ResolutionMap

Array = NDArray[np.float64]
Point = Mapping[str, Any]
"""A hypothesis: parameters, constants and derived quantities by name."""

MOST_BYTES = 20_000_000
_REPAIR = "remove the row, or repair what failed there"
_SLACK = 1e-9
"""Part of the range of the nodes by which a position may lie beyond them: nine digits are kept."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """Values `numbers` at rising positions `at`."""

    at: tuple[float, ...]
    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TableNodes:
    """Nodes in a CSV file, which is read when a value is asked for.

    `axis` is the column with the positions, `column` the one with the values; `where` says where
    the file is named. Lines that begin with ``#`` are no rows.
    """

    path: Path
    axis: str
    column: str
    where: str

    def read(self) -> Nodes:
        """Return the nodes as the file has them now, sorted.

        Raises
        ------
        InputError
            If the file cannot be read, has no such column, fewer than two rows, a position twice,
            or a cell that is no number.
        """
        rows = _rows(self.path, self.where)
        positions = [_cell(self.path, line, self.axis, row) for line, row in rows]
        numbers = [_cell(self.path, line, self.column, row) for line, row in rows]
        order = sorted(range(len(rows)), key=positions.__getitem__)
        found = Nodes(tuple(positions[i] for i in order), tuple(numbers[i] for i in order))
        for i in range(1, len(order)):
            if found.at[i] == found.at[i - 1]:
                raise InputError(
                    f"{self.path}, line {rows[order[i]][0]}: {self.axis} = {found.at[i]:.9g} is"
                    f" there twice, first on line {rows[order[i - 1]][0]}"
                )
        if len(order) < 2:  # noqa: PLR2004
            raise InputError(f"{self.path}: at least two rows are wanted, it has {len(order)}")
        return found


@dataclass(frozen=True, slots=True)
class MapNodes:
    """Nodes in several dimensions in a CSV file, which is read when a value is asked for.

    `axes` are the columns with the positions, which the hypothesis has as `formulas`; `column` is
    the one with the values, and ``<column>_error`` the one with their errors; `where` says where
    the file is named.
    """

    path: Path
    axes: tuple[str, ...]
    formulas: tuple[Expression, ...]
    column: str
    where: str

    def read(self) -> "ResolutionMap":
        """Return the map as the file has it now.

        Raises
        ------
        InputError
            If the file cannot be read, or a row of it has no value.
        """
        from mcbook.efficiency.resolutions import ResolutionMap

        _lines(self.path, self.where)
        found = ResolutionMap.read(self.path, column=self.column, axes=self.axes)
        if found.left_out:
            raise InputError(
                f"{found.left_out[0]} (column {self.column}): there is no value", hint=_REPAIR
            )
        return found


@dataclass(frozen=True, slots=True)
class Value:
    """A number that may depend on the hypothesis.

    Attributes
    ----------
    where
        Where it stands, for messages.
    formula
        The number itself; or, where there are nodes, the position between them.
    nodes
        Between them the value follows pchip: monotone where they are. In several dimensions it is
        interpolated like an efficiency, and above 0.
    holds
        Whether beyond the nodes the value of the last one holds; otherwise there is none.
    """

    where: str
    formula: Expression
    nodes: Nodes | TableNodes | MapNodes | None = None
    holds: bool = False
    _read: list[Nodes] = field(default_factory=list, repr=False, compare=False)
    _maps: "list[ResolutionMap]" = field(default_factory=list, repr=False, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """Names of parameters and derived quantities that it depends on."""
        return frozenset[str]().union(*(formula.names for formula in self._formulas))

    @property
    def table(self) -> TableNodes | MapNodes | None:
        """The table that it is read from, if it is."""
        return None if isinstance(self.nodes, Nodes) else self.nodes

    @property
    def _formulas(self) -> tuple[Expression, ...]:
        return self.nodes.formulas if isinstance(self.nodes, MapNodes) else (self.formula,)

    def at(self, point: Mapping[str, ArrayLike]) -> Any:
        """Return the value at a hypothesis.

        Parameters
        ----------
        point
            What `names` names, as numbers or as arrays that broadcast (see `Selection.point`).

        Returns
        -------
        float or NDArray[np.float64]
            A float where all of *point* that is used are numbers.

        Raises
        ------
        InputError
            If a name is missing, a position lies beyond the nodes and `holds` is false, the value
            is not defined, or the table cannot be read.
        """
        for name in sorted(self.names):
            if name not in point:
                raise InputError(
                    f"{self.where}: the hypothesis has no {name}", hint=did_you_mean(name, point)
                )
        given: dict[str, Any] = {name: point[name] for name in self.names}
        try:
            positions = [formula.evaluate_checked(given) for formula in self._formulas]
        except InputError as error:
            raise InputError(f"{self.where}: {error.message}", hint=error.hint) from None
        if isinstance(self.nodes, MapNodes):
            found = self._mapped(self.nodes, positions)
        else:
            found = positions[0] if self.nodes is None else self._between(positions[0])
        return found if np.ndim(found) else float(found)

    def _mapped(self, nodes: MapNodes, positions: Sequence[Array]) -> Array:
        """Return the value at positions along each axis."""
        if not self._maps:
            self._maps.append(nodes.read())
        columns = dict(zip(nodes.axes, np.broadcast_arrays(*positions), strict=True))
        flat = {axis: column.ravel() for axis, column in columns.items()}
        found = self._maps[0].evaluate(flat)
        wrong = np.flatnonzero(found.reason != "")
        if wrong.size:
            place = ", ".join(f"{axis} = {column[wrong[0]]:.9g}" for axis, column in flat.items())
            raise InputError(f"{self.where}: no value at {place}: {found.reason[wrong[0]]}")
        return found.value.reshape(columns[nodes.axes[0]].shape)

    def _between(self, position: Array) -> Array:
        from scipy.interpolate import PchipInterpolator

        nodes = self._known()
        low, high = nodes.at[0], nodes.at[-1]
        slack = _SLACK * max(high - low, abs(low), abs(high))
        beyond = (position < low - slack) | (position > high + slack)
        if not self.holds and beyond.any():
            wrong = float(np.asarray(position)[beyond].ravel()[0])
            raise InputError(
                f"{self.where}: {self.formula.text} = {wrong:.9g} lies outside the nodes, which"
                f" reach from {low:.9g} to {high:.9g}",
                hint="add nodes, or write outside: hold to keep the value of the last one",
            )
        inside = np.clip(position, low, high)
        return np.asarray(PchipInterpolator(nodes.at, nodes.numbers)(inside), dtype=np.float64)

    def _known(self) -> Nodes:
        """Return the nodes; a table is read once."""
        if isinstance(self.nodes, Nodes):
            return self.nodes
        if not self._read and isinstance(self.nodes, TableNodes):
            self._read.append(self.nodes.read())
        return self._read[0]


def _rows(path: Path, where: str) -> list[tuple[int, dict[str, str]]]:
    """Return line and cells of each row."""
    lines = _lines(path, where)
    if not lines:
        raise InputError(f"{path}: the file is empty")
    (first, names), *rows = lines
    header = [name.strip() for name in names]
    for name in header:
        if not name or header.count(name) > 1:
            wrong = f"the column {name!r} is there twice" if name else "a column has no name"
            raise InputError(f"{path}, line {first}: {wrong}")
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}, line {line}: {len(row)} values for {len(header)} columns")
    return [(line, dict(zip(header, row, strict=True))) for line, row in rows]


def _lines(path: Path, where: str) -> list[tuple[int, list[str]]]:
    try:
        refuse_special(path)
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: larger than {MOST_BYTES // 1_000_000} MB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, row) for row in reader if row and row[0][:1] != "#"]
    except FileNotFoundError:
        raise InputError(
            f"{where}: there is no table {path}",
            hint="`mcbook resolution` and `mcbook optimise` write such tables",
        ) from None
    except OSError as error:
        raise InputError(f"{where}: {path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from None


def _cell(path: Path, line: int, column: str, row: Mapping[str, str]) -> float:
    if column not in row:
        raise InputError(
            f"{path}: the column {column!r} is missing", hint=did_you_mean(column, row)
        )
    text = row[column].strip()
    if not text or text.lstrip("+-").lower() == "nan":
        raise InputError(
            f"{path}, line {line} (column {column}): there is no value",
            hint=_REPAIR,
        )
    try:
        return parse_number(text)
    except InputError as error:
        where = f"{path}, line {line} (column {column})"
        raise InputError(f"{where}: {error.message}", hint=error.hint) from None
