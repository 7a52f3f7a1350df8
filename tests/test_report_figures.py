"""Figures of limits: what is drawn is what the document says."""

import zlib

import numpy as np
import pytest
from analysis_world import Toy

from mcbook.analysis import read_analysis, run
from mcbook.errors import InputError
from mcbook.report.figures import bandplot, draw, draw_comparison, planes, titles
from mcbook.report.figures.frame import Frame
from mcbook.report.figures.scan import scan_of
from mcbook.report.overlays import read_overlays
from mcbook.resources import shipped
from mcbook.verbs.limits import set_limits

RESULT = "r-0123456789ab"

ZPRIME = """
schema: 1
name: zprime_test
model: zprime
cl: 0.90
luminosity: {value: 79.7, relative_error: 0}
samples: {alpha: 1/137.035999, isr: none}
channels:
  recoil:
    process: mumu_inv
    efficiency: {map: map.csv, axes: [m_zp]}
    background: 2
    observed: 3
rate: g_prime
scan: {m_zp: {linspace: [0.5, 5, 10]}}
vetoes: [{m_zp: [1.9, 2.6], reason: a resonance}]
"""
IDM = """
schema: 1
name: idm_test
model: idm
cl: 0.95
method: asymptotic
luminosity: {value: 365, relative_error: 0}
samples: {alpha: 1/137.035999, isr: none}
channels:
  mumu:
    process: hp_mumu_chi2_ee
    efficiency: {map: a.csv, axes: [ctau_chi2]}
    background: 1
rate: {limit: epsilon, range: [1e-5, 0.1], points: 40}
scan: {m_chi1: {linspace: [0.6, 1.4, 5]}}
fixed: {alpha_D: 0.1, theta: 1e-4, m_hp: 0.6}
derived: {m_ap: 3*m_chi1, delta_m: 0.4*m_chi1}
"""
MAPS = {
    "recoil": Toy(lambda m_zp: 0.06 + 0 * m_zp),
    "mumu": Toy(lambda ctau_chi2: 0.05 * np.exp(-1 / ctau_chi2) * (1 - np.exp(-300 / ctau_chi2))),
}


@pytest.fixture
def result(tmp_path):
    """Return a function that gives an analysis and its document."""

    def limits(text, *, unblinded=False):
        path = tmp_path / "analysis.yaml"
        path.write_text(text)
        analysis = read_analysis(path)
        maps = {channel.name: MAPS[channel.name] for channel in analysis.channels}
        found = run(analysis, maps=maps, unblinded=unblinded)
        return found, {"kind": "analysis", "result": RESULT, **found.document()}

    return limits


def names(files):
    """Return the names of files."""
    return sorted(path.name for path in files)


def line(axes, label):
    """Return x and y of a line."""
    (found,) = [entry for entry in axes.lines if entry.get_label() == label]
    return found.get_data()


def test_band_plot(result, tmp_path):
    """Lines hold the limits of the document, and break at vetoed points."""
    found, document = result(ZPRIME, unblinded=True)
    files, notes = draw(document, tmp_path / "out", result=found)
    assert names(files) == [f"{n}.{k}" for n in ("cross_section", "limits") for k in ("pdf", "png")]
    assert notes == []
    frame, place = Frame(document, "own work"), scan_of(document)
    bandplot.draw_bands(frame, bandplot.curves_of(document, place, "rate"), "x", "y")
    for label, key in (("observed", None), ("expected, before the fit", 2)):
        x, y = line(frame.axes, label)
        wanted = [
            row["rate"]["observed"] if key is None else row["rate"]["expected"][key]
            for row in document["limits"]
        ]
        assert np.array_equal(y, np.array(wanted, dtype=float), equal_nan=True)
        assert np.flatnonzero(np.isnan(y)).tolist() == [3, 4]
        assert x.tolist() == pytest.approx(np.linspace(0.5, 5, 10).tolist())
    band = frame.axes.collections[1]
    inside = [row["rate"]["expected"] for row in document["limits"] if row["method"]]
    heights = np.concatenate([path.vertices[:, 1] for path in band.get_paths()])
    assert set(np.array(inside)[:, [1, 3]].ravel()) <= set(heights)
    bandplot.hatch_gaps(frame, place)
    (veto,) = [patch for patch in frame.axes.patches if patch.get_label() == "vetoed"]
    assert veto.get_bbox().intervalx == pytest.approx([1.75, 2.75])


def test_closed_box_has_no_observed_line(result):
    """What was not looked at is not drawn."""
    _, document = result(ZPRIME)
    frame = Frame(document, "own work")
    bandplot.draw_bands(frame, bandplot.curves_of(document, scan_of(document), "rate"), "x", "y")
    assert [entry.get_label() for entry in frame.axes.lines] == ["expected"]


def test_islands(result, tmp_path):
    """Contours of the coupling pass the edges of the excluded intervals."""
    found, document = result(IDM)
    files, _ = draw(document, tmp_path, result=found)
    assert names(files) == ["cross_section.pdf", "cross_section.png", "islands.pdf", "islands.png"]
    frame = Frame(document, "own work")
    planes.draw_plane(frame, found.plane("m_chi1", "epsilon"), "x", "y")
    drawn = np.concatenate([
        np.column_stack(entry.get_data()) for entry in frame.axes.lines
        if entry.get_linestyle() == "--"
    ])  # fmt: skip
    for row in document["limits"]:
        ((low, high),) = row["rate"]["expected"][2]
        here = drawn[np.isclose(drawn[:, 0], row["parameters"]["m_chi1"])]
        for edge in (low, high):
            assert np.abs(np.log(here[:, 1] / edge)).min() < 0.05
    assert frame.axes.get_yscale() == "log"


