"""Selection files: what is read, and what is refused with its line."""

import math
import pickle

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from mcbook.errors import InputError
from mcbook.selection.digest import digest
from mcbook.selection.file import KEYS, read_selection

LEAST = {
    "schema": 1,
    "name": "zprime_recoil",
    "model": "zprime",
    "process": "mumu_inv",
    "cuts": {"extra": "extra_energy < 0.5"},
}
WINDOW = {"observable": "m2_recoil", "centre": "m_zp**2", "resolution": 0.3, "width": 2}
FULL = {
    **LEAST,
    "tier": "ntuple",
    "tree": "events",
    "weight": "weight * 2",
    "event": {"column": "__event__", "first": 1},
    "training": "event % 2 == 0",
    "columns": {
        "m2": "m_mumu**2",
        "m2_recoil": {"recoil": "mass_squared", "of": ["mu1", "mu2"]},
        "theta": {"recoil": "angle", "of": ["mu1", "mu2"], "frame": "lab"},
    },
    "values": {
        "e_max": 0.5,
        "pt_min": {"of": "m_zp", "at": [0.5, 2, 5, 8], "is": [0.2, 0.3, 0.4, 0.6]},
        "score_min": {"of": "m_zp", "table": "optimum.csv", "column": "score"},
    },
    "cuts": {"extra": "extra_energy < e_max", "pt": "pt1 > pt_min", "score": "score > score_min"},
    "window": {
        "observable": "m2_recoil",
        "centre": "m_zp**2",
        "resolution": {"of": "m_zp", "table": "resolution.csv", "column": "sigma_w"},
        "correction": {"of": "m_zp", "at": [1, 9], "is": [1.0, 1.2], "relative_error": [0.1, 0.2]},
        "width": 2,
    },
    "regions": {
        "signal": {},
        "wide": {"window": 10},
        "sideband": {"without": ["extra"], "where": "extra_energy > 1", "window": None},
    },
    "blind": ["signal"],
    "hypotheses": {"m_zp": {"step": [0.5, 8, 0.1]}},
    "campaigns": {"MC15ri": 189.3, "MC16rd": 175.2},
    "filter": {"value": 0.31, "relative_error": 0.01, "source": "log of the generator"},
    "luminosity": 79.7,
    "backgrounds": {
        "mumugamma": {"files": ["mumugamma_*.root"], "luminosity": 1000},
        "tautau": {"samples": "model == 'sm' and process == 'tautau'"},
    },
    "data": {"files": ["data/*.root"]},
    "corrections": [
        {"source": "data_simulation", "of": "m_zp**2", "edges": [-0.5, 9, 36, 81], "factor": 1,
         "relative_error": [0.022, 0.01, 0.042]},
        {"source": "trigger", "value": 0.98, "relative_error": 0.01},
    ],
    "optimise": {"region": "signal", "a": 1.64, "values": {"pt_min": {"range": [0, 2], "steps": 4}},
                 "split": "event % 3 == 0"},
    "resolution": {"cuts": "all"},
}  # fmt: skip


@pytest.fixture
def book(tmp_path):
    """Return what writes a selection and reads it."""

    def read(content=None, **changes):
        path = tmp_path / "selection.yaml"
        path.write_text(yaml.safe_dump({**(content or LEAST), **changes}, sort_keys=False))
        return read_selection(path)

    return read


def test_least(book):
    """All that is not needed has a default."""
    found = book()
    assert (found.tier, found.tree, found.weight, found.window) == ("ntuple", None, None, None)
    assert list(found.regions) == ["signal"]
    assert found.regions["signal"].cuts == ("extra",)
    assert found.blind == ("signal",)
    assert found.hypothesis_points() == []


def test_full(book):
    """Everything that a file can say arrives, and no table or ntuple has to be there."""
    found = book(FULL)
    assert set(FULL) | {"sqrt_s", "lifetimes", "histograms"} == set(KEYS)
    point = found.point({"m_zp": 2.0})
    assert found.values["e_max"].at(point) == 0.5
    assert found.values["pt_min"].at(point) == 0.3
    assert found.window.centre.at(point) == 4.0
    assert found.regions["sideband"].cuts == ("pt", "score")
    assert found.regions["sideband"].window is None
    assert found.regions["wide"].window == 10
    assert len(found.hypothesis_points()) == 76
    assert found.hypothesis_points()[3] == {"m_zp": 0.8}
    assert {table.column for table in found.tables()} == {"score", "sigma_w"}
    assert [one.at(point) for one in found.corrections] == [(1.0, 0.022), (0.98, 0.01)]
    assert found.corrections[0].at(found.point({"m_zp": 9.0})) == (1.0, 0.042)
    assert found.window.correction_error.at(found.point({"m_zp": 9.0})) == pytest.approx(0.2)


