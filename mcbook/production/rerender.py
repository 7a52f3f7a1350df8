"""Renders recorded samples again, to hold them against what was written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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


class Rerenderer:
    """Renders the samples of one definition as today's registry and templates would write them.

    Parameters
    ----------
    document
        The document of the definition, as the books have it.
    models_dir
        A folder of models that is looked into first.

    Attributes
    ----------
    changed
        What has changed since the definition was made (registry entry, version of a template), so
        that its samples cannot be expected to come out the same; None when nothing has.

    Raises
    ------
    InputError
        If the model is not at hand, or a template cannot be rendered.
    """

    def __init__(self, document: Mapping[str, Any], models_dir: str | Path | None = None) -> None:
        self.model = _model(document, models_dir)
        self.changed: str | None = None
        try:
            process = _process(self.model, document)
        except InputError as error:
            self.changed = error.message
            return
        settings = dict(document["settings"])
        generator = generators.get(document["generator"])
        self.campaign = generator.campaign(self.model, process, settings)
        self.deriver = Deriver(
            self.model,
            alpha=settings.get("alpha", ALPHA),
            sqrt_s=settings.get("sqrt_s", SQRT_S),
        )
        reached = generator.reached(self.model, process, settings)
        if process_closure(self.model, process, reached) != document["closure"]:
            self.changed = f"the registry entry of {process.name} has changed"
        elif dict(self.campaign.templates) != document["templates"]:
            self.changed = "a template has a new version"

    def shared_files(self) -> dict[str, bytes]:
        """Return what all samples share, by path relative to the storage root.

        Raises
        ------
        WorkError
            If a file that the user gave is not at hand.
        """
        return self.campaign.shared_files()

    def derived(self, parameters: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
        """Return today's derived quantities of each sample; not finite where not defined."""
        columns = {
            name: np.array([values.get(name, np.nan) for values in parameters])
            for name in self.model.parameters
        }
        found = self.deriver.compute(columns)
        lists = [found[name].tolist() for name in found]
        return [dict(zip(found, row, strict=True)) for row in zip(*lists, strict=True)]

    def files(self, sample: SampleInput, parts: Iterable[PartInput]) -> dict[str, bytes]:
        """Return the cards of a sample and its parts, by path relative to the storage root."""
        cards = self.campaign.sample_files(sample)
        files = {f"{sample.id}/{name}": content for name, content in cards.items()}
        for part in parts:
            for name, content in self.campaign.part_files(sample, part).items():
                files[f"{sample.id}/parts/{part.number:04d}/{name}"] = content
        return files


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
    process = replace(process, generator=document["generator"])
    channels = tuple(document["closure"]["process"]["chains"])
    if channels == tuple(channel.name for channel in process.channels):
        return process
    missing = set(channels) - set(process.channel_names)
    if missing:
        raise InputError(f"{process.name} no longer has the channel {min(missing)!r}")
    return with_channels(process, channels)
