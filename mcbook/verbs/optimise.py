"""``mcbook optimise``: cut values of the largest figure of merit, smooth over the mass."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError
from mcbook.production.publish import Progress
from mcbook.registry.expressions.nodes import CANONICAL
from mcbook.report import files
from mcbook.selection.file import read_selection
from mcbook.selection.optimise import Optimum
from mcbook.selection.optimise import optimise as choose
from mcbook.selection.optimisefile import Tuned, block, rules_of, tuned_values
from mcbook.selection.records import Selection
from mcbook.selection.tuned import Merit
from mcbook.verbs.acceptance import telling_apart
from mcbook.verbs.ntuples import Found, Told, Wanted, check_ntuples, find_ntuples, parse_choices
from mcbook.verbs.optimising import Reader, hypotheses
from mcbook.verbs.selecting import backgrounds
from mcbook.verbs.selecting.backgrounds import Planned
from mcbook.verbs.selecting.place import check_files
from mcbook.verbs.selecting.texts import table

Array = NDArray[np.float64]
Row = dict[str, Any]

TABLE, SNIPPET = "optimum.csv", "values.yaml"
KIND = "# Values of the largest figure of merit"
KIND_SNIPPET = "# Values for the selection"
MERITS = ("efficiency", "efficiency_error", "background", "background_error", "n_background",
          "fom", "fom_error", "fom_cautious")  # fmt: skip
FEW = 10
"""Effective number of simulated background events below which an optimum rests on few of them."""


def optimise(
    file: str | Path,
    expression: str | None = None,
    *,
    output: str | Path,
    figures: bool = True,
    jobs: int = 1,
    simulations: Sequence[str] = (),
    label: str = "own work",
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Choose the cut values that a selection looks for, by Punzi's figure of merit.

    What is counted are events that pass all else in the region, in the window of each hypothesis:
    those of the samples, each at its own point, and of the backgrounds. Data are never opened. A
    split of the events by their number gives an efficiency that is not biased by the choice: values
    are chosen on the events for which it holds, and judged on the others.

    Parameters
    ----------
    file
        The selection (``.yaml``), with ``optimise`` and ``backgrounds``.
    expression
        Which samples, or the id of a simulation; None means all of its model and process. They
        must differ in one parameter.
    output
        A folder for ``optimum.csv``, ``values.yaml`` and figures; it is made when it is not there.
    figures
        Whether figures are made.
    jobs
        How many files are read side by side.
    simulations
        Which simulations are meant where samples have several, see `mcbook.select`.
    label
        Label of the figures.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Choose, and write nothing.
    progress
        Called with the number of pieces of work done and their total.

    Returns
    -------
    dict
        ``selection``, its name; ``a``; ``region``; ``split``, None without one; ``axis``, the
        parameter in which samples differ; ``values``: by name ``cut``, ``variable``, ``operator``,
        ``range``, ``steps``; ``points``, each with the axis, ``sample_id``, ``values``, ``raw``
        (the best at that point alone), ``plateau`` (low and high of each value within 1% of the
        largest figure of merit), ``training``, ``validation`` (None without a split), ``loss``,
        ``loss_validation``; ``warnings``; ``notes``; ``written``, the files.

    Raises
    ------
    InputError
        If the selection, an ntuple or an option is not right, or there is nothing to choose from.
    WorkError
        If an ntuple is gone or is not what the books say, or something cannot be written.
    """
    selection = read_selection(file, models_dir=models_dir)
    tuned, rules = tuned_values(selection), rules_of(selection)
    _check(selection, Path(output), jobs)
    told = Told([], [])
    choices = parse_choices(simulations)
    wanted = Wanted(
        selection.model, selection.process, selection.tier, selection.campaigns, choices
    )
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        found = find_ntuples(books, wanted, expression, told, models_dir=models_dir)
        planned = backgrounds.plan(books, selection, choices, told, models_dir)
    axis, order = _order(selection, found, tuned)
    masses = np.array([found.samples[name]["parameters"][axis] for name in order], dtype=np.float64)
    step = _Bar(progress, found, planned, Reader(selection, tuned, jobs))
    _check_files(found, planned, step)
    made = hypotheses(step.reader, found, planned, order, step)
    optima = choose(made, masses, [each.axis for each in tuned], rules)
    result = _Result(selection, tuned, axis, masses, order, optima)
    told.warnings += list(_remarks(result))
    written = [] if dry_run else _write(result, Path(output), label if figures else None)
    return {
        **_document(result),
        "warnings": told.warnings,
        "notes": told.notes,
        "written": written,
    }


