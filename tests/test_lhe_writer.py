"""Les Houches files as mcbook writes them: numbers, lines, and files that others can read."""

import gzip
import math
import shutil
import subprocess

import numpy as np
import pylhe
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcbook.lhe.file import Init, LheWriter, Process
from mcbook.lhe.reader import read
from mcbook.lhe.writer import EventText, Row

SIGNED, PLAIN = " %+.10e", " %.10e"
ROWS = (
    Row(11, -1, (0, 0), (0.0, 0.0, 5.29, 5.29), 5.1e-4),
    Row(-11, -1, (0, 0), (0.0, -0.0, -5.29, 5.29), 5.1e-4),
    Row(9900026, 2, (1, 2), flies=True),
    Row(13, 1, (3, 3), mass=0.1056),
    Row(-13, 1, (3, 3), mass=0.1056),
)
HOW = {"weight": 1.0, "scale": 10.58, "alpha_qed": 7.297353e-3}


def flat(matrix):
    """Return the text of a block."""
    return matrix.tobytes().decode()


def by_python(rows, momenta, masses, lifetimes):
    """Return the text of one event, number by number."""
    momenta, masses, lifetimes = iter(momenta), iter(masses), iter(lifetimes)
    text = f"<event>\n{len(rows):2d}      1 {1:+.7e} {10.58:.8e} {7.297353e-3:.8e} {0:.8e}\n"
    for row in rows:
        px, py, pz, energy = row.momentum or next(momenta)
        mass = next(masses) if row.mass is None else row.mass
        text += "{:9d} {:2d} {:4d} {:4d}    0    0".format(row.pdg_id, row.status, *row.mothers)
        text += (SIGNED * 3 + PLAIN * 2) % (px + 0.0, py + 0.0, pz + 0.0, energy, mass)
        text += PLAIN % next(lifetimes) if row.flies else " 0.0000e+00"
        text += " 9.0000e+00\n"
    return f"{text}</event>\n"


@pytest.fixture(scope="module")
def block():
    """Return momenta, masses and lifetimes of a block of events."""
    rng = np.random.default_rng(7)
    momenta = rng.normal(size=(3, 4, 500)) * 10.0 ** rng.integers(-6, 3, size=(3, 4, 500))
    momenta[:, 3] = abs(momenta[:, 3])
    momenta[0, 0, ::7] = -0.0
    return momenta, abs(rng.normal(size=(1, 500))), rng.exponential(size=(1, 500)) * 1e-3


def test_events(block):
    """A block is what Python's formatting gives, event by event."""
    momenta, masses, lifetimes = block
    matrix = EventText(ROWS, **HOW).matrix(*block)
    wanted = "".join(
        by_python(ROWS, momenta[:, :, n], masses[:, n], lifetimes[:, n]) for n in range(500)
    )
    assert flat(matrix) == wanted
    assert matrix.shape == (500, EventText(ROWS, **HOW).n_bytes)


def numbers(values):
    """Return values as the momenta of one particle write them, signed and unsigned."""
    text = EventText([Row(13, 1, (0, 0), mass=0.0, flies=True)], **HOW)
    values = np.asarray(values, dtype=float)
    momenta = np.stack([values, -values, values[::-1], abs(values)])[None]
    lines = flat(text.matrix(momenta, np.empty((0, len(values))), abs(values)[None]))
    return [line.split() for line in lines.splitlines() if line.endswith(" 9.0000e+00")]


def check_numbers(values):
    """Compare with Python's formatting."""
    for value, last, found in zip(values, values[::-1], numbers(values), strict=True):
        px, py, pz = (f"{one + 0.0:+.10e}" for one in (value, -value, last))
        size = f"{abs(value):.10e}"
        assert found[6:12] == [px, py, pz, size, "0.0000000000e+00", size]


FINITE = st.floats(1e-99, 9.9999999999e99, allow_subnormal=False)
DECIMAL = st.builds(
    lambda digits, half, power: float(f"{digits}{half}e{power}"),
    st.integers(0, 10**11), st.sampled_from(["", "5", "49999", "50001", "5000001"]),
    st.integers(-40, 20),
)  # fmt: skip
NUMBER = st.builds(
    math.copysign, st.one_of(FINITE, DECIMAL, st.just(0.0)), st.sampled_from([1, -1])
)


