"""The program MadGraph: where it is, and what its logs say."""

import re
import shutil
from pathlib import Path

from mcbook import config
from mcbook.generators.base import Program

NAME = "mg5_aMC"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TELLING = (
    re.compile(r".*requires the six module.*"),
    re.compile(r"Zero result detected.*"),
    re.compile(r"invalid set command.*", re.IGNORECASE),
    re.compile(r".*No space left on device.*"),
    re.compile(r".*Command \".*\" (?:interrupted|not executed).*"),
    re.compile(r".*\bno such file\b.*", re.IGNORECASE),
    re.compile(r".*(?:CRITICAL|ERROR|Error).*"),
)
"""What says why, the most telling first. MadGraph 3.5.7 exits with 0 whatever happens."""


def program() -> Program:
    """Return MadGraph as the configuration or PATH has it."""
    found = config.mg5() or shutil.which(NAME)
    path = Path(found) if found else None
    wrong = ""
    if path is not None and not path.is_file():
        wrong, path = f"{path} is named, and is no file; ", None
    return Program(
        name=NAME,
        variable="MCBOOK_MG5",
        path=path,
        version=_version(path),
        wanted=f"{wrong}install MadGraph5_aMC@NLO 3.5.7; put mg5_aMC on PATH, or name it with"
        " MCBOOK_MG5 or as mg5 in mcbook.toml",
    )


def explain(log: str) -> str:
    """Return the line of a log that says best why there are no events, else the last one."""
    lines = [line.strip() for line in _COLOUR.sub("", log).splitlines()]
    for pattern in _TELLING:
        for number in range(len(lines) - 1, -1, -1):
            if found := pattern.search(lines[number]):
                after = next((line for line in lines[number + 1 :] if line), "")
                return f"{found[0]} {after}" if found[0].endswith(":") else found[0]
    return next((line for line in reversed(lines) if line), "")


def _version(path: Path | None) -> str | None:
    """Return what the file VERSION beside the program says."""
    if path is None:
        return None
    try:
        text = (path.resolve().parent.parent / "VERSION").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"version\s*=\s*(\S+)", text)
    return found[1] if found else None
