"""The detector simulation."""

import _rules


def add_simulation(path, components=None, bkgfiles=None):
    """Add it; background is a list of files."""
    if bkgfiles is not None and not isinstance(bkgfiles, list):
        _rules.fatal("bkgfiles is no list")
    path.append(("add_simulation", {"components": components, "bkgfiles": bkgfiles}))
