"""Writes what one job of a simulation needs: a steering file for basf2 and its inputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mcbook.cards import engine
from mcbook.cards.evtgen import MM_PER_CM
from mcbook.cards.evtgen_plan import PARENT
from mcbook.errors import InputError, WorkError
from mcbook.generators.detector import ForDetector
from mcbook.registry.numbers import round9
from mcbook.simulation.conditions import ENVIRONMENT, NO_BACKGROUND
from mcbook.simulation.displacement import GENERATOR, Displaced
from mcbook.simulation.events import Events
from mcbook.simulation.record import Simulation, SimulationJob

TEMPLATE = "basf2/steering.py.j2"
MOST_SANDBOX_BYTES = 10_000_000
"""What gbasf2 sends along with a job."""

Files = dict[str, bytes]


def template_version() -> int:
    """Return the version of the template of steering files."""
    return engine.version(TEMPLATE)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the events of a part come from: a file with events, or the cards of a sample.

    `cards` are as they are rendered now, by their paths in the samples folder.
    """

    given: ForDetector
    events: Events | None
    cards: Mapping[str, bytes]


def checked(simulation: Simulation, source: Source) -> None:
    """Refuse what basf2 would take in silence and do wrong.

    Raises
    ------
    InputError
        If the events hold a particle that basf2 does not know, or not one that is displaced.
    """
    if source.events is None:
        return
    from particle import PDGID, Particle

    there = source.events.pdg_ids
    added = {one.pdg_id for one in source.given.particles}
    for identity in sorted(there - added):
        if not PDGID(identity).is_valid or not Particle.findall(pdgid=identity):
            raise InputError(f"{source.events.path}: basf2 does not know a particle {identity}")
    for one in simulation.displacement:
        if one.decay is not None and not there & set(one.pdg_ids):
            raise InputError(
                f"{source.events.path}: there is no {one.name} ({one.pdg_ids[0]}) in the events:"
                " nothing would be displaced"
            )


def job_files(
    simulation: Simulation, job: SimulationJob, source: Source, facts: Mapping[str, str]
) -> Files:
    """Return the files of a job, by name: the steering file first.

    Parameters
    ----------
    simulation, job
        What is to be made.
    source
        Where the events come from, as it was checked.
    facts
        What the head of the script says of the sample, in this order.
    """
    inputs = _inputs(job, source)
    script = f"{job.key}.py"
    context = _context(simulation, job, source, list(inputs))
    context |= {"facts": list(_facts(simulation, job, facts)), "script": script}
    content = engine.render(TEMPLATE, **context)
    try:
        compile(content, script, "exec")
    except (SyntaxError, ValueError) as error:
        raise WorkError(f"the steering file of {job.key} is no Python: {error}") from error
    return {script: content, **inputs}


def _inputs(job: SimulationJob, source: Source) -> Files:
    if source.events is not None:
        return {f"{job.key}.events.gz": source.events.packed(job.skipped, job.events)}
    names = [name for name in (source.given.card, source.given.table) if name is not None]
    return {PurePosixPath(name).name: source.cards[name] for name in names}


def _context(
    simulation: Simulation, job: SimulationJob, source: Source, inputs: list[str]
) -> dict[str, Any]:
    conditions, given = simulation.conditions, source.given
    release = conditions.release
    packed = inputs[0] if source.events is not None else None
    pattern = conditions.background
    has_pattern = pattern not in {NO_BACKGROUND, ENVIRONMENT}
    has_signal = packed is None and release.has_signal_generator
    standard = {"glob": has_pattern, "gzip": packed, "shutil": packed}
    modules = {
        "background": pattern == ENVIRONMENT, "generators": has_signal,
        "L1trigger": release.triggers_apart, "mdst": True, "pdg": True, "reconstruction": True,
        "simulation": True,
    }  # fmt: skip
    runs, numbers = _runs(conditions.runs, job.events)
    return {
        "id": simulation.id,
        "part": job.part,
        "job": job.number,
        "events": job.events,
        "seed": job.seed,
        "inputs": inputs,
        "standard": [name for name, is_used in standard.items() if is_used],
        "modules": [name for name, is_used in modules.items() if is_used],
        "global_tags": conditions.global_tags[::-1],  # the last one that is prepended wins
        "lives": given.lives,
        "table": inputs[1] if given.lives else None,
        "whole": f"{job.key}.pdl",
        "particles": given.particles,
        "packed": packed,
        "plain": packed.removesuffix(".gz") if packed else None,
        "card": None if packed else inputs[0],
        "parent": PARENT,
        "signal_generator": has_signal,
        "experiments": [conditions.experiment] * len(runs),
        "runs": runs,
        "numbers": numbers,
        "wrong_sign": source.events.wrong_sign() if source.events is not None else None,
        "boosts_in_reader": release.boosts_in_reader,
        "triggers_apart": release.triggers_apart,
        "decayer": simulation.decayer,
        "displaced": _displaced(simulation.displacement),
        "background": pattern if not has_pattern else "files",
        "pattern": pattern if has_pattern else None,
        "output": output_name(job),
        "description": list(_description(simulation, job)),
    }


