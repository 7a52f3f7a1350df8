"""Results in the books: found again, followed both ways, carried along, and closed boxes."""

import json
import math
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bookshelf import add_sample, define, location, new_books, sample_id, sha
from hypothesis import given
from hypothesis import strategies as st

from mcbook.catalog import migrations, results
from mcbook.catalog.dump import dump_lines, load_lines
from mcbook.catalog.merge import merge
from mcbook.catalog.migrations import REVISIONS
from mcbook.catalog.result import LimitPoint, Result, is_intact
from mcbook.catalog.store import locked, open_catalog
from mcbook.errors import InputError, WorkError
from mcbook.verbs.results import describe_result, keep, list_results
from mcbook.verbs.unblind import open_box

__all__ = ["location", "new_books"]

ROOT = Path("/nowhere/samples")
SAMPLES = [sample_id("xmodel", label) for label in "abc"]


def point(number, *labels, observed=1.5):
    """Return a point at a mass that rests on some samples."""
    return LimitPoint(
        hypothesis=f"m_x={number}",
        parameters={"m_x": float(number)},
        limits={"observed": observed, "expected": [1, 2, 3.5, 5, 7], "status": "ok"},
        samples=[sample_id("xmodel", label) for label in labels],
    )


def a_result(**changes):
    """Return a result of three points that rest on two of three samples each."""
    result = Result(
        name="search",
        kind="counts",
        frozen=sha("analysis"),
        cl=0.9,
        method="auto",
        document={"luminosity_ifb": 79.7},
        points=[point(1, "a", "b"), point(2, "b", "c"), point(3, "c")],
        inputs={"maps/efficiency.csv": sha("map")},
        model="xmodel",
    )
    return replace(result, **changes)


def fill(where, *, labels="abc"):
    """Make books with some samples."""
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=ROOT)
        for label in labels:
            add_sample(books, "xmodel", label, {"m_x": float(ord(label))}, root=ROOT)


