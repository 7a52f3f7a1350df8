"""From a limit to samples and cards, and from a card to every limit that rests on it."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from mcbook import config
from mcbook.catalog.result import LimitPoint, Result
from mcbook.errors import InputError
from mcbook.verbs import books as book_verbs
from mcbook.verbs.generate import generate
from mcbook.verbs.query import query
from mcbook.verbs.results import keep, list_results
from mcbook.verbs.show import show
from mcbook.verbs.trace import trace
from mcbook.verbs.unblind import open_box

GRID = """
model: zprime
scan:
  m_zp: {values: [0.5, 1, 2]}
events: 1k
"""


@pytest.fixture
def made(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Give a folder with three samples and two results on them, as the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.yaml").write_text(GRID)
    generate("zprime", "grid.yaml")
    ids = [row["id"] for row in query(sort="m_zp")]
    (tmp_path / "map.csv").write_text("sample_id,region\n" + "\n".join(ids))
    digest = hashlib.sha256((tmp_path / "map.csv").read_bytes()).hexdigest()
    points = [
        LimitPoint(f"m_zp={m:g}", {"m_zp": m}, {"observed": None, "status": "ok"}, under)
        for m, under in ((0.75, ids[:2]), (1.5, ids[1:]), (2.0, ids[2:]))
    ]
    frozen = hashlib.sha256(b"frozen").hexdigest()
    result = Result(
        "search", "analysis", frozen, 0.9, "auto", {"rate": "g_prime"}, points,
        {"map.csv": digest}, "zprime",
    )  # fmt: skip
    look = open_box(None, digest=frozen, name="search", reason="approved", files=["grid.yaml"])
    keep(result, unblinding=look["id"])
    return ids, result, look


def test_from_a_limit_to_samples_and_cards(made):
    """The number of a hypothesis leads to its parameters, its samples and their cards."""
    ids, result, look = made
    for what in (f"{result.id}:1", f"{result.id}/1", f"{result.id[:8]}:1"):
        found = trace(what)
        assert found["kind"] == "limit point"
        assert found["what"] == what
        assert found["point"]["id"] == f"{result.id}:1"
        assert found["point"]["parameters"] == {"m_zp": 0.75}
        assert [row["id"] for row in found["samples"]] == ids[:2]
        for row in found["samples"]:
            assert row["cards"] == show(row["id"])["cards"]
            for card in row["cards"]:
                assert Path(card["path"]).is_file()
        assert found["result"]["unblinding"] == look["id"]
        assert found["result"]["unblindings"][0]["why"] == "approved"
    for wrong in (f"{result.id}:0", f"{result.id}:4", "r-000000000000", "r-000000000000:1"):
        with pytest.raises(InputError):
            trace(wrong)


def test_from_a_result_to_everything(made):
    """A result tells its points, samples, inputs and who opened the box."""
    ids, result, _ = made
    found = trace(result.id)
    assert found["kind"] == "result"
    told = found["result"]
    assert (told["id"], told["cl"], told["method"], told["intact"]) == (
        result.id, 0.9, "auto", True,
    )  # fmt: skip
    assert sorted(row["id"] for row in told["samples"]) == sorted(ids)
    assert [point["id"] for point in told["points"]] == [f"{result.id}:{n}" for n in (1, 2, 3)]
    assert told["inputs"][0]["path"] == "map.csv"
    assert json.loads(json.dumps(found)) == found


def test_from_a_card_to_every_limit(made):
    """A card, a sample and a seed lead on to the limit points that rest on the sample."""
    ids, result, _ = made
    shown = show(ids[1])
    for what in (ids[1], shown["cards"][0]["path"], str(shown["parts"][0]["seed"])):
        (row,) = trace(what)["results"]
        assert row["id"] == result.id
        assert [point["id"] for point in row["points"]] == [f"{result.id}:1", f"{result.id}:2"]
    other = Result("other", "counts", "0" * 64, 0.95, "exact", {}, [
        LimitPoint("h", {}, {"observed": 1.0}, [ids[0]])
    ])  # fmt: skip
    keep(other)
    assert {row["id"] for row in trace(ids[0])["results"]} == {result.id, other.id}
    assert [row["id"] for row in trace(ids[2])["results"]] == [result.id]


@pytest.mark.parametrize("name", ["limits.csv", "limits.json", "figure.png", "submission.tar.gz"])
def test_from_a_file_to_its_result(made, tmp_path, name):
    """A file that carries the id of a result leads there, whatever samples it names as well."""
    ids, result, _ = made
    text = f"hypothesis,samples,result\nm,{ids[0]},{result.id}\n".encode()
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else b"\x89PNG\xff" + text)
    found = trace(path)
    assert (found["kind"], found["result"]["id"]) == ("result", result.id)
    assert found["file"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    if name.startswith("limits"):
        assert trace(folder)["result"]["id"] == result.id


@pytest.mark.usefixtures("made")
def test_from_an_input_to_the_results(made, tmp_path):
    """A map leads to the results made with it and to its samples; so does an input without ids."""
    ids, result, _ = made
    found = trace("map.csv")
    assert (found["kind"], found["samples"][0]) == ("input", ids[0])
    assert [row["id"] for row in found["results"]] == [result.id]
    counts = tmp_path / "counts.csv"
    counts.write_text("hypothesis,observed\n1,3\n")
    digest = hashlib.sha256(counts.read_bytes()).hexdigest()
    keep(Result("counts", "counts", digest, 0.9, "exact", {}, [LimitPoint("1", {}, {})]))
    found = trace(counts)
    assert (found["kind"], found["results"][0]["name"]) == ("input", "counts")


@pytest.mark.usefixtures("made")
def test_what_looks_like_a_result_and_is_none(tmp_path):
    """A result of other books is named; the end of another word is no id."""
    path = tmp_path / "limits.csv"
    path.write_text("# r-000000000000")
    with pytest.raises(InputError, match="leads to nothing") as caught:
        trace(path)
    assert "r-000000000000" in caught.value.hint
    path.write_text("# for-000000000000, r-0000000000001")
    with pytest.raises(InputError, match="leads to nothing") as caught:
        trace(path)
    assert "r-0000" not in caught.value.hint


def test_show_of_a_result_points_to_trace(made):
    """`show` is for samples, and says what shows a result."""
    _, result, _ = made
    for what in (result.id, result.id[:5], f"{result.id}:2"):
        with pytest.raises(InputError, match="no sample") as caught:
            show(what)
        assert f"mcbook trace {what}" in caught.value.hint


@pytest.mark.usefixtures("made")
def test_pipes_are_refused_at_once(tmp_path):
    """A named pipe without a writer does not make trace wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for what in ("pipe", "./pipe", "link", tmp_path / "pipe", "/dev/null"):
        with pytest.raises(InputError, match="pipe or a device"):
            trace(what)
    with pytest.raises(InputError, match="cannot be opened"):
        trace("zprime-", catalog=str(tmp_path / "pipe"))


