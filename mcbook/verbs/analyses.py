"""Limits of an analysis file: closed box or open, and the record in the books."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mcbook.analysis import AnalysisResult, read_analysis, run
from mcbook.analysis.build import sample_names
from mcbook.analysis.digest import (
    check_openable,
    counts_in,
    frozen_digest,
    observed_files,
    referenced,
)
from mcbook.analysis.records import Analysis
from mcbook.analysis.rows import LIFETIME
from mcbook.catalog.result import SIMULATION, LimitPoint, Result
from mcbook.errors import InputError, WorkError
from mcbook.limits import upper_limits
from mcbook.limits.histfactory.spec import names_of
from mcbook.limits.options import toys_of
from mcbook.report.document import SCHEMA
from mcbook.resources import shipped
from mcbook.verbs.efficiencies import BookMaps, maps_of
from mcbook.verbs.publication import Signals
from mcbook.verbs.results import keep
from mcbook.verbs.unblind import file_digest, open_box

EXAMPLES = "analyses"
"""Folder of the examples that ``--example`` writes."""


def check(
    file: str | Path,
    *,
    cl: float | None,
    method: str | None,
    catalog: str | None,
    models_dir: str | Path | None,
) -> list[str]:
    """Try an analysis with everything that it names, but no observed counts; return notes.

    Raises
    ------
    InputError
        If something is not right, or no hypothesis has a limit.
    """
    analysis = read_analysis(file, models_dir=models_dir)
    found = maps_of(analysis, catalog)
    frozen = frozen_digest(analysis, found.digests, cl=cl, method=method)
    _rehearse(analysis, found, cl, method)
    missing = [channel.name for channel in analysis.channels if channel.observed is None]
    observed = f"no observed counts in {', '.join(missing)}" if missing else "it can be opened"
    return [f"{analysis.name}: frozen as {frozen[:12]}; the box is closed, and {observed}"]


def limits_of(
    file: str | Path,
    *,
    cl: float | None,
    method: str | None,
    unblind: str | None,
    catalog: str | None,
    models_dir: str | Path | None,
    engine: Mapping[str, Any],
) -> tuple[dict[str, Any], AnalysisResult, list[str]]:
    """Set the limits of an analysis, and keep them in the books.

    Parameters
    ----------
    file
        The analysis.
    cl, method
        In place of what the file leaves open.
    unblind
        Why the box is opened; it stays closed without.
    catalog
        Path or URL of the books. A look is recorded in any case; a result of a closed box only
        where there are books already.
    models_dir
        A folder with signal models that is looked into first.
    engine
        Options of `mcbook.limits.upper_limits`.

    Raises
    ------
    InputError
        If the file is not right, or the box cannot be opened.
    """
    analysis = read_analysis(file, models_dir=models_dir)
    limiter = partial(upper_limits, **engine)
    found = maps_of(analysis, catalog)
    notes, look = [], None
    if unblind is not None:
        data = sorted(observed_files(analysis))
        check_openable(analysis)
        frozen = frozen_digest(analysis, found.digests, cl=cl, method=method)
        _rehearse(analysis, found, cl, method)
        look = open_box(
            catalog, digest=frozen, name=analysis.name, reason=unblind, files=data,
            counts=counts_in(analysis),
        )  # fmt: skip
        notes += [f"box opened: {look['id']} in {look['catalog']}", *look["warnings"]]
    result = run(
        analysis, look=look, cl=cl, method=method, upper_limits=limiter,
        maps=found.maps, digests=found.digests,
    )  # fmt: skip
    notes += [*_summed(analysis), *_two_windows(analysis)]
    document = {"schema": SCHEMA, "kind": "analysis", "result": "", **result.document()}
    document |= toys_of(document["limits"], engine)
    record = _record(analysis, document, found.inputs)
    kept = keep(
        record,
        catalog=catalog,
        unblinding=look["id"] if look else None,
        create=look is not None or catalog is not None,  # where books are named, they are made
    )
    document["result"] = record.id
    for number, row in enumerate(document["limits"], 1):
        row["point"] = f"{record.id}:{number}"
    if kept["catalog"]:
        notes.append(f"result {record.id} in {kept['catalog']}")
    else:
        notes.append(
            f"result {record.id} is in no books: there are none here (--catalog names some, and "
            "makes them)"
        )
    notes += _lifetimes(document)
    if look is not None:
        notes += _unseen(document)
    return document, result, notes


def _rehearse(analysis: Analysis, found: BookMaps, cl: float | None, method: str | None) -> None:
    """Compute the limits with the box closed: what is wrong shows before a look is spent.

    Slow methods are not taken for that; what they cannot do, the quick one cannot either.
    """
    asked = method or analysis.method
    result = run(
        analysis, cl=cl, method="asymptotic" if asked in _SLOW else asked,
        maps=found.maps, digests=found.digests,
    )  # fmt: skip
    reasons = [reason for reason in result.reasons.tolist() if reason]
    if not result.good.size and reasons:
        raise InputError(f"{analysis.name}: no hypothesis has a limit: {reasons[0]}")


_SLOW = ("toys", "pyhf")


def signals(result: AnalysisResult) -> Signals | None:
    """Return the likelihoods of an analysis, its channels side by side."""
    rows, batch = result.likelihoods()
    if batch is None:
        return None
    channels = [channel.name for channel in result.analysis.channels]
    samples = sample_names(channels, result.ingredients)
    names = names_of(batch, [(name, result.ingredients.n_bins(name)) for name in channels], samples)
    return Signals(rows.tolist(), batch, result.varying(), names)


def _summed(analysis: Analysis) -> Iterator[str]:
    """Yield a sentence for each channel that counts several final states."""
    for channel in analysis.channels:
        names = [part.name for part in channel.process.channels]
        if len(names) > 1:
            yield (
                f"{channel.name} counts all of {', '.join(names)}, and its efficiency must be that"
                f" of the mixture; process: {channel.process.plain_name}/{names[0]} is one of them"
            )


def _two_windows(analysis: Analysis) -> Iterator[str]:
    """Yield a sentence for each channel whose background and data are counted in other windows."""
    for channel in analysis.channels:
        windows = [getattr(s, "window", None) for s in (channel.background, channel.observed)]
        shown = [f"{w.centre.text} +- {w.width:g} * ({w.resolution.text})" for w in windows if w]
        if len(set(shown)) > 1:
            yield (
                f"{channel.name} counts its background within {shown[0]} and its data within"
                f" {shown[1]}: both must be the region that its efficiency is of"
            )


def _lifetimes(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each particle of whose lifetime at the limit the map does not know."""
    flags = Counter(flag for row in document["limits"] for flag in row["flags"])
    for flag, count in flags.items():
        if flag.startswith(LIFETIME):
            name = flag.removeprefix(LIFETIME)
            yield (
                f"{count} of {len(document['limits'])} limits are where {name} flies another"
                " distance than in the samples: the map needs an axis for its lifetime"
            )


