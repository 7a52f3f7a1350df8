"""``mcbook limits``: from counts, a workspace or an analysis to upper limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcbook.errors import InputError
from mcbook.limits.choose import upper_limits
from mcbook.limits.options import N_TOYS, check_level, toys_of
from mcbook.limits.result import Method
from mcbook.limits.table import read_counts, rows_of
from mcbook.report.document import SCHEMA
from mcbook.verbs.publication import Signals, asked

Row = dict[str, Any]


def set_limits(
    file: str | Path,
    *,
    cl: float | None = None,
    method: Method | str | None = None,
    patchset: str | Path | None = None,
    measurement: str | None = None,
    output: str | Path | None = None,
    write: Sequence[str] | None = None,
    compare: str | Path | None = None,
    mixed: bool = False,
    overlay: str | Path | None = None,
    label: str = "own work",
    unblind: str | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    seed: int = 0,
    n_toys: int = N_TOYS,
    dry_run: bool = False,
) -> Row:
    """Set upper limits for every hypothesis of a file.

    Parameters
    ----------
    file
        A counts table (CSV; `mcbook.limits.table.read_counts` says what is in it), a pyhf
        workspace (JSON), or an analysis (``.yaml``; `mcbook.analysis.read_analysis`).
    cl
        Confidence level in (0, 1); for ``bayesian`` the credibility level. The file of an analysis
        may have it instead.
    method
        ``auto`` or one of `mcbook.limits.result.METHODS`; by default what an analysis says, else
        ``auto``.
    patchset
        A pyhf patchset with a grid of signals, for a workspace.
    measurement
        Measurement of the workspace; the first where none is named.
    output
        A folder for ``limits.csv`` and ``limits.json``; it is made when it is not there.
    write
        What else goes there, of ``figures``, ``hepdata`` and ``workspace``, or ``none``; all of it
        for an analysis, nothing for others by default.
    compare
        The ``limits.json`` of another result, or its folder, to compare with.
    mixed
        Compare also where levels, methods or settings differ.
    overlay
        YAML file with published limits for the figures.
    label
        Label of the figures.
    unblind
        Why the box of an analysis is opened, in words; only then its observed counts are read.
    catalog
        Path or URL of the books. The result of an analysis goes into the books that are found;
        that of counts or of a workspace only into books that are named here.
    models_dir
        A folder with signal models that is looked into first.
    seed, n_toys
        Of the toys.
    dry_run
        Read and check everything; compute and write nothing.

    Returns
    -------
    dict
        ``kind`` (counts, workspace or analysis), ``cl``, ``method``, ``result`` (its id; None for
        counts and workspaces that are not in the books), ``notes``, ``files`` written, and
        ``limits``: for each hypothesis ``hypothesis``, ``parameters``, ``observed`` and
        ``expected`` (at -2 to 2 standard deviations) as factors on the signal, ``observed_events``
        (the observed limit in signal events), ``method``, ``status``; for an analysis also limits
        on cross sections and on what it limits, and its settings. What is undefined is None.
        ``comparison``, where one was asked for.

    Raises
    ------
    InputError
        If the file, the level or an option is not right.
    WorkError
        If a folder or the books cannot be written.
    """
    kind = _kind_of(file)
    _check_options(kind, patchset or measurement, unblind)
    if cl is not None:
        check_level(cl)
    elif kind != "analysis":
        raise InputError("--cl is not given", hint="Belle II papers use --cl 0.90 or --cl 0.95")
    publication = asked(
        kind, output=output, write=write, compare=compare, mixed=mixed, overlay=overlay, label=label
    )
    engine: Row = {"seed": seed, "n_toys": n_toys}
    if kind == "analysis":
        from mcbook.verbs import analyses  # the registry is slow to import

        if dry_run:
            told = analyses.check(
                file, cl=cl, method=method, catalog=catalog, models_dir=models_dir
            )
            return _nothing(kind, cl, method, told)
        document, result, notes = analyses.limits_of(
            file,
            cl=cl,
            method=method,
            unblind=unblind,
            catalog=catalog,
            models_dir=models_dir,
            engine=engine,
        )
        written, more = publication.write(document, analyses.signals(result), result)
    else:
        engine |= {"cl": cl, "method": method or "auto"}
        rows, notes, signals = _rows(kind, file, patchset, measurement, None if dry_run else engine)
        if dry_run:
            return _nothing(kind, cl, method, notes)
        document = _document(kind, rows, engine, (file, patchset), catalog, notes)
        written, more = publication.write(document, signals)
    return {**document, "notes": notes + more, **written}


def _nothing(kind: str, cl: float | None, method: str | None, notes: list[str]) -> Row:
    return {
        "kind": kind, "cl": cl, "method": method or "auto", "result": None, "notes": notes,
        "files": [], "limits": [],
    }  # fmt: skip


def _kind_of(file: str | Path) -> str:
    """Return what a file is, from its name and how it begins."""
    path = Path(file)
    if not path.exists():
        raise InputError(f"there is no file {file}")
    if not path.is_file():
        raise InputError(f"{file} is no file")
    if path.suffix in {".yaml", ".yml"}:
        return "analysis"
    try:
        with path.open("rb") as handle:
            begin = handle.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    return "workspace" if begin.startswith((b"{", b"[")) else "counts"


def _check_options(kind: str, of_workspace: object, unblind: object) -> None:
    if unblind is not None and not isinstance(unblind, str):
        raise InputError(
            f"unblind says why the box is opened, in words, and is {unblind!r}",
            hint='as in unblind="approved by the review"',
        )
    if kind != "workspace" and of_workspace is not None:
        raise InputError("--patchset and --measurement go with a pyhf workspace")
    if kind != "analysis" and unblind is not None:
        raise InputError(
            "--unblind goes with an analysis file",
            hint="counts tables and workspaces are used as given",
        )


def _rows(
    kind: str,
    file: str | Path,
    patchset: str | Path | None,
    measurement: str | None,
    engine: Mapping[str, Any] | None,
) -> tuple[list[Row], list[str], Signals | None]:
    """Return limits on counts or a workspace, none without an engine; notes; likelihoods."""
    if kind == "counts":
        table = read_counts(file)
        if engine is None:
            return [], [*table.notes, f"{len(table.names)} hypotheses"], None
        signals = Signals(range(len(table.names)), table.likelihoods, list(table.parameters))
        rows = rows_of(table, upper_limits(table.likelihoods, **engine))
        return rows, list(table.notes), signals
    from mcbook.limits.histfactory.workspace import read

    workspace = read(file, patchset, measurement)
    if engine is None:
        return [], [f"{len(workspace.entries)} hypotheses"], None
    return workspace.limits(**engine), [], None


def _document(
    kind: str,
    rows: list[Row],
    engine: Mapping[str, Any],
    read: tuple[str | Path | None, ...],
    catalog: str | None,
    notes: list[str],
) -> Row:
    """Return limits on counts or a workspace with their settings, kept where books are named."""
    document: Row = {
        "schema": SCHEMA,
        "kind": kind,
        "result": None,
        "cl": engine["cl"],
        "method": engine["method"],
        **toys_of(rows, engine),
        "limits": rows,
    }
    if catalog is not None:
        from mcbook.verbs.analyses import keep_counts

        given = [path for path in read if path is not None]
        document["result"], note = keep_counts(document, given, catalog)
        notes.append(note)
    return document