def test_sample_in_other_books_is_named(made):
    """A limit whose samples are elsewhere says so in place of their cards."""
    result = Result("far", "counts", "1" * 64, 0.9, "exact", {}, [
        LimitPoint("h", {}, {}, ["zprime-000000000000"])
    ])  # fmt: skip
    keep(result)
    found = trace(f"{result.id}:1")
    assert found["samples"] == [{"id": "zprime-000000000000", "reason": "not in these books"}]
    assert trace(result.id)["result"]["samples"] == found["samples"]
    there = trace("zprime-000000000000")
    assert (there["kind"], [row["id"] for row in there["results"]]) == ("sample", [result.id])
    assert there["sample"] == found["samples"][0]
    assert made


def test_merge_takes_results_along(made, tmp_path, monkeypatch):
    """After a merge the results of the other books are traced from here."""
    ids, result, _ = made
    (tmp_path / "mine").mkdir()
    theirs = config.catalog()
    monkeypatch.chdir(tmp_path / "mine")
    mine = str(tmp_path / "mine" / "mcbook.db")
    new = book_verbs.merge(theirs, catalog=mine)["new"]
    assert (new["results"], new["limit_points"], new["unblindings"]) == (1, 3, 1)
    assert trace(ids[0], catalog=mine)["results"][0]["id"] == result.id
    assert book_verbs.info(catalog=mine)["rows"]["results"] == 1


def test_command_line(made, program):
    """Results, a result and a limit point print as tables and as JSON."""
    ids, result, look = made
    told = program("catalog", "results", check=0).stdout
    assert all(word in told for word in (result.id, "search", "0.9", look["id"], "approved"))
    listed = json.loads(program("catalog", "results", "--format", "json", check=0).stdout)
    assert listed == list_results()
    for what, word in ((f"{result.id}:2", "run.mg5"), (ids[1], "1-2")):
        told = program("trace", what, check=0).stdout
        assert result.id in told
        assert word in told
    assert json.loads(program("trace", result.id, "--format", "json", check=0).stdout) == trace(
        result.id
    )
