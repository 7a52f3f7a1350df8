"""What modules of basf2 take, release by release, and in which order they stand.

From notes on the public source of basf2, not from the templates of mcbook: a parameter that a
release does not have is fatal, as it is there.
"""

import itertools
import os
import re
import sys
from pathlib import Path

RELEASE = os.environ.get("BELLE2_RELEASE", "")
_FOUND = re.fullmatch(r"release-(\d\d)-\d\d(-\d\d)?", RELEASE)
if _FOUND is None or not 5 <= int(_FOUND[1]) <= 10:
    sys.exit(f"FATAL no such release: {RELEASE!r}")
MAJOR = int(_FOUND[1])
OLD, MIDDLE, UNSURE, MAIN = MAJOR == 5, 6 <= MAJOR <= 8, MAJOR == 9, MAJOR >= 10


def fatal(text):
    """Stop as B2FATAL does."""
    sys.stderr.write(f"FATAL {text}\n")
    raise SystemExit(1)


def _lhe_input():
    """Return the parameters of LHEInput; which switch release 09 has is not known, so none is."""
    found = {
        "inputFileList": (list, None), "skipEvents": (int, 0), "useWeights": (bool, False),
        "runNum": (int, 0 if OLD else -1), "expNum": (int, 0 if OLD else -1),
        "nInitialParticles": (int, 0), "nVirtualParticles": (int, 0), "wrongSignPz": (bool, True),
    }  # fmt: skip
    if OLD or MIDDLE:
        found["makeMaster"] = (bool, False)
    if MAIN:
        found["createEventMetaData"] = (bool, False)
    if OLD:
        found["boost2Lab"] = (bool, False)
    if not MAIN:
        found |= {"meanDecayLength": (float, 0.0), "Rmin": (float, 0.0), "Rmax": (float, 1e6),
                  "pdg_displaced": (int, 9000008)}  # fmt: skip
    return found


MODULES = {
    "EventInfoSetter": {"expList": (list, [0]), "runList": (list, [0]), "evtNumList": (list, [1])},
    "LHEInput": _lhe_input(),
    "GeneratedVertexDisplacer": {
        "lifetimeOption": (str, "fixed"), "lifetime": (list, [0]), "pdgVal": (list, [-999]),
        "maxDecayTime": (float, 300.0), "ctau": (bool, True),
    },
    "SmearPrimaryVertex": {},
    "EvtGenInput": {
        "userDECFile": (str, ""), "DECFile": (str, ""), "ParentParticle": (str, "Upsilon(4S)"),
        "CoherentMixing": (bool, True), "InclusiveType": (int, 0), "InclusiveParticle": (str, ""),
    },
    "EvtGenDecay": {"DecFile": (str, ""), "UserDecFile": (str, "")},
    "Progress": {},
    "RootOutput": {"outputFileName": (str, "RootOutput.root"),
                   "additionalDataDescription": (dict, {})},
}  # fmt: skip
if not OLD:
    MODULES["BoostMCParticles"] = {}

ORDER = ("EventInfoSetter", "LHEInput", "EvtGenInput", "BoostMCParticles", "EvtGenDecay",
         "GeneratedVertexDisplacer", "SmearPrimaryVertex", "add_simulation", "add_tsim",
         "add_reconstruction", "add_mdst_output", "RootOutput", "Progress")  # fmt: skip

STANDARD = {
    1,
    2,
    3,
    4,
    5,
    11,
    12,
    13,
    14,
    15,
    16,
    21,
    22,
    23,
    24,
    111,
    130,
    211,
    310,
    321,
    2112,
    2212,
}
ELECTRON, TAU = 11, 15
_GZIP = b"\x1f\x8b"


def parameters_of(name, given):
    """Return all parameters of a module, those that were given among them."""
    if name not in MODULES:
        fatal(f"there is no module {name} in {RELEASE}")
    known = MODULES[name]
    for key, value in given.items():
        if key not in known:
            fatal(f"{name} has no parameter {key} in {RELEASE}")
        kind = known[key][0]
        is_number = kind is float and isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and type(value) is not kind:
            fatal(f"{name}: {key} is {value!r} and must be {kind.__name__}")
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and text.startswith("/"):
                fatal(f"{name}: {key} is an absolute path, which no grid site has: {text}")
    return {**{key: default for key, (_, default) in known.items()}, **given}


def check(path, particles):
    """Check a path with all its modules before it runs; return the number of events."""
    names = [name for name, _ in path]
    steps = dict(path)
    _check_order(names)
    source = steps.get("LHEInput")
    events = _events(names, steps)
    if source is not None:
        _check_lhe(steps, names, events, particles)
    _check_displacer(steps, particles, source)
    return events


