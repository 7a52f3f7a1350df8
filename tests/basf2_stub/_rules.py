"""The rules that a whole path has to keep; `basf2.process` asks them."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import _lhe
import _particles
from _session import MAIN, MAJOR, errors, fatal, warning
from _tables import event_switch

GENERATORS = {"LHEInput", "EvtGenInput", "add_evtgen_generator"}
CHAIN = ["add_simulation", "add_reconstruction", "add_mdst_output"]
if MAJOR == 5:
    CHAIN.insert(1, "add_tsim")

#: What has a place in a path, in order; everything else may be anywhere.
ORDER = [
    {"EventInfoSetter"},
    GENERATORS,
    {"BoostMCParticles"},
    {"EvtGenDecay"},
    {"GeneratedVertexDisplacer"},
    {"SmearPrimaryVertex"},
    *({name} for name in CHAIN),
    {"RootOutput"},
]
PLACES = {name: place for place, names in enumerate(ORDER) for name in names}
DECAY = re.compile(r"\s*(Decay|CDecay|Enddecay|End)\b")


def check(modules):
    """Check everything; return the number of events and the files that are written."""
    if errors:
        fatal(f"{len(errors)} errors before process: {errors[0]}")
    names = [module["name"] for module in modules]
    settings = {module["name"]: module["parameters"] for module in modules}
    generator = check_generator(names)
    check_chain(names)
    asked = check_event_data(names, settings)
    if generator == "LHEInput":
        check_boost(names, settings)
        records, found = check_lhe(settings, asked)
    else:
        check_evtgen(generator, names, settings)
        records, found = None, asked
    if "EvtGenDecay" in settings:
        check_named_decay_file(settings["EvtGenDecay"]["UserDecFile"])
    check_displacer(settings, records)
    outputs = [
        settings[name][key]
        for name, key in (("add_mdst_output", "filename"), ("RootOutput", "outputFileName"))
        if name in settings
    ]
    return found if asked is None else asked, outputs


def check_chain(names):
    """Nothing twice, everything in order, and the whole chain to the output."""
    for name, times in Counter(names).items():
        if times > 1 and name not in ("Progress", "PrintMCParticles"):
            fatal(f"{name} is in the path {times} times")
    placed = [name for name in names if name in PLACES]
    for before, after in pairwise(placed):
        if PLACES[before] > PLACES[after]:
            fatal(f"wrong order: {after} must come before {before}")
    missing = [name for name in CHAIN if name not in names]
    if missing and (len(missing) < len(CHAIN) or "RootOutput" not in names):
        fatal(f"missing in the path: {', '.join(missing)}")


def check_generator(names):
    """Return the only generator."""
    found = [name for name in names if name in GENERATORS]
    if len(found) != 1:
        fatal(f"a path has one generator, not {found}")
    return found[0]


def check_event_data(names, settings):
    """Return how many events are asked for; None: all that LHEInput has."""
    switch = event_switch()
    lhe = settings.get("LHEInput", {})
    sources = [name for name in names if name == "EventInfoSetter"]
    if switch and lhe.get(switch):
        sources.append("LHEInput")
    if len(sources) != 1 or names[0] != sources[0]:
        fatal(f"the first module, and it only, gives event data: {names[0]}, {sources}")
    if sources == ["LHEInput"]:
        return None
    data = settings["EventInfoSetter"]
    numbers = data["evtNumList"]
    if not len(data["expList"]) == len(data["runList"]) == len(numbers):
        fatal("EventInfoSetter: expList, runList and evtNumList differ in length")
    if min(numbers, default=0) <= 0:
        fatal(f"EventInfoSetter: numbers of events must be positive: {numbers}")
    if min(data["expList"] + data["runList"]) < 0 or data["skipNEvents"] < 0:
        fatal("EventInfoSetter: negative experiment, run or skipNEvents")
    return sum(numbers)


def check_boost(names, settings):
    """Events are boosted to the laboratory once."""
    if "SmearPrimaryVertex" not in names:
        fatal("missing in the path: SmearPrimaryVertex")
    if MAJOR == 5:
        if not settings["LHEInput"]["boost2Lab"]:
            fatal("LHEInput: boost2Lab is off: events are not boosted")
    elif names[names.index("LHEInput") + 1 :][:1] != ["BoostMCParticles"]:
        fatal("events are not boosted: BoostMCParticles must come directly after LHEInput")


def check_lhe(settings, asked):
    """Check the events; return the codes that Geant4 sees and does not, and how many events."""
    lhe = settings["LHEInput"]
    numbered = bool(lhe.get(event_switch()))
    if (MAJOR < MAIN or numbered) and min(lhe["expNum"], lhe["runNum"]) < 0:
        fatal("LHEInput: expNum or runNum is negative")
    if lhe["nInitialParticles"] != 2 or lhe["nVirtualParticles"] < 0 or lhe["skipEvents"] < 0:
        fatal("LHEInput: nInitialParticles must be 2, nVirtualParticles and skipEvents >= 0")
    events = _lhe.read(lhe["inputFileList"])[lhe["skipEvents"] :]
    if not events or len(events) < (asked or 0):
        fatal(f"LHEInput: fewer events than asked for: {len(events)} of {asked}")
    if lhe["useWeights"] or len({abs(weight) for weight, _ in events}) > 1:
        warning("LHEInput ignores the weights of events: unweight them first")
    visible, hidden, first = set(), set(), 2 + lhe["nVirtualParticles"]
    for _, records in events:
        check_beams(records[:2], lhe["wrongSignPz"])
        check_records(records, first)
        hidden |= {record.pdg for record in records[2:first]}
        visible |= {record.pdg for record in records[first:]}
    check_final_state(
        {record.pdg for _, records in events for record in records if record.status == 1},
        "EvtGenDecay" in settings,
    )
    if lhe.get("meanDecayLength", 0) > 0:
        check_displaced(lhe["pdg_displaced"], visible, hidden)
        if "GeneratedVertexDisplacer" in settings:
            fatal("LHEInput and GeneratedVertexDisplacer both displace")
    return (visible, hidden), len(events)


def check_beams(beams, flip):
    """Check that the electron goes to +z (HER), in the frame where the beams have one energy."""
    if sorted(beam.pdg for beam in beams) != [-11, 11] or any(beam.status != -1 for beam in beams):
        fatal("the initial records of the LHE file are not an electron and a positron")
    if abs(sum(beam.pz for beam in beams)) > 1e-4 * sum(beam.energy for beam in beams):
        fatal("the LHE file is not in the CM frame: events would be boosted twice")
    electron = next(beam for beam in beams if beam.pdg == 11)
    if (-electron.pz if flip else electron.pz) <= 0:
        fatal("LHEInput: beams mirrored: wrongSignPz does not fit the LHE file")


def check_records(records, first):
    """All codes are known, and only intermediate particles are hidden from Geant4."""
    if len(records) < first:
        fatal("LHEInput: nVirtualParticles is more than an event has")
    for record in records[2:]:
        if record.pdg not in _particles.known:
            fatal(f"the PDG code {record.pdg} of the LHE file is not known")
        if record.status not in (1, 2, 3):
            fatal(f"a record with status {record.status} after the initial ones")
    if any(record.status == 1 for record in records[2:first]):
        fatal("LHEInput: nVirtualParticles hides a particle of the final state")


def check_final_state(codes, decays):
    """Nothing is left undecayed that Geant4 does not decay."""
    if codes & {15, -15} and not decays:
        fatal("undecayed tau leptons in the LHE file, and no module EvtGenDecay")
    if {abs(code) for code in codes} & _particles.QUARKS:
        warning("bare quarks or gluons in the final state of the LHE file")


def check_displaced(code, visible, hidden):
    """Check that a displaced particle is in the events, and not hidden from Geant4."""
    if code in hidden:
        fatal(f"the displaced particle {code} is hidden as virtual")
    if code not in visible:
        fatal(f"the displaced particle {code} does not occur in the LHE file")


def check_displacer(settings, records):
    """Check what is displaced, and how."""
    if (module := settings.get("GeneratedVertexDisplacer")) is None:
        return
    codes, lifetimes = module["pdgVal"], module["lifetime"]
    if module["lifetimeOption"] not in ("fixed", "flat", "exponential"):
        fatal(f"GeneratedVertexDisplacer: no lifetimeOption {module['lifetimeOption']!r}")
    if len(codes) != len(lifetimes) or not codes:
        fatal("GeneratedVertexDisplacer: pdgVal and lifetime differ in length, or are empty")
    if min(lifetimes) <= 0 or module["maxDecayTime"] <= 0:
        fatal("GeneratedVertexDisplacer: lifetimes must be positive")
    check_displaced_codes(codes, records)


def check_displaced_codes(codes, records):
    """Check that displaced particles are known, and in the events where there are some."""
    for code in codes:
        known = _particles.known.get(code)
        if MAJOR >= MAIN and (known is None or known["lifetime"] != 0):
            fatal(f"GeneratedVertexDisplacer: {code} is unknown, or the table has its lifetime")
        if records is not None:
            check_displaced(code, *records)
        elif known is None or code in _particles.TABLE:
            fatal(f"GeneratedVertexDisplacer: {code} is no particle that the script adds")


def check_evtgen(generator, names, settings):
    """Check a path that begins with EvtGen, which boosts and sets the vertex itself."""
    for name in {"BoostMCParticles", "SmearPrimaryVertex"} & set(names):
        fatal(f"{name} does not go with EvtGen, which does it itself")
    if generator != "EvtGenInput":
        return
    module = settings["EvtGenInput"]
    check_named_decay_file(module["userDECFile"])
    if MAJOR > 5 and module["ParentParticle"] in {f"Upsilon({n}S)" for n in (3, 4, 5, 6)}:
        warning("EvtGenInput: use add_evtgen_generator for this parent")


def check_named_decay_file(name):
    """Check the decay file that a parameter names, if it does."""
    if name:
        check_decay_file(Path(name))


def check_decay_file(path):
    """Every block of a decay file has an end, and so has the file."""
    if not path.is_file():
        fatal(f"there is no decay file {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    words = [found[1] for line in lines if (found := DECAY.match(line.partition("#")[0]))]
    if not words or words[-1] != "End" or words.count("End") != 1:
        fatal(f"the decay file {path} does not end with End")
    blocks = [word for word in words[:-1] if word != "CDecay"]
    if blocks != ["Decay", "Enddecay"] * (len(blocks) // 2):
        fatal(f"a block Decay of {path} has no Enddecay")
