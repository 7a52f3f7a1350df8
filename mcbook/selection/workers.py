"""Does the same with several files, side by side in processes of their own.

A process gets the task once and the files one after the other, over pipes; nothing is written. What
it prints goes to standard error.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import mcbook
from mcbook.errors import McbookError, WorkError


class Task(Protocol):
    """What is done with each file; it can be pickled."""

    def run(self, path: str) -> Any:
        """Return what is found in a file."""


def run_each(task: Task, paths: Sequence[str], jobs: int = 1) -> list[Any]:
    """Return what *task* finds in each file, in their order, whatever *jobs* is.

    Parameters
    ----------
    task
        What is done.
    paths
        The files.
    jobs
        Largest number of processes.

    Raises
    ------
    McbookError
        That of the first file, in their order, with which it fails.
    """
    count = min(jobs, len(paths))
    if count <= 1:
        return [task.run(path) for path in paths]
    free: SimpleQueue[_Process] = SimpleQueue()
    started = [_Process(task) for _ in range(count)]
    for process in started:
        free.put(process)

    def run(path: str) -> Any:
        process = free.get()
        try:
            return process.run(path)
        finally:
            free.put(process)

    try:
        with ThreadPoolExecutor(count) as pool:
            futures: list[Future[Any]] = [pool.submit(run, path) for path in paths]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                for process in started:
                    process.end()
                raise
    finally:
        for process in started:
            process.end()


class _Process:
    def __init__(self, task: Task) -> None:
        root = str(Path(mcbook.__file__).parent.parent)
        search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mcbook.selection"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": search},
        )
        self._task: Task | None = task

    def run(self, path: str) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkError("a process that counts has no pipes")
        try:
            if self._task is not None:
                pickle.dump(self._task, stdin)
                self._task = None
            pickle.dump(path, stdin)
            stdin.flush()
            found, error = pickle.load(stdout)  # noqa: S301 - from the process that was started
        except (OSError, EOFError, pickle.UnpicklingError):
            raise WorkError(
                f"{path}: the process that read it ended", hint="too little memory, or --jobs 1"
            ) from None
        if error is not None:
            raise error
        return found

    def end(self) -> None:
        """End the process; what it is doing is lost."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


def serve() -> None:
    """Do what a process is started for: until its input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a function of the user prints is no answer
    requests = sys.stdin.buffer
    try:
        task: Task = pickle.load(requests)  # noqa: S301 - from the process that started this one
        while True:
            path = pickle.load(requests)  # noqa: S301 - as above
            answer: tuple[Any, McbookError | None]
            try:
                answer = task.run(path), None
            except McbookError as error:
                answer = None, error
            pickle.dump(answer, answers)
            answers.flush()
    except (EOFError, KeyboardInterrupt):
        return
