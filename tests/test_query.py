"""Queries find what a look at every point finds, on both databases, with indexes or without."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from bookshelf import add_sample, define, location, new_books, sample_id
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.catalog import accelerator
from mcbook.catalog.find import find, find_near
from mcbook.catalog.json_text import as_json
from mcbook.catalog.names import ModelNames
from mcbook.catalog.query import Search
from mcbook.catalog.rows import DefinitionRow
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError
from mcbook.registry.expressions import parse
from mcbook.registry.numbers import round9

__all__ = ["location", "new_books"]

ROOT = Path("/nowhere/samples")
REGISTRY = {
    "xmodel": ModelNames(("m_x", "g", "alpha_D", "m_chi"), frozenset({"width_x", "ctau_x"})),
    "ymodel": ModelNames(("m_y", "g", "alpha_d"), frozenset({"width_x"})),
}
MASSES = [round9(0.1 * i) for i in range(1, 11)]


def derive(point):
    """Return derived quantities of a point, one of them undefined where the coupling is zero."""
    mass = point.get("m_x", point.get("m_y"))
    width = point["g"] ** 2 * mass
    derived = {"width_x": width}
    return derived | {"ctau_x": 1.97e-13 / width if width else None} if "m_x" in point else derived


def fill(where, *, fast=True):
    """Make books with two models, ten samples of each, with three points each."""
    with open_catalog(where, mode="write") as catalog:
        with catalog.writing() as books:
            define(books, "xmodel", root=ROOT)
            define(books, "ymodel", root=ROOT, shape=("m_y",))
            for i, mass in enumerate(MASSES):
                extra = {"m_chi": mass / 2} if i % 3 == 0 else {}
                add_sample(
                    *(books, "xmodel", str(i), {"m_x": mass, "g": 1e-3, "alpha_D": 0.1, **extra}),
                    root=ROOT,
                    points=[
                        {"m_x": mass, "g": round9(g * (i + 1)), "alpha_D": 0.1, **extra}
                        for g in (0.0, 1e-4, 1e-2)
                    ],
                    derive=derive,
                    status="generated" if i % 2 else "planned",
                    process="bu_k_hp/mumu" if i % 2 else "mumu_inv",
                    created=f"2026-01-{i + 1:02d}T00:00:00Z",
                )
                add_sample(
                    *(books, "ymodel", str(i), {"m_y": 2 * mass, "g": 1e-3, "alpha_d": 0.3}),
                    root=ROOT,
                    derive=derive,
                )
        if fast:
            for model, names in REGISTRY.items():
                catalog.accelerate(model, names.parameters)


def ids(where, expression, **options):
    """Return the ids that a query finds."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        return [row["id"] for row in find(Search(books, expression, REGISTRY), **options)]


def labels(where, expression, **options):
    """Return model letter and number of the samples that a query finds."""
    known = {sample_id(model, str(i)): f"{model[0]}{i}" for model in REGISTRY for i in range(10)}
    return [known[identity] for identity in ids(where, expression, **options)]


@pytest.fixture
def books_at(location):
    """Give filled books."""
    fill(location)
    return location


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("model == 'xmodel' and 0.2 < m_x <= 0.4", "x2 x3"),
        ("0.2 < m_x <= 0.4", "x2 x3"),
        ("m_x == 0.1 + 0.2", "x2"),
        ("m_x in [0.3, 0.5, 7]", "x2 x4"),
        ("m_y < 0.5", "y0 y1"),
        ("m_x < 0.25 or m_y > 1.9", "x0 x1 y9"),
        ("not m_x < 0.95", "x9"),
        ("m_chi is not None", "x0 x3 x6 x9"),
        ("model == 'xmodel' and m_x < 0.5 and m_chi is None", "x1 x2"),
        ("m_chi > 0.3", "x6 x9"),
        ("g > 0.09", "x9"),
        ("g > 0.085", "x8 x9"),
        ("g == 5e-4", "x4"),
        ("alpha_D == 0.1 and m_x < 0.15", "x0"),
        ("alpha_d == 0.3 and m_y < 0.3", "y0"),
        ("width_x > 8e-3", "x9"),
        ("ctau_x is None and m_x < 0.15", "x0"),
        ("status == 'generated' and m_x < 0.5", "x1 x3"),
        ("process == 'bu_k_hp/mumu' and m_x > 0.9", "x9"),
        ("created < '2026-01-03' and model != 'ymodel'", "x0 x1"),
        ("model == 'zmodel'", ""),
        ("model == 'ymodel' and m_x > 0", ""),
        ("model == 'xmodel' and model == 'ymodel'", ""),
        ("'xmodel' == model and m_x < 0.15", "x0"),
        ("model in ['ymodel', 'zmodel'] and m_y < 0.3", "y0"),
        ('status == "\'; DROP TABLE samples; --"', ""),
        ("sqrt(m_x) * 2 > 1.9", "x9"),
        ("where(m_chi is None, m_x, 0) > 0.75", "x7 x8"),
    ],
)
def test_expressions_find_samples(books_at, expression, expected):
    """A condition on shape, rate, derived quantities and columns finds these samples."""
    assert sorted(labels(books_at, expression)) == expected.split()


