"""Generator settings of MadGraph: what a grid may say, completed and checked."""

import math
from collections.abc import Mapping
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.generators._card_parameters import foreign_settings
from mcbook.generators._collision import (
    check_names,
    choice,
    common,
    package_settings,
    slice_content,
)
from mcbook.generators.base import OFF, Settings
from mcbook.registry.model import Process, SignalModel
from mcbook.ufo import writer
from mcbook.ufo.foreign import ForeignUfo

NAMES = frozenset({"alpha", "isr", "lifetime", "names", "sqrt_s", "ufo"})
ISR = ("none", "leading-log")

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
        **common(model, process, given, CUTS),
        "isr": choice(given, "isr", ISR),
    }
    _check_beams(process, settings)
    if ufo is None:
        check_names(given)
        settings["ufo"] = {"digest": writer.physics_digest(slice_content(model, process))}
    else:
        settings["names"] = foreign_settings(model, process, ufo, given.get("names") or {})
        settings["ufo"] = package_settings(ufo)
    return settings


def _check_beams(process: Process, settings: Settings) -> None:
    for chain in process.chains():
        if settings["isr"] != "none" and set(chain.initial) != {"e-", "e+"}:
            raise InputError(
                f"generator.isr: {settings['isr']} needs e- and e+ beams, {process.name} has "
                f"{' '.join(chain.initial)}",
                hint="isr: none",
            )
