"""Signal events at points: normalisation x cross section x branching fraction x efficiency.

The cross section is the registry's production, before any decay. The fractions of a process are
those that its samples contain, and `signal_fraction` one that they do not; each is multiplied once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.counts import quantities
from mcbook.analysis.digest import not_here
from mcbook.analysis.generated import GeneratedRates
from mcbook.analysis.hypotheses import closed, evaluate, split
from mcbook.analysis.records import Analysis, Channel
from mcbook.efficiency.evaluated import Efficiencies
from mcbook.errors import InputError
from mcbook.registry.expressions import parse

Array = NDArray[np.float64]
Reasons = NDArray[np.object_]

ROUNDING = 1e-9
"""How far above 1 a sum of fractions may be."""

_SIGNAL_B = 2.0
"""Either B of a pair may be the signal; samples are made with exactly one."""


class EfficiencyLike(Protocol):
    """What an analysis needs of an efficiency map."""

    def evaluate(self, columns: Mapping[str, Array]) -> Efficiencies:
        """Return efficiencies at points."""


@dataclass(frozen=True, slots=True)
class Yields:
    """Signal of one channel at n points.

    Attributes
    ----------
    events
        Expected events, shape (n,); NaN where refused.
    production
        Cross section before decays [fb], or branching fraction of the B meson, shape (n,).
    fraction
        Branching fractions of all decays, shape (n,).
    efficiency
        Shape (n,); NaN where refused, 0 where the channel is closed.
    mc_error, interpolation_error
        Relative errors of the efficiency, shape (n,).
    rate_error
        Relative error of a generator's cross section, shape (n,).
    flag, reasons
        How the efficiency came about, and why there is none, shape (n,).
    samples
        Sample ids behind each efficiency.
    """

    events: Array
    production: Array
    fraction: Array
    efficiency: Array
    mc_error: Array
    interpolation_error: Array
    rate_error: Array
    flag: Reasons
    reasons: Reasons
    samples: tuple[tuple[str, ...], ...]


class SignalModelOf:
    """Computes signal yields of an analysis.

    Parameters
    ----------
    analysis
        What the file says.
    generated
        Cross sections of generators, where the analysis wants them.
    maps
        Efficiency maps by channel, in place of the files.

    Raises
    ------
    InputError
        If a map cannot be read, or cross sections of a generator are wanted and missing, or a map
        in the books is not given.
    """

    def __init__(
        self,
        analysis: Analysis,
        generated: GeneratedRates | None = None,
        maps: Mapping[str, EfficiencyLike] | None = None,
    ) -> None:
        self.analysis = analysis
        self.generated = generated
        self.given = maps or {}
        for channel in analysis.channels:
            if channel.efficiency.path is None and channel.name not in self.given:
                raise not_here(channel)
        wanted = analysis.cross_section == "generator"
        if wanted and generated is None:
            raise InputError(
                f"{analysis.document.where(('cross_section',))}: there are no cross sections of a"
                " generator",
                hint="name a table of them under generated: of each channel, or write"
                " cross_section: born",
            )
        if wanted and generated is not None:
            generated.check(analysis)

    @cached_property
    def maps(self) -> Mapping[str, EfficiencyLike]:
        """The efficiency map of every channel."""
        from mcbook.efficiency.reading import read_map

        found = dict(self.given)
        for channel in self.analysis.channels:
            source = channel.efficiency
            if channel.name in found or source.path is None:
                continue
            try:
                found[channel.name] = read_map(
                    source.path, region=source.region, axes=source.axes, **source.how
                )
            except InputError as error:
                raise InputError(f"{source.where}: {error.message}", hint=error.hint) from None
        return found

    def depends_on(self, name: str) -> bool:
        """Return whether an efficiency depends on a parameter, directly or through a lifetime."""
        deriver, free = self.analysis.deriver, self.analysis.free
        axes = {axis for channel in self.analysis.channels for axis in channel.efficiency.axes}
        return any(
            axis == name
            or (axis in deriver.model.derived and axis not in free
                and name in deriver.depends_on(axis))
            for axis in axes
        )  # fmt: skip

    def rates(self, channel: Channel, columns: Mapping[str, Array]) -> tuple[Array, Array, Reasons]:
        """Return production and fraction at points, and why the channel is closed there."""
        process = channel.process
        (production,) = evaluate(self.analysis, (parse(process.production),), columns)
        fractions = [c.fraction for c in process.channels if c.fraction is not None]
        found = evaluate(self.analysis, tuple(fractions), columns)
        fraction = np.sum(found, axis=0) if found else np.ones(len(production))
        if process.signal_fraction is not None:
            (unseen,) = evaluate(self.analysis, (process.signal_fraction,), columns)
            fraction = fraction * unseen
        return production, np.asarray(fraction), closed(self.analysis, process, columns)

    def per_rate(self, channel: Channel) -> float:
        """Return the signal events per unit of production, before efficiency."""
        norm = self.analysis.normalisation
        if norm.kind == "luminosity":
            return norm.value
        parent = next(iter(channel.process.chains())).initial[0]
        is_charged = self.analysis.model.particles[parent].charge != 0
        share = norm.charged_fraction if is_charged else 1 - norm.charged_fraction
        return norm.value * share * _SIGNAL_B

    def efficiency(self, channel: Channel, columns: Mapping[str, Array]) -> Efficiencies:
        """Return the efficiency of a channel at points."""
        source = channel.efficiency
        parameters, derived = split(self.analysis, columns)
        found = quantities(self.analysis.deriver, {**parameters, **derived}, source.axes)
        return self.maps[channel.name].evaluate({name: found[name] for name in source.axes})

    def yields(
        self, channel: Channel, columns: Mapping[str, Array], known: Efficiencies | None = None
    ) -> Yields:
        """Return the signal of a channel at points.

        Parameters
        ----------
        channel
            The channel.
        columns
            Parameters and free lifetimes, shape (n,) each.
        known
            Efficiencies there, where they are known already.
        """
        production, fraction, shut = self.rates(channel, columns)
        found = known if known is not None else self.efficiency(channel, columns)
        factor, rate_error = self._k_factor(channel, columns)
        value = found.value.copy()
        silent = (shut != "") | (production * fraction == 0)
        value[silent] = 0.0
        reasons = _reasons(found, silent, (production, fraction), factor)
        mc, interpolation = (
            np.divide(error, value, out=np.zeros_like(value), where=value > 0)
            for error in (found.mc_error, found.interpolation_error)
        )
        # An error as large as the efficiency says that nothing is known of it.
        for error, what in ((mc, "simulated events"), (interpolation, "interpolation")):
            unknown = ~(error < 1) & (reasons == "") & ~silent
            reasons[unknown] = f"{channel.name}: the error from {what} exceeds the efficiency"
        events = self.per_rate(channel) * np.where(silent, 0.0, production * fraction * factor)
        events = np.where(reasons == "", events * np.where(silent, 0.0, value), np.nan)
        return Yields(
            events,
            production * factor,
            np.where(shut != "", 0.0, fraction),
            np.where(reasons == "", value, np.nan),
            mc,
            interpolation,
            rate_error,
            np.where(silent, "closed", found.flag),
            reasons,
            found.samples,
        )

    def _k_factor(self, channel: Channel, columns: Mapping[str, Array]) -> tuple[Array, Array]:
        """Return generated over Born cross section, and its relative error."""
        size = len(next(iter(columns.values())))
        if self.generated is None or self.analysis.cross_section == "born":
            return np.ones(size), np.zeros(size)
        return self.generated.k_factor(self.analysis, channel, columns)


def _reasons(
    found: Efficiencies,
    silent: NDArray[np.bool_],
    rates: tuple[Array, Array],
    factor: Array,
) -> Reasons:
    """Return why a point has no yield; a closed channel needs neither efficiency nor factor."""
    production, fraction = rates
    reasons = np.where(silent, "", found.reason)
    unsaid = np.isnan(found.value) & (reasons == "") & ~silent
    reasons[unsaid] = "the efficiency is not known"
    reasons[~np.isfinite(production * fraction) & ~silent & (reasons == "")] = (
        "the cross section is not defined"
    )
    impossible = ~silent & (reasons == "") & ((fraction < 0) | (fraction > 1 + ROUNDING))
    for i in np.flatnonzero(impossible).tolist():
        reasons[i] = f"a branching fraction of {fraction[i]:.6g} is not between 0 and 1"
    reasons[np.isnan(factor) & ~silent & (reasons == "")] = "no generated cross section around it"
    return np.asarray(reasons, dtype=object)
