"""The whole error tree of mcbook.

::

    McbookError              exit 1   never raised itself
    ├── InputError           exit 2   what the user gave is wrong: a file, a key, a name, an id,
    │                                 an unreadable or newer catalog, a missing program
    └── WorkError            exit 1   the work could not be done: a generator failed,
                                      a check did not hold

The command line turns these into ``error:`` and ``hint:`` lines on stderr and nothing else does.
"""

import difflib
import errno
from collections.abc import Iterable
from typing import ClassVar


class McbookError(Exception):
    """An error that speaks to the person reading it.

    Parameters
    ----------
    message
        What is wrong, naming the file and the key or line.
    hint
        What would be right; shown on a line of its own.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(McbookError):
    """What the user gave is wrong; nothing was written."""

    exit_code = 2


class WorkError(McbookError):
    """The work was understood but could not be done."""

    exit_code = 1


def is_wrong_path(error: OSError) -> bool:
    """Return whether the path that was given is at fault, rather than the work with it."""
    return isinstance(error, _WRONG_PATH) or error.errno == errno.EROFS


_WRONG_PATH = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)

MANY = 20
"""More words than this are no help in one line."""


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known word, or lists them where none is near.

    Parameters
    ----------
    name
        The word that was not understood.
    known
        The words that would have been.

    Returns
    -------
    str or None
        A sentence for ``hint``; None when nothing is known, or too much to list.
    """
    words = sorted(set(known))
    if not words:
        return None
    folded = {word.lower(): word for word in words}
    near = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    if len(words) > MANY:
        return None
    return "known: " + ", ".join(words)
