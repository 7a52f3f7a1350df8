"""Constants of a model keep within their bounds, and bounds are no part of an id."""

import math
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from mcbook import resources
from mcbook.errors import InputError
from mcbook.production.plan import Planner
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model, with_constants
from mcbook.registry.model import ModelConstant
from mcbook.verbs.generate import generate
from mcbook.verbs.models import describe_model
from mcbook.verbs.query import query
from mcbook.verbs.show import show
from mcbook.verbs.verify import verify


@pytest.mark.parametrize(
    ("model", "name", "bad"),
    [
        ("dark_higgs", "q_phi", [0, -1, math.nan, math.inf]),
        ("idm", "q_phi", [0, -2, math.nan]),
        ("idm", "cos_theta_max", [0, 1, -0.5, 1.5, math.nan]),
        ("idm", "gamma_e_min", [0, -0.1, math.nan, -math.inf]),
    ],
)
def test_constants_out_of_bounds_are_refused(model, name, bad):
    """A charge, an angle or an energy that means nothing is an input error that says what would."""
    signal = load_model(model)
    for value in bad:
        with pytest.raises(InputError, match=f"{name} of {model} cannot be") as caught:
            with_constants(signal, {name: value})
        assert caught.value.hint
    assert with_constants(signal, {name: 0.5}).constants[name].value == 0.5
    with pytest.raises(InputError, match="cannot be"):
        describe_model(model, constants={name: bad[0]})


def test_bounds_of_each_kind():
    """`minimum` and `maximum` are allowed values, `above` and `below` are not."""
    signal = load_model("idm")
    for bounds, good, bad in (
        ({"minimum": 1.0}, [1.0, 2.0], [0.9]),
        ({"maximum": 1.0}, [1.0, -2.0], [1.1]),
        ({"above": 1.0, "below": 2.0}, [1.5], [1.0, 2.0]),
        ({}, [-1e9, 0.0, 1e9], [math.nan]),
    ):
        constant = ModelConstant("c", 1.0, "a number", **bounds)
        own = replace(signal, constants=MappingProxyType({"c": constant}))
        for value in good:
            assert with_constants(own, {"c": value}).constants["c"].value == value
        for value in bad:
            with pytest.raises(InputError):
                with_constants(own, {"c": value})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{value: -1, above: 0}", "out of bounds, above 0"),
        ("{value: 1, above: x}", "a number is wanted"),
        ("{value: 1, abov: 0}", "abov"),
    ],
)
def test_a_file_with_a_constant_that_is_wrong(tmp_path, entry, message):
    """The value in the file obeys the bounds in the file; the line is told."""
    text = (resources.shipped("models") / "dark_higgs.yaml").read_text()
    old = text[text.index("q_phi: {") : text.index("parameters:")]
    (tmp_path / "dark_higgs.yaml").write_text(text.replace(old, f"q_phi: {entry}\n"))
    with pytest.raises(InputError, match=message) as caught:
        load_model("dark_higgs", tmp_path)
    assert "line 14" in caught.value.message


def test_bounds_enter_no_id():
    """The same sample with other bounds of a constant has the same id."""
    model = load_model("dark_higgs")
    free = replace(
        model, constants=MappingProxyType({"q_phi": ModelConstant("q_phi", 1.0, "charge")})
    )
    assert model.constants["q_phi"].above == 0
    assert _id(free) == _id(model)
    assert _id(with_constants(model, {"q_phi": 2.0})) != _id(model)


GRID = """
model: idm
process: [hp_mumu_chi2_ee, gamma_chi2_ee]
fixed: {m_hp: 1.2, alpha_D: 0.01}
events: 1k
"""


@pytest.fixture
def twice(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Make samples with q_phi = 1 and then with the model's own 2, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("grid.yaml").write_text(GRID)
    for charge in (1.0, 2.0):
        generate(None, "grid.yaml", constants={"q_phi": charge})


@pytest.mark.usefixtures("twice")
def test_the_charge_is_told_with_every_cross_section():
    """sigma(A' h') grows with q_phi^2, and rows, points and samples say which q_phi theirs has."""
    by_charge = {
        row["q_phi"]: row
        for row in query("process == 'hp_mumu_chi2_ee'", columns=["q_phi", "xsec_ap_hp"])
    }
    assert by_charge.keys() == {1.0, 2.0}
    ratio = by_charge[2.0]["xsec_ap_hp"] / by_charge[1.0]["xsec_ap_hp"]
    assert ratio == pytest.approx(4.0, rel=1e-6)
    for charge, row in by_charge.items():
        assert show(row["id"])["constants"]["q_phi"] == charge
        (found,) = query(f"process == 'hp_mumu_chi2_ee' and q_phi == {charge}")
        assert found["id"] == row["id"]


@pytest.mark.usefixtures("twice")
def test_a_sample_whose_events_do_not_know_the_charge_has_points_of_both():
    """Such a sample is described with the model's own constants, whatever was asked for first."""
    (row,) = query("process == 'gamma_chi2_ee'", columns=["q_phi", "xsec_ap_hp"])
    assert row["q_phi"] == 2.0
    sample = show(row["id"])
    points = {point["constants"]["q_phi"]: point for point in sample["points"]}
    assert points.keys() == {1.0, 2.0}
    one, two = (points[charge]["derived"]["xsec_ap_hp"] for charge in (1.0, 2.0))
    assert two == pytest.approx(4 * one, rel=1e-6)
    assert points[1.0]["factor"] == points[2.0]["factor"]
    model = load_model("idm")
    columns = {name: np.array([value]) for name, value in sample["parameters"].items()}
    assert row["xsec_ap_hp"] == pytest.approx(Deriver(model).compute(columns)["xsec_ap_hp"][0])
    assert len(query("q_phi == 1", points=True)) == 2
    assert query(missing=True, grid="grid.yaml") == []
    assert not verify()["failed"]


def test_a_constant_in_a_wide_width_is_refused_where_ids_leave_it_out():
    """Where h' -> A'A' is open the h' is wide, and bu_k_hp/mumu has no q_phi in its id."""
    columns = {"m_ap": [1.0], "m_hp": [2.5], "theta": [1e-3], "alpha_D": [0.1]}
    reasons = []
    for charge in (1.0, 2.0):
        model = with_constants(load_model("dark_higgs"), {"q_phi": charge})
        given = {k: np.array([p.default]) for k, p in model.parameters.items()} | columns
        arrays = {name: np.asarray(value, dtype=float) for name, value in given.items()}
        planner = Planner(model, find_process(model, "bu_k_hp/mumu"), {})
        reasons += planner.reasons(arrays)
    assert reasons[0] == ""
    assert "width_hp depends on q_phi" in reasons[1]


def _id(model):
    columns = {key: np.array([entry.default]) for key, entry in model.parameters.items()}
    plan = Planner(model, find_process(model, None), {}).plan(columns, np.array([1]))
    return plan.batches[0].samples[0].id
