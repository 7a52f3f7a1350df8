"""The stub of basf2 takes the steering scripts that basf2 takes, and refuses the others."""

import pytest
from basf2_cases import BAD, GOOD, after, extra, lhe
from basf2_scripts import (
    EVENT,
    EVTGEN,
    LHE,
    RAW,
    RELEASES,
    event,
    lhe_file,
    particle,
    run,
    script,
)

ALL = set(RELEASES)
EACH = [
    release if release in {"05", "10"} else pytest.param(release, marks=pytest.mark.thorough)
    for release in sorted(ALL)
]
"""The first and the last release every time, all of them when all is asked for."""

BEFORE_10 = ALL - {"10"}

#: Rows of the table of LHEInput: parameters, their defaults, the releases that have them.
ROWS = {
    "files": ({"skipEvents": 0, "useWeights": False}, ALL),
    "run and experiment": ({"runNum": -1, "expNum": -1}, ALL),
    "switch makeMaster": ({"makeMaster": False}, {"05", "06", "07", "08"}),
    "switch createEventMetaData": ({"createEventMetaData": False}, {"10"}),
    "records": ({"nInitialParticles": 0, "nVirtualParticles": 0}, ALL),
    "direction": ({"wrongSignPz": True}, ALL),
    "boost": ({"boost2Lab": False}, {"05"}),
    "displacement": (
        {"meanDecayLength": 0.0, "Rmin": 0.0, "Rmax": 1000000.0, "pdg_displaced": 9000008},
        BEFORE_10,
    ),
}
DEFAULTS = """
import sys, _tables
for name, (_, default) in _tables.MODULES["LHEInput"].items():
    print((name, default), file=sys.stderr)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("release", EACH)
@pytest.mark.parametrize("row", ROWS)
def test_parameters_of_lhe_input(row, release, tmp_path):
    """LHEInput has the parameters of each row in the releases that the row names, and no others."""
    parameters, releases = ROWS[row]
    given = parameters | {name: 1003 for name in ("runNum", "expNum") if name in parameters}
    given |= {"nInitialParticles": 2} if row == "records" else {}
    given |= {"boost2Lab": True} if row == "boost" else {}
    said, trace = run(script(LHE, release, {"extra": f"lhe |= {given}"}), release, tmp_path)
    if release in releases:
        found = next(entry for entry in trace["modules"] if entry["name"] == "LHEInput")
        assert given.items() <= found["parameters"].items()
    else:
        assert f"there is no parameter {next(iter(given))}" in said


@pytest.mark.parametrize("release", EACH)
def test_defaults_of_lhe_input(release, tmp_path):
    """What a script does not say has the default of the release."""
    said, _ = run(DEFAULTS, release, tmp_path)
    for parameters, releases in ROWS.values():
        for name, default in parameters.items():
            value = 0 if release == "05" and name in ("runNum", "expNum") else default
            assert (f"('{name}', {value!r})" in said) == (release in releases)


@pytest.mark.parametrize("release", EACH)
@pytest.mark.parametrize("base", [LHE, RAW, EVTGEN], ids=["lhe", "raw evtgen", "evtgen"])
def test_whole_chain(base, release, tmp_path):
    """A good script passes, and its trace says what it did."""
    text = script(base, release, {})
    if base is EVTGEN and release == "05":
        text = text.replace("'signal', signaldecfile='signal.dec'", "'mixed'")
    said, trace = run(text, release, tmp_path)
    assert trace, said
    names = [module["name"] for module in trace["modules"]]
    assert names == [
        "EventInfoSetter",
        GENERATORS[base["generator"]],
        *["BoostMCParticles"][base is not LHE or release == "05" :],
        "GeneratedVertexDisplacer",
        *["SmearPrimaryVertex"][base is not LHE :],
        "add_simulation",
        *["add_tsim"][release != "05" :],
        "add_reconstruction",
        "add_mdst_output",
    ]
    assert [module["helper"] for module in trace["modules"]] == [
        name.startswith("add_") for name in names
    ]
    assert trace["release"] == RELEASES[release]
    assert (trace["events"], trace["seed"], trace["outputs"]) == (2, "a1", ["out.root"])
    assert trace["particles"][0]["max_width"] == 3e-3
    assert (tmp_path / "out.root").exists()


GENERATORS = {
    LHE["generator"]: "LHEInput",
    RAW["generator"]: "EvtGenInput",
    EVTGEN["generator"]: "add_evtgen_generator",
}


@pytest.mark.parametrize(
    ("base", "release", "changes", "files"),
    [pytest.param(*case[1:], id=f"{case[0]}-{case[2]}") for case in GOOD],
)
def test_taken(base, release, changes, files, tmp_path):
    """What basf2 takes passes."""
    text = script(base, release, changes)
    said, trace = run(text, release, tmp_path, files, BELLE2_BACKGROUND_DIR=str(tmp_path))
    assert trace, said
    assert trace["outputs"] == ["out.root"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("base", "release", "changes", "files", "message"),
    [pytest.param(*case[1:], id=f"{case[0]}-{case[2]}") for case in BAD],
)
def test_refused(base, release, changes, files, message, tmp_path):
    """What basf2 refuses, or gets wrong without a word, is fatal."""
    said, trace = run(script(base, release, changes), release, tmp_path, files)
    assert message in said
    assert trace is None


@pytest.mark.parametrize("name", ["makeMaster", "createEventMetaData"])
def test_09_has_no_switch(name, tmp_path):
    """Nobody knows the switch of release-09: a script must not rely on either."""
    said, trace = run(script(LHE, "09", extra(f"{name}=True", info="")), "09", tmp_path)
    assert f"no parameter {name}" in said
    assert trace is None


@pytest.mark.parametrize("release", ["release-04-02-08", "light-2401-ocicat", "release-8", ""])
def test_unknown_release(release, tmp_path):
    """Releases that the rules do not cover are refused."""
    said, trace = run(script(LHE, "08", {}), release, tmp_path)
    assert "does not know the release" in said
    assert trace is None


def test_11_is_like_main(tmp_path):
    """Releases after 10 behave as it does."""
    said, trace = run(script(LHE, "10", {}), "release-11-00-00", tmp_path)
    assert trace, said


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("changes", "files", "warning"),
    [
        (extra("useWeights=True"), {}, "ignores the weights"),
        ({}, {"a.lhe": lhe_file(event(*EVENT), event(*EVENT, weight=2.0))}, "ignores the weights"),
        ({}, lhe(last=particle(21, 1, -2.0)), "bare quarks or gluons"),
        (after("particle", "pdg.add_particle('S', 77, 1., 0., 0, 0, lifetime=1.)"), {}, "lifetime"),
    ],
    ids=["weights used", "weights differ", "gluon", "lifetime"],
)
def test_warnings(changes, files, warning, tmp_path):
    """What basf2 takes with a warning, or would do badly, is in the trace."""
    _, trace = run(script(LHE, "08", changes), "08", tmp_path, files)
    assert warning in trace["warnings"][0]


def test_coherent_mixing_is_switched_off(tmp_path):
    """Only the Upsilon(4S) mixes coherently."""
    call = "generators.add_evtgen_generator(path, 'signal', 'signal.dec', parentParticle='{}')"
    for parent, coherent in (("Upsilon(4S)", True), ("Upsilon(5S)", False)):
        text = script(EVTGEN, "08", {"generator": call.format(parent)})
        _, trace = run(text, "08", tmp_path)
        assert trace["modules"][1]["parameters"]["coherentMixing"] is coherent
        assert bool(trace["warnings"]) is not coherent


def test_global_tags_are_ordered(tmp_path):
    """A tag that is prepended wins."""
    lines = "\n".join(f"b2.conditions.{verb}_globaltag('{tag}')" for verb, tag in TAGS)
    _, trace = run(script(LHE, "08", {"seed": lines}), "08", tmp_path)
    assert trace["globaltags"] == ["c", "a", "b"]
    assert trace["seed"] is None


TAGS = [("prepend", "a"), ("append", "b"), ("prepend", "c")]
