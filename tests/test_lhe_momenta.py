"""Particles of Les Houches files as arrays, against pylhe and against a look at each line."""

import gzip

import numpy as np
import pylhe
import pytest

from mcbook.errors import WorkError
from mcbook.lhe import momenta
from mcbook.lhe.file import Init, LheWriter, Process
from mcbook.lhe.momenta import Momenta, read_momenta
from mcbook.lhe.writer import EventText, Row

ROWS = (
    Row(11, -1, (0, 0), (0.0, 0.0, 5.29, 5.29), 5.1e-4),
    Row(-11, -1, (0, 0), (0.0, -0.0, -5.29, 5.29), 5.1e-4),
    Row(9900026, 2, (1, 2), flies=True),
    Row(13, 1, (3, 3), mass=0.1056),
    Row(-13, 1, (3, 3), mass=0.1056),
)
COUNT = 700
HEAD = """\
<LesHouchesEvents version="3.0">
<header>
</header>
<init>
11 -11 5.290000e+00 5.290000e+00 0 0 0 0 -4 1
4.0e-05 1.5e-07 4.996000e-05 1
</init>
"""
LINE = "{:9d} {:2d} {:4d} {:4d}    0    0 {:+.10e} {:+.10e} {:+.10e} {:.10e} {:.10e} {:.4e} {:.4e}"


@pytest.fixture(params=["events.lhe", "events.lhe.gz"])
def own(request, tmp_path):
    """Return a file as mcbook writes it."""
    rng = np.random.default_rng(5)
    numbers = rng.normal(size=(3, 4, COUNT)) * 10.0 ** rng.integers(-25, 9, size=(3, 4, COUNT))
    numbers[:, 3] = abs(numbers[:, 3])
    init = Init(((11, 5.29), (-11, 5.29)), [Process(1e-3, 1e-5)])
    with LheWriter(tmp_path / request.param, "", init) as out:
        text = EventText(ROWS, weight=1.0, scale=10.58, alpha_qed=7.297e-3)
        out.add(text, numbers, abs(rng.normal(size=(1, COUNT))), rng.exponential(size=(1, COUNT)))
    return tmp_path / request.param


def like_madgraph(*, tags="", sign=1.0):
    """Return a file as MadGraph writes it: other numbers of particles, helicities, weights."""
    rng = np.random.default_rng(6)
    text = HEAD
    for n in range(200):
        rows = [(11, -1, 0, 0), (-11, -1, 0, 0), (9900026, 2, 1, 2), *[(22, 1, 3, 3)] * (n % 4)]
        text += f"<event>\n{len(rows):2d}      1 +4.9e-05 1.0e+01 7.2e-03 1.7e-01\n"
        for row in rows:
            values = rng.normal(size=6) * 10.0 ** rng.integers(-9, 3, size=6)
            values[3:] = abs(values[3:])
            text += LINE.format(*row, *values, sign * (-1) ** n) + "\n"
        text += tags + "</event>\n"
    return text + "</LesHouchesEvents>\n"


def check(path):
    """Compare with pylhe, number by number."""
    found = read_momenta(path)
    names = ("id", "status", "px", "py", "pz", "e", "m", "lifetime")
    ours = ("pdg", "status", "px", "py", "pz", "energy", "mass", "lifetime")
    events = list(pylhe.LHEFile.fromfile(str(path)).events)
    assert found.n_events == len(events)
    rows = [row for event in events for row in event.particles]
    for theirs, own_name in zip(names, ours, strict=True):
        wanted = np.array([getattr(row, theirs) for row in rows])
        assert np.array_equal(getattr(found, own_name), wanted), own_name
    assert np.array_equal(found.mothers, [[row.mother1, row.mother2] for row in rows])
    counts = [len(event.particles) for event in events]
    assert np.array_equal(found.event, np.repeat(np.arange(len(events)), counts))
    return found


