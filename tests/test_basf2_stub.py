"""The stub of basf2 refuses what basf2 refuses: for each rule a script that runs, and one not."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lhe_book import event

STUB = Path(__file__).parent / "basf2_stub"
OLD, MIDDLE, UNSURE, MAIN = "release-05-02-19", "release-08-02-04", "release-09-00-00", (
    "release-10-00-00"
)  # fmt: skip
RELEASES = [OLD, "release-06-01-10", "release-07-01-00", MIDDLE, UNSURE, MAIN]
NEW, LATER = 9900025, RELEASES[1:]

SCRIPT = """\
import basf2 as b2
import mdst, pdg, reconstruction, simulation
pdg.add_particle("h_dark", 9900025, 1.5, 0, 0, 0)
main = b2.create_path()
main.add_module("EventInfoSetter", expList=[1003], runList=[0], evtNumList=[2])
main.add_module("LHEInput", inputFileList=["a.lhe"], runNum=0, expNum=1003,
                nInitialParticles=2, wrongSignPz=False{boost2lab})
{boost}
main.add_module("GeneratedVertexDisplacer", pdgVal=[9900025], lifetime=[1.0],
                lifetimeOption="exponential")
main.add_module("SmearPrimaryVertex")
simulation.add_simulation(main)
{trigger}
reconstruction.add_reconstruction(main)
mdst.add_mdst_output(main, filename="out.root", dataDescription={{"mcbook": "x"}})
b2.process(main)
"""
DECAYS = """\
import basf2 as b2
import generators, mdst, pdg, reconstruction, simulation
pdg.add_particle("h_dark", 9900025, 1.5, 0, 0, 0)
main = b2.create_path()
main.add_module("EventInfoSetter", expList=[1003], runList=[0], evtNumList=[2])
generators.add_evtgen_generator(main, finalstate="signal", signaldecfile="a.dec")
main.add_module("GeneratedVertexDisplacer", pdgVal=[9900025], lifetime=[1.0],
                lifetimeOption="exponential")
simulation.add_simulation(main)
reconstruction.add_reconstruction(main)
mdst.add_mdst_output(main, filename="out.root")
b2.process(main)
"""


def script(release):
    """Return a script that is right for a release."""
    is_old = release == OLD
    return SCRIPT.format(
        boost2lab=", boost2Lab=True" if is_old else "",
        boost="" if is_old else 'main.add_module("BoostMCParticles")',
        trigger="import L1trigger; L1trigger.add_tsim(main)" if is_old else "",
    )


@pytest.fixture
def basf2(tmp_path):
    """Return a function that runs a script; it returns what was said and the trace."""
    lhe = "<LesHouchesEvents>\n" + event([NEW], [13, -13]) * 2
    (tmp_path / "a.lhe").write_text(lhe)
    (tmp_path / "a.dec").write_text("Decay B+sig\n1.0 K+ h_dark PHSP;\nEnddecay\nEnd\n")

    def run(text, release):
        (tmp_path / "steer.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "steer.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(STUB), "BELLE2_RELEASE": release,
                 "BASF2_STUB_TRACE": "trace.json"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        trace = tmp_path / "trace.json"
        return done.stderr, json.loads(trace.read_text()) if trace.exists() else None

    return run


@pytest.mark.parametrize("release", RELEASES)
def test_right_script(basf2, release):
    """What is right runs, and leaves a trace."""
    said, trace = basf2(script(release), release)
    assert said == ""
    names = [name for name, _ in trace["modules"]]
    assert ("BoostMCParticles" in names) == (release != OLD)
    assert trace["events"] == 2


@pytest.mark.parametrize("release", ["release-04-00-00", "release-11-00-00", "main", ""])
def test_unknown_release(basf2, release):
    """A release that nobody read about is refused."""
    assert "no such release" in basf2(script(MAIN), release)[0]


def put(text, old, new):
    """Replace what must be there."""
    assert old in text
    return text.replace(old, new)


SWITCH = 'main.add_module("EventInfoSetter", expList=[1003], runList=[0], evtNumList=[2])\n'
INPUT = "nInitialParticles=2"

#: The rows of the table of LHEInput: what is put in, for which releases it holds, for which not.
ROWS = {
    "inputFileList": (INPUT, "skipEvents=0, useWeights=False, nInitialParticles=2", RELEASES, []),
    "runNum": ("runNum=0", "runNum=-1", [OLD, UNSURE, MAIN], RELEASES[1:4]),
    "makeMaster": (INPUT, "makeMaster=True, nInitialParticles=2", RELEASES[:4], [UNSURE, MAIN]),
    "createEventMetaData": (INPUT, "createEventMetaData=True, nInitialParticles=2", [MAIN],
                            RELEASES[:5]),
    "nVirtualParticles": (INPUT, "nInitialParticles=2, nVirtualParticles=2", RELEASES, []),
    "wrongSignPz": ("wrongSignPz=False", "wrongSignPz=True", [], RELEASES),
    "boost2Lab": (INPUT, "boost2Lab=True, nInitialParticles=2", [], LATER),
    "meanDecayLength": (INPUT, "nInitialParticles=2, meanDecayLength=0.0, pdg_displaced=1",
                        RELEASES[:5], [MAIN]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "release", "holds"),
    [
        pytest.param(row, release, holds, id=f"{row}-{release}-{'runs' if holds else 'fatal'}")
        for row, (_, _, good, bad) in ROWS.items()
        for holds, releases in ((True, good), (False, bad))
        for release in releases
    ],
)
def test_row_of_the_table(basf2, row, release, holds):
    """Every parameter where it is, and nowhere else."""
    old, new, _, _ = ROWS[row]
    text = put(script(release), old, new)
    if row in {"makeMaster", "createEventMetaData"}:
        text = put(text, SWITCH, "")
    said, trace = basf2(text, release)
    assert (trace is not None) == holds, said
    assert ("FATAL" in said) != holds


LINE = 'main.add_module("SmearPrimaryVertex")\n'
BOOST = 'main.add_module("BoostMCParticles")\n'
DISPLACER = """main.add_module("GeneratedVertexDisplacer", pdgVal=[9900025], lifetime=[1.0],
                lifetimeOption="exponential")
