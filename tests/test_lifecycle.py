"""Tags, notes, owners and retirements in the books, on both databases, alone and merged."""

import json
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from bookshelf import add_sample, define, location, new_books, sample_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from life_books import REGISTRY, ROOT, A, B, C, a_file, fill, ids, join, lines_of, writing

from mcbook.catalog import collection, lifecycle, merge_words, migrations
from mcbook.catalog.connect import make_engine, parse_location
from mcbook.catalog.dump import load_lines
from mcbook.catalog.files import enter, fail, settle
from mcbook.catalog.find import find, find_near
from mcbook.catalog.migrations import REVISIONS
from mcbook.catalog.query import Search
from mcbook.catalog.store import locked, open_catalog
from mcbook.catalog.writer import Writer
from mcbook.errors import InputError, WorkError
from mcbook.verbs import books as books_verbs
from mcbook.verbs.lifecycle import note, own, retire, tag
from mcbook.verbs.show import show

__all__ = ["location", "new_books"]


@pytest.fixture
def books_at(location):
    """Give books with three samples: a is golden and v1, b is v1, c has no tag."""
    fill(location)
    tag("m_x == 1", add=["golden", "v1"], catalog=location)
    tag(B, add=["v1"], catalog=location)
    return location


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("tag == 'golden'", [A]),
        ("'golden' == tag", [A]),
        ("tag != 'golden'", [B, C]),
        ("not tag == 'golden'", [B, C]),
        ("tag == 'v1' and tag != 'golden'", [B]),
        ("tag == 'golden' and tag == 'v1'", [A]),
        ("tag in ['golden', 'none']", [A]),
        ("tag not in ['golden', 'v2']", [B, C]),
        ("tag is None", [C]),
        ("tag is not None", [A, B]),
        ("tag == 'GOLDEN'", []),
        ("tag == 'golden' or m_x > 2.5", [A, C]),
        ("model == 'xmodel' and m_x < 2.5 and tag == 'v1'", [A, B]),
        ("owner == 'me'", [A, B, C]),
        ("owner != 'me'", []),
        ("collection is None", [A, B, C]),
        ("collection == 'none'", []),
    ],
)
def test_queries(books_at, expression, expected):
    """A sample matches that has the tag; with an index, without one, and by its points."""
    assert ids(books_at, expression) == expected
    assert ids(books_at, expression, points=True) == expected
    with open_catalog(books_at, mode="write") as catalog:
        catalog.accelerate("xmodel", ["m_x"])
    assert ids(books_at, expression) == expected


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("tga == 'golden'", "nothing is called 'tga'", "tag"),
        ("tag == golden", "nothing is called 'golden'", "tag == 'golden'"),
        ("tag > 'a'", "list of texts", "=="),
        ("tag == 1", "list of texts", "== 'text'"),
        ("tag == owner", "list of texts", "== 'text'"),
        ("owner == tag", "owner is a text", None),
        ("tag in [1, 2]", "list of texts", None),
        ("tag + 1 > 2", "not a number", None),
        ("onwer == 'mia'", "onwer", "owner"),
        ("colection == 'x'", "colection", "collection"),
    ],
)
def test_wrong_queries(books_at, expression, message, hint):
    """They are refused with a hint."""
    with pytest.raises(InputError, match=message) as caught:
        ids(books_at, expression)
    assert hint is None or hint in caught.value.hint


def test_columns(books_at):
    """Tags, collections and the owner are columns where they are asked for; a tag has no order."""
    with open_catalog(books_at, mode="read") as catalog, catalog.reading() as books:
        search = Search(books, None, REGISTRY)
        rows = list(find(search, columns=["tags", "owner", "collections"], sort="-owner"))
        assert rows[0] == {"id": A, "tags": ["golden", "v1"], "owner": "me", "collections": []}
        assert rows[2]["tags"] == []
        near = find_near(Search(books, "tag == 'v1'", REGISTRY), {"m_x": 3.0}, columns=["tags"])
        assert [row["id"] for row in near] == [B, A]
        assert "tags" not in next(iter(find(search)))
        with pytest.raises(InputError, match="no order"):
            list(find(search, sort="tag"))
        with pytest.raises(InputError, match="no column 'tag'") as caught:
            list(find(search, columns=["tag"]))
        assert "tags" in caught.value.hint


