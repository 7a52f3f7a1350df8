"""Where the files of ``mcbook select`` go: whole, or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mcbook.errors import InputError, WorkError
from mcbook.production.publish import begins_with, temporary
from mcbook.verbs.selecting import texts

_PATTERNS = tuple(f"{start}*.csv" for start in (*texts.BEGINNINGS, *texts.OF_HISTOGRAMS[:2]))
_BEGINNINGS = tuple(
    f"# {title}: selection ".encode()
    for title in (*texts.TITLES.values(), *texts.HISTOGRAM_TITLES.values())
)
_FIRST_BYTES = 400


def check_folder(folder: Path, regions: Iterable[str], histograms: Iterable[str] = ()) -> None:
    """Refuse a place where no such folder can be; regions and histograms have files of their own.

    Raises
    ------
    InputError
        If a file is in its place or above it, or something else is where a file is to be written.
    """
    names = [f"{start}{name}.csv" for name in regions for start in texts.BEGINNINGS]
    names += [f"{start}{name}.csv" for name in histograms for start in texts.OF_HISTOGRAMS]
    check_files(folder, dict.fromkeys((*texts.TITLES, *names), _BEGINNINGS))


def check_files(
    folder: Path, own: Mapping[str, Sequence[bytes]], figures: Sequence[str] = ()
) -> None:
    """Refuse a folder that cannot be made, or that has files of others under names of *own*.

    Parameters
    ----------
    folder
        The folder, which need not be there.
    own
        How files of this command may begin, by name.
    figures
        Names of its other files, which nothing tells from those of others: where they are and none
        of *own* is, they are not its own.

    Raises
    ------
    InputError
        If a file is in its place or above it, or something else is where a file is to be written.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"{folder} cannot be made: {there} is a file")
    if not any((folder / name).exists() for name in own):
        own = {**own, **dict.fromkeys(figures, ())}
    for name, beginnings in own.items():
        path = folder / name
        if path.exists() and not (beginnings and begins_with(path, *beginnings)):
            raise InputError(
                f"{path} is there, and no file of this command", hint="give another --output"
            )


def write(folder: Path, files: Mapping[str, str], frozen: str) -> tuple[list[str], list[str]]:
    """Write files aside, then put all into place; return their paths, and what was removed.

    Files of an earlier run that this one did not write are removed, but for data of the same
    selection: they were read for a reason, and say nothing else now. Where all is there like
    this already, nothing is written.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    try:
        stale = [
            path
            for path in _of_select(folder)
            if path.name not in files and not _is_of(path, frozen)
        ]
        if not stale and all(_is_there(folder / name, text) for name, text in files.items()):
            return [], []
        with temporary(folder) as aside:
            for name, text in files.items():
                (aside / name).write_text(text, encoding="utf-8")
            for path in stale:
                path.unlink()
            for name in files:
                (aside / name).replace(folder / name)
    except OSError as error:
        raise WorkError(f"{folder} cannot be written: {error.strerror or error}") from error
    return [str(folder / name) for name in files], [path.name for path in stale]


def _is_there(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def _of_select(folder: Path) -> Sequence[Path]:
    """Return the files that this command wrote into a folder."""
    listed = [folder / name for name in texts.TITLES]
    listed += sorted(path for pattern in _PATTERNS for path in folder.glob(pattern))
    return [path for path in listed if begins_with(path, *_BEGINNINGS)]


def _is_of(path: Path, frozen: str) -> bool:
    """Return whether a file has data of this very selection."""
    is_data = path.name == texts.DATA or path.name.startswith(texts.DATA_OF)
    return is_data and frozen in path.read_text(encoding="utf-8")[:_FIRST_BYTES]
