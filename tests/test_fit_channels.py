"""Channels that are fitted in bins: what is compiled, closed boxes, and limits that are known."""

import json
from pathlib import Path

import numpy as np
import pytest
from fit_world import (
    ANALYSIS,
    EDGES,
    SMOOTH,
    WIDER,
    changed,
    data,
    events,
    expected,
    settle,
    table,
    written,
)
from scipy.optimize import brentq
from scipy.stats import norm

import mcbook as mb
from mcbook.analysis import read_analysis, run
from mcbook.analysis.smooth import basis, chosen_order, fitted
from mcbook.errors import InputError
from mcbook.limits import upper_limits


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Write an analysis with all of its files into the current folder."""
    settle(monkeypatch, tmp_path)
    return tmp_path


def analysis(*changes):
    """Read the analysis with changes."""
    return read_analysis(written(*changes))


def opened(*changes):
    """Return the document of an analysis whose box is opened."""
    return mb.set_limits(written(*changes), output="out", write=["none"], unblind="a test",
                         catalog="books.db")  # fmt: skip


def median(signal, background):
    """Return the expected limit: q of data that are the background is the square of Phi^-1(0.95).

    Source: G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, eq. 89 of the median for CLs.
    """

    def excess(events):
        some = events * signal
        q = 2 * (some - background * np.log1p(some / background)).sum()
        return np.sqrt(q) - norm.ppf(0.95)

    return brentq(excess, 1e-3, 1e5)


def test_expected_limit_of_a_bump_on_a_known_background():
    """Without nuisances it is the one of a closed formula."""
    found = run(analysis())
    for i, mass in enumerate((2.0, 4.0, 6.0)):
        edges = mass + 0.05 * np.linspace(-10, 10, 41)
        s = np.diff(norm.cdf(edges, mass, 0.05))
        limit = found.limits.mu[i, 2] * found.limits.events[i]
        assert limit == pytest.approx(median(s, expected(edges)), rel=1e-3)


@pytest.mark.parametrize("change", [SMOOTH, WIDER], ids=["smooth", "resolution"])
def test_limits_are_those_of_pyhf(change):
    """Batched limits of fits with free polynomials and shifted shapes agree with pyhf."""
    coarse = ("width: 10, bins: 40", "width: 10, bins: 12")
    opened_ = analysis(change, coarse, ("[2, 4, 6]", "[4]"))
    _, batch = run(opened_).likelihoods()
    scaled = run(opened_).limits.mu[0, 2]
    ours, theirs = (upper_limits(batch, cl=0.9, method=name) for name in ("asymptotic", "pyhf"))
    assert ours.expected[0, 2] == pytest.approx(theirs.expected[0, 2], rel=2e-3)
    assert ours.expected[0, 2] == pytest.approx(scaled, rel=1e-6)


def test_more_freedom_is_a_weaker_limit():
    """A free background costs, and so does a width that is not known."""
    fixed, free, both = (
        run(analysis(*changes)).limits.mu[:, 2]
        for changes in ((), (SMOOTH,), ((SMOOTH[0], f"{SMOOTH[1]}\n      resolution_error: 0.1"),))
    )
    assert (free > 1.05 * fixed).all()
    assert (both > free).all()


def test_an_injected_bump_is_seen():
    """The observed limit moves up by the events that were put in, and only there."""
    events(data(2, signal=500))
    found = opened(SMOOTH)
    low, at, high = (row["observed_events"] for row in found["limits"])
    expect = [row["expected_events"][2] for row in found["limits"]]
    assert at == pytest.approx(500 + expect[1], abs=2 * expect[1])
    for limit, median in ((low, expect[0]), (high, expect[2])):
        assert limit < 3 * median
    assert found["fits"] == {"mumu": {"bins": 40, "order": 3}}


def test_a_closed_box_is_closed():
    """Whatever stands in the file with data, nothing that is told before they are opened moves."""
    closed = []
    for text in ("m\n1\n", "rubbish", None):
        Path("data.csv").unlink()
        if text is not None:
            Path("data.csv").write_text(text)
        else:
            Path("data.csv").mkdir()
        Path("a.yaml").write_text(changed(ANALYSIS, SMOOTH))
        found = mb.set_limits("a.yaml", output=f"out{len(closed)}")
        told = {k: v for k, v in found.items() if k != "files"}
        closed.append(json.dumps(told).replace(f"out{len(closed)}", "out"))
    assert closed[0] == closed[1] == closed[2]
    assert 'observed_events": null' in closed[0]


def test_binned_data_are_as_events():
    """Data in the bins of the background give what events do, if its edges are those of the fit."""
    values = data(3)
    events(values)
    first = opened(SMOOTH, ("[2, 4, 6]", "[3, 5]"))
    counts, _ = np.histogram(values, EDGES)
    table("counts.csv", EDGES, observed=counts)
    second = opened(SMOOTH, ("{events: data.csv, column: m}", "{histogram: counts.csv}"),
                    ("[2, 4, 6]", "[3, 5]"))  # fmt: skip
    for one, two in zip(first["limits"], second["limits"], strict=True):
        assert one["observed"] == pytest.approx(two["observed"], rel=1e-3)
    table("counts.csv", EDGES[::2], observed=counts[::2] + counts[1::2])
    with pytest.raises(InputError, match="binned data need the bins of the background"):
        opened(SMOOTH, ("{events: data.csv, column: m}", "{histogram: counts.csv}"))


def test_shapes_between_samples(tmp_path):
    """Templates of Gaussians of rising width are Gaussians between the samples, too."""
    u = np.linspace(-12, 12, 241)
    rows = ["m_zp,low,high,part"]
    for mass in (1.0, 3.0, 5.0, 7.0, 9.0):
        parts = np.diff(norm.cdf(u / (1 + 0.1 * mass)))
        rows += [
            f"{mass},{a:.9g},{b:.9g},{p:.9g}" for a, b, p in zip(u, u[1:], parts, strict=False)
        ]
    (tmp_path / "templates.csv").write_text("\n".join(rows) + "\n")
    told = run(analysis(("signal: gaussian", "signal: {templates: templates.csv, axis: m_zp}"),
                        ("width: 10, bins: 40", "width: 10, bins: 20")))  # fmt: skip
    cells = told.ingredients.cells["mumu"]
    edges = np.linspace(-10, 10, 21)
    for i, mass in enumerate((2.0, 4.0, 6.0)):
        wanted = np.diff(norm.cdf(edges / (1 + 0.1 * mass)))
        assert cells.signal[i] == pytest.approx(wanted, abs=0.004)
        up, down = cells.signal_shifts["template_interpolation"]
        assert np.abs(up[i] - cells.signal[i]).max() < 0.01
        assert (up[i] + down[i]) / 2 == pytest.approx(cells.signal[i], abs=1e-9)


def test_two_observables():
    """A second observable adds what it tells: a signal in one half has half of the background."""
    edges = np.linspace(0, 10, 501)
    rows = ["low,high,low_2,high_2,background"]
    for low, high, b in zip(edges, edges[1:], expected(edges), strict=False):
        rows += [f"{low:.9g},{high:.9g},{j},{j + 1},{b / 2:.9g}" for j in (0, 1)]
    Path("mc.csv").write_text("\n".join(rows) + "\n")
    u = np.linspace(-10, 10, 41)
    made = ["m_zp,low,high,low_2,high_2,part"]
    for mass in (1, 9):
        for a, b, p in zip(u, u[1:], np.diff(norm.cdf(u)), strict=False):
            made += [f"{mass},{a},{b},{j},{j + 1},{p * (j == 0):.9g}" for j in (0, 1)]
    Path("t.csv").write_text("\n".join(made) + "\n")
    shape = ("signal: gaussian", "signal: {templates: t.csv, axis: m_zp}")
    found = run(analysis(shape))
    for i, mass in enumerate((2.0, 4.0, 6.0)):
        bins = mass + 0.05 * u
        s = np.diff(norm.cdf(bins, mass, 0.05))
        limit = found.limits.mu[i, 2] * found.limits.events[i]
        assert limit == pytest.approx(median(s, expected(bins) / 2), rel=5e-3)
    with pytest.raises(InputError, match="smooth goes with one observable"):
        run(analysis((shape[0], f"{shape[1]}\n      smooth: 2")))
    good = Path("t.csv").read_text()
    Path("t.csv").write_text(good.replace(",1,2,", ",1,3,"))
    with pytest.raises(InputError, match="second observable of the signal has bins from 0 to 3"):
        run(analysis(shape))
    Path("t.csv").write_text(good.replace("9,-10.0,-9.5,1,2", "9,-10.0,-9.5,0,1"))
    with pytest.raises(InputError, match="has not each bin once"):
        run(analysis(shape))


def test_backgrounds_with_errors_and_shapes():
    """Samples by column; an error of each bin and a shift of a shape are nuisances."""
    b = expected(EDGES)
    tilt = 1 + 0.1 * (EDGES[:-1] - 5) / 5
    table("mc.csv", EDGES, one=0.7 * b, two=0.3 * b, one_stat=0.05 * b, two_tilt_hi=0.3 * b * tilt,
          two_tilt_lo=0.3 * b / tilt)  # fmt: skip
    told = run(analysis(("{histogram: mc.csv}", "{histogram: mc.csv, samples: [one, two]}")))
    _, batch = told.likelihoods()
    kinds = {(m.kind, m.name) for m in batch.modifiers}
    assert kinds - {("normsys", "efficiency_statistics_mumu")} == {
        ("histosys", "tilt"),
        ("staterror", "background_statistics_mumu"),
    }
    assert batch.yields.shape[1] == 3
    b_in = expected(4 + 0.05 * np.linspace(-10, 10, 41))
    assert batch.yields[1, 1:].sum(axis=0) == pytest.approx(b_in, rel=1e-3)


@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_polynomials(order):
    """Bernstein's polynomials are a basis: any polynomial of the order that is above 0 is met."""
    rng = np.random.default_rng(order)
    edges = np.sort(rng.uniform(1, 5, (3, 25)), axis=1)
    parts = basis(edges, order)
    assert parts.sum(axis=2) == pytest.approx(np.ones((3, order + 1)))
    t = (edges - edges[:, :1]) / np.ptp(edges, axis=1)[:, None]
    integral = np.sum([t ** (k + 1) / (k + 1) for k in range(order + 1)], axis=0)  # of 1 + t + ...
    counts = 5000 * np.diff(integral, axis=1)
    events, value, good = fitted(parts, counts)
    assert good.all()
    assert value == pytest.approx(np.zeros(3), abs=1e-7)
    assert np.einsum("nk,nkb->nb", events, parts) == pytest.approx(counts, rel=1e-4)


