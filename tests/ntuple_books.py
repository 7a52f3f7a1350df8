"""Books with samples whose ntuples lie behind a simulation: what selections read.

    monkeypatch.chdir(tmp_path)
    made = make_books([{"m_zp": 1.0}, {"m_zp": 2.0}], columns, events=1000)

makes ``mcbook.db``, ``samples/`` and ``ntuples/`` in the current folder. `columns` is called with
the parameters of the sample, the numbers of the events of a job (from 0) and a random generator of
its own, and returns a dict of arrays: what the ntuple of the job has. It may keep some of the
events only; then it has to give ``__event__`` itself, if anybody wants it.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uproot
from bookshelf import sha

import mcbook as mb
from mcbook.catalog import simulations
from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows_simulation import SimulationJobRow, SimulationRow
from mcbook.catalog.store import open_catalog
from mcbook.simulation.record import split

TREE = "events"
FOLDER = Path("ntuples")


@dataclass
class Made:
    """A sample, its simulations by campaign, the keys of their jobs, and the ntuples."""

    sample: str
    parameters: dict
    simulations: dict = field(default_factory=dict)
    jobs: dict = field(default_factory=dict)
    ntuples: list = field(default_factory=list)

    @property
    def simulation(self):
        """The only simulation."""
        (identity,) = self.simulations.values()
        return identity


def make_books(  # noqa: PLR0913
    points, columns, *, events=100, jobs=1, campaigns=("MC15ri",), missing=(), tier=None,
    model="zprime", generator=None, catalog=None,
):  # fmt: skip
    """Make samples at points, and for each one campaign, `jobs` jobs and their ntuples.

    Jobs whose number is in `missing` (from 1) have no ntuple. Returns a `Made` for each point.
    """
    names = list(points[0])
    grid = {"zip": [{name: [point[name] for point in points] for name in names}], "events": events}
    if generator is not None:
        grid["generator"] = generator
    ids = mb.generate(model, grid, catalog=catalog)["ids"]
    rows = {row["id"]: row["parameters"] for row in mb.query(catalog=catalog)}
    made = [Made(identity, rows[identity]) for identity in ids]
    made.sort(key=lambda one: [one.parameters[name] for name in names])
    for one in made:
        for campaign in campaigns:
            simulate(one, campaign, jobs=jobs, catalog=catalog)
            fill(one, campaign, columns, missing=missing)
    enter([path for one in made for path in one.ntuples], tier=tier, catalog=catalog)
    return made


def simulate(made, campaign, *, jobs=1, catalog=None, label=""):
    """Record a simulation of a sample, with so many jobs for each of its parts."""
    digest = sha(made.sample + campaign + label)
    identity = f"{made.sample}-s{digest[:8]}"
    row = SimulationRow(
        identity, digest, made.sample, "release-08-02-04", campaign, 1003, 0, 0, "none",
        as_json([]), as_json([]), None, 1, "", "",
    )  # fmt: skip
    with open_catalog(catalog, mode="write") as opened, opened.writing() as books:
        parts = books.parts_of([made.sample])[made.sample]
        listed = [
            job
            for part in parts
            for job in split(identity, part.number, part.events, part.seed, -(-part.events // jobs))
        ]
        simulations.enter(
            books, [row],
            [SimulationJobRow(j.key, identity, j.part, j.number, j.skipped, j.events, j.seed)
             for j in listed],
        )  # fmt: skip
    made.simulations[campaign + label] = identity
    made.jobs[campaign + label] = listed
    return identity


def fill(made, campaign, columns, *, missing=(), folder=FOLDER):
    """Write the ntuples of the jobs of a simulation; return their paths."""
    paths = []
    for job in made.jobs[campaign]:
        if job.number in missing:
            continue
        rng = np.random.default_rng(int(sha(job.key)[:8], 16))
        numbers = np.arange(job.events)
        content = dict(columns(made.parameters, numbers, rng))
        if all(len(values) == len(numbers) for values in content.values()):
            content.setdefault("__event__", numbers)
        paths.append(write(folder / f"{job.key}.root", content))
    made.ntuples += paths
    return paths


def write(path, content, *, tree=TREE):
    """Write an ntuple."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.asarray(values) for name, values in content.items()}
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: values.dtype for name, values in arrays.items()})
        file[tree].extend(arrays)
    return path


def enter(paths, *, tier=None, catalog=None, **how):
    """Enter ntuples, whose names say of which jobs they are."""
    found = mb.ingest(paths, tier=tier, catalog=catalog, **how)
    assert not found["refused"], found["refused"]
    return found
