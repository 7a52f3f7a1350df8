"""Efficiency maps on plain arrays: intervals, interpolation, and where a map may be asked.

``from mcbook.efficiency import read_map, EfficiencyMap``; a name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcbook.efficiency.evaluated import Efficiencies
    from mcbook.efficiency.intervals import clopper_pearson, effective_counts, jeffreys, mc_error
    from mcbook.efficiency.lifetime import (
        LifetimeSample,
        from_lifetimes,
        from_simulations,
        reweight,
        reweight_simulations,
    )
    from mcbook.efficiency.lifetime_points import at_lifetimes
    from mcbook.efficiency.maps import EfficiencyMap
    from mcbook.efficiency.proposals import Decays, Exponential, Flat, Simulated
    from mcbook.efficiency.reading import read_map

__all__ = [
    "Decays",
    "Efficiencies",
    "EfficiencyMap",
    "Exponential",
    "Flat",
    "LifetimeSample",
    "Simulated",
    "at_lifetimes",
    "clopper_pearson",
    "effective_counts",
    "from_lifetimes",
    "from_simulations",
    "jeffreys",
    "mc_error",
    "read_map",
    "reweight",
    "reweight_simulations",
]

_MODULES = {
    "Decays": "proposals",
    "Efficiencies": "evaluated",
    "EfficiencyMap": "maps",
    "Exponential": "proposals",
    "Flat": "proposals",
    "LifetimeSample": "lifetime",
    "Simulated": "proposals",
    "at_lifetimes": "lifetime_points",
    "clopper_pearson": "intervals",
    "effective_counts": "intervals",
    "from_lifetimes": "lifetime",
    "from_simulations": "lifetime",
    "jeffreys": "intervals",
    "mc_error": "intervals",
    "read_map": "reading",
    "reweight": "lifetime",
    "reweight_simulations": "lifetime",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for."""
    if name not in _MODULES:
        msg = f"module 'mcbook.efficiency' has no attribute {name!r}"
        raise AttributeError(msg)
    found = getattr(import_module(f"mcbook.efficiency.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
