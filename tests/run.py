"""Install mcbook with its test tools into a virtual environment of its own and run every check.

Needs nothing but Python (3.11 or newer) and pip: ``python3 tests/run.py``. Words after it go to
pytest: ``python3 tests/run.py -k grid``. The environment is kept in ``.venv-test`` for next time.
"""

import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-test"
TOOLS = VENV / ("Scripts" if os.name == "nt" else "bin")


def main() -> int:
    """Return 0 when everything holds, 1 otherwise."""
    if sys.version_info < (3, 11):  # noqa: UP036  this script meets whatever python3 there is
        print("error: mcbook needs Python 3.11 or newer")  # noqa: T201
        return 1
    python = str(TOOLS / "python")
    if not Path(python).exists():
        venv.create(VENV, with_pip=True)
    ruff = [python, "-m", "ruff"]
    install = [python, "-m", "pip", "install", "--quiet", "--editable", ".[test]"]
    if run(install):
        return 1
    failed = [
        shlex.join(command[2:])
        for command in (
            [*ruff, "check"],
            [*ruff, "format", "--check"],
            [python, "-m", "mypy"],
            [python, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
            [python, "-m", "pytest", *sys.argv[1:]],
        )
        if run(command)
    ]
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)  # noqa: T201
    return 1 if failed else 0


def run(command: list[str]) -> int:
    """Show a command, run it in the root of the project, return its exit code."""
    print("$", shlex.join(command), flush=True)  # noqa: T201
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
