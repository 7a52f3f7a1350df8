"""Parts as lines of a file, for machines that do not see the books.

A manifest is frozen: what a worker does follows from it and from the cards beside it alone. Each
line is one part, with what its events have to say of themselves.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcbook import generators
from mcbook.errors import InputError
from mcbook.generators.base import Build, PartInput, Program, SampleInput, Stated
from mcbook.production.making import Job

SCHEMA = 1
MANIFEST = "manifest.jsonl"
SAMPLES = "samples"
"""Folder beside a manifest with the cards, and where events go."""
RECEIPTS, DONE, FAILED = "out", "done.json", "failed.json"
"""Folder beside a manifest in which each part has a folder, and what is left there."""

Line = dict[str, Any]


def key_of(job: Job) -> str:
    """Return what names a part in a manifest and in the names of files."""
    return f"{job.sample.id}-p{job.part.number:04d}"


def line_of(job: Job) -> Line:
    """Return the line of a part."""
    campaign = job.campaign
    build, program = campaign.build(), campaign.program()
    stated = campaign.stated(job.sample)
    return {
        "key": key_of(job),
        "sample": job.sample.id,
        "number": job.number,
        "part": job.part.number,
        "events": job.part.events,
        "seed": job.part.seed,
        "generator": job.generator.name,
        "program": program.name,
        "command": campaign.command(job.sample.id, job.part.number),
        "outputs": list(campaign.outputs(job.sample.id, job.part.number)),
        "build": None if build is None else asdict(build),
        "cards": dict(job.cards),
        "shared": dict(job.shared),
        "stated": {
            "parameters": dict(stated.parameters),
            "digits": stated.digits,
            "beams": [list(beam) for beam in stated.beams],
            "particles": sorted(stated.particles),
            "settings": dict(stated.settings),
            "finals": [sorted(ids) for ids in stated.finals],
            "has_rate": stated.has_rate,
        },
    }


def text_of(lines: Sequence[Line]) -> str:
    """Return a manifest: a line that says what it is, and a line for each part."""
    head = {"mcbook": "manifest", "schema": SCHEMA}
    return "".join(json.dumps(line, sort_keys=True) + "\n" for line in (head, *lines))


def read(path: str | Path) -> dict[str, Line]:
    """Return the lines of a manifest by their keys.

    Raises
    ------
    InputError
        If the file is not one.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        head, *rest = [json.loads(line) for line in lines]
        if head.get("mcbook") != "manifest" or head.get("schema") != SCHEMA:
            raise InputError(
                f"{path} is no manifest of parts",
                hint="`mcbook ingest` takes in what jobs of a detector simulation made",
            )
        return {line["key"]: line for line in rest}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no manifest", hint="`mcbook export b2luigi DIR` writes one"
        ) from error


def job_of(line: Mapping[str, Any], folder: Path) -> Job:
    """Return the part of a line; its samples folder is beside the manifest, in *folder*."""
    nothing: dict[str, float] = {}
    return Job(
        sample=SampleInput(line["sample"], nothing, nothing),
        part=PartInput(line["part"], line["events"], line["seed"]),
        number=line["number"],
        root=folder / SAMPLES,
        cards=line["cards"],
        shared=line["shared"],
        campaign=Frozen(line),
        generator=generators.get(line["generator"]),
    )


def copied(job: Job) -> Iterator[tuple[Path, str]]:
    """Yield the files that a part needs beside the manifest: where each is, and its name there."""
    for name in (*job.shared, *job.cards):
        yield job.root / name, f"{SAMPLES}/{name}"


@dataclass(frozen=True, slots=True)
class Frozen:
    """What makes a part, as a line of a manifest has it; see `mcbook.generators.base.Runnable`."""

    line: Mapping[str, Any]

    def program(self) -> Program:
        """Return the program, where it is on this machine."""
        name = self.line["program"]
        for program in generators.get(self.line["generator"]).programs():
            if program.name == name:
                return program
        raise InputError(f"{self.line['generator']} has no program {name!r}")

    def build(self) -> Build | None:
        """Return what the parts share."""
        given = self.line["build"]
        return None if given is None else Build(**{**given, "left_out": tuple(given["left_out"])})

    def command(self, sample_id: str, part: int) -> str:  # noqa: ARG002
        """Return the shell command."""
        return str(self.line["command"])

    def server(self) -> None:
        """Return that there is none: each task makes one part."""

    def outputs(self, sample_id: str, part: int) -> tuple[str, ...]:  # noqa: ARG002
        """Return what it leaves behind."""
        return tuple(self.line["outputs"])

    def stated(self, sample: SampleInput) -> Stated:  # noqa: ARG002
        """Return what the output has to say."""
        given = self.line["stated"]
        return Stated(
            given["parameters"],
            given["digits"],
            tuple((int(identity), float(energy)) for identity, energy in given["beams"]),
            frozenset(given["particles"]),
            given["settings"],
            tuple(frozenset(ids) for ids in given["finals"]),
            given["has_rate"],
        )
