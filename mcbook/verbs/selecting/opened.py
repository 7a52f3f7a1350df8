"""Data of a selection: closed until somebody opens them, and recorded before they are read."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.selection.count import count
from mcbook.selection.digest import digest
from mcbook.selection.records import Region, Selection
from mcbook.verbs.selecting.backgrounds import numbered
from mcbook.verbs.unblind import open_box

Row = dict[str, Any]

SIDEBANDS = "sidebands"


def check_opening(selection: Selection, reason: str | None, regions: Sequence[str]) -> None:
    """Refuse options on data that do not go together; no data are looked at.

    Raises
    ------
    InputError
        If there is no reason, the selection names no data, a region is not closed, a region that
        stays closed lies in one that is opened, or the hypotheses of what stays closed are those of
        whichever samples are read: then the differences of two counts would be what is closed.
    """
    if reason is None:
        if regions:
            raise InputError("--open goes with --unblind", hint='as in --unblind "approved"')
        return
    if not reason.strip():
        raise InputError(
            "no reason was given to read data", hint='as in --unblind "approved by the review"'
        )
    if selection.data is None:
        raise InputError(
            f"{selection.path}: it names no data to be read", hint="add: data: {files: [...]}"
        )
    for name in regions:
        _check_region(selection, name)
    if closed := [name for name in selection.blind if name not in regions]:
        _check_closed(selection, closed, regions)


def _check_region(selection: Selection, name: str) -> None:
    """Refuse to open what is no closed region."""
    if name not in selection.regions:
        raise InputError(
            f"--open: there is no region {name!r}", hint=did_you_mean(name, selection.regions)
        )
    if name not in selection.blind:
        raise InputError(
            f"--open: the region {name} is not closed",
            hint=f"closed are: {', '.join(selection.blind) or 'none'}",
        )


def _check_closed(selection: Selection, closed: Sequence[str], regions: Sequence[str]) -> None:
    """Refuse what would tell of regions that stay closed."""
    for name in regions:
        for inner in closed:
            if _is_within(selection.regions[inner], selection.regions[name]):
                raise InputError(
                    f"--open {name}: the region {inner} lies in it, and would be opened as well",
                    hint=f"if that is meant: --open {name} --open {inner}",
                )
    if not selection.hypothesis_points():
        raise InputError(
            f"{selection.path}: {closed[0]} stays closed, at which hypotheses is not said",
            hint="add: hypotheses: {PARAMETER: {step: [from, to, step]}}, dense as in the search",
        )


def _is_within(inner: Region, outer: Region) -> bool:
    """Return whether every event of a region is one of another, for all that their cuts tell."""
    return (
        set(outer.cuts) <= set(inner.cuts)
        and outer.condition in (None, inner.condition)
        and (outer.window is None or (inner.window is not None and inner.window <= outer.window))
    )


def count_data(
    selection: Selection,
    reason: str,
    regions: Sequence[str],
    points: Sequence[Mapping[str, float]],
    *,
    catalog: str | None,
    jobs: int,
) -> Row:
    """Record the look, then count data at hypotheses.

    Events that are in a closed region at any of the hypotheses count nowhere.

    Parameters
    ----------
    selection
        The selection.
    reason
        Why the data are read, in words.
    regions
        The closed regions that are opened; none for the sidebands only.
    points
        The hypotheses.
    catalog
        Path or URL of the books that keep the record.
    jobs
        How many files are read side by side.

    Returns
    -------
    dict
        ``unblinding`` (the id of the look), ``opened`` and ``closed`` (regions), ``counts``, each
        with ``point``, ``region`` and ``observed``, ``warnings``.

    Raises
    ------
    InputError
        If a file is not right. The look stays recorded.
    """
    scope = ", ".join(dict.fromkeys(regions)) or SIDEBANDS
    paths = selection.data.paths() if selection.data is not None else []
    look = open_box(
        catalog,
        digest=digest(selection),
        name=selection.name,
        reason=f"[{scope}] {reason.strip()}",
        files=paths,
    )
    closed = [name for name in selection.blind if name not in regions]
    flows = count(selection, paths, list(points), is_data=True, opened=regions, jobs=jobs)
    return {
        "unblinding": look["id"],
        "opened": [name for name in selection.blind if name in regions],
        "closed": closed,
        "counts": [
            {"point": place, "region": flow.region, "observed": int(flow.steps[-1].n)}
            for place, flow in numbered(flows, points)
            if flow.region not in closed
        ],
        "warnings": [*look["warnings"], *gaps(selection, closed, points)],
    }


def gaps(
    selection: Selection, closed: Sequence[str], points: Sequence[Mapping[str, float]]
) -> list[str]:
    """Return where closed windows of neighbouring hypotheses do not meet.

    Parameters
    ----------
    selection
        The selection.
    closed
        Names of regions.
    points
        The hypotheses.
    """
    window, texts = selection.window, []
    for name in closed:
        width = selection.regions[name].window
        if window is None or width is None or not points:
            continue
        limits = (window.limits(selection.point(point), width) for point in points)
        ends = sorted((float(low), float(high)) for low, high in limits)
        reached, between = ends[0][1], []
        for low, high in ends[1:]:
            if low > reached:
                between.append(f"{reached:.6g} to {low:.6g}")
            reached = max(reached, high)
        if between:
            texts.append(
                f"the closed windows of {name} leave {len(between)} gaps in {window.observable},"
                f" the first from {between[0]}: events there are counted; hypotheses as dense as"
                " those of the search close them"
            )
    return texts
