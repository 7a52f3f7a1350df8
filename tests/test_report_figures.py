"""Figures show the numbers of the limits, and nothing where there is none."""

import json
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from analysis_world import IDM as IDM_WORLD
from analysis_world import ZPRIME as ZPRIME_WORLD
from analysis_world import Toy, analysis_in, changed, counting, settle
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.figure import Figure

from mcbook import resources
from mcbook.errors import InputError, WorkError
from mcbook.registry.loader import find_process, load_model, model_names
from mcbook.report.figures import draw, draw_comparison, scans
from mcbook.report.figures.lines import band_figure
from mcbook.report.figures.planes import coupling_figure, edges_figure, plane_figure
from mcbook.report.figures.regions import excluded_area, excluded_lines, outlines
from mcbook.report.figures.scales import is_log
from mcbook.report.figures.scans import Field, Islands
from mcbook.report.figures.sheet import Sheet, safe, styled
from mcbook.report.figures.symbols import Symbols
from mcbook.report.overlays import Overlay, read_overlays
from mcbook.verbs.limits import set_limits

ZPRIME = changed(
    ZPRIME_WORLD,
    ("model: zprime", "title: a test\nmodel: zprime"),
    ("background: 0", "background: 2"),
    ("observed: 0", "observed: 4"),
    (
        "scan: {m_zp: [0.1, 1, 3, 5]}",
        "vetoes: [{m_zp: [3.9, 4.1], reason: a gap}]\nscan: {m_zp: [0.1, 1, 2, 3, 4, 5, 6, 7, 8]}",
    ),
)
IDM = changed(
    IDM_WORLD,
    ("background: 0", "background: 0\n    observed: 0"),
    ("range: [1e-6, 0.1]}", "range: [1e-6, 0.1], points: 101}"),
    (
        "scan: {m_chi1: [0.8, 1.0]}",
        (
            "vetoes: [{m_chi1: [0.99, 1.01], reason: a gap}]\n"
            "scan: {m_chi1: {linspace: [0.6, 1.4, 9]}}"
        ),
    ),
)

RESULT = "r-0123456789ab"


def window(m_chi1, ctau_chi2):
    """Return the probability to decay between 10 mm and 600 mm, times an efficiency."""
    return 0.02 * m_chi1 * (np.exp(-10 / ctau_chi2) - np.exp(-600 / ctau_chi2)) + 1e-30


RECOIL = {"recoil": Toy(lambda m_zp: 0 * m_zp + 0.06, refuse=lambda m_zp: m_zp > 7.5)}
MUMU = {"mumu": Toy(window)}


@pytest.fixture
def solve(tmp_path):
    """Return a function from text to a result and its limits document."""

    def run_text(text, maps, *changes, unblinded=False):
        analysis = analysis_in(tmp_path, text, *changes)
        result = settle(analysis, maps=maps, upper_limits=counting, unblinded=unblinded)
        head = {"schema": 1, "kind": "analysis", "result": RESULT}
        return result, json.loads(json.dumps(head | result.document()))

    return run_text


def sheet_of(document, **options):
    """Return a sheet for a document."""
    model = load_model(document["model"]) if "model" in document else None
    symbols = Symbols(model, document.get("processes", {}).values())
    return Sheet(document, symbols, "own work", **options)