def test_plane_of_two(result, tmp_path):
    """Two scanned quantities give what is excluded, and the limit as colours."""
    text = ZPRIME.replace("rate: g_prime", "rate: mu").replace(
        "scan: {m_zp: {linspace: [0.5, 5, 10]}}",
        "scan: {m_zp: {linspace: [0.5, 5, 6]}, g_prime: {logspace: [1e-4, 1e-1, 7]}}",
    )
    found, document = result(text)
    files, _ = draw(document, tmp_path, result=found)
    assert names(files) == ["excluded.pdf", "excluded.png", "limits.pdf", "limits.png"]


def test_files_carry_the_result(result, tmp_path):
    """PNG and PDF name the result where `mcbook trace` reads it, and are the same every time."""
    _, document = result(ZPRIME)
    first, _ = draw(document, tmp_path / "a")
    second, _ = draw(document, tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        content = one.read_bytes()
        assert RESULT.encode() in content
        assert content == other.read_bytes()
    png = next(path for path in first if path.suffix == ".png").read_bytes()
    place = png.index(b"tEXt")
    size = int.from_bytes(png[place - 4 : place], "big")
    crc = int.from_bytes(png[place + 4 + size : place + 8 + size], "big")
    assert zlib.crc32(png[place : place + 4 + size]) == crc
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names(first)


def test_counts(tmp_path):
    """A counts table is drawn along its parameter; without one nothing is, and that is said."""
    table = tmp_path / "counts.csv"
    table.write_text("hypothesis,m,observed,signal,background\na,1,1,2,1\nb,2,0,3,1\nc,3,,3,1\n")
    document = set_limits(table, cl=0.9)
    files, notes = draw(document, tmp_path / "out")
    assert (names(files), notes) == (["limits.pdf", "limits.png"], [])
    table.write_text("hypothesis,observed,signal,background\na,1,2,1\nb,0,3,1\n")
    files, notes = draw(set_limits(table, cl=0.9), tmp_path / "none")
    assert (files, len(notes)) == ([], 1)


def test_comparison(result, tmp_path):
    """Two results in one figure."""
    _, one = result(ZPRIME)
    _, other = result(ZPRIME.replace("79.7", "365").replace("zprime_test", "later"))
    files, notes = draw_comparison(one, other, tmp_path)
    assert (names(files), notes) == (["comparison.pdf", "comparison.png"], [])
    _, islands = result(IDM)
    assert draw_comparison(one, islands, tmp_path)[0] == []


@pytest.mark.parametrize(
    ("name", "model", "shown"),
    [
        ("m_zp", "zprime", "$m_{Z'}$ [GeV]"),
        ("g_prime", "zprime", "$g'$"),
        ("ctau_chi2", "idm", None),
        ("epsilon**2*alpha_D", "idm", r"${\epsilon}^{2}\, \alpha_D$"),
        ("epsilon + 1", "idm", "epsilon + 1"),
        ("m", None, "m"),
    ],
)
def test_titles(name, model, shown):
    """Symbols and units come from the registry; what has none stands for itself."""
    found = titles.title(name, titles.model_of({"model": model}))
    if shown is None:
        assert found.startswith(r"$c\tau")
        assert found.endswith("[mm]")
    else:
        assert found == shown


GOOD = """\
schema: 1
limits:
  - name: somebody
    citation: a paper
    cl: 0.95
    x: m_zp
    y: g_prime
    points: [[1, 1.0e-2], [3, 2.0e-2]]
"""


def test_overlays(result, tmp_path):
    """A published limit is drawn with its own level; one with other axes leaves a note."""
    path = tmp_path / "published.yaml"
    path.write_text(GOOD)
    found, document = result(ZPRIME)
    _, notes = draw(document, tmp_path / "out", result=found, overlays=read_overlays(path))
    assert len(notes) == 1
    assert "sigma_br" in notes[0]
    frame = Frame(document, "own work")
    frame.overlay(read_overlays(path), "m_zp", "g_prime")
    x, y = line(frame.axes, "somebody (95% CL)")
    assert (list(x), list(y)) == ([1, 3], [0.01, 0.02])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("citation: a paper", "", "citation"),
        ("cl: 0.95", "cl: 95", "line 5 (limits.0.cl)"),
        ("cl: 0.95", "level: 0.95", "line 5"),
        ("[3, 2.0e-2]", "[3, .nan]", "line 8"),
        ("[3, 2.0e-2]", "[3]", "pair of numbers"),
        ("[[1, 1.0e-2], [3, 2.0e-2]]", "[[1, 1.0e-2]]", "at least 2"),
        ("    x: m_zp", "    kind: curv\n    x: m_zp", "did you mean 'curve'?"),
        ("limits:", "limit:", "did you mean 'limits'?"),
    ],
)
def test_bad_overlays(tmp_path, old, new, says):
    """The line says what is wrong."""
    assert old in GOOD
    path = tmp_path / "published.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_overlays(path)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_shipped_overlays_are_right():
    """What is shipped can be read."""
    for path in (shipped("catalog") / "published").glob("*.yaml"):
        assert all(entry.citation for entry in read_overlays(path))