def test_constants_are_found(new_books):
    """A constant is that of the values in the books, else that of the definition, else absent."""
    where = new_books()
    quantities = {
        "q_y": 2,
        "m_y": {"left_out_at": 1.0},
        "width_x": "g**2*m_y",
        "m_mu": 0.1056583755,
    }
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=ROOT)
        define(books, "ymodel", root=ROOT, shape=("m_y",), quantities=quantities)
        for i, constants in enumerate(({}, {"q_x": 1.0}, {"q_x": 2.0})):
            values = {"m_x": 0.1 * (i + 1), "g": 1.0}
            add_sample(books, "xmodel", str(i), values, root=ROOT, constants=constants)
        add_sample(books, "ymodel", "0", {"m_y": 1.0, "g": 1.0}, root=ROOT)
    registry = {"xmodel": ModelNames(("m_x", "g"), constants=frozenset({"q_x"}))}
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:

        def found(expression, **options):
            return list(find(Search(books, expression, registry), **options))

        for points in (False, True):
            options = {"columns": ["q_x", "q_y"], "points": points}
            assert [row["q_x"] for row in found("q_x > 1.5", **options)] == [2.0]
            assert [row["q_y"] for row in found("q_y == 2", **options)] == [2.0]
            assert found("q_y == 2 and q_x > 0", **options) == []
            listed = found("model == 'xmodel'", sort="-q_x", **options)
            assert [row["q_x"] for row in listed] == [2.0, 1.0, None]
        with pytest.raises(InputError, match="nothing is called 'q_z'") as caught:
            found("q_z > 1")
        assert "q_" in caught.value.hint
        with pytest.raises(InputError, match="nothing is called 'm_mu'"):
            found("m_mu > 0.1")


def test_properties_of_points_must_meet_at_one_point(books_at):
    """A sample does not match by one property of one point and another property of another."""
    assert labels(books_at, "m_x == 0.1 and g < 1e-3 and width_x > 1e-6") == []
    assert labels(books_at, "m_x == 0.1 and g < 1e-3 and width_x < 1e-8") == ["x0"]
    assert labels(books_at, "m_x == 0.1 and g > 1e-3 and width_x > 1e-6") == ["x0"]


def test_id_picks_one(books_at):
    """An id in an expression finds that sample, also beside conditions that have an index."""
    identity = sample_id("xmodel", "4")
    assert labels(books_at, f"id == '{identity}' and m_x > 0.3") == ["x4"]
    assert labels(books_at, f"id in ['{identity}', 'nothing']") == ["x4"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("m_xx > 1", "nothing is called 'm_xx'", "m_x"),
        ("statsu == 'planned'", "nothing is called 'statsu'", "status"),
        ("m_x", "no condition", None),
        ("m_x + 1", "no condition", None),
        ("m_x > ", "number", None),
        ("m_x == 'a'", "m_x is a number", None),
        ("status > 1", "status is a text", None),
        ("status", "no condition", None),
    ],
)
def test_what_is_no_query_is_refused(books_at, expression, message, hint):
    """A wrong expression is an input error with a hint, on any database."""
    with pytest.raises(InputError, match=message) as caught:
        ids(books_at, expression)
    assert hint is None or hint in caught.value.hint


def test_default_order_is_that_of_parameters(new_books):
    """Samples of one model come in the order of their parameters, on any database, fast or not."""
    for fast in (True, False):
        where = new_books()
        fill(where, fast=fast)
        assert labels(where, "model == 'xmodel'") == [f"x{i}" for i in range(10)]
        assert [label[0] for label in labels(where, None)] == ["x"] * 10 + ["y"] * 10