def test_the_order_is_the_one_that_is_needed():
    """A cubic needs order 3, also where more is allowed."""
    edges = np.linspace(0, 1, 31)[None]
    counts = 1e5 * np.diff(edges + 2 * edges**4, axis=1)
    order, criteria = chosen_order(edges, counts, 6)
    assert order == 3
    assert len(criteria) == 7
    assert criteria[2] > criteria[3] < criteria[4]


BAD = [
    ((("bins: 40", "bins: 3"),), "line 13 .*bins"),
    ((("bins: 40", "bins: 8.5"),), "no whole number"),
    ((("signal: gaussian", "signal: gausian"),), "'gausian' is no shape"),
    ((("signal: gaussian", "signal: {shapes: none.csv}"),), "axis"),
    ((("signal: gaussian", "signal: {shapes: none.csv, axis: m_zp}"),), "none.csv"),
    ((("signal: gaussian", "signal: gaussian\n      smooth: 9"),), "smooth"),
    ((("signal: gaussian", "signal: gaussian\n      smoth: 2"),), "did you mean 'smooth'|smoth"),
    ((("{histogram: mc.csv}", "5"),), "histogram is wanted here"),
    ((("{histogram: mc.csv}", "{histogram: mc.csv, samples: [backgroun]}"),), "backgroun is miss"),
    ((("{histogram: mc.csv}", "{histogram: no.csv}"),), "no.csv"),
    ((("resolution: 0.05", "resolution: sigm"),), "no quantity 'sigm'"),
]


