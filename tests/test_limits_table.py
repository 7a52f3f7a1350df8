"""Counts tables, and the command that reads them."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcbook.cli.app import app
from mcbook.errors import InputError
from mcbook.limits import hybrid
from mcbook.limits.table import read_counts
from mcbook.verbs.limits import set_limits

GOOD = """\
hypothesis,m_zp,observed,signal,background,signal_eff_rel,background_eff_rel,background_stat
a,1.0,0,2.5,0.0,0.05,0,0
b,2.0,3,2.5,2.1,0.05,0.1,0.3
c,3.0,,2.5,8,0.05,0.25,0.5
"""


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table."""

    def write(text=GOOD, name="counts.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


def test_reading(table):
    """Systematics of one source are one nuisance, empty counts are none."""
    read = read_counts(table("\ufeff" + GOOD.replace("\n", "\r\n")))
    assert read.names == ("a", "b", "c")
    assert read.parameters["m_zp"].tolist() == [1.0, 2.0, 3.0]
    assert [m.name for m in read.likelihoods.modifiers] == ["eff", "eff", "background_stat"]
    assert read.likelihoods.modifiers[1].data["lo"].tolist() == [1.0, 0.9, 0.75]
    assert read.likelihoods.has_observed.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("b,2.0,3", "b,2.0,-3", "line 3 (observed): '-3' is negative", None),
        ("b,2.0,3", "b,2.0,3.5", "is no whole number", "whole"),
        ("b,2.0,3", "b,x,3", "line 3 (m_zp): 'x' is no finite number", None),
        ("b,2.0,3", "b,nan,3", "(m_zp): 'nan' is no finite number", None),
        ("b,2.0,3", "b,2.0,1_0", "(observed): '1_0' is no finite number", None),
        ("b,2.0,3", "b,2.0,\u0663", "is no finite number", None),
        ("b,2.0,3", "b,2.0,1e17", "(observed): '1e17' is more than 1e+12", "count"),
        ("2.5,8", "inf,8", "line 4 (signal): 'inf'", None),
        ("0.05,0.25", "1.0,0.25", "line 4 (signal_eff_rel): '1.0' is not below 1", "factors"),
        ("2.5,0.0,0.05,0,0", "2.5,0.0,0.05,0,0.1", "background of 0", "sideband"),
        ("b,2.0", "a,2.0", "line 3 (hypothesis): 'a' is there already, on line 2", None),
        ("b,2.0,3", "b,3", "line 3: 7 cells, and the header has 8", None),
        (",observed,", ",observd,", "unknown column 'observd'", "observed"),
        ("signal_eff_rel", "signal_eff", "unknown column 'signal_eff'", "signal_eff_rel"),
        ("signal_eff_rel", "singal_eff_rel", "unknown column", "did you mean 'signal_eff_rel'?"),
        ("signal_eff_rel", "Signal_eff_rel", "unknown column", "did you mean 'signal_eff_rel'?"),
        ("signal_eff_rel", "trk_rel", "unknown column 'trk_rel'", "signal_<source>_rel"),
        ("background_stat", "background_stats", "unknown column", "background_stat"),
        (",signal,", ",sgnal,", "unknown column 'sgnal'", "signal"),
        (",signal,", ",yield,", "the column 'signal' is missing", None),
        ("m_zp", "signal", "there twice", None),
        ("background_stat", "sideband_ratio", "go together", None),
    ],
)
def test_what_is_refused(table, old, new, message, hint):
    """One line names file, line and column, and says what would be right."""
    path = table(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read_counts(path)
    assert message in error.value.message
    assert error.value.message.startswith(str(path))
    assert hint is None or hint in error.value.hint


@pytest.mark.parametrize("text", ["", "\n", "hypothesis,signal,background\n", 'a,"b\n', "\x00"])
def test_no_table(table, text):
    """An empty file, a header alone, broken quotes."""
    with pytest.raises(InputError):
        read_counts(table(text))


def test_semicolons(table):
    """A table from a spreadsheet is told what separates columns."""
    with pytest.raises(InputError) as caught:
        read_counts(table("hypothesis;signal;background\na;1;2\n"))
    assert "commas" in caught.value.hint


@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory, content):
    """Whatever is in a file, it is a table or an error that names the file."""
    path = tmp_path_factory.mktemp("any") / "counts.csv"
    path.write_bytes(content)
    try:
        read_counts(path)
    except InputError as error:
        assert str(path) in error.message  # noqa: PT017


