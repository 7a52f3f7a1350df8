"""Install mcbook with its test tools into a virtual environment of its own and run every check.

Needs nothing but Python (3.11 or newer) and pip: ``python3 tests/run.py``. Words after it go to
pytest: ``python3 tests/run.py -k grid``. ``--thorough`` runs every test at its full length: all
kinds of books and all pages, hundreds of kills. The environment is kept in ``.venv-test`` for next
time.
Where PostgreSQL is installed, a server is started for the tests and removed after them.
"""

import os
import shlex
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import postgres

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-test"
TOOLS = VENV / ("Scripts" if os.name == "nt" else "bin")
SIDE_BY_SIDE = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
"""Files of tests run on all cores, in the order that tests/conftest.py gives them."""


def main() -> int:
    """Return 0 when everything holds, 1 otherwise."""
    if sys.version_info < (3, 11):  # noqa: UP036  this script meets whatever python3 there is
        print("error: mcbook needs Python 3.11 or newer")  # noqa: T201
        return 1
    python = str(TOOLS / "python")
    install = [python, "-m", "pip", "install", "--quiet"]
    if not Path(python).exists():
        venv.create(VENV, with_pip=True)
        # The pip that comes with Python 3.11 takes minutes to choose among versions.
        run([*install, "--upgrade", "pip"])
    # What is imported is compiled then: most of the libraries never are.
    if run([*install, "--no-compile", "--editable", ".[test]"]):
        return 1
    checks = [
        [str(TOOLS / "ruff"), "check"],
        [str(TOOLS / "ruff"), "format", "--check"],
        [str(TOOLS / "mypy")],
        [str(TOOLS / "lint-imports"), "--no-logo"],
    ]
    failed = side_by_side(checks)
    for command in failed:
        print("failed:", Path(command[0]).name, *command[1:], flush=True)  # noqa: T201
    # Programs are started hundreds of times: each would compile all of mcbook for itself.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        with postgres.database() as environment:
            tested = run([python, "-m", "pytest", *SIDE_BY_SIDE, *sys.argv[1:]], environment)
    except postgres.NoServerError as error:
        print("error: no PostgreSQL to test with:", error)  # noqa: T201
        return 1
    return 1 if tested or failed else 0


def side_by_side(commands: list[list[str]]) -> list[list[str]]:
    """Run commands at the same time, show each with what it printed, return those that failed."""
    started = [
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for command in commands
    ]
    for command, one in zip(commands, started, strict=True):
        said, _ = one.communicate()
        print(f"$ {shlex.join(command)}\n{said}", end="", flush=True)  # noqa: T201
    return [command for command, one in zip(commands, started, strict=True) if one.returncode]


def run(command: list[str], environment: Mapping[str, str] | None = None) -> int:
    """Show a command, run it in the root of the project, return its exit code."""
    print("$", shlex.join(command), flush=True)  # noqa: T201
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
