"""Figures and the page of fits show the numbers that they are given, and need nothing else."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from scipy.stats import chi2, norm

from mcbook.errors import WorkError
from mcbook.report import fits
from mcbook.report.figures import excesses, nuisances, toys
from mcbook.report.figures.fits import draw_fit
from mcbook.report.figures.frame import Frame, draw_events, poisson_errors
from mcbook.report.figures.sheet import new_figure, styled
from mcbook.report.fitviews import (
    FitReport,
    FitView,
    InjectionView,
    NuisanceView,
    ScanView,
    SecondAxis,
    Table,
    ToyView,
    projection,
)
from mcbook.report.pages import words

FRAME = Frame(
    "own work",
    conditions=r"$\int\!L\,dt = 362$ fb$^{-1}$, $\sqrt{s} = 10.58$ GeV",
    footer="signal shapes with a test",
    result="r-0123456789ab",
)
MASS = r"$m_{Z'}$ [GeV/c$^2$]"
#: Elements of HTML that are never closed.
VOID = {"meta", "img"}


def bump(n_bins=60, edges=None):
    """Return a fit of a bump on a falling background."""
    rng = np.random.default_rng(7)
    edges = np.linspace(0.5, 3.5, n_bins + 1) if edges is None else edges
    middle, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    backgrounds = {
        r"$e^+e^- \to \mu^+\mu^-(\gamma)$": 4000 * widths * np.exp(-1.1 * middle),
        r"$e^+e^- \to \tau^+\tau^-$": 1500 * widths * np.exp(-0.6 * middle),
        "two photons_4l": 400 * widths * np.exp(-1.5 * middle),
    }
    signal = 55 * np.diff(norm.cdf(edges, 2.1, 0.06))
    total = sum(backgrounds.values())
    return FitView(
        title=r"$m_{Z'} = 2.1$ GeV/c$^2$, $g' = 10^{-3}$",
        words=r"$M_{\mathrm{recoil}}$ [GeV/c$^2$]",
        edges=edges,
        observed=rng.poisson(total + signal).astype(float),
        backgrounds=backgrounds,
        signal=signal,
        error=0.05 * total,
        window=(1.9, 2.3),
    )


def plane():
    """Return a fit in 20 x 6 bins."""
    rng = np.random.default_rng(3)
    x, y = np.linspace(1, 3, 21), np.linspace(0, 1.2, 7)
    falling = np.exp(-(x[1:] + x[:-1]) / 2)[:, None] * np.exp(-2 * (y[1:] + y[:-1]) / 2)
    peak = np.diff(norm.cdf(x, 2.1, 0.1))[:, None] * np.diff(norm.cdf(y, 0.4, 0.15))
    backgrounds = {"muons": 260 * falling.ravel(), "tau pairs": 90 * falling.ravel() ** 0.5}
    total = sum(backgrounds.values())
    return FitView(
        title="$m_{h'} = 2.1$ GeV, $m_{A'} = 0.4$ GeV",
        words=r"$m_{\mu\mu}$ [GeV]",
        edges=x,
        observed=rng.poisson(total + 60 * peak.ravel()).astype(float),
        backgrounds=backgrounds,
        signal=60 * peak.ravel(),
        error=0.06 * total,
        log=True,
        second=SecondAxis(r"$m_{\mathrm{miss}}$ [GeV]", y, window=(0.2, 0.6)),
    )


def parameters(n=8):
    """Return nuisance parameters with impacts and correlations."""
    rng = np.random.default_rng(5)
    names = ["luminosity", "trigger efficiency", "norm_muons", "norm_tau_pairs", "tracking",
             "muon identification of both tracks", "signal width", "$p$ scale"]  # fmt: skip
    names = (names * (n // len(names) + 1))[:n]
    size = 0.2 * rng.exponential(size=n)
    impacts = np.stack([size, -size * rng.uniform(0.7, 1.2, n)], axis=1)
    factors = rng.normal(size=(n + 1, 4 * n))
    return NuisanceView(
        names, rng.normal(0, 0.7, n), rng.uniform(0.6, 1.0, n), impacts, np.corrcoef(factors)
    )


def scan(n=300):
    """Return a scan of fits with one excess and a range in which fits failed."""
    rng = np.random.default_rng(11)
    x = np.linspace(0.2, 9.2, n)
    smooth = np.convolve(rng.normal(size=n + 8), np.ones(9) / 3, mode="valid")
    z = smooth + 4.1 * np.exp(-0.5 * ((x - 4.3) / 0.08) ** 2)
    error = 0.2 + 0.05 * x
    p = norm.sf(np.maximum(z, 0))
    p[(x > 8.0) & (x < 8.25)] = np.nan
    mu = np.where(np.isnan(p), np.nan, z * error)
    largest = int(np.nanargmin(p))
    band = np.stack([-error, error], axis=1)
    return ScanView(MASS, x, p, mu, error, r"$\mu$", largest, (0.0132, 0.0011), band)


def thrown():
    """Return toys of every kind."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=5000)
    maxima = rng.normal(size=(1000, 60)).max(axis=1)
    local = "local significance"
    return (
        ToyView("toys of the background at 4.3 GeV", f"{local} $Z$", z, observed=4.1),
        ToyView("toys at 4.3 GeV", "$q_0$", np.maximum(z, 0) ** 2, "statistic", 6.0),
        ToyView("scans of toys", f"largest {local}", maxima, "maximum", 4.1),
    )