def _unseen(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence where hypotheses with limits have no observed count."""
    limited = [row for row in document["limits"] if any(v is not None for v in row["expected"])]
    unseen = sum(row["observed"] is None for row in limited)
    if unseen:
        yield f"{unseen} of {len(limited)} hypotheses have no observed count in the files"


def _record(analysis: Analysis, document: Mapping[str, Any], maps: Mapping[str, str]) -> Result:
    """Return what the books keep: settings, limits, and the files and maps that they are from."""
    read = {Path(analysis.path), *referenced(analysis)}
    if document["unblinded"]:
        read.update(observed_files(analysis))
    header = {k: v for k, v in document.items() if k not in _OWN_FIELDS}
    return Result(
        name=document["name"],
        kind="analysis",
        frozen=document["frozen"],
        cl=document["cl"],
        method=document["method"],
        document=header,
        points=[_point(row) for row in document["limits"]],
        inputs={**{str(path): file_digest(path) for path in sorted(read)}, **maps},
        model=document["model"],
    )


_OWN_FIELDS = {"schema", "kind", "name", "frozen", "cl", "method", "model", "limits", "result"}


def keep_counts(
    document: Mapping[str, Any], read: Sequence[str | Path], catalog: str
) -> tuple[str, str]:
    """Keep limits on counts or a workspace in the books; return the id, and a note.

    Parameters
    ----------
    document
        Limits and settings.
    read
        The files that they are from, the main one first.
    catalog
        Path or URL of the books.
    """
    inputs = {str(path): file_digest(path) for path in read}
    record = Result(
        name=Path(read[0]).stem,
        kind=document["kind"],
        frozen=inputs[str(read[0])],
        cl=document["cl"],
        method=document["method"],
        document={key: document[key] for key in ("toys",) if key in document},
        points=[_point(row | {"samples": []}) for row in document["limits"]],
        inputs=inputs,
    )
    kept = keep(record, catalog=catalog)
    return record.id, f"result {record.id} in {kept['catalog']}"


def _point(row: Mapping[str, Any]) -> LimitPoint:
    limits = {k: v for k, v in row.items() if k not in {"hypothesis", "parameters", "samples"}}
    simulations = [name for name in row["samples"] if SIMULATION.search(name)]
    return LimitPoint(
        row["hypothesis"],
        row["parameters"],
        limits,
        [name for name in row["samples"] if name not in simulations],
        simulations,
    )


def write_example(folder: str | Path | None = None) -> list[str]:
    """Write the example analyses with their tables, complete and ready to run; return the files.

    Parameters
    ----------
    folder
        Where to; ``analyses`` by default. It must not be there.

    Raises
    ------
    InputError
        If the folder is there.
    """
    target = Path(EXAMPLES if folder is None else folder)
    if target.exists():
        raise InputError(f"{target} is there already", hint="give another folder with --output")
    aside = target.with_name(f".{target.name}-aside")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(shipped("models") / "examples" / EXAMPLES, aside)
        aside.replace(target)
    except OSError as error:
        raise WorkError(f"{target} cannot be written: {error.strerror or error}") from error
    return sorted(str(path) for path in target.rglob("*") if path.is_file())