def lines_of(where):
    """Return the dump of books."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        return list(dump_lines(books))


def test_a_result_is_found_by_what_it_is(location):
    """By the beginning of its id, by sample and by digest; the same again changes nothing."""
    fill(location)
    result = a_result()
    first = keep(result, catalog=location)
    before = lines_of(location)
    assert (first["new"], keep(result, catalog=location)["new"]) == (True, False)
    assert lines_of(location) == before
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        assert results.find(books, result.id[:6])["id"] == result.id
        (row,) = results.listed(books, frozen=sha("analysis"))
        assert (row["cl"], row["n_points"], row["model"]) == (0.9, 3, "xmodel")
        assert row["inputs"] == [{"path": "maps/efficiency.csv", "sha256": sha("map")}]
        assert results.listed(books, frozen=sha("other")) == []
        assert results.samples_of(books, result.id) == sorted(SAMPLES)
        found = [results.resting_on(books, sample) for sample in SAMPLES]
        assert [[p["number"] for p in row["points"]] for (row,) in found] == [[1], [1, 2], [2, 3]]
        assert results.resting_on(books, "xmodel-000000000000") == []
        assert [row["id"] for row in results.reading_file(books, sha("map"))] == [result.id]
        assert [p["hypothesis"] for p in results.points_of(books, result.id)] == [
            "m_x=1", "m_x=2", "m_x=3",
        ]  # fmt: skip
        with pytest.raises(InputError, match="no hypothesis 4") as caught:
            results.points_of(books, result.id, 4)
        assert "1 to 3" in caught.value.hint
        with pytest.raises(InputError, match="no result"):
            results.find(books, "r-xyz")


def test_prefix_of_several_results_is_refused_with_the_choice(location):
    """A beginning that several ids have names them."""
    fill(location)
    ids = [keep(a_result(name=name), catalog=location)["id"] for name in "ab"]
    with (
        open_catalog(location, mode="read") as catalog,
        catalog.reading() as books,
        pytest.raises(InputError, match="several") as caught,
    ):
        results.find(books, "r-")
    assert all(name in caught.value.hint for name in ids)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"kind": "workspace"},
        {"frozen": sha("changed")},
        {"cl": 0.95},
        {"method": "exact"},
        {"document": {"luminosity_ifb": 80.0}},
        {"inputs": {"maps/efficiency.csv": sha("other map")}},
        {"model": None},
        {"points": [point(1, "a", "b")]},
        {"points": [point(1, "a"), point(2, "b", "c"), point(3, "c")]},
        {"points": [point(1, "a", "b", observed=1.6), point(2, "b", "c"), point(3, "c")]},
    ],
)
def test_whatever_makes_a_result_is_in_its_id(changes):
    """Inputs, settings, numbers and samples: another one of them, another id."""
    assert a_result(**changes).id != a_result().id


def test_what_makes_no_result_is_not_in_its_id():
    """The place of a file and how a number is written make no other result."""
    result = a_result()
    assert a_result(inputs={"elsewhere/map.csv": sha("map")}).id == result.id
    first = replace(result.points[0], parameters={"m_x": 1}, limits={
        "status": "ok", "expected": (1.0, 2.0, 3.5 + 1e-12, 5, 7), "observed": 1.5,
    })  # fmt: skip
    assert a_result(points=[first, *result.points[1:]]).id == result.id


def test_numbers_of_numpy_are_numbers(location):
    """Arrays and scalars of numpy are kept, and named, like plain numbers."""
    fill(location)
    limits = {"observed": np.float64(1.5), "expected": np.array([1, 2, np.nan]), "n": np.int64(3)}
    plain = {"observed": 1.5, "expected": [1.0, 2.0, None], "n": 3.0}
    made = a_result(points=[replace(point(1), limits=limits, parameters={"m_x": np.float32(1)})])
    assert made.id == a_result(points=[replace(point(1), limits=plain)]).id
    keep(made, catalog=location)
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        (row,) = results.points_of(books, made.id)
        assert row["limits"] == plain
        assert is_intact(results.find(books, made.id), [row])


@given(st.floats() | st.integers() | st.lists(st.floats(allow_nan=False)) | st.none())
def test_the_id_survives_a_database(value):
    """A number has the same id after a database has read it as JSON and made it whole."""
    plain = a_result(points=[replace(point(1), limits={"x": value})])
    kept = results._finite({"x": value})
    back = json.loads(json.dumps(kept), parse_float=lambda text: _as_postgres(float(text)))
    assert a_result(points=[replace(point(1), limits=back)]).id == plain.id


def _as_postgres(value):
    """Return a float as JSONB gives it back: a large one that is whole as an integer."""
    return int(value) if value.is_integer() and abs(value) >= 1e16 else value


def test_numbers_that_are_none_are_kept_as_null(location):
    """NaN and infinity among limits become null; a parameter must be a number."""
    fill(location)
    limits = {"observed": math.nan, "expected": [math.inf, 1.0], "status": "did not converge"}
    result = a_result(points=[replace(point(1, "a"), limits=limits)])
    keep(result, catalog=location)
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        (row,) = results.points_of(books, result.id)
    assert row["limits"] == {**limits, "observed": None, "expected": [None, 1.0]}
    bad = replace(point(1, "a"), parameters={"m_x": math.nan})
    with pytest.raises(InputError, match=r"m_x=1: .* finite"):
        keep(a_result(name="nan", points=[point(2), bad]), catalog=location)
    assert [row["name"] for row in list_results(catalog=location)["results"]] == ["search"]


@pytest.mark.thorough
@pytest.mark.parametrize("changes", [{"cl": 90}, {"cl": math.nan}, {"kind": "x"}, {"frozen": "7"}])
def test_what_is_no_result_is_refused(location, changes):
    """A level in percent, an unknown kind, a digest that is none: nothing is kept."""
    with pytest.raises(InputError):
        keep(a_result(**changes), catalog=location)
    assert list_results(catalog=location) == {"results": [], "unblindings": []}


def test_a_simulation_brings_its_sample(location):
    """A point that names a sample taken through simulation rests on the sample."""
    fill(location)
    simulation = f"{SAMPLES[0]}-s0123abcd"
    made = replace(point(1, "b"), simulations=[simulation])
    result = a_result(points=[made])
    keep(result, catalog=location)
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        (row,) = results.points_of(books, result.id)
        assert row["simulations"] == [simulation]
        assert set(row["samples"]) == set(SAMPLES[:2])
        assert [row["id"] for row in results.resting_on(books, SAMPLES[0])] == [result.id]


def test_without_create_no_catalog_is_made(tmp_path):
    """A result that is kept only where there are books leaves none behind."""
    path = tmp_path / "mcbook.db"
    assert keep(a_result(), catalog=str(path), create=False)["catalog"] is None
    assert not path.exists()


def with_results(new_books, *names, labels="abc", why="review"):
    """Make books with results under these names and one look into the box."""
    where = new_books()
    fill(where, labels=labels)
    look = open_box(where, digest=sha("analysis"), name="search", reason=why)
    for name in names:
        keep(a_result(name=name), catalog=where, unblinding=look["id"])
    return where


def test_dump_and_load_carry_results(new_books):
    """Results, points and looks come back with the same bytes."""
    where = with_results(new_books, "one", "two")
    lines = lines_of(where)
    other = new_books()
    with open_catalog(other, mode="write") as catalog, catalog.writing() as books:
        counts = load_lines(books, lines, "dump")
    assert counts["results"] == 2
    assert counts["limit_points"] == 6
    assert counts["result_samples"] == 6
    assert counts["unblindings"] == 1
    assert lines_of(other) == lines
    assert list_results(catalog=other) == list_results(catalog=where)


@pytest.mark.thorough
def test_damaged_result_in_a_dump_is_refused(new_books):
    """A result whose id does not belong to its digest is not loaded."""
    lines = lines_of(with_results(new_books))
    bad = {"table": "results", "id": "r-000000000000", "digest": sha("x"), "name": "n",
           "kind": "counts", "model": None, "frozen": sha("y"), "cl": 0.9, "method": "exact",
           "created": "2026-01-01T00:00:00Z", "who": "me", "inputs": [], "document": {},
           "unblinding": None}  # fmt: skip
    with (
        open_catalog(new_books(), mode="write") as catalog,
        pytest.raises(InputError, match="does not belong"),
        catalog.writing() as books,
    ):
        load_lines(books, [*lines, json.dumps(bad)], "dump")


def test_merge_is_the_union_of_results(new_books):
    """Results and looks of both are there afterwards; again changes nothing."""
    mine = with_results(new_books, "one", "two", labels="ab", why="mine")
    theirs = with_results(new_books, "two", "three", labels="bc", why="theirs")
    done = []
    for _ in range(2):
        with (
            open_catalog(theirs, mode="read") as other,
            other.reading() as reader,
            open_catalog(mine, mode="write") as catalog,
            catalog.writing() as books,
        ):
            done.append(merge(books, reader))
    new = {name: count for name, count in done[0].new.items() if count}
    assert new["results"] == 1
    assert new["limit_points"] == new["result_samples"] == 3
    assert new["unblindings"] == 1
    assert done[1].new.total() == 0
    found = list_results(catalog=mine)
    assert {row["name"] for row in found["results"]} == {"one", "two", "three"}
    assert [row["why"] for row in found["unblindings"]] == ["mine", "theirs"]


def test_merge_refuses_one_id_for_two_results(new_books):
    """Nothing is taken from books in which an id means something else."""
    mine, theirs = with_results(new_books, "one"), with_results(new_books, "one")
    with open_catalog(theirs, mode="write") as catalog, catalog.writing() as books:
        books.connection.exec_driver_sql(f"UPDATE results SET digest = '{sha('x')}'")
    before = lines_of(mine)
    with (
        open_catalog(theirs, mode="read") as other,
        other.reading() as reader,
        open_catalog(mine, mode="write") as catalog,
        pytest.raises(WorkError, match="two different results"),
        catalog.writing() as books,
    ):
        merge(books, reader)
    assert lines_of(mine) == before


def test_a_result_can_come_before_its_samples(new_books):
    """Samples in other books are named, and found once those are merged."""
    mine, theirs = new_books(), new_books()
    keep(a_result(), catalog=mine)
    fill(theirs)
    with (
        open_catalog(theirs, mode="read") as other,
        other.reading() as reader,
        open_catalog(mine, mode="write") as catalog,
    ):
        with catalog.writing() as books:
            merge(books, reader)
        with catalog.reading() as books:
            assert len(results.resting_on(books, SAMPLES[1])) == 1


def test_first_books_are_upgraded(tmp_path):
    """Books of the first schema get the tables of results and keep what they hold."""
    path = str(tmp_path / "mcbook.db")
    fill(path)
    with sqlite3.connect(path) as connection:
        later = ("result_samples", "limit_points", "results", "unblindings")
        newest = ("tags", "owners", "retirements", "collection_samples", "collections")
        simulated = ("simulated_file_jobs", "simulated_files", "simulation_jobs", "simulations")
        before_them = ("efficiency_rows", "efficiency_maps", "files")
        counted = ("cutflow_rows", "cutflows")
        for name in (*later, *before_them, *newest, *simulated, *counted):
            connection.execute(f"DROP TABLE {name}")
        connection.execute(f"UPDATE mcbook_version SET version_num = '{REVISIONS[0]}'")
    connection.close()
    before = _rows(path, "samples"), _rows(path, "cards")
    keep(a_result(), catalog=path)
    assert (_rows(path, "samples"), _rows(path, "cards")) == before
    assert len(_rows(path, "limit_points")) == 3
    assert _rows(path, "mcbook_version") == [(REVISIONS[-1],)]


def _rows(path, table):
    connection = sqlite3.connect(path)
    try:
        return sorted(connection.execute(f"SELECT * FROM {table}"))
    finally:
        connection.close()


def test_first_step_makes_the_first_schema(location):
    """Steps can be taken one by one, on every database."""
    from alembic import command
    from alembic.config import Config

    from mcbook.catalog.connect import make_engine, parse_location

    engine = make_engine(parse_location(location), create=True)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with locked(engine, upgrading=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, REVISIONS[0])
    engine.dispose()
    fill(location)
    assert keep(a_result(), catalog=location)["new"]


# --- closed boxes


def test_opening_a_box_is_recorded_first(location, tmp_path):
    """Who, when, why, the digest and the files are in the books when `open_box` returns."""
    counts = tmp_path / "observed.csv"
    counts.write_text("hypothesis,observed\n1,4\n")
    look = open_box(
        location, digest=sha("analysis"), name="search", reason=" approved\nby review ",
        files=[counts],
    )  # fmt: skip
    (kept,) = list_results(catalog=location)["unblindings"]
    assert kept["id"] == look["id"]
    assert (kept["analysis"], kept["frozen"]) == ("search", sha("analysis"))
    assert kept["why"] == "approved by review"
    assert kept["who"]
    assert kept["at"].endswith("Z")
    assert kept["files"] == [{"path": str(counts), "sha256": sha(counts.read_text())}]
    assert look["before"] == look["warnings"] == []


def test_observed_limits_of_an_analysis_want_a_look(location):
    """Without one, or with one into another analysis, only expected limits are kept."""
    fill(location)
    observed = a_result(kind="analysis")
    closed = replace(observed, points=[point(1, "a", observed=None), point(2, observed=math.nan)])
    assert keep(closed, catalog=location)["new"]
    with pytest.raises(WorkError, match="box is closed"):
        keep(observed, catalog=location)
    other = open_box(location, digest=sha("other"), name="search", reason="x")
    with pytest.raises(WorkError, match="none into this analysis"):
        keep(observed, catalog=location, unblinding=other["id"])
    look = open_box(location, digest=sha("analysis"), name="search", reason="x")
    assert keep(observed, catalog=location, unblinding=look["id"])["new"]
    found = {row["unblinding"] for row in list_results(catalog=location)["results"]}
    assert found == {None, look["id"]}


def test_every_look_is_kept(location):
    """Opening the same box again, even for the same reason, is another look."""
    for _ in range(3):
        look = open_box(location, digest=sha("analysis"), name="search", reason="again")
    assert len({row["id"] for row in list_results(catalog=location)["unblindings"]}) == 3
    assert [row["changed"] for row in look["before"]] == [False, False]
    assert look["warnings"] == []


def test_a_change_after_a_look_is_told(location):
    """An analysis that was changed after its box was opened carries that look with it."""
    open_box(location, digest=sha("first"), name="search", reason="approved")
    look = open_box(location, digest=sha("second"), name="search", reason="fixed a bug")
    assert [row["changed"] for row in look["before"]] == [True]
    (warning,) = look["warnings"]
    assert sha("first")[:12] in warning
    assert "approved" in warning
    again = open_box(location, digest=sha("first"), name="search", reason="back")
    assert [row["changed"] for row in again["before"]] == [False, True]
    looks = list_results(catalog=location)["unblindings"]
    assert [row["changed"] for row in looks] == [False, True, True]


def test_a_new_name_hides_nothing(location, tmp_path):
    """The same counts, or the same analysis, under another name are the same box."""
    counts, others = tmp_path / "observed.csv", tmp_path / "others.csv"
    counts.write_text("4")
    others.write_text("5")
    open_box(location, digest=sha("a"), name="one", reason="x", files=[counts])
    renamed = open_box(location, digest=sha("b"), name="two", reason="x", files=[counts])
    assert [row["changed"] for row in renamed["before"]] == [True]
    same = open_box(location, digest=sha("a"), name="three", reason="x")
    assert [(row["analysis"], row["changed"]) for row in same["before"]] == [("one", False)]
    unrelated = open_box(location, digest=sha("c"), name="four", reason="x", files=[others])
    assert unrelated["before"] == []


@pytest.mark.parametrize("reason", ["", "  ", "\n\t"])
def test_no_reason_no_look(tmp_path, reason):
    """Without a reason nothing is opened and no catalog is made."""
    path = tmp_path / "mcbook.db"
    with pytest.raises(InputError, match="stays closed: no reason"):
        open_box(str(path), digest=sha("a"), name="search", reason=reason)
    assert not path.exists()


def test_box_stays_closed_where_the_look_cannot_be_recorded(tmp_path):
    """No folder, no database, books that refuse the row, a file that is missing: refused."""
    notes = tmp_path / "notes.txt"
    notes.write_text("no database, but long enough to be taken for one\n" * 50)
    books = tmp_path / "mcbook.db"
    fill(str(books))
    opening = {"digest": sha("a"), "name": "search", "reason": "x"}
    for where in (tmp_path / "no" / "mcbook.db", notes, tmp_path):
        with pytest.raises(InputError, match="stays closed"):
            open_box(str(where), **opening)
    with pytest.raises(InputError, match=r"stays closed: .* is no file"):
        open_box(str(books), **opening, files=[tmp_path / "missing.csv"])
    with pytest.raises(InputError, match="64 hex digits"):
        open_box(str(books), **{**opening, "digest": "abc"})
    with sqlite3.connect(books) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON unblindings"
            " BEGIN SELECT RAISE(ABORT, 'these books are closed'); END"
        )
    connection.close()
    with pytest.raises(WorkError, match="these books are closed"):
        open_box(str(books), **opening)
    assert list_results(catalog=str(books))["unblindings"] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_box_stays_closed_with_books_that_are_read_only(tmp_path):
    """A catalog without write permission refuses the look."""
    path = tmp_path / "mcbook.db"
    fill(str(path))
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises((InputError, WorkError), match="stays closed"):
            open_box(str(path), digest=sha("a"), name="search", reason="x")
    finally:
        tmp_path.chmod(0o755)


def test_the_record_stays_when_the_work_fails(location):
    """What goes wrong after the look does not undo it."""
    look = open_box(location, digest=sha("analysis"), name="search", reason="x")
    with pytest.raises(InputError):
        keep(a_result(cl=95), catalog=location, unblinding=look["id"])
    with pytest.raises(WorkError):
        keep(a_result(), catalog=location, unblinding="u-000000000000")
    assert [row["id"] for row in list_results(catalog=location)["unblindings"]] == [look["id"]]


@pytest.mark.thorough
def test_what_was_edited_is_seen(location, tmp_path):
    """The id of a look and of a result is a hash of the rest: nobody edits one unseen."""
    fill(location)
    open_box(location, digest=sha("analysis"), name="search", reason="x")
    keep(a_result(), catalog=location)

    def intact():
        with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
            return describe_result(books, "r-")["intact"]

    assert intact()
    assert list_results(catalog=location)["unblindings"][0]["intact"]
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        books.connection.exec_driver_sql("UPDATE unblindings SET why = 'approved'")
        books.connection.exec_driver_sql("UPDATE limit_points SET hypothesis = 'x'")
    assert not intact()
    assert not list_results(catalog=location)["unblindings"][0]["intact"]
    lines = lines_of(location)
    with (
        open_catalog(str(tmp_path / "o.db"), mode="write") as catalog,
        pytest.raises(InputError, match="does not belong"),
        catalog.writing() as books,
    ):
        load_lines(books, lines, "dump")