def lines(figure, label):
    """Return the points of the line with a label."""
    (found,) = [line for line in figure.axes[0].get_lines() if line.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def labels(figure):
    """Return the entries of the legend, its title first."""
    legend = figure.axes[0].get_legend()
    return [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]


def column(document, *keys):
    """Return one number of every row, NaN for None."""
    found = []
    for row in document["limits"]:
        value = row
        for key in keys:
            value = value[key]
        found.append(np.nan if value is None else value)
    return np.array(found, dtype=float)


def test_band(solve):
    """Lines and bands hold the limits of the document; the limit at 1 GeV is known otherwise."""
    _, document = solve(ZPRIME, RECOIL, unblinded=True)
    scan = scans.scan_of(document, "m_zp", "g_prime")
    with styled():
        figure = band_figure(scan, sheet_of(document))
    x, median = lines(figure, "expected median")
    assert x.tolist() == [0.1, 1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_array_equal(median, column(document, "rate", "expected", 2))
    np.testing.assert_array_equal(
        lines(figure, "observed")[1], column(document, "rate", "observed")
    )
    assert "expected, post-fit" not in labels(figure)  # it is the same: nothing is fitted
    for row in document["limits"]:
        after = row["rate"]["expected_postfit"]
        row["rate"]["expected_postfit"] = [value and 1.1 * value for value in after]
    with styled():
        fitted = band_figure(scans.scan_of(document, "m_zp", "g_prime"), sheet_of(document))
    np.testing.assert_array_equal(
        lines(fitted, "expected, post-fit")[1], column(document, "rate", "expected_postfit", 2)
    )
    # sigma = 9.956 fb at g' = 0.01 and BR = 0.5002 at 1 GeV, as in test_analysis_physics.
    events = document["limits"][1]["observed_events"]
    wanted = np.sqrt(events / (79.7 * 9.956e4 * 0.5002 * 0.06))
    assert lines(figure, "observed")[1][1] == pytest.approx(wanted, rel=1e-3)
    bands = [c for c in figure.axes[0].collections if isinstance(c, PolyCollection)]
    assert len(bands) == 2
    for band, (low, high) in zip(bands, ((0, 4), (1, 3)), strict=True):
        points = np.concatenate([path.vertices for path in band.get_paths()])
        at_one = points[points[:, 0] == 1.0][:, 1]
        rate = document["limits"][1]["rate"]["expected"]
        assert [at_one.min(), at_one.max()] == pytest.approx([rate[low], rate[high]])
        assert not (np.abs(points[:, 0] - 4) < 0.5).any()


@pytest.mark.thorough
def test_gaps(solve):
    """A vetoed and a refused point are NaN in every line, and hatched between their neighbours."""
    _, document = solve(ZPRIME, RECOIL)
    with styled():
        figure = band_figure(scans.scan_of(document, "m_zp", "g_prime"), sheet_of(document))
    _, median = lines(figure, "expected median")
    assert np.flatnonzero(np.isnan(median)).tolist() == [4, 8]
    hatched = {p.get_label(): p.get_extents() for p in figure.axes[0].patches if p.get_hatch()}
    width = {
        name: figure.axes[0].transData.inverted().transform(box)[:, 0]
        for name, box in hatched.items()
    }
    assert width["vetoed"] == pytest.approx([3.5, 4.5])
    assert width["no limit"] == pytest.approx([7.5, 8.0])


def test_closed_box_shows_nothing_observed(solve):
    """While the box is closed there is neither an observed nor a post-fit line."""
    _, document = solve(ZPRIME, RECOIL)
    with styled():
        figure = band_figure(scans.scan_of(document, "m_zp", "g_prime"), sheet_of(document))
    assert labels(figure)[:2] == ["Upper limits at 90% CL", "expected median"]
    assert not {"observed", "expected, post-fit"} & set(labels(figure))


def test_lonely_point(solve):
    """A point between two gaps is marked, since no line reaches it."""
    few = ("[0.1, 1, 2, 3, 4, 5, 6, 7, 8]", "[5, 6, 8]")
    _, document = solve(ZPRIME, RECOIL, ("[3.9, 4.1]", "[4.9, 5.1]"), few)
    with styled():
        figure = band_figure(scans.scan_of(document, "m_zp", "g_prime"), sheet_of(document))
    marks = [line for line in figure.axes[0].get_lines() if line.get_marker() == "_"]
    assert [line.get_xdata().tolist() for line in marks] == [[6.0]]


@pytest.mark.thorough
def test_labels(solve):
    """Titles come from the registry, luminosity and energy from the document."""
    _, document = solve(ZPRIME, RECOIL)
    with styled():
        figure = band_figure(scans.scan_of(document, "m_zp", "sigma_br"), sheet_of(document))
    axes = figure.axes[0]
    assert axes.get_xlabel() == "$m_{Z'}$ [GeV]"
    assert axes.get_ylabel() == r"$\sigma(e^+ e^- \to \mu^+ \mu^- Z')\times\mathcal{B}$ [fb]"
    texts = " ".join(text.get_text() for text in [*axes.texts, *figure.texts])
    assert "Belle II" in texts
    assert "own work" in texts
    assert "79.7$ fb" in texts
    assert "10.58$ GeV" in texts
    assert f"{RESULT}  a test" in texts


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("epsilon**2 * alpha_D", r"$\epsilon^{2}\,\alpha_D$"),
        ("ctau_chi2", r"$c\tau(\chi_2)$ [mm]"),
        ("width_chi2", r"$\Gamma(\chi_2)$ [GeV]"),
        ("theta", r"$\theta$ [rad]"),
        ("mu", r"$\mu$"),
        ("sqrt(epsilon)", r"$\sqrt{\epsilon}$"),
    ],
)
def test_symbols(name, title):
    """Expressions are written in the symbols of the registry."""
    assert Symbols(load_model("idm")).title(name) == title


