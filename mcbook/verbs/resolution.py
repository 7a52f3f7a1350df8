"""``mcbook resolution``: the signal shape of each sample, its widths and its pulls."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError
from mcbook.production.publish import Progress
from mcbook.report import files
from mcbook.report.shapes import OPENING
from mcbook.selection.columns import unit_of
from mcbook.selection.count import kept_of, selected
from mcbook.selection.digest import digest
from mcbook.selection.file import read_selection
from mcbook.selection.fitted import FAILED, OK, ShapeFit
from mcbook.selection.optimisefile import loosened, tuned_values
from mcbook.selection.records import Selection, Window
from mcbook.selection.resolutionfile import fitted_region, fitted_window, read_options
from mcbook.selection.shapetable import HIGH, LOW, SIDES
from mcbook.selection.widths import corrected
from mcbook.verbs.acceptance import telling_apart
from mcbook.verbs.ntuples import Source, Told, Wanted, check_ntuples, find_ntuples, parse_choices
from mcbook.verbs.selecting.place import check_files

Row = dict[str, Any]

TABLE, SHAPES, REPORT = "resolution.csv", "shapes.pdf", "resolution.html"
KIND = "# Signal shapes: selection"

NUMBERS = (
    "mean", "sigma_w", "sigma_68", "f", "sigma_1", "sigma_2", "offset", "alpha_1", "alpha_2",
    "n_1", "n_2",
)  # fmt: skip
"""What a row has with its error, in the column of that name and ``_error``."""

_DATA = "sigma_w_data"
_AFTER = ("chi2", "ndf", "p", "n_events", "n_effective", "n_outside", "status", "reason", "notes")
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A sample with its fit."""

    sample: Row
    simulation_id: str
    fit: ShapeFit
    in_data: tuple[float, float] | None

    @property
    def label(self) -> str:
        """The id that people see."""
        return self.simulation_id or str(self.sample["id"])