def test_tags_come_and_go(books_at):
    """Only what changes counts, and is in the history; a dry run changes nothing."""
    before = lines_of(books_at)
    assert tag("m_x < 2.5", add=["v2"], catalog=books_at, dry_run=True)["changed"] == 2
    assert tag("m_x < 2.5", catalog=books_at)["tags"] == {"golden": 1, "v1": 2}
    assert tag("m_x < 2.5", add=["v1"], catalog=books_at)["changed"] == 0
    assert tag("m_x > 9", add=["v1"], catalog=books_at)["samples"] == 0
    assert lines_of(books_at) == before
    done = tag("m_x < 2.5", add=["v2"], remove=["golden", "never"], catalog=books_at)
    assert (done["samples"], done["changed"], done["ids"]) == (2, 2, [A, B])
    assert done["tags"] == {"v1": 2, "v2": 2}
    shown = show(A, catalog=books_at)
    assert shown["tags"] == ["v1", "v2"]
    assert shown["history"][-1]["detail"] == {"added": ["v2"], "removed": ["golden"]}
    with pytest.raises(InputError, match="at once"):
        tag(A, add=["x"], remove=["x"], catalog=books_at)


@given(st.text(max_size=70))
def test_tag_grammar(name):
    """A tag is of letters, digits and a few signs, does not begin with most of these, and is short.

    What is one can stand in quotes in an expression as it is.
    """
    letters = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
    is_tag = 0 < len(name) <= 64 and name[0] in letters and set(name) <= letters | set(".+-")
    if is_tag:
        lifecycle.check_tag(name)
    else:
        with pytest.raises(InputError, match="is no tag"):
            lifecycle.check_tag(name)


@pytest.mark.parametrize("name", ["golden", "v1.2", "2026-11", "_x", "a+b", "x" * 64])
def test_tags(name):
    """These are tags."""
    lifecycle.check_tag(name)


def test_notes(books_at):
    """A note says who and when, and is in the history."""
    note("tag == 'v1'", "  looks odd\nin cos(theta) ", catalog=books_at)
    assert note(B, "fine", catalog=books_at, dry_run=True)["changed"] == 1
    for identity in (A, B):
        shown = show(identity, catalog=books_at)
        (said,) = shown["notes"]
        assert said["text"] == "looks odd\nin cos(theta)"
        assert said["who"]
        assert said["at"].endswith("Z")
        assert shown["history"][-1]["event"] == "note"
    assert show(C, catalog=books_at)["notes"] == []
    for text in ("", "  ", "a\x00b", "\udc80"):
        with pytest.raises(InputError, match="note"):
            note(A, text, catalog=books_at)


def test_owners(books_at):
    """The owner is who planned a sample, until somebody is named."""
    assert show(A, catalog=books_at)["owner"] == "me"
    done = own("m_x < 2.5", owner="mia", catalog=books_at)
    assert (done["samples"], done["changed"]) == (2, 2)
    assert own("id is not None", owner="mia", catalog=books_at)["ids"] == [C]
    assert own(C, owner="O'Neil B.", catalog=books_at)["changed"] == 1
    assert ids(books_at, "owner == 'mia'") == [A, B]
    assert ids(books_at, 'owner == "O\'Neil B."') == [C]
    assert show(C, catalog=books_at)["history"][-1]["detail"] == {
        "owner": "O'Neil B.",
        "before": "mia",
    }
    for name in ("", " ", "a\nb", "x" * 65):
        with pytest.raises(InputError, match="owner"):
            own(A, owner=name, catalog=books_at)


@pytest.mark.thorough
def test_the_first_word_is_that_of_who_planned(location):
    """What others say within the same second, or sooner by their clock, makes nobody an owner."""
    fill(location)
    tag(A, add=["x"], catalog=location)
    writing(location, lambda books: books.change(
        "UPDATE history SET at = ?, who = ? WHERE event = ?",
        [("2026-01-01T00:00:00Z", "other", "tagged")],
    ))  # fmt: skip
    assert show(A, catalog=location)["owner"] == "me"
    dumped = lines_of(location)
    other = [line for line in dumped if json.loads(line).get("table") == "history"]
    assert any("tagged" in line for line in other)