@pytest.mark.thorough
@pytest.mark.parametrize("name", model_names())
def test_symbols_can_be_drawn(name):
    """Everything in the registry can be drawn, and what cannot is shown as it is written."""
    model = load_model(name)
    symbols = Symbols(model)
    for quantity in (*model.parameters, *model.derived):
        title = symbols.title(quantity)
        assert safe(title) == title
    for process in model.processes:
        title = Symbols(model, [process]).title("sigma_br")
        assert safe(title) == title
    assert safe(r"$\nonsense{$ and $2") == r"\$\nonsense{\$ and \$2"


def test_symbols_without_a_model():
    """Columns of a table stand for themselves, whatever they are called."""
    assert Symbols(None).title("m zp!") == r"$\mathrm{m zp!}$"
    assert Symbols(None).number(1e-4) == "10^{-4}"
    assert Symbols(None).number(0.25) == "0.25"
    assert Symbols(None).number(2.5e-5) == r"2.5\times 10^{-5}"


@pytest.mark.thorough
def test_islands(solve):
    """Contours in the plane meet the edges of the document; the area ends at the veto."""
    result, document = solve(IDM, MUMU, unblinded=True)
    islands = scans.islands_of(document, "m_chi1")
    field = scans.field_of_plane(result.plane("m_chi1", "epsilon"), islands)
    with styled():
        figure = coupling_figure(field, islands, sheet_of(document))
        axes = figure.axes[0]
        drawn = excluded_lines(axes, field, "observed")
    assert axes.get_yscale() == "log"
    for row in document["limits"]:
        mass, found = row["parameters"]["m_chi1"], row["rate"]["observed"]
        crossings = [p[1] for entry in drawn for p in entry if abs(p[0] - mass) < 1e-9]
        if found is None:
            assert row["flags"] == ["vetoed"]
            assert not crossings
            continue
        ((low, high),) = found
        assert sorted(crossings) == pytest.approx([low, high], rel=0.02)
        assert axes.get_ylim()[0] < low < high < axes.get_ylim()[1]
    (area,) = [p for p in axes.patches if p.get_label() == "excluded, observed"]
    assert not (
        (area.get_path().vertices[:, 0] > 0.91) & (area.get_path().vertices[:, 0] < 1.09)
    ).any()
    assert labels(figure)[0] == "Excluded at 95% CL"