def test_sideband(table):
    """On/off columns make a sideband; one that disagrees with the background is told."""
    text = "hypothesis,observed,signal,background,sideband_observed,sideband_ratio\na,0,1,0,0,2\n"
    read = read_counts(table(text + "b,1,1,1,40,2\n"))
    assert [m.kind for m in read.likelihoods.modifiers] == ["sideband"]
    assert "'b' the first" in read.notes[0]


def run(capsys, *words):
    """Run the program; return exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as done:
        app(list(map(str, words)))
    out = capsys.readouterr()
    return done.value.code, out.out, out.err


def test_command(table, tmp_path, capsys):
    """JSON has the keys of the contract; files and Python give the same numbers."""
    path, folder = table(), tmp_path / "out"
    code, out, _ = run(
        capsys, "limits", path, "--cl", "0.90", "--output", folder, "--format", "json"
    )
    assert code == 0
    rows = json.loads(out)
    assert list(rows[0]) == [
        "hypothesis", "parameters", "observed", "expected", "observed_events", "method", "status",
    ]  # fmt: skip
    assert rows == set_limits(path, cl=0.90)["limits"]
    assert rows == json.loads((folder / "limits.json").read_text())["limits"]
    assert rows[2]["observed"] is None
    assert rows[0]["observed_events"] == pytest.approx(2.5 * rows[0]["observed"])
    plain = hybrid.limits(read_counts(path).likelihoods, cl=0.9)
    assert rows[1]["observed"] == pytest.approx(plain.observed[1])
    with (folder / "limits.csv").open() as handle:
        lines = list(csv.DictReader(handle))
    assert float(lines[1]["expected_median"]) == rows[1]["expected"][2]
    assert lines[2]["observed"] == ""
    assert sorted(entry.name for entry in folder.iterdir()) == ["limits.csv", "limits.json"]


def test_command_line_errors(table, tmp_path, capsys):
    """No level, a percentage, no file, a folder that is a file: exit 2, nothing written."""
    path = table()
    for words, message in (
        ([path], "--cl is not given"),
        ([path, "--cl", "90"], "did you mean 0.9?"),
        ([path, "--cl", "0.9", "--method", "hibrid"], "did you mean 'hybrid'?"),
        ([tmp_path / "none.csv", "--cl", "0.9"], "there is no file"),
        ([path, "--cl", "0.9", "--output", path], "is a file"),
        ([path, "--cl", "0.9", "--patchset", path], "go with a pyhf workspace"),
    ):
        code, out, err = run(capsys, "limits", *words)
        assert (code, out) == (2, "")
        assert message in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["counts.csv"]


def test_dry_run(table, tmp_path, capsys):
    """Everything is checked, nothing is written."""
    code, _, err = run(
        capsys, "limits", table(), "--cl", "0.9", "--output", tmp_path / "o", "--dry-run"
    )
    assert code == 0
    assert "3 hypotheses" in err
    assert not (tmp_path / "o").exists()


def test_no_signal_is_told(table):
    """A hypothesis without signal has no limit and a status; the others are untouched."""
    rows = set_limits(table(GOOD.replace("b,2.0,3,2.5", "b,2.0,3,0")), cl=0.9)["limits"]
    assert rows[1]["observed"] is None
    assert not rows[1]["status"].startswith("ok")
    assert rows[0]["status"] == "ok"
    assert np.isfinite(rows[0]["observed"])
