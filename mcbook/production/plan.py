"""From points to samples: rejections, sharing, ids, factors.

Everything here is computed for all points at once and touches neither a file nor the catalog.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook import generators
from mcbook.generators.base import Campaign, Generator, Settings
from mcbook.grid.points import Rejected
from mcbook.production import constants, sharing
from mcbook.production.canonical import canonical, digest
from mcbook.production.columns import (
    distinct_rows,
    finite_or_none,
    finite_rows,
    json_rows,
    record,
    records,
    take,
)
from mcbook.registry.bounds import apart
from mcbook.registry.closure import neutral_value, process_closure
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.loader import with_channels
from mcbook.registry.model import SHAPE, Parameter, Process, Role, SignalModel
from mcbook.registry.numbers import round9
from mcbook.registry.physics import BEYOND_TABLES

Array = NDArray[np.float64]
Columns = Mapping[str, Array]
Mask = NDArray[np.bool_]
ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class PlannedSample:
    """A sample that is to exist: `events` is the target.

    `derived` has NaN where a quantity is not defined. `derived_text` and `parameters_text` are
    JSON, with null there. `expected_rate` is what the generator should report for it: production
    times the fractions of its channels, in the unit of the production. `reasons` are the
    remarks of the deriver.
    """

    id: str
    digest: str
    parameters: dict[str, float]
    parameters_text: str
    derived: dict[str, float]
    derived_text: str
    expected_rate: float | None
    reasons: dict[str, str]
    events: int


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point, the sample that serves it, and the rate there over the rate of the sample.

    `parameters_text` and `derived_text` are JSON, with null for what is not defined. `wide` names
    the particles whose width shapes the events at this point.
    """

    sample_id: str
    digest: str
    parameters: dict[str, float]
    parameters_text: str
    derived_text: str
    factor: float | None
    reasons: dict[str, str]
    wide: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """Everything of a sample's identity except its parameters."""

    digest: str
    document: dict[str, Any]
    process: Process
    campaign: Campaign


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples with one definition, and the points that they serve."""

    definition: Definition
    samples: tuple[PlannedSample, ...]
    points: tuple[PlannedPoint, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a grid asks of one process."""

    batches: tuple[Batch, ...]
    rejected: tuple[Rejected, ...]
    warnings: tuple[str, ...]


