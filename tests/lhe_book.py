"""LHE files as MadGraph would write them for planned parts, without physics in the events."""

import gzip
from pathlib import Path

from mcbook.catalog.files import PLANNED
from mcbook.catalog.store import open_catalog
from mcbook.generators.base import OFF
from mcbook.production.queue import Planned
from mcbook.verbs.ingest import ingest

HEAD = """\
<LesHouchesEvents version="3.0">
<header>
<MGVersion>
3.5.7
</MGVersion>
<MGRunCard>
  {id} = run_tag ! name
  {events} = nevents ! number
  {seed} = iseed ! seed
{settings}</MGRunCard>
<slha>
BLOCK MASS #
{parameters}</slha>
<MGGenerationInfo>
#  Number of Events        :       {events}
</MGGenerationInfo>
</header>
<init>
11 -11 5.290000e+00 5.290000e+00 0 0 0 0 -4 1
4.0e-05 1.5e-07 4.996000e-05 1
</init>
"""
PARTICLE = "{:9d} {:2d}    {}    {}    0    0 +0.0 +0.0 {} 5.29 {} 0.0000e+00 1.0000e+00\n"


def event(inner, final, *, mirrored=False, number=0):
    """Return an event; electron first, and flying along +z unless it is mirrored."""
    pz = "-5.29" if mirrored else "+5.29"
    against = "+5.29" if mirrored else "-5.29"
    lines = [PARTICLE.format(11, -1, 0, 0, pz, 5.1e-4), PARTICLE.format(-11, -1, 0, 0, against, 0)]
    lines += [PARTICLE.format(code, 2, 1, 2, f"{number}.5", 1.0) for code in inner]
    lines += [PARTICLE.format(code, 1, 1, 2, "0.5", 0.1) for code in final]
    first = f" {len(lines)}      1 +4.9960000e-05 1.05800000e+01 7.29735300e-03 1.75566700e-01\n"
    return f"<event>\n{first}{''.join(lines)}</event>\n"


def lhe_of(job, *, mirrored=False, final=None):
    """Return the file of a part."""
    stated = job.campaign.stated(job.sample)
    final = final or sorted(stated.finals[0])
    new = {one.pdg_id for one in job.campaign.for_detector(job.sample).particles}
    inner = sorted({one for one in new if one > 0} - set(final))
    settings = "".join(
        f"  {value} = {name} ! s\n" for name, value in stated.settings.items() if value != OFF
    )
    parameters = "".join(
        f"      {number} {value:.6e} # {name}\n"
        for number, (name, value) in enumerate(stated.parameters.items(), 1)
    )
    head = HEAD.format(
        id=job.sample.id, events=job.part.events, seed=job.part.seed, settings=settings,
        parameters=parameters,
    )  # fmt: skip
    body = "".join(event(inner, final, mirrored=mirrored, number=n) for n in range(job.part.events))
    return head + body + "</LesHouchesEvents>\n"


def jobs():
    """Return the parts that are planned in the books of this folder."""
    with open_catalog(None, mode="read") as opened, opened.reading() as books:
        ids = books.existing(
            [row[0] for row in books.connection.exec_driver_sql("SELECT digest FROM samples")]
        ).values()
        return list(Planned(books, None, [PLANNED], []).jobs(sorted(ids)))


def fill(**how):
    """Write a file for each planned part and enter it; return the samples."""
    listed = jobs()
    for job in listed:
        path = Path("events") / f"{job.sample.id}-{job.part.number}.lhe.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(lhe_of(job, **how).encode()))
        found = ingest([path])
        assert not found["refused"], found["refused"]
    return sorted({job.sample.id for job in listed})
