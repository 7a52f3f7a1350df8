"""Install mcbook with its test tools into a virtual environment of its own and run every check.

Needs nothing but Python (3.11 or newer) and pip: ``python3 tests/run.py``. Words after it go to
pytest: ``python3 tests/run.py -k grid``. ``--thorough`` runs every test at its full length: all
kinds of books and all pages, hundreds of kills. The environment is kept in ``.venv-test`` for next
time. Where PostgreSQL is installed, a server is started for the tests and removed after them.
No test begins after ``MCBOOK_TEST_UNTIL`` (seconds since 1970): what was not run is told.
"""

import os
import shlex
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import postgres

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-test"
TOOLS = VENV / ("Scripts" if os.name == "nt" else "bin")
GRACE = 600
"""Seconds that the other checks have after no test begins any more."""
SIDE_BY_SIDE = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
"""Files of tests run on all cores, in the order that tests/conftest.py gives them."""


def main() -> int:
    """Return 0 when everything holds, 1 otherwise."""
    if sys.version_info < (3, 11):  # noqa: UP036  this script meets whatever python3 there is
        print("error: mcbook needs Python 3.11 or newer")  # noqa: T201
        return 1
    python = str(TOOLS / "python")
    install = [python, "-m", "pip", "install", "--quiet"]
    is_new = not Path(python).exists()
    if is_new:
        venv.create(VENV, with_pip=True)
        # The pip that comes with Python 3.11 takes minutes to choose among versions.
        run([*install, "--upgrade", "pip"])
    # What is imported is compiled then: most of the libraries never are.
    if run([*install, "--no-compile", "--editable", ".[test]"]):
        return 1
    checks = [
        [str(TOOLS / "ruff"), "check"],
        [str(TOOLS / "ruff"), "format", "--check"],
        # A checkout that is tested once needs nothing kept for next time.
        [str(TOOLS / "mypy"), *(["--cache-dir", os.devnull] if is_new else [])],
        [str(TOOLS / "lint-imports"), "--no-logo"],
    ]
    # Programs are started hundreds of times: each would compile all of mcbook for itself.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with ThreadPoolExecutor() as beside:  # mypy takes minutes of one core
        checked = [beside.submit(quietly, command) for command in checks]
        try:
            with postgres.database() as environment:
                # mypy, which is waited for, goes first where cores are few.
                pytest = ["nice", python, "-m", "pytest", *SIDE_BY_SIDE, *sys.argv[1:]]
                tested = run(pytest, environment)
        except postgres.NoServerError as error:
            print("error: no PostgreSQL to test with:", error)  # noqa: T201
            tested = 1
    failed = [done.args for check in checked if told(done := check.result())]
    for command in failed:
        print("failed:", Path(command[0]).name, *command[1:], flush=True)  # noqa: T201
    return 1 if tested or failed else 0


def quietly(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command in the root of the project, and keep what it prints."""
    until = os.environ.get("MCBOOK_TEST_UNTIL")
    try:
        return subprocess.run(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, timeout=float(until) + GRACE - time.time() if until else None,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        late = "NOT RUN to its end, no time left: MCBOOK_TEST_UNTIL is over\n"
        return subprocess.CompletedProcess(command, 0, late)


def told(done: "subprocess.CompletedProcess[str]") -> bool:
    """Show a command with what it printed, return whether it failed."""
    print(f"$ {shlex.join(done.args)}\n{done.stdout}", end="", flush=True)  # noqa: T201
    return done.returncode != 0


def run(command: list[str], environment: Mapping[str, str] | None = None) -> int:
    """Show a command, run it in the root of the project, return its exit code."""
    print("$", shlex.join(command), flush=True)  # noqa: T201
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
