"""Runs the program of a generator, and ends it with everything that it started.

Each command leads a process group of its own, and its environment says in which temporary folder it
works, so that what a killed run left behind can be found and ended by the next one.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

MARK = "MCBOOK_WORKING_IN"
"""Variable that says of a process in which temporary folder it works."""

PYTHON = "MCBOOK_PYTHON"
"""Variable that names the Python which runs mcbook, for programs that come with it."""

_POLL_S = 0.02
_GRACE_S = 5.0
_BY_SIGNAL = 128


@dataclass(frozen=True, slots=True)
class Setup:
    """How commands run.

    Attributes
    ----------
    aside
        The temporary folder that they work in, held by this process.
    environment
        Variables besides those of this process.
    timeout_s
        Longest time of one command [s]; None for any.
    stop
        Ends a command when it is set.
    """

    aside: Path
    environment: Mapping[str, str]
    timeout_s: float | None
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: `status` as a shell gives it, `stopped` says why it was ended."""

    status: int
    stopped: str
    cpu_s: float
    wall_s: float


def run(command: str, setup: Setup, *, folder: Path, log: Path) -> Done:
    """Run a shell command, and wait until it is done or has to be ended.

    Parameters
    ----------
    command
        For ``sh``.
    setup
        How.
    folder
        Where it runs.
    log
        File that gets what it prints.
    """
    start = time.monotonic()
    with log.open("wb") as out:
        process = started(command, setup, folder, Pipes(subprocess.DEVNULL, out, subprocess.STDOUT))
        stopped = ""
        while (ended := waited(process)) is None:
            time.sleep(_POLL_S)
            if setup.stop.is_set():
                stopped = "interrupted"
            elif setup.timeout_s is not None and time.monotonic() - start > setup.timeout_s:
                stopped = f"not done after {setup.timeout_s:g} s"
            if stopped:
                ended = end(process)
                break
        kill_group(process)  # what it left running in the background
    status, cpu = ended
    return Done(status, stopped, cpu, time.monotonic() - start)


class Pipes(NamedTuple):
    """What a command reads and writes, as `subprocess.Popen` takes them."""

    stdin: int
    stdout: int | IO[bytes]
    stderr: int | IO[bytes]


def started(command: str, setup: Setup, folder: Path, pipes: Pipes) -> "subprocess.Popen[bytes]":
    """Start a shell command in a folder, as the head of a process group of its own."""
    environment = {PYTHON: sys.executable, **os.environ, **setup.environment}
    environment[MARK] = str(setup.aside.resolve())
    return subprocess.Popen(  # noqa: S603 - what the cards of the sample say
        ["/bin/sh", "-c", command], cwd=folder, env=environment, stdin=pipes.stdin,
        stdout=pipes.stdout, stderr=pipes.stderr, start_new_session=True,
    )  # fmt: skip


def waited(process: "subprocess.Popen[bytes]") -> tuple[int, float] | None:
    """Return status and CPU time [s] of a process that is done, with all that it waited for."""
    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    if pid == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    return (code if code >= 0 else _BY_SIGNAL - code), usage.ru_utime + usage.ru_stime


def end(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    """End a process group, gently at first."""
    kill_group(process, signal.SIGTERM)
    until = time.monotonic() + _GRACE_S
    while (ended := waited(process)) is None:
        if time.monotonic() > until:
            kill_group(process)
        time.sleep(_POLL_S)
    return ended


def kill_group(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process and to all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def this_process() -> str:
    """Return what names this process among all of all machines."""
    return f"{os.getpid()} {socket.gethostname()}"


def is_alive(named: str) -> bool:
    """Return whether a process of `this_process` may live; those of other machines may."""
    number, _, host = named.partition(" ")
    if host != socket.gethostname() or not number.isdigit():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_orphans(aside: Path) -> None:
    """End the processes that still work in a temporary folder whose run is gone, and wait."""
    until = time.monotonic() + _GRACE_S
    while working := list(_working_in(aside)):
        for process in working:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > until:
            return
        time.sleep(_POLL_S)


def _working_in(aside: Path) -> Iterator[int]:
    mark = os.fsencode(f"{MARK}={aside.resolve()}")
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)
