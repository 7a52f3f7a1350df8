"""Chooses which figures a limits document wants, draws them, and writes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import SIGMA_BR
from mcbook.analysis.result import AnalysisResult
from mcbook.errors import InputError
from mcbook.registry.loader import load_model, model_names
from mcbook.registry.model import SignalModel
from mcbook.report.figures import scans
from mcbook.report.figures.symbols import Symbols
from mcbook.report.overlays import Overlay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mcbook.report.figures.sheet import Sheet

Array = NDArray[np.float64]
Document = Mapping[str, Any]

LABEL = "own work"
PLANE = 2


def draw(  # noqa: PLR0913 - one argument per thing that may be drawn
    document: Document,
    folder: str | Path,
    *,
    result: AnalysisResult | None = None,
    overlays: Sequence[Overlay] = (),
    label: str = LABEL,
    samples: Mapping[str, Array] | None = None,
    notes: list[str] | None = None,
) -> list[Path]:
    """Draw the figures of a limits document, as PNG and PDF each.

    With one quantity scanned: ``limits``, upper limits with bands, or the excluded islands where
    limits are ranges; and ``limits_sigma_br`` on cross section times branching fractions in fb
    where there is one. With two: ``plane``, the excluded region, or a map where limits are numbers.
    Else nothing. Lines end where points are refused or vetoed.

    Parameters
    ----------
    document
        What ``limits.json`` holds.
    folder
        Where files are written; it is made when it is not there.
    result
        The result of an analysis: islands are then drawn from its plane, with their areas.
    overlays
        Published limits, drawn where their axes are those of a figure.
    label
        What stands behind the name of the experiment.
    samples
        Parameters of generated samples, shape (n,) each, to be marked.
    notes
        A list to which is added what was left out, and why.

    Returns
    -------
    list
        The files that were written.

    Raises
    ------
    InputError
        If that is no limits document.
    WorkError
        If the folder cannot be written.
    """
    from mcbook.report.figures.sheet import Sheet, save, styled

    _check(document)
    said = [] if notes is None else notes
    sheet = Sheet(document, _symbols(document, result), label, tuple(overlays), samples)
    written: list[Path] = []
    with styled():
        for stem, figure in _figures(document, result, sheet, said):
            written += save(figure, Path(folder), stem, document)
    said += [
        f"{entry.name}: not drawn, no figure shows {entry.y} against {entry.x}"
        f"{' of ' + entry.process if entry.process else ''} there"
        for entry in overlays
        if entry not in sheet.drawn
    ]
    return written


def draw_comparison(
    first: Document,
    second: Document,
    folder: str | Path,
    *,
    labels: tuple[str, str],
    results: tuple[AnalysisResult | None, AnalysisResult | None] = (None, None),
    label: str = LABEL,
) -> list[Path]:
    """Draw the limits of two documents against the quantity that both scan: ``comparison``.

    Observed limits are solid, expected medians dashed; where limits are ranges, their edges.

    Parameters
    ----------
    first, second
        Two limits documents.
    folder
        Where the files are written.
    labels
        What the legend calls the two.
    results
        Their results, for the symbols of a model of one's own.
    label
        What stands behind the name of the experiment.

    Returns
    -------
    list
        The files that were written.

    Raises
    ------
    InputError
        If they are no limits documents, or do not limit the same along one and the same quantity.
    WorkError
        If the folder cannot be written.
    """
    for document in (first, second):
        _check(document)
    names = [scans.independent(document) for document in (first, second)]
    if len(names[0]) != 1 or names[0] != names[1]:
        scanned = " and ".join(", ".join(entry) or "nothing" for entry in names)
        raise InputError(
            f"limits can be compared along one quantity that both scan; these scan {scanned}"
        )
    limited = [scans.limited(document) for document in (first, second)]
    if limited[0] != limited[1]:
        raise InputError(f"these are limits on different things: {limited[0]} and {limited[1]}")
    from mcbook.report.figures.comparison import comparison_figure
    from mcbook.report.figures.sheet import Sheet, save, styled

    sheets = [
        Sheet(document, _symbols(document, result), label)
        for document, result in zip((first, second), results, strict=True)
    ]
    with styled():
        figure = comparison_figure(sheets, names[0][0], labels)
        return save(figure, Path(folder), "comparison", first, second)


def _check(document: Document) -> None:
    """Check that a document is one of limits."""
    missing = [key for key in ("cl", "limits") if key not in document]
    if missing:
        raise InputError(
            f"this is no limits document: it has no {' and no '.join(missing)}",
            hint="`mcbook limits FILE --output DIR` writes one, limits.json",
        )


def _figures(
    document: Document, result: AnalysisResult | None, sheet: "Sheet", notes: list[str]
) -> Iterator[tuple[str, "Figure"]]:
    """Yield the figures of a document with the names of their files."""
    names = scans.independent(document)
    if len(names) == 1:
        found = _along_one(document, result, sheet, names[0])
    elif len(names) == PLANE:
        found = _in_plane(document, sheet, names)
    else:
        found = None
        notes.append(
            f"no figure: the scan moves {', '.join(names) or 'nothing'}, and a figure shows one or"
            " two quantities"
        )
    if found is not None:
        figures = list(found)
        if not figures:
            notes.append(_why_not(names))
        for stem, make in figures:
            yield stem, make()


def _why_not(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"no figure: there is no limit against {names[0]}"
    return f"no figure: the points are no grid of {' and '.join(names)}, or none has a limit"


Made = Iterator[tuple[str, Callable[[], "Figure"]]]


def _along_one(
    document: Document, result: AnalysisResult | None, sheet: "Sheet", x_name: str
) -> Made:
    from mcbook.report.figures.lines import band_figure
    from mcbook.report.figures.planes import coupling_figure, edges_figure

    if scans.has_intervals(document):
        islands = scans.islands_of(document, x_name)
        # A plane has the parameter on its axis, and not an expression that is limited.
        if islands is not None and result is not None and islands.what == result.analysis.rate.vary:
            field = scans.field_of_plane(result.plane(x_name, islands.what), islands)
            yield "limits", partial(coupling_figure, field, islands, sheet)
        elif islands is not None:
            yield "limits", partial(edges_figure, islands, sheet)
        return
    what = scans.limited(document)
    names = {"limits": what}
    if "rate" in document and what != SIGMA_BR:
        names["limits_sigma_br"] = SIGMA_BR
    for stem, name in names.items():
        scan = scans.scan_of(document, x_name, name)
        if scan is not None and not scan.is_empty:
            yield stem, partial(band_figure, scan, sheet)


def _in_plane(document: Document, sheet: "Sheet", names: Sequence[str]) -> Made:
    from mcbook.report.figures.planes import plane_figure

    field = scans.field_of(document, names[0], names[1])
    if field is not None and not field.mask.all():
        yield "plane", partial(plane_figure, field, sheet)


def _symbols(document: Document, result: AnalysisResult | None) -> Symbols:
    """Return the symbols of the signal model; names stand in where it is not at hand."""
    model: SignalModel | None = None
    if result is not None:
        model = result.analysis.model
    elif document.get("model") in model_names():
        model = load_model(document["model"])
    return Symbols(model, document.get("processes", {}).values())
