"""Stub: the reconstruction."""

import basf2
import mdst
from _session import MAJOR, fatal, warning


def add_reconstruction(path, components=None):
    """Add the reconstruction."""
    if components is not None and not isinstance(components, list):
        fatal("add_reconstruction: components must be a list")
    basf2.add_helper(path, "add_reconstruction", components=components)


def add_mdst_output(path, *args, **parameters):
    """Add the output from where it was long ago."""
    if MAJOR >= 8:
        fatal("add_mdst_output is in mdst, no longer in reconstruction")
    warning("add_mdst_output is in mdst, no longer in reconstruction")
    mdst.add_mdst_output(path, *args, **parameters)