def state(where, identity=A):
    """Return state and number of events of a sample."""
    shown = show(identity, catalog=where)
    return shown["status"], shown["n_events"]


def test_retired(books_at):
    """Who, when and why; nothing that happens to parts ends it, undoing leads to their state."""
    writing(books_at, lambda books: enter(books, [a_file(B)]))
    assert retire(A, reason=" wrong\n width ", catalog=books_at, dry_run=True)["changed"] == 1
    assert state(books_at) == ("planned", 0)
    assert retire("tag == 'v1'", reason=" wrong\n width ", catalog=books_at)["ids"] == [A, B]
    assert retire("tag == 'v1'", reason="again", catalog=books_at)["changed"] == 0
    for identity in (A, B):
        shown = show(identity, catalog=books_at)
        assert shown["retired"] | {"why": "wrong width"} == shown["retired"]
        assert shown["retired"].keys() == {"at", "who", "why"}
        last = shown["history"][-1]
        assert (last["event"], last["detail"]) == ("retired", {"why": "wrong width"})
    assert ids(books_at, "status == 'retired'") == [A, B]
    assert ids(books_at, "status != 'retired'") == [C]
    writing(books_at, lambda books: settle(books, [A, B]))
    writing(books_at, lambda books: fail(books, A, 1, {"reason": "x", "log": None}))
    assert state(books_at) == ("retired", 0)
    with pytest.raises(WorkError, match="is retired: wrong width") as caught:
        writing(books_at, lambda books: enter(books, [a_file(A)]))
    assert f"retire {A} --undo" in caught.value.hint
    assert writing(books_at, lambda books: enter(books, [a_file(B)])) == 0  # it is known
    assert retire("id is not None", reason="fixed", undo=True, catalog=books_at)["ids"] == [A, B]
    assert retire(A, reason="fixed", undo=True, catalog=books_at)["changed"] == 0
    assert state(books_at) == ("failed", 0)
    assert state(books_at, B) == ("generated", 1000)
    shown = show(B, catalog=books_at)
    assert "retired" not in shown
    assert (shown["history"][-1]["event"], shown["history"][-1]["detail"]) == (
        "restored", {"why": "fixed"}
    )  # fmt: skip
    assert retire(B, reason="once more", catalog=books_at)["changed"] == 1
    assert show(B, catalog=books_at)["retired"]["why"] == "once more"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("verb", "expression", "options", "message"),
    [
        (retire, "", {"reason": "x"}, "expression is empty"),
        (retire, "  ", {"reason": "x"}, "expression is empty"),
        (tag, "", {"add": ["x"]}, "expression is empty"),
        (retire, A, {"reason": ""}, "reason is empty"),
        (retire, A, {"reason": " \n"}, "reason is empty"),
        (retire, "m_x > 99", {"reason": ""}, "reason is empty"),
        (retire, "xmodel-", {"reason": "x"}, "several samples"),
        (retire, "xmodel", {"reason": "x"}, "several samples"),
        (retire, "xmodel-0123", {"reason": "x"}, "no sample in the books"),
        (retire, "m_x", {"reason": "x"}, "no condition"),
        (retire, "m_xx > 1", {"reason": "x"}, "m_xx"),
        (tag, A, {"add": ["a b"]}, "'a b' is no tag"),
        (tag, "m_x > 99", {"add": [""]}, "'' is no tag"),
        (tag, A, {"remove": ["-x"]}, "'-x' is no tag"),
    ],
)
def test_what_is_wrong_changes_nothing(books_at, verb, expression, options, message):
    """An input error that names the thing; the books are as before."""
    before = lines_of(books_at)
    with pytest.raises(InputError, match=message):
        verb(expression, catalog=books_at, **options)
    assert lines_of(books_at) == before


def say_much(where):
    """Say something of every kind."""
    tag(A, add=["golden"], catalog=where)
    note(A, "a note", catalog=where)
    own(B, owner="mia", catalog=where)
    retire(C, reason="wrong", catalog=where)
    writing(where, lambda books: collection.add(books, "paper", [A, C], "for the paper"))


