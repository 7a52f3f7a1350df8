"""Collections: lists of samples that never change, and what is told when the books do."""

import pytest
from bookshelf import location, new_books
from hypothesis import given
from hypothesis import strategies as st
from life_books import ROOT, A, B, C, a_file, fill, ids, join, writing

from mcbook.catalog import collection
from mcbook.catalog.files import enter
from mcbook.errors import InputError, WorkError
from mcbook.verbs.collection import create_collection, list_collections, show_collection
from mcbook.verbs.lifecycle import retire
from mcbook.verbs.show import show

__all__ = ["location", "new_books"]

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
CONTENTS = st.dictionaries(st.text(min_size=1), st.lists(SHA, unique=True, max_size=4), max_size=5)


@given(CONTENTS, st.randoms())
def test_order_does_not_count(contents, random):
    """The digest is the same in whatever order samples and files come."""
    shuffled = list(contents.items())
    random.shuffle(shuffled)
    other = {identity: random.sample(files, len(files)) for identity, files in shuffled}
    assert collection.digest_of(other) == collection.digest_of(contents)
    assert len(collection.digest_of(contents)) == 64


@given(CONTENTS, CONTENTS)
def test_other_contents_have_other_digests(one, other):
    """Contents are told apart, down to which file is of which sample."""
    same = {i: set(f) for i, f in one.items()} == {i: set(f) for i, f in other.items()}
    assert (collection.digest_of(one) == collection.digest_of(other)) == same


@pytest.fixture
def books_at(location):
    """Give books with three samples, of which the first has events."""
    fill(location)
    writing(location, lambda books: enter(books, [a_file(A)]))
    return location


def test_create(books_at):
    """The same again is nothing new; the same name for something else is refused."""
    asked = ("paper-2026", "m_x < 2.5")
    dry = create_collection(*asked, catalog=books_at, dry_run=True)
    assert list_collections(catalog=books_at) == []
    made = create_collection(*asked, note="for the paper", catalog=books_at)
    assert made == dry
    assert made | {"new": True, "samples": 2, "files": 1, "events": 1000} == made
    assert made["id"].startswith("c-")
    assert len(made["id"]) == 14
    again = create_collection(*asked, note="other words", catalog=books_at)
    assert again == made | {"new": False}
    with pytest.raises(InputError, match="has other samples or files") as caught:
        create_collection("paper-2026", "m_x < 1.5", catalog=books_at)
    assert "use another name" in caught.value.hint
    other = create_collection("thesis", "m_x < 2.5", catalog=books_at)
    assert (other["digest"], other["new"]) == (made["digest"], True)
    assert other["id"] != made["id"]
    one, two = list_collections(catalog=books_at)
    assert {one["name"], two["name"]} == {"paper-2026", "thesis"}
    (row,) = [row for row in (one, two) if row["note"]]
    assert row | {"id": made["id"], "note": "for the paper", "samples": 2} == row
    assert row["who"]


def test_queries_and_show(books_at):
    """Samples are found by the name or the id of a collection, and tell which ones they are in."""
    made = create_collection("paper", "m_x < 2.5", catalog=books_at)
    create_collection("v1", "m_x < 1.5", catalog=books_at)
    assert ids(books_at, "collection == 'paper'") == [A, B]
    assert ids(books_at, f"collection == '{made['id']}'") == [A, B]
    assert ids(books_at, "collection != 'paper'") == [C]
    assert ids(books_at, "collection == 'paper' and collection != 'v1'") == [B]
    assert ids(books_at, "collection in ['v1', 'x']") == [A]
    assert ids(books_at, "collection is None") == [C]
    assert show(A, catalog=books_at)["collections"] == ["paper", "v1"]
    assert show_collection(made["id"][:6], catalog=books_at)["name"] == "paper"
    with pytest.raises(InputError, match="no collection 'papr'") as caught:
        show_collection("papr", catalog=books_at)
    assert "paper" in caught.value.hint


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "c-0123456789ab", "c-", "-x", "a/b", "é"])
def test_wrong_names(books_at, name):
    """A name is of a few signs and no id."""
    with pytest.raises(InputError, match="is no name of a collection"):
        create_collection(name, "m_x > 0", catalog=books_at)


def test_nothing_makes_no_collection(books_at):
    """What matches nothing is no error and no collection; an empty expression is an error."""
    made = create_collection("none", "m_x > 99", catalog=books_at)
    assert (made["id"], made["new"], made["samples"]) == (None, False, 0)
    with pytest.raises(InputError, match="expression is empty"):
        create_collection("all", " ", catalog=books_at)
    with pytest.raises(InputError, match="note is empty"):
        create_collection("all", "m_x > 0", note=" ", catalog=books_at)
    assert list_collections(catalog=books_at) == []


