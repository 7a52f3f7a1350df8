"""Limits documents side by side: ratios that are known, and what is refused."""

import copy

import numpy as np
import pytest
from analysis_world import IDM, Toy, analysis_in, changed, cls_limit, counting, settle
from analysis_world import ZPRIME as WORLD

from mcbook.errors import InputError
from mcbook.report.compare import compare
from mcbook.report.document import read_document
from mcbook.verbs.limits import set_limits

ZPRIME = changed(WORLD, ("0.1, 1, 3, 5", "1, 3, 5"))
COUNTS = "hypothesis,m_zp,observed,signal,background\na,1,0,2,0\nb,2,2,2,1\nc,3,1,2,1\n"


@pytest.fixture
def make(tmp_path):
    """Return a function that runs an analysis, given as text with replacements."""

    def run_text(text, maps, *changes, **options):
        analysis = analysis_in(tmp_path, text, *changes)
        found = settle(analysis, maps=maps, upper_limits=counting, **options).document()
        return {"schema": 1, "kind": "analysis", "result": None, **found}

    return run_text


@pytest.fixture
def zprime(make):
    """Return a function that gives limits on g' with a flat efficiency."""

    def document(*changes, **options):
        maps = {"recoil": Toy(lambda m_zp: 0.06 + 0 * m_zp, refuse=lambda m_zp: m_zp > 6)}
        return make(ZPRIME, maps, *changes, **options)

    return document


@pytest.fixture
def counts(tmp_path):
    """Return a function that gives limits on counts."""

    def document(text=COUNTS, **options):
        (tmp_path / "counts.csv").write_text(text, encoding="ascii")
        set_limits(tmp_path / "counts.csv", output=tmp_path, **({"cl": 0.9} | options))
        return read_document(tmp_path)

    return document


def ratios(found, quantity, band):
    """Return the ratios of a quantity, hypothesis by hypothesis."""
    return [row[quantity][band]["ratio"] for row in found["rows"]]


def test_more_luminosity(zprime):
    """Without background cross sections improve as 1/L and couplings as its root."""
    more = zprime(("value: 79.7", "value: 797"), unblinded=True)
    found = compare(zprime(unblinded=True), more)
    assert found["quantities"] == ["rate", "sigma_fb", "sigma_br_fb"]
    assert found["matched_by"] == ["m_zp"]
    for band in ("observed", "expected"):
        assert ratios(found, "sigma_fb", band) == pytest.approx([0.1] * 3, rel=1e-9)
        assert ratios(found, "sigma_br_fb", band) == pytest.approx([0.1] * 3, rel=1e-9)
        assert ratios(found, "rate", band) == pytest.approx([0.1**0.5] * 3, rel=1e-6)
    row = found["rows"][0]
    assert row["parameters"] == {"m_zp": 1.0}
    both = row["sigma_br_fb"]["observed"]
    assert both["first"] == pytest.approx(-np.log(0.1) / (79.7 * 0.06), rel=1e-9)
    assert both["second"] == pytest.approx(-np.log(0.1) / (797 * 0.06), rel=1e-9)
    assert (found["only_first"], found["only_second"], found["warnings"]) == (0, 0, [])
    assert found["first"]["luminosity"]["value"] == 79.7


def test_a_closed_box(zprime):
    """Where one box is closed there is no observed ratio, and the expected one stands."""
    found = compare(zprime(), zprime(unblinded=True))
    assert ratios(found, "rate", "observed") == [None] * 3
    assert ratios(found, "rate", "expected") == pytest.approx([1] * 3)


def test_other_hypotheses(zprime):
    """Masses agree to nine digits; those that only one has are counted; refused ones are null."""
    other = zprime(("[1, 3, 5]", "[1.0000000001, 2, 5, 7]"))
    found = compare(zprime(("[1, 3, 5]", "[1, 3, 5, 7]")), other)
    assert [row["parameters"]["m_zp"] for row in found["rows"]] == [1, 5, 7]
    assert (found["only_first"], found["only_second"]) == (1, 1)
    assert ratios(found, "rate", "expected") == [pytest.approx(1), pytest.approx(1), None]


