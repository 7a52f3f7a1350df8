"""Plans for one generator what is planned for another: twins of samples.

The name of a generator is part of an id, so a twin is a sample of its own, with the same process,
points, constants and target of events, and the settings that both generators know.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook import generators
from mcbook.catalog.dump import rows_among, stored_rows
from mcbook.catalog.files import GENERATED
from mcbook.catalog.store import Catalog
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.production.booking import Booker, Counts
from mcbook.production.canonical import canonical
from mcbook.production.plan import Batch, Plan, Planner
from mcbook.production.records import user_settings
from mcbook.production.rerender import Rerenderer
from mcbook.registry.loader import find_process, load_model, with_constants
from mcbook.registry.model import Process, SignalModel

Row = dict[str, Any]
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Twins of one model that go into one storage root."""

    model: SignalModel
    root: Path
    batches: tuple[Batch, ...]


@dataclass(slots=True)
class Twins:
    """Twins that are to exist.

    `originals` counts the samples that have one, by their generator. `refused` has a sentence for
    those that have none.
    """

    groups: list[Group] = field(default_factory=list)
    originals: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    @property
    def batches(self) -> list[Batch]:
        """All of them."""
        return [batch for group in self.groups for batch in group.batches]

    def ids(self) -> list[str]:
        """Return the ids of the twins."""
        return list(dict.fromkeys(s.id for batch in self.batches for s in batch.samples))

    def book(self, catalog: Catalog) -> Counts:
        """Write those that are not there yet, and return the counts."""
        total = Counts()
        for group in self.groups:
            counts = Booker(catalog, group.root).book(group.model, group.batches)
            catalog.accelerate(group.model.name, list(group.model.parameters))
            total.new += counts.new
            total.existing += counts.existing
            total.parts += counts.parts
        return total


@dataclass(frozen=True, slots=True)
class _Original:
    """A sample that gets a twin: what it is made with, the points that it serves, its target."""

    id: str
    parameters: Mapping[str, float]
    points: Sequence[Mapping[str, float]]
    events: int


class Twinner:
    """Finds twins of samples in the books.

    Parameters
    ----------
    books
        The books, open for reading.
    generator
        The generator that is to make them.
    models_dir
        A folder of models that is looked into first.

    Raises
    ------
    InputError
        If no generator is called so.
    """

    def __init__(self, books: Reader, generator: str, models_dir: str | Path | None) -> None:
        self.books = books
        self.generator = generators.get(generator)
        self.models_dir = models_dir

    def twins(self, ids: Sequence[str], events: int | None) -> Twins:
        """Return the twins of the samples that have parts without a file, or too few of them.

        Parameters
        ----------
        ids
            Samples; those that the generator makes already are passed over.
        events
            Least target of events, beside that of each sample.
        """
        found = Twins()
        roots = self.books.roots()
        definitions = {row["digest"]: row for row in stored_rows(self.books, "definitions")}
        for (digest, storage, constants), originals in self._grouped(ids, events or 0).items():
            document = definitions[digest]["document"]
            try:
                model, plans = self._plans(document, dict(constants), originals)
            except InputError as error:
                found.refused.append(f"{_named(originals)} left: {error.message}")
                continue
            batches = tuple(batch for plan in plans for batch in plan.batches)
            found.groups.append(Group(model, roots[storage], batches))
            found.originals[document["generator"]] += _served(originals, batches)
            found.refused += _rejections(plans, document["process"])
        return found

    def makes(self, document: Mapping[str, Any]) -> bool:
        """Return whether samples of a definition can be made with what comes with mcbook."""
        try:
            planner = self._planner(document, load_model(document["model"], self.models_dir))
            campaign = planner.generator.campaign(planner.model, planner.process, planner.settings)
            program = campaign.program()
        except InputError:
            return False
        return program.path is not None and not program.variable

    def _grouped(self, ids: Sequence[str], events: int) -> dict[Any, list[_Original]]:
        """Return originals by definition, storage root and constants of their points."""
        rows = [
            row
            for row in rows_among(self.books, "samples", "id", ids)
            if row["generator"] != self.generator.name
        ]
        parts = self.books.parts_of([row["id"] for row in rows])
        wanted = {
            row["id"]: row
            for row in rows
            if any(part.status != GENERATED for part in parts.get(row["id"], ()))
            or sum(part.events for part in parts.get(row["id"], ())) < events
        }
        versions = {
            row["digest"]: _constants(row["versions"])
            for row in stored_rows(self.books, "formula_sets")
        }
        points: dict[tuple[str, Any], list[Mapping[str, float]]] = {}
        for point in rows_among(self.books, "points", "sample_id", wanted):
            key = (point["sample_id"], versions[point["formulas"]])
            points.setdefault(key, []).append(point["parameters"])
        grouped: dict[Any, list[_Original]] = {}
        for (sample_id, constants), served in points.items():
            row = wanted[sample_id]
            target = max(row["events_target"], events)
            original = _Original(sample_id, row["parameters"], served, target)
            grouped.setdefault((row["definition"], row["storage"], constants), []).append(original)
        return grouped

    def _plans(
        self,
        document: Mapping[str, Any],
        constants: Mapping[str, float],
        originals: Sequence[_Original],
    ) -> tuple[SignalModel, list[Plan]]:
        """Return plans of twins: of those that share a sample, and of those with one for each."""
        changed = Rerenderer(document, self.models_dir).changed
        if changed is not None:
            raise InputError(f"{changed}; `mcbook generate` makes new ones")
        model = load_model(document["model"], self.models_dir)
        kept = {name: value for name, value in constants.items() if name in model.constants}
        model = with_constants(model, kept)
        planner = self._planner(document, model)
        plan = planner.plan(*_columns(model, originals))
        lonely = _lonely(originals, plan)
        if not lonely:
            return model, [plan]
        alone = self._planner(document, model, reuse=False)
        plans = [alone.plan(*_columns(model, lonely))]
        names = {original.id for original in lonely}
        if shared := [original for original in originals if original.id not in names]:
            plans.append(planner.plan(*_columns(model, shared)))
        return model, plans

    def _planner(
        self, document: Mapping[str, Any], model: SignalModel, *, reuse: bool = True
    ) -> Planner:
        process = find_process(model, document["process"])
        given = self._handed_on(document, model, process)
        return Planner(model, replace(process, generator=self.generator.name), given, reuse=reuse)

    def _handed_on(
        self, document: Mapping[str, Any], model: SignalModel, process: Process
    ) -> dict[str, Any]:
        """Return the settings of a definition that the generator would choose otherwise."""
        old = generators.get(document["generator"])
        settings = user_settings(document["settings"])
        old_usual = old.settings(model, replace(process, generator=old.name), {})
        known = self.generator.setting_names()
        for name in sorted(old.setting_names() & settings.keys() - known):
            if settings[name] != old_usual.get(name):
                raise InputError(
                    f"{name} is {settings[name]}, and {self.generator.name} has no such setting"
                )
        mine = replace(process, generator=self.generator.name)
        usual = self.generator.settings(model, mine, {})
        handed = {
            name: value
            for name, value in settings.items()
            if name in known and value != usual.get(name)
        }
        for name, value in handed.items():
            try:
                self.generator.settings(model, mine, {name: value})
            except InputError as error:
                raise InputError(
                    f"{name} is {value}, which {self.generator.name} does not take: {error.message}"
                ) from error
        return handed


