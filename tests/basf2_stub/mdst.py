"""Stub: the output."""

import _tables
import basf2

TYPES = {
    "mc": bool,
    "filename": str,
    "additionalBranches": _tables.TEXTS,
    "dataDescription": dict,
}


def add_mdst_output(
    path, mc=True, filename="mdst.root", additionalBranches=(), dataDescription=None
):
    """Add the output of what an analysis needs."""
    parameters = {
        "mc": mc,
        "filename": filename,
        "additionalBranches": [] if additionalBranches == () else additionalBranches,
        "dataDescription": {} if dataDescription is None else dataDescription,
    }
    for name, value in parameters.items():
        _tables.check_value("add_mdst_output", name, TYPES[name], value)
    basf2.add_helper(path, "add_mdst_output", **parameters)
