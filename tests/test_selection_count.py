"""Counting: the same numbers as a loop over events, whatever the chunks and jobs."""

import math

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.registry.expressions import is_plain, parse
from mcbook.selection.count import count, count_files, kept_of, selected
from mcbook.selection.file import read_selection
from mcbook.selection.ntuple import write_ntuple
from mcbook.selection.plan import Plan
from mcbook.selection.tasks import Count

BASE = {"schema": 1, "name": "s", "model": "zprime", "process": "mumu_inv"}
WINDOW = {"observable": "m2", "centre": "m_zp**2", "resolution": "0.2 + 0.1 * m_zp", "width": 2}
MASSES = ({"m_zp": 1.0}, {"m_zp": 2.0}, {"m_zp": 4.0})
CUTS = {
    "a": ("x < 0.7", lambda e, _: e["x"] < 0.7),
    "b": ("abs(y) < 1 or x > 0.2", lambda e, _: abs(e["y"]) < 1 or e["x"] > 0.2),
    "c": ("y > low", lambda e, m: e["y"] > -1 + 0.25 * (m - 1)),
    "d": ("not (x * y > 0.5) and flag == True", lambda e, _: not e["x"] * e["y"] > 0.5
          and e["flag"]),
    "e": ("ratio < 3 * m_zp", lambda e, m: e["y"] / (e["x"] + 1) < 3 * m),
    "f": ("scaled < 2", lambda e, m: e["x"] * m < 2),
}  # fmt: skip
COLUMNS = {"ratio": "y / (x + 1)", "scaled": "x * m_zp"}
VALUES = {"low": {"of": "m_zp", "at": [1, 5], "is": [-1, 0]}}


@pytest.fixture
def folder(tmp_path):
    """Return a folder, and what writes a selection there and reads it."""

    def read(**content):
        path = tmp_path / "selection.yaml"
        path.write_text(yaml.safe_dump({**BASE, **content}, sort_keys=False))
        return read_selection(path)

    return tmp_path, read


def events(rng, size):
    """Return branches of random events."""
    return {
        "number": np.arange(size),
        "x": rng.uniform(0, 1, size).astype(np.float32),
        "y": rng.normal(size=size),
        "flag": rng.random(size) > 0.3,
        "m2": rng.uniform(-1, 20, size),
        "w": rng.normal(1, 0.5, size),
    }