def without_program(books: Reader, ids: Iterable[str], models_dir: str | Path | None) -> str | None:
    """Return a generator that makes samples whose program is missing with what is here.

    Parameters
    ----------
    books
        The books, open for reading.
    ids
        Samples.
    models_dir
        A folder of models that is looked into first.

    Returns
    -------
    str or None
        Its name, if it makes all of them with a program that comes with it.
    """
    digests = {row["definition"] for row in rows_among(books, "samples", "id", ids)}
    rows = rows_among(books, "definitions", "digest", sorted(digests))
    documents = [row["document"] for row in rows if _misses(row["document"], models_dir)]
    for name in generators.names():
        twinner = Twinner(books, name, models_dir)
        if documents and all(twinner.makes(document) for document in documents):
            return name
    return None


def _misses(document: Mapping[str, Any], models_dir: str | Path | None) -> bool:
    """Return whether the program that makes samples of a definition was not found."""
    try:
        again = Rerenderer(document, models_dir)
        return again.changed is None and again.campaign.program().path is None
    except InputError:
        return False


def _constants(versions: Mapping[str, str | float]) -> tuple[tuple[str, float], ...]:
    """Return the constants among what derived quantities are computed with."""
    return tuple((k, float(v)) for k, v in sorted(versions.items()) if not isinstance(v, str))


def _columns(
    model: SignalModel, originals: Sequence[_Original]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Return the points of samples as columns, and the target of each."""
    points = [(point, original.events) for original in originals for point in original.points]
    columns = {}
    for name, parameter in model.parameters.items():
        other = np.nan if parameter.default is None else parameter.default
        columns[name] = np.array([point.get(name, other) for point, _ in points], dtype=float)
    return columns, np.array([events for _, events in points], dtype=np.int64)


def _lonely(originals: Sequence[_Original], plan: Plan) -> list[_Original]:
    """Return samples with parameters other than those at which points share one."""
    made = {sample.id: sample.parameters for batch in plan.batches for sample in batch.samples}
    shared = {
        canonical(point.parameters): made[point.sample_id]
        for batch in plan.batches
        for point in batch.points
    }
    found = []
    for original in originals:
        together = shared.get(canonical(original.points[0]), original.parameters)
        if any(together.get(name) != value for name, value in original.parameters.items()):
            found.append(original)
    return found


def _served(originals: Sequence[_Original], batches: Iterable[Batch]) -> int:
    """Count the samples of whose points one has a twin at least."""
    there = {canonical(point.parameters) for batch in batches for point in batch.points}
    return sum(
        any(canonical(point) in there for point in original.points) for original in originals
    )


def _rejections(plans: Iterable[Plan], process: str) -> Iterator[str]:
    reasons = Counter(rejected.reason for plan in plans for rejected in plan.rejected)
    for reason, count in reasons.items():
        yield f"{count} point{'s' * (count > 1)} of {process} left: {reason}"


def _named(originals: Sequence[_Original]) -> str:
    names = ", ".join(original.id for original in originals[:_MOST_SHOWN])
    more = len(originals) - _MOST_SHOWN
    return f"{names} and {more} more" if more > 0 else names
