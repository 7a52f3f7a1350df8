"""Formulas by name and version: what a model's YAML refers to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Formula:
    """One shipped formula.

    `function` takes float arrays that broadcast against each other (as keyword arguments) and
    returns an array of the broadcast shape. NaN in an argument means that an optional parameter is
    absent. `version` is raised when a value changes by more than rounding.
    """

    name: str
    version: int
    unit: str
    source: str
    function: Callable[..., Array]

    @property
    def reference(self) -> str:
        """Name and version as a model file writes them, ``name@version``."""
        return f"{self.name}@{self.version}"


FORMULAS: dict[str, Formula] = {}


def formula(
    *, version: int, unit: str, source: str
) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Enter a function into `FORMULAS` under its own name.

    Parameters
    ----------
    version
        Raised when a value changes by more than rounding.
    unit
        Unit of what the function returns (``"GeV"``, ``"fb"``, ``"mm"``, ``"1"``).
    source
        Where the formula comes from, for a reader who wants to check it.
    """

    def enter(function: Callable[..., Array]) -> Callable[..., Array]:
        name = function.__name__
        if name in FORMULAS:
            msg = f"two formulas are called {name}"
            raise ValueError(msg)
        FORMULAS[name] = Formula(name, version, unit, source, function)
        return function

    return enter
