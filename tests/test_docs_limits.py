"""The page on limit methods: its tables are current, and hold against sums that are made here."""

import importlib
import re

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from mcbook.limits import Likelihoods, one_bin, upper_limits

WITH_TOYS = "few_with_toys"


@pytest.fixture(scope="module")
def tables(root):
    """Return the module that makes the tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root / "docs")
        return importlib.import_module("limit_tables")


@pytest.fixture(scope="module")
def page(tables):
    """Return the cells of each table of the page, the header left out."""
    text = tables.PAGE.read_text(encoding="utf-8")
    found = {
        name: [
            [cell.strip() for cell in line.strip("| \n").split("|")]
            for line in body.splitlines()[2:]
        ]
        for name, body in re.findall(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", text, re.DOTALL)
    }
    assert set(found) == set(tables.TABLES)
    return found


def test_tables_are_current(tables, page):
    """The page has what the program gives now; figures are there and small."""
    for name in set(tables.TABLES) - {WITH_TOYS}:
        now = [line.strip("| \n").split(" | ") for line in tables.table(name).splitlines()[2:]]
        assert [[cell.strip() for cell in row] for row in now] == page[name], name
    for figure in re.findall(r"\]\((figures/.*?)\)", tables.PAGE.read_text(encoding="utf-8")):
        assert (tables.PAGE.parent / figure).stat().st_size < 80_000


def exact(n, b, cl=0.9):
    """Exact CLs of a count: both probabilities as sums over counts."""

    def cls(s):
        k = np.arange(int(n) + 1)
        return stats.poisson.pmf(k, s + b).sum() / stats.poisson.pmf(k, b).sum()

    return optimize.brentq(lambda s: cls(s) - (1 - cl), 1e-9, 5000)


def factor(r, z):
    """Interpolation code 4 of HistFactory: powers outside, a polynomial that joins them inside."""
    high, low = np.log1p(r), np.log1p(-r)
    k = np.arange(1, 7)
    up, down = np.ones(6), (-1.0) ** k
    rows = np.array([up, down, k * up, -k * down, k * (k - 1) * up, k * (k - 1) * down])
    wanted = [r, -r, high * (1 + r), -low * (1 - r), high**2 * (1 + r), low**2 * (1 - r)]
    inside = 1 + (z[:, None] ** k) @ np.linalg.solve(rows, wanted)
    outside = np.exp(np.where(z > 0, high, -low) * z)
    return np.where(np.abs(z) > 1, outside, inside)


def averaged(n, b, r, *, of="signal", flat=False):
    """Hybrid or Bayesian limit of a count with a systematic, by Simpson's rule."""
    z = np.linspace(-9, 9, 4001)
    weight = stats.norm.pdf(z)
    by = factor(r, z) if r else np.ones_like(z)
    signal, background = (by, b) if of == "signal" else (np.ones_like(z), b * by)
    if flat:
        weight = weight / signal

    def above(mu):
        return integrate.simpson(weight * stats.poisson.cdf(n, mu * signal + background), x=z)

    return optimize.brentq(lambda mu: above(mu) / above(0.0) - 0.1, 1e-9, 5000)


def test_one_bin(page):
    """Exact limits against Poisson sums at both levels, the error is that of the two numbers."""
    for b, n, *numbers in page["asymptotic_error"]:
        for cl, (limit, formula, error) in zip(
            (0.9, 0.95), (numbers[:3], numbers[3:]), strict=True
        ):
            assert float(limit) == pytest.approx(exact(float(n), float(b), cl), abs=6e-4)
            off = 100 * (float(formula) / exact(float(n), float(b), cl) - 1)
            assert float(error.rstrip("%")) == pytest.approx(off, abs=0.1)
    bare = page["asymptotic_error"][0]
    assert float(bare[3]) == pytest.approx(stats.norm.isf(0.05) ** 2 / 2, abs=6e-4)
    assert float(bare[6]) == pytest.approx(stats.norm.isf(0.025) ** 2 / 2, abs=6e-4)


def test_bands(page):
    """Exact bands are limits at the Poisson quantiles."""
    for b, method, *limits in page["bands"]:
        if method == "exact":
            counts = stats.poisson.ppf(stats.norm.cdf([-2, -1, 0, 1, 2]), float(b))
            wanted = [exact(n, float(b)) for n in counts]
            np.testing.assert_allclose([float(x) for x in limits], wanted, atol=6e-3)


@pytest.mark.parametrize(
    ("name", "of"), [("signal_systematic", "signal"), ("background_systematic", "background")]
)
def test_systematics(tables, page, name, of):
    """Averages against Simpson's rule."""
    for b, n, method, *limits in page[name]:
        if method == "asymptotic":
            continue
        for r, limit in zip(tables.WIDTHS, limits, strict=True):
            wanted = averaged(int(n), float(b), r, of=of, flat=method == "bayesian")
            assert float(limit) == pytest.approx(wanted, rel=4e-4, abs=6e-4)


