"""Campaigns of EvtGen with parameters written by hand, for tests of cards and of real runs."""

import math

import numpy as np

from mcbook.generators.base import PartInput, SampleInput
from mcbook.generators.evtgen import EvtGen
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model

ID = "dark_higgs-0123456789ab"


class Book:
    """One campaign; parameters that are not given have their defaults."""

    def __init__(self, model, process, *, models_dir=None, **given):
        self.model = load_model(model, models_dir)
        self.process = find_process(self.model, process)
        generator = EvtGen()
        self.settings = generator.settings(self.model, self.process, given)
        self.reached = generator.reached(self.model, self.process, self.settings)
        self.campaign = generator.campaign(self.model, self.process, self.settings)

    def columns(self, **values):
        """Return columns of all parameters; each value is a number or a list."""
        size = max(np.size(value) for value in values.values())
        defaults = {
            name: math.nan if parameter.default is None else parameter.default
            for name, parameter in self.model.parameters.items()
        }
        return {
            name: np.broadcast_to(np.asarray(value, dtype=float), (size,))
            for name, value in (defaults | values).items()
        }

    def derived(self, columns):
        """Return the derived quantities of columns."""
        return Deriver(self.model, alpha=self.settings["alpha"]).compute(columns)

    def check(self, **values):
        """Return the rejections of points."""
        columns = self.columns(**values)
        return self.campaign.check(columns, self.derived(columns))

    def accepted(self, **values):
        """Return which points are accepted, as a list."""
        size = max(np.size(value) for value in values.values())
        masks = [np.zeros(size, dtype=bool), *(r.mask for r in self.check(**values))]
        return (~np.logical_or.reduce(masks)).tolist()

    def sample(self, **values):
        """Return a sample."""
        columns = self.columns(**values)
        derived = self.derived(columns)
        return SampleInput(
            ID,
            {name: float(column[0]) for name, column in columns.items()},
            {name: float(column[0]) for name, column in derived.items()},
        )

    def cards(self, **values):
        """Return the decay file and the table of a sample."""
        files = self.campaign.sample_files(self.sample(**values))
        assert set(files) == {f"{ID}.dec", f"{ID}.pdl"}
        return files[f"{ID}.dec"].decode(), files[f"{ID}.pdl"].decode()

    def dec(self, **values):
        """Return the decay file of a sample."""
        return self.cards(**values)[0]

    def pdl(self, **values):
        """Return the additions to the particle table of a sample."""
        return self.cards(**values)[1]

    def part(self, number, events, seed, **values):
        """Return the files of a part."""
        return self.campaign.part_files(self.sample(**values), PartInput(number, events, seed))
