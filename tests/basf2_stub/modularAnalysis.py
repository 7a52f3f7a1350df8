"""Stub: the little of the analysis package that a production script may use."""


def loadGearbox(path):  # noqa: N802
    """Add the module Gearbox."""
    path.add_module("Gearbox")