@pytest.mark.thorough
def test_edges_without_a_result(solve):
    """Without the plane, the edges of the document are joined along each island."""
    _, document = solve(IDM, MUMU)
    islands = scans.islands_of(document, "m_chi1")
    with styled():
        figure = edges_figure(islands, sheet_of(document))
    found = outlines(islands, "expected")
    assert [len(entry) for entry in found] == [4, 4, 4, 4]
    rows = document["limits"]
    for end in (0, 1):
        wanted = [row["rate"]["expected"][2][0][end] for row in rows if row["rate"]["expected"][2]]
        assert np.concatenate([found[end], found[end + 2]])[:, 1] == pytest.approx(wanted)
    np.testing.assert_array_equal(lines(figure, "expected median")[1], found[0][:, 1])


def test_outlines_of_islands_that_part():
    """Ranges that overlap are one island; an end that is no edge is not drawn."""
    both = [[(1.0, 4.0, True, True)], [(1.0, 2.0, True, False), (3.0, 5.0, True, True)], []]
    gaps = np.zeros(3, dtype=bool)
    islands = Islands("g", "m", np.arange(3.0), {"expected": both}, gaps, gaps)
    found = [entry[:, 1].tolist() for entry in outlines(islands, "expected")]
    assert [len(entry) for entry in found] == [2, 2, 1, 1]
    assert found[0] == [1.0, 1.0]
    assert np.isnan(found[1][1])
    assert found[2:] == [[3.0], [5.0]]


def area_of(z, mask=None):
    """Return the area that is filled for values on a grid over (-1, 1)."""
    x, y = np.linspace(-1, 1, z.shape[0]), np.linspace(-1, 1, z.shape[1])
    no = np.zeros(z.shape, dtype=bool)
    field = Field("x", "y", x, y, {"expected": z}, {}, no if mask is None else mask, no)
    with styled():  # paths are not simplified then
        axes = Figure().add_subplot()
        if not excluded_area(axes, field, "expected"):
            return 0.0
        (patch,) = axes.patches
    total = 0.0
    for polygon in patch.get_path().to_polygons(closed_only=True):
        cross = [a[0] * b[1] - a[1] * b[0] for a, b in pairwise(polygon)]
        total += 0.5 * sum(cross)
    return total


def test_area():
    """The filled area of a circle is pi r^2, and less by the cells beside points without answer."""
    x = np.linspace(-1, 1, 81)
    z = np.hypot(*np.meshgrid(x, x, indexing="ij")) - 0.7
    assert area_of(z) == pytest.approx(np.pi * 0.49, rel=2e-3)
    mask = np.zeros(z.shape, dtype=bool)
    mask[40, 40] = True
    assert area_of(z) - area_of(z, mask) == pytest.approx(4 * (x[1] - x[0]) ** 2)
    assert area_of(np.abs(z) + 1) == 0


@pytest.mark.parametrize(
    ("z", "area"),
    [
        # in units of a cell of side 2: two corners of 1/8, or all but two corners of 1/32
        ([[-1, 1], [1, -1]], 4 * 0.25),
        ([[1, -1], [-1, 1]], 4 * 0.25),
        ([[-3, 1], [1, -3]], 4 * (1 - 2 * 0.5 / 16)),
        ([[1, -3], [-3, 1]], 4 * (1 - 2 * 0.5 / 16)),
        ([[-1, -1], [np.inf, np.inf]], 4 * 0.25),
    ],
)
def test_area_of_saddles(z, area):
    """The middle of a cell decides whether two low corners are one area, as for contours."""
    assert area_of(np.array(z, dtype=float)) == pytest.approx(area)


