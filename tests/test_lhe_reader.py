"""Les Houches files as mcbook reads them: whatever pylhe refuses is refused, and more."""

import gzip
import math
import warnings

import numpy as np
import pylhe
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcbook.errors import WorkError
from mcbook.lhe import reader
from mcbook.lhe.file import Init, LheWriter, Process
from mcbook.lhe.reader import read
from mcbook.lhe.writer import EventText, Row

HEAD = """\
<LesHouchesEvents version="3.0">
<header>
<MGVersion>
3.5.7
</MGVersion>
<initrwgt><weight id="1">a</weight><weight id="2">b</weight></initrwgt>
<MGRunCard>
<![CDATA[
  0.0 = ptj ! 0 < pt & so on
]]>
</MGRunCard>
</header>
<init>
11 -11 5.290000e+00 5.290000e+00 0 0 0 0 -4 2
3.0e-05 3.0e-07 4.996000e-05 1
1.0e-05 4.0e-07 4.996000e-05 2
<generator name='MadGraph5_aMC@NLO' version='3.5.7'>please cite 1405.0301 </generator>
</init>
"""
ROW = " {:8d} {:2d} {:4d} {:4d} {:4d} {:4d} {:+13.10e} {:+13.10e} {:+13.10e} {:14.10e} {:14.10e}"
FIRST = " {}      {} +4.9960000e-05 1.05800000e+01 7.29735300e-03 1.75566700e-01\n"
CHAINS = (
    ((11, -1, 0), (-11, -1, 0), (9900026, 2, 1), (13, 1, 3), (-13, 1, 3)),
    ((-11, -1, 0), (11, -1, 0), (9900026, 1, 1)),
    ((11, -1, 0), (-11, -1, 0), (22, 1, 1), (22, 1, 1)),
)
EXTRA = """\
#aMCatNLO 2  5  3  3  1 0.45933500E+02
<mgrwt>
<rscale>  0 0.10580000E+02</rscale>
<pdfrwt beam="1">  1       11 0.10000000E+01 0.10580000E+02</pdfrwt>
</mgrwt>
<rwgt>
<wgt id='1'> +4.9960000e-05 </wgt>
<wgt id='2'> +4.9970000e-05 </wgt>
</rwgt>
<scales muf="91.2" mur="91.2"/>
"""


def event(rng, chain, extra=""):
    """Return an event with random numbers and helicities."""
    text = FIRST.format(len(chain), 1 + (len(chain) == 3))
    for pdg_id, status, mother in chain:
        px, py, pz, energy = rng.normal(size=4)
        numbers = (px, py, pz, abs(energy), 0.1)
        text += ROW.format(pdg_id, status, mother, 2 * (mother > 0), 0, 0, *numbers)
        text += f" {0:.4e} {rng.choice([-1, 0, 1]):.4e}\n"
    return f"<event>\n{text}{extra}</event>\n"


def made(count=12, seed=1, extra=lambda _: ""):
    """Return a file with events of several kinds."""
    rng = np.random.default_rng(seed)
    body = "".join(event(rng, CHAINS[n % 7 % 3], extra(n)) for n in range(count))
    return f"{HEAD}{body}</LesHouchesEvents>\n"