def injected():
    """Return what was fitted for five strengths."""
    x = np.array([0.0, 1.0, 2.0, 3.0, 5.0])
    few = np.full(5, 0.03)
    return InjectionView(
        "200 toys each, $m_{Z'} = 4.3$ GeV", r"$\mu$", x, 1.01 * x + 0.02, few,
        np.array([0.02, -0.03, 0.05, 0.01, 0.08]), few * 2, np.array([0.96, 1.02, 1.0, 0.97, 1.04]),
        few * 1.5,
    )  # fmt: skip


def report():
    """Return a report that has everything."""
    shut = replace(bump(), observed=None, signal_label="signal at the expected limit", log=True)
    return FitReport(
        title="recoil <test>",
        about={"signal model": "zprime", "process": "zp_mumu", "channels": "recoil & dimuon"},
        scan=scan(),
        fits=(bump(), plane(), shut),
        nuisances={"$m_{Z'} = 2.1$ GeV": parameters(), "all": parameters(44)},
        toys=thrown(),
        injections=(injected(),),
        notes=("The window between 8 and 8.25 GeV was not fitted.",),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a folder with a report, and the paths that were told."""
    folder = tmp_path_factory.mktemp("fits")
    return folder, fits.write_report(report(), folder, FRAME)


class Page(HTMLParser):
    """Elements of a page; those that are not closed in their order are an error."""

    def __init__(self, text):
        super().__init__()
        self.opened, self.seen, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag):
        """Close the innermost element."""
        assert self.opened.pop() == tag

    def handle_data(self, data):
        """Note a text."""
        self.texts.append(data)


def test_files(written):
    """Every figure is there as PNG and PDF with the id of the result, and the page comes first."""
    folder, paths = written
    stems = ["scan", "fit", "fit_2", "fit_3", "nuisances", "correlation", "nuisances_2",
             "correlation_2", "toys", "toys_2", "toys_3", "injection"]  # fmt: skip
    wanted = [f"{stem}.{suffix}" for stem in stems for suffix in ("png", "pdf")]
    assert [path.name for path in paths] == ["fits.html", *wanted]
    assert {path.name for path in folder.iterdir()} == {path.name for path in paths}
    for path in paths[1:]:
        start = b"\x89PNG" if path.suffix == ".png" else b"%PDF"
        assert path.read_bytes().startswith(start)
        assert FRAME.result.encode() in path.read_bytes()


def test_page(written):
    """The page is well-formed and holds all figures; it needs nothing from elsewhere."""
    folder, paths = written
    text = (folder / "fits.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.opened
    pictures = [attrs["src"] for tag, attrs in page.seen if tag == "img"]
    assert len(pictures) == (len(paths) - 1) / 2
    assert all(source.startswith("data:image/png;base64,") for source in pictures)
    assert not {tag for tag, _ in page.seen} & {"script", "link", "iframe", "object"}
    assert "://" not in text  # which base64 never has
    assert "url(" not in text
    assert text.startswith(fits.OPENING)
    assert "recoil &lt;test&gt;" in text
    assert "recoil &amp; dimuon" in text
    assert "<i>m<sub>Z'</sub></i>" in text
    assert "$" not in "".join(page.texts)


def test_summary_and_tables(written):
    """The page tells the largest excess, what failed, and that the table is cut."""
    folder, _ = written
    text = (folder / "fits.html").read_text(encoding="utf-8")
    view = scan()
    failed = int(np.isnan(view.p_value).sum())
    assert failed > 5
    assert f"<td>hypotheses whose fit failed</td><td>{failed}</td>" in text
    assert "<td>hypotheses</td><td>300</td>" in text
    local = norm.isf(view.p_value[view.largest])
    assert f"<td>{local:.2f} sigma (p = " in text
    assert "2.22 sigma (p = 0.0132 ± 0.0011)" in text
    assert "100 more are in fits.csv" in text
    folded = text.split("<details>")[1].split("</details>")[0]
    assert folded.count("<tr") == 1 + fits.MOST
    assert "44 parameters: all" in text


def test_failed_rows():
    """Hypotheses without a fit are marked and have no numbers."""
    table = fits.scan_table(scan())
    assert {row[2] for i, row in enumerate(table.rows) if i in table.failed} == {"the fit failed"}
    assert all(row[3] == "" for i, row in enumerate(table.rows) if i in table.failed)
    assert len(table.failed) == scan().failed


def test_short_report():
    """What is empty is left out; a table of one's own takes the place of that of the scan."""
    alone = Table(("mass", "why"), [(1.0, "vetoed"), (None, "<b>")], frozenset({1}))
    text = fits.fits_html(FitReport("nothing", hypotheses=alone), [])
    page = Page(text)
    assert not page.opened
    assert "<tr class=failed><td></td><td>&lt;b&gt;</td></tr>" in text
    assert "<details>" not in text
    assert [tag for tag, _ in page.seen].count("h2") == 1


def stairs(figure, label):
    """Return the heights of the steps with a label."""
    (found,) = [
        patch for axes in figure.axes for patch in axes.patches
        if isinstance(patch, StepPatch) and patch.get_label() == label
    ]  # fmt: skip
    return found.get_data()


def test_events_are_drawn():
    """Backgrounds stand on each other, the signal on top; unequal bins are per unit."""
    edges = np.array([0.5, 0.6, 0.8, 1.2, 2.0, 3.5])
    view = bump(edges=edges)
    with styled():
        figure = new_figure(7, 6)
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        draw_events(axes, view)
    both = stairs(figure, "signal, best fit").values
    np.testing.assert_allclose(both, (view.total + view.signal) / np.diff(edges))
    top = stairs(figure, next(iter(view.backgrounds))).values
    np.testing.assert_allclose(top, view.total / np.diff(edges))
    assert axes.get_ylabel() == r"events / GeV/c$^2$"
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(y, view.observed / np.diff(edges))
    assert len(x) == len(edges) - 1


def test_pulls():
    """A pull is observed less expected over both errors; an empty bin without errors has none."""
    observed, expected, nothing = np.array([13.0, 4, 0]), np.array([9.0, 4, 0]), np.zeros(3)
    view = FitView("", "x", np.arange(4.0), observed, {"b": expected}, nothing, nothing)
    np.testing.assert_allclose(view.pulls, [4 / 3, 0, np.nan])
    wider = replace(view, error=np.array([4.0, 0.0, 0.0]))
    assert wider.pulls[0] == pytest.approx(4 / 5)
    shut = replace(view, observed=None, signal=np.array([6.0, 0.0, 0.0]))
    assert shut.pulls[0] == pytest.approx(2)


def test_poisson_errors():
    """Intervals are Garwood's, by the quantiles of chi2; nothing seen has no lower error."""
    tail = norm.sf(1)
    below, above = poisson_errors(np.array([0.0, 3.0]))
    assert below[0] == 0
    assert above[0] == pytest.approx(chi2.isf(tail, 2) / 2)
    assert below[1] == pytest.approx(3 - chi2.ppf(tail, 6) / 2)
    assert above[1] == pytest.approx(chi2.isf(tail, 8) / 2 - 3)


def test_projections():
    """Projections keep all events; errors are added up unless they are known."""
    view = plane()
    assert view.shape == (20, 6)
    one, two = projection(view, 0), projection(view, 1)
    assert (one.shape, two.shape) == ((20,), (6,))
    np.testing.assert_allclose(one.observed, view.observed.reshape(20, 6).sum(axis=1))
    np.testing.assert_allclose(two.total.sum(), view.total.sum())
    assert two.error.sum() == pytest.approx(view.error.sum())
    assert two.window == (0.2, 0.6)
    known = replace(view.second, errors=(np.full(20, 2.0), np.full(6, 3.0)))
    assert projection(replace(view, second=known), 1).error.tolist() == [3.0] * 6


def test_ranks():
    """The largest impact is first; without impacts, the largest pull."""
    view = NuisanceView("abc", np.array([0.1, -2.0, np.nan]), np.ones(3))
    assert view.order == [1, 0, 2]
    assert replace(view, impacts=np.array([[0.1, 0], [0, 0], [0, -1]])).order == [2, 0, 1]


def test_toy_curves():
    """Curves hold as many toys as were thrown, and half of q0 is zero."""
    normal, statistic, _ = thrown()
    for view in (normal, statistic):
        edges = toys._edges(view)
        expected = toys._expected(view, edges)
        assert expected.sum() == pytest.approx(len(view.values), rel=1e-3)
    first = 0.5 + 0.5 * chi2.cdf(edges[1], 1)
    assert expected[0] == pytest.approx(first * len(statistic.values))


@pytest.mark.parametrize(
    ("draw", "view"),
    [
        (excesses.draw_scan, replace(scan(5), largest=None, global_p=None, expected=None)),
        (excesses.draw_scan, replace(scan(40), p_value=np.full(40, np.nan), mu=np.full(40, np.nan),
                                     error=np.full(40, np.nan), largest=None)),
        (excesses.draw_scan, replace(scan(1), p_value=np.zeros(1), largest=0, global_p=(0.0, 0.1))),
        (nuisances.draw_nuisances, replace(parameters(), impacts=None)),
        (nuisances.draw_nuisances, parameters(1)),
        (toys.draw_toys, ToyView("none", "q", np.zeros(0), "statistic")),
        (toys.draw_toys, ToyView("alike", "z", np.ones(3), "maximum")),
        (draw_fit, replace(plane(), observed=None)),
        (draw_fit, replace(bump(), backgrounds={}, error=np.zeros(60), log=True)),
        (draw_fit, replace(bump(), observed=np.zeros(60), log=True)),
    ],
)  # fmt: skip
def test_odd_views(draw, view, tmp_path):
    """Figures of what is empty, closed or alone are drawn, too."""
    assert [path.suffix for path in draw(view, FRAME, tmp_path)] == [".png", ".pdf"]


def test_no_correlation(tmp_path):
    """Without correlations there is no figure of them."""
    view = replace(parameters(), correlation=None)
    assert nuisances.draw_correlation(view, FRAME, tmp_path) == []


def test_folder_that_cannot_be_written(tmp_path):
    """A file in the place of the folder is told."""
    (tmp_path / "out").write_text("")
    with pytest.raises(WorkError, match="cannot be written"):
        draw_fit(bump(), FRAME, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (r"$m_{\chi_2} - m_{\chi_1}$", "<i>m<sub>&chi;<sub>2</sub></sub>"),
        (r"$c\tau(h')$ [mm]", "<i>c&tau;(h')</i> [mm]"),
        (r"$\mathrm{a\_b}$", "<i>a&#95;b</i>"),
        (r"$\nosuch^2$", "<i>nosuch<sup>2</sup></i>"),
        ("5 $ of <b>", "5 $ of &lt;b&gt;"),
    ],
)
def test_words(text, html):
    """Symbols become letters, and nothing becomes an element that was none."""
    assert words(text).startswith(html)
