"""Which ntuples stand for a sample, and how many generated events stand behind them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcbook.catalog import simulations
from mcbook.catalog.result import SIMULATION
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError, WorkError, did_you_mean
from mcbook.production.publish import Progress, file_sha256
from mcbook.verbs.efficiencies import known_samples
from mcbook.verbs.lookup import samples_to_make

Row = dict[str, Any]

CHOICES = ("release", "campaign", "background", "experiment", "decayer")
"""What of the conditions picks simulations, as in ``release=light-2401-ocicat``."""

_CONDITIONS = (
    "release", "global_tags", "experiment", "run_first", "run_last", "background", "decayer",
)  # fmt: skip
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Ntuple:
    """A file, its SHA-256, and the numbers of events of the jobs behind it, by key.

    `name` is its path below its storage root.
    """

    path: Path
    name: str
    sha256: str
    jobs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Source:
    """The ntuples of one simulation of a sample, and how it displaces particles."""

    sample_id: str
    simulation_id: str
    campaign: str
    ntuples: tuple[Ntuple, ...]
    displacement: tuple[Row, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [one.path for one in self.ntuples]

    @property
    def job_events(self) -> list[int]:
        """How many generated events went into each job behind the files."""
        return [events for one in self.ntuples for events in one.jobs.values()]

    @property
    def most(self) -> dict[str, int]:
        """The largest number of events of a job behind each file, by its path."""
        return {str(one.path): max(one.jobs.values(), default=0) for one in self.ntuples}

    @property
    def n_generated(self) -> int:
        """How many generated events stand behind the files, whatever became of them."""
        return sum(self.job_events)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: samples of a model and process (of any, if these are None), a tier.

    `campaigns` has luminosities by name; `choices` pick simulations (`parse_choices`). Simulations
    of one campaign that differ in lifetimes may go together where lifetimes are reweighted
    (`is_reweighted`).
    """

    model: str | None
    process: str | None
    tier: str
    campaigns: Mapping[str, float]
    choices: tuple[str, ...] = ()
    is_reweighted: bool = False

    @property
    def kind(self) -> str:
        """Model and process in words, which begin with a space where there are any."""
        return "" if self.model is None else f" of {self.model} {self.process}"