def test_rows_can_be_sorted_and_limited(books_at):
    """Any column or quantity sorts, falling with a minus; rows that have none come last."""
    assert labels(books_at, "m_x < 0.45", sort="-m_x") == ["x3", "x2", "x1", "x0"]
    assert labels(books_at, None, sort="-m_y", limit=2) == ["y9", "y8"]
    assert labels(books_at, None, sort="m_chi", limit=5)[:4] == ["x0", "x3", "x6", "x9"]
    assert labels(books_at, "m_x < 0.45", sort="status, -created") == ["x3", "x1", "x2", "x0"]
    with pytest.raises(InputError, match="m_xy"):
        labels(books_at, None, sort="m_xy")


def test_columns_can_be_picked(books_at):
    """Rows hold the columns asked for and the id; a name that nothing has is refused."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        search = Search(books, "m_x == 0.4", REGISTRY)
        names = ["m_x", "width_x", "m_chi", "m_y", "parameters", "directory", "events_target"]
        (row,) = find(search, columns=names)
        assert list(row) == ["id", *names]
        assert row["m_x"] == 0.4
        assert row["width_x"] == pytest.approx(0.4e-6)
        assert row["m_chi"] == 0.2
        assert row["m_y"] is None
        assert row["parameters"] == {"m_x": 0.4, "g": 1e-3, "alpha_D": 0.1, "m_chi": 0.2}
        assert row["directory"] == str(ROOT / sample_id("xmodel", "3"))
        with pytest.raises(InputError, match="colour"):
            list(find(search, columns=["colour"]))


def test_rows_have_the_keys_of_the_contract(books_at):
    """A row of a query has these keys, its parameters are those that it is generated with."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        (row,) = find(Search(books, "m_x == 0.2", REGISTRY))
    assert list(row) == [
        *("id", "model", "process", "generator", "parameters", "derived", "points", "n_events"),
        *("status", "directory", "created"),
    ]
    assert row["points"] == 3
    assert row["parameters"]["g"] == 1e-3
    assert json.loads(json.dumps(row)) == row


