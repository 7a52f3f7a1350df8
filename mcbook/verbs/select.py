"""``mcbook select``: from ntuples to cutflows, efficiencies and backgrounds."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.catalog import cutflows, efficiencies
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Writer
from mcbook.errors import InputError
from mcbook.production.publish import Progress, file_sha256
from mcbook.selection.digest import digest
from mcbook.selection.file import read_selection
from mcbook.selection.records import Selection
from mcbook.verbs.acceptance import telling_apart
from mcbook.verbs.ntuples import Found, Told, Wanted, check_ntuples, find_ntuples, parse_choices
from mcbook.verbs.selecting import backgrounds, counted, histograms, lifetimes, opened, place, texts
from mcbook.verbs.selecting.backgrounds import Planned
from mcbook.verbs.selecting.counted import Counted, Kept

Row = dict[str, Any]


def select(
    file: str | Path,
    expression: str | None = None,
    *,
    output: str | Path,
    name: str | None = None,
    jobs: int = 1,
    unblind: str | None = None,
    open_regions: Sequence[str] = (),
    simulations: Sequence[str] = (),
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Count what a selection keeps of the ntuples of samples, of backgrounds and, opened, of data.

    An efficiency is the weights that are kept over the generated events behind exactly the ntuples
    that were read, whatever became of these events before: those of a training are left out, and a
    filter before the ntuples is in the selection. Simulations of several campaigns are combined by
    the luminosities in the selection.

    Parameters
    ----------
    file
        The selection (``.yaml``; `mcbook.selection.file.read_selection`).
    expression
        Which samples, or the id of a simulation; None means all of its model and process.
    output
        A folder for the tables; it is made when it is not there. Files of this command in it are
        replaced, others stay.
    name
        What the efficiency map is called in the books; without it, it only goes to the folder.
    jobs
        How many files are read side by side.
    unblind
        Why data are read, in words; only then their files are opened, after the look is in the
        books. Events of closed regions stay masked.
    open_regions
        Closed regions that are opened as well.
    simulations
        Which simulations are meant where samples have several: ids, or ``KEY=VALUE`` with
        ``release``, ``campaign``, ``background``, ``experiment`` or ``decayer``.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Count everything but data, and write nothing.
    progress
        Called with the number of pieces of work done and their total.

    Returns
    -------
    dict
        ``catalog``; ``selection``, the digest of the frozen selection; ``id`` of the cutflow;
        ``name`` of the selection; ``new``, whether the cutflow was not in the books; ``map`` (its
        ``id``, ``name``, ``new``; None without a name); ``directory``; ``files`` (``read``, and the
        rows of the samples in them as ``events``); ``regions``; ``axes``; ``samples``, each with
        ``sample_id``, ``simulation_id``, ``parameters``, ``n_generated``, and ``regions``: by name
        ``n``, ``sumw``, ``sumw2``, ``efficiency``, ``error``; ``cutflows``, the rows;
        ``backgrounds``, each with the axes, ``region``, ``background``, ``expected``, ``stat``,
        ``n``; ``data``, None while they are closed, with ``unblinding``, ``opened``, ``closed`` and
        ``counts``; ``warnings``; ``notes``; ``written``, the files.

    Raises
    ------
    InputError
        If the selection, an ntuple or an option is not right, or nothing can be selected.
    WorkError
        If an ntuple is gone or is not what the books say, or something cannot be written.
    """
    selection = read_selection(file, models_dir=models_dir)
    opened.check_opening(selection, unblind, open_regions)
    folder = Path(output)
    place.check_folder(folder, selection.regions, selection.histograms)
    histograms.check(selection)
    if name is not None:
        efficiencies.check_name(name)
    told = Told([], [])
    wanted = Wanted(
        selection.model, selection.process, selection.tier, selection.campaigns,
        parse_choices(simulations), is_reweighted=bool(selection.lifetimes),
    )  # fmt: skip
    with open_catalog(catalog, mode="read") as books_at:
        with books_at.reading() as books:
            found = find_ntuples(books, wanted, expression, told, models_dir=models_dir)
            planned = backgrounds.plan(books, selection, wanted.choices, told, models_dir)
        made = _count(selection, found, planned, told, jobs, progress)
        if name is not None:
            rows = counted.efficiency_rows(made.kept)
            with books_at.reading() as books:
                efficiencies.check_free(books, name, efficiencies.digest_of(name, rows))
        if unblind is not None and not dry_run:
            made.open(unblind, open_regions, catalog=catalog, jobs=jobs)
        return _kept(books_at, made, folder, name, keep=not dry_run)