def test_scan(tables, page):
    """No signal systematic lowers a limit, and the ends of the scan are those of Simpson's rule."""
    b, n, r = tables.scanned()
    for cl, method, *ends in page["never_lower"]:
        lowest, highest, none, some = map(float, ends)
        assert lowest > 1
        assert (none == 1) == (method != "asymptotic")
        assert some >= (1 if method == "asymptotic" else 0.9995)
        if method == "asymptotic" or cl != "90%":
            continue
        for of, chosen, pick, end in [
            ("signal", r == 0.1, np.argmax, highest), ("background", n > 0, np.argmin, some),
        ]:  # fmt: skip
            args = method, b[chosen], n[chosen], r[chosen], of
            at = np.flatnonzero(chosen)[pick(ratios(tables, *args))]
            with_it = averaged(int(n[at]), b[at], r[at], of=of, flat=method == "bayesian")
            assert end == pytest.approx(with_it / exact(n[at], b[at]), abs=3e-5)


def ratios(tables, method, b, n, r, of):
    """Limits with a systematic over those without."""
    modifier = tables.relative(int(of == "background"), r)
    one = np.ones(len(b))
    found = upper_limits(one_bin(one, b, n, [modifier]), cl=0.9, method=method).observed
    return found / tables.observed(method, b, n)


def test_asymptotic_is_that_of_pyhf(tables, page):
    """Some numbers of each table with asymptotic limits, by pyhf itself."""
    some = [
        (page["signal_systematic"][11], 0, 0.3), (page["background_systematic"][3], 1, 0.5),
    ]  # fmt: skip
    for (b, n, method, *limits), of, r in some:
        assert method == "asymptotic"
        found = tables.observed("pyhf", [float(b)], [int(n)], width=r, of=of)[0]
        assert float(limits[tables.WIDTHS.index(r)]) == pytest.approx(found, abs=1e-3)
    beside = page["absorbed"][2]
    assert float(beside[-1]) == pytest.approx(tables.beside_limit(130, 0.2, "pyhf"), abs=6e-3)


def test_coverage(page):
    """Exact and asymptotic limits without systematics: sums over counts, with limits found here."""
    for s, b, *cells in page["coverage"]:
        counts = np.arange(int(float(b) + 5 * float(b) ** 0.5) + 30)
        missed = np.array([exact(n, float(b)) < float(s) for n in counts])
        wanted = 1 - stats.poisson.pmf(counts[missed], float(s) + float(b)).sum()
        assert float(cells[0].rstrip("%")) == pytest.approx(100 * wanted, abs=0.06)
    without = page["worst_coverage"][0][2]  # no background, a signal just above z^2/2 events
    lowest = 1 - np.exp(-(stats.norm.isf(0.05) ** 2) / 2)
    assert float(without.split("%")[0]) == pytest.approx(100 * lowest, abs=0.06)
    for row in page["worst_coverage"]:
        assert all(float(row[k].split("%")[0]) >= 90 for k in (1, 3, 4))


def test_sums_in_several_bins(tables):
    """They are the exact limit where bins are alike, and what toys give where they are not."""
    for b in (1.0, 10.0):
        alike = tables.enumerated((0.5, 0.5), (b, b))
        assert alike == pytest.approx(exact(2 * b, 2 * b), rel=1e-4)
    signal, background = (0.25, 0.5, 0.25), (3.0, 3.0, 3.0)
    yields = np.array([[signal, background]])
    batch = Likelihoods(yields, np.array([True, False]), (), yields[:, 1])
    toys = upper_limits(batch, cl=0.9, method="toys")
    wanted = tables.enumerated(*tables.merged(signal, background))
    assert toys.observed[0] == pytest.approx(wanted, abs=4 * toys.observed_error[0])


def test_toys_in_one_bin(page):
    """The table with toys, within its errors; other seeds than those of the page."""
    from likelihood_makers import relative

    for b, n, r, without, hybrid, _, toys in page[WITH_TOYS]:
        width = float(r.rstrip("%")) / 100
        assert float(without) == pytest.approx(exact(int(n), float(b)), abs=6e-4)
        assert float(hybrid) == pytest.approx(averaged(int(n), float(b), width), abs=6e-4)
        value, error = map(float, toys.split(" +- "))
        batch = one_bin([1.0], [float(b)], [int(n)], [relative("s", 0, [width])])
        again = upper_limits(batch, cl=0.9, method="toys", seed=5, n_toys=2000)
        allowed = 4 * np.hypot(error, again.observed_error[0]) + 0.01
        assert again.observed[0] == pytest.approx(value, abs=allowed)


def test_which_bins_decide_depends_on_the_size():
    """What the page admits: a signal 1,000 times larger may go to another method."""
    yields = np.array([[[1.0, 0.1], [100.0, 1.0]]])
    larger = yields * np.array([1000.0, 1.0])[None, :, None]
    methods = [
        upper_limits(Likelihoods(y, np.array([True, False])), cl=0.9, n_toys=1000).method[0]
        for y in (yields, larger)
    ]
    assert methods == ["toys", "asymptotic"]