@given(st.lists(NUMBER, min_size=1, max_size=30))
@example([0.5, 99999999999.5, 9.99999999995, 99999.999995, 1e22, 1e23, 1e-99, 9.99999999994e99])
@example([10.0**power for power in range(-99, 100)])
@example([math.nextafter(10.0**power, 0) for power in range(-98, 100)])
@example([float(f"1.00000000005e{power}") for power in range(-90, 90)])
@example([float(f"12345678901.5e{power}") for power in range(-30, 20)])
def test_numbers(values):
    """Every number, near halves and powers of ten too."""
    check_numbers(values)


def test_many_numbers():
    """Numbers of all sizes that occur."""
    rng = np.random.default_rng(3)
    check_numbers(list(rng.uniform(-10, 10, 20000) * 10.0 ** rng.integers(-12, 9, 20000)))


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 1e100, 9.99999999999e99, 1e-100, 5e-324]
)
def test_numbers_that_do_not_fit(value):
    """What has no exponent of two digits is refused."""
    with pytest.raises(ValueError, match=r"three digits|not finite"):
        numbers([1.0, value])


def test_what_is_wrong(block):
    """A negative energy, arrays of the wrong shape, a weight that is no number."""
    momenta, masses, lifetimes = block
    text = EventText(ROWS, **HOW)
    with pytest.raises(ValueError, match="below 0"):
        text.matrix(-momenta, masses, lifetimes)
    with pytest.raises(ValueError, match="is wanted"):
        text.matrix(momenta[:2], masses, lifetimes)
    with pytest.raises(ValueError, match="is wanted"):
        text.matrix(momenta, masses[:, :9], lifetimes)
    with pytest.raises(ValueError, match="not finite"):
        EventText(ROWS, **HOW | {"weight": math.nan})
    assert text.matrix(momenta[..., :0], masses[:, :0], lifetimes[:, :0]).shape[0] == 0


def init(value=4.0e-5, error=1.5e-7, **how):
    """Return beams and one process."""
    return Init(((11, 5.29), (-11, 5.29)), [Process(value, error)], **how)


@pytest.mark.parametrize("name", ["e.lhe", "e.lhe.gz"])
def test_files(tmp_path, block, name):
    """Head, events and end."""
    path = tmp_path / name
    events = EventText(ROWS, **HOW).matrix(*block)
    with LheWriter(path, "<made>  500</made>", init()) as file:
        file.write(events[:300])
        file.write(events[300:])
        assert not path.exists()
    content = path.read_bytes()
    text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    assert text == (
        '<LesHouchesEvents version="3.0">\n<header>\n<made>  500</made>\n</header>\n<init>\n'
        "11 -11 5.290000e+00 5.290000e+00 0 0 0 0 3 1\n"
        "4.000000e-05 1.500000e-07 1.000000e+00 1\n</init>\n"
        f"{flat(events)}</LesHouchesEvents>\n"
    )
    assert [one.name for one in tmp_path.iterdir()] == [name]
    if name.endswith("gz") and shutil.which("zcat"):
        assert subprocess.check_output(["zcat", path]).decode() == text


@pytest.mark.parametrize("name", ["e.lhe", "e.lhe.gz"])
def test_pylhe_reads_it(tmp_path, block, name):
    """Somebody else's reader gets the numbers back."""
    momenta, masses, lifetimes = block
    with LheWriter(tmp_path / name, "", init()) as file:
        file.write(EventText(ROWS, **HOW).matrix(*block))
    found = pylhe.LHEFile.fromfile(tmp_path / name)
    assert (found.init.initInfo.beamB, found.init.initInfo.energyB) == (-11, 5.29)
    assert (found.init.initInfo.weightingStrategy, found.init.procInfo[0].xSection) == (3, 4e-5)
    events = list(found.events)
    assert len(events) == 500
    for number, event in enumerate(events):
        assert (event.eventinfo.nparticles, event.eventinfo.weight) == (5, 1.0)
        assert [one.id for one in event.particles] == [11, -11, 9900026, 13, -13]
        flying = event.particles[2]
        assert (flying.px, flying.py, flying.pz, flying.e) == pytest.approx(
            tuple(momenta[0, :, number]), rel=1e-10
        )
        assert (flying.m, flying.lifetime) == pytest.approx(
            (masses[0, number], lifetimes[0, number]), rel=1e-10
        )