def by_pylhe(path):
    """Return number of events, particles and weights as pylhe reads them; None if it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            events = list(pylhe.LHEFile.fromfile(path).events)
        except Exception:  # noqa: BLE001  whatever it raises, it has refused
            return None
    ids = {one.id for event in events for one in event.particles}
    return len(events), ids, {event.eventinfo.weight for event in events}


def ours(path):
    """Return the same as mcbook reads it."""
    try:
        found = read(path)
    except WorkError:
        return None
    return found.events, set(found.particles), set(found.weights)


@pytest.fixture(params=[1 << 16, 700, 41])
def chunks(request, monkeypatch):
    """Read by chunks of several sizes."""
    monkeypatch.setattr(reader, "_CHUNK", request.param)
    monkeypatch.setattr(reader, "_PACKED_CHUNK", request.param)


@pytest.fixture
def put(tmp_path):
    """Return a function that writes a file."""

    def write(text, *, is_packed=False):
        content = text if isinstance(text, bytes) else text.encode()
        path = tmp_path / ("e.lhe.gz" if is_packed else "e.lhe")
        path.write_bytes(gzip.compress(content) if is_packed else content)
        return path

    return write


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("has_more", [False, True])
def test_whole_files(put, is_packed, has_more):
    """Events of several kinds, with what MadGraph adds to them."""
    path = put(made(60, extra=lambda n: EXTRA * (has_more and n % 4 == 1)), is_packed=is_packed)
    found = read(path)
    assert (found.events, set(found.particles), set(found.weights)) == by_pylhe(path)
    assert (found.events, found.weights) == (60, {4.996e-5})
    assert found.particles == {11, -11, 13, -13, 22, 9900026}
    assert found.beams == ((11, 5.29), (-11, 5.29))
    assert found.cross_section_pb == pytest.approx(4e-5)
    assert found.error_pb == pytest.approx(5e-7)
    assert found.header == HEAD[: HEAD.index("<init>")]


ROWS = (Row(11, -1, (0, 0), (0, 0, 5.29, 5.29), 0.0), Row(13, 1, (1, 1)), Row(-13, 1, (1, 1)))


@pytest.fixture
def uniform(tmp_path):
    """Return a file of mcbook's own, whose events are compared with each other in one go."""
    rng = np.random.default_rng(2)
    path = tmp_path / "own.lhe"
    text = EventText(ROWS, weight=1.0, scale=10.58, alpha_qed=1 / 137)
    momenta = abs(rng.normal(size=(2, 4, 900)))
    with LheWriter(path, "", Init(((11, 5.29), (-11, 5.29)), [Process(1.0, 0.1)])) as file:
        file.write(text.matrix(momenta, momenta[:, 0], np.empty((0, 900))))
    return path


@pytest.mark.thorough
def test_own_files(uniform, monkeypatch):
    """The events of one kind are all read, and hardly any is looked at closely."""
    looked = []
    check = reader.check_event
    monkeypatch.setattr(reader, "check_event", lambda *a: looked.append(a) or check(*a))
    assert ours(uniform) == by_pylhe(uniform) == (900, {11, 13, -13}, {1.0})
    assert len(looked) == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("       13  1    1", "       13  1    4", "mother that is none"),
        ("       13  1    1", "       13  1   -1", "mother that is none"),
        ("\n 3      1", "\n 2      1", "has 3 particles and says that it has 2"),
        ("\n 3      1", "\n 4      1", "has 3 particles and says that it has 4"),
        ("e-01 ", "e,01 ", "something else than finite numbers"),
        ("e-01 ", "e 01 ", "14 columns in row"),
        ("e-01 ", "e+999 ", "something else than finite numbers"),
        ("       13  1", "     13.0  1", "something else than finite numbers"),
        (" 0.0000e+00 9.0000e+00\n</event>", "\n</event>", "11 columns in row 3, not 13"),
        ("<event>\n 3", "<evens>\n 3", "does not begin with <event>"),
        (" 9.0000e+00\n</event>", " nan\n</event>", "something else than finite numbers"),
        (" 9.0000e+00\n</event>", " 9.0000e+00\n\n0\n</event>", "0 columns in row 4"),
        (" 9.0000e+00\n</event>", " 9.0000e+00\n<a></b></event>", "not well-formed"),
        (" 9.0000e+00\n</event>", " 9.0000e+00\n</eventt>", "not well-formed"),
    ],
)
def test_one_event_is_wrong(uniform, old, new, says):
    """Among hundreds of the same kind, the one is found and its number said."""
    text = uniform.read_text()
    at = 0
    for _ in range(701):
        at = text.index("<event>", at + 1)
    uniform.write_text(text[:at] + text[at:].replace(old, new, 1))
    with pytest.raises(WorkError, match=says) as raised:
        read(uniform)
    number = int(str(raised.value).partition(": event ")[2].split()[0])
    assert number in range(701, 720)  # the first event from there on that has the text


