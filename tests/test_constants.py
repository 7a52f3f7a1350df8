"""Constants of a model keep within their bounds, and bounds are no part of an id."""

import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from mcbook import resources
from mcbook.errors import InputError
from mcbook.production.plan import Planner
from mcbook.registry.loader import find_process, load_model, with_constants
from mcbook.registry.model import ModelConstant
from mcbook.verbs.models import describe_model


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


def _id(model):
    columns = {key: np.array([entry.default]) for key, entry in model.parameters.items()}
    plan = Planner(model, find_process(model, None), {}).plan(columns, np.array([1]))
    return plan.batches[0].samples[0].id
