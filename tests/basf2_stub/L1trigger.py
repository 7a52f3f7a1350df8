"""The trigger, apart from the simulation in release 05 only."""

import _rules


def add_tsim(path):
    """Add it."""
    if not _rules.OLD:
        _rules.fatal("add_tsim is deprecated: the trigger is in add_simulation")
    path.append(("add_tsim", {}))
