"""Grids: from a file to points."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from mcbook.errors import InputError
from mcbook.grid import expand, parse_assignments, read_grid
from mcbook.registry.numbers import round9


@dataclass
class Parameter:
    """What a grid needs to know of a parameter."""

    default: float | None = 1.0
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None


PARAMETERS = {
    "m_ap": Parameter(3.0, above=0.0, maximum=10.0),
    "m_hp": Parameter(0.5, minimum=0.1, below=9.0),
    "m_chi1": Parameter(1.0),
    "epsilon": Parameter(1e-3),
    "alpha_D": Parameter(0.1),
    "m_chi": Parameter(None),
}
CONSTANTS = {"m_mu": 0.1056583755, "sqrt_s": 10.58, "q_phi": 2.0}


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a grid from text."""

    def read_text(text):
        (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
        return read_grid(tmp_path / "grid.yaml")

    return read_text


def points_of(grid, **options):
    """Return the points of a grid for the parameters here."""
    return expand(grid, PARAMETERS, CONSTANTS, **{"default_events": 7, **options})


@pytest.fixture
def make(read):
    """Return a function that makes the points of a grid from text."""
    return lambda text, **options: points_of(read(text), **options)


@pytest.fixture
def refused(make):
    """Return a function that returns the error of a grid that must be refused."""

    def refuse(text, **options):
        with pytest.raises(InputError) as caught:
            make(text, **options)
        return caught.value

    return refuse


# The contract's own example, but for the names of its parameters.
EXAMPLE = """
schema: 1
model: idm
process: [one, two]
scan:
  m_chi1: {linspace: [0.5, 3.0, 6]}
  m_hp: {values: [0.4, 0.8, 1.5]}
zip:
  - {m_chi: [0.1, 0.2], epsilon: [1e-4, 1e-5]}
fixed: {alpha_D: 0.1}
derived: {m_ap: "3 * m_chi1"}
require: ["m_hp < 2 * m_chi1"]
events: 50k
generator:
  {isr: none, alpha: 1/137.035999, sqrt_s: 10.58, lifetime: displacer, ufo: null, names: {}}
salt: 3
set: {q_phi: 1}
"""


def test_the_example_of_the_contract(read):
    """Every key of the contract is read, and the points are those that its words describe."""
    grid = read(EXAMPLE)
    assert (grid.model, grid.processes, grid.salt) == ("idm", ("one", "two"), 3)
    assert grid.constants == {"q_phi": 1.0}
    assert grid.generator == {
        "isr": "none", "alpha": "1/137.035999", "sqrt_s": 10.58, "lifetime": "displacer",
        "ufo": None, "names": {},
    }  # fmt: skip
    assert grid.size == 6 * 3 * 2
    points = points_of(grid)
    expected = [
        (m_chi1, m_hp, m_chi, epsilon)
        for m_chi1 in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
        for m_hp in (0.4, 0.8, 1.5)
        for m_chi, epsilon in ((0.1, 1e-4), (0.2, 1e-5))
        if m_hp < 2 * m_chi1
    ]
    columns = points.columns
    names = ("m_chi1", "m_hp", "m_chi", "epsilon")
    assert list(zip(*(columns[name].tolist() for name in names), strict=True)) == expected
    assert np.array_equal(columns["m_ap"], 3 * columns["m_chi1"])
    assert set(columns["alpha_D"]) == {0.1}
    assert list(columns) == list(PARAMETERS)
    assert set(points.events) == {50_000}
    assert len(points) == len(expected)
    assert points.accepted.sum() == len(expected)
    assert points.accepted.size == 36
    rejected = points.rejected()
    assert len(rejected) == 2
    for parameters, reason in rejected:
        assert (parameters["m_chi1"], parameters["m_hp"]) == (0.5, 1.5)
        assert reason == "the requirement m_hp < 2 * m_chi1 does not hold"


def test_defaults_fill_the_rest(make):
    """What is not set takes its default; what has none is absent."""
    points = make("fixed: {m_hp: 2}")
    assert len(points) == 1
    assert points.columns["m_hp"] == [2]
    assert points.columns["m_ap"] == [3]
    assert np.isnan(points.columns["m_chi"]).all()
    assert points.events.tolist() == [7]


axes = st.dictionaries(
    st.sampled_from(["m_chi1", "epsilon", "alpha_D", "m_chi"]),
    st.lists(st.floats(1e-6, 1e6).map(round9), min_size=1, max_size=4, unique=True),
    min_size=1,
)


@given(axes)
def test_scans_are_multiplied(tmp_path_factory, scan):
    """A scan is the product of its axes, the last one fastest, whatever their number."""
    path = tmp_path_factory.getbasetemp() / "product.yaml"
    lines = [f"  {name}: {{values: {values}}}" for name, values in scan.items()]
    path.write_text("\n".join(["scan:", *lines]))
    points = points_of(read_grid(path))
    expected = list(itertools.product(*scan.values()))
    found = list(zip(*(points.columns[name].tolist() for name in scan), strict=True))
    assert found == expected


@given(
    start=st.decimals(-100, 100, places=3),
    step=st.decimals("0.001", 10, places=3),
    count=st.integers(1, 200),
)
def test_steps_include_their_end(tmp_path_factory, start, step, count):
    """Steps written in decimals give those decimals, the last one included."""
    path = tmp_path_factory.getbasetemp() / "steps.yaml"
    values = [float(start + i * step) for i in range(count + 1)]
    path.write_text(f"scan: {{m_chi1: {{step: [{start}, {start + count * step}, {step}]}}}}")
    grid = read_grid(path)
    assert grid.size == count + 1
    assert points_of(grid).columns["m_chi1"].tolist() == values


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ("{linspace: [0.1, 0.7, 7]}", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ("{logspace: [1e-5, 1e-2, 4]}", [1e-5, 1e-4, 1e-3, 1e-2]),
        ("{logspace: [1, 8, 4]}", [1, 2, 4, 8]),
        ("{step: [0.1, 0.3, 0.1]}", [0.1, 0.2, 0.3]),
        ("{step: [0, 1, 0.333333333]}", [0, 0.333333333, 0.666666666, 1]),
        ("[3, 1e0, 2.0]", [3, 1, 2]),
        ("{values: [0.30000000000000004]}", [0.3]),
        ("{linspace: [2, 1, 2]}", [2, 1]),
    ],
)
def test_ranges(make, entry, values):
    """Ranges give the decimals that one would write, with their ends."""
    assert make(f"scan: {{m_chi1: {entry}}}").columns["m_chi1"].tolist() == values