def test_dump_load_and_copy(new_books):
    """All of it is in a dump and a copy; a collection that was changed by hand is refused."""
    where, other, third = new_books(), new_books(), new_books()
    fill(where)
    say_much(where)
    lines = lines_of(where)
    tables = [json.loads(line).get("table") for line in lines]
    for name, count in {"tags": 1, "owners": 1, "retirements": 1, "collections": 1,
                        "collection_samples": 2}.items():  # fmt: skip
        assert tables.count(name) == count
    writing(other, lambda books: load_lines(books, lines, "dump"))
    assert lines_of(other) == lines
    found = books_verbs.copy(where, third)
    assert found["rows"] | {"tags": 1, "collection_samples": 2} == found["rows"]
    for place in (other, third):
        for identity in (A, B, C):
            assert show(identity, catalog=place) == show(identity, catalog=where)
    bad = [line.replace('"name":"paper"', '"name":"other"') for line in lines]
    with pytest.raises(InputError, match="does not belong to its row"):
        writing(new_books(), lambda books: load_lines(books, bad, "dump"))


@pytest.mark.thorough
def test_merge(new_books):
    """Tags and notes are joined; what somebody else says comes in; again changes nothing."""
    mine, theirs = new_books(), new_books()
    fill(mine)
    fill(theirs)
    tag(A, add=["mine", "both"], catalog=mine)
    note(A, "my note", catalog=mine)
    tag(A, add=["theirs", "both"], catalog=theirs)
    note(A, "their note", catalog=theirs)
    say_much(theirs)
    done = join(mine, theirs)
    shown = show(A, catalog=mine)
    assert shown["tags"] == ["both", "golden", "mine", "theirs"]
    assert {row["text"] for row in shown["notes"]} == {"my note", "their note", "a note"}
    assert shown["collections"] == ["paper"]
    assert show(B, catalog=mine)["owner"] == "mia"
    assert state(mine, C)[0] == "retired"
    assert show(C, catalog=mine)["retired"]["why"] == "wrong"
    assert done.new | {"tags": 2, "owners": 1, "retirements": 1, "collections": 1} == done.new
    (warning,) = done.warnings
    assert f"{C} is retired now, as in the other books: wrong" in warning
    again = join(mine, theirs)
    assert again.new.total() == 0
    assert again.warnings == []


def later(where, table, at):
    """Date what was said of an owner or a retirement."""
    writing(where, lambda books: books.change(f"UPDATE {table} SET at = ?", [(at,)]))


@pytest.mark.thorough
@pytest.mark.parametrize("mine_is_later", [True, False])
def test_merge_of_different_words(new_books, mine_is_later):
    """Of two owners, and of retired here and in use there, the later word stands and is told."""
    mine, theirs = new_books(), new_books()
    for where in (mine, theirs):
        fill(where)
        retire(A, reason="wrong", catalog=where)
    own(B, owner="mia", catalog=mine)
    own(B, owner="noa", catalog=theirs)
    retire(A, reason="was right", undo=True, catalog=mine)
    dates = ("2027-01-02T00:00:00Z", "2027-01-01T00:00:00Z")
    for where, at in zip((mine, theirs), dates if mine_is_later else dates[::-1], strict=True):
        later(where, "owners", at)
        later(where, "retirements", at)
    done = join(mine, theirs)
    assert show(B, catalog=mine)["owner"] == ("mia" if mine_is_later else "noa")
    assert state(mine)[0] == ("planned" if mine_is_later else "retired")
    assert len(done.warnings) == 2
    assert any("said last" in text and "the owner is" in text for text in done.warnings)
    join(theirs, mine)
    for identity in (A, B):
        for key in ("owner", "status"):
            assert show(identity, catalog=mine)[key] == show(identity, catalog=theirs)[key]


def test_files_of_others_come_to_retired_samples(new_books):
    """What was made of a retired sample elsewhere is kept in the books, and it stays retired."""
    mine, theirs = new_books(), new_books()
    fill(mine)
    fill(theirs)
    retire(A, reason="wrong", catalog=mine)
    writing(theirs, lambda books: enter(books, [a_file(A)]))
    join(mine, theirs)
    assert state(mine) == ("retired", 1000)
    retire(A, reason="right", undo=True, catalog=mine)
    assert state(mine) == ("generated", 1000)