def test_what_is_limited_differs(zprime):
    """A coupling and a cross section have the cross section in common."""
    found = compare(zprime(), zprime(("rate: g_prime", "rate: sigma")))
    assert found["quantities"] == ["sigma_fb", "sigma_br_fb"]
    assert ratios(found, "sigma_fb", "expected") == pytest.approx([1] * 3, rel=1e-9)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cl", 0.95, "level is 0.9 in the first and 0.95 in the second"),
        ("isr", "leading-log", "isr is none in the first and leading-log in the second"),
        ("alpha", 1 / 127.9, "alpha is 0.00729735257 in the first and 0.00781860829 in the second"),
    ],
)
def test_not_alike(zprime, key, value, said):
    """Another level, alpha or ISR is refused; asked for, it is compared with a warning."""
    first, second = zprime(), zprime() | {key: value}
    with pytest.raises(InputError) as caught:
        compare(first, second)
    assert said in caught.value.message
    assert "mixed" in caught.value.hint
    (warning,) = compare(first, second, mixed=True)["warnings"]
    assert said in warning


def test_level_by_hand(zprime):
    """Without events the ratio of 95% to 90% limits is ln 0.05 / ln 0.1."""
    found = compare(zprime(), zprime(("cl: 0.90", "cl: 0.95")), mixed=True)
    wanted = np.log(0.05) / np.log(0.1)
    assert ratios(found, "sigma_br_fb", "expected") == pytest.approx([wanted] * 3, rel=1e-9)


def test_counts(counts):
    """Limits on the strength of counts go as one over the signal, and are the exact ones."""
    double = "hypothesis,m_zp,observed,signal,background\na,1,0,4,0\nb,2,2,4,1\nd,4,1,2,1\n"
    found = compare(counts(method="exact"), counts(double, method="exact"))
    assert found["quantities"] == ["strength"]
    assert ratios(found, "strength", "observed") == pytest.approx([0.5, 0.5], rel=1e-6)
    assert (found["only_first"], found["only_second"]) == (1, 1)
    first = [row["strength"]["observed"]["first"] for row in found["rows"]]
    assert first == pytest.approx([cls_limit(0, 0, 0.9) / 2, cls_limit(2, 1, 0.9) / 2], rel=1e-6)


def test_methods_of_rows(counts):
    """Methods count as the rows have them: what `auto` took is the same as asking for it."""
    hybrid, auto = counts(method="hybrid"), counts()
    assert {row["method"] for row in auto["limits"]} == {"hybrid"}
    assert compare(hybrid, auto)["warnings"] == []
    asymptotic = counts(method="asymptotic")
    with pytest.raises(InputError, match="method is hybrid in the first and asymptotic in the"):
        compare(auto, asymptotic)
    some = copy.deepcopy(auto)
    some["limits"][1]["method"] = "asymptotic"
    with pytest.raises(InputError, match="at 1 of 3 hypotheses"):
        compare(auto, some)
    bayesian = counts(method="bayesian")
    with pytest.raises(InputError, match="bayesian in the first and hybrid"):
        compare(bayesian, auto)
    (warning,) = compare(bayesian, auto, mixed=True)["warnings"]
    assert "bayesian" in warning


def test_bayesian_without_rows(zprime):
    """The level of a Bayesian document is another one, even where its rows name no method."""
    first, second = zprime(), zprime()
    second["method"] = "bayesian"
    for row in second["limits"]:
        row["method"] = None
    with pytest.raises(InputError, match="exact in the first and bayesian in the second"):
        compare(first, second)


def test_names_without_parameters(counts):
    """Hypotheses without parameters are matched by name; single ones belong together."""
    text = "hypothesis,observed,signal,background\na,0,2,0\nb,2,2,1\n"
    found = compare(counts(text), counts(text.replace("b,2", "x,2")))
    assert found["matched_by"] == ["hypothesis"]
    assert [row["hypothesis"] for row in found["rows"]] == ["a"]
    one, other = (f"hypothesis,observed,signal,background\n{name},0,2,0\n" for name in "ax")
    assert ratios(compare(counts(one), counts(other)), "strength", "observed") == [1.0]


