"""Expected background at hypotheses, from files and from samples of the books."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook.catalog import files as files_in_books
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.selection.count import count, kept_of
from mcbook.selection.records import Background, Files, Selection
from mcbook.selection.tasks import Cutflow
from mcbook.verbs.ntuples import Source, Told, Wanted, find_ntuples
from mcbook.verbs.selecting.counted import Step, fractions, left_after_training

Row = dict[str, Any]
Point = Mapping[str, float]

_LONG, _SHORT = 1_000_000, 10_000
_UNEVEN = 0.02


@dataclass(frozen=True, slots=True)
class Piece:
    """Ntuples that count with one weight on top of their own.

    `source` is None for files that are in no books; their weight is then known at once.
    """

    paths: tuple[Path, ...]
    weight: float
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """The backgrounds of a selection, each with its pieces."""

    pieces: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)

    @property
    def sources(self) -> list[Source]:
        """Ntuples that are from the books."""
        return [p.source for some in self.pieces.values() for p in some if p.source is not None]

    @property
    def own_files(self) -> list[Path]:
        """Files that are in no books."""
        return [
            path for some in self.pieces.values() for p in some if p.source is None
            for path in p.paths
        ]  # fmt: skip

    @property
    def n_pieces(self) -> int:
        """How many pieces there are to count."""
        return sum(len(some) for some in self.pieces.values())


def plan(
    books: Reader,
    selection: Selection,
    choices: Sequence[str],
    told: Told,
    models_dir: str | Path | None,
) -> Planned:
    """Return which ntuples stand for the backgrounds; files are not opened.

    Parameters
    ----------
    books
        The books, open for reading.
    selection
        The selection.
    choices
        What picks simulations (`mcbook.verbs.ntuples.parse_choices`).
    told
        Takes what should be known.
    models_dir
        A folder of models that is looked into first.

    Raises
    ------
    InputError
        If there is no luminosity to scale to, a file is not there, or samples have no ntuples or no
        cross section.
    """
    if not selection.backgrounds:
        return Planned()
    if selection.luminosity is None:
        raise InputError(
            f"{selection.path}: backgrounds are scaled to a luminosity, and there is none",
            hint="add: luminosity: NUMBER, in fb^-1",
        )
    return Planned({
        name: _of_samples(books, selection, one, choices, told, models_dir)
        if one.files is None
        else _of_files(selection, one, one.files)
        for name, one in selection.backgrounds.items()
    })  # fmt: skip


def _of_files(selection: Selection, one: Background, files: Files) -> tuple[Piece, ...]:
    weight = one.factor * float(selection.luminosity or 0) / float(one.luminosity or math.nan)
    left = even_share(selection, "training", where=one.where)
    return (Piece(tuple(files.paths()), weight / left),)


def even_share(
    selection: Selection, key: str, part: bool | None = None, *, where: str = ""
) -> float:
    """Return which share of the events of files in no books is left.

    How these are numbered is not known: it must be an even share of numbers, wherever they begin.

    Parameters
    ----------
    selection
        The selection.
    key
        ``training`` for what this leaves of all, ``split`` for what `part` has of that.
    part
        As in `mcbook.selection.count.selected`.
    where
        Where the background is named.

    Raises
    ------
    InputError
        If the share depends on where the numbers begin.
    """

    def share(size: int) -> float:
        left = kept_of(selection, size)
        return left / size if key == "training" else kept_of(selection, size, split=part) / left

    long, short = share(_LONG), share(_SHORT)
    if not short or abs(long / short - 1) > _UNEVEN:
        place = f"{where}: " if where else ""
        raise InputError(
            f"{place}which share of the events of its files is left by the {key} cannot be told",
            hint=f"an even share is as in {key}: 'event % 2 == 0'; or give the background as"
            " samples",
        )
    return long


def _of_samples(
    books: Reader,
    selection: Selection,
    one: Background,
    choices: Sequence[str],
    told: Told,
    models_dir: str | Path | None,
) -> tuple[Piece, ...]:
    """Return the pieces of samples, each scaled by the cross section that its generator found.

    What a filter before the ntuples leaves is in the factor: the filter of the file is of the
    signal.
    """
    wanted = Wanted(None, None, selection.tier, selection.campaigns, tuple(choices))
    try:
        found = find_ntuples(books, wanted, one.samples, told, models_dir=models_dir)
        told.warnings += _twice(one, found.samples.values())
        pieces = []
        for identity, sources in found.sources.items():
            rate = one.factor * _cross_section(books, identity)
            for source, share in zip(sources, fractions(selection, sources), strict=True):
                events = left_after_training(selection, source)
                weight = rate * float(selection.luminosity or 0) * share / events
                pieces.append(Piece(tuple(source.paths), weight, source))
    except InputError as error:
        raise InputError(f"{one.where}: {error.message}", hint=error.hint) from error
    return tuple(pieces)


def _twice(one: Background, samples: Iterable[Row]) -> list[str]:
    """Return what is said of a background with several samples of a process: they add up."""
    counts = Counter((row["model"], row["process"]) for row in samples)
    return [
        f"background {one.name}: the cross sections of {count} samples of {model} {process} add up:"
        " narrow its query if they stand for the same events"
        for (model, process), count in counts.items()
        if count > 1
    ]


def _cross_section(books: Reader, identity: str) -> float:
    """Return the cross section [fb] that the generator found for the process of a sample."""
    found = files_in_books.cross_section(files_in_books.of_sample(books, identity))
    if found is None:
        raise InputError(
            f"{identity} has no cross section of its generator",
            hint="`mcbook run` and `mcbook ingest` read it from the generated events",
        )
    return found[0]


def expected(
    selection: Selection, planned: Planned, points: Sequence[Point], *, jobs: int, step: Step
) -> list[Row]:
    """Return the expected events of each background at hypotheses.

    One of which no simulated event is left counts as one event of its least simulated sample, with
    an error as large: it is not known to be less, and no background at all would set limits that
    nobody measured.

    Parameters
    ----------
    selection
        The selection.
    planned
        Which ntuples are read.
    points
        The hypotheses.
    jobs
        How many files are read side by side.
    step
        Called after each piece.

    Returns
    -------
    list of dict
        ``point`` (its number), ``region``, ``background``, ``expected`` events at the luminosity,
        ``stat`` (error from the number of simulated events) and ``n``, this number, or 0.

    Raises
    ------
    InputError
        If something in the selection or in a file is not right.
    """
    found: list[Row] = []
    for name, pieces in planned.pieces.items():
        rows: dict[tuple[int, str], Row] = {}
        for piece in pieces:
            for place, flow in _flows(selection, name, piece, points, jobs):
                row = rows.setdefault(
                    (place, flow.region),
                    {"point": place, "region": flow.region, "background": name,
                     "expected": 0.0, "variance": 0.0, "n": 0},
                )  # fmt: skip
                end = flow.steps[-1]
                row["expected"] += piece.weight * float(end.sumw)
                row["variance"] += piece.weight**2 * float(end.sumw2)
                row["n"] += int(end.n)
            step()
        one = max((piece.weight for piece in pieces), default=0.0)
        for row in rows.values():
            row["stat"] = math.sqrt(row.pop("variance"))
            if not row["n"]:
                row["expected"] = row["stat"] = one
        found += rows.values()
    return found


def _flows(
    selection: Selection, name: str, piece: Piece, points: Sequence[Point], jobs: int
) -> list[tuple[int, Cutflow]]:
    """Return cutflows with the number of their hypothesis; regions of one follow each other."""
    try:
        most = None if piece.source is None else piece.source.most
        flows = count(selection, list(piece.paths), list(points), most=most, jobs=jobs)
    except InputError as error:
        raise InputError(f"background {name}: {error.message}", hint=error.hint) from error
    return numbered(flows, points)


def numbered(flows: Sequence[Cutflow], points: Sequence[Point]) -> list[tuple[int, Cutflow]]:
    """Return cutflows, each with the number of its hypothesis."""
    places = {_key(point): number for number, point in enumerate(points)}
    return [(places[_key(flow.hypothesis)], flow) for flow in flows]


def _key(point: Point) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(point.items()))


def totals(rows: Sequence[Mapping[str, Any]], region: str, n_points: int) -> list[Row]:
    """Return all backgrounds of a region together at each hypothesis: ``background``, ``stat``."""
    found = [{"background": 0.0, "stat": 0.0, "n": 0} for _ in range(n_points)]
    for row in rows:
        if row["region"] == region:
            total = found[row["point"]]
            total["background"] += row["expected"]
            total["stat"] = math.hypot(total["stat"], row["stat"])
            total["n"] += row["n"]
    return found


def remarks(rows: Sequence[Row], regions: Sequence[str], n_points: int) -> list[str]:
    """Return what should be known of the expected events before limits are set on them."""
    texts = []
    empty = Counter((row["background"], row["region"]) for row in rows if not row["n"])
    for (name, region), places in empty.items():
        texts.append(
            f"no simulated event of the background {name} is left in {region} at {places} of"
            f" {n_points} hypotheses: it counts there as one event, with an error as large"
        )
    for region in regions:
        some = totals(rows, region, n_points)
        if below := sum(one["background"] < 0 for one in some):
            texts.append(
                f"the expected background in {region} is below 0 at {below} of {n_points}"
                " hypotheses, by negative weights"
            )
    return texts
