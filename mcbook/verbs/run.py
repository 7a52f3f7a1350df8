"""``mcbook run``: makes the events of planned samples on this machine."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcbook import generators
from mcbook.catalog import files
from mcbook.catalog.dump import rows_among, stored_rows
from mcbook.catalog.lifecycle import retirements, said_of
from mcbook.catalog.store import Catalog, open_catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.generators.base import Program, Runnable
from mcbook.production.booking import Counts
from mcbook.production.extending import extend
from mcbook.production.foresight import foreseen
from mcbook.production.holding import let_go
from mcbook.production.making import Job
from mcbook.production.parts import split_events
from mcbook.production.publish import Folder, Progress, sweep
from mcbook.production.queue import Planned, why_not
from mcbook.production.rerender import Rerenderer
from mcbook.production.twins import Twinner, Twins, without_program
from mcbook.verbs.lookup import samples_to_make
from mcbook.verbs.work import Work

Row = dict[str, Any]
Instead = Callable[[], str | None]


def run(
    expression: str | None = None,
    *,
    generator: str | None = None,
    jobs: int = 1,
    events: int | None = None,
    limit: int | None = None,
    retry: bool = False,
    timeout_s: float | None = None,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Make the parts of samples that are planned, check them, and enter them in the books.

    What is made stays made: the same again goes on where it was stopped.

    Parameters
    ----------
    expression
        Which samples; None means all.
    generator
        Make only samples of this one; those that are planned for another are planned for it as
        well first, and their ids differ.
    jobs
        How many parts are made side by side.
    events
        Target of each sample: parts with seeds of their own are added up to it.
    limit
        At most so many parts.
    retry
        Take those that failed as well.
    timeout_s
        Longest time for one part [s].
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Only say what would be made.
    progress
        Called with the number of parts done and their total.

    Returns
    -------
    dict
        ``catalog``; ``parts``, counts: ``asked``, ``made``, ``adopted`` (their events were in place
        already), ``failed``, ``held`` (another mcbook is at them), ``left``; ``events``; ``cpu_s``
        and ``wall_s`` of the programs; ``failures``, each with ``sample``, ``part``, ``reason``,
        ``log``; ``stopped``, why the rest was left, or null; ``planned``, the new ``samples`` and
        ``parts`` that `generator` asked for; ``notes``.

    Raises
    ------
    InputError
        If an option or the expression is not right, it is the id of a retired sample, there is no
        catalog, a program is missing, or the generator can make none of the samples.
    """
    given = {"jobs": jobs, "events": events, "limit": limit, "timeout": timeout_s}
    for name, value in given.items():
        if value is not None and not value > 0:
            raise InputError(f"{name} is {value:g} and must be above 0")
    with open_catalog(catalog, mode="read") as opened:
        request = _Request(opened, generator, events, models_dir, dry_run)
        request.choose(expression)
        wanted = [files.PLANNED, files.FAILED] if retry else [files.PLANNED]
        listed = request.jobs(wanted, limit)
        work = Work(opened, deque(listed), len(listed) + request.more(), progress, wanted)
        if not dry_run:
            work.all(jobs, _programs((job.campaign for job in listed), request.instead), timeout_s)
            request.tidy()
        planned = {"samples": request.planned.new, "parts": request.planned.parts}
        told = {"planned": planned, "notes": request.notes}
        return {"catalog": opened.location, **work.report(), **told}


