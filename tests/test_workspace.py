"""Workspaces and patchsets: what is read, what is refused, what goes to pyhf."""

import copy
import json
import subprocess
import sys
from dataclasses import replace

import jsonpatch as reference
import numpy as np
import pyhf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhf_workspaces import add, modifier, patchset, search, signal, write

from mcbook.errors import InputError
from mcbook.limits.histfactory import export, jsonfile, jsonpatch, read, spec
from mcbook.limits.likelihoods import Likelihoods, Modifier
from mcbook.limits.result import empty

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*RefResolver is deprecated"),  # pyhf 0.7.6 uses it
    pytest.mark.filterwarnings("ignore::RuntimeWarning:pyhf"),
]


class Fake:
    """Stands for `mcbook.limits.upper_limits`: the limit is 3 events."""

    def __init__(self):
        self.calls = []

    def __call__(self, likelihoods, **options):
        """Note the call, and answer."""
        self.calls.append((likelihoods, options))
        found = empty(len(likelihoods), "asymptotic")
        found.observed[:] = 3 / likelihoods.signal.sum(axis=1)
        found.expected[:] = np.array([1, 2, 3, 4, 5]) * found.observed[:, None]
        return found


GRID = {
    "light": ([1.0], [add(0, signal(0.5))]),
    "heavy": ([3.0], [add(0, signal(2.0))]),
    "none": ([9.0], [add(0, signal(0.0))]),
}


@pytest.fixture
def files(tmp_path):
    """Return a function that writes a workspace and a patchset and returns where they are."""

    def write_both(workspace=None, patches=None):
        workspace = search() if workspace is None else workspace
        made = patchset(workspace, GRID if patches is None else patches)
        return write(tmp_path / "ws.json", workspace), write(tmp_path / "patches.json", made)

    return write_both


def alone(tmp_path, change=None, **more):
    """Write the search with its signal, after *change*, and read it."""
    workspace = search()
    workspace["channels"][0]["samples"].append(signal())
    if change:
        change(workspace)
    return read(write(tmp_path / "ws.json", workspace), **more)


def test_a_grid_is_one_batch(files):
    """The patches are entries with their values, and one call does them all."""
    found = read(*files())
    assert [(entry.name, entry.parameters) for entry in found.entries] == [
        ("light", {"m_zp": 1.0}), ("heavy", {"m_zp": 3.0}), ("none", {"m_zp": 9.0}),
    ]  # fmt: skip
    fake = Fake()
    rows = found.limits(cl=0.9, upper_limits=fake, seed=7)
    assert [options for _, options in fake.calls] == [{"cl": 0.9, "method": "auto", "seed": 7}]
    assert fake.calls[0][0].yields.shape == (2, 4, 5)  # tautau has other factors in the CR
    assert rows[0] == {
        "hypothesis": "light",
        "parameters": {"m_zp": 1.0},
        "observed": 1.0,
        "expected": [1.0, 2.0, 3.0, 4.0, 5.0],
        "observed_events": 3.0,
        "method": "asymptotic",
        "status": "ok",
    }
    assert rows[2]["status"] == "failed: there is no signal"
    assert (rows[2]["observed"], rows[2]["expected"], rows[2]["observed_events"]) == (
        None, [None] * 5, None,
    )  # fmt: skip
    assert json.dumps(rows)


def test_a_workspace_alone(tmp_path):
    """A workspace with a signal is one entry, called as its file."""
    (row,) = alone(tmp_path).limits(cl=0.95, upper_limits=Fake())
    assert (row["hypothesis"], row["parameters"], row["observed"]) == ("ws", {}, 0.5)