@dataclass(frozen=True, slots=True)
class _Result:
    """What was chosen, with all that a file says beside it."""

    selection: Selection
    tuned: Sequence[Tuned]
    axis: str
    masses: Array
    order: Sequence[str]
    optima: Sequence[Optimum]

    @property
    def split(self) -> str | None:
        """The condition that separates events, as it was written."""
        found = block(self.selection).split
        return None if found is None else found.text


class _Bar:
    """Counts pieces of work, for the reader that does them."""

    def __init__(
        self, progress: Progress | None, found: Found, planned: Planned, reader: Reader
    ) -> None:
        self.reader = reader
        sources = sum(len(some) for some in found.sources.values())
        self._progress, self._done = progress, 0
        self._total = sources + len(planned.sources)
        self._total += len(reader.parts) * (sources + len(found.sources))

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _check(selection: Selection, folder: Path, jobs: int) -> None:
    """Refuse what cannot be done before any file is opened."""
    if jobs < 1:
        raise InputError(f"--jobs is {jobs} and must be 1 or more")
    if not selection.backgrounds:
        raise InputError(
            f"{selection.path}: there are no backgrounds, and without any the loosest cut is best",
            hint="add: backgrounds: {NAME: {files: [...], luminosity: fb^-1}}",
        )
    names = block(selection).values
    drawn = [f"{n}{w}.{end}" for n in names for w in ("", "_curves") for end in ("png", "pdf")]
    check_files(folder, {TABLE: [KIND.encode()], SNIPPET: [KIND_SNIPPET.encode()]}, drawn)


def _order(selection: Selection, found: Found, tuned: Sequence[Tuned]) -> tuple[str, list[str]]:
    """Return the parameter in which samples differ, and their ids in its order."""
    axes = telling_apart(list(found.samples.values()))
    if len(found.samples) > 1 and len(axes) != 1:
        raise InputError(
            f"the samples differ in {' and '.join(axes)}, and values are chosen along one of them",
            hint='name samples that differ in one, as in "delta == 0.1"',
        )
    named = {name for each in tuned for name in selection.values[each.name].names}
    axis = next((name for name in axes if name in named), axes[0])
    ids = sorted(found.samples, key=lambda name: found.samples[name]["parameters"][axis])
    return axis, ids


def _check_files(found: Found, planned: Planned, step: _Bar) -> None:
    sources = [source for some in found.sources.values() for source in some]
    for source in [*sources, *planned.sources]:
        check_ntuples([source])
        step()


def _remarks(result: _Result) -> Iterator[str]:
    """Yield what should be known before the values are used."""
    if result.split is None:
        yield (
            "the values were chosen on the same events that give the efficiency, which makes it"
            " look better than it is; optimise: {split: 'event % 2 == 0'} judges them on others"
        )
    for each in result.tuned:
        ends = (each.axis.values[0], each.axis.values[-1])
        for end, word in zip(ends, ("loosest", "tightest"), strict=True):
            here = [m for m, one in zip(result.masses, result.optima, strict=True)
                    if one.raw[each.name] == end]  # fmt: skip
            if here:
                yield (
                    f"{each.name}: the best value is the {word} of the range, {end:g}, at"
                    f" {_listed(result.axis, here)}"
                )
    poor = [m for m, one in zip(result.masses, result.optima, strict=True)
            if float(one.training.n_background) < FEW]  # fmt: skip
    if poor:
        yield (
            f"fewer than {FEW} simulated background events are left at {_listed(result.axis, poor)}"
            ": what one event more would add is in the figure of merit, and more events would tell"
        )


def _listed(axis: str, masses: Sequence[float]) -> str:
    shown = ", ".join(f"{mass:g}" for mass in masses[:5])
    more = f" and {len(masses) - 5} more" if len(masses) > 5 else ""  # noqa: PLR2004
    return f"{axis} = {shown}{more}"


