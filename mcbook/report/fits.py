"""A report on fits and scans of fits: its figures, and one HTML page that holds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from mcbook.report import files
from mcbook.report.figures.excesses import draw_scan
from mcbook.report.figures.fits import draw_fit
from mcbook.report.figures.frame import Frame
from mcbook.report.figures.nuisances import draw_correlation, draw_nuisances
from mcbook.report.figures.toys import draw_injection, draw_toys
from mcbook.report.fitviews import (
    Cell,
    FitReport,
    NuisanceView,
    ScanView,
    Table,
    significance_text,
    value_text,
)
from mcbook.report.pages import folded, measured, picture, table, words

NAME = "fits.html"
OPENING = "<!doctype html><html lang=en><meta charset=utf-8><title>Fits of "
"""How the page begins."""
MOST = 200
"""Hypotheses in the table of the page."""
LONG = 12
"""Tables with more rows are folded."""

_STYLE = (
    "body{font-family:sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222}"
    "h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em;border-bottom:2px solid #1f4e8c}"
    "table{border-collapse:collapse;margin:.6em 0}"
    "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ccc}"
    "td:first-child,th:first-child{text-align:left}.facts td{text-align:left}"
    ".failed{background:#f6d5d5}summary{cursor:pointer;color:#1f4e8c;margin:.4em 0}"
    ".figures{display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start}"
    "figure{margin:0;width:35em;max-width:100%}figure.wide{width:100%}img{width:100%}"
    "figcaption{font-size:.85em;color:#555}"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that was written: the part of the page where it stands, its caption, its files."""

    part: str
    caption: str
    paths: tuple[Path, ...]
    is_wide: bool = False

    @property
    def png(self) -> Path:
        """The file that a page shows."""
        return next(path for path in self.paths if path.suffix == ".png")


