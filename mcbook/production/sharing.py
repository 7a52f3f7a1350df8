"""Which points can share a sample: kinematics, widths, and the couplings that matter.

A coupling that only scales a rate or a lifetime does not shape the events, so points that differ
in it share one sample, generated at the model's reference couplings. That holds while resonances
are narrow and no kinematic edge is near; where it does not, the couplings in that width count. A
card that holds several channels also fixes their mixture, and no factor on the rate mends another
one: where the mixture moves, the couplings in the branching fractions count.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.chain import Chain
from mcbook.registry.closure import reference_value
from mcbook.registry.derive import Deriver
from mcbook.registry.model import Parameter, Process, Role

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Columns = Mapping[str, Array]

EDGE_WIDTHS = 5.0
"""Distance to a kinematic edge, in widths, below which a finite width shapes the events."""

NEGLIGIBLE = 1e-3
"""Share of a width, or of what smears an edge, below which a contribution does not count."""

MIXTURE = 1e-3
"""Difference between the shares of a channel in its card, here and there, that does not count."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of a chain: the energy that is left over, and the widths that smear it.

    `mother` is None for colliding beams.
    """

    mother: str | None
    daughters: tuple[str, ...]
    room: Array
    smearing: Array


def masses(deriver: Deriver, process: Process, columns: Columns) -> dict[str, Array]:
    """Return the mass [GeV] of every particle in the chains of *process*, shape (n_points,)."""
    particles = deriver.model.particles
    names = sorted(process.particle_names())
    found = deriver.evaluate([particles[name].mass for name in names], columns)
    return dict(zip(names, found, strict=True))


def widths(deriver: Deriver, process: Process, columns: Columns) -> dict[str, Array]:
    """Return the width [GeV] of every particle that has one, shape (n_points,)."""
    particles = deriver.model.particles
    named = {
        name: width
        for name in sorted(process.particle_names())
        if (width := particles[name].width) is not None
    }
    derived = deriver.compute(columns, sorted(set(named.values())))
    return {name: derived[width] for name, width in named.items()}


def edges(chain: Chain, mass: Columns, width: Columns, sqrt_s: float) -> Iterator[Edge]:
    """Yield every production and decay step of a chain."""
    beams = len(chain.initial) > 1
    steps = [(None if beams else chain.initial[0], tuple(n.particle for n in chain.final))]
    steps += [(n.particle, tuple(d.particle for d in n.daughters)) for n in chain.decays()]
    for mother, daughters in steps:
        available = sqrt_s if mother is None else mass[mother]
        room = available - sum(mass[name] for name in daughters)
        involved = daughters if mother is None else (mother, *daughters)
        smearing = sum((width[name] for name in involved if name in width), np.zeros(1))
        yield Edge(mother, daughters, np.asarray(room), np.broadcast_to(smearing, np.shape(room)))


def closed_channels(
    deriver: Deriver, process: Process, columns: Columns, sqrt_s: float
) -> dict[str, NDArray[np.object_]]:
    """Return why each channel is closed at each point, an empty text where it is open.

    A channel is open where every step of every chain has energy left over and its branching
    fraction is not zero.

    Returns
    -------
    dict
        For each channel name the reasons, shape (n_points,).
    """
    mass = masses(deriver, process, columns)
    size = max(np.size(column) for column in columns.values())
    found: dict[str, NDArray[np.object_]] = {}
    for channel in process.channels:
        reasons = np.full(size, "", dtype=object)
        for chain in channel.chains:
            for edge in edges(chain, mass, {}, sqrt_s):
                reasons[~(edge.room > 0) & (reasons == "")] = _closed(edge, sqrt_s)
        if channel.fraction is not None:
            (fraction,) = deriver.evaluate([channel.fraction], columns)
            for closed, why in ((np.isnan(fraction), "not known"), (~(fraction > 0), "zero")):
                reason = f"the branching fraction {channel.fraction.text} is {why}"
                reasons[closed & (reasons == "")] = reason
        found[channel.name] = reasons
    return found


def _closed(edge: Edge, sqrt_s: float) -> str:
    what = " + ".join(f"m({name})" for name in edge.daughters)
    if edge.mother is None:
        return f"kinematically closed: {what} is not below sqrt_s = {sqrt_s:g} GeV"
    return f"kinematically closed: {what} is not below m({edge.mother})"


def reference_column(parameter: Parameter, process: Process) -> float:
    """Return the value at which a shared sample has *parameter*; NaN is absent."""
    value = reference_value(parameter, process)
    return np.nan if value is None else value


def shape_masks(
    deriver: Deriver, process: Process, roles: Mapping[str, Role], columns: Columns, sqrt_s: float
) -> dict[str, Mask | bool]:
    """Return for each parameter at which points it shapes the events.

    Parameters
    ----------
    roles
        Role of every parameter, as the generator settings leave it.
    columns
        Parameters of the points, shape (n_points,).

    Returns
    -------
    dict
        True, False or a mask of shape (n_points,) for every parameter.
    """
    scaling = [name for name, role in roles.items() if role and "shape" not in role]
    found: dict[str, Mask | bool] = {name: "shape" in role for name, role in roles.items()}
    at_reference = referred(deriver, process, scaling, columns)
    wide = wide_particles(deriver, process, columns, sqrt_s)
    for name, mask in wide_particles(deriver, process, at_reference, sqrt_s).items():
        wide[name] = wide[name] | mask
    for particle, mask in wide.items():
        if mask.any():
            for name in scaling:
                matters = mask & _matters(deriver, process, particle, name, columns)
                found[name] = found[name] | matters
    generated = {n: np.where(found[n], columns[n], at_reference[n]) for n in scaling}
    moves = mixture_moves(deriver, process, columns, {**columns, **generated})
    if moves.any():
        # All of them: two that cancel look harmless one at a time.
        fractions = [c.fraction for c in process.channels if c.fraction is not None]
        for name in deriver.names_in(fractions).intersection(scaling):
            found[name] = found[name] | moves
    return found


def mixture_moves(deriver: Deriver, process: Process, columns: Columns, other: Columns) -> Mask:
    """Return where the mixture of the channels differs between two sets of points.

    That is where the share of any channel in the sum of all differs by more than `MIXTURE`, or is
    defined at one of them only.

    Parameters
    ----------
    columns, other
        Parameters of the points, shape (n_points,) each.
    """
    fractions = [c.fraction for c in process.channels if c.fraction is not None]
    if len(fractions) < 2:  # noqa: PLR2004
        return np.zeros(np.size(next(iter(columns.values()))), dtype=bool)
    here, there = (np.array(deriver.evaluate(fractions, points)) for points in (columns, other))
    with np.errstate(all="ignore"):
        difference = here / here.sum(axis=0) - there / there.sum(axis=0)
    moves: Mask = ~(np.abs(difference) <= MIXTURE).all(axis=0)
    return moves


def referred(
    deriver: Deriver, process: Process, names: list[str], columns: Columns
) -> dict[str, Array]:
    """Return the columns with the named parameters at their reference values."""
    changed = dict(columns)
    for name in names:
        value = reference_column(deriver.model.parameters[name], process)
        changed[name] = np.full_like(next(iter(columns.values())), value)
    return changed


def wide_particles(
    deriver: Deriver, process: Process, columns: Columns, sqrt_s: float
) -> dict[str, Mask]:
    """Return where the width of each particle shapes the events, shape (n_points,).

    That is where width/mass is above the limit of the process, or where an edge is near that the
    particle's own width smears.
    """
    mass = masses(deriver, process, columns)
    width = widths(deriver, process, columns)
    found = {name: width[name] > process.width_limit * mass[name] for name in width}
    for chain in process.chains():
        for edge in edges(chain, mass, width, sqrt_s):
            near = (edge.room > 0) & (edge.room < EDGE_WIDTHS * edge.smearing)
            for name in (edge.mother, *edge.daughters):
                if name in found:
                    found[name] |= near & (width[name] > NEGLIGIBLE * edge.smearing)
    return found


def _matters(
    deriver: Deriver, process: Process, particle: str, name: str, columns: Columns
) -> Mask:
    """Return where the width of a particle moves with one parameter."""
    quantity = deriver.model.particles[particle].width
    if quantity is None or name not in deriver.depends_on(quantity):
        return np.zeros(np.size(columns[name]), dtype=bool)
    here = deriver.compute(columns, [quantity])[quantity]
    there = deriver.compute(referred(deriver, process, [name], columns), [quantity])[quantity]
    same = np.isclose(here, there, rtol=NEGLIGIBLE, atol=0.0)
    return ~same
