"""A PostgreSQL server to throw away, from programs that are there; needs nothing but Python.

``python3 tests/postgres.py pytest -k books`` runs a command with one.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

URL = "MCBOOK_TEST_PG_URL"  #: names the database of the tests
DEMAND = "MCBOOK_TEST_PG_DEMAND"  #: when set, no database is an error
DEBIAN = Path("/usr/lib/postgresql")
PORT = 54321  # only part of the name of a socket
SETTINGS = f"""
listen_addresses = ''
port = {PORT}
fsync = off
full_page_writes = off
synchronous_commit = off
"""


class NoServerError(Exception):
    """There is no server, and this is why."""


def programs() -> Path | None:
    """Return the folder of ``initdb`` and ``pg_ctl``: on the path, or the newest of Debian."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    numbered = [path for path in DEBIAN.glob("*/bin") if path.parent.name.isdecimal()]
    folders += sorted(numbered, key=lambda path: -int(path.parent.name))
    return next((path for path in folders if _is_whole(path)), None)


def _is_whole(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("initdb", "pg_ctl", "postgres"))


@contextmanager
def server() -> Iterator[str]:
    """Run a server that listens on a socket in a closed folder; give the URL of its database.

    Where others cannot enter the folder, nobody needs a password.

    Raises
    ------
    NoServerError
        If the programs are not there, or fail.
    """
    folder = programs()
    if folder is None:
        raise NoServerError(
            "its programs are not there (Debian has them in the package postgresql)"
        )
    home = Path(tempfile.mkdtemp(prefix="mcbook-pg-"))
    try:
        who = _somebody_else(home) if os.geteuid() == 0 else {}
        data, log = home / "data", home / "log"
        started = (folder / "pg_ctl", "--pgdata", data, "--wait")
        try:
            _run(who, folder / "initdb", "--pgdata", data, "--username", "mcbook", "--no-sync",
                 "--auth", "trust", "--encoding", "UTF8", "--no-locale")  # fmt: skip
            with (data / "postgresql.conf").open("a") as settings:
                quoted = str(home).replace("'", "''")
                settings.write(f"{SETTINGS}unix_socket_directories = '{quoted}'\n")
            _run(who, *started, "--log", log, "start", told=log)
            yield f"postgresql://mcbook@/postgres?host={quote(str(home))}&port={PORT}"
        finally:
            if (data / "postmaster.pid").exists():
                _run(who, *started, "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _somebody_else(home: Path) -> dict[str, Any]:
    """Give the folder to whom the server runs as: PostgreSQL refuses to be root."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(home, entry.pw_uid, entry.pw_gid)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoServerError("it refuses to run as root, and there is no user postgres or nobody")


def _run(who: dict[str, Any], *command: str | Path, told: Path | None = None) -> None:
    """Run a program of PostgreSQL; *told* is a file with more of what went wrong."""
    with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open as long as the server runs
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, **who
        )
        said.seek(0)
        text = said.read()
    if done.returncode:
        more = told.read_text(errors="replace") if told and told.exists() else ""
        raise NoServerError(f"{Path(command[0]).name} failed:\n{text}{more}".rstrip())


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Give an environment in which the tests find their database, if there is one.

    Raises
    ------
    NoServerError
        If the environment demands one.
    """
    if os.environ.get(URL):
        yield dict(os.environ)
        return
    # A run that is ended must not leave its server behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    with ExitStack() as stack:
        found = {}
        try:
            found = {URL: stack.enter_context(server())}
        except NoServerError as error:
            if os.environ.get(DEMAND):
                raise
            print("tests on PostgreSQL are skipped:", error, flush=True)  # noqa: T201
        yield {**os.environ, **found}


def main() -> int:
    """Run a command with a database; without one, tell whether a server could be started."""
    if len(sys.argv) == 1:
        return 0 if os.environ.get(URL) or programs() else 1
    with database() as environment:
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
