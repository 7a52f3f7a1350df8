"""Files with background."""

import os
from pathlib import Path

import _rules


def get_background_files():
    """Return the files in the folder that the environment names."""
    folder = os.environ.get("BELLE2_BACKGROUND_DIR")
    if folder is None:
        _rules.fatal("BELLE2_BACKGROUND_DIR is not set")
    return sorted(map(str, Path(folder).iterdir()))