class Planner:
    """Plans samples of one process.

    Parameters
    ----------
    model
        The signal model, with the values of its constants.
    process
        The process, or one channel of it.
    given
        Generator settings that the user gave.
    reuse
        Whether points that differ only in rate or lifetime share a sample.

    Raises
    ------
    InputError
        If the generator does not take the settings.
    """

    def __init__(
        self,
        model: SignalModel,
        process: Process,
        given: Mapping[str, Any],
        *,
        reuse: bool = True,
    ) -> None:
        self.model = model
        self.process = process
        self.reuse = reuse
        self.generator: Generator = generators.get(process.generator)
        self.settings: Settings = self.generator.settings(model, process, given)
        self.sqrt_s = float(self.settings.get("sqrt_s", SQRT_S))
        alpha = float(self.settings.get("alpha", ALPHA))
        self.deriver = Deriver(model, alpha=alpha, sqrt_s=self.sqrt_s)

    def plan(self, columns: Columns, events: NDArray[np.int64]) -> Plan:
        """Plan samples for points.

        Parameters
        ----------
        columns
            Every parameter of the model, shape (n_points,), NaN where absent.
        events
            Target of each point, shape (n_points,).
        """
        reasons, groups = self._sorted(columns, len(events))
        batches = [
            self._batch(definition, take(columns, index), derived, events[index])
            for definition, index, derived in groups
        ]
        rejected = [
            Rejected(record(columns, i), reasons[i]) for i in np.flatnonzero(reasons != "").tolist()
        ]
        return Plan(tuple(batches), tuple(rejected), tuple(self._warnings(columns, reasons == "")))

    def reasons(self, columns: Columns) -> list[str]:
        """Return why each point cannot be made, an empty text where it can."""
        reasons, _ = self._sorted(columns, len(next(iter(columns.values()))))
        return [str(reason) for reason in reasons]

    def roles(self) -> dict[str, Role]:
        """Return what each parameter does, as the settings and `reuse` leave it."""
        roles = dict(self.process.roles)
        for name, role in roles.items():
            in_cards = "lifetime" in role and self.settings.get("lifetime") == "generator"
            if in_cards or (role and not self.reuse):
                roles[name] = SHAPE
        return roles

    def restricted(self, channels: tuple[str, ...]) -> Process:
        """Return the process with only the named channels."""
        if len(channels) == len(self.process.channels):
            return self.process
        return with_channels(self.process, channels)

    def _sorted(
        self, columns: Columns, size: int
    ) -> tuple[NDArray[np.object_], list[tuple[Definition, NDArray[np.int64], dict[str, Array]]]]:
        """Return the reason of each rejected point, and the others by definition."""
        reasons = np.full(size, "", dtype=object)
        for mask, reason in self._rejections(columns):
            reasons[mask & (reasons == "")] = reason
        groups = []
        for process, index in self._by_open_channels(columns, reasons):
            derived = self.deriver.compute(take(columns, index))
            definition = self._definition(process)
            refused = np.full(len(index), "", dtype=object)
            here = take(columns, index)
            for rejection in (
                *definition.campaign.check(here, derived),
                *constants.rejections(
                    self.deriver, process, definition.document, here, self.sqrt_s
                ),
            ):
                refused[rejection.mask & (refused == "")] = rejection.reason
            reasons[index] = refused
            kept = refused == ""
            if kept.any():
                groups.append((definition, index[kept], take(derived, kept)))
        return reasons, groups

    def _rejections(self, columns: Columns) -> Iterator[tuple[Mask, str]]:
        for name in self.process.requires:
            vanishing: Mask = ~(np.abs(columns[name]) > 0)
            yield vanishing, f"{self.process.name} needs a {name} that is not zero or absent"
        yield from apart(self.model.together, columns)
        constraints = [*self.model.constraints, *self.process.constraints]
        for expression, holds in zip(
            constraints, self.deriver.evaluate(constraints, columns), strict=True
        ):
            yield ~holds.astype(bool), f"the constraint {expression.text} does not hold"

    def _by_open_channels(
        self, columns: Columns, reasons: NDArray[np.object_]
    ) -> Iterator[tuple[Process, NDArray[np.int64]]]:
        """Yield the process with the channels that are open, and the points where that is so."""
        alive = np.flatnonzero(reasons == "")
        if not len(alive):
            return
        found = sharing.closed_channels(
            self.deriver, self.process, take(columns, alive), self.sqrt_s
        )
        names = tuple(found)
        why = np.array(list(found.values()), dtype=object)
        table = why == ""
        for pattern in np.unique(table, axis=1).T:
            here = np.flatnonzero((table == pattern[:, None]).all(axis=0))
            kept = tuple(name for name, is_open in zip(names, pattern, strict=True) if is_open)
            if kept:
                yield self.restricted(kept), alive[here]
                continue
            for i in here:
                reasons[alive[i]] = "; ".join(dict.fromkeys(why[:, i]))

    def _definition(self, process: Process) -> Definition:
        campaign = self.generator.campaign(self.model, process, self.settings)
        reached = self.generator.reached(self.model, process, self.settings)
        document = {
            "closure": process_closure(self.model, process, reached),
            "generator": self.generator.name,
            "model": self.model.name,
            "process": process.name,
            "settings": self.settings,
            "templates": dict(campaign.templates),
        }
        return Definition(digest(canonical(document)), document, process, campaign)

    def _batch(
        self, definition: Definition, columns: Columns, derived: Columns, events: NDArray[np.int64]
    ) -> Batch:
        process = definition.process
        roles = self.roles()
        masks = sharing.shape_masks(self.deriver, process, roles, columns, self.sqrt_s)
        generated = {
            name: self._generated(name, roles[name], np.broadcast_to(masks[name], len(events)),
                                  columns[name])
            for name in self.model.parameters
        }  # fmt: skip
        first, inverse = distinct_rows(generated)
        unique = take(generated, first)
        described = constants.deriver_of_samples(self.deriver, definition.document)
        unique_derived = described.compute(unique)
        shaping = {name: np.broadcast_to(mask, len(events))[first] for name, mask in masks.items()}
        targets = np.zeros(len(first), dtype=np.int64)
        np.maximum.at(targets, inverse, events)
        rates = rate(described, process, unique, unique_derived)
        samples = tuple(
            self._samples(definition, unique, unique_derived, rates, shaping, targets.tolist())
        )
        with np.errstate(all="ignore"):
            factors = rate(self.deriver, process, columns, derived) / rates[inverse]
        points = tuple(
            self._points(definition, samples, inverse, columns, derived, finite_or_none(factors))
        )
        return Batch(definition, samples, points)

    def _generated(self, name: str, role: Role, shapes: NDArray[np.bool_], values: Array) -> Array:
        """Return the values of one parameter that the samples are generated with."""
        parameter = self.model.parameters[name]
        if role:
            other = sharing.reference_column(parameter, self.process)
        else:
            other = _unused_value(parameter)
        return np.where(shapes, values, round9(other) if np.isfinite(other) else np.nan)

    def _samples(
        self,
        definition: Definition,
        columns: Columns,
        derived: Columns,
        rates: Array,
        shaping: Mapping[str, NDArray[np.bool_]],
        events: list[int],
    ) -> Iterator[PlannedSample]:
        prefix = '{"definition":' + canonical(definition.document) + ',"parameters":'
        start = hashlib.sha256(prefix.encode("ascii"))
        parameters = records(columns)
        neutral = {n: neutral_value(p, self.process) for n, p in self.model.parameters.items()}
        flags = records(shaping)
        reasons = self.deriver.remarks(columns, derived, parameters)
        rows = zip(
            parameters, json_rows(columns), finite_rows(derived), json_rows(derived, null=True),
            strict=True,
        )  # fmt: skip
        for described, shapes, rate, why, target in zip(
            rows, flags, finite_or_none(rates), reasons, events, strict=True
        ):
            entering = {
                name: value
                for name, value in described[0].items()
                if shapes[name] and value != neutral[name]
            }
            hashed = start.copy()
            hashed.update((canonical(entering) + "}").encode("ascii"))
            full = hashed.hexdigest()
            yield PlannedSample(
                f"{self.model.name}-{full[:ID_DIGITS]}", full, *described, rate, why, target
            )

    def _points(
        self,
        definition: Definition,
        samples: tuple[PlannedSample, ...],
        inverse: NDArray[np.int64],
        columns: Columns,
        derived: Columns,
        factors: list[float | None],
    ) -> Iterator[PlannedPoint]:
        wide = sharing.wide_particles(self.deriver, definition.process, columns, self.sqrt_s)
        moved = constants.moved(self.model, definition.document)
        mark = canonical(moved) if moved else ""
        flagged = {name: mask.tolist() for name, mask in wide.items() if mask.any()}
        quantities = json_rows(derived, null=True)
        parameters = records(columns)
        texts = json_rows(columns)
        hashed = json_rows(dict(sorted(columns.items())))  # canonical JSON
        reasons = self.deriver.remarks(columns, derived, parameters)
        for i, (number, values) in enumerate(zip(inverse.tolist(), parameters, strict=True)):
            yield PlannedPoint(
                samples[number].id,
                digest(hashed[i] + mark),
                values,
                texts[i],
                quantities[i],
                factors[i],
                reasons[i],
                tuple(name for name, mask in flagged.items() if mask[i]),
            )

    def _warnings(self, columns: Columns, kept: NDArray[np.bool_]) -> Iterator[str]:
        if not kept.any():
            return
        inner = take(columns, kept)
        conditions = [warning.when for warning in self.model.warnings]
        held = self.deriver.evaluate(conditions, inner)
        for warning, mask in zip(self.model.warnings, held, strict=True):
            count = int(np.count_nonzero(mask))
            if count:
                yield f"{count} of {int(kept.sum())} points: {warning.text}"
        found = [self.model.particles[name].width for name in self.process.particle_names()]
        widths = {name for name in found if name is not None}
        used = widths.union(*map(self.deriver.depends_on, widths))
        for name, labels in self.deriver.labels(inner).items():
            for label, count in Counter(labels).items():
                if name in used and label.startswith(BEYOND_TABLES):
                    yield (
                        f"{count} of {len(labels)} points: {name} is beyond its table,"
                        f" its width_model there is {label!r}"
                    )


def rate(deriver: Deriver, process: Process, columns: Columns, derived: Columns) -> Array:
    """Return production times the fractions of the channels, shape (n_points,)."""
    total = derived[process.production]
    fractions = [c.fraction for c in process.channels if c.fraction is not None]
    if fractions:
        total = total * sum(deriver.evaluate(fractions, columns, derived))
    return total


def _unused_value(parameter: Parameter) -> float:
    return np.nan if parameter.default is None else parameter.default
