"""The reconstruction."""

import _rules


def add_reconstruction(path):
    """Add it."""
    path.append(("add_reconstruction", {}))


def add_mdst_output(path, filename="mdst.root"):
    """Add the output as old scripts do."""
    if not (_rules.OLD or _rules.MAJOR < 8):
        _rules.fatal("add_mdst_output is in the package mdst")
    path.append(("add_mdst_output", {"filename": filename}))