def test_zips_multiply_with_each_other(make):
    """Lists in one zip run together; zips and scans are multiplied."""
    points = make(
        "zip:\n  - {m_chi1: [1, 2], epsilon: [3, 4]}\n  - {alpha_D: {linspace: [5, 6, 2]}}\n"
    )
    names = ("m_chi1", "epsilon", "alpha_D")
    found = list(zip(*(points.columns[name].tolist() for name in names), strict=True))
    assert found == [(1, 3, 5), (1, 3, 6), (2, 4, 5), (2, 4, 6)]


def test_rows_of_a_csv_file_are_an_axis(make, tmp_path):
    """Each row of the file beside the grid is one step of an axis; an empty cell is absent."""
    (tmp_path / "points.csv").write_text("\ufeffm_chi1, m_chi\n1,0.1\n\n2e0,\n", encoding="utf-8")
    points = make("points: points.csv\nscan: {epsilon: [1e-3, 1e-4]}")
    assert points.columns["m_chi1"].tolist() == [1, 2, 1, 2]
    assert points.columns["epsilon"].tolist() == [1e-3, 1e-3, 1e-4, 1e-4]
    assert np.array_equal(points.columns["m_chi"], [0.1, np.nan, 0.1, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("m_chi1,m_chi1\n1,2\n", "m_chi1 is there twice"),
        ("m_chi1,epsilon\n1\n", "line 2: 1 values for 2 columns"),
        ("m_chi1\n1\n1_000\n", "line 3 (column m_chi1): '1_000' is not a number"),
        ("m_chi1\nnan\n", "line 2 (column m_chi1)"),
        ("m_chi1\n", "no rows"),
        ("", "names the parameters"),
        ("m_chi1,\n1,2\n", "names the parameters"),
        ("m_chi1,epsilon\n1,2\n3,4\n1.0,2.0\n", "entries 1 and 3 are the same"),
        ("m_chi1,m_chi\n1,\n1,\n", "entries 1 and 2 are the same"),
        ("m_chi1,epsilon\n1,2\n3,\n", "entry 2 is empty, and epsilon is not optional"),
        ("m_hp\n0.2\n0.05\n", "m_hp = 0.05 is outside its hard bounds"),
        ("m_x\n1\n", "m_x is no parameter"),
        ('m_chi1\n"1\n', "not a CSV file"),
    ],
)
def test_csv_files_that_are_not_right(refused, tmp_path, content, said):
    """What is wrong in a CSV file is said with the line."""
    (tmp_path / "points.csv").write_text(content)
    message = refused("points: points.csv").message
    assert said in message
    assert "points.csv" in message


