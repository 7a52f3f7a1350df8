"""Retired samples are not made, exported, counted or given files; and the commands about it."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mcbook as mb
from mcbook.catalog.store import open_catalog
from mcbook.cli.app import app
from mcbook.errors import InputError
from mcbook.production.edited import edited_samples
from mcbook.verbs.ingest import ingest

GRID = "model: zprime\nscan: {m_zp: [1, 2, 3]}\nevents: 20\n"


@pytest.fixture
def planned(toy, tmp_path, monkeypatch):
    """Return the ids of three planned samples of one part each, in the current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("MCBOOK_CATALOG", "TOY_MISCHIEF", "TOY_LOG", "TOY_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    (folder / "grid.yaml").write_text(GRID)
    return mb.generate(None, "grid.yaml", models_dir=toy)["ids"]


def written(sample):
    """Write a file of the first part of a sample as the toy does."""
    with closing(sqlite3.connect("mcbook.db")) as books:
        ((seed,),) = books.execute("SELECT seed FROM parts WHERE sample_id = ?", (sample,))
    head = {"id": sample, "seed": seed, "rate": 1.5, "parameters": mb.show(sample)["parameters"]}
    path = Path(f"{sample}.jsonl")
    path.write_text(json.dumps(head) + "\n" + "event\n" * 20 + "end\n")
    return path


def test_not_run(planned, toy):
    """What is left is made; who names the id is told; after undoing it is made."""
    mb.retire(planned[1], reason="wrong width")
    with pytest.raises(InputError, match=f"{planned[1]} is retired: wrong width") as caught:
        mb.run(planned[1][:-2], models_dir=toy)
    assert f"`mcbook retire {planned[1]} --undo --reason TEXT`" in caught.value.hint
    assert mb.run(models_dir=toy, dry_run=True, events=40)["parts"]["asked"] == 4
    found = mb.run(models_dir=toy, events=40)
    assert (found["parts"]["made"], found["events"]) == (4, 80)
    assert [note for note in found["notes"] if "is retired: wrong width" in note]
    mb.retire(planned[0], reason="too")
    found = mb.run("status == 'retired'", models_dir=toy, retry=True)
    assert found["parts"]["asked"] == 0
    assert found["notes"] == ["2 samples left: they are retired"]
    mb.retire(planned[1], reason="it was right", undo=True)
    assert mb.run(planned[1], models_dir=toy)["parts"]["made"] == 1
    assert mb.show(planned[1])["status"] == "generated"


def test_retired_while_it_is_made(planned, toy, monkeypatch):
    """Events of a part whose sample is retired in between do not come into the books."""
    from mcbook.verbs import work as verb

    real = verb.Worker.make

    def make(self, job):
        done = real(self, job)
        if job.sample.id == planned[0]:
            mb.retire(planned[0], reason="just now")
        return done

    monkeypatch.setattr(verb.Worker, "make", make)
    found = mb.run(models_dir=toy)
    assert found["parts"] | {"made": 2, "failed": 0} == found["parts"]
    assert mb.show(planned[0])["status"] == "retired"
    assert mb.show(planned[0])["parts"][0]["status"] == "planned"
    assert not list(Path("samples", planned[0]).glob("events/*"))


def test_not_exported_and_not_collected(planned, toy):
    """An export leaves it out; what was exported before is refused with the reason."""
    mb.export("before", models_dir=toy)
    mb.retire(planned[0], reason="wrong width")
    found = mb.export("after", models_dir=toy)
    assert found["parts"] == 2
    assert "wrong width" in found["notes"][0]
    with pytest.raises(InputError, match="is retired"):
        mb.export("none", planned[0], models_dir=toy)
    for line in Path("before", "manifest.jsonl").read_text().splitlines():
        if (key := json.loads(line).get("key")) is not None:
            mb.execute("before/manifest.jsonl", key)
    found = mb.collect("before")
    assert found["parts"] | {"new": 2, "refused": 1} == found["parts"]
    assert "is retired: wrong width" in found["refused"][0]["reason"]
    assert mb.show(planned[0])["status"] == "retired"


def test_not_ingested(planned, toy):
    """A file is refused with the reason; one that is known stays known."""
    first, second, _ = planned
    ingest([written(second)], models_dir=toy)
    mb.retire("m_zp < 2.5", reason="wrong width")
    found = ingest([written(first), written(second)], models_dir=toy)
    assert found["files"] == {"new": 0, "known": 1, "refused": 1}
    assert "is retired: wrong width" in found["refused"][0]["reason"]
    assert "--undo" in found["refused"][0]["hint"]
    assert mb.show(first)["n_events"] == 0


def test_not_counted(planned, toy):
    """`status` has a column for it, and nothing of it is left; `check` leaves it out."""
    ingest([written(planned[0])], models_dir=toy)
    mb.retire("m_zp < 2.5", reason="wrong width")
    (row,) = mb.status()
    assert row | {"samples": 3, "planned": 1, "generated": 0, "retired": 2} == row
    assert row | {"events": 0, "events_left": 20, "bytes": 0} == row
    found = mb.check(models_dir=toy)
    assert found["pulls"] == []
    assert found["left_out"] == [{"id": planned[0], "reason": "it is retired: wrong width"}]
    Path(f"{planned[0]}.jsonl").unlink()
    assert not mb.check(models_dir=toy)["failed"]
    mb.retire("m_zp < 2.5", reason="right", undo=True)
    (row,) = mb.status()
    assert row | {"planned": 2, "generated": 1, "retired": 0, "events": 20} == row


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_grid_that_asks_for_it(planned, toy, dry_run):
    """It is told with the reason and gets no parts; others do."""
    mb.retire(planned[1], reason="wrong width")
    found = mb.generate(None, "grid.yaml", events=50, models_dir=toy, dry_run=dry_run)
    (warning,) = [text for text in found["warnings"] if "is retired" in text]
    assert f"{planned[1]} is retired: wrong width" in warning
    assert found["parts"] == {"new": 2}
    assert found["ids"] == planned
    shown = mb.show(planned[1])
    assert (shown["status"], shown["events_target"], len(shown["parts"])) == ("retired", 20, 1)
    (missing,) = mb.query(missing=True, grid="grid.yaml", models_dir=toy)
    assert (missing["id"], missing["reason"]) == (
        planned[1], "the sample is retired: wrong width"
    )  # fmt: skip


def test_a_tag_hides_no_edited_card(planned):
    """Cards that were changed before something was said of their sample are still noticed."""
    card = Path("samples", planned[0], "toy.json")
    moment = card.stat().st_mtime + 60
    card.write_text("{}")
    os.utime(card, (moment, moment))
    with closing(sqlite3.connect("mcbook.db")) as books, books:
        books.execute("INSERT INTO history (sample_id, at, who, event, detail)"
                      " VALUES (?, '2099-01-01T00:00:00Z', 'me', 'tagged', '{}')",
                      (planned[0],))  # fmt: skip
    with open_catalog(None, mode="read") as catalog, catalog.reading() as books:
        assert edited_samples(books, planned) == {planned[0]}


@pytest.fixture
def mcbook(planned):  # noqa: ARG001
    """Return a function that runs a command and gives what it prints."""

    def invoke(*words, code=0):
        done = CliRunner().invoke(app, [*map(str, words)], prog_name="mcbook")
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done

    return invoke


def test_commands(mcbook, planned):
    """A line for people, a document for programs; nothing is written in a dry run."""
    assert "2 of 2 samples changed" in mcbook("tag", "m_zp > 1.5", "--add", "a", "--add=b").stdout
    found = json.loads(mcbook("tag", planned[0], "--add", "a", "--format", "json").stdout)
    assert found | {"samples": 1, "changed": 1, "ids": [planned[0]], "tags": {"a": 1}} == found
    told = mcbook("tag", "id is not None", "--remove", "a", "--dry-run")
    assert "3 of 3 samples changed" in told.stdout
    assert told.stderr == "note: dry run, nothing was written\n"
    assert mcbook("tag", "id is not None").stdout.splitlines() == [
        "0 of 3 samples changed", "tag  samples", "a    3", "b    2"
    ]  # fmt: skip
    mcbook("note", planned[0], "looks odd")
    mcbook("own", "m_zp < 1.5", "--owner", "mia")
    mcbook("collection", "create", "paper", "tag == 'b'", "--note", "for the paper")
    mcbook("retire", planned[0], "--reason", "wrong width")
    shown = mcbook("show", planned[0]).stdout
    for text in ("tags: a\n", "owner: mia\n", "looks odd", "status: retired", "why: wrong width"):
        assert text in shown
    assert "collections: paper" in mcbook("show", planned[2]).stdout
    document = json.loads(mcbook("show", planned[0], "--format", "json").stdout)
    assert document["tags"] == ["a"]
    assert document["retired"].keys() == {"at", "who", "why"}
    assert mcbook("query", "owner == 'mia'", "--format", "ids").stdout.split() == [planned[0]]
    lines = mcbook("query", planned[2], "--columns", "tags,owner", "--format", "json").stdout
    assert json.loads(lines)[0]["tags"] == ["a", "b"]
    listed = mcbook("collection", "list").stdout
    assert "for the paper" in listed
    shown = json.loads(mcbook("collection", "show", "paper", "--format", "json").stdout)
    assert shown["intact"] is True
    assert set(shown) >= {
        "id", "name", "created", "who", "note", "digest", "events", "samples", "added", "lost",
        "retired", "gone",
    }  # fmt: skip
    assert "retired" in mcbook("status").stdout
    assert "1 of 1 samples changed" in mcbook(
        "retire", planned[0], "--undo", "--reason", "it was right"
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ("tag", "m_zp > 99", "--add", "a"),
        ("note", "m_zp > 99", "text"),
        ("own", "m_zp > 99", "--owner", "mia"),
        ("retire", "m_zp > 99", "--reason", "x"),
        ("collection", "create", "none", "m_zp > 99"),
    ],
)
def test_nothing_matches(mcbook, words):
    """That is no error, and is said."""
    done = mcbook(*words)
    assert "nothing matches" in done.stderr
    assert json.loads(mcbook(*words, "--format", "json").stdout)["samples"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("retire", "--reason", "x"), "missing argument 'EXPRESSION'"),
        (("retire", "", "--reason", "x"), "the expression is empty"),
        (("retire", "m_zp > 1"), "missing option '--reason'"),
        (("retire", "m_zp > 1", "--reason", ""), "the reason is empty"),
        (("retire", "m_zpp > 1", "--reason", "x"), "did you mean 'm_zp'?"),
        (("retire", "zprime-0", "--reason", "x"), "error: "),
        (("tag", "m_zp > 1", "--add", "a b"), "'a b' is no tag"),
        (("own", "m_zp > 1", "--owner", " "), "the owner is empty"),
        (("note", "m_zp > 1", ""), "the note is empty"),
        (("collection", "create", "a b", "m_zp > 1"), "is no name of a collection"),
        (("collection", "create", "all", ""), "the expression is empty"),
        (("collection", "show", "all"), "there is no collection 'all'"),
        (("collection", "shwo"), "did you mean 'show'?"),
        (("run", "zprime-fffffffffffff"), "no sample in the books"),
    ],
)
def test_wrong_words(mcbook, words, says):
    """Exit code 2, a line that names the thing, and books as they were."""
    before = Path("mcbook.db").read_bytes()
    done = mcbook(*words, code=2)
    assert says in done.stderr
    assert done.stdout == ""
    assert Path("mcbook.db").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [("tag", "m > 1"), ("note", "m > 1", "x"), ("own", "m > 1", "--owner", "x"),
     ("retire", "m > 1", "--reason", "x"), ("collection", "create", "a", "m > 1"),
     ("collection", "list"), ("collection", "show", "a")],
)  # fmt: skip
def test_no_catalog_is_made(tmp_path, monkeypatch, words):
    """Where there are no books, nothing can be said of samples."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(words), prog_name="mcbook")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no catalog" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_quantity_is_called_so(toy):
    """A model whose parameter would be taken for a tag or an owner is refused."""
    text = (toy / "alp.yaml").read_text()
    for name in ("tag", "tags", "owner", "collection", "collections"):
        (toy / "alp.yaml").write_text(text.replace("m_a", name))
        with pytest.raises(InputError, match="is already a column of the books"):
            mb.describe_model("alp", models_dir=toy)
