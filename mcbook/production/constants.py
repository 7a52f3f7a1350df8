"""Constants of a model that shape no event of a process: they belong to points, as a rate does.

A sample is described with the model's own values of them, whatever was asked for first.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcbook.generators.base import Rejection
from mcbook.production import sharing
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import with_constants
from mcbook.registry.model import Process, SignalModel


def moved(model: SignalModel, document: Mapping[str, Any]) -> dict[str, float]:
    """Return the constants that were set to another value and are not in a definition."""
    fixed = document["closure"]["quantities"]
    return {
        name: entry.value
        for name, entry in model.constants.items()
        if name not in fixed and entry.value != entry.own
    }


def of_samples(model: SignalModel, document: Mapping[str, Any]) -> SignalModel:
    """Return the model with the constants that samples of a definition are described with."""
    own = {name: model.constants[name].own for name in moved(model, document)}
    return with_constants(model, own) if own else model


def deriver_of_samples(deriver: Deriver, document: Mapping[str, Any]) -> Deriver:
    """Return what derives the quantities that samples of a definition are described with."""
    model = of_samples(deriver.model, document)
    if model is deriver.model:
        return deriver
    return Deriver(model, alpha=deriver.fixed["alpha"], sqrt_s=deriver.fixed["sqrt_s"])


def rejections(
    deriver: Deriver,
    process: Process,
    document: Mapping[str, Any],
    columns: sharing.Columns,
    sqrt_s: float,
) -> Iterator[Rejection]:
    """Yield the points at which such a constant shapes the events after all, through a width."""
    names = moved(deriver.model, document).keys()
    if not names:
        return
    for particle, mask in sharing.wide_particles(deriver, process, columns, sqrt_s).items():
        width = str(deriver.model.particles[particle].width)
        if used := sorted(names & deriver.depends_on(width)):
            yield Rejection(
                mask,
                f"{particle} is wide, and {width} depends on {' and '.join(used)}, which ids of"
                f" {process.name} leave out: only the model's own value is made here",
            )
