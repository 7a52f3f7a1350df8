"""Stub: the simulation of the detector."""

from pathlib import Path

import basf2
from _session import fatal


def add_simulation(path, components=None, bkgfiles=None):
    """Add the simulation; since release-06 the trigger is part of it."""
    if components is not None and not isinstance(components, list):
        fatal("add_simulation: components must be a list")
    basf2.add_helper(path, "add_simulation", components=components, bkgfiles=bkgfiles)
    if bkgfiles is not None:
        if not isinstance(bkgfiles, list) or not all(isinstance(name, str) for name in bkgfiles):
            fatal("add_simulation: bkgfiles must be a list of names, or None")
        missing = [name for name in bkgfiles if not Path(name).is_file()]
        if missing or not bkgfiles:
            fatal(f"add_simulation: files of bkgfiles are missing: {missing or 'all'}")
