"""Cross sections that a generator reported, for analyses that want them in place of Born."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import Analysis, Channel
from mcbook.analysis.tables import check_columns, read_table
from mcbook.errors import InputError
from mcbook.registry.expressions import parse

Array = NDArray[np.float64]

_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class GeneratedRates:
    """What generators reported for samples of one set of settings.

    Attributes
    ----------
    process
        Process of each sample, shape (n,).
    columns
        Every parameter that the samples were made with, shape (n,) each.
    rate, error
        Cross section of the process as written, fractions included, and its error [fb], shape (n,).
    alpha, isr, sqrt_s
        Settings of the samples.
    """

    process: tuple[str, ...]
    columns: Mapping[str, Array]
    rate: Array
    error: Array
    alpha: float
    isr: str
    sqrt_s: float

    def check(self, analysis: Analysis) -> None:
        """Check that settings and processes are those of the analysis.

        Raises
        ------
        InputError
            If they are not.
        """
        fixed = analysis.deriver.fixed
        for name, ours, theirs in (
            ("alpha", fixed["alpha"], self.alpha),
            ("sqrt_s", fixed["sqrt_s"], self.sqrt_s),
        ):
            if abs(ours - theirs) > _SAME * ours:
                raise InputError(
                    f"{analysis.path}: the generated cross sections have {name} = {theirs:.9g}"
                    f" and the analysis {ours:.9g}"
                )
        if self.isr != analysis.isr:
            raise InputError(
                f"{analysis.path}: the generated cross sections have isr: {self.isr} and the"
                f" analysis {analysis.isr}"
            )
        for channel in analysis.channels:
            if channel.process.name not in self.process:
                raise InputError(
                    f"{channel.where}: there is no generated cross section of"
                    f" {channel.process.name}",
                    hint="name a table of them under generated:, or write cross_section: born",
                )

    def k_factor(
        self, analysis: Analysis, channel: Channel, columns: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        """Return the generated over the Born cross section at points, and its relative error.

        The ratio moves slowly with the masses, unlike the cross section. It is interpolated
        linearly between samples along the parameter that shapes them, and is NaN beyond them.

        Raises
        ------
        InputError
            If the samples differ in more than one parameter that shapes events.
        """
        rows = np.array([name == channel.process.name for name in self.process])
        here = {name: values[rows] for name, values in self.columns.items()}
        fractions = [c.fraction for c in channel.process.channels if c.fraction is not None]
        born, *parts = analysis.deriver.evaluate(
            [parse(channel.process.production), *fractions], here
        )
        with np.errstate(all="ignore"):
            ratio = self.rate[rows] / (born * (np.sum(parts, axis=0) if parts else 1.0))
            error = self.error[rows] / self.rate[rows]
        shaping = [
            name for name, role in channel.process.roles.items()
            if "shape" in role and name in here and len(np.unique(here[name])) > 1
        ]  # fmt: skip
        size = len(next(iter(columns.values())))
        if len(shaping) > 1:
            raise InputError(
                f"{channel.where}: generated cross sections are interpolated in one parameter, and"
                f" the samples differ in {', '.join(shaping)}",
                hint="write cross_section: born",
            )
        if not shaping:
            return _single(channel, here, columns, (ratio, error), size)
        name = shaping[0]
        order = np.argsort(here[name])
        nodes = here[name][order]
        inside = (columns[name] >= nodes[0]) & (columns[name] <= nodes[-1])
        found = np.interp(columns[name], nodes, ratio[order])
        return np.where(inside, found, np.nan), np.interp(columns[name], nodes, error[order])


RATE, ERROR = "cross_section_fb", "cross_section_error_fb"


def read_generated(analysis: Analysis) -> GeneratedRates | None:
    """Return the cross sections in the tables that the channels name; None where none does.

    A row is a sample: its parameters, and what the generator reported for the process as written.
    A parameter without a column is where the analysis fixes it, else at its reference.

    Raises
    ------
    InputError
        If a table is not right, or only some of the channels have one.
    """
    given = [channel for channel in analysis.channels if channel.generated is not None]
    if not given or analysis.samples is None:
        return None
    parameters = analysis.model.parameters
    parts: dict[str, list[Array]] = {name: [] for name in (*parameters, RATE, ERROR)}
    processes: list[str] = []
    for channel in analysis.channels:
        if channel.generated is None:
            raise InputError(
                f"{channel.where}: there is no table of generated cross sections, and"
                f" {given[0].name} has one",
                hint="name one under generated:",
            )
        if channel.process.name in processes:
            continue
        table = read_table(channel.generated, f"{channel.where}.generated")
        check_columns(table, [RATE, ERROR], list(parameters), str(channel.generated))
        if (table[RATE] <= 0).any() or (table[ERROR] < 0).any():
            raise InputError(f"{channel.generated}: a cross section is not above 0")
        size = len(table[RATE])
        processes += [channel.process.name] * size
        for name, values in parts.items():
            values.append(table.get(name, np.full(size, _standing(analysis, name))))
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    samples = analysis.samples
    rate, error = columns.pop(RATE), columns.pop(ERROR)
    return GeneratedRates(
        tuple(processes), columns, rate, error, samples.alpha, samples.isr, samples.sqrt_s
    )


def _standing(analysis: Analysis, name: str) -> float:
    """Return the value of a parameter that no column of a table gives."""
    if name not in analysis.model.parameters:
        return np.nan
    parameter = analysis.model.parameters[name]
    values = (analysis.grid.fixed.get(name), parameter.reference, parameter.default)
    return next((float(value) for value in values if isinstance(value, int | float)), np.nan)


def _single(
    channel: Channel,
    here: Mapping[str, Array],
    columns: Mapping[str, Array],
    found: tuple[Array, Array],
    size: int,
) -> tuple[Array, Array]:
    """Return the ratio of the only sample, at points with its shape parameters."""
    same = np.ones(size, dtype=bool)
    for name, role in channel.process.roles.items():
        if "shape" in role and name in here:
            same &= np.isclose(columns[name], here[name][0], rtol=1e-8)
    return np.where(same, found[0][0], np.nan), np.full(size, found[1][0])
