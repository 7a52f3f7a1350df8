"""Small steering scripts, written line by line, and how to run a script against the stub."""

import json
import os
import subprocess
import sys
from pathlib import Path

STUB = Path(__file__).resolve().parent / "basf2_stub"

#: A release for each kind of behaviour.
RELEASES = {
    "05": "release-05-02-19",
    "06": "release-06-01-10",
    "07": "release-07-00-00",
    "08": "release-08-02-04",
    "09": "release-09-00-00",
    "10": "release-10-00-00",
}

HEAD = {
    "import": "import basf2 as b2, generators, simulation, reconstruction, mdst, pdg, L1trigger",
    "seed": "b2.set_random_seed('a1')",
    "particle": "pdg.add_particle('Ap', 9000008, 1.0, 1e-3, 0, 1)",
    "path": "path = b2.create_path()",
    "info": "path.add_module('EventInfoSetter', expList=[1003], runList=[0], evtNumList=[2])",
}
TAIL = {
    "simulation": "simulation.add_simulation(path)",
    "trigger": "L1trigger.add_tsim(path)",
    "reconstruction": "reconstruction.add_reconstruction(path)",
    "output": "mdst.add_mdst_output(path, filename='out.root')",
    "root": "",
    "process": "b2.process(path)",
    "statistics": "print(b2.statistics)",
}
LHE = {
    **HEAD,
    "lhe": "lhe = dict(inputFileList=['a.lhe'], expNum=1003, runNum=0, nInitialParticles=2)",
    "frame": "lhe |= dict(boost2Lab=True)",
    "extra": "",
    "generator": "path.add_module('LHEInput', **lhe)",
    "boost": "path.add_module('BoostMCParticles')",
    "decay": "",
    "displace": "path.add_module('GeneratedVertexDisplacer',"
    " pdgVal=[9000008], lifetime=[2.5], lifetimeOption='exponential')",
    "smear": "path.add_module('SmearPrimaryVertex')",
    **TAIL,
}
EVTGEN = {
    **HEAD,
    "generator": "generators.add_evtgen_generator(path, finalstate='signal',"
    " signaldecfile='signal.dec')",
    "displace": LHE["displace"],
    "smear": "",
    **TAIL,
}
#: Raw EvtGen, the way to signal in release-05 and for other parents.
RAW = EVTGEN | {
    "generator": "path.add_module('EvtGenInput', userDECFile='signal.dec')",
}

ONLY_05, NOT_05 = {"frame", "trigger"}, {"boost"}


def script(base, release, changes):
    """Return a script: the lines of *base* that a release needs, with changes by name."""
    unwanted = NOT_05 if release == "05" else ONLY_05
    lines = {name: "" if name in unwanted else line for name, line in base.items()}
    assert not set(changes) - set(lines)
    return "\n".join([*(lines | changes).values(), ""])


def particle(code, status, pz, energy=5.29):
    """Return a line of a particle."""
    return f"{code} {status} 1 2 0 0 0.0 0.0 {pz} {energy} 0.0 0. 9.\n"


#: An event as MadGraph writes it for "e+ e- > a ap, ap > mu+ mu-".
EVENT = [
    particle(-11, -1, 5.29),
    particle(11, -1, -5.29),
    particle(9000008, 2, 2.0),
    particle(-13, 1, 1.0),
    particle(13, 1, 1.0),
    particle(22, 1, -2.0),
]


def event(*particles, weight=1.0):
    """Return an event."""
    head = f"{len(particles)} 1 {weight} 10.58 0.0078 0.118\n"
    return f"<event>\n{head}{''.join(particles)}# of no importance\n</event>\n"


def lhe_file(*events):
    """Return a file of events, by default of two events."""
    text = "".join(events or [event(*EVENT)] * 2)
    return f"<LesHouchesEvents>\n<init>\n</init>\n{text}</LesHouchesEvents>\n"


FILES = {
    "a.lhe": lhe_file(),
    "signal.dec": "Decay B0sig\n1.0 Ap K_S0 PHSP;\nEnddecay\nCDecay anti-B0sig\nEnd\n",
    "new.pdl": "add p Particle Ap 9000008 1.0 0.0 0.0 0 2 0.0 0\n",
    "bg.root": "",
}


def run(text, release, folder, files=None, **environment):
    """Run a script in a folder; return what it said and its trace, if it came to the end."""
    for name, content in (FILES | (files or {})).items():
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "steer.py").write_text(text)
    trace = folder / "trace.json"
    done = subprocess.run(
        [sys.executable, "-S", "-B", "steer.py"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(STUB),
            "BELLE2_RELEASE": RELEASES.get(release, release),
            "BASF2_STUB_TRACE": str(trace),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    finished = done.returncode == 0 and trace.exists()
    return done.stderr, json.loads(trace.read_text()) if finished else None