def measure_resolution(
    file: str | Path,
    expression: str | None = None,
    *,
    output: str | Path,
    figures: bool = True,
    jobs: int = 1,
    simulations: Sequence[str] = (),
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Fit the sum of two Crystal Balls to the observable of each sample's events that pass.

    These are the events that pass all cuts (or those of ``resolution: {region: NAME}``), without
    the window, and with values that `mcbook.optimise` looks for at the loosest: it needs widths
    itself. A fit that failed has a row without numbers, and is named in the warnings.

    Parameters
    ----------
    file
        The selection (``.yaml``); its window says what is fitted, `resolution` how.
    expression
        Which samples, or the id of a simulation; None means all of its model and process.
    output
        A folder for ``resolution.csv``, ``resolution.png`` and ``.pdf`` (widths), ``shapes.pdf``
        (a page for each sample) and ``resolution.html``; it is made when it is not there.
    figures
        Whether figures and report are made.
    jobs
        How many files of a sample are read side by side.
    simulations
        Which simulations are meant, as in `mcbook.select`.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Fit everything, and write nothing.
    progress
        Called with the number of samples done and their total.

    Returns
    -------
    dict
        ``catalog``; ``selection``, the digest of the selection without its window's tables;
        ``observable``; ``axes``; ``samples``, the rows of the table, with None for what is not
        known; ``failed`` and ``poor``, ids; ``warnings``; ``notes``; ``written``, the files.

    Raises
    ------
    InputError
        If the selection, an ntuple or an option is not right, or no sample has ntuples.
    WorkError
        If an ntuple is gone or is not what the books say, or the folder cannot be written.
    """
    selection = read_selection(file, models_dir=models_dir)
    window = fitted_window(selection)
    read_options(selection)
    folder = Path(output)
    own = {TABLE: [KIND.encode()], REPORT: [OPENING.encode()]}
    check_files(folder, own, (SHAPES, "resolution.png", "resolution.pdf"))
    told = Told([], [])
    if selection.optimise is not None:
        tuned = tuned_values(selection)
        selection = loosened(selection, tuned)
        loose = ", ".join(f"{each.name} = {each.axis.loosest:g}" for each in tuned)
        told.notes.append(f"shapes are those at the loosest of what is optimised: {loose}")
    wanted = Wanted(
        selection.model, selection.process, selection.tier, selection.campaigns,
        parse_choices(simulations),
    )  # fmt: skip
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        found = find_ntuples(books, wanted, expression, told, models_dir=models_dir)
        location = opened.location
    check_ntuples(source for some in found.sources.values() for source in some)
    axes = telling_apart(list(found.samples.values()))
    order = sorted(found.samples, key=lambda one: _point(found.samples[one], axes))
    fitted = []
    for done, name in enumerate(order, 1):
        fitted.append(_fit(selection, found.samples[name], found.sources[name], jobs))
        if progress is not None:
            progress(done, len(order))
    _warn(fitted, told)
    if all(one.fit.status == FAILED for one in fitted):
        raise InputError(
            f"no shape could be fitted: {fitted[0].label}: {fitted[0].fit.reason}",
            hint=f"{len(fitted)} samples were tried; `resolution` in the selection says how",
        )
    frozen = digest(replace(selection, window=None))
    rows = [_row(one, axes, window) for one in fitted]
    written: list[str] = []
    if not dry_run:
        contents = _contents(selection, fitted, axes, rows, frozen, figures=figures)
        written = files.write(folder, contents)
    return {
        "catalog": location,
        "selection": frozen,
        "observable": window.observable,
        "axes": axes,
        "samples": rows,
        "failed": [one.label for one in fitted if one.fit.status == FAILED],
        "poor": [one.label for one in fitted if one.fit.status not in {OK, FAILED}],
        "warnings": told.warnings,
        "notes": told.notes,
        "written": written,
    }


def _fit(selection: Selection, sample: Row, sources: Sequence[Source], jobs: int) -> _Fitted:
    """Fit the events of a sample; those of several campaigns weigh by their luminosities."""
    from mcbook.selection.resolution import fit_shape

    window = fitted_window(selection)
    values, weights = [], []
    for source in sources:
        found = selected(
            selection, source.paths, sample["parameters"], [window.observable],
            region=fitted_region(selection), most=source.most, jobs=jobs,
        )  # fmt: skip
        scale = 1.0
        if len(sources) > 1:
            generated = sum(kept_of(selection, events) for events in source.job_events)
            scale = selection.campaigns[source.campaign] / generated
        n_bad = int((~np.isfinite(found[window.observable])).sum())
        if n_bad:
            raise InputError(
                f"{source.simulation_id}: {window.observable} is no finite number in {n_bad:,} of"
                f" {len(found[window.observable]):,} events that pass, the first file of them"
                f" {source.paths[0]}"
            )
        values.append(found[window.observable])
        weights.append(found["weight"] * scale)
    fit = fit_shape(np.concatenate(values), np.concatenate(weights), read_options(selection))
    simulation = sources[0].simulation_id if len(sources) == 1 else ""
    return _Fitted(sample, simulation, fit, _in_data(selection, window, sample, fit))


def _in_data(
    selection: Selection, window: Window, sample: Row, fit: ShapeFit
) -> tuple[float, float] | None:
    """Return sigma_W and its error as corrected to data; None where nothing is corrected."""
    if window.correction is None or fit.shape is None:
        return None
    point = selection.point(sample["parameters"])
    error = window.correction_error
    width, its_error = corrected(
        fit.values["sigma_w"], fit.errors["sigma_w"], window.correction.at(point),
        error.at(point) if error is not None else 0.0,
    )  # fmt: skip
    return float(width), float(its_error)


def _warn(fitted: Sequence[_Fitted], told: Told) -> None:
    for one in fitted:
        if one.fit.status == FAILED:
            told.warnings.append(f"{one.label}: the fit failed: {one.fit.reason}")
        elif one.fit.status != OK:
            told.warnings.append(f"{one.label}: the fit is poor: {one.fit.reason}")
        told.notes += [f"{one.label}: {note}" for note in one.fit.notes]
    if any(one.fit.status == FAILED for one in fitted):
        told.notes.append(
            f"rows of failed fits have no numbers: a window that reads {TABLE} refuses them until"
            " they are repaired or taken out"
        )


def _point(sample: Row, axes: Sequence[str]) -> list[float]:
    return [float(sample["parameters"][name]) for name in axes]


def _row(one: _Fitted, axes: Sequence[str], window: Window) -> Row:
    """Return the row of a sample; None is what is not known."""
    fit = one.fit
    point = dict(zip(axes, _point(one.sample, axes), strict=True))
    row: Row = {"sample_id": one.sample["id"], "simulation_id": one.simulation_id, **point}
    row |= dict(_numbers(fit))
    row |= _drawn(fit)
    if window.correction is not None:
        width, error = one.in_data or (None, None)
        row |= {_DATA: width, f"{_DATA}_error": error}
    goodness = fit.goodness
    has_p = goodness is not None and goodness.ndf > 0
    row |= {
        "chi2": goodness and goodness.chi2,
        "ndf": goodness and goodness.ndf,
        "p": goodness.p if goodness is not None and has_p else None,
        "n_events": fit.n_events,
        "n_effective": fit.n_effective,
        "n_outside": fit.n_outside,
        "status": fit.status,
        "reason": fit.reason,
        "notes": "; ".join(fit.notes),
    }
    return row


def _drawn(fit: ShapeFit) -> Row:
    """Return what else the shape needs to be drawn again: sides of its tails, range of the fit."""
    if fit.shape is None:
        return {SIDES: None, LOW: None, HIGH: None}
    sides = f"{fit.shape.first.side} {fit.shape.second.side}"
    return {SIDES: sides, LOW: fit.shape.window[0], HIGH: fit.shape.window[1]}


def _numbers(fit: ShapeFit) -> Iterator[tuple[str, float | None]]:
    """Yield numbers with their errors; sigma_68 is known only where the fit did not fail."""
    for name in NUMBERS:
        value, error = fit.values.get(name), fit.errors.get(name)
        if name == "sigma_68" and fit.shape is not None and fit.quantiles is not None:
            value, error = fit.quantiles.sigma_68, fit.quantiles.sigma_68_error
        yield name, value
        yield f"{name}_error", error if error is not None and np.isfinite(error) else None


def _contents(
    selection: Selection,
    fitted: Sequence[_Fitted],
    axes: Sequence[str],
    rows: Sequence[Row],
    frozen: str,
    *,
    figures: bool,
) -> dict[str, str | bytes]:
    """Return the files by name."""
    found: dict[str, str | bytes] = {TABLE: _text(selection, rows, frozen)}
    if not figures:
        return found
    from mcbook.report.figures import shapes
    from mcbook.report.figures.symbols import Symbols
    from mcbook.report.shapes import shapes_html

    symbols = Symbols(selection.deriver.model)
    observable = fitted_window(selection).observable
    unit = unit_of(selection.columns.get(observable))
    words = observable.replace("_", " ") + f" [{unit}]" * bool(unit)
    titles = [_title(one, axes, symbols) for one in fitted]
    drawn = [shapes.Drawn(title, words, one.fit)
             for title, one in zip(titles, fitted, strict=True)]  # fmt: skip
    fits = [one.fit for one in fitted]
    if any(fit.shape is not None for fit in fits):
        found[SHAPES] = shapes.draw_shapes(drawn, f"mcbook resolution {selection.name}")
    overview: dict[str, bytes] = {}
    if len(axes) == 1:
        points = np.array([_point(one.sample, axes)[0] for one in fitted])
        title = symbols.title(axes[0])
        overview = dict(shapes.draw_widths(axes[0], title, points, fits, unit))
    found |= overview
    pictures = {
        one.label: shapes.draw_shape(each)
        for one, each in zip(fitted, drawn, strict=True)
        if one.fit.shape is not None
    }
    found[REPORT] = shapes_html(
        selection.name, [_words(one, axes) for one in fitted], fits,
        overview.get("resolution.png"), pictures,
    )  # fmt: skip
    return found


def _title(one: _Fitted, axes: Sequence[str], symbols: Any) -> str:
    return ", ".join(
        f"${symbols.symbol(name)} = {value:.4g}$ {symbols.unit(name)}"
        for name, value in zip(axes, _point(one.sample, axes), strict=True)
    )


def _words(one: _Fitted, axes: Sequence[str]) -> str:
    point = zip(axes, _point(one.sample, axes), strict=True)
    return f"{one.label}: " + ", ".join(f"{name} = {value:.6g}" for name, value in point)


def _text(selection: Selection, rows: Sequence[Row], frozen: str) -> str:
    """Return the table of all samples."""
    window = fitted_window(selection)
    out = io.StringIO()
    out.write(
        f"{KIND} {selection.name}, the sum of two Crystal Balls in"
        f" {window.observable}\n"
        f"# frozen {frozen} (without the tables of the window)\n"
        "# sigma_w = sqrt(f sigma_1^2 + (1 - f) sigma_2^2); sigma_68: half of the central 68.27 %."
        " Widths of simulation\n"
    )
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else value
