"""Books become lines and come back; two people's books become one."""

import json
from pathlib import Path

import pytest
from bookshelf import add_sample, define, location, new_books, sample_id, sha
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcbook.catalog.dump import dump_lines, load_lines
from mcbook.catalog.merge import merge
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError, WorkError

__all__ = ["location", "new_books"]

ROOT = Path("/nowhere/samples")


def fill(where, labels, *, seed=100, cards="", root=ROOT):
    """Make books with one sample for each label; return their dump."""
    with open_catalog(where, mode="write") as catalog:
        with catalog.writing() as books:
            for model in ("xmodel", "ymodel"):
                define(books, model, root=root)
            for label in labels:
                model = "xmodel" if ord(label) % 2 else "ymodel"
                add_sample(
                    *(books, model, label, {"m_x": float(ord(label)), "g": 1e20}),
                    root=root,
                    seeds=(seed + 10 * ord(label), seed + 10 * ord(label) + 1),
                    derive=lambda p: {"width_x": p["m_x"] / 3, "ctau_x": None},
                    cards=cards,
                )
        return lines_of(catalog)


def lines_of(catalog):
    """Return the dump of an open catalog."""
    with catalog.reading() as books:
        return list(dump_lines(books))


def merged(where, *others):
    """Merge books into those at *where*; return what each merge did, and the dump at the end."""
    done = []
    with open_catalog(where, mode="write") as catalog:
        for other in others:
            with (
                open_catalog(other, mode="read") as theirs,
                theirs.reading() as reader,
                catalog.writing() as books,
            ):
                done.append(merge(books, reader))
        return done, lines_of(catalog)


def test_dump_and_load_give_the_same_books(new_books, tmp_path):
    """A dump loads into any database, and the books there give the same bytes."""
    lines = fill(new_books(), "abc")
    assert len(lines) == 1 + 2 + 1 + 1 + 3 + 3 + 6 + 9 + 2 + 3
    for where in (new_books(), str(tmp_path / "other.db")):
        with open_catalog(where, mode="write") as catalog:
            with catalog.writing() as books:
                counts = load_lines(books, lines, "dump")
            assert counts["samples"] == 3
            assert lines_of(catalog) == lines


def test_dump_does_not_depend_on_the_order_of_writing(new_books):
    """The same books filled in another order give the same bytes."""
    assert fill(new_books(), "abcd") == fill(new_books(), "dbca")


def test_dump_reads_as_json(location):
    """Every line is one JSON object with finite numbers, its keys sorted."""
    for line in fill(location, "ab"):
        value = json.loads(line)
        assert list(value) == sorted(value)


def damaged(lines, table, changes):
    """Return the lines with values of the first row of a table changed."""
    out, done = [], False
    for line in lines:
        value = json.loads(line)
        if not done and value.get("table") == table:
            value |= changes
            done = True
        out.append(json.dumps({k: v for k, v in value.items() if v != "gone"}))
    return out


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        ("samples", {"n_events": "many"}, "dump:6: n_events"),
        ("samples", {"id": "xmodel-000000000000"}, "does not belong"),
        ("samples", {"colour": "red"}, "colour"),
        ("samples", {"status": "gone"}, "status"),
        ("samples", {"parameters": {"m_x": float("nan")}}, "NaN"),
        ("samples", {"directory": "../../etc"}, "leaves the samples folder"),
        ("definitions", {"facts": {}}, "dump:2: facts must have fraction"),
        ("cards", {"path": "/etc/passwd"}, "leaves the samples folder"),
        ("parts", {"table": "recipes"}, "recipes"),
    ],
)
def test_damaged_dump_is_refused(tmp_path, table, changes, message):
    """A line that is not one of a dump is refused with its number, and nothing is kept."""
    lines = damaged(fill(str(tmp_path / "a.db"), "a"), table, changes)
    with open_catalog(str(tmp_path / "b.db"), mode="write") as catalog:
        with pytest.raises(InputError, match=message), catalog.writing() as books:
            load_lines(books, lines, "dump")
        assert len(lines_of(catalog)) == 1


@pytest.mark.parametrize(
    "lines", [[], ["{"], ["[]"], ["{}"], ['{"mcbook":"books","schema":1,"revision":"9999"}']]
)
def test_what_is_no_dump_is_refused(tmp_path, lines):
    """A file without the first line of a dump, or of a later one, is an input error."""
    with (
        open_catalog(str(tmp_path / "b.db"), mode="write") as catalog,
        pytest.raises(InputError, match="dump"),
        catalog.writing() as books,
    ):
        load_lines(books, lines, "dump")


