"""An analysis takes systematics from a file that another command wrote."""

import pytest
from analysis_world import ZPRIME, analysis_in, changed

from mcbook.analysis import read_analysis
from mcbook.analysis.digest import frozen_digest
from mcbook.errors import InputError

FILE = """\
# written by a program
schema: 1
systematics:
- {source: tracking, affects: signal, relative: 0.02}
- {source: width, affects: signal, of: "m_zp**2", edges: [0, 4, 30], relative: [0.1, 0.2]}
"""
OTHER = """\
  other:
    process: mumu_inv
    efficiency: {map: map.csv, axes: [m_zp]}
    background: 0
"""
TWO = ("  recoil:", OTHER + "  recoil:")


def including(folder, entries="[{file: sub/found.yaml}]", *, text=FILE, changes=()):
    """Write an analysis with such systematics and the file beside it."""
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "sub" / "found.yaml").write_text(text)
    (folder / "map.csv").write_text("m_zp,n_generated,n_selected\n0.1,10,5\n5,10,5\n")
    return analysis_in(folder, f"{changed(ZPRIME, *changes)}systematics: {entries}\n")


def test_the_entries_of_the_file_stand_there(tmp_path):
    """They are those that the analysis would have had itself."""
    found = including(tmp_path).systematics
    own = FILE.partition("systematics:")[2].strip()
    (tmp_path / "own.yaml").write_text(f"{ZPRIME}systematics:\n{own}\n")
    wanted = read_analysis(tmp_path / "own.yaml").systematics
    for mine, theirs in zip(found, wanted, strict=True):
        for name in ("source", "affects", "channels", "relative", "edges"):
            assert getattr(mine, name) == getattr(theirs, name)
    assert found[0].where == f"{tmp_path / 'sub/found.yaml'}, line 4 (systematics.0)"


def test_channels_and_other_entries(tmp_path):
    """The file may be of some channels, beside entries of the analysis itself."""
    entries = (
        "[{file: sub/found.yaml, channels: [other]},"
        " {source: tracking, affects: signal, channels: [recoil], relative: 0.5}]"
    )
    found = including(tmp_path, entries, changes=[TWO]).systematics
    assert [(one.source, one.channels) for one in found] == [
        ("tracking", ("other",)), ("width", ("other",)), ("tracking", ("recoil",)),
    ]  # fmt: skip


def test_the_frozen_digest_covers_the_file(tmp_path):
    """Another number in it is another analysis."""
    first = frozen_digest(including(tmp_path))
    assert frozen_digest(including(tmp_path)) == first
    assert frozen_digest(including(tmp_path, text=FILE.replace("0.02", "0.03"))) != first


@pytest.mark.parametrize(
    ("entries", "text", "message"),
    [
        ("[{file: gone.yaml}]", FILE, r"line 15 \(systematics.0.file\): there is no file"),
        ("[{file: sub/found.yaml, sources: []}]", FILE, "unknown key 'sources'"),
        ("[{file: sub/found.yaml, channels: [recil]}]", FILE, "there is no channel 'recil'"),
        (
            "[{file: sub/found.yaml}]",
            FILE.replace("schema: 1\n", ""),
            "the key 'schema' is missing",
        ),
        ("[{file: sub/found.yaml}]", FILE.replace("0.02", "2"), r"found.yaml, line 4 .*relative"),
        ("[{file: sub/found.yaml}]", FILE.replace("m_zp**2", "m_z"), "there is no quantity 'm_z'"),
        ("[{file: sub/found.yaml}]", "schema: 1\nsystematics: 3\n", "a list is wanted here"),
        ("[{file: sub/found.yaml}, {file: sub/found.yaml}]", FILE, "of recoil twice"),
        (
            "[{file: sub/found.yaml}]",
            "schema: 1\nsystematics:\n- {file: found.yaml}\n",
            "unknown key 'file'",
        ),
    ],
)
def test_bad_files(tmp_path, entries, text, message):
    """Each error names the file and the line where it stands."""
    with pytest.raises(InputError, match=message):
        including(tmp_path, entries, text=text)