@pytest.mark.parametrize("kind", ["sobol", "lhs"])
@pytest.mark.parametrize("count", [1, 2, 64, 100])
def test_designs_fill_their_ranges(make, kind, count):
    """A design has its number of points, within its ranges, spread over each of them evenly."""
    text = f"design: {{{kind}: {count}, seed: 1, over: {{epsilon: {{log: [1e-5, 1e-2]}},"
    text += " m_chi1: {linear: [2, 3]}}}"
    points = make(text)
    logs = np.log10(points.columns["epsilon"])
    unit = np.array([(logs + 5) / 3, points.columns["m_chi1"] - 2]).T
    assert unit.shape == (count, 2)
    assert unit.min() >= -1e-9
    assert unit.max() <= 1 + 1e-9
    if kind == "lhs" or count == 64:
        # One point in each of `count` equal strata: Latin hypercubes and Sobol nets alike.
        for column in unit.T:
            strata = np.sort(column) * count - np.arange(count)
            assert -1e-6 < strata.min() <= strata.max() < 1 + 1e-6
    if kind == "sobol" and count == 64:
        # A (0, 6, 2)-net in base 2 has one point in each of 8 x 8 boxes.
        assert len({tuple(box) for box in np.floor(unit * 8 + 1e-7).astype(int)}) == 64
        assert qmc.discrepancy(np.clip(unit, 0, 1)) < 5e-4  # random points: 3e-3 to 9e-3


def test_designs_are_reproducible(make):
    """The same seed gives the same grid, and another seed another one."""

    def epsilon(kind, seed):
        text = f"design: {{{kind}: 16, seed: {seed}, over: {{epsilon: {{linear: [0, 1]}}}}}}"
        return make(text).columns["epsilon"].tolist()

    for kind in ("sobol", "lhs"):
        assert epsilon(kind, 0) == epsilon(kind, 0)
        assert epsilon(kind, 0) != epsilon(kind, 1)
    default = "design: {lhs: 16, over: {epsilon: {linear: [0, 1]}}}"
    assert make(default).columns["epsilon"].tolist() == epsilon("lhs", 0)


