"""Counts the events of ntuples that pass a selection, and picks them.

Every function takes the selection, files, and hypotheses: parameters of the model by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import Expression, parse
from mcbook.selection.columns import closure
from mcbook.selection.plan import Plan, no_split
from mcbook.selection.records import EVENT, Region, Selection
from mcbook.selection.tasks import Count, Cutflow, FileCount, Select
from mcbook.selection.workers import run_each

Array = NDArray[np.float64]
Hypothesis = Mapping[str, float]
Paths = Sequence[str | Path]

_BLOCK = 1_000_000


def count(  # noqa: PLR0913 - what the callers tell apart
    selection: Selection,
    paths: Paths,
    hypotheses: Sequence[Hypothesis],
    *,
    is_data: bool = False,
    opened: Iterable[str] = (),
    most: Mapping[str, int] | None = None,
    jobs: int = 1,
) -> list[Cutflow]:
    """Count the events that pass, for each hypothesis and region.

    Parameters
    ----------
    selection
        The selection.
    paths
        ROOT files, whose counts are added.
    hypotheses
        Parameters of each hypothesis; values of the selection are taken there.
    is_data
        Whether the files are data. These have no weights. Events in a closed region (see
        `Selection.blind`), at any of *hypotheses* or of those in the file, are dropped before
        anything else, and closed regions have no cutflow.
    opened
        Closed regions that are open nevertheless.
    most
        By file, the largest number of events of a job behind it, where that is known.
    jobs
        Number of files that are read side by side. The result does not depend on it.

    Returns
    -------
    list of Cutflow
        Hypotheses in their order, for each the regions in theirs.

    Raises
    ------
    InputError
        If a file cannot be read, has no row, or lacks a branch; a step cannot be told for a row;
        a value is not known at a hypothesis; or a file of the data is not said to be data.
    """
    found = count_files(
        selection, paths, hypotheses, is_data=is_data, opened=opened, most=most, jobs=jobs
    )
    if not any(one.rows for one in found):
        listed = ", ".join(one.path for one in found[:3]) + ", ..." * (len(found) > 3)  # noqa: PLR2004
        raise InputError(
            f"{listed}: there are no events in the tree" if found else "there are no files"
        )
    total = list(found[0].cutflows)
    for one in found[1:]:
        total = [a + b for a, b in zip(total, one.cutflows, strict=True)]
    return total


def count_files(  # noqa: PLR0913 - as for `count`
    selection: Selection,
    paths: Paths,
    hypotheses: Sequence[Hypothesis],
    *,
    is_data: bool = False,
    opened: Iterable[str] = (),
    most: Mapping[str, int] | None = None,
    jobs: int = 1,
) -> list[FileCount]:
    """Return what `count` does, for each file by itself; a file may have no row."""
    regions = list(selection.regions.values())
    if not is_data:
        refuse_data(selection, paths)
        task = Count(Plan(selection, hypotheses, regions, most=most))
    else:
        task = _masked(selection, hypotheses, frozenset(opened))
    return run_each(task, [str(path) for path in paths], jobs)


def selected(  # noqa: PLR0913 - what the callers tell apart
    selection: Selection,
    paths: Paths,
    hypothesis: Hypothesis,
    columns: Iterable[str],
    *,
    region: str | Region | None = None,
    without_values: Iterable[str] = (),
    split: bool | None = None,
    is_signal: bool = False,
    most: Mapping[str, int] | None = None,
    jobs: int = 1,
) -> dict[str, Array]:
    """Return columns of the events that pass; never of data.

    Parameters
    ----------
    selection, paths, hypothesis, most, jobs
        As in `count`.
    columns
        Names of columns or branches, or expressions.
    region
        A region; by default all cuts, and no window.
    without_values
        Values of the selection: cuts that depend on them are not made.
    split
        Which part of the events, of those that ``optimise.split`` separates; None for all.
    is_signal
        Whether the files are simulation of the signal; see `mcbook.selection.records.Window`.

    Returns
    -------
    dict
        Arrays of shape (events,) for each of *columns*, and ``weight``; ``event`` where the
        selection says which column numbers the events.

    Raises
    ------
    InputError
        As `count` does; also if a column is not known.
    """
    refuse_data(selection, paths)
    chosen = _region(selection, region, frozenset(without_values))
    expressions = {text: _number(selection, text) for text in columns}
    if selection.event is not None:
        expressions[EVENT] = parse(selection.event.column)
    extra = {name for expression in expressions.values() for name in expression.names}
    plan = Plan(
        selection, [hypothesis], [chosen],
        is_signal=is_signal, most=most, split=split, extra=extra,
    )  # fmt: skip
    found: list[dict[str, Array]] = run_each(
        Select(plan, expressions), [str(path) for path in paths], jobs
    )
    if not found:
        raise InputError("there are no files")
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def selected_data(
    selection: Selection,
    paths: Paths,
    columns: Sequence[str],
    region: str,
    opened: Iterable[str],
    *,
    jobs: int = 1,
) -> dict[str, Array]:
    """Return columns of the data in a region that is opened, or where nothing is closed.

    Parameters
    ----------
    selection, paths, jobs
        As in `count`.
    columns
        Names of columns or branches.
    region
        Which events.
    opened
        The regions that are opened.

    Raises
    ------
    InputError
        If the region is not opened: in another one closed windows would have to be left out.
    """
    opened = set(opened)
    if set(selection.blind) - opened and region not in opened:
        raise InputError(f"{selection.path}: the region {region} is not opened")
    chosen = _region(selection, region, frozenset())
    expressions = {text: _number(selection, text) for text in columns}
    extra = {name for expression in expressions.values() for name in expression.names}
    plan = Plan(selection, [{}], [chosen], is_data=True, extra=extra)
    found: list[dict[str, Array]] = run_each(
        Select(plan, expressions), [str(path) for path in paths], jobs
    )
    if not found:
        raise InputError("there are no files")
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def kept_of(
    selection: Selection, events: int, *, first: int | None = None, split: bool | None = None
) -> int:
    """Return how many events of a job are neither used for training nor in the other part.

    Parameters
    ----------
    selection
        The selection.
    events
        Number of events of the job, generated ones: they are numbered without a gap.
    first
        Number of its first event; ``event.first`` by default.
    split
        As in `selected`.
    """
    tests = _of_events(selection, split)
    if not tests:
        return events
    start = first if first is not None else (selection.event.first if selection.event else 0)
    total = 0
    for low in range(start, start + events, _BLOCK):
        numbers = np.arange(low, min(low + _BLOCK, start + events), dtype=np.float64)
        kept = np.ones(len(numbers), dtype=bool)
        for condition, wanted in tests:
            kept &= condition.evaluate_checked({EVENT: numbers}) == wanted
        total += int(np.count_nonzero(kept))
    return total


def refuse_data(selection: Selection, paths: Paths) -> None:
    """Refuse files of the data where simulation is wanted.

    Raises
    ------
    InputError
        If one of *paths* is among the data of the selection.
    """
    if selection.data is None:
        return
    closed = {_identity(path) for path in selection.data.existing()}
    for path in paths:
        if _identity(Path(path)) in closed:
            raise InputError(
                f"{path} is among the data ({selection.data.where}), which are not opened here"
            )


def _identity(path: Path) -> object:
    """Return what tells a file from others, whatever it is called here."""
    try:
        found = path.stat()
    except OSError:
        return path.resolve()
    return found.st_dev, found.st_ino


def _masked(
    selection: Selection, hypotheses: Sequence[Hypothesis], opened: frozenset[str]
) -> Count:
    """Return the task for data, in which boxes may be closed."""
    for name in sorted(opened):
        selection.region(name)
    closed = [selection.regions[name] for name in selection.blind if name not in opened]
    shown = [region for region in selection.regions.values() if region not in closed]
    if not closed:
        return Count(Plan(selection, hypotheses, shown, is_data=True))
    # A region without any step would say how many rows are in the boxes.
    shown = [one for one in shown if one.cuts or one.condition or one.window is not None]
    points = [*hypotheses, *(p for p in selection.hypothesis_points() if p not in hypotheses)]
    open_again = [selection.regions[name] for name in opened if name in selection.blind]
    return Count(
        Plan(selection, hypotheses, shown, is_data=True),
        closed=Plan(selection, points, closed, is_data=True),
        opened=Plan(selection, points, open_again, is_data=True) if open_again else None,
    )


def _region(
    selection: Selection, region: str | Region | None, without_values: frozenset[str]
) -> Region:
    """Return a region without the cuts that depend on some values."""
    for name in sorted(without_values - selection.values.keys()):
        raise InputError(
            f"{selection.path}: there is no value {name!r}",
            hint=did_you_mean(name, selection.values),
        )
    if region is None:
        region = Region("all cuts", selection.path, tuple(selection.cuts))
    found = selection.region(region) if isinstance(region, str) else region

    def is_free(condition: Expression | None) -> bool:
        names = closure(selection.columns, condition.names if condition else ())
        return not names & without_values

    return replace(
        found,
        cuts=tuple(name for name in found.cuts if is_free(selection.cuts[name].condition)),
        condition=found.condition if is_free(found.condition) else None,
    )


def _number(selection: Selection, text: str) -> Expression:
    found = parse(text)
    if found.is_boolean:
        raise InputError(f"{selection.path}: {text} is a condition, and a number is wanted")
    return found


def _of_events(selection: Selection, split: bool | None) -> list[tuple[Expression, bool]]:
    """Return conditions on the number of an event, and what they must be."""
    found = []
    if selection.training is not None:
        found.append((selection.training, False))
    if split is not None:
        condition = selection.optimise.split if selection.optimise else None
        if condition is None:
            raise no_split(selection)
        found.append((condition, split))
    return found