def test_plane_of_exclusion(solve):
    """With two quantities and the strength limited, the excluded region is drawn."""
    changes = (("rate: {limit: epsilon, range: [1e-6, 0.1], points: 101}", "rate: mu"),
               (", m_hp: 0.6}", "}"),
               ("9]}}", "9]}, m_hp: [0.3, 0.5, 0.6, 0.7]}"))  # fmt: skip
    _, document = solve(IDM, MUMU, *changes)
    assert scans.independent(document) == ["m_chi1", "m_hp"]
    field = scans.field_of(document, "m_chi1", "m_hp")
    assert field.vetoed.sum(axis=0).tolist() == [1] * 4
    for row in document["limits"]:
        i = np.searchsorted(field.x, row["parameters"]["m_chi1"] - 1e-9)
        j = np.searchsorted(field.y, row["parameters"]["m_hp"] - 1e-9)
        if row["observed"] is None and row["expected"][2] is not None:
            assert 10 ** field.log10_mu["expected"][i, j] == pytest.approx(row["expected"][2])
    points = {"m_chi1": np.array([0.8, 0.8]), "m_hp": np.array([0.5, 0.5])}
    with styled():
        figure = plane_figure(field, sheet_of(document, samples=points))
    assert len(figure.axes) == 1
    assert lines(figure, "generated samples")[0].tolist() == [0.8]
    assert labels(figure)[0] == "Excluded at 95% CL"


def test_map(solve):
    """With two quantities and a number limited, colours are the limits; a hole stays empty."""
    changes = (("rate: {limit: epsilon, range: [1e-6, 0.1], points: 101}", "rate: sigma_br"),
               ("9]}}", "9]}, ctau_chi2: {logspace: [1, 1e4, 9]}}"))  # fmt: skip
    _, document = solve(IDM, MUMU, *changes)
    field = scans.field_of(document, "m_chi1", "ctau_chi2")
    with styled():
        figure = plane_figure(field, sheet_of(document))
    axes, scale = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    (mesh,) = [c for c in axes.collections if isinstance(c, QuadMesh)]
    colours = mesh.get_array().filled(np.nan).T
    assert np.isnan(colours[4]).all()
    # nothing seen, no background: -ln(0.05) / (L efficiency)
    wanted = -np.log(0.05) / (365 * window(field.x[:, None], field.y[None, :]))
    assert np.delete(colours, 4, 0) == pytest.approx(np.delete(wanted, 4, 0), rel=1e-6)
    assert "Expected upper limit" in scale.get_ylabel()
    ends = [entry.get_tightbbox() for entry in (axes, scale)]
    assert max(box.x1 for box in ends) <= figure.bbox.width
    assert scale.get_position().x0 > axes.get_position().x1


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1, 2, 3, 4], False),
        (np.linspace(0.1, 10, 50), False),
        ([1, 10, 100], True),
        ([0.1, 0.2, 0.5, 1, 2, 5], True),
        ([-1, 1, 100], False),
        ([1e-5, 2e-5, 3e-5], True),
        ([1], False),
    ],
)
def test_scale(values, wanted):
    """Even steps are linear; even ratios, and uneven steps over a wide range, are logarithmic."""
    assert is_log(np.array(values, dtype=float)) is wanted


@pytest.mark.thorough
def test_files(solve, tmp_path):
    """Files name the result in plain bytes, and are the same whenever they are written."""
    result, document = solve(ZPRIME, RECOIL)
    before = dict(mpl.rcParams)
    first = draw(document, tmp_path / "a" / "b", result=result)
    with mpl.rc_context({"font.size": 30, "axes.grid": True}):
        second = draw(document, tmp_path / "c")
    assert dict(mpl.rcParams) == before
    names = ["limits.png", "limits.pdf", "limits_sigma_br.png", "limits_sigma_br.pdf"]
    assert [path.name for path in first] == names
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == sorted(names)
    for one, other in zip(first, second, strict=True):
        data = one.read_bytes()
        assert data == other.read_bytes()
        assert re.search(rb"(?<![A-Za-z0-9_-])r-0123456789ab(?![0-9a-f])", data)
        assert b"CreationDate" not in data
    chunks = png_chunks(first[0].read_bytes())
    assert RESULT in dict(text.split("\0") for text in chunks)["Description"]


def png_chunks(data):
    """Yield the texts of the tEXt chunks of a PNG, checked against their sums."""
    place = 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        assert zlib.crc32(kind + body) == int.from_bytes(data[place + 8 + size :][:4])
        if kind == b"tEXt":
            yield body.decode("latin-1")
        place += size + 12