@pytest.mark.parametrize(
    "text",
    [
        "scan: {m_hp: [1, 2]}\nfixed: {m_hp: 1}",
        "scan: {m_hp: [1, 2]}\nzip:\n  - {m_hp: [1, 2]}",
        "zip:\n  - {m_hp: [1, 2]}\n  - {m_hp: [1, 2]}",
        "fixed: {m_hp: 1}\nderived: {m_hp: 2 * m_ap}",
        "scan: {m_hp: [1, 2]}\ndesign: {lhs: 2, over: {m_hp: {linear: [1, 2]}}}",
        "scan: {m_hp: [1, 2]}\npoints: points.csv",
    ],
)
def test_a_parameter_is_set_once(refused, tmp_path, text):
    """A parameter that is set twice is an error that names both places."""
    (tmp_path / "points.csv").write_text("m_hp\n1\n")
    message = refused(text).message
    assert "m_hp is set twice, first at " in message
    assert message.count("grid.yaml, line") == 2


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("model: idm", "sets no parameter", "add scan"),
        ("scna: {m_hp: [1]}", "line 1 (scna): unknown key", "did you mean 'scan'?"),
        ("schema: 2\nfixed: {m_hp: 1}", "schema 2", "update"),
        ("scan: {m_h: [1, 2]}", "m_h is no parameter", "did you mean 'm_hp'?"),
        ("scan: {m_mu: [1, 2]}", "m_mu is a constant", None),
        ("scan: {m_hp: 1}", "values are wanted", "'fixed'"),
        ("scan: {m_hp: {linspce: [1, 2, 3]}}", "line 1 (scan.m_hp)", "did you mean 'linspace'?"),
        ("scan: {m_hp: {values: [1], step: [1, 2, 1]}}", "one of", "only one"),
        ("scan: {m_hp: []}", "list of numbers", None),
        ("scan: {m_hp: {values: 3}}", "list of numbers", None),
        ("scan: {m_hp: [1, 1_000]}", "'1_000' is not a number", "underscores"),
        ("scan: {m_hp: [1, 1e-400]}", "1e-400 underflows to 0", "write 0"),
        ("scan: {m_hp: [1, '1e-400']}", "'1e-400' underflows to 0", "write 0"),
        ("scan: {m_hp: [1, 12:30]}", "'12:30' is not a number", None),
        ("scan: {m_hp: [1, 1/3]}", "'1/3' is not a number", "derived"),
        ("scan: {m_hp: [1, true]}", "not a number", None),
        ("scan: {m_hp: [1, .nan]}", "not a finite number", None),
        ("scan: {m_hp: [1, 2, 1.0]}", "entries 1 and 3 are the same", None),
        ("scan: {m_hp: [0.3, 0.30000000001]}", "entries 1 and 2 are the same", None),
        ("scan: {m_hp: {linspace: [1, 2]}}", "[first, last, n] is wanted", None),
        ("scan: {m_hp: {linspace: [1, 2, 1]}}", "from 2 on", None),
        ("scan: {m_hp: {linspace: [1, 2, 2.5]}}", "whole number", None),
        ("scan: {m_hp: {linspace: [1, 1, 3]}}", "are the same", None),
        ("scan: {m_hp: {logspace: [-5, -2, 3]}}", "above zero", "not exponents"),
        ("scan: {m_hp: {step: [1, 2, 0.3]}}", "do not reach 2", "1.9"),
        ("scan: {m_hp: {step: [2, 1, 0.5]}}", "hi is above lo", None),
        ("scan: {m_hp: {step: [1, 2, 0]}}", "above zero", None),
        ("scan: 5", "a mapping is wanted", None),
        ("scan:\nfixed: {m_hp: 1}", "a mapping is wanted", None),
        ("zip: {m_hp: [1, 2]}", "a list of mappings", "- "),
        ("zip: 5", "a list of mappings", None),
        ("zip: [5]", "a mapping of parameters", None),
        ("zip:\n  - {m_hp: [1, 2], m_ap: [1, 2, 3]}", "m_ap has 3 values and m_hp has 2", "equal"),
        ("points: 5", "path of a CSV", None),
        ("points: nowhere.csv", "nowhere.csv: cannot be read", None),
        ("design: {over: {m_hp: {log: [1, 2]}}}", "either sobol or lhs", None),
        ("design: {sobol: 4, lhs: 4, over: {m_hp: {log: [1, 2]}}}", "either sobol or lhs", None),
        ("design: {sobol: 0, over: {m_hp: {log: [1, 2]}}}", "from 1 on", None),
        ("design: {sobol: 4}", "'over' is wanted", None),
        ("design: {sobol: 4, over: {m_hp: [1, 2]}}", "{log: [lo, hi]}", None),
        ("design: {sobol: 4, over: {m_hp: {log: [0, 2]}}}", "above zero", None),
        ("design: {sobol: 4, over: {m_hp: {linear: [2, 1]}}}", "lo is below hi", None),
        ("design: {sobol: 4, seed: -1, over: {m_hp: {log: [1, 2]}}}", "whole number", None),
        ("design: {sbol: 4, over: {}}", "unknown key 'sbol'", "sobol"),
        ("fixed: {m_hp: [1, 2]}", "one number is wanted", "'scan'"),
        ("fixed: {m_hp: null}", "None is not a number", None),
        ("fixed: {2x: 1}", "'2x' is no name", None),
        ("fixed: {m_hp: 0.05}", "m_hp = 0.05 is outside its hard bounds", "at least 0.1"),
        ("fixed: {m_hp: 9}", "outside", "below 9"),
        ("fixed: {m_ap: 0}", "outside", "above 0"),
        ("scan: {m_ap: [1, 10.1]}", "m_ap = 10.1 is outside", "at most 10"),
        ("derived: {m_ap: 3 * m_chi2}", "no quantity 'm_chi2'", "did you mean 'm_chi'?"),
        ("derived: {m_ap: m_hp < 1}", "a number is wanted", None),
        ("derived: {m_ap: '3 * (m_hp'}", "line 1 (derived.m_ap): expression", None),
        ("derived: {m_ap: [1]}", "an expression is wanted", None),
        ("derived: {m_mu: 2 * m_hp}", "m_mu is a constant", None),
        ("derived: {m_ap: m_ap + 1}", "in a circle: m_ap needs m_ap", None),
        ("derived: {m_ap: 2 * m_hp, m_hp: x, x: m_ap}", "m_ap needs m_hp needs x needs m_ap", None),
        ("derived: {m_ap: 1 / (m_hp - 0.5)}", "not defined for m_hp = 0.5", None),
        ("derived: {m_ap: 3 * m_chi}", "m_chi is absent", "m_chi is None"),
        ("fixed: {m_hp: 1}\nrequire: m_hp", "a condition", None),
        ("fixed: {m_hp: 1}\nrequire: {a: 1}", "a list of conditions", None),
        ("fixed: {m_hp: 1}\nrequire: ['m_hp < m_x']", "line 2 (require.0): there is no", "m_hp"),
        ("fixed: {m_hp: 1}\nrequire: ['m_chi < 1']", "m_chi is absent", None),
        ("fixed: {m_hp: 1}\nrequire: ['1 / (m_hp - 1) < 1']", "not defined for m_hp = 1", None),
        ("fixed: {m_hp: 1}\nevents: 0", "not a number of events", "50k"),
        ("fixed: {m_hp: 1}\nevents: 1.5", "not a number of events", None),
        ("fixed: {m_hp: 1}\nevents: -3", "not a number of events", None),
        ("fixed: {m_hp: 1}\nevents: 50K", "not a number", None),
        ("fixed: {m_hp: 1}\nevents: 1000 * (m_hp - 1)", "gives 0 events", "max(1"),
        ("fixed: {m_hp: 1}\nevents: 1e9 * 1e9 * m_hp", "gives 1e+18 events", None),
        ("fixed: {m_hp: 1}\nevents: m_hp < 1", "a number is wanted", None),
        ("fixed: {m_hp: 1}\nevents: 10 * m_x", "no quantity 'm_x'", None),
        ("fixed: {m_hp: 1}\nevents: null", "not a number of events", None),
        ("fixed: {m_hp: 1}\nmodel: 5", "a name is wanted", None),
        ("fixed: {m_hp: 1}\nprocess: 5", "a name is wanted", None),
        ("fixed: {m_hp: 1}\nprocess: []", "the list is empty", None),
        ("fixed: {m_hp: 1}\nprocess: [a, b, a]", "a is there twice", None),
        ("fixed: {m_hp: 1}\nprocess: [a, 5]", "a name is wanted", None),
        ("fixed: {m_hp: 1}\nsalt: a", "whole number", None),
        ("fixed: {m_hp: 1}\nsalt: -1", "whole number", None),
        ("fixed: {m_hp: 1}\nset: {q_phi: x}", "'x' is not a number", None),
        ("fixed: {m_hp: 1}\ngenerator: 5", "a mapping is wanted", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(refused, text, said, hint):
    """What is wrong in a grid is refused with its place, and with what would be right."""
    error = refused(text)
    assert said in error.message
    assert "grid.yaml" in error.message
    if hint:
        assert hint in error.hint


@pytest.mark.parametrize(
    "text",
    [
        "scan: {m_hp: {linspace: [1, 2, 1001]}, m_ap: {step: [0.001, 1, 0.001]}}",
        "scan: {m_hp: {linspace: [1, 2, 1000000000000]}}",
        "design: {sobol: 1000000000, over: {m_hp: {linear: [1, 2]}}}",
        "scan: {m_hp: {step: [1, 2, 1e-9]}}",
    ],
)
def test_a_grid_that_is_too_large_is_refused_before_it_is_built(refused, text):
    """More than a million points is an error that says how many, and how to allow them."""
    error = refused(text)
    assert "points, more than 1,000,000" in error.message
    assert "--max-points" in error.hint


def test_the_largest_number_of_points_can_be_changed(make, refused):
    """--max-points raises and lowers the bound."""
    text = "scan: {m_hp: {linspace: [1, 2, 11]}}"
    assert "11 points, more than 10" in refused(text, max_points=10).message
    assert len(make(text, max_points=11)) == 11


def test_derived_values(make):
    """Derived values come in any order, may be helpers, and are rounded as written ones are."""
    points = make(
        "scan: {m_chi1: [0.1, 0.2]}\n"
        "derived: {m_ap: ratio * m_chi1 * y, ratio: q_phi + 1, y: 1, alpha_D: m_ap / 3}\n"
    )
    assert points.columns["m_ap"].tolist() == [0.3, 0.6]
    assert points.columns["alpha_D"].tolist() == [0.1, 0.2]
    assert list(points.columns) == list(PARAMETERS)


def test_derived_values_outside_their_bounds_are_rejected(make):
    """A derived value outside its hard bounds is a point that is rejected, with the reason."""
    points = make("scan: {m_chi1: [1, 3, 5, -1]}\nderived: {m_ap: 3 * m_chi1}")
    assert points.columns["m_ap"].tolist() == [3, 9]
    assert points.accepted.tolist() == [True, True, False, False]
    rejected = points.rejected()
    assert [parameters["m_ap"] for parameters, _ in rejected] == [-3, 15][::-1]
    assert rejected[0].reason == "m_ap = 3 * m_chi1 is outside its hard bounds: not at most 10"
    assert rejected[1].reason == "m_ap = 3 * m_chi1 is outside its hard bounds: not above 0"
    assert "m_chi" not in rejected[0].parameters


def test_what_is_rejected_need_not_be_defined(make, refused):
    """An expression may be undefined where the point is rejected for another reason."""
    text = "scan: {m_chi1: [0.1, 1]}\nderived: {m_ap: sqrt(m_chi1**2 - 0.25)}\n"
    assert "not defined for m_chi1 = 0.1" in refused(text).message
    points = make(text + "require: [m_chi1 > 0.5]\nevents: 1000 * sqrt(m_chi1 - 0.75)")
    assert points.columns["m_ap"].tolist() == [round9(math.sqrt(0.75))]
    assert points.events.tolist() == [500]
    assert points.rejected()[0].parameters.keys() == set(PARAMETERS) - {"m_ap", "m_chi"}


def test_requirements_on_what_may_be_absent(make):
    """A requirement can ask whether a quantity is absent."""
    points = make("fixed: {m_hp: 1}\nrequire: m_chi is None or m_chi < 1")
    assert len(points) == 1


def test_events(make):
    """The target is a count, an expression rounded up, the caller's, or the default."""
    scan = "scan: {m_chi1: [1, 0.1]}\n"
    assert make(scan + "events: 1.5k").events.tolist() == [1500, 1500]
    assert make(scan + "events: 2e4").events.tolist() == [20_000, 20_000]
    assert make(scan + "events: max(3, 30.1 * m_chi1)").events.tolist() == [31, 4]
    assert make(scan + "events: 30 * m_chi1").events.tolist() == [30, 3]
    assert make(scan + "events: 50k", events=9).events.tolist() == [9, 9]
    # 100 * 1.1 is a little more than 110 in doubles.
    assert make("fixed: {m_chi1: 1.1}\nevents: 100 * m_chi1").events.tolist() == [110]
    assert make(scan).events.tolist() == [7, 7]
    assert make(scan).events.dtype == np.int64


def test_every_point_may_be_rejected(make):
    """No point left is no error."""
    points = make("fixed: {m_hp: 1}\nrequire: m_hp > 2\nevents: 100 * m_hp")
    assert len(points) == 0
    assert len(points.rejected()) == 1


@settings(max_examples=50)
@given(
    bound=st.floats(0.5, 3.0),
    masses=st.lists(st.floats(0.2, 3.0).map(round9), min_size=1, max_size=8, unique=True),
)
def test_points_are_accepted_or_rejected(tmp_path_factory, bound, masses):
    """Every point of the product is either accepted or rejected, as Python decides it."""
    path = tmp_path_factory.getbasetemp() / "requirement.yaml"
    bound = round9(bound)
    path.write_text(f"scan: {{m_chi1: {masses}}}\nrequire: ['2 * m_chi1 <= {bound}']")
    points = points_of(read_grid(path))
    assert points.accepted.tolist() == [2 * mass <= bound for mass in masses]
    assert points.columns["m_chi1"].tolist() == [m for m in masses if 2 * m <= bound]
    assert [r.parameters["m_chi1"] for r in points.rejected()] == [
        m for m in masses if 2 * m > bound
    ]


def test_assignments():
    """Values on the command line are numbers, rounded as in a grid."""
    assert parse_assignments("m_zp=1, g_prime = 1e-3") == {"m_zp": 1.0, "g_prime": 1e-3}
    assert parse_assignments("m_zp=0.30000000000000004") == {"m_zp": 0.3}
    for text, said in [
        ("", "does not set"), ("m_zp", "does not set"), ("=1", "does not set"),
        ("a=1,", "does not"),
        ("a=1,a=2", "a is set twice"), ("a=x", "'x' is not a number"), ("a=", "not a number"),
        ("a=nan", "not a number"), ("a=1e400", "too large"), ("a=1=2", "not a number"),
        ("a b=1", "does not set"), ("a=1_000", "not a number"),
    ]:  # fmt: skip
        with pytest.raises(InputError) as caught:
            parse_assignments(text)
        assert said in caught.value.message