def test_default_blind(book):
    """What has the window is closed; without one, everything."""
    regions = {"signal": {}, "all": {"window": None}}
    assert book(window=WINDOW, regions=regions).blind == ("signal",)
    assert book(regions={"one": {}, "two": {}}).blind == ("one", "two")
    assert book(window=WINDOW, blind=[]).blind == ()


@settings(max_examples=30)
@given(st.data())
def test_values_follow_pchip(data):
    """Between nodes a value is what scipy's pchip gives, and never beyond its neighbours."""
    import tempfile
    from pathlib import Path

    size = data.draw(st.integers(2, 6))
    steps = data.draw(st.lists(st.floats(0.1, 3), min_size=size, max_size=size))
    at = np.round(np.cumsum(steps), 6).tolist()
    numbers = data.draw(st.lists(st.floats(-5, 5).map(lambda x: round(x, 6)), min_size=size,
                                 max_size=size))  # fmt: skip
    where = data.draw(st.floats(0, 1))
    position = at[0] + where * (at[-1] - at[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        value = {"of": "m_zp", "at": at, "is": numbers}
        path.write_text(yaml.safe_dump({**LEAST, "values": {"v": value}}))
        found = read_selection(path).values["v"]
    value = found.at({"m_zp": position})
    assert value == pytest.approx(float(PchipInterpolator(at, numbers)(position)), abs=1e-9)
    i = min(int(np.searchsorted(at, position, side="right")), size - 1)
    low, high = sorted(numbers[i - 1 : i + 1])
    assert low - 1e-9 <= value <= high + 1e-9


def test_values_over_arrays(book):
    """A value of many hypotheses is that of each."""
    value = book(FULL).values["pt_min"]
    masses = np.array([0.5, 1.0, 6.0])
    assert value.at({"m_zp": masses}).tolist() == [value.at({"m_zp": m}) for m in masses]


def test_beyond_the_nodes(book):
    """Beyond the nodes there is no value, unless the last one holds."""
    nodes = {"of": "m_zp", "at": [1, 2], "is": [3, 4]}
    with pytest.raises(InputError, match=r"line \d+ \(values.v\): m_zp = 5 lies outside") as caught:
        book(values={"v": nodes}).values["v"].at({"m_zp": 5.0})
    assert "outside: hold" in caught.value.hint
    held = book(values={"v": {**nodes, "outside": "hold"}}).values["v"]
    assert (held.at({"m_zp": 5.0}), held.at({"m_zp": 0.0})) == (4.0, 3.0)


def test_value_from_a_table(book, tmp_path):
    """A table is read when a value is asked for: comments aside, in any order."""
    value = book(FULL).values["score_min"]
    with pytest.raises(InputError, match=r"there is no table .*optimum.csv"):
        value.at({"m_zp": 1.0})
    (tmp_path / "optimum.csv").write_text("# made by hand\nm_zp,note,score\n4,b,0.8\n2,a,0.4\n")
    assert value.at({"m_zp": 3.0}) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("m_zp,scor\n1,2\n2,3\n", "the column 'score' is missing"),
        ("m,score\n1,2\n2,3\n", "the column 'm_zp' is missing"),
        ("m_zp,score\n1,2\n", "at least two rows"),
        ("m_zp,score\n1,2\n1,3\n", "line 3: m_zp = 1 is there twice, first on line 2"),
        ("m_zp,score\n1,2\n2,\n", r"line 3 \(column score\): there is no value"),
        ("m_zp,score\n1,2\n2,nan\n", r"line 3 \(column score\): there is no value"),
        ("m_zp,score\n1,2\n2,high\n", r"line 3 \(column score\): 'high' is not a number"),
        ("m_zp,score\n1,2\n2\n", "line 3: 1 values for 2 columns"),
        ("m_zp,m_zp,score\n1,2,3\n", "the column 'm_zp' is there twice"),
    ],
)
def test_bad_tables(book, tmp_path, text, said):
    """A table that is not right is named with its line."""
    (tmp_path / "optimum.csv").write_text(text)
    with pytest.raises(InputError, match=f"optimum.csv.*{said}"):
        book(FULL).values["score_min"].at({"m_zp": 1.5})