@pytest.mark.thorough
def test_folder_that_cannot_be_written(solve, tmp_path):
    """A folder that is a file is an error, and leaves nothing behind."""
    _, document = solve(ZPRIME, RECOIL)
    (tmp_path / "out").write_text("")
    with pytest.raises(WorkError, match="out cannot be written"):
        draw(document, tmp_path / "out")


def test_no_limits_document(tmp_path):
    """Something else is refused."""
    with pytest.raises(InputError, match="no limits document: it has no cl and no limits"):
        draw({"schema": 1}, tmp_path)


@pytest.mark.thorough
def test_labels_that_are_no_latex(solve, tmp_path):
    """Labels of the user cannot break a figure."""
    _, document = solve(ZPRIME, RECOIL)
    draw(document, tmp_path, label=r"$\foo{$ 5%_^")
    draw_comparison(document, document, tmp_path, labels=(r"$\foo$", "$"))


def test_no_figure(solve, tmp_path):
    """Where nothing moves, or nothing has a limit, there is no figure, and a note says why."""
    one = ("m_zp: [0.1, 1, 2, 3, 4, 5, 6, 7, 8]", "m_zp: [1]")
    notes = []
    assert draw(solve(ZPRIME, RECOIL, one)[1], tmp_path / "out", notes=notes) == []
    assert "moves nothing" in notes[0]
    refused = {"recoil": Toy(lambda m_zp: 0 * m_zp, refuse=lambda m_zp: m_zp > 0)}
    notes.clear()
    assert draw(solve(ZPRIME, refused)[1], tmp_path / "out", notes=notes) == []
    assert notes == ["no figure: there is no limit against m_zp"]
    assert not (tmp_path / "out").exists()


COUNTS = "hypothesis,m_zp,life,observed,signal,background\n"


@pytest.mark.thorough
@pytest.mark.parametrize("method", ["exact", "bayesian"])
def test_counts(tmp_path, method):
    """A table of counts gives a band of the strength; parameters that follow do not count."""
    rows = [f"h{m},{m},{2 * m},{m},3,{m}\n" for m in (1, 2, 3, 4)]
    (tmp_path / "c.csv").write_text(COUNTS + "".join(rows))
    set_limits(tmp_path / "c.csv", cl=0.9, method=method, output=tmp_path / "out")
    document = json.loads((tmp_path / "out" / "limits.json").read_text())
    assert [path.name for path in draw(document, tmp_path / "f")] == ["limits.png", "limits.pdf"]
    with styled():
        figure = band_figure(scans.scan_of(document, "m_zp", "mu"), sheet_of(document))
    np.testing.assert_array_equal(lines(figure, "observed")[1], column(document, "observed"))
    level = "90% credibility level" if method == "bayesian" else "90% CL"
    assert labels(figure)[0] == f"Upper limits at {level}"
    assert "predicted signal" in labels(figure)


@pytest.mark.thorough
def test_counts_in_a_plane(tmp_path):
    """Two parameters give a map; a point of the grid without a hypothesis is hatched."""
    rows = [f"h{m}{t},{m},{t},,{m * t},1\n" for m in (1, 2, 3) for t in (1, 10, 100) if m + t != 13]
    (tmp_path / "c.csv").write_text(COUNTS + "".join(rows))
    set_limits(tmp_path / "c.csv", cl=0.9, output=tmp_path / "out")
    document = json.loads((tmp_path / "out" / "limits.json").read_text())
    assert [path.name for path in draw(document, tmp_path / "f")] == ["plane.png", "plane.pdf"]
    field = scans.field_of(document, "m_zp", "life")
    assert np.argwhere(field.refused).tolist() == [[2, 1]]


