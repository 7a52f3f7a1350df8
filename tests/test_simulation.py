"""Samples go into the detector simulation: conditions, steering files, jobs."""

import ast
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lhe_book import fill, jobs, lhe_of

from mcbook.errors import InputError, WorkError
from mcbook.simulation.conditions import read_conditions
from mcbook.simulation.events import read_events
from mcbook.simulation.record import LONGEST_PROJECT, job_key, said_by, split
from mcbook.simulation.release import parse_release
from mcbook.verbs.generate import generate
from mcbook.verbs.ingest import ingest
from mcbook.verbs.show import show
from mcbook.verbs.simulate import simulate
from mcbook.verbs.simulations import list_simulations

STUB = Path(__file__).parent / "basf2_stub"
RELEASES = ["release-05-02-19", "release-06-01-10", "release-07-01-00", "release-08-02-04",
            "release-09-00-00", "release-10-00-00"]  # fmt: skip

IDM = """\
model: idm
scan: {m_chi1: {values: [0.5]}, m_hp: {values: [0.4]}, theta: {values: [1e-4, 3e-5]}}
fixed: {delta_m: 0.2, epsilon: 1e-3, alpha_D: 0.1}
derived: {m_ap: "3*m_chi1"}
events: 25
"""
TAUS = "model: zprime\nprocess: mumu_tautau\nscan: {m_zp: [4]}\nevents: 6\n"
DECAYS = """\
model: dark_higgs
process: bu_k_hp/mumu
scan: {m_hp: {values: [1.5]}, theta: {values: [1e-4]}}
events: 30
generator: {lifetime: LIFETIME}
"""
CONDITIONS = """\
schema: 1
release: release-08-02-04
campaign: MC16ri_a
global_tags: [first_tag, second_tag]
experiment: 1003
run: 0
background: none
displacement: points
events_per_job: 10
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder with conditions."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("c.yaml").write_text(CONDITIONS)
    return folder


def plan(grid):
    """Generate the samples of a grid."""
    Path("grid.yaml").write_text(grid)
    return generate(None, "grid.yaml")["ids"]


def conditions(**changes):
    """Write conditions with other lines; None leaves a line out."""
    lines = dict(line.split(": ", 1) for line in CONDITIONS.splitlines())
    lines |= {key: value for key, value in changes.items() if value is not None}
    kept = [f"{k}: {v}\n" for k, v in lines.items() if changes.get(k, "") is not None]
    Path("c.yaml").write_text("".join(kept))
    return "c.yaml"


def runs(folder, release, **environment):
    """Run each steering file of a folder against the stub; return the traces by job."""
    traces = {}
    for script in sorted(Path(folder).glob("*/*.py")):
        done = subprocess.run(
            [sys.executable, "-S", script.name],
            cwd=script.parent,
            env={**os.environ, "PYTHONPATH": str(STUB), "BELLE2_RELEASE": release,
                 "BASF2_STUB_TRACE": "trace.json", **environment},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        trace = json.loads((script.parent / "trace.json").read_text())
        assert trace["warnings"] == []
        traces[script.stem] = trace
    return traces


def module(trace, name):
    """Return the parameters of a module in a trace."""
    (found,) = [step["parameters"] for step in trace["modules"] if step["name"] == name]
    return found


def names_in(trace):
    """Return the names of the modules of a trace, in order."""
    return [step["name"] for step in trace["modules"]]


@pytest.mark.thorough
@pytest.mark.parametrize("release", RELEASES)
def test_events_of_madgraph_in_every_release(release):
    """Lifetimes of the points in cm, beams, tags in their order, the id in the output."""
    plan(IDM)
    (sample,) = fill()
    found = simulate("out", conditions(release=release))
    assert (found["jobs"], found["events"], found["notes"]) == (6, 50, [])
    traces = runs("out", release)
    points = show(sample)["points"]
    lengths = sorted(point["derived"]["ctau_hp"] / 10 for point in points)
    seen, taken = set(), []
    for key, trace in traces.items():
        displaced = module(trace, "GeneratedVertexDisplacer")
        flight = dict(zip(displaced["pdgVal"], displaced["lifetime"], strict=True))
        assert flight[9900052] == pytest.approx(points[0]["derived"]["ctau_chi2"] / 10, rel=1e-8)
        assert displaced["lifetimeOption"] == "exponential"
        assert displaced["ctau"] is True
        seen.add(flight[9900025])
        assert trace["globaltags"] == ["first_tag", "second_tag"]
        assert module(trace, "add_mdst_output")["dataDescription"]["mcbook"] == key
        assert {p["name"]: (p["mass"], p["spin"], p["charge"], p["lifetime"])
                for p in trace["particles"]} == {
            "A_dark": (1.5, 1, 0, 0), "chi1_dark": (0.5, 0.5, 0, 0), "chi2_dark": (0.7, 0.5, 0, 0),
            "h_dark": (0.4, 0, 0, 0),
        }  # fmt: skip
        taken.append(trace["seed"])
    assert sorted(seen) == pytest.approx(lengths, rel=1e-8)
    assert len(set(taken)) == len(taken)


def test_every_event_goes_into_one_job():
    """The jobs of a part have its events, each once, in order."""
    plan(IDM)
    fill()
    whole = read_events(next(Path("events").glob("*.lhe.gz"))).events
    found = simulate("out", "c.yaml")
    for identity in found["ids"]:
        files = sorted(Path("out").glob(f"*/{identity}-*.events.gz"))
        assert [e for file in files for e in read_events(file).events] == list(whole)


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_beams_are_as_in_the_file(is_mirrored):
    """Whether z is to be mirrored follows from the electron; the stub looks at it, too."""
    plan(IDM)
    (job,) = jobs()
    path = Path("events.lhe")
    path.write_text(lhe_of(job, mirrored=is_mirrored))
    assert read_events(path).wrong_sign() == is_mirrored


@pytest.mark.thorough
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("lifetime", ["displacer", "generator"])
def test_decay_files_in_every_release(release, lifetime, tmp_path):
    """EvtGen makes the events; a lifetime has one mechanism, the table or the displacer."""
    table = tmp_path / "evt.pdl"
    table.write_text("add  p Particle gamma 22 0 0 0 0 2 0 22\nend\n")
    (sample,) = plan(DECAYS.replace("LIFETIME", lifetime))
    found = simulate("out", conditions(release=release))
    assert (found["jobs"], found["events"]) == (3, 30)
    ctau = show(sample)["points"][0]["derived"]["ctau_hp"]
    for trace in runs("out", release, BASF2_STUB_TABLE=str(table)).values():
        names = names_in(trace)
        assert ("GeneratedVertexDisplacer" in names) == (lifetime == "displacer")
        assert "LHEInput" not in names
        if lifetime == "displacer":
            moved = module(trace, "GeneratedVertexDisplacer")
            assert moved["lifetime"] == [pytest.approx(ctau / 10, rel=1e-8)]
            (particle,) = trace["particles"]
            assert (particle["pdgCode"], particle["lifetime"]) == (9900025, 0)
    if lifetime == "generator":
        rows = [line.split() for line in next(Path("out").glob("*/*.pdl")).read_text().splitlines()]
        (row,) = [row for row in rows if row[4:5] == ["9900025"]]
        assert float(row[10]) == pytest.approx(ctau, rel=1e-8)


def test_taus_are_decayed_by_who_was_named():
    """Undecayed taus of the generator go to EvtGen."""
    plan(TAUS)
    fill(final=[13, -13, 15, -15])
    simulate("out", conditions(displacement="{zp: prompt}"))
    for trace in runs("out", "release-08-02-04").values():
        names = names_in(trace)
        assert names.index("EvtGenDecay") == names.index("BoostMCParticles") + 1


def test_taus_without_a_decayer_are_refused(tmp_path):
    """A decayer that is not known decays nothing."""
    models = tmp_path / "models"
    models.mkdir()
    source = Path(__file__).parent.parent / "models" / "zprime.yaml"
    text = source.read_text().replace("decayer: evtgen", "decayer: somebody")
    (models / "zprime.yaml").write_text(text)
    Path("grid.yaml").write_text(TAUS)
    generate(None, "grid.yaml", models_dir=models)
    with pytest.raises(InputError, match="nothing is there") as error:
        simulate("out", conditions(displacement="{zp: prompt}"), models_dir=models)
    assert "taus are undecayed, and somebody is to decay them" in error.value.hint


def test_lifetimes_in_lhe_files_are_refused():
    """basf2 does not read them: the particles would decay at once."""
    plan(IDM + "generator: {lifetime: generator}\n")
    with pytest.raises(InputError) as error:
        simulate("out", "c.yaml")
    assert "everything would decay at the interaction point" in error.value.hint


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("asked", "kind", "lengths", "largest"),
    [
        ("{ap: prompt, hp: {exponential_mm: [1, 20]}, chi2: prompt}", "exponential",
         [[0.1], [2.0]], [300.0, 300.0]),
        ("{ap: prompt, hp: {flat_mm: 500}, chi2: {flat_mm: 500}}", "flat", [[50.0, 50.0]], [50.0]),
        ("{ap: prompt, hp: {fixed_mm: 12.5}, chi2: prompt}", "fixed", [[1.25]], [300.0]),
    ],
)  # fmt: skip
def test_lengths_that_somebody_sets(asked, kind, lengths, largest):
    """Lists are multiplied; flat has its largest length."""
    plan(IDM)
    fill()
    found = simulate("out", conditions(displacement=asked, events_per_job="25"))
    assert found["simulations"]["new"] == len(lengths)
    traces = runs("out", "release-08-02-04").values()
    moved = [module(trace, "GeneratedVertexDisplacer") for trace in traces]
    assert {one["lifetimeOption"] for one in moved} == {kind}
    assert sorted(one["lifetime"] for one in moved) == lengths
    assert [one["maxDecayTime"] for one in moved] == largest


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("{hp: {exponential_mm: 1}, ap: prompt}", "nothing is said of chi2"),
        ("{hq: prompt}", "'hq' is no particle that decays in it"),
        ("{hp: {exponential_mm: 1}, ap: prompt, chi2: {fixed_mm: 1}}", "the same distribution"),
        ("{hp: {flat_mm: 1}, ap: prompt, chi2: {flat_mm: 2}}", "the same distribution"),
    ],
)
def test_lengths_that_cannot_be(asked, says):
    """What a sample cannot be displaced by is told."""
    plan(IDM)
    fill()
    with pytest.raises(InputError, match="nothing is there to be simulated") as error:
        simulate("out", conditions(displacement=asked))
    assert says in error.value.hint
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"release": None}, "the key 'release' is missing"),
        ({"release": "light-2309-munchkin"}, "line 2 (release): light-2309-munchkin is a light"),
        ({"release": "release-04-00-00"}, "not known here"),
        ({"release": "release-11-00-00"}, "not known here"),
        ({"release": "8"}, "'8' is no release"),
        ({"campaign": "[a]"}, "is no name"),
        ({"campaign": None}, "'campaign' is missing"),
        ({"global_tags": None}, "'global_tags' is missing"),
        ({"global_tags": "a"}, "a list is wanted"),
        ({"global_tags": "[a, a]"}, "twice"),
        ({"global_tags": '[a, "b c"]'}, "'b c' is no name"),
        ({"experiment": "-1"}, "-1 is no whole number"),
        ({"run": None}, "either 'run' or 'runs'"),
        ({"runs": "[1, 2]"}, "either 'run' or 'runs'"),
        ({"run": None, "runs": "[3]"}, "the first and the last"),
        ({"run": None, "runs": "[3, 1]"}, "from 3 to 1"),
        ({"background": None}, "'background' is missing"),
        ({"background": "/group/bg/*.root"}, "below the folder of the job"),
        ({"displacement": None}, "'displacement' is missing"),
        ({"displacement": "none"}, "'none' is neither"),
        ({"displacement": "{hp: 3}"}, "'prompt' or one way"),
        ({"displacement": "{hp: {exponential: 3}}"}, "unknown key 'exponential'"),
        ({"displacement": "{hp: {exponential_mm: -3}}"}, "-3 is no number above 0"),
        ({"displacement": "{hp: {exponential_mm: []}}"}, "the list is empty"),
        ({"events_per_job": "0"}, "0 is no whole number"),
        ({"seconds_per_event": "0"}, "0 is no number above 0"),
        ({"globaltags": "[]"}, "unknown key 'globaltags'"),
        ({"schema": "2"}, "schema 2"),
    ],
)
def test_conditions_that_are_not_right(changes, says):
    """File, key, what is wrong."""
    with pytest.raises(InputError) as error:
        read_conditions(conditions(**changes))
    assert "c.yaml" in error.value.message
    assert says in error.value.message


def test_runs_share_the_events():
    """Run-dependent: the events of a job are spread over the runs."""
    plan(IDM)
    fill()
    simulate("out", conditions(run=None, runs="[3, 5]", events_per_job="25", experiment="20"))
    for trace in runs("out", "release-08-02-04").values():
        info = module(trace, "EventInfoSetter")
        asked = {"expList": [20] * 3, "runList": [3, 4, 5], "evtNumList": [9, 8, 8]}
        assert info == info | asked
        assert module(trace, "LHEInput")["runNum"] == 3


@pytest.mark.thorough
def test_background_by_pattern_and_by_environment(tmp_path):
    """A pattern that finds nothing stops the job."""
    plan(IDM)
    fill()
    simulate("out", conditions(background='"bg_*.root"', events_per_job="25"))
    script = next(Path("out").glob("*/*.py"))
    environment = {**os.environ, "PYTHONPATH": str(STUB), "BELLE2_RELEASE": "release-08-02-04"}
    done = subprocess.run([sys.executable, script.name], cwd=script.parent, env=environment,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert "no file is called bg_*.root" in done.stderr
    for folder in Path("out").glob("*-1"):
        (folder / "bg_1.root").touch()
    for trace in runs("out", "release-08-02-04").values():
        assert module(trace, "add_simulation")["bkgfiles"] == ["bg_1.root"]
    simulate("more", conditions(background="environment", events_per_job="25"))
    (tmp_path / "bg").mkdir()
    (tmp_path / "bg" / "b.root").touch()
    folder = str(tmp_path / "bg")
    for trace in runs("more", "release-08-02-04", BELLE2_BACKGROUND_DIR=folder).values():
        assert module(trace, "add_simulation")["bkgfiles"] == [f"{folder}/b.root"]


def test_the_same_again_is_nothing_new():
    """Another folder, the same bytes; the folder itself is never written twice."""
    plan(IDM)
    fill()
    first = simulate("a", "c.yaml")
    second = simulate("b", "c.yaml")
    assert first["simulations"] == {"new": 2, "existing": 0}
    assert second["simulations"] == {"new": 0, "existing": 2}
    names = sorted(path.relative_to("a") for path in Path("a").rglob("*") if path.is_file())
    for name in names:
        assert (Path("a") / name).read_bytes() == (Path("b") / name).read_bytes()
    with pytest.raises(InputError, match="is there already"):
        simulate("a", "c.yaml")
    with pytest.raises(InputError, match=r"grid\.yaml is a file"):
        simulate("grid.yaml/a", "c.yaml")
    other = simulate("c", conditions(campaign="MC16rd"))
    assert not set(other["ids"]) & set(first["ids"])


def test_jobs_stay_as_they_were_split():
    """A simulation that is in the books keeps its jobs, whatever the conditions say now."""
    plan(IDM)
    fill()
    simulate("a", "c.yaml")
    found = simulate("b", conditions(events_per_job="25"))
    assert (found["jobs"], found["events"]) == (6, 50)


@pytest.mark.thorough
def test_dry_run_and_failure_write_nothing():
    """Neither a folder nor a row."""
    plan(IDM)
    fill()
    assert simulate("a", "c.yaml", dry_run=True)["jobs"] == 6
    assert not Path("a").exists()
    assert list_simulations() == []
    events = next(Path("events").glob("*.gz"))
    events.write_bytes(gzip.compress(gzip.decompress(events.read_bytes()) + b" "))
    with pytest.raises(WorkError, match="is not what was recorded"):
        simulate("a", "c.yaml")
    assert not Path("a").exists()
    assert list_simulations() == []
    assert [path.name for path in Path().glob(".a*")] == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (" 1.0000e+00\n", "\n", "event 1 has a particle without 13 columns"),
        ("       11 -1", "    x -1", "event 1 cannot be read"),
        ("<event>\n ", "<event>\n 9", "event 1 cannot be read"),
        ("<event>\n", "<event> 1\n", "not alone on its line"),
        ("       11 -1", "       12 -1", "no electron comes in"),
    ],
)
def test_events_that_basf2_would_not_read(before, after, says):
    """The file and the event are named."""
    plan(IDM)
    (job,) = jobs()
    text = lhe_of(job)
    assert before in text
    Path("a.lhe").write_text(text.replace(before, after, 1))
    with pytest.raises(WorkError, match=says) as error:
        read_events(Path("a.lhe")).wrong_sign()
    assert "a.lhe" in error.value.message
    commented = text.replace("<event>\n", "<event>\n\n# a comment\n").replace("\n", "\r\n")
    Path("b.lhe").write_text(commented, newline="")
    assert len(read_events(Path("b.lhe")).events) == 25


def test_a_limit_loses_no_job():
    """The jobs that a limit leaves are made by the next export."""
    plan(IDM)
    fill()
    first = simulate("a", "c.yaml", limit=2)
    assert first["jobs"] == 2
    assert sum(row["jobs"] for row in list_simulations()) == 3
    assert simulate("b", "c.yaml")["jobs"] == 6


@pytest.mark.thorough
def test_names_of_files_do_not_run():
    """Whatever a file is called, the script stays what it is."""
    plan(IDM)
    (job,) = jobs()
    name = Path('a\n"""\nraise SystemExit("ran")\n"""\\N é.lhe')
    name.write_text(lhe_of(job))
    assert not ingest([name])["refused"]
    simulate("out", "c.yaml")
    assert len(runs("out", "release-08-02-04")) == 6


def test_parts_without_events_are_left():
    """What is not generated yet cannot be simulated."""
    plan(IDM)
    with pytest.raises(InputError) as error:
        simulate("a", "c.yaml")
    assert "1 left: part without events" in error.value.hint


def test_scripts_import_nothing_of_mcbook():
    """A script runs where mcbook is not: basf2 and the standard library, no absolute path."""
    plan(IDM)
    fill()
    simulate("out", "c.yaml")
    for script in Path("out").glob("*/*.py"):
        tree = ast.parse(script.read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                 for alias in node.names}  # fmt: skip
        assert names <= {"basf2", "gzip", "mdst", "pdg", "reconstruction", "shutil", "simulation"}
        assert str(Path.cwd()) not in script.read_text()


FAKE_GBASF2 = """#!/bin/sh
echo "$@" >> "$GBASF2_LOG"
[ "$(wc -l < "$GBASF2_LOG")" -lt "${GBASF2_FAILS:-1000}" ]
"""


def test_gbasf2_submits_every_job_once(tmp_path, monkeypatch):
    """Projects have short names of their own; a script that was stopped goes on."""
    plan(IDM)
    fill()
    found = simulate("out", conditions(seconds_per_event="2"), for_grid=True)
    program, log = tmp_path / "bin" / "gbasf2", tmp_path / "log"
    program.parent.mkdir()
    program.write_text(FAKE_GBASF2)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("GBASF2_LOG", str(log))
    again = {**os.environ, "GBASF2_FAILS": "4"}
    command = ["sh", "out/submit_gbasf2.sh"]
    assert subprocess.run(command, env=again, check=False, capture_output=True).returncode == 1
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    lines = [line.split() for line in log.read_text().splitlines()]
    projects = [line[line.index("-p") + 1] for line in lines]
    assert len(set(projects)) == found["jobs"] == 6
    assert len(lines) == 9  # three of them failed at first
    assert all(len(name) <= LONGEST_PROJECT for name in projects)
    for line in lines:
        assert line[line.index("-s") + 1] == "release-08-02-04"
        assert line[line.index("--evtpersec") + 1] == "0.5"
        folder = Path("out") / line[line.index("-p") + 1]
        assert (folder / line[0]).is_file()
        assert all((folder / name).is_file() for name in line[line.index("-f") + 1 :])


def test_gbasf2_background(monkeypatch):
    """Background on the grid is a data set."""
    plan(IDM)
    fill()
    with pytest.raises(InputError, match="BELLE2_BACKGROUND_DIR is not there"):
        simulate("out", conditions(background="environment"), for_grid=True)
    with pytest.raises(InputError, match="do not agree"):
        simulate("out", conditions(background='"*.root"'), for_grid=True)
    with pytest.raises(InputError, match="begin with /belle/"):
        simulate("out", "c.yaml", for_grid=True, background="bg")
    simulate("out", "c.yaml", for_grid=True, background="/belle/bg")
    assert "--input_datafiles /belle/bg" in Path("out/submit_gbasf2.sh").read_text()
    monkeypatch.setattr("mcbook.simulation.folder.MOST_SANDBOX_BYTES", 100)
    with pytest.raises(InputError, match="larger than the 10 MB"):
        simulate("more", conditions(), for_grid=True)
    assert not Path("more").exists()


@given(st.integers(1, 10**6), st.integers(1, 10**5), st.integers(1, 2**31 - 1))
def test_split(events, most, seed):
    """Jobs have all events, none too many, seeds of their own, names that say what they are."""
    most = max(most, events // 50)
    found = list(split("idm-0123456789ab-s01234567", 3, events, seed, most))
    assert sum(job.events for job in found) == events
    assert all(0 < job.events <= most for job in found)
    assert [job.skipped for job in found] == [sum(j.events for j in found[:k])
                                              for k in range(len(found))]  # fmt: skip
    assert len({job.seed for job in found}) == len(found)
    for job in found:
        on_grid = f"/belle/user/me/{job.project}/a"
        for text in (job.key, job.project, f"x/{job.key}.mdst.root", on_grid):
            ((part, number),) = said_by(text).jobs
            assert (int(part, 36), number) == (seed, job.number)
        assert len(job.project) <= LONGEST_PROJECT


def test_seeds_of_other_generators_are_longer():
    """A project whose name would be too long is named by a hash; the files in it say what it is."""
    (job,) = split("idm-0123456789ab-s01234567", 1, 10, 10**18, 10)
    assert len(job.project) <= LONGEST_PROJECT
    assert said_by(job.key).jobs


@pytest.mark.parametrize(
    "text",
    ["", "idm-0123456789ab", "idm-0123456789ab-s0123456", "idm-0123456789ab seed 4711123",
     "01234567-0123"],
)  # fmt: skip
def test_what_says_nothing(text):
    """Neither a sample nor a seed is a simulation."""
    assert not said_by(text)
    assert said_by(f"{job_key('idm-0123456789ab-s01234567', '1z', 2)} {text}")


@pytest.mark.parametrize("name", ["release-06-00", "release-08-02-04"])
def test_release(name):
    """Two or three numbers."""
    assert parse_release(name).name == name
