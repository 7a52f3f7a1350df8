"""Renders a recorded sample again, to hold it against what was written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcbook import generators
from mcbook.errors import InputError
from mcbook.generators.base import PartInput, SampleInput
from mcbook.registry.closure import process_closure
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.loader import find_process, load_model, with_channels, with_constants
from mcbook.registry.model import Process, SignalModel


@dataclass(frozen=True, slots=True)
class Rerendered:
    """A sample as today's registry and templates would write it.

    `files` is keyed by the path relative to the storage root. `derived` has today's values at the
    sample's parameters, None where one is not finite. `changed` says what has changed since the
    sample was made (registry entry, template version) so that its cards cannot be expected to
    come out the same; None when nothing has.
    """

    files: dict[str, bytes]
    derived: dict[str, float | None]
    changed: str | None


def rerender(
    sample_id: str,
    document: Mapping[str, Any],
    parameters: Mapping[str, float],
    parts: Iterable[PartInput],
    models_dir: str | Path | None = None,
) -> Rerendered:
    """Render a sample again.

    Parameters
    ----------
    sample_id
        The id.
    document
        The document of its definition, as the books have it.
    parameters
        What it was generated with.
    parts
        Its parts.
    models_dir
        A folder of models that is looked into first.

    Raises
    ------
    InputError
        If the model or the process is no longer there.
    """
    model = _model(document, models_dir)
    process = _process(model, document)
    settings = dict(document["settings"])
    generator = generators.get(document["generator"])
    campaign = generator.campaign(model, process, settings)
    alpha, sqrt_s = settings.get("alpha", ALPHA), settings.get("sqrt_s", SQRT_S)
    columns = {name: np.array([parameters.get(name, np.nan)]) for name in model.parameters}
    derived = {
        name: float(values[0])
        for name, values in Deriver(model, alpha=alpha, sqrt_s=sqrt_s).compute(columns).items()
    }
    changed = None
    reached = generator.reached(model, process, settings)
    if process_closure(model, process, reached) != document["closure"]:
        changed = f"the registry entry of {process.name} has changed"
    elif dict(campaign.templates) != document["templates"]:
        changed = "a template has a new version"
    given = SampleInput(sample_id, parameters, derived)
    files = {f"{sample_id}/{k}": v for k, v in campaign.sample_files(given).items()}
    for part in parts:
        for name, content in campaign.part_files(given, part).items():
            files[f"{sample_id}/parts/{part.number:04d}/{name}"] = content
    finite = {name: value if np.isfinite(value) else None for name, value in derived.items()}
    return Rerendered(files | campaign.shared_files(), finite, changed)


def _model(document: Mapping[str, Any], models_dir: str | Path | None) -> SignalModel:
    """Return the signal model with the constants that the sample was made with."""
    model = load_model(document["model"], models_dir)
    quantities = document["closure"]["quantities"]
    return with_constants(
        model, {name: quantities[name] for name in model.constants if name in quantities}
    )


def _process(model: SignalModel, document: Mapping[str, Any]) -> Process:
    """Return the process with the channels that were open."""
    process = find_process(model, document["process"])
    channels = tuple(document["closure"]["process"]["chains"])
    if channels == tuple(channel.name for channel in process.channels):
        return process
    missing = set(channels) - set(process.channel_names)
    if missing:
        raise InputError(f"{process.name} no longer has the channel {min(missing)!r}")
    return with_channels(process, channels)
