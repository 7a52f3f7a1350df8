"""The modules of basf2 that production scripts use, with parameters, their types and defaults."""

import os

from _session import MAIN, MAJOR, fatal

#: A default for parameters that must be given.
FORCED = object()

NUMBER = (int, float)


class ListOf:
    """The type of a list whose entries have one type."""

    def __init__(self, *entry):
        self.entry = entry


TEXTS, NUMBERS, INTS = ListOf(str), ListOf(*NUMBER), ListOf(int)
#: Names of parameters that hold names of files: a job on the grid finds them beside the script.
FILES = {
    "inputFileList", "outputFileName", "filename", "signaldecfile",
    "userDECFile", "DecFile", "UserDecFile", "bkgfiles",
}  # fmt: skip


def lhe_input():
    """Return the parameters of LHEInput, which depend on the release."""
    known = {
        "inputFileList": (TEXTS, FORCED),
        "skipEvents": (int, 0),
        "useWeights": (bool, False),
        "runNum": (int, 0 if MAJOR == 5 else -1),
        "expNum": (int, 0 if MAJOR == 5 else -1),
        "nInitialParticles": (int, 0),
        "nVirtualParticles": (int, 0),
        "wrongSignPz": (bool, True),
    }
    if switch := event_switch():
        known[switch] = (bool, False)
    if MAJOR == 5:
        known["boost2Lab"] = (bool, False)
    if MAJOR < MAIN:
        known["meanDecayLength"] = (NUMBER, 0.0)
        known["Rmin"] = (NUMBER, 0.0)
        known["Rmax"] = (NUMBER, 1000000.0)
        known["pdg_displaced"] = (int, 9000008)
    return known


def event_switch():
    """Return the parameter with which LHEInput numbers events; nobody knows the one of 09."""
    if MAJOR == 9:
        return None
    return "makeMaster" if MAJOR < MAIN else "createEventMetaData"


MODULES = {
    "EventInfoSetter": {
        "expList": (INTS, [0]),
        "runList": (INTS, [0]),
        "evtNumList": (INTS, [0]),
        "skipNEvents": (int, 0),
        "skipTillEvent": (INTS, []),
    },
    "LHEInput": lhe_input(),
    "GeneratedVertexDisplacer": {
        "lifetimeOption": (str, "fixed"),
        "pdgVal": (INTS, FORCED),
        "lifetime": (NUMBERS, FORCED),
        "maxDecayTime": (NUMBER, 300.0),
        "ctau": (bool, True),
    },
    "SmearPrimaryVertex": {"MCParticlesStoreArrayName": (str, "")},
    "EvtGenInput": {
        "userDECFile": (str, ""),
        "DECFile": (str, "DECAY_BELLE2.DEC"),
        "ParentParticle": (str, "Upsilon(4S)"),
        "CoherentMixing": (bool, True),
        "InclusiveType": (int, 0),
        "InclusiveParticle": (str, ""),
    },
    "EvtGenDecay": {
        "DecFile": (str, "DECAY_BELLE2.DEC"),
        "UserDecFile": (str, ""),
        "MCParticleColName": (str, ""),
    },
    "Progress": {"maxN": (int, 10000)},
    "ProgressBar": {},
    "Gearbox": {"fileName": (str, "Belle2.xml"), "backends": (TEXTS, ["file:"])},
    "Geometry": {
        "components": (TEXTS, []),
        "excludedComponents": (TEXTS, []),
        "useDB": (bool, True),
    },
    "RootOutput": {
        "outputFileName": (str, "RootOutput.root"),
        "branchNames": (TEXTS, []),
        "branchNamesPersistent": (TEXTS, []),
        "excludeBranchNames": (TEXTS, []),
        "additionalDataDescription": (dict, {}),
    },
    "PrintMCParticles": {
        "onlyPrimaries": (bool, True),
        "level": (int, -1),
        "showVertices": (bool, False),
    },
}
if MAJOR > 5:
    MODULES["BoostMCParticles"] = {"mcParticlesStoreArrayName": (str, "")}


def fits(value, kinds):
    """Say whether a value has one of some types; a bool is no number, a float no int."""
    return type(value) in (kinds if isinstance(kinds, tuple) else (kinds,))


def check_value(owner, name, kinds, value):
    """Refuse a value of the wrong type, and names of files that a job on the grid cannot find."""
    if isinstance(kinds, ListOf):
        good = isinstance(value, list) and all(fits(entry, kinds.entry) for entry in value)
    else:
        good = fits(value, kinds)
    if kinds is dict and good:
        good = all(isinstance(text, str) for pair in value.items() for text in pair)
    if not good:
        fatal(f"{owner}: parameter {name} has a wrong type: {value!r}")
    check_paths(owner, name, value)


def check_paths(owner, name, value):
    """Refuse absolute paths anywhere and folders in names of files."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    background = os.environ.get("BELLE2_BACKGROUND_DIR")
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(entry, (list, tuple, dict)):
            check_paths(owner, name, entry)
        if not isinstance(entry, str):
            continue
        if name == "bkgfiles" and background and entry.startswith(f"{background}/"):
            continue
        if entry.startswith(("/", "~")):
            fatal(f"{owner}: parameter {name} holds an absolute path: {entry}")
        if name in FILES and "/" in entry.removeprefix("./"):
            fatal(f"{owner}: parameter {name} must be a bare file name: {entry}")