def test_points_have_their_own_parameters(books_at):
    """With points there is a row for each, and a condition holds at the point itself."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        search = Search(books, "m_x == 0.2 and g > 0", REGISTRY)
        rows = list(find(search, points=True, sort="-g", columns=["parameters", "g", "factor"]))
    assert [row["g"] for row in rows] == [0.02, 2e-4]
    assert [row["parameters"]["g"] for row in rows] == [0.02, 2e-4]
    assert [row["factor"] for row in rows] == [1.0, 1.0]


def test_cross_section_of_a_point_is_scaled(location):
    """The cross section at a point is that of its sample times the factor of the point."""
    fill(location)
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        run = books.connection.exec_driver_sql
        run("UPDATE samples SET expected_rate = 20.0 WHERE model = 'xmodel'")
        run("UPDATE points SET factor = 0.25")
        facts = {"shape": ["m_y"], "production": "br_x", "unit": "1", "fraction": None}
        text = as_json(facts).replace("'", "''")
        run(
            f"UPDATE definitions SET facts = '{text}' WHERE digest IN"
            " (SELECT definition FROM samples WHERE model = 'ymodel')"
        )
        run("UPDATE samples SET expected_rate = 20.0")
        found = {
            row["model"]: row["cross_section_fb"]
            for row in find(Search(books, None, REGISTRY), points=True)
        }
    assert found == {"xmodel": 5.0, "ymodel": None}


def rated(location):
    """Make books whose samples have rates and whose points have factors; ymodel is no fb."""
    fill(location)
    facts = as_json({"shape": ["m_y"], "production": "br_x", "unit": "1", "fraction": None})
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        run = books.connection.exec_driver_sql
        run("UPDATE samples SET expected_rate = 20.0")
        run("UPDATE points SET factor = 0.5 * (id - id / 3 * 3)")
        run(
            f"UPDATE definitions SET facts = '{facts}' WHERE digest IN"
            " (SELECT definition FROM samples WHERE model = 'ymodel')"
        )
        run(f"UPDATE points SET factor = NULL WHERE sample_id = '{sample_id('xmodel', '4')}'")
        return list(find(Search(books, None, REGISTRY), points=True))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("factor > 0.7", lambda row: row["factor"] and row["factor"] > 0.7),
        ("factor is None", lambda row: row["factor"] is None),
        (
            "cross_section_fb > 8 and g < 0.015",
            lambda row: (row["cross_section_fb"] or 0) > 8 and row["parameters"]["g"] < 0.015,
        ),
        ("cross_section_fb is None", lambda row: row["cross_section_fb"] is None),
        (
            "points == 3 and factor == 0.5",
            lambda row: "m_x" in row["parameters"] and row["factor"] == 0.5,
        ),
        ("points > 3", lambda _: False),
        (
            "model == 'xmodel' and m_x < 0.45 and log10(cross_section_fb) > 1.1",
            lambda row: (
                row["parameters"].get("m_x", 9) < 0.45 and (row["cross_section_fb"] or 0) > 12.6
            ),
        ),
    ],
)
def test_conditions_on_what_points_have(location, expression, holds):
    """A sample matches when a point of it has such a factor or cross section; points themselves."""
    expected = [row["id"] for row in rated(location) if holds(row)]
    assert sorted(ids(location, expression)) == sorted(set(expected))
    assert sorted(ids(location, expression, points=True)) == sorted(expected)


def test_points_are_sorted_by_what_they_have(location):
    """Factors and cross sections sort points; samples sort by what they are generated with."""
    rows = rated(location)
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        search = Search(books, "model == 'xmodel'", REGISTRY)
        found = list(find(search, points=True, sort="-cross_section_fb", columns=["factor"]))
        factors = [row["factor"] for row in found]
        assert factors[:-3] == sorted(factors[:-3], reverse=True)
        assert factors[-3:] == [None, None, None]
        (first, *_) = find(search, sort="-points, -cross_section_fb", columns=["cross_section_fb"])
        assert first["cross_section_fb"] == 20.0
        with pytest.raises(InputError, match="belongs to a point"):
            list(find(search, sort="factor"))
        with pytest.raises(InputError, match="belongs to a point"):
            list(find(search, columns=["factor"]))
    assert len(rows) == 40
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        books.connection.exec_driver_sql("DELETE FROM points")
    assert ids(location, "points == 0 and m_x < 0.15") == [sample_id("xmodel", "0")]


def test_a_parameter_that_only_one_definition_scans_is_asked_of_points(location):
    """Where one process takes a parameter for a rate, its points say what it is, not its sample."""
    fill(location)
    facts = {"shape": [], "production": "xsec_x", "unit": "fb", "fraction": None}
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        books.add_definitions([DefinitionRow("f" * 64, as_json({}), as_json(facts))])
        identity = add_sample(
            *(books, "xmodel", "other", {"m_x": 1.0, "g": 1e-3, "alpha_D": 0.1}),
            root=ROOT,
            points=[{"m_x": 0.55, "g": 1e-3, "alpha_D": 0.1}],
            derive=derive,
        )
        books.connection.exec_driver_sql(
            f"UPDATE samples SET definition = '{'f' * 64}' WHERE id = '{identity}'"
        )
    assert ids(location, "0.5 < m_x < 0.6") == [identity]
    assert identity not in ids(location, "m_x == 1")


def test_a_model_that_left_the_registry_is_still_found(books_at):
    """Samples are found by the names that they carry."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        assert len(list(find(Search(books, "m_x < 0.25", {})))) == 2
        with pytest.raises(InputError, match="m_z"):
            Search(books, "m_z < 1", {})


def near(where, target, expression=None, **options):
    """Return labels and distances of what is nearest."""
    known = {sample_id(model, str(i)): f"{model[0]}{i}" for model in REGISTRY for i in range(10)}
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        found = find_near(Search(books, expression, REGISTRY), target, **options)
        return [(known[row["id"]], row["distance"]) for row in found]


def test_nearest_by_relative_distance(books_at):
    """Distances are differences of logarithms, at most as many as asked for, the nearest first."""
    found = near(books_at, {"m_x": 0.33})
    assert [label for label, _ in found] == ["x2", "x3", "x4", "x1", "x5"]
    assert found[0][1] == pytest.approx(np.log(0.33 / 0.3))
    assert near(books_at, {"m_x": 0.3})[0] == ("x2", 0.0)
    assert len(near(books_at, {"m_x": 0.3}, limit=7)) == 7


