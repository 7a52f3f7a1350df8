"""What generators of collisions have in common: their settings, and the points that they take."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mcbook.errors import InputError, did_you_mean
from mcbook.generators.base import Columns, Rejection, Settings, setting_number
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.physics.constants import CONSTANTS
from mcbook.registry.settings import checked_setting
from mcbook.ufo import writer
from mcbook.ufo.content import Content, content
from mcbook.ufo.foreign import ForeignUfo, read_ufo

LIFETIME = ("displacer", "generator")

LOST = 1e-3
"""Largest part of a cross section that the Breit-Wigner windows of a process may cut off."""


def common(
    model: SignalModel, process: Process, given: Mapping[str, Any], cuts: Collection[str]
) -> Settings:
    """Return the settings that every generator of collisions has.

    Parameters
    ----------
    model, process
        What is made.
    given
        What a grid says.
    cuts
        Cuts that the generator knows.

    Raises
    ------
    InputError
        If a value is not one.
    """
    return {
        "alpha": _checked(given, "alpha", ALPHA),
        "bwcutoff": bwcutoff(process),
        "cuts": _cuts(model, process, cuts),
        "lifetime": choice(given, "lifetime", LIFETIME),
        "sqrt_s": _checked(given, "sqrt_s", SQRT_S),
        "taus": _taus(process),
    }


def slice_content(model: SignalModel, process: Process) -> Content:
    """Return what the UFO package of a process holds: its chains and its interactions."""
    return content(model, process.interactions, process.particle_names())


def given_ufo(given: Mapping[str, Any]) -> ForeignUfo | None:
    """Read the user's UFO package, when one is given."""
    path = given.get("ufo")
    if path is None:
        return None
    if not isinstance(path, str) or not path:
        raise InputError(f"generator.ufo is {path!r}", hint="the folder of a UFO package is wanted")
    return read_ufo(path)


def check_names(given: Mapping[str, Any]) -> None:
    """Refuse names of a package where none is given."""
    if given.get("names"):
        raise InputError(
            "generator.names is given without generator.ufo",
            hint="the names of mcbook's own UFO packages are those of the registry",
        )


def package_settings(ufo: ForeignUfo) -> dict[str, Any]:
    """Return what the settings say of a user's package."""
    return {
        "digest": writer.digest(ufo.files),
        "externals": [
            [entry.name, entry.block, list(entry.code), entry.default]
            for entry in ufo.parameters.values()
        ],
    }


def bwcutoff(process: Process) -> float:
    """Return how many widths around its mass a decaying particle may be off.

    A window of n widths on either side cuts 1 - (2/pi) atan(2n) = 1/(pi n) off a Breit-Wigner
    curve; the windows of the longest chain together stay below `LOST`.
    """
    resonances = max(sum(1 for _ in chain.decays()) for chain in process.chains())
    return float(math.ceil(resonances / (math.pi * LOST) / 50 + 0.5) * 50)


def rejections(
    model: SignalModel,
    process: Process,
    settings: Settings,
    needed: tuple[Sequence[str], Sequence[str]],
    columns: tuple[Columns, Columns],
) -> list[Rejection]:
    """Return points without a usable width or coupling, which a generator would choke on.

    Parameters
    ----------
    model, process, settings
        What is made.
    needed
        Parameters and derived quantities that cards set.
    columns
        Parameters and derived quantities of all points.
    """
    parameters, derived = columns
    found = [
        Rejection(np.isnan(parameters[entry]), f"{process.name} needs {entry}, which is absent")
        for entry in needed[0]
    ]
    found += [
        Rejection(~np.isfinite(derived[entry]), f"{entry} is not a finite number")
        for entry in needed[1]
    ]
    found += [
        Rejection(~(derived[entry] > 0), f"{entry} is zero, and the chain has that decay")
        for entry in _resonance_widths(model, process)
    ]
    deriver = Deriver(model, alpha=settings["alpha"], sqrt_s=settings["sqrt_s"])
    interactions = [model.interactions[name] for name in process.interactions]
    couplings = deriver.evaluate([i.coupling for i in interactions], parameters, derived)
    found += [
        Rejection(~(np.abs(coupling) > 0), f"the coupling of {interaction.name} is zero")
        for interaction, coupling in zip(interactions, couplings, strict=True)
    ]
    return [rejection for rejection in found if rejection.mask.any()]


def _resonance_widths(model: SignalModel, process: Process) -> list[str]:
    decaying = {node.particle for chain in process.chains() for node in chain.decays()}
    widths = {model.particles[name].width for name in decaying}
    return sorted(width for width in widths if width is not None)


def particle_ids(model: SignalModel, process: Process) -> tuple[frozenset[int], ...]:
    """Return the PDG ids that events of each chain have in the end."""
    leaves = [
        {node.particle for node in chain.walk() if not node.daughters} for chain in process.chains()
    ]
    return tuple(frozenset(model.particles[name].id_of(name) for name in names) for names in leaves)


def tau_remark(settings: Settings) -> list[str]:
    """Return what a card says of taus, nothing where there are none."""
    taus = settings["taus"]
    if taus is None:
        return []
    kept = "kept" if taus.get("spin_correlations") else "lost"
    decayer = taus.get("decayer")
    return [f"taus stay undecayed here; {decayer} decays them, their spin correlations are {kept}"]


def _checked(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    try:
        return checked_setting(name, setting_number(value), value)
    except InputError as error:
        raise InputError(f"generator.{name} is {value!r}", hint=error.hint) from None


def choice(given: Mapping[str, Any], name: str, choices: Sequence[str]) -> str:
    """Return a setting that is one of some words, the first where nothing is given."""
    value = given.get(name, choices[0])
    if value not in choices:
        raise InputError(f"generator.{name} is {value!r}", hint="known: " + ", ".join(choices))
    return str(value)


def _cuts(model: SignalModel, process: Process, known: Collection[str]) -> dict[str, float]:
    constants = {name: entry.value for name, entry in CONSTANTS.items()}
    constants |= {name: entry.value for name, entry in model.constants.items()}
    cuts = {}
    for name, expression in process.cuts.items():
        where = f"{model.path}: the cut {name} of {process.name}"
        if name not in known:
            raise InputError(f"{where} is not known", hint=did_you_mean(name, known))
        foreign = sorted(set(expression.names) - set(constants))
        if foreign:
            raise InputError(
                f"{where} depends on {', '.join(foreign)}", hint="cuts may use constants only"
            )
        value = float(expression.evaluate(constants))
        if not value > 0:
            raise InputError(f"{where} is {value:g}", hint="a positive number is wanted")
        if name == "gamma_cos_theta_max" and value >= 1:
            raise InputError(f"{where} is {value:g}", hint="a cosine between 0 and 1 is wanted")
        cuts[name] = value
    return cuts


def _taus(process: Process) -> dict[str, str | bool] | None:
    has_taus = any({"tau-", "tau+"} & chain.leaves() for chain in process.chains())
    if has_taus and process.taus is None:
        raise InputError(
            f"the process {process.name} makes taus and does not say who decays them",
            hint="add taus: {decayer: evtgen, spin_correlations: false} to the process",
        )
    return dict(process.taus) if process.taus is not None else None