"""
TAU = 'main.add_module("EvtGenDecay")\n'
WRONG = {
    "no events": ("evtNumList=[2]", "evtNumList=[0]", "no events"),
    "too many events": ("evtNumList=[2]", "evtNumList=[3]", "2 events are there, 3"),
    "no numbers": (SWITCH, "", "numbers"),
    "no file": ('"a.lhe"', '"b.lhe"', "could not open"),
    "absolute path": ('"a.lhe"', '"/tmp/a.lhe"', "absolute path"),
    "no module": (LINE, 'main.add_module("Smear")\n', "no module Smear"),
    "type": ("runNum=0", "runNum='0'", "must be int"),
    "no boost": (BOOST, "", "BoostMCParticles"),
    "boost twice": (BOOST, BOOST * 2, "2 times"),
    "no smearing": (LINE, "", "places the vertex"),
    "lengths": ("lifetime=[1.0]", "lifetime=[1.0, 2.0]", "different lengths"),
    "option": ('"exponential"', '"fixedLength"', "no option fixedLength"),
    "no lifetime": ("lifetime=[1.0]", "lifetime=[0]", "not above 0"),
    "nothing there": ("pdgVal=[9900025]", "pdgVal=[9900026]", "nothing to displace"),
    "virtual": (INPUT, INPUT + ", nVirtualParticles=3", "virtual"),
    "unknown particle": ("9900025, 1.5", "9900026, 1.5", "nobody knows a particle 9900025"),
    "blank": ('"h_dark"', '"h dark"', "blanks"),
    "no mass": ("9900025, 1.5", "9900025, None", "TypeError"),
    "lifetime in the table": ("0, 0, 0)", "0, 0, 0, lifetime=1)", "has a lifetime already"),
    "trigger": ("import mdst", "import L1trigger as t; t.add_tsim([])\nimport mdst", "deprecated"),
    "no reconstruction": ("reconstruction.add_reconstruction(main)\n", "", "is missing"),
    "number in the description": ('"mcbook": "x"', '"mcbook": 1', "must be text"),
    "old output": ("mdst.add_mdst_output(main", "reconstruction.add_mdst_output(main",
                   "in the package mdst"),
    "background": ("add_simulation(main)", "add_simulation(main, bkgfiles='a')", "no list"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_script(basf2, what):
    """One thing that is wrong, and what is said."""
    old, new, says = WRONG[what]
    text = put(script(MAIN), old, new)
    if what == "old output":
        text = put(text, ', dataDescription={"mcbook": "x"}', "")
    said, trace = basf2(text, MAIN)
    assert trace is None
    assert says in said


@pytest.mark.parametrize(
    ("first", "second"), [(BOOST, DISPLACER), (BOOST, LINE), (DISPLACER, LINE)]
)
def test_order(basf2, first, second):
    """Two modules that changed places."""
    text = put(put(put(script(MAIN), first, "#1\n"), second, first), "#1\n", second)
    said, trace = basf2(text, MAIN)
    assert trace is None
    assert "stands behind" in said


def test_old_release_simulates_the_trigger_apart(basf2):
    """A script for 05 without the trigger or the boost is refused."""
    text = script(OLD)
    assert "add_tsim is missing" in basf2(put(text, "L1trigger.add_tsim(main)", "0"), OLD)[0]
    assert "centre-of-mass" in basf2(put(text, ", boost2Lab=True", ""), OLD)[0]
    assert "no parameter" not in basf2(text, OLD)[0]
    assert "no module BoostMCParticles" in basf2(script(MIDDLE), OLD)[0]


def test_files_are_read(basf2, tmp_path):
    """Packed files, missing columns, taus that nobody decays."""
    path = tmp_path / "a.lhe"
    good = path.read_text()
    path.write_bytes(gzip.compress(good.encode()))
    assert "is packed" in basf2(script(MAIN), MAIN)[0]
    path.write_text(good.replace(" 1.0000e+00\n", "\n", 1))
    assert "13 columns" in basf2(script(MAIN), MAIN)[0]
    path.write_text(good.replace("<event>\n", "<event> # first\n", 1))
    assert basf2(script(MAIN), MAIN)[0] == ""
    path.write_text("<LesHouchesEvents>\n" + event([NEW], [15, -15]) * 2)
    assert "tau is undecayed" in basf2(script(MAIN), MAIN)[0]
    assert basf2(put(script(MAIN), BOOST, BOOST + TAU), MAIN)[0] == ""


EVTGEN_WRONG = {
    "no file": ('"a.dec"', '"b.dec"', "no decay file"),
    "state": ('"signal"', '"special"', "not supported"),
    "parent": ('"a.dec")', '"a.dec", parentParticle="vpho")', "no parent vpho"),
    "smearing": ("simulation.add_sim", LINE + "simulation.add_sim", "places its own"),
    "boost": ("simulation.add_sim", BOOST + "simulation.add_sim", "behind LHEInput"),
    "two sources": ("simulation.add_sim", 'main.add_module("EvtGenInput")\nsimulation.add_sim',
                    "2 times"),
}  # fmt: skip


@pytest.mark.parametrize("release", LATER)
def test_decay_file(basf2, release):
    """EvtGen by its own function, in releases that take a decay file."""
    assert basf2(DECAYS, release)[0] == ""


@pytest.mark.parametrize("what", EVTGEN_WRONG)
def test_wrong_decays(basf2, what):
    """One thing that is wrong."""
    old, new, says = EVTGEN_WRONG[what]
    text = put(DECAYS, old, new)
    text = put(text, DISPLACER, "") if what == "boost" else text
    said, trace = basf2(text, MIDDLE)
    assert trace is None
    assert says in said


def test_decay_file_must_end(basf2, tmp_path):
    """End, and an Enddecay for each Decay; release 05 takes no decay file there."""
    path = tmp_path / "a.dec"
    good = path.read_text()
    path.write_text(good.replace("End\n", ""))
    assert "has no End" in basf2(DECAYS, MIDDLE)[0]
    path.write_text(good.replace("Enddecay\n", ""))
    assert "an Enddecay is missing" in basf2(DECAYS, MIDDLE)[0]
    path.write_text(good)
    assert "TypeError" in basf2(DECAYS, OLD)[0]
    trigger = "import L1trigger; L1trigger.add_tsim(main)\n"
    text = put(DECAYS, "reconstruction.add_rec", trigger + "reconstruction.add_rec")
    call = 'generators.add_evtgen_generator(main, finalstate="signal", signaldecfile="a.dec")'
    raw = 'main.add_module("EvtGenInput", userDECFile="a.dec", ParentParticle="Upsilon(4S)")'
    assert basf2(put(text, call, raw), OLD)[0] == ""
