"""Keeps the server of a generator running, and has it make one part after the other.

A server is started with the first part, in a process group of its own as a command is. One that
died, or had to be ended, is started anew for the next part.
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mcbook.production.processes import Done, Pipes, Setup, end, kill_group, started, waited

_LOOK_S = 0.1
"""How often somebody looks whether to stop; an answer is seen at once."""
_GRACE_S = 2.0
_POLL_S = 0.02
_BLOCK = 1 << 16
_MOST_SAID = 200
_NEWLINE = b"\n"


class Server:
    """The server that makes the parts of one worker.

    Parameters
    ----------
    command
        What starts it, for ``sh``.
    setup
        How commands run.
    folder
        Where it works; what it says outside of any part goes into a file beside it.
    """

    def __init__(self, command: str, setup: Setup, folder: Path) -> None:
        self.command = command
        self.setup = setup
        self.folder = folder
        self._life: _Life | None = None

    def make(self, sample_id: str, part: int, log: Path) -> Done:
        """Have a part made, and wait until it is, or the server died or had to be ended.

        Parameters
        ----------
        sample_id, part
            Which.
        log
            File that gets what is said of it.
        """
        start = time.monotonic()
        log.write_bytes(b"")
        wish = {"sample": sample_id, "part": part, "log": str(log.absolute())}
        life = self._asked(json.dumps(wish).encode() + _NEWLINE)
        answer, stopped = life.answer(lambda: self._why_stop(start))
        status, cpu = (1, 0.0) if stopped else _said(answer)
        if status is None or stopped:
            ended, said = life.end()
            self._life = None
            status = ended or 1
            with log.open("ab") as out:
                out.write(said + (b"the answer was: " + answer[:_MOST_SAID] if answer else b""))
        return Done(status, stopped, cpu, time.monotonic() - start)

    def close(self) -> None:
        """End the server, if there is one."""
        if self._life is not None:
            self._life.close()
            self._life = None

    def _asked(self, line: bytes) -> "_Life":
        """Return the server that was asked; a new one where the last is no more."""
        if self._life is not None and not self._life.ask(line):
            self._life.end()
            self._life = None
        if self._life is None:
            self._life = _Life(self.command, self.setup, self.folder)
            self._life.ask(line)
        return self._life

    def _why_stop(self, start: float) -> str:
        limit = self.setup.timeout_s
        if self.setup.stop.is_set():
            return "interrupted"
        if limit is not None and time.monotonic() - start > limit:
            return f"not done after {limit:g} s"
        return ""


class _Life:
    """One process of a server, from its start to its end."""

    def __init__(self, command: str, setup: Setup, folder: Path) -> None:
        self._said = folder.with_name(f"{folder.name}.said")
        with self._said.open("wb") as out:
            pipes = Pipes(subprocess.PIPE, subprocess.PIPE, out)
            self._process = started(command, setup, folder, pipes)
        self._poll = select.poll()
        self._poll.register(_number(self._process.stdout), select.POLLIN)
        self._answers = b""
        self._status: int | None = None

    def ask(self, line: bytes) -> bool:
        """Hand over a line; return whether there is somebody to read it, with nothing else to say.

        What was said since the last answer would be taken for the next one.
        """
        if self._is_gone() or self._answers or self._has_more(0.0):
            return False
        try:
            os.write(_number(self._process.stdin), line)
        except BrokenPipeError:
            return False
        return True

    def answer(self, why_stop: Callable[[], str]) -> tuple[bytes, str]:
        """Return a line, empty where the process died, and why waiting was given up."""
        answers = _number(self._process.stdout)
        while _NEWLINE not in self._answers:
            if self._has_more(_LOOK_S):
                block = os.read(answers, _BLOCK)
                self._answers += block
                if not block:
                    return b"", ""
            elif stopped := why_stop():
                return b"", stopped
            elif self._is_gone():  # and something that it started holds the pipe
                return b"", ""
        line, _, self._answers = self._answers.partition(_NEWLINE)
        return line, ""

    def close(self) -> None:
        """Say that nothing more comes, and end what stays."""
        with suppress(OSError):
            self._pipes()[0].close()
        until = time.monotonic() + _GRACE_S
        while not self._is_gone() and time.monotonic() < until:
            time.sleep(_POLL_S)
        self.end()

    def end(self) -> tuple[int, bytes]:
        """End the process and all that it started; return its status and what it said."""
        if not self._is_gone():
            self._status, _ = end(self._process)
        kill_group(self._process)
        for pipe in self._pipes():
            with suppress(OSError):
                pipe.close()
        return self._status or 0, self._said.read_bytes()

    def _has_more(self, seconds: float) -> bool:
        """Return whether something can be read within some time, the end included."""
        return bool(self._poll.poll(1000 * seconds))

    def _is_gone(self) -> bool:
        if self._status is None and (ended := waited(self._process)) is not None:
            self._status, _ = ended
        return self._status is not None

    def _pipes(self) -> tuple[IO[bytes], ...]:
        return tuple(pipe for pipe in (self._process.stdin, self._process.stdout) if pipe)


def _number(pipe: IO[bytes] | None) -> int:
    """Return the number of a pipe, which is there for as long as its process."""
    return -1 if pipe is None else pipe.fileno()


def _said(answer: bytes) -> tuple[int | None, float]:
    """Return status and CPU time [s] of an answer, no status where it is none."""
    try:
        said: dict[str, Any] = json.loads(answer)
        return int(said["status"]), float(said["cpu_s"])
    except (ValueError, KeyError, TypeError):
        return None, 0.0