def test_many_words_are_cut_short(tmp_path):
    """A merge does not print thousands of lines."""
    mine, theirs = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    for where in (mine, theirs):
        with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
            define(books, "xmodel", root=ROOT)
            for i in range(30):
                add_sample(books, "xmodel", str(i), {"m_x": float(i)}, root=ROOT, seeds=(i + 1,))
    retire("id is not None", reason="x", catalog=theirs)
    warnings = join(mine, theirs).warnings
    assert len(warnings) == 21
    assert "10 more samples" in warnings[-1]


@pytest.mark.thorough
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from("abc"), st.sampled_from(["retire", "undo", "mia", "noa"])
        ),
        max_size=6,
    )
)
def test_it_does_not_matter_who_merges(tmp_path_factory, words):
    """Whatever two people say, either way of merging ends in the same states and owners."""
    folder = tmp_path_factory.mktemp("merge")
    names = [str(folder / name) for name in ("a1", "a2", "b1", "b2")]
    for where in names:
        fill(where)
    for number, (is_mine, label, word) in enumerate(words):
        identity, at = sample_id("xmodel", label), f"2027-01-{number + 1:02d}T00:00:00Z"
        for where in names[:2] if is_mine else names[2:]:
            if word in {"retire", "undo"}:
                retire(identity, reason="x", undo=word == "undo", catalog=where)
            else:
                own(identity, owner=word, catalog=where)
            writing(where, lambda books, at=at: [
                books.change(f"UPDATE {table} SET at = ? WHERE at < ?", [(at, "2027")])
                for table in ("owners", "retirements")
            ])  # fmt: skip
    join(names[0], names[2])
    join(names[3], names[1])
    for label in "abc":
        one, other = (show(sample_id("xmodel", label), catalog=names[i]) for i in (0, 3))
        for key in ("status", "owner", "tags"):
            assert one[key] == other[key]
        assert one.get("retired") == other.get("retired")


def test_newly_retired_asks_for_words_of_mine(new_books):
    """Of what was brought back here nobody is told that it is retired anew."""
    mine, theirs = new_books(), new_books()
    for where in (mine, theirs):
        fill(where)
        retire(A, reason="wrong", catalog=where)
    retire(A, reason="right", undo=True, catalog=mine)
    with (
        open_catalog(mine, mode="read") as one,
        one.reading() as my_books,
        open_catalog(theirs, mode="read") as other,
        other.reading() as their_books,
    ):
        assert merge_words.newly_retired(my_books, their_books, [A, B, C]) == []


def test_older_books_are_opened_and_read(location):
    """Books of the step before are brought up to date by whoever opens them, also for reading."""
    engine = make_engine(parse_location(location), create=True)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with locked(engine, upgrading=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, REVISIONS[3])
    with locked(engine) as connection:
        books = Writer(connection, None, {})
        define(books, "xmodel", root=ROOT)
        add_sample(books, "xmodel", "a", {"m_x": 1.0}, root=ROOT, seeds=(1,), status="planned")
        version = connection.exec_driver_sql("SELECT version_num FROM mcbook_version").scalar()
        assert version == "0004"
    engine.dispose()
    assert ids(location, "tag is None and owner == 'me'") == [A]
    shown = show(A, catalog=location)
    assert (shown["tags"], shown["notes"], shown["collections"]) == ([], [], [])
    say = {"reason": "old", "catalog": location}
    assert retire(A, **say)["changed"] == 1
    assert state(location) == ("retired", 0)


def test_older_dumps_are_loaded(new_books):
    """A dump from before these tables has no rows of them."""
    where, other = new_books(), new_books()
    fill(where)
    header, *rest = lines_of(where)
    lines = [header.replace(REVISIONS[-1], "0004"), *rest]
    writing(other, lambda books: load_lines(books, lines, "dump"))
    assert lines_of(other) == [header, *rest]


def test_few_of_many(tmp_path, monkeypatch):
    """However many samples are asked for, those that are retired are found."""
    where = str(tmp_path / "mcbook.db")
    fill(where)
    retire("m_x > 1.5", reason="x", catalog=where)
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        few = lifecycle.retirements(books, [C, A])
        monkeypatch.setattr(lifecycle, "_FEW", 1)
        assert lifecycle.retirements(books, [C, A]) == few
        assert list(few) == [C]