PLANE = {"of": ["m_zp", "g_prime"], "table": "plane.csv", "column": "sigma_w"}


def plane(masses, couplings, **failed):
    """Return a table of widths exp(0.3 m + 2 g) at each pair; the last one may have failed."""
    rows = ["m_zp,g_prime,sigma_w,sigma_w_error,status"]
    rows += [f"{m},{g},{math.exp(0.3 * m + 2 * g):.9g},0.001,ok" for m in masses for g in couplings]
    if failed:
        rows[-1] = rows[-1].split(",0.001")[0].rpartition(",")[0] + ",,,failed"
    return "\n".join(rows) + "\n"


def test_value_from_a_plane(book, tmp_path):
    """Over two axes the logarithm of a width is interpolated: exact at nodes, near between them."""
    window = book(window={**WINDOW, "resolution": PLANE}).window
    table = tmp_path / "plane.csv"
    with pytest.raises(InputError, match=r"window.resolution.*there is no table .*plane.csv"):
        window.limits({"m_zp": 2.5, "g_prime": 0.2})
    table.write_text(plane([1, 2, 3, 4], [0.1, 0.2, 0.3]))
    for mass, coupling in ((2.5, 0.25), (1.0, 0.1), (3.9, 0.12)):
        low, high = window.limits({"m_zp": mass, "g_prime": coupling})
        assert (high - low) / 4 == pytest.approx(math.exp(0.3 * mass + 2 * coupling), rel=5e-3)
    found = window.sigma({"m_zp": np.array([2.0, 2.5]), "g_prime": 0.1})
    assert found[0] == pytest.approx(math.exp(0.8), rel=1e-8)
    assert found[1] == pytest.approx(math.exp(0.95), rel=1e-3)
    with pytest.raises(InputError, match=r"no value at m_zp = 5, g_prime = 0.2: .*outside"):
        window.sigma({"m_zp": 5.0, "g_prime": 0.2})
    assert digest(book(window={**WINDOW, "resolution": PLANE})) != digest(
        book(window={**WINDOW, "resolution": {**PLANE, "table": "none.csv"}})
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (plane([1, 2], [0.1, 0.2], status="failed"), "line 5.*there is no value"),
        (plane([1, 2], [0.1, 0.2]).replace("sigma_w_error", "error"), "sigma_w_error is missing"),
        (plane([1, 1], [0.1, 0.2]), "node 3: the same point as node 1"),
        ("", "empty"),
    ],
)
def test_bad_planes(book, tmp_path, text, said):
    """A table over two axes that is not right is named."""
    (tmp_path / "plane.csv").write_text(text)
    with pytest.raises(InputError, match=f"plane.csv.*{said}"):
        book(values={"v": PLANE}).values["v"].at({"m_zp": 1.5, "g_prime": 0.15})