def output_name(job: SimulationJob) -> str:
    """Return the name of the mdst file that a job leaves."""
    return f"{job.key}.mdst.root"


def _runs(runs: tuple[int, int], events: int) -> tuple[list[int], list[int]]:
    """Return runs and how many events of a job each gets, as evenly as can be, none without."""
    numbers = list(range(runs[0], runs[1] + 1))
    share, more = divmod(events, len(numbers))
    counts = [share + (i < more) for i in range(len(numbers))]
    kept = [(run, count) for run, count in zip(numbers, counts, strict=True) if count]
    return [run for run, _ in kept], [count for _, count in kept]


def _displaced(displacement: tuple[Displaced, ...]) -> dict[str, Any] | None:
    """Return what the module that displaces is told; None where nothing is displaced."""
    moved = [(identity, one, one.decay) for one in displacement if one.decay is not None
             for identity in one.pdg_ids]  # fmt: skip
    if not moved:
        return None
    return {
        "kind": moved[0][2].kind,
        "pdg_ids": [identity for identity, _, _ in moved],
        "lengths_cm": [round9(decay.length_mm / MM_PER_CM) for _, _, decay in moved],
        "means": "; ".join(dict.fromkeys(_meaning(one) for _, one, _ in moved)),
    }


_MEANINGS = {
    "exponential": "ctau of {} is {:.9g} mm",
    "flat": "{} flies up to {:.9g} mm in the laboratory",
    "fixed": "{} flies {:.9g} mm in the laboratory",
}


def _meaning(one: Displaced) -> str:
    if one.decay is None:
        how = "lives as the generator has it" if one.mechanism == GENERATOR else "decays at once"
        return f"{one.name} {how}"
    return _MEANINGS[one.decay.kind].format(one.name, one.decay.length_mm)


def _facts(simulation: Simulation, job: SimulationJob, facts: Mapping[str, str]) -> Iterator[str]:
    """Yield what the head of the script says."""
    conditions = simulation.conditions
    first, last = conditions.runs
    lines = {
        **facts,
        "release": f"{conditions.release.name}, campaign {conditions.campaign}",
        "global tags": ", ".join(conditions.global_tags) or "those of the release",
        "experiment": f"{conditions.experiment}, run {first}" + f"-{last}" * (last > first),
        "background": conditions.background,
        "lifetimes": "; ".join(map(_meaning, simulation.displacement)) or "nothing decays late",
        "events": f"{job.events}, those behind the first {job.skipped} of part {job.part}",
        "seed": job.seed,
    }  # fmt: skip
    yield from (f"{name}: {_harmless(text)}" for name, text in lines.items())


def _harmless(text: str) -> str:
    """Return a text that does not end a docstring: names of files may be anything."""
    return "".join(
        letter if letter.isprintable() and letter not in '"\\' else "?" for letter in text
    )


def _description(simulation: Simulation, job: SimulationJob) -> Iterator[tuple[str, str]]:
    """Yield what the output says of itself: the id in one piece, and the conditions."""
    conditions = simulation.conditions
    yield "mcbook", job.key
    yield "mcbook_sample", simulation.sample_id
    yield "mcbook_events", str(job.events)
    yield "campaign", conditions.campaign
    yield "mcbook_release", conditions.release.name
    yield "mcbook_global_tags", ",".join(conditions.global_tags)
    yield "mcbook_background", conditions.background
    yield "mcbook_lifetimes", "; ".join(map(_meaning, simulation.displacement))