def test_load_does_not_touch_books_with_rows(location):
    """Loading is for empty books."""
    lines = fill(location, "a")
    with (
        open_catalog(location, mode="write") as catalog,
        pytest.raises(InputError, match="not empty"),
        catalog.writing() as books,
    ):
        load_lines(books, lines, "dump")


def test_merge_gives_the_union(new_books):
    """Two books become the one that a single person would have; again changes nothing."""
    mine, theirs = new_books(), new_books()
    fill(mine, "abc")
    fill(theirs, "bcde")
    (first, second), lines = merged(mine, theirs, theirs)
    assert lines == fill(new_books(), "abcde")
    assert first.new["samples"] == 2
    assert first.new["parts"] == 4
    assert not first.warnings
    assert second.new.total() == 0


@pytest.mark.thorough
@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_merge_does_not_care_who_merges(tmp_path_factory, mine, theirs):
    """Either book merged into the other gives the same books."""
    folder = tmp_path_factory.mktemp("merge")
    for name in ("a1", "a2"):
        fill(str(folder / name), sorted(mine))
    for name in ("b1", "b2"):
        fill(str(folder / name), sorted(theirs))
    _, one = merged(str(folder / "a1"), str(folder / "b1"))
    _, other = merged(str(folder / "b2"), str(folder / "a2"))
    assert one == other


def test_merge_joins_parts_of_one_sample(new_books, tmp_path):
    """Parts with other seeds are added under free numbers and stay where they lie."""
    mine, theirs = new_books(), new_books()
    fill(mine, "a", seed=100)
    fill(theirs, "a", seed=500, root=tmp_path / "theirs")
    (first, again), _ = merged(mine, theirs, theirs)
    assert first.new["samples"] == 0
    assert first.new["parts"] == 2
    assert again.new.total() == 0
    with open_catalog(mine, mode="read") as catalog, catalog.reading() as books:
        identity = sample_id("xmodel", "a")
        parts = books.parts_of([identity])[identity]
        assert [(p.number, p.seed, p.directory[-4:]) for p in parts] == [
            (1, 1070, "0001"),
            (2, 1071, "0002"),
            (3, 1470, "0001"),
            (4, 1471, "0002"),
        ]
        assert [books.root_path(p.storage) for p in parts[1:3]] == [ROOT, tmp_path / "theirs"]
        cards = books.connection.exec_driver_sql("SELECT path FROM cards WHERE part = 3")
        assert cards.scalars().all() == [f"{identity}/parts/0001/launch.mg5"]


def test_merge_refuses_a_part_with_other_cards(new_books):
    """The same sample and seed with another checksum is refused, and nothing of it is kept."""
    mine, theirs = new_books(), new_books()
    before = fill(mine, "ab")
    fill(theirs, "abz", cards="edited")
    with pytest.raises(WorkError, match="other cards"):
        merged(mine, theirs)
    with open_catalog(mine, mode="read") as catalog:
        assert lines_of(catalog) == before


def test_merge_reports_equal_seeds_of_different_samples(new_books):
    """Two samples with one seed are both kept, and somebody is told."""
    mine, theirs = new_books(), new_books()
    fill(mine, "a", seed=100)
    fill(theirs, "b", seed=90)
    (done,), _ = merged(mine, theirs)
    assert done.new["parts"] == 2
    assert [text.split()[-1] for text in done.warnings] == ["1070", "1071"]


def test_merge_says_when_cards_of_a_sample_differ(new_books):
    """Cards of a sample that differ in bytes only are kept as they are here, and reported."""
    mine, theirs = new_books(), new_books()
    fill(mine, "a", seed=100)
    fill(theirs, "a", seed=500, cards="comment")
    (done,), _ = merged(mine, theirs)
    assert len(done.warnings) == 1
    with open_catalog(mine, mode="read") as catalog, catalog.reading() as books:
        own = books.connection.exec_driver_sql("SELECT sha256 FROM cards WHERE part = 0").scalar()
    assert own == sha(sample_id("xmodel", "a"))


def test_merge_keeps_the_larger_target(new_books):
    """The number of events aimed at is the larger one of both books."""
    mine, theirs = new_books(), new_books()
    for where, target in ((mine, 5000), (theirs, 7000)):
        fill(where, "a")
        with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
            books.raise_events([(sample_id("xmodel", "a"), target, 0)])
    merged(mine, theirs)
    with open_catalog(mine, mode="read") as catalog, catalog.reading() as books:
        found = books.connection.exec_driver_sql("SELECT events_target FROM samples").scalar()
    assert found == 7000