def test_the_same_bytes(tmp_path, block):
    """Neither name nor time is in the file."""
    for name in ("a.lhe.gz", "b.lhe.gz"):
        with LheWriter(tmp_path / name, "", init()) as file:
            file.add(EventText(ROWS, **HOW), *block)
            file.write(EventText(ROWS, **HOW).matrix(*block))
    assert (tmp_path / "a.lhe.gz").read_bytes() == (tmp_path / "b.lhe.gz").read_bytes()


@pytest.mark.parametrize("level", [None, 1, 6])
@pytest.mark.parametrize("name", ["e.lhe", "e.lhe.gz"])
def test_added_blocks(tmp_path, block, name, level):
    """However the events are compressed, they are the same."""
    text = EventText(ROWS, **HOW)
    path = tmp_path / name
    with LheWriter(path, "", init(), level=level) as file:
        file.add(text, *(one[..., :300] for one in block))
        file.add(text, *(one[..., 300:] for one in block))
    content = path.read_bytes()
    plain = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    assert plain.partition("</init>\n")[2] == flat(text.matrix(*block)) + "</LesHouchesEvents>\n"
    assert read(path).events == 500


LINES = st.builds(
    Row,
    st.sampled_from([11, -13, 9900026, 511]), st.just(1), st.tuples(st.just(0), st.just(0)),
    st.sampled_from([None, None, (0.0, 0.0, 5.29, 5.29)]), st.sampled_from([None, 0.105]),
    st.booleans(),
)  # fmt: skip


@given(st.lists(LINES, min_size=1, max_size=12), st.sampled_from([0, 1, 2, 37]), st.integers(0, 99))
@example([Row(11, 1, (0, 0), (0.0, 0.0, 1.0, 1.0), 0.0)] * 9, 3, 0)
@example([Row(11, 1, (0, 0), (0.0, 0.0, 1.0, 1.0), 0.0)] * 150, 3, 0)
def test_compressed_as_they_are_made(rows, count, seed):
    """For any particles a gzip member of the same text, as small as zlib's at its level 1."""
    rng = np.random.default_rng(seed)
    text = EventText(rows, **HOW)
    momenta = rng.normal(size=(sum(one.momentum is None for one in rows), 4, count))
    momenta[:, 3] = abs(momenta[:, 3])
    masses = rng.exponential(size=(sum(one.mass is None for one in rows), count))
    lifetimes = 10 ** rng.uniform(-30, 5, size=(sum(one.flies for one in rows), count))
    packed = text.gzipped(momenta, masses, lifetimes)
    plain = text.matrix(momenta, masses, lifetimes).tobytes()
    assert gzip.decompress(packed) == plain
    if count > 1:
        assert text._packing.fits == (text.n_bytes <= 16384)


def test_size_of_what_is_compressed(block):
    """As small as zlib's at its level 1."""
    text = EventText(ROWS, **HOW)
    matrix = text.matrix(*block)
    assert len(text.gzipped(*block)) < 1.05 * len(gzip.compress(matrix.tobytes(), 1))


@pytest.mark.parametrize("program", [["gzip", "-t"], ["zcat"], ["python3", "-m", "gzip", "-d"]])
def test_other_programs_read_it(tmp_path, block, program):
    """Members one after the other are what gzip files are made of."""
    path = tmp_path / "e.lhe.gz"
    with LheWriter(path, "", init()) as file:
        file.add(EventText(ROWS, **HOW), *block)
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    subprocess.run([*program, path], check=True, capture_output=True)


def test_weights_of_madgraph():
    """With MadGraph's convention the largest weight is the cross section."""
    assert init(strategy=-4).text().splitlines()[1:3] == [
        "11 -11 5.290000e+00 5.290000e+00 0 0 0 0 -4 1",
        "4.000000e-05 1.500000e-07 4.000000e-05 1",
    ]