BAD = [
    ({"values": {"v": {**PLANE, "outside": "hold"}}}, "nothing is held"),
    ({"values": {"v": {**PLANE, "of": []}}}, "one axis or more"),
    ({"values": {"v": {**PLANE, "of": ["m_zp", "m_zp"]}}}, "there twice"),
    ({"values": {"v": {**PLANE, "of": ["m_zp", "m_z"]}}}, "no quantity 'm_z'"),
    ({"values": {"v": {"of": ["m_zp"], "at": [1, 2], "is": [1, 2]}}}, "go with a table"),
    ({"schema": 2}, "schema 2"),
    ({"cut": {}}, "unknown key 'cut'"),
    ({"model": "zprim"}, "there is no signal model 'zprim'"),
    ({"process": "mumu_in"}, "no process 'mumu_in'"),
    ({"cuts": {}}, "a mapping is wanted"),
    ({"cuts": {"a b": "x < 1"}}, "'a b' is no name"),
    ({"cuts": {"read": "x < 1"}}, "another step of the cutflow"),
    ({"cuts": {"a": "x <"}}, r"line \d+ \(cuts.a\)"),
    ({"cuts": {"a": "x + 1"}}, "a condition"),
    ({"cuts": {"a": 5}}, "a condition"),
    ({"weight": "x < 1"}, "a number is wanted"),
    ({"weight": "m_zp"}, "m_zp depends on the hypothesis"),
    ({"columns": {"c": "m_zp * x"}, "weight": "c"}, "c depends on the hypothesis"),
    ({"columns": {"a": "b + 1", "b": "a + 1"}}, "columns in a circle: a needs b needs a"),
    ({"columns": {"a": "a + 1"}}, "a needs a"),
    ({"columns": {"m_zp": "x"}}, "parameter or constant of the model"),
    ({"columns": {"a": {"recoil": "mas", "of": ["mu"]}}}, "'mas' is not one of"),
    ({"columns": {"a": {"recoil": "mass_squared"}}}, "the key 'of' is missing"),
    ({"columns": {"a": {"recoil": "mass_squared", "of": ["mu"], "frame": "cms"}}}, "has no frame"),
    ({"columns": {"a": {"recoil": "angle", "of": ["mu"], "frame": "rest"}}}, "'rest' is not one"),
    ({"columns": {"a": {"pyton": "f.py:g", "needs": ["x"]}}}, "recoil, pair or python"),
    ({"columns": {"a": {"python": "f.py", "needs": ["x"]}}}, "names no function"),
    ({"columns": {"a": {"python": "f.py:g", "needs": ["x"]}}}, "there is no file"),
    ({"values": {"m_zp": 1}}, "parameter or constant of the model already"),
    ({"columns": {"v": "x"}, "values": {"v": 1}}, "v is a column already"),
    ({"values": {"v": {"of": "m_zpp", "at": [1, 2], "is": [1, 2]}}}, "no quantity 'm_zpp'"),
    ({"values": {"v": {"of": "m_zp", "at": [2, 1], "is": [1, 2]}}}, "do not rise"),
    ({"values": {"v": {"of": "m_zp", "at": [1, 2], "is": [1, 2, 3]}}}, "3 numbers are here"),
    ({"values": {"v": {"of": "m_zp", "at": [1], "is": [1]}}}, "two or more"),
    ({"values": {"v": {"of": "m_zp", "table": "a.csv"}}}, "the key 'column' is missing"),
    ({"values": {"v": "m_zpp"}}, "no quantity 'm_zpp'"),
    ({"window": {**WINDOW, "width": 0}}, "not above 0"),
    ({"window": {**WINDOW, "centre": "m_rec"}}, "no quantity 'm_rec'"),
    ({"window": {k: v for k, v in WINDOW.items() if k != "resolution"}}, "'resolution' is missing"),
    ({"regions": {"signal": {"window": 3}}}, "the selection has no window"),
    ({"regions": {"a": {"without": ["extr"]}}}, "there is no cut 'extr'"),
    ({"blind": [[]]}, "there is no region"),
    ({"blind": ["signl"]}, "there is no region 'signl'"),
    ({"training": "event % 2 == 0"}, "the key 'event' is missing"),
    ({"event": {"column": "e"}, "training": "x % 2 == 0"}, "there is no quantity 'x'"),
    ({"event": {"column": "e", "first": -1}}, "no number of an event"),
    ({"hypotheses": {"m_z": [1, 2]}}, "m_z is no parameter"),
    ({"hypotheses": {"m_zp": {"step": [1, 2, 0.3]}}}, "do not reach"),
    ({"campaigns": {"MC15": -1}}, "not above 0"),
    ({"filter": {"value": 1.5, "relative_error": 0, "source": "s"}}, "above 1"),
    ({"luminosity": "much"}, "not a number"),
    ({"backgrounds": {"b": {"files": ["x"]}}}, "'luminosity' is missing"),
    ({"backgrounds": {"b": {"samples": "model =="}}}, "backgrounds.b.samples"),
    ({"backgrounds": {"b": {"samples": "5"}}}, "a condition over samples"),
    ({"backgrounds": {"b": {"samples": "id", "factr": 2}}}, "unknown key 'factr'"),
    ({"backgrounds": {"b": {"files": ["x"], "luminosity": 1, "factor": 0}}}, "not above 0"),
    ({"data": {"files": []}}, "a list of files"),
    ({"corrections": [{"source": "s", "of": "m_zp", "edges": [1, 2], "relative_error": [1, 2]}]},
     "2 numbers are here"),
    ({"corrections": [{"source": "s", "value": 1, "relative_error": 0}] * 2}, "is there twice"),
    ({"optimise": {"values": {"v": {"range": [0, 1], "steps": 3}}}}, "there is no value 'v'"),
    ({"values": {"v": 1}, "optimise": {"values": {"v": {"range": [1, 0], "steps": 3}}}},
     "low, high"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), BAD, ids=map(str, range(len(BAD))))
