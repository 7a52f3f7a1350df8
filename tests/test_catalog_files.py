"""Files with events in the books: states that follow, dumps, and the books of two people."""

from pathlib import Path

import pytest
from bookshelf import add_sample, define, location, new_books, sha

from mcbook.catalog import files
from mcbook.catalog.dump import dump_lines, load_lines
from mcbook.catalog.files import cross_section, enter, fail, mark
from mcbook.catalog.json_text import as_json
from mcbook.catalog.merge import merge
from mcbook.catalog.rows import FileRow
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError, WorkError
from mcbook.verbs import books as books_verbs

__all__ = ["location", "new_books"]

ROOT = Path("/nowhere/samples")


def a_file(sample, part, *, events=1000, bytes_="", tier="lhe", storage="samples", **more):
    """Return the row of a file."""
    values = {
        "sha256": sha(f"{sample}{part}{tier}{bytes_}"), "sample_id": sample, "part": part,
        "tier": tier, "storage": storage, "path": f"{sample}/events/{part:04d}.{tier}", "size": 10,
        "events": events, "cross_section_fb": 2.0, "cross_section_error_fb": 0.1,
        "version": "3.5.7", "facts": as_json({"seed": part, "cpu_s": 3.0}), "at": "", "who": "",
    }  # fmt: skip
    return FileRow(**values | more)


def fill(where, *, seeds=(11, 12), made=(), root=ROOT):
    """Make books with one sample of some parts, of which some are made; return its id."""
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=root)
        sample = add_sample(books, "xmodel", "a", {"m_x": 1.0}, root=root, seeds=seeds,
                            status="planned")  # fmt: skip
        enter(books, [a_file(sample, part) for part in made])
        return sample