def test_structures_are_batched_apart(files):
    """Patches that change the structure make a batch of their own; the order stays."""
    more = signal()
    more["modifiers"].append(modifier("normsys", "trigger", {"hi": 1.1, "lo": 0.9}))
    grid = {
        "a": ([1.0], [add(0, signal(1.0))]),
        "b": ([2.0], [add(0, more)]),
        "c": ([3.0], [add(0, signal(3.0)), {"op": "remove", "path": "/channels/1"}]),
        "d": ([4.0], [add(0, signal(4.0))]),
    }
    fake = Fake()
    rows = read(*files(patches=grid)).limits(cl=0.9, upper_limits=fake)
    assert sorted(len(batch) for batch, _ in fake.calls) == [1, 1, 2]
    assert [row["observed"] for row in rows] == pytest.approx([0.5, 0.5, 0.5 / 3, 0.125])


def test_poi_on_several_samples(tmp_path):
    """What the POI scales is the signal, in every channel."""

    def both(workspace):
        extra = {"name": "leak", "data": [1.0, 1.0], "modifiers": [modifier("normfactor", "mu")]}
        workspace["channels"][1]["samples"].append(extra)

    ((_, batch),) = alone(tmp_path, both).batches()
    assert batch.signal.tolist() == [[1.0, 3.0, 2.0, 1.0, 1.0]]


def test_samples_of_several_channels_are_one(tmp_path):
    """A sample that the same factors scale in both channels is one sample of the batch."""

    def same(workspace):
        for channel in workspace["channels"]:
            sample = channel["samples"][0]
            sample["modifiers"] = [m for m in sample["modifiers"] if m["type"] != "normsys"]

    ((_, batch),) = alone(tmp_path, same).batches()
    assert batch.yields[0, 0].tolist() == [10.0, 8.0, 4.0, 120.0, 60.0]
    (shape,) = (m for m in batch.modifiers if m.kind == "histosys")
    assert shape.data["hi"].tolist() == [[11.0, 8.4, 4.1, 120.0, 60.0]]  # no shift in the CR


def test_a_control_bin_is_a_sideband(tmp_path):
    """One bin that counts one background of another is an on/off measurement."""
    workspace = {
        "channels": [
            {"name": "SR", "samples": [
                {"name": "signal", "data": [2.0], "modifiers": [modifier("normfactor", "mu")]},
                {"name": "bkg", "data": [5.0], "modifiers": [modifier("normfactor", "k")]}]},
            {"name": "CR", "samples": [
                {"name": "bkg", "data": [20.0], "modifiers": [modifier("normfactor", "k")]}]},
        ],
        "observations": [{"name": "SR", "data": [4]}, {"name": "CR", "data": [18]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }  # fmt: skip
    ((_, batch),) = read(write(tmp_path / "onoff.json", workspace)).batches()
    assert batch.yields.tolist() == [[[2.0], [5.0]]]
    assert batch.observed.tolist() == [[4.0]]
    (side,) = batch.modifiers
    assert (side.kind, side.sample) == ("sideband", 1)
    assert (side.data["observed"].tolist(), side.data["ratio"].tolist()) == ([18.0], [4.0])


# --- what goes to pyhf ---


def settings_of(workspace, **parameter):
    """Add settings of a parameter to the measurement."""
    workspace["measurements"][0]["config"]["parameters"].append(parameter)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: w["channels"][1]["samples"][0]["modifiers"].append(modifier("shapefactor", "f")),
         "shapefactor 'f' is not batched"),
        (lambda w: w["channels"][0]["samples"][1]["data"].__setitem__(0, -0.5),
         "'mumu' has negative yields in 'SR'"),
        (lambda w: settings_of(w, name="k_tautau", bounds=[[0.5, 2]]),
         "k_tautau has bounds of its own"),
        (lambda w: settings_of(w, name="scale", inits=[0.5], fixed=True),
         "scale does not start at 0"),
        (lambda w: settings_of(w, name="scale", auxdata=[0.5]),
         "scale was not measured to be 0"),
        (lambda w: settings_of(w, name="fakes", auxdata=[25.0, 1.0, 1.0]), None),
        (lambda w: settings_of(w, name="fakes", auxdata=[30.0, 1.0, 1.0]),
         "fakes has a constraint of its own"),
        (lambda w: settings_of(w, name="mcstat_SR", sigmas=[0.1, 0.1, 0.1]),
         "mcstat_SR has a constraint of its own"),
        (lambda w: settings_of(w, name="fakes", fixed=False),
         "fakes is free in bins without an uncertainty"),
        (lambda w: settings_of(w, name="fakes", inits=[1.0]),
         "the settings of fakes do not fit its 3 bins"),
        (lambda w: w["measurements"][0]["config"]["parameters"][0].update(bounds=[[0.99, 1.01]]),
         "lumi has bounds of its own"),
    ],
)  # fmt: skip
def test_reasons(tmp_path, change, reason):
    """Whatever the batch does not know goes to pyhf, with the reason; nothing is passed over."""
    found = alone(tmp_path, change)
    assert len(list(found.batches())) == (reason is None)
    (row,) = found.limits(cl=0.9, method="toys", upper_limits=Fake())
    if reason is not None:
        assert (
            row["status"] == f"failed: only pyhf can do it, since {reason}; the method toys cannot"
        )
        assert (row["observed"], row["method"]) == (None, "toys")