def test_refused(book, changes, said):
    """What cannot be meant is refused in one line that names the file and the place."""
    with pytest.raises(InputError, match=said) as caught:
        book(**changes)
    assert "selection.yaml" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("key", sorted(LEAST))
def test_needed(book, key):
    """A key that is needed is asked for."""
    with pytest.raises(InputError, match=f"the key '{key}' is missing"):
        book({k: v for k, v in LEAST.items() if k != key})


@pytest.mark.thorough
@settings(max_examples=60)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5)
                    | st.floats(allow_nan=False, allow_infinity=False),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
                    max_leaves=6), st.sampled_from(sorted(FULL)))  # fmt: skip
def test_anything_else_is_an_error_of_input(anything, key):
    """Whatever stands at a key is read, or refused as wrong input."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        path.write_text(yaml.safe_dump({**FULL, key: anything}))
        try:
            read_selection(path)
            said = str(path)
        except InputError as error:
            said = error.message
    assert str(path) in said


def test_points(book):
    """A hypothesis is completed by the defaults of the model and what follows from it."""
    found = book(window={**WINDOW, "resolution": "0.1 + width_zp"})
    point = found.point({"m_zp": 3.0})
    assert point["g_prime"] == 1e-3
    assert "m_chi" not in point
    assert 0 < point["width_zp"] < 1e-3
    low, high = found.window.limits(point)
    assert math.isclose((low + high) / 2, 9.0)
    with pytest.raises(InputError, match="m_z is no parameter"):
        found.point({"m_z": 3.0})


def test_files(book, tmp_path):
    """Patterns give files once, and are refused where there are none."""
    for name in ("b1.root", "b2.root"):
        (tmp_path / name).touch()
    files = book(data={"files": ["b2.root", "b*.root"]}).data
    assert [path.name for path in files.paths()] == ["b2.root", "b1.root"]
    with pytest.raises(InputError, match=r"there is no file c\*.root"):
        book(data={"files": ["c*.root"]}).data.paths()


def test_digest(book, tmp_path):
    """The digest covers all that shapes what is selected, and not the names of data."""
    first = digest(book(FULL))
    assert len(first) == 64
    assert digest(book(FULL, data={"files": ["other.root"]})) == first
    assert digest(book(FULL, cuts={"extra": "extra_energy < 0.4"})) != first
    (tmp_path / "optimum.csv").write_text("m_zp,score\n1,2\n2,3\n")
    second = digest(book(FULL))
    assert second != first
    (tmp_path / "optimum.csv").write_text("m_zp,score\n1,2\n2,4\n")
    assert digest(book(FULL)) != second
    (tmp_path / "f.py").write_text("def g(x): return x\n")
    columns = {"c": {"python": "f.py:g", "needs": ["x"]}}
    third = digest(book(columns=columns))
    (tmp_path / "f.py").write_text("def g(x): return 2 * x\n")
    assert digest(book(columns=columns)) != third


def test_expressions_can_be_sent(book):
    """What a process of its own gets can be pickled."""
    cuts = book(FULL).cuts
    assert pickle.loads(pickle.dumps(cuts)) == cuts  # noqa: S301 - of this test


def test_corrections_of_the_width(book):
    """A factor on the width is a number, or depends on the mass in any form that values have."""
    nodes = {"of": "m_zp", "at": [1, 9], "is": [1.0, 1.2]}
    forms = [
        {**nodes, "relative_error": 0.1}, {"value": nodes, "relative_error": 0.1},
        {"value": nodes, "relative_error": {**nodes, "is": [0.1, 0.1]}},
        {"value": "1 + (m_zp - 1) / 40", "relative_error": 0.1},
    ]  # fmt: skip
    for form in forms:
        window = book(window={**WINDOW, "correction": form}).window
        assert window.sigma({"m_zp": 5.0}) == pytest.approx(0.3 * 1.1)
        assert window.sigma({"m_zp": 5.0}, is_signal=True) == pytest.approx(0.3)
        assert window.correction_error.at({"m_zp": 5.0}) == pytest.approx(0.1)


def test_lifetimes_are_called_as_in_the_model(book):
    """The axis of a long-lived particle is the lifetime of the model, if nothing else is said."""
    entry = {"alp": {"proper": "ct", "unit": "mm", "ctaus": [1, 10]}}
    found = book(model="alp", process="gamma_gg", lifetimes=entry)
    assert [one.axis for one in found.lifetimes] == ["ctau_a"]
