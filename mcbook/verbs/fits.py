"""``mcbook fit``: what fits of an analysis find, and what toys say of them, in one page."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis import AnalysisResult, read_analysis
from mcbook.analysis.fitcells import Places
from mcbook.analysis.hypotheses import hypotheses
from mcbook.analysis.records import Analysis
from mcbook.analysis.scan import Injection, Scan, fit_row, injections, scan, spurious
from mcbook.errors import InputError
from mcbook.limits.result import plain
from mcbook.limits.significance import GlobalP
from mcbook.report import files
from mcbook.verbs.analyses import limits_of
from mcbook.verbs.fitviews import view_of, wanted_at
from mcbook.verbs.selecting.place import check_files

Row = dict[str, Any]
Array = NDArray[np.float64]

TABLE, KIND = "fits.csv", "# Fits of the analysis"
STRENGTHS = (0.0, 2.0, 5.0)
MOST_INJECTED = 6
"""Hypotheses at which signals are put into toys, spread over the scan."""

MOST_TOYS = 100_000
MOST_STRENGTH = 1000.0
COARSE = 0.55
"""Steps in resolutions from which on a scan is told to be coarse; half ones are not quite even."""


def fit(
    file: str | Path,
    *,
    output: str | Path,
    cl: float | None = None,
    method: str | None = None,
    unblind: str | None = None,
    toys: int = 100,
    strengths: Sequence[float] = STRENGTHS,
    at: Sequence[str] = (),
    label: str = "own work",
    seed: int = 0,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
) -> Row:
    """Fit an analysis at all of its hypotheses, and test its fits with toys.

    While the box is closed these are tests: the signal that fits see in the expected background
    (spurious), signals that are put into toys of it, and scans of toys without any. With an open
    box there are best fits, local p-values, and the largest excess with its global p-value.

    Parameters
    ----------
    file
        The analysis, with channels that are fitted.
    output
        A folder for ``fits.html``, ``fits.csv`` and figures; it is made when it is not there.
    cl, method, unblind, catalog, models_dir
        As in `mcbook.set_limits`.
    toys
        Scans of toys without signal.
    strengths
        Of the signals that are put in, in standard deviations of a fit.
    at
        Hypotheses that are drawn, such as ``m_zp=4``; by default that of the largest excess, or
        some that are spread over the scan.
    label
        Label of the figures.
    seed
        Of all toys.

    Returns
    -------
    dict
        ``result``, the id of the limits beside; ``name``; ``unblinded``; ``fits``, settings by
        channel; ``largest`` (None while the box is closed): ``parameters``, ``events``,
        ``events_error``, ``significance``, ``p_value``, ``by_upcrossings`` and ``by_toys`` (each
        ``p_value``, ``low``, ``high``, ``significance``); ``rows``, one for each hypothesis with a
        signal: ``parameters``, ``spurious``, ``error`` (of a fit without signal, both in events)
        and, in an open box, the best fit; ``injections``; ``toys``, their number; ``notes``;
        ``files``.

    Raises
    ------
    InputError
        If the file is not right, nothing in it is fitted, or the box cannot be opened.
    WorkError
        If something cannot be written.
    """
    from mcbook.report.fits import OPENING

    folder = Path(output)
    check_files(folder, {TABLE: [KIND.encode()], "fits.html": [OPENING.encode()]})
    _check(toys, strengths)
    _check_at(at, read_analysis(file, models_dir=models_dir))  # before the box is opened
    document, result, notes = limits_of(
        file, cl=cl, method=method, unblind=unblind, catalog=catalog, models_dir=models_dir,
        engine={"seed": seed},
    )  # fmt: skip
    if not result.ingredients.cells:
        raise InputError(
            f"{file}: no channel is fitted", hint="add fit: to one, or use `mcbook limits`"
        )
    found = scan(result, n_toys=toys, seed=seed)
    size = len(found.rows)
    some = np.unique(np.linspace(0, size - 1, min(MOST_INJECTED, size)).round().astype(int))
    put = injections(result, some.tolist(), strengths, seed=seed + 1)
    made = _Made(document, result, found, put, spurious(result))
    rows = list(made.rows())
    told = _notes(result, found)
    report, frame = view_of(made.document, result, found, put, at, label, notes=told)
    written = files.write(folder, {TABLE: _table(made, rows)})
    from mcbook.report.fits import write_report

    written += [str(path) for path in write_report(report, folder, frame)]
    return {
        "result": document["result"],
        "name": document["name"],
        "unblinded": document["unblinded"],
        "fits": document["fits"],
        "largest": made.largest(),
        "rows": rows,
        "injections": [_injection(made, one) for one in put],
        "toys": toys,
        "notes": [*notes, *told],
        "files": written,
    }


def _check_at(at: Sequence[str], analysis: Analysis) -> None:
    if at:
        names = [name for axis in analysis.grid.axes for name in axis.names]
        columns = hypotheses(analysis).columns
        wanted_at(at, {name: columns[name] for name in names})


def _notes(result: AnalysisResult, found: Scan) -> list[str]:
    """Return what a reader of the scan should know of its hypotheses."""
    notes = []
    columns, varied = result.hypotheses.columns, result.varying()
    refused = np.flatnonzero(result.reasons != "")
    if len(refused):
        where = ", ".join(f"{name} = {columns[name][refused[0]]:.9g}" for name in varied)
        notes.append(
            f"{len(refused)} of {len(result.hypotheses)} hypotheses are not fitted; the first,"
            f" {where}: {result.reasons[refused[0]]}"
        )
    if len(varied) == 1 and len(found.rows) > 1:
        along = found.rows[np.argsort(columns[varied[0]][found.rows])]
        some = {name: values[along] for name, values in columns.items()}
        plans = [channel.fit for channel in result.analysis.channels if channel.fit is not None]
        steps = [_largest_step(Places(result.analysis, plan, some)) for plan in plans]
        if max(steps) > COARSE:
            notes.append(
                f"steps of the scan are up to {max(steps):.2g} resolutions: excesses between"
                " hypotheses are missed, and the global p-value is too small; as in scan:"
                f" {{{varied[0]}: {{resolutions: [lo, hi, 0.25]}}}}"
            )
    return notes


def _largest_step(places: Places) -> float:
    """Return by how many resolutions the centre of a window moves at most."""
    centre, resolution = places.here()
    return float((np.abs(np.diff(centre)) / np.minimum(resolution[1:], resolution[:-1])).max())


def _check(toys: int, strengths: Sequence[float]) -> None:
    if not 0 <= toys <= MOST_TOYS:
        raise InputError(f"--toys is {toys}, and 0 to {MOST_TOYS} are possible")
    if not strengths:
        raise InputError("--inject: there is no strength", hint="as in --inject 0,2,5")
    for one in strengths:
        if not 0 <= one <= MOST_STRENGTH:
            raise InputError(
                f"--inject: {one:g} is no strength of 0 to {MOST_STRENGTH:g} standard deviations"
            )


@dataclass(frozen=True, slots=True)
class _Made:
    """All that was found."""

    document: Row
    result: AnalysisResult
    scan: Scan
    injected: Sequence[Injection]
    spurious: tuple[Array, Array]

    def parameters(self, row: int) -> dict[str, float]:
        """Return what the scan moves, at a hypothesis."""
        columns = self.result.hypotheses.columns
        return {name: float(columns[name][row]) for name in self.result.varying()}

    def rows(self) -> Any:
        """Yield a mapping for each hypothesis with a signal."""
        seen, error = self.spurious
        for i, row in enumerate(self.scan.rows.tolist()):
            found = {"parameters": self.parameters(row), "spurious": plain(float(seen[i])),
                     "error": plain(float(error[i]))}  # fmt: skip
            if self.scan.fits is not None:
                found |= fit_row(self.scan.fits, i, float(self.scan.events[i]))
            yield found

    def largest(self) -> Row | None:
        """Return the largest excess."""
        place, fits = self.scan.largest, self.scan.fits
        if place is None or fits is None:
            return None
        return {
            "parameters": self.parameters(int(self.scan.rows[place])),
            **fit_row(fits, place, float(self.scan.events[place])),
            "by_upcrossings": _global(self.scan.by_crossings),
            "by_toys": _global(self.scan.by_toys),
        }


def _global(found: GlobalP | None) -> Row | None:
    if found is None:
        return None
    return {
        "p_value": plain(float(found.p)), "low": plain(float(found.low)),
        "high": plain(float(found.high)), "significance": plain(float(found.z)),
    }  # fmt: skip


def _injection(made: _Made, one: Injection) -> Row:
    listed = ("injected", "recovered", "recovered_error", "pull", "pull_error", "width",
              "width_error")  # fmt: skip
    return {
        "parameters": made.parameters(one.row),
        **{name: [plain(value) for value in getattr(one, name)] for name in listed},
        "spurious": plain(one.spurious),
        "error": plain(one.error),
    }


def _table(made: _Made, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of all hypotheses."""
    out = io.StringIO()
    out.write(f"{KIND} {made.document['name']}, result {made.document['result']}\n")
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name in rows[0] if name != "parameters"]
    writer.writerow([*rows[0]["parameters"], *names])
    for row in rows:
        cells = [*row["parameters"].values(), *(row[name] for name in names)]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