def test_islands(make):
    """Of intervals the outer edges are compared; an upper limit is where an exclusion begins."""

    def window(ctau):
        return np.exp(-10 / (1.2 * ctau)) - np.exp(-600 / (1.2 * ctau))

    maps = {"mumu": Toy(lambda m_chi1, ctau_chi2: 0.3 * m_chi1 * window(ctau_chi2))}
    first, second = make(IDM, maps), make(IDM, maps, ("value: 365", "value: 1000"))
    found = compare(first, second)
    assert found["quantities"][:2] == ["rate_lower_edge", "rate_upper_edge"]
    for row, one, other in zip(found["rows"], first["limits"], second["limits"], strict=True):
        for side, edge in enumerate(("rate_lower_edge", "rate_upper_edge")):
            ends = [entry["rate"]["expected"][2] for entry in (one, other)]
            mine, theirs = ([intervals[0][0], intervals[-1][1]][side] for intervals in ends)
            assert row[edge]["expected"]["ratio"] == pytest.approx(theirs / mine, rel=1e-12)
    # more data exclude more: further down, and further up
    assert all(ratio < 1 for ratio in ratios(found, "rate_lower_edge", "expected"))
    assert all(ratio > 1 for ratio in ratios(found, "rate_upper_edge", "expected"))
    upper = copy.deepcopy(second)
    for row in upper["limits"]:
        rate = row["rate"]
        rate |= {"kind": "upper limit", "open": {}, "expected": [5e-4] * 5}
    found = compare(first, upper)
    assert ratios(found, "rate_lower_edge", "expected") == pytest.approx(
        [5e-4 / row["rate"]["expected"][2][0][0] for row in first["limits"]]
    )
    assert ratios(found, "rate_upper_edge", "expected") == [None, None]
    assert "upper limits and the other intervals" in found["warnings"][0]


def test_fixed_parameters_that_differ(make):
    """What stands still in both, at different values, is told."""
    maps = {"mumu": Toy(lambda m_chi1, ctau_chi2: 0.01 + 0 * m_chi1 * ctau_chi2)}
    change = ("fixed: {alpha_D: 0.1", "fixed: {alpha_D: 0.2")
    branching = ("cl: 0.95", "cl: 0.95\nbranching: {br_hp_mumu: 1}")
    found = compare(make(IDM, maps), make(IDM, maps, change, branching))
    assert found["warnings"] == [
        "br_hp_mumu is the model's in the first and 1 in the second",
        "alpha_D is 0.1 in the first and 0.2 in the second",
    ]


def test_ambiguous(counts):
    """A parameter that only one document has must not be needed to tell hypotheses apart."""
    two = (
        "hypothesis,m_zp,width,observed,signal,background\na,1,1,0,2,0\nb,1,2,0,2,0\nc,2,1,0,2,0\n"
    )
    with pytest.raises(InputError, match="cannot tell apart") as caught:
        compare(counts(), counts(two))
    assert "width" in caught.value.hint
    assert "second" in caught.value.message


def test_nothing_in_common(zprime, counts):
    """What each document has is said."""
    with pytest.raises(InputError) as caught:
        compare(zprime(), counts())
    assert "the first has g_prime, sigma_fb, sigma_br_fb at m_zp from 1 to 5" in (
        caught.value.message
    )
    assert "the second has strength at m_zp from 1 to 3 (3 hypotheses)" in caught.value.message
    with pytest.raises(InputError, match="m_zp from 2 to 4"):
        compare(zprime(), zprime(("[1, 3, 5]", "[2, 4]")))


def test_no_document(zprime):
    """A broken document is refused by its place."""
    with pytest.raises(InputError, match="the second limits document"):
        compare(zprime(), {"schema": 1})