def _check_order(names):
    """Every module once, in its place, and what must not be missing."""
    for name in names:
        if names.count(name) > 1:
            fatal(f"{name} is there {names.count(name)} times")
    for name, after in itertools.pairwise(names):
        if ORDER.index(name) > ORDER.index(after):
            fatal(f"{after} stands behind {name}")
    sources = {"LHEInput", "EvtGenInput"} & set(names)
    if len(sources) != 1:
        fatal(f"{len(sources)} sources of events")
    is_lhe = "LHEInput" in names
    if not OLD and is_lhe != ("BoostMCParticles" in names):
        fatal("BoostMCParticles belongs behind LHEInput, and nowhere else")
    if "add_simulation" in names:
        _check_simulation(names, is_lhe=is_lhe)


def _check_simulation(names, *, is_lhe):
    for needed in ["add_tsim"] * OLD + ["add_reconstruction", "add_mdst_output"]:
        if needed not in names:
            fatal(f"{needed} is missing")
    if is_lhe != ("SmearPrimaryVertex" in names):
        fatal("SmearPrimaryVertex places the vertex of LHE files; EvtGen places its own")


def _events(names, steps):
    """Return how many events are asked for."""
    switch = steps.get("LHEInput", {}).get("makeMaster") or steps.get("LHEInput", {}).get(
        "createEventMetaData"
    )
    if "EventInfoSetter" not in names:
        if not switch:
            fatal("nothing gives the events their numbers")
        return None
    if switch:
        fatal("both EventInfoSetter and LHEInput number the events")
    info = steps["EventInfoSetter"]
    if not len(info["expList"]) == len(info["runList"]) == len(info["evtNumList"]):
        fatal("EventInfoSetter: lists of different lengths")
    if min(info["evtNumList"]) <= 0:
        fatal("EventInfoSetter: no events")
    return sum(info["evtNumList"])


def read_lhe(names):
    """Yield the events of LHE files as lists of particles, each a list of 13 numbers."""
    for name in names:
        if not Path(name).is_file():
            fatal(f"could not open {name}")
        content = Path(name).read_bytes()
        if content[:2] == _GZIP:
            fatal(f"{name} is packed: plain text only")
        lines = iter(line.partition("#")[0].strip() for line in content.decode().splitlines())
        for line in lines:
            if line != "<event>":
                continue
            count = int(next(lines).split()[0])
            rows = [[float(word) for word in next(lines).split()] for _ in range(count)]
            if any(len(row) != 13 for row in rows):
                fatal(f"{name}: a particle without 13 columns")
            yield rows


def _check_lhe(steps, names, events, particles):
    """Do with parameters and files what the reader of LHE files does."""
    source = steps["LHEInput"]
    numbered = MIDDLE or source.get("createEventMetaData")
    if numbered and min(source["runNum"], source["expNum"]) < 0:
        fatal("LHEInput: runNum and expNum must be set")
    if OLD and not source["boost2Lab"]:
        fatal("the events stay in the centre-of-mass frame")
    if source.get("meanDecayLength"):
        fatal("the flight of LHEInput lacks a factor beta: it is wrong for what is slow")
    found = list(read_lhe(source["inputFileList"] or []))
    if events is not None and len(found) < events:
        fatal(f"{len(found)} events are there, {events} are asked for")
    known = STANDARD | {abs(code) for code in particles}
    displaced = set(steps.get("GeneratedVertexDisplacer", {}).get("pdgVal", []))
    hidden = range(source["nInitialParticles"], source["nVirtualParticles"])
    for row in (row for rows in found for row in rows):
        _check_particle(int(row[0]), int(row[1]), row[8], names, known, source)
    if displaced & {int(rows[n][0]) for rows in found for n in hidden if n < len(rows)}:
        fatal("what is virtual cannot be displaced")
    seen = {int(row[0]) for rows in found for row in rows}
    if not displaced <= seen | {-code for code in seen}:
        fatal(f"nothing to displace: {sorted(displaced - seen)}")


def _check_particle(code, status, pz, names, known, source):
    if abs(code) not in known:
        fatal(f"nobody knows a particle {code}")
    if abs(code) == TAU and status == 1 and "EvtGenDecay" not in names:
        fatal("a tau is undecayed")
    if code == ELECTRON and status == -1 and (pz < 0) != source["wrongSignPz"]:
        fatal("the beams are mirrored: e- must fly along +z")


def _check_displacer(steps, particles, source):
    step = steps.get("GeneratedVertexDisplacer")
    if step is None:
        return
    if len(step["pdgVal"]) != len(step["lifetime"]):
        fatal("GeneratedVertexDisplacer: lists of different lengths")
    if step["lifetimeOption"] not in {"fixed", "flat", "exponential"}:
        fatal(f"GeneratedVertexDisplacer: no option {step['lifetimeOption']}")
    if not all(value > 0 for value in step["lifetime"]):
        fatal("GeneratedVertexDisplacer: a lifetime that is not above 0")
    needs_entry = MAIN or source is None
    for code in step["pdgVal"]:
        if needs_entry and code not in particles:
            fatal(f"GeneratedVertexDisplacer: nobody knows {code}")
        if needs_entry and particles[code]["lifetime"] != 0:
            fatal(f"GeneratedVertexDisplacer: {code} has a lifetime already")
