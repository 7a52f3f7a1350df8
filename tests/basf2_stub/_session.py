"""What one run of a script knows: the release, the log and everything that was configured."""

import os
import re
import sys

OLDEST, MAIN = 5, 10


def _major():
    """Return the major number of the release; refuse releases that the rules do not cover."""
    release = os.environ.get("BELLE2_RELEASE", "")
    found = re.fullmatch(r"release-(\d\d)-\d\d-\d\d", release)
    if not found or int(found[1]) < OLDEST:
        raise ImportError(f"this stub of basf2 does not know the release {release!r}")
    return int(found[1])


RELEASE = os.environ.get("BELLE2_RELEASE", "")
MAJOR = _major()

#: Filled while the script runs, written by `basf2.process`.
particles, globaltags, warnings, errors = [], [], [], []
settings = {"seed": None, "log_level": "INFO", "processed": False}


def fatal(text):
    """End the script as basf2 does."""
    print(f"FATAL {text}", file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


def error(text):
    """Record an error: the script goes on, `basf2.process` will refuse."""
    print(f"ERROR {text}", file=sys.stderr)  # noqa: T201
    errors.append(text)


def warning(text):
    """Record a warning."""
    print(f"WARNING {text}", file=sys.stderr)  # noqa: T201
    warnings.append(text)


def info(text):
    """Say something."""
    print(f"INFO {text}")  # noqa: T201
