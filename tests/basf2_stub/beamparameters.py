"""Stub: the parameters of the beams."""

import basf2
from _session import fatal, warning

PRESETS = {"Y1S", "Y2S", "Y3S", "Y4S", "Y4S-off", "Y5S"}


def add_beamparameters(path, name):
    """Use a preset in place of what the database holds."""
    if name not in PRESETS:
        fatal(f"add_beamparameters: no preset {name!r}")
    warning("add_beamparameters overrides the beam parameters of the database")
    basf2.add_helper(path, "add_beamparameters", name=name)


def get_collisions_invariant_mass(experiment, run):
    """Return the nominal energy of the collisions; the stub has no database."""
    if type(experiment) is not int or type(run) is not int:
        raise TypeError("get_collisions_invariant_mass takes an experiment and a run")
    return 10.579