def write_report(report: FitReport, folder: Path, frame: Frame) -> list[Path]:
    """Draw all figures of a report and write the page that holds them, ``fits.html``.

    Parameters
    ----------
    report
        What is shown.
    folder
        Where files are written; it is made when it is not there.
    frame
        What stands around figures.

    Returns
    -------
    list
        The files that were written, the page first.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    pictures = draw_report(report, folder, frame)
    page = fits_html(report, [(one, one.png.read_bytes()) for one in pictures])
    written = files.write(folder, {NAME: page})
    return [*map(Path, written), *(path for one in pictures for path in one.paths)]


def draw_report(report: FitReport, folder: Path, frame: Frame) -> list[Picture]:
    """Draw the figures of a report, each as PNG and PDF, and return them in their order.

    They are called ``scan``, ``fit``, ``nuisances``, ``correlation``, ``toys`` and ``injection``,
    with ``_2`` and so on where there are more.

    Raises
    ------
    WorkError
        If the folder cannot be written.
    """
    found: list[Picture] = []

    def keep(part: str, caption: str, paths: list[Path], *, is_wide: bool = False) -> None:
        if paths:
            found.append(Picture(part, caption, tuple(paths), is_wide))

    if report.scan is not None:
        keep("scan", "local p values and fitted signal", draw_scan(report.scan, frame, folder))
    for i, fit in enumerate(report.fits):
        drawn = draw_fit(fit, frame, folder, _stem("fit", i))
        keep("fits", fit.title, drawn, is_wide=fit.second is not None)
    for i, (name, view) in enumerate(report.nuisances.items()):
        keep("nuisances", name, draw_nuisances(view, frame, folder, _stem("nuisances", i)))
        drawn = draw_correlation(view, frame, folder, _stem("correlation", i))
        keep("nuisances", f"correlations: {name}", drawn)
    for i, toys in enumerate(report.toys):
        keep("toys", toys.title, draw_toys(toys, frame, folder, _stem("toys", i)))
    for i, injected in enumerate(report.injections):
        drawn = draw_injection(injected, frame, folder, _stem("injection", i))
        keep("toys", injected.title, drawn)
    return found


def fits_html(report: FitReport, pictures: list[tuple[Picture, bytes]]) -> str:
    """Return the page: what was fitted, figures, and tables; it needs nothing but itself.

    Parameters
    ----------
    report
        What is shown.
    pictures
        Figures with their PNGs.
    """
    body = [
        f"{OPENING}{escape(report.title)}</title><style>{_STYLE}</style>",
        f"<h1>{words(report.title)}</h1>",
        *(f"<p>{words(note)}</p>" for note in report.notes),
    ]
    if report.about:
        facts = Table(("what was fitted", ""), [*report.about.items()])
        body.append(f"<div class=facts>{table(facts)}</div>")
    hypotheses = report.hypotheses
    if report.scan is not None:
        body += ["<h2>Scan</h2>", f"<div class=facts>{table(_summary(report.scan))}</div>"]
        body += _figures("scan", pictures)
        hypotheses = hypotheses or scan_table(report.scan)
    if hypotheses is not None:
        body += _hypotheses(hypotheses)
    if report.fits:
        body += ["<h2>Fits</h2>", *_figures("fits", pictures)]
    if report.nuisances:
        body += ["<h2>Nuisance parameters</h2>", *_figures("nuisances", pictures)]
        for name, view in report.nuisances.items():
            body += _nuisances(name, view)
    if report.toys or report.injections:
        body += ["<h2>Toys</h2>", *_figures("toys", pictures)]
    return "\n".join([*body, "</html>", ""])


def scan_table(scan: ScanView) -> Table:
    """Return the hypotheses of a scan; those that failed are marked."""
    columns = (scan.axis, "local p", "significance", scan.rate_title)
    rows: list[tuple[Cell, ...]] = []
    for x, p, mu, error in zip(scan.x, scan.p_value, scan.mu, scan.error, strict=True):
        told = "the fit failed" if np.isnan(p) else significance_text(float(p))
        rows.append((float(x), float(f"{p:.3g}"), told, measured(float(mu), float(error))))
    failed = frozenset(int(i) for i in np.flatnonzero(np.isnan(scan.p_value)))
    return Table(columns, rows, failed)


def _stem(name: str, i: int) -> str:
    return name + f"_{i + 1}" * (i > 0)


def _figures(part: str, pictures: list[tuple[Picture, bytes]]) -> Iterator[str]:
    """Yield the figures of a part of the page."""
    yield "<div class=figures>"
    for one, png in pictures:
        if one.part == part:
            kind = " class=wide" if one.is_wide else ""
            caption = f"<figcaption>{words(one.caption)}</figcaption>"
            yield f"<figure{kind}>{picture(png, one.caption)}{caption}</figure>"
    yield "</div>"


def _summary(scan: ScanView) -> Table:
    rows: list[tuple[Cell, ...]] = []
    if scan.largest is not None:
        p = float(scan.p_value[scan.largest])
        rows.append(("largest excess at", value_text(scan.axis, float(scan.x[scan.largest]))))
        rows.append(("its local significance", f"{significance_text(p)} (p = {p:.3g})"))
        rows.append(("its global significance", _global(scan.global_p)))
        fitted = measured(float(scan.mu[scan.largest]), float(scan.error[scan.largest]))
        rows.append((f"its {scan.rate_title}", fitted))
    rows.append(("hypotheses", str(len(scan.x))))
    rows.append(("hypotheses whose fit failed", str(scan.failed)))
    return Table(("largest excess" if scan.largest is not None else "scan", ""), rows)


def _global(found: tuple[float, float] | None) -> str:
    if found is None:
        return "not computed"
    p, error = found
    told = f"p = {measured(p, error)}"
    return f"{significance_text(p)} ({told})" if p > 0 else told


def _hypotheses(found: Table) -> Iterator[str]:
    """Yield the table of hypotheses, folded where it is long and cut where it is longer."""
    yield "<h2>Hypotheses</h2>"
    total = len(found.rows)
    shown = table(Table(found.columns, found.rows[:MOST], found.failed))
    rest = f"<p>{total - MOST} more are in fits.csv.</p>" if total > MOST else ""
    if total > LONG:
        yield folded(f"the first {MOST} of {total} hypotheses" if rest else f"{total} hypotheses",
                     [shown])  # fmt: skip
    else:
        yield shown
    yield rest


def _nuisances(name: str, view: NuisanceView) -> Iterator[str]:
    columns = ["parameter", "pull", "error"]
    if view.impacts is not None:
        columns += ["impact / error of mu, up", "down"]
    rows: list[tuple[Cell, ...]] = []
    for i in view.order:
        numbers = [view.values[i], view.errors[i]]
        numbers += [] if view.impacts is None else [*view.impacts[i]]
        rows.append((view.names[i], *(float(f"{value:.3g}") for value in numbers)))
    shown = table(Table(columns, rows))
    heading = f"{len(rows)} parameters: {name}"
    yield folded(heading, [shown]) if len(rows) > LONG else f"<h3>{words(heading)}</h3>{shown}"