def state(where, sample):
    """Return state and events of a sample, and the states of its parts."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        connection = books.connection
        found = connection.exec_driver_sql("SELECT id, status, n_events FROM samples").all()
        ((_, status, events),) = [row for row in found if row[0] == sample]
        return status, events, [part.status for part in books.parts_of([sample])[sample]]


def writing(where):
    """Open books for writing."""
    return open_catalog(where, mode="write")


def test_states_follow(location):
    """A sample is planned, running, generated or failed, as its parts are."""
    sample = fill(location)
    assert state(location, sample) == ("planned", 0, ["planned"] * 2)
    with writing(location) as catalog:
        with catalog.writing() as books:
            assert enter(books, [a_file(sample, 1)]) == 1
        assert state(location, sample) == ("running", 1000, ["generated", "planned"])
        with catalog.writing() as books:
            fail(books, sample, 2, {"reason": "x", "log": None})
        assert state(location, sample) == ("failed", 1000, ["generated", "failed"])
        with catalog.writing() as books:
            enter(books, [a_file(sample, 2, events=500)])
        assert state(location, sample) == ("generated", 1500, ["generated"] * 2)
        with catalog.writing() as books:
            mark(books, files.PLANNED, [(sample, 2)])
        assert state(location, sample)[0] == "running"


def test_the_same_file_counts_once(location):
    """Again is nothing new; for another part, or other bytes for the same, it is an error."""
    sample = fill(location, made=(1,))
    with writing(location) as catalog:
        with catalog.writing() as books:
            assert enter(books, [a_file(sample, 1)]) == 0
        with pytest.raises(WorkError, match="in the books already"), catalog.writing() as books:
            enter(books, [a_file(sample, 2, sha256=a_file(sample, 1).sha256)])
        with pytest.raises(WorkError, match="refuse"), catalog.writing() as books:
            enter(books, [a_file(sample, 1, bytes_="other")])
    assert state(location, sample) == ("running", 1000, ["generated", "planned"])


def test_dump_and_load(new_books):
    """Files are in the dump, and come back as they were; one that leads elsewhere is refused."""
    where, other = new_books(), new_books()
    sample = fill(where, made=(1, 2))
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        lines = list(dump_lines(books))
    assert sum('"table":"files"' in line for line in lines) == 2
    with writing(other) as catalog:
        with catalog.writing() as books:
            load_lines(books, lines, "dump")
        with catalog.reading() as books:
            assert list(dump_lines(books)) == lines
    assert state(other, sample) == state(where, sample)
    bad = [line.replace(f"{sample}/events", "../events") for line in lines]
    with (
        writing(new_books()) as catalog,
        pytest.raises(InputError, match="leaves the samples folder"),
        catalog.writing() as books,
    ):
        load_lines(books, bad, "dump")


def join(mine, theirs):
    """Merge books into others."""
    with (
        writing(mine) as catalog,
        open_catalog(theirs, mode="read") as other,
        other.reading() as reader,
        catalog.writing() as books,
    ):
        return merge(books, reader)


def test_merge(new_books):
    """What somebody else made is made; again changes nothing, and twice made is refused."""
    mine, theirs = new_books(), new_books()
    sample = fill(mine, made=(1,))
    fill(theirs, made=(1, 2))
    assert join(mine, theirs).new["files"] == 1
    assert state(mine, sample) == ("generated", 2000, ["generated"] * 2)
    assert join(mine, theirs).new.total() == 0
    again = new_books()
    fill(again)
    with writing(again) as catalog, catalog.writing() as books:
        enter(books, [a_file(sample, 1, bytes_="made twice")])
    before = state(mine, sample)
    with pytest.raises(WorkError, match="made in both books"):
        join(mine, again)
    assert state(mine, sample) == before


def test_merge_of_parts_with_other_numbers(new_books):
    """Two people made part 1, with seeds of their own: one becomes part 2, with its file."""
    mine, theirs = new_books(), new_books()
    sample = fill(mine, seeds=(11,), made=(1,))
    fill(theirs, seeds=(99,), made=(1,), root=Path("/elsewhere/samples"))
    with writing(theirs) as catalog, catalog.writing() as books:
        books.change("UPDATE files SET sha256 = ? WHERE part = ?", [(sha("theirs"), 1)])
    join(mine, theirs)
    assert state(mine, sample) == ("generated", 2000, ["generated"] * 2)
    with open_catalog(mine, mode="read") as catalog, catalog.reading() as books:
        rows = files.of_sample(books, sample)
        assert [(row["part"], row["storage"]) for row in rows] == [(1, "samples"), (2, "samples-2")]
        assert [part.seed for part in books.parts_of([sample])[sample]] == [11, 99]


def test_cross_section():
    """Parts weigh as their events do, and their errors are independent."""
    rows = [
        {"events": 100, "cross_section_fb": 2.0, "cross_section_error_fb": 0.1},
        {"events": 300, "cross_section_fb": 4.0, "cross_section_error_fb": 0.2},
        {"events": 50, "cross_section_fb": None, "cross_section_error_fb": None},
    ]
    value, error = cross_section(rows)
    assert value == pytest.approx(3.5)
    assert error == pytest.approx(((100 * 0.1) ** 2 + (300 * 0.2) ** 2) ** 0.5 / 400)
    assert cross_section(rows[2:]) is None
    assert cross_section([]) is None


def test_copy(new_books):
    """A copy holds the same, and finds the files; it goes into empty books only."""
    where, other = new_books(), new_books()
    sample = fill(where, made=(1,))
    assert books_verbs.copy(where, other, dry_run=True)["rows"]["files"] == 1
    found = books_verbs.copy(where, other)
    assert found["rows"] | {"samples": 1, "parts": 2, "files": 1} == found["rows"]
    assert state(other, sample) == state(where, sample)
    dumps = []
    for place in (where, other):
        with open_catalog(place, mode="read") as catalog, catalog.reading() as books:
            dumps.append([line for line in dump_lines(books) if '"table":"roots"' not in line])
            assert books.roots() == {"samples": ROOT}
    assert dumps[0] == dumps[1]
    with pytest.raises(InputError, match="holds rows already"):
        books_verbs.copy(where, other)
    with pytest.raises(InputError, match="onto itself"):
        books_verbs.copy(where, where)
    with pytest.raises(InputError):
        books_verbs.copy("/nowhere/at/all.db", new_books())