WRONG_FILES = [
    (lambda t: t[: t.rindex("</event>")], "truncated: it ends in event 12"),
    (lambda t: t[: t.index("</Les")], "truncated: it ends in event 12"),
    (lambda t: t[: t.index("</init>")], "no LHE file"),
    (lambda t: f"{t}<event>\n", "truncated"),
    (lambda _: "", "no LHE file"),
    (lambda t: t.replace("3.0e-05 3", "x 3"), "no cross section"),
    (lambda t: t.replace("3.0e-05 3", "nan 3"), "no cross section"),
    (lambda t: t.replace("]]>", ""), "not well-formed"),
    (lambda t: t.replace("<header>", "<other></other><header>"), "does not begin with a header"),
    (lambda t: t.replace("LesHouchesEvents", "Events"), "does not begin with a header|not well"),
    (lambda t: t.replace("0 0 0 0 -4 2", "0 0 0 -4 2"), "ten numbers"),
    (lambda t: t.replace("11 -11 5", "11 nan 5"), "ten numbers"),
    (
        lambda t: t.replace("<init>\n1", "<init>1"),
        "cross section|ten",
    ),
]


@pytest.mark.parametrize(("change", "says"), WRONG_FILES, ids=map(str, range(len(WRONG_FILES))))
def test_files_that_are_wrong(put, change, says):
    """Head and end of a file."""
    with pytest.raises(WorkError, match=says):
        read(put(change(made())))


def test_archives_that_are_cut(put):
    """A gzip file that ends early, has other bytes changed or something else behind it."""
    path = put(made(), is_packed=True)
    whole = path.read_bytes()
    for content in (whole[:-20], whole[:-3], whole[:-8] + b"\1" + whole[-7:], whole + b"more"):
        path.write_bytes(content)
        with pytest.raises(WorkError, match="cannot be read"):
            read(path)
    path.write_bytes(whole + bytes(512))
    assert read(path).events == 12
    with pytest.raises(WorkError, match="not there"):
        read(path.with_name("none.lhe"))


def test_decay_of_one_particle(put):
    """MadGraph names no second beam there."""
    text = made().replace("11 -11 5.290000e+00 5.290000e+00", "9900026 0 1.5 0.0")
    assert read(put(text)).beams == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<wgt id='2'> +4.9970000e-05 </wgt>", "<wgt id='2'> x </wgt>"),
        ("<wgt id='2'> +4.9970000e-05 </wgt>", "<wgt> 1.0 </wgt>"),
        ("<wgt id='2'> +4.9970000e-05 </wgt>", "<wgt id='2'/>"),
        ("#aMCatNLO", "1<!-- -->#aMCatNLO"),
        ("\n#aMCatNLO", "<!-- -->#aMCatNLO"),
        ("\n#aMCatNLO", "<![CDATA[0]]>#aMCatNLO"),
        ('muf="91.2"', 'muf="x"'),
        ("<mgrwt>", "<weights> 1 2 3 </weights><mgrwt>"),
        ("<mgrwt>", "<weights> 1 x </weights><mgrwt>"),
        ("<mgrwt>", "& <mgrwt>"),
        ("<mgrwt>", "\x01<mgrwt>"),
        ("</mgrwt>", "</mgrw>"),
    ],
)
def test_what_madgraph_adds(put, old, new):
    """Weights and scales that cannot be read are refused, in the last of many events too."""
    assert ours(put(made(20, extra=lambda _: EXTRA))) is not None
    first, _, last = made(20, extra=lambda _: EXTRA).rpartition(old)
    path = put(first + new + last)
    assert by_pylhe(path) is None
    assert ours(path) is None


