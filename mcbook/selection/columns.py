"""Columns that are computed: what they depend on, and how."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.selection.columntypes import Column, KinematicsColumn, PythonColumn
from mcbook.selection.records import Selection

Array = NDArray[np.float64]


def dependent(selection: Selection) -> frozenset[str]:
    """Return the names that depend on the hypothesis: of the model, of values, of columns."""
    found = {name for name, value in selection.values.items() if value.nodes or value.names}
    found |= selection.known - selection.deriver.fixed.keys()
    while more := {n for n, c in selection.columns.items() if c.names & found} - found:
        found |= more
    return frozenset(found)


def closure(columns: Mapping[str, Column], names: Iterable[str]) -> frozenset[str]:
    """Return names and all that they need, through columns."""
    found: set[str] = set()
    rest = list(names)
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest.extend(columns[name].names if name in columns else ())
    return frozenset(found)


def kinematics(column: KinematicsColumn, components: Sequence[Array]) -> Array:
    """Return a column of four-momenta.

    Parameters
    ----------
    column
        What it is of.
    components
        px, py, pz, E [GeV] of each particle, one after the other, of shape (n,) each.
    """
    from mcbook.selection import kinematics as known

    momenta = [np.stack(components[i : i + 4]) for i in range(0, len(components), 4)]
    kind = (known.RECOIL if column.table == "recoil" else known.PAIR)[column.kind]
    try:
        return np.asarray(kind(momenta, **column.options), dtype=np.float64)
    except InputError as error:
        raise InputError(f"{column.where}: {error.message}", hint=error.hint) from None


def unit_of(column: Column | None) -> str:
    """Return the unit of a column as it is drawn; an empty text where it is not known."""
    from mcbook.selection import kinematics as known

    unit = known.UNITS[column.kind] if isinstance(column, KinematicsColumn) else ""
    return unit.replace("^2", "$^2$")


def python(column: PythonColumn, arrays: Sequence[Array]) -> Array:
    """Return what the function of the user makes of arrays of shape (n,).

    Raises
    ------
    InputError
        If it cannot be loaded, fails, or returns something else than n numbers.
    """
    function = load_function(column.path, column.function)
    rows = len(arrays[0])
    place = f"{column.where}: {column.path}:{column.function}"
    try:
        found = np.asarray(function(*[np.array(array) for array in arrays]))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's
        raise InputError(f"{place} failed{_line_of(column.path, error)}: {_said(error)}") from None
    if found.shape != (rows,):
        raise InputError(
            f"{place} returns an array of shape {found.shape}, and ({rows},) is wanted"
        )
    if found.dtype.kind not in "fiub":
        raise InputError(f"{place} returns {found.dtype}, and numbers are wanted")
    return found.astype(np.float64, copy=False)


@lru_cache(maxsize=64)
def load_function(path: Path, name: str) -> Callable[..., Any]:
    """Return a function of a file in Python, which is run once in a process.

    Raises
    ------
    InputError
        If it cannot be run, or has no such function.
    """
    module = _module(path)
    function = getattr(module, name, None)
    if not callable(function):
        words = [word for word, value in vars(module).items() if callable(value)]
        hint = did_you_mean(name, [word for word in words if not word.startswith("_")])
        raise InputError(f"{path} has no function {name!r}", hint=hint)
    return function  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _module(path: Path) -> Any:
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"mcbook_column_{key}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no file in Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's
        del sys.modules[spec.name]
        raise InputError(f"{path} cannot be run{_line_of(path, error)}: {_said(error)}") from None
    return module


def _line_of(path: Path, error: BaseException) -> str:
    """Return which line of a file an error is from."""
    if isinstance(error, SyntaxError):
        return f" (line {error.lineno})" if error.lineno else ""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if Path(one.filename).resolve() == path.resolve()]
    return f" (line {lines[-1]})" if lines else ""


def _said(error: BaseException) -> str:
    text = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