@dataclass(slots=True)
class Told:
    """What somebody should know: `warnings` change numbers, `notes` do not."""

    warnings: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of the samples by id, and the sources of each: simulations of all campaigns."""

    samples: Mapping[str, Row]
    sources: Mapping[str, tuple[Source, ...]]


def find_ntuples(
    books: Reader,
    wanted: Wanted,
    expression: str | None,
    told: Told,
    *,
    models_dir: str | Path | None = None,
) -> Found:
    """Return the ntuples of samples, with the jobs behind each.

    Parameters
    ----------
    books
        The books, open for reading.
    wanted
        Which samples and simulations come into question.
    expression
        Which samples, or the id of a simulation; None means all of the model and process.
    told
        Gets what was left out, and where jobs have no ntuple.
    models_dir
        A folder of models that is looked into first.

    Raises
    ------
    InputError
        If the expression is not right, no sample has an ntuple, or several simulations of one
        campaign have some and nothing says which is meant.
    """
    text, choices = _meant(books, wanted, expression)
    both = f"model == '{wanted.model}' and process == '{wanted.process}'"
    ids = samples_to_make(books, text or both, models_dir, told.notes)
    samples = _of_process(known_samples(books, set(ids)), wanted, told)
    rows = [
        row for row in simulations.of_samples(books, sorted(samples)) if _is_chosen(row, choices)
    ]
    made = _Lists(books, rows, wanted.tier, told)
    by_sample: dict[str, list[Row]] = {}
    for row in rows:
        by_sample.setdefault(row["sample_id"], []).append(row)
    sources = {}
    for identity in samples:
        found = _sources(by_sample.get(identity, []), made, wanted, told)
        if found:
            sources[identity] = found
    if made.other_campaigns:
        names = ", ".join(sorted(set(made.other_campaigns)))
        told.notes.append(
            f"{_many(len(made.other_campaigns), 'simulation')} left: of {names}, which is not among"
            " the campaigns of the selection"
        )
    _tell_missing(books, sources, made, told)
    if without := len(samples) - len(sources):
        told.notes.append(
            f"{_many(without, 'sample')} left: no ntuple of tier {wanted.tier} that can be used"
        )
    if not sources:
        raise InputError(
            f"no sample{wanted.kind} has an ntuple of tier {wanted.tier} in the books"
            + (f" that matches {expression!r}" if expression else ""),
            hint="; ".join(
                [
                    *told.warnings,
                    *told.notes,
                    f"`mcbook ingest FILE... --tier {wanted.tier}` enters them",
                    "`mcbook smear` makes some",
                ]
            ),
        )
    return Found({name: samples[name] for name in sources}, sources)


def _meant(
    books: Reader, wanted: Wanted, expression: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """Return the expression over samples, and what picks simulations of them."""
    if expression is None:
        return None, wanted.choices
    if Path(expression).is_file():
        raise InputError(
            f"{expression}: it is a file, and the ntuples of samples are found in the books",
            hint=f"`mcbook ingest {expression}` enters it, if the books do not know it yet; the"
            " argument says which samples",
        )
    if SIMULATION.search(expression.strip()):
        its = simulations.find(books, expression.strip())
        return its["sample_id"], (*wanted.choices, its["id"])
    return expression, wanted.choices


def check_ntuples(sources: Iterable[Source], progress: Progress | None = None) -> None:
    """Compare files with what the books know of them.

    Raises
    ------
    WorkError
        If files are gone or others.
    """
    listed = [one for source in sources for one in source.ntuples]
    gone, changed = [], []
    for number, one in enumerate(listed, 1):
        if not one.path.is_file():
            gone.append(one.path)
        elif file_sha256(one.path) != one.sha256:
            changed.append(one.path)
        if progress is not None:
            progress(number, len(listed))
    if gone:
        raise WorkError(
            f"{gone[0]} is gone" + _others(len(gone) - 1),
            hint="`mcbook ingest` finds a file again where it is now",
        )
    if changed:
        raise WorkError(
            f"{changed[0]} is not the file that the books know" + _others(len(changed) - 1),
            hint="an efficiency of other events than those of its jobs would come out",
        )


def parse_choices(given: Sequence[str]) -> tuple[str, ...]:
    """Return what picks simulations, checked: ids, or ``KEY=VALUE`` with a key of `CHOICES`.

    Raises
    ------
    InputError
        If one is neither.
    """
    for text in given:
        key, sign, _ = text.partition("=")
        if sign and key.strip() not in CHOICES:
            raise InputError(
                f"--simulation: {key.strip()!r} is none of {', '.join(CHOICES)}",
                hint=did_you_mean(key.strip(), CHOICES),
            )
        if not sign and not SIMULATION.search(text.strip()):
            raise InputError(
                f"--simulation: {text!r} is no id of a simulation",
                hint="`mcbook simulations` lists them; or as in --simulation release=NAME",
            )
    return tuple(given)


def _is_chosen(row: Row, choices: Sequence[str]) -> bool:
    """Return whether a simulation is meant: all KEY=VALUE hold, and one of the ids of its sample.

    An id says nothing of other samples.
    """
    ids = {text.strip() for text in choices if "=" not in text}
    of_sample = {one for one in ids if SIMULATION.sub("", one) == row["sample_id"]}
    if of_sample and row["id"] not in of_sample:
        return False
    pairs = (text.partition("=") for text in choices if "=" in text)
    return all(str(row[key.strip()]) == value.strip() for key, _, value in pairs)


def _of_process(samples: dict[str, Row], wanted: Wanted, told: Told) -> dict[str, Row]:
    """Return the samples of the model and process; how many others were named is told."""
    if wanted.model is None:
        return samples
    kind = (wanted.model, wanted.process)
    mine = {name: row for name, row in samples.items() if (row["model"], row["process"]) == kind}
    if others := len(samples) - len(mine):
        told.notes.append(f"{_many(others, 'sample')} left: not{wanted.kind}")
    return mine


class _Lists:
    """Jobs and files of simulations."""

    def __init__(self, books: Reader, rows: Sequence[Row], tier: str, told: Told) -> None:
        ids = [row["id"] for row in rows]
        self.jobs = simulations.jobs_of(books, ids)
        self.files = {}
        self.other_campaigns: list[str] = []
        roots = books.roots()
        on_grid = 0
        for identity, files in simulations.files_of(books, ids).items():
            mine = [file for file in files if file["tier"] == tier]
            here = [file for file in mine if file["path"] is not None and file["sha256"]]
            on_grid += len(mine) - len(here)
            events = {job["key"]: int(job["events"]) for job in self.jobs.get(identity, [])}
            self.files[identity] = tuple(
                Ntuple(
                    roots[file["storage"]] / file["path"],
                    file["path"],
                    file["sha256"],
                    {key: events[key] for key in file["jobs"]},
                )
                for file in sorted(here, key=lambda file: str(file["path"]))
            )
        if on_grid:
            told.warnings.append(
                f"{_many(on_grid, 'ntuple')} on the grid only: fetch and ingest them to use them"
            )

    def source(self, row: Row) -> Source:
        """Return the ntuples of a simulation."""
        files = self.files.get(row["id"], ())
        displacement = tuple(row["displacement"])
        return Source(row["sample_id"], row["id"], row["campaign"], files, displacement)


def _sources(
    rows: Sequence[Row], made: _Lists, wanted: Wanted, told: Told
) -> tuple[Source, ...] | None:
    """Return the simulations of one sample that count, those of one campaign together."""
    found: dict[str, list[Source]] = {}
    for row in rows:
        source = made.source(row)
        if not source.ntuples:
            continue
        if wanted.campaigns and source.campaign not in wanted.campaigns:
            made.other_campaigns.append(source.campaign)
            continue
        if source.campaign in found and not (wanted.is_reweighted and _is_alike(row, rows)):
            other = found[source.campaign][0].simulation_id
            raise InputError(
                f"{source.sample_id} has ntuples of several simulations of the campaign"
                f" {source.campaign}: {other} and {source.simulation_id}",
                hint="say which is meant: --simulation ID, or as in --simulation release=NAME",
            )
        found.setdefault(source.campaign, []).append(source)
    if not found:
        return None
    if len(found) > 1 and not wanted.campaigns:
        raise InputError(
            f"{rows[0]['sample_id']} has ntuples of several campaigns: {', '.join(sorted(found))}",
            hint="give their luminosities in the selection, campaigns: {NAME: fb^-1}, or pick one"
            " with --simulation campaign=NAME",
        )
    if missing := [name for name in wanted.campaigns if name not in found]:
        told.warnings.append(
            f"{rows[0]['sample_id']} left: it has no ntuple of the campaign {', '.join(missing)}"
        )
        return None
    return tuple(one for name in wanted.campaigns or sorted(found) for one in found[name])


def _is_alike(row: Row, others: Sequence[Row]) -> bool:
    """Return whether simulations of the same campaign differ in nothing but lifetimes."""
    same = [other for other in others if other["campaign"] == row["campaign"]]
    return all(other[key] == row[key] for other in same for key in _CONDITIONS)


def _tell_missing(
    books: Reader, sources: Mapping[str, tuple[Source, ...]], made: _Lists, told: Told
) -> None:
    """Tell how many jobs and parts have no ntuple."""
    parts = books.parts_of(sorted(sources))
    texts = [
        text
        for identity, listed in sources.items()
        for source in listed
        for text in _missing(source, made.jobs[source.simulation_id], parts.get(identity, []))
    ]
    more = len(texts) - _MOST_TOLD
    told.warnings += texts[:_MOST_TOLD]
    if more > 0:
        told.warnings.append(f"{more} more simulations have jobs or parts without ntuple")


def _missing(source: Source, jobs: Sequence[Row], parts: Sequence[Any]) -> Iterator[str]:
    held = {key for one in source.ntuples for key in one.jobs}
    lost = [job for job in jobs if job["key"] not in held]
    ending = "have no ntuple: its efficiency rests on the others"
    total = sum(int(job["events"]) for job in jobs)
    if lost:
        events = sum(int(job["events"]) for job in lost)
        yield (
            f"{len(lost)} of {len(jobs)} jobs, {events:,} of {total:,} events, of"
            f" {source.simulation_id} {ending}"
        )
    simulated = {job["part"] for job in jobs}
    idle = [part for part in parts if part.number not in simulated]
    if idle:
        events, total = (sum(part.events for part in some) for some in (idle, parts))
        yield (
            f"{len(idle)} of {len(parts)} parts, {events:,} of {total:,} events, of"
            f" {source.sample_id} have no job in {source.simulation_id}: its efficiency rests on"
            " the others"
        )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _others(count: int) -> str:
    return f", and {count} more" * (count > 0)