def _document(result: _Result) -> Row:
    """Return the result as ``--format json`` prints it."""
    wanted = block(result.selection)
    return {
        "selection": result.selection.name,
        "a": wanted.a,
        "region": wanted.region,
        "split": result.split,
        "axis": result.axis,
        "values": {
            each.name: {
                "cut": each.cut,
                "variable": CANONICAL.text(each.variable.node),
                "operator": each.axis.operator,
                "range": [wanted.values[each.name].low, wanted.values[each.name].high],
                "steps": wanted.values[each.name].steps,
            }
            for each in result.tuned
        },
        "points": [
            {
                "sample_id": identity,
                result.axis: float(mass),
                "values": dict(one.values),
                "raw": dict(one.raw),
                "plateau": {name: list(found.plateau) for name, found in one.curves.items()},
                "training": _merit(one.training),
                "validation": None if one.validation is None else _merit(one.validation),
                "loss": one.loss,
                "loss_validation": one.loss_validation,
            }
            for identity, mass, one in zip(
                result.order, result.masses, result.optima, strict=True
            )
        ],
    }  # fmt: skip


def _merit(merit: Merit) -> Row:
    numbers = (
        merit.efficiency, merit.efficiency_error, merit.background, merit.background_error,
        merit.n_background, merit.value, merit.error, merit.cautious,
    )  # fmt: skip
    return {name: float(value) for name, value in zip(MERITS, numbers, strict=True)}


def _write(result: _Result, folder: Path, label: str | None) -> list[str]:
    """Write table, snippet and figures (none without a label); return their paths."""
    texts = {TABLE: _table(result), SNIPPET: _snippet(result, folder)}
    written = files.write(folder, texts)
    if label is None:
        return written
    from mcbook.report.figures.optima import Look, draw
    from mcbook.report.figures.symbols import Symbols

    look = Look(
        result.selection.name,
        result.axis if len(result.masses) > 1 else "",
        block(result.selection).a,
        label,
        Symbols(result.selection.deriver.model),
        {
            each.name: (each.axis.operator, CANONICAL.text(each.variable.node))
            for each in result.tuned
        },
    )
    drawn = draw(result.optima, result.masses, look, folder)
    return [*written, *(str(path) for path in drawn)]


def _table(result: _Result) -> str:
    """Return ``optimum.csv``: a row for each hypothesis."""
    names = [each.name for each in result.tuned]
    wanted = block(result.selection)
    top = (
        f"{KIND} eps/(a/2 + sqrt(B)): selection {result.selection.name}, region {wanted.region},"
        f" a = {wanted.a:g}\n"
        f"# chosen on {'all events' if result.split is None else f'events with {result.split}'};"
        " NAME_raw: the best at that point alone; NAME_low, NAME_high: within 1% of the best\n"
    )
    parts = ("",) if result.split is None else ("", "_validation")
    columns = [
        result.axis, *names, *(f"{name}_{end}" for name in names for end in ("raw", "low", "high")),
        *(f"{merit}{part}" for part in parts for merit in MERITS), "loss",
        *(["loss_validation"] * (result.split is not None)),
    ]  # fmt: skip
    for name in columns:
        if columns.count(name) > 1:
            raise InputError(
                f"{result.selection.path}: {name} is the name of two columns of {TABLE}",
                hint="call the value something else",
            )
    return table(top, columns, [list(_cells(result, i, names)) for i in range(len(result.optima))])


def _cells(result: _Result, row: int, names: Sequence[str]) -> Iterator[Any]:
    one = result.optima[row]
    yield float(result.masses[row])
    yield from (one.values[name] for name in names)
    for name in names:
        yield from (one.raw[name], *one.curves[name].plateau)
    for merit in filter(None, (one.training, one.validation)):
        yield from _merit(merit).values()
    yield one.loss
    if result.split is not None:
        yield "" if one.loss_validation is None else one.loss_validation


def _snippet(result: _Result, folder: Path) -> str:
    """Return ``values.yaml``: what is put into the selection in place of its values."""
    where = os.path.relpath(folder / TABLE, result.selection.folder)
    lines = [
        f"{KIND_SNIPPET} {result.selection.name}, in place of those that it has.",
        "# Efficiencies are free of the bias of the choice if the events that it was made on are",
        "# left out of them: training, with the condition of the split, does that.",
        "values:",
    ]
    for each in result.tuned:
        entry: str | float = result.optima[0].values[each.name]
        if len(result.optima) > 1:
            entry = f"{{of: {result.axis}, table: {_quoted(where)}, column: {each.name}}}"
        lines.append(f"  {each.name}: {entry}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
