"""Reads histograms from ROOT files: the only door to uproot."""

from pathlib import Path
from typing import Any

from mcbook.errors import InputError, did_you_mean

KINDS = ("TH1", "TH2", "TH3")


def read_histograms(
    path: str | Path, names: tuple[str, str], region: str | None
) -> tuple[Any, Any]:
    """Return the histograms of what passed and of all.

    Parameters
    ----------
    path
        A ROOT file.
    names
        What the two are called.
    region
        The folder that they are in; may be left out where they are at the top.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold such histograms.
    """
    with _opened(path) as file:
        classes = {key.partition(";")[0]: kind for key, kind in file.classnames().items()}
        passed, total = (
            _read(file, str(path), f"{region}/{name}" if region else name, classes)
            for name in names
        )
    return passed, total


def histogram_names(path: str | Path) -> list[str]:
    """Return what the histograms of a ROOT file are called, with their folders.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with _opened(path) as file:
        return [
            key.partition(";")[0] for key, kind in file.classnames().items()
            if kind.startswith(KINDS)
        ]  # fmt: skip


def _opened(path: str | Path) -> Any:
    import uproot

    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        return uproot.open(path)
    except Exception as error:  # noqa: BLE001 - uproot has no base class of its errors
        said = (str(error).strip().splitlines() or [""])[0]
        raise InputError(f"{path}: not a ROOT file: {said}") from None


def _read(file: Any, path: str, name: str, classes: dict[str, str]) -> Any:
    known = [key for key, kind in classes.items() if kind.startswith(KINDS)]
    if name not in classes:
        raise InputError(
            f"{path}: there is no histogram {name!r}",
            hint=did_you_mean(name, known) or "name the two as histograms=(passed, total)",
        )
    if name not in known:
        raise InputError(f"{path}: {name} is a {classes[name]}, not one of {', '.join(KINDS)}")
    return file[name]