@dataclass(slots=True)
class _Made:
    """All that was counted."""

    selection: Selection
    frozen: str
    found: Found
    planned: Planned
    told: Told
    counted: list[Counted]
    kept: list[Kept]
    efficiencies: list[tuple[float, float]]
    axes: list[str]
    points: list[dict[str, float]]
    point_axes: list[str]
    backgrounds: list[Row]
    binned: dict[str, dict[str, Any]]
    data: Row | None = None

    def open(self, reason: str, regions: Sequence[str], **how: Any) -> None:
        """Record a look at the data, and count them."""
        self.data = opened.count_data(self.selection, reason, regions, self.points, **how)
        self.told.warnings += self.data.pop("warnings")
        for name, one in self.selection.histograms.items():
            if self.data["closed"] and one.region not in regions:
                self.told.notes.append(f"histogram {name}: {one.region} is not opened, no data")
                continue
            self.binned[f"{texts.DATA_HISTOGRAM_OF}{name}"] = histograms.of_data(
                self.selection, one, regions, how["jobs"]
            )
        if closed := self.data["closed"]:
            but = f" if they are not in {', '.join(regions)}" if regions else ""
            self.told.notes.append(
                f"the box stays closed: events in {', '.join(closed)} at any hypothesis count"
                f" nowhere in data{but}"
            )


def _count(
    selection: Selection,
    found: Found,
    planned: Planned,
    told: Told,
    jobs: int,
    progress: Progress | None,
) -> _Made:
    """Check the files and count them."""
    if jobs < 1:
        raise InputError(f"--jobs is {jobs} and must be 1 or more")
    frozen = digest(selection)
    samples = found.samples
    axes = telling_apart(list(samples.values()))
    sources = [source for some in found.sources.values() for source in some]
    checked = [*sources, *planned.sources]
    step = _Bar(progress, len(checked) + len(sources) + planned.n_pieces)
    for source in checked:
        check_ntuples([source])
        step()
    flows = counted.count_sources(selection, found, jobs=jobs, step=step)
    told.warnings += counted.remarks(flows)
    if selection.lifetimes:
        kept = lifetimes.reweighted(selection, found, flows, told, jobs=jobs)
    else:
        kept = counted.combined(selection, flows)
    kept = counted.corrected(selection, kept, samples)
    order = {name: number for number, name in enumerate(_in_order(samples, axes))}
    flows.sort(key=lambda one: order[one.source.sample_id])
    kept.sort(key=lambda one: order[one.sample_id])
    values = counted.efficiencies_of(kept)
    points, point_axes = _points(selection, samples, axes)
    rows = backgrounds.expected(selection, planned, points, jobs=jobs, step=step)
    if rows:
        told.warnings += backgrounds.remarks(rows, list(selection.regions), len(points))
    binned = _binned(selection, found, planned, axes, points, jobs)
    return _Made(
        selection, frozen, found, planned, told, flows, kept, values, axes, points, point_axes,
        rows, binned,
    )  # fmt: skip


def _binned(
    selection: Selection,
    found: Found,
    planned: Planned,
    axes: Sequence[str],
    points: Sequence[Mapping[str, float]],
    jobs: int,
) -> dict[str, dict[str, Any]]:
    """Return columns of the tables for fits, by the name of their file."""
    made: dict[str, dict[str, Any]] = {}
    for name, one in selection.histograms.items():
        made[f"{texts.TEMPLATE_OF}{name}"] = histograms.of_signal(selection, one, found, axes, jobs)
        if planned.pieces:
            made[f"{texts.HISTOGRAM_OF}{name}"] = histograms.of_backgrounds(
                selection, one, planned, points[0], jobs
            )
    return made


