"""Writes planned samples: folders aside, renamed into place, then the rows in the books.

The order makes every interruption harmless. A killed run leaves at most folders without rows, whole
and equal to what the next run writes, which adopts them; and a temporary folder, which the next run
sweeps. No row ever stands without its files.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mcbook.errors import InputError, WorkError
from mcbook.production.processes import end_orphans, is_alive, this_process

TEMPORARY = ".mcbook-tmp-"
_MOMENT_S, _POLL_S = 5.0, 0.02
Progress = Callable[[int, int], None]
Files = Mapping[str, bytes]


@contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """Make a temporary folder in *folder*, which is made, too; first sweep those of killed runs.

    Processes of a killed run that work in its temporary folder are ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    with _alone(folder):
        aside = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
        lock = (aside / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(this_process())
        lock.flush()
    with lock:
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove the temporary folders of killed runs, and end what still works in them."""
    with _alone(folder):
        for stale in folder.glob(f"{TEMPORARY}*"):
            _sweep(stale)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself, so that nobody sweeps a temporary folder without its lock yet."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@dataclass(slots=True)
class Written:
    """What a run has written so far."""

    files: int = 0


def sha256(content: bytes) -> str:
    """Return the SHA-256 of *content*, in hex."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex; files with events are large."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def begins_with(path: Path, *beginnings: bytes) -> bool:
    """Return whether a path is a file that begins with one of some bytes, as a command's own do."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(max(map(len, beginnings))).startswith(beginnings)


class Folder:
    """The samples folder, as one run writes into it.

    Parameters
    ----------
    path
        The folder; it is made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = Written()
        self._aside: Path | None = None
        self._count = 0

    def check(self) -> None:
        """Refuse a place where no folder can be written, before anything is.

        Raises
        ------
        InputError
            If something else is there, or the permissions do not allow it.
        """
        there = next(
            place for place in (self.path, *self.path.absolute().parents) if place.exists()
        )
        if not there.is_dir():
            raise InputError(f"the samples folder {self.path} cannot be made: {there} is a file")
        if not os.access(there, os.W_OK | os.X_OK):
            raise InputError(
                f"the samples folder {self.path} cannot be written: no permission in {there}",
                hint="name another one with --output",
            )

    @contextmanager
    def open(self) -> Iterator["Folder"]:
        """Make a temporary folder inside for as long as the run lasts; sweep stale ones first."""
        with temporary(self.path) as aside:
            self._aside = aside
            try:
                yield self
            finally:
                self._aside = None

    def put(self, directory: str, files: Files) -> None:
        """Put a folder into place, whole or not at all.

        A folder that is there already is adopted when it holds the same bytes; other files in it
        (events, a compiled process) are left alone.

        Parameters
        ----------
        directory
            Relative to the samples folder, in POSIX form.
        files
            Contents by path relative to *directory*.

        Raises
        ------
        WorkError
            If the folder is there with other contents.
        """
        try:
            if os.path.isdir(f"{self.path}/{directory}"):  # noqa: PTH112
                self._adopt_all(directory, files)
            else:
                self._write(directory, files)
        except OSError as error:
            raise WorkError(
                f"{self.path / directory} could not be written: {error.strerror}",
                hint="what is complete is recorded; run the same command again to go on",
            ) from error

    def check_meaning(self, directory: str, files: Files) -> None:
        """Refuse to add to a folder whose cards say something else; comments do not count.

        Raises
        ------
        WorkError
            If a file there differs in more than its comments.
        """
        for name, content in files.items():
            path = self.path / directory / name
            if path.is_file() and meaning(path.read_bytes()) != meaning(content):
                raise WorkError(
                    f"{path} would come out differently now: its sample cannot be extended",
                    hint="raise the version of the template that was changed: new samples are made",
                )

    def put_file(self, name: str, content: bytes) -> None:
        """Put a single file into place, as `put` does a folder."""
        self._adopt(self.path / name, content)

    def _write(self, directory: str, files: Files) -> None:
        # Plain strings and calls of the system: Path objects would double the time of a file.
        aside = self._next()
        os.mkdir(aside)  # noqa: PTH102
        made = {""}
        for name, content in files.items():
            _make_parents(aside, name, made)
            with open(f"{aside}/{name}", "wb", buffering=0) as out:  # noqa: PTH123
                out.write(content)
        if "/" in directory:
            (self.path / directory).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(aside, f"{self.path}/{directory}")  # noqa: PTH104
        except OSError:
            # Another run on another catalog was faster: its folder must hold the same.
            if not (self.path / directory).is_dir():
                raise
            self._adopt_all(directory, files)
        else:
            self.written.files += len(files)

    def _adopt_all(self, directory: str, files: Files) -> None:
        for name, content in files.items():
            self._adopt(self.path / directory / name, content)

    def _adopt(self, path: Path, content: bytes) -> None:
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            self._write_one(path, content)
            return
        if found != content:
            raise WorkError(
                f"{path} is there with other contents than the ones to be written",
                hint="mcbook never overwrites: move that folder away, or give another --output",
            )

    def _write_one(self, path: Path, content: bytes) -> None:
        aside = Path(self._next())
        aside.write_bytes(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(path)
        self.written.files += 1

    def _next(self) -> str:
        """Return a new name inside the temporary folder."""
        self._count += 1
        return f"{self._aside}/{self._count}"


def _make_parents(folder: str, name: str, made: set[str]) -> None:
    """Make the folders of a file in a new *folder*, level by level; *made* are there already."""
    end = name.find("/")
    while end >= 0:
        if name[:end] not in made:
            os.mkdir(f"{folder}/{name[:end]}")  # noqa: PTH102
            made.add(name[:end])
        end = name.find("/", end + 1)


def meaning(content: bytes) -> list[bytes]:
    """Return the lines of a card without comments and blanks: what a program reads."""
    lines = (line.partition(b"#")[0].strip() for line in content.splitlines())
    return [line for line in lines if line and not line.startswith(b"*")]


def _let_go(lock: TextIO) -> bool:
    """Return whether the run behind a lock is gone.

    A process that it was about to start shares its lock for a moment longer than it lives.
    """
    until = time.monotonic() + _MOMENT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until or is_alive(lock.read()):
                return False
            lock.seek(0)
            time.sleep(_POLL_S)
        else:
            return True


def _sweep(stale: Path) -> None:
    """Remove a temporary folder whose run is gone: nobody holds its lock any more."""
    try:
        with (stale / "lock").open("r+") as lock:
            if not _let_go(lock):
                return
    except FileNotFoundError:
        pass  # killed before it made the lock
    end_orphans(stale)
    shutil.rmtree(stale, ignore_errors=True)


def grouped(files: Files, depth: int = 2) -> dict[str, dict[str, bytes]]:
    """Group files by their first *depth* path components, the folders that are put in place."""
    folders: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        parts = name.split("/")
        folders.setdefault("/".join(parts[:depth]), {})["/".join(parts[depth:])] = content
    return folders