def test_windows_beyond_the_histogram():
    """A hypothesis whose window leaves the histogram has no limit, and a reason."""
    found = run(analysis(("m_zp: [2, 4, 6]", "m_zp: [0.3, 4, 8.9]"), ("width: 10", "width: 25")))
    assert found.good.tolist() == [1]
    assert "the window -0.95 to 1.55 is not within the histogram, 0 to 10" in found.reasons[0]


@pytest.mark.parametrize(("changes", "said"), BAD, ids=map(str, range(len(BAD))))
def test_bad_input(changes, said):
    """What cannot be meant is told in one line, and nothing is written."""
    Path("a.yaml").write_text(changed(ANALYSIS, *changes))
    with pytest.raises(InputError, match=said) as caught:
        mb.set_limits("a.yaml", output="none")
    assert "\n" not in caught.value.message
    assert not Path("none").exists()


def test_bins_that_no_simulated_event_is_in():
    """Where the signal is and no background was simulated there is no limit, and a reason."""
    b = expected(EDGES)
    b[np.searchsorted(EDGES, 4.02)] = 0
    table("mc.csv", EDGES, background=b)
    assert run(analysis()).good.tolist() == [0, 1, 2]
    b[(EDGES[:-1] > 3.99) & (EDGES[:-1] < 4.05)] = 0
    table("mc.csv", EDGES, background=b)
    found = run(analysis())
    assert found.good.tolist() == [0, 2]
    assert "bins with signal no background is expected" in found.reasons[1]
    assert run(analysis(SMOOTH)).good.tolist() == [0, 1, 2]