class _Bar:
    """Counts pieces of work."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._done, self._total = 0, total

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _in_order(samples: Mapping[str, Row], axes: Sequence[str]) -> list[str]:
    """Return the ids of samples by their parameters."""
    return sorted(samples, key=lambda name: [samples[name]["parameters"][axis] for axis in axes])


def _points(
    selection: Selection, samples: Mapping[str, Row], axes: list[str]
) -> tuple[list[dict[str, float]], list[str]]:
    """Return the hypotheses of backgrounds and data, and what tells them apart.

    Those of the file, or the points of the samples.
    """
    given = selection.hypothesis_points()
    if given:
        return given, list(given[0])
    return [dict(samples[name]["parameters"]) for name in _in_order(samples, axes)], axes


def _kept(at: Catalog, made: _Made, folder: Path, name: str | None, *, keep: bool) -> Row:
    """Put what was counted into the books and the folder, both or none."""
    rows = list(counted.cutflow_rows(made.counted))
    identity = cutflows.identity_of(cutflows.digest_of(made.selection.name, made.frozen, rows))
    files = _texts(made, identity)
    written: list[str] = []
    with at.writing(keep=keep) as books:
        flow, entry = _enter(books, made, rows, name, files[texts.EFFICIENCY])
        if keep:
            written, removed = place.write(folder, files, made.frozen)
            made.told.notes += [f"removed, of an earlier run: {one}" for one in removed]
    return {
        "catalog": at.location,
        "selection": made.frozen,
        "id": flow["id"],
        "name": made.selection.name,
        "new": flow["new"],
        "map": entry,
        "directory": str(folder),
        **_told(made, rows),
        "warnings": made.told.warnings,
        "notes": made.told.notes,
        "written": written,
    }


def _enter(
    books: Writer, made: _Made, rows: Sequence[Row], name: str | None, text: str
) -> tuple[Row, Row | None]:
    """Add the cutflow and, with a name, the map; return both."""
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    flow = cutflows.add(
        books, name=made.selection.name, selection=made.frozen, rows=rows,
        document=_document(made, sha256),
    )  # fmt: skip
    if name is None:
        return flow, None
    entry = efficiencies.add(
        books, name=name, sha256=sha256, rows=counted.efficiency_rows(made.kept)
    )
    return flow, {key: entry[key] for key in ("id", "name", "new")}


def _document(made: _Made, sha256: str) -> Row:
    """Return what a cutflow says beside its rows; `efficiency` is the SHA-256 of that table."""
    selection = made.selection
    sources = [source for some in made.found.sources.values() for source in some]
    ntuples = [one for source in [*sources, *made.planned.sources] for one in source.ntuples]
    files = [{"path": one.name, "sha256": one.sha256} for one in ntuples]
    files += [
        {"path": path.relative_to(selection.folder).as_posix()
         if path.is_relative_to(selection.folder) else path.name,
         "sha256": file_sha256(path)}
        for path in made.planned.own_files
    ]  # fmt: skip
    share = selection.filter
    return {
        "schema": 1,
        "files": files,
        "efficiency": sha256,
        "warnings": list(made.told.warnings),
        "filter": None if share is None else {
            "value": share.value, "relative_error": share.relative_error, "source": share.source,
        },
        "campaigns": dict(selection.campaigns),
        "settings": {"tier": selection.tier, "model": selection.model,
                     "process": selection.process, "luminosity": selection.luminosity},
    }  # fmt: skip


def _texts(made: _Made, identity: str) -> dict[str, str]:
    """Return the files by name."""
    selection, samples = made.selection, made.found.samples

    def top(name: str, *more: str) -> str:
        what = texts.TITLES[name]
        return texts.head(selection, made.frozen, what, f"cutflow {identity}", *more)

    files = {
        texts.CUTFLOW: texts.cutflow(top(texts.CUTFLOW), made.counted, samples,
                                     made.axes),
        texts.EFFICIENCY: texts.efficiency(top(texts.EFFICIENCY), made.kept, samples, made.axes),
        texts.SYSTEMATICS: texts.systematics(
            top(texts.SYSTEMATICS), selection,
            counted.points_of(selection, made.kept, samples), made.axes,
            [(samples[one.source.sample_id]["parameters"], one.of_width) for one in made.counted],
        ),
    }  # fmt: skip
    if made.backgrounds:
        title = top(texts.BACKGROUNDS, f"at {selection.luminosity:g} fb^-1")
        files |= texts.backgrounds(title, made.backgrounds, made.points, made.point_axes)
    for name, columns in made.binned.items():
        start = next(s for s in reversed(texts.OF_HISTOGRAMS) if name.startswith(s))
        what = texts.HISTOGRAM_TITLES[start]
        title = texts.head(selection, made.frozen, what, f"cutflow {identity}")
        files[f"{name}.csv"] = texts.histogram(title, columns)
    if made.data is not None:
        title = top(texts.DATA)
        files |= texts.data(title, made.data["counts"], made.points, made.point_axes)
    return files


def _told(made: _Made, rows: Sequence[Row]) -> Row:
    """Return the numbers as JSON has them."""
    sources = [source for some in made.found.sources.values() for source in some]
    read = sum(len(source.ntuples) for source in [*sources, *made.planned.sources])
    samples = made.found.samples
    told: dict[tuple[Any, ...], Row] = {}
    for one, (value, error) in zip(made.kept, made.efficiencies, strict=True):
        parameters = {**samples[one.sample_id]["parameters"], **one.axes}
        entry = told.setdefault((one.sample_id, *one.axes.values()), {
            "sample_id": one.sample_id, "simulation_id": one.simulation_id,
            "parameters": parameters, "n_generated": one.n_generated, "regions": {},
        })  # fmt: skip
        entry["regions"][one.region] = {
            "n": one.n, "sumw": one.sumw, "sumw2": one.sumw2, "efficiency": value, "error": error,
        }  # fmt: skip
    return {
        "files": {
            "read": read + len(made.planned.own_files),
            "events": sum(int(one.flows[0].steps[0].n) for one in made.counted),
        },
        "regions": list(made.selection.regions),
        "axes": [*made.axes, *made.kept[0].axes],
        "samples": list(told.values()),
        "cutflows": list(rows),
        "backgrounds": _at_points(made, made.backgrounds),
        "data": made.data and {**made.data, "counts": _at_points(made, made.data["counts"])},
    }


def _at_points(made: _Made, rows: Sequence[Row]) -> list[Row]:
    """Return rows with the parameters of their hypothesis in place of its number."""
    return [
        {name: made.points[row["point"]][name] for name in made.point_axes}
        | {key: value for key, value in row.items() if key != "point"}
        for row in rows
    ]
