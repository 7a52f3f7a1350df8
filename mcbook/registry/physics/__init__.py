"""Formulas of the registry, each with its version and its source.

Importing this package enters every shipped formula into `FORMULAS`; those of other packages come
through the entry point group ``mcbook.formulas``.
"""

from collections.abc import Callable
from importlib.metadata import entry_points

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.physics import (
    alp,
    bmeson,
    dark_photon,
    higgsstrahlung,
    inelastic,
    leptons,
    scalars,
    vectors,
    zprime,
)
from mcbook.registry.physics.formula import FORMULAS, Array
from mcbook.registry.physics.rratio import r_ratio_model
from mcbook.registry.physics.scalars import higgs_width_model

LABELS: dict[str, Callable[[Array], NDArray[np.str_]]] = {
    "r_ratio_model": r_ratio_model,
    "higgs_width_model": higgs_width_model,
}
"""Functions that say which approximation a width uses, by the name that a model file gives."""

BEYOND_TABLES = "perturbative"
"""How such a label begins where a table has ended and perturbation theory goes on."""

for _entry in entry_points(group="mcbook.formulas"):
    _entry.load()

__all__ = [
    "BEYOND_TABLES",
    "FORMULAS",
    "LABELS",
    "alp",
    "bmeson",
    "dark_photon",
    "higgsstrahlung",
    "inelastic",
    "leptons",
    "scalars",
    "vectors",
    "zprime",
]
