"""Holds what is worked on in a samples folder, so that two runs do not make the same twice.

A killed run lets go of what it held.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HELD = ".mcbook-held"


@contextmanager
def held(root: Path, name: str) -> Iterator[bool]:
    """Hold something in a samples folder for as long as the block lasts, if nobody else does.

    Parameters
    ----------
    root
        The samples folder.
    name
        What is held.
    """
    folder = root / HELD
    folder.mkdir(exist_ok=True)
    path = folder / name.replace("/", "-")
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        try:
            is_same = os.path.samestat(os.fstat(lock.fileno()), path.stat())
        except FileNotFoundError:
            is_same = False  # its holder let go of it, and removed it, in between
        try:
            yield is_same
        finally:
            if is_same:
                path.unlink(missing_ok=True)


def let_go(root: Path) -> None:
    """Remove what killed runs left of what they held."""
    for path in (root / HELD).glob("*"):
        with held(root, path.name):
            pass