def test_nearest_in_a_rate_is_taken_at_points(books_at):
    """A coupling counts where a sample has a point with it; zero is near to zero only."""
    (first, distance), *_ = near(books_at, {"m_x": 0.45, "g": 0.06})
    assert first == "x4"
    assert distance == pytest.approx(np.hypot(np.log(0.5 / 0.45), np.log(0.05 / 0.06)))
    found = near(books_at, {"m_x": 0.8, "g": 0.0}, limit=3)
    assert found[0] == ("x7", 0.0)


def test_nearest_points(books_at):
    """With points there is a row for each, the nearest first, with a condition as well."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        target = {"m_x": 0.45, "g": 0.06}
        search = Search(books, "g > 0", REGISTRY)
        rows = list(find_near(search, target, points=True, limit=100))
        everything = list(find(search, points=True))
    brute = sorted(
        np.hypot(np.log(row["parameters"]["m_x"] / 0.45), np.log(row["parameters"]["g"] / 0.06))
        for row in everything
        if "m_x" in row["parameters"]
    )
    assert [row["distance"] for row in rows] == pytest.approx(brute)
    assert rows[0]["parameters"]["g"] == 0.05
    assert {"factor", "cross_section_fb", "wide"} <= rows[0].keys()
    # what shapes the events is taken at the points, too: three of them are equally near
    found = near(books_at, {"m_x": 0.3}, points=True, limit=4)
    assert [label for label, _ in found] == ["x2", "x2", "x2", "x3"]


def test_nearest_in_a_cross_section(location):
    """The nearest point counts for its sample."""
    rated(location)
    found = near(location, {"cross_section_fb": 12.0}, "model == 'xmodel'", limit=20)
    assert len(found) == 9
    assert found[0][1] == pytest.approx(np.log(12 / 10))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("process == bu_k_hp", "quote it: process == 'bu_k_hp'"),
        ("m_x > 1 or bu_k_hp/mumu == process", "quote it: process == 'bu_k_hp'"),
        ("not (status != planned)", "quote it: status == 'planned'"),
        ("process == 'mumu_inv' and m_xx > 1", "did you mean 'm_x'?"),
        ("process in ('a', 'b')", "a list is written with [ ]"),
        ("process in [mumu_inv]", "put text in quotes"),
        ("isr == none", "'none' for the text"),
    ],
)
def test_words_without_quotes(books_at, expression, hint):
    """A text written like a name, or a list like a tuple, is answered with how to write it."""
    with pytest.raises(InputError) as caught:
        ids(books_at, expression)
    assert hint in caught.value.hint


def test_distance_is_a_column(books_at):
    """The distance may be named among the columns, alone as well; only a target gives one."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        search = Search(books, None, REGISTRY)
        for columns in (["distance"], ["m_x", "distance"]):
            (row,) = find_near(search, {"m_x": 0.31}, columns=columns, limit=1)
            assert set(row) == {"id", *columns}
            assert row["distance"] == pytest.approx(np.log(0.31 / 0.3))
        with pytest.raises(InputError) as caught:
            find(search, columns=["distance"])
    assert "--near" in caught.value.hint


def test_nearest_refuses_what_has_no_distance(books_at):
    """Text and unknown names have no distance."""
    for name in ("status", "m_xx"):
        with pytest.raises(InputError):
            near(books_at, {name: 1.0})
    with pytest.raises(InputError, match="nothing is near"):
        near(books_at, {"m_x": float("nan")})