def test_scattered_points(tmp_path):
    """Points that are no grid are no map."""
    row = {"observed": None, "expected": [1, 2, 3, 4, 5], "status": "ok"}
    rows = [row | {"parameters": {"a": i, "b": (7 * i) % 11}} for i in range(11)]
    document = {"cl": 0.9, "limits": rows}
    assert scans.independent(document) == ["a"]
    document["scanned"] = ["a", "b"]
    assert scans.independent(document) == ["a", "b"]
    notes = []
    assert draw(document, tmp_path, notes=notes) == []
    assert notes == ["no figure: the points are no grid of a and b, or none has a limit"]
    for i, entry in enumerate(rows):
        entry["parameters"]["b"] = 11 - i
    assert scans.independent(document) == ["a"]


@pytest.mark.thorough
def test_comparison(solve, tmp_path):
    """Two scans share axes; observed is solid and expected dashed."""
    _, first = solve(ZPRIME, RECOIL, unblinded=True)
    _, second = solve(ZPRIME, RECOIL, ("79.7", "362"))
    files = draw_comparison(first, second, tmp_path / "f", labels=("now", "then"))
    assert [path.name for path in files] == ["comparison.png", "comparison.pdf"]
    from mcbook.report.figures.comparison import comparison_figure

    with styled():
        figure = comparison_figure([sheet_of(first), sheet_of(second)], "m_zp", ("now", "then"))
    assert labels(figure)[1:] == [
        "now (90% CL), observed", "now (90% CL), expected", "then (90% CL), expected",
    ]  # fmt: skip
    _, now = lines(figure, "now (90% CL), observed")
    np.testing.assert_array_equal(now, column(first, "rate", "observed"))
    ratio = lines(figure, "then (90% CL), expected")[1] / lines(figure, "now (90% CL), expected")[1]
    # the same counts at a larger luminosity: couplings go with its square root
    assert ratio[1] == pytest.approx(np.sqrt(79.7 / 362), rel=1e-6)
    assert "fb" not in " ".join(text.get_text() for text in figure.axes[0].texts)


@pytest.mark.thorough
def test_comparison_of_islands(solve, tmp_path):
    """Where limits are ranges, their edges are compared."""
    _, first = solve(IDM, MUMU)
    assert len(draw_comparison(first, first, tmp_path / "f", labels=("a", "b"))) == 2


@pytest.mark.thorough
def test_what_cannot_be_compared(solve, tmp_path):
    """Limits on different things, or along different quantities, are no comparison."""
    _, first = solve(ZPRIME, RECOIL)
    _, other = solve(ZPRIME, RECOIL, ("rate: g_prime", "rate: sigma"))
    _, islands = solve(IDM, MUMU)
    with pytest.raises(InputError, match="g_prime and sigma"):
        draw_comparison(first, other, tmp_path / "f", labels=("a", "b"))
    with pytest.raises(InputError, match="these scan m_zp and m_chi1"):
        draw_comparison(first, islands, tmp_path / "f", labels=("a", "b"))


OVERLAY = """\
schema: 1
overlays:
  - name: Other
    citation: J. Doe (2020)
    cl: 0.95
    x: m_zp
    y: g_prime
    points:
      - [1, 0.01]
      - [3, 0.05]
"""


@pytest.fixture
def published(tmp_path):
    """Return a function that reads overlays from text, with replacements."""

    def read_text(*changes):
        text = OVERLAY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "o.yaml").write_text(text, encoding="utf-8")
        return read_overlays(tmp_path / "o.yaml")

    return read_text


