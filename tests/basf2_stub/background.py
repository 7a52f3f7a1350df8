"""Stub: where the files of beam background are."""

import os
from pathlib import Path

from _session import fatal


def get_background_files(folder=None):
    """Return the files of the folder that the site names."""
    folder = folder or os.environ.get("BELLE2_BACKGROUND_DIR")
    if not folder:
        fatal("get_background_files: BELLE2_BACKGROUND_DIR is not set")
    found = sorted(str(path) for path in Path(folder).glob("*.root"))
    if not found:
        fatal(f"get_background_files: there are no files in {folder}")
    return found