def test_own_files(own):
    """What mcbook wrote comes back to the last bit, also numbers far from one."""
    assert len(check(own).pdg) == COUNT * len(ROWS)


@pytest.mark.parametrize(
    "tags",
    [
        "",
        "<mgrwt>\n<rscale>  2 0.10580000E+02</rscale>\n<asrwt>0</asrwt>\n</mgrwt>\n",
        "# a comment\n",
        "<scales pt_clust_1='10.58'></scales>\n",
    ],
)
@pytest.mark.parametrize("sign", [1.0, 9.0])
def test_files_like_those_of_madgraph(tmp_path, tags, sign):
    """Events of other lengths, with and without what MadGraph adds to them."""
    path = tmp_path / "unweighted_events.lhe.gz"
    path.write_bytes(gzip.compress(like_madgraph(tags=tags, sign=sign).encode()))
    check(path)


@pytest.mark.parametrize(
    "change",
    [
        (" +", "  "),
        ("\n", "\r\n"),
        ("    0    0 ", "\t0\t0\t"),
        ("<event>\n", "<event>"),
        ("e-05 ", "e-5 "),
        (" 9900026 ", "9900026 "),
    ],
)
def test_other_ways_to_write(tmp_path, change):
    """Other blanks, ends of lines and exponents are read one by one, to the same numbers."""
    (tmp_path / "plain.lhe").write_text(like_madgraph())
    text = like_madgraph().partition("</init>\n")
    (tmp_path / "odd.lhe").write_text(text[0] + text[1] + text[2].replace(*change), newline="")
    wanted, found = read_momenta(tmp_path / "plain.lhe"), read_momenta(tmp_path / "odd.lhe")
    for name in Momenta.__slots__:
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


def test_lines_are_read_by_column(own, monkeypatch):
    """Own files do not need the slow way, and blocks do not matter."""
    wanted = read_momenta(own)
    monkeypatch.setattr(momenta, "_slow", None)
    monkeypatch.setattr(momenta, "_BLOCK", 10_000)
    found = read_momenta(own)
    assert all(np.array_equal(getattr(found, n), getattr(wanted, n)) for n in Momenta.__slots__)


def test_both_ways_agree(own):
    """The quick and the slow way give the same bits."""
    text = own.read_bytes()
    text = gzip.decompress(text) if own.suffix == ".gz" else text
    body = text.partition(b"</init>")[2].rpartition(b"</event>")
    quick, slow = momenta._regular(body[0] + body[1]), momenta._slow(body[0] + body[1])
    assert all(np.array_equal(getattr(quick, n), getattr(slow, n)) for n in Momenta.__slots__)


def test_files_are_joined(own):
    """Events of a second file are counted on."""
    one = read_momenta(own)
    both = Momenta.joined([one, one])
    assert both.n_events == 2 * COUNT
    assert np.array_equal(both.event[len(one.event) :], one.event + COUNT)
    assert np.array_equal(both.px, np.tile(one.px, 2))


def test_a_file_without_events(tmp_path):
    """No events are none."""
    (tmp_path / "none.lhe").write_text(HEAD + "</LesHouchesEvents>\n")
    found = read_momenta(tmp_path / "none.lhe")
    assert (found.n_events, len(found.px), found.mothers.shape) == (0, 0, (0, 2))


def test_errors_of_the_reader(tmp_path):
    """What is no sound file is refused with the number of the event."""
    with pytest.raises(WorkError, match="is not there"):
        read_momenta(tmp_path / "nowhere.lhe")
    text = like_madgraph()
    cut, bad = tmp_path / "cut.lhe", tmp_path / "bad.lhe"
    cut.write_text(text[: len(text) // 2])
    bad.write_text(text.replace(" 4      1", " 5      1", 1))
    with pytest.raises(WorkError, match="is truncated: it ends in event"):
        read_momenta(cut)
    with pytest.raises(WorkError, match="event 2 has 4 particles and says that it has 5"):
        read_momenta(bad)
