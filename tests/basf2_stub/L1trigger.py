"""Stub: the simulation of the trigger, a function of its own only in release-05."""

import basf2
from _session import MAJOR, fatal


def add_tsim(path):
    """Add the simulation of the trigger."""
    if MAJOR > 5:
        fatal("add_tsim is part of add_simulation since release-06")
    basf2.add_helper(path, "add_tsim")
