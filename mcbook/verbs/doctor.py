"""``mcbook doctor``: which programs are found here."""

from typing import Any

from mcbook import generators


def doctor() -> list[dict[str, Any]]:
    """List the programs that generators run.

    Returns
    -------
    list
        For each ``generator``, ``program``, ``path`` (None where it was not found), ``version``,
        ``wanted``: how to get it.
    """
    return [
        {
            "generator": name,
            "program": program.name,
            "path": None if program.path is None else str(program.path),
            "version": program.version,
            "wanted": program.wanted,
        }
        for name in generators.names()
        for program in generators.get(name).programs()
    ]
