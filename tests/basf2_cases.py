"""Steering scripts that basf2 takes and refuses: each a small change of a good one."""
# ruff: noqa: E501 (a case is one line of its table)

import gzip

from basf2_scripts import EVENT, EVTGEN, FILES, LHE, RAW, event, lhe_file, particle


def lhe(**options):
    """Return LHE files: two events, one of them with other beams, or a changed last particle."""
    beams = options.get("beams", EVENT[:2])
    rest = [*EVENT[2:-1], options.get("last", EVENT[-1])]
    return {"a.lhe": lhe_file(event(*EVENT), event(*beams, *rest))}


BAD_HEAD = {"a.lhe": FILES["a.lhe"].replace("<event>\n", "<event> 6 1\n")}
WHIZARD = {
    "a.lhe": lhe_file(*[event(particle(11, -1, 5.29), particle(-11, -1, -5.29), *EVENT[2:])])
}
TAU = {"a.lhe": lhe_file(event(*EVENT[:2], particle(15, 1, 3), particle(-15, 1, -3)))}
PION = {"a.lhe": lhe_file(event(*EVENT[:3], particle(211, 1, 3), particle(-211, 1, -3)))}
ONE = "path.add_module('EventInfoSetter', expList=[1003], runList=[0], evtNumList=[1])"


def displacer(text):
    """Return a line that displaces."""
    return {"displace": f"path.add_module('GeneratedVertexDisplacer', {text})"}


def extra(text, **lines):
    """Return a change of the parameters of LHEInput."""
    return {"extra": f"lhe |= dict({text})", **lines}


def after(name, line, base=LHE):
    """Return a change that adds a line."""
    return {name: f"{base[name]}\n{line}"}


def module(name, text=""):
    """Return a line that adds a module."""
    return f"path.add_module('{name}'{', ' if text else ''}{text})"


#: What it is, the good script, the release, changed lines, changed files.
GOOD = [
    ("LHEInput numbers events", LHE, "08", extra("makeMaster=True", info=""), {}),
    ("main numbers events", LHE, "10", extra("createEventMetaData=True", info=""), {}),
    ("05 without run", LHE, "05", {"lhe": LHE["lhe"].replace("expNum=1003, runNum=0, ", "")}, {}),
    ("10 without run", LHE, "10", {"lhe": LHE["lhe"].replace("expNum=1003, runNum=0, ", "")}, {}),
    ("two files", LHE, "08", extra("inputFileList=['a.lhe', 'b.lhe']", info=ONE.replace("[1]", "[4]")), {"b.lhe": FILES["a.lhe"]}),
    ("skipped events", LHE, "08", extra("skipEvents=1", info=ONE), {}),
    ("right sign", LHE, "08", extra("wrongSignPz=False", info=ONE), WHIZARD),
    ("virtual photon", LHE, "08", extra("nVirtualParticles=1", info=ONE),
     {"a.lhe": lhe_file(event(*EVENT[:2], particle(23, 2, 0), *EVENT[2:]))}),
    ("tau with EvtGenDecay", LHE, "08", {"info": ONE, "decay": module("EvtGenDecay"), "displace": ""}, TAU),
    ("pions", LHE, "08", {"info": ONE}, PION),
    ("old displacement", LHE, "06", extra("meanDecayLength=1.0", displace=""), {}),
    ("flat", LHE, "10", displacer("pdgVal=[9000008], lifetime=[3], lifetimeOption='flat'"), {}),
    ("fixed", LHE, "10", displacer("pdgVal=[9000008], lifetime=[3]"), {}),
    ("background", LHE, "08", {"simulation": "simulation.add_simulation(path, bkgfiles=['bg.root'])"}, {}),
    ("background of a site", LHE, "08", {"simulation": "import background\nsimulation.add_simulation(path, bkgfiles=background.get_background_files())"}, {}),
    ("old place of the output", LHE, "07", {"output": "reconstruction.add_mdst_output(path, filename='out.root')"}, {}),
    ("description of data", LHE, "08", {"output": "mdst.add_mdst_output(path, filename='out.root', additionalBranches=['X'], dataDescription={'a': 'b'})"}, {}),
    ("generator level", LHE, "08", {"simulation": "", "reconstruction": "", "output": "", "root": module("RootOutput", "outputFileName='out.root', additionalDataDescription={'a': 'b'}")}, {}),
    ("modules with no place", LHE, "08", after("smear", "\n".join(map(module, ["Gearbox", "Geometry", "Progress", "ProgressBar", "PrintMCParticles"]))), {}),
    ("registered module", LHE, "08", {"smear": "m = b2.register_module('SmearPrimaryVertex')\nm.param({'MCParticlesStoreArrayName': ''})\nm.param('MCParticlesStoreArrayName', 'X')\npath.add_module(m)"}, {}),
    ("other parent", EVTGEN, "08", {"generator": "generators.add_evtgen_generator(path, 'signal', 'signal.dec', False, 'Upsilon(5S)')"}, {}),
    ("raw with other parent", RAW, "08", {"generator": module("EvtGenInput", "userDECFile='signal.dec', ParentParticle='vpho', CoherentMixing=False")}, {}),
    ("charged", EVTGEN, "05", {"generator": "generators.add_evtgen_generator(path, 'charged')", "displace": ""}, {}),
    ("find_file", LHE, "08", extra("inputFileList=[b2.find_file('a.lhe')]"), {}),
    ("findFile of ROOT", LHE, "05", extra("inputFileList=[__import__('ROOT').Belle2.FileSystem.findFile('a.lhe')]"), {}),
    ("old beams", LHE, "05", after("info", "import beamparameters\nbeamparameters.add_beamparameters(path, 'Y4S')"), {}),
    ("loaded table", RAW, "08", {"particle": "pdg.load('new.pdl')", "displace": ""}, {}),
    ("logging", LHE, "08", after("seed", "b2.set_log_level(b2.LogLevel.INFO)\nb2.logging.log_level = b2.LogLevel.WARNING\nb2.B2INFO('hello')"), {}),
]  # fmt: skip

