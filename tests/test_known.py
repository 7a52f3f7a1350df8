"""Where a quantity is not known it is undefined, with the reason, and no id knows of that."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from mcbook import resources
from mcbook.catalog.find import POINT_COLUMNS, SAMPLE_COLUMNS
from mcbook.catalog.names import FIELDS, OF_POINTS
from mcbook.errors import InputError
from mcbook.production.plan import Planner
from mcbook.production.records import formula_versions
from mcbook.registry.checks import COLUMNS
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model
from mcbook.verbs.models import describe_model

UNKNOWN = ("br_hp_pipi", "br_hp_kk", "width_hp_pipi_charged", "width_hp_kk_charged")
REASON = "known only where m_hp <= 2"


def columns_of(model, **values):
    """Return columns of parameters: defaults, but for *values*."""
    size = max(np.size(value) for value in values.values())
    given = {n: np.nan if p.default is None else p.default for n, p in model.parameters.items()}
    return {
        name: np.broadcast_to(value, size).astype(float) for name, value in (given | values).items()
    }


@pytest.mark.parametrize("name", ["dark_higgs", "idm"])
def test_exclusive_hadrons_of_a_heavy_higgs(name):
    """Above 2 GeV the fractions to pi pi and K K are null, and the total width stays whole."""
    model = load_model(name)
    columns = columns_of(model, m_hp=np.array([0.5, 2.0, 2.0001, 3.0]), m_ap=6.0, theta=1e-3)
    derived = Deriver(model).compute(columns)
    for quantity in UNKNOWN:
        assert np.isnan(derived[quantity]).tolist() == [False, False, True, True]
    assert np.all(derived["width_hp"] > 0)
    parts = [n for n in derived if n.startswith("width_hp_") and not n.endswith("_charged")]
    whole = sum(derived[n] for n in parts)
    assert whole == pytest.approx(derived["width_hp"], rel=1e-12)
    described = describe_model(name, at={"m_hp": 3.0, "m_ap": 6.0, "theta": 1e-3})["derived"]
    assert {described[n]["reason"] for n in UNKNOWN} == {REASON}
    assert all(described[n]["value"] is None for n in UNKNOWN)


def test_what_is_not_known_closes_a_channel():
    """A channel without a known fraction is rejected; the plain process goes on without it."""
    model = load_model("dark_higgs")
    columns = columns_of(model, m_hp=np.array([1.5, 2.5]), m_ap=6.0, theta=1e-3)
    plan = Planner(model, find_process(model, "bu_k_hp/pipi"), {}).plan(columns, np.array([1, 1]))
    assert [r.reason for r in plan.rejected] == ["the branching fraction br_hp_pipi is not known"]
    plan = Planner(model, find_process(model, "bu_k_hp"), {}).plan(columns, np.array([1, 1]))
    made = {
        point.parameters["m_hp"]: ([c.name for c in batch.definition.process.channels], point)
        for batch in plan.batches
        for point in batch.points
    }
    assert made[1.5][0] == ["mumu", "ee", "pipi", "kk"]
    assert made[2.5][0] == ["mumu", "ee"]
    assert made[2.5][1].factor == pytest.approx(100.0, rel=1e-6)
    assert made[2.5][1].reasons["br_hp_pipi"] == REASON


def test_what_is_known_enters_no_id_but_the_books():
    """The same sample without the condition has the same id; its values are computed again."""
    model = load_model("dark_higgs")
    bare = {name: replace(entry, known=None) for name, entry in model.derived.items()}
    other = replace(model, derived=MappingProxyType(bare))
    columns = columns_of(model, m_hp=np.array([1.5]), m_ap=6.0, theta=1e-3)
    ids = [
        Planner(m, find_process(m, "bu_k_hp"), {})
        .plan(columns, np.array([1]))
        .batches[0]
        .samples[0]
        .id
        for m in (model, other)
    ]
    assert ids[0] == ids[1]
    before, after = formula_versions(other), formula_versions(model)
    assert {name for name in after if before[name] != after[name]} == set(UNKNOWN)
    assert after["br_hp_pipi"] == "ratio@1 where m_hp <= 2"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('known: "m_hp <= 2"', 'known: "m_hpp <= 2"', "m_hpp"),
        ('known: "m_hp <= 2"', 'known: "m_hp"', "a condition is wanted"),
        ('known: "m_hp <= 2"', 'known: "ctau_hp > 1"', "there is no parameter 'ctau_hp'"),
        ("  width_hp_gg:", "  factor:", "'factor' is already a column of the books"),
    ],
)
def test_a_condition_that_is_wrong(tmp_path, old, new, message):
    """It is a condition on parameters; and no quantity is called as a column is."""
    text = (resources.shipped("models") / "dark_higgs.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "dark_higgs.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_model("dark_higgs", tmp_path)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("", r"zprime\.yaml, line \d+ \(processes\.mumu_tautau\): the process makes taus"),
        ("    taus: evtgen\n", r"line \d+ \(processes\.mumu_tautau\.taus\): a mapping is wanted"),
        ("    taus: {decays: evtgen}\n", r"line \d+ .*decays"),
    ],
)
def test_taus_are_checked_when_a_model_is_read(tmp_path, new, message):
    """Who decays taus is asked for with the place in the file, before anything is generated."""
    text = (resources.shipped("models") / "zprime.yaml").read_text(encoding="utf-8")
    old = "    taus: {decayer: evtgen, spin_correlations: false}\n"
    assert text.count(old) == 1
    (tmp_path / "zprime.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_model("zprime", tmp_path)


def test_every_column_is_reserved():
    """Whatever a query takes for a column cannot be the name of a quantity."""
    assert set(COLUMNS) >= {*FIELDS, *OF_POINTS, *SAMPLE_COLUMNS, *POINT_COLUMNS}
