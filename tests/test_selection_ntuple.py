"""Ntuples: what is written is read again, and what is wrong with a file is said in one line."""

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.errors import InputError, WorkError
from mcbook.generators.rootfile import read_root
from mcbook.selection.ntuple import open_ntuple, write_ntuple
from mcbook.simulation.record import said_by

JOB = "zprime_mumu_inv-0123456789ab-s01234567-p1abc-j0002"


def read(path, names, tree=None, rows=None):
    """Return whole branches of a file."""
    with open_ntuple(path, tree) as ntuple:
        ntuple.check(names)
        chunks = [chunk for _, chunk in ntuple.chunks(names, rows)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}


@settings(max_examples=15)
@given(st.integers(1, 3000), st.integers(1, 4000))
def test_round_trip(tmp_path_factory, size, rows):
    """Whatever the chunks, the branches come back as they were."""
    path = tmp_path_factory.getbasetemp() / "round.root"
    rng = np.random.default_rng(size)
    columns = {
        "x": rng.normal(size=size),
        "f": rng.normal(size=size).astype(np.float32),
        "n": np.arange(size),
        "is_muon": rng.random(size) > 0.5,
    }
    write_ntuple(path, "events", columns)
    with open_ntuple(path) as ntuple:
        assert (ntuple.rows, ntuple.branches) == (size, tuple(columns))
        sizes = [n for n, _ in ntuple.chunks(["n"], rows)]
    assert sum(sizes) == size
    assert max(sizes) <= rows
    for name, found in read(path, columns, rows=rows).items():
        assert found.dtype == columns[name].dtype
        np.testing.assert_array_equal(found, columns[name])


def test_words(tmp_path):
    """A file says of which simulation and job it is, where ingest looks for it."""
    path = tmp_path / "a.root"
    write_ntuple(path, "events", {"x": np.zeros(3)}, JOB)
    found = read_root(path)
    assert found.rows == 3
    said = said_by(found.words)
    assert said.ids == {JOB[:-12]}
    assert said.jobs == {("1abc", 2)}
    assert [file.name for file in tmp_path.iterdir()] == ["a.root"]


def test_nothing_half_written(tmp_path):
    """What cannot be written leaves what was there."""
    path = tmp_path / "a.root"
    write_ntuple(path, "events", {"x": np.ones(3)})
    with pytest.raises(WorkError, match="not of one length"):
        write_ntuple(path, "events", {"x": np.zeros(3), "y": np.zeros(4)})
    assert read(path, ["x"])["x"].tolist() == [1, 1, 1]
    with pytest.raises(WorkError, match="cannot be written"):
        write_ntuple(tmp_path / "none" / "a.root", "events", {"x": np.zeros(3)})
    assert [file.name for file in tmp_path.iterdir()] == ["a.root"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Return a file with trees of several kinds."""
    path = tmp_path_factory.mktemp("odd") / "odd.root"
    with uproot.recreate(path) as file:
        kinds = {"j": "var * float64", "pt_mu": "float64", "v": np.dtype((np.float64, (3,)))}
        file.mktree("events", kinds)
        file["events"].extend({
            "j": ak.Array([[1.0], [2.0, 3.0]]), "pt_mu": np.zeros(2), "v": np.zeros((2, 3))
        })  # fmt: skip
        file.mktree("other", {"x": "float64"})
        file["note"] = "text"
    return path


@pytest.mark.parametrize(
    ("tree", "branch", "said", "hint"),
    [
        (None, "pt_mu", "there are the trees events, other", "tree:"),
        ("event", "pt_mu", "the tree event is not there", "did you mean 'events'"),
        ("note", "pt_mu", "note is a TObjString and no tree", "other"),
        ("events", "pt_mo", "has no branch 'pt_mo'", "did you mean 'pt_mu'"),
        ("events", "j", "the branch j is jagged", "one number"),
        ("events", "v", "the branch v holds 3 numbers", "one number"),
    ],
)
def test_wrong_names(odd, tree, branch, said, hint):
    """A tree or branch that is not there, or holds no numbers, is named."""
    with pytest.raises(InputError, match=said) as caught:
        read(odd, [branch], tree)
    assert str(odd) in caught.value.message
    assert hint in caught.value.hint


def test_wrong_files(tmp_path):
    """What is no whole ROOT file is refused in one line."""
    whole = tmp_path / "whole.root"
    write_ntuple(whole, "events", {"x": np.random.default_rng(1).normal(size=60_000)})
    raw = whole.read_bytes()
    cases = {
        "cut.root": (raw[: len(raw) // 2], "is truncated"),
        "zero.root": (b"", "is no ROOT file"),
        "text.root": (b"x" * 999, "is no ROOT file"),
        "hole.root": (raw[:3000] + bytes(90_000) + raw[93_000:], "truncated or damaged"),
    }
    for name, (content, said) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=said) as caught:
            read(path, ["x"])
        assert str(path) in caught.value.message
        assert "\n" not in caught.value.message
    with pytest.raises(InputError, match=r"none.root: cannot be read: No such file"):
        read(tmp_path / "none.root", ["x"])
    with pytest.raises(InputError, match="a folder, not a file"):
        read(tmp_path, ["x"])


def test_empty_tree(tmp_path):
    """A tree without rows has branches, and no chunks."""
    write_ntuple(tmp_path / "a.root", "events", {"x": np.zeros(0)})
    with open_ntuple(tmp_path / "a.root") as ntuple:
        ntuple.check(["x"])
        assert (ntuple.rows, list(ntuple.chunks(["x"]))) == (0, [])