def by_hand(branches, mass, cuts, *, width=None, where=None, keeps=lambda _: True):
    """Return the cutflow of a loop over events."""
    size = len(branches["x"])
    steps = [lambda e, _: keeps(e["number"]), *(CUTS[name][1] for name in cuts)]
    if where:
        steps.append(where)
    if width is not None:
        half = width * (0.2 + 0.1 * mass)
        steps.append(lambda e, m: m * m - half <= e["m2"] <= m * m + half)
    found = [[0, 0.0, 0.0] for _ in range(len(steps) + 1)]
    for i in range(size):
        event = {name: column[i].item() for name, column in branches.items()}
        weight = event["w"]
        for j, step in enumerate([lambda *_: True, *steps]):
            if not step(event, mass):
                break
            found[j][0] += 1
            found[j][1] += weight
            found[j][2] += weight * weight
    return found


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from(sorted(CUTS)), unique=True, min_size=1),
    st.integers(1, 100),
    st.integers(1, 60),
    st.integers(0, 10**6),
)
def test_counts_are_those_of_a_loop(tmp_path_factory, cuts, size, rows, seed):
    """Any cuts, weights and chunks: the numbers of a loop over the events."""
    folder = tmp_path_factory.getbasetemp()
    branches = events(np.random.default_rng(seed), size)
    write_ntuple(folder / "loop.root", "events", branches)
    content = {
        **BASE, "weight": "w", "columns": COLUMNS, "values": VALUES, "window": WINDOW,
        "event": {"column": "number"}, "training": "event % 3 == 0",
        "cuts": {name: CUTS[name][0] for name in cuts},
        "regions": {"signal": {}, "wide": {"window": 6},
                    "side": {"without": cuts[:1], "where": "m2 > 5", "window": None}},
    }  # fmt: skip
    (folder / "loop.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    selection = read_selection(folder / "loop.yaml")
    task = Count(Plan(selection, MASSES, list(selection.regions.values())))
    task.chunk = rows
    flows = task.run(str(folder / "loop.root")).cutflows
    assert [(f.hypothesis["m_zp"], f.region) for f in flows] == [
        (m["m_zp"], region) for m in MASSES for region in ("signal", "wide", "side")
    ]
    for flow in flows:
        mass = flow.hypothesis["m_zp"]
        how = {"signal": {"width": 2}, "wide": {"width": 6}, "side": {
            "where": lambda e, _: e["m2"] > 5}}[flow.region]  # fmt: skip
        used = cuts[1:] if flow.region == "side" else cuts
        wanted = by_hand(branches, mass, used, keeps=lambda n: n % 3 != 0, **how)
        assert [step.n for step in flow.steps] == [n for n, _, _ in wanted]
        for step, (_, sumw, sumw2) in zip(flow.steps, wanted, strict=True):
            assert step.sumw == pytest.approx(sumw, abs=1e-9)
            assert step.sumw2 == pytest.approx(sumw2, abs=1e-9)
    names = ["read", "kept", *cuts, "window"]
    assert [step.name for step in flows[0].steps] == names


def test_files_and_jobs(folder):
    """Files are added; side by side they give the very same numbers."""
    path, read = folder
    rng = np.random.default_rng(5)
    files = [path / f"{i}.root" for i in range(3)]
    for i, file in enumerate(files):
        write_ntuple(file, "events", events(rng, 100 * i))  # the first one is empty
    selection = read(weight="w", cuts={"a": CUTS["a"][0]}, window=WINDOW)
    one = count(selection, files, MASSES)
    assert one == count(selection, files, MASSES, jobs=2)
    parts = count_files(selection, files, MASSES)
    assert [part.rows for part in parts] == [0, 100, 200]
    assert parts[0].cutflows[0] + parts[1].cutflows[0] + parts[2].cutflows[0] == one[0]
    assert one[0].steps[0].n == 300
    assert one[0].selected.name == "window"


def test_errors_of_jobs(folder):
    """A file that is wrong is named the same from a process of its own."""
    path, read = folder
    write_ntuple(path / "a.root", "events", events(np.random.default_rng(1), 10))
    (path / "b.root").write_bytes(b"no")
    selection = read(cuts={"a": "x < 1"})
    for jobs in (1, 2):
        with pytest.raises(InputError, match=r"b.root is no ROOT file"):
            count(selection, [path / "a.root", path / "b.root"], MASSES, jobs=jobs)


@pytest.mark.parametrize(
    ("content", "said", "hint"),
    [
        ({"cuts": {"a": "xx < 1"}}, "no branch 'xx'", "did you mean 'x'"),
        ({"cuts": {"a": "y < lowe"}, "values": VALUES}, "no branch 'lowe'", "'low'"),
        ({"cuts": {"a": "y < m_zpp"}}, "no branch 'm_zpp'", "'m_zp'"),
        ({"cuts": {"a": "y < 1"}, "columns": {"x": "y"}}, "a branch x, and a column", "rename"),
        ({"cuts": {"a": "y < 1"}, "values": {"x": 1}}, "a branch x, and a value", "rename"),
        ({"cuts": {"a": "y < 1"}, "tree": "event"}, "the tree event is not there", "'events'"),
        ({"cuts": {"a": "y < 1", "b": "z < 0.5"}},
         r"step b \(z < 0.5\) cannot be told in 2 rows: z is absent \(NaN\)", "z is None or"),
        ({"cuts": {"b": "half < 0.5"}, "columns": {"half": "z / 2"}},
         "in 3 rows: z is absent", "z is None"),
        ({"cuts": {"b": "z / 0.5 + y < 1"}}, "in 3 rows: z is absent", "z is None"),
        ({"cuts": {"b": "x / (y - y) < 1"}}, "is not defined in 5 rows", "division"),
        ({"cuts": {"a": "y < 1"}, "weight": "z"}, "the weight cannot be told in 3 rows", "where"),
        ({"cuts": {"a": "y < 1"}, "event": {"column": "x"}, "training": "event > 5"},
         "x is 0.5, and numbers events from 0 on", "event:"),
        ({"cuts": {"a": "m_chi < 1"}}, "m_chi has no value", None),
    ],
    ids=map(str, range(13)),
)  # fmt: skip
def test_bad_input(folder, content, said, hint):
    """Each slip gives one clear line that names the file."""
    path, read = folder
    branches = {
        "x": np.full(5, 0.5),
        "y": np.array([0.0, 0, 0, 0, 2]),
        "z": np.array([1, np.nan, 0.2, np.nan, np.nan]),
    }
    write_ntuple(path / "a.root", "events", branches)
    with pytest.raises(InputError, match=said) as caught:
        count(read(**content), [path / "a.root"], MASSES)
    assert "\n" not in caught.value.message
    assert str(path) in caught.value.message
    assert hint is None or hint in caught.value.hint


def test_absent_is_asked_for(folder):
    """What the remedy says works."""
    path, read = folder
    write_ntuple(path / "a.root", "events", {"z": np.array([1, np.nan, 0.2])})
    for cut, passed in (("z is None or z < 0.5", 2), ("z is not None and z < 0.5", 1)):
        (flow,) = count(read(cuts={"a": cut}), [path / "a.root"], MASSES[:1])
        assert flow.selected.n == passed


def test_no_events(folder):
    """Files without any event are refused: nothing can be said of them."""
    path, read = folder
    write_ntuple(path / "a.root", "events", {"x": np.zeros(0)})
    selection = read(cuts={"a": "x < 1"})
    with pytest.raises(InputError, match=r"a.root: there are no events"):
        count(selection, [path / "a.root"], MASSES)
    with pytest.raises(InputError, match="there are no files"):
        count(selection, [], MASSES)


FUNCTIONS = """\
import numpy as np

def total(x, y):
    x += y
    return x

def short(x): return x[:-1]
def text(x): return np.array(["a"] * len(x))
def fails(x):
    print("some words")
    raise ValueError("no model\\nloaded")
"""


def test_python_columns(folder):
    """A function of the user gets arrays and gives one; it cannot change ours."""
    path, read = folder
    branches = events(np.random.default_rng(2), 50)
    write_ntuple(path / "a.root", "events", branches)
    (path / "f.py").write_text(FUNCTIONS)

    def made(function, needs):
        column = {"python": f"f.py:{function}", "needs": needs}
        return read(cuts={"a": "score < 0.5", "b": "x < 0.5"}, columns={"score": column})

    x = branches["x"].astype(float)
    score = x + branches["y"]
    (flow,) = count(made("total", ["x", "y"]), [path / "a.root"], MASSES[:1])
    wanted = [50, (score < 0.5).sum(), ((score < 0.5) & (x < 0.5)).sum()]
    assert [step.n for step in flow.steps] == wanted
    for function, said in (
        ("short", r"returns an array of shape \(49,\), and \(50,\) is wanted"),
        ("text", "numbers are wanted"),
        ("fails", r"failed \(line 11\): ValueError: no model$"),
        ("totl", "f.py has no function 'totl'"),
    ):
        with pytest.raises(InputError, match=said):
            count(made(function, ["x"]), [path / "a.root"], MASSES[:1])
    with pytest.raises(InputError, match=r"failed \(line 11\): ValueError"):
        count(made("fails", ["x"]), [path / "a.root"] * 2, MASSES[:1], jobs=2)
    (path / "g.py").write_text("import nothing_like_this\n")
    column = {"python": "g.py:f", "needs": ["x"]}
    with pytest.raises(InputError, match=r"g.py cannot be run \(line 1\): ModuleNotFoundError"):
        count(read(cuts={"a": "c < 1"}, columns={"c": column}), [path / "a.root"], MASSES)


def test_recoil_columns(folder):
    """A recoil mass from momenta: 2 beams less what is seen."""
    path, read = folder
    from mcbook.selection import kinematics

    rng = np.random.default_rng(4)
    momenta = [rng.normal(size=(4, 20)) + np.array([[0], [0], [0], [4]]) for _ in range(2)]
    branches = {
        f"mu{i + 1}_{part}": p[j]
        for i, p in enumerate(momenta)
        for j, part in enumerate(("px", "py", "pz", "E"))
    }
    write_ntuple(path / "a.root", "events", branches)
    columns = {"m2_recoil": {"recoil": "mass_squared", "of": ["mu1", "mu2"]}}
    selection = read(cuts={"a": "mu1_E > 0"}, columns=columns, sqrt_s=10.58)
    found = selected(selection, [path / "a.root"], MASSES[0], ["m2_recoil"])["m2_recoil"]
    missing = kinematics.collision(10.58)[:, None] - momenta[0] - momenta[1]
    wanted = missing[3] ** 2 - (missing[:3] ** 2).sum(axis=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_selected(folder):
    """The events that a cutflow counts are those that are picked."""
    path, read = folder
    files = [path / "a.root", path / "b.root"]
    for i, file in enumerate(files):
        write_ntuple(file, "events", events(np.random.default_rng(i), 400))
    selection = read(
        weight="w", values=VALUES, window=WINDOW, event={"column": "number"},
        training="event % 4 == 0", cuts={name: CUTS[name][0] for name in "abc"},
        optimise={"values": {"low": {"range": [-1, 1], "steps": 4}}, "split": "event % 4 == 1"},
    )  # fmt: skip
    (flow,) = count(selection, files, MASSES[1:2])
    found = selected(selection, files, MASSES[1], ["m2", "abs(y)"], region="signal")
    assert set(found) == {"m2", "abs(y)", "weight", "event"}
    assert len(found["m2"]) == flow.selected.n
    assert found["weight"].sum() == pytest.approx(flow.selected.sumw)
    assert (np.abs(found["m2"] - 4) <= 0.8).all()
    assert (found["event"] % 4 != 0).all()
    plain = selected(selection, files, MASSES[1], ["y"])
    assert len(plain["y"]) == flow.steps[-2].n
    free = selected(selection, files, MASSES[1], ["y"], without_values=["low"])
    assert (free["y"] <= -0.75).any()
    assert (plain["y"] > -0.75).all()
    parts = [selected(selection, files, MASSES[1], ["y"], split=split) for split in (True, False)]
    assert (parts[0]["event"] % 4 == 1).all()
    assert sum(len(part["y"]) for part in parts) == len(plain["y"])
    again = selected(selection, files, MASSES[1], ["y"], split=True, jobs=2)
    np.testing.assert_array_equal(again["y"], parts[0]["y"])
    with pytest.raises(InputError, match="there is no value 'lo'"):
        selected(selection, files, MASSES[1], ["y"], without_values=["lo"])


@settings(max_examples=30)
@given(st.integers(0, 5000), st.integers(0, 50), st.integers(1, 7), st.integers(0, 6))
def test_denominator(tmp_path_factory, size, first, modulus, rest):
    """What is left of a job is counted exactly."""
    folder = tmp_path_factory.getbasetemp()
    content = {
        **BASE, "cuts": {"a": "x < 1"}, "values": {"v": 1},
        "event": {"column": "n", "first": first}, "training": f"event % {modulus} == {rest}",
        "optimise": {"values": {"v": {"range": [0, 1], "steps": 1}}, "split": "event % 2 == 0"},
    }  # fmt: skip
    (folder / "kept.yaml").write_text(yaml.safe_dump(content))
    selection = read_selection(folder / "kept.yaml")
    kept = [n for n in range(first, first + size) if n % modulus != rest]
    assert kept_of(selection, size) == len(kept)
    assert kept_of(selection, size, split=True) == sum(n % 2 == 0 for n in kept)
    assert kept_of(selection, size, split=False) == sum(n % 2 == 1 for n in kept)
    assert kept_of(selection, 7, first=0) == sum(n % modulus != rest for n in range(7))


def test_candidates_of_one_event(folder):
    """Rows of the event of the row before count as repeated where they pass, file by file."""
    path, read = folder
    rng = np.random.default_rng(10)
    numbers = np.sort(rng.integers(0, 400, 900))
    branches = {**events(rng, 900), "number": numbers}
    files = [path / "a.root", path / "b.root"]
    for file in files:
        write_ntuple(file, "events", branches)
    selection = read(cuts={"a": CUTS["a"][0]}, event={"column": "number"})
    (flow,) = count(selection, files, MASSES[:1])
    passing = numbers[branches["x"].astype(float) < 0.7]
    assert flow.repeated == 2 * (len(passing) - len(set(passing.tolist()))) > 0
    task = Count(Plan(selection, MASSES[:1], list(selection.regions.values())))
    task.chunk = 7
    assert task.run(str(files[0])).cutflows[0].repeated * 2 == flow.repeated
    (plain,) = count(read(cuts={"a": CUTS["a"][0]}), files, MASSES[:1])
    assert plain.repeated == 0


@pytest.fixture
def box(folder):
    """Return a selection with data, the file with them, and their branches."""
    path, read = folder
    branches = events(np.random.default_rng(8), 3000)
    write_ntuple(path / "data.root", "events", branches)
    selection = read(
        weight="w", cuts={"a": CUTS["a"][0]}, window=WINDOW, data={"files": ["data.root"]},
        hypotheses={"m_zp": [1, 2, 4]},
        regions={"signal": {}, "wide": {"window": 5}, "all": {"window": None},
                 "side": {"without": ["a"], "where": "x > 0.8", "window": None},
                 "none": {"without": ["a"], "window": None}},
        blind=["signal"],
    )  # fmt: skip
    return selection, path / "data.root", branches


def test_closed_boxes(box):
    """Events of a closed region, at any hypothesis, are in no number."""
    selection, path, branches = box
    flows = {flow.region: flow for flow in count(selection, [path], MASSES[:1], is_data=True)}
    assert set(flows) == {"wide", "all", "side"}
    x, m2 = branches["x"].astype(float), branches["m2"]
    boxed = np.zeros(len(x), dtype=bool)
    for mass in (1, 2, 4):
        boxed |= (x < 0.7) & (np.abs(m2 - mass**2) <= 2 * (0.2 + 0.1 * mass))
    assert boxed.any()
    for region, passes in {
        "wide": (x < 0.7) & (np.abs(m2 - 1) <= 5 * 0.3),
        "all": x < 0.7,
        "side": x > 0.8,
    }.items():
        steps = flows[region].steps
        assert len(steps) == 1  # steps before it would tell how many were dropped
        assert steps[0].n == steps[0].sumw == (passes & ~boxed).sum()


def test_a_closed_region_within_another(folder):
    """Both are closed, whichever comes first: not only the part that they share."""
    path, read = folder
    branches = events(np.random.default_rng(9), 2000)
    write_ntuple(path / "data.root", "events", branches)
    closed = branches["x"].astype(float) < 0.7
    for blind in (["signal", "all"], ["all", "signal"]):
        selection = read(
            cuts={"a": CUTS["a"][0]}, window=WINDOW, data={"files": ["data.root"]}, blind=blind,
            regions={"signal": {}, "all": {"window": None},
                     "whole": {"without": ["a"], "where": "x >= 0", "window": None}},
        )  # fmt: skip
        (flow,) = count(selection, [path / "data.root"], MASSES[:2], is_data=True)[:1]
        assert (flow.region, flow.selected.n) == ("whole", (~closed).sum())


def test_what_is_dropped_changes_nothing(box):
    """Other events in the box give the very same answer."""
    selection, path, branches = box
    first = count(selection, [path], MASSES, is_data=True)
    inside = (branches["x"].astype(float) < 0.7) & (np.abs(branches["m2"] - 4) < 0.8)
    changed = {name: column.copy() for name, column in branches.items()}
    changed["x"][np.flatnonzero(inside)[::2]] = 0.1
    changed["y"][inside] = 7
    write_ntuple(path, "events", {name: np.concatenate([column, column[inside], column[inside]])
                                  for name, column in changed.items()})  # fmt: skip
    assert count(selection, [path], MASSES, is_data=True) == first


def test_opened_boxes(box):
    """An opened box has its cutflow, without weights."""
    selection, path, branches = box
    flows = count(selection, [path], MASSES[1:2], is_data=True, opened=["signal"])
    flow = next(flow for flow in flows if flow.region == "signal")
    assert [step.name for step in flow.steps] == ["read", "a", "window"]
    passes = (branches["x"].astype(float) < 0.7) & (np.abs(branches["m2"] - 4) <= 0.8)
    assert flow.selected.n == flow.selected.sumw == passes.sum()
    with pytest.raises(InputError, match="there is no region 'signl'"):
        count(selection, [path], MASSES, is_data=True, opened=["signl"])


def test_data_are_no_simulation(box):
    """Data are not opened as if they were simulation."""
    selection, path, _ = box
    with pytest.raises(InputError, match=r"data.root is among the data"):
        count(selection, [path], MASSES)
    with pytest.raises(InputError, match=r"data.root is among the data"):
        selected(selection, [path], MASSES[0], ["x"])


PLAIN = (
    "x < 0.5", "abs(x - y) <= 1 and not y > 2", "x in [0, 1, 2.5]", "y not in [1]", "x is None",
    "x / y > 1", "sqrt(x) < y or x > 3", "where(x > y, x, y / 2) > 0.25", "0 < x <= y", "x**3 < y",
    "x**0.5 > 1", "log(x) < 0", "max(x, y, 0) > min(x, 1)", "x % 2 == 1", "flag == True",
    "flag != True and x > 0", "exp(x) < y", "atan2(x, y) > 0", "x * x * y > x - y", "1 / 4 < x",
    "x + y", "x / y", "sqrt(x - y)", "where(sqrt(x) > 1, x, 2)", "floor(x) % 3",
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e-80, 1e80, math.nan, math.inf, 0.25]),
    st.floats(-1e3, 1e3),
)


