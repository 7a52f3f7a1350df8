# ruff: noqa: ARG002, the Protocol hands over more than a toy needs
"""A third event generator, as somebody else would write it: nothing in mcbook knows its name."""

import json

from mcbook.errors import InputError, WorkError, did_you_mean
from mcbook.generators.base import Rejection


class Toy:
    """Writes one JSON card for a sample and one for a part."""

    name = "toy"
    seed_range = (1, 1000)

    def setting_names(self):
        """Return the settings that it takes."""
        return frozenset({"lifetime", "sqrt_s", "alpha", "colour"})

    def settings(self, model, process, given):
        """Return all settings."""
        for key in given:
            if key not in self.setting_names():
                raise InputError(
                    f"generator: toy has no setting {key!r}",
                    hint=did_you_mean(key, self.setting_names()),
                )
        return {"lifetime": "displacer", "sqrt_s": 10.58, "alpha": 1 / 137.035999} | dict(given)

    def reached(self, model, process, settings):
        """Return what reaches the cards: nothing."""
        return frozenset()

    def campaign(self, model, process, settings):
        """Return the campaign of a process."""
        return ToyCampaign(process)

    def read_back(self, path):
        """Refuse every file."""
        raise WorkError(f"{path} is not from the toy generator")


class ToyCampaign:
    """One process of the toy generator."""

    def __init__(self, process):
        self.templates = {"toy/card": 1}
        self.process = process

    def shared_files(self):
        """Return one file that samples share."""
        return {"processes/toy/definition.txt": str(self.process.name).encode()}

    def check(self, parameters, derived):
        """Refuse one number."""
        first = next(iter(parameters.values()))
        return [Rejection(first == 6.66, "the toy generator does not make this")]

    def sample_files(self, sample):
        """Return the card of a sample."""
        return {"toy.json": json.dumps({"id": sample.id, **sample.parameters}).encode()}

    def part_files(self, sample, part):
        """Return the card of a part."""
        return {"run.json": json.dumps({"id": sample.id, "seed": part.seed}).encode()}

    def command(self, sample_id, part):
        """Return a shell line."""
        return f"toy {sample_id}/parts/{part:04d}/run.json"

    def outputs(self, sample_id, part):
        """Return what it leaves."""
        return (f"{sample_id}/parts/{part:04d}/events.txt",)