def test_retired_samples(books_at):
    """They stay in old collections, and come into new ones only by being named."""
    create_collection("old", "m_x < 2.5", catalog=books_at)
    retire(B, reason="wrong width", catalog=books_at)
    shown = show_collection("old", catalog=books_at)
    (row,) = shown["retired"]
    assert row | {"id": B, "why": "wrong width", "since": True} == row
    assert not shown["intact"]
    with pytest.raises(InputError, match=f"{B} is retired: wrong width") as caught:
        create_collection("new", "m_x < 2.5", catalog=books_at)
    assert "--with-retired" in caught.value.hint
    assert create_collection("new", "m_x < 2.5 and status != 'retired'", catalog=books_at)["new"]
    made = create_collection("all", "m_x < 2.5", with_retired=True, catalog=books_at)
    assert made["samples"] == 2
    (row,) = show_collection("all", catalog=books_at)["retired"]
    assert not row["since"]


@pytest.fixture
def on_disk(books_at, tmp_path):
    """Give books whose files are on disk."""
    folder = tmp_path / "samples"
    writing(books_at, lambda books: books.change(
        "UPDATE roots SET path = ? WHERE path = ?", [(str(folder), str(ROOT))]
    ))  # fmt: skip
    for identity in (A, B):
        (folder / identity).mkdir(parents=True)
        (folder / identity / "1.lhe").write_text("0123456789")
    return books_at, folder


def test_what_has_changed_since(on_disk):
    """Added files, lost ones, and those that are gone from the disk are told."""
    where, folder = on_disk
    create_collection("v1", "m_x < 2.5", catalog=where)
    shown = show_collection("v1", catalog=where)
    assert shown["intact"]
    assert shown["events"] == 1000
    was = {"id": A, "status": "generated", "n_events": 1000, "files": 1}
    assert was in shown["samples"]
    assert [row["id"] for row in shown["samples"]] == sorted([A, B])
    assert (shown["added"], shown["lost"], shown["retired"], shown["gone"]) == ([], [], [], [])
    writing(where, lambda books: enter(books, [a_file(B)]))
    shown = show_collection("v1", catalog=where)
    (added,) = shown["added"]
    assert (added["sample"], added["sha256"]) == (B, a_file(B).sha256)
    assert added["path"] == str(folder / B / "1.lhe")
    assert not shown["intact"]
    with pytest.raises(InputError, match="other samples or files"):
        create_collection("v1", "m_x < 2.5", catalog=where)
    (folder / A / "1.lhe").write_text("short")
    (lost,) = show_collection("v1", catalog=where)["lost"]
    assert (lost["sample"], lost["reason"]) == (A, "it is not there as it was")
    writing(where, lambda books: books.change(
        "DELETE FROM files WHERE sample_id = ?", [(A,)]
    ))  # fmt: skip
    (lost,) = show_collection("v1", catalog=where)["lost"]
    assert lost | {"path": None, "reason": "it is no longer in the books"} == lost


def test_what_was_edited_is_refused(books_at):
    """A list that somebody changed in the database is not shown as the one that was kept."""
    create_collection("v1", "m_x < 2.5", catalog=books_at)
    writing(books_at, lambda books: books.change(
        "DELETE FROM collection_samples WHERE sample_id = ?", [(B,)]
    ))  # fmt: skip
    with pytest.raises(WorkError, match="not as it was recorded"):
        show_collection("v1", catalog=books_at)


def test_one_name_in_two_books(new_books):
    """Both are kept and told apart by their ids; equal ones are one."""
    mine, theirs = new_books(), new_books()
    fill(mine)
    fill(theirs)
    for where in (mine, theirs):
        create_collection("same", "m_x < 2.5", catalog=where)
    one = create_collection("v1", "m_x < 1.5", catalog=mine)["id"]
    other = create_collection("v1", "m_x < 2.5", catalog=theirs)["id"]
    done = join(mine, theirs)
    (warning,) = done.warnings
    assert "the collection v1 has other contents" in warning
    assert one in warning
    assert other in warning
    assert len(list_collections(catalog=mine)) == 3
    for ask in (
        lambda: show_collection("v1", catalog=mine),
        lambda: ids(mine, "collection == 'v1'"),
    ):
        with pytest.raises(InputError, match="several collections") as caught:
            ask()
        assert one in caught.value.hint
    assert ids(mine, f"collection == '{one}'") == [A]
    assert ids(mine, "collection == 'same' and tag != 'v1'") == [A, B]
    assert ids(mine, "collection == 'same' or tag == 'v1'") == [A, B]
    assert ids(mine, f"collection == '{other}'") == [A, B]
    assert show_collection(other, catalog=mine)["id"] == other
    with pytest.raises(InputError, match="other samples"):
        create_collection("v1", "m_x > 2.5", catalog=mine)
    assert not create_collection("v1", "m_x < 2.5", catalog=mine)["new"]
    again = join(mine, theirs)
    assert again.new.total() == 0