def test_fixed_parameters_are_numbers(tmp_path):
    """A fixed luminosity or factor scales the yields, and is no nuisance parameter."""

    def fix(workspace):
        workspace["measurements"][0]["config"]["parameters"][0].update(inits=[1.1], fixed=True)
        settings_of(workspace, name="k_tautau", inits=[2.0], bounds=[[0, 3]], fixed=True)
        settings_of(workspace, name="mcstat_SR", fixed=True)
        settings_of(workspace, name="scale", fixed=True)

    ((_, batch),) = alone(tmp_path, fix).batches()
    assert {(m.kind, m.name) for m in batch.modifiers} == {
        ("normsys", "theory"), ("normsys", "efficiency"), ("shapesys", "fakes"),
    }  # fmt: skip
    assert batch.yields[0, 0, 0] == pytest.approx(10 * 2 * 1.1)
    assert batch.signal[0] == pytest.approx(np.array([1, 3, 2, 0, 0]) * 1.1)


@pytest.mark.thorough
def test_pyhf_does_what_is_not_batched(tmp_path):
    """A shapefactor in a region of its own changes no limit: pyhf finds the one without it."""
    small = {
        "channels": [
            {"name": "SR", "samples": [
                {"name": "signal", "data": [2.0], "modifiers": [modifier("normfactor", "mu")]},
                {"name": "bkg", "data": [9.0], "modifiers": []}]},
        ],
        "observations": [{"name": "SR", "data": [11]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }  # fmt: skip
    path = write(tmp_path / "small.json", small)
    (direct,) = read(path).limits(cl=0.9, method="pyhf", upper_limits=Fake())
    assert (direct["method"], direct["status"]) == ("pyhf", "ok")
    small["channels"].append(
        {
            "name": "VR",
            "samples": [
                {"name": "bkg", "data": [50.0], "modifiers": [modifier("shapefactor", "free")]}
            ],
        }
    )
    small["observations"].append({"name": "VR", "data": [60]})
    (row,) = read(write(path, small)).limits(cl=0.9, upper_limits=Fake())
    assert row["method"] == "pyhf"
    assert row["status"] == "ok: with pyhf, since shapefactor 'free' is not batched"
    assert row["observed"] == pytest.approx(direct["observed"], rel=1e-5)
    assert row["expected"] == pytest.approx(direct["expected"], rel=1e-4)
    assert row["observed_events"] == pytest.approx(2 * row["observed"])


def test_reading_needs_no_pyhf(files):
    """Reading a grid and making arrays of it does not import pyhf, which takes seconds."""
    code = (
        "import sys\n"
        "from mcbook.limits.histfactory import read\n"
        "batches = list(read(*sys.argv[1:]).batches())\n"
        "print(len(batches), 'pyhf' in sys.modules, 'scipy' in sys.modules)"
    )
    command = [sys.executable, "-c", code, *map(str, files())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False", "False"]


# --- measurements ---


def test_measurements(tmp_path):
    """The first measurement counts, unless another is named."""

    def two(workspace):
        other = copy.deepcopy(workspace["measurements"][0])
        other["name"] = "wide"
        other["config"]["parameters"][0].update(sigmas=[0.05])
        workspace["measurements"].append(other)

    def width(found):
        ((_, batch),) = found.batches()
        return next(m.data["sigma"][0] for m in batch.modifiers if m.kind == "lumi")

    assert width(alone(tmp_path, two)) == 0.017
    assert width(alone(tmp_path, two, measurement="wide")) == 0.05
    with pytest.raises(InputError, match="there is no measurement 'wode'") as caught:
        alone(tmp_path, two, measurement="wode")
    assert caught.value.hint == "did you mean 'wide'?"


# --- what is refused ---


def sample(workspace, channel=0, index=0):
    """Return a sample of a workspace."""
    return workspace["channels"][channel]["samples"][index]


def kind_of(workspace, kind):
    """Return the first modifier of a type."""
    return next(
        m for c in workspace["channels"] for s in c["samples"] for m in s["modifiers"]
        if m["type"] == kind
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        (lambda w: w.pop("channels"), "ws.json: the key 'channels' is missing", None),
        (lambda w: w.pop("observations"), "the key 'observations' is missing", None),
        (lambda w: w.update(version="2.0.0"), "version '2.0.0' is not read", None),
        (lambda w: w.update(chanels=[]), "unknown key 'chanels'", "did you mean 'channels'?"),
        (lambda w: w.update(channels=[]), "channels: a list that is not empty", None),
        (lambda w: kind_of(w, "normsys").update(type="normsis"),
         "modifiers[3] (", None),
        (lambda w: kind_of(w, "lumi").update(name="luminosity"), "is named 'lumi'", None),
        (lambda w: kind_of(w, "normfactor").update(data=1), "data must be null", None),
        (lambda w: kind_of(w, "normsys")["data"].update(lo=0), "a factor is positive", None),
        (lambda w: kind_of(w, "histosys")["data"]["hi_data"].pop(),
         "hi_data has 2 bins, the sample has 3", None),
        (lambda w: kind_of(w, "shapesys")["data"].__setitem__(0, -1), "is negative", None),
        (lambda w: sample(w)["data"].append(1.0), "lo_data has 3 bins, the sample has 4", None),
        (lambda w: w["channels"][0]["samples"].append({"name": "x", "data": [1], "modifiers": []}),
         "sample 'x' has 1 bins, 'tautau' has 3", None),
        (lambda w: sample(w)["data"].__setitem__(0, "1"), "'1' is no number", None),
        (lambda w: sample(w)["data"].__setitem__(0, True), "True is no number", None),
        (lambda w: sample(w)["data"].__setitem__(0, 10**400), "is not finite", None),
        (lambda w: w["observations"][0]["data"].pop(),
         "the observation has 2 bins, the samples have 3", None),
        (lambda w: w["observations"][0]["data"].__setitem__(0, -1), "count is negative", None),
        (lambda w: w["observations"][0].update(name="SRR"),
         "there is no observation of this channel", "did you mean 'SRR'?"),
        (lambda w: w["observations"].append(w["observations"][0]), "'SR' is there twice", None),
        (lambda w: w["channels"].append(w["channels"][0]), "channel 'SR' is there twice", None),
        (lambda w: w["channels"][0]["samples"].append(sample(w)),
         "sample 'tautau' is there twice", None),
        (lambda w: sample(w)["modifiers"].append(sample(w)["modifiers"][1]),
         "modifier 'normfactor k_tautau' is there twice", None),
        (lambda w: w["measurements"][0]["config"].update(poi=""), "no POI is named", None),
        (lambda w: w["measurements"][0]["config"].update(poi="mu_sig"),
         "no sample has the POI 'mu_sig'", "a workspace of backgrounds alone needs its --patchset"),
        (lambda w: w["measurements"][0]["config"].update(poi="theory"),
         "the POI 'theory' is a normsys", None),
        (lambda w: settings_of(w, name="mu", fixed=True), "the POI 'mu' is fixed", None),
        (lambda w: settings_of(w, name="lumi"), "'lumi' is there twice", None),
        (lambda w: settings_of(w, name="k", bounds=[[2, 1]]), "bounds are pairs", None),
        (lambda w: w["measurements"][0]["config"]["parameters"].clear(),
         "lumi needs one number for auxdata", None),
        (lambda w: sample(w, 1)["modifiers"].append(modifier("shapesys", "fakes", [1, 1])),
         "shapesys 'fakes' is there twice", None),
        (lambda w: sample(w, 1)["modifiers"].append(modifier("normsys", "k_tautau",
                                                             {"hi": 1.1, "lo": 0.9})),
         "only normsys and histosys may share a name", None),
        (lambda w: sample(w, 1)["modifiers"].append(modifier("staterror", "mcstat_SR", [1, 1])),
         "carry it in different channels", None),
    ],
)  # fmt: skip
def test_refused(tmp_path, change, said, hint):
    """One clear line that names the file and the place."""
    if said.startswith("modifiers[3]"):
        said, hint = "unknown type of modifier 'normsis'", "did you mean 'normsys'?"
    with pytest.raises(InputError) as caught:
        alone(tmp_path, change)
    whole = f"{caught.value.message} {caught.value.hint}"
    assert said in whole
    assert "ws.json" in caught.value.message
    if hint:
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "an object is wanted at the root"),
        ("{", "line 1: not JSON"),
        ('{"a": 1,\n "NaN": NaN}', "line 2: NaN is no number"),
        ('{"a": [-Infinity]}', "line 1: -Infinity is no number"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "not JSON"),
    ],
)
def test_json_is_strict(tmp_path, text, said):
    """What is no JSON, or could mean two things, is refused."""
    path = tmp_path / "ws.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path)
    assert said in caught.value.message.replace("a JSON object", "an object")
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read(path)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p["metadata"]["digests"].update(sha256="0" * 64), "made for another workspace"),
        (lambda p: p["metadata"].update(digests={"sha1": ""}), "unknown algorithm 'sha1'"),
        (lambda p: p.pop("metadata"), "the key 'metadata' is missing"),
        (lambda p: p["metadata"].update(labels=["m zp"]), "'m zp' is no name"),
        (lambda p: p["patches"][0]["metadata"].update(values=[1, 2]), "1 values are wanted"),
        (lambda p: p["patches"][0]["metadata"].update(values=[None]), "None is no number or text"),
        (lambda p: p["patches"][1]["metadata"].update(name="light"), "two patches are called"),
        (lambda p: p["patches"][1]["metadata"].update(values=[1]), "share its values"),
        (lambda p: p["patches"][0]["metadata"].update(name="m=1"), "letters, digits and _"),
        (lambda p: p["patches"][0]["patch"][0].update(path="/channels/7/samples/-"),
         "patch 'light', operation 0: there is no entry '7'"),
        (lambda p: p["patches"][0]["patch"][0].update(op="ad"), "did you mean 'add'?"),
        (lambda p: p["patches"][0]["patch"].clear(), "patch 'light': no sample has the POI 'mu'"),
        (lambda p: p["patches"][2]["patch"][0]["value"].update(data=[1.0]),
         "patch 'none', channels[0] (SR)"),
    ],
)  # fmt: skip
def test_patchsets_refused(files, change, said):
    """A patchset is checked as a workspace is, and against the workspace."""
    workspace, patches = files(patches=copy.deepcopy(GRID))
    document = json.loads(patches.read_text(encoding="utf-8"))
    change(document)
    write(patches, document)
    with pytest.raises(InputError) as caught:
        read(workspace, patches)
    assert said in caught.value.message