#: The same, and what the stub says of it.
BAD = [
    # which modules and parameters there are
    ("unknown module", LHE, "08", {"smear": module("Smear")}, {}, "no module Smear"),
    ("BoostMCParticles in 05", LHE, "05", {"boost": LHE["boost"]}, {}, "no module BoostMCParticles"),
    ("unknown parameter", LHE, "08", {"smear": module("SmearPrimaryVertex", "x=1")}, {}, "no parameter x"),
    ("wrong type", LHE, "08", extra("skipEvents=1.0"), {}, "skipEvents has a wrong type"),
    ("bool for int", LHE, "08", extra("expNum=True"), {}, "expNum has a wrong type"),
    ("text for list", LHE, "08", extra("inputFileList='a.lhe'"), {}, "inputFileList has a wrong type"),
    ("parameter missing", LHE, "08", {"lhe": "lhe = dict(nInitialParticles=2)"}, {}, "inputFileList is missing"),
    # event data
    ("no event data", LHE, "08", {"info": ""}, {}, "gives event data"),
    ("event data too late", LHE, "08", {"path": f"{LHE['path']}\n{module('Progress')}"}, {}, "gives event data"),
    ("event data twice", LHE, "08", extra("makeMaster=True"), {}, "gives event data"),
    ("event data twice in main", LHE, "10", extra("createEventMetaData=True"), {}, "gives event data"),
    ("two EventInfoSetter", LHE, "08", after("info", ONE), {}, "EventInfoSetter is in the path 2 times"),
    ("no events", LHE, "08", {"info": ONE.replace("[1]", "[0]")}, {}, "must be positive"),
    ("lists of other lengths", LHE, "08", {"info": ONE.replace("[1]", "[1, 1]")}, {}, "differ in length"),
    ("negative experiment", LHE, "08", {"info": ONE.replace("1003", "-1")}, {}, "negative experiment"),
    ("negative run", LHE, "08", extra("runNum=-1"), {}, "expNum or runNum is negative"),
    ("no run in 06", LHE, "06", {"lhe": LHE["lhe"].replace("expNum=1003, runNum=0, ", "")}, {}, "negative"),
    ("no run in main that numbers", LHE, "10", {"lhe": LHE["lhe"].replace("expNum=1003, runNum=0, ", ""), **extra("createEventMetaData=True", info="")}, {}, "negative"),
    # the LHE file
    ("file missing", LHE, "08", {}, {"a.lhe": None}, "there is no file a.lhe"),
    ("compressed", LHE, "08", {}, {"a.lhe": gzip.compress(b"x")}, "is compressed"),
    ("12 columns", LHE, "08", {}, lhe(last="22 1 1 2 0 0 0. 0. 1. 1. 0. 0.\n"), "has 12 columns"),
    ("14 columns", LHE, "08", {}, lhe(last="22 1 1 2 0 0 0. 0. 1. 1. 0. 0. 9. 9.\n"), "has 14 columns"),
    ("column in a comment", LHE, "08", {}, lhe(last="22 1 1 2 0 0 0. 0. 1. 1. 0. 0. # 9.\n"), "has 12 columns"),
    ("no number", LHE, "08", {}, lhe(last=particle(22, 1, "nan")), "finite numbers"),
    ("event not alone", LHE, "08", {}, BAD_HEAD, "not alone on its line"),
    ("event after a text", LHE, "08", {}, {"a.lhe": FILES["a.lhe"].replace("<event>", "1 <event>")}, "not alone on its line"),
    ("text for a number", LHE, "08", {}, lhe(last=particle(22, 1, "one")), "not made of numbers"),
    ("event cut", LHE, "08", {}, {"a.lhe": FILES["a.lhe"][:-40]}, "no end"),
    ("no files", LHE, "08", extra("inputFileList=[]"), {}, "inputFileList is empty"),
    ("fewer particles than said", LHE, "08", {}, {"a.lhe": FILES["a.lhe"].replace("\n6 1 ", "\n8 1 ")}, "fewer particles"),
    ("more particles than said", LHE, "08", {}, {"a.lhe": FILES["a.lhe"].replace("\n6 1 ", "\n5 1 ")}, "more particles"),
    ("no head", LHE, "08", {}, {"a.lhe": FILES["a.lhe"].replace("\n6 1 ", "\n6 ")}, "not the head of an event"),
    ("event within an event", LHE, "08", {}, {"a.lhe": FILES["a.lhe"].replace("</event>", "", 1)}, "an event has no end"),
    ("third initial record", LHE, "08", {}, lhe(last=particle(22, -1, 1)), "status -1"),
    ("no electron", LHE, "08", {}, lhe(beams=[particle(22, -1, 5), particle(22, -1, -5)]), "not an electron and a positron"),
    ("fewer events", LHE, "08", {"info": ONE.replace("[1]", "[3]")}, {}, "fewer events"),
    ("fewer after skipping", LHE, "08", extra("skipEvents=1"), {}, "fewer events"),
    ("unknown code", LHE, "08", {"particle": "", "displace": ""}, {}, "code 9000008 of the LHE file is not known"),
    ("tau undecayed", LHE, "08", {"info": ONE, "displace": ""}, TAU, "undecayed tau"),
    # beams and frames
    ("wrong sign", LHE, "08", extra("wrongSignPz=False"), {}, "beams mirrored"),
    ("wrong sign by default", LHE, "08", {"info": ONE}, WHIZARD, "beams mirrored"),
    ("one mirrored event", LHE, "10", {}, lhe(beams=[particle(-11, -1, -5.29), particle(11, -1, 5.29)]), "beams mirrored"),
    ("beams in the laboratory", LHE, "08", {}, lhe(beams=[particle(-11, -1, 4), particle(11, -1, -7)]), "not in the CM frame"),
    ("no initial records", LHE, "08", {"lhe": LHE["lhe"].replace("=2", "=0")}, {}, "nInitialParticles must be 2"),
    ("virtual final state", LHE, "08", extra("nVirtualParticles=2", displace=""), {}, "hides a particle of the final state"),
    ("more virtual ones than there are", LHE, "08", extra("nVirtualParticles=9"), {}, "more than an event has"),
    ("not boosted", LHE, "08", {"boost": ""}, {}, "not boosted"),
    ("not boosted in 05", LHE, "05", {"frame": ""}, {}, "not boosted"),
    ("boosted too late", LHE, "08", {"boost": f"{module('Progress')}\n{LHE['boost']}"}, {}, "directly after"),
    ("boosted twice", LHE, "08", after("boost", LHE["boost"]), {}, "BoostMCParticles is in the path 2 times"),
    ("EvtGen boosted", EVTGEN, "08", after("generator", LHE["boost"], EVTGEN), {}, "does not go with EvtGen"),
    ("EvtGen smeared", EVTGEN, "08", {"smear": LHE["smear"]}, {}, "does not go with EvtGen"),
    ("LHE not smeared", LHE, "08", {"smear": ""}, {}, "missing in the path: SmearPrimaryVertex"),
    # displacement
    ("lengths", LHE, "08", displacer("pdgVal=[9000008], lifetime=[1., 2.]"), {}, "differ in length"),
    ("lifetime 0", LHE, "08", displacer("pdgVal=[9000008], lifetime=[0.]"), {}, "must be positive"),
    ("lifetime as text", LHE, "08", displacer("pdgVal=[9000008], lifetime=['1']"), {}, "lifetime has a wrong type"),
    ("fixedLength", LHE, "08", displacer("pdgVal=[9000008], lifetime=[1.], lifetimeOption='fixedLength'"), {}, "no lifetimeOption"),
    ("not in the events", LHE, "08", displacer("pdgVal=[310], lifetime=[1.]"), {}, "310 does not occur"),
    ("hidden", LHE, "08", extra("nVirtualParticles=1"), {}, "9000008 is hidden as virtual"),
    ("hidden in the old way", LHE, "05", extra("nVirtualParticles=1, meanDecayLength=1.0", displace=""), {}, "hidden as virtual"),
    ("old way, not in the events", LHE, "06", extra("meanDecayLength=1.0, pdg_displaced=5", displace=""), {}, "5 does not occur"),
    ("both ways", LHE, "06", extra("meanDecayLength=1.0"), {}, "both displace"),
    ("lifetime in the table of main", LHE, "10", displacer("pdgVal=[13], lifetime=[1.]"), {}, "the table has its lifetime"),
    ("unknown to main", EVTGEN, "10", {"particle": ""}, {}, "9000008 is unknown"),
    ("EvtGen, not added", EVTGEN, "08", displacer("pdgVal=[310], lifetime=[1.]"), {}, "no particle that the script adds"),
    # the chain
    ("displaced before the boost", LHE, "08", {"generator": f"{LHE['generator']}\n{LHE['displace']}", "displace": ""}, {}, "wrong order"),
    ("smeared before displaced", LHE, "08", {"displace": LHE["smear"], "smear": LHE["displace"]}, {}, "wrong order"),
    ("simulated too early", LHE, "08", {"smear": LHE["simulation"], "simulation": LHE["smear"]}, {}, "wrong order"),
    ("no simulation", LHE, "08", {"simulation": ""}, {}, "missing in the path: add_simulation"),
    ("no reconstruction", LHE, "08", {"reconstruction": ""}, {}, "missing in the path: add_reconstruction"),
    ("no output", LHE, "08", {"output": ""}, {}, "missing in the path: add_mdst_output"),
    ("output twice", LHE, "08", after("output", LHE["output"]), {}, "add_mdst_output is in the path 2 times"),
    ("two generators", LHE, "08", after("boost", "generators.add_evtgen_generator(path, 'mixed')"), {}, "has one generator"),
    ("no generator", LHE, "08", {"generator": ""}, {}, "has one generator"),
    ("trigger missing in 05", LHE, "05", {"trigger": ""}, {}, "missing in the path: add_tsim"),
    ("trigger in 06", LHE, "06", {"trigger": LHE["trigger"]}, {}, "part of add_simulation"),
    ("trigger in 10", LHE, "10", {"trigger": LHE["trigger"]}, {}, "part of add_simulation"),
    ("old place of the output", LHE, "08", {"output": "reconstruction.add_mdst_output(path)"}, {}, "no longer in reconstruction"),
    ("description of no text", LHE, "08", {"output": "mdst.add_mdst_output(path, dataDescription={'a': 1})"}, {}, "dataDescription has a wrong type"),
    ("background of no list", LHE, "08", {"simulation": "simulation.add_simulation(path, bkgfiles='bg.root')"}, {}, "must be a list"),
    ("components of no list", LHE, "08", {"simulation": "simulation.add_simulation(path, components='PXD')"}, {}, "components must be a list"),
    ("no background", LHE, "08", {"simulation": "simulation.add_simulation(path, bkgfiles=[])"}, {}, "bkgfiles are missing"),
    ("no site", LHE, "08", {"simulation": "import background\nbackground.get_background_files()"}, {}, "BELLE2_BACKGROUND_DIR is not set"),
    ("processed twice", LHE, "08", after("process", "b2.process(path)"), {}, "process is called twice"),
    # EvtGen
    ("signal in 05", EVTGEN, "05", {}, {}, "unexpected keyword argument 'signaldecfile'"),
    ("finalstate signal in 05", EVTGEN, "05", {"generator": "generators.add_evtgen_generator(path, 'signal')"}, {}, "no finalstate 'signal'"),
    ("parent in 05", EVTGEN, "05", {"generator": "generators.add_evtgen_generator(path, 'mixed', parentParticle='Upsilon(4S)')"}, {}, "unexpected keyword argument 'parentParticle'"),
    ("no finalstate", EVTGEN, "08", {"generator": "generators.add_evtgen_generator(path)"}, {}, "no finalstate ''"),
    ("mixing by number", EVTGEN, "08", {"generator": "generators.add_evtgen_generator(path, 'mixed', coherentMixing=1)"}, {}, "coherentMixing or eventType has a wrong type"),
    ("no decay file", EVTGEN, "08", {}, {"signal.dec": None}, "there is no decay file"),
    ("decay file for mixed", EVTGEN, "08", {"generator": "generators.add_evtgen_generator(path, 'mixed', 'signal.dec')"}, {}, "signaldecfile goes with"),
    ("no End", EVTGEN, "08", {}, {"signal.dec": "Decay B0\nEnddecay\n"}, "does not end with End"),
    ("no Enddecay", EVTGEN, "08", {}, {"signal.dec": "Decay B0\nDecay B+\nEnddecay\nEnd\n"}, "has no Enddecay"),
    ("no Enddecay for the raw one", RAW, "08", {}, {"signal.dec": "Decay B0\nEnd\n"}, "has no Enddecay"),
    ("parent vpho", EVTGEN, "08", {"generator": "generators.add_evtgen_generator(path, 'signal', 'signal.dec', parentParticle='vpho')"}, {}, "no parentParticle 'vpho'"),
    ("mixed of 5S", EVTGEN, "08", {"generator": "generators.add_evtgen_generator(path, 'mixed', parentParticle='Upsilon(5S)')"}, {}, "needs finalstate 'signal'"),
    # particles
    ("blank in a name", LHE, "08", {"particle": "pdg.add_particle('A p', 9000008, 1.0, 0.0, 0, 1)"}, {}, "blanks in the name"),
    ("code taken", LHE, "08", after("particle", "assert pdg.add_particle('S', 9910610, 1.0, 0.0, 0, 1) is False"), {}, "in the table already"),
    ("code added twice", LHE, "08", after("particle", "pdg.add_particle('S', 9000008, 1.0, 0.0, 0, 1)"), {}, "in the table already"),
    ("name taken", LHE, "08", after("particle", "pdg.add_particle('gamma', 9000009, 1.0, 0.0, 0, 1)"), {}, "in the table already"),
    ("no mass", LHE, "08", {"particle": "pdg.add_particle('Ap', 9000008, None, 0.0, 0, 1)"}, {}, "TypeError"),
    ("error before process", LHE, "08", after("seed", "b2.B2ERROR('stop')"), {}, "1 errors before process: stop"),
    ("fatal", LHE, "08", after("seed", "b2.B2FATAL('stop')"), {}, "FATAL stop"),
    ("spin 0.3", LHE, "08", {"particle": "pdg.add_particle('Ap', 9000008, 1.0, 0.0, 0, 0.3)"}, {}, "ValueError"),
    ("no table to load", RAW, "08", {"particle": "pdg.load('old.pdl')"}, {}, "there is no file old.pdl"),
    ("table of other columns", RAW, "08", {"particle": "pdg.load('new.pdl')"}, {"new.pdl": "add p Particle Ap 9000008 1.0\n"}, "not 12 columns"),
    ("table without the rest", LHE, "08", {"particle": "pdg.load('new.pdl')"}, {}, "is not known"),
    ("width auto", LHE, "08", {"particle": "pdg.add_particle('Ap', 9000008, 1.0, 'auto', 0, 1)"}, {}, "TypeError"),
    # the grid
    ("absolute input", LHE, "08", extra("inputFileList=['/data/a.lhe']"), {}, "absolute path: /data/a.lhe"),
    ("input in a folder", LHE, "08", extra("inputFileList=['data/a.lhe']"), {}, "bare file name"),
    ("absolute output", LHE, "08", {"output": "mdst.add_mdst_output(path, filename='/data/out.root')"}, {}, "absolute path"),
    ("absolute background", LHE, "08", {"simulation": "simulation.add_simulation(path, bkgfiles=['/data/bg.root'])"}, {}, "absolute path"),
    ("absolute decay file", RAW, "08", {"generator": module("EvtGenInput", "userDECFile='/data/x.dec'")}, {}, "absolute path"),
    ("absolute description", LHE, "08", {"output": "mdst.add_mdst_output(path, dataDescription={'a': '/data'})"}, {}, "absolute path"),
    ("file not beside the script", LHE, "08", extra("inputFileList=[b2.find_file('b.lhe')]"), {}, "FileNotFoundError"),
    ("absolute find_file", LHE, "08", extra("inputFileList=[b2.find_file('/data/a.lhe')]"), {}, "absolute path"),
    ("absolute table", RAW, "08", {"particle": "pdg.load('/data/new.pdl')"}, {}, "absolute path"),
    ("tag twice", LHE, "08", after("seed", "b2.conditions.prepend_globaltag('a')\nb2.conditions.append_globaltag('a')"), {}, "global tag"),
]  # fmt: skip