def test_comments_are_no_harm(put):
    """What says nothing is read over, as pylhe does."""
    text = made(20, extra=lambda _: EXTRA).replace("'2'> +", "'2'><!-- a --> +")
    path = put(text.replace("</rwgt>", "</rwgt>\n# a\n<!-- b -->"))
    assert ours(path) == by_pylhe(path) != None  # noqa: E711


def test_more_kinds_than_are_kept(put, monkeypatch):
    """A file in which no event looks like another is only read more slowly."""
    monkeypatch.setattr(reader, "_MOST_SHAPES", 3)
    monkeypatch.setattr(reader, "_MOST_KINDS", 1)
    path = put(made(60))
    assert ours(path) == by_pylhe(path)


def drop_column(text, at, _):
    """Take a word away."""
    words = text[at:].split(" ", 2)
    return text[:at] + words[0] + " " + words[-1]


def drop_line(text, at, _):
    """Take a line away."""
    return text[:at] + text[at:].partition("\n")[2]


def double_line(text, at, _):
    """Write a line twice."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at) + 1 or len(text)
    return text[:end] + text[start:end] + text[end:]


def cut(text, at, _):
    """Let the file end here."""
    return text[:at]


def insert(text, at, word):
    """Write something in between."""
    return text[:at] + word + text[at:]


def overwrite(text, at, word):
    """Write something over what is there."""
    return text[:at] + word + text[at + len(word) :]


def swap_word(text, at, word):
    """Write something in the place of a word."""
    at = text.rfind(" ", 0, at) + 1
    end = min(i for i in (text.find(" ", at), text.find("\n", at), len(text)) if i >= at)
    return text[:at] + word + text[end:]


CHANGES = [drop_column, drop_line, double_line, cut, insert, overwrite, swap_word]
WORDS = st.one_of(
    st.sampled_from(
        ["nan", "inf", "-inf", "1e999", "1_0", "1.0", "-1", "99", "7", "0x1", "1D+00", "\n", " ",
         "\r", "\t", "\x00", "\x0b", "\x0c", "\x85", "\xa0", "<", "&", ",", "</event>", "<event>",
         "<event a='1' b='2'>", "<!-- -->", "<!--", "]]>", "<![CDATA[", "#", "\n# x\n", "<a/>",
         "&#0;", "&lt;", "+", "--", "é"]
    ),
    st.text(max_size=3),
    st.integers(-999, 99999).map(str),
)  # fmt: skip


def alike(count=20):
    """Return a file with events of one kind."""
    rng = np.random.default_rng(9)
    body = "".join(
        event(rng, CHAINS[0]).replace(" -1.0000e+00\n", " 1.0000e+00\n") for _ in range(count)
    )
    return f"{HEAD}{body}</LesHouchesEvents>\n"


FILES = [made(14), made(14, extra=lambda n: EXTRA * (n % 2)), alike()]


@pytest.mark.thorough
@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(FILES),
    st.lists(
        st.tuples(st.sampled_from(CHANGES), st.floats(0, 1), WORDS), min_size=1, max_size=2
    ),
    st.booleans(),
    st.sampled_from([1 << 16, 1500]),
)  # fmt: skip
def test_what_pylhe_refuses_is_refused(put, text, changes, in_events, size):
    """A file with something changed at random: refused, or read as pylhe reads it."""
    for change, where, word in changes:
        start = max(text.find("<event>"), 0) if in_events else 0
        text = change(text, start + math.floor(where * (len(text) - start)), word)
    path = put(text.encode("utf-8", "surrogatepass"))
    theirs = by_pylhe(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_CHUNK", size)
        patch.setattr(reader, "_PACKED_CHUNK", size)
        found = ours(path)
    assert found is None or found == theirs