@pytest.mark.thorough
@settings(max_examples=60)
@given(st.data())
def test_no_malformed_workspace_escapes(tmp_path_factory, data):
    """Any value put in any place gives a workspace that is read, or an InputError."""
    workspace = search()
    workspace["channels"][0]["samples"].append(signal())
    everywhere = list(places(workspace))
    parent, key = everywhere[data.draw(st.integers(0, len(everywhere) - 1))]
    junk = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text(max_size=3),
        st.just([]), st.just({}), st.just([1.0]), st.just({"name": "x"}),
    )  # fmt: skip
    parent[key] = data.draw(junk)
    path = write(tmp_path_factory.mktemp("junk") / "ws.json", workspace)
    try:
        rows = read(path).limits(cl=0.9, method="exact", upper_limits=Fake())
    except InputError as error:
        assert "ws.json" in error.message  # noqa: PT017
    else:
        assert len(rows) == 1


def places(node):
    """Yield every container of a document with a key into it."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


# --- JSON patches ---

KEYS = st.sampled_from(["a", "b", "~", "/", "0"])
DOCUMENTS = st.recursive(
    st.integers(0, 3) | st.text(max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
POINTERS = st.lists(st.sampled_from(["a", "b", "~0", "~1", "0", "1", "2", "-"]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
OPERATIONS = st.builds(
    lambda op, path, source, value: {"op": op, "path": path, "from": source, "value": value},
    st.sampled_from(jsonpatch.OPERATIONS), POINTERS, POINTERS, st.integers(0, 3),
)  # fmt: skip


@pytest.mark.thorough
@settings(max_examples=400)
@given(st.dictionaries(KEYS, DOCUMENTS, min_size=1, max_size=3), st.lists(OPERATIONS, max_size=3))
def test_patches_are_applied_as_elsewhere(document, operations):
    """What another implementation applies comes out the same, and the original stays."""
    before = copy.deepcopy(document)
    try:
        theirs = reference.apply_patch(document, operations)
    except (reference.JsonPatchException, reference.JsonPointerException, TypeError):
        theirs = None
    try:
        ours = jsonpatch.applied(document, operations, "test")
    except InputError:
        ours = None
    assert document == before
    if ours is not None and theirs is not None:
        assert ours == theirs


def test_patches_copy_only_the_way():
    """What a patch leaves alone stays the same object."""
    document = {"a": [{"b": [1]}, {"c": [2]}], "d": {}}
    new = jsonpatch.applied(document, [{"op": "add", "path": "/a/0/b/-", "value": 5}], "test")
    assert new == {"a": [{"b": [1, 5]}, {"c": [2]}], "d": {}}
    assert new["a"][1] is document["a"][1]
    assert new["d"] is document["d"]


def test_json_reads_as_python_does(tmp_path):
    """A byte order mark and text of any language are read."""
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"\xc3\xa4": 1e-3}')
    assert jsonfile.read(path) == {"ä": 1e-3}


# --- out and in again ---


def grid(n=3):
    """Return a batch in which everything differs between hypotheses."""
    yields = np.array([[[2.0, 1.0], [10.0, 5.0]], [[4.0, 0.5], [12.0, 6.0]],
                       [[1.0, 2.0], [8.0, 3.0]]])[:n]  # fmt: skip
    modifiers = (
        Modifier("lumi", "lumi", 0, {"sigma": np.array([0.01, 0.0, 0.02])[:n]}),
        Modifier("normsys", "eff", 0, {"hi": np.array([1.1, 1.2, 1.0])[:n],
                                       "lo": np.array([0.9, 0.8, 1.0])[:n]}),
        Modifier("staterror", "stat", 1, {"sigma": yields[:, 1] * 0.1}),
        Modifier("normfactor", "k", 1, {}),
    )  # fmt: skip
    observed = np.array([[11.0, 5.0], [np.nan, np.nan], [7.0, 4.0]])[:n]
    return Likelihoods(yields, np.array([True, False]), modifiers, observed)


HYPOTHESES = [
    export.Hypothesis(f"m_zp={mass}", {"m_zp": mass}, {"sample_ids": [f"zprime-{mass}"]})
    for mass in (1.0, 1.5, 2.0)
]


def written(tmp_path, *documents):
    """Write exported documents, and return where."""
    paths = (tmp_path / "out.json", tmp_path / "out_patches.json")
    for path, document in zip(paths, documents, strict=True):
        path.write_text(export.text(document), encoding="utf-8")
    return paths


def test_round_trip(tmp_path):
    """What is written and read again is the same batch of likelihoods, nothing observed kept."""
    batch = grid()
    workspace, patches = export.documents(batch, HYPOTHESES, names=spec.names_of(
        batch, [("a", 1), ("b", 1)], ["zp", "bkg"]))  # fmt: skip
    found = read(*written(tmp_path, workspace, patches))
    assert [(e.name, e.parameters) for e in found.entries] == [
        (h.name, h.parameters) for h in HYPOTHESES
    ]
    back = {index: part.take([row]) for indices, part in found.batches()
            for row, index in enumerate(indices)}  # fmt: skip
    for index, part in back.items():
        assert part.yields[0].tolist() == batch.yields[index].tolist()
        assert part.is_signal.tolist() == [True, False]
        if index == 1:
            assert part.observed is None
        else:
            assert part.observed[0].tolist() == batch.observed[index].tolist()
        sigma = sum(m.data["sigma"][0] for m in part.modifiers if m.kind == "staterror")
        assert sigma == pytest.approx(batch.modifiers[2].data["sigma"][index], rel=1e-14)
        for m in part.modifiers:
            if m.kind in ("lumi", "normsys"):
                old = next(o for o in batch.modifiers if o.kind == m.kind)
                for key, values in m.data.items():
                    assert values[0] == pytest.approx(old.data[key][index], rel=1e-14)
        assert ("lumi" in {m.kind for m in part.modifiers}) == (index != 1)  # its width is 0


def test_pyhf_reads_what_is_written():
    """Workspace and patchset pass pyhf's schema, digest and models."""
    batch = grid()
    workspace, patches = export.documents(batch, HYPOTHESES, hepdata="ins7654321")
    opened = pyhf.PatchSet(json.loads(export.text(patches)))
    base = pyhf.Workspace(json.loads(export.text(workspace)))
    opened.verify(base)
    assert opened.labels == ["m_zp"]
    assert opened[(1.5,)].name == "m_zp_1_5"
    assert opened["m_zp_1_5"].metadata["sample_ids"] == ["zprime-1.5"]
    for row, hypothesis in enumerate(HYPOTHESES):
        whole = opened.apply(base, tuple(hypothesis.parameters.values()))
        direct = pyhf.Workspace(spec.workspace(batch, row))
        assert whole == direct
        assert whole.model().config.poi_name == "mu"