@dataclass(slots=True)
class _Request:
    """What is asked for, and what it comes to.

    `ids` are the samples as chosen, `twins` those that stand in for samples of other generators,
    and `planned` counts what of these is new.
    """

    opened: Catalog
    generator: str | None
    events: int | None
    models_dir: str | Path | None
    dry_run: bool
    notes: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    planned: Counts = field(default_factory=Counts)

    def choose(self, expression: str | None) -> None:
        """Find the samples, and plan what they lack."""
        with self.opened.reading() as books:
            self.ids = samples_to_make(books, expression, self.models_dir, self.notes)
        if self.generator is not None:
            self._plan_twins(self.generator)
        if self.events is not None and not self.dry_run:
            _extend(self.opened, self.ids, self.events, self.models_dir, self.instead)

    def _plan_twins(self, name: str) -> None:
        """Keep the samples of one generator, and have twins of the others."""
        with self.opened.reading() as books:
            found = Twinner(books, name, self.models_dir).twins(self.ids, self.events)
            rows = rows_among(books, "samples", "id", self.ids)
            own = [row["id"] for row in rows if row["generator"] == name]
            self.planned = foreseen(books, (s for batch in found.batches for s in batch.samples))
        if found.refused and not own and not found.batches:
            raise InputError(f"{name} makes none of these samples: {found.refused[0]}")
        if not self.dry_run and found.batches:
            check_roots(group.root for group in found.groups)
            _programs((batch.definition.campaign for batch in found.batches), self.instead)
            self.planned = found.book(self.opened)
        with self.opened.reading() as books:
            retired = retirements(books, found.ids())
        self.ids = own
        self.twins = [identity for identity in found.ids() if identity not in retired]
        self.notes += [*_told(found, name), *found.refused]
        self.notes += [f"left: {said_of(*one)}" for one in retired.items()]

    def instead(self) -> str | None:
        """Return a generator that needs none of the programs that are missing."""
        with self.opened.reading() as books:
            return without_program(books, self.ids, self.models_dir)

    def jobs(self, wanted: Sequence[str], limit: int | None) -> list[Job]:
        """Return the first parts in some states, those that can be made here."""
        ids = list(dict.fromkeys([*self.ids, *self.twins]))
        with self.opened.reading() as books:
            listed = list(Planned(books, self.models_dir, wanted, self.notes).jobs(ids))[:limit]
        if not self.dry_run:
            listed = _with_programs(listed, self.notes)
            check_roots(job.root for job in listed)
        return listed

    def more(self) -> int:
        """Return how many parts a dry run does not see, as nobody has planned them."""
        if not self.dry_run:
            return 0
        lacking = 0
        if self.events is not None:
            with self.opened.reading() as books:
                lacking = _missing(books, set(self.ids).difference(self.twins), self.events)
        return self.planned.parts + lacking

    def tidy(self) -> None:
        """Remove what killed runs left in the samples folders."""
        with self.opened.reading() as books:
            roots = books.roots()
        for root in roots.values():
            if root.is_dir():
                sweep(root)
                let_go(root)


def _told(found: Twins, name: str) -> Iterator[str]:
    for other, count in found.originals.items():
        what = f"{count} samples of {other} are" if count > 1 else f"1 sample of {other} is"
        yield f"{what} planned for {name} as well: ids differ"


def _missing(books: Reader, ids: Iterable[str], events: int) -> int:
    """Return how many parts samples lack to a target of events."""
    names = list(ids)
    there = books.parts_of(names)
    have = {name: sum(part.events for part in there.get(name, ())) for name in names}
    return sum(len(split_events(max(events - count, 0))) for count in have.values())


def _with_programs(jobs: list[Job], notes: list[str]) -> list[Job]:
    """Return the jobs whose programs are here, if any are; the others are told."""
    there, missing = [], Counter[str]()
    for job in jobs:
        program = job.campaign.program()
        if program.path is None:
            missing[f"{program.name} was not found: {program.wanted}"] += 1
        else:
            there.append(job)
    if not there:
        return jobs
    notes += [f"{count} parts left: {why}" for why, count in missing.items()]
    return there


def check_roots(roots: Iterable[Path]) -> None:
    """Refuse to make anything where a samples folder is gone: it was moved, or is not mounted."""
    for root in dict.fromkeys(roots):
        if not root.is_dir():
            raise InputError(
                f"the samples folder {root} is not there",
                hint="if it was moved, [roots] in mcbook.toml says where it is now:"
                " `mcbook catalog info` has the names",
            )


def _extend(
    opened: Catalog,
    ids: Sequence[str],
    events: int,
    models_dir: str | Path | None,
    instead: Instead,
) -> None:
    """Add the parts that samples lack to a target; those that cannot be made are left alone."""
    with opened.reading() as books:
        roots = books.roots()
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows_among(books, "samples", "id", ids):
            groups.setdefault((row["definition"], row["storage"]), []).append(row)
        definitions = {row["digest"]: row for row in stored_rows(books, "definitions")}
    again_of = {
        digest: Rerenderer(definitions[digest]["document"], models_dir) for digest, _ in groups
    }
    _programs((again.campaign for again in again_of.values() if not why_not(again)), instead)
    for (digest, storage), samples in groups.items():
        again = again_of[digest]
        if not why_not(again):
            generator = generators.get(samples[0]["generator"])
            with Folder(roots[storage]).open() as folder, opened.writing() as books:
                extend(books, folder, again, generator, samples, events)


def _programs(campaigns: Iterable[Runnable], instead: Instead = lambda: None) -> dict[str, str]:
    """Return the variables that name the programs which campaigns need.

    *instead* finds a generator that can do without them.

    Raises
    ------
    InputError
        If one was not found.
    """
    found: dict[str, str] = {}
    needed: dict[str, Program] = {}
    for campaign in {id(campaign): campaign for campaign in campaigns}.values():
        program = campaign.program()
        needed[program.name] = program
    for program in needed.values():
        if program.path is None:
            other = instead()
            way_out = f"; `mcbook run --generator {other}` makes them without it" if other else ""
            raise InputError(
                f"{program.name} was not found, and makes what is asked for",
                hint=f"{program.wanted}; `mcbook doctor` says what is found{way_out}",
            )
        if program.variable:
            found[program.variable] = os.path.abspath(program.path)  # noqa: PTH100 - no link read
    return found
