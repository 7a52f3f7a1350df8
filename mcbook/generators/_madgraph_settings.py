"""Generator settings of MadGraph: what a grid may say, completed and checked."""

import math
from collections.abc import Mapping
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.generators._madgraph_parameters import foreign_settings
from mcbook.generators.base import OFF, Settings, setting_number
from mcbook.registry.derive import ALPHA, SQRT_S
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.physics.constants import CONSTANTS
from mcbook.registry.settings import checked_setting
from mcbook.ufo import writer
from mcbook.ufo.content import Content, content
from mcbook.ufo.foreign import ForeignUfo, read_ufo

NAMES = frozenset({"alpha", "isr", "lifetime", "names", "sqrt_s", "ufo"})
_CHOICES = {"isr": ("none", "leading-log"), "lifetime": ("displacer", "generator")}

LOST = 1e-3
"""Largest part of a cross section that the Breit-Wigner windows of a process may cut off."""

CUTS: Mapping[str, str] = {"gamma_cos_theta_max": "etaa", "gamma_e_min": "ea"}
"""Cuts that a process may ask for, with the run_card setting that makes them."""


def run_card_cut(name: str, value: float) -> float:
    """Return a cut as the run_card has it: an angle as a pseudorapidity, an energy as it is."""
    return math.atanh(value) if name == "gamma_cos_theta_max" else value


NEUTRAL = frozenset({"run_tag", "event_norm", "use_syst", "gridpack", "sde_strategy", "nhel"})
"""Settings of a run that leave the physics of its events alone."""

ENERGIES = ("el", "elmax", "ea", "eamax", "e_min_pdg", "e_max_pdg", "dsqrt_shat")
MOMENTA = ("ptl", "ptlmax", "ptl1min", "ptl1max", "ptl2min", "ptl2max", "ptllmin", "ptllmax",
           "xptl", "ptheavy", "pta", "ptamax", "xpta", "ptgmin", "pt_min_pdg",
           "pt_max_pdg")  # fmt: skip
ANGLES = ("etal", "etalmin", "etaa", "etaamin", "eta_min_pdg", "eta_max_pdg",
          "drll", "drllmax", "draa", "draamax", "dral", "dralmax")  # fmt: skip
MASSES = ("mmll", "mmllmax", "mmnl", "mmnlmax", "mmaa", "mmaamax", "mxx_min_pdg")
OTHERS = ("cut_decays", "custom_fcts")
"""Cuts of the run_card that touch leptons, photons and new particles, and what else would."""


def stated(lines: str) -> dict[str, str]:
    """Return what the run_card of an output has to say, from the lines that set it.

    Every cut that is not set is off.
    """
    found = dict.fromkeys((*ENERGIES, *MOMENTA, *ANGLES, *MASSES, *OTHERS), OFF)
    for line in lines.splitlines():
        words = line.split()
        if words[:2] == ["set", "run_card"] and words[2] not in NEUTRAL:
            found[words[2]] = words[3]
    return found


def complete(
    model: SignalModel, process: Process, given: Mapping[str, Any], ufo: ForeignUfo | None
) -> Settings:
    """Return the complete settings; see `mcbook.generators.base.Generator.settings`."""
    for name in given:
        if name not in NAMES:
            raise InputError(
                f"generator.{name} is no setting of MadGraph", hint=did_you_mean(name, NAMES)
            )
    settings: Settings = {
        "alpha": _checked(given, "alpha", ALPHA),
        "bwcutoff": bwcutoff(process),
        "cuts": _cuts(model, process),
        "isr": _choice(given, "isr"),
        "lifetime": _choice(given, "lifetime"),
        "sqrt_s": _checked(given, "sqrt_s", SQRT_S),
        "taus": _taus(process),
    }
    _check_beams(process, settings)
    if ufo is None:
        if given.get("names"):
            raise InputError(
                "generator.names is given without generator.ufo",
                hint="the names of mcbook's own UFO packages are those of the registry",
            )
        settings["ufo"] = {"digest": writer.physics_digest(slice_content(model, process))}
    else:
        settings["names"] = foreign_settings(model, process, ufo, given.get("names") or {})
        settings["ufo"] = {
            "digest": writer.digest(ufo.files),
            "externals": [
                [entry.name, entry.block, list(entry.code), entry.default]
                for entry in ufo.parameters.values()
            ],
        }
    return settings


def given_ufo(given: Mapping[str, Any]) -> ForeignUfo | None:
    """Read the user's UFO package, when one is given."""
    path = given.get("ufo")
    if path is None:
        return None
    if not isinstance(path, str) or not path:
        raise InputError(f"generator.ufo is {path!r}", hint="the folder of a UFO package is wanted")
    return read_ufo(path)


def slice_content(model: SignalModel, process: Process) -> Content:
    """Return what the UFO package of a process holds: its chains and its interactions."""
    return content(model, process.interactions, process.particle_names())


def bwcutoff(process: Process) -> float:
    """Return how many widths around its mass a decaying particle may be off.

    A window of n widths on either side cuts 1 - (2/pi) atan(2n) = 1/(pi n) off a Breit-Wigner
    curve; the windows of the longest chain together stay below `LOST`.
    """
    resonances = max(sum(1 for _ in chain.decays()) for chain in process.chains())
    return float(math.ceil(resonances / (math.pi * LOST) / 50 + 0.5) * 50)


def _checked(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    try:
        return checked_setting(name, setting_number(value), value)
    except InputError as error:
        raise InputError(f"generator.{name} is {value!r}", hint=error.hint) from None


def _choice(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, _CHOICES[name][0])
    if value not in _CHOICES[name]:
        raise InputError(
            f"generator.{name} is {value!r}", hint="known: " + ", ".join(_CHOICES[name])
        )
    return str(value)


def _cuts(model: SignalModel, process: Process) -> dict[str, float]:
    constants = {name: entry.value for name, entry in CONSTANTS.items()}
    constants |= {name: entry.value for name, entry in model.constants.items()}
    cuts = {}
    for name, expression in process.cuts.items():
        where = f"{model.path}: the cut {name} of {process.name}"
        if name not in CUTS:
            raise InputError(f"{where} is not known", hint=did_you_mean(name, CUTS))
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
    has_taus = any(node.particle in ("tau-", "tau+") for c in process.chains() for node in c.walk())
    if has_taus and process.taus is None:
        raise InputError(
            f"the process {process.name} makes taus and does not say who decays them",
            hint="add taus: {decayer: evtgen, spin_correlations: false} to the process",
        )
    return dict(process.taus) if process.taus is not None else None


def _check_beams(process: Process, settings: Settings) -> None:
    for chain in process.chains():
        if settings["isr"] != "none" and set(chain.initial) != {"e-", "e+"}:
            raise InputError(
                f"generator.isr: {settings['isr']} needs e- and e+ beams, {process.name} has "
                f"{' '.join(chain.initial)}",
                hint="isr: none",
            )