@given(st.sampled_from(PLAIN), st.lists(st.tuples(NUMBERS, NUMBERS, st.booleans()), min_size=1))
def test_plain_is_what_the_general_engine_says(text, rows):
    """Where numbers are plain the fast path says the same, or that it cannot tell."""
    x, y, flag = (np.array(column) for column in zip(*rows, strict=True))
    expression = parse(text)
    size = np.abs(np.concatenate([x, y]))
    assert (is_plain(x) and is_plain(y)) == all(s == 0 or 1e-75 <= s <= 1e75 for s in size)
    if not (is_plain(x) and is_plain(y)):
        return
    namespace = {"x": x, "y": y, "flag": flag}
    found = expression.evaluate_plain(namespace)
    if expression.is_boolean:
        holds, fails = expression.verdict(namespace)
        assert (found is None) <= bool((~(holds | fails)).any())
        if found is not None:
            assert (np.broadcast_to(found, len(x)) == holds).all()
            assert (holds | fails).all()
    elif found is not None:
        np.testing.assert_array_equal(found, expression.evaluate(namespace))


def test_numbers_beyond_a_job(folder):
    """Numbers that do not begin again in each job would give a wrong denominator."""
    path, read = folder
    branches = {**events(np.random.default_rng(3), 40), "number": np.arange(40.0)}
    write_ntuple(path / "a.root", "events", branches)
    selection = read(
        cuts={"a": "number >= 0"}, event={"column": "number"}, training="event < 4"
    )  # fmt: skip
    file = str(path / "a.root")
    (flow, *_) = count(selection, [file], MASSES[:1], most={file: 40})
    assert flow.selected.n == 36
    with pytest.raises(InputError, match=r"number is 20, and .* from 0 on in jobs of 20"):
        count(selection, [file], MASSES[:1], most={file: 20})
