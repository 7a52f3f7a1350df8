"""Columns of a selection, as frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.registry.expressions import Expression


@dataclass(frozen=True, slots=True)
class ExpressionColumn:
    """A column that is a formula of others."""

    name: str
    where: str
    expression: Expression

    @property
    def names(self) -> frozenset[str]:
        """What it needs."""
        return self.expression.names


@dataclass(frozen=True, slots=True)
class KinematicsColumn:
    """A column computed from four-momenta by `mcbook.selection.kinematics`.

    `table` is ``recoil`` or ``pair``, `kind` the function in it, `of` the prefixes of the
    branches ``<prefix>_px``, ``_py``, ``_pz``, ``_E`` [GeV, laboratory], `options` its keywords.
    """

    name: str
    where: str
    table: str
    kind: str
    of: tuple[str, ...]
    options: Mapping[str, Any]

    @property
    def needs(self) -> tuple[str, ...]:
        """The branches, four for each prefix."""
        return tuple(name for prefix in self.of for name in components(prefix))

    @property
    def names(self) -> frozenset[str]:
        """What it needs."""
        return frozenset(self.needs)


@dataclass(frozen=True, slots=True)
class PythonColumn:
    """A column that a function of the user computes from arrays of `needs`, in that order.

    `files` are further files that the function reads: they shape what is selected.
    """

    name: str
    where: str
    path: Path
    function: str
    needs: tuple[str, ...]
    files: tuple[Path, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What it needs."""
        return frozenset(self.needs)


Column = ExpressionColumn | KinematicsColumn | PythonColumn


def components(prefix: str) -> tuple[str, str, str, str]:
    """Return the branches of a four-momentum."""
    return f"{prefix}_px", f"{prefix}_py", f"{prefix}_pz", f"{prefix}_E"