@pytest.mark.thorough
def test_overlays(published, solve, tmp_path):
    """A published curve is drawn with its level; what fits no figure is told."""
    (curve,) = published()
    (elsewhere,) = published(("x: m_zp", "x: m_ap"))
    (process,) = published(("y: g_prime", "y: sigma_br\n    process: mumu_tautau"))
    _, document = solve(ZPRIME, RECOIL)
    sheet = sheet_of(document, overlays=(curve, elsewhere, process))
    with styled():
        figure = band_figure(scans.scan_of(document, "m_zp", "g_prime"), sheet)
    x, y = lines(figure, "Other (95% CL)")
    assert (x.tolist(), y.tolist()) == ([1, 3], [0.01, 0.05])
    assert "J. Doe (2020)" in " ".join(text.get_text() for text in figure.texts)
    assert sheet.drawn == [curve]
    notes = []
    draw(document, tmp_path / "f", overlays=[curve, elsewhere, process], notes=notes)
    assert notes == [
        "Other: not drawn, no figure shows g_prime against m_ap there",
        "Other: not drawn, no figure shows sigma_br against m_zp of mumu_tautau there",
    ]
    own = replace(process, process="mumu_inv")
    notes.clear()
    draw(document, tmp_path / "f", overlays=[own], notes=notes)
    assert not notes


def test_kinds_of_overlays(published):
    """Regions and ranges, credibility levels, and expressions however they are spelt."""
    (found,) = published(
        ("y: g_prime", "y: epsilon ** 2*alpha_D\n    kind: range\n    credibility: true"),
        ("0.95", "0.9"),
    )
    assert found.y == "epsilon**2 * alpha_D"
    assert found.legend == "Other (90% credibility level): range of limits"
    assert found.points.tolist() == [[1, 0.01], [3, 0.05]]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "citation: J. Doe (2020)",
            "note: x",
            r"line 3 \(overlays.0\): the key 'citation' is",
            None,
        ),
        ("    cl: 0.95\n", "", "the key 'cl' is missing", None),
        ("cl: 0.95", "cl: 95", r"line 5 \(overlays.0.cl\): a level lies", "write 0.95"),
        ("cl: 0.95", "cl: high", "line 5", None),
        ("x: m_zp", "xx: m_zp", r"line 6 .*unknown key 'xx'", None),
        ("y: g_prime", "y: g_prime +", r"line 7 \(overlays.0.y\)", None),
        ("y: g_prime", "y: sigma", r"line 3 .*sigma belongs to a process", "process: mumu_inv"),
        ("y: g_prime", "y: g_prime\n    kind: line", r"line 8 .*'line' is not one of", None),
        ("y: g_prime", "y: g_prime\n    kind: region", "a region needs 3 points", None),
        ("[3, 0.05]", "[1, 0.05]", r"line 10 \(overlays.0.points.1\): x does not rise", "region"),
        ("[3, 0.05]", "[3]", r"line 10 .*a point is \[x, y\]", None),
        ("[3, 0.05]", "[3, high]", "line 10", None),
        ("schema: 1", "schema: 2", "schema 2", "update"),
        ("overlays:", "overlay:", "line 2 .*unknown key 'overlay'", "overlays"),
    ],
)
def test_wrong_overlays(published, old, new, message, hint):
    """A file that is not right is refused with its line."""
    with pytest.raises(InputError, match=message) as caught:
        published((old, new))
    assert hint is None or hint in caught.value.hint


def test_shipped_overlays():
    """What is shipped are ranges from abstracts, on axes that the models have."""
    files = sorted((resources.shipped("catalog") / "published").glob("*.yaml"))
    assert files
    for file in files:
        model = load_model(file.stem)
        for entry in read_overlays(file):
            assert isinstance(entry, Overlay)
            assert entry.kind == "range"
            assert entry.x in model.parameters
            find_process(model, entry.process)
            assert re.search(r"Phys\. Rev\. Lett\. \d+, \d+ \(\d{4}\)", entry.citation)


def test_the_page_shows_a_file_that_is_read(root, tmp_path):
    """The example in the how-to is one."""
    page = (root / "docs" / "how-to" / "overlay-published-limits.md").read_text(encoding="utf-8")
    (tmp_path / "o.yaml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    assert [entry.kind for entry in read_overlays(tmp_path / "o.yaml")] == ["curve", "region"]


def test_drawing_library_is_loaded_late():
    """The functions can be imported without the drawing library."""
    code = "import sys, mcbook.report.figures; print('matplotlib' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
