# ruff: noqa: ARG002, the Protocol hands over more than a toy needs
"""A third event generator, as somebody else would write it: nothing in mcbook knows its name."""

import json
import os
from pathlib import Path

from mcbook.errors import InputError, WorkError, did_you_mean
from mcbook.generators.base import Build, Program, ReadBack, Rejection, Stated
from mcbook.generators.detector import ForDetector

PROGRAM = Path(__file__).with_name("toy_program.py")
FOLDER = "processes/toy"


def toy_program():
    """Return the program, unless the environment names one that is not there."""
    path = Path(os.environ.get("TOY_PROGRAM", PROGRAM))
    return Program("toy", "TOY_PROGRAM", path if path.is_file() else None, "1", "install the toy")


class Toy:
    """Writes one JSON card for a sample and one for a part."""

    name = "toy"
    tier = "toy"
    optimism = 2.0
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

    def recognises(self, head):
        """Return whether a file begins with what it is."""
        return head.startswith(b'{"id"')

    def read_back(self, path):
        """Read a line that says what it is, a line for each event, and the end."""
        head, *events = Path(path).read_text().splitlines() or [""]
        if not head.startswith("{"):
            raise WorkError(f"{path} is not from the toy generator")
        if not events or events.pop() != "end":
            raise WorkError(f"{path} is truncated: it ends in event {len(events)}")
        said = json.loads(head)
        return ReadBack(said["id"], len(events), said["rate"], 0.01 * said["rate"], said["seed"],
                        "toy 1", said["parameters"])  # fmt: skip

    def programs(self):
        """Return the program."""
        return [toy_program()]

    def explain(self, log):
        """Return the last line."""
        return (log.splitlines() or [""])[-1]


class ToyCampaign:
    """One process of the toy generator."""

    def __init__(self, process):
        self.templates = {"toy/card": 1}
        self.process = process

    def shared_files(self):
        """Return one file that samples share."""
        return {f"{FOLDER}/definition.txt": str(self.process.name).encode()}

    def check(self, parameters, derived):
        """Refuse one number."""
        first = next(iter(parameters.values()))
        return [Rejection(first == 6.66, "the toy generator does not make this")]

    def sample_files(self, sample):
        """Return the card of a sample."""
        return {"toy.json": json.dumps({"id": sample.id, **sample.parameters}).encode()}

    def part_files(self, sample, part):
        """Return the card of a part."""
        card = {"id": sample.id, "seed": part.seed, "events": part.events}
        return {"run.json": json.dumps(card).encode()}

    def program(self):
        """Return the program."""
        return toy_program()

    def build(self):
        """Return what is compiled once."""
        return Build(FOLDER, "compiled", "done", f'"$TOY_PROGRAM" build {FOLDER}', ("LOCK",))

    def command(self, sample_id, part):
        """Return a shell line."""
        return f'"$TOY_PROGRAM" run {sample_id} {sample_id}/parts/{part:04d}'

    def server(self):
        """Return a server, where the environment asks for one."""
        return '"$TOY_PROGRAM" serve' if os.environ.get("TOY_SERVES") else None

    def outputs(self, sample_id, part):
        """Return what it leaves."""
        return (f"{sample_id}/parts/{part:04d}/out/events.txt",)

    def for_detector(self, sample):
        """Return that nothing of it flies."""
        return ForDetector("lhe", (), ())

    def stated(self, sample):
        """Return what an output has to say: the parameters."""
        return Stated(dict(sample.parameters), 9, (), frozenset(), has_rate=True)