def plan_of(where, expression, **options):
    """Return how SQLite goes about a query."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        search = Search(books, expression, REGISTRY)
        statements = []
        books.connection.connection.driver_connection.set_trace_callback(statements.append)
        list(find(search, **options))
        statement = next(s for s in statements if s.startswith("SELECT s.id"))
        rows = books.connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement).all()
        return " | ".join(row[3] for row in rows)


def test_ranges_use_the_index_of_the_model(tmp_path):
    """A range is searched in the index and read from it in order; without it, all rows are read."""
    where = str(tmp_path / "mcbook.db")
    fill(where)
    for expression in ("model == 'xmodel' and 0.2 < m_x <= 0.4", "0.2 < m_x <= 0.4"):
        plan = plan_of(where, expression, columns=["parameters"])
        assert plan.startswith("SEARCH s USING INDEX acc_")
        assert "TEMP B-TREE" not in plan
    assert "USING INDEX acc_" in plan_of(where, "m_x < 0.4 and g > 0.01")
    expected = [labels(where, "0.2 < m_x <= 0.7"), labels(where, "m_x < 0.4 and g > 0.01")]
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        accelerator.drop(books.connection)
    assert "acc_" not in plan_of(where, "0.2 < m_x <= 0.4")
    assert expected == [labels(where, "0.2 < m_x <= 0.7"), labels(where, "m_x < 0.4 and g > 0.01")]


def test_indexes_are_made_once_and_follow_the_model(location):
    """The same parameters change nothing; other ones replace the index; results stay the same."""
    fill(location)

    def names():
        with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
            return accelerator._indexes(books.connection)

    before = names()
    assert len(before) == 2
    fill_again = [("xmodel", REGISTRY["xmodel"].parameters), ("xmodel", ("g", "m_x"))]
    with open_catalog(location, mode="write") as catalog:
        catalog.accelerate(*fill_again[0])
        assert names() == before
        catalog.accelerate(*fill_again[1])
    assert len(names()) == 2
    assert names() != before
    assert labels(location, "0.2 < m_x <= 0.4") == ["x2", "x3"]


NUMBERS = st.sampled_from(["0.3", "0.5", "1e-3", "0.02", "2", "0"])
QUANTITIES = st.sampled_from(["m_x", "g", "m_y", "width_x", "ctau_x", "m_chi", "alpha_D"])
TERMS = st.one_of(
    QUANTITIES,
    st.builds("{} * {}".format, QUANTITIES, NUMBERS),
    st.builds("{} / {}".format, QUANTITIES, QUANTITIES),
    st.builds("sqrt({} - {})".format, QUANTITIES, NUMBERS),
)
COMPARISONS = st.one_of(
    st.builds("{} {} {}".format, TERMS, st.sampled_from(["<", "<=", ">", "==", "!="]), NUMBERS),
    st.builds("{} < {} <= {}".format, NUMBERS, TERMS, NUMBERS),
    st.builds("{} is None".format, QUANTITIES),
    st.builds("{} in [0.3, 0.5, 0.02]".format, QUANTITIES),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def fast_and_slow(tmp_path_factory, new_schema):
    """Give the same books with indexes and without, open for reading, and all their points."""
    opened = []
    for fast in (True, False):
        where = new_schema() if new_schema else str(tmp_path_factory.mktemp("books") / "mcbook.db")
        fill(where, fast=fast)
        opened.append(open_catalog(where, mode="read"))
    with opened[0].reading() as books:
        points = list(find(Search(books, None, REGISTRY), points=True))
    yield opened, points
    for catalog in opened:
        catalog.close()


@pytest.mark.thorough
@settings(max_examples=300)
@given(CONDITIONS)
def test_queries_find_what_a_look_at_every_point_finds(fast_and_slow, expression):
    """SQL over samples and points agrees with arrays over all points, with indexes and without."""
    opened, points = fast_and_slow
    values = [{**row["parameters"], **row["derived"]} for row in points]
    columns = {
        name: np.array([np.nan if v.get(name) is None else v[name] for v in values])
        for name in ("m_x", "g", "m_y", "width_x", "ctau_x", "m_chi", "alpha_D")
    }
    holds = np.broadcast_to(parse(expression).evaluate(columns), len(points))
    expected = {row["id"] for row, found in zip(points, holds, strict=True) if found}
    for catalog in opened:
        with catalog.reading() as books:
            rows = list(find(Search(books, expression, REGISTRY), columns=["parameters"]))
            assert {row["id"] for row in rows} == expected
            assert len(rows) == len(expected)
            found_points = list(find(Search(books, expression, REGISTRY), points=True))
            assert len(found_points) == np.count_nonzero(holds)


@given(st.floats(min_value=1e-70, max_value=1e70).map(round9))
def test_sqlite_reads_parameters_exactly(value):
    """Numbers of nine digits come out of JSON as the same doubles, so that == finds them."""
    connection = sqlite3.connect(":memory:")
    cursor = connection.execute("SELECT json_extract(?, '$.a')", (json.dumps({"a": value}),))
    assert cursor.fetchone()[0] == value
    connection.close()