def test_a_grid_without_parameters(tmp_path):
    """Hypotheses that differ by nothing but their name get a label that is their name."""
    names = ["name", "Z' -> inv", "Z_ -> inv"]
    documents = export.documents(grid(), [export.Hypothesis(name) for name in names])
    assert [p["metadata"]["name"] for p in documents[1]["patches"]] == [
        "name_2", "Z_____inv", "Z_____inv_2",
    ]  # fmt: skip
    pyhf.PatchSet(documents[1]).verify(documents[0])
    found = read(*written(tmp_path, *documents))
    assert [(entry.name, entry.parameters) for entry in found.entries] == [(n, {}) for n in names]


def test_export_refuses(tmp_path):
    """What would not be read again is not written."""
    del tmp_path
    batch = grid()
    two = [replace(HYPOTHESES[0], name="x"), *HYPOTHESES[1:]]
    with pytest.raises(InputError, match="as many hypotheses"):
        export.documents(batch, HYPOTHESES[:2])
    with pytest.raises(InputError, match="no HEPData record"):
        export.documents(batch, two, hepdata="1234567")
    with pytest.raises(InputError, match="is not finite"):
        export.documents(batch, [replace(two[0], parameters={"m_zp": np.inf}), *two[1:]])
    with pytest.raises(InputError, match="other parameters"):
        export.documents(batch, [*two[:2], replace(two[2], parameters={"m_ap": 1.0})])
    with pytest.raises(InputError, match="same name"):
        export.documents(batch, [HYPOTHESES[1], *HYPOTHESES[1:]])
